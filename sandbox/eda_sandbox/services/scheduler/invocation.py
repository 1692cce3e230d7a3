"""Invocations: a slot's target is called until it takes the call, or the call goes to the dead-letter queue."""

import json
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from botocore.exceptions import BotoCoreError, ClientError

from eda_sandbox.foundation.agenda import Agenda
from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.foundation.retry_policy import RetryPolicy, is_transient, wait_before
from eda_sandbox.services.scheduler import targets
from eda_sandbox.services.scheduler.schedule import Schedule

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Invocation:
    """One slot of a schedule.

    Attributes:
        schedule: as it was when the slot came.
        slot: the nominal time.
        began: when the target was called first, in the agenda's seconds.
        done: called once the target has taken the call or it is given up.
    """

    schedule: Schedule
    slot: datetime
    began: float
    done: Callable[[], None]


class Invocations:
    """Calls targets.

    Args:
        cloud: the embedded AWS.
        agenda: where retries wait.
    """

    def __init__(self, cloud: Cloud, agenda: Agenda) -> None:
        self._cloud = cloud
        self._agenda = agenda

    def run(self, schedule: Schedule, slot: datetime, done: Callable[[], None]) -> None:
        """Call the target of a slot for the first time."""
        self._attempt(Invocation(schedule, slot, self._agenda.now(), done), 1)

    def _attempt(self, invocation: Invocation, number: int) -> None:
        schedule, execution_id = invocation.schedule, secrets.token_hex(8)
        payload = self._payload(invocation, execution_id, number)
        try:
            self._decrypt(schedule)
            targets.call(self._cloud, schedule.target, self._group_arn(schedule), execution_id, payload)
        except (AwsError, BotoCoreError, ClientError) as error:
            condition = None
            if is_transient(error):
                wait = wait_before(number)
                age = self._agenda.now() + wait - invocation.began
                condition = RetryPolicy.of(schedule.target).exhausted(number - 1, age)
                if condition is None:
                    log.debug("%s: %s; tried again in %s s", schedule.arn, error, wait)
                    self._agenda.add(self._agenda.now() + wait, lambda: self._attempt(invocation, number + 1))
                    return
            self._give_up(invocation, number, execution_id, payload, error, condition)
        else:
            invocation.done()

    def _decrypt(self, schedule: Schedule) -> None:
        if schedule.key_arn is not None:
            role = schedule.target["RoleArn"]
            reason = self._cloud.why_not_decrypt(schedule.key_arn, "scheduler", role, targets.PRINCIPAL)
            if reason is not None:
                raise AwsError("AccessDeniedException", reason, 400)

    def _give_up(
        self,
        invocation: Invocation,
        number: int,
        execution_id: str,
        payload: str,
        error: Exception,
        condition: str | None,
    ) -> None:
        schedule = invocation.schedule
        code, message = _code_and_message(error)
        attributes = {
            "ERROR_CODE": code,
            "ERROR_MESSAGE": message,
            "EXECUTION_ID": execution_id,
            "IS_PAYLOAD_TRUNCATED": "false",
            "RETRY_ATTEMPTS": str(number - 1),
            "SCHEDULED_TIME": rfc3339(invocation.slot),
            "SCHEDULE_ARN": schedule.arn,
            "TARGET_ARN": schedule.target["Arn"],
            **({"EXHAUSTED_RETRY_CONDITION": condition} if condition else {}),
        }
        queue = schedule.target.get("DeadLetterConfig", {}).get("Arn")
        if queue is None:
            log.warning("%s: the invocation of %s is dropped: %s", schedule.arn, rfc3339(invocation.slot), error)
            invocation.done()
            return
        try:
            client = self._cloud.client("sqs", schedule.target["RoleArn"], targets.PRINCIPAL, self._group_arn(schedule))
            client.send_message(
                QueueUrl=self._cloud.queue_url(queue),
                MessageBody=payload,
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
                },
            )
        except (AwsError, BotoCoreError, ClientError) as refused:
            if is_transient(refused):
                again = self._agenda.now() + wait_before(1)
                given = (invocation, number, execution_id, payload, error, condition)
                self._agenda.add(again, lambda: self._give_up(*given))
                return
            log.warning("%s: the dead-letter queue took nothing: %s", schedule.arn, refused)
        invocation.done()

    def _payload(self, invocation: Invocation, execution_id: str, number: int) -> str:
        schedule = invocation.schedule
        time = rfc3339(invocation.slot)
        text = schedule.target.get("Input")
        if text is None:
            event = {
                "version": "0",
                "id": execution_id,
                "detail-type": "Scheduled Event",
                "source": "aws.scheduler",
                "account": self._cloud.account,
                "time": time,
                "region": self._cloud.region,
                "resources": [schedule.arn],
                "detail": "{}",
            }
            return json.dumps(event, separators=(",", ":"))
        attributes = {
            "schedule-arn": schedule.arn,
            "scheduled-time": time,
            "execution-id": execution_id,
            "attempt-number": str(number),
        }
        for name, value in attributes.items():
            text = text.replace(f"<aws.scheduler.{name}>", value)
        return str(text)

    def _group_arn(self, schedule: Schedule) -> str:
        return self._cloud.arn("scheduler", f"schedule-group/{schedule.group}")


def rfc3339(moment: datetime) -> str:
    """A slot's time as context attributes show it: in UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _code_and_message(error: Exception) -> tuple[str, str]:
    if isinstance(error, ClientError):
        return error.response["Error"]["Code"], str(error.response["Error"].get("Message") or error)
    if isinstance(error, AwsError):
        return error.code, error.message
    return type(error).__name__, str(error)
