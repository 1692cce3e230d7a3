"""``POST /orders/{order_id}/details``: what is taken, and what is refused before anything is stored."""

import importlib
import json
import sys
from types import ModuleType
from typing import Any

import pytest
from botocore.exceptions import ClientError
from eda_runtime.http import Problem

ID = "a" * 64
TABLE = "arn:aws:dynamodb:eu-central-1:123456789012:table/orders"
MACHINE = "arn:aws:states:eu-central-1:123456789012:stateMachine:orders"
DETAILS = {"a": 1, "b": "ж"}


class Tables:
    """DynamoDB with an order and its callback."""

    def __init__(self, order: dict[str, Any], callback: dict[str, Any]) -> None:
        self.order, self.callback = order, callback
        self.written: list[str] = []

    def get_item(self, **_: Any) -> dict[str, Any]:
        return {"Item": self.order}

    def update_item(self, ExpressionAttributeValues: dict[str, Any], **_: Any) -> dict[str, Any]:
        if "callback" in self.callback or "status" in self.callback:
            code: Any = {"Error": {"Code": "ConditionalCheckFailedException", "Message": ""}, "Item": self.callback}
            raise ClientError(code, "UpdateItem")
        self.written.append(ExpressionAttributeValues[":callback"]["S"])
        return {"Attributes": {**self.callback, "callback": ExpressionAttributeValues[":callback"]}}


def load(monkeypatch: pytest.MonkeyPatch, tables: Tables, max_bytes: int = 1_000_000) -> ModuleType:
    for name, value in {
        "EDA_LINKS": json.dumps({"orders": TABLE, "workflow": [MACHINE, f"{TABLE}-callbacks"]}),
        "REQUEST_SCHEMA": "{}",
        "MAX_BODY_BYTES": str(max_bytes),
        "POWERTOOLS_SERVICE_NAME": "test",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("boto3.client", lambda *_, **__: tables)
    monkeypatch.setattr("eda_runtime.linked._clients", {})
    sys.modules.pop("functions.add_details.handler", None)
    return importlib.import_module("functions.add_details.handler")


def order(status: str, details: Any = None) -> dict[str, Any]:
    row = {"order_id": ID, "tenant": "public", "correlation_id": "c", "status": status}
    typed: dict[str, Any] = {"version": {"N": "1"}, **{name: {"S": value} for name, value in row.items()}}
    return typed | ({} if details is None else {"details": {"S": json.dumps(details)}})


def event(details: Any) -> dict[str, Any]:
    return {
        "httpMethod": "POST",
        "requestContext": {},
        "pathParameters": {"order_id": ID},
        "body": json.dumps(details, ensure_ascii=False),
    }


@pytest.mark.parametrize("status", ["COMPLETED", "FAILED"])
@pytest.mark.parametrize(
    ("stored", "sent", "answer"),
    [
        (DETAILS, {"b": "ж", "a": 1}, 202),
        ({"a": 1.0}, {"a": 1}, 202),
        (DETAILS, {"a": 2}, "the order has other details already"),
        ({"a": 1}, {"a": True}, "the order has other details already"),
        (None, DETAILS, "the order no longer waits for details"),
    ],
)
def test_an_order_that_has_ended_takes_no_details_also_when_its_callback_has_expired(
    monkeypatch: pytest.MonkeyPatch, status: str, stored: Any, sent: Any, answer: int | str
) -> None:
    tables = Tables(order(status, stored), {})
    module = load(monkeypatch, tables)
    if isinstance(answer, int):
        assert module.handle(event(sent), None)["statusCode"] == answer
    else:
        with pytest.raises(Problem) as raised:
            module.handle(event(sent), None)
        assert (raised.value.status, raised.value.detail) == (409, answer)
    assert tables.written == []


@pytest.mark.parametrize("status", ["PENDING", "AWAITING_DETAILS"])
def test_an_order_that_waits_takes_them(monkeypatch: pytest.MonkeyPatch, status: str) -> None:
    tables = Tables(order(status), {})
    assert load(monkeypatch, tables).handle(event(DETAILS), None)["statusCode"] == 202
    assert [json.loads(text) for text in tables.written] == [DETAILS]


@pytest.mark.parametrize(("letter", "count"), [("ж", 125_000), ("\U0001f600", 62_500)])
def test_long_details_are_taken_up_to_what_the_workflow_takes(
    monkeypatch: pytest.MonkeyPatch, letter: str, count: int
) -> None:
    tables = Tables(order("AWAITING_DETAILS"), {})
    module = load(monkeypatch, tables)
    assert module.handle(event({"a": letter * count}), None)["statusCode"] == 202
    tables.written.clear()
    with pytest.raises(Problem) as raised:
        module.handle(event({"a": letter * (count + 10_000)}), None)
    assert raised.value.status == 413
    assert "262144" in raised.value.detail
    assert tables.written == []


def test_half_of_a_surrogate_pair_is_400(monkeypatch: pytest.MonkeyPatch) -> None:
    tables = Tables(order("AWAITING_DETAILS"), {})
    given = event({}) | {"body": '{"a": "\\ud800"}'}
    with pytest.raises(Problem) as raised:
        load(monkeypatch, tables).handle(given, None)
    assert (raised.value.status, tables.written) == (400, [])
