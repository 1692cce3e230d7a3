"""Task states: a resource is called, and what it answers is awaited."""

import asyncio
from concurrent.futures import Executor
from typing import Any

from eda_sandbox.foundation.clock import Clock
from eda_sandbox.services.stepfunctions.callbacks import answer
from eda_sandbox.services.stepfunctions.execution import Waiting, new_token
from eda_sandbox.services.stepfunctions.failure import StateError
from eda_sandbox.services.stepfunctions.intrinsics import compact
from eda_sandbox.services.stepfunctions.jsonata_states import JsonataStates
from eda_sandbox.services.stepfunctions.jsonpath_states import JsonPathStates
from eda_sandbox.services.stepfunctions.resources import Resource, parse
from eda_sandbox.services.stepfunctions.retries import TimedOut
from eda_sandbox.services.stepfunctions.tasks import Tasks
from eda_sandbox.services.stepfunctions.visit import Visit, within_limit

TASK_SECONDS = 99_999_999
"""How long a task may take that says nothing of it."""


class TaskStates:
    """Runs Task states.

    Args:
        clock: scales the time-outs of callbacks.
        tasks: runs the resources, on the pool's threads.
        pool: for what blocks.
        tokens: tasks that wait for a token, by token.
    """

    def __init__(self, clock: Clock, tasks: Tasks, pool: Executor, tokens: dict[str, Waiting]) -> None:
        self._clock = clock
        self._tasks = tasks
        self._pool = pool
        self._tokens = tokens

    async def run(self, visit: Visit, fields: JsonPathStates | JsonataStates, given: Any) -> Any:
        """The task's result.

        Raises:
            StateError: it failed, or took too long.
        """
        called = parse(visit.state["Resource"])
        seconds = fields.whole(visit, "TimeoutSeconds", given)
        heartbeat = fields.whole(visit, "HeartbeatSeconds", given)
        machine, token, context = visit.execution.machine, "", visit.context
        if called.waits_for_token:
            token = new_token(machine.arn)
            context = {**context, "Task": {"Token": token}}
        arguments = fields.arguments(visit, given, context)
        events = _Events(visit, called)
        events.scheduled(arguments, seconds, heartbeat)
        loop = asyncio.get_running_loop()
        waiting = Waiting(visit.execution, loop.create_future(), asyncio.Event())
        if token:
            self._tokens[token] = waiting
        limit = seconds or TASK_SECONDS
        try:
            call = loop.run_in_executor(
                self._pool,
                visit.execution.calling(self._tasks.run),
                called.arn,
                arguments,
                machine.role_arn,
                machine.arn,
                visit.execution.arn,
            )
            # What works takes as long as it takes; only what waits does so in AWS's time.
            async with asyncio.timeout(self._clock.real(limit) if token else limit):
                result = await call
                if token:
                    events.submitted(result)
                    result = await answer(waiting, heartbeat, self._clock)
            result = within_limit(result, called.arn if called.function else called.kind)
        except TimeoutError as error:
            events.timed_out()
            raise TimedOut from error
        except TimedOut:
            events.timed_out()
            raise
        except StateError as failure:
            events.failed(failure)
            raise
        finally:
            self._tokens.pop(token, None)
        events.succeeded(result)
        return result


class _Events:
    """The events of a task; those of a function that is named by its ARN have names of their own."""

    def __init__(self, visit: Visit, called: Resource) -> None:
        self._trail = visit.trail
        self._called = called
        self._prefix = "LambdaFunction" if called.function else "Task"
        self._common = {} if called.function else {"resource": called.call, "resourceType": called.kind}
        self._submitted = False

    def scheduled(self, arguments: Any, seconds: int | None, heartbeat: int | None) -> None:
        text, times = compact(arguments), {"timeoutInSeconds": seconds, "heartbeatInSeconds": heartbeat}
        if self._called.function:
            self._note("Scheduled", input=text, resource=self._called.arn, timeoutInSeconds=seconds)
        else:
            region = self._trail.execution.machine.arn.split(":")[3]
            self._note("Scheduled", parameters=text, region=region, **times)
        self._note("Started")

    def submitted(self, result: Any) -> None:
        self._submitted = True
        self._note("Submitted", output=compact(result))

    def timed_out(self) -> None:
        self._note("TimedOut", error="States.Timeout")

    def failed(self, failure: StateError) -> None:
        unsent = self._called.waits_for_token and not self._submitted
        self._note("SubmitFailed" if unsent else "Failed", error=failure.error, cause=failure.cause)

    def succeeded(self, result: Any) -> None:
        self._note("Succeeded", output=compact(result))

    def _note(self, kind: str, **details: Any) -> None:
        self._trail.note(f"{self._prefix}{kind}", None, **self._common, **details)
