"""Items of the small DynamoDB client are those that boto3 gives."""

import base64
import json
import time
from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.types import Binary, TypeDeserializer, TypeSerializer
from eda_runtime.aws.items import Items, value_of
from hypothesis import given
from hypothesis import strategies as st

from tests.runtime.scripted_server import ScriptedServer, answer

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, places=5, min_value=-(10**20), max_value=10**20)
BYTES = st.binary(min_size=1, max_size=20)
SCALARS = st.none() | st.booleans() | TEXT | NUMBERS | BYTES
SETS = st.one_of(*(st.sets(of, min_size=1, max_size=4) for of in (TEXT, NUMBERS, BYTES)))
VALUES = st.recursive(
    SCALARS | SETS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=15
)


def plain(value: Any) -> Any:
    """boto3's value with bytes for its wrapper of them."""
    if isinstance(value, Binary):
        content: bytes = vars(value)["value"]
        return content
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, list | set):
        return type(value)(plain(inner) for inner in value)
    return value


def wire(value: Any) -> Any:
    """DynamoDB's JSON as it is sent."""
    return json.loads(json.dumps(value, default=lambda content: base64.b64encode(content).decode()))


@given(VALUES)
def test_a_value_is_boto3s(value: Any) -> None:
    typed = TypeSerializer().serialize(value)
    found = value_of(wire(typed))
    wanted = plain(TypeDeserializer().deserialize(typed))
    assert found == wanted
    assert repr(found) == repr(wanted) or isinstance(found, dict | list | set)


def test_a_type_that_is_not_known_is_no_value() -> None:
    with pytest.raises(ValueError, match="'X'"):
        value_of({"X": "1"})


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)


def test_an_item_is_read_consistently_by_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    item = {"id": {"S": "ü"}, "version": {"N": "12"}}
    with ScriptedServer([answer(json.dumps({"Item": item}).encode()), answer(b"{}")]) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", server.url)
        items = Items("table")
        deadline = time.monotonic() + 10
        assert items.get({"id": "ü", "n": Decimal("1.5"), "b": b"\0", "i": 3}, deadline) == {
            "id": "ü",
            "version": Decimal(12),
        }
        assert items.get({"id": "2"}, deadline) is None
    first = server.requests[0]
    assert (first.method, first.path) == ("POST", "/")
    assert first.headers["x-amz-target"] == "DynamoDB_20120810.GetItem"
    assert first.headers["content-type"] == "application/x-amz-json-1.0"
    assert json.loads(first.body) == {
        "TableName": "table",
        "Key": {"id": {"S": "ü"}, "n": {"N": "1.5"}, "b": {"B": "AA=="}, "i": {"N": "3"}},
        "ConsistentRead": True,
    }
