"""Messages to a queue of SQS."""

from collections.abc import Iterable
from typing import Any

from eda_runtime.envelope import Envelope
from eda_runtime.senders import messages, sending
from eda_runtime.senders.messages import Message

LIMITS = sending.Limits(entries=10, bytes=1_048_576, entry_bytes=1_048_576)
"""Of ``SendMessageBatch`` (SQS quotas); a queue may have a lower ``MaximumMessageSize``."""


class QueueSender:
    """Sends to a queue.

    Args:
        client: boto3's of ``sqs``; of a link, ``links.NAME.client``.
        queue_url: the queue's; of a FIFO queue it ends with ``.fifo``.
        attempts: calls for one message at most.
    """

    def __init__(self, client: Any, queue_url: str, attempts: int = sending.ATTEMPTS) -> None:
        self._fifo = queue_url.endswith(".fifo")
        self._call = messages.called(client.send_message_batch, "Entries", QueueUrl=queue_url)
        self._attempts = attempts

    def send(self, given: Iterable[Message], envelope: Envelope | None = None) -> None:
        """Send messages.

        Args:
            given: the messages.
            envelope: what each carries that has none of its own.

        Raises:
            SendError: some could not be sent.
            ValueError: one is no JSON, or has a group where there are none, or none where there are; nothing is sent.
        """
        entries = [messages.entry(each, envelope, "MessageBody", self._fifo) for each in given]
        sending.send(entries, LIMITS, self._call, self._attempts)
