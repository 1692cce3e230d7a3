"""HTTP answers, bodies and tenants."""

import base64
import json
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from eda_runtime import http
from eda_runtime.envelope import Envelope
from eda_runtime.http import Problem, json_body, problem, sent_correlation_id, tenant_of
from hypothesis import given
from hypothesis import strategies as st


def event(body: str | None, content_type: str | None = "application/json", encoded: bool = False) -> dict[str, Any]:
    headers = {} if content_type is None else {"content-type": content_type}
    return {"headers": headers, "body": body, "isBase64Encoded": encoded}


@pytest.mark.parametrize(
    ("request_event", "status"),
    [
        (event(None), 400),
        (event("{"), 400),
        (event('{"a": NaN}'), 400),
        (event('{"a": Infinity}'), 400),
        (event('{"a": 1e400}'), 400),
        (event('{"a": "\\ud800"}'), 400),
        (event('{"a": "\\ud83d\\"\\ude00"}'), 400),
        (event('{"a": "what was \ufffd"}'), 400),
        (event('{"a": "\\u0000"}'), 400),
        (event('{"a": "\\\\\\u0000"}'), 400),
        (event('{"a": 1234567890123456}'), 400),
        (event('{"a": 1.00000000000000000000001}'), 400),
        (event('{"a": 12345678901234567.01}'), 400),
        (event('{"a": 1e100}'), 400),
        (event("%", encoded=True), 400),
        (event("[1]"), 422),
        (event('"text"'), 422),
        (event('{"a":' * 40 + "1" + "}" * 40), 400),
        (event("[" * 100_000, encoded=False), 413),
        (event(json.dumps({"a": "x" * 2000})), 413),
        (event("{}", "text/plain"), 415),
        (event(base64.b64encode(b"\xff\xfe").decode(), encoded=True), 400),
        (event('{"a": "\ud800"}'), 400),
    ],
)
def test_a_bad_body_gets_its_status_and_is_not_echoed(request_event: dict[str, Any], status: int) -> None:
    with pytest.raises(Problem) as raised:
        json_body(request_event, max_bytes=1_000)
    answer = raised.value.response()
    assert answer["statusCode"] == status
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    body = json.loads(answer["body"])
    assert (body["status"], body["type"]) == (status, "about:blank")
    assert "x" * 20 not in answer["body"]


def test_a_good_body_is_read_encoded_or_not() -> None:
    text = json.dumps({"name": "Käthe"})
    assert json_body(event(text), 1_000) == {"name": "Käthe"}
    assert json_body(event(base64.b64encode(text.encode()).decode(), encoded=True), 1_000) == {"name": "Käthe"}
    assert json_body(event(text, "application/json; charset=utf-8"), 1_000) == {"name": "Käthe"}


def test_of_a_member_that_comes_twice_the_last_counts() -> None:
    assert json_body(event('{"a": "many", "a": 1}'), 1_000) == {"a": 1}


@given(st.floats(1e-99, 9e99) | st.integers(-(10**15) + 1, 10**15 - 1))
def test_numbers_are_read_with_their_value(number: float) -> None:
    assert json_body(event(json.dumps({"a": number})), 1_000) == {"a": number}


def test_a_replacement_character_is_taken_where_its_bytes_are_told() -> None:
    text = '{"a": "\ufffd"}'
    assert json_body(event(base64.b64encode(text.encode()).decode(), encoded=True), 1_000) == {"a": "\ufffd"}
    assert json_body(event('{"a": "\\ufffd"}'), 1_000) == {"a": "\ufffd"}


def test_an_escaped_backslash_is_no_escape() -> None:
    assert json_body(event('{"a": "\\\\u0000 \\\\ud800"}'), 1_000) == {"a": "\\u0000 \\ud800"}


@given(st.text() | st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=140))
def test_a_correlation_id_is_taken_or_refused_by_its_form(sent: str) -> None:
    visible = sent.isascii() and sent.isprintable() and " " not in sent and len(sent) <= 128
    for headers in ({"headers": {"x-Correlation-ID": sent}}, {"multiValueHeaders": {"X-CORRELATION-ID": [sent]}}):
        if not sent.strip():
            assert sent_correlation_id(headers) is None
        elif visible:
            assert sent_correlation_id(headers) == sent
        elif sent == sent.strip():
            with pytest.raises(Problem, match="X-Correlation-Id"):
                sent_correlation_id(headers)


def test_a_problem_may_say_when_to_come_again() -> None:
    assert problem(429, "slow down", {"Retry-After": "3"})["headers"]["Retry-After"] == "3"


@pytest.mark.parametrize(
    ("context", "tenant"),
    [
        ({"identity": {"userArn": "arn:aws:sts::123456789012:assumed-role/app/session-1"}}, "123456789012:app"),
        ({"identity": {"userArn": "arn:aws:iam::123456789012:user/joe"}}, "123456789012"),
        ({"identity": {"userArn": "arn:aws:iam::123456789012:root"}}, "123456789012"),
        ({"identity": {}, "authorizer": {"claims": {"sub": "u-1"}}}, "u-1"),
        ({"identity": {"apiKeyId": "k1"}}, "key:k1"),
        ({"identity": {"userArn": None}}, "public"),
        ({}, "public"),
    ],
)
def test_the_tenant_comes_from_account_and_role_never_from_the_session(context: dict[str, Any], tenant: str) -> None:
    assert tenant_of({"requestContext": context}) == tenant


@given(st.builds(Envelope, st.text(min_size=1), st.text(), st.text(), st.text(), st.text()))
def test_an_envelope_survives_its_message(envelope: Envelope) -> None:
    assert Envelope.of(json.loads(json.dumps({"envelope": envelope.as_dict()}))) == envelope


@given(st.dictionaries(st.text(), st.none() | st.text() | st.integers() | st.dictionaries(st.text(), st.text())))
def test_a_message_without_an_envelope_has_none(message: dict[str, Any]) -> None:
    found = Envelope.of(message)
    assert found is None or found.correlation_id == message["envelope"]["correlation_id"]


TRACE, PARENT = "a" * 32, "b" * 16
VALID_TRACE = f"00-{TRACE}-{PARENT}-01"


@pytest.mark.parametrize(
    ("given_trace", "sent"),
    [
        (VALID_TRACE, VALID_TRACE),
        (f"00-{TRACE}-{PARENT}-03", f"00-{TRACE}-{PARENT}-03"),
        (f"01-{TRACE}-{PARENT}-01", VALID_TRACE),
        (f"fe-{TRACE}-{PARENT}-01-what-comes-later", VALID_TRACE),
        (f"cc-{TRACE}-{PARENT}-fd", VALID_TRACE),
        (f"ff-{TRACE}-{PARENT}-01", ""),
        (f"00-{'0' * 32}-{PARENT}-01", ""),
        (f"00-{TRACE}-{'0' * 16}-01", ""),
        (f"01-{'0' * 32}-{PARENT}-01", ""),
        (f"00-{TRACE}-{PARENT}-01-more", ""),
        (f"01-{TRACE}-{PARENT}-01more", ""),
        (f"01-{TRACE}-{PARENT}-01-\r\nevil: 1", ""),
        (VALID_TRACE.upper(), ""),
        (VALID_TRACE + "\n", ""),
        (" " + VALID_TRACE, ""),
        (f"00-{TRACE}-{PARENT}", ""),
        (f"0-{TRACE}-{PARENT}-01", ""),
        ("x\r\nevil: 1", ""),
        ("", ""),
    ],
)
def test_only_a_valid_traceparent_is_passed_on(given_trace: str, sent: str) -> None:
    expected = {"X-Correlation-Id": "c", **({"traceparent": sent} if sent else {})}
    assert Envelope("c", traceparent=given_trace).headers() == expected


@given(st.text() | st.sampled_from(["a\r\nX: 1", "é", "€", "\x7f", "", " a", "a ", "x" * 257, "a\tb", "a\x00"]))
def test_only_what_can_be_a_headers_value_becomes_one(correlation_id: str) -> None:
    sent = Envelope(correlation_id).headers()
    if "X-Correlation-Id" not in sent:
        assert not (correlation_id.isascii() and correlation_id.isalnum() and len(correlation_id) <= 256)
        return
    value = sent["X-Correlation-Id"]
    assert value == correlation_id == value.strip()
    assert value.isascii() and value.isprintable() and 1 <= len(value) <= 256  # noqa: PT018  # one thing


def test_every_error_has_a_title_of_the_standard() -> None:
    titles = {status: problem(status, "") for status in range(400, 600)}
    named = {status: json.loads(answer["body"])["title"] for status, answer in titles.items()}
    assert all(named.values())
    assert {status: named[status] for status in (413, 414, 416, 422, 499, 599, 404)} == {
        413: "Content Too Large",
        414: "URI Too Long",
        416: "Range Not Satisfiable",
        422: "Unprocessable Content",
        499: "Client Error",
        599: "Server Error",
        404: "Not Found",
    }
    for status in (200, 399, 600):
        with pytest.raises(ValueError, match=f"{status}; it must be 400 to 599"):
            Problem(status, "")
    assert Problem(599, "why").response()["statusCode"] == 599


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize(
    ("resource", "parameters", "asked"),
    [
        ("/orders", None, "/orders"),
        ("/orders/{order_id}/details", {"order_id": "7"}, "/orders/7/details"),
        ("/files/{path+}", {"path": "a/b/c"}, "/files/a/b/c"),
        ("/", None, "/"),
    ],
)
@pytest.mark.parametrize("before", ["/v1", "/shop", ""])
def test_a_reference_leads_to_the_other_path_behind_stage_and_base_path(
    before: str, resource: str, parameters: dict[str, str] | None, asked: str, slash: str
) -> None:
    url = f"https://api.example.com{before}{asked.rstrip('/') if slash else asked}{slash}"
    # Of a REST API, whose event has the base path of a custom domain, and no stage.
    event = {"resource": resource, "path": urlsplit(url).path, "pathParameters": parameters}
    wanted = f"https://api.example.com{before}/orders/7"
    assert urljoin(url, http.reference(event, "/orders/7")) == wanted
    # Of an HTTP API, which names the route; of a function URL, which has the path alone.
    routed = {"routeKey": f"GET {resource}", "rawPath": urlsplit(url).path, "pathParameters": parameters}
    assert urljoin(url, http.reference(routed, "/orders/7")) == wanted
    if not before:
        assert urljoin(url, http.reference({"rawPath": urlsplit(url).path}, "/orders/7")) == wanted


def test_a_reference_that_begins_with_a_colon_is_no_scheme() -> None:
    event = {"resource": "/orders", "path": "/orders"}
    assert urljoin("https://a.example/v1/orders", http.reference(event, "/urn:7")) == "https://a.example/v1/urn:7"
