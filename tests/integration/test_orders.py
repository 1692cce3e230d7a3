"""Real orders through the deployed pipeline; each test counts the effects."""

import json
import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urljoin

import pytest
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from eda_sandbox.embedded import Sandbox
from eda_sandbox.foundation.cloud import REGION, ROOT_KEY, ROOT_SECRET
from eda_sandbox.frontdoor.faults import Fault, FaultKind
from eda_sandbox.provider.deploy import Stack

from pipeline import documents, workload
from pipeline.demo.client import Answer, OrdersClient
from pipeline.demo.external_api import LONG_SKU, TERMS, ExternalApi
from tests.waiting import wait_until

BODY: dict[str, object] = {"customer": "c-1", "sku": "SKU-0001", "quantity": 2}
DETAILS: dict[str, object] = {"address": "Lindenstrasse 1, Berlin", "delivery_date": "2027-01-15"}


def key() -> str:
    return f"test-{secrets.token_hex(8)}"


def until(orders: OrdersClient, order_id: str, status: str) -> dict[str, Any]:
    last: Answer | None = None

    def reached() -> dict[str, Any] | None:
        nonlocal last
        last = orders.get_order(order_id)
        return last.body if last.status == 200 and last.body["status"] == status else None

    found = wait_until(reached, lambda: f"{order_id} is {status}; it is {last and (last.status, last.body)}")
    assert found is not None
    return found


def executions(aws: Sandbox, stack: Stack, order_id: str) -> list[dict[str, Any]]:
    pages = aws.client("stepfunctions").get_paginator("list_executions")
    found = [e for page in pages.paginate(stateMachineArn=stack.outputs["workflow_arn"]) for e in page["executions"]]
    return [e for e in found if e["name"] == order_id]


def row(aws: Sandbox, stack: Stack, order_id: str) -> dict[str, str]:
    table = stack.outputs["orders_table_name"]
    item = aws.client("dynamodb").get_item(TableName=table, Key={"order_id": {"S": order_id}}).get("Item", {})
    return {name: next(iter(value.values())) for name, value in item.items()}


def accepted(orders: OrdersClient, body: dict[str, object] = BODY) -> str:
    answer = orders.post_order(key(), body)
    assert answer.status == 202, answer
    return str(answer.body["order_id"])


def get(url: str) -> int:
    """The status of a signed GET of a URL, wherever it leads."""
    request = AWSRequest("GET", url)
    SigV4Auth(Credentials(ROOT_KEY, ROOT_SECRET), "execute-api", REGION).add_auth(request)
    return urllib3.request("GET", url, headers=dict(request.headers), retries=False, timeout=30).status


def test_a_clients_request_that_comes_twice_is_one_order_and_is_remembered(
    orders: OrdersClient, aws: Sandbox, stack: Stack
) -> None:
    key = secrets.token_hex(16)
    mine = Fault(
        FaultKind.DUPLICATE,
        "execute-api",
        "POST *",
        times=1,
        matching=lambda request: request.header("idempotency-key") == key,
    )
    aws.faults.add(mine)
    answer = orders.post_order(key, BODY)
    assert answer.status == 202
    assert len(executions(aws, stack, str(answer.body["order_id"]))) == 1
    assert [request.header("idempotency-key") for request in aws.faults.unheard] == [key]


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("base", ["", "https://api.example.com", "https://api.example.com/shop"])
def test_references_lead_to_the_order_from_wherever_the_client_is(
    orders: OrdersClient, stack: Stack, base: str, slash: str
) -> None:
    stage = str(stack.outputs["api_url"]).rstrip("/")
    # A custom domain maps its base path to the stage: what is below it is the same.
    base = base or stage
    made = orders.send("POST", f"/orders{slash}", BODY, {"Idempotency-Key": key()})
    asked = f"{base}/orders{slash}"
    order = f"{base}/orders/{made.body['order_id']}"
    assert urljoin(asked, made.headers["location"]) == order
    assert urljoin(asked, made.body["links"]["self"]) == order
    detailed = orders.send("POST", f"/orders/{made.body['order_id']}/details{slash}", DETAILS, {})
    assert urljoin(f"{order}/details{slash}", detailed.headers["location"]) == order
    assert get(order.replace(base, stage)) == 200


def test_an_order_runs_from_the_post_to_the_get(orders: OrdersClient, aws: Sandbox, stack: Stack) -> None:
    answer = orders.post_order(key(), BODY)
    assert answer.status == 202
    order_id = answer.body["order_id"]
    waiting = until(orders, order_id, "AWAITING_DETAILS")
    assert waiting["result"]["offers_seen"] == 2_000
    assert len(waiting["result"]["best_offers"]) <= 3
    assert {row["name"] for row in waiting["result"]["suppliers"].values()} == {
        f"{offer['supplier']} GmbH" for offer in waiting["result"]["best_offers"]
    }
    assert orders.post_details(order_id, DETAILS).status == 202
    done = until(orders, order_id, "COMPLETED")
    assert (done["version"], done["details"], done["correlation_id"]) == (3, DETAILS, order_id)
    stored = row(aws, stack, order_id)
    assert stored["event_id"] == f"{order_id}:3"
    assert stored["tenant"] == aws.cloud.account


def test_a_repeated_post_is_one_order_while_it_runs_and_after_it_closed(
    orders: OrdersClient, aws: Sandbox, stack: Stack
) -> None:
    name = key()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: orders.post_order(name, BODY), range(16)))
    assert {a.status for a in answers} == {202}
    assert len({json.dumps(a.body) for a in answers}) == 1
    order_id = answers[0].body["order_id"]
    assert orders.post_details(order_id, DETAILS).status == 202
    before = until(orders, order_id, "COMPLETED")
    again = orders.post_order(f'"{name}"', BODY)
    assert (again.status, again.body) == (202, answers[0].body)
    assert len(executions(aws, stack, order_id)) == 1
    assert until(orders, order_id, "COMPLETED") == before


def test_a_reused_key_with_another_payload_is_refused_without_effect(
    orders: OrdersClient, aws: Sandbox, stack: Stack
) -> None:
    name = key()
    order_id = orders.post_order(name, BODY).body["order_id"]
    refused = orders.post_order(name, {**BODY, "quantity": 3})
    assert refused.status == 422
    assert refused.headers["content-type"] == "application/problem+json"
    assert json.loads(row(aws, stack, order_id)["payload"]) == BODY
    assert len(executions(aws, stack, order_id)) == 1


def test_details_may_come_before_the_workflow_waits(orders: OrdersClient) -> None:
    order_id = accepted(orders)
    assert orders.post_details(order_id, DETAILS).status == 202
    assert until(orders, order_id, "COMPLETED")["details"] == DETAILS


def test_details_sent_at_once_and_twice_count_once(orders: OrdersClient) -> None:
    order_id = accepted(orders)
    until(orders, order_id, "AWAITING_DETAILS")
    barrier = threading.Barrier(4)

    def send(_: int) -> Answer:
        barrier.wait()
        return orders.post_details(order_id, DETAILS)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(send, range(4)))
    assert {a.status for a in answers} == {202}
    assert until(orders, order_id, "COMPLETED")["version"] == 3
    assert orders.post_details(order_id, DETAILS).status == 202
    assert orders.post_details(order_id, {**DETAILS, "address": "elsewhere"}).status == 409


def test_details_for_an_order_that_was_never_accepted_are_not_found(orders: OrdersClient) -> None:
    assert orders.post_details("0" * 64, DETAILS).status == 404
    assert orders.get_order("0" * 64).status == 404
    assert orders.get_order("no-order-id").status == 404


def test_another_tenant_sees_nothing_and_its_keys_do_not_collide(
    orders: OrdersClient, aws: Sandbox, stack: Stack
) -> None:
    iam, api = aws.client("iam"), stack.outputs["api_url"].split("/_aws/execute-api/")[1].split("/")[0]
    trust = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"AWS": f"arn:aws:iam::{aws.cloud.account}:root"},
    }
    role = f"tenant-{secrets.token_hex(4)}"
    made = iam.create_role(
        RoleName=role, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )["Role"]
    allow = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": f"{aws.cloud.arn('execute-api', api)}/*"}
    iam.put_role_policy(
        RoleName=role, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    )
    issued = aws.client("sts").assume_role(RoleArn=made["Arn"], RoleSessionName="session")["Credentials"]
    credentials = Credentials(issued["AccessKeyId"], issued["SecretAccessKey"], issued["SessionToken"])
    other = OrdersClient(stack.outputs["api_url"], credentials, REGION)
    name = key()
    mine, theirs = orders.post_order(name, BODY), other.post_order(name, BODY)
    assert (mine.status, theirs.status) == (202, 202)
    assert mine.body["order_id"] != theirs.body["order_id"]
    assert orders.get_order(theirs.body["order_id"]).status == 404
    assert orders.post_details(theirs.body["order_id"], DETAILS).status == 404
    assert other.get_order(theirs.body["order_id"]).status == 200
    assert row(aws, stack, theirs.body["order_id"])["tenant"] == f"{aws.cloud.account}:{role}"


def test_nobody_gets_in_without_valid_credentials(stack: Stack) -> None:
    stranger = OrdersClient(stack.outputs["api_url"], Credentials("AKIAIOSFODNN7EXAMPLE", "wrong"), REGION)
    nobody = OrdersClient(stack.outputs["api_url"], Credentials("test", "not-the-secret"), REGION)
    answers = [
        call
        for client in (stranger, nobody)
        for call in (
            client.get_order("0" * 64),
            client.post_order(key(), BODY),
            client.post_details("0" * 64, DETAILS),
        )
    ]
    for answer in answers:
        assert answer.status == 403
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({**BODY, "quantity": "2"}, 400),
        ({**BODY, "unknown": 1}, 400),
        ({**BODY, "sku": "x" * 65}, 400),
        ({**BODY, "note": "x" * 2000}, 202),
        ({**BODY, "note": 'o\'neil "quoted" \\ / $input {} äöü 💡\n'}, 202),
    ],
)
def test_bodies_are_checked_before_anything_happens(
    orders: OrdersClient, aws: Sandbox, stack: Stack, body: dict[str, object], status: int
) -> None:
    answer = orders.post_order(key(), body)
    assert answer.status == status
    if status == 202:
        assert json.loads(row(aws, stack, answer.body["order_id"])["payload"]) == body


@pytest.mark.parametrize("name", ["", " ", '""', "k" * 256])
def test_a_key_without_or_with_too_many_characters_is_refused(orders: OrdersClient, name: str) -> None:
    answer = orders.post_order(name, BODY)
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_correlation_id_of_the_caller_is_kept(orders: OrdersClient, aws: Sandbox, stack: Stack) -> None:
    sent = {"Idempotency-Key": key(), "X-Correlation-Id": "my-'own'-id"}
    answer = orders.send("POST", "/orders", BODY, sent)
    assert answer.status == 202
    assert row(aws, stack, answer.body["order_id"])["correlation_id"] == "my-'own'-id"


def test_a_get_with_the_orders_entity_tag_is_not_modified(orders: OrdersClient) -> None:
    order_id = accepted(orders)
    until(orders, order_id, "AWAITING_DETAILS")
    first = orders.get_order(order_id)
    assert first.headers["cache-control"].startswith("private")
    assert orders.get_order(order_id, first.headers["etag"]).status == 304
    assert orders.get_order(order_id, '"other"').status == 200


def test_a_result_that_is_too_long_for_the_state_is_answered_whole(
    orders: OrdersClient, aws: Sandbox, stack: Stack
) -> None:
    order_id = accepted(orders, {**BODY, "sku": LONG_SKU, "quantity": 1})
    assert orders.post_details(order_id, DETAILS).status == 202
    done = until(orders, order_id, "COMPLETED")
    assert {offer["terms"] for offer in done["result"]["best_offers"]} == {TERMS}
    assert done["result"]["offers_seen"] == 2_000
    stored = json.loads(row(aws, stack, order_id)["result"])
    claim = stored["claim_check"]
    assert claim["bytes"] > 16_000
    (execution,) = executions(aws, stack, order_id)
    history = aws.client("stepfunctions").get_execution_history(executionArn=execution["executionArn"])
    assert TERMS[:40] not in json.dumps(history["events"], default=str, ensure_ascii=False)
    fresh = orders.get_order(order_id).headers["etag"]
    assert orders.get_order(order_id, fresh).status == 304
    aws.client("s3").delete_object(Bucket=claim["bucket"], Key=claim["key"])
    late = orders.get_order(order_id)
    assert (late.status, late.body["result_expired"], "result" in late.body) == (200, True, False)
    assert late.headers["etag"] != fresh


def test_an_execution_enters_as_many_states_as_capacity_counts(
    orders: OrdersClient, aws: Sandbox, stack: Stack
) -> None:
    order_id = accepted(orders)
    assert orders.post_details(order_id, DETAILS).status == 202
    until(orders, order_id, "COMPLETED")
    (execution,) = executions(aws, stack, order_id)
    pages = aws.client("stepfunctions").get_paginator("get_execution_history")
    events = [
        event
        for page in pages.paginate(executionArn=execution["executionArn"])
        for event in page["events"]
        if event["type"].endswith("StateEntered")
    ]
    assert len(events) == workload.order(documents.recording("sandbox")).transitions


def test_an_outage_of_the_external_api_delays_orders_and_loses_none(
    orders: OrdersClient, external: ExternalApi
) -> None:
    external.available = False
    try:
        refused = external.refused
        order_id = accepted(orders)
        assert orders.post_details(order_id, DETAILS).status == 202
        wait_until(lambda: external.refused > refused, "the external API was called in its outage")
    finally:
        external.available = True
    assert until(orders, order_id, "COMPLETED")["details"] == DETAILS


def test_log_lines_carry_the_correlation_id_and_no_payload(orders: OrdersClient, aws: Sandbox, stack: Stack) -> None:
    order_id = accepted(orders)
    assert orders.post_details(order_id, {**DETAILS, "address": "a secret place"}).status == 202
    until(orders, order_id, "COMPLETED")
    logs = aws.client("logs")

    def lines() -> list[str]:
        groups = [
            group["logGroupName"] for group in logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/")["logGroups"]
        ]
        pages = [
            page for name in groups for page in logs.get_paginator("filter_log_events").paginate(logGroupName=name)
        ]
        return [event["message"] for page in pages for event in page["events"]]

    def mine(written: list[str]) -> list[dict[str, Any]]:
        return [json.loads(line) for line in written if order_id in line and '"level"' in line]

    # Each function's lines come in their own time.
    expected = {"external call", "token stored", "details", "request"}
    wait_until(lambda: {line["message"] for line in mine(lines())} >= expected, "the lines are there")
    written = lines()
    assert {line["correlation_id"] for line in mine(written)} == {order_id}
    assert not [line for line in written if "a secret place" in line]
