"""Whatever lies in a dead-letter queue: no message stops a redrive, and none leaves its queue that was not redriven."""

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.redrive import Redrive
from pipeline.redrive_changes import RedriveChanges
from pipeline.redrive_notifications import RedriveNotifications
from pipeline.redrive_queries import RedriveQueries
from tests.examples import examples

OUTPUTS = {
    "workflow_dlq_url": "q",
    "orders_table_name": "orders",
    "callback_table_name": "callbacks",
    "workflow_arn": "arn:aws:states:eu-central-1:123456789012:stateMachine:orders",
    "pipe_dlq_url": "q",
    "delivery_stream_name": "raw",
    "raw_bucket_name": "b",
    "athena_workgroup_name": "wg",
    "notifications_queue_url": "notifications",
    "notifications_dlq_arn": "arn:aws:sqs:eu-central-1:123456789012:q",
    "query_dlq_url": "q",
    "query_function_name": "query",
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NEARLY = st.sampled_from(
    [
        {"id": "o-1"},
        {"id": 1},
        {"id": "o-1", "execution_arn": 5, "row": "unread"},
        {"event_id": 7},
        {"event_id": "o-1:2"},
        {"DDBStreamBatchInfo": {}, "context": {"partnerResourceArn": "arn:pipe/p"}},
        {"DDBStreamBatchInfo": {"shardId": 1}, "context": {"partnerResourceArn": "x"}},
        {"source": "aws.s3", "detail": {"bucket": {"name": "b"}, "object": {}}},
        {"source": "aws.s3", "detail-type": "Object Created", "detail": "x"},
        {"kind": "query", "bucket": "b", "key": "k", "version_id": "v"},
        {"requestContext": {"condition": "x"}, "requestPayload": {"requestContext": {}}},
    ]
)
BODIES = st.lists(st.one_of(JSON.map(json.dumps), NEARLY.map(json.dumps), st.text(max_size=20)), max_size=6)


class Sqs:
    """A queue that is read once."""

    def __init__(self, bodies: Iterable[str]) -> None:
        self.messages = {str(number): body for number, body in enumerate(bodies)}
        self._left = list(self.messages)

    def receive_message(self, **_: Any) -> dict[str, Any]:
        if not self._left:
            return {}
        id = self._left.pop(0)
        return {"Messages": [{"MessageId": id, "ReceiptHandle": id, "Body": self.messages[id]}]}

    def delete_message(self, QueueUrl: str, ReceiptHandle: str) -> None:
        del self.messages[ReceiptHandle]

    def get_queue_url(self, QueueName: str) -> dict[str, str]:
        return {"QueueUrl": QueueName}

    def send_message_batch(self, **_: Any) -> dict[str, Any]:
        raise ClientError({"Error": {"Code": "ServiceUnavailable", "Message": ""}}, "SendMessageBatch")


class Away:
    """A service that is away, whatever it is asked."""

    class exceptions:
        class ConditionalCheckFailedException(ClientError):
            """Never raised."""

        ExecutionAlreadyExists = ExecutionDoesNotExist = ConditionalCheckFailedException

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(**_: Any) -> Any:
            raise ClientError({"Error": {"Code": "ServiceUnavailable", "Message": "away"}}, name)

        return call


COMMANDS: dict[str, Callable[[Sqs], Any]] = {
    "orders": lambda sqs: Redrive(sqs, Away(), Away(), OUTPUTS),
    "changes": lambda sqs: RedriveChanges(lambda name: sqs if name == "sqs" else Away(), OUTPUTS, lambda _: None),
    "notifications": lambda sqs: RedriveNotifications(lambda name: sqs if name == "sqs" else Away(), OUTPUTS),
    "queries": lambda sqs: RedriveQueries(lambda name: sqs if name == "sqs" else Away(), OUTPUTS),
}


@pytest.mark.parametrize("command", COMMANDS)
@settings(max_examples=examples(150))
@given(bodies=BODIES)
def test_while_all_is_away_every_message_is_looked_at_and_stays(command: str, bodies: list[str]) -> None:
    sqs = Sqs(bodies)
    before = dict(sqs.messages)
    outcomes = list(COMMANDS[command](sqs).run())
    assert len(outcomes) == len(bodies)
    assert not [outcome for outcome in outcomes if outcome.done]
    assert all("still in the queue" in outcome.outcome or "failed" in outcome.outcome for outcome in outcomes)
    assert sqs.messages == before
