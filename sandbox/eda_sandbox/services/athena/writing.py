"""What UNLOAD, INSERT and CREATE TABLE AS write: files, one for each partition."""

import re
import secrets
import string
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from eda_sandbox.services.athena.errors import INVALID_ARGUMENT, NOT_SUPPORTED, PATH_EXISTS, QueryError
from eda_sandbox.services.athena.storage import Storage, split
from eda_sandbox.services.athena.types import stored, to_hive

MAX_PARTITIONS = 100
"""Partitions that one statement writes (Athena's limit)."""
_COMPRESSIONS = {
    "PARQUET": {"GZIP": "gzip", "SNAPPY": "snappy", "ZSTD": "zstd", "NONE": "uncompressed"},
    "JSON": {"GZIP": "gzip", "NONE": "none", "ZSTD": "zstd"},
    "TEXTFILE": {"GZIP": "gzip", "NONE": "none", "ZSTD": "zstd"},
}
_ENDS = {"gzip": ".gz", "zstd": ".zst", "none": ""}
_ESCAPED = re.compile(r"""[\x00-\x1f\x7f"#%'*/:=?\\{\[\]^]""")
RESULT = "result"
"""The table that holds what is written."""


@dataclass(frozen=True)
class Output:
    """How files are written.

    Attributes:
        format: ``PARQUET``, ``JSON`` or ``TEXTFILE``.
        compression: DuckDB's name of it.
        partitioned_by: the columns that become folders.
        delimiter: of TEXTFILE.
    """

    format: str
    compression: str
    partitioned_by: tuple[str, ...] = ()
    delimiter: str = "\x01"


@dataclass(frozen=True)
class Written:
    """What was written: the values of the partition, its folder, and the file."""

    values: list[str]
    location: str
    path: str


def output_of(properties: dict[str, Any], statement: str, others: Sequence[str] = ()) -> Output:
    """How a statement's properties say that files are written.

    Args:
        properties: as ``language.properties`` reads them.
        statement: its name, for errors.
        others: further properties that it may have.

    Raises:
        QueryError: a property is unknown or has no such value.
    """
    known = ("format", "compression", "partitioned_by", "field_delimiter", "write_compression", "parquet_compression")
    unknown = next((name for name in properties if name not in (*known, *others)), None)
    if unknown is not None:
        raise QueryError(
            f"INVALID_TABLE_PROPERTY: line 1:1: {statement}: the property '{unknown}' does not exist, "
            "or the sandbox does not offer it",
            INVALID_ARGUMENT,
        )
    file_format = str(properties.get("format", "PARQUET")).upper()
    if file_format not in _COMPRESSIONS:
        raise QueryError(
            f"NOT_SUPPORTED: {statement}: the sandbox writes {', '.join(_COMPRESSIONS)}, not {file_format}",
            NOT_SUPPORTED,
        )
    given = [
        properties[name] for name in ("compression", "write_compression", "parquet_compression") if name in properties
    ]
    wanted = str(given[0] if given else "GZIP").upper()
    compression = _COMPRESSIONS[file_format].get(wanted)
    if compression is None:
        raise QueryError(
            f"INVALID_TABLE_PROPERTY: {statement}: compression {wanted} does not go with {file_format}",
            INVALID_ARGUMENT,
        )
    keys = properties.get("partitioned_by") or []
    delimiter = str(properties.get("field_delimiter", "\x01"))
    return Output(file_format, compression, tuple(key.lower() for key in keys), delimiter)


def columns(connection: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[str, str]]:
    """Names and DuckDB types of a query's result."""
    rows = connection.execute(f"DESCRIBE {sql}").fetchall()
    return [(str(name), str(kind)) for name, kind, *_ in rows]


def check_columns(found: Sequence[tuple[str, str]], keys: Sequence[str]) -> None:
    """Check that a result can be written.

    Raises:
        QueryError: a column has the name of another one, Hive has no such type, or the partition columns are
            not the last ones.
    """
    names = [name.lower() for name, _ in found]
    for place, name in enumerate(names):
        if names.index(name) != place:
            raise QueryError(f"DUPLICATE_COLUMN_NAME: line 1:1: Column name '{name}' specified more than once")
    for _, kind in found:
        to_hive(kind)
    if keys and names[-len(keys) :] != list(keys):
        raise QueryError(
            "HIVE_COLUMN_ORDER_MISMATCH: Partition keys must be the last columns in the table and in the same order as "
            f"the table properties: [{', '.join(keys)}]"
        )
    if len(keys) == len(names):
        raise QueryError("INVALID_TABLE_PROPERTY: Table contains only partition columns", INVALID_ARGUMENT)


def materialize(connection: duckdb.DuckDBPyConnection, sql: str, types: Sequence[tuple[str, str]]) -> int:
    """Run a query into the table that is written.

    Args:
        connection: DuckDB's.
        sql: the query.
        types: names and DuckDB types that the columns shall have, in order.

    Returns:
        how many rows it has.
    """
    names = ", ".join(f"c{place}" for place in range(len(types)))
    cast = ", ".join(f'CAST(c{place} AS {stored(kind)}) AS "{name}"' for place, (name, kind) in enumerate(types))
    connection.execute(f"CREATE TABLE {RESULT} AS SELECT {cast} FROM ({sql}) AS q({names})")  # noqa: S608 - own names
    [(count,)] = connection.execute(f"SELECT count(*) FROM {RESULT}").fetchall()  # noqa: S608
    return int(count)


def check_empty(storage: Storage, location: str) -> None:
    """Check that nothing lies where files shall be written.

    Raises:
        QueryError: something does.
    """
    bucket, prefix = split(location)
    if next(storage.list(bucket, prefix.rstrip("/") + "/" if prefix else ""), None) is not None:
        raise QueryError(
            f"HIVE_PATH_ALREADY_EXISTS: Target directory for table already exists: {location}. You may need to "
            "manually clean the data at location before retrying. Athena will not delete data in your account.",
            PATH_EXISTS,
        )


def write(
    connection: duckdb.DuckDBPyConnection,
    storage: Storage,
    folder: Path,
    names: Sequence[str],
    output: Output,
    location: str,
    now: datetime,
) -> list[Written]:
    """Write the result's files; one partition after the other, so that a failure leaves those before it.

    Args:
        connection: DuckDB's.
        storage: the caller's.
        folder: where files may be made.
        names: the result's columns.
        output: how.
        location: where to; partitions are folders below.
        now: for the files' names.

    Raises:
        QueryError: there are too many partitions, or the caller may not write.
    """
    keys, kept = (
        list(output.partitioned_by),
        [f'"{name}"' for name in names if name.lower() not in output.partitioned_by],
    )
    if keys:
        listed = ", ".join(f'CAST("{key}" AS VARCHAR)' for key in keys)
        partitions = connection.execute(f"SELECT DISTINCT {listed} FROM {RESULT} ORDER BY ALL").fetchall()  # noqa: S608
    else:
        partitions = connection.execute(f"SELECT 1 FROM {RESULT} LIMIT 1").fetchall()  # noqa: S608
    if len(partitions) > MAX_PARTITIONS:
        raise QueryError(
            f"HIVE_TOO_MANY_OPEN_PARTITIONS: Exceeded limit of {MAX_PARTITIONS} open writers for partitions/buckets"
        )
    query_id = f"{now:%Y%m%d_%H%M%S}_{secrets.randbelow(100_000):05}_{_letters(5)}"
    written = []
    for number, partition in enumerate(partitions):
        values = ["__HIVE_DEFAULT_PARTITION__" if value is None else str(value) for value in partition] if keys else []
        pairs = zip(keys, values, strict=True) if keys else ()
        target = location.rstrip("/") + "/" + "".join(f"{key}={_escaped(value)}/" for key, value in pairs)
        condition = " AND ".join(f'CAST("{key}" AS VARCHAR) IS NOT DISTINCT FROM ?' for key in keys) or "true"
        file = folder / f"out{number}"
        source = f"SELECT {', '.join(kept)} FROM {RESULT} WHERE {condition}"  # noqa: S608 - own names
        connection.execute(f"COPY ({source}) TO '{file}' ({_options(output)})", list(partition) if keys else [])
        ending = "" if output.format == "PARQUET" else _ENDS[output.compression]
        path = f"{target}{query_id}_{uuid.uuid4()}{ending}"
        storage.write(*split(path), file)
        file.unlink()
        written.append(Written(values, target, path))
    return written


def _options(output: Output) -> str:
    match output.format:
        case "PARQUET":
            return f"FORMAT parquet, COMPRESSION {output.compression}"
        case "JSON":
            return f"FORMAT json, COMPRESSION {output.compression}"
        case _:
            delimiter = output.delimiter.replace("'", "''")
            return f"FORMAT csv, COMPRESSION {output.compression}, HEADER false, DELIMITER '{delimiter}', QUOTE ''"


def _escaped(value: str) -> str:
    return _ESCAPED.sub(lambda found: f"%{ord(found[0]):02X}", value)


def _letters(count: int) -> str:
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(count))
