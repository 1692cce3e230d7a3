"""The analytics ledger: a DynamoDB row for everything that is started and has to be finished once.

Queries, loads and refreshes run elsewhere, and their completion events may repeat or get lost. A row says what was
started and under which attempt, so that an event, its repetition, a retry and the reconciler may all act at once: every
transition is one conditional write on the row as it was read, so one of them moves it and the others see that it moved.

Table: partition key ``id`` (S); index ``open`` (``open`` S, ``opened_at`` S) of what is not finished; index
``unloaded`` (``unloaded`` S, ``settled_at`` S) of the objects that no load has taken; TTL attribute ``expires_at``.

Runs on Python 3.9 too, because Glue's Python shell does.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError

Row = dict[str, Any]

STARTED, SUCCEEDED, FAILED = "STARTED", "SUCCEEDED", "FAILED"
FENCE = ("state", "attempt", "query_execution_id", "statement_id", "ingestion_id", "dirty")
"""The attributes that every write compares with what was read: whoever acts on an older sight changes nothing."""
TRANSACTION_ITEMS = 100
"""Most items of a ``TransactWriteItems`` (DynamoDB) and keys of a ``BatchGetItem``."""
CONFLICT_TRIES = 8


@dataclass(frozen=True)
class Change:
    """A transition of one row.

    Args:
        seen: the row as it was read; only its ``id`` where there must be none yet.
        set: attributes to set.
        remove: attributes to remove.
    """

    seen: Row
    set: Mapping[str, Any]
    remove: tuple[str, ...] = field(default=())

    def parameters(self, table: str) -> dict[str, Any]:
        """As ``UpdateItem`` and ``TransactWriteItems`` take it."""
        compared = {name: self.seen[name] for name in FENCE if name in self.seen}
        names = [*self.set, *self.remove, *FENCE]
        conditions = [
            f"#{name} = :seen_{name}" if name in compared else f"attribute_not_exists(#{name})" for name in FENCE
        ]
        expression = "SET " + ", ".join(f"#{name} = :{name}" for name in self.set) if self.set else ""
        if self.remove:
            expression += " REMOVE " + ", ".join(f"#{name}" for name in self.remove)
        values = {f":{name}": value for name, value in self.set.items()}
        values.update({f":seen_{name}": value for name, value in compared.items()})
        parameters = {
            "TableName": table,
            "Key": {"id": {"S": self.seen["id"]}},
            "UpdateExpression": expression.strip(),
            "ConditionExpression": " AND ".join(conditions),
            "ExpressionAttributeNames": {f"#{name}": name for name in names},
        }
        if values:
            parameters["ExpressionAttributeValues"] = {name: _typed(value) for name, value in values.items()}
        return parameters


class Ledger:
    """Reads and moves the ledger's rows.

    Args:
        dynamodb: a DynamoDB client.
        table: the table's name.
        clock: seconds since the epoch.
        sleep: waits seconds, between the tries of a transaction that meets another one.
    """

    def __init__(
        self,
        dynamodb: Any,
        table: str,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._clock = clock
        self._sleep = sleep

    def now(self, seconds: float = 0) -> str:
        """The time, so many seconds from now, as RFC 3339 in UTC: it sorts as text."""
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._clock() + seconds))

    def expires_at(self, seconds: float) -> int:
        """The TTL attribute's value for a row that is kept so many seconds."""
        return int(self._clock() + seconds)

    def get(self, id: str) -> Row | None:
        """A row, read consistently; None when there is none."""
        answer = self._dynamodb.get_item(TableName=self._table, Key={"id": {"S": id}}, ConsistentRead=True)
        return _row(answer["Item"]) if "Item" in answer else None

    def get_many(self, ids: Iterable[str]) -> Iterator[Row]:
        """Rows, read consistently, in the order of ``ids``; those that do not exist are left out."""
        wanted = iter(ids)
        while chunk := list(islice(wanted, TRANSACTION_ITEMS)):
            found: dict[str, Row] = {}
            request = {self._table: {"Keys": [{"id": {"S": id}} for id in chunk], "ConsistentRead": True}}
            delay = 0.05
            while request:
                answer = self._dynamodb.batch_get_item(RequestItems=request)
                found.update((item["id"]["S"], _row(item)) for item in answer["Responses"].get(self._table, []))
                request = answer.get("UnprocessedKeys") or {}
                if request:
                    self._sleep(delay)
                    delay = min(2 * delay, 5.0)
            yield from (found[id] for id in chunk if id in found)

    def create(self, row: Row) -> Row | None:
        """Write a row that is not there yet; None when there is one with its id."""
        return self.change({"id": row["id"]}, {name: value for name, value in row.items() if name != "id"})

    def change(self, seen: Row, set: Mapping[str, Any], remove: Iterable[str] = ()) -> Row | None:
        """Move a row on from what was read.

        Args:
            seen: the row as it was read.
            set: attributes to set.
            remove: attributes to remove.

        Returns:
            The row as it is now; None when it is no longer as it was read, and nothing was changed.
        """
        parameters = Change(seen, set, tuple(remove)).parameters(self._table)
        try:
            answer = self._dynamodb.update_item(**parameters, ReturnValues="ALL_NEW")
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return None
        return _row(answer["Attributes"])

    def change_together(self, *changes: Change) -> bool:
        """Move several rows in one transaction; False when one is no longer as it was read, and nothing was changed."""
        return not self._transact([{"Update": change.parameters(self._table)} for change in changes])

    def open(self, kind: str, before: str) -> Iterator[Row]:
        """What was started and is not finished, the oldest first; the index may lag behind.

        Args:
            kind: ``query``, ``load`` or ``spice``.
            before: RFC 3339; later rows are left out.
        """
        return self._index("open", kind, " AND #range <= :before", {":before": {"S": before}}, "opened_at")

    def unloaded(self, dataset: str) -> Iterator[str]:
        """Ids of settled objects that no load has taken, the oldest first; the index may lag behind."""
        return (row["id"] for row in self._index("unloaded", dataset, "", {}, None))

    def take(self, load_id: str, dataset: str, objects: Mapping[str, int]) -> None:
        """Say of objects that a load has taken them; an object that is taken already, or was queried anew, is left.

        Args:
            load_id: the load.
            dataset: the data set they wait for.
            objects: ids, each with the attempt whose files were loaded.
        """
        waiting = list(objects.items())
        for start in range(0, len(waiting), TRANSACTION_ITEMS):
            chunk = waiting[start : start + TRANSACTION_ITEMS]
            while chunk:
                refused = self._transact([self._taking(load_id, dataset, id, attempt) for id, attempt in chunk])
                if not refused:
                    break
                chunk = [item for position, item in enumerate(chunk) if position not in refused]

    def _taking(self, load_id: str, dataset: str, id: str, attempt: int) -> dict[str, Any]:
        return {
            "Update": {
                "TableName": self._table,
                "Key": {"id": {"S": id}},
                "UpdateExpression": "SET #loaded_by = :load REMOVE #unloaded",
                "ConditionExpression": "#attempt = :attempt AND #unloaded = :dataset",
                "ExpressionAttributeNames": {
                    "#loaded_by": "loaded_by",
                    "#unloaded": "unloaded",
                    "#attempt": "attempt",
                },
                "ExpressionAttributeValues": {
                    ":load": {"S": load_id},
                    ":attempt": {"N": str(attempt)},
                    ":dataset": {"S": dataset},
                },
            }
        }

    def _transact(self, items: list[dict[str, Any]]) -> set[int]:
        """Write all or nothing; the positions of the conditions that did not hold, none when it is written."""
        for attempt in range(1, CONFLICT_TRIES + 1):
            try:
                self._dynamodb.transact_write_items(TransactItems=items)
            except ClientError as error:
                if error.response["Error"]["Code"] != "TransactionCanceledException":
                    raise
                reasons: list[Any] = error.response.get("CancellationReasons", [])
                codes = [reason.get("Code") for reason in reasons]
                if "ConditionalCheckFailed" in codes:
                    return {position for position, code in enumerate(codes) if code == "ConditionalCheckFailed"}
                # The SDK does not try again when two transactions meet.
                if attempt == CONFLICT_TRIES or not {"TransactionConflict", "ThrottlingError"} & set(codes):
                    raise
                self._sleep(random.uniform(0, 0.05 * 2**attempt))
            else:
                return set()
        raise AssertionError("the last try returns or raises")

    def _index(
        self, index: str, value: str, condition: str, values: Mapping[str, Any], range_name: str | None
    ) -> Iterator[Row]:
        names = {"#hash": index}
        if range_name is not None:
            names["#range"] = range_name
        request: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": index,
            "KeyConditionExpression": "#hash = :hash" + condition,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": {":hash": {"S": value}, **values},
        }
        while True:
            answer = self._dynamodb.query(**request)
            yield from map(_row, answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def _typed(value: str | int) -> dict[str, str]:
    return {"N": str(value)} if isinstance(value, int) else {"S": value}


def _row(item: Mapping[str, Mapping[str, str]]) -> Row:
    return {name: int(typed["N"]) if "N" in typed else typed["S"] for name, typed in item.items()}
