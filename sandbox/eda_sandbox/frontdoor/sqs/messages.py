"""Messages that are sent: their ids, their attributes, their size."""

import json
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from ministack.services import sqs as emulated

from eda_sandbox.frontdoor.sqs.attributes import invalid

MAX_ATTRIBUTES = 10
"""Of a message (Developer Guide, message metadata)."""
MAX_DELAY = 900
"""Seconds (API reference, SendMessage)."""
_ID = re.compile(r"[!-~]{1,128}")
_NAME = re.compile(r"(?!(?i:aws|amazon)\.)(?!\.)(?!.*\.\.)[\w.-]{1,256}(?<!\.)")
_TYPE = re.compile(r"(String|Number|Binary)(\..+)?")


def check(queue: Mapping[str, Any], given: Mapping[str, Any], *, batch: bool = False) -> None:
    """Check a message, or an entry of a batch.

    Args:
        queue: the emulator's.
        given: what is sent.
        batch: it is an entry of one.

    Raises:
        ministack.services.sqs._Err: SQS refuses it.
    """
    for name in ("MessageGroupId", "MessageDeduplicationId"):
        if given.get(name) is not None and not _ID.fullmatch(given[name]):
            raise invalid(
                name,
                given[name],
                f"{name} can only include alphanumeric and punctuation characters. 1 to 128 in length.",
            )
    if not queue["is_fifo"] and given.get("MessageDeduplicationId") is not None:
        raise invalid(
            "MessageDeduplicationId",
            given["MessageDeduplicationId"],
            "The request include parameter that is not valid for this queue type.",
        )
    delay = given.get("DelaySeconds")
    if delay is not None and not queue["is_fifo"] and not 0 <= int(delay) <= MAX_DELAY:
        raise invalid("DelaySeconds", delay, f"DelaySeconds must be >= 0 and <= {MAX_DELAY}.")
    attributes = given.get("MessageAttributes") or {}
    if len(attributes) > MAX_ATTRIBUTES:
        raise _refused(
            f"Number of message attributes [{len(attributes)}] exceeds the allowed maximum [{MAX_ATTRIBUTES}]."
        )
    for name, value in attributes.items():
        _check_attribute(name, value)
    largest = int(queue["attributes"].get("MaximumMessageSize", 1_048_576))
    if size(given) > largest:
        found = "cannot be validated" if batch else "are invalid"
        raise _refused(f"One or more parameters {found}. Reason: Message must be shorter than {largest} bytes.")


def check_deduplicated(queue: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Check that a message can be told from others.

    Args:
        queue: the emulator's.
        given: what is sent.

    Raises:
        ministack.services.sqs._Err: it cannot, in a FIFO queue.
    """
    by_content = queue["attributes"].get("ContentBasedDeduplication") == "true"
    if queue["is_fifo"] and not given.get("MessageDeduplicationId") and not by_content:
        raise _refused(
            "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided "
            "explicitly"
        )


def size(given: Mapping[str, Any]) -> int:
    """The bytes of a message: its body, and of its attributes the names, types and values."""
    found = len(str(given.get("MessageBody") or "").encode())
    for name, value in (given.get("MessageAttributes") or {}).items():
        content = value.get("StringValue")
        found += len(name.encode()) + len(str(value.get("DataType", "")).encode())
        found += len(content.encode()) if content is not None else len(value.get("BinaryValue") or "") * 3 // 4
    return found


def _check_attribute(name: str, value: Mapping[str, Any]) -> None:
    if not _NAME.fullmatch(name):
        raise _refused(f"Message (user) attribute name can not be {json.dumps(name)}.")
    found = _TYPE.fullmatch(str(value.get("DataType") or ""))
    if found is None:
        raise _refused(
            f"The type of message (user) attribute '{name}' is invalid. You must use only the following supported type "
            "prefixes: Binary, Number, String."
        )
    content = value.get("BinaryValue" if found[1] == "Binary" else "StringValue")
    if not content:
        raise _refused(f"Message (user) attribute '{name}' must contain a non-empty value of type '{found[1]}'.")
    if found[1] != "Binary" and emulated._INVALID_SQS_CHARS_RE.search(content):
        raise _refused(f"Invalid binary character in message (user) attribute '{name}'.")
    if found[1] == "Number":
        try:
            Decimal(content)
        except InvalidOperation:
            raise _refused(f"Can't cast the value of message (user) attribute '{name}' to a number.") from None


def _refused(problem: str) -> Exception:
    found: Exception = emulated._Err("InvalidParameterValue", problem)
    return found
