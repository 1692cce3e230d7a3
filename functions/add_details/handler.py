"""``POST /orders/{order_id}/details``: the additional data an order waits for.

202 when it is taken, also for the same data again; 404 for an order that was never accepted, 409 for other data than
before and for data that comes after the order stopped waiting, 413 for data that is longer than the workflow takes.
"""

import json
import re
from typing import Any

from eda_runtime import json_text, links, metrics, settings
from eda_runtime.callbacks import KEEP_SECONDS, CallbackTooLong, Delivery
from eda_runtime.http import Problem, Response, json_body, reference, response, tenant_of
from eda_runtime.logger import logger
from eda_runtime.schema import check_schema, errors

_orders = links.orders
_dynamodb = _orders.client
_store = links.workflow.callbacks(settings.integer("KEEP_SECONDS", KEEP_SECONDS, minimum=1))
_max_bytes = settings.integer("MAX_BODY_BYTES", 8_000, minimum=1)
_schema = json.loads(settings.text("REQUEST_SCHEMA"))
check_schema(_schema)
_ENDED = frozenset({"COMPLETED", "FAILED"})
_ORDER_ID = re.compile(r"[0-9a-f]{64}")
_CONFLICTS = {
    Delivery.CONFLICT: "the order has other details already",
    Delivery.CLOSED: "the order no longer waits for details",
}


def handle(event: dict[str, Any], context: Any) -> Response:
    """Answer the request."""
    order_id = (event.get("pathParameters") or {}).get("order_id", "")
    details = json_body(event, _max_bytes)
    for problem in errors(_schema, details):
        raise Problem(400, problem)
    if not _ORDER_ID.fullmatch(order_id):
        raise Problem(404, "there is no such order")
    key = {"order_id": {"S": order_id}}
    row = _dynamodb.get_item(TableName=_orders.table_name, Key=key, ConsistentRead=True).get("Item")
    # A row without a version is of a POST that was never answered: nobody was told that there is such an order.
    if row is None or "version" not in row or row["tenant"]["S"] != tenant_of(event):
        raise Problem(404, "there is no such order")
    logger.set_correlation_id(row["correlation_id"]["S"])
    try:
        delivery = _ended(row, details) or _store.deliver(order_id, details)
    except CallbackTooLong as error:
        raise Problem(413, str(error)) from None
    repeat = metrics.suppressed("details") if delivery is Delivery.REPEATED else {}
    logger.info("details", order_id=order_id, delivery=delivery.value, **repeat)
    if delivery in _CONFLICTS:
        raise Problem(409, _CONFLICTS[delivery])
    location = reference(event, f"/orders/{order_id}")
    return response(202, {"order_id": order_id, "status": "ACCEPTED"}, {"Location": location})


def _ended(row: dict[str, Any], details: dict[str, Any]) -> Delivery | None:
    """What becomes of details for an order that has ended; None: it has not.

    The order's row tells for ever, the callback's only until it expires.
    """
    if row["status"]["S"] not in _ENDED:
        return None
    if "details" not in row:
        return Delivery.CLOSED
    return Delivery.REPEATED if json_text.same(json.loads(row["details"]["S"]), details) else Delivery.CONFLICT
