"""Operating the analytics: backfill, redrive and reload may be stopped and repeated, and nothing counts twice."""

import io
import json
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import pytest
from eda_runtime.ledger import Ledger
from eda_runtime.object_query import StoredObject
from eda_runtime.redshift_load import LoadArgumentError, load_id
from eda_sandbox.embedded import Sandbox
from typer.testing import CliRunner

import pipeline.__main__ as command_line
from pipeline.backfill import Backfill
from pipeline.redrive_queries import RedriveQueries, event_of
from pipeline.reload import JobRuns, Reload
from tests.runtime.deployed import Context, deployed
from tests.runtime.fake_aws import S3, Athena, DynamoDB, Sqs
from tests.runtime.test_analytics_functions import QUERY_ENVIRONMENT, QUERY_FILES, created, state_change

START = datetime(2026, 1, 1, 22, tzinfo=UTC)
SLOT = "2026-01-02T03:00:00Z"
OUTPUTS = {
    "query_function_name": "query",
    "glue_database_name": "db",
    "raw_table_name": "raw",
    "ledger_table_name": "ledger",
    "load_job_name": "load",
}


class Stack:
    """What the commands meet: the query function as it is deployed, a catalog, a job."""

    def __init__(self, aws: Sandbox, versions: bool = True) -> None:
        self.aws = aws
        self.dynamodb, self.curated = DynamoDB(), S3()
        self.athena = Athena(self.curated)
        self.bucket = f"raw-{secrets.token_hex(4)}"
        s3 = aws.client("s3")
        s3.create_bucket(Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        if versions:
            s3.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"})
        queue = aws.client("sqs").create_queue(QueueName=f"dlq-{secrets.token_hex(4)}")
        self.outputs = {**OUTPUTS, "query_dlq_url": queue["QueueUrl"]}
        # As the events of these tests have it.
        self.outputs |= {"raw_bucket_name": "raw", "athena_workgroup_name": "wg"}
        self.glue = Glue(f"s3://{self.bucket}/raw/orders/")
        clients = {
            "dynamodb": self.dynamodb,
            "athena": self.athena,
            "s3": self.curated,
            "sqs": Sqs(),
            "glue": self.glue,
        }
        self.function: ModuleType = deployed("per_object_query/handler.py", QUERY_ENVIRONMENT, clients, QUERY_FILES)
        self.calls: list[dict[str, Any]] = []

    def client(self, service: str) -> Any:
        own = {"lambda": self, "glue": self.glue, "dynamodb": self.dynamodb}
        return own[service] if service in own else self.aws.client(service)

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:
        assert FunctionName == "query"
        event = json.loads(Payload)
        self.calls.append(event)
        try:
            return {"Payload": io.BytesIO(json.dumps(self.function.handle(event, Context())).encode())}
        except Exception as error:
            failure = {"errorType": type(error).__name__, "errorMessage": str(error)}
            return {"Payload": io.BytesIO(json.dumps(failure).encode()), "FunctionError": "Unhandled"}

    def put(self, key: str, body: bytes = b"x") -> None:
        self.aws.client("s3").put_object(Bucket=self.bucket, Key=key, Body=body)

    def finish(self) -> None:
        for run in self.athena.runs.going("RUNNING"):
            self.athena.finish(run)
            self.function.handle(state_change(run.id, run.state), Context())

    def send(self, body: Any) -> None:
        self.aws.client("sqs").send_message(
            QueueUrl=self.outputs["query_dlq_url"], MessageBody=body if isinstance(body, str) else json.dumps(body)
        )

    def messages(self) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.aws.client("sqs").get_queue_attributes(
            QueueUrl=self.outputs["query_dlq_url"], AttributeNames=names
        )
        return sum(int(answer["Attributes"][name]) for name in names)


class Glue:
    """A table and a job."""

    class exceptions:
        class ConcurrentRunsExceededException(Exception):
            pass

    def __init__(self, location: str) -> None:
        self.location = location
        self.started: list[tuple[str, dict[str, str]]] = []
        self.busy = False

    def get_table(self, DatabaseName: str, Name: str) -> dict[str, Any]:
        assert (DatabaseName, Name) == ("db", "raw")
        keys = [{"Name": name, "Type": "string"} for name in ("dt", "hour")]
        return {"Table": {"StorageDescriptor": {"Location": self.location}, "PartitionKeys": keys}}

    def get_job(self, JobName: str) -> dict[str, Any]:
        assert JobName == "load"
        return {"Job": {"DefaultArguments": {"--dataset": "orders"}}}

    def start_job_run(self, JobName: str, Arguments: dict[str, str]) -> dict[str, Any]:
        if self.busy:
            raise self.exceptions.ConcurrentRunsExceededException
        self.started.append((JobName, Arguments))
        return {"JobRunId": f"jr_{len(self.started)}"}


KEYS = [
    f"raw/orders/dt=2026-01-0{day}/hour={hour}/f" for day, hour in ((1, 21), (1, 22), (1, 23), (2, "00"), (2, "01"))
]


def outcomes(requests: Any) -> dict[str, str]:
    return {requested.what: requested.outcome for requested in requests}


@pytest.mark.parametrize("versions", [True, False])
def test_a_backfill_queries_each_object_of_the_time_once_under_its_name(aws: Sandbox, versions: bool) -> None:
    stack = Stack(aws, versions)
    for key in KEYS:
        stack.put(key)
    stack.put(f"{KEYS[1]}-empty", b"")
    known = aws.client("s3").head_object(Bucket=stack.bucket, Key=KEYS[2])
    detail = {"bucket": {"name": stack.bucket}, "object": {"key": KEYS[2], "size": 1, "etag": known["ETag"].strip('"')}}
    if versions:
        detail["object"]["version-id"] = known["VersionId"]
    stack.function.handle({"detail-type": "Object Created", "detail": detail}, Context())
    stack.finish()
    range_ = (START, START + timedelta(hours=3), "b1")
    backfill = Backfill(stack.client, stack.outputs)
    assert outcomes(backfill.run(*range_)) == dict.fromkeys(KEYS[1:4], "started")
    assert outcomes(backfill.run(*range_)) == dict.fromkeys(KEYS[1:4], "nothing to do")
    stack.finish()
    assert outcomes(backfill.run(*range_)) == dict.fromkeys(KEYS[1:4], "nothing to do")
    assert len(stack.dynamodb.rows) == 3, "the object that was there is known by the same id"
    assert len(stack.athena.runs.all) == 4
    assert len(stack.curated.objects) == 9, "three files of each object, none of an earlier attempt"


def test_a_backfill_of_hours_without_objects_says_so_and_is_not_done(aws: Sandbox) -> None:
    stack = Stack(aws)
    stack.put(f"{KEYS[1]}-empty", b"")
    (found,) = Backfill(stack.client, stack.outputs).run(START, START + timedelta(hours=3), "b1")
    assert (found.outcome, found.done) == ("no object lies there in these hours", False)
    assert stack.calls == []


def test_a_backfill_that_was_stopped_goes_on(aws: Sandbox) -> None:
    stack = Stack(aws)
    for key in KEYS:
        stack.put(key)
    range_ = (START, START + timedelta(hours=3), "b1")
    stopped = Backfill(stack.client, stack.outputs).run(*range_)
    next(stopped)
    stopped.close()
    assert list(outcomes(Backfill(stack.client, stack.outputs).run(*range_)).values()) == [
        "nothing to do",
        "started",
        "started",
    ]
    assert len(stack.athena.runs.all) == 3


def test_an_object_that_cannot_be_queried_stops_no_other(aws: Sandbox) -> None:
    stack = Stack(aws)
    stack.put(KEYS[1])
    stack.put("raw/orders/dt=2026-01-01/hour=22/dt=2/f")
    done = outcomes(Backfill(stack.client, stack.outputs).run(START, START + timedelta(hours=1), "b1"))
    assert done.pop(KEYS[1]) == "started"
    (failure,) = done.values()
    assert failure.startswith("failed: ObjectRefused: the key names the partition dt twice")


def own_message(stack: Stack, key: str) -> dict[str, Any]:
    """Let an object's query fail for good; the message about it."""
    stack.athena.refused = "broken"
    stack.function.handle(created(key), Context())
    stack.athena.refused = None
    (message,) = [sent for sent in stack.function._queries._dead_letters._sqs.messages if sent["key"] == key]
    return dict(message)


def failure_record(event: dict[str, Any]) -> dict[str, Any]:
    """A record of Lambda's on-failure destination."""
    return {
        "version": "1.0",
        "requestContext": {"condition": "RetriesExhausted", "approximateInvokeCount": 3},
        "requestPayload": event,
        "responseContext": {"statusCode": 200, "functionError": "Unhandled"},
        "responsePayload": {"errorType": "ClientError"},
    }


def test_every_kind_of_message_is_redriven_and_leaves_the_queue(aws: Sandbox) -> None:
    stack = Stack(aws)
    keys = [f"raw/dt=2026-01-01/hour=0{number}/f" for number in range(4)]
    stack.function.handle(created(keys[3]), Context())
    (completed,) = stack.athena.runs.all.values()
    stack.athena.finish(completed)
    message = own_message(stack, keys[0])
    for body in (
        message,
        message,
        created(keys[1]),
        failure_record(created(keys[2])),
        state_change(completed.id, "SUCCEEDED"),
    ):
        stack.send(body)
    done = list(RedriveQueries(stack.client, stack.outputs).run())
    assert sorted((requested.what, requested.outcome) for requested in done) == sorted([
        (keys[0], "nothing to do"),
        (keys[0], "started"),
        (keys[1], "started"),
        (keys[2], "started"),
        (completed.id, "succeeded"),
    ])  # fmt: skip
    assert stack.messages() == 0
    stack.finish()
    rows = [stack.dynamodb.row(id) for id in stack.dynamodb.rows]
    assert {row["state"] for row in rows} == {"SUCCEEDED"}
    assert len(rows) == 4


def test_what_fails_again_or_is_not_understood_stays_in_the_queue(aws: Sandbox) -> None:
    stack = Stack(aws)
    stack.send(created("raw/no-partition"))
    stack.send("not JSON")
    stack.send({"kind": "load", "id": "load#orders#x"})
    done = list(RedriveQueries(stack.client, stack.outputs).run(limit=3))
    assert [requested.done for requested in done] == [False] * 3
    assert {requested.outcome.split(":")[0] for requested in done} == {"failed", "still in the queue"}
    assert stack.messages() == 3


@pytest.mark.parametrize("message", [None, [], {}, {"kind": "query"}, {"requestPayload": {}}, {"detail-type": "Other"}])
def test_other_messages_are_no_events(message: Any) -> None:
    assert event_of(message) is None


def test_an_own_message_names_the_same_object() -> None:
    event = event_of({"kind": "query", "bucket": "b", "key": "k", "version_id": "v"})
    assert event is not None
    assert StoredObject.of(event["detail"]) == StoredObject("b", "k", "v")


@pytest.fixture
def loaded() -> tuple[Callable[[str], Any], DynamoDB, Glue]:
    """A slot that was loaded in two parts, with an object that was queried anew since."""
    dynamodb, glue = DynamoDB(), Glue("s3://raw/")
    ledger = Ledger(dynamodb, "ledger")
    for part, ids in ((SLOT, ("query#1", "query#2")), (f"{SLOT}/2", ("query#3",))):
        load = load_id("orders", part)
        row = {"kind": "load", "state": "SUCCEEDED", "attempt": 1, "slot": part, "statement_id": part, "manifest": "m"}
        ledger.create({"id": load, **row, "objects": json.dumps(dict.fromkeys(ids, 1))})
        for id in ids:
            by = "load#orders#later" if id == "query#2" else load
            ledger.create({"id": id, "state": "SUCCEEDED", "attempt": 1, "loaded_by": by, "settled_at": "2026"})
    return {"dynamodb": dynamodb, "glue": glue}.__getitem__, dynamodb, glue


def test_reloading_a_slot_lets_its_objects_wait_again_and_starts_the_job(
    loaded: tuple[Callable[[str], Any], DynamoDB, Glue],
) -> None:
    client, dynamodb, glue = loaded
    for _ in range(2):
        Reload(client, OUTPUTS).run(SLOT)
    assert glue.started == [("load", {"--scheduled_time": SLOT})] * 2
    assert {id for id in dynamodb.rows if "unloaded" in dynamodb.row(id)} == {"query#1", "query#3"}
    assert dynamodb.row("query#2")["loaded_by"] == "load#orders#later"
    assert {dynamodb.row(load_id("orders", part))["state"] for part in (SLOT, f"{SLOT}/2")} == {"FAILED"}


def test_a_slot_that_was_missed_or_failed_is_started_as_it_is() -> None:
    dynamodb, glue = DynamoDB(), Glue("s3://raw/")
    client = {"dynamodb": dynamodb, "glue": glue}.__getitem__
    assert Reload(client, OUTPUTS).run(SLOT) == "jr_1"
    assert dynamodb.rows == {}
    row = Ledger(dynamodb, "ledger").create({"id": load_id("orders", SLOT), "state": "FAILED", "attempt": 3})
    assert Reload(client, OUTPUTS).run(SLOT) == "jr_2"
    assert dynamodb.row(load_id("orders", SLOT)) == row


def test_a_job_that_runs_and_a_slot_that_is_none_are_said(
    loaded: tuple[Callable[[str], Any], DynamoDB, Glue],
) -> None:
    client, dynamodb, glue = loaded
    with pytest.raises(LoadArgumentError, match="scheduled_time"):
        Reload(client, OUTPUTS).run("today")
    assert dynamodb.row(load_id("orders", SLOT))["state"] == "SUCCEEDED"
    glue.busy = True
    with pytest.raises(JobRuns, match="call again"):
        Reload(client, OUTPUTS).run(SLOT)


def test_the_command_line(aws: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = Stack(aws)
    stack.put(KEYS[1])
    monkeypatch.setattr(command_line, "_clients", lambda endpoint_url: stack.client)

    def call(*arguments: str) -> tuple[int, list[str]]:
        done = CliRunner().invoke(
            command_line.app, [*arguments, "--outputs", "-"], input=json.dumps(stack.outputs), catch_exceptions=False
        )
        return done.exit_code, done.output.splitlines()

    hours = ("--start", "2026-01-01T22:00:00", "--end", "2026-01-01T23:00:00")
    assert call("backfill", *hours) == (0, [f"{KEYS[1]}: started", "1 objects handled, 0 left"])
    assert call("backfill", *hours)[1][0] == f"{KEYS[1]}: nothing to do"
    assert call("redrive-queries") == (0, ["0 messages handled, 0 left"])
    stack.send("not JSON")
    code, printed = call("redrive-queries", "--limit", "1")
    assert code == 1
    assert printed[-1] == "0 messages handled, 1 left"
    assert call("reload", SLOT) == (0, [f"{SLOT}: started jr_1"])
    stack.glue.busy = True
    assert call("reload", SLOT)[0] == 1
    assert call("reload", "today") == (
        1,
        ["scheduled_time is 'today'; it must be a time such as 2026-01-31T03:00:00Z"],
    )
