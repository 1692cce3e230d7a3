"""Parsed statements: from Redshift's dialect to DuckDB's."""

from sqlglot import ErrorLevel, exp
from sqlglot.errors import ParseError, SqlglotError

from eda_sandbox.services.redshift.sql.errors import SqlError


def parts_of(table: exp.Table) -> list[str]:
    """A table's name in its parts, in lower case."""
    return [part.name.lower() for part in table.parts]


def duckdb_sql(tree: exp.Expr) -> str:
    """A statement of Redshift's in DuckDB's dialect."""
    for identifier in tree.find_all(exp.Identifier):
        identifier.set("this", identifier.name.lower())
    return tree.sql("duckdb", unsupported_level=ErrorLevel.IGNORE, comments=False)


def name_projections(tree: exp.Query) -> None:
    """Give expressions without a name the one that Redshift gives them."""
    for select in [tree] if isinstance(tree, exp.Select) else list(tree.find_all(exp.Select))[:1]:
        for projection in list(select.expressions):
            if projection.is_star or isinstance(projection, exp.Column | exp.Alias):
                continue
            name = projection.output_name or (_name(projection) if isinstance(projection, exp.Func) else "?column?")
            projection.replace(exp.alias_(projection.copy(), name.lower(), quoted=True))


def _name(function: exp.Func) -> str:
    # An alias must not be one of the words that DuckDB reads as a function without parentheses.
    return "getdate" if isinstance(function, exp.CurrentTimestamp) else function.sql_name()


def substitute(tree: exp.Expr, parameters: dict[str, str]) -> None:
    """Put the values of ``:name`` in."""
    for placeholder in list(tree.find_all(exp.Placeholder)):
        value = parameters.get(placeholder.name)
        if value is not None:
            placeholder.replace(exp.Literal.string(value))


def syntax_error(error: SqlglotError) -> SqlError:
    """What the database answers to a text that cannot be read."""
    found = error.errors[0] if isinstance(error, ParseError) and error.errors else {}
    near = found.get("highlight")
    return SqlError(f'syntax error at or near "{near}"' if near else f"syntax error: {str(error).splitlines()[0]}")
