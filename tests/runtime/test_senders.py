"""Senders: each message is taken or reported, within the limits, in the order of its group, and with its envelope."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from eda_runtime import json_text
from eda_runtime.envelope import Envelope
from eda_runtime.records import envelope_of, message_of
from eda_runtime.senders import sending
from eda_runtime.senders.bus import BusSender, Event
from eda_runtime.senders.delivery_stream import DeliveryStreamSender
from eda_runtime.senders.messages import Message
from eda_runtime.senders.queue import QueueSender
from eda_runtime.senders.sending import Entry, Failure, Limits, SendError
from eda_runtime.senders.stream import Record, StreamSender
from eda_runtime.senders.topic import TopicSender
from hypothesis import given
from hypothesis import strategies as st

from tests.runtime.fake_aws import error

SMALL = Limits(entries=3, bytes=10, entry_bytes=8)
ENVELOPE = Envelope("c-1", "cause", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "2026-01-31T12:00:00Z")
OUTCOMES = st.sampled_from(["taken", "taken", "later", "never"])


class Service:
    """Takes batches within the limits; what becomes of each entry, and of each call, is drawn."""

    def __init__(self, data: st.DataObject) -> None:
        self._data = data
        self.taken: list[int] = []
        self.tries: dict[int, int] = {}

    def __call__(self, requests: list[dict[str, Any]]) -> Sequence[Failure | None]:
        assert 1 <= len(requests) <= SMALL.entries
        assert sum(request["size"] for request in requests) <= SMALL.bytes
        if self._data.draw(st.integers(0, 9)) == 0:
            raise error("ServiceUnavailable", "Send")
        answers = []
        for request in requests:
            self.tries[request["number"]] = self.tries.get(request["number"], 0) + 1
            outcome = self._data.draw(OUTCOMES)
            if outcome == "taken":
                self.taken.append(request["number"])
            answers.append(None if outcome == "taken" else Failure(outcome, "", outcome == "later"))
        return answers


@given(
    st.data(),
    st.lists(st.tuples(st.integers(1, SMALL.entry_bytes + 1), st.sampled_from([None, "a", "b"])), max_size=12),
    st.integers(1, 4),
)
def test_each_message_is_taken_once_or_reported_and_groups_keep_their_order(
    data: st.DataObject, messages: list[tuple[int, str | None]], attempts: int
) -> None:
    entries = [
        Entry(number, {"number": number, "size": size}, size, group) for number, (size, group) in enumerate(messages)
    ]
    service, reported = Service(data), list[Any]()
    try:
        sending.send(entries, SMALL, service, attempts, lambda _: None)
    except SendError as failed:
        reported = list(failed.unsent)
    assert sorted([*service.taken, *(each.item for each in reported)]) == list(range(len(messages)))
    assert [each.item for each in reported] == sorted(each.item for each in reported)
    assert max(service.tries.values(), default=0) <= attempts
    lost = {each.item for each in reported}
    for group in ("a", "b"):
        members = [number for number, (_, found) in enumerate(messages) if found == group]
        taken = [number for number in service.taken if number in members]
        # In their order, and none behind one that was not sent.
        assert taken == members[: len(taken)]
    for each in reported:
        size, _ = messages[each.item]
        assert (each.code == sending.TOO_LARGE) == (size > SMALL.entry_bytes) or each.code in (
            sending.BEHIND,
            sending.NOT_TRIED,
        )
        assert each.maybe_sent == (each.code == "ServiceUnavailable")
    assert not lost & set(service.taken)


def queue_answer(requests: Sequence[Mapping[str, Any]], failed: Mapping[int, str]) -> dict[str, Any]:
    return {
        "Failed": [
            {"Id": request["Id"], "Code": failed[number], "SenderFault": failed[number] == "Never"}
            for number, request in enumerate(requests)
            if number in failed
        ]
    }


def listed(member: str) -> Callable[[Sequence[Mapping[str, Any]], Mapping[int, str]], dict[str, Any]]:
    def answer(requests: Sequence[Mapping[str, Any]], failed: Mapping[int, str]) -> dict[str, Any]:
        return {member: [{"ErrorCode": failed[number]} if number in failed else {} for number in range(len(requests))]}

    return answer


class Client:
    """A client of one operation: the first entry of the first call fails with the code; all others are taken."""

    def __init__(self, operation: str, batch: str, answer: Callable[..., dict[str, Any]], code: str) -> None:
        self.taken: list[dict[str, Any]] = []
        self.where: dict[str, str] = {}
        self._batch, self._answer, self._code, self._calls = batch, answer, code, 0
        setattr(self, operation, self._call)

    def _call(self, **request: Any) -> dict[str, Any]:
        self._calls += 1
        entries = request.pop(self._batch)
        self.where = request
        failed = {0: self._code} if self._calls == 1 else {}
        self.taken += [entry for number, entry in enumerate(entries) if number not in failed]
        return self._answer(entries, failed)


QUEUE = "https://sqs.eu-central-1.amazonaws.com/1/readings"
TOPIC = "arn:aws:sns:eu-central-1:1:readings"
SENDERS: dict[str, tuple[Any, ...]] = {
    "queue": (
        ("send_message_batch", "Entries", queue_answer, "ServiceUnavailable"),
        lambda client: QueueSender(client, QUEUE),
        lambda body: Message(body, {"kind": "temperature"}),
        lambda entry: entry["MessageBody"],
        {"QueueUrl": QUEUE},
    ),
    "topic": (
        ("publish_batch", "PublishBatchRequestEntries", queue_answer, "InternalError"),
        lambda client: TopicSender(client, TOPIC),
        lambda body: Message(body, {"kind": "temperature"}),
        lambda entry: entry["Message"],
        {"TopicArn": TOPIC},
    ),
    "bus": (
        ("put_events", "Entries", listed("Entries"), "ThrottlingException"),
        lambda client: BusSender(client, "readings", "sensors"),
        lambda body: Event("Taken", body, ["arn:aws:s3:::readings"]),
        lambda entry: entry["Detail"],
        {},
    ),
    "stream": (
        ("put_records", "Records", listed("Records"), "ProvisionedThroughputExceededException"),
        lambda client: StreamSender(client, "readings"),
        lambda body: Record(body, "p"),
        lambda entry: entry["Data"],
        {"StreamName": "readings"},
    ),
    "delivery stream": (
        ("put_record_batch", "Records", listed("RequestResponses"), "ServiceUnavailableException"),
        lambda client: DeliveryStreamSender(client, "readings"),
        lambda body: body,
        lambda entry: entry["Data"],
        {"DeliveryStreamName": "readings"},
    ),
}
"""By what is sent to: the client's operation, the sender, an item of a body, an entry's text, and where it goes."""


@pytest.mark.parametrize("name", SENDERS)
def test_what_is_busy_is_tried_again_and_each_message_carries_its_envelope(name: str) -> None:
    operation, sender, item, text, where = SENDERS[name]
    client = Client(*operation)
    own = {"correlation_id": "c-own"}
    bodies = [{"n": number} for number in range(2000)] + [{"n": 2000, "envelope": own}]
    sender(client).send([item(body) for body in bodies], ENVELOPE)
    assert client.where == where
    taken = sorted((json.loads(text(entry)) for entry in client.taken), key=lambda body: body["n"])
    assert taken == [*({**body, "envelope": ENVELOPE.as_dict()} for body in bodies[:-1]), bodies[-1]]


@pytest.mark.parametrize("name", SENDERS)
def test_what_is_too_large_is_reported_and_the_rest_is_sent(name: str) -> None:
    operation, sender, item, text, _ = SENDERS[name]
    client = Client(*operation)
    items = [item({"n": 0, "text": "x" * 1_048_576}), item({"n": 1})]
    with pytest.raises(SendError, match="1 of 2 messages") as failed:
        sender(client).send(items)
    assert [(each.item, each.code) for each in failed.value.unsent] == [(items[0], sending.TOO_LARGE)]
    assert [json.loads(text(entry)) for entry in client.taken] == [{"n": 1}]


@pytest.mark.parametrize("name", ["queue", "topic", "bus"])
def test_what_will_never_be_taken_is_tried_once(name: str) -> None:
    (method, batch, answer, _), sender, item, text, _ = SENDERS[name]
    client = Client(method, batch, answer, "Never")
    with pytest.raises(SendError) as failed:
        sender(client).send([item({"n": 0}), item({"n": 1})])
    assert [(each.code, each.maybe_sent) for each in failed.value.unsent] == [("Never", False)]
    assert [json.loads(text(entry)) for entry in client.taken] == [{"n": 1}]


def test_a_fifo_message_has_a_group_and_the_same_id_at_each_attempt() -> None:
    client = Client("send_message_batch", "Entries", queue_answer, "ServiceUnavailable")
    sender = QueueSender(client, f"{QUEUE}.fifo")
    same, other = Message({"n": 1}, group="a"), Message({"n": 1}, group="b")
    sender.send([same, other, Message({"n": 2}, group="a", id="own")], ENVELOPE)
    sender.send([same])
    ids = {(entry["MessageGroupId"], entry["MessageDeduplicationId"]) for entry in client.taken}
    assert len(client.taken) == 4
    assert len(ids) == 3
    assert ("a", "own") in ids
    with pytest.raises(ValueError, match="needs one"):
        sender.send([Message({})])
    with pytest.raises(ValueError, match="only FIFO"):
        QueueSender(client, QUEUE).send([same])


def test_numbers_are_sent_as_they_came_and_what_is_no_json_is_not_sent() -> None:
    client = Client("send_message_batch", "Entries", queue_answer, "ServiceUnavailable")
    said = '{"whole": 1.0, "long": 12345678901234567.012345, "deep": [[1e400]]}'
    record = {"eventSource": "aws:sqs", "body": said}
    QueueSender(client, QUEUE).send([Message(message_of(record))])
    (sent,) = client.taken
    assert json_text.same(json_text.loads(sent["MessageBody"]), json_text.loads(said))
    for body, message in (({"n": float("nan")}, "NaN"), ({"n": object()}, "the type object is no JSON")):
        with pytest.raises(ValueError, match=message):
            QueueSender(client, QUEUE).send([Message({}), Message(body)])
    assert client.taken == [sent]


RECORDS = [
    ({"eventSource": "aws:sqs", "messageId": "m", "body": json.dumps({"envelope": ENVELOPE.as_dict()})}, "m"),
    (
        {"id": "e", "source": "s", "detail-type": "t", "detail": {"envelope": ENVELOPE.as_dict()}},
        "e",
    ),
    (
        {
            "eventSource": "aws:sqs",
            "messageId": "m",
            "body": json.dumps(
                {
                    "Type": "Notification",
                    "MessageId": "n",
                    "TopicArn": TOPIC,
                    "Message": json.dumps({"envelope": ENVELOPE.as_dict()}),
                }
            ),
        },
        "n",
    ),
]


@pytest.mark.parametrize(("record", "cause"), RECORDS)
def test_what_a_record_causes_has_its_correlation_and_trace_and_the_record_as_its_cause(
    record: dict[str, Any], cause: str
) -> None:
    found = envelope_of(record)
    assert found is not None
    assert (found.correlation_id, found.causation_id, found.traceparent) == ("c-1", cause, ENVELOPE.traceparent)
    assert envelope_of({"eventSource": "aws:sqs", "messageId": "m", "body": "text"}) is None
