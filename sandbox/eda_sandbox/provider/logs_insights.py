"""Saved queries of CloudWatch Logs Insights."""

from typing import Any

from eda_sandbox.provider.convert import Inputs
from eda_sandbox.provider.resource import Context, Created, ResourceType, State, found_by


def _create(context: Context, inputs: Inputs) -> Created:
    name = context.auto_name(inputs.take("name"))
    request = inputs.rest("logs", "PutQueryDefinition")
    id = context.client("logs").put_query_definition(name=name, **request)["queryDefinitionId"]
    return Created(id, {"name": name, "queryDefinitionId": id})


def _update(context: Context, id: str, state: State, inputs: Inputs) -> dict[str, Any]:
    name = inputs.take("name") or state["name"]
    request = inputs.rest("logs", "PutQueryDefinition")
    context.client("logs").put_query_definition(name=name, queryDefinitionId=id, **request)
    return {}


def _delete(context: Context, id: str, state: State) -> None:
    context.client("logs").delete_query_definition(queryDefinitionId=id)


def _is_saved(answer: Any, it: State) -> bool:
    return any(found["queryDefinitionId"] == it["id"] for found in answer["queryDefinitions"])


TYPES = {
    "aws:cloudwatch/queryDefinition:QueryDefinition": ResourceType(
        _create,
        _delete,
        _update,
        exists=found_by(
            "logs",
            "DescribeQueryDefinitions",
            lambda it: {"queryDefinitionNamePrefix": it["name"]},
            _is_saved,
        ),
    )
}
