"""A signal at any moment ends a command, and leaves nothing: no process, no file, no port."""

import os
import random
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.left_behind import MARK, is_free, ports, processes
from tests.waiting import wait_until

PIPELINE, SANDBOX = [sys.executable, "-m", "pipeline"], [sys.executable, "-m", "eda_sandbox"]
COMMANDS = {
    "demo": [*PIPELINE, "demo", "--orders", "60", "--elements", "200"],
    "iam-proof": [*PIPELINE, "iam-proof"],
    "soak": [*PIPELINE, "soak", "--orders", "100"],
    "provider": [*SANDBOX, "provider"],
    "run": [*SANDBOX, "run", "--", "sleep", "300"],
    "dev": [*SANDBOX, "dev", "examples/queue"],
}
LONGEST = {"demo": 14.0, "iam-proof": 10.0, "soak": 12.0, "provider": 4.0, "run": 4.0, "dev": 8.0}
"""Seconds from its start within which a command gets its signal."""
MOMENTS = {"demo": 7, "iam-proof": 2, "soak": 2, "provider": 3, "run": 3, "dev": 3}
AT_ONCE = 20
"""Seconds in which a command has to be gone; it takes less than one, on a machine that is free."""


def moments(command: str) -> list[tuple[str, float, signal.Signals]]:
    """One in each of as many parts of the time: what a command does then differs from part to part."""
    drawn = random.Random(f"moments of {command}")
    kinds = (signal.SIGTERM, signal.SIGHUP, signal.SIGTERM)
    part = LONGEST[command] / MOMENTS[command]
    return [
        (command, round((number + drawn.random()) * part, 2), kinds[number % 3]) for number in range(MOMENTS[command])
    ]


def start(command: str, folder: Path, mark: str) -> subprocess.Popen[bytes]:
    with (folder.parent / "said").open("wb") as said:
        return subprocess.Popen(
            COMMANDS[command],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(folder), MARK: mark},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # Whatever starts the tests may ignore it.
            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
        )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """For temporary files."""
    made = tmp_path / "temporary"
    made.mkdir()
    return made


def check_nothing_is_left(folder: Path, mark: str, listened: set[int]) -> None:
    said = (folder.parent / "said").read_text()
    assert processes(mark) == {}, said
    assert list(folder.iterdir()) == [], said
    assert all(map(is_free, listened)), said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("command", "moment", "number"), [found for command in COMMANDS for found in moments(command)], ids=str
)
def test_a_signal_leaves_nothing(command: str, moment: float, number: signal.Signals, folder: Path) -> None:
    mark = uuid.uuid4().hex
    process = start(command, folder, mark)
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(moment)
        listened = ports(set(processes(mark)))
        process.send_signal(number)
        code = process.wait(AT_ONCE)
        # Before its first line a command ends as any program does.
        assert code in (128 + number, -number, *((0,) if command in ("provider", "dev") else ())), code
        check_nothing_is_left(folder, mark, listened)
    finally:
        process.kill()


@pytest.mark.parametrize("command", ["demo", "soak"])
def test_a_second_ctrl_c_ends_at_once(command: str, folder: Path) -> None:
    mark = uuid.uuid4().hex
    process = start(command, folder, mark)
    said = folder.parent / "said"
    try:
        wait_until(lambda: "  orders " in said.read_text(), said.read_text)
        listened = ports(set(processes(mark)))
        process.send_signal(signal.SIGINT)
        wait_until(lambda: "still counted" in said.read_text(), said.read_text)
        process.send_signal(signal.SIGINT)
        assert process.wait(AT_ONCE) == 130
        check_nothing_is_left(folder, mark, listened)
    finally:
        process.kill()
