"""A signal at any moment ends a command, and leaves nothing: no process, no file, no port."""

import functools
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
    "demo": [*PIPELINE, "demo", "--orders", "20", "--elements", "200"],
    "iam-proof": [*PIPELINE, "iam-proof"],
    "soak": [*PIPELINE, "soak", "--orders", "40"],
    "provider": [*SANDBOX, "provider"],
    "run": [*SANDBOX, "run", "--", "sleep", "300"],
    "dev": [*SANDBOX, "dev", "examples/queue"],
}
FOLDER, FUNCTIONS = "aws-eda-sandbox-", "template_process"
"""What is there as soon as a sandbox starts, and a function in it."""
PHASES = {
    "demo": [
        ("", 0.5),
        ("Loading", 1.0),
        ("Deploying", 1.5),
        ("  resources ", 2.0),
        ("Sending", 1.5),
        ("  orders ", 1.5),
        ("  written ", 4.0),
    ],
    "iam-proof": [("", 0.5), (FUNCTIONS, 2.0)],
    "soak": [("", 1.5), ("  orders ", 1.5)],
    "provider": [("", 0.5), (FOLDER, 0.5), ("PULUMI_DEBUG_PROVIDERS", 0.5)],
    "run": [("", 0.5), (FOLDER, 0.5), ("sleep 300", 0.5)],
    "dev": [("", 0.5), ("Console at", 1.5), ("Watching", 1.0)],
}
"""By what it is seen that a command has come to a phase - something that it says, a file of its, a process of its - and
the seconds from then within which it gets its signal."""
AT_ONCE = 20
"""Seconds in which a command has to be gone; it takes less than one, on a machine that is free."""


def moments(command: str) -> list[tuple[str, str, float, signal.Signals]]:
    """One in each phase: what a command does then differs from phase to phase."""
    drawn = random.Random(f"moments of {command}")
    kinds = (signal.SIGTERM, signal.SIGHUP, signal.SIGTERM)
    return [
        (command, phase, round(drawn.random() * seconds, 2), kinds[number % 3])
        for number, (phase, seconds) in enumerate(PHASES[command])
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
    assert processes(mark, folder) == {}, said
    assert list(folder.iterdir()) == [], said
    assert all(map(is_free, listened)), said
    assert "Traceback" not in said


def seen(process: subprocess.Popen[bytes], folder: Path, mark: str) -> str:
    """What a command has said, its files, and the command lines of the processes that it has started."""
    started = (line for pid, line in processes(mark, folder).items() if pid != process.pid)
    return "\n".join([(folder.parent / "said").read_text(), *(file.name for file in folder.iterdir()), *started])


@pytest.mark.parametrize(
    ("command", "phase", "moment", "number"), [found for command in COMMANDS for found in moments(command)], ids=str
)
def test_a_signal_leaves_nothing(command: str, phase: str, moment: float, number: signal.Signals, folder: Path) -> None:
    mark = uuid.uuid4().hex
    process = start(command, folder, mark)
    try:
        there = functools.partial(seen, process, folder, mark)
        wait_until(lambda: phase in there() or process.poll() is not None, there)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(moment)
        listened = ports(set(processes(mark, folder)))
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
        listened = ports(set(processes(mark, folder)))
        process.send_signal(signal.SIGINT)
        wait_until(lambda: "still counted" in said.read_text(), said.read_text)
        process.send_signal(signal.SIGINT)
        assert process.wait(AT_ONCE) == 130
        check_nothing_is_left(folder, mark, listened)
    finally:
        process.kill()
