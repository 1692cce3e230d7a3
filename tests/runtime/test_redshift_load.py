"""One load of everything that waits for each slot, whatever repeats, races or is killed."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import duckdb
import pytest
import sqlglot
from eda_runtime.dead_letters import DeadLetters
from eda_runtime.ledger import Ledger
from eda_runtime.load_statements import LOAD_LEDGER_COLUMNS, LoadArgumentError, Target, transaction
from eda_runtime.logger import logger
from eda_runtime.redshift_load import Load, LoadFailed, StillRunning, load_id
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.runtime.fake_aws import S3, Clock, DynamoDB, RedshiftData, Sqs
from tests.runtime.races import Kill, Killed, Run, finish, race

SLOT, NEXT_SLOT = "2026-01-02T03:00:00Z", "2026-01-03T03:00:00Z"
TARGET = Target(
    workgroup_name="wg",
    database="warehouse",
    schema="analytics",
    table="orders",
    columns=(("order_id", "VARCHAR(64)"), ("version", "BIGINT"), ("deleted", "BOOLEAN"), ("note", "VARCHAR(65535)")),
    key="order_id",
    version_column="version",
    copy_role_arn="arn:aws:iam::123456789012:role/copy",
    statement_prefix="orders-load-",
)
Guarding = Callable[[Any], Any]


@dataclass
class World:
    """All that lies behind the code."""

    failures: list[bool] = field(default_factory=list)
    objects: int = 5
    max_objects: int = 100
    dynamodb: DynamoDB = field(default_factory=DynamoDB)
    s3: S3 = field(default_factory=S3)
    sqs: Sqs = field(default_factory=Sqs)
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.redshift = RedshiftData(self.s3, self.failures)
        for number in range(self.objects):
            self.add(number)

    def ledger(self, guard: Guarding = lambda client: client) -> Ledger:
        return Ledger(guard(self.dynamodb), "ledger", self.clock, self.clock.sleep)

    def load(self, guard: Guarding = lambda client: client, **more: Any) -> Load:
        return Load(
            ledger=self.ledger(guard),
            redshift_data=guard(self.redshift),
            s3=guard(self.s3),
            target=TARGET,
            dataset="orders",
            manifest_location="s3://lake/manifests/",
            dead_letters=DeadLetters(self.ledger(guard), guard(self.sqs), "queue", logger),
            max_objects=self.max_objects,
            sleep=self.clock.sleep,
            clock=self.clock,
            **more,
        )

    def add(self, number: int, attempt: int = 1) -> dict[str, Any]:
        """A settled object."""
        files = [
            {"path": f"s3://lake/curated/{number}/{attempt}/{part}", "bytes": 100 * number + part} for part in (0, 1)
        ]
        for file in files:
            bucket, _, key = str(file["path"]).removeprefix("s3://").partition("/")
            self.s3.objects[bucket, key] = int(file["bytes"])
        row = {
            "id": f"query#{number:04d}",
            "kind": "query",
            "state": "SUCCEEDED",
            "attempt": attempt,
            "files": json.dumps(files),
            "bucket": "lake",
            "key": f"raw/{number}",
            "version_id": "v1",
            "dataset": "orders",
            "unloaded": "orders",
            "settled_at": f"2026-01-01T00:00:{number % 60:02d}Z",
        }
        self.dynamodb.rows.pop(str(row["id"]), None)
        created = self.ledger().create(row)
        assert created is not None
        return created

    def run(self, slot: str) -> Callable[[Guarding], None]:
        """A run of the job."""

        def act(guard: Guarding) -> None:
            self.load(guard).run(slot)

        return act

    def reconciler(self, guard: Guarding) -> None:
        """What the job does that the reconciler starts for what is left open."""
        for row in list(self.ledger(guard).open("load", self.ledger().now())):
            if row["state"] == "STARTED":
                self.load(guard).run(row["slot"].partition("/")[0])

    def service(self, guard: Guarding) -> None:
        """Let the statements that run come to their ends."""
        guard(self).end()

    def end(self) -> None:
        for run in self.redshift.runs.going("STARTED"):
            self.redshift.finish(run)

    def row(self, slot: str) -> dict[str, Any]:
        return self.dynamodb.row(f"load#orders#{slot}")

    @property
    def waiting(self) -> list[str]:
        return [row for row in self.dynamodb.rows if "unloaded" in self.dynamodb.row(row)]


def rest(world: World, slot: str = SLOT) -> Run:
    """A run of the job during which the statements come to their ends."""
    world.clock.on_sleep = world.end
    return finish(world.run(slot))


KILLS = st.none() | st.builds(Kill, st.integers(0, 16), st.booleans())


@settings(max_examples=examples(300), deadline=None, derandomize=True)
@given(
    failures=st.lists(st.booleans(), max_size=3),
    kills=st.lists(KILLS, min_size=4, max_size=4),
    max_objects=st.sampled_from([2, 5, 100]),
    order=st.lists(st.integers(0, 6), max_size=80),
)
def test_whatever_races_and_dies_each_object_is_loaded_once(
    failures: list[bool], kills: list[Kill | None], max_objects: int, order: list[int]
) -> None:
    world = World(failures, max_objects=max_objects)
    acts = [world.run(SLOT), world.run(SLOT), world.reconciler, world.reconciler]
    runs = [Run(act, kill) for act, kill in zip(acts, kills, strict=True)]
    race([*runs, *[Run(world.service) for _ in range(3)]], order, idle=world.end)
    assert {type(run.failure) for run in runs} <= {type(None), Killed, LoadFailed}
    # Glue's retry of the slot, and the next slot.
    for _ in range(3):
        if rest(world).failure is None:
            break
    assert rest(world, NEXT_SLOT).failure is None
    assert world.waiting == []
    loaded = [path for _, paths in world.redshift.loaded for path in sorted(paths)]
    wanted = sorted(path for path in world.s3.paths("s3://lake/curated/"))
    assert sorted(set(loaded)) == wanted, "nothing is lost"
    assert sorted(loaded) == wanted, "no object is in two loads that took effect"
    assert world.row(SLOT)["state"] == "SUCCEEDED"
    for id, row in ((id, world.dynamodb.row(id)) for id in world.dynamodb.rows):
        if id.startswith("query#"):
            taker = world.dynamodb.row(row["loaded_by"])
            assert id in json.loads(taker["objects"])
    statements = list(world.redshift.runs.all.values())
    assert all(run.state in ("FINISHED", "FAILED") for run in statements)


@pytest.mark.parametrize("committed", [False, True])
@pytest.mark.parametrize("failures", [[], [True], [True, True]], ids=["loads", "fails once", "fails twice"])
def test_killed_at_each_call_in_turn_and_run_again(failures: list[bool], committed: bool) -> None:
    call = 0
    while True:
        world = World(list(failures))
        world.clock.on_sleep = world.end
        run = finish(world.run(SLOT), Kill(call, committed))
        if isinstance(run.failure, Killed):
            assert rest(world).failure is None
        else:
            assert run.failure is None
        assert world.waiting == []
        assert [len(paths) for _, paths in world.redshift.loaded] == [10]
        states = [run.state for run in world.redshift.runs.all.values()]
        assert states == ["FAILED"] * len(failures) + ["FINISHED"]
        assert world.row(SLOT)["attempt"] == len(states)
        assert "open" not in world.row(SLOT)
        if run.failure is None:
            break
        call += 1
    assert call > 10


@pytest.mark.parametrize("committed", [False, True])
def test_killed_at_each_call_and_taken_up_by_the_next_slot(committed: bool) -> None:
    call = 0
    while True:
        world = World()
        world.clock.on_sleep = world.end
        run = finish(world.run(SLOT), Kill(call, committed))
        world.add(9)
        assert rest(world, NEXT_SLOT).failure is None
        assert world.waiting == []
        loaded = [path for _, paths in world.redshift.loaded for path in sorted(paths)]
        assert sorted(loaded) == sorted(world.s3.paths("s3://lake/curated/"))
        if run.failure is None:
            break
        call += 1
    assert call > 10


def test_nothing_to_load_is_success_and_written_down() -> None:
    world = World(objects=0)
    (row,) = world.load().run(SLOT)
    assert row["state"] == "SUCCEEDED"
    assert row["objects"] == "{}"
    assert world.row(SLOT) == row
    assert world.redshift.runs.all == {}
    world.add(1)
    assert world.load().run(SLOT) == [row], "the slot is done"


def test_a_slot_that_was_loaded_is_done() -> None:
    world = World()
    assert rest(world).failure is None
    world.add(77)
    before = dict(world.dynamodb.rows)
    assert rest(world).failure is None
    assert world.dynamodb.rows == before
    assert len(world.redshift.runs.all) == 1


def test_the_manifest_lists_each_file_with_its_size() -> None:
    world = World(objects=2)
    rest(world)
    row = world.row(SLOT)
    (shape,) = json.loads(row["manifests"])
    assert shape["manifest"].startswith("s3://lake/manifests/orders/2026-01-02T03-00-00Z-1-")
    assert (shape["columns"], shape["objects"]) == (None, 2)
    assert json.loads(world.s3.bodies[shape["manifest"]]) == {
        "entries": [
            {"url": f"s3://lake/curated/{n}/1/{part}", "mandatory": True, "meta": {"content_length": 100 * n + part}}
            for n in (0, 1)
            for part in (0, 1)
        ]
    }
    (statement,) = world.redshift.runs.all.values()
    assert statement.parameters["StatementName"] == "orders-load-2026-01-02T03-00-00Z-1"
    assert statement.parameters["Sqls"] == transaction(TARGET, row)


def test_more_than_one_load_takes_goes_into_further_ones() -> None:
    world = World(objects=7, max_objects=3)
    assert rest(world).failure is None
    counts = [len(json.loads(world.row(slot)["objects"])) for slot in (SLOT, f"{SLOT}/2", f"{SLOT}/3")]
    assert counts == [3, 3, 1]
    assert world.waiting == []
    before = dict(world.dynamodb.rows)
    assert rest(world).failure is None
    assert world.dynamodb.rows == before


def test_where_nothing_can_be_loaded_nothing_is_set_aside_and_the_next_load_takes_it() -> None:
    world = World([True] * 100)
    failure = rest(world).failure
    assert isinstance(failure, LoadFailed)
    assert "nothing was loaded; tried alone and waiting for the next load: 5" in str(failure)
    assert "it broke" in str(failure)
    row = world.row(SLOT)
    # Five together, three times; two and three, and two of the three, once; each alone, three times.
    assert (row["state"], row["attempt"], row["open"]) == ("FAILED", 21, "load")
    assert len(world.waiting) == 5
    assert world.sqs.messages == []
    world.redshift.runs.failures = []
    assert rest(world, NEXT_SLOT).failure is None
    assert world.waiting == []
    assert world.row(SLOT) == row


def test_a_run_of_a_failed_slot_has_its_attempts_again() -> None:
    world = World([True] * 22)
    assert isinstance(rest(world).failure, LoadFailed)
    assert rest(world).failure is None
    assert world.row(SLOT)["attempt"] == 23
    assert "open" not in world.row(SLOT)
    assert "error" not in world.row(SLOT)


def poisoned(world: World, *numbers: int) -> None:
    world.redshift.poison |= {f"s3://lake/curated/{number}/1/1" for number in numbers}


@pytest.mark.parametrize("names_files", [True, False])
@pytest.mark.parametrize("poison", [[0], [4], [2, 3], [0, 1, 2, 3]], ids=str)
def test_what_fails_alone_is_set_aside_and_all_others_are_loaded_in_the_same_run(
    poison: list[int], names_files: bool
) -> None:
    world = World()
    world.redshift.names_files = names_files
    poisoned(world, *poison)
    assert rest(world).failure is None
    assert world.waiting == []
    loaded = {path for _, paths in world.redshift.loaded for path in paths}
    aside = {f"s3://lake/curated/{number}/1/{part}" for number in poison for part in (0, 1)}
    assert loaded == world.s3.paths("s3://lake/curated/") - aside
    assert sum(len(paths) for _, paths in world.redshift.loaded) == len(loaded), "nothing is loaded twice"
    for number in poison:
        row = world.dynamodb.row(f"query#{number:04d}")
        assert row["set_aside_by"].startswith(f"load#orders#{SLOT}")
        assert ("is longer" in row["set_aside"]) is names_files
        assert "open" not in row
    assert [(sent["kind"], sent["id"], sent["key"]) for sent in world.sqs.messages] == [
        ("object", f"query#{number:04d}", f"raw/{number}") for number in poison
    ]
    rows = [world.dynamodb.row(id) for id in world.dynamodb.rows if id.startswith("load#")]
    assert {row["state"] for row in rows} == {"SUCCEEDED"}
    assert not [row for row in rows if "open" in row]
    before = dict(world.dynamodb.rows)
    assert rest(world).failure is None, "the slot is done"
    assert rest(world, NEXT_SLOT).failure is None, "no later load meets it"
    assert {id: row for id, row in world.dynamodb.rows.items() if NEXT_SLOT not in id} == before


def test_the_only_object_is_set_aside_when_the_error_names_its_file() -> None:
    world = World(objects=1)
    poisoned(world, 0)
    assert rest(world).failure is None
    assert world.waiting == []
    assert [sent["id"] for sent in world.sqs.messages] == ["query#0000"]
    assert (world.row(SLOT)["state"], world.row(SLOT)["objects"]) == ("SUCCEEDED", "{}")


def test_many_that_fail_one_by_one_while_none_is_loaded_are_the_warehouses_fault() -> None:
    world = World(objects=40)
    poisoned(world, *range(40))
    failure = rest(world).failure
    assert isinstance(failure, LoadFailed)
    assert "tried alone and waiting for the next load: 10" in str(failure)
    assert world.sqs.messages == []
    assert len(world.waiting) == 40


@settings(max_examples=examples(150), deadline=None, derandomize=True)
@given(
    objects=st.integers(1, 9),
    poison=st.sets(st.integers(0, 8)),
    failures=st.lists(st.booleans(), max_size=4),
    kills=st.lists(KILLS, min_size=3, max_size=3),
    max_objects=st.sampled_from([2, 5, 100]),
)
def test_whatever_dies_each_object_is_loaded_or_set_aside_once(
    objects: int, poison: set[int], failures: list[bool], kills: list[Kill | None], max_objects: int
) -> None:
    world = World(failures, objects=objects, max_objects=max_objects)
    poisoned(world, *poison)
    world.clock.on_sleep = world.end
    for kill in kills:
        finish(world.run(SLOT), kill)
    world.redshift.runs.failures = []
    for slot in (SLOT, NEXT_SLOT):
        assert rest(world, slot).failure is None
    assert world.waiting == []
    paths = [path for _, found in world.redshift.loaded for path in found]
    healthy = {number for number in range(objects) if number not in poison}
    assert {int(path.split("/")[4]) for path in paths} == healthy
    assert len(paths) == 2 * len(healthy)
    aside = {int(sent["id"][-4:]) for sent in world.sqs.messages}
    untold = {id for id in world.dynamodb.rows if world.dynamodb.row(id).get("open") == "aside"}
    assert aside | {int(id[-4:]) for id in untold} >= set(range(objects)) & poison
    assert not [id for id in world.dynamodb.rows if world.dynamodb.row(id).get("open") == "load"]


def with_columns(world: World, number: int, columns: list[list[str]]) -> None:
    row = world.ledger().get(f"query#{number:04d}")
    assert row is not None
    assert world.ledger().change(row, {"columns": json.dumps(columns)}) is not None


OLD = [["order_id", "string"], ["version", "bigint"], ["note", "string"]]
NEW = [["order_id", "string"], ["version", "bigint"], ["note", "string"], ["deleted", "boolean"], ["gone", "date"]]


def test_files_of_several_shapes_are_loaded_in_one_transaction() -> None:
    world = World(objects=4)
    for number, columns in ((0, OLD), (1, NEW), (2, OLD)):
        with_columns(world, number, columns)
    assert rest(world).failure is None
    (run,) = world.redshift.runs.all.values()
    staged = [
        sql for sql in run.parameters["Sqls"] if "eda_staging" in sql and sql.startswith("CREATE TEMP TABLE eda_s")
    ]
    assert staged == [
        'CREATE TEMP TABLE eda_staging ("order_id" VARCHAR(64) NOT NULL, "version" BIGINT NOT NULL, '
        '"note" VARCHAR(65535))',
        'CREATE TEMP TABLE eda_staging_2 ("order_id" VARCHAR(64) NOT NULL, "version" BIGINT NOT NULL, '
        '"note" VARCHAR(65535), "deleted" BOOLEAN, "gone" DATE)',
        'CREATE TEMP TABLE eda_staging_3 ("order_id" VARCHAR(64) NOT NULL, "version" BIGINT NOT NULL, '
        '"deleted" BOOLEAN, "note" VARCHAR(65535))',
    ]
    assert [shape["objects"] for shape in json.loads(world.row(SLOT)["manifests"])] == [2, 1, 1]
    assert world.waiting == []


def test_more_shapes_than_one_transaction_takes_go_into_further_loads() -> None:
    world = World(objects=9)
    for number in range(9):
        with_columns(world, number, [*OLD, [f"more_{number}", "int"]])
    assert rest(world).failure is None
    assert [len(run.parameters["Sqls"]) for run in world.redshift.runs.all.values()] == [36, 18]
    assert world.waiting == []


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ([["order_id", "string"], ["note", "string"]], "the files have no column version; they have order_id, note"),
        ([*OLD, ["more", "map<string,int>"]], "no type of Redshift is known for: more map<string,int>"),
        ([*OLD, ["Mo're", "int"]], "the files' columns are not ones that can be loaded"),
    ],
)
def test_files_that_can_never_be_loaded_are_set_aside_without_a_statement(columns: Any, reason: str) -> None:
    world = World(objects=2)
    with_columns(world, 1, columns)
    assert rest(world).failure is None
    assert [len(paths) for _, paths in world.redshift.loaded] == [2]
    (sent,) = world.sqs.messages
    assert (sent["id"], sent["error"].startswith(reason)) == ("query#0001", True)


def test_an_aborted_statement_is_an_end() -> None:
    world = World()
    ended: list[str] = []

    def abort_the_first() -> None:
        for run in world.redshift.runs.going("STARTED"):
            world.redshift.finish(run, aborted=not ended)
            ended.append(run.state)

    world.clock.on_sleep = abort_the_first
    assert finish(world.run(SLOT)).failure is None
    assert ended == ["ABORTED", "FINISHED"]
    assert world.row(SLOT)["attempt"] == 2


@pytest.mark.parametrize("word", ["forgotten", "expired"])
def test_a_statement_that_is_not_known_any_more_is_loaded_again(word: str) -> None:
    world = World()
    with pytest.raises(StillRunning):
        world.load(max_wait_seconds=0).run(SLOT)
    getattr(world.redshift, word).add(world.row(SLOT)["statement_id"])
    assert rest(world).failure is None
    assert world.row(SLOT)["attempt"] == 2


def test_waiting_is_bounded_and_slows_down() -> None:
    world = World(objects=2)
    with pytest.raises(StillRunning, match="reconciler"):
        world.load(max_wait_seconds=600).run(SLOT)
    assert world.clock.slept == sorted(world.clock.slept)
    assert world.clock.slept[0] == 0.5
    assert max(world.clock.slept) == 15
    assert sum(world.clock.slept) <= 620
    assert world.row(SLOT)["state"] == "STARTED"


def test_an_earlier_slots_statement_comes_to_its_end_first() -> None:
    world = World()
    with pytest.raises(StillRunning):
        world.load(max_wait_seconds=0).run(SLOT)
    world.add(9)
    assert rest(world, NEXT_SLOT).failure is None
    assert world.row(SLOT)["state"] == "SUCCEEDED"
    assert json.loads(world.row(NEXT_SLOT)["objects"]) == {"query#0009": 1}
    assert [len(paths) for _, paths in world.redshift.loaded] == [10, 2]


def test_an_object_that_is_queried_anew_while_it_is_loaded_waits_again() -> None:
    world = World(objects=2)

    def query_anew() -> None:
        world.end()
        if world.dynamodb.row("query#0001")["attempt"] == 1:
            world.add(1, attempt=2)

    world.clock.on_sleep = query_anew
    assert finish(world.run(SLOT)).failure is None
    assert world.waiting == ["query#0001"]
    assert rest(world, NEXT_SLOT).failure is None
    assert json.loads(world.row(NEXT_SLOT)["objects"]) == {"query#0001": 2}


def test_objects_that_the_index_shows_too_late_are_not_taken_twice() -> None:
    class Lagging(DynamoDB):
        """The index shows each object for ever."""

        def query(self, IndexName: str, KeyConditionExpression: str, **request: Any) -> dict[str, Any]:
            if IndexName != "unloaded":
                return super().query(IndexName, KeyConditionExpression, **request)
            return {"Items": [{"id": {"S": id}} for id in self.rows if id.startswith("query#")]}

    world = World(dynamodb=Lagging(), max_objects=2)
    assert rest(world).failure is None
    assert sorted(len(paths) for _, paths in world.redshift.loaded) == [2, 4, 4]


def test_the_transaction_is_right_on_a_database() -> None:
    """The load's SQL, run by another database but for COPY: newest wins, older ones and repeats change nothing."""
    database = duckdb.connect()
    database.execute("CREATE SCHEMA analytics")
    columns = ", ".join(f"{name} {kind}" for name, kind in TARGET.columns)
    database.execute(f"CREATE TABLE analytics.orders ({columns})")
    ledger = ", ".join(f"{name} {kind}" for name, kind in LOAD_LEDGER_COLUMNS)
    database.execute(f"CREATE TABLE analytics.load_ledger ({ledger})")

    def load(attempt: int, rows: list[tuple[str, int, bool, str]]) -> None:
        row = {
            "dataset": "orders",
            "slot": SLOT,
            "attempt": attempt,
            "manifests": json.dumps([{"manifest": "s3://lake/it's.json", "columns": None, "objects": 1}]),
        }
        database.execute("BEGIN")
        for position, statement in enumerate(transaction(TARGET, row)):
            if position == 1:
                assert statement == (
                    "COPY eda_staging FROM 's3://lake/it''s.json' "
                    "IAM_ROLE 'arn:aws:iam::123456789012:role/copy' FORMAT AS PARQUET MANIFEST"
                )
                database.executemany("INSERT INTO eda_staging VALUES (?, ?, ?, ?)", rows)
                continue
            (translated,) = sqlglot.transpile(statement, read="redshift", write="duckdb")
            database.execute(translated)
        database.execute("COMMIT")
        database.execute("DROP TABLE eda_staging; DROP TABLE eda_newest")

    def orders() -> list[tuple[Any, ...]]:
        return database.execute("SELECT * FROM analytics.orders ORDER BY 1").fetchall()

    load(1, [("a", 1, False, "old"), ("a", 3, False, "new"), ("a", 3, False, "new"), ("b", 1, False, "b")])
    assert orders() == [("a", 3, False, "new"), ("b", 1, False, "b")]
    load(2, [("a", 2, False, "late"), ("b", 2, True, ""), ("c", 5, False, "c")])
    assert orders() == [("a", 3, False, "new"), ("b", 2, True, ""), ("c", 5, False, "c")]
    load(2, [("a", 2, False, "late"), ("b", 2, True, ""), ("c", 5, False, "queried anew")])
    assert orders() == [("a", 3, False, "new"), ("b", 2, True, ""), ("c", 5, False, "queried anew")]
    entries = database.execute("SELECT dataset, slot, attempt, objects, manifest FROM analytics.load_ledger").fetchall()
    assert entries == [("orders", SLOT, attempt, 1, "s3://lake/it's.json") for attempt in (1, 2)]
    with pytest.raises(duckdb.ConstraintException):
        load(3, [(None, 1, False, "no key")])  # type: ignore[list-item]  # what the test is about


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"schema": 'a"b'}, "schema is"),
        ({"table": "Orders"}, "table is 'Orders'; it must be a lower-case identifier"),
        ({"table": "eda_newest"}, "used by the load itself"),
        ({"columns": (("order_id", "VARCHAR(64)); DROP TABLE x"), ("version", "BIGINT"))}, "a Redshift type"),
        ({"columns": (("order_id", "TEXT"), ("order_id", "TEXT"), ("version", "BIGINT"))}, "twice"),
        ({"columns": (("order_id", "TEXT"), ("version", "BIGINT"), ("eda_position", "INT"))}, "used by the load"),
        ({"key": "id"}, "key is 'id'; it must be one of columns: order_id, version"),
        ({"key": "version"}, "two columns"),
        ({"copy_role_arn": "role"}, "copy_role_arn"),
        ({"statement_prefix": "it's"}, "statement_prefix"),
    ],
)
def test_arguments_that_sql_cannot_take_are_refused(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(LoadArgumentError, match=problem):
        replace(TARGET, **change)


@pytest.mark.parametrize("kind", ["VARCHAR(64)", "varchar(MAX)", "DECIMAL(18, 2)", "TIMESTAMP WITH TIME ZONE", "SUPER"])
def test_redshifts_types_are_taken(kind: str) -> None:
    replace(TARGET, columns=(("order_id", kind), ("version", "BIGINT")))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"dataset": "a#b"}, "dataset"),
        ({"manifest_location": "s3://lake/manifests"}, "manifest_location"),
        ({"manifest_location": "s3://lake/it's/"}, "manifest_location"),
        ({"max_attempts": 0}, "max_attempts"),
    ],
)
def test_a_loads_arguments_are_checked(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(LoadArgumentError, match=problem):
        replace(World().load(), **change)


@pytest.mark.parametrize("slot", ["", "today", "2026-01-02 03:00:00Z", "2026-01-02T03:00:00+01:00", "<aws.scheduler>"])
def test_a_slot_is_a_time(slot: str) -> None:
    with pytest.raises(LoadArgumentError, match="scheduled_time"):
        World().load().run(slot)


def test_the_rows_id_names_data_set_and_slot() -> None:
    assert load_id("orders", SLOT) == "load#orders#2026-01-02T03:00:00Z"
