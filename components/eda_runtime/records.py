"""What a function is given, whatever it came through: the record of a queue or a stream, and what its sender wrote.

``IdempotentLambda`` has whatever is pushed (a topic's messages, a bus's events, a schedule's slots) come through a
queue, so a record may hold what another service wrapped::

    def handle(record, context):
        reading = message_of(record)
"""

import base64
import time
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from eda_runtime import json_text
from eda_runtime.envelope import Envelope
from eda_runtime.http import is_http


class Source(StrEnum):
    """What an event or a record is, by its shape."""

    HTTP = "HTTP"
    SQS = "SQS"
    SNS = "SNS"
    DYNAMODB = "DYNAMODB"
    KINESIS = "KINESIS"
    EVENTBRIDGE = "EVENTBRIDGE"
    OTHER = "OTHER"


_RECORDS = {
    "aws:sqs": Source.SQS,
    "aws:sns": Source.SNS,
    "aws:dynamodb": Source.DYNAMODB,
    "aws:kinesis": Source.KINESIS,
}
_NOTIFICATION = frozenset({"Type", "MessageId", "TopicArn", "Message"})
_EVENT = frozenset({"id", "source", "detail-type", "detail"})


def source_of(event: Any) -> Source:
    """What an event is; a record of a batch, or the one record of an SNS event, is known by its ``eventSource``."""
    if not isinstance(event, Mapping):
        return Source.OTHER
    if is_http(event):
        return Source.HTTP
    named = event.get("eventSource") or event.get("EventSource")
    if isinstance(named, str) and named in _RECORDS:
        return _RECORDS[named]
    if {"id", "detail-type", "detail"} <= event.keys():
        return Source.EVENTBRIDGE
    return Source.OTHER


def unwrapped(record: Any) -> Any:
    """What came through a queue, as its own service sends it: the record of a topic's message, or an event of a bus;
    any other record or event as it is."""
    if source_of(record) is not Source.SQS:
        return record
    body = parsed(record.get("body"))
    if not isinstance(body, Mapping):
        return record
    # The body is a stranger's where somebody else may send to the queue: only what is complete counts.
    if body.keys() >= _NOTIFICATION and body["Type"] == "Notification" and _text(body["MessageId"]):
        return {"EventSource": "aws:sns", "Sns": body}
    is_event = body.keys() >= _EVENT and source_of(body) is Source.EVENTBRIDGE and _text(body["id"])
    return body if is_event else record


def message_of(record: Any) -> Any:
    """What the sender wrote: a queue's or a topic's message, JSON as its value; what a Kinesis record carries,
    likewise, and bytes that are no text as such; an event of a bus, a schedule or a bucket, and a table's change, as a
    whole.

    Args:
        record: a record of a batch, or an event.
    """
    found = unwrapped(record)
    match source_of(found):
        case Source.SQS:
            return parsed(found.get("body"))
        case Source.SNS:
            return parsed((found.get("Sns") or {}).get("Message"))
        case Source.KINESIS:
            return _decoded((found.get("kinesis") or {}).get("data"))
        case _:
            return found


def correlation_id_of(record: Any) -> str | None:
    """The correlation id that a record or an event carries: in its message's envelope or as the member
    ``correlation_id`` of its message, its row or its ``detail``, or as the attribute ``correlation_id`` of its message.
    An event of a bus that carries none is found by its ``id``."""
    found = unwrapped(record)
    match source_of(found):
        case Source.DYNAMODB:
            change = found.get("dynamodb") or {}
            image = change.get("NewImage") or change.get("OldImage") or {}
            return _text((image.get("correlation_id") or {}).get("S"))
        case Source.EVENTBRIDGE:
            return _carried(found["detail"]) or _text(found["id"])
        case Source.SQS:
            attributes, value = found.get("messageAttributes"), "stringValue"
        case Source.SNS:
            attributes, value = (found.get("Sns") or {}).get("MessageAttributes"), "Value"
        case Source.KINESIS:
            attributes, value = None, ""
        case _:
            return None
    attribute = attributes.get("correlation_id") if isinstance(attributes, Mapping) else None
    named = attribute.get(value) if isinstance(attribute, Mapping) else None
    return _carried(message_of(found)) or _text(named)


def envelope_of(record: Any) -> Envelope | None:
    """The envelope of what a record causes: the correlation id and trace that it carries, and its own id as the cause;
    None where it carries no correlation id.

    Args:
        record: a record of a batch, or an event.
    """
    correlation_id = correlation_id_of(record)
    if correlation_id is None:
        return None
    found = unwrapped(record)
    match source_of(found):
        case Source.SQS:
            said, cause = message_of(found), found.get("messageId")
        case Source.SNS:
            said, cause = message_of(found), found["Sns"].get("MessageId")
        case Source.EVENTBRIDGE:
            said, cause = found["detail"], found["id"]
        case _:
            said, cause = message_of(found), found.get("eventID")
    carried = Envelope.of(said) if isinstance(said, Mapping) else None
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return Envelope(correlation_id, _text(cause) or "", "" if carried is None else carried.traceparent, now)


def parsed(text: Any) -> Any:
    """JSON that came as text, so that its white space counts for nothing; other text as it is.

    Numbers keep their value, and any depth is read: what is valid JSON is never a reason to fail.
    """
    if not isinstance(text, str):
        return text
    try:
        return json_text.loads(text)
    except ValueError:
        return text


def _decoded(data: Any) -> Any:
    if not isinstance(data, str):
        return data
    content = base64.b64decode(data)
    try:
        return parsed(content.decode())
    except UnicodeDecodeError:
        return content


def _carried(message: Any) -> str | None:
    if not isinstance(message, Mapping):
        return None
    envelope = Envelope.of(message)
    return _text(envelope.correlation_id if envelope is not None else message.get("correlation_id"))


def _text(found: Any) -> str | None:
    return found if isinstance(found, str) and found else None
