"""Small stand-ins for what the analytics runtime calls: conditional writes, start tokens, and what fails in between."""

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

PAGE = 2
"""Items of a page, so that whoever reads one page only is found out."""
INDEXES = {"open": "opened_at", "unloaded": "settled_at"}
"""The table's indexes, each with its range attribute."""


def error(code: str, operation: str, message: str = "", **more: Any) -> ClientError:
    """A client's error."""
    return ClientError({"Error": {"Code": code, "Message": message}, **more}, operation)  # type: ignore[typeddict-item]  # services add keys of their own


class DynamoDB:
    """One table with the partition key ``id``, and indexes whose range attribute is given; each write is atomic."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Any]] = {}

    def get_item(self, TableName: str, Key: Any, ConsistentRead: bool = False) -> dict[str, Any]:
        assert ConsistentRead
        row = self.rows.get(Key["id"]["S"])
        return {"Item": dict(row)} if row else {}

    def batch_get_item(self, RequestItems: Any) -> dict[str, Any]:
        ((table, request),) = RequestItems.items()
        assert request["ConsistentRead"]
        assert 1 <= len(request["Keys"]) <= 100
        ids = [key["id"]["S"] for key in request["Keys"]]
        left = [{"id": {"S": id}} for id in ids[PAGE:]]
        answer = {"Responses": {table: [dict(self.rows[id]) for id in ids[:PAGE] if id in self.rows]}}
        unprocessed = {table: {"Keys": left, "ConsistentRead": True}} if left else {}
        return {**answer, "UnprocessedKeys": unprocessed}

    def update_item(self, ReturnValues: str, **update: Any) -> dict[str, Any]:
        assert ReturnValues == "ALL_NEW"
        if not self._holds(update):
            raise error("ConditionalCheckFailedException", "UpdateItem", "The conditional request failed")
        self._apply(update)
        return {"Attributes": dict(self.rows[update["Key"]["id"]["S"]])}

    def transact_write_items(self, TransactItems: list[Any]) -> None:
        assert 1 <= len(TransactItems) <= 100
        updates = [item["Update"] for item in TransactItems]
        assert len({update["Key"]["id"]["S"] for update in updates}) == len(updates)
        codes = ["None" if self._holds(update) else "ConditionalCheckFailed" for update in updates]
        if set(codes) != {"None"}:
            reasons = [{"Code": code} for code in codes]
            raise error("TransactionCanceledException", "TransactWriteItems", str(codes), CancellationReasons=reasons)
        for update in updates:
            self._apply(update)

    def query(self, IndexName: str, KeyConditionExpression: str, **request: Any) -> dict[str, Any]:
        values = {name: next(iter(typed.values())) for name, typed in request["ExpressionAttributeValues"].items()}
        range_name = INDEXES[IndexName]
        found = sorted(
            (row[range_name]["S"], id)
            for id, row in self.rows.items()
            if row.get(IndexName, {}).get("S") == values[":hash"] and range_name in row
            if ":before" not in values or row[range_name]["S"] <= values[":before"]
        )
        start = request.get("ExclusiveStartKey")
        rest = [entry for entry in found if start is None or entry > start]
        answer: dict[str, Any] = {"Items": [dict(self.rows[id]) for _, id in rest[:PAGE]]}
        return {**answer, "LastEvaluatedKey": rest[PAGE - 1]} if len(rest) > PAGE else answer

    def row(self, id: str) -> dict[str, Any]:
        """A row's plain values."""
        return {name: int(value["N"]) if "N" in value else value["S"] for name, value in self.rows.get(id, {}).items()}

    def _holds(self, update: Any) -> bool:
        row = self.rows.get(update["Key"]["id"]["S"], {})
        names, values = update["ExpressionAttributeNames"], update.get("ExpressionAttributeValues", {})
        for condition in update["ConditionExpression"].split(" AND "):
            if absent := re.fullmatch(r"attribute_not_exists\((#\w+)\)", condition):
                holds = names[absent[1]] not in row
            else:
                name, value = re.fullmatch(r"(#\w+) = (:\w+)", condition).groups()  # type: ignore[union-attr]  # a failure is the test's
                holds = row.get(names[name]) == values[value]
            if not holds:
                return False
        return True

    def _apply(self, update: Any) -> None:
        id = update["Key"]["id"]["S"]
        names, values = update["ExpressionAttributeNames"], update.get("ExpressionAttributeValues", {})
        row = dict(self.rows.get(id, {"id": {"S": id}}))
        sets, _, removes = update["UpdateExpression"].partition("REMOVE ")
        for assignment in filter(None, sets.removeprefix("SET ").strip().split(", ")):
            name, value = assignment.split(" = ")
            row[names[name]] = values[value]
        for name in filter(None, removes.split(", ")):
            row.pop(names[name], None)
        self.rows[id] = row


class S3:
    """Objects and their sizes."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], int] = {}
        self.bodies: dict[str, bytes] = {}

    def put_object(self, Bucket: str, Key: str, Body: bytes, **_: Any) -> None:
        self.objects[Bucket, Key] = len(Body)
        self.bodies[f"s3://{Bucket}/{Key}"] = Body

    def list_objects_v2(self, Bucket: str, Prefix: str, ContinuationToken: str = "") -> dict[str, Any]:
        keys = sorted(key for bucket, key in self.objects if bucket == Bucket and key.startswith(Prefix))
        rest = [key for key in keys if key > ContinuationToken]
        answer: dict[str, Any] = {"IsTruncated": len(rest) > PAGE}
        if rest:
            answer["Contents"] = [{"Key": key, "Size": self.objects[Bucket, key]} for key in rest[:PAGE]]
        if answer["IsTruncated"]:
            answer["NextContinuationToken"] = rest[PAGE - 1]
        return answer

    def delete_objects(self, Bucket: str, Delete: Any) -> dict[str, Any]:
        assert 1 <= len(Delete["Objects"]) <= 1000
        for entry in Delete["Objects"]:
            self.objects.pop((Bucket, entry["Key"]), None)
        return {}

    def paths(self, prefix: str) -> set[str]:
        """All objects under a path."""
        return {path for bucket, key in self.objects if (path := f"s3://{bucket}/{key}").startswith(prefix)}


@dataclass
class Run:
    """A query, a statement or an ingestion that was started."""

    id: str
    parameters: dict[str, Any]
    state: str
    fails: bool


@dataclass
class Runs:
    """What was started, by id and by token, and whether each next one will fail.

    Args:
        failures: whether the first, the second, … will fail; those after will not.
    """

    failures: list[bool] = field(default_factory=list)
    all: dict[str, Run] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    def start(self, token: str, parameters: dict[str, Any], state: str, mismatch: ClientError) -> Run:
        """The run of a token: a new one, or the one that has it already, however it ended."""
        if token in self.tokens:
            run = self.all[self.tokens[token]]
            if run.parameters != parameters:
                raise mismatch
            return run
        count = len(self.all)
        id = "-".join(re.findall("^.{8}|.{4}", hashlib.sha256(token.encode()).hexdigest()[:20])) + f"-{count:012d}"
        fails = self.failures[count] if count < len(self.failures) else False
        self.tokens[token] = id
        self.all[id] = Run(id, parameters, state, fails)
        return self.all[id]

    def going(self, *states: str) -> list[Run]:
        """The runs in one of these states."""
        return [run for run in self.all.values() if run.state in states]


class Athena:
    """Queries that write files, or leave one behind and fail.

    Attributes:
        ids: the correlation ids of each object.
        invalid: how many of an id's rows have an invalid value.
        parts: files that a query writes.
        read: rows that the table reads of each object.
    """

    def __init__(self, s3: S3, failures: list[bool] | None = None) -> None:
        self.s3 = s3
        self.runs = Runs(failures or [])
        self.throttled = 0
        self.refused: str | None = None
        self.ids: list[str] = []
        self.invalid: dict[str, int] = {}
        self.parts = 3
        self.read = 7

    def start_query_execution(self, ClientRequestToken: str, **parameters: Any) -> dict[str, Any]:
        assert 32 <= len(ClientRequestToken) <= 128
        if self.throttled:
            self.throttled -= 1
            raise error("TooManyRequestsException", "StartQueryExecution")
        if self.refused:
            raise error("InvalidRequestException", "StartQueryExecution", self.refused)
        mismatch = error("InvalidRequestException", "StartQueryExecution", "Idempotent parameters do not match")
        return {"QueryExecutionId": self.runs.start(ClientRequestToken, parameters, "RUNNING", mismatch).id}

    def get_query_execution(self, QueryExecutionId: str) -> dict[str, Any]:
        run = self.runs.all.get(QueryExecutionId)
        if run is None:
            raise error("InvalidRequestException", "GetQueryExecution", "QueryExecution was not found")
        status = {"State": run.state}
        if run.state == "FAILED":
            status["StateChangeReason"] = "HIVE_BAD_DATA"
        return {
            "QueryExecution": {"QueryExecutionId": run.id, "Query": run.parameters["QueryString"], "Status": status}
        }

    def get_query_results(self, QueryExecutionId: str, MaxResults: int, NextToken: str = "0") -> dict[str, Any]:
        assert self.runs.all[QueryExecutionId].state == "SUCCEEDED"
        if "SELECT count(*) FROM" in self.runs.all[QueryExecutionId].parameters["QueryString"]:
            rows = [["_col0"], [str(self.read)]]
        else:
            total = str(sum(self.invalid.values()))
            rows = [["id", "_col1", "_col2"], *([id, str(self.invalid.get(id, 0)), total] for id in self.ids)]
        begin = int(NextToken)
        page = [{"Data": [{"VarCharValue": value} for value in row]} for row in rows[begin : begin + MaxResults]]
        more = {"NextToken": str(begin + MaxResults)} if len(rows) > begin + MaxResults else {}
        return {"ResultSet": {"Rows": page}, **more}

    def finish(self, run: Run) -> None:
        """Let a query come to its end."""
        if " TO '" not in run.parameters["QueryString"]:
            run.state = "FAILED" if run.fails else "SUCCEEDED"
            return
        target = run.parameters["QueryString"].rpartition(" TO '")[2].partition("'")[0]
        bucket, _, prefix = target.removeprefix("s3://").partition("/")
        if self.s3.paths(target):
            run.fails = True  # UNLOAD refuses a target that is not empty
        for part in range(1 if run.fails else self.parts):
            self.s3.objects[bucket, f"{prefix}{run.id}-{part}"] = 100 + part
        run.state = "FAILED" if run.fails else "SUCCEEDED"


class Glue:
    """A catalog with one table."""

    def __init__(self, partition_keys: Sequence[str] = ("dt", "hour")) -> None:
        self.partition_keys = partition_keys

    def get_table(self, DatabaseName: str, Name: str) -> dict[str, Any]:
        keys = [{"Name": key, "Type": "string"} for key in self.partition_keys]
        return {"Table": {"DatabaseName": DatabaseName, "Name": Name, "PartitionKeys": keys}}


class RedshiftData:
    """Statements; each commits the files of its manifests, or fails; one with a file that is poison always does, which
    is one whose path holds a text of ``poison``."""

    def __init__(self, s3: S3, failures: list[bool] | None = None) -> None:
        self.s3 = s3
        self.runs = Runs(failures or [])
        self.loaded: list[tuple[str, set[str]]] = []
        self.forgotten: set[str] = set()
        self.expired: set[str] = set()
        self.poison: set[str] = set()
        self.names_files = True

    def batch_execute_statement(self, ClientToken: str, **parameters: Any) -> dict[str, Any]:
        assert 1 <= len(ClientToken) <= 64
        assert parameters["WithEvent"] is True
        mismatch = error("ValidationException", "BatchExecuteStatement", "ClientToken was used for another request")
        return {"Id": self.runs.start(ClientToken, parameters, "STARTED", mismatch).id}

    def describe_statement(self, Id: str) -> dict[str, Any]:
        if Id in self.forgotten:
            raise error("ResourceNotFoundException", "DescribeStatement")
        if Id in self.expired:
            message = "Could not retrieve the query result as it has expired after 1 day(s)."
            raise error("ValidationException", "DescribeStatement", message)
        run = self.runs.all[Id]
        return {"Id": Id, "Status": run.state, **({"Error": self._error(run)} if run.state == "FAILED" else {})}

    def finish(self, run: Run, aborted: bool = False) -> None:
        """Let a statement come to its end."""
        entries = self._entries(run)
        missing = [
            entry
            for entry in entries
            if self.s3.objects.get(tuple(entry["url"].removeprefix("s3://").split("/", 1)))  # type: ignore[arg-type]  # two parts
            != entry["meta"]["content_length"]
        ]
        if run.fails or missing or aborted or any(map(self._is_poison, entries)):
            run.state = "ABORTED" if aborted else "FAILED"
            return
        run.state = "FINISHED"
        self.loaded.append((run.id, {entry["url"] for entry in entries}))

    def _entries(self, run: Run) -> list[dict[str, Any]]:
        copies = [sql for sql in run.parameters.get("Sqls", ()) if sql.startswith("COPY ")]
        return [entry for copy in copies for entry in json.loads(self.s3.bodies[copy.split("'")[1]])["entries"]]

    def _is_poison(self, entry: dict[str, Any]) -> bool:
        return any(text in entry["url"] for text in self.poison)

    def _error(self, run: Run) -> str:
        for entry in self._entries(run) if self.names_files and not run.fails else []:
            if self._is_poison(entry):
                address = entry["url"].replace("s3://", "https://s3.eu-central-1.amazonaws.com/")
                return f"Spectrum Scan Error: The length of the data column note is longer, File name: {address}"
        return "it broke"


class QuickSight:
    """Ingestions."""

    def __init__(self, failures: list[bool] | None = None) -> None:
        self.runs = Runs(failures or [])
        self.limited = 0
        self.limit = "LimitExceededException"

    def create_ingestion(self, AwsAccountId: str, DataSetId: str, IngestionId: str) -> dict[str, Any]:
        assert re.fullmatch(r"[a-zA-Z0-9-_]{1,128}", IngestionId)
        token = f"{DataSetId}/{IngestionId}"
        exists = error("ResourceExistsException", "CreateIngestion")
        if token in self.runs.tokens:
            raise exists
        if self.limited:
            self.limited -= 1
            raise error(self.limit, "CreateIngestion")
        assert not [run for run in self.runs.going("RUNNING") if run.parameters["DataSetId"] == DataSetId]
        run = self.runs.start(token, {"DataSetId": DataSetId}, "RUNNING", exists)
        return {"IngestionId": IngestionId, "IngestionStatus": run.state}

    def describe_ingestion(self, AwsAccountId: str, DataSetId: str, IngestionId: str) -> dict[str, Any]:
        id = self.runs.tokens.get(f"{DataSetId}/{IngestionId}")
        if id is None:
            raise error("ResourceNotFoundException", "DescribeIngestion")
        state = self.runs.all[id].state
        more = {"ErrorInfo": {"Type": "SQL_EXCEPTION", "Message": "no table"}} if state == "FAILED" else {}
        return {"Ingestion": {"IngestionStatus": state, **more}}

    def finish(self, run: Run) -> None:
        """Let an ingestion come to its end."""
        run.state = "FAILED" if run.fails else "COMPLETED"


class Sqs:
    """A queue's messages."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []

    def send_message(self, QueueUrl: str, MessageBody: str, MessageAttributes: Any) -> None:
        assert MessageAttributes["X-Correlation-Id"]["StringValue"]
        self.messages.append(json.loads(MessageBody))


class Clock:
    """Time that goes on only when it is told to, and by a second with each look."""

    def __init__(self) -> None:
        self.time = 1_800_000_000.0
        self.slept: list[float] = []
        self.on_sleep: Callable[[], None] = lambda: None

    def __call__(self) -> float:
        self.time += 1
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds
        self.slept.append(seconds)
        self.on_sleep()
