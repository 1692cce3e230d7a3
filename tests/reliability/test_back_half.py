"""Behind the table of the pipeline's own stack: what is repeated, dropped, late or broken ends in one current row."""

import json
import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import duckdb
import pytest
from eda_sandbox.embedded import Sandbox
from eda_sandbox.foundation.http import HttpRequest
from eda_sandbox.frontdoor.faults import Fault, FaultKind
from eda_sandbox.provider.deploy import Stack

from pipeline import analytics
from pipeline.demo.back_half import BackHalf, OrderRow
from pipeline.demo.client import OrdersClient
from tests.integration.test_orders import BODY, DETAILS
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("hurried")

RAW_COLUMNS = (
    "event_name",
    "stream_event_id",
    "changed_at",
    analytics.KEY,
    *analytics.ATTRIBUTES,
    "old_version",
    *(f"old_{name}" for name in analytics.OLD_ATTRIBUTES),
)


class Chain:
    """The pipeline's analytics: what goes in, what comes out, and the services' own APIs between."""

    def __init__(self, aws: Sandbox, stack: Stack, folder: Any) -> None:
        self.aws, self.outputs, self._folder = aws, stack.outputs, folder
        self.behind = BackHalf(aws.client, stack.outputs, aws.cloud.account)

    def raw_object(self, *rows: dict[str, str], day: str = "") -> str:
        """Put a raw file, as Firehose would; its key."""
        now = datetime.now(UTC)
        key = f"raw/orders/dt={day or now.strftime('%Y-%m-%d')}/hour=00/test-{secrets.token_hex(8)}.parquet"
        file = self._folder / "raw.parquet"
        columns = ", ".join(f"{name} VARCHAR" for name in RAW_COLUMNS)
        with duckdb.connect() as database:
            database.execute(f"CREATE TABLE raw ({columns})")
            for row in rows:
                database.execute(f"INSERT INTO raw VALUES ({', '.join('?' * len(RAW_COLUMNS))})", _values(row))
            database.execute(f"COPY raw TO '{file}' (FORMAT parquet)")
        self.aws.client("s3").put_object(Bucket=self.outputs["raw_bucket_name"], Key=key, Body=file.read_bytes())
        return key

    def query_of(self, key: str) -> dict[str, Any] | None:
        """The ledger's row of a raw object."""
        return next((row for row in self.behind.ledger() if row.get("key") == key), None)

    def settled(self, key: str) -> dict[str, Any]:
        """The ledger's row of a raw object once its query is settled."""

        def found() -> dict[str, Any] | None:
            row = self.query_of(key)
            return row if row and row["state"] != "STARTED" and "open" not in row else None

        row = wait_until(found, f"the query of {key} is settled")
        assert row is not None
        return row

    def current(self, order_id: str) -> list[OrderRow]:
        return [row for row in self.behind.current() if row.order_id == order_id]

    def loaded(self, order_id: str) -> list[OrderRow]:
        return [row for row in self.behind.warehouse() if row.order_id == order_id]

    def load(self, slot: str = "") -> dict[str, Any]:
        """Run the load job for a slot as the schedule does; the slot's row."""
        slot = (
            slot or f"2026-11-{secrets.randbelow(28) + 1:02d}T{secrets.randbelow(24):02d}:00:{time.time() % 60:09.6f}Z"
        )
        glue = self.aws.client("glue")
        run = glue.start_job_run(JobName=self.outputs["load_job_name"], Arguments={"--scheduled_time": slot})[
            "JobRunId"
        ]

        def ended() -> str | None:
            found = glue.get_job_run(JobName=self.outputs["load_job_name"], RunId=run)["JobRun"]
            state = str(found["JobRunState"])
            assert state not in ("FAILED", "TIMEOUT"), found.get("ErrorMessage")
            return state if state == "SUCCEEDED" else None

        wait_until(ended, "the job has ended")
        return next(row for row in self.behind.ledger() if row["id"] == f"load#orders#{slot}")

    def refreshes(self) -> list[str]:
        return [str(found["IngestionStatus"]) for found in self.behind.ingestions()]

    def reconcile(self) -> None:
        """Run the reconciler over rows of every age."""
        lambda_, name = self.aws.client("lambda"), self.outputs["reconciler_function_name"]
        variables = lambda_.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        if variables["GRACE_SECONDS"] != "0":
            lambda_.update_function_configuration(
                FunctionName=name, Environment={"Variables": {**variables, "GRACE_SECONDS": "0"}}
            )
        answer = lambda_.invoke(FunctionName=name, Payload=b"{}")
        assert "FunctionError" not in answer, answer["Payload"].read()


def _values(row: dict[str, str]) -> list[str]:
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    given = {
        "event_name": "MODIFY",
        "stream_event_id": secrets.token_hex(16),
        "status": "COMPLETED",
        "occurred_at": now,
        "updated_at": now,
        "payload": json.dumps(BODY),
        "correlation_id": row["order_id"],
        **row,
    }
    return [given.get(name, "") for name in RAW_COLUMNS]


def order_id() -> str:
    return secrets.token_hex(32)


@pytest.fixture
def chain(aws: Sandbox, stack: Stack, tmp_path: Any) -> Iterator[Chain]:
    made = Chain(aws, stack, tmp_path)
    yield made
    aws.faults.clear()


def calls(service: str) -> Any:
    """Requests that a service sends in its own name."""

    def matching(request: HttpRequest) -> bool:
        return f'"Source":"aws.{service}"'.encode() in request.body.replace(b'": "', b'":"')

    return matching


def test_an_order_is_in_the_table_the_curated_data_redshift_and_spice_once(chain: Chain, orders: OrdersClient) -> None:
    chain.aws.faults.add(Fault(FaultKind.DUPLICATE, "events", "PutEvents"))
    accepted = orders.post_order(secrets.token_hex(16), BODY).body["order_id"]
    assert orders.post_details(accepted, DETAILS).status == 202
    wait_until(lambda: orders.get_order(accepted).body["status"] == "COMPLETED", "the order is written")

    def complete() -> bool:
        return [(row.version, row.status, row.correlation_id) for row in chain.current(accepted)] == [
            (3, "COMPLETED", accepted)
        ]

    wait_until(complete, "the order is current in its last version")
    before = len(chain.refreshes())
    assert json.loads(chain.load()["objects"])
    assert [(row.version, row.correlation_id) for row in chain.loaded(accepted)] == [(3, accepted)]
    wait_until(lambda: chain.refreshes().count("COMPLETED") == before + 1, "SPICE holds the load")
    held = chain.aws.cloud.service("quicksight").spice(chain.outputs["spice_data_set_ids"][0])  # type: ignore[attr-defined]
    assert [row["version"] for row in held if row["order_id"] == accepted] == [3]
    queries = [row for row in chain.behind.ledger() if row.get("kind") == "query"]
    assert len({row["query_execution_id"] for row in queries}) == len(queries)
    assert all(row["attempt"] == "1" for row in queries), "a repeated event makes no second query"


def test_a_repeated_slot_makes_no_second_load_and_an_empty_day_loads_nothing(chain: Chain) -> None:
    order = order_id()
    chain.settled(chain.raw_object({"order_id": order, "version": "3"}))
    slot = "2026-10-01T02:00:00Z"
    before = len(chain.refreshes())
    first = chain.load(slot)
    wait_until(lambda: len(chain.refreshes()) == before + 1, "the load is refreshed")
    assert chain.load(slot) == first
    empty = chain.load("2026-10-02T02:00:00Z")
    assert (empty["state"], json.loads(empty["objects"])) == ("SUCCEEDED", {})
    assert [row.version for row in chain.loaded(order)] == [3]
    statements = chain.aws.cloud.service("redshift-data").statements()  # type: ignore[attr-defined]
    names = [name for found in statements if "2026-10-0" in (name := found.request.get("StatementName", ""))]
    assert len(names) == 1, "neither the repeat nor the empty day sends a statement"
    assert len(chain.refreshes()) == before + 1


def test_a_repeated_completion_event_makes_no_second_ingestion(chain: Chain) -> None:
    chain.settled(chain.raw_object({"order_id": order_id(), "version": "3"}))
    before = len(chain.refreshes())
    chain.aws.faults.add(Fault(FaultKind.DUPLICATE, "events", "PutEvents", matching=calls("redshift-data")))
    chain.load()
    wait_until(lambda: chain.refreshes().count("COMPLETED") == before + 1, "the load is refreshed")
    assert [kind for _, _, kind in chain.aws.faults.injected] == [FaultKind.DUPLICATE]
    chain.settled(chain.raw_object({"order_id": order_id(), "version": "3"}))
    chain.load()
    wait_until(lambda: chain.refreshes().count("COMPLETED") == before + 2, "the next load is refreshed")
    assert len(chain.refreshes()) == before + 2


def test_dropped_completion_events_are_settled_by_the_reconciler(chain: Chain) -> None:
    chain.aws.faults.add(Fault(FaultKind.LOST_REQUEST, "events", "PutEvents", matching=calls("athena")))
    order = order_id()
    key = chain.raw_object({"order_id": order, "version": "3"})

    def finished() -> bool:
        row = chain.query_of(key)
        if row is None or "query_execution_id" not in row:
            return False
        found = chain.aws.client("athena").get_query_execution(QueryExecutionId=row["query_execution_id"])
        return bool(found["QueryExecution"]["Status"]["State"] == "SUCCEEDED")

    wait_until(finished, "the query has ended")
    open_row = chain.query_of(key)
    assert open_row is not None
    assert open_row["state"] == "STARTED"
    chain.reconcile()
    assert chain.settled(key)["state"] == "SUCCEEDED"
    assert [row.version for row in chain.current(order)] == [3]


def test_a_query_that_failed_once_is_tried_again(chain: Chain) -> None:
    def curated(request: HttpRequest) -> bool:
        return "/curated/orders/" in request.path

    chain.aws.faults.add(
        Fault(FaultKind.ERROR, "s3", "PutObject", times=1, code="AccessDenied", status=403, matching=curated)
    )
    order = order_id()
    row = chain.settled(chain.raw_object({"order_id": order, "version": "3"}))
    assert (row["state"], row["attempt"]) == ("SUCCEEDED", "2")
    assert [found.version for found in chain.current(order)] == [3]


def test_two_changes_in_one_load_end_as_the_newest_in_any_order_of_arrival(chain: Chain) -> None:
    forwards, backwards = order_id(), order_id()
    for order, versions in ((forwards, "34"), (backwards, "43")):
        for version in versions:
            chain.settled(chain.raw_object({"order_id": order, "version": version}))
    chain.load()
    for order in (forwards, backwards):
        assert [row.version for row in chain.current(order)] == [4]
        assert [row.version for row in chain.loaded(order)] == [4]


def test_a_late_file_is_loaded_by_the_next_load_and_changes_nothing_newer(chain: Chain) -> None:
    early, late = order_id(), order_id()
    chain.settled(chain.raw_object({"order_id": early, "version": "4"}))
    chain.load()
    old = {"order_id": early, "version": "3"}
    chain.settled(chain.raw_object(old, {"order_id": late, "version": "3"}, day="2026-01-31"))
    assert chain.loaded(late) == []
    chain.load()
    assert [row.version for row in chain.loaded(late)] == [3]
    assert [row.version for row in chain.loaded(early)] == [4]


def test_a_deleted_order_is_current_nowhere(chain: Chain) -> None:
    order = order_id()
    chain.settled(chain.raw_object({"order_id": order, "version": "3"}))
    chain.load()
    assert [row.version for row in chain.loaded(order)] == [3]
    removed = {"order_id": order, "event_name": "REMOVE", "old_version": "3", "status": "", "payload": ""}
    chain.settled(chain.raw_object({**removed, "occurred_at": "", "updated_at": "", "correlation_id": ""}))
    chain.load()
    assert chain.current(order) == []
    assert chain.loaded(order) == []


def test_a_record_that_fits_no_schema_is_seen_in_the_dead_letter_queue(chain: Chain) -> None:
    chain.aws.client("firehose").put_record(
        DeliveryStreamName=chain.outputs["delivery_stream_name"], Record={"Data": b"this is no JSON"}
    )
    sqs = chain.aws.client("sqs")

    def letters() -> list[dict[str, Any]]:
        found = sqs.receive_message(QueueUrl=chain.outputs["pipe_dlq_url"], VisibilityTimeout=0)
        return [json.loads(message["Body"]) for message in found.get("Messages", [])]

    found = wait_until(letters, "the failure's object is an event in the queue")
    assert found[0]["detail"]["object"]["key"].startswith("errors/format-conversion-failed/")
    sqs.purge_queue(QueueUrl=chain.outputs["pipe_dlq_url"])
