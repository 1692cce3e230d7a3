"""The log events that the emulator keeps: written close together, and read in their place.

A run of thousands of orders writes most of what a sandbox holds as log lines. As the emulator keeps them, an event is a
dict, and once more a dict by its id; here it is an object of five members, and its text lies with those of 63 others,
compressed.
"""

import heapq
import marshal
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import cloudwatch_logs as emulated

from eda_sandbox.foundation.cloud import ACCOUNT, REGION

TOGETHER = 64
"""Texts that are compressed as one."""
_MEMBERS = ("timestamp", "message", "ingestionTime", "eventId")


def install() -> None:
    """Keep what the emulator is given; again does nothing."""
    replaced: Any = emulated
    replaced._append_log_events = _append
    # An operation that the sandbox does not offer would find them there.
    replaced._log_records = _Unkept()
    replaced._build_log_record = lambda **_: None


class _Unkept(dict[str, Any]):
    def __setitem__(self, id: str, record: Any) -> None: ...


class _Texts:
    """The texts of some events of a stream, in the order in which they came."""

    __slots__ = ("__weakref__", "_kept")

    def __init__(self) -> None:
        self._kept: list[str] | bytes = []

    def add(self, text: str) -> int:
        """Add one; its place."""
        assert isinstance(self._kept, list)
        place = len(self._kept)
        self._kept.append(text)
        if place == TOGETHER - 1:
            self._kept = zlib.compress(marshal.dumps(self._kept), 1)
        return place

    @property
    def is_full(self) -> bool:
        """Whether no more can be added."""
        return isinstance(self._kept, bytes)

    def at(self, place: int) -> str:
        """The text at a place."""
        kept = self._kept
        return (kept if isinstance(kept, list) else _opened(kept))[place]


@lru_cache(maxsize=256)
def _opened(packed: bytes) -> list[str]:
    """Texts are read in their order, from several streams at a time."""
    found: list[str] = marshal.loads(zlib.decompress(packed))  # noqa: S302 - this process wrote it
    return found


class Event(Mapping[str, Any]):
    """An event as the emulator reads it: ``timestamp``, ``message``, ``ingestionTime``, ``eventId``."""

    __slots__ = ("_id", "_place", "_texts", "ingested", "timestamp")

    def __init__(self, timestamp: int, ingested: int, id: bytes, texts: _Texts, place: int) -> None:
        self.timestamp = timestamp
        self.ingested = ingested
        self._id = id
        self._texts = texts
        self._place = place

    @property
    def message(self) -> str:
        """Its text."""
        return self._texts.at(self._place)

    @property
    def id(self) -> str:
        """Names it."""
        return str(int.from_bytes(self._id))

    def __getitem__(self, name: str) -> Any:
        match name:
            case "timestamp":
                return self.timestamp
            case "message":
                return self.message
            case "ingestionTime":
                return self.ingested
            case "eventId":
                return self.id
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(_MEMBERS)

    def __len__(self) -> int:
        return len(_MEMBERS)


class _Events(list[Event]):
    """A stream's events by their time, and the texts that the next ones are added to."""

    def __init__(self, events: Iterable[Event], texts: _Texts) -> None:
        super().__init__(events)
        self.texts = texts


def _append(stream: dict[str, Any], given: list[dict[str, Any]]) -> None:
    if not given:
        return
    with emulated._log_events_lock:
        history = stream["events"]
        if not isinstance(history, _Events):
            history = stream["events"] = _Events((), _Texts())
        events = []
        for one in sorted(given, key=lambda one: int(one["timestamp"])):
            if history.texts.is_full:
                history.texts = _Texts()
            place = history.texts.add(one["message"])
            id = int(one["eventId"].replace("-", ""), 16).to_bytes(16)
            events.append(Event(one["timestamp"], one["ingestionTime"], id, history.texts, place))
        if history and history[-1].timestamp > events[0].timestamp:
            # Who reads goes on with the list that it has.
            stream["events"] = _Events(heapq.merge(history, events, key=_time), history.texts)
        else:
            history.extend(events)
        first, last = stream["firstEventTimestamp"], stream["lastEventTimestamp"]
        stream["firstEventTimestamp"] = events[0].timestamp if first is None else min(first, events[0].timestamp)
        stream["lastEventTimestamp"] = events[-1].timestamp if last is None else max(last, events[-1].timestamp)
        stream["lastIngestionTime"] = given[-1]["ingestionTime"]


def kept(
    group: str, begin: int | None = None, last: int | None = None, streams: Iterable[str] | None = None
) -> Iterator[tuple[str, Event]]:
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
    return heapq.merge(*ranges, key=lambda pair: (pair[1].timestamp, pair[1].ingested))


def _range(stream: str, events: list[Event], begin: int | None, last: int | None) -> Iterator[tuple[str, Event]]:
    """What a stream holds now. An event that comes late is not put into its list: the stream gets another."""
    first = 0 if begin is None else bisect_left(events, begin, key=_time)
    end = len(events) if last is None else bisect_right(events, last, key=_time)
    return ((stream, events[number]) for number in range(first, end))


def _time(event: Event) -> int:
    return event.timestamp
