"""The tutorial's files, taken from its page, are tested and run as the page says, and answer what it shows."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "tutorial.md").read_text()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reader's folder, with the files of the page."""
    made = tmp_path_factory.mktemp("tutorial")
    files = re.findall(r"^`(payments/\S+)`:\n\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert len(files) == 5
    for name, text in files:
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(text)
    return made


def run(folder: Path, *arguments: str) -> str:
    # Options for these tests are none of the reader's.
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    environment["PYTHONPATH"] = str(ROOT)
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def shown(command: str) -> str:
    """What the page shows after a command."""
    found = re.search(rf"^\$ {re.escape(command)}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None, command
    return found[1]


def test_the_readers_test_passes(folder: Path) -> None:
    said = run(folder, "-m", "pytest", "-q", "payments")
    assert said.startswith(shown(".venv/bin/python -m pytest -n 0 -q payments"))


def test_the_readers_stack_charges_once(folder: Path) -> None:
    assert run(folder, "-m", "payments.try") == shown(".venv/bin/python -m payments.try")
