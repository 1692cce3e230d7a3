"""The rendezvous of a workflow's task token with the additional data it waits for.

Both sides write the same row and read it back in the same write, so whoever comes second sees the first and resumes the
workflow: details first, token first, or both at once.

Row: ``id`` (S), ``task_token`` (S), ``callback`` (S, JSON), ``callback_sha256`` (S), ``status`` (S, ``CLOSED`` once the
workflow has stopped waiting), ``expires_at`` (N, TTL).
"""

import hashlib
import json
import time
from enum import Enum
from typing import Any

from botocore.exceptions import ClientError

KEEP_SECONDS = 30 * 24 * 3600
_ALREADY_DONE = frozenset({"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"})


class Delivery(Enum):
    """What became of additional data."""

    ACCEPTED = "accepted"
    """It was stored, and the workflow resumed if it waits already."""
    REPEATED = "repeated"
    """The same data was there before."""
    CONFLICT = "conflict"
    """Other data was there before."""
    CLOSED = "closed"
    """The workflow no longer waits."""


class CallbackStore:
    """Keeps tokens and additional data.

    Args:
        dynamodb: a DynamoDB client.
        stepfunctions: a Step Functions client.
        table: the table's name.
    """

    def __init__(self, dynamodb: Any, stepfunctions: Any, table: str) -> None:
        self._dynamodb = dynamodb
        self._stepfunctions = stepfunctions
        self._table = table

    def deliver(self, id: str, payload: dict[str, Any]) -> Delivery:
        """Hand in the additional data.

        Args:
            id: what the workflow waits under.
            payload: JSON-serialisable.
        """
        text = json.dumps(payload, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
        digest = hashlib.sha256(text.encode()).hexdigest()
        try:
            row = self._update(
                id,
                "SET callback = :callback, callback_sha256 = :digest, expires_at = :expires",
                "attribute_not_exists(callback) AND attribute_not_exists(#status)",
                {
                    ":callback": {"S": text},
                    ":digest": {"S": digest},
                    ":expires": {"N": str(int(time.time()) + KEEP_SECONDS)},
                },
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            # What the condition saw, so no second read can see something newer.
            row = dict(error.response.get("Item") or {})  # type: ignore[call-overload]  # not in botocore's own types
            if "callback" not in row:
                return Delivery.CLOSED
            if row["callback_sha256"]["S"] != digest:
                return Delivery.CONFLICT
            self._resume(row)
            return Delivery.REPEATED
        self._resume(row)
        return Delivery.ACCEPTED

    def keep_token(self, id: str, task_token: str) -> None:
        """Store the token a workflow waits with; a retry's newer token replaces the older one.

        A token that comes after the wait was closed is forgotten: its task has timed out.
        """
        try:
            row = self._update(
                id,
                "SET task_token = :token, expires_at = :expires",
                "attribute_not_exists(#status)",
                {":token": {"S": task_token}, ":expires": {"N": str(int(time.time()) + KEEP_SECONDS)}},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return
        self._resume(row)

    def _update(self, id: str, expression: str, condition: str, values: dict[str, Any]) -> dict[str, Any]:
        answer = self._dynamodb.update_item(
            TableName=self._table,
            Key={"id": {"S": id}},
            UpdateExpression=expression,
            ConditionExpression=condition,
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues=values,
            ReturnValues="ALL_NEW",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        row: dict[str, Any] = answer["Attributes"]
        return row

    def _resume(self, row: dict[str, Any]) -> None:
        if "task_token" not in row or "callback" not in row:
            return
        output = json.dumps({"callback": json.loads(row["callback"]["S"])})
        try:
            self._stepfunctions.send_task_success(taskToken=row["task_token"]["S"], output=output)
        except ClientError as error:
            # The task ended already, by this very data or by its time-out; the row says which.
            if error.response["Error"]["Code"] not in _ALREADY_DONE:
                raise
