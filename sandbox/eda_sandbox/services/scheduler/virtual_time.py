"""The time that schedules live in."""

import threading
import time
from datetime import UTC, datetime

from eda_sandbox.foundation.clock import Clock


class VirtualTime:
    """Begins with the real time, runs by the speed that the sandbox begins with, and can be moved forward: where the
    clock's speed is changed to wait for something long, no schedule fires for all that time.

    Args:
        clock: the time scale.
    """

    def __init__(self, clock: Clock) -> None:
        self._speed = clock.speed
        self._lock = threading.Lock()
        self._beginning = time.time() - time.monotonic() * self._speed

    def seconds(self) -> float:
        """The present, in seconds since 1970."""
        with self._lock:
            return self._beginning + time.monotonic() * self._speed

    def now(self) -> datetime:
        """The present, in UTC."""
        return datetime.fromtimestamp(self.seconds(), UTC)

    def move_to(self, moment: datetime) -> None:
        """Make a later moment the present; one that is past already changes nothing."""
        with self._lock:
            self._beginning = max(self._beginning, moment.timestamp() - time.monotonic() * self._speed)
