"""Reads a query of CloudWatch Logs Insights: the part of the language that saved queries use here.

What lies beyond is refused by name, never left out.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from eda_sandbox.services.logs import commands, expressions
from eda_sandbox.services.logs.commands import Command, Dedup, Fields, Filter, Limit, Named, Parse, Sort, Stats
from eda_sandbox.services.logs.expressions import Expression
from eda_sandbox.services.logs.tokens import QueryError, Token, tokens
from eda_sandbox.services.logs.values import Row

T = TypeVar("T")
MAX_ROWS = 100_000
"""Rows of ``limit`` (its documentation, and StartQuery)."""
DEFAULT_ROWS = 10_000
DEFAULT_FIELDS = ("@timestamp", "@message")
_ELSEWHERE = frozenset(
    ("anomaly", "diff", "filterindex", "join", "lookup", "pattern", "source", "unmask", "unnest"),
)
"""Commands of Logs Insights that the sandbox does not offer."""


@dataclass(frozen=True)
class Query:
    """A query that can run.

    Attributes:
        commands: in order.
        shown: the names of the result's fields.
        of_events: the rows are events still, not ``stats``.
    """

    commands: tuple[Command, ...]
    shown: tuple[str, ...]
    of_events: bool

    def run(self, events: Iterable[Row], limit: int) -> tuple[list[Row], int]:
        """Run over events.

        Args:
            events: the newest first, which is the order of a query that does not sort.
            limit: rows at most.

        Returns:
            The rows, and how many events matched the query's filters.
        """
        rows: list[Row] = list(events)
        matched = len(rows)
        for command in self.commands:
            rows = command.apply(rows)
            if isinstance(command, Filter):
                matched = len(rows)
        return rows[:limit], matched


def parse(text: str) -> Query:
    """Read a query.

    Raises:
        QueryError: it is malformed, or uses what the sandbox does not offer.
    """
    return _Parser(text).query()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens(text)
        self._at = 0

    def query(self) -> Query:
        found: list[Command] = []
        while True:
            found.append(self._command())
            if not self._accept("|"):
                break
        if self._peek.kind != "end":
            raise self._peek.refused()
        shown: list[str] = []
        only, of_events = False, True
        for command in found:
            match command:
                case Stats():
                    shown, only, of_events = list(command.names), True, False
                case Fields() if command.only:
                    shown, only = [named.name for named in command.named], True
                case Fields() if not only:
                    shown += [named.name for named in command.named]
                case _:
                    pass
        return Query(tuple(found), tuple(dict.fromkeys(shown or DEFAULT_FIELDS)), of_events)

    def _command(self) -> Command:
        token = self._next()
        readers: dict[str, Callable[[], Command]] = {
            "fields": lambda: Fields(tuple(self._list(self._named))),
            "display": lambda: Fields(tuple(self._list(self._named)), only=True),
            "filter": lambda: Filter(self._condition()),
            "parse": self._parse,
            "sort": lambda: Sort(tuple(self._list(self._sort_key))),
            "limit": self._limit,
            "dedup": lambda: Dedup(tuple(self._list(self._operand))),
            "stats": self._stats,
        }
        name = token.text.lower()
        if token.kind == "word" and name in _ELSEWHERE:
            raise QueryError(f"the sandbox does not offer the command {name}", token.start, token.end)
        if token.kind != "word" or name not in readers:
            raise token.refused()
        return readers[name]()

    def _parse(self) -> Parse:
        source = self._operand()
        token = self._next()
        if token.kind == "regex":
            pattern = self._regex(token)
            names = tuple(pattern.groupindex)
            if not names or len(names) != pattern.groups:
                raise QueryError("parse needs named groups, and no others", token.start, token.end)
            return Parse(source, pattern, names)
        if token.kind != "string":
            raise token.refused()
        self._expect("as")
        names = tuple(self._list(self._name))
        parts = [re.escape(part) for part in token.text.split("*")]
        if len(parts) - 1 != len(names):
            raise QueryError(f"parse has {len(parts) - 1} wildcards and {len(names)} names", token.start, token.end)
        # What comes before a part is as short as can be; the last one takes what is left.
        glob = "(.*?)".join(parts[:-1]) + ("(.*)" if not parts[-1] else f"(.*?){parts[-1]}")
        return Parse(source, re.compile(glob, re.DOTALL), names)

    def _sort_key(self) -> tuple[Expression, bool]:
        expression = self._sum()
        descending = self._peek.text.lower() == "desc"
        if descending or self._peek.text.lower() == "asc":
            self._next()
        return expression, descending

    def _limit(self) -> Limit:
        # Which rows come first is not said with it: any of them are right.
        self._accept("any")
        token = self._next()
        if token.kind != "number" or not token.text.isdecimal() or not 1 <= int(token.text) <= MAX_ROWS:
            raise token.refused()
        return Limit(int(token.text))

    def _stats(self) -> Stats:
        aggregates = tuple(self._list(self._aggregate))
        groups = tuple(self._list(self._named)) if self._accept("by") else ()
        return Stats(aggregates, groups)

    def _aggregate(self) -> tuple[str, commands.Aggregate]:
        token = self._next()
        name = token.text.lower()
        self._expect("(")
        if name == "count":
            counted = None if self._peek.text == ")" or self._accept("*") else self._sum()
            found = commands.counted(counted)
        elif name == "pct":
            value = self._sum()
            self._expect(",")
            percent = self._next()
            if percent.kind != "number" or not 0 <= float(percent.text) <= 100:
                raise percent.refused()
            found = commands.percentile(value, float(percent.text))
        elif name in commands.AGGREGATES:
            found = commands.AGGREGATES[name](self._sum())
        else:
            raise QueryError(f"the sandbox does not offer the aggregate {token.text}", token.start, token.end)
        self._expect(")")
        return self._alias(token), found

    def _named(self) -> Named:
        token = self._peek
        expression = self._condition()
        return Named(self._alias(token), expression)

    def _alias(self, first: Token) -> str:
        """The name after ``as``, or the text as it was written; a field in backticks goes without them."""
        last = self._tokens[self._at - 1]
        if self._accept("as"):
            return self._name()
        return first.text if first is last else self._text[first.start : last.end]

    def _name(self) -> str:
        token = self._next()
        if token.kind not in ("word", "field"):
            raise token.refused()
        return token.text

    def _condition(self) -> Expression:
        found = [self._conjunction()]
        while self._accept("or"):
            found.append(self._conjunction())
        return found[0] if len(found) == 1 else expressions.either(found)

    def _conjunction(self) -> Expression:
        found = self._negation()
        while self._accept("and"):
            found = expressions.both(found, self._negation())
        return found

    def _negation(self) -> Expression:
        if self._accept("not"):
            return expressions.negated(self._negation())
        return self._comparison()

    def _comparison(self) -> Expression:
        left = self._sum()
        token = self._peek
        if token.kind == "symbol" and token.text in expressions.COMPARISONS:
            self._next()
            return expressions.comparison(token.text, left, self._sum())
        if self._accept("=~"):
            return expressions.matches(left, self._regex(self._next()))
        negative = self._accept("not")
        if self._accept("like"):
            found = self._like(left)
        elif self._accept("in"):
            found = self._choices(left)
        elif negative:
            raise self._peek.refused()
        else:
            return left
        return expressions.negated(found) if negative else found

    def _like(self, left: Expression) -> Expression:
        token = self._next()
        if token.kind == "string":
            return expressions.contains(left, token.text)
        return expressions.matches(left, self._regex(token))

    def _choices(self, left: Expression) -> Expression:
        self._expect("[")
        choices = self._list(self._sum)
        self._expect("]")
        return expressions.one_of(left, choices)

    def _sum(self) -> Expression:
        found = self._product()
        while self._peek.kind == "symbol" and self._peek.text in "+-":
            found = expressions.arithmetic(self._next().text, found, self._product())
        return found

    def _product(self) -> Expression:
        found = self._operand()
        while self._peek.kind == "symbol" and self._peek.text in "*/%":
            found = expressions.arithmetic(self._next().text, found, self._operand())
        return found

    def _operand(self) -> Expression:
        token = self._next()
        if token.kind == "symbol" and token.text == "(":
            found = self._condition()
            self._expect(")")
            return found
        if token.kind == "symbol" and token.text == "-":
            return expressions.arithmetic("-", expressions.constant(0), self._operand())
        if token.kind == "string":
            return expressions.constant(token.text)
        if token.kind == "number":
            return expressions.constant(float(token.text) if "." in token.text else int(token.text))
        if token.kind == "word" and self._accept("("):
            return self._call(token)
        if token.kind not in ("word", "field"):
            raise token.refused()
        return expressions.field(token.text)

    def _call(self, name: Token) -> Expression:
        if name.text.lower() == "bin":
            return self._bin(name)
        function = expressions.FUNCTIONS.get(name.text.lower())
        if function is None:
            raise QueryError(f"the sandbox does not offer the function {name.text}", name.start, name.end)
        arguments = [] if self._peek.text == ")" else self._list(self._condition)
        if not function.least <= len(arguments) <= function.most:
            raise QueryError(f"{name.text} has {len(arguments)} arguments", name.start, self._peek.end)
        self._expect(")")
        return expressions.called(function, arguments)

    def _bin(self, name: Token) -> Expression:
        token = self._next()
        match = re.fullmatch(r"([1-9]\d*)([a-z]+)", token.text)
        unit = expressions.MILLISECONDS.get(match[2]) if token.kind == "duration" and match else None
        if match is None or unit is None:
            raise token.refused()
        self._expect(")")
        written = self._text[name.start : self._tokens[self._at - 1].end]
        return expressions.binned(int(match[1]) * unit, written)

    def _regex(self, token: Token) -> re.Pattern[str]:
        if token.kind not in ("regex", "string"):
            raise token.refused()
        try:
            return re.compile(token.text.replace("(?<", "(?P<").replace("(?P<=", "(?<=").replace("(?P<!", "(?<!"))
        except re.error as error:
            raise QueryError(f"invalid regular expression: {error}", token.start, token.end) from None

    def _list(self, read: Callable[[], T]) -> list[T]:
        found = [read()]
        while self._accept(","):
            found.append(read())
        return found

    @property
    def _peek(self) -> Token:
        return self._tokens[self._at]

    def _next(self) -> Token:
        token = self._peek
        if token.kind == "end":
            raise token.refused()
        self._at += 1
        return token

    def _accept(self, word: str) -> bool:
        token = self._peek
        if token.kind not in ("word", "symbol") or token.text.lower() != word:
            return False
        self._at += 1
        return True

    def _expect(self, word: str) -> None:
        if not self._accept(word):
            raise self._peek.refused()
