"""What a program says once for all its components."""

from collections.abc import Callable
from typing import Any

import pulumi
import pytest
from pulumi_aws_eda import AlarmTopic, ArgumentError, CallbackWorkflow, IdempotentLambda, Observability, defaults
from pulumi_aws_eda.testing import Recording, record

from tests.unit import component_cases
from tests.unit.component_cases import CASES, CODE, FUNCTION, TAGS
from tests.unit.test_component_contract import NO_TAGS

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
GROUP = "aws:cloudwatch/logGroup:LogGroup"
ROLE = "aws:iam/role:Role"
LAMBDA = "aws:lambda/function:Function"
TOPIC = "arn:aws:sns:eu-central-1:123456789012:on-call"
KEY = "arn:aws:kms:eu-central-1:123456789012:key/k"
BOUNDARY = "arn:aws:iam::123456789012:policy/boundary"


def after(make: Callable[[], object], **given: Any) -> Recording:
    def program() -> None:
        defaults(**given)
        make()

    return record(program)


def function(**args: Any) -> None:
    IdempotentLambda("f", {"code": CODE, **args})  # type: ignore[typeddict-item]  # arguments of a test


@pytest.mark.parametrize("name", CASES)
def test_each_component_takes_the_defaults(name: str) -> None:
    made = after(
        CASES[name],
        tags={"stage": "dev", "team": "nobody"},
        log_retention_in_days=7,
        alarm_actions=[TOPIC],
        kms_key_arn=KEY,
        permissions_boundary=BOUNDARY,
    )
    for child in made.resources:
        if child.type.startswith("aws:") and child.type not in NO_TAGS:
            # The case's own tag wins over the default of the same key.
            assert child.inputs["tags"] == {"stage": "dev", **TAGS}, child
    assert {group.inputs["retentionInDays"] for group in made.of(GROUP).values()} <= {7}
    assert {tuple(alarm.inputs["alarmActions"]) for alarm in made.of(ALARM).values()} <= {(TOPIC,)}
    assert {role.inputs["permissionsBoundary"] for role in made.of(ROLE).values()} <= {BOUNDARY}
    for queue in made.of("aws:sqs/queue:Queue").values():
        assert queue.inputs["kmsMasterKeyId"] == KEY
    for table in made.of("aws:dynamodb/table:Table").values():
        assert table.inputs["serverSideEncryption"]["kmsKeyArn"] == KEY


@pytest.mark.parametrize("name", CASES)
def test_defaults_make_what_the_same_arguments_make(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a component makes others: nothing is applied twice, and nothing is lost on the way."""
    given = {"log_retention_in_days": 7, "alarm_actions": [TOPIC], "kms_key_arn": KEY}
    by_default = after(CASES[name], **given)
    component = getattr(component_cases, name)
    taken = {
        key: value for key, value in given.items() if key in component.__init__.__annotations__["args"].__annotations__
    }
    monkeypatch.setattr(component_cases, name, lambda logical, args: component(logical, {**args, **taken}))
    by_argument = record(CASES[name])
    assert _inputs(by_default) == _inputs(by_argument)


def _inputs(made: Recording) -> dict[tuple[str, str], Any]:
    return {(found.type, found.name): _plain(found.inputs) for found in made.resources}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return getattr(value, "path", value)


def test_an_argument_wins_and_none_counts_as_not_given() -> None:
    given = {"log_retention_in_days": 7, "alarm_actions": [TOPIC], "permissions_boundary": BOUNDARY}
    made = after(lambda: function(log_retention_in_days=90, alarm_actions=[], permissions_boundary=None), **given)
    assert made.one(GROUP).inputs["retentionInDays"] == 90
    assert not any(alarm.inputs.get("alarmActions") for alarm in made.of(ALARM).values())
    assert made.one(ROLE).inputs["permissionsBoundary"] == BOUNDARY


def test_an_argument_of_a_component_wins_in_the_components_it_makes() -> None:
    def workflow() -> None:
        CallbackWorkflow(
            "w",
            {
                "call_function_arn": FUNCTION,
                "table_name": "t",
                "table_arn": "arn:t",
                "alarm_actions": [],
                "log_retention_in_days": 90,
                "tags": {"stage": "prod"},
            },
        )

    made = after(workflow, alarm_actions=[TOPIC], log_retention_in_days=7, tags={"stage": "dev", "team": "a"})
    assert not any(alarm.inputs.get("alarmActions") for alarm in made.of(ALARM).values())
    assert {group.inputs["retentionInDays"] for group in made.of(GROUP).values()} == {90}
    assert made.one(LAMBDA, "w-token-keeper-function").inputs["tags"] == {"stage": "prod", "team": "a"}


def test_an_observability_notifies_the_default_topic_and_makes_none_of_its_own() -> None:
    made = after(lambda: Observability("o", {"observed": []}), alarm_actions=[TOPIC])
    assert not made.of("aws:sns/topic:Topic")


def test_defaults_hold_for_what_is_made_after_them_and_a_second_call_replaces_the_first() -> None:
    def program() -> None:
        topic = AlarmTopic("before", {})
        defaults(alarm_actions=[topic.topic_arn], tags={"team": "a"})
        AlarmTopic("between", {})
        defaults(log_retention_in_days=7)
        AlarmTopic("later", {})

    topics = record(program).of("aws:sns/topic:Topic")
    tags = {name: found.inputs.get("tags") or None for name, found in topics.items()}
    assert tags == {"before-topic": None, "between-topic": {"team": "a"}, "later-topic": None}


def test_the_next_program_in_the_process_has_none() -> None:
    after(function, log_retention_in_days=7)
    assert record(function).one(GROUP).inputs["retentionInDays"] == 30


def test_an_unknown_default_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ArgumentError, match=r"defaults: the argument 'alarm_action' .* is 'alarm_actions' meant\?"):
        after(function, alarm_action=[TOPIC])


def test_outside_of_a_program_they_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulumi.runtime.settings, "get_monitor", lambda: None)
    with pytest.raises(pulumi.RunError, match="no Pulumi program is running"):
        defaults(log_retention_in_days=7)
