"""The pack's config: environments, levels, bounds, exemptions, and what is wrong in it."""

import datetime
import json
from typing import Any

import pytest
from eda_policies import pages
from eda_policies.rule import ENVIRONMENTS, Level, Rule
from eda_policies.rules import RULES
from eda_policies.settings import SettingsError, environment_of, settings

from tests.policies.factories import broken, check, compliant

MANDATORY_EVERYWHERE = {
    "analytics-no-loop",
    "apigw-authorised",
    "apigw-idempotency-key",
    "apigw-tracing",
    "firehose-buffering",
    "iam-no-admin-managed-policy",
    "iam-no-public-policy",
    "iam-no-wildcard-action",
    "iam-no-wildcard-resource",
    "lambda-env-no-secret",
    "lambda-function-budget",
    "lambda-memory-bounds",
    "lambda-permission-scoped",
    "lambda-timeout-bounds",
    "lambda-timeout-under-caller",
    "lambda-tracing-active",
    "lambda-url-authorised",
    "redshift-private",
    "s3-public-access-blocked",
    "secrets-not-exported",
    "sfn-callback-standard",
    "sfn-callback-timeout",
    "sfn-tracing",
    "tracing-permissions",
}
COST = {
    "athena-scan-limit",
    "dynamodb-idempotency-ttl",
    "events-rule-specific",
    "glue-timeout",
    "lambda-arm64",
    "required-tags",
    "s3-lifecycle",
}
ADVICE = {"policy-coverage"}
PROD_ALONE = {"dynamodb-deletion-protection", "s3-no-force-destroy"}
OTHERS = {
    "apigw-access-logs",
    "apigw-request-validation",
    "apigw-throttled",
    "apigw-tls",
    "athena-workgroup-enforced",
    "dlq-alarm",
    "dynamodb-encrypted",
    "dynamodb-recovery",
    "esm-partial-batch",
    "esm-stream-bounded",
    "events-bucket-notifies",
    "events-target-dead-letter",
    "firehose-encrypted",
    "firehose-error-prefix",
    "firehose-freshness-alarm",
    "glue-encrypted",
    "glue-version-pinned",
    "iam-trust-scoped",
    "kinesis-encrypted",
    "kms-rotation",
    "lambda-async-failure-destination",
    "lambda-idempotent-consumer",
    "lambda-own-log-group",
    "lambda-own-role",
    "lambda-queue-concurrency",
    "lambda-reserved-concurrency",
    "lambda-runtime-supported",
    "log-retention",
    "observability-complete",
    "pipes-bounded",
    "policy-settings",
    "redshift-encrypted",
    "s3-encrypted",
    "s3-tls-only",
    "s3-versioned",
    "scheduler-dead-letter",
    "scheduler-timezone",
    "sfn-definition-valid",
    "sfn-input-budget",
    "sfn-logging",
    "sns-encrypted",
    "sns-subscription-dead-letter",
    "sqs-dead-letter",
    "sqs-dlq-retention",
    "sqs-encrypted",
    "sqs-tls-only",
}
SIGNING = {"lambda-code-signing"}


def at(environment: str, level: Level) -> set[str]:
    return {rule.name for rule in RULES if rule.levels[environment] is level}


@pytest.mark.parametrize("environment", ["sandbox", "dev"])
def test_the_rules_of_dev(environment: str) -> None:
    assert at(environment, Level.MANDATORY) == MANDATORY_EVERYWHERE
    assert at(environment, Level.ADVISORY) == COST | OTHERS | ADVICE
    assert at(environment, Level.DISABLED) == PROD_ALONE | SIGNING


def test_the_rules_of_staging() -> None:
    assert at("staging", Level.MANDATORY) == MANDATORY_EVERYWHERE | OTHERS
    assert at("staging", Level.ADVISORY) == COST | ADVICE
    assert at("staging", Level.DISABLED) == PROD_ALONE | SIGNING


def test_the_rules_of_prod() -> None:
    assert at("prod", Level.MANDATORY) == MANDATORY_EVERYWHERE | OTHERS | COST | PROD_ALONE
    assert at("prod", Level.ADVISORY) == SIGNING | ADVICE
    assert at("prod", Level.DISABLED) == set()


def test_rules_are_complete_in_what_they_say() -> None:
    names = [rule.name for rule in RULES]
    assert len(names) == len(set(names))
    for rule in RULES:
        assert rule.holds.endswith(".")
        assert rule.why.endswith(".")
        assert rule.fix.endswith((".", ")"))
        assert rule.reference.startswith("https://")
        assert all(option.schema["description"] for option in rule.options.values())
        assert set(rule.levels) == set(ENVIRONMENTS)


@pytest.mark.parametrize(
    ("project", "stack", "config", "expected"),
    [
        ("shop", "blue", {"shop:environment": "staging"}, "staging"),
        ("shop", "dev", {}, "dev"),
        ("shop", "dev", {"shop:environment": "prod"}, "prod"),
        ("shop", "dev", {"other:environment": "prod"}, "dev"),
        ("shop", "blue", {}, "prod"),
        ("shop", "blue", {"shop:environment": "test"}, "prod"),
    ],
)
def test_the_environment_is_the_configs_or_the_stacks_name_or_the_strictest(
    project: str, stack: str, config: dict[str, Any], expected: str
) -> None:
    assert environment_of(project, stack, config) == expected


def names(*arguments: Any, **keywords: Any) -> dict[str, Level]:
    return {violation.rule.name: violation.level for violation in check(*arguments, **keywords)}


def test_levels_follow_the_environment_and_the_config() -> None:
    stack = broken("work", "sqsManagedSseEnabled", False)
    assert names(stack, environment="prod") == {"sqs-encrypted": Level.MANDATORY}
    assert names(stack, environment="dev") == {"sqs-encrypted": Level.ADVISORY}
    assert names(stack, config={"sqs-encrypted": "advisory"}) == {"sqs-encrypted": Level.ADVISORY}
    assert names(stack, config={"sqs-encrypted": {"enforcementLevel": "disabled"}}) == {}
    assert names(stack, config={"all": "advisory"}) == {"sqs-encrypted": Level.ADVISORY}
    assert names(stack, config={"all": "advisory", "sqs-encrypted": "mandatory"}) == {"sqs-encrypted": Level.MANDATORY}
    assert names(stack, config={"sqs-encrypted": "mandatory", "all": "advisory"}) == {"sqs-encrypted": Level.MANDATORY}
    assert names(stack, config={"policy-settings": {"environment": "dev"}}) == {"sqs-encrypted": Level.ADVISORY}


def test_bounds_are_the_environments_or_the_configs() -> None:
    stack = broken("worker", "memorySize", 3008)
    assert names(stack, environment="prod") == {}
    assert names(stack, environment="dev") == {"lambda-memory-bounds": Level.MANDATORY}
    assert names(stack, environment="dev", config={"lambda-memory-bounds": {"maximum": 4096}}) == {}
    assert "lambda-memory-bounds" in names(compliant(), config={"lambda-memory-bounds": {"minimum": 256}})


def budgets(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"lambda-function-budget": {"functionBudgets": list(entries)}}


def exempt(**changed: str) -> dict[str, Any]:
    entry = {"rule": "sqs-encrypted", "urn": "*::work", "reason": "holds no data", "expires": "2026-01-01", **changed}
    return {"policy-settings": {"exemptions": [entry]}}


UNENCRYPTED = broken("work", "sqsManagedSseEnabled", False)


def test_an_exemption_lets_what_it_names_pass() -> None:
    assert names(UNENCRYPTED, config=exempt()) == {}


def test_an_exemption_is_for_its_rule_and_resource_alone() -> None:
    assert "sqs-encrypted" in names(UNENCRYPTED, config=exempt(urn="*::other"))
    assert "sqs-encrypted" in names(UNENCRYPTED, config=exempt(rule="sqs-tls-only"))


def test_an_expired_exemption_exempts_no_longer_and_is_reported() -> None:
    found = check(UNENCRYPTED, config=exempt(), today=datetime.date(2026, 1, 2))
    assert {violation.rule.name for violation in found} == {"sqs-encrypted", "policy-settings"}
    [stale] = [violation for violation in found if violation.rule.name == "policy-settings"]
    assert "the exemption of *::work from sqs-encrypted expired on 2026-01-01" in stale.message
    assert stale.level is Level.MANDATORY


def test_an_exemption_that_exempts_nothing_is_reported() -> None:
    [stale] = check(compliant(), config=exempt())
    assert "exempts nothing" in stale.message
    assert "Take it out" in stale.message


def test_an_exemption_of_a_rule_on_the_stack_is_used_there() -> None:
    stack = broken("dead-messages", "alarmActions", [])
    assert names(stack, config=exempt(rule="dlq-alarm", urn="*::work-dlq")) == {}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            {"lambda-memory-bound": "advisory"},
            "there is no rule 'lambda-memory-bound'; is 'lambda-memory-bounds' meant?",
        ),
        ({"lambda-arm64": "required"}, "the level is 'required'; allowed are advisory, mandatory, disabled"),
        ({"lambda-arm64": 1}, "is 1; allowed is a level or a map of options"),
        ({"lambda-memory-bounds": {"maxmum": 1}}, "the option 'maxmum' is unknown; is 'maximum' meant?"),
        ({"lambda-memory-bounds": {"maximum": "big"}}, "maximum is 'big'; allowed is an integer"),
        ({"lambda-memory-bounds": {"maximum": True}}, "maximum is True; allowed is an integer"),
        ({"lambda-memory-bounds": {"maximum": 64}}, "maximum is 64; allowed is 128 or more"),
        ({"firehose-buffering": {"maximumSize": 256}}, "maximumSize is 256; allowed is 128 or less"),
        ({"sfn-logging": {"levels": ["DEBUG"]}}, "levels [0] is 'DEBUG'; allowed are ALL, ERROR, FATAL"),
        ({"lambda-function-budget": {"functionBudgets": [{"timeout": 1}]}}, "functionBudgets [0] has no function"),
        (
            {"lambda-function-budget": {"functionBudgets": [{"function": "x", "memory": 1}]}},
            "functionBudgets [0] has the unknown key 'memory'; is 'memorySize' meant?",
        ),
        (
            {"policy-settings": {"environment": "test"}},
            "environment is 'test'; allowed are sandbox, dev, staging, prod",
        ),
        (
            {"lambda-memory-bounds": {"minimum": 4096}},
            "minimum is 4096, above maximum, 3008: nothing could comply; allowed is 3008 or less",
        ),
        ({"firehose-buffering": {"minimumSize": 128, "maximumSize": 64}}, "minimumSize is 128, above maximumSize, 64"),
        ({"log-retention": {"maximum": 30}}, "minimum is 90, above maximum, 30"),
        ({"lambda-runtime-supported": {"runtimes": []}}, "runtimes is []; allowed is a list of 1 or more"),
        ({"sfn-logging": {"levels": []}}, "levels is []; allowed is a list of 1 or more"),
        (budgets({"function": "x"}), "the budget of x pins nothing"),
        (budgets({"function": "x", "reservedConcurrency": False}), "the budget of x pins nothing"),
        (
            budgets({"function": "get-*", "memorySize": 128}, {"function": "get-order", "memorySize": 256}),
            "get-* and get-order pin the same function to 128 and 256 MB",
        ),
        (exempt(rule="policy-settings"), "is of the rule that reports exemptions"),
        (exempt(rule="sqs-encryptd"), "names no rule; is 'sqs-encrypted' meant?"),
        (exempt(reason=" "), "has no reason"),
        (exempt(expires="soon"), "expires is 'soon'; allowed is what matches"),
        (exempt(expires="2026-02-30"), "expires on no day; write it as 2030-12-31"),
    ],
)
def test_what_is_wrong_in_the_config_is_named_with_what_is_allowed(config: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as raised:
        settings(RULES, config, "prod")
    assert message in str(raised.value)


def test_every_default_is_allowed_by_its_own_schema() -> None:
    for rule in RULES:
        for environment in ENVIRONMENTS:
            assert settings(RULES, {rule.name: _defaults(rule, environment)}, environment)


def _defaults(rule: Rule, environment: str) -> dict[str, Any]:
    return {name: option.default[environment] for name, option in rule.options.items() if option.default[environment]}


def test_the_documents_example_is_a_config_that_is_allowed() -> None:
    example = pages.INTRODUCTION.partition("```json\n")[2].partition("```")[0]
    found = settings(RULES, json.loads(example), "prod")
    assert found.exemptions[0].rule == "lambda-memory-bounds"
    assert names(compliant(), config={"lambda-arm64": json.loads(example)["lambda-arm64"]}) == {}
