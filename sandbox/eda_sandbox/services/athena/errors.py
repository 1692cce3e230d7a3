"""What ends a query, spelled as Athena spells it."""

import re

import duckdb

# Types of the Athena error catalog (user guide, "Athena error catalog").
EXHAUSTED = 0
USER = 1000
DATA = 1001
SCHEMA = 1004
SYNTAX = 1006
CONVERSION = 1007
CANCELLED = 1011
INVALID_ARGUMENT = 1100
PATH_EXISTS = 1100
NO_TABLE = 1110
NOT_SUPPORTED = 1200
NO_FUNCTION = 1303
NO_BUCKET = 1306
ACCESS_DENIED = 1501
INTERNAL = 200

_CODED = re.compile(r"(?:[A-Z][A-Za-z ]+ Error: )?((?P<code>[A-Z][A-Z_]{3,}): .*)", re.DOTALL)
_TYPES = {
    "HIVE_BAD_DATA": DATA,
    "HIVE_CURSOR_ERROR": DATA,
    "INVALID_CAST_ARGUMENT": CONVERSION,
    "INVALID_FUNCTION_ARGUMENT": INVALID_ARGUMENT,
}


class QueryError(Exception):
    """The query fails.

    Args:
        reason: the ``StateChangeReason``.
        error_type: of Athena's error catalog.
    """

    def __init__(self, reason: str, error_type: int = USER) -> None:
        super().__init__(reason)
        self.reason = reason
        self.error_type = error_type

    @property
    def category(self) -> int:
        """1 for the system's own errors, 2 for the user's."""
        return 1 if self.error_type < USER else 2


class MalformedQuery(Exception):
    """The statement cannot be read: ``StartQueryExecution`` refuses it."""


class QueryCancelled(Exception):
    """The query is cancelled; the message is the ``StateChangeReason``."""


def at(position: tuple[int, int] | None) -> str:
    """A position as Athena's messages name it."""
    line, column = position or (1, 1)
    return f"line {line}:{column}"


def from_duckdb(error: duckdb.Error) -> QueryError:
    """What DuckDB says of a query, in Athena's words."""
    text = str(error).partition("\n\n")[0]
    coded = _CODED.match(text)
    if coded:
        return QueryError(coded[1], _TYPES.get(coded["code"], USER))
    text = text.partition("\n")[0]
    message = text.partition(": ")[2] or text
    if isinstance(error, duckdb.OutOfMemoryException):
        return QueryError("Query exhausted resources at this scale factor", EXHAUSTED)
    if "ivision by zero" in message:
        return QueryError("DIVISION_BY_ZERO: Division by zero")
    if isinstance(error, duckdb.OutOfRangeException):
        return QueryError(f"NUMERIC_VALUE_OUT_OF_RANGE: {message}", CONVERSION)
    if isinstance(error, duckdb.ConversionException):
        return QueryError(f"INVALID_CAST_ARGUMENT: {message}", CONVERSION)
    if "invalid perl operator" in message or "invalid escape sequence" in message:
        return QueryError(f"NOT_SUPPORTED: the sandbox's regular expressions are not Java's: {message}", NOT_SUPPORTED)
    if "GROUP BY clause" in message:
        return QueryError(f"EXPRESSION_NOT_AGGREGATE: {message}", SYNTAX)
    if "No function matches" in message or "Cannot compare" in message or "Could not choose" in message:
        return QueryError(f"TYPE_MISMATCH: {message}", SYNTAX)
    if isinstance(error, duckdb.ParserException | duckdb.BinderException | duckdb.CatalogException):
        return QueryError(f"SYNTAX_ERROR: {message}", SYNTAX)
    return QueryError(f"GENERIC_USER_ERROR: {message}")


def missing_column(error: duckdb.Error) -> str | None:
    """The column that DuckDB does not find, or None where that is not the matter."""
    found = re.search(r'(?:Referenced (?:column|table)|column named) "([^"]+)"', str(error))
    return found[1] if found else None
