"""One query for each object, whatever repeats, races or is killed."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from eda_runtime.dead_letters import DeadLetters
from eda_runtime.ledger import Ledger
from eda_runtime.logger import logger
from eda_runtime.object_query import (
    NOTHING_READ,
    ObjectQueries,
    ObjectRefused,
    Outcome,
    QuerySettings,
    StoredObject,
    for_attempt,
    orders_statement,
    partitions,
    plan,
    rows_statement,
    target_of,
    token,
)
from eda_runtime.query_template import QueryTemplateError, check_template, render
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.runtime.fake_aws import S3, Athena, Clock, DynamoDB, Sqs
from tests.runtime.races import Kill, Killed, Run, finish, race

SETTINGS = QuerySettings(
    workgroup="wg",
    database="db",
    table="raw",
    template="SELECT a, {key} AS source FROM {rows}",
    columns=(("a", "string"), ("source", "string")),
    output_location="s3://curated/orders/",
    output_partitions=("dt",),
    partition_keys=("dt", "hour"),
    dataset="orders",
    max_attempts=3,
)
STORED = StoredObject("raw", "raw/orders/dt=2026-01-02/hour=03/file.parquet", "v1")
PLANNED = plan(STORED, SETTINGS)
FOLDER = f"s3://curated/orders/dt=2026-01-02/{STORED.id}/"

Guarding = Callable[[Any], Any]


@dataclass
class World:
    """All that lies behind the code."""

    failures: list[bool] = field(default_factory=list)
    dynamodb: DynamoDB = field(default_factory=DynamoDB)
    s3: S3 = field(default_factory=S3)
    sqs: Sqs = field(default_factory=Sqs)
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.athena = Athena(self.s3, self.failures)

    def queries(self, guard: Guarding = lambda client: client) -> ObjectQueries:
        ledger = self.ledger(guard)
        letters = DeadLetters(ledger, guard(self.sqs), "queue", logger)
        return ObjectQueries(ledger, guard(self.athena), guard(self.s3), letters)

    def ledger(self, guard: Guarding = lambda client: client) -> Ledger:
        return Ledger(guard(self.dynamodb), "ledger", self.clock, self.clock.sleep)

    @property
    def row(self) -> dict[str, Any]:
        return self.dynamodb.row(PLANNED["id"])

    def event(self, guard: Guarding) -> None:
        """What S3's event does."""
        self.queries(guard).request(PLANNED)

    def completions(self, guard: Guarding) -> None:
        """What the completion events of all queries do that have ended."""
        for run in self.athena.runs.going("SUCCEEDED", "FAILED"):
            self.queries(guard).completed(run.id)

    def reconciler(self, guard: Guarding) -> None:
        """What the reconciler does."""
        queries, ledger = self.queries(guard), self.ledger(guard)
        for row in list(ledger.open("query", ledger.now())):
            if "open" in (found := ledger.get(row["id"]) or {}):
                queries.reconcile(found)

    def service(self, guard: Guarding) -> None:
        """Let the queries that run come to their ends."""

        class Service:
            @staticmethod
            def end() -> None:
                for run in self.athena.runs.going("RUNNING"):
                    self.athena.finish(run)

        guard(Service()).end()

    def come_to_rest(self) -> None:
        """Reconcile until nothing is open, as the schedule does."""
        for _ in range(20):
            finish(self.service)
            assert finish(self.reconciler).failure is None
            if not list(self.ledger().open("query", "9999")):
                return
        raise AssertionError(f"still open: {self.row}")

    def check(self, killed: bool) -> None:
        """One result, no more queries than failures asked for, nothing in two places."""
        runs = list(self.athena.runs.all.values())
        failed = [run for run in runs if run.state == "FAILED"]
        assert self.row["attempt"] == len(runs), "an attempt is raised only after one failed"
        if len(failed) < SETTINGS.max_attempts:
            assert self.row["state"] == "SUCCEEDED"
            assert [run.state for run in runs] == ["FAILED"] * len(failed) + ["SUCCEEDED"]
            files = {file["path"] for file in json.loads(self.row["files"])}
            assert files == self.s3.paths(FOLDER)
            assert len(files) == 3
            assert self.row["unloaded"] == "orders"
            assert self.sqs.messages == []
        else:
            assert self.row["state"] == "FAILED"
            assert self.s3.paths(FOLDER) == set()
            assert "unloaded" not in self.row
            # A message that was sent by a run that is killed right after is sent again.
            assert 1 <= len(self.sqs.messages) <= (2 if killed else 1)
            assert self.sqs.messages[0]["attempts"] == SETTINGS.max_attempts
        assert "open" not in self.row


FAILURES = st.lists(st.booleans(), max_size=4)
KILLS = st.none() | st.builds(Kill, st.integers(0, 12), st.booleans())
ORDER = st.lists(st.integers(0, 5), max_size=60)


@settings(max_examples=examples(300), deadline=None, derandomize=True)
@given(failures=FAILURES, kills=st.lists(KILLS, min_size=5, max_size=5), order=ORDER)
def test_whatever_races_and_dies_there_is_one_result(
    failures: list[bool], kills: list[Kill | None], order: list[int]
) -> None:
    world = World(failures)
    acts = [world.event, world.event, world.completions, world.reconciler, world.reconciler]
    runs = [Run(act, kill) for act, kill in zip(acts, kills, strict=True)]
    race([*runs, *[Run(world.service) for _ in range(3)]], order)
    assert {type(run.failure) for run in runs} <= {type(None), Killed}
    if not world.row:
        # Every run that knew of the object died before it wrote: S3's event is tried again.
        finish(world.event)
    world.come_to_rest()
    world.check(killed=any(isinstance(run.failure, Killed) for run in runs))


@pytest.mark.parametrize("committed", [False, True])
@pytest.mark.parametrize("failures", [[], [True], [True, True, True]], ids=["succeeds", "fails once", "fails for good"])
def test_killed_at_each_call_in_turn(failures: list[bool], committed: bool) -> None:
    """The whole life of a query in one run, killed at its first call, at its second, …, until it is not killed."""
    call = 0
    while True:
        world = World(list(failures))

        def life(guard: Guarding, world: World = world) -> None:
            world.event(guard)
            for _ in range(4):
                world.service(lambda client: client)
                world.completions(guard)

        run = finish(life, Kill(call, committed))
        if not isinstance(run.failure, Killed):
            assert run.failure is None
            break
        finish(world.event)
        world.come_to_rest()
        world.check(killed=True)
        call += 1
    assert call > 6
    world.check(killed=False)


def test_a_repeated_event_starts_nothing() -> None:
    world = World()
    assert world.queries().request(PLANNED) is Outcome.STARTED
    assert world.queries().request(PLANNED) is Outcome.NOTHING
    finish(world.service)
    (run,) = world.athena.runs.all.values()
    assert world.queries().completed(run.id) is Outcome.SUCCEEDED
    settled = world.row
    assert world.queries().completed(run.id) is Outcome.NOTHING
    assert world.queries().request(PLANNED) is Outcome.NOTHING
    assert world.row == settled
    assert len(world.athena.runs.all) == 1


def test_a_throttled_start_is_raised_and_stays_open() -> None:
    world = World()
    world.athena.throttled = 1
    with pytest.raises(ClientError, match="TooManyRequests"):
        world.queries().request(PLANNED)
    assert world.row["state"] == "STARTED"
    assert world.row["open"] == "query"
    assert world.row["attempt"] == 1
    # The event's retry, with the same token.
    assert world.queries().request(PLANNED) is Outcome.STARTED
    assert set(world.athena.runs.tokens) == {token(world.row)}


def test_a_statement_that_athena_refuses_fails_for_good_with_a_message() -> None:
    world = World()
    world.athena.refused = "mismatched input"
    assert world.queries().request(PLANNED) is Outcome.FAILED
    assert world.sqs.messages == [
        {
            "kind": "query",
            "id": PLANNED["id"],
            "error": "mismatched input",
            "attempts": 3,
            "bucket": "raw",
            "key": STORED.key,
            "version_id": "v1",
        }
    ]
    assert world.queries().request(PLANNED) is Outcome.NOTHING


def test_a_query_that_makes_nothing_of_the_rows_that_are_there_waits_for_no_load() -> None:
    world = World()
    world.athena.parts = 0
    finish(world.event)
    world.come_to_rest()
    assert (world.row["state"], world.row["files"]) == ("SUCCEEDED", "[]")
    assert "unloaded" not in world.row
    unload, counted = (run.parameters["QueryString"] for run in world.athena.runs.all.values())
    assert counted == rows_statement(world.row)
    assert counted.partition("FROM ")[2] in unload
    assert target_of(counted) == (PLANNED["id"], 1)


@pytest.mark.parametrize("committed", [False, True])
def test_an_object_of_which_the_table_reads_nothing_is_set_aside_whoever_dies(committed: bool) -> None:
    call = 0
    while True:
        world = World()
        world.athena.parts = world.athena.read = 0

        def life(guard: Guarding, world: World = world) -> None:
            world.event(guard)
            for _ in range(3):
                world.service(lambda client: client)
                world.completions(guard)

        run = finish(life, Kill(call, committed))
        finish(world.event)
        world.come_to_rest()
        assert (world.row["state"], world.row["error"]) == ("FAILED", NOTHING_READ)
        assert {(message["key"], message["error"]) for message in world.sqs.messages} == {(STORED.key, NOTHING_READ)}
        assert len(world.athena.runs.all) == 2, "asking again would find the same"
        if not isinstance(run.failure, Killed):
            break
        call += 1
    assert call > 6
    assert len(world.sqs.messages) == 1


def test_a_count_that_fails_is_another_attempt() -> None:
    world = World([False, True])
    world.athena.parts = 0
    finish(world.event)
    world.come_to_rest()
    assert (world.row["state"], world.row["attempt"]) == ("SUCCEEDED", 2)


@pytest.mark.parametrize("loaded", [False, True])
@pytest.mark.parametrize(
    ("parts", "read", "failures", "error"),
    [
        (0, 0, [], "the table reads no row"),
        (0, 7, [], "makes nothing of the 7 rows that made something before"),
        (3, 7, [False, True, True, True], "HIVE_BAD_DATA"),
    ],
    ids=["nothing is read", "nothing is made", "it fails"],
)
def test_a_backfill_that_gives_nothing_leaves_what_is_there_and_says_so(
    parts: int, read: int, failures: list[bool], error: str, loaded: bool
) -> None:
    world = World(failures)
    finish(world.event)
    world.come_to_rest()
    if loaded:
        world.ledger().take("load#orders#1", "orders", {PLANNED["id"]: 1})
    before, paths = world.row, world.s3.paths(FOLDER)
    world.athena.parts, world.athena.read = parts, read
    world.queries().request_again(PLANNED, "b1")
    assert not {"files", "unloaded", "loaded_by"} & set(world.row), "no load takes files that may go"
    world.come_to_rest()
    assert world.row["state"] == "FAILED"
    assert [error in message["error"] for message in world.sqs.messages] == [True]
    assert world.s3.paths(FOLDER) == paths
    for name in ("files", "settled_at", "unloaded", "loaded_by"):
        assert world.row.get(name) == before.get(name), name
    # Mended, it takes the place of what was there before.
    world.athena.parts, world.athena.read = 3, 7
    world.queries().request_again(PLANNED)
    world.come_to_rest()
    assert world.row["state"] == "SUCCEEDED"
    assert {file["path"] for file in json.loads(world.row["files"])} == world.s3.paths(FOLDER)
    assert world.s3.paths(FOLDER).isdisjoint(paths)
    assert "earlier" not in world.row


def test_queries_of_others_are_left_alone() -> None:
    world = World()
    other = world.athena.start_query_execution(QueryString="SELECT 1", ClientRequestToken="x" * 32)
    unknown = world.athena.start_query_execution(QueryString=PLANNED["statement"], ClientRequestToken="y" * 32)
    assert world.queries().completed(other["QueryExecutionId"]) is Outcome.NOTHING
    assert world.queries().completed(unknown["QueryExecutionId"]) is Outcome.NOTHING
    assert world.dynamodb.rows == {}


def test_an_earlier_attempts_late_event_changes_nothing() -> None:
    world = World([True])
    world.queries().request(PLANNED)
    (first,) = world.athena.runs.all.values()
    finish(world.service)
    assert world.queries().completed(first.id) is Outcome.STARTED
    second = world.row
    assert second["attempt"] == 2
    assert world.queries().completed(first.id) is Outcome.NOTHING
    assert world.row == second


def test_an_earlier_attempts_late_event_is_not_taken_for_the_one_that_could_not_start() -> None:
    world = World([True])
    world.queries().request(PLANNED)
    (first,) = world.athena.runs.all.values()
    finish(world.service)
    world.athena.throttled = 1
    with pytest.raises(ClientError, match="TooManyRequests"):
        world.queries().completed(first.id)
    assert world.row["attempt"] == 2
    assert world.queries().completed(first.id) is Outcome.NOTHING
    assert "query_execution_id" not in world.row
    world.come_to_rest()
    assert world.row["state"] == "SUCCEEDED"


def test_a_run_that_wakes_up_late_deletes_nothing_that_is_newer() -> None:
    world = World()
    finish(world.event)
    finish(world.service)
    late = Run(world.completions)
    while "get_item" not in late.calls:
        late.step()
    finish(world.completions)
    world.queries().request_again(PLANNED, "b1")
    world.come_to_rest()
    second = world.s3.paths(f"{FOLDER}2/")
    assert len(second) == 3
    race([late], [])
    assert late.failure is None
    assert world.s3.paths(FOLDER) == second
    assert world.row["attempt"] == 2


def test_a_run_whose_start_is_refused_late_leaves_the_query_that_runs_alone() -> None:
    world = World()
    late = Run(world.event)
    while "update_item" not in late.calls:
        late.step()
    # Another run starts the query before the first one does, which Athena then refuses for a while.
    finish(world.event)
    finish(world.service)
    world.athena.refused = "the workgroup is disabled"
    race([late], [])
    world.athena.refused = None
    assert late.failure is None
    assert len(world.s3.paths(FOLDER)) == 3
    assert world.row["attempt"] == 1
    world.come_to_rest()
    world.check(killed=False)


def test_an_execution_that_athena_has_forgotten_is_tried_again() -> None:
    world = World()
    world.queries().request(PLANNED)
    world.athena.runs.all.clear()
    assert world.queries().reconcile(world.row) is Outcome.STARTED
    assert world.row["attempt"] == 2


def test_files_that_cannot_be_deleted_hold_the_next_attempt_back() -> None:
    class Kept(S3):
        def delete_objects(self, Bucket: str, Delete: Any) -> dict[str, Any]:
            return {"Errors": [{"Key": Delete["Objects"][0]["Key"], "Code": "AccessDenied"}]}

    world = World([True], s3=Kept())
    world.queries().request(PLANNED)
    finish(world.service)
    with pytest.raises(Exception, match="AccessDenied"):
        world.queries().reconcile(world.row)
    assert world.row["attempt"] == 1
    assert len(world.athena.runs.all) == 1


def test_a_backfill_queries_anew_once_with_the_query_of_now_and_leaves_one_result() -> None:
    world = World()
    finish(world.event)
    world.come_to_rest()
    ledger = world.ledger()
    ledger.take("load#orders#1", "orders", {PLANNED["id"]: 1})
    changed = plan(STORED, replace(SETTINGS, template="SELECT b FROM {rows}"))
    assert world.queries().request_again(changed) is Outcome.NOTHING
    assert world.queries().request_again(changed, "b1") is Outcome.STARTED
    assert world.queries().request_again(changed, "b1") is Outcome.NOTHING
    assert world.row["attempt"] == 2
    assert "SELECT b FROM" in world.row["statement"]
    assert "loaded_by" not in world.row
    world.come_to_rest()
    assert world.queries().request_again(changed, "b1") is Outcome.NOTHING
    files = {file["path"] for file in json.loads(world.row["files"])}
    assert files == world.s3.paths(FOLDER)
    assert len(files) == 3
    assert world.row["unloaded"] == "orders"
    assert world.queries().request_again(changed, "b2") is Outcome.STARTED


def test_what_failed_is_redriven_with_as_many_attempts_again() -> None:
    world = World([True] * 5)
    finish(world.event)
    world.come_to_rest()
    assert world.row["state"] == "FAILED"
    assert world.queries().request_again(PLANNED) is Outcome.STARTED
    assert world.queries().request_again(PLANNED) is Outcome.NOTHING
    world.come_to_rest()
    assert world.row["state"] == "SUCCEEDED"
    assert world.row["attempt"] == 6
    assert len(world.sqs.messages) == 1


def test_the_statement_reads_the_object_alone_and_escapes_what_is_odd() -> None:
    key = "raw/orders/dt=2026-01-02/hour=03/it's 100%25+{rows} ü.parquet"
    row = plan(replace(STORED, key=key), SETTINGS)
    escaped = key.replace("'", "''")
    assert f"\"$path\" = 's3://raw/{escaped}' AND \"dt\" = '2026-01-02' AND \"hour\" = '03')" in row["statement"]
    assert f'SELECT a, \'{escaped}\' AS source FROM (SELECT * FROM "db"."raw" WHERE' in row["statement"]
    assert row["statement"].startswith(f"-- object {row['id'].removeprefix('query#')}\nUNLOAD (\n")
    assert row["statement"].endswith(f") TO '{row['output']}' WITH (format = 'PARQUET', compression = 'SNAPPY')")
    assert target_of(row["statement"]) == (row["id"], 1)


@pytest.mark.parametrize(
    ("stored", "problem"),
    [
        (StoredObject("curated", "orders/dt=2026-01-02/x", "v"), "would trigger itself"),
        (StoredObject("raw", "raw/orders/file", "v"), "no segment dt="),
        (StoredObject("raw", "raw/hour=01/dt=2026-01-02", "v"), "no segment dt="),
        (StoredObject("raw", "raw/dt=1/dt=2/x", "v"), "twice"),
        (StoredObject("raw", "raw/dt=it's/x", "v"), "quote"),
    ],
)
def test_objects_that_cannot_be_queried_are_refused(stored: StoredObject, problem: str) -> None:
    with pytest.raises(ObjectRefused, match=problem):
        plan(stored, SETTINGS)


def test_an_object_beside_the_output_is_no_loop() -> None:
    assert plan(replace(STORED, bucket="curated"), SETTINGS)["state"] == "STARTED"


def test_the_event_names_the_object_as_it_is() -> None:
    detail = {"bucket": {"name": "b"}, "object": {"key": "a+b%20c", "size": 3, "etag": "e", "version-id": "v"}}
    assert StoredObject.of(detail) == StoredObject("b", "a+b%20c", "v")
    for missing in ({}, {"version-id": "null"}, {"version-id": ""}):
        without = {"bucket": {"name": "b"}, "object": {"key": "k", "size": 3, "etag": "e", **missing}}
        assert StoredObject.of(without).version_id == "e"
    with pytest.raises(ObjectRefused, match="detail"):
        StoredObject.of({"bucket": {"name": "b"}})


@given(st.builds(StoredObject, st.text(), st.text(), st.text()))
@settings(derandomize=True)
def test_every_object_has_an_id(stored: StoredObject) -> None:
    assert len(stored.id) == 32
    assert stored.id != replace(stored, version_id=stored.version_id + "x").id


def test_an_objects_own_name_is_no_partition() -> None:
    assert partitions("a/dt=1/hour=2/b=3", ("dt", "hour", "b")) == {"dt": "1", "hour": "2"}


def test_a_folder_that_is_named_like_a_column_is_no_condition() -> None:
    key = "raw/orders/dt=2026-01-02/hour=03/status=PENDING/order_id=7/order_id=8/file.parquet"
    statement = plan(replace(STORED, key=key), SETTINGS)["statement"]
    assert "\"dt\" = '2026-01-02' AND \"hour\" = '03')" in statement
    assert '"status"' not in statement
    assert '"order_id"' not in statement


NAMES = st.lists(
    st.sampled_from(
        ["'", "''", '"', "--", "/*", "*/", "\n", ";", "\\", "%", "%27", "{", "}", "{rows}", "{key}", "$", "`"]
    )
    | st.text(max_size=8),
    max_size=8,
).map("".join)


def code_of(statement: str) -> str:
    """A statement without what its literals and quoted names hold."""
    return re.sub(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"", "?", statement)


@given(folder=NAMES, hour=NAMES, name=NAMES, bucket=NAMES, version=NAMES)
@settings(max_examples=examples(500))
def test_no_piece_of_an_objects_name_stands_in_a_statement_but_in_a_literal(
    folder: str, hour: str, name: str, bucket: str, version: str
) -> None:
    all_named = replace(
        SETTINGS, template="SELECT a AS c, {key}, {bucket}, {version_id} FROM {rows}", correlation_id_column="c"
    )

    def statements(stored: StoredObject) -> list[str]:
        row = plan(stored, all_named)
        again = for_attempt(row, 12)["statement"]
        assert target_of(row["statement"]) == (row["id"], 1)
        assert target_of(again) == (row["id"], 12)
        made = [row["statement"], again, orders_statement(row), rows_statement(row)]
        return [statement.replace(stored.id, "") for statement in made]

    key = f"raw/{folder}/dt=2026-01-02/hour={hour.replace('/', '') or '0'}/{name}"
    plain = StoredObject("raw", "raw/f/dt=2026-01-02/hour=03/file", "v")
    try:
        made = statements(StoredObject(bucket, key, version))
    except ObjectRefused:
        return
    assert [code_of(statement) for statement in made] == [code_of(statement) for statement in statements(plain)]
    literals = {value.replace("''", "'") for value in re.findall(r"'((?:[^']|'')*)'", made[0])}
    assert {key, bucket, version, f"s3://{bucket}/{key}"} <= literals


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("SELECT 1", "0 times"),
        ("SELECT * FROM {rows}, {rows}", "2 times"),
        (
            "SELECT {colour} FROM {rows}",
            r"placeholder \{colour\}; known are \{rows\}, \{bucket\}, \{key\}, \{version_id\}",
        ),
        ("SELECT {key!r} FROM {rows}", r"placeholder \{key!r\}"),
        ("SELECT {key:>5} FROM {rows}", r"placeholder \{key:>5\}"),
        ("SELECT {key.__class__} FROM {rows}", "placeholder"),
        ("SELECT '{' FROM {rows}", "brace"),
        ("SELECT a FROM {rows} ;\n", "semicolon"),
    ],
)
def test_templates_that_cannot_run_are_refused(template: str, problem: str) -> None:
    with pytest.raises(QueryTemplateError, match=problem):
        check_template(template)


def test_doubled_braces_are_the_sqls_own() -> None:
    given = {"bucket": "b", "key": "o'k", "version_id": "v"}
    assert render("SELECT '{{}}', {key} FROM {rows}", "(r)", given) == "SELECT '{}', 'o''k' FROM (r)"


@pytest.mark.parametrize("location", ["s3://bucket", "s3://bucket/", "s3://bucket/prefix", "bucket/prefix/"])
def test_the_output_needs_a_folder(location: str) -> None:
    with pytest.raises(ValueError, match="output_location"):
        replace(SETTINGS, output_location=location)
