"""The external API is down for hours, throttles, answers garbage, hangs, cuts the connection: no order is lost."""

import secrets
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from botocore.credentials import Credentials
from eda_sandbox.embedded import Sandbox
from eda_sandbox.foundation.cloud import REGION, ROOT_KEY, ROOT_SECRET
from eda_sandbox.foundation.http import LoopbackServer
from eda_sandbox.provider.deploy import Stack

from pipeline.demo.client import Ledger, OrdersClient
from pipeline.demo.external_api import offers, suppliers
from pipeline.demo.run import Pipeline, count
from pipeline.redrive import Redrive
from tests.conftest import ROOT, Deploy
from tests.integration.test_orders import BODY, DETAILS
from tests.waiting import wait_until

GOOD = offers(50, 1)


class Unreliable:
    """An external API whose behaviour the test chooses; ``calls`` counts what reached it."""

    def __init__(self) -> None:
        self.mode, self.calls = "good", 0
        self.stopped = threading.Event()
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/suppliers":
                    self._send(200, suppliers())
                    return
                api.calls += 1
                match api.mode:
                    case "down":
                        self.send_error(503)
                    case "throttles":
                        self._send(429, b"", {"Retry-After": "600"})
                    case "garbage":
                        self._send(200, b"<html>" + GOOD)
                    case "cut":
                        self._send(200, GOOD[:100], {"Content-Length": str(len(GOOD))})
                    case "hangs up":
                        self.connection.close()
                    case "hangs":
                        # Longer than the function waits for a byte.
                        api.stopped.wait(5)
                    case _:
                        self._send(200, GOOD)

            def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
                self.send_response(status)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Quiet."""

        self.server = LoopbackServer(Handler)
        self.url = self.server.url


@pytest.fixture(scope="module")
def external_api() -> Iterator[Unreliable]:
    api = Unreliable()
    with api.server.running():
        yield api
        api.stopped.set()


@pytest.fixture(scope="module")
def unreliable(aws: Sandbox, deploy_here: Deploy, external_api: Unreliable) -> Stack:
    config = {
        "environment": "sandbox",
        "external_api_url": external_api.url,
        "throttling_burst_limit": 500,
        "redshift": "false",
        "quicksight": "false",
    }
    made = deploy_here(ROOT / "__main__.py", stack="outage", config=config)
    client, name = aws.client("lambda"), "orders-outage-call-external-api"
    variables = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    patient = {"Variables": {**variables, "EXTERNAL_API_READ_SECONDS": "1"}}
    client.update_function_configuration(FunctionName=name, Environment=patient)
    return made


@pytest.fixture
def fast(aws: Sandbox) -> Iterator[None]:
    """An hour in a second, in which no schedule fires: every five minutes would be twelve times a second."""
    schedule_all(aws, "DISABLED")
    before, aws.cloud.clock.speed = aws.cloud.clock.speed, 3600
    yield
    aws.cloud.clock.speed = before
    schedule_all(aws, "ENABLED")


def schedule_all(aws: Sandbox, state: str) -> None:
    scheduler = aws.client("scheduler")
    for listed in scheduler.list_schedules()["Schedules"]:
        found = scheduler.get_schedule(Name=listed["Name"], GroupName=listed["GroupName"])
        kept = ("Description", "FlexibleTimeWindow", "GroupName", "Name", "ScheduleExpression")
        timezone = {"ScheduleExpressionTimezone": found.get("ScheduleExpressionTimezone", "UTC")}
        given = {key: found[key] for key in kept if key in found}
        scheduler.update_schedule(**given, **timezone, Target=found["Target"], State=state)


class Orders:
    """A few orders with their details, and what became of them."""

    def __init__(self, aws: Sandbox, stack: Stack, number: int) -> None:
        self.pipeline = Pipeline(aws.client, stack.outputs)
        client = OrdersClient(stack.outputs["api_url"], Credentials(ROOT_KEY, ROOT_SECRET), REGION)
        self.ledger = Ledger()
        for _ in range(number):
            key = secrets.token_hex(8)
            order_id = str(client.post_order(key, BODY).body["order_id"])
            self.ledger.accepted[key] = order_id
            assert client.post_details(order_id, DETAILS).status == 202
        self.ids = set(self.ledger.accepted.values())

    def rows(self) -> list[dict[str, Any]]:
        return [row for row in self.pipeline.rows() if row["order_id"] in self.ids]

    def all_are(self, status: str) -> bool:
        return {row["status"] for row in self.rows()} == {status}

    def lost(self) -> int:
        return count(self.pipeline, self.ledger).accounting.lost


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize("mode", ["down", "throttles", "cut", "hangs up", "hangs"])
def test_an_outage_of_six_hours_delays_orders_and_loses_none(
    aws: Sandbox, external_api: Unreliable, unreliable: Stack, mode: str
) -> None:
    external_api.mode, before = mode, external_api.calls
    orders = Orders(aws, unreliable, 3)
    try:
        aws.cloud.clock.wait(6 * 3600, aws.cloud.stopping)
        assert external_api.calls > before
        assert orders.all_are("PENDING")
        assert orders.lost() == 0
    finally:
        external_api.mode = "good"
    wait_until(lambda: orders.all_are("COMPLETED"), "all orders are delivered")
    assert {row["version"] for row in orders.rows()} == {"3"}
    assert orders.lost() == 0


def test_orders_that_failed_lie_in_the_queue_with_their_reason_and_a_redrive_delivers_each_once(
    aws: Sandbox, external_api: Unreliable, unreliable: Stack
) -> None:
    # The orders wait until their details are there.
    external_api.mode = "down"
    orders = Orders(aws, unreliable, 4)
    external_api.mode = "garbage"
    try:
        wait_until(lambda: orders.all_are("FAILED"), "all orders failed")
    finally:
        external_api.mode = "good"
    assert {row["error"] for row in orders.rows()} == {'"ExternalApiRejected"'}
    wait_until(lambda: orders.ids <= set(orders.pipeline.dead_letters()), "all are in the queue")
    accounting = count(orders.pipeline, orders.ledger).accounting
    assert (accounting.in_dlq, accounting.lost) == (4, 0)

    def redrive() -> list[str]:
        outputs = unreliable.outputs
        command = Redrive(aws.client("sqs"), aws.client("dynamodb"), aws.client("stepfunctions"), outputs)
        return [done.outcome for done in command.run()]

    assert redrive() == ["started"] * 4
    wait_until(lambda: orders.all_are("COMPLETED"), "all orders are delivered")
    assert {row["version"] for row in orders.rows()} == {"5"}
    assert redrive() == []
    names = [e["name"] for e in orders.pipeline.executions() if e["name"].partition("-")[0] in orders.ids]
    assert len(names) == 8
    after = count(orders.pipeline, orders.ledger).accounting
    assert (after.written, after.in_dlq, after.lost) == (4, 0, 0)


@pytest.mark.usefixtures("fast")
def test_a_function_that_stays_at_its_limit_delays_orders_and_loses_none(aws: Sandbox, unreliable: Stack) -> None:
    client, name = aws.client("lambda"), "orders-outage-call-external-api"
    reserved = client.get_function_concurrency(FunctionName=name)["ReservedConcurrentExecutions"]
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    try:
        orders = Orders(aws, unreliable, 3)
        # The retries of the call itself end within the first hour.
        aws.cloud.clock.wait(3 * 3600, aws.cloud.stopping)
        assert orders.all_are("PENDING")
    finally:
        client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=reserved)
    wait_until(lambda: orders.all_are("COMPLETED"), "all orders are delivered")
    assert orders.lost() == 0
