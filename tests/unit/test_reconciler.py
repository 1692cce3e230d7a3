"""Reconciler: its exact children, its schedule, and what it may do for each kind."""

import json
from typing import Any

import pulumi
import pytest
from pulumi_aws_eda import ArgumentError, LoadsArgs, ObjectQueriesArgs, Reconciler
from pulumi_aws_eda.testing import Recording, record

from tests.unit.component_cases import LEDGER

KEY = "arn:aws:kms:eu-central-1:123456789012:key/k"
ARN = "arn:aws:{}:eu-central-1:123456789012:{}"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
FUNCTION = "aws:lambda/function:Function"
SCHEDULE = "aws:scheduler/schedule:Schedule"
QUERIES: ObjectQueriesArgs = {
    "workgroup_arn": "arn:workgroup",
    "database_name": "lake",
    "table_name": "raw_orders",
    "bucket_name": "raw",
    "prefix": "raw/orders/",
    "curated_bucket_name": "curated",
    "curated_prefix": "curated/",
    "result_bucket_name": "results",
    "result_prefix": "results/",
}
LOADS: LoadsArgs = {"job_name": "load", "job_arn": "arn:job"}
QUEUE = {"dead_letter_queue_url": "https://queue", "dead_letter_queue_arn": "arn:queue"}
ALL = {"queries": QUERIES, "loads": LOADS, "ingestions": {"data_set_ids": ["orders"]}}
COMMON = {"FailureDestination", "FindRows", "MoveRows", "Trace", "WriteLog"}
OF_QUERIES = {"Query", "ReadRaw", "ReadSchema", "WriteCurated", "WriteResults"}


def make(**args: Any) -> Recording:
    given: Any = {"ledger_table_name": "ledger", "ledger_table_arn": LEDGER, **args}
    return record(lambda: Reconciler("r", {name: value for name, value in given.items() if value is not None}))


def variables(made: Recording) -> dict[str, str]:
    return dict(made.one(FUNCTION).inputs["environment"]["variables"])


def test_it_makes_exactly_its_children() -> None:
    assert make(**ALL).names() == {
        ("aws:cloudwatch/logGroup:LogGroup", "r-function-log"),
        (ALARM, "r-dlq-messages"),
        (ALARM, "r-function-errors"),
        (ALARM, "r-function-throttles"),
        ("aws:iam/role:Role", "r-function-role"),
        ("aws:iam/role:Role", "r-schedule-role"),
        ("aws:iam/rolePolicy:RolePolicy", "r-function-role"),
        ("aws:iam/rolePolicy:RolePolicy", "r-schedule-role"),
        (FUNCTION, "r-function-function"),
        ("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig", "r-function-events"),
        ("aws:lambda/layerVersion:LayerVersion", "eda-powertools"),
        ("aws:lambda/layerVersion:LayerVersion", "eda-runtime"),
        (SCHEDULE, "r-schedule"),
        ("aws:sqs/queue:Queue", "r-dlq"),
        ("aws:sqs/queuePolicy:QueuePolicy", "r-dlq"),
    }


def test_it_looks_every_five_minutes_with_a_role_for_that_call_alone() -> None:
    made = make(**ALL)
    schedule = made.one(SCHEDULE).inputs
    assert (schedule["scheduleExpression"], schedule["scheduleExpressionTimezone"]) == ("rate(5 minutes)", "UTC")
    assert schedule["flexibleTimeWindow"] == {"mode": "OFF"}
    target, queue = schedule["target"], ARN.format("sqs", "queue/project-test-r-dlq")
    function = ARN.format("lambda", "function/project-test-r-function")
    assert (target["arn"], target["deadLetterConfig"]) == (function, {"arn": queue})
    assert target["retryPolicy"] == {"maximumEventAgeInSeconds": 86400, "maximumRetryAttempts": 185}
    assert json.loads(target["input"]) == {"scheduled_time": "<aws.scheduler.scheduled-time>"}
    found = made.statements("r-schedule-role")
    assert {sid: (s["Action"], s["Resource"]) for sid, s in found.items()} == {
        "Call": (["lambda:InvokeFunction"], [function]),
        "DeadLetter": (["sqs:SendMessage"], [queue]),
    }
    assert make(**ALL, schedule_expression="rate(1 minute)").one(SCHEDULE).inputs["scheduleExpression"] == (
        "rate(1 minute)"
    )


@pytest.mark.parametrize(
    ("kinds", "names", "sids"),
    [
        (("queries",), ["query"], OF_QUERIES),
        (("loads",), ["load"], {"StartLoads"}),
        (("ingestions",), ["spice"], {"Refresh"}),
        (
            ("queries", "loads", "ingestions"),
            ["query", "load", "spice"],
            {*OF_QUERIES, "StartLoads", "Refresh"},
        ),
    ],
)
def test_it_may_do_what_its_kinds_need_and_no_more(kinds: tuple[str, ...], names: list[str], sids: set[str]) -> None:
    made = make(**{kind: ALL[kind] for kind in kinds})
    assert json.loads(variables(made)["KINDS"]) == names
    assert set(made.statements("r-function-role")) == COMMON | sids
    found = {name: variables(made).get(name) for name in ("ACCOUNT_ID", "DATA_SET_IDS")}
    of_spice = {"ACCOUNT_ID": "123456789012", "DATA_SET_IDS": '["orders"]'}
    assert found == (of_spice if "spice" in names else dict.fromkeys(of_spice))


def test_it_finds_open_rows_and_moves_them() -> None:
    made = make(loads=LOADS, grace_seconds=60, max_attempts=4)
    found = made.statements("r-function-role")
    assert (found["FindRows"]["Action"], found["FindRows"]["Resource"]) == (
        ["dynamodb:Query"],
        [f"{LEDGER}/index/open"],
    )
    assert (found["MoveRows"]["Action"], found["MoveRows"]["Resource"]) == (
        ["dynamodb:GetItem", "dynamodb:UpdateItem"],
        [LEDGER],
    )
    assert (found["StartLoads"]["Action"], found["StartLoads"]["Resource"]) == (["glue:StartJobRun"], ["arn:job"])
    assert variables(made)["LOAD_JOB_NAME"] == "load"
    assert (made.one(FUNCTION).inputs["memorySize"], made.one(FUNCTION).inputs["timeout"]) == (256, 300)
    assert (variables(made)["GRACE_SECONDS"], variables(made)["MAX_ATTEMPTS"]) == ("60", "4")


def test_what_fails_goes_to_the_queue_of_its_kind_or_to_its_own() -> None:
    own = variables(make(**ALL))
    assert own["DEAD_LETTER_QUEUE_URL"].endswith("/project-test-r-dlq")
    assert not [name for name in own if name.endswith("_DEAD_LETTER_QUEUE_URL")]
    made = make(
        queries={**QUERIES, **QUEUE},
        loads={**LOADS, "dead_letter_queue_url": "https://loads", "dead_letter_queue_arn": "arn:loads"},
        ingestions={"data_set_ids": ["a"], **QUEUE},
    )
    given = variables(made)
    assert given["QUERY_DEAD_LETTER_QUEUE_URL"] == given["SPICE_DEAD_LETTER_QUEUE_URL"] == "https://queue"
    assert given["LOAD_DEAD_LETTER_QUEUE_URL"] == "https://loads"
    found = made.statements("r-function-role")
    assert found["QueryDeadLetter"]["Resource"] == found["SpiceDeadLetter"]["Resource"] == ["arn:queue"]
    assert (found["LoadDeadLetter"]["Action"], found["LoadDeadLetter"]["Resource"]) == (
        ["sqs:SendMessage"],
        ["arn:loads"],
    )


def test_keys_may_be_used_once_each() -> None:
    made = make(queries={**QUERIES, "key_arns": [KEY, f"{KEY}2"]}, kms_key_arn=KEY)
    assert made.statements("r-function-role")["DecryptWithKey"]["Resource"] == [KEY, f"{KEY}2"]
    assert made.statements("r-schedule-role")["EncryptWithKey"]["Resource"] == [KEY]
    assert made.one(SCHEDULE).inputs["kmsKeyArn"] == KEY


def test_what_a_user_needs_is_an_output() -> None:
    def program() -> None:
        made: Any = Reconciler("r", {"ledger_table_name": "ledger", "ledger_table_arn": LEDGER, "loads": LOADS})
        for name in Reconciler.__annotations__:
            pulumi.export(name, getattr(made, name))

    found = record(program).exports
    assert None not in found.values()
    assert found["kinds"] == ["load"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({}, "'queries' is missing, and so are 'loads' and 'ingestions'; nothing to settle"),
        ({"loads": LOADS, "ledger_table_name": None}, "'ledger_table_name' is missing"),
        ({"loads": {"job_name": "load"}}, "'job_arn' is missing"),
        ({"loads": {**LOADS, "dead_letter_queue_url": "u"}}, "'dead_letter_queue_arn' is missing"),
        ({"ingestions": {"data_set_ids": []}}, "'data_set_ids' is empty"),
        ({"ingestions": {}}, "ingestions: the argument 'data_set_ids' is missing"),
        ({"queries": {"prefix": "p/"}}, "queries: the argument 'bucket_name' is missing"),
        ({"loads": LOADS, "grace_seconds": -1}, "'grace_seconds' is -1; allowed are whole numbers from 0 to 86400"),
        ({"loads": LOADS, "schedule_expression": "5 minutes"}, "'schedule_expression' is '5 minutes'"),
        ({"loads": LOADS, "max_attempts": 0}, "'max_attempts' is 0"),
    ],
)
def test_a_wrong_argument_is_named(args: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError) as raised:
        make(**args)
    assert message in str(raised.value)
