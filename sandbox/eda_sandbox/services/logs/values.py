"""Log events as rows: the fields that Logs Insights discovers, and how their values compare and look."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

Value = str | int | float | None
Row = Mapping[str, Value]
MAX_FIELDS = 200
"""Fields that are discovered in one JSON event (Logs Insights quota)."""


class Event(Mapping[str, Value]):
    """An event as a row, with the fields that are discovered in it: those of JSON by dotted path, list elements by
    their index. They are looked for when one is first asked for, since most queries leave most events out before.

    Args:
        message: the event.
        timestamp: its time, milliseconds since the epoch.
        ingested: when it came, likewise.
        group: ``account:log group``.
        stream: the log stream.
        pointer: names the event.
    """

    def __init__(self, message: str, timestamp: int, ingested: int, group: str, stream: str, pointer: str) -> None:
        self.timestamp = timestamp
        self._message = message
        self._own: dict[str, Value] = {
            "@timestamp": timestamp,
            "@ingestionTime": ingested,
            "@message": message,
            "@log": group,
            "@logStream": stream,
            "@ptr": pointer,
        }

    @cached_property
    def _all(self) -> dict[str, Value]:
        return {**discovered(self._message), **self._own}

    def __getitem__(self, name: str) -> Value:
        return self._own[name] if name in self._own else self._all[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)


def discovered(message: str) -> dict[str, Value]:
    """The fields of a JSON object, the first 200; none of any other message."""
    if not message.lstrip().startswith("{"):
        return {}
    try:
        parsed = json.loads(message)
    except (ValueError, RecursionError):
        return {}
    fields: dict[str, Value] = {}
    for name, value in _leaves(parsed, ""):
        if len(fields) == MAX_FIELDS:
            break
        fields[name] = value
    return fields


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Value]]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _leaves(item, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves(item, f"{path}.{index}")
    elif value is not None and path:
        # JSON's booleans are 1 and 0 in Logs Insights.
        yield path, int(value) if isinstance(value, bool) else value


def number(value: Value) -> float | int | None:
    """A value as a number; None for what is none."""
    if isinstance(value, int | float):
        return value
    if value is None:
        return None
    try:
        return int(value)
    except ValueError:
        pass
    try:
        found = float(value)
    except ValueError:
        return None
    return found if abs(found) != float("inf") and found == found else None


def compared(left: Value, right: Value) -> int | None:
    """Below 0, 0 or above 0 as two values stand to each other, as numbers where both are; None where one is missing."""
    if left is None or right is None:
        return None
    first, second = number(left), number(right)
    if first is not None and second is not None:
        return (first > second) - (first < second)
    one, other = text(left), text(right)
    return (one > other) - (one < other)


def text(value: Value) -> str:
    """A value as results show it."""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else f"{value:.4f}".rstrip("0").rstrip(".")
    return "" if value is None else str(value)


def shown(name: str, value: Value) -> str:
    """A field's value as results show it: times as ``2026-01-31 03:00:00.000``, in UTC."""
    if isinstance(value, int) and (name in ("@timestamp", "@ingestionTime") or name.startswith("bin(")):
        return f"{datetime.fromtimestamp(value / 1000, UTC):%Y-%m-%d %H:%M:%S}.{value % 1000:03d}"
    return text(value)
