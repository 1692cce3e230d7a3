"""What the same requests cost at the sandbox, at moto's server and at ministack alone: ``python -m bench.requests``.

They are an order's, of the services that all three have: a row in DynamoDB that is put, updated on a condition and
read; a message that goes through a queue of SQS; an object of S3 that is put and read. One client sends them one after
the other. The sandbox puts its front door before ministack (identities, policies, faults), so it cannot be cheaper than
that; moto's server decides nothing about who may do what.

Prints CPU seconds of each server for an order and requests a second, and with ``--json`` one object in the last line;
the ratios are to moto's server.
"""

import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Annotated, Any

import typer

from bench.report import tell
from bench.servers import NAMES, REGION, Server, server

REQUESTS = 8
"""Of an order."""
BODY = b"x" * 2_000


def orders(found: Server) -> Callable[[str], None]:
    """What sends an order's requests."""
    dynamodb, sqs, s3 = (found.client(name) for name in ("dynamodb", "sqs", "s3"))
    dynamodb.create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    url = sqs.create_queue(QueueName="orders")["QueueUrl"]
    s3.create_bucket(Bucket="orders-bench", CreateBucketConfiguration={"LocationConstraint": REGION})

    def send(order: str) -> None:
        key = {"id": {"S": order}}
        item: dict[str, Any] = {**key, "version": {"N": "1"}, "note": {"S": "x" * 200}}
        dynamodb.put_item(TableName="orders", Item=item, ConditionExpression="attribute_not_exists(id)")
        dynamodb.update_item(
            TableName="orders",
            Key=key,
            UpdateExpression="SET version = :next",
            ConditionExpression="version = :now",
            ExpressionAttributeValues={":now": {"N": "1"}, ":next": {"N": "2"}},
        )
        assert dynamodb.get_item(TableName="orders", Key=key, ConsistentRead=True)["Item"]["version"] == {"N": "2"}
        sqs.send_message(QueueUrl=url, MessageBody=order)
        (message,) = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1)["Messages"]
        assert message["Body"] == order
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        s3.put_object(Bucket="orders-bench", Key=order, Body=BODY)
        assert s3.get_object(Bucket="orders-bench", Key=order)["Body"].read() == BODY

    return send


def main(
    rounds: Annotated[int, typer.Option(min=1, help="How often each is measured.")] = 5,
    count: Annotated[int, typer.Option("--orders", min=1, help="Orders in a round.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object in the last line.")] = False,
) -> None:
    """Measure, one after the other in each round, so that a slow moment hits all of them."""
    cpu: dict[str, list[float]] = {name: [] for name in NAMES}
    rates: dict[str, list[float]] = {name: [] for name in NAMES}
    with ExitStack() as stack:
        running = [stack.enter_context(server(name)) for name in NAMES]
        sending = {found: orders(found) for found in running}
        for found, send in sending.items():
            send(f"warming-{found.name}")
        for round in range(rounds):
            for found, send in sending.items():
                before, begin = found.cpu_seconds(), time.perf_counter()
                for number in range(count):
                    send(f"{round}-{number}")
                rates[found.name].append(count * REQUESTS / (time.perf_counter() - begin))
                cpu[found.name].append((found.cpu_seconds() - before) / count)
    seconds = {name: statistics.median(each) for name, each in cpu.items()}
    rate = {name: statistics.median(each) for name, each in rates.items()}
    for name in NAMES:
        print(f"{name:<10} {1000 * seconds[name]:7.1f} ms of CPU an order {rate[name]:7.0f} requests/s")
    ratios = {f"CPU an order, {name}": seconds[name] / seconds["moto"] for name in NAMES}
    ratios |= {f"seconds a request, {name}": rate["moto"] / rate[name] for name in NAMES}
    tell(as_json, "moto's server", ratios, cpu_seconds_an_order=seconds, requests_a_second=rate)


if __name__ == "__main__":
    typer.run(main)
