"""Whatever fails and whoever is killed: a message leaves its queue only when what it stands for is seen to be there.

The redrives of changes, notifications, queries and loads, and the reconciler of the analytics, on fakes of their
services whose calls fail, lose their answers, are throttled, are refused in part, or are the last of whoever calls. The
workflow's redrive and reconciler have theirs in ``test_every_order_has_an_owner``.
"""

import contextlib
import json

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.reliability import analytics_world, change_worlds
from tests.reliability.change_worlds import OWN, Asked, ChangesWorld, NotificationsWorld, Past
from tests.reliability.faulty_calls import KINDS, Fault, Wire
from tests.runtime.races import Killed
from tests.runtime.test_analytics_functions import created

TARGETS = ("put_record_batch", "put_record_batch", "send_message_batch", "send_message_batch", "delete_message")
FAULTS = st.lists(
    st.one_of(
        st.builds(Fault, st.integers(0, 40), st.sampled_from(KINDS)),
        st.builds(Fault, st.integers(0, 2), st.sampled_from(KINDS), st.sampled_from(TARGETS)),
    ),
    max_size=4,
)
PAST = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(["write", "write", "remove", "expire", "technical"])),
    min_size=1,
    max_size=14,
)


@st.composite
def messages(draw: st.DrawFn, changes: int) -> list[Asked]:
    """What lies in a queue about a table with so many changes."""
    number = st.integers(1, changes)
    found = st.one_of(
        st.builds(change_worlds.pointing, number, number, st.booleans()),
        st.builds(change_worlds.gave_up, st.sampled_from(["a:1", "b:2", "z:9"])),
        st.builds(
            change_worlds.failed_records,
            st.integers(0, 1),
            st.just(('{"raw": 1}', '{"raw": 2}', '{"raw": 3}')),
        ),
        st.sampled_from(change_worlds.FOREIGN),
    )
    return draw(st.lists(found, min_size=1, max_size=6))


@pytest.mark.parametrize("made", [ChangesWorld, NotificationsWorld])
@settings(max_examples=250)
@given(st.data(), PAST, FAULTS, st.booleans())
def test_a_message_about_changes_stays_until_its_changes_are_there(
    made: type[change_worlds.World],
    data: st.DataObject,
    happened: list[tuple[str, str]],
    faults: list[Fault],
    trimmed: bool,
) -> None:
    asked, wire = data.draw(messages(len(happened))), Wire(faults)
    world = made(asked, Past.of(happened), trimmed=trimmed, wire=wire)
    for _ in faults:
        with contextlib.suppress(ClientError, BotoCoreError, Killed):
            world.redrive()
    wire.heal()
    before = dict(world.queue)
    said = world.redrive()
    assert len(said) == len(before), "none stops another"
    left = [world.asked[id] for id in world.queue]
    assert sum(not one.done for one in said) == len(left), "what is left is said to be"
    assert world.too_early == []
    assert [one for one in left if one.what in OWN[made]] == [], "one run without faults brings all to its end"
    assert [one for one in asked if one.what not in (*OWN[made], "odd") and one not in left] == []
    most = len(asked) + len(wire.hit)
    assert all(times <= most for times in world.reached().values())
    if not wire.hit and not trimmed:
        assert world.reached() == world.once(), "each message's changes come once"
    assert wire.broken == []


KEYS = [f"raw/dt=2026-01-0{day}/hour=00/f" for day in (1, 2, 3)]
SLOTS = [f"2026-01-0{day}T03:00:00Z" for day in (2, 3)]
LAST_SLOTS = [f"2026-02-{day:02d}T03:00:00Z" for day in range(1, 9)]
ENDINGS = st.sampled_from([[], [True], [False, True], [True, True], [True, False, True, True]])
"""Whether the first fails, the second, …; those after do not."""
OPERATIONS = ("send_message", "batch_execute_statement", "transact_write_items", "create_ingestion", "update_item")
CHAIN_FAULTS = st.one_of(
    st.builds(Fault, st.integers(0, 90), st.sampled_from(KINDS)),
    st.builds(Fault, st.integers(0, 2), st.sampled_from(KINDS), st.sampled_from(OPERATIONS)),
)
ACTIONS = st.one_of(
    st.tuples(st.just("arrive"), st.sampled_from(KEYS)),
    st.tuples(st.just("undelivered"), st.sampled_from(KEYS)),
    st.tuples(st.just("foreign"), st.sampled_from(analytics_world.FOREIGN)),
    st.tuples(st.sampled_from(["told", "silent", "reconcile", "redrive", "redrive loads"]), st.just("")),
    st.tuples(st.just("load"), st.sampled_from(SLOTS)),
)
BEGINNINGS = st.sampled_from(
    [
        [],
        [("arrive", KEYS[0]), ("told", ""), ("load", SLOTS[0])],
        [("arrive", KEYS[0]), ("told", ""), ("told", ""), ("reconcile", "")],
    ]
)
"""What often happens first, so that much of what is drawn happens behind the queries."""


def act(world: analytics_world.World, what: str, given: str) -> None:
    """One thing that happens; a run that fails is told to whoever ran it."""
    with contextlib.suppress(*analytics_world.EXPECTED):
        match what:
            case "arrive":
                world.arrive(given)
            case "undelivered":
                world.undelivered(json.dumps(created(given)))
            case "foreign":
                world.undelivered(given)
            case "told" | "silent":
                world.end(told=what == "told")
            case "load":
                world.load(given)
            case "reconcile":
                world.reconcile()
            case "redrive":
                world.redrive()
            case "redrive loads":
                world.redrive_loads()


def reconcile(world: analytics_world.World) -> None:
    """A run without faults: only what a data set refuses may be left, and is said to be."""
    with contextlib.suppress(*[ExceptionGroup] if world.refused else []):
        world.reconcile()


def settle(world: analytics_world.World) -> list[analytics_world.Requested]:
    """The faults and what made poison of a file are over: the schedules run, and what lies in the queues is redriven;
    what the last redrive of queries said."""
    world.wire.heal()
    world.redshift.poison.clear()
    for slot in LAST_SLOTS:
        world.redrive()
        world.end(told=False)
        reconcile(world)
        act(world, "load", slot)
        act(world, "redrive loads", "")
    reconcile(world)
    return world.redrive()


@settings(max_examples=200)
@given(
    st.builds(lambda first, more: [*first, *more], BEGINNINGS, st.lists(ACTIONS, max_size=10)),
    st.lists(CHAIN_FAULTS, max_size=5),
    ENDINGS,
    ENDINGS,
    ENDINGS,
    st.sampled_from([None, None, *analytics_world.DATA_SETS]),
    st.sampled_from([None, None, KEYS[0]]),
)
# A query that fails for good, and its message cannot be sent.
@example(
    [("arrive", KEYS[0]), ("told", ""), ("told", "")],
    [Fault(0, "error", "send_message")],
    [True, True],
    [],
    [],
    None,
    None,
)
# A statement is sent, and its sender is not told.
@example(
    [("arrive", KEYS[0]), ("told", ""), ("load", SLOTS[0])],
    [Fault(0, "lost", "batch_execute_statement")],
    [],
    [],
    [],
    None,
    None,
)
# A file that the warehouse refuses, and its message cannot be sent.
@example(
    [("arrive", KEYS[0]), ("arrive", KEYS[1]), ("told", ""), ("told", ""), ("load", SLOTS[0])],
    [Fault(0, "killed before", "send_message")],
    [],
    [],
    [],
    None,
    KEYS[0],
)
# A refresh that fails for good, and whoever sends its message is killed.
@example(
    [("arrive", KEYS[0]), ("told", ""), ("load", SLOTS[0]), *[("told", ""), ("reconcile", "")] * 3],
    [Fault(0, "killed before", "send_message")],
    [],
    [],
    [True, True, True, True],
    None,
    None,
)
def test_what_the_analytics_began_has_an_owner_and_comes_to_its_end_once(
    actions: list[tuple[str, str]],
    faults: list[Fault],
    queries: list[bool],
    statements: list[bool],
    ingestions: list[bool],
    refused: str | None,
    poison: str | None,
) -> None:
    world = analytics_world.World(Wire(faults), queries, statements, ingestions, poison)
    world.refused |= {refused} if refused else set()
    for action in actions:
        act(world, *action)
        assert [row for row in world.rows() if not world.owned(row)] == []
        assert world.too_early == []
    said = settle(world)
    assert world.too_early == []
    assert world.wire.broken == []
    foreign = sorted(given for what, given in actions if what == "foreign")
    assert sorted(world.sqs.of["queries"].values()) == foreign, "all but what is foreign is redriven"
    assert [one.done for one in said] == [False] * len(foreign), "and what is foreign is said to be left"
    assert world.sqs.of["loads"] == {}, "what was set aside and what failed is loaded"
    objects = [row for row in world.rows() if row["kind"] == "query"]
    known = {given for what, given in actions if what in ("arrive", "undelivered")}
    assert {row["key"] for row in objects} == known
    for row in objects:
        runs = [run for run in world.athena.runs.all.values() if row["output"].rsplit("/", 2)[0] in str(run.parameters)]
        assert [run.state for run in runs] == ["FAILED"] * (len(runs) - 1) + ["SUCCEEDED"], "a query succeeds once"
        assert row["attempt"] == len(runs)
    files = sorted(file["path"] for row in objects for file in json.loads(row["files"]))
    assert sorted(path for _, paths in world.redshift.loaded for path in paths) == files, "each file is loaded once"
    waiting = [row for row in world.rows() if "open" in row or "unloaded" in row]
    assert [row for row in waiting if not refused or row.get("open") not in ("refresh", "spice")] == []
    for name in {*analytics_world.DATA_SETS} - world.refused:
        seen = {
            statement
            for id, statements in world.began.items()
            if world.quicksight.runs.all[id].state == "COMPLETED"
            and world.quicksight.runs.all[id].parameters["DataSetId"] == name
            for statement in statements
        }
        lost = any(json.loads(body)["data_set_id"] == name for body in world.sqs.of["refreshes"].values())
        assert lost or seen == {statement for statement, _ in world.redshift.loaded}, "each load is in an ingestion"
