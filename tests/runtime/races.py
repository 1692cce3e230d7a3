"""Runs that take turns call by call, in an order that is given, and that are killed at a call that is given.

Each run is a thread, but only one is ever awake: it stops before each call of a client until it is its turn.
"""

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


class Killed(BaseException):
    """The run ends here, like a process that is killed: nothing may catch it."""


@dataclass(frozen=True)
class Kill:
    """Where a run is killed.

    Args:
        call: at its so many-th call, from 0.
        committed: whether the call takes effect; its answer is lost either way.
    """

    call: int
    committed: bool


class Guard:
    """A client whose calls wait for the run's turn."""

    def __init__(self, client: Any, run: "Run") -> None:
        self._client = client
        self._run = run

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._client, name)

        def call(**parameters: Any) -> Any:
            return self._run.call(name, lambda: operation(**parameters))

        return call


@dataclass
class Run:
    """One run of some code against guarded clients.

    Args:
        act: the code; it is given a function that guards a client.
        kill: where it is killed, if it is.
    """

    act: Callable[[Callable[[Any], Any]], Any]
    kill: Kill | None = None
    calls: list[str] = field(default_factory=list)
    failure: BaseException | None = None
    over: bool = False
    _turn: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    _stopped: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    _thread: threading.Thread | None = None

    def call(self, name: str, operation: Callable[[], Any]) -> Any:
        """Wait for the turn, then call."""
        self._stopped.release()
        self._turn.acquire()
        number = len(self.calls)
        self.calls.append(name)
        if self.kill is None or self.kill.call != number:
            return operation()
        if self.kill.committed:
            with contextlib.suppress(Exception):
                operation()
        raise Killed

    def step(self) -> None:
        """Give the run its turn until it stops before its next call, or is over."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._main, daemon=True)
            self._thread.start()
        else:
            self._turn.release()
        assert self._stopped.acquire(timeout=240)

    def _main(self) -> None:
        try:
            self.act(lambda client: Guard(client, self))
        except BaseException as failure:
            self.failure = failure
        self.over = True
        self._stopped.release()


def race(runs: list[Run], order: list[int], idle: Callable[[], None] = lambda: None) -> None:
    """Run them all to their ends, first in the order given (positions, modulo those that still run), then in turns.

    Args:
        runs: what runs.
        order: whose turn it is, as far as it goes.
        idle: called before each turn after that, so that the services behind get on.
    """
    pending = list(order)
    turn = 0
    while alive := [run for run in runs if not run.over]:
        if not pending:
            idle()
        alive[(pending.pop(0) if pending else turn) % len(alive)].step()
        turn += 1


def finish(act: Callable[[Callable[[Any], Any]], Any], kill: Kill | None = None) -> Run:
    """Run one alone."""
    run = Run(act, kill)
    race([run], [])
    return run
