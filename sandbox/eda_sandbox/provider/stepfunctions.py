"""State machines."""

from typing import Any

from eda_sandbox.provider.convert import Inputs, pairs, properties
from eda_sandbox.provider.resource import Context, Created, Found, ResourceType, found_by
from eda_sandbox.provider.tags import tagged, tags_of


def _create(context: Context, inputs: Inputs) -> Created:
    name = context.auto_name(inputs.take("name"), inputs.take("namePrefix"))
    tags = inputs.tags()
    logging = _logging(inputs)
    request = inputs.rest("stepfunctions", "CreateStateMachine")
    made = context.client("stepfunctions").create_state_machine(
        name=name, tags=pairs(tags, "key", "value"), **logging, **request
    )
    arn = made["stateMachineArn"]
    return Created(arn, {"name": name, "arn": arn, "status": "ACTIVE"})


def _logging(inputs: Inputs) -> dict[str, Any]:
    given = inputs.take("loggingConfiguration")
    if not given:
        return {}
    configuration: dict[str, Any] = {
        "level": given.get("level", "OFF"),
        "includeExecutionData": given.get("includeExecutionData", False),
    }
    if given.get("logDestination"):
        configuration["destinations"] = [{"cloudWatchLogsLogGroup": {"logGroupArn": given["logDestination"]}}]
    return {"loggingConfiguration": configuration}


def _update(context: Context, id: str, state: dict[str, Any], inputs: Inputs) -> dict[str, Any]:
    for untouched in ("name", "namePrefix", "type", "tags", "tagsAll"):
        inputs.take(untouched)
    # What is not asked for any more has to be turned off by name.
    off = {"loggingConfiguration": {"level": "OFF"}, "tracingConfiguration": {"enabled": False}}
    changes = {**off, **_logging(inputs), **inputs.rest("stepfunctions", "UpdateStateMachine")}
    context.client("stepfunctions").update_state_machine(stateMachineArn=id, **changes)
    return {}


def _read(context: Context, id: str, state: dict[str, Any]) -> Found:
    client = context.client("stepfunctions")
    machine = client.describe_state_machine(stateMachineArn=id)
    found = properties("stepfunctions", "CreateStateMachine", machine)
    if logging := machine.get("loggingConfiguration"):
        groups = [each["cloudWatchLogsLogGroup"]["logGroupArn"] for each in logging.get("destinations", [])]
        found["loggingConfiguration"] = {
            "level": logging.get("level"),
            "includeExecutionData": logging.get("includeExecutionData"),
            **({"logDestination": groups[0]} if groups else {}),
        }
    found["tags"] = tags_of(client.list_tags_for_resource(resourceArn=id).get("tags"))
    return Found(found, {"arn": id, "status": machine["status"]})


def _delete(context: Context, id: str, state: dict[str, Any]) -> None:
    context.client("stepfunctions").delete_state_machine(stateMachineArn=id)


TYPES = {
    "aws:sfn/stateMachine:StateMachine": ResourceType(
        _create,
        _delete,
        _update,
        frozenset({"name", "namePrefix", "type"}),
        found_by("stepfunctions", "DescribeStateMachine", lambda it: {"stateMachineArn": it["id"]}),
        tagged("stepfunctions", lambda it: {"resourceArn": it["id"]}),
        _read,
        defaults={
            "type": "STANDARD",
            "loggingConfiguration": {"level": "OFF"},
            "encryptionConfiguration": {"type": "AWS_OWNED_KEY"},
        },
        documents=frozenset({"definition"}),
        unread=frozenset({"publish", "versionDescription"}),
    ),
}
