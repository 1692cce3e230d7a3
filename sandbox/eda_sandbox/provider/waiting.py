"""Waiting for a resource to become what it was made as."""

import time
from collections.abc import Callable

from eda_sandbox.foundation.errors import SandboxError

SECONDS = 60.0
PAUSE = 0.05


def settle(what: str, state: Callable[[], tuple[str, str | None]], reached: frozenset[str], failed: str) -> str:
    """Wait until a resource is in one of the states that it was to reach.

    Args:
        what: the resource, for errors.
        state: gives the current state and, when it failed, why.
        reached: the states to wait for.
        failed: what the names of states end with that will not change any more.

    Raises:
        SandboxError: it failed, or the time is over.
    """
    deadline = time.monotonic() + SECONDS
    while True:
        current, reason = state()
        if current in reached:
            return current
        if current.endswith(failed):
            raise SandboxError(f"{what} is {current}: {reason}")
        if time.monotonic() > deadline:
            raise SandboxError(f"{what} is {current} after {SECONDS:g} s")
        time.sleep(PAUSE)
