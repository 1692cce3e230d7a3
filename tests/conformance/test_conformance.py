"""The sandbox answers what AWS answers: every case of this folder's files, or a refusal by name that has a reason."""

from pathlib import Path

import pytest
from eda_sandbox.conformance import report
from eda_sandbox.conformance.cases import Case, load
from eda_sandbox.conformance.running import run
from eda_sandbox.conformance.steps import Place
from eda_sandbox.embedded import Sandbox

CASES = load(Path(__file__).parent)


@pytest.fixture(scope="module")
def place(aws: Sandbox) -> Place:
    return Place(aws)


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_the_sandbox_answers_what_aws_answers(place: Place, case: Case) -> None:
    outcome = run(place, case)
    assert outcome.as_said, report.told(outcome)
