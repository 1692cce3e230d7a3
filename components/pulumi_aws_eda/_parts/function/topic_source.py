"""A topic as a function's source, through a queue of the function's own."""

from collections.abc import Mapping
from enum import Enum
from typing import Any, NotRequired

import pulumi
import pulumi_aws as aws

from pulumi_aws_eda._parts.args import ArgumentError, check, one_of
from pulumi_aws_eda._parts.common import Common
from pulumi_aws_eda._parts.function import patterns
from pulumi_aws_eda._parts.function.queue_delivery import QueueDeliveryArgs, SourceQueue, check_delivery

MOST_NAMES = 5
"""Names in a filter policy (SNS Developer Guide, filter policy constraints)."""
FILTER_POLICY_SIZE = 262_144
"""Bytes of a filter policy (as above)."""
LONGEST_DELIVERY = 23 * 86400
"""Seconds that SNS tries to deliver to a queue (SNS Developer Guide, message delivery retries)."""


class FilterPolicyScope(Enum):
    """What a topic's filter policy looks at."""

    MESSAGE_ATTRIBUTES = "MessageAttributes"
    """The message's attributes."""
    MESSAGE_BODY = "MessageBody"
    """The message's body, which has to be a JSON object."""


class TopicSourceArgs(QueueDeliveryArgs):
    """A topic whose messages reach the function through a queue of its own.

    They are delivered with what SNS knows of them, not raw: so a message that SNS delivers twice has the same
    ``MessageId``, which ``EVENT`` is hashed from, and its attributes stay with it.
    """

    topic_arn: pulumi.Input[str]
    """The topic, of this account and region."""
    filter_policy: NotRequired[Mapping[str, Any]]
    """What a message has to match, up to 5 names, in SNS's filter language; default: all are handled."""
    filter_policy_scope: NotRequired[FilterPolicyScope]
    """What the policy looks at; default ``MessageAttributes``."""
    fifo: NotRequired[bool]
    """The topic is FIFO, and so are queue and dead-letter queue: order and groups are kept to the end. Default
    false, also for a FIFO topic whose order does not count."""


def check_topic(where: str, given: TopicSourceArgs) -> None:
    """Check the argument ``topic_source``.

    Raises:
        ArgumentError: a member is unknown, missing, out of bounds, or does not go with another.
    """
    check(where, given, TopicSourceArgs)
    fifo, arn = given.get("fifo", False), given["topic_arn"]
    check_delivery(where, given, fifo)
    if fifo and isinstance(arn, str) and not arn.endswith(".fifo"):
        raise ArgumentError(where, "fifo", f"is true, and the topic {arn} is none")
    check_filter(where, given)


def check_filter(where: str, given: Mapping[str, Any]) -> None:
    """Check ``filter_policy`` and ``filter_policy_scope``.

    Raises:
        ArgumentError: SNS takes no such policy, or there is a scope and no policy.
    """
    one_of(where, given, "filter_policy_scope", FilterPolicyScope, FilterPolicyScope.MESSAGE_ATTRIBUTES)
    policy = given.get("filter_policy")
    if policy is None:
        if "filter_policy_scope" in given:
            raise ArgumentError(where, "filter_policy_scope", "is of a filter_policy, and there is none")
        return
    patterns.pattern(where, "filter_policy", policy, FILTER_POLICY_SIZE)
    if len(policy) > MOST_NAMES:
        raise ArgumentError(where, "filter_policy", f"has {len(policy)} names; SNS takes {MOST_NAMES}")


def subscribe(
    common: Common,
    where: str,
    given: Mapping[str, Any],
    queue: SourceQueue,
    failures: pulumi.Input[str],
    after: list[pulumi.Resource],
) -> None:
    """Let a topic send to a queue.

    Args:
        common: the component.
        where: the argument, for messages.
        given: ``topic_arn``, and optionally ``filter_policy`` and ``filter_policy_scope``.
        queue: where the messages go.
        failures: the queue for those that SNS cannot deliver.
        after: what has to be there before the first message.
    """
    policy = given.get("filter_policy")
    scope = one_of(where, given, "filter_policy_scope", FilterPolicyScope, FilterPolicyScope.MESSAGE_ATTRIBUTES)
    aws.sns.TopicSubscription(
        f"{common.name}-{queue.suffix}",
        topic=given["topic_arn"],
        protocol="sqs",
        endpoint=queue.arn,
        filter_policy=None if policy is None else patterns.pattern(where, "filter_policy", policy, FILTER_POLICY_SIZE),
        filter_policy_scope=None if policy is None else scope.value,
        redrive_policy=pulumi.Output.json_dumps({"deadLetterTargetArn": failures}),
        opts=common.opts(depends_on=after),
    )
