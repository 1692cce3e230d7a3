"""The topic that alarms notify."""

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict, Unpack, overload

import pulumi
import pulumi_aws as aws

from pulumi_aws_eda._parts import access, arns, keys, program
from pulumi_aws_eda._parts.args import takes_keywords
from pulumi_aws_eda._parts.common import Common
from pulumi_aws_eda._parts.keys import KeyService
from pulumi_aws_eda._parts.naming import physical_name


class AlarmTopicArgs(TypedDict):
    """Arguments of AlarmTopic."""

    email_addresses: NotRequired[Sequence[pulumi.Input[str]]]
    """Who is written to; each confirms the subscription once. Default: nobody, until something subscribes."""
    kms_key_arn: NotRequired[pulumi.Input[str]]
    """Customer managed key of the topic; its policy has to let CloudWatch use it, as that of an
    ``EncryptionKey`` does. Default: a key of the component's own, because nobody may change the policy of SNS's."""
    tags: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Tags of every child."""


class AlarmTopic(pulumi.ComponentResource):
    """An encrypted topic to which the alarms of this account publish, reached by TLS alone.

    It is made before the components whose ``alarm_actions`` name it.

    Args:
        name: logical name.
        args: see ``AlarmTopicArgs``; given as a dictionary or as keywords.
        opts: Pulumi's options.

    Raises:
        ArgumentError: an argument is unknown.
    """

    topic_arn: pulumi.Output[str]
    """The topic's ARN, for ``alarm_actions``."""
    topic_name: pulumi.Output[str]
    """Its name."""
    key_arn: pulumi.Output[str]
    """The key."""

    @overload
    def __init__(self, name: str, args: AlarmTopicArgs, opts: pulumi.ResourceOptions | None = None) -> None: ...

    @overload
    def __init__(
        self, name: str, *, opts: pulumi.ResourceOptions | None = None, **keywords: Unpack[AlarmTopicArgs]
    ) -> None: ...

    @takes_keywords
    def __init__(self, name: str, args: AlarmTopicArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = program.with_defaults(args, AlarmTopicArgs)
        super().__init__("aws-eda:index:AlarmTopic", name, {}, opts)
        common = Common.of(self, name, args, opts)
        name = common.name
        key_arn = common.kms_key_arn
        if key_arn is None:
            key_arn = keys.key(common, "key", f"{name}: messages about alarms", [KeyService.ALARMS]).arn
        self.topic = aws.sns.Topic(
            f"{name}-topic",
            name=physical_name(name, 256),
            kms_master_key_id=key_arn,
            tags=common.tags,
            opts=common.opts(),
        )
        aws.sns.TopicPolicy(
            f"{name}-topic", arn=self.topic.arn, policy=_policy(common, self.topic.arn), opts=common.opts()
        )
        for number, address in enumerate(args.get("email_addresses", ()), 1):
            aws.sns.TopicSubscription(
                f"{name}-email-{number}",
                topic=self.topic.arn,
                protocol="email",
                endpoint=address,
                opts=common.opts(),
            )
        self.topic_arn = self.topic.arn
        self.topic_name = self.topic.name
        self.key_arn = pulumi.Output.from_input(key_arn)
        self.register_outputs({key: getattr(self, key) for key in type(self).__annotations__})


def _policy(common: Common, topic_arn: pulumi.Output[str]) -> pulumi.Output[str]:
    statements: list[dict[str, Any]] = [
        access.tls_only("sns:Publish", topic_arn),
        {
            "Sid": "Alarms",
            "Effect": "Allow",
            "Principal": {"Service": "cloudwatch.amazonaws.com"},
            "Action": "sns:Publish",
            "Resource": topic_arn,
            "Condition": {"StringEquals": {"aws:SourceAccount": arns.account_id(common)}},
        },
    ]
    return pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": statements})
