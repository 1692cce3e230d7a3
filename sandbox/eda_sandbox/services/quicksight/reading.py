"""Reading a data set's rows: through the Redshift Data API, with the data source's credentials."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.services.quicksight.model import DataSet, DataSource, Ingestion, Row

PRINCIPAL = "quicksight.amazonaws.com"
SECRETS_PATH, SECRETS_ROLE = "/service-role/", "aws-quicksight-secretsmanager-role-v0"
"""With it QuickSight reads the secrets that its administrator selected, to fill data sets (its guide, Secrets Manager).
Whoever makes a data source has to be allowed the secret itself."""
LOOK_SECONDS = 5
"""The longest that one look at a statement waits."""
_WINDOW = {"HOUR": timedelta(hours=1), "DAY": timedelta(days=1), "WEEK": timedelta(weeks=1)}


class ReadError(Exception):
    """The rows cannot be read.

    Args:
        kind: ``IngestionErrorType``.
        message: what the user reads.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind

    @property
    def info(self) -> dict[str, str]:
        """As ``ErrorInfo``."""
        return {"Type": self.kind, "Message": str(self)}


def find_workgroup(cloud: Cloud, source: DataSource) -> str:
    """The workgroup that a data source's host belongs to.

    Raises:
        ReadError: there is none, or QuickSight cannot reach it.
    """
    client, wanted = cloud.client("redshift-serverless", principal=PRINCIPAL), source.parameters
    try:
        pages = list(client.get_paginator("list_workgroups").paginate())
    except (ClientError, BotoCoreError) as error:
        raise ReadError("CONNECTION_FAILURE", str(error)) from error
    for workgroup in (found for page in pages for found in page["workgroups"]):
        endpoint = workgroup["endpoint"]
        if endpoint["address"] != wanted["Host"]:
            continue
        if endpoint["port"] != wanted["Port"]:
            raise ReadError("CONNECTION_FAILURE", f"{wanted['Host']} does not listen on port {wanted['Port']}")
        if not workgroup["publiclyAccessible"] and "VpcConnectionProperties" not in source.described:
            raise ReadError(
                "UNROUTABLE_HOST",
                f"{wanted['Host']} is not publicly accessible; QuickSight reaches it through a VPC connection",
            )
        return str(workgroup["workgroupName"])
    raise ReadError("UNRESOLVABLE_HOST", f"the host {wanted['Host']} is unknown")


def check_secret(cloud: Cloud, source: DataSource) -> None:
    """Check that QuickSight was let to read the data source's secret.

    Raises:
        ReadError: it was not.
    """
    if source.secret_arn is None or source.own_secret:
        return
    role = f"arn:aws:iam::{cloud.account}:role{SECRETS_PATH}{SECRETS_ROLE}"
    try:
        cloud.client("secretsmanager", role, PRINCIPAL).get_secret_value(SecretId=source.secret_arn)
    except (ClientError, BotoCoreError, AwsError) as error:
        raise ReadError(
            "PERMISSION_DENIED", f"QuickSight may not read the secret {source.secret_arn}: {error}"
        ) from error


def query(cloud: Cloud, source: DataSource, sql: str, ingestion: Ingestion | None = None) -> Iterator[Row]:
    """The rows of a query; stops with what there is when the ingestion is cancelled.

    Raises:
        ReadError: the source is not there, or refuses the query.
    """
    try:
        client = (
            cloud.client("redshift-data", source.role_arn, PRINCIPAL)
            if source.role_arn
            else cloud.client("redshift-data", principal=PRINCIPAL)
        )
        secret = {"SecretArn": source.secret_arn} if source.secret_arn else {}
        identifier = client.execute_statement(
            WorkgroupName=find_workgroup(cloud, source), Database=source.parameters["Database"], Sql=sql, **secret
        )["Id"]
        while True:
            described = client.describe_statement(Id=identifier, WaitTimeSeconds=LOOK_SECONDS)
            if described["Status"] == "FINISHED":
                break
            if described["Status"] in ("FAILED", "ABORTED"):
                raise ReadError(_kind_of(described.get("Error", "")), described.get("Error", "the query was aborted"))
            if ingestion is not None and ingestion.cancelled.is_set():
                client.cancel_statement(Id=identifier)
                return
        for page in client.get_paginator("get_statement_result").paginate(Id=identifier):
            names = [column["name"] for column in page["ColumnMetadata"]]
            for record in page["Records"]:
                values = (None if "isNull" in cell else next(iter(cell.values())) for cell in record)
                yield dict(zip(names, values, strict=True))
    except ClientError as error:
        denied = "AccessDenied" in error.response["Error"]["Code"]
        raise ReadError("PERMISSION_DENIED" if denied else "CONNECTION_FAILURE", str(error)) from error
    except BotoCoreError as error:
        raise ReadError("CONNECTION_FAILURE", str(error)) from error
    except AwsError as error:
        raise ReadError("FAILURE_TO_ASSUME_ROLE", error.message) from error


def sql_of(data_set: DataSet, since: datetime | None) -> str:
    """The query that reads a data set.

    Args:
        data_set: what is read.
        since: only rows that are as new; for incremental refreshes.
    """
    kind, table = data_set.table
    listed = ", ".join(_quoted(name) for name in data_set.columns) or "*"
    if kind == "CustomSql":
        inner = table["SqlQuery"].strip().rstrip(";")
        source = f"({inner}) AS custom_sql"
    else:
        source = ".".join(_quoted(part) for part in (table.get("Schema"), table["Name"]) if part)
    if since is None:
        return f"SELECT {listed} FROM {source}"  # noqa: S608 - names are quoted
    window = lookback(data_set)
    moment = since.strftime("%Y-%m-%d %H:%M:%S")
    return f"SELECT {listed} FROM {source} WHERE {_quoted(window['ColumnName'])} >= '{moment}'"  # noqa: S608 - as above


def lookback(data_set: DataSet) -> dict[str, Any]:
    """The window of an incremental refresh."""
    properties = data_set.refresh_properties or {}
    window: dict[str, Any] = properties["RefreshConfiguration"]["IncrementalRefresh"]["LookbackWindow"]
    return window


def lookback_start(data_set: DataSet) -> datetime:
    """The oldest moment that an incremental refresh reads now."""
    window = lookback(data_set)
    size: int = window["Size"]
    return datetime.now(UTC) - size * _WINDOW[window["SizeUnit"]]


def converted(row: Row, columns: dict[str, str]) -> Row | None:
    """A row in the data set's types, or None when a value does not fit, which drops the row."""
    if not columns:
        return row
    try:
        return {name: _value(row[name.lower()], kind) for name, kind in columns.items()}
    except (ValueError, InvalidOperation):
        return None


def _value(value: Any, kind: str) -> Any:
    if value is None:
        return None
    match kind:
        case "INTEGER":
            return int(value)
        case "DECIMAL":
            return Decimal(str(value))
        case "BOOLEAN" | "BIT":
            if not isinstance(value, bool):
                raise ValueError(f"{value!r} is no boolean")
            return value
        case "DATETIME":
            return datetime.fromisoformat(str(value))
        case _:
            return str(value)


def _kind_of(error: str) -> str:
    for part, kind in (
        ("password authentication failed", "PASSWORD_AUTHENTICATION_FAILURE"),
        ("permission denied", "PERMISSION_DENIED"),
        ("relation", "SQL_TABLE_NOT_FOUND"),
        ("column", "SQL_SCHEMA_MISMATCH_ERROR"),
    ):
        if part in error:
            return kind
    return "SQL_EXCEPTION"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
