"""Where Trino is stricter than DuckDB: in the types it compares, and in where the name of a result may be used."""

import re
from collections.abc import Mapping

from sqlglot import exp

from eda_sandbox.services.athena.errors import SYNTAX, QueryError, at
from eda_sandbox.services.athena.language import position
from eda_sandbox.services.athena.translation import unknown_column
from eda_sandbox.services.athena.types import to_athena

_TEXT, _NUMBER, _MOMENT, _TRUTH = "text", "number", "moment", "boolean"
_COMPARISONS: dict[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.LT: "<",
    exp.LTE: "<=",
}
_ARITHMETIC: dict[type[exp.Expr], str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%"}


def check_types(select: exp.Expr, sources: Mapping[str, Mapping[str, str]], complete: bool) -> None:
    """Refuse what Trino refuses and DuckDB would cast: ``varchar = integer``.

    Only columns of tables, literals and casts are looked at; other expressions may be of any type.

    Args:
        select: a query's own level; subqueries are levels of their own.
        sources: the columns and DuckDB types of its tables and views, by alias.
        complete: whether these are all it reads from.

    Raises:
        QueryError: ``TYPE_MISMATCH``.
    """
    if not isinstance(select, exp.Select):
        return

    def kind(node: exp.Expr) -> str | None:
        return _kind(node.unnest(), sources, complete)

    for node in select.walk(prune=lambda found: isinstance(found, exp.Query) and found is not select):
        if type(node) in _COMPARISONS:
            _same(node, kind(node.this), kind(node.expression), _COMPARISONS[type(node)])
        elif isinstance(node, exp.In):
            for item in node.expressions:
                _same(node, kind(node.this), kind(item), "IN")
        elif isinstance(node, exp.Between):
            for bound in (node.args["low"], node.args["high"]):
                _same(node, kind(node.this), kind(bound), "BETWEEN")
        elif type(node) in _ARITHMETIC:
            for side in (node.this, node.expression):
                if _family(kind(side)) in (_TEXT, _TRUTH):
                    left, right = kind(node.this) or "unknown", kind(node.expression) or "unknown"
                    raise _mismatch(node, left, _ARITHMETIC[type(node)], right)


def check_names(select: exp.Expr, sources: Mapping[str, Mapping[str, str]], complete: bool) -> None:
    """Refuse the name of a result beside ORDER BY, where DuckDB knows it and Trino does not.

    Args:
        select: a query's own level.
        sources: the columns of its tables and views, by alias.
        complete: whether these are all it reads from; otherwise nothing can be said.

    Raises:
        QueryError: ``COLUMN_NOT_FOUND``.
    """
    if not isinstance(select, exp.Select) or not complete or not sources:
        return
    held = {name for columns in sources.values() for name in columns}
    results = {item.alias.lower() for item in select.expressions if isinstance(item, exp.Alias)} - held
    clauses = [select.args.get(clause) for clause in ("where", "group", "having")]
    places = [*select.expressions, *(join.args.get("on") for join in select.args.get("joins") or []), *clauses]
    for place in places:
        if place is None:
            continue
        for node in place.walk(prune=lambda found: isinstance(found, exp.Query)):
            if isinstance(node, exp.Column) and not node.table and node.name.lower() in results:
                raise unknown_column(node, node.name)


def _same(node: exp.Expr, left: str | None, right: str | None, operator: str) -> None:
    families = _family(left), _family(right)
    if None not in families and families[0] != families[1]:
        raise _mismatch(node, str(left), operator, str(right))


def _mismatch(node: exp.Expr, left: str, operator: str, right: str) -> QueryError:
    where = at(position(node))
    return QueryError(
        f"TYPE_MISMATCH: {where}: Cannot apply operator: {to_athena(left)} {operator} {to_athena(right)}", SYNTAX
    )


def _kind(node: exp.Expr, sources: Mapping[str, Mapping[str, str]], complete: bool) -> str | None:
    """The DuckDB type of what can be told without running it."""
    match node:
        case exp.Literal():
            if node.is_string:
                return "VARCHAR"
            return "INTEGER" if re.fullmatch(r"\d+", str(node.this)) else "DOUBLE"
        case exp.Neg():
            return _kind(node.this, sources, complete)
        case exp.Boolean():
            return "BOOLEAN"
        case exp.Cast():
            return node.to.sql("duckdb").replace("TEXT", "VARCHAR").replace("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE")
        case exp.Column() if node.table:
            columns = next((found for alias, found in sources.items() if alias.lower() == node.table.lower()), {})
            return columns.get(node.name.lower())
        case exp.Column() if complete:
            found = [columns[node.name.lower()] for columns in sources.values() if node.name.lower() in columns]
            return found[0] if len(found) == 1 else None
    return None


def _family(kind: str | None) -> str | None:
    if kind is None:
        return None
    plain = kind.partition("(")[0]
    if plain == "VARCHAR":
        return _TEXT
    if plain in ("TINYINT", "SMALLINT", "INT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "REAL", "DOUBLE", "DECIMAL"):
        return _NUMBER
    if plain in ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"):
        return _MOMENT
    return _TRUTH if plain == "BOOLEAN" else None
