"""The words of a Logs Insights query, with their places."""

import re
from dataclasses import dataclass

from eda_sandbox.foundation.errors import AwsError

_TOKEN = re.compile(
    r"""
      (?P<space>\s+|\#[^\n]*)
    | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<quoted>`[^`]+`)
    | (?P<number>\d+(?:\.\d+)?(?![\w.]))
    | (?P<duration>\d+[a-z]+(?!\w))
    | (?P<word>@?[A-Za-z_][\w.@]*)
    | (?P<symbol>=~|!=|<=|>=|[=<>|(),\[\]*+%/-])
    """,
    re.VERBOSE,
)
_REGEX = re.compile(r"/((?:[^/\\\n]|\\.)+)/")
_BEFORE_REGEX = frozenset({"like", "=~", "parse"})


class QueryError(AwsError):
    """The query is not one that Logs Insights, or its part in the sandbox, can run.

    Args:
        message: what is wrong.
        start: the first character of what is wrong.
        end: the character after it.
    """

    def __init__(self, message: str, start: int, end: int) -> None:
        error = {"location": {"startCharOffset": start, "endCharOffset": end}, "message": message}
        super().__init__("MalformedQueryException", message, queryCompileError=error)


@dataclass(frozen=True)
class Token:
    """A word of a query.

    Attributes:
        kind: ``string``, ``regex``, ``number``, ``duration``, ``field`` (in backticks), ``word``, ``symbol``, ``end``.
        text: what it says: of strings, regular expressions and fields in backticks, what is between the marks.
        start: where it begins.
        end: where it ends.
        line: its line, from 1.
        column: its place in the line, from 1.
    """

    kind: str
    text: str
    start: int
    end: int
    line: int
    column: int

    def refused(self) -> QueryError:
        """The error of a word that can't stand here, as CloudWatch Logs words it."""
        what = self.text if self.kind != "end" else "end of query"
        place = f"at line {self.line} and position {self.column}"
        return QueryError(f"unexpected symbol found {what} {place}", self.start, self.end)


def tokens(query: str) -> list[Token]:
    """The words of a query; the last one is ``end``.

    Raises:
        QueryError: there is a character that begins no word.
    """
    found: list[Token] = []
    position = 0
    while position < len(query):
        token = _next(query, position, found)
        position = token.end
        if token.kind != "space":
            found.append(token)
    return [*found, _token("end", "", query, position, position)]


def _next(query: str, position: int, before: list[Token]) -> Token:
    if query[position] == "/" and _may_be_regex(before):
        regex = _REGEX.match(query, position)
        if regex is not None:
            return _token("regex", regex[1].replace("\\/", "/"), query, position, regex.end())
    match = _TOKEN.match(query, position)
    if match is None:
        raise _token("symbol", query[position], query, position, position + 1).refused()
    kind, text = str(match.lastgroup), match[0]
    if kind == "string":
        text = re.sub(r"\\(.)", r"\1", text[1:-1])
    elif kind == "quoted":
        kind, text = "field", text[1:-1]
    return _token(kind, text, query, position, match.end())


def _may_be_regex(before: list[Token]) -> bool:
    """After an operator of patterns, or after the field that is parsed, a slash begins a regular expression."""
    words = [token.text.lower() for token in before[-2:] if token.kind != "string"]
    return bool(words) and (words[-1] in _BEFORE_REGEX or words[0] == "parse")


def _token(kind: str, text: str, query: str, start: int, end: int) -> Token:
    line = query.count("\n", 0, start) + 1
    return Token(kind, text, start, end, line, start - (query.rfind("\n", 0, start) + 1) + 1)
