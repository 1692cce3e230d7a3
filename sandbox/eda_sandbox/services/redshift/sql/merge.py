"""What Redshift demands of a MERGE."""

from sqlglot import exp

from eda_sandbox.services.redshift.sql.catalog import Catalog, Relation
from eda_sandbox.services.redshift.sql.errors import SqlError


def complete_merge(catalog: Catalog, tree: exp.Merge, target: Relation) -> None:
    """Name the columns of INSERT VALUES, which are the target's in their order.

    Raises:
        SqlError: there are more values than columns.
    """
    for clause in tree.args["whens"].expressions:
        then = clause.args["then"]
        given = then.this.expressions if isinstance(then, exp.Insert) and isinstance(then.this, exp.Tuple) else []
        # Without columns sqlglot takes VALUES for a function.
        if len(given) == 1 and isinstance(given[0], exp.Anonymous) and given[0].name.upper() == "VALUES":
            values = given[0].expressions
            columns = [column.name for column in catalog.columns(target)]
            if len(values) > len(columns):
                raise SqlError("INSERT has more expressions than target columns")
            then.set("this", exp.Tuple(expressions=[exp.column(name) for name in columns[: len(values)]]))
            then.set("expression", exp.Tuple(expressions=values))


def check_merge(catalog: Catalog, tree: exp.Merge, target: Relation) -> None:
    """Check the form of a MERGE and the user's privileges.

    Raises:
        SqlError: the source is no table, a clause is missing or has a condition, or a privilege is missing.
    """
    source = tree.args["using"]
    if tree.args.get("with_") or tree.args.get("with"):
        raise SqlError("MERGE does not support the WITH clause")
    if not isinstance(source, exp.Table) or not isinstance(source.this, exp.Identifier):
        raise SqlError("MERGE source must be a table; it cannot be a subquery")
    relation = catalog.get([part.name.lower() for part in source.parts])
    if relation.kind != "table":
        raise SqlError(f'MERGE source "{relation.name}" must be a table; it cannot be a view')
    if relation == target:
        raise SqlError("MERGE source and target cannot be the same table")
    if tree.this.alias:
        raise SqlError(f'syntax error at or near "{tree.this.alias}": the target of MERGE takes no alias')
    clauses: list[exp.When] = tree.args["whens"].expressions
    needed = {"select"}
    for clause in clauses:
        if clause.args.get("condition") or clause.args.get("source"):
            raise SqlError('syntax error at or near "WHEN": clauses of MERGE take no condition')
        then = clause.args["then"]
        match then:
            case exp.Update():
                needed.add("update")
                if any(isinstance(part.this, exp.Column) and part.this.table for part in then.expressions):
                    raise SqlError('syntax error at or near ".": SET names the column alone')
            case exp.Insert():
                needed.add("insert")
            case _:
                needed.add("delete")
    if sorted(bool(clause.args["matched"]) for clause in clauses) != [False, True]:
        raise SqlError("syntax error: MERGE needs one WHEN MATCHED and one WHEN NOT MATCHED clause")
    catalog.allow(target, *sorted(needed))
