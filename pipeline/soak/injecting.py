"""When the faults of a soak begin and end."""

import threading
from types import TracebackType

from eda_sandbox.foundation.clock import Clock
from eda_sandbox.frontdoor.faults import FaultLayer

from pipeline.demo.run import Progress
from pipeline.soak.specification import Phase

BEHIND_SECONDS = 6.0
"""Real seconds for which faults without an end of their own go on when all is sent: what follows the orders is hit."""


class Injecting:
    """The time in which faults are injected, as a ``with`` block.

    Args:
        layer: the sandbox's fault layer.
        clock: for outages, whose time is AWS's.
        phases: what is injected.
        orders: how many are sent.
        progress: told what the run says of itself, too.
    """

    def __init__(self, layer: FaultLayer, clock: Clock, phases: list[Phase], orders: int, progress: Progress) -> None:
        self._layer = layer
        self._clock = clock
        self._lasting = [phase for phase in phases if phase.seconds is None]
        self._outages = [phase for phase in phases if phase.seconds is not None]
        self._orders = orders
        self._told = progress
        self._over = threading.Event()
        self._timer: threading.Timer | None = None

    def progress(self, phase: str, done: int, total: int | None, detail: str = "") -> None:
        """Note how far the orders are; outages begin with a third of them."""
        self._told(phase, done, total, detail)
        if phase == "orders" and 3 * done >= self._orders and self._outages and self._timer is None:
            self._put(self._outages)
            seconds = max(phase.seconds or 0.0 for phase in self._outages)
            self._timer = threading.Timer(self._clock.real(seconds), self._end_outages)
            self._timer.daemon = True
            self._timer.start()

    def wait(self, stop: threading.Event) -> None:
        """Wait until the outages are over, and until the other faults have hit what follows the orders."""
        while self._timer is not None and not (self._over.wait(0.2) or stop.is_set()):
            pass
        if self._lasting:
            stop.wait(BEHIND_SECONDS)

    def __enter__(self) -> None:
        self._put(self._lasting)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._layer.stop()

    def _put(self, phases: list[Phase]) -> None:
        for phase in phases:
            for fault in phase.faults:
                self._layer.add(fault)

    def _end_outages(self) -> None:
        self._layer.stop()
        self._put(self._lasting)
        self._over.set()
