"""One item of a DynamoDB table, read by its key."""

import base64
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from eda_runtime.aws.calls import Calls

Key = Mapping[str, str | int | Decimal | bytes]
"""A key's one or two attributes."""


class Items:
    """The items of a table.

    Args:
        table: its name or ARN.
        calls: of DynamoDB; default: with the environment's credentials, region and endpoint.

    Raises:
        NoCredentials: the environment has none.
        SettingsError: it has no region, or an endpoint that is none.
    """

    def __init__(self, table: str, calls: Calls | None = None) -> None:
        self._table = table
        self._calls = calls or Calls("dynamodb")

    def get(self, key: Key, deadline: float) -> dict[str, Any] | None:
        """An item as it was last written; None when there is none.

        Its values are Python's as boto3's ``Table`` has them: numbers are ``Decimal``, sets are ``set``; binary ones
        are ``bytes``.

        Args:
            key: the item's key.
            deadline: when the answer must be there, by ``time.monotonic``.

        Raises:
            Throttled: the table has no capacity left.
            Unavailable: DynamoDB has a fault, or cannot be reached in time.
            AwsError: DynamoDB refuses the request.
            NoCredentials: there are no valid ones.
        """
        named = {name: _typed(value) for name, value in key.items()}
        asked = {"TableName": self._table, "Key": named, "ConsistentRead": True}
        headers = {"content-type": "application/x-amz-json-1.0", "x-amz-target": "DynamoDB_20120810.GetItem"}
        _, _, content = self._calls.call("POST", "/", headers, json.dumps(asked).encode(), deadline)
        item = json.loads(content).get("Item")
        return None if item is None else {name: value_of(value) for name, value in item.items()}


def _typed(value: str | int | Decimal | bytes) -> dict[str, str]:
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, bytes):
        return {"B": base64.b64encode(value).decode()}
    return {"N": str(value)}


def value_of(attribute: Mapping[str, Any]) -> Any:
    """The value of an attribute in DynamoDB's JSON.

    Raises:
        ValueError: its type is not known.
    """
    ((kind, value),) = attribute.items()
    if kind in ("S", "BOOL"):
        return value
    if kind == "N":
        return Decimal(value)
    if kind == "NULL":
        return None
    if kind == "B":
        return base64.b64decode(value)
    if kind == "M":
        return {name: value_of(inner) for name, inner in value.items()}
    if kind == "L":
        return [value_of(inner) for inner in value]
    if kind in ("SS", "NS", "BS"):
        return {value_of({kind[0]: inner}) for inner in value}
    raise ValueError(f"the attribute's type {kind!r} is not known")
