"""Log groups and alarms."""

from typing import Any

from sandbox.provider.convert import Inputs, pairs
from sandbox.provider.resource import Context, Created, ResourceType


def _create_log_group(context: Context, inputs: Inputs) -> Created:
    name = context.auto_name(inputs.take("name"), inputs.take("namePrefix"))
    retention, tags = inputs.take("retentionInDays"), inputs.tags()
    inputs.take("skipDestroy")
    request = inputs.rest("logs", "CreateLogGroup")
    logs = context.client("logs")
    logs.create_log_group(logGroupName=name, **({"tags": tags} if tags else {}), **request)
    if retention:
        logs.put_retention_policy(logGroupName=name, retentionInDays=int(retention))
    return Created(name, {"name": name, "arn": context.cloud.arn("logs", f"log-group:{name}")})


def _delete_log_group(context: Context, id: str, state: dict[str, Any]) -> None:
    context.client("logs").delete_log_group(logGroupName=id)


def _create_log_stream(context: Context, inputs: Inputs) -> Created:
    group, name = inputs.need("logGroupName"), context.auto_name(inputs.take("name"))
    inputs.done()
    context.client("logs").create_log_stream(logGroupName=group, logStreamName=name)
    return Created(name, {"name": name, "arn": context.cloud.arn("logs", f"log-group:{group}:log-stream:{name}")})


def _delete_log_stream(context: Context, id: str, state: dict[str, Any]) -> None:
    context.client("logs").delete_log_stream(logGroupName=state["logGroupName"], logStreamName=id)


def _create_alarm(context: Context, inputs: Inputs) -> Created:
    name = context.auto_name(inputs.take("name"))
    tags = inputs.tags()
    request = inputs.rest(
        "cloudwatch", "PutMetricAlarm", {"evaluateLowSampleCountPercentiles": "EvaluateLowSampleCountPercentile"}
    )
    context.client("cloudwatch").put_metric_alarm(AlarmName=name, Tags=pairs(tags), **request)
    return Created(name, {"name": name, "arn": context.cloud.arn("cloudwatch", f"alarm:{name}")})


def _delete_alarm(context: Context, id: str, state: dict[str, Any]) -> None:
    context.client("cloudwatch").delete_alarms(AlarmNames=[id])


def _create_dashboard(context: Context, inputs: Inputs) -> Created:
    name, body = inputs.need("dashboardName"), inputs.need("dashboardBody")
    inputs.done()
    context.client("cloudwatch").put_dashboard(DashboardName=name, DashboardBody=body)
    arn = f"arn:aws:cloudwatch::{context.cloud.account}:dashboard/{name}"
    return Created(name, {"dashboardArn": arn})


def _delete_dashboard(context: Context, id: str, state: dict[str, Any]) -> None:
    context.client("cloudwatch").delete_dashboards(DashboardNames=[id])


TYPES = {
    "aws:cloudwatch/logGroup:LogGroup": ResourceType(
        _create_log_group, _delete_log_group, replaces=frozenset({"name", "logGroupClass"})
    ),
    "aws:cloudwatch/logStream:LogStream": ResourceType(_create_log_stream, _delete_log_stream),
    "aws:cloudwatch/metricAlarm:MetricAlarm": ResourceType(_create_alarm, _delete_alarm, replaces=frozenset({"name"})),
    "aws:cloudwatch/dashboard:Dashboard": ResourceType(_create_dashboard, _delete_dashboard),
}
