"""A client of the provider as the engine is one: runs a program and makes its resources over gRPC."""

import asyncio
import runpy
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime import MockCallArgs, MockResourceArgs, Mocks, rpc, set_all_config, set_mocks, settings
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, resource_pb2
from pulumi.runtime.rpc_manager import RPCManager
from pulumi.runtime.stack import run_pulumi_func


@dataclass
class Made:
    """A resource that the provider made."""

    type: str
    urn: str
    name: str
    id: str
    inputs: Struct
    state: Struct

    def told(self) -> dict[str, Any]:
        """Its state, with its id."""
        return {**MessageToDict(self.state), "id": self.id}

    def changed(self, changes: Mapping[str, Any]) -> Struct:
        """Its inputs with changes; None takes a property away."""
        news = Struct()
        news.CopyFrom(self.inputs)
        for name, value in changes.items():
            if value is None:
                del news.fields[name]
            else:
                news.update({name: value})
        return news


@dataclass
class Engine:
    """The calls that the engine makes."""

    stub: provider_pb2_grpc.ResourceProviderStub
    made: list[Made] = field(default_factory=list)

    def check(self, type: str, urn: str, name: str, news: Struct) -> provider_pb2.CheckResponse:
        return self.stub.Check(provider_pb2.CheckRequest(urn=urn, news=news, type=type, name=name))

    def create(self, type: str, urn: str, name: str, inputs: Struct) -> Made:
        checked = self.check(type, urn, name, inputs)
        assert not checked.failures, checked.failures
        answer = self.stub.Create(provider_pb2.CreateRequest(urn=urn, properties=inputs, type=type, name=name))
        made = Made(type, urn, name, answer.id, inputs, answer.properties)
        self.made.append(made)
        return made

    def diff(self, it: Made, news: Struct) -> provider_pb2.DiffResponse:
        return self.stub.Diff(
            provider_pb2.DiffRequest(
                id=it.id, urn=it.urn, olds=it.state, news=news, old_inputs=it.inputs, type=it.type, name=it.name
            )
        )

    def update(self, it: Made, news: Struct, preview: bool = False) -> None:
        answer = self.stub.Update(
            provider_pb2.UpdateRequest(
                id=it.id,
                urn=it.urn,
                olds=it.state,
                news=news,
                old_inputs=it.inputs,
                type=it.type,
                name=it.name,
                preview=preview,
            )
        )
        if not preview:
            it.inputs, it.state = news, answer.properties

    def read(self, it: Made) -> provider_pb2.ReadResponse:
        return self.stub.Read(
            provider_pb2.ReadRequest(
                id=it.id, urn=it.urn, properties=it.state, inputs=it.inputs, type=it.type, name=it.name
            )
        )

    def delete(self, it: Made) -> None:
        self.stub.Delete(
            provider_pb2.DeleteRequest(id=it.id, urn=it.urn, properties=it.state, type=it.type, name=it.name)
        )

    def run(self, main: Path, project: str, stack: str, config: Mapping[str, str]) -> None:
        """Run a program; its resources are made as it registers them."""
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        # Pulumi keeps the last program's state in globals.
        settings.SETTINGS.rpc_manager = RPCManager()
        settings.SETTINGS.outputs.clear()
        settings.ROOT.set(None)
        set_all_config(dict(config))
        monitor = _Monitor(self)
        set_mocks(_Unused(), project=project, stack=stack, preview=False, monitor=monitor)
        path = [*sys.path]
        sys.path.insert(0, str(main.parent))
        try:
            loop.run_until_complete(run_pulumi_func(lambda: runpy.run_path(str(main), run_name="__main__") and None))
        finally:
            sys.path[:] = path
            loop.close()
            asyncio.set_event_loop(None)


class _Unused(Mocks):
    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        return f"{args.name}-id", dict(args.inputs)

    def call(self, args: MockCallArgs) -> Any:
        raise AssertionError(args.token)


class _Monitor(MockMonitor):
    def __init__(self, engine: Engine) -> None:
        super().__init__(_Unused())
        self._engine = engine

    def RegisterResource(self, request: Any) -> Any:
        if not request.type.startswith("aws:"):
            return super().RegisterResource(request)
        urn = self.make_urn(request.parent, request.type, request.name)
        inputs = Struct()
        inputs.update({name: _bare(value) for name, value in request.object.items()})
        made = self._engine.create(request.type, urn, request.name, inputs)
        return resource_pb2.RegisterResourceResponse(urn=urn, id=made.id, object=made.state)

    def Invoke(self, request: Any) -> Any:
        answer = self._engine.stub.Invoke(provider_pb2.InvokeRequest(tok=request.tok, args=request.args))
        return resource_pb2.ResourceInvokeResponse(**{"return": getattr(answer, "return")})


def _bare(value: Any) -> Any:
    """What the engine hands to a provider that takes no secrets."""
    if isinstance(value, Struct):
        if rpc._special_sig_key in value and value[rpc._special_sig_key] == rpc._special_secret_sig:
            return _bare(value["value"])
        bare = Struct()
        bare.update({name: _bare(item) for name, item in value.items()})
        return bare
    return value
