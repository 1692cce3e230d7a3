"""The attributes of queues: names, kinds, and who may be whose dead-letter queue."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ministack.services import sqs as emulated

NAMES = frozenset(
    {
        "ContentBasedDeduplication",
        "DeduplicationScope",
        "DelaySeconds",
        "FifoQueue",
        "FifoThroughputLimit",
        "KmsDataKeyReusePeriodSeconds",
        "KmsMasterKeyId",
        "MaximumMessageSize",
        "MessageRetentionPeriod",
        "Policy",
        "ReceiveMessageWaitTimeSeconds",
        "RedriveAllowPolicy",
        "RedrivePolicy",
        "SqsManagedSseEnabled",
        "VisibilityTimeout",
    }
)
"""What CreateQueue and SetQueueAttributes take (API reference)."""
READ = NAMES | {
    "All",
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "QueueArn",
}
"""What GetQueueAttributes takes (API reference)."""
_OF_FIFO = ("FifoQueue", "ContentBasedDeduplication")
_OF_THROUGHPUT = ("DeduplicationScope", "FifoThroughputLimit")
_FLAGS = ("true", "false")
MAX_SOURCES = 10
"""Source queues of a RedriveAllowPolicy (API reference, SetQueueAttributes)."""
_LARGEST_COUNT = 1000
_NAME = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"


def normal(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes as SQS keeps them: flags in lower case (recorded on AWS).

    Args:
        attributes: as asked for.
    """
    return {
        name: value.lower() if name in (*_OF_FIFO, "SqsManagedSseEnabled") and isinstance(value, str) else value
        for name, value in attributes.items()
    }


def completed(attributes: Mapping[str, Any], *, new: bool) -> dict[str, Any]:
    """Attributes with those that follow: SQS itself encrypts where a new queue names no key, and no more from a key on;
    a FIFO queue has its scope and its limit (recorded on AWS).

    Args:
        attributes: as asked for.
        new: they are a new queue's.
    """
    key = attributes.get("KmsMasterKeyId")
    if new and attributes.get("FifoQueue") == "true":
        attributes = {"DeduplicationScope": "queue", "FifoThroughputLimit": "perQueue", **attributes}
    return {"SqsManagedSseEnabled": "false" if key else "true", **attributes} if key or new else dict(attributes)


def without_emptied(queue: Mapping[str, Any]) -> None:
    """Forget what was taken away by an empty text: a key, a policy.

    Args:
        queue: the emulator's.
    """
    if queue["attributes"].get("KmsMasterKeyId") == "":
        for name in ("KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds"):
            queue["attributes"].pop(name, None)
    if queue["attributes"].get("Policy") == "":
        del queue["attributes"]["Policy"]


def check_new(name: str, attributes: Mapping[str, Any]) -> None:
    """Check the attributes of a queue that is to be made.

    Args:
        name: the queue's.
        attributes: as asked for.

    Raises:
        ministack.services.sqs._Err: SQS refuses them.
    """
    fifo, flag = name.endswith(".fifo"), str(attributes.get("FifoQueue", "")).lower()
    if fifo and flag != "true":
        raise invalid("QueueName", name, _NAME)
    if not fifo and flag != "true":
        _check_standard(attributes)
    _check(name, fifo, attributes)
    there = emulated._queues.get(emulated._queue_url(name))
    for attribute, value in attributes.items():
        if there is not None and there["attributes"].get(attribute, value) != value:
            break
        if there is not None and attribute not in there["attributes"] and value:
            raise emulated._Err(
                "QueueNameExists",
                f"A queue already exists with the same name and a different value for attribute {attribute}",
            )


def check_change(queue: Mapping[str, Any], attributes: Mapping[str, Any]) -> None:
    """Check a change of a queue's attributes.

    Args:
        queue: the emulator's.
        attributes: as asked for.

    Raises:
        ministack.services.sqs._Err: SQS refuses them.
    """
    if not queue["is_fifo"]:
        _check_standard(attributes)
    elif str(attributes.get("FifoQueue", "true")).lower() != "true":
        raise emulated._Err(
            "InvalidAttributeValue",
            "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.",
        )
    _check(queue["name"], queue["is_fifo"], attributes)


def check_names(names: Sequence[str]) -> None:
    """Check the names of attributes that are to be read.

    Args:
        names: as asked for.

    Raises:
        ministack.services.sqs._Err: SQS has no such attribute.
    """
    for name in names:
        if name not in READ:
            raise _unknown(name)


def invalid(parameter: str, value: Any, reason: str) -> Exception:
    """The error of a parameter, in SQS's words."""
    problem = f"Value {value} for parameter {parameter} is invalid. Reason: {reason}"
    found: Exception = emulated._Err("InvalidParameterValue", problem)
    return found


def _check_standard(attributes: Mapping[str, Any]) -> None:
    for name in _OF_FIFO:
        if name in attributes:
            raise _unknown(name)
    for name in _OF_THROUGHPUT:
        if name in attributes:
            raise emulated._Err(
                "InvalidAttributeName", f"You can specify the {name} only when FifoQueue is set to true."
            )


def _check(name: str, fifo: bool, attributes: Mapping[str, Any]) -> None:
    for attribute, value in attributes.items():
        if attribute not in NAMES:
            raise _unknown(attribute)
        if attribute in (*_OF_FIFO, "SqsManagedSseEnabled") and str(value).lower() not in _FLAGS:
            raise emulated._Err("InvalidAttributeValue", f"Invalid value for the parameter {attribute}.")
    if attributes.get("KmsMasterKeyId") and attributes.get("SqsManagedSseEnabled") == "true":
        raise emulated._Err(
            "InvalidAttributeName",
            "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS "
            "SSE.",
        )
    if attributes.get("RedrivePolicy"):
        _check_redrive(name, fifo, str(attributes["RedrivePolicy"]))
    if attributes.get("RedriveAllowPolicy"):
        _check_allow(str(attributes["RedriveAllowPolicy"]))


def _unknown(name: str) -> Exception:
    found: Exception = emulated._Err("InvalidAttributeName", f"Unknown Attribute {name}.")
    return found


def _check_redrive(name: str, fifo: bool, text: str) -> None:
    policy = _read("RedrivePolicy", text)
    arn, count = policy.get("deadLetterTargetArn"), policy.get("maxReceiveCount")
    if not isinstance(arn, str) or not arn:
        raise invalid(
            "RedrivePolicy", text, "Redrive policy does not contain mandatory attribute: deadLetterTargetArn."
        )
    if count is None:
        raise invalid("RedrivePolicy", text, "Redrive policy does not contain mandatory attribute: maxReceiveCount.")
    if not str(count).isdigit() or not 1 <= int(count) <= _LARGEST_COUNT:
        raise invalid(
            "RedrivePolicy",
            text,
            f"Invalid value for maxReceiveCount: {count}, valid values are from 1 to 1000 both inclusive.",
        )
    target = emulated._queue_by_arn(arn)
    if target is None:
        raise invalid("RedrivePolicy", text, "Dead letter target does not exist.")
    if target["is_fifo"] != fifo:
        raise invalid("RedrivePolicy", text, "Dead-letter queue must be same type of queue as the source.")
    allowed = json.loads(target["attributes"].get("RedriveAllowPolicy") or "{}")
    permission = allowed.get("redrivePermission", "allowAll")
    source = f"{arn.rpartition(':')[0]}:{name}"
    if permission == "denyAll" or (permission == "byQueue" and source not in allowed.get("sourceQueueArns", ())):
        raise invalid(
            "RedrivePolicy",
            text,
            "Dead-letter queue does not allow this source: its RedriveAllowPolicy is " + permission + ".",
        )


def _check_allow(text: str) -> None:
    policy = _read("RedriveAllowPolicy", text)
    permission, sources = policy.get("redrivePermission"), policy.get("sourceQueueArns")
    problem = None
    if permission not in ("allowAll", "denyAll", "byQueue"):
        problem = f"Invalid value for redrivePermission: {permission}."
    elif permission != "byQueue" and sources is not None:
        problem = "sourceQueueArns can only be specified when redrivePermission is byQueue."
    elif permission == "byQueue" and (not isinstance(sources, list) or not 0 < len(sources) <= MAX_SOURCES):
        problem = f"With redrivePermission byQueue, sourceQueueArns has 1 to {MAX_SOURCES} ARNs."
    if problem:
        raise invalid("RedriveAllowPolicy", text, problem)


def _read(name: str, text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise invalid(name, text, f"{name} is not a valid JSON map.")
    return found
