"""The pack without the engine: a program runs under recording mocks, and what it made goes through the analyzer."""

import contextlib
import runpy
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import analyzer_pb2

from eda_policies.analyzer import SharedAnalyzer
from eda_policies.default_tags import DefaultTags
from eda_policies.recording import Recording, record
from eda_policies.rule import Level, Rule
from eda_policies.settings import environment_of

STACK = "pulumi:pulumi:Stack"
_LEVELS = {analyzer_pb2.ADVISORY: Level.ADVISORY, analyzer_pb2.MANDATORY: Level.MANDATORY}


@dataclass(frozen=True)
class Reported:
    """A violation as the engine shows it.

    Attributes:
        rule: the rule's name.
        level: advisory or mandatory.
        urn: of the resource, empty for the stack.
        message: the whole text.
    """

    rule: str
    level: Level
    urn: str
    message: str


@dataclass(frozen=True)
class Requests:
    """What the engine would send for a stack.

    Attributes:
        resources: one request for each resource, with its inputs.
        stack: the request for the whole stack, with outputs.
    """

    resources: Sequence[Any]
    stack: Any


def run(program: Path, stack: str, defaults: Mapping[str, Any] | None = None, preview: bool = False) -> Recording:
    """Run a program under recording mocks.

    Args:
        program: its ``__main__.py``, beside its ``Pulumi.yaml``.
        stack: the stack, whose ``Pulumi.<stack>.yaml`` is read where there is one.
        defaults: values that the stack's file may lack, by full key.
        preview: outputs of resources are unknown.
    """
    given = {**(defaults or {}), **stack_config(program, stack)}

    def executed() -> None:
        # What the program prints is not part of the report; what lies beside it can be imported, as in the engine.
        with contextlib.redirect_stdout(sys.stderr):
            runpy.run_path(str(program))

    sys.path.insert(0, str(program.resolve().parent))
    try:
        return record(executed, given, project(program), stack, preview)
    finally:
        sys.path.remove(str(program.resolve().parent))


def project(program: Path) -> str:
    """The name of a program's project."""
    name: str = yaml.safe_load((program.parent / "Pulumi.yaml").read_text())["name"]
    return name


def stack_config(program: Path, stack: str) -> dict[str, Any]:
    """The config of a stack's file, by full key."""
    file = program.parent / f"Pulumi.{stack}.yaml"
    values: dict[str, Any] = yaml.safe_load(file.read_text()).get("config", {}) if file.exists() else {}
    return {key if ":" in key else f"{project(program)}:{key}": value for key, value in values.items()}


def stacks(program: Path) -> list[str]:
    """The stacks that a program has files for."""
    return sorted(file.name.split(".")[1] for file in program.parent.glob("Pulumi.*.yaml"))


def requests(recording: Recording) -> Requests:
    """The requests that the engine would make of what a program registered."""
    resources, whole = [], analyzer_pb2.AnalyzeStackRequest()
    default_tags = DefaultTags(recording)
    for request, response in recording.registrations:
        inputs = default_tags.inputs(request)
        outputs = Struct()
        outputs.CopyFrom(response.object)
        # The program's own values keep their marks, which the mocks' answer has lost.
        outputs.MergeFrom(_without(outputs, inputs))
        outputs.MergeFrom(recording.outputs.get(response.urn, Struct()))
        if response.id:
            outputs["id"] = response.id
        found = analyzer_pb2.AnalyzerResource(
            type=request.type, properties=outputs, urn=response.urn, name=request.name, parent=request.parent
        )
        found.dependencies.extend(request.dependencies)
        for key, dependencies in request.propertyDependencies.items():
            found.propertyDependencies[key].urns.extend(dependencies.urns)
        whole.resources.append(found)
        if request.type != STACK:
            resources.append(
                analyzer_pb2.AnalyzeRequest(type=request.type, properties=inputs, urn=response.urn, name=request.name)
            )
    return Requests(resources, whole)


def _without(outputs: Struct, inputs: Struct) -> Struct:
    """The inputs, whose keys are taken out of the outputs so that merging replaces them."""
    for key in inputs.fields:
        outputs.fields.pop(key, None)
    return inputs


def check(
    rules: Sequence[Rule], found: Requests, environment: str, config: Mapping[str, Any] | None = None
) -> list[Reported]:
    """The violations of a stack.

    Args:
        rules: the rules.
        found: the stack's requests.
        environment: whose profile counts.
        config: the pack's config, in Pulumi's form.

    Raises:
        SettingsError: the config is not allowed.
    """
    analyzer = SharedAnalyzer(rules, environment, config)
    responses = [analyzer.Analyze(request, None) for request in found.resources]
    responses.append(analyzer.AnalyzeStack(found.stack, None))
    return [reported(diagnostic) for response in responses for diagnostic in response.diagnostics]


def reported(diagnostic: Any) -> Reported:
    """A violation of an analyzer's response."""
    level = _LEVELS[diagnostic.enforcementLevel]
    return Reported(diagnostic.policyName, level, diagnostic.urn, diagnostic.message)


def environment(program: Path, stack: str) -> str:
    """The environment of a program's stack."""
    return environment_of(project(program), stack, stack_config(program, stack))
