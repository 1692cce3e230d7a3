"""The API of Athena."""

import threading
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import ClientError

from eda_sandbox.foundation.caller import Caller
from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.foundation.service import Service
from eda_sandbox.services.athena.errors import MalformedQuery
from eda_sandbox.services.athena.execution import ENDED, Execution
from eda_sandbox.services.athena.language import Statement, read
from eda_sandbox.services.athena.offered import OFFERED
from eda_sandbox.services.athena.storage import split
from eda_sandbox.services.athena.workgroups import PRIMARY, Workgroup, Workgroups, invalid

THREADS = 2
"""Queries that run at the same time; others are queued."""
TOKEN_LENGTHS = range(32, 129)
_NAMED_QUERY = ("Name", "Description", "Database", "QueryString")
QUERY_BYTES = 262_144
"""Length of a query (Athena's limit)."""


class Athena(Service):
    """Workgroups, queries and named queries.

    Attributes:
        active_dml_quota: DML queries, and CREATE TABLE AS, that are queued or run (Athena's smallest default).
        active_ddl_quota: DDL queries that are queued or run (Athena's default).
    """

    name = "athena"
    offered = OFFERED

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self.active_dml_quota = 25
        self.active_ddl_quota = 20
        self._lock = threading.RLock()
        self._workgroups = Workgroups(cloud.clock.now())
        self._executions: dict[str, Execution] = {}
        self._tokens: dict[str, tuple[dict[str, Any], str]] = {}
        self._named: dict[str, dict[str, Any]] = {}
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="athena")

    def stop(self) -> None:
        """Cancel what runs."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        for execution in self._all():
            execution.stop()
        self._pool.shutdown(wait=True)

    def resource_arns(self, operation: str, request: dict[str, Any]) -> list[str]:
        """The workgroups."""
        if "ResourceARN" in request:
            return [request["ResourceARN"]]
        if operation in ("ListWorkGroups", "ListEngineVersions"):
            return ["*"]
        if "WorkGroup" in operation:
            return [self._arn(request.get("WorkGroup", request.get("Name")))]
        queries, named = _ids(request, "QueryExecutionId"), _ids(request, "NamedQueryId")
        with self._lock:
            found = {self._executions[id].workgroup for id in queries if id in self._executions}
            found |= {self._named[id]["WorkGroup"] for id in named if id in self._named}
        if not queries and not named:
            found = {request.get("WorkGroup", PRIMARY)}
        return [self._arn(name) for name in sorted(found)] or ["*"]

    def create_work_group(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """CreateWorkGroup."""
        self._workgroups.create(request, self.cloud.clock.now())
        return {}

    def get_work_group(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetWorkGroup."""
        return {"WorkGroup": self._workgroups.named(request["WorkGroup"]).described()}

    def list_work_groups(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """ListWorkGroups."""
        return _page("WorkGroups", [workgroup.summary() for workgroup in self._workgroups.all()], request, 50)

    def update_work_group(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """UpdateWorkGroup."""
        self._workgroups.named(request["WorkGroup"]).update(request)
        return {}

    def delete_work_group(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DeleteWorkGroup; one that holds queries is deleted with ``RecursiveDeleteOption`` only."""
        name = self._workgroups.named(request["WorkGroup"]).name
        with self._lock:
            queries = [id for id, execution in self._executions.items() if execution.workgroup == name]
            named = [id for id, query in self._named.items() if query["WorkGroup"] == name]
            if (queries or named) and not request.get("RecursiveDeleteOption"):
                raise invalid(f"WorkGroup {name} is not empty")
            self._workgroups.delete(name)
            for id in named:
                del self._named[id]
        return {}

    def start_query_execution(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """StartQueryExecution; the same token and the same parameters are the same execution, also when it failed."""
        parameters = {key: value for key, value in request.items() if key != "ClientRequestToken"}
        token = request.get("ClientRequestToken")
        if token is None or len(token) not in TOKEN_LENGTHS:
            raise invalid("Parameter ClientRequestToken must have a length of 32 to 128")
        workgroup = self._workgroups.named(request.get("WorkGroup", PRIMARY))
        known = self._known(token, parameters)
        if known is not None:
            return {"QueryExecutionId": known}
        statement, configuration = self._checked(request, workgroup, caller)
        with self._lock:
            # Another request with the token may have come first.
            known = self._known(token, parameters)
            if known is not None:
                return {"QueryExecutionId": known}
            execution = Execution(self.cloud, caller, request, statement, workgroup, configuration)
            self._check_quota(execution)
            self._executions[execution.id] = execution
            self._tokens[token] = (parameters, execution.id)
            execution.accept()
        self._pool.submit(execution.run)
        return {"QueryExecutionId": execution.id}

    def get_query_execution(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetQueryExecution."""
        return {"QueryExecution": self._execution(request["QueryExecutionId"]).described()}

    def batch_get_query_execution(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """BatchGetQueryExecution."""
        found, missing = [], []
        for id in request["QueryExecutionIds"]:
            with self._lock:
                execution = self._executions.get(id)
            if execution is not None:
                found.append(execution.described())
            else:
                message = f"QueryExecution {id} was not found"
                missing.append(
                    {"QueryExecutionId": id, "ErrorCode": "INVALID_QUERY_EXECUTION_ID", "ErrorMessage": message}
                )
        return {"QueryExecutions": found, "UnprocessedQueryExecutionIds": missing}

    def list_query_executions(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """ListQueryExecutions, the newest first."""
        workgroup = self._workgroups.named(request.get("WorkGroup", PRIMARY)).name
        ids = [execution.id for execution in reversed(self._all()) if execution.workgroup == workgroup]
        return _page("QueryExecutionIds", ids, request, 50)

    def stop_query_execution(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """StopQueryExecution."""
        self._execution(request["QueryExecutionId"]).stop()
        return {}

    def get_query_results(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetQueryResults; the first row of a SELECT is its header."""
        execution = self._execution(request["QueryExecutionId"])
        rows = [
            {"Data": [{} if value is None else {"VarCharValue": value} for value in row]}
            for row in execution.read_results(caller)
        ]
        page = _page("Rows", rows, request, 1000)
        answer: dict[str, Any] = {
            "ResultSet": {"Rows": page["Rows"], "ResultSetMetadata": {"ColumnInfo": execution.outcome.columns}},
            "UpdateCount": execution.outcome.update_count or 0,
        }
        if "NextToken" in page:
            answer["NextToken"] = page["NextToken"]
        return answer

    def create_named_query(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """CreateNamedQuery."""
        workgroup = self._workgroups.named(request.get("WorkGroup", PRIMARY)).name
        id = str(uuid.uuid4())
        kept: dict[str, Any] = {key: request[key] for key in _NAMED_QUERY if key in request}
        with self._lock:
            self._named[id] = {**kept, "NamedQueryId": id, "WorkGroup": workgroup}
        return {"NamedQueryId": id}

    def get_named_query(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetNamedQuery."""
        return {"NamedQuery": self._named_query(request["NamedQueryId"])}

    def batch_get_named_query(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """BatchGetNamedQuery."""
        ids = request["NamedQueryIds"]
        with self._lock:
            found = [self._named[id] for id in ids if id in self._named]
            missing = [{"NamedQueryId": id, "ErrorCode": "INVALID_INPUT"} for id in ids if id not in self._named]
        return {"NamedQueries": found, "UnprocessedNamedQueryIds": missing}

    def list_named_queries(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """ListNamedQueries."""
        workgroup = self._workgroups.named(request.get("WorkGroup", PRIMARY)).name
        with self._lock:
            ids = [id for id, query in self._named.items() if query["WorkGroup"] == workgroup]
        return _page("NamedQueryIds", ids, request, 50)

    def update_named_query(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """UpdateNamedQuery."""
        changes: dict[str, Any] = {key: request[key] for key in _NAMED_QUERY if key in request}
        self._named_query(request["NamedQueryId"]).update(changes)
        return {}

    def delete_named_query(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DeleteNamedQuery."""
        self._named_query(request["NamedQueryId"])
        with self._lock:
            del self._named[request["NamedQueryId"]]
        return {}

    def tag_resource(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """TagResource, of workgroups."""
        self._tagged(request).update({tag["Key"]: tag.get("Value", "") for tag in request["Tags"]})
        return {}

    def untag_resource(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """UntagResource, of workgroups."""
        tags = self._tagged(request)
        for key in request["TagKeys"]:
            tags.pop(key, None)
        return {}

    def list_tags_for_resource(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """ListTagsForResource, of workgroups."""
        tags = [{"Key": key, "Value": value} for key, value in self._tagged(request).items()]
        return _page("Tags", tags, request, 100)

    def _checked(
        self, request: dict[str, Any], workgroup: Workgroup, caller: Caller
    ) -> tuple[Statement, dict[str, Any]]:
        if workgroup.state != "ENABLED":
            raise invalid(f"WorkGroup {workgroup.name} is disabled.")
        if len(request["QueryString"].encode()) > QUERY_BYTES:
            raise invalid(f"queryString is longer than {QUERY_BYTES} bytes")
        if request.get("ResultReuseConfiguration", {}).get("ResultReuseByAgeConfiguration", {}).get("Enabled"):
            raise invalid("the sandbox does not reuse results (ResultReuseByAgeConfiguration)")
        catalog = request.get("QueryExecutionContext", {}).get("Catalog", "AwsDataCatalog")
        if catalog.lower() != "awsdatacatalog":
            raise invalid(f"the sandbox has the catalog AwsDataCatalog only, not {catalog}")
        configuration = workgroup.results(request.get("ResultConfiguration", {}))
        try:
            statement = read(request["QueryString"], request.get("ExecutionParameters", []))
        except MalformedQuery as error:
            raise invalid(str(error), "MALFORMED_QUERY") from error
        bucket = split(configuration["OutputLocation"])[0]
        try:
            self.cloud.client_for("s3", caller).get_bucket_location(Bucket=bucket)
        except ClientError as error:
            raise invalid(f"Unable to verify/create output bucket {bucket}") from error
        return statement, configuration

    def _known(self, token: str, parameters: dict[str, Any]) -> str | None:
        with self._lock:
            known = self._tokens.get(token)
        if known is None:
            return None
        if known[0] != parameters:
            raise invalid("Idempotent parameters do not match")
        return known[1]

    def _check_quota(self, execution: Execution) -> None:
        active = [e for e in self._executions.values() if e.state not in ENDED and e.is_ddl == execution.is_ddl]
        quota = self.active_ddl_quota if execution.is_ddl else self.active_dml_quota
        if len(active) >= quota:
            raise AwsError(
                "TooManyRequestsException",
                "You have exceeded the limit for the number of queries you can run concurrently. Please reduce the "
                "number of concurrent queries submitted by this account. Contact customer support to request a "
                "concurrent query limit increase.",
                Reason="CONCURRENT_QUERY_LIMIT_EXCEEDED",
            )

    def _execution(self, id: str) -> Execution:
        with self._lock:
            found = self._executions.get(id)
        if found is None:
            raise invalid(f"QueryExecution {id} was not found", "INVALID_QUERY_EXECUTION_ID")
        return found

    def _named_query(self, id: str) -> dict[str, Any]:
        with self._lock:
            found = self._named.get(id)
        if found is None:
            raise invalid(f"NamedQuery {id} was not found")
        return found

    def _tagged(self, request: dict[str, Any]) -> dict[str, str]:
        arn = request["ResourceARN"]
        name = arn.partition(":workgroup/")[2]
        if not name:
            raise AwsError(
                "ResourceNotFoundException", f"the sandbox has tags of workgroups only: {arn}", ResourceName=arn
            )
        return self._workgroups.named(name).tags

    def _all(self) -> list[Execution]:
        with self._lock:
            return list(self._executions.values())

    def _arn(self, workgroup: str | None) -> str:
        return self.cloud.arn("athena", f"workgroup/{workgroup or '*'}")


def _ids(request: dict[str, Any], member: str) -> list[str]:
    return [*request.get(f"{member}s", []), *([request[member]] if member in request else [])]


def _page(member: str, items: Sequence[Any], request: dict[str, Any], size: int) -> dict[str, Any]:
    token = request.get("NextToken", "0")
    if not token.isdecimal():
        raise invalid("The NextToken is not valid.")
    start = int(token)
    end = start + min(request.get("MaxResults", size), size)
    return {member: list(items[start:end]), **({"NextToken": str(end)} if end < len(items) else {})}
