"""The API of Step Functions."""

import asyncio
import json
import re
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, TypeVar

from eda_sandbox.foundation import tracing
from eda_sandbox.foundation.caller import Caller
from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.foundation.service import Service
from eda_sandbox.services.stepfunctions import answers
from eda_sandbox.services.stepfunctions.definition import examine, parse
from eda_sandbox.services.stepfunctions.execution import (
    Execution,
    Machine,
    Waiting,
    machine_of,
)
from eda_sandbox.services.stepfunctions.execution_logs import ExecutionLogs, without_data
from eda_sandbox.services.stepfunctions.failure import StateError
from eda_sandbox.services.stepfunctions.interpreter import DATA_LIMIT, Interpreter
from eda_sandbox.services.stepfunctions.offered import OFFERED
from eda_sandbox.services.stepfunctions.pages import page
from eda_sandbox.services.stepfunctions.status_events import DETAIL_TYPE, SOURCE, TOLD_AT, detail
from eda_sandbox.services.stepfunctions.tasks import PRINCIPAL, Tasks
from eda_sandbox.services.stepfunctions.tracing import ExecutionTrace

TASK_THREADS = 64
NAME_SECONDS = 90 * 24 * 3600
"""How long the name of a closed execution stays taken."""
SYNC_SECONDS = 300
"""The longest an Express execution may run."""
_NAME = re.compile(r"[^\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]{1,80}")
_PUBLISHING = ("publish", "versionDescription")
T = TypeVar("T")


class StepFunctions(Service):
    """State machines in JSONPath and JSONata."""

    name = "stepfunctions"
    principal = PRINCIPAL
    roles = dict.fromkeys(("CreateStateMachine", "UpdateStateMachine"), ("roleArn",))
    offered = OFFERED

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._machines: dict[str, Machine] = {}
        self._executions: dict[str, Execution] = {}
        self._tokens: dict[str, Waiting] = {}
        self._pool = ThreadPoolExecutor(TASK_THREADS, thread_name_prefix="states-task")
        self._interpreter = Interpreter(cloud.clock, Tasks(cloud), self._pool, self._tokens, cloud.doubts)
        self._loop = asyncio.new_event_loop()
        self._logs = ExecutionLogs(cloud)
        self._lock = threading.RLock()

    def start(self) -> None:
        """Start the thread that runs executions, and the one that writes their logs."""
        self.cloud.spawn(self._loop.run_forever, "states")
        self.cloud.spawn(self._logs.run, "states-logs")

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
        _check_offered(request)
        definition = parse(request["definition"], kind)
        self.cloud.credentials(request["roleArn"], PRINCIPAL, arn)
        machine = Machine(
            arn,
            name,
            definition,
            request["definition"],
            request["roleArn"],
            kind,
            _now(),
            self._logged(request.get("loggingConfiguration")),
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

    def _logged(self, asked: dict[str, Any] | None) -> dict[str, Any]:
        """How a machine is logged, with what is not said."""
        found = {"level": "OFF", "includeExecutionData": False, **(asked or {})}
        destinations = found.get("destinations", [])
        if len(destinations) > 1 or (found["level"] != "OFF" and not destinations):
            raise _no_logging("Must specify exactly one Log Destination.")
        for destination in destinations:
            arn = destination.get("cloudWatchLogsLogGroup", {}).get("logGroupArn", "")
            name = arn.removesuffix(":*").partition(":log-group:")[2]
            groups = self.cloud.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"] if name else []
            if not any(group["logGroupName"] == name for group in groups):
                raise _no_logging("Log Destination not found.")
        return found

    def update_state_machine(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """UpdateStateMachine; running executions go on with the definition they began with."""
        machine = self._machine(request["stateMachineArn"])
        _check_offered(request)
        if not {"definition", "roleArn", "loggingConfiguration", "tracingConfiguration"} & request.keys():
            raise AwsError(
                "MissingRequiredParameter",
                "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be "
                "specified",
            )
        text, role = request.get("definition", machine.text), request.get("roleArn", machine.role_arn)
        definition = parse(text, machine.type)
        if role != machine.role_arn:
            self.cloud.credentials(role, PRINCIPAL, machine.arn)
        same = (text, role) == (machine.text, machine.role_arn)
        changed = Machine(
            machine.arn,
            machine.name,
            definition,
            text,
            role,
            machine.type,
            machine.created,
            self._logged(request["loggingConfiguration"]) if "loggingConfiguration" in request else machine.logging,
            request.get("tracingConfiguration", machine.tracing),
            machine.tags,
            # Of what runs and as whom; how it is logged belongs to no revision.
            machine.revision if same and machine.revision else str(uuid.uuid4()),
            _now(),
        )
        self._machines[machine.arn] = changed
        return {"updateDate": changed.updated, "revisionId": changed.revision}

    def delete_state_machine(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DeleteStateMachine."""
        _check_arn(request["stateMachineArn"])
        self._machines.pop(request["stateMachineArn"], None)
        return {}

    def describe_state_machine(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DescribeStateMachine."""
        machine = self._machine(request["stateMachineArn"])
        own = {"status": "ACTIVE", "type": machine.type, "creationDate": machine.created}
        return answers.machine(machine, with_definition=_with_data(request)) | own

    def describe_state_machine_for_execution(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DescribeStateMachineForExecution: the machine as it was when the execution began."""
        machine = self._execution(request["executionArn"]).machine
        return answers.machine(machine, with_definition=_with_data(request)) | {
            "updateDate": machine.updated or machine.created
        }

    def validate_state_machine_definition(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """ValidateStateMachineDefinition; what the sandbox refuses by name is an error here, too."""
        _, problems = examine(request["definition"], request.get("type", "STANDARD"))
        most = request.get("maxResults") or 100
        told = [
            {"severity": "ERROR", "code": problem.code, "message": problem.message, "location": problem.location}
            for problem in problems[:most]
        ]
        diagnostics = [{name: value for name, value in one.items() if value is not None} for one in told]
        return {
            "result": "FAIL" if problems else "OK",
            "diagnostics": diagnostics,
            "truncated": len(problems) > most,
        }

    def list_state_machines(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """ListStateMachines."""
        found = sorted(self._machines.values(), key=lambda machine: machine.name)
        machines, following = page(found, request)
        return {
            "stateMachines": [
                {"stateMachineArn": m.arn, "name": m.name, "type": m.type, "creationDate": m.created} for m in machines
            ],
            **following,
        }

    def tag_resource(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """TagResource."""
        self._tagged(request["resourceArn"]).tags.update({tag["key"]: tag.get("value", "") for tag in request["tags"]})
        return {}

    def untag_resource(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """UntagResource."""
        for key in request["tagKeys"]:
            self._tagged(request["resourceArn"]).tags.pop(key, None)
        return {}

    def list_tags_for_resource(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """ListTagsForResource."""
        tags = self._tagged(request["resourceArn"]).tags
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
            execution = Execution(arn, name, machine, value, text, _now(), self._noted, request.get("traceHeader"))
            self._executions[arn] = execution
        self._trace(execution)
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
            self._execution_arn(machine, name),
            name,
            machine,
            _input(text),
            text,
            _now(),
            self._noted,
            request.get("traceHeader"),
            is_sync=True,
        )
        self._trace(execution)
        self._await(self._interpreter.run(execution), SYNC_SECONDS)
        answer = answers.summary(execution) | answers.data(execution, included=_with_data(request))
        if _with_data(request):
            answer["outputDetails"] = {"included": True}
        answer |= {"billingDetails": answers.billing(execution), "traceHeader": execution.trace_header}
        answer |= {"error": execution.error, "cause": execution.cause}
        return {name: value for name, value in answer.items() if value is not None and not name.startswith("redrive")}

    def stop_execution(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """StopExecution."""
        execution = self._execution(request["executionArn"])
        if execution.status != "RUNNING":
            return {"stopDate": execution.stopped}
        execution.error, execution.cause = request.get("error"), request.get("cause")
        self._cancel(execution)
        return {"stopDate": _now()}

    def redrive_execution(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """RedriveExecution: from the state that failed, with the input it had."""
        execution = self._execution(request["executionArn"])
        if why := answers.why_not_redriven(execution):
            raise AwsError("ExecutionNotRedrivable", why)
        execution.status, execution.stopped, execution.error, execution.cause = "RUNNING", None, None, None
        execution.redrives += 1
        execution.redriven = now = _now()
        execution.note("ExecutionRedriven", now, redriveCount=execution.redrives)
        self._submit(execution, execution.failed_at)
        return {"redriveDate": now}

    def describe_execution(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DescribeExecution."""
        execution = self._execution(request["executionArn"])
        found = answers.summary(execution) | answers.redrive(execution)
        found |= answers.data(execution, included=_with_data(request)) | {"traceHeader": execution.trace_header}
        found |= {"error": execution.error, "cause": execution.cause}
        return {name: value for name, value in found.items() if value is not None}

    def statuses(self, machine_arn: str) -> Counter[str]:
        """How many executions of a machine have each status."""
        return Counter(found.status for found in list(self._executions.values()) if found.machine.arn == machine_arn)

    def kept(self, machine_arn: str) -> list[Execution]:
        """The executions of a machine, the newest first; of Express machines, too, whose executions no API lists."""
        return [found for found in reversed(list(self._executions.values())) if found.machine.arn == machine_arn]

    def list_executions(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """ListExecutions, the newest first."""
        for member in ("mapRunArn", "redriveFilter"):
            if member in request:
                raise AwsError("ValidationException", f"the sandbox lists executions without {member}")
        machine, wanted = self._machine(request.get("stateMachineArn", "")), request.get("statusFilter")
        if machine.type != "STANDARD":
            raise AwsError(
                "StateMachineTypeNotSupported", "This operation is not supported by this type of state machine"
            )
        found = [execution for execution in self.kept(machine.arn) if wanted in (None, execution.status)]
        executions, following = page(found, request, token_length=3096)
        return {"executions": [answers.summary(execution) for execution in executions], **following}

    def get_execution_history(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetExecutionHistory."""
        events = list(self._execution(request["executionArn"]).history)
        if request.get("reverseOrder"):
            events.reverse()
        shown, following = page(events, request)
        if request.get("includeExecutionData") is False:
            shown = [
                {name: without_data(value) if isinstance(value, dict) else value for name, value in event.items()}
                for event in shown
            ]
        return {"events": shown, **following}

    def send_task_success(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """SendTaskSuccess."""
        token = request["taskToken"]
        if machine_of(token) is None:
            raise _invalid_token()
        try:
            output = _json(request["output"])
        except ValueError as error:
            raise AwsError("InvalidOutput", f"Invalid Output: {error}") from error
        self._settle(token, lambda waiting: waiting.result.set_result(output))
        return {}

    def send_task_failure(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """SendTaskFailure."""
        failure = StateError(request.get("error"), request.get("cause"))
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
                    raise _invalid_token()
                raise AwsError("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
            act(waiting)

        self._await(settle(), 10)

    def _submit(self, execution: Execution, start: tuple[str, Any, dict[str, Any]] | None = None) -> None:
        execution.task = None

        async def begin() -> None:
            execution.task = asyncio.current_task()
            await self._interpreter.run(execution, start)
            execution.let_go()

        asyncio.run_coroutine_threadsafe(begin(), self._loop)

    def _is_forgotten(self, execution: Execution) -> bool:
        if execution.machine.type != "STANDARD":
            return True
        if execution.stopped is None:
            return False
        return (_now() - execution.stopped).total_seconds() > self.cloud.clock.real(NAME_SECONDS)

    def _trace(self, execution: Execution) -> None:
        # The header of the request is preferred to the one in its body (Step Functions API, StartExecution).
        execution.trace_header = tracing.current() or execution.trace_header
        machine = execution.machine
        execution.trace = ExecutionTrace(
            self.cloud.segments,
            execution.arn,
            machine.arn,
            machine.role_arn,
            enabled=bool(machine.tracing.get("enabled")),
            header=execution.trace_header,
        )

    def _noted(self, execution: Execution, event: dict[str, Any]) -> None:
        self._logs.note(execution, event)
        if execution.trace is not None:
            execution.trace.noted(event)
        standard = execution.machine.type == "STANDARD"
        if standard and event["type"] in TOLD_AT and not self.cloud.stopping.is_set():
            self.cloud.service_event(SOURCE, DETAIL_TYPE, detail(execution), [execution.arn])

    def _await(self, coroutine: Coroutine[Any, Any, T], seconds: float) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(seconds)

    def _cancel(self, execution: Execution) -> None:
        async def cancel() -> None:
            # An execution that was started just now has no task yet.
            while execution.task is None and execution.status == "RUNNING":
                await asyncio.sleep(0)
            if execution.task is not None:
                execution.task.cancel()

        self._await(cancel(), 10)

    def _execution_arn(self, machine: Machine, name: str) -> str:
        if machine.type == "EXPRESS":
            return self.cloud.arn("states", f"express:{machine.name}:{name}:{uuid.uuid4()}")
        return self.cloud.arn("states", f"execution:{machine.name}:{name}")

    def _machine(self, arn: str) -> Machine:
        machine = self._machines.get(arn)
        if machine is None:
            _check_arn(arn)
            raise AwsError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")
        return machine

    def _tagged(self, arn: str) -> Machine:
        _check_arn(arn)
        machine = self._machines.get(arn)
        if machine is None:
            raise AwsError("ResourceNotFound", f"Resource not found: '{arn}'")
        return machine

    def _execution(self, arn: str) -> Execution:
        execution = self._executions.get(arn)
        if arn.split(":")[5:6] == ["express"]:
            raise AwsError("InvalidArn", "Invalid Arn: 'Resource type not valid in this context: express'")
        if execution is None:
            _check_arn(arn)
            raise AwsError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
        return execution


def _invalid_token() -> AwsError:
    return AwsError("InvalidToken", "Invalid Token: 'Invalid token'")


async def _cancel_others() -> None:
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def _now() -> datetime:
    # To the thousandth, as it is told everywhere.
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def _check_arn(arn: str) -> None:
    if not arn.startswith("arn:"):
        raise AwsError("InvalidArn", f"Invalid Arn: 'Invalid ARN prefix: {arn}'")


def _no_logging(why: str) -> AwsError:
    return AwsError("InvalidLoggingConfiguration", f"Invalid Logging Configuration: {why}")


def _check_offered(request: dict[str, Any]) -> None:
    if any(request.get(member) for member in _PUBLISHING):
        raise AwsError("ValidationException", "the sandbox does not offer versions of state machines (publish)")
    if request.get("encryptionConfiguration", {}).get("type", "AWS_OWNED_KEY") != "AWS_OWNED_KEY":
        raise AwsError(
            "InvalidEncryptionConfiguration", "the sandbox encrypts no state machines with customer managed keys"
        )


def _with_data(request: dict[str, Any]) -> bool:
    return bool(request.get("includedData") != "METADATA_ONLY")


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise AwsError("InvalidName", f"Invalid Name: '{name}'")


def _input(text: str) -> Any:
    if not text.strip():
        raise AwsError("InvalidExecutionInput", "Invalid State Machine Execution Input: 'Invalid execution input.'")
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
