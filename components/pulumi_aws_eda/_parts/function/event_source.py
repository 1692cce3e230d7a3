"""Events of a bus as a function's source: a rule, and a queue of the function's own behind it."""

from collections.abc import Mapping
from typing import Any, NotRequired

import pulumi
import pulumi_aws as aws

from pulumi_aws_eda._parts import triggers
from pulumi_aws_eda._parts.args import check, number
from pulumi_aws_eda._parts.common import Common
from pulumi_aws_eda._parts.function import patterns
from pulumi_aws_eda._parts.function.queue_delivery import QueueDeliveryArgs, SourceQueue, check_delivery

LONGEST_AGE, MOST_RETRIES = 86400, 185
"""How long and how often EventBridge tries to deliver (EventBridge API, ``RetryPolicy``)."""


class RuleDeliveryArgs(QueueDeliveryArgs):
    """How a rule's events reach the function, through a queue of its own."""

    maximum_retry_attempts: NotRequired[int]
    """How often EventBridge tries to hand an event to the queue again, 0 to 185 (EventBridge API); default 185."""
    maximum_event_age_in_seconds: NotRequired[int]
    """How long it tries, 60 to 86400 seconds (EventBridge API); default 86400."""


class EventSourceArgs(RuleDeliveryArgs):
    """Events of a bus, which reach the function through a queue of its own: a rule that invokes a function has Lambda
    keep what waits for six hours, without a limit on how much of it runs at once."""

    pattern: Mapping[str, Any]
    """The event pattern, for example ``{"source": ["readings"], "detail-type": ["Reading taken"]}``; 2048 characters as
    JSON at most (EventBridge quotas)."""
    event_bus_name: NotRequired[pulumi.Input[str]]
    """The bus; default: the account's own, ``default``."""


def check_rule_delivery(where: str, given: Mapping[str, Any]) -> None:
    """Check how a rule's events are delivered.

    Raises:
        ArgumentError: a number is out of bounds.
    """
    check_delivery(where, given, fifo=False)
    number(where, given, "maximum_retry_attempts", MOST_RETRIES, 0, MOST_RETRIES)
    number(where, given, "maximum_event_age_in_seconds", LONGEST_AGE, 60, LONGEST_AGE)


def check_events(where: str, given: EventSourceArgs) -> None:
    """Check the argument ``event_source``.

    Raises:
        ArgumentError: a member is unknown, missing or out of bounds.
    """
    check(where, given, EventSourceArgs)
    check_rule_delivery(where, given)
    patterns.pattern(where, "pattern", given["pattern"], patterns.PATTERN_SIZE)


def deliver(
    common: Common,
    component: str,
    given: Mapping[str, Any],
    rule: aws.cloudwatch.EventRule,
    queue: SourceQueue,
    failures: pulumi.Input[str],
    after: list[pulumi.Resource],
) -> None:
    """Let a rule send to a queue.

    Args:
        common: the component.
        component: its type and name, for messages.
        given: the argument.
        rule: the rule.
        queue: where the events go.
        failures: the queue for those that EventBridge cannot deliver.
        after: what has to be there before the first event.
    """
    where = f"{component}, {queue.argument}"
    retry = {
        "maximum_retry_attempts": number(where, given, "maximum_retry_attempts", MOST_RETRIES, 0, MOST_RETRIES),
        "maximum_event_age_in_seconds": number(
            where, given, "maximum_event_age_in_seconds", LONGEST_AGE, 60, LONGEST_AGE
        ),
    }
    triggers.target(common, queue.suffix, rule, queue.arn, failures, after, retry, given.get("event_bus_name"))
