"""The saved queries in CloudWatch Logs Insights' language: the same texts in the console, in ``trace`` and in tests.

No Pulumi here: what follows an order without a stack at hand imports this module alone.

Keys that the queries rely on: functions and jobs write ``level``, ``message``, ``service``, ``correlation_id`` and
``function_request_id``; ``suppressed`` says which repeat had no effect; a line that joins a batch to its orders has
``correlation_ids``. The rest is what AWS's services write.
"""

import json
from collections.abc import Iterable

from eda_runtime.request_limits import MAX_CORRELATION_ID

PLACEHOLDER = "ORDER_OR_CORRELATION_ID"
"""What a saved query has where the id is filled in by hand."""
MAX_IDS = 50
"""Ids of one query: Logs Insights takes 10,000 characters (StartQuery)."""
MAX_ID_CHARACTERS = MAX_CORRELATION_ID
MAX_RESULTS = 10_000
"""Rows that a query returns at most (StartQuery, ``limit``)."""


class IdError(ValueError):
    """An id can't stand in a query; the message says why."""


def by_ids(ids: Iterable[str] = (PLACEHOLDER,)) -> str:
    """Every line that names one of the ids, oldest first: a correlation id, an order, or a batch that holds it.

    Args:
        ids: 1 to 50, of 1 to 128 printable characters each.

    Raises:
        IdError: there are too many, or one is empty, too long, or has a control character.
    """
    wanted = list(dict.fromkeys(ids))
    if not 1 <= len(wanted) <= MAX_IDS:
        raise IdError(f"{len(wanted)} ids are given; one query takes 1 to {MAX_IDS}")
    for id in wanted:
        if not 1 <= len(id) <= MAX_ID_CHARACTERS or not id.isprintable():
            raise IdError(f"the id {id!r} must have 1 to {MAX_ID_CHARACTERS} characters, all printable")
    conditions = " or ".join(f"@message like {_quoted(in_json(id))}" for id in wanted)
    return f"fields @timestamp, @message, @log, @logStream\n| filter {conditions}\n| sort @timestamp asc\n| limit 10000"


def in_json(id: str) -> str:
    """An id as lines of JSON have it, without the quotes around it."""
    return json.dumps(id, ensure_ascii=False)[1:-1]


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


DUPLICATES_SUPPRESSED = """\
filter ispresent(suppressed)
| stats count(*) as repeats by service, suppressed
| sort repeats desc"""
"""Which repeats had no effect, by function."""

FAILURES = """\
fields @timestamp, @log, coalesce(correlation_id, execution_arn, resourceArn, deliveryStreamARN) as subject, @message
| filter level in ["ERROR", "CRITICAL"]
    or record.status in ["error", "failure", "timeout"]
    or type in ["ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted"]
    or details.name = "SendToDeadLetterQueue"
    or logLevel = "ERROR"
    or ispresent(errorCode)
    or status like /^5/
| sort @timestamp desc
| limit 200"""
"""Errors of functions, time-outs, executions that failed, arrivals in dead-letter queues, Pipes' and Firehose's errors,
and answers with 5xx."""

LATENCY_PER_HOP = """\
fields coalesce(record.metrics.durationMs, latency) as duration_ms
| filter ispresent(duration_ms)
| stats count(*) as calls, avg(duration_ms) as average_ms, pct(duration_ms, 50) as p50_ms,
    pct(duration_ms, 95) as p95_ms, max(duration_ms) as max_ms by @log
| sort p95_ms desc"""
"""Milliseconds of each function and of the API."""

SLOWEST_EXTERNAL_CALLS = """\
fields @timestamp, duration_ms, outcome, order_id, correlation_id
| filter message = "external call"
| sort duration_ms desc
| limit 50"""
"""Calls of the external API, the slowest first."""

COLD_STARTS = """\
filter ispresent(record.metrics.initDurationMs)
| stats count(*) as cold_starts, avg(record.metrics.initDurationMs) as average_ms,
    max(record.metrics.initDurationMs) as max_ms by @log
| sort cold_starts desc"""
"""Initialisations of functions and how long they took."""

QUERIES = {
    "by-correlation-id": by_ids(),
    "duplicates-suppressed": DUPLICATES_SUPPRESSED,
    "failures-and-dead-letters": FAILURES,
    "latency-per-hop": LATENCY_PER_HOP,
    "slowest-external-calls": SLOWEST_EXTERNAL_CALLS,
    "cold-starts": COLD_STARTS,
}
"""All saved queries by name."""
