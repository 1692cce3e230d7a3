"""``python -m pipeline demo`` as a user runs it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.conftest import ROOT

OPTIONS = ["demo", "--orders", "5", "--elements", "200", "--seed", "3", "--json"]
TAMPER = """
import sys
from pathlib import Path
from pipeline.__main__ import main
from pipeline.demo import run
from pipeline.demo.run import Run
# The lost order's log lines are all there; what is looked for at the end of its trace does not come.
run.LOG_SECONDS = 1
settle = Run.settle
def tampered(self):
    settle(self)
    lost, doubled = [row["order_id"] for row in self._pipeline.rows() if row["status"] == "COMPLETED"][:2]
    table, dynamodb = self._pipeline.outputs["orders_table_name"], self._pipeline.client("dynamodb")
    item = dynamodb.get_item(TableName=table, Key={"order_id": {"S": doubled}})["Item"]
    dynamodb.put_item(TableName=table, Item={**item, "order_id": {"S": "f" * 64}})
    dynamodb.delete_item(TableName=table, Key={"order_id": {"S": lost}})
Run.settle = tampered
main(sys.argv[1:])
"""


def run(*arguments: str) -> tuple[int, dict[str, Any], str]:
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    return done.returncode, json.loads(lines[-1]) if lines else {}, done.stderr


def test_an_order_that_is_lost_and_one_that_is_doubled_end_with_an_error_and_one_line_of_json() -> None:
    code, result, said = run("-c", TAMPER, *OPTIONS)
    assert code == 1, said
    assert (result["accepted"], result["executions"]) == (5, 5)
    assert result["written"] + result["waiting"] + result["in_dlq"] + result["lost"] == 5
    assert set(result["seconds"]) == {"install", "start", "deploy", "run"}
    for what in ("lost", "doubled"):
        assert result[what] == 1
        assert f"{what}:" in said
    assert "Traceback" not in said


def test_help_and_wrong_options() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "demo", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "--orders" in done.stdout
    wrong = subprocess.run(
        [sys.executable, "-m", "pipeline", "demo", "--orders", "0"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert wrong.returncode == 2
    assert "--orders" in wrong.stderr


def test_interrupting_keeps_the_accounting_and_leaves_nothing(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path), "COLUMNS": "200"}
    command = [sys.executable, "-u", "-m", "pipeline", "demo", "--orders", "2000", "--elements", "100"]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if line.strip().startswith("orders"):
            break
    process.send_signal(signal.SIGINT)
    said += process.communicate(timeout=600)[0].splitlines(keepends=True)
    text = "".join(said)
    assert process.returncode == 0, text
    assert "what was sent is still counted" in text
    assert "Accounting" in text
    assert list(tmp_path.iterdir()) == []
