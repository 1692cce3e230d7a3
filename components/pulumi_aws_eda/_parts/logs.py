"""Log groups."""

import pulumi
import pulumi_aws as aws

from pulumi_aws_eda._parts.common import Common


def log_group(
    common: Common, suffix: str, name: pulumi.Input[str], key_arn: pulumi.Input[str] | None = None
) -> aws.cloudwatch.LogGroup:
    """A log group with the component's retention and key.

    Args:
        common: the component.
        suffix: of the logical name.
        name: the group's name.
        key_arn: its key, where it has one though the component has none.
    """
    common.watch("log_groups", name)
    return aws.cloudwatch.LogGroup(
        f"{common.name}-{suffix}",
        name=name,
        retention_in_days=common.log_retention_in_days,
        kms_key_id=common.kms_key_arn if key_arn is None else key_arn,
        tags=common.tags,
        opts=common.opts(),
    )
