"""What makes a difference between what a program gives and what a resource is."""

import json
from typing import Any

import pytest
from eda_sandbox.provider import difference
from eda_sandbox.provider.resource import Created, Found, ResourceType

KNOWN = ResourceType(
    lambda *_: Created("id"),
    lambda *_: None,
    lambda *_: {},
    defaults={"enabled": True, "size": 3, "block": {"mode": "Plain", "depth": {"level": 0}}, "rows": [{"kind": "S"}]},
    documents=frozenset({"policy", "filters.pattern"}),
    unordered=frozenset({"names", "filters"}),
    unread=frozenset({"password"}),
    shared=frozenset({"attached"}),
    assigned=frozenset({"key"}),
)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"size": 3}, {}),
        ({"enabled": True}, {}),
        ({"description": ""}, {}),
        ({"block": {"mode": "Plain", "depth": {"level": 0.0}}}, {}),
        ({"block": {"mode": "Plain", "size": 7}}, {"block": {"size": 7}}),
        ({"rows": [{"kind": "S", "name": "a"}]}, {"rows": [{"name": "a"}]}),
        ({"policy": '{"a": 1, "b": []}'}, {"policy": '{"b":[],"a":1}'}),
        ({"names": ["a", "b"]}, {"names": ["b", "a"]}),
        (
            {"filters": [{"pattern": '{"a": 1}'}, {"pattern": "{}"}]},
            {"filters": [{"pattern": "{ }"}, {"pattern": '{"a":1}'}]},
        ),
    ],
)
def test_what_means_the_same_makes_none(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert difference.changed(KNOWN, before, after, {}) == []
    assert difference.changed(KNOWN, after, before, {}) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"enabled": False}, {}),
        ({"size": 0}, {}),
        ({"retries": 0}, {}),
        ({"block": {"depth": {"level": 1}}}, {"block": {}}),
        ({"rows": [{"name": "a"}, {"name": "b"}]}, {"rows": [{"name": "b"}, {"name": "a"}]}),
        ({"policy": '{"a": 1}'}, {"policy": '{"a": 2}'}),
        ({"policy": "no JSON"}, {"policy": "none"}),
        ({"variables": {"A": ""}}, {"variables": {}}),
        ({"tags": {"a": ""}}, {}),
    ],
)
def test_what_means_something_else_makes_one(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert difference.changed(KNOWN, before, after, {}) == [*before]
    assert difference.changed(KNOWN, after, before, {}) == [*before]


def test_what_is_given_as_it_is_already_makes_none() -> None:
    assert difference.changed(KNOWN, {}, {"key": "k", "size": 4}, {"key": "k", "size": 3}) == ["size"]
    # What was given and is not given any more is another matter.
    assert difference.changed(KNOWN, {"key": "k"}, {}, {"key": "k"}) == ["key"]


def test_what_is_given_no_more_takes_its_default() -> None:
    assert difference.completed(KNOWN, {"size", "name"}, {"enabled": False}) == {"enabled": False, "size": 3}


def test_a_refresh_shows_what_is_not_as_it_was() -> None:
    inputs = {"name": "n", "size": 7, "password": "p", "policy": '{"a": 1}', "gone": "g"}
    state = {**inputs, "key": "k"}
    found = {"name": "n", "size": 9, "policy": json.dumps({"a": 1}), "enabled": False, "attached": ["x"], "key": "k"}
    assert difference.seen(KNOWN, inputs, state, Found(found)) == {"size": 9, "enabled": False, "gone": None}
    other = difference.seen(KNOWN, {**inputs, "attached": ["y"]}, state, Found({**found, "key": "l"}))
    assert (other["attached"], other["key"]) == (["x"], "l")


def test_an_import_gives_what_a_program_has_to_say() -> None:
    found = {
        "name": "n",
        "size": 3,
        "enabled": True,
        "block": {"mode": "Plain", "size": 7},
        "attached": ["x"],
        "key": "k",
        "tags": {"a": ""},
        "none": None,
        "empty": [],
    }
    assert difference.importable(KNOWN, Found(found)) == {"name": "n", "block": {"size": 7}, "tags": {"a": ""}}
