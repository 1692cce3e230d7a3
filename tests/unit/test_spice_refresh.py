"""SpiceRefresh: its exact children, what it may do, what it makes of data sets, every switch and error."""

import json
from typing import Any

import pulumi
import pytest
from pulumi_aws_eda import ArgumentError, SpiceRefresh
from pulumi_aws_eda.testing import Recording, record

from tests.unit.component_cases import LEDGER, USER

KEY = "arn:aws:kms:eu-central-1:123456789012:key/k"
ARN = "arn:aws:{}:eu-central-1:123456789012:{}"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
FUNCTION = "aws:lambda/function:Function"
RULE = "aws:cloudwatch/eventRule:EventRule"
SET = "aws:quicksight/dataSet:DataSet"
SOURCE = "aws:quicksight/dataSource:DataSource"
VIEWER = "arn:aws:quicksight:eu-central-1:123456789012:group/default/readers"
ORDERS = {"schema_name": "analytics", "table_name": "orders", "columns": {"order_id": "STRING", "version": "INTEGER"}}
HOST = {"host": "wg.example", "database_name": "analytics", "secret_arn": "arn:secret"}
MADE = {"data_sets": {"orders": ORDERS}, "data_source": HOST, "owner_arns": [USER]}
CHILDREN = {
    (RULE, "s-finished"),
    ("aws:cloudwatch/eventTarget:EventTarget", "s-finished"),
    ("aws:cloudwatch/logGroup:LogGroup", "s-function-log"),
    (ALARM, "s-dlq-messages"),
    (ALARM, "s-finished-failed-invocations"),
    (ALARM, "s-function-errors"),
    (ALARM, "s-function-throttles"),
    ("aws:iam/role:Role", "s-function-role"),
    ("aws:iam/rolePolicy:RolePolicy", "s-function-role"),
    (FUNCTION, "s-function-function"),
    ("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig", "s-function-events"),
    ("aws:lambda/layerVersion:LayerVersion", "eda-powertools"),
    ("aws:lambda/layerVersion:LayerVersion", "eda-runtime"),
    ("aws:lambda/permission:Permission", "s-finished"),
    ("aws:sqs/queue:Queue", "s-dlq"),
    ("aws:sqs/queuePolicy:QueuePolicy", "s-dlq"),
}
LEDGER_TABLE = {("aws:dynamodb/table:Table", "s-ledger")}


def make(**args: Any) -> Recording:
    given: Any = {"statement_prefix": "load-", "ledger_table_name": "ledger", "ledger_table_arn": LEDGER, **args}
    return record(lambda: SpiceRefresh("s", {name: value for name, value in given.items() if value is not None}))


@pytest.mark.parametrize(
    ("args", "children"),
    [
        ({"data_set_ids": ["a", "b"]}, {(ALARM, "s-ingestion-errors-1"), (ALARM, "s-ingestion-errors-2")}),
        (MADE, {(SET, "s-data-set-orders"), (SOURCE, "s-data-source"), (ALARM, "s-ingestion-errors-orders")}),
        (
            {"data_sets": {"orders": ORDERS}, "data_source_arn": "arn:source", "owner_arns": [USER]},
            {(SET, "s-data-set-orders"), (ALARM, "s-ingestion-errors-orders")},
        ),
        (
            {"data_set_ids": ["a"], "ledger_table_name": None, "ledger_table_arn": None},
            {(ALARM, "s-ingestion-errors-1"), *LEDGER_TABLE},
        ),
    ],
)
def test_each_switch_makes_exactly_its_children(args: dict[str, Any], children: set[tuple[str, str]]) -> None:
    assert make(**args).names() == CHILDREN | children


def test_finished_statements_of_the_load_call_the_function() -> None:
    made = make(data_set_ids=["a"])
    assert made.one(RULE).json("eventPattern") == {
        "source": ["aws.redshift-data"],
        "detail-type": ["Redshift Data Statement Status Change"],
        "detail": {"statementName": [{"prefix": "load-"}], "state": ["FINISHED"]},
    }
    target = made.one("aws:cloudwatch/eventTarget:EventTarget").inputs
    assert target["arn"] == ARN.format("lambda", "function/project-test-s-function")
    assert target["deadLetterConfig"] == {"arn": ARN.format("sqs", "queue/project-test-s-dlq")}
    assert target["retryPolicy"] == {"maximumEventAgeInSeconds": 86400, "maximumRetryAttempts": 185}
    permission = made.one("aws:lambda/permission:Permission").inputs
    assert permission["sourceArn"] == ARN.format("cloudwatch", "eventrule/project-test-s-finished")


def test_the_function_knows_its_data_sets_and_may_refresh_them_alone() -> None:
    made = make(data_set_ids=["a"], **MADE, max_attempts=5)
    function = made.one(FUNCTION).inputs
    assert (function["memorySize"], function["timeout"]) == (256, 60)
    variables = function["environment"]["variables"]
    assert json.loads(variables["DATA_SET_IDS"]) == ["a", "project-test-s-orders"]
    assert (
        variables.items()
        >= {
            "LEDGER_TABLE": "ledger",
            "ACCOUNT_ID": "123456789012",
            "STATEMENT_PREFIX": "load-",
            "MAX_ATTEMPTS": "5",
        }.items()
    )
    found = made.statements("s-function-role")
    assert {sid: (s["Action"], s["Resource"]) for sid, s in found.items() if sid not in ("Trace", "WriteLog")} == {
        "FailureDestination": (["sqs:SendMessage"], [ARN.format("sqs", "queue/project-test-s-dlq")]),
        "MoveRows": (["dynamodb:GetItem", "dynamodb:UpdateItem"], [LEDGER]),
        "Refresh": (
            ["quicksight:CreateIngestion", "quicksight:DescribeIngestion"],
            [
                ARN.format("quicksight", name)
                for name in (
                    "dataset/a",
                    "dataset/project-test-s-orders",
                    "dataset/a/ingestion/*",
                    "dataset/project-test-s-orders/ingestion/*",
                )
            ],
        ),
    }
    keyed = make(data_set_ids=["a"], kms_key_arn=KEY).statements("s-function-role")
    assert keyed["DecryptWithKey"]["Resource"] == keyed["EncryptWithKey"]["Resource"] == [KEY]


def test_a_data_set_lies_in_spice_over_the_table_for_owners_and_viewers() -> None:
    made = make(**{**MADE, "viewer_arns": [VIEWER, USER]}).one(SET).inputs
    assert (made["dataSetId"], made["name"], made["importMode"]) == (
        "project-test-s-orders",
        "project-test-s-orders",
        "SPICE",
    )
    assert made["physicalTableMaps"] == [
        {
            "physicalTableMapId": "table",
            "relationalTable": {
                "dataSourceArn": ARN.format("quicksight", "datasource/project-test-s"),
                "schema": "analytics",
                "name": "orders",
                "inputColumns": [{"name": "order_id", "type": "STRING"}, {"name": "version", "type": "INTEGER"}],
            },
        }
    ]
    actions = {found["principal"]: set(found["actions"]) for found in made["permissions"]}
    assert set(actions) == {USER, VIEWER}
    assert "quicksight:CreateIngestion" in actions[USER]
    assert actions[VIEWER] < actions[USER]
    assert "quicksight:UpdateDataSet" not in actions[VIEWER]


def test_the_data_source_reaches_the_workgroup_with_a_secret_and_tls() -> None:
    made = make(**{**MADE, "data_source": {**HOST, "vpc_connection_arn": "arn:vpc", "port": 5440}}).one(SOURCE).inputs
    assert (made["type"], made["dataSourceId"]) == ("REDSHIFT", "project-test-s-data-source")
    assert made["parameters"] == {"redshift": {"host": "wg.example", "port": 5440, "database": "analytics"}}
    assert made["credentials"] == {"secretArn": "arn:secret"}
    assert made["sslProperties"] == {"disableSsl": False}
    assert made["vpcConnectionProperties"] == {"vpcConnectionArn": "arn:vpc"}
    assert [found["principal"] for found in made["permissions"]] == [USER]
    public = make(**MADE).one(SOURCE).inputs
    assert "vpcConnectionProperties" not in public
    assert public["parameters"]["redshift"]["port"] == 5439


def test_an_ingestion_that_failed_sets_off_an_alarm() -> None:
    alarm = make(data_set_ids=["a"], alarm_actions=["arn:topic"]).one(ALARM, "s-ingestion-errors-1").inputs
    assert (alarm["namespace"], alarm["metricName"]) == ("AWS/QuickSight", "IngestionErrorCount")
    assert (alarm["dimensions"], alarm["threshold"], alarm["alarmActions"]) == ({"DatasetId": "a"}, 1, ["arn:topic"])


def test_what_a_user_downstream_needs_is_an_output() -> None:
    def program() -> None:
        made: Any = SpiceRefresh("s", {"statement_prefix": "load-", "data_set_ids": ["a"]})
        for name in SpiceRefresh.__annotations__:
            pulumi.export(name, getattr(made, name))

    found = record(program).exports
    assert {name for name, value in found.items() if value is None} == {"data_source_arn"}
    assert found["data_set_ids"] == ["a"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({}, "'data_sets' is missing, and so is 'data_set_ids'"),
        ({"data_set_ids": []}, "nothing would be refreshed"),
        ({"statement_prefix": None, "data_set_ids": ["a"]}, "'statement_prefix' is missing"),
        ({"data_set_ids": ["a"], "data_source": HOST}, "'data_source' is for 'data_sets', which is not given"),
        ({"data_set_ids": ["a"], "owner_arns": [USER]}, "'owner_arns' is for 'data_sets'"),
        ({**MADE, "owner_arns": None}, "'owner_arns' is missing; without owners nobody sees the data sets"),
        ({**MADE, "data_source_arn": "arn"}, "'data_source_arn' is given, and so is 'data_source'"),
        ({**MADE, "data_source": None}, "'data_source' or 'data_source_arn' is needed"),
        (
            {**MADE, "data_source": {"host": "h", "secret_arn": "s"}},
            "data_source: the argument 'database_name' is missing",
        ),
        ({**MADE, "data_source": {**HOST, "hots": "h"}}, "'hots' is unknown; is 'host' meant?"),
        ({**MADE, "data_sets": {"orders": {"table_name": "t"}}}, "data_sets['orders']: the argument 'schema_name'"),
        ({**MADE, "data_sets": {"1": ORDERS}}, "'data_sets' has the key '1'"),
        ({**MADE, "data_sets": {"a b": ORDERS}}, "'data_sets' has the key 'a b'"),
        (
            {**MADE, "data_sets": {"orders": {**ORDERS, "columns": {"a": "TEXT"}}}},
            "'columns' has 'a' of the type 'TEXT'; allowed are STRING, INTEGER",
        ),
        ({"data_set_ids": ["a"], "max_attempts": 101}, "'max_attempts' is 101"),
        ({"data_set_ids": ["a"], "ledger_table_arn": None}, "'ledger_table_arn' is missing"),
    ],
)
def test_a_wrong_argument_is_named(args: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError) as raised:
        make(**args)
    assert message in str(raised.value)
