"""Settles the workflow's rows that no execution brings on.

In: EventBridge's ``Step Functions Execution Status Change`` of an execution that failed, or the schedule's event, which
looks through all rows that are not at their end; ``grace_seconds`` and ``unanswered_seconds`` in it replace the
function's own. Out: how many rows had which outcome, ``{"failed": 2, …}``.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from eda_runtime import metrics, settings
from eda_runtime.logger import logger
from eda_runtime.workflow_rows import OPEN, Settled, WorkflowRows

MARGIN_MS = 5_000
"""What is left of the function's time for the answer; the rows that are left come with the next run."""

_grace = settings.integer("GRACE_SECONDS", 900, minimum=0)
_unanswered = settings.integer("UNANSWERED_SECONDS", 86_400, minimum=0)
_rows = WorkflowRows(
    boto3.client("dynamodb"),
    boto3.client("stepfunctions"),
    boto3.client("sqs"),
    settings.text("ROWS_TABLE"),
    settings.text("KEY"),
    settings.text("STATE_MACHINE_ARN"),
    settings.text("DEAD_LETTER_QUEUE_URL"),
    settings.text("OPEN_INDEX", OPEN),
)


def handle(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Settle what the event is about."""
    arn = (event.get("detail") or {}).get("executionArn")
    if arn is not None:
        settled = _rows.end(arn)
        _tell(arn.rpartition(":")[2], settled)
        return {settled.value: 1}
    now = datetime.now(UTC)
    grace = timedelta(seconds=event.get("grace_seconds", _grace))
    unanswered = timedelta(seconds=event.get("unanswered_seconds", _unanswered))
    outcomes: Counter[str] = Counter()
    for id in _rows.open_since(now - grace):
        if context.get_remaining_time_in_millis() < MARGIN_MS:
            outcomes["not looked at"] += 1
            break
        try:
            settled = _rows.settle(id, now, unanswered)
        except (BotoCoreError, ClientError, KeyError, ValueError) as error:
            # One row that cannot be settled holds up no other; it stays open and comes again.
            logger.exception("row not settled", row=id, error=type(error).__name__)
            outcomes["not settled"] += 1
            continue
        _tell(id, settled)
        outcomes[settled.value] += 1
    logger.info("rows looked at", outcomes=dict(outcomes))
    if outcomes["not settled"]:
        raise RuntimeError(f"{outcomes['not settled']} rows could not be settled; their log lines say why")
    return dict(outcomes)


def _tell(id: str, settled: Settled) -> None:
    if settled is not Settled.LEFT:
        logger.warning("row settled", row=id, outcome=settled.value, **metrics.counted(metrics.ROWS_SETTLED))
