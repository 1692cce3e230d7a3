"""Starting a ``CallbackWorkflow``, and what the function of its first step raises.

``start`` does what the admission of an ``EventApi`` does: the row first, without a version, then the execution of its
name, then the row's version 1. Whoever is stopped between two of them, or gets no answer, calls it again with the same
id and payload: each of the three has one effect.
"""

import hashlib
import json
import re
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Protocol

from botocore.exceptions import ClientError

from eda_runtime.envelope import Envelope
from eda_runtime.request_limits import MAX_DIGITS, is_carried
from eda_runtime.workflow_rows import OPEN, stamp

MAX_INPUT_BYTES = 262_144
"""Of an execution's input in UTF-8 (Step Functions quotas)."""
_ID = re.compile("[A-Za-z0-9._-]{1,64}")
"""What an execution's name takes (80 characters), with the version that a redrive adds to it."""
_TENANT = "public"


class Workflow(Protocol):
    """What a workflow is started by, as ``eda_runtime.linked.CallbackWorkflow`` has it."""

    key: str
    rows_table_name: str

    @property
    def state_machine_arn(self) -> str: ...

    @property
    def client(self) -> Any: ...

    @property
    def rows_client(self) -> Any: ...


class TryLater(Exception):
    """The called function is to be called again after a time.

    Args:
        retry_after_seconds: 0 to 86,400; up to three more are added, so that those who were sent away together do not
            come back together.

    Raises:
        ValueError: there are fewer or more.
    """

    def __init__(self, retry_after_seconds: int) -> None:
        if not 0 <= retry_after_seconds <= 86_400:
            raise ValueError(f"retry_after_seconds is {retry_after_seconds}; it must be 0 to 86400")
        super().__init__(json.dumps({"retry_after_seconds": retry_after_seconds}))


class Unavailable(Exception):
    """The called function is to be called again after the workflow's ``default_retry_seconds``."""


class Rejected(Exception):
    """Calling again is of no use: the workflow fails, with a message to its dead-letter queue."""


class OtherPayload(Exception):
    """The id was used before, with another payload."""


class NotStarted(Exception):
    """The row went while it was started; the next try of this id begins anew."""


class Started(Enum):
    """What became of a start."""

    STARTED = "started"
    """The workflow runs."""
    REPEATED = "repeated"
    """It was started before with this id, and the same payload; it may have ended since."""


def start(
    workflow: Workflow, id: str, payload: Any, *, tenant: str = _TENANT, envelope: Envelope | None = None
) -> Started:
    """Start a workflow, once for each id.

    Args:
        workflow: a link to it, with the access ``start``.
        id: what the row, the execution and the callback are called: 1 to 64 of letters, digits and ``._-``. Where it is
            of a message that may come twice, take one that the message carries.
        payload: what the called function gets as ``payload``; JSON-serialisable.
        tenant: whom the row belongs to; default ``public``.
        envelope: of what caused it; default: the id is the correlation id.

    Raises:
        ValueError: an id, a payload or a tenant that the workflow cannot have; nothing was written.
        OtherPayload: the id was used before with another payload.
        NotStarted: the row went meanwhile.
        botocore.exceptions.ClientError: a service refused; call again with the same arguments.
    """
    text = _checked(id, payload, tenant)
    given = envelope or Envelope(correlation_id=id)
    now = stamp(datetime.now(UTC))
    row = {
        workflow.key: {"S": id},
        "tenant": {"S": tenant},
        # Without a version: nobody has been told yet that it is accepted, so nothing flows on from it.
        "status": {"S": "ADMITTED"},
        OPEN: {"S": OPEN},
        "correlation_id": {"S": given.correlation_id},
        "causation_id": {"S": given.causation_id},
        "event_id": {"S": f"{id}:1"},
        "traceparent": {"S": given.traceparent},
        "schema_version": {"S": given.schema_version},
        "occurred_at": {"S": given.occurred_at or now},
        "created_at": {"S": now},
        "updated_at": {"S": now},
        "payload": {"S": text},
        "payload_sha256": {"S": hashlib.sha256(text.encode()).hexdigest()},
    }
    _check_input(workflow.key, row)
    found = _put(workflow, row)
    if found is not None:
        if found["payload_sha256"] != row["payload_sha256"]:
            raise OtherPayload(f"{id} was used before with another payload")
        if "version" in found:
            return Started.REPEATED
        # An earlier call wrote it and did not come to its end: its row is the one that counts.
        row = found
    _execute(workflow, row)
    return _accept(workflow, row)


def _checked(id: str, payload: Any, tenant: str) -> str:
    if not _ID.fullmatch(id):
        raise ValueError(f"the id is {id!r}; it must be 1 to 64 of letters, digits and ._-")
    if not tenant:
        raise ValueError("the tenant is empty")
    try:
        text = json.dumps(payload, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
        text.encode()
    except (TypeError, ValueError) as error:
        raise ValueError(f"the payload is no JSON in UTF-8: {error}") from error
    # The States Language's numbers are doubles.
    json.loads(text, parse_int=_carried, parse_float=_carried)
    return text


def _carried(literal: str) -> None:
    if not is_carried(literal):
        raise ValueError(
            f"the payload has the number {literal}, which is not carried as it is: of more than {MAX_DIGITS} digits, "
            "or a large exponent; send it as a string"
        )


def _input(key: str, row: dict[str, Any]) -> str:
    names = ("correlation_id", "causation_id", "traceparent", "occurred_at", "schema_version")
    given = {
        "id": row[key]["S"],
        "version": 1,
        "tenant": row["tenant"]["S"],
        "payload": json.loads(row["payload"]["S"]),
        "envelope": {name: row[name]["S"] for name in names},
    }
    return json.dumps(given, ensure_ascii=False, separators=(",", ":"))


def _check_input(key: str, row: dict[str, Any]) -> None:
    size = len(_input(key, row).encode())
    if size > MAX_INPUT_BYTES:
        raise ValueError(f"the workflow's input is {size} bytes; Step Functions takes {MAX_INPUT_BYTES}")


def _put(workflow: Workflow, row: dict[str, Any]) -> dict[str, Any] | None:
    """Write the row; the one that was there before, if there was."""
    try:
        workflow.rows_client.put_item(
            TableName=workflow.rows_table_name,
            Item=row,
            ConditionExpression="attribute_not_exists(#key)",
            ExpressionAttributeNames={"#key": workflow.key},
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    except ClientError as error:
        return _refused(error)
    return None


def _execute(workflow: Workflow, row: dict[str, Any]) -> None:
    try:
        workflow.client.start_execution(
            stateMachineArn=workflow.state_machine_arn, name=row[workflow.key]["S"], input=_input(workflow.key, row)
        )
    except ClientError as error:
        # An earlier call started it and could not say so in the row.
        if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
            raise


def _accept(workflow: Workflow, row: dict[str, Any]) -> Started:
    try:
        workflow.rows_client.update_item(
            TableName=workflow.rows_table_name,
            Key={workflow.key: row[workflow.key]},
            UpdateExpression="SET #status = :pending, #version = :first, updated_at = :now",
            ConditionExpression="attribute_exists(#key) AND attribute_not_exists(#version)",
            ExpressionAttributeNames={"#key": workflow.key, "#status": "status", "#version": "version"},
            ExpressionAttributeValues={
                ":pending": {"S": "PENDING"},
                ":first": {"N": "1"},
                ":now": {"S": stamp(datetime.now(UTC))},
            },
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    except ClientError as error:
        found = _refused(error)
        if "version" not in found:
            raise NotStarted(f"the row of {row[workflow.key]['S']} went while it was started") from error
        if found["payload_sha256"] != row["payload_sha256"]:
            raise OtherPayload(f"{row[workflow.key]['S']} was used before with another payload") from error
    return Started.STARTED


def _refused(error: ClientError) -> dict[str, Any]:
    """The row that a condition saw, so that no second read can see something newer."""
    if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
        raise error
    found: dict[str, Any] = dict(error.response.get("Item") or {})  # type: ignore[call-overload]  # not in botocore's own types
    return found
