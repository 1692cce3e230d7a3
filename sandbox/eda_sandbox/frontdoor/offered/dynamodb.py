"""What the sandbox offers of DynamoDB and its streams."""

from eda_sandbox.foundation.offered import Offered

_INDEX = "-GlobalSecondaryIndexes.OnDemandThroughput -GlobalSecondaryIndexes.WarmThroughput"
_KINESIS = "TableName StreamArn ~EnableKinesisStreamingConfiguration"
DYNAMODB = Offered(
    "dynamodb",
    "ValidationException",
    {
        "BatchGetItem": "*",
        "BatchWriteItem": "*",
        "CreateTable": "* -VectorIndexes -ResourcePolicy -GlobalTableSourceArn -GlobalTableSettingsReplicationMode "
        f"~OnDemandThroughput ~WarmThroughput ~ProvisionedThroughput ~TableClass {_INDEX} "
        "~GlobalSecondaryIndexes.ProvisionedThroughput",
        "DeleteItem": "*",
        "DeleteTable": "*",
        "DescribeContinuousBackups": "*",
        "DescribeKinesisStreamingDestination": "*",
        "DescribeTable": "*",
        "DescribeTimeToLive": "*",
        "DisableKinesisStreamingDestination": _KINESIS,
        "EnableKinesisStreamingDestination": _KINESIS,
        "GetItem": "*",
        "ListTables": "*",
        "ListTagsOfResource": "ResourceArn",
        "PutItem": "*",
        "Query": "*",
        "Scan": "*",
        "TagResource": "*",
        "TransactGetItems": "*",
        "TransactWriteItems": "*",
        "UntagResource": "*",
        "UpdateContinuousBackups": "TableName ~PointInTimeRecoverySpecification "
        "PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled "
        "-PointInTimeRecoverySpecification.RecoveryPeriodInDays",
        "UpdateItem": "*",
        "UpdateTable": "AttributeDefinitions TableName BillingMode ~ProvisionedThroughput GlobalSecondaryIndexUpdates "
        "-GlobalSecondaryIndexUpdates.Create.OnDemandThroughput -GlobalSecondaryIndexUpdates.Create.WarmThroughput "
        "~GlobalSecondaryIndexUpdates.Update StreamSpecification SSESpecification ~TableClass "
        "DeletionProtectionEnabled ~OnDemandThroughput ~WarmThroughput",
        "UpdateTimeToLive": "*",
    },
)
STREAMS = Offered(
    "dynamodbstreams",
    "ValidationException",
    {"DescribeStream": "*", "GetRecords": "*", "GetShardIterator": "*", "ListStreams": "*"},
)
