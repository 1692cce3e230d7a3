"""The redrive of notifications: what goes back into the queue, and that a stop at any point loses nothing."""

import json
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from pulumi_aws_eda._parts.stream.change_rows import ChangeRows

from pipeline.redrive_notifications import RedriveNotifications
from tests.runtime.test_redrive_changes import NOW, change, error, image, pointer

OUTPUTS = {
    "notifications_queue_url": "q",
    "notifications_dlq_arn": "arn:aws:sqs:eu-central-1:123456789012:dlq",
    "orders_table_name": "orders",
}
ROWS = ChangeRows(["order_id"], ["event_id"], "version", frozenset({"version"}))


class Aws:
    """All the services that the redrive calls."""

    def __init__(self, messages: list[str], changes: list[Any], rows: list[Any], *, trimmed: bool = False) -> None:
        self.messages = {str(number): body for number, body in enumerate(messages)}
        self.hidden: set[str] = set()
        self.changes, self.rows, self.trimmed = changes, rows, trimmed
        self.sent: list[dict[str, Any]] = []
        self.refuses = 0

    def __call__(self, service: str) -> Any:
        return self

    def get_queue_url(self, QueueName: str) -> Any:
        assert QueueName == "dlq"
        return {"QueueUrl": "d"}

    def receive_message(self, QueueUrl: str, **_: Any) -> Any:
        assert QueueUrl == "d"
        for id, body in self.messages.items():
            if id not in self.hidden:
                self.hidden.add(id)
                return {"Messages": [{"MessageId": id, "ReceiptHandle": id, "Body": body}]}
        return {}

    def delete_message(self, QueueUrl: str, ReceiptHandle: str) -> None:
        assert QueueUrl == "d"
        del self.messages[ReceiptHandle]

    def send_message_batch(self, QueueUrl: str, Entries: Any) -> Any:
        assert QueueUrl == "q"
        assert 1 <= len(Entries) <= 10
        if self.refuses:
            self.refuses -= 1
            return {"Failed": [{"Id": Entries[0]["Id"], "Code": "InternalError"}]}
        self.sent += [json.loads(entry["MessageBody"]) for entry in Entries]
        return {"Successful": Entries}

    def describe_pipe(self, Name: str) -> Any:
        return {"TargetParameters": {"InputTemplate": ROWS.template()}}

    def get_shard_iterator(self, SequenceNumber: str, **_: Any) -> Any:
        if self.trimmed:
            raise error("TrimmedDataAccessException")
        return {"ShardIterator": SequenceNumber}

    def get_records(self, ShardIterator: str) -> Any:
        found = [one for one in self.changes if int(one["dynamodb"]["SequenceNumber"]) >= int(ShardIterator)]
        return {"Records": found}

    def describe_table(self, TableName: str) -> Any:
        assert TableName == "orders"
        return {"Table": {"KeySchema": [{"AttributeName": "order_id", "KeyType": "HASH"}]}}

    def get_paginator(self, operation: str) -> Any:
        assert operation == "scan"
        return self

    def paginate(self, **_: Any) -> Any:
        return [{"Items": self.rows}]


def notification(event_id: str) -> str:
    return json.dumps({"event_id": event_id, "order_id": event_id.partition(":")[0]})


def run(aws: Aws) -> list[tuple[str, bool]]:
    return [(done.outcome, done.done) for done in RedriveNotifications(aws, OUTPUTS).run()]


def test_a_notification_goes_back_into_its_queue_as_it_is() -> None:
    aws = Aws([notification("o-1:2"), notification("o-2:3")], [], [])
    assert run(aws) == [("sent again", True)] * 2
    assert [told["event_id"] for told in aws.sent] == ["o-1:2", "o-2:3"]
    assert aws.messages == {}


def test_a_pointers_changes_are_told_but_for_deletions_and_technical_rows() -> None:
    changes = [change(number, new=image(f"o-{number}", 1, event_id=f"o-{number}:1")) for number in range(1, 13)]
    changes += [change(13, "REMOVE", old=image("o-1", 1)), change(14, new=image("technical", None))]
    aws = Aws([pointer(1, 14)], changes, [])
    assert run(aws) == [("read from the stream", True)]
    assert [told["event_id"] for told in aws.sent] == [f"o-{number}:1" for number in range(1, 13)]


def test_what_the_stream_no_longer_holds_is_told_as_it_is_now() -> None:
    recent = (NOW + timedelta(minutes=1)).isoformat()
    rows = [
        image("new", 3, event_id="new:3", updated_at=recent),
        image("old", 2, event_id="old:2", updated_at=(NOW - timedelta(days=3)).isoformat()),
        image("technical", None),
    ]
    aws = Aws([pointer(1, 2)], [], rows, trimmed=True)
    assert run(aws) == [("rebuilt from the table", True)]
    assert [told["event_id"] for told in aws.sent] == ["new:3"]


@pytest.mark.parametrize("body", ["no JSON", "[]", "{}", '{"event_id": 1}'])
def test_another_message_stays_and_stops_no_other(body: str) -> None:
    aws = Aws([body, notification("o-1:2")], [], [])
    outcomes = run(aws)
    assert [done for _, done in outcomes] == [False, True]
    assert outcomes[0][0] == "still in the queue: neither a notification nor a Pipe's pointer"
    assert list(aws.messages.values()) == [body]


def test_what_sqs_refuses_stays() -> None:
    aws = Aws([notification("o-1:2"), notification("o-2:2")], [], [])
    aws.refuses = 1
    assert [done for _, done in run(aws)] == [False, True]
    assert list(aws.messages.values()) == [notification("o-1:2")]


def test_a_stop_before_the_deletion_sends_again_and_loses_nothing() -> None:
    class Stopped(Aws):
        def delete_message(self, QueueUrl: str, ReceiptHandle: str) -> None:
            raise ClientError({"Error": {"Code": "InternalError", "Message": ""}}, "DeleteMessage")

    aws = Stopped([notification("o-1:2")], [], [])
    with pytest.raises(ClientError):
        run(aws)
    assert len(aws.messages) == 1
    assert len(aws.sent) == 1
