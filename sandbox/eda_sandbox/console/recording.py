"""Keeps what a console told while a program ran, and writes it as one file that shows the run again."""

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError

from eda_sandbox.console import page
from eda_sandbox.console.acting import can_fail
from eda_sandbox.console.serving import Console
from eda_sandbox.foundation.errors import AwsError

ITEMS = 20
"""How many items of each resource are in the file, whole."""
EVENTS = 3_600
"""Events that are kept at most: of a longer run the file shows the beginning, and the end as it was."""


class Recording:
    """What was told so far.

    Args:
        console: whose run is recorded.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._events: list[tuple[float, str, Any]] = []
        self._lock = threading.Lock()

    def note(self, what: str, value: Any) -> None:
        """Keep what was told."""
        with self._lock:
            if len(self._events) < EVENTS:
                self._events.append((round(time.time(), 2), what, value))

    def html(self, items: Iterable[str] = ()) -> str:
        """The file: what happened, and what each resource holds now.

        Args:
            items: items whose ways are in it.
        """
        reading = self._console.reading
        graph, last = reading.graph(), reading.snapshot()
        read: dict[str, Any] = {
            _key("graph"): graph,
            _key("controls"): {**reading.controls(), "buttons": [], "schedules": []},
            _key("chart"): reading.chart(),
        }
        for node in graph["nodes"]:
            if node["kind"] != "clients":
                read |= self._node(node["id"])
        for item in items:
            read[_key("way", id=item)] = reading.way(item)
        self.note("accounting", reading.accounting())
        with self._lock:
            events = [*self._events, (round(time.time(), 2), "frame", last)]
        return page.recorded({"events": events, "read": read})

    def _node(self, id: str) -> dict[str, Any]:
        reading = self._console.reading
        found = {**reading.node(id), "faults": can_fail(reading.found(id))}
        read: dict[str, Any] = {_key("node", id=id): found}
        if found["logs"]:
            read[_key("logs", node=id)] = reading.logs(id)[0]
        for row in (found["items"] or {"rows": []})["rows"][:ITEMS]:
            try:
                read[_key("item", node=id, id=row[0])] = reading.item(id, row[0])
            except (AwsError, ClientError, KeyError):
                # It was taken or removed meanwhile.
                continue
        return read


def _key(what: str, **values: str) -> str:
    """What the page asks for; ``recorded.js`` makes the same of it."""
    return "\n".join([what, *(values[name] for name in sorted(values))])


@contextmanager
def recording(console: Console) -> Iterator[Recording]:
    """Record for the time of a ``with`` block.

    Args:
        console: whose run is recorded.
    """
    found = Recording(console)
    with console.watching.told(found.note):
        yield found
