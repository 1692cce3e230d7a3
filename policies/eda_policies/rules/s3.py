"""Rules on buckets; their settings are resources of their own."""

from eda_policies.graph import Graph
from eda_policies.resource import Findings, Resource, View
from eda_policies.rule import Category, Options, resource_rule, stack_rule
from eda_policies.tls import tls_findings

BUCKET = "aws:s3/bucket:Bucket"
PUBLIC_ACCESS_BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
VERSIONING = "aws:s3/bucketVersioning:BucketVersioning"
POLICY = "aws:s3/bucketPolicy:BucketPolicy"
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
_INLINE_ENCRYPTION = "serverSideEncryptionConfiguration"
_GUIDE = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/"


def _settings(graph: Graph, bucket: Resource, type: str) -> list[Resource]:
    return [found for found, name in graph.naming(bucket, type) if name == "bucket"]


@stack_rule(
    "s3-public-access-blocked",
    holds="A bucket blocks public access in all four ways.",
    why="One policy or access list written in a hurry opens the data to everybody.",
    fix="Add a BucketPublicAccessBlock with all four settings true.",
    reference=_GUIDE + "access-control-block-public-access.html",
    category=Category.SECURITY,
    essential=True,
)
def public_access_blocked(graph: Graph, options: Options) -> Findings:
    """Nothing is public."""
    keys = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    for bucket in graph.of(BUCKET):
        blocks = _settings(graph, bucket, PUBLIC_ACCESS_BLOCK)
        if not blocks:
            yield bucket.finding("no BucketPublicAccessBlock is for it", "one with all four settings true")
        for block in blocks:
            for key in keys:
                yield from block.flag(key, False).require(lambda on: on, "true")


@stack_rule(
    "s3-encrypted",
    holds="A bucket says how it is encrypted, by KMS with a Bucket Key or by S3's keys.",
    why="What is written down is checked and kept; a KMS key without a Bucket Key is paid for with every object.",
    fix="Add a BucketServerSideEncryptionConfiguration.",
    reference=_GUIDE + "bucket-encryption.html",
    category=Category.SECURITY,
)
def encrypted(graph: Graph, options: Options) -> Findings:
    """Encryption is set."""
    for bucket in graph.of(BUCKET):
        found = _settings(graph, bucket, ENCRYPTION)
        inline = [
            rule for entry in bucket.each(_INLINE_ENCRYPTION) for rule in (*entry.each("rules"), *entry.each("rule"))
        ]
        if not any(configuration.anything("rules").given for configuration in found) and not inline:
            yield bucket.finding("no encryption is configured", "a BucketServerSideEncryptionConfiguration with a rule")
        for rules in (*(configuration.each("rules") for configuration in found), inline):
            for rule in rules:
                algorithm = rule.text("applyServerSideEncryptionByDefault.sseAlgorithm")
                yield from algorithm.require(
                    lambda name: name in ("AES256", "aws:kms", "aws:kms:dsse"), "AES256 or aws:kms"
                )
                if algorithm.value == "aws:kms":
                    yield from rule.flag("bucketKeyEnabled", False).require(lambda on: on, "true with aws:kms")


@stack_rule(
    "s3-versioned",
    holds="A bucket keeps versions.",
    why="A repeated or faulty write replaces an object; its version is the only way back.",
    fix='Add a BucketVersioning with status "Enabled", and expire noncurrent versions.',
    reference=_GUIDE + "Versioning.html",
    category=Category.RELIABILITY,
)
def versioned(graph: Graph, options: Options) -> Findings:
    """Objects have versions."""
    for bucket in graph.of(BUCKET):
        found = _settings(graph, bucket, VERSIONING)
        if not found and bucket.flag("versioning.enabled").value is not True:
            yield bucket.finding("no BucketVersioning is for it", "one that is Enabled")
        for versioning in found:
            status = versioning.text("versioningConfiguration.status")
            yield from status.require(lambda value: value == "Enabled", "Enabled")


@stack_rule(
    "s3-tls-only",
    holds="A bucket refuses requests without TLS.",
    why="S3 takes plain HTTP unless the bucket's policy refuses it.",
    fix="Add a BucketPolicy that denies s3:* on the bucket and its objects where aws:SecureTransport is false.",
    reference=_GUIDE + "security-best-practices.html",
    category=Category.SECURITY,
)
def tls_only(graph: Graph, options: Options) -> Findings:
    """Buckets are reached by TLS alone."""
    for bucket in graph.of(BUCKET):
        yield from tls_findings(bucket, "s3", [bucket, *_settings(graph, bucket, POLICY)])


@stack_rule(
    "s3-lifecycle",
    holds="A bucket's lifecycle expires what nobody needs: noncurrent versions and uploads that were broken off.",
    why="Both are invisible in listings, and paid for.",
    fix="Add a BucketLifecycleConfiguration with noncurrent_version_expiration and abort_incomplete_multipart_upload.",
    reference=_GUIDE + "object-lifecycle-mgmt.html",
    category=Category.COST,
)
def lifecycle(graph: Graph, options: Options) -> Findings:
    """What is not needed goes."""
    for bucket in graph.of(BUCKET):
        found = _settings(graph, bucket, LIFECYCLE)
        if not found and bucket.anything("lifecycleRules").given:
            yield from _inline_lifecycle(bucket)
        elif not found:
            yield bucket.finding("no lifecycle is configured", "rules for noncurrent versions and broken uploads")
        for configuration in found:
            rules = [rule for rule in configuration.each("rules") if rule.text("status").value != "Disabled"]
            for rule in rules:
                yield from rule.text("status").require(lambda status: status == "Enabled", "Enabled or Disabled")
            for key in (
                "noncurrentVersionExpiration.noncurrentDays",
                "abortIncompleteMultipartUpload.daysAfterInitiation",
            ):
                if not any(rule.number(key).given and not _narrowed(rule) for rule in rules):
                    yield configuration.finding(f"no rule for the whole bucket has {key}", "a number of days")


def _narrowed(rule: View) -> bool:
    """Whether a rule is for some objects alone."""
    if rule.text("prefix").given:
        return True
    return any(
        rule.anything(f"filter.{key}").given
        for key in (
            *("prefix", "tag", "objectSizeGreaterThan", "objectSizeLessThan"),
            *("and.prefix", "and.tags", "and.objectSizeGreaterThan", "and.objectSizeLessThan"),
        )
    )


def _inline_lifecycle(bucket: Resource) -> Findings:
    """Rules in the bucket's own properties, which have other names."""
    rules = [r for r in bucket.each("lifecycleRules") if r.flag("enabled").value and not r.text("prefix").given]
    for key in ("noncurrentVersionExpiration.days", "abortIncompleteMultipartUploadDays"):
        if not any(rule.number(key).given for rule in rules):
            yield bucket.finding(f"no lifecycle rule for the whole bucket has {key}", "a number of days")


@resource_rule(
    "s3-no-force-destroy",
    Resource,
    BUCKET,
    holds="A bucket is not deleted with what lies in it.",
    why="Destroying or replacing the bucket would delete the data without a question.",
    fix="Take force_destroy out; empty the bucket by hand when that is meant.",
    reference="https://www.pulumi.com/registry/packages/aws/api-docs/s3/bucket/#forcedestroy_python",
    category=Category.RELIABILITY,
    only_in=("prod",),
)
def no_force_destroy(bucket: Resource, options: Options) -> Findings:
    """Data outlives mistakes."""
    yield from bucket.flag("forceDestroy", False).require(lambda on: not on, "false")
