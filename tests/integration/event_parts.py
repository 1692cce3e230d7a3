"""What the tests of rules and schedules need: queues that may be sent to, roles, and what arrived."""

import json
import secrets
from typing import Any

from eda_sandbox.embedded import Sandbox

from tests.waiting import wait_until


def unique(prefix: str) -> str:
    return f"{prefix}-{secrets.token_hex(4)}"


def queue(aws: Sandbox, fifo: bool = False) -> tuple[str, str]:
    """A queue without a policy: URL and ARN."""
    name = unique("q") + (".fifo" if fifo else "")
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"} if fifo else {}
    url = aws.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return url, aws.cloud.arn("sqs", name)


def allow(aws: Sandbox, url: str, queue_arn: str, source_arn: str) -> None:
    """Let EventBridge send to a queue on behalf of one rule."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": source_arn}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})


def role(aws: Sandbox, service: str, *statements: dict[str, Any], source_arn: str | None = None) -> str:
    name = unique("r")
    trust: dict[str, Any] = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
    if source_arn:
        trust["Condition"] = {"ArnEquals": {"aws:SourceArn": source_arn}}
    made = aws.client("iam").create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )
    document = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **s} for s in statements]})
    if statements:
        aws.client("iam").put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document)
    return str(made["Role"]["Arn"])


def received(aws: Sandbox, url: str, count: int) -> list[dict[str, Any]]:
    """That many messages, which are then gone from the queue."""
    found: list[dict[str, Any]] = []

    def enough() -> bool:
        batch = aws.client("sqs").receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"], MessageAttributeNames=["All"]
        )
        for message in batch.get("Messages", []):
            aws.client("sqs").delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            found.append(message)
        return len(found) >= count

    wait_until(enough, f"{count} messages are in {url}")
    assert len(found) == count, found
    return found


def bodies(aws: Sandbox, url: str, count: int) -> list[Any]:
    return [json.loads(message["Body"]) for message in received(aws, url, count)]


def waiting(aws: Sandbox, url: str) -> int:
    """How many messages a queue holds."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(number) for number in found.values())


def attributes(message: dict[str, Any]) -> dict[str, str]:
    return {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
