"""Whatever AWS does where no source decides it: an order runs to its end in each environment."""

import secrets
from collections.abc import Iterator
from itertools import combinations, product
from typing import Any

import pytest
from eda_sandbox.embedded import Sandbox
from eda_sandbox.foundation.cloud import REGION
from eda_sandbox.foundation.doubts import DOUBTS, parsed, settled
from eda_sandbox.foundation.errors import SandboxError
from eda_sandbox.provider.deploy import Stack

from pipeline.demo.client import OrdersClient
from pipeline.demo.external_api import ExternalApi
from pipeline.redrive_changes import RedriveChanges
from tests.conftest import ROOT, Deploy, client_of
from tests.integration.test_orders import BODY, DETAILS, until
from tests.reliability.test_back_half import Chain
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("hurried")

ENVIRONMENTS = ("dev", "staging", "prod")
# The one value with which rows do not flow by themselves has a test of its own.
VALUES = {name: [value for value in doubt.values if value != "verbatim"] for name, doubt in DOUBTS.items()}


def pairs(row: dict[str, str]) -> set[tuple[tuple[str, str], ...]]:
    return set(combinations(sorted(row.items()), 2))


def rows() -> list[dict[str, str]]:
    """Few combinations in which each pair of values is there."""
    every = [dict(zip(VALUES, values, strict=True)) for values in product(*VALUES.values())]
    missing = set().union(*map(pairs, every))
    chosen: list[dict[str, str]] = []
    while missing:
        chosen.append(max(every, key=lambda row: len(pairs(row) & missing)))
        missing -= pairs(chosen[-1])
    return chosen


ROWS = rows()


@pytest.fixture(autouse=True)
def _defaults(aws: Sandbox) -> Iterator[None]:
    yield
    aws.cloud.doubts.update(settled())


def order(client: OrdersClient) -> str:
    accepted = client.post_order(secrets.token_hex(16), BODY)
    assert accepted.status == 202, accepted.body
    order_id = str(accepted.body["order_id"])
    until(client, order_id, "AWAITING_DETAILS")
    assert client.post_details(order_id, DETAILS).status == 202
    until(client, order_id, "COMPLETED")
    return order_id


def spice(aws: Sandbox, stack: Stack) -> set[str]:
    service: Any = aws.cloud.service("quicksight")
    return {row["order_id"] for row in service.spice(stack.outputs["spice_data_set_ids"][0])}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_order_runs_to_the_end_of_each_environment(
    aws: Sandbox, deploy_here: Deploy, external: ExternalApi, environment: str
) -> None:
    config = {"external_api_url": external.url}
    if environment == "prod":
        quicksight = f"arn:aws:quicksight:{REGION}:{aws.cloud.account}"
        config["quicksight_principal_arn"] = f"{quicksight}:group/default/analysts"
        config["quicksight_vpc_connection_arn"] = f"{quicksight}:vpcConnection/orders"
        config["alarm_topic_arn"] = aws.client("sns").create_topic(Name="orders-alarms")["TopicArn"]
    stack = deploy_here(ROOT / "__main__.py", environment, config)
    chain, client = Chain(aws, stack, None), client_of(stack)
    mine = ROWS[ENVIRONMENTS.index(environment) :: len(ENVIRONMENTS)]
    assert mine
    for row in mine:
        aws.cloud.doubts.update(row)
        order_id = order(client)
        wait_until(lambda id=order_id: any(found.version == 3 for found in chain.current(id)), f"curated with {row}")
        if stack.outputs.get("load_job_name"):
            wait_until(lambda: not chain.behind.hops().queries["STARTED"], "no query is on its way")
            chain.load()
            assert [found.version for found in chain.loaded(order_id)] == [3]
            if stack.outputs.get("spice_data_set_ids"):
                wait_until(lambda id=order_id: id in spice(aws, stack), f"SPICE has it with {row}")
    for state in stack.of_type("aws:dynamodb/table:Table").values():
        aws.client("dynamodb").update_table(TableName=state["name"], DeletionProtectionEnabled=False)


def test_rows_that_make_no_json_wait_in_the_dead_letter_queue_and_are_delivered_by_the_redrive(
    aws: Sandbox, stack: Stack, orders: OrdersClient
) -> None:
    chain = Chain(aws, stack, None)
    aws.cloud.doubts["pipes-quotes"] = "verbatim"
    order_id = order(orders)
    redrive = RedriveChanges(aws.client, stack.outputs)
    redriven: list[str] = []

    def delivered() -> bool:
        redriven.extend(done.outcome for done in redrive.run(1000))
        return any(found.version == 3 for found in chain.current(order_id))

    wait_until(delivered, "it is current in its last version")
    assert redriven


def test_a_choice_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    assert parsed(["pipes-missing-path=null"]) == {"pipes-missing-path": "null"}
    for text, said in (
        ("pipes=null", "there are pipes-missing-path"),
        ("pipes-missing-path=no", "it has empty-string, null, omitted"),
        ("pipes-missing-path", "write name=value"),
    ):
        with pytest.raises(SandboxError, match=said):
            parsed([text])
