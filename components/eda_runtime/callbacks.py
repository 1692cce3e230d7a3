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
"""How long a row is kept by default; a workflow that may wait for longer needs its token for longer."""
MAX_OUTPUT_BYTES = 262_144
"""Of ``SendTaskSuccess``'s output in UTF-8 (Step Functions)."""
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


class CallbackTooLong(Exception):
    """The additional data is longer than Step Functions takes; nothing was stored. The message says how long it is."""


class CallbackStore:
    """Keeps tokens and additional data.

    Args:
        dynamodb: a DynamoDB client.
        stepfunctions: a Step Functions client.
        table: the table's name.
        keep_seconds: how long a row is kept after its last write: longer than any workflow waits.
    """

    def __init__(self, dynamodb: Any, stepfunctions: Any, table: str, keep_seconds: int = KEEP_SECONDS) -> None:
        self._dynamodb = dynamodb
        self._stepfunctions = stepfunctions
        self._table = table
        self._keep_seconds = keep_seconds

    def deliver(self, id: str, payload: dict[str, Any]) -> Delivery:
        """Hand in the additional data.

        Args:
            id: what the workflow waits under.
            payload: JSON-serialisable.

        Raises:
            CallbackTooLong: it is longer than Step Functions takes.
        """
        text = _text(payload, separators=(",", ":"), sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()
        size = len(_output(text).encode())
        if size > MAX_OUTPUT_BYTES:
            # Stored, it could never be handed over, and nothing else could be stored in its place.
            raise CallbackTooLong(f"the data is {size} bytes as the workflow gets it; it takes {MAX_OUTPUT_BYTES}")
        try:
            row = self._update(
                id,
                # A token's row is kept for as long as its workflow waits.
                "SET callback = :callback, callback_sha256 = :digest, expires_at = if_not_exists(expires_at, :expires)",
                "attribute_not_exists(callback) AND attribute_not_exists(#status)",
                {
                    ":callback": {"S": text},
                    ":digest": {"S": digest},
                    ":expires": self._expires(),
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
                {":token": {"S": task_token}, ":expires": self._expires()},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return
        self._resume(row)

    def _expires(self) -> dict[str, str]:
        return {"N": str(int(time.time()) + self._keep_seconds)}

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
        output = _output(row["callback"]["S"])
        try:
            self._stepfunctions.send_task_success(taskToken=row["task_token"]["S"], output=output)
        except ClientError as error:
            # The task ended already, by this very data or by its time-out; the row says which.
            if error.response["Error"]["Code"] not in _ALREADY_DONE:
                raise


def _output(callback: str) -> str:
    """What the workflow gets of data that is stored as JSON."""
    return _text({"callback": json.loads(callback)})


def _text(value: Any, **form: Any) -> str:
    """JSON in as few bytes as its letters have: an escaped one has six, an emoji twelve."""
    text = json.dumps(value, ensure_ascii=False, **form)
    try:
        text.encode()
    except UnicodeEncodeError:
        # Half of a surrogate pair can only be escaped.
        return json.dumps(value, **form)
    return text
