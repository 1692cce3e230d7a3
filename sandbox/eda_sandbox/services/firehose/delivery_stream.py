"""One delivery stream: its buffer, and the thread that flushes and delivers it."""

import contextlib
import json
import logging
import threading
import time
import uuid
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.streams import StreamReader, arrival, sequence_number
from eda_sandbox.services.firehose.delivery import PRINCIPAL, Failed, Origin, Record, S3Object, objects, reason, write

MIB = 1024 * 1024
POLL_SECONDS = 0.2
READ_RECORDS = 1000
LONGEST_PAUSE = 60
"""Seconds, in AWS's time, between two attempts to deliver."""
CLOSE_SECONDS = 20.0
"""How long, in real time, a stop waits for what is buffered to be delivered."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Backlog:
    """What a delivery stream holds that is not in the bucket: records, their bytes, and how many of the records lie in
    flushed buffers that are being delivered."""

    records: int
    bytes: int
    flushed: int


@dataclass
class DeliveryStream:
    """A delivery stream.

    Attributes:
        name: its name.
        kind: ``DirectPut`` or ``KinesisStreamAsSource``.
        source: the Kinesis source's configuration, or None.
        destination: the destination, complete.
        version: grows with every change.
    """

    cloud: Cloud
    name: str
    kind: str
    source: dict[str, Any] | None
    destination: dict[str, Any]
    tags: dict[str, str] = field(default_factory=dict)
    status: str = "CREATING"
    version: int = 1
    encryption: dict[str, Any] = field(default_factory=lambda: {"Status": "DISABLED"})
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    updated: datetime | None = None

    def __post_init__(self) -> None:
        self._changed = threading.Condition()
        self._buffer: list[Record] = []
        self._bytes = 0
        self._opened = 0.0
        self._flushed: deque[list[Record]] = deque()
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []

    @property
    def arn(self) -> str:
        """Its ARN."""
        return self.cloud.arn("firehose", f"deliverystream/{self.name}")

    def start(self) -> None:
        """Begin to work."""
        self._threads = [self.cloud.spawn(self._deliver_forever, f"firehose-{self.name}")]
        if self.source is not None:
            self._threads.append(self.cloud.spawn(self._read_forever, f"firehose-source-{self.name}"))
        self.status = "ACTIVE"

    def close(self) -> None:
        """Take no more, flush and deliver what is buffered; what cannot be delivered in time is reported."""
        self._closing.set()
        with self._changed:
            self._changed.notify_all()
        deadline = time.monotonic() + CLOSE_SECONDS
        for thread in reversed(self._threads):
            thread.join(max(0.0, deadline - time.monotonic()))
        left = self.backlog()
        if left.records:
            log.error("%s: %d records are not delivered", self.name, left.records)

    def put(self, data: Sequence[bytes]) -> list[str]:
        """Buffer records that come now; their ids."""
        now = datetime.now(UTC)
        records = [Record(content, now, uuid.uuid4().hex) for content in data]
        self._append(records)
        return [record.id for record in records]

    def change(self, destination: dict[str, Any] | None = None, encryption: dict[str, Any] | None = None) -> None:
        """Change the configuration, which is a new version."""
        with self._changed:
            self.destination = destination or self.destination
            self.encryption = encryption or self.encryption
            self.version += 1
            self.updated = datetime.now(UTC)
            self._changed.notify_all()

    def backlog(self) -> Backlog:
        """What is not delivered yet."""
        with self._changed:
            flushed = [record for batch in self._flushed for record in batch]
            size = self._bytes + sum(len(record.data) for record in flushed)
            return Backlog(len(self._buffer) + len(flushed), size, len(flushed))

    def _append(self, records: Sequence[Record]) -> None:
        size = self.destination["BufferingHints"]["SizeInMBs"] * MIB
        with self._changed:
            for record in records:
                if not self._buffer:
                    self._opened = time.monotonic()
                self._buffer.append(record)
                self._bytes += len(record.data)
                if self._bytes >= size:
                    self._flush()
            self._changed.notify_all()

    def _flush(self) -> None:
        self._flushed.append(self._buffer)
        self._buffer, self._bytes = [], 0

    def _next(self) -> list[Record] | None:
        """The oldest flushed buffer, which stays until it is delivered; None when all is delivered at the end."""
        with self._changed:
            while not self._flushed:
                interval = self.cloud.clock.real(self.destination["BufferingHints"]["IntervalInSeconds"])
                left = self._opened + interval - time.monotonic()
                if self._buffer and (left <= 0 or self._closing.is_set()):
                    self._flush()
                elif self._closing.is_set():
                    return None
                else:
                    self._changed.wait(left if self._buffer else None)
            return self._flushed[0]

    def _deliver_forever(self) -> None:
        while (records := self._next()) is not None:
            if not self._deliver(records):
                return
            with self._changed:
                self._flushed.popleft()

    def _deliver(self, records: list[Record]) -> bool:
        """Try until it works; false when the stop did not leave the time."""
        pending: list[S3Object] | None = None
        attempt, deadline = 0, None
        while True:
            destination, origin = self.destination, Origin(self.name, self.arn, self.version)
            try:
                if pending is None:
                    pending, failed = objects(self.cloud, origin, destination, records)
                    self._report_failed(failed)
                while pending:
                    # The key stays the same, so that an attempt whose answer was lost leaves no second object.
                    write(self.cloud, origin, destination, pending[0])
                    pending.pop(0)
                return True
            except Exception as error:
                log.info("%s: %s", self.name, error)
                if attempt == 0:
                    self._report(*reason(error))
            if self._closing.is_set():
                deadline = deadline or time.monotonic() + CLOSE_SECONDS / 2
                if time.monotonic() >= deadline:
                    return False
                # Nothing is left to wait for but the destination.
                time.sleep(POLL_SECONDS)
            else:
                self.cloud.clock.wait(min(2**attempt, LONGEST_PAUSE), self._closing)
            attempt += 1

    def _report_failed(self, failed: Sequence[Failed]) -> None:
        for code in {found.failure.code for found in failed}:
            of_code = [found for found in failed if found.failure.code == code]
            self._report(code, f"{len(of_code)} records: {of_code[0].failure.message}")

    def _report(self, code: str, message: str) -> None:
        """Write to the error log, where it is switched on; a log that cannot be written stops no delivery."""
        options = self.destination["CloudWatchLoggingOptions"]
        if not options.get("Enabled"):
            return
        line = {
            "deliveryStreamARN": self.arn,
            "destination": self.destination["BucketARN"],
            "deliveryStreamVersionId": self.version,
            "message": message,
            "errorCode": code,
        }
        with contextlib.suppress(Exception):
            self.cloud.client("logs", self.destination["RoleARN"], PRINCIPAL, self.arn).put_log_events(
                logGroupName=options["LogGroupName"],
                logStreamName=options["LogStreamName"],
                logEvents=[{"timestamp": int(time.time() * 1000), "message": json.dumps(line)}],
            )

    def _read_forever(self) -> None:
        source = self.source or {}
        reader = StreamReader(
            lambda service: self.cloud.client(service, source["RoleARN"], PRINCIPAL, self.arn),
            source["KinesisStreamARN"],
            "AT_TIMESTAMP",
            self.created,
        )
        while not (self._closing.is_set() or self.cloud.stopping.is_set()):
            worked = False
            try:
                for shard in reader.ready():
                    found = shard.read(READ_RECORDS)
                    self._append([Record(item["Data"], arrival(item), sequence_number(item)) for item in found])
                    if found:
                        shard.done(found[-1])
                        worked = True
            except Exception as error:
                # Firehose goes on reading: the role may get its permission, the stream may come back.
                log.info("%s: %s", self.name, error)
                self._report("Kinesis.Error", str(error))
            if not worked:
                self._closing.wait(POLL_SECONDS)
