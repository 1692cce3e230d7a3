"""Orders that no execution brings on: stopped from outside, accepted and never started, or never answered."""

import json
import secrets
from datetime import UTC, datetime
from typing import Any

import pytest
from eda_sandbox import Fault, FaultKind
from eda_sandbox.embedded import Sandbox
from eda_sandbox.foundation.http import HttpRequest
from eda_sandbox.provider.deploy import Stack

from pipeline.demo.client import OrdersClient
from pipeline.demo.run import Pipeline
from pipeline.redrive import Redrive
from tests.integration.test_orders import BODY, DETAILS, accepted, executions, key, row, until
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("hurried")


def reconcile(aws: Sandbox, stack: Stack, **event: int) -> dict[str, int]:
    """A run of the reconciler over rows of every age."""
    answer = aws.client("lambda").invoke(
        FunctionName=stack.outputs["workflow_reconciler_function_name"],
        Payload=json.dumps({"grace_seconds": 0, **event}).encode(),
    )
    said: dict[str, int] = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, said
    return said


def redrive(aws: Sandbox, stack: Stack) -> dict[str, str]:
    command = Redrive(aws.client("sqs"), aws.client("dynamodb"), aws.client("stepfunctions"), stack.outputs)
    return {done.order_id: done.outcome for done in command.run()}


def put(aws: Sandbox, stack: Stack, **attributes: dict[str, str]) -> str:
    """A row as admission writes it, with what a test adds."""
    order_id = secrets.token_hex(32)
    texts = {
        "order_id": order_id,
        "tenant": aws.cloud.account,
        "status": "ADMITTED",
        "open": "open",
        "correlation_id": order_id,
        "causation_id": "request",
        "event_id": f"{order_id}:1",
        "traceparent": "",
        "schema_version": "1",
        "occurred_at": "2026-01-01T00:00:00.000Z",
        "created_at": "2026-01-01T00:00:00.000Z",
        "updated_at": "2026-01-01T00:00:00.000Z",
        "payload": json.dumps(BODY),
        "payload_sha256": "0" * 64,
    }
    item: dict[str, Any] = {name: {"S": text} for name, text in texts.items()}
    aws.client("dynamodb").put_item(TableName=stack.outputs["orders_table_name"], Item={**item, **attributes})
    return order_id


def test_an_execution_that_is_stopped_is_a_failed_order_that_a_redrive_delivers_once(
    orders: OrdersClient, aws: Sandbox, stack: Stack
) -> None:
    order_id = accepted(orders)
    until(orders, order_id, "AWAITING_DETAILS")
    [execution] = executions(aws, stack, order_id)
    aws.client("stepfunctions").stop_execution(executionArn=execution["executionArn"], error="Operator")
    failed = until(orders, order_id, "FAILED")
    assert failed["error"] == "Operator"
    pipeline = Pipeline(aws.client, stack.outputs)
    wait_until(lambda: order_id in pipeline.dead_letters(), "its message is in the queue")
    assert orders.post_details(order_id, DETAILS).status == 409
    assert redrive(aws, stack)[order_id] == "started"
    until(orders, order_id, "AWAITING_DETAILS")
    assert orders.post_details(order_id, DETAILS).status == 202
    assert until(orders, order_id, "COMPLETED")["version"] == 6
    assert "open" not in row(aws, stack, order_id)
    assert order_id not in pipeline.dead_letters()


def test_a_row_that_was_accepted_and_has_no_execution_is_given_one(
    orders: OrdersClient, aws: Sandbox, stack: Stack
) -> None:
    order_id = put(aws, stack, status={"S": "PENDING"}, version={"N": "1"})
    assert reconcile(aws, stack)["started"] >= 1
    until(orders, order_id, "AWAITING_DETAILS")
    assert orders.post_details(order_id, DETAILS).status == 202
    until(orders, order_id, "COMPLETED")


def test_what_nobody_was_told_is_shown_to_nobody_and_goes(orders: OrdersClient, aws: Sandbox, stack: Stack) -> None:
    # Just now: what nobody was told for a day, the schedule's own run takes away.
    now = {"S": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}.000Z"}
    order_id = put(aws, stack, occurred_at=now, created_at=now, updated_at=now)
    assert orders.get_order(order_id).status == 404
    assert orders.post_details(order_id, DETAILS).status == 404
    assert reconcile(aws, stack, unanswered_seconds=86_400 * 365 * 10).get("withdrawn", 0) == 0
    assert reconcile(aws, stack, unanswered_seconds=0)["withdrawn"] >= 1
    assert row(aws, stack, order_id) == {}


def test_a_post_that_is_answered_503_and_never_repeated_leaves_nothing(
    orders: OrdersClient, aws: Sandbox, stack: Stack
) -> None:
    name = key()
    aws.faults.add(Fault(FaultKind.ERROR, "stepfunctions", "StartExecution", code="ThrottlingException"))
    try:
        assert orders.post_order(name, BODY).status == 503
    finally:
        aws.faults.clear()
    table = aws.client("dynamodb").scan(TableName=stack.outputs["orders_table_name"])["Items"]
    [order_id] = [item["order_id"]["S"] for item in table if item["status"]["S"] == "ADMITTED"]
    assert orders.get_order(order_id).status == 404
    again = orders.post_order(name, BODY)
    assert (again.status, again.body["order_id"]) == (202, order_id)
    assert orders.get_order(order_id).status == 200
    assert len(executions(aws, stack, order_id)) == 1


def test_a_post_of_which_nobody_can_say_whether_it_is_accepted_is_504(
    orders: OrdersClient, aws: Sandbox, stack: Stack
) -> None:
    name, table = key(), stack.outputs["orders_table_name"].encode()
    accepting = {"matching": lambda request: table in request.body and b":first" in request.body}
    aws.faults.add(Fault(FaultKind.LOST_ANSWER, "dynamodb", "UpdateItem", **accepting))
    aws.faults.add(Fault(FaultKind.UNAVAILABLE, "dynamodb", "GetItem", matching=lambda request: table in request.body))
    try:
        answer = orders.post_order(name, BODY)
    finally:
        aws.faults.clear()
    assert (answer.status, answer.body["status"], answer.headers["retry-after"]) == (504, 504, "2")
    assert answer.headers["content-type"] == "application/problem+json"
    assert name in orders.unanswered
    again = orders.post_order(name, BODY)
    assert again.status == 202
    assert len(executions(aws, stack, str(again.body["order_id"]))) == 1


@pytest.mark.parametrize(("operation", "status"), [("PutItem", 202), ("GetItem", 504)])
def test_a_request_that_comes_twice_is_not_said_to_have_done_nothing(
    orders: OrdersClient, aws: Sandbox, stack: Stack, operation: str, status: int
) -> None:
    name, table = key(), stack.outputs["orders_table_name"].encode()
    seen: list[bytes] = []

    def second(request: HttpRequest) -> bool:
        """The second request finds the table away; the first one reads nothing, and writes once."""
        if table in request.body:
            seen.append(request.body)
        return table in request.body and (operation == "GetItem" or len(seen) > 1)

    aws.faults.add(Fault(FaultKind.DUPLICATE, "stepfunctions", "StartSyncExecution", times=1))
    aws.faults.add(Fault(FaultKind.UNAVAILABLE, "dynamodb", operation, matching=second))
    try:
        answer = orders.post_order(name, BODY)
    finally:
        aws.faults.clear()
    assert answer.status == status
    again = orders.post_order(name, BODY)
    assert again.status == 202
    assert len(executions(aws, stack, str(again.body["order_id"]))) == 1


@pytest.mark.parametrize("code", ["ProvisionedThroughputExceededException", "InternalServerError"])
def test_a_table_that_is_away_for_the_workflows_patience_loses_no_order(
    orders: OrdersClient, aws: Sandbox, stack: Stack, code: str
) -> None:
    order_id = accepted(orders)
    until(orders, order_id, "AWAITING_DETAILS")
    fault = Fault(FaultKind.ERROR, "dynamodb", "UpdateItem", code=code, status=400 if "Exception" in code else 500)
    table = stack.outputs["orders_table_name"].encode()
    aws.faults.add(Fault(**{**vars(fault), "matching": lambda request: table in request.body}))
    pipeline = Pipeline(aws.client, stack.outputs)
    try:
        assert orders.post_details(order_id, DETAILS).status == 202
        wait_until(lambda: order_id in pipeline.dead_letters(), "its message is in the queue")
        assert orders.get_order(order_id).body["status"] == "AWAITING_DETAILS"
    finally:
        aws.faults.clear()
    [execution] = executions(aws, stack, order_id)
    described = aws.client("stepfunctions").describe_execution
    wait_until(lambda: described(executionArn=execution["executionArn"])["status"] == "FAILED", "it has ended")
    assert redrive(aws, stack)[order_id] == "started"
    assert until(orders, order_id, "COMPLETED")["details"] == DETAILS
