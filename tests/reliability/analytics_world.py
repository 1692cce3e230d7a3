"""The analytics chain behind the raw data on fakes of its services: queries, loads, refreshes, and what brings them on.

The functions are those that are deployed, and the load is the job's own. Queries, statements and ingestions end when
they are told to, with or without an event; each run of a function, of the job and of the redrive can fail at any call,
or be killed there.
"""

import contextlib
import io
import json
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from eda_runtime.dead_letters import DeadLetters
from eda_runtime.ledger import Ledger, Row
from eda_runtime.logger import logger
from eda_runtime.object_query import OutputNotEmptied, StoredObject
from eda_runtime.redshift_load import Load, LoadFailed, StillRunning

from pipeline.backfill import Requested
from pipeline.redrive_loads import RedriveLoads
from pipeline.redrive_queries import RedriveQueries
from tests.reliability.faulty_calls import Wire
from tests.runtime import test_analytics_functions, test_reconciler
from tests.runtime.deployed import Context, deployed
from tests.runtime.fake_aws import S3, Athena, Clock, DynamoDB, QuickSight, RedshiftData, error
from tests.runtime.races import Killed
from tests.runtime.test_analytics_functions import created, finished, state_change
from tests.runtime.test_redshift_load import TARGET

DATA_SETS = ("one", "two")
MAX_ATTEMPTS = 2
OUTPUTS = {
    "query_dlq_url": "queries",
    "load_dlq_url": "loads",
    "load_job_name": "load-job",
    "ledger_table_name": "ledger",
    "query_function_name": "query",
    "athena_workgroup_name": "wg",
    "raw_bucket_name": "raw",
}
FOREIGN = (
    "not JSON",
    "[]",
    "[" * 100_000,
    json.dumps({"kind": "load", "id": "load#orders#x"}),
    json.dumps({"kind": "query", "bucket": "other", "key": "raw/dt=1/x", "version_id": "v"}),
    json.dumps({"detail-type": "Athena Query State Change"}),
    json.dumps(state_change("q", "SUCCEEDED", "other")),
    json.dumps(state_change("q", "SUCCEEDED")),
    json.dumps(created("raw/no-partition")),
    json.dumps({**created("raw/dt=1/x"), "detail": {"bucket": {"name": "other"}, "object": {"key": "raw/dt=1/x"}}}),
    json.dumps({"requestContext": {"condition": "x"}, "requestPayload": created("raw/no-partition")}),
)
"""What no redrive of queries may delete, and none may stop at."""
EXPECTED = (ClientError, BotoCoreError, ExceptionGroup, LoadFailed, OutputNotEmptied, StillRunning, Killed)
"""How a run ends that the faults let fail."""


class Queues:
    """Messages by queue; those of the queries' are received once by each run of the redrive."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.of: dict[str, dict[str, str]] = {"queries": {}, "queue": {}, "refreshes": {}, "loads": {}}
        self.seen: set[str] = set()
        self._sent = 0

    def send_message(self, QueueUrl: str, MessageBody: str, **_: Any) -> None:
        self._sent += 1
        self.of[QueueUrl][f"m-{self._sent}"] = MessageBody

    def receive_message(self, QueueUrl: str, **_: Any) -> dict[str, Any]:
        for id, body in self.of[QueueUrl].items():
            if id not in self.seen:
                self.seen.add(id)
                return {"Messages": [{"MessageId": id, "ReceiptHandle": id, "Body": body}]}
        return {}

    def delete_message(self, QueueUrl: str, ReceiptHandle: str) -> None:
        body = self.of[QueueUrl].pop(ReceiptHandle)
        if body in FOREIGN or not self._world.happened(json.loads(body)):
            self._world.too_early.append(body)


class World:
    """Everything, and what happened in it.

    Attributes:
        too_early: messages that were deleted before what they stand for was there.
        refused: data sets that QuickSight does not refresh.
        began: for each ingestion, the statements whose rows it holds.
    """

    def __init__(
        self,
        wire: Wire,
        queries: list[bool],
        statements: list[bool],
        ingestions: list[bool],
        poison: str | None = None,
    ) -> None:
        self.wire = wire
        self.dynamodb, self.s3, self.clock = DynamoDB(), S3(), Clock()
        self.sqs = Queues(self)
        self.athena, self.redshift = Athena(self.s3, queries), RedshiftData(self.s3, statements)
        self.quicksight = _Noting(self, ingestions)
        if poison is not None:
            self.redshift.poison = {StoredObject("raw", poison, "v1").id}
        self.began: dict[str, set[str]] = {}
        self.too_early: list[str] = []
        self.refused: set[str] = set()
        self.ledger = Ledger(self.dynamodb, "ledger", self.clock, self.clock.sleep)
        self._job: str | None = None
        self._clients = {
            name: wire.client(client)
            for name, client in {
                "dynamodb": self.dynamodb,
                "s3": self.s3,
                "sqs": self.sqs,
                "athena": self.athena,
                "quicksight": self.quicksight,
                "glue": self,
                "lambda": self,
                "redshift-data": self.redshift,
            }.items()
        }
        attempts, group = {"MAX_ATTEMPTS": str(MAX_ATTEMPTS)}, {"DATA_SET_IDS": json.dumps(DATA_SETS)}
        self._query = self._function(
            "per_object_query",
            {**test_analytics_functions.QUERY_ENVIRONMENT, **attempts, "DEAD_LETTER_QUEUE_URL": "queries"},
        )
        self._refresh = self._function(
            "spice_refresh",
            {**test_analytics_functions.REFRESH_ENVIRONMENT, **attempts, **group, "DEAD_LETTER_QUEUE_URL": "refreshes"},
        )
        self._reconciler = self._function(
            "reconciler",
            {
                **test_reconciler.ENVIRONMENT,
                **attempts,
                **group,
                "QUERY_DEAD_LETTER_QUEUE_URL": "queries",
                "LOAD_DEAD_LETTER_QUEUE_URL": "loads",
                "SPICE_DEAD_LETTER_QUEUE_URL": "refreshes",
            },
        )

    def arrive(self, key: str) -> None:
        """S3 tells the function of an object."""
        self._tell(self._query, created(key))

    def undelivered(self, body: str) -> None:
        """A message lies in the queue: an event that EventBridge could not deliver, or a foreign one."""
        self.sqs.send_message("queries", body)

    def end(self, *, told: bool) -> None:
        """What runs comes to its end; the events come, or they get lost."""
        for run in self.athena.runs.going("RUNNING"):
            self.athena.finish(run)
            if told:
                self._tell(self._query, state_change(run.id, run.state))
        for run in self.redshift.runs.going("STARTED"):
            self.redshift.finish(run)
            if told:
                name = run.parameters["StatementName"]
                event = finished(run.state, name)
                event["detail"]["statementId"] = run.id
                with contextlib.suppress(*EXPECTED):
                    self._refresh.handle(event, Context())
        for run in self.quicksight.runs.going("RUNNING"):
            self.quicksight.finish(run)

    def load(self, slot: str) -> None:
        """A run of the job; its statement ends while it waits."""
        client = self._clients
        job = Load(
            ledger=Ledger(client["dynamodb"], "ledger", self.clock, self.clock.sleep),
            redshift_data=client["redshift-data"],
            s3=client["s3"],
            target=TARGET,
            dataset="orders",
            manifest_location="s3://lake/manifests/",
            awaits_refresh=True,
            dead_letters=DeadLetters(self.ledger, client["sqs"], "loads", logger),
            max_attempts=MAX_ATTEMPTS,
            max_objects=2,
            sleep=self._let_statements_end,
            clock=self.clock,
        )
        job.run(slot)

    def reconcile(self) -> dict[str, int]:
        """A run of the reconciler, and of the job if it starts it."""
        self.clock.time += 1000
        try:
            counts: dict[str, int] = self._reconciler.handle({}, Context())
        finally:
            self._run_job()
        return counts

    def _run_job(self) -> None:
        slot, self._job = self._job, None
        if slot is not None:
            self.load(slot)

    def redrive(self) -> list[Requested]:
        """A run of the redrive of queries."""
        self.sqs.seen.clear()
        return list(RedriveQueries(self._clients.__getitem__, OUTPUTS).run(100))

    def redrive_loads(self) -> list[Requested]:
        """A run of the redrive of loads, and of the job if it starts it."""
        self.sqs.seen.clear()
        try:
            return list(RedriveLoads(self._clients.__getitem__, OUTPUTS).run(100))
        finally:
            self._run_job()

    def get_job(self, JobName: str) -> dict[str, Any]:
        """Glue."""
        return {"Job": {"DefaultArguments": {"--dataset": "orders"}}}

    def get_table(self, DatabaseName: str, Name: str) -> dict[str, Any]:
        """Glue's, of the raw data."""
        return {"Table": {"Name": Name, "PartitionKeys": [{"Name": "dt", "Type": "string"}]}}

    def start_job_run(self, JobName: str, Arguments: dict[str, str]) -> dict[str, str]:
        """Glue."""
        if self._job is not None:
            raise error("ConcurrentRunsExceededException", "StartJobRun")
        self._job = Arguments["--scheduled_time"]
        return {"JobRunId": "jr"}

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:
        """Lambda; a function that is killed is an error of it."""
        try:
            answer = self._query.handle(json.loads(Payload), Context())
        except (Exception, Killed) as raised:
            failure = {"errorType": type(raised).__name__, "errorMessage": str(raised)}
            return {"Payload": io.BytesIO(json.dumps(failure).encode()), "FunctionError": "Unhandled"}
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}

    def happened(self, message: Any) -> bool:
        """Whether what a message of the queries' queue stands for is there: its query was started, and is looked after
        since, or succeeded; of a query that ended: the row says so."""
        match message:
            case {"requestPayload": payload}:
                return self.happened(payload)
            case {"detail": {"queryExecutionId": id}}:
                return not any(row["state"] == "STARTED" and row.get("query_execution_id") == id for row in self.rows())
            case {"detail": {"bucket": {"name": bucket}, "object": {"key": key, "version-id": version}}}:
                row = self._row(bucket, key, version)
            case {"kind": "object", "id": id}:
                return "set_aside" not in self.dynamodb.row(id)
            case {"kind": "load", "slot": slot}:
                return bool(self.dynamodb.row(f"load#orders#{slot}")["state"] == "SUCCEEDED")
            case {"bucket": bucket, "key": key, "version_id": version}:
                row = self._row(bucket, key, version)
        return bool(row) and (row["state"] == "SUCCEEDED" or self.owned(row))

    def rows(self) -> Iterator[Row]:
        """All rows of the ledger."""
        return (self.dynamodb.row(id) for id in list(self.dynamodb.rows))

    def owned(self, row: Row) -> bool:
        """Whether a row is done, or is where somebody looks: among what is open, or in a message."""
        match row:
            case {"kind": "query", "state": "SUCCEEDED", "set_aside": _}:
                return self._told(row) or row.get("open") == "aside"
            case {"kind": "query", "state": "SUCCEEDED"}:
                return "unloaded" in row or "loaded_by" in row
            case {"kind": "load", "state": "SUCCEEDED", "statement_id": statement}:
                noted = [f"spice#{name}#{statement}" in self.dynamodb.rows for name in DATA_SETS]
                return self._loaded(row) and (all(noted) or row.get("open") == "refresh")
            case {"state": "FAILED"}:
                return self._told(row) or row.get("open") == row["kind"]
            case {"kind": kind, "state": "STARTED" | "RUNNING"}:
                # A statement that was noted is its data set's.
                return row.get("open") == kind or row["id"].count("#") == 2
        return True

    def _told(self, row: Row) -> bool:
        return any(f'"id": "{row["id"]}"' in body for queue in self.sqs.of.values() for body in queue.values())

    def _loaded(self, row: Row) -> bool:
        return row["statement_id"] in {statement for statement, _ in self.redshift.loaded}

    def _row(self, bucket: str, key: str, version: str) -> Row:
        return self.dynamodb.row(f"query#{StoredObject(bucket, key, version).id}")

    def _let_statements_end(self, seconds: float) -> None:
        self.clock.sleep(seconds)
        for run in self.redshift.runs.going("STARTED"):
            self.redshift.finish(run)

    def _tell(self, function: Any, event: dict[str, Any]) -> None:
        """Lambda keeps the event of a run that failed."""
        try:
            function.handle(event, Context())
        except EXPECTED:
            kept = {"requestContext": {"condition": "RetriesExhausted"}, "requestPayload": event}
            self.sqs.send_message("queries", json.dumps(kept))

    def _function(self, name: str, environment: dict[str, str]) -> Any:
        module = deployed(f"{name}/handler.py", environment, self._clients, test_analytics_functions.QUERY_FILES)
        module._ledger._clock, module._ledger._sleep = self.clock, self.clock.sleep
        return module


class _Noting(QuickSight):
    """Notes for each ingestion which statements had finished when it began."""

    def __init__(self, world: World, failures: list[bool]) -> None:
        super().__init__(failures)
        self._world = world

    def create_ingestion(self, AwsAccountId: str, DataSetId: str, IngestionId: str) -> dict[str, Any]:
        if DataSetId in self._world.refused:
            raise error("AccessDeniedException", "CreateIngestion")
        answer = super().create_ingestion(AwsAccountId, DataSetId, IngestionId)
        id = self.runs.tokens[f"{DataSetId}/{IngestionId}"]
        self._world.began[id] = {statement for statement, _ in self._world.redshift.loaded}
        return answer
