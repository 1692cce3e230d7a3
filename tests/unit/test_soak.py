"""What a soak's option says, and what its accounting tells apart."""

import pytest
from eda_sandbox.frontdoor.faults import FaultKind

from pipeline.demo.accounting import account
from pipeline.demo.back_half import OrderRow
from pipeline.soak.specification import OUTAGE_SECONDS, SpecificationError, parse


def hit(text: str) -> set[tuple[FaultKind, str, str, float, bool]]:
    return {
        (fault.kind, fault.service, fault.operation, fault.probability, fault.spares_root)
        for phase in parse(text)
        for fault in phase.faults
    }


def test_the_forms() -> None:
    assert hit("none") == set()
    assert hit("kill:0.1") == {
        (FaultKind.KILL, "lambda", "Invoke", 0.1, False),
        (FaultKind.KILL, "glue", "StartJobRun", 0.1, False),
    }
    assert hit("lost-answer:dynamodb:Update*:0.5") == {(FaultKind.LOST_ANSWER, "dynamodb", "Update*", 0.5, True)}
    assert {phase.seconds for phase in parse("outage:dynamodb,throttle:sqs")} == {OUTAGE_SECONDS}
    assert hit("outage:dynamodb") == {(FaultKind.UNAVAILABLE, "dynamodb", "*", 1, True)}
    assert hit("throttle:execute-api") >= {(FaultKind.THROTTLE, "execute-api", "*", 1, False)}


def test_mixed_is_every_kind_on_every_edge_and_the_apis_clients_are_hit_too() -> None:
    found = hit("mixed:0.05")
    assert {kind for kind, *_ in found} == set(FaultKind) - {FaultKind.ERROR}
    assert {rate for _, _, _, rate, _ in found} == {0.05}
    assert (FaultKind.DELAY, "*", "*", 0.05, True) in found
    assert (FaultKind.DELAY, "execute-api", "*", 0.05, False) in found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "allowed are none, mixed:RATE"),
        ("chaos", "allowed are none, mixed:RATE"),
        ("mixed:2", "a rate is more than 0 and at most 1"),
        ("mixed:much", "a rate is more than 0 and at most 1"),
        ("none,outage:dynamo", "there is no service 'dynamo'"),
        ("explode:s3:*:0.1", "KIND is one of delay, duplicate"),
        ("kill:sqs:*:0.1", "kill hits lambda:Invoke, glue:StartJobRun alone"),
        ("partial:sqs:*:0.1", "partial hits events:PutEvents, firehose:PutRecordBatch, kinesis:PutRecords alone"),
    ],
)
def test_what_says_nothing_is_refused_with_what_is_allowed(text: str, message: str) -> None:
    with pytest.raises(SpecificationError, match=message):
        parse(text)


def row(id: str, **more: str) -> dict[str, str]:
    return {"order_id": id, "status": "COMPLETED", "correlation_id": id, "version": "3", **more}


def test_what_nobody_was_told_of_is_counted_by_itself() -> None:
    admitted = {"order_id": "admitted", "status": "ADMITTED", "correlation_id": "admitted"}
    found = account(["a"], [row("a"), row("b"), admitted], ["c"], ["a", "b"], [])
    assert (found.accepted, found.executions, found.written, found.lost, found.doubled) == (1, 1, 1, 0, 0)
    assert found.not_told_ids == ("b", "c")
    assert not found.balanced
    assert account(["a"], [row("a"), admitted], [], ["a"], []).balanced


def test_what_is_behind_the_table_alone_was_not_told_either() -> None:
    told, other = OrderRow("a", 3, "COMPLETED", "a"), OrderRow("b", 1, "PENDING", "b")
    found = account(["a"], [row("a")], [], ["a"], [], [told, other], [told])
    assert (found.not_told_ids, found.curated, found.redshift) == (("b",), 1, 1)


def test_a_copy_of_an_order_is_doubled() -> None:
    found = account(["a"], [row("a"), row("b", correlation_id="a")], [], ["a"], [])
    assert (found.doubled_ids, found.not_told) == (("b",), 0)
