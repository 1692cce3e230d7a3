"""What several components are made of: roles, dead-letter queues, buckets, log groups, alarms, tables."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import pulumi
import pulumi_aws as aws
from pulumi_aws_eda._parts.naming import physical_name
from pulumi_aws_eda._parts.observability import observed as _observed
from pulumi_aws_eda._parts.observability import runbooks as _runbooks

T = TypeVar("T")
SHARED = ("tags", "kms_key_arn", "permissions_boundary", "alarm_actions", "log_retention_in_days")
"""The arguments that every component takes."""
DLQ_RETENTION_SECONDS = 14 * 24 * 3600
"""What SQS keeps at most."""


@dataclass(frozen=True)
class Common:
    """The arguments that every component takes, and the component itself.

    Attributes:
        parent: the component.
        name: its logical name.
        tags: for every child.
        kms_key_arn: customer managed key; None uses the services' own keys.
        permissions_boundary: ARN of the boundary of every role.
        alarm_actions: ARNs that alarms notify.
        log_retention_in_days: of log groups.
        watched: what the component has made that can be watched, by kind (``_observed.KINDS``).
    """

    parent: pulumi.ComponentResource
    name: str
    tags: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    kms_key_arn: pulumi.Input[str] | None = None
    permissions_boundary: pulumi.Input[str] | None = None
    alarm_actions: Sequence[pulumi.Input[str]] = ()
    log_retention_in_days: pulumi.Input[int] = 30
    watched: dict[str, list[pulumi.Input[str]]] = field(default_factory=dict)

    @classmethod
    def of(cls, parent: pulumi.ComponentResource, name: str, args: Mapping[str, Any]) -> "Common":
        """From a component's arguments."""
        return cls(
            parent,
            name,
            args.get("tags") or {},
            args.get("kms_key_arn"),
            args.get("permissions_boundary"),
            args.get("alarm_actions") or (),
            args.get("log_retention_in_days", 30),
        )

    def opts(self, **options: Any) -> pulumi.ResourceOptions:
        """Options of a child."""
        return pulumi.ResourceOptions(parent=self.parent, **options)

    def watch(self, kind: str, name: pulumi.Input[str]) -> None:
        """Note something that the component has made."""
        self.watched.setdefault(kind, []).append(name)

    def observed(self, *parts: pulumi.Output[_observed.Observed]) -> pulumi.Output[_observed.Observed]:
        """What the component has made, and components that are its children: for its output ``observed``."""
        return _observed.merged([self.watched, *parts])

    def nested(self, args: T) -> T:
        """The arguments of a component that is a child, and with them those that every component takes."""
        shared = {name: getattr(self, name) for name in SHARED if getattr(self, name) is not None}
        return cast("T", {**cast("Mapping[str, Any]", args), **shared})


def arn(common: Common, service: str, resource: pulumi.Input[str]) -> pulumi.Output[str]:
    """The ARN of something in the stack's account and region.

    Args:
        common: the component.
        service: as ARNs spell it.
        resource: what follows the account, for example ``database/orders``.
    """
    options = pulumi.InvokeOutputOptions(parent=common.parent)
    return pulumi.Output.format(
        "arn:{0}:{1}:{2}:{3}:{4}",
        aws.get_partition_output(opts=options).partition,
        service,
        aws.get_region_output(opts=options).region,
        account_id(common),
        resource,
    )


def bucket_arn(common: Common, bucket_name: pulumi.Input[str]) -> pulumi.Output[str]:
    """The ARN of a bucket."""
    partition = aws.get_partition_output(opts=pulumi.InvokeOutputOptions(parent=common.parent)).partition
    return pulumi.Output.concat("arn:", partition, ":s3:::", bucket_name)


def account_id(common: Common) -> pulumi.Output[str]:
    """The stack's account."""
    return aws.get_caller_identity_output(opts=pulumi.InvokeOutputOptions(parent=common.parent)).account_id


def tls_only(action: str, resource: Any) -> dict[str, Any]:
    """The statement of a resource's policy that refuses what does not come by TLS."""
    return {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": action,
        "Resource": resource,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def role(
    common: Common,
    suffix: str,
    service: str | Sequence[str],
    statements: Mapping[str, Mapping[str, Any]],
    source_account: bool = True,
) -> tuple[aws.iam.Role, aws.iam.RolePolicy]:
    """A role that one AWS service assumes, with one statement for each need.

    Args:
        common: the component.
        suffix: of the logical name.
        service: the service's principal, for example ``lambda.amazonaws.com``, or several.
        statements: by their Sid: ``actions`` and ``resources``, optionally ``condition``.
        source_account: demand that the service acts for this account, against the confused deputy; only for services
            whose documentation says that they send it when they assume a role (Step Functions does).
    """
    trust: dict[str, Any] = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
    if source_account:
        trust["Condition"] = {"StringEquals": {"aws:SourceAccount": account_id(common)}}
    made = aws.iam.Role(
        f"{common.name}-{suffix}",
        name=physical_name(f"{common.name}-{suffix}", 64),
        assume_role_policy=pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": [trust]}),
        permissions_boundary=common.permissions_boundary,
        tags=common.tags,
        opts=common.opts(),
    )
    policy = aws.iam.RolePolicy(
        f"{common.name}-{suffix}",
        role=made.name,
        policy=pulumi.Output.json_dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": sid,
                        "Effect": "Allow",
                        "Action": need["actions"],
                        "Resource": need["resources"],
                        **({"Condition": need["condition"]} if "condition" in need else {}),
                    }
                    for sid, need in statements.items()
                ],
            }
        ),
        opts=common.opts(),
    )
    return made, policy


def queue(
    common: Common,
    suffix: str,
    fifo: bool = False,
    rule_arns: Sequence[pulumi.Input[str]] = (),
    **properties: Any,
) -> aws.sqs.Queue:
    """An encrypted queue that is reached by TLS alone.

    Args:
        common: the component.
        suffix: of the logical name.
        fifo: first in, first out.
        rule_arns: EventBridge rules that may send to it, as their target or as a target's dead-letter queue.
        properties: further ones of the queue.
    """
    name = f"{common.name}-{suffix}"
    ending = ".fifo" if fifo else ""
    key: dict[str, Any] = (
        {"kms_master_key_id": common.kms_key_arn} if common.kms_key_arn else {"sqs_managed_sse_enabled": True}
    )
    made = aws.sqs.Queue(
        name,
        name=physical_name(name, 80 - len(ending)) + ending,
        fifo_queue=True if fifo else None,
        tags=common.tags,
        opts=common.opts(),
        **key,
        **properties,
    )
    aws.sqs.QueuePolicy(
        name,
        queue_url=made.url,
        policy=pulumi.Output.json_dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    tls_only("sqs:*", made.arn),
                    *(
                        {
                            "Sid": f"Rule{number}",
                            "Effect": "Allow",
                            "Principal": {"Service": "events.amazonaws.com"},
                            "Action": "sqs:SendMessage",
                            "Resource": made.arn,
                            "Condition": {"ArnEquals": {"aws:SourceArn": rule_arn}},
                        }
                        for number, rule_arn in enumerate(rule_arns, 1)
                    ),
                ],
            }
        ),
        opts=common.opts(),
    )
    return made


def dead_letter_queue(
    common: Common,
    suffix: str = "dlq",
    fifo: bool = False,
    rule_arns: Sequence[pulumi.Input[str]] = (),
    runbook: str | None = None,
) -> aws.sqs.Queue:
    """A queue for what failed, kept 14 days, with an alarm at its first message, whose page says how to redrive."""
    made = queue(common, suffix, fifo=fifo, rule_arns=rule_arns, message_retention_seconds=DLQ_RETENTION_SECONDS)
    common.watch("dead_letter_queues", made.name)
    messages_alarm(common, suffix, made.name, f"{common.name}-{suffix}", runbook)
    return made


def messages_alarm(
    common: Common, suffix: str, queue_name: pulumi.Input[str], what: str, runbook: str | None = None
) -> None:
    """An alarm at the first message of a dead-letter queue."""
    alarm(
        common,
        f"{suffix}-messages",
        namespace="AWS/SQS",
        metric="ApproximateNumberOfMessagesVisible",
        dimensions={"QueueName": queue_name},
        statistic="Maximum",
        description=f"{what} holds a message: something failed for good and waits for its redrive",
        runbook=runbook,
    )


def log_group(common: Common, suffix: str, name: pulumi.Input[str]) -> aws.cloudwatch.LogGroup:
    """A log group with the component's retention and key."""
    common.watch("log_groups", name)
    return aws.cloudwatch.LogGroup(
        f"{common.name}-{suffix}",
        name=name,
        retention_in_days=common.log_retention_in_days,
        kms_key_id=common.kms_key_arn,
        tags=common.tags,
        opts=common.opts(),
    )


def alarm(
    common: Common,
    suffix: str,
    namespace: str,
    metric: str,
    dimensions: Mapping[str, pulumi.Input[str]],
    description: str,
    threshold: float = 1,
    statistic: str = "Sum",
    period: int = 60,
    evaluation_periods: int = 1,
    comparison_operator: str = "GreaterThanOrEqualToThreshold",
    treat_missing_data: str = "notBreaching",
    runbook: str | None = None,
) -> aws.cloudwatch.MetricAlarm:
    """An alarm when a metric reaches a threshold; no data is no alarm unless it is said to be.

    Its description ends with the page that says what to do: the metric's (``_runbooks.PAGES``), or ``runbook``.
    """
    page = runbook or _runbooks.PAGES[namespace, metric]
    made = aws.cloudwatch.MetricAlarm(
        f"{common.name}-{suffix}",
        name=physical_name(f"{common.name}-{suffix}", 255),
        alarm_description=f"{description}\nRunbook: {_runbooks.link(page)}",
        namespace=namespace,
        metric_name=metric,
        dimensions=dimensions,
        statistic=statistic,
        comparison_operator=comparison_operator,
        threshold=threshold,
        period=period,
        evaluation_periods=evaluation_periods,
        treat_missing_data=treat_missing_data,
        alarm_actions=list(common.alarm_actions),
        tags=common.tags,
        opts=common.opts(),
    )
    common.watch("alarms", made.arn)
    return made


def table(
    common: Common,
    suffix: str,
    hash_key: str,
    ttl: str | None = None,
    stream_view_type: str | None = None,
    deletion_protection: bool = False,
    global_secondary_indexes: Mapping[str, tuple[str, str]] | None = None,
) -> aws.dynamodb.Table:
    """An encrypted on-demand table with point-in-time recovery.

    Args:
        common: the component.
        suffix: of the logical name.
        hash_key: the partition key, a string.
        ttl: the attribute that says when a row expires.
        stream_view_type: what the table's stream holds; None makes no stream.
        deletion_protection: refuse to delete the table.
        global_secondary_indexes: partition and sort key by the index's name, both strings; each holds whole rows.
    """
    name, indexes = f"{common.name}-{suffix}", global_secondary_indexes or {}
    made = aws.dynamodb.Table(
        name,
        name=physical_name(name, 255),
        billing_mode="PAY_PER_REQUEST",
        hash_key=hash_key,
        attributes=[
            aws.dynamodb.TableAttributeArgs(name=key, type="S")
            for key in dict.fromkeys([hash_key, *(key for keys in indexes.values() for key in keys)])
        ],
        global_secondary_indexes=[
            aws.dynamodb.TableGlobalSecondaryIndexArgs(
                name=index,
                key_schemas=[
                    aws.dynamodb.TableGlobalSecondaryIndexKeySchemaArgs(attribute_name=key, key_type=key_type)
                    for key, key_type in zip(keys, ("HASH", "RANGE"), strict=True)
                ],
                projection_type="ALL",
            )
            for index, keys in indexes.items()
        ]
        or None,
        ttl={"attribute_name": ttl, "enabled": True} if ttl else None,
        point_in_time_recovery={"enabled": True},
        server_side_encryption={"enabled": True, "kms_key_arn": common.kms_key_arn},
        stream_enabled=True if stream_view_type else None,
        stream_view_type=stream_view_type,
        deletion_protection_enabled=deletion_protection,
        tags=common.tags,
        opts=common.opts(),
    )
    common.watch("tables", made.name)
    return made


@dataclass(frozen=True)
class LedgerTable:
    """The analytics ledger.

    Attributes:
        name: the table.
        arn: its ARN.
    """

    name: pulumi.Output[str]
    arn: pulumi.Output[str]

    def index(self, name: str) -> pulumi.Output[str]:
        """The ARN of an index."""
        return pulumi.Output.concat(self.arn, "/index/", name)


def ledger_table(common: Common, args: Mapping[str, Any]) -> LedgerTable:
    """The ledger that was handed in (``ledger_table_name``, ``ledger_table_arn``), or one of the component's own: key
    ``id``, the indexes ``open`` (of what is not finished) and ``unloaded`` (of what no load has taken)."""
    if "ledger_table_name" in args:
        return LedgerTable(
            pulumi.Output.from_input(args["ledger_table_name"]), pulumi.Output.from_input(args["ledger_table_arn"])
        )
    indexes = {"open": ("open", "opened_at"), "unloaded": ("unloaded", "settled_at")}
    made = table(common, "ledger", "id", ttl="expires_at", global_secondary_indexes=indexes)
    return LedgerTable(made.name, made.arn)


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

    Returns:
        The bucket, and its policy, the last of its settings: what writes into the bucket depends on it.
    """
    name = f"{common.name}-{suffix}"
    made = aws.s3.Bucket(
        name,
        # 63 characters in all, of which the provider's digits take 26.
        bucket_prefix=re.sub(r"[^a-z0-9-]", "-", physical_name(name, 36).lower()) + "-",
        force_destroy=force_destroy,
        tags=common.tags,
        opts=common.opts(),
    )
    keyed = common.kms_key_arn is not None
    versioning = aws.s3.BucketVersioning(
        name, bucket=made.id, versioning_configuration={"status": "Enabled"}, opts=common.opts()
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
        opts=common.opts(),
    )
    aws.s3.BucketOwnershipControls(
        name, bucket=made.id, rule={"object_ownership": "BucketOwnerEnforced"}, opts=common.opts()
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
        opts=common.opts(depends_on=[versioning]),
    )
    if events:
        aws.s3.BucketNotification(name, bucket=made.id, eventbridge=True, opts=common.opts())
    blocked = aws.s3.BucketPublicAccessBlock(
        name,
        bucket=made.id,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
        opts=common.opts(),
    )
    policy = aws.s3.BucketPolicy(
        name,
        bucket=made.id,
        policy=pulumi.Output.json_dumps(
            {
                "Version": "2012-10-17",
                "Statement": [tls_only("s3:*", [made.arn, pulumi.Output.concat(made.arn, "/*")])],
            }
        ),
        # S3 refuses two changes of a bucket's access at the same time.
        opts=common.opts(depends_on=[blocked]),
    )
    return made, policy


DATE_PROJECTION = {"type": "date", "format": "yyyy-MM-dd", "range": "NOW-3YEARS,NOW"}
"""The partition key ``dt``: a day."""
HOUR_PROJECTION = {"type": "integer", "range": "0,23", "digits": "2"}
"""The partition key ``hour``."""


def glue_name(name: str) -> str:
    """A name of a Glue database or table: project, stack and logical name in letters that Athena takes unquoted."""
    return re.sub(r"[^a-z0-9_]", "_", physical_name(name, 128).lower())


def glue_table(
    common: Common,
    suffix: str,
    database_name: pulumi.Input[str],
    table_name: pulumi.Input[str],
    location: pulumi.Input[str],
    columns: Mapping[str, str],
    partitions: Mapping[str, Mapping[str, str]],
    parquet: bool = True,
) -> aws.glue.CatalogTable:
    """A table over files whose partitions are computed (partition projection), so that no crawler has to find them.

    Args:
        common: the component.
        suffix: of the logical name.
        database_name: of the Glue database.
        table_name: in the database.
        location: ``s3://bucket/prefix/``; below it each partition key is a folder ``key=value/``.
        columns: Hive types by name, in order.
        partitions: projections by partition key, in the order of the folders.
        parquet: the files are Parquet; otherwise JSON lines.
    """
    folders = "/".join(f"{key}=${{{key}}}" for key in partitions)
    hive = "org.apache.hadoop.hive.ql.io"
    formats: dict[str, Any] = (
        {
            "input_format": f"{hive}.parquet.MapredParquetInputFormat",
            "output_format": f"{hive}.parquet.MapredParquetOutputFormat",
            "ser_de_info": {
                "serialization_library": f"{hive}.parquet.serde.ParquetHiveSerDe",
                "parameters": {"serialization.format": "1"},
            },
        }
        if parquet
        else {
            "input_format": "org.apache.hadoop.mapred.TextInputFormat",
            "output_format": f"{hive}.HiveIgnoreKeyTextOutputFormat",
            "ser_de_info": {"serialization_library": "org.openx.data.jsonserde.JsonSerDe"},
        }
    )
    return aws.glue.CatalogTable(
        f"{common.name}-{suffix}",
        name=table_name,
        database_name=database_name,
        table_type="EXTERNAL_TABLE",
        parameters={
            "EXTERNAL": "TRUE",
            "classification": "parquet" if parquet else "json",
            "projection.enabled": "true",
            **{f"projection.{key}.{name}": value for key, made in partitions.items() for name, value in made.items()},
            "storage.location.template": pulumi.Output.concat(location, folders, "/"),
        },
        partition_keys=[aws.glue.CatalogTablePartitionKeyArgs(name=key, type="string") for key in partitions],
        storage_descriptor=aws.glue.CatalogTableStorageDescriptorArgs(
            location=location,
            columns=[
                aws.glue.CatalogTableStorageDescriptorColumnArgs(name=name, type=type) for name, type in columns.items()
            ],
            **formats,
        ),
        opts=common.opts(),
    )
