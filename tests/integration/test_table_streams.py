"""A table's stream is read by who may, and by several readers at once."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from eda_sandbox.embedded import Sandbox
from eda_sandbox.foundation.streams import StreamReader, sequence_number

PRINCIPAL = "lambda.amazonaws.com"
READ = ["dynamodb:DescribeStream", "dynamodb:GetShardIterator", "dynamodb:GetRecords"]


def create_table(aws: Sandbox, name: str) -> str:
    table = aws.client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    return str(table["TableDescription"]["LatestStreamArn"])


def role(aws: Sandbox, name: str, actions: list[str], resource: str) -> str:
    trust = {"Statement": [{"Effect": "Allow", "Principal": {"Service": PRINCIPAL}, "Action": "sts:AssumeRole"}]}
    arn = aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": actions, "Resource": resource}],
    }
    aws.client("iam").put_role_policy(RoleName=name, PolicyName="read", PolicyDocument=json.dumps(policy))
    return str(arn)


@pytest.fixture(scope="module")
def streams(aws: Sandbox) -> Iterator[tuple[str, str]]:
    yield create_table(aws, "read-me"), create_table(aws, "leave-me")
    for name in ("read-me", "leave-me"):
        aws.client("dynamodb").delete_table(TableName=name)


def code_of(call: Any, **request: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**request)
    return str(caught.value.response["Error"]["Code"])


def test_a_role_reads_the_stream_that_its_policy_names_and_no_other(aws: Sandbox, streams: tuple[str, str]) -> None:
    mine, other = streams
    client = aws.cloud.client("dynamodbstreams", role(aws, "reader", READ, mine), PRINCIPAL)
    aws.client("dynamodb").put_item(TableName="read-me", Item={"id": {"S": "1"}})
    shard = client.describe_stream(StreamArn=mine)["StreamDescription"]["Shards"][0]["ShardId"]
    where = {"ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
    iterator = client.get_shard_iterator(StreamArn=mine, **where)["ShardIterator"]
    found = client.get_records(ShardIterator=iterator)
    assert [record["dynamodb"]["Keys"]["id"]["S"] for record in found["Records"]] == ["1"]
    assert client.get_records(ShardIterator=found["NextShardIterator"])["Records"] == []
    assert code_of(client.describe_stream, StreamArn=other) == "AccessDeniedException"
    assert code_of(client.get_shard_iterator, StreamArn=other, **where) == "AccessDeniedException"
    assert code_of(client.list_streams) == "AccessDeniedException"
    # The iterator of a stream that it may not read, as the account's root got it.
    root = aws.client("dynamodbstreams")
    foreign = root.get_shard_iterator(StreamArn=other, **where)["ShardIterator"]
    assert foreign.startswith(other)
    assert code_of(client.get_records, ShardIterator=foreign) == "AccessDeniedException"
    assert code_of(client.get_records, ShardIterator=foreign.replace(other, mine)) == "ValidationException"


@pytest.mark.parametrize("missing", READ)
def test_each_action_is_needed(aws: Sandbox, streams: tuple[str, str], missing: str) -> None:
    arn = streams[0]
    left = [action for action in READ if action != missing]
    reader_role = role(aws, f"without-{missing.partition(':')[2]}", left, arn)
    reader = StreamReader(lambda name: aws.cloud.client(name, reader_role, PRINCIPAL), arn, "TRIM_HORIZON")

    def read() -> None:
        for shard in reader.shards():
            shard.read(10)

    with pytest.raises(ClientError, match="is not authorized to perform: " + missing):
        read()


def test_two_readers_of_a_shard_see_all_of_it_and_each_goes_back_to_what_is_not_done(
    aws: Sandbox, streams: tuple[str, str]
) -> None:
    arn = streams[1]
    for number in range(10):
        aws.client("dynamodb").put_item(TableName="leave-me", Item={"id": {"S": f"{number}"}})
    [first], [second] = (StreamReader(aws.client, arn, "TRIM_HORIZON").shards() for _ in range(2))
    everything = first.read(100)
    assert [record["dynamodb"]["Keys"]["id"]["S"] for record in everything] == [f"{number}" for number in range(10)]
    assert second.read(4) + second.read(100) == everything
    assert second.read(100) == []
    second.done(everything[2])
    second.rewind()
    assert [sequence_number(record) for record in second.read(100)] == [sequence_number(r) for r in everything[3:]]
    first.rewind()
    assert first.read(100) == everything


def test_latest_is_where_the_stream_stood_when_it_was_opened(aws: Sandbox, streams: tuple[str, str]) -> None:
    dynamodb, arn = aws.client("dynamodb"), streams[0]
    dynamodb.put_item(TableName="read-me", Item={"id": {"S": "before"}})
    shard = StreamReader(aws.client, arn, "LATEST").shards()[0]
    shard.open()
    dynamodb.put_item(TableName="read-me", Item={"id": {"S": "after"}})
    assert [record["dynamodb"]["Keys"]["id"]["S"] for record in shard.read(10)] == ["after"]
    shard.rewind()
    assert [record["dynamodb"]["Keys"]["id"]["S"] for record in shard.read(10)] == ["after"]


def test_log_streams_and_batches_of_queues_are_permitted_as_on_aws(aws: Sandbox) -> None:
    logs, sqs = aws.client("logs"), aws.client("sqs")
    logs.create_log_group(logGroupName="permitted")
    for name in ("mine", "other"):
        logs.create_log_stream(logGroupName="permitted", logStreamName=name)
        sqs.create_queue(QueueName=name)
    arn = aws.cloud.arn("logs", "log-group:permitted:log-stream:mine")
    writer = aws.cloud.client("logs", role(aws, "log-writer", ["logs:PutLogEvents"], arn), PRINCIPAL)
    events = {"logGroupName": "permitted", "logEvents": [{"timestamp": int(time.time() * 1000), "message": "line"}]}
    writer.put_log_events(logStreamName="mine", **events)
    assert code_of(writer.put_log_events, logStreamName="other", **events) == "AccessDeniedException"
    sender_role = role(aws, "batch-sender", ["sqs:SendMessage"], aws.cloud.arn("sqs", "mine"))
    sender = aws.cloud.client("sqs", sender_role, PRINCIPAL)
    entries = [{"Id": "1", "MessageBody": "a"}, {"Id": "2", "MessageBody": "b"}]
    urls = {name: sqs.get_queue_url(QueueName=name)["QueueUrl"] for name in ("mine", "other")}
    assert len(sender.send_message_batch(QueueUrl=urls["mine"], Entries=entries)["Successful"]) == 2
    assert "AccessDenied" in code_of(sender.send_message_batch, QueueUrl=urls["other"], Entries=entries)
