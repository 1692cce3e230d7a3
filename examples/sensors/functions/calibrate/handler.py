"""What a sensor's readings add up to, in their order."""

import json
from typing import Any

from eda_runtime import links
from eda_runtime.transaction import Transaction

_results = links.results


def handle(record: dict[str, Any], _context: Any) -> Transaction:
    """Add one."""
    reading = json.loads(record["body"])
    update = {
        "TableName": _results.table_name,
        "Key": {"id": {"S": f"sensor:{reading['sensor']}"}},
        "UpdateExpression": "ADD readings :one SET #last = :last",
        "ExpressionAttributeNames": {"#last": "last"},
        "ExpressionAttributeValues": {":one": {"N": "1"}, ":last": {"S": reading["id"]}},
    }
    return Transaction({"id": reading["id"]}, [{"Update": update}])
