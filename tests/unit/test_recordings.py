"""What is recorded of a program, whatever its resources are given."""

import asyncio
from typing import Any

import pulumi
import pytest
from pulumi_aws_eda import testing
from pulumi_aws_eda.testing import record


class Thing(pulumi.CustomResource):
    def __init__(self, name: str, properties: dict[str, Any]) -> None:
        super().__init__("test:index:Thing", name, properties)


def test_resources_assets_and_later_values_are_given_as_the_engine_sees_them() -> None:
    def program() -> None:
        first = Thing("first", {"number": 1, "nothing": None})
        second = Thing("second", {"other": first, "file": pulumi.FileAsset(__file__), "id": first.id})
        pulumi.export("urn", second.urn)

    made = record(program)
    assert [resource.name for resource in made.resources] == ["first", "second"]
    second = made.one("test:index:Thing", "second").inputs
    assert made.one("test:index:Thing", "first").inputs == {"number": 1}
    assert (second["other"], second["id"], second["file"].path) == ("first-id", "first-id", __file__)
    assert made.exports == {"urn": "urn:pulumi:test::project::pulumi:pulumi:Stack$test:index:Thing::second"}


def test_what_a_program_raises_is_raised_and_the_next_one_knows_nothing_of_it() -> None:
    def fails() -> None:
        Thing("first", {})
        pulumi.export("left", "behind")
        raise LookupError("no")

    with pytest.raises(LookupError, match="no"):
        record(fails)
    assert record(lambda: Thing("second", {})).exports == {}


def test_an_answer_that_waits_is_waited_for_inside_the_loop() -> None:
    async def answer() -> int:
        await asyncio.sleep(0)
        return await asyncio.sleep(0, 7)

    async def refused() -> None:
        await asyncio.sleep(0)
        raise LookupError("no")

    async def program() -> int:
        with pytest.raises(LookupError, match="no"):
            testing._at_once(refused())
        return int(testing._at_once(answer()))

    assert asyncio.run(program()) == 7
