"""How long a run waits: for a step forward, not for its end."""

import threading
import time
from collections.abc import Callable


class Patience:
    """Lasts as long as something moves.

    Args:
        seconds: without a step forward, after which it is over.
        clock: tells the time, in seconds.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: dict[str, object] = {}
        self._moved = clock()

    def over(self, what: str, state: object) -> bool:
        """Whether nothing has moved for so long.

        Args:
            what: is waited for.
            state: how it stands; a step forward when it is another than before.
        """
        with self._lock:
            if what not in self._seen or self._seen[what] != state:
                self._seen[what] = state
                self._moved = self._clock()
            return self._clock() - self._moved > self.seconds

    def __str__(self) -> str:
        """Why the run is given up, and what to do."""
        return (
            f"nothing has moved for {self.seconds:g} s. A slow machine, or one that is busy, may need longer: "
            f"--patience {2 * self.seconds:g}"
        )
