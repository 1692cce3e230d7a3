"""The sandbox answers what AWS answers: every case of this folder's files, or a refusal by name that has a reason.

The cases leave thousands of resources, of which some poll: they have a process, and so a sandbox, of their own.
"""

import subprocess
import sys
from pathlib import Path


def test_the_sandbox_answers_what_aws_answers() -> None:
    run = [sys.executable, "-m", "eda_sandbox", "conformance", str(Path(__file__).parent)]
    ended = subprocess.run(run, capture_output=True, text=True, timeout=900)
    without_a_reason = [line for line in ended.stderr.splitlines() if ", because " not in line]
    assert ended.returncode == 0, "\n".join([*without_a_reason, ended.stdout])
