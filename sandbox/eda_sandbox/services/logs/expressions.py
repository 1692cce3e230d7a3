"""Expressions of a Logs Insights query: each gives a value for a row."""

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from eda_sandbox.services.logs.values import Row, Value, compared, number, text

Expression = Callable[[Row], Value]
"""Gives a row's value; of conditions, 1 or 0."""

COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": operator.mod,
}
MILLISECONDS = {
    "ms": 1,
    "s": 1000,
    "m": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
    "w": 7 * 86_400_000,
}
"""Milliseconds of the units of time."""


def holds(value: Value) -> bool:
    """Whether a value counts as true."""
    return value not in (None, 0, "", "0")


def field(name: str) -> Expression:
    """A field; missing where the row has none."""
    return lambda row: row.get(name)


def constant(value: Value) -> Expression:
    """A literal."""
    return lambda _row: value


def comparison(sign: str, left: Expression, right: Expression) -> Expression:
    """A comparison; false where a side is missing."""
    test = COMPARISONS[sign]

    def evaluate(row: Row) -> Value:
        order = compared(left(row), right(row))
        return int(order is not None and test(order, 0))

    return evaluate


def arithmetic(sign: str, left: Expression, right: Expression) -> Expression:
    """A calculation; missing where a side is no number."""
    calculate = ARITHMETIC[sign]

    def evaluate(row: Row) -> Value:
        first, second = number(left(row)), number(right(row))
        if first is None or second is None or (second == 0 and sign in "/%"):
            return None
        return calculate(first, second)

    return evaluate


def contains(value: Expression, part: str) -> Expression:
    """``like "text"``: the text is in the value, in this spelling."""
    return lambda row: int(part in text(value(row)))


def matches(value: Expression, pattern: re.Pattern[str]) -> Expression:
    """``like /regex/``: the pattern is found in the value."""
    return lambda row: int(pattern.search(text(value(row))) is not None)


def one_of(value: Expression, choices: Sequence[Expression]) -> Expression:
    """``in [...]``."""
    return lambda row: int(any(compared(value(row), choice(row)) == 0 for choice in choices))


def both(left: Expression, right: Expression) -> Expression:
    """``and``."""
    return lambda row: int(holds(left(row)) and holds(right(row)))


def either(conditions: Sequence[Expression]) -> Expression:
    """``or``."""
    return lambda row: int(any(holds(condition(row)) for condition in conditions))


def negated(condition: Expression) -> Expression:
    """``not``."""
    return lambda row: int(not holds(condition(row)))


def binned(milliseconds: int, written: str) -> Expression:
    """``bin(5m)``: the beginning of the event's time span; a row of ``stats`` has it as it was written."""

    def evaluate(row: Row) -> Value:
        if written in row:
            return row[written]
        at = number(row.get("@timestamp"))
        return None if at is None else int(at // milliseconds * milliseconds)

    return evaluate


@dataclass(frozen=True)
class Function:
    """A function: how many arguments it takes, and what it gives for their values."""

    least: int
    most: int
    call: Callable[[Sequence[Value]], Value]


FUNCTIONS: dict[str, Function] = {
    "ispresent": Function(1, 1, lambda given: int(given[0] is not None)),
    "isempty": Function(1, 1, lambda given: int(given[0] in (None, ""))),
    "isblank": Function(1, 1, lambda given: int(not text(given[0]).strip())),
    "coalesce": Function(1, 50, lambda given: next((value for value in given if value is not None), None)),
    "concat": Function(1, 50, lambda given: "".join(map(text, given))),
    "strlen": Function(1, 1, lambda given: None if given[0] is None else len(text(given[0]))),
    "tolower": Function(1, 1, lambda given: None if given[0] is None else text(given[0]).lower()),
    "toupper": Function(1, 1, lambda given: None if given[0] is None else text(given[0]).upper()),
    "trim": Function(1, 1, lambda given: None if given[0] is None else text(given[0]).strip()),
    "strcontains": Function(2, 2, lambda given: int(text(given[1]) in text(given[0]))),
}
"""The functions of a row that the sandbox offers; ``bin`` is read apart."""


def called(function: Function, arguments: Sequence[Expression]) -> Expression:
    """A function of values."""
    return lambda row: function.call([argument(row) for argument in arguments])
