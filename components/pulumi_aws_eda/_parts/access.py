"""Who may do what: roles with one statement for each need, and the refusal of what does not come by TLS."""

import json
import re
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

import pulumi
import pulumi_aws as aws

from pulumi_aws_eda._parts import arns, keys
from pulumi_aws_eda._parts.args import ArgumentError
from pulumi_aws_eda._parts.common import Common
from pulumi_aws_eda._parts.naming import physical_name

POLICIES_SIZE = 10_240
"""Characters of all inline policies of a role, white space not counted (IAM quotas)."""
Statements = Mapping[str, Mapping[str, Any]]
"""What a role needs, by the statement's Sid."""


def role(
    common: Common,
    suffix: str,
    service: str | Sequence[str],
    statements: Statements,
    source_account: bool = True,
    apart: Mapping[str, Statements] | None = None,
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
        apart: statements in policies of their own, by what they are for: those that whatever depends on the policy
            still needs while it changes to a state without them. Pulumi deletes a policy after all changes, but it
            changes one before what depends on it.
        decrypts: services that decrypt what is the component's own in the role's name, by its key.

    Returns:
        The role and its policy, which depends on all others.

    Raises:
        ArgumentError: the policies are longer than IAM takes; when all of their ARNs are known.
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
    needs = {**statements, **keys.statements(common, statements.values(), decrypts)}
    documents = _documents(common, [needs, *(apart or {}).values()])
    first = [
        aws.iam.RolePolicy(
            f"{common.name}-{suffix}-{purpose}",
            role=made.name,
            policy=documents.apply(itemgetter(position)),
            opts=common.opts(),
        )
        for position, purpose in enumerate(apart or {}, 1)
    ]
    policy = aws.iam.RolePolicy(
        f"{common.name}-{suffix}",
        role=made.name,
        policy=documents.apply(itemgetter(0)),
        opts=common.opts(depends_on=first),
    )
    return made, policy


def _documents(common: Common, policies: Sequence[Statements]) -> pulumi.Output[list[str]]:
    """The policies of a role as JSON."""
    texts = [
        pulumi.Output.from_input(
            [
                {
                    "Sid": sid,
                    "Effect": "Allow",
                    "Action": need["actions"],
                    "Resource": need["resources"],
                    **({"Condition": need["condition"]} if "condition" in need else {}),
                }
                for sid, need in statements.items()
            ]
        ).apply(_document)
        for statements in policies
    ]

    def checked(known: list[str]) -> list[str]:
        size = sum(len(re.sub(r"\s", "", text)) for text in known)
        if size > POLICIES_SIZE:
            problem = (
                f"makes policies of {size} characters, and the inline policies of a role have {POLICIES_SIZE} at most "
                "(IAM quotas); name what its resources' ARNs begin with, followed by *, or make several components"
            )
            raise ArgumentError(f"{type(common.parent).__name__} {common.name!r}", "grants", problem)
        return known

    return pulumi.Output.all(*texts).apply(checked)


def _document(statements: list[dict[str, Any]]) -> str:
    # Only its outputs say whether something has a key; a statement about none would be invalid.
    about_something = [statement for statement in statements if statement["Resource"]]
    return json.dumps({"Version": "2012-10-17", "Statement": about_something})


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
