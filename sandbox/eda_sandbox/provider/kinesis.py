"""Kinesis streams, and tables that write their changes to one."""

from typing import Any

from eda_sandbox.foundation.errors import SandboxError
from eda_sandbox.provider.convert import Inputs
from eda_sandbox.provider.resource import Context, Created, Found, ResourceType, State, found_by
from eda_sandbox.provider.tags import tagged, tags_of


def _create_stream(context: Context, inputs: Inputs) -> Created:
    name = context.auto_name(inputs.take("name"))
    details, shards = inputs.take("streamModeDetails"), inputs.take("shardCount")
    retention, encryption = inputs.take("retentionPeriod"), inputs.take("encryptionType", "NONE")
    key, tags = inputs.take("kmsKeyId"), inputs.tags()
    inputs.take("enforceConsumerDeletion")
    inputs.done()
    request: dict[str, Any] = {}
    mode = (details or {}).get("streamMode", "PROVISIONED")
    if details:
        request["StreamModeDetails"] = {"StreamMode": mode}
    if shards:
        request["ShardCount"] = int(shards)
    elif mode == "PROVISIONED":
        raise SandboxError("aws:kinesis/stream:Stream: 'shardCount' is needed in the mode PROVISIONED")
    kinesis = context.client("kinesis")
    kinesis.create_stream(StreamName=name, **request)
    kinesis.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    if tags:
        kinesis.add_tags_to_stream(StreamName=name, Tags=tags)
    if retention and int(retention) != 24:
        kinesis.increase_stream_retention_period(StreamName=name, RetentionPeriodHours=int(retention))
    if encryption == "KMS":
        kinesis.start_stream_encryption(StreamName=name, EncryptionType="KMS", KeyId=key)
    arn = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]
    return Created(arn, {"name": name, "arn": arn})


def _update_stream(context: Context, id: str, state: State, inputs: Inputs) -> State:
    for untouched in ("name", "tags", "tagsAll", "enforceConsumerDeletion"):
        inputs.take(untouched)
    details, shards = inputs.take("streamModeDetails") or {}, inputs.take("shardCount")
    retention = int(inputs.take("retentionPeriod", 24))
    encryption, key = inputs.take("encryptionType", "NONE"), inputs.take("kmsKeyId")
    inputs.done()
    kinesis, name = context.client("kinesis"), state["name"]
    mode = details.get("streamMode", "PROVISIONED")
    if mode != (state.get("streamModeDetails") or {}).get("streamMode", "PROVISIONED"):
        kinesis.update_stream_mode(StreamARN=id, StreamModeDetails={"StreamMode": mode})
    if mode == "PROVISIONED" and shards and shards != state.get("shardCount"):
        kinesis.update_shard_count(StreamName=name, TargetShardCount=int(shards), ScalingType="UNIFORM_SCALING")
    kept = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["RetentionPeriodHours"]
    if retention > kept:
        kinesis.increase_stream_retention_period(StreamName=name, RetentionPeriodHours=retention)
    elif retention < kept:
        kinesis.decrease_stream_retention_period(StreamName=name, RetentionPeriodHours=retention)
    before = state.get("encryptionType", "NONE"), state.get("kmsKeyId")
    if (encryption, key) != before:
        if before[0] == "KMS":
            kinesis.stop_stream_encryption(StreamName=name, EncryptionType="KMS", KeyId=before[1])
        if encryption == "KMS":
            kinesis.start_stream_encryption(StreamName=name, EncryptionType="KMS", KeyId=key)
    return {}


def _read_stream(context: Context, id: str, state: State) -> Found:
    kinesis, name = context.client("kinesis"), state["name"]
    stream = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    mode = stream.get("StreamModeDetails", {}).get("StreamMode", "PROVISIONED")
    found = {
        "name": name,
        "encryptionType": stream.get("EncryptionType"),
        "kmsKeyId": stream.get("KeyId"),
        "retentionPeriod": stream["RetentionPeriodHours"],
        # On demand they are Kinesis' own affair.
        "shardCount": stream["OpenShardCount"] if mode == "PROVISIONED" else None,
        "streamModeDetails": {"streamMode": mode},
        "tags": tags_of(kinesis.list_tags_for_stream(StreamName=name)["Tags"]),
    }
    return Found(found, {"arn": stream["StreamARN"]})


def _of_name(context: Context, id: str) -> State:
    name = id.rpartition("/")[2]
    return {"name": name, "id": context.cloud.arn("kinesis", f"stream/{name}")}


def _delete_stream(context: Context, id: str, state: State) -> None:
    context.client("kinesis").delete_stream(
        StreamName=state["name"], EnforceConsumerDeletion=bool(state.get("enforceConsumerDeletion"))
    )


def _enable_destination(context: Context, inputs: Inputs) -> Created:
    table, stream = inputs.need("tableName"), inputs.need("streamArn")
    precision = inputs.take("approximateCreationDateTimePrecision")
    inputs.done()
    configuration = {"ApproximateCreationDateTimePrecision": precision} if precision else {}
    context.client("dynamodb").enable_kinesis_streaming_destination(
        TableName=table,
        StreamArn=stream,
        **({"EnableKinesisStreamingConfiguration": configuration} if configuration else {}),
    )
    return Created(f"{table},{stream}")


def _disable_destination(context: Context, id: str, state: State) -> None:
    context.client("dynamodb").disable_kinesis_streaming_destination(
        TableName=state["tableName"], StreamArn=state["streamArn"]
    )


def _read_destination(context: Context, id: str, state: State) -> Found:
    table, stream = state["tableName"], state["streamArn"]
    answer = context.client("dynamodb").describe_kinesis_streaming_destination(TableName=table)
    found = next(each for each in answer["KinesisDataStreamDestinations"] if each["StreamArn"] == stream)
    precision = found.get("ApproximateCreationDateTimePrecision")
    return Found({"tableName": table, "streamArn": stream, "approximateCreationDateTimePrecision": precision})


def _is_destination(answer: Any, it: State) -> bool:
    return any(
        found["StreamArn"] == it["streamArn"] and found["DestinationStatus"] in ("ENABLING", "ACTIVE", "UPDATING")
        for found in answer["KinesisDataStreamDestinations"]
    )


TYPES = {
    "aws:kinesis/stream:Stream": ResourceType(
        _create_stream,
        _delete_stream,
        _update_stream,
        frozenset({"name"}),
        found_by("kinesis", "DescribeStreamSummary", lambda it: {"StreamName": it["name"]}),
        tagged("kinesis", lambda it: {"StreamName": it["name"]}, "AddTagsToStream", "RemoveTagsFromStream"),
        _read_stream,
        _of_name,
        {"encryptionType": "NONE", "retentionPeriod": 24, "streamModeDetails": {"streamMode": "PROVISIONED"}},
        unread=frozenset({"enforceConsumerDeletion"}),
    ),
    "aws:dynamodb/kinesisStreamingDestination:KinesisStreamingDestination": ResourceType(
        _enable_destination,
        _disable_destination,
        exists=found_by(
            "dynamodb",
            "DescribeKinesisStreamingDestination",
            lambda it: {"TableName": it["tableName"]},
            _is_destination,
        ),
        read=_read_destination,
        fixed="a table writes to a stream or it does not",
        imported=lambda _, id: dict(zip(("tableName", "streamArn"), id.split(",", 1), strict=False)),
        defaults={"approximateCreationDateTimePrecision": "MILLISECOND"},
    ),
}
