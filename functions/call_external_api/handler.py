"""Workflow step 1: asks the external API for offers and keeps the few that fit the order.

In: ``{"id": …, "payload": {"sku": …, "quantity": …}, "envelope": {…}}``. Out: ``{"result": {…}}``, some hundred bytes;
a result that is too long for the workflow's state goes into the payload store. The answer is a very big JSON array; it
is read as it arrives and never held. What is said of the suppliers comes from their replica, not from the API.

Raises ``ExternalApiThrottled`` with ``{"retry_after_seconds": …}`` as message, ``ExternalApiUnavailable`` for what a
later attempt may mend, ``ExternalApiRejected`` for what it cannot.
"""

from __future__ import annotations

import heapq
import json
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import urllib3
from eda_runtime import links, settings
from eda_runtime.consumer_cache import CacheError
from eda_runtime.envelope import Envelope
from eda_runtime.json_stream import JsonStreamError, elements
from eda_runtime.logger import logger

_url = settings.text("EXTERNAL_API_URL").rstrip("/")
_keep = settings.integer("EXTERNAL_API_KEEP", 3, minimum=1)
_pool = urllib3.PoolManager(retries=False)
_suppliers: Any = links.suppliers.cache()
CHUNK = 64 * 1024
CONNECT_SECONDS = 3.0
READ_SECONDS = float(settings.integer("EXTERNAL_API_READ_SECONDS", 30, minimum=1))
RESULT_LIMIT = 1024 * 1024
"""Bytes of the result, which ``GET /orders/{order_id}`` answers as a whole, within its two seconds."""
MARGIN_SECONDS = 5.0
"""What is left of the function's time for the answer and the log."""
MAX_RETRY_AFTER = 3600


class ExternalApiThrottled(Exception):
    """The external API asks to come again later; the message is JSON with ``retry_after_seconds``."""


class ExternalApiUnavailable(Exception):
    """The external API did not answer, or not in time, or with a server error."""


class ExternalApiRejected(Exception):
    """The external API refuses the request, or its answer makes no sense: trying again will not help."""


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Call the external API."""
    begin = time.monotonic()
    try:
        result = _offers(event, context)
    except (ExternalApiThrottled, ExternalApiUnavailable, ExternalApiRejected) as failure:
        _tell(event, begin, type(failure).__name__)
        raise
    _tell(event, begin, "answered", seen=result["offers_seen"], fitting=result["offers_fitting"])
    return {"result": result}


def _tell(event: dict[str, Any], begin: float, outcome: str, **counts: Any) -> None:
    milliseconds = round(1000 * (time.monotonic() - begin))
    logger.info("external call", order_id=event["id"], outcome=outcome, duration_ms=milliseconds, **counts)


def _offers(event: dict[str, Any], context: Any) -> dict[str, Any]:
    payload = event["payload"]
    envelope = Envelope.of(event) or Envelope(event["id"])
    deadline = time.monotonic() + context.get_remaining_time_in_millis() / 1000 - MARGIN_SECONDS
    headers = {**envelope.headers(), "Idempotency-Key": event["id"], "Accept": "application/json"}
    answer = _ask(str(payload["sku"]), headers, deadline)
    try:
        result = _best(elements(_chunks(answer, deadline)), str(payload["sku"]), int(payload["quantity"]))
    except JsonStreamError as error:
        raise ExternalApiRejected(f"the answer cannot be read: {error}") from None
    finally:
        answer.release_conn()
    result["suppliers"] = _about(offer.get("supplier") for offer in result["best_offers"])
    try:
        size = len(json.dumps(result, allow_nan=False).encode())
    except (ValueError, RecursionError):
        raise ExternalApiRejected("an offer to keep has a number that is none of JSON, or is nested too deep") from None
    if size > RESULT_LIMIT:
        raise ExternalApiRejected(f"the offers to keep have {size} bytes, more than {RESULT_LIMIT}")
    return result


def _ask(sku: str, headers: dict[str, str], deadline: float) -> urllib3.BaseHTTPResponse:
    left = deadline - time.monotonic()
    if left <= 0:
        raise ExternalApiUnavailable("the function has no time left")
    timeout = urllib3.Timeout(connect=min(CONNECT_SECONDS, left), read=min(READ_SECONDS, left))
    try:
        answer = _pool.request(
            "GET", f"{_url}/offers", fields={"sku": sku}, headers=headers, timeout=timeout, preload_content=False
        )
    except urllib3.exceptions.HTTPError as error:
        raise ExternalApiUnavailable(type(error).__name__) from None
    except ValueError as error:
        # A header that cannot be sent stays one.
        raise ExternalApiRejected(f"the request cannot be sent: {type(error).__name__}") from None
    if answer.status == 200:
        return answer
    answer.release_conn()
    if answer.status == 429 or (answer.status == 503 and "Retry-After" in answer.headers):
        seconds = _retry_after(answer.headers.get("Retry-After"))
        raise ExternalApiThrottled(json.dumps({"retry_after_seconds": seconds}))
    if answer.status >= 500:
        raise ExternalApiUnavailable(f"status {answer.status}")
    raise ExternalApiRejected(f"status {answer.status}")


def _chunks(answer: urllib3.BaseHTTPResponse, deadline: float) -> Iterator[bytes]:
    try:
        for chunk in answer.stream(CHUNK):
            if time.monotonic() > deadline:
                raise ExternalApiUnavailable("the answer takes longer than the function may")
            yield chunk
    except urllib3.exceptions.HTTPError as error:
        raise ExternalApiUnavailable(type(error).__name__) from None


def _best(offers: Iterator[Any], sku: str, quantity: int) -> dict[str, Any]:
    seen = fitting = 0

    def fits() -> Iterator[dict[str, Any]]:
        nonlocal seen, fitting
        for offer in offers:
            seen += 1
            if offer["sku"] == sku and offer["stock"] >= quantity:
                fitting += 1
                yield offer

    try:
        best = heapq.nsmallest(_keep, fits(), key=lambda offer: (offer["price"], offer["offer_id"]))
    except (KeyError, TypeError):
        raise ExternalApiRejected("an offer has not the form that was agreed") from None
    return {"offers_seen": seen, "offers_fitting": fitting, "best_offers": best}


def _about(names: Iterable[Any]) -> dict[str, Any]:
    try:
        found: dict[str, Any] = _suppliers.get_many(str(name) for name in names if name)
    except CacheError as error:
        # The next sync brings them: there is none yet, or the source was down for long.
        raise ExternalApiUnavailable(f"suppliers: {type(error).__name__}") from None
    return found


def _retry_after(value: str | None) -> int:
    """Seconds from ``Retry-After``, which holds seconds or a date (RFC 9110, 10.2.3)."""
    if value is None:
        return 1
    if value.strip().isdecimal():
        seconds = int(value)
    else:
        try:
            moment = parsedate_to_datetime(value)
        except ValueError:
            return 1
        seconds = round((moment - datetime.now(moment.tzinfo or UTC)).total_seconds())
    return max(1, min(seconds, MAX_RETRY_AFTER))
