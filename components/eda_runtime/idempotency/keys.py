"""Where idempotency keys come from, when they are refused, and the form in which they are hashed."""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any

from aws_lambda_powertools.utilities.idempotency.exceptions import IdempotencyKeyError

from eda_runtime import json_text
from eda_runtime.http import body_of, caller_of, header, is_http, method_of, path_of, query_of
from eda_runtime.records import Source, message_of, parsed, source_of, unwrapped
from eda_runtime.request_limits import MAX_IDEMPOTENCY_KEY


class Token(StrEnum):
    """Where the key comes from."""

    CLIENT = "CLIENT"
    """The client made it: the ``Idempotency-Key`` header."""
    EVENT = "EVENT"
    """The event service made it: the event's or the record's id."""
    PAYLOAD = "PAYLOAD"
    """The receiver makes it: a hash of the payload."""


def batch_source(event: Any) -> Source | None:
    """What a batch is of whose records are handled one by one, a queue or a stream; None for any other event."""
    records = event.get("Records") if isinstance(event, Mapping) else None
    if not isinstance(records, list) or not records:
        return None
    source = source_of(records[0])
    return source if source in (Source.SQS, Source.DYNAMODB, Source.KINESIS) else None


def the_record(event: Any) -> Any:
    """The one record of an SNS event; every other event as it is."""
    records = event.get("Records") if isinstance(event, Mapping) else None
    if isinstance(records, list) and len(records) == 1 and source_of(records[0]) is Source.SNS:
        return records[0]
    return event


def default_key(token: Token, event: Any) -> Any:
    """What is hashed into the key where no JMESPath names it.

    ``CLIENT``: the caller and the ``Idempotency-Key`` header, with or without the quotes of the IETF's draft; so two
    callers' keys never meet. ``EVENT``: SNS ``MessageId`` and EventBridge ``id``, also where these came through a
    queue, of an object's event its kind, bucket, key and ``sequencer``; SQS ``messageId``, stream ``eventID``.
    ``PAYLOAD``: what the sender wrote, without what is new with every delivery.

    Raises:
        IdempotencyKeyError: there is none.
    """
    event = the_record(event)
    if token is Token.CLIENT:
        given = header(event, "idempotency-key") if isinstance(event, Mapping) else None
        if given is None:
            raise IdempotencyKeyError("the Idempotency-Key header is missing")
        return [caller_of(event), client_key(given)]
    # A topic or a rule that sends a message twice sends it with two ids of the queue's.
    event = unwrapped(event)
    source = source_of(event)
    if token is Token.PAYLOAD:
        return payload_of(source, event)
    match source:
        case Source.SQS:
            return event.get("messageId")
        case Source.SNS:
            return (event.get("Sns") or {}).get("MessageId")
        case Source.DYNAMODB | Source.KINESIS:
            return event.get("eventID")
        case Source.EVENTBRIDGE:
            return _object_change(event) or event.get("id")
        case _:
            return event.get("id") if isinstance(event, Mapping) else None


def _object_change(event: Mapping[str, Any]) -> list[str] | None:
    """What tells one change of an object from another (S3, events for EventBridge); None for any other event."""
    detail = event["detail"]
    if event.get("source") != "aws.s3" or not isinstance(detail, Mapping):
        return None
    bucket, changed = detail.get("bucket"), detail.get("object")
    if not isinstance(bucket, Mapping) or not isinstance(changed, Mapping) or not changed.get("sequencer"):
        return None
    return [event["detail-type"], bucket.get("name", ""), changed.get("key", ""), changed["sequencer"]]


def client_key(given: str) -> str:
    """An ``Idempotency-Key`` without the quotes that the draft has and many clients leave out.

    Raises:
        IdempotencyKeyError: it has no or more than 255 characters, or some that are not printable ASCII.
    """
    key = given.strip()
    if len(key) >= 2 and key[0] == key[-1] == '"':
        key = key[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    if not 1 <= len(key) <= MAX_IDEMPOTENCY_KEY:
        raise IdempotencyKeyError(f"the Idempotency-Key must have 1 to {MAX_IDEMPOTENCY_KEY} characters")
    if not (key.isascii() and key.isprintable()):
        raise IdempotencyKeyError("the Idempotency-Key may only have printable ASCII characters")
    return key


def default_fingerprint(token: Token, event: Any) -> Any:
    """What has to be equal when a key is used again, where no JMESPath names it: a client's request; else None."""
    return payload_of(Source.HTTP, event) if token is Token.CLIENT and is_http(event) else None


def payload_of(source: Source, event: Any) -> Any:
    """What the sender of an event wrote."""
    match source:
        case Source.HTTP:
            return [caller_of(event), method_of(event), path_of(event), query_of(event), _body(event)]
        case Source.SQS | Source.SNS:
            return message_of(event)
        case Source.DYNAMODB:
            change = event.get("dynamodb") or {}
            return [event.get("eventName"), *(change.get(name) for name in ("Keys", "NewImage", "OldImage"))]
        case Source.KINESIS:
            return (event.get("kinesis") or {}).get("data")
        case Source.EVENTBRIDGE:
            return [event.get("source"), event["detail-type"], event["detail"]]
        case _:
            return event


def _body(event: Mapping[str, Any]) -> Any:
    try:
        return parsed(body_of(event).decode())
    except ValueError:
        return event.get("body")


def check_key(key: Any, composite: bool) -> None:
    """Refuse a key that does not tell one request from another.

    Args:
        key: what the expression found.
        composite: it is built of parts (a multi-select), each of which has to be there.

    Raises:
        IdempotencyKeyError: it is empty, or a part of it is; the message names the part.
    """
    if _empty(key):
        raise IdempotencyKeyError("No data found to create a hashed idempotency_key")
    if composite:
        parts = key.items() if isinstance(key, Mapping) else enumerate(key)
        missing = [str(name) for name, part in parts if _empty(part)]
        if missing:
            raise IdempotencyKeyError(f"the part {missing[0]} of the composite idempotency key is missing")


def _empty(value: Any) -> bool:
    return value is None or (isinstance(value, str | Mapping | list | tuple) and not value)


def is_composite(expression: Mapping[str, Any]) -> bool:
    """Whether a parsed JMESPath ends in a multi-select: a key of several parts, and not a payload."""
    if expression["type"] in ("multi_select_list", "multi_select_dict"):
        return True
    follows = expression["type"] in ("pipe", "subexpression", "or_expression") and expression["children"]
    return bool(follows) and is_composite(expression["children"][-1])


def canonical(value: Any) -> Any:
    """A value in which equal JSON is equal text: 1, 1.0 and Decimal("1.00") are one number, -0.0 is 0.

    Numbers that no float has are ``json_text.Number``: no two values become one.

    Raises:
        IdempotencyKeyError: it has a number that JSON has not (NaN, infinity), or holds itself.
    """
    return _canonical(value)[0]


def canonical_text(value: Any, default: Callable[[Any], Any]) -> str:
    """The text of a value's canonical form, as Powertools hashes it: equal JSON is equal text.

    Args:
        value: the value.
        default: makes something JSON-serialisable of what JSON has not.

    Raises:
        IdempotencyKeyError: as ``canonical``.
    """
    if json_text.plain(value):
        return _write(value)
    found, plain = _canonical(value)
    if plain:
        # Python's own writer is several times as fast.
        return _write(found)
    return json_text.dumps(found, default, sort_keys=True)


_write = json.JSONEncoder(sort_keys=True, check_circular=False).encode


def _canonical(value: Any) -> tuple[Any, bool]:
    """A value's canonical form, and whether Python's own writer of JSON writes it in the same way."""
    plain = True
    holder: list[Any] = [None]
    # From an own stack: the interpreter's is not deep enough for all of JSON.
    left: list[tuple[Any, Any, Any]] = [(holder, 0, value)]
    under_way: set[int] = set()
    while left:
        place, name, inner = left.pop()
        if place is None:
            under_way.discard(name)
            continue
        if not isinstance(inner, Mapping | list | tuple):
            place[name] = scalar = _canonical_scalar(inner)
            plain = plain and (scalar is None or type(scalar) in _PLAIN)
            continue
        if id(inner) in under_way:
            raise IdempotencyKeyError("the idempotency key holds itself")
        under_way.add(id(inner))
        plain = plain and len(under_way) <= json_text.MAX_LEVELS
        left.append((None, id(inner), None))
        copied: Any = dict.fromkeys(inner) if isinstance(inner, Mapping) else [None] * len(inner)
        plain = plain and (not isinstance(inner, Mapping) or all(type(key) is str for key in inner))
        members = inner.items() if isinstance(inner, Mapping) else enumerate(inner)
        left.extend((copied, key, member) for key, member in members)
        place[name] = copied
    return holder[0], plain


_PLAIN = frozenset({str, int, float, bool})


def _canonical_scalar(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    try:
        if isinstance(value, float | Decimal):
            return json_text.canonical_number(value)
        return json_text.canonical_int(value) if isinstance(value, int) else value
    except ValueError:
        raise IdempotencyKeyError(f"the idempotency key holds {value}, which is no number of JSON") from None
