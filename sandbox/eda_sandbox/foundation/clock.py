"""Time as the sandbox runs it: AWS's seconds, shortened by a factor."""

import threading
import time
from datetime import UTC, datetime


def rfc3339(moment: datetime) -> str:
    """A moment as AWS's events and records write it: UTC, in milliseconds, with a Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Clock:
    """Scales waiting times; timestamps stay those of the wall clock.

    Args:
        speed: AWS seconds that pass in one real second; 1 is real time, 60 turns Firehose's 300 s into 5 s.

    Raises:
        ValueError: ``speed`` is below 1.
    """

    def __init__(self, speed: float = 1.0) -> None:
        # AWS seconds at a moment, and how they go on from it: changed as one, since all threads read it.
        self._course = 0.0, time.monotonic(), _checked(speed)

    @property
    def speed(self) -> float:
        """AWS seconds that pass in one real second from now on; what waits already goes on as it began."""
        return self._course[2]

    @speed.setter
    def speed(self, speed: float) -> None:
        self._course = self.elapsed(), time.monotonic(), _checked(speed)

    def elapsed(self) -> float:
        """AWS seconds since the sandbox began; they never go back."""
        seconds, moment, speed = self._course
        return seconds + (time.monotonic() - moment) * speed

    def real(self, aws_seconds: float) -> float:
        """How many real seconds the given AWS seconds take here."""
        return aws_seconds / self.speed

    def wait(self, aws_seconds: float, stop: threading.Event) -> bool:
        """Wait for the scaled time; True when ``stop`` was set before it was over."""
        return stop.wait(self.real(aws_seconds))

    def now(self) -> datetime:
        """The present, in UTC."""
        return datetime.now(UTC)


def _checked(speed: float) -> float:
    if not speed >= 1:
        raise ValueError(f"speed is {speed}; it must be 1 (real time) or more")
    return speed
