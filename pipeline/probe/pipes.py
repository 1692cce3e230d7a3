"""What a Pipe's input template gives: of a path that leads nowhere, and of a string with quotes in it."""

import json
from typing import Any

from pipeline.probe.asking import Asking

TEXT = 'say "hi" \\o/'
TEMPLATE = (
    '{"id": <$.dynamodb.Keys.id.S>, "text": <$.dynamodb.NewImage.text.S>, "missing": <$.dynamodb.NewImage.missing.S>}'
)


def ask(asking: Asking) -> dict[str, str]:
    """Two rows go through a Pipe to a queue; what makes no JSON goes to its dead-letter queue.

    Returns:
        The values of ``pipes-missing-path`` and ``pipes-quotes``.

    Raises:
        ProbeFailed: nothing came.
    """
    dynamodb, sqs, pipes = (asking.client(service) for service in ("dynamodb", "sqs", "pipes"))
    made = dynamodb.create_table(
        TableName=asking.name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )["TableDescription"]
    asking.undo.callback(dynamodb.delete_table, TableName=asking.name)
    url, arn = asking.queue("target")
    dead_url, dead_arn = asking.queue("dead")
    stream = made["LatestStreamArn"]
    read = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]
    role = asking.role(
        "pipes.amazonaws.com",
        [
            {"Action": read, "Resource": stream},
            {"Action": "dynamodb:ListStreams", "Resource": "*"},
            {"Action": "sqs:SendMessage", "Resource": [arn, dead_arn]},
        ],
    )

    def is_active() -> bool:
        return bool(dynamodb.describe_table(TableName=asking.name)["Table"]["TableStatus"] == "ACTIVE")

    asking.until(is_active, "the table is active")
    for id, text in (("plain", "plain"), ("quoted", TEXT)):
        dynamodb.put_item(TableName=asking.name, Item={"id": {"S": id}, "text": {"S": text}})
    asking.patiently(
        pipes.create_pipe,
        Name=asking.name,
        RoleArn=role,
        Source=stream,
        SourceParameters={
            "DynamoDBStreamParameters": {
                "StartingPosition": "TRIM_HORIZON",
                "BatchSize": 1,
                "MaximumRetryAttempts": 0,
                "DeadLetterConfig": {"Arn": dead_arn},
            }
        },
        Target=arn,
        TargetParameters={"InputTemplate": TEMPLATE},
    )
    asking.undo.callback(pipes.delete_pipe, Name=asking.name)
    came: list[dict[str, Any]] = []
    dead: list[str] = []

    def both() -> bool:
        came.extend(_rows(sqs, url))
        dead.extend(_bodies(sqs, dead_url))
        return len(came) + len(dead) >= 2

    asking.until(both, "the Pipe has sent both rows, or given them up", 600)
    plain = next((row for row in came if row.get("id") == "plain"), None)
    quoted = next((row for row in came if row.get("id") == "quoted"), None)
    found = {"pipes-quotes": "escaped" if quoted is not None and quoted.get("text") == TEXT else "verbatim"}
    if plain is not None:
        found["pipes-missing-path"] = _missing(plain)
    return found


def _missing(row: dict[str, Any]) -> str:
    if "missing" not in row:
        return "omitted"
    return {"": "empty-string", None: "null"}.get(row["missing"], f"another: {row['missing']!r}")


def _rows(sqs: Any, url: str) -> list[dict[str, Any]]:
    rows = []
    for body in _bodies(sqs, url):
        try:
            rows.append(json.loads(body))
        except ValueError:
            rows.append({"id": None, "body": body})
    return rows


def _bodies(sqs: Any, url: str) -> list[str]:
    bodies = []
    for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", []):
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        bodies.append(message["Body"])
    return bodies
