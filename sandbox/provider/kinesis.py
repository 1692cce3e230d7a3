"""Kinesis streams, and tables that write their changes to one."""

from typing import Any

from sandbox.errors import SandboxError
from sandbox.provider.convert import Inputs
from sandbox.provider.resource import Context, Created, ResourceType


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


def _delete_stream(context: Context, id: str, state: dict[str, Any]) -> None:
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


def _disable_destination(context: Context, id: str, state: dict[str, Any]) -> None:
    context.client("dynamodb").disable_kinesis_streaming_destination(
        TableName=state["tableName"], StreamArn=state["streamArn"]
    )


TYPES = {
    "aws:kinesis/stream:Stream": ResourceType(_create_stream, _delete_stream, replaces=frozenset({"name"})),
    "aws:dynamodb/kinesisStreamingDestination:KinesisStreamingDestination": ResourceType(
        _enable_destination, _disable_destination
    ),
}
