"""A query execution: its states, its statistics, its results."""

import json
import logging
import shutil
import threading
import time
import uuid
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from eda_sandbox.foundation.caller import Caller
from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.services.athena import results
from eda_sandbox.services.athena.engine import Engine
from eda_sandbox.services.athena.errors import ACCESS_DENIED, CANCELLED, INTERNAL, QueryCancelled, QueryError
from eda_sandbox.services.athena.language import Statement
from eda_sandbox.services.athena.outcome import Outcome
from eda_sandbox.services.athena.storage import Storage, split
from eda_sandbox.services.athena.workgroups import ENGINE, Workgroup

QUEUED, RUNNING, SUCCEEDED, FAILED, STOPPED = "QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"
ENDED = (SUCCEEDED, FAILED, STOPPED)
_WRITERS = ("UNLOAD", "INSERT", "CREATE_TABLE_AS_SELECT")

log = logging.getLogger(__name__)


class Execution:
    """A query execution.

    Args:
        cloud: the embedded AWS.
        caller: in whose name it reads and writes.
        request: of ``StartQueryExecution``.
        statement: what it runs.
        workgroup: as it is now.
        configuration: where and how results are written.
    """

    def __init__(
        self,
        cloud: Cloud,
        caller: Caller,
        request: dict[str, Any],
        statement: Statement,
        workgroup: Workgroup,
        configuration: dict[str, Any],
    ) -> None:
        self.id = str(uuid.uuid4())
        self.kind, self.type = statement.kind, statement.type
        self._statement: Statement | None = statement
        self.workgroup = workgroup.name
        self.state = QUEUED
        self.outcome = Outcome()
        self._cloud = cloud
        self._caller = caller
        self._request = request
        self._cutoff, self._enforced = workgroup.cutoff, workgroup.enforced
        self._configuration = configuration
        self._folder = cloud.folder / "athena" / self.id
        self._base = configuration["OutputLocation"].rstrip("/") + "/"
        self._lock = threading.Lock()
        self._cancelled = threading.Event()
        self._engine: Engine | None = None
        self._submitted = cloud.clock.now()
        self._completed: Any = None
        self._reason: str | None = None
        self._error: dict[str, Any] | None = None
        self._scanned = 0
        self._sequence = 0
        self._times = {"queued": time.monotonic()}

    @property
    def output_location(self) -> str:
        """The result's address."""
        match self.kind, self.type:
            case "SELECT", _:
                return f"{self._base}{self.id}.csv"
            case "CREATE_TABLE_AS_SELECT", _:
                return f"{self._base}tables/{self.id}"
            case (("UNLOAD" | "INSERT"), _):
                return f"{self._base}{self.id}"
            case _:
                return f"{self._base}{self.id}.txt"

    @property
    def is_ddl(self) -> bool:
        """Whether it counts against the quota of DDL queries."""
        return self.type == "DDL" and self.kind != "CREATE_TABLE_AS_SELECT"

    def accept(self) -> None:
        """It is queued."""
        self._report(None)

    def run(self) -> None:
        """Run it, on a thread of the pool."""
        with self._lock:
            statement = self._statement
            if self.state != QUEUED or statement is None:
                return
            self._times["started"] = time.monotonic()
            self._move(RUNNING)
        try:
            self._execute(statement)
            self._end(SUCCEEDED)
        except QueryCancelled as cancelled:
            self._end(STOPPED, str(cancelled), CANCELLED)
        except QueryError as error:
            self._end(FAILED, error.reason, error.error_type, error.category)
        except (AwsError, ClientError, BotoCoreError) as error:
            self._end(FAILED, str(error), ACCESS_DENIED)
        except Exception as error:
            log.exception("the query %s failed in the sandbox", self.id)
            self._end(FAILED, f"GENERIC_INTERNAL_ERROR: {error!r}", INTERNAL, 1)
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def stop(self) -> None:
        """StopQueryExecution; one that has ended stays as it is."""
        with self._lock:
            if self.state in ENDED:
                return
            self._cancelled.set()
            queued, engine = self.state == QUEUED, self._engine
            if engine is not None:
                engine.interrupt()
        if queued:
            self._end(STOPPED, "Query cancelled by user", CANCELLED)

    def read_results(self, caller: Caller) -> list[list[str | None]]:
        """The result's rows, with the header of a SELECT, read with the caller's permissions.

        Raises:
            AwsError: the query has not succeeded, or the result is not there for the caller.
        """
        if self.state != SUCCEEDED:
            if self.state in ENDED:
                message = f"Query did not finish successfully. Final query state: {self.state}"
            else:
                message = f"Query has not yet finished. Current state: {self.state}"
            raise AwsError("InvalidRequestException", message, AthenaErrorCode="INVALID_QUERY_EXECUTION_ID")
        if self.kind in _WRITERS:
            return []
        bucket, key = split(self.output_location)
        try:
            body = self._cloud.client_for("s3", caller).get_object(Bucket=bucket, Key=key)["Body"].read().decode()
        except ClientError as error:
            raise AwsError(
                "InvalidRequestException",
                f"Could not find results: {error.response['Error']['Message']}",
                AthenaErrorCode="RESULTS_NOT_FOUND",
            ) from error
        except BotoCoreError as error:
            raise AwsError("InternalServerException", f"The results cannot be read: {error}", 500) from error
        if self.kind == "SELECT":
            return list(results.rows(body, len(self.outcome.columns)))
        return [[line] for line in body.splitlines()]

    def described(self) -> dict[str, Any]:
        """As ``GetQueryExecution`` returns it."""
        with self._lock:
            status = {
                "State": self.state,
                "SubmissionDateTime": self._submitted,
                "CompletionDateTime": self._completed,
                "StateChangeReason": self._reason,
                "AthenaError": self._error,
            }
            configuration = {**self._configuration, "OutputLocation": self.output_location}
            described = {
                "QueryExecutionId": self.id,
                "Query": self._request["QueryString"],
                "StatementType": self.type,
                "SubstatementType": self.kind,
                "ResultConfiguration": configuration,
                "ResultReuseConfiguration": {"ResultReuseByAgeConfiguration": {"Enabled": False}},
                "QueryExecutionContext": self._request.get("QueryExecutionContext", {}),
                "Status": {name: value for name, value in status.items() if value is not None},
                "Statistics": self._statistics(),
                "WorkGroup": self.workgroup,
                "EngineVersion": {"SelectedEngineVersion": "AUTO", "EffectiveEngineVersion": ENGINE},
            }
            if self._request.get("ExecutionParameters"):
                described["ExecutionParameters"] = self._request["ExecutionParameters"]
            return described

    def _execute(self, statement: Statement) -> None:
        context = self._request.get("QueryExecutionContext", {})
        storage = Storage(
            self._cloud.client_for("s3", self._caller),
            self._configuration.get("EncryptionConfiguration", {}),
            self._cancelled,
        )
        engine = Engine(
            self._cloud.client_for("glue", self._caller),
            storage,
            self._folder,
            context["Database"].lower() if context.get("Database") else None,
            self._cutoff,
            f"{self._base}tables/{self.id}/",
            self._enforced,
            self._cloud.clock.now,
            self._cancelled,
        )
        with self._lock:
            self._engine = engine
        try:
            storage.check_cancelled()
            self.outcome = engine.run(statement)
            self._times["processed"] = time.monotonic()
            self._write_results(storage)
        finally:
            self._scanned = engine.scanned
            with self._lock:
                self._engine = None
            engine.close()

    def _write_results(self, storage: Storage) -> None:
        acl = self._configuration.get("AclConfiguration", {}).get("S3AclOption", "").lower().replace("_", "-") or None
        bucket, key = split(self.output_location)
        outcome = self.outcome
        if self.kind == "SELECT":
            header: list[str | None] = [column["Name"] for column in outcome.columns]
            storage.write(bucket, key, results.csv([header, *outcome.rows]), acl)
        elif self.kind not in _WRITERS:
            lines = "".join(f"{row[0]}\n" for row in outcome.rows)
            storage.write(bucket, key, lines.encode(), acl)
        metadata = json.dumps({"columns": outcome.columns}).encode()
        storage.write(bucket, f"{key}.metadata", metadata, acl)
        if outcome.manifest is not None:
            listed = "".join(f"{path}\n" for path in outcome.manifest)
            storage.write(*split(self._manifest_location), listed.encode(), acl)
        # The rows lie in S3 now, where GetQueryResults reads them.
        outcome.rows = []

    @property
    def _manifest_location(self) -> str:
        return f"{self.output_location}-manifest.csv"

    def _end(self, state: str, reason: str | None = None, error_type: int | None = None, category: int = 2) -> None:
        with self._lock:
            if self.state in ENDED:
                return
            self._completed = self._cloud.clock.now()
            self._times["ended"] = time.monotonic()
            self._reason = reason
            if error_type is not None:
                self._error = {
                    "ErrorCategory": category,
                    "ErrorType": error_type,
                    "Retryable": False,
                    "ErrorMessage": reason,
                }
            # What it was parsed to weighs more than all else of it.
            self._statement = None
            self._move(state)

    def _move(self, state: str) -> None:
        before, self.state = self.state, state
        self._report(before)

    def _report(self, before: str | None) -> None:
        self._sequence += 1
        detail: dict[str, Any] = {
            "versionId": "0",
            "currentState": self.state,
            **({"previousState": before} if before else {}),
            "statementType": self.type,
            "queryExecutionId": self.id,
            "workgroupName": self.workgroup,
            "sequenceNumber": str(self._sequence),
        }
        if self.state == FAILED and self._error is not None:
            detail["athenaError"] = {
                "errorCategory": float(self._error["ErrorCategory"]),
                "errorType": float(self._error["ErrorType"]),
                "errorMessage": self._error["ErrorMessage"],
                "retryable": self._error["Retryable"],
            }
        self._cloud.service_event("aws.athena", "Athena Query State Change", detail)

    def _statistics(self) -> dict[str, Any]:
        now = time.monotonic()
        queued, ended = self._times["queued"], self._times.get("ended", now)
        started = self._times.get("started", ended)
        processed = self._times.get("processed", ended)

        def milliseconds(begin: float, end: float) -> int:
            return round((end - begin) * 1000)

        found = {
            "EngineExecutionTimeInMillis": milliseconds(started, processed),
            "DataScannedInBytes": self._scanned,
            "TotalExecutionTimeInMillis": milliseconds(queued, ended),
            "QueryQueueTimeInMillis": milliseconds(queued, started),
            "ServiceProcessingTimeInMillis": milliseconds(processed, ended),
            "ResultReuseInformation": {"ReusedPreviousResult": False},
        }
        if self.outcome.manifest is not None:
            found["DataManifestLocation"] = self._manifest_location
        return found
