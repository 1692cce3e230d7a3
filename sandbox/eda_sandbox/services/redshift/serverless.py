"""The API of Redshift Serverless, and the endpoints of its workgroups."""

import json
import re
import secrets
import string
import threading
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from eda_sandbox.foundation.caller import Caller
from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.foundation.pages import start
from eda_sandbox.foundation.service import Service
from eda_sandbox.services.redshift.offered import OFFERED_SERVERLESS
from eda_sandbox.services.redshift.sql.errors import SqlError
from eda_sandbox.services.redshift.sql.session import Session
from eda_sandbox.services.redshift.sql.warehouse import Warehouse

PRINCIPAL = "redshift-serverless.amazonaws.com"
PORT = 5439
BASE_CAPACITY, CAPACITY_STEP, CAPACITY_MAX = 128, 8, 1024
"""RPUs; 4 is a capacity too, and the only one that is no multiple of 8."""
CREDENTIALS_SECONDS = (900, 3600)
MINIMUM_SUBNETS = 2
_ADMIN = re.compile(r"[a-zA-Z_][a-zA-Z0-9+.@_]{0,127}")
_CHARACTERS = string.ascii_letters + string.digits


class RedshiftServerless(Service):
    """Namespaces, workgroups and temporary credentials."""

    name = "redshift-serverless"
    principal = PRINCIPAL
    roles = dict.fromkeys(("CreateNamespace", "UpdateNamespace"), ("iamRoles.*",))
    offered = OFFERED_SERVERLESS

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._lock = threading.RLock()
        self._namespaces: dict[str, dict[str, Any]] = {}
        self._limits: dict[str, dict[str, Any]] = {}
        self._workgroups: dict[str, dict[str, Any]] = {}
        self._warehouses: dict[str, Warehouse] = {}
        self._passwords: dict[str, str] = {}
        self._temporary: dict[str, tuple[str, str, datetime]] = {}
        self._tags: dict[str, dict[str, str]] = {}

    def stop(self) -> None:
        """Let go of all databases."""
        for warehouse in self._warehouses.values():
            warehouse.close()

    def resource_arn(self, operation: str, request: dict[str, Any]) -> str:
        """The workgroup, the namespace or the tagged resource; what does not exist yet has no ARN."""
        workgroup = self._workgroups.get(request.get("workgroupName", ""))
        namespace = self._namespaces.get(request.get("namespaceName", ""))
        if workgroup is not None:
            return str(workgroup["workgroupArn"])
        if namespace is not None and operation != "CreateWorkgroup":
            return str(namespace["namespaceArn"])
        return str(request.get("resourceArn", "*"))

    def connect(self, workgroup: str, database: str, user: str, password: str) -> Session:
        """Log in at a workgroup's endpoint: what JDBC does with its host, here without a socket between.

        Args:
            workgroup: its name.
            database: the namespace's.
            user: with the prefix of an IAM identity where it is one (``IAMR:role``).
            password: the user's, or a temporary one from ``GetCredentials``.

        Raises:
            AwsError: there is no such workgroup.
            SqlError: user or password are wrong, or there is no such database.
        """
        namespace = self._namespace(self._workgroup(workgroup)["namespaceName"])
        warehouse = self._warehouses[namespace["namespaceName"]]
        if not self._authentic(namespace, warehouse, user, password):
            raise SqlError(f'password authentication failed for user "{user}"', "FATAL")
        if database != warehouse.name:
            raise SqlError(f'database "{database}" does not exist', "FATAL")
        return warehouse.session(user)

    def _authentic(self, namespace: dict[str, Any], warehouse: Warehouse, user: str, password: str) -> bool:
        temporary = self._temporary.get(password)
        if temporary is not None:
            of_user, of_namespace, expires = temporary
            if (of_user, of_namespace) == (user, namespace["namespaceName"]) and datetime.now(UTC) < expires:
                warehouse.add_user(user, superuser=user == namespace["adminUsername"])
                return True
        if user == namespace["adminUsername"]:
            return password == self._passwords[namespace["namespaceName"]]
        return warehouse.accepts(user, password)

    def create_namespace(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """CreateNamespace."""
        name, identifier = request["namespaceName"], str(uuid.uuid4())
        managed = request.get("manageAdminPassword", False)
        self._check_namespace(request, managed)
        with self._lock:
            if name in self._namespaces:
                raise AwsError("ConflictException", f"There is already a namespace named {name}.")
            arn = self.cloud.arn("redshift-serverless", f"namespace/{identifier}")
            namespace: dict[str, Any] = {
                "namespaceName": name,
                "namespaceId": identifier,
                "namespaceArn": arn,
                "adminUsername": request.get("adminUsername", "admin"),
                "dbName": request.get("dbName", "dev").lower(),
                "kmsKeyId": request.get("kmsKeyId", "AWS_OWNED_KMS_KEY"),
                "iamRoles": list(request.get("iamRoles", [])),
                "logExports": request.get("logExports", []),
                "status": "AVAILABLE",
                "creationDate": datetime.now(UTC),
            }
            if request.get("defaultIamRoleArn"):
                namespace["defaultIamRoleArn"] = request["defaultIamRoleArn"]
            self._passwords[name] = request.get("adminUserPassword") or _password()
            if managed:
                self._manage_password(namespace, request.get("adminPasswordSecretKmsKeyId"))
            self._namespaces[name] = namespace
            self._warehouses[name] = Warehouse(
                self.cloud, namespace["dbName"], namespace["adminUsername"], lambda: self._namespaces[name]
            )
            self._tags[arn] = _tags(request)
        return {"namespace": namespace}

    def get_namespace(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetNamespace."""
        return {"namespace": self._namespace(request["namespaceName"])}

    def list_namespaces(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """ListNamespaces."""
        return _page("namespaces", list(self._namespaces.values()), request)

    def update_namespace(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """UpdateNamespace."""
        name = request["namespaceName"]
        with self._lock:
            namespace = dict(self._namespace(name))
            managed = request.get("manageAdminPassword", "adminPasswordSecretArn" in namespace)
            if request.get("adminUsername", namespace["adminUsername"]) != namespace["adminUsername"]:
                raise AwsError("ValidationException", "the sandbox does not rename the admin user of a namespace.")
            merged = {**namespace, **request}
            if "manageAdminPassword" not in request and "adminUserPassword" not in request:
                merged.pop("adminUserPassword", None)
            self._check_namespace(merged, managed)
            for member in ("defaultIamRoleArn", "iamRoles", "kmsKeyId", "logExports"):
                if member in request:
                    namespace[member] = request[member]
            if namespace.get("defaultIamRoleArn") == "":
                del namespace["defaultIamRoleArn"]
            if "adminUserPassword" in request:
                self._passwords[name] = request["adminUserPassword"]
            if managed and "adminPasswordSecretArn" not in namespace:
                self._passwords[name] = _password()
                self._manage_password(namespace, request.get("adminPasswordSecretKmsKeyId"))
            elif not managed and "adminPasswordSecretArn" in namespace:
                self._drop_secret(namespace)
            self._namespaces[name] = namespace
        return {"namespace": namespace}

    def delete_namespace(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DeleteNamespace."""
        name = request["namespaceName"]
        if request.get("finalSnapshotName"):
            raise AwsError("ValidationException", "the sandbox takes no snapshots (finalSnapshotName).")
        with self._lock:
            namespace = self._namespace(name)
            if any(workgroup["namespaceName"] == name for workgroup in self._workgroups.values()):
                raise AwsError(
                    "ConflictException", f"Namespace {name} is associated with a workgroup; delete it first."
                )
            self._drop_secret(dict(namespace))
            self._warehouses.pop(name).close()
            self._tags.pop(namespace["namespaceArn"], None)
            del self._namespaces[name], self._passwords[name]
        return {"namespace": {**namespace, "status": "DELETING"}}

    def create_workgroup(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """CreateWorkgroup."""
        name, identifier = request["workgroupName"], str(uuid.uuid4())
        with self._lock:
            namespace = self._namespace(request["namespaceName"])
            if name in self._workgroups:
                raise AwsError("ConflictException", f"There is already a workgroup named {name}.")
            if any(found["namespaceName"] == namespace["namespaceName"] for found in self._workgroups.values()):
                raise AwsError("ConflictException", "The namespace is already associated with another workgroup.")
            kept = {key: value for key, value in request.items() if key != "tags"}
            arn = self.cloud.arn("redshift-serverless", f"workgroup/{identifier}")
            workgroup: dict[str, Any] = {
                "baseCapacity": BASE_CAPACITY,
                "enhancedVpcRouting": False,
                "publiclyAccessible": False,
                "configParameters": [],
                "securityGroupIds": [],
                "subnetIds": [],
                "port": PORT,
                "trackName": "current",
                **kept,
                "workgroupId": identifier,
                "workgroupArn": arn,
                "status": "AVAILABLE",
                "creationDate": datetime.now(UTC),
            }
            self._workgroups[name] = self._with_endpoint(workgroup)
            self._tags[arn] = _tags(request)
        return {"workgroup": self._workgroups[name]}

    def get_workgroup(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetWorkgroup."""
        return {"workgroup": self._workgroup(request["workgroupName"])}

    def list_workgroups(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """ListWorkgroups."""
        return _page("workgroups", list(self._workgroups.values()), request)

    def update_workgroup(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """UpdateWorkgroup."""
        with self._lock:
            changed = {**self._workgroup(request["workgroupName"]), **request}
            self._workgroups[request["workgroupName"]] = self._with_endpoint(changed)
        return {"workgroup": changed}

    def delete_workgroup(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DeleteWorkgroup; the namespace keeps its data."""
        with self._lock:
            workgroup = self._workgroup(request["workgroupName"])
            del self._workgroups[request["workgroupName"]]
            self._tags.pop(workgroup["workgroupArn"], None)
        return {"workgroup": {**workgroup, "status": "DELETING"}}

    def create_usage_limit(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """CreateUsageLimit; it is kept, and nothing is counted or turned off by it."""
        arn, kind, period = request["resourceArn"], request["usageType"], request.get("period", "monthly")
        with self._lock:
            if not any(found["workgroupArn"] == arn for found in self._workgroups.values()):
                raise AwsError("ResourceNotFoundException", f"The resource {arn} is not found.")
            taken = (arn, kind, period)
            if any((it["resourceArn"], it["usageType"], it["period"]) == taken for it in self._limits.values()):
                raise AwsError("ConflictException", "A usage limit of this type and period exists.")
            identifier = str(uuid.uuid4())
            self._limits[identifier] = {
                "breachAction": "log",
                **request,
                "period": period,
                "usageLimitId": identifier,
                "usageLimitArn": self.cloud.arn("redshift-serverless", f"usagelimit/{identifier}"),
            }
        return {"usageLimit": self._limits[identifier]}

    def get_usage_limit(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetUsageLimit."""
        return {"usageLimit": self._limit(request["usageLimitId"])}

    def list_usage_limits(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """ListUsageLimits."""
        return _page("usageLimits", list(self._limits.values()), request)

    def update_usage_limit(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """UpdateUsageLimit."""
        with self._lock:
            changed = {**self._limit(request["usageLimitId"]), **request}
            self._limits[request["usageLimitId"]] = changed
        return {"usageLimit": changed}

    def delete_usage_limit(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DeleteUsageLimit."""
        with self._lock:
            found = self._limit(request["usageLimitId"])
            del self._limits[request["usageLimitId"]]
        return {"usageLimit": found}

    def _limit(self, identifier: str) -> dict[str, Any]:
        found = self._limits.get(identifier)
        if found is None:
            raise AwsError("ResourceNotFoundException", f"The usage limit {identifier} is not found.")
        return found

    def get_credentials(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetCredentials: the caller's role becomes the user ``IAMR:<role>``, the account's root the administrator."""
        if "workgroupName" not in request:
            raise AwsError("ValidationException", "the sandbox has no custom domains; give workgroupName.")
        seconds = request.get("durationSeconds", CREDENTIALS_SECONDS[0])
        if not CREDENTIALS_SECONDS[0] <= seconds <= CREDENTIALS_SECONDS[1]:
            raise AwsError("ValidationException", f"durationSeconds must be between 900 and 3600, found {seconds}.")
        namespace = self._namespace(self._workgroup(request["workgroupName"])["namespaceName"])
        if caller.arn.endswith(":root"):
            user = namespace["adminUsername"]
        elif ":assumed-role/" in caller.arn:
            user = f"IAMR:{caller.arn.rsplit('/', 2)[1]}"
        elif ":user/" in caller.arn:
            user = f"IAM:{caller.arn.rsplit('/', 1)[1]}"
        else:
            raise AwsError("ValidationException", f"{caller.arn} is no IAM identity that a database user stands for.")
        password, expires = secrets.token_urlsafe(48), datetime.now(UTC) + timedelta(seconds=seconds)
        with self._lock:
            now = datetime.now(UTC)
            self._temporary = {key: kept for key, kept in self._temporary.items() if kept[2] > now}
            self._temporary[password] = (user, namespace["namespaceName"], expires)
        return {"dbUser": user, "dbPassword": password, "expiration": expires, "nextRefreshTime": expires}

    def tag_resource(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """TagResource."""
        self._tags_of(request["resourceArn"]).update(_tags(request))
        return {}

    def untag_resource(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """UntagResource."""
        tags = self._tags_of(request["resourceArn"])
        for key in request["tagKeys"]:
            tags.pop(key, None)
        return {}

    def list_tags_for_resource(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """ListTagsForResource."""
        return {"tags": [{"key": key, "value": value} for key, value in self._tags_of(request["resourceArn"]).items()]}

    def _namespace(self, name: str) -> dict[str, Any]:
        found = self._namespaces.get(name)
        if found is None:
            raise AwsError("ResourceNotFoundException", f"Namespace {name} not found.", resourceName=name)
        return found

    def _workgroup(self, name: str) -> dict[str, Any]:
        found = self._workgroups.get(name)
        if found is None:
            raise AwsError("ResourceNotFoundException", f"Workgroup {name} not found.", resourceName=name)
        return found

    def _tags_of(self, arn: str) -> dict[str, str]:
        found = self._tags.get(arn)
        if found is None:
            raise AwsError("ResourceNotFoundException", f"The resource {arn} does not exist.", resourceName=arn)
        return found

    def _check_namespace(self, request: dict[str, Any], managed: bool) -> None:
        if managed and "adminUserPassword" in request:
            raise AwsError("ValidationException", "Specify adminUserPassword or manageAdminPassword, not both.")
        if "adminPasswordSecretKmsKeyId" in request and not managed:
            raise AwsError("ValidationException", "adminPasswordSecretKmsKeyId needs manageAdminPassword.")
        if "adminUserPassword" in request and "adminUsername" not in request:
            raise AwsError("ValidationException", "Specify adminUsername together with adminUserPassword.")
        if not _ADMIN.fullmatch(request.get("adminUsername", "admin")):
            raise AwsError("ValidationException", "adminUsername begins with a letter and has at most 128 characters.")
        default = request.get("defaultIamRoleArn")
        if default and default not in request.get("iamRoles", []):
            raise AwsError("ValidationException", f"defaultIamRoleArn {default} has to be one of iamRoles.")

    def _with_endpoint(self, workgroup: dict[str, Any]) -> dict[str, Any]:
        base, most, subnets = workgroup["baseCapacity"], workgroup.get("maxCapacity"), workgroup["subnetIds"]
        for name, value in (("baseCapacity", base), ("maxCapacity", most)):
            if (
                value is not None
                and value != 4
                and (value % CAPACITY_STEP or not CAPACITY_STEP <= value <= CAPACITY_MAX)
            ):
                raise AwsError("ValidationException", f"{name} is 4 or a multiple of 8 from 8 to 1024, found {value}.")
        if most is not None and most < base:
            raise AwsError("ValidationException", f"maxCapacity {most} is below baseCapacity {base}.")
        if subnets and len(subnets) < MINIMUM_SUBNETS:
            raise AwsError("ValidationException", "A workgroup needs subnets in two Availability Zones at least.")
        name, cloud = workgroup["workgroupName"], self.cloud
        address = f"{name}.{cloud.account}.{cloud.region}.redshift-serverless.amazonaws.com"
        workgroup["endpoint"] = {"address": address, "port": workgroup["port"]}
        return workgroup

    def _manage_password(self, namespace: dict[str, Any], key: str | None) -> None:
        name = namespace["namespaceName"]
        content = json.dumps({"username": namespace["adminUsername"], "password": self._passwords[name]})
        made = self.cloud.client("secretsmanager", principal=PRINCIPAL).create_secret(
            Name=f"redshift!{name}-{namespace['adminUsername']}",
            SecretString=content,
            Tags=[{"Key": "aws:secretsmanager:owningService", "Value": "redshift-serverless"}],
            **({"KmsKeyId": key} if key else {}),
        )
        namespace["adminPasswordSecretArn"] = made["ARN"]
        if key:
            namespace["adminPasswordSecretKmsKeyId"] = key

    def _drop_secret(self, namespace: dict[str, Any]) -> None:
        arn = namespace.pop("adminPasswordSecretArn", None)
        namespace.pop("adminPasswordSecretKmsKeyId", None)
        if arn is not None:
            self.cloud.client("secretsmanager", principal=PRINCIPAL).delete_secret(
                SecretId=arn, ForceDeleteWithoutRecovery=True
            )


def _password() -> str:
    return "Aa1" + "".join(secrets.choice(_CHARACTERS) for _ in range(29))


def _tags(request: dict[str, Any]) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in request.get("tags", [])}


def _page(member: str, items: list[dict[str, Any]], request: dict[str, Any]) -> dict[str, Any]:
    first = start(request.get("nextToken"), "InvalidPaginationException", "nextToken")
    end = first + (request.get("maxResults") or 100)
    return {member: items[first:end], **({"nextToken": str(end)} if end < len(items) else {})}
