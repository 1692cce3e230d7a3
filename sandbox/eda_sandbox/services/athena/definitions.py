"""Statements that change or show the catalog."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from sqlglot import exp

from eda_sandbox.services.athena import catalog
from eda_sandbox.services.athena.catalog import Column, Table
from eda_sandbox.services.athena.errors import NO_TABLE, NOT_SUPPORTED, SYNTAX, QueryError
from eda_sandbox.services.athena.language import Statement
from eda_sandbox.services.athena.outcome import Outcome
from eda_sandbox.services.athena.scope import Scope
from eda_sandbox.services.athena.storage import split
from eda_sandbox.services.athena.types import column_info, hive_text, to_athena, to_hive
from eda_sandbox.services.athena.writing import Output

_INPUTS = {"MapredParquetInputFormat": "parquet", "TextInputFormat": "json"}


def table_input(name: str, columns: Sequence[tuple[str, str]], output: Output, location: str) -> dict[str, Any]:
    """The table that CREATE TABLE AS makes, as the catalog takes it."""
    hive = [Column(column.lower(), to_hive(kind)) for column, kind in columns]
    stored = [column for column in hive if column.name not in output.partitioned_by]
    keys = [column for column in hive if column.name in output.partitioned_by]
    file_format = output.format.lower()
    return {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"EXTERNAL": "TRUE", "classification": file_format, "has_encrypted_data": "false"},
        "PartitionKeys": [{"Name": key.name, "Type": key.type} for key in keys],
        "StorageDescriptor": catalog.storage_descriptor(stored, location, file_format),
    }


def view_input(name: str, sql: str, database: str, columns: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """A view as the catalog takes it.

    Args:
        name: its name.
        sql: its query.
        database: where names without a database are looked up.
        columns: names and DuckDB types.
    """
    typed = [(column, re.sub(r"timestamp\(3\)", "timestamp", to_athena(kind))) for column, kind in columns]
    return {
        "Name": name,
        "TableType": "VIRTUAL_VIEW",
        "Parameters": {"presto_view": "true", "comment": "Presto View"},
        "PartitionKeys": [],
        "ViewOriginalText": catalog.view_text(sql, database, typed),
        "ViewExpandedText": "/* Presto View */",
        "StorageDescriptor": {
            "Columns": [{"Name": column.lower(), "Type": _view_type(kind)} for column, kind in columns],
            "SerdeInfo": {},
        },
    }


def run(scope: Scope, statement: Statement) -> Outcome:
    """Run a statement of this module.

    Raises:
        QueryError: it fails.
    """
    return _RUN[statement.kind](scope, statement)


def _lines(name: str, values: Sequence[str]) -> Outcome:
    return Outcome([column_info(name, "VARCHAR")], [[value] for value in values])


def _nothing() -> Outcome:
    return Outcome()


def _create_table(scope: Scope, statement: Statement) -> Outcome:
    tree = statement.tree
    found = tree.args.get("properties")
    given = found.expressions if found else []
    if not any(isinstance(item, exp.ExternalProperty) for item in given):
        raise QueryError("NOT_SUPPORTED: the sandbox makes EXTERNAL tables; it has no Iceberg tables", NOT_SUPPORTED)
    database, name = scope.named(tree.this)
    table = _external(tree, name, given)
    split(table["StorageDescriptor"]["Location"])
    scope.catalog.database(database)
    if not scope.catalog.create_table(database, table) and not tree.args.get("exists"):
        raise QueryError(
            "FAILED: Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask. "
            f"AlreadyExistsException(message:Table {name} already exists.)"
        )
    return _nothing()


def _external(tree: exp.Expr, name: str, given: Sequence[exp.Expr]) -> dict[str, Any]:
    schema = tree.this
    columns = _columns(schema.expressions if isinstance(schema, exp.Schema) else [])
    keys: list[Column] = []
    location, file_format, serde, comment = "", "", None, ""
    parameters = {"EXTERNAL": "TRUE"}
    for item in given:
        match item:
            case exp.ExternalProperty():
                continue
            case exp.SchemaCommentProperty():
                comment = item.name
            case exp.PartitionedByProperty():
                keys = _columns(item.this.expressions)
            case exp.LocationProperty():
                location = item.name
            case exp.RowFormatSerdeProperty():
                options = item.args.get("serde_properties")
                entries = options.expressions if options else []
                serde = {
                    "SerializationLibrary": item.name,
                    "Parameters": {entry.name: entry.args["value"].name for entry in entries},
                }
            case exp.FileFormatProperty():
                file_format = _format(item.this)
            case exp.Property():
                parameters[item.name] = item.args["value"].name
            case _:
                raise QueryError(f"NOT_SUPPORTED: the sandbox does not offer {item.sql('hive')}", NOT_SUPPORTED)
    if serde is not None:
        probe = {"Name": name, "DatabaseName": "", "StorageDescriptor": {"SerdeInfo": serde}}
        file_format = Table(probe).format
    if not file_format:
        raise QueryError(
            "NOT_SUPPORTED: the sandbox makes tables of Parquet and JSON: say STORED AS or SERDE", NOT_SUPPORTED
        )
    if not columns:
        raise QueryError("SYNTAX_ERROR: line 1:1: the table has no columns", SYNTAX)
    parameters.setdefault("classification", file_format)
    return {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {**parameters, **({"comment": comment} if comment else {})},
        "PartitionKeys": [{"Name": key.name, "Type": key.type} for key in keys],
        "StorageDescriptor": catalog.storage_descriptor(columns, location, file_format, serde),
    }


def _format(node: Any) -> str:
    if isinstance(node, exp.InputOutputFormat):
        given = node.args["input_format"].name.rpartition(".")[2]
        return _INPUTS.get(given, "")
    return "parquet" if node.name.upper() == "PARQUET" else ""


def _columns(entries: Sequence[exp.Expr]) -> list[Column]:
    return [Column(entry.name.lower(), hive_text(entry.args["kind"])) for entry in entries]


def _view_type(kind: str) -> str:
    try:
        return to_hive(kind)
    except QueryError:
        # Hive has no such type; Athena keeps the view's own types in its text.
        return "string" if kind == "JSON" else "timestamp" if "TIME ZONE" in kind else "string"


def _drop_table(scope: Scope, statement: Statement) -> Outcome:
    database, name = scope.named(statement.tree)
    if not scope.catalog.delete_table(database, name) and not statement.tree.args.get("exists"):
        raise QueryError(f"FAILED: SemanticException [Error 10001]: Table not found {name}", NO_TABLE)
    return _nothing()


def _drop_view(scope: Scope, statement: Statement) -> Outcome:
    database, name = scope.named(statement.tree)
    found = scope.catalog.find(database, name)
    if found is not None and not found.is_view:
        raise QueryError(f"VIEW_NOT_FOUND: line 1:1: '{database}.{name}' is a table, not a view", NO_TABLE)
    if (found is None or not scope.catalog.delete_table(database, name)) and not statement.tree.args.get("exists"):
        raise QueryError(f"VIEW_NOT_FOUND: line 1:1: View '{database}.{name}' does not exist", NO_TABLE)
    return _nothing()


def _database_name(tree: exp.Expr) -> str:
    table = tree.this if isinstance(tree, exp.Create) else next(iter(tree.args.get("tables") or []), tree.this)
    return str(table.name or table.db).lower()


def _create_database(scope: Scope, statement: Statement) -> Outcome:
    name = _database_name(statement.tree)
    if not scope.catalog.create_database({"Name": name}) and not statement.tree.args.get("exists"):
        raise QueryError(f"FAILED: SemanticException [Error 10242]: Database {name} already exists")
    return _nothing()


def _drop_database(scope: Scope, statement: Statement) -> Outcome:
    name = _database_name(statement.tree)
    if not statement.tree.args.get("cascade") and scope.catalog.tables(name):
        raise QueryError(
            f"FAILED: InvalidOperationException(message:Database {name} is not empty. One or more tables exist.)"
        )
    if not scope.catalog.delete_database(name) and not statement.tree.args.get("exists"):
        raise QueryError(f"FAILED: SemanticException [Error 10072]: Database does not exist: {name}", NO_TABLE)
    return _nothing()


def _show_tables(scope: Scope, statement: Statement) -> Outcome:
    database = statement.properties.get("database") or scope.database
    if not database:
        raise QueryError("SYNTAX_ERROR: line 1:1: no database is chosen", SYNTAX)
    scope.catalog.database(database.lower())
    like = statement.properties.get("like", "*").replace("*", ".*")
    views_only = " VIEWS" in f" {statement.text.upper()}".replace("\n", " ").split("'")[0]
    tables = scope.catalog.tables(database.lower())
    names = [table.name for table in tables if table.is_view or not views_only]
    return _lines("tab_name", sorted(name for name in names if re.fullmatch(like, name)))


def _show_databases(scope: Scope, statement: Statement) -> Outcome:
    del statement
    return _lines("database_name", sorted(scope.catalog.databases()))


def _table(scope: Scope, statement: Statement) -> Table:
    return scope.catalog.table(*scope.named(statement.tree))


def _show_partitions(scope: Scope, statement: Statement) -> Outcome:
    table = _table(scope, statement)
    keys = [key.name for key in table.partition_keys]
    if not keys:
        raise QueryError(f"FAILED: SemanticException [Error 10001]: {table.name} is not a partitioned table")
    found = [partition.values for partition in scope.partitions(table)]
    lines = ["/".join(f"{key}={value}" for key, value in zip(keys, values, strict=True)) for values in found]
    return _lines("partition", sorted(lines))


def _show_columns(scope: Scope, statement: Statement) -> Outcome:
    table = _table(scope, statement)
    return _lines("field", [column.name for column in (*table.columns, *table.partition_keys)])


def _describe(scope: Scope, statement: Statement) -> Outcome:
    table = _table(scope, statement)
    lines = [f"{column.name:<20}\t{column.type:<20}\t{'':<20}" for column in (*table.columns, *table.partition_keys)]
    if table.partition_keys:
        lines += ["\t \t ", "# Partition Information\t \t ", f"# {'col_name':<20}\t{'data_type':<20}\t{'comment':<20}"]
        lines += [f"{key.name:<20}\t{key.type:<20}\t{'':<20}" for key in table.partition_keys]
    return _lines("col_name", lines)


def _repair(scope: Scope, statement: Statement) -> Outcome:
    table = _table(scope, statement)
    keys = [key.name for key in table.partition_keys]
    known = {tuple(entry["Values"]) for entry in scope.catalog.partitions(table)}
    bucket, prefix = split(table.location)
    pattern = re.compile("".join(rf"{re.escape(key)}=([^/]+)/" for key in keys))
    new: dict[tuple[str, ...], str] = {}
    for stored in scope.storage.list(bucket, prefix):
        found = pattern.match(stored.key.removeprefix(prefix)) if keys else None
        if found and found.groups() not in known:
            new[found.groups()] = f"{table.location}{found[0]}"
    scope.catalog.add_partitions(table, [(list(values), location) for values, location in new.items()])
    lines = [f"Partitions not in metastore:\t{table.name}:{'/'.join(values)}" for values in sorted(new)]
    lines += [f"Repair: Added partition to metastore {table.name}:{'/'.join(values)}" for values in sorted(new)]
    return _lines("", lines)


def _add_partitions(scope: Scope, statement: Statement) -> Outcome:
    table = _table(scope, statement)
    keys = [key.name for key in table.partition_keys]
    known = {tuple(entry["Values"]) for entry in scope.catalog.partitions(table)}
    wanted: list[tuple[list[str], str]] = []
    # IF NOT EXISTS stands once, for all that follow.
    tolerant = any(action.args.get("exists") for action in statement.tree.args["actions"])
    for action in statement.tree.args["actions"]:
        named = {pair.this.name.lower(): pair.expression.name for pair in action.this.expressions}
        if sorted(named) != sorted(keys):
            raise QueryError(
                f"FAILED: SemanticException partition spec {named} doesn't contain all the partition columns"
            )
        values = [named[key] for key in keys]
        folders = "".join(f"{key}={value}/" for key, value in zip(keys, values, strict=True))
        place = action.args.get("location")
        if tuple(values) in known:
            if not tolerant:
                raise QueryError("FAILED: Execution Error: AlreadyExistsException(message:Partition already exists.)")
            continue
        wanted.append((values, place.name if place else f"{table.location}{folders}"))
    scope.catalog.add_partitions(table, wanted)
    return _nothing()


def _drop_partitions(scope: Scope, statement: Statement) -> Outcome:
    table = _table(scope, statement)
    keys = [key.name for key in table.partition_keys]
    known = [list(entry["Values"]) for entry in scope.catalog.partitions(table)]
    dropped: list[list[str]] = []
    for action in statement.tree.args["actions"]:
        for spec in action.expressions:
            if not all(isinstance(pair, exp.EQ) for pair in spec.expressions):
                raise QueryError("NOT_SUPPORTED: the sandbox drops partitions by equality alone", NOT_SUPPORTED)
            named = {pair.this.name.lower(): pair.expression.name for pair in spec.expressions}
            found = [
                values
                for values in known
                if all(name in keys and values[keys.index(name)] == value for name, value in named.items())
            ]
            if not found and not action.args.get("exists"):
                shown = ", ".join(f"{name} = {value}" for name, value in named.items())
                raise QueryError(f"FAILED: SemanticException [Error 10006]: Partition not found ({shown})")
            dropped += [values for values in found if values not in dropped]
    scope.catalog.drop_partitions(table, dropped)
    return _nothing()


_RUN: dict[str, Callable[[Scope, Statement], Outcome]] = {
    "CREATE_TABLE": _create_table,
    "DROP_TABLE": _drop_table,
    "DROP_VIEW": _drop_view,
    "CREATE_DATABASE": _create_database,
    "DROP_DATABASE": _drop_database,
    "SHOW_TABLES": _show_tables,
    "SHOW_DATABASES": _show_databases,
    "SHOW_PARTITIONS": _show_partitions,
    "SHOW_COLUMNS": _show_columns,
    "DESCRIBE": _describe,
    "MSCK": _repair,
    "ALTER_TABLE_ADD_PARTITION": _add_partitions,
    "ALTER_TABLE_DROP_PARTITION": _drop_partitions,
}
