"""The SQL of a load: one transaction that brings files of one or several shapes into one table.

COPY of Parquet goes by position, so each shape has a staging table of its own, with the columns that its files have.
What a file lacks it says nothing about: a row that is new has NULL there, one that is there keeps its value.

Runs on Python 3.9 too, because Glue's Python shell does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eda_runtime.ledger import Row

Columns = tuple[tuple[str, str], ...]
"""Name and type of each column, in their order."""

STATEMENTS_OF_SHAPE = 6
MAX_SHAPES = 40 // STATEMENTS_OF_SHAPE
"""Shapes of one load: a ``BatchExecuteStatement`` takes 40 statements (Redshift Data API)."""
LOAD_LEDGER_COLUMNS: Columns = (
    ("dataset", "VARCHAR(128)"),
    ("slot", "VARCHAR(64)"),
    ("attempt", "INTEGER"),
    ("objects", "INTEGER"),
    ("manifest", "VARCHAR(2048)"),
    ("loaded_at", "TIMESTAMP"),
)
"""The columns of ``load_ledger``, which says in Redshift itself what was loaded; ``objects`` is their number."""
NATURAL = {
    "string": "VARCHAR(65535)",
    "varchar": "VARCHAR(65535)",
    "char": "VARCHAR(65535)",
    "tinyint": "SMALLINT",
    "smallint": "SMALLINT",
    "int": "INTEGER",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "float": "REAL",
    "double": "DOUBLE PRECISION",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
}
"""The Redshift type that holds every value of a Hive type; ``decimal`` keeps its digits."""
_SAME = {
    "character varying": "varchar",
    "nvarchar": "varchar",
    "text": "varchar",
    "character": "varchar",
    "char": "varchar",
    "nchar": "varchar",
    "bpchar": "varchar",
    "int": "integer",
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "bool": "boolean",
    "float4": "real",
    "float": "double precision",
    "float8": "double precision",
    "numeric": "decimal",
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamptz",
    "time without time zone": "time",
    "time with time zone": "timetz",
    "binary varying": "varbyte",
    "varbinary": "varbyte",
}
"""Redshift's other words for a type."""
_TAKEN = {("super", "varchar"), ("timestamptz", "timestamp")}
"""Types of columns that COPY fills from another type of a file."""

_STAGING, _NEWEST, _POSITION = "eda_staging", "eda_newest", "eda_position"
_OWN = re.compile(rf"({_STAGING}|{_NEWEST})(_[0-9]+)?")
_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,126}")
_TYPE = re.compile(r"[a-z]+( [a-z]+)*(\((max|[0-9]+(, ?[0-9]+)?)\))?", re.IGNORECASE)
_ROLE = re.compile(r"arn:[a-z-]+:iam::\d{12}:role/[A-Za-z0-9+=,.@_/-]+")


class LoadArgumentError(ValueError):
    """An argument of the load is not one that SQL or the ledger can take; the message names it and what is allowed."""


def check_argument(argument: str, value: str, pattern: re.Pattern[str], allowed: str) -> None:
    """Check that an argument has its form.

    Raises:
        LoadArgumentError: it has another; the message says what is ``allowed``.
    """
    if not pattern.fullmatch(value):
        raise LoadArgumentError(f"{argument} is {value!r}; it must be {allowed}")


@dataclass(frozen=True)
class Target:
    """Where and how a data set is loaded.

    Attributes:
        workgroup_name: the Redshift Serverless workgroup.
        database: its database.
        schema: of the target table and of ``load_ledger``.
        table: the target.
        columns: name and Redshift type of each column.
        key: the column that names a row of the target.
        version_column: the column that grows with each change of it.
        copy_role_arn: the role with which COPY reads the files.
        statement_prefix: of every statement's name.

    Raises:
        LoadArgumentError: one of them is not allowed.
    """

    workgroup_name: str
    database: str
    schema: str
    table: str
    columns: Columns
    key: str
    version_column: str
    copy_role_arn: str
    statement_prefix: str

    def __post_init__(self) -> None:
        """Check the arguments."""
        names = [name for name, _ in self.columns]
        for argument, name in [("schema", self.schema), ("table", self.table), *(("columns", name) for name in names)]:
            check_argument(argument, name, _IDENTIFIER, "a lower-case identifier, up to 127 of a-z, 0-9 and _")
        for _, type_ in self.columns:
            check_argument("columns", type_, _TYPE, "a Redshift type such as VARCHAR(64)")
        if len(set(names)) != len(names):
            raise LoadArgumentError("columns names a column twice; each must have its own name")
        for argument, name in (("key", self.key), ("version_column", self.version_column)):
            if name not in names:
                raise LoadArgumentError(f"{argument} is {name!r}; it must be one of columns: {', '.join(names)}")
        if self.key == self.version_column:
            raise LoadArgumentError(f"key and version_column are both {self.key!r}; they must be two columns")
        if _OWN.fullmatch(self.table):
            raise LoadArgumentError(f"table is {self.table!r}; that name is used by the load itself")
        if _POSITION in names:
            raise LoadArgumentError(f"columns has {_POSITION}; that name is used by the load itself")
        check_argument("copy_role_arn", self.copy_role_arn, _ROLE, "the ARN of an IAM role")
        check_argument("statement_prefix", self.statement_prefix, NAME, "1 to 128 of A-Z, a-z, 0-9, . _ -")

    def refusal(self, columns: Columns | None) -> str | None:
        """Why files of these columns cannot be loaded, whatever they hold; None when they can."""
        if columns is None:
            return None
        names = [name for name, _ in columns]
        lacking = [name for name in (self.key, self.version_column) if name not in names]
        if lacking:
            return f"the files have no column {' and no '.join(lacking)}; they have {', '.join(names)}"
        odd = [name for name in names if not _IDENTIFIER.fullmatch(name) or name == _POSITION]
        unknown = [f"{name} {hive}" for name, hive in columns if natural_type(hive) is None]
        if odd or len(set(names)) != len(names):
            return f"the files' columns are not ones that can be loaded: {', '.join(names)}"
        return f"no type of Redshift is known for: {', '.join(unknown)}" if unknown else None


NAME = re.compile(r"[A-Za-z0-9._-]{1,128}")
"""Names of data sets and statements."""


def natural_type(hive: str) -> str | None:
    """The Redshift type that holds every value of a Hive type; None for one that has none."""
    word = hive.partition("(")[0].strip().lower()
    if word == "decimal":
        return hive.upper() if re.fullmatch(r"decimal\([0-9]+, ?[0-9]+\)", hive.lower()) else None
    return NATURAL.get(word)


def file_columns(row: Row) -> Columns | None:
    """The columns of a query row's files, Hive types by name; None where the row does not say."""
    return tuple((name, hive) for name, hive in json.loads(row["columns"])) if "columns" in row else None


def manifest(objects: Sequence[Row]) -> bytes:
    """COPY's manifest of the files of query rows."""
    entries = [
        {"url": file["path"], "mandatory": True, "meta": {"content_length": file["bytes"]}}
        for row in objects
        for file in json.loads(row["files"])
    ]
    return json.dumps({"entries": entries}, indent=1).encode()


def transaction(target: Target, row: Row) -> list[str]:
    """The statements of a load: all of them or none take effect.

    The newest version of each key is merged where the target has none that is newer. The same version replaces itself,
    so that objects that were queried anew correct the target.

    Args:
        target: where to.
        row: the load, with ``manifests``: JSON, of each shape its ``manifest``, its ``columns`` (None: the target's)
            and the number of its ``objects``.
    """
    shapes = json.loads(row["manifests"])
    return [
        statement
        for number, shape in enumerate(shapes, start=1)
        for statement in _merged(target, row, shape, "" if number == 1 else f"_{number}")
    ]


def _merged(target: Target, row: Row, shape: dict[str, Any], suffix: str) -> list[str]:
    """The statements that bring in the files of one shape."""
    staging, newest = f"{_STAGING}{suffix}", f"{_NEWEST}{suffix}"
    goal = f"{quoted(target.schema)}.{quoted(target.table)}"
    ledger = f"{quoted(target.schema)}.{quoted('load_ledger')}"
    wanted = dict(target.columns)
    columns = [(name, kind, kind) for name, kind in target.columns]
    if shape["columns"] is not None:
        columns = [(name, *_staged(wanted.get(name), hive)) for name, hive in shape["columns"]]
    needed = (target.key, target.version_column)
    typed = ", ".join(f"{quoted(name)} {kind}{' NOT NULL' if name in needed else ''}" for name, kind, _ in columns)
    known = [(name, kind, goal_type) for name, kind, goal_type in columns if name in wanted]
    names = ", ".join(quoted(name) for name, _, _ in known)
    values = ", ".join(
        quoted(name) if kind == goal_type else f"CAST({quoted(name)} AS {goal_type}) AS {quoted(name)}"
        for name, kind, goal_type in known
    )
    key, version, table = quoted(target.key), quoted(target.version_column), quoted(target.table)
    updates = ", ".join(f"{quoted(name)} = {newest}.{quoted(name)}" for name, _, _ in known if name != target.key)
    inserts = ", ".join(f"{newest}.{quoted(name)}" for name, _, _ in known)
    entry = [
        ("dataset", literal(row["dataset"])),
        ("slot", literal(row["slot"])),
        ("attempt", str(int(row["attempt"]))),
        ("manifest", literal(shape["manifest"])),
        ("objects", str(int(shape["objects"]))),
        ("loaded_at", "GETDATE()"),
    ]
    same = " AND ".join(f"{name} = {value}" for name, value in entry[:4])
    # Every name is checked by Target and quoted, every value is a literal.
    return [
        f"CREATE TEMP TABLE {staging} ({typed})",
        f"COPY {staging} FROM {literal(shape['manifest'])} IAM_ROLE {literal(target.copy_role_arn)} "
        "FORMAT AS PARQUET MANIFEST",
        f"CREATE TEMP TABLE {newest} AS SELECT {values} FROM (SELECT {names}, ROW_NUMBER() OVER "  # noqa: S608
        f"(PARTITION BY {key} ORDER BY {version} DESC) AS {_POSITION} FROM {staging}) AS ranked "
        f"WHERE {_POSITION} = 1",
        f"DELETE FROM {newest} USING {goal} "  # noqa: S608
        f"WHERE {newest}.{key} = {table}.{key} AND {table}.{version} > {newest}.{version}",
        f"MERGE INTO {goal} USING {newest} ON {table}.{key} = {newest}.{key} "  # noqa: S608
        f"WHEN MATCHED THEN UPDATE SET {updates} WHEN NOT MATCHED THEN INSERT ({names}) VALUES ({inserts})",
        f"INSERT INTO {ledger} ({', '.join(name for name, _ in entry)}) "  # noqa: S608
        f"SELECT {', '.join(value for _, value in entry)} "
        f"WHERE NOT EXISTS (SELECT 1 FROM {ledger} WHERE {same})",
    ]


def _staged(goal: str | None, hive: str) -> tuple[str, str]:
    """The type of a file's column in staging, and the one that the target wants."""
    stored = natural_type(hive)
    assert stored is not None, "refusal() has looked at the columns"
    if goal is None:
        return stored, stored
    # COPY compares a file's types with the table's and casts nothing.
    fits = type_family(goal) == type_family(stored) or (type_family(goal), type_family(stored)) in _TAKEN
    return (goal if fits else stored), goal


def type_family(redshift: str) -> str:
    """A Redshift type under its first name, without its length; a ``decimal`` with its digits."""
    word, _, digits = redshift.lower().partition("(")
    family = _SAME.get(word.strip(), word.strip())
    return f"{family}({digits.replace(' ', '')}" if family == "decimal" else family


def quoted(name: str) -> str:
    """An identifier that was checked to have no quote."""
    return f'"{name}"'


def literal(text: str) -> str:
    """A string; a backslash escapes in Redshift's strings, and no value that comes here may have one."""
    return "'" + text.replace("'", "''") + "'"
