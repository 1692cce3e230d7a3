"""The components pass the pack: with their own defaults, with the program's, and in every example."""

import runpy

import pulumi_aws_eda
import pytest
from eda_policies import runner
from eda_policies.recording import record
from eda_policies.rule import Level
from eda_policies.rules import RULES

from tests.conftest import ROOT
from tests.unit.component_cases import CASES

# What a component by itself cannot have: what watches it, and what the stack's own tags and topics are.
OF_THE_STACK = {"required-tags": "disabled", "observability-complete": "disabled"}
WITHOUT_TOPIC = {"dlq-alarm", "firehose-freshness-alarm"}
TOPIC = "arn:aws:sns:eu-central-1:123456789012:alarms"
STREAM = "arn:aws:dynamodb:eu-central-1:123456789012:table/devices/stream/2026-01-01T00:00:00.000"
EXAMPLES = sorted(file.parent.name for file in (ROOT / "examples").glob("*/__main__.py"))


@pytest.mark.parametrize("name", CASES)
def test_a_component_with_its_defaults_passes(name: str) -> None:
    found = runner.requests(record(CASES[name]))
    violations = runner.check(RULES, found, "staging", OF_THE_STACK)
    assert {v.rule for v in violations if v.level is Level.MANDATORY} <= WITHOUT_TOPIC, [v.message for v in violations]


@pytest.mark.parametrize("name", CASES)
def test_a_component_with_the_programs_defaults_passes_in_prod(name: str) -> None:
    def program() -> None:
        tags = {"project": "shop", "environment": "prod"}
        pulumi_aws_eda.defaults(tags=tags, log_retention_in_days=365, alarm_actions=[TOPIC])
        CASES[name]()

    found = runner.requests(record(program))
    # What shows a component, Observability makes for a whole stack.
    violations = runner.check(RULES, found, "prod", {"observability-complete": "disabled"})
    assert [v.message for v in violations if v.level is Level.MANDATORY] == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_passes_in_prod(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = ROOT / "examples" / name / "__main__.py"
    # As Pulumi's own runner does.
    monkeypatch.syspath_prepend(program.parent)
    config = {"project:stream_arn": STREAM}
    found = runner.requests(record(lambda: runpy.run_path(str(program)), config, stack="prod"))
    violations = runner.check(RULES, found, "prod")
    assert [v.message for v in violations if v.level is Level.MANDATORY] == []
