"""Sends changes that did not reach the raw data through Firehose again, from the sink's dead-letter queue.

Two kinds of messages lie there. A Pipe's pointer names a place in the table's stream: the changes are read there while
the stream keeps them, and put in the form of the Pipe's own template. After that every row that was changed since is
put as it is now; of a row that was deleted, nothing is left to put. S3's event names an object with records that
Firehose could not convert: they are put again as they came, so correct the Glue table first.

Safe to run twice and to stop at any point: a message is deleted last, and what is put twice is deduplicated behind the
raw data, by key and version.
"""

import base64
import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from pipeline.analytics import VERSION
from pipeline.dead_letters import NotDone, drain

BATCH_RECORDS, BATCH_BYTES = 500, 4 * 1024 * 1024
"""What ``PutRecordBatch`` takes (Firehose quotas)."""
PUT_ATTEMPTS = 6
SLACK = timedelta(days=1)
"""How far a row's ``updated_at`` may lie before its change: it is the time at which the writing state was entered, and
the state may have been retried for hours."""
_GONE = ("TrimmedDataAccessException", "ResourceNotFoundException")
_VARIABLE = re.compile(r'"<\$\.([\w.]+)>"|<\$\.([\w.]+)>')


class NotDelivered(NotDone):
    """Firehose refused records for good; their message is still in the queue."""


@dataclass(frozen=True)
class RedrivenChanges:
    """What became of one message.

    Attributes:
        what: the place in the stream, the object, or the message's id.
        outcome: ``read from the stream``, ``rebuilt from the table``, ``rebuilt before``, ``put again``,
            or why the message is still in the queue.
        records: how many were put.
        done: the message is out of the queue.
    """

    what: str
    outcome: str
    records: int = 0
    done: bool = True


class PointedChanges:
    """The changes that a Pipe's pointers name.

    Args:
        client: gives a client of a service, boto3's name.
        table: the table.
        put: takes the rendered changes; how many there were.
        flows: whether the Pipe takes a change.
    """

    def __init__(
        self,
        client: Callable[[str], Any],
        table: str,
        put: Callable[[Iterable[bytes]], int],
        flows: Callable[[Mapping[str, Any]], bool],
    ) -> None:
        self._dynamodb, self._streams, self._pipes = client("dynamodb"), client("dynamodbstreams"), client("pipes")
        self._table = table
        self._put = put
        self._flows = flows
        self._templates: dict[str, str] = {}
        self._rebuilt_since: datetime | None = None

    def redrive(self, pipe_arn: str, pointer: Mapping[str, Any]) -> RedrivenChanges:
        """Read what a pointer names, or rebuild it, and hand it on in the form of the Pipe's template.

        Args:
            pipe_arn: the Pipe.
            pointer: the message's ``DDBStreamBatchInfo``.

        Raises:
            NotDone: it is about another table.
        """
        if f":table/{self._table}/stream/" not in pointer["streamArn"]:
            raise NotDone(f"it points to another table's stream: {pointer['streamArn']}")
        template = self._template(pipe_arn)
        what = f"{pointer['shardId']} {pointer['startSequenceNumber']} to {pointer['endSequenceNumber']}"
        try:
            changes = [change for change in self._changes(pointer) if self._flows(change)]
        except ClientError as error:
            if error.response["Error"]["Code"] not in _GONE:
                raise
            arrived = datetime.fromisoformat(pointer["approximateArrivalOfFirstRecord"])
            return self._rebuild(template, arrived.astimezone(UTC), what)
        put = self._put(render(template, change).encode() for change in changes)
        return RedrivenChanges(what, "read from the stream", put)

    def _changes(self, pointer: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        last = int(pointer["endSequenceNumber"])
        iterator = self._streams.get_shard_iterator(
            StreamArn=pointer["streamArn"],
            ShardId=pointer["shardId"],
            ShardIteratorType="AT_SEQUENCE_NUMBER",
            SequenceNumber=pointer["startSequenceNumber"],
        )["ShardIterator"]
        while iterator is not None:
            answer = self._streams.get_records(ShardIterator=iterator)
            for change in answer["Records"]:
                yield change
                if int(change["dynamodb"]["SequenceNumber"]) >= last:
                    return
            iterator = answer.get("NextShardIterator")
        raise NotDone(f"the shard ends before {last}")

    def _rebuild(self, template: str, since: datetime, what: str) -> RedrivenChanges:
        if self._rebuilt_since is not None and since >= self._rebuilt_since:
            return RedrivenChanges(what, "rebuilt before")
        keys = [
            key["AttributeName"] for key in self._dynamodb.describe_table(TableName=self._table)["Table"]["KeySchema"]
        ]
        oldest, now = since - SLACK, datetime.now(UTC)
        rows = (row for row in self._rows() if VERSION in row and _changed_since(row, oldest))
        put = self._put(render(template, _as_change(row, keys, now)).encode() for row in rows)
        self._rebuilt_since = since
        return RedrivenChanges(what, "rebuilt from the table", put)

    def _rows(self) -> Iterator[dict[str, Any]]:
        for page in self._dynamodb.get_paginator("scan").paginate(TableName=self._table, ConsistentRead=True):
            yield from page["Items"]

    def _template(self, pipe_arn: str) -> str:
        if pipe_arn not in self._templates:
            found = self._pipes.describe_pipe(Name=pipe_arn.rpartition("/")[2])
            self._templates[pipe_arn] = found["TargetParameters"]["InputTemplate"]
        return self._templates[pipe_arn]


class RedriveChanges:
    """Takes messages from the sink's dead-letter queue.

    Args:
        client: gives a client of a service, boto3's name.
        outputs: the stack's exports.
        pause: waits between attempts to put, seconds.
    """

    def __init__(
        self, client: Callable[[str], Any], outputs: Mapping[str, Any], pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._sqs, self._firehose, self._s3 = client("sqs"), client("firehose"), client("s3")
        self._pause = pause
        self._queue = outputs["pipe_dlq_url"]
        self._delivery_stream = outputs["delivery_stream_name"]
        self._bucket = outputs["raw_bucket_name"]
        self._pointed = PointedChanges(client, outputs["orders_table_name"], self._put, flows)

    def run(self, limit: int = 1000) -> Iterator[RedrivenChanges]:
        """Redrive up to ``limit`` messages, one at a time; one that fails stays in the queue and stops no other."""
        return drain(self._sqs, self._queue, limit, self._message, still_there)

    def _message(self, message: Mapping[str, Any]) -> RedrivenChanges:
        match _parsed(message["Body"]):
            case {"DDBStreamBatchInfo": dict(pointer), "context": {"partnerResourceArn": str(pipe_arn)}}:
                return self._pointed.redrive(pipe_arn, pointer)
            case {"source": "aws.s3", "detail": {"bucket": {"name": str(bucket)}, "object": dict(found)}}:
                return self._object(bucket, found)
        unknown = "still in the queue: neither a Pipe's pointer nor an event of S3"
        return RedrivenChanges(message["MessageId"], unknown, done=False)

    def _object(self, bucket: str, named: Mapping[str, Any]) -> RedrivenChanges:
        version = {"VersionId": named["version-id"]} if named.get("version-id") else {}
        what = f"s3://{bucket}/{named['key']}"
        if bucket != self._bucket:
            raise NotDone(f"{what} is not in the raw data's bucket")
        try:
            found = self._s3.get_object(Bucket=bucket, Key=named["key"], **version)
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("NoSuchKey", "NoSuchVersion"):
                raise
            raise NotDone(f"{what} is gone: nobody can tell whether its records were put") from None
        failed = (json.loads(line) for line in found["Body"].iter_lines() if line)
        return RedrivenChanges(what, "put again", self._put(base64.b64decode(record["rawData"]) for record in failed))

    def _put(self, records: Iterable[bytes]) -> int:
        count = 0
        for batch in _batches(records):
            count += len(batch)
            for attempt in range(PUT_ATTEMPTS):
                answer = self._firehose.put_record_batch(
                    DeliveryStreamName=self._delivery_stream, Records=[{"Data": data} for data in batch]
                )
                answers = answer["RequestResponses"]
                batch = [data for data, one in zip(batch, answers, strict=True) if "ErrorCode" in one]
                if not batch:
                    break
                self._pause(min(2**attempt, 30))
            else:
                raise NotDelivered(f"{len(batch)} records are refused after {PUT_ATTEMPTS} attempts: {answers}")
        return count


def still_there(message: Mapping[str, Any], reason: str) -> RedrivenChanges:
    """The outcome of a message that is left in its queue."""
    return RedrivenChanges(message["MessageId"], f"still in the queue: {reason}", done=False)


def _parsed(body: str) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def flows(change: Mapping[str, Any]) -> bool:
    """Whether the Pipe takes a change: of a row with a version, and no removal by DynamoDB itself."""
    image = change["dynamodb"].get("OldImage" if change["eventName"] == "REMOVE" else "NewImage", {})
    return VERSION in image and "userIdentity" not in change


def render(template: str, change: Mapping[str, Any]) -> str:
    """A Pipe's input template for one change.

    Args:
        template: JSON with ``<$.path>`` as values; in quotes it becomes a string.
        change: as ``GetRecords`` of the stream returns it.
    """

    def value(found: re.Match[str]) -> str:
        text = _resolve(found[1] or found[2], change)
        return json.dumps(str(text) if found[1] else text, ensure_ascii=False)

    return _VARIABLE.sub(value, template)


def _resolve(path: str, change: Mapping[str, Any]) -> Any:
    value: Any = change
    for step in path.split("."):
        if not isinstance(value, Mapping) or step not in value:
            return ""
        value = value[step]
    return int(value.timestamp()) if isinstance(value, datetime) else value


def _changed_since(row: Mapping[str, Any], oldest: datetime) -> bool:
    """Whether a row may have been changed since; one that does not tell may have been."""
    try:
        return datetime.fromisoformat(row["updated_at"]["S"]) >= oldest
    except (KeyError, TypeError, ValueError):
        return True


def _as_change(row: Mapping[str, Any], keys: list[str], now: datetime) -> dict[str, Any]:
    names = "/".join(str(next(iter(row[key].values()))) for key in keys)
    return {
        "eventName": "MODIFY",
        "eventID": f"rebuilt:{names}:{row[VERSION]['N']}",
        "dynamodb": {
            "ApproximateCreationDateTime": now,
            "Keys": {key: row[key] for key in keys},
            "NewImage": row,
        },
    }


def _batches(records: Iterable[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for data in records:
        if batch and (len(batch) == BATCH_RECORDS or size + len(data) > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(data)
        size += len(data)
    if batch:
        yield batch
