"""What Kinesis refuses of a request that the emulator takes."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import kinesis as emulated

from eda_sandbox.foundation.cloud import ACCOUNT, REGION, service_model
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.foundation.http import HttpRequest
from eda_sandbox.frontdoor import shapes
from eda_sandbox.frontdoor.wire import Wire

LEAST_HOURS, MOST_HOURS = 24, 8760
"""Of a stream's retention (API reference, IncreaseStreamRetentionPeriod)."""
_HASH_KEY = re.compile(r"0|[1-9]\d{0,38}")
_ITERATOR = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NEEDED = {"AFTER_SHARD_ID": "ShardId", "AT_TIMESTAMP": "Timestamp", "FROM_TIMESTAMP": "Timestamp"}
_NUMBERED = ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER")


def check(operation: str, request: HttpRequest) -> None:
    """Check a request.

    Args:
        operation: as the API model spells it.
        request: in the JSON protocol; any other is left to the emulator.

    Raises:
        AwsError: Kinesis refuses it.
    """
    if "json" not in (request.header("content-type") or "json") or operation not in _model().operation_names:
        return
    given = request.parameters()
    if operation == "PutRecords":
        shapes.check("kinesis", operation, given)
    else:
        # Patterns, lengths and enumerations, as the API model has them; of many records it would take a while.
        _wire().parse(operation, {}, request)
    if operation in ("PutRecord", "PutRecords"):
        for record in given.get("Records", [given]):
            _check_record(record)
    elif operation == "GetShardIterator":
        _check_position(given)
    elif operation == "GetRecords" and not _ITERATOR.fullmatch(str(given["ShardIterator"]).strip('"')):
        raise AwsError("InvalidArgumentException", "Invalid ShardIterator.", 400)
    elif operation in ("IncreaseStreamRetentionPeriod", "DecreaseStreamRetentionPeriod"):
        _check_retention(operation, given)
    elif operation == "ListShards" and given.get("ShardFilter"):
        wanted = _NEEDED.get(given["ShardFilter"]["Type"])
        if wanted is not None and given["ShardFilter"].get(wanted) is None:
            raise AwsError("InvalidArgumentException", f"A filter of this type needs {wanted}.", 400)
    elif operation == "ListShards" and given.get("NextToken") and given.get("StreamName"):
        raise AwsError("InvalidArgumentException", "NextToken and StreamName cannot be provided together.", 400)


def _check_record(record: Mapping[str, Any]) -> None:
    if not record.get("PartitionKey"):
        raise AwsError("ValidationException", "Value at 'partitionKey' must have at least one character.", 400)
    if record.get("ExplicitHashKey") is not None and not _HASH_KEY.fullmatch(record["ExplicitHashKey"]):
        raise AwsError("ValidationException", "Value at 'explicitHashKey' must be a number of up to 39 digits.", 400)


@cache
def _model() -> Any:
    return service_model("kinesis")


@cache
def _wire() -> Wire:
    return Wire(_model())


def _check_position(given: Mapping[str, Any]) -> None:
    kind = given["ShardIteratorType"]
    if kind in _NUMBERED and not given.get("StartingSequenceNumber"):
        raise AwsError(
            "InvalidArgumentException",
            f"Must either specify (1) {kind} and StartingSequenceNumber or (2) TRIM_HORIZON or LATEST and no "
            "StartingSequenceNumber or (3) AT_TIMESTAMP and timestamp for shardIterator.",
            400,
        )
    if kind == "AT_TIMESTAMP" and given.get("Timestamp") is None:
        raise AwsError(
            "InvalidArgumentException", "Must specify timestamp parameter for iterator of type AT_TIMESTAMP.", 400
        )


def _check_retention(operation: str, given: Mapping[str, Any]) -> None:
    hours = int(given["RetentionPeriodHours"])
    with request_scope(ACCOUNT, REGION):
        name, stream = emulated._resolve_stream(given)
    kept = hours if stream is None else stream["RetentionPeriodHours"]
    requested, problem = f"Requested retention period ({hours} hours)", None
    if hours < LEAST_HOURS:
        problem = f"Minimum allowed retention period is {LEAST_HOURS} hours. {requested} is too short."
    elif hours > MOST_HOURS:
        problem = f"Maximum allowed retention period is {MOST_HOURS} hours. {requested} is too long."
    elif hours < kept and operation == "IncreaseStreamRetentionPeriod":
        problem = (
            f"{requested} for stream {name} can not be shorter than existing retention period ({kept} hours). "
            "Use DecreaseRetentionPeriod API."
        )
    elif hours > kept and operation == "DecreaseStreamRetentionPeriod":
        problem = (
            f"{requested} for stream {name} can not be longer than existing retention period ({kept} hours). "
            "Use IncreaseRetentionPeriod API."
        )
    if problem:
        raise AwsError("InvalidArgumentException", problem, 400)
