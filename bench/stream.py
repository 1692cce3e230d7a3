"""Records per second from a table's stream to S3, without code against with it: ``python -m bench.stream``.

The way of the pipeline is stream → Pipe → Firehose → S3, which puts 500 records at a time. The baseline is an event
source mapping with a function that puts one record at a time into the same kind of delivery stream. Both run in the
sandbox, one after the other in each round, over the same number of changes that lie in the stream already.
Prints a table, and with ``--json`` one object in the last line: the medians and their ratio.
"""

import io
import json
import statistics
import threading
import time
import zipfile
from typing import Annotated, Any

import typer
from eda_sandbox.embedded import Sandbox, embedded_aws

from bench.report import tell

SPEED = 300
"""Firehose's 60 seconds are a fifth of one here, so that what is measured is not the buffer's patience."""
BATCH = 500
DEADLINE = 300.0
TEMPLATE = '{"id": <$.dynamodb.Keys.id.S>, "event": <$.eventID>, "note": <$.dynamodb.NewImage.note.S>}\n'
HANDLER = """
import json, os, boto3
firehose = boto3.client("firehose")
def handle(event, context):
    for record in event["Records"]:
        change = record["dynamodb"]
        row = {"id": change["Keys"]["id"]["S"], "event": record["eventID"], "note": change["NewImage"]["note"]["S"]}
        firehose.put_record(
            DeliveryStreamName=os.environ["STREAM"], Record={"Data": (json.dumps(row) + "\\n").encode()}
        )
"""
READ = ["dynamodb:DescribeStream", "dynamodb:GetShardIterator", "dynamodb:GetRecords"]


class Line:
    """A table with changes in its stream, and the delivery stream that they go to."""

    def __init__(self, aws: Sandbox, name: str, count: int) -> None:
        self._aws, self.name, self._count = aws, name, count
        self._seen: dict[str, int] = {}
        self.stream = self._table()
        self.delivery_stream = self._delivery_stream()

    def role(self, suffix: str, principal: str, statements: list[tuple[list[str], str]]) -> str:
        """A role with these actions on these resources."""
        trust = {"Statement": [{"Effect": "Allow", "Principal": {"Service": principal}, "Action": "sts:AssumeRole"}]}
        policy = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": actions, "Resource": arn} for actions, arn in statements],
        }
        iam, name = self._aws.client("iam"), f"{self.name}-{suffix}"
        arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        iam.put_role_policy(RoleName=name, PolicyName="policy", PolicyDocument=json.dumps(policy))
        return arn

    def until_delivered(self) -> None:
        """Wait until every change is in the bucket.

        Raises:
            RuntimeError: not in time.
        """
        pause, deadline = threading.Event(), time.monotonic() + DEADLINE
        while self._delivered() < self._count:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self._delivered()} of {self._count} records of {self.name} after {DEADLINE:g} s")
            pause.wait(0.02)

    def _delivered(self) -> int:
        s3 = self._aws.client("s3")
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=self.name):
            for found in page.get("Contents", []):
                if found["Key"] not in self._seen:
                    content = s3.get_object(Bucket=self.name, Key=found["Key"])["Body"].read()
                    self._seen[found["Key"]] = content.count(b"\n")
        return sum(self._seen.values())

    def _table(self) -> str:
        dynamodb = self._aws.client("dynamodb")
        table = dynamodb.create_table(
            TableName=self.name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )["TableDescription"]
        for begin in range(0, self._count, 25):
            items = [
                {"id": {"S": f"{n}"}, "note": {"S": "x" * 200}} for n in range(begin, min(begin + 25, self._count))
            ]
            dynamodb.batch_write_item(RequestItems={self.name: [{"PutRequest": {"Item": item}} for item in items]})
        return str(table["LatestStreamArn"])

    def _delivery_stream(self) -> str:
        bucket = f"arn:aws:s3:::{self.name}"
        self._aws.client("s3").create_bucket(
            Bucket=self.name, CreateBucketConfiguration={"LocationConstraint": self._aws.cloud.region}
        )
        role = self.role(
            "firehose",
            "firehose.amazonaws.com",
            [(["s3:GetBucketLocation"], bucket), (["s3:PutObject"], f"{bucket}/*")],
        )
        firehose, destination = self._aws.client("firehose"), {"RoleARN": role, "BucketARN": bucket}
        hints = {"BufferingHints": {"IntervalInSeconds": 60, "SizeInMBs": 128}}
        arn: str = firehose.create_delivery_stream(
            DeliveryStreamName=self.name, ExtendedS3DestinationConfiguration={**destination, **hints}
        )["DeliveryStreamARN"]
        pause = threading.Event()
        while self._status(firehose) != "ACTIVE":
            pause.wait(0.02)
        return arn

    def _status(self, firehose: Any) -> str:
        found = firehose.describe_delivery_stream(DeliveryStreamName=self.name)["DeliveryStreamDescription"]
        return str(found["DeliveryStreamStatus"])


def through_a_pipe(aws: Sandbox, name: str, count: int) -> float:
    """Records per second with a Pipe."""
    line = Line(aws, name, count)
    role = line.role(
        "pipe",
        "pipes.amazonaws.com",
        [(READ, line.stream), (["dynamodb:ListStreams"], "*"), (["firehose:PutRecordBatch"], line.delivery_stream)],
    )
    begin = time.perf_counter()
    aws.client("pipes").create_pipe(
        Name=name,
        RoleArn=role,
        Source=line.stream,
        SourceParameters={"DynamoDBStreamParameters": {"StartingPosition": "TRIM_HORIZON", "BatchSize": BATCH}},
        Target=line.delivery_stream,
        TargetParameters={"InputTemplate": TEMPLATE},
    )
    line.until_delivered()
    taken = time.perf_counter() - begin
    aws.client("pipes").delete_pipe(Name=name)
    return count / taken


def through_a_function(aws: Sandbox, name: str, count: int) -> float:
    """Records per second with an event source mapping and a function that puts one record at a time."""
    line = Line(aws, name, count)
    role = line.role(
        "function",
        "lambda.amazonaws.com",
        [(READ, line.stream), (["dynamodb:ListStreams"], "*"), (["firehose:PutRecord"], line.delivery_stream)],
    )
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("handler.py", HANDLER)
    functions = aws.client("lambda")
    functions.create_function(
        FunctionName=name,
        Role=role,
        Runtime="python3.13",
        Handler="handler.handle",
        Timeout=900,
        Environment={"Variables": {"STREAM": name}},
        Code={"ZipFile": content.getvalue()},
    )
    begin = time.perf_counter()
    mapping = functions.create_event_source_mapping(
        FunctionName=name, EventSourceArn=line.stream, StartingPosition="TRIM_HORIZON", BatchSize=BATCH
    )
    line.until_delivered()
    taken = time.perf_counter() - begin
    functions.delete_event_source_mapping(UUID=mapping["UUID"])
    return count / taken


def main(
    rounds: Annotated[int, typer.Option(min=1, help="How often each is measured.")] = 3,
    records: Annotated[int, typer.Option(min=1, help="Changes in the stream each time.")] = 3000,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object in the last line.")] = False,
) -> None:
    """Measure, one after the other in each round, so that a slow moment hits both."""
    rates: dict[str, list[float]] = {"pipe": [], "function": []}
    with embedded_aws(SPEED) as aws:
        for number in range(rounds):
            rates["function"].append(through_a_function(aws, f"function-{number}", records))
            rates["pipe"].append(through_a_pipe(aws, f"pipe-{number}", records))
    medians = {name: statistics.median(values) for name, values in rates.items()}
    for name, value in medians.items():
        print(f"{name:<10} {value:8.0f} records/s")
    ratios = {"seconds a record": medians["function"] / medians["pipe"]}
    rounded = {name: round(value, 1) for name, value in medians.items()}
    tell(as_json, "a function that puts one record at a time", ratios, records_a_second=rounded)


if __name__ == "__main__":
    typer.run(main)
