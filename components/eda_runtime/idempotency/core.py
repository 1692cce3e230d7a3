"""Every decision of idempotency, without I/O.

``attempt`` is a generator: it yields what is to be done (an ``Operation``), is sent what came of it, and returns an
``Answer``. Who drives it does the I/O, so tests can stop, end and interleave attempts at every step.

An attempt owns its record by a random token, and everything that changes the record demands the token: whoever lost the
record while it was slow changes nothing. Its lock is a lease that is renewed while the handler runs and ends with the
invocation's time at the latest, so a crash holds up repeats for ``LEASE_SECONDS`` and no longer.

Operations and their answers are named tuples: a cold start makes these classes in a small part of dataclasses' time.
"""

import math
from collections.abc import Callable, Generator, Iterator
from typing import Any, NamedTuple, TypeAlias

from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyAlreadyInProgressError,
    IdempotencyPersistenceLayerError,
    IdempotencyValidationError,
)

from eda_runtime.transaction import TransactionError, TransactionRefused, TransactWriteItem

INPROGRESS, COMPLETED = "INPROGRESS", "COMPLETED"
LEASE_SECONDS = 30.0
"""How long a lock holds without a renewal."""
MAX_DATA_BYTES = 350_000
"""The longest result that lies in the record itself; an item has at most 400 KB (DynamoDB)."""
CONFLICT_TRIES = 8
"""How often a write is tried that meets another transaction."""
_MARGIN_SECONDS = 0.5
"""What a waiting repeat leaves of its time for its answer."""


class ResultNotKept(Exception):
    """The work was done before, but its result is not there to be repeated: it could not be kept, or has expired."""


class ResultTooLarge(TransactionError):
    """The result fits into no record and there is no payload store; nothing was written."""


class Record(NamedTuple):
    """An idempotency record.

    Attributes:
        key: the idempotency key, prefix and hash.
        owner: the token of the attempt that wrote it; empty for one that plain Powertools wrote.
        status: ``INPROGRESS`` or ``COMPLETED``.
        expires_at: seconds since the epoch, after which it counts no more.
        locked_until: milliseconds since the epoch, after which one in progress counts no more; None: until it expires.
        fingerprint: hash of what has to be equal when the key is used again; empty when nothing is compared.
        data: the result as JSON.
        reference: where the result lies in the payload store, as JSON.
        omitted: the result is not kept.
    """

    key: str
    owner: str
    status: str
    expires_at: int
    locked_until: int | None = None
    fingerprint: str = ""
    data: str | None = None
    reference: str | None = None
    omitted: bool = False

    def takeable(self, now: float) -> bool:
        """Whether it counts no more; the store's condition says the same."""
        if self.expires_at < int(now):
            return True
        return self.status == INPROGRESS and self.locked_until is not None and self.locked_until < int(now * 1000)


class Attempt(NamedTuple):
    """What is known before an attempt begins.

    Attributes:
        key: the idempotency key.
        owner: a random token of this attempt alone, at most 36 characters (``ClientRequestToken``).
        started: seconds since the epoch.
        fingerprint: what has to be equal when the key is used again; None: nothing is compared.
        transaction: effect and record are committed together.
        expires_after_seconds: how long the result is remembered.
        remaining_seconds: of the invocation; None when there is no limit.
        wait_seconds: how long a repeat waits for one that is in progress.
        claim_check: there is a payload store.
        resumes: a durable execution goes on: what it left in progress is its own.
    """

    key: str
    owner: str
    started: float
    fingerprint: str | None = None
    transaction: bool = False
    expires_after_seconds: int = 3600
    remaining_seconds: float | None = None
    wait_seconds: float = 0
    claim_check: bool = False
    resumes: bool = False

    @property
    def renewed(self) -> bool:
        """Whether the lock has to be renewed at all."""
        return self.remaining_seconds is None or self.remaining_seconds > LEASE_SECONDS

    def lock(self, now: float) -> Record:
        """The record of an attempt that is in progress.

        It expires with its lock at the earliest: a result may be remembered for a shorter time than it takes to make.
        """
        ends = now + LEASE_SECONDS
        if self.remaining_seconds is not None:
            ends = min(ends, self.started + self.remaining_seconds)
        expires = math.ceil(max(now + self.expires_after_seconds, ends))
        return Record(self.key, self.owner, INPROGRESS, expires, int(ends * 1000), self.fingerprint or "")


class Acquire(NamedTuple):
    """Put the record if there is none that counts at ``now``. Answer: ``Acquired``, ``Found`` or ``Conflict``."""

    record: Record
    now: float


class Read(NamedTuple):
    """Read the record, consistently. Answer: ``Found``."""

    key: str


class Run(NamedTuple):
    """Run the handler, and renew the record's lock meanwhile. Answer: ``Returned`` or ``Raised``."""

    record: Record


class Keep(NamedTuple):
    """Put a result into the payload store. Answer: its reference."""

    data: str


class Fetch(NamedTuple):
    """Get a result from the payload store. Answer: its JSON."""

    reference: str


class Complete(NamedTuple):
    """Complete the record if its owner still has it in progress, and do the writes, both or neither.

    Answer: ``Committed``, ``Lost``, ``Refused`` or ``Conflict``.
    """

    record: Record
    writes: tuple[TransactWriteItem, ...]


class Renew(NamedTuple):
    """Move the lock of a record that its owner still has in progress. Answer: whether it has."""

    record: Record


class Release(NamedTuple):
    """Delete the record if its owner still has it in progress. Answer: None."""

    record: Record


class Pause(NamedTuple):
    """Wait. Answer: None."""

    seconds: float


Operation: TypeAlias = Acquire | Read | Run | Keep | Fetch | Complete | Renew | Release | Pause


class Acquired(NamedTuple):
    """The record is this attempt's."""


class Found(NamedTuple):
    """The record that is there; None: there is none."""

    record: Record | None


class Conflict(NamedTuple):
    """Another transaction is at work on one of the items; nothing was written."""


class Committed(NamedTuple):
    """Record and writes are there."""


class Lost(NamedTuple):
    """The record is no longer this attempt's, nothing was written. What is there instead; None: nothing."""

    record: Record | None


class Refused(NamedTuple):
    """A condition of the handler's writes does not hold, nothing was written."""

    reasons: tuple[dict[str, Any], ...]


class Returned(NamedTuple):
    """The handler's result.

    Attributes:
        value: as the handler returned it.
        data: as JSON; None when it cannot be written as JSON.
        writes: of a transaction.
    """

    value: Any
    data: str | None
    writes: tuple[TransactWriteItem, ...] = ()


class Raised(NamedTuple):
    """The handler's exception."""

    error: Exception


class Answer(NamedTuple):
    """What an attempt comes to.

    Attributes:
        value: the handler's result, when it ran.
        error: the handler's exception, when it raised one.
        replayed: the record whose ``data`` is the result, when the work was done before.
        lost: the handler ran, but its record was another's by then: the effect may repeat.
        omitted: the handler ran, but its result could not be kept for repeats: why; else empty.
    """

    value: Any = None
    error: Exception | None = None
    replayed: Record | None = None
    lost: bool = False
    omitted: str = ""


Steps = Generator[Operation, Any, Any]


def attempt(given: Attempt, clock: Callable[[], float]) -> Generator[Operation, Any, Answer]:
    """One attempt: acquire the record, run the handler, complete the record; or repeat what is recorded.

    Args:
        given: what is known before.
        clock: seconds since the epoch.

    Raises:
        IdempotencyAlreadyInProgressError: another attempt has the record, or took it before this one committed.
        IdempotencyValidationError: the key was used with another fingerprint.
        IdempotencyPersistenceLayerError: an operation failed.
        ResultNotKept: the work was done before, its result is gone.
        TransactionError: effect and record could not be committed; nothing was written.
    """
    mine = yield from _acquire(given, clock)
    if isinstance(mine, Answer):
        return mine
    outcome = yield Run(mine)
    if isinstance(outcome, Raised):
        yield from _release(mine)
        return Answer(error=outcome.error)
    answer: Answer = yield from _complete(given, clock, mine, outcome)
    return answer


def renewal_seconds() -> float:
    """Between two renewals of a lock: the second one still comes in time when the first fails."""
    return LEASE_SECONDS / 3


def renewals(given: Attempt, mine: Record, clock: Callable[[], float]) -> Generator[Operation, Any, None]:
    """Renew a lock while its handler runs, until the invocation's time is over or the lock is another's."""
    while True:
        yield Pause(renewal_seconds())
        longer = given.lock(clock())._replace(owner=mine.owner)
        if (longer.locked_until or 0) <= (mine.locked_until or 0):
            return
        try:
            kept = yield Renew(longer)
        except Exception:  # noqa: S112  # the next renewal comes before the lease ends
            continue
        if not kept:
            return
        mine = longer


def _acquire(given: Attempt, clock: Callable[[], float]) -> Steps:
    """This attempt's record, or the answer that is recorded."""
    wait = given.wait_seconds
    if given.remaining_seconds is not None:
        wait = max(0.0, min(wait, given.remaining_seconds - _MARGIN_SECONDS))
    pauses, conflicts, freed = _pauses(), 0, 0
    while True:
        now = clock()
        mine = given.lock(now)
        seen = yield from _stored(Acquire(mine, now), "save the record in progress")
        if isinstance(seen, Found) and seen.record is None:
            # Refused without being told by what: not every store tells, and the record may be gone meanwhile.
            seen = yield from _stored(Read(given.key), "get the record")
        while not isinstance(seen, Acquired):
            conflicts += isinstance(seen, Conflict)
            if isinstance(seen, Found):
                found = seen.record
                if found is None or found.takeable(clock()):
                    freed += 1
                    if freed == 1:
                        break
                    # Free again and again, and never to be had: not faster than others' conflicts, and not for ever.
                    if freed > CONFLICT_TRIES:
                        raise IdempotencyAlreadyInProgressError(f"Execution already in progress: {given.key}")
                    yield Pause(next(pauses))
                    break
                if found.owner == given.owner:
                    # The answer to the first try of this write was lost, its repetition met it.
                    return mine
                if given.fingerprint is not None and found.fingerprint != given.fingerprint:
                    raise IdempotencyValidationError("Payload does not match stored record for this event key")
                if found.status == COMPLETED:
                    return (yield from _replay(found))
                if given.resumes:
                    return mine._replace(owner=found.owner)
            left = wait - (clock() - given.started)
            if left <= 0 and not 0 < conflicts < CONFLICT_TRIES:
                raise IdempotencyAlreadyInProgressError(f"Execution already in progress: {given.key}")
            pause = next(pauses)
            yield Pause(min(pause, left) if left > 0 else pause)
            seen = yield from _stored(Read(given.key), "get the record")
        else:
            return mine


def _complete(given: Attempt, clock: Callable[[], float], mine: Record, outcome: Returned) -> Steps:
    kept = yield from _kept(given, mine, outcome)
    expires = math.ceil(clock() + given.expires_after_seconds)
    done = kept._replace(status=COMPLETED, expires_at=expires, locked_until=None)
    for pause in _pauses(CONFLICT_TRIES):
        try:
            result = yield Complete(done, outcome.writes)
        except Exception as error:
            if given.transaction:
                # Undoes nothing that was committed after all: it demands that the record is in progress.
                yield from _release(mine)
            raise IdempotencyPersistenceLayerError("Failed to save the completed record", error) from error
        if isinstance(result, Committed):
            return Answer(outcome.value, omitted=_why(given, outcome) if done.omitted else "")
        if isinstance(result, Refused):
            yield from _release(mine)
            raise TransactionRefused(result.reasons)
        if isinstance(result, Lost):
            return (yield from _lost(given, clock, mine, outcome, result.record))
        yield Pause(pause)
    if given.transaction:
        yield from _release(mine)
    raise IdempotencyPersistenceLayerError(f"Failed to save the completed record: {CONFLICT_TRIES} conflicts")


def _kept(given: Attempt, mine: Record, outcome: Returned) -> Steps:
    """The record with the result: in itself, in the payload store, or, when the effect is done already, without."""
    data = outcome.data
    if data is not None and len(data.encode()) <= MAX_DATA_BYTES:
        return mine._replace(data=data)
    if data is not None and given.claim_check:
        try:
            return mine._replace(reference=(yield Keep(data)))
        except Exception as error:
            if given.transaction:
                yield from _release(mine)
                raise IdempotencyPersistenceLayerError("Failed to put the result into the store", error) from error
    elif given.transaction:
        yield from _release(mine)
        if data is None:
            raise TransactionError("the result cannot be written as JSON; nothing was written")
        raise ResultTooLarge(f"the result is longer than {MAX_DATA_BYTES} bytes; nothing was written")
    # Without a record the next repeat would have the effect again.
    return mine._replace(omitted=True)


def _why(given: Attempt, outcome: Returned) -> str:
    """Why a result is not kept."""
    if outcome.data is None:
        return "it is no JSON"
    return "the payload store failed" if given.claim_check else "it is too large and there is no payload store"


def _lost(given: Attempt, clock: Callable[[], float], mine: Record, outcome: Returned, found: Record | None) -> Steps:
    """The answer of an attempt whose record is no longer its own."""
    if found is not None and found.status == COMPLETED:
        if found.owner == mine.owner:
            # The answer to the first try of this write was lost, its repetition met it.
            return Answer(outcome.value, omitted=_why(given, outcome) if found.omitted else "")
        if not found.takeable(clock()) and given.fingerprint in (None, found.fingerprint):
            return (yield from _replay(found))
    if given.transaction:
        raise IdempotencyAlreadyInProgressError(
            f"The record was lost before the commit, nothing was written: {mine.key}"
        )
    return Answer(outcome.value, lost=True)


def _replay(found: Record) -> Steps:
    if found.omitted:
        raise ResultNotKept("the work was done before, but its result could not be kept")
    if found.reference is not None:
        try:
            found = found._replace(data=(yield Fetch(found.reference)))
        except Exception as error:
            raise ResultNotKept("the work was done before, but its result cannot be read") from error
    return Answer(replayed=found)


def _release(mine: Record) -> Steps:
    try:
        yield Release(mine)
    except Exception:
        # What went wrong before matters more, and the lock ends by itself.
        return


def _stored(operation: Operation, what: str) -> Steps:
    try:
        return (yield operation)
    except Exception as error:
        raise IdempotencyPersistenceLayerError(f"Failed to {what}", error) from error


def _pauses(count: int | None = None) -> Iterator[float]:
    """Seconds, growing from a tenth to one."""
    seconds, given = 0.1, 0
    while count is None or given < count:
        yield seconds
        seconds, given = min(1.0, 1.5 * seconds), given + 1
