"""Greets whom a message names: ``{"name": …}``."""

import json
from typing import Any

from eda_runtime import links
from eda_runtime.transaction import Transaction

_greetings = links.greetings


def handle(record: dict[str, Any], _context: Any) -> Transaction:
    """Count one greeting; the count and the record that it was made are written together, or neither is."""
    name = json.loads(record["body"])["name"]
    update = {
        "TableName": _greetings.table_name,
        "Key": {"name": {"S": name}},
        "UpdateExpression": "ADD greeted :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }
    return Transaction({"name": name}, [{"Update": update}])
