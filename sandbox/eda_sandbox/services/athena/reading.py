"""Tables as DuckDB reads them: which files a query needs, and what the files hold against what the table declares."""

import itertools
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
from sqlglot import exp

from eda_sandbox.foundation.sql_kinds import Columns
from eda_sandbox.services.athena.catalog import Catalog, Column, Table
from eda_sandbox.services.athena.errors import DATA, QueryError
from eda_sandbox.services.athena.macros import Macros
from eda_sandbox.services.athena.projection import Projection
from eda_sandbox.services.athena.storage import Storage, StoredObject, split
from eda_sandbox.services.athena.translation import to_duckdb
from eda_sandbox.services.athena.types import INTEGERS, from_hive

HIDDEN = {"$path": "VARCHAR", "$file_size": "BIGINT", "$file_modified_time": "TIMESTAMP WITH TIME ZONE"}
"""Columns that every table has and ``*`` does not show."""
FEW_LOCATIONS = 8
"""Up to here each partition's location is listed by itself, beyond it what they have in common."""
_LOCAL, _ROW = "$local", "$row"
"""Columns of our own beside a table's."""
_NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class Partition:
    """A part of a table: the values of its partition keys, and where its files lie."""

    values: list[str]
    location: str


@dataclass(frozen=True)
class Scan:
    """A table's files of one form, as one ``read_parquet`` or ``read_ndjson_objects`` has them.

    Attributes:
        marker: the name of the column that holds the file's name, by which it is found in a plan.
        columns: the columns' names in the files; None where a row cannot be read in part.
        bytes: for each column the compressed bytes in all of the files, or the whole files' under ``""``.
    """

    marker: str
    columns: frozenset[str] | None
    bytes: dict[str, int]


@dataclass
class Reader:
    """Makes views over files.

    Attributes:
        connection: DuckDB's.
        macros: the connection's.
        catalog: the caller's.
        storage: the caller's.
        folder: where files are put; all that DuckDB may read.
        now: for projected dates.
        scans: of all tables that were opened.
    """

    connection: duckdb.DuckDBPyConnection
    macros: Macros
    catalog: Catalog
    storage: Storage
    folder: Path
    now: Callable[[], Any]
    scans: list[Scan] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _files: dict[StoredObject, Path] = field(default_factory=dict)

    def open(self, table: Table, conditions: Sequence[exp.Expr], hidden: bool = False, with_files: bool = True) -> str:
        """A view of a table.

        Args:
            table: a table, no view.
            conditions: what holds for all rows that are asked for, on this table's columns alone.
            hidden: whether the view has the hidden columns.
            with_files: whether files are read; otherwise the view is empty.

        Returns:
            the view's name; it has the columns, then the partition keys, then the hidden columns.

        Raises:
            QueryError: the files cannot be read.
        """
        number = next(self._numbers)
        view, listing, file_format = f"t{number}", f"files{number}", table.format
        keys = table.partition_keys
        pruning = _Pruning(self.connection, self.macros, keys, conditions)
        found = self._objects(table, pruning) if with_files else []
        found = pruning.objects(found)
        self._download([stored for stored, _ in found], file_format)
        self._list(listing, keys, found)
        tail = _tail(keys, hidden)
        files = [self._files[stored] for stored, _ in found]
        if not files:
            empty = [f"CAST(NULL AS {from_hive(column.type)}) AS {_name(column.name)}" for column in table.columns]
            selects = [f"SELECT {', '.join([*empty, *tail])} FROM {listing} f WHERE false"]  # noqa: S608 - quoted
        elif file_format == "parquet":
            paths = {str(self._files[stored]): stored.path for stored, _ in found}
            selects = self._parquet(table.columns, files, paths, listing, tail)
        else:
            size = sum(stored.size for stored, _ in found)
            selects = [self._json(table, files, size, listing, tail)]
        self.connection.execute(f"CREATE VIEW {view} AS {' UNION ALL '.join(selects)}")
        return view

    def locations(self, table: Table, conditions: Sequence[exp.Expr]) -> list[Partition]:
        """The partitions that the conditions leave; a table without keys is one."""
        return self._partitions(table, _Pruning(self.connection, self.macros, table.partition_keys, conditions))

    def _partitions(self, table: Table, pruning: "_Pruning") -> list[Partition]:
        if not table.partition_keys:
            return [Partition([], table.location)]
        if table.parameters.get("projection.enabled", "").lower() == "true":
            projected = Projection(table, self.now()).partitions(pruning.values, pruning.injected())
            partitions = [Partition(values, location) for values, location in projected]
        else:
            partitions = [
                Partition(entry["Values"], str(entry["StorageDescriptor"]["Location"]).rstrip("/") + "/")
                for entry in self.catalog.partitions(table)
            ]
        return pruning.partitions(partitions)

    def _objects(self, table: Table, pruning: "_Pruning") -> list[tuple[StoredObject, Partition]]:
        partitions = self._partitions(table, pruning)
        by_location = {partition.location: partition for partition in partitions}
        if not by_location:
            return []
        paths = pruning.paths()
        if paths is not None:
            prefixes = [path for path in paths if path.startswith("s3://")]
        elif len(by_location) <= FEW_LOCATIONS:
            prefixes = list(by_location)
        else:
            prefixes = _common(list(by_location))
        found: dict[StoredObject, Partition] = {}
        for prefix in prefixes:
            for stored in self.storage.list(*split(prefix)):
                partition = None if paths is not None and stored.path not in paths else _home(stored, by_location)
                if partition is not None:
                    found[stored] = partition
        return list(found.items())

    def _download(self, found: Sequence[StoredObject], file_format: str) -> None:
        targets = {}
        for stored in found:
            if stored not in self._files:
                # DuckDB tells compression by the name.
                packed = next((end for end in (".gz", ".zst") if stored.key.endswith(end)), "")
                end = ".parquet" if file_format == "parquet" else f".json{packed}"
                self._files[stored] = targets[stored] = self.folder / f"{len(self._files)}{end}"
        self.storage.download(targets)

    def _list(self, listing: str, keys: Sequence[Column], found: list[tuple[StoredObject, Partition]]) -> None:
        types = {_LOCAL: "VARCHAR", **HIDDEN, **{key.name: "VARCHAR" for key in keys}}
        columns: list[list[Any]] = [
            [str(self._files[stored]) for stored, _ in found],
            [stored.path for stored, _ in found],
            [stored.size for stored, _ in found],
            [stored.modified for stored, _ in found],
            *([_value(partition.values[place]) for _, partition in found] for place in range(len(keys))),
        ]
        _fill(self.connection, listing, types, columns)

    def _parquet(
        self, declared: Sequence[Column], files: list[Path], paths: dict[str, str], listing: str, tail: list[str]
    ) -> list[str]:
        groups: dict[tuple[tuple[str, str, str], ...], list[Path]] = {}
        for file in files:
            self.storage.check_cancelled()
            groups.setdefault(self._schema(file, paths[str(file)]), []).append(file)
        selects = []
        for schema, members in groups.items():
            marker = f"file#{len(self.scans)}"
            held = {name.lower(): (name, physical, kind) for name, physical, kind in schema}
            self.scans.append(Scan(marker, frozenset(held), self._column_bytes(members)))
            columns = [_from_parquet(column, held.get(column.name)) for column in declared]
            source = f"read_parquet({_names(members)}, filename={_text(marker)})"
            selects.append(_select([*columns, *tail], source, listing, marker))
        return selects

    def _json(self, table: Table, files: list[Path], size: int, listing: str, tail: list[str]) -> str:
        marker = f"file#{len(self.scans)}"
        self.scans.append(Scan(marker, None, {"": size}))
        parameters = table.serde_parameters
        lenient = parameters.get("ignore.malformed.json", "false").lower() == "true"
        source = f"read_ndjson_objects({_names(files)}, filename={_text(marker)}, ignore_errors={str(lenient).lower()})"
        columns = [
            _from_json(place, column, parameters.get(f"mapping.{column.name}", column.name))
            for place, column in enumerate(table.columns)
        ]
        return _select([*columns, *tail], source, listing, marker)

    def _schema(self, file: Path, path: str) -> tuple[tuple[str, str, str], ...]:
        """Name, physical type and DuckDB type of a file's columns."""
        try:
            rows = self.connection.execute(
                f"SELECT name, type, num_children, duckdb_type FROM parquet_schema({_text(str(file))})"  # noqa: S608
            ).fetchall()
        except duckdb.Error as error:
            raise QueryError(
                f"HIVE_BAD_DATA: Not valid Parquet file: {path} ({str(error).partition(' in file')[0]})", DATA
            ) from error
        columns, skip = [], 0
        for name, physical, children, kind in rows[1:]:
            if skip:
                skip += (children or 0) - 1
                continue
            skip = children or 0
            columns.append((name, physical or "group", str(kind)))
        return tuple(columns)

    def _column_bytes(self, files: list[Path]) -> dict[str, int]:
        rows = self.connection.execute(
            "SELECT lower(split_part(path_in_schema, ', ', 1)), sum(total_compressed_size) "  # noqa: S608 - own names
            f"FROM parquet_metadata({_names(files)}) GROUP BY 1"
        ).fetchall()
        return {name: int(size) for name, size in rows}


def scanned_bytes(connection: duckdb.DuckDBPyConnection, sql: str, scans: Sequence[Scan]) -> int:
    """How many bytes a query reads: of Parquet the columns that it needs, of JSON the files."""
    [(_, plan)] = connection.execute(f"EXPLAIN (FORMAT JSON) {sql}").fetchall()
    total, nodes = 0, list(json.loads(plan))
    by_marker = {scan.marker: scan for scan in scans}
    while nodes:
        node = nodes.pop()
        nodes.extend(node.get("children", []))
        info = node.get("extra_info") or {}
        projected = info.get("Projections") or []
        projected = [projected] if isinstance(projected, str) else projected
        scan = next((by_marker[name] for name in projected if name in by_marker), None)
        if scan is None:
            continue
        if scan.columns is None:
            total += scan.bytes[""]
            continue
        words = set(re.findall(r"\w+", str(info.get("Filters", "")).lower()))
        read = {name.lower() for name in projected} | words
        total += sum(size for name, size in scan.bytes.items() if name in read)
    return total


class _Pruning:
    """What a query's conditions on one table leave of its partitions and files."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        macros: Macros,
        keys: Sequence[Column],
        conditions: Sequence[exp.Expr],
    ) -> None:
        self._connection = connection
        self._macros = macros
        self._keys = keys
        self._conditions = [(condition, _columns_of(condition)) for condition in conditions]

    def values(self, key: str, values: list[str]) -> list[str]:
        """One key's values that its own conditions leave."""
        conditions = [condition for condition, names in self._conditions if names == {key}]
        kept = self._kept([column for column in self._keys if column.name == key], [[v] for v in values], conditions)
        return [values[index] for index in kept]

    def partitions(self, partitions: list[Partition]) -> list[Partition]:
        """The partitions that are left."""
        names = {key.name for key in self._keys}
        conditions = [condition for condition, used in self._conditions if used <= names]
        kept = self._kept(self._keys, [partition.values for partition in partitions], conditions)
        return [partitions[index] for index in kept]

    def objects(self, found: list[tuple[StoredObject, Partition]]) -> list[tuple[StoredObject, Partition]]:
        """The files that are left."""
        names = {*HIDDEN, *(key.name for key in self._keys)}
        conditions = [c for c, used in self._conditions if used <= names and used & set(HIDDEN)]
        if not conditions or not found:
            return found
        rows = [[stored.path, stored.size, stored.modified, *partition.values] for stored, partition in found]
        hidden = [Column(name, "") for name in HIDDEN]
        return [found[index] for index in self._kept([*hidden, *self._keys], rows, conditions)]

    def paths(self) -> set[str] | None:
        """The only paths that can be meant, where a condition says so."""
        return self._equal("$path")

    def injected(self) -> dict[str, list[str]]:
        """The values that conditions demand of each key."""
        found = {key.name: self._equal(key.name) for key in self._keys}
        return {name: sorted(values) for name, values in found.items() if values}

    def _equal(self, name: str) -> set[str] | None:
        left: set[str] | None = None
        for condition, names in self._conditions:
            literals = _literals(condition) if names == {name} else None
            if literals is not None:
                left = literals if left is None else left & literals
        return left

    def _kept(self, columns: Sequence[Column], rows: list[Any], conditions: Sequence[exp.Expr]) -> list[int]:
        if not conditions or not rows:
            return list(range(len(rows)))
        types = {_ROW: "BIGINT"} | {column.name: HIDDEN.get(column.name) or "VARCHAR" for column in columns}
        data: list[list[Any]] = [list(range(len(rows)))]
        data += [[_value(row[place]) for row in rows] for place in range(len(columns))]
        _fill(self._connection, "pruned", types, data)
        selected = ", ".join(
            f"TRY_CAST({_name(c.name)} AS {HIDDEN.get(c.name) or from_hive(c.type)}) AS {_name(c.name)}"
            for c in columns
        )
        query = exp.select(exp.column(_ROW, quoted=True)).from_("candidates")
        for condition in conditions:
            query = query.where(condition.copy())
        for column in query.find_all(exp.Column):
            column.set("table", None)
        kinds: Columns = {c.name.lower(): HIDDEN.get(c.name) or from_hive(c.type) for c in columns}
        text = to_duckdb(query, self._connection, lambda _table: kinds, self._macros)
        try:
            kept = self._connection.execute(
                f"WITH candidates AS (SELECT {_name(_ROW)}, {selected} FROM pruned) {text}"  # noqa: S608 - made from the tree
            ).fetchall()
        except duckdb.Error:
            # A condition that fails here fails in the query too, where it is reported.
            return list(range(len(rows)))
        finally:
            self._connection.execute("DROP TABLE pruned")
        return sorted(number for (number,) in kept)


def _fill(
    connection: duckdb.DuckDBPyConnection, table: str, types: dict[str, str], columns: Sequence[list[Any]]
) -> None:
    definition = ", ".join(f"{_name(name)} {kind}" for name, kind in types.items())
    connection.execute(f"CREATE TABLE {table} ({definition})")
    unnested = ", ".join(f"unnest(CAST(${place} AS {kind}[]))" for place, kind in enumerate(types.values(), start=1))
    connection.execute(f"INSERT INTO {table} SELECT {unnested}", list(columns))


def _select(columns: Sequence[str], source: str, listing: str, marker: str) -> str:
    return (
        f"SELECT {', '.join(columns)} FROM {source} r "  # noqa: S608 - names are quoted
        f"JOIN {listing} f ON r.{_name(marker)} = f.{_name(_LOCAL)}"
    )


def _tail(keys: Sequence[Column], hidden: bool) -> list[str]:
    typed = [f"CAST(f.{_name(key.name)} AS {from_hive(key.type)}) AS {_name(key.name)}" for key in keys]
    return [*typed, *(f"f.{_name(name)}" for name in (HIDDEN if hidden else ()))]


def _from_parquet(column: Column, held: tuple[str, str, str] | None) -> str:
    wanted, name = from_hive(column.type), _name(column.name)
    if held is None:
        return f"CAST(NULL AS {wanted}) AS {name}"
    original, physical, kind = held
    if _readable(kind, wanted):
        value = f"r.{_name(original)}"
        if (kind, wanted) == ("BLOB", "VARCHAR"):
            value = f"decode({value})"
        elif (kind, wanted) == ("VARCHAR", "BLOB"):
            value = f"encode({value})"
        return f"CAST({value} AS {wanted}) AS {name}"
    declared = exp.DataType.build(column.type, dialect="hive").sql("trino").lower()
    message = (
        f"'HIVE_BAD_DATA: Field {column.name}''s type {physical} in parquet file ' || f.\"$path\" || "
        f"' is incompatible with type {declared} defined in table schema'"
    )
    return f'CAST(CASE WHEN f."$path" IS NOT NULL THEN error({message}) END AS {wanted}) AS {name}'


def _readable(kind: str, wanted: str) -> bool:
    if kind == wanted:
        return True
    if kind in INTEGERS and wanted in INTEGERS:
        # What is an INT32 in the file may be any narrower or wider integer, an INT64 is a bigint alone.
        return kind != "BIGINT"
    if wanted == "TIMESTAMP":
        return kind.startswith("TIMESTAMP")
    if wanted.startswith("DECIMAL"):
        return kind.startswith("DECIMAL")
    if kind.endswith("]") or kind.startswith(("STRUCT", "MAP")):
        return (wanted.endswith("]"), wanted[:3]) == (kind.endswith("]"), kind[:3]) or (
            kind.endswith("]") and wanted.endswith("]")
        )
    return (kind, wanted) in {
        ("FLOAT", "DOUBLE"),
        ("BLOB", "VARCHAR"),
        ("VARCHAR", "BLOB"),
        ("JSON", "VARCHAR"),
        ("USMALLINT", "INTEGER"),
        ("UTINYINT", "INTEGER"),
        ("UINTEGER", "BIGINT"),
    }


def _from_json(place: int, column: Column, key: str) -> str:
    wanted, name = from_hive(column.type), _name(column.name)
    pointer = _text("$." + json.dumps(key, ensure_ascii=False))
    text = f"json_extract_string(r.json, {pointer})"
    if wanted == "VARCHAR":
        return f"{text} AS {name}"
    if wanted.endswith("]") or wanted.startswith(("STRUCT", "MAP")):
        return f"CAST(json_extract(r.json, {pointer}) AS {wanted}) AS {name}"
    complaint = f"'HIVE_BAD_DATA: Error parsing field value ''' || {text} || ''' for field {place}: {wanted.lower()}'"
    return (
        f"CASE WHEN {text} IS NOT NULL AND TRY_CAST({text} AS {wanted}) IS NULL THEN error({complaint}) "
        f"ELSE TRY_CAST({text} AS {wanted}) END AS {name}"
    )


def _common(locations: list[str]) -> list[str]:
    buckets: dict[str, list[str]] = {}
    for location in locations:
        buckets.setdefault(split(location)[0], []).append(location)
    common = []
    for members in buckets.values():
        # The first and the last in order have in common what all have.
        first, last = min(members), max(members)
        same = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False)))
        common.append(first[:same].rpartition("/")[0] + "/")
    return common


def _home(stored: StoredObject, by_location: dict[str, Partition]) -> Partition | None:
    """The partition below whose location an object lies; None for what Hive does not read."""
    folder = stored.path
    while "/" in folder.removeprefix("s3://"):
        folder = folder.rstrip("/").rpartition("/")[0] + "/"
        if folder in by_location:
            below = stored.path.removeprefix(folder)
            hidden = any(part.startswith(("_", ".")) for part in below.split("/"))
            return None if hidden or below.endswith("/") or not below or not stored.size else by_location[folder]
    return None


def _columns_of(condition: exp.Expr) -> set[str]:
    return {column.name.lower() for column in condition.find_all(exp.Column)}


def _literals(condition: exp.Expr) -> set[str] | None:
    """The values that a condition ``column = 'value'`` or ``column IN ('value', …)`` allows."""
    match condition:
        case exp.EQ():
            sides = [condition.this, condition.expression]
            values = [side for side in sides if isinstance(side, exp.Literal)]
            return {str(values[0].this)} if len(values) == 1 and any(isinstance(s, exp.Column) for s in sides) else None
        case exp.In() if isinstance(condition.this, exp.Column) and condition.expressions:
            if all(isinstance(value, exp.Literal) for value in condition.expressions):
                return {str(value.this) for value in condition.expressions}
    return None


def _value(value: Any) -> Any:
    return None if value == _NULL_PARTITION else value


def _names(files: Sequence[Path]) -> str:
    return "[" + ", ".join(_text(str(file)) for file in files) + "]"


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
