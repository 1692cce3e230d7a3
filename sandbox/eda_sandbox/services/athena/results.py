"""Results: the CSV file that Athena writes, and how GetQueryResults reads it again."""

import math
import struct
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from eda_sandbox.foundation.java_numbers import double


def rendered(value: Any, kind: str = "") -> str | None:
    """A value of DuckDB's as Athena prints it; None for NULL.

    Args:
        value: the value.
        kind: its type; of FLOAT fewer digits are shown.
    """
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case float():
            return double(_shortest(value) if "FLOAT" in kind and "DOUBLE" not in kind else value)
        case datetime():
            return _timestamp(value)
        case date():
            return value.isoformat()
        case timedelta():
            return _interval(value)
        case bytes() | bytearray() | memoryview():
            return bytes(value).hex(" ")
        case list() | tuple():
            return "[" + ", ".join(_inner(item, kind) for item in value) + "]"
        case dict():
            return "{" + ", ".join(f"{_inner(key, kind)}={_inner(item, kind)}" for key, item in value.items()) + "}"
        case Decimal():
            return format(value, "f")
        case _:
            return str(value)


def csv(rows: Iterable[Iterable[str | None]]) -> bytes:
    """Rows as Athena writes them: every value quoted, NULL as nothing."""
    lines = []
    for row in rows:
        lines.append(",".join("" if value is None else '"' + value.replace('"', '""') + '"' for value in row))
    return "".join(f"{line}\n" for line in lines).encode()


def rows(text: str, columns: int) -> Iterator[list[str | None]]:
    """What ``csv`` has written.

    Args:
        text: the file.
        columns: how many a row has.
    """
    place = 0
    while place < len(text):
        row: list[str | None] = []
        for column in range(columns):
            if text[place : place + 1] == '"':
                value = ""
                place += 1
                while True:
                    end = text.index('"', place)
                    value += text[place:end]
                    place = end + 1
                    if text[place : place + 1] != '"':
                        break
                    value += '"'
                    place += 1
                row.append(value)
            else:
                row.append(None)
            separator = "," if column < columns - 1 else "\n"
            if text[place : place + 1] != separator:
                raise ValueError(f"the result file is damaged at {place}")
            place += 1
        yield row


def _shortest(value: float) -> float:
    """The number of fewest digits that is the same one in four bytes."""
    if not math.isfinite(value):
        return value
    for digits in range(1, 10):
        shorter = float(f"{value:.{digits}g}")
        if abs(shorter) < 3.5e38 and struct.pack("f", shorter) == struct.pack("f", value):
            return shorter
    return value


def _inner(value: Any, kind: str) -> str:
    text = rendered(value, kind)
    return "null" if text is None else text


def _timestamp(value: datetime) -> str:
    zone = ""
    if value.tzinfo is not None:
        value, zone = value.astimezone(UTC), " UTC"
    return f"{value:%Y-%m-%d %H:%M:%S}.{value.microsecond // 1000:03}{zone}"


def _interval(value: timedelta) -> str:
    milliseconds = round(value.total_seconds() * 1000)
    sign, milliseconds = ("-", -milliseconds) if milliseconds < 0 else ("", milliseconds)
    seconds, fraction = divmod(milliseconds, 1000)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    return f"{sign}{days} {hour:02}:{minute:02}:{second:02}.{fraction:03}"
