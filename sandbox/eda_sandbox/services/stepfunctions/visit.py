"""A state that is being run: what it was given, and what its fields can see."""

from dataclasses import dataclass
from typing import Any

from eda_sandbox.services.stepfunctions.execution import Execution, Trail
from eda_sandbox.services.stepfunctions.failure import QueryFailure, StateError, StateMisread
from eda_sandbox.services.stepfunctions.intrinsics import compact

DATA_LIMIT = 262_144
"""Bytes of a state's input or output, or of a task's whole answer (Step Functions' quota: 256 KiB)."""


@dataclass
class Visit:
    """One entering of a state.

    Attributes:
        execution: whose.
        trail: where its events go.
        state: its definition.
        name: its name.
        raw: its input.
        context: the context object.
        variables: those of its scope, as they are when it is entered.
        before: the event before it was entered.
        entered: the event with which it was entered.
    """

    execution: Execution
    trail: Trail
    state: dict[str, Any]
    name: str
    raw: Any
    context: dict[str, Any]
    variables: dict[str, Any]
    before: int
    entered: int

    def told(self, failure: StateError) -> StateError:
        """The failure, which says where it was; a query's has an event of its own."""
        if (
            isinstance(failure, StateMisread)
            and failure.place(self.name, self.entered)
            and isinstance(failure, QueryFailure)
        ):
            # Step Functions counts from what made it enter the state, as long as nothing came of that.
            began = self.trail.last != self.entered or failure.evaluated
            behind = self.trail.last if began else self.before
            self.trail.note(
                "EvaluationFailed",
                behind,
                state=self.name,
                error=failure.error,
                cause=failure.cause,
                location=failure.location or None,
            )
        return failure


@dataclass
class Result:
    """What comes of a state.

    Attributes:
        output: its output.
        text: the same as JSON.
        assigned: the variables that it sets.
        following: the next state; None at the end.
    """

    output: Any
    text: str
    assigned: dict[str, Any]
    following: str | None


def result(visit: Visit, output: Any, assigned: dict[str, Any], following: str | None) -> Result:
    """What comes of a state, when it is not too large.

    Raises:
        StateError: ``States.DataLimitExceeded``.
    """
    return Result(output, _limited(output, visit.name), assigned, following)


def within_limit(value: Any, name: str) -> Any:
    """Data of a size that Step Functions takes.

    Args:
        value: the data.
        name: of the state, or of the resource whose answer it is.

    Raises:
        StateError: ``States.DataLimitExceeded``.
    """
    _limited(value, name)
    return value


def _limited(value: Any, name: str) -> str:
    text = compact(value)
    # Each character of ASCII is a byte.
    if (len(text) if text.isascii() else len(text.encode())) > DATA_LIMIT:
        raise StateError(
            "States.DataLimitExceeded",
            f"The state/task '{name}' returned a result with a size exceeding the maximum number of bytes service "
            "limit.",
        )
    return text
