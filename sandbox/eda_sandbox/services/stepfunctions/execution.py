"""An execution: its status, its history, and the tokens it waits for."""

import asyncio
import base64
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from eda_sandbox.foundation.clock import Clock
from eda_sandbox.services.stepfunctions.failure import RuntimeFailure, StateError
from eda_sandbox.services.stepfunctions.history import History
from eda_sandbox.services.stepfunctions.tracing import ExecutionTrace

HISTORY_LIMIT = 25_000
"""Events that the history of a Standard execution holds (Step Functions' quota)."""
CLOSING = frozenset({"ExecutionSucceeded", "ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut"})


@dataclass
class Machine:
    """A state machine as it was created."""

    arn: str
    name: str
    definition: dict[str, Any]
    text: str
    role_arn: str
    type: str
    created: datetime
    logging: dict[str, Any]
    tracing: dict[str, Any]
    tags: dict[str, str] = field(default_factory=dict)
    revision: str | None = None
    """Of an update; a machine that was never changed has none."""
    updated: datetime | None = None


@dataclass
class Waiting:
    """A task that ends by its token."""

    execution: "Execution"
    result: "asyncio.Future[Any]"
    beat: asyncio.Event


@dataclass
class Execution:
    """One run of a machine; ``noted`` is told each event of its history."""

    arn: str
    name: str
    machine: Machine
    input: Any
    input_text: str
    started: datetime
    noted: "Callable[[Execution, dict[str, Any]], None]"
    trace_header: str | None = None
    is_sync: bool = False
    trace: ExecutionTrace | None = None
    status: str = "RUNNING"
    stopped: datetime | None = None
    output_text: str | None = None
    """Its output as JSON: an input that was handed on to the end is as it was written."""
    error: str | None = None
    cause: str | None = None
    redrives: int = 0
    redriven: datetime | None = None
    history: History = field(default_factory=History)
    failed_at: tuple[str, Any, dict[str, Any]] | None = None
    """The state that failed, its input, and the variables at that time."""
    task: "asyncio.Task[None] | None" = None

    def note(self, kind: str, now: datetime, previous: int | None = None, **details: Any) -> int:
        """Add an event to the history; its number.

        Args:
            kind: its type.
            now: when it is.
            previous: the number of the event before it, as Step Functions counts; default the last of the history.
            details: its own members; what is None is left out.

        Raises:
            RuntimeFailure: the history is full but for the event that ends the execution.
        """
        number = len(self.history) + 1
        if number >= HISTORY_LIMIT and self.machine.type == "STANDARD" and kind not in CLOSING:
            raise RuntimeFailure(f"The execution reached the maximum number of history events ({HISTORY_LIMIT}).")
        event: dict[str, Any] = {
            "timestamp": now,
            "type": kind,
            "id": number,
            "previousEventId": number - 1 if previous is None else previous,
        }
        if key := _details_key(kind):
            told = {name: value for name, value in details.items() if value is not None}
            event[key] = told | {f"{name}Details": {"truncated": False} for name in _LONG if name in told}
        self.history.append(event)
        self.noted(self, event)
        return number

    def calling(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """A task's call, as it is traced in the state that the execution has just entered."""
        return call if self.trace is None else self.trace.calling(len(self.history), call)

    def close(self, status: str, now: datetime, failure: StateError | None = None) -> None:
        """End it."""
        self.status, self.stopped = status, now
        if failure is not None:
            self.error, self.cause = failure.error, failure.cause

    def let_go(self) -> None:
        """Keep of what has succeeded only what can be asked for; all else can be redriven."""
        if self.status == "SUCCEEDED":
            self.history.pack()
            self.input = self.trace = self.task = None


_LONG = ("input", "output", "assignedVariables")
"""Members beside which it is said whether they were cut; the sandbox cuts none."""
_WITHOUT_DETAILS = re.compile(
    r"LambdaFunctionStarted|(Map|Parallel)State(Succeeded|Failed)|ParallelStateStarted|\w+StateAborted"
)


def _details_key(kind: str) -> str | None:
    if _WITHOUT_DETAILS.fullmatch(kind):
        return None
    for suffix, key in (("StateEntered", "stateEnteredEventDetails"), ("StateExited", "stateExitedEventDetails")):
        if kind.endswith(suffix):
            return key
    return kind[0].lower() + kind[1:] + "EventDetails"


class Trail:
    """A line of events, each behind the one before: the execution's, or that of one branch or iteration.

    Args:
        execution: in whose history they are.
        clock: says when they are.
        last: the number of the event behind which it begins.
    """

    def __init__(self, execution: Execution, clock: Clock, last: int) -> None:
        self.execution = execution
        self._clock = clock
        self.last = last
        self.inside: str | None = None
        """The type of the state that it is in."""

    def note(self, kind: str, previous: int | None = None, **details: Any) -> int:
        """Add an event, and go on behind it; its number."""
        self.last = self.aside(kind, self.last if previous is None else previous, **details)
        return self.last

    def aside(self, kind: str, previous: int | None = None, **details: Any) -> int:
        """Add an event behind which the line does not go on; its number."""
        behind = self.last if previous is None else previous
        return self.execution.note(kind, self._clock.now(), behind, **details)

    def branch(self) -> "Trail":
        """A line that begins here."""
        return Trail(self.execution, self._clock, self.last)


def new_token(machine_arn: str) -> str:
    """A task token; it names its machine, so that a role's permission for it can be checked when the task is over."""
    return f"AQC{base64.urlsafe_b64encode(machine_arn.encode()).decode()}.{secrets.token_urlsafe(48)}"


def machine_of(token: str) -> str | None:
    """The machine that a task token belongs to; None when it is no task token."""
    encoded, dot, _ = token.removeprefix("AQC").partition(".")
    try:
        return base64.urlsafe_b64decode(encoded).decode() if dot and token.startswith("AQC") else None
    except ValueError:
        return None
