"""Time as the sandbox runs it: AWS's seconds, shortened by a factor."""

import threading
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
        if not speed >= 1:
            raise ValueError(f"speed is {speed}; it must be 1 (real time) or more")
        self.speed = speed

    def real(self, aws_seconds: float) -> float:
        """How many real seconds the given AWS seconds take here."""
        return aws_seconds / self.speed

    def wait(self, aws_seconds: float, stop: threading.Event) -> bool:
        """Wait for the scaled time; True when ``stop`` was set before it was over."""
        return stop.wait(self.real(aws_seconds))

    def now(self) -> datetime:
        """The present, in UTC."""
        return datetime.now(UTC)
