"""Runs attempts against the store: does what the core yields, and what belongs around it in a function."""

import json
import os
import random
import secrets
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
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
from eda_runtime.logger import logger
from eda_runtime.transaction import Transaction

DISABLED = "POWERTOOLS_IDEMPOTENCY_DISABLED"


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
        dump: Callable[[Any], Any] = lambda result: result,
        load: Callable[[Any], Any] = lambda result: result,
    ) -> tuple[Any, bool]:
        """Call a function once for each key.

        Args:
            data: where the key is found: the event, the record, an argument.
            function: the call.
            context: Lambda's, or a durable function's; says how much time is left.
            dump: makes something JSON-serialisable of the result.
            load: makes the result of that again.

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
        dump: Callable[[Any], Any],
        load: Callable[[Any], Any],
    ) -> Any:
        match operation:
            case core.Acquire(record, now):
                return self.store.acquire(record, now)
            case core.Read(key):
                return self.store.read(key)
            case core.Run(record):
                renewing = self._renewing(given, record) if given.renewed else nullcontext()
                return self._run(function, dump, load, renewing)
            case core.Complete(record, writes):
                return self.store.complete(record, writes)
            case core.Release(record):
                return self.store.release(record)
            case core.Renew(record):
                return self.store.renew(record)
            case core.Keep(data):
                assert self.payload_store is not None
                return json.dumps(self.payload_store.put(data.encode()))
            case core.Fetch(reference):
                if self.payload_store is None:
                    raise LookupError("the result lies in a payload store, and none is set up")
                return self.payload_store.get(json.loads(reference)).decode()
            case core.Pause(seconds):
                return self.sleep(seconds * random.uniform(0.5, 1))

    def _run(
        self,
        function: Callable[[], Any],
        dump: Callable[[Any], Any],
        load: Callable[[Any], Any],
        renewing: AbstractContextManager[None],
    ) -> core.Returned | core.Raised:
        with renewing:
            try:
                value = function()
                if isinstance(value, Transaction) is not (self.mode is Mode.TRANSACTION):
                    wanted = "a Transaction" if self.mode is Mode.TRANSACTION else "its result and no Transaction"
                    raise ModeError(f"in mode {self.mode} the handler must return {wanted}")
            except Exception as error:
                return core.Raised(error)
        writes = tuple(value.writes) if isinstance(value, Transaction) else ()
        result = value.result if isinstance(value, Transaction) else value
        try:
            data = _text(None if result is None else dump(result))
            # What a repeat will get: the first caller must not see tuples, decimals or keys that no later one does.
            result = _loaded(data, load)
        except Exception:
            logger.exception("the handler's result cannot be written as JSON and read again")
            data = None
        return core.Returned(result, data, writes)

    @contextmanager
    def _renewing(self, given: core.Attempt, record: core.Record) -> Iterator[None]:
        """Renew a lock until the block is left."""
        stopped = threading.Event()

        def step(operation: core.Operation) -> Any:
            if isinstance(operation, core.Pause):
                if stopped.wait(operation.seconds):
                    raise _HandlerIsDone
                return None
            return self._do(operation, given, lambda: None, lambda result: result, lambda result: result)

        def renew() -> None:
            with suppress(_HandlerIsDone):
                _drive(core.renewals(given, record, self.clock), step)

        thread = threading.Thread(target=renew, daemon=True, name="idempotency-lease")
        thread.start()
        try:
            yield
        finally:
            stopped.set()
            # A renewal under way would meet the transaction; one that hangs changes nothing later.
            thread.join(1)


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


def _loaded(data: str | None, load: Callable[[Any], Any]) -> Any:
    """A result that was kept: its numbers are ints and floats, and decimals where a float has not their value."""
    value = json_text.loads(data, _decimal) if data else None
    return None if value is None else load(value)


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
