"""What the demo looks like in a terminal: nothing glued, nothing wider than it, and the cursor is there at the end."""

import re
import sys
from itertools import pairwise

import pytest

from tests.conftest import ROOT
from tests.terminal import Terminal

DEMO = [sys.executable, "-m", "pipeline", "demo", "--orders", "3", "--elements", "200"]
PHASES = ("orders", "details", "written", "curated", "redshift", "ingestions")
LIVE = re.compile(r"^[-\\|/] (\S+|tracing an order) +((\d+)( of \d+)?)? *\d:\d\d:\d\d( .*)?$")


@pytest.mark.parametrize("columns", [80, 120])
def test_the_demo_in_a_terminal(columns: int) -> None:
    terminal = Terminal(DEMO, columns, ROOT, {})
    live: list[str] = []
    for screen in terminal.screens():
        running = [line for line in screen if re.match(r"[-\\|/] ", line)]
        assert len(running) <= 1, "\n".join(screen)
        live += running
    lines = terminal.text()
    said = "\n".join(lines)
    assert terminal.process.returncode == 0, said
    assert terminal.widest <= columns, said
    assert terminal.cursor_is_seen
    # What is live is one phase a line, and goes when it is done; what stays of a phase is one line.
    assert live, said
    assert all(LIVE.match(line) for line in live), live
    assert not [line for line in lines if LIVE.match(line)], said
    for phase in PHASES:
        assert len([line for line in lines if line.startswith(f"  {phase} ")]) == 1, said
    where = [next(number for number, line in enumerate(lines) if line.startswith(f"  {phase} ")) for phase in PHASES]
    assert where == sorted(where), said
    # Resources count up while they are made.
    made = [int(found[3]) for line in live if (found := LIVE.match(line)) and found[1] == "resources" and found[3]]
    assert len(made) > 5
    assert all(before <= after for before, after in pairwise(made))
    assert len([line for line in lines if re.fullmatch(r"  \d+ resources in [\d.]+ s", line)]) == 1, said
