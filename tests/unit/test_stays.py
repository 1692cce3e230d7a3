"""What holds data stays: under a rename nothing on AWS changes, and what an environment protects refuses to go."""

import asyncio
import string
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import pulumi
import pulumi_aws_eda
import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import given, settings
from hypothesis import strategies as st
from pulumi.runtime.proto import alias_pb2, provider_pb2
from pulumi_aws_eda import ArgumentError, IdempotentLambda, PayloadStore, defaults
from pulumi_aws_eda.testing import Recording, record

from pipeline import documents
from tests.unit import component_cases
from tests.unit.component_cases import CASES, CODE
from tests.unit.test_plugin_maps import engine, plugin, sent, serialized

pytestmark = pytest.mark.slow  # every component many times, through plugins too

NAMES = st.text(string.ascii_letters + string.digits + "._-", min_size=1, max_size=40)
HOLDS_DATA = {
    "aws:cloudwatch/eventArchive:EventArchive",
    "aws:dynamodb/table:Table",
    "aws:kinesis/stream:Stream",
    "aws:kms/key:Key",
    "aws:redshiftserverless/namespace:Namespace",
    "aws:s3/bucket:Bucket",
    "aws:secretsmanager/secret:Secret",
    "aws:sqs/queue:Queue",
}
"""Types whose resources nobody could make again as they were; with them Standard state machines, whose executions run
for days."""
OWN_KEY = {"AlarmTopic", "Observability"}
"""Components whose key encrypts what is under way alone."""
MACHINE = "aws:sfn/stateMachine:StateMachine"


def made(name: str, logical: str, opts: pulumi.ResourceOptions | None, **how: Any) -> dict[tuple[str, str], Any]:
    """All that a component's case asks the engine for below the component, when it has another name and options."""

    def program() -> None:
        with pytest.MonkeyPatch.context() as patch:
            component = getattr(pulumi_aws_eda, name)
            patch.setattr(component_cases, name, lambda _, args: component(logical, args, opts))
            CASES[name]()

    return children(record(program, **how))


@cache
def recorded(name: str) -> Recording:
    """What a component's case asks the engine for, as it stands there."""
    return record(CASES[name])


@cache
def original(name: str) -> dict[tuple[str, str], Any]:
    """What a component's case makes under its first name."""
    return children(recorded(name))


def children(recording: Recording) -> dict[tuple[str, str], Any]:
    found = {(each.type, each.name): plain(each.inputs) for each in recording.resources}
    assert len(found) == len(recording.resources)
    return {key: inputs for key, inputs in found.items() if not key[0].startswith(("aws-eda:", "pulumi:"))}


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else getattr(value, "path", value)


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=3)
@given(new=NAMES, between=st.lists(NAMES, max_size=2))
def test_a_component_that_is_renamed_with_an_alias_changes_nothing(name: str, new: str, between: list[str]) -> None:
    """Not a name on AWS, not a prefix in a bucket, not the key of a row; the children keep their place in the state."""
    aliases: list[pulumi.Input[str | pulumi.Alias]] = [pulumi.Alias(name=each) for each in ["it", *between]]
    renamed = made(name, new, pulumi.ResourceOptions(aliases=aliases))
    assert renamed == original(name)


@pytest.mark.parametrize("name", CASES)
def test_a_stack_that_is_renamed_changes_nothing_with_its_prefix_in_the_config(name: str) -> None:
    before = made(name, "it", None, project="my.shop", stack="dev")
    renamed = made(name, "it", None, project="shop", stack="live", config={"aws-eda:namePrefix": "my.shop-dev"})
    assert renamed == before
    assert made(name, "it", None, project="shop", stack="live") != before


@pytest.mark.parametrize(
    "aliases",
    [
        ["urn:pulumi:test::project::my:index:Shop$aws-eda:index:PayloadStore::it"],
        [pulumi.Alias(parent=pulumi.ROOT_STACK_RESOURCE), pulumi.Alias(type_="shop:index:Store"), pulumi.Alias("it")],
    ],
    ids=["a URN", "aliases without a name"],
)
def test_the_first_alias_with_a_name_is_what_counts(aliases: list[Any]) -> None:
    renamed = made("PayloadStore", "other", pulumi.ResourceOptions(aliases=aliases))
    assert renamed == original("PayloadStore")


def test_an_alias_without_a_name_keeps_the_name() -> None:
    moved = pulumi.ResourceOptions(aliases=[pulumi.Alias(parent=pulumi.ROOT_STACK_RESOURCE)])
    assert made("PayloadStore", "it", moved) == original("PayloadStore")


def test_an_alias_that_is_known_only_later_is_refused() -> None:
    def program() -> None:
        later = pulumi.Output.from_input("urn:pulumi:test::project::aws-eda:index:PayloadStore::old")
        PayloadStore("new", {}, pulumi.ResourceOptions(aliases=[later]))

    with pytest.raises(ArgumentError, match=r"PayloadStore 'new': the argument 'opts.aliases' has one that is known"):
        record(program)


def test_through_the_plugin_too_names_outlive_renames(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = sent("IdempotentLambda", CASES["IdempotentLambda"], monkeypatch)
    made = []
    with engine() as (monitor, address), plugin(address) as stub:
        for request in (
            {"project": "shop", "stack": "dev", "name": "it"},
            {
                "project": "web-shop",
                "stack": "live",
                "name": "worker",
                "config": {"aws-eda:namePrefix": "shop-dev"},
                "aliases": [alias_pb2.Alias(spec=alias_pb2.Alias.Spec(name="it"))],
            },
        ):
            monitor.begin()
            stub.Construct(
                provider_pb2.ConstructRequest(
                    type="aws-eda:index:IdempotentLambda",
                    monitorEndpoint=address,
                    inputs=asyncio.run(serialized(inputs)),
                    accepts_output_values=True,
                    **request,
                ),
                timeout=60,
            )
            made.append({key: given for key, given in monitor.made.items() if not key[0].startswith("aws-eda:")})
    assert len(made[0]) > 10
    assert made[0] == made[1]


def held(recording: Recording) -> dict[tuple[str, str], Mapping[str, Any]]:
    """What holds data, and its options."""
    return {
        (request.type, request.name): MessageToDict(request, preserving_proto_field_name=True)
        for request, _ in recording.registrations
        if request.type in HOLDS_DATA
        or (request.type == MACHINE and MessageToDict(request.object).get("type") == "STANDARD")
    }


def protected(program: Callable[[], object]) -> Recording:
    def whole() -> None:
        defaults(deletion_protection=True)
        program()

    return record(whole)


@pytest.mark.parametrize("name", CASES)
def test_what_holds_data_is_protected_where_the_environment_asks_for_it(name: str) -> None:
    """By Pulumi, which refuses a destroy before it deletes anything, and tables by DynamoDB too."""
    asked, not_asked = protected(CASES[name]), recorded(name)
    holding = held(asked)
    assert holding
    assert {key for key, each in holding.items() if not each.get("protect")} == (
        set() if name not in OWN_KEY else holding.keys()
    )
    assert [key for key, each in held(not_asked).items() if each.get("protect")] == []
    for recording, wanted in ((asked, True), (not_asked, False)):
        tables = recording.of("aws:dynamodb/table:Table").values()
        assert {table.inputs["deletionProtectionEnabled"] for table in tables} <= {wanted}


def test_the_protection_of_a_component_reaches_what_holds_data_without_the_argument() -> None:
    def program() -> None:
        PayloadStore("kept", {}, pulumi.ResourceOptions(protect=True))

    assert all(each.get("protect") for each in held(record(program)).values())


def test_a_component_can_be_left_out_of_the_protection() -> None:
    def program() -> None:
        PayloadStore("lost", {"deletion_protection": False, "force_destroy": True})
        IdempotentLambda("kept", {"code": CODE, "asynchronous": True})

    found = {name: each.get("protect", False) for (_, name), each in held(protected(program)).items()}
    assert found == {"lost-payloads": False, "kept-dlq": True}


@pytest.mark.parametrize("name", ["PayloadStore", "BatchedFirehoseSink", "PerObjectQuery", "ScheduledLoad"])
def test_what_is_protected_is_not_deleted_with_what_lies_in_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    component = getattr(pulumi_aws_eda, name)
    given = {"deletion_protection": True, "force_destroy": True}
    monkeypatch.setattr(component_cases, name, lambda logical, args: component(logical, {**args, **given}))
    with pytest.raises(ArgumentError, match=f"{name} 'it': the argument 'force_destroy' and 'deletion_protection'"):
        record(CASES[name])


@pytest.mark.parametrize(
    ("environment", "wanted"), [("sandbox", False), ("dev", False), ("staging", True), ("prod", True)]
)
def test_the_pipeline_is_protected_as_its_environment_says(environment: str, wanted: bool) -> None:
    holding = held(documents.recording(environment))
    own_key = {key for key in holding if key == ("aws:kms/key:Key", "alarms-key")}
    assert ("aws:dynamodb/table:Table", "orders") in holding
    assert {bool(each.get("protect")) for key, each in holding.items() if key not in own_key} == {wanted}
