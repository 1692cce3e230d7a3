"""What the tests of streams, Pipes and Firehose are built of: roles with named statements, tables, buckets, pipes."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from eda_sandbox.embedded import Sandbox

from tests.waiting import wait_until

Statement = tuple[Sequence[str], str]
"""Actions, and the resource they are allowed on."""


def create_role(aws: Sandbox, name: str, principal: str, statements: Mapping[str, Statement]) -> str:
    """A role with one statement per need."""
    trust = {"Statement": [{"Effect": "Allow", "Principal": {"Service": principal}, "Action": "sts:AssumeRole"}]}
    arn = aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    if statements:
        put_policy(aws, name, statements)
    return str(arn)


def put_policy(aws: Sandbox, role: str, statements: Mapping[str, Statement]) -> None:
    """Give a role these statements and no others."""
    document = {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": resource}
            for sid, (actions, resource) in statements.items()
        ],
    }
    aws.client("iam").put_role_policy(RoleName=role, PolicyName="policy", PolicyDocument=json.dumps(document))


def create_table(aws: Sandbox, name: str) -> str:
    """A table with a key ``id`` and a stream; the stream's ARN."""
    table = aws.client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    return str(table["TableDescription"]["LatestStreamArn"])


def put_items(aws: Sandbox, table: str, ids: Sequence[str], **attributes: Any) -> None:
    """Write one item for each id."""
    for begin in range(0, len(ids), 25):
        requests = [{"PutRequest": {"Item": {"id": {"S": id}, **attributes}}} for id in ids[begin : begin + 25]]
        assert not aws.client("dynamodb").batch_write_item(RequestItems={table: requests})["UnprocessedItems"]


def create_queue(aws: Sandbox, name: str) -> tuple[str, str]:
    """A queue; its URL and its ARN."""
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def take_messages(aws: Sandbox, url: str) -> list[str]:
    """The bodies of what lies in a queue, which is then gone."""
    sqs, bodies = aws.client("sqs"), []
    while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in found:
            bodies.append(str(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return bodies


def create_bucket(aws: Sandbox, name: str) -> str:
    """A bucket; its ARN."""
    aws.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": aws.cloud.region})
    return f"arn:aws:s3:::{name}"


def objects_of(aws: Sandbox, bucket: str, prefix: str = "") -> dict[str, bytes]:
    """Keys and contents."""
    s3 = aws.client("s3")
    found = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
    return {item["Key"]: s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read() for item in found}


def until_active(aws: Sandbox, name: str) -> None:
    """Wait for a delivery stream."""
    firehose = aws.client("firehose")
    wait_until(
        lambda: (
            firehose.describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"][
                "DeliveryStreamStatus"
            ]
            == "ACTIVE"
        ),
        f"{name} is active",
    )


def until_state(aws: Sandbox, pipe: str, state: str) -> dict[str, Any]:
    """Wait for a pipe's state."""
    pipes = aws.client("pipes")

    def reached() -> dict[str, Any] | None:
        found = pipes.describe_pipe(Name=pipe)
        return dict(found) if found["CurrentState"] == state else None

    return wait_until(reached, f"{pipe} is {state}")
