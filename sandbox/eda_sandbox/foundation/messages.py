"""A queue's messages, looked at without receiving them.

A message that is received is hidden from others and has its receipts counted, so that looking at it could move it to a
dead-letter queue: the emulator's memory is read instead.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ministack.services import sqs

from eda_sandbox.foundation.cloud import Cloud


@dataclass(frozen=True)
class Message:
    """A message as it lies in a queue.

    Attributes:
        id: its message id.
        sent: when it was sent.
        visible: whether the next one who asks gets it.
        receipts: how often it was received.
        text: its body as it is.
        attributes: its message attributes, as text.
    """

    id: str
    sent: datetime
    visible: bool
    receipts: int
    text: str
    attributes: dict[str, str]

    @property
    def body(self) -> Any:
        """What JSON its body has, or the text."""
        try:
            return json.loads(self.text)
        except ValueError:
            return self.text


def messages(cloud: Cloud, name: str) -> list[Message]:
    """The messages of a queue, the oldest first; none where there is no such queue.

    Args:
        cloud: the embedded AWS.
        name: the queue's name.
    """
    # The emulator keys its queues by the account and region of a request, and there is no request here.
    found = next(
        (
            queue
            for (account, region, url), queue in list(sqs._queues._data.items())
            if (account, region) == (cloud.account, cloud.region) and url.endswith(f"/{name}")
        ),
        None,
    )
    now = datetime.now(UTC).timestamp()
    return [
        Message(
            one["id"],
            datetime.fromtimestamp(one["sent_at"], UTC),
            one["visible_at"] <= now,
            one["receive_count"],
            one["body"],
            {key: value.get("StringValue", "") for key, value in (one["message_attributes"] or {}).items()},
        )
        for one in (list(found["messages"]) if found else [])
    ]
