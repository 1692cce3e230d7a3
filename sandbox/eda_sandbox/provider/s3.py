"""Buckets and the resources that configure them."""

import mimetypes
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pulumi
from botocore.exceptions import ClientError

from eda_sandbox.foundation.errors import SandboxError
from eda_sandbox.provider.convert import Inputs, pairs, properties
from eda_sandbox.provider.resource import (
    Context,
    Create,
    Created,
    Delete,
    Exists,
    Found,
    Read,
    ResourceType,
    State,
    Update,
    found_by,
)
from eda_sandbox.provider.tags import tags_of


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
    return Created(name, {"bucket": name, **_bucket_outputs(context, name)})


def _bucket_outputs(context: Context, name: str) -> dict[str, Any]:
    domain = f"{name}.s3.{context.cloud.region}.amazonaws.com"
    return {"arn": f"arn:aws:s3:::{name}", "bucketRegionalDomainName": domain, "bucketDomainName": domain}


def _read_bucket(context: Context, id: str, state: State) -> Found:
    try:
        tags = tags_of(context.client("s3").get_bucket_tagging(Bucket=id)["TagSet"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchTagSet":
            raise
        tags = {}
    return Found({"bucket": id, "tags": tags}, _bucket_outputs(context, id))


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


def _as_set(operation: str, member: str, structure: str, renames: dict[str, str] | None = None) -> Read:
    """What a bucket's setting is: the structure that the Put call takes is the one that the Get call shows."""

    def read(context: Context, id: str, state: State) -> Found:
        answer = getattr(context.client("s3"), _snake(operation))(Bucket=id)
        described = answer if not member else answer[member]
        return Found({"bucket": id, **properties("s3", structure, described, renames)})

    return read


def _of_bucket(context: Context, id: str) -> State:
    """A bucket has one of each setting, which goes by its name; its owner may be named beside it."""
    name = id.partition(",")[0]
    return {"bucket": name, "id": name}


def _snake(operation: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in operation).lstrip("_")


def _create_versioning(context: Context, inputs: Inputs) -> Created:
    bucket, configuration = inputs.need("bucket"), inputs.need("versioningConfiguration")
    inputs.done()
    context.client("s3").put_bucket_versioning(
        Bucket=bucket, VersioningConfiguration={"Status": configuration["status"]}
    )
    return Created(bucket)


def _read_versioning(context: Context, id: str, state: State) -> Found:
    status = context.client("s3").get_bucket_versioning(Bucket=id).get("Status", "Disabled")
    return Found({"bucket": id, "versioningConfiguration": {"status": status}})


def _suspend_versioning(context: Context, id: str, state: State) -> None:
    # A bucket that had versions once cannot lose them; the AWS provider suspends what it enabled.
    if state["versioningConfiguration"]["status"] == "Enabled":
        context.client("s3").put_bucket_versioning(Bucket=id, VersioningConfiguration={"Status": "Suspended"})


def _create_policy(context: Context, inputs: Inputs) -> Created:
    bucket, policy = inputs.need("bucket"), inputs.need("policy")
    inputs.done()
    context.client("s3").put_bucket_policy(Bucket=bucket, Policy=policy)
    return Created(bucket)


def _read_policy(context: Context, id: str, state: State) -> Found:
    return Found({"bucket": id, "policy": context.client("s3").get_bucket_policy(Bucket=id)["Policy"]})


def _create_ownership(context: Context, inputs: Inputs) -> Created:
    bucket, rule = inputs.need("bucket"), inputs.need("rule")
    inputs.done()
    context.client("s3").put_bucket_ownership_controls(
        Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": rule["objectOwnership"]}]}
    )
    return Created(bucket)


def _read_ownership(context: Context, id: str, state: State) -> Found:
    [rule] = context.client("s3").get_bucket_ownership_controls(Bucket=id)["OwnershipControls"]["Rules"]
    return Found({"bucket": id, "rule": {"objectOwnership": rule["ObjectOwnership"]}})


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


def _read_notification(context: Context, id: str, state: State) -> Found:
    answer = context.client("s3").get_bucket_notification_configuration(Bucket=id)
    return Found({"bucket": id, "eventbridge": "EventBridgeConfiguration" in answer})


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


def _read_object(context: Context, id: str, state: State) -> Found:
    s3, where = context.client("s3"), {"Bucket": state["bucket"], "Key": id}
    head = s3.head_object(**where)
    described = properties("s3", "PutObject", head, {"kmsKeyId": "SSEKMSKeyId"})
    found = {name: described[name] for name in (*_OBJECT, *_OBJECT_MAY)}
    tags = tags_of(s3.get_object_tagging(**where)["TagSet"])
    found |= {"bucket": state["bucket"], "key": id, "tags": tags, "etag": head["ETag"].strip('"')}
    return Found(found, {"versionId": head.get("VersionId", "")})


_OBJECT = (
    "cacheControl",
    "contentDisposition",
    "contentEncoding",
    "contentLanguage",
    "contentType",
    "metadata",
)
_OBJECT_MAY = ("bucketKeyEnabled", "kmsKeyId", "serverSideEncryption", "storageClass")
"""Properties that an object has from its bucket where they are not given."""


def _of_key(context: Context, id: str) -> State:
    bucket, _, key = id.removeprefix("s3://").partition("/")
    return {"bucket": bucket, "id": key}


def _object_defaults(it: State) -> dict[str, Any]:
    return {"contentType": mimetypes.guess_type(str(it.get("key")))[0] or "application/octet-stream"}


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
_KEY = {"kmsMasterKeyId": "KMSMasterKeyID"}
_set_encryption = _setting("PutBucketEncryption", "ServerSideEncryptionConfiguration", _KEY)
_block_public_access = _setting("PutPublicAccessBlock", "PublicAccessBlockConfiguration")
_set_lifecycle = _setting("PutBucketLifecycleConfiguration", "LifecycleConfiguration", _LIFECYCLE)
_object = ResourceType(
    _create_object,
    _delete_object,
    _update_object,
    frozenset({"bucket", "key"}),
    found_by("s3", "HeadObject", lambda it: {"Bucket": it["bucket"], "Key": it["id"]}),
    _retag_object,
    _read_object,
    _of_key,
    _object_defaults,
    # What it contains is known by its etag.
    unread=frozenset({"source", "content", "sourceHash", "overrideProvider", "acl", "checksumAlgorithm"}),
    shared=frozenset(_OBJECT_MAY),
    assigned=frozenset({"etag"}),
)

TYPES = {
    "aws:s3/bucket:Bucket": ResourceType(
        _create_bucket,
        _delete_bucket,
        _update_bucket,
        frozenset({"bucket", "bucketPrefix", "objectLockEnabled"}),
        found_by("s3", "HeadBucket", lambda it: {"Bucket": it["id"]}),
        _retag_bucket,
        _read_bucket,
        unread=frozenset({"bucketPrefix", "objectLockEnabled"}),
    ),
    "aws:s3/bucketVersioning:BucketVersioning": ResourceType(
        _create_versioning,
        _suspend_versioning,
        _again(_create_versioning),
        # It cannot be gone: a bucket that once had versions has at least suspended ones.
        _PER_BUCKET,
        read=_read_versioning,
        imported=_of_bucket,
        unread=frozenset({"expectedBucketOwner"}),
    ),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": ResourceType(
        _set_encryption,
        _taken_away("DeleteBucketEncryption"),
        _again(_set_encryption),
        # It cannot be gone either: every bucket is encrypted with S3's own key where nothing else is asked for.
        _PER_BUCKET,
        read=_as_set(
            "GetBucketEncryption", "ServerSideEncryptionConfiguration", "ServerSideEncryptionConfiguration", _KEY
        ),
        imported=_of_bucket,
        unread=frozenset({"expectedBucketOwner"}),
    ),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": ResourceType(
        _block_public_access,
        _taken_away("DeletePublicAccessBlock"),
        _again(_block_public_access),
        _PER_BUCKET,
        _shown_by("GetPublicAccessBlock"),
        read=_as_set("GetPublicAccessBlock", "PublicAccessBlockConfiguration", "PublicAccessBlockConfiguration"),
        imported=_of_bucket,
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": ResourceType(
        _set_lifecycle,
        _taken_away("DeleteBucketLifecycle"),
        _again(_set_lifecycle),
        _PER_BUCKET,
        _shown_by("GetBucketLifecycleConfiguration"),
        read=_as_set("GetBucketLifecycleConfiguration", "", "BucketLifecycleConfiguration", _LIFECYCLE),
        imported=_of_bucket,
        unordered=frozenset({"rules"}),
        unread=frozenset({"expectedBucketOwner"}),
    ),
    "aws:s3/bucketPolicy:BucketPolicy": ResourceType(
        _create_policy,
        _taken_away("DeleteBucketPolicy"),
        _again(_create_policy),
        _PER_BUCKET,
        _shown_by("GetBucketPolicy"),
        read=_read_policy,
        imported=_of_bucket,
        documents=frozenset({"policy"}),
    ),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": ResourceType(
        _create_ownership,
        _taken_away("DeleteBucketOwnershipControls"),
        _again(_create_ownership),
        _PER_BUCKET,
        _shown_by("GetBucketOwnershipControls"),
        read=_read_ownership,
        imported=_of_bucket,
    ),
    "aws:s3/bucketNotification:BucketNotification": ResourceType(
        _create_notification,
        _delete_notification,
        _again(_create_notification),
        _PER_BUCKET,
        _shown_by("GetBucketNotificationConfiguration", lambda answer, _: "EventBridgeConfiguration" in answer),
        read=_read_notification,
        fixed="events go to EventBridge or they do not",
        imported=_of_bucket,
    ),
    "aws:s3/bucketObjectv2:BucketObjectv2": _object,
    "aws:s3/bucketObject:BucketObject": _object,
}
