"""``python -m pipeline iam-proof`` as a user runs it: what is needed is shown, what is not is told."""

import subprocess
import sys

from tests.conftest import ROOT

TAMPER = """
import json, sys
from pipeline.__main__ import main
from pipeline.proof import programs
from pipeline.proof.proving import ordered
from pipeline.proof.roles import ROLE_POLICY
deploy = programs.deploy
def tampered(*arguments, **options):
    stack = deploy(*arguments, **options)
    state = stack.of_type(ROLE_POLICY)["get-order-role"]
    document = json.loads(state["policy"])
    spare = {"Sid": "Spare", "Effect": "Allow", "Action": ["dynamodb:Scan"], "Resource": "arn:aws:dynamodb:::table/x"}
    document["Statement"].append(spare)
    state["policy"] = json.dumps(document)
    return stack
checks = programs.FrontChecks.checks
programs.deploy = tampered
# Without the checks of the other roles, which take minutes.
programs.FrontChecks.checks = lambda self: ordered(checks(self), "get-order-role", "WriteLog")[0]
programs.BehindChecks.checks = lambda self: []
programs.RowChecks.checks = lambda self: []
main(sys.argv[1:])
"""


def run(*arguments: str) -> tuple[int, list[str]]:
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout.splitlines()


def test_every_statement_of_a_role_is_shown_to_be_needed() -> None:
    code, lines = run("-m", "pipeline", "iam-proof", "--only", "suppliers-schedule-role")
    assert code == 0, lines
    assert [line.partition(":")[0] for line in lines[:4]] == [
        f"needed suppliers-schedule-role/{sid}" for sid in ("Call", "DeadLetter", "DecryptWithKey", "EncryptWithKey")
    ]
    assert lines[-1] == "statements 4, proven 4"


def test_another_programs_roles_are_proven_by_what_lies_beside_it() -> None:
    code, lines = run("-m", "pipeline", "iam-proof", "--program", "examples/sensors", "--only", "report-schedule-role")
    assert code == 0, lines
    assert [line.partition(":")[0] for line in lines[:2]] == [
        "needed report-schedule-role/Call",
        "needed report-schedule-role/DeadLetter",
    ]
    assert lines[-1] == "statements 2, proven 2"


def test_a_program_that_does_not_say_what_it_has_to_do_is_an_error() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "iam-proof", "--program", "examples/queue"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "there is no proof.py in" in done.stderr


def test_a_statement_that_nothing_needs_is_told_and_ends_with_an_error() -> None:
    code, lines = run("-c", TAMPER, "iam-proof", "--only", "get-order-role")
    assert code == 1, lines
    assert "not needed get-order-role/Spare: everything works without it" in lines
    assert [line.partition(":")[0] for line in lines if line.startswith("needed")] == [
        "needed get-order-role/WriteLog",
        "needed get-order-role/Trace",
        "needed get-order-role/GetPayloads",
        "needed get-order-role/LinkOrdersGet",
        "needed get-order-role/DecryptWithKey",
    ]
    assert lines[-1] == "statements 6, proven 5"
