"""A timer for what is rarely due: it costs a call an entry in a set, and a thread only when its time comes.

One parked thread waits for the earliest time of all and starts a thread for each action that is due, so one that takes
long holds up no other. Times are entered in growing order as a rule, so an entry rarely has to wake the thread; without
entries it waits without an end.
"""

import math
import os
import threading
import time
from collections.abc import Callable

Action = Callable[[threading.Event], None]
"""What is done; it ends when the event is set."""


class Due:
    """An action and when it is due.

    Args:
        at: seconds of the monotonic clock.
        act: the action.
    """

    __slots__ = ("_running", "act", "at")

    def __init__(self, at: float, act: Action) -> None:
        self.at = at
        self.act = act
        self._running: tuple[threading.Thread, threading.Event] | None = None

    def start(self, name: str) -> None:
        """Start the action's thread.

        Raises:
            RuntimeError: it cannot be started.
        """
        stopped = threading.Event()
        thread = threading.Thread(target=self.act, args=(stopped,), daemon=True, name=name)
        thread.start()
        self._running = thread, stopped

    def stop(self, wait_seconds: float) -> None:
        """Tell an action that has begun to end, and wait for that."""
        if self._running is not None:
            thread, stopped = self._running
            stopped.set()
            thread.join(wait_seconds)


class Timer:
    """Starts actions when they are due.

    Args:
        name: of the threads of actions; the parked one's has ``-timer`` behind.
        again_seconds: when an action is tried again for which no thread could be started.
    """

    def __init__(self, name: str, again_seconds: float = 1.0) -> None:
        self._name = name
        self._again_seconds = again_seconds
        self._forget()
        # A child has neither the thread nor the parent's actions, and the lock may be held for ever.
        os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._entries: set[Due] = set()
        self._wakes_at = 0.0
        self._parked: threading.Thread | None = None

    def after(self, seconds: float, act: Action) -> Due:
        """Enter an action.

        Args:
            seconds: until it is due.
            act: is called in a daemon thread of its own.

        Raises:
            RuntimeError: the parked thread cannot be started.
        """
        due = Due(time.monotonic() + seconds, act)
        with self._changed:
            if self._parked is None:
                self._wakes_at = due.at
                parked = threading.Thread(target=self._wait, daemon=True, name=f"{self._name}-timer")
                parked.start()
                self._parked = parked
            elif due.at < self._wakes_at:
                self._wakes_at = due.at
                self._changed.notify()
            self._entries.add(due)
        return due

    def cancel(self, due: Due, wait_seconds: float) -> None:
        """Take an action out.

        Args:
            due: the action.
            wait_seconds: how long to wait for the end of one that has begun.
        """
        with self._changed:
            self._entries.discard(due)
        due.stop(wait_seconds)

    def _wait(self) -> None:
        with self._changed:
            while True:
                now = time.monotonic()
                for due in [entry for entry in self._entries if entry.at <= now]:
                    self._start(due, now)
                self._wakes_at = min((entry.at for entry in self._entries), default=math.inf)
                left = self._wakes_at - now
                self._changed.wait(None if left == math.inf else min(left, threading.TIMEOUT_MAX))

    def _start(self, due: Due, now: float) -> None:
        try:
            due.start(self._name)
        except RuntimeError:
            # The environment has as many threads as it may have.
            due.at = now + self._again_seconds
        else:
            self._entries.remove(due)
