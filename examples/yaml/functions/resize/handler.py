"""Resizes one image; here it only says which."""

import json
from typing import Any


def handle(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Handle one message of the queue."""
    return {"image_id": json.loads(event["body"])["image_id"]}
