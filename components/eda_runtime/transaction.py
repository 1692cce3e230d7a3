"""What a handler returns whose effect and idempotency record are committed together (mode ``TRANSACTION``)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

MAX_WRITES = 99
"""Most writes of a handler: a ``TransactWriteItems`` takes 100 (DynamoDB), one of them is the idempotency record."""
_OPERATIONS = ("ConditionCheck", "Delete", "Put", "Update")


class TransactWriteItem(TypedDict, total=False):
    """One write, as ``TransactWriteItems`` of DynamoDB's API takes it; exactly one of the keys.

    Their values are the parameters of the operation in DynamoDB's JSON, with ``TableName``.
    """

    ConditionCheck: dict[str, Any]
    Delete: dict[str, Any]
    Put: dict[str, Any]
    Update: dict[str, Any]


class TransactionError(Exception):
    """A transaction cannot be committed as it is; nothing was written."""


class TransactionRefused(TransactionError):
    """A condition of the handler's own writes does not hold; nothing was written.

    Args:
        reasons: DynamoDB's cancellation reasons, one for each write in their order.
    """

    def __init__(self, reasons: Sequence[dict[str, Any]]) -> None:
        super().__init__(f"the writes were refused: {', '.join(reason.get('Code', 'None') for reason in reasons)}")
        self.reasons = list(reasons)


@dataclass(frozen=True)
class Transaction:
    """A result, and the writes that are its effect.

    Attributes:
        result: what the handler answers; JSON-serialisable.
        writes: the effect; none when there is nothing to write. At most 99, on an item at most one (DynamoDB).

    Raises:
        TransactionError: there are too many writes, or one is no ``TransactWriteItem``; the message names it.
    """

    result: Any
    writes: Sequence[TransactWriteItem] = ()

    def __post_init__(self) -> None:
        if len(self.writes) > MAX_WRITES:
            raise TransactionError(f"the transaction has {len(self.writes)} writes; at most {MAX_WRITES} are allowed")
        for number, write in enumerate(self.writes):
            if len(write) != 1 or next(iter(write)) not in _OPERATIONS:
                known = ", ".join(_OPERATIONS)
                raise TransactionError(f"writes[{number}] has the keys {sorted(write)}; it must have one of {known}")
