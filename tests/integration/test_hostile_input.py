"""Thousands of generated requests: each a clear 4xx or a real success, without effect where refused, and nothing of the
input in the logs."""

import json
import secrets
from typing import Any
from urllib.parse import quote

import pytest
import schemathesis
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from eda_sandbox.embedded import Sandbox
from eda_sandbox.foundation.cloud import REGION, ROOT_KEY, ROOT_SECRET
from eda_sandbox.provider.deploy import Stack
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline import documents

MARK = f"hostile{secrets.token_hex(6)}"
EXAMPLES = settings(
    max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
POOL = urllib3.PoolManager(retries=False, timeout=120)
ORDER_ID = "0" * 64
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
HOSTILE = st.sampled_from(
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b'{"customer": "\xc3\x28"}',
        b"[" * 5_000,
        b'{"a":' * 2_000 + b"1" + b"}" * 2_000,
        b'{"quantity": NaN}',
        b'{"customer":"c","sku":"s","quantity":1e999}',
        b'{"customer":"c","sku":"s","quantity":99999999999999999999999}',
        b'{"customer":"c","sku":"s","quantity":1,"quantity":"x"}',
        b"null",
        b'"text"',
        b'{"__proto__": {}, "constructor": 1}',
        b'{"customer":"' + b"x" * 9_000 + b'","sku":"s","quantity":1}',
    ]
)
BODIES = HOSTILE | st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode("utf-8", "replace"))
IDS = st.sampled_from(
    [
        "..",
        "../orders",
        "a/b",
        "%2e%2e",
        "%00",
        "\u0430" * 64,
        "A" * 64,
        "0" * 63,
        "0" * 65,
        "' OR 1=1",
        "${x}",
        "{{7*7}}",
    ]
) | st.text(min_size=1, max_size=80).filter(lambda text: text.strip("./ ") != "")


def send(url: str, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Any:
    given = {"Content-Type": "application/json", **(headers or {})}
    request = AWSRequest(method, url + path, data=body, headers=given)
    SigV4Auth(Credentials(ROOT_KEY, ROOT_SECRET), "execute-api", REGION).add_auth(request)
    return POOL.request(method, url + path, body=body, headers=dict(request.headers.items()))


def refused(answer: Any) -> None:
    assert 400 <= answer.status < 500, (answer.status, answer.data)
    assert answer.headers["content-type"] == "application/problem+json"
    problem = json.loads(answer.data)
    assert problem["status"] == answer.status
    assert "Traceback" not in answer.data.decode()


@pytest.fixture(scope="module")
def rows(aws: Sandbox, stack: Stack) -> Any:
    def count() -> int:
        return int(aws.client("dynamodb").scan(TableName=stack.outputs["orders_table_name"], Select="COUNT")["Count"])

    return count


@EXAMPLES
@given(body=BODIES)
def test_any_body_of_an_order_is_refused_without_effect_or_accepted(stack: Stack, rows: Any, body: bytes) -> None:
    before = rows()
    answer = send(stack.outputs["api_url"], "POST", "/orders", body, {"Idempotency-Key": secrets.token_hex(8)})
    if answer.status == 202:
        assert set(json.loads(body)) >= {"customer", "sku", "quantity"}
    else:
        refused(answer)
        assert rows() == before


@EXAMPLES
@given(body=BODIES, order_id=st.just(ORDER_ID) | IDS)
def test_any_details_for_an_order_that_is_not_there_are_refused(stack: Stack, body: bytes, order_id: str) -> None:
    path = f"/orders/{quote(order_id, safe='')}/details"
    refused(send(stack.outputs["api_url"], "POST", path, body))


@EXAMPLES
@given(order_id=IDS)
def test_any_id_that_is_none_is_refused(stack: Stack, order_id: str) -> None:
    refused(send(stack.outputs["api_url"], "GET", f"/orders/{quote(order_id, safe='')}"))


# Most of these are orders, each with a workflow of its own behind it.
@settings(EXAMPLES, max_examples=60)
@given(
    key=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=300),
    correlation=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=80),
)
def test_any_key_and_correlation_id_that_a_header_can_hold(stack: Stack, key: str, correlation: str) -> None:
    headers = {"Idempotency-Key": key, "X-Correlation-Id": correlation, "traceparent": correlation}
    body = json.dumps({"customer": "c", "sku": "SKU-0001", "quantity": 1}).encode()
    answer = send(stack.outputs["api_url"], "POST", "/orders", body, headers)
    if answer.status != 202:
        refused(answer)


LAMBDA_PAYLOAD = 6 * 1024 * 1024


@pytest.mark.parametrize("size", [8_001, 140_000, 300_000, 7_000_000, 9_500_000, 10_500_000])
def test_details_over_the_limit_are_413_at_every_size(stack: Stack, size: int) -> None:
    # Valid by the schema, so that nothing but its length can be wrong; from 6 MB on no function gets it.
    body = json.dumps({"address": "ü", "delivery_date": "2027-01-15"}, ensure_ascii=False).encode().ljust(size)
    answer = send(stack.outputs["api_url"], "POST", f"/orders/{ORDER_ID}/details", body)
    assert answer.status == 413
    if size > LAMBDA_PAYLOAD:
        # The one answer whose text is API Gateway's own.
        assert answer.headers["content-type"] == "application/json"
    else:
        refused(answer)


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("POST", "/details")])
@pytest.mark.parametrize("id", ["x" * 129, "a b", "\xe9"])
def test_a_bad_correlation_id_is_refused_by_functions_too(stack: Stack, method: str, path: str, id: str) -> None:
    body = b"" if method == "GET" else b'{"address": "a", "delivery_date": "2027-01-15"}'
    answer = send(stack.outputs["api_url"], method, f"/orders/{ORDER_ID}{path}", body, {"X-Correlation-Id": id})
    refused(answer)
    assert answer.status == 400
    assert "X-Correlation-Id" in json.loads(answer.data)["detail"]


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/xml", "multipart/form-data", "application/x-www-form-urlencoded"]
)
def test_another_media_type_is_not_taken(stack: Stack, content_type: str) -> None:
    headers = {"Content-Type": content_type, "Idempotency-Key": secrets.token_hex(8)}
    for path in ("/orders", f"/orders/{ORDER_ID}/details"):
        answer = send(stack.outputs["api_url"], "POST", path, b"a=b", headers)
        refused(answer)
        assert answer.status == 415


def test_nothing_of_what_was_refused_is_in_the_logs(aws: Sandbox, stack: Stack) -> None:
    body = json.dumps({"customer": MARK, "sku": MARK, "quantity": MARK, MARK: MARK}).encode()
    send(stack.outputs["api_url"], "POST", "/orders", body, {"Idempotency-Key": secrets.token_hex(8)})
    refused(send(stack.outputs["api_url"], "POST", f"/orders/{ORDER_ID}/details", body))
    logs = aws.client("logs")
    for group in logs.describe_log_groups()["logGroups"]:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"])
        assert not [event for page in pages for event in page["events"] if MARK in event["message"]]


def test_schemathesis_finds_nothing_against_the_published_document(stack: Stack) -> None:
    schema = schemathesis.openapi.from_dict(json.loads(documents.openapi()))
    url = stack.outputs["api_url"]
    for operation in schema.get_all_operations():
        made = operation.ok()

        @settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
        @given(case=made.as_strategy())
        def conforms(case: Any) -> None:
            path = case.path
            for name, value in (case.path_parameters or {}).items():
                path = path.replace(f"{{{name}}}", quote(str(value), safe=""))
            body = b"" if case.body is None or type(case.body).__name__ == "NotSet" else json.dumps(case.body).encode()
            headers = {name: str(value) for name, value in (case.headers or {}).items() if str(value).isprintable()}
            headers = {name: value.encode("latin-1", "replace").decode("latin-1") for name, value in headers.items()}
            headers.pop("Authorization", None)
            answer = send(url, case.method, path, body, headers)
            assert str(answer.status) in case.operation.definition.raw["responses"], (answer.status, answer.data)
            assert answer.status < 500

        conforms()
