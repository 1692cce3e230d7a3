"""For each rule, properties of the compliant stack that break it, one at a time."""

from dataclasses import dataclass
from typing import Any

from tests.policies.factories import REMOVED, Ref

WILD = {"Effect": "Allow", "Action": ["s3:Get*"], "Resource": ["arn:aws:s3:::shop-data/*"]}
EVERYTHING = '{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:::shop-data"}}'
ANY_SOURCE = '{"source": [{"prefix": ""}], "detail-type": ["x"]}'
PUBLIC_KEY = '{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "kms:*"}}'
PUBLIC = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}
WIDE = {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "*"}


@dataclass(frozen=True)
class Case:
    """A property that is broken.

    Attributes:
        rule: the rule that reports it.
        name: the resource whose property it is.
        path: the property, with slashes.
        value: what it is set to.
        also: other rules that report it, rightly.
        preview: what the rule does when outputs are unknown. ``violation``: it reports it as well. ``unknown``: it says
            that the property is unknown. ``link``: it decides by the link, which is known; the rest is in a document
            that is not.
    """

    rule: str
    name: str
    path: str
    value: Any = REMOVED
    also: tuple[str, ...] = ()
    preview: str = "violation"

    def __str__(self) -> str:
        return f"{self.rule}-{self.name}-{self.path}-{'removed' if self.value is REMOVED else self.value}"[:100]


UNKNOWN_DOCUMENT = "unknown"
STATES = "definition/States"
OPERATIONS = "body/paths"
GET, POST = f"{OPERATIONS}/~things~{{id}}/get", f"{OPERATIONS}/~things/post"
CASES = [
    Case("lambda-function-budget", "reader", "memorySize", 256),
    Case("lambda-function-budget", "reader", "timeout", 6),
    Case("lambda-function-budget", "reader", "reservedConcurrentExecutions", REMOVED, ("lambda-reserved-concurrency",)),
    Case("lambda-memory-bounds", "worker", "memorySize", 10240),
    Case("lambda-memory-bounds", "worker", "memorySize", 64),
    Case("lambda-timeout-bounds", "consumer", "timeout", 900, ("lambda-timeout-under-caller",)),
    Case("lambda-timeout-bounds", "per-object", "timeout", 301),
    Case("lambda-timeout-under-caller", "consumer", "timeout", 6),
    Case("lambda-timeout-under-caller", "work", "visibilityTimeoutSeconds", 29),
    Case("lambda-timeout-under-caller", "worker", "timeout", 61, preview="link"),
    Case("lambda-timeout-under-caller", "reader", "timeout", 29, ("lambda-function-budget",)),
    Case("lambda-tracing-active", "reader", "tracingConfig/mode", "PassThrough"),
    Case("lambda-tracing-active", "reader", "tracingConfig"),
    Case("tracing-permissions", "reader-policy", "policy/Statement/0/Action", ["xray:PutTelemetryRecords"]),
    Case(
        "tracing-permissions",
        "machine-policy",
        "policy/Statement/0/Action",
        ["xray:GetSamplingRules"],
        preview=UNKNOWN_DOCUMENT,
    ),
    Case("lambda-runtime-supported", "reader", "runtime", "python3.8"),
    Case("lambda-arm64", "reader", "architectures", ["x86_64"]),
    Case("lambda-arm64", "reader", "architectures"),
    Case(
        "lambda-reserved-concurrency",
        "reader",
        "reservedConcurrentExecutions",
        -1,
        ("lambda-function-budget",),
        UNKNOWN_DOCUMENT,
    ),
    Case("lambda-async-failure-destination", "per-object-events", "destinationConfig"),
    Case("lambda-own-log-group", "reader", "loggingConfig/logGroup", Ref("worker-log", "name")),
    Case("lambda-own-log-group", "reader", "loggingConfig/logGroup", "/shared/log"),
    Case("lambda-own-role", "reader", "role", Ref("worker-role")),
    Case("lambda-idempotent-consumer", "consumer", "environment/variables", {}),
    Case(
        "lambda-idempotent-consumer",
        "consumer-policy",
        "policy/Statement/1/Action",
        ["dynamodb:GetItem"],
        preview=UNKNOWN_DOCUMENT,
    ),
    Case("lambda-permission-scoped", "reader-permission", "sourceArn"),
    Case("lambda-url-authorised", "worker-url", "authorizationType", "NONE", ("lambda-reserved-concurrency",)),
    Case("lambda-env-no-secret", "reader", "environment/variables/DB_PASSWORD", "hunter2"),
    Case("lambda-env-no-secret", "reader", "environment/variables/LEVEL", "AKIAIOSFODNN7EXAMPLE"),
    Case("lambda-code-signing", "reader", "codeSigningConfigArn"),
    Case("iam-no-wildcard-action", "worker-policy", "policy/Statement/0", WILD),
    Case("iam-no-wildcard-action", "worker-role", "inlinePolicies", [{"policy": EVERYTHING}]),
    Case("iam-no-wildcard-resource", "worker-policy", "policy/Statement/0", WIDE),
    Case("iam-no-admin-managed-policy", "attachment", "policyArn", "arn:aws:iam::aws:policy/AdministratorAccess"),
    Case(
        "iam-no-admin-managed-policy",
        "worker-role",
        "managedPolicyArns",
        ["arn:aws:iam::aws:policy/AmazonS3FullAccess"],
    ),
    Case("iam-trust-scoped", "machine-role", "assumeRolePolicy/Statement/0/Condition"),
    Case("iam-no-public-policy", "work-policy", "policy/Statement/0", PUBLIC, ("sqs-tls-only",)),
    Case(
        "iam-no-public-policy",
        "key",
        "policy",
        PUBLIC_KEY,
    ),
    Case("sfn-tracing", "machine", "tracingConfiguration"),
    Case("sfn-logging", "machine", "loggingConfiguration/level", "OFF"),
    Case("sfn-logging", "machine", "loggingConfiguration/logDestination", REMOVED),
    Case("sfn-definition-valid", "machine", f"{STATES}/Call/Next", "Nowhere", preview=UNKNOWN_DOCUMENT),
    Case("sfn-definition-valid", "machine", f"{STATES}/Call/Retry", preview=UNKNOWN_DOCUMENT),
    Case("sfn-definition-valid", "machine", f"{STATES}/Call/Catch", preview=UNKNOWN_DOCUMENT),
    Case("sfn-definition-valid", "machine", f"{STATES}/Call/TimeoutSeconds", preview=UNKNOWN_DOCUMENT),
    Case(
        "sfn-definition-valid",
        "machine",
        "definition",
        "{",
        preview="violation",
        also=("sfn-callback-standard", "sfn-callback-timeout", "sfn-input-budget"),
    ),
    Case(
        "sfn-callback-timeout",
        "machine",
        f"{STATES}/Wait/TimeoutSeconds",
        REMOVED,
        ("sfn-definition-valid",),
        UNKNOWN_DOCUMENT,
    ),
    Case("sfn-callback-standard", "machine", "type", "EXPRESS", preview=UNKNOWN_DOCUMENT),
    Case("sfn-input-budget", "machine", f"{STATES}/Call/ResultSelector", preview=UNKNOWN_DOCUMENT),
    Case(
        "sfn-input-budget", "machine", f"{STATES}/Call/ResultSelector", {"all.$": "$.Payload"}, preview=UNKNOWN_DOCUMENT
    ),
    Case("apigw-tracing", "stage", "xrayTracingEnabled", False),
    Case("apigw-authorised", "api", f"{GET}/security", preview=UNKNOWN_DOCUMENT),
    Case("apigw-authorised", "api", f"{GET}/security", [], preview=UNKNOWN_DOCUMENT),
    Case("apigw-authorised", "api", f"{GET}/security", [{"nobody": []}], preview=UNKNOWN_DOCUMENT),
    Case("apigw-access-logs", "stage", "accessLogSettings/destinationArn"),
    Case("apigw-access-logs", "stage", "accessLogSettings/format", "{}"),
    Case("apigw-throttled", "throttling", "settings/throttlingRateLimit", -1),
    Case("apigw-throttled", "throttling", "methodPath", "things/GET"),
    Case("apigw-request-validation", "api", f"{POST}/x-amazon-apigateway-request-validator", preview=UNKNOWN_DOCUMENT),
    Case("apigw-idempotency-key", "api", f"{POST}/parameters/0/required", False, preview=UNKNOWN_DOCUMENT),
    Case("apigw-tls", "domain", "securityPolicy", "TLS_1_0"),
    Case("sqs-dead-letter", "work", "redrivePolicy"),
    Case("sqs-dead-letter", "work", "redrivePolicy/maxReceiveCount", 0, preview="link"),
    Case("sqs-dead-letter", "work-dlq", "fifoQueue", True),
    Case("sqs-encrypted", "work", "sqsManagedSseEnabled", False),
    Case(
        "sqs-tls-only",
        "work-policy",
        "policy/Statement/0/Condition/Bool/aws:SecureTransport",
        "true",
        preview=UNKNOWN_DOCUMENT,
    ),
    Case("sqs-tls-only", "work-policy", "queueUrl", Ref("work-dlq", "url")),
    Case("sqs-dlq-retention", "work-dlq", "messageRetentionSeconds", 60),
    Case("dlq-alarm", "dead-messages", "alarmActions", []),
    Case("dlq-alarm", "dead-messages", "threshold", 100),
    Case("dlq-alarm", "dead-messages", "dimensions", {"QueueName": Ref("work", "name")}, ("observability-complete",)),
    Case("esm-partial-batch", "consumer-queue", "functionResponseTypes"),
    Case("lambda-queue-concurrency", "consumer-queue", "scalingConfig"),
    Case("lambda-queue-concurrency", "consumer-queue", "scalingConfig/maximumConcurrency", 6),
    Case("lambda-queue-concurrency", "consumer", "reservedConcurrentExecutions", 4),
    Case("esm-stream-bounded", "consumer-stream", "bisectBatchOnFunctionError", False),
    Case("esm-stream-bounded", "consumer-stream", "maximumRetryAttempts", -1),
    Case("esm-stream-bounded", "consumer-stream", "maximumRecordAgeInSeconds"),
    Case("esm-stream-bounded", "consumer-stream", "destinationConfig"),
    Case("pipes-bounded", "pipe", "sourceParameters/dynamodbStreamParameters/maximumRetryAttempts"),
    Case("pipes-bounded", "pipe", "sourceParameters/dynamodbStreamParameters/maximumRecordAgeInSeconds", -1),
    Case("pipes-bounded", "pipe", "sourceParameters/dynamodbStreamParameters/deadLetterConfig"),
    Case("pipes-bounded", "pipe", "sourceParameters", preview="unknown"),
    Case("events-target-dead-letter", "objects-target", "deadLetterConfig"),
    Case("events-rule-specific", "objects", "eventPattern/source", preview=UNKNOWN_DOCUMENT),
    Case("events-rule-specific", "objects", "eventPattern", ANY_SOURCE, ("analytics-no-loop",)),
    Case("events-bucket-notifies", "data-events", "eventbridge", False, preview="unknown"),
    Case("events-bucket-notifies", "data-events", "eventbridge", preview="unknown"),
    Case("events-bucket-notifies", "data-events", "bucket", "shop-other", preview="unknown"),
    Case("scheduler-dead-letter", "daily", "target/deadLetterConfig"),
    Case("scheduler-timezone", "daily", "scheduleExpressionTimezone", "Europe/Berln"),
    Case("scheduler-timezone", "daily", "scheduleExpressionTimezone", "EST"),
    Case("sns-encrypted", "topic", "kmsMasterKeyId"),
    Case("sns-subscription-dead-letter", "subscription", "redrivePolicy"),
    Case("sns-subscription-dead-letter", "subscription", "redrivePolicy/deadLetterTargetArn"),
    Case("dynamodb-recovery", "orders", "pointInTimeRecovery"),
    Case("dynamodb-encrypted", "orders", "serverSideEncryption/enabled", False),
    Case("dynamodb-deletion-protection", "orders", "deletionProtectionEnabled"),
    Case("dynamodb-idempotency-ttl", "records", "ttl", REMOVED, ("dynamodb-deletion-protection",)),
    Case("s3-public-access-blocked", "data-block", "blockPublicPolicy", False),
    Case("s3-public-access-blocked", "data-block", "bucket", "another"),
    Case("s3-encrypted", "data-encryption", "rules/0/bucketKeyEnabled", False),
    Case("s3-encrypted", "data-encryption", "bucket", "another"),
    Case("s3-versioned", "data-versioning", "versioningConfiguration/status", "Suspended"),
    Case("s3-tls-only", "data-policy", "policy/Statement/0/Action", "s3:Get*", preview=UNKNOWN_DOCUMENT),
    Case("s3-tls-only", "data-policy", "bucket", "another"),
    Case("s3-lifecycle", "data-lifecycle", "rules/0/noncurrentVersionExpiration"),
    Case("s3-lifecycle", "data-lifecycle", "rules/0/status", "Disabled"),
    Case("s3-no-force-destroy", "data", "forceDestroy", True),
    Case("firehose-buffering", "stream", "extendedS3Configuration/bufferingInterval", 10),
    Case("firehose-buffering", "stream", "extendedS3Configuration/bufferingSize"),
    Case("firehose-error-prefix", "stream", "extendedS3Configuration/errorOutputPrefix"),
    Case("firehose-encrypted", "stream", "serverSideEncryption"),
    Case("kinesis-encrypted", "clicks", "encryptionType"),
    Case("kinesis-encrypted", "clicks", "kmsKeyId"),
    Case("firehose-freshness-alarm", "stream-freshness", "metricName", "DeliveryToS3.Success"),
    Case("firehose-freshness-alarm", "stream-freshness", "alarmActions"),
    Case("athena-workgroup-enforced", "workgroup", "configuration/enforceWorkgroupConfiguration", False),
    Case("athena-workgroup-enforced", "workgroup", "configuration/resultConfiguration"),
    Case("athena-scan-limit", "workgroup", "configuration/bytesScannedCutoffPerQuery"),
    Case(
        "analytics-no-loop",
        "per-object",
        "environment/variables/OUTPUT_LOCATION",
        Ref("data", "id", "/raw/out/"),
        preview=UNKNOWN_DOCUMENT,
    ),
    Case("glue-version-pinned", "job", "command/pythonVersion"),
    Case("glue-version-pinned", "job", "command/name", "glueetl"),
    Case("glue-timeout", "job", "timeout"),
    Case("glue-encrypted", "job", "securityConfiguration"),
    Case(
        "glue-encrypted",
        "security",
        "encryptionConfiguration/cloudwatchEncryption/cloudwatchEncryptionMode",
        "DISABLED",
    ),
    Case("glue-encrypted", "security", "encryptionConfiguration/jobBookmarksEncryption"),
    Case("redshift-private", "cluster", "publiclyAccessible", True),
    Case("redshift-private", "warehouse", "publiclyAccessible", True),
    Case("redshift-encrypted", "cluster", "encrypted", False),
    Case("redshift-encrypted", "warehouse", "configParameters/0/parameterValue", "false"),
    Case("kms-rotation", "key", "enableKeyRotation", False),
    Case("required-tags", "orders", "tags/project"),
    Case("log-retention", "reader-log", "retentionInDays"),
    Case("log-retention", "reader-log", "retentionInDays", 7),
    Case("secrets-not-exported", "shop-prod", "db_password", "hunter2"),
    Case("secrets-not-exported", "shop-prod", "key", "key-value-of-a-client"),
    Case("observability-complete", "dashboard", "dashboardBody", "{}"),
    Case("observability-complete", "by-correlation", "logGroupNames", []),
    Case("observability-complete", "by-correlation", "logGroupNames", [Ref("reader-log", "name")]),
    Case("observability-complete", "machine-failed", "dimensions", {"StateMachineArn": "arn:aws:states:x:y:z"}),
]
