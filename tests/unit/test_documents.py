"""What docs say of the pipeline is what the pipeline is."""

import json

import pytest

from pipeline import documents


def test_the_documents_are_up_to_date() -> None:
    made = documents.documents()
    for file, text in made.items():
        assert file.read_text() == text, f"{file.name}: run python -m pipeline.documents"
    pages = set((documents.ROOT / "docs" / "reference").iterdir())
    assert pages <= set(made), "a page in docs/reference is of no component"


def test_the_picture_shows_the_parts_and_what_each_takes_from_another() -> None:
    lines = documents.parts().splitlines()
    assert '  orders-api["orders-api<br/>EventApi"]' in lines
    assert {"  orders --> orders-raw", "  orders-raw --> orders-analytics", "  get-order --> orders-api"} <= set(lines)
    assert not [line for line in lines if "observability" in line]


@pytest.mark.parametrize("environment", documents.ENVIRONMENTS)
def test_every_environment_runs_and_differs_where_it_should(environment: str) -> None:
    made = documents.recording(environment)
    table = made.one("aws:dynamodb/table:Table", "orders").inputs
    alarms = made.of("aws:cloudwatch/metricAlarm:MetricAlarm").values()
    assert (table.get("deletionProtectionEnabled") is True) == (environment in ("staging", "prod"))
    assert all(alarm.inputs["alarmActions"] for alarm in alarms)
    retention = {group.inputs["retentionInDays"] for group in made.of("aws:cloudwatch/logGroup:LogGroup").values()}
    assert retention == {{"sandbox": 1, "dev": 7, "staging": 30, "prod": 365}[environment]}
    functions = made.of("aws:lambda/function:Function")
    settings = {
        found.inputs["methodPath"]: found.inputs["settings"]
        for found in made.of("aws:apigateway/methodSettings:MethodSettings").values()
    }
    burst = settings["~1orders~1{order_id}/GET"]["throttlingBurstLimit"]
    assert burst < functions["get-order-function"].inputs["reservedConcurrentExecutions"]


def test_the_published_document_names_every_route_and_nothing_of_the_inside() -> None:
    document = json.loads(documents.openapi())
    assert set(document["paths"]) == {"/orders", "/orders/{order_id}", "/orders/{order_id}/details"}
    assert "arn:aws" not in documents.openapi()
