"""Resizes one image; here it only says which, and how wide it is."""

import json
from typing import Any

from eda_runtime import links

_views = links.views


def handle(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Handle one message of the queue."""
    image_id = json.loads(event["body"])["image_id"]
    record = json.dumps({"image_id": image_id, "width": 200}).encode()
    _views.client.put_record(DeliveryStreamName=_views.delivery_stream_name, Record={"Data": record})
    return {"image_id": image_id}
