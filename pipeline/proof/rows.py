"""What the workflow's reconciler has to do for rows that no execution brings on."""

import json
import secrets
from datetime import UTC, datetime
from functools import partial
from typing import Any

from pipeline.demo.client import OrdersClient
from pipeline.demo.run import Pipeline
from pipeline.proof.front import LOG_GROUP, ORDER
from pipeline.proof.proving import Check, traced
from pipeline.proof.stage import CheckFailed, Stage

RECONCILER = "orders-workflow-reconciler"


class RowChecks:
    """Each check is of an order of its own.

    Args:
        stage: the deployed pipeline.
        client: a caller of its API.
    """

    def __init__(self, stage: Stage, client: OrdersClient) -> None:
        self._stage = stage
        self._client = client
        self._pipeline = Pipeline(stage.aws.client, stage.stack.outputs)
        self._function = stage.stack.outputs["workflow_reconciler_function_name"]

    def checks(self) -> list[Check]:
        """All of them, those that most statements fail first."""
        role = f"{RECONCILER}-role"
        group = self._stage.name(LOG_GROUP, f"{RECONCILER}-log")
        lines = partial(self._stage.has_lines, group, self._reconcile)
        return [
            Check(
                "an order whose execution was stopped fails and lies in the queue",
                self.stopped,
                tuple(f"{role}/{sid}" for sid in ("SettleRows", "LookAtExecutions", "DeadLetter")),
            ),
            Check(
                "an order whose execution does not exist is given one",
                self.never_started,
                (f"{role}/StartExecutions", f"{role}/FindRows"),
            ),
            Check(
                "a run of the workflow's reconciler that fails is in its queue",
                self.fails,
                (f"{role}/FailureDestination",),
            ),
            Check(f"the lines of {RECONCILER} arrive", lines, (f"{role}/WriteLog",)),
            traced(self._stage, RECONCILER, self._reconcile),
        ]

    def stopped(self) -> None:
        """POST, a stop from outside, failed, in the queue."""
        answer = self._client.post_order(f"proof-{secrets.token_hex(8)}", ORDER)
        if answer.status != 202:
            raise CheckFailed(f"POST /orders was answered with {answer.status}")
        order_id = str(answer.body["order_id"])
        arn = self._pipeline.outputs["workflow_arn"].replace(":stateMachine:", ":execution:") + f":{order_id}"
        self._stage.aws.client("stepfunctions").stop_execution(executionArn=arn)
        self._stage.until(lambda: self._row(order_id)["status"]["S"] == "FAILED", "the stopped order has failed")
        self._stage.until(lambda: order_id in self._pipeline.dead_letters(), "the stopped order is in the queue")

    def never_started(self) -> None:
        """A row as it is accepted, without its execution."""
        order_id, now = secrets.token_hex(32), datetime.now(UTC).isoformat(timespec="milliseconds")
        row = {
            "order_id": order_id,
            "tenant": "proof",
            "status": "PENDING",
            "open": "open",
            "correlation_id": order_id,
            "causation_id": "proof",
            "event_id": f"{order_id}:1",
            "traceparent": "",
            "schema_version": "1",
            "occurred_at": now,
            "created_at": now,
            "updated_at": "2000-01-01T00:00:00.000Z",
            "payload": json.dumps(ORDER),
            "payload_sha256": "proof",
        }
        self._stage.aws.client("dynamodb").put_item(
            TableName=self._pipeline.outputs["orders_table_name"],
            Item={"version": {"N": "1"}, **{name: {"S": value} for name, value in row.items()}},
        )
        self._reconcile()
        self._stage.until(lambda: self._row(order_id)["version"]["N"] != "1", "the order is brought on")

    def fails(self) -> None:
        """A run that is given what it cannot read."""
        token = secrets.token_hex(8)
        self._stage.aws.client("lambda").invoke(
            FunctionName=self._function,
            InvocationType="Event",
            Payload=json.dumps({"grace_seconds": token}).encode(),
        )
        queue = self._stage.stack.outputs["workflow_reconciler_dlq_url"]
        self._stage.letter_arrives(queue, token, "the run is in the queue")

    def _reconcile(self) -> None:
        self._stage.invoke(self._function, json.dumps({"grace_seconds": 365 * 86400}).encode())

    def _row(self, order_id: str) -> dict[str, Any]:
        found = self._stage.aws.client("dynamodb").get_item(
            TableName=self._pipeline.outputs["orders_table_name"],
            Key={"order_id": {"S": order_id}},
            ConsistentRead=True,
        )
        item: dict[str, Any] = found["Item"]
        return item
