"""Asynchronous invocations: Lambda's own queue, its retries, and what becomes of events that never succeed."""

import json
import logging
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from eda_sandbox.foundation.clock import rfc3339
from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.foundation.retry_policy import is_transient, wait_before
from eda_sandbox.services.lambda_.function import PRINCIPAL, Function, Outcome

RETRY_SECONDS = (60.0, 120.0)
"""What Lambda waits before the first and the second retry of a function error."""
THROTTLE_SECONDS = 1.0
log = logging.getLogger(__name__)


class AsynchronousInvocations:
    """Runs accepted events until they succeed, are too old, or have been tried too often.

    Args:
        cloud: the embedded AWS.
        invoke: runs a function, raising ``TooManyRequestsException`` when it is at its limit.
    """

    def __init__(self, cloud: Cloud, invoke: Callable[[Function, bytes], Outcome]) -> None:
        self._cloud = cloud
        self._invoke = invoke
        self._pool = ThreadPoolExecutor(32, thread_name_prefix="lambda-async")

    def accept(self, function: Function, payload: bytes) -> str:
        """Take an event; its request id.

        Raises:
            AwsError: Lambda is being stopped.
        """
        request_id = str(uuid.uuid4())
        try:
            self._pool.submit(self._run, function, payload, request_id)
        except RuntimeError:
            raise AwsError("ServiceException", "the sandbox is being stopped", 500) from None
        return request_id

    def close(self) -> None:
        """Give up what waits."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _run(self, function: Function, payload: bytes, request_id: str) -> None:
        config = function.event_invoke_config or {}
        retries = config.get("MaximumRetryAttempts", 2)
        age = self._cloud.clock.real(config.get("MaximumEventAgeInSeconds", 21600))
        deadline, attempt = time.monotonic() + age, 0
        while not self._cloud.stopping.is_set():
            wait = THROTTLE_SECONDS
            try:
                outcome = self._invoke(function, payload)
            except AwsError as error:
                outcome = None
                log.debug("%s: %s", function.name, error)
            if outcome is not None and outcome.function_error is None:
                self._deliver(function, "OnSuccess", payload, request_id, attempt + 1, outcome, "Success")
                return
            if outcome is not None:
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
        config = (function.event_invoke_config or {}).get("DestinationConfig", {})
        destination = config.get(kind, {}).get("Destination")
        dead_letter = function.configuration.get("DeadLetterConfig", {}).get("TargetArn")
        role = function.configuration["Role"]
        if destination:
            body = json.dumps(_record(function, payload, request_id, attempts, outcome, condition))
        elif kind == "OnFailure" and dead_letter:
            destination, body = dead_letter, payload.decode()
        else:
            return
        retry = 0
        while not self._cloud.stopping.is_set():
            try:
                self._send(destination, role, body)
                return
            except Exception as error:
                # An event that was given up and is dropped here would be lost without a trace.
                if not is_transient(error):
                    log.warning("%s: the %s destination took nothing: %s", function.name, kind, error)
                    return
            retry += 1
            self._cloud.clock.wait(wait_before(retry), self._cloud.stopping)

    def _send(self, destination: str, role_arn: str, body: str) -> None:
        service = destination.split(":")[2]
        match service:
            case "sqs":
                sqs = self._cloud.client("sqs", role_arn, PRINCIPAL)
                sqs.send_message(QueueUrl=self._cloud.queue_url(destination), MessageBody=body)
            case "sns":
                self._cloud.client("sns", role_arn, PRINCIPAL).publish(TopicArn=destination, Message=body)
            case "lambda":
                client = self._cloud.client("lambda", role_arn, PRINCIPAL)
                client.invoke(FunctionName=destination, InvocationType="Event", Payload=body.encode())
            case _:
                raise AwsError("InvalidParameterValueException", f"{destination} is no destination", 400)


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
