"""Which orders an object holds is logged with it, before its query counts as done, whatever is lost or killed."""

import json
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from eda_runtime.dead_letters import DeadLetters, correlation_id
from eda_runtime.ledger import Ledger
from eda_runtime.logger import logger
from eda_runtime.object_query import (
    IDS_OF_LINE,
    MAX_IDS,
    ObjectQueries,
    Outcome,
    QuerySettings,
    StoredObject,
    orders_statement,
    plan,
    target_of,
)

from tests.runtime.fake_aws import S3, Athena, Clock, DynamoDB, Sqs
from tests.runtime.races import Kill, Killed, finish

SETTINGS = QuerySettings(
    workgroup="wg",
    database="db",
    table="raw",
    template="SELECT a, COALESCE(id, {key}) AS correlation_id FROM {rows}",
    columns=(("a", "string"), ("correlation_id", "string")),
    output_location="s3://curated/orders/",
    output_partitions=("dt",),
    partition_keys=("dt", "hour"),
    dataset="orders",
    max_attempts=2,
    correlation_id_column="correlation_id",
)
STORED = StoredObject("raw", "raw/orders/dt=2026-01-02/file.parquet", "v1")
PLANNED = plan(STORED, SETTINGS)


class World:
    """All that lies behind the code."""

    def __init__(self, ids: list[str], failures: list[bool] | None = None) -> None:
        self.dynamodb, self.s3, self.sqs, self.clock = DynamoDB(), S3(), Sqs(), Clock()
        self.athena = Athena(self.s3, failures)
        self.athena.ids = ids

    def queries(self, guard: Any = lambda client: client) -> ObjectQueries:
        ledger = Ledger(guard(self.dynamodb), "ledger", self.clock, self.clock.sleep)
        return ObjectQueries(
            ledger, guard(self.athena), guard(self.s3), DeadLetters(ledger, guard(self.sqs), "queue", logger)
        )

    @property
    def row(self) -> dict[str, Any]:
        return self.dynamodb.row(PLANNED["id"])

    def go_on(self, guard: Any = lambda client: client) -> None:
        """Let queries end, and their completion events come, until nothing runs."""
        while going := self.athena.runs.going("RUNNING"):
            for run in going:
                self.athena.finish(run)
                self.queries(guard).completed(run.id)


@pytest.fixture
def log() -> Iterator[StringIO]:
    """What is logged."""
    handler: Any = logger.registered_handler
    before, stream = handler.stream, StringIO()
    handler.setStream(stream)
    yield stream
    handler.setStream(before)


def told(log: StringIO, message: str = "orders of the object") -> list[dict[str, Any]]:
    """The lines with that message, once."""
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    log.seek(0)
    log.truncate()
    return [line for line in lines if line["message"] == message]


def test_the_ids_are_asked_of_the_objects_own_query_and_logged_in_parts(log: StringIO) -> None:
    ids = [f"order-{number}" for number in range(2 * IDS_OF_LINE + 1)]
    world = World(ids)
    assert world.queries().request(PLANNED) is Outcome.STARTED
    world.go_on()
    assert world.row["state"] == "SUCCEEDED"
    unload, asked = (run.parameters["QueryString"] for run in world.athena.runs.all.values())
    assert asked == orders_statement(world.row)
    assert unload.partition("UNLOAD (\n")[2].rpartition("\n) TO ")[0] in asked
    assert target_of(asked) == (PLANNED["id"], 1)
    lines = told(log)
    assert [line["part"] for line in lines] == [1, 2, 3]
    assert [id for line in lines for id in line["correlation_ids"]] == ids
    first = next(iter(world.athena.runs.all))
    for line in lines:
        assert (line["object_id"], line["bucket"], line["key"]) == (STORED.id, STORED.bucket, STORED.key)
        assert line["query_execution_id"] == first


def test_an_object_with_very_many_orders_tells_of_some_and_says_so(log: StringIO) -> None:
    world = World([f"{number}" for number in range(MAX_IDS + 1)])
    world.queries().request(PLANNED)
    world.go_on()
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    parts = [line["correlation_ids"] for line in lines if line["message"] == "orders of the object"]
    assert sum(map(len, parts)) == MAX_IDS
    assert [line["logged"] for line in lines if line["message"] == "more orders than are logged"] == [MAX_IDS]


def test_rows_with_invalid_values_are_counted_and_told_with_their_orders(log: StringIO) -> None:
    world = World(["a", "b", "c"])
    world.athena.invalid = {"b": 2, "c": 1}
    world.queries().request({**PLANNED, "invalid_column": "invalid"})
    world.go_on()
    assert 'count("invalid")' in orders_statement(world.row)
    (line,) = told(log, "rows with invalid values")
    assert (line["level"], line["rows"], line["correlation_ids"]) == ("WARNING", 3, ["b", "c"])
    assert (line["object_id"], line["key"]) == (STORED.id, STORED.key)
    (metric,) = line["_aws"]["CloudWatchMetrics"]
    assert metric["Namespace"] == "EventDriven"
    assert metric["Dimensions"] == [["WorkGroup"]]
    assert (line["WorkGroup"], line["InvalidRows"]) == ("wg", [3])


@pytest.mark.parametrize("column", ["correlation_id_column", "invalid_column"])
def test_each_column_is_asked_for_alone_too(column: str, log: StringIO) -> None:
    world = World(["a"])
    planned = {name: value for name, value in PLANNED.items() if name != "correlation_id_column"}
    world.queries().request({**planned, column: "c"})
    world.go_on()
    assert world.row["state"] == "SUCCEEDED"
    assert len(world.athena.runs.all) == 2
    assert told(log, "rows with invalid values") == []


def test_data_does_not_wait_for_a_log_that_cannot_be_written(log: StringIO) -> None:
    world = World(["a"], [False, True])
    world.queries().request(PLANNED)
    world.go_on()
    assert world.row["state"] == "SUCCEEDED"
    assert len(told(log, "orders of the object unknown")) == 1
    assert len(world.athena.runs.all) == 2


def test_without_a_column_nothing_more_is_asked() -> None:
    world = World(["a"])
    world.queries().request({name: value for name, value in PLANNED.items() if name != "correlation_id_column"})
    world.go_on()
    assert world.row["state"] == "SUCCEEDED"
    assert len(world.athena.runs.all) == 1


@pytest.mark.parametrize("committed", [False, True])
def test_killed_at_each_call_the_ids_are_logged_before_the_query_counts_as_done(committed: bool, log: StringIO) -> None:
    call = 0
    while True:
        world = World(["a", "b"])

        def life(guard: Any, world: World = world) -> None:
            world.queries(guard).request(PLANNED)
            world.go_on(guard)

        run = finish(life, Kill(call, committed))
        lines = told(log)
        if world.row.get("state") == "SUCCEEDED":
            assert [line["correlation_ids"] for line in lines] == [["a", "b"]]
        world.queries().request(PLANNED)
        for _ in range(5):
            world.go_on()
            if "open" in world.row:
                # The completion event was lost with the run: the reconciler comes.
                world.queries().reconcile(world.row)
        assert world.row["state"] == "SUCCEEDED"
        assert lines + told(log)
        assert len(world.athena.runs.all) == 2
        if not isinstance(run.failure, Killed):
            break
        call += 1
    assert call > 8


def test_messages_carry_the_id_under_which_their_hop_logs() -> None:
    assert correlation_id({"kind": "query", "id": "query#abc"}) == "abc"
    assert correlation_id({"kind": "load", "id": "load#orders#slot"}) == "load#orders#slot"
    assert correlation_id({"kind": "spice", "id": "spice#d#s", "statement_id": "s"}) == "s"
