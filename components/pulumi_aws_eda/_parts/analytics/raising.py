"""Calls of a user's query that fail on a value that is none: one of them costs the whole object."""

import re

# Trino's documentation, conversion, date and JSON functions: each fails on a text that has not its form.
_RAISING = frozenset(
    [
        "cast",
        "date",
        "date_parse",
        "from_base",
        "from_base32",
        "from_base64",
        "from_hex",
        "from_ieee754_32",
        "from_ieee754_64",
        "from_iso8601_date",
        "from_iso8601_timestamp",
        "from_iso8601_timestamp_nanos",
        "json_parse",
        "parse_data_size",
        "parse_datetime",
        "parse_duration",
        "url_decode",
    ]
)
_NO_CODE = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/", re.DOTALL)
_TOKEN = re.compile(r"(?P<name>\w*)\s*\(|\)", re.ASCII)
_TO_TEXT = re.compile(r"\s+AS\s+(?:VARCHAR|CHAR|JSON)\b[\s\d()]*\Z", re.IGNORECASE)


def code(query: str) -> str:
    """A query without its literals, quoted names and comments."""
    return _NO_CODE.sub(" ", query)


def raising_calls(query: str) -> list[str]:
    """The functions whose calls in a query fail on a value that is none, in their order, each once.

    ``TRY_CAST`` is none, nor is what stands in ``TRY(…)``, nor a cast to text, which takes every value.

    Args:
        query: one whose parentheses are balanced.
    """
    bare = code(query)
    found: list[str] = []
    opened: list[tuple[str, int, bool]] = []
    for token in _TOKEN.finditer(bare):
        if token["name"] is not None:
            name = token["name"].lower()
            caught = name == "try" or any(outer[2] for outer in opened)
            opened.append((name, token.end(), caught))
            continue
        if not opened:
            return found
        name, begin, caught = opened.pop()
        to_text = name == "cast" and _TO_TEXT.search(bare[begin : token.start()])
        if name in _RAISING and not caught and not to_text:
            found.append(name)
    return list(dict.fromkeys(found))
