"""The workflow's own definitions, runtime and redrive on fakes of their services.

Every call can fail, every answer can be lost, every execution can be stopped, and time passes when it is told to. The
state machines are those that the components deploy, run by the sandbox's interpreter on a loop of virtual time; rows
and callbacks are written by the code that runs on Lambda. So a week takes a millisecond, and what happens is decided by
the script of a test alone.
"""

import asyncio
import json
import selectors
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from types import SimpleNamespace
from typing import Any

import pulumi
from botocore.exceptions import ClientError, EndpointConnectionError
from eda_runtime import workflow
from eda_runtime.callbacks import CallbackStore
from eda_runtime.workflow_rows import WorkflowRows
from eda_sandbox.foundation.clock import Clock
from eda_sandbox.services.stepfunctions.execution import Execution, Machine
from eda_sandbox.services.stepfunctions.failure import StateError
from eda_sandbox.services.stepfunctions.interpreter import Interpreter
from pulumi_aws_eda._parts.api import admission
from pulumi_aws_eda._parts.workflow import callback_definition
from pulumi_aws_eda.testing import record

from pipeline.redrive import Redrive
from tests.runtime.memory_dynamodb import MemoryDynamoDB

MACHINE = "arn:aws:states:eu-central-1:123456789012:stateMachine:orders"
ADMISSION = "arn:aws:states:eu-central-1:123456789012:stateMachine:admission"
ORDERS, CALLBACKS, QUEUE = "orders", "callbacks", "https://sqs/orders-dlq"
WAIT_SECONDS = 7 * 24 * 3600
OUTPUTS = {
    "workflow_dlq_url": QUEUE,
    "orders_table_name": ORDERS,
    "callback_table_name": CALLBACKS,
    "workflow_arn": MACHINE,
}


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose time passes only while nothing can be done."""

    def __init__(self) -> None:
        self._virtual = 0.0
        loop = self

        class Selector(selectors.SelectSelector):
            def select(self, timeout: float | None = None) -> Any:
                if timeout is not None and timeout > 0:
                    loop._virtual += timeout
                return super().select(0)

        super().__init__(Selector())

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self._virtual

    def pass_time(self, seconds: float) -> None:
        """Run all that is due until so many seconds later."""
        self.call_at(self._virtual + seconds, self.stop)
        self.run_forever()

    def step(self) -> None:
        """Let each that can go on do one thing."""
        self.call_soon(self.stop)
        self.run_forever()


class _Inline(Executor):
    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as raised:
            future.set_exception(raised)
        return future


@dataclass
class Fault:
    """Calls of a service that go wrong: ``length`` of them behind the first ``after``."""

    service: str
    kind: str
    after: int
    length: int


class Exists(ClientError):
    """An execution of that name was there before."""


class Missing(ClientError):
    """There is no such execution."""


class Queue:
    """A queue whose messages are seen by one drain once."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.messages: dict[str, str] = {}
        self._seen: set[str] = set()
        self._sent = 0

    def send_message(self, QueueUrl: str, MessageBody: str, **_: Any) -> dict[str, Any]:
        def send() -> dict[str, Any]:
            self._sent += 1
            self.messages[f"m-{self._sent}"] = MessageBody
            return {"MessageId": f"m-{self._sent}"}

        return self._world.call("sqs", "SendMessage", send)

    def receive_message(self, **_: Any) -> dict[str, Any]:
        def receive() -> dict[str, Any]:
            for id, body in self.messages.items():
                if id not in self._seen:
                    self._seen.add(id)
                    return {"Messages": [{"MessageId": id, "ReceiptHandle": id, "Body": body}]}
            return {}

        return self._world.call("sqs", "ReceiveMessage", receive)

    def delete_message(self, QueueUrl: str, ReceiptHandle: str) -> dict[str, Any]:
        return self._world.call("sqs", "DeleteMessage", lambda: {"gone": self.messages.pop(ReceiptHandle, None)})

    def visible_again(self) -> None:
        """All that is left is seen again."""
        self._seen.clear()


class StepFunctions:
    """Executions by name; a name is used once."""

    exceptions = SimpleNamespace(ExecutionAlreadyExists=Exists, ExecutionDoesNotExist=Missing)

    def __init__(self, world: "World") -> None:
        self._world = world
        self.executions: dict[str, Execution] = {}

    def start_execution(self, stateMachineArn: str, name: str, input: str) -> dict[str, Any]:
        return self._world.call("states", "StartExecution", lambda: self._start(name, input))

    def describe_execution(self, executionArn: str) -> dict[str, Any]:
        return self._world.call("states", "DescribeExecution", lambda: self._describe(executionArn))

    def send_task_success(self, taskToken: str, output: str) -> dict[str, Any]:
        def send() -> dict[str, Any]:
            waiting = self._world.tokens.get(taskToken)
            if waiting is None or waiting.result.done():
                raise ClientError({"Error": {"Code": "TaskTimedOut", "Message": ""}}, "SendTaskSuccess")
            waiting.result.set_result(json.loads(output))
            return {}

        return self._world.call("states", "SendTaskSuccess", send)

    def _start(self, name: str, input: str) -> dict[str, Any]:
        known = self.executions.get(name)
        if known is not None and (known.status != "RUNNING" or json.loads(known.input_text) != json.loads(input)):
            raise Exists({"Error": {"Code": "ExecutionAlreadyExists", "Message": ""}}, "StartExecution")
        if known is None:
            self.executions[name] = self._world.run(self._world.workflow, name, input)
        return {"executionArn": self.executions[name].arn}

    def _describe(self, arn: str) -> dict[str, Any]:
        found = self.executions.get(arn.rpartition(":")[2])
        if found is None:
            raise Missing({"Error": {"Code": "ExecutionDoesNotExist", "Message": ""}}, "DescribeExecution")
        told = {"status": found.status, "input": found.input_text, "executionArn": arn}
        return told | {key: value for key, value in (("error", found.error), ("cause", found.cause)) if value}


@dataclass
class World:
    """Everything, and what happened in it.

    Attributes:
        faults: what goes wrong.
        answers: what the called function does, one after the other; then it answers well.
        events: whether EventBridge tells of the next execution that ended badly; then it does.
        accepted: order ids by key that a client was told were accepted.
        written: the statuses that were written at each version of each order.
        completed: how often an order became ``COMPLETED``.
        stepped: its workflow has further steps: one for each item of a list, and one behind the wait.
    """

    faults: list[Fault] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    events: list[bool] = field(default_factory=list)
    accepted: dict[str, str] = field(default_factory=dict)
    written: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    completed: Counter[str] = field(default_factory=Counter)
    stepped: bool = False

    def __post_init__(self) -> None:
        self.begun: set[str] = set()
        self.loop = VirtualLoop()
        self.counts: Counter[str] = Counter()
        self.tokens: dict[str, Any] = {}
        self.sqs, self.stepfunctions = Queue(self), StepFunctions(self)
        self.memory = MemoryDynamoDB(keys={ORDERS: ("order_id",)})
        self.dynamodb = _Faulty(self)
        self.store = CallbackStore(self.dynamodb, self.stepfunctions, CALLBACKS)
        self.rows = WorkflowRows(self.dynamodb, self.stepfunctions, self.sqs, ORDERS, "order_id", MACHINE, QUEUE)
        self._interpreter = Interpreter(Clock(), _Tasks(self), _Inline(), self.tokens)  # type: ignore[arg-type]  # as Tasks
        self.workflow = _machine(MACHINE, "STANDARD", definitions()["stepped" if self.stepped else "workflow"])
        self.admission = _machine(ADMISSION, "EXPRESS", definitions()["admission"])
        self._ended: list[str] = []
        self._link: Any = SimpleNamespace(
            client=self.stepfunctions,
            key="order_id",
            rows_client=self.dynamodb,
            rows_table_name=ORDERS,
            state_machine_arn=MACHINE,
        )

    def call(self, service: str, operation: str, act: Callable[[], Any]) -> Any:
        """One call of a service, as the faults let it be."""
        number = self.counts[service]
        self.counts[service] += 1
        hit = next((f for f in self.faults if f.service == service and 0 <= number - f.after < f.length), None)
        if hit is not None and hit.kind == "error":
            raise ClientError({"Error": {"Code": "InternalServerError", "Message": "injected"}}, operation)
        answer = act()
        if hit is not None and hit.kind == "lost":
            raise EndpointConnectionError(endpoint_url=f"https://{service}")
        return answer

    def run(self, machine: Machine, name: str, input: str) -> Execution:
        """Begin an execution."""
        arn = f"{machine.arn.replace(':stateMachine:', ':execution:')}:{name}"
        execution = Execution(arn, name, machine, json.loads(input), input, datetime.now(UTC), lambda *_: None)
        execution.task = self.loop.create_task(self._interpreter.run(execution))
        if machine is self.workflow:
            execution.task.add_done_callback(lambda _: self._ended.append(arn))
        return execution

    def post(self, key: str, tries: int = 1) -> str | None:
        """A client's POST, repeated until it is answered; the order's id when it was told that it is accepted."""
        for attempt in range(tries):
            given = {
                "tenant": "t",
                "key": key,
                "body": json.dumps({"sku": "s"}),
                "correlation_id": "",
                "request_id": f"{key}-{attempt}-{self.counts.total()}",
                "requested_at": 0,
                "traceparent": "",
            }
            execution = self.run(self.admission, f"{key}-{attempt}", json.dumps(given))
            limit = self.loop.time() + 25
            while execution.status == "RUNNING" and self.loop.time() < limit:
                self.loop.pass_time(0.05)
            output = json.loads(execution.output_text or "{}")
            if execution.status == "SUCCEEDED" and output["status"] == 202:
                self.accepted[key] = str(output["id"])
                return self.accepted[key]
            if execution.status == "RUNNING":
                self.stop(execution)
        return None

    def start(self, key: str, tries: int = 1) -> None:
        """A function that starts the workflow itself, with a message that comes until it is dealt with."""
        self.begun.add(key)
        for _ in range(tries):
            try:
                workflow.start(self._link, key, {"sku": "s"}, tenant="t")
            except (ClientError, EndpointConnectionError, workflow.NotStarted):
                continue
            self.accepted[key] = key
            return

    def details(self, order_id: str) -> int:
        """A client's details; the answer's status."""
        row = self.memory.item(ORDERS, order_id)
        if "version" not in row:
            return 404
        if row["status"]["S"] in ("COMPLETED", "FAILED"):
            return 409
        try:
            return 202 if self.store.deliver(order_id, {"to": "Berlin"}).value in ("accepted", "repeated") else 409
        except (ClientError, EndpointConnectionError):
            return 500

    def stop(self, execution: Execution) -> None:
        """End an execution from outside."""
        if execution.task is not None and not execution.task.done():
            execution.task.cancel()
            self.loop.step()
            self.loop.step()
            if execution.status == "RUNNING":
                # It had not begun.
                execution.close("ABORTED", datetime.now(UTC))

    def tell(self) -> None:
        """EventBridge tells the reconciler of what ended badly, unless it does not."""
        while self._ended:
            arn = self._ended.pop()
            execution = self.stepfunctions.executions[arn.rpartition(":")[2]]
            if execution.status != "SUCCEEDED" and (self.events.pop() if self.events else True):
                _quietly(lambda arn=arn: self.rows.end(arn))

    def reconcile(self, grace: timedelta = timedelta(0)) -> None:
        """A run of the reconciler."""
        now = datetime.now(UTC) + timedelta(days=400)
        ids = [
            str(item["order_id"]["S"])
            for item in list(self.memory.tables.get(ORDERS, {}).values())
            if item.get("open", {}).get("S") == "open"
        ]
        for id in ids:
            _quietly(lambda id=id: self.rows.settle(id, now - grace, timedelta(0)))

    def redrive(self, most: int = 100) -> list[str]:
        """A run of the redrive, or its beginning."""
        self.sqs.visible_again()
        said: list[str] = []
        command = Redrive(self.sqs, self.dynamodb, self.stepfunctions, OUTPUTS)

        def run() -> None:
            said.extend(f"{each.order_id}: {each.outcome}" for each in command.run(most))

        _quietly(run)
        return said

    def executions_of(self, order_id: str) -> Iterator[Execution]:
        """The executions of an order."""
        return (e for name, e in self.stepfunctions.executions.items() if name.partition("-")[0] == order_id)

    def close(self) -> None:
        """End what still runs."""
        for execution in self.stepfunctions.executions.values():
            self.stop(execution)
        self.loop.close()


class _Faulty:
    """The memory's client, whose calls go wrong as the world says, and whose writes of orders are noted."""

    exceptions = MemoryDynamoDB.exceptions

    def __init__(self, world: World) -> None:
        self._world = world
        self.meta = SimpleNamespace(events=SimpleNamespace(register=lambda *_: None))

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(**request: Any) -> Any:
            return self._world.call("dynamodb", name, lambda: self._do(name, request))

        return call

    def _do(self, name: str, request: dict[str, Any]) -> Any:
        before = self._row(request)
        answer = getattr(self._world.memory, name)(**request)
        after = self._row(request)
        if after != before and "version" in after:
            id, status = after["order_id"]["S"], after["status"]["S"]
            self._world.written[id, after["version"]["N"]].add(status)
            self._world.completed[id] += status == "COMPLETED"
        return answer

    def _row(self, request: dict[str, Any]) -> dict[str, Any]:
        if request.get("TableName") != ORDERS or not ("Key" in request or "Item" in request):
            return {}
        return dict(self._world.memory.item(ORDERS, (request.get("Key") or request["Item"])["order_id"]["S"]))


class _Tasks:
    """Task resources on the fakes."""

    def __init__(self, world: World) -> None:
        self._world = world

    def waits_for_token(self, resource: str) -> bool:
        return resource.endswith(".waitForTaskToken")

    def run(self, resource: str, parameters: Any, role_arn: str, machine_arn: str, execution_arn: str) -> Any:
        service, _, action = resource.removeprefix("arn:aws:states:::").replace("aws-sdk:", "").partition(":")
        try:
            match service:
                case "dynamodb":
                    name = {"putItem": "put_item", "getItem": "get_item", "updateItem": "update_item"}
                    return getattr(self._world.dynamodb, name.get(action, "delete_item"))(**parameters)
                case "sqs":
                    body = json.dumps(parameters["MessageBody"])
                    return self._world.sqs.send_message(QueueUrl=parameters["QueueUrl"], MessageBody=body)
                case "sfn":
                    return self._world.stepfunctions.start_execution(
                        parameters["StateMachineArn"], parameters["Name"], json.dumps(parameters["Input"])
                    )
                case "cloudwatchlogs":
                    return {}
                case "lambda":
                    return self._world.call("lambda", "Invoke", lambda: self._invoke(parameters))
        except ClientError as raised:
            code = raised.response["Error"]["Code"]
            prefix = {"dynamodb": "DynamoDB", "sfn": "Sfn", "sqs": "SQS", "lambda": "Lambda"}[service]
            known = code in ("ConditionalCheckFailedException", "ExecutionAlreadyExists")
            raise StateError(
                f"{prefix}.{code}{'' if code.endswith('Exception') else 'Exception'}" if known else f"{prefix}.Odd",
                "injected",
            ) from raised
        except EndpointConnectionError as raised:
            prefix = {"dynamodb": "DynamoDB", "sfn": "Sfn", "sqs": "SQS", "lambda": "Lambda"}[service]
            raise StateError(f"{prefix}.SdkClientException", "lost") from raised
        raise AssertionError(resource)

    def _invoke(self, parameters: dict[str, Any]) -> dict[str, Any]:
        payload = parameters["Payload"]
        if "task_token" in payload:
            try:
                self._world.store.keep_token(payload["id"], payload["task_token"])
            except (ClientError, EndpointConnectionError) as raised:
                raise StateError(type(raised).__name__, json.dumps({"errorMessage": "odd"})) from raised
            return {"Payload": {}}
        answer = self._world.answers.pop() if self._world.answers else "well"
        match answer:
            case "well":
                return {"Payload": {"result": {"offers": [1, 2]}}}
            case "nothing":
                return {"Payload": None}
            case "no result":
                return {"Payload": {}}
            case "throttled":
                message = json.dumps({"retry_after_seconds": 7})
                raise StateError("ExternalApiThrottled", json.dumps({"errorMessage": message}))
            case "throttled, no time":
                raise StateError("ExternalApiThrottled", json.dumps({"errorMessage": "later"}))
            case "throttled, odd time":
                message = json.dumps({"retry_after_seconds": -5})
                raise StateError("ExternalApiThrottled", json.dumps({"errorMessage": message}))
            case "killed":
                raise StateError("Runtime.ExitError", "signal: killed")
        raise StateError(answer, json.dumps({"errorMessage": answer}))


ANSWERS = (
    "well",
    "nothing",
    "no result",
    "throttled",
    "throttled, no time",
    "throttled, odd time",
    "killed",
    "ExternalApiUnavailable",
    "ExternalApiRejected",
)


def _quietly(act: Callable[[], Any]) -> None:
    """What fails is told to whoever ran it, who runs it again."""
    try:
        act()
    except (ClientError, EndpointConnectionError):
        return


def _machine(arn: str, kind: str, text: str) -> Machine:
    definition = json.loads(text)
    return Machine(arn, arn.rpartition(":")[2], definition, text, "role", kind, datetime.now(UTC), {}, {})


STEPS: dict[str, Any] = {
    "steps_before_wait": [{"name": "quote", "function_arn": "quote", "items": "result.offers"}],
    "steps_after_wait": [{"name": "settle", "function_arn": "settle"}],
}


def _definitions() -> None:
    for name, steps in (("workflow", {}), ("stepped", STEPS)):
        pulumi.export(
            name,
            callback_definition.definition(
                partition="aws",
                call_function_arn="call",
                token_keeper_arn="keeper",
                table_name=ORDERS,
                key="order_id",
                callback_table_name=CALLBACKS,
                dead_letter_queue_url=QUEUE,
                call_timeout=120,
                wait_timeout=WAIT_SECONDS,
                max_call_attempts=5,
                default_retry_seconds=120,
                waiting_status="AWAITING_DETAILS",
                **steps,
            ),
        )
    pulumi.export(
        "admission",
        admission.definition(
            partition="aws",
            service="api",
            table_name=ORDERS,
            key="order_id",
            state_machine_arn=MACHINE,
            log_group_name="requests",
        ),
    )


@cache
def definitions() -> dict[str, str]:
    """The machines as they are deployed."""
    return dict(record(_definitions).exports)
