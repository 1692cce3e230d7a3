"""The API of QuickSight."""

import json
import re
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from eda_sandbox.foundation.caller import Caller
from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.foundation.service import Service
from eda_sandbox.services.quicksight.model import ENDED, DataSet, DataSource, Ingestion, Row
from eda_sandbox.services.quicksight.offered import OFFERED
from eda_sandbox.services.quicksight.reading import (
    PRINCIPAL,
    SECRETS_PATH,
    SECRETS_ROLE,
    ReadError,
    check_secret,
    converted,
    find_workgroup,
    lookback,
    lookback_start,
    query,
    sql_of,
)

MANUAL_REFRESHES = 32
"""Per data set in 24 rolling hours (Enterprise edition); hours are AWS's, so they pass faster where time is scaled."""
DAY_SECONDS = 24 * 3600
START_SECONDS, LOAD_SECONDS = 2, 8
"""AWS's seconds that an ingestion takes at least, until it runs and while it runs."""
WORKERS = 8
_IDENTIFIER = re.compile(r"[a-zA-Z0-9\-_]{1,512}")
_ERROR_TYPES = {
    "UNRESOLVABLE_HOST": "UNKNOWN_HOST",
    "UNROUTABLE_HOST": "UNKNOWN_HOST",
    "CONNECTION_FAILURE": "TIMEOUT",
    "PERMISSION_DENIED": "ACCESS_DENIED",
    "PASSWORD_AUTHENTICATION_FAILURE": "ACCESS_DENIED",
    "FAILURE_TO_ASSUME_ROLE": "ACCESS_DENIED",
}
_SETTINGS = ("ColumnGroups", "FieldFolders", "RowLevelPermissionDataSet", "RowLevelPermissionTagConfiguration")
_KEPT = ("Name", "PhysicalTableMap", "LogicalTableMap", "ImportMode", "ColumnLevelPermissionRules", *_SETTINGS)


class QuickSight(Service):
    """Data sources in Redshift, data sets over them, and ingestions into SPICE."""

    name = "quicksight"
    principal = PRINCIPAL
    roles = dict.fromkeys(
        ("CreateDataSource", "UpdateDataSource"),
        ("DataSourceParameters.RedshiftParameters.IAMParameters.RoleArn",),
    )
    offered = OFFERED

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._lock = threading.RLock()
        self._sources: dict[str, DataSource] = {}
        self._sets: dict[str, DataSet] = {}
        self._tags: dict[str, dict[str, str]] = {}
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="quicksight")

    def start(self) -> None:
        """Let it read the account's secrets, as its administrator does for selected ones in the console; what the role
        is not allowed by hand any more, data sets are not filled with."""
        iam = self.cloud.client("iam")
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": PRINCIPAL}}
        grant = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}
        iam.create_role(RoleName=SECRETS_ROLE, Path=SECRETS_PATH, AssumeRolePolicyDocument=_policy(trust))
        iam.put_role_policy(RoleName=SECRETS_ROLE, PolicyName="secrets", PolicyDocument=_policy(grant))

    def stop(self) -> None:
        """Stop what runs."""
        for data_set in self._sets.values():
            for ingestion in data_set.active():
                ingestion.cancelled.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def spice(self, data_set_id: str) -> list[Row]:
        """What SPICE holds of a data set, a row a dictionary by column name; for tests and the demo, as QuickSight
        shows it on dashboards alone.

        Raises:
            AwsError: there is no such data set.
        """
        return list(self._set(data_set_id).rows)

    def resource_arn(self, operation: str, request: dict[str, Any]) -> str:
        """The data source, the data set or its ingestion."""
        if "IngestionId" in request:
            return self._ingestion_arn(request["DataSetId"], request["IngestionId"])
        if "DataSetId" in request:
            return self.cloud.arn("quicksight", f"dataset/{request['DataSetId']}")
        if "DataSourceId" in request:
            return self.cloud.arn("quicksight", f"datasource/{request['DataSourceId']}")
        return str(request.get("ResourceArn", "*"))

    def create_data_source(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """CreateDataSource; the connection is tried at once, its end is a later state."""
        self._check_account(request)
        identifier = request["DataSourceId"]
        _check_identifier("DataSourceId", identifier)
        if request["Type"] != "REDSHIFT":
            raise _invalid(f"the sandbox offers data sources of the type REDSHIFT, not {request['Type']}.")
        parameters = self._parameters(request)
        arn = self.cloud.arn("quicksight", f"datasource/{identifier}")
        with self._lock:
            if identifier in self._sources:
                raise _exists("DATA_SOURCE", f"DataSource {arn} already exists.")
            now = datetime.now(UTC)
            described = {
                "Arn": arn,
                "DataSourceId": identifier,
                "Name": request["Name"],
                "Type": request["Type"],
                "Status": "CREATION_IN_PROGRESS",
                "CreatedTime": now,
                "LastUpdatedTime": now,
                "DataSourceParameters": {"RedshiftParameters": parameters},
                "SslProperties": request.get("SslProperties", {"DisableSsl": False}),
            }
            if "VpcConnectionProperties" in request:
                described["VpcConnectionProperties"] = self._vpc_connection(request)
            source = DataSource(described, None, permissions=request.get("Permissions", []))
            self._set_credentials(source, request, caller)
            self._sources[identifier] = source
            self._tags[arn] = _tags(request)
        self._pool.submit(self._connect, source, "CREATION")
        return {"Arn": arn, "DataSourceId": identifier, "CreationStatus": "CREATION_IN_PROGRESS", **_done(202)}

    def describe_data_source(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DescribeDataSource; credentials are never shown."""
        source = self._source(request["DataSourceId"])
        secret = {} if source.own_secret or source.secret_arn is None else {"SecretArn": source.secret_arn}
        return {"DataSource": {**source.described, **secret}, **_done()}

    def list_data_sources(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """ListDataSources."""
        return {**_page("DataSources", [s.described for s in self._sources.values()], request), **_done()}

    def update_data_source(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """UpdateDataSource."""
        source = self._source(request["DataSourceId"])
        with self._lock:
            described = {**source.described, "Name": request["Name"]}
            if "DataSourceParameters" in request:
                described["DataSourceParameters"] = {"RedshiftParameters": self._parameters(request)}
            if "SslProperties" in request:
                described["SslProperties"] = request["SslProperties"]
            described.pop("VpcConnectionProperties", None)
            if "VpcConnectionProperties" in request:
                described["VpcConnectionProperties"] = self._vpc_connection(request)
            source.described = described
            if "Credentials" in request or "IAMParameters" in source.parameters:
                self._drop_secret(source)
                self._set_credentials(source, request, caller)
            source.stamp("UPDATE_IN_PROGRESS")
        self._pool.submit(self._connect, source, "UPDATE")
        found = source.described
        return {
            "Arn": found["Arn"],
            "DataSourceId": found["DataSourceId"],
            "UpdateStatus": "UPDATE_IN_PROGRESS",
            **_done(202),
        }

    def delete_data_source(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DeleteDataSource; data sets over it stay, and fail to refresh."""
        with self._lock:
            source = self._source(request["DataSourceId"])
            self._drop_secret(source)
            del self._sources[request["DataSourceId"]]
            self._tags.pop(source.described["Arn"], None)
        return {"Arn": source.described["Arn"], "DataSourceId": request["DataSourceId"], **_done()}

    def create_data_set(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """CreateDataSet; one in SPICE begins with an ingestion of its own."""
        self._check_account(request)
        identifier = request["DataSetId"]
        _check_identifier("DataSetId", identifier)
        arn = self.cloud.arn("quicksight", f"dataset/{identifier}")
        now = datetime.now(UTC)
        described = {"Arn": arn, "DataSetId": identifier, "CreatedTime": now, **self._data_set_members(request)}
        with self._lock:
            if identifier in self._sets:
                raise _exists("DATA_SET", f"DataSet {arn} already exists.")
            data_set = DataSet(described, list(request.get("Permissions", [])))
            self._check_sources(data_set)
            self._sets[identifier] = data_set
            self._tags[arn] = _tags(request)
            started = self._edited(data_set, "INITIAL_INGESTION")
        return {"Arn": arn, "DataSetId": identifier, **started, **_done(201)}

    def describe_data_set(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DescribeDataSet."""
        data_set = self._set(request["DataSetId"])
        return {"DataSet": {**data_set.described, "ConsumedSpiceCapacityInBytes": data_set.size}, **_done()}

    def list_data_sets(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """ListDataSets."""
        members = ("Arn", "DataSetId", "Name", "CreatedTime", "LastUpdatedTime", "ImportMode")
        summaries = [{name: found.described[name] for name in members} for found in self._sets.values()]
        return {**_page("DataSetSummaries", summaries, request), **_done()}

    def update_data_set(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """UpdateDataSet; what runs is superseded, and the data are loaded anew."""
        with self._lock:
            data_set = self._set(request["DataSetId"])
            fixed = {name: data_set.described[name] for name in ("Arn", "DataSetId", "CreatedTime")}
            changed = DataSet({**fixed, **self._data_set_members(request)})
            self._check_sources(changed)
            data_set.described = changed.described
            for ingestion in data_set.active():
                self._end(ingestion, "FAILED", "INGESTION_SUPERSEDED", "The data set was edited.")
            started = self._edited(data_set, "EDIT")
        return {"Arn": fixed["Arn"], "DataSetId": fixed["DataSetId"], **started, **_done()}

    def delete_data_set(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DeleteDataSet, with what SPICE holds of it."""
        with self._lock:
            data_set = self._set(request["DataSetId"])
            for ingestion in data_set.active():
                self._end(ingestion, "FAILED", "DATA_SET_DELETED", "The data set was deleted.")
            del self._sets[request["DataSetId"]]
            self._tags.pop(data_set.described["Arn"], None)
        return {"Arn": data_set.described["Arn"], "DataSetId": request["DataSetId"], **_done()}

    def describe_data_set_permissions(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DescribeDataSetPermissions."""
        data_set = self._set(request["DataSetId"])
        found = {"DataSetArn": data_set.described["Arn"], "DataSetId": request["DataSetId"]}
        return {**found, "Permissions": data_set.permissions, **_done()}

    def put_data_set_refresh_properties(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """PutDataSetRefreshProperties."""
        data_set, properties = self._set(request["DataSetId"]), request["DataSetRefreshProperties"]
        if not data_set.is_spice:
            raise AwsError("PreconditionNotMetException", "Refresh properties are for data sets in SPICE.")
        before, data_set.refresh_properties = data_set.refresh_properties, properties
        if properties.get("RefreshConfiguration"):
            column = lookback(data_set)["ColumnName"]
            if data_set.columns.get(column) != "DATETIME":
                data_set.refresh_properties = before
                raise _invalid(f"The lookback window's column {column} has to be a DATETIME column of the data set.")
        return _done(201)

    def describe_data_set_refresh_properties(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DescribeDataSetRefreshProperties."""
        properties = self._set(request["DataSetId"]).refresh_properties
        if properties is None:
            raise _missing("The data set has no refresh properties.")
        return {"DataSetRefreshProperties": properties, **_done()}

    def delete_data_set_refresh_properties(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DeleteDataSetRefreshProperties."""
        self._set(request["DataSetId"]).refresh_properties = None
        return _done()

    def create_ingestion(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """CreateIngestion; one at a time runs for a data set, further ones are queued behind it."""
        self._check_account(request)
        kind = request.get("IngestionType", "FULL_REFRESH")
        with self._lock:
            data_set = self._set(request["DataSetId"])
            if request["IngestionId"] in data_set.ingestions:
                raise _exists("INGESTION", f"Ingestion {request['IngestionId']} already exists.")
            if not data_set.is_spice:
                raise _invalid("The data set queries its source directly; only data sets in SPICE are refreshed.")
            properties = data_set.refresh_properties or {}
            if kind == "INCREMENTAL_REFRESH" and not properties.get("RefreshConfiguration"):
                raise _invalid("An incremental refresh needs the data set's refresh properties.")
            now = self.cloud.clock.elapsed()
            data_set.manual = [moment for moment in data_set.manual if moment > now - DAY_SECONDS]
            if len(data_set.manual) >= MANUAL_REFRESHES:
                raise AwsError(
                    "LimitExceededException",
                    f"A data set can be refreshed {MANUAL_REFRESHES} times in 24 hours.",
                    ResourceType="INGESTION",
                )
            data_set.manual.append(now)
            ingestion = self._start(data_set, request["IngestionId"], kind)
        return {
            "Arn": ingestion.arn,
            "IngestionId": ingestion.id,
            "IngestionStatus": ingestion.status,
            **_done(201),
        }

    def describe_ingestion(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DescribeIngestion."""
        return {"Ingestion": self._ingestion(request).described(), **_done()}

    def list_ingestions(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """ListIngestions, newest first."""
        found = reversed(self._set(request["DataSetId"]).ingestions.values())
        return {**_page("Ingestions", [ingestion.described() for ingestion in found], request), **_done()}

    def cancel_ingestion(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """CancelIngestion; what SPICE held before stays."""
        with self._lock:
            ingestion = self._ingestion(request)
            if ingestion.status in ENDED:
                raise _invalid(f"The ingestion {ingestion.id} is {ingestion.status} and cannot be cancelled.")
            self._end(ingestion, "CANCELLED", "INGESTION_CANCELED", "The ingestion was cancelled.")
            self._next(self._set(request["DataSetId"]))
        return {"Arn": ingestion.arn, "IngestionId": ingestion.id, **_done()}

    def tag_resource(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """TagResource."""
        self._tags_of(request["ResourceArn"]).update(_tags(request))
        return _done()

    def untag_resource(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """UntagResource."""
        for key in request["TagKeys"]:
            self._tags_of(request["ResourceArn"]).pop(key, None)
        return _done()

    def list_tags_for_resource(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """ListTagsForResource."""
        tags = self._tags_of(request["ResourceArn"])
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()], **_done()}

    def _connect(self, source: DataSource, what: str) -> None:
        try:
            source.workgroup = find_workgroup(self.cloud, source)
            list(query(self.cloud, source, "SELECT 1"))
        except ReadError as error:
            kind = _ERROR_TYPES.get(error.kind, "GENERIC_SQL_FAILURE")
            source.stamp(f"{what}_FAILED", {"Type": kind, "Message": str(error)})
        else:
            source.stamp(f"{what}_SUCCESSFUL")

    def _edited(self, data_set: DataSet, kind: str) -> dict[str, str]:
        if not data_set.is_spice:
            data_set.rows, data_set.size = [], 0
            return {}
        ingestion = self._start(data_set, str(uuid.uuid4()), kind)
        return {"IngestionArn": ingestion.arn, "IngestionId": ingestion.id}

    def _start(self, data_set: DataSet, identifier: str, kind: str) -> Ingestion:
        arn = self._ingestion_arn(data_set.described["DataSetId"], identifier)
        ingestion, before = Ingestion(identifier, arn, kind), data_set.active()
        data_set.ingestions[identifier] = ingestion
        if before:
            ingestion.status, ingestion.waits_for = "QUEUED", before[0].id
        else:
            self._pool.submit(self._ingest, data_set, ingestion)
        return ingestion

    def _next(self, data_set: DataSet) -> None:
        active = data_set.active()
        if active and all(ingestion.status == "QUEUED" for ingestion in active):
            first, *others = active
            first.status, first.waits_for = "INITIALIZED", None
            for other in others:
                other.waits_for = first.id
            self._pool.submit(self._ingest, data_set, first)

    def _ingest(self, data_set: DataSet, ingestion: Ingestion) -> None:
        try:
            self._load(data_set, ingestion)
        except ReadError as error:
            self._end(ingestion, "FAILED", error.kind, str(error))
        except Exception as error:
            self._end(ingestion, "FAILED", "INTERNAL_SERVICE_ERROR", repr(error))
            raise
        finally:
            with self._lock:
                self._next(data_set)

    def _load(self, data_set: DataSet, ingestion: Ingestion) -> None:
        clock = self.cloud.clock
        if clock.wait(START_SECONDS, ingestion.cancelled):
            return
        with self._lock:
            if ingestion.status not in ENDED:
                ingestion.status = "RUNNING"
        source = self._source_of(data_set)
        check_secret(self.cloud, source)
        since = lookback_start(data_set) if ingestion.request_type == "INCREMENTAL_REFRESH" else None
        loaded: list[Row] = []
        dropped = 0
        for row in query(self.cloud, source, sql_of(data_set, since), ingestion):
            kept = converted(row, data_set.columns)
            if kept is None:
                dropped += 1
            else:
                loaded.append(kept)
        if clock.wait(LOAD_SECONDS, ingestion.cancelled):
            return
        with self._lock:
            if ingestion.status in ENDED:
                return
            ingested = len(loaded)
            if since is not None:
                column, start = lookback(data_set)["ColumnName"], since.replace(tzinfo=None, microsecond=0)
                loaded = [row for row in data_set.rows if row[column] is None or row[column] < start] + loaded
            data_set.rows = loaded
            data_set.size = ingestion.size = sum(len(str(value)) for row in loaded for value in row.values())
            ingestion.rows = {
                "RowsIngested": ingested,
                "RowsDropped": dropped,
                "TotalRowsInDataset": len(loaded),
            }
            ingestion.end("COMPLETED", clock.speed)

    def _end(self, ingestion: Ingestion, status: str, kind: str, message: str) -> None:
        with self._lock:
            ingestion.end(status, self.cloud.clock.speed, {"Type": kind, "Message": message})
            ingestion.cancelled.set()

    def _source_of(self, data_set: DataSet) -> DataSource:
        arn = data_set.table[1]["DataSourceArn"]
        for source in self._sources.values():
            if source.described["Arn"] == arn:
                return source
        raise ReadError("DATA_SOURCE_NOT_FOUND", f"the data source {arn} does not exist")

    def _data_set_members(self, request: dict[str, Any]) -> dict[str, Any]:
        physical = request["PhysicalTableMap"]
        if len(physical) != 1 or next(iter(physical.values())).keys() - {"RelationalTable", "CustomSql"}:
            raise _invalid("the sandbox offers data sets of one physical table: RelationalTable or CustomSql.")
        members = {name: request[name] for name in _KEPT if name in request}
        columns = DataSet({**members}).columns
        if "LogicalTableMap" in request:
            for logical in request["LogicalTableMap"].values():
                table = logical["Source"].get("PhysicalTableId")
                if table is not None and table not in physical:
                    raise _invalid(f"The logical table {logical['Alias']} names the unknown physical table {table}.")
        return {
            **members,
            "LastUpdatedTime": datetime.now(UTC),
            "OutputColumns": [{"Name": name, "Type": kind} for name, kind in columns.items()],
        }

    def _check_sources(self, data_set: DataSet) -> None:
        try:
            self._source_of(data_set)
        except ReadError as error:
            raise _invalid(f"{error}.") from error
        if data_set.table[0] == "RelationalTable" and not data_set.columns:
            raise _invalid("InputColumns is empty.")

    def _parameters(self, request: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = request.get("DataSourceParameters", {}).get("RedshiftParameters", {})
        if not found:
            raise _invalid("DataSourceParameters needs RedshiftParameters.")
        if "ClusterId" in found:
            raise _invalid("the sandbox has serverless workgroups only; give Host and Port, not ClusterId.")
        if "Host" not in found or not found.get("Port"):
            raise _invalid("RedshiftParameters needs Host and Port, or ClusterId.")
        return found

    def _vpc_connection(self, request: dict[str, Any]) -> dict[str, Any]:
        given: dict[str, Any] = request["VpcConnectionProperties"]
        arn = given["VpcConnectionArn"]
        if not re.fullmatch(r"arn:[\w-]+:quicksight:[\w-]+:\d{12}:vpcConnection/.+", arn):
            raise _invalid(f"VpcConnectionArn is {arn}, which is no ARN of a VPC connection.")
        return given

    def _set_credentials(self, source: DataSource, request: dict[str, Any], caller: Caller) -> None:
        credentials = request.get("Credentials", {})
        source.role_arn = source.parameters.get("IAMParameters", {}).get("RoleArn")
        if "SecretArn" in credentials:
            # The caller's policy decides here, not the role's with which data are read later (QuickSight, "Using
            # Secrets Manager secrets in the API").
            try:
                self.cloud.client_for("secretsmanager", caller).get_secret_value(SecretId=credentials["SecretArn"])
            except ClientError as error:
                raise AwsError("AccessDeniedException", f"The secret cannot be read: {error}") from error
            source.secret_arn = credentials["SecretArn"]
        elif "CopySourceArn" in credentials:
            arn = credentials["CopySourceArn"]
            copied = next((found for found in self._sources.values() if found.described["Arn"] == arn), None)
            if copied is None:
                raise _invalid(f"CopySourceArn {arn} is no data source.")
            source.secret_arn = copied.secret_arn
        elif "CredentialPair" in credentials:
            pair = credentials["CredentialPair"]
            content = json.dumps({"username": pair["Username"], "password": pair["Password"]})
            secrets = self.cloud.client("secretsmanager", principal=PRINCIPAL)
            name = f"quicksight/{source.described['DataSourceId']}-{uuid.uuid4().hex[:8]}"
            source.secret_arn, source.own_secret = secrets.create_secret(Name=name, SecretString=content)["ARN"], True
        elif source.role_arn is None:
            raise _invalid("Credentials needs SecretArn, CredentialPair or CopySourceArn.")

    def _drop_secret(self, source: DataSource) -> None:
        if source.own_secret:
            try:
                self.cloud.client("secretsmanager", principal=PRINCIPAL).delete_secret(
                    SecretId=source.secret_arn, ForceDeleteWithoutRecovery=True
                )
            except (ClientError, BotoCoreError) as error:
                raise AwsError("InternalFailureException", f"the credentials cannot be removed: {error}") from error
        source.secret_arn, source.own_secret = None, False

    def _check_account(self, request: dict[str, Any]) -> None:
        if request["AwsAccountId"] != self.cloud.account:
            raise AwsError(
                "AccessDeniedException", f"The account is {self.cloud.account}, not {request['AwsAccountId']}."
            )

    def _source(self, identifier: str) -> DataSource:
        found = self._sources.get(identifier)
        if found is None:
            raise _missing(f"DataSource {identifier} is not found.")
        return found

    def _set(self, identifier: str) -> DataSet:
        found = self._sets.get(identifier)
        if found is None:
            raise _missing(f"DataSet {identifier} is not found.")
        return found

    def _ingestion(self, request: dict[str, Any]) -> Ingestion:
        found = self._set(request["DataSetId"]).ingestions.get(request["IngestionId"])
        if found is None:
            raise _missing(f"Ingestion {request['IngestionId']} is not found.")
        return found

    def _tags_of(self, arn: str) -> dict[str, str]:
        found = self._tags.get(arn)
        if found is None:
            raise _missing(f"The resource {arn} is not found.")
        return found

    def _ingestion_arn(self, data_set_id: str, identifier: str) -> str:
        return self.cloud.arn("quicksight", f"dataset/{data_set_id}/ingestion/{identifier}")


def _policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _check_identifier(member: str, value: str) -> None:
    if not _IDENTIFIER.fullmatch(value):
        raise _invalid(f"{member} is {value!r}; it takes letters, digits, - and _.")


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterValueException", message)


def _missing(message: str) -> AwsError:
    return AwsError("ResourceNotFoundException", message)


def _exists(kind: str, message: str) -> AwsError:
    return AwsError("ResourceExistsException", message, ResourceType=kind)


def _done(status: int = 200) -> dict[str, Any]:
    return {"RequestId": str(uuid.uuid4()), "Status": status}


def _tags(request: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in request.get("Tags", [])}


def _page(member: str, items: list[Any], request: dict[str, Any]) -> dict[str, Any]:
    token, size = request.get("NextToken", "0"), request.get("MaxResults", 100)
    if not token.isdecimal():
        raise AwsError("InvalidNextTokenException", "NextToken is not one that was returned.")
    start = int(token)
    following = {"NextToken": str(start + size)} if start + size < len(items) else {}
    return {member: items[start : start + size], **following}
