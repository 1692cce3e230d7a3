"""In languages whose maps have no order the order of a map changes nothing: through the plugin, as engines call it."""

import asyncio
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from typing import Any

import grpc
import pulumi_aws_eda
import pytest
from google.protobuf import empty_pb2
from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime import rpc
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.proto import engine_pb2_grpc, provider_pb2, provider_pb2_grpc, resource_pb2, resource_pb2_grpc
from pulumi_aws_eda.testing import RecordingMocks, record

from tests.unit import component_cases
from tests.unit.test_plugin import COMPONENTS, as_sent, inputs_of, provider

pytestmark = pytest.mark.slow  # plugins in processes of their own, and every component several times

# The components as the cases name them: there they are replaced by what is sent.
programs: Any = component_cases
PROCESSES = 2
ARN = "arn:aws:lambda:eu-central-1:123456789012:function"
COLUMNS = {"order_id": "STRING", "version": "INTEGER", "paid": "BOOLEAN", "at": "DATETIME"}


def idempotent_lambda() -> None:
    programs.IdempotentLambda(
        "maps",
        {
            "code": component_cases.CODE,
            "environment": {name: name for name in "DCBA"},
            "grants": {f"May{name}": {"actions": ["s3:GetObject"], "resources": [name]} for name in "DCBA"},
            "tags": {name: name for name in "dcba"},
            "event_source": {"pattern": {"source": ["s"], "detail": {name: [name] for name in "dcba"}}},
            "schedule": {"expression": "rate(1 hour)", "detail": {name: name for name in "dcba"}},
        },
    )


def batched_firehose_sink() -> None:
    programs.BatchedFirehoseSink("maps", {"direct_put": {"columns": dict.fromkeys("dcba", "string")}})


def table_outbox() -> None:
    filter = {name: [name, {"prefix": name}] for name in "dcba"}
    source = {"stream_arn": f"{component_cases.TABLE}/stream/x", "key": "id", "attributes": ["a"], "filter": filter}
    queue = "arn:aws:sqs:eu-central-1:123456789012:queue"
    programs.TableOutbox("maps", {"table_stream_source": source, "queue_arn": queue})


def event_api() -> None:
    function = {"function_name": "get", "invoke_arn": f"{ARN}:get/invocations"}
    schema = {"type": "object", "properties": {name: {"type": "string"} for name in "dcba"}}
    routes = {f"POST /{name}/{{id}}": {"function": function, "request_schema": schema} for name in "dcba"}
    programs.EventApi("maps", {"routes": routes})


def spice_refresh() -> None:
    programs.SpiceRefresh(
        "maps",
        {
            "statement_prefix": "load-",
            "data_sets": {
                name: {"schema_name": "s", "table_name": name, "columns": COLUMNS, "deleted_column": "gone"}
                for name in ("d", "c", "b", "a")
            },
            "data_source_arn": "arn:aws:quicksight:eu-central-1:123456789012:datasource/x",
            "owner_arns": [component_cases.USER],
        },
    )


def observability() -> None:
    names = {name: f"name-{name}" for name in "dcba"}
    programs.Observability(
        "maps",
        {
            "observed": [{"log_groups": ["/g"], "tables": ["t"], "queues": ["q"]}],
            "functions": names,
            "state_machines": {name: f"{component_cases.MACHINE}-{name}" for name in "dcba"},
            "delivery_streams": names,
            "pipes": names,
            "dead_letter_queues": names,
        },
    )


CASES: dict[str, tuple[str, Callable[[], None]]] = {
    **{name: (name, case) for name, case in component_cases.CASES.items()},
    "IdempotentLambda, maps": ("IdempotentLambda", idempotent_lambda),
    "BatchedFirehoseSink, maps": ("BatchedFirehoseSink", batched_firehose_sink),
    "TableOutbox, maps": ("TableOutbox", table_outbox),
    "EventApi, maps": ("EventApi", event_api),
    "SpiceRefresh, maps": ("SpiceRefresh", spice_refresh),
    "Observability, maps": ("Observability", observability),
}
"""The component and a program of it; those with maps of several members beside those of all other tests."""


def shuffled(value: Any, chance: random.Random) -> Any:
    """The same with the members of every map in another order."""
    if isinstance(value, dict):
        items = list(value.items())
        chance.shuffle(items)
        return {key: shuffled(item, chance) for key, item in items}
    return [shuffled(item, chance) for item in value] if isinstance(value, list) else value


def sent(name: str, case: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A program's arguments as another language sends them."""
    given: dict[str, Any] = {}

    def construct(_: str, args: dict[str, Any]) -> None:
        definition = provider()._component_defs[name]
        given.update(as_sent(args, definition.inputs, definition.inputs_mapping))

    with monkeypatch.context() as patched:
        patched.setattr(component_cases, name, construct)
        case()
    return given


def turned(value: Any) -> Any:
    """The same with the members of every map the other way round: each two of them stand in the other order."""
    if isinstance(value, dict):
        return {key: turned(item) for key, item in reversed(value.items())}
    return [turned(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("title", CASES)
def test_the_order_of_maps_changes_nothing(title: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, case = CASES[title]
    given = sent(name, case, monkeypatch)
    made = [
        record(lambda args=args: provider().construct("it", f"aws-eda:index:{name}", args))  # type: ignore[misc]
        for args in (given, turned(given), shuffled(given, random.Random(0)))
    ]
    assert len(made[0].resources) > 1
    assert all(inputs_of(each) == inputs_of(made[0]) for each in made[1:])


def test_columns_are_an_order_that_reaches_the_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    given = sent("PerObjectQuery", component_cases.CASES["PerObjectQuery"], monkeypatch)
    assert [column["name"] for column in given["columns"]] == ["order_id", "version", "deleted"]
    args = {**given, "columns": given["columns"][::-1]}
    made = record(lambda: provider().construct("it", "aws-eda:index:PerObjectQuery", args))
    table = made.one("aws:glue/catalogTable:CatalogTable", "it-table").inputs["storageDescriptor"]
    assert [column["name"] for column in table["columns"]] == ["deleted", "version", "order_id"]


class _Monitor(resource_pb2_grpc.ResourceMonitorServicer):
    """The engine's side of a construction: what is registered is kept."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.begin()

    def begin(self) -> None:
        self.made: dict[tuple[str, str], Any] = {}
        self._monitor = MockMonitor(RecordingMocks())

    def SupportsFeature(self, request: Any, context: Any) -> Any:
        return resource_pb2.SupportsFeatureResponse(hasSupport=request.id != "outputValues")

    def GetDeploymentInfo(self, request: Any, context: Any) -> Any:
        return self._monitor.GetDeploymentInfo(request)  # type: ignore[no-untyped-call]  # untyped in Pulumi

    def Invoke(self, request: Any, context: Any) -> Any:
        with self._lock:
            return self._monitor.Invoke(request)  # type: ignore[no-untyped-call]  # untyped in Pulumi

    def RegisterResource(self, request: Any, context: Any) -> Any:
        with self._lock:
            self.made[request.type, request.name] = MessageToDict(request.object)
            return self._monitor.RegisterResource(request)  # type: ignore[no-untyped-call]  # untyped in Pulumi

    def RegisterResourceOutputs(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()


class _Engine(engine_pb2_grpc.EngineServicer):
    def Log(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()


@contextmanager
def engine() -> Iterator[tuple[_Monitor, str]]:
    """An engine that plugins can call, and its address."""
    server, monitor = grpc.server(futures.ThreadPoolExecutor(8)), _Monitor()
    resource_pb2_grpc.add_ResourceMonitorServicer_to_server(monitor, server)
    engine_pb2_grpc.add_EngineServicer_to_server(_Engine(), server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield monitor, address
    finally:
        server.stop(None)


@contextmanager
def plugin(address: str) -> Iterator[provider_pb2_grpc.ResourceProviderStub]:
    """A process of the plugin."""
    command = [sys.executable, str(COMPONENTS), address]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            with grpc.insecure_channel(f"127.0.0.1:{process.stdout.readline().strip()}") as channel:
                yield provider_pb2_grpc.ResourceProviderStub(channel)
        finally:
            process.kill()


@pytest.mark.timeout(600)
def test_every_process_of_the_plugin_makes_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process reads each map in an order of its own, which its hashes' seed decides."""
    given = {title: sent(name, case, monkeypatch) for title, (name, case) in CASES.items()}
    record(lambda: None)
    first: dict[str, Any] = {}
    with engine() as (monitor, address):
        for seed in range(PROCESSES):
            with plugin(address) as stub:
                for title, (name, _) in CASES.items():
                    monitor.begin()
                    args = shuffled(given[title], random.Random(seed))
                    stub.Construct(
                        provider_pb2.ConstructRequest(
                            project="project",
                            stack="test",
                            monitorEndpoint=address,
                            type=f"aws-eda:index:{name}",
                            name="it",
                            inputs=asyncio.run(serialized(args)),
                            accepts_output_values=True,
                        ),
                        timeout=60,
                    )
                    assert len(monitor.made) > 1
                    assert monitor.made == first.setdefault(title, monitor.made), title


async def serialized(args: dict[str, Any]) -> Struct:
    """Arguments as they go over the wire."""
    return await rpc.serialize_properties(args, {})


def test_every_component_is_there() -> None:
    assert {name for name, _ in CASES.values()} == {
        name for name in pulumi_aws_eda.__all__ if name in component_cases.CASES
    }
