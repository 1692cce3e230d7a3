"""CallbackWorkflow: its children and the machine it makes."""

from typing import Any

import pytest
from eda_sandbox.services.stepfunctions.definition import parse
from pulumi_aws_eda import ArgumentError, CallbackWorkflow
from pulumi_aws_eda.testing import Recording, record

from tests.unit.component_cases import FUNCTION, TABLE


def make(**args: Any) -> Recording:
    given = {"call_function_arn": FUNCTION, "table_name": "orders", "table_arn": TABLE, **args}
    return record(lambda: CallbackWorkflow("w", given))


def states(made: Recording) -> dict[str, Any]:
    text = made.one("aws:sfn/stateMachine:StateMachine").inputs["definition"]
    # The interpreter's own validation knows every field that the States Language has.
    found: dict[str, Any] = parse(text)["States"]
    return found


def test_it_makes_a_machine_a_token_store_a_token_keeper_and_a_dead_letter_queue() -> None:
    made = make()
    types = sorted(kind for kind, name in made.names() if "token-keeper" not in name)
    assert types == [
        "aws:cloudwatch/logGroup:LogGroup",
        "aws:cloudwatch/metricAlarm:MetricAlarm",
        "aws:cloudwatch/metricAlarm:MetricAlarm",
        "aws:cloudwatch/metricAlarm:MetricAlarm",
        "aws:dynamodb/table:Table",
        "aws:iam/role:Role",
        "aws:iam/rolePolicy:RolePolicy",
        "aws:lambda/layerVersion:LayerVersion",
        "aws:lambda/layerVersion:LayerVersion",
        "aws:sfn/stateMachine:StateMachine",
        "aws:sqs/queue:Queue",
        "aws:sqs/queuePolicy:QueuePolicy",
    ]
    machine = made.one("aws:sfn/stateMachine:StateMachine").inputs
    assert machine["type"] == "STANDARD"
    assert machine["name"] == "project-test-w"
    assert machine["tracingConfiguration"] == {"enabled": True}
    assert machine["loggingConfiguration"]["includeExecutionData"] is False
    assert made.one("aws:dynamodb/table:Table").inputs["ttl"]["attributeName"] == "expires_at"


def test_every_task_has_retries_with_jitter_and_goes_somewhere_when_it_fails() -> None:
    for name, state in states(make()).items():
        if state["Type"] == "Task":
            assert all(retry["JitterStrategy"] == "FULL" for retry in state["Retry"]), name
            assert "Catch" in state or name == "SendToDeadLetterQueue", name


def test_a_function_at_its_limit_for_long_is_waited_for_and_fails_no_order() -> None:
    made = states(make())
    throttled = "Lambda.TooManyRequestsException"
    catcher = next(catch for catch in made["CallFunction"]["Catch"] if throttled in catch["ErrorEquals"])
    assert catcher["Next"] == "DefaultRetryAfter"
    keeper = next(retry for retry in made["WaitForCallback"]["Retry"] if throttled in retry["ErrorEquals"])
    assert keeper["MaxAttempts"] * keeper["MaxDelaySeconds"] / 2 > 3 * 3600


def test_the_wait_and_the_call_have_their_time_outs() -> None:
    made = states(make(wait_timeout=3600, call_timeout=30))
    assert made["WaitForCallback"]["TimeoutSeconds"] == 3600
    assert made["CallFunction"]["TimeoutSeconds"] == 40


def test_a_failure_ends_in_the_row_and_in_the_dead_letter_queue() -> None:
    made = states(make())
    for name in ("MarkCallFailed", "MarkFailed"):
        assert made[name]["Next"] == "SendToDeadLetterQueue"
    assert made["SendToDeadLetterQueue"]["Next"] == "Failed"
    assert made["Failed"]["Type"] == "Fail"


def test_versions_grow_by_one_with_each_write() -> None:
    made = states(make())
    versions = {
        name: made[name]["Parameters"]["ExpressionAttributeValues"][":version"]["N.$"]
        for name in ("MarkAwaiting", "Write", "MarkCallFailed", "MarkFailed")
    }
    called, ended = "States.Format('{}', $.versions.called)", "States.Format('{}', $.versions.ended)"
    assert versions == {"MarkAwaiting": called, "Write": ended, "MarkCallFailed": called, "MarkFailed": ended}


def test_the_roles_hold_what_is_wired() -> None:
    made = make()
    machine = made.statements("w-role")
    assert set(machine) == {"Call", "WriteRow", "CloseCallback", "DeadLetter", "DeliverLogs", "Trace"}
    assert machine["WriteRow"]["Resource"] == [TABLE]
    assert FUNCTION in machine["Call"]["Resource"]
    keeper = made.statements("w-token-keeper-role")
    assert keeper["Resume"]["Resource"] == ["arn:aws:states:eu-central-1:123456789012:stateMachine:project-test-w"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"wait_timeout": 0}, "'wait_timeout' is 0; allowed are whole numbers from 1 to 31536000"),
        ({"max_call_attempts": 0}, "'max_call_attempts' is 0"),
        ({"table": "x"}, "'table' is unknown; is 'table_arn' meant?"),
        ({"table_arn": None}, "'table_arn' is missing"),
    ],
)
def test_a_wrong_argument_is_named(args: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError) as raised:
        make(**args)
    assert message in str(raised.value)
