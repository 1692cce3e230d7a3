"""One order is followed through all hops: with duplicates and faults, from either end, and to where it stopped."""

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from eda_sandbox.embedded import Sandbox
from eda_sandbox.foundation.cloud import REGION, ROOT_KEY, ROOT_SECRET
from eda_sandbox.frontdoor.faults import Fault, FaultKind
from eda_sandbox.provider.deploy import Stack
from pulumi_aws_eda import log_queries
from typer.testing import CliRunner

from pipeline.__main__ import app
from pipeline.demo.back_half import BackHalf
from pipeline.demo.client import OrdersClient
from pipeline.trace import End, Trace, Traced
from pipeline.trace_lines import Stage
from tests.conftest import ROOT, client_of
from tests.faulted import of
from tests.integration.test_orders import BODY, until
from tests.reliability.test_back_half import Chain
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("hurried")

SECRET = f"secret-{secrets.token_hex(6)}"
"""In every payload, and in no log line."""
ORDER = {**BODY, "customer": SECRET}
DETAILS: dict[str, object] = {"address": f"{SECRET} street 1", "delivery_date": "2027-01-15"}
STAGES = [
    Stage.API,
    Stage.ADMISSION,
    Stage.WORKFLOW,
    Stage.FUNCTION,
    Stage.TABLE,
    Stage.RAW,
    Stage.QUERY,
    Stage.LOAD,
    Stage.REFRESH,
]


class Orders:
    """Orders that are sent twice, and their details too.

    Attributes:
        ids: their ids, by correlation id.
    """

    def __init__(self, client: OrdersClient) -> None:
        self._client = client
        self.ids: dict[str, str] = {}

    def send(self, correlation_id: str | None = None) -> str:
        key = f"trace-{secrets.token_hex(8)}"
        headers = {"Idempotency-Key": key, **({"X-Correlation-Id": correlation_id} if correlation_id else {})}
        answers = [self._client.send("POST", "/orders", ORDER, headers) for _ in range(2)]
        assert [answer.status for answer in answers] == [202, 202]
        order_id = str(answers[0].body["order_id"])
        self.ids[correlation_id or order_id] = order_id
        return order_id

    def complete(self, order_id: str) -> None:
        until(self._client, order_id, "AWAITING_DETAILS")
        for _ in range(2):
            assert self._client.post_details(order_id, DETAILS).status == 202
        until(self._client, order_id, "COMPLETED")


@pytest.fixture(scope="module")
def stack(own_stack: Stack) -> Stack:
    return own_stack


@pytest.fixture(scope="module")
def orders(stack: Stack) -> OrdersClient:
    return client_of(stack)


@pytest.fixture(scope="module")
def behind(aws: Sandbox, stack: Stack) -> BackHalf:
    return BackHalf(aws.client, stack.outputs, aws.cloud.account)


@pytest.fixture(scope="module")
def sent(aws: Sandbox, stack: Stack, orders: OrdersClient, behind: BackHalf) -> Orders:
    """Orders that went all the way, on which duplicates and faults lay."""
    mine = of("orders-trace")
    for fault in (
        Fault(FaultKind.ERROR, "dynamodb", "UpdateItem", times=2, code="ThrottlingException", matching=mine),
        Fault(FaultKind.LOST_ANSWER, "stepfunctions", "StartExecution", times=1, matching=mine),
        Fault(FaultKind.DUPLICATE, "events", "PutEvents", times=20, matching=mine),
        Fault(FaultKind.PARTIAL, "firehose", "PutRecordBatch", times=2, matching=mine),
    ):
        aws.faults.add(fault)
    made = Orders(orders)
    for correlation_id in (None, None, f"my-'own'-\"id\"-{secrets.token_hex(4)}"):
        made.send(correlation_id)
    for order_id in made.ids.values():
        made.complete(order_id)
    wanted = set(made.ids.values())

    def curated() -> bool:
        hops = behind.hops()
        # A load takes what the ledger calls done, which is later than that a file is there.
        if hops.queries["STARTED"] or hops.queries.total() < hops.objects:
            return False
        return wanted <= {row.order_id for row in behind.current() if row.version == 3}

    wait_until(curated, "the orders are in the curated data")
    aws.cloud.service("scheduler").advance_to_next(stack.outputs["schedule_name"])  # type: ignore[attr-defined]  # the Scheduler
    chain = Chain(aws, stack, None)
    for order_id in wanted:
        # The end of an ingestion has no event: the reconciler sees it.
        wait_until(partial(delivered, aws, stack, order_id, chain), partial(stands, aws, stack, order_id))
    return made


def traced(aws: Sandbox, stack: Stack, id: str) -> Traced:
    return Trace(aws.client, stack.outputs).run(id)


def stands(aws: Sandbox, stack: Stack, id: str) -> str:
    return f"it is delivered: {traced(aws, stack, id).ended}"


def delivered(aws: Sandbox, stack: Stack, id: str, chain: Chain) -> bool:
    chain.reconcile()
    return traced(aws, stack, id).ended.end is End.DELIVERED


def log_lines(aws: Sandbox, groups: list[str]) -> Iterator[tuple[str, str]]:
    logs = aws.client("logs")
    for group in groups:
        for event in logs.filter_log_events(logGroupName=group)["events"]:
            yield group, event["message"]


def test_for_each_order_all_hops_are_found_in_order(aws: Sandbox, stack: Stack, sent: Orders) -> None:
    for correlation_id, order_id in sent.ids.items():
        found = traced(aws, stack, order_id)
        assert found.ended.end is End.DELIVERED, found.as_json()
        assert set(found.ids) == {order_id, correlation_id}
        first = {stage: min(hop.begin for hop in found.hops if hop.stage is stage) for stage in STAGES}
        moments = [hop.begin for hop in found.hops]
        assert moments == sorted(moments)
        # The table's row is begun by the admission; S3 tells whole seconds of the raw objects.
        chain = [Stage.ADMISSION, Stage.WORKFLOW, Stage.FUNCTION, Stage.QUERY, Stage.LOAD]
        assert [first[stage] for stage in chain] == sorted(first[stage] for stage in chain)
        # The refresh begins with the event of the statement's end; the job hears of it when it asks again.
        assert first[Stage.QUERY] < first[Stage.REFRESH]
        assert first[Stage.API] <= first[Stage.WORKFLOW]
        names = {hop.name: hop for hop in found.hops}
        for name in ("call-external-api", "orders-workflow-token-keeper", "add-details", "load-job"):
            assert name in names
        assert names["POST /orders"].detail.startswith("2 x 202")
        assert names["orders-api-post-orders-admission"].suppressed["request"] >= 1
        assert names["add-details"].suppressed == {"details": 1}
        worked = [hop for hop in found.hops if hop.stage in (Stage.API, Stage.FUNCTION, Stage.QUERY, Stage.WORKFLOW)]
        assert all(hop.duration_ms for hop in worked), found.as_json()


def test_a_correlation_id_finds_what_the_orders_id_finds(aws: Sandbox, stack: Stack, sent: Orders) -> None:
    correlation_id, order_id = list(sent.ids.items())[-1]
    assert correlation_id != order_id
    by_order, by_correlation = traced(aws, stack, order_id), traced(aws, stack, correlation_id)
    assert by_correlation.hops == by_order.hops
    assert by_correlation.ended == by_order.ended


def test_an_ingestion_leads_back_to_its_orders(aws: Sandbox, stack: Stack, sent: Orders, behind: BackHalf) -> None:
    """By the same query, from the other end."""
    trace = Trace(aws.client, stack.outputs)

    def lines(*ids: str) -> list[dict[str, Any]]:
        return [dict(line.fields) for line in trace._search(ids, datetime.now(UTC) - timedelta(hours=1))]

    found: set[str] = set()
    for ingestion in behind.ingestions():
        statements = {line["statement_id"] for line in lines(ingestion["IngestionId"]) if "statement_id" in line}
        objects = [
            id.removeprefix("query#") for statement in statements for line in lines(statement)
            for id in line.get("object_ids", ())
        ]  # fmt: skip
        for start in range(0, len(objects), log_queries.MAX_IDS):
            for line in lines(*objects[start : start + log_queries.MAX_IDS]):
                found |= set(line.get("correlation_ids", ()))
    assert set(sent.ids) <= found


def test_every_line_of_every_function_has_the_correlation_id_and_none_a_payload(
    aws: Sandbox, stack: Stack, sent: Orders
) -> None:
    groups = stack.outputs["log_group_names"]
    written = list(log_lines(aws, groups))
    assert [message for _, message in written if not message.startswith("{")] == []
    told = [json.loads(message) for _, message in written]
    of_functions = [
        line for (group, _), line in zip(written, told, strict=True)
        if group.startswith(("/aws/lambda/", "/aws-glue/")) and not str(line.get("type", "")).startswith("platform.")
        # Of an exception that leaves the handler, the runtime itself writes.
        and "stackTrace" not in line
    ]  # fmt: skip
    assert [line for line in of_functions if "service" not in line] == []
    assert len({line["service"] for line in of_functions}) >= 8
    for line in of_functions:
        assert line["correlation_id"], line
        assert {"level", "message", "timestamp", "service"} <= set(line), line
    for group, message in written:
        assert SECRET not in message, f"{group}: {message}"
        assert '"payload"' not in message, f"{group}: {message}"


def test_an_order_that_is_dropped_between_two_hops_shows_its_last_one(
    aws: Sandbox, stack: Stack, orders: OrdersClient, sent: Orders
) -> None:
    pipes = aws.client("pipes")
    state = stack.of_type("aws:pipes/pipe:Pipe")["orders-raw-pipe"]
    pipes.stop_pipe(Name=state["name"])
    wait_until(lambda: pipes.describe_pipe(Name=state["name"])["CurrentState"] == "STOPPED", "the pipe has stopped")
    try:
        made = Orders(orders)
        order_id = made.send()
        made.complete(order_id)
        found = traced(aws, stack, order_id)
        assert (found.ended.end, found.ended.hop) == (End.STOPPED, "table row")
        assert "nothing of it" in found.ended.why
        assert max(hop.stage for hop in found.hops) is Stage.TABLE
    finally:
        pipes.start_pipe(Name=state["name"])


def test_an_execution_that_was_aborted_is_a_failed_order(aws: Sandbox, stack: Stack, orders: OrdersClient) -> None:
    order_id = Orders(orders).send()
    until(orders, order_id, "AWAITING_DETAILS")
    machine = stack.outputs["workflow_arn"]
    arn = f"{machine.replace(':stateMachine:', ':execution:')}:{order_id}"
    aws.client("stepfunctions").stop_execution(executionArn=arn)

    def ended() -> bool:
        return traced(aws, stack, order_id).ended.end is End.FAILED

    # The reconciler of the workflow brings the order to its end.
    wait_until(ended, "the row says so")
    found = traced(aws, stack, order_id)
    assert (found.ended.end, found.ended.hop) == (End.FAILED, "table row")
    assert machine.rpartition(":")[2] in {hop.name for hop in found.hops}


def test_what_nobody_knows_is_said_to_be_unknown(aws: Sandbox, stack: Stack) -> None:
    found = traced(aws, stack, "nobody-" + secrets.token_hex(4))
    assert (found.ended.end, found.hops, found.lines) == (End.UNKNOWN, (), 0)


def test_the_command_prints_the_timeline_or_json(aws: Sandbox, stack: Stack, sent: Orders, tmp_path: Path) -> None:
    order_id = next(iter(sent.ids.values()))
    outputs = tmp_path / "outputs.json"
    outputs.write_text(json.dumps(stack.outputs))
    environment = {**os.environ, "AWS_ACCESS_KEY_ID": ROOT_KEY, "AWS_SECRET_ACCESS_KEY": ROOT_SECRET, "COLUMNS": "200"}

    def command(*arguments: str) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-m", "pipeline", "trace", *arguments, "--outputs", str(outputs)]
        line += ["--endpoint-url", aws.cloud.endpoint, "--region", REGION]
        return subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    done = command(order_id, "--json")
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    assert printed["ended"]["end"] == "delivered"
    assert [hop["stage"] for hop in printed["hops"]].count("load") == 1
    shown = command(order_id, "--since", "2h")
    assert shown.returncode == 0, shown.stderr
    for text in (order_id, "call-external-api", "request suppressed", "Delivered after"):
        assert text in shown.stdout
    assert command("nobody-knows-it").returncode == 1
    for arguments in (["x" * 200], [order_id, "--since", "soon"]):
        assert CliRunner().invoke(app, ["trace", *arguments, "--outputs", str(outputs)]).exit_code == 2


def test_saved_queries_answer_from_the_same_logs(aws: Sandbox, stack: Stack, sent: Orders) -> None:
    logs, now = aws.client("logs"), int(time.time())

    def ask(name: str) -> list[dict[str, str]]:
        started = logs.start_query(
            logGroupNames=stack.outputs["log_group_names"],
            startTime=now - 3600,
            endTime=now + 60,
            queryString=log_queries.QUERIES[name],
        )
        wait_until(lambda: logs.get_query_results(queryId=started["queryId"])["status"] == "Complete", name)
        rows = logs.get_query_results(queryId=started["queryId"])["results"]
        return [{cell["field"]: cell["value"] for cell in row} for row in rows]

    suppressed = {row["suppressed"] for row in ask("duplicates-suppressed")}
    assert {"request", "details"} <= suppressed
    assert all(float(row["p95_ms"]) >= float(row["p50_ms"]) > 0 for row in ask("latency-per-hop"))
    calls = [float(row["duration_ms"]) for row in ask("slowest-external-calls")]
    assert calls
    assert calls == sorted(calls, reverse=True)
    assert all(int(row["cold_starts"]) >= 1 for row in ask("cold-starts"))
