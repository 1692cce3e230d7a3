"""One Athena query for each stored object: started once, settled once, tried again after it was seen to fail.

``plan`` says what to run and does no I/O; ``ObjectQueries`` runs it. Each attempt writes into a folder of its own,
``<partitions>/<object id>/<attempt>/``, so emptying what a failed attempt left can never hit the next one's files.

After a query that names a column of correlation ids or of invalid values, a second one asks what the object holds, and
that is logged before the row is closed: a file is found by its orders, and an order by its files; rows with a value
that could not be taken are counted. It reads two columns of the same object again, which costs the least that Athena
charges (10 MB); carrying every id through the ledger and the load would cost more with each order.

A query that writes nothing has not succeeded because it did not fail: the table may not read the object at all, whose
key names a partition beyond the projection's range. So a second query counts what the table reads of it, and an object
of which it reads nothing is set aside. What an earlier attempt wrote is deleted only for what takes its place.

Row: ``id`` (``query#<object id>``), ``kind``, ``bucket``, ``key``, ``version_id``, ``dataset``, ``workgroup``,
``statement``, ``output`` (``s3://``), ``attempt``, ``last_attempt`` (no further one is made), ``state``,
``query_execution_id``, ``error``, ``opened_at``, ``settled_at``, ``files`` (JSON, ``path`` and ``bytes`` of each),
``columns`` (JSON, name and Hive type of each column of the files), ``open``, ``unloaded``, ``loaded_by``,
``set_aside`` and ``set_aside_by`` (see ``redshift_load``), ``backfill``, ``rows`` (SQL of the object's rows),
``correlation_id_column``, ``invalid_column``, ``earlier`` (JSON: the result of before, while the object is queried
anew).
"""

import hashlib
import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from botocore.exceptions import ClientError

from eda_runtime import metrics
from eda_runtime.dead_letters import DeadLetters
from eda_runtime.ledger import FAILED, STARTED, SUCCEEDED, Ledger, Row
from eda_runtime.load_statements import Columns
from eda_runtime.logger import logger
from eda_runtime.query_template import identifier, literal, render

KIND = "query"
DELETE_KEYS = 1000
"""Most keys of a ``DeleteObjects`` (S3)."""
MAX_IDS = 10_000
"""Correlation ids that are logged of one object."""
IDS_OF_LINE = 100
"""Correlation ids of one log line: Logs Insights finds 200 fields in a line at most."""
RESULT_ROWS = 1000
"""Most rows of a ``GetQueryResults`` (Athena)."""
_SEGMENT = re.compile(r"([a-z_][a-z0-9_]*)=(.+)", re.DOTALL)
_TARGET = re.compile(r" TO 's3://[^']*/(?P<object_id>[0-9a-f]{32})/(?P<attempt>[1-9][0-9]*)/' WITH \([^()]*\)\s*\Z")

_ORDERS, _ROWS = "orders", "rows"
_BESIDE = re.compile(r"-- (?:orders|rows) of object (?P<object_id>[0-9a-f]{32}), attempt (?P<attempt>[1-9][0-9]*)\n")
_RESULT = ("columns", "files", "settled_at", "unloaded", "loaded_by", "set_aside", "set_aside_by")
"""What a settled row says of its result."""
NOTHING_READ = "the table reads no row of the object: its key is in none of the table's partitions, or it holds no rows"


class ObjectRefused(ValueError):
    """The object cannot be queried, now or later; the message says why."""


class Outcome(Enum):
    """What a call did."""

    STARTED = "started"
    """The query was started, or started again with the same token."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """For good: its message is in the dead-letter queue."""
    RUNNING = "running"
    NOTHING = "nothing to do"
    """Another run did it, or it is not ours."""


@dataclass(frozen=True)
class StoredObject:
    """A version of an object.

    Attributes:
        bucket: its bucket.
        key: its key, as S3 has it: EventBridge's events do not encode it.
        version_id: its version, or its entity tag in a bucket without versions.
    """

    bucket: str
    key: str
    version_id: str

    @classmethod
    def of(cls, detail: Mapping[str, Any]) -> "StoredObject":
        """The object of an S3 event's ``detail``.

        Raises:
            ObjectRefused: the event names none.
        """
        try:
            found = detail["object"]
            version = found.get("version-id")
            if version in (None, "", "null"):  # a bucket without versions, or one where they are suspended
                version = found["etag"]
            return cls(detail["bucket"]["name"], found["key"], version)
        except (KeyError, TypeError, AttributeError) as error:
            raise ObjectRefused(f"the event's detail is not S3's: {error!r} is missing or has another form") from None

    @property
    def id(self) -> str:
        """The object's id: 32 hexadecimal digits."""
        return hashlib.sha256(f"{self.bucket}\n{self.key}\n{self.version_id}".encode()).hexdigest()[:32]

    @property
    def path(self) -> str:
        """Its address."""
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True)
class QuerySettings:
    """How a stored object is queried.

    Attributes:
        workgroup: Athena's workgroup.
        database: the Glue database of the raw table.
        table: the raw table.
        template: the query, with ``{rows}``.
        columns: what it yields, Hive types by name, in their order.
        output_location: ``s3://bucket/prefix/``.
        output_partitions: the partition keys of the output, all of them in each object's key.
        partition_keys: the raw table's; what else a key names in this way is a folder.
        dataset: what the results belong to.
        max_attempts: before the query has failed for good.
        correlation_id_column: the query's column that names orders; None: nobody asks which orders an object holds.
        invalid_column: the query's column that is not NULL in rows with a value that could not be taken; None: nobody
            counts them.
    """

    workgroup: str
    database: str
    table: str
    template: str
    columns: Columns
    output_location: str
    output_partitions: tuple[str, ...]
    partition_keys: tuple[str, ...]
    dataset: str
    max_attempts: int
    correlation_id_column: str | None = None
    invalid_column: str | None = None

    def __post_init__(self) -> None:
        """Check the location.

        Raises:
            ValueError: it is not ``s3://bucket/prefix/``.
        """
        if not re.fullmatch(r"s3://[^/']+/[^']+/", self.output_location):
            raise ValueError(f"output_location is {self.output_location!r}; it must be s3://bucket/prefix/")


def partitions(key: str, names: Collection[str]) -> dict[str, str]:
    """The partitions of an object, from the Hive segments of its key; the object's own name is none.

    Args:
        key: the object's.
        names: of the partition keys.

    Raises:
        ObjectRefused: a partition is named twice.
    """
    found: dict[str, str] = {}
    for segment in key.split("/")[:-1]:
        match = _SEGMENT.fullmatch(segment)
        if match is None or match[1] not in names:
            continue
        if match[1] in found:
            raise ObjectRefused(f"the key names the partition {match[1]} twice: {key}")
        found[match[1]] = match[2]
    return found


def plan(stored: StoredObject, settings: QuerySettings) -> Row:
    """The ledger's row for an object that was not queried yet.

    Raises:
        ObjectRefused: the object lies under the output's location, where a query would trigger itself, or its key lacks
            a partition.
        QueryTemplateError: the template is not one that can be run.
    """
    if stored.path.startswith(settings.output_location):
        raise ObjectRefused(f"{stored.path} lies under the output {settings.output_location}: it would trigger itself")
    found = partitions(stored.key, {*settings.partition_keys, *settings.output_partitions})
    lacking = [name for name in settings.output_partitions if name not in found]
    if lacking:
        raise ObjectRefused(f"the key has no segment {' and none '.join(f'{n}=…' for n in lacking)}: {stored.path}")
    unsafe = [name for name in settings.output_partitions if "'" in found[name]]
    if unsafe:
        raise ObjectRefused(f"the value of the partition {unsafe[0]} has a quote: {stored.path}")
    folders = "".join(f"{name}={found[name]}/" for name in settings.output_partitions)
    output = f"{settings.output_location}{folders}{stored.id}/1/"
    conditions = [f'"$path" = {literal(stored.path)}']
    conditions += [f"{identifier(name)} = {literal(found[name])}" for name in settings.partition_keys if name in found]
    table = f"{identifier(settings.database)}.{identifier(settings.table)}"
    rows = f"(SELECT * FROM {table} WHERE {' AND '.join(conditions)})"  # noqa: S608 - quoted by identifier and literal
    values = {"bucket": stored.bucket, "key": stored.key, "version_id": stored.version_id}
    query = render(settings.template, rows, values)
    columns = {name: getattr(settings, name) for name in ("correlation_id_column", "invalid_column")}
    return {
        **{name: column for name, column in columns.items() if column is not None},
        "id": f"{KIND}#{stored.id}",
        "kind": KIND,
        "bucket": stored.bucket,
        "key": stored.key,
        "version_id": stored.version_id,
        "dataset": settings.dataset,
        "columns": json.dumps(settings.columns, separators=(",", ":")),
        "workgroup": settings.workgroup,
        "statement": (
            f"-- object {stored.id}\nUNLOAD (\n{query}\n) TO {literal(output)} "
            "WITH (format = 'PARQUET', compression = 'SNAPPY')"
        ),
        "rows": rows,
        "output": output,
        "attempt": 1,
        "last_attempt": settings.max_attempts,
        "state": STARTED,
        "open": KIND,
    }


def token(row: Row) -> str:
    """Athena's ``ClientRequestToken`` of the row's attempt: the same attempt is the same query."""
    return hashlib.sha256(f"{row['id']}#{row['attempt']}".encode()).hexdigest()


def for_attempt(row: Row, attempt: int) -> dict[str, Any]:
    """What changes in a row for another attempt: its number, its folder, and the statement that writes there."""
    output = f"{row['output'].rstrip('/').rpartition('/')[0]}/{attempt}/"
    before, _, after = row["statement"].rpartition(literal(row["output"]))
    return {"attempt": attempt, "output": output, "statement": f"{before}{literal(output)}{after}"}


def orders_statement(row: Row) -> str:
    """The statement that asks for the correlation ids of the row's object, those of the rows that its query makes: each
    with the number of its rows that have an invalid value, and with that number of all; those that have some first."""
    query = row["statement"].partition("UNLOAD (\n")[2].rpartition("\n) TO ")[0]
    id = identifier(row["correlation_id_column"]) if "correlation_id_column" in row else "CAST(NULL AS varchar)"
    count = f"count({identifier(row['invalid_column'])})" if "invalid_column" in row else "CAST(0 AS bigint)"
    return (
        f"{_beside(row, _ORDERS)}SELECT {id}, {count}, sum({count}) OVER () FROM (\n{query}\n) "  # noqa: S608 - quoted
        f"GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {MAX_IDS + 2}"
    )


def rows_statement(row: Row) -> str:
    """The statement that counts what the raw table reads of the row's object."""
    return f"{_beside(row, _ROWS)}SELECT count(*) FROM {row['rows']}"  # noqa: S608 - quoted


def _beside(row: Row, what: str) -> str:
    return f"-- {what} of object {_object_id(row)}, attempt {row['attempt']}\n"


def target_of(statement: str) -> tuple[str, int] | None:
    """The row's id and the attempt that a statement belongs to; None for a statement that is not one of ours."""
    match = _TARGET.search(statement) or _BESIDE.match(statement)
    return (f"{KIND}#{match['object_id']}", int(match["attempt"])) if match else None


@dataclass(frozen=True)
class _Answer:
    """What a query beside the row's own gives; neither while it runs.

    Attributes:
        rows: its rows.
        error: why it has none.
    """

    rows: list[list[str | None]] | None = None
    error: str | None = None


class ObjectQueries:
    """Starts and settles queries.

    Args:
        ledger: the ledger.
        athena: an Athena client.
        s3: an S3 client.
        dead_letters: where queries go that failed for good.
    """

    def __init__(self, ledger: Ledger, athena: Any, s3: Any, dead_letters: DeadLetters) -> None:
        self._ledger = ledger
        self._athena = athena
        self._s3 = s3
        self._dead_letters = dead_letters

    def request(self, planned: Row) -> Outcome:
        """Start the query of an object, once however often it is asked for.

        Args:
            planned: the object's row, from ``plan``.
        """
        row = self._ledger.create({**planned, "opened_at": self._ledger.now()}) or self._ledger.get(planned["id"])
        return self._open(row)

    def request_again(self, planned: Row, backfill: str | None = None) -> Outcome:
        """Query an object anew if its query failed, or for a backfill if it succeeded; start one that never was.

        Args:
            planned: the object's row, from ``plan``: the query is the one of now.
            backfill: names the backfill; under one name an object is queried anew once. None leaves what succeeded.
        """
        fresh = {**planned, "opened_at": self._ledger.now(), **({"backfill": backfill} if backfill else {})}
        row = self._ledger.create(fresh) or self._ledger.get(planned["id"])
        done = row is None or row["state"] == STARTED
        if row is not None and row["state"] == SUCCEEDED:
            done = backfill is None or row.get("backfill") == backfill
        if row is None or done:
            return self._open(row)
        changes = {
            **{name: value for name, value in fresh.items() if name != "id"},
            **for_attempt(planned, row["attempt"] + 1),
            "last_attempt": row["attempt"] + planned["last_attempt"],
        }
        if json.loads(row.get("files", "[]")):
            changes["earlier"] = json.dumps({name: row[name] for name in _RESULT if name in row})
        stale = [name for name in ("query_execution_id", "error", *_RESULT) if name not in changes]
        return self._open(self._ledger.change(row, changes, stale))

    def completed(self, query_execution_id: str) -> Outcome:
        """Settle the query that a completion event names; one that the ledger does not know is left alone."""
        execution = self._execution(query_execution_id)
        target = target_of(execution["Query"])
        row = self._ledger.get(target[0]) if target else None
        if target is None or row is None or row["state"] != STARTED or row["attempt"] != target[1]:
            return Outcome.NOTHING
        if _BESIDE.match(execution["Query"]):
            return self.reconcile(row)
        if "query_execution_id" not in row:
            # The run that started it ended before it wrote the id down.
            row = self._ledger.change(row, {"query_execution_id": query_execution_id})
        if row is None or row.get("query_execution_id") != query_execution_id:
            return Outcome.NOTHING
        return self._settle(row, execution)

    def reconcile(self, row: Row) -> Outcome:
        """Bring an open row on: start it, settle it, send its message, or leave it running."""
        if row["state"] == FAILED:
            self._dead_letters.bury(row)
            return Outcome.FAILED
        if "query_execution_id" not in row:
            return self._start(row)
        try:
            execution = self._execution(row["query_execution_id"])
        except ClientError as error:
            if error.response["Error"]["Code"] != "InvalidRequestException":
                raise
            # Athena keeps its history for 45 days.
            return self._failed(row, error.response["Error"]["Message"])
        return self._settle(row, execution)

    def _open(self, row: Row | None) -> Outcome:
        if row is None or row["state"] != STARTED or "query_execution_id" in row:
            return Outcome.NOTHING
        return self._start(row)

    def _start(self, row: Row) -> Outcome:
        try:
            answer = self._athena.start_query_execution(
                QueryString=row["statement"], WorkGroup=row["workgroup"], ClientRequestToken=token(row)
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "InvalidRequestException":
                raise
            return self._failed(row, error.response["Error"]["Message"])
        id = answer["QueryExecutionId"]
        self._ledger.change(row, {"query_execution_id": id})
        # Joins the batch to the query: the object's rows carry their orders' correlation ids.
        logger.info(
            "query started",
            object_id=_object_id(row),
            query_execution_id=id,
            attempt=row["attempt"],
            bucket=row["bucket"],
            key=row["key"],
        )
        return Outcome.STARTED

    def _execution(self, query_execution_id: str) -> dict[str, Any]:
        answer = self._athena.get_query_execution(QueryExecutionId=query_execution_id)
        execution: dict[str, Any] = answer["QueryExecution"]
        return execution

    def _settle(self, row: Row, execution: Mapping[str, Any]) -> Outcome:
        status = execution["Status"]
        if status["State"] in ("FAILED", "CANCELLED"):
            return self._failed(row, status.get("StateChangeReason") or f"the query was {status['State'].lower()}")
        if status["State"] != "SUCCEEDED":
            return Outcome.RUNNING
        # The completion event of a query beside this one comes back to the row.
        files, earlier = self._results(row)
        if files:
            if not self._tell_orders(row):
                return Outcome.RUNNING
        elif "rows" in row:  # One of an earlier release does not say what it read.
            counted = self._ask(row, rows_statement(row), _ROWS)
            if counted.error is not None:
                return self._failed(row, counted.error)
            if counted.rows is None:
                return Outcome.RUNNING
            if counted.rows == [["0"]]:
                return self._set_aside(row, NOTHING_READ)
            if earlier:
                read = counted.rows[0][0]
                return self._set_aside(row, f"the query makes nothing of the {read} rows that made something before")
        bucket, _ = _split(row["output"])
        # They are in no result any more.
        self._delete(bucket, earlier)
        changes = {"state": SUCCEEDED, "files": json.dumps(files), "settled_at": self._ledger.now()}
        if files:
            changes["unloaded"] = row["dataset"]
        if self._ledger.change(row, changes, ("open", "error", "earlier")) is None:
            return Outcome.NOTHING
        logger.info(
            "query succeeded",
            object_id=_object_id(row),
            query_execution_id=row["query_execution_id"],
            attempt=row["attempt"],
            files=len(files),
        )
        return Outcome.SUCCEEDED

    def _tell_orders(self, row: Row) -> bool:
        """Log which correlation ids the object holds, and how many rows have an invalid value; false while the query
        for them runs.

        A query that fails leaves them untold: the data does not wait for its log.
        """
        if "correlation_id_column" not in row and "invalid_column" not in row:
            return True
        batch = {name: row[name] for name in ("query_execution_id", "attempt", "bucket", "key")}
        batch["object_id"] = _object_id(row)
        answer = self._ask(row, orders_statement(row), _ORDERS)
        if answer.error is not None:
            logger.warning("orders of the object unknown", **batch, error=answer.error)
            return True
        if answer.rows is None:
            return False
        ids = [id for id, *_ in answer.rows if id is not None]
        for begin in range(0, min(len(ids), MAX_IDS), IDS_OF_LINE):
            part = ids[begin : min(begin + IDS_OF_LINE, MAX_IDS)]
            logger.info("orders of the object", **batch, part=begin // IDS_OF_LINE + 1, correlation_ids=part)
        if len(ids) > MAX_IDS:
            logger.warning("more orders than are logged", **batch, logged=MAX_IDS)
        if invalid := int(answer.rows[0][2] or 0) if answer.rows else 0:
            odd = [id for id, count, _ in answer.rows if id is not None and count != "0"][:IDS_OF_LINE]
            counted = metrics.counted(metrics.INVALID_ROWS, invalid, WorkGroup=row["workgroup"])
            logger.warning("rows with invalid values", **batch, rows=invalid, correlation_ids=odd, **counted)
        return True

    def _ask(self, row: Row, statement: str, what: str) -> _Answer:
        """Ask something about the row's attempt, once however often it is asked for."""
        token = hashlib.sha256(f"{row['id']}#{row['attempt']}#{what}".encode()).hexdigest()
        try:
            started = self._athena.start_query_execution(
                QueryString=statement, WorkGroup=row["workgroup"], ClientRequestToken=token
            )
            status = self._execution(started["QueryExecutionId"])["Status"]
            if status["State"] not in ("SUCCEEDED", "FAILED", "CANCELLED"):
                return _Answer()
            if status["State"] != "SUCCEEDED":
                return _Answer(error=status.get("StateChangeReason") or f"the query was {status['State'].lower()}")
            return _Answer(self._rows(started["QueryExecutionId"]))
        except ClientError as error:
            if error.response["Error"]["Code"] != "InvalidRequestException":
                raise
            return _Answer(error=error.response["Error"]["Message"])

    def _rows(self, query_execution_id: str) -> list[list[str | None]]:
        request: dict[str, Any] = {"QueryExecutionId": query_execution_id, "MaxResults": RESULT_ROWS}
        found: list[list[str | None]] = []
        while True:
            answer = self._athena.get_query_results(**request)
            found += [[cell.get("VarCharValue") for cell in row["Data"]] for row in answer["ResultSet"]["Rows"]]
            if "NextToken" not in answer:
                return found[1:]  # The first row is the header.
            request["NextToken"] = answer["NextToken"]

    def _results(self, row: Row) -> tuple[list[dict[str, Any]], list[str]]:
        """The attempt's files, and the keys of those of earlier attempts."""
        bucket, prefix = _split(row["output"])
        folder = prefix.rstrip("/").rpartition("/")[0] + "/"
        files, earlier = [], []
        for found in self._objects(bucket, folder):
            attempt = found["Key"].removeprefix(folder).partition("/")[0]
            if found["Key"].startswith(prefix):
                files.append({"path": f"s3://{bucket}/{found['Key']}", "bytes": found["Size"]})
            elif attempt.isdecimal() and int(attempt) < row["attempt"]:
                earlier.append(found["Key"])
        return files, earlier

    def _failed(self, row: Row, error: str) -> Outcome:
        if "query_execution_id" in row:
            bucket, prefix = _split(row["output"])
            self._delete(bucket, [found["Key"] for found in self._objects(bucket, prefix)])
        logger.warning(
            "query failed",
            object_id=_object_id(row),
            query_execution_id=row.get("query_execution_id"),
            attempt=row["attempt"],
            error=error,
        )
        if row["attempt"] < row["last_attempt"]:
            changes = {**for_attempt(row, row["attempt"] + 1), "error": error, "opened_at": self._ledger.now()}
            return self._open(self._ledger.change(row, changes, ("query_execution_id",)))
        return self._set_aside(row, error)

    def _set_aside(self, row: Row, error: str) -> Outcome:
        """Close the row for good, with a message; the result of before, if there is one, counts again."""
        changes = {
            "state": FAILED,
            "error": error,
            "opened_at": self._ledger.now(),
            **json.loads(row.get("earlier", "{}")),
        }
        closed = self._ledger.change(row, changes, ("earlier",))
        if closed is None:
            return Outcome.NOTHING
        self._dead_letters.bury(closed)
        return Outcome.FAILED

    def _objects(self, bucket: str, prefix: str) -> Iterator[dict[str, Any]]:
        request = {"Bucket": bucket, "Prefix": prefix}
        while True:
            answer = self._s3.list_objects_v2(**request)
            yield from answer.get("Contents", [])
            if not answer.get("IsTruncated"):
                return
            request["ContinuationToken"] = answer["NextContinuationToken"]

    def _delete(self, bucket: str, keys: list[str]) -> None:
        for start in range(0, len(keys), DELETE_KEYS):
            chunk = [{"Key": key} for key in keys[start : start + DELETE_KEYS]]
            answer = self._s3.delete_objects(Bucket=bucket, Delete={"Objects": chunk, "Quiet": True})
            for refused in answer.get("Errors", []):
                raise OutputNotEmptied(f"s3://{bucket}/{refused['Key']} is not deleted: {refused['Code']}")


class OutputNotEmptied(Exception):
    """What a failed attempt left could not be deleted; a later call tries again."""


def _object_id(row: Row) -> str:
    return str(row["id"]).partition("#")[2]


def _split(location: str) -> tuple[str, str]:
    bucket, _, prefix = location.removeprefix("s3://").partition("/")
    return bucket, prefix
