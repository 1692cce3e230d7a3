"""Queues and their policies."""

from typing import Any

from sandbox.provider.convert import Inputs
from sandbox.provider.resource import Context, Created, ResourceType, gone_with_parent

_ATTRIBUTES = {
    "contentBasedDeduplication": "ContentBasedDeduplication",
    "deduplicationScope": "DeduplicationScope",
    "delaySeconds": "DelaySeconds",
    "fifoQueue": "FifoQueue",
    "fifoThroughputLimit": "FifoThroughputLimit",
    "kmsDataKeyReusePeriodSeconds": "KmsDataKeyReusePeriodSeconds",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "maxMessageSize": "MaximumMessageSize",
    "messageRetentionSeconds": "MessageRetentionPeriod",
    "policy": "Policy",
    "receiveWaitTimeSeconds": "ReceiveMessageWaitTimeSeconds",
    "redriveAllowPolicy": "RedriveAllowPolicy",
    "redrivePolicy": "RedrivePolicy",
    "sqsManagedSseEnabled": "SqsManagedSseEnabled",
    "visibilityTimeoutSeconds": "VisibilityTimeout",
}


def _create_queue(context: Context, inputs: Inputs) -> Created:
    fifo = bool(inputs.take("fifoQueue"))
    name = context.auto_name(inputs.take("name"), inputs.take("namePrefix"))
    if fifo and not name.endswith(".fifo"):
        name += ".fifo"
    attributes = {api: _text(value) for key, api in _ATTRIBUTES.items() if (value := inputs.take(key)) is not None}
    tags = inputs.tags()
    inputs.done()
    if fifo:
        attributes["FifoQueue"] = "true"
    sqs = context.client("sqs")
    url = sqs.create_queue(QueueName=name, Attributes=attributes, tags=tags)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return Created(url, {"name": name, "arn": arn, "url": url})


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) else str(value)


def _delete_queue(context: Context, id: str, state: dict[str, Any]) -> None:
    context.client("sqs").delete_queue(QueueUrl=id)


def _create_queue_policy(context: Context, inputs: Inputs) -> Created:
    url, policy = inputs.need("queueUrl"), inputs.need("policy")
    inputs.done()
    context.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    return Created(url)


TYPES = {
    "aws:sqs/queue:Queue": ResourceType(_create_queue, _delete_queue, replaces=frozenset({"name", "fifoQueue"})),
    "aws:sqs/queuePolicy:QueuePolicy": ResourceType(_create_queue_policy, gone_with_parent),
}
