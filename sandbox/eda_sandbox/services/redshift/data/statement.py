"""One request to run SQL, and what has become of it."""

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from eda_sandbox.foundation.caller import Caller
from eda_sandbox.services.redshift.sql.session import Outcome, Session
from eda_sandbox.services.redshift.sql.types import VARCHAR_MAX
from eda_sandbox.services.redshift.sql.types import field as wire_field

ENDED = ("FINISHED", "FAILED", "ABORTED")
PAGE_ROWS = 1000


@dataclass
class SubStatement:
    """One SQL text of a statement, with its own state; in the order of the API's states."""

    id: str
    sql: str
    created: datetime
    status: str = "SUBMITTED"
    updated: datetime | None = None
    error: str | None = None
    outcome: Outcome | None = None
    started: float | None = None
    duration: int = -1
    """Nanoseconds."""
    size: int = -1
    """Bytes of the result."""

    def begin(self) -> None:
        """It runs."""
        self.status, self.updated, self.started = "STARTED", datetime.now(UTC), time.monotonic()

    def end(self, status: str, error: str | None = None, outcome: Outcome | None = None) -> None:
        """It has ended, or never runs."""
        self.status, self.error, self.outcome, self.updated = status, error, outcome, datetime.now(UTC)
        if self.started is not None:
            self.duration = int((time.monotonic() - self.started) * 1e9)
        if outcome is not None and outcome.columns is not None:
            self.size = sum(len(str(value)) for row in outcome.rows for value in row if value is not None)

    @property
    def has_result(self) -> bool:
        """Whether there are rows to fetch, be it none."""
        return self.status == "FINISHED" and self.outcome is not None and self.outcome.columns is not None

    def described(self) -> dict[str, Any]:
        """As ``SubStatementData``."""
        outcome = self.outcome
        return {
            "Id": self.id,
            "QueryString": self.sql,
            "Status": self.status,
            "Error": self.error,
            "CreatedAt": self.created,
            "UpdatedAt": self.updated or self.created,
            "Duration": self.duration,
            "HasResultSet": self.has_result,
            "ResultRows": outcome.count if outcome is not None else -1,
            "ResultSize": self.size,
            "RedshiftQueryId": outcome.query_id if outcome is not None else -1,
        }

    def result(self, start: int) -> dict[str, Any]:
        """A page of the result, as ``GetStatementResult`` returns it."""
        assert self.outcome is not None
        assert self.outcome.columns is not None
        rows = self.outcome.rows[start : start + PAGE_ROWS]
        following = {"NextToken": str(start + PAGE_ROWS)} if start + PAGE_ROWS < len(self.outcome.rows) else {}
        columns = []
        for name, kind in self.outcome.columns:
            type_name, precision, scale = kind.wire
            columns.append(
                {
                    "name": name,
                    "label": name,
                    "typeName": type_name,
                    "precision": precision,
                    "scale": scale,
                    "length": 0 if not kind.is_string else kind.length or VARCHAR_MAX,
                    "nullable": 1,
                    "isSigned": type_name in ("int2", "int4", "int8", "float4", "float8", "numeric"),
                    "isCaseSensitive": kind.is_string,
                    "isCurrency": False,
                    "schemaName": "",
                    "tableName": "",
                }
            )
        return {
            "Records": [[wire_field(value) for value in row] for row in rows],
            "ColumnMetadata": columns,
            "TotalNumRows": len(self.outcome.rows),
            **following,
        }


@dataclass
class Statement:
    """What one ``ExecuteStatement`` or ``BatchExecuteStatement`` started.

    Attributes:
        id: UUID.
        request: its parameters.
        caller: who sent it.
        owner: whose further calls may look at it: the caller's role, without the session.
        workgroup: as ``GetWorkgroup`` returns it.
        login: database user and password.
        parts: its SQL texts; one when it is no batch.
        session: where it runs, once it does.
        ended: set with the last state.
    """

    id: str
    request: dict[str, Any]
    caller: Caller
    owner: str
    workgroup: dict[str, Any]
    login: tuple[str, str]
    parts: list[SubStatement]
    created: datetime
    status: str = "SUBMITTED"
    updated: datetime | None = None
    error: str | None = None
    started: float | None = None
    duration: int = -1
    session: Session | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def is_batch(self) -> bool:
        """Whether it came by ``BatchExecuteStatement``."""
        return "Sqls" in self.request

    def move(self, status: str, error: str | None = None) -> None:
        """Take a further state."""
        self.status, self.error, self.updated = status, error, datetime.now(UTC)
        if status == "STARTED":
            self.started = time.monotonic()
        if status in ENDED:
            if self.started is not None:
                self.duration = int((time.monotonic() - self.started) * 1e9)
            self.ended.set()

    def described(self) -> dict[str, Any]:
        """As ``DescribeStatement`` returns it."""
        first = self.parts[0].described()
        found: dict[str, Any] = {
            "Id": self.id,
            "Status": self.status,
            "Error": self.error,
            "CreatedAt": self.created,
            "UpdatedAt": self.updated or self.created,
            "Duration": self.duration,
            "Database": self.request["Database"],
            "WorkgroupName": self.request["WorkgroupName"],
            "SecretArn": self.request.get("SecretArn"),
            "DbUser": self.login[0],
            "QueryParameters": self.request.get("Parameters"),
            "RedshiftPid": self.session.process_id if self.session is not None else 0,
            "HasResultSet": self.status == "FINISHED" and any(part.has_result for part in self.parts),
            "ResultFormat": "JSON",
            **{key: -1 if self.is_batch else first[key] for key in ("ResultRows", "ResultSize", "RedshiftQueryId")},
        }
        if self.is_batch:
            found["SubStatements"] = [part.described() for part in self.parts]
            found["ExecutionMode"] = self.request.get("ExecutionMode", "TRANSACTION")
        else:
            found["QueryString"] = self.parts[0].sql
        return found

    def listed(self) -> dict[str, Any]:
        """As ``StatementData``."""
        texts = [part.sql for part in self.parts]
        return {
            "Id": self.id,
            "Status": self.status,
            "StatementName": self.request.get("StatementName"),
            "CreatedAt": self.created,
            "UpdatedAt": self.updated or self.created,
            "SecretArn": self.request.get("SecretArn"),
            "QueryParameters": self.request.get("Parameters"),
            "IsBatchStatement": self.is_batch,
            "ResultFormat": "JSON",
            **({"QueryStrings": texts} if self.is_batch else {"QueryString": texts[0]}),
        }
