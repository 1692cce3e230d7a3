"""What the pipeline has to do behind the table: raw data, queries, loads, refreshes, repairs, and their failures."""

import contextlib
import json
import secrets
import tempfile
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
from eda_sandbox.foundation.clock import rfc3339
from eda_sandbox.foundation.http import HttpRequest
from eda_sandbox.frontdoor.faults import Fault, FaultKind
from eda_sandbox.services.scheduler import Scheduler

from pipeline.demo.back_half import BackHalf
from pipeline.preflight_analytics import SECRETS_ROLE
from pipeline.proof.proving import Check, traced
from pipeline.proof.roles import Roles
from pipeline.proof.stage import CheckFailed, Stage

LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
SINK, QUERY, LOAD = "orders-raw", "orders-analytics-query", "orders-analytics-load"
REFRESH, RECONCILER = "orders-analytics-refresh", "orders-analytics-reconciler"
PIPES = {SINK: "PutRecords", "orders-outbox": "SendMessages"}
"""The pipes, and the statement that each needs for its target."""
SCHEDULES = {
    "suppliers": "suppliers-sync",
    "orders-workflow": "orders-workflow-reconciler",
    LOAD: LOAD,
    RECONCILER: f"{RECONCILER}-function",
}
"""The schedules, and whose log shows that they call."""
KINDS = {"query": "query_dlq_url", "load": "load_dlq_url", "spice": "refresh_dlq_url"}
"""Kinds of the ledger's rows, and the export that names their dead-letter queue."""
QUERY_STATEMENTS = ("MoveRows", "FindRows", "Query", "ReadSchema", "ReadRaw", "WriteCurated", "WriteResults")
LONG_AGO = "2000-01-01T00:00:00Z"
GRACE_SECONDS = 10 * 365 * 86400
"""The reconciler leaves what is younger: its schedule goes on, and must not repair what a check waits for."""


class BehindChecks:
    """Each check is of an order, a slot or a row of its own.

    Args:
        stage: the deployed pipeline.
        roles: its roles.
    """

    def __init__(self, stage: Stage, roles: Roles) -> None:
        self._stage = stage
        self._roles = roles
        self._outputs = stage.stack.outputs
        self._behind = BackHalf(stage.aws.client, self._outputs, stage.aws.cloud.account)
        self._dynamodb = stage.aws.client("dynamodb")

    def set_up(self) -> None:
        """Make the reconciler look at rows alone that a check has made look old, and let QuickSight decrypt its secret,
        as its administrator does by hand (docs/how-to/quicksight.md)."""
        key = self._stage.stack.of_type("aws:kms/key:Key")["orders-key-key"]["arn"]
        decrypt = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": key}
        document = json.dumps({"Version": "2012-10-17", "Statement": [decrypt]})
        iam = self._stage.aws.client("iam")
        iam.put_role_policy(RoleName=SECRETS_ROLE, PolicyName="key", PolicyDocument=document)
        lambda_, name = self._stage.aws.client("lambda"), self._outputs["reconciler_function_name"]
        variables = lambda_.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        variables = {**variables, "GRACE_SECONDS": str(GRACE_SECONDS)}
        lambda_.update_function_configuration(FunctionName=name, Environment={"Variables": variables})

    def checks(self) -> list[Check]:
        """All of them, those that most statements fail first."""
        query, refresh, reconciler = (f"{name}-function-role" for name in (QUERY, REFRESH, RECONCILER))
        return [
            Check("a raw object is queried once", self.queried, (query,)),
            Check("a row is current in the curated data", self.current, (f"{SINK}-role", f"{SINK}-pipe-role")),
            Check(
                "the schedule's next slot is loaded, and SPICE is refreshed",
                self.loaded,
                (f"{LOAD}-job-role", f"{LOAD}-copy-role", f"{LOAD}-schedule-role/Call"),
            ),
            Check(
                "an object that no load can take is in the queue of loads",
                self.set_aside,
                (f"{LOAD}-job-role/DeadLetter",),
            ),
            Check(
                "the warehouse is brought to what the stack wants",
                self.brought,
                tuple(f"{LOAD}-warehouse-role/{sid}" for sid in ("Migrate", "ReadSecret", "DescribeStatements")),
            ),
            Check(
                "a secret that is empty is filled",
                self.filled,
                tuple(f"{LOAD}-warehouse-role/{sid}" for sid in ("FillSecret", "EncryptWithKey")),
            ),
            Check("SPICE is refreshed after a load's event", self.refreshed, (refresh,)),
            Check(
                "a query that failed and whose events are lost is settled",
                self.query_reconciled,
                tuple(f"{reconciler}/{sid}" for sid in QUERY_STATEMENTS),
            ),
            Check("a load that was left is taken up", self.load_reconciled, (f"{reconciler}/StartLoads",)),
            Check("a load whose event is lost is refreshed", self.refresh_reconciled, (f"{reconciler}/Refresh",)),
            *(
                Check(
                    f"what failed for good is in the queue of its kind: {kind}",
                    partial(self.buried, kind),
                    (f"{reconciler}/{kind.capitalize()}DeadLetter",),
                )
                for kind in KINDS
            ),
            Check(
                "an object that cannot be queried is in the queue of failures",
                self.query_fails,
                (f"{query}/FailureDestination",),
            ),
            Check(
                "an event that cannot be read is in the refreshes' queue of failures",
                self.refresh_fails,
                (f"{refresh}/FailureDestination",),
            ),
            Check(
                "a run of the reconciler that fails is in its queue",
                self.reconciler_fails,
                (f"{reconciler}/FailureDestination",),
            ),
            Check(
                "a record that fits no schema is in Firehose's error log and the sink's queue",
                self.unfit,
                (f"{SINK}-role/LogErrors",),
            ),
            *(
                Check(
                    f"what the pipe {name} cannot deliver is in its queue",
                    partial(self.undelivered, name, sid),
                    (f"{name}-pipe-role/DeadLetter",),
                )
                for name, sid in PIPES.items()
            ),
            *(
                Check(f"the schedule {name} calls", partial(self.called, name), (f"{name}-schedule-role/Call",))
                for name in SCHEDULES
                if name != LOAD
            ),
            *(
                Check(
                    f"a slot of {name} that cannot be called is in its queue",
                    partial(self.uncalled, name),
                    (f"{name}-schedule-role/DeadLetter",),
                )
                for name in SCHEDULES
            ),
            self._lines(f"{QUERY}-function", f"{query}/WriteLog", self.queried),
            self._lines(f"{REFRESH}-function", f"{refresh}/WriteLog", self.refreshed),
            self._lines(f"{RECONCILER}-function", f"{reconciler}/WriteLog", self._reconcile),
            self._lines(LOAD, f"{LOAD}-job-role/WriteLog", self._run_job),
            self._lines(f"{LOAD}-warehouse", f"{LOAD}-warehouse-role/WriteLog", self.brought),
            traced(self._stage, f"{QUERY}-function", self.queried),
            traced(self._stage, f"{REFRESH}-function", self.refreshed),
            traced(self._stage, f"{RECONCILER}-function", self._reconcile),
            traced(self._stage, f"{LOAD}-warehouse", self.brought),
        ]

    def queried(self) -> None:
        """A raw object, the query's row, the curated data."""
        order_id = secrets.token_hex(32)
        key = self._raw_object(order_id)

        def settled() -> bool:
            row = self._query_of(key)
            if row is not None and row["state"] == "FAILED":
                raise CheckFailed(f"the query failed: {row['error']}")
            return row is not None and row["state"] == "SUCCEEDED"

        self._stage.until(settled, "the object's query is settled")
        self._is_current(order_id)

    def current(self) -> None:
        """A row, the raw data, the curated data."""
        order_id = self._put_row()
        self._stage.until(lambda: self._currently(order_id), "the row is current")

    def loaded(self) -> None:
        """An object that waits, the schedule's slot, the warehouse, SPICE."""
        order_id = secrets.token_hex(32)
        key = self._raw_object(order_id)
        self._stage.until(
            lambda: "unloaded" in (self._query_of(key) or {}), "an object waits for the load", prepares=True
        )
        before = self._refreshes()
        slot = self._scheduler.advance_to_next(self._outputs["schedule_name"]).strftime("%Y-%m-%dT%H:%M:%SZ")
        self._loads(slot)
        if not any(row.order_id == order_id for row in self._behind.warehouse()):
            raise CheckFailed("the order is not in Redshift")
        self._stage.until(lambda: self._refreshes() > before, "the load is in SPICE")

    def set_aside(self) -> None:
        """An object whose files have no key, a load, a message."""
        token = secrets.token_hex(16)
        row = {"kind": "query", "state": "SUCCEEDED", "dataset": "orders", "unloaded": "orders", "settled_at": LONG_AGO}
        row |= {
            "files": "[]",
            "columns": '[["none", "string"]]',
            "bucket": "proof",
            "key": token,
            "version_id": "proof",
        }
        with self._planted(f"query#{token}", row):
            self._run_job()
            self._stage.letter_arrives(self._outputs["load_dlq_url"], token, "the object's message is in the queue")

    def brought(self) -> None:
        """What a deployment asks of the warehouse, again."""
        (invocation,) = self._stage.stack.of_type("aws:lambda/invocation:Invocation").values()
        self._stage.invoke(invocation["functionName"], invocation["input"].encode())

    def filled(self) -> None:
        """What the first deployment asks of the warehouse: the reader's secret has no password yet."""
        arn, faults = self._outputs["reader_secret_arn"].encode(), self._stage.aws.faults
        faults.add(
            Fault(
                FaultKind.ERROR,
                "secretsmanager",
                "GetSecretValue",
                times=1,
                code="ResourceNotFoundException",
                matching=lambda request: arn in request.body,
            )
        )
        try:
            self.brought()
        finally:
            faults.clear()

    def refreshed(self) -> None:
        """A load's completion event, an ingestion."""
        before = self._refreshes()
        function = self._stage.stack.of_type("aws:lambda/function:Function")[f"{REFRESH}-function-function"]
        prefix = function["environment"]["variables"]["STATEMENT_PREFIX"]
        detail = {"state": "FINISHED", "statementName": f"{prefix}proof", "statementId": str(uuid.uuid4())}
        self._stage.aws.cloud.service_event("aws.redshift-data", "Redshift Data Statement Status Change", detail)
        self._stage.until(lambda: self._refreshes() > before, "the event's refresh is done")

    def query_reconciled(self) -> None:
        """A first attempt that fails, completion events that are lost, and the reconciler alone."""

        def of_athena(request: HttpRequest) -> bool:
            return b'"Source":"aws.athena"' in request.body.replace(b'": "', b'":"')

        def curated(request: HttpRequest) -> bool:
            return "/curated/" in request.path

        denied = {"code": "AccessDenied", "status": 403}
        faults, order_id = self._stage.aws.faults, secrets.token_hex(32)
        faults.add(Fault(FaultKind.LOST_REQUEST, "events", "PutEvents", matching=of_athena))
        faults.add(Fault(FaultKind.ERROR, "s3", "PutObject", times=1, matching=curated, **denied))  # type: ignore[arg-type]  # code and status have the types of their arguments
        try:
            key = self._raw_object(order_id)
            self._stage.until(
                lambda: self._athena_state(key) == "FAILED", "the first attempt has failed", prepares=True
            )

            def settled() -> bool:
                row = self._query_of(key) or {}
                if row.get("state") == "FAILED":
                    raise CheckFailed(f"the query failed for good: {row['error']}")
                if row.get("state") == "SUCCEEDED":
                    return True
                self._make_old(row["id"])
                self._reconcile()
                return False

            self._stage.until(settled, "the reconciler has settled the query")
        finally:
            faults.clear()
        self._is_current(order_id)

    def load_reconciled(self) -> None:
        """A row whose statement nobody knows: the job makes another attempt."""
        slot = f"2001-01-01T00:00:00.{secrets.randbelow(10**9):09d}Z"
        statement = {"statement_id": str(uuid.uuid4()), "manifests": "[]", "objects": "{}"}
        row = {"kind": "load", "dataset": "orders", "slot": slot, "state": "STARTED", "open": "load", **statement}
        with self._planted(f"load#orders#{slot}", row):
            self._reconcile()
            self._loads(slot)

    def refresh_reconciled(self) -> None:
        """A load that succeeded and awaits its refresh."""
        before, slot = self._refreshes(), f"2001-01-02T00:00:00.{secrets.randbelow(10**9):09d}Z"
        row = {"kind": "load", "dataset": "orders", "slot": slot, "state": "SUCCEEDED", "open": "refresh"}
        with self._planted(f"load#orders#{slot}", {**row, "statement_id": str(uuid.uuid4())}):
            self._reconcile()
            self._stage.until(lambda: self._refreshes() > before, "the refresh that was awaited is done")

    def buried(self, kind: str) -> None:
        """A row that failed and whose message was not sent."""
        token = secrets.token_hex(16)
        named = {
            "query": {"bucket": "proof", "key": "none", "version_id": "none"},
            "load": {"dataset": "proof", "slot": LONG_AGO},
            "spice": {"data_set_id": "proof", "statement_id": token},
        }[kind]
        row = {"kind": kind, "state": "FAILED", "error": "proof", "open": kind, **named}
        with self._planted(f"{kind}#{token}", row):
            self._reconcile()
            self._stage.letter_arrives(self._outputs[KINDS[kind]], token, f"the message is in the queue: {kind}")

    def query_fails(self) -> None:
        """A key without partitions."""
        token = secrets.token_hex(8)
        self._stage.aws.client("s3").put_object(
            Bucket=self._outputs["raw_bucket_name"], Key=f"raw/orders/proof-{token}.parquet", Body=b"none"
        )
        self._stage.letter_arrives(self._outputs["query_dlq_url"], token, "the object's event is in the queue")

    def refresh_fails(self) -> None:
        """An event without a detail."""
        token, function = secrets.token_hex(8), self._function(f"{REFRESH}-function")
        self._stage.aws.client("lambda").invoke(
            FunctionName=function, InvocationType="Event", Payload=json.dumps({"proof": token}).encode()
        )
        self._stage.letter_arrives(self._outputs["refresh_dlq_url"], token, "the event is in the queue")

    def reconciler_fails(self) -> None:
        """A row that is none."""
        token = secrets.token_hex(16)
        with self._planted(f"query#{token}", {"open": "query"}):
            self._stage.aws.client("lambda").invoke(
                FunctionName=self._outputs["reconciler_function_name"],
                InvocationType="Event",
                Payload=json.dumps({"proof": token}).encode(),
            )
            self._stage.letter_arrives(self._outputs["reconciler_dlq_url"], token, "the run is in the queue")

    def unfit(self) -> None:
        """A record that is no JSON."""
        group = self._stage.name(LOG_GROUP, f"{SINK}-log")
        self._stage.take_letters(self._outputs["pipe_dlq_url"])

        def send() -> None:
            self._stage.aws.client("firehose").put_record(
                DeliveryStreamName=self._outputs["delivery_stream_name"], Record={"Data": b"this is no JSON"}
            )

        self._stage.has_lines(group, send)
        self._stage.letter_arrives(
            self._outputs["pipe_dlq_url"], "errors/format-conversion-failed/", "the failure's object is in the queue"
        )

    def undelivered(self, name: str, sid: str) -> None:
        """A row while the pipe may not call its target."""
        pipe = self._stage.stack.of_type("aws:pipes/pipe:Pipe")[f"{name}-pipe"]
        queue = self._stage.queue_url(pipe["sourceParameters"]["dynamodbStreamParameters"]["deadLetterConfig"]["arn"])
        self._stage.take_letters(queue)
        with self._roles.without(f"{name}-pipe-role", sid):
            self._put_row()
            self._stage.letter_arrives(queue, "DDBStreamBatchInfo", f"the pipe's message is in the queue: {name}")

    def called(self, name: str) -> None:
        """The next slot, the target's log."""
        group = self._stage.name(LOG_GROUP, f"{SCHEDULES[name]}-log")
        self._stage.has_lines(group, lambda: self._advance(name))

    def uncalled(self, name: str) -> None:
        """The next slot while the schedule may not call its target."""
        target = self._schedule(name)["target"]
        queue = self._stage.queue_url(target["deadLetterConfig"]["arn"])
        self._stage.take_letters(queue)
        with self._roles.without(f"{name}-schedule-role", "Call"):
            self._advance(name)
            part = "scheduled_time"
            self._stage.letter_arrives(queue, part, f"the slot is in the queue: {name}")

    def _lines(self, name: str, concern: str, run: Callable[[], object]) -> Check:
        group = self._stage.name(LOG_GROUP, f"{name}-log")
        return Check(f"the lines of {name} arrive", partial(self._stage.has_lines, group, run), (concern,))

    @property
    def _scheduler(self) -> Scheduler:
        scheduler: Scheduler = self._stage.aws.cloud.service("scheduler")
        return scheduler

    def _schedule(self, name: str) -> dict[str, Any]:
        return self._stage.stack.of_type("aws:scheduler/schedule:Schedule")[f"{name}-schedule"]

    def _advance(self, name: str) -> None:
        self._scheduler.advance_to_next(self._schedule(name)["name"])

    def _function(self, name: str) -> str:
        return self._stage.name("aws:lambda/function:Function", f"{name}-function")

    def _put_row(self) -> str:
        order_id = secrets.token_hex(32)
        row = {**_row(order_id), "created_at": _now(), "schema_version": "1", "tenant": "proof"}
        item: dict[str, Any] = {name: {"S": value} for name, value in row.items()}
        table = self._outputs["orders_table_name"]
        self._dynamodb.put_item(TableName=table, Item={**item, "version": {"N": row["version"]}})
        return order_id

    def _raw_object(self, order_id: str) -> str:
        """Put a raw file, as Firehose would; its key."""
        database, table = self._outputs["glue_database_name"], self._outputs["raw_table_name"]
        described = self._stage.aws.client("glue").get_table(DatabaseName=database, Name=table)["Table"]
        columns = [column["Name"] for column in described["StorageDescriptor"]["Columns"]]
        row = {**_row(order_id), "event_name": "MODIFY", "stream_event_id": secrets.token_hex(16)}
        key = f"raw/orders/dt={datetime.now(UTC):%Y-%m-%d}/hour=00/proof-{secrets.token_hex(8)}.parquet"
        with tempfile.TemporaryDirectory(dir=self._stage.aws.cloud.folder) as folder, duckdb.connect() as connection:
            file = Path(folder) / "raw.parquet"
            connection.execute(f"CREATE TABLE raw ({', '.join(f'{name} VARCHAR' for name in columns)})")
            marks = ", ".join("?" * len(columns))
            values = [row.get(name, "") for name in columns]
            connection.execute(f"INSERT INTO raw VALUES ({marks})", values)  # noqa: S608 - question marks
            connection.execute(f"COPY raw TO '{file}' (FORMAT parquet)")
            bucket = self._outputs["raw_bucket_name"]
            self._stage.aws.client("s3").put_object(Bucket=bucket, Key=key, Body=file.read_bytes())
        return key

    def _query_of(self, key: str) -> dict[str, Any] | None:
        return next((row for row in self._behind.ledger() if row.get("key") == key), None)

    def _athena_state(self, key: str) -> str:
        row = self._query_of(key) or {}
        if "query_execution_id" not in row:
            return ""
        found = self._stage.aws.client("athena").get_query_execution(QueryExecutionId=row["query_execution_id"])
        return str(found["QueryExecution"]["Status"]["State"])

    def _currently(self, order_id: str) -> bool:
        return any(row.order_id == order_id for row in self._behind.current())

    def _is_current(self, order_id: str) -> None:
        if not self._currently(order_id):
            raise CheckFailed("the order is not in the curated data")

    def _refreshes(self) -> int:
        return sum(found["IngestionStatus"] == "COMPLETED" for found in self._behind.ingestions())

    def _run_job(self) -> None:
        slot = f"2001-01-03T00:00:00.{secrets.randbelow(10**9):09d}Z"
        self._stage.until(
            lambda: not self._runs("STARTING", "RUNNING"), "the job's run before has ended", prepares=True
        )
        self._stage.aws.client("glue").start_job_run(
            JobName=self._outputs["load_job_name"], Arguments={"--scheduled_time": slot}
        )
        self._loads(slot)

    def _runs(self, *states: str, slot: str = "") -> list[dict[str, Any]]:
        found = self._stage.aws.client("glue").get_job_runs(JobName=self._outputs["load_job_name"])["JobRuns"]
        return [run for run in found if run["JobRunState"] in states and slot in run["Arguments"]["--scheduled_time"]]

    def _loads(self, slot: str) -> None:
        """Wait until a run of the job has loaded a slot."""

        def succeeded() -> bool:
            for run in self._runs("FAILED", "TIMEOUT", slot=slot):
                raise CheckFailed(f"the job failed: {run.get('ErrorMessage')}")
            return bool(self._runs("SUCCEEDED", slot=slot))

        self._stage.until(succeeded, "the job has loaded the slot")

    def _reconcile(self) -> None:
        self._stage.invoke(self._outputs["reconciler_function_name"])

    def _make_old(self, id: str) -> None:
        names = {"#open": "open"}
        with contextlib.suppress(self._dynamodb.exceptions.ConditionalCheckFailedException):
            self._dynamodb.update_item(
                TableName=self._outputs["ledger_table_name"],
                Key={"id": {"S": id}},
                UpdateExpression="SET opened_at = :long_ago",
                ConditionExpression="attribute_exists(#open)",
                ExpressionAttributeNames=names,
                ExpressionAttributeValues={":long_ago": {"S": LONG_AGO}},
            )

    @contextlib.contextmanager
    def _planted(self, id: str, row: dict[str, str]) -> Iterator[None]:
        """A row of the ledger that lies open for long, for the time of a check."""
        table, item = self._outputs["ledger_table_name"], {"id": {"S": id}, "opened_at": {"S": LONG_AGO}}
        values: dict[str, Any] = {name: {"S": value} for name, value in row.items()}
        self._dynamodb.put_item(TableName=table, Item={**item, **values, "attempt": {"N": "1"}})
        try:
            yield
        finally:
            self._dynamodb.delete_item(TableName=table, Key={"id": {"S": id}})


def _now() -> str:
    return rfc3339(datetime.now(UTC))


def _row(order_id: str) -> dict[str, str]:
    return {
        "order_id": order_id,
        "status": "COMPLETED",
        "version": "3",
        "correlation_id": order_id,
        "event_id": str(uuid.uuid4()),
        "traceparent": f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01",
        "occurred_at": _now(),
        "updated_at": _now(),
        "payload": json.dumps({"customer": "proof", "sku": "SKU-0001", "quantity": 1}),
    }
