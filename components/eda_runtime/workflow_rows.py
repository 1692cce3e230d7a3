"""Whose a row is: the execution that brings it on, and what becomes of a row that none brings on.

A row that a workflow works on has ``status``, ``version`` and, while it is not at its end, ``open``; its index ``open``
(partition key ``open``, sort key ``updated_at``) holds those rows alone. A row without ``version`` was written by a
request that nobody has been told was accepted. The execution of a row is named by its id, after a redrive by its id and
the version that it was redriven at.

Every change is conditional on the version that was seen, so two that settle the same row, or one that is stopped
anywhere and comes again, have one effect. What failed has its message before its row says so: a row that says
``FAILED`` has been in the dead-letter queue.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

OPEN = "open"
"""The attribute and the index of rows that are not at their end; the attribute's value is its name."""
ENDED = frozenset({"COMPLETED", "FAILED"})
OWN_STATUSES = frozenset({"ADMITTED", "PENDING", *ENDED})
"""What a row's status says while nothing is waited for."""
UNREAD = "unread"
"""What a message says of its row when it could not be read: perhaps nobody was told that it was accepted."""
TOLD = "see the row and the dead-letter queue"
"""The cause of an execution that failed after its message was sent."""
_ENVELOPE = ("correlation_id", "causation_id", "traceparent", "occurred_at", "schema_version")

Item = Mapping[str, Any]


class Running(Enum):
    """Whether an execution works on a row."""

    YES = "runs"
    NO = "ended"
    NEVER = "was never started"


@dataclass(frozen=True)
class Execution:
    """The execution that a row belongs to.

    Attributes:
        arn: its ARN, also when it was never started.
        running: whether it runs.
        error: why it ended, or its status.
        told: its message was sent before it failed.
        input: what it was started with; empty when it was never started.
    """

    arn: str
    running: Running
    error: str = ""
    told: bool = False
    input: str = ""


class Settled(Enum):
    """What became of a row."""

    LEFT = "left alone"
    """It is at its end, or its execution runs."""
    STARTED = "started"
    """Its execution had not been started, and now is."""
    FAILED = "failed"
    """Its execution ended without it: it says so now, and its message is in the dead-letter queue."""
    WITHDRAWN = "withdrawn"
    """Nobody was told that it was accepted, and it is gone."""


class WorkflowRows:
    """The rows of a workflow and their executions.

    Args:
        dynamodb: a DynamoDB client.
        stepfunctions: a Step Functions client.
        sqs: an SQS client.
        table: the rows' table.
        key: its partition key.
        state_machine_arn: the workflow.
        dead_letter_queue_url: for rows that failed.
        index: of the rows that are not at their end.
    """

    def __init__(
        self,
        dynamodb: Any,
        stepfunctions: Any,
        sqs: Any,
        table: str,
        key: str,
        state_machine_arn: str,
        dead_letter_queue_url: str,
        index: str = OPEN,
    ) -> None:
        self._dynamodb = dynamodb
        self._stepfunctions = stepfunctions
        self._sqs = sqs
        self._table = table
        self._key = key
        self._machine = state_machine_arn
        self._queue = dead_letter_queue_url
        self._index = index

    def read(self, id: str) -> Item | None:
        """The row as it is now."""
        found = self._dynamodb.get_item(TableName=self._table, Key={self._key: {"S": id}}, ConsistentRead=True)
        item: Item | None = found.get("Item")
        return item

    def open_since(self, moment: datetime) -> Iterator[str]:
        """The ids of rows that are not at their end and did not change since a moment, the oldest first."""
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table,
            IndexName=self._index,
            KeyConditionExpression="#open = :open AND updated_at <= :moment",
            ExpressionAttributeNames={"#open": OPEN, "#key": self._key},
            ExpressionAttributeValues={":open": {"S": OPEN}, ":moment": {"S": stamp(moment)}},
            ProjectionExpression="#key",
        )
        for page in pages:
            for item in page["Items"]:
                yield item[self._key]["S"]

    def execution(self, row: Item) -> Execution:
        """The execution that the row belongs to."""
        return self.described(self._machine.replace(":stateMachine:", ":execution:") + ":" + self._name(row))

    def described(self, arn: str) -> Execution:
        """What became of an execution."""
        try:
            found = self._stepfunctions.describe_execution(executionArn=arn)
        except self._stepfunctions.exceptions.ExecutionDoesNotExist:
            return Execution(arn, Running.NEVER)
        given = found.get("input", "")
        if found["status"] in ("RUNNING", "PENDING_REDRIVE"):
            return Execution(arn, Running.YES, input=given)
        error = found.get("error") or found["status"]
        return Execution(arn, Running.NO, error, told=found.get("cause") == TOLD, input=given)

    def settle(self, id: str, now: datetime, unanswered: timedelta) -> Settled:
        """Bring a row on that no execution brings on.

        Args:
            id: the row's.
            now: the present.
            unanswered: age at which a row goes that nobody was told was accepted.
        """
        row = self.read(id)
        if row is None or row["status"]["S"] in ENDED:
            return Settled.LEFT
        execution = self.execution(row)
        if execution.running is Running.YES:
            return Settled.LEFT
        if "version" not in row:
            return self._withdraw(row, now - unanswered)
        if execution.running is Running.NEVER and row["status"]["S"] == "PENDING":
            return Settled.STARTED if self.start(row) else Settled.LEFT
        return self._fail(row, execution)

    def end(self, arn: str) -> Settled:
        """What an execution that ended leaves to be done for its row."""
        execution = self.described(arn)
        id = _id(execution)
        row = self.read(id) if id else None
        if execution.running is not Running.NO or row is None or "version" not in row or row["status"]["S"] in ENDED:
            return Settled.LEFT
        if self.execution(row).arn != arn:
            # It was redriven since: another execution brings it on.
            return Settled.LEFT
        return self._fail(row, execution)

    def start(self, row: Item) -> bool:
        """Start the execution that the row belongs to; False when there was one of its name before."""
        given = {
            "id": row[self._key]["S"],
            "version": int(row.get("redriven_at_version", row["version"])["N"]),
            "tenant": row["tenant"]["S"],
            "payload": json.loads(row["payload"]["S"]),
            "envelope": {name: row[name]["S"] for name in _ENVELOPE if name in row},
        }
        try:
            self._stepfunctions.start_execution(
                stateMachineArn=self._machine, name=self._name(row), input=json.dumps(given)
            )
        except self._stepfunctions.exceptions.ExecutionAlreadyExists:
            return False
        return True

    def reset(self, row: Item) -> Item | None:
        """Let a row begin again, at its next version; None when it changed meanwhile."""
        return self._change(row, "PENDING", {"redriven_at_version": {"N": _following(row)}, OPEN: {"S": OPEN}}, "error")

    def _name(self, row: Item) -> str:
        id: str = row[self._key]["S"]
        return f"{id}-{row['redriven_at_version']['N']}" if "redriven_at_version" in row else id

    def _fail(self, row: Item, execution: Execution) -> Settled:
        if not execution.told:
            self._send(row, execution)
        error = {"S": json.dumps(execution.error or execution.running.value)}
        changed = self._change(row, "FAILED", {"error": error, "causation_id": {"S": execution.arn}}, OPEN)
        # Else it was redriven from its message, or it ended: whoever changed it has looked at it.
        return Settled.LEFT if changed is None else Settled.FAILED

    def _change(self, row: Item, status: str, sets: Item, remove: str) -> Item | None:
        """Give a row its next version, with a status and attributes; None when it changed since it was read."""
        id, following = row[self._key]["S"], _following(row)
        given: Item = {
            "status": {"S": status},
            "version": {"N": following},
            "event_id": {"S": f"{id}:{following}"},
            "updated_at": {"S": stamp(datetime.now(UTC))},
            **sets,
        }
        expression = "SET " + ", ".join(f"#{name} = :{name}" for name in given)
        try:
            answer = self._dynamodb.update_item(
                TableName=self._table,
                Key={self._key: {"S": id}},
                UpdateExpression=f"{expression} REMOVE #{remove}",
                ConditionExpression="#status = :seen_status AND #version = :seen_version",
                ExpressionAttributeNames={f"#{name}": name for name in (*given, remove)},
                ExpressionAttributeValues={
                    **{f":{name}": value for name, value in given.items()},
                    ":seen_status": row["status"],
                    ":seen_version": row["version"],
                },
                ReturnValues="ALL_NEW",
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return None
        item: Item = answer["Attributes"]
        return item

    def _send(self, row: Item, execution: Execution) -> None:
        envelope = {name: row[name]["S"] for name in _ENVELOPE if name in row}
        body = {
            "id": row[self._key]["S"],
            "execution_arn": execution.arn,
            "error": execution.error or execution.running.value,
            "envelope": envelope,
        }
        correlation_id = envelope.get("correlation_id") or row[self._key]["S"]
        self._sqs.send_message(
            QueueUrl=self._queue,
            MessageBody=json.dumps(body),
            MessageAttributes={"X-Correlation-Id": {"DataType": "String", "StringValue": correlation_id}},
        )

    def _withdraw(self, row: Item, before: datetime) -> Settled:
        if row["updated_at"]["S"] > stamp(before):
            return Settled.LEFT
        try:
            self._dynamodb.delete_item(
                TableName=self._table,
                Key={self._key: row[self._key]},
                ConditionExpression="attribute_not_exists(#version) AND updated_at = :seen",
                ExpressionAttributeNames={"#version": "version"},
                ExpressionAttributeValues={":seen": row["updated_at"]},
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return Settled.LEFT
        return Settled.WITHDRAWN


def _following(row: Item) -> str:
    return str(int(row["version"]["N"]) + 1)


def stamp(moment: datetime) -> str:
    """A moment as Step Functions writes it into rows: RFC 3339, UTC, milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _id(execution: Execution) -> str:
    try:
        given = json.loads(execution.input)
    except ValueError:
        return ""
    id = given.get("id") if isinstance(given, dict) else None
    return id if isinstance(id, str) else ""
