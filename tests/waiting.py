"""Waiting for a condition, with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

DEADLINE_SECONDS = 240
"""A wait that has failed, not a measure of the machine: something else may take its cores."""


def wait_until(condition: Callable[[], T], what: str | Callable[[], str], timeout: float = DEADLINE_SECONDS) -> T:
    """Wait until a condition gives something true, and return that.

    Args:
        condition: asked again and again.
        what: what is waited for, or what says how it stands instead when it did not come.
        timeout: seconds.

    Raises:
        AssertionError: it does not within the time-out.
    """
    deadline = time.monotonic() + timeout
    while True:
        asked = time.monotonic()
        found = condition()
        if found:
            return found
        now = time.monotonic()
        assert now < deadline, f"not within {timeout} s: {what if isinstance(what, str) else what()}"
        # Asking must not take the time from what is waited for.
        time.sleep(min(max(0.05, 4 * (now - asked)), 2))
