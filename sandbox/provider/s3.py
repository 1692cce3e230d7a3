"""Buckets and the resources that configure them."""

import mimetypes
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pulumi

from sandbox.errors import SandboxError
from sandbox.provider.convert import Inputs, pairs
from sandbox.provider.resource import Context, Create, Created, ResourceType, gone_with_parent


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


def _delete_bucket(context: Context, id: str, state: dict[str, Any]) -> None:
    s3 = context.client("s3")
    versions = s3.list_object_versions(Bucket=id)
    objects = [*versions.get("Versions", []), *versions.get("DeleteMarkers", [])]
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
        nested = {member: inputs.left()}
        request = Inputs(f"s3:{operation}", nested).rest("s3", operation, renames)
        getattr(context.client("s3"), _snake(operation))(Bucket=bucket, **request)
        return Created(bucket)

    return create


def _snake(operation: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in operation).lstrip("_")


def _create_versioning(context: Context, inputs: Inputs) -> Created:
    bucket, configuration = inputs.need("bucket"), inputs.need("versioningConfiguration")
    inputs.done()
    context.client("s3").put_bucket_versioning(
        Bucket=bucket, VersioningConfiguration={"Status": configuration["status"]}
    )
    return Created(bucket)


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


def _delete_notification(context: Context, id: str, state: dict[str, Any]) -> None:
    context.client("s3").put_bucket_notification_configuration(Bucket=id, NotificationConfiguration={})


def _create_object(context: Context, inputs: Inputs) -> Created:
    bucket, key, source = inputs.need("bucket"), inputs.need("key"), inputs.take("source")
    content, kind = inputs.take("content"), inputs.take("contentType")
    inputs.take("forceDestroy")
    for only_diff in ("etag", "sourceHash"):
        inputs.take(only_diff)
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


def _delete_object(context: Context, id: str, state: dict[str, Any]) -> None:
    context.client("s3").delete_object(Bucket=state["bucket"], Key=id)


_LIFECYCLE = {
    "id": "ID",
    "expiration": "Expiration",
    "noncurrentVersionExpiration": "NoncurrentVersionExpiration",
    "abortIncompleteMultipartUpload": "AbortIncompleteMultipartUpload",
    "daysAfterInitiation": "DaysAfterInitiation",
}

TYPES = {
    "aws:s3/bucket:Bucket": ResourceType(_create_bucket, _delete_bucket, replaces=frozenset({"bucket"})),
    "aws:s3/bucketVersioning:BucketVersioning": ResourceType(_create_versioning, gone_with_parent),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": ResourceType(
        _setting("PutBucketEncryption", "serverSideEncryptionConfiguration", {"kmsMasterKeyId": "KMSMasterKeyID"}),
        gone_with_parent,
    ),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": ResourceType(
        _setting("PutPublicAccessBlock", "publicAccessBlockConfiguration"), gone_with_parent
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": ResourceType(
        _setting("PutBucketLifecycleConfiguration", "lifecycleConfiguration", _LIFECYCLE), gone_with_parent
    ),
    "aws:s3/bucketPolicy:BucketPolicy": ResourceType(_create_policy, gone_with_parent),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": ResourceType(_create_ownership, gone_with_parent),
    "aws:s3/bucketNotification:BucketNotification": ResourceType(_create_notification, _delete_notification),
    "aws:s3/bucketObjectv2:BucketObjectv2": ResourceType(_create_object, _delete_object),
    "aws:s3/bucketObject:BucketObject": ResourceType(_create_object, _delete_object),
}
