"""PerObjectQuery: its exact children, what it may do, what starts it, its view, every switch and error."""

import base64
import json
import zipfile
from typing import Any
from unittest.mock import patch

import pulumi
import pytest
from pulumi_aws_eda import ArgumentError, PerObjectQuery
from pulumi_aws_eda.testing import Recording, record

from tests.unit.component_cases import LEDGER, QUERY

KEY = "arn:aws:kms:eu-central-1:123456789012:key/k"
ARN = "arn:aws:{}:eu-central-1:123456789012:{}"
RULE = "aws:cloudwatch/eventRule:EventRule"
TARGET = "aws:cloudwatch/eventTarget:EventTarget"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
FUNCTION = "aws:lambda/function:Function"
GLUE_TABLE = "aws:glue/catalogTable:CatalogTable"
WORKGROUP = "aws:athena/workgroup:Workgroup"
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
VIEW = {(GLUE_TABLE, "q-view")}
LEDGER_TABLE = {("aws:dynamodb/table:Table", "q-ledger")}
CHILDREN = {
    (WORKGROUP, "q-workgroup"),
    (RULE, "q-completed"),
    (RULE, "q-created"),
    (TARGET, "q-completed"),
    (TARGET, "q-created"),
    ("aws:cloudwatch/logGroup:LogGroup", "q-function-log"),
    (ALARM, "q-completed-failed-invocations"),
    (ALARM, "q-created-failed-invocations"),
    (ALARM, "q-dlq-messages"),
    (ALARM, "q-function-errors"),
    (ALARM, "q-function-throttles"),
    (GLUE_TABLE, "q-table"),
    ("aws:iam/role:Role", "q-function-role"),
    ("aws:iam/rolePolicy:RolePolicy", "q-function-role"),
    (FUNCTION, "q-function-function"),
    ("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig", "q-function-events"),
    ("aws:lambda/layerVersion:LayerVersion", "eda-powertools"),
    ("aws:lambda/layerVersion:LayerVersion", "eda-runtime"),
    ("aws:lambda/permission:Permission", "q-completed"),
    ("aws:lambda/permission:Permission", "q-created"),
    ("aws:sqs/queue:Queue", "q-dlq"),
    ("aws:sqs/queuePolicy:QueuePolicy", "q-dlq"),
}


def bucket(suffix: str) -> set[tuple[str, str]]:
    kinds = (
        "Bucket",
        "BucketLifecycleConfiguration",
        "BucketOwnershipControls",
        "BucketPolicy",
        "BucketPublicAccessBlock",
        "BucketServerSideEncryptionConfiguration",
        "BucketVersioning",
    )
    return {(f"aws:s3/{kind[0].lower()}{kind[1:]}:{kind}", f"q-{suffix}") for kind in kinds}


def make(**args: Any) -> Recording:
    given: Any = {name: value for name, value in {**QUERY, **args}.items() if value is not None}
    return record(lambda: PerObjectQuery("q", given))


@pytest.mark.parametrize(
    ("args", "children"),
    [
        ({}, CHILDREN | VIEW | LEDGER_TABLE | bucket("curated") | bucket("result")),
        ({"view": None}, CHILDREN | LEDGER_TABLE | bucket("curated") | bucket("result")),
        (
            {"ledger_table_name": "l", "ledger_table_arn": LEDGER},
            CHILDREN | VIEW | bucket("curated") | bucket("result"),
        ),
        ({"curated_bucket_name": "c"}, CHILDREN | VIEW | LEDGER_TABLE | bucket("result")),
        ({"result_bucket_name": "r"}, CHILDREN | VIEW | LEDGER_TABLE | bucket("curated")),
    ],
)
def test_each_switch_makes_exactly_its_children(args: dict[str, Any], children: set[tuple[str, str]]) -> None:
    assert make(**args).names() == children


def test_objects_under_the_prefix_and_ends_of_the_workgroups_queries_call_the_function() -> None:
    made = make()
    assert made.one(RULE, "q-created").json("eventPattern") == {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": ["raw"]}, "object": {"key": [{"prefix": "raw/orders/"}]}},
    }
    assert made.one(RULE, "q-completed").json("eventPattern") == {
        "source": ["aws.athena"],
        "detail-type": ["Athena Query State Change"],
        "detail": {"workgroupName": ["project-test-q"], "currentState": ["SUCCEEDED", "FAILED", "CANCELLED"]},
    }
    queue = ARN.format("sqs", "queue/project-test-q-dlq")
    function = ARN.format("lambda", "function/project-test-q-function")
    for name in ("q-created", "q-completed"):
        target = made.one(TARGET, name).inputs
        assert (target["rule"], target["arn"]) == (f"project-test-{name}", function)
        assert target["deadLetterConfig"] == {"arn": queue}
        assert target["retryPolicy"] == {"maximumEventAgeInSeconds": 86400, "maximumRetryAttempts": 185}
        permission = made.one("aws:lambda/permission:Permission", name).inputs
        assert (permission["principal"], permission["function"]) == (
            "events.amazonaws.com",
            "project-test-q-function",
        )
        assert permission["sourceArn"] == ARN.format("cloudwatch", f"eventrule/project-test-{name}")


def test_one_queue_takes_what_rules_function_and_code_could_not_do() -> None:
    made = make()
    statements = made.one("aws:sqs/queuePolicy:QueuePolicy").json("policy")["Statement"]
    allowed = [s["Condition"]["ArnEquals"]["aws:SourceArn"] for s in statements if s["Effect"] == "Allow"]
    assert allowed == [
        ARN.format("cloudwatch", f"eventrule/project-test-q-{name}") for name in ("created", "completed")
    ]
    queue = ARN.format("sqs", "queue/project-test-q-dlq")
    events = made.one("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig").inputs
    assert events["destinationConfig"] == {"onFailure": {"destination": queue}}
    variables = made.one(FUNCTION).inputs["environment"]["variables"]
    assert variables["DEAD_LETTER_QUEUE_URL"].endswith("/project-test-q-dlq")
    assert made.one("aws:sqs/queue:Queue").inputs["messageRetentionSeconds"] == 14 * 24 * 3600


def test_the_function_gets_what_it_reads_from_its_environment() -> None:
    function = make().one(FUNCTION).inputs
    assert (function["memorySize"], function["timeout"]) == (256, 60)
    variables = function["environment"]["variables"]
    assert "EDA_IDEMPOTENCY" not in variables
    assert (
        variables.items()
        >= {
            "LEDGER_TABLE": "project-test-q-ledger",
            "WORKGROUP": "project-test-q",
            "DATABASE": "lake",
            "TABLE": "raw_orders",
            "OUTPUT_LOCATION": "s3://q-curated-id/curated/q/",
            "OUTPUT_PARTITIONS": "dt",
            "DATASET": "q",
            "MAX_ATTEMPTS": "3",
        }.items()
    )
    changed = make(dataset="orders", max_attempts=5, reserved_concurrent_executions=2).one(FUNCTION).inputs
    variables = changed["environment"]["variables"]
    assert (variables["DATASET"], variables["MAX_ATTEMPTS"]) == ("orders", "5")
    assert changed["reservedConcurrentExecutions"] == 2


def asked(made: Recording) -> dict[str, Any]:
    """What the function's archive says of the query."""
    with zipfile.ZipFile(made.one(FUNCTION).inputs["code"].path) as archive:
        found: dict[str, Any] = json.loads(archive.read("query.json"))
        return found


def test_the_query_and_its_columns_reach_the_function_together() -> None:
    assert asked(make()) == {"query": QUERY["query"], "columns": [list(column) for column in QUERY["columns"].items()]}
    code = [make(query=query).one(FUNCTION).inputs["code"].path for query in (QUERY["query"], "SELECT 1 FROM {rows}")]
    assert code[0] != code[1]
    assert make().one(FUNCTION).inputs["code"].path == code[0]


def test_orders_of_an_object_are_asked_for_where_a_column_names_them() -> None:
    column = next(iter(QUERY["columns"]))
    for argument, variable in (
        ("correlation_id_column", "CORRELATION_ID_COLUMN"),
        ("invalid_column", "INVALID_COLUMN"),
    ):
        for given, value in (({}, None), ({argument: column}, column)):
            assert make(**given).one(FUNCTION).inputs["environment"]["variables"].get(variable) == value
        with pytest.raises(ArgumentError, match=f"'{argument}' is 'nothing', which is none of columns"):
            make(**{argument: "nothing"})


def test_rows_with_invalid_values_raise_an_alarm_of_the_workgroup() -> None:
    assert (ALARM, "q-invalid-rows") not in make().names()
    alarm = make(invalid_column=next(iter(QUERY["columns"]))).one(ALARM, "q-invalid-rows").inputs
    assert (alarm["namespace"], alarm["metricName"], alarm["threshold"]) == ("EventDriven", "InvalidRows", 1)
    assert alarm["dimensions"] == {"WorkGroup": "project-test-q"}
    assert alarm["treatMissingData"] == "notBreaching"
    assert "invalid-rows.md" in alarm["alarmDescription"]


@pytest.mark.parametrize("first", ["2024-1-1", "yesterday", "2024-02-30", 2024])
def test_the_first_day_is_one(first: Any) -> None:
    with pytest.raises(ArgumentError, match=r"'first_date' is .*; a day is YYYY-MM-DD"):
        make(first_date=first)
    table = make(first_date="2019-07-01").one(GLUE_TABLE, "q-table").inputs
    assert table["parameters"]["projection.dt.range"] == "2019-07-01,NOW"


@pytest.mark.parametrize(
    ("query", "raising"),
    [
        ("SELECT CAST(a AS bigint) FROM {rows}", ["cast"]),
        ("SELECT TRY_CAST(a AS bigint), try(cast(b AS integer)) FROM {rows}", []),
        (
            "SELECT TRY(from_iso8601_timestamp(a)), from_iso8601_date (b), CAST (c AS date) FROM {rows}",
            ["from_iso8601_date", "cast"],
        ),
        ("SELECT coalesce(TRY(lower(a)), json_format(json_parse(b))) FROM {rows}", ["json_parse"]),
        ("SELECT TRY(lower(CAST(a AS bigint))), CAST(b AS double), CAST(c AS double) FROM {rows}", ["cast"]),
        ("SELECT CAST(a AS varchar), CAST(b AS varchar(10)), cast(c AS\n varchar) FROM {rows}", []),
        ("SELECT CAST(lower(CAST(a AS varchar)) AS bigint) FROM {rows}", ["cast"]),
        ("SELECT 'CAST(a AS int)' AS \"cast(b AS int)\" -- CAST(c AS int)\n/* date(d) */ FROM {rows}", []),
        ("SELECT broadcast(a), date, my_cast(b), DATE '2026-01-01' FROM {rows}", []),
    ],
)
def test_calls_that_fail_on_a_value_that_is_none_are_a_warning_with_the_fix(query: str, raising: list[str]) -> None:
    with patch.object(pulumi.log, "warn") as warned:
        make(query=query)
    messages = [call.args[0] for call in warned.call_args_list]
    assert [message.partition(" calls ")[2].partition(",")[0] for message in messages] == raising
    for function, message in zip(raising, messages, strict=True):
        assert message.startswith("PerObjectQuery 'q': the argument 'query' calls ")
        assert ("TRY_CAST(… AS …)" if function == "cast" else f"TRY({function}(…))") in message


def test_the_workgroup_enforces_encryption_place_and_a_scan_limit() -> None:
    workgroup = make().one(WORKGROUP).inputs
    assert workgroup["configuration"] == {
        "enforceWorkgroupConfiguration": True,
        "publishCloudwatchMetricsEnabled": True,
        "bytesScannedCutoffPerQuery": 10 * 1024**3,
        "engineVersion": {"selectedEngineVersion": "Athena engine version 3"},
        "resultConfiguration": {
            "outputLocation": "s3://q-result-id/results/q/",
            "encryptionConfiguration": {"encryptionOption": "SSE_S3"},
        },
    }
    assert workgroup["forceDestroy"] is False
    keyed = make(kms_key_arn=KEY, bytes_scanned_cutoff_per_query=10_000_000, force_destroy=True)
    configuration = keyed.one(WORKGROUP).inputs["configuration"]
    encryption = configuration["resultConfiguration"]["encryptionConfiguration"]
    assert encryption == {"encryptionOption": "SSE_KMS", "kmsKeyArn": KEY}
    assert configuration["bytesScannedCutoffPerQuery"] == 10_000_000
    assert keyed.one(WORKGROUP).inputs["forceDestroy"] is True
    assert {found.inputs["forceDestroy"] for found in keyed.of("aws:s3/bucket:Bucket").values()} == {True}


def test_results_go_after_a_week_and_curated_files_stay() -> None:
    made = make()
    assert made.one(LIFECYCLE, "q-result").inputs["rules"][0]["expiration"] == {"days": 7}
    assert made.one(LIFECYCLE, "q-curated").inputs["rules"][0]["expiration"] == {"expiredObjectDeleteMarker": True}
    changed = make(result_expiration_days=1, curated_expiration_days=30)
    assert changed.one(LIFECYCLE, "q-result").inputs["rules"][0]["expiration"] == {"days": 1}
    assert changed.one(LIFECYCLE, "q-curated").inputs["rules"][0]["expiration"] == {"days": 30}


def test_the_curated_table_has_its_columns_and_computes_its_days() -> None:
    table = make().one(GLUE_TABLE, "q-table").inputs
    assert (table["databaseName"], table["name"]) == ("lake", "project_test_q")
    columns = [(column["name"], column["type"]) for column in table["storageDescriptor"]["columns"]]
    assert columns == [("order_id", "string"), ("version", "bigint"), ("deleted", "boolean")]
    assert table["partitionKeys"] == [{"name": "dt", "type": "string"}]
    assert table["parameters"]["projection.dt.range"] == "2024-01-01,NOW"
    assert table["parameters"]["storage.location.template"] == "s3://q-curated-id/curated/q/dt=${dt}/"
    assert make(curated_table_name="orders").one(GLUE_TABLE, "q-table").inputs["name"] == "orders"


def test_the_view_holds_the_newest_row_of_each_key_that_is_not_deleted() -> None:
    view = make().one(GLUE_TABLE, "q-view").inputs
    assert (view["databaseName"], view["name"], view["tableType"]) == ("lake", "orders_current", "VIRTUAL_VIEW")
    assert view["parameters"] == {"presto_view": "true", "comment": "Presto View"}
    assert view["viewExpandedText"] == "/* Presto View */"
    text = view["viewOriginalText"].removeprefix("/* Presto View: ").removesuffix(" */")
    assert json.loads(base64.b64decode(text)) == {
        "originalSql": (
            'SELECT "order_id", "version", "deleted" FROM (SELECT "order_id", "version", "deleted", '
            'row_number() OVER (PARTITION BY "order_id" ORDER BY "version" DESC) AS eda_position '
            'FROM "lake"."project_test_q") WHERE eda_position = 1 AND NOT COALESCE("deleted", false)'
        ),
        "catalog": "awsdatacatalog",
        "schema": "lake",
        "columns": [
            {"name": "order_id", "type": "varchar"},
            {"name": "version", "type": "bigint"},
            {"name": "deleted", "type": "boolean"},
        ],
    }
    assert [column["type"] for column in view["storageDescriptor"]["columns"]] == ["string", "bigint", "boolean"]
    # Athena asks for a SerDe, and the provider sends none in which nothing stands.
    assert all(view["storageDescriptor"]["serDeInfo"].values())
    kept = make(view={"name": "v", "key": "order_id", "version_column": "version"}).one(GLUE_TABLE, "q-view").inputs
    sql = json.loads(base64.b64decode(kept["viewOriginalText"].removeprefix("/* Presto View: ").removesuffix(" */")))
    assert sql["originalSql"].endswith("WHERE eda_position = 1")


def test_the_ledger_finds_what_is_open_and_what_waits_for_a_load() -> None:
    table = make().one("aws:dynamodb/table:Table").inputs
    assert (table["hashKey"], table["ttl"]) == ("id", {"attributeName": "expires_at", "enabled": True})
    assert {attribute["name"] for attribute in table["attributes"]} == {
        "id",
        "open",
        "opened_at",
        "unloaded",
        "settled_at",
    }
    indexes = {
        index["name"]: [(key["attributeName"], key["keyType"]) for key in index["keySchemas"]]
        for index in table["globalSecondaryIndexes"]
    }
    assert indexes == {
        "open": [("open", "HASH"), ("opened_at", "RANGE")],
        "unloaded": [("unloaded", "HASH"), ("settled_at", "RANGE")],
    }
    assert {index["projectionType"] for index in table["globalSecondaryIndexes"]} == {"ALL"}


def test_the_role_holds_what_function_and_unload_need_and_no_more() -> None:
    found = make().statements("q-function-role")
    assert {sid: (s["Action"], s["Resource"]) for sid, s in found.items() if sid not in ("Trace", "WriteLog")} == {
        "FailureDestination": (["sqs:SendMessage"], [ARN.format("sqs", "queue/project-test-q-dlq")]),
        "MoveRows": (
            ["dynamodb:GetItem", "dynamodb:UpdateItem"],
            [ARN.format("dynamodb", "table/project-test-q-ledger")],
        ),
        "Query": (
            ["athena:GetQueryExecution", "athena:GetQueryResults", "athena:StartQueryExecution"],
            [ARN.format("athena", "workgroup/project-test-q")],
        ),
        "ReadSchema": (
            ["glue:GetDatabase", "glue:GetPartitions", "glue:GetTable"],
            [
                ARN.format("glue", name)
                for name in ("catalog", "database/default", "database/lake", "table/lake/raw_orders")
            ],
        ),
        "ReadRaw": (
            ["s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket"],
            ["arn:aws:s3:::raw", "arn:aws:s3:::raw/raw/orders/*"],
        ),
        "WriteCurated": (
            [
                "s3:AbortMultipartUpload",
                "s3:DeleteObject",
                "s3:GetBucketLocation",
                "s3:GetObject",
                "s3:ListBucket",
                "s3:ListBucketMultipartUploads",
                "s3:ListMultipartUploadParts",
                "s3:PutObject",
            ],
            ["arn:aws:s3:::q-curated-id", "arn:aws:s3:::q-curated-id/curated/q/*"],
        ),
        "WriteResults": (
            [
                "s3:AbortMultipartUpload",
                "s3:GetBucketLocation",
                "s3:GetObject",
                "s3:ListBucket",
                "s3:ListBucketMultipartUploads",
                "s3:ListMultipartUploadParts",
                "s3:PutObject",
            ],
            ["arn:aws:s3:::q-result-id", "arn:aws:s3:::q-result-id/results/q/*"],
        ),
    }


def test_keys_of_all_buckets_may_be_used_once_each() -> None:
    made = make(
        kms_key_arn=KEY, bucket_kms_key_arn=f"{KEY}-raw", curated_bucket_name="c", curated_bucket_kms_key_arn=KEY
    )
    statements = made.statements("q-function-role")
    for sid in ("DecryptWithKey", "EncryptWithKey"):
        assert sorted(statements[sid]["Resource"]) == [KEY, f"{KEY}-raw"]
    assert made.one("aws:sqs/queue:Queue").inputs["kmsMasterKeyId"] == KEY


def test_buckets_that_exist_are_written_under_the_prefixes() -> None:
    made = make(curated_bucket_name="raw", curated_prefix="out/", result_bucket_name="raw", result_prefix="res/")
    assert made.one(FUNCTION).inputs["environment"]["variables"]["OUTPUT_LOCATION"] == "s3://raw/out/"
    configuration = made.one(WORKGROUP).inputs["configuration"]
    assert configuration["resultConfiguration"]["outputLocation"] == "s3://raw/res/"
    assert made.statements("q-function-role")["WriteCurated"]["Resource"][1] == "arn:aws:s3:::raw/out/*"


def test_what_a_user_downstream_needs_is_an_output() -> None:
    def program() -> None:
        made: Any = PerObjectQuery("q", {**QUERY})
        for name in PerObjectQuery.__annotations__:
            pulumi.export(name, getattr(made, name))

    found = record(program).exports
    assert None not in found.values()
    assert found["curated_prefix"] == "curated/q/"
    assert (found["table_name"], found["view_name"], found["dataset"]) == ("project_test_q", "orders_current", "q")
    assert [column["name"] for column in found["columns"]] == ["order_id", "version", "deleted"]


def test_tags_boundary_actions_and_retention_reach_every_child() -> None:
    made = make(permissions_boundary="arn:boundary", log_retention_in_days=7, alarm_actions=["arn:topic"])
    assert {role.inputs["permissionsBoundary"] for role in made.of("aws:iam/role:Role").values()} == {"arn:boundary"}
    assert {group.inputs["retentionInDays"] for group in made.of("aws:cloudwatch/logGroup:LogGroup").values()} == {7}
    assert {tuple(found.inputs["alarmActions"]) for found in made.of(ALARM).values()} == {("arn:topic",)}
    invocations = made.one(ALARM, "q-created-failed-invocations").inputs
    assert (invocations["namespace"], invocations["metricName"], invocations["threshold"]) == (
        "AWS/Events",
        "FailedInvocations",
        1,
    )


LONG = "SELECT '" + "ä" * 32_800 + "' FROM {rows}"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"querry": "x"}, "'querry' is unknown; is 'query' meant?"),
        ({"bucket_name": None}, "'bucket_name' is missing"),
        ({"query": "SELECT 1"}, "the query has {rows} 0 times; it must be there once"),
        ({"query": "SELECT * FROM {rows} JOIN {rows}"}, "the query has {rows} 2 times"),
        ({"query": "SELECT * FROM {row}"}, "the placeholder {row}; known are {rows}, {bucket}, {key}, {version_id}"),
        ({"query": "SELECT '{' FROM {rows}"}, "'query' is not one that can be run for each object"),
        ({"query": "SELECT 'a' FROM {rows};"}, "ends with a semicolon"),
        ({"query": "SELECT 1 FROM {rows}; DROP TABLE x"}, "'query' has a semicolon; it is one statement"),
        ({"query": "DELETE FROM {rows}"}, "'query' is no SELECT; it becomes part of an UNLOAD"),
        ({"query": "SELECT 'a FROM {rows}"}, "'query' has a literal, a quoted name or a comment that does not end"),
        ({"query": "SELECT 1 /* FROM {rows}"}, "comment that does not end"),
        ({"query": "SELECT 1 -- FROM {rows}"}, "'query' has {rows} in a literal or a comment"),
        ({"query": "SELECT (a FROM {rows}"}, "'query' opens 1 parentheses and closes 0"),
        ({"query": LONG}, "'query' has 65621 bytes; allowed are 65536"),
        ({"columns": {}}, "'columns' is empty"),
        ({"columns": {"Id": "string"}}, "'columns' has 'Id'; allowed are lower case letters"),
        ({"columns": {"dt": "string"}}, "'columns' has 'dt', which is the partition"),
        ({"columns": {"a": "array<int>"}}, "'columns' has 'a' of the type 'array<int>'; known are string, boolean"),
        ({"view": {"name": "v", "key": "id", "version_column": "version"}}, "'key' is 'id', which is none of columns"),
        ({"view": {"name": "V", "key": "order_id", "version_column": "version"}}, "'name' is 'V'"),
        ({"view": {"name": "v", "key": "order_id"}}, "view: the argument 'version_column' is missing"),
        (
            {"view": {**QUERY["view"], "deleted_column": "version"}},
            "'deleted_column' is 'version', which is no boolean",
        ),
        ({"prefix": "raw"}, "'prefix' is 'raw'; it ends with '/'"),
        ({"curated_prefix": "/curated/"}, "'curated_prefix' is '/curated/'"),
        ({"curated_bucket_name": "raw", "curated_prefix": "raw/orders/out/"}, "a query would trigger itself"),
        ({"curated_bucket_name": "raw", "curated_prefix": "raw/"}, "a query would trigger itself"),
        ({"result_bucket_name": "raw", "result_prefix": "raw/orders/"}, "'result_prefix' is 'raw/orders/'"),
        ({"curated_bucket_name": "c", "curated_expiration_days": 1}, "is for the component's own bucket"),
        ({"result_bucket_name": "c", "result_expiration_days": 1}, "is for the component's own bucket"),
        ({"curated_bucket_kms_key_arn": KEY}, "is for a bucket given by 'curated_bucket_name'"),
        ({"curated_table_name": "A-b"}, "'curated_table_name' is 'A-b'"),
        ({"bytes_scanned_cutoff_per_query": 1}, "allowed are whole numbers from 10000000 to 7000000000000000"),
        ({"max_attempts": 0}, "'max_attempts' is 0; allowed are whole numbers from 1 to 100"),
        ({"dataset": "a b"}, "'dataset' is 'a b'"),
        ({"ledger_table_name": "l"}, "'ledger_table_arn' is missing; 'ledger_table_name' needs it"),
        ({"ledger_table_arn": LEDGER}, "'ledger_table_name' is missing; 'ledger_table_arn' needs it"),
    ],
)
def test_a_wrong_argument_is_named(args: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError) as raised:
        make(**args)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    "query", ["WITH a AS (SELECT * FROM {rows}) SELECT ';' FROM a", "\n select 1 from {rows} -- a; b"]
)
def test_a_select_in_other_forms_is_taken(query: str) -> None:
    assert asked(make(query=query))["query"] == query


def test_a_loop_is_refused_when_the_names_are_known_only_after_deployment() -> None:
    def program() -> None:
        bucket = pulumi.Output.from_input("raw")
        PerObjectQuery(
            "q", {**QUERY, "bucket_name": bucket, "curated_bucket_name": bucket, "curated_prefix": "raw/orders/out/"}
        )

    with pytest.raises(Exception, match="a query would trigger itself"):
        record(program)
