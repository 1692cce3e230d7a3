"""One message for several: a topic, and a queue for each who is told."""

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict, Unpack, overload

import pulumi
import pulumi_aws as aws

from pulumi_aws_eda._parts import access, program, queues
from pulumi_aws_eda._parts.args import ArgumentError, check, number, takes_keywords
from pulumi_aws_eda._parts.common import Common
from pulumi_aws_eda._parts.function import topic_source
from pulumi_aws_eda._parts.function.queue_delivery import SourceQueue
from pulumi_aws_eda._parts.function.topic_source import FilterPolicyScope
from pulumi_aws_eda._parts.naming import physical_name
from pulumi_aws_eda._parts.observability import alarms

_AWS_OWN_KEY = "alias/aws/sns"


class FanOutQueueArgs(TypedDict):
    """One of the queues."""

    filter_policy: NotRequired[Mapping[str, Any]]
    """What a message has to match, up to 5 names, in SNS's filter language; default: the queue gets all."""
    filter_policy_scope: NotRequired[FilterPolicyScope]
    """What the policy looks at; default ``MessageAttributes``."""
    visibility_timeout_seconds: NotRequired[int]
    """Seconds for which a message that was received is hidden, 0 to 43200 (SQS API): six times the time-out of the
    function that reads (Lambda's advice for queues). Default 180."""
    max_receive_count: NotRequired[int]
    """How often a message is tried before it goes to the queue's dead-letter queue, 1 to 1000; default 5."""


class FanOutArgs(TypedDict):
    """Arguments of FanOut."""

    queues: Mapping[str, FanOutQueueArgs]
    """By the name of who reads it: letters, digits and hyphens."""
    fifo: NotRequired[bool]
    """Order is kept in each message group, from the topic to the dead-letter queues; a sender gives each message its
    group and its deduplication id. Default false."""
    kms_key_arn: NotRequired[pulumi.Input[str]]
    """Customer managed key of topic and queues; its policy has to let SNS use it, as that of an ``EncryptionKey`` does.
    Default: SNS's own key of the account, and SQS's."""
    alarm_actions: NotRequired[Sequence[pulumi.Input[str]]]
    """ARNs that the alarms notify; default none."""
    deletion_protection: NotRequired[bool]
    """Whether the queues refuse to be deleted and replaced, by Pulumi's ``protect``; default false."""
    tags: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Tags of every child."""


class FanOut(pulumi.ComponentResource):
    """A topic of SNS whose messages wait in a queue for each of their readers, each with a dead-letter queue.

    A reader is an ``IdempotentLambda`` whose ``queue_source`` names its queue. What SNS cannot deliver and what the
    reader fails for good lie in the same dead-letter queue, in the form in which they go back. Messages are delivered
    with what SNS knows of them, not raw, so that one that SNS delivers twice has the same ``MessageId``.

    Args:
        name: logical name.
        args: see ``FanOutArgs``; given as a dictionary or as keywords.
        opts: Pulumi's options.

    Raises:
        ArgumentError: an argument is unknown, missing or out of bounds.
    """

    topic_arn: pulumi.Output[str]
    """The topic."""
    topic_name: pulumi.Output[str]
    """Its name."""
    queue_arns: pulumi.Output[Mapping[str, str]]
    """The queues, by the names they were given; for ``queue_source``."""
    queue_urls: pulumi.Output[Mapping[str, str]]
    """Their URLs."""
    dead_letter_queue_arns: pulumi.Output[Mapping[str, str]]
    """Their dead-letter queues."""
    observed: pulumi.Output[Mapping[str, Sequence[str]]]
    """What an ``Observability`` shows of it: names by kind."""

    @overload
    def __init__(self, name: str, args: FanOutArgs, opts: pulumi.ResourceOptions | None = None) -> None: ...

    @overload
    def __init__(
        self, name: str, *, opts: pulumi.ResourceOptions | None = None, **keywords: Unpack[FanOutArgs]
    ) -> None: ...

    @takes_keywords
    def __init__(self, name: str, args: FanOutArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        component = f"FanOut {name!r}"
        args = program.with_defaults(args, FanOutArgs)
        fifo = args.get("fifo", False)
        if not args["queues"]:
            raise ArgumentError(component, "queues", "is empty")
        for key, given in args["queues"].items():
            _check_queue(component, key, given)
        super().__init__("aws-eda:index:FanOut", name, {}, opts)
        common = Common.of(self, name, args, opts)
        name = common.name
        ending = ".fifo" if fifo else ""
        self.topic = aws.sns.Topic(
            f"{name}-topic",
            name=physical_name(name, 256 - len(ending)) + ending,
            fifo_topic=True if fifo else None,
            kms_master_key_id=_AWS_OWN_KEY if common.kms_key_arn is None else common.kms_key_arn,
            tags=common.tags,
            opts=common.opts(),
        )
        aws.sns.TopicPolicy(
            f"{name}-topic",
            arn=self.topic.arn,
            policy=pulumi.Output.json_dumps(
                {"Version": "2012-10-17", "Statement": [access.tls_only("sns:Publish", self.topic.arn)]}
            ),
            opts=common.opts(),
        )
        common.watch("topics", self.topic.name)
        alarms.alarm(
            common,
            "undelivered",
            namespace="AWS/SNS",
            metric="NumberOfNotificationsFailedToRedriveToDlq",
            dimensions={"TopicName": self.topic.name},
            description=f"{name}: a message reached neither its queue nor the dead-letter queue",
        )
        # A map's order is lost on the way from other languages.
        made = {
            key: _queue(common, component, key, given, self.topic.arn, fifo)
            for key, given in sorted(args["queues"].items())
        }
        self.topic_arn = self.topic.arn
        self.topic_name = self.topic.name
        self.queue_arns = pulumi.Output.all(**{key: queue.arn for key, (queue, _) in made.items()})
        self.queue_urls = pulumi.Output.all(**{key: queue.url for key, (queue, _) in made.items()})
        self.dead_letter_queue_arns = pulumi.Output.all(**{key: dead.arn for key, (_, dead) in made.items()})
        self.observed = common.observed()
        self.register_outputs({key: getattr(self, key) for key in type(self).__annotations__})


def _check_queue(component: str, key: str, given: FanOutQueueArgs) -> None:
    if not key.replace("-", "").isalnum() or not key.isascii():
        raise ArgumentError(component, "queues", f"has {key!r}; a name has letters, digits and hyphens")
    where = f"{component}, queues[{key!r}]"
    check(where, given, FanOutQueueArgs)
    topic_source.check_filter(where, given)
    number(where, given, "visibility_timeout_seconds", 180, 0, 43_200)
    number(where, given, "max_receive_count", 5, 1, 1000)


def _queue(
    common: Common,
    component: str,
    key: str,
    given: FanOutQueueArgs,
    topic_arn: pulumi.Output[str],
    fifo: bool,
) -> tuple[aws.sqs.Queue, aws.sqs.Queue]:
    """A queue with its dead-letter queue, told by the topic."""
    where = f"{component}, queues[{key!r}]"
    dead = queues.dead_letter_queue(common, f"{key}-dlq", fifo=fifo, topic_arns=[topic_arn])
    redrive = {
        "deadLetterTargetArn": dead.arn,
        "maxReceiveCount": number(where, given, "max_receive_count", 5, 1, 1000),
    }
    made, policy = queues.queue_and_policy(
        common,
        key,
        fifo=fifo,
        topic_arns=[topic_arn],
        visibility_timeout_seconds=number(where, given, "visibility_timeout_seconds", 180, 0, 43_200),
        redrive_policy=pulumi.Output.json_dumps(redrive),
    )
    common.watch("queues", made.name)
    target = SourceQueue("queues", key, made.arn, given)
    topic_source.subscribe(common, where, {**given, "topic_arn": topic_arn}, target, dead.arn, [policy])
    return made, dead
