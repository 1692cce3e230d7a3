"""Parallel and Map states: branches and iterations that run at the same time."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from eda_sandbox.foundation.clock import Clock
from eda_sandbox.services.stepfunctions.execution import Trail
from eda_sandbox.services.stepfunctions.failure import RuntimeFailure, StateError
from eda_sandbox.services.stepfunctions.jsonata_states import JsonataStates
from eda_sandbox.services.stepfunctions.jsonpath_states import JsonPathStates
from eda_sandbox.services.stepfunctions.visit import Visit

CONCURRENCY = 40
"""Iterations at a time where the state says nothing of it (Step Functions' quota of inline maps)."""
Run = Callable[[Visit, dict[str, Any], Any, Trail, dict[str, Any]], Coroutine[Any, Any, Any]]
"""Runs the states of a branch: the state around it, its definition, its input, its events, its context object."""


class _BranchFailed(Exception):
    def __init__(self, index: int, failure: StateError) -> None:
        super().__init__(failure)
        self.index = index
        self.failure = failure


async def parallel(visit: Visit, fields: JsonPathStates | JsonataStates, given: Any, run: Run) -> list[Any]:
    """The results of a Parallel state's branches.

    Raises:
        StateError: of the branch that failed first.
    """
    value = fields.arguments(visit, given)
    visit.trail.note("ParallelStateStarted")
    trails = [visit.trail.branch() for _ in visit.state["Branches"]]
    branches = [
        run(visit, branch, value, trail, visit.context)
        for branch, trail in zip(visit.state["Branches"], trails, strict=True)
    ]
    try:
        results = await _all(branches)
    except _BranchFailed as failed:
        behind = visit.trail.last = trails[failed.index].last
        for index, trail in enumerate(trails):
            _abort(visit.trail, trail, behind, is_failed=index == failed.index)
        raise failed.failure from None
    visit.trail.last = max(trail.last for trail in trails)
    visit.trail.aside("ParallelStateSucceeded")
    return results


async def mapped(visit: Visit, fields: JsonPathStates | JsonataStates, given: Any, run: Run, clock: Clock) -> list[Any]:
    """The results of a Map state's iterations.

    Raises:
        StateError: of the iteration that failed first.
    """
    items = fields.items(visit, given)
    limit = fields.whole(visit, "MaxConcurrency", given) or CONCURRENCY
    if limit < 0:
        raise RuntimeFailure("MaxConcurrency cannot be negative.")
    _check_tolerance(visit, fields, given)
    started = visit.trail.note("MapStateStarted", length=len(items))
    processor = visit.state.get("ItemProcessor") or visit.state["Iterator"]
    places = asyncio.Semaphore(limit)
    # An iteration's events follow those of the one whose place it takes.
    behind = deque([started] * min(limit, len(items)))
    trails: dict[int, Trail] = {}

    async def one(index: int, item: Any) -> Any:
        context = {**visit.context, "Map": {"Item": {"Index": index, "Value": item}}}
        async with places:
            trail = trails[index] = Trail(visit.execution, clock, behind.popleft())
            trail.note("MapIterationStarted", name=visit.name, index=index)
            # All that can begin does so before any goes on.
            await asyncio.sleep(0)
            result = await run(visit, processor, fields.item(visit, given, item, context), trail, context)
            visit.trail.last = trail.aside("MapIterationSucceeded", name=visit.name, index=index)
            behind.append(trail.last)
            trail.inside = None
            del trails[index]
            return result

    try:
        results = await _all([one(index, item) for index, item in enumerate(items)])
    except _BranchFailed as failed:
        first = failed.index
        last = visit.trail.last = trails[first].last
        for index in [first, *(other for other in sorted(trails) if other != first)]:
            trail, is_failed = trails[index], index == first
            kind = "MapIterationFailed" if is_failed else "MapIterationAborted"
            visit.trail.aside(kind, last, name=visit.name, index=index)
            _abort(visit.trail, trail, last, is_failed=is_failed)
        raise failed.failure from None
    visit.trail.aside("MapStateSucceeded")
    return results


def _check_tolerance(visit: Visit, fields: JsonPathStates | JsonataStates, given: Any) -> None:
    """Inline maps tolerate no failure, but what is said of it is read."""
    percentage = fields.whole(visit, "ToleratedFailurePercentage", given)
    if percentage is not None and not 0 <= percentage <= 100:
        raise RuntimeFailure("ToleratedFailurePercentage must be between 0 and 100.")
    count = fields.whole(visit, "ToleratedFailureCount", given)
    if count is not None and count < 0:
        raise RuntimeFailure("ToleratedFailureCount cannot be negative.")


def _abort(around: Trail, trail: Trail, behind: int, *, is_failed: bool) -> None:
    # A state with branches that failed has said so itself.
    if trail.inside in ("Task", "Wait") or (trail.inside in ("Map", "Parallel") and not is_failed):
        around.aside(f"{trail.inside}StateAborted", behind)


async def _all(coroutines: list[Coroutine[Any, Any, Any]]) -> list[Any]:
    failed: list[int] = []

    async def watched(index: int, coroutine: Coroutine[Any, Any, Any]) -> Any:
        try:
            return await coroutine
        except StateError:
            failed.append(index)
            raise

    tasks = [asyncio.ensure_future(watched(*pair)) for pair in enumerate(coroutines)]
    try:
        return list(await asyncio.gather(*tasks))
    except StateError as failure:
        raise _BranchFailed(failed[0], failure) from failure
    finally:
        for task in tasks:
            task.cancel()
