"""A program's resources as the engine's monitor exchanges them, without the engine."""

import gc
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pulumi.runtime import MockCallArgs, MockResourceArgs, Mocks, set_all_config, set_mocks, settings
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.rpc_manager import RPCManager
from pulumi.runtime.stack import run_pulumi_func

from eda_policies import directly, physical, policy_documents
from eda_policies.resource import newest

ACCOUNT = "123456789012"
REGION = "eu-central-1"


@dataclass
class Recording:
    """What a program registered.

    Attributes:
        registrations: requests and responses (``RegisterResource``), with the dependencies of each property, and the
            marks of what is secret or unknown.
        outputs: of components and of the stack by URN (``RegisterResourceOutputs``), in the same form.
        config: what the program was configured with.
    """

    registrations: list[tuple[Any, Any]] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)


class _Outputs(Mocks):
    """Gives each resource what others refer to it by; in a preview that is unknown."""

    def __init__(self, preview: bool, region: str) -> None:
        self._preview = preview
        self._region = region

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        given = policy_documents.as_text(args.inputs)
        if self._preview:
            return None, given
        if not args.typ.startswith("aws:"):
            return f"{args.name}-id", given
        computed = physical.outputs(newest(args.typ), args.name, args.inputs, self._region, ACCOUNT)
        identity = computed["bucket"] if newest(args.typ) == "aws:s3/bucket:Bucket" else f"{args.name}-id"
        return identity, {**computed, **given}

    def call(self, args: MockCallArgs) -> Any:
        match args.token:
            case "aws:index/getCallerIdentity:getCallerIdentity":
                return {"accountId": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:root", "userId": ACCOUNT}
            case "aws:index/getRegion:getRegion":
                return {"region": self._region, "name": self._region}
            case "aws:index/getPartition:getPartition":
                return {"partition": "aws", "dnsSuffix": "amazonaws.com"}
            case "aws:iam/getPolicyDocument:getPolicyDocument":
                made = policy_documents.of_arguments(args.args)
                return {**args.args, "json": made, "minifiedJson": made, "id": "0"}
        return dict(args.args)


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
    recording = Recording(config=dict(config or {}))
    mocks = _Outputs(preview, str(recording.config.get("aws:region") or REGION))
    given = (config or {}).items()
    set_all_config({key: value if isinstance(value, str) else json.dumps(value) for key, value in given})
    collects = gc.isenabled()
    # Tens of thousands of futures live to the program's end: looking for garbage among them takes half of the time.
    gc.disable()
    try:
        with directly.answered() as loop:
            _forget()
            set_mocks(mocks, project=project, stack=stack, preview=preview, monitor=_Monitor(mocks, recording))
            loop.run_until_complete(run_pulumi_func(lambda: _run(program)))
            _forget()
    finally:
        if collects:
            gc.enable()
    return recording


def _run(program: Callable[[], object]) -> None:
    program()


def _forget() -> None:
    """Pulumi keeps the last program's state in globals: with it a second one registers no stack."""
    settings.SETTINGS.rpc_manager = RPCManager()  # type: ignore[no-untyped-call]  # untyped in Pulumi
    settings.SETTINGS.outputs.clear()
    settings.ROOT.set(None)
