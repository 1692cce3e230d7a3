"""Idempotency on Powertools: three tokens, fenced records, and transactions of effect and record.

A handler of the library needs nothing of this: ``IdempotentLambda`` sets it up. For code outside::

    @idempotent(persistence_store=FencedDynamoDBPersistenceLayer(table_name="idempotency"), key_prefix="orders")
    def handle(event, context): ...
"""

from eda_runtime.idempotency.calls import IdempotentCalls, Mode, ModeError, PayloadStore
from eda_runtime.idempotency.core import ResultNotKept, ResultTooLarge
from eda_runtime.idempotency.handlers import from_settings, idempotent, idempotent_function
from eda_runtime.idempotency.keys import Token
from eda_runtime.idempotency.store import FencedDynamoDBPersistenceLayer

__all__ = [
    "FencedDynamoDBPersistenceLayer",
    "IdempotentCalls",
    "Mode",
    "ModeError",
    "PayloadStore",
    "ResultNotKept",
    "ResultTooLarge",
    "Token",
    "from_settings",
    "idempotent",
    "idempotent_function",
]
