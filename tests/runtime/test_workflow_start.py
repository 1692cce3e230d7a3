"""``eda_runtime.workflow``: what starts a workflow refuses, and what repeats, crashes and lost answers leave behind."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from eda_runtime import workflow
from eda_runtime.envelope import Envelope

from tests.runtime.memory_dynamodb import MemoryDynamoDB, error

ROWS = "incidents"


class Machines:
    """Executions by name, all of which have ended already: the strictest case of a repeat."""

    def __init__(self) -> None:
        self.inputs: dict[str, Any] = {}
        self.answers: list[Exception] = []

    def start_execution(self, stateMachineArn: str, name: str, input: str) -> None:
        if name in self.inputs:
            raise error("ExecutionAlreadyExists", "StartExecution")
        self.inputs[name] = json.loads(input)
        if self.answers:
            raise self.answers.pop()


@pytest.fixture
def link() -> Any:
    memory = MemoryDynamoDB(keys={ROWS: ("incident_id",)})
    return SimpleNamespace(
        client=Machines(), key="incident_id", rows_client=memory, rows_table_name=ROWS, state_machine_arn="machine"
    )


def test_the_row_and_the_input_are_those_of_the_admission(link: Any) -> None:
    envelope = Envelope("c-1", "m-1", occurred_at="2026-01-01T00:00:00.000Z")
    assert workflow.start(link, "i-1", {"b": 1, "a": "ä"}, tenant="t", envelope=envelope) is workflow.Started.STARTED
    row = link.rows_client.item(ROWS, "i-1")
    assert {name: next(iter(value.values())) for name, value in row.items() if not name.endswith("_at")} == {
        "incident_id": "i-1",
        "tenant": "t",
        "status": "PENDING",
        "version": "1",
        "open": "open",
        "correlation_id": "c-1",
        "causation_id": "m-1",
        "event_id": "i-1:1",
        "traceparent": "",
        "schema_version": "1",
        "payload": '{"a":"ä","b":1}',
        "payload_sha256": row["payload_sha256"]["S"],
    }
    assert link.client.inputs["i-1"] == {
        "id": "i-1",
        "version": 1,
        "tenant": "t",
        "payload": {"a": "ä", "b": 1},
        "envelope": {
            "correlation_id": "c-1",
            "causation_id": "m-1",
            "traceparent": "",
            "occurred_at": "2026-01-01T00:00:00.000Z",
            "schema_version": "1",
        },
    }


def test_a_repeat_has_no_effect_and_another_payload_is_refused(link: Any) -> None:
    workflow.start(link, "i", {"a": 1, "b": 2})
    before = dict(link.rows_client.item(ROWS, "i"))
    assert workflow.start(link, "i", {"b": 2, "a": 1}) is workflow.Started.REPEATED
    with pytest.raises(workflow.OtherPayload, match="i was used before"):
        workflow.start(link, "i", {"a": 2})
    assert link.rows_client.item(ROWS, "i") == before
    assert link.client.inputs["i"]["payload"] == {"a": 1, "b": 2}


@pytest.mark.parametrize("operation", ["put_item", "update_item", "start_execution"])
def test_a_call_after_one_whose_answer_was_lost_has_one_effect(link: Any, operation: str) -> None:
    lost = EndpointConnectionError(endpoint_url="https://aws")
    if operation == "start_execution":
        link.client.answers.append(lost)
    else:
        real = getattr(link.rows_client, operation)

        def once(**request: Any) -> None:
            setattr(link.rows_client, operation, real)
            real(**request)
            raise lost

        setattr(link.rows_client, operation, once)
    with pytest.raises(EndpointConnectionError):
        workflow.start(link, "i", {"a": 1})
    first = link.rows_client.item(ROWS, "i")["occurred_at"]
    workflow.start(link, "i", {"a": 1})
    row = link.rows_client.item(ROWS, "i")
    assert (row["status"], row["version"], row["occurred_at"]) == ({"S": "PENDING"}, {"N": "1"}, first)
    assert list(link.client.inputs) == ["i"]
    assert link.client.inputs["i"]["envelope"]["occurred_at"] == first["S"]


def test_a_row_that_goes_while_it_is_started_is_told(link: Any) -> None:
    def withdraw(operation: str, _: Any) -> None:
        if operation == "update_item":
            link.rows_client.tables[ROWS].clear()

    link.rows_client.before = withdraw
    with pytest.raises(workflow.NotStarted, match="row of i went"):
        workflow.start(link, "i", {})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"id": "a b"}, "the id is 'a b'"),
        ({"id": "x" * 65}, "must be 1 to 64"),
        ({"tenant": ""}, "tenant is empty"),
        ({"payload": {1, 2}}, "no JSON"),
        ({"payload": float("nan")}, "no JSON"),
        ({"payload": "\ud800"}, "no JSON"),
        ({"payload": [10**16]}, "not carried as it is"),
        ({"payload": "ä" * workflow.MAX_INPUT_BYTES}, "Step Functions takes 262144"),
    ],
)
def test_what_the_workflow_cannot_have_is_refused_before_anything_is_written(
    link: Any, given: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        workflow.start(link, **{"id": "i", "payload": {}, **given})
    assert link.rows_client.tables.get(ROWS, {}) == {}
    assert link.client.inputs == {}


def test_what_a_called_function_raises_reads_as_the_workflow_reads_it() -> None:
    assert json.loads(str(workflow.TryLater(7))) == {"retry_after_seconds": 7}
    with pytest.raises(ValueError, match="must be 0 to 86400"):
        workflow.TryLater(86_401)
