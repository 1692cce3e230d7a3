"""Components with an EncryptionKey: they work, and not without what their roles need of it."""

import json
import secrets
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from botocore.exceptions import ClientError
from eda_runtime.callbacks import CallbackStore, Delivery
from eda_sandbox.embedded import Sandbox
from eda_sandbox.foundation.http import LoopbackServer
from eda_sandbox.provider.deploy import Stack

from pipeline.proof.roles import ROLE_POLICY, Roles
from tests.conftest import Deploy
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("hurried")

PROGRAM = """
import pulumi, pulumi_aws as aws
from pulumi_aws_eda import CallbackWorkflow, ConsumerCache, EncryptionKey, IdempotentLambda, archives, defaults
key = EncryptionKey("key", {})
defaults(kms_key_arn=key.arn)
code = archives.directory_archive("code")
rows = aws.dynamodb.Table("rows", hash_key="id", billing_mode="PAY_PER_REQUEST",
                          attributes=[{"name": "id", "type": "S"}],
                          server_side_encryption={"enabled": True, "kms_key_arn": key.arn})
worker = IdempotentLambda("worker", {
    "code": code, "handler": "handler.work", "timeout": 20, "queue_source": {"max_receive_count": 1},
    "asynchronous": True, "maximum_retry_attempts": 0,
    "environment": {"TABLE": rows.name},
    "grants": {"Write": {"actions": ["dynamodb:UpdateItem"], "resources": [rows.arn]}},
    "idempotency": {"token": "EVENT"}})
call = IdempotentLambda("call", {"code": code, "handler": "handler.call", "timeout": 20})
workflow = CallbackWorkflow("flow", {
    "call_function_arn": call.function_arn, "table_name": rows.name, "table_arn": rows.arn, "key": "id"})
cache = ConsumerCache("suppliers", {"scheduled": {
    "source_url": pulumi.Config().require("url"), "key": "id", "schedule_expression": "rate(1 day)"}})
reader = IdempotentLambda("reader", {
    "code": code, "handler": "handler.read", "timeout": 20, "memory_size": 256,
    "environment": {"CACHE": cache.settings}, "grants": cache.reader_grants})
pulumi.export("key", key.arn)
pulumi.export("rows", rows.name)
pulumi.export("worker", worker.function_name)
pulumi.export("queue", worker.queue_url)
pulumi.export("queue_dlq", worker.dead_letter_queue_arn)
pulumi.export("worker_role", worker.role_arn)
pulumi.export("machine", workflow.state_machine_arn)
pulumi.export("callbacks", workflow.callback_table_name)
pulumi.export("sync", cache.sync_function_name)
pulumi.export("reader", reader.function_name)
"""
HANDLER = """
import json, os, boto3
def work(event, context):
    body = json.loads(event["body"]) if "body" in event else event
    if body.get("fail"):
        raise ValueError("on purpose")
    boto3.client("dynamodb").update_item(TableName=os.environ["TABLE"], Key={"id": {"S": body["id"]}},
        UpdateExpression="ADD n :one", ExpressionAttributeValues={":one": {"N": "1"}})
def call(event, context):
    return {"result": {"offers": 1}}
def read(event, context):
    from eda_runtime import consumer_cache
    return consumer_cache.from_settings(os.environ["CACHE"], boto3.client("dynamodb"), None).get("s-1")
"""


class _Source(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        content = b'[{"id": "s-1", "country": "DE"}]'
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def users(deploy_here: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("keyed")
    (folder / "code").mkdir()
    (folder / "code" / "handler.py").write_text(HANDLER)
    (folder / "Pulumi.yaml").write_text("name: keyed\nruntime: python\n")
    (folder / "__main__.py").write_text(PROGRAM)
    server = LoopbackServer(_Source)
    with server.running():
        yield deploy_here(folder / "__main__.py", config={"url": server.url})


@pytest.fixture(scope="module")
def roles(aws: Sandbox, users: Stack) -> Roles:
    return Roles(aws.client("iam"), users.of_type(ROLE_POLICY))


def code_of(call: Any, **request: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**request)
    return str(caught.value.response["Error"]["Code"])


def item(aws: Sandbox, table: str, id: str) -> dict[str, Any]:
    found = aws.client("dynamodb").get_item(TableName=table, Key={"id": {"S": id}}, ConsistentRead=True)
    item: dict[str, Any] = found.get("Item", {})
    return item


def invoke(aws: Sandbox, function: str) -> Any:
    answer = aws.client("lambda").invoke(FunctionName=function, Payload=b"{}")
    said = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, said
    return said


def queue_url(aws: Sandbox, arn: str) -> str:
    return aws.cloud.queue_url(arn)


def letter(aws: Sandbox, url: str, token: str) -> bool:
    found = aws.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
    return any(token in message["Body"] for message in found.get("Messages", []))


def test_a_queues_messages_are_handled_once_and_what_fails_lies_in_the_dead_letter_queue(
    aws: Sandbox, users: Stack
) -> None:
    good, bad, event = (secrets.token_hex(8) for _ in range(3))
    sqs, dead = aws.client("sqs"), queue_url(aws, users.outputs["queue_dlq"])
    assert sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["KmsMasterKeyId"])["Attributes"] == {
        "KmsMasterKeyId": users.outputs["key"]
    }
    sqs.send_message(QueueUrl=users.outputs["queue"], MessageBody=json.dumps({"id": good}))
    sqs.send_message(QueueUrl=users.outputs["queue"], MessageBody=json.dumps({"id": bad, "fail": True}))
    aws.client("lambda").invoke(
        FunctionName=users.outputs["worker"],
        InvocationType="Event",
        Payload=json.dumps({"id": event, "fail": True}).encode(),
    )
    wait_until(lambda: item(aws, users.outputs["rows"], good), "the message is handled")
    assert item(aws, users.outputs["rows"], good)["n"] == {"N": "1"}
    for token in (bad, event):
        wait_until(partial(letter, aws, dead, token), "what failed is in the dead-letter queue")


@pytest.mark.parametrize("sid", ["DecryptWithKey", "EncryptWithKey"])
def test_without_the_key_a_function_has_neither_queue_nor_record_nor_dead_letter(
    aws: Sandbox, users: Stack, roles: Roles, sid: str
) -> None:
    role, principal = users.outputs["worker_role"], "lambda.amazonaws.com"
    sqs = aws.cloud.client("sqs", role, principal)
    dead, source = queue_url(aws, users.outputs["queue_dlq"]), users.outputs["queue"]
    with roles.without("worker-role", sid):
        assert code_of(sqs.send_message, QueueUrl=dead, MessageBody="{}") == "KMS.AccessDeniedException"
        if sid == "DecryptWithKey":
            assert code_of(sqs.receive_message, QueueUrl=source) == "KMS.AccessDeniedException"
            update = aws.cloud.client("dynamodb", role, principal).update_item
            refused = code_of(update, TableName=users.outputs["rows"], Key={"id": {"S": "x"}})
            assert refused == "AccessDeniedException"
            assert code_of(partial(invoke, aws, users.outputs["worker"])) == "KMSAccessDeniedException"


def start(aws: Sandbox, users: Stack) -> tuple[str, str]:
    """A row and its execution."""
    id = secrets.token_hex(8)
    row = {"id": id, "status": "PENDING", "correlation_id": id, "traceparent": "", "updated_at": "2026-01-01T00:00:00Z"}
    names: dict[str, Any] = {name: {"S": text} for name, text in row.items() if text}
    aws.client("dynamodb").put_item(TableName=users.outputs["rows"], Item={**names, "version": {"N": "1"}})
    envelope = {"correlation_id": id, "traceparent": "", "tenant": "t", "schema_version": "1", "causation_id": "c"}
    given = {"id": id, "version": 1, "payload": {}, "envelope": {**envelope, "occurred_at": "2026-01-01T00:00:00Z"}}
    started = aws.client("stepfunctions").start_execution(
        stateMachineArn=users.outputs["machine"], name=id, input=json.dumps(given)
    )
    return id, started["executionArn"]


def status(aws: Sandbox, execution: str) -> str:
    return str(aws.client("stepfunctions").describe_execution(executionArn=execution)["status"])


def test_a_workflow_waits_for_its_callback_and_completes_the_row(aws: Sandbox, users: Stack) -> None:
    id, execution = start(aws, users)
    wait_until(lambda: item(aws, users.outputs["callbacks"], id).get("task_token"), "the token is kept")
    store = CallbackStore(aws.client("dynamodb"), aws.client("stepfunctions"), users.outputs["callbacks"])
    assert store.deliver(id, {"address": "here"}) is Delivery.ACCEPTED
    wait_until(lambda: status(aws, execution) != "RUNNING", "the execution ends")
    assert status(aws, execution) == "SUCCEEDED"
    assert item(aws, users.outputs["rows"], id)["status"] == {"S": "COMPLETED"}


def test_without_the_key_an_execution_fails(aws: Sandbox, users: Stack, roles: Roles) -> None:
    with roles.without("flow-role", "DecryptWithKey"):
        id, execution = start(aws, users)
        wait_until(lambda: status(aws, execution) != "RUNNING", "the execution ends")
        assert status(aws, execution) == "FAILED"
    assert item(aws, users.outputs["rows"], id)["status"] == {"S": "PENDING"}


def test_a_replica_is_synced_and_read_and_neither_without_the_key(aws: Sandbox, users: Stack, roles: Roles) -> None:
    invoke(aws, users.outputs["sync"])
    assert invoke(aws, users.outputs["reader"]) == {"id": "s-1", "country": "DE"}
    for role, function in (("suppliers-sync-role", "sync"), ("reader-role", "reader")):
        with roles.without(role, "DecryptWithKey"):
            assert code_of(partial(invoke, aws, users.outputs[function])) == "KMSAccessDeniedException"
