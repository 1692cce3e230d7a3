"""The components as programs in other languages get them: the schema, and what is made through the provider."""

import importlib.metadata
import importlib.resources
import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pulumi
import pulumi_aws_eda
import pytest
from pulumi.errors import InputPropertyError
from pulumi_aws_eda import EncryptionKey, KeyService, plugin
from pulumi_aws_eda._parts import columns
from pulumi_aws_eda.testing import Recording, record

from tests.unit import component_cases

COMPONENTS = Path(__file__).parents[2] / "components"


@cache
def schema_file() -> ModuleType:
    spec = importlib.util.spec_from_file_location("components_schema", COMPONENTS / "schema.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def provider() -> plugin.EdaProvider:
    return plugin.EdaProvider()


def descriptions(schema: dict[str, Any]) -> dict[str, str | None]:
    """Each thing of a schema that wants a description, and what it has."""
    found = {"": schema.get("description")}
    for token, thing in (schema["resources"] | schema["types"]).items():
        found[token] = thing.get("description")
        for kind in ("properties", "inputProperties"):
            found |= {f"{token}/{kind}/{name}": one.get("description") for name, one in thing.get(kind, {}).items()}
        found |= {f"{token}/{member['value']}": member.get("description") for member in thing.get("enum", [])}
    return found


def test_the_schema_is_up_to_date() -> None:
    assert schema_file().CURRENT.read_text() == schema_file().text(), "run: python components/schema.py"


def test_the_schema_has_every_component_and_one_version() -> None:
    made = plugin.schema()
    components = {name for name in pulumi_aws_eda.__all__ if name in component_cases.CASES}
    assert {token.rpartition(":")[2] for token in made["resources"]} == components == set(component_cases.CASES)
    project = tomllib.loads((COMPONENTS / "pyproject.toml").read_text())["project"]
    assert made["version"] == project["version"] == importlib.metadata.version("pulumi-aws-eda")
    assert (made["name"], made["namespace"]) == ("aws-eda", "eda")


def test_a_python_program_has_the_components_without_the_plugin() -> None:
    # The engine looks for a plugin to each package whose name begins with "pulumi-", unless that says it has none.
    module = importlib.metadata.metadata("pulumi-aws-eda")["Name"].replace("-", "_")
    said = json.loads((importlib.resources.files(module) / "pulumi-plugin.json").read_text())
    assert said["resource"] is False


def test_everything_in_the_schema_is_described_in_its_own_terms() -> None:
    made = plugin.schema()
    found = descriptions(made)
    assert len(found) > 300
    assert [path for path, text in found.items() if not text] == []
    arguments = {
        python for definition in provider()._component_defs.values() for python in definition.inputs_mapping.values()
    }
    for path, text in found.items():
        assert text is not None
        assert not re.search(r"``|\b(Args|Raises|Returns):\n|^\s|\s$", text), (path, text)
        told = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", text))
        assert not told & arguments, (path, text)


def test_a_docstring_becomes_markdown() -> None:
    docstring = """First, ``queue_source``.

    Example::

        one(
            two)

    Args:
        name: not told.
    """
    expected = "First, `queueSource`.\n\nExample:\n\n~~~python\none(\n    two)\n~~~"
    assert plugin.markdown(docstring, {"queue_source": "queueSource"}) == expected


def test_a_release_breaks_nothing_without_a_version_that_says_so() -> None:
    released = json.loads(schema_file().RELEASED.read_text())
    made = plugin.schema()
    broken = schema_file().breaking(released, made)
    assert not broken or schema_file().may_break(released["version"], made["version"]), broken


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda new: new["resources"].pop("p:index:C"), ["p:index:C is gone"]),
        (lambda new: new["types"].pop("p:index:E"), ["p:index:E is gone"]),
        (lambda new: new["types"]["p:index:E"]["enum"].pop(), ["p:index:E: the value B is gone"]),
        (lambda new: new["resources"]["p:index:C"]["inputProperties"].pop("a"), ["p:index:C: a is gone"]),
        (lambda new: new["resources"]["p:index:C"]["properties"].pop("out"), ["p:index:C: out is gone"]),
        (
            lambda new: new["resources"]["p:index:C"]["requiredInputs"].append("b"),
            ["p:index:C: b became required"],
        ),
        (
            lambda new: new["resources"]["p:index:C"]["inputProperties"]["a"].update(type="number"),
            ["p:index:C: a changed its type"],
        ),
        (
            lambda new: new["types"]["p:index:T"].update(required=["x"]),
            ["p:index:T: x became required"],
        ),
        (lambda new: new["resources"]["p:index:C"]["inputProperties"].update(c={"type": "string"}), []),
        (lambda new: new["resources"]["p:index:C"]["requiredInputs"].remove("a"), []),
        (lambda new: new["resources"]["p:index:C"]["inputProperties"]["a"].update(description="new"), []),
    ],
)
def test_what_breaks_programs_is_found(change: Any, expected: list[str]) -> None:
    old = {
        "resources": {
            "p:index:C": {
                "inputProperties": {"a": {"type": "string"}, "b": {"type": "string"}},
                "requiredInputs": ["a"],
                "properties": {"out": {"type": "string"}},
            }
        },
        "types": {
            "p:index:E": {"enum": [{"value": "A"}, {"value": "B"}]},
            "p:index:T": {"properties": {"x": {"type": "string"}}},
        },
    }
    new = json.loads(json.dumps(old))
    change(new)
    assert schema_file().breaking(old, new) == expected


@pytest.mark.parametrize(
    ("old", "new", "allowed"),
    [("1.2.3", "1.3.0", False), ("1.2.3", "2.0.0", True), ("0.1.0", "0.1.1", False), ("0.1.0", "0.2.0", True)],
)
def test_which_versions_may_break(old: str, new: str, allowed: bool) -> None:
    assert schema_file().may_break(old, new) is allowed


def as_sent(value: Any, properties: dict[str, Any], mapping: dict[str, str]) -> dict[str, Any]:
    """Arguments as another language sends them: the schema's names, numbers as floats, enums as their values."""
    sent = {}
    for name, property in properties.items():
        if (given := value.get(mapping[name])) is not None:
            sent[name] = _sent(given, property)
    return sent


def _sent(value: Any, property: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    nested = property.ref and provider()._type_defs.get(property.ref.rpartition(":")[2])
    if nested and isinstance(value, dict):
        return as_sent(value, nested.properties, nested.properties_mapping)
    if isinstance(value, dict) and property.items:
        # What is a dictionary in Python, and a list of its members where maps have no order.
        value = columns.as_list(value.items())
    if isinstance(value, dict) and property.additional_properties:
        return {key: _sent(item, property.additional_properties) for key, item in value.items()}
    if isinstance(value, list) and property.items:
        return [_sent(item, property.items) for item in value]
    return getattr(value, "value", value)


@pytest.mark.parametrize("name", component_cases.CASES)
def test_the_plugin_makes_what_the_library_makes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    native = component_cases.recorded(name)
    definition = provider()._component_defs[name]

    def construct(logical: str, args: dict[str, Any]) -> None:
        provider().construct(
            logical, f"aws-eda:index:{name}", as_sent(args, definition.inputs, definition.inputs_mapping)
        )

    monkeypatch.setattr(component_cases, name, construct)
    remote = record(component_cases.CASES[name])
    assert inputs_of(remote) == inputs_of(native)


def test_a_list_of_an_enums_values_reaches_the_component() -> None:
    services = [KeyService.ALARMS, KeyService.LOGS]
    native = record(lambda: EncryptionKey("it", {"services": services}))
    sent = {"services": [service.value for service in services]}
    remote = record(lambda: provider().construct("it", "aws-eda:index:EncryptionKey", sent))
    assert inputs_of(remote) == inputs_of(native) != inputs_of(record(lambda: EncryptionKey("it", {})))


@pytest.mark.parametrize("number", [7, pulumi.Output.from_input(7.0)])
def test_a_number_may_be_an_output(number: Any) -> None:
    made = record(lambda: provider().construct("it", "aws-eda:index:EncryptionKey", {"deletionWindowInDays": number}))
    assert made.one("aws:kms/key:Key", "it-key").inputs["deletionWindowInDays"] == 7


@pytest.mark.parametrize(
    ("component", "args", "path"),
    [
        ("AlarmTopic", {"emailAddresses": pulumi.Output.from_input(["on-call@example.com"])}, "emailAddresses"),
        ("ConsumerCache", {"hot": pulumi.Output.from_input({})}, "hot"),
        ("ConsumerCache", {"hot": {"timeToLiveInSeconds": pulumi.Output.from_input(60)}}, "hot.timeToLiveInSeconds"),
        ("EventApi", {"routes": {"GET /": pulumi.Output.from_input({})}}, "routes.GET /"),
    ],
)
def test_an_output_where_none_is_taken_is_an_error_that_says_where(
    component: str, args: dict[str, Any], path: str
) -> None:
    with pytest.raises(InputPropertyError) as raised:
        record(lambda: provider().construct("it", f"aws-eda:index:{component}", args))
    assert (raised.value.property_path, raised.value.reason) == (path, plugin.NO_OUTPUT)


def inputs_of(made: Recording) -> dict[tuple[str, str], Any]:
    found = {(resource.type, resource.name): _plain(resource.inputs) for resource in made.resources}
    assert len(found) == len(made.resources)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return getattr(value, "path", value)


@pytest.mark.slow
def test_the_plugins_folder_says_all_that_pulumi_needs_and_serves_the_schema(tmp_path: Path) -> None:
    assert (COMPONENTS / "PulumiPlugin.yaml").read_text() == "runtime: python\n"
    project = tomllib.loads((COMPONENTS / "pyproject.toml").read_text())
    assert project["build-system"]["build-backend"] == "hatchling.build"
    command = [sys.executable, str(COMPONENTS), "127.0.0.1:1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().strip()
            assert port.isdigit(), process.stderr and process.stderr.read()
            assert json.loads(_served(int(port))) == plugin.schema()
        finally:
            process.kill()


def _served(port: int) -> str:
    import grpc
    from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = provider_pb2_grpc.ResourceProviderStub(channel)
        found: str = stub.GetSchema(provider_pb2.GetSchemaRequest(), timeout=240).schema
    return found
