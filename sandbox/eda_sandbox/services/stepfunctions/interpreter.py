"""Runs executions: a coroutine each, so that waiting costs no thread."""

import asyncio
import logging
from collections.abc import Mapping
from concurrent.futures import Executor
from datetime import UTC, datetime
from typing import Any

from eda_sandbox.foundation.clock import Clock, rfc3339
from eda_sandbox.foundation.doubts import settled
from eda_sandbox.services.stepfunctions import branches, retries
from eda_sandbox.services.stepfunctions.execution import Execution, Trail, Waiting
from eda_sandbox.services.stepfunctions.failure import RuntimeFailure, StateError
from eda_sandbox.services.stepfunctions.intrinsics import compact
from eda_sandbox.services.stepfunctions.jsonata_states import JsonataStates
from eda_sandbox.services.stepfunctions.jsonpath_states import JsonPathStates
from eda_sandbox.services.stepfunctions.moments import LONGEST_SECONDS, moment
from eda_sandbox.services.stepfunctions.task_state import TaskStates
from eda_sandbox.services.stepfunctions.tasks import Tasks
from eda_sandbox.services.stepfunctions.visit import DATA_LIMIT, Result, Visit, within_limit

__all__ = ["DATA_LIMIT", "Interpreter"]
_LANGUAGES: Mapping[str, JsonPathStates | JsonataStates] = {"JSONPath": JsonPathStates(), "JSONata": JsonataStates()}
_RETRIED = ("Task", "Parallel", "Map")
log = logging.getLogger(__name__)


class Interpreter:
    """Interprets machines.

    Args:
        clock: scales what waits: Wait states, retry intervals, the time-outs of callbacks and of Standard executions.
            Tasks that work take as long as they take, so their time-outs and those of Express executions are not
            scaled.
        tasks: runs task resources, on the pool's threads.
        pool: for what blocks.
        tokens: tasks that wait for a token, by token.
        doubts: what no source decides; default each doubt's first value.
    """

    def __init__(
        self,
        clock: Clock,
        tasks: Tasks,
        pool: Executor,
        tokens: dict[str, Waiting],
        doubts: Mapping[str, str] | None = None,
    ) -> None:
        self._clock = clock
        self._tasks = TaskStates(clock, tasks, pool, tokens)
        self._doubts = settled() if doubts is None else doubts

    async def run(self, execution: Execution, start: tuple[str, Any, dict[str, Any]] | None = None) -> None:
        """Run an execution to its end, or from a state that failed: its name, its input, and the variables."""
        definition = execution.machine.definition
        limit = definition.get("TimeoutSeconds")
        if limit and execution.machine.type == "STANDARD":
            limit = self._clock.real(limit)
        trail = Trail(execution, self._clock, len(execution.history) if start else 0)
        if start is None:
            start = (definition["StartAt"], execution.input, {})
            trail.aside("ExecutionStarted", 0, input=execution.input_text, roleArn=execution.machine.role_arn)
        name, value, variables = start
        try:
            async with asyncio.timeout(limit):
                context = _context(execution)
                output = await self._states(execution, definition, name, value, trail, variables, context, top=True)
        except TimeoutError:
            execution.close("TIMED_OUT", self._clock.now())
            trail.note("ExecutionTimedOut")
        except asyncio.CancelledError:
            execution.close("ABORTED", self._clock.now())
            trail.note("ExecutionAborted", 0, error=execution.error, cause=execution.cause)
        except StateError as failure:
            self._fail(execution, trail, failure)
        except Exception as error:
            log.exception("%s failed in the sandbox", execution.arn)
            self._fail(execution, trail, RuntimeFailure(repr(error)))
        else:
            # Written before its end is known: who sees that wants the last event.
            execution.output_text = execution.input_text if output is execution.input else compact(output)
            execution.close("SUCCEEDED", self._clock.now())
            trail.note("ExecutionSucceeded", output=execution.output_text)

    def _fail(self, execution: Execution, trail: Trail, failure: StateError) -> None:
        execution.close("FAILED", self._clock.now(), failure)
        trail.note("ExecutionFailed", error=failure.error, cause=failure.cause)

    async def _states(
        self,
        execution: Execution,
        machine: dict[str, Any],
        name: str,
        value: Any,
        trail: Trail,
        variables: dict[str, Any],
        around: dict[str, Any],
        *,
        top: bool = False,
    ) -> Any:
        language = execution.machine.definition.get("QueryLanguage", "JSONPath")
        # The execution's own input stays as it was written, as long as states hand it on.
        text = execution.input_text if top and value is execution.input else compact(value)
        while True:
            state = machine["States"][name]
            kind, before = state["Type"], trail.last
            trail.inside = kind
            entered = trail.note(f"{kind}StateEntered", name=name, input=text)
            at = execution.history[entered - 1]["timestamp"]
            own: dict[str, Any] = {"Name": name, "EnteredTime": rfc3339(at)}
            if kind in _RETRIED:
                own["RetryCount"] = 0
            seen = around | {"State": own}
            visit = Visit(execution, trail, state, name, value, seen, variables, before, entered)
            try:
                result = await self._state(visit, _LANGUAGES[state.get("QueryLanguage", language)])
            except StateError as failure:
                if top:
                    execution.failed_at = (name, value, variables)
                raise visit.told(failure) from failure.__cause__
            value, text = result.output, text if result.output is value else result.text
            assigned = {key: compact(one) for key, one in result.assigned.items()} or None
            trail.note(f"{kind}StateExited", name=name, output=text, assignedVariables=assigned)
            trail.inside = None
            if assigned:
                variables = variables | result.assigned
            if result.following is None:
                return value
            name = result.following

    async def _state(self, visit: Visit, fields: JsonPathStates | JsonataStates) -> Result:
        kind = visit.state["Type"]
        if kind in _RETRIED:
            return await self._with_errors(visit, fields)
        given = fields.given(visit)
        if kind == "Fail":
            raise fields.failure(visit, given)
        if kind == "Choice":
            return fields.chosen(visit, given)
        if kind == "Pass":
            return fields.passed(visit, given)
        if kind == "Wait":
            await asyncio.sleep(self._clock.real(_wait_seconds(visit, fields, given)))
        return fields.waited(visit, given)

    async def _with_errors(self, visit: Visit, fields: JsonPathStates | JsonataStates) -> Result:
        attempts: dict[int, int] = {}
        caught = self._doubts["stepfunctions-data-limit"] == "caught"
        while True:
            try:
                given = fields.given(visit)
                result = await self._work(visit, fields, given)
                return fields.ended(visit, given, result)
            except StateError as failure:
                visit.told(failure)
                delay = retries.delay(visit.state, failure, attempts, limit_is_caught=caught)
                if delay is not None:
                    visit.context["State"]["RetryCount"] = sum(attempts.values())
                    await asyncio.sleep(self._clock.real(delay))
                    continue
                # What could not even be read did not begin.
                unread = isinstance(failure, RuntimeFailure) and visit.trail.last == visit.entered
                if visit.state["Type"] != "Task" and not unread:
                    visit.trail.note(f"{visit.state['Type']}StateFailed")
                for catcher in visit.state.get("Catch", []):
                    if retries.matches(catcher["ErrorEquals"], failure, limit_is_caught=caught):
                        return fields.caught(visit, catcher, failure)
                raise

    async def _work(self, visit: Visit, fields: JsonPathStates | JsonataStates, given: Any) -> Any:
        if visit.state["Type"] == "Task":
            return await self._tasks.run(visit, fields, given)
        if visit.state["Type"] == "Parallel":
            return within_limit(await branches.parallel(visit, fields, given, self._branch), visit.name)
        return within_limit(await branches.mapped(visit, fields, given, self._branch, self._clock), visit.name)

    async def _branch(
        self, visit: Visit, machine: dict[str, Any], value: Any, trail: Trail, context: dict[str, Any]
    ) -> Any:
        # What a branch assigns is its own.
        variables = dict(visit.variables)
        return await self._states(visit.execution, machine, machine["StartAt"], value, trail, variables, context)


def _context(execution: Execution) -> dict[str, Any]:
    machine = execution.machine
    own = {
        "Id": execution.arn,
        "Input": execution.input,
        "Name": execution.name,
        "RoleArn": machine.role_arn,
        "StartTime": rfc3339(execution.started),
    }
    if not execution.is_sync:
        own["RedriveCount"] = execution.redrives
    return {"Execution": own, "StateMachine": {"Id": machine.arn, "Name": machine.name}}


def _wait_seconds(visit: Visit, fields: JsonPathStates | JsonataStates, given: Any) -> float:
    value = fields.wait(visit, given)
    if {"Seconds", "SecondsPath"} & visit.state.keys():
        return float(value)
    until = moment(value)
    if until is None:
        raise fields.no_moment(visit, value)
    seconds = max(0.0, (until - datetime.now(UTC)).total_seconds())
    if seconds > LONGEST_SECONDS:
        raise RuntimeFailure("Wait state delay is too long.")
    return seconds
