"""What topics send to their subscribers: through the front door, in SNS's own name, until it is taken.

The emulator hands messages over by itself, at once and once: no policy of a key is asked, nothing is tried again, and
what a queue does not take is gone.
"""

import base64
import json
import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from ministack.services import sns

from eda_sandbox.foundation.agenda import Agenda
from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.retry_policy import is_transient, wait_before

PRINCIPAL = "sns.amazonaws.com"
LONGEST_WAIT = 20.0
"""AWS's seconds between two attempts at most (SNS Developer Guide, message delivery retries)."""
log = logging.getLogger(__name__)


class TopicDeliveries:
    """Delivers what the emulator's topics send to queues and functions; order is kept where there are groups.

    Args:
        cloud: the embedded AWS.
    """

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._agenda = Agenda("sns", cloud.clock.elapsed, cloud.clock.real)
        self._ordered = ThreadPoolExecutor(1, thread_name_prefix="sns-fifo")
        self._emulators = sns._deliver_to_sqs, sns._deliver_to_lambda

    def start(self) -> None:
        """Deliver in the emulator's place."""
        sns._deliver_to_sqs, sns._deliver_to_lambda = self._to_queue, self._to_function
        self._agenda.start()

    def close(self) -> None:
        """Deliver nothing more."""
        sns._deliver_to_sqs, sns._deliver_to_lambda = self._emulators
        self._agenda.close()
        self._ordered.shutdown(wait=False, cancel_futures=True)

    def _to_queue(
        self,
        endpoint: str,
        envelope: str,
        raw: bool,
        raw_message: str,
        message_group_id: str = "",
        message_dedup_id: str = "",
        message_attributes: Mapping[str, Mapping[str, Any]] | None = None,
        topic_arn: str = "",
    ) -> None:
        message: dict[str, Any] = {"MessageBody": raw_message if raw else envelope}
        if raw and message_attributes:
            message["MessageAttributes"] = {name: _attribute(value) for name, value in message_attributes.items()}
        if message_group_id and not endpoint.endswith(".fifo") and not topic_arn.endswith(".fifo"):
            # The groups of fair queues.
            message["MessageGroupId"] = message_group_id
        if endpoint.endswith(".fifo") and message_group_id:
            message |= {"MessageGroupId": message_group_id, "MessageDeduplicationId": message_dedup_id}
            self._ordered.submit(self._in_order, endpoint, topic_arn, message, _dead_letters(topic_arn, endpoint))
            return
        dead_letters = _dead_letters(topic_arn, endpoint)
        self._agenda.add(self._agenda.now(), lambda: self._attempt(endpoint, topic_arn, message, dead_letters, 0))

    def _to_function(
        self, endpoint: str, envelope: str, topic_arn: str, subscription_arn: str, *_others: object
    ) -> None:
        record = {
            "EventSource": "aws:sns",
            "EventVersion": "1.0",
            "EventSubscriptionArn": subscription_arn,
            "Sns": _record(json.loads(envelope)),
        }
        # The notification itself is for the dead-letter queue.
        message = {"Payload": json.dumps({"Records": [record]}).encode(), "MessageBody": envelope}
        dead_letters = _dead_letters(topic_arn, endpoint)
        self._agenda.add(self._agenda.now(), lambda: self._attempt(endpoint, topic_arn, message, dead_letters, 0))

    def _attempt(
        self, endpoint: str, topic_arn: str, message: dict[str, Any], dead_letters: str | None, retries: int
    ) -> None:
        try:
            self._send(endpoint, topic_arn, message)
        except (BotoCoreError, ClientError) as error:
            if is_transient(error):
                again = self._agenda.now() + min(wait_before(retries + 1), LONGEST_WAIT)
                self._agenda.add(again, lambda: self._attempt(endpoint, topic_arn, message, dead_letters, retries + 1))
            else:
                self._give_up(topic_arn, message, dead_letters, error)

    def _in_order(self, endpoint: str, topic_arn: str, message: dict[str, Any], dead_letters: str | None) -> None:
        retries = 0
        while not self._cloud.stopping.is_set():
            try:
                self._send(endpoint, topic_arn, message)
                return
            except (BotoCoreError, ClientError) as error:
                if not is_transient(error):
                    self._give_up(topic_arn, message, dead_letters, error)
                    return
            retries += 1
            self._cloud.clock.wait(min(wait_before(retries), LONGEST_WAIT), self._cloud.stopping)

    def _send(self, endpoint: str, topic_arn: str, message: dict[str, Any]) -> None:
        if "Payload" in message:
            client = self._cloud.client("lambda", None, PRINCIPAL, topic_arn)
            client.invoke(FunctionName=endpoint, InvocationType="Event", Payload=message["Payload"])
        else:
            client = self._cloud.client("sqs", None, PRINCIPAL, topic_arn)
            client.send_message(QueueUrl=self._cloud.queue_url(endpoint), **message)

    def _give_up(self, topic_arn: str, message: dict[str, Any], dead_letters: str | None, error: Exception) -> None:
        """Keep what the subscriber refuses, which is not tried again, in the subscription's dead-letter queue."""
        if dead_letters is None:
            log.warning("%s: a message is lost: %s", topic_arn, error)
            return
        kept = {name: value for name, value in message.items() if name != "Payload"}
        try:
            self._send(dead_letters, topic_arn, kept)
        except (BotoCoreError, ClientError) as refused:
            if is_transient(refused):
                again = self._agenda.now() + LONGEST_WAIT
                self._agenda.add(again, lambda: self._give_up(topic_arn, message, dead_letters, error))
                return
            log.warning("%s: the dead-letter queue took nothing: %s", topic_arn, refused)


def _attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    content = value.get("BinaryValue")
    return {**value, "BinaryValue": base64.b64decode(content)} if isinstance(content, str) else dict(value)


def _record(envelope: dict[str, Any]) -> dict[str, Any]:
    """A notification as functions get it."""
    found = {"Type": None, "MessageId": None, "TopicArn": None, "Subject": None, **envelope}
    attributes = found.pop("MessageAttributes", {})
    return {**{_FOR_FUNCTIONS.get(name, name): value for name, value in found.items()}, "MessageAttributes": attributes}


_FOR_FUNCTIONS = {"SigningCertURL": "SigningCertUrl", "UnsubscribeURL": "UnsubscribeUrl"}


def _dead_letters(topic_arn: str, endpoint: str) -> str | None:
    """The dead-letter queue of a subscription; asked for while the emulator publishes."""
    topic = sns._topic_by_arn_any_scope(topic_arn) or {"subscriptions": ()}
    for subscription in topic["subscriptions"]:
        if subscription["endpoint"] == endpoint:
            policy = subscription["attributes"].get("RedrivePolicy")
            return json.loads(policy).get("deadLetterTargetArn") if policy else None
    return None
