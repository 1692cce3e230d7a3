"""What is found in a record is the same, whatever it came through."""

import base64
import json
from typing import Any

import pytest
from eda_runtime.idempotency.keys import Token, default_key
from eda_runtime.records import correlation_id_of, message_of
from hypothesis import given
from hypothesis import strategies as st

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner), max_leaves=5
)
MESSAGES = st.dictionaries(st.text(), JSON)


def sqs(body: Any, message_id: str = "m-1", **more: Any) -> dict[str, Any]:
    return {"eventSource": "aws:sqs", "messageId": message_id, "body": json.dumps(body), **more}


def notification(message: Any, **more: Any) -> dict[str, Any]:
    return {"Type": "Notification", "MessageId": "n-1", "TopicArn": "arn", "Message": json.dumps(message), **more}


def event(detail: Any, **more: Any) -> dict[str, Any]:
    return {"id": "e-1", "source": "s", "detail-type": "T", "detail": detail, **more}


def kinesis(content: bytes) -> dict[str, Any]:
    data = base64.b64encode(content).decode()
    return {"eventSource": "aws:kinesis", "eventID": "shard:1", "kinesis": {"data": data}}


@given(MESSAGES)
def test_a_message_is_what_its_sender_wrote(message: dict[str, Any]) -> None:
    assert message_of(sqs(notification(message))) == message
    assert message_of({"EventSource": "aws:sns", "Sns": notification(message)}) == message
    assert message_of(kinesis(json.dumps(message).encode())) == message
    assert message_of(sqs(event(message))) == event(message)
    assert message_of(sqs({"message": message})) == {"message": message}


@given(MESSAGES, st.text(min_size=1))
def test_a_correlation_id_is_carried_through_every_wrapping(message: dict[str, Any], carried: str) -> None:
    for enveloped in ({**message, "envelope": {"correlation_id": carried}}, {"correlation_id": carried}):
        found = [
            correlation_id_of(record)
            for record in (
                sqs(enveloped),
                sqs(notification(enveloped)),
                sqs(event(enveloped)),
                event(enveloped),
                kinesis(json.dumps(enveloped).encode()),
            )
        ]
        assert found == [carried] * 5


def test_attributes_carry_a_correlation_id_where_the_message_has_none() -> None:
    attributes = {"correlation_id": {"Type": "String", "Value": "c"}}
    assert correlation_id_of(sqs(notification("text", MessageAttributes=attributes))) == "c"
    assert correlation_id_of(sqs("text", messageAttributes={"correlation_id": {"stringValue": "c"}})) == "c"
    assert correlation_id_of(sqs(event({}))) == "e-1"
    assert correlation_id_of(sqs("text")) is None
    assert correlation_id_of(kinesis(b"\xff")) is None


@given(st.sampled_from(["x", 1, None, [], {}]), st.sampled_from(["MessageId", "TopicArn", "Message", "id", "detail"]))
def test_a_body_that_only_looks_like_an_event_is_a_message_and_never_an_error(value: Any, member: str) -> None:
    for body in ({**notification({}), member: value}, {**event({}), member: value, "eventSource": "aws:dynamodb"}):
        record = sqs(body, messageAttributes=value)
        correlation_id_of(record)
        message_of(record)
        assert default_key(Token.EVENT, record)


OBJECT = {"bucket": {"name": "b"}, "object": {"key": "k", "sequencer": "1"}}
SLOT = "arn:aws:scheduler:eu-central-1:1:schedule/default/s/2026-01-31T12:00:00Z"


@pytest.mark.parametrize(
    ("body", "again", "key"),
    [
        (notification("a"), notification("a"), "n-1"),
        (event({"a": 1}), event({"a": 1}, time="later"), "e-1"),
        (event({}, id=SLOT), event({}, id=SLOT), SLOT),
        (
            event(OBJECT, source="aws.s3", id="e-1"),
            event(OBJECT, source="aws.s3", id="e-2"),
            ["T", "b", "k", "1"],
        ),
    ],
)
def test_what_is_sent_twice_has_one_key_though_the_queue_has_two_ids(body: Any, again: Any, key: Any) -> None:
    assert default_key(Token.EVENT, sqs(body, "m-1")) == default_key(Token.EVENT, sqs(again, "m-2")) == key
    assert default_key(Token.EVENT, sqs({"a": 1}, "m-1")) != default_key(Token.EVENT, sqs({"a": 1}, "m-2"))
