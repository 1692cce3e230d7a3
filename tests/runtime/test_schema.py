"""A schema is checked as it is meant, or refused."""

import json
from typing import Any

import pytest
from eda_runtime.schema import check_schema, errors


@pytest.mark.parametrize(
    ("schema", "right", "wrong"),
    [
        ({"type": ["string", "null"]}, ["a", None], [1, [], {}]),
        ({"type": "integer"}, [1, 0], [True, 1.0, "1"]),
        ({"type": "number"}, [1, 1.5], [True, float("nan"), float("inf")]),
        ({"enum": [1]}, [1, 1.0], [True, "1", 2]),
        ({"enum": [False, [0]]}, [False, [0]], [0, [False]]),
        ({"pattern": "^a$"}, ["a"], ["a\n", "ba"]),
        ({"pattern": r"^[$]\$$"}, ["$$"], ["$", "$$\n"]),
        ({"pattern": r"^[^\]$]+$|^x$"}, ["ab", "x"], ["a]", "a$", "x$"]),
        ({"pattern": r"^\d+$"}, ["12"], ["١٢", "12\n"]),
        ({"maximum": 5}, [5, -1e300, "text"], [6, float("nan"), float("inf")]),
        ({"minimum": 5}, [5, 1e300], [4.9, float("nan")]),
        ({"additionalProperties": {"type": "string"}}, [{}, {"a": "b"}], [{"a": 1}]),
        ({"properties": {"a": {}}, "additionalProperties": {"type": "string"}}, [{"a": 1, "b": "c"}], [{"b": 1}]),
        ({"properties": {"a": {}}, "additionalProperties": False}, [{"a": 1}, {}], [{"b": 1}]),
        ({"items": {"enum": [1]}, "maxItems": 2}, [[1, 1], []], [[True], [1, 1, 1]]),
    ],
)
def test_what_is_taken_is_checked(schema: dict[str, Any], right: list[Any], wrong: list[Any]) -> None:
    check_schema(json.loads(json.dumps(schema)))
    assert [value for value in right if list(errors(schema, value))] == []
    assert [value for value in wrong if not list(errors(schema, value))] == []


@pytest.mark.parametrize(
    "schema",
    [
        True,
        [],
        "string",
        {"type": "text"},
        {"type": []},
        {"type": [["string"]]},
        {"type": None},
        {"properties": {"a": True}},
        {"properties": {"a": {"properties": {"b": False}}}},
        {"properties": []},
        {"items": [{"type": "string"}]},
        {"items": True},
        {"additionalProperties": "no"},
        {"additionalProperties": {"format": "date"}},
        {"required": True},
        {"required": [1]},
        {"enum": 1},
        {"enum": []},
        {"pattern": "("},
        {"pattern": 1},
        {"pattern": ["a"]},
        {"maxLength": "8"},
        {"minItems": -1},
        {"minLength": True},
        {"maximum": "8"},
        {"minimum": None},
        {"format": "date"},
    ],
    ids=str,
)
def test_what_would_not_be_checked_is_refused(schema: Any) -> None:
    for given in (schema, {"properties": {"x": {"items": schema}}}):
        with pytest.raises(ValueError, match=r"schema"):
            check_schema(given)
