"""The emulator's operations with SQS's checks before them, and its own ways with receipt handles.

The checks are where both of SQS's protocols have become one, so that they hold for either.
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import sqs as emulated

from eda_sandbox.foundation.clock import Clock
from eda_sandbox.frontdoor.sqs import answers, attributes, messages
from eda_sandbox.frontdoor.sqs.attributes import invalid

Queue = dict[str, Any]
Handler = Callable[[dict[str, Any], str], Any]
MAX_ENTRIES = 10
"""Of a batch (API reference, SendMessageBatch)."""
MAX_BATCH = 1_048_576
"""Bytes of a batch (API reference, SendMessageBatch)."""
LONGEST_WAIT, LONGEST_INVISIBLE = 20, 43_200
"""Seconds (API reference, ReceiveMessage)."""
PURGE_SECONDS = 60
"""Between two purges of a queue, in AWS's time (API reference, PurgeQueue)."""
FIRST_NUMBER = 18_849_496_460_467_696_127
"""Behind which the sequence numbers of FIFO queues begin: AWS's have 20 digits (recorded on AWS)."""
HANDLES = 20
"""Earlier handles of a message that are remembered."""
_HANDLE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
LISTED = 1000
"""Queues of one answer (ListQueues)."""
_emulators: dict[str, Any] = {**emulated._HANDLERS, "_collect_msgs": emulated._collect_msgs}


def install(clock: Clock) -> None:
    """Serve in the emulator's place.

    Args:
        clock: the time scale.
    """
    answers.install()
    emulated._collect_msgs = _collect
    emulated._HANDLERS.update(
        CreateQueue=_create,
        ListDeadLetterSourceQueues=_list_sources,
        ListQueues=_list,
        ListQueueTags=_list_tags,
        GetQueueAttributes=_get_attributes,
        SetQueueAttributes=_set_attributes,
        SendMessage=_send,
        SendMessageBatch=_send_batch,
        ReceiveMessage=_receive,
        DeleteMessage=_delete,
        DeleteMessageBatch=_batch(_delete_one, "DeleteMessageBatchRequestEntry", "sqs:DeleteMessage"),
        ChangeMessageVisibility=_change,
        ChangeMessageVisibilityBatch=_batch(
            _change_one, "ChangeMessageVisibilityBatchRequestEntry", "sqs:ChangeMessageVisibility"
        ),
        PurgeQueue=lambda given, url: _purge(given, url, clock),
    )


def _queue(given: Mapping[str, Any], url: str, action: str) -> Queue:
    found: Queue = emulated._get_q(given.get("QueueUrl", url), action)
    return found


def _create(given: dict[str, Any], url: str) -> Any:
    asked = attributes.normal(given.get("Attributes") or {})
    if given.get("QueueName"):
        attributes.check_new(given["QueueName"], asked)
        if emulated._queue_url(given["QueueName"]) not in emulated._queues:
            asked = attributes.completed(asked, new=True)
    answer = _emulators["CreateQueue"]({**given, "Attributes": asked}, url)
    queue = emulated._queues[answer["QueueUrl"]]
    if queue["is_fifo"]:
        queue["fifo_seq"] = max(queue["fifo_seq"], FIRST_NUMBER)
    return answer


def _token(given: Mapping[str, Any]) -> int:
    """Where a page begins; checks how long it may be, too."""
    size, token = given.get("MaxResults"), str(given.get("NextToken") or "0")
    if size is not None and not 1 <= int(size) <= LISTED:
        raise invalid("MaxResults", size, f"Must be between 1 and {LISTED}, if provided.")
    if not (token.isascii() and token.isdigit() and len(token) < 12):
        raise invalid("NextToken", token, "It is not one that was returned.")
    return int(token)


def _list(given: dict[str, Any], url: str) -> Any:
    _token(given)
    return _filled(_emulators["ListQueues"](given, url))


def _list_sources(given: dict[str, Any], url: str) -> Any:
    target = _queue(given, url, "sqs:ListDeadLetterSourceQueues")["attributes"]["QueueArn"]
    found = [
        emulated._externalize_url(queue["url"])
        for queue in emulated._queues.values()
        if json.loads(queue["attributes"].get("RedrivePolicy") or "{}").get("deadLetterTargetArn") == target
    ]
    size, token = given.get("MaxResults"), _token(given)
    if size is None:
        return {"queueUrls": found[:LISTED]}
    page = {"queueUrls": found[token : token + int(size)]}
    return {**page, "NextToken": str(token + int(size))} if token + int(size) < len(found) else page


def _list_tags(given: dict[str, Any], url: str) -> Any:
    return _filled(_emulators["ListQueueTags"](given, url))


def _filled(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer; what is empty is not in it (recorded on AWS)."""
    return {name: found for name, found in answer.items() if found}


def _get_attributes(given: dict[str, Any], url: str) -> Any:
    attributes.check_names(given.get("AttributeNames") or ())
    found = _emulators["GetQueueAttributes"](given, url)
    return _filled(found) if given.get("AttributeNames") else {}


def _set_attributes(given: dict[str, Any], url: str) -> Any:
    queue = _queue(given, url, "sqs:SetQueueAttributes")
    asked = attributes.normal(given.get("Attributes") or {})
    attributes.check_change(queue, asked)
    answer = _emulators["SetQueueAttributes"]({**given, "Attributes": attributes.completed(asked, new=False)}, url)
    attributes.without_emptied(queue)
    return answer


def _send(given: dict[str, Any], url: str) -> Any:
    queue = _queue(given, url, "sqs:SendMessage")
    messages.check(queue, given)
    if given.get("MessageBody") and given.get("MessageGroupId"):
        messages.check_deduplicated(queue, given)
    return _sent(given, url)


def _sent(given: dict[str, Any], url: str) -> dict[str, Any]:
    answer: dict[str, Any] = _emulators["SendMessage"](given, url)
    digest = emulated._md5_msg_attrs(given.get("MessageSystemAttributes"))
    return {**answer, "MD5OfMessageSystemAttributes": digest} if digest else answer


def _send_batch(given: dict[str, Any], url: str) -> Any:
    queue, entries = _queue(given, url, "sqs:SendMessage"), given.get("Entries") or []
    _check_entries(entries, "SendMessageBatchRequestEntry")
    total = sum(messages.size(entry) for entry in entries)
    if total > MAX_BATCH:
        raise emulated._Err(
            "BatchRequestTooLong",
            f"Batch requests cannot be longer than {MAX_BATCH} bytes. You have sent {total} bytes.",
        )
    for entry in entries if queue["is_fifo"] else ():
        # What a FIFO queue needs is missed of the whole request.
        if not entry.get("MessageGroupId"):
            raise emulated._Err("InvalidParameterValue", "The request must contain the parameter MessageGroupId.")
        messages.check_deduplicated(queue, entry)
    sent, failed = [], []
    for entry in entries:
        try:
            messages.check(queue, entry, batch=True)
            sent.append({"Id": entry["Id"], **_sent({**entry, "QueueUrl": queue["url"]}, url)})
        except emulated._Err as error:
            failed.append(_failure(entry, error))
    return _outcome(sent, failed)


def _receive(given: dict[str, Any], url: str) -> Any:
    wait, invisible = given.get("WaitTimeSeconds"), given.get("VisibilityTimeout")
    if wait is not None and not 0 <= int(wait) <= LONGEST_WAIT:
        raise invalid("WaitTimeSeconds", wait, f"Must be >= 0 and <= {LONGEST_WAIT}, if provided.")
    _check_invisible(invisible)
    return _emulators["ReceiveMessage"](given, url)


def _check_invisible(seconds: Any) -> None:
    if seconds is not None and not 0 <= int(seconds) <= LONGEST_INVISIBLE:
        raise invalid("VisibilityTimeout", seconds, f"Must be between 0 and {LONGEST_INVISIBLE}, if provided.")


def _collect(queue: Queue, limit: int, invisible: int) -> Any:
    before = {id(one): one.get("receipt_handle") for one in queue["messages"]}
    found = (_collect_groups if queue["is_fifo"] else _emulators["_collect_msgs"])(queue, limit, invisible)
    for one in found:
        if before.get(id(one)):
            one["earlier"] = [*one.get("earlier", []), before[id(one)]][-HANDLES:]
    return found


def _collect_groups(queue: Queue, limit: int, invisible: int) -> list[dict[str, Any]]:
    """Messages of a FIFO queue: as many as possible of a group before those of the next one; of a group those before
    the first that is invisible. The group whose next message has been visible the longest comes first (recorded on
    AWS)."""
    now, groups, blocked = time.time(), dict[str, list[dict[str, Any]]](), set[str]()
    for one in queue["messages"]:
        emulated._ensure_msg_fields(one)
        group = one["group_id"] or ""
        if one["visible_at"] > now:
            blocked.add(group)
        elif group not in blocked:
            groups.setdefault(group, []).append(one)
    waiting = sorted(groups.values(), key=lambda group: float(group[0]["visible_at"]))
    found = [one for group in waiting for one in group][:limit]
    for one in found:
        one["receipt_handle"] = emulated.new_uuid()
        one["visible_at"] = now + invisible
        one["receive_count"] += 1
        if one.get("first_receive_at") is None:
            one["first_receive_at"] = now
    return found


def _find(queue: Queue, handle: str) -> tuple[dict[str, Any] | None, bool]:
    """The message that a handle was given for, and whether it is its newest one."""
    for one in queue["messages"]:
        if one.get("receipt_handle") == handle:
            return one, True
        if handle in one.get("earlier", ()):
            return one, False
    return None, False


def _check_handle(handle: str) -> None:
    if not handle:
        raise emulated._Err("MissingParameter", "The request must contain the parameter ReceiptHandle.")
    if not _HANDLE.fullmatch(handle):
        raise emulated._Err(
            "ReceiptHandleIsInvalid", f'The input receipt handle "{handle}" is not a valid receipt handle.'
        )


def _delete(given: dict[str, Any], url: str) -> Any:
    _delete_one(_queue(given, url, "sqs:DeleteMessage"), given)
    return {}


def _delete_one(queue: Queue, given: Mapping[str, Any]) -> None:
    """Delete a message. Who deletes it again has what he wanted; a handle of before it was received again does nothing;
    of a FIFO queue it has to be in time."""
    handle = str(given.get("ReceiptHandle") or "")
    _check_handle(handle)
    message, newest = _find(queue, handle)
    if message is None:
        return
    if queue["is_fifo"] and (not newest or message["visible_at"] <= time.time()):
        raise invalid("ReceiptHandle", handle, "The receipt handle has expired.")
    if newest:
        queue["messages"] = [one for one in queue["messages"] if one is not message]


def _change(given: dict[str, Any], url: str) -> Any:
    _change_one(_queue(given, url, "sqs:ChangeMessageVisibility"), given)
    return {}


def _change_one(queue: Queue, given: Mapping[str, Any]) -> None:
    handle, seconds = str(given.get("ReceiptHandle") or ""), given.get("VisibilityTimeout")
    _check_handle(handle)
    _check_invisible(seconds)
    message, newest = _find(queue, handle)
    if message is None or (queue["is_fifo"] and not newest):
        raise invalid(
            "ReceiptHandle", handle, "Message does not exist or is not available for visibility timeout change."
        )
    if newest:
        message["visible_at"] = time.time() + int(seconds or 0)
        if not int(seconds or 0):
            emulated.esm_wake.set()


def _batch(one: Callable[[Queue, Mapping[str, Any]], None], kind: str, action: str) -> Handler:
    def handle(given: dict[str, Any], url: str) -> Any:
        queue, entries = _queue(given, url, action), given.get("Entries") or []
        _check_entries(entries, kind)
        done, failed = [], []
        for entry in entries:
            try:
                one(queue, entry)
                done.append({"Id": entry["Id"]})
            except emulated._Err as error:
                failed.append(_failure(entry, error))
        return _outcome(done, failed)

    return handle


def _outcome(done: list[dict[str, Any]], failed: list[dict[str, Any]]) -> dict[str, Any]:
    """A batch's answer; a list that is empty is not in it (recorded, LocalStack's test_sqs.py)."""
    return {name: found for name, found in (("Successful", done), ("Failed", failed)) if found}


def _failure(entry: Mapping[str, Any], error: Any) -> dict[str, Any]:
    return {"Id": entry["Id"], "Code": error.code, "Message": error.message, "SenderFault": True}


def _check_entries(entries: list[dict[str, Any]], kind: str) -> None:
    if len(entries) > MAX_ENTRIES:
        raise emulated._Err(
            "TooManyEntriesInBatchRequest",
            f"Maximum number of entries per request are {MAX_ENTRIES}. You have sent {len(entries)}.",
        )
    emulated._validate_batch_entries(entries, kind)


def _purge(given: dict[str, Any], url: str, clock: Clock) -> Any:
    queue = _queue(given, url, "sqs:PurgeQueue")
    if time.time() - queue.get("purged_at", 0) < clock.real(PURGE_SECONDS):
        raise emulated._Err(
            "PurgeQueueInProgress",
            f"Only one PurgeQueue operation on {queue['name']} is allowed every {PURGE_SECONDS} seconds.",
            403,
        )
    queue["purged_at"] = time.time()
    queue["dedup_cache"].clear()
    return _emulators["PurgeQueue"](given, url)
