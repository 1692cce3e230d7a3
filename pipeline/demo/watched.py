"""What the pipeline adds to the sandbox's console: its accounting, an order's way, redrives, poison, and a chart."""

import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from eda_sandbox import console
from eda_sandbox.embedded import Sandbox
from eda_sandbox.foundation.messages import messages
from eda_sandbox.provider.deploy import Stack
from pulumi_aws_eda.log_queries import IdError

from pipeline.demo.accounting import Accounting, account
from pipeline.demo.back_half import BackHalf
from pipeline.demo.client import Ledger, OrdersClient
from pipeline.demo.patience import Patience
from pipeline.demo.plan import plan
from pipeline.demo.poison import Poison
from pipeline.demo.run import DemoError, Pipeline, Run
from pipeline.redrive import Redrive
from pipeline.redrive_changes import RedriveChanges
from pipeline.redrive_loads import RedriveLoads
from pipeline.redrive_notifications import RedriveNotifications
from pipeline.redrive_queries import RedriveQueries
from pipeline.trace import Trace, TraceFailed

ORDER_ID = "[0-9a-f]{64}"
BARS = 24
"""How many bars the chart has at most."""
STEPS = (1, 5, 15, 60, 300, 900, 3600, 6 * 3600, 86400)
"""Seconds that a bar can stand for."""
MORE_ORDERS = 10
SENDER = "more-orders"
"""The thread that sends them."""
MORE_SECONDS = 600.0
"""After which an order that does not come to wait for its details is not given them any more."""
FIRST_SEED = 1_000
"""Seeds of the orders that are sent by a button; those of the demo's own are usually smaller."""


class Watched:
    """The pipeline as the console shows it.

    Args:
        aws: the embedded AWS.
        stack: the deployed pipeline.
        client: sends orders.
        ledger: of the orders that are sent otherwise; those of the buttons are written to it too.
        stop: set when nothing is to be sent any more.
    """

    def __init__(self, aws: Sandbox, stack: Stack, client: OrdersClient, ledger: Ledger, stop: threading.Event) -> None:
        self._aws = aws
        self._outputs = stack.outputs
        self._stack = stack
        self._client = client
        self._ledger = ledger
        self._stop = stop
        self._pipeline = Pipeline(aws.client, stack.outputs)
        self._seeds = itertools.count(FIRST_SEED)
        self._suspected: frozenset[str] = frozenset()

    def additions(self) -> console.Additions:
        """All of it."""
        return console.Additions(
            title="Orders",
            item="order",
            item_pattern=ORDER_ID,
            labels=_labels(self._stack),
            count=self.count,
            follow=self.follow,
            redrive=self._redrives(),
            chart=self.chart,
            buttons=(
                console.Button(
                    "send-orders",
                    f"Send {MORE_ORDERS} orders",
                    "A fifth of them comes twice, and one never gets its details.",
                    self.send_orders,
                ),
                console.Button(
                    "send-poison",
                    "Send a poison order",
                    "One that could stop others: half a surrogate, 300 kB, a number that is none, no JSON at all.",
                    self.send_poison,
                ),
            ),
        )

    def count(self) -> console.Counted:
        """Count the ledger against the table, the executions and the dead-letter queue, as the demo does at its end."""
        with self._ledger.lock:
            accepted = list(self._ledger.accepted.values())
            unanswered = list(self._ledger.unanswered)
        # In this order an order that moves on meanwhile is seen in one place or the next.
        executions = self._pipeline.executions()
        rows = self._pipeline.rows()
        found = account(
            accepted,
            rows,
            [one["name"] for one in executions if one["status"] == "RUNNING"],
            [one["name"] for one in executions if one["status"] != "RUNNING"],
            self._dead_letters(),
            unanswered=unanswered,
        )
        suspected = frozenset({*found.lost_ids, *found.doubled_ids})
        # What was seen once may have moved while it was counted.
        lost = len(suspected & self._suspected & {*found.lost_ids})
        doubled = len(suspected & self._suspected & {*found.doubled_ids})
        self._suspected = suspected
        delivered = len(self._delivered() & set(accepted))
        counts = (
            console.Count("accepted", found.accepted),
            console.Count("written", found.written),
            console.Count("on the dashboard", delivered),
            console.Count("waiting", found.waiting),
            console.Count("dead letters", found.in_dlq),
            console.Count("lost", lost, bad=True),
            console.Count("doubled", doubled, bad=True),
        )
        return console.Counted(counts, *_verdict(found, lost, doubled))

    def follow(self, id: str) -> console.Way:
        """An order's way, by the same code as ``python -m pipeline trace``."""
        try:
            traced = Trace(self._aws.client, self._outputs).run(id, with_traces=False)
        except (IdError, TraceFailed) as error:
            return console.Way(id, (), "unknown", str(error))
        hops = [
            console.Hop(
                hop.name,
                hop.begin,
                None if hop.duration_ms is None else hop.duration_ms / 1000,
                "; ".join(
                    [hop.detail] * bool(hop.detail) + [f"{n} x {what} suppressed" for what, n in hop.suppressed.items()]
                ),
                [f"{n} x {what}" for what, n in hop.failures.items()],
            )
            for hop in traced.hops
        ]
        return console.Way(id, hops, str(traced.ended.end), traced.ended.why)

    def chart(self) -> console.Series | None:
        """What the dashboard shows: orders by status over time, from the SPICE data set."""
        rows = self._spice()
        times = [
            (datetime.fromisoformat(str(row["updated_at"])).replace(tzinfo=UTC), str(row["status"])) for row in rows
        ]
        if not times:
            return None
        first, last = min(at for at, _ in times).timestamp(), max(at for at, _ in times).timestamp()
        step = next((step for step in STEPS if (last - first) / step < BARS), STEPS[-1])
        begin = int(first // step)
        bars = int(last // step) - begin + 1
        counts: dict[str, Counter[int]] = {}
        for at, status in times:
            counts.setdefault(status, Counter())[int(at.timestamp() // step) - begin] += 1
        form = "%H:%M:%S" if step < 60 else "%d.%m. %H:%M"
        labels = [datetime.fromtimestamp((begin + bar) * step, UTC).strftime(form) for bar in range(bars)]
        values = {status: [count[bar] for bar in range(bars)] for status, count in sorted(counts.items())}
        return console.Series("Orders by status and time, as the dashboard has them", labels, values)

    def send_orders(self) -> console.Answer:
        """Send some orders more, on threads of their own."""
        seed = next(self._seeds)
        threading.Thread(target=self._send, args=(seed,), name=SENDER, daemon=True).start()
        return console.Answer(f"{MORE_ORDERS} orders are on their way (seed {seed})")

    def send_poison(self) -> console.Answer:
        """Send one poison order and say what came of it."""
        run = self._run()
        poison = Poison(
            self._client,
            self._aws.client,
            self._outputs,
            BackHalf(self._aws.client, self._outputs, self._aws.cloud.account),
            self._pipeline.rows,
            next(self._seeds),
        )
        run.send_poison(poison, 1)
        fates = poison.fates()
        if not fates:
            return console.Answer("Nothing was sent")
        id = next(iter(run.accepted_now), None)
        return console.Answer(
            f"{fates[0].what[0].upper()}{fates[0].what[1:]}: {fates[0].answer}, {fates[0].became}", id
        )

    def _send(self, seed: int) -> None:
        try:
            self._run().send(plan(MORE_ORDERS, seed))
        except (DemoError, ConnectionError) as error:
            # What the clients saw of them is in the ledger.
            self._ledger.unexpected.append(str(error))

    def _run(self) -> "_More":
        return _More(self._pipeline, self._client, self._ledger, self._stop)

    def _spice(self) -> list[dict[str, Any]]:
        quicksight = self._aws.cloud.service("quicksight")
        return [row for id in self._outputs.get("spice_data_set_ids") or [] for row in quicksight.spice(id)]

    def _delivered(self) -> set[str]:
        return {str(row["order_id"]) for row in self._spice() if row["status"] == "COMPLETED"}

    def _dead_letters(self) -> list[str]:
        """Order ids in the workflow's dead-letter queue, without receiving them."""
        name = str(self._outputs["workflow_dlq_url"]).rpartition("/")[2]
        bodies = [message.body for message in messages(self._aws.cloud, name)]
        # Whoever may send to the queue may send anything.
        return [body["id"] for body in bodies if isinstance(body, dict) and isinstance(body.get("id"), str)]

    def _redrives(self) -> Mapping[str, Callable[[], console.Answer]]:
        client, outputs = self._aws.client, self._outputs
        commands: dict[str, Callable[[], Iterable[Any]]] = {
            outputs["workflow_dlq_url"]: lambda: Redrive(
                client("sqs"), client("dynamodb"), client("stepfunctions"), outputs
            ).run(),
            outputs["pipe_dlq_url"]: lambda: RedriveChanges(client, outputs).run(),
            outputs["notifications_dlq_arn"]: lambda: RedriveNotifications(client, outputs).run(),
            outputs["query_dlq_url"]: lambda: RedriveQueries(client, outputs).run(),
            outputs["load_dlq_url"]: lambda: RedriveLoads(client, outputs).run(),
        }
        return {
            where.replace(":", "/").rpartition("/")[2]: _redriving(command)
            for where, command in commands.items()
            if where
        }


class _More(Run):
    """A run of a few orders more, in a ledger that others write to."""

    def __init__(self, pipeline: Pipeline, client: OrdersClient, ledger: Ledger, stop: threading.Event) -> None:
        super().__init__(pipeline, client, lambda *_: None, Patience(MORE_SECONDS), stop)
        self.ledger = ledger
        self._before = set(ledger.accepted.values())

    @property
    def accepted_now(self) -> set[str]:
        """What was accepted since the run was made."""
        return set(self.ledger.accepted.values()) - self._before


def _redriving(command: Callable[[], Iterable[Any]]) -> Callable[[], console.Answer]:
    def redrive() -> console.Answer:
        done = left = 0
        outcome = ""
        for one in command():
            done, left, outcome = done + one.done, left + (not one.done), one.outcome
        said = f"{done} redriven" + (f", {left} still in the queue" if left else "")
        return console.Answer(f"{said}: {outcome}" if outcome else "There was nothing to redrive")

    return redrive


def _verdict(found: Accounting, lost: int, doubled: int) -> tuple[bool | None, str]:
    if lost or doubled:
        return False, f"Out of balance: {lost} lost, {doubled} doubled"
    if found.lost or found.doubled:
        return None, "Counting again: something moved meanwhile"
    return True, "In balance: accepted = written + waiting + dead letters, nothing lost, nothing doubled"


def _labels(stack: Stack) -> dict[str, str]:
    """The program's own names of buckets, whose physical ones are cut and carry digits."""
    return {id: name for token, name, id, _ in stack.resources if token.endswith((":Bucket", ":BucketV2"))}
