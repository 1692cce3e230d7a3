"""Sends failed orders through the workflow again, from the dead-letter queue.

Safe to run twice and to stop at any point: an order is reset only while it is ``FAILED``, the new execution's name is
the order's id and version, and a message is deleted last.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.dead_letters import drain


@dataclass(frozen=True)
class Redriven:
    """What became of one message.

    Attributes:
        order_id: the order.
        outcome: ``started``, or ``nothing to do`` for an order that is not failed any more.
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
        self._stepfunctions = stepfunctions
        self._queue = outputs["workflow_dlq_url"]
        self._orders = outputs["orders_table_name"]
        self._callbacks = outputs["callback_table_name"]
        self._workflow = outputs["workflow_arn"]

    def run(self, limit: int = 1000) -> Iterator[Redriven]:
        """Redrive up to ``limit`` orders, one at a time."""
        return drain(self._sqs, self._queue, limit, self._message)

    def _message(self, message: Mapping[str, Any]) -> Redriven:
        order_id = json.loads(message["Body"])["id"]
        return Redriven(order_id, self._order(order_id))

    def _order(self, order_id: str) -> str:
        row = self._dynamodb.get_item(TableName=self._orders, Key={"order_id": {"S": order_id}}, ConsistentRead=True)[
            "Item"
        ]
        if row["status"]["S"] == "FAILED":
            self._open_callback(order_id)
            row = self._reset(order_id, row["version"]["N"])
        elif row["status"]["S"] != "PENDING" or "redriven_at_version" not in row:
            return "nothing to do"
        self._start(row)
        return "started"

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

    def _reset(self, order_id: str, version: str) -> dict[str, Any]:
        following = str(int(version) + 1)
        answer = self._dynamodb.update_item(
            TableName=self._orders,
            Key={"order_id": {"S": order_id}},
            UpdateExpression=(
                "SET #status = :pending, #version = :following, redriven_at_version = :following, event_id = :event "
                "REMOVE #error"
            ),
            ConditionExpression="#status = :failed AND #version = :version",
            ExpressionAttributeNames={"#status": "status", "#version": "version", "#error": "error"},
            ExpressionAttributeValues={
                ":pending": {"S": "PENDING"},
                ":failed": {"S": "FAILED"},
                ":version": {"N": version},
                ":following": {"N": following},
                ":event": {"S": f"{order_id}:{following}"},
            },
            ReturnValues="ALL_NEW",
        )
        row: dict[str, Any] = answer["Attributes"]
        return row

    def _start(self, row: dict[str, Any]) -> None:
        order_id, version = row["order_id"]["S"], row["redriven_at_version"]["N"]
        given = {
            "id": order_id,
            "version": int(version),
            "tenant": row["tenant"]["S"],
            "payload": json.loads(row["payload"]["S"]),
            "envelope": {
                name: row[name]["S"]
                for name in ("correlation_id", "causation_id", "traceparent", "occurred_at", "schema_version")
            },
        }
        try:
            self._stepfunctions.start_execution(
                stateMachineArn=self._workflow, name=f"{order_id}-{version}", input=json.dumps(given)
            )
        except self._stepfunctions.exceptions.ExecutionAlreadyExists:
            return
