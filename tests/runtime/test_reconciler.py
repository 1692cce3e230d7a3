"""The reconciler settles what events and runs have left, of every kind, and one bad row stops no other."""

import json
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any

import pytest
from eda_runtime import object_query, redshift_load, settings
from eda_runtime.dead_letters import DeadLetters
from eda_runtime.ledger import Ledger
from eda_runtime.logger import logger
from eda_runtime.object_query import QuerySettings, StoredObject, plan
from eda_runtime.spice import SpiceRefreshes

from tests.runtime.deployed import Context, deployed
from tests.runtime.fake_aws import S3, Athena, Clock, DynamoDB, QuickSight, RedshiftData, Sqs, error

ENVIRONMENT = {
    "LEDGER_TABLE": "ledger",
    "GRACE_SECONDS": "120",
    "MAX_ATTEMPTS": "2",
    "DEAD_LETTER_QUEUE_URL": "queue",
    "KINDS": '["query", "load", "spice"]',
    "ACCOUNT_ID": "123456789012",
    "DATA_SET_IDS": '["orders", "customers"]',
    "LOAD_JOB_NAME": "load",
}
COLUMNS = (("order_id", "string"), ("version", "bigint"))
SETTINGS = QuerySettings(
    "wg", "db", "raw", "SELECT * FROM {rows}", COLUMNS, "s3://curated/o/", ("dt",), ("dt",), "orders", 2
)


class Glue:
    """Starts the job, unless it runs already."""

    def __init__(self) -> None:
        self.started: list[tuple[str, str]] = []
        self.busy = self.denied = False

    def start_job_run(self, JobName: str, Arguments: dict[str, str]) -> dict[str, str]:
        if self.busy or self.denied:
            raise error("ConcurrentRunsExceededException" if self.busy else "AccessDeniedException", "StartJobRun")
        self.started.append((JobName, Arguments["--scheduled_time"]))
        return {"JobRunId": f"jr_{len(self.started)}"}


@dataclass
class World:
    """All that lies behind the function."""

    dynamodb: DynamoDB = field(default_factory=DynamoDB)
    s3: S3 = field(default_factory=S3)
    sqs: Sqs = field(default_factory=Sqs)
    quicksight: QuickSight = field(default_factory=QuickSight)
    clock: Clock = field(default_factory=Clock)
    glue: Glue = field(default_factory=Glue)

    def __post_init__(self) -> None:
        self.athena = Athena(self.s3)
        self.redshift = RedshiftData(self.s3)
        self.ledger = Ledger(self.dynamodb, "ledger", self.clock, self.clock.sleep)

    def function(self, **environment: str) -> ModuleType:
        clients = {
            "dynamodb": self.dynamodb,
            "s3": self.s3,
            "sqs": self.sqs,
            "athena": self.athena,
            "glue": self.glue,
            "quicksight": self.quicksight,
        }
        module = deployed("reconciler/handler.py", {**ENVIRONMENT, **environment}, clients)
        module._ledger._clock = self.clock
        return module

    def run(self, milliseconds: int = 60_000, **environment: str) -> dict[str, int]:
        counts: dict[str, int] = self.function(**environment).handle({}, Context(milliseconds))
        return counts

    def query(self, name: str, **more: Any) -> dict[str, Any]:
        planned = plan(StoredObject("raw", f"dt=2026-01-01/{name}", "v"), SETTINGS)
        row = self.ledger.create({**planned, "opened_at": self.ledger.now(), **more})
        assert row is not None
        return row

    def started_query(self, name: str, state: str) -> dict[str, Any]:
        row = self.query(name)
        started = self.athena.start_query_execution(
            QueryString=row["statement"], WorkGroup="wg", ClientRequestToken=object_query.token(row)
        )
        run = self.athena.runs.all[started["QueryExecutionId"]]
        run.fails = state == "FAILED"
        if state != "RUNNING":
            self.athena.finish(run)
        changed = self.ledger.change(row, {"query_execution_id": run.id})
        assert changed is not None
        return changed

    def load(self, slot: str, state: str | None, objects: int = 1) -> str:
        taken = {}
        for number in range(objects):
            row = self.ledger.create({
                "id": f"query#{slot}-{number}", "kind": "query", "state": "SUCCEEDED", "attempt": 1,
                "unloaded": "orders", "settled_at": "2026-01-01T00:00:00Z",
            })  # fmt: skip
            assert row is not None
            taken[row["id"]] = 1
        row = self.ledger.create({
            "id": redshift_load.load_id("orders", slot), "kind": "load", "dataset": "orders", "slot": slot,
            "state": "STARTED", "attempt": 1, "objects": json.dumps(taken), "manifests": "[]",
            "open": "load", "opened_at": self.ledger.now(),
        })  # fmt: skip
        assert row is not None
        if state is not None:
            answer = self.redshift.batch_execute_statement(ClientToken=redshift_load.client_token(row), WithEvent=True)
            self.redshift.runs.all[answer["Id"]].state = state
            self.ledger.change(row, {"statement_id": answer["Id"]})
        return str(row["id"])

    def later(self) -> None:
        self.clock.time += 1000


def test_queries_are_started_settled_or_left() -> None:
    world = World()
    names = {"none": None, "runs": "RUNNING", "done": "SUCCEEDED", "broken": "FAILED"}
    rows = {name: world.started_query(name, state) if state else world.query(name) for name, state in names.items()}
    world.later()
    counts = world.run()
    assert counts == {"query started": 2, "query running": 1, "query succeeded": 1}
    after = {name: world.dynamodb.row(row["id"]) for name, row in rows.items()}
    assert after["none"]["query_execution_id"] in world.athena.runs.all
    assert after["runs"] == rows["runs"]
    assert after["done"]["state"] == "SUCCEEDED"
    assert after["broken"]["attempt"] == 2
    assert after["broken"]["query_execution_id"] != rows["broken"]["query_execution_id"]


def test_a_load_that_its_run_left_is_taken_up_by_the_job_and_a_failed_one_is_reported_once() -> None:
    world = World()
    for slot in ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z/3"):
        world.load(slot, "STARTED")
    failed = world.load("2026-01-03T00:00:00Z", "ABORTED")
    row = redshift_load.settle(world.ledger, world.redshift, world.dynamodb.row(failed))
    before = {id: dict(row) for id, row in world.dynamodb.rows.items()}
    # Within the grace time a run may take the failed one up.
    assert world.run() == {}
    world.later()
    assert world.run() == {"load taken up": 2, "load failed": 1}
    assert world.glue.started == [("load", "2026-01-01T00:00:00Z"), ("load", "2026-01-02T00:00:00Z")]
    world.glue.busy = True
    assert world.run() == {"load running": 2}
    assert world.sqs.messages == [
        {
            "kind": "load",
            "id": failed,
            "error": "the statement was aborted",
            "attempts": 1,
            "dataset": "orders",
            "slot": "2026-01-03T00:00:00Z",
        }
    ]
    before[failed].pop("open")
    assert world.dynamodb.rows == before, "the job alone says what became of a load"
    assert row["state"] == "FAILED"


def test_a_job_that_cannot_be_started_is_an_error() -> None:
    world = World()
    world.load("2026-01-01T00:00:00Z", None)
    world.later()
    world.glue.denied = True
    with pytest.raises(ExceptionGroup, match="1 rows are not reconciled"):
        world.run()


class Queues(Sqs):
    """The messages of each queue."""

    def __init__(self) -> None:
        super().__init__()
        self.of: dict[str, list[str]] = {}

    def send_message(self, QueueUrl: str, MessageBody: str, MessageAttributes: Any) -> None:
        self.of.setdefault(QueueUrl, []).append(json.loads(MessageBody)["kind"])


def test_what_failed_goes_to_the_queue_of_its_kind_or_else_to_the_reconcilers() -> None:
    world = World(sqs=(queues := Queues()))
    failed = world.load("2026-01-01T00:00:00Z", "FAILED")
    redshift_load.settle(world.ledger, world.redshift, world.dynamodb.row(failed))
    row = world.started_query("broken", "FAILED")
    world.ledger.change(row, {"last_attempt": 1})
    world.later()
    world.run(QUERY_DEAD_LETTER_QUEUE_URL="queries")
    world.later()
    world.run(QUERY_DEAD_LETTER_QUEUE_URL="queries")
    assert queues.of == {"queries": ["query"], "queue": ["load"]}


def test_refreshes_are_created_settled_or_left() -> None:
    world = World()
    letters = DeadLetters(world.ledger, world.sqs, "queue", logger)
    refreshes = SpiceRefreshes(world.ledger, world.quicksight, letters, "123456789012", 2)
    for data_set in ("never", "done", "runs"):
        world.quicksight.limited = data_set == "never"
        refreshes.request(data_set, "s1")
    world.quicksight.finish(next(r for r in world.quicksight.runs.all.values() if r.parameters["DataSetId"] == "done"))
    world.later()
    assert world.run() == {"spice started": 1, "spice completed": 1, "spice running": 1}
    assert world.dynamodb.row("spice#done")["state"] == "IDLE"


def test_a_load_whose_completion_event_got_lost_is_refreshed_and_one_whose_did_not_is_not_again() -> None:
    world = World()
    letters = DeadLetters(world.ledger, world.sqs, "queue", logger)
    refreshes = SpiceRefreshes(world.ledger, world.quicksight, letters, "123456789012", 2)
    rows = {}
    for number in ("01", "02"):
        id = world.load(f"2026-01-{number}T00:00:00Z", "FINISHED")
        row = world.ledger.change(world.dynamodb.row(id), {"awaits_refresh": "true"})
        assert row is not None
        rows[number] = redshift_load.settle(world.ledger, world.redshift, row)
        assert (rows[number]["state"], rows[number]["open"]) == ("SUCCEEDED", "refresh")
    for data_set in ("orders", "customers"):
        refreshes.request(data_set, rows["01"]["statement_id"])
    world.later()
    assert world.run(KINDS='["load"]') == {}
    counts = world.run()
    assert counts["refresh asked for"] == 2
    wanted = {row["statement_id"] for row in rows.values()}
    for data_set in ("orders", "customers"):
        noted = {statement for statement in wanted if f"spice#{data_set}#{statement}" in world.dynamodb.rows}
        assert noted == wanted
    # The second load's rows come with one more ingestion, when this one has ended.
    started = [run.parameters["DataSetId"] for run in world.quicksight.runs.all.values()]
    assert sorted(started) == ["customers", "orders"]
    assert not [id for id in world.dynamodb.rows if id.startswith("load#") and "open" in world.dynamodb.row(id)]
    world.later()
    assert "refresh asked for" not in world.run()


def test_a_slot_that_is_loaded_again_meanwhile_is_left_open() -> None:
    world = World()
    id = world.load("2026-01-01T00:00:00Z", None)
    stale = {**world.dynamodb.row(id), "open": "refresh"}
    module = world.function(GRACE_SECONDS="0")
    assert module._one("refresh", module._reconcile["refresh"], stale) == "nothing to do"
    assert world.dynamodb.row(id)["open"] == "load"


def test_what_is_younger_than_the_grace_time_is_left_to_its_event() -> None:
    world = World()
    world.query("new")
    assert world.run() == {}
    assert world.run(GRACE_SECONDS="0") == {"query started": 1}


def test_only_the_kinds_that_are_asked_for() -> None:
    world = World()
    world.query("q")
    world.load("2026-01-01T00:00:00Z", "FINISHED")
    world.later()
    assert world.run(KINDS='["load"]') == {"load taken up": 1}


def test_a_kind_that_is_not_known_is_an_error_at_once() -> None:
    with pytest.raises(settings.SettingsError, match="KINDS has \\['copy'\\]"):
        World().function(KINDS='["query", "copy"]')


def test_one_bad_row_stops_no_other() -> None:
    world = World()
    bad = [world.query(name, statement="x" * 10) for name in ("bad1", "bad2")]
    good = world.query("good")
    start = world.athena.start_query_execution

    def broken(**parameters: Any) -> dict[str, Any]:
        if parameters["QueryString"].startswith("xxx"):
            raise RuntimeError("broken")
        return start(**parameters)

    world.athena.start_query_execution = broken  # type: ignore[method-assign]  # a fault
    world.later()
    with pytest.raises(ExceptionGroup, match="2 rows are not reconciled") as caught:
        world.run()
    assert [error.__notes__ for error in caught.value.exceptions] == [[row["id"]] for row in bad]
    assert "query_execution_id" in world.dynamodb.row(good["id"])


def test_a_row_that_the_index_shows_too_late_is_left_alone() -> None:
    world = World()
    row = world.started_query("done", "SUCCEEDED")
    world.later()
    stale = dict(world.dynamodb.rows[row["id"]])
    assert world.run() == {"query succeeded": 1}
    settled = dict(world.dynamodb.rows[row["id"]])

    class Lagging(DynamoDB):
        def query(self, IndexName: str, KeyConditionExpression: str, **request: Any) -> dict[str, Any]:
            kind = request["ExpressionAttributeValues"][":hash"]["S"]
            return {"Items": [stale] if kind == "query" else []}

    lagging = Lagging()
    lagging.rows = world.dynamodb.rows
    assert replace(world, dynamodb=lagging).run() == {"query nothing to do": 1}
    assert world.dynamodb.rows[row["id"]] == settled


def test_it_ends_in_time_and_goes_on_next_time() -> None:
    world = World()
    world.query("q")
    world.later()
    assert world.run(milliseconds=1_000) == {"query left": 1}
    assert world.run() == {"query started": 1}
