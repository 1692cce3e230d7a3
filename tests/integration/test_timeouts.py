"""Orders whose details never come, or come just when the wait ends: a stack that waits a (scaled) minute."""

import json
import secrets
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.credentials import Credentials
from eda_sandbox.embedded import Sandbox
from eda_sandbox.foundation.cloud import REGION, ROOT_KEY, ROOT_SECRET
from eda_sandbox.provider.deploy import Stack

from pipeline.demo.client import OrdersClient
from pipeline.demo.external_api import ExternalApi
from pipeline.demo.run import Pipeline
from tests.conftest import ROOT, SPEED, Deploy
from tests.integration.test_orders import BODY, DETAILS, executions, until
from tests.waiting import wait_until

WAIT_SECONDS = 160


@pytest.fixture(scope="module")
def impatient(deploy_here: Deploy, external: ExternalApi) -> Stack:
    """The pipeline with a short wait: eight real seconds."""
    config = {
        "environment": "sandbox",
        "external_api_url": external.url,
        "details_timeout_seconds": WAIT_SECONDS,
        "throttling_rate_limit": 500,
        "throttling_burst_limit": 500,
        "redshift": "false",
        "quicksight": "false",
    }
    return deploy_here(ROOT / "__main__.py", stack="impatient", config=config)


@pytest.fixture(scope="module")
def client(impatient: Stack) -> OrdersClient:
    return OrdersClient(impatient.outputs["api_url"], Credentials(ROOT_KEY, ROOT_SECRET), REGION)


def test_an_order_without_details_fails_is_in_the_queue_and_takes_none_afterwards(
    aws: Sandbox, impatient: Stack, client: OrdersClient
) -> None:
    key = secrets.token_hex(8)
    first = client.post_order(key, BODY)
    order_id = first.body["order_id"]
    failed = until(client, order_id, "FAILED")
    assert (failed["error"], failed["version"]) == ("States.Timeout", 3)
    wait_until(lambda: executions(aws, impatient, order_id)[0]["status"] == "FAILED", "the execution failed")
    assert Pipeline(aws.client, impatient.outputs).dead_letters() == [order_id]
    late = client.post_details(order_id, DETAILS)
    assert late.status == 409
    assert "no longer waits" in late.body["detail"]
    # A repeat of the request is still the same order: accepted once, failed once.
    again = client.post_order(key, BODY)
    assert (again.status, again.body) == (202, first.body)
    assert len(executions(aws, impatient, order_id)) == 1


def test_details_that_come_when_the_wait_ends_are_used_or_refused_never_lost(
    aws: Sandbox, client: OrdersClient
) -> None:
    def race(number: int) -> tuple[int, str]:
        order_id = str(client.post_order(secrets.token_hex(8), BODY).body["order_id"])
        until(client, order_id, "AWAITING_DETAILS")
        # From a little before the end of the wait to a little after it.
        pause = WAIT_SECONDS / SPEED - 0.3 + number * 0.05
        aws.cloud.stopping.wait(pause)
        answer = client.post_details(order_id, DETAILS)
        end = wait_until(
            lambda: (body := client.get_order(order_id).body)["status"] in ("COMPLETED", "FAILED") and body, "it ends"
        )
        return answer.status, json.dumps([end["status"], end.get("details")])

    with ThreadPoolExecutor(8) as pool:
        seen = set(pool.map(race, range(8)))
    assert seen <= {(202, json.dumps(["COMPLETED", DETAILS])), (409, json.dumps(["FAILED", None]))}
