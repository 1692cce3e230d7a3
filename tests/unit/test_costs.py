"""The cost model counts the stack's own resources, and its prices are dated and named."""

import json
import re
import sys

import pytest

from bench import cost
from pipeline import costs, documents, workload


@pytest.fixture
def order() -> workload.Order:
    return workload.order(documents.recording("prod"))


def test_every_price_is_used_and_says_where_it_is_from(order: workload.Order) -> None:
    bills = [
        costs.idle(documents.recording("prod")),
        costs.idle(documents.recording("dev")),
        costs.million_orders(order),
        costs.naive_million_orders(order),
    ]
    assert {item.price for bill in bills for item in bill} == set(costs.PRICES)
    assert all(price.usd > 0 and price.source.startswith("aws.amazon.com/") for price in costs.PRICES.values())
    assert re.fullmatch(r"20\d\d-\d\d", costs.DATED)


@pytest.mark.parametrize("environment", documents.ENVIRONMENTS)
def test_an_idle_stack_is_counted_from_its_resources(environment: str) -> None:
    made = documents.recording(environment)
    bill = {item.what: item for item in costs.idle(made)}
    assert bill["alarms"].units == len(made.of("aws:cloudwatch/metricAlarm:MetricAlarm")) > 20
    assert bill["customer managed keys"].units == len(made.of("aws:kms/key:Key"))
    assert ("QuickSight, one author" in bill) == (environment in ("sandbox", "prod"))
    assert ("daily load job, nothing to load" in bill) == (environment != "dev")


def test_dev_costs_next_to_nothing_idle_and_polling_is_what_the_naive_design_pays_for(order: workload.Order) -> None:
    assert costs.total(costs.idle(documents.recording("dev"))) < 10
    naive = costs.naive_million_orders(order)
    polling = [item for item in naive if item.what.startswith("polling")]
    assert costs.total(polling) > costs.total(naive) / 2
    assert costs.total(costs.million_orders(order)) < costs.total(naive) - costs.total(polling)


def test_the_benchmark_ends_with_one_line_of_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["bench.cost", "--json"])
    assert cost.main() == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(found["idle"]) == set(documents.ENVIRONMENTS)
    assert found["ratio"] == round(found["naive_million_orders"] / found["million_orders"], 1)
