"""Sends failed orders through the workflow again, from the dead-letter queue.

A message leaves the queue only when its order is seen to be delivered, or brought on by an execution that runs. Safe to
run twice and to stop at any point: an order begins again only at the version that was seen, and the new execution's
name is the order's id and version.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from eda_runtime.workflow_rows import ENDED, UNREAD, Item, Running, WorkflowRows

from pipeline.dead_letters import drain

LOOKS = 3
"""How often an order is looked at again that changed while it was redriven."""


@dataclass(frozen=True)
class Redriven:
    """What became of one message.

    Attributes:
        order_id: the order, or the message where it names none.
        outcome: what was seen or done, for the operator.
        done: the message is out of the queue.
    """

    order_id: str
    outcome: str
    done: bool = True


class Redrive:
    """Takes messages from the workflow's dead-letter queue.

    Args:
        sqs: an SQS client.
        dynamodb: a DynamoDB client.
        stepfunctions: a Step Functions client.
        outputs: the stack's exports.
    """

    def __init__(self, sqs: Any, dynamodb: Any, stepfunctions: Any, outputs: Mapping[str, Any]) -> None:
        self._sqs = sqs
        self._dynamodb = dynamodb
        self._queue = outputs["workflow_dlq_url"]
        self._callbacks = outputs["callback_table_name"]
        table, workflow = outputs["orders_table_name"], outputs["workflow_arn"]
        self._rows = WorkflowRows(dynamodb, stepfunctions, sqs, table, "order_id", workflow, self._queue)

    def run(self, limit: int = 1000) -> Iterator[Redriven]:
        """Redrive up to ``limit`` orders, one at a time; one that fails stays in the queue and stops no other."""
        return drain(self._sqs, self._queue, limit, self._message, _left)

    def _message(self, message: Mapping[str, Any]) -> Redriven:
        match _body(message):
            case {"id": str(order_id), **others}:
                unread = others.get("row") == UNREAD
                return self._order(order_id, others.get("execution_arn"), unread=unread)
        return Redriven(message["MessageId"], "still in the queue: not about an order", done=False)

    def _order(self, order_id: str, execution_arn: Any, *, unread: bool) -> Redriven:
        for _ in range(LOOKS):
            row = self._rows.read(order_id)
            if row is None and unread:
                return Redriven(order_id, "nothing to do: nobody was told that it was accepted")
            if row is None or "version" not in row:
                return Redriven(order_id, "still in the queue: there is no such order", done=False)
            if row["status"]["S"] == "COMPLETED":
                return Redriven(order_id, "nothing to do: it is delivered")
            if row["status"]["S"] not in ENDED:
                execution = self._rows.execution(row)
                if execution.running is Running.YES and execution.arn == execution_arn:
                    # It sent its message and has not written its end yet.
                    return Redriven(order_id, "still in the queue: its execution has not ended", done=False)
                if execution.running is Running.YES:
                    return Redriven(order_id, "nothing to do: its execution runs")
                if execution.running is Running.NEVER and row["status"]["S"] == "PENDING":
                    if self._rows.start(row):
                        return Redriven(order_id, "started")
                    continue
            if self._restart(row):
                return Redriven(order_id, "started")
        return Redriven(order_id, "still in the queue: it changes while it is looked at", done=False)

    def _restart(self, row: Item) -> bool:
        self._open_callback(row["order_id"]["S"])
        begun = self._rows.reset(row)
        return begun is not None and self._rows.start(begun)

    def _open_callback(self, order_id: str) -> None:
        """Details are taken again; those that were accepted before the failure are kept and used."""
        try:
            self._dynamodb.update_item(
                TableName=self._callbacks,
                Key={"id": {"S": order_id}},
                UpdateExpression="REMOVE #status, task_token",
                ConditionExpression="attribute_exists(id)",
                ExpressionAttributeNames={"#status": "status"},
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return


def _body(message: Mapping[str, Any]) -> Any:
    try:
        return json.loads(message["Body"])
    except ValueError:
        return None


def _left(message: Mapping[str, Any], reason: str) -> Redriven:
    return Redriven(message["MessageId"], f"still in the queue: {reason}", done=False)
