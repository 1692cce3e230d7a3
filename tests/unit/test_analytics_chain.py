"""AnalyticsChain: its parts with and without Redshift and QuickSight, and what they get of each other."""

import json
from collections.abc import Mapping
from typing import Any

import pulumi
import pytest
from pulumi_aws_eda import AnalyticsChain, ArgumentError
from pulumi_aws_eda.testing import Recording, record

from tests.unit.component_cases import LEDGER, LOAD, QUERY, USER

FUNCTION = "aws:lambda/function:Function"
SET = "aws:quicksight/dataSet:DataSet"
SOURCE = "aws:quicksight/dataSource:DataSource"
REFRESH = {"data_sets": {"orders": {}}, "owner_arns": [USER]}
ALL = {"query": QUERY, "redshift": LOAD, "quicksight": REFRESH}
PARTS = {
    "query": "aws-eda:index:PerObjectQuery",
    "load": "aws-eda:index:ScheduledLoad",
    "refresh": "aws-eda:index:SpiceRefresh",
    "reconciler": "aws-eda:index:Reconciler",
}


def make(**args: Any) -> Recording:
    given: Any = args
    return record(lambda: AnalyticsChain("c", given))


def exports(**args: Any) -> Mapping[str, Any]:
    given: Any = args

    def program() -> None:
        chain = AnalyticsChain("c", given)
        for name in AnalyticsChain.__annotations__:
            pulumi.export(name, getattr(chain, name))

    return record(program).exports


def environment(made: Recording, part: str) -> dict[str, str]:
    return dict(made.one(FUNCTION, f"c-{part}-function-function").inputs["environment"]["variables"])


@pytest.mark.parametrize(
    ("args", "parts", "kinds"),
    [
        ({"query": QUERY}, {"query", "reconciler"}, ["query"]),
        ({"query": QUERY, "redshift": LOAD}, {"query", "load", "reconciler"}, ["query", "load"]),
        (ALL, {"query", "load", "refresh", "reconciler"}, ["query", "load", "spice"]),
    ],
)
def test_the_chain_ends_where_a_part_is_not_asked_for(args: dict[str, Any], parts: set[str], kinds: list[str]) -> None:
    made = make(**args)
    found = {part for part, kind in PARTS.items() if made.of(kind)}
    assert found == parts
    assert {resource.name for part in parts for resource in made.of(PARTS[part]).values()} == {f"c-{p}" for p in parts}
    assert json.loads(environment(made, "reconciler")["KINDS"]) == kinds


def test_all_parts_share_one_ledger() -> None:
    made = make(**ALL)
    assert set(made.of("aws:dynamodb/table:Table")) == {"c-ledger"}
    tables = {environment(made, part)["LEDGER_TABLE"] for part in ("query", "refresh", "reconciler")}
    tables.add(made.one("aws:glue/job:Job").inputs["defaultArguments"]["--ledger_table"])
    assert tables == {"project-test-c-ledger"}
    given = make(**ALL, ledger_table_name="l", ledger_table_arn=LEDGER)
    assert not given.of("aws:dynamodb/table:Table")
    assert environment(given, "reconciler")["LEDGER_TABLE"] == "l"


def test_the_load_reads_what_the_query_writes_and_the_refresh_hears_of_the_load() -> None:
    made = make(**ALL)
    arguments = made.one("aws:glue/job:Job").inputs["defaultArguments"]
    assert arguments["--dataset"] == environment(made, "query")["DATASET"] == "c"
    assert environment(made, "query")["OUTPUT_LOCATION"] == "s3://c-query-curated-id/curated/c-query/"
    assert arguments["--awaits_refresh"] == "true"
    unrefreshed = make(query=QUERY, redshift=LOAD).one("aws:glue/job:Job").inputs["defaultArguments"]
    assert unrefreshed["--awaits_refresh"] == "false"
    files = made.statements("c-load-copy-role")["ReadFiles"]["Resource"]
    assert "arn:aws:s3:::c-query-curated-id/curated/c-query/*" in files
    assert environment(made, "refresh")["STATEMENT_PREFIX"] == arguments["--statement_prefix"] == "project-test-c-load-"


def test_a_data_set_is_one_over_the_target_by_the_workgroup() -> None:
    load = {
        **LOAD,
        "columns": {"order_id": "VARCHAR(64)", "version": "DECIMAL(18, 0)", "deleted": "BOOLEAN"},
        "target_table_name": "orders",
    }
    made = make(query=QUERY, redshift=load, quicksight={**REFRESH, "data_source": {"vpc_connection_arn": "arn:vpc"}})
    table = made.one(SET).inputs["physicalTableMaps"][0]["customSql"]
    listed = '"order_id", "version", "deleted"'
    assert table["sqlQuery"] == f'SELECT {listed} FROM "analytics"."orders" WHERE NOT COALESCE("deleted", false)'
    assert table["columns"] == [
        {"name": "order_id", "type": "STRING"},
        {"name": "version", "type": "DECIMAL"},
        {"name": "deleted", "type": "BOOLEAN"},
    ]
    source = made.one(SOURCE).inputs
    host = "c-load-workgroup.123456789012.eu-central-1.redshiftserverless.amazonaws.com"
    assert source["parameters"]["redshift"] == {"host": host, "port": 5439, "database": "analytics"}
    assert source["credentials"]["secretArn"].endswith("/c-load-reader")
    assert source["vpcConnectionProperties"] == {"vpcConnectionArn": "arn:vpc"}


def test_what_the_user_says_of_a_data_set_goes_before() -> None:
    refresh = {
        "data_sets": {"late": {"table_name": "late", "columns": {"order_id": "STRING"}}},
        "data_source_arn": "arn:source",
        "owner_arns": [USER],
    }
    made = make(query=QUERY, redshift=LOAD, quicksight=refresh)
    table = made.one(SET).inputs["physicalTableMaps"][0]["relationalTable"]
    assert (table["schema"], table["name"], table["dataSourceArn"]) == ("analytics", "late", "arn:source")
    assert len(table["inputColumns"]) == 1
    assert not made.of(SOURCE)
    refresh["data_sets"] = {"late": {"table_name": "late", "columns": {"order_id": "STRING"}, "deleted_column": "gone"}}
    query = make(query=QUERY, redshift=LOAD, quicksight=refresh).one(SET).inputs["physicalTableMaps"][0]["customSql"]
    assert query["sqlQuery"] == 'SELECT "order_id" FROM "analytics"."late" WHERE NOT COALESCE("gone", false)'


def test_the_reconciler_sends_what_failed_to_the_queue_of_its_part() -> None:
    made = make(**ALL, reconciler={"schedule_expression": "rate(1 minute)", "grace_seconds": 30})
    given = environment(made, "reconciler")
    assert given["GRACE_SECONDS"] == "30"
    for kind, part in (("QUERY", "query"), ("LOAD", "load"), ("SPICE", "refresh")):
        assert given[f"{kind}_DEAD_LETTER_QUEUE_URL"].endswith(f"/project-test-c-{part}-dlq")
    assert given["DEAD_LETTER_QUEUE_URL"].endswith("/project-test-c-reconciler-dlq")
    schedule = made.one("aws:scheduler/schedule:Schedule", "c-reconciler-schedule").inputs
    assert schedule["scheduleExpression"] == "rate(1 minute)"


def test_every_queue_for_failures_has_an_alarm() -> None:
    made = make(**ALL, alarm_actions=["arn:topic"])
    alarms = made.of("aws:cloudwatch/metricAlarm:MetricAlarm")
    for name in made.of("aws:sqs/queue:Queue"):
        assert alarms[f"{name}-messages"].inputs["threshold"] == 1
    assert {tuple(alarm.inputs["alarmActions"]) for alarm in alarms.values()} == {("arn:topic",)}


def test_what_a_user_may_reach_is_an_output_and_none_where_the_chain_ended() -> None:
    found = exports(**ALL)
    assert None not in found.values()
    assert (found["view_name"], found["target_table_name"]) == ("orders_current", "c")
    assert found["data_set_ids"] == ["project-test-c-refresh-orders"]
    ended = exports(query=QUERY)
    assert ended["data_set_ids"] == []
    assert {name for name, value in ended.items() if value is None} == {
        "job_name",
        "schedule_name",
        "redshift_workgroup_name",
        "redshift_database_name",
        "redshift_secret_arn",
        "reader_secret_arn",
        "schema_name",
        "target_table_name",
        "load_dead_letter_queue_url",
        "refresh_function_name",
        "refresh_dead_letter_queue_url",
    }


EXISTING = {
    "workgroup_name": "wg",
    "workgroup_arn": "arn:wg",
    "database_name": "dwh",
    "secret_arn": "arn:secret",
    "copy_role_arn": "arn:copy",
}
ON_EXISTING = {**{name: value for name, value in LOAD.items() if name != "namespace"}, "workgroup": EXISTING}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({}, "'query' is missing"),
        ({"query": QUERY, "redshit": LOAD}, "'redshit' is unknown; is 'redshift' meant?"),
        ({"query": {**QUERY, "ledger_table_name": "l"}}, "query: the argument 'ledger_table_name' is unknown"),
        ({"query": {**QUERY, "query": "SELECT 1"}}, "query: the argument 'query' is not one"),
        ({"query": QUERY, "quicksight": REFRESH}, "'quicksight' is given without 'redshift'"),
        ({**ALL, "redshift": {**LOAD, "dataset": "x"}}, "redshift: the argument 'dataset' is unknown"),
        (
            {**ALL, "redshift": {**LOAD, "columns": {"order_id": "VARCHAR(64)", "version": "BIGINT"}}},
            "redshift: the argument 'columns' and those of 'query' differ: ['deleted']; each is made and loaded",
        ),
        ({**ALL, "quicksight": {"data_sets": {"orders": {}}}}, "quicksight: the argument 'owner_arns' is missing"),
        ({**ALL, "redshift": ON_EXISTING}, "redshift, workgroup: the argument 'endpoint_address' is missing"),
        (
            {**ALL, "reconciler": {"grace_second": 1}},
            "reconciler: the argument 'grace_second' is unknown; is 'grace_seconds' meant?",
        ),
        ({**ALL, "ledger_table_name": "l"}, "'ledger_table_arn' is missing"),
    ],
)
def test_a_wrong_argument_is_named(args: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError) as raised:
        make(**args)
    assert message in str(raised.value)


def test_a_workgroup_that_exists_is_reached_by_its_endpoint() -> None:
    workgroup = {**EXISTING, "endpoint_address": "wg.example", "port": 5440}
    made = make(query=QUERY, redshift={**ON_EXISTING, "workgroup": workgroup}, quicksight=REFRESH)
    parameters = made.one(SOURCE).inputs["parameters"]["redshift"]
    assert parameters == {"host": "wg.example", "port": 5440, "database": "dwh"}
