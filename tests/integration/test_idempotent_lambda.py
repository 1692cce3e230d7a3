"""IdempotentLambda deployed by a program of a user's: one effect for each key, counted by the function itself."""

import json
from typing import Any

import pytest
from eda_sandbox.embedded import Sandbox
from eda_sandbox.provider.deploy import Stack

from tests.conftest import Deploy
from tests.waiting import wait_until

PROGRAM = """
import pulumi, pulumi_aws as aws
from pulumi_aws_eda import IdempotentLambda, archives
effects = aws.dynamodb.Table("effects", hash_key="id", billing_mode="PAY_PER_REQUEST",
                             attributes=[{"name": "id", "type": "S"}])
for token in ("CLIENT", "EVENT", "PAYLOAD"):
    made = IdempotentLambda(token.lower(), {
        "code": archives.directory_archive("code"),
        "timeout": 20,
        "environment": {"TABLE": effects.name},
        "grants": {"Count": {"actions": ["dynamodb:UpdateItem"], "resources": [effects.arn]}},
        "idempotency": {"token": token, "payload_jmespath": "body" if token == "CLIENT" else ""},
        "asynchronous": token == "EVENT",
        "maximum_retry_attempts": 0,
    })
    pulumi.export(token, made.function_name)
    pulumi.export(token + "_queue", made.dead_letter_queue_arn)
pulumi.export("table", effects.name)
"""
HANDLER = """
import os, boto3
from eda_runtime.http import response
table = boto3.client("dynamodb")
def handle(event, context):
    if event.get("detail", {}).get("fail"):
        raise ValueError("on purpose")
    count = table.update_item(TableName=os.environ["TABLE"], Key={"id": {"S": context.function_name}},
        UpdateExpression="ADD n :one", ExpressionAttributeValues={":one": {"N": "1"}}, ReturnValues="ALL_NEW")
    body = {"count": int(count["Attributes"]["n"]["N"])}
    return response(200, body) if "httpMethod" in event else body
"""


@pytest.fixture(scope="module")
def users(deploy_here: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    folder = tmp_path_factory.mktemp("users")
    (folder / "code").mkdir()
    (folder / "code" / "handler.py").write_text(HANDLER)
    (folder / "Pulumi.yaml").write_text("name: users\nruntime: python\n")
    (folder / "__main__.py").write_text(PROGRAM)
    return deploy_here(folder / "__main__.py", "test")


def invoke(aws: Sandbox, users: Stack, token: str, event: dict[str, Any]) -> Any:
    answer = aws.client("lambda").invoke(FunctionName=users.outputs[token], Payload=json.dumps(event))
    assert "FunctionError" not in answer, answer["Payload"].read()
    return json.loads(answer["Payload"].read())


def http(key: str | None, body: str = "{}") -> dict[str, Any]:
    headers = {} if key is None else {"Idempotency-Key": key}
    return {"httpMethod": "POST", "headers": headers, "body": body, "requestContext": {"requestId": "r"}}


def test_a_clients_key_counts_once_and_is_checked(aws: Sandbox, users: Stack) -> None:
    first = invoke(aws, users, "CLIENT", http("k-1"))
    again = invoke(aws, users, "CLIENT", http("k-1"))
    assert again == {**first, "headers": {**first["headers"], "Idempotency-Replayed": "true"}}
    assert invoke(aws, users, "CLIENT", http("k-2"))["body"] != first["body"]
    assert invoke(aws, users, "CLIENT", http(None))["statusCode"] == 400
    assert invoke(aws, users, "CLIENT", http("k-1", '{"other": 1}'))["statusCode"] == 422


def test_an_events_id_counts_once(aws: Sandbox, users: Stack) -> None:
    first = invoke(aws, users, "EVENT", {"id": "e-1", "detail": {}})
    assert invoke(aws, users, "EVENT", {"id": "e-1", "detail": {"changed": True}}) == first
    assert invoke(aws, users, "EVENT", {"id": "e-2", "detail": {}}) == {"count": first["count"] + 1}


def test_a_payload_counts_once(aws: Sandbox, users: Stack) -> None:
    first = invoke(aws, users, "PAYLOAD", {"a": 1, "b": [2]})
    assert invoke(aws, users, "PAYLOAD", {"b": [2], "a": 1}) == first
    assert invoke(aws, users, "PAYLOAD", {"a": 2, "b": [2]}) == {"count": first["count"] + 1}


def test_an_event_that_fails_lies_in_the_functions_queue(aws: Sandbox, users: Stack) -> None:
    event = {"id": "e-9", "detail": {"fail": True}}
    aws.client("lambda").invoke(FunctionName=users.outputs["EVENT"], InvocationType="Event", Payload=json.dumps(event))
    sqs = aws.client("sqs")
    url = sqs.get_queue_url(QueueName=users.outputs["EVENT_queue"].rsplit(":", 1)[-1])["QueueUrl"]
    message = wait_until(lambda: sqs.receive_message(QueueUrl=url).get("Messages"), "the event is in the queue")[0]
    assert json.loads(message["Body"])["requestPayload"] == event
