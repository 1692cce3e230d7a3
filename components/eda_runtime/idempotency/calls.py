"""Runs attempts against the store: does what the core yields, and what belongs around it in a function."""

import json
import os
import random
import secrets
import threading
import time
import warnings
from collections.abc import Callable, Generator
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol

from aws_lambda_powertools.shared.functions import strtobool
from aws_lambda_powertools.shared.json_encoder import Encoder
from aws_lambda_powertools.utilities.idempotency import IdempotencyConfig
from aws_lambda_powertools.warnings import PowertoolsUserWarning

from eda_runtime import json_text, metrics
from eda_runtime.idempotency import core
from eda_runtime.idempotency.keys import Token, check_key, default_fingerprint, default_key
from eda_runtime.idempotency.store import FencedDynamoDBPersistenceLayer
from eda_runtime.idempotency.timer import Timer
from eda_runtime.logger import logger
from eda_runtime.transaction import Transaction

DISABLED = "POWERTOOLS_IDEMPOTENCY_DISABLED"
_timer = Timer("idempotency-lease")


class Mode(StrEnum):
    """What is guaranteed."""

    RECORD = "RECORD"
    """The record is completed after the effect: at least once, and twice only when an attempt ends between the two."""
    TRANSACTION = "TRANSACTION"
    """The handler returns its writes, and effect and record are committed together: once."""


class PayloadStore(Protocol):
    """Where results lie that are too large for a record."""

    def put(self, content: bytes) -> Any:
        """Keep a content; its reference, JSON-serialisable. The same content again is no error."""

    def get(self, reference: Any) -> bytes:
        """A content."""


class ModeError(TypeError):
    """A handler returned a ``Transaction`` in mode ``RECORD``, or something else in mode ``TRANSACTION``."""


@dataclass
class IdempotentCalls:
    """The idempotent calls of one function, with a store and a configuration of their own.

    Args:
        store: where records are kept; the calls get a copy, so that one function's configuration is never another's.
        key_prefix: of all keys; renaming code does not change it.
        config: Powertools' configuration.
        token: where the key comes from when the configuration has no ``event_key_jmespath``; None: all of the data.
        mode: what is guaranteed.
        in_progress_wait_seconds: how long a repeat waits for the first call before it is told that that still runs.
        payload_store: for results that are too large for a record.
        clock: seconds since the epoch.
        sleep: waits seconds.
    """

    store: FencedDynamoDBPersistenceLayer
    key_prefix: str
    config: IdempotencyConfig
    token: Token | None = None
    mode: Mode = Mode.RECORD
    in_progress_wait_seconds: float = 0
    payload_store: PayloadStore | None = None
    clock: Callable[[], float] = field(default_factory=lambda: time.time)
    sleep: Callable[[float], None] = field(default_factory=lambda: time.sleep)

    def __post_init__(self) -> None:
        if not self.key_prefix:
            raise ValueError("key_prefix is empty; give the function a name that outlives its module's")
        if not isinstance(self.store, FencedDynamoDBPersistenceLayer):
            raise TypeError(f"persistence_store is {self.store!r}; it must be a FencedDynamoDBPersistenceLayer")
        if self.token is None and not self.config.event_key_jmespath:
            self.token = Token.PAYLOAD
        self.store = copy(self.store)
        self.store.configured = False
        self.store.configure(config=self.config, key_prefix=self.key_prefix)

    def call(
        self,
        data: Any,
        function: Callable[[], Any],
        *,
        context: Any = None,
        dump: Callable[[Any], Any] | None = None,
        load: Callable[[Any], Any] | None = None,
    ) -> tuple[Any, bool]:
        """Call a function once for each key.

        Args:
            data: where the key is found: the event, the record, an argument.
            function: the call.
            context: Lambda's, or a durable function's; says how much time is left.
            dump: makes something JSON-serialisable of the result; None: it is.
            load: makes the result of that again; None: it is the result.

        Returns:
            The result, and whether it is a repetition of an earlier call's.

        Raises:
            IdempotencyKeyError: there is no key, or a part of it is missing.
            Exception: what ``core.attempt`` raises, and what the function raises.
        """
        key = None if disabled() else self._key(data)
        if key is None:
            return self._unguarded(function), False
        given = core.Attempt(
            key=key,
            owner=secrets.token_hex(16),
            started=self.clock(),
            fingerprint=self._fingerprint(data),
            transaction=self.mode is Mode.TRANSACTION,
            expires_after_seconds=self.config.expires_after_seconds,
            remaining_seconds=_remaining_seconds(context or self.config.lambda_context),
            wait_seconds=self.in_progress_wait_seconds,
            claim_check=self.payload_store is not None,
            resumes=_resumes(context),
        )
        answer = _drive(core.attempt(given, self.clock), lambda step: self._do(step, given, function, dump, load))
        if answer.error is not None:
            raise answer.error
        if answer.lost:
            logger.warning("the idempotency record was lost while the handler ran", idempotency_key=key)
        if answer.omitted:
            logger.warning("a repeat cannot be given the result", reason=answer.omitted, idempotency_key=key)
        if answer.replayed is None:
            return answer.value, False
        logger.info("repeat", idempotency_key=key, **metrics.suppressed("call"))
        result = _loaded(answer.replayed.data, load)
        if self.config.response_hook is not None:
            result = self.config.response_hook(result, self.store.data_record(answer.replayed))
        return result, True

    def _key(self, data: Any) -> str | None:
        if self.token is None or self.config.event_key_jmespath:
            return self.store.key_of(data)
        key = default_key(self.token, data)
        check_key(key, composite=False)
        return self.store.hashed(key)

    def _fingerprint(self, data: Any) -> str | None:
        given = self.store.fingerprint_of(data)
        if given is not None or self.token is None:
            return given
        default = default_fingerprint(self.token, data)
        return None if default is None else self.store._generate_hash(default)

    def _unguarded(self, function: Callable[[], Any]) -> Any:
        """The call without a record, as the configuration allows it for data without a key."""
        result = function()
        if not isinstance(result, Transaction):
            return result
        if result.writes:
            client: Any = self.store.client
            client.transact_write_items(TransactItems=list(result.writes))
        return result.result

    def _do(
        self,
        operation: core.Operation,
        given: core.Attempt,
        function: Callable[[], Any],
        dump: Callable[[Any], Any] | None,
        load: Callable[[Any], Any] | None,
    ) -> Any:
        # Patterns without parts: to take a named tuple apart costs more than to read its attributes.
        match operation:
            case core.Acquire():
                return self.store.acquire(operation.record, operation.now)
            case core.Run():
                return self._run(given, operation.record, function, dump, load)
            case core.Complete():
                return self.store.complete(operation.record, operation.writes)
            case core.Read():
                return self.store.read(operation.key)
            case core.Release():
                return self.store.release(operation.record)
            case core.Keep():
                assert self.payload_store is not None
                return json.dumps(self.payload_store.put(operation.data.encode()))
            case core.Fetch():
                if self.payload_store is None:
                    raise LookupError("the result lies in a payload store, and none is set up")
                return self.payload_store.get(json.loads(operation.reference)).decode()
            case core.Pause():
                return self.sleep(operation.seconds * random.uniform(0.5, 1))
            case core.Renew():
                return self.store.renew(operation.record)

    def _run(
        self,
        given: core.Attempt,
        record: core.Record,
        function: Callable[[], Any],
        dump: Callable[[Any], Any] | None,
        load: Callable[[Any], Any] | None,
    ) -> core.Returned | core.Raised:
        renewing = _Renewing(self, given, record) if given.renewed else None
        try:
            value = function()
            if isinstance(value, Transaction) is not (self.mode is Mode.TRANSACTION):
                wanted = "a Transaction" if self.mode is Mode.TRANSACTION else "its result and no Transaction"
                raise ModeError(f"in mode {self.mode} the handler must return {wanted}")
        except Exception as error:
            return core.Raised(error)
        finally:
            if renewing is not None:
                renewing.stop()
        writes = tuple(value.writes) if isinstance(value, Transaction) else ()
        result = value.result if isinstance(value, Transaction) else value
        try:
            dumped = result if dump is None or result is None else dump(result)
            if json_text.plain(dumped):
                data = _write(dumped)
                result = dumped if load is None or dumped is None else load(dumped)
            else:
                data = _text(dumped)
                # What a repeat will get: the first caller must not see tuples, decimals or keys that no later one does.
                result = _loaded(data, load)
        except Exception:
            logger.exception("the handler's result cannot be written as JSON and read again")
            data = None
        return core.Returned(result, data, writes)


class _Renewing:
    """Renews a lock until it is stopped. Nothing runs before the first renewal is due.

    Args:
        calls: whose store and clock it uses.
        given: the attempt.
        record: its lock.
    """

    def __init__(self, calls: IdempotentCalls, given: core.Attempt, record: core.Record) -> None:
        self._calls = calls
        self._given = given
        self._record = record
        self._due = _timer.after(core.renewal_seconds(), self._renew)

    def stop(self) -> None:
        """Renew no more; a renewal under way is waited for, because it would meet the transaction."""
        # One that hangs changes nothing later.
        _timer.cancel(self._due, wait_seconds=1)

    def _renew(self, stopped: threading.Event) -> None:
        def step(operation: core.Operation) -> Any:
            if not isinstance(operation, core.Pause):
                return self._calls._do(operation, self._given, lambda: None, None, None)
            if stopped.wait(operation.seconds):
                raise _HandlerIsDone
            return None

        steps = core.renewals(self._given, self._record, self._calls.clock)
        # The timer has waited for the first one.
        next(steps)
        with suppress(_HandlerIsDone):
            _drive(steps, step)


_write = json.JSONEncoder(check_circular=False).encode
"""For what ``json_text.plain`` has seen."""


class _NeedsExactText(Exception):
    """The value holds what Python's own writer of JSON does not write as it is."""


class _Encoder(Encoder):
    def default(self, obj: Any) -> Any:
        if isinstance(obj, Decimal):
            raise _NeedsExactText
        return super().default(obj)  # type: ignore[no-untyped-call]  # Powertools has no types there


def _text(value: Any) -> str:
    """A result as JSON, as Lambda's runtime writes it: decimals are numbers."""
    try:
        return json.dumps(value, cls=_Encoder)
    except (_NeedsExactText, RecursionError, ValueError):
        return json_text.dumps(value, Encoder().default)


def _loaded(data: str | None, load: Callable[[Any], Any] | None) -> Any:
    """A result that was kept: its numbers are ints and floats, and decimals where a float has not their value."""
    value = json_text.loads(data, _decimal) if data else None
    return value if value is None or load is None else load(value)


def _decimal(text: str) -> int | Decimal:
    value = Decimal(text)
    return value if "e-" in text else int(value)


class _HandlerIsDone(Exception):
    """There is nothing more to renew."""


def _drive(steps: Generator[core.Operation, Any, Any], do: Callable[[core.Operation], Any]) -> Any:
    """Do what the core yields until it returns, and hand it the results and the errors."""
    try:
        operation = next(steps)
        while True:
            try:
                done = do(operation)
            except Exception as error:
                operation = steps.throw(error)
            else:
                operation = steps.send(done)
    except StopIteration as stop:
        return stop.value


def disabled() -> bool:
    """Whether Powertools' switch for development turns idempotency off."""
    if not strtobool(os.environ.get(DISABLED) or "false"):
        return False
    warnings.warn(f"{DISABLED} is set: repeats are not recognised", PowertoolsUserWarning, stacklevel=3)
    return True


def _remaining_seconds(context: Any) -> float | None:
    context = getattr(context, "lambda_context", context)
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    return None if remaining is None else remaining() / 1000


def _resumes(context: Any) -> bool:
    """Whether a durable execution is replayed, as Powertools sees it."""
    return hasattr(context, "lambda_context") and hasattr(context, "state") and len(context.state.operations) > 1
