"""Types: Hive's in the catalog, DuckDB's underneath, Athena's in results."""

import re
from functools import cache
from typing import Any

import duckdb
from sqlglot import exp
from sqlglot.errors import SqlglotError

from eda_sandbox.services.athena.errors import NOT_SUPPORTED, SCHEMA, QueryError

_PRECISION = {
    "varchar": (2147483647, 0),
    "tinyint": (3, 0),
    "smallint": (5, 0),
    "integer": (10, 0),
    "bigint": (19, 0),
    "float": (17, 0),
    "double": (17, 0),
    "timestamp": (3, 0),
    "timestamp with time zone": (3, 0),
    "varbinary": (1073741824, 0),
}
_WIDE = {"HUGEINT": "BIGINT", "UHUGEINT": "BIGINT", "UBIGINT": "BIGINT", "UINTEGER": "BIGINT", "USMALLINT": "INTEGER"}
_WIDE |= {"UTINYINT": "SMALLINT", "TIMESTAMP_NS": "TIMESTAMP", "TIMESTAMP_MS": "TIMESTAMP", "TIMESTAMP_S": "TIMESTAMP"}
_WIDE |= {'"NULL"': "VARCHAR", "NULL": "VARCHAR", "UUID": "VARCHAR"}
INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT")
"""DuckDB's, the narrower first."""


@cache
def from_hive(hive: str) -> str:
    """DuckDB's name of a Hive type.

    Raises:
        QueryError: there is no such type.
    """
    try:
        written = exp.DataType.build(hive, dialect="hive").sql("duckdb")
        return str(duckdb.sqltype(written))
    except (SqlglotError, duckdb.Error, ValueError) as error:
        raise QueryError(f"HIVE_INVALID_METADATA: type {hive!r} is not a Hive type", SCHEMA) from error


def stored(duckdb_type: str) -> str:
    """The type that a result of DuckDB has on Athena: sums of integers are no wider than bigint there."""
    return _WIDE.get(duckdb_type, duckdb_type)


def to_hive(duckdb_type: str) -> str:
    """The Hive type that a table is made with.

    Raises:
        QueryError: Hive has none for it.
    """
    kind = stored(duckdb_type)
    if re.search(r"TIME ZONE|INTERVAL|JSON|\bTIME\b|UNION|BIT\b", kind):
        raise QueryError(f"NOT_SUPPORTED: Unsupported Hive type: {to_athena(kind)}", NOT_SUPPORTED)
    written = exp.DataType.build(kind, dialect="duckdb").sql("hive").lower()
    return re.sub(r"\s*([<>(),:])\s*", r"\1", written)


def hive_text(kind: exp.Expr) -> str:
    """A type of a CREATE TABLE as the catalog keeps it."""
    return re.sub(r"\s*([<>(),:])\s*", r"\1", kind.sql("hive").lower())


def to_athena(duckdb_type: str) -> str:
    """A type as Athena's messages and views spell it: ``varchar``, ``array(integer)``, ``timestamp(3)``."""
    kind = stored(duckdb_type)
    if kind == "TIMESTAMP":
        return "timestamp(3)"
    if kind == "TIMESTAMP WITH TIME ZONE":
        return "timestamp(3) with time zone"
    try:
        return exp.DataType.build(kind, dialect="duckdb").sql("trino").lower().replace(", ", ",")
    except SqlglotError:
        return kind.lower()


def column_info(name: str, duckdb_type: str) -> dict[str, Any]:
    """A column as ``GetQueryResults`` describes it."""
    kind = stored(duckdb_type)
    precision, scale = 0, 0
    decimal = re.fullmatch(r"DECIMAL\((\d+),\s*(\d+)\)", kind)
    if decimal:
        plain, precision, scale = "decimal", int(decimal[1]), int(decimal[2])
    elif kind.endswith("]"):
        plain = "array"
    elif kind.startswith("STRUCT"):
        plain = "row"
    elif kind.startswith("MAP"):
        plain = "map"
    else:
        names = {"FLOAT": "float", "BLOB": "varbinary", "INTERVAL": "interval day to second"}
        plain = names.get(kind, kind.lower())
        precision, scale = _PRECISION.get(plain, (0, 0))
    return {
        "CatalogName": "hive",
        "SchemaName": "",
        "TableName": "",
        "Name": name,
        "Label": name,
        "Type": plain,
        "Precision": precision,
        "Scale": scale,
        "Nullable": "UNKNOWN",
        "CaseSensitive": plain == "varchar",
    }
