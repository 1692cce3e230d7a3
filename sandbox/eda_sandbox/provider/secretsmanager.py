"""Secrets and their values."""

from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError

from eda_sandbox.provider.convert import Inputs, pairs
from eda_sandbox.provider.resource import Context, Created, Found, ResourceType, State, found_by
from eda_sandbox.provider.tags import tagged, tags_of


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


def _read(context: Context, id: str, state: State) -> Found:
    secret = context.client("secretsmanager").describe_secret(SecretId=id)
    found = {name: secret.get(api) for name, api in (("description", "Description"), ("kmsKeyId", "KmsKeyId"))}
    return Found({**found, "name": secret["Name"], "tags": tags_of(secret.get("Tags"))}, {"arn": secret["ARN"]})


def _delete(context: Context, id: str, state: dict[str, Any]) -> None:
    days = state.get("recoveryWindowInDays")
    how = {"ForceDeleteWithoutRecovery": True} if days == 0 else {"RecoveryWindowInDays": int(days or 30)}
    context.client("secretsmanager").delete_secret(SecretId=id, **how)


def _is_kept(answer: Any, it: dict[str, Any]) -> bool:
    return "DeletedDate" not in answer


def _create_version(context: Context, inputs: Inputs) -> Created:
    made = context.client("secretsmanager").put_secret_value(**inputs.rest("secretsmanager", "PutSecretValue"))
    return Created(f"{made['ARN']}|{made['VersionId']}", {"arn": made["ARN"], "versionId": made["VersionId"]})


def _read_version(context: Context, id: str, state: State) -> Found:
    secret, _, version = id.partition("|")
    found = context.client("secretsmanager").get_secret_value(SecretId=secret, VersionId=version)
    inputs = {"secretId": state.get("secretId", secret), "secretString": found.get("SecretString")}
    return Found({**inputs, "secretBinary": found.get("SecretBinary")}, {"arn": found["ARN"], "versionId": version})


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
        _read,
        defaults={"description": "", "kmsKeyId": "alias/aws/secretsmanager"},
        unread=frozenset({"recoveryWindowInDays", "forceOverwriteReplicaSecret"}),
    ),
    "aws:secretsmanager/secretVersion:SecretVersion": ResourceType(
        _create_version,
        _delete_version,
        replaces=frozenset({"secretId", "secretBinary", "secretString", "versionStages"}),
        read=_read_version,
        # Somebody who gives the secret another value makes another version.
        fixed="a version is never changed",
        unread=frozenset({"versionStages"}),
    ),
}
