"""Sends notifications again that were given up, from their dead-letter queue.

Two kinds of messages lie there. A notification that the other system did not take goes back into its queue as it is. A
Pipe's pointer names a place in the table's stream: its changes are read there while the stream keeps them; after that,
every row that was changed since is told as it is now.

Safe to run twice and to stop at any point: a message is deleted last, and a notification that comes twice is told once,
by its ``event_id``.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from pipeline.dead_letters import NotDone, drain
from pipeline.redrive_changes import PointedChanges, RedrivenChanges, flows, still_there

BATCH_MESSAGES = 10
"""What ``SendMessageBatch`` takes."""


class NotSent(NotDone):
    """SQS did not take a notification; its message is still in the dead-letter queue."""


class RedriveNotifications:
    """Takes messages from the notifications' dead-letter queue.

    Args:
        client: gives a client of a service, boto3's name.
        outputs: the stack's exports.
    """

    def __init__(self, client: Callable[[str], Any], outputs: Mapping[str, Any]) -> None:
        self._sqs = client("sqs")
        self._queue = outputs["notifications_queue_url"]
        dead_letters = outputs["notifications_dlq_arn"].rpartition(":")[2]
        self._dead_letters = self._sqs.get_queue_url(QueueName=dead_letters)["QueueUrl"]
        self._pointed = PointedChanges(client, outputs["orders_table_name"], self._send, _is_told)

    def run(self, limit: int = 1000) -> Iterator[RedrivenChanges]:
        """Redrive up to ``limit`` messages, one at a time; one that fails stays in the queue and stops no other."""
        return drain(self._sqs, self._dead_letters, limit, self._message, still_there)

    def _message(self, message: Mapping[str, Any]) -> RedrivenChanges:
        try:
            body = json.loads(message["Body"])
        except ValueError:
            body = None
        match body:
            case {"DDBStreamBatchInfo": dict(pointer), "context": {"partnerResourceArn": str(pipe_arn)}}:
                return self._pointed.redrive(pipe_arn, pointer)
            case {"event_id": str(event_id)}:
                return RedrivenChanges(event_id, "sent again", self._send([message["Body"].encode()]))
        unknown = "still in the queue: neither a notification nor a Pipe's pointer"
        return RedrivenChanges(message["MessageId"], unknown, done=False)

    def _send(self, notifications: Iterable[bytes]) -> int:
        count, left = 0, iter(notifications)
        while batch := list(islice(left, BATCH_MESSAGES)):
            entries = [{"Id": str(number), "MessageBody": body.decode()} for number, body in enumerate(batch)]
            failed = self._sqs.send_message_batch(QueueUrl=self._queue, Entries=entries).get("Failed")
            if failed:
                raise NotSent(f"{len(failed)} notifications are refused: {failed}")
            count += len(batch)
        return count


def _is_told(change: Mapping[str, Any]) -> bool:
    return change["eventName"] != "REMOVE" and flows(change)
