"""Event buses, rules and their targets."""

from typing import Any

from eda_sandbox.provider.convert import Inputs, pairs, properties
from eda_sandbox.provider.resource import Context, Created, Found, ResourceType, State, found_by
from eda_sandbox.provider.tags import tagged, tags_of

_TARGET = {"inputPaths": "InputPathsMap", "kinesisTarget": "KinesisParameters", "sqsTarget": "SqsParameters"}


def _create_bus(context: Context, inputs: Inputs) -> Created:
    name, tags = context.auto_name(inputs.take("name")), inputs.tags()
    request = inputs.rest("events", "CreateEventBus")
    made = context.client("events").create_event_bus(Name=name, Tags=pairs(tags), **request)
    return Created(name, {"name": name, "arn": made["EventBusArn"]})


def _update_bus(context: Context, id: str, state: State, inputs: Inputs) -> State:
    for untouched in ("name", "tags", "tagsAll"):
        inputs.take(untouched)
    context.client("events").update_event_bus(Name=id, **inputs.rest("events", "UpdateEventBus"))
    return {}


def _read_bus(context: Context, id: str, state: State) -> Found:
    events = context.client("events")
    bus = events.describe_event_bus(Name=id)
    found = properties("events", "CreateEventBus", bus)
    found["tags"] = tags_of(events.list_tags_for_resource(ResourceARN=bus["Arn"]).get("Tags"))
    return Found(found, {"arn": bus["Arn"]})


def _delete_bus(context: Context, id: str, state: State) -> None:
    context.client("events").delete_event_bus(Name=id)


def _put_policy(context: Context, inputs: Inputs) -> str:
    bus = inputs.take("eventBusName", "default")
    context.client("events").put_permission(EventBusName=bus, Policy=inputs.need("policy"))
    inputs.done()
    return str(bus)


def _create_policy(context: Context, inputs: Inputs) -> Created:
    bus = _put_policy(context, inputs)
    return Created(bus, {"eventBusName": bus})


def _update_policy(context: Context, id: str, state: State, inputs: Inputs) -> State:
    _put_policy(context, inputs)
    return {}


def _read_policy(context: Context, id: str, state: State) -> Found:
    return Found({"eventBusName": id, "policy": context.client("events").describe_event_bus(Name=id)["Policy"]})


def _delete_policy(context: Context, id: str, state: State) -> None:
    context.client("events").remove_permission(EventBusName=id, RemoveAllPermissions=True)


def _create_archive(context: Context, inputs: Inputs) -> Created:
    name = context.auto_name(inputs.take("name"))
    request = inputs.rest("events", "CreateArchive")
    made = context.client("events").create_archive(ArchiveName=name, **request)
    return Created(name, {"name": name, "arn": made["ArchiveArn"]})


def _update_archive(context: Context, id: str, state: State, inputs: Inputs) -> State:
    for untouched in ("name", "eventSourceArn"):
        inputs.take(untouched)
    context.client("events").update_archive(ArchiveName=id, **inputs.rest("events", "UpdateArchive"))
    return {}


def _read_archive(context: Context, id: str, state: State) -> Found:
    archive = context.client("events").describe_archive(ArchiveName=id)
    found = properties("events", "CreateArchive", archive)
    return Found({"name": found.pop("archiveName"), **found}, {"arn": archive["ArchiveArn"]})


def _delete_archive(context: Context, id: str, state: State) -> None:
    context.client("events").delete_archive(ArchiveName=id)


def _rule(inputs: Inputs) -> dict[str, Any]:
    # Only the deletion looks at it.
    inputs.take("forceDestroy")
    enabled, state = inputs.take("isEnabled"), inputs.take("state")
    if state is None and enabled is not None:
        state = "ENABLED" if enabled else "DISABLED"
    return {**inputs.rest("events", "PutRule"), **({"State": state} if state else {})}


def _create_rule(context: Context, inputs: Inputs) -> Created:
    name, tags = context.auto_name(inputs.take("name"), inputs.take("namePrefix")), inputs.tags()
    request = _rule(inputs)
    arn = context.client("events").put_rule(Name=name, Tags=pairs(tags), **request)["RuleArn"]
    bus = request.get("EventBusName", "default")
    return Created(name if bus == "default" else f"{bus}/{name}", {"name": name, "arn": arn, "eventBusName": bus})


def _update_rule(context: Context, id: str, state: State, inputs: Inputs) -> dict[str, Any]:
    for untouched in ("name", "namePrefix", "tags", "tagsAll"):
        inputs.take(untouched)
    context.client("events").put_rule(Name=id.rpartition("/")[2], **_rule(inputs))
    return {}


def _read_rule(context: Context, id: str, state: State) -> Found:
    events = context.client("events")
    rule = events.describe_rule(Name=id.rpartition("/")[2], **_on_bus(state))
    found = properties("events", "PutRule", rule)
    if "isEnabled" in state and "state" not in state:
        found["isEnabled"] = found.pop("state") == "ENABLED"
    found["tags"] = tags_of(events.list_tags_for_resource(ResourceARN=rule["Arn"]).get("Tags"))
    return Found(found, {"arn": rule["Arn"]})


def _rule_of(context: Context, id: str) -> State:
    bus, _, name = id.rpartition("/")
    return {"eventBusName": bus or "default", "name": name}


def _delete_rule(context: Context, id: str, state: State) -> None:
    context.client("events").delete_rule(Name=id.rpartition("/")[2], EventBusName=state.get("eventBusName", "default"))


def _put_target(context: Context, inputs: Inputs, target_id: str) -> dict[str, Any]:
    inputs.take("forceDestroy")
    rule, bus = inputs.need("rule"), inputs.take("eventBusName", "default")
    nested = {"targets": [{"id": target_id, **inputs.left()}]}
    request = Inputs("aws:cloudwatch/eventTarget:EventTarget", nested).rest("events", "PutTargets", _TARGET)
    context.client("events").put_targets(Rule=rule, EventBusName=bus, **request)
    return {"rule": rule, "eventBusName": bus, "targetId": target_id}


def _create_target(context: Context, inputs: Inputs) -> Created:
    outputs = _put_target(context, inputs, context.auto_name(inputs.take("targetId")))
    return Created(f"{outputs['rule']}-{outputs['targetId']}", outputs)


def _update_target(context: Context, id: str, state: State, inputs: Inputs) -> dict[str, Any]:
    inputs.take("targetId")
    _put_target(context, inputs, state["targetId"])
    return {}


def _read_target(context: Context, id: str, state: State) -> Found:
    answer = context.client("events").list_targets_by_rule(Rule=state["rule"], **_on_bus(state))
    target = next(each for each in answer["Targets"] if each["Id"] == state["targetId"])
    found = properties("events", "Target", target, _TARGET)
    bus = state.get("eventBusName", "default")
    return Found({"targetId": found.pop("id"), **found, "rule": state["rule"], "eventBusName": bus})


def _target_of(context: Context, id: str) -> State:
    """Bus, rule and target with slashes between them; without a bus it is the default one."""
    *bus, rule, target = id.split("/")
    named = {"eventBusName": "/".join(bus) or "default", "rule": rule, "targetId": target}
    return {**named, "id": f"{rule}-{target}"}


def _delete_target(context: Context, id: str, state: State) -> None:
    context.client("events").remove_targets(
        Rule=state["rule"], EventBusName=state.get("eventBusName", "default"), Ids=[state["targetId"]]
    )


def _has_policy(answer: Any, it: State) -> bool:
    return answer.get("Policy") is not None


def _on_bus(it: State) -> State:
    return {"EventBusName": it.get("eventBusName", "default")}


def _is_target(answer: Any, it: State) -> bool:
    return any(target["Id"] == it["targetId"] for target in answer["Targets"])


TYPES = {
    "aws:cloudwatch/eventArchive:EventArchive": ResourceType(
        _create_archive,
        _delete_archive,
        _update_archive,
        frozenset({"name", "eventSourceArn"}),
        found_by("events", "DescribeArchive", lambda it: {"ArchiveName": it["id"]}),
        read=_read_archive,
        defaults={"description": "", "retentionDays": 0},
        documents=frozenset({"eventPattern"}),
    ),
    "aws:cloudwatch/eventBusPolicy:EventBusPolicy": ResourceType(
        _create_policy,
        _delete_policy,
        _update_policy,
        frozenset({"eventBusName"}),
        found_by("events", "DescribeEventBus", lambda it: {"Name": it["id"]}, _has_policy),
        read=_read_policy,
        defaults={"eventBusName": "default"},
        documents=frozenset({"policy"}),
    ),
    "aws:cloudwatch/eventBus:EventBus": ResourceType(
        _create_bus,
        _delete_bus,
        _update_bus,
        frozenset({"name", "eventSourceName"}),
        found_by("events", "DescribeEventBus", lambda it: {"Name": it["id"]}),
        tagged("events", lambda it: {"ResourceARN": it["arn"]}),
        _read_bus,
        defaults={"description": ""},
    ),
    "aws:cloudwatch/eventRule:EventRule": ResourceType(
        _create_rule,
        _delete_rule,
        _update_rule,
        frozenset({"name", "namePrefix", "eventBusName"}),
        found_by("events", "DescribeRule", lambda it: {"Name": it["name"], **_on_bus(it)}),
        tagged("events", lambda it: {"ResourceARN": it["arn"]}),
        _read_rule,
        _rule_of,
        {"eventBusName": "default", "state": "ENABLED", "isEnabled": True},
        frozenset({"eventPattern"}),
    ),
    "aws:cloudwatch/eventTarget:EventTarget": ResourceType(
        _create_target,
        _delete_target,
        _update_target,
        frozenset({"rule", "eventBusName", "targetId"}),
        found_by("events", "ListTargetsByRule", lambda it: {"Rule": it["rule"], **_on_bus(it)}, _is_target),
        read=_read_target,
        imported=_target_of,
        defaults={"eventBusName": "default"},
        documents=frozenset({"input"}),
    ),
}
