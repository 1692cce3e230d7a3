"""A table and a bucket as the policies of production want them."""

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws


def table(name: str, key: str, tags: Mapping[str, str]) -> aws.dynamodb.Table:
    """A table with a key of text."""
    return aws.dynamodb.Table(
        name,
        billing_mode="PAY_PER_REQUEST",
        hash_key=key,
        attributes=[{"name": key, "type": "S"}],
        point_in_time_recovery={"enabled": True},
        server_side_encryption={"enabled": True},
        deletion_protection_enabled=pulumi.get_stack() == "prod",
        tags=tags,
    )


def bucket(name: str, tags: Mapping[str, str]) -> aws.s3.Bucket:
    """A bucket of its owner alone, by TLS alone, that tells EventBridge of its objects."""
    made = aws.s3.Bucket(name, tags=tags)
    aws.s3.BucketServerSideEncryptionConfiguration(
        name, bucket=made.id, rules=[{"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}]
    )
    aws.s3.BucketVersioning(name, bucket=made.id, versioning_configuration={"status": "Enabled"})
    aws.s3.BucketLifecycleConfiguration(
        name,
        bucket=made.id,
        rules=[
            {
                "id": "expire",
                "status": "Enabled",
                "filter": {},
                "noncurrent_version_expiration": {"noncurrent_days": 30},
                "abort_incomplete_multipart_upload": {"days_after_initiation": 7},
            }
        ],
    )
    aws.s3.BucketPublicAccessBlock(
        name,
        bucket=made.id,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
    )
    denied = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [made.arn, pulumi.Output.concat(made.arn, "/*")],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    aws.s3.BucketPolicy(
        name, bucket=made.id, policy=pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": [denied]})
    )
    aws.s3.BucketNotification(name, bucket=made.id, eventbridge=True)
    return made
