"""What the redrives of changes and of notifications meet: a table's past, its stream, and a queue that points there.

The world knows what each message stands for, from its own list of what happened to the rows, and looks whether that
happened at the moment at which the message is deleted.
"""

import base64
import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import Any

from pipeline.redrive_changes import RedriveChanges, RedrivenChanges
from pipeline.redrive_notifications import RedriveNotifications
from tests.reliability.faulty_calls import Wire
from tests.runtime import test_redrive_changes, test_redrive_notifications
from tests.runtime.test_redrive_changes import NOW, change, error, image, pointer
from tests.runtime.test_redrive_notifications import notification

ERRORS = "errors/"
BAD = (
    "no JSON",
    "[]",
    "[" * 100_000,
    "{}",
    '{"event_id": 7}',
    '{"source": "aws.s3", "detail": {"bucket": {"name": "b"}, "object": {}}}',
    pointer(1, 1).replace("table/orders/", "table/other/"),
    pointer(1, 1).replace("pipe/changes", "pipe/other").replace("table/orders/", "table/other/"),
    pointer(1, 1).replace('"shardId"', '"shard"'),
)
"""What no redrive of the two may delete, and none may stop at."""


@dataclass(frozen=True)
class Past:
    """What happened to a table's rows.

    Attributes:
        stream: the changes, as the stream has them; their numbers begin with 1.
        rows: the rows as they are now, by name.
        flowing: which changes a Pipe takes, and whether each leaves a row.
    """

    stream: list[dict[str, Any]]
    rows: dict[str, dict[str, Any]]
    flowing: dict[int, tuple[str, str, bool]]

    @classmethod
    def of(cls, happened: Iterable[tuple[str, str]]) -> "Past":
        """Rows are written, removed, or expire; a technical one has no version."""
        stream: list[dict[str, Any]] = []
        rows: dict[str, dict[str, Any]] = {}
        flowing: dict[int, tuple[str, str, bool]] = {}
        versions: Counter[str] = Counter()
        for number, (name, what) in enumerate(happened, 1):
            old = rows.get(name)
            if what in ("remove", "expire") and old is not None:
                by_ttl = {"userIdentity": {"principalId": "dynamodb.amazonaws.com"}} if what == "expire" else {}
                stream.append(change(number, "REMOVE", old=rows.pop(name), **by_ttl))
                if what == "remove":
                    flowing[number] = (name, str(versions[name]), False)
            elif what == "technical":
                stream.append(change(number, new=image(f"technical-{name}", None)))
            else:
                versions[name] += 1
                told = f"{name}:{versions[name]}"
                rows[name] = image(name, versions[name], event_id=told, updated_at=NOW.isoformat())
                stream.append(change(number, "MODIFY" if old else "INSERT", old=old, new=rows[name]))
                flowing[number] = (name, str(versions[name]), True)
        return cls(stream, rows, flowing)

    def between(self, first: int, last: int) -> dict[int, tuple[str, str, bool]]:
        """What flows of a range."""
        return {number: what for number, what in self.flowing.items() if first <= number <= last}

    def left_of(self, first: int, last: int) -> set[tuple[str, str]]:
        """Names and versions of the rows that were changed in a range, as they are now."""
        names = {name for name, _, _ in self.between(first, last).values()}
        return {(name, self.rows[name]["version"]["N"]) for name in names if name in self.rows}


@dataclass(frozen=True)
class Asked:
    """A message, and what it stands for.

    Attributes:
        what: ``pointer``, ``object`` (records that could not be converted), ``notification``, ``odd`` (a pointer that
            can be read by some) or ``foreign``.
        body: the message.
        first: the pointer's first number.
        last: its last.
        records: what the object holds.
    """

    what: str
    body: str
    first: int = 0
    last: int = 0
    records: tuple[str, ...] = ()


def pointing(first: int, last: int, zone: bool) -> Asked:
    """A Pipe's pointer; one without a time zone is odd and readable."""
    text = pointer(min(first, last), max(first, last))
    return Asked("pointer", text if zone else text.replace("00Z", "00"), min(first, last), max(first, last))


def gave_up(event_id: str) -> Asked:
    """A notification that the other system did not take."""
    return Asked("notification", notification(event_id))


def failed_records(number: int, records: tuple[str, ...]) -> Asked:
    """An event of the object with records that could not be converted."""
    return Asked("object", test_redrive_changes.event(f"{ERRORS}{number}"), records=records)


class _World(ABC):
    """What the two share: messages are there until they are deleted, and the world looks then."""

    def __init__(self, asked: Sequence[Asked], past: Past, *, trimmed: bool, wire: Wire) -> None:
        self.asked = {str(number): one for number, one in enumerate(asked)}
        self.past, self.wire, self.trimmed = past, wire, trimmed
        self.too_early: list[Asked] = []

    def look(self, id: str) -> None:
        """At the moment of a deletion."""
        if not self.happened(self.asked[id]):
            self.too_early.append(self.asked[id])

    def happened(self, asked: Asked) -> bool:
        """Whether what a message stands for is there: nothing of what is foreign ever is."""
        if asked.what not in (*OWN[type(self)], "odd"):
            return False
        if self.trimmed and asked.first:
            return self.rows_there() >= self.past.left_of(asked.first, asked.last)
        return asked.last <= len(self.past.stream) and self.reached().keys() >= self.stands_for(asked)

    def once(self) -> Counter[str]:
        """What has reached the target when each message was redriven once, from the stream."""
        gone = [one for id, one in self.asked.items() if id not in self.queue]
        return Counter(chain.from_iterable(map(self.stands_for, gone)))

    queue: Mapping[str, str]

    @abstractmethod
    def stands_for(self, asked: Asked) -> set[str]:
        """What a message stands for while the stream is there."""

    @abstractmethod
    def reached(self) -> Counter[str]:
        """How often each thing reached the target."""

    @abstractmethod
    def rows_there(self) -> set[tuple[str, str]]:
        """Names and versions of the rows that reached the target."""

    def stream_of(self, arn: str) -> None:
        """There is one stream."""
        if ":table/orders/" not in arn:
            raise error("ResourceNotFoundException")


class ChangesWorld(_World, test_redrive_changes.Aws):
    """What the redrive of changes meets; ``put`` is what Firehose has."""

    def __init__(self, asked: Sequence[Asked], past: Past, *, trimmed: bool, wire: Wire) -> None:
        test_redrive_changes.Aws.__init__(self)
        _World.__init__(self, asked, past, trimmed=trimmed, wire=wire)
        self.queue = {id: one.body for id, one in self.asked.items()}
        self.stream, self.table = past.stream, list(past.rows.values())
        for one in asked:
            if one.what == "object":
                lines = [{"rawData": base64.b64encode(text.encode()).decode()} for text in one.records]
                key = json.loads(one.body)["detail"]["object"]["key"]
                self.objects[key] = "".join(json.dumps(line) + "\n" for line in lines).encode()

    def redrive(self) -> list[RedrivenChanges]:
        """One run of the command."""
        self.seen.clear()
        command = RedriveChanges(lambda _: self.wire.client(self), test_redrive_changes.OUTPUTS, lambda _: None)
        return list(command.run())

    def get_shard_iterator(self, StreamArn: str, **request: Any) -> dict[str, Any]:
        self.stream_of(StreamArn)
        return super().get_shard_iterator(**request)

    def delete_message(self, QueueUrl: str, ReceiptHandle: str) -> None:
        self.look(ReceiptHandle)
        super().delete_message(QueueUrl, ReceiptHandle)

    def stands_for(self, asked: Asked) -> set[str]:
        return {*asked.records, *(f"e-{number}" for number in self.past.between(asked.first, asked.last))}

    def reached(self) -> Counter[str]:
        return Counter(text if "raw" in (row := json.loads(text)) else row["stream_event_id"] for text in self.put)

    def rows_there(self) -> set[tuple[str, str]]:
        return {(row["order_id"], row["version"]) for row in self.rows() if "raw" not in row}


class NotificationsWorld(_World, test_redrive_notifications.Aws):
    """What the redrive of notifications meets; ``sent`` is what the notifications' queue has."""

    def __init__(self, asked: Sequence[Asked], past: Past, *, trimmed: bool, wire: Wire) -> None:
        bodies, rows = [one.body for one in asked], list(past.rows.values())
        test_redrive_notifications.Aws.__init__(self, bodies, past.stream, rows, trimmed=trimmed)
        _World.__init__(self, asked, past, trimmed=trimmed, wire=wire)

    @property
    def queue(self) -> Mapping[str, str]:
        """The dead-letter queue."""
        return self.messages

    def redrive(self) -> list[RedrivenChanges]:
        """One run of the command."""
        self.hidden.clear()
        command = RedriveNotifications(lambda _: self.wire.client(self), test_redrive_notifications.OUTPUTS)
        return list(command.run())

    def get_shard_iterator(self, StreamArn: str, **request: Any) -> Any:
        self.stream_of(StreamArn)
        return super().get_shard_iterator(**request)

    def get_records(self, ShardIterator: str) -> Any:
        """The shard ends behind its last change."""
        return {**super().get_records(ShardIterator), "NextShardIterator": None}

    def delete_message(self, QueueUrl: str, ReceiptHandle: str) -> None:
        self.look(ReceiptHandle)
        super().delete_message(QueueUrl, ReceiptHandle)

    def stands_for(self, asked: Asked) -> set[str]:
        if asked.what == "notification":
            return {json.loads(asked.body)["event_id"]}
        between = self.past.between(asked.first, asked.last).values()
        return {f"{name}:{version}" for name, version, written in between if written}

    def reached(self) -> Counter[str]:
        return Counter(one["event_id"] for one in self.sent)

    def rows_there(self) -> set[tuple[str, str]]:
        return {(name, version) for name, _, version in (told.partition(":") for told in self.reached())}


World = ChangesWorld | NotificationsWorld
OWN: dict[type[World], frozenset[str]] = {
    ChangesWorld: frozenset({"pointer", "object"}),
    NotificationsWorld: frozenset({"pointer", "notification"}),
}
"""The messages that a redrive knows; the other's, and all else, are foreign to it."""
FOREIGN = (
    *(Asked("foreign", body) for body in BAD),
    Asked("foreign", test_redrive_changes.event(f"{ERRORS}0").replace('"b"', '"other"')),
    Asked("foreign", test_redrive_changes.event(f"{ERRORS}gone")),
    Asked("odd", pointer(1, 1, arrived=datetime(1, 1, 1, tzinfo=UTC)), 1, 1),
    Asked("odd", pointer(1, 999), 1, 999),
)
"""What may lie there too: what nobody can redrive, and what can be redriven or not, as the stream still is there."""
