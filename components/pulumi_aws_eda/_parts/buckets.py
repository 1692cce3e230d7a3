"""Buckets."""

import pulumi
import pulumi_aws as aws

from pulumi_aws_eda._parts import access
from pulumi_aws_eda._parts.args import ArgumentError
from pulumi_aws_eda._parts.common import Common
from pulumi_aws_eda._parts.naming import lower_case_name


def bucket(
    common: Common,
    suffix: str,
    expiration_days: pulumi.Input[int] | None = None,
    noncurrent_version_expiration_days: pulumi.Input[int] = 30,
    events: bool = False,
    force_destroy: bool = False,
) -> tuple[aws.s3.Bucket, aws.s3.BucketPolicy]:
    """A versioned, encrypted bucket of its owner alone, reached by TLS alone; its name starts with project and stack.

    Args:
        common: the component; with its key, the bucket has an S3 Bucket Key.
        suffix: of the logical name.
        expiration_days: age at which objects are deleted; None keeps them.
        noncurrent_version_expiration_days: how long replaced and deleted versions are kept.
        events: tell EventBridge of every object.
        force_destroy: delete the bucket with what lies in it.

    Raises:
        ArgumentError: it is to be protected and to be deleted with what lies in it.

    Returns:
        The bucket, and its policy, the last of its settings: what writes into the bucket depends on it. They go with
        the bucket and not before it, so that one that refuses to be deleted keeps them.
    """
    name = f"{common.name}-{suffix}"
    if force_destroy and common.deletion_protection:
        problem = "and 'deletion_protection' are both true; what is protected is not deleted with all that lies in it"
        raise ArgumentError(common.component, "force_destroy", problem)
    made = aws.s3.Bucket(
        name,
        # 63 characters in all, of which the provider's digits take 26.
        bucket_prefix=lower_case_name(name, 36).lstrip("-") + "-",
        force_destroy=force_destroy,
        tags=common.tags,
        opts=common.keeping(),
    )
    keyed = common.kms_key_arn is not None
    versioning = aws.s3.BucketVersioning(
        name, bucket=made.id, versioning_configuration={"status": "Enabled"}, opts=common.opts(deleted_with=made)
    )
    aws.s3.BucketServerSideEncryptionConfiguration(
        name,
        bucket=made.id,
        rules=[
            aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(
                apply_server_side_encryption_by_default=(
                    aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
                        sse_algorithm="aws:kms" if keyed else "AES256", kms_master_key_id=common.kms_key_arn
                    )
                ),
                bucket_key_enabled=keyed,
            )
        ],
        opts=common.opts(deleted_with=made),
    )
    aws.s3.BucketOwnershipControls(
        name, bucket=made.id, rule={"object_ownership": "BucketOwnerEnforced"}, opts=common.opts(deleted_with=made)
    )
    aws.s3.BucketLifecycleConfiguration(
        name,
        bucket=made.id,
        rules=[
            {
                "id": "expire",
                "status": "Enabled",
                "filter": {"prefix": ""},
                # Where objects are kept, the markers of those that were deleted by hand go.
                "expiration": {"expired_object_delete_marker": True}
                if expiration_days is None
                else {"days": expiration_days},
                "noncurrent_version_expiration": {"noncurrent_days": noncurrent_version_expiration_days},
                "abort_incomplete_multipart_upload": {"days_after_initiation": 7},
            }
        ],
        opts=common.opts(depends_on=[versioning], deleted_with=made),
    )
    if events:
        aws.s3.BucketNotification(name, bucket=made.id, eventbridge=True, opts=common.opts(deleted_with=made))
    blocked = aws.s3.BucketPublicAccessBlock(
        name,
        bucket=made.id,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
        opts=common.opts(deleted_with=made),
    )
    policy = aws.s3.BucketPolicy(
        name,
        bucket=made.id,
        policy=pulumi.Output.json_dumps(
            {
                "Version": "2012-10-17",
                "Statement": [access.tls_only("s3:*", [made.arn, pulumi.Output.concat(made.arn, "/*")])],
            }
        ),
        # S3 refuses two changes of a bucket's access at the same time.
        opts=common.opts(depends_on=[blocked], deleted_with=made),
    )
    return made, policy
