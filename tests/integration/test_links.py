"""A function linked with something of every kind, each under a key of the stack's own: it may do what its links say, by
their names alone, and one without links may do nothing of it."""

import json
import re
from typing import Any

import pytest
from eda_sandbox.embedded import Sandbox
from eda_sandbox.provider.deploy import Stack

from tests.conftest import Deploy

PROGRAM = """
import json, pulumi, pulumi_aws as aws
from pulumi_aws_eda import BatchedFirehoseSink, EncryptionKey, IdempotentLambda, defaults, link

key = EncryptionKey("key").arn
defaults(kms_key_arn=key)
orders = aws.dynamodb.Table("orders", hash_key="id", billing_mode="PAY_PER_REQUEST",
                            attributes=[{"name": "id", "type": "S"}],
                            server_side_encryption={"enabled": True, "kms_key_arn": key})
secret = aws.secretsmanager.Secret("password", kms_key_id=key)
aws.secretsmanager.SecretVersion("password", secret_id=secret.id, secret_string='{"user": "u"}')
aws.secretsmanager.SecretVersion(
    "named", secret_id=aws.secretsmanager.Secret("named", name="links/named", kms_key_id=key).id, secret_string="n")
limit = aws.ssm.Parameter("limit", name="/links/limit", type="SecureString", key_id=key, value="7")
aws.ssm.Parameter("flat", name="flat", type="String", value="f")
trust = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "states.amazonaws.com"}}]}
machine = aws.sfn.StateMachine(
    "machine", role_arn=aws.iam.Role("machine", assume_role_policy=json.dumps(trust)).arn,
    definition=json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}))
queue = aws.sqs.Queue("queue", kms_master_key_id=key)
other = IdempotentLambda("other", code="code", handler="handler.other")
user = IdempotentLambda(
    "user", code="code", timeout=60, memory_size=512,
    links={
        "orders": link(orders, "get", "write"),
        "archive": link(orders, "read"),
        "files": link(aws.s3.Bucket("files", force_destroy=True), "read", "write"),
        "queue": link(queue, "send"),
        "news": link(aws.sns.Topic("news", kms_master_key_id=key), "send"),
        "bus": link(aws.cloudwatch.EventBus("bus"), "send"),
        "stream": link(aws.kinesis.Stream("stream", shard_count=1, encryption_type="KMS", kms_key_id=key), "send"),
        "clicks": link(BatchedFirehoseSink("clicks", direct_put={"columns": {"id": "string"}}), "send"),
        "machine": link(machine, "start"),
        "other": link(other, "invoke"),
        "password": link(secret, "read"),
        "limit": link(limit, "read"),
    },
    secrets={"named": "links/named"},
    parameters={"flat": "flat"},
)
variables = {"EDA_LINKS": user.function.environment.apply(lambda it: it["variables"]["EDA_LINKS"])}
stranger = IdempotentLambda("stranger", code="code", timeout=60, memory_size=512, environment=variables)
pulumi.export("user", user.function_name)
pulumi.export("stranger", stranger.function_name)
pulumi.export("links", variables["EDA_LINKS"])
pulumi.export("secret", secret.id)
"""
HANDLER = """
from botocore.exceptions import ClientError
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from eda_runtime import links

ITEM = {"id": {"S": "1"}}
USES = {
    "bus": lambda it: it.client.put_events(
        Entries=[{"EventBusName": it.event_bus_name, "Source": "s", "DetailType": "d", "Detail": "{}"}]),
    "clicks": lambda it: it.client.put_record(
        DeliveryStreamName=it.delivery_stream_name, Record={"Data": b'{"id": "1"}'}),
    "files": lambda it: (
        it.client.put_object(Bucket=it.bucket_name, Key="a", Body=b"b"),
        it.client.get_object(Bucket=it.bucket_name, Key="a"),
        it.client.list_objects_v2(Bucket=it.bucket_name)),
    "machine": lambda it: it.client.start_execution(stateMachineArn=it.state_machine_arn, input="{}"),
    "news": lambda it: it.client.publish(TopicArn=it.topic_arn, Message="m"),
    "orders": lambda it: (
        it.client.put_item(TableName=it.table_name, Item=ITEM),
        it.client.get_item(TableName=it.table_name, Key=ITEM)),
    "archive": lambda it: it.client.scan(TableName=it.table_name),
    "other": lambda it: it.client.invoke(FunctionName=it.function_name, Payload=b"{}"),
    "queue": lambda it: it.client.send_message(QueueUrl=it.queue_url, MessageBody="m"),
    "stream": lambda it: it.client.put_record(StreamName=it.stream_name, PartitionKey="p", Data=b"d"),
    "password": lambda it: it.get(transform="json")["user"],
    "named": lambda it: it.get(),
    "limit": lambda it: it.get(),
    "flat": lambda it: it.get(),
    # What no link says.
    "receive": lambda it: links.queue.client.receive_message(QueueUrl=links.queue.queue_url),
    "drop": lambda it: links.orders.client.delete_table(TableName=links.orders.table_name),
}

def handle(event, context):
    name = event["use"]
    if name == "fresh":
        return links.password.get(transform="json", force_fetch=True)["user"]
    try:
        done = USES[name](getattr(links, name, None))
    except (ClientError, GetParameterError) as error:
        return f"refused: {error}"
    return done if isinstance(done, str) else "done"

def other(event, context):
    return "called"
"""
SAYS = {"password": "u", "named": "n", "limit": "7", "flat": "f"}
"""What a secret or a parameter holds."""


@pytest.fixture(scope="module")
def stack(deploy_here: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    folder = tmp_path_factory.mktemp("links")
    (folder / "code").mkdir()
    (folder / "code" / "handler.py").write_text(HANDLER)
    (folder / "Pulumi.yaml").write_text("name: links\nruntime: python\n")
    (folder / "__main__.py").write_text(PROGRAM)
    return deploy_here(folder / "__main__.py", "test")


def use(aws: Sandbox, stack: Stack, function: str, name: str) -> Any:
    answer = aws.client("lambda").invoke(FunctionName=stack.outputs[function], Payload=json.dumps({"use": name}))
    said = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, said
    return said


def test_a_function_uses_all_that_it_is_linked_with_and_nothing_else(aws: Sandbox, stack: Stack) -> None:
    names = list(json.loads(stack.outputs["links"]))
    assert len(names) == 14
    assert {name: use(aws, stack, "user", name) for name in names} == {name: SAYS.get(name, "done") for name in names}
    for name in ("receive", "drop"):
        assert use(aws, stack, "user", name).startswith("refused: An error occurred (AccessDenied"), name


def test_a_function_without_links_may_use_none_of_it(aws: Sandbox, stack: Stack) -> None:
    for name in json.loads(stack.outputs["links"]):
        # A key's refusal may come first.
        said = use(aws, stack, "stranger", name)
        assert re.match("refused: .*(not authorized to|is not allowed|not allowed to access)", said), (name, said)


def test_the_environment_has_no_secret_and_a_rotated_one_is_seen(aws: Sandbox, stack: Stack) -> None:
    function = aws.client("lambda").get_function_configuration(FunctionName=stack.outputs["user"])
    assert "user" not in json.loads(function["Environment"]["Variables"]["EDA_LINKS"])["password"].partition(":")[2]
    aws.client("secretsmanager").put_secret_value(SecretId=stack.outputs["secret"], SecretString='{"user": "new"}')
    assert use(aws, stack, "user", "fresh") == "new"
