"""Deliveries: each matching event to each target, at least once or into the target's dead-letter queue."""

import logging
import uuid
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError

from eda_sandbox.foundation import tracing
from eda_sandbox.foundation.agenda import Agenda
from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.foundation.retry_policy import RetryPolicy, is_throttled, is_transient, wait_before
from eda_sandbox.services.events import input as target_input
from eda_sandbox.services.events import targets

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Delivery:
    """One event for one target of one rule.

    Attributes:
        event: as it came.
        rule_arn: the rule that matched.
        target: as ``PutTargets`` took it.
        ingested: when the event bus got the event, RFC 3339.
        began: the same in the AWS seconds of the agenda.
        id: the same for all attempts.
        trace_header: of the request that put the event, which targets get.
    """

    event: dict[str, Any]
    rule_arn: str
    target: dict[str, Any]
    ingested: str
    began: float
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    trace_header: str | None = None


class Deliveries:
    """Delivers until the target has taken the event or its retry policy is exhausted.

    Args:
        cloud: the embedded AWS.
    """

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._agenda = Agenda("events", cloud.clock.elapsed, cloud.clock.real)

    def start(self) -> None:
        """Begin to deliver."""
        self._agenda.start()

    def close(self) -> None:
        """Deliver nothing more."""
        self._agenda.close()

    def add(self, event: dict[str, Any], rule_arn: str, target: dict[str, Any], ingested: str) -> None:
        """Deliver an event to a target; returns at once."""
        delivery = Delivery(event, rule_arn, target, ingested, self._agenda.now(), trace_header=tracing.current())
        self._agenda.add(delivery.began, lambda: self._attempt(delivery, 0))

    def _attempt(self, delivery: Delivery, retries: int) -> None:
        target, rule_arn = delivery.target, delivery.rule_arn
        try:
            payload = target_input.payload(target, delivery.event, rule_arn, delivery.ingested)
            with tracing.carrying(delivery.trace_header):
                targets.send(self._cloud, target, rule_arn, delivery.id, payload)
        except (AwsError, BotoCoreError, ClientError, ValueError) as error:
            if not is_transient(error):
                self._give_up(delivery, retries, error, None)
                return
            wait = wait_before(retries + 1)
            condition = RetryPolicy.of(target).exhausted(retries, self._agenda.now() + wait - delivery.began)
            if condition is not None:
                self._give_up(delivery, retries, error, condition)
                return
            log.debug("%s: %s; tried again in %s s", target["Arn"], error, wait)
            self._agenda.add(self._agenda.now() + wait, lambda: self._attempt(delivery, retries + 1))

    def _give_up(self, delivery: Delivery, retries: int, error: Exception, condition: str | None) -> None:
        target = delivery.target
        attributes = {
            "RULE_ARN": delivery.rule_arn,
            "TARGET_ARN": target["Arn"],
            "ERROR_CODE": _error_code(error),
            "ERROR_MESSAGE": _error_message(error),
        }
        if condition is not None:
            attributes |= {"EXHAUSTED_RETRY_CONDITION": condition, "RETRY_ATTEMPTS": str(retries)}
        queue = target.get("DeadLetterConfig", {}).get("Arn")
        if queue is None:
            log.warning("%s: an event is dropped: %s", target["Arn"], error)
            return
        try:
            self._cloud.client("sqs", None, targets.PRINCIPAL, delivery.rule_arn).send_message(
                QueueUrl=self._cloud.queue_url(queue),
                MessageBody=target_input.compact(delivery.event),
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
                },
            )
        except (BotoCoreError, ClientError) as refused:
            if is_transient(refused):
                again = self._agenda.now() + wait_before(1)
                self._agenda.add(again, lambda: self._give_up(delivery, retries, error, condition))
            else:
                log.warning("%s: the dead-letter queue took nothing: %s", target["Arn"], refused)


def _error_code(error: Exception) -> str:
    """The error as dead-letter queues name it."""
    if isinstance(error, AwsError):
        return "FAILED_TO_ASSUME_ROLE"
    if isinstance(error, ValueError):
        return "INVALID_JSON"
    if not isinstance(error, ClientError):
        return "TIMEOUT" if isinstance(error, ReadTimeoutError) else "CONNECTION_FAILURE"
    code, status = error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
    if is_throttled(error):
        return "THROTTLING"
    if "AccessDenied" in code or status == 403:
        return "NO_PERMISSIONS"
    if any(word in code for word in ("NotFound", "NonExistent", "DoesNotExist")):
        return "NO_RESOURCE"
    return "ERROR_FROM_TARGET" if status >= 500 else "SDK_CLIENT_ERROR"


def _error_message(error: Exception) -> str:
    if isinstance(error, ClientError):
        return str(error.response["Error"].get("Message") or error)
    return error.message if isinstance(error, AwsError) else str(error)
