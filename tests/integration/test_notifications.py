"""Other systems are told of each change of an order once: through the outbox, the queue and the function, counted."""

import json
import secrets
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from eda_sandbox.embedded import Sandbox
from eda_sandbox.foundation.cloud import REGION, ROOT_KEY, ROOT_SECRET
from eda_sandbox.foundation.http import LoopbackServer
from eda_sandbox.frontdoor.faults import Fault, FaultKind
from eda_sandbox.provider.deploy import Stack
from typer.testing import CliRunner

from pipeline.__main__ import app
from pipeline.demo.client import OrdersClient
from pipeline.demo.external_api import ExternalApi
from tests.conftest import ROOT, Deploy
from tests.integration.test_orders import DETAILS, accepted, until
from tests.waiting import wait_until

PROGRAM = f"""
import pulumi, pulumi_aws as aws
from pulumi_aws_eda import IdempotentLambda, TableOutbox, archives
orders = aws.dynamodb.Table("orders", hash_key="order_id", billing_mode="PAY_PER_REQUEST",
    attributes=[{{"name": "order_id", "type": "S"}}], stream_enabled=True, stream_view_type="NEW_AND_OLD_IMAGES")
notify = IdempotentLambda("notify", {{
    "code": archives.directory_archive({str(ROOT / "functions" / "notify_order")!r}),
    "timeout": 4, "memory_size": 256,
    "environment": {{"NOTIFICATION_URL": pulumi.Config().require("url")}},
    "queue_source": {{"max_receive_count": 2}},
    "idempotency": {{"token": "EVENT", "key_jmespath": "powertools_json(body).event_id"}},
}})
outbox = TableOutbox("outbox", {{
    "table_stream_source": {{
        "stream_arn": orders.stream_arn, "key": "order_id",
        "attributes": ["status", "event_id", "correlation_id", "traceparent", "updated_at"],
        "maximum_batching_window_in_seconds": 1, "maximum_retry_attempts": 1}},
    "queue_arn": notify.queue_arn.apply(str),
    "dead_letter_queue_arn": notify.dead_letter_queue_arn.apply(str),
}})
pulumi.export("orders_table_name", orders.name)
pulumi.export("notifications_queue_url", notify.queue_url)
pulumi.export("notifications_dlq_arn", notify.dead_letter_queue_arn)
"""


class Receiver:
    """Another system: it counts an event once, by its ``Idempotency-Key``, and how often it was told."""

    def __init__(self) -> None:
        self.told: Counter[str] = Counter()
        self.effects: set[str] = set()
        self.slow: set[str] = set()
        self.broken: set[str] = set()
        self.stopped = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                assert self.headers["Idempotency-Key"] == f'"{event["id"]}"'
                receiver.told[event["id"]] += 1
                broken = event["id"] in receiver.broken
                if not broken:
                    receiver.effects.add(self.headers["Idempotency-Key"])
                if event["id"] in receiver.slow and receiver.told[event["id"]] == 1:
                    # The effect is done; the answer comes when the function has long been ended.
                    receiver.stopped.wait(6)
                self.send_response(500 if broken else 204)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Quiet."""

        self.server = LoopbackServer(Handler)
        self.url = self.server.url


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    with made.server.running():
        yield made
        made.stopped.set()


@pytest.fixture(scope="module")
def notifying(aws: Sandbox, deploy_here: Deploy, receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    folder = tmp_path_factory.mktemp("notifying")
    (folder / "Pulumi.yaml").write_text("name: notifying\nruntime: python\n")
    (folder / "__main__.py").write_text(PROGRAM)
    made = deploy_here(folder / "__main__.py", "test", config={"url": receiver.url})
    queue = made.outputs["notifications_queue_url"]
    attributes = aws.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["VisibilityTimeout"])
    assert attributes["Attributes"]["VisibilityTimeout"] == "24"
    # SQS's time is not scaled: a message comes back soon after the function's time is over.
    aws.client("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "7"})
    return made


def write(aws: Sandbox, stack: Stack, order_id: str, version: int = 1) -> str:
    event_id = f"{order_id}:{version}"
    texts = {"order_id": order_id, "status": "PENDING", "event_id": event_id, "correlation_id": order_id}
    texts |= {"traceparent": "", "updated_at": "2026-05-01T12:00:00Z"}
    item: dict[str, Any] = {name: {"S": value} for name, value in texts.items()}
    table = stack.outputs["orders_table_name"]
    aws.client("dynamodb").put_item(TableName=table, Item={**item, "version": {"N": str(version)}})
    return event_id


def unique() -> str:
    return f"o-{secrets.token_hex(6)}"


def dead_letters(aws: Sandbox, stack: Stack) -> str:
    name = stack.outputs["notifications_dlq_arn"].rpartition(":")[2]
    return str(aws.client("sqs").get_queue_url(QueueName=name)["QueueUrl"])


def waiting(aws: Sandbox, url: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(value) for value in found.values())


def redrive(aws: Sandbox, stack: Stack) -> list[str]:
    environment = {"AWS_ACCESS_KEY_ID": ROOT_KEY, "AWS_SECRET_ACCESS_KEY": ROOT_SECRET, "AWS_DEFAULT_REGION": REGION}
    command = ["redrive-notifications", "--outputs", "-", "--endpoint-url", aws.cloud.endpoint]
    done = CliRunner().invoke(app, command, input=json.dumps(stack.outputs), env=environment)
    assert done.exit_code == 0, done.output
    return done.output.splitlines()


def test_an_order_of_the_pipeline_is_told_at_each_version_once(orders: OrdersClient, external: ExternalApi) -> None:
    order_id = accepted(orders)
    assert orders.post_details(order_id, DETAILS).status == 202
    until(orders, order_id, "COMPLETED")
    expected = {f"{order_id}:{version}": 1 for version in (1, 2, 3)}

    def told() -> dict[str, int]:
        return {id: count for id, count in external.notified.items() if id.startswith(order_id)}

    wait_until(lambda: len(told()) == 3, "all versions are told")
    assert told() == expected


def test_a_message_that_comes_again_is_not_told_again(aws: Sandbox, notifying: Stack, receiver: Receiver) -> None:
    event_id = write(aws, notifying, order_id := unique())
    wait_until(lambda: receiver.told[event_id] == 1, "it is told")
    # The same message, as after a failure between Lambda and SQS: the record knows it.
    again = {
        "order_id": order_id,
        "event_id": event_id,
        "status": "PENDING",
        "version": "1",
        "correlation_id": order_id,
        "traceparent": "",
        "updated_at": "2026-05-01T12:00:00Z",
    }
    queue = notifying.outputs["notifications_queue_url"]
    for _ in range(5):
        aws.client("sqs").send_message(QueueUrl=queue, MessageBody=json.dumps(again))
    wait_until(lambda: waiting(aws, queue) == 0, "the repeats are worked off")
    assert receiver.told[event_id] == 1
    assert waiting(aws, dead_letters(aws, notifying)) == 0


def test_a_message_that_comes_again_after_the_consumers_time_out_has_one_effect(
    aws: Sandbox, notifying: Stack, receiver: Receiver
) -> None:
    order_id = unique()
    receiver.slow.add(f"{order_id}:1")
    event_id = write(aws, notifying, order_id)
    wait_until(lambda: receiver.told[event_id] == 2, "it is told again after the visibility time-out")
    queue = notifying.outputs["notifications_queue_url"]
    wait_until(lambda: waiting(aws, queue) == 0, "the message is gone")
    assert receiver.told[event_id] == 2
    assert [effect for effect in receiver.effects if order_id in effect] == [f'"{event_id}"']
    assert waiting(aws, dead_letters(aws, notifying)) == 0


def test_a_poison_message_stops_no_neighbour_and_is_redriven(
    aws: Sandbox, notifying: Stack, receiver: Receiver
) -> None:
    poison = unique()
    receiver.broken.add(f"{poison}:1")
    ids = [write(aws, notifying, order_id) for order_id in (unique(), poison, unique())]
    dlq = dead_letters(aws, notifying)
    wait_until(lambda: waiting(aws, dlq) == 1, "the poison is in the dead-letter queue")
    wait_until(lambda: [receiver.told[id] for id in (ids[0], ids[2])] == [1, 1], "its neighbours are told")
    assert receiver.told[f"{poison}:1"] == 2
    receiver.broken.clear()
    assert redrive(aws, notifying)[0] == f"{poison}:1: sent again"
    wait_until(lambda: f'"{poison}:1"' in receiver.effects, "it is told at last")
    assert receiver.told[f"{poison}:1"] == 3
    assert waiting(aws, dlq) == 0
    assert redrive(aws, notifying) == ["0 messages handled, 0 notifications sent, 0 messages still in the queue"]


def test_changes_that_the_pipe_could_not_send_are_redriven_from_the_stream(
    aws: Sandbox, notifying: Stack, receiver: Receiver
) -> None:
    dlq = dead_letters(aws, notifying)
    before = waiting(aws, dlq)
    aws.faults.add(Fault(FaultKind.ERROR, "sqs", "SendMessageBatch"))
    ids = [write(aws, notifying, unique()) for _ in range(3)]
    wait_until(lambda: waiting(aws, dlq) == before + 3, "all are pointed to")
    aws.faults.clear()
    done = redrive(aws, notifying)
    assert [line.rpartition(": ")[2] for line in done[:-1]] == ["read from the stream"] * 3
    wait_until(lambda: all(receiver.told[id] == 1 for id in ids), "all are told")
