"""The sample events are what Powertools' data classes, and the sandbox's own sources, know as such."""

import json
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes import (
    APIGatewayProxyEvent,
    DynamoDBStreamEvent,
    EventBridgeEvent,
    KinesisStreamEvent,
    S3Event,
    SNSEvent,
    SQSEvent,
)
from eda_sandbox.__main__ import app
from eda_sandbox.samples import BODY, SAMPLES
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.text(max_size=10),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=5), each, max_size=3),
    max_leaves=6,
)


@given(JSON)
def test_each_carries_what_it_is_given(body: Any) -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    [message] = SQSEvent(SAMPLES["sqs"](body)).records
    assert message.body == text
    [record] = KinesisStreamEvent(SAMPLES["kinesis"](body)).records
    assert record.kinesis.data_as_text() == text
    assert SNSEvent(SAMPLES["sns"](body)).sns_message == text
    assert APIGatewayProxyEvent(SAMPLES["apigateway"](body)).body == text
    row = body if isinstance(body, dict) else {"value": body}
    assert EventBridgeEvent(SAMPLES["eventbridge"](body)).detail == row
    [change] = DynamoDBStreamEvent(SAMPLES["dynamodb"](body)).records
    assert change.dynamodb is not None
    assert change.dynamodb.new_image == row


def test_an_object_and_a_schedule() -> None:
    [record] = S3Event(SAMPLES["s3"]("a/b.json")).records
    assert record.s3.get_object.key == "a/b.json"
    schedule = EventBridgeEvent(SAMPLES["schedule"](BODY))
    assert (schedule.detail_type, schedule.source) == ("Scheduled Event", "aws.scheduler")


@pytest.mark.parametrize("source", SAMPLES)
def test_the_command_prints_json(source: str) -> None:
    told = CliRunner().invoke(app, ["event", source])
    assert told.exit_code == 0
    assert json.loads(told.stdout) == SAMPLES[source](BODY)
    given = CliRunner().invoke(app, ["event", source, "--body", "a/b.json"])
    assert json.loads(given.stdout) == SAMPLES[source]("a/b.json")
