"""Firehose buffers by size and time, writes one object a flush, converts to Parquet, and loses nothing."""

import base64
import gzip
import json
import re
import time
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from botocore.exceptions import ClientError
from eda_sandbox.embedded import Sandbox
from eda_sandbox.foundation.caller import Caller
from eda_sandbox.frontdoor.faults import Fault, FaultKind
from eda_sandbox.services.firehose import Firehose

from tests.faulted import of
from tests.integration.stream_parts import (
    create_bucket,
    create_role,
    create_table,
    objects_of,
    put_items,
    put_policy,
    until_active,
)
from tests.waiting import wait_until

PRINCIPAL = "firehose.amazonaws.com"
BUCKET, DATABASE, TABLE = "firehose-raw", "firehose_raw", "orders"
COLUMNS = [("order_id", "string"), ("version", "bigint"), ("payload", "string"), ("occurred_at", "timestamp")]
WRITE = {
    "Bucket": (["s3:GetBucketLocation"], f"arn:aws:s3:::{BUCKET}"),
    "Objects": (["s3:PutObject"], f"arn:aws:s3:::{BUCKET}/*"),
    "Schema": (["glue:GetTable", "glue:GetTableVersion", "glue:GetTableVersions"], "*"),
    "ErrorLog": (["logs:PutLogEvents"], "arn:aws:logs:*:*:log-group:firehose-errors:log-stream:s3"),
}
INTERVAL = 20
"""Seconds of AWS's time: one here."""


@pytest.fixture(scope="module", autouse=True)
def parts(aws: Sandbox) -> Iterator[None]:
    create_bucket(aws, BUCKET)
    glue = aws.client("glue")
    glue.create_database(DatabaseInput={"Name": DATABASE})
    columns = [{"Name": name, "Type": kind} for name, kind in COLUMNS]
    glue.create_table(DatabaseName=DATABASE, TableInput={"Name": TABLE, "StorageDescriptor": {"Columns": columns}})
    logs = aws.client("logs")
    logs.create_log_group(logGroupName="firehose-errors")
    logs.create_log_stream(logGroupName="firehose-errors", logStreamName="s3")
    yield
    firehose = aws.client("firehose")
    for name in firehose.list_delivery_streams(Limit=100)["DeliveryStreamNames"]:
        firehose.delete_delivery_stream(DeliveryStreamName=name)


@pytest.fixture
def create(aws: Sandbox, request: pytest.FixtureRequest) -> Callable[..., str]:
    """Makes a delivery stream whose objects lie under its name."""

    def make(name: str, parquet: bool = False, source: dict[str, Any] | None = None, **destination: Any) -> str:
        role = create_role(aws, f"role-{name}", PRINCIPAL, WRITE)
        size = 64 if parquet else 1
        configuration: dict[str, Any] = {
            "RoleARN": role,
            "BucketARN": f"arn:aws:s3:::{BUCKET}",
            "Prefix": f"{name}/dt=!{{timestamp:yyyy-MM-dd}}/hour=!{{timestamp:HH}}/",
            "ErrorOutputPrefix": f"errors/{name}/!{{firehose:error-output-type}}/dt=!{{timestamp:yyyy-MM-dd}}/",
            "BufferingHints": {"IntervalInSeconds": INTERVAL, "SizeInMBs": size},
            "CloudWatchLoggingOptions": {"Enabled": True, "LogGroupName": "firehose-errors", "LogStreamName": "s3"},
            **destination,
        }
        if parquet:
            configuration["DataFormatConversionConfiguration"] = conversion(role)
        kind = {"DeliveryStreamType": "KinesisStreamAsSource", **source} if source else {}
        aws.client("firehose").create_delivery_stream(
            DeliveryStreamName=name, ExtendedS3DestinationConfiguration=configuration, **kind
        )
        until_active(aws, name)
        return name

    return make


def conversion(role: str) -> dict[str, Any]:
    return {
        "Enabled": True,
        "SchemaConfiguration": {"RoleARN": role, "DatabaseName": DATABASE, "TableName": TABLE},
        "InputFormatConfiguration": {"Deserializer": {"OpenXJsonSerDe": {}}},
        "OutputFormatConfiguration": {"Serializer": {"ParquetSerDe": {}}},
    }


def lines(number: int) -> list[dict[str, bytes]]:
    return [{"Data": json.dumps({"order_id": f"o-{index}"}).encode() + b"\n"} for index in range(number)]


def delivered(aws: Sandbox, name: str, count: int = 1) -> dict[str, bytes]:
    def found() -> dict[str, bytes] | None:
        objects = objects_of(aws, BUCKET, f"{name}/")
        return objects if len(objects) >= count else None

    return wait_until(found, f"{count} objects of {name}")


def emptied(aws: Sandbox, name: str) -> None:
    service = aws.cloud.service("firehose")
    assert isinstance(service, Firehose)
    wait_until(lambda: service.backlog(name).records == 0, f"{name} holds nothing")


def rows_of(tmp_path: Path, content: bytes) -> list[tuple[Any, ...]]:
    file = tmp_path / "object.parquet"
    file.write_bytes(content)
    return duckdb.sql(f"SELECT * FROM '{file}' ORDER BY order_id").fetchall()


def test_records_of_one_interval_make_one_object_named_as_firehose_names_it(
    aws: Sandbox, create: Callable[..., str]
) -> None:
    name, begin = create("interval"), datetime.now(UTC)
    for batch in (lines(500), lines(500)):
        assert aws.client("firehose").put_record_batch(DeliveryStreamName=name, Records=batch)["FailedPutCount"] == 0
    service = aws.cloud.service("firehose")
    assert isinstance(service, Firehose)
    assert service.backlog(name).records == 1000
    objects = delivered(aws, name)
    emptied(aws, name)
    assert objects == objects_of(aws, BUCKET, f"{name}/")
    [(key, content)] = objects.items()
    assert len(content.splitlines()) == 1000
    uuid = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    found = re.fullmatch(rf"{name}/dt=(\S{{10}})/hour=(\d\d)/{name}-1-(\d{{4}}(?:-\d\d){{5}})-{uuid}", key)
    assert found is not None, key
    moment = datetime.strptime(found[3], "%Y-%m-%d-%H-%M-%S").replace(tzinfo=UTC)
    assert abs((moment - begin).total_seconds()) < 10
    assert (found[1], found[2]) == (f"{moment:%Y-%m-%d}", f"{moment:%H}")


def test_a_full_buffer_is_flushed_at_once_and_time_is_scaled_while_size_is_not(
    aws: Sandbox, create: Callable[..., str]
) -> None:
    name = create("size", BufferingHints={"IntervalInSeconds": 900, "SizeInMBs": 1})
    record = {"Data": b"x" * (256 * 1024)}
    firehose, begin = aws.client("firehose"), time.monotonic()
    for _ in range(5):
        firehose.put_record(DeliveryStreamName=name, Record=record)
    objects = delivered(aws, name)
    # 900 s would be 45 s here.
    assert time.monotonic() - begin < 45
    assert [len(content) for content in objects.values()] == [1024 * 1024]
    service = aws.cloud.service("firehose")
    assert isinstance(service, Firehose)
    assert (service.backlog(name).records, service.backlog(name).bytes) == (1, 256 * 1024)


def test_gzip_and_delimiters(aws: Sandbox, create: Callable[..., str]) -> None:
    name = create(
        "gzipped",
        CompressionFormat="GZIP",
        ProcessingConfiguration={
            "Enabled": True,
            "Processors": [
                {
                    "Type": "AppendDelimiterToRecord",
                    "Parameters": [{"ParameterName": "Delimiter", "ParameterValue": "\\n"}],
                }
            ],
        },
    )
    records = [{"Data": b'{"a":1}'}, {"Data": b'{"a":2}'}]
    aws.client("firehose").put_record_batch(DeliveryStreamName=name, Records=records)
    [(key, content)] = delivered(aws, name).items()
    assert key.endswith(".gz")
    assert gzip.decompress(content) == b'{"a":1}\n{"a":2}\n'


def test_parquet_has_the_tables_columns_and_what_does_not_fit_lies_under_the_error_prefix(
    aws: Sandbox, create: Callable[..., str], tmp_path: Path
) -> None:
    name = create("parquet", parquet=True)
    good = [
        {"ORDER_ID": "a", "version": "7", "payload": {"n": [1]}, "occurred_at": "2026-01-02T03:04:05.123456Z"},
        {"order_id": "b", "unknown": True, "occurred_at": 1767323045},
    ]
    bad = [b"no json", b'{"order_id":"c","version":"seven"}', b"[1]", b""]
    data = [json.dumps(good[0]).encode(), *bad, json.dumps(good[1]).encode()]
    aws.client("firehose").put_record_batch(DeliveryStreamName=name, Records=[{"Data": content} for content in data])
    [(key, content)] = delivered(aws, name).items()
    assert key.endswith(".parquet")
    rows = rows_of(tmp_path, content)
    assert rows == [
        ("a", 7, '{"n":[1]}', datetime(2026, 1, 2, 3, 4, 5, 123456)),
        ("b", None, None, datetime(2026, 1, 2, 3, 4, 5)),
    ]
    file = tmp_path / "object.parquet"
    assert duckdb.sql(f"SELECT DISTINCT compression FROM parquet_metadata('{file}')").fetchall() == [("SNAPPY",)]
    emptied(aws, name)
    [(error_key, errors)] = objects_of(aws, BUCKET, f"errors/{name}/").items()
    assert error_key.startswith(f"errors/{name}/format-conversion-failed/dt=")
    found = [json.loads(line) for line in errors.splitlines()]
    assert [base64.b64decode(line["rawData"]) for line in found] == bad
    assert [line["lastErrorCode"] for line in found] == [
        f"DataFormatConversion.{code}" for code in ("ParseError", "MalformedData", "MalformedData", "MalformedData")
    ]
    assert found[0]["dataCatalogTable"]["tableName"] == TABLE
    logs = aws.client("logs").get_log_events(logGroupName="firehose-errors", logStreamName="s3")["events"]
    assert any(name in event["message"] and "MalformedData" in event["message"] for event in logs)


@pytest.mark.parametrize("missing", ["Bucket", "Objects", "Schema"])
def test_each_statement_of_the_role_is_needed_and_what_waits_is_delivered_when_it_is_back(
    aws: Sandbox, create: Callable[..., str], tmp_path: Path, missing: str
) -> None:
    name = create(f"without-{missing.lower()}", parquet=True)
    put_policy(aws, f"role-{name}", {sid: statement for sid, statement in WRITE.items() if sid != missing})
    aws.client("firehose").put_record_batch(DeliveryStreamName=name, Records=lines(3))
    service = aws.cloud.service("firehose")
    assert isinstance(service, Firehose)
    wait_until(lambda: service.backlog(name).flushed == 3, "the buffer is flushed")
    wait_until(lambda: _logged(aws, name, "AccessDenied"), "the refusal is in the error log")
    assert objects_of(aws, BUCKET, f"{name}/") == {}
    put_policy(aws, f"role-{name}", WRITE)
    [content] = delivered(aws, name).values()
    assert len(rows_of(tmp_path, content)) == 3


def _logged(aws: Sandbox, name: str, what: str) -> bool:
    events = aws.client("logs").get_log_events(logGroupName="firehose-errors", logStreamName="s3")["events"]
    return any(f"deliverystream/{name}" in event["message"] and what in event["message"] for event in events)


def test_a_write_whose_answer_is_lost_leaves_one_object(aws: Sandbox, create: Callable[..., str]) -> None:
    name = create("lost-answer")
    aws.faults.add(Fault(FaultKind.LOST_ANSWER, "s3", "PutObject", times=2, matching=of(name)))
    aws.faults.add(Fault(FaultKind.ERROR, "s3", "PutObject", code="SlowDown", status=503, times=1, matching=of(name)))
    aws.client("firehose").put_record_batch(DeliveryStreamName=name, Records=lines(10))
    emptied(aws, name)
    assert len(aws.faults.injected) == 3
    [content] = objects_of(aws, BUCKET, f"{name}/").values()
    assert len(content.splitlines()) == 10


def test_a_kinesis_stream_is_delivered_with_what_a_table_writes_to_it(aws: Sandbox, create: Callable[..., str]) -> None:
    kinesis = aws.client("kinesis")
    kinesis.create_stream(StreamName="changes", ShardCount=2)
    arn = kinesis.describe_stream_summary(StreamName="changes")["StreamDescriptionSummary"]["StreamARN"]
    read = ["kinesis:DescribeStream", "kinesis:GetShardIterator", "kinesis:GetRecords", "kinesis:ListShards"]
    role = create_role(aws, "role-read-changes", PRINCIPAL, {"Read": (read, arn)})
    name = create("of-kinesis", source={"KinesisStreamSourceConfiguration": {"KinesisStreamARN": arn, "RoleARN": role}})
    create_table(aws, "kinesis-orders")
    aws.client("dynamodb").enable_kinesis_streaming_destination(TableName="kinesis-orders", StreamArn=arn)
    put_items(aws, "kinesis-orders", [f"{number}" for number in range(50)])
    seen: set[str] = set()

    def all_there() -> bool:
        for content in objects_of(aws, BUCKET, f"{name}/").values():
            for text in content.decode().replace("}{", "}\n{").splitlines():
                seen.add(json.loads(text)["dynamodb"]["Keys"]["id"]["S"])
        return len(seen) == 50

    wait_until(all_there, "all changes are in the bucket")
    with pytest.raises(ClientError, match="not permitted on KinesisStreamAsSource"):
        aws.client("firehose").put_record(DeliveryStreamName=name, Record={"Data": b"x"})


def test_a_changed_destination_is_a_new_version_in_the_objects_names(aws: Sandbox, create: Callable[..., str]) -> None:
    name, firehose = create("versions"), aws.client("firehose")
    found = firehose.describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"]
    change = {
        "DeliveryStreamName": name,
        "CurrentDeliveryStreamVersionId": found["VersionId"],
        "DestinationId": found["Destinations"][0]["DestinationId"],
        "ExtendedS3DestinationUpdate": {"BufferingHints": {"IntervalInSeconds": 0, "SizeInMBs": 2}},
    }
    firehose.update_destination(**change)
    firehose.put_record(DeliveryStreamName=name, Record={"Data": b"x"})
    [key] = delivered(aws, name)
    assert f"/{name}-2-" in key
    with pytest.raises(ClientError, match="ConcurrentModificationException"):
        firehose.update_destination(**change)


def test_tags_encryption_and_listing(aws: Sandbox, create: Callable[..., str]) -> None:
    name, firehose = create("managed"), aws.client("firehose")
    firehose.tag_delivery_stream(DeliveryStreamName=name, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b"}])
    firehose.untag_delivery_stream(DeliveryStreamName=name, TagKeys=["b"])
    assert firehose.list_tags_for_delivery_stream(DeliveryStreamName=name)["Tags"] == [{"Key": "a", "Value": "1"}]
    firehose.start_delivery_stream_encryption(
        DeliveryStreamName=name, DeliveryStreamEncryptionConfigurationInput={"KeyType": "AWS_OWNED_CMK"}
    )
    assert firehose.put_record(DeliveryStreamName=name, Record={"Data": b"x"})["Encrypted"] is True
    firehose.stop_delivery_stream_encryption(DeliveryStreamName=name)
    assert firehose.put_record(DeliveryStreamName=name, Record={"Data": b"x"})["Encrypted"] is False
    assert name in firehose.list_delivery_streams(Limit=100)["DeliveryStreamNames"]
    firehose.delete_delivery_stream(DeliveryStreamName=name)
    wait_until(
        lambda: name not in firehose.list_delivery_streams(Limit=100)["DeliveryStreamNames"], "the stream is gone"
    )
    assert len(objects_of(aws, BUCKET, f"{name}/")) == 1


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        (
            {"BufferingHints": {"IntervalInSeconds": 901, "SizeInMBs": 1}},
            "ValidationException",
            "less than or equal to 900",
        ),
        (
            {"BufferingHints": {"IntervalInSeconds": 60, "SizeInMBs": 129}},
            "ValidationException",
            "less than or equal to 128",
        ),
        ({"BufferingHints": {"SizeInMBs": 5}}, "InvalidArgumentException", "the other must be too"),
        ({"Prefix": "a/!{timestamp:yyyy}/", "ErrorOutputPrefix": ""}, "InvalidArgumentException", "ErrorOutputPrefix"),
        ({"Prefix": "a/!{oops", "ErrorOutputPrefix": "e/"}, "InvalidArgumentException", "Prefix has !{ outside"),
        ({"Prefix": "!{timestamp:G}/"}, "InvalidArgumentException", "letter G"),
        ({"Prefix": "!{firehose:error-output-type}/"}, "InvalidArgumentException", "error-output-type"),
        ({"Prefix": "!{partitionKeyFromQuery:a}/"}, "InvalidArgumentException", "dynamic partitioning"),
        ({"ErrorOutputPrefix": "!{timestamp:yyyy}/"}, "InvalidArgumentException", "must contain"),
        ({"CompressionFormat": "ZIP"}, "InvalidArgumentException", "ZIP is not offered"),
        ({"S3BackupMode": "Enabled"}, "InvalidArgumentException", "S3BackupMode"),
        ({"CustomTimeZone": "Mars/Base"}, "InvalidArgumentException", "no time zone"),
        ({"RoleARN": "arn:aws:iam::000000000000:role/nobody"}, "InvalidArgumentException", "unable to assume role"),
        (
            {"DataFormatConversionConfiguration": conversion("arn:aws:iam::000000000000:role/nobody")},
            "InvalidArgumentException",
            "BufferingHints.SizeInMBs must be at least 64 when data format conversion is enabled.",
        ),
        (
            {
                "DataFormatConversionConfiguration": conversion("arn:aws:iam::000000000000:role/nobody"),
                "BufferingHints": {"IntervalInSeconds": 60, "SizeInMBs": 64},
                "CompressionFormat": "GZIP",
            },
            "InvalidArgumentException",
            "CompressionFormat must be UNCOMPRESSED",
        ),
        (
            {"ProcessingConfiguration": {"Enabled": True, "Processors": [{"Type": "Lambda"}]}},
            "InvalidArgumentException",
            "Processor Lambda is not offered",
        ),
    ],
)
def test_a_bad_configuration_is_refused(
    aws: Sandbox, create: Callable[..., str], change: dict[str, Any], code: str, message: str
) -> None:
    with pytest.raises(ClientError) as caught:
        create(f"bad-{zlib.crc32(str(change).encode())}", **change)
    assert caught.value.response["Error"]["Code"] == code
    assert message in caught.value.response["Error"]["Message"]


def test_puts_have_limits(aws: Sandbox, create: Callable[..., str]) -> None:
    name, firehose = create("limits"), aws.client("firehose")

    def code_of(call: Any, **request: Any) -> str:
        with pytest.raises(ClientError) as caught:
            call(DeliveryStreamName=name, **request)
        return str(caught.value.response["Error"]["Code"])

    too_big = {"Data": b"x" * 1_024_001}
    assert code_of(firehose.put_record, Record=too_big) == "ValidationException"
    assert code_of(firehose.put_record_batch, Records=[{"Data": b"x"}, too_big]) == "ValidationException"
    assert code_of(firehose.put_record_batch, Records=[{"Data": b"x"}] * 501) == "ValidationException"
    assert code_of(firehose.put_record_batch, Records=[{"Data": b"x" * 10**6}] * 5) == "InvalidArgumentException"
    firehose.put_record(DeliveryStreamName=name, Record={"Data": b"x" * 1_024_000})
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        firehose.put_record(DeliveryStreamName="nobody", Record={"Data": b"x"})
    destination = {
        "RoleARN": f"arn:aws:iam::{aws.cloud.account}:role/role-limits",
        "BucketARN": f"arn:aws:s3:::{BUCKET}",
    }
    again = {"ExtendedS3DestinationConfiguration": destination}
    assert code_of(firehose.create_delivery_stream, **again) == "ResourceInUseException"


def test_a_stop_delivers_what_is_buffered(aws: Sandbox) -> None:
    role = create_role(aws, "role-stopped", PRINCIPAL, WRITE)
    destination = {"RoleARN": role, "BucketARN": f"arn:aws:s3:::{BUCKET}", "Prefix": "stopped/"}
    service, caller = Firehose(aws.cloud), Caller("", "", aws.cloud.account)
    service.create_delivery_stream(
        {"DeliveryStreamName": "stopped", "ExtendedS3DestinationConfiguration": destination}, caller
    )
    described = {"DeliveryStreamName": "stopped"}
    wait_until(
        lambda: (
            service.describe_delivery_stream(described, caller)["DeliveryStreamDescription"]["DeliveryStreamStatus"]
            == "ACTIVE"
        ),
        "the stream is active",
    )
    aws.faults.add(
        Fault(FaultKind.ERROR, "s3", "PutObject", code="InternalError", status=500, times=2, matching=of("stopped"))
    )
    service.put_record_batch({**described, "Records": lines(7)}, caller)
    assert objects_of(aws, BUCKET, "stopped/") == {}
    service.stop()
    [(key, content)] = objects_of(aws, BUCKET, "stopped/").items()
    # Without a timestamp of its own the prefix is followed by Firehose's.
    assert re.match(r"stopped/\d{4}/\d\d/\d\d/\d\d/stopped-1-", key)
    assert len(content.splitlines()) == 7
