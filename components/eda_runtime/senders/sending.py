"""What all senders do: split by the limits, try again what failed of a batch, report what could not be sent."""

import json
import os
import re
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from eda_runtime import json_text
from eda_runtime.envelope import Envelope

T = TypeVar("T")
ATTEMPTS = 5
"""Calls for one message at most."""
PAUSE_SECONDS = 0.1
"""Longest pause before the second attempt; each further one may be twice as long. Pauses are random, from 0."""
TOO_LARGE = "TooLarge"
"""Code of a message that is over the service's limit; no call is made for it."""
BEHIND = "Behind"
"""Code of a message that was not tried because one before it in its group could not be sent."""
NOT_TRIED = "NotTried"
"""Code of a message that was not tried because a whole call had failed before."""
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_write = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Limits(NamedTuple):
    """What a service takes in one call.

    Attributes:
        entries: messages.
        bytes: of all of them.
        entry_bytes: of one.
    """

    entries: int
    bytes: int
    entry_bytes: int


class Failure(NamedTuple):
    """Why the service did not take a message.

    Attributes:
        code: its word for it.
        message: what it says.
        passes: it may take it later.
    """

    code: str
    message: str
    passes: bool


def failures(answers: Sequence[Mapping[str, Any]], passing: Collection[str] | None = None) -> list[Failure | None]:
    """What became of each entry, where a service answers in their order, with ``ErrorCode`` for one that failed.

    Args:
        answers: one for each entry.
        passing: codes of failures that pass; None: all do.
    """
    return [
        Failure(code, each.get("ErrorMessage", ""), passing is None or code in passing)
        if (code := each.get("ErrorCode"))
        else None
        for each in answers
    ]


class Entry(NamedTuple, Generic[T]):
    """A message in the form in which it is sent.

    Attributes:
        item: as it was given.
        request: the entry of the call.
        size: in bytes, as the service counts.
        group: within which the order is kept; None keeps none.
    """

    item: T
    request: dict[str, Any]
    size: int
    group: str | None = None


class Unsent(NamedTuple, Generic[T]):
    """A message that could not be sent.

    Attributes:
        item: as it was given.
        code: the service's word for why, or ``TooLarge``, ``Behind`` or ``NotTried``.
        message: what the service says.
        maybe_sent: the call failed as a whole, so that the service may have taken it all the same.
    """

    item: T
    code: str
    message: str = ""
    maybe_sent: bool = False


class SendError(Exception):
    """Some of the messages could not be sent; all others were.

    Attributes:
        unsent: those that could not, in the order in which they were given.
    """

    def __init__(self, unsent: Sequence[Unsent[Any]], given: int) -> None:
        first = unsent[0]
        super().__init__(f"{len(unsent)} of {given} messages were not sent; the first: {first.code}: {first.message}")
        self.unsent = unsent


Call = Callable[[list[dict[str, Any]]], Sequence[Failure | None]]
"""Sends a batch; what became of each entry, None for one that was taken."""


def message(body: Mapping[str, Any], envelope: Envelope | None) -> str:
    """A message as JSON, with its envelope.

    Args:
        body: the message; an ``envelope`` of its own stays.
        envelope: that of a message without; None adds none.

    Raises:
        ValueError: it is no JSON.
    """
    added = {} if envelope is None or "envelope" in body else {"envelope": envelope.as_dict()}
    said = {**body, **added}
    if json_text.plain(said):
        return _write(said)
    # What a record said may be sent on with its numbers as they were.
    text = json_text.dumps(said, _refuse)
    if "N" in (bare := _STRING.sub("", text)) or "I" in bare:
        raise ValueError("NaN and Infinity are no JSON")
    return text


def _refuse(value: Any) -> Any:
    raise ValueError(f"the type {type(value).__name__} is no JSON")


def send(
    entries: Iterable[Entry[T]],
    limits: Limits,
    call: Call,
    attempts: int = ATTEMPTS,
    wait: Callable[[float], None] = time.sleep,
) -> None:
    """Send messages.

    A batch has one message of a group at most, so that no message passes another of its group.

    Args:
        entries: the messages.
        limits: of one call.
        call: sends a batch.
        attempts: calls for one message at most.
        wait: pauses before messages are tried again.

    Raises:
        SendError: some could not be sent.
    """
    given = list(entries)
    unsent: dict[int, Unsent[T]] = {}
    waiting = list(range(len(given)))
    tries = dict.fromkeys(waiting, 0)
    blocked: set[str] = set()

    def give_up(place: int, code: str, text: str = "", maybe_sent: bool = False) -> None:
        entry = given[place]
        unsent[place] = Unsent(entry.item, code, text, maybe_sent)
        if entry.group is not None:
            blocked.add(entry.group)

    while waiting:
        batch, later = _batch(given, waiting, limits, blocked, give_up)
        if batch:
            try:
                answers = call([given[place].request for place in batch])
            except Exception as error:
                # botocore has tried it several times already; the next batch would fare no better.
                for place in batch:
                    give_up(place, _code(error), str(error), maybe_sent=True)
                for place in later:
                    give_up(place, NOT_TRIED, f"a call before it failed: {_code(error)}")
                break
            again = []
            for place, failure in zip(batch, answers, strict=True):
                tries[place] += 1
                if failure is not None and failure.passes and tries[place] < attempts:
                    again.append(place)
                elif failure is not None:
                    give_up(place, failure.code, failure.message)
            if again:
                longest = PAUSE_SECONDS * 2.0 ** (min(tries[place] for place in again) - 1)
                # The module `random` would be loaded for nothing else.
                wait(longest * int.from_bytes(os.urandom(2), "big") / 65536)
            # Their order counts where they have groups.
            later = sorted([*again, *later])
        waiting = later
    if unsent:
        raise SendError([unsent[place] for place in sorted(unsent)], len(given))


def _batch(
    given: Sequence[Entry[T]],
    waiting: Sequence[int],
    limits: Limits,
    blocked: set[str],
    give_up: Callable[[int, str, str], None],
) -> tuple[list[int], list[int]]:
    """The places of the next batch's messages, and of those that wait on; what cannot be sent at all is neither."""
    batch: list[int] = []
    later: list[int] = []
    groups: set[str] = set()
    size, full = 0, False
    for place in waiting:
        entry = given[place]
        if entry.group in blocked:
            give_up(place, BEHIND, f"one before it in the group {entry.group!r} was not sent")
        elif entry.size > limits.entry_bytes:
            give_up(place, TOO_LARGE, f"it has {entry.size} bytes; {limits.entry_bytes} are allowed")
        elif full or entry.group in groups:
            later.append(place)
        elif len(batch) == limits.entries or size + entry.size > limits.bytes:
            full = True
            later.append(place)
        else:
            batch.append(place)
            size += entry.size
        if entry.group is not None:
            groups.add(entry.group)
    return batch, later


def _code(error: Exception) -> str:
    response = getattr(error, "response", None)
    if isinstance(response, Mapping):
        return str(response.get("Error", {}).get("Code") or type(error).__name__)
    return type(error).__name__
