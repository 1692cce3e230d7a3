"""Whatever fails and whoever is stopped: an accepted order is delivered once, waits, or lies in the queue."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reliability.workflow_world import ANSWERS, MACHINE, ORDERS, Fault, World

KEYS = ("a", "b", "c")
MESSAGES = ("d", "e")
"""What makes a function start the workflow, which does not go through the admission."""
FAULTS = st.builds(
    Fault,
    service=st.sampled_from(["dynamodb", "dynamodb", "sqs", "states", "lambda"]),
    kind=st.sampled_from(["error", "lost"]),
    after=st.integers(0, 40),
    length=st.sampled_from([1, 2, 4, 12, 40, 200]),
)
ACTIONS = st.one_of(
    st.tuples(st.just("post"), st.sampled_from(KEYS), st.integers(1, 3)),
    st.tuples(st.just("start"), st.sampled_from(MESSAGES), st.integers(1, 3)),
    st.tuples(st.just("details"), st.sampled_from(KEYS + MESSAGES), st.just(0)),
    st.tuples(st.just("stop"), st.sampled_from(KEYS + MESSAGES), st.just(0)),
    st.tuples(st.just("step"), st.just(""), st.integers(1, 8)),
    st.tuples(st.just("wait"), st.just(""), st.sampled_from([1, 60, 600, 90_000, 700_000])),
    st.tuples(st.just("tell"), st.just(""), st.just(0)),
    st.tuples(st.just("reconcile"), st.just(""), st.just(0)),
    st.tuples(st.just("redrive"), st.just(""), st.sampled_from([1, 100])),
)


def act(world: World, what: str, key: str, number: int) -> None:
    """One thing that happens."""
    order_id = world.accepted.get(key)
    match what:
        case "post":
            world.post(key, number)
        case "start":
            world.start(key, number)
        case "details" if order_id is not None:
            world.details(order_id)
        case "stop" if order_id is not None:
            for execution in list(world.executions_of(order_id)):
                world.stop(execution)
        case "step":
            for _ in range(number):
                world.loop.step()
        case "wait":
            world.loop.pass_time(number)
        case "tell":
            world.tell()
        case "reconcile":
            world.reconcile()
        case "redrive":
            world.redrive(number)


def owned(world: World) -> None:
    """Each accepted order has one owner now: it is delivered, an execution runs, it is open where the reconciler looks,
    or its message is in the queue."""
    for order_id in world.accepted.values():
        row = world.memory.item(ORDERS, order_id)
        assert "version" in row, f"{order_id} is accepted and not there"
        queued = any(order_id in body for body in world.sqs.messages.values())
        runs = any(execution.status == "RUNNING" for execution in world.executions_of(order_id))
        assert row["status"]["S"] == "COMPLETED" or "open" in row or queued or runs, row


def settle(world: World) -> None:
    """The faults are over: clients send what they have, the reconciler runs, what lies in the queue is redriven."""
    world.faults, world.answers, world.events = [], [], []
    for key in world.begun:
        world.start(key)
    for _ in range(12):
        world.loop.pass_time(1000)
        world.tell()
        world.reconcile()
        world.loop.pass_time(1000)
        world.redrive()
        world.loop.pass_time(1000)
        for order_id in world.accepted.values():
            world.details(order_id)
        world.loop.pass_time(100_000)
        done = [world.memory.item(ORDERS, id)["status"]["S"] == "COMPLETED" for id in world.accepted.values()]
        if all(done) and not any("nothing to do" in said or "started" in said for said in world.redrive()):
            break
    world.reconcile()
    world.redrive()


HAPPENINGS = (
    st.lists(FAULTS, max_size=4),
    st.lists(st.sampled_from(ANSWERS), max_size=6),
    st.lists(st.booleans(), max_size=4),
    st.lists(ACTIONS, min_size=1, max_size=16),
)


@settings(max_examples=400)
@given(*HAPPENINGS)
def test_every_accepted_order_has_an_owner_and_is_delivered_once(
    faults: list[Fault], answers: list[str], events: list[bool], actions: list[tuple[str, str, int]]
) -> None:
    owned_and_delivered(World(list(faults), list(answers), list(events)), faults, actions)


@settings(max_examples=30)
@given(*HAPPENINGS)
def test_so_has_every_order_of_a_workflow_with_further_steps(
    faults: list[Fault], answers: list[str], events: list[bool], actions: list[tuple[str, str, int]]
) -> None:
    owned_and_delivered(World(list(faults), list(answers), list(events), stepped=True), faults, actions)


def owned_and_delivered(world: World, faults: list[Fault], actions: list[tuple[str, str, int]]) -> None:
    try:
        act(world, "post", "a", 2)
        for action in actions:
            act(world, *action)
            owned(world)
        settle(world)
        for order_id in world.accepted.values():
            assert world.memory.item(ORDERS, order_id)["status"]["S"] == "COMPLETED"
            assert world.completed[order_id] == 1
        assert world.sqs.messages == {}
        assert {statuses for statuses in map(frozenset, world.written.values()) if len(statuses) != 1} == set()
        told = set(world.accepted.values())
        shown = {id for (id,), row in world.memory.tables.get(ORDERS, {}).items() if "version" in row}
        # Where the answer to the acceptance itself was lost, and then every look at it, nobody can say.
        if not any(fault.service == "dynamodb" and fault.kind == "lost" and fault.length >= 4 for fault in faults):
            assert shown <= told
    finally:
        world.close()


@pytest.mark.parametrize("number", range(5))
def test_an_order_is_delivered_whenever_its_row_is_accepted(number: int) -> None:
    """The execution is started before the row is accepted, and that may happen between any two of its calls."""
    world = World()
    row = {"order_id": {"S": "a"}, "status": {"S": "ADMITTED"}, "open": {"S": "open"}, "updated_at": {"S": "2026"}}
    world.memory.put_item(TableName=ORDERS, Item=row)
    calls = itertools.count()

    def accept(_: str, request: dict[str, Any]) -> None:
        if request["TableName"] == ORDERS and next(calls) == number:
            world.memory.item(ORDERS, "a").update({"version": {"N": "1"}, "status": {"S": "PENDING"}})

    world.memory.before = accept
    try:
        world.stepfunctions.start_execution(MACHINE, "a", json.dumps({"id": "a", "version": 1, "payload": {}}))
        world.loop.pass_time(1000)
        assert next(calls) > number
        assert world.details("a") == 202
        world.loop.pass_time(1000)
        assert world.memory.item(ORDERS, "a")["status"]["S"] == "COMPLETED"
        assert world.sqs.messages == {}
    finally:
        world.close()
