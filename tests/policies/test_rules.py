"""Every rule: what complies passes, one broken property is reported, known or only linked in a preview."""

import copy
from typing import Any

import pytest
from eda_policies.check import Checker
from eda_policies.graph import Graph
from eda_policies.rule import Level
from eda_policies.rules import RULES
from eda_policies.settings import settings

from tests.policies.cases import CASES, Case
from tests.policies.factories import REMOVED, SECRET, UNKNOWN, Document, broken, check, compliant, pair

BUDGETS = {
    "lambda-function-budget": {
        "functionBudgets": [{"function": "reader", "memorySize": 128, "timeout": 5, "reservedConcurrency": True}]
    }
}


def break_(case: Case, value: Any = None) -> Any:
    return broken(case.name, case.path, case.value if value is None else value)


def decided(violations: Any) -> set[str]:
    return {v.rule.name for v in violations if "is unknown until the update" not in v.message}


def undecided(violations: Any) -> set[str]:
    return {v.rule.name for v in violations if "is unknown until the update" in v.message}


def test_a_compliant_stack_passes_every_rule() -> None:
    assert check(compliant(), config=BUDGETS) == []


def test_a_preview_of_a_compliant_stack_only_says_what_it_does_not_know() -> None:
    found = check(compliant(), preview=True, config=BUDGETS)
    assert decided(found) == set()
    assert {violation.level for violation in found} == {Level.ADVISORY}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_one_broken_property_is_reported_by_its_rules_alone(case: Case) -> None:
    found = check(break_(case), config=BUDGETS)
    assert decided(found) == {case.rule, *case.also}
    assert undecided(found) == set()
    for violation in found:
        rule = violation.rule
        assert violation.level is rule.levels["prod"]
        assert "; allowed: " in violation.message
        assert "\nFix: " in violation.message
        assert violation.message.endswith(f"See {rule.reference}, or: eda-policies explain {rule.name}")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_preview_reports_it_too_or_names_what_it_does_not_know(case: Case) -> None:
    found = check(break_(case), preview=True, config=BUDGETS)
    if case.preview == "violation":
        assert case.rule in decided(found)
    elif case.preview == "link":
        # The link is known by the dependency, and decides; what is wrong in the unknown document is seen at the update.
        assert case.rule not in decided(found)
    else:
        assert case.rule in undecided(found)
        assert case.rule not in decided(found)


def test_every_rule_has_a_case() -> None:
    assert {rule.name for rule in RULES} - {case.rule for case in CASES} == {"policy-settings", "policy-coverage"}


HOSTILE = {
    "null": None,
    "number": 42,
    "fraction": 0.5,
    "text": "x",
    "JSON": "[1]",
    "list": [1, None, "x"],
    "map": {"x": {"y": None}},
    "flag": True,
    "unknown": UNKNOWN,
    "a list of unknowns": [UNKNOWN],
    "a secret": {**SECRET, "value": "x"},
    "a secret unknown": {**SECRET, "value": UNKNOWN},
}


def paths(value: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Every property and part of one."""
    if isinstance(value, dict):
        members = [(str(key), item) for key, item in value.items()]
    else:
        members = [(str(index), item) for index, item in enumerate(value)] if isinstance(value, list) else []
    return [found for key, item in members for found in ((*path, key), *paths(item, (*path, key)))]


KINDS = list(HOSTILE.values())
ROUNDS = 3


LATER = [pytest.param(1, False, marks=pytest.mark.slow), pytest.param(2, False, marks=pytest.mark.slow)]


@pytest.mark.parametrize(("round_", "preview"), [(0, False), *LATER, (0, True)])
def test_no_value_makes_a_rule_fail(round_: int, preview: bool) -> None:
    every = [(name, path) for name, made in compliant().items() for path in paths(made.properties)]
    checker = Checker(RULES, settings(RULES, BUDGETS, "prod"))
    whole = {name: pair(made, compliant(), preview)[1] for name, made in compliant().items()}
    for number, (name, path) in enumerate(every):
        # Over the rounds each property gets three of the kinds, and each kind a quarter of all properties.
        value = KINDS[(number + round_ * len(KINDS) // ROUNDS) % len(KINDS)]
        stack = broken(name, "/".join(part.replace("/", "~") for part in path), value)
        inputs, state = pair(stack[name], stack, preview)
        found = [*checker.resource(inputs), *checker.stack(Graph([*{**whole, name: state}.values()]))]
        assert [v.message for v in found if "could not read it" in v.message] == [], (name, path, value)


OUTSIDE_DOCUMENTS = [case for case in CASES if case.path.split("/")[0] not in ("policy", "definition", "body")]
PRESENCE = {
    ("apigw-access-logs", "accessLogSettings/destinationArn"),
    ("dlq-alarm", "alarmActions"),
    ("esm-stream-bounded", "destinationConfig"),
    ("events-target-dead-letter", "deadLetterConfig"),
    ("firehose-freshness-alarm", "alarmActions"),
    ("glue-encrypted", "securityConfiguration"),
    ("kinesis-encrypted", "kmsKeyId"),
    ("lambda-async-failure-destination", "destinationConfig"),
    ("lambda-code-signing", "codeSigningConfigArn"),
    ("lambda-permission-scoped", "sourceArn"),
    ("pipes-bounded", "sourceParameters/dynamodbStreamParameters/deadLetterConfig"),
    ("required-tags", "tags/project"),
    ("s3-lifecycle", "rules/0/noncurrentVersionExpiration"),
    ("scheduler-dead-letter", "target/deadLetterConfig"),
    ("sfn-logging", "loggingConfiguration/logDestination"),
    ("sns-encrypted", "kmsMasterKeyId"),
    ("sns-subscription-dead-letter", "redrivePolicy"),
}
"""What only has to be there; an ARN that is unknown is there."""


def test_a_value_that_is_unknown_never_passes_in_silence() -> None:
    silent = {(c.rule, c.path) for c in OUTSIDE_DOCUMENTS if c.rule not in names_of(break_(c, UNKNOWN))}
    assert silent == PRESENCE


def names_of(stack: Any) -> set[str]:
    return {violation.rule.name for violation in check(stack, config=BUDGETS)}


@pytest.mark.parametrize("case", [case for case in CASES if case.value is REMOVED], ids=str)
def test_null_is_as_nothing(case: Case) -> None:
    stack = broken(case.name, case.path, None)
    assert decided(check(stack, config=BUDGETS)) == {case.rule, *case.also}


ANYTHING = {"lambda-env-no-secret", "required-tags", "secrets-not-exported"}
"""Rules for which a value of any type is a value."""


def test_a_value_of_a_wrong_type_is_a_violation() -> None:
    def reported(case: Case) -> bool:
        return any(case.rule in decided(check(break_(case, value), config=BUDGETS)) for value in (42, {"x": {"y": 1}}))

    assert {case.rule for case in OUTSIDE_DOCUMENTS if not reported(case)} == ANYTHING


def test_secrets_are_read_and_never_shown() -> None:
    wrapped = {**SECRET, "value": 977}
    found = check(broken("reader", "memorySize", wrapped), config=BUDGETS)
    assert decided(found) == {"lambda-function-budget"}
    assert "memorySize is [secret]" in found[0].message
    assert "977" not in found[0].message


@pytest.mark.parametrize("name", compliant())
def test_a_property_that_is_secret_is_checked_as_one_that_is_not(name: str) -> None:
    for key in compliant()[name].properties:
        stack = compliant()
        value = stack[name].properties[key]
        if isinstance(value, Document):
            continue
        stack[name].properties[key] = {**SECRET, "value": copy.deepcopy(value)}
        reported = decided(check(stack, config=BUDGETS))
        assert reported <= ({"lambda-env-no-secret"} if key == "environment" else set()), key


INJECTED = [
    ("reader", "memorySize", 128),
    ("reader", "timeout", 3),
    ("reader", "reservedConcurrentExecutions", -1),
    ("reader", "architectures", ["x86_64"]),
    ("reader", "tracingConfig", {"mode": "PassThrough"}),
    ("reader", "packageType", "Zip"),
    ("consumer-stream", "maximumRetryAttempts", -1),
    ("consumer-stream", "maximumRecordAgeInSeconds", -1),
    ("consumer-stream", "bisectBatchOnFunctionError", False),
    ("work", "visibilityTimeoutSeconds", 30),
    ("work-dlq", "messageRetentionSeconds", 345600),
    ("machine", "type", "STANDARD"),
    ("machine", "tracingConfiguration", {"enabled": False}),
    ("stream", "extendedS3Configuration/bufferingInterval", 300),
    ("stream", "extendedS3Configuration/bufferingSize", 5),
    ("orders", "deletionProtectionEnabled", False),
    ("reader-log", "retentionInDays", 0),
    ("daily", "scheduleExpressionTimezone", "UTC"),
    ("cluster", "publiclyAccessible", False),
    ("workgroup", "configuration/enforceWorkgroupConfiguration", True),
    ("key", "enableKeyRotation", False),
    ("job", "timeout", 480),
    ("dead-messages", "actionsEnabled", True),
]
"""Defaults that the provider's Check fills in where a program sets nothing."""


@pytest.mark.parametrize(("name", "path", "default"), INJECTED)
def test_a_default_that_the_provider_fills_in_is_judged_as_nothing_is(name: str, path: str, default: Any) -> None:
    bare = broken(name, path, default)
    holder: Any = bare[name].properties
    *parents, last = path.split("/")
    for part in parents:
        holder = holder[part]
    injected = decided(check(bare, config=BUDGETS))
    del holder[last]
    assert decided(check(bare, config=BUDGETS)) == injected


@pytest.mark.parametrize(("next_", "rules"), [("Wait", set()), ("Dead", {"sfn-definition-valid"})])
def test_a_task_whose_failure_changes_nothing_needs_no_retry(next_: str, rules: set[str]) -> None:
    stack = broken("machine", "definition/States/Call/Retry", REMOVED)
    call = stack["machine"].properties["definition"]["States"]["Call"]
    call["Catch"] = [{"ErrorEquals": ["States.ALL"], "Next": next_}]
    assert decided(check(stack, config=BUDGETS)) == rules
