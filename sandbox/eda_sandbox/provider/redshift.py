"""Redshift Serverless, and statements that run on deployment."""

from typing import Any

from botocore.exceptions import ClientError

from eda_sandbox.foundation.errors import SandboxError
from eda_sandbox.provider.convert import Inputs, pairs, properties
from eda_sandbox.provider.resource import Context, Created, Found, ResourceType, found_by
from eda_sandbox.provider.tags import tagged, tags_of

STATEMENT_SECONDS = 30
"""The longest that one look at a statement waits."""


def _create_namespace(context: Context, inputs: Inputs) -> Created:
    name, tags = inputs.need("namespaceName"), inputs.tags()
    inputs.take("adminUserPasswordWoVersion")
    password = inputs.take("adminUserPasswordWo")
    request = inputs.rest("redshift-serverless", "CreateNamespace")
    if password is not None:
        request["adminUserPassword"] = password
    made = context.client("redshift-serverless").create_namespace(
        namespaceName=name, tags=pairs(tags, "key", "value"), **request
    )["namespace"]
    return Created(name, _namespace_outputs(made))


def _namespace_outputs(namespace: dict[str, Any]) -> dict[str, Any]:
    outputs = {
        "arn": namespace["namespaceArn"],
        "namespaceId": namespace["namespaceId"],
        "adminUsername": namespace["adminUsername"],
        "dbName": namespace["dbName"],
        "iamRoles": namespace["iamRoles"],
        "kmsKeyId": namespace["kmsKeyId"],
    }
    if "adminPasswordSecretArn" in namespace:
        outputs["adminPasswordSecretArn"] = namespace["adminPasswordSecretArn"]
    return outputs


def _update_namespace(context: Context, id: str, state: dict[str, Any], inputs: Inputs) -> dict[str, Any]:
    for untouched in ("namespaceName", "dbName", "tags", "tagsAll", "adminUserPasswordWoVersion"):
        inputs.take(untouched)
    password = inputs.take("adminUserPasswordWo")
    request = inputs.rest("redshift-serverless", "UpdateNamespace")
    if password is not None:
        request["adminUserPassword"] = password
    made = context.client("redshift-serverless").update_namespace(namespaceName=id, **request)["namespace"]
    return _namespace_outputs(made)


def _read_namespace(context: Context, id: str, state: dict[str, Any]) -> Found:
    client = context.client("redshift-serverless")
    namespace = client.get_namespace(namespaceName=id)["namespace"]
    found = properties("redshift-serverless", "CreateNamespace", namespace)
    # Both are what the namespace was made with, and not told.
    for unseen in ("adminUserPassword", "manageAdminPassword", "adminPasswordSecretKmsKeyId"):
        found.pop(unseen)
    found["iamRoles"] = [_role_arn(role) for role in found["iamRoles"] or ()]
    tags = client.list_tags_for_resource(resourceArn=namespace["namespaceArn"]).get("tags")
    outputs = {name: value for name, value in _namespace_outputs(namespace).items() if name not in found}
    return Found({**found, "tags": tags_of(tags)}, outputs)


def _role_arn(shown: str) -> str:
    """The role in what a namespace shows of it: ``IamRole(applyStatus=…, iamRoleArn=…)``."""
    return shown.partition("iamRoleArn=")[2].rstrip(")") or shown


def _delete_namespace(context: Context, id: str, state: dict[str, Any]) -> None:
    context.client("redshift-serverless").delete_namespace(namespaceName=id)


def _create_workgroup(context: Context, inputs: Inputs) -> Created:
    name, tags = inputs.need("workgroupName"), inputs.tags()
    request = _workgroup_request(inputs, "CreateWorkgroup")
    made = context.client("redshift-serverless").create_workgroup(
        workgroupName=name, tags=pairs(tags, "key", "value"), **request
    )["workgroup"]
    return Created(name, _workgroup_outputs(made))


def _workgroup_request(inputs: Inputs, operation: str) -> dict[str, Any]:
    target = inputs.take("pricePerformanceTarget")
    request = inputs.rest("redshift-serverless", operation)
    if target:
        level = {"level": int(target["level"])} if target.get("level") is not None else {}
        request["pricePerformanceTarget"] = {"status": "ENABLED" if target["enabled"] else "DISABLED", **level}
    return request


def _workgroup_outputs(workgroup: dict[str, Any]) -> dict[str, Any]:
    endpoint = workgroup["endpoint"]
    return {
        "arn": workgroup["workgroupArn"],
        "workgroupId": workgroup["workgroupId"],
        "baseCapacity": workgroup["baseCapacity"],
        "port": workgroup["port"],
        "subnetIds": workgroup["subnetIds"],
        "securityGroupIds": workgroup["securityGroupIds"],
        "endpoints": [{"address": endpoint["address"], "port": endpoint["port"], "vpcEndpoints": []}],
    }


def _update_workgroup(context: Context, id: str, state: dict[str, Any], inputs: Inputs) -> dict[str, Any]:
    for untouched in ("workgroupName", "namespaceName", "tags", "tagsAll"):
        inputs.take(untouched)
    request = _workgroup_request(inputs, "UpdateWorkgroup")
    made = context.client("redshift-serverless").update_workgroup(workgroupName=id, **request)["workgroup"]
    return _workgroup_outputs(made)


def _read_workgroup(context: Context, id: str, state: dict[str, Any]) -> Found:
    client = context.client("redshift-serverless")
    workgroup = client.get_workgroup(workgroupName=id)["workgroup"]
    found = properties("redshift-serverless", "CreateWorkgroup", workgroup)
    target = workgroup.get("pricePerformanceTarget")
    found["pricePerformanceTarget"] = target and {
        "enabled": target["status"] == "ENABLED",
        "level": target.get("level"),
    }
    tags = client.list_tags_for_resource(resourceArn=workgroup["workgroupArn"]).get("tags")
    outputs = {name: value for name, value in _workgroup_outputs(workgroup).items() if name not in found}
    return Found({**found, "tags": tags_of(tags)}, outputs)


def _delete_workgroup(context: Context, id: str, state: dict[str, Any]) -> None:
    context.client("redshift-serverless").delete_workgroup(workgroupName=id)


def _create_limit(context: Context, inputs: Inputs) -> Created:
    request = inputs.rest("redshift-serverless", "CreateUsageLimit")
    made = context.client("redshift-serverless").create_usage_limit(**request)["usageLimit"]
    return Created(made["usageLimitId"], {"arn": made["usageLimitArn"]})


def _update_limit(context: Context, id: str, state: dict[str, Any], inputs: Inputs) -> dict[str, Any]:
    for untouched in ("resourceArn", "usageType", "period"):
        inputs.take(untouched)
    request = inputs.rest("redshift-serverless", "UpdateUsageLimit")
    context.client("redshift-serverless").update_usage_limit(usageLimitId=id, **request)
    return {}


def _read_limit(context: Context, id: str, state: dict[str, Any]) -> Found:
    limit = context.client("redshift-serverless").get_usage_limit(usageLimitId=id)["usageLimit"]
    return Found(properties("redshift-serverless", "CreateUsageLimit", limit), {"arn": limit["usageLimitArn"]})


def _delete_limit(context: Context, id: str, state: dict[str, Any]) -> None:
    context.client("redshift-serverless").delete_usage_limit(usageLimitId=id)


def _create_statement(context: Context, inputs: Inputs) -> Created:
    request = inputs.rest("redshift-data", "ExecuteStatement")
    client = context.client("redshift-data")
    identifier = client.execute_statement(**request)["Id"]
    while True:
        found = client.describe_statement(Id=identifier, WaitTimeSeconds=STATEMENT_SECONDS)
        if found["Status"] == "FINISHED":
            return Created(identifier)
        if found["Status"] in ("FAILED", "ABORTED"):
            raise SandboxError(f"the statement {found['Status'].lower()}: {found.get('Error', '')}")


def _delete_statement(context: Context, id: str, state: dict[str, Any]) -> None:
    """What a statement did stays done, as with the AWS provider."""


def _is_known(context: Context, id: str, state: dict[str, Any]) -> bool:
    try:
        context.client("redshift-data").describe_statement(Id=id)
    except ClientError as error:
        found = error.response["Error"]
        if found["Code"] == "ValidationException" and "expired" in found["Message"]:
            return False
        raise
    return True


_retag = tagged("redshift-serverless", lambda it: {"resourceArn": it["arn"]})

TYPES = {
    "aws:redshiftserverless/namespace:Namespace": ResourceType(
        _create_namespace,
        _delete_namespace,
        _update_namespace,
        frozenset({"namespaceName", "dbName", "adminUsername"}),
        found_by("redshift-serverless", "GetNamespace", lambda it: {"namespaceName": it["id"]}),
        _retag,
        _read_namespace,
        unordered=frozenset({"iamRoles", "logExports"}),
        unread=frozenset(
            {
                "adminPasswordSecretKmsKeyId",
                "adminUserPassword",
                "adminUserPasswordWo",
                "adminUserPasswordWoVersion",
                "manageAdminPassword",
            }
        ),
        assigned=frozenset({"adminUsername", "dbName", "iamRoles", "kmsKeyId"}),
    ),
    "aws:redshiftserverless/workgroup:Workgroup": ResourceType(
        _create_workgroup,
        _delete_workgroup,
        _update_workgroup,
        frozenset({"workgroupName", "namespaceName"}),
        found_by("redshift-serverless", "GetWorkgroup", lambda it: {"workgroupName": it["id"]}),
        _retag,
        _read_workgroup,
        unordered=frozenset({"configParameters", "securityGroupIds", "subnetIds"}),
        defaults={"trackName": "current"},
        # AWS fills in those that are not given.
        shared=frozenset({"configParameters"}),
        assigned=frozenset({"baseCapacity", "port", "securityGroupIds", "subnetIds"}),
    ),
    "aws:redshiftserverless/usageLimit:UsageLimit": ResourceType(
        _create_limit,
        _delete_limit,
        _update_limit,
        frozenset({"resourceArn", "usageType", "period"}),
        found_by("redshift-serverless", "GetUsageLimit", lambda it: {"usageLimitId": it["id"]}),
        read=_read_limit,
        defaults={"breachAction": "log", "period": "monthly"},
    ),
    # A refresh takes it out of the state when the Data API has forgotten it, and the next update runs it again (the
    # provider's statement.go, resourceStatementRead).
    "aws:redshiftdata/statement:Statement": ResourceType(
        _create_statement,
        _delete_statement,
        exists=_is_known,
        fixed="what a statement did is done",
        lasts=True,
    ),
}
