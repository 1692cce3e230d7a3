"""BatchedFirehoseSink deployed by a program of a user's: rows are counted where they are read, in S3."""

import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from eda_sandbox.embedded import Sandbox
from eda_sandbox.foundation.cloud import REGION, ROOT_KEY, ROOT_SECRET
from eda_sandbox.frontdoor.faults import Fault, FaultKind
from eda_sandbox.provider.deploy import Stack
from typer.testing import CliRunner

from pipeline.__main__ import app
from pipeline.redrive_changes import RedriveChanges
from tests.conftest import Deploy
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("hurried")

PROGRAM = """
import pulumi, pulumi_aws as aws
from pulumi_aws_eda import BatchedFirehoseSink
def table(name, **more):
    return aws.dynamodb.Table(name, hash_key="id", billing_mode="PAY_PER_REQUEST",
                              attributes=[{"name": "id", "type": "S"}], **more)
changes = table("changes", stream_enabled=True, stream_view_type="NEW_AND_OLD_IMAGES")
replayable = table("replayable")
common = {"buffering_interval": 60, "force_destroy": True}
sinks = {
    "stream": BatchedFirehoseSink("stream", {**common, "table_stream_source": {
        "stream_arn": changes.stream_arn, "key": "id", "attributes": ["status", "details"],
        "maximum_batching_window_in_seconds": 1, "maximum_retry_attempts": 1}}),
    "kinesis": BatchedFirehoseSink("kinesis", {**common, "format": "JSON_LINES",
        "kinesis_source": {"table_name": replayable.name}}),
    "direct": BatchedFirehoseSink("direct", {**common,
        "direct_put": {"columns": {"id": "string", "amount": "int"}}}),
}
for name, sink in sinks.items():
    pulumi.export(name, {key: getattr(sink, key) for key in BatchedFirehoseSink.__annotations__})
pulumi.export("changes", changes.name)
pulumi.export("replayable", replayable.name)
"""


@pytest.fixture(scope="module")
def sinks(deploy_here: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    folder = tmp_path_factory.mktemp("sinks")
    (folder / "Pulumi.yaml").write_text("name: sinks\nruntime: python\n")
    (folder / "__main__.py").write_text(PROGRAM)
    return deploy_here(folder / "__main__.py", "test")


@pytest.fixture
def rows(aws: Sandbox, sinks: Stack, tmp_path: Path) -> Callable[[str], list[dict[str, Any]]]:
    """All rows that a sink's files hold."""
    s3 = aws.client("s3")

    def read(sink: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        output = sinks.outputs[sink]
        for key in keys(aws, output["bucket_name"], output["prefix"]):
            body = s3.get_object(Bucket=output["bucket_name"], Key=key)["Body"].read()
            if key.endswith(".gz"):
                found += [json.loads(line) for line in gzip.decompress(body).splitlines()]
                continue
            file = tmp_path / "rows.parquet"
            file.write_bytes(body)
            with duckdb.connect() as database:
                relation = database.read_parquet(str(file), hive_partitioning=False)
                found += [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]
        return found

    return read


def keys(aws: Sandbox, bucket: str, prefix: str) -> list[str]:
    return [
        found["Key"] for found in aws.client("s3").list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
    ]


def row(id: str, version: int | None = 1, **more: str) -> dict[str, Any]:
    numbered = {} if version is None else {"version": {"N": str(version)}}
    return {"id": {"S": id}, **numbered, **{name: {"S": value} for name, value in more.items()}}


def exports(sinks: Stack, sink: str) -> dict[str, str]:
    """What the pipeline's stack would export."""
    found = sinks.outputs[sink]
    return {
        "pipe_dlq_url": found["dead_letter_queue_url"],
        "delivery_stream_name": found["delivery_stream_name"],
        "orders_table_name": sinks.outputs["changes"],
        "raw_bucket_name": found["bucket_name"],
    }


def redrive(aws: Sandbox, sinks: Stack, sink: str) -> list[str]:
    return [done.outcome for done in RedriveChanges(aws.client, exports(sinks, sink)).run()]


def waiting(aws: Sandbox, sinks: Stack, sink: str) -> int:
    answer = aws.client("sqs").get_queue_attributes(
        QueueUrl=sinks.outputs[sink]["dead_letter_queue_url"], AttributeNames=["ApproximateNumberOfMessages"]
    )
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])


def test_each_change_of_a_table_is_one_row_of_strings(aws: Sandbox, sinks: Stack, rows: Any) -> None:
    dynamodb, table = aws.client("dynamodb"), sinks.outputs["changes"]
    details = json.dumps({"note": '“quoted” "twice" \\ and\nbroken'})
    for number in range(20):
        dynamodb.put_item(TableName=table, Item=row(f"o-{number}", status="PENDING", details=details))
    dynamodb.put_item(TableName=table, Item=row("o-technical", None, status="PENDING", task_token="secret"))
    dynamodb.put_item(TableName=table, Item=row("o-0", 2, status="COMPLETED", task_token="secret"))
    dynamodb.delete_item(TableName=table, Key={"id": {"S": "o-0"}})
    wait_until(lambda: len(rows("stream")) >= 22, "all changes are in S3")
    found = [one for one in rows("stream") if one["id"].startswith("o-")]
    assert len(found) == 22
    assert {name for one in found for name in one} == {column["name"] for column in sinks.outputs["stream"]["columns"]}
    assert all(isinstance(value, str) for one in found for value in one.values())
    assert len({one["stream_event_id"] for one in found}) == 22
    assert "o-technical" not in {one["id"] for one in found}
    assert "secret" not in json.dumps(found)
    inserted = [one for one in found if one["event_name"] == "INSERT"]
    assert {one["id"] for one in inserted} == {f"o-{number}" for number in range(20)}
    assert {(one["details"], one["version"], one["old_version"]) for one in inserted} == {(details, "1", "")}
    (modified,) = [one for one in found if one["event_name"] == "MODIFY"]
    assert (modified["id"], modified["status"], modified["version"], modified["old_version"]) == (
        "o-0",
        "COMPLETED",
        "2",
        "1",
    )
    (removed,) = [one for one in found if one["event_name"] == "REMOVE"]
    assert (removed["id"], removed["status"], removed["version"], removed["old_version"]) == ("o-0", "", "", "2")
    output = sinks.outputs["stream"]
    form = rf"{re.escape(output['prefix'])}dt=\d{{4}}-\d\d-\d\d/hour=\d\d/[^/]+\.parquet"
    assert all(re.fullmatch(form, key) for key in keys(aws, output["bucket_name"], output["prefix"]))
    assert keys(aws, output["bucket_name"], output["error_prefix"]) == []


def test_changes_through_kinesis_are_dynamodbs_own_json(aws: Sandbox, sinks: Stack, rows: Any) -> None:
    dynamodb, table = aws.client("dynamodb"), sinks.outputs["replayable"]
    for number in range(5):
        dynamodb.put_item(TableName=table, Item=row(f"k-{number}", status="PENDING"))
    wait_until(lambda: len(rows("kinesis")) >= 5, "all changes are in S3")
    found = rows("kinesis")
    assert sorted(one["dynamodb"]["NewImage"]["id"]["S"] for one in found) == [f"k-{number}" for number in range(5)]
    assert {one["eventName"] for one in found} == {"INSERT"}
    # The emulator's records lack what AWS's have beside these: the table's name and, for removals by TTL, who did it.
    columns = {column["name"] for column in sinks.outputs["kinesis"]["columns"]}
    assert columns & {name.lower() for one in found for name in one} >= {"eventid", "eventname", "dynamodb"}


def test_a_producers_records_are_typed_rows(aws: Sandbox, sinks: Stack, rows: Any) -> None:
    records = [{"Data": json.dumps({"id": f"d-{number}", "amount": number})} for number in range(5)]
    name = sinks.outputs["direct"]["delivery_stream_name"]
    assert aws.client("firehose").put_record_batch(DeliveryStreamName=name, Records=records)["FailedPutCount"] == 0
    wait_until(lambda: len(rows("direct")) >= 5, "all records are in S3")
    assert sorted((one["id"], one["amount"]) for one in rows("direct")) == [
        (f"d-{number}", number) for number in range(5)
    ]


def test_a_record_that_does_not_fit_is_seen_in_the_queue_and_redriven_once_the_table_fits(
    aws: Sandbox, sinks: Stack, rows: Any
) -> None:
    output, glue = sinks.outputs["direct"], aws.client("glue")
    records = [{"Data": json.dumps({"id": id, "amount": amount})} for id, amount in (("m-1", "many"), ("m-2", 2))]
    aws.client("firehose").put_record_batch(DeliveryStreamName=output["delivery_stream_name"], Records=records)
    wait_until(lambda: "m-2" in {one["id"] for one in rows("direct")}, "the neighbour is in S3")
    wait_until(lambda: waiting(aws, sinks, "direct") == 1, "the event is in the dead-letter queue")
    (error,) = keys(aws, output["bucket_name"], output["error_prefix"])
    assert error.startswith("errors/format-conversion-failed/dt=")
    place = {"DatabaseName": output["database_name"], "Name": output["table_name"]}
    table = glue.get_table(**place)["Table"]
    kept = ("Name", "TableType", "Parameters", "PartitionKeys", "StorageDescriptor")
    table["StorageDescriptor"]["Columns"][1]["Type"] = "string"
    glue.update_table(
        DatabaseName=output["database_name"], TableInput={name: table[name] for name in kept if name in table}
    )
    environment = {"AWS_ACCESS_KEY_ID": ROOT_KEY, "AWS_SECRET_ACCESS_KEY": ROOT_SECRET, "AWS_DEFAULT_REGION": REGION}
    command = ["redrive-changes", "--outputs", "-", "--endpoint-url", aws.cloud.endpoint]
    done = CliRunner().invoke(app, command, input=json.dumps(exports(sinks, "direct")), env=environment)
    assert done.exit_code == 0, done.output
    assert done.output.splitlines() == [
        f"s3://{output['bucket_name']}/{error}: put again, 1 records",
        "1 messages handled, 1 records put, 0 messages still in the queue",
    ]
    wait_until(lambda: "m-1" in {one["id"] for one in rows("direct")}, "the record is in S3")
    assert [one["amount"] for one in rows("direct") if one["id"] == "m-1"] == ["many"]
    assert waiting(aws, sinks, "direct") == 0


def test_changes_that_the_pipe_could_not_deliver_are_pointed_to_and_redriven(
    aws: Sandbox, sinks: Stack, rows: Any
) -> None:
    dynamodb, table = aws.client("dynamodb"), sinks.outputs["changes"]
    aws.faults.add(Fault(FaultKind.ERROR, "firehose", "PutRecordBatch"))
    for number in range(3):
        dynamodb.put_item(TableName=table, Item=row(f"p-{number}", status="PENDING"))
    dynamodb.put_item(TableName=table, Item=row("p-technical", None))
    wait_until(lambda: waiting(aws, sinks, "stream") == 3, "all are pointed to in the dead-letter queue")
    aws.faults.clear()
    assert redrive(aws, sinks, "stream") == ["read from the stream"] * 3
    dynamodb.put_item(TableName=table, Item=row("p-after", status="PENDING"))
    expected = ["p-0", "p-1", "p-2", "p-after"]

    def found() -> list[str]:
        return sorted(one["id"] for one in rows("stream") if one["id"].startswith("p-"))

    wait_until(lambda: len(found()) >= 4, "all changes are in S3")
    assert found() == expected
    assert redrive(aws, sinks, "stream") == []
