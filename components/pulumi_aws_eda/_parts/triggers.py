"""What starts something: EventBridge rules with their targets, and schedules; each with retries and a dead letter."""

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

from pulumi_aws_eda._parts import access, keys
from pulumi_aws_eda._parts.common import Common
from pulumi_aws_eda._parts.naming import physical_name
from pulumi_aws_eda._parts.observability import alarms

RETRY_POLICY = {"maximum_event_age_in_seconds": 86400, "maximum_retry_attempts": 185}
"""What EventBridge and Scheduler do at most, and by default."""


def rule(
    common: Common,
    suffix: str,
    description: str,
    pattern: Mapping[str, Any],
    event_bus_name: pulumi.Input[str] | None = None,
) -> aws.cloudwatch.EventRule:
    """A rule, and an alarm when an event reached neither its target nor the dead-letter queue.

    Args:
        common: the component.
        suffix: of the logical name.
        description: what it matches.
        pattern: the event pattern; its values may be outputs.
        event_bus_name: its bus; None is the account's own, ``default``.
    """
    name = f"{common.name}-{suffix}"
    made = aws.cloudwatch.EventRule(
        name,
        name=physical_name(name, 64),
        description=description,
        event_bus_name=event_bus_name,
        event_pattern=pulumi.Output.json_dumps(pattern),
        tags=common.tags,
        opts=common.opts(),
    )
    # Metrics of rules on other buses have the bus as a dimension too (EventBridge, monitoring).
    bus: dict[str, pulumi.Input[str]] = {}
    if event_bus_name is None or event_bus_name == "default":
        common.watch("rules", made.name)
    else:
        bus["EventBusName"] = event_bus_name
        common.watch("rules", pulumi.Output.concat(event_bus_name, "/", made.name))
    alarms.alarm(
        common,
        f"{suffix}-failed-invocations",
        namespace="AWS/Events",
        metric="FailedInvocations",
        dimensions={**bus, "RuleName": made.name},
        description=f"{name}: an event reached neither its target nor the dead-letter queue",
    )
    return made


def function_target(
    common: Common,
    suffix: str,
    rule: aws.cloudwatch.EventRule,
    function_name: pulumi.Input[str],
    function_arn: pulumi.Input[str],
    dead_letter_queue: aws.sqs.Queue,
) -> None:
    """A function as the target of a rule, which alone may invoke it."""
    permission = aws.lambda_.Permission(
        f"{common.name}-{suffix}",
        action="lambda:InvokeFunction",
        function=function_name,
        principal="events.amazonaws.com",
        source_arn=rule.arn,
        opts=common.opts(),
    )
    target(common, suffix, rule, function_arn, dead_letter_queue.arn, [permission])


def queue_target(common: Common, suffix: str, rule: aws.cloudwatch.EventRule, queue: aws.sqs.Queue) -> None:
    """A dead-letter queue as the target of a rule; the queue's policy has to let the rule send."""
    target(common, suffix, rule, queue.arn, queue.arn, [])


def target(
    common: Common,
    suffix: str,
    rule: aws.cloudwatch.EventRule,
    arn: pulumi.Input[str],
    dead_letter_arn: pulumi.Input[str],
    after: list[pulumi.Resource],
    retry_policy: Mapping[str, int] = RETRY_POLICY,
    event_bus_name: pulumi.Input[str] | None = None,
) -> None:
    """A target of a rule.

    Args:
        common: the component.
        suffix: of the logical name.
        rule: the rule.
        arn: what it calls.
        dead_letter_arn: the queue for events that the target did not take; its policy has to let the rule send.
        after: what has to be there before the first event.
        retry_policy: how long and how often it tries.
        event_bus_name: the rule's bus; None is the account's own, ``default``.
    """
    aws.cloudwatch.EventTarget(
        f"{common.name}-{suffix}",
        rule=rule.name,
        event_bus_name=event_bus_name,
        arn=arn,
        dead_letter_config={"arn": dead_letter_arn},
        retry_policy=aws.cloudwatch.EventTargetRetryPolicyArgs(**retry_policy),
        opts=common.opts(depends_on=after),
    )


def schedule(
    common: Common,
    description: str,
    expression: pulumi.Input[str],
    timezone: pulumi.Input[str],
    target_arn: pulumi.Input[str],
    target_input: Mapping[str, Any],
    need: Mapping[str, Any],
    dead_letter_arn: pulumi.Input[str],
    after: list[pulumi.Resource] | None = None,
    *,
    dead_letter_kms_key_arn: pulumi.Input[str] | None = None,
    window_in_minutes: int = 0,
    retry_policy: Mapping[str, int] = RETRY_POLICY,
) -> aws.scheduler.Schedule:
    """A schedule and the role it calls its target with.

    Args:
        common: the component; the schedule's suffix is ``schedule``.
        description: shown in the console.
        expression: ``cron(…)``, ``rate(…)`` or ``at(…)``.
        timezone: IANA name; a cron expression is read in it.
        target_arn: a function, or ``arn:aws:scheduler:::aws-sdk:service:operation``.
        target_input: the target's input; ``<aws.scheduler.scheduled-time>`` in it becomes the slot's time.
        need: the statement that lets the role call the target: ``actions`` and ``resources``.
        dead_letter_arn: the queue for calls that failed.
        after: what has to be there before the first call.
        dead_letter_kms_key_arn: that queue's key, where it is not the component's.
        window_in_minutes: how long after its time a call may come; 0: at once.
        retry_policy: how long and how often it tries.
    """
    name = f"{common.name}-schedule"
    # Where a schedule names no group, it is in this one.
    common.watch("schedule_groups", "default")
    statements: dict[str, Mapping[str, Any]] = {
        "Call": need,
        "DeadLetter": {
            "actions": ["sqs:SendMessage"],
            "resources": [dead_letter_arn],
            **keys.given(dead_letter_kms_key_arn),
        },
    }
    # The role decrypts the schedule's input too (EventBridge Scheduler, encryption at rest).
    role, policy = access.role(common, "schedule-role", "scheduler.amazonaws.com", statements, decrypts=["scheduler"])
    return aws.scheduler.Schedule(
        name,
        name=physical_name(name, 64),
        description=description,
        schedule_expression=expression,
        schedule_expression_timezone=timezone,
        flexible_time_window={"mode": "FLEXIBLE", "maximum_window_in_minutes": window_in_minutes}
        if window_in_minutes
        else {"mode": "OFF"},
        kms_key_arn=common.kms_key_arn,
        target=aws.scheduler.ScheduleTargetArgs(
            arn=target_arn,
            role_arn=role.arn,
            input=pulumi.Output.json_dumps(target_input),
            retry_policy=aws.scheduler.ScheduleTargetRetryPolicyArgs(**retry_policy),
            dead_letter_config=aws.scheduler.ScheduleTargetDeadLetterConfigArgs(arn=dead_letter_arn),
        ),
        opts=common.opts(depends_on=[policy, *(after or [])]),
    )
