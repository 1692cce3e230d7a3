"""What starts something: EventBridge rules with their targets, and schedules; each with retries and a dead letter."""

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

from pulumi_aws_eda._parts import access
from pulumi_aws_eda._parts.common import Common
from pulumi_aws_eda._parts.naming import physical_name
from pulumi_aws_eda._parts.observability import alarms

RETRY_POLICY = {"maximum_event_age_in_seconds": 86400, "maximum_retry_attempts": 185}
"""What EventBridge and Scheduler do at most, and by default."""


def rule(common: Common, suffix: str, description: str, pattern: Mapping[str, Any]) -> aws.cloudwatch.EventRule:
    """A rule on the default bus, and an alarm when an event reached neither its target nor the dead-letter queue.

    Args:
        common: the component.
        suffix: of the logical name.
        description: what it matches.
        pattern: the event pattern; its values may be outputs.
    """
    name = f"{common.name}-{suffix}"
    made = aws.cloudwatch.EventRule(
        name,
        name=physical_name(name, 64),
        description=description,
        event_pattern=pulumi.Output.json_dumps(pattern),
        tags=common.tags,
        opts=common.opts(),
    )
    common.watch("rules", made.name)
    alarms.alarm(
        common,
        f"{suffix}-failed-invocations",
        namespace="AWS/Events",
        metric="FailedInvocations",
        dimensions={"RuleName": made.name},
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
    _target(common, suffix, rule, function_arn, dead_letter_queue, [permission])


def queue_target(common: Common, suffix: str, rule: aws.cloudwatch.EventRule, queue: aws.sqs.Queue) -> None:
    """A dead-letter queue as the target of a rule; the queue's policy has to let the rule send."""
    _target(common, suffix, rule, queue.arn, queue, [])


def _target(
    common: Common,
    suffix: str,
    rule: aws.cloudwatch.EventRule,
    arn: pulumi.Input[str],
    dead_letter_queue: aws.sqs.Queue,
    after: list[pulumi.Resource],
) -> None:
    aws.cloudwatch.EventTarget(
        f"{common.name}-{suffix}",
        rule=rule.name,
        arn=arn,
        dead_letter_config={"arn": dead_letter_queue.arn},
        retry_policy=aws.cloudwatch.EventTargetRetryPolicyArgs(**RETRY_POLICY),
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
    dead_letter_queue: aws.sqs.Queue,
    after: list[pulumi.Resource] | None = None,
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
        dead_letter_queue: for calls that failed.
        after: what has to be there before the first call.
    """
    name = f"{common.name}-schedule"
    # Where a schedule names no group, it is in this one.
    common.watch("schedule_groups", "default")
    statements: dict[str, Mapping[str, Any]] = {
        "Call": need,
        "DeadLetter": {"actions": ["sqs:SendMessage"], "resources": [dead_letter_queue.arn]},
    }
    # The role decrypts the schedule's input too (EventBridge Scheduler, encryption at rest).
    role, policy = access.role(common, "schedule-role", "scheduler.amazonaws.com", statements, decrypts=["scheduler"])
    return aws.scheduler.Schedule(
        name,
        name=physical_name(name, 64),
        description=description,
        schedule_expression=expression,
        schedule_expression_timezone=timezone,
        flexible_time_window={"mode": "OFF"},
        kms_key_arn=common.kms_key_arn,
        target=aws.scheduler.ScheduleTargetArgs(
            arn=target_arn,
            role_arn=role.arn,
            input=pulumi.Output.json_dumps(target_input),
            retry_policy=aws.scheduler.ScheduleTargetRetryPolicyArgs(**RETRY_POLICY),
            dead_letter_config=aws.scheduler.ScheduleTargetDeadLetterConfigArgs(arn=dead_letter_queue.arn),
        ),
        opts=common.opts(depends_on=[policy, *(after or [])]),
    )
