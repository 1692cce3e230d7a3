"""The demo's accounting notices what is lost and what is doubled."""

import threading

import pytest
from eda_sandbox.embedded import Sandbox
from eda_sandbox.provider.deploy import Stack

from pipeline.demo.client import OrdersClient
from pipeline.demo.patience import Patience
from pipeline.demo.plan import Details, plan
from pipeline.demo.report import ok
from pipeline.demo.run import Pipeline, Run, count


@pytest.fixture
def run(aws: Sandbox, orders: OrdersClient, stack: Stack) -> Run:
    """Ten orders of a fresh plan, sent and settled; what other tests left in the table is not counted."""
    dynamodb, table = aws.client("dynamodb"), stack.outputs["orders_table_name"]
    states = aws.client("stepfunctions")
    for execution in Pipeline(aws.client, stack.outputs).executions():
        if execution["status"] == "RUNNING":
            states.stop_execution(executionArn=execution["executionArn"])
    for item in dynamodb.scan(TableName=table)["Items"]:
        dynamodb.delete_item(TableName=table, Key={"order_id": item["order_id"]})
    made = Run(Pipeline(aws.client, stack.outputs), orders, lambda *_: None, Patience(60), threading.Event())
    made.send(plan(10, seed=4711))
    made.settle()
    return made


def test_a_run_ends_in_balance_and_losing_or_doubling_an_order_does_not(run: Run, aws: Sandbox, stack: Stack) -> None:
    pipeline = Pipeline(aws.client, stack.outputs)
    mine = set(run.ledger.accepted.values())

    class Mine(Pipeline):
        """Counts the executions of this run alone: the machine remembers those of other tests."""

        def executions(self) -> list[dict[str, object]]:  # type: ignore[override]  # the values' types are not looked at
            return [execution for execution in super().executions() if execution["name"] in mine]

    counted = Mine(pipeline.client, pipeline.outputs)
    result = count(counted, run.ledger)
    assert result.accounting.balanced, result.accounting
    assert (result.accounting.accepted, result.accounting.executions) == (10, 10)
    assert result.accounting.waiting == 1
    assert ok(result)

    dynamodb, table = aws.client("dynamodb"), stack.outputs["orders_table_name"]
    victim = next(row for row in pipeline.rows() if row["status"] == "COMPLETED")["order_id"]
    item = dynamodb.get_item(TableName=table, Key={"order_id": {"S": victim}})["Item"]
    dynamodb.delete_item(TableName=table, Key={"order_id": {"S": victim}})
    lost = count(counted, run.ledger)
    assert (lost.accounting.lost, lost.accounting.lost_ids, lost.accounting.doubled) == (1, (victim,), 0)
    assert not ok(lost)

    dynamodb.put_item(TableName=table, Item=item)
    dynamodb.put_item(TableName=table, Item={**item, "order_id": {"S": "f" * 64}})
    doubled = count(counted, run.ledger)
    assert (doubled.accounting.lost, doubled.accounting.doubled) == (0, 1)
    assert not ok(doubled)


def test_a_plan_depends_on_its_seed_alone() -> None:
    assert plan(50, 7) == plan(50, 7) != plan(50, 8)
    planned = plan(100, 1)
    assert len(planned) == len({order.key for order in planned}) == 100
    assert sum(order.repeated for order in planned) == 20
    assert sum(order.reused for order in planned) == 4
    assert sum(order.details is Details.NEVER for order in planned) == 5
