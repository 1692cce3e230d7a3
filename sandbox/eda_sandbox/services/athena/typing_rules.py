"""Where Trino is stricter than DuckDB: in where the name of a result may be used."""

from collections.abc import Mapping

from sqlglot import exp

from eda_sandbox.services.athena.translation import unknown_column


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
