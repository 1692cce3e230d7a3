"""Redshift's types, in DuckDB and on the wire."""

from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from sqlglot import exp

from eda_sandbox.services.redshift.sql.errors import NOT_OFFERED, SqlError

VARCHAR_DEFAULT, VARCHAR_MAX = 256, 65535
"""Bytes."""
_PLAIN = {
    exp.DType.SMALLINT: ("smallint", "SMALLINT"),
    exp.DType.INT: ("integer", "INTEGER"),
    exp.DType.BIGINT: ("bigint", "BIGINT"),
    exp.DType.FLOAT: ("real", "FLOAT"),
    exp.DType.DOUBLE: ("double precision", "DOUBLE"),
    exp.DType.BOOLEAN: ("boolean", "BOOLEAN"),
    exp.DType.DATE: ("date", "DATE"),
    exp.DType.TIME: ("time without time zone", "TIME"),
    exp.DType.TIMESTAMP: ("timestamp without time zone", "TIMESTAMP"),
    exp.DType.TIMESTAMPTZ: ("timestamp with time zone", "TIMESTAMPTZ"),
    exp.DType.SUPER: ("super", "JSON"),
    exp.DType.VARBINARY: ("binary varying", "BLOB"),
}
_FROM_DUCKDB = {duckdb: name for name, duckdb in _PLAIN.values()} | {
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
    "HUGEINT": "bigint",
    "TINYINT": "smallint",
    "VARCHAR": f"character varying({VARCHAR_MAX})",
}
_WIRE = {
    "smallint": ("int2", 5),
    "integer": ("int4", 10),
    "bigint": ("int8", 19),
    "real": ("float4", 8),
    "double precision": ("float8", 17),
    "boolean": ("bool", 1),
    "date": ("date", 13),
    "time without time zone": ("time", 15),
    "timestamp without time zone": ("timestamp", 29),
    "timestamp with time zone": ("timestamptz", 35),
    "super": ("super", 0),
    "binary varying": ("varbyte", 0),
}
_PARQUET = {
    "smallint": {"TINYINT", "SMALLINT", "INTEGER"},
    "integer": {"INTEGER"},
    "bigint": {"BIGINT"},
    "real": {"FLOAT"},
    "double precision": {"DOUBLE"},
    "boolean": {"BOOLEAN"},
    "date": {"DATE"},
    "timestamp without time zone": {"TIMESTAMP", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE"},
    "timestamp with time zone": {"TIMESTAMP", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE"},
    "super": {"VARCHAR", "JSON"},
    "binary varying": {"BLOB"},
}


@dataclass(frozen=True)
class RedshiftType:
    """A column's type.

    Args:
        name: as the catalog of Redshift writes it, ``character varying(256)``.
        duckdb: what it is stored as.
        length: the most bytes of a string; None where it has no such limit.
    """

    name: str
    duckdb: str
    length: int | None = None

    @property
    def is_string(self) -> bool:
        """Whether values are character strings."""
        return self.name.startswith("character")

    @property
    def wire(self) -> tuple[str, int, int]:
        """Name, precision and scale as the Data API shows them."""
        if self.is_string:
            return ("varchar" if "varying" in self.name else "bpchar"), self.length or VARCHAR_MAX, 0
        if self.name.startswith("numeric"):
            precision, scale = self.name[8:-1].split(",")
            return "numeric", int(precision), int(scale)
        name, precision_of = _WIRE[self.name]
        return name, precision_of, 0

    def reads_parquet(self, stored: str) -> bool:
        """Whether COPY takes a Parquet column that DuckDB describes so; Redshift converts next to nothing."""
        if self.is_string:
            return stored == "VARCHAR"
        if self.name.startswith("numeric"):
            return stored == self.duckdb
        return stored in _PARQUET.get(self.name, set())


def from_definition(kind: exp.DataType) -> RedshiftType:
    """The type that a column is defined with.

    Raises:
        SqlError: Redshift has no such type.
    """
    sizes = [parameter.name.lower() for parameter in kind.expressions]
    if kind.this in (exp.DType.VARCHAR, exp.DType.NVARCHAR, exp.DType.TEXT):
        length = VARCHAR_MAX if sizes == ["max"] else int(sizes[0]) if sizes else VARCHAR_DEFAULT
        if not 1 <= length <= VARCHAR_MAX:
            raise SqlError(f"length for type varchar must be between 1 and {VARCHAR_MAX}")
        return RedshiftType(f"character varying({length})", "VARCHAR", length)
    if kind.this in (exp.DType.CHAR, exp.DType.NCHAR, exp.DType.BPCHAR):
        length = int(sizes[0]) if sizes else 1
        return RedshiftType(f"character({length})", "VARCHAR", length)
    if kind.this in (exp.DType.DECIMAL, exp.DType.BIGDECIMAL):
        precision, scale = int(sizes[0]) if sizes else 18, int(sizes[1]) if len(sizes) > 1 else 0
        if not 1 <= precision <= 38 or not 0 <= scale <= precision:
            raise SqlError(f"NUMERIC precision {precision} must be between 1 and 38")
        return RedshiftType(f"numeric({precision},{scale})", f"DECIMAL({precision},{scale})")
    if kind.this in _PLAIN and isinstance(kind.this, exp.DType):
        return RedshiftType(*_PLAIN[kind.this])
    raise SqlError(f'type "{kind.sql("redshift").lower()}" does not exist')


def from_stored(duckdb: str, name: str | None = None) -> RedshiftType:
    """The type of a column that exists or of a result, by what DuckDB calls it and the name it was defined with.

    Raises:
        SqlError: Redshift has no such type, a list or a structure for example.
    """
    if name is None and duckdb.startswith("DECIMAL"):
        name = duckdb.replace("DECIMAL", "numeric")
    name = name or _FROM_DUCKDB.get(duckdb)
    if name is None and duckdb in ("NULL", '"NULL"', "UNKNOWN", "UUID", "INTERVAL"):
        name = f"character varying({VARCHAR_MAX})"
    if name is None:
        raise SqlError(f"{NOT_OFFERED} values of the type {duckdb}")
    length = int(name.partition("(")[2][:-1]) if name.startswith("character") else None
    return RedshiftType(name, duckdb, length)


def field(value: Any) -> dict[str, Any]:
    """A value as the Data API's ``Field``."""
    match value:
        case None:
            return {"isNull": True}
        case bool():
            return {"booleanValue": value}
        case int():
            return {"longValue": value}
        case float():
            return {"doubleValue": value}
        case bytes():
            return {"blobValue": value}
        case datetime():
            text = value.strftime("%Y-%m-%d %H:%M:%S") + (
                f".{value.microsecond:06}".rstrip("0") if value.microsecond else ""
            )
            return {"stringValue": text + ("+00" if value.tzinfo else "")}
        case Decimal():
            return {"stringValue": f"{value:f}"}
        case date() | time():
            return {"stringValue": value.isoformat()}
        case _:
            return {"stringValue": str(value)}
