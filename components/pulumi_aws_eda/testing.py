"""For tests of stacks: runs a program under mocks that record, and finds what it made.

recording = record(lambda: IdempotentLambda("f", {"code": archive}))
assert recording.one("aws:lambda/function:Function").inputs["timeout"] == 10

Tests against AWS's behaviour use pytest's fixture ``eda_sandbox`` (``eda_sandbox.pytest_plugin``).
"""

import asyncio
import contextlib
import gc
import json
import types
from collections.abc import Callable, Coroutine, Generator, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import pulumi
from pulumi.runtime import MockCallArgs, MockResourceArgs, Mocks, set_all_config, set_mocks, settings
from pulumi.runtime import mocks as pulumi_mocks
from pulumi.runtime import resource as pulumi_resource
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.proto import source_pb2
from pulumi.runtime.rpc_manager import RPCManager
from pulumi.runtime.stack import run_pulumi_func
from pulumi.runtime.sync_await import _sync_await

ACCOUNT = "123456789012"
REGION = "eu-central-1"
REGIONS = {"aws": REGION, "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
"""Where a program runs, by partition."""


_IN_ARNS = {
    "aws:cloudwatch/eventBus:EventBus": "events",
    "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream": "firehose",
    "aws:sfn/stateMachine:StateMachine": "states",
}
"""How ARNs spell the service, where Pulumi's module has another name."""


@dataclass(frozen=True)
class Recorded:
    """A resource that a program registered.

    Attributes:
        type: its type token.
        name: its logical name.
        inputs: its properties, in camel case as the engine sees them.
        parent: URN of its parent.
    """

    type: str
    name: str
    inputs: Mapping[str, Any]
    parent: str

    def json(self, key: str) -> Any:
        """A property that holds a JSON document."""
        return json.loads(self.inputs[key])


@dataclass
class Recording:
    """All that a program registered and exported."""

    resources: list[Recorded] = field(default_factory=list)
    exports: dict[str, Any] = field(default_factory=dict)
    registrations: list[tuple[Any, Any]] = field(default_factory=list)
    """Requests and responses as the engine's monitor exchanges them (``RegisterResource``), with the dependencies of
    each property, and the marks of what is secret or unknown."""
    outputs: dict[str, Any] = field(default_factory=dict)
    """Outputs of components and of the stack by URN (``RegisterResourceOutputs``), in the same form."""

    def of(self, type: str) -> dict[str, Recorded]:
        """The resources of a type, by logical name."""
        return {found.name: found for found in self.resources if found.type == type}

    def one(self, type: str, name: str | None = None) -> Recorded:
        """The one resource of a type, or of a type and a name.

        Raises:
            LookupError: there is none, or more than one.
        """
        found = [r for r in self.resources if r.type == type and name in (None, r.name)]
        if len(found) != 1:
            have = sorted(f"{r.type} {r.name}" for r in self.resources)
            raise LookupError(f"{len(found)} resources match {type} {name or ''}; there are: {', '.join(have)}")
        return found[0]

    def names(self) -> set[tuple[str, str]]:
        """Type and logical name of every resource of a provider, without components."""
        return {(r.type, r.name) for r in self.resources if r.type.startswith("aws:")}

    def statements(self, role_policy: str) -> dict[str, Any]:
        """The statements of a role's policy, by Sid."""
        document = self.one("aws:iam/rolePolicy:RolePolicy", role_policy).json("policy")
        return {statement["Sid"]: statement for statement in document["Statement"]}


class RecordingMocks(Mocks):
    """Mocks that give each resource an id and an ARN and keep what it was given; in a preview both are unknown."""

    def __init__(self, preview: bool = False, partition: str = "aws") -> None:
        self.recording = Recording()
        self.preview = preview
        self.partition, self.region = partition, REGIONS[partition]
        self.dns_suffix = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
        self.parents: dict[tuple[str, str], str] = {}

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        """Record a resource."""
        service = args.typ.split(":")[1].split("/")[0] if args.typ.startswith("aws:") else ""
        parent = self.parents.get((args.typ, args.name), "")
        self.recording.resources.append(Recorded(args.typ, args.name, dict(args.inputs), parent))
        given = _documents_as_text(args.inputs)
        if self.preview:
            return None, given
        physical = args.inputs.get("name") or args.inputs.get("bucket") or args.name
        arn, place, host = f"arn:{self.partition}", f"{self.region}:{ACCOUNT}", f"{self.region}.{self.dns_suffix}"
        outputs = {
            "name": physical,
            "arn": f"{arn}:{_IN_ARNS.get(args.typ, service)}:{place}:{args.typ.rpartition(':')[2].lower()}/{physical}",
            "url": f"https://{service}.{host}/{ACCOUNT}/{physical}",
            "executionArn": f"{arn}:execute-api:{place}:{args.name}",
            "invokeUrl": f"https://{args.name}.execute-api.{host}/v1",
            "invokeArn": f"{arn}:apigateway:{self.region}:lambda:path/{physical}",
            "value": "secret-value-of-a-key",
            "endpoints": [{"address": f"{physical}.{ACCOUNT}.{self.region}.{service}.{self.dns_suffix}", "port": 5439}],
            "adminPasswordSecretArn": f"{arn}:secretsmanager:{place}:secret:{physical}",
            **given,
        }
        if args.inputs.get("streamEnabled"):
            outputs["streamArn"] = f"{outputs['arn']}/stream/2026-01-01T00:00:00.000"
        return f"{args.name}-id", outputs if service else given

    def call(self, args: MockCallArgs) -> Any:
        """Answer where the program runs."""
        match args.token:
            case "aws:index/getCallerIdentity:getCallerIdentity":
                return {"accountId": ACCOUNT, "arn": f"arn:{self.partition}:iam::{ACCOUNT}:root", "userId": ACCOUNT}
            case "aws:index/getRegion:getRegion":
                return {"region": self.region, "name": self.region}
            case "aws:index/getPartition:getPartition":
                return {"partition": self.partition, "dnsSuffix": self.dns_suffix}
        return {}


def _documents_as_text(value: Any) -> Any:
    """Inputs as the provider returns them: a policy document that was given as a map is a JSON text."""
    if isinstance(value, Mapping):
        if "Statement" in value and not set(value) - {"Statement", "Version", "Id"}:
            return json.dumps(value)
        return {key: _documents_as_text(item) for key, item in value.items()}
    return [_documents_as_text(item) for item in value] if isinstance(value, list) else value


class _Monitor(MockMonitor):
    """Keeps what the mocks are not told: the parent of each resource, and the messages themselves."""

    def __init__(self, mocks: RecordingMocks) -> None:
        super().__init__(mocks)
        self._parents = mocks.parents
        self._recording = mocks.recording

    def RegisterResource(self, request: Any) -> Any:
        self._parents[request.type, request.name] = request.parent
        response = super().RegisterResource(request)  # type: ignore[no-untyped-call]  # untyped in Pulumi
        self._recording.registrations.append((request, response))
        return response

    def RegisterResourceOutputs(self, request: Any) -> Any:
        self._recording.outputs[request.urn] = request.outputs
        return super().RegisterResourceOutputs(request)  # type: ignore[no-untyped-call]  # untyped in Pulumi


def record(
    program: Callable[[], object],
    config: Mapping[str, Any] | None = None,
    project: str = "project",
    stack: str = "test",
    preview: bool = False,
    partition: str = "aws",
) -> Recording:
    """Run a program under recording mocks.

    Args:
        program: registers resources; what it raises is raised here.
        config: config values by full key (``project:key``); what is no string is given as JSON.
        project: the project's name.
        stack: the stack's name.
        preview: outputs of resources are unknown, as in a preview.
        partition: of the account, one of ``REGIONS``.

    Returns:
        What was registered, in order, and the exports.
    """
    mocks = RecordingMocks(preview, partition)
    strings = {key: value if isinstance(value, str) else json.dumps(value) for key, value in (config or {}).items()}
    with _collector_paused(), _calls_are_direct():
        set_all_config(strings)
        _run(program, mocks, project, stack)
    return mocks.recording


def _run(program: Callable[[], object], mocks: RecordingMocks, project: str, stack: str) -> None:
    loop = asyncio.new_event_loop()
    loop.set_default_executor(_Here())
    asyncio.set_event_loop(loop)
    _forget()
    set_mocks(mocks, project=project, stack=stack, preview=mocks.preview, monitor=_Monitor(mocks))

    def run() -> None:
        program()

    try:
        loop.run_until_complete(run_pulumi_func(run))
        root = settings.get_root_resource()
        outputs = dict(getattr(root, "outputs", None) or {})
        mocks.recording.exports = {name: loop.run_until_complete(_value(value)) for name, value in outputs.items()}
    finally:
        # What is not held any more goes here, and the collector has not to look through it.
        _forget()
        loop.close()
        asyncio.set_event_loop(None)


def _forget() -> None:
    """Pulumi keeps the last program's state in globals: with it a second one registers no stack and leaks exports."""
    settings.SETTINGS.rpc_manager = RPCManager()  # type: ignore[no-untyped-call]  # untyped in Pulumi
    settings.SETTINGS.outputs.clear()
    settings.ROOT.set(None)


@contextlib.contextmanager
def _collector_paused() -> Iterator[None]:
    """A program makes tens of thousands of futures that all live to its end: looking for garbage among them again and
    again takes half of the time."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


class _Here(ThreadPoolExecutor):
    """Runs what it is given at once: Pulumi's calls of the engine wait for nothing where mocks answer, and a thread and
    an event loop for each would take a tenth of the time."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as error:
            done.set_exception(error)
        return done


@contextlib.contextmanager
def _calls_are_direct() -> Iterator[None]:
    """Pulumi's mocks answer without other tasks of the loop running meanwhile, and without the place in the source of
    each resource, which is for the engine's messages and takes another tenth."""
    direct = ((pulumi_mocks, "_sync_await", _at_once), (pulumi_resource, "_get_stack_trace", source_pb2.StackTrace))
    with contextlib.ExitStack() as stack:
        for module, name, answer in direct:
            # They are no part of Pulumi's interface: without them it takes longer, and no more.
            if hasattr(module, name):
                stack.enter_context(patch.object(module, name, answer))
        yield


def _at_once(answer: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine that waits for nothing; for one that does, the loop runs as it does in Pulumi."""
    try:
        first = answer.send(None)
    except StopIteration as done:
        return done.value
    return _sync_await(_rest(answer, first))


@types.coroutine
def _rest(answer: Coroutine[Any, Any, Any], waits_for: Any) -> Generator[Any, Any, Any]:
    yield waits_for
    return (yield from answer)


async def _value(value: Any) -> Any:
    return await pulumi.Output.from_input(value).future()
