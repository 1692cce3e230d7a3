"""Syncs a replica of another system's data: one GET of a JSON array, read as it arrives, into a new version.

In: EventBridge Scheduler's ``{"scheduled_time": …}``. Out: ``{"outcome": …, "rows": …}``. A sync that fails leaves the
version before it; the event is tried again, and lies in the dead-letter queue at last.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import boto3
import urllib3
from eda_runtime import settings
from eda_runtime.json_stream import JsonStreamError, elements
from eda_runtime.logger import logger
from eda_runtime.replica import Fetched, ReplicaSync

CHUNK = 64 * 1024
CONNECT_SECONDS = 3.0
READ_SECONDS = 30.0
MARGIN_SECONDS = 5.0
"""What is left of the function's time for the last write and the log."""

_url = settings.text("SOURCE_URL")
_pool = urllib3.PoolManager(retries=False)
_sync = ReplicaSync(
    boto3.client("dynamodb"),
    settings.text("REPLICA_TABLE"),
    settings.text("SOURCE_KEY"),
    settings.integer("MAXIMUM_AGE_SECONDS", 7 * 86400, minimum=1),
    settings.integer("MINIMUM_ROWS", 1),
)


class SourceFailed(Exception):
    """The source did not answer, not in time, or not with a JSON array."""


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Sync once."""
    deadline = time.monotonic() + context.get_remaining_time_in_millis() / 1000 - MARGIN_SECONDS
    answers: list[urllib3.BaseHTTPResponse] = []

    def fetch(etag: str) -> Fetched:
        answers.append(_get(etag))
        if answers[0].status == 304:
            return Fetched(None)
        return Fetched(elements(_chunks(answers[0], deadline)), answers[0].headers.get("ETag", ""))

    try:
        outcome, rows = _sync.run(fetch)
    except JsonStreamError as error:
        raise SourceFailed(f"the answer cannot be read: {error}") from None
    finally:
        for answer in answers:
            # Not given back to the pool: what is left of it would be taken for the next answer.
            answer.close()
    logger.info("replica synced", outcome=outcome.value, rows=rows, slot=event.get("scheduled_time"))
    return {"outcome": outcome.value, "rows": rows}


def _get(etag: str) -> urllib3.BaseHTTPResponse:
    headers = {"Accept": "application/json", **({"If-None-Match": etag} if etag else {})}
    timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS)
    try:
        answer = _pool.request("GET", _url, headers=headers, timeout=timeout, preload_content=False, redirect=False)
    except urllib3.exceptions.HTTPError as error:
        raise SourceFailed(type(error).__name__) from None
    if answer.status != 200 and not (answer.status == 304 and etag):
        answer.close()
        raise SourceFailed(f"status {answer.status}")
    return answer


def _chunks(answer: urllib3.BaseHTTPResponse, deadline: float) -> Iterator[bytes]:
    try:
        for chunk in answer.stream(CHUNK):
            if time.monotonic() > deadline:
                raise SourceFailed("the sync takes longer than the function may")
            yield chunk
    except urllib3.exceptions.HTTPError as error:
        raise SourceFailed(type(error).__name__) from None
