"""ARNs in the account and region of a component's provider."""

from collections.abc import Callable
from typing import TypeVar, cast

import pulumi
import pulumi_aws as aws

from pulumi_aws_eda._parts.common import Common

T = TypeVar("T")


def arn(common: Common, service: str, resource: pulumi.Input[str]) -> pulumi.Output[str]:
    """The ARN of something in the stack's account and region.

    Args:
        common: the component.
        service: as ARNs spell it.
        resource: what follows the account, for example ``database/orders``.
    """
    return pulumi.Output.format(
        "arn:{0}:{1}:{2}:{3}:{4}",
        partition(common),
        service,
        region(common),
        account_id(common),
        resource,
    )


def service_action(common: Common, service: str, action: str) -> pulumi.Output[str]:
    """What a service calls another service by: an ARN of its own in the stack's region, without an account.

    Args:
        common: the component.
        service: that calls, ``apigateway``.
        action: what it calls, for example ``states:action/StartSyncExecution``.
    """
    return pulumi.Output.concat("arn:", partition(common), f":{service}:", region(common), ":", action)


def partition(common: Common) -> pulumi.Output[str]:
    """The partition of the component's provider: ``aws``, ``aws-cn`` or ``aws-us-gov``."""
    return _asked(common, aws.get_partition_output).partition


def dns_suffix(common: Common) -> pulumi.Output[str]:
    """What the hosts of the partition's services end with."""
    return _asked(common, aws.get_partition_output).dns_suffix


def region(common: Common) -> pulumi.Output[str]:
    """The region of the component's provider."""
    return _asked(common, aws.get_region_output).region


def bucket_arn(common: Common, bucket_name: pulumi.Input[str]) -> pulumi.Output[str]:
    """The ARN of a bucket."""
    return pulumi.Output.concat("arn:", partition(common), ":s3:::", bucket_name)


def account_id(common: Common) -> pulumi.Output[str]:
    """The stack's account."""
    return _asked(common, aws.get_caller_identity_output).account_id


def _asked(common: Common, ask: Callable[..., pulumi.Output[T]]) -> pulumi.Output[T]:
    """What the component's provider answers: each question is a call of the engine and of the provider."""
    if ask.__name__ not in common.place:
        common.place[ask.__name__] = ask(opts=pulumi.InvokeOutputOptions(parent=common.parent))
    return cast("pulumi.Output[T]", common.place[ask.__name__])
