"""Data sources, data sets and ingestions."""

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

ENDED = ("COMPLETED", "FAILED", "CANCELLED")
Row = dict[str, Any]


@dataclass
class DataSource:
    """A database that data sets read from.

    Attributes:
        described: as ``DescribeDataSource`` returns it.
        workgroup: the Redshift workgroup behind its host; empty until the connection has been tried.
        secret_arn: where its credentials are.
        own_secret: whether they lie in a secret that QuickSight made for a credential pair.
        role_arn: the role that it connects as, when it has no credentials.
        permissions: who may use it.
    """

    described: dict[str, Any]
    secret_arn: str | None
    own_secret: bool = False
    role_arn: str | None = None
    workgroup: str = ""
    permissions: list[dict[str, Any]] = field(default_factory=list)

    @property
    def parameters(self) -> dict[str, Any]:
        """Host, port and database."""
        found: dict[str, Any] = self.described["DataSourceParameters"]["RedshiftParameters"]
        return found

    def stamp(self, status: str, error: dict[str, str] | None = None) -> None:
        """Take a further state."""
        self.described = {**self.described, "Status": status, "LastUpdatedTime": datetime.now(UTC)}
        self.described.pop("ErrorInfo", None)
        if error is not None:
            self.described["ErrorInfo"] = error


@dataclass
class Ingestion:
    """One load of a data set's rows into SPICE.

    Attributes:
        id: the caller's.
        arn: with the data set's id in it.
        request_type: ``INITIAL_INGESTION``, ``EDIT``, ``FULL_REFRESH`` or ``INCREMENTAL_REFRESH``.
        cancelled: set to stop it.
    """

    id: str
    arn: str
    request_type: str
    status: str = "INITIALIZED"
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    started: float = field(default_factory=time.monotonic)
    seconds: int = 0
    rows: dict[str, int] | None = None
    size: int = 0
    error: dict[str, str] | None = None
    waits_for: str | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)

    def end(self, status: str, speed: float, error: dict[str, str] | None = None) -> None:
        """Take its last state; one that has ended keeps it.

        Args:
            status: the state.
            speed: AWS's seconds in one real second, as the time it took is AWS's.
            error: type and message.
        """
        if self.status not in ENDED:
            self.error, self.waits_for = error, None
            self.seconds = round((time.monotonic() - self.started) * speed)
            self.status = status

    def described(self) -> dict[str, Any]:
        """As ``Ingestion``."""
        found: dict[str, Any] = {
            "Arn": self.arn,
            "IngestionId": self.id,
            "IngestionStatus": self.status,
            "CreatedTime": self.created,
            "RequestSource": "MANUAL",
            "RequestType": self.request_type,
            "ErrorInfo": self.error,
            "RowInfo": self.rows,
        }
        if self.status in ENDED:
            found |= {"IngestionTimeInSeconds": self.seconds, "IngestionSizeInBytes": self.size}
        if self.status == "QUEUED":
            found["QueueInfo"] = {"WaitingOnIngestion": self.id, "QueuedIngestion": self.waits_for}
        return found


@dataclass
class DataSet:
    """A data set and what SPICE holds of it.

    Attributes:
        described: as ``DescribeDataSet`` returns it.
        permissions: who may use it.
        refresh_properties: for incremental refreshes.
        ingestions: by id, oldest first.
        manual: when refreshes were asked for, in AWS's seconds.
        rows: what SPICE holds.
        size: its bytes.
    """

    described: dict[str, Any]
    permissions: list[dict[str, Any]] = field(default_factory=list)
    refresh_properties: dict[str, Any] | None = None
    ingestions: dict[str, Ingestion] = field(default_factory=dict)
    manual: list[float] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    size: int = 0

    @property
    def is_spice(self) -> bool:
        """Whether its rows are kept."""
        return bool(self.described["ImportMode"] == "SPICE")

    @property
    def table(self) -> tuple[str, dict[str, Any]]:
        """The one physical table: ``RelationalTable`` or ``CustomSql``, and what is in it."""
        [physical] = self.described["PhysicalTableMap"].values()
        [(kind, table)] = physical.items()
        return kind, table

    @property
    def columns(self) -> dict[str, str]:
        """Types by column name."""
        kind, table = self.table
        columns = table["InputColumns"] if kind == "RelationalTable" else table.get("Columns", [])
        return {column["Name"]: column["Type"] for column in columns}

    def active(self) -> list[Ingestion]:
        """Ingestions that have not ended, oldest first."""
        return [ingestion for ingestion in self.ingestions.values() if ingestion.status not in ENDED]
