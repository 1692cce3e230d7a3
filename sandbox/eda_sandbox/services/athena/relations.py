"""A query's tables and views, in place of their names the views that DuckDB has of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sqlglot import exp
from sqlglot.errors import OptimizeError
from sqlglot.optimizer.scope import Scope, traverse_scope

from eda_sandbox.services.athena.catalog import NAME, Catalog, Table
from eda_sandbox.services.athena.errors import NOT_SUPPORTED, SCHEMA, SYNTAX, MalformedQuery, QueryError, at
from eda_sandbox.services.athena.language import position, read_query, unnamed
from eda_sandbox.services.athena.reading import HIDDEN, Reader
from eda_sandbox.services.athena.translation import check, to_duckdb
from eda_sandbox.services.athena.typing_rules import check_names

MAX_DEPTH = 16
"""Views within views."""


@dataclass
class Relations:
    """Resolves names.

    Attributes:
        reader: opens tables.
        catalog: the caller's.
        with_files: whether files are read; otherwise all tables are empty, which is enough to know types.
    """

    reader: Reader
    catalog: Catalog
    with_files: bool = True
    _views: int = 0
    _columns: dict[str, dict[str, str]] = field(default_factory=dict)

    def resolve(self, tree: exp.Query, database: str | None, depth: int = 0) -> str:
        """A query as DuckDB's SQL; the tables it names are open then.

        Args:
            tree: the query; it is changed.
            database: where names without one are looked up.
            depth: how many views it lies in.

        Raises:
            QueryError: a table does not exist or cannot be read, or something cannot be translated.
        """
        if depth > MAX_DEPTH:
            raise QueryError(f"VIEW_IS_RECURSIVE: views lie {MAX_DEPTH} deep in each other", SCHEMA)
        check(tree)
        _name_columns(tree)
        try:
            scopes = [(scope, dict(scope.selected_sources)) for scope in traverse_scope(tree)]
        except OptimizeError as error:
            raise QueryError(f"SYNTAX_ERROR: {at(None)}: {error}", SYNTAX) from error
        hidden = any(column.name.lower() in HIDDEN for column in tree.find_all(exp.Column))
        opened: dict[int, dict[str, dict[str, str]]] = {}
        for scope, sources in scopes:
            opened[id(scope)] = {}
            for alias, (node, source) in sources.items():
                if isinstance(source, exp.Table):
                    table = self._find(source, database)
                    conditions = _conditions(scope, sources, node, alias, table)
                    view = self._open(table, conditions, hidden, depth)
                    opened[id(scope)][alias] = self._columns[view]
                    _rename(node, view, alias)
                    if hidden and not table.is_view:
                        _hide(scope.expression, alias)
        for column in tree.find_all(exp.Column):
            column.set("db", None)
            column.set("catalog", None)
        for scope, sources in scopes:
            complete = len(opened[id(scope)]) == len(sources)
            check_names(scope.expression, opened[id(scope)], complete)
        return to_duckdb(
            tree,
            self.reader.connection,
            lambda table: dict(self._columns.get(table.name, {})),
            self.reader.macros,
        )

    def _find(self, node: exp.Table, database: str | None) -> Table:
        where = position(node)
        catalog, schema = (node.catalog or NAME).lower(), (node.db or database or "").lower()
        if catalog != NAME:
            raise QueryError(f"CATALOG_NOT_FOUND: {at(where)}: Catalog '{catalog}' does not exist", SCHEMA)
        if not schema:
            raise QueryError(
                f"MISSING_SCHEMA_NAME: {at(where)}: Schema must be specified when session schema is not set", SYNTAX
            )
        if schema == "information_schema":
            raise QueryError(f"NOT_SUPPORTED: {at(where)}: the sandbox has no information_schema", NOT_SUPPORTED)
        found = self.catalog.table(schema, node.name.lower(), where)
        found.check_readable()
        return found

    def _open(self, table: Table, conditions: list[exp.Expr], hidden: bool, depth: int) -> str:
        if table.is_view:
            view = self._open_view(table, depth)
        else:
            view = self.reader.open(table, conditions, hidden, self.with_files)
        described = self.reader.connection.execute(f"DESCRIBE {view}").fetchall()
        self._columns[view] = {name.lower(): kind for name, kind, *_ in described}
        return view

    def _open_view(self, table: Table, depth: int) -> str:
        definition = table.view
        try:
            tree = read_query(definition["originalSql"])
        except MalformedQuery as error:
            raise QueryError(f"INVALID_VIEW: Failed parsing stored view '{table.name}': {error}", SCHEMA) from error
        sql = self.resolve(tree, definition.get("schema") or table.database, depth + 1)
        self._views += 1
        view = f"v{self._views}"
        self.reader.connection.execute(f"CREATE VIEW {view} AS {sql}")
        return view


def _name_columns(tree: exp.Query) -> None:
    """Give columns without a name the one that Trino gives them: their place."""
    for select in tree.find_all(exp.Select):
        for place, item in enumerate(select.expressions):
            if unnamed(item):
                named = exp.Alias(alias=exp.to_identifier(f"_col{place}", quoted=True))
                item.replace(named)
                named.set("this", item)
    for values in tree.find_all(exp.Values):
        alias = values.args.get("alias")
        if isinstance(values.parent, exp.From | exp.Join) and not (alias and alias.columns):
            columns = [
                exp.to_identifier(f"_col{place}", quoted=True)
                for place in range(len(values.expressions[0].expressions))
            ]
            values.set(
                "alias", exp.TableAlias(this=alias.this if alias else exp.to_identifier("_values"), columns=columns)
            )


def _rename(node: exp.Expr, view: str, alias: str) -> None:
    assert isinstance(node, exp.Table)
    if not node.args.get("alias"):
        node.set("alias", exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))
    node.set("this", exp.to_identifier(view, quoted=True))
    node.set("db", None)
    node.set("catalog", None)


def _hide(select: exp.Expr, alias: str) -> None:
    """Keep a table's hidden columns out of ``*``."""
    for item in select.expressions if isinstance(select, exp.Select) else []:
        named = item.table.lower() if isinstance(item, exp.Column) else ""
        star = item.this if isinstance(item, exp.Column) else item
        if isinstance(star, exp.Star) and named in ("", alias.lower()):
            star.set("except_", [exp.to_identifier(name, quoted=True) for name in HIDDEN])


def _conditions(
    scope: Scope, sources: Mapping[str, tuple[exp.Expr, object]], node: exp.Expr, alias: str, table: Table
) -> list[exp.Expr]:
    """The parts of WHERE that are about one table's partitions and files alone, and hold for all rows asked of it."""
    select = scope.expression
    where = select.args.get("where") if isinstance(select, exp.Select) else None
    if where is None or table.is_view or not _filtered(select, node):
        return []
    own = {*HIDDEN, *(key.name for key in table.partition_keys)}
    alone = len(sources) == 1
    found = []
    for part in _conjuncts(where.this):
        columns = list(part.find_all(exp.Column))
        if not columns or part.find(exp.Query) is not None:
            continue
        about = all(
            column.name.lower() in own and (column.table.lower() == alias.lower() if column.table else alone)
            for column in columns
        )
        if about:
            found.append(part)
    return found


def _conjuncts(condition: exp.Expr) -> Iterator[exp.Expr]:
    condition = condition.unnest()
    if isinstance(condition, exp.And):
        yield from _conjuncts(condition.left)
        yield from _conjuncts(condition.right)
    else:
        yield condition


def _filtered(select: exp.Expr, node: exp.Expr) -> bool:
    """Whether rows of a table that WHERE leaves out cannot come back as NULLs of an outer join."""
    joins = select.args.get("joins") or []
    for place, join in enumerate(joins):
        if join.this is node:
            return join.side not in ("LEFT", "FULL") and all(
                j.side not in ("RIGHT", "FULL") for j in joins[place + 1 :]
            )
    return all(join.side not in ("RIGHT", "FULL") for join in joins)
