"""Rules on the whole stack."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from eda_policies.alarms import alarms
from eda_policies.functions import FUNCTION, MACHINE
from eda_policies.graph import Graph
from eda_policies.queues import dead_letter_queues
from eda_policies.resource import Finding, Findings, Resource, holds_unknown
from eda_policies.rule import ENVIRONMENTS, Category, Level, Option, Options, resource_rule, stack_rule
from eda_policies.rules.analytics import STREAM
from eda_policies.rules.lambda_ import LOG_GROUP
from eda_policies.secret_values import is_secret, leaves
from eda_policies.settings import SETTINGS_RULE
from eda_policies.values import UNKNOWN

STACK = "pulumi:pulumi:Stack"
DASHBOARD = "aws:cloudwatch/dashboard:Dashboard"
QUERY = "aws:cloudwatch/queryDefinition:QueryDefinition"
TAGGABLE = (
    "aws:apigateway/apiKey:ApiKey",
    "aws:apigateway/domainName:DomainName",
    "aws:apigateway/restApi:RestApi",
    "aws:apigateway/stage:Stage",
    "aws:apigateway/usagePlan:UsagePlan",
    "aws:apigatewayv2/api:Api",
    "aws:apigatewayv2/stage:Stage",
    "aws:athena/workgroup:Workgroup",
    "aws:cloudwatch/eventBus:EventBus",
    "aws:cloudwatch/eventRule:EventRule",
    "aws:cloudwatch/logGroup:LogGroup",
    "aws:cloudwatch/metricAlarm:MetricAlarm",
    "aws:dynamodb/table:Table",
    "aws:glue/catalogDatabase:CatalogDatabase",
    "aws:glue/job:Job",
    "aws:iam/policy:Policy",
    "aws:iam/role:Role",
    "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream",
    "aws:kinesis/stream:Stream",
    "aws:kms/key:Key",
    "aws:lambda/eventSourceMapping:EventSourceMapping",
    "aws:lambda/function:Function",
    "aws:pipes/pipe:Pipe",
    "aws:quicksight/dataSet:DataSet",
    "aws:quicksight/dataSource:DataSource",
    "aws:redshift/cluster:Cluster",
    "aws:redshiftserverless/namespace:Namespace",
    "aws:redshiftserverless/workgroup:Workgroup",
    "aws:s3/bucket:Bucket",
    "aws:scheduler/scheduleGroup:ScheduleGroup",
    "aws:secretsmanager/secret:Secret",
    "aws:sfn/stateMachine:StateMachine",
    "aws:sns/topic:Topic",
    "aws:sqs/queue:Queue",
)
"""Types of the services that the pack knows which take tags."""
_CLOUDWATCH = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/"


@resource_rule(
    "required-tags",
    Resource,
    *TAGGABLE,
    holds="A resource that takes tags has those that are required.",
    why="Tags say whose a resource is, and whom its cost belongs to.",
    fix="Give the component tags, or the provider default_tags.",
    reference="https://docs.aws.amazon.com/whitepapers/latest/tagging-best-practices/tagging-best-practices.html",
    category=Category.COST,
    options={
        "tags": Option.of(
            {"type": "array", "items": {"type": "string"}, "description": "the tags' keys"}, ["project", "environment"]
        )
    },
)
def required_tags(resource: Resource, options: Options) -> Findings:
    """Resources are tagged."""
    for holder in ("tags", "tagsAll"):
        if resource.mapping(holder).unknown:
            yield resource.undecided(holder, ", ".join(options["tags"]))
            return
    missing = [
        tag for tag in options["tags"] if not any(resource.member(holder, tag).given for holder in ("tags", "tagsAll"))
    ]
    if missing:
        yield resource.finding(f"it has no tag {', '.join(missing)}", f"the tags {', '.join(options['tags'])}")


@resource_rule(
    "log-retention",
    Resource,
    LOG_GROUP,
    holds="A log group keeps logs for a time within the environment's bounds.",
    why="Logs are kept for ever by default, and paid for; too short, and they are gone before they are asked for.",
    fix="Set retention_in_days.",
    reference=_CLOUDWATCH + "logs/Working-with-log-groups-and-streams.html",
    category=Category.OPERATIONS,
    options={
        "minimum": Option.of({"type": "integer", "minimum": 1, "description": "days"}, 1, staging=14, prod=90),
        "maximum": Option.of({"type": "integer", "minimum": 1, "description": "days"}, 731),
    },
)
def log_retention(group: Resource, options: Options) -> Findings:
    """Logs go in time; 0 is for ever."""
    low, high = options["minimum"], options["maximum"]
    yield from group.number("retentionInDays", 0).require(lambda days: low <= days <= high, f"{low} to {high} days")


SHORTEST_SECRET = 8
"""Characters of a secret that is told inside a longer text."""
_SECRET_OUTPUTS = {
    "aws:apigateway/apiKey:ApiKey": "value",
    "aws:iam/accessKey:AccessKey": "secret",
    "aws:secretsmanager/secretVersion:SecretVersion": "secretString",
    "aws:ssm/parameter:Parameter": "value",
    "random:index/randomPassword:RandomPassword": "result",
}


@stack_rule(
    "secrets-not-exported",
    holds="The stack exports no secret in plain text.",
    why="Everybody who may read the stack's outputs reads them, also by a stack reference.",
    fix="Export the secret's ARN, or mark the output: pulumi.Output.secret(...).",
    reference="https://www.pulumi.com/docs/iac/concepts/secrets/",
    category=Category.SECURITY,
    essential=True,
)
def secrets_not_exported(graph: Graph, options: Options) -> Findings:
    """Exports are no secrets."""
    known = {
        text for type, path in _SECRET_OUTPUTS.items() for found in graph.of(type) if (text := found.text(path).value)
    }
    for resource in graph.resources:
        known.update(_secret_texts(resource))
    allowed = "an ARN, or an output that is marked as secret"
    longer = [text for text in known if len(text) >= SHORTEST_SECRET]
    for stack in graph.of(STACK):
        unknown = [n for n, value in stack.data.items() if holds_unknown(value) and not stack.is_secret((n,))]
        if unknown:
            yield stack.undecided(", ".join(unknown), allowed)
        for path, value in leaves(stack.data):
            if value is None or value is UNKNOWN or any(stack.is_secret(path[:end]) for end in range(1, len(path) + 1)):
                continue
            names = [part for part in path if not part.isdecimal()]
            held = isinstance(value, str) and (value in known or any(text in value for text in longer))
            if held or any(is_secret(name, value) for name in (names[0], names[-1])):
                yield stack.finding(f"the export {'.'.join(path)} is a secret in plain text", allowed)


def _secret_texts(resource: Resource) -> Iterator[str]:
    if resource.type == STACK:
        return
    for path in resource.secrets:
        value: Any = resource.data
        for part in path:
            value = (
                value[int(part)] if isinstance(value, list) else value.get(part) if isinstance(value, dict) else None
            )
        if isinstance(value, str) and value:
            yield value


@stack_rule(
    "observability-complete",
    holds="Each function, machine, stream and dead-letter queue has an alarm and is on a dashboard; logs have a query.",
    why="What nobody looks at is found out from customers.",
    fix="Add what is missing; the Observability component makes dashboard and queries.",
    reference=_CLOUDWATCH + "monitoring/CloudWatch_Dashboards.html",
    category=Category.OPERATIONS,
)
def observability_complete(graph: Graph, options: Options) -> Findings:
    """Everything is watched."""
    watched = [*graph.of(FUNCTION, MACHINE, STREAM), *dead_letter_queues(graph)]
    for resource in watched:
        missing = []
        if not any(True for _ in alarms(graph, resource)):
            missing.append("no alarm")
        if not any(name == "dashboardBody" for _, name in graph.naming(resource, DASHBOARD)):
            missing.append("no place on a dashboard")
        if missing:
            yield resource.finding(f"it has {' and '.join(missing)}", "an alarm, and a widget on a dashboard")
    unknown = [query for query in graph.of(QUERY) if query.anything("logGroupNames").unknown]
    for resource in graph.of(FUNCTION, MACHINE):
        groups = _log_groups(graph, resource)
        # While the names are unknown, they may be known to come from the function or machine itself.
        named = [found for one in (*groups, resource) for found in graph.naming(one, QUERY)]
        if not groups or any(name == "logGroupNames" for _, name in named):
            continue
        if unknown:
            yield resource.undecided(f"logGroupNames of {unknown[0].name}", "a QueryDefinition")
        else:
            yield resource.finding("no saved query is for its log", "a QueryDefinition")


def _log_groups(graph: Graph, resource: Resource) -> list[Resource]:
    path = "loggingConfig.logGroup" if resource.type == FUNCTION else "loggingConfiguration.logDestination"
    return graph.linked(resource, path, LOG_GROUP)


_UNSEEN = re.compile(
    r"aws-native:|aws-apigateway:|aws:cloudformation/stack|aws:cloudcontrol/|aws:serverlessrepository/|terraform-provider:"
)
"""Resources that stand for others, or are of a provider whose properties have other names."""


@stack_rule(
    "policy-coverage",
    holds="No resource of the stack is of a type whose properties the rules cannot read.",
    why="The rules read the types of Pulumi's AWS provider: what another provider makes, or a CloudFormation template, "
    "passes them unseen.",
    fix="Make the resources with the AWS provider (aws.*), or check them with a tool that reads their types.",
    reference="https://www.pulumi.com/registry/packages/aws/api-docs/",
    category=Category.OPERATIONS,
    special_levels=dict.fromkeys(ENVIRONMENTS, Level.ADVISORY),
)
def policy_coverage(graph: Graph, options: Options) -> Findings:
    """What is not seen is named, once for all."""
    counted = Counter(resource.type for resource in graph.resources if _UNSEEN.match(resource.type))
    if counted:
        shown = ", ".join(f"{type} ({count})" for type, count in sorted(counted.items()))
        yield Finding("", "the stack", f"no rule reads {shown}", "types of Pulumi's AWS provider")


_EXEMPTION = {
    "type": "object",
    "required": ["rule", "reason", "expires"],
    "properties": {
        "rule": {"type": "string", "description": "the rule's name"},
        "urn": {"type": "string", "description": "pattern of URNs (`*`, `?`); none is the stack as a whole"},
        "reason": {"type": "string", "description": "why"},
        "expires": {
            "type": "string",
            "pattern": r"^\d{4}-\d\d-\d\d$",
            "description": "the last day on which it counts",
        },
    },
}


@stack_rule(
    SETTINGS_RULE,
    holds="Every exemption is needed and has not expired, and every budget is of a function in the stack.",
    why="An exemption that stays behind hides the next violation; a budget of a renamed function pins nothing.",
    fix="Correct the policy config.",
    reference="https://www.pulumi.com/docs/insights/policy/policy-packs/configuration/",
    category=Category.OPERATIONS,
    options={
        "environment": Option.of(
            {
                "type": "string",
                "enum": list(ENVIRONMENTS),
                "description": "whose profile counts; by default the stack's config `environment`, or its name",
            },
            "",
        ),
        "exemptions": Option.of(
            {"type": "array", "items": _EXEMPTION, "description": "rules that need not hold for some resources"}, []
        ),
    },
)
def policy_settings(graph: Graph, options: Options) -> Findings:
    """What the checker itself knows of the config is reported under this rule."""
    yield from ()
