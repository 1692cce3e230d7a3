"""What a function sees of a queue's message or a stream's record, and what filters see of that."""

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from eda_sandbox.foundation import event_pattern
from eda_sandbox.foundation.streams import kinesis_record, sequence_number


def queue_record(message: dict[str, Any], arn: str, region: str) -> dict[str, Any]:
    """The record of a message, as ``ReceiveMessage`` returns it."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {
            name: _attribute(attribute) for name, attribute in message.get("MessageAttributes", {}).items()
        },
        "md5OfMessageAttributes": message.get("MD5OfMessageAttributes"),
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": region,
    }


def _attribute(attribute: Mapping[str, Any]) -> dict[str, Any]:
    """A message's attribute as an event has it: bytes in base64, and the lists, which SQS keeps for later, empty."""
    found: dict[str, Any] = {}
    if "StringValue" in attribute:
        found["stringValue"] = attribute["StringValue"]
    if "BinaryValue" in attribute:
        found["binaryValue"] = base64.b64encode(attribute["BinaryValue"]).decode()
    return {**found, "stringListValues": [], "binaryListValues": [], "dataType": attribute["DataType"]}


def stream_record(record: dict[str, Any], arn: str, region: str, shard_id: str, role_arn: str) -> dict[str, Any]:
    """The record of a table's change or of a Kinesis record, as ``GetRecords`` returns it."""
    if "dynamodb" not in record:
        return {
            "kinesis": kinesis_record(record),
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": f"{shard_id}:{sequence_number(record)}",
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": role_arn,
            "awsRegion": region,
            "eventSourceARN": arn,
        }
    changed = dict(record["dynamodb"])
    created = changed.get("ApproximateCreationDateTime")
    if isinstance(created, datetime):
        changed["ApproximateCreationDateTime"] = created.timestamp()
    return {
        "eventID": record["eventID"],
        "eventName": record["eventName"],
        "eventVersion": record.get("eventVersion", "1.1"),
        "eventSource": "aws:dynamodb",
        "awsRegion": region,
        "dynamodb": changed,
        "eventSourceARN": arn,
    }


def identifier(record: Mapping[str, Any]) -> str:
    """What ``batchItemFailures`` names a record by."""
    if "messageId" in record:
        return str(record["messageId"])
    return str(record["kinesis"]["sequenceNumber"] if "kinesis" in record else record["dynamodb"]["SequenceNumber"])


def arrived(record: Mapping[str, Any]) -> float:
    """When a stream's record came, in seconds since 1970; a table's stream tells the second."""
    if "kinesis" in record:
        return float(record["kinesis"]["approximateArrivalTimestamp"])
    return float(record["dynamodb"].get("ApproximateCreationDateTime", 0))


def matching(patterns: Sequence[Mapping[str, Any]], record: Mapping[str, Any]) -> bool:
    """Whether a record matches a filter, or there is none."""
    seen = _seen(record) if patterns else record
    return not patterns or any(event_pattern.matches(pattern, seen) for pattern in patterns)


def _seen(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record with its body or data as JSON, where it is JSON (Lambda Developer Guide, event filtering)."""
    if "body" in record:
        return {**record, "body": _parsed(record["body"])}
    if "kinesis" in record:
        return {**record, **record["kinesis"], "data": _parsed(base64.b64decode(record["kinesis"]["data"]))}
    return dict(record)


def _parsed(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text if isinstance(text, str) else None
