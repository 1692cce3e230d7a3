"""Input templates of Pipes do what the service documents, for any event."""

import json
from typing import Any

import pytest
from eda_sandbox.services.pipes.source_events import decoded
from eda_sandbox.services.pipes.template import MISSING, InputTemplate, TemplateError, resolve
from hypothesis import given
from hypothesis import strategies as st

EVENT: dict[str, Any] = {
    "eventName": "INSERT",
    "dynamodb": {
        "Keys": {"id": {"S": "o-1"}},
        "NewImage": {
            "note": {"S": 'He said "hi"\n\\o/ ü'},
            "version": {"N": "7"},
            "payload": {"S": '{"a": [1, 2]}'},
            "tags": {"L": [{"S": "x"}, {"S": "y"}]},
            "gift": {"BOOL": True},
            "gone": {"NULL": True},
            "the-dash_key": {"S": "d"},
        },
        "SizeBytes": 26,
    },
}
RESERVED = {"aws.pipes.pipe-name": "orders", "aws.pipes.pipe-arn": "arn:aws:pipes:eu-central-1:1:pipe/orders"}
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
names = st.from_regex(r"[A-Za-z_][\w-]{0,10}", fullmatch=True).filter(str.isascii)


def apply(template: str, event: Any = EVENT) -> str:
    return InputTemplate(template).apply(event, RESERVED)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        # Strings get their quotes and are escaped; a DynamoDB number is a string; other scalars keep their type.
        ('{"note": <$.dynamodb.NewImage.note.S>}', {"note": 'He said "hi"\n\\o/ ü'}),
        ('{"version": <$.dynamodb.NewImage.version.N>}', {"version": "7"}),
        ('{"payload": <$.dynamodb.NewImage.payload.S>}', {"payload": '{"a": [1, 2]}'}),
        ('{"gift": <$.dynamodb.NewImage.gift.BOOL>, "size": <$.dynamodb.SizeBytes>}', {"gift": True, "size": 26}),
        # Objects and arrays keep their wrappers, elements are reached by index and wildcard.
        ('{"tags": <$.dynamodb.NewImage.tags.L>}', {"tags": [{"S": "x"}, {"S": "y"}]}),
        ('{"tag": <$.dynamodb.NewImage.tags.L[1].S>}', {"tag": "y"}),
        ('{"tags": <$.dynamodb.NewImage.tags.L[*].S>}', {"tags": ["x", "y"]}),
        ('{"d": <$.dynamodb.NewImage.the-dash_key.S>}', {"d": "d"}),
        # Quotes around a variable are allowed and not doubled.
        ('{"name": "<$.eventName>"}', {"name": "INSERT"}),
        ('{"name": "change: <$.eventName> of <$.dynamodb.Keys.id.S>"}', {"name": "change: INSERT of o-1"}),
        # In a string, objects and arrays lose their quotes.
        ('{"keys": "Keys are <$.dynamodb.Keys>"}', {"keys": "Keys are {id:{S:o-1}}"}),
        # A path that leads nowhere.
        ('{"a": <$.dynamodb.NewImage.nobody.S>, "b": "<$.nobody>", "c": "x<$.no>y"}', {"a": "", "b": "", "c": "xy"}),
        ('{"all": <$.dynamodb.NewImage.nobody.L[*].S>}', {"all": []}),
        # Reserved variables.
        ('{"pipe": <aws.pipes.pipe-name>}', {"pipe": "orders"}),
        ('{"arn": "<aws.pipes.pipe-arn>"}', {"arn": RESERVED["aws.pipes.pipe-arn"]}),
        ('{"event": <aws.pipes.event.json>}', {"event": EVENT}),
        ('{"text": "<aws.pipes.event>"}', {"text": json.dumps(EVENT, ensure_ascii=False, separators=(",", ":"))}),
        # What is no variable stays.
        ('{"html": "<b>bold</b> & <$.eventName>"}', {"html": "<b>bold</b> & INSERT"}),
        ('[<$.eventName>, "\\"<$.eventName>\\""]', ["INSERT", '"INSERT"']),
    ],
)  # fmt: skip
def test_a_json_template(template: str, expected: Any) -> None:
    assert json.loads(apply(template)) == expected


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("<$.dynamodb.NewImage.note.S>", EVENT["dynamodb"]["NewImage"]["note"]["S"]),
        ("<$.dynamodb.Keys>", '"{id:{S:o-1}}"'),
        ('"Hello, <$.eventName>"', '"Hello, INSERT"'),
        ("Hello, <$.nobody>!", "Hello, !"),
        ('{"a": <$.eventName>}\n', '{"a": "INSERT"}\n'),
    ],
)
def test_a_template_of_text(template: str, expected: str) -> None:
    assert apply(template) == expected


def test_what_stands_in_quotes_is_not_escaped_and_can_spoil_the_json() -> None:
    with pytest.raises(TemplateError, match="gives no JSON"):
        apply('{"note": "<$.dynamodb.NewImage.note.S>"}')
    with pytest.raises(TemplateError, match="gives no JSON"):
        apply('{"event": "<aws.pipes.event.json>"}')


@pytest.mark.parametrize("template", ['{"a": <aws.pipes.nothing>}', '{"a": <$.a..b>}', '{"a": <$.a[x]>}', "<$a>"])
def test_a_template_that_cannot_work_is_refused(template: str) -> None:
    with pytest.raises(TemplateError):
        InputTemplate(template)


@given(value=json_values, name=names)
def test_any_value_outside_quotes_arrives_as_it_was(value: Any, name: str) -> None:
    rendered = apply(f'{{"before": "\\"", "value": <$.{name}>, "after": <$.{name}>}}', {name: value})
    assert json.loads(rendered) == {"before": '"', "value": value, "after": value}


@given(
    event=st.dictionaries(names, json_values, max_size=5), wanted=st.lists(names, min_size=1, max_size=8, unique=True)
)
def test_columns_are_there_whatever_the_event_lacks(event: dict[str, Any], wanted: list[str]) -> None:
    template = "{" + ",".join(f'"{name}": <$.{name}>' for name in wanted) + "}\n"
    assert json.loads(apply(template, event)) == {name: event.get(name, "") for name in wanted}


@given(text=st.text(st.characters(exclude_characters='"\\', exclude_categories=["Cc", "Cs"])))
def test_plain_text_in_quotes_arrives_as_it_was(text: str) -> None:
    assert json.loads(apply('{"a": "<$.a>", "b": "x<$.a>y"}', {"a": text})) == {"a": text, "b": f"x{text}y"}


@given(literal=st.text(st.characters(exclude_characters="<>", exclude_categories=["Cs"])))
def test_text_without_variables_stays(literal: str) -> None:
    try:
        assert apply(literal) == literal
    except TemplateError:
        assert literal.lstrip()[:1] in ("{", "[")


def test_paths() -> None:
    assert resolve("$", EVENT) is EVENT
    assert resolve("$.dynamodb.NewImage.tags.L.0.S", EVENT) == "x"
    assert resolve("$.dynamodb.NewImage.tags.L[7].S", EVENT) is MISSING
    assert resolve("$.eventName.deeper", EVENT) is MISSING


@pytest.mark.parametrize(
    ("data", "expected"),
    [("eyJhIjogMX0=", {"a": 1}), ("Im9uZSI=", "one"), ("bm8ganNvbg==", "bm8ganNvbg=="), ("/w==", "/w==")],
)
def test_kinesis_data_is_json_where_it_is_json(data: str, expected: Any) -> None:
    assert decoded({"data": data, "partitionKey": "p"}) == {"data": expected, "partitionKey": "p"}
