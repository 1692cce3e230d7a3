"""Why no rule needs to report a mutation: what AWS refuses, what keeps its meaning, and what is the stack's choice."""

import re

REFUSED = "AWS or the provider refuses it"
DEFAULT = "it is as AWS's default, which complies"
CHOICE = "the stack's own choice"
TEXT = "a name or text for readers"
CONTENT = "what the code or the data is; tests of both hold it"
NARROWER = "it allows less than before"
ELSEWHERE = "another rule reads what it leads to, or nothing of the kind is left"
_ARN = r"(?i:arn|arns|destination|logDestination|bucketArn|kmsKeyId|roleArn|role)"
_REASONS: tuple[tuple[str, str, str, str], ...] = (
    # type, path, kinds, why
    (r"", r"(^|\.)(description|alarmDescription|Comment|comment|Sid|operationId|info|openapi|Cause|Error)$", r"", TEXT),
    (r"", r"tags(\.~)?$", r"wildcard", TEXT),
    (r"bucketObjectv2|xray/", r"^(tags|overrideProvider|source)", r"", CHOICE),
    (
        r"",
        r"^(name|bucketPrefix|namePrefix|dashboardName|layerName|groupName|ruleName|workgroupName|namespaceName|dbName"
        r"|databaseName|dataSetId|dataSourceId|logGroupName|stageName|hashKey|id|key|rules\.\[\]\.id)$",
        r"",
        TEXT,
    ),
    (
        r"",
        r"^(restApi|deployment|rule|bucket|function|functionName|eventSourceArn|roleArn|role|resourceArn|source|target"
        r"|target\.arn|target\.roleArn|arn|action|iamRoles(\.\[\])?|vpcConnectionProperties.*|subnetIds(\.\[\])?"
        r"|securityGroupIds(\.\[\])?|principal|destination|code|handler|layers|command|command\.(name|scriptLocation)"
        r"|usageType|period|breachAction|amount|type)$",
        r"",
        REFUSED,
    ),
    (r"", rf"(^|\.){_ARN}(\.\[\])?$", r"wildcard|empty", REFUSED),
    (r"", r"(kmsKeyArn|kmsKeyId)$", r"", DEFAULT),
    (r"", r"(policy|assumeRolePolicy)\.Version$", r"", REFUSED),
    (r"iam/", r"Statement(\.\[\])?$", r"delete|empty", REFUSED),
    (r"iam/", r"Statement\.\[\]\.(Resource(\.\[\])?|Effect|Action)$", r"", REFUSED),
    (r"iam/role:", r"(Condition\.StringEquals\..*|Principal\.Service(\.\[\])?)$", r"", NARROWER),
    (r"kms/key", r"^policy$", r"delete", DEFAULT),
    (r"kms/key", r"^policy\.", r"", NARROWER),
    (r"(queue|bucket)Policy", r"Statement\.\[\]\.(Condition.*|Principal.*|Action|Resource(\.\[\])?)$", r"", NARROWER),
    (r"restApi", r"^(endpointConfiguration.*)$", r"", CHOICE),
    (r"restApi", r"^body(\.paths(\.~(\.(get|post))?)?)?$", r"", ELSEWHERE),
    (r"restApi", r"securitySchemes\.~\.(in|name|type)$", r"", DEFAULT),
    (r"restApi", r"security\.\[\]\.sigv4$", r"empty", DEFAULT),
    (
        r"restApi",
        r"(x-amazon-apigateway-integration.*|schemas|responses|x-amazon-apigateway-gateway-responses)$",
        r"",
        REFUSED,
    ),
    (r"restApi", r"x-amazon-apigateway-integration\.", r"", REFUSED),
    (r"restApi", r"(parameters(\.\[\](\.\w+)?)?|requestBody\.required)$", r"", CONTENT),
    (r"methodSettings", r"settings\.", r"widen", CHOICE),
    (r"deployment", r"^triggers", r"", CHOICE),
    (r"stage", r"^accessLogSettings\.destinationArn$", r"wildcard", REFUSED),
    (r"athena", r"enforceWorkgroupConfiguration$", r"delete", DEFAULT),
    (
        r"athena",
        r"^(configuration\.(engineVersion|publish|resultConfiguration\.outputLocation)|forceDestroy)",
        r"",
        CHOICE,
    ),
    (r"eventRule", r"^eventPattern\.detail", r"", "source and detail-type still name the events"),
    (r"eventRule", r"^eventPattern\.source\.\[\]$", r"wildcard", NARROWER),
    (r"", r"retryPolicy", r"", CHOICE),
    (r"logStream", r"", r"", REFUSED),
    (r"metricAlarm", r"^(dimensions|namespace|period|evaluationPeriods|statistic|treatMissingData)", r"", REFUSED),
    (r"metricAlarm", r"^alarmActions\.\[\]$", r"", REFUSED),
    (r"queryDefinition", r"", r"", CONTENT),
    (
        r"dynamodb",
        r"^(attributes|globalSecondaryIndexes|billingMode|streamEnabled|streamViewType|ttl\.attributeName)",
        r"",
        CONTENT,
    ),
    (r"glue/catalog", r"", r"", CONTENT),
    (r"glue/job", r"^(defaultArguments|executionProperty|glueVersion|maxCapacity|maxRetries)", r"", CONTENT),
    (r"glue/job", r"^securityConfiguration$", r"wildcard", REFUSED),
    (r"firehose", r"(bufferingInterval|serverSideEncryption\.keyType)$", r"", DEFAULT),
    (r"firehose", r"^extendedS3Configuration\.", r"", CONTENT),
    (r"kms/key", r"^deletionWindowInDays$", r"", CHOICE),
    (
        r"",
        r"(batchSize|maximumBatchingWindowInSeconds|parallelizationFactor|startingPosition|onPartialBatch\w+)$",
        r"",
        CHOICE,
    ),
    (r"lambda/function:", r"^environment\.variables\.", r"", CONTENT),
    (r"lambda/function:", r"^loggingConfig(\.logGroup)?$", r"", DEFAULT),
    (r"lambda/function:", r"^(loggingConfig\.|reservedConcurrentExecutions)", r"", CHOICE),
    (r"functionEventInvokeConfig", r"^maximum", r"", CHOICE),
    (r"lambda/(invocation|layerVersion)", r"", r"", CONTENT),
    (r"pipes", r"^(logConfiguration|sourceParameters\.filterCriteria|targetParameters)", r"", CONTENT),
    (r"pipes", r"maximumRetryAttempts$", r"empty", "0 is finite"),
    (r"quicksight", r"sslProperties", r"", "the warehouse takes TLS alone"),
    (r"quicksight", r"", r"", CONTENT),
    (r"redshiftserverless", r"publiclyAccessible$", r"delete", DEFAULT),
    (r"redshiftserverless", r"manageAdminPassword$", r"", REFUSED),
    (r"redshiftserverless", r"^(logExports|baseCapacity|enhancedVpcRouting|maxCapacity)", r"", CHOICE),
    (r"s3/bucket:", r"^forceDestroy$", r"delete", DEFAULT),
    (r"bucketLifecycle", r"^rules\.\[\]\.", r"", CHOICE),
    (r"bucketOwnershipControls", r"", r"", DEFAULT),
    (r"bucketServerSide", r"bucketKeyEnabled$", r"", "S3's own keys are used without a call for each object"),
    (r"scheduler", r"^scheduleExpressionTimezone$", r"delete", DEFAULT),
    (r"scheduler", r"^(flexibleTimeWindow|scheduleExpression$|target\.input)", r"", CONTENT),
    (r"stateMachine", r"^type$", r"delete", DEFAULT),
    (r"stateMachine", r"includeExecutionData$", r"", CHOICE),
    (r"stateMachine", r"\.(InputPath|ErrorPath|Parameters|Result|ResultSelector|ResultPath|Seconds)$", r"", CONTENT),
    (r"stateMachine", r"(Retry\.\[\]\.\w+|TimeoutSeconds)$", r"delete|widen", CHOICE),
    (r"sqs/queue:", r"^sqsManagedSseEnabled$", r"delete", DEFAULT),
    (
        r"sqs/queue:",
        r"^(messageRetentionSeconds|visibilityTimeoutSeconds)$",
        r"",
        "as long in every queue as before, or longer",
    ),
    (r"sqs/queue:", r"^redrivePolicy\.maxReceiveCount$", r"", REFUSED),
    (r"sqs/queue:", r"^redrivePolicy\.deadLetterTargetArn$", r"wildcard", REFUSED),
    (r"xray/", r"", r"", CHOICE),
)


def reason(type: str, path: str, kind: str) -> str | None:
    """Why a property may be what it likes; None where nothing says so."""
    for types, paths, kinds, why in _REASONS:
        if re.search(types, type) and re.search(paths, path) and re.search(kinds, kind):
            return why
    return None
