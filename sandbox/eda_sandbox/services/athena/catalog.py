"""The Data Catalog as the query's caller may read and change it."""

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from eda_sandbox.services.athena.errors import ACCESS_DENIED, NO_TABLE, SCHEMA, QueryError, at

NAME = "awsdatacatalog"
BATCH = 100
"""Partitions of a ``BatchCreatePartition`` (Glue)."""
_PARQUET = "parquet"
_JSON = "json"
_SERDES = {
    "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe": _PARQUET,
    "org.openx.data.jsonserde.JsonSerDe": _JSON,
    "org.apache.hive.hcatalog.data.JsonSerDe": _JSON,
    "org.apache.hadoop.hive.serde2.JsonSerDe": _JSON,
}
_HIVE = "org.apache.hadoop.hive.ql.io"
_FORMATS: dict[str, dict[str, Any]] = {
    _PARQUET: {
        "InputFormat": f"{_HIVE}.parquet.MapredParquetInputFormat",
        "OutputFormat": f"{_HIVE}.parquet.MapredParquetOutputFormat",
        "SerdeInfo": {
            "SerializationLibrary": f"{_HIVE}.parquet.serde.ParquetHiveSerDe",
            "Parameters": {"serialization.format": "1"},
        },
    },
    _JSON: {
        "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
        "OutputFormat": f"{_HIVE}.HiveIgnoreKeyTextOutputFormat",
        "SerdeInfo": {"SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe", "Parameters": {}},
    },
}
_VIEW_PREFIX, _VIEW_SUFFIX = "/* Presto View: ", " */"


@dataclass(frozen=True)
class Column:
    """A column: its name and Hive type."""

    name: str
    type: str


@dataclass(frozen=True)
class Table:
    """A table of the catalog.

    Attributes:
        entry: as ``GetTable`` returns it.
    """

    entry: dict[str, Any]

    @property
    def database(self) -> str:
        """Its database."""
        return str(self.entry["DatabaseName"])

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.entry["Name"])

    @property
    def is_view(self) -> bool:
        """Whether it is a view."""
        return self.entry.get("TableType") == "VIRTUAL_VIEW"

    @property
    def parameters(self) -> dict[str, str]:
        """Its properties."""
        return dict(self.entry.get("Parameters") or {})

    @property
    def columns(self) -> list[Column]:
        """The columns that lie in the files."""
        return _columns(self._storage.get("Columns", []))

    @property
    def partition_keys(self) -> list[Column]:
        """The columns that lie in the folders."""
        return _columns(self.entry.get("PartitionKeys") or [])

    @property
    def location(self) -> str:
        """Where its files lie; ends with ``/``."""
        return str(self._storage.get("Location", "")).rstrip("/") + "/"

    def check_readable(self) -> None:
        """Check that it has what Athena asks of tables and views alike, a SerDe, be it an empty one as that of the
        views that Athena itself makes (Trino's ``GlueMetastore`` and terraform-provider-aws#28517 for a view without).

        Raises:
            QueryError: it has none.
        """
        if self._storage.get("SerdeInfo") is None:
            raise QueryError("HIVE_METASTORE_ERROR: Table storage descriptor is missing SerDe info", SCHEMA)

    @property
    def serde_parameters(self) -> dict[str, str]:
        """What its serializer is told."""
        return dict(self._storage.get("SerdeInfo", {}).get("Parameters") or {})

    @property
    def format(self) -> str:
        """``parquet`` or ``json``.

        Raises:
            QueryError: it has another one.
        """
        library = self._storage.get("SerdeInfo", {}).get("SerializationLibrary", "")
        if library not in _SERDES:
            raise QueryError(
                f"HIVE_UNSUPPORTED_FORMAT: the sandbox reads Parquet and JSON; {self.name} has {library!r}",
                SCHEMA,
            )
        return _SERDES[library]

    @property
    def view(self) -> dict[str, Any]:
        """A view's definition: ``originalSql``, ``catalog``, ``schema``, ``columns``.

        Raises:
            QueryError: it is not one that Athena can read.
        """
        text = str(self.entry.get("ViewOriginalText") or "")
        try:
            if not text.startswith(_VIEW_PREFIX) or not text.endswith(_VIEW_SUFFIX):
                raise ValueError(f"the text is not {_VIEW_PREFIX}…{_VIEW_SUFFIX}")
            definition = json.loads(base64.b64decode(text[len(_VIEW_PREFIX) : -len(_VIEW_SUFFIX)]))
            return {"originalSql": definition["originalSql"], "schema": definition.get("schema"), **definition}
        except (ValueError, KeyError, TypeError) as error:
            raise QueryError(
                f"INVALID_VIEW: Invalid view JSON of {self.database}.{self.name}: {error}", SCHEMA
            ) from error

    @property
    def _storage(self) -> dict[str, Any]:
        return self.entry.get("StorageDescriptor") or {}


def storage_descriptor(
    columns: Sequence[Column], location: str, file_format: str, serde: dict[str, Any] | None = None
) -> dict[str, Any]:
    """A table's or partition's ``StorageDescriptor``."""
    formats = _FORMATS[file_format]
    return {
        "Columns": [{"Name": column.name, "Type": column.type} for column in columns],
        "Location": location,
        **formats,
        "SerdeInfo": serde or formats["SerdeInfo"],
    }


def view_text(sql: str, database: str, columns: Sequence[tuple[str, str]]) -> str:
    """A view's definition as the catalog keeps it.

    Args:
        sql: its query.
        database: where names without a database are looked up.
        columns: names and Trino types.
    """
    definition = {
        "originalSql": sql,
        "catalog": NAME,
        "schema": database,
        "columns": [{"name": name, "type": kind} for name, kind in columns],
    }
    return f"{_VIEW_PREFIX}{base64.b64encode(json.dumps(definition).encode()).decode()}{_VIEW_SUFFIX}"


class Catalog:
    """Reads and changes the catalog with the caller's permissions.

    Args:
        glue: a Glue client in the caller's name.
    """

    def __init__(self, glue: Any) -> None:
        self._glue = glue
        self._seen: set[str] = set()

    def table(self, database: str, name: str, position: tuple[int, int] | None = None) -> Table:
        """A table or view.

        Raises:
            QueryError: it does not exist, or the caller may not see it.
        """
        self.database(database, position)
        found = self.find(database, name)
        if found is None:
            raise QueryError(
                f"TABLE_NOT_FOUND: {at(position)}: Table '{NAME}.{database}.{name}' does not exist", NO_TABLE
            )
        return found

    def find(self, database: str, name: str) -> Table | None:
        """A table or view, or None."""
        try:
            return Table(self._call("get_table", DatabaseName=database, Name=name)["Table"])
        except _Missing:
            return None

    def database(self, name: str, position: tuple[int, int] | None = None) -> None:
        """Check that a database exists.

        Raises:
            QueryError: it does not, or the caller may not see it.
        """
        if name in self._seen:
            return
        try:
            self._call("get_database", Name=name)
        except _Missing:
            raise QueryError(f"SCHEMA_NOT_FOUND: {at(position)}: Schema '{name}' does not exist", NO_TABLE) from None
        self._seen.add(name)

    def databases(self) -> list[str]:
        """All databases' names."""
        return [found["Name"] for found in self._pages("get_databases", "DatabaseList")]

    def tables(self, database: str) -> list[Table]:
        """All tables and views of a database; none when it does not exist."""
        try:
            return [Table(found) for found in self._pages("get_tables", "TableList", DatabaseName=database)]
        except _Missing:
            return []

    def partitions(self, table: Table) -> Iterator[dict[str, Any]]:
        """A table's partitions."""
        return self._pages("get_partitions", "Partitions", DatabaseName=table.database, TableName=table.name)

    def add_partitions(self, table: Table, partitions: Sequence[tuple[list[str], str]]) -> None:
        """Make partitions that may exist already.

        Args:
            table: theirs.
            partitions: values, and location.
        """
        entries = []
        for values, location in partitions:
            descriptor = {**table.entry["StorageDescriptor"], "Location": location}
            entries.append({"Values": values, "StorageDescriptor": descriptor})
        for start in range(0, len(entries), BATCH):
            answer = self._call(
                "batch_create_partition",
                DatabaseName=table.database,
                TableName=table.name,
                PartitionInputList=entries[start : start + BATCH],
            )
            for error in answer.get("Errors", []):
                if error["ErrorDetail"]["ErrorCode"] != "AlreadyExistsException":
                    raise QueryError(f"HIVE_METASTORE_ERROR: {error['ErrorDetail']['ErrorMessage']}", SCHEMA)

    def drop_partitions(self, table: Table, partitions: Sequence[list[str]]) -> None:
        """Remove partitions from the catalog; their files stay.

        Args:
            table: theirs.
            partitions: their values.
        """
        for values in partitions:
            self._call(
                "delete_partition", DatabaseName=table.database, TableName=table.name, PartitionValues=list(values)
            )

    def create_table(self, database: str, table: dict[str, Any]) -> bool:
        """Make a table; False when it exists."""
        return self._create("create_table", DatabaseName=database, TableInput=table)

    def update_table(self, database: str, table: dict[str, Any]) -> None:
        """Change a table."""
        self._call("update_table", DatabaseName=database, TableInput=table)

    def delete_table(self, database: str, name: str) -> bool:
        """Remove a table from the catalog; False when it does not exist."""
        return self._delete("delete_table", DatabaseName=database, Name=name)

    def create_database(self, database: dict[str, Any]) -> bool:
        """Make a database; False when it exists."""
        return self._create("create_database", DatabaseInput=database)

    def delete_database(self, name: str) -> bool:
        """Remove a database; False when it does not exist."""
        return self._delete("delete_database", Name=name)

    def _create(self, operation: str, **request: Any) -> bool:
        try:
            self._call(operation, **request)
        except _Exists:
            return False
        return True

    def _delete(self, operation: str, **request: Any) -> bool:
        try:
            self._call(operation, **request)
        except _Missing:
            return False
        return True

    def _pages(self, operation: str, member: str, **request: Any) -> Iterator[dict[str, Any]]:
        token: dict[str, str] = {}
        while True:
            answer = self._call(operation, **request, **token)
            yield from answer[member]
            if "NextToken" not in answer:
                return
            token = {"NextToken": answer["NextToken"]}

    def _call(self, operation: str, **request: Any) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = getattr(self._glue, operation)(**request)
            return answer
        except ClientError as error:
            code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
            if code == "EntityNotFoundException":
                raise _Missing from error
            if code == "AlreadyExistsException":
                raise _Exists from error
            if "AccessDenied" in code:
                raise QueryError(f"Insufficient permissions to execute the query. {message}", ACCESS_DENIED) from error
            raise QueryError(
                f"HIVE_METASTORE_ERROR: {message} (Service: AWSGlue; Error Code: {code})", SCHEMA
            ) from error


class _Missing(Exception):
    pass


class _Exists(Exception):
    pass


def _columns(entries: Sequence[dict[str, Any]]) -> list[Column]:
    return [Column(entry["Name"].lower(), entry.get("Type", "string")) for entry in entries]
