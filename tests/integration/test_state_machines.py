"""What Step Functions does at its limits and with errors: sizes, wildcards, histories, names, events, lost answers."""

import contextlib
import json
import secrets
from typing import Any

import pytest
from eda_sandbox.embedded import Sandbox
from eda_sandbox.frontdoor.faults import Fault, FaultKind

from tests.faulted import of
from tests.integration.test_sandbox_services import Make, function, machine, role, run
from tests.waiting import wait_until

__all__ = ["function"]
LIMIT = 262_144
PASS = {"Type": "Pass", "End": True}


def states(**states: Any) -> dict[str, Any]:
    return {"StartAt": next(iter(states)), "States": states}


def invoking(aws: Sandbox, name: str, **more: Any) -> tuple[dict[str, Any], str]:
    """A task that invokes a function, and the role that may."""
    arn = aws.cloud.arn("lambda", f"function:{name}")
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": arn, "Payload.$": "$"},
        "End": True,
        **more,
    }
    return task, role(aws, "states.amazonaws.com", {"Action": "lambda:InvokeFunction", "Resource": arn})


def caught(*names: str) -> list[dict[str, Any]]:
    return [{"ErrorEquals": list(names), "ResultPath": "$.failure", "Next": "Caught"}]


def test_a_lost_answer_of_a_function_is_an_error_that_is_retried(aws: Sandbox, function: Make) -> None:
    name = function("n = 0\ndef handle(event, context):\n    global n\n    n += 1\n    return n")
    retry = [{"ErrorEquals": ["Lambda.SdkClientException"], "IntervalSeconds": 1}]
    task, states_role = invoking(aws, name, OutputPath="$.Payload", Retry=retry)
    aws.faults.add(Fault(FaultKind.LOST_ANSWER, "lambda", "Invoke", times=1, matching=of(name)))
    done = run(aws, states(T=task), {}, states_role)
    assert (done["status"], done.get("output")) == ("SUCCEEDED", "2")


@pytest.mark.parametrize(
    ("names", "doubt", "is_caught"),
    [
        (["States.DataLimitExceeded"], "by-name", True),
        (["States.ALL"], "by-name", False),
        (["States.ALL"], "caught", True),
    ],
)
def test_a_tasks_whole_answer_is_limited_and_caught_by_its_name(
    aws: Sandbox, function: Make, monkeypatch: pytest.MonkeyPatch, names: list[str], doubt: str, is_caught: bool
) -> None:
    monkeypatch.setitem(aws.cloud.doubts, "stepfunctions-data-limit", doubt)
    name = function("def handle(event, context):\n    return {'text': 'ü' * 131_100, 'n': 1}")
    task, states_role = invoking(aws, name, ResultSelector={"n.$": "$.Payload.n"}, Catch=caught(*names))
    done = run(aws, states(T=task, Caught=PASS), {}, states_role)
    if is_caught:
        assert json.loads(done["output"])["failure"]["Error"] == "States.DataLimitExceeded"
    else:
        assert (done["status"], done["error"]) == ("FAILED", "States.DataLimitExceeded")


@pytest.mark.parametrize("where", ["parameters", "output"])
def test_the_input_after_parameters_and_the_output_are_limited(aws: Sandbox, function: Make, where: str) -> None:
    name = function("def handle(event, context):\n    return 'x' * 200_000")
    twice = {"FunctionName": name, "Payload": {"a.$": "$.text", "b.$": "$.text"}}
    more: dict[str, Any] = {"Parameters": twice} if where == "parameters" else {"ResultPath": "$.answer"}
    task, states_role = invoking(aws, name, Catch=caught("States.DataLimitExceeded"), **more)
    done = run(
        aws, states(T=task, Caught={**PASS, "OutputPath": "$.failure.Error"}), {"text": "y" * 150_000}, states_role
    )
    assert done.get("output") == '"States.DataLimitExceeded"'


def test_a_pass_state_is_limited_too_and_a_parallel_state_around_it_catches_that(aws: Sandbox) -> None:
    double = states(D={**PASS, "Parameters": {"a.$": "$.text", "b.$": "$.text"}})
    outer = {"Type": "Parallel", "Branches": [double], "Catch": caught("States.DataLimitExceeded"), "End": True}
    done = run(aws, states(P=outer, Caught={**PASS, "OutputPath": "$.failure.Error"}), {"text": "y" * 200_000})
    assert done.get("output") == '"States.DataLimitExceeded"'


@pytest.mark.parametrize("names", [["States.Runtime"], ["States.ALL"], ["States.TaskFailed"]])
def test_a_runtime_error_is_caught_by_nothing(aws: Sandbox, names: list[str]) -> None:
    inner = states(D={**PASS, "Parameters": {"a.$": "$.missing"}})
    outer = {"Type": "Parallel", "Branches": [inner], "Catch": caught(*names), "End": True}
    done = run(aws, states(P=outer, Caught=PASS), {})
    assert (done["status"], done["error"]) == ("FAILED", "States.Runtime")


@pytest.mark.parametrize("kind", ["Parallel", "Map"])
@pytest.mark.parametrize(
    ("inner", "error"),
    [
        ({**PASS, "Parameters": {"a.$": "States.StringToJson('{')"}}, "States.IntrinsicFailure"),
        ({"Type": "Fail", "Error": "Own", "Cause": "why"}, "Own"),
    ],
)
@pytest.mark.parametrize("names", [None, "States.ALL"])
def test_what_fails_in_a_branch_is_caught_around_it(
    aws: Sandbox, kind: str, inner: dict[str, Any], error: str, names: str | None
) -> None:
    branch = states(D=inner)
    body: dict[str, Any] = (
        {"Branches": [branch]} if kind == "Parallel" else {"ItemProcessor": branch, "ItemsPath": "$.l"}
    )
    outer = {"Type": kind, **body, "Catch": caught(names or error), "End": True}
    done = run(aws, states(P=outer, Caught=PASS), {"l": [1, 2]})
    assert json.loads(done["output"])["failure"]["Error"] == error


def test_task_failed_stands_for_every_error_of_a_task_but_a_time_out(aws: Sandbox, function: Make) -> None:
    name = function(
        "import time\ndef handle(event, context):\n    time.sleep(event['seconds'])\n    raise KeyError('k')",
        Timeout=10,
    )
    task, states_role = invoking(aws, name, TimeoutSeconds=60, Catch=caught("States.TaskFailed"))
    caught_here = {**PASS, "OutputPath": "$.failure.Error"}
    assert run(aws, states(T=task, Caught=caught_here), {"seconds": 0}, states_role)["output"] == '"KeyError"'
    hasty = states(T={**task, "TimeoutSeconds": 2}, Caught=caught_here)
    late = run(aws, hasty, {"seconds": 4}, states_role)
    assert (late["status"], late["error"]) == ("FAILED", "States.Timeout")


def test_what_goes_wrong_in_the_sandbox_ends_the_history_too(aws: Sandbox) -> None:
    wait = states(W={"Type": "Wait", "TimestampPath": "$.at", "End": True})
    done = run(aws, wait, {"at": "yesterday"})
    assert (done["status"], done["error"]) == ("FAILED", "States.Runtime")
    events = aws.client("stepfunctions").get_execution_history(executionArn=done["executionArn"], reverseOrder=True)
    assert events["events"][0]["type"] == "ExecutionFailed"


def test_a_history_is_full_at_25000_events(aws: Sandbox) -> None:
    loop = states(A={"Type": "Pass", "Next": "B"}, B={"Type": "Pass", "Next": "A"})
    done = run(aws, loop, {})
    assert (done["status"], done["error"]) == ("FAILED", "States.Runtime")
    assert "maximum number of history events" in done["cause"]
    client = aws.client("stepfunctions")
    last = client.get_execution_history(executionArn=done["executionArn"], reverseOrder=True, maxResults=1)["events"][0]
    assert (last["id"], last["type"]) == (25_000, "ExecutionFailed")
    with pytest.raises(client.exceptions.ExecutionNotRedrivable):
        client.redrive_execution(executionArn=done["executionArn"])


def test_a_closed_executions_name_is_free_after_90_days(aws: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    client = aws.client("stepfunctions")
    arn = machine(aws, role(aws, "states.amazonaws.com"), states(P=PASS))
    first = client.start_execution(stateMachineArn=arn, name="n", input='{"a":1}')
    wait_until(
        lambda: client.describe_execution(executionArn=first["executionArn"])["status"] == "SUCCEEDED", "it ends"
    )
    with pytest.raises(client.exceptions.ExecutionAlreadyExists):
        client.start_execution(stateMachineArn=arn, name="n", input='{"a":1}')
    monkeypatch.setattr(aws.cloud.clock, "speed", 90 * 24 * 3600 * 20.0)

    def started_again() -> bool:
        with contextlib.suppress(client.exceptions.ExecutionAlreadyExists):
            return bool(client.start_execution(stateMachineArn=arn, name="n", input='{"a":2}'))
        return False

    wait_until(started_again, "the name is free")
    assert len(client.list_executions(stateMachineArn=arn)["executions"]) == 1


@pytest.mark.parametrize("text", ['{"a":"\ud800"}', '{"a":"\\ud800"}'])
def test_half_a_surrogate_pair_is_no_input(aws: Sandbox, text: str) -> None:
    client = aws.client("stepfunctions")
    arn = machine(aws, role(aws, "states.amazonaws.com"), states(P=PASS))
    with pytest.raises(client.exceptions.InvalidExecutionInput):
        client.start_execution(stateMachineArn=arn, input=text)


def test_half_a_surrogate_pair_inside_an_execution_stays_an_escape(aws: Sandbox) -> None:
    parse = {**PASS, "Parameters": {"a.$": "States.StringToJson($.text)"}}
    done = run(aws, states(P=parse), {"text": '"\\ud800"'})
    assert done.get("output") == '{"a":"\\ud800"}'


def test_errors_that_the_api_model_does_not_have_are_the_services_general_one(aws: Sandbox) -> None:
    table = f"t-{secrets.token_hex(4)}"
    aws.client("dynamodb").create_table(
        TableName=table,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    states_role = role(aws, "states.amazonaws.com", {"Action": "dynamodb:PutItem", "Resource": "*"})

    def error(resource: str, **parameters: Any) -> str:
        task = {"Type": "Task", "Resource": f"arn:aws:states:::{resource}", "Parameters": parameters, "End": True}
        return str(run(aws, states(T=task), {}, states_role)["error"])

    item = {"id": {"S": "1"}}
    for code, status, optimised, sdk in (
        ("InternalServerError", 500, "DynamoDB.InternalServerErrorException", "DynamoDb.InternalServerErrorException"),
        ("ValidationException", 400, "DynamoDB.AmazonDynamoDBException", "DynamoDb.DynamoDbException"),
        ("AccessDeniedException", 400, "DynamoDB.AmazonDynamoDBException", "DynamoDb.DynamoDbException"),
    ):
        aws.faults.add(Fault(FaultKind.ERROR, "dynamodb", "PutItem", code=code, status=status))
        assert error("dynamodb:putItem", TableName=table, Item=item) == optimised
        assert error("aws-sdk:dynamodb:putItem", TableName=table, Item=item) == sdk
        aws.faults.clear()
    assert error("dynamodb:putItem", TableName=table) == "DynamoDB.AmazonDynamoDBException"
    condition = {"ConditionExpression": "attribute_exists(id)", "TableName": table, "Item": item}
    assert error("dynamodb:putItem", **condition) == "DynamoDB.ConditionalCheckFailedException"
    start = {"StateMachineArn": aws.cloud.arn("states", "stateMachine:none")}
    assert error("aws-sdk:sfn:startExecution", **start) == "Sfn.SfnException"  # the role may not
    states_role = role(aws, "states.amazonaws.com", {"Action": "states:*", "Resource": "*"})
    assert error("aws-sdk:sfn:startExecution", **start) == "Sfn.StateMachineDoesNotExistException"
    assert error("lambda:invoke", FunctionName="none") == "Lambda.AWSLambdaException"  # the role may not


def test_every_change_of_an_executions_status_is_an_event_that_rules_select(aws: Sandbox, function: Make) -> None:
    queue = aws.client("sqs").create_queue(QueueName=f"told-{secrets.token_hex(4)}")["QueueUrl"]
    told_role = role(aws, "lambda.amazonaws.com", {"Action": "sqs:SendMessage", "Resource": "*"})
    name = function(
        f"import boto3, json\ndef handle(event, context):\n"
        f"    boto3.client('sqs').send_message(QueueUrl={queue!r}, MessageBody=json.dumps(event))",
        told_role,
    )
    arns = {
        "SUCCEEDED": machine(aws, role(aws, "states.amazonaws.com"), states(P=PASS)),
        "FAILED": machine(
            aws, role(aws, "states.amazonaws.com"), states(F={"Type": "Fail", "Error": "E", "Cause": "c"})
        ),
        "TIMED_OUT": machine(
            aws,
            role(aws, "states.amazonaws.com"),
            {"TimeoutSeconds": 5, **states(W={"Type": "Wait", "Seconds": 9000, "End": True})},
        ),
        "ABORTED": machine(
            aws, role(aws, "states.amazonaws.com"), states(W={"Type": "Wait", "Seconds": 9000, "End": True})
        ),
    }
    events, rule = aws.client("events"), f"told-{secrets.token_hex(4)}"
    pattern = {
        "source": ["aws.states"],
        "detail-type": ["Step Functions Execution Status Change"],
        "detail": {"stateMachineArn": list(arns.values()), "status": ["RUNNING", *arns]},
    }
    rule_arn = events.put_rule(Name=rule, EventPattern=json.dumps(pattern))["RuleArn"]
    target = aws.cloud.arn("lambda", f"function:{name}")
    aws.client("lambda").add_permission(
        FunctionName=name,
        StatementId="rule",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=rule_arn,
    )
    events.put_targets(Rule=rule, Targets=[{"Id": "f", "Arn": target}])
    client = aws.client("stepfunctions")
    started = {
        status: client.start_execution(stateMachineArn=arn, input='{"a":1}')["executionArn"]
        for status, arn in arns.items()
    }
    client.stop_execution(executionArn=started["ABORTED"], error="Stop", cause="asked")
    told: dict[tuple[str, str], dict[str, Any]] = {}

    def all_told() -> bool:
        answer = aws.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
        for message in answer.get("Messages", []):
            event = json.loads(message["Body"])
            told[(event["detail"]["executionArn"], event["detail"]["status"])] = event
        return {(arn, at) for status, arn in started.items() for at in ("RUNNING", status)} <= set(told)

    wait_until(all_told, "all changes are told")
    assert len(told) == 8
    running, done = told[(started["SUCCEEDED"], "RUNNING")], told[(started["SUCCEEDED"], "SUCCEEDED")]
    assert running["resources"] == [started["SUCCEEDED"]]
    assert (running["detail"]["stopDate"], running["detail"]["output"]) == (None, None)
    assert running["detail"]["input"] == done["detail"]["input"] == done["detail"]["output"] == '{"a":1}'
    assert done["detail"]["stopDate"] >= done["detail"]["startDate"] > 1.6e12
    failed = told[(started["FAILED"], "FAILED")]["detail"]
    assert (failed["error"], failed["cause"], failed["output"]) == ("E", "c", None)
    aborted = told[(started["ABORTED"], "ABORTED")]["detail"]
    assert (aborted["error"], aborted["cause"], aborted["name"]) == ("Stop", "asked", started["ABORTED"].split(":")[-1])


def test_stopping_an_execution_that_has_ended_changes_nothing(aws: Sandbox) -> None:
    done = run(aws, states(F={"Type": "Fail", "Error": "E", "Cause": "c"}), {})
    client = aws.client("stepfunctions")
    client.stop_execution(executionArn=done["executionArn"], error="Other")
    found = client.describe_execution(executionArn=done["executionArn"])
    assert (found["status"], found["error"], found["cause"]) == ("FAILED", "E", "c")
