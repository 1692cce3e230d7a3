"""The same orders and the same accounting against a stack that is deployed on AWS, with the caller's own credentials.

Other orders may be in the stack: only those of this run are counted. What it costs and touches is said, and confirmed,
before anything is sent.
"""

import json
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from pipeline import costs, documents, workload
from pipeline.demo.back_half import BackHalf, OrderRow
from pipeline.demo.client import OrdersClient
from pipeline.demo.patience import Patience
from pipeline.demo.plan import plan
from pipeline.demo.progress import ProgressLines
from pipeline.demo.run import DemoError, Pipeline, Result, Run

ROOT = Path(__file__).parents[2]
NEEDED = ("api_url", "orders_table_name", "workflow_arn", "workflow_dlq_url")
PATIENCE_SECONDS = 1200.0
"""Firehose's buffer, at most 900 seconds, is the longest time in which nothing is seen to move."""


@dataclass(frozen=True)
class OwnOrders(Pipeline):
    """A deployed pipeline, of which only some orders are looked at.

    Args:
        ids: the orders of this run.
    """

    ids: Callable[[], set[str]] = set

    def rows(self) -> list[dict[str, Any]]:
        """The rows of this run's orders, and what else carries their correlation ids."""
        mine = self.ids()
        return [row for row in super().rows() if {row["order_id"], row.get("correlation_id")} & mine]

    def executions(self) -> list[dict[str, Any]]:
        """The executions of this run's orders."""
        mine = self.ids()
        return [found for found in super().executions() if found["name"].partition("-")[0] in mine]

    def dead_letters(self) -> list[str]:
        """This run's orders in the workflow's dead-letter queue."""
        mine = self.ids()
        return [id for id in super().dead_letters() if id in mine]


@dataclass(frozen=True)
class OwnAnalytics(BackHalf):
    """What lies behind the table, of which only some orders are looked at.

    Args:
        ids: the orders of this run.
        before: messages that were in the dead-letter queues already.
    """

    ids: Callable[[], set[str]] = set
    before: Mapping[str, int] | None = None

    def current(self) -> list[OrderRow]:
        """This run's orders in the curated data."""
        return self._mine(super().current())

    def warehouse(self) -> list[OrderRow]:
        """This run's orders in Redshift."""
        return self._mine(super().warehouse())

    def dead_letters(self) -> dict[str, int]:
        """The messages that came since the run began."""
        before = self.before or {}
        return {name: max(0, count - before.get(name, 0)) for name, count in super().dead_letters().items()}

    def _mine(self, rows: list[OrderRow]) -> list[OrderRow]:
        mine = self.ids()
        return [row for row in rows if {row.order_id, row.correlation_id} & mine]


def stack_outputs(stack: str, file: Path | None) -> dict[str, Any]:
    """The stack's exports: from a file, else from ``pulumi stack output``.

    Args:
        stack: the stack's name.
        file: what ``pulumi stack output --json`` printed, or none.

    Raises:
        DemoError: they cannot be had, or they are not the pipeline's.
    """
    try:
        text = file.read_text() if file is not None else _asked(stack)
        outputs: dict[str, Any] = json.loads(text)
    except (OSError, ValueError) as error:
        raise DemoError(f"the stack's outputs cannot be read: {error}") from error
    missing = [name for name in NEEDED if not outputs.get(name)]
    if missing:
        raise DemoError(f"these are not the outputs of the pipeline's stack: {', '.join(missing)} is missing")
    return outputs


def _asked(stack: str) -> str:
    command = ["pulumi", "stack", "output", "--json", "--stack", stack]
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    except FileNotFoundError as error:
        raise DemoError("pulumi is not on PATH; give the stack's outputs by --outputs") from error
    except subprocess.CalledProcessError as error:
        raise DemoError(f"{' '.join(command)}: {error.stderr.strip()}") from error


def caller() -> tuple[boto3.Session, str, str]:
    """The caller's session, account and ARN.

    Raises:
        DemoError: there are no credentials, or they are not valid.
    """
    session = boto3.Session()
    try:
        if session.get_credentials() is None or session.region_name is None:
            raise DemoError("credentials and a region are needed: AWS_PROFILE, or AWS's environment variables")
        identity = session.client("sts").get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        raise DemoError(f"AWS does not take the credentials: {error}") from error
    return session, identity["Account"], identity["Arn"]


def announce(console: Console, stack: str, outputs: Mapping[str, Any], who: str, orders: int) -> None:
    """Say what a run costs and touches."""
    usd = costs.total(costs.million_orders(workload.order(documents.recording("dev")))) * orders / 1e6
    warehouse = outputs.get("redshift_workgroup_name")
    console.print(
        f"""Stack {stack}, called as {who}
It sends {orders} orders to {outputs["api_url"]}: new rows in {outputs["orders_table_name"]}, executions, files
and curated rows, which stay. One order in twenty never gets its details, and its execution waits until it times out.
It reads the table, the executions and the queues; dead letters are not to be seen by others for some seconds.
The external API of the stack is really called, about once an order, and other systems are notified.
{"It starts the load job once, and reads from " + warehouse + "." if warehouse else "The stack has no warehouse."}
It costs about {usd:.4f} US dollars by the list prices of {costs.DATED}, and at most some cents for queries and a load.
It takes as long as Firehose buffers, five minutes or more.""",
        soft_wrap=True,
        markup=False,
    )


def send_to_aws(
    console: Console,
    stack: str,
    file: Path | None,
    orders: int,
    seed: int,
    confirmed: bool,
    stop: threading.Event,
    patience: float | None = None,
) -> Result:
    """Send a plan of orders through a deployed stack and count what became of them.

    Args:
        console: where progress is told.
        stack: the stack's name.
        file: its outputs, or none.
        orders: how many orders are sent.
        seed: decides the orders; a seed that was used before repeats its orders.
        confirmed: nobody is asked.
        stop: set to end the run early; what was sent is still accounted for.
        patience: seconds without a step forward after which it is given up; default ``PATIENCE_SECONDS``.

    Raises:
        DemoError: the stack cannot be reached, nobody confirmed, or nothing moves for too long.
    """
    outputs = stack_outputs(stack, file)
    session, account, who = caller()
    credentials = session.get_credentials()
    assert credentials is not None, "who called has credentials"
    announce(console, stack, outputs, who, orders)
    if not confirmed and not typer.confirm("Go on?", default=False, err=True):
        raise DemoError("nothing was sent")
    clients: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in clients:
            clients[service] = session.client(service)  # type: ignore[call-overload]  # known at run time
        return clients[service]

    sender = OrdersClient(outputs["api_url"], credentials, session.region_name)
    ids: Callable[[], set[str]] = lambda: set(run.ledger.accepted.values())  # noqa: E731 - the run is made just after it
    before = BackHalf(client, outputs, account).dead_letters()
    behind = OwnAnalytics(client, outputs, account, ids=ids, before=before)
    pipeline = OwnOrders(client, outputs, ids=ids)
    with ProgressLines(console) as told:
        run = Run(pipeline, sender, told, Patience(patience or PATIENCE_SECONDS), stop)
        console.print(f"Sending {orders} orders (seed {seed})")
        run.send(plan(orders, seed))
        run.settle()
        if not outputs.get("current_view_name"):
            return run.account()
        run.follow(behind, lambda: start_load(client, outputs))
        return run.account(None if stop.is_set() else behind)


def start_load(client: Callable[[str], Any], outputs: Mapping[str, Any]) -> None:
    """Start the daily load now, for a slot of its own."""
    slot = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    client("glue").start_job_run(JobName=outputs["load_job_name"], Arguments={"--scheduled_time": slot})
