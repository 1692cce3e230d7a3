"""Waiting for whoever was handed a task's token."""

import asyncio
from typing import Any

from eda_sandbox.foundation.clock import Clock
from eda_sandbox.services.stepfunctions.execution import Waiting
from eda_sandbox.services.stepfunctions.retries import TimedOut


async def answer(waiting: Waiting, heartbeat: float | None, clock: Clock) -> Any:
    """The output that was sent with the token.

    Args:
        waiting: the task.
        heartbeat: seconds within which it has to be heard of; None waits without.
        clock: scales them.

    Raises:
        StateError: the failure that was sent, or ``TimedOut``.
    """
    if heartbeat is None:
        return await waiting.result
    while True:
        beat = asyncio.ensure_future(waiting.beat.wait())
        done, _ = await asyncio.wait(
            {waiting.result, beat}, timeout=clock.real(heartbeat), return_when=asyncio.FIRST_COMPLETED
        )
        beat.cancel()
        if waiting.result in done:
            return waiting.result.result()
        if not done:
            raise TimedOut(heartbeat=True)
        waiting.beat.clear()
