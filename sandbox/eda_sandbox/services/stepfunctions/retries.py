"""Which errors a retrier or a catcher is for, and when a state is tried again."""

import random
from collections.abc import Mapping
from typing import Any

from eda_sandbox.services.stepfunctions.failure import StateError


class TimedOut(StateError):
    """A task that took too long, or whose heartbeat stayed away; Step Functions calls both ``States.Timeout``.

    Args:
        heartbeat: it was the heartbeat, which ``States.HeartbeatTimeout`` stands for, too.
    """

    def __init__(self, *, heartbeat: bool = False) -> None:
        super().__init__("States.Timeout")
        self.heartbeat = heartbeat

    @property
    def output(self) -> dict[str, str | None]:
        """What a catcher is given: here nothing is an empty text."""
        return {"Error": self.error, "Cause": ""}


def matches(names: list[str], failure: StateError, *, limit_is_caught: bool) -> bool:
    """Whether an error is one of these.

    Args:
        names: ``ErrorEquals``.
        failure: the error.
        limit_is_caught: ``States.ALL`` and ``States.TaskFailed`` stand for ``States.DataLimitExceeded`` (the value of
            the doubt ``stepfunctions-data-limit``).
    """
    if failure.error == "States.Runtime":
        # Not by its name, either.
        return False
    if failure.error in names:
        return True
    if isinstance(failure, TimedOut) and failure.heartbeat and "States.HeartbeatTimeout" in names:
        return True
    if failure.error == "States.DataLimitExceeded" and not limit_is_caught:
        return False
    return "States.ALL" in names or ("States.TaskFailed" in names and failure.error != "States.Timeout")


def delay(
    state: Mapping[str, Any], failure: StateError, attempts: dict[int, int], *, limit_is_caught: bool
) -> float | None:
    """Seconds until the next attempt, or None when there is none; ``attempts`` counts by the retrier's number."""
    for number, retrier in enumerate(state.get("Retry", [])):
        if not matches(retrier["ErrorEquals"], failure, limit_is_caught=limit_is_caught):
            continue
        done = attempts.get(number, 0)
        if done >= retrier.get("MaxAttempts", 3):
            return None
        attempts[number] = done + 1
        seconds = retrier.get("IntervalSeconds", 1) * retrier.get("BackoffRate", 2.0) ** done
        seconds = min(seconds, retrier.get("MaxDelaySeconds", seconds))
        return random.uniform(0, seconds) if retrier.get("JitterStrategy") == "FULL" else float(seconds)
    return None
