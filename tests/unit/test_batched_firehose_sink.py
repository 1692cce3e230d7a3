"""BatchedFirehoseSink: its exact children for each source, what flows, the defaults, every switch and error."""

import json
from typing import Any

import pulumi
import pytest
from pulumi_aws_eda import ArgumentError, BatchedFirehoseSink, FileFormat
from pulumi_aws_eda.testing import Recorded, Recording, record

STREAM = "arn:aws:dynamodb:eu-central-1:123456789012:table/orders/stream/2026-01-01T00:00:00.000"
KEY = "arn:aws:kms:eu-central-1:123456789012:key/k"
KINESIS = "arn:aws:kinesis:eu-central-1:123456789012:stream/project-test-s-changes"
DELIVERY = "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream"
PIPE = "aws:pipes/pipe:Pipe"
GLUE_TABLE = "aws:glue/catalogTable:CatalogTable"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
TABLE_STREAM = {"stream_arn": STREAM, "key": "order_id", "attributes": ["status", "version", "payload"]}
DIRECT = {"columns": {"id": "string", "amount": "decimal(10, 2)"}}
COMMON = {
    ("aws:cloudwatch/eventRule:EventRule", "s-errors"),
    ("aws:cloudwatch/eventTarget:EventTarget", "s-errors"),
    ("aws:cloudwatch/logGroup:LogGroup", "s-log"),
    ("aws:cloudwatch/logStream:LogStream", "s-log"),
    (ALARM, "s-deliverytos3-datafreshness"),
    (ALARM, "s-deliverytos3-success"),
    (ALARM, "s-dlq-messages"),
    (ALARM, "s-errors-failed-invocations"),
    (ALARM, "s-failedconversion-records"),
    ("aws:glue/catalogDatabase:CatalogDatabase", "s-database"),
    (GLUE_TABLE, "s-table"),
    ("aws:iam/role:Role", "s-role"),
    ("aws:iam/rolePolicy:RolePolicy", "s-role"),
    (DELIVERY, "s-stream"),
    ("aws:sqs/queue:Queue", "s-dlq"),
    ("aws:sqs/queuePolicy:QueuePolicy", "s-dlq"),
}
BUCKET = {
    (f"aws:s3/{kind[0].lower()}{kind[1:]}:{kind}", "s-bucket")
    for kind in (
        "Bucket",
        "BucketLifecycleConfiguration",
        "BucketNotification",
        "BucketOwnershipControls",
        "BucketPolicy",
        "BucketPublicAccessBlock",
        "BucketServerSideEncryptionConfiguration",
        "BucketVersioning",
    )
}
THROTTLED = {(ALARM, "s-throttledrecords")}
OF_THE_PIPE = {
    (PIPE, "s-pipe"),
    ("aws:iam/role:Role", "s-pipe-role"),
    ("aws:iam/rolePolicy:RolePolicy", "s-pipe-role"),
    ("aws:cloudwatch/logGroup:LogGroup", "s-pipe-log"),
    (ALARM, "s-pipe-executionfailed"),
    (ALARM, "s-pipe-executionpartiallyfailed"),
    (ALARM, "s-pipe-executionthrottled"),
    (ALARM, "s-pipe-executiontimeout"),
}
OF_KINESIS = {
    ("aws:kinesis/stream:Stream", "s-changes"),
    ("aws:dynamodb/kinesisStreamingDestination:KinesisStreamingDestination", "s-destination"),
    (ALARM, "s-kinesismillisbehindlatest"),
}


def make(**args: Any) -> Recording:
    if not {"table_stream_source", "kinesis_source", "direct_put"} & set(args):
        args["table_stream_source"] = TABLE_STREAM
    return record(lambda: BatchedFirehoseSink("s", args))


def stream(**more: Any) -> Recording:
    return make(table_stream_source={**TABLE_STREAM, **more})


def pipe(made: Recording) -> dict[str, Any]:
    return dict(made.one(PIPE).inputs)


def template(made: Recording) -> str:
    return str(pipe(made)["targetParameters"]["inputTemplate"])


def patterns(made: Recording) -> list[dict[str, Any]]:
    filters = pipe(made)["sourceParameters"]["filterCriteria"]["filters"]
    return [json.loads(found["pattern"]) for found in filters]


def destination(made: Recording) -> dict[str, Any]:
    return dict(made.one(DELIVERY).inputs["extendedS3Configuration"])


def columns(made: Recording) -> dict[str, str]:
    return {c["name"]: c["type"] for c in made.one(GLUE_TABLE).inputs["storageDescriptor"]["columns"]}


def alarm(made: Recording, name: str) -> Recorded:
    return made.one(ALARM, f"s-{name}")


@pytest.mark.parametrize(
    ("source", "children"),
    [
        ({"table_stream_source": TABLE_STREAM}, COMMON | BUCKET | THROTTLED | OF_THE_PIPE),
        ({"kinesis_source": {"table_name": "orders"}}, COMMON | BUCKET | OF_KINESIS),
        ({"direct_put": DIRECT}, COMMON | BUCKET | THROTTLED),
        ({"direct_put": DIRECT, "bucket_name": "b"}, COMMON | THROTTLED),
        (
            {"direct_put": DIRECT, "database_name": "d", "format": "JSON_LINES"},
            (COMMON | BUCKET | THROTTLED)
            - {(ALARM, "s-failedconversion-records"), ("aws:glue/catalogDatabase:CatalogDatabase", "s-database")},
        ),
    ],
)
def test_each_source_makes_exactly_its_children(source: dict[str, Any], children: set[tuple[str, str]]) -> None:
    assert make(**source).names() == children


def test_files_are_written_every_300_seconds_or_128_mib_as_parquet() -> None:
    made = destination(make())
    assert (made["bufferingInterval"], made["bufferingSize"]) == (300, 128)
    assert made["compressionFormat"] == "UNCOMPRESSED"
    assert "processingConfiguration" not in made
    conversion = made["dataFormatConversionConfiguration"]
    assert conversion["enabled"] is True
    assert conversion["outputFormatConfiguration"] == {"serializer": {"parquetSerDe": {"compression": "SNAPPY"}}}
    assert conversion["inputFormatConfiguration"] == {"deserializer": {"openXJsonSerDe": {"caseInsensitive": True}}}
    schema = conversion["schemaConfiguration"]
    assert (schema["databaseName"], schema["tableName"]) == ("project_test_s", "project_test_s")


def test_json_lines_are_compressed_and_divided() -> None:
    made = make(format=FileFormat.JSON_LINES, buffering_size=1, buffering_interval=0)
    found = destination(made)
    assert (found["bufferingInterval"], found["bufferingSize"], found["compressionFormat"]) == (0, 1, "GZIP")
    assert "dataFormatConversionConfiguration" not in found
    # The API takes the two characters, a line break itself it refuses.
    delimiter = {"parameterName": "Delimiter", "parameterValue": "\\n"}
    processors = [{"type": "AppendDelimiterToRecord", "parameters": [delimiter]}]
    assert found["processingConfiguration"] == {"enabled": True, "processors": processors}
    table = made.one(GLUE_TABLE).inputs
    assert table["parameters"]["classification"] == "json"
    assert table["storageDescriptor"]["serDeInfo"] == {"serializationLibrary": "org.openx.data.jsonserde.JsonSerDe"}
    assert "ReadSchema" not in made.statements("s-role")


def test_the_prefixes_are_hives_and_the_glue_table_computes_the_same_partitions() -> None:
    made = make()
    found = destination(made)
    assert found["prefix"] == "raw/orders/dt=!{timestamp:yyyy-MM-dd}/hour=!{timestamp:HH}/"
    assert found["errorOutputPrefix"] == "errors/!{firehose:error-output-type}/dt=!{timestamp:yyyy-MM-dd}/"
    table = made.one(GLUE_TABLE).inputs
    assert table["tableType"] == "EXTERNAL_TABLE"
    assert table["partitionKeys"] == [{"name": "dt", "type": "string"}, {"name": "hour", "type": "string"}]
    assert table["parameters"] == {
        "EXTERNAL": "TRUE",
        "classification": "parquet",
        "projection.enabled": "true",
        "projection.dt.type": "date",
        "projection.dt.format": "yyyy-MM-dd",
        "projection.dt.range": "2024-01-01,NOW",
        "projection.hour.type": "integer",
        "projection.hour.range": "0,23",
        "projection.hour.digits": "2",
        "storage.location.template": "s3://s-bucket-id/raw/orders/dt=${dt}/hour=${hour}/",
    }
    assert table["storageDescriptor"]["location"] == "s3://s-bucket-id/raw/orders/"
    assert "ParquetHiveSerDe" in table["storageDescriptor"]["serDeInfo"]["serializationLibrary"]


@pytest.mark.parametrize(
    ("args", "prefix"),
    [
        ({"kinesis_source": {"table_name": "orders"}}, "raw/orders/"),
        ({"direct_put": DIRECT}, "raw/s/"),
        ({"direct_put": DIRECT, "prefix": "events/"}, "events/"),
    ],
)
def test_the_prefix_is_the_tables_the_sinks_or_the_one_given(args: dict[str, Any], prefix: str) -> None:
    made = make(**args)
    assert destination(made)["prefix"].startswith(f"{prefix}dt=")
    assert made.one(GLUE_TABLE).inputs["storageDescriptor"]["location"] == f"s3://s-bucket-id/{prefix}"


def test_a_change_becomes_one_flat_row_of_strings() -> None:
    made = make()
    assert template(made) == (
        '{"event_name": <$.eventName>, "stream_event_id": <$.eventID>, '
        '"changed_at": "<$.dynamodb.ApproximateCreationDateTime>", "order_id": <$.dynamodb.Keys.order_id.S>, '
        '"status": <$.dynamodb.NewImage.status.S>, "version": <$.dynamodb.NewImage.version.N>, '
        '"payload": <$.dynamodb.NewImage.payload.S>, "old_version": <$.dynamodb.OldImage.version.N>}'
    )
    names = ["event_name", "stream_event_id", "changed_at", "order_id", "status", "version", "payload", "old_version"]
    assert list(columns(made)) == names
    assert set(columns(made).values()) == {"string"}


def test_keys_numbers_and_the_version_go_by_their_names() -> None:
    made = stream(
        sort_key="line", attributes=["order_id", "Total"], number_attributes=["line", "Total"], version_attribute="rev"
    )
    text = template(made)
    assert '"line": <$.dynamodb.Keys.line.N>' in text
    assert '"Total": <$.dynamodb.NewImage.Total.N>' in text
    assert '"rev": <$.dynamodb.NewImage.rev.N>' in text
    assert '"old_version": <$.dynamodb.OldImage.rev.N>' in text
    assert list(columns(made))[3:] == ["order_id", "line", "total", "rev", "old_version"]


def test_rows_with_a_version_and_their_deletion_flow_and_nothing_else() -> None:
    row = {"version": {"N": [{"exists": True}]}}
    assert patterns(make()) == [
        {"eventName": ["INSERT", "MODIFY"], "dynamodb": {"NewImage": row}},
        {
            "eventName": ["REMOVE"],
            "userIdentity": {"principalId": [{"exists": False}]},
            "dynamodb": {"OldImage": row},
        },
    ]


def test_a_filter_narrows_changes_by_the_new_row_and_deletions_by_the_old() -> None:
    written, removed = patterns(stream(filter={"status": ["COMPLETED", {"prefix": "F"}]}))
    row = {"version": {"N": [{"exists": True}]}, "status": {"S": ["COMPLETED", {"prefix": "F"}]}}
    assert written["dynamodb"] == {"NewImage": row}
    assert removed["dynamodb"] == {"OldImage": row}


def test_the_pipe_gives_up_a_change_after_finite_retries_and_well_inside_the_streams_day() -> None:
    found = pipe(make())
    assert found["source"] == STREAM
    assert found["sourceParameters"]["dynamodbStreamParameters"] == {
        "startingPosition": "TRIM_HORIZON",
        "batchSize": 500,
        "maximumBatchingWindowInSeconds": 5,
        "maximumRetryAttempts": 10,
        "maximumRecordAgeInSeconds": 21600,
        "parallelizationFactor": 1,
        "onPartialBatchItemFailure": "AUTOMATIC_BISECT",
        "deadLetterConfig": {"arn": "arn:aws:sqs:eu-central-1:123456789012:queue/project-test-s-dlq"},
    }
    assert found["logConfiguration"]["level"] == "ERROR"
    assert "includeExecutionDatas" not in found["logConfiguration"]


def test_the_pipes_reading_can_be_set() -> None:
    given = {
        "starting_position": "LATEST",
        "batch_size": 10,
        "maximum_batching_window_in_seconds": 0,
        "maximum_retry_attempts": 0,
        "maximum_record_age_in_seconds": 60,
        "parallelization_factor": 10,
    }
    found = pipe(stream(**given))["sourceParameters"]["dynamodbStreamParameters"]
    assert (
        found.items()
        >= {
            "startingPosition": "LATEST",
            "batchSize": 10,
            "maximumBatchingWindowInSeconds": 0,
            "maximumRetryAttempts": 0,
            "maximumRecordAgeInSeconds": 60,
            "parallelizationFactor": 10,
        }.items()
    )


def test_the_roles_hold_what_is_wired_and_no_more() -> None:
    made = make()
    firehose, pipes = made.statements("s-role"), made.statements("s-pipe-role")
    assert set(firehose) == {"Deliver", "LogErrors", "ReadSchema"}
    bucket = "arn:aws:s3:eu-central-1:123456789012:bucket/s-bucket"
    assert firehose["Deliver"]["Resource"] == [bucket, f"{bucket}/raw/orders/*", f"{bucket}/errors/*"]
    assert "s3:DeleteObject" not in firehose["Deliver"]["Action"]
    assert firehose["LogErrors"]["Action"] == ["logs:PutLogEvents"]
    assert firehose["ReadSchema"]["Resource"][0] == "arn:aws:glue:eu-central-1:123456789012:catalog"
    assert len(firehose["ReadSchema"]["Resource"]) == 3
    assert {sid: statement["Action"] for sid, statement in pipes.items()} == {
        "ReadStream": ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"],
        "ListStreams": ["dynamodb:ListStreams"],
        "PutRecords": ["firehose:PutRecordBatch"],
        "DeadLetter": ["sqs:SendMessage"],
    }
    assert pipes["ReadStream"]["Resource"] == [STREAM]
    assert not [statement for statement in (*firehose.values(), *pipes.values()) if "Condition" in statement]


def test_a_customer_key_encrypts_everything_and_the_roles_may_use_it_for_that_alone() -> None:
    made = make(kms_key_arn=KEY, table_stream_source={**TABLE_STREAM, "kms_key_arn": f"{KEY}2"})
    rule = made.one("aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration").inputs[
        "rules"
    ][0]
    assert rule["applyServerSideEncryptionByDefault"] == {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": KEY}
    assert rule["bucketKeyEnabled"] is True
    encryption = made.one(DELIVERY).inputs["serverSideEncryption"]
    assert encryption == {"enabled": True, "keyType": "CUSTOMER_MANAGED_CMK", "keyArn": KEY}
    assert made.one("aws:sqs/queue:Queue").inputs["kmsMasterKeyId"] == KEY
    assert {group.inputs["kmsKeyId"] for group in made.of("aws:cloudwatch/logGroup:LogGroup").values()} == {KEY}
    firehose, pipes = made.statements("s-role"), made.statements("s-pipe-role")
    for sid in ("DecryptWithKey", "EncryptWithKey"):
        assert firehose[sid]["Resource"] == [KEY]
        assert firehose[sid]["Condition"] == {"StringLike": {"kms:ViaService": ["s3.eu-central-1.*"]}}
    assert pipes["DecryptWithKey"]["Resource"] == [f"{KEY}2", KEY]
    assert pipes["EncryptWithKey"]["Resource"] == [KEY]
    assert pipes["EncryptWithKey"]["Condition"] == {"StringLike": {"kms:ViaService": ["sqs.eu-central-1.*"]}}


def test_without_a_customer_key_everything_is_encrypted_by_the_services() -> None:
    made = make()
    rule = made.one("aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration").inputs[
        "rules"
    ][0]
    assert rule["applyServerSideEncryptionByDefault"] == {"sseAlgorithm": "AES256"}
    assert made.one(DELIVERY).inputs["serverSideEncryption"] == {"enabled": True, "keyType": "AWS_OWNED_CMK"}


def test_the_bucket_is_private_versioned_and_tells_eventbridge() -> None:
    made = make()
    bucket = made.one("aws:s3/bucket:Bucket").inputs
    assert (bucket["bucketPrefix"], bucket["forceDestroy"]) == ("project-test-s-bucket-", False)
    versioning = made.one("aws:s3/bucketVersioning:BucketVersioning").inputs
    assert versioning["versioningConfiguration"] == {"status": "Enabled"}
    blocked = made.one("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock").inputs
    switches = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    assert all(blocked[switch] is True for switch in switches)
    owner = made.one("aws:s3/bucketOwnershipControls:BucketOwnershipControls").inputs
    assert owner["rule"] == {"objectOwnership": "BucketOwnerEnforced"}
    assert made.one("aws:s3/bucketNotification:BucketNotification").inputs["eventbridge"] is True
    (statement,) = made.one("aws:s3/bucketPolicy:BucketPolicy").json("policy")["Statement"]
    assert (statement["Effect"], statement["Action"]) == ("Deny", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


@pytest.mark.parametrize(
    ("args", "expiration", "noncurrent"),
    [
        ({}, {"expiredObjectDeleteMarker": True}, 30),
        ({"expiration_days": 90, "noncurrent_version_expiration_days": 7}, {"days": 90}, 7),
    ],
)
def test_files_are_kept_unless_they_are_to_expire(args: dict[str, Any], expiration: Any, noncurrent: int) -> None:
    made = make(**args).one("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration")
    (rule,) = made.inputs["rules"]
    assert (rule["status"], rule["filter"]) == ("Enabled", {"prefix": ""})
    assert rule["expiration"] == expiration
    assert rule["noncurrentVersionExpiration"] == {"noncurrentDays": noncurrent}
    assert rule["abortIncompleteMultipartUpload"] == {"daysAfterInitiation": 7}


def test_a_bucket_and_a_database_that_exist_are_used() -> None:
    made = make(bucket_name="b", bucket_kms_key_arn=KEY, database_name="d", table_name="t", error_prefix="failed/")
    assert destination(made)["bucketArn"] == "arn:aws:s3:::b"
    table = made.one(GLUE_TABLE).inputs
    assert (table["databaseName"], table["name"]) == ("d", "t")
    firehose = made.statements("s-role")
    assert firehose["Deliver"]["Resource"] == [
        "arn:aws:s3:::b",
        "arn:aws:s3:::b/raw/orders/*",
        "arn:aws:s3:::b/failed/*",
    ]
    assert firehose["EncryptWithKey"]["Resource"] == firehose["DecryptWithKey"]["Resource"] == [KEY]
    assert firehose["ReadSchema"]["Resource"][1] == "arn:aws:glue:eu-central-1:123456789012:database/d"
    both = make(bucket_name="b", bucket_kms_key_arn=f"{KEY}2", kms_key_arn=KEY)
    assert both.statements("s-role")["EncryptWithKey"]["Resource"] == [f"{KEY}2"]


def test_an_object_under_the_error_prefix_ends_in_the_dead_letter_queue() -> None:
    made = make(error_prefix="failed/")
    rule = made.one("aws:cloudwatch/eventRule:EventRule")
    assert rule.json("eventPattern") == {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": ["s-bucket-id"]}, "object": {"key": [{"prefix": "failed/"}]}},
    }
    target = made.one("aws:cloudwatch/eventTarget:EventTarget").inputs
    queue = "arn:aws:sqs:eu-central-1:123456789012:queue/project-test-s-dlq"
    assert (target["rule"], target["arn"], target["deadLetterConfig"]) == (
        "project-test-s-errors",
        queue,
        {"arn": queue},
    )
    statements = made.one("aws:sqs/queuePolicy:QueuePolicy").json("policy")["Statement"]
    allowed = next(statement for statement in statements if statement["Effect"] == "Allow")
    assert allowed["Principal"] == {"Service": "events.amazonaws.com"}
    arn = "arn:aws:cloudwatch:eu-central-1:123456789012:eventrule/project-test-s-errors"
    assert allowed["Condition"] == {"ArnEquals": {"aws:SourceArn": arn}}


def test_alarms_stand_at_the_first_failure_and_at_three_buffer_intervals() -> None:
    made = make(alarm_actions=["arn:topic"])
    fresh = alarm(made, "deliverytos3-datafreshness").inputs
    assert (fresh["metricName"], fresh["threshold"], fresh["statistic"]) == (
        "DeliveryToS3.DataFreshness",
        900,
        "Maximum",
    )
    assert fresh["dimensions"] == {"DeliveryStreamName": "project-test-s"}
    success = alarm(made, "deliverytos3-success").inputs
    assert (success["comparisonOperator"], success["threshold"]) == ("LessThanThreshold", 1)
    rest = {
        "failedconversion-records": ("AWS/Firehose", "FailedConversion.Records"),
        "throttledrecords": ("AWS/Firehose", "ThrottledRecords"),
        "pipe-executionfailed": ("AWS/EventBridge/Pipes", "ExecutionFailed"),
        "pipe-executionpartiallyfailed": ("AWS/EventBridge/Pipes", "ExecutionPartiallyFailed"),
        "pipe-executionthrottled": ("AWS/EventBridge/Pipes", "ExecutionThrottled"),
        "pipe-executiontimeout": ("AWS/EventBridge/Pipes", "ExecutionTimeout"),
        "errors-failed-invocations": ("AWS/Events", "FailedInvocations"),
        "dlq-messages": ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
    }
    for name, (namespace, metric) in rest.items():
        found = alarm(made, name).inputs
        assert (found["namespace"], found["metricName"], found["threshold"]) == (namespace, metric, 1), name
        assert found["comparisonOperator"] == "GreaterThanOrEqualToThreshold"
    assert {tuple(found.inputs["alarmActions"]) for found in made.of(ALARM).values()} == {("arn:topic",)}
    assert alarm(make(buffering_interval=900), "deliverytos3-datafreshness").inputs["threshold"] == 2700
    unbuffered = make(direct_put=DIRECT, buffering_interval=0, format="JSON_LINES")
    assert alarm(unbuffered, "deliverytos3-datafreshness").inputs["threshold"] == 180


def test_a_kinesis_stream_of_its_own_is_encrypted_keeps_a_week_and_is_read_by_firehose() -> None:
    made = make(kinesis_source={"table_name": "orders"})
    changes = made.one("aws:kinesis/stream:Stream").inputs
    assert changes["streamModeDetails"] == {"streamMode": "ON_DEMAND"}
    assert (changes["retentionPeriod"], changes["encryptionType"], changes["kmsKeyId"]) == (
        168,
        "KMS",
        "alias/aws/kinesis",
    )
    delivery = made.one(DELIVERY).inputs
    assert delivery["kinesisSourceConfiguration"]["kinesisStreamArn"] == KINESIS
    # The Kinesis stream encrypts; Firehose refuses an encryption of its own beside it.
    assert "serverSideEncryption" not in delivery
    enabled = made.one("aws:dynamodb/kinesisStreamingDestination:KinesisStreamingDestination").inputs
    assert (enabled["tableName"], enabled["streamArn"]) == ("orders", KINESIS)
    assert columns(made) == dict.fromkeys(("eventid", "eventname", "tablename", "useridentity", "dynamodb"), "string")
    assert made.statements("s-role")["ReadStream"] == {
        "Sid": "ReadStream",
        "Effect": "Allow",
        "Action": ["kinesis:DescribeStream", "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards"],
        "Resource": [KINESIS],
    }
    lag = alarm(made, "kinesismillisbehindlatest").inputs
    assert (lag["metricName"], lag["threshold"]) == ("KinesisMillisBehindLatest", 900_000)


def test_a_customer_key_of_the_kinesis_stream_is_firehoses_to_decrypt() -> None:
    made = make(kinesis_source={"table_name": "orders", "retention_period": 24}, kms_key_arn=KEY)
    changes = made.one("aws:kinesis/stream:Stream").inputs
    assert (changes["retentionPeriod"], changes["kmsKeyId"]) == (24, KEY)
    condition = made.statements("s-role")["DecryptWithKey"]["Condition"]["StringLike"]
    assert condition == {"kms:ViaService": ["kinesis.eu-central-1.*", "s3.eu-central-1.*"]}


def outputs(**args: Any) -> dict[str, Any]:
    def program() -> None:
        sink = BatchedFirehoseSink("s", args)
        for name in BatchedFirehoseSink.__annotations__:
            pulumi.export(name, getattr(sink, name))

    return record(program).exports


def test_what_a_user_downstream_needs_is_an_output() -> None:
    found = outputs(table_stream_source=TABLE_STREAM)
    assert found["bucket_name"] == "s-bucket-id"
    assert (found["prefix"], found["error_prefix"]) == ("raw/orders/", "errors/")
    assert (found["database_name"], found["table_name"]) == ("project_test_s", "project_test_s")
    assert found["partition_keys"] == ["dt", "hour"]
    assert found["columns"]["status"] == "string"
    assert (found["delivery_stream_name"], found["pipe_name"]) == ("project-test-s", "project-test-s")
    assert found["log_group_name"] == "/aws/kinesisfirehose/project-test-s"
    assert found["dead_letter_queue_url"].endswith("/project-test-s-dlq")
    assert json.loads(found["producer_statement"]) == {
        "Effect": "Allow",
        "Action": ["firehose:PutRecord", "firehose:PutRecordBatch"],
        "Resource": [found["delivery_stream_arn"]],
    }
    assert {name for name, value in found.items() if value is None} == {"kinesis_stream_name", "kinesis_stream_arn"}
    of_kinesis = outputs(kinesis_source={"table_name": "orders"})
    assert {name for name, value in of_kinesis.items() if value is None} == {
        "pipe_name",
        "pipe_arn",
        "producer_statement",
    }


def test_tags_boundary_and_retention_reach_every_child() -> None:
    made = make(tags={"team": "orders"}, permissions_boundary="arn:boundary", log_retention_in_days=7)
    roles = made.of("aws:iam/role:Role").values()
    assert {role.inputs["permissionsBoundary"] for role in roles} == {"arn:boundary"}
    assert {group.inputs["retentionInDays"] for group in made.of("aws:cloudwatch/logGroup:LogGroup").values()} == {7}
    assert made.one(DELIVERY).inputs["tags"] == {"team": "orders"}


MANY = [f"attribute_{number}" for number in range(200)]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"table_stream_source": TABLE_STREAM, "direct_put": DIRECT}, "given are table_stream_source, direct_put"),
        ({"table_stream_source": None}, "given are none"),
        ({"bufering_interval": 60}, "'bufering_interval' is unknown; is 'buffering_interval' meant?"),
        ({"buffering_interval": 901}, "'buffering_interval' is 901; allowed are whole numbers from 0 to 900"),
        ({"buffering_size": 63}, "'buffering_size' is 63; allowed are whole numbers from 64 to 128"),
        ({"format": "JSON_LINES", "buffering_size": 129}, "allowed are whole numbers from 1 to 128"),
        ({"format": "PARKET"}, "'format' is 'PARKET'; allowed are PARQUET, JSON_LINES; is 'PARQUET' meant?"),
        ({"bucket_name": "b", "force_destroy": True}, "'force_destroy' is for the component's own bucket"),
        ({"bucket_name": "b", "expiration_days": 1}, "'expiration_days' is for the component's own bucket"),
        ({"bucket_kms_key_arn": KEY}, "'bucket_kms_key_arn' is for a bucket given by 'bucket_name'"),
        ({"prefix": "raw"}, "'prefix' is 'raw'; it ends with '/'"),
        ({"prefix": "!{timestamp:yyyy}/"}, "has no expressions"),
        ({"error_prefix": "/errors/"}, "'error_prefix' is '/errors/'"),
        ({"prefix": "errors/raw/"}, "none may lie in the other"),
        ({"error_prefix": "raw/errors/", "prefix": "raw/"}, "none may lie in the other"),
        ({"table_name": "Orders-1"}, "'table_name' is 'Orders-1'; allowed are lower case letters"),
        ({"kinesis_source": {"table_name": "t", "retention_period": 12}}, "'retention_period' is 12"),
        ({"kinesis_source": {}}, "'table_name' is missing"),
        ({"direct_put": {"columns": {}}}, "'columns' is empty"),
        ({"direct_put": {"columns": {"a": "text"}}}, "has 'a' of the type 'text', which Hive does not know"),
        ({"direct_put": {"columns": {"a": "int", "A": "int"}}}, "has 'A', which is there already"),
        (
            {"direct_put": {"columns": {"dt": "date"}}},
            "has 'dt', which is there already as a column or a partition key",
        ),
        ({"direct_put": {"columns": {"a b": "int"}}}, "has 'a b'; a column has letters, digits and underscores"),
    ],
)
def test_a_wrong_argument_is_named(args: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError) as raised:
        make(**args)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"attributes": MANY}, "makes a template of 11233 characters; a Pipe takes 8192"),
        ({"attributes": ["a", "a"]}, "'attributes' has 'a', which is there already"),
        ({"attributes": ["event_name"]}, "'attributes' has 'event_name', which is there already"),
        ({"attributes": ["old_version"]}, "'attributes' has 'old_version', which is there already"),
        ({"attributes": ["hour"]}, "'attributes' has 'hour', which is there already"),
        ({"attributes": ["a-b"]}, "'attributes' has 'a-b'; a template takes names of letters"),
        ({"key": "order.id"}, "'key' has 'order.id'"),
        ({"number_attributes": ["total"]}, "'number_attributes' has 'total', which is neither key nor attribute"),
        ({"filter": {"status": "COMPLETED"}}, "filter['status']"),
        ({"starting_position": "TRIM"}, "allowed are TRIM_HORIZON, LATEST"),
        ({"batch_size": 501}, "'batch_size' is 501; allowed are whole numbers from 1 to 500"),
        ({"maximum_retry_attempts": -1}, "'maximum_retry_attempts' is -1; allowed are whole numbers from 0 to 10000"),
        ({"maximum_record_age_in_seconds": 86400}, "allowed are whole numbers from 60 to 43200"),
        ({"maximum_record_age_in_seconds": -1}, "'maximum_record_age_in_seconds' is -1"),
        ({"attribute": ["a"]}, "'attribute' is unknown; is 'attributes' meant?"),
    ],
)
def test_a_wrong_argument_of_the_table_stream_is_named(args: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError) as raised:
        stream(**args)
    assert message in str(raised.value)
    assert "table_stream_source" in str(raised.value)


def test_a_deletion_carries_what_is_named_of_the_row_that_was() -> None:
    made = stream(old_attributes=["status"])
    text = pipe(made)["targetParameters"]["inputTemplate"]
    assert text.endswith(
        '"old_version": <$.dynamodb.OldImage.version.N>, "old_status": <$.dynamodb.OldImage.status.S>}'
    )
    assert list(columns(made))[-2:] == ["old_version", "old_status"]
    for wrong in ("version", "total"):
        with pytest.raises(ArgumentError, match=f"'old_attributes' has '{wrong}', which is none of attributes"):
            stream(old_attributes=[wrong])


def test_the_first_day_of_the_table_is_the_users() -> None:
    table = make(first_date="2019-07-01").one(GLUE_TABLE).inputs
    assert table["parameters"]["projection.dt.range"] == "2019-07-01,NOW"
