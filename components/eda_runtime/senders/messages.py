"""Messages of SQS and SNS, whose batches have one form."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from eda_runtime.envelope import Envelope
from eda_runtime.senders import sending
from eda_runtime.senders.sending import Entry, Failure


class Message(NamedTuple):
    """A message.

    Attributes:
        body: what it says, a JSON object.
        attributes: message attributes, strings by their name, by which subscriptions filter; at most 10 (SQS quotas).
        group: the message group, for FIFO queues and topics: within it the order is kept.
        id: the deduplication id, for FIFO queues and topics: one that was seen within five minutes is not taken again.
            Default: the hash of group and body.
    """

    body: Mapping[str, Any]
    attributes: Mapping[str, str] = {}
    group: str = ""
    id: str = ""


def entry(message: Message, envelope: Envelope | None, text_member: str, fifo: bool) -> Entry[Message]:
    """A message as the entry of a batch.

    Args:
        message: the message.
        envelope: its envelope.
        text_member: what the service calls the text.
        fifo: the queue or topic is FIFO.

    Raises:
        ValueError: it is no JSON, or has no group and needs one, or has one and needs none.
    """
    if fifo and not message.group:
        raise ValueError("a message has no group; a FIFO queue or topic needs one")
    if message.group and not fifo:
        raise ValueError(f"a message has the group {message.group!r}; only FIFO queues and topics have groups")
    text = sending.message(message.body, envelope)
    attributes = {name: {"DataType": "String", "StringValue": value} for name, value in message.attributes.items()}
    size = len(text.encode()) + sum(
        len(name.encode()) + len(b"String") + len(value.encode()) for name, value in message.attributes.items()
    )
    request: dict[str, Any] = {text_member: text}
    if attributes:
        request["MessageAttributes"] = attributes
    if fifo:
        said = sending.message(message.body, None)
        own = hashlib.sha256(f"{len(message.group)}:{message.group}{said}".encode()).hexdigest()
        request |= {"MessageGroupId": message.group, "MessageDeduplicationId": message.id or own}
    return Entry(message, request, size, message.group or None)


def called(
    operation: Callable[..., Mapping[str, Any]], entries_member: str, **where: str
) -> Callable[[list[dict[str, Any]]], Sequence[Failure | None]]:
    """How a batch is sent.

    Args:
        operation: of the client.
        entries_member: what the service calls the batch.
        where: the queue or the topic.
    """

    def call(requests: list[dict[str, Any]]) -> Sequence[Failure | None]:
        numbered = [{"Id": str(number), **request} for number, request in enumerate(requests)]
        answer = operation(**where, **{entries_member: numbered})
        # A failure that is not the sender's fault passes (SQS and SNS API, BatchResultErrorEntry).
        failed = {
            each["Id"]: Failure(each["Code"], each.get("Message", ""), not each["SenderFault"])
            for each in answer.get("Failed", ())
        }
        return [failed.get(each["Id"]) for each in numbered]

    return call
