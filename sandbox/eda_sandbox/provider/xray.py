"""X-Ray's groups and sampling rules."""

from typing import Any

from botocore.model import StructureShape

from eda_sandbox.foundation.cloud import service_model
from eda_sandbox.provider.convert import Inputs, pairs, properties, to_members
from eda_sandbox.provider.resource import Context, Created, Found, ResourceType, State, found_by
from eda_sandbox.provider.tags import tagged, tags_of


def _create_group(context: Context, inputs: Inputs) -> Created:
    tags = inputs.tags()
    request = inputs.rest("xray", "CreateGroup")
    arn = context.client("xray").create_group(**request, Tags=pairs(tags))["Group"]["GroupARN"]
    return Created(arn, {"arn": arn})


def _update_group(context: Context, id: str, state: State, inputs: Inputs) -> dict[str, Any]:
    inputs.tags()
    inputs.take("groupName")
    context.client("xray").update_group(GroupARN=id, **inputs.rest("xray", "UpdateGroup"))
    return {}


def _read_group(context: Context, id: str, state: State) -> Found:
    xray = context.client("xray")
    found = properties("xray", "CreateGroup", xray.get_group(GroupARN=id)["Group"])
    found["tags"] = tags_of(xray.list_tags_for_resource(ResourceARN=id).get("Tags"))
    return Found(found, {"arn": id})


def _delete_group(context: Context, id: str, state: State) -> None:
    context.client("xray").delete_group(GroupARN=id)


def _create_rule(context: Context, inputs: Inputs) -> Created:
    tags = inputs.tags()
    name = context.auto_name(inputs.take("ruleName"))
    rule = {"RuleName": name, **_rule(inputs)}
    made = context.client("xray").create_sampling_rule(SamplingRule=rule, Tags=pairs(tags))
    return Created(name, {"ruleName": name, "arn": made["SamplingRuleRecord"]["SamplingRule"]["RuleARN"]})


def _update_rule(context: Context, id: str, state: State, inputs: Inputs) -> dict[str, Any]:
    inputs.tags()
    for untouched in ("ruleName", "version"):
        inputs.take(untouched)
    context.client("xray").update_sampling_rule(SamplingRuleUpdate={"RuleName": id, **_rule(inputs)})
    return {}


def _read_rule(context: Context, id: str, state: State) -> Found:
    xray = context.client("xray")
    records = (record["SamplingRule"] for record in xray.get_sampling_rules()["SamplingRuleRecords"])
    rule = next(each for each in records if each["RuleName"] == id)
    found = properties("xray", "SamplingRule", rule)
    arn = found.pop("ruleArn")
    found["tags"] = tags_of(xray.list_tags_for_resource(ResourceARN=arn).get("Tags"))
    return Found(found, {"arn": arn})


def _delete_rule(context: Context, id: str, state: State) -> None:
    context.client("xray").delete_sampling_rule(RuleName=id)


def _rule(inputs: Inputs) -> dict[str, Any]:
    """What is left, as members of a sampling rule."""
    shape = service_model("xray").shape_for("SamplingRule")
    assert isinstance(shape, StructureShape)
    return to_members("aws:xray/samplingRule:SamplingRule", shape, inputs.left(), {})


def _is_rule(answer: Any, it: State) -> bool:
    return any(record["SamplingRule"]["RuleName"] == it["id"] for record in answer["SamplingRuleRecords"])


_retag = tagged("xray", lambda it: {"ResourceARN": it["arn"]})

TYPES = {
    "aws:xray/group:Group": ResourceType(
        _create_group,
        _delete_group,
        _update_group,
        frozenset({"groupName"}),
        found_by("xray", "GetGroup", lambda it: {"GroupARN": it["id"]}),
        _retag,
        _read_group,
    ),
    "aws:xray/samplingRule:SamplingRule": ResourceType(
        _create_rule,
        _delete_rule,
        _update_rule,
        frozenset({"ruleName", "version"}),
        found_by("xray", "GetSamplingRules", lambda _: {}, _is_rule),
        _retag,
        _read_rule,
    ),
}
