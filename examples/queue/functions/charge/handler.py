"""Charges an account with one payment.

In: a message of SQS with ``payment_id``, ``account`` and ``cents``. Raises ``ValueError`` for a payment that is not
above zero: the message comes again, and is in the dead-letter queue at last.
"""

import json
from typing import Any

from eda_runtime import links

_charges = links.charges


def handle(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Charge one payment."""
    payment = json.loads(event["body"])
    if payment["cents"] <= 0:
        raise ValueError(f"a payment of {payment['cents']} cents")
    _charges.client.update_item(
        TableName=_charges.table_name,
        Key={"account": {"S": payment["account"]}},
        UpdateExpression="ADD cents :cents",
        ExpressionAttributeValues={":cents": {"N": str(payment["cents"])}},
    )
    return {"payment_id": payment["payment_id"]}
