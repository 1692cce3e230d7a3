"""Brings on what was started and is not finished: completion events are best effort, and runs may be killed.

In: any event. Out: how many rows had which outcome, ``{"query succeeded": 2, …}``.
"""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import boto3
from botocore.exceptions import ClientError
from eda_runtime import redshift_load, settings
from eda_runtime.dead_letters import ASIDE, DeadLetters
from eda_runtime.ledger import FAILED, Ledger, Row
from eda_runtime.logger import logger
from eda_runtime.object_query import ObjectQueries
from eda_runtime.spice import SpiceRefreshes

MARGIN_MS = 5_000
"""What is left of the function's time for the answer; the rows that are left come with the next run."""
KINDS = ("query", "load", "spice")

_kinds: list[str] = json.loads(settings.text("KINDS"))
if unknown := set(_kinds) - set(KINDS):
    raise settings.SettingsError(f"the environment variable KINDS has {sorted(unknown)}; known are {', '.join(KINDS)}")
_grace = settings.integer("GRACE_SECONDS", 120)
_ledger = Ledger(boto3.client("dynamodb"), settings.text("LEDGER_TABLE"))
_sqs = boto3.client("sqs")


def _dead_letters(kind: str) -> DeadLetters:
    """The kind's own queue, or the reconciler's."""
    url = settings.text(f"{kind.upper()}_DEAD_LETTER_QUEUE_URL", settings.text("DEAD_LETTER_QUEUE_URL"))
    return DeadLetters(_ledger, _sqs, url, logger)


def _queries() -> Callable[[Row], str]:
    queries = ObjectQueries(_ledger, boto3.client("athena"), boto3.client("s3"), _dead_letters("query"))
    return lambda row: queries.reconcile(row).value


def _loads() -> Callable[[Row], str]:
    """Start the job again for a slot that its run left: only the statement's sender may ask the Data API about it."""
    glue, job_name, dead_letters = boto3.client("glue"), settings.text("LOAD_JOB_NAME"), _dead_letters("load")

    def reconcile(row: Row) -> str:
        if row["state"] == FAILED:
            dead_letters.bury(row)
            return "failed"
        slot = row["slot"].partition("/")[0]
        try:
            run = glue.start_job_run(JobName=job_name, Arguments={"--scheduled_time": slot})
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConcurrentRunsExceededException":
                raise
            return "running"
        logger.info("load taken up", load=row["id"], job_run_id=run["JobRunId"])
        return "taken up"

    return reconcile


def _aside() -> Callable[[Row], str]:
    """Send the message about an object that a run set aside and had no time to tell of."""
    dead_letters = _dead_letters("load")

    def reconcile(row: Row) -> str:
        dead_letters.bury(row)
        return "told"

    return reconcile


def _refreshes() -> SpiceRefreshes:
    return SpiceRefreshes(
        _ledger,
        boto3.client("quicksight"),
        _dead_letters("spice"),
        settings.text("ACCOUNT_ID"),
        settings.integer("MAX_ATTEMPTS", 3, minimum=1),
    )


def _ingestions() -> Callable[[Row], str]:
    refreshes = _refreshes()
    return lambda row: refreshes.reconcile(row).value


def _awaited() -> Callable[[Row], str]:
    """Ask for the refreshes after a load, whether its completion event did or not: asking twice starts nothing. A data
    set that fails does not keep the others from being refreshed; the load's row stays open."""
    refreshes, data_set_ids = _refreshes(), json.loads(settings.text("DATA_SET_IDS"))

    def reconcile(row: Row) -> str:
        failures: list[Exception] = []
        for data_set_id in data_set_ids:
            try:
                refreshes.request(data_set_id, row["statement_id"])
            except Exception as error:
                error.add_note(data_set_id)
                failures.append(error)
        if failures:
            raise ExceptionGroup(f"{len(failures)} of {len(data_set_ids)} data sets are not refreshed", failures)
        _ledger.change(row, {}, ("open",))
        return "asked for"

    return reconcile


_FOR_KIND: dict[str, dict[str, Callable[[], Callable[[Row], str]]]] = {
    "query": {"query": _queries},
    "load": {"load": _loads, ASIDE: _aside},
    "spice": {redshift_load.REFRESH: _awaited, "spice": _ingestions},
}
"""What is looked for in the index ``open``, by kind."""
_reconcile = {name: make() for kind, found in _FOR_KIND.items() if kind in _kinds for name, make in found.items()}


def handle(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Reconcile all open rows that are older than the grace time.

    Raises:
        ExceptionGroup: some rows could not be brought on; all others were.
    """
    counts: Counter[str] = Counter()
    failures: list[Exception] = []
    before = _ledger.now(-_grace)
    for name, reconcile in _reconcile.items():
        for row in _ledger.open(name, before):
            if context.get_remaining_time_in_millis() < MARGIN_MS:
                counts[f"{name} left"] += 1
                break
            try:
                counts[f"{name} {_one(name, reconcile, row)}"] += 1
            except Exception as error:
                logger.exception("not reconciled", id=row["id"])
                error.add_note(row["id"])
                failures.append(error)
    logger.info("reconciled", counts=dict(counts))
    if failures:
        raise ExceptionGroup(f"{len(failures)} rows are not reconciled", failures)
    return dict(counts)


def _one(name: str, reconcile: Callable[[Row], str], indexed: Row) -> str:
    """Reconcile a row as it is now; the index may show it as it was."""
    row = _ledger.get(indexed["id"])
    return reconcile(row) if row is not None and row.get("open") == name else "nothing to do"
