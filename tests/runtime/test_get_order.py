"""``GET /orders/{order_id}`` against a DynamoDB and an S3 of its own: what is answered, and what is asked for it."""

import hashlib
import importlib
import json
import sys
from typing import Any

import pytest
from eda_runtime.aws.calls import Throttled, Unavailable
from eda_runtime.http import Problem

from tests.runtime.deployed import Context
from tests.runtime.scripted_server import HANG, ScriptedServer, answer

ID = "ab" * 32
ROW = {
    "order_id": {"S": ID},
    "tenant": {"S": "public"},
    "correlation_id": {"S": "c-1"},
    "status": {"S": "COMPLETED"},
    "version": {"N": "3"},
    "created_at": {"S": "2026-01-01T00:00:00Z"},
    "updated_at": {"S": "2026-01-01T00:00:01Z"},
    "details": {"S": '{"b":2,"a":"ü"}'},
    "result": {"S": '{"offers_seen":1}'},
}
SHOWN = {
    "order_id": ID,
    "status": "COMPLETED",
    "correlation_id": "c-1",
    "created_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-01-01T00:00:01Z",
    "version": 3,
    "result": {"offers_seen": 1},
    "details": {"b": 2, "a": "ü"},
}
TAG = f'"{ID[:16]}-3"'


def item(**changes: Any) -> bytes:
    row = {name: value for name, value in (ROW | changes).items() if value is not None}
    return answer(json.dumps({"Item": row}).encode())


def event(order_id: str = ID, **headers: str) -> dict[str, Any]:
    return {
        "httpMethod": "GET",
        "requestContext": {},
        "headers": {name.replace("_", "-"): value for name, value in headers.items()},
        "pathParameters": {"order_id": order_id},
    }


@pytest.fixture
def handle(monkeypatch: pytest.MonkeyPatch) -> Any:
    def made(server: ScriptedServer) -> Any:
        for name, value in {
            "EDA_LINKS": '{"orders": "arn:aws:dynamodb:eu-central-1:123456789012:table/orders"}',
            "EDA_PAYLOAD_STORE": '{"bucket": "payloads", "prefix": "p/", "access": "READ"}',
            "POWERTOOLS_SERVICE_NAME": "test",
            "AWS_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "k",
            "AWS_SECRET_ACCESS_KEY": "s",
            "AWS_ENDPOINT_URL": server.url,
        }.items():
            monkeypatch.setenv(name, value)
        sys.modules.pop("functions.get_order.handler", None)
        return importlib.import_module("functions.get_order.handler").handle

    return made


def test_the_order_is_shown_as_the_table_has_it(handle: Any) -> None:
    with ScriptedServer([item(), item()]) as server:
        get = handle(server)
        for _ in range(2):
            found = get(event(), Context(2000))
            assert found["statusCode"] == 200
            assert json.loads(found["body"]) == SHOWN
            assert list(json.loads(found["body"])) == list(SHOWN)
            assert found["headers"] == {
                "Content-Type": "application/json",
                "ETag": TAG,
                "Cache-Control": "private, max-age=5",
            }
    assert server.connections == 1
    assert json.loads(server.requests[0].body) == {
        "TableName": "orders",
        "Key": {"order_id": {"S": ID}},
        "ConsistentRead": True,
    }


@pytest.mark.parametrize("given", [TAG, f"W/{TAG}", f'"x", {TAG}', "*"])
def test_who_has_it_already_gets_no_body(given: str, handle: Any) -> None:
    reference = {"claim_check": {"bucket": "payloads", "key": "p/" + "0" * 64, "sha256": "0" * 64, "bytes": 1}}
    with ScriptedServer([item(result={"S": json.dumps(reference)})]) as server:
        found = handle(server)(event(if_none_match=given), Context(2000))
    assert (found["statusCode"], found["body"], found["headers"]["ETag"]) == (304, "", TAG)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "given", [answer(b"{}"), item(version=None), item(tenant={"S": "key:another"})], ids=["none", "unanswered", "other"]
)
def test_what_is_not_the_callers_is_not_there(given: bytes, handle: Any) -> None:
    with ScriptedServer([given]) as server, pytest.raises(Problem) as raised:
        handle(server)(event(), Context(2000))
    assert raised.value.status == 404


def test_an_id_that_is_none_costs_no_read(handle: Any) -> None:
    with ScriptedServer([]) as server, pytest.raises(Problem) as raised:
        handle(server)(event("no-id"), Context(2000))
    assert raised.value.status == 404
    assert server.connections == 0


def test_a_long_result_is_read_from_the_payload_store_over_one_connection(handle: Any) -> None:
    content = json.dumps({"offers": ["ü"] * 1000}).encode()
    sha256 = hashlib.sha256(content).hexdigest()
    claim = {"bucket": "payloads", "key": f"p/{sha256}", "sha256": sha256, "bytes": len(content)}
    row = item(result={"S": json.dumps({"offers_seen": 2, "all": {"claim_check": claim}})})
    with ScriptedServer([row, answer(content)] * 2) as server:
        get = handle(server)
        for _ in range(2):
            found = get(event(), Context(2000))
            assert json.loads(found["body"])["result"] == {"offers_seen": 2, "all": json.loads(content)}
    assert [request.path for request in server.requests] == ["/", f"/payloads/p/{sha256}"] * 2
    assert server.connections == 2


def test_a_result_whose_time_is_over_has_another_tag(handle: Any) -> None:
    claim = {"bucket": "payloads", "key": "p/" + "0" * 64, "sha256": "0" * 64, "bytes": 1}
    gone = answer(b"<Error><Code>NoSuchKey</Code><Message/></Error>", 404)
    with ScriptedServer([item(result={"S": json.dumps({"claim_check": claim})}), gone]) as server:
        found = handle(server)(event(), Context(2000))
    body = json.loads(found["body"])
    assert "result" not in body
    assert body["result_expired"] is True
    assert found["headers"]["ETag"] == f'"{ID[:16]}-3-expired"'


def test_a_throttled_table_is_tried_again_and_told(handle: Any) -> None:
    throttle = answer(b'{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException"}', 400)
    with ScriptedServer([throttle, item()]) as server:
        assert handle(server)(event(), Context(2000))["statusCode"] == 200
    with ScriptedServer([throttle] * 3) as server, pytest.raises(Throttled):
        handle(server)(event(), Context(2000))


def test_a_table_that_hangs_is_told_within_the_functions_time(handle: Any) -> None:
    with ScriptedServer([HANG] * 3) as server, pytest.raises(Unavailable):
        handle(server)(event(), Context(500))
    with ScriptedServer([]) as server, pytest.raises(Unavailable):
        handle(server)(event(), Context(90))
    assert server.connections == 0
