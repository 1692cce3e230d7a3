"""Parameters of Systems Manager's Parameter Store."""

from typing import Any

from eda_sandbox.foundation.errors import SandboxError
from eda_sandbox.provider.convert import Inputs, pairs
from eda_sandbox.provider.resource import Context, Created, ResourceType, State, found_by
from eda_sandbox.provider.tags import tagged


def _request(inputs: Inputs) -> dict[str, Any]:
    plain, overwrite = inputs.take("insecureValue"), inputs.take("overwrite")
    request = inputs.rest("ssm", "PutParameter")
    if plain is not None:
        request["Value"] = plain
    if "Value" not in request:
        raise SandboxError("aws:ssm/parameter:Parameter: the property 'value' is missing")
    return {**request, "Overwrite": bool(overwrite)}


def _create(context: Context, inputs: Inputs) -> Created:
    name, tags = context.auto_name(inputs.take("name")), inputs.tags()
    ssm = context.client("ssm")
    made = ssm.put_parameter(Name=name, **_request(inputs))
    if tags:
        ssm.add_tags_to_resource(ResourceType="Parameter", ResourceId=name, Tags=pairs(tags))
    arn = ssm.get_parameter(Name=name)["Parameter"]["ARN"]
    return Created(name, {"name": name, "arn": arn, "version": made["Version"]})


def _update(context: Context, id: str, state: State, inputs: Inputs) -> State:
    for untouched in ("name", "tags", "tagsAll"):
        inputs.take(untouched)
    made = context.client("ssm").put_parameter(**{"Name": id, **_request(inputs), "Overwrite": True})
    return {"version": made["Version"]}


def _delete(context: Context, id: str, state: State) -> None:
    context.client("ssm").delete_parameter(Name=id)


TYPES = {
    "aws:ssm/parameter:Parameter": ResourceType(
        _create,
        _delete,
        _update,
        frozenset({"name", "dataType"}),
        found_by("ssm", "GetParameter", lambda it: {"Name": it["id"]}),
        tagged(
            "ssm",
            lambda it: {"ResourceType": "Parameter", "ResourceId": it["id"]},
            "AddTagsToResource",
            "RemoveTagsFromResource",
        ),
    )
}
