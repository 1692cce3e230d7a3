"""The functions around the analytics runtime: which events they take, and what they do with the others."""

import json
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import pytest
from eda_runtime.object_query import ObjectRefused, StoredObject
from eda_runtime.query_template import QueryTemplateError

from tests.runtime.deployed import Context, deployed
from tests.runtime.fake_aws import S3, Athena, DynamoDB, Glue, QuickSight, Sqs, error

QUERY_ENVIRONMENT = {
    "LEDGER_TABLE": "ledger",
    "WORKGROUP": "wg",
    "DATABASE": "db",
    "TABLE": "raw",
    "OUTPUT_LOCATION": "s3://curated/orders/",
    "OUTPUT_PARTITIONS": "dt",
    "DATASET": "orders",
    "MAX_ATTEMPTS": "3",
    "DEAD_LETTER_QUEUE_URL": "queue",
}
FILE_COLUMNS = [["order_id", "string"], ["version", "bigint"]]
QUERY_FILES = {"query.json": json.dumps({"query": "SELECT * FROM {rows}", "columns": FILE_COLUMNS})}
REFRESH_ENVIRONMENT = {
    "LEDGER_TABLE": "ledger",
    "ACCOUNT_ID": "123456789012",
    "DATA_SET_IDS": '["one", "two"]',
    "STATEMENT_PREFIX": "orders-load-",
    "MAX_ATTEMPTS": "3",
    "DEAD_LETTER_QUEUE_URL": "queue",
}


class World:
    """All that lies behind the functions."""

    def __init__(self) -> None:
        self.dynamodb, self.s3, self.sqs, self.quicksight = DynamoDB(), S3(), Sqs(), QuickSight()
        self.athena = Athena(self.s3)

    def function(self, name: str, environment: dict[str, str], files: Mapping[str, str] = QUERY_FILES) -> ModuleType:
        clients = {
            "dynamodb": self.dynamodb,
            "s3": self.s3,
            "sqs": self.sqs,
            "athena": self.athena,
            "glue": Glue(),
            "quicksight": self.quicksight,
        }
        return deployed(f"{name}/handler.py", environment, clients, files)


def created(key: str = "raw/dt=2026-01-01/hour=02/file", size: int = 5, **more: Any) -> dict[str, Any]:
    """An event of S3, as EventBridge has it."""
    found = {"key": key, "size": size, "etag": "e1", "version-id": "v1", "sequencer": "1"}
    return {
        "id": "1",
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {"version": "0", "bucket": {"name": "raw"}, "object": found, "reason": "PutObject"},
        **more,
    }


def state_change(id: str, state: str, workgroup: str = "wg") -> dict[str, Any]:
    """An event of Athena."""
    return {
        "source": "aws.athena",
        "detail-type": "Athena Query State Change",
        "detail": {"currentState": state, "queryExecutionId": id, "workgroupName": workgroup, "versionId": "0"},
    }


def test_an_object_is_queried_and_settled() -> None:
    world = World()
    function = world.function("per_object_query", QUERY_ENVIRONMENT)
    id = StoredObject("raw", "raw/dt=2026-01-01/hour=02/file", "v1").id
    assert function.handle(created(), Context()) == {"outcome": "started", "object_id": id}
    (run,) = world.athena.runs.all.values()
    assert function.handle(state_change(run.id, "RUNNING"), Context()) == {"outcome": "nothing to do"}
    world.athena.finish(run)
    assert function.handle(state_change(run.id, "SUCCEEDED", "other"), Context()) == {"outcome": "nothing to do"}
    assert function.handle(state_change(run.id, "SUCCEEDED"), Context()) == {"outcome": "succeeded"}
    assert function.handle(created(), Context())["outcome"] == "nothing to do"


def test_an_object_is_queried_anew_on_request() -> None:
    world = World()
    function = world.function("per_object_query", QUERY_ENVIRONMENT)
    request = {**created(), "source": "eda.pipeline", "detail-type": "Object Query Requested"}
    assert function.handle(request, Context())["outcome"] == "started"
    (run,) = world.athena.runs.all.values()
    world.athena.finish(run)
    function.handle(state_change(run.id, "SUCCEEDED"), Context())
    assert function.handle(request, Context())["outcome"] == "nothing to do"
    again = {**request, "detail": {**request["detail"], "backfill": "b1"}}
    assert function.handle(again, Context())["outcome"] == "started"
    assert len(world.athena.runs.all) == 2


def test_an_empty_object_has_no_rows_to_query() -> None:
    world = World()
    assert world.function("per_object_query", QUERY_ENVIRONMENT).handle(created(size=0), Context()) == {
        "outcome": "nothing to do",
        "object_id": StoredObject("raw", "raw/dt=2026-01-01/hour=02/file", "v1").id,
    }
    assert world.dynamodb.rows == {}


def test_what_cannot_be_queried_is_raised_for_the_failure_destination() -> None:
    function = World().function("per_object_query", QUERY_ENVIRONMENT)
    with pytest.raises(ObjectRefused, match="no segment dt="):
        function.handle(created(key="raw/file"), Context())
    with pytest.raises(function.UnknownEvent, match="'Scheduled Event'"):
        function.handle({"detail-type": "Scheduled Event", "detail": {}}, Context())


def test_a_wrong_query_is_found_when_the_function_starts() -> None:
    wrong = json.dumps({"query": "SELECT {x} FROM {rows}", "columns": []})
    with pytest.raises(QueryTemplateError, match="known are"):
        World().function("per_object_query", QUERY_ENVIRONMENT, {"query.json": wrong})


def finished(state: str = "FINISHED", name: str = "orders-load-2026-1") -> dict[str, Any]:
    """An event of the Data API."""
    return {
        "source": "aws.redshift-data",
        "detail-type": "Redshift Data Statement Status Change",
        "detail": {"statementId": "s1", "statementName": name, "state": state, "rows": -1},
    }


def test_every_data_set_is_refreshed_once() -> None:
    world = World()
    function = world.function("spice_refresh", REFRESH_ENVIRONMENT)
    assert function.handle(finished(), Context()) == {"one": "started", "two": "started"}
    assert function.handle(finished(), Context()) == {"one": "running", "two": "running"}
    assert len(world.quicksight.runs.all) == 2


@pytest.mark.parametrize("event", [finished("FAILED"), finished("ABORTED"), finished(name="other-1")])
def test_other_statements_and_states_refresh_nothing(event: dict[str, Any]) -> None:
    world = World()
    assert world.function("spice_refresh", REFRESH_ENVIRONMENT).handle(event, Context()) == {}
    assert world.dynamodb.rows == {}


def test_a_statement_without_a_name_is_not_ours() -> None:
    event = {"detail": {"statementId": "s1", "state": "FINISHED"}}
    assert World().function("spice_refresh", REFRESH_ENVIRONMENT).handle(event, Context()) == {}


def test_one_data_set_that_fails_stops_no_other() -> None:
    world = World()
    create = world.quicksight.create_ingestion

    def broken(AwsAccountId: str, DataSetId: str, IngestionId: str) -> dict[str, Any]:
        if DataSetId == "one":
            raise error("AccessDeniedException", "CreateIngestion")
        return create(AwsAccountId, DataSetId, IngestionId)

    world.quicksight.create_ingestion = broken  # type: ignore[method-assign]  # a fault
    with pytest.raises(ExceptionGroup, match="1 of 2 data sets"):
        world.function("spice_refresh", REFRESH_ENVIRONMENT).handle(finished(), Context())
    assert [run.parameters["DataSetId"] for run in world.quicksight.runs.all.values()] == ["two"]
