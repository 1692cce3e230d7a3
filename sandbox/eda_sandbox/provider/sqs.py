"""Queues and their policies."""

import json
from typing import Any

from eda_sandbox.provider.convert import Inputs
from eda_sandbox.provider.resource import Context, Created, Found, ResourceType, State, found_by
from eda_sandbox.provider.tags import tagged, tags_of

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


# What a queue has that was not given the property.
_DEFAULTS = {
    "delaySeconds": 0,
    "kmsDataKeyReusePeriodSeconds": 300,
    "maxMessageSize": 1048576,
    "messageRetentionSeconds": 345600,
    "receiveWaitTimeSeconds": 0,
    "sqsManagedSseEnabled": True,
    "visibilityTimeoutSeconds": 30,
}


def _update_queue(context: Context, id: str, state: State, inputs: Inputs) -> State:
    for untouched in ("name", "namePrefix", "fifoQueue", "tags", "tagsAll"):
        inputs.take(untouched)
    attributes = {}
    for key, api in _ATTRIBUTES.items():
        value = inputs.take(key)
        if value != state.get(key):
            attributes[api] = _text(_DEFAULTS.get(key, "") if value is None else value)
    inputs.done()
    context.client("sqs").set_queue_attributes(QueueUrl=id, Attributes=attributes)
    return {}


def _read_queue(context: Context, id: str, state: State) -> Found:
    sqs = context.client("sqs")
    attributes = sqs.get_queue_attributes(QueueUrl=id, AttributeNames=["All"])["Attributes"]
    found = {key: _value(attributes.get(api)) for key, api in _ATTRIBUTES.items()}
    name = attributes["QueueArn"].rpartition(":")[2]
    tags = tags_of(sqs.list_queue_tags(QueueUrl=id).get("Tags"))
    return Found({**found, "name": name, "tags": tags}, {"arn": attributes["QueueArn"], "url": id})


def _value(text: str | None) -> Any:
    """An attribute as a program gives it: SQS shows all of them as text."""
    if text in ("true", "false") or (text and text.isdecimal()):
        return json.loads(text)
    return text


def _queue_defaults(it: State) -> dict[str, Any]:
    fifo = {"deduplicationScope": "queue", "fifoThroughputLimit": "perQueue"} if it.get("fifoQueue") else {}
    return {**_DEFAULTS, **fifo, "sqsManagedSseEnabled": not it.get("kmsMasterKeyId")}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) else str(value)


def _delete_queue(context: Context, id: str, state: State) -> None:
    context.client("sqs").delete_queue(QueueUrl=id)


def _create_queue_policy(context: Context, inputs: Inputs) -> Created:
    url, policy = inputs.need("queueUrl"), inputs.need("policy")
    inputs.done()
    context.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    return Created(url)


def _update_queue_policy(context: Context, id: str, state: State, inputs: Inputs) -> State:
    _create_queue_policy(context, inputs)
    return {}


def _delete_queue_policy(context: Context, id: str, state: State) -> None:
    context.client("sqs").set_queue_attributes(QueueUrl=id, Attributes={"Policy": ""})


def _read_queue_policy(context: Context, id: str, state: State) -> Found:
    answer = context.client("sqs").get_queue_attributes(QueueUrl=id, AttributeNames=["Policy"])
    return Found({"queueUrl": id, "policy": answer["Attributes"]["Policy"]})


def _has_policy(answer: Any, it: State) -> bool:
    return bool(answer.get("Attributes", {}).get("Policy"))


TYPES = {
    "aws:sqs/queue:Queue": ResourceType(
        _create_queue,
        _delete_queue,
        _update_queue,
        frozenset({"name", "namePrefix", "fifoQueue"}),
        found_by("sqs", "GetQueueAttributes", lambda it: {"QueueUrl": it["id"], "AttributeNames": ["QueueArn"]}),
        tagged("sqs", lambda it: {"QueueUrl": it["id"]}, "TagQueue", "UntagQueue"),
        _read_queue,
        defaults=_queue_defaults,
        documents=frozenset({"policy", "redrivePolicy", "redriveAllowPolicy"}),
        shared=frozenset({"policy"}),
    ),
    "aws:sqs/queuePolicy:QueuePolicy": ResourceType(
        _create_queue_policy,
        _delete_queue_policy,
        _update_queue_policy,
        frozenset({"queueUrl"}),
        found_by(
            "sqs",
            "GetQueueAttributes",
            lambda it: {"QueueUrl": it["id"], "AttributeNames": ["Policy"]},
            _has_policy,
        ),
        read=_read_queue_policy,
        documents=frozenset({"policy"}),
    ),
}
