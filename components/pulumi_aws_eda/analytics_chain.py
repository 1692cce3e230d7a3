"""From raw files to curated files, a warehouse and SPICE data sets: what lies behind a BatchedFirehoseSink."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict, Unpack, cast, overload

import pulumi

from pulumi_aws_eda._parts import program
from pulumi_aws_eda._parts.analytics import ledgers
from pulumi_aws_eda._parts.args import ArgumentError, check, takes_keywords, together
from pulumi_aws_eda._parts.columns import by_name
from pulumi_aws_eda._parts.common import Common
from pulumi_aws_eda.per_object_query import PerObjectQuery, PerObjectQueryArgs, QueryArgs, check_query_args
from pulumi_aws_eda.reconciler import Reconciler, ReconcilerArgs, ReconcilerSettingsArgs, check_reconciler_settings
from pulumi_aws_eda.scheduled_load import (
    LoadArgs,
    ScheduledLoad,
    ScheduledLoadArgs,
    check_load_args,
    default_table_name,
)
from pulumi_aws_eda.spice_refresh import (
    DataSetArgs,
    DataSourceArgs,
    RefreshArgs,
    SpiceRefresh,
    SpiceRefreshArgs,
    check_refresh_args,
)

QUICKSIGHT_TYPES = {
    "smallint": "INTEGER",
    "integer": "INTEGER",
    "int": "INTEGER",
    "bigint": "INTEGER",
    "decimal": "DECIMAL",
    "numeric": "DECIMAL",
    "real": "DECIMAL",
    "float": "DECIMAL",
    "double precision": "DECIMAL",
    "date": "DATETIME",
    "timestamp": "DATETIME",
    "timestamptz": "DATETIME",
    "boolean": "BOOLEAN",
    "super": "JSON",
}
"""QuickSight's types by Redshift's; all others are strings."""


class AnalyticsChainArgs(TypedDict):
    """Arguments of AnalyticsChain."""

    query: QueryArgs
    """What is queried, for ``PerObjectQuery``."""
    redshift: NotRequired[LoadArgs]
    """What is loaded into Redshift, for ``ScheduledLoad``; its columns are the query's, in any order. Default: nothing
    is, for environments without Redshift."""
    quicksight: NotRequired[RefreshArgs]
    """What is refreshed after a load, for ``SpiceRefresh``; needs ``redshift``. A data set without a table is one over
    the load's target; a data source without a host is one of its workgroup. Default: nothing is."""
    reconciler: NotRequired[ReconcilerSettingsArgs]
    """When the ``Reconciler`` looks; default every five minutes."""
    ledger_table_name: NotRequired[pulumi.Input[str]]
    """The analytics ledger of another component; default: the component makes one for all its parts."""
    ledger_table_arn: NotRequired[pulumi.Input[str]]
    """Its ARN; needed with ``ledger_table_name``."""
    log_retention_in_days: NotRequired[pulumi.Input[int]]
    """Days the logs are kept; default 30."""
    kms_key_arn: NotRequired[pulumi.Input[str]]
    """Customer managed key for buckets, results, warehouse, queues, ledger and logs; its policy has to let CloudWatch
    Logs and EventBridge use it. Default: the services' own keys."""
    permissions_boundary: NotRequired[pulumi.Input[str]]
    """ARN of the roles' permissions boundary; default none."""
    alarm_actions: NotRequired[Sequence[pulumi.Input[str]]]
    """ARNs that the alarms notify; default none."""
    deletion_protection: NotRequired[bool]
    """Whether ledger, buckets, warehouse and queues refuse to be deleted and replaced, by Pulumi's ``protect`` and,
    a table, by DynamoDB too; default false."""
    tags: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Tags of every child."""


class AnalyticsChain(pulumi.ComponentResource):
    """Each new raw object becomes curated files once (``PerObjectQuery``), all settled files are loaded into Redshift
    on a schedule (``ScheduledLoad``), and each load refreshes SPICE data sets once (``SpiceRefresh``). A ``Reconciler``
    settles what events missed. Without ``redshift`` or ``quicksight`` the chain ends earlier.

    Args:
        name: logical name.
        args: see ``AnalyticsChainArgs``; given as a dictionary or as keywords.
        opts: Pulumi's options.

    Raises:
        ArgumentError: an argument is unknown, missing, out of bounds, or does not go with another.
    """

    ledger_table_name: pulumi.Output[str]
    """The analytics ledger."""
    ledger_table_arn: pulumi.Output[str]
    """Its ARN."""
    query_function_name: pulumi.Output[str]
    """The function that starts and settles queries."""
    athena_workgroup_name: pulumi.Output[str]
    """Athena's workgroup."""
    curated_bucket_name: pulumi.Output[str]
    """The bucket of the curated files."""
    curated_prefix: pulumi.Output[str]
    """Where they lie."""
    database_name: pulumi.Output[str]
    """The Glue database."""
    curated_table_name: pulumi.Output[str]
    """The curated table."""
    view_name: pulumi.Output[str | None]
    """The view of the newest rows."""
    query_dead_letter_queue_url: pulumi.Output[str]
    """The queue for queries that failed."""
    job_name: pulumi.Output[str | None]
    """The Glue job of the load."""
    schedule_name: pulumi.Output[str | None]
    """The load's schedule."""
    redshift_workgroup_name: pulumi.Output[str | None]
    """The Redshift Serverless workgroup."""
    redshift_database_name: pulumi.Output[str | None]
    """Its database."""
    redshift_secret_arn: pulumi.Output[str | None]
    """The secret of its administrator."""
    reader_secret_arn: pulumi.Output[str | None]
    """The secret of the user who may read the load's target alone, which QuickSight takes."""
    schema_name: pulumi.Output[str | None]
    """The schema of the load's target."""
    target_table_name: pulumi.Output[str | None]
    """The load's target."""
    load_dead_letter_queue_url: pulumi.Output[str | None]
    """The queue for loads that failed."""
    refresh_function_name: pulumi.Output[str | None]
    """The function that starts ingestions."""
    data_set_ids: pulumi.Output[Sequence[str]]
    """The SPICE data sets that are refreshed."""
    refresh_dead_letter_queue_url: pulumi.Output[str | None]
    """The queue for refreshes that failed."""
    reconciler_function_name: pulumi.Output[str]
    """The function that settles what events missed."""
    reconciler_schedule_name: pulumi.Output[str]
    """Its schedule."""
    reconciler_dead_letter_queue_url: pulumi.Output[str]
    """The queue for its runs that failed."""
    observed: pulumi.Output[Mapping[str, Sequence[str]]]
    """What an ``Observability`` shows of it: names by kind."""

    @overload
    def __init__(self, name: str, args: AnalyticsChainArgs, opts: pulumi.ResourceOptions | None = None) -> None: ...

    @overload
    def __init__(
        self, name: str, *, opts: pulumi.ResourceOptions | None = None, **keywords: Unpack[AnalyticsChainArgs]
    ) -> None: ...

    @takes_keywords
    def __init__(self, name: str, args: AnalyticsChainArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        component = f"AnalyticsChain {name!r}"
        _check(component, args)
        args = program.with_defaults(args, AnalyticsChainArgs)
        super().__init__("aws-eda:index:AnalyticsChain", name, {}, opts)
        common = Common.of(self, name, args, opts)
        name = common.name
        ledger = ledgers.ledger_table(common, args)
        child = pulumi.ResourceOptions(parent=self)

        given = cast("PerObjectQueryArgs", args["query"])
        query: PerObjectQueryArgs = {
            **given,
            "dataset": given.get("dataset", name),
            "ledger_table_name": ledger.name,
            "ledger_table_arn": ledger.arn,
        }
        self.query = PerObjectQuery(f"{name}-query", common.nested(query), child)
        settled: ReconcilerArgs = {
            **cast("ReconcilerArgs", args.get("reconciler", {})),
            "ledger_table_name": ledger.name,
            "ledger_table_arn": ledger.arn,
            "queries": self.query.object_queries,
        }
        self.load: ScheduledLoad | None = None
        self.refresh: SpiceRefresh | None = None
        if "redshift" in args:
            load: ScheduledLoadArgs = {
                **cast("ScheduledLoadArgs", args["redshift"]),
                "dataset": self.query.dataset,
                "curated_bucket_name": self.query.curated_bucket_name,
                "curated_prefix": self.query.curated_prefix,
                "awaits_refresh": "quicksight" in args,
                "ledger_table_name": ledger.name,
                "ledger_table_arn": ledger.arn,
            }
            if _reads_alone(args):
                load.setdefault("reader", True)
            # The part's own name is none that a user chose.
            load.setdefault("target_table_name", default_table_name(name))
            if "curated_bucket_kms_key_arn" in given:
                load["curated_bucket_kms_key_arn"] = given["curated_bucket_kms_key_arn"]
            self.load = ScheduledLoad(f"{name}-load", common.nested(load), child)
            settled["loads"] = self.load.loads
            if "quicksight" in args:
                refresh: SpiceRefreshArgs = {
                    **cast("SpiceRefreshArgs", _completed(args["quicksight"], self.load, args)),
                    "statement_prefix": self.load.statement_prefix,
                    "ledger_table_name": ledger.name,
                    "ledger_table_arn": ledger.arn,
                }
                # A data set is made where its table is there.
                after = pulumi.ResourceOptions(parent=self, depends_on=[self.load])
                self.refresh = SpiceRefresh(f"{name}-refresh", common.nested(refresh), after)
                settled["ingestions"] = self.refresh.ingestions
        self.reconciler = Reconciler(f"{name}-reconciler", common.nested(settled), child)

        self.ledger_table_name = ledger.name
        self.ledger_table_arn = ledger.arn
        self.query_function_name = self.query.function_name
        self.athena_workgroup_name = self.query.workgroup_name
        self.curated_bucket_name = self.query.curated_bucket_name
        self.curated_prefix = self.query.curated_prefix
        self.database_name = self.query.database_name
        self.curated_table_name = self.query.table_name
        self.view_name = self.query.view_name
        self.query_dead_letter_queue_url = self.query.dead_letter_queue_url
        loaded, refreshed = self.load, self.refresh
        self.job_name = _output(loaded, "job_name")
        self.schedule_name = _output(loaded, "schedule_name")
        self.redshift_workgroup_name = _output(loaded, "workgroup_name")
        self.redshift_database_name = _output(loaded, "redshift_database_name")
        self.redshift_secret_arn = _output(loaded, "secret_arn")
        self.reader_secret_arn = _output(loaded, "reader_secret_arn")
        self.schema_name = _output(loaded, "schema_name")
        self.target_table_name = _output(loaded, "target_table_name")
        self.load_dead_letter_queue_url = _output(loaded, "dead_letter_queue_url")
        self.refresh_function_name = _output(refreshed, "function_name")
        self.data_set_ids = pulumi.Output.from_input([]) if refreshed is None else refreshed.data_set_ids
        self.refresh_dead_letter_queue_url = _output(refreshed, "dead_letter_queue_url")
        self.reconciler_function_name = self.reconciler.function_name
        self.reconciler_schedule_name = self.reconciler.schedule_name
        self.reconciler_dead_letter_queue_url = self.reconciler.dead_letter_queue_url
        parts = [self.query, self.load, self.refresh, self.reconciler]
        self.observed = common.observed(*(part.observed for part in parts if part is not None))
        self.register_outputs({key: getattr(self, key) for key in type(self).__annotations__})


def _output(component: pulumi.ComponentResource | None, name: str) -> pulumi.Output[str | None]:
    """An output of a part; None where the chain ends before it."""
    return pulumi.Output.from_input(None if component is None else getattr(component, name))


def _check(component: str, args: AnalyticsChainArgs) -> None:
    together(component, args, "ledger_table_name", "ledger_table_arn")
    query = args["query"]
    check(f"{component}, query", query, QueryArgs)
    check_query_args(f"{component}, query", query)
    if "redshift" in args:
        where, load = f"{component}, redshift", args["redshift"]
        check(where, load, LoadArgs)
        check_load_args(where, load)
        made, loaded = by_name(f"{component}, query", query["columns"]), by_name(where, load["columns"])
        if differ := sorted(set(made) ^ set(loaded)):
            raise ArgumentError(where, "columns", f"and those of 'query' differ: {differ}; each is made and loaded")
    if "quicksight" in args:
        where, refresh = f"{component}, quicksight", args["quicksight"]
        if "redshift" not in args:
            raise ArgumentError(component, "quicksight", "is given without 'redshift'; a load is what refreshes")
        check(where, refresh, RefreshArgs)
        check_refresh_args(where, refresh)
        known = "workgroup" not in args["redshift"] or "endpoint_address" in args["redshift"]["workgroup"]
        named = "data_source_arn" in refresh or "host" in refresh.get("data_source", {})
        if "data_sets" in refresh and not named and not known:
            problem = "is missing; the data source needs it"
            raise ArgumentError(f"{component}, redshift, workgroup", "endpoint_address", problem)
    if "reconciler" in args:
        where = f"{component}, reconciler"
        check(where, args["reconciler"], ReconcilerSettingsArgs)
        check_reconciler_settings(where, args["reconciler"])


def _reads_alone(args: AnalyticsChainArgs) -> bool:
    """Whether QuickSight's data source is made here and comes as the load's reader."""
    given = args.get("quicksight", {})
    return "data_sets" in given and "data_source_arn" not in given and "secret_arn" not in given.get("data_source", {})


def _completed(given: RefreshArgs, load: ScheduledLoad, args: AnalyticsChainArgs) -> RefreshArgs:
    """The refresh with the load's target and workgroup where it names none."""
    made: RefreshArgs = {**given}
    table: DataSetArgs = {
        "schema_name": load.schema_name,
        "table_name": load.target_table_name,
        "columns": {
            name: _quicksight_type(type) for name, type in by_name("redshift", args["redshift"]["columns"]).items()
        },
    }
    view = args["query"].get("view", {})
    if "deleted_column" in view:
        table["deleted_column"] = view["deleted_column"]
    if "data_sets" in given:
        made["data_sets"] = {key: _of_target(table, data_set) for key, data_set in given["data_sets"].items()}
        if "data_source_arn" not in given:
            source: DataSourceArgs = {
                "host": load.endpoint_address.apply(str),
                "port": load.port,
                "database_name": load.redshift_database_name,
            }
            if _reads_alone(args):
                source["secret_arn"] = load.reader_secret_arn.apply(str)
            made["data_source"] = {**source, **given.get("data_source", {})}
    return made


def _of_target(table: DataSetArgs, given: DataSetArgs) -> DataSetArgs:
    made: DataSetArgs = {**table, **given}
    if "table_name" in given and "deleted_column" not in given:
        # Of another table nothing is known.
        made.pop("deleted_column", None)
    return made


def _quicksight_type(redshift: str) -> str:
    return QUICKSIGHT_TYPES.get(redshift.partition("(")[0].strip().lower(), "STRING")
