"""Shows a run of the demo as it happens: the console's address, and the run as a page in one file."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from eda_sandbox.embedded import Sandbox
from eda_sandbox.provider.deploy import Stack
from rich.console import Console

from pipeline.demo.client import Ledger, OrdersClient

if TYPE_CHECKING:
    from eda_sandbox.console import Recording

WAYS = 10
"""Orders whose ways are in the file; each takes some queries."""


class Shown:
    """A run that is shown.

    Args:
        console: where the file is told of.
        ledger: of the run's orders.
        recording: what was recorded; None for nothing.
        record: where it is written.
    """

    def __init__(
        self, console: Console, ledger: Ledger, recording: "Recording | None" = None, record: Path | None = None
    ) -> None:
        self._console = console
        self._ledger = ledger
        self._recording = recording
        self._record = record

    def write(self) -> None:
        """Write the run, if it is to be."""
        if self._recording is None or self._record is None:
            return
        with self._ledger.lock:
            orders = sorted(self._ledger.accepted.values())[:WAYS]
        self._record.write_text(self._recording.html(orders), encoding="utf-8")
        size = self._record.stat().st_size / 1e6
        self._console.print(f"The run is in {self._record} ({size:.1f} MB); any browser shows it", soft_wrap=True)


@contextlib.contextmanager
def shown(
    aws: Sandbox,
    stack: Stack,
    client: OrdersClient,
    ledger: Ledger,
    stop: threading.Event,
    console: Console,
    *,
    serve: bool,
    record: Path | None,
) -> Iterator[Shown]:
    """Show a run for the time of a ``with`` block.

    Args:
        aws: the embedded AWS.
        stack: the deployed pipeline.
        client: sends orders.
        ledger: of the run's orders.
        stop: set when nothing is to be sent any more.
        console: where the address is told.
        serve: tell of the console, which a record needs in any case.
        record: where the run is written; None for nowhere.
    """
    if not serve and record is None:
        yield Shown(console, ledger)
        return
    # Loaded here: a run that nobody is to look at does not pay for it.
    from eda_sandbox import console as consoles

    from pipeline.demo.watched import Watched

    with contextlib.ExitStack() as up:
        opened = up.enter_context(consoles.console(aws, Watched(aws, stack, client, ledger, stop).additions()))
        if serve:
            console.print(f"Console at {opened.url}", soft_wrap=True, markup=False)
        recording = up.enter_context(consoles.recording(opened)) if record is not None else None
        yield Shown(console, ledger, recording, record)
