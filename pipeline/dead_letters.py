"""Takes messages from a dead-letter queue, one at a time; each is deleted last, when it is done."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

VISIBILITY_SECONDS = 900
"""How long a message that is being handled is not seen by another run of the command."""
UNREADABLE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What a message raises that has another form than its handler knows."""


class NotDone(Exception):
    """What a message stands for did not happen; the text says why."""


class Outcome(Protocol):
    """What became of a message."""

    @property
    def done(self) -> bool:
        """Whether it may be deleted."""


Handled = TypeVar("Handled", bound=Outcome)


def drain(
    sqs: Any,
    queue_url: str,
    limit: int,
    handle: Callable[[Mapping[str, Any]], Handled],
    left: Callable[[Mapping[str, Any], str], Handled],
) -> Iterator[Handled]:
    """Handle the messages of a queue; one that is not done stays there and stops no other.

    Args:
        sqs: an SQS client.
        queue_url: the dead-letter queue.
        limit: how many messages at most.
        handle: handles one message, safe to be repeated.
        left: the outcome of a message that stays in the queue, with the reason.
    """
    for _ in range(limit):
        answer = sqs.receive_message(
            QueueUrl=queue_url,
            MaxNumberOfMessages=1,
            VisibilityTimeout=VISIBILITY_SECONDS,
            WaitTimeSeconds=1,  # asks all of the queue's servers
        )
        if not answer.get("Messages"):
            return
        message = answer["Messages"][0]
        try:
            outcome = handle(message)
        except (BotoCoreError, ClientError, NotDone) as error:
            outcome = left(message, str(error))
        except UNREADABLE as error:
            outcome = left(message, f"it cannot be read ({type(error).__name__}: {error})")
        if outcome.done:
            sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
        yield outcome
