"""What X-Ray has of an order is shown short: one row for each way, without what is inferred."""

import json
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from botocore.exceptions import ClientError
from rich.console import Console

from pipeline.trace_segments import MAX_TRACES, id_of, seen, table

START = 1_700_000_000.0


def segment(name: str, after: float, took: float | None = 1.0, **more: Any) -> dict[str, Any]:
    found = {"id": f"{name:016}", "name": name, "start_time": START + after, **more}
    return found if took is None else {**found, "end_time": START + after + took}


class XRay:
    """X-Ray with some traces."""

    def __init__(self, **traces: list[dict[str, Any]]) -> None:
        self.traces = traces
        self.asked: list[list[str]] = []

    def batch_get_traces(self, TraceIds: list[str]) -> dict[str, Any]:
        assert len(TraceIds) <= 5
        self.asked.append(TraceIds)
        found = [
            {"Id": id, "Segments": [{"Id": one["id"], "Document": json.dumps(one)} for one in self.traces[id]]}
            for id in TraceIds
            if id in self.traces
        ]
        return {"Traces": found, "UnprocessedTraceIds": [id for id in TraceIds if id not in self.traces]}


def test_a_trace_passes_each_service_once_and_none_that_is_inferred() -> None:
    xray = XRay(
        a=[
            segment("stack-api/v1", 0, http={"request": {"method": "POST"}}),
            segment("stack-keeper", 0.4, origin="AWS::Lambda"),
            segment("stack-keeper", 0.5, origin="AWS::Lambda::Function", fault=True),
            segment("orders", 0.6, origin="AWS::DynamoDB::Table", inferred=True),
            segment("stack-flow", 0.2, None, origin="AWS::StepFunctions::StateMachine"),
        ]
    )
    (trace,) = seen(lambda _: xray, ["a", "gone"])
    assert [(one.name, one.failed, one.duration_ms) for one in trace.passed] == [
        ("stack-api/v1", False, 1000.0),
        ("stack-flow", False, None),
        ("stack-keeper", True, 1000.0),
    ]
    assert (trace.entry, round(trace.duration_ms)) == ("POST", 1400)


def test_traces_of_the_same_way_share_a_row() -> None:
    get = {"request": {"method": "GET"}}
    xray = XRay(
        a=[segment("stack-api/v1", 0, http={"request": {"method": "POST"}}), segment("stack-flow", 0.5)],
        b=[segment("stack-api/v1", 2, http=get), segment("stack-get", 2.1, fault=True)],
        c=[segment("stack-api/v1", 3, 2.0, http=get), segment("stack-get", 3.1, fault=True)],
    )
    traces = seen(lambda _: xray, ["c", "b", "a"])
    said = StringIO()
    Console(file=said, width=120).print(table(traces, datetime.fromtimestamp(START - 1, UTC)))
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in said.getvalue().splitlines() if "│" in line]
    assert rows == [
        ["+1.000 s", "1", "1.500 s", "a"],
        ["", "", "", "POST api/v1 -> flow"],
        ["+3.000 s", "2", "2.000 s", "b"],
        ["", "", "", "GET api/v1 -> get"],
    ]


def test_the_newest_are_looked_up_five_at_a_time() -> None:
    xray = XRay()
    assert seen(lambda _: xray, [f"{number:03}" for number in range(MAX_TRACES + 7)]) == ()
    assert [len(ids) for ids in xray.asked] == [5] * 10
    assert xray.asked[0][0] == "007"


@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottledException"])
def test_who_may_not_read_traces_sees_none_and_other_errors_are_told(code: str) -> None:
    class Denied:
        def batch_get_traces(self, TraceIds: list[str]) -> dict[str, Any]:
            raise ClientError({"Error": {"Code": code}}, "BatchGetTraces")

    if code == "AccessDeniedException":
        assert seen(lambda _: Denied(), ["a"]) == ()
    else:
        with pytest.raises(ClientError):
            seen(lambda _: Denied(), ["a"])


def test_ids_come_from_headers_and_from_lines() -> None:
    assert id_of("Root=1-a-b;Parent=c;Sampled=1") == id_of("1-a-b") == "1-a-b"
