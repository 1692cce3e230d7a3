"""Rules on IAM: least privilege, and no confused deputy."""

import functools
import re
from collections.abc import Mapping, Sequence

from eda_policies.iam_document import EVERYBODY, POLICY_TYPES, ROLE, ROLE_ATTACHMENT, Statement, documents, statements
from eda_policies.iam_patterns import NAMES, WILDCARDS, names_nothing
from eda_policies.iam_questions import from_outside, services_for_all
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
EXCLUSIVE_ATTACHMENTS = (
    "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive",
    "aws:iam/userPolicyAttachmentsExclusive:UserPolicyAttachmentsExclusive",
    "aws:iam/groupPolicyAttachmentsExclusive:GroupPolicyAttachmentsExclusive",
)
WITHOUT_RESOURCE = (
    "athena:ListDataCatalogs",
    "athena:ListWorkGroups",
    "cloudwatch:DescribeAlarmsForMetric",
    "cloudwatch:GetMetricData",
    "cloudwatch:GetMetricStatistics",
    "cloudwatch:GetMetricWidgetImage",
    "cloudwatch:ListDashboards",
    "cloudwatch:ListMetrics",
    "cloudwatch:PutMetricData",
    "comprehend:BatchDetect*",
    "comprehend:Detect*",
    "dynamodb:DescribeEndpoints",
    "dynamodb:DescribeLimits",
    "dynamodb:ListBackups",
    "dynamodb:ListStreams",
    "dynamodb:ListTables",
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:Describe*",
    "ec2:UnassignPrivateIpAddresses",
    "ecr:GetAuthorizationToken",
    "events:ListEventBuses",
    "events:ListRuleNamesByTarget",
    "events:ListRules",
    "firehose:ListDeliveryStreams",
    "glue:GetCrawlers",
    "glue:GetJobs",
    "glue:GetSecurityConfiguration",
    "glue:GetSecurityConfigurations",
    "glue:GetTriggers",
    "glue:ListCrawlers",
    "glue:ListJobs",
    "glue:ListTriggers",
    "glue:ListWorkflows",
    "iam:GetAccountSummary",
    "iam:ListAccountAliases",
    "iam:ListPolicies",
    "iam:ListRoles",
    "iam:ListUsers",
    "kafka:GetBootstrapBrokers",
    "kafka:ListClusters",
    "kafka:ListClustersV2",
    "kinesis:DescribeLimits",
    "kinesis:ListStreams",
    "kms:ListAliases",
    "kms:ListKeys",
    "lakeformation:GetDataAccess",
    "lambda:GetAccountSettings",
    "lambda:ListEventSourceMappings",
    "lambda:ListFunctions",
    "lambda:ListLayerVersions",
    "lambda:ListLayers",
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeDeliveries",
    "logs:DescribeDestinations",
    "logs:DescribeLogGroups",
    "logs:DescribeQueries",
    "logs:DescribeQueryDefinitions",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutQueryDefinition",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
    "pipes:ListPipes",
    "redshift-data:DescribeStatement",
    "redshift-data:GetStatementResult",
    "redshift-data:ListStatements",
    "rekognition:DetectFaces",
    "rekognition:DetectLabels",
    "rekognition:DetectText",
    "s3:GetAccountPublicAccessBlock",
    "s3:ListAllMyBuckets",
    "scheduler:ListScheduleGroups",
    "scheduler:ListSchedules",
    "secretsmanager:GetRandomPassword",
    "secretsmanager:ListSecrets",
    "sns:ListSubscriptions",
    "sns:ListTopics",
    "sqs:ListQueues",
    "ssm:DescribeParameters",
    "states:ListActivities",
    "states:ListStateMachines",
    "sts:GetCallerIdentity",
    "tag:GetResources",
    "tag:GetTagKeys",
    "tag:GetTagValues",
    "textract:AnalyzeDocument",
    "textract:DetectDocumentText",
    "xray:GetSamplingRules",
    "xray:GetSamplingStatisticSummaries",
    "xray:GetSamplingTargets",
    "xray:GetServiceGraph",
    "xray:GetTraceSummaries",
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
            wild = [action for action in statement.actions if WILDCARDS.search(action)]
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
        found = list(statements(document.value or {}))
        for statement in found:
            wide = _wide(statement)
            named = [action for action in statement.actions if not without.fullmatch(action)]
            named += ["all but some actions"] if statement.excepted_actions else []
            if statement.allows and wide and named and not _narrowed(statement, found):
                shown = f"the statement {statement.sid} allows {', '.join(named)} on {wide}"
                yield resource.finding(shown, "ARNs with the resources' names; * for actions that take no resource")


def _wide(statement: Statement) -> str:
    """How a statement stands for resources that it does not name; empty when it names all of them."""
    if statement.excepted_resources:
        return "" if EVERYBODY in statement.excepted_resources else "all but some resources"
    return ", ".join(pattern for pattern in statement.resources if names_nothing(pattern))


def _narrowed(statement: Statement, found: Sequence[Statement]) -> bool:
    """Whether a Deny leaves named resources alone of what a statement allows."""
    return any(
        not other.allows
        and not other.conditions
        and other.excepted_resources
        and not any(map(names_nothing, other.excepted_resources))
        and all(map(other.concerns_action, statement.actions or NAMES))
        for other in found
    )


@functools.cache
def _any_of(actions: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(re.escape(action).replace(r"\*", ".*") for action in actions), re.IGNORECASE)


_ADMIN = re.compile(r":aws:policy/(.*/)?(AdministratorAccess|PowerUserAccess|[\w-]*FullAccess)([_-][\w-]+|V\d+)?$")


@resource_rule(
    "iam-no-admin-managed-policy",
    Resource,
    *ATTACHMENTS,
    *EXCLUSIVE_ATTACHMENTS,
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
    listed = resource.items("policyArns" if resource.type in EXCLUSIVE_ATTACHMENTS else "managedPolicyArns", [])
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
    found = document.value or {}
    for statement in from_outside(found):
        yield role.finding(
            f"the statement {statement.sid} trusts everybody, or whoever a shared identity provider knows",
            "principals that are named, and subjects of tokens",
            "Name accounts or roles as principals, and the subject (sub) of tokens that others can have, too.",
        )
    for service in sorted({service for _, service in services_for_all(found)}):
        if service not in options["services"] and not WILDCARDS.search(service):
            continue
        yield role.finding(f"it trusts {service} for every account", "aws:SourceAccount or aws:SourceArn of an account")


RESOURCE_POLICIES: Mapping[str, str] = {
    "aws:cloudwatch/eventBusPolicy:EventBusPolicy": "policy",
    "aws:dynamodb/resourcePolicy:ResourcePolicy": "policy",
    "aws:ecr/repositoryPolicy:RepositoryPolicy": "policy",
    "aws:kinesis/resourcePolicy:ResourcePolicy": "policy",
    "aws:kms/key:Key": "policy",
    "aws:kms/keyPolicy:KeyPolicy": "policy",
    "aws:s3/bucket:Bucket": "policy",
    "aws:s3/bucketPolicy:BucketPolicy": "policy",
    "aws:secretsmanager/secret:Secret": "policy",
    "aws:secretsmanager/secretPolicy:SecretPolicy": "policy",
    "aws:sns/topic:Topic": "policy",
    "aws:sns/topicPolicy:TopicPolicy": "policy",
    "aws:sqs/queue:Queue": "policy",
    "aws:sqs/queuePolicy:QueuePolicy": "policy",
}
"""Types whose policy says who gets in, and the property that holds it."""
LAYER_PERMISSION = "aws:lambda/layerVersionPermission:LayerVersionPermission"
BUS_PERMISSION = "aws:cloudwatch/eventPermission:EventPermission"


@resource_rule(
    "iam-no-public-policy",
    Resource,
    *RESOURCE_POLICIES,
    LAYER_PERMISSION,
    BUS_PERMISSION,
    holds="No policy of a queue, topic, bucket, key, table, stream, secret, bus, repository or layer lets everybody "
    "in, nor a service for whatever account it acts.",
    why="Whoever learns the ARN reads, writes or runs up the bill, from any account; a service does it for them.",
    fix="Name accounts, roles or services as principals; give services aws:SourceAccount or aws:SourceArn.",
    reference=_GUIDE + "access_policies_identity-vs-resource.html",
    category=Category.SECURITY,
    essential=True,
)
def no_public_policy(resource: Resource, options: Options) -> Findings:
    """Who gets in is named."""
    if resource.type == LAYER_PERMISSION:
        if resource.text("principal").value == EVERYBODY and not resource.text("organizationId").given:
            yield resource.finding("its principal is everybody", "an account, or everybody of an organizationId")
        return
    if resource.type == BUS_PERMISSION:
        if resource.text("principal").value == EVERYBODY and not resource.text("condition.value").given:
            yield resource.finding("its principal is everybody", "an account, or everybody of an organisation")
        return
    document = resource.document(RESOURCE_POLICIES[resource.type])
    if not document.given and not document.invalid:
        return
    yield from document.require(lambda _known: True, "a JSON document")
    for statement in from_outside(document.value or {}, network=True):
        yield resource.finding(f"the statement {statement.sid} lets everybody in", "principals that are named")
    for statement, service in services_for_all(document.value or {}):
        found = f"the statement {statement.sid} lets {service} in for every account"
        yield resource.finding(found, "aws:SourceAccount or aws:SourceArn of an account")
