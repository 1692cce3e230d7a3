"""Looks at a running program once a second while somebody watches, and tells all who do."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from eda_sandbox.console.additions import Counted
from eda_sandbox.console.reading import Reading

SECONDS = 1.0
COUNT_SECONDS = 3.0
"""How often the accounting is asked for, which reads whole tables."""
REST = 5
"""A count that takes long is asked for less often: it rests so many times as long as it worked."""

log = logging.getLogger(__name__)
Listener = Callable[[str, Any], None]


class Watching:
    """Tells listeners of frames (``frame``), of a changed graph (``graph``) and of the accounting (``accounting``).

    Args:
        reading: what is looked at.
    """

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._listeners: list[Listener] = []
        self._lock = threading.Lock()
        self._stop: threading.Event | None = None

    @contextmanager
    def told(self, listener: Listener) -> Iterator[None]:
        """Tell a listener for the time of a ``with`` block; it is called on threads of the console's own.

        Args:
            listener: called with the name of what happened, and what it is.
        """
        with self._lock:
            self._listeners.append(listener)
            if self._stop is None:
                self._stop = threading.Event()
                stop = self._stop
                threading.Thread(target=self._frames, args=(stop,), name="console", daemon=True).start()
                if self._reading.additions.count is not None:
                    threading.Thread(target=self._counts, args=(stop,), name="console-count", daemon=True).start()
        try:
            yield
        finally:
            with self._lock:
                self._listeners.remove(listener)
                if not self._listeners and self._stop is not None:
                    self._stop.set()
                    self._stop = None

    def _frames(self, stop: threading.Event) -> None:
        version = -1
        while not stop.is_set():
            begin = time.monotonic()
            try:
                frame = self._reading.frame()
                if frame["version"] != version:
                    version = frame["version"]
                    self._tell("graph", self._reading.graph())
                self._tell("frame", frame)
            except Exception:
                log.exception("the console could not look")
            took = time.monotonic() - begin
            # Who looks at a program that is deployed, or has much, is not to hold it up.
            stop.wait(max(SECONDS - took, took))

    def _counts(self, stop: threading.Event) -> None:
        while not stop.is_set():
            begin = time.monotonic()
            try:
                self._tell("accounting", self._reading.accounting())
            except Exception as error:
                # A program's own code, which works on a program that is broken on purpose.
                log.info("the accounting could not be made", exc_info=True)
                self._tell("accounting", asdict(Counted((), None, f"Not counted: {error}")))
            stop.wait(max(COUNT_SECONDS, REST * (time.monotonic() - begin)))

    def _tell(self, what: str, value: Any) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            listener(what, value)
