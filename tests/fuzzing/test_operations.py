"""No operation that is offered fails in the sandbox itself, or accepts what it does not offer, whatever it is asked."""

import subprocess
import sys
from pathlib import Path


def test_every_operation_answers_whatever_it_is_asked() -> None:
    run = [sys.executable, "-m", "tests.fuzzing.operations"]
    ended = subprocess.run(run, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=900)
    assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr[-3000:]}"
