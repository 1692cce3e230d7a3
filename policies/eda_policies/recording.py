"""A program's resources as the engine's monitor exchanges them, without the engine."""

import asyncio
import gc
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pulumi.runtime import MockCallArgs, MockResourceArgs, Mocks, set_all_config, set_mocks, settings
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.rpc_manager import RPCManager
from pulumi.runtime.stack import run_pulumi_func

ACCOUNT = "123456789012"
REGION = "eu-central-1"
INVOKES: dict[str, dict[str, str]] = {
    "aws:index/getCallerIdentity:getCallerIdentity": {"accountId": ACCOUNT, "userId": ACCOUNT},
    "aws:index/getRegion:getRegion": {"region": REGION, "name": REGION},
    "aws:index/getPartition:getPartition": {"partition": "aws", "dnsSuffix": "amazonaws.com"},
}


@dataclass
class Recording:
    """What a program registered.

    Attributes:
        registrations: requests and responses (``RegisterResource``), with the dependencies of each property, and the
            marks of what is secret or unknown.
        outputs: of components and of the stack by URN (``RegisterResourceOutputs``), in the same form.
    """

    registrations: list[tuple[Any, Any]] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)


class _Outputs(Mocks):
    """Gives each resource what others refer to it by; in a preview that is unknown."""

    def __init__(self, preview: bool) -> None:
        self._preview = preview

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        if self._preview:
            return None, dict(args.inputs)
        if not args.typ.startswith("aws:"):
            return f"{args.name}-id", dict(args.inputs)
        service, kind = args.typ.split(":")[1].split("/")[0], args.typ.rpartition(":")[2].lower()
        physical = args.inputs.get("name") or args.inputs.get("bucket") or args.name
        arn = f"arn:aws:{service}:{REGION}:{ACCOUNT}:{kind}/{physical}"
        url = f"https://{service}.{REGION}.amazonaws.com/{ACCOUNT}/{physical}"
        return f"{args.name}-id", {
            "name": physical,
            "arn": arn,
            "url": url,
            "executionArn": f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{args.name}",
            "invokeArn": f"arn:aws:apigateway:{REGION}:lambda:path/{physical}",
            "endpoints": [{"address": f"{physical}.{ACCOUNT}.{REGION}.{service}.amazonaws.com", "port": 5439}],
            **args.inputs,
        }

    def call(self, args: MockCallArgs) -> Any:
        return INVOKES.get(args.token, {})


class _Monitor(MockMonitor):
    def __init__(self, mocks: Mocks, recording: Recording) -> None:
        super().__init__(mocks)
        self._recording = recording

    def RegisterResource(self, request: Any) -> Any:
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
) -> Recording:
    """Run a program under mocks and keep what it registers.

    Args:
        program: registers resources; what it raises is raised here.
        config: config values by full key (``project:key``); what is no string is given as JSON.
        project: the project's name.
        stack: the stack's name.
        preview: outputs of resources are unknown, as in a preview.
    """
    recording = Recording()
    mocks = _Outputs(preview)
    given = (config or {}).items()
    set_all_config({key: value if isinstance(value, str) else json.dumps(value) for key, value in given})
    # Pulumi keeps the last program's state in globals: without this a second one registers no stack.
    settings.SETTINGS.rpc_manager = RPCManager()  # type: ignore[no-untyped-call]  # untyped in Pulumi
    settings.SETTINGS.outputs.clear()
    settings.ROOT.set(None)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    set_mocks(mocks, project=project, stack=stack, preview=preview, monitor=_Monitor(mocks, recording))

    def run() -> None:
        program()

    collects = gc.isenabled()
    # Tens of thousands of futures live to the program's end: looking for garbage among them takes half of the time.
    gc.disable()
    try:
        loop.run_until_complete(run_pulumi_func(run))
    finally:
        if collects:
            gc.enable()
        loop.close()
        asyncio.set_event_loop(None)
    return recording
