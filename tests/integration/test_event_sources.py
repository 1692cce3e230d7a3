"""Functions behind a queue and behind a table's stream: one bad record never blocks or repeats its neighbours."""

import json
from pathlib import Path

import pytest
from eda_sandbox.embedded import Sandbox
from eda_sandbox.provider.deploy import Stack

from tests.conftest import Deploy
from tests.waiting import wait_until

PROGRAM = """
import pulumi, pulumi_aws as aws
from pulumi_aws_eda import IdempotentLambda, archives
def table(name, **more):
    return aws.dynamodb.Table(name, hash_key="id", billing_mode="PAY_PER_REQUEST",
                              attributes=[{"name": "id", "type": "S"}], **more)
seen = table("seen")
changes = table("changes", stream_enabled=True, stream_view_type="NEW_IMAGE")
common = {
    "code": archives.directory_archive("code"), "timeout": 1,
    "environment": {"TABLE": seen.name},
    "grants": {"Count": {"actions": ["dynamodb:UpdateItem"], "resources": [seen.arn]}},
}
queue = IdempotentLambda("queue", {**common, "queue_source": {"max_receive_count": 1}})
stream = IdempotentLambda("stream", {**common, "stream_source": {
    "stream_arn": changes.stream_arn, "maximum_retry_attempts": 1, "starting_position": "TRIM_HORIZON"}})
pulumi.export("queue_url", queue.queue_url)
pulumi.export("queue_dlq", queue.dead_letter_queue_arn)
pulumi.export("stream_dlq", stream.dead_letter_queue_arn)
pulumi.export("seen", seen.name)
pulumi.export("changes", changes.name)
"""
HANDLER = """
import os, boto3
client = boto3.client("dynamodb")
def handle(event, context):
    failures = []
    for record in event["Records"]:
        queued = "messageId" in record
        name = record["body"] if queued else record["dynamodb"]["Keys"]["id"]["S"]
        if name.startswith("poison"):
            failures.append({"itemIdentifier": record["messageId"] if queued else record["dynamodb"]["SequenceNumber"]})
            if not queued:
                break
            continue
        client.update_item(TableName=os.environ["TABLE"], Key={"id": {"S": name}},
            UpdateExpression="ADD n :one", ExpressionAttributeValues={":one": {"N": "1"}})
    return {"batchItemFailures": failures}
"""


@pytest.fixture(scope="module")
def sources(deploy_here: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    folder: Path = tmp_path_factory.mktemp("sources")
    (folder / "code").mkdir()
    (folder / "code" / "handler.py").write_text(HANDLER)
    (folder / "Pulumi.yaml").write_text("name: sources\nruntime: python\n")
    (folder / "__main__.py").write_text(PROGRAM)
    return deploy_here(folder / "__main__.py", "test")


def counts(aws: Sandbox, sources: Stack, prefix: str) -> dict[str, int]:
    items = aws.client("dynamodb").scan(TableName=sources.outputs["seen"], ConsistentRead=True)["Items"]
    return {item["id"]["S"]: int(item["n"]["N"]) for item in items if item["id"]["S"].startswith(prefix)}


def dead_letter(aws: Sandbox, arn: str) -> str:
    sqs = aws.client("sqs")
    url = sqs.get_queue_url(QueueName=arn.rsplit(":", 1)[-1])["QueueUrl"]
    found = wait_until(
        lambda: sqs.receive_message(QueueUrl=url).get("Messages"), "a message is in the dead-letter queue"
    )
    return str(found[0]["Body"])


def test_a_queues_good_messages_are_handled_once_and_the_poison_is_set_aside(aws: Sandbox, sources: Stack) -> None:
    sqs, url = aws.client("sqs"), sources.outputs["queue_url"]
    for body in ("q-1", "q-2", "poison-q", "q-3", "q-4"):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    assert dead_letter(aws, sources.outputs["queue_dlq"]) == "poison-q"
    assert counts(aws, sources, "q-") == {f"q-{number}": 1 for number in range(1, 5)}


def test_a_streams_changes_flow_past_the_poison_which_is_pointed_to(aws: Sandbox, sources: Stack) -> None:
    dynamodb = aws.client("dynamodb")
    for id in ("s-1", "s-2", "poison-s", "s-3", "s-4"):
        dynamodb.put_item(TableName=sources.outputs["changes"], Item={"id": {"S": id}})
    wait_until(lambda: len(counts(aws, sources, "s-")) == 4, "the other changes are handled")
    pointer = json.loads(dead_letter(aws, sources.outputs["stream_dlq"]))["DDBStreamBatchInfo"]
    assert pointer["batchSize"] == 1
    assert pointer["startSequenceNumber"] == pointer["endSequenceNumber"]
    assert counts(aws, sources, "s-") == {f"s-{number}": 1 for number in range(1, 5)}
