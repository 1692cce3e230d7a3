"""Syncs a replica: all rows of a source under a new version, then one write that makes the version current.

Readers see the old version or the new one, never a part of one: a sync that is killed anywhere, or that fails, leaves
rows that nobody points to, and TTL deletes them.

Row of the replica: ``id`` (S, ``<version>#<key>``), ``value`` (S, JSON), ``expires_at`` (N, TTL). The row ``current``:
``version`` (S, sorts by the time at which its sync began), ``written_at`` and ``checked_at`` (N, seconds since the
epoch), ``rows`` (N), ``etag`` (S).
"""

import json
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from botocore.exceptions import ClientError

CURRENT = "current"
POINTER_ATTRIBUTES: dict[str, Any] = {
    "ProjectionExpression": "#version, checked_at",
    "ExpressionAttributeNames": {"#version": "version"},
}
BATCH_ROWS = 25
"""Rows of a ``BatchWriteItem`` (DynamoDB)."""
MAX_VALUE_BYTES = 380_000
"""Of a value as JSON: a DynamoDB item takes 400 KB with all its attributes."""
MAX_KEY_BYTES = 1_000
"""Of a key: a partition key takes 2,048 bytes, and the version is part of it."""


class Outcome(Enum):
    """What became of a sync."""

    SWITCHED = "switched"
    """Its version is the current one."""
    UNCHANGED = "unchanged"
    """The source has what the current version has."""
    SUPERSEDED = "superseded"
    """A sync that began later was done first; its version stays."""


class SyncFailed(Exception):
    """The source's rows cannot become a version; the message says what to change. The old version stays."""


@dataclass(frozen=True)
class Fetched:
    """The source's answer.

    Attributes:
        rows: the objects; None when they are the same as those of the entity tag that was sent.
        etag: their entity tag, empty when the source has none.
    """

    rows: Iterable[Any] | None
    etag: str = ""


def row_id(version: str, key: str) -> str:
    """The id of a row."""
    return f"{version}#{key}"


class ReplicaSync:
    """Writes versions.

    Args:
        dynamodb: a DynamoDB client.
        table: the table's name, partition key ``id``.
        key: the member of a source's object that names it.
        maximum_age_seconds: how long readers use a version; its rows are kept twice as long.
        minimum_rows: how many rows make a version: a source that answers less is taken for broken.
        clock: seconds since the epoch.
        sleep: waits seconds, when DynamoDB does not take all rows at once.
    """

    def __init__(
        self,
        dynamodb: Any,
        table: str,
        key: str,
        maximum_age_seconds: float,
        minimum_rows: int = 1,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._key = key
        self._maximum_age = maximum_age_seconds
        self._minimum_rows = minimum_rows
        self._clock = clock
        self._sleep = sleep

    def run(self, fetch: Callable[[str], Fetched]) -> tuple[Outcome, int]:
        """Sync once.

        Args:
            fetch: asks the source, with the entity tag of what is there, or an empty one.

        Returns:
            What became of it, and how many rows the version has.

        Raises:
            SyncFailed: the rows cannot become a version.
        """
        begin = self._clock()
        current = self._current()
        # Rows live twice as long as readers use them, so in the first half they can be confirmed without a new version.
        young = begin - _number(current, "written_at") < self._maximum_age / 2
        fetched = fetch(current.get("etag", {}).get("S", "") if young else "")
        if fetched.rows is None:
            self._confirm(current)
            return Outcome.UNCHANGED, int(_number(current, "rows"))
        moment = datetime.fromtimestamp(begin, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        version = f"{moment}-{uuid.uuid4().hex[:8]}"
        count = self._write(version, fetched.rows)
        if count < self._minimum_rows:
            raise SyncFailed(f"the source has {count} rows, fewer than minimum_rows {self._minimum_rows}")
        return self._switch(version, count, fetched.etag, begin), count

    def _current(self) -> dict[str, Any]:
        answer = self._dynamodb.get_item(TableName=self._table, Key={"id": {"S": CURRENT}}, ConsistentRead=True)
        row: dict[str, Any] = answer.get("Item", {})
        return row

    def _write(self, version: str, rows: Iterable[Any]) -> int:
        keys: set[str] = set()
        expires = {"N": str(int(self._clock() + 2 * self._maximum_age))}
        batch: list[dict[str, Any]] = []
        for number, row in enumerate(rows):
            key, text = self._checked(number, row)
            if key in keys:
                raise SyncFailed(f"the source has the key {key!r} twice")
            keys.add(key)
            item = {"id": {"S": row_id(version, key)}, "value": {"S": text}, "expires_at": expires}
            batch.append({"PutRequest": {"Item": item}})
            if len(batch) == BATCH_ROWS:
                self._put(batch)
                batch = []
        if batch:
            self._put(batch)
        return len(keys)

    def _checked(self, number: int, row: Any) -> tuple[str, str]:
        key = row.get(self._key) if isinstance(row, Mapping) else None
        if isinstance(key, bool) or not isinstance(key, str | int) or key == "":
            raise SyncFailed(f"row {number} of the source has no {self._key!r} that is a string or a whole number")
        try:
            text = json.dumps(row, ensure_ascii=False, allow_nan=False)
        except (ValueError, RecursionError):
            raise SyncFailed(f"row {number} of the source has a number that no float reaches, or is too deep") from None
        if len(text.encode("utf-8", "surrogatepass")) > MAX_VALUE_BYTES:
            raise SyncFailed(f"row {number} of the source has more than {MAX_VALUE_BYTES} bytes")
        if len(str(key).encode("utf-8", "surrogatepass")) > MAX_KEY_BYTES:
            raise SyncFailed(f"the key of row {number} of the source has more than {MAX_KEY_BYTES} bytes")
        return str(key), text

    def _put(self, batch: list[dict[str, Any]]) -> None:
        request = {self._table: batch}
        pause = 0.05
        while request:
            request = self._dynamodb.batch_write_item(RequestItems=request).get("UnprocessedItems") or {}
            if request:
                self._sleep(pause)
                pause = min(2 * pause, 5.0)

    def _confirm(self, current: dict[str, Any]) -> None:
        """Say that the current version is as new as now; another one that came meanwhile needs no word of it."""
        self._update(
            "SET checked_at = :now",
            "#version = :seen",
            {":now": _n(self._clock()), ":seen": current["version"]},
        )

    def _switch(self, version: str, count: int, etag: str, begin: float) -> Outcome:
        switched = self._update(
            "SET #version = :version, checked_at = :begin, written_at = :begin, #rows = :rows, etag = :etag",
            "attribute_not_exists(#version) OR #version < :version",
            {
                ":version": {"S": version},
                ":begin": _n(begin),
                ":rows": {"N": str(count)},
                ":etag": {"S": etag},
            },
            {"#rows": "rows"},
        )
        return Outcome.SWITCHED if switched else Outcome.SUPERSEDED

    def _update(self, sets: str, condition: str, values: dict[str, Any], names: dict[str, str] | None = None) -> bool:
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key={"id": {"S": CURRENT}},
                UpdateExpression=sets,
                ConditionExpression=condition,
                ExpressionAttributeNames={"#version": "version", **(names or {})},
                ExpressionAttributeValues=values,
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return False
        return True


def _number(row: Mapping[str, Any], name: str) -> float:
    return float(row[name]["N"]) if name in row else 0.0


def _n(seconds: float) -> dict[str, str]:
    return {"N": f"{seconds:.3f}"}
