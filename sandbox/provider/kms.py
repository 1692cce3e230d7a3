"""Keys."""

from typing import Any

from sandbox.provider.convert import Inputs
from sandbox.provider.resource import Context, Created, ResourceType


def _create_key(context: Context, inputs: Inputs) -> Created:
    tags, rotation = inputs.tags(), inputs.take("enableKeyRotation", False)
    inputs.take("deletionWindowInDays")
    kms = context.client("kms")
    made = kms.create_key(
        **inputs.rest("kms", "CreateKey"), Tags=[{"TagKey": key, "TagValue": value} for key, value in tags.items()]
    )["KeyMetadata"]
    if rotation:
        kms.enable_key_rotation(KeyId=made["KeyId"])
    return Created(made["KeyId"], {"keyId": made["KeyId"], "arn": made["Arn"]})


def _delete_key(context: Context, id: str, state: dict[str, Any]) -> None:
    # 30 days are the provider's default, too.
    days = int(state.get("deletionWindowInDays") or 30)
    context.client("kms").schedule_key_deletion(KeyId=id, PendingWindowInDays=days)


TYPES = {"aws:kms/key:Key": ResourceType(_create_key, _delete_key)}
