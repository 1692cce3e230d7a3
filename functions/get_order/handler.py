"""``GET /orders/{order_id}``: the order as the table has it.

200 with a strong entity tag, 304 when the caller has it already, 404 for an order that does not exist or belongs to
another tenant. A result that is too long for the row is read from the payload store; when its time there is over, the
order has ``result_expired`` in its place.
"""

import json
import re
import time
from functools import cache
from typing import Any

from eda_runtime import links, settings
from eda_runtime.aws.items import Items
from eda_runtime.claim_check import PayloadGone, from_settings
from eda_runtime.http import Problem, Response, header, response, tenant_of

# 128 MB are 7 % of a processor, and after a time-out Lambda initialises again inside the function's two seconds: so no
# SDK here, nor anything else that takes more to load than it saves.
_orders = Items(links.orders.table_name)
_store = settings.text("EDA_PAYLOAD_STORE")
_max_age = settings.integer("CACHE_MAX_AGE", 5)
MARGIN_SECONDS = 0.1
"""What is left of the function's time for the answer and the log."""
_ORDER_ID = re.compile(r"[0-9a-f]{64}")
_TEXTS = ("order_id", "status", "correlation_id", "created_at", "updated_at")
_DOCUMENTS = ("details", "error")


def handle(event: dict[str, Any], context: Any) -> Response:
    """Answer the request."""
    order_id = (event.get("pathParameters") or {}).get("order_id", "")
    if not _ORDER_ID.fullmatch(order_id):
        raise Problem(404, "there is no such order")
    deadline = time.monotonic() + context.get_remaining_time_in_millis() / 1000 - MARGIN_SECONDS
    row = _orders.get({"order_id": order_id}, deadline)
    # Another tenant's order is no different from one that does not exist, nor is one whose POST was never answered.
    if row is None or "version" not in row or row["tenant"] != tenant_of(event):
        raise Problem(404, "there is no such order")
    version = row["version"]
    # Whoever has the order whole need not lose a result whose time is over: the tag is compared before it is read.
    headers = {"ETag": f'"{order_id[:16]}-{version}"', "Cache-Control": f"private, max-age={_max_age}"}
    if _matches(header(event, "if-none-match"), headers["ETag"]):
        return {"statusCode": 304, "headers": headers, "body": ""}
    body: dict[str, Any] = {name: row[name] for name in _TEXTS if name in row}
    body["version"] = int(version)
    if "result" in row:
        try:
            body["result"] = _resolved(row["result"], deadline)
        except PayloadGone:
            body["result_expired"] = True
            headers["ETag"] = f'"{order_id[:16]}-{version}-expired"'
    body |= {name: json.loads(row[name]) for name in _DOCUMENTS if name in row}
    return response(200, body, headers)


def _resolved(text: str, deadline: float) -> Any:
    """The result, with what of it is in the payload store."""
    if '"claim_check"' not in text:
        return json.loads(text)
    return from_settings(_store, lambda: _objects().until(deadline)).resolve(json.loads(text))


@cache
def _objects() -> Any:
    # Loaded and connected here, because few results are so long.
    from eda_runtime.aws.objects import Objects

    return Objects(json.loads(_store)["bucket"])


def _matches(given: str | None, etag: str) -> bool:
    if given is None:
        return False
    # If-None-Match compares weakly (RFC 9110, 13.1.2).
    return given.strip() == "*" or etag in [tag.strip().removeprefix("W/") for tag in given.split(",")]
