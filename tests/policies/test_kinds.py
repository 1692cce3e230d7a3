"""The same fault written in other ways is reported, and what only looks like one is not."""

import datetime
import json
from typing import Any

import botocore.session
import pytest
from eda_policies import runtimes
from eda_policies.secret_values import is_secret, named_secret
from eda_policies.states_validity import mistakes

from tests.policies.cases import GET, POST, STATES
from tests.policies.factories import REMOVED, Document, Made, Ref, broken, check, compliant

ACCOUNT = "123456789012"
SCHEMES = "body/components/securitySchemes/users"
BEARER = {"type": "http", "scheme": "bearer"}
AUTHORIZER = {"type": "token", "authorizerUri": "arn:aws:apigateway:x"}
KEY = {"type": "apiKey", "name": "x-api-key", "in": "header"}


def reported(stack: dict[str, Made], **arguments: Any) -> set[str]:
    found = check(stack, **arguments)
    return {violation.rule.name for violation in found if "is unknown until the update" not in violation.message}


def beside(*made: Made) -> dict[str, Made]:
    return compliant() | {found.name: found for found in made}


VIOLATING = [
    ("apigw-authorised", "api", SCHEMES, BEARER),
    ("apigw-authorised", "api", SCHEMES, {"type": "oauth2", "flows": {}}),
    ("apigw-authorised", "api", SCHEMES, {**KEY, "name": "Authorization"}),
    (
        "apigw-authorised",
        "api",
        SCHEMES,
        {**KEY, "name": "Authorization", "x-amazon-apigateway-authorizer": AUTHORIZER},
    ),
    ("apigw-authorised", "api", SCHEMES, {**KEY, "in": "query"}),
    ("apigw-authorised", "api", f"{GET}/security", [{"users": []}, {}]),
    ("apigw-request-validation", "api", f"{POST}/requestBody", REMOVED),
    ("apigw-request-validation", "api", f"{POST}/requestBody/content/application~json/schema", {}),
    ("apigw-request-validation", "api", f"{POST}/requestBody/content", {}),
    ("apigw-request-validation", "api", f"{POST}/requestBody", {"$ref": "#/components/requestBodies/nothing"}),
    (
        "athena-workgroup-enforced",
        "workgroup",
        "configuration/resultConfiguration/encryptionConfiguration",
        {"encryptionOption": "SSE_KMS"},
    ),
    ("dlq-alarm", "dead-messages", "metricName", "NumberOfMessagesSent"),
    ("dlq-alarm", "dead-messages", "statistic", "Minimum"),
    ("dlq-alarm", "dead-messages", "statistic", "SampleCount"),
    ("dlq-alarm", "dead-messages", "extendedStatistic", "p50"),
    ("dlq-alarm", "dead-messages", "period", 86400),
    ("dlq-alarm", "dead-messages", "evaluationPeriods", 7 * 24 * 60),
    ("dlq-alarm", "dead-messages", "namespace", "AWS/SNS"),
    ("dlq-alarm", "dead-messages", "comparisonOperator", "LessThanThreshold"),
    ("dlq-alarm", "dead-messages", "threshold", 0),
    ("dlq-alarm", "dead-messages", "actionsEnabled", "false"),
    ("events-rule-specific", "objects", "eventPattern/source", [{"anything-but": "aws.ec2"}]),
    ("events-rule-specific", "objects", "eventPattern/source", [{"prefix": "aws."}]),
    ("events-rule-specific", "objects", "eventPattern/source", [{"wildcard": "**"}]),
    ("events-rule-specific", "objects", "eventPattern", '{"source": ["x"], "detail": {"id": [{"exists": true}]}}'),
    ("firehose-encrypted", "stream", "serverSideEncryption", {"enabled": True, "keyType": "CUSTOMER_MANAGED_CMK"}),
    ("firehose-freshness-alarm", "stream-freshness", "statistic", "Minimum"),
    ("firehose-freshness-alarm", "stream-freshness", "period", 86400),
    ("firehose-freshness-alarm", "stream-freshness", "threshold", 1_000_000),
    ("firehose-freshness-alarm", "stream-freshness", "comparisonOperator", "LessThanThreshold"),
    ("glue-encrypted", "security", "encryptionConfiguration/cloudwatchEncryption/kmsKeyArn", REMOVED),
    ("glue-encrypted", "security", "encryptionConfiguration/s3Encryption", {"s3EncryptionMode": "DISABLED"}),
    ("glue-encrypted", "security", "encryptionConfiguration", {}),
    ("iam-no-admin-managed-policy", "attachment", "policyArn", "arn:aws:iam::aws:policy/AdministratorAccess-Amplify"),
    ("iam-no-admin-managed-policy", "attachment", "policyArn", "arn:aws:iam::aws:policy/AmazonKeyspacesFullAccess-v2"),
    (
        "iam-no-admin-managed-policy",
        "attachment",
        "policyArn",
        "arn:aws:iam::aws:policy/AdministratorAccess-AWSElasticBeanstalk",
    ),
    ("iam-no-wildcard-action", "worker-policy", "policy/Statement/0/Action", ["dynamodb:???Item"]),
    (
        "iam-no-wildcard-action",
        "worker-policy",
        "policy",
        {"Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "arn:x"}]},
    ),
    ("iam-no-wildcard-resource", "consumer-policy", "policy/Statement/1/Resource", ["arn:aws:dynamodb:*:*:table/*"]),
    ("iam-no-wildcard-resource", "consumer-policy", "policy/Statement/1/Resource", ["arn:aws:*"]),
    (
        "iam-trust-scoped",
        "machine-role",
        "assumeRolePolicy/Statement/0/Condition",
        {"StringLike": {"aws:SourceAccount": "*"}},
    ),
    (
        "iam-trust-scoped",
        "machine-role",
        "assumeRolePolicy/Statement/0",
        {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"},
    ),
    ("kinesis-encrypted", "clicks", "encryptionType", "NONE"),
    ("lambda-env-no-secret", "reader", "environment/variables/DB_PASS", "hunter22"),
    ("lambda-env-no-secret", "reader", "environment/variables/X_TOKEN", "/hunter22"),
    ("lambda-permission-scoped", "reader-permission", "sourceArn", "*"),
    ("lambda-permission-scoped", "reader-permission", "sourceArn", "arn:aws:*"),
    ("lambda-permission-scoped", "reader-permission", "sourceArn", "arn:aws:events:*:*:rule/*"),
    ("lambda-runtime-supported", "reader", "runtime", "python3.9"),
    ("redshift-encrypted", "cluster", "encrypted", "false"),
    ("s3-encrypted", "data-encryption", "rules", []),
    ("s3-lifecycle", "data-lifecycle", "rules/0/filter", {"prefix": "never/"}),
    ("s3-lifecycle", "data-lifecycle", "rules/0/filter", {"and": {"tags": {"x": "y"}}}),
    ("sfn-definition-valid", "machine", f"{STATES}/Call/Catch/0/ErrorEquals", ["Never.Raised"]),
    (
        "sfn-definition-valid",
        "machine",
        f"{STATES}/Call/Retry/0/ErrorEquals",
        ["DynamoDB.ConditionalCheckFailedException"],
    ),
]
COMPLIANT = [
    ("apigw-authorised", "api", SCHEMES, {**KEY, "x-amazon-apigateway-authtype": "awsSigv4"}),
    ("apigw-authorised", "api", SCHEMES, KEY),
    ("apigw-authorised", "api", f"{GET}/x-amazon-apigateway-auth", {"type": "AWS_IAM"}),
    ("apigw-throttled", "throttling", "stageName", "v1"),
    (
        "athena-workgroup-enforced",
        "workgroup",
        "configuration",
        {"bytesScannedCutoffPerQuery": 10**9, "managedQueryResultsConfiguration": {"enabled": True}},
    ),
    ("dlq-alarm", "dead-messages", "statistic", "Sum"),
    ("dlq-alarm", "dead-messages", "threshold", "1"),
    ("dlq-alarm", "dead-messages", "namespace", "AWS/SQS"),
    ("dlq-alarm", "dead-messages", "period", 300),
    ("events-rule-specific", "objects", "eventPattern/source", [{"prefix": "shop."}]),
    ("iam-no-admin-managed-policy", "attachment", "policyArn", "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"),
    ("iam-no-admin-managed-policy", "attachment", "policyArn", f"arn:aws:iam::{ACCOUNT}:policy/OrdersFullAccess"),
    ("lambda-memory-bounds", "worker", "memorySize", "1024"),
    ("lambda-permission-scoped", "reader-permission", "sourceArn", f"arn:aws:execute-api:*:{ACCOUNT}:a1b2/*"),
    *(("lambda-runtime-supported", "reader", "runtime", name) for name in ("python3.11", "java11", "ruby4.0")),
    ("lambda-runtime-supported", "reader", "runtime", "java8.al2"),
    ("redshift-encrypted", "cluster", "encrypted", "true"),
    ("redshift-encrypted", "cluster", "encrypted", REMOVED),
    ("s3-lifecycle", "data-lifecycle", "rules/0/filter", {"prefix": ""}),
    ("sqs-tls-only", "work-policy", "policy/Statement/0/Condition/Bool/aws:SecureTransport", False),
    ("s3-tls-only", "data-policy", "policy/Statement/0/Condition/Bool/aws:SecureTransport", False),
    ("sqs-encrypted", "work", "sqsManagedSseEnabled", "true"),
]


def label(case: Any) -> str:
    value = json.dumps(case[3], default=lambda _removed: "removed")
    return f"{case[0]}-{case[1]}-{case[2]}-{value}"[:110]


@pytest.mark.parametrize("case", VIOLATING, ids=label)
def test_a_fault_is_reported_however_it_is_written(case: tuple[str, str, str, Any]) -> None:
    rule, name, path, value = case
    assert rule in reported(broken(name, path, value), today=datetime.date(2026, 11, 30))


@pytest.mark.parametrize("case", COMPLIANT, ids=label)
def test_what_is_right_is_not_reported(case: tuple[str, str, str, Any]) -> None:
    rule, name, path, value = case
    assert rule not in reported(broken(name, path, value))


VIOLATING_TOO = [
    ("sqs-dead-letter", "work", "redrivePolicy/deadLetterTargetArn", REMOVED),
    ("dlq-alarm", "dead-messages", "alarmActions", [""]),
    ("iam-trust-scoped", "worker-role", "assumeRolePolicy/Statement/0/Principal", {"Service": "*"}),
    ("sfn-definition-valid", "machine", f"{STATES}/Call/Catch/0/ResultPath", "error"),
    ("analytics-no-loop", "objects", "eventPattern/detail/bucket", REMOVED),
    ("analytics-no-loop", "objects", "eventPattern/detail", REMOVED),
]


@pytest.mark.parametrize("case", VIOLATING_TOO, ids=label)
def test_what_names_nothing_is_no_name(case: tuple[str, str, str, Any]) -> None:
    rule, name, path, value = case
    assert rule in reported(broken(name, path, value))


def permission(**properties: Any) -> Made:
    return Made("aws:lambda/permission:Permission", "more", {"function": "x", **properties})


@pytest.mark.parametrize(
    ("properties", "open_"),
    [
        ({"principal": "s3.amazonaws.com", "sourceArn": "arn:aws:s3:::shop"}, True),
        ({"principal": "s3.amazonaws.com", "sourceArn": "arn:aws:s3:::shop", "sourceAccount": ACCOUNT}, False),
        ({"principal": "events.amazonaws.com.cn"}, True),
        ({"principal": "*"}, True),
        ({"principal": "*", "principalOrgId": "o-1234567890"}, False),
        ({"principal": ACCOUNT}, False),
        ({"principal": "events.amazonaws.com", "sourceArn": f"arn:aws:events:eu-central-1:{ACCOUNT}:rule/x"}, False),
    ],
)
def test_a_permission_names_whose_source_it_is(properties: dict[str, str], open_: bool) -> None:
    assert ("lambda-permission-scoped" in reported(beside(permission(**properties)))) is open_


def public(type: str, **properties: Any) -> Made:
    return Made(type, "open", properties)


EVERYBODY = Document(Statement={"Effect": "Allow", "Principal": "*", "Action": "x:Y", "Resource": "*"})
FOR_EVERY_BUCKET = Document(
    Statement={
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": "*",
    }
)
FOR_A_BUCKET = Document(
    Statement={**FOR_EVERY_BUCKET["Statement"], "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}}}
)


@pytest.mark.parametrize(
    ("made", "open_"),
    [
        (public("aws:sqs/queuePolicy:QueuePolicy", policy=EVERYBODY), True),
        (public("aws:sqs/queue:Queue", policy=EVERYBODY), True),
        (public("aws:sns/topicPolicy:TopicPolicy", policy=EVERYBODY), True),
        (public("aws:s3/bucketPolicy:BucketPolicy", policy=EVERYBODY), True),
        (public("aws:s3/bucketV2:BucketV2", policy=EVERYBODY), True),
        (public("aws:kms/keyPolicy:KeyPolicy", policy=EVERYBODY), True),
        (public("aws:dynamodb/resourcePolicy:ResourcePolicy", policy=EVERYBODY), True),
        (public("aws:cloudwatch/eventBusPolicy:EventBusPolicy", policy=EVERYBODY), True),
        (public("aws:secretsmanager/secretPolicy:SecretPolicy", policy=EVERYBODY), True),
        (public("aws:lambda/layerVersionPermission:LayerVersionPermission", principal="*"), True),
        (
            public("aws:lambda/layerVersionPermission:LayerVersionPermission", principal="*", organizationId="o-1"),
            False,
        ),
        (public("aws:lambda/layerVersionPermission:LayerVersionPermission", principal=ACCOUNT), False),
        (public("aws:cloudwatch/eventPermission:EventPermission", principal="*"), True),
        (public("aws:sqs/queuePolicy:QueuePolicy", policy=FOR_EVERY_BUCKET), True),
        (public("aws:sqs/queuePolicy:QueuePolicy", policy=FOR_A_BUCKET), False),
    ],
)
def test_a_policy_that_lets_everybody_in_is_reported(made: Made, open_: bool) -> None:
    assert ("iam-no-public-policy" in reported(beside(made))) is open_


def queue(name: str) -> Made:
    return Made("aws:sqs/queue:Queue", name, {"name": f"shop-{name}", "messageRetentionSeconds": 1209600})


LEFT = Ref("leftovers")


@pytest.mark.parametrize(
    "holder",
    [
        Made("aws:scheduler/schedule:Schedule", "holder", {"target": {"arn": "x", "deadLetterConfig": {"arn": LEFT}}}),
        Made("aws:cloudwatch/eventBus:EventBus", "holder", {"deadLetterConfig": {"arn": LEFT}}),
        Made(
            "aws:pipes/pipe:Pipe",
            "holder",
            {"sourceParameters": {"kinesisStreamParameters": {"deadLetterConfig": {"arn": LEFT}}}},
        ),
    ],
    ids=lambda holder: str(holder.type),
)
def test_a_queue_for_what_failed_is_known_by_what_sends_there(holder: Made) -> None:
    found = {v.rule.name for v in check(beside(queue("leftovers"), holder)) if v.urn.endswith("::leftovers")}
    assert "sqs-dead-letter" not in found
    assert {"dlq-alarm", "observability-complete"} <= found


def test_a_queue_for_what_succeeded_or_that_a_schedule_fills_is_none_for_what_failed() -> None:
    config = Made(
        "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
        "config",
        {"functionName": "x", "destinationConfig": {"onSuccess": {"destination": Ref("done")}}},
    )
    daily = Made("aws:scheduler/schedule:Schedule", "fills", {"target": {"arn": Ref("done")}})
    found = {v.rule.name for v in check(beside(queue("done"), config, daily)) if v.urn.endswith("::done")}
    assert "sqs-dead-letter" in found
    assert "dlq-alarm" not in found


def mapping(**properties: Any) -> Made:
    return Made("aws:lambda/eventSourceMapping:EventSourceMapping", "more", {"functionName": "x", **properties})


@pytest.mark.parametrize(
    ("properties", "rules"),
    [
        ({"eventSourceArn": "arn:aws:kafka:x:1:cluster/x", "topics": ["t"], "startingPosition": "LATEST"}, set()),
        ({"selfManagedEventSource": {"endpoints": {}}, "topics": ["t"], "startingPosition": "LATEST"}, set()),
        ({"documentDbEventSourceConfig": {"databaseName": "x"}, "startingPosition": "LATEST"}, set()),
        ({"eventSourceArn": "arn:aws:mq:x:1:broker:x", "queues": ["q"]}, set()),
        ({"eventSourceArn": f"arn:aws:sqs:x:{ACCOUNT}:q"}, {"esm-partial-batch"}),
        (
            {"eventSourceArn": f"arn:aws:kinesis:x:{ACCOUNT}:stream/s", "startingPosition": "LATEST"},
            {"esm-partial-batch", "esm-stream-bounded"},
        ),
    ],
)
def test_a_mapping_is_asked_by_the_kind_of_its_source(properties: dict[str, Any], rules: set[str]) -> None:
    found = reported(beside(mapping(**properties)))
    assert found & {"esm-partial-batch", "esm-stream-bounded"} == rules


@pytest.mark.parametrize(("limit", "rules"), [(3, set()), (4, {"lambda-queue-concurrency"})])
def test_the_queues_of_a_function_share_its_instances(limit: int, rules: set[str]) -> None:
    other = {"eventSourceArn": Ref("done"), "functionName": Ref("consumer"), "scalingConfig": {"maximumConcurrency": 2}}
    stack = beside(queue("done"), mapping(**other))
    stack["consumer-queue"].properties["scalingConfig"] = {"maximumConcurrency": limit}
    assert reported(stack) & {"lambda-queue-concurrency"} == rules


WORKER = Ref("worker")


@pytest.mark.parametrize(
    ("caller", "keeps"),
    [
        (Made("aws:iot/topicRule:TopicRule", "caller", {"lambdas": [{"functionArn": WORKER}]}), True),
        (
            Made("aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter", "caller", {"destinationArn": WORKER}),
            True,
        ),
        (Made("aws:ses/receiptRule:ReceiptRule", "caller", {"lambdaActions": [{"functionArn": WORKER}]}), True),
        (Made("aws:pipes/pipe:Pipe", "caller", {"source": "arn:x", "target": WORKER}), False),
        (
            Made(
                "aws:pipes/pipe:Pipe",
                "caller",
                {
                    "source": "arn:x",
                    "target": WORKER,
                    "targetParameters": {"lambdaFunctionParameters": {"invocationType": "FIRE_AND_FORGET"}},
                },
            ),
            True,
        ),
    ],
    ids=lambda value: value.type if isinstance(value, Made) else str(value),
)
def test_a_caller_that_tries_again_asks_for_idempotency_and_one_that_does_not_wait_for_a_destination(
    caller: Made, keeps: bool
) -> None:
    found = {v.rule.name for v in check(beside(caller)) if v.urn.endswith("::worker")}
    assert "lambda-idempotent-consumer" in found
    assert ("lambda-async-failure-destination" in found) is keeps


def http_api(**properties: Any) -> Made:
    return Made("aws:apigatewayv2/api:Api", "http", {"protocolType": "HTTP", **properties})


def route(key: str, **properties: Any) -> Made:
    return Made("aws:apigatewayv2/route:Route", "way", {"apiId": Ref("http", "id"), "routeKey": key, **properties})


OPEN_BODY = {"openapi": "3.0.1", "paths": {"/x": {"get": {}}}}
JWT = {"type": "oauth2", "x-amazon-apigateway-authorizer": {"type": "jwt"}}
CLOSED_BODY = {
    **OPEN_BODY,
    "security": [{"jwt": []}],
    "components": {"securitySchemes": {"jwt": JWT}},
}
YAML = """
openapi: 3.0.1
paths:
  /x:
    get:
      summary: open
"""


@pytest.mark.parametrize(
    ("made", "open_"),
    [
        ((http_api(body=Document(OPEN_BODY)),), True),
        ((http_api(body=YAML),), True),
        ((http_api(body=Document(CLOSED_BODY)),), False),
        ((http_api(target=Ref("worker")),), True),
        ((http_api(), route("GET /x")), True),
        ((http_api(), route("$default")), True),
        ((http_api(), route("GET /x", authorizationType="JWT")), False),
        ((http_api(protocolType="WEBSOCKET"), route("$connect")), True),
        ((http_api(protocolType="WEBSOCKET"), route("$connect", authorizationType="CUSTOM")), False),
        *(((http_api(protocolType="WEBSOCKET"), route(key)), False) for key in ("$default", "$disconnect", "send")),
    ],
)
def test_routes_of_http_and_websocket_apis_are_seen_where_they_are_open(made: Any, open_: bool) -> None:
    assert ("apigw-authorised" in reported(beside(*made))) is open_


def test_a_function_that_authorises_is_reached_by_everybody() -> None:
    authorizer = {"type": "token", "authorizerUri": Ref("worker", "invokeArn")}
    scheme = {**KEY, "name": "Authorization", "x-amazon-apigateway-authtype": "custom"}
    found = reported(broken("api", SCHEMES, {**scheme, "x-amazon-apigateway-authorizer": authorizer}))
    assert found == {"lambda-timeout-under-caller", "lambda-reserved-concurrency"}


def settings(path: str, **values: Any) -> Made:
    return Made(
        "aws:apigateway/methodSettings:MethodSettings",
        "more",
        {"restApi": Ref("api", "id"), "stageName": Ref("stage", "stageName"), "methodPath": path, "settings": values},
    )


@pytest.mark.parametrize(
    ("values", "open_"),
    [
        ({"throttlingRateLimit": -1, "throttlingBurstLimit": -1}, True),
        ({"throttlingRateLimit": 5, "throttlingBurstLimit": 5}, False),
    ],
)
def test_one_route_may_not_be_lifted_out_of_the_throttling(values: Any, open_: bool) -> None:
    assert ("apigw-throttled" in reported(beside(settings("things/GET", **values)))) is open_


def test_a_function_that_has_no_name_yet_is_not_said_to_be_called_none() -> None:
    stack = broken("reader", "loggingConfig", REMOVED)
    stack["reader"].properties.pop("name", None)
    (said,) = [v.message for v in check(stack, preview=True) if v.rule.name == "lambda-own-log-group"]
    assert "'/aws/lambda/<its name>' by default" in said


VALIDATOR = "aws:apigateway/requestValidator:RequestValidator"


@pytest.mark.parametrize(("flags", "useless"), [({}, True), ({"validateRequestBody": "true"}, False)])
def test_a_validator_that_validates_nothing_is_reported(flags: dict[str, str], useless: bool) -> None:
    assert ("apigw-request-validation" in reported(beside(Made(VALIDATOR, "v", flags)))) is useless


def exclusive(*arns: str) -> Made:
    type = "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive"
    return Made(type, "all", {"roleName": "x", "policyArns": list(arns)})


def test_full_access_is_seen_among_all_attachments() -> None:
    assert "iam-no-admin-managed-policy" in reported(beside(exclusive("arn:aws:iam::aws:policy/AmazonSQSFullAccess")))
    assert "iam-no-admin-managed-policy" not in reported(beside(exclusive("arn:aws:iam::aws:policy/ReadOnlyAccess")))


@pytest.mark.parametrize(
    "name",
    [
        *("DB_PASS", "PASSWORD_DB", "dbPassword", "SECRET_KEY", "PASSPHRASE", "API_KEY", "apiKey", "STRIPE_SECRET"),
        *("GITHUB_TOKEN", "clientSecret", "AWS_SECRET_ACCESS_KEY", "PRIVATE_KEY_PEM", "dbPwd", "Credentials"),
        *("MASTER_KEY", "WEBHOOK_SIGNING_KEY", "authToken", "DB_PW"),
    ],
)
def test_a_name_is_a_secrets_in_whatever_way_its_words_are_put_together(name: str) -> None:
    assert named_secret(name)
    assert is_secret(name, "correct-horse")
    assert is_secret(name, "/correct-horse")
    assert not is_secret(name, "arn:aws:secretsmanager:eu-central-1:123456789012:secret:x")


@pytest.mark.parametrize(
    "name",
    [
        *("SECRET_ARN", "PASSWORD_PARAMETER", "TOKEN_TTL", "TOKEN_TTL_SECONDS", "SECRET_NAME", "KEY_PREFIX", "BYPASS"),
        *("PARTITION_KEY", "SORT_KEY", "COMPASS", "CACHE_KEY", "TOKENS_TABLE", "passThrough", "MONKEY", "SECRET_ID"),
    ],
)
def test_a_name_of_something_about_a_secret_is_none(name: str) -> None:
    assert not named_secret(name)


@pytest.mark.parametrize(
    "value",
    [
        "xoxb-" + "1" * 12,
        "sk_live_" + "a1" * 8,
        "AIza" + "b" * 35,
        "github_pat_" + "c" * 30,
        "glpat-" + "d" * 20,
        "npm_" + "e" * 36,
        "ghp_" + "f" * 36,
        "AKIA" + "G" * 16,
        "-----BEGIN RSA PRIVATE KEY-----",
        "postgres://shop:hunter2@db:5432/orders",
        "redis://:hunter2@cache:6379",
        "Server=db;Password=hunter22;",
    ],
)
def test_a_providers_key_is_a_secret_under_any_name(value: str) -> None:
    assert is_secret("LEVEL", value)


@pytest.mark.parametrize(
    ("exported", "secret"),
    [
        ({"db": {"password": "hunter22"}}, True),
        ({"list": ["key-value-of-a-client"]}, True),
        ({"header": "x-api-key: key-value-of-a-client"}, True),
        ({"db": {"url": "postgres://shop:hunter2@db/orders"}}, True),
        ({"db": {"passwordArn": "arn:aws:x", "port": 5432}}, False),
        ({"table": {"name": "shop-orders", "keys": ["id"]}}, False),
    ],
)
def test_an_export_is_read_at_any_depth(exported: Any, secret: bool) -> None:
    stack = compliant()
    stack["shop-prod"].properties.update(exported)
    assert ("secrets-not-exported" in reported(stack)) is secret


TASK = {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "End": True}
CHOICE = {"Type": "Choice", "Choices": [{"Variable": "$.x", "IsPresent": True, "Next": "B"}], "Default": "B"}
MAP = {"Type": "Map", "ItemProcessor": {"StartAt": "I", "States": {"I": {"Type": "Pass", "End": True}}}, "End": True}


def machine(state: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "StartAt": "A",
        "States": {"A": state, **({"B": {"Type": "Succeed"}} if '"B"' in json.dumps(state) else {})},
        **more,
    }


REFUSED = {
    "a misspelt field": machine({**TASK, "TimeoutSecond": 5}),
    "a misspelt field of the machine": machine(TASK, Timeout=5),
    "a choice without a comparison": machine({"Type": "Choice", "Choices": [{"Variable": "$.x", "Next": "B"}]}),
    "a choice with two": machine({**CHOICE, "Choices": [{**CHOICE["Choices"][0], "IsNull": True}]}),  # type: ignore[dict-item]
    "a choice without a variable": machine({"Type": "Choice", "Choices": [{"IsNull": True, "Next": "B"}]}),
    "no choices": machine({"Type": "Choice", "Choices": [], "Default": "B"}),
    "a choice that goes on": machine({**CHOICE, "Next": "B"}),
    "no duration": machine({"Type": "Wait", "End": True}),
    "two durations": machine({"Type": "Wait", "Seconds": 1, "SecondsPath": "$.x", "End": True}),
    "a map without a processor": machine({"Type": "Map", "End": True}),
    "a parallel without branches": machine({"Type": "Parallel", "Branches": [], "End": True}),
    "Next and End": machine({**TASK, "Next": "B"}),
    "neither": machine({"Type": "Pass"}),
    "no path": machine({"Type": "Pass", "InputPath": "x", "End": True}),
    "a result at a filter": machine({**TASK, "ResultPath": "$.x[?(@.y)]"}),
    "a payload without a path": machine({**TASK, "Parameters": {"x.$": "y"}}),
    "an intrinsic that there is not": machine({**TASK, "Parameters": {"x.$": "States.Now()"}}),
    "a long name": {"StartAt": "x" * 81, "States": {"x" * 81: TASK}},
    "no ARN": machine({**TASK, "Resource": "sqs:sendMessage"}),
    "a heartbeat as long as the timeout": machine({**TASK, "TimeoutSeconds": 5, "HeartbeatSeconds": 5}),
    "no time": machine({**TASK, "TimeoutSeconds": 0}),
    "a backoff below 1": machine({**TASK, "Retry": [{"ErrorEquals": ["States.ALL"], "BackoffRate": 0.5}]}),
    "no errors": machine({**TASK, "Retry": [{"ErrorEquals": []}]}),
    "an error of States that there is not": machine({**TASK, "Retry": [{"ErrorEquals": ["States.Failed"]}]}),
    "States.ALL beside others": machine({**TASK, "Retry": [{"ErrorEquals": ["States.ALL", "x"]}]}),
    "a catcher that leads nowhere": machine({**TASK, "Catch": [{"ErrorEquals": ["States.ALL"]}]}),
    "a fail that goes on": machine({"Type": "Fail", "End": True}),
    "inside a branch": machine({"Type": "Parallel", "Branches": [machine({"Type": "Wait", "End": True})], "End": True}),
    "a mode that there is not": machine(
        {**MAP, "ItemProcessor": {**MAP["ItemProcessor"], "ProcessorConfig": {"Mode": "X"}}}
    ),  # type: ignore[dict-item]
    "JSONPath in JSONata": machine({**TASK, "Parameters": {}}, QueryLanguage="JSONata"),
}
TAKEN = {
    "a task": machine({**TASK, "Parameters": {"x.$": "States.Format('{}', $.y)", "z.$": "$$.Execution.Id"}}),
    "a choice": machine(CHOICE),
    "a choice of choices": machine(
        {**CHOICE, "Choices": [{"And": [{"Variable": "$.x", "IsNull": True}], "Next": "B"}]}
    ),
    "a retry of a status": machine({**TASK, "Retry": [{"ErrorEquals": ["States.Http.StatusCode.429"]}]}),
    "a wait": machine({"Type": "Wait", "SecondsPath": "$.x", "End": True}),
    "a map": machine(MAP),
    "no result": machine({**TASK, "ResultPath": None}),
    "JSONata": machine(
        {**TASK, "Arguments": {"x": "{% $states.input %}"}, "Output": "{% $x %}"}, QueryLanguage="JSONata"
    ),
    "a wait in JSONata": machine({"Type": "Wait", "Seconds": "{% $x %}", "End": True, "QueryLanguage": "JSONata"}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_definition_that_step_functions_refuses(name: str) -> None:
    assert list(mistakes(REFUSED[name]))


@pytest.mark.parametrize("name", TAKEN)
def test_a_definition_that_step_functions_takes(name: str) -> None:
    assert list(mistakes(TAKEN[name])) == []


def test_items_that_wait_are_no_express_executions() -> None:
    stack = compliant()
    states = stack["machine"].properties["definition"]["States"]
    inner = {"StartAt": "Wait", "States": {"Wait": {**states["Wait"], "Next": None, "End": True}}}
    config = {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}
    states["Wait"] = {"Type": "Map", "ItemProcessor": {**inner, "ProcessorConfig": config}, "Next": "Done"}
    assert "sfn-callback-standard" in reported(stack)
    config["ExecutionType"] = "STANDARD"
    assert "sfn-callback-standard" not in reported(stack)


def test_every_runtime_of_lambdas_api_is_in_the_table() -> None:
    model = botocore.session.get_session().get_service_model("lambda")
    assert set(model.shape_for("Runtime").enum) == set(runtimes.DEPRECATED)


def test_a_runtime_is_refused_from_the_day_on_that_nobody_patches_it() -> None:
    last = runtimes.DEPRECATED["python3.13"]
    assert last is not None
    rules = [
        reported(compliant(), today=day) & {"lambda-runtime-supported"} for day in (last - datetime.timedelta(1), last)
    ]
    assert rules == [set(), {"lambda-runtime-supported"}]
    [found, *_] = [v for v in check(compliant(), today=last) if v.rule.name == "lambda-runtime-supported"]
    assert f"deprecated on {last}" in found.message
