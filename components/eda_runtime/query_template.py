"""The query that turns one stored object into rows, with its placeholders; checked at deployment and before each use.

``{rows}`` is the object's rows and stands in the query exactly once; ``{bucket}``, ``{key}`` and ``{version_id}`` are
string literals. A brace of the SQL itself is written twice: ``{{`` or ``}}``.
"""

from collections.abc import Mapping
from string import Formatter

ROWS = "rows"
LITERALS = ("bucket", "key", "version_id")


class QueryTemplateError(ValueError):
    """The query is not one that can be run for each object; the message says what to change."""


def check_template(template: str) -> None:
    """Check a query.

    Args:
        template: SQL with the placeholder ``{rows}``.

    Raises:
        QueryTemplateError: ``{rows}`` is missing or there twice, a placeholder is not known or has a format or a
            conversion, a brace stands alone, or the query ends with a semicolon.
    """
    known = ", ".join(f"{{{name}}}" for name in (ROWS, *LITERALS))
    try:
        parts = list(Formatter().parse(template))
    except ValueError as error:
        raise QueryTemplateError(
            f"the query has a brace that stands alone ({error}); write {{{{ or }}}} for it"
        ) from None
    names = [name for _, name, _, _ in parts if name is not None]
    for _, name, form, conversion in parts:
        if name is not None and (name not in (ROWS, *LITERALS) or form or conversion):
            shown = f"{{{name}{'!' + conversion if conversion else ''}{':' + form if form else ''}}}"
            raise QueryTemplateError(
                f"the query has the placeholder {shown}; known are {known}; a brace of the SQL is written twice"
            )
    if names.count(ROWS) != 1:
        raise QueryTemplateError(f"the query has {{rows}} {names.count(ROWS)} times; it must be there once")
    if template.rstrip().endswith(";"):
        raise QueryTemplateError("the query ends with a semicolon; it becomes part of a statement, so leave it out")


def render(template: str, rows: str, values: Mapping[str, str]) -> str:
    """The query of one object.

    Args:
        template: the query.
        rows: what ``{rows}`` becomes.
        values: what the literals' placeholders become, not yet quoted.

    Raises:
        QueryTemplateError: the query is not one that can be run.
    """
    check_template(template)
    return template.strip().format_map({ROWS: rows, **{name: literal(values[name]) for name in LITERALS}})


def literal(text: str) -> str:
    """An SQL string."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """An SQL identifier of Athena's queries."""
    return '"' + name.replace('"', '""') + '"'
