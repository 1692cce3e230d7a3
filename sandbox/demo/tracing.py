"""The demo's last part: one of its orders, followed through all hops by the command that follows orders on AWS."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console

from pipeline.trace import End, Trace, Traced, show
from sandbox.demo.client import Ledger

SETTLE_SECONDS = 5.0
"""How long the last log lines may be on their way."""
PAUSE_SECONDS = 0.5


def choose(ledger: Ledger) -> str | None:
    """An order that was accepted, if there is one with its details."""
    accepted = sorted(ledger.accepted.values())
    return next((id for id in accepted if id in ledger.details), accepted[0] if accepted else None)


def follow_one(
    console: Console, client: Callable[[str], Any], outputs: Mapping[str, Any], ledger: Ledger
) -> Traced | None:
    """Trace an order of a run and print its timeline; None when none was accepted.

    Args:
        console: where to.
        client: makes a boto3 client of a service.
        outputs: the stack's exports.
        ledger: what the run's client saw.
    """
    id = choose(ledger)
    if id is None:
        return None
    console.print(f"\nThe same as: python -m pipeline trace {id} --outputs …", soft_wrap=True)
    trace, deadline = Trace(client, outputs), time.monotonic() + SETTLE_SECONDS
    traced = trace.run(id)
    while traced.ended.end is not End.DELIVERED and time.monotonic() < deadline:
        time.sleep(PAUSE_SECONDS)
        traced = trace.run(id)
    show(console, traced)
    return traced
