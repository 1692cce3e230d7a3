"""Charges an account with one payment.

In: a message of SQS with ``payment_id``, ``account`` and ``cents``. Raises ``ValueError`` for a payment that is not
above zero: the message comes again, and is in the dead-letter queue at last.
"""

import json
from typing import Any

import boto3
from eda_runtime import settings

_dynamodb = boto3.client("dynamodb")
_table = settings.text("CHARGES_TABLE")


def handle(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Charge one payment."""
    payment = json.loads(event["body"])
    if payment["cents"] <= 0:
        raise ValueError(f"a payment of {payment['cents']} cents")
    _dynamodb.update_item(
        TableName=_table,
        Key={"account": {"S": payment["account"]}},
        UpdateExpression="ADD cents :cents",
        ExpressionAttributeValues={":cents": {"N": str(payment["cents"])}},
    )
    return {"payment_id": payment["payment_id"]}
