"""Queries each new object once, and settles the query when it has ended.

In: EventBridge's ``Object Created`` (S3) and ``Athena Query State Change``, and ``Object Query Requested``, which looks
like S3's with an optional ``detail.backfill``: it queries an object anew that failed, or succeeded before the backfill.
Out: ``{"outcome": …}``. Events may repeat.

The query and its columns lie beside this file, in ``query.json``: ``{"query", "columns": [[name, Hive type], …]}``.

Raises ``ObjectRefused`` for an object that can't be queried; the failure destination keeps its event.
"""

import json
import os
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from eda_runtime import metrics, settings
from eda_runtime.dead_letters import DeadLetters
from eda_runtime.ledger import Ledger
from eda_runtime.logger import logger
from eda_runtime.object_query import ObjectQueries, Outcome, QuerySettings, StoredObject, plan
from eda_runtime.query_template import check_template

TERMINAL = frozenset({"SUCCEEDED", "FAILED", "CANCELLED"})


class UnknownEvent(Exception):
    """The event is of no kind that this function takes."""


_query = json.loads(Path(__file__).with_name("query.json").read_text())
_settings = QuerySettings(
    workgroup=settings.text("WORKGROUP"),
    database=settings.text("DATABASE"),
    table=settings.text("TABLE"),
    template=_query["query"],
    columns=tuple((name, hive) for name, hive in _query["columns"]),
    output_location=settings.text("OUTPUT_LOCATION"),
    output_partitions=tuple(name.strip() for name in settings.text("OUTPUT_PARTITIONS").split(",")),
    partition_keys=(),
    dataset=settings.text("DATASET"),
    max_attempts=settings.integer("MAX_ATTEMPTS", 3, minimum=1),
    correlation_id_column=os.environ.get("CORRELATION_ID_COLUMN") or None,
    invalid_column=os.environ.get("INVALID_COLUMN") or None,
)
check_template(_settings.template)
_glue = boto3.client("glue")
_ledger = Ledger(boto3.client("dynamodb"), settings.text("LEDGER_TABLE"))
_queries = ObjectQueries(
    _ledger,
    boto3.client("athena"),
    boto3.client("s3"),
    DeadLetters(_ledger, boto3.client("sqs"), settings.text("DEAD_LETTER_QUEUE_URL"), logger),
)


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Handle one event."""
    kind, detail = event.get("detail-type"), event.get("detail") or {}
    if kind == "Athena Query State Change":
        return {"outcome": _completed(detail).value}
    if kind not in ("Object Created", "Object Query Requested"):
        raise UnknownEvent(f"the event's detail-type is {kind!r}")
    stored = StoredObject.of(detail)
    # The batch's own id; the orders' ids are those that it is joined to.
    logger.set_correlation_id(stored.id)
    logger.append_keys(object_id=stored.id)
    if detail["object"].get("size") == 0:
        logger.info("object ignored", bucket=stored.bucket, key=stored.key, reason="it is empty")
        return {"outcome": Outcome.NOTHING.value, "object_id": stored.id}
    planned = plan(stored, _with_partition_keys())
    if kind == "Object Created":
        outcome = _queries.request(planned)
    else:
        outcome = _queries.request_again(planned, detail.get("backfill"))
    if outcome is Outcome.NOTHING:
        logger.info("repeat", **metrics.suppressed("object event"))
    return {"outcome": outcome.value, "object_id": stored.id}


@cache
def _with_partition_keys() -> QuerySettings:
    table = _glue.get_table(DatabaseName=_settings.database, Name=_settings.table)["Table"]
    return replace(_settings, partition_keys=tuple(key["Name"] for key in table.get("PartitionKeys", [])))


def _completed(detail: dict[str, Any]) -> Outcome:
    if detail.get("workgroupName") != _settings.workgroup or detail.get("currentState") not in TERMINAL:
        return Outcome.NOTHING
    return _queries.completed(detail["queryExecutionId"])
