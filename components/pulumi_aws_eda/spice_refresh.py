"""SPICE data sets that are refreshed after each load."""

import re
from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict, Unpack, overload

import pulumi
import pulumi_aws as aws

from pulumi_aws_eda import archives
from pulumi_aws_eda._parts import arns, program, queues, triggers
from pulumi_aws_eda._parts.analytics import ledgers, needs
from pulumi_aws_eda._parts.analytics.needs import IngestionsArgs
from pulumi_aws_eda._parts.args import ArgumentError, check, number, takes_keywords, together
from pulumi_aws_eda._parts.columns import Columns, by_name
from pulumi_aws_eda._parts.common import Common
from pulumi_aws_eda._parts.naming import physical_name
from pulumi_aws_eda._parts.observability import alarms
from pulumi_aws_eda.idempotent_lambda import IdempotentLambda, IdempotentLambdaArgs

COLUMN_TYPES = ("STRING", "INTEGER", "DECIMAL", "DATETIME", "BIT", "BOOLEAN", "JSON")
"""QuickSight's types of a table's columns (API, ``InputColumn``)."""
_KEY = re.compile(r"[A-Za-z0-9-]{1,64}")
_READ_SET = (
    "quicksight:DescribeDataSet",
    "quicksight:DescribeDataSetPermissions",
    "quicksight:DescribeIngestion",
    "quicksight:ListIngestions",
    "quicksight:PassDataSet",
)
_OWN_SET = (
    *_READ_SET,
    "quicksight:CancelIngestion",
    "quicksight:CreateIngestion",
    "quicksight:DeleteDataSet",
    "quicksight:UpdateDataSet",
    "quicksight:UpdateDataSetPermissions",
)
_OWN_SOURCE = (
    "quicksight:DeleteDataSource",
    "quicksight:DescribeDataSource",
    "quicksight:DescribeDataSourcePermissions",
    "quicksight:PassDataSource",
    "quicksight:UpdateDataSource",
    "quicksight:UpdateDataSourcePermissions",
)


class DataSourceArgs(TypedDict):
    """How QuickSight reaches a Redshift workgroup. ``AnalyticsChain`` knows all but the VPC connection."""

    host: NotRequired[pulumi.Input[str]]
    """The workgroup's endpoint."""
    port: NotRequired[pulumi.Input[int]]
    """Its port; default 5439."""
    database_name: NotRequired[pulumi.Input[str]]
    """The database."""
    secret_arn: NotRequired[pulumi.Input[str]]
    """The secret with ``username`` and ``password`` of a user who may read the tables; QuickSight's account settings
    have to let it read the secret, and so has the policy of who deploys. ``AnalyticsChain`` makes one of a reader's
    own: owners of the data source write SQL of their own with what it may."""
    vpc_connection_arn: NotRequired[pulumi.Input[str]]
    """The VPC connection to a private workgroup; default: it is reached publicly."""


class DataSetArgs(TypedDict):
    """A data set over one table. ``AnalyticsChain`` fills in the load's target."""

    name: NotRequired[str]
    """What QuickSight shows; default: project, stack and logical name."""
    schema_name: NotRequired[pulumi.Input[str]]
    """The table's schema."""
    table_name: NotRequired[pulumi.Input[str]]
    """The table."""
    columns: NotRequired[Columns]
    """Names and types: ``STRING``, ``INTEGER``, ``DECIMAL``, ``DATETIME``, ``BIT``, ``BOOLEAN`` or ``JSON``."""
    deleted_column: NotRequired[str]
    """A boolean column of the table: rows that have it are not in the data set. ``AnalyticsChain`` takes its view's.
    Default: all rows are."""


class RefreshArgs(TypedDict):
    """What is refreshed: data sets that exist, data sets that the component makes, or both."""

    data_set_ids: NotRequired[Sequence[pulumi.Input[str]]]
    """SPICE data sets that exist; default none."""
    data_sets: NotRequired[Mapping[str, DataSetArgs]]
    """Makes SPICE data sets, by the ending of their logical names: letters, digits and hyphens. Default none."""
    data_source: NotRequired[DataSourceArgs]
    """Makes the data source of ``data_sets``."""
    data_source_arn: NotRequired[pulumi.Input[str]]
    """A data source that exists, for ``data_sets``, instead of ``data_source``."""
    owner_arns: NotRequired[Sequence[pulumi.Input[str]]]
    """QuickSight users and groups that own what is made; needed with ``data_sets``, or nobody sees them."""
    viewer_arns: NotRequired[Sequence[pulumi.Input[str]]]
    """QuickSight users and groups that may use the data sets; default none."""
    max_attempts: NotRequired[int]
    """How often a refresh is tried before its message goes to the dead-letter queue, 1 to 100; default 3."""


class SpiceRefreshArgs(RefreshArgs):
    """Arguments of SpiceRefresh."""

    statement_prefix: pulumi.Input[str]
    """What the names of the load's statements start with; ``ScheduledLoad.statement_prefix``."""
    ledger_table_name: NotRequired[pulumi.Input[str]]
    """The analytics ledger of another component; default: the component makes one."""
    ledger_table_arn: NotRequired[pulumi.Input[str]]
    """Its ARN; needed with ``ledger_table_name``."""
    log_retention_in_days: NotRequired[pulumi.Input[int]]
    """Days the log is kept; default 30."""
    kms_key_arn: NotRequired[pulumi.Input[str]]
    """Customer managed key for queue, ledger and log; its policy has to let CloudWatch Logs and EventBridge use it.
    Default: the services' own keys."""
    permissions_boundary: NotRequired[pulumi.Input[str]]
    """ARN of the role's permissions boundary; default none."""
    alarm_actions: NotRequired[Sequence[pulumi.Input[str]]]
    """ARNs that the alarms notify; default none."""
    deletion_protection: NotRequired[bool]
    """Whether ledger and queue refuse to be deleted and replaced, by Pulumi's ``protect`` and, a table, by DynamoDB
    too; default false."""
    tags: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Tags of every child."""


class SpiceRefresh(pulumi.ComponentResource):
    """Refreshes SPICE data sets once for each load that finished.

    EventBridge tells a function of the statements whose names start with the load's prefix. One ingestion runs at a
    time for each data set; loads that finish meanwhile are covered by one more, because QuickSight counts them (32
    in 24 hours, Enterprise edition). A refresh that failed is tried again; what failed for good, and events that
    reached no target, lie in one dead-letter queue with an alarm. A ``Reconciler`` settles ingestions, which end
    without an event, and asks for those whose load has ``awaits_refresh`` and whose event got lost.

    Args:
        name: logical name.
        args: see ``SpiceRefreshArgs``; given as a dictionary or as keywords.
        opts: Pulumi's options; data sets are made where their tables are there, so depend on the ``ScheduledLoad``.

    Raises:
        ArgumentError: an argument is unknown, missing, out of bounds, or does not go with another.
    """

    function_name: pulumi.Output[str]
    """The function that starts ingestions."""
    function_arn: pulumi.Output[str]
    """Its ARN."""
    role_arn: pulumi.Output[str]
    """The function's role."""
    log_group_name: pulumi.Output[str]
    """The function's log group."""
    data_set_ids: pulumi.Output[Sequence[str]]
    """All data sets that are refreshed."""
    data_source_arn: pulumi.Output[str | None]
    """The data source of those that were made."""
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
    def __init__(self, name: str, args: SpiceRefreshArgs, opts: pulumi.ResourceOptions | None = None) -> None: ...

    @overload
    def __init__(
        self, name: str, *, opts: pulumi.ResourceOptions | None = None, **keywords: Unpack[SpiceRefreshArgs]
    ) -> None: ...

    @takes_keywords
    def __init__(self, name: str, args: SpiceRefreshArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        component = f"SpiceRefresh {name!r}"
        args = program.with_defaults(args, SpiceRefreshArgs)
        check_refresh_args(component, args)
        _check_complete(component, args)
        together(component, args, "ledger_table_name", "ledger_table_arn")
        attempts = number(component, args, "max_attempts", 3, 1, 100)
        super().__init__("aws-eda:index:SpiceRefresh", name, {}, opts)
        common = Common.of(self, name, args, opts)
        name = common.name

        ledger = ledgers.ledger_table(common, args)
        source_arn = _data_source_arn(common, args)
        self.data_sets = {
            key: _data_set(common, key, given, source_arn, args)
            # A map's order is lost on the way from other languages.
            for key, given in sorted(args.get("data_sets", {}).items())
            if source_arn is not None
        }
        ids: dict[str, pulumi.Input[str]] = {
            **{str(position): id for position, id in enumerate(args.get("data_set_ids", ()), 1)},
            **{key: made.data_set_id for key, made in self.data_sets.items()},
        }
        self._data_set_ids = list(ids.values())
        for key, id in ids.items():
            common.watch("data_sets", id)
            alarms.alarm(
                common,
                f"ingestion-errors-{key}",
                namespace="AWS/QuickSight",
                metric="IngestionErrorCount",
                dimensions={"DatasetId": id},
                description=f"{name}: an ingestion of the data set failed",
            )
        finished = triggers.rule(
            common,
            "finished",
            f"{name}: loads that finished",
            {
                "source": ["aws.redshift-data"],
                "detail-type": ["Redshift Data Statement Status Change"],
                "detail": {"statementName": [{"prefix": args["statement_prefix"]}], "state": ["FINISHED"]},
            },
        )
        self.dead_letter_queue = queues.dead_letter_queue(
            common, rule_arns=[finished.arn], runbook="dead-letters-refreshes"
        )
        function: IdempotentLambdaArgs = {
            "code": archives.function_archive("spice_refresh"),
            "description": "Refreshes SPICE data sets after a load",
            "memory_size": 256,
            "timeout": 60,
            "asynchronous": True,
            "dead_letter_queue_arn": self.dead_letter_queue.arn,
            "environment": {
                "LEDGER_TABLE": ledger.name,
                "ACCOUNT_ID": arns.account_id(common),
                "DATA_SET_IDS": pulumi.Output.json_dumps(self._data_set_ids),
                "STATEMENT_PREFIX": args["statement_prefix"],
                "MAX_ATTEMPTS": str(attempts),
                "DEAD_LETTER_QUEUE_URL": self.dead_letter_queue.url,
            },
            "grants": {
                **needs.ledger(ledger),
                **needs.ingestions(common, self._data_set_ids),
            },
        }
        self.function = IdempotentLambda(
            f"{name}-function", common.nested(function), pulumi.ResourceOptions(parent=self)
        )
        triggers.function_target(
            common,
            "finished",
            finished,
            self.function.function_name,
            self.function.function_arn,
            self.dead_letter_queue,
        )

        none: pulumi.Output[str | None] = pulumi.Output.from_input(None)
        self.function_name = self.function.function_name
        self.function_arn = self.function.function_arn
        self.role_arn = self.function.role_arn
        self.log_group_name = self.function.log_group_name
        self.data_set_ids = pulumi.Output.all(*self._data_set_ids)
        self.data_source_arn = none if source_arn is None else pulumi.Output.from_input(source_arn).apply(str)
        self.ledger_table_name = ledger.name
        self.ledger_table_arn = ledger.arn
        self.dead_letter_queue_url = self.dead_letter_queue.url
        self.dead_letter_queue_arn = self.dead_letter_queue.arn
        self.observed = common.observed(self.function.observed)
        self.register_outputs({key: getattr(self, key) for key in type(self).__annotations__})

    @property
    def ingestions(self) -> IngestionsArgs:
        """What a ``Reconciler`` takes to settle these ingestions."""
        return {
            "data_set_ids": self._data_set_ids,
            "dead_letter_queue_url": self.dead_letter_queue.url,
            "dead_letter_queue_arn": self.dead_letter_queue.arn,
        }


def check_refresh_args(component: str, args: RefreshArgs) -> None:
    """Check what is refreshed.

    Raises:
        ArgumentError: one of the arguments is not allowed.
    """
    data_sets = args.get("data_sets") or {}
    if not data_sets and not args.get("data_set_ids"):
        raise ArgumentError(component, "data_sets", "is missing, and so is 'data_set_ids'; nothing would be refreshed")
    if "data_source" in args and "data_source_arn" in args:
        raise ArgumentError(component, "data_source_arn", "is given, and so is 'data_source'; one is used")
    for argument in ("data_source", "data_source_arn", "owner_arns", "viewer_arns"):
        if argument in args and not data_sets:
            raise ArgumentError(component, argument, "is for 'data_sets', which is not given")
    if data_sets and not args.get("owner_arns"):
        raise ArgumentError(component, "owner_arns", "is missing; without owners nobody sees the data sets")
    if "data_source" in args:
        check(f"{component}, data_source", args["data_source"], DataSourceArgs)
    for key, data_set in data_sets.items():
        where = f"{component}, data_sets[{key!r}]"
        check(where, data_set, DataSetArgs)
        if not _KEY.fullmatch(key) or key.isdecimal():
            problem = f"has the key {key!r}; allowed are letters, digits and hyphens, not digits alone"
            raise ArgumentError(component, "data_sets", problem)
        for column, type in by_name(where, data_set.get("columns", {})).items():
            if type not in COLUMN_TYPES:
                problem = f"has {column!r} of the type {type!r}; allowed are {', '.join(COLUMN_TYPES)}"
                raise ArgumentError(where, "columns", problem)


def _check_complete(component: str, args: SpiceRefreshArgs) -> None:
    data_sets = args.get("data_sets", {})
    for key, data_set in data_sets.items():
        for argument in ("schema_name", "table_name", "columns"):
            if not data_set.get(argument):
                raise ArgumentError(f"{component}, data_sets[{key!r}]", argument, "is missing")
    if "data_source" in args:
        for argument in ("host", "database_name", "secret_arn"):
            if args["data_source"].get(argument) is None:
                raise ArgumentError(f"{component}, data_source", argument, "is missing")
    elif data_sets and "data_source_arn" not in args:
        raise ArgumentError(component, "data_source", "or 'data_source_arn' is needed for 'data_sets'")


def _data_source_arn(common: Common, args: SpiceRefreshArgs) -> pulumi.Input[str] | None:
    if "data_source" not in args:
        return args.get("data_source_arn")
    given = args["data_source"]
    connection = given.get("vpc_connection_arn")
    return aws.quicksight.DataSource(
        f"{common.name}-data-source",
        data_source_id=physical_name(f"{common.name}-data-source", 512),
        name=physical_name(common.name, 128),
        type="REDSHIFT",
        parameters=aws.quicksight.DataSourceParametersArgs(
            redshift=aws.quicksight.DataSourceParametersRedshiftArgs(
                host=given["host"], port=given.get("port", 5439), database=given["database_name"]
            )
        ),
        credentials=aws.quicksight.DataSourceCredentialsArgs(secret_arn=given["secret_arn"]),
        ssl_properties={"disable_ssl": False},
        vpc_connection_properties=None if connection is None else {"vpc_connection_arn": connection},
        permissions=[
            aws.quicksight.DataSourcePermissionArgs(principal=owner, actions=list(_OWN_SOURCE))
            for owner in args.get("owner_arns", ())
        ],
        tags=common.tags,
        opts=common.opts(),
    ).arn


def _data_set(
    common: Common,
    key: str,
    given: DataSetArgs,
    source_arn: pulumi.Input[str],
    args: SpiceRefreshArgs,
) -> aws.quicksight.DataSet:
    name = f"{common.name}-{key}"
    permissions: dict[pulumi.Input[str], Sequence[str]] = {
        **dict.fromkeys(args.get("viewer_arns", ()), _READ_SET),
        **dict.fromkeys(args.get("owner_arns", ()), _OWN_SET),
    }
    return aws.quicksight.DataSet(
        f"{common.name}-data-set-{key}",
        data_set_id=physical_name(name, 512),
        name=given.get("name", physical_name(name, 128)),
        import_mode="SPICE",
        physical_table_maps=[_rows(given, source_arn)],
        permissions=[
            aws.quicksight.DataSetPermissionArgs(principal=principal, actions=list(actions))
            for principal, actions in permissions.items()
        ],
        tags=common.tags,
        opts=common.opts(),
    )


def _rows(given: DataSetArgs, source_arn: pulumi.Input[str]) -> aws.quicksight.DataSetPhysicalTableMapArgs:
    """The data set's rows: the table's, or those of them that are not deleted."""
    columns = by_name("a data set", given["columns"])
    if "deleted_column" not in given:
        return aws.quicksight.DataSetPhysicalTableMapArgs(
            physical_table_map_id="table",
            relational_table=aws.quicksight.DataSetPhysicalTableMapRelationalTableArgs(
                data_source_arn=source_arn,
                schema=given["schema_name"],
                name=given["table_name"],
                input_columns=[
                    aws.quicksight.DataSetPhysicalTableMapRelationalTableInputColumnArgs(name=column, type=type)
                    for column, type in columns.items()
                ],
            ),
        )
    listed, deleted = ", ".join(map(_quoted, columns)), _quoted(given["deleted_column"])
    names = pulumi.Output.all(given["schema_name"], given["table_name"])
    return aws.quicksight.DataSetPhysicalTableMapArgs(
        physical_table_map_id="table",
        custom_sql=aws.quicksight.DataSetPhysicalTableMapCustomSqlArgs(
            data_source_arn=source_arn,
            name="rows",
            sql_query=names.apply(
                lambda found: (
                    f"SELECT {listed} FROM {'.'.join(map(_quoted, found))} "  # noqa: S608 - names are quoted
                    f"WHERE NOT COALESCE({deleted}, false)"
                )
            ),
            columns=[
                aws.quicksight.DataSetPhysicalTableMapCustomSqlColumnArgs(name=column, type=type)
                for column, type in columns.items()
            ],
        ),
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
