"""A load of all waiting files into Redshift on a schedule, in one transaction."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict, Unpack, overload

import pulumi
import pulumi_aws as aws

from pulumi_aws_eda import archives
from pulumi_aws_eda._parts import access, arns, buckets, keys, logs, program, queues, time_zones, triggers
from pulumi_aws_eda._parts.analytics import ledgers, needs
from pulumi_aws_eda._parts.analytics.needs import LoadsArgs
from pulumi_aws_eda._parts.args import ArgumentError, check, number, takes_keywords, together
from pulumi_aws_eda._parts.columns import Columns, by_name
from pulumi_aws_eda._parts.common import Common
from pulumi_aws_eda._parts.function.grants import GrantArgs
from pulumi_aws_eda._parts.keys import KeyService
from pulumi_aws_eda._parts.naming import first_name, lower_case_name, physical_name
from pulumi_aws_eda._parts.observability import alarms
from pulumi_aws_eda.idempotent_lambda import IdempotentLambda, IdempotentLambdaArgs

GLUE_VERSION = "3.0"
"""The Glue version in which Python shell runs 3.9 (Glue documentation, Glue versions)."""
PYTHON_VERSION = "3.9"
SDK_VERSION = "1.42.97"
"""boto3's and botocore's last version for Python 3.9."""
LEDGER = "load_ledger"
LEAST_CAPACITY, MOST_CAPACITY, CAPACITY_STEP = 8, 1024, 8
"""RPUs of a workgroup; 4 is one too."""
MAX_CAPACITY, DAILY_USAGE = 32, 64
"""RPUs at most, and RPU hours of a day, of a workgroup that names none."""
LOGS = ("connectionlog", "useractivitylog", "userlog")
"""What a namespace says of itself."""
OBJECT_TAGS = 10
"""Tags of an object (S3 User Guide, object tagging)."""
_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,126}")
_TYPE = re.compile(r"[a-z]+( [a-z]+)*(\((max|[0-9]+(, ?[0-9]+)?)\))?", re.IGNORECASE)
_EXPRESSION = re.compile(r"(cron|rate|at)\(.+\)")
_DATASET = re.compile(r"[A-Za-z0-9._-]{1,128}")
_PREFIX = re.compile(r"[^/'{}*?\\][^'{}*?\\]*/")


class WorkgroupArgs(TypedDict):
    """A Redshift Serverless workgroup that exists."""

    workgroup_name: pulumi.Input[str]
    """Its name."""
    workgroup_arn: pulumi.Input[str]
    """Its ARN."""
    database_name: pulumi.Input[str]
    """The namespace's database."""
    secret_arn: pulumi.Input[str]
    """The secret of a superuser, with which tables, columns, the job's user and its grants are made, and migrations run
    when the stack is deployed."""
    secret_kms_key_arn: NotRequired[pulumi.Input[str]]
    """The secret's customer managed key; default: the component's ``kms_key_arn``."""
    copy_role_arn: pulumi.Input[str]
    """A role that the namespace has and that may read the curated files and the manifests."""
    endpoint_address: NotRequired[pulumi.Input[str]]
    """The endpoint's host, for QuickSight; default: none is known."""
    port: NotRequired[pulumi.Input[int]]
    """The endpoint's port; default 5439."""


class NamespaceArgs(TypedDict):
    """A namespace and a workgroup that the component makes: private, encrypted, its password kept by Redshift."""

    subnet_ids: Sequence[pulumi.Input[str]]
    """Subnets of two availability zones, with ``enhanced_vpc_routing`` of three, with three free addresses each
    (Redshift Serverless, considerations; in some regions three anyway)."""
    security_group_ids: Sequence[pulumi.Input[str]]
    """Who reaches the workgroup's endpoint; the load itself comes through the Data API."""
    database_name: NotRequired[str]
    """The database: lower case letters, digits and underscores; default ``analytics``."""
    base_capacity: NotRequired[int]
    """RPUs: 4, or a multiple of 8 from 8 to 1024 (Redshift Serverless API); default 8."""
    max_capacity: NotRequired[int]
    """RPUs at most, at least ``base_capacity``: what one busy hour may cost. Default 32, or ``base_capacity`` where
    that is more."""
    daily_usage_limit: NotRequired[int]
    """RPU hours of a day, UTC, at least 1, after which Redshift turns queries off until the next one: what a day may
    cost. A load that meets it fails, and the next one takes what it left. Default 64: eight hours of 8 RPUs."""
    enhanced_vpc_routing: NotRequired[bool]
    """Whether COPY goes through the VPC, which then needs an endpoint for S3; default false."""


class LoadArgs(TypedDict):
    """What is loaded, when and where to; exactly one of ``namespace`` and ``workgroup``."""

    columns: Columns
    """Names and Redshift types. Lower case letters, digits and underscores. A column that is added here is added to the
    table, and a longer VARCHAR lengthens its column; files from before load beside those from after. What is taken away
    here stays in the table, and is filled no more."""
    key: str
    """The column that names a row of the target."""
    version_column: str
    """The column that grows with each change of it: only a newer version replaces a row."""
    namespace: NotRequired[NamespaceArgs]
    """Makes a Redshift Serverless namespace with a workgroup."""
    workgroup: NotRequired[WorkgroupArgs]
    """A workgroup that exists."""
    schema_name: NotRequired[str]
    """The schema of the target and of ``load_ledger``; default ``analytics``."""
    target_table_name: NotRequired[str]
    """The target; default: the logical name in lower case letters, digits and underscores."""
    migrations: NotRequired[Sequence[str]]
    """SQL of your own, run in order after the tables, once each: append, never change or remove. Each is one statement
    that Redshift takes in a transaction; ``migration_ledger`` in the warehouse says what has run. Default none."""
    schedule_expression: NotRequired[str]
    """When a load starts, an EventBridge Scheduler expression; default ``cron(0 3 * * ? *)``: daily at three."""
    schedule_expression_timezone: NotRequired[str]
    """IANA name of the time zone of a cron expression; default ``UTC``."""
    overdue_hours: NotRequired[int]
    """Hours without a load that succeeded until an alarm goes off, 1 to 168 (CloudWatch evaluates seven days at most);
    default 26, for a daily schedule."""
    timeout: NotRequired[int]
    """Minutes a run may take, 1 to 2880 (Glue default); default 240."""
    max_retries: NotRequired[int]
    """Runs that Glue adds after one that failed, 0 to 10 (Glue API); default 1. A run that finds the load done ends."""
    max_attempts: NotRequired[int]
    """How often one run sends a load that fails, 1 to 100; default 3."""
    job_bucket_name: NotRequired[pulumi.Input[str]]
    """A bucket that exists, for the script and the manifests; default: the component makes one."""
    job_bucket_kms_key_arn: NotRequired[pulumi.Input[str]]
    """The customer managed key of that bucket; default ``kms_key_arn``."""
    job_prefix: NotRequired[str]
    """Where they lie; ends with ``/``. Default ``jobs/<logical name>/``."""
    reader: NotRequired[bool]
    """Whether a user is made who may read the target alone, with a secret of ``username`` and ``password``, for
    QuickSight and other readers; default false."""
    force_destroy: NotRequired[bool]
    """Whether destroying the stack deletes the component's bucket with all that lies in it; default false."""


class ScheduledLoadArgs(LoadArgs):
    """Arguments of ScheduledLoad."""

    dataset: pulumi.Input[str]
    """What is loaded: the ``dataset`` of a ``PerObjectQuery``."""
    curated_bucket_name: pulumi.Input[str]
    """The bucket of the curated files."""
    curated_prefix: pulumi.Input[str]
    """Where they lie; ends with ``/``."""
    curated_bucket_kms_key_arn: NotRequired[pulumi.Input[str]]
    """The customer managed key of that bucket; default: ``kms_key_arn``."""
    awaits_refresh: NotRequired[bool]
    """Whether data sets are refreshed after a load, so that a ``Reconciler`` with their ``ingestions`` asks for the
    refreshes whose completion event got lost; default false."""
    ledger_table_name: NotRequired[pulumi.Input[str]]
    """The analytics ledger of another component; default: the component makes one."""
    ledger_table_arn: NotRequired[pulumi.Input[str]]
    """Its ARN; needed with ``ledger_table_name``."""
    log_retention_in_days: NotRequired[pulumi.Input[int]]
    """Days the log is kept; default 30."""
    kms_key_arn: NotRequired[pulumi.Input[str]]
    """Customer managed key for warehouse, bucket, queue, ledger and log; its policy has to let CloudWatch Logs and
    EventBridge use it (``EncryptionKey``). Default: the services' own keys, and one of the component's own for the log
    and the bookmarks of the job, for which the services have none."""
    permissions_boundary: NotRequired[pulumi.Input[str]]
    """ARN of the roles' permissions boundary; default none."""
    alarm_actions: NotRequired[Sequence[pulumi.Input[str]]]
    """ARNs that the alarms notify; default none."""
    deletion_protection: NotRequired[bool]
    """Whether warehouse, bucket, ledger, queue, the reader's secret and keys refuse to be deleted and replaced, by
    Pulumi's ``protect`` and, a table, by DynamoDB too; default false."""
    tags: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Tags of every child."""


class ScheduledLoad(pulumi.ComponentResource):
    """Loads all settled files that no load has taken into Redshift Serverless, on a schedule.

    EventBridge Scheduler starts a Glue Python shell job with the slot's time. The job takes the files from the ledger,
    writes a manifest, and sends one transaction to the Redshift Data API: COPY into staging, the newest version of each
    key, MERGE where it is newer, and a row in ``load_ledger``. A slot that fires twice loads once, late files come with
    the next load, and nothing to load is success. What fails is tried in halves; an object that fails alone is set
    aside with a message in the dead-letter queue, and all others are loaded in the same run. Schema, tables, columns,
    the job's user and its grants are made on deployment by a function, which looks at what is there.

    Args:
        name: logical name.
        args: see ``ScheduledLoadArgs``; given as a dictionary or as keywords.
        opts: Pulumi's options.

    Raises:
        ArgumentError: an argument is unknown, missing, out of bounds, or does not go with another.
    """

    job_name: pulumi.Output[str]
    """The Glue job; started with ``--scheduled_time`` it loads that slot."""
    job_arn: pulumi.Output[str]
    """Its ARN."""
    job_role_arn: pulumi.Output[str]
    """The job's role."""
    job_role_name: pulumi.Output[str]
    """Its name; the database user is ``IAMR:`` and this."""
    job_bucket_name: pulumi.Output[str]
    """The bucket of the script and the manifests."""
    manifest_location: pulumi.Output[str]
    """Where the manifests lie, ``s3://…/``."""
    log_group_name: pulumi.Output[str]
    """The job's log group."""
    schedule_name: pulumi.Output[str]
    """The schedule."""
    schedule_arn: pulumi.Output[str]
    """Its ARN."""
    namespace_name: pulumi.Output[str | None]
    """The namespace that the component made."""
    workgroup_name: pulumi.Output[str]
    """The workgroup."""
    workgroup_arn: pulumi.Output[str]
    """Its ARN."""
    endpoint_address: pulumi.Output[str | None]
    """The host of the workgroup's endpoint."""
    port: pulumi.Output[int]
    """Its port."""
    redshift_database_name: pulumi.Output[str]
    """The database."""
    secret_arn: pulumi.Output[str]
    """The secret of the administrator."""
    reader_secret_arn: pulumi.Output[str | None]
    """The secret of the reader."""
    copy_role_arn: pulumi.Output[str]
    """The role with which COPY reads."""
    schema_name: pulumi.Output[str]
    """The schema of the target."""
    target_table_name: pulumi.Output[str]
    """The target."""
    statement_prefix: pulumi.Output[str]
    """What the names of the load's statements start with; their completion events carry it."""
    ledger_table_name: pulumi.Output[str]
    """The analytics ledger."""
    ledger_table_arn: pulumi.Output[str]
    """Its ARN."""
    dead_letter_queue_url: pulumi.Output[str]
    """The queue for what failed."""
    dead_letter_queue_arn: pulumi.Output[str]
    """Its ARN."""
    observed: pulumi.Output[Mapping[str, Sequence[str]]]
    """What an ``Observability`` shows of it: names by kind."""

    @overload
    def __init__(self, name: str, args: ScheduledLoadArgs, opts: pulumi.ResourceOptions | None = None) -> None: ...

    @overload
    def __init__(
        self, name: str, *, opts: pulumi.ResourceOptions | None = None, **keywords: Unpack[ScheduledLoadArgs]
    ) -> None: ...

    @takes_keywords
    def __init__(self, name: str, args: ScheduledLoadArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        component = f"ScheduledLoad {name!r}"
        args = program.with_defaults(args, ScheduledLoadArgs)
        check_load_args(component, args)
        together(component, args, "ledger_table_name", "ledger_table_arn")
        for argument, pattern, allowed in (
            ("dataset", _DATASET, "1 to 128 of A-Z a-z 0-9 . _ -"),
            ("curated_prefix", _PREFIX, "a prefix that ends with '/'"),
        ):
            value = args[argument]  # type: ignore[literal-required]  # a name from the line above
            if isinstance(value, str) and not pattern.fullmatch(value):
                raise ArgumentError(component, argument, f"is {value!r}; allowed is {allowed}")
        overdue = number(component, args, "overdue_hours", 26, 1, 168)
        timeout = number(component, args, "timeout", 240, 1, 2880)
        retries = number(component, args, "max_retries", 1, 0, 10)
        attempts = number(component, args, "max_attempts", 3, 1, 100)
        table_name = args.get("target_table_name", default_table_name(first_name(component, name, opts)))
        columns = by_name(component, args["columns"])
        target = _Target(args.get("schema_name", "analytics"), table_name, columns, args["key"])
        _check_identifier(component, "target_table_name", table_name)
        super().__init__("aws-eda:index:ScheduledLoad", name, {}, opts)
        common = Common.of(self, name, args, opts)
        name = common.name

        ledger = ledgers.ledger_table(common, args)
        files = _job_files(common, args)
        curated_arn = arns.bucket_arn(common, args["curated_bucket_name"])
        curated = pulumi.Output.concat(curated_arn, "/", args["curated_prefix"], "*")
        curated_key = args.get("curated_bucket_kms_key_arn", common.kms_key_arn)
        warehouse = _warehouse(
            common,
            args,
            {
                "ReadFiles": {
                    # COPY reads Parquet by Spectrum (Redshift documentation, IAM policies for Redshift Spectrum).
                    "actions": ["s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket"],
                    "resources": [
                        *dict.fromkeys((curated_arn, files.bucket_arn)),
                        curated,
                        pulumi.Output.concat(files.bucket_arn, "/", files.prefix, "manifests/*"),
                    ],
                    "kms_key_arns": [arn for arn in (curated_key, files.key_arn) if arn is not None],
                },
            },
        )
        job_name = physical_name(name, 255)
        failed = triggers.rule(
            common,
            "failed",
            f"{name}: runs of the load that failed",
            {
                "source": ["aws.glue"],
                "detail-type": ["Glue Job State Change"],
                "detail": {"jobName": [job_name], "state": ["FAILED", "STOPPED", "TIMEOUT"]},
            },
        )
        self.dead_letter_queue = queues.dead_letter_queue(common, rule_arns=[failed.arn], runbook="dead-letters-loads")
        triggers.queue_target(common, "failed", failed, self.dead_letter_queue)
        _overdue_alarm(common, job_name, overdue)
        # Logs and bookmarks take a key of the account's alone (Glue documentation, security configurations).
        key_arn = common.kms_key_arn
        if key_arn is None:
            key_arn = keys.key(common, "key", f"{name}: log and bookmarks of the job", [KeyService.LOGS]).arn
        security = _security_configuration(common, key_arn)
        asked_group = f"/aws-glue/python-jobs/{job_name}"
        # With a security configuration that encrypts logs, Glue puts its name behind that of the group that is asked
        # for (Glue documentation, continuous logging).
        log_group = logs.log_group(common, "log", pulumi.Output.concat(asked_group, "-", security.name), key_arn)
        self.job_role, policy = access.role(
            common,
            "job-role",
            "glue.amazonaws.com",
            {
                **_data_needs(ledger, files, warehouse),
                "DeadLetter": {"actions": ["sqs:SendMessage"], "resources": [self.dead_letter_queue.arn]},
                **_log_needs(common, log_group, security.name),
            },
            # Glue's documentation does not say that it sends the source when it assumes a job's role.
            source_account=False,
        )
        statement_prefix = f"{physical_name(name, 60)}-"
        self.job = aws.glue.Job(
            f"{name}-job",
            name=job_name,
            description=f"Loads what waits into Redshift: {name}",
            role_arn=self.job_role.arn,
            command=aws.glue.JobCommandArgs(
                name="pythonshell", python_version=PYTHON_VERSION, script_location=files.script
            ),
            glue_version=GLUE_VERSION,
            max_capacity=0.0625,
            timeout=timeout,
            max_retries=retries,
            execution_property={"max_concurrent_runs": 1},
            security_configuration=security.name,
            default_arguments={
                "--extra-py-files": files.wheel,
                "--additional-python-modules": f"boto3=={SDK_VERSION},botocore=={SDK_VERSION}",
                "--enable-continuous-cloudwatch-log": "true",
                "--continuous-log-logGroup": asked_group,
                "--ledger_table": ledger.name,
                "--dataset": args["dataset"],
                "--manifest_location": files.manifests,
                "--workgroup_name": warehouse.workgroup_name,
                "--database": warehouse.database_name,
                "--schema": target.schema,
                "--table": target.table,
                "--columns": json.dumps(list(target.columns.items())),
                "--key": target.key,
                "--version_column": args["version_column"],
                "--copy_role_arn": warehouse.copy_role_arn,
                "--statement_prefix": statement_prefix,
                "--dead_letter_queue_url": self.dead_letter_queue.url,
                "--max_attempts": str(attempts),
                "--awaits_refresh": "true" if args.get("awaits_refresh", False) else "false",
                "--region": arns.region(common),
            },
            tags=common.tags,
            opts=common.opts(depends_on=[policy, log_group]),
        )
        reader = _reader_secret(common) if args.get("reader", False) else None
        self.warehouse_function, migrated = _migrate(
            common, warehouse, target, self.job_role.name, args.get("migrations", ()), reader
        )
        self.schedule = triggers.schedule(
            common,
            f"Starts the load: {name}",
            args.get("schedule_expression", "cron(0 3 * * ? *)"),
            args.get("schedule_expression_timezone", "UTC"),
            pulumi.Output.concat("arn:", arns.partition(common), ":scheduler:::aws-sdk:glue:startJobRun"),
            {"JobName": self.job.name, "Arguments": {"--scheduled_time": "<aws.scheduler.scheduled-time>"}},
            {"actions": ["glue:StartJobRun"], "resources": [self.job.arn]},
            self.dead_letter_queue.arn,
            [migrated],
        )

        none: pulumi.Output[str | None] = pulumi.Output.from_input(None)
        self.job_name = self.job.name
        self.job_arn = self.job.arn
        self.job_role_arn = self.job_role.arn
        self.job_role_name = self.job_role.name
        self.job_bucket_name = pulumi.Output.from_input(files.bucket_name)
        self.manifest_location = files.manifests
        self.log_group_name = log_group.name
        self.schedule_name = self.schedule.name
        self.schedule_arn = self.schedule.arn
        self.namespace_name = none if warehouse.namespace_name is None else warehouse.namespace_name.apply(str)
        self.workgroup_name = warehouse.workgroup_name
        self.workgroup_arn = warehouse.workgroup_arn
        self.endpoint_address = warehouse.endpoint_address
        self.port = warehouse.port
        self.redshift_database_name = warehouse.database_name
        self.secret_arn = warehouse.secret_arn
        self.reader_secret_arn = none if reader is None else reader.arn.apply(str)
        self.copy_role_arn = warehouse.copy_role_arn
        self.schema_name = pulumi.Output.from_input(target.schema)
        self.target_table_name = pulumi.Output.from_input(target.table)
        self.statement_prefix = pulumi.Output.from_input(statement_prefix)
        self.ledger_table_name = ledger.name
        self.ledger_table_arn = ledger.arn
        self.dead_letter_queue_url = self.dead_letter_queue.url
        self.dead_letter_queue_arn = self.dead_letter_queue.arn
        common.watch("redshift_workgroups", warehouse.workgroup_name)
        self.observed = common.observed(self.warehouse_function.observed)
        self.register_outputs({key: getattr(self, key) for key in type(self).__annotations__})

    @property
    def loads(self) -> LoadsArgs:
        """What a ``Reconciler`` takes to settle these loads."""
        return {
            "job_name": self.job.name,
            "job_arn": self.job.arn,
            "dead_letter_queue_url": self.dead_letter_queue.url,
            "dead_letter_queue_arn": self.dead_letter_queue.arn,
        }


@dataclass(frozen=True)
class _Target:
    """The target table."""

    schema: str
    table: str
    columns: Mapping[str, str]
    key: str


@dataclass(frozen=True)
class _JobFiles:
    """The script, the library and the manifests.

    Attributes:
        bucket_name: where they lie, with ``bucket_arn`` and ``prefix``.
        key_arn: the bucket's customer managed key.
        script: its address, as ``wheel`` and ``manifests`` are.
    """

    bucket_name: pulumi.Input[str]
    bucket_arn: pulumi.Output[str]
    prefix: str
    key_arn: pulumi.Input[str] | None
    script: pulumi.Output[str]
    wheel: pulumi.Output[str]
    manifests: pulumi.Output[str]


@dataclass(frozen=True)
class _Warehouse:
    """The workgroup that was made or given."""

    workgroup_name: pulumi.Output[str]
    workgroup_arn: pulumi.Output[str]
    database_name: pulumi.Output[str]
    secret_arn: pulumi.Output[str]
    copy_role_arn: pulumi.Output[str]
    endpoint_address: pulumi.Output[str | None]
    port: pulumi.Output[int]
    namespace_name: pulumi.Output[str] | None = None
    secret_key_arn: pulumi.Input[str] | None = None


def default_table_name(name: str) -> str:
    """The target of a load that names none: its logical name in lower case letters, digits and underscores."""
    return re.sub(r"[^a-z0-9_]", "_", name.lower())


def check_load_args(component: str, args: LoadArgs) -> None:
    """Check what is loaded: the target, the schedule and the warehouse.

    Raises:
        ArgumentError: one of them is not allowed.
    """
    columns = by_name(component, args["columns"])
    if not columns:
        raise ArgumentError(component, "columns", "is empty; a table has at least one column")
    for column, type in columns.items():
        _check_identifier(component, "columns", column)
        if not _TYPE.fullmatch(type):
            raise ArgumentError(component, "columns", f"has {column!r} of the type {type!r}; VARCHAR(64) is one")
    for argument, column in (("key", args["key"]), ("version_column", args["version_column"])):
        if column not in columns:
            raise ArgumentError(component, argument, f"is {column!r}, which is none of columns")
    if args["key"] == args["version_column"]:
        raise ArgumentError(component, "version_column", f"is {args['key']!r}, which is the key")
    for argument in ("schema_name", "target_table_name"):
        if argument in args:
            _check_identifier(component, argument, args[argument])  # type: ignore[literal-required]  # a name from above
    if args.get("target_table_name") == LEDGER:
        raise ArgumentError(component, "target_table_name", f"is {LEDGER!r}, which is the load's own table")
    expression = args.get("schedule_expression", "cron(0 3 * * ? *)")
    if not _EXPRESSION.fullmatch(expression):
        raise ArgumentError(component, "schedule_expression", f"is {expression!r}; allowed are cron(…), rate(…), at(…)")
    timezone = args.get("schedule_expression_timezone")
    if timezone is not None and time_zones.unknown(timezone):
        problem = f"is {timezone!r}; allowed are IANA names, such as Europe/Berlin"
        raise ArgumentError(component, "schedule_expression_timezone", problem)
    if "job_prefix" in args and not _PREFIX.fullmatch(args["job_prefix"]):
        problem = f"is {args['job_prefix']!r}; it ends with '/' and does not start with one"
        raise ArgumentError(component, "job_prefix", problem)
    if "job_bucket_name" in args and "force_destroy" in args:
        problem = "is for the component's own bucket, but 'job_bucket_name' is given"
        raise ArgumentError(component, "force_destroy", problem)
    if "job_bucket_kms_key_arn" in args and "job_bucket_name" not in args:
        raise ArgumentError(component, "job_bucket_kms_key_arn", "is for a bucket given by 'job_bucket_name'")
    for number_, statement in enumerate(args.get("migrations", ())):
        if not statement.strip():
            raise ArgumentError(component, f"migrations[{number_}]", "is empty")
    _check_warehouse(component, args)


def _check_warehouse(component: str, args: LoadArgs) -> None:
    if ("namespace" in args) is ("workgroup" in args):
        given = "both are given" if "namespace" in args else "neither is given"
        raise ArgumentError(component, "namespace", f"or 'workgroup' is needed, and not both; {given}")
    if "workgroup" in args:
        check(f"{component}, workgroup", args["workgroup"], WorkgroupArgs)
        return
    where, namespace = f"{component}, namespace", args["namespace"]
    check(where, namespace, NamespaceArgs)
    for argument in ("subnet_ids", "security_group_ids"):
        if not namespace[argument]:
            raise ArgumentError(where, argument, "is empty; the workgroup lies in a VPC")
    if "database_name" in namespace:
        _check_identifier(where, "database_name", namespace["database_name"])
    base = namespace.get("base_capacity", LEAST_CAPACITY)
    for argument, value in (("base_capacity", base), ("max_capacity", namespace.get("max_capacity", base))):
        if value != 4 and (value % CAPACITY_STEP or not LEAST_CAPACITY <= value <= MOST_CAPACITY):
            problem = f"is {value!r}; allowed are 4 and multiples of 8 from {LEAST_CAPACITY} to {MOST_CAPACITY}"
            raise ArgumentError(where, argument, problem)
        if value < base:
            raise ArgumentError(where, argument, f"is {value!r}, which is below 'base_capacity', {base}")
    number(where, namespace, "daily_usage_limit", DAILY_USAGE, 1, 1_000_000)


def _check_identifier(component: str, argument: str, name: str) -> None:
    if not _IDENTIFIER.fullmatch(name):
        problem = f"has {name!r}; allowed are up to 127 lower case letters, digits and underscores, no digit first"
        raise ArgumentError(component, argument, problem)


def _job_files(common: Common, args: ScheduledLoadArgs) -> _JobFiles:
    prefix = args.get("job_prefix", f"jobs/{common.name}/")
    bucket_name: pulumi.Input[str]
    ready: list[pulumi.Resource] = []
    if "job_bucket_name" in args:
        bucket_name, key_arn = args["job_bucket_name"], args.get("job_bucket_kms_key_arn", common.kms_key_arn)
    else:
        made, policy = buckets.bucket(common, "job", force_destroy=args.get("force_destroy", False))
        bucket_name, key_arn, ready = made.id, common.kms_key_arn, [policy]
    script, script_digest = archives.script("load_job")
    wheel, wheel_name, wheel_digest = archives.runtime_wheel()

    def upload(suffix: str, key: str, source: pulumi.FileAsset) -> pulumi.Output[str]:
        stored = aws.s3.BucketObjectv2(
            f"{common.name}-{suffix}",
            bucket=bucket_name,
            # The key holds the content's digest: a run that has begun goes on with what it began with.
            key=prefix + key,
            source=source,
            # An object takes ten tags, the provider's default tags among them (S3 User Guide): with more than ten the
            # bucket alone says whose it is.
            tags=common.tags if len(common.tags) <= OBJECT_TAGS else None,
            override_provider={"default_tags": {"tags": {}}},
            opts=common.opts(depends_on=ready),
        )
        return pulumi.Output.concat("s3://", bucket_name, "/", stored.key)

    return _JobFiles(
        bucket_name,
        arns.bucket_arn(common, bucket_name),
        prefix,
        key_arn,
        upload("script", f"code/{script_digest}/load_job.py", script),
        upload("library", f"code/{wheel_digest}/{wheel_name}", wheel),
        pulumi.Output.concat("s3://", bucket_name, "/", prefix, "manifests/"),
    )


def _warehouse(common: Common, args: ScheduledLoadArgs, copy_needs: Mapping[str, Mapping[str, Any]]) -> _Warehouse:
    if "workgroup" in args:
        given, output = args["workgroup"], pulumi.Output.from_input
        return _Warehouse(
            output(given["workgroup_name"]),
            output(given["workgroup_arn"]),
            output(given["database_name"]),
            output(given["secret_arn"]),
            output(given["copy_role_arn"]),
            output(given.get("endpoint_address")),
            output(given.get("port", 5439)),
            secret_key_arn=given.get("secret_kms_key_arn"),
        )
    settings = args["namespace"]
    # COPY names the role; Redshift Serverless assumes it under either name (Redshift documentation, IAM roles).
    services = ["redshift-serverless.amazonaws.com", "redshift.amazonaws.com"]
    role, policy = access.role(common, "copy-role", services, copy_needs, source_account=False)
    name = lower_case_name(common.name, 64)
    base = settings.get("base_capacity", LEAST_CAPACITY)
    # Redshift writes into groups with these names, and makes what is not there without a retention (Redshift
    # documentation, audit logging for Redshift Serverless).
    exported = [logs.log_group(common, kind, f"/aws/redshift/{name}/{kind}") for kind in LOGS]
    namespace = aws.redshiftserverless.Namespace(
        f"{common.name}-namespace",
        namespace_name=name,
        db_name=settings.get("database_name", "analytics"),
        manage_admin_password=True,
        admin_password_secret_kms_key_id=common.kms_key_arn,
        kms_key_id=common.kms_key_arn,
        iam_roles=[role.arn],
        log_exports=list(LOGS),
        tags=common.tags,
        opts=common.keeping(depends_on=[policy, *exported]),
    )
    workgroup = aws.redshiftserverless.Workgroup(
        f"{common.name}-workgroup",
        workgroup_name=name,
        namespace_name=namespace.namespace_name,
        base_capacity=base,
        max_capacity=settings.get("max_capacity", max(MAX_CAPACITY, base)),
        publicly_accessible=False,
        enhanced_vpc_routing=settings.get("enhanced_vpc_routing", False),
        subnet_ids=settings["subnet_ids"],
        security_group_ids=settings["security_group_ids"],
        tags=common.tags,
        opts=common.opts(),
    )
    aws.redshiftserverless.UsageLimit(
        f"{common.name}-usage",
        resource_arn=workgroup.arn,
        usage_type="serverless-compute",
        amount=settings.get("daily_usage_limit", DAILY_USAGE),
        period="daily",
        breach_action="deactivate",
        opts=common.opts(),
    )
    endpoint = workgroup.endpoints[0]
    return _Warehouse(
        workgroup.workgroup_name,
        workgroup.arn,
        namespace.db_name.apply(str),
        namespace.admin_password_secret_arn,
        role.arn,
        endpoint.apply(lambda found: found.address),
        endpoint.apply(lambda found: int(found.port or 5439)),
        namespace.namespace_name,
    )


def _data_needs(ledger: ledgers.LedgerTable, files: _JobFiles, warehouse: _Warehouse) -> dict[str, Mapping[str, Any]]:
    objects = pulumi.Output.concat(files.bucket_arn, "/", files.prefix)
    return {
        "MoveRows": {
            "actions": ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:UpdateItem"],
            "resources": [ledger.arn],
        },
        "FindRows": {"actions": ["dynamodb:Query"], "resources": [ledger.index("open"), ledger.index("unloaded")]},
        "ReadCode": {
            "actions": ["s3:GetObject"],
            "resources": [pulumi.Output.concat(objects, "code/*")],
            **keys.given(files.key_arn),
        },
        "WriteManifest": {
            "actions": ["s3:PutObject"],
            "resources": [pulumi.Output.concat(objects, "manifests/*")],
            **keys.given(files.key_arn),
        },
        "Load": {
            "actions": ["redshift-data:BatchExecuteStatement", "redshift-serverless:GetCredentials"],
            "resources": [warehouse.workgroup_arn],
        },
        **needs.statements(),
    }


def _log_needs(
    common: Common, log_group: aws.cloudwatch.LogGroup, security_configuration: pulumi.Output[str]
) -> dict[str, Mapping[str, Any]]:
    # Beside the job's own group, Glue writes what it says itself to groups with these names.
    shared = [arns.arn(common, "logs", f"log-group:/aws-glue/python-jobs/{name}:*") for name in ("error", "output")]
    secured = pulumi.Output.concat("log-group:/aws-glue/python-jobs/", security_configuration, "-role/*")
    groups = [log_group.arn, pulumi.Output.concat(log_group.arn, ":*"), *shared, arns.arn(common, "logs", secured)]
    return {
        "WriteLog": {
            "actions": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
            "resources": groups,
        },
        # A security configuration that encrypts logs makes Glue set the key of their group; a role that may not do
        # this has no continuous log at all.
        "EncryptLog": {"actions": ["logs:AssociateKmsKey"], "resources": groups},
    }


def _security_configuration(common: Common, key_arn: pulumi.Input[str]) -> aws.glue.SecurityConfiguration:
    key = common.kms_key_arn
    return aws.glue.SecurityConfiguration(
        f"{common.name}-security",
        name=physical_name(f"{common.name}-security", 255),
        encryption_configuration=aws.glue.SecurityConfigurationEncryptionConfigurationArgs(
            cloudwatch_encryption=aws.glue.SecurityConfigurationEncryptionConfigurationCloudwatchEncryptionArgs(
                cloudwatch_encryption_mode="SSE-KMS", kms_key_arn=key_arn
            ),
            job_bookmarks_encryption=aws.glue.SecurityConfigurationEncryptionConfigurationJobBookmarksEncryptionArgs(
                job_bookmarks_encryption_mode="CSE-KMS", kms_key_arn=key_arn
            ),
            s3_encryption=aws.glue.SecurityConfigurationEncryptionConfigurationS3EncryptionArgs(
                s3_encryption_mode="SSE-S3" if key is None else "SSE-KMS", kms_key_arn=key
            ),
        ),
        opts=common.opts(),
    )


def _overdue_alarm(common: Common, job_name: str, hours: int) -> None:
    """An alarm when no run has succeeded for so long: Glue counts nothing for Python shell, so a rule that matches the
    runs that succeeded is what counts them."""
    loaded = aws.cloudwatch.EventRule(
        f"{common.name}-loaded",
        name=physical_name(f"{common.name}-loaded", 64),
        description=f"{common.name}: runs of the load that succeeded; the alarm counts them",
        event_pattern=json.dumps(
            {
                "source": ["aws.glue"],
                "detail-type": ["Glue Job State Change"],
                "detail": {"jobName": [job_name], "state": ["SUCCEEDED"]},
            }
        ),
        tags=common.tags,
        opts=common.opts(),
    )
    common.watch("rules", loaded.name)
    alarms.alarm(
        common,
        "overdue",
        namespace="AWS/Events",
        metric="TriggeredRules",
        dimensions={"RuleName": loaded.name},
        description=f"{common.name}: no load has succeeded for {hours} hours",
        threshold=1,
        comparison_operator="LessThanThreshold",
        period=3600,
        evaluation_periods=hours,
        treat_missing_data="breaching",
    )


def _reader_secret(common: Common) -> aws.secretsmanager.Secret:
    """The reader's secret, empty: the function that makes the user fills it, so that no state holds the password."""
    return aws.secretsmanager.Secret(
        f"{common.name}-reader",
        # A name of its own after each deletion, which keeps the old one for days.
        name_prefix=f"{physical_name(f'{common.name}-reader', 400)}-",
        description=f"{common.name}: who may read the load's target",
        kms_key_id=common.kms_key_arn,
        tags=common.tags,
        opts=common.keeping(),
    )


def _migrate(
    common: Common,
    warehouse: _Warehouse,
    target: _Target,
    role_name: pulumi.Output[str],
    migrations: Sequence[str],
    reader: aws.secretsmanager.Secret | None,
) -> tuple[IdempotentLambda, pulumi.Resource]:
    """The function that brings the warehouse to what the target and the migrations want, and its invocation."""
    secret: GrantArgs = {"actions": ["secretsmanager:GetSecretValue"], "resources": [warehouse.secret_arn]}
    if warehouse.secret_key_arn is not None:
        secret["kms_key_arns"] = [warehouse.secret_key_arn]
    function: IdempotentLambdaArgs = {
        "code": archives.function_archive("warehouse"),
        "description": "Adds what the warehouse lacks, and runs migrations once each",
        "memory_size": 256,
        "timeout": 300,
        "environment": {
            "WORKGROUP": warehouse.workgroup_name,
            "DATABASE": warehouse.database_name,
            "SECRET_ARN": warehouse.secret_arn,
        },
        "grants": {
            "Migrate": {
                "actions": ["redshift-data:BatchExecuteStatement", "redshift-data:ExecuteStatement"],
                "resources": [warehouse.workgroup_arn],
            },
            "ReadSecret": secret,
            **needs.statements(results=True),
        },
    }
    if reader is not None:
        function["grants"] = {
            **function["grants"],
            "FillSecret": {
                "actions": ["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"],
                "resources": [reader.arn],
            },
        }
    made = IdempotentLambda(
        f"{common.name}-warehouse", common.nested(function), pulumi.ResourceOptions(parent=common.parent)
    )
    wanted = {
        "schema": target.schema,
        "table": target.table,
        "columns": list(target.columns.items()),
        "user": pulumi.Output.concat("IAMR:", role_name),
        "migrations": list(migrations),
    }
    if reader is not None:
        # Another stack's load into the same table has a reader of its own.
        user = re.sub(r"[^a-z0-9_]", "_", physical_name(f"{common.name}-reader", 127).lower())
        wanted["reader"] = {"user": user, "secret_arn": reader.arn}
    invoked = aws.lambda_.Invocation(
        f"{common.name}-migration",
        function_name=made.function_name,
        input=pulumi.Output.json_dumps(wanted),
        # Another workgroup or namespace has nothing of it; a repeat finds all of it there.
        triggers={"workgroup": warehouse.workgroup_arn, "secret": warehouse.secret_arn},
        opts=common.opts(depends_on=[made]),
    )
    return made, invoked
