"""Paths, intrinsic functions, choice rules and definitions of the States Language."""

import hashlib
import json
from typing import Any

import pytest
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.services.stepfunctions import choice, intrinsics, paths
from eda_sandbox.services.stepfunctions.definition import parse
from eda_sandbox.services.stepfunctions.failure import RuntimeFailure, StateError
from hypothesis import given
from hypothesis import strategies as st

DOCUMENT = {"a": {"b": [1, {"c": "x"}]}, "text": "o'neil {1}", "with space": 1, "list": [1, 2, 3], "none": None}
CONTEXT = {"Execution": {"Name": "e-1"}}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("$", DOCUMENT),
        ("$.a.b[0]", 1),
        ("$.a.b[1].c", "x"),
        ("$.a.b[-1]['c']", "x"),
        ("$['with space']", 1),
        ("$.list[*]", [1, 2, 3]),
        ("$.none", None),
        ("$$.Execution.Name", "e-1"),
    ],
)
def test_a_path_finds_its_value(path: str, value: Any) -> None:
    assert paths.read(path, DOCUMENT, CONTEXT) == value


ITEMS = {"items": [{"n": 1, "s": "one", "l": [1, 2]}, {"n": 2, "s": "two", "l": []}, {"n": True, "s": "3"}]}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("$.items[1:].s", ["two", "3"]),
        ("$.items[?(@.n == 1)].s", ["one"]),
        ("$.items[?(@.n >= 1)].s", ["one", "two"]),
        ("$.items[?(@.n != 1)].s", ["two", "3"]),
        ("$.items[?(@.s in ['one', 'two'])].n", [1, 2]),
        ("$.items[?(@.s nin ['one', 'two'])].n", [True]),
        ("$.items[?(@.l size 2)].s", ["one"]),
        ("$.items[?(@.l empty true)].s", ["two"]),
        ("$.items[?(@.l contains 2)].s", ["one"]),
        ("$.items[?(@.l subsetof [1, 2, 3])].s", ["one", "two"]),
        ("$.items[?(@.l anyof [2])].s", ["one"]),
        ("$.items[?(@.l noneof [2])].s", ["two"]),
        ("$.items[?(@.s =~ /T.*/i)].s", ["two"]),
        ("$.items[?(!(@.l))].s", ["3"]),
        ("$..l[0]", [1]),
    ],
)
def test_a_filter_finds_what_it_says(path: str, value: Any) -> None:
    assert paths.read(path, ITEMS, {}) == value


@pytest.mark.parametrize("path", ["a.b", "$.a[", "$.a.length()", "$.a[?(@.b ==)]"])
def test_what_is_no_path_is_told_before_it_is_used(path: str) -> None:
    with pytest.raises(paths.NoPath):
        paths.check(path)


def test_a_path_begins_with_a_variable() -> None:
    assert paths.read("$x.y[0]", {}, {}, {"x": {"y": [1]}}) == 1
    assert paths.variable("$x.y[0]") == "x"
    assert paths.variable("$.x") is None
    with pytest.raises(RuntimeFailure):
        paths.read("$nothing", {}, {}, {})


@pytest.mark.parametrize("path", ["$.missing", "$.a.b[7]", "$.a.b.c", "$$.nothing"])
def test_a_path_that_finds_nothing_is_a_runtime_failure(path: str) -> None:
    with pytest.raises(RuntimeFailure):
        paths.read(path, DOCUMENT, CONTEXT)
    assert not paths.exists(path, DOCUMENT, CONTEXT)


def test_a_result_goes_where_its_path_says() -> None:
    assert paths.put("$", {"a": 1}, 2) == 2
    assert paths.put(None, {"a": 1}, 2) == {"a": 1}
    assert paths.put("$.b.c", {"a": 1}, 2) == {"a": 1, "b": {"c": 2}}
    with pytest.raises(StateError, match=r"ResultPathMatchFailure"):
        paths.put("$.a.b", {"a": "text"}, 1)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("States.Format('{}|{}', $.a.b[0], $.text)", "1|o'neil {1}"),
        (r"States.Format('it\'s \{{}\}', 'x')", "it's {x}"),
        ("States.Hash('a|b', 'SHA-256')", hashlib.sha256(b"a|b").hexdigest()),
        ("States.JsonToString($.a)", '{"b":[1,{"c":"x"}]}'),
        ("States.StringToJson('{\"k\": [1]}')", {"k": [1]}),
        ("States.MathAdd(States.ArrayLength($.list), -1)", 2),
        ("States.ArrayGetItem(States.StringSplit('a,b;c', ',;'), 2)", "c"),
        ("States.ArrayContains($.list, 2)", True),
        ("States.ArrayPartition($.list, 2)", [[1, 2], [3]]),
        ("States.ArrayRange(1, 9, 4)", [1, 5, 9]),
        ("States.ArrayUnique(States.Array(1, 1, 2))", [1, 2]),
        ("States.JsonMerge(States.StringToJson('{\"a\":1}'), States.StringToJson('{\"a\":2}'), false)", {"a": 2}),
        ("States.Base64Decode(States.Base64Encode('ä'))", "ä"),
        ("States.Array($$.Execution.Name, null, true, 1.5)", ["e-1", None, True, 1.5]),
    ],
)
def test_an_intrinsic_function_gives_its_value(expression: str, value: Any) -> None:
    assert intrinsics.evaluate(expression, DOCUMENT, CONTEXT) == value


@pytest.mark.parametrize(
    "expression",
    [
        "States.Nothing()",
        "States.Format('{}')",
        "States.Format('x', 1)",
        "States.StringToJson('{')",
        "States.Hash('x', 'SHA-3')",
        "States.ArrayGetItem($.list, 9)",
        "States.Format('unclosed",
        "States.Array(1 2)",
    ],
)
def test_a_wrong_expression_fails_as_an_intrinsic(expression: str) -> None:
    with pytest.raises(StateError) as raised:
        intrinsics.evaluate(expression, DOCUMENT, CONTEXT)
    assert raised.value.error == "States.IntrinsicFailure"


def test_hash_takes_ten_thousand_characters() -> None:
    assert intrinsics.evaluate("States.Hash($.t, 'MD5')", {"t": "x" * 10_000}, {})
    with pytest.raises(StateError, match=r"10000"):
        intrinsics.evaluate("States.Hash($.t, 'MD5')", {"t": "x" * 10_001}, {})


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_json_goes_to_a_string_and_back(value: Any) -> None:
    expression = "States.StringToJson(States.JsonToString($.v))"
    assert intrinsics.evaluate(expression, {"v": value}, {}) == value


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"Variable": "$.n", "NumericLessThan": 3}, True),
        ({"Variable": "$.n", "NumericLessThanPath": "$.m"}, True),
        ({"Variable": "$.s", "StringEquals": "abc"}, True),
        ({"Variable": "$.s", "StringMatches": "a*"}, True),
        ({"Variable": "$.s", "StringMatches": "a?c"}, False),
        ({"Variable": "$.s", "NumericEquals": 1}, False),
        ({"Variable": "$.missing", "IsPresent": False}, True),
        ({"Variable": "$.t", "TimestampLessThan": "2027-01-01T00:00:00Z"}, True),
        ({"Variable": "$.b", "BooleanEquals": True}, True),
        ({"Not": {"Variable": "$.n", "NumericEquals": 2}}, False),
        ({"And": [{"Variable": "$.n", "IsNumeric": True}, {"Variable": "$.s", "IsString": True}]}, True),
        ({"Or": [{"Variable": "$.n", "IsNull": True}, {"Variable": "$.b", "IsBoolean": True}]}, True),
    ],
)
def test_a_choice_rule(rule: dict[str, Any], expected: bool) -> None:
    document = {"n": 2, "m": 3, "s": "abc", "b": True, "t": "2026-12-31T00:00:00Z"}
    assert choice.holds(rule, document, {}) is expected


@pytest.mark.parametrize(
    ("states", "message"),
    [
        ({"A": {"Type": "Pass"}}, "One of these fields is required: [Next, End] at /States/A"),
        ({"A": {"Type": "Pass", "Next": "B"}}, "Missing 'Next' target: B at /States/A/Next"),
        ({"A": {"Type": "Nap", "End": True}}, "The field 'Type' should have one of these values"),
        ({"A": {"Type": "Pass", "End": True, "Ressource": 1}}, "'Ressource' is not supported"),
        ({"A": {"Type": "Wait", "End": True}}, "[Seconds, SecondsPath, Timestamp, TimestampPath]"),
        ({"A": {"Type": "Pass", "InputPath": "a.b", "End": True}}, "not a valid JSONPath at /States/A/InputPath"),
        ({"A": {"Type": "Succeed"}, "B": {"Type": "Succeed"}}, "not reachable"),
    ],
)
def test_a_wrong_definition_is_refused_and_says_where(states: dict[str, Any], message: str) -> None:
    with pytest.raises(AwsError) as raised:
        parse(json.dumps({"StartAt": "A", "States": states}))
    assert raised.value.code == "InvalidDefinition"
    assert message in raised.value.message
