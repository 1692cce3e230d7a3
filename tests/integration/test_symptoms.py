"""A wait that fails says what went wrong in the program meanwhile."""

import json
from pathlib import Path

import pytest
from eda_sandbox.embedded import Sandbox
from eda_sandbox.pytest_plugin import EdaSandbox

from tests.conftest import Deploy
from tests.waiting import wait_until

PROGRAM = '''
import json
import pulumi
import pulumi_aws as aws

def role(name, service, *statements):
    made = aws.iam.Role(name, assume_role_policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]}))
    if statements:
        allowed = [{"Effect": "Allow", "Action": action, "Resource": resource} for action, resource in statements]
        aws.iam.RolePolicy(name, role=made.name, policy=pulumi.Output.json_dumps(
            {"Version": "2012-10-17", "Statement": allowed}))
    return made

CODE = """
import boto3, os
def handler(event, context):
    if event.get("list"):
        return boto3.client("dynamodb").scan(TableName="orders")["Items"]
    raise ValueError("no price for " + event["Records"][0]["body"])
"""
dead = aws.sqs.Queue("given-up")
inbox = aws.sqs.Queue("inbox", visibility_timeout_seconds=3, redrive_policy=pulumi.Output.json_dumps(
    {"deadLetterTargetArn": dead.arn, "maxReceiveCount": 1}))
worker = role("worker", "lambda.amazonaws.com",
    (["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], inbox.arn), (["logs:*"], "*"))
function = aws.lambda_.Function("price", runtime="python3.12", handler="handler.handler", timeout=3, role=worker.arn,
    code=pulumi.AssetArchive({"handler.py": pulumi.StringAsset(CODE)}))
aws.cloudwatch.LogGroup("lines", name=function.name.apply(lambda name: f"/aws/lambda/{name}"))
aws.lambda_.EventSourceMapping("inbox", event_source_arn=inbox.arn, function_name=function.name)
machine = aws.sfn.StateMachine("pay", role_arn=role("states", "states.amazonaws.com").arn, definition=json.dumps(
    {"StartAt": "Refuse", "States": {"Refuse": {"Type": "Fail", "Error": "CardRefused", "Cause": "it has expired"}}}))
for name, value in {"queue": inbox.url, "function": function.name, "machine": machine.arn}.items():
    pulumi.export(name, value)
'''


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("program")
    (folder / "Pulumi.yaml").write_text("name: symptoms\nruntime: python\n")
    (folder / "__main__.py").write_text(PROGRAM)
    return folder / "__main__.py"


@pytest.fixture(scope="module")
def eda(aws: Sandbox, deploy_here: Deploy, program: Path) -> EdaSandbox:
    return EdaSandbox(aws, deploy_here(program))


def make_all_go_wrong(eda: EdaSandbox) -> None:
    """Everything that can; it has when the program tells four kinds of symptoms."""
    eda.client("stepfunctions").start_execution(stateMachineArn=eda.outputs["machine"], name="first")
    eda.client("sqs").send_message(QueueUrl=eda.outputs["queue"], MessageBody="SKU-1")
    eda.client("lambda").invoke(FunctionName=eda.outputs["function"], Payload=json.dumps({"list": True}))
    wait_until(lambda: len({line.partition(" ")[0] for line in eda.symptoms()}) == 4, "four kinds of symptoms")


def test_what_went_wrong_is_said_when_a_wait_fails(eda: EdaSandbox) -> None:
    with pytest.raises(AssertionError) as nothing:
        eda.wait_until(lambda: False, "pigs fly", 0.1)
    assert str(nothing.value) == "not within 0.1 s: pigs fly"

    asked = False

    def condition() -> bool:
        nonlocal asked
        if not asked:
            asked = True
            make_all_go_wrong(eda)
        return False

    with pytest.raises(AssertionError) as failed:
        eda.wait_until(condition, "the order is paid", 0.1)
    said = str(failed.value)
    assert said.startswith("not within 0.1 s: the order is paid\nexecution ")
    for part in (
        ":first FAILED: CardRefused: it has expired",
        f"/{eda.outputs['function']}: no policy allows dynamodb:Scan",
        "no price for SKU-1",
        "dead letters in given-up-",
        ": 1, such as SKU-1",
    ):
        assert part in said, said


def test_what_goes_wrong_in_another_program_is_not_said(
    eda: EdaSandbox, aws: Sandbox, deploy_here: Deploy, program: Path
) -> None:
    own, another = EdaSandbox(aws, eda._stack), EdaSandbox(aws, deploy_here(program, "another"))
    make_all_go_wrong(another)
    assert not set(own.symptoms()) & set(another.symptoms())


def test_what_went_wrong_before_is_not_said_again(eda: EdaSandbox, aws: Sandbox) -> None:
    lines = EdaSandbox(aws, eda._stack).symptoms()
    assert all(line.startswith("dead letters in ") for line in lines), lines
