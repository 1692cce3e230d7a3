"""Saved queries of CloudWatch Logs Insights."""

from typing import Any

from sandbox.provider.convert import Inputs
from sandbox.provider.resource import Context, Created, ResourceType


def _create(context: Context, inputs: Inputs) -> Created:
    name = context.auto_name(inputs.take("name"))
    request = inputs.rest("logs", "PutQueryDefinition")
    id = context.client("logs").put_query_definition(name=name, **request)["queryDefinitionId"]
    return Created(id, {"name": name, "queryDefinitionId": id})


def _update(context: Context, id: str, state: dict[str, Any], inputs: Inputs) -> dict[str, Any]:
    name = inputs.take("name", state["name"])
    request = inputs.rest("logs", "PutQueryDefinition")
    context.client("logs").put_query_definition(name=name, queryDefinitionId=id, **request)
    return state


def _delete(context: Context, id: str, state: dict[str, Any]) -> None:
    context.client("logs").delete_query_definition(queryDefinitionId=id)


TYPES = {"aws:cloudwatch/queryDefinition:QueryDefinition": ResourceType(_create, _delete, _update)}
