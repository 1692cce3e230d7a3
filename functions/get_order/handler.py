"""``GET /orders/{order_id}``: the order as the table has it.

200 with a strong entity tag, 304 when the caller has it already, 404 for an order that does not exist or belongs to
another tenant. A result that is too long for the row is read from the payload store; when its time there is over, the
order has ``result_expired`` in its place.
"""

import json
import re
from typing import Any

import botocore.session
from botocore.config import Config
from eda_runtime import settings
from eda_runtime.claim_check import PayloadGone, from_settings
from eda_runtime.http import Problem, Response, header, response, tenant_of

# After a time-out Lambda initialises again inside the function's two seconds, so no boto3 here, and no slow retries.
_session = botocore.session.get_session()
_config = Config(connect_timeout=0.5, read_timeout=0.8, retries={"total_max_attempts": 2})
_dynamodb: Any = _session.create_client("dynamodb", config=_config)
_payloads = from_settings(settings.text("EDA_PAYLOAD_STORE"), lambda: _session.create_client("s3", config=_config))
_table = settings.text("ORDERS_TABLE")
_max_age = settings.integer("CACHE_MAX_AGE", 5)
_ORDER_ID = re.compile(r"[0-9a-f]{64}")
_TEXTS = ("order_id", "status", "correlation_id", "created_at", "updated_at")
_DOCUMENTS = ("details", "error")


def handle(event: dict[str, Any], context: Any) -> Response:
    """Answer the request."""
    order_id = (event.get("pathParameters") or {}).get("order_id", "")
    if not _ORDER_ID.fullmatch(order_id):
        raise Problem(404, "there is no such order")
    found = _dynamodb.get_item(TableName=_table, Key={"order_id": {"S": order_id}}, ConsistentRead=True)
    row = found.get("Item")
    # Another tenant's order is no different from one that does not exist, nor is one whose POST was never answered.
    if row is None or "version" not in row or row["tenant"]["S"] != tenant_of(event):
        raise Problem(404, "there is no such order")
    version = row["version"]["N"]
    # Whoever has the order whole need not lose a result whose time is over: the tag is compared before it is read.
    headers = {"ETag": f'"{order_id[:16]}-{version}"', "Cache-Control": f"private, max-age={_max_age}"}
    if _matches(header(event, "if-none-match"), headers["ETag"]):
        return {"statusCode": 304, "headers": headers, "body": ""}
    body: dict[str, Any] = {name: row[name]["S"] for name in _TEXTS if name in row}
    body["version"] = int(version)
    if "result" in row:
        try:
            body["result"] = _payloads.resolve(json.loads(row["result"]["S"]))
        except PayloadGone:
            body["result_expired"] = True
            headers["ETag"] = f'"{order_id[:16]}-{version}-expired"'
    body |= {name: json.loads(row[name]["S"]) for name in _DOCUMENTS if name in row}
    return response(200, body, headers)


def _matches(given: str | None, etag: str) -> bool:
    if given is None:
        return False
    # If-None-Match compares weakly (RFC 9110, 13.1.2).
    return given.strip() == "*" or etag in [tag.strip().removeprefix("W/") for tag in given.split(",")]
