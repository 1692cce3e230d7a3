"""Functions behind every source: each delivery comes twice and has one effect, and what fails for good is kept."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from eda_sandbox.embedded import Sandbox
from eda_sandbox.frontdoor.faults import Fault, FaultKind
from eda_sandbox.provider.deploy import Stack

from tests.conftest import Deploy
from tests.integration.event_parts import bodies
from tests.waiting import wait_until

PROGRAM = """
import json, pulumi, pulumi_aws as aws
from pulumi_aws_eda import EncryptionKey, IdempotentLambda, archives
key = EncryptionKey("key", {"deletion_window_in_days": 7})
seen = aws.dynamodb.Table("seen", hash_key="id", billing_mode="PAY_PER_REQUEST",
    attributes=[{"name": "id", "type": "S"}])
topic = aws.sns.Topic("readings")
ordered = aws.sns.Topic("ordered", name="ordered.fifo", fifo_topic=True, content_based_deduplication=True)
bus = aws.cloudwatch.EventBus("readings", name="readings")
bucket = aws.s3.Bucket("uploads", force_destroy=True)
aws.s3.BucketNotification("uploads", bucket=bucket.id, eventbridge=True)
stream = aws.kinesis.Stream("readings", shard_count=1)
dead = aws.sqs.Queue("dead")
inbox = aws.sqs.Queue("inbox", visibility_timeout_seconds=30, redrive_policy=dead.arn.apply(
    lambda arn: json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 5})))
common = {
    "code": archives.directory_archive("code"), "timeout": 3, "memory_size": 256,
    "environment": {"TABLE": seen.name},
    "grants": {"Count": {"actions": ["dynamodb:UpdateItem"], "resources": [seen.arn]}},
    "idempotency": {},
}
delivery = {"max_receive_count": 1, "maximum_batching_window_in_seconds": 1, "batch_size": 20}
every = IdempotentLambda("every", {
    **common,
    "kms_key_arn": key.arn,
    "grants": {"Count": {**common["grants"]["Count"], "kms_key_arns": []}},
    "topic_source": {"topic_arn": topic.arn, "filter_policy": {"kind": ["temperature"]}, **delivery},
    "event_source": {"event_bus_name": bus.name, **delivery,
        "pattern": {"source": ["readings"], "detail-type": ["Taken"]}},
    "object_source": {"bucket_name": bucket.bucket, "prefix": "in*/", "suffix": ".csv", **delivery},
    "schedule": {"expression": "cron(0 6 * * ? *)", "timezone": "Europe/Berlin", "detail": {"name": "slot"}},
    "kinesis_source": {"stream_arn": stream.arn, "starting_position": "AT_TIMESTAMP",
        "starting_position_timestamp": pulumi.Config().require("start"), "maximum_retry_attempts": 1,
        "filters": [{"data": {"kind": ["temperature"]}}]},
})
given = IdempotentLambda("given", {**common, "queue_source": {
    "queue_arn": inbox.arn, "filters": [{"body": {"kind": ["temperature"]}}], "maximum_batching_window_in_seconds": 1}})
fifo = IdempotentLambda("fifo", {**common, "topic_source": {
    "topic_arn": ordered.arn, "fifo": True, "max_receive_count": 1}})
for name, value in {
    "seen": seen.name, "topic": topic.arn, "ordered": ordered.arn, "bucket": bucket.bucket, "stream": stream.name,
    "inbox": inbox.url, "dead_letters": every.dead_letter_queue_arn, "queues": every.source_queue_arns,
    "fifo_dead_letters": fifo.dead_letter_queue_arn,
}.items():
    pulumi.export(name, value)
"""
HANDLER = """
import os, boto3
from eda_runtime.logger import logger
from eda_runtime.records import Source, message_of, source_of
client = boto3.client("dynamodb")
def handle(record, context):
    message = message_of(record)
    if source_of(message) is Source.EVENTBRIDGE:
        detail = message["detail"]
        name = detail["object"]["key"] if message["source"] == "aws.s3" else detail["name"]
    else:
        name = message["name"]
    if name.startswith("poison"):
        raise ValueError(name)
    client.update_item(TableName=os.environ["TABLE"], Key={"id": {"S": name}},
        UpdateExpression="SET correlation_id = :id ADD n :one",
        ExpressionAttributeValues={":one": {"N": "1"}, ":id": {"S": logger.get_correlation_id()}})
"""


@pytest.fixture(scope="module")
def sources(aws: Sandbox, deploy_here: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    folder = tmp_path_factory.mktemp("every")
    (folder / "code").mkdir()
    (folder / "code" / "handler.py").write_text(HANDLER)
    (folder / "Pulumi.yaml").write_text("name: every\nruntime: python\n")
    (folder / "__main__.py").write_text(PROGRAM)
    start = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return deploy_here(folder / "__main__.py", "test", config={"start": start})


def effects(aws: Sandbox, sources: Stack) -> dict[str, tuple[int, str]]:
    items = aws.client("dynamodb").scan(TableName=sources.outputs["seen"], ConsistentRead=True)["Items"]
    return {item["id"]["S"]: (int(item["n"]["N"]), item["correlation_id"]["S"]) for item in items}


def waiting(aws: Sandbox, arns: list[str]) -> int:
    """Messages that somebody may still be given."""
    sqs, names = aws.client("sqs"), ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    urls = [aws.cloud.queue_url(arn) for arn in arns]
    found = [sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"] for url in urls]
    return sum(int(attributes[name]) for attributes in found for name in names)


def reading(name: str, kind: str = "temperature") -> str:
    return json.dumps({"name": name, "kind": kind, "correlation_id": f"c-{name}"})


def test_each_source_has_one_effect_for_what_is_delivered_twice(aws: Sandbox, sources: Stack) -> None:
    outputs = sources.outputs
    sns, queues = aws.client("sns"), list(outputs["queues"].values())
    aws.faults.add(Fault(FaultKind.DUPLICATE, "sqs", "SendMessage", spares_root=True))
    aws.faults.add(Fault(FaultKind.LOST_ANSWER, "sqs", "SendMessage", times=2, spares_root=True))

    def publish(name: str, kind: str) -> None:
        attributes = {"kind": kind, "correlation_id": f"c-{name}"}
        sns.publish(
            TopicArn=outputs["topic"],
            Message=json.dumps({"name": name}),
            MessageAttributes={key: {"DataType": "String", "StringValue": value} for key, value in attributes.items()},
        )

    publish("topic", "temperature")
    publish("other topic", "humidity")
    detail = {"name": "event", "envelope": {"correlation_id": "c-event"}}
    event = {"Source": "readings", "DetailType": "Taken", "Detail": json.dumps(detail), "EventBusName": "readings"}
    aws.client("events").put_events(Entries=[event, {**event, "DetailType": "Other"}])
    for object_key in ("in*/a.csv", "in*/a.txt", "in1/a.csv"):
        aws.client("s3").put_object(Bucket=outputs["bucket"], Key=object_key, Body=b"1")
    records = [reading("kinesis"), reading("other kinesis", "humidity"), "no JSON"]
    for data in records:
        aws.client("kinesis").put_record(StreamName=outputs["stream"], Data=data.encode(), PartitionKey="p")
    for body in (reading("queue"), reading("other queue", "humidity")):
        aws.client("sqs").send_message(QueueUrl=outputs["inbox"], MessageBody=body)
    schedules = aws.client("scheduler").list_schedules(NamePrefix="every-test-every")["Schedules"]
    slot = aws.cloud.service("scheduler").advance_to_next(schedules[0]["Name"])

    expected = {"topic", "event", "in*/a.csv", "kinesis", "queue", "slot"}
    wait_until(lambda: expected <= effects(aws, sources).keys(), "each source has its effect")
    inbox = aws.client("sqs").get_queue_attributes(QueueUrl=outputs["inbox"], AttributeNames=["QueueArn"])["Attributes"]
    wait_until(lambda: not waiting(aws, [*queues, inbox["QueueArn"]]), "all repeats are handled")
    found = effects(aws, sources)
    assert {name: count for name, (count, _) in found.items()} == dict.fromkeys(expected, 1)
    carried = {name: found[name][1] for name in ("topic", "event", "kinesis", "queue", "slot")}
    assert carried == {
        **{name: f"c-{name}" for name in ("topic", "event", "kinesis", "queue")},
        "slot": f"{schedules[0]['Name']}/{slot.strftime('%Y-%m-%dT%H:%M:%SZ')}",
    }
    assert waiting(aws, [outputs["dead_letters"]]) == 0
    # Topic, event, object and slot: each was sent to its queue at least twice.
    sent = [kind for service, operation, kind in aws.faults.injected if (service, operation) == ("sqs", "SendMessage")]
    assert sent.count(FaultKind.DUPLICATE) >= 4


def test_what_fails_for_good_is_kept_in_the_form_in_which_it_came(aws: Sandbox, sources: Stack) -> None:
    outputs = sources.outputs
    event = {"Source": "readings", "DetailType": "Taken", "Detail": json.dumps({"name": "poison"})}
    aws.client("events").put_events(Entries=[{**event, "EventBusName": "readings"}])
    for name in ("poison", "behind"):
        data = reading(name).encode()
        aws.client("kinesis").put_record(StreamName=outputs["stream"], Data=data, PartitionKey=name)
    found = bodies(aws, aws.cloud.queue_url(outputs["dead_letters"]), 2)
    pointer, kept = sorted(found, key=lambda body: "detail" in body)
    assert kept["detail"] == {"name": "poison"}
    assert pointer["KinesisBatchInfo"]["batchSize"] == 1
    wait_until(lambda: "behind" in effects(aws, sources), "the record behind the poison is handled")


def test_a_fifo_topics_order_stops_at_what_fails_and_its_dead_letters_keep_the_order(
    aws: Sandbox, sources: Stack
) -> None:
    outputs = sources.outputs
    for group, names in {"a": ("poison-1", "poison-2"), "b": ("fifo-1", "fifo-2")}.items():
        for name in names:
            aws.client("sns").publish(TopicArn=outputs["ordered"], Message=reading(name), MessageGroupId=group)
    wait_until(lambda: {"fifo-1", "fifo-2"} <= effects(aws, sources).keys(), "the other group is handled")
    found = bodies(aws, aws.cloud.queue_url(outputs["fifo_dead_letters"]), 2)
    assert [json.loads(body["Message"])["name"] for body in found] == ["poison-1", "poison-2"]


@pytest.mark.parametrize(
    "policy", ["{", "[]", '{"kind": "a"}', json.dumps({str(number): ["a"] for number in range(6)})]
)
def test_a_filter_policy_is_refused_as_sns_refuses_it(aws: Sandbox, sources: Stack, policy: str) -> None:
    sns, topic = aws.client("sns"), sources.outputs["topic"]
    inbox = aws.cloud.arn("sqs", sources.outputs["inbox"].rpartition("/")[2])
    with pytest.raises(sns.exceptions.InvalidParameterException):
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=inbox, Attributes={"FilterPolicy": policy})
    (subscribed,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    with pytest.raises(sns.exceptions.InvalidParameterException):
        sns.set_subscription_attributes(
            SubscriptionArn=subscribed["SubscriptionArn"], AttributeName="FilterPolicy", AttributeValue=policy
        )


STREAM = {"EventSourceArn": "STREAM", "StartingPosition": "LATEST"}
INBOX = {"EventSourceArn": "INBOX"}


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        ("every", {**INBOX, "BatchSize": 11}, "Maximum batch window in seconds must be greater"),
        ("every", {**INBOX, "StartingPosition": "LATEST"}, "Unsupported StartingPosition parameter"),
        ("every", {**INBOX, "MaximumRetryAttempts": 1}, "Unsupported MaximumRetryAttempts parameter"),
        ("every", {**INBOX, "ScalingConfig": {"MaximumConcurrency": 2}, "FilterCriteria": ["{"]}, "Invalid filter"),
        ("every", {**INBOX, "FilterCriteria": ['{"body": [1]}'] * 6}, "5 filters at most"),
        ("given", INBOX, "already exists"),
        ("given", {"EventSourceArn": "STREAM"}, "startingPosition"),
        ("given", {**STREAM, "StartingPosition": "AT_TIMESTAMP"}, "StartingPositionTimestamp"),
        ("given", {**STREAM, "MaximumRecordAgeInSeconds": 59}, "-1 or 60"),
        ("given", {**STREAM, "ParallelizationFactor": 11}, "parallelizationFactor"),
    ],
)
def test_a_mapping_is_refused_as_lambda_refuses_it(
    aws: Sandbox, sources: Stack, function: str, options: dict[str, Any], message: str
) -> None:
    arns = {
        "INBOX": aws.cloud.arn("sqs", sources.outputs["inbox"].rpartition("/")[2]),
        "STREAM": aws.cloud.arn("kinesis", f"stream/{sources.outputs['stream']}"),
    }
    given = {**options, "EventSourceArn": arns[options["EventSourceArn"]]}
    if "FilterCriteria" in options:
        given["FilterCriteria"] = {"Filters": [{"Pattern": pattern} for pattern in options["FilterCriteria"]]}
    client = aws.client("lambda")
    with pytest.raises(client.exceptions.ClientError, match=message):
        client.create_event_source_mapping(FunctionName=f"every-test-{function}", **given)
