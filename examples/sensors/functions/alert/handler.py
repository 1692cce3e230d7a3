"""An odd reading becomes an alert that its receiver can check, signed with the webhook's key, and a technician's visit.

The visit has an id that follows from the reading's: who comes a second time starts no other one.
"""

import hashlib
import hmac
import json
from typing import Any

from eda_runtime import links
from eda_runtime.records import envelope_of, message_of
from eda_runtime.transaction import Transaction

_results, _key, _visits = links.results, links.webhook_key, links.visits


def handle(record: dict[str, Any], _context: Any) -> Transaction:
    """Start the visit, and write the alert."""
    reading = message_of(record)
    visit_id = hashlib.sha256(reading["id"].encode()).hexdigest()
    _visits.start(visit_id, {"sensor": reading["sensor"]}, envelope=envelope_of(record))
    text = json.dumps(reading, sort_keys=True)
    signature = hmac.new(_key.get().encode(), text.encode(), hashlib.sha256).hexdigest()
    update = {
        "TableName": _results.table_name,
        "Key": {"id": {"S": f"alert:{reading['id']}"}},
        "UpdateExpression": "ADD alerts :one SET signature = :signature, visit_id = :visit_id",
        "ExpressionAttributeValues": {
            ":one": {"N": "1"},
            ":signature": {"S": signature},
            ":visit_id": {"S": visit_id},
        },
    }
    return Transaction({"id": reading["id"], "visit_id": visit_id}, [{"Update": update}])
