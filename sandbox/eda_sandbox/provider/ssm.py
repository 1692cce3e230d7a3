"""Parameters of Systems Manager's Parameter Store."""

from typing import Any

from eda_sandbox.foundation.errors import SandboxError
from eda_sandbox.provider.convert import Inputs, pairs
from eda_sandbox.provider.resource import Context, Created, Found, ResourceType, State, found_by
from eda_sandbox.provider.tags import tagged, tags_of


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


def _read(context: Context, id: str, state: State) -> Found:
    ssm = context.client("ssm")
    parameter = ssm.get_parameter(Name=id, WithDecryption=True)["Parameter"]
    only = [{"Key": "Name", "Option": "Equals", "Values": [id]}]
    [described] = ssm.describe_parameters(ParameterFilters=only)["Parameters"]
    tags = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=id).get("TagList")
    found = {
        "name": id,
        "type": parameter["Type"],
        "insecureValue" if "insecureValue" in state else "value": parameter["Value"],
        "allowedPattern": described.get("AllowedPattern"),
        "dataType": described.get("DataType"),
        "description": described.get("Description"),
        "keyId": described.get("KeyId") if parameter["Type"] == "SecureString" else None,
        "tier": described.get("Tier"),
        "tags": tags_of(tags),
    }
    return Found(found, {"arn": parameter["ARN"], "version": parameter["Version"]})


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
        _read,
        defaults={"dataType": "text", "description": "", "keyId": "alias/aws/ssm", "tier": "Standard"},
        unread=frozenset({"overwrite"}),
    )
}
