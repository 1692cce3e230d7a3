"""What a function needs to put payloads into a store and to get them from it."""

from collections.abc import Mapping
from enum import Enum
from typing import Any, NotRequired, TypedDict

import pulumi

from pulumi_aws_eda._parts import keys
from pulumi_aws_eda._parts.args import check, number, one_of

BUDGET = 200_000
"""Bytes of a result that stay inline: Step Functions takes 262,144, and the rest of the state needs room too."""
LEAST_BUDGET = 1_000
"""A reference itself takes some 300 bytes."""


class PayloadAccess(Enum):
    """What a function does with payloads."""

    READ = "READ"
    """It resolves the references in its events."""
    WRITE = "WRITE"
    """It offloads results that are over the budget."""
    READ_WRITE = "READ_WRITE"
    """Both."""


class FunctionPayloadStoreArgs(TypedDict):
    """Where payloads lie that are too long for events and results; ``PayloadStore.for_function`` makes it."""

    bucket_name: pulumi.Input[str]
    """The store's bucket."""
    bucket_arn: pulumi.Input[str]
    """Its ARN."""
    prefix: NotRequired[pulumi.Input[str]]
    """What the store's keys begin with; default: nothing."""
    budget: NotRequired[int]
    """Bytes of serialised UTF-8 up to which a result stays inline, 1,000 to 200,000 (Step Functions takes 262,144);
    default 200,000."""
    access: NotRequired[PayloadAccess]
    """What the function does with payloads; default ``READ_WRITE``."""
    kms_key_arn: NotRequired[pulumi.Input[str]]
    """The bucket's customer managed key; default: the function's ``kms_key_arn``."""


def payload_settings(component: str, store: FunctionPayloadStoreArgs) -> pulumi.Output[str]:
    """``EDA_PAYLOAD_STORE`` for the runtime.

    Args:
        component: for messages.
        store: the argument ``payload_store``.

    Raises:
        ArgumentError: a member is unknown, missing or out of bounds.
    """
    where = _checked(component, store)
    return pulumi.Output.json_dumps(
        {
            "bucket": store["bucket_name"],
            "prefix": store.get("prefix", ""),
            "budget": number(where, store, "budget", BUDGET, LEAST_BUDGET, BUDGET),
            "access": _access(where, store).value,
        }
    )


def payload_grants(component: str, store: FunctionPayloadStoreArgs | None) -> dict[str, Any]:
    """The statements of the function's role, by Sid; none without a store.

    Args:
        component: for messages.
        store: the argument ``payload_store``.

    Raises:
        ArgumentError: a member is unknown, missing or out of bounds.
    """
    if store is None:
        return {}
    access = _access(_checked(component, store), store)
    arn, prefix, key = store["bucket_arn"], store.get("prefix", ""), store.get("kms_key_arn")
    grants: dict[str, Any] = {}
    if access is not PayloadAccess.READ:
        grants |= writing(arn, prefix, key)
    if access is not PayloadAccess.WRITE:
        grants |= reading(arn, prefix, key)
    return grants


def writing(
    bucket_arn: pulumi.Input[str], prefix: pulumi.Input[str], kms_key_arn: pulumi.Input[str] | None
) -> dict[str, Any]:
    """What whoever puts payloads needs, by Sid."""
    objects = pulumi.Output.concat(bucket_arn, "/", prefix, "*")
    return {"PutPayloads": {"actions": ["s3:PutObject"], "resources": [objects], **keys.given(kms_key_arn)}}


def reading(
    bucket_arn: pulumi.Input[str], prefix: pulumi.Input[str], kms_key_arn: pulumi.Input[str] | None
) -> dict[str, Any]:
    """What whoever gets payloads needs, by Sid. With listing S3 says that an object is gone, not forbidden."""
    objects = pulumi.Output.concat(bucket_arn, "/", prefix, "*")
    actions = ["s3:GetObject", "s3:ListBucket"]
    return {"GetPayloads": {"actions": actions, "resources": [bucket_arn, objects], **keys.given(kms_key_arn)}}


def _checked(component: str, store: Mapping[str, Any]) -> str:
    where = f"{component}, payload_store"
    check(where, store, FunctionPayloadStoreArgs)
    return where


def _access(where: str, store: Mapping[str, Any]) -> PayloadAccess:
    access: PayloadAccess = one_of(where, store, "access", PayloadAccess, PayloadAccess.READ_WRITE)
    return access
