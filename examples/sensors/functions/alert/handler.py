"""An odd reading becomes an alert that its receiver can check: signed with the webhook's key."""

import hashlib
import hmac
import json
from typing import Any

from eda_runtime import links
from eda_runtime.records import message_of
from eda_runtime.transaction import Transaction

_results, _key = links.results, links.webhook_key


def handle(record: dict[str, Any], _context: Any) -> Transaction:
    """Write one."""
    reading = message_of(record)
    text = json.dumps(reading, sort_keys=True)
    signature = hmac.new(_key.get().encode(), text.encode(), hashlib.sha256).hexdigest()
    update = {
        "TableName": _results.table_name,
        "Key": {"id": {"S": f"alert:{reading['id']}"}},
        "UpdateExpression": "ADD alerts :one SET signature = :signature",
        "ExpressionAttributeValues": {":one": {"N": "1"}, ":signature": {"S": signature}},
    }
    return Transaction({"id": reading["id"]}, [{"Update": update}])
