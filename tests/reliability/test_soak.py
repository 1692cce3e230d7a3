"""Orders while every edge fails: nothing is lost, nothing is doubled, and nobody gets what they were not told of."""

import json
import subprocess
import sys
from typing import Any

from tests.conftest import ROOT

ORDERS = 30


def soak(*arguments: str) -> tuple[int, dict[str, Any], str]:
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "soak", "--json", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    lines = done.stdout.splitlines()
    return done.returncode, json.loads(lines[-1]) if lines else {}, done.stderr


def test_a_short_soak_adds_up() -> None:
    code, found, said = soak("--orders", str(ORDERS), "--seed", "1", "--faults", "mixed:0.05")
    assert found, said
    assert found["accepted"] + found["not_accepted"] == ORDERS
    assert found["accepted"] == found["written"] + found["waiting"] + found["in_dlq"] + found["lost"], said
    edges, kinds = set(found["injected"]), {kind for counts in found["injected"].values() for kind in counts}
    assert {"dynamodb:UpdateItem", "lambda:Invoke", "stepfunctions:StartExecution"} <= edges
    assert {"delay", "duplicate", "lost answer", "lost request", "throttle", "unavailable"} <= kinds
    assert (found["lost"], found["doubled"], found["not_told"], found["unexpected"]) == (0, 0, 0, 0), said
    assert (code, found["balanced"]) == (0, True), said


def test_a_specification_that_says_nothing_is_refused_with_what_is_allowed() -> None:
    code, found, said = soak("--faults", "chaos")
    assert (code, found) == (2, {})
    assert "mixed:RATE" in said
