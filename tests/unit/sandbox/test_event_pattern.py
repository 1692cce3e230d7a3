"""Event patterns match what EventBridge's documentation says they match, and bad ones say what is wrong."""

import json
from typing import Any

import pytest
from eda_sandbox.foundation.event_pattern import check, matches, parse
from hypothesis import given
from hypothesis import strategies as st

S3_EVENT = {
    "version": "0",
    "id": "17793124-05d4-b198-2fde-7ededc63b103",
    "detail-type": "Object Created",
    "source": "aws.s3",
    "account": "111122223333",
    "region": "ca-central-1",
    "resources": ["arn:aws:s3:::one", "arn:aws:s3:::two"],
    "detail": {
        "bucket": {"name": "one"},
        "object": {"key": "raw/orders/dt=2026-01-02/a.parquet", "size": 5},
        "source-ip-address": "10.0.0.7",
        "reason": "PutObject",
    },
}


@pytest.mark.parametrize(
    ("matcher", "yes", "no"),
    [
        ("a", ["a", ["b", "a"], [["a"]]], ["A", "ab", 1, None, [], ["b"], {"a": "a"}]),
        (None, [None], ["", 0, False, "null", []]),
        ("", [""], [None, " "]),
        (True, [True], [1, "true", False]),
        (1, [1, 1.0], [True, "1", 1.5]),
        (3.018e2, [301.8], [301.9]),
        ({"prefix": "ab"}, ["ab", "abc", ["x", "abx"]], ["Ab", "b", 1, None]),
        ({"prefix": ""}, ["", "x"], [1]),
        ({"prefix": {"equals-ignore-case": "Ab"}}, ["aBc", "AB"], ["xab", 1]),
        ({"suffix": ".png"}, ["a.png"], ["a.PNG", "png"]),
        ({"suffix": {"equals-ignore-case": ".png"}}, ["a.PnG"], ["a.pngx"]),
        ({"equals-ignore-case": "Order"}, ["ORDER", "order"], ["orders", 1]),
        ({"anything-but": "a"}, ["b", 1, None, True, ["a", "b"]], ["a", ["a", "a"], []]),
        ({"anything-but": 7}, [8, "7"], [7, 7.0]),
        ({"anything-but": ["a", "b"]}, ["c", 1], ["a", "b", ["a", "b"]]),
        ({"anything-but": [1, 2]}, [3, "1"], [1, 2.0]),
        ({"anything-but": {"prefix": "init"}}, ["done", 1], ["init", "initial"]),
        ({"anything-but": {"prefix": ["a", "b"]}}, ["c"], ["ax", "bx"]),
        ({"anything-but": {"suffix": ".txt"}}, ["a.png"], ["a.txt"]),
        ({"anything-but": {"equals-ignore-case": ["A", "b"]}}, ["c"], ["a", "B"]),
        ({"anything-but": {"wildcard": "*/lib/*"}}, ["/usr/bin/x"], ["/usr/lib/x"]),
        ({"numeric": [">", 0, "<=", 5]}, [5, 0.1, [9, 3]], [0, 5.1, "3", True, None]),
        ({"numeric": ["=", 3.018e2]}, [301.8], [301]),
        ({"numeric": ["<", -1]}, [-2], [-1, 0]),
        ({"cidr": "10.0.0.0/24"}, ["10.0.0.255", ["x", "10.0.0.0"]], ["10.0.1.0", "x", 10, "2001:db8::1"]),
        ({"cidr": "2001:db8::/32"}, ["2001:db8::1"], ["2001:db9::1", "10.0.0.1"]),
        ({"exists": True}, ["", None, 0, ["x"]], [[], {}, {"inner": 1}]),
        ({"wildcard": "arn:*:queue/*/x"}, ["arn:a:queue/1/x", "arn::queue//x"], ["arn:a:queue/x", "x"]),
        ({"wildcard": "a\\*b\\\\c*"}, ["a*b\\cd", "a*b\\c"], ["aXb\\c"]),
        ({"wildcard": "*"}, ["", "line\nline"], [1]),
    ],
)
def test_one_matcher(matcher: Any, yes: list[Any], no: list[Any]) -> None:
    pattern = {"detail": {"x": [matcher]}}
    check(pattern)
    for value in yes:
        assert matches(pattern, {"detail": {"x": value}}), value
    for value in no:
        assert not matches(pattern, {"detail": {"x": value}}), value
    assert not matches(pattern, {"detail": {}})
    assert not matches(pattern, {})


@pytest.mark.parametrize(
    "event", [{}, {"a": {}}, {"a": 1}, {"a": None}, {"a": []}, {"a": {"b": {"c": 1}}}, {"a": {"b": []}}]
)
def test_absent_leaves_and_absent_parents(event: dict[str, Any]) -> None:
    assert matches({"a": {"b": [{"exists": False}]}}, event)
    assert not matches({"a": {"b": [{"exists": True}]}}, event)


def test_absence_holds_for_the_whole_event_and_can_be_an_alternative() -> None:
    assert not matches({"a": {"b": [{"exists": False}], "c": [2]}}, {"a": [{"b": 1}, {"c": 2}]})
    assert matches({"a": [{"exists": False}, "x"]}, {"a": "x"})
    assert not matches({"a": [{"exists": False}, "x"]}, {"a": "y"})


def test_all_fields_have_to_match_and_extra_ones_do_not_matter() -> None:
    pattern = {
        "source": ["aws.s3"],
        "resources": ["arn:aws:s3:::two"],
        "detail": {
            "bucket": {"name": ["one"]},
            "object": {"key": [{"prefix": "raw/orders/"}, {"prefix": "other/"}], "size": [{"numeric": [">", 0]}]},
        },
    }
    assert matches(pattern, S3_EVENT)
    assert not matches({**pattern, "region": ["eu-central-1"]}, S3_EVENT)
    assert not matches(pattern, {**S3_EVENT, "detail": {"bucket": {"name": "one"}}})


def test_conditions_below_an_array_hold_for_one_element() -> None:
    pattern = {"records": {"name": ["a"], "size": [1]}}
    assert matches(pattern, {"records": [{"name": "b", "size": 2}, {"name": "a", "size": 1}]})
    assert not matches(pattern, {"records": [{"name": "a", "size": 2}, {"name": "b", "size": 1}]})


def test_or_at_every_level() -> None:
    pattern = {
        "source": ["aws.s3"],
        "$or": [{"region": ["eu-central-1"]}, {"detail": {"$or": [{"x": [1]}, {"y": [2], "z": [3]}]}}],
    }
    check(pattern)
    assert matches(pattern, {"source": "aws.s3", "region": "eu-central-1"})
    assert matches(pattern, {"source": "aws.s3", "detail": {"x": 1}})
    assert matches(pattern, {"source": "aws.s3", "detail": {"y": 2, "z": 3}})
    assert not matches(pattern, {"source": "aws.s3", "detail": {"y": 2}})
    assert not matches(pattern, {"region": "eu-central-1", "detail": {"x": 1}})


def test_or_and_a_field_beside_it_hold_for_the_same_element() -> None:
    pattern = {"a": {"b": [1]}, "$or": [{"a": {"c": [2]}}, {"d": [3]}]}
    assert matches(pattern, {"a": [{"b": 1, "c": 2}]})
    assert not matches(pattern, {"a": [{"b": 1}, {"c": 2}]})
    assert matches(pattern, {"a": [{"b": 1}, {"c": 2}], "d": 3})


@pytest.mark.parametrize("event", [None, [], "x", 1])
def test_what_is_no_object_matches_nothing(event: Any) -> None:
    assert not matches({"a": [{"exists": False}]}, event)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ([], "Filter is not an object"),
        ({}, "Empty objects are not allowed\n at $"),
        ({"a": {}}, "Empty objects are not allowed\n at $.a"),
        ({"a": []}, "Empty arrays are not allowed\n at $.a"),
        ({"a": "x"}, '"a" must be an object or an array'),
        ({"a": 1}, '"a" must be an object or an array'),
        ({"a": [[1]]}, "Match value must be String, number, true, false, or null"),
        ({"a": [{}]}, "Match expression name not found"),
        ({"a": [{"prefix": "a", "suffix": "b"}]}, "Only one key allowed"),
        ({"a": [{"prefx": "a"}]}, "Unrecognized match type prefx"),
        ({"a": [{"prefix": 1}]}, "prefix match pattern must be a string"),
        ({"a": [{"prefix": {"wildcard": "a"}}]}, "Unsupported prefix pattern: wildcard"),
        ({"a": [{"suffix": {"equals-ignore-case": 1}}]}, "equals-ignore-case match pattern must be a string"),
        ({"a": [{"equals-ignore-case": ["a"]}]}, "equals-ignore-case match pattern must be a string"),
        ({"a": [{"exists": "true"}]}, "exists match pattern must be either true or false"),
        ({"a": [{"wildcard": "a**b"}]}, "Consecutive wildcard characters at pos 2"),
        ({"a": [{"wildcard": "a\\b"}]}, "Invalid escape character at pos 2"),
        ({"a": [{"wildcard": 1}]}, "wildcard match pattern must be a string"),
        ({"a": [{"numeric": 1}]}, "Value of numeric must be an array"),
        ({"a": [{"numeric": []}]}, "Invalid member in numeric match"),
        ({"a": [{"numeric": [1, 2]}]}, "Invalid member in numeric match: 1"),
        ({"a": [{"numeric": ["!", 2]}]}, "Unrecognized numeric range operator: !"),
        ({"a": [{"numeric": ["<"]}]}, "Value of < must be numeric"),
        ({"a": [{"numeric": ["<", "1"]}]}, "Value of < must be numeric"),
        ({"a": [{"numeric": ["=", True]}]}, "Value of = must be numeric"),
        ({"a": [{"numeric": ["<", 1, ">", 0]}]}, "Too many elements in numeric expression"),
        ({"a": [{"numeric": [">", 1, "<", 2, "<", 3]}]}, "Too many elements in numeric expression"),
        ({"a": [{"numeric": [">", 1, ">", 2]}]}, "Bad numeric range operator: >"),
        ({"a": [{"numeric": [">", 2, "<", 1]}]}, "Bottom must be less than top"),
        ({"a": [{"cidr": "10.0.0.0"}]}, "Malformed CIDR, one '/' required"),
        ({"a": [{"cidr": "10.0.0/24"}]}, "Nonstandard IP address: 10.0.0"),
        ({"a": [{"cidr": "10.0.0.0/255.0.0.0"}]}, "Malformed CIDR, mask bits must be an integer"),
        ({"a": [{"cidr": "10.0.0.0/32"}]}, "mask bits must be < 32"),
        ({"a": [{"cidr": 1}]}, "prefix match pattern must be a string"),
        ({"a": [{"anything-but": None}]}, "Value of anything-but must be an array or single string/number value"),
        ({"a": [{"anything-but": [None]}]}, "Inside anything but list, start|null|boolean is not supported"),
        ({"a": [{"anything-but": ["a", 1]}]}, "either all values are number or string"),
        ({"a": [{"anything-but": []}]}, "either all values are number or string"),
        ({"a": [{"anything-but": {"numeric": [">", 1]}}]}, "Unsupported anything-but pattern: numeric"),
        ({"a": [{"anything-but": {"prefix": ""}}]}, "Null prefix/suffix not allowed"),
        ({"a": [{"anything-but": {"suffix": [1]}}]}, "suffix match pattern must be a string"),
        ({"a": [{"anything-but": {"prefix": []}}]}, "Empty arrays are not allowed"),
        ({"$or": {"a": [1]}}, "It must be an Array followed with $or"),
        ({"$or": [{"a": [1]}]}, "There must have at least 2 Objects in $or relationship"),
        ({"$or": [{"a": [1]}, 2]}, "Only JSON object is allowed in array of $or relationship"),
        ({"$or": [{"a": [1]}, {"prefix": ["x"]}]}, "prefix is a reserved field name"),
        ({"$or": [{"a": [1]}, {}]}, "Empty objects are not allowed"),
        (
            {name: {"$or": [{str(number): [1]} for number in range(11)]} for name in "abc"},
            "more than 1000 combinations",
        ),
    ],
)
def test_a_bad_pattern_says_what_is_wrong(pattern: Any, reason: str) -> None:
    with pytest.raises(ValueError, match="Event pattern is not valid") as caught:
        check(pattern)
    assert reason in str(caught.value)


def test_text_is_parsed_and_checked() -> None:
    assert parse('{"a": [1]}') == {"a": [1]}
    for text in ("{", "[1]", '{"a": 1}'):
        with pytest.raises(ValueError, match="Event pattern is not valid"):
            parse(text)


SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab*\\", max_size=3)
EVENTS = st.dictionaries(
    st.sampled_from("abc"),
    st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner)),
    max_size=3,
)


@given(EVENTS, st.sampled_from("abc"), SCALARS)
def test_exists_and_its_opposite_never_agree_and_exact_means_exists(
    event: dict[str, Any], key: str, value: Any
) -> None:
    exists, absent = matches({key: [{"exists": True}]}, event), matches({key: [{"exists": False}]}, event)
    assert exists != absent
    if matches({key: [value]}, event):
        assert exists


@given(st.text("ab*\\", max_size=6), st.text("ab*\\", max_size=6))
def test_an_escaped_wildcard_matches_itself_alone(text: str, other: str) -> None:
    escaped = text.replace("\\", "\\\\").replace("*", "\\*")
    pattern = parse(json.dumps({"a": [{"wildcard": escaped}]}))
    assert matches(pattern, {"a": text})
    assert matches(pattern, {"a": other}) == (other == text)
