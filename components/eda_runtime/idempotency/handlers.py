"""Idempotent handlers: what a function's caller is answered, whatever the event is."""

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, is_dataclass
from inspect import isclass
from typing import Any

from aws_lambda_powertools.utilities.idempotency import IdempotencyConfig
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyAlreadyInProgressError,
    IdempotencyKeyError,
    IdempotencyValidationError,
)
from aws_lambda_powertools.utilities.idempotency.serialization.base import BaseIdempotencyModelSerializer

from eda_runtime.http import Problem, is_http
from eda_runtime.idempotency.calls import IdempotentCalls, Mode, PayloadStore
from eda_runtime.idempotency.core import ResultNotKept
from eda_runtime.idempotency.keys import Token, batch_source
from eda_runtime.idempotency.store import FencedDynamoDBPersistenceLayer
from eda_runtime.settings import SettingsError
from eda_runtime.transaction import TransactionRefused

Handler = Callable[[Any, Any], Any]
REPLAYED = "Idempotency-Replayed"
"""The header of an answer that repeats the first one's."""
_KNOWN = frozenset(
    {
        "token",
        "table",
        "key_prefix",
        "mode",
        "key",
        "payload",
        "expires_after_seconds",
        "in_progress_wait_seconds",
        "use_local_cache",
        "hash_key",
        "range_key",
    }
)


def from_settings(handler: Handler, settings: str, payload_store: PayloadStore | None = None) -> Handler:
    """A handler whose effect counts once for each key, as ``IdempotentLambda`` sets it up.

    Args:
        handler: the user's handler; of a batch it is given one record at a time.
        settings: JSON with ``token``, ``table``, ``key_prefix``, and optionally ``mode`` (``RECORD``), ``key`` and
            ``payload`` (JMESPath), ``expires_after_seconds`` (3600), ``in_progress_wait_seconds`` (0),
            ``use_local_cache`` (false), ``hash_key`` (``id``) and ``range_key`` of the table.
        payload_store: for results that are too large for a record.

    Raises:
        SettingsError: a setting is missing, unknown or has a value that is not allowed.
    """
    given = json.loads(settings)
    if not isinstance(given, dict) or given.keys() - _KNOWN:
        raise SettingsError(f"EDA_IDEMPOTENCY has unknown settings; known are {', '.join(sorted(_KNOWN))}")
    for name in ("token", "table", "key_prefix"):
        if not given.get(name):
            raise SettingsError(f"EDA_IDEMPOTENCY lacks {name}")
    try:
        token, mode = Token(given["token"]), Mode(given.get("mode") or Mode.RECORD)
    except ValueError as error:
        raise SettingsError(f"EDA_IDEMPOTENCY: {error}") from None
    calls = IdempotentCalls(
        store=FencedDynamoDBPersistenceLayer(
            table_name=given["table"],
            key_attr=given.get("hash_key") or "id",
            sort_key_attr=given.get("range_key"),
            static_pk_value=f"idempotency#{given['key_prefix']}",
        ),
        key_prefix=given["key_prefix"],
        config=IdempotencyConfig(
            event_key_jmespath=given.get("key") or "",
            payload_validation_jmespath=given.get("payload") or "",
            expires_after_seconds=given.get("expires_after_seconds", 3600),
            use_local_cache=given.get("use_local_cache", False),
            raise_on_no_idempotency_key=True,
            hash_function="sha256",
        ),
        token=token,
        mode=mode,
        in_progress_wait_seconds=given.get("in_progress_wait_seconds", 0),
        payload_store=payload_store,
    )
    return guarded(handler, calls)


def guarded(handler: Handler, calls: IdempotentCalls) -> Handler:
    """A handler whose calls are idempotent; for a request, what is refused is raised as a ``Problem``."""

    def handle(event: Any, context: Any) -> Any:
        source = batch_source(event)
        if source is not None:
            # Imported here, because a function without such a source must not pay for it.
            from eda_runtime.idempotency import batch

            def call(record: dict[str, Any]) -> Any:
                return calls.call(record, lambda: handler(record, context), context=context)[0]

            return batch.process(source, event["Records"], call, getattr(context, "aws_request_id", ""))
        if is_http(event):
            return _answered(event, context, handler, calls)
        return calls.call(event, lambda: handler(event, context), context=context)[0]

    return handle


def _answered(event: Mapping[str, Any], context: Any, handler: Handler, calls: IdempotentCalls) -> Any:
    try:
        result, replayed = calls.call(event, lambda: handler(event, context), context=context)
    except IdempotencyKeyError as error:
        raise Problem(400, str(error)) from None
    except IdempotencyValidationError:
        raise Problem(422, "the Idempotency-Key was used before with another payload") from None
    except IdempotencyAlreadyInProgressError:
        raise Problem(409, "the first request with this key still runs", {"Retry-After": "1"}) from None
    except TransactionRefused:
        raise Problem(409, "what the request is about has changed meanwhile", {"Retry-After": "1"}) from None
    except ResultNotKept as error:
        raise Problem(409, str(error)) from None
    return _marked(result) if replayed else result


def _marked(result: Any) -> Any:
    """A repeated answer that says so; one that is the body alone, as payload format 2.0 allows, has no place for it."""
    if not isinstance(result, dict) or "statusCode" not in result:
        return result
    marked = {**result, "headers": {**(result.get("headers") or {}), REPLAYED: "true"}}
    if isinstance(result.get("multiValueHeaders"), dict):
        # A load balancer reads these alone, when it is set up for them.
        marked["multiValueHeaders"] = {**result["multiValueHeaders"], REPLAYED: ["true"]}
        if "headers" not in result:
            del marked["headers"]
    return marked


def idempotent(
    handler: Handler | None = None,
    *,
    persistence_store: FencedDynamoDBPersistenceLayer,
    key_prefix: str,
    config: IdempotencyConfig | None = None,
    token: Token | None = None,
    mode: Mode = Mode.RECORD,
    in_progress_wait_seconds: float = 0,
    payload_store: PayloadStore | None = None,
) -> Any:
    """Decorate a Lambda handler outside the library: the same that ``IdempotentLambda`` does for one inside.

    Takes Powertools' arguments with Powertools' meaning, and more. Of a batch of SQS, a DynamoDB stream or Kinesis the
    handler is given one record at a time, and the answer names the records that failed.

    Args:
        handler: the handler.
        persistence_store: the table; each decorated function has a copy with its own configuration.
        key_prefix: of the keys; unlike a module's name it outlives a renaming.
        config: Powertools' configuration; default: SHA-256, an error without a key, one hour.
        token: where the key comes from when ``config`` has no ``event_key_jmespath``; default: all of the event.
        mode: what is guaranteed.
        in_progress_wait_seconds: how long a repeat waits for the first call; default: it is told at once.
        payload_store: for results that are too large for a record.
    """
    if handler is None:
        return functools.partial(
            idempotent,
            persistence_store=persistence_store,
            key_prefix=key_prefix,
            config=config,
            token=token,
            mode=mode,
            in_progress_wait_seconds=in_progress_wait_seconds,
            payload_store=payload_store,
        )
    calls = IdempotentCalls(
        persistence_store, key_prefix, config or _config(), token, mode, in_progress_wait_seconds, payload_store
    )
    inner = guarded(handler, calls)

    @functools.wraps(handler)
    def decorated(event: Any, context: Any) -> Any:
        try:
            return inner(event, context)
        except Problem as failure:
            if not is_http(event):
                raise
            return failure.response(event)

    return decorated


def idempotent_function(
    function: Callable[..., Any] | None = None,
    *,
    data_keyword_argument: str,
    persistence_store: FencedDynamoDBPersistenceLayer,
    key_prefix: str,
    config: IdempotencyConfig | None = None,
    output_serializer: Any = None,
    mode: Mode = Mode.RECORD,
    in_progress_wait_seconds: float = 0,
    payload_store: PayloadStore | None = None,
) -> Any:
    """Decorate any function; calls of one decorated function inside another do not meet.

    Args:
        function: the function.
        data_keyword_argument: the keyword argument that holds the key.
        persistence_store: the table.
        key_prefix: of the keys.
        config: Powertools' configuration; ``register_lambda_context`` lets locks end with the invocation.
        output_serializer: Powertools' serializer of results that are models.
        mode: what is guaranteed.
        in_progress_wait_seconds: how long a repeat waits for the first call.
        payload_store: for results that are too large for a record.
    """
    if function is None:
        return functools.partial(
            idempotent_function,
            data_keyword_argument=data_keyword_argument,
            persistence_store=persistence_store,
            key_prefix=key_prefix,
            config=config,
            output_serializer=output_serializer,
            mode=mode,
            in_progress_wait_seconds=in_progress_wait_seconds,
            payload_store=payload_store,
        )
    if isclass(output_serializer) and issubclass(output_serializer, BaseIdempotencyModelSerializer):
        output_serializer = output_serializer.instantiate(function.__annotations__.get("return"))
    dump, load = (output_serializer.to_dict, output_serializer.from_dict) if output_serializer else (None, None)
    calls = IdempotentCalls(
        persistence_store, key_prefix, config or _config(), None, mode, in_progress_wait_seconds, payload_store
    )
    decorated_function = function

    @functools.wraps(function)
    def decorated(*args: Any, **kwargs: Any) -> Any:
        if data_keyword_argument not in kwargs:
            raise TypeError(f"{decorated_function.__qualname__} needs the keyword argument {data_keyword_argument!r}")
        data = _plain(kwargs[data_keyword_argument])
        return calls.call(data, lambda: decorated_function(*args, **kwargs), dump=dump, load=load)[0]

    return decorated


def _plain(data: Any) -> Any:
    """What is hashed of an argument that is a dataclass, a Pydantic model or one of Powertools' event classes."""
    if is_dataclass(data) and not isinstance(data, type):
        return asdict(data)
    if callable(getattr(data, "model_dump", None)):
        return data.model_dump(mode="json")
    return getattr(data, "raw_event", data)


def _config() -> IdempotencyConfig:
    return IdempotencyConfig(raise_on_no_idempotency_key=True, hash_function="sha256")
