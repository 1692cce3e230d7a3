"""Rules on Firehose, Athena, Glue, Redshift and keys."""

from typing import Any

from eda_policies.alarms import Alarm, alarms
from eda_policies.functions import functions
from eda_policies.graph import Graph
from eda_policies.resource import Findings, Property, Resource, between
from eda_policies.rule import Category, Option, Options, resource_rule, stack_rule

STREAM = "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream"
KINESIS_STREAM = "aws:kinesis/stream:Stream"
WORKGROUP = "aws:athena/workgroup:Workgroup"
JOB = "aws:glue/job:Job"
SECURITY = "aws:glue/securityConfiguration:SecurityConfiguration"
CLUSTER = "aws:redshift/cluster:Cluster"
SERVERLESS_WORKGROUP = "aws:redshiftserverless/workgroup:Workgroup"
KEY = "aws:kms/key:Key"
RULE = "aws:cloudwatch/eventRule:EventRule"
TARGET = "aws:cloudwatch/eventTarget:EventTarget"
NOTIFICATION = "aws:s3/bucketNotification:BucketNotification"
BUCKET = "aws:s3/bucket:Bucket"
_FIREHOSE = "https://docs.aws.amazon.com/firehose/latest/dev/"
_ATHENA = "https://docs.aws.amazon.com/athena/latest/ug/"
_GLUE = "https://docs.aws.amazon.com/glue/latest/dg/"
_REDSHIFT = "https://docs.aws.amazon.com/redshift/latest/mgmt/"
_S3 = "extendedS3Configuration"
LONGEST_RETRY_SECONDS = 86_400
"""How long Firehose keeps what it cannot deliver (Firehose Developer Guide, data delivery retry)."""


def _writes_to_s3(stream: Resource) -> bool:
    return stream.anything(_S3).given or stream.text("destination").value == "extended_s3"


@resource_rule(
    "firehose-buffering",
    Resource,
    STREAM,
    holds="A stream's buffer is within the window of seconds and MiB.",
    why="Small files make every query slow and dear; long intervals make the data old.",
    fix="Set buffering_interval and buffering_size within the window.",
    reference=_FIREHOSE + "buffering-hints.html",
    category=Category.COST,
    essential=True,
    options={
        "minimumInterval": Option.of(
            {"type": "integer", "minimum": 0, "maximum": 900, "description": "seconds"}, 60, sandbox=0
        ),
        "maximumInterval": Option.of({"type": "integer", "minimum": 0, "maximum": 900, "description": "seconds"}, 900),
        "minimumSize": Option.of({"type": "integer", "minimum": 1, "maximum": 128, "description": "MiB"}, 64),
        "maximumSize": Option.of({"type": "integer", "minimum": 1, "maximum": 128, "description": "MiB"}, 128),
    },
)
def buffering(stream: Resource, options: Options) -> Findings:
    """Files are of a good size and age."""
    if not _writes_to_s3(stream):
        return
    for key, default, low, high, unit in (
        ("bufferingInterval", 300, options["minimumInterval"], options["maximumInterval"], "s"),
        ("bufferingSize", 5, options["minimumSize"], options["maximumSize"], "MiB"),
    ):
        allowed = f"exactly {low} {unit}" if low == high else f"{low} to {high} {unit}"
        found = stream.number(f"{_S3}.{key}", default)
        yield from found.require(between(low, high), allowed)


@resource_rule(
    "firehose-error-prefix",
    Resource,
    STREAM,
    holds="A stream writes what it could not convert or deliver under a prefix of its own, by kind of error.",
    why="Without one, broken records lie among the data and every query reads them.",
    fix="Set error_output_prefix with !{firehose:error-output-type}.",
    reference=_FIREHOSE + "s3-prefixes.html",
    category=Category.RELIABILITY,
)
def error_prefix(stream: Resource, options: Options) -> Findings:
    """Errors lie apart."""
    if _writes_to_s3(stream):
        allowed = "a prefix with !{firehose:error-output-type}"
        found = stream.text(f"{_S3}.errorOutputPrefix")
        yield from found.require(lambda prefix: "!{firehose:error-output-type}" in prefix, allowed)


@resource_rule(
    "firehose-encrypted",
    Resource,
    STREAM,
    holds="A stream is encrypted; one that reads a Kinesis stream or a topic of Kafka is so by its source.",
    why="Records wait in the stream's buffer, up to a day when the bucket is not reached.",
    fix='Set server_side_encryption={"enabled": True}.',
    reference=_FIREHOSE + "encryption.html",
    category=Category.SECURITY,
)
def firehose_encrypted(stream: Resource, options: Options) -> Findings:
    """Streams are encrypted."""
    if any(stream.anything(f"{kind}SourceConfiguration").given for kind in ("kinesis", "msk")):
        return
    yield from stream.flag("serverSideEncryption.enabled", False).require(lambda on: on, "true")
    if stream.text("serverSideEncryption.keyType").value == "CUSTOMER_MANAGED_CMK":
        yield from stream.text("serverSideEncryption.keyArn").require_given("the ARN of the key")


@resource_rule(
    "kinesis-encrypted",
    Resource,
    KINESIS_STREAM,
    holds="A Kinesis stream is encrypted with a key.",
    why="Kinesis encrypts nothing at rest by itself, and a stream keeps records for a day to a year.",
    fix='Set encryption_type="KMS" and kms_key_id, for example alias/aws/kinesis.',
    reference="https://docs.aws.amazon.com/streams/latest/dev/server-side-encryption.html",
    category=Category.SECURITY,
)
def kinesis_encrypted(stream: Resource, options: Options) -> Findings:
    """Streams are encrypted."""
    yield from stream.text("encryptionType", "NONE").require(lambda kind: kind == "KMS", "KMS")
    if stream.text("encryptionType").value == "KMS":
        yield from stream.text("kmsKeyId").require_given("a KMS key")


@stack_rule(
    "firehose-freshness-alarm",
    holds="An alarm with an action goes off when a stream's oldest record gets old.",
    why="Firehose tries for a day and then drops: the age of the oldest record is the only early sign.",
    fix="Add a MetricAlarm on DeliveryToS3.DataFreshness, at two to three times the interval, with alarm_actions.",
    reference=_FIREHOSE + "monitoring-with-cloudwatch-metrics.html",
    category=Category.OPERATIONS,
)
def freshness_alarm(graph: Graph, options: Options) -> Findings:
    """Somebody is told."""
    allowed = "an alarm on DeliveryToS3.DataFreshness above a time of less than a day, with an action"
    for stream in graph.of(STREAM):
        found = list(alarms(graph, stream, "DeliveryToS3.DataFreshness"))
        problems = [_not_fresh(alarm) for alarm in found]
        if _writes_to_s3(stream) and (not found or all(problems)):
            shown = f"{found[0].name}: {problems[0]}" if found else "no alarm watches its freshness"
            yield stream.finding(shown, allowed)


def _not_fresh(alarm: Alarm) -> str:
    """Why an alarm does not tell that records are old; empty when it does."""
    threshold, comparison = alarm.number("threshold"), alarm.text("comparisonOperator")
    if comparison.value is not None and not comparison.value.startswith("GreaterThan"):
        return f"its comparison is {comparison.shown}"
    if threshold.value is not None and not 0 < threshold.value < LONGEST_RETRY_SECONDS:
        return f"its threshold is {threshold.shown} s"
    return alarm.deaf("AWS/Firehose") or ("" if alarm.acts else "it has no action")


@resource_rule(
    "athena-workgroup-enforced",
    Resource,
    WORKGROUP,
    holds="A workgroup enforces its settings, and encrypts results.",
    why="Otherwise each client says where results go, and whether they are encrypted.",
    fix="Set enforce_workgroup_configuration=True and result_configuration with encryption_configuration.",
    reference=_ATHENA + "workgroups-settings-override.html",
    category=Category.SECURITY,
)
def workgroup_enforced(workgroup: Resource, options: Options) -> Findings:
    """Settings hold for everybody."""
    enforced = workgroup.flag("configuration.enforceWorkgroupConfiguration", True)
    yield from enforced.require(lambda on: on, "true")
    if workgroup.flag("configuration.managedQueryResultsConfiguration.enabled", False).value:
        # Athena keeps these results itself, encrypted.
        return
    encryption = "configuration.resultConfiguration.encryptionConfiguration"
    option = workgroup.text(f"{encryption}.encryptionOption")
    yield from option.require(lambda found: found in ("SSE_S3", "SSE_KMS", "CSE_KMS"), "SSE_S3, SSE_KMS or CSE_KMS")
    if option.value in ("SSE_KMS", "CSE_KMS"):
        yield from workgroup.text(f"{encryption}.kmsKeyArn").require_given("the ARN of the key")


@resource_rule(
    "athena-scan-limit",
    Resource,
    WORKGROUP,
    holds="A workgroup stops queries that scan too much.",
    why="One query without a partition filter reads, and bills, the whole table.",
    fix="Set bytes_scanned_cutoff_per_query.",
    reference=_ATHENA + "workgroups-setting-control-limits-cloudwatch.html",
    category=Category.COST,
    options={
        "maximum": Option.of(
            {"type": "integer", "minimum": 10_000_000, "description": "bytes"}, 1024**4, dev=100 * 1024**3
        )
    },
)
def scan_limit(workgroup: Resource, options: Options) -> Findings:
    """Scans are limited."""
    most = options["maximum"]
    limit = workgroup.number("configuration.bytesScannedCutoffPerQuery")
    yield from limit.require(lambda found: 0 < found <= most, f"10000000 to {most} bytes")


@stack_rule(
    "analytics-no-loop",
    holds="No function that new objects trigger writes under the prefix that triggers it.",
    why="Each object it writes triggers it again: a loop that only the bill ends.",
    fix="Write to another bucket or prefix, and name the prefix in the rule's pattern.",
    reference=_ATHENA + "unload.html",
    category=Category.RELIABILITY,
    essential=True,
    options={
        "variables": Option.of(
            {
                "type": "array",
                "items": {"type": "string"},
                "description": "environment variables that hold where a function writes, as s3://bucket/prefix/",
            },
            ["OUTPUT_LOCATION"],
        )
    },
)
def no_loop(graph: Graph, options: Options) -> Findings:
    """Output triggers nothing."""
    for function in functions(graph):
        for name in options["variables"]:
            output = function.text(f"environment.variables.{name}")
            if output.invalid:
                yield from output.require(lambda _known: True, "s3://bucket/prefix/")
            elif output.given:
                yield from _loops(graph, function, output)


def _loops(graph: Graph, function: Resource, output: Property[str]) -> Findings:
    allowed = "an output that triggers nothing"
    for trigger, pattern in _triggers(graph, function):
        if output.unknown or pattern.unknown:
            written = {bucket.urn for bucket in graph.linked(function, "environment", BUCKET)}
            watched = {bucket.urn for bucket in graph.linked(trigger, pattern.path, BUCKET)}
            if not written or not watched or written & watched:
                yield function.undecided((output if output.unknown else pattern).path, allowed)
            continue
        for prefix in _prefixes(trigger, pattern):
            if str(output.value).startswith(prefix) or prefix.startswith(str(output.value)):
                yield function.finding(
                    f"it writes to {output.value}, and {trigger.name} runs it for {prefix}*", allowed
                )


def _triggers(graph: Graph, function: Resource) -> list[tuple[Resource, Property[Any]]]:
    """What runs a function for new objects, with the property that says which."""
    found: list[tuple[Resource, Property[Any]]] = []
    for target, name in graph.naming(function, TARGET):
        if name == "arn":
            found += [(rule, rule.anything("eventPattern")) for rule in graph.linked(target, "rule", RULE)]
    found += [
        (n, n.anything("bucket")) for n, name in graph.naming(function, NOTIFICATION) if name == "lambdaFunctions"
    ]
    return found


def _prefixes(trigger: Resource, pattern: Property[Any]) -> list[str]:
    """``s3://bucket/prefix`` of the objects that trigger."""
    if trigger.type == NOTIFICATION:
        return [
            f"s3://{pattern.value}/{entry.text('filterPrefix').value or ''}"
            for entry in trigger.each("lambdaFunctions")
        ]
    given = pattern.value
    document = trigger.parsed(given) if isinstance(given, str) else given
    if not isinstance(document, dict) or not _of_objects(document.get("source")):
        return []
    detail = document.get("detail")
    # A pattern that names no bucket is for the objects of all.
    buckets = _members(detail, "bucket", "name") or [""]
    keys = [entry for entry in _members(detail, "object", "key") if isinstance(entry, dict | str)]
    prefixes = [entry.get("prefix", "") if isinstance(entry, dict) else entry for entry in keys] or [""]
    named = [bucket for bucket in buckets if isinstance(bucket, str)]
    return [f"s3://{bucket}/{prefix}" if bucket else "s3://" for bucket in named for prefix in prefixes]


def _of_objects(source: Any) -> bool:
    """Whether a pattern's source is S3, or may be."""
    listed = source if isinstance(source, list) else []
    return not listed or "aws.s3" in listed or any(isinstance(part, dict) for part in listed)


def _members(detail: Any, *path: str) -> list[Any]:
    for part in path:
        detail = detail.get(part) if isinstance(detail, dict) else None
    return detail if isinstance(detail, list) else []


@resource_rule(
    "glue-version-pinned",
    Resource,
    JOB,
    holds="A job pins the version of Glue, a Python shell job that of Python.",
    why="What is not pinned changes with AWS's default, and the job with it.",
    fix="Set glue_version, and command.python_version for a Python shell job.",
    reference=_GLUE + "release-notes.html",
    category=Category.RELIABILITY,
)
def version_pinned(job: Resource, options: Options) -> Findings:
    """Versions are pinned."""
    if job.text("command.name").value == "pythonshell":
        yield from job.text("command.pythonVersion").require(lambda found: found in ("3.9", "3.11"), "3.9")
    else:
        yield from job.text("glueVersion").require_given("a version such as 5.0")


@resource_rule(
    "glue-timeout",
    Resource,
    JOB,
    holds="A job has a timeout within bounds.",
    why="A job that hangs is paid for by the second; the default is eight hours or more.",
    fix="Set timeout, in minutes.",
    reference=_GLUE + "add-job.html",
    category=Category.COST,
    options={"maximum": Option.of({"type": "integer", "minimum": 1, "description": "minutes"}, 240)},
)
def glue_timeout(job: Resource, options: Options) -> Findings:
    """Jobs end."""
    most = options["maximum"]
    yield from job.number("timeout", 480).require(lambda found: 0 < found <= most, f"1 to {most} minutes")


@resource_rule(
    "glue-encrypted",
    Resource,
    JOB,
    SECURITY,
    holds="A job has a security configuration, which encrypts its logs and bookmarks with a key, and its files.",
    why="Jobs log what they read.",
    fix="Make a SecurityConfiguration with SSE-KMS for CloudWatch Logs and CSE-KMS for bookmarks, and set "
    "security_configuration.",
    reference=_GLUE + "encryption-security-configuration.html",
    category=Category.SECURITY,
)
def glue_encrypted(resource: Resource, options: Options) -> Findings:
    """Jobs are encrypted."""
    if resource.type == JOB:
        yield from resource.text("securityConfiguration").require_given("the name of a security configuration")
        return
    logs, bookmarks = (
        resource.text(f"encryptionConfiguration.{part}", "DISABLED")
        for part in (
            "cloudwatchEncryption.cloudwatchEncryptionMode",
            "jobBookmarksEncryption.jobBookmarksEncryptionMode",
        )
    )
    yield from logs.require(lambda mode: mode == "SSE-KMS", "SSE-KMS")
    yield from bookmarks.require(lambda mode: mode == "CSE-KMS", "CSE-KMS")
    for part, mode in (("cloudwatchEncryption", logs), ("jobBookmarksEncryption", bookmarks)):
        if mode.value not in (None, "DISABLED"):
            yield from resource.text(f"encryptionConfiguration.{part}.kmsKeyArn").require_given("the ARN of the key")
    files = resource.text("encryptionConfiguration.s3Encryption.s3EncryptionMode", "DISABLED")
    yield from files.require(lambda mode: mode in ("SSE-S3", "SSE-KMS"), "SSE-S3 or SSE-KMS")
    if files.value == "SSE-KMS":
        yield from resource.text("encryptionConfiguration.s3Encryption.kmsKeyArn").require_given("the ARN of the key")


@resource_rule(
    "redshift-private",
    Resource,
    CLUSTER,
    SERVERLESS_WORKGROUP,
    holds="A warehouse has no public address.",
    why="A warehouse holds all data at once; a password is all that would protect it.",
    fix="Set publicly_accessible=False, and reach it from its VPC or by the Data API.",
    reference=_REDSHIFT + "managing-clusters-vpc.html",
    category=Category.SECURITY,
    essential=True,
)
def redshift_private(warehouse: Resource, options: Options) -> Findings:
    """Warehouses are private."""
    yield from warehouse.flag("publiclyAccessible", False).require(lambda on: not on, "false")


@resource_rule(
    "redshift-encrypted",
    Resource,
    CLUSTER,
    SERVERLESS_WORKGROUP,
    holds="A cluster is encrypted, and a Serverless workgroup (which always is) takes TLS alone.",
    why="Data is readable where it lies, or on its way to a client.",
    fix="Set encrypted=True on a cluster; do not set require_ssl to false in config_parameters of a workgroup.",
    reference=_REDSHIFT + "working-with-db-encryption.html",
    category=Category.SECURITY,
)
def redshift_encrypted(warehouse: Resource, options: Options) -> Findings:
    """Warehouses are encrypted."""
    if warehouse.type == CLUSTER:
        yield from warehouse.flag("encrypted", True).require(lambda on: on, "true")
    for parameter in warehouse.each("configParameters"):
        if parameter.text("parameterKey").value == "require_ssl":
            yield from parameter.text("parameterValue").require(lambda value: value == "true", "true")


@resource_rule(
    "kms-rotation",
    Resource,
    KEY,
    holds="A symmetric key is rotated.",
    why="Rotation limits what a key that got out can read, at no effort.",
    fix="Set enable_key_rotation=True.",
    reference="https://docs.aws.amazon.com/kms/latest/developerguide/rotate-keys.html",
    category=Category.SECURITY,
)
def kms_rotation(key: Resource, options: Options) -> Findings:
    """Keys are rotated."""
    if key.text("customerMasterKeySpec", "SYMMETRIC_DEFAULT").value == "SYMMETRIC_DEFAULT":
        yield from key.flag("enableKeyRotation", False).require(lambda on: on, "true")
