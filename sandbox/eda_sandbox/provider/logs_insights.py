"""Saved queries of CloudWatch Logs Insights."""

from typing import Any

from eda_sandbox.provider.convert import Inputs, properties
from eda_sandbox.provider.resource import Context, Created, Found, ResourceType, State, found_by


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


def _read(context: Context, id: str, state: State) -> Found:
    answer = context.client("logs").describe_query_definitions(**_named(state))
    query = next(found for found in answer["queryDefinitions"] if found["queryDefinitionId"] == id)
    found = properties("logs", "PutQueryDefinition", query)
    # Queries of other languages are not among the AWS provider's.
    del found["queryLanguage"]
    return Found(found, {"queryDefinitionId": found.pop("queryDefinitionId")})


def _named(it: State) -> dict[str, Any]:
    return {"queryDefinitionNamePrefix": it["name"]} if "name" in it else {}


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
            _named,
            _is_saved,
        ),
        read=_read,
        # Its ARN is what the AWS provider imports it by.
        imported=lambda _, id: {"id": id.rpartition(":")[2]},
        unordered=frozenset({"logGroupNames"}),
    )
}
