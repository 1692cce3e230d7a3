"""The components with their defaults pass the pack."""

import pytest
from eda_policies import runner
from eda_policies.recording import record
from eda_policies.rule import Level
from eda_policies.rules import RULES

from tests.unit.component_cases import CASES

# What a component by itself cannot have: what watches it, and what the stack's own tags and topics are.
OF_THE_STACK = {"required-tags": "disabled", "observability-complete": "disabled"}
WITHOUT_TOPIC = {"dlq-alarm", "firehose-freshness-alarm"}


@pytest.mark.parametrize("name", CASES)
def test_a_component_with_its_defaults_passes(name: str) -> None:
    found = runner.requests(record(CASES[name]))
    violations = runner.check(RULES, found, "staging", OF_THE_STACK)
    assert {v.rule for v in violations if v.level is Level.MANDATORY} <= WITHOUT_TOPIC, [v.message for v in violations]
