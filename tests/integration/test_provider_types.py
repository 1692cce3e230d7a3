"""Each type that the provider knows: made, changed in place and by hand, read, imported, deleted."""

import json
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from eda_sandbox.embedded import Sandbox
from eda_sandbox.provider.resource import Context
from eda_sandbox.provider.schema import schema
from eda_sandbox.provider.server import MESSAGE_BYTES, VERSION, serve
from eda_sandbox.provider.table import TABLE
from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from tests.integration.provider_client import Engine, Made
from tests.integration.provider_types import LIVES, Ground, made_by

SCHEMA = json.loads(schema(VERSION, tuple(TABLE)))
NONE, SOME = provider_pb2.DiffResponse.DIFF_NONE, provider_pb2.DiffResponse.DIFF_SOME

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def ground(aws: Sandbox) -> Iterator[Ground]:
    limits = [("grpc.max_receive_message_length", MESSAGE_BYTES), ("grpc.max_send_message_length", MESSAGE_BYTES)]
    with serve(aws.cloud) as port, grpc.insecure_channel(f"127.0.0.1:{port}", limits) as channel:
        engine = Engine(provider_pb2_grpc.ResourceProviderStub(channel))
        yield Ground(engine, aws)
        for made in reversed(engine.made):
            engine.delete(made)


@pytest.fixture
def engine(ground: Ground) -> Iterator[Engine]:
    """An engine of its own, whose resources are gone after a test that failed, too."""
    made = Engine(ground.engine.stub)
    yield made
    for each in reversed(made.made):
        made.delete(each)


def imported(engine: Engine, made: Made, id: str) -> Made:
    """The resource as an import finds it, by an id alone."""
    read = engine.stub.Read(provider_pb2.ReadRequest(id=id, urn=made.urn, type=made.type, name=made.name))
    return Made(made.type, made.urn, made.name, read.id, read.inputs, read.properties)


def differing(one: Struct, other: Struct) -> dict[str, Any]:
    """The properties that differ, and how."""
    before, after = MessageToDict(one), MessageToDict(other)
    names = {*before, *after}
    return {name: (before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)}


def unheard_of(known: dict[str, Any], values: dict[str, Any], path: str = "") -> list[str]:
    """The properties that the AWS provider's SDK does not know."""
    found = []
    for name, value in values.items():
        type = known.get(name)
        if type is None:
            found.append(path + name)
            continue
        blocks = value if isinstance(value, list) else [value]
        block = type.get("items", type).get("$ref", "").removeprefix("#/types/")
        if block in SCHEMA["types"]:
            assert isinstance(value, list) == ("items" in type), path + name
            for each in blocks:
                found += unheard_of(SCHEMA["types"][block]["properties"], each, f"{path}{name}.")
    return found


def test_the_catalogue_has_each_type() -> None:
    assert set(LIVES) == set(TABLE)
    for type, life in LIVES.items():
        assert (life.by_hand is None) == bool(TABLE[type].fixed), f"{type}: either changed by hand or fixed"


@pytest.mark.parametrize("type", TABLE)
def test_the_life_of_a_type(type: str, ground: Ground, engine: Engine) -> None:
    known, life = TABLE[type], LIVES[type]
    made = made_by(engine, type, life.inputs(ground))
    assert engine.diff(made, made.inputs).changes == NONE

    def is_read_as_known() -> None:
        read = engine.read(made)
        assert read.id == made.id
        assert differing(made.inputs, read.inputs) == {}
        assert differing(made.state, read.properties) == {}

    is_read_as_known()
    if life.in_place is not None:
        news = made.changed(life.in_place(ground))
        told = engine.diff(made, news)
        assert (told.changes, list(told.replaces)) == (SOME, [])
        engine.update(made, news)
        assert engine.diff(made, news).changes == NONE
        is_read_as_known()
    if life.replaced:
        assert set(engine.diff(made, made.changed(life.replaced)).replaces) == set(life.replaced)

    if life.by_hand is not None:
        program = made.inputs
        life.by_hand(ground, made.told())
        read = engine.read(made)
        assert set(differing(program, read.inputs)) == life.shown
        made.inputs, made.state = read.inputs, read.properties
        # What is known now is no change any more.
        is_read_as_known()
        told = engine.diff(made, program)
        assert (set(told.diffs), bool(told.replaces)) == (set(life.shown), life.replaces)
        if life.replaces:
            engine.delete(made)
            made = made_by(engine, type, dict(program))
        else:
            engine.update(made, program)
        is_read_as_known()
        assert engine.diff(made, program).changes == NONE

    if known.retag is not None:
        program = made.inputs
        given = made.told().get("tags") or {}
        known.retag(Context(ground.aws.cloud, made.urn, made.name), made.id, made.told(), given, {"other": "tag"})
        read = engine.read(made)
        assert MessageToDict(read.inputs)["tags"] == {"other": "tag"}
        made.inputs, made.state = read.inputs, read.properties
        told = engine.diff(made, program)
        assert (list(told.diffs), list(told.replaces)) == (["tags"], [])
        engine.update(made, program)
        is_read_as_known()

    if known.read is not None:
        found = imported(engine, made, life.import_id(made.told()))
        assert found.id == made.id
        differ = {*engine.diff(found, made.inputs).diffs}
        assert differ <= life.unread, {name: differing(found.inputs, made.inputs).get(name) for name in differ}
        assert unheard_of(SCHEMA["resources"][type]["inputProperties"], MessageToDict(found.inputs)) == []
        outputs = differing(made.state, found.state)
        assert {
            name: outputs[name] for name in outputs.keys() - {*made.inputs, *found.inputs} if outputs[name][0]
        } == {}

    if life.filled is not None:
        life.filled(ground, made.told())
    engine.delete(made)
    assert (engine.read(made).id == "") == (known.exists is not None and not known.lasts)
    engine.made.clear()
