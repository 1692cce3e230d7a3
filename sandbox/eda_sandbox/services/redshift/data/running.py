"""Runs statements: each in a session of its own, a batch in one transaction."""

import logging
from datetime import timedelta
from typing import Any

from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.services.redshift.data.statement import Statement, SubStatement
from eda_sandbox.services.redshift.serverless import RedshiftServerless
from eda_sandbox.services.redshift.sql.errors import Cancelled, SqlError
from eda_sandbox.services.redshift.sql.language import statements
from eda_sandbox.services.redshift.sql.session import Outcome, Session

PRINCIPAL = "redshift-data.amazonaws.com"
RETENTION = timedelta(hours=24)
RESULT_LIMIT = 500 * 1024 * 1024
"""Bytes of a result."""
log = logging.getLogger(__name__)


def run(cloud: Cloud, statement: Statement) -> None:
    """Run a statement to its end, and tell the event bus where that was asked for."""
    statement.move("PICKED")
    status, error = _outcome(cloud, statement)
    for part in statement.parts:
        if part.status in ("SUBMITTED", "STARTED"):
            part.end("ABORTED")
    if statement.session is not None:
        statement.session.close()
    statement.move(status, error)
    if statement.request.get("WithEvent"):
        _send_event(cloud, statement)


def _outcome(cloud: Cloud, statement: Statement) -> tuple[str, str | None]:
    request = statement.request
    try:
        endpoint = cloud.service("redshift-serverless")
        assert isinstance(endpoint, RedshiftServerless)
        session = endpoint.connect(statement.workgroup["workgroupName"], request["Database"], *statement.login)
        statement.session = session
        statement.move("STARTED")
        if statement.cancelled.is_set():
            session.cancel()
        if request.get("ExecutionMode") == "AUTO_COMMIT":
            return _each_alone(session, statement)
        session.in_block = statement.is_batch
        for number, part in enumerate(statement.parts, start=1):
            try:
                _run_part(session, statement, part)
            except SqlError as error:
                return "FAILED", f"Query #{number} failed with {error}" if statement.is_batch else str(error)
        try:
            session.commit()
        except SqlError as error:
            statement.parts[-1].end("FAILED", str(error))
            return "FAILED", str(error)
    except Cancelled as error:
        return "ABORTED", str(error)
    except (SqlError, AwsError) as error:
        return "FAILED", str(error)
    except Exception as error:
        log.exception("statement %s", statement.id)
        return "FAILED", f"ERROR: internal error: {error!r}"
    return "FINISHED", None


def _each_alone(session: Session, statement: Statement) -> tuple[str, str | None]:
    failures = []
    for number, part in enumerate(statement.parts, start=1):
        try:
            _run_part(session, statement, part)
            session.commit()
        except SqlError as error:
            session.rollback()
            part.end("FAILED", str(error))
            failures.append(f"Query #{number} failed with {error}")
    return ("FAILED", "; ".join(failures)) if failures else ("FINISHED", None)


def _run_part(session: Session, statement: Statement, part: SubStatement) -> None:
    part.begin()
    parameters = {item["name"]: item["value"] for item in statement.request.get("Parameters", [])}
    try:
        outcome = Outcome(0)
        for text in statements(part.sql):
            outcome = session.execute(text, parameters)
        part.end("FINISHED", outcome=outcome)
        if part.size > RESULT_LIMIT:
            raise SqlError("Query result exceeds the limit of 500 MB")
    except SqlError as error:
        part.end("FAILED", str(error))
        raise


def _send_event(cloud: Cloud, statement: Statement) -> None:
    described = statement.described()
    detail: dict[str, Any] = {
        "principal": statement.caller.arn,
        "statementName": statement.request.get("StatementName", ""),
        "statementId": statement.id,
        "redshiftQueryId": described["RedshiftQueryId"],
        "state": statement.status,
        "rows": described["ResultRows"],
        "expireAt": int((statement.created + RETENTION).timestamp()),
    }
    cloud.service_event(
        "aws.redshift-data",
        "Redshift Data Statement Status Change",
        detail,
        [statement.workgroup["workgroupArn"]],
    )
