"""Rules on queues and topics."""

from typing import Any

from eda_policies.alarms import Alarm, alarms
from eda_policies.graph import Graph
from eda_policies.queues import QUEUE, QUEUE_POLICY, REDRIVE_POLICY, dead_letter_queues
from eda_policies.resource import Findings, Resource, at_least
from eda_policies.rule import Category, Options, resource_rule, stack_rule
from eda_policies.tls import tls_findings

_GUIDE = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/"
DEFAULT_RETENTION_SECONDS = 345_600


@stack_rule(
    "sqs-dead-letter",
    holds="A queue hands messages that fail to a dead-letter queue of its kind.",
    why="A message that cannot be handled comes back until it expires, and then nobody knows that it was there.",
    fix="Set redrive_policy with deadLetterTargetArn and maxReceiveCount.",
    reference=_GUIDE + "sqs-dead-letter-queues.html",
    category=Category.RELIABILITY,
)
def dead_letter(graph: Graph, options: Options) -> Findings:
    """Queues have a dead-letter queue."""
    ends = {queue.urn for queue in dead_letter_queues(graph)}
    allowed = "a redrive policy to a queue of the same kind, maxReceiveCount 1 or more"
    for queue in graph.of(QUEUE):
        holders = [queue] if queue.text("redrivePolicy").given else []
        holders += [found for found, name in graph.naming(queue, REDRIVE_POLICY) if name == "queueUrl"]
        if not holders:
            if queue.urn not in ends:
                yield queue.finding("it has no dead-letter queue", allowed)
            continue
        for holder in holders:
            document = holder.document("redrivePolicy")
            count = (document.value or {}).get("maxReceiveCount", 1)
            targets = graph.linked(holder, "redrivePolicy", QUEUE)
            if document.unknown and not targets:
                yield queue.undecided("redrivePolicy", allowed)
            elif document.value is None and not document.unknown:
                yield queue.finding(f"its redrivePolicy is {document.shown}", allowed)
            elif document.value is not None and not _names_queue(document.value.get("deadLetterTargetArn")):
                yield queue.finding("its redrivePolicy names no queue", allowed)
            elif not isinstance(count, int | str) or not str(count).isdecimal() or int(count) < 1:
                yield queue.finding(f"maxReceiveCount is {count!r}", allowed)
            for target in targets:
                kinds = queue.flag("fifoQueue", False).value, target.flag("fifoQueue", False).value
                if kinds[0] != kinds[1]:
                    yield queue.finding(f"one of it and {target.name} is FIFO and the other is not", allowed)


def _names_queue(arn: Any) -> bool:
    return isinstance(arn, str) and (arn.startswith("arn:") or "${" in arn)


@resource_rule(
    "sqs-encrypted",
    Resource,
    QUEUE,
    holds="A queue is encrypted.",
    why="Messages hold the same data as the tables that they come from.",
    fix="Set sqs_managed_sse_enabled=True or kms_master_key_id.",
    reference=_GUIDE + "sqs-server-side-encryption.html",
    category=Category.SECURITY,
)
def encrypted(queue: Resource, options: Options) -> Findings:
    """Queues are encrypted; SQS does it by itself unless it is told not to."""
    if not queue.text("kmsMasterKeyId").given:
        yield from queue.flag("sqsManagedSseEnabled", True).require(lambda on: on, "true, or a kmsMasterKeyId")


@stack_rule(
    "sqs-tls-only",
    holds="A queue refuses requests without TLS.",
    why="SQS takes plain HTTP unless its policy refuses it.",
    fix="Add a QueuePolicy that denies sqs:* where aws:SecureTransport is false.",
    reference=_GUIDE + "sqs-security-best-practices.html",
    category=Category.SECURITY,
)
def tls_only(graph: Graph, options: Options) -> Findings:
    """Queues are reached by TLS alone."""
    for queue in graph.of(QUEUE):
        policies = [found for found, name in graph.naming(queue, QUEUE_POLICY) if name == "queueUrl"]
        yield from tls_findings(queue, "sqs", [queue, *policies])


@stack_rule(
    "sqs-dlq-retention",
    holds="A dead-letter queue keeps messages at least as long as the queue that they come from.",
    why="A message keeps its age when it moves: with the same or a shorter retention it is gone before anybody looks.",
    fix="Set message_retention_seconds of the dead-letter queue to 1209600 (14 days).",
    reference=_GUIDE + "sqs-dead-letter-queues.html",
    category=Category.RELIABILITY,
)
def dlq_retention(graph: Graph, options: Options) -> Findings:
    """Failed messages are kept."""
    for queue in graph.of(QUEUE):
        kept = queue.number("messageRetentionSeconds", DEFAULT_RETENTION_SECONDS)
        for target in graph.linked(queue, "redrivePolicy", QUEUE):
            least = kept.value if kept.value is not None else 0
            yield from target.number("messageRetentionSeconds", DEFAULT_RETENTION_SECONDS).require(
                at_least(least), f"{least:g} s or more, as {queue.name} keeps them"
            )


METRICS = ("ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage")
"""NumberOfMessagesSent is none of them: it does not count what a redrive policy moves (SQS Developer Guide)."""


@stack_rule(
    "dlq-alarm",
    holds="An alarm with an action goes off at the first message in a dead-letter queue.",
    why="What lies in a dead-letter queue is work that did not happen, and that nobody will be told of otherwise.",
    fix="Add a MetricAlarm on ApproximateNumberOfMessagesVisible at 1 with alarm_actions.",
    reference=_GUIDE + "sqs-available-cloudwatch-metrics.html",
    category=Category.OPERATIONS,
)
def dlq_alarm(graph: Graph, options: Options) -> Findings:
    """Somebody is told."""
    allowed = "an alarm at 1 message or more, with an action"
    for queue in dead_letter_queues(graph):
        found = list(alarms(graph, queue, *METRICS))
        if not found:
            yield queue.finding("no alarm watches it", allowed)
        elif not any(_first_message(alarm) for alarm in found):
            if unknown := [alarm for alarm in found if _first_message(alarm) is None]:
                yield unknown[0].undecided("threshold", allowed)
            else:
                yield queue.finding(f"{found[0].name} does not go off at the first message", allowed)
        elif all(deaf := [alarm.deaf("AWS/SQS") for alarm in found]):
            yield queue.finding(f"{found[0].name} does not go off in time: {deaf[0]}", allowed)
        elif not any(alarm.acts for alarm in found):
            yield queue.finding(f"{found[0].name} has no action", allowed)


def _first_message(alarm: Alarm) -> bool | None:
    threshold, comparison = alarm.number("threshold"), alarm.text("comparisonOperator")
    if threshold.unknown or comparison.unknown:
        return None
    least = {"GreaterThanOrEqualToThreshold": 1, "GreaterThanThreshold": 0}.get(comparison.value or "")
    return least is not None and threshold.value is not None and least - 1 < threshold.value <= least


@resource_rule(
    "sns-encrypted",
    Resource,
    "aws:sns/topic:Topic",
    holds="A topic is encrypted with a key.",
    why="SNS encrypts nothing at rest by itself.",
    fix="Set kms_master_key_id, for example to alias/aws/sns or a key of your own.",
    reference="https://docs.aws.amazon.com/sns/latest/dg/sns-server-side-encryption.html",
    category=Category.SECURITY,
)
def sns_encrypted(topic: Resource, options: Options) -> Findings:
    """Topics are encrypted."""
    yield from topic.text("kmsMasterKeyId").require_given("a KMS key")


_DELIVERED = ("sqs", "lambda", "firehose")
"""Protocols whose deliveries SNS gives up in silence; of the others, people are told."""


@resource_rule(
    "sns-subscription-dead-letter",
    Resource,
    "aws:sns/topicSubscription:TopicSubscription",
    holds="A topic's subscription of a queue, a function or a delivery stream has a dead-letter queue.",
    why="What the subscriber refuses, for want of a permission or of a key, SNS drops at once and tells nobody.",
    fix="Set redrive_policy with the deadLetterTargetArn of a queue that lets sns.amazonaws.com send for the topic.",
    reference="https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html",
    category=Category.RELIABILITY,
)
def subscription_dead_letter(subscription: Resource, options: Options) -> Findings:
    """Messages are kept."""
    protocol, policy = subscription.text("protocol"), subscription.document("redrivePolicy")
    if protocol.value is not None and protocol.value not in _DELIVERED:
        return
    allowed = "a redrive policy with the deadLetterTargetArn of a queue"
    if policy.value is not None:
        yield from policy.require(lambda found: _names_queue(found.get("deadLetterTargetArn")), allowed)
    elif not policy.unknown:
        yield subscription.finding("it has no redrivePolicy", allowed)
