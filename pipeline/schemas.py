"""The JSON schemas of the API's request bodies."""

from typing import Any

ORDER: dict[str, Any] = {
    "type": "object",
    "required": ["customer", "sku", "quantity"],
    "additionalProperties": False,
    "properties": {
        "customer": {"type": "string", "minLength": 1, "maxLength": 64},
        "sku": {"type": "string", "minLength": 1, "maxLength": 64},
        "quantity": {"type": "integer", "minimum": 1, "maximum": 1000},
        "note": {"type": "string", "maxLength": 2000},
    },
}
"""``POST /orders``."""

DETAILS: dict[str, Any] = {
    "type": "object",
    "required": ["address", "delivery_date"],
    "additionalProperties": False,
    "properties": {
        "address": {"type": "string", "minLength": 1, "maxLength": 500},
        "delivery_date": {"type": "string", "minLength": 10, "maxLength": 10},
    },
}
"""``POST /orders/{order_id}/details``."""
