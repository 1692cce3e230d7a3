"""What is documented against faults, done until nothing changes: reconcilers, redrives, another load."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from pipeline.demo.accounting import WAITING, delivered
from pipeline.demo.back_half import BackHalf
from pipeline.demo.run import Pipeline, Progress
from pipeline.redrive import Redrive
from pipeline.redrive_changes import RedriveChanges
from pipeline.redrive_loads import RedriveLoads
from pipeline.redrive_notifications import RedriveNotifications
from pipeline.redrive_queries import RedriveQueries

POLL_SECONDS = 1.0
QUIET_SECONDS = 12.0
"""What takes no longer than this to show itself: a full buffer, a retry, a query."""
STUCK_SECONDS = 75.0
"""Nothing changed for so long while something is still under way: it will not change."""
REDRIVE_SECONDS = 5
"""How long a message that a redrive leaves in its queue is not seen by the next one."""
BY_HAND = ("refresh_dlq_url", "reconciler_dlq_url", "workflow_reconciler_dlq_url")
"""Queues whose messages are deleted once a later load has taken everything, as their runbooks say."""
RECONCILERS = ("reconciler_function_name", "workflow_reconciler_function_name")


class _SoonAgain:
    """An SQS client whose messages are soon seen again: the next redrive is not fifteen minutes away."""

    def __init__(self, sqs: Any) -> None:
        self._sqs = sqs

    def receive_message(self, **request: Any) -> Any:
        return self._sqs.receive_message(**{**request, "VisibilityTimeout": REDRIVE_SECONDS})

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sqs, name)


@dataclass
class Settling:
    """Brings a pipeline to rest.

    Args:
        client: makes a boto3 client of a service.
        outputs: the stack's exports.
        pipeline: the front half.
        behind: the analytics part.
        accepted: the orders that the clients' ledger has.
        start_load: makes the daily load begin.
        progress: told how far it is.
        stop: set to end it early.
        before_each: done before each round of redrives.
    """

    client: Callable[[str], Any]
    outputs: dict[str, Any]
    pipeline: Pipeline
    behind: BackHalf
    accepted: Callable[[], set[str]]
    start_load: Callable[[], None]
    progress: Progress
    stop: threading.Event
    before_each: Callable[[], None] = lambda: None
    done: Counter[str] = field(default_factory=Counter)
    """What reconcilers and redrives did, by name and outcome."""

    def run(self) -> None:
        """Go on until everything adds up, or nothing changes any more."""
        before: object = None
        changed = time.monotonic()
        while not self.stop.is_set():
            self._reconcile()
            self.before_each()
            self._redrive()
            now, at_rest, complete = self._look()
            if now != before:
                before, changed = now, time.monotonic()
            quiet = time.monotonic() - changed
            if complete or quiet > STUCK_SECONDS or (at_rest and quiet > QUIET_SECONDS):
                return
            self.stop.wait(POLL_SECONDS)

    def _look(self) -> tuple[object, bool, bool]:
        """What there is now, whether nothing is under way, and whether all of it is where it belongs."""
        accepted = self.accepted()
        rows = {row["order_id"]: row for row in self.pipeline.rows() if row["order_id"] in accepted}
        states = {id: (row.get("status"), row.get("version")) for id, row in rows.items()}
        executions = Counter(found["status"] for found in self.pipeline.executions())
        running = {e["name"].partition("-")[0] for e in self.pipeline.executions() if e["status"] == "RUNNING"}
        hops, letters = self.behind.hops(), self.behind.dead_letters()
        visible, in_flight = self._messages()
        versions = {id: int(row["version"]) for id, row in rows.items() if "version" in row}
        busy = hops.queries["STARTED"] or hops.loads["STARTED"] or hops.queries.total() < hops.objects
        curated = delivered(self.behind.current(), versions) if not busy and hops.objects else set()
        loaded = self._loaded(curated, versions, busy=bool(busy))
        ended = all(
            row.get("status") == "COMPLETED" or (row.get("status") in WAITING and id in running)
            for id, row in rows.items()
        )
        complete = ended and len(curated) == len(loaded) == len(versions) == len(accepted)
        if complete and not self._job_runs():
            self._delete_by_hand()
        at_rest = not (busy or visible or in_flight)
        where = f"{executions.total()} executions, {hops}, messages {visible} + {in_flight} in flight"
        self.progress("settled", min(len(curated), len(loaded)), len(accepted), where)
        # A message that a redrive leaves is now seen and now not: their number tells.
        now = (states, executions, str(hops), letters, visible + in_flight, len(curated), len(loaded))
        return now, at_rest, complete and at_rest

    def _loaded(self, curated: set[str], versions: dict[str, int], *, busy: bool) -> set[str]:
        if not self.behind.has_warehouse:
            return curated
        loaded = delivered(self.behind.warehouse(), versions) if not busy else set()
        if not busy and curated - loaded and not self._job_runs():
            self.done["load started"] += 1
            self.start_load()
        return loaded

    def _job_runs(self) -> bool:
        runs = self.client("glue").get_job_runs(JobName=self.outputs["load_job_name"])["JobRuns"]
        return any(run["JobRunState"] in ("STARTING", "RUNNING", "STOPPING", "WAITING") for run in runs)

    def _messages(self) -> tuple[int, int]:
        """Messages in all queues, those that nobody sees now apart."""
        sqs, names = self.client("sqs"), ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        found = [
            sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(names))["Attributes"]
            for url in sqs.list_queues().get("QueueUrls", [])
        ]
        visible, in_flight = (sum(int(attributes[name]) for attributes in found) for name in names)
        return visible, in_flight

    def _delete_by_hand(self) -> None:
        sqs = self.client("sqs")
        for output in BY_HAND:
            while url := self.outputs.get(output):
                messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
                if not messages:
                    break
                for message in messages:
                    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                    self.done[f"deleted from {output.removesuffix('_url')}"] += 1

    def _reconcile(self) -> None:
        client = self.client("lambda")
        for output in RECONCILERS:
            name = self.outputs.get(output)
            if not name:
                continue
            variables = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
            if variables.get("GRACE_SECONDS", "0") != "0":
                # Nothing is too young any more: the faults are over.
                client.update_function_configuration(
                    FunctionName=name, Environment={"Variables": {**variables, "GRACE_SECONDS": "0"}}
                )
            answer = client.invoke(FunctionName=name, Payload=json.dumps({"grace_seconds": 0, "unanswered_seconds": 0}))
            said = json.loads(answer["Payload"].read() or b"null")
            if answer.get("FunctionError"):
                self.done[f"{output.removesuffix('_function_name')} failed"] += 1
            elif isinstance(said, dict):
                self.done.update({f"reconciled: {what}": n for what, n in said.items() if isinstance(n, int) and n})

    def _redrive(self) -> None:
        def client(service: str) -> Any:
            made = self.client(service)
            return _SoonAgain(made) if service == "sqs" else made

        commands: list[tuple[str, Callable[[], Iterable[Any]]]] = [
            (
                "orders",
                Redrive(client("sqs"), client("dynamodb"), client("stepfunctions"), self.outputs).run,
            ),
            ("changes", RedriveChanges(client, self.outputs).run),
            ("notifications", RedriveNotifications(client, self.outputs).run),
            ("queries", RedriveQueries(client, self.outputs).run),
        ]
        if self.behind.has_warehouse:
            commands.append(("loads", RedriveLoads(client, self.outputs).run))
        for name, run in commands:
            for outcome in self._outcomes(name, run):
                self.done[f"redriven {name}: {outcome}"] += 1

    def _outcomes(self, name: str, run: Callable[[], Iterable[Any]]) -> Iterator[str]:
        """What each message came to; a redrive that breaks leaves its messages for the next."""
        seen: set[str] = set()
        try:
            for redriven in run():
                key = str(getattr(redriven, "what", None) or getattr(redriven, "order_id", ""))
                if not redriven.done and key in seen:
                    return
                seen.add(key)
                if redriven.done:
                    yield str(redriven.outcome)
        except (ClientError, KeyError, ValueError) as error:
            self.done[f"redriven {name}: broke with {type(error).__name__}"] += 1
