"""Another system's data, kept by its consumer: on request for a time, or as a replica that is synced on a schedule.

``HotCache``: a value is loaded at the first request and kept for a time, in DynamoDB for all processes and in memory
for this one. One process loads, all others wait for it; when the source fails, what it last said is used for a while.

Row of a hot value: ``id`` (S, the key), ``value`` (S, JSON), ``fresh_until`` (N), ``lease_owner`` (S) and
``lease_until`` (N) while a process loads, ``failed_until`` (N) after a failure, ``expires_at`` (N, TTL).

``ReplicaCache``: all rows of the source under a version; one row says which version is current (``eda_runtime.replica``
writes both).

Times are seconds since the epoch. DynamoDB deletes what has expired some time later, so each read looks at them itself.
"""

import json
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from eda_runtime.logger import logger
from eda_runtime.replica import CURRENT, MAX_VALUE_BYTES, POINTER_ATTRIBUTES, row_id

LOCAL_ENTRIES = 1_000
"""Values that one process keeps in memory."""
BATCH_KEYS = 100
"""Keys of a ``BatchGetItem`` (DynamoDB)."""
MISSING = object()


class CacheError(Exception):
    """A value cannot be had from the cache; the message says why."""


class SourceUnavailable(CacheError):
    """The source failed a moment ago, and there is no older value that may be used."""


class LoadInProgress(CacheError):
    """Another process loads the value and did not finish in time, and there is no older one that may be used."""


class NotSynced(CacheError):
    """The replica was never synced."""


class ReplicaTooOld(CacheError):
    """The last sync that succeeded is too long ago."""


class ValueTooLong(CacheError):
    """The value is longer than a row can be."""


class HotCache:
    """Values that are kept for a time after their first request.

    Args:
        dynamodb: a DynamoDB client.
        table: the table's name, partition key ``id``.
        load: gets a value from the source, by its key; JSON-serialisable, None where there is none. What it raises is
            a failure of the source.
        time_to_live_seconds: how long a value is used after its load began.
        stale_if_error_seconds: how much longer it is used while the source fails.
        lease_seconds: how long a load may take before another process tries.
        retry_seconds: how long the source is left alone after a failure.
        wait_seconds: how long a process waits for another one's load; default: as long as a load may take.
        clock: seconds since the epoch.
        sleep: waits seconds.
    """

    def __init__(
        self,
        dynamodb: Any,
        table: str,
        load: Callable[[str], Any],
        time_to_live_seconds: float = 300,
        stale_if_error_seconds: float = 86400,
        lease_seconds: float = 30,
        retry_seconds: float = 5,
        wait_seconds: float | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._load = load
        self._time_to_live = time_to_live_seconds
        self._stale_if_error = stale_if_error_seconds
        self._lease = lease_seconds
        self._retry = retry_seconds
        self._wait = lease_seconds if wait_seconds is None else wait_seconds
        self._clock = clock
        self._sleep = sleep
        self._local = _Local()
        self._loading = _Locks()

    def get(self, key: str) -> Any:
        """A value.

        Raises:
            SourceUnavailable: the source failed a moment ago, and there is no value that may still be used.
            LoadInProgress: another process's load takes too long, and there is no value that may still be used.
            ValueTooLong: the source's value is too long.
            Exception: what ``load`` raised, when there is no value that may still be used.
        """
        # Text, because each caller gets a value of its own: what one does to it is no other's matter.
        found = self._local.get(key, self._clock())
        if found is MISSING:
            with self._loading.of(key):
                found = self._local.get(key, self._clock())
                if found is MISSING:
                    found = self._shared(key)
        return json.loads(found)

    def _shared(self, key: str) -> str:
        """A value as JSON, from the table or from the source."""
        row = self._read(key)
        # Not the clock: it may be set back, and then a wait would have no end.
        deadline, waited = time.monotonic() + self._wait, 0.0
        pause = 0.02
        while True:
            now = self._clock()
            if _number(row, "fresh_until") > now:
                return self._remember(key, row, _number(row, "fresh_until"))
            if _number(row, "failed_until") > now:
                if not self._usable(row, now):
                    raise SourceUnavailable("the source failed a moment ago, and there is no older value")
                return self._remember(key, row, _number(row, "failed_until"))
            if _number(row, "lease_until") <= now:
                owner = uuid.uuid4().hex
                taken, row = self._take(key, owner, now)
                if taken:
                    return self._loaded(key, owner, row, now)
                if max(_number(row, name) for name in ("fresh_until", "failed_until", "lease_until")) > now:
                    continue
            if waited >= self._wait or time.monotonic() >= deadline:
                if not self._usable(row, now):
                    raise LoadInProgress("another process still loads the value")
                return _value(row)
            self._sleep(pause)
            waited += pause
            pause = min(2 * pause, 0.5)
            row = self._read(key)

    def _loaded(self, key: str, owner: str, row: dict[str, Any], now: float) -> str:
        try:
            text = json.dumps(self._load(key), ensure_ascii=False)
            if len(text.encode("utf-8", "surrogatepass")) > MAX_VALUE_BYTES:
                raise ValueTooLong(f"the value has more than {MAX_VALUE_BYTES} bytes")
        except Exception:
            failed_until = self._clock() + self._retry
            # Only the owner closes its lease: one that was overtaken changes nothing.
            self._close(key, owner, "SET failed_until = :failed", {":failed": _n(failed_until)})
            if not self._usable(row, self._clock()):
                raise
            return self._remember(key, row, failed_until)
        fresh_until = now + self._time_to_live
        stored = {
            ":value": {"S": text},
            ":fresh": _n(fresh_until),
            ":expires": {"N": str(int(fresh_until + self._stale_if_error) + 1)},
        }
        sets = "SET #value = :value, fresh_until = :fresh, expires_at = :expires"
        self._close(key, owner, sets, stored, {"#value": "value"}, ", failed_until")
        self._local.put(key, text, fresh_until)
        return text

    def _read(self, key: str, consistent: bool = False) -> dict[str, Any]:
        more = {"ConsistentRead": True} if consistent else {}
        answer = self._dynamodb.get_item(TableName=self._table, Key={"id": {"S": key}}, **more)
        row: dict[str, Any] = answer.get("Item", {})
        return row

    def _take(self, key: str, owner: str, now: float) -> tuple[bool, dict[str, Any]]:
        """Become the one who loads; whether that worked, and the row as it is."""
        free = " AND ".join(
            f"(attribute_not_exists({name}) OR {name} <= :now)"
            for name in ("fresh_until", "lease_until", "failed_until")
        )
        try:
            answer = self._dynamodb.update_item(
                TableName=self._table,
                Key={"id": {"S": key}},
                UpdateExpression="SET lease_owner = :owner, lease_until = :lease, "
                "expires_at = if_not_exists(expires_at, :expires)",
                ConditionExpression=free,
                ExpressionAttributeValues={
                    ":owner": {"S": owner},
                    ":now": _n(now),
                    ":lease": _n(now + self._lease),
                    ":expires": {"N": str(int(now + self._lease + self._stale_if_error) + 1)},
                },
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            # What the condition saw, where DynamoDB tells it.
            seen: Any = error.response.get("Item")
            return False, dict(seen) if seen else self._read(key, consistent=True)
        return True, answer["Attributes"]

    def _close(
        self,
        key: str,
        owner: str,
        sets: str,
        values: dict[str, Any],
        names: dict[str, str] | None = None,
        removes: str = "",
    ) -> None:
        request: dict[str, Any] = {"ExpressionAttributeNames": names} if names else {}
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key={"id": {"S": key}},
                UpdateExpression=f"{sets} REMOVE lease_owner, lease_until{removes}",
                ConditionExpression="lease_owner = :owner",
                ExpressionAttributeValues={":owner": {"S": owner}, **values},
                **request,
            )
        except ClientError as error:
            # The load took longer than the lease: whoever took over writes its own.
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                self._not_closed(key, error)
        except BotoCoreError as error:
            self._not_closed(key, error)

    def _not_closed(self, key: str, error: Exception) -> None:
        """What was loaded is its caller's all the same, and the lease ends by itself."""
        logger.warning("the cache's row could not be written", key=key, error_type=type(error).__name__)

    def _usable(self, row: dict[str, Any], now: float) -> bool:
        return "value" in row and now < _number(row, "fresh_until") + self._stale_if_error

    def _remember(self, key: str, row: dict[str, Any], until: float) -> str:
        self._local.put(key, _value(row), until)
        return _value(row)


class ReplicaCache:
    """The rows of the last sync that succeeded.

    Args:
        dynamodb: a DynamoDB client.
        table: the table's name, partition key ``id``.
        maximum_age_seconds: how long ago the last sync may be before reads fail.
        pointer_seconds: how long this process takes a version for the current one.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        dynamodb: Any,
        table: str,
        maximum_age_seconds: float = 7 * 86400,
        pointer_seconds: float = 10,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._maximum_age = maximum_age_seconds
        self._pointer_seconds = pointer_seconds
        self._clock = clock
        self._version = ""
        self._read_at = -1e18
        self._local = _Local()

    def get(self, key: str) -> Any:
        """A row's value, None when the source has none with that key.

        Raises:
            NotSynced: there was no sync yet.
            ReplicaTooOld: the last one is too long ago.
        """
        return self.get_many([key]).get(key)

    def get_many(self, keys: Iterable[str]) -> dict[str, Any]:
        """The values of those keys that the source has, all of one version.

        Raises:
            NotSynced: there was no sync yet.
            ReplicaTooOld: the last one is too long ago.
        """
        wanted = list(dict.fromkeys(keys))
        while wanted:
            just_read = self._point()
            version = self._version
            found = {key: self._local.get(f"{version}#{key}", 0) for key in wanted}
            missing = [key for key in wanted if found[key] is MISSING]
            for start in range(0, len(missing), BATCH_KEYS):
                found |= self._rows(version, missing[start : start + BATCH_KEYS])
            if just_read or all(value is not MISSING for value in found.values()):
                # A value of its own for each caller, as above.
                return {key: json.loads(text) for key, text in found.items() if text is not MISSING}
            # What is missing may be in a newer version only, or gone with an older one.
            self._read_at = -1e18
        return {}

    def _point(self) -> bool:
        """Find out the current version, if that was not done just now; whether it was read."""
        # A clock that was set back makes no version younger.
        if 0 <= self._clock() - self._read_at < self._pointer_seconds:
            return False
        answer = self._dynamodb.get_item(
            TableName=self._table, Key={"id": {"S": CURRENT}}, ConsistentRead=True, **POINTER_ATTRIBUTES
        )
        if "Item" not in answer:
            raise NotSynced("the replica was never synced")
        if self._clock() - _number(answer["Item"], "checked_at") > self._maximum_age:
            raise ReplicaTooOld("the last sync that succeeded is too long ago")
        self._version, self._read_at = answer["Item"]["version"]["S"], self._clock()
        return True

    def _rows(self, version: str, keys: list[str]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        request = {self._table: {"Keys": [{"id": {"S": row_id(version, key)}} for key in keys], "ConsistentRead": True}}
        pause = 0.02
        while request:
            answer = self._dynamodb.batch_get_item(RequestItems=request)
            for row in answer["Responses"].get(self._table, []):
                key = row["id"]["S"].removeprefix(row_id(version, ""))
                found[key] = _value(row)
                self._local.put(f"{version}#{key}", found[key], 1)
            request = answer.get("UnprocessedKeys") or {}
            if request:
                time.sleep(pause)
                pause = min(2 * pause, 1.0)
        return found


def from_settings(settings: str, dynamodb: Any, load: Callable[[str], Any] | None = None) -> "HotCache | ReplicaCache":
    """The cache of a ``ConsumerCache``.

    Args:
        settings: the component's output ``settings``.
        dynamodb: a DynamoDB client.
        load: gets a value from the source; for a hot cache.

    Raises:
        ValueError: a hot cache needs ``load``, a replica takes none.
    """
    given = json.loads(settings)
    hot = given.pop("strategy") == "HOT"
    if hot != (load is not None):
        raise ValueError("a hot cache needs load" if hot else "a replica takes no load; its sync reads the source")
    return HotCache(dynamodb, load=load, **given) if load is not None else ReplicaCache(dynamodb, **given)


class _Local:
    """Values in memory, as JSON, the least recently used of which go first."""

    def __init__(self) -> None:
        self._entries: OrderedDict[str, tuple[Any, float]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str, now: float) -> Any:
        with self._lock:
            value, until = self._entries.get(key, (MISSING, now))
            if until <= now:
                return MISSING
            self._entries.move_to_end(key)
            return value

    def put(self, key: str, value: Any, until: float) -> None:
        with self._lock:
            self._entries[key] = value, until
            self._entries.move_to_end(key)
            if len(self._entries) > LOCAL_ENTRIES:
                self._entries.popitem(last=False)


class _Locks:
    """A lock for each key that somebody waits for."""

    def __init__(self) -> None:
        self._locks: OrderedDict[str, threading.Lock] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, key: str) -> threading.Lock:
        with self._lock:
            found = self._locks.setdefault(key, threading.Lock())
            self._locks.move_to_end(key)
            if len(self._locks) > LOCAL_ENTRIES:
                self._locks.popitem(last=False)
            return found


def _value(row: dict[str, Any]) -> str:
    return str(row["value"]["S"])


def _number(row: dict[str, Any], name: str) -> float:
    return float(row[name]["N"]) if name in row else 0.0


def _n(seconds: float) -> dict[str, str]:
    return {"N": f"{seconds:.3f}"}
