"""The ledger writes on what was read or not at all: on a real table, and on the one that the other tests use."""

import ast
import secrets
import sys
from pathlib import Path
from typing import Any

import eda_runtime
import pytest
from botocore.exceptions import ClientError
from eda_runtime.ledger import Change, Ledger, Row
from eda_sandbox.embedded import Sandbox

from tests.runtime.fake_aws import Clock, DynamoDB, error

RUNTIME = Path(eda_runtime.__file__).parent
TEXT = "S"


def make_table(dynamodb: Any) -> str:
    """A table as the components make it."""
    name = f"ledger-{secrets.token_hex(4)}"
    attributes = ("id", "open", "opened_at", "unloaded", "settled_at")
    dynamodb.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": attribute, "AttributeType": TEXT} for attribute in attributes],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": index,
                "KeySchema": [
                    {"AttributeName": index, "KeyType": "HASH"},
                    {"AttributeName": order, "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
            for index, order in (("open", "opened_at"), ("unloaded", "settled_at"))
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    return name


@pytest.fixture(params=["memory", pytest.param("sandbox", marks=pytest.mark.embedded)])
def ledger(request: pytest.FixtureRequest) -> Ledger:
    if request.param == "memory":
        clock = Clock()
        return Ledger(DynamoDB(), "ledger", clock, clock.sleep)
    aws: Sandbox = request.getfixturevalue("aws")
    client = aws.client("dynamodb")
    return Ledger(client, make_table(client))


def row(id: str, **more: Any) -> Row:
    return {"id": id, "kind": "query", "state": "STARTED", "attempt": 1, **more}


def test_a_row_is_made_once(ledger: Ledger) -> None:
    assert ledger.get("a") is None
    assert ledger.create(row("a", key="first")) == row("a", key="first")
    assert ledger.create(row("a", key="second")) is None
    assert ledger.get("a") == row("a", key="first")


def test_a_change_takes_effect_on_what_was_read_alone(ledger: Ledger) -> None:
    seen = ledger.create(row("a"))
    assert seen is not None
    moved = ledger.change(seen, {"query_execution_id": "q1", "note": "it's new"}, ["kind"])
    assert moved == {"id": "a", "state": "STARTED", "attempt": 1, "query_execution_id": "q1", "note": "it's new"}
    assert ledger.change(seen, {"query_execution_id": "q2"}) is None
    assert ledger.get("a") == moved


@pytest.mark.parametrize("fenced", ["state", "attempt", "query_execution_id", "statement_id", "ingestion_id", "dirty"])
def test_each_fenced_attribute_counts(ledger: Ledger, fenced: str) -> None:
    seen = ledger.create(row("a"))
    assert seen is not None
    other = 2 if fenced == "attempt" else "other"
    newer = ledger.change(seen, {fenced: other})
    assert newer is not None
    assert ledger.change(seen, {"error": "late"}) is None
    assert ledger.change(newer, {}, [fenced]) is not None
    assert ledger.change(newer, {"error": "late"}) is None


def test_changes_together_are_all_or_nothing(ledger: Ledger) -> None:
    seen = ledger.create(row("a"))
    assert seen is not None
    assert ledger.change_together(Change(seen, {"state": "SUCCEEDED"}), Change({"id": "b"}, {"state": "STARTED"}))
    assert not ledger.change_together(Change(seen, {"state": "FAILED"}), Change({"id": "c"}, {"state": "STARTED"}))
    assert (ledger.get("a") or {})["state"] == "SUCCEEDED"
    assert ledger.get("b") == {"id": "b", "state": "STARTED"}
    assert ledger.get("c") is None


def test_open_rows_come_in_order_up_to_a_time(ledger: Ledger) -> None:
    for number in (3, 1, 5, 2, 4):
        ledger.create(row(f"r{number}", open="query", opened_at=f"2026-01-01T00:00:0{number}Z"))
    ledger.create(row("load", open="load", opened_at="2026-01-01T00:00:00Z"))
    ledger.create(row("closed"))
    assert [found["id"] for found in ledger.open("query", "2026-01-01T00:00:04Z")] == ["r1", "r2", "r3", "r4"]


def test_objects_are_taken_once_and_only_as_they_were_loaded(ledger: Ledger) -> None:
    ids = [f"query#{number:03d}" for number in range(205)]
    for id in ids:
        ledger.create(row(id, unloaded="orders", settled_at=f"2026-01-01T00:00:00.{id[-3:]}Z"))
    assert list(ledger.unloaded("orders")) == ids
    assert [found["id"] for found in ledger.get_many([*ids, "query#none"])] == ids
    anew = ledger.get(ids[3])
    assert anew is not None
    ledger.change(anew, {"attempt": 2})
    ledger.take("load#a", "orders", {ids[7]: 1})
    for _ in range(2):
        ledger.take("load#b", "orders", dict.fromkeys(ids, 1))
    rows = {found["id"]: found for found in ledger.get_many(ids)}
    assert rows[ids[3]]["unloaded"] == "orders"
    assert "loaded_by" not in rows[ids[3]]
    assert rows[ids[7]]["loaded_by"] == "load#a"
    assert {rows[id]["loaded_by"] for id in ids if id not in (ids[3], ids[7])} == {"load#b"}
    assert list(ledger.unloaded("orders")) == [ids[3]]


class Meeting(DynamoDB):
    """A table whose transactions meet others some times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def transact_write_items(self, TransactItems: list[Any]) -> None:
        if self.times:
            self.times -= 1
            reasons = [{"Code": "TransactionConflict"}]
            raise error("TransactionCanceledException", "TransactWriteItems", CancellationReasons=reasons)
        super().transact_write_items(TransactItems)


def test_transactions_that_meet_are_tried_again_and_not_for_ever() -> None:
    clock = Clock()
    table = Meeting(times=3)
    ledger = Ledger(table, "ledger", clock, clock.sleep)
    ledger.create(row("a", unloaded="orders", settled_at="2026"))
    ledger.take("load", "orders", {"a": 1})
    assert table.row("a")["loaded_by"] == "load"
    assert len(clock.slept) == 3
    table.times = 1000
    with pytest.raises(ClientError, match="TransactWriteItems"):
        ledger.take("load", "orders", {"a": 1})


def test_other_errors_are_not_taken_for_lost_races() -> None:
    class Denied(DynamoDB):
        def update_item(self, ReturnValues: str, **update: Any) -> dict[str, Any]:
            raise error("AccessDeniedException", "UpdateItem")

    with pytest.raises(ClientError, match="AccessDenied"):
        Ledger(Denied(), "ledger").create(row("a"))


@pytest.mark.parametrize(
    "file",
    [
        RUNTIME / "ledger.py",
        RUNTIME / "load_statements.py",
        RUNTIME / "redshift_load.py",
        RUNTIME / "dead_letters.py",
        RUNTIME.parent / "pulumi_aws_eda" / "_functions" / "load_job" / "job.py",
    ],
    ids=lambda file: file.name,
)
def test_what_glue_runs_is_python_3_9_and_needs_no_powertools(file: Path) -> None:
    nodes = list(ast.walk(ast.parse(file.read_text(), feature_version=(3, 9))))
    imported = {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    imported |= {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    assert "__future__" in imported, "without it, annotations such as `str | None` are evaluated"
    shared = ("dead_letters", "ledger", "load_statements", "redshift_load")
    known = {"boto3", "botocore", *(f"eda_runtime.{name}" for name in shared), *sys.stdlib_module_names}
    assert {name for name in imported if name not in known and name.partition(".")[0] not in known} == set()
    newer = {"UTC", "add_note", "pairwise", "batched", "file_digest", "StrEnum", "ExceptionGroup"}
    assert not newer & {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    assert not newer & {node.id for node in nodes if isinstance(node, ast.Name)}
    keywords = {keyword.arg for node in nodes if isinstance(node, ast.Call) for keyword in node.keywords}
    assert not keywords & {"slots", "kw_only", "strict", "match_args"}, "these came after 3.9"
