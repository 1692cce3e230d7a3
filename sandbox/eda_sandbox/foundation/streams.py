"""One consumer of a table's stream or a Kinesis stream: shard by shard, in order, at a position of its own."""

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

MAX_RECORDS = 1000
"""Records that DynamoDB's GetRecords returns at most; Kinesis would give more."""


def is_table_stream(stream_arn: str) -> bool:
    """Whether an ARN is that of a table's stream."""
    return stream_arn.split(":")[2:3] == ["dynamodb"] and "/stream/" in stream_arn


def is_kinesis_stream(stream_arn: str) -> bool:
    """Whether an ARN is that of a Kinesis stream."""
    return stream_arn.split(":")[2:3] == ["kinesis"] and ":stream/" in stream_arn


def sequence_number(record: dict[str, Any]) -> str:
    """A record's sequence number, as ``GetRecords`` of either service returns the record."""
    return str(record["dynamodb"]["SequenceNumber"] if "dynamodb" in record else record["SequenceNumber"])


def kinesis_record(record: dict[str, Any]) -> dict[str, Any]:
    """A record of Kinesis as whoever reads the stream for others hands it on."""
    return {
        "kinesisSchemaVersion": "1.0",
        "partitionKey": record["PartitionKey"],
        "sequenceNumber": sequence_number(record),
        "data": base64.b64encode(record["Data"]).decode(),
        "approximateArrivalTimestamp": round(arrival(record).timestamp(), 3),
    }


def arrival(record: dict[str, Any]) -> datetime:
    """When a record came to its stream; a table's streams tell the second."""
    found: datetime = (
        record["dynamodb"]["ApproximateCreationDateTime"]
        if "dynamodb" in record
        else record["ApproximateArrivalTimestamp"]
    )
    return found.astimezone(UTC)


@dataclass
class Shard:
    """One shard, read by one thread.

    What is read has to be reported as done, in order; ``rewind`` goes back to what is not.

    Attributes:
        id: the shard's id.
        parents: the shards that it was split or merged from.
        closed: nothing more can come.
    """

    stream: "StreamReader"
    id: str
    position: dict[str, Any]
    parents: tuple[str, ...] = ()
    closed: bool = False
    _iterator: str | None = None
    _first: str | None = None
    _read: str | None = None
    _done: str | None = None

    @property
    def finished(self) -> bool:
        """Whether all of a closed shard was read and is done."""
        return self.closed and self._read == self._done

    def open(self) -> None:
        """Fix the position, so that what comes from now on is read even from ``LATEST``."""
        if self._iterator is None:
            self._iterator = self._find()
            self._first = self._first or self._iterator

    def read(self, limit: int) -> list[dict[str, Any]]:
        """The next records, none when there are none now."""
        if self.closed:
            return []
        self.open()
        arn = {} if self.stream.of_table else {"StreamARN": self.stream.arn}
        try:
            found = self.stream.client().get_records(ShardIterator=self._iterator, Limit=min(limit, MAX_RECORDS), **arn)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("ExpiredIteratorException", "TrimmedDataAccessException"):
                self._iterator = None
            raise
        records: list[dict[str, Any]] = found["Records"]
        self._iterator = found.get("NextShardIterator")
        self.closed = self._iterator is None
        if records:
            self._read = sequence_number(records[-1])
        return records

    def done(self, record: dict[str, Any]) -> None:
        """All records up to this one need not be read again."""
        self._done = sequence_number(record)

    def rewind(self) -> None:
        """Read again what was read and is not done."""
        self._iterator = None if self._done else self._first
        self._read, self.closed = self._done, False

    def _find(self) -> str:
        name = "StreamArn" if self.stream.of_table else "StreamARN"
        number = "SequenceNumber" if self.stream.of_table else "StartingSequenceNumber"
        where = self.position
        if self._read is not None:
            where = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", number: self._read}
        request = {name: self.stream.arn, "ShardId": self.id}
        client = self.stream.client()
        try:
            return str(client.get_shard_iterator(**request, **where)["ShardIterator"])
        except client.exceptions.ClientError as error:
            if error.response["Error"]["Code"] != "TrimmedDataAccessException":
                raise
            # What lay there is gone; the oldest that is left comes next.
            return str(client.get_shard_iterator(**request, ShardIteratorType="TRIM_HORIZON")["ShardIterator"])


@dataclass
class StreamReader:
    """One consumer of a stream; several can read the same one.

    Args:
        client_of: gives a client of a service, boto3's name, with the consumer's role.
        arn: a table's stream or a Kinesis stream.
        starting_position: ``TRIM_HORIZON``, ``LATEST``, or ``AT_TIMESTAMP`` for Kinesis.
        timestamp: for ``AT_TIMESTAMP``.
    """

    client_of: Callable[[str], Any]
    arn: str
    starting_position: str
    timestamp: datetime | None = None
    _shards: dict[str, Shard] = field(default_factory=dict)
    _listed: bool = False

    @property
    def of_table(self) -> bool:
        """Whether it is a table's stream."""
        return is_table_stream(self.arn)

    def client(self) -> Any:
        """A client of the stream's service."""
        return self.client_of("dynamodbstreams" if self.of_table else "kinesis")

    def ask(self) -> None:
        """Ask for the permission to list a table's streams, which Lambda and Pipes want beside those to read.

        Raises:
            botocore.exceptions.ClientError: the role may not.
        """
        if self.of_table:
            self.client().list_streams(TableName=self.arn.split("/")[1], Limit=1)

    def shards(self) -> list[Shard]:
        """All shards, those that are known with their positions.

        Raises:
            botocore.exceptions.ClientError: the stream does not exist or the role may not describe it.
        """
        for found in self._described():
            identifier = found["ShardId"]
            if identifier not in self._shards:
                # A shard that appears later is the child of one that was read: it is read from its beginning.
                position: dict[str, Any] = {"ShardIteratorType": "TRIM_HORIZON"}
                if not self._listed:
                    position = {"ShardIteratorType": self.starting_position}
                    if self.timestamp is not None:
                        position["Timestamp"] = self.timestamp
                parents = tuple(found[name] for name in ("ParentShardId", "AdjacentParentShardId") if found.get(name))
                # Of a shard that was closed before, nothing is new.
                over = (
                    position["ShardIteratorType"] == "LATEST" and "EndingSequenceNumber" in found["SequenceNumberRange"]
                )
                self._shards[identifier] = Shard(self, identifier, position, parents, over)
        self._listed = True
        return list(self._shards.values())

    def ready(self) -> list[Shard]:
        """The shards whose parents are finished: what a key's records follow on was before them.

        Raises:
            botocore.exceptions.ClientError: as for ``shards``.
        """
        known = {shard.id: shard for shard in self.shards()}
        return [
            shard
            for shard in known.values()
            if all(parent not in known or known[parent].finished for parent in shard.parents)
        ]

    def known(self) -> list[Shard]:
        """The shards that were listed so far."""
        return list(self._shards.values())

    def _described(self) -> Iterator[dict[str, Any]]:
        request: dict[str, Any] = {"StreamArn" if self.of_table else "StreamARN": self.arn}
        while True:
            found = self.client().describe_stream(**request)["StreamDescription"]
            yield from found["Shards"]
            if not (found.get("LastEvaluatedShardId") or found.get("HasMoreShards")):
                return
            request["ExclusiveStartShardId"] = found["Shards"][-1]["ShardId"]
