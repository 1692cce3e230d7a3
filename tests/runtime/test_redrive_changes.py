"""The redrive of changes: what is put, in which form, and that a stop at any point loses nothing."""

import base64
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.response import StreamingBody
from eda_sandbox.foundation import event_pattern
from eda_sandbox.services.pipes.template import InputTemplate
from hypothesis import given
from hypothesis import strategies as st
from pulumi_aws_eda._parts.stream.change_rows import ChangeRows

from pipeline.redrive_changes import RedriveChanges, RedrivenChanges, flows, render

OUTPUTS = {
    "pipe_dlq_url": "q",
    "delivery_stream_name": "d",
    "orders_table_name": "orders",
    "raw_bucket_name": "b",
}
PIPE = "arn:aws:pipes:eu-central-1:123456789012:pipe/changes"
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
ROWS = ChangeRows(["order_id"], ["status", "payload"], "version", frozenset({"version"}))


def error(code: str, operation: str = "Operation") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, operation)


def image(order_id: str, version: int | None, **more: str) -> dict[str, Any]:
    numbered = {} if version is None else {"version": {"N": str(version)}}
    return {"order_id": {"S": order_id}, **numbered, **{name: {"S": value} for name, value in more.items()}}


def change(number: int, name: str = "INSERT", old: Any = None, new: Any = None, **more: Any) -> dict[str, Any]:
    images = {key: value for key, value in (("OldImage", old), ("NewImage", new)) if value is not None}
    key = (new or old)["order_id"]
    inner = {"SequenceNumber": str(number), "ApproximateCreationDateTime": NOW, "Keys": {"order_id": key}, **images}
    return {"eventID": f"e-{number}", "eventName": name, "dynamodb": inner, **more}


def pointer(first: int, last: int, arrived: datetime = NOW, pipe: str = PIPE) -> str:
    place = {
        "shardId": "shard",
        "startSequenceNumber": str(first),
        "endSequenceNumber": str(last),
        "approximateArrivalOfFirstRecord": arrived.isoformat().replace("+00:00", "Z"),
        "streamArn": "arn:aws:dynamodb:eu-central-1:123456789012:table/orders/stream/2026",
    }
    condition = {"partnerResourceArn": pipe, "condition": "RetryAttemptsExhausted"}
    return json.dumps({"version": "1.0", "context": condition, "DDBStreamBatchInfo": place})


def event(key: str) -> str:
    detail = {"bucket": {"name": "b"}, "object": {"key": key, "version-id": "v"}}
    return json.dumps({"source": "aws.s3", "detail-type": "Object Created", "detail": detail})


class Aws:
    """The clients of a redrive, with what they answer; ``put`` is what reached Firehose."""

    def __init__(self, *bodies: str) -> None:
        self.queue = {f"m-{number}": body for number, body in enumerate(bodies)}
        self.seen: set[str] = set()
        self.stream: list[dict[str, Any]] = []
        self.trimmed = False
        self.table: list[dict[str, Any]] = []
        self.objects: dict[str, bytes] = {}
        self.put: list[str] = []
        self.batches: list[int] = []
        self.refuse: Callable[[str], bool] = lambda data: False
        self.scans = 0

    def __call__(self, service: str) -> "Aws":
        return self

    def run(self) -> list[RedrivenChanges]:
        self.seen.clear()
        return list(RedriveChanges(self, OUTPUTS, pause=lambda seconds: None).run())

    def rows(self) -> list[dict[str, str]]:
        return [json.loads(text) for text in self.put]

    def receive_message(self, **request: Any) -> dict[str, Any]:
        for id, body in self.queue.items():
            if id not in self.seen:
                self.seen.add(id)
                return {"Messages": [{"MessageId": id, "ReceiptHandle": id, "Body": body}]}
        return {}

    def delete_message(self, QueueUrl: str, ReceiptHandle: str) -> None:
        del self.queue[ReceiptHandle]

    def describe_pipe(self, Name: str) -> dict[str, Any]:
        if Name != "changes":
            raise error("NotFoundException")
        return {"TargetParameters": {"InputTemplate": ROWS.template()}}

    def get_shard_iterator(self, SequenceNumber: str, ShardIteratorType: str, **request: Any) -> dict[str, Any]:
        assert ShardIteratorType == "AT_SEQUENCE_NUMBER"
        if self.trimmed:
            raise error("TrimmedDataAccessException")
        return {"ShardIterator": SequenceNumber}

    def get_records(self, ShardIterator: str) -> dict[str, Any]:
        """Two at a time, so that a pointer's range spans answers."""
        found = [one for one in self.stream if int(one["dynamodb"]["SequenceNumber"]) >= int(ShardIterator)][:2]
        last = found[-1]["dynamodb"]["SequenceNumber"] if found else None
        return {"Records": found, "NextShardIterator": str(int(last) + 1) if last else None}

    def describe_table(self, TableName: str) -> dict[str, Any]:
        return {"Table": {"KeySchema": [{"AttributeName": "order_id", "KeyType": "HASH"}]}}

    def get_paginator(self, operation: str) -> "Aws":
        return self

    def paginate(self, **request: Any) -> list[dict[str, Any]]:
        self.scans += 1
        return [{"Items": self.table[:1]}, {"Items": self.table[1:]}]

    def get_object(self, Bucket: str, Key: str, VersionId: str) -> dict[str, Any]:
        if Key not in self.objects:
            raise error("NoSuchKey")
        return {"Body": StreamingBody(io.BytesIO(self.objects[Key]), len(self.objects[Key]))}

    def put_record_batch(self, DeliveryStreamName: str, Records: list[dict[str, bytes]]) -> dict[str, Any]:
        self.batches.append(len(Records))
        answers: list[dict[str, str]] = []
        for record in Records:
            data = record["Data"].decode()
            if self.refuse(data):
                answers.append({"ErrorCode": "ServiceUnavailableException", "ErrorMessage": "slow down"})
            else:
                self.put.append(data)
                answers.append({"RecordId": "r"})
        return {"FailedPutCount": sum("ErrorCode" in one for one in answers), "RequestResponses": answers}


def test_a_pointers_changes_are_read_from_the_stream_and_put_in_the_pipes_form() -> None:
    aws = Aws(pointer(2, 5))
    aws.stream = [
        change(1, new=image("before", 1)),
        change(2, new=image("a", 1, status="PENDING", payload='{"sku": "“x”"}')),
        change(3, new=image("technical", None)),
        change(4, "REMOVE", old=image("expired", 3), userIdentity={"principalId": "dynamodb.amazonaws.com"}),
        change(5, "REMOVE", old=image("b", 3)),
        change(6, new=image("after", 1)),
    ]
    assert aws.run() == [RedrivenChanges("shard 2 to 5", "read from the stream", 2)]
    changed_at = str(int(NOW.timestamp()))
    assert aws.rows() == [
        {
            "event_name": "INSERT",
            "stream_event_id": "e-2",
            "changed_at": changed_at,
            "order_id": "a",
            "status": "PENDING",
            "payload": '{"sku": "“x”"}',
            "version": "1",
            "old_version": "",
        },
        {
            "event_name": "REMOVE",
            "stream_event_id": "e-5",
            "changed_at": changed_at,
            "order_id": "b",
            "status": "",
            "payload": "",
            "version": "",
            "old_version": "3",
        },
    ]
    assert aws.queue == {}
    assert aws.run() == []


def test_after_the_streams_day_rows_changed_since_are_rebuilt_once_from_the_table() -> None:
    later = NOW + timedelta(hours=1)
    aws = Aws(pointer(1, 1), pointer(7, 9, arrived=later), pointer(0, 0, arrived=NOW - timedelta(days=3)))
    aws.trimmed = True
    aws.table = [
        image("new", 4, status="COMPLETED", updated_at=later.isoformat()),
        image("old", 2, updated_at=(NOW - timedelta(days=2)).isoformat()),
        image("silent", 1),
        image("technical", None, updated_at=later.isoformat()),
    ]
    first, second, third = aws.run()
    assert (first.outcome, first.records) == ("rebuilt from the table", 2)
    assert (second.outcome, second.records) == ("rebuilt before", 0)
    # An older pointer needs older rows.
    assert (third.outcome, third.records) == ("rebuilt from the table", 3)
    assert aws.scans == 2
    row = aws.rows()[0]
    assert (
        row.items()
        >= {
            "event_name": "MODIFY",
            "stream_event_id": "rebuilt:new:4",
            "order_id": "new",
            "status": "COMPLETED",
            "version": "4",
            "old_version": "",
        }.items()
    )
    assert {row["order_id"] for row in aws.rows()} == {"new", "silent", "old"}
    assert aws.queue == {}


def test_records_that_could_not_be_converted_are_put_again_as_they_came() -> None:
    aws = Aws(event("errors/one"), event("errors/gone"))
    raw = ['{"order_id": "a"}', "not json at all"]
    lines = [{"errorCode": "DataFormatConversion", "rawData": base64.b64encode(text.encode()).decode()} for text in raw]
    aws.objects["errors/one"] = "".join(json.dumps(line) + "\n" for line in lines).encode()
    done, left = aws.run()
    assert (done.outcome, done.records, done.done) == ("put again", 2, True)
    assert (left.outcome, left.done) == (
        "still in the queue: s3://b/errors/gone is gone: nobody can tell whether its records were put",
        False,
    )
    assert aws.put == raw
    assert list(aws.queue) == ["m-1"]


def test_only_what_firehose_refused_is_put_again() -> None:
    aws = Aws(pointer(1, 3))
    aws.stream = [change(number, new=image(f"o-{number}", 1)) for number in range(1, 4)]
    refusals = {"o-2": 2}

    def refuse(data: str) -> bool:
        name = json.loads(data)["order_id"]
        refusals[name] = refusals.get(name, 0) - 1
        return refusals[name] >= 0

    aws.refuse = refuse
    assert [done.records for done in aws.run()] == [3]
    assert aws.batches == [3, 1, 1]
    assert sorted(row["order_id"] for row in aws.rows()) == ["o-1", "o-2", "o-3"]


@pytest.mark.parametrize(
    "body", ["no json", "[]", '"text"', "{}", json.dumps({"source": "aws.s3"}), pointer(1, 1, pipe="p")]
)
def test_a_message_that_cannot_be_redriven_stays_and_stops_no_other(body: str) -> None:
    aws = Aws(body, pointer(1, 1))
    aws.stream = [change(1, new=image("a", 1))]
    left, done = aws.run()
    assert not left.done
    assert left.outcome.startswith("still in the queue: ")
    assert done.done
    assert list(aws.queue) == ["m-0"]


def test_what_firehose_keeps_refusing_stays_in_the_queue() -> None:
    aws = Aws(pointer(1, 1), pointer(2, 2))
    aws.stream = [change(1, new=image("bad", 1)), change(2, new=image("good", 1))]
    aws.refuse = lambda data: "bad" in data
    left, done = aws.run()
    assert "refused after 6 attempts" in left.outcome
    assert (left.done, done.done) == (False, True)
    assert list(aws.queue) == ["m-0"]
    aws.refuse = lambda data: False
    assert [done.done for done in aws.run()] == [True]
    assert sorted(row["order_id"] for row in aws.rows()) == ["bad", "good"]


@pytest.mark.parametrize("step", ["receive_message", "get_records", "put_record_batch", "delete_message"])
@pytest.mark.parametrize("after", [False, True])
def test_a_stop_at_any_step_loses_nothing(monkeypatch: pytest.MonkeyPatch, step: str, after: bool) -> None:
    aws = Aws(pointer(1, 2))
    aws.stream = [change(1, new=image("a", 1)), change(2, new=image("b", 1))]
    real = getattr(aws, step)

    def killed(*args: Any, **request: Any) -> Any:
        if after:
            real(*args, **request)
        raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr(aws, step, killed)
        with pytest.raises(KeyboardInterrupt):
            aws.run()
    aws.run()
    assert {row["order_id"] for row in aws.rows()} == {"a", "b"}
    assert aws.queue == {}


def test_batches_keep_firehoses_limits() -> None:
    aws = Aws(pointer(1, 1200), pointer(1201, 1206))
    aws.stream = [change(number, new=image("a", 1)) for number in range(1, 1201)]
    aws.stream += [change(number, new=image("a", 1, payload="x" * 900_000)) for number in range(1201, 1207)]
    assert [done.records for done in aws.run()] == [1200, 6]
    assert aws.batches == [500, 500, 200, 4, 2]


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(order=TEXT, status=TEXT | st.none(), payload=TEXT, version=st.integers(0, 10**9))
def test_the_form_is_what_the_pipe_itself_makes(order: str, status: str | None, payload: str, version: int) -> None:
    given = {"payload": payload} if status is None else {"payload": payload, "status": status}
    record = change(1, new=image(order, version, **given))
    in_the_pipe = {**record, "dynamodb": {**record["dynamodb"], "ApproximateCreationDateTime": int(NOW.timestamp())}}
    expected = InputTemplate(ROWS.template()).apply(in_the_pipe, {})
    assert json.loads(render(ROWS.template(), record)) == json.loads(expected)


def test_what_flows_is_what_the_pipes_filter_lets_through() -> None:
    patterns = [event_pattern.parse(pattern) for pattern in ROWS.patterns()]
    by_ttl = {"userIdentity": {"type": "Service", "principalId": "dynamodb.amazonaws.com"}}
    changes = [
        change(1, new=image("a", 1)),
        change(2, "MODIFY", old=image("a", 1), new=image("a", 2)),
        change(3, "MODIFY", old=image("a", 1), new=image("a", None)),
        change(4, "REMOVE", old=image("a", 2)),
        change(5, "REMOVE", old=image("a", 2), **by_ttl),
        change(6, "REMOVE", old=image("a", None)),
        change(7, new=image("a", None)),
    ]
    let_through = [any(event_pattern.matches(pattern, one) for pattern in patterns) for one in changes]
    assert [flows(one) for one in changes] == let_through == [True, True, False, True, False, False, False]
