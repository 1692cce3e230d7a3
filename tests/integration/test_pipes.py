"""Pipes from streams: filters, templates, batches, retries, and pointers to what cannot be delivered."""

import io
import json
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from botocore.exceptions import ClientError
from eda_sandbox.embedded import Sandbox
from eda_sandbox.frontdoor.faults import Fault, FaultKind

from tests.faulted import of
from tests.integration.stream_parts import (
    Statement,
    create_bucket,
    create_queue,
    create_role,
    create_table,
    objects_of,
    put_items,
    put_policy,
    take_messages,
    until_active,
    until_state,
)
from tests.waiting import wait_until

PRINCIPAL = "pipes.amazonaws.com"
READ = ["dynamodb:DescribeStream", "dynamodb:GetShardIterator", "dynamodb:GetRecords"]
TEMPLATE = '{"id": <$.dynamodb.Keys.id.S>, "name": <$.eventName>, "note": <$.dynamodb.NewImage.note.S>}\n'
BUCKET = "pipes-raw"


class Line:
    """A table, its stream, a pipe, its target and its dead-letter queue."""

    def __init__(self, aws: Sandbox, name: str) -> None:
        self.aws, self.name = aws, name
        self.stream = create_table(aws, name)
        self.dead_letters, self.dead_letters_arn = create_queue(aws, f"{name}-dead")
        self.statements: dict[str, Statement] = {
            "Read": (READ, self.stream),
            "List": (["dynamodb:ListStreams"], "*"),
            "DeadLetters": (["sqs:SendMessage"], self.dead_letters_arn),
        }
        self.role = create_role(aws, f"pipe-{name}", PRINCIPAL, self.statements)

    def allow(self, sid: str, actions: list[str], resource: str) -> None:
        self.statements[sid] = (actions, resource)
        put_policy(self.aws, f"pipe-{self.name}", self.statements)

    def without(self, sid: str) -> None:
        rest = {name: statement for name, statement in self.statements.items() if name != sid}
        put_policy(self.aws, f"pipe-{self.name}", rest)

    def pipe(self, target: str, source: dict[str, Any] | None = None, **request: Any) -> None:
        parameters = {
            "StartingPosition": "TRIM_HORIZON",
            "DeadLetterConfig": {"Arn": self.dead_letters_arn},
            "MaximumRetryAttempts": 2,
            "OnPartialBatchItemFailure": "AUTOMATIC_BISECT",
            **(source or {}),
        }
        filters = request.pop("filters", [])
        criteria = {"FilterCriteria": {"Filters": [{"Pattern": json.dumps(found)} for found in filters]}}
        made = self.aws.client("pipes").create_pipe(
            Name=self.name,
            RoleArn=self.role,
            Source=self.stream,
            SourceParameters={"DynamoDBStreamParameters": parameters, **(criteria if filters else {})},
            Target=target,
            **request,
        )
        assert made["CurrentState"] == "CREATING"

    def pointers(self, count: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []

        def enough() -> bool:
            found.extend(json.loads(body) for body in take_messages(self.aws, self.dead_letters))
            return len(found) >= count

        wait_until(enough, f"{count} pointers in the dead-letter queue of {self.name}")
        return found


@pytest.fixture
def line(aws: Sandbox) -> Iterator[Callable[[str], Line]]:
    made: list[Line] = []

    def make(name: str) -> Line:
        made.append(Line(aws, name))
        return made[-1]

    yield make
    for line in made:
        if aws.client("pipes").list_pipes(NamePrefix=line.name)["Pipes"]:
            aws.client("pipes").delete_pipe(Name=line.name)


@pytest.fixture(scope="module", autouse=True)
def bucket(aws: Sandbox) -> None:
    create_bucket(aws, BUCKET)


def to_firehose(aws: Sandbox, line: Line, interval: int = 20, size: int = 1, **destination: Any) -> str:
    """A delivery stream, and the statement that lets the line's pipe write to it; its ARN."""
    statements: dict[str, Statement] = {
        "Bucket": (["s3:GetBucketLocation"], f"arn:aws:s3:::{BUCKET}"),
        "Objects": (["s3:PutObject"], f"arn:aws:s3:::{BUCKET}/*"),
        "Schema": (["glue:GetTable"], "*"),
    }
    role = create_role(aws, f"firehose-{line.name}", "firehose.amazonaws.com", statements)
    arn = aws.client("firehose").create_delivery_stream(
        DeliveryStreamName=line.name,
        ExtendedS3DestinationConfiguration={
            "RoleARN": role,
            "BucketARN": f"arn:aws:s3:::{BUCKET}",
            "Prefix": f"{line.name}/",
            "BufferingHints": {"IntervalInSeconds": interval, "SizeInMBs": size},
            **destination,
        },
    )["DeliveryStreamARN"]
    until_active(aws, line.name)
    line.allow("Write", ["firehose:PutRecordBatch"], arn)
    return str(arn)


def to_queue(aws: Sandbox, line: Line) -> tuple[str, str]:
    url, arn = create_queue(aws, f"{line.name}-target")
    line.allow("Write", ["sqs:SendMessage"], arn)
    return url, arn


def records_of(aws: Sandbox, name: str) -> list[dict[str, Any]]:
    contents = objects_of(aws, BUCKET, f"{name}/").values()
    return [json.loads(text) for content in contents for text in content.splitlines()]


def test_a_thousand_changes_of_one_window_make_one_object_of_rows(
    aws: Sandbox, line: Callable[[str], Line], tmp_path: Path
) -> None:
    orders = line("thousand")
    columns = [{"Name": name, "Type": "string"} for name in ("id", "name", "note")]
    glue = aws.client("glue")
    glue.create_database(DatabaseInput={"Name": "pipes_raw"})
    glue.create_table(
        DatabaseName="pipes_raw", TableInput={"Name": "thousand", "StorageDescriptor": {"Columns": columns}}
    )
    schema = {"DatabaseName": "pipes_raw", "TableName": "thousand"}
    role = f"arn:aws:iam::{aws.cloud.account}:role/firehose-thousand"
    target = to_firehose(
        aws,
        orders,
        interval=100,
        size=64,
        DataFormatConversionConfiguration={
            "SchemaConfiguration": {"RoleARN": role, **schema},
            "InputFormatConfiguration": {"Deserializer": {"OpenXJsonSerDe": {}}},
            "OutputFormatConfiguration": {"Serializer": {"ParquetSerDe": {}}},
        },
    )
    ids = [f"o-{number}" for number in range(1000)]
    put_items(aws, "thousand", ids, note={"S": 'a "quoted" note'})
    orders.pipe(target, {"BatchSize": 500}, TargetParameters={"InputTemplate": TEMPLATE})
    wait_until(lambda: objects_of(aws, BUCKET, "thousand/"), "an object is written")
    [content] = objects_of(aws, BUCKET, "thousand/").values()
    file = tmp_path / "rows.parquet"
    file.write_bytes(content)
    rows = duckdb.sql(f"SELECT id, name, note FROM '{file}'").fetchall()
    assert sorted(rows) == sorted((id, "INSERT", 'a "quoted" note') for id in ids)
    assert take_messages(aws, orders.dead_letters) == []


def test_filters_let_through_what_one_of_them_matches(aws: Sandbox, line: Callable[[str], Line]) -> None:
    orders = line("filtered")
    url, arn = to_queue(aws, orders)
    flows = {"eventName": ["INSERT", "MODIFY"], "dynamodb": {"NewImage": {"version": {"N": [{"exists": True}]}}}}
    removed = {"eventName": ["REMOVE"], "userIdentity": {"type": [{"exists": False}]}}
    orders.pipe(arn, {"BatchSize": 10}, filters=[flows, removed], TargetParameters={"InputTemplate": TEMPLATE})
    dynamodb = aws.client("dynamodb")
    dynamodb.put_item(TableName="filtered", Item={"id": {"S": "order"}, "version": {"N": "1"}, "note": {"S": "n"}})
    dynamodb.put_item(TableName="filtered", Item={"id": {"S": "token"}})
    dynamodb.delete_item(TableName="filtered", Key={"id": {"S": "order"}})
    found: list[dict[str, str]] = []

    def arrived() -> bool:
        found.extend(json.loads(body) for body in take_messages(aws, url))
        return any(message["name"] == "REMOVE" for message in found)

    wait_until(arrived, "the removal arrives")
    # Of a removed item there is no new image: the column is there and empty.
    assert found == [
        {"id": "order", "name": "INSERT", "note": "n"},
        {"id": "order", "name": "REMOVE", "note": ""},
    ]


def test_without_a_template_the_event_is_the_records(aws: Sandbox, line: Callable[[str], Line]) -> None:
    orders = line("plain")
    url, arn = to_queue(aws, orders)
    orders.pipe(arn)
    aws.client("dynamodb").put_item(TableName="plain", Item={"id": {"S": "1"}, "blob": {"B": b"\x00\xff"}})
    [event] = [json.loads(body) for body in wait_until(lambda: take_messages(aws, url), "the event arrives")]
    assert event["eventSourceARN"] == orders.stream
    assert event["dynamodb"]["NewImage"] == {"id": {"S": "1"}, "blob": {"B": "AP8="}}
    assert isinstance(event["dynamodb"]["ApproximateCreationDateTime"], int)


def test_a_poison_record_is_pointed_to_and_its_neighbours_flow(aws: Sandbox, line: Callable[[str], Line]) -> None:
    orders = line("poison")
    url, arn = to_queue(aws, orders)
    ids = [f"{number}" for number in range(9)]
    put_items(aws, "poison", ids[:4])
    # What stands in quotes is not escaped: this note makes no JSON.
    aws.client("dynamodb").put_item(TableName="poison", Item={"id": {"S": "poison"}, "note": {"S": '"'}})
    put_items(aws, "poison", ids[4:])
    template = '{"id": <$.dynamodb.Keys.id.S>, "note": "<$.dynamodb.NewImage.note.S>"}'
    orders.pipe(arn, {"BatchSize": 10}, TargetParameters={"InputTemplate": template})
    found: list[str] = []

    def arrived() -> bool:
        found.extend(json.loads(body)["id"] for body in take_messages(aws, url))
        return len(found) >= len(ids)

    wait_until(arrived, "the neighbours arrive")
    assert found == ids
    [pointer] = orders.pointers(1)
    arn_of_pipe = f"arn:aws:pipes:{aws.cloud.region}:{aws.cloud.account}:pipe/poison"
    assert pointer["context"] == {"partnerResourceArn": arn_of_pipe, "condition": "RetryAttemptsExhausted"}
    assert pointer["version"] == "1.0"
    info = pointer["DDBStreamBatchInfo"]
    assert (info["batchSize"], info["streamArn"]) == (1, orders.stream)
    assert info["startSequenceNumber"] == info["endSequenceNumber"]
    # The pointer leads back to the record.
    streams = aws.client("dynamodbstreams")
    where = {"ShardIteratorType": "AT_SEQUENCE_NUMBER", "SequenceNumber": info["startSequenceNumber"]}
    iterator = streams.get_shard_iterator(StreamArn=orders.stream, ShardId=info["shardId"], **where)["ShardIterator"]
    [record] = streams.get_records(ShardIterator=iterator, Limit=1)["Records"]
    assert record["dynamodb"]["Keys"]["id"]["S"] == "poison"


def test_a_record_that_firehose_refuses_does_not_stop_its_batch(aws: Sandbox, line: Callable[[str], Line]) -> None:
    orders = line("too-big")
    target = to_firehose(aws, orders)
    # Four times what the row has exceeds Firehose's 1,024,000 bytes a record.
    template = '{"id": <$.dynamodb.Keys.id.S>, ' + ", ".join(
        f'"n{number}": <$.dynamodb.NewImage.note.S>' for number in range(4)
    )
    put_items(aws, "too-big", ["1", "2"])
    aws.client("dynamodb").put_item(TableName="too-big", Item={"id": {"S": "big"}, "note": {"S": "x" * 300_000}})
    put_items(aws, "too-big", ["3", "4"])
    orders.pipe(target, {"BatchSize": 100}, TargetParameters={"InputTemplate": template + "}\n"})
    assert orders.pointers(1)[0]["DDBStreamBatchInfo"]["batchSize"] == 1
    wait_until(lambda: len(records_of(aws, "too-big")) >= 4, "the others are delivered")
    assert sorted(record["id"] for record in records_of(aws, "too-big")) == ["1", "2", "3", "4"]


def test_records_that_firehose_takes_only_in_part_or_with_a_lost_answer_are_all_delivered(
    aws: Sandbox, line: Callable[[str], Line]
) -> None:
    orders = line("partial")
    target = to_firehose(aws, orders)
    aws.faults.add(
        Fault(
            FaultKind.PARTIAL,
            "firehose",
            "PutRecordBatch",
            times=3,
            code="ServiceUnavailableException",
            matching=of("partial"),
        )
    )
    aws.faults.add(Fault(FaultKind.LOST_ANSWER, "firehose", "PutRecordBatch", times=1, matching=of("partial")))
    ids = [f"{number}" for number in range(200)]
    put_items(aws, "partial", ids)
    orders.pipe(target, {"BatchSize": 100, "MaximumRetryAttempts": 10}, TargetParameters={"InputTemplate": TEMPLATE})
    wait_until(lambda: {record["id"] for record in records_of(aws, "partial")} == set(ids), "all records are delivered")
    assert [kind for _, _, kind in aws.faults.injected] == [FaultKind.PARTIAL] * 3 + [FaultKind.LOST_ANSWER]
    # What failed in part was tried again alone; only the call whose answer was lost is there twice.
    counts = Counter(record["id"] for record in records_of(aws, "partial"))
    assert 0 < sum(count - 1 for count in counts.values()) <= 100
    assert max(counts.values()) == 2
    assert take_messages(aws, orders.dead_letters) == []


def test_a_batch_without_bisect_is_given_up_as_a_whole(aws: Sandbox, line: Callable[[str], Line]) -> None:
    orders = line("whole")
    arn = to_queue(aws, orders)[1]
    orders.without("Write")
    put_items(aws, "whole", ["1", "2", "3"])
    request = {
        "StartingPosition": "TRIM_HORIZON",
        "BatchSize": 10,
        "MaximumRetryAttempts": 1,
        "DeadLetterConfig": {"Arn": orders.dead_letters_arn},
    }
    aws.client("pipes").create_pipe(
        Name="whole",
        RoleArn=orders.role,
        Source=orders.stream,
        SourceParameters={"DynamoDBStreamParameters": request},
        Target=arn,
    )
    [pointer] = orders.pointers(1)
    assert pointer["DDBStreamBatchInfo"]["batchSize"] == 3


def test_a_record_that_is_too_old_is_given_up(aws: Sandbox, line: Callable[[str], Line]) -> None:
    orders = line("aged")
    url, arn = to_queue(aws, orders)
    orders.without("Write")
    put_items(aws, "aged", ["old"])
    orders.pipe(arn, {"MaximumRetryAttempts": -1, "MaximumRecordAgeInSeconds": 60})
    [pointer] = orders.pointers(1)
    assert pointer["context"]["condition"] == "RecordAgeExceeded"
    orders.allow("Write", *orders.statements["Write"])
    put_items(aws, "aged", ["new"])
    assert json.loads(wait_until(lambda: take_messages(aws, url), "the new one flows")[0])["eventID"]


def test_a_window_waits_for_more_records_and_ends(aws: Sandbox, line: Callable[[str], Line]) -> None:
    orders = line("window")
    target = to_firehose(aws, orders)
    orders.pipe(
        target,
        {"BatchSize": 500, "MaximumBatchingWindowInSeconds": 40, "StartingPosition": "TRIM_HORIZON"},
        TargetParameters={"InputTemplate": TEMPLATE},
    )
    until_state(aws, "window", "RUNNING")
    calls: list[int] = []

    def count(request: Any) -> bool:
        if of("window")(request):
            calls.append(len(json.loads(request.body)["Records"]))
        return False

    aws.faults.add(Fault(FaultKind.DELAY, "firehose", "PutRecordBatch", matching=count))
    begin = time.monotonic()
    put_items(aws, "window", ["0"])
    put_items(aws, "window", [f"{number}" for number in range(1, 10)])
    wait_until(lambda: sum(calls) == 10, "all are sent")
    # 40 s are 2 s here.
    assert time.monotonic() - begin >= 1.9
    assert calls == [10]


def test_latest_leaves_out_what_was_there_and_a_stopped_pipe_goes_on_where_it_stopped(
    aws: Sandbox, line: Callable[[str], Line]
) -> None:
    orders, pipes = line("states"), aws.client("pipes")
    url, arn = to_queue(aws, orders)
    put_items(aws, "states", ["before"])
    orders.pipe(
        arn,
        {"StartingPosition": "LATEST"},
        TargetParameters={"InputTemplate": "<$.dynamodb.Keys.id.S>"},
        Description="ids",
        Tags={"a": "1"},
    )
    described = until_state(aws, "states", "RUNNING")
    assert (described["Description"], described["Tags"], described["DesiredState"]) == ("ids", {"a": "1"}, "RUNNING")
    put_items(aws, "states", ["running"])
    assert wait_until(lambda: take_messages(aws, url), "it flows") == ["running"]
    assert pipes.stop_pipe(Name="states")["CurrentState"] == "STOPPING"
    until_state(aws, "states", "STOPPED")
    put_items(aws, "states", ["stopped"])
    with pytest.raises(ClientError, match="ConflictException"):
        pipes.stop_pipe(Name="states")
    assert take_messages(aws, url) == []
    assert pipes.start_pipe(Name="states")["CurrentState"] == "STARTING"
    assert wait_until(lambda: take_messages(aws, url), "it goes on") == ["stopped"]
    # Its first reader may flow before the pipe says that it runs.
    until_state(aws, "states", "RUNNING")
    pipes.update_pipe(
        Name="states", RoleArn=orders.role, TargetParameters={"InputTemplate": "id <$.dynamodb.Keys.id.S>"}
    )
    until_state(aws, "states", "RUNNING")
    put_items(aws, "states", ["updated"])
    assert wait_until(lambda: take_messages(aws, url), "it is updated") == ["id updated"]
    assert [pipe["Name"] for pipe in pipes.list_pipes(NamePrefix="stat", CurrentState="RUNNING")["Pipes"]] == ["states"]
    pipes.delete_pipe(Name="states")

    def gone() -> bool:
        return not pipes.list_pipes(NamePrefix="states")["Pipes"]

    wait_until(gone, "the pipe is gone")
    with pytest.raises(ClientError, match="NotFoundException"):
        pipes.describe_pipe(Name="states")


def test_two_pipes_read_one_stream(aws: Sandbox, line: Callable[[str], Line]) -> None:
    orders = line("shared")
    url, arn = to_queue(aws, orders)
    parameters = {"DynamoDBStreamParameters": {"StartingPosition": "TRIM_HORIZON", "BatchSize": 10}}
    for name in ("shared", "shared-too"):
        aws.client("pipes").create_pipe(
            Name=name,
            RoleArn=orders.role,
            Source=orders.stream,
            SourceParameters=parameters,
            Target=arn,
            TargetParameters={"InputTemplate": "<$.dynamodb.Keys.id.S> by <aws.pipes.pipe-name>"},
        )
    put_items(aws, "shared", ["1", "2", "3"])
    found: Counter[str] = Counter()

    def all_there() -> bool:
        found.update(take_messages(aws, url))
        return found.total() >= 6

    wait_until(all_there, "both have delivered")
    assert found == {f"{id} by {name}": 1 for id in ("1", "2", "3") for name in ("shared", "shared-too")}
    aws.client("pipes").delete_pipe(Name="shared-too")


@pytest.mark.parametrize("missing", [*READ, "dynamodb:ListStreams"])
def test_a_pipe_whose_role_may_not_read_is_not_made(aws: Sandbox, line: Callable[[str], Line], missing: str) -> None:
    orders = line(f"unread-{missing.rpartition(':')[2]}")
    url, arn = to_queue(aws, orders)
    if missing in READ:
        orders.allow("Read", [action for action in READ if action != missing], orders.stream)
    else:
        orders.without("List")
    put_items(aws, orders.name, ["1"])
    orders.pipe(arn)
    if missing == "dynamodb:GetRecords":
        until_state(aws, orders.name, "RUNNING")
        orders.allow("Read", READ, orders.stream)
        assert wait_until(lambda: take_messages(aws, url), "it flows once it may")
    else:
        reason = until_state(aws, orders.name, "CREATE_FAILED")["StateReason"]
        assert f"is not authorized to perform: {missing}" in reason


@pytest.mark.parametrize("missing", ["Write", "DeadLetters"])
def test_the_statements_for_target_and_dead_letters_are_needed(
    aws: Sandbox, line: Callable[[str], Line], missing: str
) -> None:
    orders = line(f"unsent-{missing.lower()}")
    url, arn = to_queue(aws, orders)
    orders.pipe(
        arn,
        {"MaximumRetryAttempts": 0},
        TargetParameters={
            "InputTemplate": TEMPLATE.replace("<$.dynamodb.NewImage.note.S>", '"<$.dynamodb.NewImage.note.S>"')
        },
    )
    until_state(aws, orders.name, "RUNNING")
    orders.without(missing)
    # A good one, and one that makes no JSON.
    put_items(aws, orders.name, ["good"], note={"S": "n"})
    put_items(aws, orders.name, ["poison"], note={"S": '"'})
    if missing == "Write":
        assert len(orders.pointers(2)) == 2
        assert take_messages(aws, url) == []
        return
    assert len(wait_until(lambda: take_messages(aws, url), "the good one flows")) == 1
    put_items(aws, orders.name, ["next"], note={"S": "n"})
    assert take_messages(aws, orders.dead_letters) == []
    # The pointer waits for its queue, and what comes after it waits too.
    put_policy(aws, f"pipe-{orders.name}", orders.statements)
    assert len(orders.pointers(1)) == 1
    assert len(wait_until(lambda: take_messages(aws, url), "the next one flows")) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Source": "arn:aws:sqs:eu-central-1:000000000000:q"}, "read table streams and Kinesis streams"),
        ({"Target": "arn:aws:ecs:eu-central-1:000000000000:cluster/c"}, "write to firehose, lambda, sqs, states"),
        ({"Enrichment": "arn:aws:lambda:eu-central-1:000000000000:function:f"}, "Enrichment is not offered"),
        ({"SourceParameters": {}}, "StartingPosition: is required"),
        ({"SourceParameters": {"KinesisStreamParameters": {"StartingPosition": "LATEST"}}}, "does not belong"),
        (
            {"SourceParameters": {"DynamoDBStreamParameters": {"StartingPosition": "LATEST", "BatchSize": 501}}},
            "is 501, more than the 500",
        ),
        (
            {"SourceParameters": {"DynamoDBStreamParameters": {"StartingPosition": "LATEST", "BatchSize": 10_001}}},
            "less than or equal to 10000",
        ),
        (
            {
                "SourceParameters": {
                    "DynamoDBStreamParameters": {"StartingPosition": "LATEST"},
                    "FilterCriteria": {"Filters": [{"Pattern": '{"eventName": "INSERT"}'}]},
                }
            },
            "FilterCriteria",
        ),
        ({"TargetParameters": {"InputTemplate": "x" * 8193}}, "less than or equal to 8192"),
        ({"TargetParameters": {"InputTemplate": "<aws.pipes.what>"}}, "no reserved variable"),
        ({"TargetParameters": {"SqsQueueParameters": {"MessageGroupId": "g"}}}, "does not belong to the target"),
        ({"Name": "not/good"}, "pattern"),
    ],
)
def test_a_bad_pipe_is_refused(aws: Sandbox, change: dict[str, Any], message: str) -> None:
    request = {
        "Name": "bad",
        "RoleArn": f"arn:aws:iam::{aws.cloud.account}:role/any",
        "Source": f"arn:aws:dynamodb:{aws.cloud.region}:{aws.cloud.account}:table/t/stream/2026-01-01T00:00:00.000",
        "SourceParameters": {"DynamoDBStreamParameters": {"StartingPosition": "LATEST"}},
        "Target": f"arn:aws:firehose:{aws.cloud.region}:{aws.cloud.account}:deliverystream/s",
        **change,
    }
    with pytest.raises(ClientError) as caught:
        aws.client("pipes").create_pipe(**request)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert message in caught.value.response["Error"]["Message"]


def test_a_role_that_pipes_cannot_assume_fails_the_pipe(aws: Sandbox, line: Callable[[str], Line]) -> None:
    orders = line("untrusted")
    orders.role = create_role(aws, "trusts-others", "lambda.amazonaws.com", {})
    orders.pipe(to_queue(aws, orders)[1])
    assert "cannot be assumed" in until_state(aws, "untrusted", "CREATE_FAILED")["StateReason"]


def test_a_kinesis_stream_flows_with_its_data_decoded(aws: Sandbox, line: Callable[[str], Line]) -> None:
    kinesis = aws.client("kinesis")
    kinesis.create_stream(StreamName="pipe-source", ShardCount=2)
    arn = kinesis.describe_stream_summary(StreamName="pipe-source")["StreamDescriptionSummary"]["StreamARN"]
    orders = line("of-kinesis-pipe")
    url, target = to_queue(aws, orders)
    orders.allow("Read", ["kinesis:DescribeStream", "kinesis:GetShardIterator", "kinesis:GetRecords"], arn)
    aws.client("pipes").create_pipe(
        Name=orders.name,
        RoleArn=orders.role,
        Source=arn,
        SourceParameters={
            "KinesisStreamParameters": {"StartingPosition": "TRIM_HORIZON", "BatchSize": 10},
            "FilterCriteria": {"Filters": [{"Pattern": '{"data": {"kind": ["order"]}}'}]},
        },
        Target=target,
        TargetParameters={"InputTemplate": '{"id": <$.data.id>, "key": <$.partitionKey>}'},
    )
    for number in range(6):
        kind = "order" if number % 2 else "noise"
        data = json.dumps({"id": number, "kind": kind}).encode()
        kinesis.put_record(StreamName="pipe-source", Data=data, PartitionKey=f"k{number}")
    found: list[dict[str, Any]] = []

    def arrived() -> bool:
        found.extend(json.loads(body) for body in take_messages(aws, url))
        return len(found) >= 3

    wait_until(arrived, "the orders arrive")
    assert sorted(found, key=lambda message: int(message["id"])) == [{"id": n, "key": f"k{n}"} for n in (1, 3, 5)]


def test_a_state_machine_gets_the_batch_as_an_array(aws: Sandbox, line: Callable[[str], Line]) -> None:
    orders, states = line("machine"), aws.client("stepfunctions")
    role = create_role(aws, "machine-role", "states.amazonaws.com", {})
    definition = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}
    machine = states.create_state_machine(name="pipe-target", roleArn=role, definition=json.dumps(definition))
    orders.allow("Write", ["states:StartExecution"], machine["stateMachineArn"])
    put_items(aws, "machine", ["1", "2"])
    orders.pipe(
        machine["stateMachineArn"],
        {"BatchSize": 10},
        TargetParameters={
            "InputTemplate": '{"id": <$.dynamodb.Keys.id.S>}',
            "StepFunctionStateMachineParameters": {"InvocationType": "FIRE_AND_FORGET"},
        },
    )
    [execution] = wait_until(
        lambda: states.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"], "an execution"
    )
    found = states.describe_execution(executionArn=execution["executionArn"])
    assert json.loads(found["input"]) == [{"id": "1"}, {"id": "2"}]


FUNCTION = """
def handle(event, context):
    print(event)
    failed = [{"itemIdentifier": record["number"]} for record in event if record["id"].startswith("poison")]
    return {"batchItemFailures": failed}
"""


def test_a_function_gets_the_batch_and_reports_what_failed(aws: Sandbox, line: Callable[[str], Line]) -> None:
    orders = line("function")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("handler.py", FUNCTION)
    target = aws.client("lambda").create_function(
        FunctionName="pipe-target",
        Role=create_role(aws, "pipe-target", "lambda.amazonaws.com", {}),
        Runtime="python3.13",
        Handler="handler.handle",
        Code={"ZipFile": content.getvalue()},
    )["FunctionArn"]
    orders.allow("Write", ["lambda:InvokeFunction"], target)
    put_items(aws, "function", ["1", "poison", "2"])
    template = '{"id": <$.dynamodb.Keys.id.S>, "number": <$.dynamodb.SequenceNumber>}'
    orders.pipe(target, {"BatchSize": 10, "MaximumRetryAttempts": 1}, TargetParameters={"InputTemplate": template})
    [pointer] = orders.pointers(1)
    assert pointer["DDBStreamBatchInfo"]["batchSize"] == 1
    streams = aws.client("dynamodbstreams")
    iterator = streams.get_shard_iterator(
        StreamArn=orders.stream,
        ShardId=pointer["DDBStreamBatchInfo"]["shardId"],
        ShardIteratorType="AT_SEQUENCE_NUMBER",
        SequenceNumber=pointer["DDBStreamBatchInfo"]["startSequenceNumber"],
    )["ShardIterator"]
    [record] = streams.get_records(ShardIterator=iterator, Limit=1)["Records"]
    assert record["dynamodb"]["Keys"]["id"]["S"] == "poison"
