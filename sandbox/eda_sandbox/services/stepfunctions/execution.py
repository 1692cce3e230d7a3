"""An execution: its status, its history, and the tokens it waits for."""

import asyncio
import base64
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from eda_sandbox.services.stepfunctions.failure import RuntimeFailure, StateError

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
    status: str = "RUNNING"
    stopped: datetime | None = None
    output: Any = None
    error: str | None = None
    cause: str | None = None
    redrives: int = 0
    redriven: datetime | None = None
    history: list[dict[str, Any]] = field(default_factory=list)
    failed_at: tuple[str, Any] | None = None
    task: "asyncio.Task[None] | None" = None

    def note(self, kind: str, now: datetime, **details: Any) -> None:
        """Add an event to the history.

        Raises:
            RuntimeFailure: it is full but for the event that ends the execution.
        """
        number = len(self.history) + 1
        if number >= HISTORY_LIMIT and self.machine.type == "STANDARD" and kind not in CLOSING:
            raise RuntimeFailure(f"The execution reached the maximum number of history events ({HISTORY_LIMIT}).")
        details = {name: value for name, value in details.items() if value is not None}
        key = _details_key(kind)
        event: dict[str, Any] = {"timestamp": now, "type": kind, "id": number, "previousEventId": number - 1}
        if key and details:
            event[key] = details
        self.history.append(event)
        self.noted(self, event)

    def close(self, status: str, now: datetime, failure: StateError | None = None) -> None:
        """End it."""
        self.status, self.stopped = status, now
        if failure is not None:
            self.error, self.cause = failure.error, failure.cause


def _details_key(kind: str) -> str | None:
    for suffix, key in (("StateEntered", "stateEnteredEventDetails"), ("StateExited", "stateExitedEventDetails")):
        if kind.endswith(suffix):
            return key
    return kind[0].lower() + kind[1:] + "EventDetails"


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
