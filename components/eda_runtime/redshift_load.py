"""One load of all waiting objects into Redshift for each slot of the schedule, in one transaction of the Data API.

A slot's row says what its attempt takes before the statement is sent, and the statement's ``ClientToken`` is the row's
attempt: a run that is killed anywhere is taken up by the next one, which the reconciler starts if nobody else does.

Row: ``id`` (``load#<dataset>#<slot>``), ``kind``, ``dataset``, ``slot``, ``attempt``, ``state``, ``statement_id``,
``manifest`` (``s3://``), ``objects`` (JSON, id and attempt of each query whose files it takes), ``error``,
``opened_at``, ``settled_at``, ``open``, ``awaits_refresh`` (data sets are refreshed after it: once it has succeeded,
``open`` is ``refresh`` until a reconciler has asked for the refreshes, because its completion event may get lost).

Runs on Python 3.9 too, because Glue's Python shell does.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError

from eda_runtime.ledger import FAILED, STARTED, SUCCEEDED, Ledger, Row

KIND = "load"
REFRESH = "refresh"
MAX_OBJECTS = 4_000
"""Objects of one load, so that its row stays far below DynamoDB's 400 KB; a run goes on with further loads."""
OBJECTS_OF_LINE = 100
"""Objects of one log line: Logs Insights finds 200 fields in a line at most."""
MAX_WAIT_SECONDS = 3 * 3600
POLL_SECONDS, MAX_POLL_SECONDS = 0.5, 15.0
LOAD_LEDGER_COLUMNS = (
    ("dataset", "VARCHAR(128)"),
    ("slot", "VARCHAR(64)"),
    ("attempt", "INTEGER"),
    ("objects", "INTEGER"),
    ("manifest", "VARCHAR(2048)"),
    ("loaded_at", "TIMESTAMP"),
)
"""The columns of ``load_ledger``, which says in Redshift itself what was loaded; ``objects`` is their number."""

_STAGING, _NEWEST, _POSITION = "eda_staging", "eda_newest", "eda_position"
_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,126}")
_TYPE = re.compile(r"[a-z]+( [a-z]+)*(\((max|[0-9]+(, ?[0-9]+)?)\))?", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z0-9._-]{1,128}")
_SLOT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_LOCATION = re.compile(r"s3://[a-z0-9.-]+/([^'\\]*/)?")
_ROLE = re.compile(r"arn:[a-z-]+:iam::\d{12}:role/[A-Za-z0-9+=,.@_/-]+")

_log = logging.getLogger(__name__)


class LoadArgumentError(ValueError):
    """An argument of the load is not one that SQL or the ledger can take; the message names it and what is allowed."""


class LoadFailed(Exception):
    """The slot's statement failed in every attempt; its objects wait for the next load."""


class StillRunning(Exception):
    """The statement runs longer than the job waits; a later run, which the reconciler starts, settles it."""


@dataclass(frozen=True)
class Target:
    """Where and how a data set is loaded.

    Attributes:
        workgroup_name: the Redshift Serverless workgroup.
        database: its database.
        schema: of the target table and of ``load_ledger``.
        table: the target.
        columns: name and Redshift type of each column, in the order of the files: COPY of Parquet goes by position.
        key: the column that names a row of the target.
        version_column: the column that grows with each change of it.
        copy_role_arn: the role with which COPY reads the files.
        statement_prefix: of every statement's name.

    Raises:
        LoadArgumentError: one of them is not allowed.
    """

    workgroup_name: str
    database: str
    schema: str
    table: str
    columns: tuple[tuple[str, str], ...]
    key: str
    version_column: str
    copy_role_arn: str
    statement_prefix: str

    def __post_init__(self) -> None:
        """Check the arguments."""
        names = [name for name, _ in self.columns]
        for argument, name in [("schema", self.schema), ("table", self.table), *(("columns", name) for name in names)]:
            _check(argument, name, _IDENTIFIER, "a lower-case identifier, up to 127 characters of a-z, 0-9 and _")
        for _, type_ in self.columns:
            _check("columns", type_, _TYPE, "a Redshift type such as VARCHAR(64)")
        if len(set(names)) != len(names):
            raise LoadArgumentError("columns names a column twice; each must have its own name")
        for argument, name in (("key", self.key), ("version_column", self.version_column)):
            if name not in names:
                raise LoadArgumentError(f"{argument} is {name!r}; it must be one of columns: {', '.join(names)}")
        if self.key == self.version_column:
            raise LoadArgumentError(f"key and version_column are both {self.key!r}; they must be two columns")
        if self.table in (_STAGING, _NEWEST):
            raise LoadArgumentError(f"table is {self.table!r}; that name is used by the load itself")
        if _POSITION in names:
            raise LoadArgumentError(f"columns has {_POSITION}; that name is used by the load itself")
        _check("copy_role_arn", self.copy_role_arn, _ROLE, "the ARN of an IAM role")
        _check("statement_prefix", self.statement_prefix, _NAME, "1 to 128 of A-Z, a-z, 0-9, . _ -")


def check_slot(slot: str) -> None:
    """Check that a slot is a time of the schedule.

    Raises:
        LoadArgumentError: it is not RFC 3339 in UTC.
    """
    _check("scheduled_time", slot, _SLOT, "a time such as 2026-01-31T03:00:00Z")


def load_id(dataset: str, slot: str) -> str:
    """The id of a slot's row."""
    return f"{KIND}#{dataset}#{slot}"


def client_token(row: Row) -> str:
    """The Data API's ``ClientToken`` of the row's attempt: the same attempt is the same statement."""
    return hashlib.sha256(f"{row['id']}#{row['attempt']}".encode()).hexdigest()


def statement_name(prefix: str, row: Row) -> str:
    """The statement's name, which its completion event carries."""
    return f"{prefix}{row['slot'].replace(':', '-')}-{row['attempt']}"


def manifest(objects: Sequence[Row]) -> bytes:
    """COPY's manifest of the files of query rows."""
    entries = [
        {"url": file["path"], "mandatory": True, "meta": {"content_length": file["bytes"]}}
        for row in objects
        for file in json.loads(row["files"])
    ]
    return json.dumps({"entries": entries}, indent=1).encode()


def transaction(target: Target, row: Row) -> list[str]:
    """The statements of a load: all of them or none take effect.

    The newest version of each key is merged where the target has none that is newer. The same version replaces itself,
    so that objects that were queried anew correct the target.
    """
    goal = f"{_quoted(target.schema)}.{_quoted(target.table)}"
    ledger = f"{_quoted(target.schema)}.{_quoted('load_ledger')}"
    names = [name for name, _ in target.columns]
    columns = ", ".join(_quoted(name) for name in names)
    needed = (target.key, target.version_column)
    typed = ", ".join(f"{_quoted(name)} {kind}{' NOT NULL' if name in needed else ''}" for name, kind in target.columns)
    key, version = _quoted(target.key), _quoted(target.version_column)
    table = _quoted(target.table)
    updates = ", ".join(f"{_quoted(name)} = {_NEWEST}.{_quoted(name)}" for name in names if name != target.key)
    inserts = ", ".join(f"{_NEWEST}.{_quoted(name)}" for name in names)
    entry = [
        ("dataset", _literal(row["dataset"])),
        ("slot", _literal(row["slot"])),
        ("attempt", str(int(row["attempt"]))),
        ("objects", str(len(json.loads(row["objects"])))),
        ("manifest", _literal(row["manifest"])),
        ("loaded_at", "GETDATE()"),
    ]
    same = " AND ".join(f"{name} = {value}" for name, value in entry[:3])
    # Every name is checked by Target and quoted, every value is a literal.
    return [
        f"CREATE TEMP TABLE {_STAGING} ({typed})",
        f"COPY {_STAGING} FROM {_literal(row['manifest'])} IAM_ROLE {_literal(target.copy_role_arn)} "
        "FORMAT AS PARQUET MANIFEST",
        f"CREATE TEMP TABLE {_NEWEST} AS SELECT {columns} FROM (SELECT {columns}, ROW_NUMBER() OVER "  # noqa: S608
        f"(PARTITION BY {key} ORDER BY {version} DESC) AS {_POSITION} FROM {_STAGING}) AS ranked "
        f"WHERE {_POSITION} = 1",
        f"DELETE FROM {_NEWEST} USING {goal} "  # noqa: S608
        f"WHERE {_NEWEST}.{key} = {table}.{key} AND {table}.{version} > {_NEWEST}.{version}",
        f"MERGE INTO {goal} USING {_NEWEST} ON {table}.{key} = {_NEWEST}.{key} "  # noqa: S608
        f"WHEN MATCHED THEN UPDATE SET {updates} WHEN NOT MATCHED THEN INSERT ({columns}) VALUES ({inserts})",
        f"INSERT INTO {ledger} ({', '.join(name for name, _ in entry)}) "  # noqa: S608
        f"SELECT {', '.join(value for _, value in entry)} "
        f"WHERE NOT EXISTS (SELECT 1 FROM {ledger} WHERE {same})",
    ]


def settle(ledger: Ledger, redshift_data: Any, row: Row) -> Row:
    """Settle a load whose statement was sent: mark its objects, or say that the attempt failed.

    Args:
        ledger: the ledger.
        redshift_data: a Redshift Data API client.
        row: a STARTED row with a ``statement_id``.

    Returns:
        The row as it is now: unchanged while the statement runs. A failed one stays open until its message is sent or
        another attempt is made.
    """
    try:
        statement = redshift_data.describe_statement(Id=row["statement_id"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        # Loading the objects again is safe: the same versions replace themselves.
        statement = {"Status": "FAILED", "Error": "the Data API does not know the statement any more"}
    if statement["Status"] == "FINISHED":
        ledger.take(row["id"], row["dataset"], json.loads(row["objects"]))
        changes = {"state": SUCCEEDED, "settled_at": ledger.now()}
        if "awaits_refresh" in row:
            moved = ledger.change(row, {**changes, "open": REFRESH, "opened_at": ledger.now()}, ("error",))
        else:
            moved = ledger.change(row, changes, ("open", "error"))
    elif statement["Status"] in ("FAILED", "ABORTED"):
        reason = statement.get("Error") or f"the statement was {statement['Status'].lower()}"
        moved = ledger.change(row, {"state": FAILED, "error": reason, "opened_at": ledger.now()})
    else:
        return row
    return moved or ledger.get(row["id"]) or row


@dataclass(frozen=True)
class Load:
    """Loads what waits, slot by slot.

    Args:
        ledger: the ledger.
        redshift_data: a Redshift Data API client.
        s3: an S3 client.
        target: where to.
        dataset: the data set's name.
        manifest_location: ``s3://bucket/prefix/`` of the manifests.
        awaits_refresh: data sets are refreshed after a load, and a reconciler looks that they are.
        max_attempts: of one slot in one run.
        max_wait_seconds: for one statement.
        max_objects: of one load.
        sleep: waits seconds.
        clock: seconds from any start.

    Raises:
        LoadArgumentError: ``dataset`` or ``manifest_location`` is not allowed.
    """

    ledger: Ledger
    redshift_data: Any
    s3: Any
    target: Target
    dataset: str
    manifest_location: str
    awaits_refresh: bool = False
    max_attempts: int = 3
    max_wait_seconds: float = MAX_WAIT_SECONDS
    max_objects: int = MAX_OBJECTS
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        """Check the arguments."""
        _check("dataset", self.dataset, _NAME, "1 to 128 of A-Z, a-z, 0-9, . _ -")
        _check("manifest_location", self.manifest_location, _LOCATION, "s3://bucket/prefix/, without quotes")
        if self.max_attempts < 1:
            raise LoadArgumentError(f"max_attempts is {self.max_attempts}; it must be 1 or more")

    def run(self, slot: str) -> list[Row]:
        """Load everything that waits.

        Args:
            slot: the schedule's time, RFC 3339 in UTC.

        Returns:
            The slot's rows: one, and more where there was more than one load takes.

        Raises:
            LoadArgumentError: ``slot`` is no such time.
            LoadFailed: the statement failed in every attempt.
            StillRunning: it runs longer than ``max_wait_seconds``.
        """
        check_slot(slot)
        self._finish_others(slot)
        rows: list[Row] = []
        while not rows or len(json.loads(rows[-1]["objects"])) >= self.max_objects:
            part = slot if not rows else f"{slot}/{len(rows) + 1}"
            rows.append(self._finish({"id": load_id(self.dataset, part), "slot": part}))
            if rows[-1]["state"] == FAILED:
                raise LoadFailed(f"the load of {part} failed: {rows[-1]['error']}")
        return rows

    def _finish_others(self, slot: str) -> None:
        """Bring earlier slots to their end: two loads at once could both insert a row that is new to both."""
        own = load_id(self.dataset, slot)
        for row in list(self.ledger.open(KIND, self.ledger.now())):
            other = row["id"] != own and not row["id"].startswith(f"{own}/")
            if row["dataset"] == self.dataset and row["state"] == STARTED and other:
                self._finish(row)

    def _finish(self, named: Row) -> Row:
        """Bring a slot's row to its end, whatever was done before; FAILED after this run's last attempt."""
        failures = looks = 0
        while True:
            row = self.ledger.get(named["id"])
            looks += 1
            if row is None:
                self._begin(named, 1)
            elif row["state"] == SUCCEEDED:
                if looks == 1:
                    _log.info("repeat", extra={"load": row["id"], "suppressed": "slot"})
                return row
            elif "manifest" in row and "statement_id" not in row:
                self._submit(row)
            elif row["state"] == FAILED:
                if failures >= self.max_attempts:
                    return row
                self._begin(row, row["attempt"] + 1)
            else:
                failures += self._wait(row)["state"] == FAILED

    def _begin(self, seen: Row, attempt: int) -> None:
        objects = self._waiting()
        slot = seen["slot"]
        changes = {
            "kind": KIND,
            "dataset": self.dataset,
            "slot": slot,
            "attempt": attempt,
            "objects": json.dumps({row["id"]: row["attempt"] for row in objects}, separators=(",", ":")),
        }
        if not objects:
            changes.update(state=SUCCEEDED, settled_at=self.ledger.now())
            if self.ledger.change(seen, changes, ("open", "error", "statement_id", "manifest")):
                _log.info("nothing to load", extra={"load": seen["id"], "attempt": attempt})
            return
        content = manifest(objects)
        # Its name is its content's: a run that loses the race for the row leaves the winner's manifest as it is.
        name = f"{slot.replace(':', '-').replace('/', '-')}-{attempt}-{hashlib.sha256(content).hexdigest()[:16]}.json"
        path = f"{self.manifest_location}{self.dataset}/{name}"
        bucket, _, key = path[len("s3://") :].partition("/")
        self.s3.put_object(Bucket=bucket, Key=key, Body=content, ContentType="application/json")
        changes.update(state=STARTED, open=KIND, opened_at=self.ledger.now(), manifest=path)
        if self.awaits_refresh:
            changes["awaits_refresh"] = "true"
        if self.ledger.change(seen, changes, ("statement_id", "error", "settled_at")):
            extra = {"load": seen["id"], "attempt": attempt, "objects": len(objects), "manifest": path}
            _log.info("load begun", extra=extra)

    def _waiting(self) -> list[Row]:
        """The waiting objects, the oldest first, up to one load's number; the index may lag, so each is read again."""
        found = self.ledger.get_many(self.ledger.unloaded(self.dataset))
        return list(islice((row for row in found if row.get("unloaded") == self.dataset), self.max_objects))

    def _submit(self, row: Row) -> None:
        answer = self.redshift_data.batch_execute_statement(
            WorkgroupName=self.target.workgroup_name,
            Database=self.target.database,
            Sqls=transaction(self.target, row),
            StatementName=statement_name(self.target.statement_prefix, row),
            ClientToken=client_token(row),
            WithEvent=True,
        )
        changes = {"statement_id": answer["Id"], "state": STARTED, "open": KIND, "opened_at": self.ledger.now()}
        self.ledger.change(row, changes)
        # Joins the batch to the statement: each object's own log lines name its orders.
        objects = list(json.loads(row["objects"]))
        batch = {"load": row["id"], "attempt": row["attempt"], "statement_id": answer["Id"]}
        _log.info("statement sent", extra={**batch, "objects": len(objects), "manifest": row["manifest"]})
        for begin in range(0, len(objects), OBJECTS_OF_LINE):
            part = {"part": begin // OBJECTS_OF_LINE + 1, "object_ids": objects[begin : begin + OBJECTS_OF_LINE]}
            _log.info("objects of the load", extra={**batch, **part})

    def _wait(self, row: Row) -> Row:
        deadline, delay = self.clock() + self.max_wait_seconds, POLL_SECONDS
        while True:
            settled = settle(self.ledger, self.redshift_data, row)
            if settled["state"] != STARTED or settled["attempt"] != row["attempt"]:
                extra = {"load": row["id"], "attempt": row["attempt"], "statement_id": row["statement_id"]}
                _log.info("load settled", extra={**extra, "state": settled["state"]})
                return settled
            if self.clock() >= deadline:
                raise StillRunning(
                    f"the statement {row['statement_id']} of {row['slot']} still runs after "
                    f"{self.max_wait_seconds:.0f} seconds; the reconciler starts the job again"
                )
            self.sleep(delay)
            delay = min(1.5 * delay, MAX_POLL_SECONDS)


def _check(argument: str, value: str, pattern: re.Pattern[str], allowed: str) -> None:
    if not pattern.fullmatch(value):
        raise LoadArgumentError(f"{argument} is {value!r}; it must be {allowed}")


def _quoted(name: str) -> str:
    return f'"{name}"'


def _literal(text: str) -> str:
    # A backslash escapes in Redshift's strings; no value that comes here may have one.
    return "'" + text.replace("'", "''") + "'"
