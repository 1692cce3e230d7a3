"""The checks of a request for DynamoDB, in DynamoDB's order."""

from collections.abc import Mapping, Sequence
from typing import Any

from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.frontdoor.dynamodb import keys, requests, tables

CHECKED = frozenset(
    {
        "BatchGetItem",
        "BatchWriteItem",
        "DeleteItem",
        "GetItem",
        "PutItem",
        "Query",
        "Scan",
        "TransactGetItems",
        "TransactWriteItems",
        "UpdateItem",
    }
)


def check(operation: str, parameters: Mapping[str, Any]) -> None:
    """Check a request.

    Args:
        operation: one of ``CHECKED``.
        parameters: of the request.

    Raises:
        AwsError: DynamoDB refuses it.
    """
    try:
        requests.check(operation, parameters)
        found = list(requests.parts(operation, parameters))
        known = [(part, table) for part in found if (table := tables.find(part.table)) is not None]
        for part, table in known:
            keys.check(part, table)
    except (AttributeError, TypeError, KeyError, StopIteration):
        # A parameter is not of the type that the API model gives it.
        raise AwsError("SerializationException", "Unexpected value type in payload", 400) from None
    if operation.startswith("Transact") and len(known) == len(found):
        _check_transaction([keys.problem(part, table) for part, table in known])


def _check_transaction(problems: Sequence[str | None]) -> None:
    if not any(problems):
        return
    reasons = [{"Code": "ValidationError", "Message": problem} if problem else {"Code": "None"} for problem in problems]
    codes = ", ".join(reason["Code"] for reason in reasons)
    raise AwsError(
        "TransactionCanceledException",
        f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]",
        400,
        CancellationReasons=reasons,
    )
