"""One Athena query for each new object: raw files in, curated files out."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict, Unpack, overload

import pulumi
import pulumi_aws as aws
from eda_runtime.query_template import QueryTemplateError, check_template

from pulumi_aws_eda import archives
from pulumi_aws_eda._parts import arns, buckets, program, queues, triggers
from pulumi_aws_eda._parts.analytics import athena_view, glue, ledgers, needs, raising
from pulumi_aws_eda._parts.analytics.needs import ObjectQueriesArgs
from pulumi_aws_eda._parts.args import ArgumentError, check, number, takes_keywords, together
from pulumi_aws_eda._parts.columns import ColumnArgs, Columns, as_list, by_name
from pulumi_aws_eda._parts.common import Common
from pulumi_aws_eda._parts.naming import first_name, physical_name
from pulumi_aws_eda._parts.observability import alarms
from pulumi_aws_eda.idempotent_lambda import IdempotentLambda, IdempotentLambdaArgs

QUERY_BYTES = 65_536
"""Bytes of a query. A statement of Athena has 262,144 at most (Athena's quotas), which hold an object's key for each
placeholder too, and a row of the ledger 400 KB (DynamoDB's quotas)."""
LEAST_CUTOFF, MOST_CUTOFF = 10_000_000, 7 * 10**15
"""Bytes of ``bytes_scanned_cutoff_per_query`` (Athena's quotas: 10 MB to 7 EB)."""
PARTITION = "dt"
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,254}")
_DATASET = re.compile(r"[A-Za-z0-9._-]{1,128}")
_PREFIX = re.compile(r"[^/'{}*?\\][^'{}*?\\]*/")
_VARIABLES = {"correlation_id_column": "CORRELATION_ID_COLUMN", "invalid_column": "INVALID_COLUMN"}
_OWN = {"curated_expiration_days": "curated_bucket_name", "result_expiration_days": "result_bucket_name"}


class ViewArgs(TypedDict):
    """The view of the newest version of each row."""

    name: str
    """The view's name in the curated table's database: lower case letters, digits and underscores."""
    key: str
    """The column that names a row."""
    version_column: str
    """The column that grows with each change of it."""
    deleted_column: NotRequired[str]
    """A boolean column: a row whose newest version has it is not in the view. Default: rows are never deleted."""


class QueryArgs(TypedDict):
    """What is queried and where it goes."""

    bucket_name: pulumi.Input[str]
    """The bucket of the raw objects, in this account and region, with EventBridge notifications on."""
    prefix: pulumi.Input[str]
    """Objects under it are queried; ends with ``/``. Below it come Hive's folders ``key=value/``, ``dt=YYYY-MM-DD/``
    among them."""
    bucket_kms_key_arn: NotRequired[pulumi.Input[str]]
    """The customer managed key of that bucket; default ``kms_key_arn``."""
    database_name: pulumi.Input[str]
    """The Glue database of the raw table."""
    table_name: pulumi.Input[str]
    """The raw table: its location is the prefix, its partitions are computed."""
    query: str
    """One SELECT with ``{rows}`` once, which becomes the object's rows; ``{bucket}``, ``{key}`` and ``{version_id}``
    are string literals; a brace of the SQL is written twice. It yields ``columns``, in their order. One
    value that is none fails a plain ``CAST``, and with it the whole object: ``TRY_CAST`` and ``TRY`` give NULL, and a
    warning names what does not. 65,536 bytes at most."""
    columns: Columns
    """The curated table's columns: names and Hive types, in the query's order; scalar types. Lower case letters, digits
    and underscores; ``dt`` is the partition."""
    correlation_id_column: NotRequired[str]
    """One of ``columns``: its distinct values are logged with each object, so that a file is found by its orders and
    an order by its files. Costs a second query of one column for each object. Default: they are not."""
    invalid_column: NotRequired[str]
    """One of ``columns``: NULL but in rows with a value that the query could not take, where it says which. They are
    counted with each object, in the same second query, and an alarm says that there are some. Default: nobody counts
    them."""
    view: NotRequired[ViewArgs]
    """Makes a view of the newest rows; default none."""
    curated_table_name: NotRequired[str]
    """The curated table's name; default: project, stack and logical name, in letters that Athena takes unquoted."""
    first_date: NotRequired[str]
    """The first day of the curated table's partitions, ``YYYY-MM-DD``: queries find no older files. Default
    ``2024-01-01``."""
    curated_bucket_name: NotRequired[pulumi.Input[str]]
    """A bucket that exists, for the curated files; default: the component makes one."""
    curated_bucket_kms_key_arn: NotRequired[pulumi.Input[str]]
    """The customer managed key of that bucket; default ``kms_key_arn``."""
    curated_prefix: NotRequired[pulumi.Input[str]]
    """Where the curated files lie; ends with ``/``. Neither may it lie under the raw prefix nor the raw prefix under
    it, in the same bucket: a query would trigger itself. Default ``curated/<logical name>/``."""
    curated_expiration_days: NotRequired[pulumi.Input[int]]
    """Days after which files of the component's curated bucket are deleted; default: they are kept."""
    result_bucket_name: NotRequired[pulumi.Input[str]]
    """A bucket that exists, for the workgroup's results; default: the component makes one."""
    result_prefix: NotRequired[pulumi.Input[str]]
    """Where the results lie; ends with ``/``, and not under the raw prefix. Default ``results/<logical name>/``."""
    result_expiration_days: NotRequired[pulumi.Input[int]]
    """Days after which files of the component's result bucket are deleted; default 7."""
    bytes_scanned_cutoff_per_query: NotRequired[int]
    """Bytes that a query may scan before Athena cancels it, 10,000,000 to 7 * 10^15 (Athena quota); default 10 GiB."""
    dataset: NotRequired[str]
    """What the curated files belong to, for the load: 1 to 128 of letters, digits, ``.``, ``_`` and ``-``. Default: the
    logical name."""
    max_attempts: NotRequired[int]
    """How often an object is queried before its message goes to the dead-letter queue, 1 to 100; default 3."""
    reserved_concurrent_executions: NotRequired[pulumi.Input[int]]
    """Instances reserved for the function and its limit; default: none reserved."""
    force_destroy: NotRequired[bool]
    """Whether destroying the stack deletes the component's buckets and workgroup with what they hold; default false."""


class PerObjectQueryArgs(QueryArgs):
    """Arguments of PerObjectQuery."""

    ledger_table_name: NotRequired[pulumi.Input[str]]
    """The analytics ledger of another component; default: the component makes one."""
    ledger_table_arn: NotRequired[pulumi.Input[str]]
    """Its ARN; needed with ``ledger_table_name``."""
    log_retention_in_days: NotRequired[pulumi.Input[int]]
    """Days the log is kept; default 30."""
    kms_key_arn: NotRequired[pulumi.Input[str]]
    """Customer managed key for buckets, results, queue, ledger and log; its policy has to let CloudWatch Logs and
    EventBridge use it. Default: the services' own keys."""
    permissions_boundary: NotRequired[pulumi.Input[str]]
    """ARN of the role's permissions boundary; default none."""
    alarm_actions: NotRequired[Sequence[pulumi.Input[str]]]
    """ARNs that the alarms notify; default none."""
    deletion_protection: NotRequired[bool]
    """Whether ledger, buckets and queue refuse to be deleted and replaced, by Pulumi's ``protect`` and, a table, by
    DynamoDB too; default false."""
    tags: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Tags of every child."""


class PerObjectQuery(pulumi.ComponentResource):
    """Queries each new object of a bucket once with Athena, and keeps the result as Parquet files of a curated table.

    EventBridge tells a function of each object; it writes a row into the ledger and starts an ``UNLOAD`` into a folder
    that belongs to the object's version and the attempt, so neither a repeated event nor a retry doubles a row. A query
    that failed is tried again; what failed for good, and events that reached no target, lie in one dead-letter queue
    with an alarm. Completion events are best effort: a ``Reconciler`` settles what they missed.

    Args:
        name: logical name.
        args: see ``PerObjectQueryArgs``; given as a dictionary or as keywords.
        opts: Pulumi's options.

    Raises:
        ArgumentError: an argument is unknown, missing, out of bounds, or does not go with another; the query is not one
            that can be run for each object; or its output would trigger it.
    """

    function_name: pulumi.Output[str]
    """The function that starts and settles queries."""
    function_arn: pulumi.Output[str]
    """Its ARN."""
    role_arn: pulumi.Output[str]
    """The function's role, with which Athena reads and writes."""
    log_group_name: pulumi.Output[str]
    """The function's log group."""
    workgroup_name: pulumi.Output[str]
    """Athena's workgroup."""
    workgroup_arn: pulumi.Output[str]
    """Its ARN."""
    curated_bucket_name: pulumi.Output[str]
    """The bucket of the curated files."""
    curated_bucket_arn: pulumi.Output[str]
    """Its ARN."""
    curated_prefix: pulumi.Output[str]
    """Where they lie, above ``dt=``."""
    database_name: pulumi.Output[str]
    """The Glue database of the curated table, which is the raw table's."""
    table_name: pulumi.Output[str]
    """The curated table."""
    table_arn: pulumi.Output[str]
    """Its ARN."""
    columns: pulumi.Output[Sequence[ColumnArgs]]
    """Its columns, with Hive types, in order."""
    view_name: pulumi.Output[str | None]
    """The view of the newest rows."""
    result_bucket_name: pulumi.Output[str]
    """The bucket of the workgroup's results."""
    dataset: pulumi.Output[str]
    """What the curated files belong to."""
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
    def __init__(self, name: str, args: PerObjectQueryArgs, opts: pulumi.ResourceOptions | None = None) -> None: ...

    @overload
    def __init__(
        self, name: str, *, opts: pulumi.ResourceOptions | None = None, **keywords: Unpack[PerObjectQueryArgs]
    ) -> None: ...

    @takes_keywords
    def __init__(self, name: str, args: PerObjectQueryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        component = f"PerObjectQuery {name!r}"
        args = program.with_defaults(args, PerObjectQueryArgs)
        check_query_args(component, args)
        together(component, args, "ledger_table_name", "ledger_table_arn")
        cutoff = number(component, args, "bytes_scanned_cutoff_per_query", 10 * 1024**3, LEAST_CUTOFF, MOST_CUTOFF)
        attempts = number(component, args, "max_attempts", 3, 1, 100)
        columns = by_name(component, args["columns"])
        called = first_name(component, name, opts)
        dataset = args.get("dataset", called)
        if not _DATASET.fullmatch(dataset):
            raise ArgumentError(component, "dataset", f"is {dataset!r}; allowed are 1 to 128 of A-Z a-z 0-9 . _ -")
        prefixes = {
            "curated_prefix": args.get("curated_prefix", f"curated/{called}/"),
            "result_prefix": args.get("result_prefix", f"results/{called}/"),
        }
        _check_locations(component, args, prefixes)
        dates = glue.date_projection(component, args)
        super().__init__("aws-eda:index:PerObjectQuery", name, {}, opts)
        common = Common.of(self, name, args, opts)
        name = common.name
        for raises in raising.raising_calls(args["query"]):
            pulumi.log.warn(_raises(component, raises), self)

        ledger = ledgers.ledger_table(common, args)
        curated_bucket, curated_ready = _bucket(common, args, "curated", args.get("curated_expiration_days"))
        result_bucket, results_ready = _bucket(common, args, "result", args.get("result_expiration_days", 7))
        curated_prefix = _guarded(component, args, "curated_prefix", curated_bucket, prefixes["curated_prefix"])
        result_prefix = _guarded(component, args, "result_prefix", result_bucket, prefixes["result_prefix"])
        self.workgroup = aws.athena.Workgroup(
            f"{name}-workgroup",
            name=physical_name(name, 128),
            description=f"One query for each object: {name}",
            configuration=aws.athena.WorkgroupConfigurationArgs(
                enforce_workgroup_configuration=True,
                publish_cloudwatch_metrics_enabled=True,
                bytes_scanned_cutoff_per_query=cutoff,
                engine_version=aws.athena.WorkgroupConfigurationEngineVersionArgs(
                    selected_engine_version="Athena engine version 3"
                ),
                result_configuration=aws.athena.WorkgroupConfigurationResultConfigurationArgs(
                    output_location=pulumi.Output.concat("s3://", result_bucket, "/", result_prefix),
                    encryption_configuration=_encryption(common),
                ),
            ),
            force_destroy=args.get("force_destroy", False),
            tags=common.tags,
            opts=common.opts(depends_on=results_ready),
        )
        location = pulumi.Output.concat("s3://", curated_bucket, "/", curated_prefix)
        self.table = glue.glue_table(
            common,
            "table",
            args["database_name"],
            args.get("curated_table_name", glue.glue_name(name)),
            location,
            columns,
            {PARTITION: dates},
        )
        self.view = _view(common, args, columns, self.table.name) if "view" in args else None
        created = _created_rule(common, args)
        completed = _completed_rule(common, self.workgroup)
        self.dead_letter_queue = queues.dead_letter_queue(
            common, rule_arns=[created.arn, completed.arn], runbook="dead-letters-queries"
        )
        key_arns = [
            key
            for key in dict.fromkeys(
                (args.get("bucket_kms_key_arn"), args.get("curated_bucket_kms_key_arn"), common.kms_key_arn)
            )
            if key is not None
        ]
        self._object_queries: ObjectQueriesArgs = {
            "workgroup_arn": self.workgroup.arn,
            "database_name": args["database_name"],
            "table_name": args["table_name"],
            "bucket_name": args["bucket_name"],
            "prefix": args["prefix"],
            "curated_bucket_name": curated_bucket,
            "curated_prefix": curated_prefix,
            "result_bucket_name": result_bucket,
            "result_prefix": result_prefix,
            "key_arns": key_arns,
            "dead_letter_queue_url": self.dead_letter_queue.url,
            "dead_letter_queue_arn": self.dead_letter_queue.arn,
        }
        function: IdempotentLambdaArgs = {
            "code": archives.function_archive("per_object_query", {"query.json": _query_file(args["query"], columns)}),
            "description": "Queries each new object once, and settles the query when it has ended",
            "memory_size": 256,
            "timeout": 60,
            "asynchronous": True,
            "dead_letter_queue_arn": self.dead_letter_queue.arn,
            "environment": {
                "LEDGER_TABLE": ledger.name,
                "WORKGROUP": self.workgroup.name,
                "DATABASE": args["database_name"],
                "TABLE": args["table_name"],
                "OUTPUT_LOCATION": location,
                "OUTPUT_PARTITIONS": PARTITION,
                "DATASET": dataset,
                "MAX_ATTEMPTS": str(attempts),
                "DEAD_LETTER_QUEUE_URL": self.dead_letter_queue.url,
                **{_VARIABLES[name]: args[name] for name in _VARIABLES if name in args},  # type: ignore[literal-required]
            },
            "grants": {**needs.ledger(ledger), **needs.object_queries(common, self._object_queries)},
        }
        if "reserved_concurrent_executions" in args:
            function["reserved_concurrent_executions"] = args["reserved_concurrent_executions"]
        self.function = IdempotentLambda(
            f"{name}-function", common.nested(function), pulumi.ResourceOptions(parent=self, depends_on=curated_ready)
        )
        if "invalid_column" in args:
            alarms.alarm(
                common,
                "invalid-rows",
                namespace="EventDriven",
                metric="InvalidRows",
                dimensions={"WorkGroup": self.workgroup.name},
                description=f"{name}: rows came with a value that the query could not take",
            )
        for suffix, rule in (("created", created), ("completed", completed)):
            triggers.function_target(
                common, suffix, rule, self.function.function_name, self.function.function_arn, self.dead_letter_queue
            )

        none: pulumi.Output[str | None] = pulumi.Output.from_input(None)
        self.function_name = self.function.function_name
        self.function_arn = self.function.function_arn
        self.role_arn = self.function.role_arn
        self.log_group_name = self.function.log_group_name
        self.workgroup_name = self.workgroup.name
        self.workgroup_arn = self.workgroup.arn
        self.curated_bucket_name = pulumi.Output.from_input(curated_bucket)
        self.curated_bucket_arn = arns.bucket_arn(common, curated_bucket)
        self.curated_prefix = curated_prefix
        self.database_name = pulumi.Output.from_input(args["database_name"])
        self.table_name = self.table.name
        self.table_arn = self.table.arn
        self.columns = pulumi.Output.from_input(as_list(columns.items()))
        self.view_name = none if self.view is None else self.view.name.apply(str)
        self.result_bucket_name = pulumi.Output.from_input(result_bucket)
        self.dataset = pulumi.Output.from_input(dataset)
        self.ledger_table_name = ledger.name
        self.ledger_table_arn = ledger.arn
        self.dead_letter_queue_url = self.dead_letter_queue.url
        self.dead_letter_queue_arn = self.dead_letter_queue.arn
        common.watch("athena_workgroups", self.workgroup.name)
        self.observed = common.observed(self.function.observed)
        self.register_outputs({key: getattr(self, key) for key in type(self).__annotations__})

    @property
    def object_queries(self) -> ObjectQueriesArgs:
        """What a ``Reconciler`` takes to settle these queries."""
        return self._object_queries


def check_query_args(component: str, args: QueryArgs) -> None:
    """Check what is queried: the query, the columns, the names and the view.

    Raises:
        ArgumentError: one of them is not allowed.
    """
    columns = by_name(component, args["columns"])
    _check_query(component, args["query"])
    _check_columns(component, columns)
    for own, given in _OWN.items():
        if given in args and own in args:
            raise ArgumentError(component, own, f"is for the component's own bucket, but {given!r} is given")
    if "curated_bucket_kms_key_arn" in args and "curated_bucket_name" not in args:
        raise ArgumentError(component, "curated_bucket_kms_key_arn", "is for a bucket given by 'curated_bucket_name'")
    if "curated_table_name" in args and not _NAME.fullmatch(args["curated_table_name"]):
        problem = f"is {args['curated_table_name']!r}; allowed are lower case letters, digits and underscores"
        raise ArgumentError(component, "curated_table_name", problem)
    for argument in _VARIABLES:
        column = args.get(argument)
        if column is not None and column not in columns:
            raise ArgumentError(component, argument, f"is {column!r}, which is none of columns")
    if "view" in args:
        _check_view(component, args["view"], columns)


def _query_file(query: str, columns: Mapping[str, str]) -> str:
    """The query and the columns of its files: they belong together, so they reach the function together."""
    return json.dumps({"query": query, "columns": list(columns.items())})


def _check_query(component: str, query: str) -> None:
    try:
        check_template(query)
    except QueryTemplateError as error:
        raise ArgumentError(component, "query", f"is not one that can be run for each object: {error}") from None
    if len(query.encode()) > QUERY_BYTES:
        problem = f"has {len(query.encode())} bytes; allowed are {QUERY_BYTES}"
        raise ArgumentError(component, "query", problem)
    bare = raising.code(query)
    if "'" in bare or '"' in bare or "/*" in bare:
        raise ArgumentError(component, "query", "has a literal, a quoted name or a comment that does not end")
    if "{rows}" not in bare:
        raise ArgumentError(component, "query", "has {rows} in a literal or a comment; it stands behind FROM")
    if ";" in bare:
        raise ArgumentError(component, "query", "has a semicolon; it is one statement")
    if not re.match(r"\s*(SELECT|WITH)\b", bare, re.IGNORECASE):
        raise ArgumentError(component, "query", "is no SELECT; it becomes part of an UNLOAD")
    if bare.count("(") != bare.count(")"):
        problem = f"opens {bare.count('(')} parentheses and closes {bare.count(')')}"
        raise ArgumentError(component, "query", problem)


def _raises(component: str, function: str) -> str:
    fix = "TRY_CAST(… AS …)" if function == "cast" else f"TRY({function}(…))"
    return (
        f"{component}: the argument 'query' calls {function}, which fails on a value that is none, and with it the "
        f"whole object's query; write {fix}, which gives NULL, and name the column in 'invalid_column'"
    )


def _check_columns(component: str, columns: Mapping[str, str]) -> None:
    if not columns:
        raise ArgumentError(component, "columns", "is empty; a table has at least one column")
    for column, type in columns.items():
        if not _NAME.fullmatch(column):
            raise ArgumentError(component, "columns", f"has {column!r}; allowed are lower case letters, digits and _")
        if column == PARTITION:
            raise ArgumentError(component, "columns", f"has {column!r}, which is the partition")
        if not athena_view.known(type):
            known = ", ".join((*athena_view.PRESTO_TYPES, "decimal(p, s)", "char(n)", "varchar(n)"))
            raise ArgumentError(component, "columns", f"has {column!r} of the type {type!r}; known are {known}")


def _check_view(component: str, view: ViewArgs, columns: Mapping[str, str]) -> None:
    where = f"{component}, view"
    check(where, view, ViewArgs)
    if not _NAME.fullmatch(view["name"]):
        raise ArgumentError(where, "name", f"is {view['name']!r}; allowed are lower case letters, digits and _")
    for argument in ("key", "version_column", "deleted_column"):
        column = view.get(argument)
        if column is not None and column not in columns:
            raise ArgumentError(where, argument, f"is {column!r}, which is none of columns")
    if "deleted_column" in view and columns[view["deleted_column"]] != "boolean":
        raise ArgumentError(where, "deleted_column", f"is {view['deleted_column']!r}, which is no boolean")


def _check_locations(component: str, args: PerObjectQueryArgs, prefixes: Mapping[str, pulumi.Input[str]]) -> None:
    for argument, value in (("prefix", args["prefix"]), *prefixes.items()):
        if isinstance(value, str) and not _PREFIX.fullmatch(value):
            problem = f"is {value!r}; it ends with '/', does not start with one, and has none of ' {{ }} * ? \\"
            raise ArgumentError(component, argument, problem)
    raw = args["bucket_name"], args["prefix"]
    for bucket, argument in (("curated_bucket_name", "curated_prefix"), ("result_bucket_name", "result_prefix")):
        if bucket in args:
            written = args.get(bucket), prefixes[argument]
            if all(isinstance(part, str) for part in (*raw, *written)):
                _check_no_loop(component, argument, [*raw, *written])


def _check_no_loop(component: str, argument: str, parts: Sequence[Any]) -> str:
    """Refuse a location that a query writes to and is triggered by; the location's prefix."""
    raw_bucket, raw_prefix, bucket, prefix = parts
    if raw_bucket == bucket and (prefix.startswith(raw_prefix) or raw_prefix.startswith(prefix)):
        problem = f"is {prefix!r}, and 'prefix' is {raw_prefix!r} in the same bucket: a query would trigger itself"
        raise ArgumentError(component, argument, problem)
    return str(prefix)


def _guarded(
    component: str,
    args: PerObjectQueryArgs,
    argument: str,
    bucket: pulumi.Input[str],
    prefix: pulumi.Input[str],
) -> pulumi.Output[str]:
    """The prefix, checked when all parts are known: names that are outputs are known only then."""
    return pulumi.Output.all(args["bucket_name"], args["prefix"], bucket, prefix).apply(
        lambda parts: _check_no_loop(component, argument, parts)
    )


def _bucket(
    common: Common, args: PerObjectQueryArgs, kind: str, expiration_days: pulumi.Input[int] | None
) -> tuple[pulumi.Input[str], list[pulumi.Resource]]:
    """The bucket that was given or made, and what has to be there before something is written into it."""
    given: pulumi.Input[str] | None = args.get(f"{kind}_bucket_name")  # type: ignore[assignment]  # by a variable's name
    if given is not None:
        return given, []
    made, policy = buckets.bucket(
        common,
        kind,
        expiration_days=expiration_days,
        # What a retry or a backfill replaced is of no use.
        noncurrent_version_expiration_days=7,
        force_destroy=args.get("force_destroy", False),
    )
    return made.id, [policy]


def _encryption(
    common: Common,
) -> aws.athena.WorkgroupConfigurationResultConfigurationEncryptionConfigurationArgs:
    return aws.athena.WorkgroupConfigurationResultConfigurationEncryptionConfigurationArgs(
        encryption_option="SSE_S3" if common.kms_key_arn is None else "SSE_KMS", kms_key_arn=common.kms_key_arn
    )


def _view(
    common: Common, args: QueryArgs, columns: Mapping[str, str], table_name: pulumi.Output[str]
) -> aws.glue.CatalogTable:
    view = args["view"]

    def properties(names: Sequence[Any]) -> dict[str, Any]:
        database, table = names
        query = athena_view.newest_rows(
            database, table, columns, view["key"], view["version_column"], view.get("deleted_column")
        )
        return athena_view.catalog_table(query, database, columns)

    made = pulumi.Output.all(args["database_name"], table_name).apply(properties)
    return aws.glue.CatalogTable(
        f"{common.name}-view",
        name=view["name"],
        database_name=args["database_name"],
        table_type=made["table_type"],
        parameters={"presto_view": "true", "comment": "Presto View"},
        view_original_text=made["view_original_text"],
        view_expanded_text=made["view_expanded_text"],
        storage_descriptor=aws.glue.CatalogTableStorageDescriptorArgs(
            columns=[
                aws.glue.CatalogTableStorageDescriptorColumnArgs(name=name, type=type) for name, type in columns.items()
            ],
            # Athena reads no view without a SerDe, and the provider does not send one that is empty; nothing looks at
            # what it says (terraform-provider-aws#28517).
            ser_de_info=aws.glue.CatalogTableStorageDescriptorSerDeInfoArgs(name="-", serialization_library="-"),
        ),
        opts=common.opts(),
    )


def _created_rule(common: Common, args: QueryArgs) -> aws.cloudwatch.EventRule:
    return triggers.rule(
        common,
        "created",
        f"{common.name}: new objects to query",
        {
            "source": ["aws.s3"],
            "detail-type": ["Object Created"],
            "detail": {"bucket": {"name": [args["bucket_name"]]}, "object": {"key": [{"prefix": args["prefix"]}]}},
        },
    )


def _completed_rule(common: Common, workgroup: aws.athena.Workgroup) -> aws.cloudwatch.EventRule:
    return triggers.rule(
        common,
        "completed",
        f"{common.name}: queries that ended",
        {
            "source": ["aws.athena"],
            "detail-type": ["Athena Query State Change"],
            "detail": {"workgroupName": [workgroup.name], "currentState": ["SUCCEEDED", "FAILED", "CANCELLED"]},
        },
    )
