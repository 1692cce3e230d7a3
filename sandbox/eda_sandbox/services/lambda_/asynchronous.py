"""Asynchronous invocations: Lambda's own queue, its retries, and what becomes of events that never succeed."""

import contextvars
import json
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from eda_sandbox.foundation.clock import rfc3339
from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.services.lambda_.destinations import Destinations, dead_letter_attributes
from eda_sandbox.services.lambda_.function import Function, Outcome

RETRY_SECONDS = (60.0, 120.0)
"""What Lambda waits before the first and the second retry of a function error."""
THROTTLE_SECONDS = 1.0
log = logging.getLogger(__name__)


class AsynchronousInvocations:
    """Runs accepted events until they succeed, are too old, or have been tried too often.

    Args:
        cloud: the embedded AWS.
        invoke: runs a function for a request of an id, raising ``TooManyRequestsException`` when it is at its limit.
    """

    def __init__(self, cloud: Cloud, invoke: Callable[[Function, bytes, str], Outcome]) -> None:
        self._cloud = cloud
        self._invoke = invoke
        self._destinations = Destinations(cloud)
        self._pool = ThreadPoolExecutor(32, thread_name_prefix="lambda-async")

    def accept(self, function: Function, payload: bytes, request_id: str) -> None:
        """Take an event.

        Args:
            function: what it is for.
            payload: the event.
            request_id: the request's, which all attempts have.

        Raises:
            AwsError: Lambda is being stopped.
        """
        try:
            # The trace of the request goes on with the event.
            self._pool.submit(contextvars.copy_context().run, self._run, function, payload, request_id)
        except RuntimeError:
            raise AwsError("ServiceException", "the sandbox is being stopped", 500) from None

    def close(self) -> None:
        """Give up what waits."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _run(self, function: Function, payload: bytes, request_id: str) -> None:
        config = function.event_invoke_config or {}
        retries = config.get("MaximumRetryAttempts", 2)
        age = self._cloud.clock.real(config.get("MaximumEventAgeInSeconds", 21600))
        deadline, attempt = time.monotonic() + age, 0
        outcome: Outcome | None = None
        while not self._cloud.stopping.is_set():
            if function.reserved == 0:
                # Such an event is not tried (Lambda Developer Guide, records of asynchronous invocations).
                self._deliver(function, "OnFailure", payload, request_id, attempt, None, "ZeroReservedConcurrency")
                return
            wait = THROTTLE_SECONDS
            try:
                outcome = tried = self._invoke(function, payload, request_id)
            except AwsError as error:
                tried = None
                log.debug("%s: %s", function.name, error)
            if tried is not None and tried.function_error is None:
                self._deliver(function, "OnSuccess", payload, request_id, attempt + 1, tried, "Success")
                return
            if tried is not None:
                attempt += 1
                if attempt > retries:
                    self._deliver(function, "OnFailure", payload, request_id, attempt, outcome, "RetriesExhausted")
                    return
                wait = RETRY_SECONDS[min(attempt, len(RETRY_SECONDS)) - 1]
            if time.monotonic() + self._cloud.clock.real(wait) > deadline:
                self._deliver(function, "OnFailure", payload, request_id, attempt, outcome, "EventAgeExceeded")
                return
            self._cloud.clock.wait(wait, self._cloud.stopping)

    def _deliver(
        self,
        function: Function,
        kind: str,
        payload: bytes,
        request_id: str,
        attempts: int,
        outcome: Outcome | None,
        condition: str,
    ) -> None:
        config = (function.event_invoke_config or {}).get("DestinationConfig") or {}
        destination = (config.get(kind) or {}).get("Destination")
        dead_letters = (function.configuration.get("DeadLetterConfig") or {}).get("TargetArn")
        role = function.configuration["Role"]
        if destination:
            self._destinations.deliver(
                destination,
                role,
                json.dumps(_record(function, payload, request_id, attempts, outcome, condition)),
                function=function.name,
                resources=(f"{function.arn}:$LATEST",),
                succeeded=kind == "OnSuccess",
                folder=f"aws/lambda/async/{function.name}",
            )
        if kind == "OnFailure" and dead_letters:
            attributes = dead_letter_attributes(request_id, outcome.payload if outcome else b"")
            self._destinations.deliver(
                dead_letters, role, payload.decode(), function=function.name, attributes=attributes
            )


def _record(
    function: Function, payload: bytes, request_id: str, attempts: int, outcome: Outcome | None, condition: str
) -> dict[str, Any]:
    record: dict[str, Any] = {
        "version": "1.0",
        "timestamp": rfc3339(datetime.now(UTC)),
        "requestContext": {
            "requestId": request_id,
            "functionArn": f"{function.arn}:$LATEST",
            "condition": condition,
            "approximateInvokeCount": attempts,
        },
        "requestPayload": json.loads(payload or b"null"),
    }
    if outcome is not None:
        record["responseContext"] = {"statusCode": 200, "executedVersion": "$LATEST"}
        if outcome.function_error:
            record["responseContext"]["functionError"] = outcome.function_error
        record["responsePayload"] = json.loads(outcome.payload or b"null")
    return record


def flush_forever(functions: Callable[[], list[Function]], stopping: threading.Event) -> None:
    """Write the functions' logs a few times a second."""
    while not stopping.wait(0.25):
        for function in functions():
            function.log.flush()
