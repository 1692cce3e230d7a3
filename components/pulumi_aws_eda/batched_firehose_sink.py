"""Changes or records in batches to S3: a table's stream, a Kinesis stream or producers, through Firehose."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NotRequired, TypedDict, Unpack, overload

import pulumi
import pulumi_aws as aws

from pulumi_aws_eda._parts import access, arns, buckets, keys, logs, program, queues
from pulumi_aws_eda._parts.analytics import glue
from pulumi_aws_eda._parts.args import ArgumentError, check, number, one_of, takes_keywords
from pulumi_aws_eda._parts.columns import ColumnArgs, Columns, as_list, by_name
from pulumi_aws_eda._parts.common import Common
from pulumi_aws_eda._parts.function.grants import GrantArgs
from pulumi_aws_eda._parts.naming import physical_name
from pulumi_aws_eda._parts.observability import alarms
from pulumi_aws_eda._parts.stream.change_rows import ChangeRows
from pulumi_aws_eda._parts.stream.table_pipe import (
    TableStreamSourceArgs,
    reading_of,
    rows_of,
    table_pipe,
)

FIREHOSE_RECORDS, FIREHOSE_BYTES = 500, 4 * 1024 * 1024
"""Most changes of a Pipe's batch to Firehose, and their bytes: what one ``PutRecordBatch`` takes (Firehose quotas)."""
PARTITIONS = ("dt", "hour")
"""The folders of the raw data, in UTC."""
TIME_FOLDERS = "dt=!{timestamp:yyyy-MM-dd}/hour=!{timestamp:HH}/"
ERROR_FOLDERS = "!{firehose:error-output-type}/dt=!{timestamp:yyyy-MM-dd}/"
FRESHNESS_MULTIPLE = 3
"""The freshness alarm's threshold in buffer intervals."""
LEAST_FRESHNESS_SECONDS = 180
KINESIS_COLUMNS = ("eventid", "eventname", "tablename", "useridentity", "dynamodb")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TYPE = re.compile(
    r"(string|boolean|tinyint|smallint|int|bigint|float|double|binary|date|timestamp|(decimal|char|varchar)\([0-9, ]+\)"
    r"|(array|map|struct)<.+>)"
)


class FileFormat(Enum):
    """The format of the files."""

    PARQUET = "PARQUET"
    """Parquet with Snappy, converted by Firehose with the Glue table's schema."""
    JSON_LINES = "JSON_LINES"
    """JSON, one record a line, compressed by GZIP."""


class KinesisSourceArgs(TypedDict):
    """A table's changes through a Kinesis stream of the component's own: they can be replayed for the retention time,
    may repeat and come out of order, and cost per stream also when idle.

    A record is DynamoDB's own JSON. The columns are its members as strings: ``eventid``, ``eventname``, ``tablename``,
    ``useridentity`` and ``dynamodb``, the last two being JSON texts: a value is
    ``json_extract_scalar(dynamodb, '$.NewImage.status.S')``. Nothing is filtered: removals by TTL have a
    ``useridentity``, and rows of every kind flow with all their attributes; the query has to choose.
    """

    table_name: pulumi.Input[str]
    """The table; it gets the Kinesis stream as its streaming destination."""
    retention_period: NotRequired[int]
    """How long the Kinesis stream keeps a change, 24 to 8760 hours (Kinesis API); default 168."""


class DirectPutArgs(TypedDict):
    """Producers put records themselves (``PutRecordBatch``): JSON objects with the table's columns. ``producer_grant``
    and ``producer_statement`` are what they need."""

    columns: Columns
    """Names and Hive types, in order: lower case letters, digits and underscores."""


class BatchedFirehoseSinkArgs(TypedDict):
    """Arguments of BatchedFirehoseSink; exactly one source."""

    table_stream_source: NotRequired[TableStreamSourceArgs]
    """A table's stream through an EventBridge Pipe."""
    kinesis_source: NotRequired[KinesisSourceArgs]
    """A table's Kinesis streaming destination."""
    direct_put: NotRequired[DirectPutArgs]
    """Producers that put records themselves."""
    format: NotRequired[FileFormat]
    """``PARQUET`` (Snappy) or ``JSON_LINES`` (GZIP); default ``PARQUET``."""
    buffering_interval: NotRequired[int]
    """Seconds until a file is written, 0 to 900 (Firehose API); default 300. Whichever comes first of it and
    ``buffering_size``; Firehose takes both as hints."""
    buffering_size: NotRequired[int]
    """MiB of records until a file is written, 1 to 128, with Parquet 64 to 128 (Firehose API); default 128."""
    prefix: NotRequired[pulumi.Input[str]]
    """Where the files lie; ends with ``/``. Default ``raw/<table name>/``, for ``direct_put`` ``raw/<name>/``. Below
    it are ``dt=YYYY-MM-DD/hour=HH/``."""
    error_prefix: NotRequired[str]
    """Where records lie that could not be converted; ends with ``/``; default ``errors/``. Sinks that share a bucket
    need one each."""
    bucket_name: NotRequired[pulumi.Input[str]]
    """A bucket that exists, in this account and region: versioned, encrypted, TLS only, without public access, and with
    EventBridge notifications on, or failures are not seen. Default: the component makes one."""
    bucket_kms_key_arn: NotRequired[pulumi.Input[str]]
    """The customer managed key of that bucket; default ``kms_key_arn``."""
    expiration_days: NotRequired[pulumi.Input[int]]
    """Days after which files of the component's bucket are deleted; default: they are kept."""
    noncurrent_version_expiration_days: NotRequired[pulumi.Input[int]]
    """Days for which the component's bucket keeps replaced and deleted versions; default 30."""
    force_destroy: NotRequired[bool]
    """Whether destroying the stack deletes the component's bucket with all that lies in it; default false."""
    database_name: NotRequired[pulumi.Input[str]]
    """A Glue database that exists; default: the component makes one."""
    table_name: NotRequired[str]
    """The Glue table's name; default: project, stack and logical name, in letters that Athena takes unquoted."""
    first_date: NotRequired[str]
    """The first day of the Glue table's partitions, ``YYYY-MM-DD``: queries find no older files. Default
    ``2024-01-01``."""
    log_retention_in_days: NotRequired[pulumi.Input[int]]
    """Days the logs are kept; default 30."""
    kms_key_arn: NotRequired[pulumi.Input[str]]
    """Customer managed key for bucket, streams, queue and logs; its policy has to let CloudWatch Logs and EventBridge
    use it. Default: the services' own keys."""
    permissions_boundary: NotRequired[pulumi.Input[str]]
    """ARN of the roles' permissions boundary; default none."""
    alarm_actions: NotRequired[Sequence[pulumi.Input[str]]]
    """ARNs that the alarms notify; default none."""
    deletion_protection: NotRequired[bool]
    """Whether bucket, Kinesis stream and queue refuse to be deleted and replaced, by Pulumi's ``protect``; default
    false."""
    tags: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Tags of every child."""


_SOURCES: dict[str, type] = {
    "table_stream_source": TableStreamSourceArgs,
    "kinesis_source": KinesisSourceArgs,
    "direct_put": DirectPutArgs,
}
_OWN_BUCKET = ("expiration_days", "noncurrent_version_expiration_days", "force_destroy")


class BatchedFirehoseSink(pulumi.ComponentResource):
    """Records in batches to S3 through Firehose, and the Glue table to query them with.

    Files are written every ``buffering_interval`` seconds or ``buffering_size`` MiB. The Glue table computes its
    partitions, no crawler runs. What fails is seen in one dead-letter queue with an alarm: pointers to changes that the
    Pipe could not deliver, and S3's events about objects under the error prefix. Delivery is at least once:
    ``stream_event_id``, or key and version, tell repeats.

    Args:
        name: logical name.
        args: see ``BatchedFirehoseSinkArgs``; given as a dictionary or as keywords.
        opts: Pulumi's options.

    Raises:
        ArgumentError: an argument is unknown, missing, out of bounds, or does not go with another.
    """

    bucket_name: pulumi.Output[str]
    """The bucket."""
    bucket_arn: pulumi.Output[str]
    """Its ARN."""
    prefix: pulumi.Output[str]
    """Where the files lie, above ``dt=`` and ``hour=``."""
    error_prefix: pulumi.Output[str]
    """Where records lie that could not be delivered."""
    delivery_stream_name: pulumi.Output[str]
    """The Firehose stream."""
    delivery_stream_arn: pulumi.Output[str]
    """Its ARN."""
    producer_statement: pulumi.Output[str | None]
    """The IAM statement, as JSON, of those who put records themselves; none for ``kinesis_source``, which takes no
    other's records."""
    database_name: pulumi.Output[str]
    """The Glue database."""
    database_arn: pulumi.Output[str]
    """Its ARN."""
    table_name: pulumi.Output[str]
    """The Glue table over the files."""
    table_arn: pulumi.Output[str]
    """Its ARN."""
    columns: pulumi.Output[Sequence[ColumnArgs]]
    """The Glue table's columns, with Hive types, in order."""
    partition_keys: pulumi.Output[Sequence[str]]
    """Its partition keys, in the order of the folders."""
    dead_letter_queue_url: pulumi.Output[str]
    """The queue for what failed."""
    dead_letter_queue_arn: pulumi.Output[str]
    """Its ARN."""
    log_group_name: pulumi.Output[str]
    """The log group of Firehose's errors."""
    role_arn: pulumi.Output[str]
    """Firehose's role."""
    pipe_name: pulumi.Output[str | None]
    """The Pipe of ``table_stream_source``."""
    pipe_arn: pulumi.Output[str | None]
    """Its ARN."""
    kinesis_stream_name: pulumi.Output[str | None]
    """The Kinesis stream of ``kinesis_source``."""
    kinesis_stream_arn: pulumi.Output[str | None]
    """Its ARN."""
    observed: pulumi.Output[Mapping[str, Sequence[str]]]
    """What an ``Observability`` shows of it: names by kind."""

    @overload
    def __init__(
        self, name: str, args: BatchedFirehoseSinkArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None: ...

    @overload
    def __init__(
        self, name: str, *, opts: pulumi.ResourceOptions | None = None, **keywords: Unpack[BatchedFirehoseSinkArgs]
    ) -> None: ...

    @takes_keywords
    def __init__(self, name: str, args: BatchedFirehoseSinkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        component = f"BatchedFirehoseSink {name!r}"
        source = _checked(component, args)
        args = program.with_defaults(args, BatchedFirehoseSinkArgs)
        file_format = one_of(component, args, "format", FileFormat, FileFormat.PARQUET)
        parquet = file_format is FileFormat.PARQUET
        interval = number(component, args, "buffering_interval", 300, 0, 900)
        size = number(component, args, "buffering_size", 128, 64 if parquet else 1, 128)
        dates = glue.date_projection(component, args)
        super().__init__("aws-eda:index:BatchedFirehoseSink", name, {}, opts)
        common = Common.of(self, name, args, opts)
        name = common.name
        prefix = _prefix(name, args)
        error_prefix = args.get("error_prefix", "errors/")
        bucket_name, bucket_arn, bucket_ready = _bucket(common, args)
        rule = _error_rule(common, bucket_name, error_prefix)
        self.dead_letter_queue = queues.dead_letter_queue(common, rule_arns=[rule.arn], runbook="dead-letters-changes")
        _error_target(common, rule, self.dead_letter_queue)
        database_name, database_arn = _database(common, args)
        self.table = glue.glue_table(
            common,
            "table",
            database_name,
            args.get("table_name", glue.glue_name(name)),
            pulumi.Output.concat("s3://", bucket_name, "/", prefix),
            source.columns,
            {"dt": dates, "hour": glue.HOUR_PROJECTION},
            parquet,
        )
        kinesis = None if source.retention_period is None else _kinesis_stream(common, source.retention_period)
        stream_name = physical_name(name, 64)
        self.log_group = logs.log_group(common, "log", f"/aws/kinesisfirehose/{stream_name}")
        log_stream = aws.cloudwatch.LogStream(
            f"{name}-log", name="DestinationDelivery", log_group_name=self.log_group.name, opts=common.opts()
        )
        self.role, policy = access.role(
            common,
            "role",
            "firehose.amazonaws.com",
            {
                **_delivery_needs(args, bucket_arn, prefix, error_prefix),
                "LogErrors": {"actions": ["logs:PutLogEvents"], "resources": [log_stream.arn]},
                **(_schema_needs(common, database_arn, self.table.arn) if parquet else {}),
                **({} if kinesis is None else _kinesis_needs(kinesis)),
            },
            # Firehose's documentation gives its trust policy without conditions on the source.
            source_account=False,
        )
        self.delivery_stream = aws.kinesis.FirehoseDeliveryStream(
            f"{name}-stream",
            name=stream_name,
            destination="extended_s3",
            server_side_encryption=None if kinesis is not None else _encryption(common),
            kinesis_source_configuration=None
            if kinesis is None
            else {"kinesis_stream_arn": kinesis.arn, "role_arn": self.role.arn},
            extended_s3_configuration=aws.kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationArgs(
                bucket_arn=bucket_arn,
                role_arn=self.role.arn,
                prefix=pulumi.Output.concat(prefix, TIME_FOLDERS),
                error_output_prefix=error_prefix + ERROR_FOLDERS,
                buffering_interval=interval,
                buffering_size=size,
                cloudwatch_logging_options=(
                    aws.kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationCloudwatchLoggingOptionsArgs(
                        enabled=True, log_group_name=self.log_group.name, log_stream_name=log_stream.name
                    )
                ),
                **_format(parquet, database_name, self.table.name, self.role.arn),
            ),
            tags=common.tags,
            # Firehose checks on creation that its role may do what the stream needs.
            opts=common.opts(depends_on=[policy, *bucket_ready]),
        )
        if kinesis is not None:
            aws.dynamodb.KinesisStreamingDestination(
                f"{name}-destination",
                stream_arn=kinesis.arn,
                table_name=args["kinesis_source"]["table_name"],
                # Firehose reads from its creation on: what came before it would stay in the Kinesis stream.
                opts=common.opts(depends_on=[self.delivery_stream]),
            )
        self.pipe = None
        if source.rows is not None:
            self.pipe = table_pipe(
                common,
                args["table_stream_source"],
                source.reading,
                source.rows.patterns(),
                source.rows.template(),
                self.delivery_stream.arn,
                {"PutRecords": {"actions": ["firehose:PutRecordBatch"], "resources": [self.delivery_stream.arn]}},
                self.dead_letter_queue.arn,
                "Changes of a table, flattened, to Firehose",
            )
        freshness = max(FRESHNESS_MULTIPLE * interval, LEAST_FRESHNESS_SECONDS)
        alarms.delivery_stream(
            common, self.delivery_stream.name, name, freshness, parquet=parquet, kinesis=kinesis is not None
        )
        common.watch("delivery_streams", self.delivery_stream.name)
        if kinesis is not None:
            common.watch("streams", kinesis.name)

        none: pulumi.Output[str | None] = pulumi.Output.from_input(None)
        self.bucket_name = pulumi.Output.from_input(bucket_name)
        self.bucket_arn = pulumi.Output.from_input(bucket_arn)
        self.prefix = pulumi.Output.from_input(prefix)
        self.error_prefix = pulumi.Output.from_input(error_prefix)
        self.delivery_stream_name = self.delivery_stream.name
        self.delivery_stream_arn = self.delivery_stream.arn
        grant = self.producer_grant
        statement = {"Effect": "Allow", "Action": grant["actions"], "Resource": grant["resources"]}
        self.producer_statement = (
            pulumi.Output.json_dumps(statement).apply(lambda text: text) if kinesis is None else none
        )
        self.database_name = pulumi.Output.from_input(database_name)
        self.database_arn = database_arn
        self.table_name = self.table.name
        self.table_arn = self.table.arn
        self.columns = pulumi.Output.from_input(as_list(source.columns.items()))
        self.partition_keys = pulumi.Output.from_input(list(PARTITIONS))
        self.dead_letter_queue_url = self.dead_letter_queue.url
        self.dead_letter_queue_arn = self.dead_letter_queue.arn
        self.log_group_name = self.log_group.name
        self.role_arn = self.role.arn
        self.pipe_name = none if self.pipe is None else self.pipe.name.apply(lambda found: found)
        self.pipe_arn = none if self.pipe is None else self.pipe.arn.apply(lambda found: found)
        self.kinesis_stream_name = none if kinesis is None else kinesis.name.apply(lambda found: found)
        self.kinesis_stream_arn = none if kinesis is None else kinesis.arn.apply(lambda found: found)
        self.observed = common.observed()
        self.register_outputs({key: getattr(self, key) for key in type(self).__annotations__})

    @property
    def producer_grant(self) -> GrantArgs:
        """What a function that puts records needs, for its ``grants``."""
        return {
            "actions": ["firehose:PutRecord", "firehose:PutRecordBatch"],
            "resources": [self.delivery_stream.arn],
        }


@dataclass(frozen=True)
class _Source:
    """The source after the check of its arguments.

    Attributes:
        columns: of the Glue table.
        rows: what flows of a table's stream, and ``reading`` how the Pipe reads it.
        retention_period: of the Kinesis stream, in hours.
    """

    columns: dict[str, str]
    rows: ChangeRows | None = None
    reading: Mapping[str, Any] = field(default_factory=dict)
    retention_period: int | None = None


def _checked(component: str, args: BatchedFirehoseSinkArgs) -> _Source:
    given = [source for source in _SOURCES if args.get(source) is not None]
    if len(given) != 1:
        problem = f"is needed, or one of the other sources, and no second; given are {', '.join(given) or 'none'}"
        raise ArgumentError(component, "table_stream_source", problem)
    where = f"{component}, {given[0]}"
    check(where, args[given[0]], _SOURCES[given[0]])  # type: ignore[literal-required]  # a name from _SOURCES
    if "bucket_name" in args:
        for own in _OWN_BUCKET:
            if own in args:
                raise ArgumentError(component, own, "is for the component's own bucket, but 'bucket_name' is given")
    elif "bucket_kms_key_arn" in args:
        raise ArgumentError(component, "bucket_kms_key_arn", "is for a bucket given by 'bucket_name'")
    _check_prefixes(component, args)
    if "table_name" in args and not re.fullmatch(r"[a-z0-9_]{1,255}", args["table_name"]):
        problem = f"is {args['table_name']!r}; allowed are lower case letters, digits and underscores"
        raise ArgumentError(component, "table_name", problem)
    if "table_stream_source" in args:
        stream = args["table_stream_source"]
        rows = rows_of(where, stream)
        named = _columns(where, "attributes", [(column, "string") for column in rows.columns()])
        return _Source(named, rows, reading_of(where, stream, FIREHOSE_RECORDS, FIREHOSE_BYTES))
    if "kinesis_source" in args:
        hours = number(where, args["kinesis_source"], "retention_period", 168, 24, 8760)
        return _Source(dict.fromkeys(KINESIS_COLUMNS, "string"), retention_period=hours)
    return _Source(_columns(where, "columns", by_name(where, args["direct_put"]["columns"]).items()))


def _check_prefixes(component: str, args: BatchedFirehoseSinkArgs) -> None:
    prefix, error_prefix = args.get("prefix", "raw/"), args.get("error_prefix", "errors/")
    for name, value in (("prefix", prefix), ("error_prefix", error_prefix)):
        if isinstance(value, str) and (not value.endswith("/") or value.startswith("/") or "!{" in value):
            problem = f"is {value!r}; it ends with '/', does not start with one, and has no expressions"
            raise ArgumentError(component, name, problem)
    if isinstance(prefix, str) and (prefix.startswith(error_prefix) or error_prefix.startswith(prefix)):
        problem = f"is {error_prefix!r}, and 'prefix' is {prefix!r}: none may lie in the other"
        raise ArgumentError(component, "error_prefix", problem)


def _columns(where: str, argument: str, columns: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Hive's columns: in lower case, in which the files' deserializer finds every spelling."""
    made: dict[str, str] = {}
    for name, type in columns:
        column = name.lower()
        if not _NAME.fullmatch(column):
            raise ArgumentError(where, argument, f"has {name!r}; a column has letters, digits and underscores")
        if column in made or column in PARTITIONS:
            raise ArgumentError(where, argument, f"has {name!r}, which is there already as a column or a partition key")
        if not _TYPE.fullmatch(type):
            raise ArgumentError(where, argument, f"has {name!r} of the type {type!r}, which Hive does not know")
        made[column] = type
    if not made:
        raise ArgumentError(where, argument, "is empty; a table has at least one column")
    return made


def _prefix(name: str, args: BatchedFirehoseSinkArgs) -> pulumi.Output[str]:
    if "prefix" in args:
        return pulumi.Output.from_input(args["prefix"])
    if "table_stream_source" in args:
        arn = pulumi.Output.from_input(args["table_stream_source"]["stream_arn"])
        return arn.apply(lambda found: f"raw/{found.split('/')[1]}/")
    if "kinesis_source" in args:
        return pulumi.Output.concat("raw/", args["kinesis_source"]["table_name"], "/")
    return pulumi.Output.from_input(f"raw/{name}/")


def _bucket(
    common: Common, args: BatchedFirehoseSinkArgs
) -> tuple[pulumi.Input[str], pulumi.Output[str], list[pulumi.Resource]]:
    """Name and ARN of the bucket, and what has to be there before something is written into it."""
    if "bucket_name" in args:
        return args["bucket_name"], arns.bucket_arn(common, args["bucket_name"]), []
    made, policy = buckets.bucket(
        common,
        "bucket",
        expiration_days=args.get("expiration_days"),
        noncurrent_version_expiration_days=args.get("noncurrent_version_expiration_days", 30),
        events=True,
        force_destroy=args.get("force_destroy", False),
    )
    return made.id, made.arn, [policy]


def _error_rule(common: Common, bucket_name: pulumi.Input[str], error_prefix: str) -> aws.cloudwatch.EventRule:
    return aws.cloudwatch.EventRule(
        f"{common.name}-errors",
        name=physical_name(f"{common.name}-errors", 64),
        description=f"{common.name}: Firehose could not deliver records and wrote them under {error_prefix}",
        event_pattern=pulumi.Output.json_dumps(
            {
                "source": ["aws.s3"],
                "detail-type": ["Object Created"],
                "detail": {"bucket": {"name": [bucket_name]}, "object": {"key": [{"prefix": error_prefix}]}},
            }
        ),
        tags=common.tags,
        opts=common.opts(),
    )


def _error_target(common: Common, rule: aws.cloudwatch.EventRule, queue: aws.sqs.Queue) -> None:
    aws.cloudwatch.EventTarget(
        f"{common.name}-errors",
        rule=rule.name,
        arn=queue.arn,
        # The queue is where failures end, also that of EventBridge to send to it.
        dead_letter_config={"arn": queue.arn},
        retry_policy={"maximum_event_age_in_seconds": 86400, "maximum_retry_attempts": 185},
        opts=common.opts(),
    )
    common.watch("rules", rule.name)
    alarms.alarm(
        common,
        "errors-failed-invocations",
        namespace="AWS/Events",
        metric="FailedInvocations",
        dimensions={"RuleName": rule.name},
        description=f"{common.name}: an event about records that failed did not reach the dead-letter queue",
    )


def _database(common: Common, args: BatchedFirehoseSinkArgs) -> tuple[pulumi.Input[str], pulumi.Output[str]]:
    if "database_name" in args:
        return args["database_name"], arns.arn(common, "glue", pulumi.Output.concat("database/", args["database_name"]))
    made = aws.glue.CatalogDatabase(
        f"{common.name}-database", name=glue.glue_name(common.name), tags=common.tags, opts=common.opts()
    )
    return made.name, made.arn


def _kinesis_stream(common: Common, retention_period: int) -> aws.kinesis.Stream:
    return aws.kinesis.Stream(
        f"{common.name}-changes",
        name=physical_name(f"{common.name}-changes", 128),
        stream_mode_details={"stream_mode": "ON_DEMAND"},
        retention_period=retention_period,
        encryption_type="KMS",
        kms_key_id=common.kms_key_arn or "alias/aws/kinesis",
        tags=common.tags,
        opts=common.keeping(),
    )


def _encryption(common: Common) -> aws.kinesis.FirehoseDeliveryStreamServerSideEncryptionArgs:
    return aws.kinesis.FirehoseDeliveryStreamServerSideEncryptionArgs(
        enabled=True,
        key_type="AWS_OWNED_CMK" if common.kms_key_arn is None else "CUSTOMER_MANAGED_CMK",
        key_arn=common.kms_key_arn,
    )


def _format(
    parquet: bool, database_name: pulumi.Input[str], table_name: pulumi.Input[str], role_arn: pulumi.Input[str]
) -> dict[str, Any]:
    if not parquet:
        delimiter = {
            "type": "AppendDelimiterToRecord",
            "parameters": [{"parameter_name": "Delimiter", "parameter_value": "\\n"}],
        }
        return {
            "compression_format": "GZIP",
            # Firehose itself puts nothing between records.
            "processing_configuration": {"enabled": True, "processors": [delimiter]},
        }
    return {
        "compression_format": "UNCOMPRESSED",
        "data_format_conversion_configuration": {
            "enabled": True,
            "input_format_configuration": {"deserializer": {"open_x_json_ser_de": {"case_insensitive": True}}},
            "output_format_configuration": {"serializer": {"parquet_ser_de": {"compression": "SNAPPY"}}},
            "schema_configuration": {"database_name": database_name, "table_name": table_name, "role_arn": role_arn},
        },
    }


def _delivery_needs(
    args: BatchedFirehoseSinkArgs,
    bucket_arn: pulumi.Output[str],
    prefix: pulumi.Output[str],
    error_prefix: str,
) -> dict[str, Mapping[str, Any]]:
    key_arn = args.get("bucket_kms_key_arn") if "bucket_name" in args else None
    return {
        "Deliver": {
            # Firehose documentation, access to an Amazon S3 destination: large objects are uploaded in parts.
            "actions": [
                "s3:AbortMultipartUpload",
                "s3:GetBucketLocation",
                "s3:GetObject",
                "s3:ListBucket",
                "s3:ListBucketMultipartUploads",
                "s3:PutObject",
            ],
            "resources": [
                bucket_arn,
                pulumi.Output.concat(bucket_arn, "/", prefix, "*"),
                pulumi.Output.concat(bucket_arn, "/", error_prefix, "*"),
            ],
            **keys.given(key_arn),
        }
    }


def _schema_needs(
    common: Common, database_arn: pulumi.Output[str], table_arn: pulumi.Output[str]
) -> dict[str, Mapping[str, Any]]:
    return {
        "ReadSchema": {
            # Firehose documentation, access to AWS Glue for data format conversion.
            "actions": ["glue:GetTable", "glue:GetTableVersion", "glue:GetTableVersions"],
            "resources": [arns.arn(common, "glue", "catalog"), database_arn, table_arn],
        }
    }


def _kinesis_needs(stream: aws.kinesis.Stream) -> dict[str, Mapping[str, Any]]:
    return {
        "ReadStream": {
            "actions": [
                "kinesis:DescribeStream",
                "kinesis:GetRecords",
                "kinesis:GetShardIterator",
                "kinesis:ListShards",
            ],
            "resources": [stream.arn],
        }
    }
