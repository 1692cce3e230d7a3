"""One ingestion for each load, coalesced where loads come close, whatever repeats, races or is killed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError
from eda_runtime.dead_letters import DeadLetters
from eda_runtime.ledger import Ledger
from eda_runtime.logger import logger
from eda_runtime.spice import DataSetBusy, Outcome, SpiceRefreshes, ingestion_id
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.runtime.fake_aws import Clock, DynamoDB, QuickSight, Sqs, error
from tests.runtime.races import Kill, Killed, Run, finish, race

MAX_ATTEMPTS = 3
Guarding = Callable[[Any], Any]


@dataclass
class World:
    """All that lies behind the code."""

    failures: list[bool] = field(default_factory=list)
    dynamodb: DynamoDB = field(default_factory=DynamoDB)
    sqs: Sqs = field(default_factory=Sqs)
    clock: Clock = field(default_factory=Clock)
    began: list[set[str]] = field(default_factory=list)
    finished_loads: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.quicksight = QuickSight(self.failures)

    def ledger(self, guard: Guarding = lambda client: client) -> Ledger:
        return Ledger(guard(self.dynamodb), "ledger", self.clock, self.clock.sleep)

    def refreshes(self, guard: Guarding = lambda client: client) -> SpiceRefreshes:
        ledger = self.ledger(guard)
        letters = DeadLetters(ledger, guard(self.sqs), "queue", logger)
        return SpiceRefreshes(ledger, guard(self.quicksight), letters, "123456789012", MAX_ATTEMPTS)

    @property
    def row(self) -> dict[str, Any]:
        return self.dynamodb.row("spice#ds")

    @property
    def states(self) -> list[str]:
        return [run.state for run in self.quicksight.runs.all.values()]

    def event(self, statement: str) -> Callable[[Guarding], None]:
        """What the completion event of a load does."""

        def act(guard: Guarding) -> None:
            self.refreshes(guard).request("ds", statement)

        return act

    def reconciler(self, guard: Guarding) -> None:
        """What the reconciler does."""
        refreshes, ledger = self.refreshes(guard), self.ledger(guard)
        for row in list(ledger.open("spice", ledger.now())):
            if "open" in (found := ledger.get(row["id"]) or {}):
                refreshes.reconcile(found)

    def service(self, guard: Guarding) -> None:
        """Let the ingestions that run come to their ends."""

        class Service:
            @staticmethod
            def end() -> None:
                for run in self.quicksight.runs.going("RUNNING"):
                    self.quicksight.finish(run)

        guard(Service()).end()

    def come_to_rest(self) -> None:
        """Reconcile until nothing is open, as the schedule does."""
        for _ in range(30):
            finish(self.service)
            assert finish(self.reconciler).failure is None
            if not list(self.ledger().open("spice", "9999")):
                return
        raise AssertionError(f"still open: {self.row}")


class Watched(QuickSight):
    """Notes, for each ingestion, which loads had finished when it began."""

    def __init__(self, world: World) -> None:
        super().__init__(world.failures)
        self.world = world
        self.limited = 0

    def create_ingestion(self, AwsAccountId: str, DataSetId: str, IngestionId: str) -> dict[str, Any]:
        answer = super().create_ingestion(AwsAccountId, DataSetId, IngestionId)
        self.world.began.append(set(self.world.finished_loads))
        return answer


KILLS = st.none() | st.builds(Kill, st.integers(0, 10), st.booleans())


@settings(max_examples=examples(300), deadline=None, derandomize=True)
@given(
    failures=st.lists(st.booleans(), max_size=6),
    limited=st.integers(0, 3),
    kills=st.lists(KILLS, min_size=7, max_size=7),
    order=st.lists(st.integers(0, 8), max_size=70),
)
def test_whatever_races_and_dies_each_load_is_in_an_ingestion(
    failures: list[bool], limited: int, kills: list[Kill | None], order: list[int]
) -> None:
    world = World(failures)
    quicksight = Watched(world)
    quicksight.limited = limited
    world.quicksight = quicksight

    def load(statement: str) -> Callable[[Guarding], None]:
        def act(guard: Guarding) -> None:
            world.finished_loads.add(statement)
            world.event(statement)(guard)

        return act

    acts = [load("s1"), load("s1"), load("s2"), load("s3"), load("s3"), world.reconciler, world.reconciler]
    runs = [Run(act, kill) for act, kill in zip(acts, kills, strict=True)]
    race([*runs, Run(world.service), Run(world.service)], order)
    assert {type(run.failure) for run in runs} <= {type(None), Killed, DataSetBusy}
    if any(run.failure for run in runs):
        # Lambda tries an event again whose run failed.
        for statement in ("s1", "s2", "s3"):
            assert finish(world.event(statement)).failure is None
    world.come_to_rest()
    assert world.row["state"] == "IDLE"
    assert "dirty" not in world.row
    lost = {message["statement_id"] for message in world.sqs.messages}
    completed = [began for began, state in zip(world.began, world.states, strict=True) if state == "COMPLETED"]
    seen = set().union(*completed) if completed else set()
    if not lost:
        assert seen == {"s1", "s2", "s3"}, "every load's rows are in an ingestion that completed"
        assert len(completed) <= 3
    attempts = world.quicksight.runs.tokens
    assert {token.removeprefix("ds/") for token in attempts} <= {
        ingestion_id("ds", statement, attempt) for statement in ("s1", "s2", "s3") for attempt in (1, 2, 3)
    }


@pytest.mark.parametrize("committed", [False, True])
@pytest.mark.parametrize("failures", [[], [True], [True] * 3], ids=["completes", "fails once", "fails for good"])
def test_killed_at_each_call_in_turn(failures: list[bool], committed: bool) -> None:
    call = 0
    while True:
        world = World(list(failures))

        def life(guard: Guarding, world: World = world) -> None:
            world.event("s1")(guard)
            for _ in range(5):
                world.service(lambda client: client)
                world.reconciler(guard)

        run = finish(life, Kill(call, committed))
        killed = isinstance(run.failure, Killed)
        assert killed or run.failure is None
        finish(world.event("s1"))
        world.come_to_rest()
        assert world.row["state"] == "IDLE"
        if len(failures) < MAX_ATTEMPTS:
            assert world.states == ["FAILED"] * len(failures) + ["COMPLETED"]
            assert world.sqs.messages == []
        else:
            assert world.states == ["FAILED"] * 3
            assert 1 <= len(world.sqs.messages) <= (2 if killed else 1)
        if not killed:
            break
        call += 1
    assert call > 5


def test_loads_that_are_apart_have_an_ingestion_each() -> None:
    world = World()
    for number in range(4):
        assert world.refreshes().request("ds", f"s{number}") is Outcome.STARTED
        world.come_to_rest()
        assert world.refreshes().request("ds", f"s{number}") is Outcome.NOTHING
    assert world.states == ["COMPLETED"] * 4


def test_loads_that_come_close_share_one() -> None:
    world = World()
    assert world.refreshes().request("ds", "s0") is Outcome.STARTED
    for number in range(1, 6):
        assert world.refreshes().request("ds", f"s{number}") is Outcome.RUNNING
    assert world.row["dirty"] == "s5"
    world.come_to_rest()
    assert world.states == ["COMPLETED"] * 2
    assert world.row["statement_id"] == "s5"


def test_a_load_finds_that_the_ingestion_before_has_ended_without_the_reconciler() -> None:
    world = World()
    world.refreshes().request("ds", "s0")
    finish(world.service)
    assert world.refreshes().request("ds", "s1") is Outcome.STARTED
    assert world.states == ["COMPLETED", "RUNNING"]


@pytest.mark.parametrize("limit", ["LimitExceededException", "ThrottlingException"])
def test_over_the_limit_it_stays_open_and_the_loads_are_coalesced(limit: str) -> None:
    world = World()
    world.quicksight.limited, world.quicksight.limit = 3, limit
    assert world.refreshes().request("ds", "s0") is Outcome.POSTPONED
    assert world.refreshes().request("ds", "s1") is Outcome.POSTPONED
    assert world.refreshes().reconcile(world.row) is Outcome.POSTPONED
    assert world.row["open"] == "spice"
    assert world.refreshes().reconcile(world.row) is Outcome.STARTED
    assert "dirty" not in world.row
    world.come_to_rest()
    assert world.states == ["COMPLETED"]


def test_after_the_last_attempt_the_message_goes_out_and_what_came_meanwhile_is_refreshed() -> None:
    world = World([True, True, True])
    world.refreshes().request("ds", "s0")
    finish(world.service)
    assert world.refreshes().reconcile(world.row) is Outcome.STARTED
    finish(world.service)
    assert world.refreshes().reconcile(world.row) is Outcome.STARTED
    world.refreshes().request("ds", "s1")
    finish(world.service)
    assert world.refreshes().reconcile(world.row) is Outcome.FAILED
    assert world.sqs.messages == [
        {
            "kind": "spice",
            "id": "spice#ds#s0",
            "error": "FAILED: SQL_EXCEPTION no table",
            "attempts": 3,
            "data_set_id": "ds",
            "statement_id": "s0",
        }
    ]
    assert world.row["statement_id"] == "s1"
    world.come_to_rest()
    assert world.states == ["FAILED"] * 3 + ["COMPLETED"]


def test_an_ingestion_that_exists_already_is_looked_up() -> None:
    world = World()
    world.quicksight.create_ingestion("123456789012", "ds", ingestion_id("ds", "s0", 1))
    assert world.refreshes().request("ds", "s0") is Outcome.RUNNING
    assert world.states == ["RUNNING"]


def test_an_existing_one_that_is_not_seen_at_first_is_settled_by_its_state() -> None:
    class Late(QuickSight):
        asked = 0

        def describe_ingestion(self, AwsAccountId: str, DataSetId: str, IngestionId: str) -> dict[str, Any]:
            self.asked += 1
            if self.asked == 1:
                raise error("ResourceNotFoundException", "DescribeIngestion")
            return super().describe_ingestion(AwsAccountId, DataSetId, IngestionId)

    world = World()
    world.quicksight = Late()
    world.quicksight.create_ingestion("123456789012", "ds", ingestion_id("ds", "s0", 1))
    finish(world.service)
    assert world.refreshes().request("ds", "s0") is Outcome.COMPLETED
    assert world.row["state"] == "IDLE"


def test_cancelled_is_failed() -> None:
    world = World()
    world.refreshes().request("ds", "s0")
    for run in world.quicksight.runs.all.values():
        run.state = "CANCELLED"
    assert world.refreshes().reconcile(world.row) is Outcome.STARTED
    assert world.row["attempt"] == 2


def test_other_errors_are_raised_and_leave_it_open() -> None:
    world = World()
    world.quicksight.limited, world.quicksight.limit = 1, "AccessDeniedException"
    with pytest.raises(ClientError, match="AccessDenied"):
        world.refreshes().request("ds", "s0")
    assert world.row["open"] == "spice"
    assert world.refreshes().request("ds", "s0") is Outcome.STARTED


def test_data_sets_do_not_share_state() -> None:
    world = World()
    assert world.refreshes().request("ds", "s0") is Outcome.STARTED
    assert world.refreshes().request("other", "s0") is Outcome.STARTED
    assert world.states == ["RUNNING", "RUNNING"]
