"""Further steps of a workflow: functions that are called one after the other, or for each item of a list."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

import pulumi

from pulumi_aws_eda._parts.args import ArgumentError, check, number
from pulumi_aws_eda._parts.workflow.calls import call, caught

MOST_AT_ONCE = 40
"""Iterations of an inline Map that run at once (Step Functions Developer Guide, Map state)."""
_NAME = re.compile("[a-z][a-z0-9_]{0,29}")
_ITEMS = re.compile(r"(payload|result|results|callback)((?:\.[A-Za-z_][A-Za-z0-9_]*)*)")
_PLACES = {
    "payload": "$.payload",
    "result": "$.called.result",
    "results": "$.results",
    "callback": "$.answered.callback",
}
"""Where the machine has what a function gets."""


class StepArgs(TypedDict):
    """A function that the workflow calls. In: what the first one gets, with its ``result``, with the ``results`` of the
    steps before it by their names, after the wait with the ``callback``, and with the ``item`` of a list; out and
    errors as the first one's. A redrive begins with the first one again."""

    name: str
    """What it is called among the ``results``: a small letter, then small letters, digits and underscores, up to 30."""
    function_arn: pulumi.Input[str]
    """The function."""
    timeout: NotRequired[int]
    """The function's own timeout in seconds, 1 to 900; default 120."""
    items: NotRequired[str]
    """The list that it is called for each item of: a path in what it gets, such as ``payload.lines``,
    ``results.quotes`` or ``callback.parts``. Its result is then the list of theirs, in that order. An execution's
    history takes 25,000 events (Step Functions quota), some ten for each item and up to fifty for each further call of
    one; its state 256 KB, all results together."""
    max_concurrency: NotRequired[int]
    """How many items at once, 1 to 40 (an inline Map's quota); default 10."""


@dataclass(frozen=True)
class Chain:
    """States of several steps.

    Attributes:
        begin: the first one, or where no steps lead.
        states: by name.
    """

    begin: str
    states: Mapping[str, Any]


def check_steps(component: str, before: Sequence[StepArgs], after: Sequence[StepArgs]) -> None:
    """Check the arguments.

    Raises:
        ArgumentError: a step is not allowed, or has the name of another.
    """
    seen: set[str] = set()
    for argument, steps in (("steps_before_wait", before), ("steps_after_wait", after)):
        for at, step in enumerate(steps):
            where = f"{component}, {argument}[{at}]"
            check(where, step, StepArgs)
            number(where, step, "timeout", 120, 1, 900)
            number(where, step, "max_concurrency", 10, 1, MOST_AT_ONCE)
            if not _NAME.fullmatch(step["name"]) or step["name"] in seen:
                problem = f"is {step['name']!r}; it must be small letters, digits and underscores, and no other step's"
                raise ArgumentError(where, "name", problem)
            items = step.get("items")
            found = None if items is None else _ITEMS.fullmatch(items)
            if items is not None and (found is None or (found[1] == "callback" and steps is before)):
                problem = f"is {items!r}; it must be a path in what the function gets, such as 'payload.lines'"
                raise ArgumentError(where, "items", problem)
            if items is None and step.get("max_concurrency") is not None:
                raise ArgumentError(where, "max_concurrency", "is of a step with items")
            seen.add(step["name"])


def chain(
    partition: str,
    attempts: int,
    default_seconds: int,
    steps: Sequence[Mapping[str, Any]],
    *,
    waited: bool,
    next: str,
) -> Chain:
    """The states of steps, one after the other.

    Args:
        partition: where they run.
        attempts: how often each function is called at most.
        default_seconds: before the next call when a function names none.
        steps: checked, with ARNs that are known.
        waited: they follow the wait, and get the callback.
        next: where the last one leads.
    """
    states: dict[str, Any] = {}
    for step in reversed(steps):
        states = {**_step(partition, attempts, default_seconds, step, waited, next), **states}
        next = f"{step['name']}: Begin"
    return Chain(next, states)


def _step(
    partition: str, attempts: int, default_seconds: int, step: Mapping[str, Any], waited: bool, next: str
) -> dict[str, Any]:
    name, items = f"{step['name']}: ", step.get("items")
    more = {"result.$": "$.called.result", "results.$": "$.results"}
    if waited:
        more["callback.$"] = "$.answered.callback"
    calls: dict[str, Any] = {
        f"{name}Count": {
            "Type": "Pass",
            "Result": {"attempts": 0},
            "ResultPath": "$.call",
            "Next": f"{name}CallFunction",
        },
        **call(
            partition,
            step["function_arn"],
            int(step.get("timeout", 120)),
            attempts,
            default_seconds,
            next=f"{name}Keep",
            otherwise="LookAtRow" if items is None else f"{name}Failed",
            name=name,
            at="$.step",
            more=more if items is None else {**more, "item.$": "$.item"},
        ),
    }
    if items is None:
        return {
            f"{name}Begin": {"Type": "Pass", "Next": f"{name}Count"},
            **calls,
            f"{name}Keep": {
                "Type": "Pass",
                "InputPath": "$.step.result",
                "ResultPath": f"$.results.{step['name']}",
                "Next": next,
            },
        }
    place, _, rest = items.partition(".")
    known = ["id", "payload", "run", "called", "results", *(["answered"] if waited else [])]
    return {
        f"{name}Begin": {
            "Type": "Map",
            "ItemsPath": _PLACES[place] + (f".{rest}" if rest else ""),
            "MaxConcurrency": int(step.get("max_concurrency", 10)),
            "ItemSelector": {**{f"{member}.$": f"$.{member}" for member in known}, "item.$": "$$.Map.Item.Value"},
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "INLINE"},
                "StartAt": f"{name}Count",
                "States": {
                    **calls,
                    f"{name}Keep": {"Type": "Pass", "InputPath": "$.step.result", "End": True},
                    f"{name}Failed": {"Type": "Fail", "ErrorPath": "$.failure.Error", "CausePath": "$.failure.Cause"},
                },
            },
            "ResultPath": f"$.results.{step['name']}",
            "Catch": caught("LookAtRow"),
            "Next": next,
        }
    }
