"""Buckets and the resources that configure them."""

import mimetypes
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pulumi

from eda_sandbox.foundation.errors import SandboxError
from eda_sandbox.provider.convert import Inputs, pairs
from eda_sandbox.provider.resource import (
    Context,
    Create,
    Created,
    Delete,
    Exists,
    ResourceType,
    State,
    Update,
    found_by,
)


def _create_bucket(context: Context, inputs: Inputs) -> Created:
    name = context.auto_name(inputs.take("bucket"), inputs.take("bucketPrefix")).lower()
    inputs.take("forceDestroy")
    lock, tags = bool(inputs.take("objectLockEnabled", False)), inputs.tags()
    inputs.done()
    s3 = context.client("s3")
    s3.create_bucket(
        Bucket=name,
        ObjectLockEnabledForBucket=lock,
        CreateBucketConfiguration={"LocationConstraint": context.cloud.region},
    )
    if tags:
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": pairs(tags)})
    domain = f"{name}.s3.{context.cloud.region}.amazonaws.com"
    return Created(
        name,
        {"bucket": name, "arn": f"arn:aws:s3:::{name}", "bucketRegionalDomainName": domain, "bucketDomainName": domain},
    )


def _update_bucket(context: Context, id: str, state: State, inputs: Inputs) -> State:
    for untouched in ("bucket", "bucketPrefix", "objectLockEnabled", "tags", "tagsAll", "forceDestroy"):
        # Only the deletion looks at forceDestroy.
        inputs.take(untouched)
    inputs.done()
    return {}


def _retag_bucket(context: Context, id: str, state: State, before: Mapping[str, str], after: Mapping[str, str]) -> None:
    s3 = context.client("s3")
    if after:
        s3.put_bucket_tagging(Bucket=id, Tagging={"TagSet": pairs(after)})
    else:
        s3.delete_bucket_tagging(Bucket=id)


def _delete_bucket(context: Context, id: str, state: State) -> None:
    s3 = context.client("s3")
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=id)
    objects = [found for page in pages for kind in ("Versions", "DeleteMarkers") for found in page.get(kind, [])]
    if objects and not state.get("forceDestroy"):
        raise SandboxError(f"the bucket {id} is not empty; empty it or set force_destroy")
    for found in objects:
        s3.delete_object(Bucket=id, Key=found["Key"], VersionId=found["VersionId"])
    s3.delete_bucket(Bucket=id)


def _setting(operation: str, member: str, renames: dict[str, str] | None = None) -> Create:
    """A resource that is one PutBucket… call: all its properties lie in one structure."""

    def create(context: Context, inputs: Inputs) -> Created:
        bucket = inputs.need("bucket")
        inputs.take("expectedBucketOwner")
        request = inputs.rest_as("s3", operation, member, renames)
        getattr(context.client("s3"), _snake(operation))(Bucket=bucket, **request)
        return Created(bucket)

    return create


def _again(create: Create) -> Update:
    """The change of a resource whose call sets all of it."""

    def update(context: Context, id: str, state: State, inputs: Inputs) -> State:
        create(context, inputs)
        return {}

    return update


def _taken_away(operation: str) -> Delete:
    """The deletion of a resource that is one DeleteBucket… call."""

    def delete(context: Context, id: str, state: State) -> None:
        getattr(context.client("s3"), _snake(operation))(Bucket=state["bucket"])

    return delete


def _shown_by(operation: str, shown: Callable[[Any, State], object] | None = None) -> Exists:
    return found_by("s3", operation, lambda it: {"Bucket": it["bucket"]}, shown)


def _snake(operation: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in operation).lstrip("_")


def _create_versioning(context: Context, inputs: Inputs) -> Created:
    bucket, configuration = inputs.need("bucket"), inputs.need("versioningConfiguration")
    inputs.done()
    context.client("s3").put_bucket_versioning(
        Bucket=bucket, VersioningConfiguration={"Status": configuration["status"]}
    )
    return Created(bucket)


def _suspend_versioning(context: Context, id: str, state: State) -> None:
    # A bucket that had versions once cannot lose them; the AWS provider suspends what it enabled.
    if state["versioningConfiguration"]["status"] == "Enabled":
        context.client("s3").put_bucket_versioning(Bucket=id, VersioningConfiguration={"Status": "Suspended"})


def _create_policy(context: Context, inputs: Inputs) -> Created:
    bucket, policy = inputs.need("bucket"), inputs.need("policy")
    inputs.done()
    context.client("s3").put_bucket_policy(Bucket=bucket, Policy=policy)
    return Created(bucket)


def _create_ownership(context: Context, inputs: Inputs) -> Created:
    bucket, rule = inputs.need("bucket"), inputs.need("rule")
    inputs.done()
    context.client("s3").put_bucket_ownership_controls(
        Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": rule["objectOwnership"]}]}
    )
    return Created(bucket)


def _create_notification(context: Context, inputs: Inputs) -> Created:
    bucket = inputs.need("bucket")
    configuration: dict[str, Any] = {}
    if inputs.take("eventbridge"):
        configuration["EventBridgeConfiguration"] = {}
    inputs.done()
    context.client("s3").put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration=configuration, SkipDestinationValidation=True
    )
    return Created(bucket)


def _delete_notification(context: Context, id: str, state: State) -> None:
    context.client("s3").put_bucket_notification_configuration(Bucket=id, NotificationConfiguration={})


def _create_object(context: Context, inputs: Inputs) -> Created:
    bucket, key, source = inputs.need("bucket"), inputs.need("key"), inputs.take("source")
    content, kind = inputs.take("content"), inputs.take("contentType")
    # What the provider alone looks at: its own default tags, which a program here has none of, and its diff.
    for only_provider in ("forceDestroy", "overrideProvider", "etag", "sourceHash"):
        inputs.take(only_provider)
    tags = urlencode(inputs.tags())
    request = inputs.rest("s3", "PutObject", {"kmsKeyId": "SSEKMSKeyId"})
    if tags:
        request["Tagging"] = tags
    if isinstance(source, pulumi.FileAsset):
        content = Path(source.path).read_bytes()
    elif isinstance(source, pulumi.StringAsset):
        content = source.text
    body = content.encode() if isinstance(content, str) else content
    kind = kind or mimetypes.guess_type(key)[0] or "application/octet-stream"
    made = context.client("s3").put_object(Bucket=bucket, Key=key, Body=body, ContentType=kind, **request)
    return Created(key, {"etag": made["ETag"].strip('"'), "versionId": made.get("VersionId", ""), "key": key})


def _update_object(context: Context, id: str, state: State, inputs: Inputs) -> State:
    return _create_object(context, inputs).outputs


def _retag_object(context: Context, id: str, state: State, before: Mapping[str, str], after: Mapping[str, str]) -> None:
    context.client("s3").put_object_tagging(Bucket=state["bucket"], Key=id, Tagging={"TagSet": pairs(after)})


def _delete_object(context: Context, id: str, state: State) -> None:
    if state.get("versionId"):
        # As the AWS provider does: an object that the stack made leaves no versions behind.
        _delete_versions(context, state["bucket"], id)
    else:
        context.client("s3").delete_object(Bucket=state["bucket"], Key=id)


def _delete_versions(context: Context, bucket: str, key: str) -> None:
    s3 = context.client("s3")
    versions = s3.list_object_versions(Bucket=bucket, Prefix=key)
    for found in [*versions.get("Versions", []), *versions.get("DeleteMarkers", [])]:
        if found["Key"] == key:
            s3.delete_object(Bucket=bucket, Key=key, VersionId=found["VersionId"])


_LIFECYCLE = {
    "id": "ID",
    "expiration": "Expiration",
    "noncurrentVersionExpiration": "NoncurrentVersionExpiration",
    "abortIncompleteMultipartUpload": "AbortIncompleteMultipartUpload",
    "daysAfterInitiation": "DaysAfterInitiation",
}

_PER_BUCKET = frozenset({"bucket", "expectedBucketOwner"})
_set_encryption = _setting(
    "PutBucketEncryption", "ServerSideEncryptionConfiguration", {"kmsMasterKeyId": "KMSMasterKeyID"}
)
_block_public_access = _setting("PutPublicAccessBlock", "PublicAccessBlockConfiguration")
_set_lifecycle = _setting("PutBucketLifecycleConfiguration", "LifecycleConfiguration", _LIFECYCLE)
_object = ResourceType(
    _create_object,
    _delete_object,
    _update_object,
    frozenset({"bucket", "key"}),
    found_by("s3", "HeadObject", lambda it: {"Bucket": it["bucket"], "Key": it["id"]}),
    _retag_object,
)

TYPES = {
    "aws:s3/bucket:Bucket": ResourceType(
        _create_bucket,
        _delete_bucket,
        _update_bucket,
        frozenset({"bucket", "bucketPrefix", "objectLockEnabled"}),
        found_by("s3", "HeadBucket", lambda it: {"Bucket": it["id"]}),
        _retag_bucket,
    ),
    "aws:s3/bucketVersioning:BucketVersioning": ResourceType(
        _create_versioning,
        _suspend_versioning,
        _again(_create_versioning),
        # It cannot be gone: a bucket that once had versions has at least suspended ones.
        _PER_BUCKET,
    ),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": ResourceType(
        _set_encryption,
        _taken_away("DeleteBucketEncryption"),
        _again(_set_encryption),
        # It cannot be gone either: every bucket is encrypted with S3's own key where nothing else is asked for.
        _PER_BUCKET,
    ),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": ResourceType(
        _block_public_access,
        _taken_away("DeletePublicAccessBlock"),
        _again(_block_public_access),
        _PER_BUCKET,
        _shown_by("GetPublicAccessBlock"),
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": ResourceType(
        _set_lifecycle,
        _taken_away("DeleteBucketLifecycle"),
        _again(_set_lifecycle),
        _PER_BUCKET,
        _shown_by("GetBucketLifecycleConfiguration"),
    ),
    "aws:s3/bucketPolicy:BucketPolicy": ResourceType(
        _create_policy,
        _taken_away("DeleteBucketPolicy"),
        _again(_create_policy),
        _PER_BUCKET,
        _shown_by("GetBucketPolicy"),
    ),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": ResourceType(
        _create_ownership,
        _taken_away("DeleteBucketOwnershipControls"),
        _again(_create_ownership),
        _PER_BUCKET,
        _shown_by("GetBucketOwnershipControls"),
    ),
    "aws:s3/bucketNotification:BucketNotification": ResourceType(
        _create_notification,
        _delete_notification,
        _again(_create_notification),
        _PER_BUCKET,
        _shown_by("GetBucketNotificationConfiguration", lambda answer, _: "EventBridgeConfiguration" in answer),
    ),
    "aws:s3/bucketObjectv2:BucketObjectv2": _object,
    "aws:s3/bucketObject:BucketObject": _object,
}
