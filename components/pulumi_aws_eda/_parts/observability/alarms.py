"""The alarms that each function, machine, stream and pipe has, whoever made it."""

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

from pulumi_aws_eda._parts.common import Common
from pulumi_aws_eda._parts.naming import physical_name
from pulumi_aws_eda._parts.observability import runbooks

PIPE_METRICS = ("ExecutionFailed", "ExecutionPartiallyFailed", "ExecutionThrottled", "ExecutionTimeout")


def alarm(
    common: Common,
    suffix: str,
    namespace: str,
    metric: str,
    dimensions: Mapping[str, pulumi.Input[str]],
    description: str,
    threshold: float = 1,
    statistic: str = "Sum",
    period: int = 60,
    evaluation_periods: int = 1,
    comparison_operator: str = "GreaterThanOrEqualToThreshold",
    treat_missing_data: str = "notBreaching",
    runbook: str | None = None,
) -> aws.cloudwatch.MetricAlarm:
    """An alarm when a metric reaches a threshold; no data is no alarm unless it is said to be.

    Its description ends with the page that says what to do: the metric's (``runbooks.PAGES``), or ``runbook``.
    """
    page = runbook or runbooks.PAGES[namespace, metric]
    made = aws.cloudwatch.MetricAlarm(
        f"{common.name}-{suffix}",
        name=physical_name(f"{common.name}-{suffix}", 255),
        alarm_description=f"{description}\nRunbook: {runbooks.link(page)}",
        namespace=namespace,
        metric_name=metric,
        dimensions=dimensions,
        statistic=statistic,
        comparison_operator=comparison_operator,
        threshold=threshold,
        period=period,
        evaluation_periods=evaluation_periods,
        treat_missing_data=treat_missing_data,
        alarm_actions=list(common.alarm_actions),
        tags=common.tags,
        opts=common.opts(),
    )
    common.watch("alarms", made.arn)
    return made


def function(common: Common, function_name: pulumi.Input[str], what: str, prefix: str = "") -> None:
    """Errors and throttles of a function.

    Args:
        common: the component.
        function_name: the function.
        what: how descriptions name it.
        prefix: of the logical names' suffixes.
    """
    for metric in ("Errors", "Throttles"):
        alarm(
            common,
            f"{prefix}{metric.lower()}",
            namespace="AWS/Lambda",
            metric=metric,
            dimensions={"FunctionName": function_name},
            description=f"{what}: {metric.lower()} of the function",
        )


def state_machine(
    common: Common,
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
        alarm(
            common,
            f"{prefix}{metric.lower()}",
            namespace="AWS/States",
            metric=metric,
            dimensions={"StateMachineArn": state_machine_arn},
            description=f"{what}: {metric}; {effect}",
            runbook=runbook,
        )


def delivery_stream(
    common: Common,
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

    def of_stream(metric: str, description: str, **settings: Any) -> None:
        alarm(
            common,
            prefix + metric.replace(".", "-").lower(),
            namespace="AWS/Firehose",
            metric=metric,
            dimensions={"DeliveryStreamName": delivery_stream_name},
            description=f"{what}: {description}",
            **settings,
        )

    waits = f"the oldest record waits longer than {freshness} s to be delivered"
    of_stream("DeliveryToS3.DataFreshness", waits, threshold=freshness, statistic="Maximum")
    of_stream(
        "DeliveryToS3.Success",
        "an attempt to write to S3 failed; Firehose tries for 24 hours",
        threshold=1,
        statistic="Minimum",
        comparison_operator="LessThanThreshold",
    )
    if parquet:
        of_stream("FailedConversion.Records", "records do not fit the Glue table; they lie under the error prefix")
    if kinesis:
        lag = "Firehose is behind the Kinesis stream"
        of_stream("KinesisMillisBehindLatest", lag, threshold=freshness * 1000, statistic="Maximum")
    else:
        of_stream("ThrottledRecords", "records were throttled: the stream's quota is reached")


def pipe(common: Common, pipe_name: pulumi.Input[str], what: str, prefix: str = "pipe-") -> None:
    """Batches of a Pipe that failed, failed in part, timed out or were throttled.

    Args:
        common: the component.
        pipe_name: the Pipe.
        what: how descriptions name it.
        prefix: of the logical names' suffixes.
    """
    for metric in PIPE_METRICS:
        alarm(
            common,
            f"{prefix}{metric.lower()}",
            namespace="AWS/EventBridge/Pipes",
            metric=metric,
            dimensions={"PipeName": pipe_name},
            description=f"{what}: {metric} of the Pipe; its log says why",
        )
