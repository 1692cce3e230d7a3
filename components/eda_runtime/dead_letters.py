"""What failed for good goes to the dead-letter queue.

A row that failed stays open until its message is sent, so a run that ends between the two leaves it to the reconciler.

Runs on Python 3.9 too, because Glue's Python shell does.
"""

from __future__ import annotations

import json
from typing import Any, Protocol

from eda_runtime.ledger import Ledger, Row

ASIDE = "aside"
"""``open`` of a query's row that no load can take, until its message is sent."""
OBJECT = "object"
"""The kind of a message about an object that no load can take; its query has succeeded."""

_NAMED = {
    "query": ("bucket", "key", "version_id"),
    "load": ("dataset", "slot"),
    "spice": ("data_set_id", "statement_id"),
}
"""The attributes that say what failed, by kind."""


class Log(Protocol):
    """A logger: the functions' or the standard library's."""

    def error(self, msg: str, *, extra: dict[str, Any]) -> Any:
        """Write a line."""


def message(row: Row) -> dict[str, Any]:
    """The message about a row that failed: kind, id, error, attempts, and what it is about.

    Of an object that was set aside: kind, id, error, the load that it failed in, and the object.
    """
    if row.get("open") == ASIDE:
        about = {name: row[name] for name in ("dataset", *_NAMED["query"])}
        return {"kind": OBJECT, "id": row["id"], "error": row["set_aside"], "load": row["set_aside_by"], **about}
    named = {name: row[name] for name in _NAMED[row["kind"]]}
    return {"kind": row["kind"], "id": row["id"], "error": row["error"], "attempts": row["attempt"], **named}


def correlation_id(row: Row) -> str:
    """The id under which the row's hop logs: of the object, the load's slot, or the load's statement."""
    if row["kind"] == "query":
        return str(row["id"]).partition("#")[2]
    return str(row["statement_id"]) if row["kind"] == "spice" else str(row["id"])


class DeadLetters:
    """The dead-letter queue.

    Args:
        ledger: the ledger.
        sqs: an SQS client.
        queue_url: the queue.
        log: where it is told.
    """

    def __init__(self, ledger: Ledger, sqs: Any, queue_url: str, log: Log) -> None:
        self._ledger = ledger
        self._log = log
        self._sqs = sqs
        self._queue_url = queue_url

    def bury(self, row: Row) -> None:
        """Send the message about a row that failed, and close the row."""
        # The batch's own id, as its log lines have it.
        id = {"X-Correlation-Id": {"DataType": "String", "StringValue": correlation_id(row)}}
        sent = message(row)
        self._sqs.send_message(QueueUrl=self._queue_url, MessageBody=json.dumps(sent), MessageAttributes=id)
        self._log.error("failed for good", extra=sent)
        self._ledger.change(row, {}, remove=("open",))
