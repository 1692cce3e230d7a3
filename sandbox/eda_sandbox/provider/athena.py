"""Workgroups and named queries."""

from typing import Any

from eda_sandbox.foundation.cloud import service_model
from eda_sandbox.provider.convert import Inputs, pairs, properties, to_members
from eda_sandbox.provider.resource import Context, Created, Found, ResourceType, found_by
from eda_sandbox.provider.tags import tagged, tags_of

_WORKGROUP = "aws:athena/workgroup:Workgroup"
_NAMED_QUERY = "aws:athena/namedQuery:NamedQuery"


def _configuration(given: dict[str, Any] | None) -> dict[str, Any]:
    shape: Any = service_model("athena").shape_for("WorkGroupConfiguration")
    # The provider's own defaults.
    defaults = {"enforceWorkgroupConfiguration": True, "publishCloudwatchMetricsEnabled": True}
    return to_members(_WORKGROUP, shape, {**defaults, **(given or {})}, _KEY, "configuration.")


def _create_workgroup(context: Context, inputs: Inputs) -> Created:
    name = context.auto_name(inputs.take("name"))
    configuration, state = _configuration(inputs.take("configuration")), inputs.take("state", "ENABLED")
    description, tags = inputs.take("description"), inputs.tags()
    # Only the deletion looks at it.
    inputs.take("forceDestroy")
    inputs.done()
    athena = context.client("athena")
    athena.create_work_group(
        Name=name,
        Configuration=configuration,
        Tags=pairs(tags),
        **({"Description": description} if description else {}),
    )
    if state != "ENABLED":
        athena.update_work_group(WorkGroup=name, State=state)
    return Created(name, {"name": name, "arn": context.cloud.arn("athena", f"workgroup/{name}")})


def _update_workgroup(context: Context, id: str, state: dict[str, Any], inputs: Inputs) -> dict[str, Any]:
    configuration = _configuration(inputs.take("configuration"))
    results = configuration.pop("ResultConfiguration", {})
    # What is not asked for any more has to be taken away by name.
    updates = {
        **results,
        **{f"Remove{name}": True for name in _REMOVABLE if name not in results},
    }
    if "BytesScannedCutoffPerQuery" not in configuration:
        configuration["RemoveBytesScannedCutoffPerQuery"] = True
    wanted, description = inputs.take("state", "ENABLED"), inputs.take("description", "")
    for untouched in ("name", "tags", "tagsAll", "forceDestroy"):
        inputs.take(untouched)
    inputs.done()
    context.client("athena").update_work_group(
        WorkGroup=id,
        Description=description,
        State=wanted,
        ConfigurationUpdates={**configuration, "ResultConfigurationUpdates": updates},
    )
    return {}


def _read_workgroup(context: Context, id: str, state: dict[str, Any]) -> Found:
    athena, arn = context.client("athena"), context.cloud.arn("athena", f"workgroup/{id}")
    group = athena.get_work_group(WorkGroup=id)["WorkGroup"]
    configuration = properties("athena", "WorkGroupConfiguration", group["Configuration"], _KEY)
    if configuration["engineVersion"]:
        configuration["engineVersion"].pop("effectiveEngineVersion", None)
    found = {
        "name": id,
        "configuration": {name: value for name, value in configuration.items() if value is not None},
        "description": group.get("Description"),
        "state": group["State"],
        "tags": tags_of(athena.list_tags_for_resource(ResourceARN=arn).get("Tags")),
    }
    return Found(found, {"arn": arn})


_KEY = {"kmsKeyArn": "KmsKey", "enforceWorkgroupConfiguration": "EnforceWorkGroupConfiguration"}
_REMOVABLE = ("OutputLocation", "EncryptionConfiguration", "ExpectedBucketOwner", "AclConfiguration")


def _delete_workgroup(context: Context, id: str, state: dict[str, Any]) -> None:
    context.client("athena").delete_work_group(WorkGroup=id, RecursiveDeleteOption=bool(state.get("forceDestroy")))


def _create_named_query(context: Context, inputs: Inputs) -> Created:
    name, workgroup = context.auto_name(inputs.take("name")), inputs.take("workgroup", "primary")
    request = inputs.rest("athena", "CreateNamedQuery", {"query": "QueryString"})
    made = context.client("athena").create_named_query(Name=name, WorkGroup=workgroup, **request)
    return Created(made["NamedQueryId"], {"name": name, "workgroup": workgroup})


def _read_named_query(context: Context, id: str, state: dict[str, Any]) -> Found:
    query = context.client("athena").get_named_query(NamedQueryId=id)["NamedQuery"]
    found = properties("athena", "CreateNamedQuery", query, {"query": "QueryString"})
    return Found({"workgroup": found.pop("workGroup"), **found})


def _delete_named_query(context: Context, id: str, state: dict[str, Any]) -> None:
    context.client("athena").delete_named_query(NamedQueryId=id)


TYPES = {
    _WORKGROUP: ResourceType(
        _create_workgroup,
        _delete_workgroup,
        _update_workgroup,
        frozenset({"name"}),
        found_by("athena", "GetWorkGroup", lambda it: {"WorkGroup": it["id"]}),
        tagged("athena", lambda it: {"ResourceARN": it["arn"]}),
        _read_workgroup,
        defaults={
            "configuration": {
                "enforceWorkgroupConfiguration": True,
                "engineVersion": {"selectedEngineVersion": "AUTO"},
                "publishCloudwatchMetricsEnabled": True,
            },
            "description": "",
            "state": "ENABLED",
        },
    ),
    _NAMED_QUERY: ResourceType(
        _create_named_query,
        _delete_named_query,
        exists=found_by("athena", "GetNamedQuery", lambda it: {"NamedQueryId": it["id"]}),
        read=_read_named_query,
        fixed="the sandbox offers no call that changes one",
        defaults={"workgroup": "primary"},
    ),
}
