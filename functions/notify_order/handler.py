"""Tells another system of an order's change: one POST of a CloudEvent for each message of the queue.

In: a message of SQS with the changed row's ``order_id``, ``event_id``, ``status`` and ``version``. The event is
minimal: who needs more asks ``GET /orders/{order_id}``. It may come out of order; ``version`` tells which is newer.

A run that ends between the POST and its record is repeated, so the request carries the event's id as
``Idempotency-Key``: the receiver counts it once.

Raises ``NotificationFailed`` for whatever is no 2xx: the message comes again, and is in the dead-letter queue at last.
"""

import json
from typing import Any

import urllib3
from eda_runtime import settings
from eda_runtime.envelope import Envelope
from eda_runtime.logger import logger

TIMEOUT = urllib3.Timeout(connect=2.0, read=5.0)
"""Together below the function's time."""

_url = settings.text("NOTIFICATION_URL")
_pool = urllib3.PoolManager(retries=False)


class NotificationFailed(Exception):
    """The other system did not take the event; the message says how it answered."""


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Tell of one change."""
    change = json.loads(event["body"])
    order_id, event_id, version = change["order_id"], change["event_id"], int(change["version"])
    envelope = Envelope(change["correlation_id"], traceparent=change["traceparent"])
    headers = {
        **envelope.headers(),
        "Content-Type": "application/cloudevents+json",
        "Idempotency-Key": f'"{event_id}"',
    }
    told = {
        "specversion": "1.0",
        "id": event_id,
        "source": "/orders",
        "type": "order.changed",
        "subject": order_id,
        "time": change["updated_at"],
        "datacontenttype": "application/json",
        "data": {"order_id": order_id, "status": change["status"], "version": version},
    }
    body = json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode()
    try:
        answer = _pool.request("POST", _url, body=body, headers=headers, timeout=TIMEOUT, redirect=False)
    except (urllib3.exceptions.HTTPError, ValueError) as error:
        # ValueError: a header that cannot be sent.
        raise NotificationFailed(type(error).__name__) from None
    if not 200 <= answer.status < 300:
        raise NotificationFailed(f"status {answer.status}")
    logger.info("notified", order_id=order_id, event_id=event_id, status=answer.status)
    return {"status": answer.status}
