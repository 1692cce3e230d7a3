"""The API of Step Functions."""

import asyncio
import json
import logging
import queue
import re
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, TypeVar

from eda_sandbox.foundation.caller import Caller
from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.foundation.service import Service
from eda_sandbox.services.stepfunctions.definition import parse
from eda_sandbox.services.stepfunctions.execution import (
    CLOSING,
    HISTORY_LIMIT,
    Execution,
    Machine,
    Waiting,
    machine_of,
)
from eda_sandbox.services.stepfunctions.failure import StateError
from eda_sandbox.services.stepfunctions.interpreter import DATA_LIMIT, Interpreter
from eda_sandbox.services.stepfunctions.intrinsics import compact
from eda_sandbox.services.stepfunctions.status_events import DETAIL_TYPE, SOURCE, TOLD_AT, detail
from eda_sandbox.services.stepfunctions.tasks import PRINCIPAL, Tasks

TASK_THREADS = 64
NAME_SECONDS = 90 * 24 * 3600
"""How long the name of a closed execution stays taken."""
SYNC_SECONDS = 300
"""The longest an Express execution may run."""
_NAME = re.compile(r"[^\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]{1,80}")
T = TypeVar("T")
log = logging.getLogger(__name__)


class StepFunctions(Service):
    """State machines in JSONPath."""

    name = "stepfunctions"

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._machines: dict[str, Machine] = {}
        self._executions: dict[str, Execution] = {}
        self._tokens: dict[str, Waiting] = {}
        self._pool = ThreadPoolExecutor(TASK_THREADS, thread_name_prefix="states-task")
        self._interpreter = Interpreter(cloud.clock, Tasks(cloud), self._pool, self._tokens)
        self._loop = asyncio.new_event_loop()
        self._log_lines: queue.SimpleQueue[tuple[str, str, int, str]] = queue.SimpleQueue()
        self._lock = threading.RLock()

    def start(self) -> None:
        """Start the thread that runs executions, and the one that writes their logs."""
        self.cloud.spawn(self._loop.run_forever, "states")
        self.cloud.spawn(self._write_logs, "states-logs")

    def stop(self) -> None:
        """Abandon what runs."""
        self._await(_cancel_others(), 10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def resource_arn(self, operation: str, request: dict[str, Any]) -> str:
        """The machine or the execution."""
        if "taskToken" in request:
            return machine_of(request["taskToken"]) or "*"
        return str(request.get("stateMachineArn") or request.get("executionArn") or request.get("resourceArn") or "*")

    def create_state_machine(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """CreateStateMachine; creating the same machine again is success."""
        name, kind = request["name"], request.get("type", "STANDARD")
        _check_name(name)
        arn = self.cloud.arn("states", f"stateMachine:{name}")
        definition = parse(request["definition"])
        if kind == "EXPRESS" and ".waitForTaskToken" in request["definition"]:
            raise AwsError("InvalidDefinition", "Express state machines do not support .waitForTaskToken")
        self.cloud.credentials(request["roleArn"], PRINCIPAL, arn)
        machine = Machine(
            arn,
            name,
            definition,
            request["definition"],
            request["roleArn"],
            kind,
            datetime.now(UTC),
            request.get("loggingConfiguration", {}),
            request.get("tracingConfiguration", {"enabled": False}),
            {tag["key"]: tag["value"] for tag in request.get("tags", [])},
        )
        with self._lock:
            known = self._machines.get(arn)
            if known is not None:
                same = (known.text, known.role_arn, known.type) == (machine.text, machine.role_arn, kind)
                if not same:
                    raise AwsError("StateMachineAlreadyExists", f"State Machine Already Exists: '{arn}'")
                machine = known
            self._machines[arn] = machine
        return {"stateMachineArn": arn, "creationDate": machine.created}

    def update_state_machine(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """UpdateStateMachine; running executions go on with the definition they began with."""
        machine = self._machine(request["stateMachineArn"])
        text = request.get("definition", machine.text)
        changed = Machine(
            machine.arn,
            machine.name,
            parse(text),
            text,
            request.get("roleArn", machine.role_arn),
            machine.type,
            machine.created,
            request.get("loggingConfiguration", machine.logging),
            request.get("tracingConfiguration", machine.tracing),
            machine.tags,
        )
        self._machines[machine.arn] = changed
        return {"updateDate": datetime.now(UTC)}

    def delete_state_machine(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DeleteStateMachine."""
        self._machines.pop(request["stateMachineArn"], None)
        return {}

    def describe_state_machine(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DescribeStateMachine."""
        machine = self._machine(request["stateMachineArn"])
        return {
            "stateMachineArn": machine.arn,
            "name": machine.name,
            "status": "ACTIVE",
            "definition": machine.text,
            "roleArn": machine.role_arn,
            "type": machine.type,
            "creationDate": machine.created,
            "loggingConfiguration": machine.logging or {"level": "OFF", "includeExecutionData": False},
            "tracingConfiguration": machine.tracing,
        }

    def list_state_machines(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """ListStateMachines."""
        return {
            "stateMachines": [
                {"stateMachineArn": m.arn, "name": m.name, "type": m.type, "creationDate": m.created}
                for m in self._machines.values()
            ]
        }

    def tag_resource(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """TagResource."""
        self._machine(request["resourceArn"]).tags.update({tag["key"]: tag.get("value", "") for tag in request["tags"]})
        return {}

    def untag_resource(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """UntagResource."""
        for key in request["tagKeys"]:
            self._machine(request["resourceArn"]).tags.pop(key, None)
        return {}

    def list_tags_for_resource(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """ListTagsForResource."""
        tags = self._machine(request["resourceArn"]).tags
        return {"tags": [{"key": key, "value": value} for key, value in tags.items()]}

    def start_execution(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """StartExecution; the same name and input while it runs are the same execution."""
        machine = self._machine(request["stateMachineArn"])
        name = request.get("name") or str(uuid.uuid4())
        _check_name(name)
        text = request.get("input", "{}")
        value = _input(text)
        with self._lock:
            arn = self._execution_arn(machine, name)
            known = self._executions.get(arn)
            if known is not None and not self._is_forgotten(known):
                if known.status == "RUNNING" and _same(known.input, value):
                    return {"executionArn": arn, "startDate": known.started}
                raise AwsError("ExecutionAlreadyExists", f"Execution Already Exists: '{arn}'")
            # The newest are listed first.
            self._executions.pop(arn, None)
            execution = Execution(
                arn, name, machine, value, text, datetime.now(UTC), self._noted, request.get("traceHeader")
            )
            self._executions[arn] = execution
        self._submit(execution)
        return {"executionArn": arn, "startDate": execution.started}

    def start_sync_execution(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """StartSyncExecution of an Express machine."""
        machine = self._machine(request["stateMachineArn"])
        if machine.type != "EXPRESS":
            raise AwsError(
                "StateMachineTypeNotSupported", "This operation is not supported by this type of state machine"
            )
        name, text = request.get("name") or str(uuid.uuid4()), request.get("input", "{}")
        execution = Execution(
            self._execution_arn(machine, name), name, machine, _input(text), text, datetime.now(UTC), self._noted
        )
        self._await(self._interpreter.run(execution), SYNC_SECONDS)
        answer = {
            "executionArn": execution.arn,
            "stateMachineArn": machine.arn,
            "name": name,
            "startDate": execution.started,
            "stopDate": execution.stopped,
            "status": execution.status,
            "input": text,
        }
        if execution.status == "SUCCEEDED":
            answer["output"] = compact(execution.output)
        else:
            answer |= {"error": execution.error or "", "cause": execution.cause or ""}
        return answer

    def stop_execution(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """StopExecution."""
        execution = self._execution(request["executionArn"])
        if execution.status != "RUNNING":
            return {"stopDate": execution.stopped}
        execution.error, execution.cause = request.get("error"), request.get("cause")
        self._cancel(execution)
        return {"stopDate": datetime.now(UTC)}

    def redrive_execution(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """RedriveExecution: from the state that failed, with the input it had."""
        execution = self._execution(request["executionArn"])
        if execution.status not in ("FAILED", "TIMED_OUT", "ABORTED") or execution.machine.type != "STANDARD":
            raise AwsError("ExecutionNotRedrivable", f"Execution is {execution.status} and cannot be redriven")
        if len(execution.history) >= HISTORY_LIMIT - 1:
            raise AwsError("ExecutionNotRedrivable", "Execution event history limit exceeded")
        execution.status, execution.stopped, execution.error, execution.cause = "RUNNING", None, None, None
        execution.redrives += 1
        execution.redriven = now = datetime.now(UTC)
        execution.note("ExecutionRedriven", now, redriveCount=execution.redrives)
        self._submit(execution, execution.failed_at)
        return {"redriveDate": now}

    def describe_execution(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DescribeExecution."""
        execution = self._execution(request["executionArn"])
        found = {**_summary(execution), "input": execution.input_text}
        if execution.status == "SUCCEEDED":
            found["output"] = compact(execution.output)
        return found | {"error": execution.error, "cause": execution.cause}

    def statuses(self, machine_arn: str) -> Counter[str]:
        """How many executions of a machine have each status."""
        return Counter(found.status for found in list(self._executions.values()) if found.machine.arn == machine_arn)

    def list_executions(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """ListExecutions, the newest first."""
        machine, wanted = self._machine(request["stateMachineArn"]), request.get("statusFilter")
        found = [
            execution
            for execution in reversed(list(self._executions.values()))
            if execution.machine.arn == machine.arn and wanted in (None, execution.status)
        ]
        page, following = _page(found, request)
        return {"executions": [_summary(execution) for execution in page], **following}

    def get_execution_history(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetExecutionHistory."""
        events = list(self._execution(request["executionArn"]).history)
        if request.get("reverseOrder"):
            events.reverse()
        page, following = _page(events, request)
        if request.get("includeExecutionData") is False:
            page = [_without_data(event) for event in page]
        return {"events": page, **following}

    def send_task_success(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """SendTaskSuccess."""
        try:
            output = _json(request["output"])
        except ValueError as error:
            raise AwsError("InvalidOutput", f"Invalid Output: {error}") from error
        self._settle(request["taskToken"], lambda waiting: waiting.result.set_result(output))
        return {}

    def send_task_failure(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """SendTaskFailure."""
        failure = StateError(request.get("error", "States.TaskFailed"), request.get("cause", ""))
        self._settle(request["taskToken"], lambda waiting: waiting.result.set_exception(failure))
        return {}

    def send_task_heartbeat(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """SendTaskHeartbeat."""
        self._settle(request["taskToken"], lambda waiting: waiting.beat.set())
        return {}

    def _settle(self, token: str, act: Callable[[Waiting], None]) -> None:
        async def settle() -> None:
            waiting = self._tokens.get(token)
            if waiting is None or waiting.result.done():
                if machine_of(token) is None:
                    raise AwsError("InvalidToken", "Invalid Token: 'Invalid token'")
                raise AwsError("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
            act(waiting)

        self._await(settle(), 10)

    def _submit(self, execution: Execution, start: tuple[str, Any] | None = None) -> None:
        execution.task = None

        async def begin() -> None:
            execution.task = asyncio.current_task()
            await self._interpreter.run(execution, start)

        asyncio.run_coroutine_threadsafe(begin(), self._loop)

    def _is_forgotten(self, execution: Execution) -> bool:
        if execution.machine.type != "STANDARD":
            return True
        if execution.stopped is None:
            return False
        return (datetime.now(UTC) - execution.stopped).total_seconds() > self.cloud.clock.real(NAME_SECONDS)

    def _noted(self, execution: Execution, event: dict[str, Any]) -> None:
        self._log(execution, event)
        standard = execution.machine.type == "STANDARD"
        if standard and event["type"] in TOLD_AT and not self.cloud.stopping.is_set():
            self.cloud.service_event(SOURCE, DETAIL_TYPE, detail(execution), [execution.arn])

    def _log(self, execution: Execution, event: dict[str, Any]) -> None:
        config = execution.machine.logging
        level, kind = config.get("level", "OFF"), event["type"]
        failure = kind.endswith(("Failed", "TimedOut", "Aborted"))
        if level == "OFF" or (level == "ERROR" and not failure) or (level == "FATAL" and kind not in CLOSING):
            return
        details: dict[str, Any] = next((value for key, value in event.items() if key.endswith("EventDetails")), {})
        if not config.get("includeExecutionData"):
            details = {key: value for key, value in details.items() if key not in ("input", "output", "cause")}
        at = int(event["timestamp"].timestamp() * 1000)
        line = {
            "id": event["id"],
            "type": kind,
            "details": details,
            "previous_event_id": event["previousEventId"],
            "event_timestamp": str(at),
            "execution_arn": execution.arn,
        }
        for destination in config.get("destinations", []):
            group = destination["cloudWatchLogsLogGroup"]["logGroupArn"].split(":log-group:")[-1].removesuffix(":*")
            self._log_lines.put((group, f"states/{execution.machine.name}", at, json.dumps(line)))

    def _write_logs(self) -> None:
        while not self.cloud.stopping.wait(0.25):
            batches: dict[tuple[str, str], list[tuple[int, str]]] = {}
            while not self._log_lines.empty():
                group, stream, at, line = self._log_lines.get()
                batches.setdefault((group, stream), []).append((at, line))
            for (group, stream), lines in batches.items():
                try:
                    times, messages = [at for at, _ in lines], [line for _, line in lines]
                    self.cloud.log_events(group, stream, messages, times=times)
                except Exception as error:
                    log.warning("%s: %d log lines lost: %s", group, len(lines), error)

    def _await(self, coroutine: Coroutine[Any, Any, T], seconds: float) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(seconds)

    def _cancel(self, execution: Execution) -> None:
        async def cancel() -> None:
            # An execution that was started just now has no task yet.
            while execution.task is None:
                await asyncio.sleep(0)
            execution.task.cancel()

        self._await(cancel(), 10)

    def _execution_arn(self, machine: Machine, name: str) -> str:
        if machine.type == "EXPRESS":
            return self.cloud.arn("states", f"express:{machine.name}:{name}:{uuid.uuid4()}")
        return self.cloud.arn("states", f"execution:{machine.name}:{name}")

    def _machine(self, arn: str) -> Machine:
        machine = self._machines.get(arn)
        if machine is None:
            raise AwsError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")
        return machine

    def _execution(self, arn: str) -> Execution:
        execution = self._executions.get(arn)
        if execution is None:
            raise AwsError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
        return execution


async def _cancel_others() -> None:
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise AwsError("InvalidName", f"Invalid Name: '{name}'")


def _input(text: str) -> Any:
    try:
        value = _json(text)
    except ValueError as error:
        raise AwsError("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{error}'") from error
    if len(text.encode()) > DATA_LIMIT:
        raise AwsError("InvalidExecutionInput", f"Invalid execution input: larger than {DATA_LIMIT} bytes")
    return value


def _json(text: str) -> Any:
    """What a text says; half a surrogate pair, which no encoding has, is no JSON that Step Functions takes.

    Raises:
        ValueError: it is no such JSON.
    """
    value = json.loads(text)
    for part in (text, json.dumps(value, ensure_ascii=False)):
        part.encode()
    return value


def _same(first: Any, second: Any) -> bool:
    return json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)


def _summary(execution: Execution) -> dict[str, Any]:
    return {
        "executionArn": execution.arn,
        "stateMachineArn": execution.machine.arn,
        "name": execution.name,
        "status": execution.status,
        "startDate": execution.started,
        "stopDate": execution.stopped,
        "redriveCount": execution.redrives,
    }


def _page(items: list[T], request: dict[str, Any]) -> tuple[list[T], dict[str, str]]:
    start, size = int(request.get("nextToken") or 0), request.get("maxResults") or 100
    end = start + size
    return items[start:end], ({"nextToken": str(end)} if end < len(items) else {})


def _without_data(event: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {key: item for key, item in value.items() if key not in ("input", "output")}
        if isinstance(value, dict)
        else value
        for name, value in event.items()
    }
