"""What holds for every component and each of its children."""

import json

import pulumi_aws_eda
import pytest
from pulumi_aws_eda import ArgumentError
from pulumi_aws_eda._parts.args import names
from pulumi_aws_eda.testing import Recorded, Recording, record

from tests.unit import component_cases
from tests.unit.component_cases import CASES, TAGS, recorded

NO_TAGS = {
    "aws:redshiftserverless/usageLimit:UsageLimit",
    "aws:iam/rolePolicy:RolePolicy",
    "aws:sqs/queuePolicy:QueuePolicy",
    "aws:lambda/layerVersion:LayerVersion",
    "aws:lambda/permission:Permission",
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
    "aws:apigateway/deployment:Deployment",
    "aws:apigateway/methodSettings:MethodSettings",
    "aws:apigateway/usagePlanKey:UsagePlanKey",
    "aws:cloudwatch/dashboard:Dashboard",
    "aws:cloudwatch/eventArchive:EventArchive",
    "aws:cloudwatch/eventBusPolicy:EventBusPolicy",
    "aws:cloudwatch/eventTarget:EventTarget",
    "aws:cloudwatch/logStream:LogStream",
    "aws:cloudwatch/queryDefinition:QueryDefinition",
    "aws:glue/catalogTable:CatalogTable",
    "aws:glue/securityConfiguration:SecurityConfiguration",
    "aws:lambda/invocation:Invocation",
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
    "aws:s3/bucketNotification:BucketNotification",
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
    "aws:s3/bucketPolicy:BucketPolicy",
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    "aws:s3/bucketVersioning:BucketVersioning",
    "aws:scheduler/schedule:Schedule",
    "aws:sns/topicPolicy:TopicPolicy",
    "aws:sns/topicSubscription:TopicSubscription",
}
"""Types for which AWS offers no tags."""
NO_RESOURCE_LEVEL = {
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "dynamodb:ListStreams",
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
    "redshift-data:DescribeStatement",
    "redshift-data:GetStatementResult",
}
"""Actions for which AWS offers no resource-level permission (Service Authorization Reference)."""

TRUSTED = {
    "apigateway.amazonaws.com": False,
    "firehose.amazonaws.com": False,
    "glue.amazonaws.com": False,
    "lambda.amazonaws.com": False,
    "pipes.amazonaws.com": True,
    "redshift.amazonaws.com": False,
    "redshift-serverless.amazonaws.com": False,
    "scheduler.amazonaws.com": True,
    "states.amazonaws.com": True,
}
"""The services that assume roles, and whether they are known to send the account they act for (docs/decisions/0005)."""


def test_every_component_has_a_case() -> None:
    components = {
        name
        for name in pulumi_aws_eda.__all__
        if isinstance(getattr(pulumi_aws_eda, name), type)
        and issubclass(getattr(pulumi_aws_eda, name), pulumi_aws_eda.IdempotentLambda.__mro__[1])
    }
    assert components == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_each_child_is_tagged_parented_and_named(name: str) -> None:
    made = recorded(name)
    component = made.one(f"aws-eda:index:{name}", "it")
    for child in made.resources:
        # Layers are the stack's.
        if child is component or child.type == "aws:lambda/layerVersion:LayerVersion":
            continue
        assert child.name.startswith("it-"), child
        assert f"aws-eda:index:{name}::it" in _ancestors(made, child), child
        if child.type.startswith("aws:") and child.type not in NO_TAGS:
            assert child.inputs.get("tags") == TAGS, child


def _ancestors(made: Recording, child: Recorded) -> list[str]:
    """Type and name of the component a child belongs to, of the one that belongs to, and so on."""
    parents = {found.name: found.parent for found in made.resources if not found.type.startswith("aws:")}
    found = []
    urn = child.parent
    while urn:
        path, _, name = urn.rpartition("::")
        found.append(f"{path.rpartition('::')[2].rpartition('$')[2]}::{name}")
        urn = parents.get(name, "")
    return found


@pytest.mark.parametrize("name", CASES)
def test_no_role_has_a_wildcard_where_aws_offers_a_resource(name: str) -> None:
    for policy in recorded(name).of("aws:iam/rolePolicy:RolePolicy").values():
        for statement in policy.json("policy")["Statement"]:
            assert not [action for action in statement["Action"] if "*" in action], statement
            if "*" in statement["Resource"]:
                assert set(statement["Action"]) <= NO_RESOURCE_LEVEL, statement


@pytest.mark.parametrize("name", CASES)
def test_a_role_is_assumed_by_its_service_for_this_account(name: str) -> None:
    for role in recorded(name).of("aws:iam/role:Role").values():
        statement = role.json("assumeRolePolicy")["Statement"][0]
        service = statement["Principal"]["Service"]
        # Redshift Serverless has two names; all other services have one.
        for name in [service] if isinstance(service, str) else service:
            assert name in TRUSTED, name
            condition = {"StringEquals": {"aws:SourceAccount": "123456789012"}} if TRUSTED[name] else None
            assert statement.get("Condition") == condition


@pytest.mark.parametrize("name", CASES)
def test_queues_and_tables_are_encrypted_and_log_groups_expire(name: str) -> None:
    made = recorded(name)
    for queue in made.of("aws:sqs/queue:Queue").values():
        assert queue.inputs.get("sqsManagedSseEnabled") or queue.inputs.get("kmsMasterKeyId")
    for table in made.of("aws:dynamodb/table:Table").values():
        assert table.inputs["serverSideEncryption"]["enabled"]
        assert table.inputs["pointInTimeRecovery"]["enabled"]
    for group in made.of("aws:cloudwatch/logGroup:LogGroup").values():
        assert group.inputs["retentionInDays"] == 30


@pytest.mark.parametrize("name", CASES)
def test_a_second_run_with_keywords_registers_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first, component = recorded(name), getattr(component_cases, name)
    monkeypatch.setattr(component_cases, name, lambda logical, args: component(logical, **args))
    second = record(CASES[name])
    assert _inputs(first) == _inputs(second)


def _inputs(made: Recording) -> dict[tuple[str, str], str]:
    return {(resource.type, resource.name): _plain(resource.inputs) for resource in made.resources}


def _plain(inputs: object) -> str:
    return json.dumps(inputs, default=lambda value: getattr(value, "path", repr(value)), sort_keys=True)


@pytest.mark.parametrize("name", CASES)
def test_it_runs_while_outputs_are_unknown(name: str) -> None:
    assert {r.name for r in record(CASES[name], preview=True).resources} == {r.name for r in recorded(name).resources}


@pytest.mark.parametrize("name", CASES)
def test_a_wrong_keyword_is_told_with_the_nearest_one(name: str) -> None:
    component = getattr(component_cases, name)
    known = {*names(component.__init__.__annotations__["args"]), "opts"}
    # These are the parameters before the keywords.
    assert not known & {"self", "name", "args"}
    for keyword in known:
        with pytest.raises(ArgumentError, match=f"^{name} 'it': the argument '{keyword}_' .* is '{keyword}' meant"):
            component("it", **{f"{keyword}_": None})
    with pytest.raises(ArgumentError, match=f"^{name} 'it': the argument 'tags' is a keyword, but there is a dict"):
        component("it", {}, tags=TAGS)
    with pytest.raises(ArgumentError, match=f"^{name} 'it': the argument 'args' is 'code'; it has to be a dictionary"):
        component("it", "code")
