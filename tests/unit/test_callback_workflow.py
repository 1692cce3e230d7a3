"""CallbackWorkflow: its children and the machine it makes."""

from typing import Any

import pytest
from eda_runtime import workflow
from eda_sandbox.services.stepfunctions.definition import parse
from pulumi_aws_eda import ArgumentError, CallbackWorkflow
from pulumi_aws_eda.testing import Recording, record

from tests.unit.component_cases import FUNCTION, TABLE


def make(**args: Any) -> Recording:
    given = {"call_function_arn": FUNCTION, "table_name": "orders", "table_arn": TABLE, **args}
    return record(lambda: CallbackWorkflow("w", given))


def steps(*more: dict[str, Any], **given: Any) -> dict[str, Any]:
    return {"steps_before_wait": [*more, {"name": "a", "function_arn": FUNCTION, **given}]}


def states(made: Recording) -> dict[str, Any]:
    text = made.one("aws:sfn/stateMachine:StateMachine").inputs["definition"]
    # The interpreter's own validation knows every field that the States Language has.
    found: dict[str, Any] = parse(text)["States"]
    return found


def test_it_makes_a_machine_a_token_store_a_token_keeper_and_a_dead_letter_queue() -> None:
    made = make()
    types = sorted(kind for kind, name in made.names() if "token-keeper" not in name and "reconciler" not in name)
    assert types == [
        "aws:cloudwatch/eventRule:EventRule",
        "aws:cloudwatch/eventTarget:EventTarget",
        "aws:cloudwatch/logGroup:LogGroup",
        *["aws:cloudwatch/metricAlarm:MetricAlarm"] * 5,
        "aws:dynamodb/table:Table",
        "aws:iam/role:Role",
        "aws:iam/rolePolicy:RolePolicy",
        "aws:lambda/layerVersion:LayerVersion",
        "aws:lambda/layerVersion:LayerVersion",
        "aws:lambda/permission:Permission",
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
            again = [retry for retry in state["Retry"] if retry["MaxAttempts"]]
            assert all(retry["JitterStrategy"] == "FULL" for retry in again), name
            if ":lambda:" not in state["Resource"]:
                # What throttling is called depends on the integration's model: every name is tried again.
                assert [retry["ErrorEquals"] for retry in again] == [["States.TaskFailed"]], name
            assert "States.ALL" in state["Catch"][-1]["ErrorEquals"], name
            if state["Catch"][-1]["ResultPath"] == "$.failure":
                # States.ALL alone leaves out an answer over the limit.
                assert state["Catch"][-2]["ErrorEquals"] == ["States.DataLimitExceeded"], name


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


def test_a_failure_is_in_the_dead_letter_queue_before_its_row_says_so() -> None:
    made = states(make())
    failing = {catch["Next"] for state in made.values() for catch in state.get("Catch", []) if "failure" in str(catch)}
    assert failing == {"ReadRetryAfter", "DefaultRetryAfter", "CloseCallback", "LookAtRow"}
    assert made["LookAtRow"]["Next"] == "WhoseRow"
    assert made["WhoseRow"]["Default"] == "SendToDeadLetterQueue"
    assert made["SendToDeadLetterQueue"]["Next"] == made["SendUnread"]["Next"] == "IsRowKnown"
    assert made["IsRowKnown"]["Choices"][0]["Next"] == "MarkFailed"
    assert made["MarkFailed"]["Next"] == "Failed"
    assert made["Failed"]["Type"] == "Fail"


def test_each_version_is_written_by_one_state_and_a_refused_condition_is_looked_at() -> None:
    made = states(make())
    writes = {
        name: (state["Parameters"]["ExpressionAttributeValues"][":version"]["N.$"], state["Catch"][0]["Next"])
        for name, state in made.items()
        if state.get("Resource", "").endswith("dynamodb:updateItem") and name != "CloseCallback"
    }
    behind = "States.Format('{}', States.MathAdd(States.StringToJson($.row.Item.version.N), 1))"
    assert writes == {
        "MarkAwaiting": ("$.run.called", "LookWhoWaits"),
        "Write": ("$.run.ended", "LookWhoWrote"),
        "MarkFailed": (behind, "Failed"),
    }


def test_rows_that_no_execution_brings_on_are_found_by_the_executions_end_and_on_a_schedule() -> None:
    made = make(open_index_name="open")
    pattern = made.one("aws:cloudwatch/eventRule:EventRule").json("eventPattern")
    assert pattern["detail"]["status"] == ["FAILED", "TIMED_OUT", "ABORTED"]
    assert made.one("aws:scheduler/schedule:Schedule").inputs["scheduleExpression"] == "rate(15 minutes)"
    statements = made.statements("w-reconciler-role")
    assert statements["FindRows"]["Resource"] == [f"{TABLE}/index/open"]
    assert statements["SettleRows"]["Resource"] == [TABLE]
    assert make().of("aws:scheduler/schedule:Schedule") == {}


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
        ({"max_call_attempts": 401}, "'max_call_attempts' is 401; allowed are whole numbers from 1 to 400"),
        (steps(name="A"), "'name' is 'A'; it must be small letters"),
        (steps({"name": "b", "function_arn": FUNCTION}, name="b"), "'name' is 'b'; it must be"),
        (steps(items="callback.parts"), "'items' is 'callback.parts'; it must be a path"),
        (steps(items="$.payload"), "'items' is '$.payload'"),
        (steps(max_concurrency=4), "'max_concurrency' is of a step with items"),
        (steps(items="payload", max_concurrency=41), "'max_concurrency' is 41"),
        ({**steps(), "max_call_attempts": 201}, "allowed are whole numbers from 1 to 200"),
        ({"table": "x"}, "'table' is unknown; is 'table_arn' meant?"),
        ({"table_arn": None}, "'table_arn' is missing"),
    ],
)
def test_a_wrong_argument_is_named(args: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError) as raised:
        make(**args)
    assert message in str(raised.value)


def test_its_words_are_the_domains() -> None:
    made = states(make(waiting_status="AWAITING_PARTS"))
    values = made["MarkAwaiting"]["Parameters"]["ExpressionAttributeValues"]
    assert values[":status"] == {"S": "AWAITING_PARTS"}
    catches = {error: catch["Next"] for catch in made["CallFunction"]["Catch"] for error in catch["ErrorEquals"]}
    assert catches[workflow.TryLater.__name__] == catches["ExternalApiThrottled"] == "ReadRetryAfter"
    assert catches[workflow.Unavailable.__name__] == catches["ExternalApiUnavailable"] == "DefaultRetryAfter"
    assert workflow.Rejected.__name__ not in catches
    for refused in ("PENDING", "COMPLETED", "waits", "", "A" * 65):
        with pytest.raises(ArgumentError, match="'waiting_status' is"):
            make(waiting_status=refused)


def test_further_steps_stand_before_and_behind_the_wait() -> None:
    after = [{"name": "c", "function_arn": f"{FUNCTION}-c", "timeout": 7}]
    found = make(**steps({"name": "b", "function_arn": f"{FUNCTION}-b"}, items="payload.lines"), steps_after_wait=after)
    made = states(found)
    assert [made[name]["Next"] for name in ("TakeResult", "b: Keep", "a: Begin", "c: Keep")] == [
        "b: Begin",
        "a: Begin",
        "MarkAwaiting",
        "Write",
    ]
    assert made["HasCallback"]["Choices"][0]["Next"] == made["TakeCallback"]["Next"] == "c: Begin"
    assert (made["a: Begin"]["ItemsPath"], made["a: Begin"]["MaxConcurrency"]) == ("$.payload.lines", 10)
    assert made["c: CallFunction"]["TimeoutSeconds"] == 17
    called = found.statements("w-role")["Call"]["Resource"]
    assert [arn for arn in called if arn.startswith(FUNCTION)] == [FUNCTION, f"{FUNCTION}-b", FUNCTION, f"{FUNCTION}-c"]
