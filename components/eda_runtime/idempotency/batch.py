"""Batches of a queue or a stream: each record is a call with a key of its own, and those that failed are reported."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType
from aws_lambda_powertools.utilities.idempotency.exceptions import IdempotencyAlreadyInProgressError

from eda_runtime.logger import logger
from eda_runtime.records import Source, correlation_id_of

_TYPES = {
    Source.SQS: EventType.SQS,
    Source.DYNAMODB: EventType.DynamoDBStreams,
    Source.KINESIS: EventType.KinesisDataStreams,
}


class GroupStopped(Exception):
    """A record before this one failed, and the order within their group counts."""


class GroupedBatchProcessor(BatchProcessor):
    """Powertools' batch processor that keeps the order within groups: after a failure the rest of its group waits.

    A group is a FIFO queue's message group, a stream's item or partition key. What is in no group waits for nobody.
    """

    def __init__(self, source: Source) -> None:
        # An answer that names all records is as good as an exception, and is no error of the function.
        super().__init__(_TYPES[source], raise_on_entire_batch_failure=False)
        self._source = source
        self._stopped: set[str] = set()

    def _process_record(self, record: dict[str, Any]) -> Any:
        group = group_of(self._source, record)
        if group in self._stopped:
            stopped = GroupStopped("a record of the same group failed before")
            return self.failure_handler(self._to_batch_type(record, self.event_type), (GroupStopped, stopped, None))
        entry = super()._process_record(record)
        if entry[0] == "fail" and group is not None:
            self._stopped.add(group)
        return entry


def group_of(source: Source, record: Mapping[str, Any]) -> str | None:
    """Within what a record's order counts; None: it does not."""
    match source:
        case Source.SQS:
            group: str | None = (record.get("attributes") or {}).get("MessageGroupId")
            fifo = str(record.get("eventSourceARN", "")).endswith(".fifo")
            return group if fifo else None
        case Source.DYNAMODB:
            return json.dumps(record["dynamodb"].get("Keys"), sort_keys=True, default=str)
        case _:
            return str(record["kinesis"].get("partitionKey"))


def process(
    source: Source, records: list[dict[str, Any]], call: Callable[[dict[str, Any]], Any], request_id: str
) -> dict[str, Any]:
    """Handle the records of a batch.

    Args:
        source: what the batch is of.
        records: as they came.
        call: handles one record.
        request_id: names records without a correlation id in the log.

    Returns:
        ``{"batchItemFailures": [{"itemIdentifier": …}]}``: message ids, or sequence numbers.
    """
    processor = GroupedBatchProcessor(source)

    def handle(record: Any) -> Any:
        raw: dict[str, Any] = record.raw_event
        logger.set_correlation_id(correlation_id_of(raw) or request_id)
        try:
            return call(raw)
        except IdempotencyAlreadyInProgressError:
            logger.info("the record is in progress elsewhere", record=_identifier(source, raw))
            raise
        except Exception:
            logger.exception("the record failed", record=_identifier(source, raw))
            raise

    with processor(records=records, handler=handle):
        processor.process()
    return dict(processor.response())


def _identifier(source: Source, record: Mapping[str, Any]) -> Any:
    return record.get("messageId") if source is Source.SQS else record.get("eventID")
