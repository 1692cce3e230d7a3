"""The Data Catalog: databases, tables with their versions, partitions."""

import copy
import re
import threading
from collections.abc import Callable
from typing import Any

from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.services.glue.paging import page
from eda_sandbox.services.glue.partition_expressions import matching
from eda_sandbox.services.glue.tags import Tags

MAX_BATCH = 100
"""Partitions in one ``BatchCreatePartition`` (Glue's limit)."""


class Catalog:
    """The account's Data Catalog; names are kept in lower case, as Glue does.

    Args:
        cloud: the embedded AWS.
        tags: where databases keep their tags.
    """

    def __init__(self, cloud: Cloud, tags: Tags) -> None:
        self._cloud = cloud
        self._tags = tags
        self._lock = threading.RLock()
        self._databases: dict[str, dict[str, Any]] = {}
        self._tables: dict[tuple[str, str], list[dict[str, Any]]] = {}
        """All versions of a table, the newest last."""
        self._partitions: dict[tuple[str, str], dict[tuple[str, ...], dict[str, Any]]] = {}

    def resource_arns(self, operation: str, request: dict[str, Any]) -> list[str]:
        """What an operation is checked on: the catalog, the database in it, and the table in that."""
        arns = [self._arn("catalog")]
        given = request.get("DatabaseInput") if operation == "CreateDatabase" else None
        database = given["Name"] if given else request.get("DatabaseName", request.get("Name"))
        if database is None:
            return [*arns, self._arn("database/*")] if operation == "GetDatabases" else arns
        database = database.lower()
        arns.append(self._arn(f"database/{database}"))
        if "DatabaseName" not in request:
            return [*arns, self._arn(f"table/{database}/*")] if operation == "DeleteDatabase" else arns
        names = request.get("TablesToDelete") or [
            request["TableInput"]["Name"]
            if "TableInput" in request
            else request.get("TableName", request.get("Name", "*"))
        ]
        return [*arns, *(self._arn(f"table/{database}/{name.lower()}") for name in names)]

    def create_database(self, request: dict[str, Any]) -> dict[str, Any]:
        """CreateDatabase."""
        given = dict(request["DatabaseInput"])
        name = given["Name"] = _name(given["Name"])
        with self._lock:
            if name in self._databases:
                raise AwsError("AlreadyExistsException", "Database already exists.")
            self._databases[name] = {**given, "CreateTime": self._now(), "CatalogId": self._cloud.account}
        self._tags.put(self._arn(f"database/{name}"), request.get("Tags", {}))
        return {}

    def get_database(self, request: dict[str, Any]) -> dict[str, Any]:
        """GetDatabase."""
        return {"Database": self._database(request["Name"])}

    def get_databases(self, request: dict[str, Any]) -> dict[str, Any]:
        """GetDatabases."""
        with self._lock:
            return page("DatabaseList", sorted(self._databases.values(), key=_by_name), request)

    def update_database(self, request: dict[str, Any]) -> dict[str, Any]:
        """UpdateDatabase: what it is given takes the place of all it had."""
        found, given = self._database(request["Name"]), dict(request["DatabaseInput"])
        given["Name"] = _name(given["Name"])
        if given["Name"] != found["Name"]:
            raise AwsError("InvalidInputException", "Database names cannot be changed.")
        with self._lock:
            kept = {key: found[key] for key in ("CreateTime", "CatalogId")}
            self._databases[found["Name"]] = {**given, **kept}
        return {}

    def delete_database(self, request: dict[str, Any]) -> dict[str, Any]:
        """DeleteDatabase, with all tables in it."""
        name = self._database(request["Name"])["Name"]
        with self._lock:
            for key in [key for key in self._tables if key[0] == name]:
                del self._tables[key]
                self._partitions.pop(key, None)
            del self._databases[name]
        self._tags.remove(self._arn(f"database/{name}"))
        return {}

    def create_table(self, request: dict[str, Any]) -> dict[str, Any]:
        """CreateTable."""
        database = self._database(request["DatabaseName"])["Name"]
        if "TableInput" not in request:
            raise AwsError("InvalidInputException", "TableInput is required: the sandbox has no open table formats.")
        if request.get("PartitionIndexes") or request.get("OpenTableFormatInput"):
            raise AwsError(
                "InvalidInputException", "the sandbox's catalog has no PartitionIndexes and no OpenTableFormatInput"
            )
        given = dict(request["TableInput"])
        name = given["Name"] = _name(given["Name"])
        with self._lock:
            if (database, name) in self._tables:
                raise AwsError("AlreadyExistsException", "Table already exists.")
            now = self._now()
            self._tables[database, name] = [self._table_of(database, given, now, now, 0)]
        return {}

    def get_table(self, request: dict[str, Any]) -> dict[str, Any]:
        """GetTable."""
        return {"Table": self._versions(request)[-1]}

    def get_tables(self, request: dict[str, Any]) -> dict[str, Any]:
        """GetTables; ``Expression`` is a regular expression for the whole name, with ``*`` for any letters."""
        database = self._database(request["DatabaseName"])["Name"]
        wanted = _name_pattern(request.get("Expression"))
        with self._lock:
            tables = [versions[-1] for (db, name), versions in self._tables.items() if db == database and wanted(name)]
        return page("TableList", sorted(tables, key=_by_name), request)

    def update_table(self, request: dict[str, Any]) -> dict[str, Any]:
        """UpdateTable: what it is given takes the place of all it had, in a new version."""
        given = dict(request.get("TableInput", {}))
        name = given["Name"] = _name(given.get("Name", request.get("Name", "")))
        with self._lock:
            versions = self._versions({"DatabaseName": request["DatabaseName"], "Name": name})
            newest = versions[-1]
            if request.get("VersionId", newest["VersionId"]) != newest["VersionId"]:
                raise AwsError(
                    "ConcurrentModificationException", "Update table failed due to concurrent modifications."
                )
            changed = self._table_of(
                newest["DatabaseName"], given, newest["CreateTime"], self._now(), int(newest["VersionId"]) + 1
            )
            versions[:] = [changed] if request.get("SkipArchive") else [*versions, changed]
        return {}

    def delete_table(self, request: dict[str, Any]) -> dict[str, Any]:
        """DeleteTable, with its partitions; the data stays."""
        with self._lock:
            newest = self._versions(request)[-1]
            key = newest["DatabaseName"], newest["Name"]
            del self._tables[key]
            self._partitions.pop(key, None)
        return {}

    def batch_delete_table(self, request: dict[str, Any]) -> dict[str, Any]:
        """BatchDeleteTable."""
        errors = []
        for name in request["TablesToDelete"]:
            try:
                self.delete_table({"DatabaseName": request["DatabaseName"], "Name": name})
            except AwsError as error:
                errors.append({"TableName": name, "ErrorDetail": _detail(error)})
        return {"Errors": errors}

    def get_table_version(self, request: dict[str, Any]) -> dict[str, Any]:
        """GetTableVersion; without a version id the newest."""
        versions = self._versions(request)
        wanted = request.get("VersionId", versions[-1]["VersionId"])
        found = next((table for table in versions if table["VersionId"] == wanted), None)
        if found is None:
            raise AwsError("EntityNotFoundException", f"Table version {wanted} not found.")
        return {"TableVersion": {"Table": found, "VersionId": wanted}}

    def get_table_versions(self, request: dict[str, Any]) -> dict[str, Any]:
        """GetTableVersions, the newest first."""
        versions = [{"Table": table, "VersionId": table["VersionId"]} for table in reversed(self._versions(request))]
        return page("TableVersions", versions, request)

    def create_partition(self, request: dict[str, Any]) -> dict[str, Any]:
        """CreatePartition."""
        with self._lock:
            self._add_partition(self._versions(request)[-1], request["PartitionInput"])
        return {}

    def batch_create_partition(self, request: dict[str, Any]) -> dict[str, Any]:
        """BatchCreatePartition: those that exist are reported, the others are made."""
        if len(request["PartitionInputList"]) > MAX_BATCH:
            raise AwsError("InvalidInputException", f"PartitionInputList has more than {MAX_BATCH} partitions.")
        errors = []
        with self._lock:
            table = self._versions(request)[-1]
            for given in request["PartitionInputList"]:
                try:
                    self._add_partition(table, given)
                except AwsError as error:
                    errors.append({"PartitionValues": given.get("Values", []), "ErrorDetail": _detail(error)})
        return {"Errors": errors}

    def get_partition(self, request: dict[str, Any]) -> dict[str, Any]:
        """GetPartition."""
        table = self._versions(request)[-1]
        found = self._of(table).get(tuple(request["PartitionValues"]))
        if found is None:
            raise AwsError("EntityNotFoundException", "Cannot find partition.")
        return {"Partition": found}

    def batch_get_partition(self, request: dict[str, Any]) -> dict[str, Any]:
        """BatchGetPartition; those that do not exist are left out."""
        known = self._of(self._versions(request)[-1])
        asked = [tuple(entry["Values"]) for entry in request["PartitionsToGet"]]
        return {"Partitions": [known[values] for values in asked if values in known], "UnprocessedKeys": []}

    def get_partitions(self, request: dict[str, Any]) -> dict[str, Any]:
        """GetPartitions; ``Expression`` is a condition on the partition keys."""
        table = self._versions(request)[-1]
        with self._lock:
            partitions = list(self._of(table).values())
        if request.get("Expression"):
            partitions = matching(table.get("PartitionKeys", []), partitions, request["Expression"])
        return page("Partitions", partitions, request)

    def update_partition(self, request: dict[str, Any]) -> dict[str, Any]:
        """UpdatePartition."""
        with self._lock:
            table = self._versions(request)[-1]
            old, given = tuple(request["PartitionValueList"]), request["PartitionInput"]
            if old not in self._of(table):
                raise AwsError("EntityNotFoundException", "Cannot find partition.")
            values = tuple(given.get("Values", old))
            if values != old and values in self._of(table):
                raise AwsError("AlreadyExistsException", "Partition already exists.")
            created = self._of(table).pop(old)["CreationTime"]
            self._add_partition(table, {**given, "Values": list(values)})
            self._of(table)[values]["CreationTime"] = created
        return {}

    def delete_partition(self, request: dict[str, Any]) -> dict[str, Any]:
        """DeletePartition."""
        with self._lock:
            if self._of(self._versions(request)[-1]).pop(tuple(request["PartitionValues"]), None) is None:
                raise AwsError("EntityNotFoundException", "Cannot find partition.")
        return {}

    def batch_delete_partition(self, request: dict[str, Any]) -> dict[str, Any]:
        """BatchDeletePartition."""
        errors = []
        for entry in request["PartitionsToDelete"]:
            try:
                self.delete_partition({**request, "PartitionValues": entry["Values"]})
            except AwsError as error:
                errors.append({"PartitionValues": entry["Values"], "ErrorDetail": _detail(error)})
        return {"Errors": errors}

    def _arn(self, resource: str) -> str:
        return self._cloud.arn("glue", resource)

    def _now(self) -> Any:
        return self._cloud.clock.now()

    def _database(self, name: str) -> dict[str, Any]:
        with self._lock:
            found = self._databases.get(name.lower())
        if found is None:
            raise AwsError("EntityNotFoundException", f"Database {name} not found.")
        return found

    def _versions(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        database, name = self._database(request["DatabaseName"])["Name"], request.get("TableName", request.get("Name"))
        with self._lock:
            found = self._tables.get((database, str(name).lower()))
        if found is None:
            raise AwsError("EntityNotFoundException", f"Table {name} not found.")
        return found

    def _table_of(self, database: str, given: dict[str, Any], created: Any, now: Any, version: int) -> dict[str, Any]:
        return {
            "Retention": 0,
            **copy.deepcopy(given),
            "DatabaseName": database,
            "CreateTime": created,
            "UpdateTime": now,
            "CreatedBy": f"arn:aws:iam::{self._cloud.account}:root",
            "IsRegisteredWithLakeFormation": False,
            "CatalogId": self._cloud.account,
            "VersionId": str(version),
        }

    def _of(self, table: dict[str, Any]) -> dict[tuple[str, ...], dict[str, Any]]:
        return self._partitions.setdefault((table["DatabaseName"], table["Name"]), {})

    def _add_partition(self, table: dict[str, Any], given: dict[str, Any]) -> None:
        values, keys = tuple(given.get("Values", [])), table.get("PartitionKeys", [])
        if len(values) != len(keys):
            raise AwsError(
                "InvalidInputException",
                "The number of partition keys do not match the number of partition values",
            )
        if values in self._of(table):
            raise AwsError("AlreadyExistsException", "Partition already exists.")
        self._of(table)[values] = {
            **copy.deepcopy(given),
            "Values": list(values),
            "DatabaseName": table["DatabaseName"],
            "TableName": table["Name"],
            "CreationTime": self._now(),
            "CatalogId": self._cloud.account,
        }


def _name(given: str) -> str:
    return given.lower()


def _by_name(found: dict[str, Any]) -> str:
    return str(found["Name"])


def _detail(error: AwsError) -> dict[str, str]:
    return {"ErrorCode": error.code, "ErrorMessage": error.message}


def _name_pattern(expression: str | None) -> Callable[[str], bool]:
    try:
        pattern = re.compile(re.sub(r"(?<![.\])])\*", ".*", ".*" if expression is None else expression), re.IGNORECASE)
    except re.error as error:
        raise AwsError("InvalidInputException", f"the expression is no pattern: {error}") from error
    return lambda name: pattern.fullmatch(name) is not None
