"""One load of all waiting objects into Redshift for each slot of the schedule, in one transaction of the Data API.

A slot's row says what its attempt takes before the statement is sent, and the statement's ``ClientToken`` is the row's
attempt: a run that is killed anywhere is taken up by the next one, which the reconciler starts if nobody else does.

A load that fails is tried in halves, down to the object that fails alone: that one is set aside with its reason, and
all others are loaded in the same run. Where nothing can be loaded at all, nothing is set aside: the warehouse is what
fails then, not the objects.

Row: ``id`` (``load#<dataset>#<slot>``), ``kind``, ``dataset``, ``slot``, ``attempt``, ``state``, ``statement_id``,
``manifests`` (JSON, see ``load_statements.transaction``), ``objects`` (JSON, id and attempt of each query whose files
it takes), ``continued`` (the slot has a further part, ``<slot>/2``, ``<slot>/3``, …), ``error``, ``opened_at``,
``settled_at``, ``open``, ``awaits_refresh`` (data sets are refreshed after it: once it has succeeded, ``open`` is
``refresh`` until a reconciler has asked for the refreshes, because its completion event may get lost).

A query's row that is set aside has ``set_aside`` (the reason) and ``set_aside_by`` (the load) instead of ``unloaded``,
and ``open`` is ``aside`` until its message is sent.

Runs on Python 3.9 too, because Glue's Python shell does.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from eda_runtime.dead_letters import ASIDE, DeadLetters
from eda_runtime.ledger import FAILED, STARTED, SUCCEEDED, Ledger, Row
from eda_runtime.load_statements import (
    MAX_SHAPES,
    NAME,
    LoadArgumentError,
    Target,
    check_argument,
    file_columns,
    manifest,
    transaction,
)

SET_ASIDE_METRIC = "ObjectsSetAside"
"""Objects that no load could take, by Redshift's workgroup."""
KIND = "load"
REFRESH = "refresh"
MAX_OBJECTS = 4_000
"""Objects of one load, so that its row stays far below DynamoDB's 400 KB; a run goes on with further loads."""
MAX_SUSPECTS = 10
"""Objects that fail one by one while none is loaded: with so many it is the warehouse that fails, or its columns."""
OBJECTS_OF_LINE = 100
"""Objects of one log line: Logs Insights finds 200 fields in a line at most."""
MAX_WAIT_SECONDS = 3 * 3600
POLL_SECONDS, MAX_POLL_SECONDS = 0.5, 15.0
_SLOT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_LOCATION = re.compile(r"s3://[a-z0-9.-]+/([^'\\]*/)?")

_log = logging.getLogger(__name__)


class LoadFailed(Exception):
    """Nothing of the slot can be loaded, whatever is taken; its objects wait for the next load."""


class StillRunning(Exception):
    """The statement runs longer than the job waits; a later run, which the reconciler starts, settles it."""


def check_slot(slot: str) -> None:
    """Check that a slot is a time of the schedule.

    Raises:
        LoadArgumentError: it is not RFC 3339 in UTC, or a day or an hour that no calendar has.
    """
    check_argument("scheduled_time", slot, _SLOT, "a time such as 2026-01-31T03:00:00Z")
    try:
        datetime.strptime(slot[:19], "%Y-%m-%dT%H:%M:%S")
    except ValueError:
        raise LoadArgumentError(f"scheduled_time is {slot!r}; there is no such time") from None


def load_id(dataset: str, slot: str) -> str:
    """The id of a slot's row."""
    return f"{KIND}#{dataset}#{slot}"


def part_id(dataset: str, slot: str, number: int) -> str:
    """The id of a part's row; the first part's is the slot's."""
    return load_id(dataset, slot if number == 1 else f"{slot}/{number}")


def client_token(row: Row) -> str:
    """The Data API's ``ClientToken`` of the row's attempt: the same attempt is the same statement."""
    return hashlib.sha256(f"{row['id']}#{row['attempt']}".encode()).hexdigest()


def statement_name(prefix: str, row: Row) -> str:
    """The statement's name, which its completion event carries."""
    return f"{prefix}{row['slot'].replace(':', '-')}-{row['attempt']}"


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
        if not _is_forgotten(error):
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


def _is_forgotten(error: ClientError) -> bool:
    """Whether the Data API says that it knows a statement no more: it keeps them for 24 hours.

    It says so in two ways: the API's documentation names ``ResourceNotFoundException``, and an expired one is answered
    with a ``ValidationException`` (the Terraform provider's ``FindStatementByID`` takes both).
    """
    code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    return code == "ResourceNotFoundException" or (code == "ValidationException" and "expired" in message)


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
        dead_letters: where the messages about objects go that are set aside.
        awaits_refresh: data sets are refreshed after a load, and a reconciler looks that they are.
        max_attempts: of what is taken together, where the error names no file; of an object alone.
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
    dead_letters: DeadLetters
    awaits_refresh: bool = False
    max_attempts: int = 3
    max_wait_seconds: float = MAX_WAIT_SECONDS
    max_objects: int = MAX_OBJECTS
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        """Check the arguments."""
        check_argument("dataset", self.dataset, NAME, "1 to 128 of A-Z, a-z, 0-9, . _ -")
        check_argument("manifest_location", self.manifest_location, _LOCATION, "s3://bucket/prefix/, without quotes")
        if self.max_attempts < 1:
            raise LoadArgumentError(f"max_attempts is {self.max_attempts}; it must be 1 or more")

    def run(self, slot: str) -> list[Row]:
        """Load everything that waits.

        Args:
            slot: the schedule's time, RFC 3339 in UTC.

        Returns:
            The slot's rows: one, and more where there was more than one load takes, or some of it failed.

        Raises:
            LoadArgumentError: ``slot`` is no such time.
            LoadFailed: no load succeeded, and no error names the file that is to blame.
            StillRunning: a statement runs longer than ``max_wait_seconds``.
        """
        check_slot(slot)
        self._finish_others(slot)
        return _Slot(self, slot).run()

    def _finish_others(self, slot: str) -> None:
        """Bring earlier slots to their end: two loads at once could both insert a row that is new to both."""
        started = [row for row in self.ledger.open(KIND, self.ledger.now()) if row["state"] == STARTED]
        slots = dict.fromkeys(row["slot"].partition("/")[0] for row in started if row["dataset"] == self.dataset)
        for other in slots:
            if other != slot:
                try:
                    _Slot(self, other).run()
                except LoadFailed as error:
                    _log.warning(
                        "an earlier slot failed", extra={"load": load_id(self.dataset, other), "error": str(error)}
                    )

    def finish(self, id: str) -> Row | None:
        """Bring what a row has begun to its end; the row as it is then, None when there is none."""
        while True:
            row = self.ledger.get(id)
            if row is None or row["state"] != STARTED:
                return row
            if "statement_id" in row:
                self._wait(row)
            else:
                self._submit(row)

    def begin(self, seen: Row, objects: Sequence[Row], continued: bool) -> None:
        """Write down a further attempt of a part, which takes these objects; nothing when another run was first."""
        slot, attempt = seen["slot"], seen.get("attempt", 0) + 1
        changes: dict[str, Any] = {
            "kind": KIND,
            "dataset": self.dataset,
            "slot": slot,
            "attempt": attempt,
            "objects": json.dumps({row["id"]: row["attempt"] for row in objects}, separators=(",", ":")),
        }
        if continued:
            changes["continued"] = "true"
        if not objects:
            changes.update(state=SUCCEEDED, settled_at=self.ledger.now())
            if self.ledger.change(seen, changes, _stale(changes)):
                _log.info("nothing to load", extra={"load": seen["id"], "attempt": attempt})
            return
        manifests = [self._manifest(slot, attempt, found) for found in shapes(objects)]
        changes.update(
            state=STARTED,
            open=KIND,
            opened_at=self.ledger.now(),
            manifests=json.dumps(manifests, separators=(",", ":")),
        )
        if self.awaits_refresh:
            changes["awaits_refresh"] = "true"
        if self.ledger.change(seen, changes, _stale(changes)):
            extra = {"load": seen["id"], "attempt": attempt, "objects": len(objects)}
            _log.info("load begun", extra={**extra, "manifests": [shape["manifest"] for shape in manifests]})

    def _manifest(self, slot: str, attempt: int, objects: Sequence[Row]) -> dict[str, Any]:
        content = manifest(objects)
        # Its name is its content's: a run that loses the race for the row leaves the winner's manifest as it is.
        name = f"{slot.replace(':', '-').replace('/', '-')}-{attempt}-{hashlib.sha256(content).hexdigest()[:16]}.json"
        path = f"{self.manifest_location}{self.dataset}/{name}"
        bucket, _, key = path[len("s3://") :].partition("/")
        self.s3.put_object(Bucket=bucket, Key=key, Body=content, ContentType="application/json")
        return {"manifest": path, "columns": file_columns(objects[0]), "objects": len(objects)}

    def waiting(self) -> Iterator[Row]:
        """What waits, the oldest first; the index may lag, so each is read again."""
        found = self.ledger.get_many(self.ledger.unloaded(self.dataset))
        return (row for row in found if row.get("unloaded") == self.dataset)

    def set_aside(self, row: Row, load: str, reason: str) -> None:
        """Keep an object from the loads that follow, and say so: it does not wait any more, and its message is sent."""
        changes = {"set_aside": reason, "set_aside_by": load, "open": ASIDE, "opened_at": self.ledger.now()}
        moved = self.ledger.change(row, changes, ("unloaded",))
        if moved is None:
            return
        told = {"object_id": row["id"], "load": load, "error": reason}
        _log.warning("object set aside", extra={**told, **self._counted()})
        try:
            self.dead_letters.bury(moved)
        except (BotoCoreError, ClientError):
            # It is open until a reconciler has told of it; the load goes on.
            _log.exception("not told", extra=told)

    def _counted(self) -> dict[str, Any]:
        """Fields of a log line that count it: Embedded Metric Format, as ``metrics`` writes it where Powertools is."""
        metric = {"Namespace": "EventDriven", "Dimensions": [["Workgroup"]]}
        metrics = [{**metric, "Metrics": [{"Name": SET_ASIDE_METRIC, "Unit": "Count"}]}]
        embedded = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": metrics}
        return {"_aws": embedded, "Workgroup": self.target.workgroup_name, SET_ASIDE_METRIC: 1}

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
        _log.info("statement sent", extra={**batch, "objects": len(objects)})
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


def _stale(changes: Mapping[str, Any]) -> list[str]:
    """What an attempt before may have left in a row that is begun anew."""
    left = ("statement_id", "manifests", "error", "open", "settled_at", "continued")
    return [name for name in left if name not in changes]


def shapes(objects: Sequence[Row]) -> list[list[Row]]:
    """Objects by the columns of their files, in the order in which the shapes come."""
    found: dict[Any, list[Row]] = {}
    for row in objects:
        found.setdefault(file_columns(row), []).append(row)
    return list(found.values())


class _Overtaken(Exception):
    """Another run of the slot moved the part on; what this run knew is no longer so."""


@dataclass(frozen=True)
class _Suspect:
    """An object that failed alone.

    Attributes:
        row: its query's row.
        load: the load that it failed in.
        error: what the warehouse said.
        named: the error names one of its files, or says of their columns that they cannot be loaded.
    """

    row: Row
    load: str
    error: str
    named: bool


class _Slot:
    """One run of a slot: its parts, one after the other, until nothing waits.

    What is taken together lives in this run only: a run that is killed leaves parts that have succeeded, objects that
    are set aside, and objects that wait, which the next run takes together again.

    Args:
        load: how.
        slot: the slot.
    """

    def __init__(self, load: Load, slot: str) -> None:
        self._load = load
        self._slot = slot
        self._done: list[Row] = []
        self._suspects: list[_Suspect] = []
        # A load has succeeded in this run, so one that fails is its objects' fault.
        self._loads = False

    def run(self) -> list[Row]:
        """Load, until nothing waits that can be loaded; the parts' rows.

        Raises:
            LoadFailed: no load succeeded, and it is not known which object is to blame.
            StillRunning: a statement runs longer than the job waits.
        """
        while True:
            try:
                return self._run()
            except _Overtaken:
                self._done, self._suspects = [], []

    def _run(self) -> list[Row]:
        if self._is_done():
            return self._done
        more = True
        while more:
            together, more = self._together()
            self._take(together, more, self._load.max_attempts)
        self._judge()
        part = self._load.ledger.get(self._part())
        if part is not None and part["state"] == FAILED:
            # All that it took is set aside.
            self._done.append(self._attempt(part, [], False))
        return self._done

    def _is_done(self) -> bool:
        """Bring what an earlier run began to its end; whether nothing of the slot is left."""
        while True:
            row = self._load.finish(self._part())
            if row is None or row["state"] == FAILED:
                return False
            self._done.append(row)
            if "continued" not in row:
                _log.info("repeat", extra={"load": row["id"], "suppressed": "slot"})
                return True

    def _part(self) -> str:
        """The id of the part that comes next."""
        return part_id(self._load.dataset, self._slot, len(self._done) + 1)

    def _together(self) -> tuple[list[Row], bool]:
        """What one load takes of what waits, and whether it leaves any: of objects, or of shapes of files."""
        taken: list[Row] = []
        known: set[Any] = set()
        more = False
        for row in self._waiting():
            if len(taken) == self._load.max_objects:
                return taken, True
            columns = file_columns(row)
            if columns in known or len(known) < MAX_SHAPES:
                known.add(columns)
                taken.append(row)
            else:
                more = True
        return taken, more

    def _waiting(self) -> Iterator[Row]:
        tried = {suspect.row["id"] for suspect in self._suspects}
        for row in self._load.waiting():
            if row["id"] in tried:
                continue
            refusal = self._load.target.refusal(file_columns(row))
            if refusal is None:
                yield row
            else:
                self._suspect(_Suspect(row, self._part(), refusal, named=True))

    def _take(self, objects: Sequence[Row], more: bool, attempts: int) -> None:
        """Load objects together; where that fails, in halves.

        Args:
            objects: what is taken.
            more: others follow.
            attempts: how often they are tried together, where the error names no file.
        """
        attempts = self._load.max_attempts if len(objects) == 1 else attempts
        row, named = {"state": FAILED}, False
        while row["state"] == FAILED and attempts > 0 and not named:
            seen = self._load.ledger.get(self._part()) or {"id": self._part()}
            row = self._attempt(seen, objects, more)
            named = row["state"] == FAILED and any(_names(row["error"], found) for found in objects)
            attempts -= 1
        if row["state"] == SUCCEEDED:
            self._done.append(row)
            self._loads = self._loads or bool(objects)
            self._settle()
        elif len(objects) == 1:
            self._suspect(_Suspect(objects[0], row["id"], row["error"], named))
        else:
            middle = len(objects) // 2
            self._take(objects[:middle], True, 1)
            self._take(objects[middle:], more, 1)

    def _attempt(self, seen: Row, objects: Sequence[Row], more: bool) -> Row:
        """A further attempt of a part, with these objects; the row when it has ended."""
        if seen.get("state", FAILED) != FAILED:
            raise _Overtaken
        slot = seen["id"][len(load_id(self._load.dataset, "")) :]
        self._load.begin({**seen, "slot": slot}, objects, more)
        row = self._load.finish(seen["id"])
        taken = {found["id"]: found["attempt"] for found in objects}
        if row is None or row["attempt"] != seen.get("attempt", 0) + 1 or json.loads(row["objects"]) != taken:
            raise _Overtaken
        return row

    def _suspect(self, suspect: _Suspect) -> None:
        self._suspects.append(suspect)
        self._settle()
        if len(self._suspects) >= MAX_SUSPECTS:
            raise self._failure(self._suspects)

    def _settle(self) -> None:
        """Set aside what failed alone, once it is known that the warehouse takes others."""
        if self._loads:
            for suspect in self._suspects:
                self._load.set_aside(suspect.row, suspect.load, suspect.error)
            self._suspects = []

    def _judge(self) -> None:
        """Where nothing was loaded: set aside what an error names; the rest waits, and the slot has failed."""
        unnamed = [suspect for suspect in self._suspects if not suspect.named]
        for suspect in self._suspects:
            if suspect.named:
                self._load.set_aside(suspect.row, suspect.load, suspect.error)
        if unnamed:
            raise self._failure(unnamed)

    def _failure(self, suspects: Sequence[_Suspect]) -> LoadFailed:
        return LoadFailed(
            f"the load of {self._slot} failed: nothing was loaded; tried alone and waiting for the next load: "
            f"{len(suspects)}; the last, {suspects[-1].row['id']}: {suspects[-1].error}"
        )


def _names(error: str, row: Row) -> bool:
    """Whether an error names a file of an object, as Redshift's scan does: ``File name: https://…/bucket/key``."""
    return any(file["path"][len("s3://") :] in error for file in json.loads(row["files"]))
