"""What a function's idempotency needs: a table, permissions by mode, and settings for the runtime."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, NotRequired, TypedDict

import jmespath  # type: ignore[import-untyped]  # it has no types
import pulumi
from jmespath.exceptions import JMESPathError  # type: ignore[import-untyped]  # as above

from pulumi_aws_eda._parts import keys, tables
from pulumi_aws_eda._parts.args import ArgumentError, check, number, one_of
from pulumi_aws_eda._parts.common import Common
from pulumi_aws_eda._parts.function.sources import comes_again, given_sources

LONGEST_TIMEOUT = 900
"""Of a function, in seconds (Lambda API)."""
LONGEST_EVENT_AGE = 21600
"""Of an asynchronous event, in seconds (Lambda API)."""


class IdempotencyToken(Enum):
    """Where the idempotency key comes from."""

    CLIENT = "CLIENT"
    """The client's ``Idempotency-Key`` header, within its tenant."""
    EVENT = "EVENT"
    """The event service's id: EventBridge ``id``, SNS ``MessageId``, also where these came through a queue, SQS
    ``messageId``, stream ``eventID``; of an object's event its bucket, key and ``sequencer``."""
    PAYLOAD = "PAYLOAD"
    """A hash of what the sender wrote."""


class IdempotencyMode(Enum):
    """What is guaranteed."""

    RECORD = "RECORD"
    """The record is completed after the effect: twice only when a run ends between the two."""
    TRANSACTION = "TRANSACTION"
    """The handler returns a ``Transaction``; its writes and the record are committed together: once."""


class IdempotencyArgs(TypedDict):
    """How repeats are recognised. Behind a queue or stream each record has a key of its own."""

    token: NotRequired[IdempotencyToken]
    """Where the key comes from; default ``EVENT`` for a function with a source, or an asynchronous one."""
    mode: NotRequired[IdempotencyMode]
    """What is guaranteed; default ``RECORD``. ``TRANSACTION`` needs ``grants`` for the tables that are written."""
    key_jmespath: NotRequired[str]
    """JMESPath of the key in the event, or in the record; default by token. Of several parts none may be missing."""
    payload_jmespath: NotRequired[str]
    """JMESPath of what has to be equal when a key is used again; default: a client's request, else nothing."""
    expires_after_seconds: NotRequired[int]
    """How long a key is remembered, in seconds; default: as long as its event may come again, at least 3600."""
    in_progress_wait_seconds: NotRequired[int]
    """How long a repeat waits for the first one, in seconds below ``timeout``; default 0, it is refused at once; half
    of the timeout for an asynchronous function, whose repeats have few tries."""
    use_local_cache: NotRequired[bool]
    """Answer repeats from the instance's memory where it knows them; default false."""
    table_name: NotRequired[pulumi.Input[str]]
    """A shared idempotency table (TTL attribute ``expiration``); default: the function gets its own."""
    table_arn: NotRequired[pulumi.Input[str]]
    """The shared table's ARN; needed with ``table_name``."""
    table_kms_key_arn: NotRequired[pulumi.Input[str]]
    """The shared table's customer managed key; default: the function's ``kms_key_arn``."""
    hash_key: NotRequired[str]
    """The shared table's partition key, a string; default ``id``."""
    range_key: NotRequired[str]
    """The shared table's sort key, a string; default: it has none."""


@dataclass(frozen=True)
class Idempotency:
    """What was made of the arguments.

    Attributes:
        table_name: the table.
        statement: of the role.
        settings: JSON for ``EDA_IDEMPOTENCY``.
    """

    table_name: pulumi.Input[str]
    statement: Mapping[str, Any]
    settings: pulumi.Output[str]


def idempotency(component: str, common: Common, args: Mapping[str, Any]) -> Idempotency | None:
    """The idempotency of a function; None for one without.

    Args:
        component: the function's component and name, for messages.
        common: the component.
        args: the function's arguments.

    Raises:
        ArgumentError: an argument of ``idempotency`` is unknown, missing or not allowed.
    """
    given: Mapping[str, Any] | None = args.get("idempotency")
    if given is None:
        return None
    where = f"{component}, idempotency"
    check(where, given, IdempotencyArgs)
    if given.get("token") is None and not (args.get("asynchronous") or given_sources(args)):
        raise ArgumentError(where, "token", "is missing; only events have one by default")
    token = one_of(where, given, "token", IdempotencyToken, IdempotencyToken.EVENT)
    mode = one_of(where, given, "mode", IdempotencyMode, IdempotencyMode.RECORD)
    expires = number(where, given, "expires_after_seconds", _comes_again(args), 1, 366 * 86400)
    timeout = args.get("timeout", 10)
    half = int(timeout // 2) if args.get("asynchronous") and isinstance(timeout, int | float) else 0
    wait = number(where, given, "in_progress_wait_seconds", half, 0, LONGEST_TIMEOUT - 1)
    if isinstance(timeout, int | float) and isinstance(wait, int) and wait >= timeout:
        raise ArgumentError(where, "in_progress_wait_seconds", f"is {wait}; it must be less than the timeout {timeout}")
    for name in ("key_jmespath", "payload_jmespath"):
        _check_expression(where, given, name)
    table_name, table_arn = _table(where, common, given)
    actions = ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"]
    if wait or mode is IdempotencyMode.TRANSACTION:
        # Whoever waits, for another run or for another transaction, reads.
        actions.insert(0, "dynamodb:GetItem")
    settings: dict[str, Any] = {
        "token": token.value,
        "mode": mode.value,
        "table": table_name,
        "key": given.get("key_jmespath"),
        "payload": given.get("payload_jmespath"),
        "expires_after_seconds": expires,
        "in_progress_wait_seconds": wait,
        "use_local_cache": given.get("use_local_cache", False),
        "hash_key": given.get("hash_key"),
        "range_key": given.get("range_key"),
        "key_prefix": common.name,
    }
    needed = {key: value for key, value in settings.items() if value is not None}
    statement = {"actions": actions, "resources": [table_arn], **keys.given(given.get("table_kms_key_arn"))}
    return Idempotency(table_name, statement, pulumi.Output.json_dumps(needed))


def _table(where: str, common: Common, given: Mapping[str, Any]) -> tuple[pulumi.Input[str], pulumi.Input[str]]:
    if "table_name" in given:
        if "table_arn" not in given:
            raise ArgumentError(where, "table_arn", "is missing; table_name needs it")
        return given["table_name"], given["table_arn"]
    for name in ("table_arn", "table_kms_key_arn", "hash_key", "range_key"):
        if name in given:
            raise ArgumentError(where, name, "is of a shared table; give its table_name too")
    own = tables.table(common, "idempotency", "id", ttl="expiration")
    return own.name, own.arn


def _check_expression(where: str, given: Mapping[str, Any], name: str) -> None:
    try:
        if given.get(name):
            jmespath.compile(given[name])
    except JMESPathError as error:
        raise ArgumentError(where, name, f"is no JMESPath: {str(error).splitlines()[0]}") from None


def _comes_again(args: Mapping[str, Any]) -> int:
    """Seconds within which a source may hand over an event again, at least an hour."""
    age = args.get("maximum_event_age_in_seconds", LONGEST_EVENT_AGE) if args.get("asynchronous") else 0
    again = max(comes_again(args, LONGEST_TIMEOUT), int(age) if isinstance(age, int | float) else LONGEST_EVENT_AGE)
    timeout = args.get("timeout", 10)
    # The last run may have begun at the very end.
    last = int(timeout) if isinstance(timeout, int | float) else LONGEST_TIMEOUT
    return max(again, 3600) + (last if again else 0)
