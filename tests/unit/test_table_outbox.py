"""TableOutbox: exact children, what becomes a message, and errors."""

import json
from typing import Any

import pytest
from pulumi_aws_eda import ArgumentError, TableOutbox
from pulumi_aws_eda.testing import Recording, record

STREAM = "arn:aws:dynamodb:eu-central-1:123456789012:table/orders/stream/x"
QUEUE = "arn:aws:sqs:eu-central-1:123456789012:notifications"
SOURCE = {"stream_arn": STREAM, "key": "order_id", "attributes": ["status", "event_id"]}
PIPE = "aws:pipes/pipe:Pipe"


def make(**args: Any) -> Recording:
    given: Any = {"table_stream_source": SOURCE, "queue_arn": QUEUE, **args}
    return record(lambda: TableOutbox("o", {name: value for name, value in given.items() if value is not None}))


def test_it_makes_exactly_a_pipe_with_its_role_log_alarms_and_dead_letter_queue() -> None:
    metrics = ("executionfailed", "executionpartiallyfailed", "executionthrottled", "executiontimeout")
    own = {("aws:sqs/queue:Queue", "o-dlq"), ("aws:sqs/queuePolicy:QueuePolicy", "o-dlq")}
    own |= {("aws:cloudwatch/metricAlarm:MetricAlarm", "o-dlq-messages")}
    others = {
        (PIPE, "o-pipe"),
        ("aws:iam/role:Role", "o-pipe-role"),
        ("aws:iam/rolePolicy:RolePolicy", "o-pipe-role"),
        ("aws:cloudwatch/logGroup:LogGroup", "o-pipe-log"),
        *(("aws:cloudwatch/metricAlarm:MetricAlarm", f"o-pipe-{metric}") for metric in metrics),
    }
    assert make().names() == others | own
    assert make(dead_letter_queue_arn=f"{QUEUE}-dlq").names() == others


def test_writes_of_versioned_rows_become_flat_messages() -> None:
    pipe = make().one(PIPE).inputs
    assert pipe["target"] == QUEUE
    (pattern,) = pipe["sourceParameters"]["filterCriteria"]["filters"]
    assert json.loads(pattern["pattern"]) == {
        "eventName": ["INSERT", "MODIFY"],
        "dynamodb": {"NewImage": {"version": {"N": [{"exists": True}]}}},
    }
    template = pipe["targetParameters"]["inputTemplate"]
    for member in ('"order_id": <$.dynamodb.Keys.order_id.S>', '"event_id": <$.dynamodb.NewImage.event_id.S>'):
        assert member in template


def test_reading_is_bounded_and_points_to_what_it_gave_up() -> None:
    stream = make().one(PIPE).inputs["sourceParameters"]["dynamodbStreamParameters"]
    assert stream["batchSize"] == 10
    assert (stream["maximumRetryAttempts"], stream["maximumRecordAgeInSeconds"]) == (10, 21600)
    assert stream["onPartialBatchItemFailure"] == "AUTOMATIC_BISECT"
    assert stream["deadLetterConfig"]["arn"].endswith("project-test-o-dlq")


def test_the_role_holds_a_statement_for_each_need() -> None:
    statements = make(dead_letter_queue_arn=f"{QUEUE}-dlq").statements("o-pipe-role")
    assert set(statements) == {"ReadStream", "ListStreams", "SendMessages", "DeadLetter"}
    assert statements["SendMessages"]["Resource"] == [QUEUE]
    assert statements["DeadLetter"]["Resource"] == [f"{QUEUE}-dlq"]
    keyed = make(queue_kms_key_arn="arn:aws:kms:eu-central-1:123456789012:key/k").statements("o-pipe-role")
    assert keyed["EncryptWithKey"]["Condition"]["StringLike"] == {"kms:ViaService": ["sqs.eu-central-1.*"]}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"queue_arn": None}, "'queue_arn' is missing"),
        ({"queue": QUEUE}, "'queue' is unknown; is 'queue_arn' meant?"),
        (
            {"table_stream_source": {**SOURCE, "batch_size": 10, "largest_row_bytes": 30_000}},
            "'batch_size' is 10; 8 rows of 'largest_row_bytes', 30000, fit into one call",
        ),
        ({"table_stream_source": {**SOURCE, "batch_size": 11}}, "'batch_size' is 11; allowed are whole numbers from 1"),
        ({"table_stream_source": {**SOURCE, "attributes": ["a-b"]}}, "names of letters, digits and underscores"),
        ({"table_stream_source": {"stream_arn": STREAM}}, "'attributes' is missing"),
    ],
)
def test_a_wrong_argument_names_component_argument_and_what_is_allowed(args: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError) as raised:
        make(**args)
    assert str(raised.value).startswith("TableOutbox 'o'")
    assert message in str(raised.value)
