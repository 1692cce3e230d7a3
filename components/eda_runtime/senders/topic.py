"""Messages to a topic of SNS."""

from collections.abc import Iterable
from typing import Any

from eda_runtime.envelope import Envelope
from eda_runtime.senders import messages, sending
from eda_runtime.senders.messages import Message

LIMITS = sending.Limits(entries=10, bytes=262_144, entry_bytes=262_144)
"""Of ``PublishBatch`` (SNS API)."""


class TopicSender:
    """Publishes to a topic.

    Args:
        client: boto3's of ``sns``; of a link, ``links.NAME.client``.
        topic_arn: the topic; that of a FIFO topic ends with ``.fifo``.
        attempts: calls for one message at most.
    """

    def __init__(self, client: Any, topic_arn: str, attempts: int = sending.ATTEMPTS) -> None:
        self._fifo = topic_arn.endswith(".fifo")
        self._call = messages.called(client.publish_batch, "PublishBatchRequestEntries", TopicArn=topic_arn)
        self._attempts = attempts

    def send(self, given: Iterable[Message], envelope: Envelope | None = None) -> None:
        """Publish messages.

        Args:
            given: the messages.
            envelope: what each carries that has none of its own.

        Raises:
            SendError: some could not be sent.
            ValueError: one is no JSON, or has a group where there are none, or none where there are; nothing is sent.
        """
        entries = [messages.entry(each, envelope, "Message", self._fifo) for each in given]
        sending.send(entries, LIMITS, self._call, self._attempts)
