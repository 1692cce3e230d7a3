"""Schedules and their groups."""

from typing import Any

from eda_sandbox.provider.convert import Inputs, pairs, properties
from eda_sandbox.provider.resource import Context, Created, Found, ResourceType, found_by
from eda_sandbox.provider.tags import tagged, tags_of


def _create_group(context: Context, inputs: Inputs) -> Created:
    name, tags = context.auto_name(inputs.take("name"), inputs.take("namePrefix")), inputs.tags()
    inputs.done()
    made = context.client("scheduler").create_schedule_group(Name=name, Tags=pairs(tags))
    return Created(name, {"name": name, "arn": made["ScheduleGroupArn"], "state": "ACTIVE"})


def _read_group(context: Context, id: str, state: dict[str, Any]) -> Found:
    scheduler = context.client("scheduler")
    group = scheduler.get_schedule_group(Name=id)
    tags = tags_of(scheduler.list_tags_for_resource(ResourceArn=group["Arn"]).get("Tags"))
    return Found({"name": id, "tags": tags}, {"arn": group["Arn"], "state": group["State"]})


def _delete_group(context: Context, id: str, state: dict[str, Any]) -> None:
    context.client("scheduler").delete_schedule_group(Name=id)


def _create_schedule(context: Context, inputs: Inputs) -> Created:
    name = context.auto_name(inputs.take("name"), inputs.take("namePrefix"))
    group = inputs.take("groupName", "default")
    request = inputs.rest("scheduler", "CreateSchedule")
    made = context.client("scheduler").create_schedule(Name=name, GroupName=group, **request)
    return Created(f"{group}/{name}", {"name": name, "groupName": group, "arn": made["ScheduleArn"]})


def _update_schedule(context: Context, id: str, state: dict[str, Any], inputs: Inputs) -> dict[str, Any]:
    for untouched in ("name", "namePrefix", "groupName"):
        inputs.take(untouched)
    group, _, name = id.partition("/")
    request = inputs.rest("scheduler", "UpdateSchedule")
    context.client("scheduler").update_schedule(Name=name, GroupName=group, **request)
    return {}


def _read_schedule(context: Context, id: str, state: dict[str, Any]) -> Found:
    group, _, name = id.partition("/")
    schedule = context.client("scheduler").get_schedule(Name=name, GroupName=group)
    found = properties("scheduler", "CreateSchedule", schedule)
    del found["clientToken"]
    return Found(found, {"arn": schedule["Arn"]})


def _delete_schedule(context: Context, id: str, state: dict[str, Any]) -> None:
    group, _, name = id.partition("/")
    context.client("scheduler").delete_schedule(Name=name, GroupName=group)


TYPES = {
    "aws:scheduler/schedule:Schedule": ResourceType(
        _create_schedule,
        _delete_schedule,
        _update_schedule,
        frozenset({"name", "namePrefix", "groupName"}),
        found_by(
            "scheduler",
            "GetSchedule",
            lambda it: {"GroupName": it["groupName"], "Name": it["name"]},
        ),
        read=_read_schedule,
        imported=lambda _, id: dict(zip(("groupName", "name"), id.split("/", 1), strict=False)),
        defaults={
            "actionAfterCompletion": "NONE",
            "description": "",
            "groupName": "default",
            "scheduleExpressionTimezone": "UTC",
            "state": "ENABLED",
            "target": {"retryPolicy": {"maximumEventAgeInSeconds": 86400, "maximumRetryAttempts": 185}},
        },
        documents=frozenset({"target.input"}),
    ),
    "aws:scheduler/scheduleGroup:ScheduleGroup": ResourceType(
        _create_group,
        _delete_group,
        replaces=frozenset({"name", "namePrefix"}),
        exists=found_by("scheduler", "GetScheduleGroup", lambda it: {"Name": it["id"]}),
        retag=tagged("scheduler", lambda it: {"ResourceArn": it["arn"]}),
        read=_read_group,
    ),
}
