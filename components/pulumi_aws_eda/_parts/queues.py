"""Queues, and those for what failed."""

from collections.abc import Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from pulumi_aws_eda._parts import access
from pulumi_aws_eda._parts.common import Common
from pulumi_aws_eda._parts.naming import physical_name
from pulumi_aws_eda._parts.observability import alarms

DLQ_RETENTION_SECONDS = 14 * 24 * 3600
"""What SQS keeps at most."""


def queue(
    common: Common,
    suffix: str,
    fifo: bool = False,
    rule_arns: Sequence[pulumi.Input[str]] = (),
    topic_arns: Sequence[pulumi.Input[str]] = (),
    **properties: Any,
) -> aws.sqs.Queue:
    """An encrypted queue that is reached by TLS alone.

    Args:
        common: the component.
        suffix: of the logical name.
        fifo: first in, first out.
        rule_arns: EventBridge rules that may send to it, as their target or as a target's dead-letter queue.
        topic_arns: topics that may send to it, as a subscriber or as a subscription's dead-letter queue.
        properties: further ones of the queue.
    """
    return queue_and_policy(common, suffix, fifo, rule_arns, topic_arns, **properties)[0]


def queue_and_policy(
    common: Common,
    suffix: str,
    fifo: bool = False,
    rule_arns: Sequence[pulumi.Input[str]] = (),
    topic_arns: Sequence[pulumi.Input[str]] = (),
    **properties: Any,
) -> tuple[aws.sqs.Queue, aws.sqs.QueuePolicy]:
    """A queue as ``queue`` makes it, and its policy, which has to be there before a rule or a topic sends.

    Args:
        common: the component.
        suffix: of the logical name.
        fifo: first in, first out.
        rule_arns: EventBridge rules that may send to it, as their target or as a target's dead-letter queue.
        topic_arns: topics that may send to it, as a subscriber or as a subscription's dead-letter queue.
        properties: further ones of the queue.
    """
    name = f"{common.name}-{suffix}"
    ending = ".fifo" if fifo else ""
    key: dict[str, Any] = (
        {"kms_master_key_id": common.kms_key_arn} if common.kms_key_arn else {"sqs_managed_sse_enabled": True}
    )
    made = aws.sqs.Queue(
        name,
        name=physical_name(name, 80 - len(ending)) + ending,
        fifo_queue=True if fifo else None,
        tags=common.tags,
        opts=common.keeping(),
        **key,
        **properties,
    )
    senders = [
        (f"{kind}{number}", service, arn)
        for kind, service, source_arns in (("Rule", "events", rule_arns), ("Topic", "sns", topic_arns))
        for number, arn in enumerate(source_arns, 1)
    ]
    policy = aws.sqs.QueuePolicy(
        name,
        queue_url=made.url,
        policy=pulumi.Output.json_dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    access.tls_only("sqs:*", made.arn),
                    *(
                        {
                            "Sid": sid,
                            "Effect": "Allow",
                            "Principal": {"Service": f"{service}.amazonaws.com"},
                            "Action": "sqs:SendMessage",
                            "Resource": made.arn,
                            "Condition": {"ArnEquals": {"aws:SourceArn": source_arn}},
                        }
                        for sid, service, source_arn in senders
                    ),
                ],
            }
        ),
        opts=common.opts(),
    )
    return made, policy


def dead_letter_queue(
    common: Common,
    suffix: str = "dlq",
    fifo: bool = False,
    rule_arns: Sequence[pulumi.Input[str]] = (),
    runbook: str | None = None,
    topic_arns: Sequence[pulumi.Input[str]] = (),
) -> aws.sqs.Queue:
    """A queue for what failed, kept 14 days, with an alarm at its first message, whose page says how to redrive."""
    made = queue(
        common,
        suffix,
        fifo=fifo,
        rule_arns=rule_arns,
        topic_arns=topic_arns,
        message_retention_seconds=DLQ_RETENTION_SECONDS,
    )
    common.watch("dead_letter_queues", made.name)
    messages_alarm(common, suffix, made.name, f"{common.name}-{suffix}", runbook)
    return made


def messages_alarm(
    common: Common, suffix: str, queue_name: pulumi.Input[str], what: str, runbook: str | None = None
) -> None:
    """An alarm at the first message of a dead-letter queue."""
    alarms.alarm(
        common,
        f"{suffix}-messages",
        namespace="AWS/SQS",
        metric="ApproximateNumberOfMessagesVisible",
        dimensions={"QueueName": queue_name},
        statistic="Maximum",
        description=f"{what} holds a message: something failed for good and waits for its redrive",
        runbook=runbook,
    )
