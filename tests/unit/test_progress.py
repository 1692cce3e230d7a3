"""How far a run is, in a log; and how long it is waited for."""

import io
import threading
from collections import Counter
from typing import Any

import pytest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from pipeline.demo.client import Answer, OrdersClient
from pipeline.demo.patience import Patience
from pipeline.demo.plan import Details, plan
from pipeline.demo.progress import ProgressLines
from pipeline.demo.run import WAVE, DemoError, Pipeline, Run
from tests.waiting import wait_until


def log() -> tuple[Console, io.StringIO]:
    written = io.StringIO()
    return Console(file=written, soft_wrap=True, highlight=False), written


def test_a_log_has_plain_lines_and_one_at_the_end_of_each_phase() -> None:
    to, written = log()
    with ProgressLines(to) as progress:
        for done in range(6):
            progress("orders", done, 5)
        progress("orders", 5, 5)
        with progress.working("counting"):
            to.print("[bold]between[/]")
        progress("written", 2, 2, "[all] of them")
    assert written.getvalue().splitlines() == [
        "  orders         5 of 5",
        "between",
        "  written        2 of 2   [all] of them",
    ]


def test_a_log_is_told_of_a_phase_that_is_silent() -> None:
    to, written = log()
    with ProgressLines(to, silent=0.05) as progress:
        progress("curated", 1, 5)
        wait_until(lambda: written.getvalue().count("curated        1 of 5   (for ") >= 2, "two lines")
        with progress.working("counting"):
            wait_until(lambda: "  counting   (for " in written.getvalue(), "a line")


@given(st.lists(st.tuples(st.floats(0, 30), st.booleans()), max_size=20))
def test_patience_is_over_when_nothing_has_moved_for_so_long_and_only_then(steps: list[tuple[float, bool]]) -> None:
    now, state, moved = 0.0, 0, 0.0
    patience = Patience(20, lambda: now)
    assert not patience.over("what", state)
    for seconds, moves in steps:
        now += seconds
        if moves:
            state, moved = state + 1, now
        assert patience.over("what", state) == (now - moved > 20)
    assert "--patience 40" in str(patience)


class Stuck(Pipeline):
    """A pipeline in which one order waits for ever."""

    def rows(self) -> list[dict[str, Any]]:
        return [{"order_id": "o-1", "status": "PENDING"}]

    def executions(self) -> list[dict[str, Any]]:
        return [{"name": "o-1", "status": "RUNNING"}]


def test_a_run_in_which_nothing_moves_says_what_it_waited_for_and_what_to_do() -> None:
    patience = Patience(0.1)
    client = OrdersClient("http://127.0.0.1:9", Credentials("k", "s"), "eu-central-1")
    run = Run(Stuck(lambda _: None, {}), client, lambda *_: None, patience, threading.Event())
    run.ledger.accepted["key"] = "o-1"
    run.ledger.details.add("o-1")
    with pytest.raises(DemoError) as raised:
        run.settle()
    said = str(raised.value)
    assert said.startswith("waited for 1 of 1 orders to be written, such as o-1: nothing has moved for 0.1 s.")
    assert "--patience 0.2" in said


class Attentive(OrdersClient):
    """Accepts every order, and notes how many wait for their details."""

    def __init__(self, late: set[str]) -> None:
        super().__init__("http://127.0.0.1:9", Credentials("k", "s"), "eu-central-1")
        self.late, self.lock = late, threading.Lock()
        self.waiting, self.most, self.told = set[str](), 0, Counter[str]()

    def post_order(self, key: str, body: dict[str, object]) -> Answer:
        with self.lock:
            self.waiting |= {key} & (self.late - self.told.keys())
            self.most = max(self.most, len(self.waiting))
        return Answer(202, {}, {"order_id": key}, 0)

    def get_order(self, order_id: str, etag: str | None = None) -> Answer:
        return Answer(200, {}, {"status": "AWAITING_DETAILS"}, 0)

    def post_details(self, order_id: str, body: dict[str, object]) -> Answer:
        with self.lock:
            self.waiting -= {order_id}
            self.told[order_id] += 1
        return Answer(202, {}, {}, 0)


def test_no_more_than_some_hundred_orders_wait_for_their_details_however_many_are_sent() -> None:
    planned = plan(2 * WAVE + 100, seed=1)
    told = {Details.NEVER: 0, Details.BEFORE: 1, Details.AFTER: 1, Details.TWICE: 2}
    client = Attentive({order.key for order in planned if order.details in (Details.AFTER, Details.TWICE)})
    run = Run(Stuck(lambda _: None, {}), client, lambda *_: None, Patience(60), threading.Event())
    run.send(planned)
    assert client.told == {order.key: told[order.details] for order in planned if told[order.details]}
    assert 0 < client.most <= WAVE
