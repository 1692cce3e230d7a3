"""Secrets and their values."""

from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError

from eda_sandbox.provider.convert import Inputs, pairs
from eda_sandbox.provider.resource import Context, Created, ResourceType, State, found_by
from eda_sandbox.provider.tags import tagged


def _create(context: Context, inputs: Inputs) -> Created:
    given, prefix, client = inputs.take("name"), inputs.take("namePrefix"), context.client("secretsmanager")
    inputs.take("recoveryWindowInDays")
    tags = inputs.tags()
    request = inputs.rest("secretsmanager", "CreateSecret")
    before = context.before
    while True:
        name = replace(context, before=before).auto_name(given, prefix)
        try:
            made = client.create_secret(Name=name, Tags=pairs(tags), **request)
        except ClientError:
            # A name is not free before the end of the recovery window, long after its resource is gone.
            if given or not _is_deleted(client, name):
                raise
            before += 1
        else:
            return Created(made["ARN"], {"arn": made["ARN"], "name": name})


def _is_deleted(client: Any, name: str) -> bool:
    try:
        return "DeletedDate" in client.describe_secret(SecretId=name)
    except ClientError:
        return False


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


def _create_version(context: Context, inputs: Inputs) -> Created:
    made = context.client("secretsmanager").put_secret_value(**inputs.rest("secretsmanager", "PutSecretValue"))
    return Created(f"{made['ARN']}|{made['VersionId']}", {"arn": made["ARN"], "versionId": made["VersionId"]})


def _delete_version(context: Context, id: str, state: State) -> None:
    """The newest version of a secret cannot be taken away; it goes with the secret."""


TYPES = {
    "aws:secretsmanager/secret:Secret": ResourceType(
        _create,
        _delete,
        _update,
        frozenset({"name", "namePrefix"}),
        found_by("secretsmanager", "DescribeSecret", lambda it: {"SecretId": it["id"]}, _is_kept),
        tagged("secretsmanager", lambda it: {"SecretId": it["id"]}),
    ),
    "aws:secretsmanager/secretVersion:SecretVersion": ResourceType(
        _create_version,
        _delete_version,
        replaces=frozenset({"secretId", "secretBinary", "secretString", "versionStages"}),
    ),
}
