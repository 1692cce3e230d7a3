"""Powertools' idempotency, set up from the component's arguments."""

import json
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
)
from aws_lambda_powertools.utilities.idempotency import idempotent as powertools_idempotent
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyAlreadyInProgressError,
    IdempotencyKeyError,
    IdempotencyValidationError,
)

from eda_runtime.http import Problem

Handler = Callable[[dict[str, Any], Any], Any]

DEFAULT_KEYS = {
    "CLIENT": 'headers."Idempotency-Key" || headers."idempotency-key"',
    "EVENT": "id || Records[0].messageId || Records[0].Sns.MessageId || Records[0].eventID",
    "PAYLOAD": "@",
}
"""JMESPath of the idempotency key, by token, where the component names none."""


def idempotent(handler: Handler, settings: str) -> Handler:
    """A handler whose effect counts once for each key.

    Args:
        handler: the user's handler.
        settings: JSON with ``token`` (``CLIENT``, ``EVENT`` or ``PAYLOAD``), ``table``, ``key_prefix``, and optionally
            ``key`` and ``payload`` (JMESPath) and ``expires_after_seconds`` (3600).
    """
    given = json.loads(settings)
    config = IdempotencyConfig(
        event_key_jmespath=given.get("key") or DEFAULT_KEYS[given["token"]],
        payload_validation_jmespath=given.get("payload") or "",
        expires_after_seconds=given.get("expires_after_seconds", 3600),
        raise_on_no_idempotency_key=True,
        hash_function="sha256",
    )
    store = DynamoDBPersistenceLayer(table_name=given["table"])
    wrapped = powertools_idempotent(persistence_store=store, config=config, key_prefix=given["key_prefix"])(handler)

    def answer(event: dict[str, Any], context: Any) -> Any:
        if "httpMethod" not in event:
            return wrapped(event, context)
        try:
            return wrapped(event, context)
        except IdempotencyKeyError:
            raise Problem(400, "the Idempotency-Key header is missing") from None
        except IdempotencyValidationError:
            raise Problem(422, "the Idempotency-Key was used before with another payload") from None
        except IdempotencyAlreadyInProgressError:
            raise Problem(409, "the first request with this key still runs", {"Retry-After": "1"}) from None

    return answer
