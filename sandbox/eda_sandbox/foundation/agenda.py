"""Runs what is due, when it is due."""

import heapq
import itertools
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

THREADS = 32

log = logging.getLogger(__name__)


class Agenda:
    """Actions and when they are due; one thread sleeps until the next one, others run what is due.

    Args:
        name: of its threads.
        now: the present in AWS's seconds, from any moment on; it may jump forward, then ``wake`` has to be called.
        real: how many real seconds the given AWS seconds take.
    """

    def __init__(self, name: str, now: Callable[[], float], real: Callable[[float], float]) -> None:
        self.now = now
        self._real = real
        self._changed = threading.Condition()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._closed = False
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix=name)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin to run what is due."""
        self._thread.start()

    def add(self, due: float, action: Callable[[], None]) -> None:
        """Run an action once its time has come; actions that are due together begin in the order they were added."""
        with self._changed:
            heapq.heappush(self._due, (due, next(self._numbers), action))
            self._changed.notify()

    def wake(self) -> None:
        """The present has jumped: look again at what is due."""
        with self._changed:
            self._changed.notify()

    def close(self) -> None:
        """Run nothing more."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _run(self) -> None:
        with self._changed:
            while not self._closed:
                wait = self._due[0][0] - self.now() if self._due else None
                if wait is not None and wait <= 0:
                    self._pool.submit(_guarded, heapq.heappop(self._due)[2])
                else:
                    self._changed.wait(None if wait is None else self._real(wait))


def _guarded(action: Callable[[], None]) -> None:
    try:
        action()
    except Exception:
        log.exception("what was due failed")
