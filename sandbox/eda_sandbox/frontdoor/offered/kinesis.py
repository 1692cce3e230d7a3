"""What the sandbox offers of Kinesis Data Streams: streams without consumers of their own (enhanced fan-out)."""

from eda_sandbox.foundation.offered import Offered

_STREAM = "StreamName StreamARN"
KINESIS = Offered(
    "kinesis",
    "InvalidArgumentException",
    {
        "AddTagsToStream": f"{_STREAM} Tags",
        "CreateStream": "StreamName ShardCount StreamModeDetails Tags",
        "DecreaseStreamRetentionPeriod": f"{_STREAM} RetentionPeriodHours",
        "DeleteStream": f"{_STREAM} ~EnforceConsumerDeletion",
        "DescribeStream": f"{_STREAM} Limit ExclusiveStartShardId",
        "DescribeStreamSummary": _STREAM,
        "GetRecords": "ShardIterator Limit StreamARN",
        "GetShardIterator": f"{_STREAM} ShardId ShardIteratorType StartingSequenceNumber Timestamp",
        "IncreaseStreamRetentionPeriod": f"{_STREAM} RetentionPeriodHours",
        "ListShards": f"{_STREAM} NextToken ExclusiveStartShardId MaxResults ShardFilter StreamCreationTimestamp",
        "ListStreams": "Limit ExclusiveStartStreamName NextToken",
        "ListTagsForResource": "ResourceARN",
        "ListTagsForStream": f"{_STREAM} ExclusiveStartTagKey Limit",
        "MergeShards": f"{_STREAM} ShardToMerge AdjacentShardToMerge",
        "PutRecord": f"{_STREAM} Data PartitionKey ExplicitHashKey ~SequenceNumberForOrdering",
        "PutRecords": f"{_STREAM} Records",
        "RemoveTagsFromStream": f"{_STREAM} TagKeys",
        "SplitShard": f"{_STREAM} ShardToSplit NewStartingHashKey",
        "StartStreamEncryption": f"{_STREAM} EncryptionType KeyId",
        "StopStreamEncryption": f"{_STREAM} EncryptionType KeyId",
        "TagResource": "ResourceARN Tags",
        "UntagResource": "ResourceARN TagKeys",
        "UpdateShardCount": f"{_STREAM} TargetShardCount ScalingType",
        "UpdateStreamMode": "StreamARN StreamModeDetails",
    },
)
