"""A table's stream or a Kinesis stream as a function's source."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from pulumi_aws_eda._parts.args import ArgumentError, check, number
from pulumi_aws_eda._parts.common import Common
from pulumi_aws_eda._parts.function import patterns

_BOUNDS = {
    "batch_size": (100, 1, 10_000),
    "maximum_batching_window_in_seconds": (0, 0, 300),
    "maximum_retry_attempts": (5, 0, 10_000),
    "maximum_record_age_in_seconds": (3600, 60, 604_800),
    "parallelization_factor": (1, 1, 10),
}
"""Default and bounds (Lambda API, ``CreateEventSourceMapping``)."""
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_POSITIONS = ("LATEST", "TRIM_HORIZON")


class StreamDeliveryArgs(TypedDict):
    """How a stream's records reach the function."""

    stream_arn: pulumi.Input[str]
    """The stream's ARN."""
    batch_size: NotRequired[int]
    """Changes in a batch, 1 to 10000 (Lambda API); default 100."""
    maximum_batching_window_in_seconds: NotRequired[int]
    """How long a batch is filled, 0 to 300 seconds (Lambda API); default 0."""
    maximum_retry_attempts: NotRequired[int]
    """Retries of a batch before it is halved and at last given up, 0 to 10000 (Lambda API); default 5."""
    maximum_record_age_in_seconds: NotRequired[int]
    """Age at which a change is given up, 60 to 604800 seconds (Lambda API); default 3600."""
    parallelization_factor: NotRequired[int]
    """Batches of a shard at the same time, 1 to 10 (Lambda API); those of one key stay in order. Default 1."""
    filters: NotRequired[Sequence[Mapping[str, Any]]]
    """Event patterns, up to 5, of which a record has to match one: ``dynamodb`` is a change of a table, ``data`` what a
    Kinesis record carries as JSON. Default: all are handled."""
    kms_key_arn: NotRequired[pulumi.Input[str]]
    """The customer managed key of the table or stream; default: the function's ``kms_key_arn``."""


class StreamSourceArgs(StreamDeliveryArgs):
    """A table's stream, whose changes the function handles in batches."""

    starting_position: NotRequired[str]
    """``LATEST`` or ``TRIM_HORIZON``; default ``LATEST``."""


class FunctionKinesisSourceArgs(StreamDeliveryArgs):
    """A Kinesis stream, whose records the function handles in batches."""

    starting_position: NotRequired[str]
    """``LATEST``, ``TRIM_HORIZON`` or ``AT_TIMESTAMP``; default ``LATEST``."""
    starting_position_timestamp: NotRequired[str]
    """Where ``AT_TIMESTAMP`` starts, RFC 3339, for example ``2026-01-31T12:00:00Z``."""


def check_stream(where: str, given: Mapping[str, Any], kind: type) -> None:
    """Check the argument ``stream_source`` or ``kinesis_source``.

    Args:
        where: the component and its source, for messages.
        given: the argument.
        kind: its TypedDict.

    Raises:
        ArgumentError: a member is unknown, missing, out of bounds, or does not go with another.
    """
    check(where, given, kind)
    for name, bounds in _BOUNDS.items():
        number(where, given, name, *bounds)
    patterns.filters(where, given.get("filters"))
    kinesis = kind is FunctionKinesisSourceArgs
    position, timestamp = given.get("starting_position", "LATEST"), given.get("starting_position_timestamp")
    allowed = (*_POSITIONS, "AT_TIMESTAMP") if kinesis else _POSITIONS
    if position not in allowed:
        problem = f"is {position!r}; allowed are {', '.join(allowed)}"
        raise ArgumentError(where, "starting_position", problem)
    if (position == "AT_TIMESTAMP") != (timestamp is not None):
        problem = "is missing; AT_TIMESTAMP needs it" if timestamp is None else "is given, and nothing starts there"
        raise ArgumentError(where, "starting_position_timestamp", problem)
    if timestamp is not None and not _TIMESTAMP.fullmatch(timestamp):
        problem = f"is {timestamp!r}; allowed are times of RFC 3339, such as 2026-01-31T12:00:00Z"
        raise ArgumentError(where, "starting_position_timestamp", problem)
    arn = given["stream_arn"]
    service = "kinesis" if kinesis else "dynamodb"
    if isinstance(arn, str) and arn.startswith("arn:") and arn.split(":")[2:3] != [service]:
        raise ArgumentError(where, "stream_arn", f"is {arn!r}, which is no stream of {service}")


def stream_grants(table_stream: Mapping[str, Any] | None, kinesis: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the function's role needs to have the streams read, by Sid."""
    grants: dict[str, Any] = {}
    if table_stream is not None:
        actions = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]
        grants["ReadStream"] = {"actions": actions, "resources": [table_stream["stream_arn"]]}
        # Listing has no resource level (Service Authorization Reference); Lambda checks that the role may.
        grants["ListStreams"] = {"actions": ["dynamodb:ListStreams"], "resources": ["*"]}
    if kinesis is not None:
        actions = [
            *("kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:GetRecords"),
            *("kinesis:GetShardIterator", "kinesis:ListShards"),
        ]
        grants["ReadKinesis"] = {"actions": actions, "resources": [kinesis["stream_arn"]]}
    for sid, given in (("ReadStream", table_stream), ("ReadKinesis", kinesis)):
        if given is not None and "kms_key_arn" in given:
            grants[sid]["kms_key_arns"] = [given["kms_key_arn"]]
    return grants


def mapping(
    common: Common,
    where: str,
    suffix: str,
    given: Mapping[str, Any],
    function_arn: pulumi.Input[str],
    failures: pulumi.Input[str],
    after: Sequence[pulumi.Resource],
) -> None:
    """Hand the records of a stream to a function.

    Args:
        common: the component.
        where: the component and its source, for messages.
        suffix: of the logical name.
        given: the argument.
        function_arn: who gets the records.
        failures: the queue that is told of those that are given up.
        after: what has to be there before the first record.
    """
    known = {name: number(where, given, name, *bounds) for name, bounds in _BOUNDS.items()}
    aws.lambda_.EventSourceMapping(
        f"{common.name}-{suffix}",
        event_source_arn=given["stream_arn"],
        function_name=function_arn,
        starting_position=given.get("starting_position", "LATEST"),
        starting_position_timestamp=given.get("starting_position_timestamp"),
        batch_size=known["batch_size"],
        maximum_batching_window_in_seconds=known["maximum_batching_window_in_seconds"] or None,
        maximum_retry_attempts=known["maximum_retry_attempts"],
        maximum_record_age_in_seconds=known["maximum_record_age_in_seconds"],
        parallelization_factor=known["parallelization_factor"] if "parallelization_factor" in given else None,
        bisect_batch_on_function_error=True,
        filter_criteria=patterns.filters(where, given.get("filters")),
        function_response_types=["ReportBatchItemFailures"],
        destination_config=aws.lambda_.EventSourceMappingDestinationConfigArgs(
            on_failure=aws.lambda_.EventSourceMappingDestinationConfigOnFailureArgs(destination_arn=failures)
        ),
        tags=common.tags,
        opts=common.opts(depends_on=after),
    )
