"""Orders while every edge fails: nothing is lost, nothing is doubled, and nobody gets what they were not told of."""

import json
import subprocess
import sys
from typing import Any

import pytest

from pipeline.demo.poison import KINDS, REQUESTS
from tests.conftest import ROOT

pytestmark = pytest.mark.timeout(1200)
ORDERS = 16


def soak(*arguments: str) -> tuple[int, dict[str, Any], str]:
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "soak", "--json", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=800,
    )
    lines = done.stdout.splitlines()
    return done.returncode, json.loads(lines[-1]) if lines else {}, done.stderr


@pytest.fixture(scope="module")
def short() -> tuple[int, dict[str, Any], str]:
    """One seed, with faults of every kind at every edge, and every kind of poison among the orders."""
    share = len(KINDS) / ORDERS
    return soak("--orders", str(ORDERS), "--seed", "1", "--faults", "mixed:0.05", "--poison", str(share))


def test_a_short_soak_loses_and_doubles_nothing(short: tuple[int, dict[str, Any], str]) -> None:
    _, found, said = short
    assert found, said
    poison = found["poison"]
    as_orders = poison["delivered"] + poison["waiting"] + poison["not_told"]
    assert found["accepted"] + found["not_accepted"] == ORDERS + as_orders, said
    assert found["accepted"] == found["written"] + found["waiting"] + found["in_dlq"], said
    assert found["curated"] == found["redshift"] == found["written"], said
    assert (found["lost"], found["doubled"], found["unexpected"]) == (0, 0, 0), said


def test_what_could_stop_others_is_refused_delivered_or_set_aside(short: tuple[int, dict[str, Any], str]) -> None:
    _, found, said = short
    poison = found["poison"]
    assert (poison["sent"], poison["under_way"]) == (len(KINDS), 0), said
    assert poison["refused"] + poison["delivered"] + poison["waiting"] + poison["not_told"] == len(REQUESTS), said
    assert (poison["set_aside"], poison["ignored"]) == (3, 1), said


def test_it_says_what_was_injected_where(short: tuple[int, dict[str, Any], str]) -> None:
    injected = short[1]["injected"]
    kinds = {kind for counts in injected.values() for kind in counts}
    assert {"dynamodb:UpdateItem", "lambda:Invoke", "stepfunctions:StartExecution"} <= set(injected)
    assert {"delay", "duplicate", "lost answer", "lost request", "throttle", "unavailable"} <= kinds


def test_nobody_gets_an_order_that_they_were_refused(short: tuple[int, dict[str, Any], str]) -> None:
    code, found, said = short
    # Where the answer itself was lost on its way, nobody can say what the client was told.
    assert (code, found["not_told"] - found["unanswered"]) == (0, 0), said


def test_a_specification_that_says_nothing_is_refused_with_what_is_allowed() -> None:
    code, found, said = soak("--faults", "chaos")
    assert (code, found) == (2, {})
    assert "mixed:RATE" in said
