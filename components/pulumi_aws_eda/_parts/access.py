"""Who may do what: roles with one statement for each need, and the refusal of what does not come by TLS."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from pulumi_aws_eda._parts import arns, keys
from pulumi_aws_eda._parts.common import Common
from pulumi_aws_eda._parts.naming import physical_name


def role(
    common: Common,
    suffix: str,
    service: str | Sequence[str],
    statements: Mapping[str, Mapping[str, Any]],
    source_account: bool = True,
    decrypts: Sequence[str] = (),
) -> tuple[aws.iam.Role, aws.iam.RolePolicy]:
    """A role that one AWS service assumes, with one statement for each need, and what these need of keys.

    Args:
        common: the component.
        suffix: of the logical name.
        service: the service's principal, for example ``lambda.amazonaws.com``, or several.
        statements: by their Sid: ``actions`` and ``resources``, optionally ``condition`` and ``kms_key_arns``, the keys
            of what they are about (default: the component's).
        source_account: demand that the service acts for this account, against the confused deputy; only for services
            whose documentation says that they send it when they assume a role (Step Functions does).
        decrypts: services that decrypt what is the component's own in the role's name, by its key.
    """
    trust: dict[str, Any] = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
    if source_account:
        trust["Condition"] = {"StringEquals": {"aws:SourceAccount": arns.account_id(common)}}
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
                    for sid, need in {
                        **statements,
                        **keys.statements(common, statements.values(), decrypts),
                    }.items()
                ],
            }
        ),
        opts=common.opts(),
    )
    return made, policy


def tls_only(action: str, resource: Any) -> dict[str, Any]:
    """The statement of a resource's policy that refuses what does not come by TLS."""
    return {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": action,
        "Resource": resource,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
