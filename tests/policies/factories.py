"""A stack that every rule finds compliant, to break in one property: after an update, and in a first preview."""

import datetime
import json
import pickle
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from eda_policies.check import Checker, Violation
from eda_policies.graph import Graph
from eda_policies.resource import Resource
from eda_policies.rules import RULES
from eda_policies.settings import settings
from eda_policies.values import of_properties

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}
TODAY = datetime.date(2026, 1, 1)
REMOVED = object()
"""In place of a value: the property is not there."""


@dataclass(frozen=True)
class Ref:
    """An output of another resource, unknown in a preview."""

    name: str
    output: str = "arn"
    suffix: str = ""


class Document(dict[str, Any]):
    """A map that is sent as a JSON text."""


@dataclass
class Made:
    """A resource of the stack."""

    type: str
    name: str
    properties: dict[str, Any] = field(default_factory=dict)


TAGS = {"project": "shop", "environment": "prod"}


def allow(*statements: tuple[list[str], Any]) -> Document:
    listed = [{"Effect": "Allow", "Action": actions, "Resource": resources} for actions, resources in statements]
    return Document(Version="2012-10-17", Statement=listed)


def trust(service: str, sourced: bool = False) -> Document:
    statement: dict[str, Any] = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
    if sourced:
        statement["Condition"] = {"StringEquals": {"aws:SourceAccount": "123456789012"}}
    return Document(Version="2012-10-17", Statement=[statement])


def tls_only(service: str, name: str) -> Document:
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": f"{service}:*",
        "Resource": [Ref(name), Ref(name, "arn", ":objects")],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return Document(Version="2012-10-17", Statement=[statement])


def alarm(name: str, metric: str, dimensions: Mapping[str, Any], threshold: float = 1) -> Made:
    return Made(
        "aws:cloudwatch/metricAlarm:MetricAlarm",
        name,
        {
            "metricName": metric,
            "dimensions": dict(dimensions),
            "threshold": threshold,
            "comparisonOperator": "GreaterThanOrEqualToThreshold",
            "alarmActions": [Ref("topic")],
            "tags": TAGS,
        },
    )


TRACE = (["xray:PutTraceSegments", "xray:PutTelemetryRecords"], "*")


def function(name: str, *statements: tuple[list[str], Any], **properties: Any) -> Iterator[Made]:
    """A function with role, log group and alarm."""
    yield Made("aws:iam/role:Role", f"{name}-role", {"assumeRolePolicy": trust("lambda.amazonaws.com"), "tags": TAGS})
    yield Made(
        "aws:iam/rolePolicy:RolePolicy",
        f"{name}-policy",
        {"role": Ref(f"{name}-role", "name"), "policy": allow(TRACE, *statements)},
    )
    yield Made(
        "aws:cloudwatch/logGroup:LogGroup",
        f"{name}-log",
        {"name": f"/aws/lambda/shop-{name}", "retentionInDays": 365, "tags": TAGS},
    )
    yield Made(
        "aws:lambda/function:Function",
        name,
        {
            "name": f"shop-{name}",
            "runtime": "python3.13",
            "architectures": ["arm64"],
            "memorySize": 128,
            "timeout": 5,
            "role": Ref(f"{name}-role"),
            "tracingConfig": {"mode": "Active"},
            "loggingConfig": {"logFormat": "JSON", "logGroup": Ref(f"{name}-log", "name")},
            "codeSigningConfigArn": "arn:aws:lambda:eu-central-1:123456789012:code-signing-config:csc-0",
            "environment": {"variables": {"LEVEL": "INFO"}},
            "tags": TAGS,
            **properties,
        },
    )
    yield alarm(f"{name}-errors", "Errors", {"FunctionName": Ref(name, "name")})


RETRY = [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 3, "BackoffRate": 2, "JitterStrategy": "FULL"}]
DEFINITION = Document(
    StartAt="Call",
    States={
        "Call": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": Ref("worker")},
            "ResultSelector": {"id.$": "$.Payload.id"},
            "TimeoutSeconds": 60,
            "Retry": RETRY,
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Dead"}],
            "Next": "Wait",
        },
        "Wait": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "Parameters": {"QueueUrl": Ref("work", "url")},
            "TimeoutSeconds": 3600,
            "Retry": RETRY,
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Dead"}],
            "Next": "Done",
        },
        "Dead": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sqs:sendMessage",
            "Parameters": {"QueueUrl": Ref("work-dlq", "url")},
            "Retry": RETRY,
            "Next": "Failed",
        },
        "Failed": {"Type": "Fail"},
        "Done": {"Type": "Succeed"},
    },
)
API = Document(
    openapi="3.0.1",
    paths={
        "/things/{id}": {
            "get": {
                "security": [{"users": []}],
                "x-amazon-apigateway-request-validator": "all",
                "x-amazon-apigateway-integration": {"type": "aws_proxy", "uri": Ref("reader", "invokeArn")},
            }
        },
        "/things": {
            "post": {
                "security": [{"users": []}],
                "parameters": [{"name": "Idempotency-Key", "in": "header", "required": True}],
                "requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}},
                "x-amazon-apigateway-request-validator": "all",
                "x-amazon-apigateway-integration": {
                    "type": "aws",
                    "uri": "arn:aws:apigateway:eu-central-1:states:action/StartExecution",
                    "requestTemplates": {"application/json": Ref("machine")},
                },
            }
        },
    },
    components={
        "securitySchemes": {
            "users": {
                "type": "apiKey",
                "name": "Authorization",
                "in": "header",
                "x-amazon-apigateway-authtype": "cognito_user_pools",
                "x-amazon-apigateway-authorizer": {"type": "cognito_user_pools", "providerARNs": ["arn:aws:x"]},
            }
        }
    },
)
API["x-amazon-apigateway-request-validators"] = {
    "all": {"validateRequestBody": True, "validateRequestParameters": True}
}


def compliant() -> dict[str, Made]:
    """A new copy of the stack, by logical name."""
    # Thousands of times in the tests; a deep copy would take four times as long.
    return {name: pickle.loads(made) for name, made in _stack().items()}


@cache
def _stack() -> dict[str, bytes]:
    made = [
        Made("pulumi:pulumi:Stack", "shop-prod", {"url": "https://api.example.com", "tokenArn": "arn:aws:x"}),
        Made("aws:sns/topic:Topic", "topic", {"kmsMasterKeyId": Ref("key", "id"), "tags": TAGS}),
        Made(
            "aws:sns/topicSubscription:TopicSubscription",
            "subscription",
            {"protocol": "sqs", "redrivePolicy": Document(deadLetterTargetArn=Ref("work-dlq"))},
        ),
        Made("aws:kms/key:Key", "key", {"enableKeyRotation": True, "tags": TAGS}),
        *(
            Made(
                "aws:dynamodb/table:Table",
                name,
                {
                    "name": f"shop-{name}",
                    "hashKey": "id",
                    "pointInTimeRecovery": {"enabled": True},
                    "serverSideEncryption": {"enabled": True},
                    "streamEnabled": True,
                    "tags": TAGS,
                    **extra,
                },
            )
            for name, extra in (
                ("orders", {"deletionProtectionEnabled": True}),
                ("records", {"ttl": {"enabled": True, "attributeName": "expiration"}}),
            )
        ),
        *function("reader", reservedConcurrentExecutions=10),
        *function("worker", timeout=50, memorySize=1024),
        *function(
            "consumer",
            (["dynamodb:PutItem"], [Ref("records")]),
            (["sqs:SendMessage"], [Ref("work-dlq")]),
            environment={"variables": {"EDA_IDEMPOTENCY": Document(table=Ref("records", "name"))}},
            reservedConcurrentExecutions=5,
        ),
        *function(
            "per-object",
            (["dynamodb:PutItem"], [Ref("records")]),
            environment={
                "variables": {"LEDGER_TABLE": Ref("records", "name"), "OUTPUT_LOCATION": Ref("data", "id", "/out/")}
            },
        ),
        Made(
            "aws:lambda/eventSourceMapping:EventSourceMapping",
            "consumer-queue",
            {
                "eventSourceArn": Ref("work"),
                "functionName": Ref("consumer"),
                "functionResponseTypes": ["ReportBatchItemFailures"],
                "scalingConfig": {"maximumConcurrency": 5},
                "tags": TAGS,
            },
        ),
        Made(
            "aws:lambda/eventSourceMapping:EventSourceMapping",
            "consumer-stream",
            {
                "eventSourceArn": Ref("orders", "streamArn"),
                "functionName": Ref("consumer"),
                "startingPosition": "LATEST",
                "functionResponseTypes": ["ReportBatchItemFailures"],
                "bisectBatchOnFunctionError": True,
                "maximumRetryAttempts": 5,
                "maximumRecordAgeInSeconds": 3600,
                "destinationConfig": {"onFailure": {"destinationArn": Ref("work-dlq")}},
                "tags": TAGS,
            },
        ),
        Made(
            "aws:lambda/permission:Permission",
            "reader-permission",
            {"function": Ref("reader", "name"), "principal": "apigateway.amazonaws.com", "sourceArn": Ref("api")},
        ),
        Made(
            "aws:lambda/functionUrl:FunctionUrl",
            "worker-url",
            {"functionName": Ref("worker", "name"), "authorizationType": "AWS_IAM"},
        ),
        Made(
            "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
            "attachment",
            {"role": Ref("worker-role", "name"), "policyArn": "arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess"},
        ),
        Made(
            "aws:iam/role:Role", "machine-role", {"assumeRolePolicy": trust("states.amazonaws.com", True), "tags": TAGS}
        ),
        Made(
            "aws:iam/rolePolicy:RolePolicy",
            "machine-policy",
            {"role": Ref("machine-role", "name"), "policy": allow(TRACE, (["lambda:InvokeFunction"], [Ref("worker")]))},
        ),
        Made(
            "aws:cloudwatch/logGroup:LogGroup",
            "machine-log",
            {"name": "/aws/vendedlogs/states/shop", "retentionInDays": 365, "tags": TAGS},
        ),
        Made(
            "aws:sfn/stateMachine:StateMachine",
            "machine",
            {
                "name": "shop-machine",
                "type": "STANDARD",
                "roleArn": Ref("machine-role"),
                "definition": DEFINITION,
                "tracingConfiguration": {"enabled": True},
                "loggingConfiguration": {"level": "ALL", "logDestination": Ref("machine-log", "arn", ":*")},
                "tags": TAGS,
            },
        ),
        alarm("machine-failed", "ExecutionsFailed", {"StateMachineArn": Ref("machine")}),
        Made("aws:apigateway/restApi:RestApi", "api", {"name": "shop-api", "body": API, "tags": TAGS}),
        Made(
            "aws:apigateway/stage:Stage",
            "stage",
            {
                "restApi": Ref("api", "id"),
                "stageName": "v1",
                "xrayTracingEnabled": True,
                "accessLogSettings": {
                    "destinationArn": Ref("machine-log"),
                    "format": '{"id": "$context.requestId"}',
                },
                "tags": TAGS,
            },
        ),
        Made(
            "aws:apigateway/methodSettings:MethodSettings",
            "throttling",
            {
                "restApi": Ref("api", "id"),
                "stageName": Ref("stage", "stageName"),
                "methodPath": "*/*",
                "settings": {"throttlingRateLimit": 100, "throttlingBurstLimit": 50},
            },
        ),
        Made("aws:apigateway/domainName:DomainName", "domain", {"securityPolicy": "TLS_1_2", "tags": TAGS}),
        Made(
            "aws:sqs/queue:Queue",
            "work",
            {
                "name": "shop-work",
                "visibilityTimeoutSeconds": 30,
                "messageRetentionSeconds": 345600,
                "sqsManagedSseEnabled": True,
                "redrivePolicy": Document(deadLetterTargetArn=Ref("work-dlq"), maxReceiveCount=5),
                "tags": TAGS,
            },
        ),
        Made(
            "aws:sqs/queue:Queue",
            "work-dlq",
            {"name": "shop-dead", "messageRetentionSeconds": 1209600, "sqsManagedSseEnabled": True, "tags": TAGS},
        ),
        *(
            Made(
                "aws:sqs/queuePolicy:QueuePolicy",
                f"{name}-policy",
                {"queueUrl": Ref(name, "url"), "policy": tls_only("sqs", name)},
            )
            for name in ("work", "work-dlq")
        ),
        alarm("dead-messages", "ApproximateNumberOfMessagesVisible", {"QueueName": Ref("work-dlq", "name")}),
        Made(
            "aws:pipes/pipe:Pipe",
            "pipe",
            {
                "source": Ref("orders", "streamArn"),
                "target": Ref("stream"),
                "sourceParameters": {
                    "dynamodbStreamParameters": {
                        "startingPosition": "TRIM_HORIZON",
                        "maximumRetryAttempts": 10,
                        "maximumRecordAgeInSeconds": 3600,
                        "deadLetterConfig": {"arn": Ref("work-dlq")},
                    }
                },
                "tags": TAGS,
            },
        ),
        Made(
            "aws:cloudwatch/eventRule:EventRule",
            "objects",
            {
                "name": "shop-objects",
                "eventPattern": Document(
                    {
                        "source": ["aws.s3"],
                        "detail-type": ["Object Created"],
                        "detail": {
                            "bucket": {"name": [Ref("data", "id")]},
                            "object": {"key": [{"prefix": "raw/"}]},
                        },
                    }
                ),
                "tags": TAGS,
            },
        ),
        Made(
            "aws:cloudwatch/eventTarget:EventTarget",
            "objects-target",
            {
                "rule": Ref("objects", "name"),
                "arn": Ref("per-object"),
                "deadLetterConfig": {"arn": Ref("work-dlq")},
            },
        ),
        Made(
            "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
            "per-object-events",
            {
                "functionName": Ref("per-object", "name"),
                "destinationConfig": {"onFailure": {"destination": Ref("work-dlq")}},
            },
        ),
        Made(
            "aws:scheduler/schedule:Schedule",
            "daily",
            {
                "scheduleExpression": "cron(0 3 * * ? *)",
                "scheduleExpressionTimezone": "Europe/Berlin",
                "target": {
                    "arn": "arn:aws:scheduler:::aws-sdk:glue:startJobRun",
                    "deadLetterConfig": {"arn": Ref("work-dlq")},
                },
            },
        ),
        Made("aws:s3/bucket:Bucket", "data", {"bucket": "shop-data", "tags": TAGS}),
        Made(
            "aws:s3/bucketNotification:BucketNotification",
            "data-events",
            {"bucket": Ref("data", "id"), "eventbridge": True},
        ),
        Made(
            "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
            "data-block",
            {
                "bucket": Ref("data", "id"),
                "blockPublicAcls": True,
                "blockPublicPolicy": True,
                "ignorePublicAcls": True,
                "restrictPublicBuckets": True,
            },
        ),
        Made(
            "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
            "data-encryption",
            {
                "bucket": Ref("data", "id"),
                "rules": [
                    {
                        "applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms"},
                        "bucketKeyEnabled": True,
                    }
                ],
            },
        ),
        Made(
            "aws:s3/bucketVersioning:BucketVersioning",
            "data-versioning",
            {"bucket": Ref("data", "id"), "versioningConfiguration": {"status": "Enabled"}},
        ),
        Made(
            "aws:s3/bucketPolicy:BucketPolicy",
            "data-policy",
            {"bucket": Ref("data", "id"), "policy": tls_only("s3", "data")},
        ),
        Made(
            "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
            "data-lifecycle",
            {
                "bucket": Ref("data", "id"),
                "rules": [
                    {
                        "status": "Enabled",
                        "noncurrentVersionExpiration": {"noncurrentDays": 30},
                        "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7},
                    }
                ],
            },
        ),
        Made(
            "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream",
            "stream",
            {
                "name": "shop-stream",
                "destination": "extended_s3",
                "serverSideEncryption": {"enabled": True},
                "extendedS3Configuration": {
                    "bucketArn": Ref("data"),
                    "bufferingInterval": 300,
                    "bufferingSize": 128,
                    "errorOutputPrefix": "errors/!{firehose:error-output-type}/",
                },
                "tags": TAGS,
            },
        ),
        Made(
            "aws:kinesis/stream:Stream",
            "clicks",
            {"encryptionType": "KMS", "kmsKeyId": "alias/aws/kinesis", "tags": TAGS},
        ),
        alarm("stream-freshness", "DeliveryToS3.DataFreshness", {"DeliveryStreamName": Ref("stream", "name")}, 900),
        Made(
            "aws:athena/workgroup:Workgroup",
            "workgroup",
            {
                "configuration": {
                    "enforceWorkgroupConfiguration": True,
                    "bytesScannedCutoffPerQuery": 1_000_000_000,
                    "resultConfiguration": {"encryptionConfiguration": {"encryptionOption": "SSE_S3"}},
                },
                "tags": TAGS,
            },
        ),
        Made(
            "aws:glue/job:Job",
            "job",
            {
                "command": {"name": "pythonshell", "pythonVersion": "3.9"},
                "timeout": 60,
                "securityConfiguration": "shop-security",
                "tags": TAGS,
            },
        ),
        Made(
            "aws:glue/securityConfiguration:SecurityConfiguration",
            "security",
            {
                "encryptionConfiguration": {
                    "cloudwatchEncryption": {"cloudwatchEncryptionMode": "SSE-KMS", "kmsKeyArn": "arn:key"},
                    "jobBookmarksEncryption": {"jobBookmarksEncryptionMode": "CSE-KMS", "kmsKeyArn": "arn:key"},
                    "s3Encryption": {"s3EncryptionMode": "SSE-S3"},
                }
            },
        ),
        Made("aws:redshift/cluster:Cluster", "cluster", {"encrypted": True, "publiclyAccessible": False, "tags": TAGS}),
        Made(
            "aws:redshiftserverless/workgroup:Workgroup",
            "warehouse",
            {
                "publiclyAccessible": False,
                "configParameters": [{"parameterKey": "require_ssl", "parameterValue": "true"}],
                "tags": TAGS,
            },
        ),
        Made("aws:apigateway/apiKey:ApiKey", "api-key", {"value": "key-value-of-a-client", "tags": TAGS}),
        Made(
            "aws:cloudwatch/queryDefinition:QueryDefinition",
            "by-correlation",
            {
                "logGroupNames": [
                    Ref(f"{name}-log", "name") for name in ("reader", "worker", "consumer", "per-object", "machine")
                ]
            },
        ),
        Made(
            "aws:cloudwatch/dashboard:Dashboard",
            "dashboard",
            {
                "dashboardBody": Document(
                    widgets=[
                        {"metrics": [["AWS", "x", "Name", Ref(name, "name")]]}
                        for name in ("reader", "worker", "consumer", "per-object", "stream", "work-dlq")
                    ]
                    + [{"metrics": [["AWS/States", "x", "StateMachineArn", Ref("machine")]]}]
                )
            },
        ),
    ]
    return {found.name: pickle.dumps(found) for found in made}


def broken(name: str, path: str, value: Any) -> dict[str, Made]:
    """The stack with one property of one resource set, or removed; in documents too (``~`` is a slash in a key)."""
    stack = compliant()
    holder: Any = stack[name].properties
    *parents, last = (part.replace("~", "/") for part in path.split("/"))
    for part in parents:
        holder = holder[int(part)] if isinstance(holder, list) else holder.setdefault(part, {})
    if value is REMOVED:
        del holder[last]
    elif isinstance(holder, list):
        holder[int(last)] = value
    else:
        holder[last] = value
    return stack


def urn(made: Made) -> str:
    return f"urn:pulumi:prod::shop::{made.type}::{made.name}"


def outputs(made: Made) -> dict[str, Any]:
    """What the provider computes."""
    if not made.type.startswith("aws:"):
        return {}
    service = made.type.split(":")[1].split("/")[0]
    kind = made.type.rpartition(":")[2].lower()
    named = [_revealed(made.properties.get(key)) for key in ("name", "bucket")]
    physical = next((name for name in named if isinstance(name, str)), f"shop-{made.name}")
    arn = f"arn:aws:{service}:eu-central-1:123456789012:{kind}/{physical}"
    return {
        "arn": arn,
        "id": f"https://sqs.eu-central-1.amazonaws.com/123456789012/{physical}" if kind == "queue" else physical,
        "url": f"https://{service}.eu-central-1.amazonaws.com/123456789012/{physical}",
        "name": physical,
        "invokeArn": f"arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/{arn}/invocations",
        "streamArn": f"{arn}/stream/2026-01-01T00:00:00.000",
        "stageName": "v1",
    }


def _revealed(value: Any) -> Any:
    return value["value"] if isinstance(value, dict) and "value" in value else value


def _known(value: Any, stack: Mapping[str, Made]) -> Any:
    if isinstance(value, Ref):
        found = outputs(stack[value.name])[value.output]
        if value.suffix == ":objects":
            return f"{found}/*"
        return f"s3://{found}{value.suffix}" if value.suffix.startswith("/") else found + value.suffix
    if isinstance(value, Document):
        return json.dumps(_known(dict(value), stack))
    if isinstance(value, Mapping):
        return {key: _known(item, stack) for key, item in value.items()}
    return [_known(item, stack) for item in value] if isinstance(value, list) else value


def _previewed(value: Any) -> Any:
    if isinstance(value, Ref):
        return UNKNOWN
    if isinstance(value, Document):
        return UNKNOWN if list(_refs(value)) else json.dumps(value)
    if isinstance(value, Mapping):
        return {key: _previewed(item) for key, item in value.items()}
    return [_previewed(item) for item in value] if isinstance(value, list) else value


def _refs(value: Any) -> Iterator[Ref]:
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _refs(item)
    elif isinstance(value, list):
        for item in value:
            yield from _refs(item)


def pair(made: Made, stack: Mapping[str, Made], preview: bool = False) -> tuple[Resource, Resource]:
    """A resource with its inputs, as Analyze sees it, and with its outputs, as AnalyzeStack does."""
    given = _previewed(made.properties) if preview else _known(made.properties, stack)
    depends = {
        key: [urn(stack[ref.name]) for ref in _refs(value)]
        for key, value in made.properties.items()
        if list(_refs(value))
    }
    computed = dict.fromkeys(outputs(made), UNKNOWN) if preview else outputs(made)
    inputs = Resource(made.type, made.name, urn(made), of_properties(given))
    return inputs, Resource(made.type, made.name, urn(made), of_properties({**computed, **given}), depends)


@cache
def _untouched() -> dict[str, tuple[bytes, Made]]:
    return {name: (pickle.dumps(made), made) for name, made in compliant().items()}


@cache
def _shared(name: str, preview: bool) -> tuple[Resource, Resource]:
    stack = {name: made for name, (_, made) in _untouched().items()}
    return pair(stack[name], stack, preview)


def touched(stack: Mapping[str, Made]) -> set[str]:
    """What is not as in the compliant stack, to the type of each value; all, where a name that others use is not."""
    known = _untouched()
    found = {name for name, made in stack.items() if name not in known or pickle.dumps(made) != known[name][0]}
    moved = stack.keys() != known.keys() or any(outputs(stack[name]) != outputs(known[name][1]) for name in found)
    return set(stack) if moved else found


@cache
def _checker(environment: str, config: str, today: datetime.date) -> Checker:
    found = settings(RULES, json.loads(config), environment)
    return Checker(RULES, type(found)(found.environment, found.options, found.levels, found.exemptions, today))


@cache
def _found_of(name: str, preview: bool, checker: Checker) -> list[Violation]:
    """What rules over single resources find in one that is as in the compliant stack."""
    return list(checker.resource(_shared(name, preview)[0]))


def check(
    stack: Mapping[str, Made],
    preview: bool = False,
    environment: str = "prod",
    config: Mapping[str, Any] | None = None,
    today: datetime.date = TODAY,
) -> list[Violation]:
    """What all rules find; a resource that is as in the compliant stack is made, and looked at alone, once."""
    checker = _checker(environment, json.dumps(config or {}), today)
    changed = touched(stack)
    each, resources = [], []
    for name, made in stack.items():
        inputs, whole = pair(made, stack, preview) if name in changed else _shared(name, preview)
        each.extend(checker.resource(inputs) if name in changed else _found_of(name, preview, checker))
        resources.append(whole)
    return [*each, *checker.stack(Graph(resources))]
