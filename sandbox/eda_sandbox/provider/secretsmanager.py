"""Secrets, without their values."""

from typing import Any

from eda_sandbox.provider.convert import Inputs, pairs
from eda_sandbox.provider.resource import Context, Created, ResourceType, found_by
from eda_sandbox.provider.tags import tagged


def _create(context: Context, inputs: Inputs) -> Created:
    name = context.auto_name(inputs.take("name"), inputs.take("namePrefix"))
    inputs.take("recoveryWindowInDays")
    tags = inputs.tags()
    request = inputs.rest("secretsmanager", "CreateSecret")
    made = context.client("secretsmanager").create_secret(Name=name, Tags=pairs(tags), **request)
    return Created(made["ARN"], {"arn": made["ARN"], "name": name})


def _update(context: Context, id: str, state: dict[str, Any], inputs: Inputs) -> dict[str, Any]:
    for untouched in ("name", "namePrefix", "recoveryWindowInDays", "tags", "tagsAll"):
        inputs.take(untouched)
    context.client("secretsmanager").update_secret(SecretId=id, **inputs.rest("secretsmanager", "UpdateSecret"))
    return {}


def _delete(context: Context, id: str, state: dict[str, Any]) -> None:
    days = state.get("recoveryWindowInDays")
    how = {"ForceDeleteWithoutRecovery": True} if days == 0 else {"RecoveryWindowInDays": int(days or 30)}
    context.client("secretsmanager").delete_secret(SecretId=id, **how)


def _is_kept(answer: Any, it: dict[str, Any]) -> bool:
    return "DeletedDate" not in answer


TYPES = {
    "aws:secretsmanager/secret:Secret": ResourceType(
        _create,
        _delete,
        _update,
        frozenset({"name", "namePrefix"}),
        found_by("secretsmanager", "DescribeSecret", lambda it: {"SecretId": it["id"]}, _is_kept),
        tagged("secretsmanager", lambda it: {"SecretId": it["id"]}),
    )
}
