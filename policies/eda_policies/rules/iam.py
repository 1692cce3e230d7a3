"""Rules on IAM: least privilege, and no confused deputy."""

import functools
import re

from eda_policies.iam_document import POLICY_TYPES, ROLE, ROLE_ATTACHMENT, documents, statements
from eda_policies.resource import Findings, Resource
from eda_policies.rule import Category, Option, Options, resource_rule
from eda_policies.values import UNKNOWN

_GUIDE = "https://docs.aws.amazon.com/IAM/latest/UserGuide/"
_TRUST = ROLE
ATTACHMENTS = (
    ROLE_ATTACHMENT,
    "aws:iam/userPolicyAttachment:UserPolicyAttachment",
    "aws:iam/groupPolicyAttachment:GroupPolicyAttachment",
    "aws:iam/policyAttachment:PolicyAttachment",
)
WITHOUT_RESOURCE = (
    "athena:ListDataCatalogs",
    "athena:ListWorkGroups",
    "cloudwatch:PutMetricData",
    "dynamodb:ListStreams",
    "dynamodb:ListTables",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:Describe*",
    "ec2:UnassignPrivateIpAddresses",
    "ec2:AssignPrivateIpAddresses",
    "kinesis:ListStreams",
    "lakeformation:GetDataAccess",
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
    "redshift-data:DescribeStatement",
    "redshift-data:GetStatementResult",
    "redshift-data:GetStatementResult",
    "redshift-data:ListStatements",
    "s3:ListAllMyBuckets",
    "sts:GetCallerIdentity",
    "xray:GetSamplingRules",
    "xray:GetSamplingStatisticSummaries",
    "xray:GetSamplingTargets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
)
"""Actions for which AWS offers no resource-level permission, or none that fits (Service Authorization Reference)."""
SOURCE_SENDING = (
    "states.amazonaws.com",
    "scheduler.amazonaws.com",
    "pipes.amazonaws.com",
)
"""Services whose documentation says that they send the source when they assume a role."""


@resource_rule(
    "iam-no-wildcard-action",
    Resource,
    *POLICY_TYPES,
    ROLE,
    holds="No statement allows actions by a wildcard.",
    why="A wildcard grants what nobody thought of, and whatever the service adds later.",
    fix="Write the actions out; the access denied errors of a test say which are needed.",
    reference=_GUIDE + "best-practices.html#grant-least-privilege",
    category=Category.SECURITY,
    essential=True,
)
def no_wildcard_action(resource: Resource, options: Options) -> Findings:
    """Actions are written out."""
    allowed = "actions that are written out"
    for document in documents(resource):
        yield from document.require(lambda _known: True, "a policy in JSON")
        for statement in statements(document.value or {}):
            wild = [action for action in statement.actions if "*" in action]
            if statement.allows and wild:
                yield resource.finding(f"the statement {statement.sid} allows {', '.join(wild)}", allowed)
            if statement.allows and statement.excepted_actions:
                yield resource.finding(f"the statement {statement.sid} allows all but some (NotAction)", allowed)


@resource_rule(
    "iam-no-wildcard-resource",
    Resource,
    *POLICY_TYPES,
    ROLE,
    holds="A statement names its resources; all of them (*) only with actions that take no resource.",
    why="A permission on every resource reaches other systems' data in the same account.",
    fix="Name the ARNs, taken from the resources' outputs.",
    reference="https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html",
    category=Category.SECURITY,
    essential=True,
    options={
        "actionsWithoutResource": Option.of(
            {
                "type": "array",
                "items": {"type": "string"},
                "description": "actions that may be allowed on *, because they take no resource",
            },
            list(WITHOUT_RESOURCE),
        )
    },
)
def no_wildcard_resource(resource: Resource, options: Options) -> Findings:
    """Resources are named."""
    without = _any_of(tuple(options["actionsWithoutResource"]))
    for document in documents(resource):
        yield from document.require(lambda _known: True, "a JSON document")
        for statement in statements(document.value or {}):
            wide = "*" in statement.resources or statement.excepted_resources
            named = [action for action in statement.actions if not without.fullmatch(action)]
            if statement.allows and wide and named:
                found = f"the statement {statement.sid} allows {', '.join(named)} on every resource"
                yield resource.finding(found, "ARNs; * for actions that take no resource")


@functools.cache
def _any_of(actions: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(re.escape(action).replace(r"\*", ".*") for action in actions), re.IGNORECASE)


_ADMIN = re.compile(r":policy/(.*/)?(AdministratorAccess|PowerUserAccess|IAMFullAccess|\w*FullAccess\w*)$")


@resource_rule(
    "iam-no-admin-managed-policy",
    Resource,
    *ATTACHMENTS,
    ROLE,
    holds="No managed policy with full access is attached.",
    why="AWS's full access policies allow a whole service, on every resource.",
    fix="Write a policy with the actions and ARNs that are needed.",
    reference=_GUIDE + "access_policies_managed-vs-inline.html",
    category=Category.SECURITY,
    essential=True,
)
def no_admin_managed_policy(resource: Resource, options: Options) -> Findings:
    """Managed policies are narrow."""
    allowed = "policies of what is needed"
    if resource.type in ATTACHMENTS:
        arn = resource.text("policyArn")
        yield from arn.require(lambda found: not _ADMIN.search(found), allowed)
        return
    listed = resource.items("managedPolicyArns", [])
    yield from listed.require(lambda arns: not any(isinstance(a, str) and _ADMIN.search(a) for a in arns), allowed)
    if UNKNOWN in (listed.value or ()):
        yield resource.undecided(listed.path, allowed)


@resource_rule(
    "iam-trust-scoped",
    Resource,
    _TRUST,
    holds="A role trusts a service only when it acts for this account or resource, where the service says for whom.",
    why="A service that acts for many customers could be made to use this role for another one (confused deputy).",
    fix='Add the condition {"StringEquals": {"aws:SourceAccount": account}} or aws:SourceArn to the trust policy.',
    reference=_GUIDE + "confused-deputy.html",
    category=Category.SECURITY,
    options={
        "services": Option.of(
            {
                "type": "array",
                "items": {"type": "string"},
                "description": "service principals that send the source; a condition on others refuses every request",
            },
            list(SOURCE_SENDING),
        )
    },
)
def trust_scoped(role: Resource, options: Options) -> Findings:
    """Trust names the source; everybody is never trusted."""
    document = role.document("assumeRolePolicy")
    yield from document.require(lambda _known: True, "a JSON document")
    for statement in statements(document.value or {}):
        if not statement.allows:
            continue
        if "*" in statement.principals and not statement.conditions:
            yield role.finding(f"the statement {statement.sid} trusts everybody", "principals that are named")
        sourced = {"aws:sourceaccount", "aws:sourcearn"} & set(statement.conditions)
        for service in statement.services:
            if service in options["services"] and not sourced:
                yield role.finding(f"it trusts {service} for every account", "aws:SourceAccount or aws:SourceArn")
