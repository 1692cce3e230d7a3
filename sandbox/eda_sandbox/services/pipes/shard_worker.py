"""One shard of a pipe's source: gathers batches, delivers them in order, and gives up what cannot be delivered."""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from eda_sandbox.foundation import event_pattern
from eda_sandbox.foundation.clock import rfc3339
from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.polling import POLL_SECONDS, poll_until
from eda_sandbox.foundation.streams import Shard, arrival, sequence_number
from eda_sandbox.services.pipes import targets
from eda_sandbox.services.pipes.configuration import service_of, source_parameters
from eda_sandbox.services.pipes.source_events import decoded, source_event
from eda_sandbox.services.pipes.template import InputTemplate, TemplateError

ASK_SECONDS = 0.5
"""How often the role's permission to list streams is asked for."""
LONGEST_PAUSE = 60
"""Seconds, in AWS's time, between two attempts."""
RESOLUTION = 1
"""Seconds that a record's arrival may be off: a table's stream tells no more."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Pending:
    """A record that has to be delivered: its place in the batch, the record, and its event."""

    index: int
    record: dict[str, Any]
    event: dict[str, Any]


class ShardWorker:
    """Works for one shard until it is stopped; what it has not finished then is read again.

    Args:
        cloud: the embedded AWS.
        configuration: the pipe's, as ``DescribePipe`` shows it.
        client: gives clients with the pipe's role.
        shard: what it reads.
        stopped: set to end it.
        report: called with what the pipe logs: the message's type, its level, and details.
    """

    def __init__(
        self,
        cloud: Cloud,
        configuration: dict[str, Any],
        client: Callable[[str], Any],
        shard: Shard,
        stopped: threading.Event,
        report: Callable[[str, str, dict[str, Any]], None],
    ) -> None:
        self._cloud, self._configuration, self._client = cloud, configuration, client
        self._shard, self._stopped, self._report = shard, stopped, report
        parameters = source_parameters(configuration)
        self._size = parameters.get("BatchSize", 1)
        self._window = parameters.get("MaximumBatchingWindowInSeconds", 0)
        self._retries = parameters.get("MaximumRetryAttempts", -1)
        self._age = parameters.get("MaximumRecordAgeInSeconds", -1)
        self._bisects = "OnPartialBatchItemFailure" in parameters
        self._dead_letters = parameters.get("DeadLetterConfig", {}).get("Arn")
        criteria = configuration.get("SourceParameters", {}).get("FilterCriteria", {})
        self._patterns = [event_pattern.parse(found["Pattern"]) for found in criteria.get("Filters", [])]
        template = configuration.get("TargetParameters", {}).get("InputTemplate")
        self._template = InputTemplate(template) if template else None
        self._ask_at = 0.0

    def run(self) -> None:
        """Read and deliver until stopped or until the shard is closed and read to its end."""
        poll_until(lambda: self._ended or self._shard.closed, self._work, self._failed, self._stopped)

    def _failed(self, error: Exception) -> None:
        self._shard.rewind()
        self._report("ExecutionFailed", "ERROR", {"error": {"message": str(error)}})
        log.info("%s: %s", self._configuration["Name"], error)

    @property
    def _ended(self) -> bool:
        return self._stopped.is_set() or self._cloud.stopping.is_set()

    def _work(self) -> bool:
        if time.monotonic() >= self._ask_at:
            self._shard.stream.ask()
            self._ask_at = time.monotonic() + ASK_SECONDS
        last, batch = self._gather()
        if batch and not self._deliver(batch):
            # What is not delivered is read again by who goes on here.
            return True
        if last is not None:
            self._shard.done(last)
        return last is not None

    def _gather(self) -> tuple[dict[str, Any] | None, list[Pending]]:
        """The last record that was read, and those that match, until the batch is full or its window is over."""
        batch: list[Pending] = []
        last, deadline = None, None
        while not self._ended:
            records = self._shard.read(self._size - len(batch))
            for record in records:
                event = self._event(record)
                if self._matches(event):
                    batch.append(Pending(len(batch), record, event))
            last = records[-1] if records else last
            if batch and deadline is None:
                deadline = time.monotonic() + self._cloud.clock.real(self._window)
            if len(batch) >= self._size or self._shard.closed or deadline is None or time.monotonic() >= deadline:
                break
            if not records:
                self._stopped.wait(min(POLL_SECONDS, max(0.0, deadline - time.monotonic())))
        return last, batch

    def _event(self, record: dict[str, Any]) -> dict[str, Any]:
        configuration = self._configuration
        return source_event(
            record, self._shard.id, configuration["Source"], self._cloud.region, configuration["RoleArn"]
        )

    def _matches(self, event: dict[str, Any]) -> bool:
        seen = decoded(event) if self._patterns else event
        return not self._patterns or any(event_pattern.matches(pattern, seen) for pattern in self._patterns)

    def _deliver(self, batch: list[Pending]) -> bool:
        """Try until everything is delivered or given up; false when stopped before."""
        attempt = 0
        while not self._ended:
            old = self._too_old(batch)
            if old and not self._give_up(old, "RecordAgeExceeded"):
                return False
            batch = [pending for pending in batch if pending not in old] if old else batch
            failures = self._attempt(batch)
            if not failures:
                return True
            if len(failures) == len(batch) > 1 and self._bisects:
                # Splitting is no attempt of its own.
                self._pause(0)
                middle = len(batch) // 2
                return self._deliver(batch[:middle]) and self._deliver(batch[middle:])
            batch = [pending for position, pending in enumerate(batch) if position in failures]
            attempt += 1
            if 0 <= self._retries < attempt:
                return self._give_up(batch, "RetryAttemptsExhausted")
            self._pause(attempt)
        return False

    def _pause(self, attempt: int) -> None:
        self._cloud.clock.wait(min(2**attempt, LONGEST_PAUSE), self._stopped)

    def _attempt(self, batch: list[Pending]) -> targets.Failures:
        failures: targets.Failures = {}
        texts: list[str] = []
        places: list[int] = []
        for place, pending in enumerate(batch):
            try:
                texts.append(self._text(pending.event))
                places.append(place)
            except TemplateError as error:
                failures[place] = str(error)
        if texts:
            events = [batch[place].event for place in places]
            large = self._cloud.doubts["pipes-large-batches"]
            sent = targets.send(self._client, self._configuration, texts, events, large)
            failures |= {places[position]: reason for position, reason in sent.items()}
        if failures:
            reason = next(iter(failures.values()))
            log.info("%s: %d of %d failed: %s", self._configuration["Name"], len(failures), len(batch), reason)
            details = {"error": {"message": reason}, "failed": len(failures), "batchSize": len(batch)}
            self._report("TargetInvocationFailed", "ERROR", details)
        elif batch:
            self._report("ExecutionSucceeded", "INFO", {"batchSize": len(batch)})
        return failures

    def _text(self, event: dict[str, Any]) -> str:
        if self._template is None:
            return json.dumps(event, ensure_ascii=False, separators=(",", ":"))
        configuration = self._configuration
        reserved = {
            "aws.pipes.pipe-arn": configuration["Arn"],
            "aws.pipes.pipe-name": configuration["Name"],
            "aws.pipes.source-arn": configuration["Source"],
            "aws.pipes.target-arn": configuration["Target"],
            "aws.pipes.event.ingestion-time": rfc3339(datetime.now(UTC)),
        }
        doubts = self._cloud.doubts
        text = self._template.apply(decoded(event), reserved, doubts["pipes-missing-path"], doubts["pipes-quotes"])
        if service_of(configuration["Target"]) in ("lambda", "states"):
            try:
                json.loads(text)
            except ValueError:
                raise TemplateError("the target takes JSON, and the input template gives none") from None
        return text

    def _too_old(self, batch: list[Pending]) -> list[Pending]:
        if self._age < 0:
            return []
        now, speed = datetime.now(UTC), self._cloud.clock.speed
        return [
            pending
            for pending in batch
            if ((now - arrival(pending.record)).total_seconds() - RESOLUTION) * speed > self._age
        ]

    def _give_up(self, batch: list[Pending], condition: str) -> bool:
        """Point to records that are not delivered; false when stopped before the dead-letter queue took it."""
        for run in _runs(batch):
            pointer = json.dumps(self._pointer(run, condition))
            attempt = 0
            while self._dead_letters is not None:
                if self._ended:
                    return False
                try:
                    self._send_pointer(pointer)
                    break
                except (ClientError, BotoCoreError) as error:
                    # A pointer that is dropped would be a record that is lost.
                    log.warning("%s: the dead-letter queue takes nothing: %s", self._configuration["Name"], error)
                    self._pause(attempt)
                    attempt += 1
        return True

    def _pointer(self, run: list[Pending], condition: str) -> dict[str, Any]:
        first, last = run[0].record, run[-1].record
        of_table = self._shard.stream.of_table
        return {
            "context": {"partnerResourceArn": self._configuration["Arn"], "condition": condition},
            "version": "1.0",
            "timestamp": rfc3339(datetime.now(UTC)),
            "DDBStreamBatchInfo" if of_table else "KinesisBatchInfo": {
                "shardId": self._shard.id,
                "startSequenceNumber": sequence_number(first),
                "endSequenceNumber": sequence_number(last),
                "approximateArrivalOfFirstRecord": rfc3339(arrival(first)),
                "approximateArrivalOfLastRecord": rfc3339(arrival(last)),
                "batchSize": len(run),
                "streamArn": self._configuration["Source"],
            },
        }

    def _send_pointer(self, pointer: str) -> None:
        arn = str(self._dead_letters)
        if service_of(arn) == "sns":
            self._client("sns").publish(TopicArn=arn, Message=pointer)
            return
        sqs = self._client("sqs")
        sqs.send_message(QueueUrl=targets.queue_url(sqs, arn), MessageBody=pointer)


def _runs(batch: list[Pending]) -> Iterator[list[Pending]]:
    """The records in stretches without gaps, because a pointer names only where it begins and ends."""
    run: list[Pending] = []
    for pending in batch:
        if run and pending.index != run[-1].index + 1:
            yield run
            run = []
        run.append(pending)
    if run:
        yield run
