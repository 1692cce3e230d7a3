"""Event source mappings: what polls queues and streams and invokes functions with batches."""

import contextlib
import json
import logging
import math
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from eda_sandbox.foundation import event_pattern
from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.foundation.polling import POLL_SECONDS, poll_until
from eda_sandbox.foundation.streams import Shard, StreamReader
from eda_sandbox.services.lambda_.destinations import Destinations, service_of
from eda_sandbox.services.lambda_.function import PRINCIPAL, Function, Outcome
from eda_sandbox.services.lambda_.mapping_options import QUEUE_BATCH, check_options, defaults, is_queue
from eda_sandbox.services.lambda_.pointers import pointer
from eda_sandbox.services.lambda_.source_records import arrived, identifier, matching, queue_record, stream_record
from eda_sandbox.services.lambda_.tracing import linking

LIST_SECONDS = 0.5
"""How often the shards of a stream are listed."""
RESOLUTION = 1
"""Seconds that a record's arrival may be off: a table's stream tells no more."""
FIRST_BATCHES = 5
"""Batches of a queue that Lambda reads at a time before it scales."""
Invoke = Callable[[Function, bytes], Outcome]
log = logging.getLogger(__name__)


@dataclass
class EventSourceMapping:
    """One mapping, and the thread that works for it.

    Attributes:
        configuration: as ``GetEventSourceMapping`` returns it.
        function: what is invoked.
        stopped: set to end the thread.
        tags: the mapping's own.
    """

    cloud: Cloud
    configuration: dict[str, Any]
    function: Function
    invoke: Invoke
    stopped: threading.Event = field(default_factory=threading.Event)
    tags: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        position = self.configuration.get("StartingPosition", "LATEST")
        timestamp = self.configuration.get("StartingPositionTimestamp")
        self._stream = StreamReader(self._client, self.configuration["EventSourceArn"], position, timestamp)
        self._shards: list[Shard] = []
        self._list_at = 0.0
        self._lock = threading.Lock()
        self._in_flight = 0

    def start(self) -> None:
        """Begin to poll."""
        poll = self._poll_queue if is_queue(self.configuration["EventSourceArn"]) else self._poll_stream
        # A thread ends with the event that it began with, also when the mapping is enabled again meanwhile.
        stopped = self.stopped
        self.cloud.spawn(lambda: self._run(poll, stopped), f"event-source-{self.function.name}")

    def _run(self, poll: Callable[[], bool], stopped: threading.Event) -> None:
        poll_until(
            lambda: stopped.is_set() or self.cloud.stopping.is_set(),
            poll,
            lambda error: log.info("%s: %s", self.configuration["EventSourceArn"], error),
            stopped,
        )

    def _client(self, service: str) -> Any:
        return self.cloud.client(service, self.function.configuration["Role"], PRINCIPAL)

    @property
    def _window(self) -> float:
        """Real seconds for which a batch is filled."""
        return self.cloud.clock.real(self.configuration.get("MaximumBatchingWindowInSeconds") or 0)

    def _patterns(self) -> list[dict[str, Any]]:
        criteria = self.configuration.get("FilterCriteria") or {}
        return [event_pattern.parse(found["Pattern"]) for found in criteria.get("Filters") or []]

    def _called(self, records: list[dict[str, Any]]) -> tuple[set[str] | None, Outcome | None]:
        """Ids of the records that failed, empty when all succeeded, None when the function could not be called; and
        what became of the call."""
        everything = {identifier(record) for record in records}
        try:
            with linking(records):
                outcome = self.invoke(self.function, json.dumps({"Records": records}).encode())
        except AwsError:
            return None, None
        if outcome.function_error:
            return everything, outcome
        if "ReportBatchItemFailures" not in self.configuration.get("FunctionResponseTypes", []):
            return set(), outcome
        try:
            answer = json.loads(outcome.payload) or {}
            failed = {item["itemIdentifier"] for item in answer.get("batchItemFailures") or []}
        except (ValueError, KeyError, TypeError, AttributeError):
            return everything, outcome
        # An id that is none of the batch's counts as a failure of the whole batch.
        return failed if failed <= everything else everything, outcome

    def _poll_queue(self) -> bool:
        limit = self._at_once()
        if limit > 1 and self._in_flight >= limit:
            return False
        url = self.cloud.queue_url(self.configuration["EventSourceArn"])
        messages = self._receive(url)
        if not messages:
            return False
        if limit == 1:
            return self._deliver(url, messages)
        with self._lock:
            self._in_flight += 1
        self.cloud.spawn(lambda: self._deliver_aside(url, messages), f"event-source-{self.function.name}")
        return True

    def _receive(self, url: str) -> list[dict[str, Any]]:
        """The messages of a batch, gathered until it is full or its window is over."""
        size, sqs = self.configuration.get("BatchSize", QUEUE_BATCH), self._client("sqs")
        messages: list[dict[str, Any]] = []
        deadline = None
        while not (self.stopped.is_set() or self.cloud.stopping.is_set()):
            found = sqs.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=min(size - len(messages), QUEUE_BATCH),
                AttributeNames=["All"],
                MessageAttributeNames=["All"],
            ).get("Messages", [])
            messages += found
            if messages and deadline is None:
                deadline = time.monotonic() + self._window
            if len(messages) >= size or deadline is None or time.monotonic() >= deadline:
                break
            if not found:
                self.stopped.wait(min(POLL_SECONDS, max(0.0, deadline - time.monotonic())))
        return messages

    def _at_once(self) -> int:
        """Batches of a queue that are handed over at a time. Lambda reads five to begin with, whatever is reserved (its
        documentation, SQS event source scaling): without a limit it takes messages for which there is no instance."""
        if self.function.reserved is None or self.configuration["EventSourceArn"].endswith(".fifo"):
            return 1
        return min(
            int((self.configuration.get("ScalingConfig") or {}).get("MaximumConcurrency", FIRST_BATCHES)), FIRST_BATCHES
        )

    def _deliver_aside(self, url: str, messages: list[dict[str, Any]]) -> None:
        try:
            self._deliver(url, messages)
        except (ClientError, BotoCoreError) as error:
            log.info("%s: %s", self.configuration["EventSourceArn"], error)
        finally:
            with self._lock:
                self._in_flight -= 1

    def _deliver(self, url: str, messages: list[dict[str, Any]]) -> bool:
        arn, sqs = self.configuration["EventSourceArn"], self._client("sqs")
        patterns = self._patterns()
        records = [queue_record(message, arn, self.cloud.region) for message in messages]
        # Lambda deletes what matches no filter.
        wanted = [record for record in records if matching(patterns, record)]
        failed = self._called(wanted)[0] if wanted else set()
        left = {identifier(record) for record in wanted} if failed is None else failed
        for message in messages:
            if message["MessageId"] not in left:
                try:
                    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                    continue
                except (ClientError, BotoCoreError) as error:
                    log.info("%s: %s comes again: %s", arn, message["MessageId"], error)
            self._wait_less(url, message)
        return failed is not None

    def _wait_less(self, url: str, message: dict[str, Any]) -> None:
        """Nobody works on a message any more that failed, so the rest of its visibility time-out is scaled; but what a
        function locks, it locks in real time, for as long as it may work."""
        sqs = self.cloud.client("sqs")
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
        whole, works = int(found["VisibilityTimeout"]), int(self.function.configuration["Timeout"]) + 1
        left = max(math.ceil(self.cloud.clock.real(whole)), works)
        if left < whole:
            with contextlib.suppress(ClientError):
                sqs.change_message_visibility(
                    QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=left
                )

    def _poll_stream(self) -> bool:
        worked = False
        if time.monotonic() >= self._list_at:
            self._stream.ask()
            self._shards = self._stream.ready()
            self._list_at = time.monotonic() + LIST_SECONDS
        for shard in self._shards:
            last, records = self._gather(shard)
            if records:
                self._process(shard, records, time.monotonic())
            if last is not None:
                shard.done(last)
                worked = True
        return worked

    def _gather(self, shard: Shard) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
        """The last record that was read, and the events of those that match, until the batch is full or its window is
        over."""
        size, patterns, role = self.configuration.get("BatchSize", 100), self._patterns(), self.function.configuration
        batch: list[dict[str, Any]] = []
        last, deadline = None, None
        while not (self.stopped.is_set() or self.cloud.stopping.is_set()):
            found = shard.read(size - len(batch))
            events = [
                stream_record(record, self._stream.arn, self.cloud.region, shard.id, role["Role"]) for record in found
            ]
            batch += [event for event in events if matching(patterns, event)]
            last = found[-1] if found else last
            if batch and deadline is None:
                deadline = time.monotonic() + self._window
            if len(batch) >= size or shard.closed or deadline is None or time.monotonic() >= deadline:
                break
            if not found:
                self.stopped.wait(min(POLL_SECONDS, max(0.0, deadline - time.monotonic())))
        return last, batch

    def _process(self, shard: Shard, records: list[dict[str, Any]], began: float) -> None:
        """Invoke with a batch, first at a monotonic time, until it succeeds or is given up; a poison record does not
        stop its neighbours."""
        retries = self.configuration.get("MaximumRetryAttempts", -1)
        attempt, calls, outcome = 0, 0, None
        while records and not (self.stopped.is_set() or self.cloud.stopping.is_set()):
            old = [record for record in records if self._too_old(record, began)]
            if old:
                self._give_up(shard, old, "RecordAgeExceeded", calls, outcome)
                records = [record for record in records if record not in old]
                continue
            failed, outcome = self._called(records)
            if failed is None:
                self.cloud.clock.wait(1, self.stopped)
                continue
            calls += 1
            if not failed:
                return
            if len(failed) < len(records):
                # The batch goes on at the first record that failed.
                first = next(index for index, record in enumerate(records) if identifier(record) in failed)
                records, attempt = records[first:], attempt + 1
            elif self.configuration.get("BisectBatchOnFunctionError") and len(records) > 1:
                middle = len(records) // 2
                self._process(shard, records[:middle], began)
                records = records[middle:]
                continue
            else:
                attempt += 1
            if 0 <= retries < attempt:
                given_up = records[:1] if len(failed) < len(records) else records
                self._give_up(shard, given_up, "RetryAttemptsExhausted", calls, outcome)
                records, attempt, calls = records[1:] if len(failed) < len(records) else [], 0, 0
            else:
                self.cloud.clock.wait(2**attempt, self.stopped)

    def _too_old(self, record: dict[str, Any], began: float) -> bool:
        """Whether a record is given up; only the time for which it was tried is scaled, because what the sandbox is
        busy with before is work."""
        oldest, tried = self.configuration.get("MaximumRecordAgeInSeconds", -1), time.monotonic() - began
        age = time.time() - arrived(record) - RESOLUTION + tried * (self.cloud.clock.speed - 1)
        return bool(0 <= oldest < age)

    def _give_up(
        self, shard: Shard, records: list[dict[str, Any]], condition: str, calls: int, outcome: Outcome | None
    ) -> None:
        destination = (self.configuration.get("DestinationConfig") or {}).get("OnFailure", {}).get("Destination")
        if not destination:
            return
        stream = self.configuration["EventSourceArn"]
        record = pointer(records, condition, self.function.arn, shard.id, stream, calls, outcome)
        if service_of(destination) == "s3":
            record["payload"] = {"Records": records}
        Destinations(self.cloud).deliver(
            destination,
            self.function.configuration["Role"],
            json.dumps(record),
            function=self.function.name,
            folder=f"aws/lambda/{self.configuration['UUID']}/{shard.id}",
        )


def described(mapping: EventSourceMapping, state: str | None = None) -> dict[str, Any]:
    """A mapping as the API shows it; while something is done to it, in another state than it has."""
    return {**mapping.configuration, **({"State": state} if state else {})}


def configuration_of(request: dict[str, Any], function: Function, cloud: Cloud) -> dict[str, Any]:
    """What a new mapping is configured with, checked, with AWS's defaults.

    Raises:
        AwsError: an option is none that the source has.
    """
    source = request.get("EventSourceArn", "")
    check_options(source, request)
    identifier = str(uuid.uuid4())
    kept = {key: value for key, value in request.items() if key not in ("FunctionName", "Tags", "Enabled")}
    if not (kept.get("FilterCriteria") or {}).get("Filters"):
        kept.pop("FilterCriteria", None)
    return {
        **defaults(source),
        **kept,
        "UUID": identifier,
        "FunctionArn": function.arn,
        "EventSourceMappingArn": cloud.arn("lambda", f"event-source-mapping:{identifier}"),
        "State": "Enabled" if request.get("Enabled", True) else "Disabled",
        "LastModified": datetime.now(UTC),
    }
