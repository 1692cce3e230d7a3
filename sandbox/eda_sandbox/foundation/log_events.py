"""The log events that the emulator keeps, read in their place: the API would write and read each of them as JSON."""

import heapq
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import cloudwatch_logs as emulated

from eda_sandbox.foundation.cloud import ACCOUNT, REGION


def forget_twins() -> None:
    """Let the emulator not keep each event once more by its id, for an operation that the sandbox does not offer."""
    replaced: Any = emulated
    replaced._log_records = _Unkept()
    replaced._build_log_record = lambda **_: None


def kept(
    group: str, begin: int | None = None, last: int | None = None, streams: Iterable[str] | None = None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """A log group's events by their time, each with its stream's name; those of one time by when they came.

    Args:
        group: the log group.
        begin: milliseconds since the epoch of the first; default: all.
        last: of the last, which is given, too.
        streams: names of the log streams; default: all.

    Raises:
        KeyError: there is no such group.
    """
    with request_scope(ACCOUNT, REGION), emulated._log_events_lock:
        found = emulated._log_groups[group]["streams"]
        ranges = [
            _range(name, found[name]["events"], begin, last)
            for name in (found if streams is None else streams)
            if name in found
        ]
    return heapq.merge(*ranges, key=lambda pair: (pair[1]["timestamp"], pair[1]["ingestionTime"]))


class _Unkept(dict[str, Any]):
    def __setitem__(self, id: str, record: Any) -> None: ...


def _range(
    stream: str, events: list[dict[str, Any]], begin: int | None, last: int | None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """What a stream holds now. An event that comes late is not put into its list: the stream gets another."""
    first = 0 if begin is None else bisect_left(events, begin, key=_time)
    end = len(events) if last is None else bisect_right(events, last, key=_time)
    return ((stream, events[number]) for number in range(first, end))


def _time(event: dict[str, Any]) -> int:
    return int(event["timestamp"])
