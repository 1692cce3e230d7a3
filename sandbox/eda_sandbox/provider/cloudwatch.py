"""Log groups and alarms."""

import re
from collections.abc import Callable
from typing import Any

from eda_sandbox.foundation.errors import SandboxError
from eda_sandbox.provider.convert import Inputs, pairs, properties
from eda_sandbox.provider.resource import Context, Created, Found, ResourceType, State, found_by
from eda_sandbox.provider.tags import tagged, tags_of


def _create_log_group(context: Context, inputs: Inputs) -> Created:
    name = context.auto_name(inputs.take("name"), inputs.take("namePrefix"))
    retention, tags = inputs.take("retentionInDays"), inputs.tags()
    inputs.take("skipDestroy")
    request = inputs.rest("logs", "CreateLogGroup")
    logs = context.client("logs")
    logs.create_log_group(logGroupName=name, **({"tags": tags} if tags else {}), **request)
    # 0 keeps the lines for ever.
    if retention:
        logs.put_retention_policy(logGroupName=name, retentionInDays=int(retention))
    return Created(name, {"name": name, "arn": context.cloud.arn("logs", f"log-group:{name}")})


def _update_log_group(context: Context, id: str, state: State, inputs: Inputs) -> State:
    for untouched in ("name", "namePrefix", "tags", "tagsAll", "skipDestroy", "logGroupClass"):
        inputs.take(untouched)
    retention, key = inputs.take("retentionInDays"), inputs.take("kmsKeyId")
    inputs.done()
    logs = context.client("logs")
    if retention:
        logs.put_retention_policy(logGroupName=id, retentionInDays=int(retention))
    else:
        logs.delete_retention_policy(logGroupName=id)
    if key != state.get("kmsKeyId"):
        if key:
            logs.associate_kms_key(logGroupName=id, kmsKeyId=key)
        else:
            logs.disassociate_kms_key(logGroupName=id)
    return {}


def _read_log_group(context: Context, id: str, state: State) -> Found:
    logs = context.client("logs")
    groups = logs.describe_log_groups(logGroupNamePrefix=id)["logGroups"]
    group = next(each for each in groups if each["logGroupName"] == id)
    arn = context.cloud.arn("logs", f"log-group:{id}")
    found = {name: group.get(name) for name in ("retentionInDays", "kmsKeyId", "logGroupClass")}
    tags = tags_of(logs.list_tags_for_resource(resourceArn=arn).get("tags"))
    return Found({**found, "name": id, "tags": tags}, {"arn": arn})


def _delete_log_group(context: Context, id: str, state: State) -> None:
    context.client("logs").delete_log_group(logGroupName=id)


def _create_log_stream(context: Context, inputs: Inputs) -> Created:
    group, name = inputs.need("logGroupName"), context.auto_name(inputs.take("name"))
    inputs.done()
    context.client("logs").create_log_stream(logGroupName=group, logStreamName=name)
    return Created(name, {"name": name, "arn": context.cloud.arn("logs", f"log-group:{group}:log-stream:{name}")})


def _delete_log_stream(context: Context, id: str, state: State) -> None:
    context.client("logs").delete_log_stream(logGroupName=state["logGroupName"], logStreamName=id)


def _read_log_stream(context: Context, id: str, state: State) -> Found:
    """It is there or not: nothing of it can be changed."""
    group = state["logGroupName"]
    arn = context.cloud.arn("logs", f"log-group:{group}:log-stream:{id}")
    return Found({"logGroupName": group, "name": id}, {"arn": arn})


def _alarm(inputs: Inputs) -> dict[str, Any]:
    return inputs.rest("cloudwatch", "PutMetricAlarm", _ALARM)


_ALARM = {"evaluateLowSampleCountPercentiles": "EvaluateLowSampleCountPercentile"}


def _create_alarm(context: Context, inputs: Inputs) -> Created:
    name = context.auto_name(inputs.take("name"))
    tags = inputs.tags()
    request = _alarm(inputs)
    context.client("cloudwatch").put_metric_alarm(AlarmName=name, Tags=pairs(tags), **request)
    return Created(name, {"name": name, "arn": context.cloud.arn("cloudwatch", f"alarm:{name}")})


def _update_alarm(context: Context, id: str, state: State, inputs: Inputs) -> State:
    for untouched in ("name", "tags", "tagsAll"):
        inputs.take(untouched)
    context.client("cloudwatch").put_metric_alarm(AlarmName=id, **_alarm(inputs))
    return {}


def _read_alarm(context: Context, id: str, state: State) -> Found:
    cloudwatch = context.client("cloudwatch")
    alarm = cloudwatch.describe_alarms(AlarmNames=[id])["MetricAlarms"][0]
    found = properties("cloudwatch", "PutMetricAlarm", alarm, _ALARM, {"Dimensions"})
    found["name"] = found.pop("alarmName")
    found["tags"] = tags_of(cloudwatch.list_tags_for_resource(ResourceARN=alarm["AlarmArn"]).get("Tags"))
    return Found(found, {"arn": alarm["AlarmArn"]})


def _delete_alarm(context: Context, id: str, state: State) -> None:
    context.client("cloudwatch").delete_alarms(AlarmNames=[id])


def _create_dashboard(context: Context, inputs: Inputs) -> Created:
    name, body = inputs.need("dashboardName"), inputs.need("dashboardBody")
    inputs.done()
    # PutDashboard takes no others (CloudWatch API reference), and the emulator takes all.
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,255}", name):
        raise SandboxError(
            f"InvalidParameterInput: the dashboard's name {name!r} has other characters than A-Za-z0-9_-"
        )
    context.client("cloudwatch").put_dashboard(DashboardName=name, DashboardBody=body)
    arn = f"arn:aws:cloudwatch::{context.cloud.account}:dashboard/{name}"
    return Created(name, {"dashboardArn": arn})


def _update_dashboard(context: Context, id: str, state: State, inputs: Inputs) -> State:
    _create_dashboard(context, inputs)
    return {}


def _read_dashboard(context: Context, id: str, state: State) -> Found:
    answer = context.client("cloudwatch").get_dashboard(DashboardName=id)
    found = {"dashboardName": id, "dashboardBody": answer["DashboardBody"]}
    return Found(found, {"dashboardArn": f"arn:aws:cloudwatch::{context.cloud.account}:dashboard/{id}"})


def _delete_dashboard(context: Context, id: str, state: State) -> None:
    context.client("cloudwatch").delete_dashboards(DashboardNames=[id])


def _named(list_name: str, key: str) -> Callable[[Any, State], object]:
    """Whether a list of an answer has the resource in it: what is searched by prefix finds its namesakes, too."""
    return lambda answer, it: any(found[key] == it["id"] for found in answer[list_name])


TYPES = {
    "aws:cloudwatch/logGroup:LogGroup": ResourceType(
        _create_log_group,
        _delete_log_group,
        _update_log_group,
        frozenset({"name", "namePrefix", "logGroupClass"}),
        found_by(
            "logs",
            "DescribeLogGroups",
            lambda it: {"logGroupNamePrefix": it["id"]},
            _named("logGroups", "logGroupName"),
        ),
        tagged("logs", lambda it: {"resourceArn": it["arn"]}),
        _read_log_group,
        defaults={"retentionInDays": 0, "logGroupClass": "STANDARD"},
    ),
    "aws:cloudwatch/logStream:LogStream": ResourceType(
        _create_log_stream,
        _delete_log_stream,
        exists=found_by(
            "logs",
            "DescribeLogStreams",
            lambda it: {"logGroupName": it["logGroupName"], "logStreamNamePrefix": it["id"]},
            _named("logStreams", "logStreamName"),
        ),
        read=_read_log_stream,
        fixed="a stream has its name alone",
        imported=lambda _, id: dict(zip(("logGroupName", "id"), id.rsplit(":", 1), strict=False)),
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": ResourceType(
        _create_alarm,
        _delete_alarm,
        _update_alarm,
        frozenset({"name"}),
        found_by(
            "cloudwatch", "DescribeAlarms", lambda it: {"AlarmNames": [it["id"]]}, _named("MetricAlarms", "AlarmName")
        ),
        tagged("cloudwatch", lambda it: {"ResourceARN": it["arn"]}),
        _read_alarm,
        defaults={"actionsEnabled": True, "alarmDescription": "", "treatMissingData": "missing"},
        unordered=frozenset({"alarmActions", "insufficientDataActions", "okActions"}),
    ),
    "aws:cloudwatch/dashboard:Dashboard": ResourceType(
        _create_dashboard,
        _delete_dashboard,
        _update_dashboard,
        frozenset({"dashboardName"}),
        found_by("cloudwatch", "GetDashboard", lambda it: {"DashboardName": it["id"]}),
        read=_read_dashboard,
        documents=frozenset({"dashboardBody"}),
    ),
}
