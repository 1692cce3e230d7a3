"""Requests that are stored first, and what a function sends on: each has one effect, however often it is sent."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import urllib3
from eda_sandbox.embedded import Sandbox
from eda_sandbox.frontdoor.faults import Fault, FaultKind
from eda_sandbox.provider.deploy import Stack

from tests.conftest import Deploy
from tests.integration.event_parts import allow, bodies, queue, unique
from tests.waiting import wait_until

PROGRAM = """
import pulumi, pulumi_aws as aws
from pulumi_aws_eda import (
    Authorization, BatchedFirehoseSink, EncryptionKey, EventApi, EventBus, FanOut, FileFormat, IdempotentLambda,
    archives, defaults, link)
key = EncryptionKey("key", deletion_window_in_days=7)
defaults(kms_key_arn=key.arn)
seen = aws.dynamodb.Table("seen", hash_key="id", billing_mode="PAY_PER_REQUEST",
    attributes=[{"name": "id", "type": "S"}])
bus = EventBus("readings", sender_account_ids=["210987654321"], organization_id="o-a1b2c3d4e5")
told = FanOut("told", queues={
    "hot": {"filter_policy": {"kind": ["hot"]}, "max_receive_count": 1, "visibility_timeout_seconds": 18}})
ordered = FanOut("ordered", fifo=True, queues={"log": {}})
stream = aws.kinesis.Stream("readings", shard_count=1)
sink = BatchedFirehoseSink("files", direct_put={"columns": {"id": "string"}}, format=FileFormat.JSON_LINES,
    buffering_interval=60, force_destroy=True)

def counter(name, path, **source):
    return IdempotentLambda(name, code=archives.directory_archive("code"), handler="handler.count", timeout=3,
        memory_size=256, environment={"WHERE": name}, links={"seen": link(seen, "write", kms_key_arn="")},
        idempotency={"token": "EVENT", "key_jmespath": path}, **source)

EVENT, NOTE = "powertools_json(body).detail.id", "powertools_json(powertools_json(body).Message).id"
counter("events", EVENT, event_source={"event_bus_name": bus.event_bus_name, "pattern": {"source": ["relay", "api"]}})
counter("hot", NOTE, queue_source={"queue_arn": told.queue_arns["hot"], "kms_key_arn": key.arn})
counter("log", NOTE, queue_source={"queue_arn": ordered.queue_arns["log"], "kms_key_arn": key.arn})
direct = counter("direct", "powertools_json(body).id", queue_source={})
relay = IdempotentLambda("relay", code=archives.directory_archive("code"), handler="handler.relay", timeout=10,
    memory_size=256, queue_source={}, idempotency={"token": "EVENT", "key_jmespath": "powertools_json(body).id"},
    links={
        "bus": link(bus, "send"), "told": link(told, "send"), "ordered": link(ordered, "send"),
        "stream": link(stream, "send"), "files": link(sink, "send"), "direct": link(direct, "send"),
    })
api = EventApi("api", authorization=Authorization.NONE, routes={
    "POST /readings": {"queue": {"queue_url": relay.queue_url, "queue_arn": relay.queue_arn}},
    "POST /events": {"event_bus": {"event_bus_name": bus.event_bus_name, "event_bus_arn": bus.event_bus_arn,
        "source": "api", "detail_type": "Reading sent"}},
})
for name, value in {
    "url": api.url, "seen": seen.name, "bus": bus.event_bus_name, "bus_arn": bus.event_bus_arn,
    "archive": bus.archive_arn, "bus_dead_letters": bus.dead_letter_queue_arn, "stream": stream.name,
    "hot_dead_letters": told.dead_letter_queue_arns["hot"], "topic": told.topic_arn, "bucket": sink.bucket_name,
    "relay_dead_letters": relay.dead_letter_queue_arn,
}.items():
    pulumi.export(name, value)
"""
HANDLER = """
import os
from eda_runtime import links
from eda_runtime.logger import logger
from eda_runtime.records import envelope_of, message_of
from eda_runtime.senders.bus import Event
from eda_runtime.senders.messages import Message
from eda_runtime.senders.stream import Record

def relay(record, context):
    message = message_of(record)
    envelope, readings = envelope_of(record), message["payload"]["readings"]
    links.bus.sender("relay").send([Event("Reading taken", each) for each in readings], envelope)
    links.told.sender().send([Message(each, {"kind": each["kind"]}) for each in readings], envelope)
    links.ordered.sender().send([Message(each, group=each["kind"]) for each in readings], envelope)
    links.direct.sender().send([Message(each) for each in readings], envelope)
    links.stream.sender().send([Record(each, each["id"]) for each in readings], envelope)
    links.files.sender().send(readings, envelope)

def count(record, context):
    message = message_of(record)
    found = message.get("detail", message)
    if found["id"] == "poison":
        raise ValueError("poison")
    links.seen.client.update_item(TableName=links.seen.table_name,
        Key={"id": {"S": f"{os.environ['WHERE']}/{found['id']}"}},
        UpdateExpression="SET correlation_id = :c, causation_id = :cause ADD n :one",
        ExpressionAttributeValues={":one": {"N": "1"}, ":c": {"S": logger.get_correlation_id()},
            ":cause": {"S": found["envelope"]["causation_id"]}})
"""
READINGS = 30


@pytest.fixture(scope="module")
def senders(deploy_here: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    folder = tmp_path_factory.mktemp("senders")
    (folder / "code").mkdir()
    (folder / "code" / "handler.py").write_text(HANDLER)
    (folder / "Pulumi.yaml").write_text("name: senders\nruntime: python\n")
    (folder / "__main__.py").write_text(PROGRAM)
    return deploy_here(folder / "__main__.py")


def post(senders: Stack, path: str, body: Any, key: str = "", **headers: str) -> tuple[int, Any]:
    sent = {"Content-Type": "application/json", **({"Idempotency-Key": key} if key else {}), **headers}
    url = f"{senders.outputs['url']}{path}"
    answer = urllib3.request("POST", url, body=json.dumps(body), headers=sent, retries=False)
    return answer.status, json.loads(answer.data)


def effects(aws: Sandbox, senders: Stack) -> dict[str, dict[str, Any]]:
    items = aws.client("dynamodb").scan(TableName=senders.outputs["seen"], ConsistentRead=True)["Items"]
    return {item.pop("id")["S"]: {name: next(iter(value.values())) for name, value in item.items()} for item in items}


def in_stream(aws: Sandbox, senders: Stack) -> list[Any]:
    kinesis, name = aws.client("kinesis"), senders.outputs["stream"]
    shard = kinesis.list_shards(StreamName=name)["Shards"][0]["ShardId"]
    start = kinesis.get_shard_iterator(StreamName=name, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    return [json.loads(each["Data"]) for each in kinesis.get_records(ShardIterator=start["ShardIterator"])["Records"]]


def in_files(aws: Sandbox, senders: Stack) -> set[str]:
    s3, bucket = aws.client("s3"), senders.outputs["bucket"]
    found: set[str] = set()
    for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", []):
        content = gzip.decompress(s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read())
        found |= {json.loads(line)["id"] for line in content.splitlines()}
    return found


def test_what_a_request_causes_has_one_effect_each_while_batches_fail_in_part_and_come_twice(
    aws: Sandbox, senders: Stack
) -> None:
    faults = [
        Fault(FaultKind.PARTIAL, "events", "PutEvents", times=3),
        Fault(FaultKind.PARTIAL, "sqs", "SendMessageBatch", times=3),
        Fault(FaultKind.PARTIAL, "kinesis", "PutRecords", times=2, code="ProvisionedThroughputExceededException"),
        Fault(FaultKind.PARTIAL, "firehose", "PutRecordBatch", times=2, code="ServiceUnavailableException"),
        # This one passes never: the function fails, and its message comes again.
        Fault(FaultKind.PARTIAL, "events", "PutEvents", times=1, code="NotAuthorizedForSourceException"),
        Fault(FaultKind.DUPLICATE, "sns", "PublishBatch", times=4, spares_root=True),
        Fault(FaultKind.LOST_ANSWER, "sqs", "SendMessage", times=2, spares_root=True),
    ]
    for fault in faults:
        aws.faults.add(fault)
    kinds = ("hot", "cold", "mild")
    readings = [{"id": f"r-{number}", "kind": kinds[number % 3]} for number in range(READINGS)]
    body, trace = {"readings": readings}, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    headers = {"X-Correlation-Id": "c-1", "traceparent": trace}
    first = post(senders, "/readings", body, "k-1", **headers)
    assert first[0] == 202
    assert post(senders, "/readings", body, "k-1", **headers) == first

    hot = [each["id"] for each in readings if each["kind"] == "hot"]
    everything = [each["id"] for each in readings]
    expected = {f"{where}/{id}" for where in ("events", "log", "direct") for id in everything}
    expected |= {f"hot/{id}" for id in hot}
    wait_until(lambda: expected <= effects(aws, senders).keys(), "each reading has its effects")
    wait_until(lambda: set(everything) <= in_files(aws, senders), "each reading is in a file")
    found = effects(aws, senders)
    assert {name: effect["n"] for name, effect in found.items()} == dict.fromkeys(expected, "1")
    assert {effect["correlation_id"] for effect in found.values()} == {"c-1"}
    assert all(effect["causation_id"] for effect in found.values())
    records = in_stream(aws, senders)
    assert {record["id"] for record in records} == set(everything)
    assert {record["envelope"]["traceparent"] for record in records} == {trace}
    injected = {(service, kind) for service, _, kind in aws.faults.injected}
    for service in ("events", "sqs", "kinesis", "firehose"):
        assert (service, FaultKind.PARTIAL) in injected, service


def test_a_route_that_stores_answers_as_a_workflows_does(aws: Sandbox, senders: Stack) -> None:
    body = {"celsius": 21}
    # Within a key nothing is stored twice, and the routes do not share their keys.
    status, answer = post(senders, "/events", body, "k-1", **{"X-Correlation-Id": "c-2"})
    assert status == 202
    assert [post(senders, "/events", body, "k-1")[1]["id"] for _ in range(3)] == [answer["id"]] * 3
    status, other = post(senders, "/events", body, "k-2")
    assert (status, other["id"] == answer["id"]) == (202, False)
    refused = {
        post(senders, "/events", {"celsius": 22}, "k-1")[0]: 422,
        post(senders, "/events", body)[0]: 400,
        post(senders, "/events", {"text": "x" * 8000}, "k-3")[0]: 413,
    }
    assert all(status == expected for status, expected in refused.items())
    expected = {f"events/{answer['id']}": "c-2", f"events/{other['id']}": other["id"]}
    wait_until(lambda: expected.keys() <= effects(aws, senders).keys(), "both requests have their effects")
    found = effects(aws, senders)
    assert {name: (found[name]["n"], found[name]["correlation_id"]) for name in expected} == {
        name: ("1", correlation) for name, correlation in expected.items()
    }
    (table,) = [name for name in aws.client("dynamodb").list_tables()["TableNames"] if name.endswith("api-keys")]
    row = aws.client("dynamodb").get_item(TableName=table, Key={"id": {"S": answer["id"]}})["Item"]
    left = int(row["expires_at"]["N"]) - datetime.now(UTC).timestamp()
    assert 6.9 * 86400 < left <= 7 * 86400


def test_what_a_bus_refuses_is_no_accepted_request(aws: Sandbox, senders: Stack) -> None:
    aws.faults.add(Fault(FaultKind.PARTIAL, "events", "PutEvents", code="InternalFailure", spares_root=True))
    body = {"celsius": 23}
    assert post(senders, "/events", body, "k-busy")[0] == 503
    aws.faults.clear()
    assert post(senders, "/events", body, "k-busy")[0] == 202


def test_an_archive_gives_a_rule_the_events_of_a_time_again(aws: Sandbox, senders: Stack) -> None:
    events, outputs = aws.client("events"), senders.outputs
    start = datetime.now(UTC) - timedelta(hours=1)
    url, arn = queue(aws)
    name, replay = unique("again"), unique("replay")
    pattern = json.dumps({"source": ["archived"], "replay-name": [{"exists": True}]})
    rule = events.put_rule(Name=name, EventBusName=outputs["bus"], EventPattern=pattern)["RuleArn"]
    allow(aws, url, arn, rule)
    events.put_targets(Rule=name, EventBusName=outputs["bus"], Targets=[{"Id": "q", "Arn": arn}])
    entry = {"EventBusName": outputs["bus"], "Source": "archived", "DetailType": "Reading taken"}
    taken = events.put_events(Entries=[{**entry, "Detail": json.dumps({"n": number})} for number in range(3)])
    given = {"EventSourceArn": outputs["archive"], "EventStartTime": start}
    for problem in (
        {"EventEndTime": start, "Destination": {"Arn": outputs["bus_arn"]}},
        {"EventEndTime": datetime.now(UTC), "Destination": {"Arn": aws.cloud.arn("events", "event-bus/default")}},
        {"EventEndTime": datetime.now(UTC), "Destination": {"Arn": outputs["bus_arn"], "FilterArns": [f"{rule}x"]}},
    ):
        with pytest.raises(events.exceptions.ClientError, match="ValidationException"):
            events.start_replay(ReplayName=replay, **given, **problem)
    destination = {"Arn": outputs["bus_arn"], "FilterArns": [rule]}
    events.start_replay(ReplayName=replay, **given, EventEndTime=datetime.now(UTC), Destination=destination)
    again = bodies(aws, url, 3)
    assert {(event["id"], event["replay-name"]) for event in again} == {
        (each["EventId"], replay) for each in taken["Entries"]
    }
    with pytest.raises(events.exceptions.ResourceAlreadyExistsException):
        events.start_replay(ReplayName=replay, **given, EventEndTime=datetime.now(UTC), Destination=destination)
    assert events.describe_replay(ReplayName=replay)["State"] == "COMPLETED"
    policy = json.loads(events.describe_event_bus(Name=outputs["bus"])["Policy"])
    assert [statement["Sid"] for statement in policy["Statement"]] == ["Accounts", "Organization"]
    events.remove_targets(Rule=name, EventBusName=outputs["bus"], Ids=["q"])
    events.delete_rule(Name=name, EventBusName=outputs["bus"])


def test_what_cannot_be_delivered_lies_in_the_dead_letter_queues(aws: Sandbox, senders: Stack) -> None:
    events, outputs = aws.client("events"), senders.outputs
    attributes = {"kind": {"DataType": "String", "StringValue": "hot"}}
    aws.client("sns").publish(
        TopicArn=outputs["topic"], Message=json.dumps({"id": "poison"}), MessageAttributes=attributes
    )
    name = unique("gone")
    events.put_rule(Name=name, EventBusName=outputs["bus"], EventPattern=json.dumps({"source": ["lost"]}))
    target = {"Arn": aws.cloud.arn("sqs", "gone"), "DeadLetterConfig": {"Arn": outputs["bus_dead_letters"]}}
    events.put_targets(Rule=name, EventBusName=outputs["bus"], Targets=[{"Id": "q", **target}])
    entry = {"EventBusName": outputs["bus"], "Source": "lost", "DetailType": "Lost", "Detail": '{"n": 1}'}
    events.put_events(Entries=[entry])
    (lost,) = bodies(aws, aws.cloud.queue_url(outputs["bus_dead_letters"]), 1)
    assert lost["detail"] == {"n": 1}
    (poison,) = bodies(aws, aws.cloud.queue_url(outputs["hot_dead_letters"]), 1)
    assert json.loads(poison["Message"]) == {"id": "poison"}
    events.remove_targets(Rule=name, EventBusName=outputs["bus"], Ids=["q"])
    events.delete_rule(Name=name, EventBusName=outputs["bus"])
