"""Sends a plan of orders through the pipeline and waits until all that can be done is done."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import compress
from typing import Any, Protocol

from pipeline.demo.accounting import Accounting, account, delivered
from pipeline.demo.back_half import BackHalf, Hops
from pipeline.demo.client import Answer, Ledger, OrdersClient
from pipeline.demo.patience import Patience
from pipeline.demo.plan import Details, PlannedOrder
from pipeline.demo.poison import Fate, Poison
from pipeline.trace import End, Trace, Traced, TraceFailed

CLIENTS = 8
WAVE = 500
"""Orders that are sent before those of them that want it get their details."""
POLL_SECONDS = 0.5
POISON_SECONDS = 90
"""What takes no longer than this to show itself: the retries of an asynchronous invocation."""
LOG_SECONDS = 10
"""How long the last log lines may be on their way."""


class Progress(Protocol):
    """Told how far a phase is."""

    def __call__(self, phase: str, done: int, total: int | None, detail: str = "") -> None:
        """Note progress: a phase's name, how much of it is done, its size if known, and what else there is to say."""


class DemoError(Exception):
    """The run cannot go on; the message says why."""


@dataclass(frozen=True)
class Pipeline:
    """A deployed pipeline: its clients, and the names that its stack exports.

    Args:
        client: makes a boto3 client of a service.
        outputs: the stack's exports.
    """

    client: Callable[[str], Any]
    outputs: dict[str, Any]

    def rows(self) -> list[dict[str, Any]]:
        """All rows of the orders table, as plain values."""
        pages = (
            self.client("dynamodb")
            .get_paginator("scan")
            .paginate(TableName=self.outputs["orders_table_name"], ConsistentRead=True)
        )
        return [
            {name: next(iter(value.values())) for name, value in item.items()}
            for page in pages
            for item in page["Items"]
        ]

    def executions(self) -> list[dict[str, Any]]:
        """All executions of the workflow."""
        pages = self.client("stepfunctions").get_paginator("list_executions")
        return [
            execution
            for page in pages.paginate(stateMachineArn=self.outputs["workflow_arn"])
            for execution in page["executions"]
        ]

    def dead_letters(self) -> list[str]:
        """Order ids of the messages in the workflow's dead-letter queue; they stay there."""
        sqs, url = self.client("sqs"), self.outputs["workflow_dlq_url"]
        found: dict[str, str] = {}
        handles: list[str] = []
        while True:
            answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=20)
            messages = answer.get("Messages", [])
            new = {message["MessageId"]: message for message in messages if message["MessageId"] not in found}
            if not new:
                break
            found |= {id: json.loads(message["Body"])["id"] for id, message in new.items()}
            handles += [message["ReceiptHandle"] for message in new.values()]
        for handle in handles:
            sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
        return list(found.values())

    def hops(self, execution_arn: str) -> Iterator[tuple[str, float]]:
        """Name and seconds of each working state that an execution went through."""
        entered: dict[str, float] = {}
        pages = self.client("stepfunctions").get_paginator("get_execution_history")
        for page in pages.paginate(executionArn=execution_arn, includeExecutionData=False):
            for event in page["events"]:
                at = event["timestamp"].timestamp()
                if "stateEnteredEventDetails" in event:
                    entered[event["stateEnteredEventDetails"]["name"]] = at
                elif "stateExitedEventDetails" in event:
                    name = event["stateExitedEventDetails"]["name"]
                    if event["type"] == "TaskStateExited":
                        yield name, at - entered[name]


@dataclass
class Result:
    """What came of a run."""

    accounting: Accounting
    ledger: Ledger
    hops: dict[str, list[float]] = field(default_factory=dict)
    behind: Hops | None = None
    dead_letters: dict[str, int] = field(default_factory=dict)


class Run:
    """One run of a plan.

    Args:
        pipeline: where the orders go.
        client: sends them.
        progress: told how far each phase is.
        patience: when the run gives up.
        stop: set to end the run early; what was sent is still accounted for.
        clients: how many send at a time.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        client: OrdersClient,
        progress: Progress,
        patience: Patience,
        stop: threading.Event,
        clients: int = CLIENTS,
    ) -> None:
        self._clients = clients
        self._pipeline = pipeline
        self._client = client
        self._progress = progress
        self._patience = patience
        self._stop = stop
        self._waiting = 0
        self._etags: dict[str, str | None] = {}
        self.ledger = Ledger()

    def send(self, plan: list[PlannedOrder]) -> None:
        """Send all orders, and their details as each order's plan says: those of some hundred orders before the next
        orders, so that no more of them wait at a time however many there are.
        """
        late = [order.details in (Details.AFTER, Details.TWICE) for order in plan]
        self._waiting = wanted = sum(late)
        sent = told = 0
        with ThreadPoolExecutor(self._clients, thread_name_prefix="client") as pool:
            for begin in range(0, len(plan), WAVE):
                wave = slice(begin, begin + WAVE)
                for _ in pool.map(self._order, plan[wave]):
                    sent += 1
                    self._progress("orders", sent, len(plan))
                for _ in pool.map(self._late_details, compress(plan[wave], late[wave])):
                    told += 1
                    self._progress("details", told, wanted)

    def send_poison(self, poison: Poison, count: int) -> None:
        """Send so much poison; what of it is accepted is an order like the others, and gets its details.

        Args:
            poison: sends it.
            count: how much.
        """
        for key, order_id in poison.send(count, self._stop):
            if order_id is None:
                with self.ledger.lock:
                    self.ledger.given_up.add(key)
                continue
            with self.ledger.lock:
                self.ledger.accepted[key] = order_id
            self._details(PlannedOrder(key, {}, Details.BEFORE, repeated=False, reused=False), order_id)

    def settle(self) -> None:
        """Wait until every order that has its details is written or failed.

        Raises:
            DemoError: nothing moves for too long.
        """
        wanted = self.ledger.details & set(self.ledger.accepted.values())
        while not self._stop.is_set():
            asked = time.monotonic()
            rows = self._pipeline.rows()
            finished = {row["order_id"] for row in rows if row["status"] in ("COMPLETED", "FAILED")}
            missing = {id for id in wanted if id not in finished}
            self._progress("written", len(wanted) - len(missing), len(wanted))
            running = {e["name"] for e in self._pipeline.executions() if e["status"] == "RUNNING"} & wanted
            if not missing and not running:
                return
            if self._patience.over("written", (sorted((row["order_id"], row["status"]) for row in rows), running)):
                waited = f"{len(missing)} of {len(wanted)} orders to be written, such as {min(missing | running)}"
                raise DemoError(f"waited for {waited}: {self._patience}")
            self._pause(asked)

    def follow(self, behind: BackHalf, start_load: Callable[[], None]) -> None:
        """Wait until every accepted order is in the curated data, loaded, and on the dashboard, as the table has it.

        Args:
            behind: the analytics part of the pipeline.
            start_load: makes the daily load begin.

        Raises:
            DemoError: nothing moves for too long.
        """
        accepted = set(self.ledger.accepted.values())
        versions = {
            row["order_id"]: int(row["version"])
            for row in self._pipeline.rows()
            if row["order_id"] in accepted and "version" in row
        }

        def curated(hops: Hops) -> int:
            # The view is asked only when no query is on its way: each answer costs one.
            if not hops.objects or hops.queries.total() < hops.objects or hops.queries["STARTED"]:
                return 0
            return len(delivered(behind.current(), versions))

        self._reach("curated", behind, curated, len(versions))
        if not behind.has_warehouse or self._stop.is_set():
            return
        # A stack that was used before has ingestions of earlier loads.
        ingested = behind.hops().ingestions["COMPLETED"]
        start_load()

        def loaded(hops: Hops) -> int:
            if not hops.loads.total() or hops.loads["STARTED"]:
                return 0
            return len(delivered(behind.warehouse(), versions))

        self._reach("redshift", behind, loaded, len(versions))
        data_sets = len(behind.outputs.get("spice_data_set_ids") or [])
        if data_sets:
            self._reach("ingestions", behind, lambda hops: hops.ingestions["COMPLETED"] - ingested, data_sets)

    def _reach(self, phase: str, behind: BackHalf, done: Callable[[Hops], int], total: int) -> None:
        while not self._stop.is_set():
            asked = time.monotonic()
            hops = behind.hops()
            reached = done(hops)
            self._progress(phase, reached, total, str(hops))
            if reached >= total:
                return
            if self._patience.over(phase, (reached, str(hops))):
                letters = {name: count for name, count in behind.dead_letters().items() if count} or "none"
                raise DemoError(
                    f"waited for {phase}, {reached} of {total}: {self._patience}\n  {hops}; dead letters: {letters}"
                )
            self._pause(asked)

    def _pause(self, asked: float) -> None:
        # Thousands of rows take long to read, time that is not to be taken from those who write them.
        self._stop.wait(max(POLL_SECONDS, 2 * (time.monotonic() - asked)))

    def fates(self, poison: Poison) -> list[Fate]:
        """What became of the poison, when nothing of it is under way any more, or nothing changes for long."""
        settled, changed = -1, time.monotonic()
        while True:
            fates = poison.fates()
            before, settled = settled, sum(fate.settled for fate in fates)
            changed = changed if settled == before else time.monotonic()
            self._progress("poison", settled, len(fates))
            if settled == len(fates) or time.monotonic() - changed > POISON_SECONDS or self._stop.is_set():
                return fates
            self._stop.wait(POLL_SECONDS)

    def account(self, behind: BackHalf | None = None) -> Result:
        """Count the ledger against the table, the executions and the dead-letter queue, and what lies behind."""
        return count(self._pipeline, self.ledger, behind)

    def trace(self, plan: list[PlannedOrder]) -> Traced | None:
        """Trace one delivered order through all hops, one that was sent twice where there is one; None without any.

        Raises:
            DemoError: the logs cannot be searched.
        """
        complete = [order for order in plan if self.ledger.accepted.get(order.key) in self.ledger.details]
        if not complete:
            return None
        chosen = next((order for order in complete if order.repeated), complete[0])
        trace = Trace(self._pipeline.client, self._pipeline.outputs)
        deadline = time.monotonic() + LOG_SECONDS
        try:
            while True:
                traced = trace.run(self.ledger.accepted[chosen.key])
                if traced.ended.end is not End.STOPPED or time.monotonic() > deadline or self._stop.wait(POLL_SECONDS):
                    return traced
        except TraceFailed as error:
            raise DemoError(f"the order {self.ledger.accepted[chosen.key]} cannot be traced: {error}") from error

    def _order(self, order: PlannedOrder) -> None:
        if self._stop.is_set():
            return
        answer = self._asked(order, "POST /orders", lambda client: client.post_order(order.key, order.body))
        if answer is None or answer.status != 202:
            with self.ledger.lock:
                self.ledger.given_up.add(order.key)
            self._unexpected("POST /orders", answer)
            return
        order_id = answer.body["order_id"]
        with self.ledger.lock:
            self.ledger.accepted[order.key] = order_id
        if order.details is Details.BEFORE:
            self._details(order, order_id)
        if order.repeated:
            again = self._asked(order, "POST /orders", lambda client: client.post_order(order.key, order.body))
            if again is not None and again.status == 202 and again.body == answer.body:
                with self.ledger.lock:
                    self.ledger.duplicates += 1
            else:
                self._unexpected("repeated POST /orders", again)
        if order.reused:
            body = {**order.body, "note": "another order with the same key"}
            other = self._asked(order, None, lambda client: client.post_order(order.key, body))
            if other is not None and other.status == 422:
                with self.ledger.lock:
                    self.ledger.refused += 1
            else:
                self._unexpected("POST /orders with a reused key", other)

    def _late_details(self, order: PlannedOrder) -> None:
        order_id = self.ledger.accepted.get(order.key)
        if order_id is None:
            return
        begin = time.monotonic()
        while not self._stop.is_set():
            if self._waits_for_details(order, order_id) or self._is_too_late(order_id, begin):
                break
            self._stop.wait(POLL_SECONDS)
        with self.ledger.lock:
            self._waiting -= 1
        for _ in range(2 if order.details is Details.TWICE else 1):
            self._details(order, order_id)

    def _waits_for_details(self, order: PlannedOrder, order_id: str) -> bool:
        etag = self._etags.get(order_id)
        answer = self._asked(order, "GET /orders/{id}", lambda client: client.get_order(order_id, etag))
        if answer is not None and answer.status == 200:
            self._etags[order_id] = answer.headers.get("etag")
            return bool(answer.body["status"] != "PENDING")
        if answer is None or answer.status != 304:
            self._unexpected("GET /orders/{id}", answer)
        return False

    def _is_too_late(self, order_id: str, begin: float) -> bool:
        """Whether an order's details are sent although it does not wait for them.

        Args:
            order_id: the order.
            begin: since when it is asked.

        Raises:
            DemoError: nothing moves for too long.
        """
        del begin
        if self._patience.over("details", self._waiting):
            raise DemoError(f"waited for order {order_id} to want its details: {self._patience}")
        return False

    def _details(self, order: PlannedOrder, order_id: str) -> None:
        answer = self._asked(order, "POST details", lambda client: client.post_details(order_id, order.details_body))
        if answer is not None and answer.status == 202:
            with self.ledger.lock:
                self.ledger.details.add(order_id)
        else:
            self._unexpected("POST details", answer)

    def _asked(self, order: PlannedOrder, hop: str | None, call: Callable[[OrdersClient], Answer]) -> Answer | None:
        """A request of an order's client; None when that gives up.

        Args:
            order: whose client asks.
            hop: what the time that it took is noted as, if at all.
            call: makes the request.
        """
        del order
        answer = call(self._client)
        if hop is not None:
            self.ledger.took(hop, answer.seconds)
        return answer

    def _unexpected(self, what: str, answer: Answer | None) -> None:
        said = "no answer" if answer is None else f"{answer.status} {answer.body.get('detail', answer.body)}"
        with self.ledger.lock:
            self.ledger.unexpected.append(f"{what}: {said}")


def count(pipeline: Pipeline, ledger: Ledger, behind: BackHalf | None = None) -> Result:
    """The accounting of a ledger against what the pipeline holds now, behind the table too when that is given."""
    executions = pipeline.executions()
    accounting = account(
        ledger.accepted.values(),
        pipeline.rows(),
        [e["name"] for e in executions if e["status"] == "RUNNING"],
        [e["name"] for e in executions if e["status"] != "RUNNING"],
        pipeline.dead_letters(),
        behind.current() if behind is not None else None,
        behind.warehouse() if behind is not None and behind.has_warehouse else None,
        ledger.unanswered,
    )
    hops = {hop: list(seconds) for hop, seconds in ledger.seconds.items()}
    mine = set(ledger.accepted.values())
    for execution in executions:
        if execution["name"].partition("-")[0] in mine:
            for name, seconds in pipeline.hops(execution["executionArn"]):
                hops.setdefault(name, []).append(seconds)
    if behind is None:
        return Result(accounting, ledger, hops)
    return Result(accounting, ledger, hops, behind.hops(), behind.dead_letters())
