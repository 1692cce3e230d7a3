"""What a pipe sees of a stream's record, for its filter, its template and its target."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from eda_sandbox.foundation.streams import arrival, kinesis_record, sequence_number


def source_event(record: dict[str, Any], shard_id: str, stream_arn: str, region: str, role_arn: str) -> dict[str, Any]:
    """The event of a record, as JSON values.

    Args:
        record: as ``GetRecords`` of DynamoDB Streams or Kinesis returns it.
        shard_id: where it was read.
        stream_arn: the pipe's source.
        region: the stream's region.
        role_arn: the pipe's role.
    """
    if "dynamodb" in record:
        changed = {**record["dynamodb"], "ApproximateCreationDateTime": int(arrival(record).timestamp())}
        return {
            "eventID": record["eventID"],
            "eventName": record["eventName"],
            "eventVersion": record.get("eventVersion", "1.1"),
            "eventSource": "aws:dynamodb",
            "awsRegion": region,
            "dynamodb": _json_values(changed),
            "eventSourceARN": stream_arn,
            **({"userIdentity": _identity(record["userIdentity"])} if record.get("userIdentity") else {}),
        }
    return {
        **kinesis_record(record),
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{shard_id}:{sequence_number(record)}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": role_arn,
        "awsRegion": region,
        "eventSourceARN": stream_arn,
    }


def decoded(event: dict[str, Any]) -> dict[str, Any]:
    """The event with its encoded body as JSON, where it is JSON (implicit body data parsing)."""
    if "data" not in event:
        return event
    try:
        return {**event, "data": json.loads(base64.b64decode(event["data"]))}
    except ValueError:
        return event


def _identity(found: Mapping[str, str]) -> dict[str, str]:
    # In events the names begin small; TTL's removals are told by them.
    return {name[0].lower() + name[1:]: value for name, value in found.items()}


def _json_values(value: Any) -> Any:
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        return {name: _json_values(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_json_values(inner) for inner in value]
    return value
