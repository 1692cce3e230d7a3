"""A consumer that asks the orders API about its events; the producer's log counts what reached it."""

import json
import secrets
from collections.abc import Mapping

import botocore.session
from eda_runtime.producer_client import Answer, ProducerClient, aws_iam_send
from eda_sandbox.embedded import Sandbox
from eda_sandbox.foundation.cloud import REGION, ROOT_KEY, ROOT_SECRET
from eda_sandbox.provider.deploy import Stack

from pipeline.demo.client import OrdersClient
from tests.integration.test_orders import DETAILS, accepted, until
from tests.runtime.test_consumer_cache import Clock
from tests.waiting import wait_until


def reached(aws: Sandbox, correlation_id: str) -> int:
    """How often the GET function was asked with a correlation id."""
    pages = aws.client("logs").get_paginator("filter_log_events")
    lines = [
        event["message"]
        for page in pages.paginate(logGroupName="/aws/lambda/orders-sandbox-get-order")
        for event in page["events"]
    ]
    return sum('"message":"request"' in line.replace('": "', '":"') and correlation_id in line for line in lines)


def test_an_order_is_asked_for_when_it_changed_and_sent_whole_once_a_version(
    orders: OrdersClient, aws: Sandbox, stack: Stack
) -> None:
    order_id = accepted(orders)
    until(orders, order_id, "AWAITING_DETAILS")
    session, clock = botocore.session.get_session(), Clock()
    session.set_credentials(ROOT_KEY, ROOT_SECRET)
    send = aws_iam_send(session, REGION)
    # What others ask about the order, the wait above among them, is not counted.
    consumer = f"consumer-{secrets.token_hex(6)}"
    statuses: list[int] = []

    def counted(url: str, headers: Mapping[str, str]) -> Answer:
        answer = send(url, {**headers, "X-Correlation-Id": consumer})
        statuses.append(answer.status)
        return answer

    client = ProducerClient(counted, clock)
    url = f"{stack.outputs['api_url']}/orders/{order_id}"
    first = [json.loads(client.get(url)) for _ in range(10)]
    assert {order["version"] for order in first} == {2}
    clock.pass_(60)
    assert json.loads(client.get(url))["version"] == 2
    assert statuses == [200, 304]
    assert orders.post_details(order_id, DETAILS).status == 202
    wait_until(lambda: json.loads(client.get(url, revalidate=True))["version"] == 3, "the change is seen")
    assert statuses[0] == 200
    assert statuses.count(200) == 2
    wait_until(lambda: reached(aws, consumer) == len(statuses), "all requests are in the producer's log")
