"""The API of the Redshift Data service."""

import json
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from botocore.exceptions import ClientError

from eda_sandbox.foundation.caller import Caller
from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.foundation.service import Service
from eda_sandbox.services.redshift.data.running import PRINCIPAL, RETENTION, run
from eda_sandbox.services.redshift.data.statement import ENDED, Statement, SubStatement
from eda_sandbox.services.redshift.offered import OFFERED_DATA
from eda_sandbox.services.redshift.serverless import RedshiftServerless
from eda_sandbox.services.redshift.sql.errors import SqlError
from eda_sandbox.services.redshift.sql.language import statements

ACTIVE_STATEMENTS = 500
"""Per workgroup: submitted and not ended."""
SQL_LIMIT = 100 * 1024
"""Bytes of one SQL text."""
STATEMENT_NAME_LIMIT = 500
WORKERS = 16
INTERRUPT_SECONDS = 0.02
_ON_WORKGROUP = (
    "ExecuteStatement",
    "BatchExecuteStatement",
    "ListTables",
    "DescribeTable",
    "ListSchemas",
    "ListDatabases",
)


class RedshiftData(Service):
    """Statements on the databases of Redshift Serverless."""

    name = "redshift-data"
    offered = OFFERED_DATA

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._lock = threading.RLock()
        self._statements: dict[str, Statement] = {}
        self._tokens: dict[tuple[str, str], Statement] = {}
        self._expired: set[str] = set()
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="redshift-data")

    def stop(self) -> None:
        """Stop what runs."""
        for statement in self.statements():
            if statement.status not in ENDED:
                self._cancel(statement)
        self._pool.shutdown(wait=True, cancel_futures=True)

    def statements(self) -> list[Statement]:
        """All statements of all senders, oldest first; for tests and the demo, as the API shows each only its own."""
        with self._lock:
            return list(self._statements.values())

    def resource_arn(self, operation: str, request: dict[str, Any]) -> str:
        """The workgroup; statements have no ARN."""
        if operation not in _ON_WORKGROUP or "WorkgroupName" not in request:
            return "*"
        try:
            return str(self._workgroup(request["WorkgroupName"])["workgroupArn"])
        except AwsError:
            return "*"

    def execute_statement(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """ExecuteStatement."""
        if self._count(request["Sql"]) > 1:
            raise AwsError("ValidationException", "Sql holds more than one statement; use BatchExecuteStatement.")
        return self._submit(request, [request["Sql"]], caller)

    def batch_execute_statement(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """BatchExecuteStatement."""
        return self._submit(request, request["Sqls"], caller)

    def describe_statement(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DescribeStatement, of a statement or of one of a batch (``id:2``)."""
        statement, part = self._find(request["Id"], caller)
        statement.ended.wait(request.get("WaitTimeSeconds", 0))
        described = statement.described()
        if part is not None:
            described.pop("SubStatements", None)
            described |= part.described()
        return described

    def get_statement_result(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetStatementResult."""
        statement, part = self._find(request["Id"], caller)
        statement.ended.wait(request.get("WaitTimeSeconds", 0))
        chosen = part or (None if statement.is_batch else statement.parts[0])
        if statement.status != "FINISHED" or chosen is None or not chosen.has_result:
            raise AwsError(
                "ResourceNotFoundException",
                "Query does not have result. Please check query status with DescribeStatement.",
                ResourceId=request["Id"],
            )
        return chosen.result(_start(request))

    def list_statements(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """ListStatements: the caller's role's, newest first; only finished ones unless ``Status`` says otherwise."""
        self._forget_old()
        wanted, owner = request.get("Status", "FINISHED"), _owner(caller)
        found = [
            statement.listed()
            for statement in reversed(self.statements())
            if statement.owner == owner
            and (request.get("RoleLevel", True) or statement.caller.arn == caller.arn)
            and wanted in ("ALL", statement.status)
            and statement.request.get("StatementName", "").startswith(request.get("StatementName", ""))
            and request.get("Database", statement.request["Database"]) == statement.request["Database"]
            and request.get("WorkgroupName", statement.request["WorkgroupName"]) == statement.request["WorkgroupName"]
        ]
        return _page("Statements", found, request, 100)

    def cancel_statement(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """CancelStatement."""
        statement, _ = self._find(request["Id"], caller)
        if statement.status in ENDED:
            raise AwsError(
                "ValidationException",
                f"Could not cancel a query that is already in {statement.status} state with ID: {statement.id}",
            )
        self._cancel(statement)
        return {"Status": True}

    def list_databases(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """ListDatabases."""
        self._check(request, [])
        workgroup = self._workgroup(request["WorkgroupName"])
        client = self.cloud.client("redshift-serverless", principal=PRINCIPAL)
        namespace = client.get_namespace(namespaceName=workgroup["namespaceName"])["namespace"]
        return {"Databases": [namespace["dbName"]]}

    def list_schemas(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """ListSchemas."""
        rows = self._ask(
            request,
            caller,
            "SELECT schema_name FROM svv_all_schemas WHERE schema_name LIKE :schema ORDER BY 1",
            {"schema": request.get("SchemaPattern", "%")},
        )
        return _page("Schemas", [row[0] for row in rows], request, 1000)

    def list_tables(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """ListTables."""
        rows = self._ask(
            request,
            caller,
            "SELECT table_schema, table_name, table_type FROM svv_tables "
            "WHERE table_schema LIKE :schema AND table_name LIKE :name ORDER BY 1, 2",
            {"schema": request.get("SchemaPattern", "%"), "name": request.get("TablePattern", "%")},
        )
        tables = [
            {"schema": schema, "name": name, "type": "VIEW" if kind == "VIEW" else "TABLE"}
            for schema, name, kind in rows
        ]
        return _page("Tables", tables, request, 1000)

    def describe_table(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DescribeTable."""
        schema, table = request.get("Schema", "public"), request.get("Table", "")
        rows = self._ask(
            request,
            caller,
            "SELECT column_name, data_type, is_nullable, column_default, coalesce(character_maximum_length, 0), "
            "coalesce(numeric_precision, 0), coalesce(numeric_scale, 0) FROM svv_columns "
            "WHERE table_schema = :schema AND table_name = :name ORDER BY ordinal_position",
            {"schema": schema, "name": table},
        )
        columns = [
            {
                "name": name,
                "label": name,
                "typeName": kind,
                "length": length,
                "precision": precision,
                "scale": scale,
                "nullable": 1 if nullable == "YES" else 0,
                "columnDefault": default,
                "schemaName": schema,
                "tableName": table,
            }
            for name, kind, nullable, default, length, precision, scale in rows
        ]
        return {"TableName": table, **_page("ColumnList", columns, request, 1000)}

    def _submit(self, request: dict[str, Any], texts: list[str], caller: Caller) -> dict[str, Any]:
        self._check(request, texts)
        workgroup, owner = self._workgroup(request["WorkgroupName"]), _owner(caller)
        with self._lock:
            self._forget_old()
            known = self._tokens.get((owner, request.get("ClientToken", "")))
        if known is None:
            login = self._login(request, workgroup, caller)
            with self._lock:
                # Two requests with one token may have come this far together.
                known = self._tokens.get((owner, request.get("ClientToken", "")))
                if known is None:
                    return self._started(request, texts, caller, owner, workgroup, login)
        if _without_token(known.request) != _without_token(request):
            raise AwsError("ValidationException", "ClientToken was used before with other parameters.")
        return self._answer(known, request)

    def _started(
        self,
        request: dict[str, Any],
        texts: list[str],
        caller: Caller,
        owner: str,
        workgroup: dict[str, Any],
        login: tuple[str, str],
    ) -> dict[str, Any]:
        active = [
            statement
            for statement in self._statements.values()
            if statement.status not in ENDED and statement.workgroup["workgroupArn"] == workgroup["workgroupArn"]
        ]
        if len(active) >= ACTIVE_STATEMENTS:
            raise AwsError(
                "ActiveStatementsExceededException",
                f"Active statements exceeded the allowed quota ({ACTIVE_STATEMENTS}).",
            )
        identifier, now = str(uuid.uuid4()), datetime.now(UTC)
        batch = "Sqls" in request
        parts = [
            SubStatement(f"{identifier}:{number}" if batch else identifier, text, now)
            for number, text in enumerate(texts, start=1)
        ]
        statement = Statement(identifier, request, caller, owner, workgroup, login, parts, now)
        self._statements[identifier] = statement
        if "ClientToken" in request:
            self._tokens[owner, request["ClientToken"]] = statement
        self._pool.submit(run, self.cloud, statement)
        return self._answer(statement, request)

    def _answer(self, statement: Statement, request: dict[str, Any]) -> dict[str, Any]:
        answer = {
            "Id": statement.id,
            "CreatedAt": statement.created,
            "Database": statement.request["Database"],
            "WorkgroupName": statement.request["WorkgroupName"],
            "SecretArn": statement.request.get("SecretArn"),
            "DbUser": statement.login[0],
        }
        if "WaitTimeSeconds" in request:
            statement.ended.wait(request["WaitTimeSeconds"])
            described = statement.described()
            answer |= {key: described[key] for key in ("Status", "RedshiftPid", "HasResultSet")}
        return answer

    def _check(self, request: dict[str, Any], texts: list[str]) -> None:
        if "SessionId" in request or "SessionKeepAliveSeconds" in request:
            raise AwsError("ValidationException", "the sandbox does not offer sessions of the Data API (SessionId).")
        if request.get("ResultFormat", "JSON") != "JSON":
            raise AwsError("ValidationException", "the sandbox does not offer ResultFormat CSV.")
        if "ClusterIdentifier" in request and "WorkgroupName" in request:
            raise AwsError("ValidationException", "Give ClusterIdentifier or WorkgroupName, not both.")
        if "WorkgroupName" not in request:
            raise AwsError("ValidationException", "the sandbox has serverless workgroups only; give WorkgroupName.")
        if "DbUser" in request:
            raise AwsError(
                "ValidationException", "DbUser is not for serverless workgroups; the IAM identity is the user."
            )
        if not request.get("Database"):
            raise AwsError("ValidationException", "Database is required.")
        if len(request.get("StatementName", "")) > STATEMENT_NAME_LIMIT:
            raise AwsError("ValidationException", f"StatementName has more than {STATEMENT_NAME_LIMIT} characters.")
        names = {item["name"] for item in request.get("Parameters", [])}
        used: set[str] = set()
        for text in texts:
            if not text.strip():
                raise AwsError("ValidationException", "The SQL text is empty.")
            if len(text.encode()) > SQL_LIMIT:
                raise AwsError("ValidationException", "Cannot exceed query statement limit of 100 KB.")
            used |= _parameters(text)
        if unused := sorted(names - used):
            raise AwsError(
                "ValidationException", f"Parameters list contains unused parameters. Unused parameters: {unused}"
            )
        if missing := sorted(used - names) if names else []:
            raise AwsError("ValidationException", f"Parameters used in the SQL are not given: {missing}")

    def _login(self, request: dict[str, Any], workgroup: dict[str, Any], caller: Caller) -> tuple[str, str]:
        """The database user and its password, got in the caller's name."""
        try:
            if "SecretArn" in request:
                client = self.cloud.client_for("secretsmanager", caller)
                secret = json.loads(client.get_secret_value(SecretId=request["SecretArn"])["SecretString"])
                if not secret.get("username") or not secret.get("password"):
                    raise AwsError("ValidationException", "username and password in secret cannot be empty")
                return secret["username"], secret["password"]
            serverless = self.cloud.client_for("redshift-serverless", caller)
            found = serverless.get_credentials(workgroupName=workgroup["workgroupName"], dbName=request["Database"])
        except ClientError as error:
            details = error.response["Error"]
            raise AwsError(
                details["Code"], details["Message"], error.response["ResponseMetadata"]["HTTPStatusCode"]
            ) from error
        except ValueError as error:
            raise AwsError("ValidationException", "the secret is not a JSON object") from error
        return found["dbUser"], found["dbPassword"]

    def _ask(
        self, request: dict[str, Any], caller: Caller, sql: str, parameters: dict[str, str]
    ) -> list[tuple[Any, ...]]:
        self._check(request, [])
        workgroup = self._workgroup(request["WorkgroupName"])
        endpoint = self.cloud.service("redshift-serverless")
        assert isinstance(endpoint, RedshiftServerless)
        try:
            login = self._login(request, workgroup, caller)
            session = endpoint.connect(workgroup["workgroupName"], request["Database"], *login)
            try:
                return session.execute(statements(sql)[0], parameters).rows
            finally:
                session.close()
        except SqlError as error:
            raise AwsError("ValidationException", str(error)) from error

    def _workgroup(self, name: str) -> dict[str, Any]:
        client = self.cloud.client("redshift-serverless", principal=PRINCIPAL)
        if name.startswith("arn:"):
            for page in client.get_paginator("list_workgroups").paginate():
                for workgroup in page["workgroups"]:
                    if workgroup["workgroupArn"] == name:
                        return dict(workgroup)
        else:
            try:
                return dict(client.get_workgroup(workgroupName=name)["workgroup"])
            except client.exceptions.ResourceNotFoundException:
                pass
        raise AwsError("ResourceNotFoundException", f"Redshift workgroup {name} doesn't exist.", ResourceId=name)

    def _find(self, identifier: str, caller: Caller) -> tuple[Statement, SubStatement | None]:
        self._forget_old()
        base, _, number = identifier.partition(":")
        statement = self._statements.get(base)
        if statement is not None and statement.owner == _owner(caller):
            if not number:
                return statement, None
            if statement.is_batch and 1 <= int(number) <= len(statement.parts):
                return statement, statement.parts[int(number) - 1]
        if base in self._expired:
            # As the Terraform provider knows it (its `FindStatementByID`).
            raise AwsError(
                "ValidationException", "Could not retrieve the query result as it has expired after 1 day(s)."
            )
        raise AwsError("ResourceNotFoundException", "Query does not exist.", ResourceId=identifier)

    def _cancel(self, statement: Statement) -> None:
        statement.cancelled.set()

        def interrupt() -> None:
            # Again until it has ended: an interruption that comes between two of its queries stops neither.
            while not statement.ended.wait(INTERRUPT_SECONDS):
                if statement.session is not None:
                    statement.session.cancel()
                elif self.cloud.stopping.is_set():
                    return

        self.cloud.spawn(interrupt, f"cancel-{statement.id}")

    def _forget_old(self) -> None:
        oldest = datetime.now(UTC) - RETENTION
        with self._lock:
            for statement in [found for found in self._statements.values() if found.created < oldest]:
                del self._statements[statement.id]
                self._expired.add(statement.id)
                self._tokens.pop((statement.owner, statement.request.get("ClientToken", "")), None)

    def _count(self, sql: str) -> int:
        try:
            return len(statements(sql))
        except SqlError:
            # It fails when it runs, with the database's own words.
            return 1


def _owner(caller: Caller) -> str:
    if caller.service is not None:
        return caller.service
    return caller.arn.rpartition("/")[0] if ":assumed-role/" in caller.arn else caller.arn


def _without_token(request: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in request.items() if key not in ("ClientToken", "WaitTimeSeconds")}


def _parameters(text: str) -> set[str]:
    try:
        items = [token for statement in statements(text) for token in statement.items]
    except SqlError:
        return set()
    return {name.text for colon, name in pairwise(items) if colon.text == ":" and name.start == colon.end + 1}


def _start(request: dict[str, Any]) -> int:
    token = request.get("NextToken", "0")
    if not token.isdecimal():
        raise AwsError("ValidationException", "NextToken is not one that was returned.")
    return int(token)


def _page(member: str, items: list[Any], request: dict[str, Any], size: int) -> dict[str, Any]:
    start, count = _start(request), request.get("MaxResults") or size
    following = {"NextToken": str(start + count)} if start + count < len(items) else {}
    return {member: items[start : start + count], **following}
