"""From log lines to an order's hops: what belongs to it is found from either end, and nothing else is taken."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.trace_lines import Ids, Line, Stage, hops

START = datetime(2026, 1, 2, 3, 0, tzinfo=UTC)
ORDER, CORRELATION = "a" * 64, "from-the-client"
OBJECT, STATEMENT, INGESTION = "b" * 32, "statement-1", "c" * 64


def line(second: float, group: str = "/aws/lambda/stack-f", **fields: Any) -> Line:
    return Line.of(START + timedelta(seconds=second), group, json.dumps(fields))


def told(second: float, service: str, message: str, request: str | None = None, **fields: Any) -> Line:
    keys = {"level": "INFO", "message": message, "service": service}
    return line(second, **keys, **({"function_request_id": request} if request else {}), **fields)


def report(second: float, request: str, milliseconds: float, status: str = "success") -> Line:
    record = {"requestId": request, "metrics": {"durationMs": milliseconds}, "status": status}
    return line(second, type="platform.report", record=record)


def state(second: float, kind: str, execution: str = ORDER, **details: Any) -> Line:
    arn = f"arn:aws:states:region:account:execution:stack-workflow:{execution}"
    return line(second, execution_arn=arn, type=kind, details=details)


MINE = [
    line(
        0, "/aws/apigateway/stack-api", request_id="g1", method="POST", resource="/orders", status="202", latency="90"
    ),
    told(0.01, "api-admission", "request", order_id=ORDER, correlation_id=CORRELATION, request_id="g1"),
    line(
        0.5, "/aws/apigateway/stack-api", request_id="g2", method="POST", resource="/orders", status="202", latency="9"
    ),
    told(
        0.5,
        "api-admission",
        "request",
        suppressed="request",
        order_id=ORDER,
        correlation_id=CORRELATION,
        request_id="g2",
    ),
    state(1, "ExecutionStarted"),
    state(1.1, "TaskStateEntered", name="CallFunction"),
    told(1.2, "call", "invoked", "r1", correlation_id=CORRELATION),
    report(2.2, "r1", 1000, "timeout"),
    told(2.3, "call", "invoked", "r2", correlation_id=CORRELATION),
    told(3, "call", "external call", "r2", correlation_id=CORRELATION, order_id=ORDER, outcome="answered"),
    report(3.1, "r2", 800),
    state(4, "ExecutionSucceeded"),
    told(5, "query", "query started", "r3", correlation_id=OBJECT, object_id=OBJECT),
    told(
        6,
        "query",
        "orders of the object",
        "r4",
        correlation_id=OBJECT,
        object_id=OBJECT,
        correlation_ids=["x", CORRELATION],
    ),
    told(7, "load-job", "statement sent", correlation_id="load#d#s", load="load#d#s", statement_id=STATEMENT),
    told(
        8,
        "load-job",
        "objects of the load",
        load="load#d#s",
        statement_id=STATEMENT,
        object_ids=["query#z", f"query#{OBJECT}"],
    ),
    told(9, "refresh", "refresh started", "r5", ingestion_id=INGESTION, statement_id="statement-0", also_for=STATEMENT),
    told(10, "refresh", "refresh completed", "r6", ingestion_id=INGESTION, statement_id="statement-0"),
]
OTHERS = [
    told(1, "call", "invoked", "q1", correlation_id="other"),
    told(3, "call", "external call", "r2", correlation_id="other", order_id="d" * 64),
    report(3.1, "q1", 5),
    told(6, "query", "orders of the object", "r4", object_id="e" * 32, correlation_ids=["other"]),
    told(8, "load-job", "objects of the load", load="l2", statement_id="statement-2", object_ids=["query#" + "e" * 32]),
    told(9, "refresh", "refresh started", "r5", ingestion_id="f" * 64, statement_id="statement-2"),
    state(1, "ExecutionStarted", "d" * 64),
    Line.of(START, "/aws/lambda/stack-f", "not JSON at all"),
]


def found(start: str, lines: list[Line]) -> list[Line]:
    """What tells of an order when lines are read until nothing new comes."""
    ids = Ids(own={start})
    while True:
        before = ids.all()
        ids.follow(lines)
        if ids.all() == before:
            return sorted((line for line in lines if ids.tells(line)), key=lambda line: line.at)


@given(st.permutations([*MINE, *OTHERS]), st.sampled_from([ORDER, CORRELATION]))
def test_whatever_comes_first_all_lines_of_the_order_are_found_and_no_others(lines: list[Line], start: str) -> None:
    assert set(map(repr, found(start, lines))) == set(map(repr, MINE))


def test_a_batch_leads_to_its_orders() -> None:
    mine = found(OBJECT, [*MINE, *OTHERS])
    assert [line.fields["correlation_ids"][1] for line in mine if "correlation_ids" in line.fields] == [CORRELATION]


def test_hops_stand_in_order_with_durations_repeats_and_failures() -> None:
    made = {hop.name: hop for hop in hops(MINE)}
    assert list(made) == ["POST /orders", "api-admission", "stack-workflow", "call", "query", "load-job", "refresh"]
    assert [hop.stage for hop in made.values()] == [
        Stage.API,
        Stage.ADMISSION,
        Stage.WORKFLOW,
        Stage.FUNCTION,
        Stage.QUERY,
        Stage.LOAD,
        Stage.REFRESH,
    ]
    assert (made["POST /orders"].calls, made["POST /orders"].detail) == (2, "2 x 202")
    assert made["POST /orders"].duration_ms == 99
    assert made["POST /orders"].begin == START - timedelta(milliseconds=90)
    assert made["api-admission"].suppressed == {"request": 1}
    assert (made["stack-workflow"].duration_ms, made["stack-workflow"].detail) == (3000, "succeeded")
    assert (made["call"].calls, made["call"].duration_ms) == (2, 1800)
    assert (made["call"].failures, made["call"].detail) == ({"timeout": 1}, "external call, answered")
    assert made["refresh"].detail == "refresh completed"


@given(st.permutations(MINE))
def test_hops_do_not_depend_on_the_order_in_which_lines_are_read(lines: list[Line]) -> None:
    assert hops(lines) == hops(MINE)


@pytest.mark.parametrize(
    ("lines", "name", "detail", "failures"),
    [
        ([state(1, "TaskStateEntered", name="WaitForCallback")], "stack-workflow", "in WaitForCallback", {}),
        (
            [
                state(1, "TaskStateEntered", name="SendToDeadLetterQueue"),
                state(2, "ExecutionFailed", error="ExternalApiRejected"),
            ],
            "stack-workflow",
            "failed",
            {"to the dead-letter queue": 1, "ExternalApiRejected": 1},
        ),
        ([told(1, "call", "invoked", "r1")], "call", "invoked", {}),
        (
            [line(1, level="ERROR", message="failed", service="call", function_request_id="r", error_type="KeyError")],
            "call",
            "failed",
            {"KeyError": 1},
        ),
    ],
)
def test_the_last_hop_says_how_it_ended(lines: list[Line], name: str, detail: str, failures: dict[str, int]) -> None:
    [hop] = hops(lines)
    assert (hop.name, hop.detail, hop.failures) == (name, detail, failures)
