"""Runs one statement in a database of its own."""

import logging
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
from sqlglot import exp

from eda_sandbox.services.athena import definitions, writing
from eda_sandbox.services.athena.catalog import Catalog, Table
from eda_sandbox.services.athena.errors import (
    NOT_SUPPORTED,
    SYNTAX,
    QueryCancelled,
    QueryError,
    at,
    from_duckdb,
    missing_column,
)
from eda_sandbox.services.athena.language import Statement, position, unnamed
from eda_sandbox.services.athena.macros import Macros
from eda_sandbox.services.athena.outcome import Outcome
from eda_sandbox.services.athena.reading import Reader, scanned_bytes
from eda_sandbox.services.athena.relations import Relations
from eda_sandbox.services.athena.results import rendered
from eda_sandbox.services.athena.scope import Scope
from eda_sandbox.services.athena.storage import Storage
from eda_sandbox.services.athena.translation import unknown_column
from eda_sandbox.services.athena.types import INTEGERS, column_info, from_hive, stored, to_athena

MEMORY = "512MB"
THREADS = 1

log = logging.getLogger(__name__)


class Engine:
    """Runs a statement with the permissions of its caller; nothing of the host is in reach of the SQL.

    Args:
        glue: a Glue client in the caller's name.
        storage: the caller's S3.
        folder: for files; all that DuckDB may read and write.
        database: where names without a database are looked up.
        cutoff: bytes that the query may scan; None is without limit.
        table_location: where CREATE TABLE AS puts a table that says nothing else; None where it has to say.
        enforced: whether the workgroup's location holds for CREATE TABLE AS too.
        now: the present.
        cancelled: set when the query shall end.
    """

    def __init__(
        self,
        glue: Any,
        storage: Storage,
        folder: Path,
        database: str | None,
        cutoff: int | None,
        table_location: str | None,
        enforced: bool,
        now: Callable[[], datetime],
        cancelled: threading.Event,
    ) -> None:
        self.storage = storage
        self.database = database
        self.table_location = table_location
        self.enforced = enforced
        self.scanned = 0
        self._folder = folder
        self._cutoff = cutoff
        self._now = now
        self._cancelled = cancelled
        folder.mkdir(parents=True)
        self.connection = duckdb.connect(
            ":memory:",
            config={
                "threads": THREADS,
                "memory_limit": MEMORY,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            },
        )
        for setting in (
            "TimeZone = 'UTC'",
            f"temp_directory = '{folder}'",
            f"allowed_directories = ['{folder}/']",
            "integer_division = true",
            "enable_external_access = false",
        ):
            self.connection.execute(f"SET GLOBAL {setting}")
        self.macros = Macros(self.connection)
        self.connection.execute("SET GLOBAL lock_configuration = true")
        self.catalog = Catalog(glue)
        self.reader = Reader(self.connection, self.macros, self.catalog, storage, folder, now)
        self.scope = Scope(self.catalog, storage, self.reader, database)

    def run(self, statement: Statement) -> Outcome:
        """Run it.

        Raises:
            QueryError: it fails.
            QueryCancelled: it was cancelled, or would scan too much.
        """
        tree = statement.tree.copy()
        try:
            match statement.kind:
                case "SELECT":
                    assert isinstance(tree, exp.Query)
                    return self._select(tree)
                case "UNLOAD":
                    assert isinstance(tree, exp.Query)
                    return self._unload(tree, statement)
                case "INSERT":
                    return self._insert(tree)
                case "CREATE_TABLE_AS_SELECT":
                    return self._create_table_as(tree, statement)
                case "CREATE_VIEW":
                    return self._create_view(tree, statement)
                case _:
                    return definitions.run(self.scope, statement)
        except duckdb.InterruptException as error:
            raise QueryCancelled("Query cancelled by user") from error
        except duckdb.Error as error:
            self.storage.check_cancelled()
            name = missing_column(error)
            raise (unknown_column(statement.tree, name) if name else from_duckdb(error)) from error

    def interrupt(self) -> None:
        """Stop what runs; the flag that says so is set already."""
        self.connection.interrupt()

    def close(self) -> None:
        """Let go of all data."""
        self.connection.close()

    def _prepared(self, tree: exp.Query) -> str:
        sql = Relations(self.reader, self.catalog).resolve(tree, self.database)
        self.scanned = scanned_bytes(self.connection, sql, self.reader.scans)
        if self._cutoff is not None and self.scanned > self._cutoff:
            raise QueryCancelled("Bytes scanned limit was exceeded")
        self.storage.check_cancelled()
        return sql

    def _select(self, tree: exp.Query) -> Outcome:
        sql = self._prepared(tree)
        described = self.connection.execute(sql).description or []
        outcome = Outcome([column_info(str(name), str(kind)) for name, kind, *_ in described])
        kinds = [str(kind) for _, kind, *_ in described]
        while rows := self.connection.fetchmany(10_000):
            self.storage.check_cancelled()
            outcome.rows += [[rendered(v, kind) for v, kind in zip(row, kinds, strict=True)] for row in rows]
        return outcome

    def _unload(self, tree: exp.Query, statement: Statement) -> Outcome:
        output = writing.output_of(statement.properties, "UNLOAD")
        if "format" not in statement.properties:
            raise QueryError("INVALID_TABLE_PROPERTY: UNLOAD: the property 'format' is required", SYNTAX)
        writing.check_empty(self.storage, statement.target)
        sql = self._prepared(tree)
        columns = writing.columns(self.connection, sql)
        writing.check_columns(columns, output.partitioned_by)
        count = writing.materialize(self.connection, sql, columns)
        written = self._write([name for name, _ in columns], output, statement.target)
        return Outcome([column_info("rows", "BIGINT")], manifest=[file.path for file in written], update_count=count)

    def _create_table_as(self, tree: exp.Expr, statement: Statement) -> Outcome:
        database, name = self.scope.named(tree.this)
        properties, query = statement.properties, tree.args["expression"]
        output = writing.output_of(properties, "CREATE TABLE AS", ("external_location",))
        if output.format == "TEXTFILE":
            raise QueryError("NOT_SUPPORTED: the sandbox makes tables of Parquet and JSON", NOT_SUPPORTED)
        location = properties.get("external_location")
        if location and self.enforced:
            raise QueryError(
                "The Create Table As Select query failed because it was submitted with an 'external_location' property "
                "to an Athena Workgroup that enforces a centralized output location for all queries. Please remove the "
                "'external_location' property and resubmit the query."
            )
        location = location or self.table_location
        if not location:
            raise QueryError(
                "INVALID_TABLE_PROPERTY: CREATE TABLE AS: the property 'external_location' is missing", SYNTAX
            )
        if self.catalog.find(database, name) is not None:
            if tree.args.get("exists"):
                return Outcome()
            where = at(position(tree.this))
            raise QueryError(f"TABLE_ALREADY_EXISTS: {where}: Table 'awsdatacatalog.{database}.{name}' already exists")
        self.catalog.database(database, position(tree.this))
        missing = next((place for place, item in enumerate(query.selects, start=1) if unnamed(item)), None)
        if missing is not None:
            raise QueryError(f"MISSING_COLUMN_NAME: line 1:1: Column name not specified at position {missing}", SYNTAX)
        writing.check_empty(self.storage, location)
        sql = self._prepared(query)
        columns = writing.columns(self.connection, sql)
        writing.check_columns(columns, output.partitioned_by)
        count = writing.materialize(self.connection, sql, columns)
        written = self._write([column for column, _ in columns], output, location)
        table = definitions.table_input(name, columns, output, location)
        self.catalog.create_table(database, table)
        if output.partitioned_by:
            made = Table({**table, "DatabaseName": database})
            self.catalog.add_partitions(made, [(file.values, file.location) for file in written])
        return Outcome(manifest=[file.path for file in written], update_count=count)

    def _insert(self, tree: exp.Expr) -> Outcome:
        into = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
        database, name = self.scope.named(into)
        table = self.catalog.table(database, name, position(into))
        if table.is_view:
            raise QueryError("NOT_SUPPORTED: Inserting into views is not supported", NOT_SUPPORTED)
        query = tree.args.get("expression")
        if isinstance(query, exp.Values):
            query = exp.select("*").from_(exp.alias_(query, "v", table=True))
        if not isinstance(query, exp.Query):
            raise QueryError("SYNTAX_ERROR: line 1:1: INSERT INTO takes a query or VALUES", SYNTAX)
        all_columns = [*table.columns, *table.partition_keys]
        known = [column.name for column in all_columns]
        chosen = [item.name.lower() for item in tree.this.expressions] if isinstance(tree.this, exp.Schema) else known
        missing = next((column for column in chosen if column not in known), None)
        if missing is not None:
            raise QueryError(
                f"COLUMN_NOT_FOUND: line 1:1: Insert column name does not exist in target table: {missing}", SYNTAX
            )
        sql = self._prepared(query)
        given = writing.columns(self.connection, sql)
        wanted = {column.name: from_hive(column.type) for column in all_columns}
        targets = [wanted[column] for column in chosen]
        if len(given) != len(chosen) or not all(_fits(kind, to) for (_, kind), to in zip(given, targets, strict=True)):
            raise QueryError(
                "TYPE_MISMATCH: line 1:1: Insert query has mismatched column types: "
                f"Table: [{', '.join(map(to_athena, targets))}], "
                f"Query: [{', '.join(to_athena(kind) for _, kind in given)}]",
                SYNTAX,
            )
        names = ", ".join(f'"{column}"' for column in chosen)
        selected = ", ".join(f'"{column}"' if column in chosen else "NULL" for column in known)
        complete = f"SELECT {selected} FROM ({sql}) AS q({names})"  # noqa: S608 - names of the catalog, quoted
        count = writing.materialize(self.connection, complete, list(wanted.items()))
        keys = tuple(key.name for key in table.partition_keys)
        compression = "snappy" if table.format == "parquet" else "none"
        output = writing.Output(table.format.upper(), compression, keys)
        written = self._write(known, output, table.location)
        if keys and table.parameters.get("projection.enabled", "").lower() != "true":
            self.catalog.add_partitions(table, [(file.values, file.location) for file in written])
        return Outcome([column_info("rows", "BIGINT")], manifest=[file.path for file in written], update_count=count)

    def _create_view(self, tree: exp.Expr, statement: Statement) -> Outcome:
        database, name = self.scope.named(tree.this)
        self.catalog.database(database, position(tree.this))
        relations = Relations(self.reader, self.catalog, with_files=False)
        sql = relations.resolve(tree.args["expression"].copy(), self.database or database)
        columns = writing.columns(self.connection, sql)
        described = [(column, stored(kind)) for column, kind in columns]
        made = definitions.view_input(name, statement.text, self.database or database, described)
        found = self.catalog.find(database, name)
        if found is None:
            self.catalog.create_table(database, made)
        elif found.is_view and tree.args.get("replace"):
            self.catalog.update_table(database, made)
        else:
            kind = "View" if found.is_view else "Table"
            raise QueryError(f"{kind.upper()}_ALREADY_EXISTS: line 1:1: {kind} already exists: '{database}.{name}'")
        return Outcome()

    def _write(self, names: list[str], output: writing.Output, location: str) -> list[writing.Written]:
        return writing.write(self.connection, self.storage, self._folder, names, output, location, self._now())


def _fits(given: str, wanted: str) -> bool:
    given = stored(given)
    if given in INTEGERS and wanted in INTEGERS:
        return INTEGERS.index(given) <= INTEGERS.index(wanted)
    if given in INTEGERS or given.startswith("DECIMAL"):
        return wanted == given or wanted in ("DOUBLE", "FLOAT") or wanted.startswith("DECIMAL")
    return given == wanted or (given, wanted) == ("FLOAT", "DOUBLE") or given.startswith('"NULL')
