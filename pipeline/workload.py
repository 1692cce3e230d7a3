"""What one order does to the services: counted in the stack's state machines, or assumed where nothing counts it."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pulumi_aws_eda.testing import Recording

READS = 8
"""GET requests for an order: most of the traffic."""
WAIT_HOURS = 24
"""How long an order waits for its details, on average."""
CALL_SECONDS = 4
"""How long the external API takes."""
GET_SECONDS = 0.03
"""How long a GET's function runs."""
FUNCTION_SECONDS = 0.08
"""How long the others run: details, the token's keeper, notifications."""
FILE_SECONDS = 300
"""Firehose writes a file at least so often while orders come."""
CHANGE_BYTES = 2_000
"""A change as Firehose takes it, as JSON."""
QUERIES = 2
"""Athena queries for a raw file."""
QUERY_SECONDS = 10
"""How long one of them is queued and runs."""

_INDEX_KEY = "open"


class NoPathError(Exception):
    """A state machine has no way through the states that were named."""


@dataclass(frozen=True)
class Order:
    """What one order does on its way without a failure, a repeat or a retry.

    Attributes:
        transitions: states that its workflow enters (Standard).
        table_writes: writes of its row; each is one unit while the row is up to 1 KB.
        index_writes: writes of the index of open orders that these make.
        changes: writes that the pipes pass on.
        log_calls: PutLogEvents of the admission.
        waits: functions that the workflow calls and whose answer it awaits by a token.
    """

    transitions: int
    table_writes: int
    index_writes: int
    changes: int
    log_calls: int
    waits: int


def order(recording: Recording) -> Order:
    """What an order does in a stack.

    Raises:
        LookupError: it has no such machines.
        NoPathError: its machines are not those of the pipeline.
    """
    admission = path(_definition(recording, "orders-api-post-orders-admission"), "putItem", "startExecution")
    workflow = path(_definition(recording, "orders-workflow"), ".waitForTaskToken")
    steps = [*admission, *workflow]
    updates = [step for step in steps if _does(step, "dynamodb:updateItem")]
    return Order(
        transitions=len(workflow),
        table_writes=sum(_does(step, "dynamodb:putItem") for step in steps) + len(updates),
        # The index is sorted by updated_at: a new one is a deletion and a put (DynamoDB, global secondary indexes).
        index_writes=sum(_INDEX_KEY in step["Parameters"]["Item"] for step in steps if _does(step, "dynamodb:putItem"))
        + sum(1 if f"REMOVE #{_INDEX_KEY}" in step["Parameters"]["UpdateExpression"] else 2 for step in updates),
        # The row that the admission puts has no version yet, and the pipes leave out what has none.
        changes=len(updates),
        log_calls=sum(_does(step, "putLogEvents") for step in steps),
        waits=sum(_does(step, ".waitForTaskToken") for step in steps),
    )


def _definition(recording: Recording, name: str) -> Any:
    return recording.one("aws:sfn/stateMachine:StateMachine", f"{name}-machine").json("definition")


def path(definition: Mapping[str, Any], *resources: str) -> list[Mapping[str, Any]]:
    """The states of the shortest way to a success that passes tasks of these resources, and no ``Catch``.

    Args:
        definition: a state machine's.
        resources: what the tasks' resources end with, in the order in which they are passed.

    Raises:
        NoPathError: there is none.
    """
    states: Mapping[str, Mapping[str, Any]] = definition["States"]
    start = _passed(states[definition["StartAt"]], resources)
    ways: deque[tuple[list[str], Sequence[str]]] = deque([([definition["StartAt"]], start)])
    seen = {(definition["StartAt"], len(start))}
    while ways:
        way, left = ways.popleft()
        state = states[way[-1]]
        if not left and (state["Type"] == "Succeed" or state.get("End")):
            return [states[name] for name in way]
        for name in _next(state):
            still = _passed(states[name], left)
            if (name, len(still)) not in seen:
                seen.add((name, len(still)))
                ways.append(([*way, name], still))
    raise NoPathError(f"no way from {definition['StartAt']} to a success passes {', '.join(resources)}")


def _next(state: Mapping[str, Any]) -> list[str]:
    choices = [choice["Next"] for choice in state.get("Choices", [])]
    return [name for name in (*choices, state.get("Default"), state.get("Next")) if name]


def _passed(state: Mapping[str, Any], left: Sequence[str]) -> Sequence[str]:
    return left[1:] if left and _does(state, left[0]) else left


def _does(state: Mapping[str, Any], resource: str) -> bool:
    return str(state.get("Resource", "")).endswith(resource)
