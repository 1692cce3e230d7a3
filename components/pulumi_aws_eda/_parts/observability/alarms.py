"""The alarms that each function, machine, stream and pipe has, whoever made it."""

from typing import Any

import pulumi
from pulumi_aws_eda._parts import common as _parts

PIPE_METRICS = ("ExecutionFailed", "ExecutionPartiallyFailed", "ExecutionThrottled", "ExecutionTimeout")


def function(common: _parts.Common, function_name: pulumi.Input[str], what: str, prefix: str = "") -> None:
    """Errors and throttles of a function.

    Args:
        common: the component.
        function_name: the function.
        what: how descriptions name it.
        prefix: of the logical names' suffixes.
    """
    for metric in ("Errors", "Throttles"):
        _parts.alarm(
            common,
            f"{prefix}{metric.lower()}",
            namespace="AWS/Lambda",
            metric=metric,
            dimensions={"FunctionName": function_name},
            description=f"{what}: {metric.lower()} of the function",
        )


def state_machine(
    common: _parts.Common,
    state_machine_arn: pulumi.Input[str],
    what: str,
    effect: str,
    prefix: str = "",
    runbook: str | None = None,
) -> None:
    """Executions that failed or timed out.

    Args:
        common: the component.
        state_machine_arn: the machine.
        what: how descriptions name it.
        effect: what becomes of such an execution.
        prefix: of the logical names' suffixes.
        runbook: another page than the usual one.
    """
    for metric in ("ExecutionsFailed", "ExecutionsTimedOut"):
        _parts.alarm(
            common,
            f"{prefix}{metric.lower()}",
            namespace="AWS/States",
            metric=metric,
            dimensions={"StateMachineArn": state_machine_arn},
            description=f"{what}: {metric}; {effect}",
            runbook=runbook,
        )


def delivery_stream(
    common: _parts.Common,
    delivery_stream_name: pulumi.Input[str],
    what: str,
    freshness: int,
    prefix: str = "",
    *,
    parquet: bool,
    kinesis: bool,
) -> None:
    """Records that wait too long, attempts that failed, records that do not fit, and what holds them back.

    Args:
        common: the component.
        delivery_stream_name: the Firehose stream.
        what: how descriptions name it.
        freshness: seconds that the oldest record may wait.
        prefix: of the logical names' suffixes.
        parquet: records are converted.
        kinesis: its source is a Kinesis stream.
    """

    def alarm(metric: str, description: str, **settings: Any) -> None:
        _parts.alarm(
            common,
            prefix + metric.replace(".", "-").lower(),
            namespace="AWS/Firehose",
            metric=metric,
            dimensions={"DeliveryStreamName": delivery_stream_name},
            description=f"{what}: {description}",
            **settings,
        )

    waits = f"the oldest record waits longer than {freshness} s to be delivered"
    alarm("DeliveryToS3.DataFreshness", waits, threshold=freshness, statistic="Maximum")
    alarm(
        "DeliveryToS3.Success",
        "an attempt to write to S3 failed; Firehose tries for 24 hours",
        threshold=1,
        statistic="Minimum",
        comparison_operator="LessThanThreshold",
    )
    if parquet:
        alarm("FailedConversion.Records", "records do not fit the Glue table; they lie under the error prefix")
    if kinesis:
        lag = "Firehose is behind the Kinesis stream"
        alarm("KinesisMillisBehindLatest", lag, threshold=freshness * 1000, statistic="Maximum")
    else:
        alarm("ThrottledRecords", "records were throttled: the stream's quota is reached")


def pipe(common: _parts.Common, pipe_name: pulumi.Input[str], what: str, prefix: str = "pipe-") -> None:
    """Batches of a Pipe that failed, failed in part, timed out or were throttled.

    Args:
        common: the component.
        pipe_name: the Pipe.
        what: how descriptions name it.
        prefix: of the logical names' suffixes.
    """
    for metric in PIPE_METRICS:
        _parts.alarm(
            common,
            f"{prefix}{metric.lower()}",
            namespace="AWS/EventBridge/Pipes",
            metric=metric,
            dimensions={"PipeName": pipe_name},
            description=f"{what}: {metric} of the Pipe; its log says why",
        )
