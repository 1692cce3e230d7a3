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


PROGRESS = """
import time
from pipeline.demo import progress
from pipeline.demo.progress import ProgressLines
console = progress.console()
with ProgressLines(console) as lines:
    for phase in ("orders", "details", "written", "curated", "redshift", "ingestions"):
        begin, done = time.monotonic(), 0
        # Longer than what is live takes to be drawn anew.
        while time.monotonic() < begin + 0.2:
            done += 1
            lines(phase, done, None, ", ".join(f"{done} of one kind" for _ in range(12)))
        lines(phase, done, done)
"""


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_progress_is_no_wider_than_the_terminal(columns: int) -> None:
    see(Terminal([sys.executable, "-c", PROGRESS], columns, ROOT, {}), columns)


def test_the_demo_in_a_terminal() -> None:
    terminal = Terminal(DEMO, 80, ROOT, {})
    live, lines = see(terminal, 80)
    said = "\n".join(lines)
    # Resources count up while they are made.
    made = [int(found[3]) for line in live if (found := LIVE.match(line)) and found[1] == "resources" and found[3]]
    assert len(made) > 5
    assert all(before <= after for before, after in pairwise(made))
    assert len([line for line in lines if re.fullmatch(r"  \d+ resources in [\d.]+ s", line)]) == 1, said


def see(terminal: Terminal, columns: int) -> tuple[list[str], list[str]]:
    """Watch a command to its end: what was live on the screen, and what stays."""
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
    return live, lines
