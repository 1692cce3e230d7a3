"""How services ask again and again for what others have: often while something comes, less often while nothing does."""

import threading
from collections.abc import Callable

POLL_SECONDS = 0.2
IDLE_SECONDS = 0.6
"""How long it waits at most between two polls while nothing comes."""


def poll_until(
    ended: Callable[[], bool],
    work: Callable[[], bool],
    failed: Callable[[Exception], None],
    stopped: threading.Event,
) -> None:
    """Poll until it has ended; an error ends nothing: a role may get its permission, a source may come back.

    Args:
        ended: asked before each poll.
        work: polls once; False when there was nothing.
        failed: told what a poll raised; such a poll had nothing.
        stopped: ends a wait.
    """
    idle = 0
    while not ended():
        try:
            worked = work()
        except Exception as error:
            failed(error)
            worked = False
        idle = 0 if worked else idle + 1
        if idle:
            stopped.wait(min(idle * POLL_SECONDS, IDLE_SECONDS))
