"""What several components are made of: roles, dead-letter queues, log groups, alarms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_aws as aws

from pulumi_aws_eda._naming import physical_name

DLQ_RETENTION_SECONDS = 14 * 24 * 3600
"""What SQS keeps at most."""


@dataclass(frozen=True)
class Common:
    """The arguments that every component takes, and the component itself.

    Attributes:
        parent: the component.
        name: its logical name.
        tags: for every child.
        kms_key_arn: customer managed key; None uses the services' own keys.
        permissions_boundary: ARN of the boundary of every role.
        alarm_actions: ARNs that alarms notify.
        log_retention_in_days: of log groups.
    """

    parent: pulumi.ComponentResource
    name: str
    tags: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    kms_key_arn: pulumi.Input[str] | None = None
    permissions_boundary: pulumi.Input[str] | None = None
    alarm_actions: Sequence[pulumi.Input[str]] = ()
    log_retention_in_days: pulumi.Input[int] = 30

    @classmethod
    def of(cls, parent: pulumi.ComponentResource, name: str, args: Mapping[str, Any]) -> "Common":
        """From a component's arguments."""
        return cls(
            parent,
            name,
            args.get("tags") or {},
            args.get("kms_key_arn"),
            args.get("permissions_boundary"),
            args.get("alarm_actions") or (),
            args.get("log_retention_in_days", 30),
        )

    def opts(self, **options: Any) -> pulumi.ResourceOptions:
        """Options of a child."""
        return pulumi.ResourceOptions(parent=self.parent, **options)


def role(
    common: Common,
    suffix: str,
    service: str,
    statements: Mapping[str, Mapping[str, Any]],
    source_account: bool = True,
) -> tuple[aws.iam.Role, aws.iam.RolePolicy]:
    """A role that one AWS service assumes, with one statement for each need.

    Args:
        common: the component.
        suffix: of the logical name.
        service: the service's principal, for example ``lambda.amazonaws.com``.
        statements: by their Sid: ``actions`` and ``resources``, optionally ``condition``.
        source_account: demand that the service acts for this account, against the confused deputy; only for services
            whose documentation says that they send it when they assume a role (Step Functions does).
    """
    trust: dict[str, Any] = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
    if source_account:
        account = aws.get_caller_identity_output(opts=pulumi.InvokeOutputOptions(parent=common.parent)).account_id
        trust["Condition"] = {"StringEquals": {"aws:SourceAccount": account}}
    made = aws.iam.Role(
        f"{common.name}-{suffix}",
        name=physical_name(f"{common.name}-{suffix}", 64),
        assume_role_policy=pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": [trust]}),
        permissions_boundary=common.permissions_boundary,
        tags=common.tags,
        opts=common.opts(),
    )
    policy = aws.iam.RolePolicy(
        f"{common.name}-{suffix}",
        role=made.name,
        policy=pulumi.Output.json_dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": sid,
                        "Effect": "Allow",
                        "Action": need["actions"],
                        "Resource": need["resources"],
                        **({"Condition": need["condition"]} if "condition" in need else {}),
                    }
                    for sid, need in statements.items()
                ],
            }
        ),
        opts=common.opts(),
    )
    return made, policy


def queue(common: Common, suffix: str, fifo: bool = False, **properties: Any) -> aws.sqs.Queue:
    """An encrypted queue that is reached by TLS alone."""
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
        opts=common.opts(),
        **key,
        **properties,
    )
    aws.sqs.QueuePolicy(
        name,
        queue_url=made.url,
        policy=pulumi.Output.json_dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": "TlsOnly",
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "sqs:*",
                        "Resource": made.arn,
                        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                    }
                ],
            }
        ),
        opts=common.opts(),
    )
    return made


def dead_letter_queue(common: Common, suffix: str = "dlq", description: str = "", fifo: bool = False) -> aws.sqs.Queue:
    """A queue for what failed, kept 14 days, with an alarm at its first message."""
    made = queue(common, suffix, fifo=fifo, message_retention_seconds=DLQ_RETENTION_SECONDS)
    alarm(
        common,
        f"{suffix}-messages",
        namespace="AWS/SQS",
        metric="ApproximateNumberOfMessagesVisible",
        dimensions={"QueueName": made.name},
        statistic="Maximum",
        description=description
        or f"{common.name}-{suffix} holds a message: something failed for good and waits for its redrive",
    )
    return made


def log_group(common: Common, suffix: str, name: pulumi.Input[str]) -> aws.cloudwatch.LogGroup:
    """A log group with the component's retention and key."""
    return aws.cloudwatch.LogGroup(
        f"{common.name}-{suffix}",
        name=name,
        retention_in_days=common.log_retention_in_days,
        kms_key_id=common.kms_key_arn,
        tags=common.tags,
        opts=common.opts(),
    )


def alarm(
    common: Common,
    suffix: str,
    namespace: str,
    metric: str,
    dimensions: Mapping[str, pulumi.Input[str]],
    description: str,
    threshold: float = 1,
    statistic: str = "Sum",
    period: int = 60,
    evaluation_periods: int = 1,
) -> aws.cloudwatch.MetricAlarm:
    """An alarm when a metric reaches a threshold; no data is no alarm."""
    return aws.cloudwatch.MetricAlarm(
        f"{common.name}-{suffix}",
        name=physical_name(f"{common.name}-{suffix}", 255),
        alarm_description=description,
        namespace=namespace,
        metric_name=metric,
        dimensions=dimensions,
        statistic=statistic,
        comparison_operator="GreaterThanOrEqualToThreshold",
        threshold=threshold,
        period=period,
        evaluation_periods=evaluation_periods,
        treat_missing_data="notBreaching",
        alarm_actions=list(common.alarm_actions),
        tags=common.tags,
        opts=common.opts(),
    )


def table(
    common: Common,
    suffix: str,
    hash_key: str,
    ttl: str | None = None,
    stream_view_type: str | None = None,
    deletion_protection: bool = False,
) -> aws.dynamodb.Table:
    """An encrypted on-demand table with point-in-time recovery."""
    name = f"{common.name}-{suffix}"
    return aws.dynamodb.Table(
        name,
        name=physical_name(name, 255),
        billing_mode="PAY_PER_REQUEST",
        hash_key=hash_key,
        attributes=[{"name": hash_key, "type": "S"}],
        ttl={"attribute_name": ttl, "enabled": True} if ttl else None,
        point_in_time_recovery={"enabled": True},
        server_side_encryption={"enabled": True, "kms_key_arn": common.kms_key_arn},
        stream_enabled=True if stream_view_type else None,
        stream_view_type=stream_view_type,
        deletion_protection_enabled=deletion_protection,
        tags=common.tags,
        opts=common.opts(),
    )
