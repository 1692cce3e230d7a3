"""One SPICE ingestion for each load, one at a time for each data set.

A load that finishes while an ingestion runs marks the data set dirty, and one more ingestion follows for all such
loads: QuickSight counts ingestions (32 in 24 hours, Enterprise edition).

Rows: ``spice#<data set>`` (``state`` IDLE or RUNNING, ``ingestion_id``, ``statement_id``, ``attempt``, ``dirty``,
``open``) and, for each statement that was taken note of, ``spice#<data set>#<statement>``.
"""

import hashlib
from enum import Enum
from typing import Any

from botocore.exceptions import ClientError

from eda_runtime.dead_letters import DeadLetters
from eda_runtime.ledger import FAILED, STARTED, Change, Ledger, Row
from eda_runtime.logger import logger

KIND = "spice"
IDLE, RUNNING = "IDLE", "RUNNING"
KEEP_SECONDS = 30 * 24 * 3600
"""How long a repeated completion event is known."""
TRIES = 10
_LATER = frozenset({"LimitExceededException", "ThrottlingException"})


class Outcome(Enum):
    """What a call did."""

    STARTED = "started"
    RUNNING = "running"
    """An ingestion runs, or one is to follow it."""
    POSTPONED = "postponed"
    """QuickSight takes no ingestion now; the reconciler asks again."""
    COMPLETED = "completed"
    FAILED = "failed"
    """For good: its message is in the dead-letter queue."""
    NOTHING = "nothing to do"


class DataSetBusy(Exception):
    """Others changed the data set's row each time; the event's retry comes back to it."""


def ingestion_id(data_set_id: str, statement_id: str, attempt: int) -> str:
    """QuickSight's ``IngestionId``: the same attempt is the same ingestion."""
    return hashlib.sha256(f"{data_set_id}#{statement_id}#{attempt}".encode()).hexdigest()[:64]


def running(data_set_id: str, statement_id: str, attempt: int, now: str) -> dict[str, Any]:
    """What a data set's row says while an ingestion runs or is about to."""
    return {
        "kind": KIND,
        "data_set_id": data_set_id,
        "state": RUNNING,
        "statement_id": statement_id,
        "attempt": attempt,
        "ingestion_id": ingestion_id(data_set_id, statement_id, attempt),
        "open": KIND,
        "opened_at": now,
    }


def finished(row: Row, now: str) -> Change:
    """How a data set's row goes on after its ingestion: idle, or with the ingestion for what came meanwhile."""
    if "dirty" in row:
        return Change(row, running(row["data_set_id"], row["dirty"], 1, now), ("dirty",))
    return Change(row, {"state": IDLE}, ("open",))


def _batch(row: Row) -> dict[str, Any]:
    """What joins the lines of an ingestion to its load."""
    return {name: row[name] for name in ("data_set_id", "ingestion_id", "statement_id", "attempt")}


class SpiceRefreshes:
    """Starts and settles ingestions.

    Args:
        ledger: the ledger.
        quicksight: a QuickSight client.
        dead_letters: where refreshes go that failed for good.
        account_id: the AWS account of the data sets.
        max_attempts: before a refresh has failed for good.
    """

    def __init__(
        self, ledger: Ledger, quicksight: Any, dead_letters: DeadLetters, account_id: str, max_attempts: int
    ) -> None:
        self._ledger = ledger
        self._quicksight = quicksight
        self._dead_letters = dead_letters
        self._account_id = account_id
        self._max_attempts = max_attempts

    def request(self, data_set_id: str, statement_id: str) -> Outcome:
        """Refresh a data set after a load, once however often it is asked for.

        Args:
            data_set_id: the data set.
            statement_id: the load's statement.

        Raises:
            DataSetBusy: others changed its row each time it was read.
        """
        row = self._note(data_set_id, statement_id)
        if row.get("state") != RUNNING or statement_id not in (row["statement_id"], row.get("dirty")):
            return Outcome.NOTHING
        return self.reconcile(row)

    def reconcile(self, row: Row) -> Outcome:
        """Bring an open row on: create the ingestion, settle it, send its message, or leave it running."""
        if row["state"] == FAILED:
            self._dead_letters.bury(row)
            return Outcome.FAILED
        found = self._describe(row)
        return self._create(row) if found is None else self._settle(row, found)

    def _note(self, data_set_id: str, statement_id: str) -> Row:
        """Take note of a statement and of what it means for the data set, both or neither; the data set's row."""
        id = f"{KIND}#{data_set_id}"
        noted = {
            "kind": KIND,
            "data_set_id": data_set_id,
            "statement_id": statement_id,
            "state": STARTED,
            "expires_at": self._ledger.expires_at(KEEP_SECONDS),
        }
        for _ in range(TRIES):
            row = self._ledger.get(id) or {"id": id}
            if self._ledger.get(f"{id}#{statement_id}") is not None:
                return row
            if row.get("state") == RUNNING:
                change = Change(row, {"dirty": statement_id})
            else:
                change = Change(row, running(data_set_id, statement_id, 1, self._ledger.now()))
            if self._ledger.change_together(Change({"id": f"{id}#{statement_id}"}, noted), change):
                return self._ledger.get(id) or {"id": id}
        raise DataSetBusy(data_set_id)

    def _create(self, row: Row) -> Outcome:
        try:
            self._quicksight.create_ingestion(
                AwsAccountId=self._account_id, DataSetId=row["data_set_id"], IngestionId=row["ingestion_id"]
            )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _LATER:
                logger.warning("refresh postponed", data_set_id=row["data_set_id"], reason=code)
                return Outcome.POSTPONED
            if code != "ResourceExistsException":
                raise
            found = self._describe(row)
            return Outcome.RUNNING if found is None else self._settle(row, found)
        if "dirty" in row:
            # This ingestion began after that load, so it holds its rows too.
            self._ledger.change(row, {}, ("dirty",))
        logger.info("refresh started", **_batch(row), also_for=row.get("dirty"))
        return Outcome.STARTED

    def _describe(self, row: Row) -> dict[str, Any] | None:
        try:
            answer = self._quicksight.describe_ingestion(
                AwsAccountId=self._account_id, DataSetId=row["data_set_id"], IngestionId=row["ingestion_id"]
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            return None
        ingestion: dict[str, Any] = answer["Ingestion"]
        return ingestion

    def _settle(self, row: Row, ingestion: dict[str, Any]) -> Outcome:
        status = ingestion["IngestionStatus"]
        if status == "COMPLETED":
            logger.info("refresh completed", **_batch(row))
            return self._go_on(row, Outcome.COMPLETED)
        if status not in ("FAILED", "CANCELLED"):
            return Outcome.RUNNING
        error = ingestion.get("ErrorInfo", {})
        reason = f"{status}: {error.get('Type', '')} {error.get('Message', '')}".strip(": ")
        logger.warning("refresh failed", **_batch(row), error=reason)
        if row["attempt"] < self._max_attempts:
            again = running(row["data_set_id"], row["statement_id"], row["attempt"] + 1, self._ledger.now())
            following = self._ledger.change(row, again)
            return Outcome.NOTHING if following is None else self._create(following)
        return self._give_up(row, reason)

    def _go_on(self, row: Row, outcome: Outcome) -> Outcome:
        change = finished(row, self._ledger.now())
        following = self._ledger.change(change.seen, change.set, change.remove)
        if following is None:
            return Outcome.NOTHING
        return self._create(following) if following["state"] == RUNNING else outcome

    def _give_up(self, row: Row, reason: str) -> Outcome:
        id = f"{KIND}#{row['data_set_id']}#{row['statement_id']}"
        noted = self._ledger.get(id) or {"id": id}
        failed = {
            "kind": KIND,
            "data_set_id": row["data_set_id"],
            "statement_id": row["statement_id"],
            "state": FAILED,
            "error": reason,
            "attempt": row["attempt"],
            "open": KIND,
            "opened_at": self._ledger.now(),
            "expires_at": self._ledger.expires_at(KEEP_SECONDS),
        }
        change = finished(row, self._ledger.now())
        if not self._ledger.change_together(Change(noted, failed), change):
            return Outcome.NOTHING
        self._dead_letters.bury({"id": id, **failed})
        following = self._ledger.get(row["id"])
        if following is not None and following["state"] == RUNNING:
            self._create(following)
        return Outcome.FAILED
