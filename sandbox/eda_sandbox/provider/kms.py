"""Keys."""

from typing import Any

from eda_sandbox.provider.convert import Inputs, properties
from eda_sandbox.provider.resource import Context, Created, Found, ResourceType, State, found_by
from eda_sandbox.provider.tags import tagged, tags_of


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


def _update_key(context: Context, id: str, state: State, inputs: Inputs) -> State:
    rotation, description = bool(inputs.take("enableKeyRotation", False)), inputs.take("description", "")
    policy = inputs.take("policy")
    for untouched in ("tags", "tagsAll", "deletionWindowInDays", "keyUsage", "customerMasterKeySpec", "multiRegion"):
        inputs.take(untouched)
    inputs.done()
    kms = context.client("kms")
    kms.update_key_description(KeyId=id, Description=description)
    if policy and policy != state.get("policy"):
        kms.put_key_policy(KeyId=id, PolicyName="default", Policy=policy)
    if rotation != bool(state.get("enableKeyRotation")):
        (kms.enable_key_rotation if rotation else kms.disable_key_rotation)(KeyId=id)
    return {}


def _read_key(context: Context, id: str, state: State) -> Found:
    kms = context.client("kms")
    key = kms.describe_key(KeyId=id)["KeyMetadata"]
    found = properties("kms", "CreateKey", key)
    found |= {
        "enableKeyRotation": kms.get_key_rotation_status(KeyId=id)["KeyRotationEnabled"],
        "policy": kms.get_key_policy(KeyId=id, PolicyName="default")["Policy"],
        "tags": tags_of(kms.list_resource_tags(KeyId=id).get("Tags")),
    }
    return Found({name: found[name] for name in _READ}, {"keyId": id, "arn": key["Arn"]})


_READ = ("customerMasterKeySpec", "description", "enableKeyRotation", "keyUsage", "multiRegion", "policy", "tags")


def _delete_key(context: Context, id: str, state: State) -> None:
    # 30 days are the provider's default, too.
    days = int(state.get("deletionWindowInDays") or 30)
    context.client("kms").schedule_key_deletion(KeyId=id, PendingWindowInDays=days)


def _is_kept(answer: Any, it: State) -> bool:
    return bool(answer["KeyMetadata"]["KeyState"] != "PendingDeletion")


TYPES = {
    "aws:kms/key:Key": ResourceType(
        _create_key,
        _delete_key,
        _update_key,
        frozenset({"keyUsage", "customerMasterKeySpec", "multiRegion"}),
        found_by("kms", "DescribeKey", lambda it: {"KeyId": it["id"]}, _is_kept),
        tagged("kms", lambda it: {"KeyId": it["id"]}),
        _read_key,
        defaults={"customerMasterKeySpec": "SYMMETRIC_DEFAULT", "description": "", "keyUsage": "ENCRYPT_DECRYPT"},
        documents=frozenset({"policy"}),
        unread=frozenset({"deletionWindowInDays", "bypassPolicyLockoutSafetyCheck"}),
        # Every key has a policy.
        shared=frozenset({"policy"}),
    )
}
