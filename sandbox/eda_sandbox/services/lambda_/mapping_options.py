"""What an event source mapping may be configured with (Lambda API, ``CreateEventSourceMapping``)."""

from collections.abc import Iterable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from eda_sandbox.foundation import event_pattern
from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.foundation.streams import is_kinesis_stream, is_table_stream
from eda_sandbox.services.lambda_.destinations import OF_STREAMS, service_of
from eda_sandbox.services.lambda_.function import Function

QUEUE_BATCH = 10
"""Messages of a batch without a window, and of a FIFO queue's."""
MOST_FILTERS, FILTER_SIZE = 5, 4096
_BOUNDS = {
    "BatchSize": (1, 10_000),
    "MaximumBatchingWindowInSeconds": (0, 300),
    "MaximumRecordAgeInSeconds": (-1, 604_800),
    "MaximumRetryAttempts": (-1, 10_000),
    "ParallelizationFactor": (1, 10),
}
_OF_STREAMS = (
    "BisectBatchOnFunctionError",
    "DestinationConfig",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "ParallelizationFactor",
    "StartingPosition",
    "StartingPositionTimestamp",
    "TumblingWindowInSeconds",
)
"""Options that a queue's mapping has not."""


_REFUSED = (
    "AmazonManagedKafkaEventSourceConfig",
    "DocumentDBEventSourceConfig",
    "KMSKeyArn",
    "LoggingConfig",
    "MetricsConfig",
    "ProvisionedPollerConfig",
    "Queues",
    "SelfManagedEventSource",
    "SelfManagedKafkaEventSourceConfig",
    "SourceAccessConfigurations",
    "Topics",
)


def defaults(arn: str) -> dict[str, Any]:
    """What a mapping is configured with where nothing is given, as it is shown.

    Args:
        arn: its source.
    """
    if is_queue(arn):
        return {
            "BatchSize": QUEUE_BATCH,
            "FunctionResponseTypes": [],
            "MaximumBatchingWindowInSeconds": 0,
            "StateTransitionReason": "USER_INITIATED",
        }
    return {
        "BatchSize": 100,
        "BisectBatchOnFunctionError": False,
        "DestinationConfig": {"OnFailure": {}},
        "FunctionResponseTypes": [],
        "LastProcessingResult": "No records processed",
        "MaximumBatchingWindowInSeconds": 0,
        "MaximumRecordAgeInSeconds": -1,
        "MaximumRetryAttempts": -1,
        "ParallelizationFactor": 1,
        "StateTransitionReason": "User action",
        "TumblingWindowInSeconds": 0,
    }


def check_source(cloud: Cloud, arn: str, function: Function, others: Iterable[Mapping[str, Any]]) -> None:
    """Check the source of a new mapping.

    Args:
        cloud: the embedded AWS.
        arn: the source.
        function: what it is to invoke.
        others: the mappings that there are.

    Raises:
        AwsError: the sandbox does not poll it, it is not there, it is mapped already, or a queue's messages would come
            back too early.
    """
    if not arn:
        raise _invalid("Unrecognized event source.")
    if not (is_queue(arn) or is_table_stream(arn) or is_kinesis_stream(arn)):
        raise _invalid(f"the sandbox polls queues, table streams and Kinesis streams, not {arn}")
    for other in others:
        if (other["EventSourceArn"], other["FunctionArn"]) == (arn, function.arn):
            raise AwsError("ResourceConflictException", _mapped_already(arn, function.name, other["UUID"]), 409)
    if is_queue(arn):
        check_visibility(cloud, arn, function)
    else:
        _check_stream_is_there(cloud, arn)


def check_visibility(cloud: Cloud, arn: str, function: Function) -> None:
    """Check that a queue is there, and that its messages stay unseen for as long as a function may work.

    Args:
        cloud: the embedded AWS.
        arn: the queue.
        function: what it is to invoke.

    Raises:
        AwsError: the queue is not there, or they come back too early.
    """
    sqs, timeout = cloud.client("sqs"), int(function.configuration["Timeout"])
    try:
        found = sqs.get_queue_attributes(QueueUrl=cloud.queue_url(arn), AttributeNames=["VisibilityTimeout"])
    except sqs.exceptions.QueueDoesNotExist:
        raise _invalid(
            "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. "
            "SQS Error Message: The specified queue does not exist."
        ) from None
    visibility = int(found["Attributes"]["VisibilityTimeout"])
    if visibility < timeout:
        raise _invalid(
            f"Queue visibility timeout: {visibility} seconds is less than Function timeout: {timeout} seconds"
        )


def _check_stream_is_there(cloud: Cloud, arn: str) -> None:
    try:
        if is_table_stream(arn):
            cloud.client("dynamodbstreams").describe_stream(StreamArn=arn, Limit=1)
        else:
            cloud.client("kinesis").describe_stream_summary(StreamARN=arn)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        raise _invalid(f"Stream not found: {arn}") from None


def _mapped_already(arn: str, function: str, identifier: str) -> str:
    update = f"already exists. Please update or delete the existing mapping with UUID {identifier}"
    if is_queue(arn):
        return f'An event source mapping with SQS arn (" {arn} ") and function (" {function} ") {update}'
    return f'The event source arn (" {arn} ") and function (" {function} ") provided mapping {update}'


def check_options(arn: str, options: Mapping[str, Any]) -> None:
    """Check what a mapping is configured with, all of it.

    Args:
        arn: its source.
        options: the members of the request, or of the mapping as it is to be.

    Raises:
        AwsError: one is out of bounds, or does not go with the source or with another.
    """
    for name in _REFUSED:
        if options.get(name):
            raise _invalid(f"the sandbox's mappings have no {name}")
    for name, (low, high) in _BOUNDS.items():
        value = options.get(name)
        if value is not None and not low <= value <= high:
            raise _invalid(f"Value {value} at '{name}' failed to satisfy constraint: {low} to {high}")
    if 0 <= options.get("MaximumRecordAgeInSeconds", -1) < 60:
        raise _invalid("MaximumRecordAgeInSeconds has to be -1 or 60 and more")
    if is_queue(arn):
        _check_queue(arn, options)
    else:
        _check_stream(arn, options)
    filters = (options.get("FilterCriteria") or {}).get("Filters") or []
    if len(filters) > MOST_FILTERS:
        raise _invalid(f"A mapping has {MOST_FILTERS} filters at most")
    for found in filters:
        text = found.get("Pattern", "")
        try:
            event_pattern.parse(text)
        except ValueError:
            raise _invalid("Invalid filter pattern definition.") from None
        if len(text) > FILTER_SIZE:
            raise _invalid(f"A filter's pattern has {FILTER_SIZE} characters at most")


def is_queue(arn: str) -> bool:
    """Whether an ARN is that of a queue."""
    return arn.split(":")[2:3] == ["sqs"]


def _check_queue(arn: str, options: Mapping[str, Any]) -> None:
    for name in _OF_STREAMS:
        # What an update takes away is empty.
        if options.get(name) not in (None, False, {}, {"OnFailure": {}}):
            raise _invalid(f"Unsupported {name} parameter for given event source mapping type.")
    window, size = options.get("MaximumBatchingWindowInSeconds") or 0, options.get("BatchSize", QUEUE_BATCH)
    if arn.endswith(".fifo") and window:
        raise _invalid("Batching window is not supported for FIFO queues")
    if size > QUEUE_BATCH and (arn.endswith(".fifo") or not window):
        if arn.endswith(".fifo"):
            raise _invalid(f"Batch size {size} is more than the {QUEUE_BATCH} messages that a FIFO queue has")
        raise _invalid(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
        )
    most = (options.get("ScalingConfig") or {}).get("MaximumConcurrency")
    if most is not None and not 2 <= most <= 1000:
        raise _invalid(f"MaximumConcurrency {most} is not within 2 to 1000")


def _check_stream(arn: str, options: Mapping[str, Any]) -> None:
    if options.get("ScalingConfig"):
        raise _invalid("ScalingConfig is for event sources of SQS")
    if options.get("TumblingWindowInSeconds"):
        raise _invalid("the sandbox has no tumbling windows (TumblingWindowInSeconds)")
    position, timestamp = options.get("StartingPosition"), options.get("StartingPositionTimestamp")
    if position is None:
        raise _invalid(
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: "
            "Member must not be null."
        )
    if position == "AT_TIMESTAMP" and not is_kinesis_stream(arn):
        raise _invalid(f"Unsupported starting position for arn type: {arn}")
    if (position == "AT_TIMESTAMP") != (timestamp is not None):
        raise _invalid("StartingPositionTimestamp goes with the starting position AT_TIMESTAMP, which needs it")
    config = options.get("DestinationConfig") or {}
    destination = (config.get("OnFailure") or {}).get("Destination")
    if (config.get("OnSuccess") or {}).get("Destination"):
        raise _invalid("Unsupported DestinationConfig.OnSuccess parameter for given event source mapping type.")
    if destination and service_of(destination) not in OF_STREAMS:
        raise _invalid(
            f"The provided destination config DestinationConfig(onSuccess=null, onFailure=OnFailure(destination="
            f"{destination})) is invalid."
        )


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterValueException", message)
