"""The demo against a deployed stack, pointed at the embedded AWS as if it were AWS."""

import json
from pathlib import Path

import pytest
from eda_sandbox.embedded import Sandbox
from eda_sandbox.foundation.cloud import REGION, ROOT_KEY, ROOT_SECRET
from eda_sandbox.provider.deploy import Stack
from typer.testing import CliRunner

from pipeline.__main__ import loaded
from pipeline.demo.client import OrdersClient
from tests.conftest import client_of


@pytest.fixture(scope="module")
def stack(own_stack: Stack) -> Stack:
    return own_stack


@pytest.fixture(scope="module")
def orders(stack: Stack) -> OrdersClient:
    return client_of(stack)


@pytest.fixture
def environment(aws: Sandbox) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": aws.endpoint,
        "AWS_ACCESS_KEY_ID": ROOT_KEY,
        "AWS_SECRET_ACCESS_KEY": ROOT_SECRET,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
    }


@pytest.fixture
def outputs(stack: Stack, tmp_path: Path) -> Path:
    file = tmp_path / "outputs.json"
    file.write_text(json.dumps(stack.outputs))
    return file


def test_it_says_what_it_costs_and_touches_and_sends_nothing_unasked(
    aws: Sandbox, stack: Stack, outputs: Path, environment: dict[str, str]
) -> None:
    table = stack.outputs["orders_table_name"]
    before = aws.client("dynamodb").scan(TableName=table, Select="COUNT")["Count"]
    command = ["demo", "--target", "aws", "--outputs", str(outputs), "--orders", "5"]
    done = CliRunner().invoke(loaded(command), command, input="n\n", env=environment)
    assert done.exit_code == 1
    assert f"called as arn:aws:iam::{aws.cloud.account}:root" in done.output
    assert f"It sends 5 orders to {stack.outputs['api_url']}" in done.output
    assert "US dollars" in done.output
    assert "nothing was sent" in done.output
    assert aws.client("dynamodb").scan(TableName=table, Select="COUNT")["Count"] == before


@pytest.mark.usefixtures("hurried")
def test_only_its_own_orders_are_counted(orders: OrdersClient, outputs: Path, environment: dict[str, str]) -> None:
    another = orders.post_order("of-another-client", {"customer": "c-001", "sku": "SKU-0001", "quantity": 1})
    assert another.status == 202
    command = ["demo", "--target", "aws", "--outputs", str(outputs), "--orders", "6", "--yes", "--json"]
    done = CliRunner().invoke(loaded(command), command, env=environment)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["accepted"], found["executions"], found["written"], found["waiting"]) == (6, 6, 5, 1)
    assert (found["curated"], found["redshift"], found["lost"], found["doubled"]) == (5, 5, 0, 0)
    assert found["balanced"] is True


def test_outputs_of_another_stack_are_refused(tmp_path: Path, environment: dict[str, str]) -> None:
    file = tmp_path / "outputs.json"
    file.write_text('{"queue_url": "https://example.com"}')
    command = ["demo", "--target", "aws", "--outputs", str(file), "--yes"]
    done = CliRunner().invoke(loaded(command), command, env=environment)
    assert done.exit_code == 1
    assert "api_url, orders_table_name, workflow_arn, workflow_dlq_url is missing" in done.output
