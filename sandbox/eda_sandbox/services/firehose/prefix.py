"""Prefixes of objects: literal text with ``!{namespace:value}`` expressions.

https://docs.aws.amazon.com/firehose/latest/dev/s3-prefixes.html has the rules. Of ``timestamp``, the letters of Java's
``DateTimeFormatter`` that stand for parts of a date and a time are known.
"""

import re
import secrets
import string
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta

from eda_sandbox.foundation.errors import AwsError

DEFAULT_TIME = "yyyy/MM/dd/HH/"
ERROR_OUTPUT_TYPE = "error-output-type"
RANDOM_STRING = "random-string"
RANDOM_LENGTH = 11
_EXPRESSION = re.compile(r"!\{([^}:]*):([^}]*)\}")
_NAMES = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_QUARTERS = ["1st quarter", "2nd quarter", "3rd quarter", "4th quarter"]


def _padded(number: int, width: int) -> str:
    return f"{number:0{width}}"


def _year(number: int, width: int) -> str:
    return f"{number % 100:02}" if width == 2 else _padded(number, width)


def _week(at: datetime) -> tuple[int, int]:
    """The year and the week that a day counts to in the United States: weeks begin on Sundays, the first one has the
    first of January."""
    sunday = at.date() - timedelta(days=at.isoweekday() % 7)
    year = (sunday + timedelta(days=6)).year
    first = date(year, 1, 1)
    return year, (sunday - (first - timedelta(days=first.isoweekday() % 7))).days // 7 + 1


def _quarter(at: datetime, width: int) -> str:
    number = (at.month + 2) // 3
    return _padded(number, width) if width < 3 else f"Q{number}" if width == 3 else _QUARTERS[number - 1]


def _day_of_week(at: datetime, width: int) -> str:
    return _padded(at.isoweekday() % 7 + 1, width) if width < 3 else _name(_DAYS[at.weekday()], width)


def _milliseconds(at: datetime) -> int:
    return (at - at.replace(hour=0, minute=0, second=0, microsecond=0)) // timedelta(milliseconds=1)


_LETTERS: dict[str, tuple[int, Callable[[datetime, int], str]]] = {
    "y": (9, lambda at, width: _year(at.year, width)),
    "u": (9, lambda at, width: _year(at.year, width)),
    "Y": (9, lambda at, width: _year(_week(at)[0], width)),
    "Q": (4, _quarter),
    "q": (4, _quarter),
    "M": (5, lambda at, width: _name(_NAMES[at.month - 1], width) if width > 2 else _padded(at.month, width)),
    "L": (5, lambda at, width: _name(_NAMES[at.month - 1], width) if width > 2 else _padded(at.month, width)),
    "w": (2, lambda at, width: _padded(_week(at)[1], width)),
    "W": (1, lambda at, _: str((at.day + at.replace(day=1).isoweekday() % 7 - 1) // 7 + 1)),
    "d": (2, lambda at, width: _padded(at.day, width)),
    "D": (3, lambda at, width: _padded(at.timetuple().tm_yday, width)),
    "F": (1, lambda at, _: str((at.day - 1) // 7 + 1)),
    "E": (5, lambda at, width: _name(_DAYS[at.weekday()], max(width, 3))),
    "e": (5, _day_of_week),
    "c": (5, _day_of_week),
    "a": (1, lambda at, _: "AM" if at.hour < 12 else "PM"),
    "H": (2, lambda at, width: _padded(at.hour, width)),
    "k": (2, lambda at, width: _padded(at.hour or 24, width)),
    "h": (2, lambda at, width: _padded((at.hour + 11) % 12 + 1, width)),
    "K": (2, lambda at, width: _padded(at.hour % 12, width)),
    "m": (2, lambda at, width: _padded(at.minute, width)),
    "s": (2, lambda at, width: _padded(at.second, width)),
    "S": (9, lambda at, width: f"{at.microsecond:06}000"[:width]),
    "A": (19, lambda at, width: _padded(_milliseconds(at), width)),
}
"""Letters of Java's ``DateTimeFormatter``, each with how often it may stand in a row."""


def check(prefix: str | None, error_prefix: str | None) -> None:
    """Check the prefixes of one destination.

    Raises:
        AwsError: ``InvalidArgumentException`` naming the parameter.
    """
    if prefix:
        _check_expressions("Prefix", prefix, {RANDOM_STRING})
        if "!{" in prefix and not error_prefix:
            raise _invalid("ErrorOutputPrefix", "cannot be null when Prefix contains expressions")
    if error_prefix:
        _check_expressions("ErrorOutputPrefix", error_prefix, {RANDOM_STRING, ERROR_OUTPUT_TYPE})
        if "!{" in error_prefix and f"!{{firehose:{ERROR_OUTPUT_TYPE}}}" not in error_prefix:
            raise _invalid(
                "ErrorOutputPrefix", f"must contain !{{firehose:{ERROR_OUTPUT_TYPE}}} when it has expressions"
            )


def evaluate(prefix: str | None, at: datetime) -> str:
    """The prefix of data.

    Args:
        prefix: as configured; without a timestamp in it, ``yyyy/MM/dd/HH/`` follows it.
        at: when the oldest record of the object came, in the destination's time zone.
    """
    return _evaluate(prefix or "", at, "")


def evaluate_error(prefix: str | None, error_prefix: str | None, error_type: str, at: datetime) -> str:
    """The prefix of records that could not be delivered as data.

    Args:
        prefix: the data's prefix, which stands in for a missing error prefix.
        error_prefix: as configured.
        error_type: for example ``format-conversion-failed``.
        at: when the oldest record of the object came, in the destination's time zone.
    """
    chosen = error_prefix or prefix or ""
    if "!{" not in chosen:
        chosen += f"{error_type}/"
    return _evaluate(chosen, at, error_type)


def format_time(pattern: str, at: datetime) -> str:
    """A time by a pattern of Java's ``DateTimeFormatter``."""
    return "".join(_LETTERS[kind][1](at, len(text)) if kind else text for kind, text in _tokens(pattern))


def _evaluate(prefix: str, at: datetime, error_type: str) -> str:
    has_time = False

    def value(found: re.Match[str]) -> str:
        nonlocal has_time
        if found[1] == "timestamp":
            has_time = True
            return format_time(found[2], at)
        if found[2] == ERROR_OUTPUT_TYPE:
            return error_type
        return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(RANDOM_LENGTH))

    evaluated = _EXPRESSION.sub(value, prefix)
    return evaluated if has_time else evaluated + format_time(DEFAULT_TIME, at)


def _check_expressions(parameter: str, prefix: str, allowed: set[str]) -> None:
    if "!{" in _EXPRESSION.sub("", prefix):
        raise _invalid(parameter, "has !{ outside of an expression !{namespace:value}")
    for namespace, value in _EXPRESSION.findall(prefix):
        if namespace == "timestamp":
            if not value:
                raise _invalid(parameter, "has !{timestamp:} without a format")
            try:
                format_time(value, datetime(2000, 1, 1))
            except ValueError as error:
                raise _invalid(parameter, f"has !{{timestamp:{value}}}: {error}") from None
        elif namespace != "firehose":
            reason = (
                "needs dynamic partitioning, which the sandbox does not offer"
                if "partition" in namespace
                else ("is no namespace; there are firehose and timestamp")
            )
            raise _invalid(parameter, f"has !{{{namespace}:{value}}}: {namespace} {reason}")
        elif value not in allowed:
            raise _invalid(parameter, f"has !{{firehose:{value}}}; allowed here: {', '.join(sorted(allowed))}")


def _tokens(pattern: str) -> Iterator[tuple[str, str]]:
    """Runs of one letter with the letter, and literal text with nothing."""
    for found in re.finditer(r"'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+|'", pattern):
        text, letter = found[0], found[2]
        if letter:
            if letter not in _LETTERS:
                raise ValueError(f"the sandbox does not know the letter {letter}; it knows {', '.join(_LETTERS)}")
            if len(text) > _LETTERS[letter][0] or (letter, len(text)) == ("c", 2):
                raise ValueError(f"{text} has too many letters")
            yield letter, text
        elif text == "'":
            raise ValueError("a quote is not closed")
        elif text == "''":
            yield "", "'"
        else:
            yield "", found[1].replace("''", "'") if text.startswith("'") else text


def _name(name: str, width: int) -> str:
    return name[:1] if width == 5 else name if width > 3 else name[:3]


def _invalid(parameter: str, problem: str) -> AwsError:
    return AwsError("InvalidArgumentException", f"{parameter} {problem}.")
