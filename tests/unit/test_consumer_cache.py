"""ConsumerCache: exact children of each strategy, what readers may do, settings and errors."""

import json
from typing import Any

import pulumi
import pytest
from pulumi_aws_eda import ArgumentError, ConsumerCache
from pulumi_aws_eda.testing import Recording, record

TABLE = ("aws:dynamodb/table:Table", "c-cache")
URL = "https://example.com/suppliers"
SCHEDULED = {"source_url": URL, "key": "id", "schedule_expression": "rate(1 hour)"}


def make(**args: Any) -> Recording:
    def program() -> None:
        made = ConsumerCache("c", args)  # type: ignore[arg-type]  # wrong arguments are tried too
        for name in ConsumerCache.__annotations__:
            pulumi.export(name, getattr(made, name))
        pulumi.export("grants", made.reader_grants)

    return record(program)


def test_a_hot_cache_is_exactly_a_table_that_expires() -> None:
    made = make(hot={})
    assert made.names() == {TABLE}
    assert made.one(*TABLE).inputs["ttl"] == {"attributeName": "expires_at", "enabled": True}
    assert json.loads(made.exports["settings"]) == {
        "strategy": "HOT",
        "table": "project-test-c-cache",
        "time_to_live_seconds": 300,
        "stale_if_error_seconds": 86400,
        "lease_seconds": 30,
        "retry_seconds": 5,
    }
    assert made.exports["sync_function_name"] is None
    grant = made.exports["grants"]["ReadC"]
    assert grant["actions"] == ["dynamodb:GetItem", "dynamodb:UpdateItem"]


def test_a_replica_has_what_syncs_it() -> None:
    made = make(scheduled={**SCHEDULED, "schedule_expression_timezone": "Europe/Berlin"})
    assert made.names() == {
        TABLE,
        ("aws:sqs/queue:Queue", "c-dlq"),
        ("aws:sqs/queuePolicy:QueuePolicy", "c-dlq"),
        ("aws:cloudwatch/metricAlarm:MetricAlarm", "c-dlq-messages"),
        ("aws:cloudwatch/logGroup:LogGroup", "c-sync-log"),
        ("aws:iam/role:Role", "c-sync-role"),
        ("aws:iam/rolePolicy:RolePolicy", "c-sync-role"),
        ("aws:lambda/layerVersion:LayerVersion", "eda-runtime"),
        ("aws:lambda/layerVersion:LayerVersion", "eda-powertools"),
        ("aws:lambda/function:Function", "c-sync-function"),
        ("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig", "c-sync-events"),
        ("aws:cloudwatch/metricAlarm:MetricAlarm", "c-sync-errors"),
        ("aws:cloudwatch/metricAlarm:MetricAlarm", "c-sync-throttles"),
        ("aws:iam/role:Role", "c-schedule-role"),
        ("aws:iam/rolePolicy:RolePolicy", "c-schedule-role"),
        ("aws:scheduler/schedule:Schedule", "c-schedule"),
    }
    schedule = made.one("aws:scheduler/schedule:Schedule").inputs
    assert (schedule["scheduleExpression"], schedule["scheduleExpressionTimezone"]) == ("rate(1 hour)", "Europe/Berlin")
    assert schedule["target"]["deadLetterConfig"]["arn"].endswith("project-test-c-dlq")
    function = made.one("aws:lambda/function:Function").inputs
    variables = function["environment"]["variables"]
    assert (function["memorySize"], function["timeout"]) == (256, 300)
    assert (variables["SOURCE_URL"], variables["SOURCE_KEY"], variables["MAXIMUM_AGE_SECONDS"]) == (URL, "id", "604800")
    settings = {"strategy": "SCHEDULED", "table": "project-test-c-cache", "maximum_age_seconds": 604800}
    assert json.loads(made.exports["settings"]) == settings


def test_roles_hold_a_statement_for_each_need() -> None:
    made = make(scheduled=SCHEDULED)
    sync = made.statements("c-sync-role")
    assert set(sync) == {"WriteLog", "Trace", "FailureDestination", "WriteVersion"}
    assert sync["WriteVersion"]["Action"] == ["dynamodb:GetItem", "dynamodb:BatchWriteItem", "dynamodb:UpdateItem"]
    assert set(made.statements("c-schedule-role")) == {"Call", "DeadLetter"}
    (reader,) = json.loads(made.exports["reader_statements"])
    assert reader["Action"] == ["dynamodb:GetItem", "dynamodb:BatchGetItem"]
    assert reader["Resource"] == [made.exports["table_arn"]]


def test_two_caches_of_a_function_have_statements_of_their_own() -> None:
    def program() -> None:
        for name in ("suppliers", "price-list"):
            pulumi.export(name, list(ConsumerCache(name, {"hot": {}}).reader_grants))

    assert record(program).exports == {"suppliers": ["ReadSuppliers"], "price-list": ["ReadPriceList"]}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({}, "'hot' is missing, and so is 'scheduled'"),
        ({"hot": {}, "scheduled": SCHEDULED}, "'hot' is needed, or 'scheduled', and not both"),
        ({"hot": {"time_to_live": 5}}, "'time_to_live' is unknown; is 'time_to_live_in_seconds' meant?"),
        ({"hot": {"lease_in_seconds": 0}}, "'lease_in_seconds' is 0; allowed are whole numbers from 1 to 900"),
        ({"scheduled": {"source_url": URL, "key": "id"}}, "'schedule_expression' is missing"),
        ({"scheduled": {**SCHEDULED, "schedule_expression": "hourly"}}, "is 'hourly'; allowed are rate(…) and cron(…)"),
        ({"scheduled": {**SCHEDULED, "source_url": "http://example.com"}}, "must be an https:// address"),
        ({"scheduled": {**SCHEDULED, "source_url": "https://u:p@example.com"}}, "holds credentials"),
        ({"scheduled": {**SCHEDULED, "minimum_rows": -1}}, "'minimum_rows' is -1"),
        ({"scheduled": {**SCHEDULED, "timeout": 5}}, "'timeout' is 5; allowed are whole numbers from 10 to 900"),
    ],
)
def test_a_wrong_argument_names_component_argument_and_what_is_allowed(args: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError) as raised:
        make(**args)
    assert str(raised.value).startswith("ConsumerCache 'c'")
    assert message in str(raised.value)


def test_caches_whose_names_have_the_same_letters_have_grants_of_their_own() -> None:
    grants: dict[str, Any] = {}
    names = ("rates-eu", "rates_eu", "rates.eu", "Rates-Eu", "r-1a", "r1a")

    def program() -> None:
        for name in names:
            grants.update(ConsumerCache(name, {"hot": {}}).reader_grants)

    record(program)
    assert len(grants) == len(names)
    assert "ReadRatesEu" in grants
    assert all(sid.isalnum() for sid in grants)
