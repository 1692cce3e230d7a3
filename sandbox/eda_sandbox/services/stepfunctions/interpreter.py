"""Runs executions: a coroutine each, so that waiting costs no thread."""

import asyncio
import logging
import random
from concurrent.futures import Executor
from datetime import UTC, datetime
from typing import Any

from eda_sandbox.foundation.clock import Clock, rfc3339
from eda_sandbox.services.stepfunctions import choice, intrinsics, paths
from eda_sandbox.services.stepfunctions.execution import Execution, Waiting, new_token
from eda_sandbox.services.stepfunctions.failure import RuntimeFailure, StateError
from eda_sandbox.services.stepfunctions.intrinsics import compact
from eda_sandbox.services.stepfunctions.tasks import Tasks

DATA_LIMIT = 262_144
"""Bytes of a state's input or output, or of a task's whole answer (Step Functions' quota: 256 KiB)."""
TASK_SECONDS = 99_999_999
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
    """

    def __init__(self, clock: Clock, tasks: Tasks, pool: Executor, tokens: dict[str, Waiting]) -> None:
        self._clock = clock
        self._tasks = tasks
        self._pool = pool
        self._tokens = tokens

    async def run(self, execution: Execution, start: tuple[str, Any] | None = None) -> None:
        """Run an execution to its end, or from a state that failed."""
        definition = execution.machine.definition
        name, value = start or (definition["StartAt"], execution.input)
        if start is None:
            execution.note("ExecutionStarted", self._clock.now(), input=execution.input_text)
        limit = definition.get("TimeoutSeconds")
        if limit and execution.machine.type == "STANDARD":
            limit = self._clock.real(limit)
        try:
            async with asyncio.timeout(limit):
                execution.output = await self._states(execution, definition, name, value, top=True)
        except TimeoutError:
            execution.close("TIMED_OUT", self._clock.now())
            execution.note("ExecutionTimedOut", self._clock.now())
        except asyncio.CancelledError:
            execution.close("ABORTED", self._clock.now())
            execution.note("ExecutionAborted", self._clock.now(), error=execution.error, cause=execution.cause)
        except StateError as failure:
            self._fail(execution, failure)
        except Exception as error:
            log.exception("%s failed in the sandbox", execution.arn)
            self._fail(execution, RuntimeFailure(repr(error)))
        else:
            execution.close("SUCCEEDED", self._clock.now())
            execution.note("ExecutionSucceeded", self._clock.now(), output=compact(execution.output))

    def _fail(self, execution: Execution, failure: StateError) -> None:
        execution.close("FAILED", self._clock.now(), failure)
        execution.note("ExecutionFailed", self._clock.now(), error=failure.error, cause=failure.cause)

    async def _states(
        self, execution: Execution, machine: dict[str, Any], name: str, value: Any, *, top: bool = False
    ) -> Any:
        while True:
            state = machine["States"][name]
            entered = self._clock.now()
            context = _context(execution, name, entered)
            execution.note(f"{state['Type']}StateEntered", entered, name=name, input=compact(value))
            try:
                following, value = await self._state(execution, state, name, value, context)
            except StateError:
                if top:
                    execution.failed_at = (name, value)
                raise
            execution.note(f"{state['Type']}StateExited", self._clock.now(), name=name, output=compact(value))
            if following is None:
                return value
            name = following

    async def _state(
        self, execution: Execution, state: dict[str, Any], name: str, value: Any, context: dict[str, Any]
    ) -> tuple[str | None, Any]:
        kind = state["Type"]
        if kind == "Fail":
            raise _fail(state, value, context)
        given = _input(state, value, context)
        if kind == "Succeed":
            return None, _output(state, name, given, context)
        if kind == "Choice":
            return _choose(state, name, given, context), _output(state, name, given, context)
        if kind == "Wait":
            await asyncio.sleep(self._clock.real(_wait_seconds(state, given, context)))
            return state.get("Next"), _output(state, name, given, context)
        if kind == "Pass":
            result = _parameters(state, name, given, context)
            result = state.get("Result", result)
            # Results go into the raw input, as it was before InputPath.
            merged = paths.put(state.get("ResultPath", "$"), value, result)
            return state.get("Next"), _output(state, name, merged, context)
        return await self._with_errors(execution, state, name, value, given, context)

    async def _with_errors(
        self, execution: Execution, state: dict[str, Any], name: str, raw: Any, given: Any, context: dict[str, Any]
    ) -> tuple[str | None, Any]:
        attempts: dict[int, int] = {}
        while True:
            try:
                result = within_limit(await self._work(execution, state, name, given, context), name)
                if "ResultSelector" in state:
                    result = template(state["ResultSelector"], result, context)
                merged = paths.put(state.get("ResultPath", "$"), raw, result)
                return state.get("Next"), _output(state, name, merged, context)
            except StateError as failure:
                delay = _retry(state, failure, attempts)
                if delay is not None:
                    context["State"]["RetryCount"] = sum(attempts.values())
                    await asyncio.sleep(self._clock.real(delay))
                    continue
                for catcher in state.get("Catch", []):
                    if _matches(catcher["ErrorEquals"], failure):
                        caught = {"Error": failure.error, "Cause": failure.cause}
                        output = paths.put(catcher.get("ResultPath", "$"), raw, caught)
                        return catcher["Next"], within_limit(output, name)
                raise

    async def _work(
        self, execution: Execution, state: dict[str, Any], name: str, given: Any, context: dict[str, Any]
    ) -> Any:
        if state["Type"] == "Task":
            return await self._task(execution, state, name, given, context)
        if state["Type"] == "Parallel":
            value = _parameters(state, name, given, context)
            branches = [self._states(execution, branch, branch["StartAt"], value) for branch in state["Branches"]]
            return await _all(branches)
        return await self._map(execution, state, name, given, context)

    async def _map(
        self, execution: Execution, state: dict[str, Any], name: str, given: Any, context: dict[str, Any]
    ) -> Any:
        items = paths.read(state.get("ItemsPath", "$"), given, context)
        if not isinstance(items, list):
            raise RuntimeFailure("the items of a Map state are no array")
        processor = state.get("ItemProcessor") or state["Iterator"]
        selector = state.get("ItemSelector", state.get("Parameters"))
        limit = asyncio.Semaphore(state.get("MaxConcurrency") or 40)

        async def one(index: int, item: Any) -> Any:
            inner = {**context, "Map": {"Item": {"Index": index, "Value": item}}}
            value = within_limit(template(selector, given, inner), name) if selector is not None else item
            async with limit:
                return await self._states(execution, processor, processor["StartAt"], value)

        return await _all([one(index, item) for index, item in enumerate(items)])

    async def _task(
        self, execution: Execution, state: dict[str, Any], name: str, given: Any, context: dict[str, Any]
    ) -> Any:
        resource, machine = state["Resource"], execution.machine
        seconds = _seconds(state, "TimeoutSeconds", given, context) or TASK_SECONDS
        waits = self._tasks.waits_for_token(resource)
        token = new_token(machine.arn)
        scope = {**context, "Task": {"Token": token}} if waits else context
        parameters = _parameters(state, name, given, scope)
        execution.note("TaskScheduled", self._clock.now(), resource=resource.rpartition(":")[2], resourceType="task")
        loop = asyncio.get_running_loop()
        waiting = Waiting(execution, loop.create_future(), asyncio.Event())
        if waits:
            self._tokens[token] = waiting
        try:
            call = loop.run_in_executor(
                self._pool, self._tasks.run, resource, parameters, machine.role_arn, machine.arn
            )
            async with asyncio.timeout(self._clock.real(seconds) if waits else seconds):
                result = await call
                if waits:
                    result = await self._answer(waiting, _seconds(state, "HeartbeatSeconds", given, context))
            result = within_limit(result, name)
        except TimeoutError as error:
            execution.note("TaskTimedOut", self._clock.now(), error="States.Timeout")
            raise StateError("States.Timeout", "") from error
        except StateError as failure:
            execution.note("TaskFailed", self._clock.now(), error=failure.error, cause=failure.cause)
            raise
        finally:
            self._tokens.pop(token, None)
        execution.note("TaskSucceeded", self._clock.now(), output=compact(result))
        return result

    async def _answer(self, waiting: Waiting, heartbeat: float | None) -> Any:
        if heartbeat is None:
            return await waiting.result
        while True:
            beat = asyncio.ensure_future(waiting.beat.wait())
            done, _ = await asyncio.wait(
                {waiting.result, beat}, timeout=self._clock.real(heartbeat), return_when=asyncio.FIRST_COMPLETED
            )
            beat.cancel()
            if waiting.result in done:
                return waiting.result.result()
            if not done:
                raise StateError("States.HeartbeatTimeout", "")
            waiting.beat.clear()


async def _all(coroutines: list[Any]) -> list[Any]:
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()


def _context(execution: Execution, name: str, entered: datetime) -> dict[str, Any]:
    machine = execution.machine
    return {
        "Execution": {
            "Id": execution.arn,
            "Input": execution.input,
            "Name": execution.name,
            "RoleArn": machine.role_arn,
            "StartTime": rfc3339(execution.started),
            "RedriveCount": execution.redrives,
        },
        "StateMachine": {"Id": machine.arn, "Name": machine.name},
        "State": {"Name": name, "EnteredTime": rfc3339(entered), "RetryCount": 0},
    }


def template(value: Any, document: Any, context: Any) -> Any:
    """A payload template with its ``.$`` fields filled in."""
    if isinstance(value, list):
        return [template(item, document, context) for item in value]
    if not isinstance(value, dict):
        return value
    filled = {}
    for key, item in value.items():
        if key.endswith(".$") and isinstance(item, str):
            filled[key.removesuffix(".$")] = (
                paths.read(item, document, context)
                if item.startswith("$")
                else intrinsics.evaluate(item, document, context)
            )
        else:
            filled[key] = template(item, document, context)
    return filled


def _input(state: dict[str, Any], value: Any, context: dict[str, Any]) -> Any:
    path = state.get("InputPath", "$")
    return {} if path is None else paths.read(path, value, context)


def _parameters(state: dict[str, Any], name: str, value: Any, context: dict[str, Any]) -> Any:
    return within_limit(template(state["Parameters"], value, context), name) if "Parameters" in state else value


def _output(state: dict[str, Any], name: str, value: Any, context: dict[str, Any]) -> Any:
    path = state.get("OutputPath", "$")
    return within_limit({} if path is None else paths.read(path, value, context), name)


def _choose(state: dict[str, Any], name: str, value: Any, context: dict[str, Any]) -> str:
    for rule in state["Choices"]:
        if choice.holds(rule, value, context):
            return str(rule["Next"])
    if "Default" not in state:
        raise StateError("States.NoChoiceMatched", f"no rule of {name} matched and it has no Default")
    return str(state["Default"])


def _wait_seconds(state: dict[str, Any], value: Any, context: dict[str, Any]) -> float:
    if "Timestamp" in state or "TimestampPath" in state:
        text = state.get("Timestamp") or paths.read(state["TimestampPath"], value, context)
        try:
            until = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
        except ValueError as error:
            raise RuntimeFailure(f"The timestamp {text!r} cannot be read: {error}") from error
        return max(0.0, (until - datetime.now(UTC)).total_seconds())
    seconds = _seconds(state, "Seconds", value, context)
    if seconds is None or seconds < 0:
        raise RuntimeFailure(f"a Wait state needs seconds of 0 or more, found {seconds}")
    return seconds


def _seconds(state: dict[str, Any], key: str, value: Any, context: dict[str, Any]) -> float | None:
    found = paths.read(state[f"{key}Path"], value, context) if f"{key}Path" in state else state.get(key)
    if found is not None and (isinstance(found, bool) or not isinstance(found, int | float)):
        raise RuntimeFailure(f"{key} is {found!r} and no number")
    return found


def _fail(state: dict[str, Any], value: Any, context: dict[str, Any]) -> StateError:
    texts = []
    for key in ("Error", "Cause"):
        path = state.get(f"{key}Path")
        if path is None:
            texts.append(state.get(key, ""))
        else:
            filled = template({"text.$": path}, value, context)
            texts.append(filled["text"])
    return StateError(*texts)


def _matches(names: list[str], failure: StateError) -> bool:
    if failure.error == "States.Runtime":
        # Not by its name, either.
        return False
    if failure.error in names:
        return True
    if failure.error == "States.DataLimitExceeded":
        return False
    task_failed = "States.TaskFailed" in names and failure.error != "States.Timeout"
    timed_out = failure.error == "States.HeartbeatTimeout" and "States.Timeout" in names
    return "States.ALL" in names or task_failed or timed_out


def _retry(state: dict[str, Any], failure: StateError, attempts: dict[int, int]) -> float | None:
    """Seconds until the next attempt, or None when there is none."""
    for number, retrier in enumerate(state.get("Retry", [])):
        if not _matches(retrier["ErrorEquals"], failure):
            continue
        done = attempts.get(number, 0)
        if done >= retrier.get("MaxAttempts", 3):
            return None
        attempts[number] = done + 1
        delay = retrier.get("IntervalSeconds", 1) * retrier.get("BackoffRate", 2.0) ** done
        delay = min(delay, retrier.get("MaxDelaySeconds", delay))
        return random.uniform(0, delay) if retrier.get("JitterStrategy") == "FULL" else delay
    return None


def within_limit(value: Any, name: str) -> Any:
    """A state's data, which has to be of a size that Step Functions takes.

    Raises:
        StateError: ``States.DataLimitExceeded``.
    """
    if len(compact(value).encode()) > DATA_LIMIT:
        raise StateError(
            "States.DataLimitExceeded",
            f"The state/task '{name}' returned a result with a size exceeding the maximum number of bytes service "
            "limit.",
        )
    return value
