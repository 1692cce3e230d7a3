"""Athena in the sandbox: SQL over the catalog's files, tokens, roles, limits, events."""

import base64
import gzip
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
from botocore.exceptions import ClientError
from eda_sandbox.embedded import Sandbox
from eda_sandbox.foundation.cloud import REGION
from eda_sandbox.frontdoor.faults import Fault, FaultKind

from tests.faulted import of
from tests.waiting import wait_until

PRINCIPAL = "lambda.amazonaws.com"
HIVE = "org.apache.hadoop.hive.ql.io"
PARQUET = {
    "InputFormat": f"{HIVE}.parquet.MapredParquetInputFormat",
    "OutputFormat": f"{HIVE}.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {"SerializationLibrary": f"{HIVE}.parquet.serde.ParquetHiveSerDe"},
}
ENDED = ("SUCCEEDED", "FAILED", "CANCELLED")
ENDLESS = """
SELECT count(*) FROM UNNEST(sequence(1, 10000)) AS a(x) CROSS JOIN UNNEST(sequence(1, 10000)) AS b(y)
CROSS JOIN UNNEST(sequence(1, 10000)) AS c(z)
WHERE x * y * z % 7 = 8
"""


@dataclass
class Lake:
    """Buckets, a database and a workgroup, each with names of its own."""

    aws: Sandbox
    name: str
    tmp: Path

    @property
    def data(self) -> str:
        return f"data-{self.name}"

    @property
    def results(self) -> str:
        return f"results-{self.name}"

    @property
    def database(self) -> str:
        return f"db_{self.name}"

    @property
    def workgroup(self) -> str:
        return f"wg-{self.name}"

    def put(self, key: str, select: str) -> str:
        """A Parquet file with the rows of a query."""
        file = self.tmp / "made.parquet"
        with duckdb.connect() as connection:
            connection.execute(f"COPY ({select}) TO '{file}' (FORMAT parquet)")
        self.aws.client("s3").put_object(Bucket=self.data, Key=key, Body=file.read_bytes())
        return f"s3://{self.data}/{key}"

    def table(
        self,
        name: str,
        columns: dict[str, str],
        keys: dict[str, str] | None = None,
        parameters: dict[str, str] | None = None,
        storage: dict[str, Any] | None = None,
    ) -> None:
        """An external table below ``<name>/``."""
        self.aws.client("glue").create_table(
            DatabaseName=self.database,
            TableInput={
                "Name": name,
                "TableType": "EXTERNAL_TABLE",
                "Parameters": parameters or {},
                "PartitionKeys": [{"Name": key, "Type": kind} for key, kind in (keys or {}).items()],
                "StorageDescriptor": {
                    "Columns": [{"Name": column, "Type": kind} for column, kind in columns.items()],
                    "Location": f"s3://{self.data}/{name}/",
                    **(storage or PARQUET),
                },
            },
        )

    def start(self, sql: str, client: Any = None, **request: Any) -> str:
        """Start a query."""
        request = {"WorkGroup": self.workgroup, "QueryExecutionContext": {"Database": self.database}, **request}
        started = (client or self.aws.client("athena")).start_query_execution(QueryString=sql, **request)
        return str(started["QueryExecutionId"])

    def end(self, id: str) -> dict[str, Any]:
        """Wait for a query's end."""
        athena = self.aws.client("athena")

        def ended() -> dict[str, Any] | None:
            found: dict[str, Any] = athena.get_query_execution(QueryExecutionId=id)["QueryExecution"]
            return found if found["Status"]["State"] in ENDED else None

        found = wait_until(ended, f"the query {id} ends")
        assert found is not None
        return found

    def run(self, sql: str, client: Any = None, **request: Any) -> dict[str, Any]:
        """Run a query that succeeds."""
        found = self.end(self.start(sql, client, **request))
        assert found["Status"]["State"] == "SUCCEEDED", found["Status"]
        return found

    def rows(self, sql: str, client: Any = None, **request: Any) -> list[list[str | None]]:
        """A query's rows, without the header."""
        return self.fetched(self.run(sql, client, **request)["QueryExecutionId"])[1:]

    def fetched(self, id: str) -> list[list[str | None]]:
        """A query's rows with the header."""
        pages = self.aws.client("athena").get_paginator("get_query_results").paginate(QueryExecutionId=id)
        return [
            [value.get("VarCharValue") for value in row["Data"]] for page in pages for row in page["ResultSet"]["Rows"]
        ]

    def failure(self, sql: str, client: Any = None, **request: Any) -> str:
        """Why a query fails."""
        found = self.end(self.start(sql, client, **request))
        assert found["Status"]["State"] == "FAILED", found["Status"]
        assert found["Status"]["AthenaError"]["ErrorMessage"] == found["Status"]["StateChangeReason"]
        return str(found["Status"]["StateChangeReason"])

    def keys(self, prefix: str, bucket: str | None = None) -> list[str]:
        """The keys below a prefix."""
        listed = self.aws.client("s3").list_objects_v2(Bucket=bucket or self.data, Prefix=prefix)
        return [found["Key"] for found in listed.get("Contents", [])]


@pytest.fixture(scope="module")
def lake(aws: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    made = Lake(aws, secrets.token_hex(4), tmp_path_factory.mktemp("lake"))
    for bucket in (made.data, made.results):
        aws.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    aws.client("glue").create_database(DatabaseInput={"Name": made.database})
    aws.client("athena").create_work_group(
        Name=made.workgroup,
        Configuration={
            "ResultConfiguration": {
                "OutputLocation": f"s3://{made.results}/q/",
                "EncryptionConfiguration": {"EncryptionOption": "SSE_S3"},
            },
            "BytesScannedCutoffPerQuery": 10_000_000,
        },
    )
    made.put("orders/a.parquet", "SELECT 'o' || range AS order_id, range AS amount FROM range(3)")
    made.table("orders", {"order_id": "string", "amount": "bigint"})
    return made


def error_of(call: Any, *arguments: Any, **request: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        call(*arguments, **request)
    return {**caught.value.response["Error"], **caught.value.response}


def unique(prefix: str = "t") -> str:
    return f"{prefix}_{secrets.token_hex(4)}"


# What Trino's documentation says of each, and how Athena prints it.
EXPRESSIONS = [
    ('json_extract_scalar(\'{"a":{"b":[1,"x"]}}\', \'$.a.b[1]\')', "x"),
    ("json_extract_scalar('{\"a\":{\"b\":1}}', '$.a')", None),
    ("json_extract_scalar('{\"a b\":7}', '$[\"a b\"]')", "7"),
    ("json_extract_scalar('{not json', '$.a')", None),
    ("json_extract_scalar('{\"a\":null}', '$.a')", None),
    ("json_extract('{\"a\":[1,2]}', '$.a')", "[1,2]"),
    ("cast(json_extract('{\"a\":\"5\"}', '$.a') AS varchar)", "5"),
    ("cast(json_extract('{\"a\":5}', '$.a') AS bigint)", "5"),
    ("json_format(json_parse('{\"a\":1}'))", '{"a":1}'),
    ("json_array_length('[1,2,3]')", "3"),
    ("json_array_length('{}')", None),
    ("try_cast('12' AS bigint)", "12"),
    ("try_cast('1.5' AS bigint)", None),
    ("try_cast('' AS integer)", None),
    ("try_cast('1.0' AS integer)", None),
    ("try_cast('1e2' AS bigint)", None),
    ("try_cast('9223372036854775808' AS bigint)", None),
    ("try(cast('9223372036854775807' AS bigint) + 1)", None),
    ("try_cast('1_000' AS double)", None),
    ("try_cast('inf' AS double)", None),
    ("try_cast(' 1.5 ' AS double)", "1.5"),
    ("try_cast('1_0.5' AS decimal(10,2))", None),
    ("try_cast('1e1' AS decimal(10,2))", "10.00"),
    ("try_cast('yes' AS boolean)", None),
    ("try_cast('T' AS boolean)", "true"),
    ("try(cast('yes' AS boolean))", None),
    # The first of two members, as Trino's parser meets it.
    ('json_extract_scalar(\'{"a":"x","a":1}\', \'$.a\')', "x"),
    ("json_extract_scalar('7', '$.a')", None),
    ("json_extract_scalar('[{\"a\":1}]', '$.a')", None),
    ("length('ü')", "1"),
    ("length(to_utf8('ü'))", "2"),
    ("concat_ws(',', cast(NULL AS varchar), 'a', NULL, 'b')", "a,b"),
    ("length(replace('a' || chr(0), chr(0), ''))", "1"),
    # Of a time with an offset a cast keeps the clock, and AT TIME ZONE converts.
    ("cast(from_iso8601_timestamp('2026-01-02T13:20:58+02:00') AS timestamp)", "2026-01-02 13:20:58.000"),
    (
        "cast(from_iso8601_timestamp('2026-01-02T13:20:58+02:00') AT TIME ZONE 'UTC' AS timestamp)",
        "2026-01-02 11:20:58.000",
    ),
    (
        "try(cast(from_iso8601_timestamp(regexp_extract('2026-01-02T13:20:58-14:00', '.*')) AS timestamp))",
        "2026-01-02 13:20:58.000",
    ),
    ("try(from_iso8601_timestamp('2026-02-30T00:00:00Z'))", None),
    ("try(from_iso8601_timestamp('2026-01-02 00:00:00'))", None),
    ("to_unixtime(from_iso8601_timestamp('1970-01-01T00:00:00.123Z') AT TIME ZONE 'UTC')", "0.123"),
    ("try_cast('2026-01-02T03:04:05Z' AS timestamp)", None),
    ("try_cast('2026-01-02 03:04:05.678' AS timestamp)", "2026-01-02 03:04:05.678"),
    ("cast('2026-01-02' AS date)", "2026-01-02"),
    ("from_iso8601_timestamp('2026-01-02T03:04:05.678Z')", "2026-01-02 03:04:05.678 UTC"),
    ("from_iso8601_timestamp('2026-01-02T03:04:05+02:00')", "2026-01-02 01:04:05.000 UTC"),
    ("cast(from_iso8601_timestamp('2026-01-02T03:04:05.678901Z') AS timestamp)", "2026-01-02 03:04:05.678"),
    ("cast(from_iso8601_timestamp('2026-01-02T03:04:05Z') AT TIME ZONE 'UTC' AS timestamp)", "2026-01-02 03:04:05.000"),
    ("from_iso8601_date('2026-01-02')", "2026-01-02"),
    ("try(from_iso8601_timestamp('yesterday'))", None),
    ("date_parse('2026-01-02 03:04:05', '%Y-%m-%d %H:%i:%s')", "2026-01-02 03:04:05.000"),
    ("date_format(timestamp '2026-01-02 03:04:05', '%Y/%m/%d %H:%i')", "2026/01/02 03:04"),
    ("format_datetime(timestamp '2026-01-02 03:04:05', 'yyyy-MM-dd''T''HH:mm')", "2026-01-02T03:04"),
    ("parse_datetime('2026/01/02', 'yyyy/MM/dd')", "2026-01-02 00:00:00.000 UTC"),
    ("to_iso8601(timestamp '2026-01-02 03:04:05')", "2026-01-02T03:04:05.000"),
    ("date_diff('day', timestamp '2026-01-01 12:00:00', timestamp '2026-01-02 11:00:00')", "0"),
    ("date_add('month', 1, timestamp '2026-01-31 00:00:00')", "2026-02-28 00:00:00.000"),
    ("date_trunc('hour', timestamp '2026-01-02 03:04:05')", "2026-01-02 03:00:00.000"),
    ("to_unixtime(timestamp '1970-01-01 00:01:00')", "60.0"),
    ("from_unixtime(60)", "1970-01-01 00:01:00.000 UTC"),
    ("day_of_week(date '2026-01-04')", "7"),
    ("extract(year FROM date '2026-01-04')", "2026"),
    ("coalesce(nullif('', ''), 'x')", "x"),
    ("if(1 > 2, 'a', 'b')", "b"),
    ("concat('a', cast(NULL AS varchar))", None),
    ("'a' || 'b'", "ab"),
    ("regexp_like('abc', 'b.')", "true"),
    ("regexp_extract('id=42', '[0-9]+')", "42"),
    ("regexp_extract('id=42', '(id)=([0-9]+)', 2)", "42"),
    ("regexp_extract('abc', '[0-9]+')", None),
    ("regexp_replace('a1b2', '([0-9])', '<$1>')", "a<1>b<2>"),
    ("split_part('a,b', ',', 2)", "b"),
    ("split_part('a,b', ',', 3)", None),
    ("split('a,b', ',')", "[a, b]"),
    ("substr('abcd', 2, 2)", "bc"),
    ("strpos('abc', 'c')", "3"),
    ("lpad('7', 3, '0')", "007"),
    ("lower(to_hex(sha256(to_utf8('a'))))", "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"),
    ("7 / 2", "3"),
    ("7 / 2.0", "3.5"),
    ("-7 / 2", "-3"),
    ("1e0 / 4", "0.25"),
    ("1e10", "1.0E10"),
    ("cast(1.5 AS decimal(10,2))", "1.50"),
    ("array_join(array['a', 'b'], '-')", "a-b"),
    ("element_at(array[1, 2], 2)", "2"),
    ("contains(array[1, 2], 2)", "true"),
    ("transform(array[1, 2], x -> x * 2)", "[2, 4]"),
    ("filter(array[1, 2, 3], x -> x > 1)", "[2, 3]"),
    ("any_match(array[1, 2], x -> x > 1)", "true"),
    ("all_match(array[1, 2], x -> x > 1)", "false"),
    ("slice(array[1, 2, 3, 4], 2, 2)", "[2, 3]"),
    ("cardinality(array[1, 2])", "2"),
    ("map(array['a'], array[1])['a']", "1"),
    ("cast(timestamp '2026-01-02 03:04:05' AS varchar)", "2026-01-02 03:04:05.000"),
    ("cast(NULL AS varchar)", None),
    ("x'6162'", "61 62"),
    ("date '2026-01-02' + interval '1' day", "2026-01-03"),
    ("date_add('month', 1, date '2026-01-31')", "2026-02-28"),
    ("date_trunc('month', date '2026-01-31')", "2026-01-01"),
]


def test_trino_functions_give_what_trino_gives(lake: Lake) -> None:
    selected = ", ".join(f"{expression} AS c{place}" for place, (expression, _) in enumerate(EXPRESSIONS))
    [found] = lake.rows(f"SELECT {selected}")
    wrong = {
        expression: value for (expression, wanted), value in zip(EXPRESSIONS, found, strict=True) if value != wanted
    }
    assert wrong == {}


def test_joins_windows_aggregates_and_common_tables(lake: Lake) -> None:
    assert lake.rows(
        """
        WITH orders AS (SELECT order_id, amount, amount % 2 AS kind FROM orders),
             ranked AS (SELECT *, row_number() OVER (PARTITION BY kind ORDER BY amount DESC) AS place FROM orders)
        SELECT r.kind, r.order_id, t.total, t.newest, t.n
        FROM ranked r
        JOIN (SELECT kind, sum(amount) AS total, max_by(order_id, amount) AS newest,
                     count(*) FILTER (WHERE amount > 0) AS n
              FROM orders GROUP BY kind) t ON t.kind = r.kind
        WHERE r.place = 1 ORDER BY 1
        """
    ) == [["0", "o2", "2", "o2", "1"], ["1", "o1", "1", "o1", "1"]]
    assert lake.rows(
        "SELECT u.x, u.n FROM (SELECT array[7, 8] AS a) CROSS JOIN UNNEST(a) WITH ORDINALITY AS u(x, n) ORDER BY n"
    ) == [
        ["7", "1"],
        ["8", "2"],
    ]
    assert lake.rows("SELECT amount AS n FROM orders WHERE amount > 0 ORDER BY n DESC") == [["2"], ["1"]]
    assert lake.rows("SELECT max_by(v, k) FROM (VALUES ('a', 1), (cast(NULL AS varchar), 2)) AS t(v, k)") == [[None]]


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("SELECT nope FROM orders", "COLUMN_NOT_FOUND: line 1:8: Column 'nope' cannot be resolved"),
        ("SELECT\n * FROM nowhere", "TABLE_NOT_FOUND: line 2:9: Table 'awsdatacatalog.{db}.nowhere' does not exist"),
        ("SELECT * FROM nowhere.orders", "SCHEMA_NOT_FOUND: line 1:23: Schema 'nowhere' does not exist"),
        ("SELECT amount AS n FROM orders WHERE n > 1", "COLUMN_NOT_FOUND: line 1:38: Column 'n' cannot be resolved"),
        ("SELECT amount AS n, n + 1 FROM orders", "COLUMN_NOT_FOUND: line 1:21: Column 'n' cannot be resolved"),
        ("SELECT frobnicate(1)", "FUNCTION_NOT_FOUND: line 1:8: Function 'frobnicate' not registered"),
        (
            "SELECT * FROM orders WHERE order_id = 1",
            "TYPE_MISMATCH: line 1:28: Cannot apply operator: varchar = integer",
        ),
        ("SELECT order_id + 1 FROM orders", "TYPE_MISMATCH: line 1:8: Cannot apply operator: varchar + integer"),
        (
            "SELECT * FROM orders WHERE amount IN ('1')",
            "TYPE_MISMATCH: line 1:28: Cannot apply operator: bigint IN varchar",
        ),
        ("SELECT cast('1.5' AS bigint)", "INVALID_CAST_ARGUMENT: Cannot cast '1.5' to bigint"),
        (
            "SELECT cast('2026-01-02T03:04:05Z' AS timestamp)",
            "INVALID_CAST_ARGUMENT: Value cannot be cast to timestamp",
        ),
        ("SELECT from_iso8601_timestamp('yesterday')", 'INVALID_FUNCTION_ARGUMENT: Invalid format: "yesterday"'),
        ("SELECT cast('1.0' AS integer)", "INVALID_CAST_ARGUMENT: Cannot cast '1.0' to int"),
        ("SELECT cast('yes' AS boolean)", "INVALID_CAST_ARGUMENT: Cannot cast 'yes' to boolean"),
        ("SELECT cast('inf' AS double)", "INVALID_CAST_ARGUMENT: Cannot cast 'inf' to double"),
        (
            "SELECT from_iso8601_timestamp('2026-01-02T00:00:00+15:00')",
            "NOT_SUPPORTED: Time zone not supported",
        ),
        # TRY catches what is wrong with a value, and no other error.
        (
            "SELECT try(from_iso8601_timestamp('2026-01-02T00:00:00+15:00'))",
            "NOT_SUPPORTED: Time zone not supported",
        ),
        ("SELECT amount / 0 FROM orders", "DIVISION_BY_ZERO"),
        ("SELECT order_id, count(*) FROM orders", "EXPRESSION_NOT_AGGREGATE"),
        (
            "SELECT lag(amount) IGNORE NULLS OVER (ORDER BY 1) FROM orders",
            "NOT_SUPPORTED: line 1:8: the sandbox does",
        ),
        ("SELECT * FROM information_schema.tables", "NOT_SUPPORTED: line 1:34: the sandbox has no information_schema"),
    ],
)
def test_failures_are_spelled_as_athenas(lake: Lake, sql: str, reason: str) -> None:
    assert lake.failure(sql).startswith(reason.format(db=lake.database))


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELEC 1", "line 1:1: Queries of this type are not supported"),
        ("SELECT FROM WHERE", "line 1:"),
        ("SELECT 1; SELECT 2", "line 1:9: Only one sql statement is allowed"),
        ("UNLOAD (SELECT 1) WITH (format = 'PARQUET')", "line 1:17: mismatched input. Expecting: TO"),
        ("COPY (SELECT 1) TO '/tmp/x'", "line 1:1: Queries of this type are not supported"),
        ("ATTACH '/tmp/x.db'", "line 1:1: Queries of this type are not supported"),
        ("SET enable_external_access = true", "line 1:1: Queries of this type are not supported"),
        ("SELECT ? + ?", "line 1:1: Incorrect number of parameters: expected 2 but found 0"),
    ],
)
def test_what_cannot_be_read_is_refused_at_once(lake: Lake, sql: str, message: str) -> None:
    refused = error_of(lake.start, sql)
    assert (refused["Code"], refused["AthenaErrorCode"]) == ("InvalidRequestException", "MALFORMED_QUERY")
    assert refused["Message"].startswith(message)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM '{file}'",
        'SELECT * FROM "{file}"',
        "SELECT * FROM read_csv('{file}')",
        "SELECT * FROM read_text('{file}')",
        "SELECT * FROM TABLE(read_text('{file}'))",
        "SELECT read_text('{file}')",
        "SELECT getenv('HOME')",
        "SELECT * FROM duckdb_settings()",
        "SELECT * FROM query('SELECT 1')",
        "SELECT trino_json_format('1')",
        "SELECT * FROM files0",
        'SELECT * FROM "memory"."main"."files0"',
        "UNLOAD (SELECT * FROM read_text('{file}')) TO 's3://{bucket}/stolen/' WITH (format = 'TEXTFILE')",
        "CREATE VIEW stolen AS SELECT * FROM read_text('{file}')",
    ],
)
def test_the_hosts_files_are_out_of_reach(lake: Lake, sql: str) -> None:
    secret = lake.tmp / "secret.txt"
    secret.write_text("secret")
    assert lake.failure(sql.format(file=secret, bucket=lake.data)).split(":")[0] in (
        "TABLE_NOT_FOUND",
        "CATALOG_NOT_FOUND",
        "FUNCTION_NOT_FOUND",
        "NOT_SUPPORTED",
    )


def test_the_same_token_is_the_same_query_even_when_it_failed(lake: Lake) -> None:
    token = secrets.token_hex(32)
    first = lake.start("SELECT nope FROM orders", ClientRequestToken=token)
    assert lake.end(first)["Status"]["State"] == "FAILED"
    assert lake.start("SELECT nope FROM orders", ClientRequestToken=token) == first
    for changed in ({"sql": "SELECT 1"}, {"QueryExecutionContext": {"Database": "other"}}):
        sql = changed.pop("sql", "SELECT nope FROM orders")
        refused = error_of(lake.start, sql, ClientRequestToken=token, **changed)
        assert (refused["Code"], refused["Message"]) == (
            "InvalidRequestException",
            "Idempotent parameters do not match",
        )
    assert lake.start("SELECT nope FROM orders", ClientRequestToken=secrets.token_hex(32)) != first
    assert error_of(lake.start, "SELECT 1", ClientRequestToken="x" * 129)["Code"] in (
        "InvalidRequestException",
        "ValidationException",
    )


def test_a_lost_answer_and_a_retry_are_one_query(lake: Lake) -> None:
    athena, token = lake.aws.client("athena"), secrets.token_hex(32)
    before = len(athena.list_query_executions(WorkGroup=lake.workgroup)["QueryExecutionIds"])
    lake.aws.faults.add(Fault(FaultKind.LOST_ANSWER, "athena", "StartQueryExecution", times=1, matching=of(token)))
    with pytest.raises(Exception, match="Connection"):
        lake.start("SELECT 1", ClientRequestToken=token)
    lake.start("SELECT 1", ClientRequestToken=token)
    assert len(athena.list_query_executions(WorkGroup=lake.workgroup)["QueryExecutionIds"]) == min(before + 1, 50)


def test_results_are_a_csv_file_and_come_in_pages(lake: Lake) -> None:
    found = lake.run(
        "SELECT x AS n, if(x = 2, NULL, 'say \"x\",\n' || cast(x AS varchar)) AS s FROM UNNEST(sequence(1, 3)) AS t(x)"
    )
    location = found["ResultConfiguration"]["OutputLocation"]
    assert location == f"s3://{lake.results}/q/{found['QueryExecutionId']}.csv"
    key = location.removeprefix(f"s3://{lake.results}/")
    stored = lake.aws.client("s3").get_object(Bucket=lake.results, Key=key)
    assert stored["Body"].read().decode() == '"n","s"\n"1","say ""x"",\n1"\n"2",\n"3","say ""x"",\n3"\n'
    assert stored["ServerSideEncryption"] == "AES256"
    assert f"{key}.metadata" in lake.keys(key, lake.results)
    athena = lake.aws.client("athena")
    first = athena.get_query_results(QueryExecutionId=found["QueryExecutionId"], MaxResults=3)
    assert [[v.get("VarCharValue") for v in row["Data"]] for row in first["ResultSet"]["Rows"]] == [
        ["n", "s"],
        ["1", 'say "x",\n1'],
        ["2", None],
    ]
    info = first["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
    assert [(column["Name"], column["Type"], column["Precision"]) for column in info] == [
        ("n", "bigint", 19),
        ("s", "varchar", 2147483647),
    ]
    rest = athena.get_query_results(QueryExecutionId=found["QueryExecutionId"], NextToken=first["NextToken"])
    assert len(rest["ResultSet"]["Rows"]) == 1
    assert "NextToken" not in rest
    failed = lake.start("SELECT nope FROM orders")
    lake.end(failed)
    refused = error_of(athena.get_query_results, QueryExecutionId=failed)
    assert refused["Message"] == "Query did not finish successfully. Final query state: FAILED"


PROJECTED = {
    "projection.enabled": "true",
    "projection.dt.type": "date",
    "projection.dt.format": "yyyy-MM-dd",
    "projection.dt.range": "NOW-3YEARS,NOW",
    "projection.hour.type": "integer",
    "projection.hour.range": "0,23",
    "projection.hour.digits": "2",
}


def test_projected_partitions_are_computed_and_pruned(lake: Lake) -> None:
    name = unique()
    template = f"s3://{lake.data}/{name}/dt=${{dt}}/hour=${{hour}}/"
    lake.table(
        name,
        {"id": "string", "later": "string"},
        {"dt": "string", "hour": "string"},
        {**PROJECTED, "storage.location.template": template},
    )
    today = lake.aws.cloud.clock.now()
    days = [f"{today:%Y-%m-%d}", "2025-11-30", "1999-01-01"]
    paths = [
        lake.put(f"{name}/dt={day}/hour={hour}/deeper/x/{hour}.parquet", f"SELECT '{day} {hour}' AS id")
        for day in days
        for hour in ("00", "07")
    ]
    lake.put(f"{name}/dt={days[0]}/hour=00/_hidden", "SELECT 'hidden' AS id")
    # What lies outside of the range is no partition.
    assert lake.rows(f"SELECT id FROM {name} ORDER BY id") == [
        [f"{day} {hour}"] for day in sorted(days[:2]) for hour in ("00", "07")
    ]
    assert lake.rows(f"SELECT id, dt, hour, later FROM {name} WHERE dt = '2025-11-30' AND hour > '05'") == [
        ["2025-11-30 07", "2025-11-30", "07", None]
    ]
    assert lake.rows(f"SELECT count(*) FROM {name} WHERE hour = '7'") == [["0"]]
    assert lake.rows(f"SELECT \"$path\" FROM {name} WHERE dt = '2025-11-30' ORDER BY 1") == [
        [path] for path in paths[2:4]
    ]


def reads(lake: Lake) -> list[str]:
    """The keys of the data bucket that are read from now on, as the fault layer sees them."""
    seen: list[str] = []

    def record(request: Any) -> bool:
        if request.method == "GET" and request.path.startswith(f"/{lake.data}/") and request.path.count("/") > 2:
            seen.append(request.path.removeprefix(f"/{lake.data}/"))
        return False

    lake.aws.faults.add(Fault(FaultKind.DELAY, "s3", matching=record))
    return seen


def test_a_path_predicate_reads_that_file_alone(lake: Lake) -> None:
    name = unique()
    template = f"s3://{lake.data}/{name}/dt=${{dt}}/hour=${{hour}}/"
    lake.table(
        name, {"id": "string"}, {"dt": "string", "hour": "string"}, {**PROJECTED, "storage.location.template": template}
    )
    wanted = lake.put(f"{name}/dt=2025-11-30/hour=01/a b.parquet", "SELECT 'a' AS id")
    lake.put(f"{name}/dt=2025-11-30/hour=01/b.parquet", "SELECT 'b' AS id")
    lake.put(f"{name}/dt=2025-11-30/hour=02/c.parquet", "SELECT 'c' AS id")
    seen = reads(lake)
    where = f"\"$path\" = '{wanted}' AND dt = '2025-11-30' AND hour = '01'"
    rows = f'(SELECT * FROM "{lake.database}"."{name}" WHERE {where})'
    assert lake.rows(f"SELECT * FROM {rows}") == [["a", "2025-11-30", "01"]]
    assert seen == [f"{name}/dt=2025-11-30/hour=01/a b.parquet"]
    # A path that contradicts the partition is in none of the rows.
    assert lake.rows(f"SELECT id FROM {name} WHERE \"$path\" = '{wanted}' AND hour = '02'") == []
    seen.clear()
    assert lake.rows(f"SELECT id FROM {name} WHERE dt = '2025-11-30' AND hour = '02'") == [["c"]]
    assert seen == [f"{name}/dt=2025-11-30/hour=02/c.parquet"]
    seen.clear()
    assert lake.rows(
        f"SELECT \"$file_size\" > 0 FROM {name} WHERE dt = '2025-11-30' AND \"$path\" LIKE '%/c.parquet'"
    ) == [["true"]]
    assert len(seen) == 1


def test_outer_joins_are_not_pruned_by_conditions_on_their_missing_side(lake: Lake) -> None:
    name = unique()
    lake.table(name, {"order_id": "string"}, {"dt": "string"})
    lake.run(f"INSERT INTO {name} VALUES ('o1', '2026-01-01')")
    assert lake.rows(
        f"SELECT o.order_id FROM orders o LEFT JOIN {name} n ON n.order_id = o.order_id WHERE n.dt IS NULL ORDER BY 1"
    ) == [["o0"], ["o2"]]


@pytest.mark.parametrize(
    ("parameters", "kind", "where", "values"),
    [
        ({"type": "enum", "values": "b, a"}, "string", "", ["a", "b"]),
        ({"type": "integer", "range": "1,9", "interval": "4"}, "int", "WHERE p < 9", ["1", "5"]),
        ({"type": "integer", "range": "1,3", "digits": "3"}, "string", "WHERE p <> '002'", ["001", "003"]),
        ({"type": "date", "format": "yyyy/MM", "range": "2025/11,2026/02"}, "string", "", ["2025/11", "2026/02"]),
        (
            {
                "type": "date",
                "format": "yyyyMMddHH",
                "range": "2026010100,2026010112",
                "interval": "6",
                "interval.unit": "HOURS",
            },
            "string",
            "",
            ["2026010100", "2026010106", "2026010112"],
        ),
        (
            {"type": "date", "format": "yyyy-MM-dd", "range": "2026-01-01,NOW"},
            "date",
            "WHERE p > date '2026-01-01'",
            ["2026-01-03"],
        ),
        ({"type": "injected"}, "string", "WHERE p IN ('x', 'z')", ["x"]),
    ],
)
def test_each_type_of_projection(
    lake: Lake, parameters: dict[str, str], kind: str, where: str, values: list[str]
) -> None:
    name = unique()
    template = f"s3://{lake.data}/{name}/v-${{p}}/"
    projected = {f"projection.p.{key}": value for key, value in parameters.items()}
    lake.table(
        name,
        {"v": "string"},
        {"p": kind},
        {"projection.enabled": "true", **projected, "storage.location.template": template},
    )
    for value in {*values, "9", "002", "2026-01-01", "y", "outside"}:
        lake.put(f"{name}/v-{value}/f.parquet", f"SELECT '{value}' AS v")
    assert lake.rows(f"SELECT p, v FROM {name} {where} ORDER BY 1") == [[value, value] for value in values]


def test_an_injected_key_needs_its_value(lake: Lake) -> None:
    name = unique()
    lake.table(name, {"v": "string"}, {"p": "string"}, {"projection.enabled": "true", "projection.p.type": "injected"})
    assert lake.failure(f"SELECT * FROM {name}").startswith(
        "CONSTRAINT_VIOLATION: For the injected projected partition column p, the WHERE clause must contain only static"
    )


def test_partitions_of_the_catalog(lake: Lake) -> None:
    name = unique()
    lake.run(
        f"CREATE EXTERNAL TABLE {name} (v bigint) PARTITIONED BY (dt string, n int) STORED AS PARQUET "
        f"LOCATION 's3://{lake.data}/{name}/'"
    )
    lake.put(f"{name}/dt=2026-01-01/n=1/f.parquet", "SELECT 1::BIGINT AS v")
    lake.put(f"{name}/elsewhere/f.parquet", "SELECT 2::BIGINT AS v")
    assert lake.rows(f"SELECT * FROM {name}") == []
    lake.run(f"MSCK REPAIR TABLE {name}")
    lake.run(
        f"ALTER TABLE {name} ADD PARTITION (dt = '2026-01-02', n = '2') LOCATION 's3://{lake.data}/{name}/elsewhere/'"
    )
    assert lake.rows(f"SELECT v, dt, n FROM {name} ORDER BY v") == [["1", "2026-01-01", "1"], ["2", "2026-01-02", "2"]]
    seen = reads(lake)
    assert lake.rows(f"SELECT v FROM {name} WHERE n + 1 = 3") == [["2"]]
    assert seen == [f"{name}/elsewhere/f.parquet"]
    assert lake.fetched(lake.run(f"SHOW PARTITIONS {name}")["QueryExecutionId"]) == [
        ["dt=2026-01-01/n=1"],
        ["dt=2026-01-02/n=2"],
    ]


def test_a_files_type_that_is_not_the_declared_one_fails_where_it_is_read(lake: Lake) -> None:
    name = unique()
    path = lake.put(
        f"{name}/f.parquet", "SELECT 'a' AS id, 1::BIGINT AS number, 2::INTEGER AS small, DATE '2026-01-01' AS day"
    )
    lake.table(name, {"id": "string", "number": "string", "small": "bigint", "day": "date", "missing": "double"})
    assert lake.rows(f"SELECT id, small, day, missing FROM {name}") == [["a", "2", "2026-01-01", None]]
    assert lake.failure(f"SELECT number FROM {name}") == (
        f"HIVE_BAD_DATA: Field number's type INT64 in parquet file {path} is incompatible with type varchar defined in "
        "table schema"
    )
    lake.aws.client("s3").put_object(Bucket=lake.data, Key=f"{name}/g.parquet", Body=b"no parquet")
    assert lake.failure(f"SELECT id FROM {name}").startswith("HIVE_BAD_DATA: Not valid Parquet file: s3://")


def test_json_tables(lake: Lake) -> None:
    name = unique()
    serde = {
        "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
        "SerdeInfo": {
            "SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe",
            "Parameters": {"mapping.renamed": "Other-Name"},
        },
    }
    lake.table(
        name,
        {"s": "string", "n": "int", "a": "array<int>", "r": "struct<x:string>", "renamed": "string"},
        storage=serde,
    )
    lines = '{"s": {"k": 1}, "n": "5", "a": [1, 2], "r": {"x": "y"}, "Other-Name": "here"}\n{"s": "t"}\n'
    lake.aws.client("s3").put_object(Bucket=lake.data, Key=f"{name}/f.gz", Body=gzip.compress(lines.encode()))
    assert lake.rows(f"SELECT s, n, a, r.x, renamed FROM {name} ORDER BY n") == [
        ['{"k":1}', "5", "[1, 2]", "y", "here"],
        ["t", None, None, None, None],
    ]
    lake.aws.client("s3").put_object(Bucket=lake.data, Key=f"{name}/g.json", Body=b'{"n": "many"}\n')
    assert lake.failure(f"SELECT n FROM {name}").startswith(
        "HIVE_BAD_DATA: Error parsing field value 'many' for field 1"
    )


def test_unload_writes_files_and_refuses_a_target_that_is_not_empty(lake: Lake) -> None:
    target = f"s3://{lake.data}/{unique('unload')}/"
    prefix = target.removeprefix(f"s3://{lake.data}/")
    query = "SELECT order_id, amount\nFROM orders WHERE amount > 0"
    sql = f"-- object 1\nUNLOAD (\n{query}\n) TO '{target}' WITH (format = 'PARQUET', compression = 'SNAPPY')"
    found = lake.run(sql)
    [key] = lake.keys(prefix)
    body = lake.aws.client("s3").get_object(Bucket=lake.data, Key=key)["Body"].read()
    file = lake.tmp / "read.parquet"
    file.write_bytes(body)
    with duckdb.connect() as connection:
        assert connection.execute(f"SELECT * FROM '{file}' ORDER BY 1").fetchall() == [("o1", 1), ("o2", 2)]
        codecs = connection.execute(f"SELECT DISTINCT compression FROM parquet_metadata('{file}')").fetchall()
    assert codecs == [("SNAPPY",)]
    assert (found["StatementType"], found["SubstatementType"]) == ("DML", "UNLOAD")
    manifest = found["Statistics"]["DataManifestLocation"].removeprefix(f"s3://{lake.results}/")
    listed = lake.aws.client("s3").get_object(Bucket=lake.results, Key=manifest)["Body"].read().decode()
    assert listed == f"s3://{lake.data}/{key}\n"
    assert lake.failure(sql).startswith(
        f"HIVE_PATH_ALREADY_EXISTS: Target directory for table already exists: {target}"
    )
    assert lake.keys(prefix) == [key]


def test_an_unload_without_rows_writes_nothing(lake: Lake) -> None:
    prefix = f"{unique('unload')}/"
    lake.run(f"UNLOAD (SELECT * FROM orders WHERE amount > 9) TO 's3://{lake.data}/{prefix}' WITH (format = 'PARQUET')")
    assert lake.keys(prefix) == []


def test_unload_by_partitions_and_what_a_failed_one_leaves(lake: Lake) -> None:
    prefix = f"{unique('unload')}/"
    sql = (
        f"UNLOAD (SELECT order_id, cast(amount AS varchar) AS n FROM orders) TO 's3://{lake.data}/{prefix}' "
        "WITH (format = 'JSON', compression = 'GZIP', partitioned_by = ARRAY['n'])"
    )
    lake.aws.faults.add(
        Fault(
            FaultKind.ERROR,
            "s3",
            "PutObject",
            code="AccessDenied",
            status=403,
            matching=lambda request: f"{prefix}n=1/" in request.path,
        )
    )
    assert lake.failure(sql).startswith(f"Access denied when writing output to url: s3://{lake.data}/{prefix}n=1/")
    lake.aws.faults.clear()
    [orphan] = lake.keys(prefix)
    assert orphan.startswith(f"{prefix}n=0/")
    assert lake.failure(sql).startswith("HIVE_PATH_ALREADY_EXISTS")
    lake.aws.client("s3").delete_object(Bucket=lake.data, Key=orphan)
    lake.run(sql)
    assert [key.removeprefix(prefix).split("/")[0] for key in lake.keys(prefix)] == ["n=0", "n=1", "n=2"]
    body = lake.aws.client("s3").get_object(Bucket=lake.data, Key=lake.keys(prefix)[2])["Body"].read()
    assert json.loads(gzip.decompress(body)) == {"order_id": "o2"}


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        (
            "SELECT from_iso8601_timestamp('2026-01-01') AS t",
            "NOT_SUPPORTED: Unsupported Hive type: timestamp(3) with time zone",
        ),
        ("SELECT 1 AS a, 2 AS A", "DUPLICATE_COLUMN_NAME"),
        ("SELECT order_id FROM orders WHERE order_id = 2", "TYPE_MISMATCH"),
    ],
)
def test_an_unload_that_cannot_be_written_fails_before_it_writes(lake: Lake, sql: str, reason: str) -> None:
    prefix = f"{unique('unload')}/"
    assert lake.failure(f"UNLOAD ({sql}) TO 's3://{lake.data}/{prefix}' WITH (format = 'PARQUET')").startswith(reason)
    assert lake.keys(prefix) == []


def test_create_table_as_insert_and_drop(lake: Lake) -> None:
    name = unique()
    found = lake.run(
        f"CREATE TABLE {name} WITH (format = 'PARQUET', partitioned_by = ARRAY['dt']) AS "
        "SELECT order_id, cast(amount AS integer) AS amount, '2026-01-01' AS dt FROM orders"
    )
    assert (found["StatementType"], found["SubstatementType"]) == ("DDL", "CREATE_TABLE_AS_SELECT")
    made = lake.aws.client("glue").get_table(DatabaseName=lake.database, Name=name)["Table"]
    assert made["StorageDescriptor"]["Columns"] == [
        {"Name": "order_id", "Type": "string"},
        {"Name": "amount", "Type": "int"},
    ]
    assert made["StorageDescriptor"]["Location"] == f"s3://{lake.results}/q/tables/{found['QueryExecutionId']}/"
    inserted = lake.run(f"INSERT INTO {name} SELECT 'new', 7, '2026-01-02'")
    assert (inserted["StatementType"], inserted["SubstatementType"]) == ("DML", "INSERT")
    lake.run(f"INSERT INTO {name} (dt, order_id) VALUES ('2026-01-02', 'part')")
    assert lake.rows(f"SELECT * FROM {name} WHERE dt = '2026-01-02' ORDER BY 1") == [
        ["new", "7", "2026-01-02"],
        ["part", None, "2026-01-02"],
    ]
    assert lake.failure(f"INSERT INTO {name} VALUES ('x', 'y', 'z')") == (
        "TYPE_MISMATCH: line 1:1: Insert query has mismatched column types: Table: [varchar, integer, varchar], "
        "Query: [varchar, varchar, varchar]"
    )
    assert "already exists" in lake.failure(f"CREATE TABLE {name} WITH (format = 'PARQUET') AS SELECT 1 AS a")
    assert "'external_location' property" in lake.failure(
        f"CREATE TABLE {unique()} WITH (external_location = 's3://{lake.data}/x/') AS SELECT 1 AS a"
    )
    assert lake.failure(f"CREATE TABLE {unique()} AS SELECT count(*) FROM orders").startswith("MISSING_COLUMN_NAME")
    lake.run(f"DROP TABLE {name}")
    assert lake.failure(f"DROP TABLE {name}") == f"FAILED: SemanticException [Error 10001]: Table not found {name}"
    lake.run(f"DROP TABLE IF EXISTS {name}")
    # Dropping a table leaves its data.
    assert lake.keys(f"q/tables/{found['QueryExecutionId']}/", lake.results)


def test_views(lake: Lake) -> None:
    name = unique("v")
    lake.run(
        f"CREATE VIEW {name} AS SELECT order_id, amount, from_iso8601_timestamp('2026-01-01') AS t FROM orders -- all"
    )
    made = lake.aws.client("glue").get_table(DatabaseName=lake.database, Name=name)["Table"]
    assert made["TableType"] == "VIRTUAL_VIEW"
    assert made["ViewOriginalText"].startswith("/* Presto View: ")
    outer = unique("v")
    lake.run(f"CREATE OR REPLACE VIEW {outer} AS SELECT max(amount) AS top FROM {name} WHERE order_id <> 'o2'")
    assert lake.rows(f"SELECT * FROM {outer}") == [["1"]]
    lake.run(f"CREATE OR REPLACE VIEW {outer} AS SELECT min(amount) AS low FROM {name}")
    # Names in a view are looked up where it was made.
    assert lake.rows(f"SELECT low FROM {lake.database}.{outer}", QueryExecutionContext={}) == [["0"]]
    assert "already exists" in lake.failure(f"CREATE VIEW {outer} AS SELECT 1 AS a")
    assert lake.failure(f"CREATE VIEW {unique('v')} AS SELECT nope FROM orders").startswith("COLUMN_NOT_FOUND")
    lake.run(f"DROP VIEW {outer}")
    assert lake.failure(f"DROP VIEW {outer}").startswith("VIEW_NOT_FOUND")


@pytest.mark.parametrize(
    ("serde", "refused"),
    [
        # As Athena's own CREATE VIEW leaves it, and as Terraform's users write it.
        ({"SerdeInfo": {}}, False),
        ({"SerdeInfo": {"Name": "-", "SerializationLibrary": "-"}}, False),
        ({}, True),
    ],
)
def test_a_view_of_the_catalog_as_others_make_it(lake: Lake, serde: dict[str, Any], refused: bool) -> None:
    name = unique("v")
    definition = {
        "originalSql": "SELECT order_id FROM orders WHERE amount = 2",
        "catalog": "awsdatacatalog",
        "schema": lake.database,
        "columns": [{"name": "order_id", "type": "varchar"}],
    }
    lake.aws.client("glue").create_table(
        DatabaseName=lake.database,
        TableInput={
            "Name": name,
            "TableType": "VIRTUAL_VIEW",
            "Parameters": {"presto_view": "true"},
            "StorageDescriptor": {"Columns": [{"Name": "order_id", "Type": "string"}], **serde},
            "ViewOriginalText": f"/* Presto View: {base64.b64encode(json.dumps(definition).encode()).decode()} */",
            "ViewExpandedText": "/* Presto View */",
        },
    )
    query = f'SELECT * FROM "{lake.database}"."{name}"'
    if refused:
        assert lake.failure(query) == "HIVE_METASTORE_ERROR: Table storage descriptor is missing SerDe info"
    else:
        assert lake.rows(query) == [["o2"]]


def test_statements_about_the_catalog(lake: Lake) -> None:
    name, database = unique(), unique("other")
    lake.run(
        f"CREATE EXTERNAL TABLE IF NOT EXISTS `{name}` (`id` string COMMENT 'x', r struct<a:int,b:array<string>>) "
        f"ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe' LOCATION 's3://{lake.data}/{name}/' "
        "TBLPROPERTIES ('k'='v')"
    )
    made = lake.aws.client("glue").get_table(DatabaseName=lake.database, Name=name)["Table"]
    assert [column["Type"] for column in made["StorageDescriptor"]["Columns"]] == [
        "string",
        "struct<a:int,b:array<string>>",
    ]
    assert made["Parameters"]["k"] == "v"
    assert "AlreadyExistsException" in lake.failure(
        f"CREATE EXTERNAL TABLE {name} (a int) STORED AS PARQUET LOCATION 's3://{lake.data}/{name}/'"
    )
    assert [name] in lake.fetched(lake.run("SHOW TABLES")["QueryExecutionId"])
    assert lake.fetched(lake.run(f"SHOW COLUMNS IN {name}")["QueryExecutionId"]) == [["id"], ["r"]]
    described = lake.fetched(lake.run(f"DESCRIBE {name}")["QueryExecutionId"])
    assert str(described[0][0]).split() == ["id", "string"]
    lake.run(f"CREATE DATABASE {database}")
    assert [database] in lake.fetched(lake.run("SHOW DATABASES")["QueryExecutionId"])
    lake.run(f"DROP DATABASE {database}")
    assert lake.failure("DROP DATABASE IF EXISTS " + lake.database).endswith("One or more tables exist.)")


def test_parameters(lake: Lake) -> None:
    assert lake.rows(
        "SELECT order_id FROM orders WHERE amount > ? AND order_id <> ?", ExecutionParameters=["0", "'o2'"]
    ) == [["o1"]]


def test_the_scan_limit_cancels(lake: Lake) -> None:
    name = unique()
    big = "SELECT range AS id, md5(range::VARCHAR) || md5('x' || range) AS noise FROM range(300000)"
    lake.put(f"{name}/f.parquet", big)
    lake.table(name, {"id": "bigint", "noise": "string"})
    ended = lake.end(lake.start(f"SELECT max(noise) FROM {name}"))
    assert ended["Status"]["State"] == "CANCELLED"
    assert ended["Status"]["StateChangeReason"] == "Bytes scanned limit was exceeded"
    assert ended["Statistics"]["DataScannedInBytes"] > 10_000_000
    # Only the columns that are needed count.
    few = lake.run(f"SELECT max(id) FROM {name}")
    assert 0 < few["Statistics"]["DataScannedInBytes"] < 5_000_000
    assert lake.rows(f"SELECT max(id) FROM {name}") == [["299999"]]


def test_a_query_is_stopped(lake: Lake) -> None:
    athena = lake.aws.client("athena")
    running = lake.start(ENDLESS)

    def begun() -> dict[str, Any] | None:
        status: dict[str, Any] = athena.get_query_execution(QueryExecutionId=running)["QueryExecution"]["Status"]
        return None if status["State"] == "QUEUED" else status

    status = wait_until(begun, "the query begins")
    assert status["State"] == "RUNNING", status
    athena.stop_query_execution(QueryExecutionId=running)
    ended = lake.end(running)
    assert (ended["Status"]["State"], ended["Status"]["StateChangeReason"]) == ("CANCELLED", "Query cancelled by user")
    athena.stop_query_execution(QueryExecutionId=running)
    assert lake.end(running) == ended


def test_too_many_queries_are_refused_and_queued_ones_can_be_stopped(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lake.aws.cloud.service("athena"), "active_dml_quota", 3)
    athena = lake.aws.client("athena")
    started = [lake.start(ENDLESS) for _ in range(3)]
    refused = error_of(lake.start, "SELECT 1")
    assert (refused["Code"], refused["Reason"]) == ("TooManyRequestsException", "CONCURRENT_QUERY_LIMIT_EXCEEDED")
    described = athena.batch_get_query_execution(QueryExecutionIds=[*started, "nobody"])
    assert described["QueryExecutions"][2]["Status"]["State"] == "QUEUED"
    assert [entry["QueryExecutionId"] for entry in described["UnprocessedQueryExecutionIds"]] == ["nobody"]
    for id in reversed(started):
        athena.stop_query_execution(QueryExecutionId=id)
    assert [lake.end(id)["Status"]["State"] for id in started] == ["CANCELLED"] * 3
    assert lake.rows("SELECT 1") == [["1"]]


@pytest.fixture
def changes(lake: Lake) -> Iterator[Any]:
    """The state changes that EventBridge delivers to a queue."""
    name = unique("changes").replace("_", "-")
    events, sqs = lake.aws.client("events"), lake.aws.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = lake.aws.cloud.arn("sqs", name)
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": arn,
            }
        ],
    }
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    pattern = {"source": ["aws.athena"], "detail-type": ["Athena Query State Change"]}
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
    received: list[dict[str, Any]] = []

    def of(id: str, count: int) -> list[dict[str, Any]]:
        def enough() -> bool:
            for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
                received.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            return len([event for event in received if event["detail"]["queryExecutionId"] == id]) >= count

        wait_until(enough, f"{count} events of {id}")
        mine = [event for event in received if event["detail"]["queryExecutionId"] == id]
        return sorted(mine, key=lambda event: int(event["detail"]["sequenceNumber"]))

    yield of
    events.remove_targets(Rule=name, Ids=["queue"])
    events.delete_rule(Name=name)


def test_each_state_is_an_event(lake: Lake, changes: Any) -> None:
    id = lake.run("SELECT 1")["QueryExecutionId"]
    found = changes(id, 3)
    assert [event["detail"]["currentState"] for event in found] == ["QUEUED", "RUNNING", "SUCCEEDED"]
    assert found[2]["source"] == "aws.athena"
    assert found[2]["resources"] == []
    assert found[2]["detail"] == {
        "versionId": "0",
        "currentState": "SUCCEEDED",
        "previousState": "RUNNING",
        "statementType": "DML",
        "queryExecutionId": id,
        "workgroupName": lake.workgroup,
        "sequenceNumber": "3",
    }
    failed = lake.start("SELECT nope FROM orders")
    lake.end(failed)
    error = changes(failed, 3)[2]["detail"]["athenaError"]
    assert (error["errorCategory"], error["retryable"]) == (2.0, False)
    assert error["errorMessage"].startswith("COLUMN_NOT_FOUND")


def test_an_event_bus_that_is_not_there_is_no_error_of_the_query(lake: Lake) -> None:
    lake.aws.faults.add(Fault(FaultKind.ERROR, "events", "PutEvents", code="InternalFailure", status=500))
    assert lake.rows("SELECT 1") == [["1"]]


def test_workgroups(lake: Lake) -> None:
    athena, name = lake.aws.client("athena"), unique("wg")
    other = f"s3://{lake.results}/other/"
    athena.create_work_group(
        Name=name,
        Configuration={
            "EnforceWorkGroupConfiguration": False,
            "ResultConfiguration": {"OutputLocation": f"s3://{lake.results}/own/"},
        },
        Tags=[{"Key": "a", "Value": "b"}],
    )
    assert error_of(athena.create_work_group, Name=name)["Message"] == "WorkGroup is already created"
    found = lake.run("SELECT 1", WorkGroup=name, ResultConfiguration={"OutputLocation": other})
    assert found["ResultConfiguration"]["OutputLocation"].startswith(other)
    athena.update_work_group(WorkGroup=name, ConfigurationUpdates={"EnforceWorkGroupConfiguration": True})
    found = lake.run("SELECT 1", WorkGroup=name, ResultConfiguration={"OutputLocation": other})
    assert found["ResultConfiguration"]["OutputLocation"].startswith(f"s3://{lake.results}/own/")
    described = athena.get_work_group(WorkGroup=name)["WorkGroup"]
    assert described["Configuration"]["EngineVersion"]["EffectiveEngineVersion"] == "Athena engine version 3"
    assert name in [entry["Name"] for entry in athena.list_work_groups()["WorkGroups"]]
    athena.update_work_group(
        WorkGroup=name, ConfigurationUpdates={"ResultConfigurationUpdates": {"RemoveOutputLocation": True}}
    )
    assert error_of(lake.start, "SELECT 1", WorkGroup=name)["Message"].startswith("No output location provided")
    athena.update_work_group(WorkGroup=name, State="DISABLED")
    assert error_of(lake.start, "SELECT 1", WorkGroup=name)["Message"] == f"WorkGroup {name} is disabled."
    assert error_of(athena.delete_work_group, WorkGroup=name)["Message"] == f"WorkGroup {name} is not empty"
    athena.delete_work_group(WorkGroup=name, RecursiveDeleteOption=True)
    assert error_of(athena.get_work_group, WorkGroup=name)["Message"] == f"WorkGroup {name} is not found."
    refused = error_of(
        lake.start,
        "SELECT 1",
        WorkGroup="primary",
        ResultConfiguration={"OutputLocation": "s3://no-such-bucket-here/x/"},
    )
    assert refused["Message"] == "Unable to verify/create output bucket no-such-bucket-here"


def test_named_queries(lake: Lake) -> None:
    athena = lake.aws.client("athena")
    id = athena.create_named_query(Name="n", Database=lake.database, QueryString="SELECT 1", WorkGroup=lake.workgroup)[
        "NamedQueryId"
    ]
    assert athena.get_named_query(NamedQueryId=id)["NamedQuery"]["QueryString"] == "SELECT 1"
    assert id in athena.list_named_queries(WorkGroup=lake.workgroup)["NamedQueryIds"]
    athena.delete_named_query(NamedQueryId=id)
    assert error_of(athena.get_named_query, NamedQueryId=id)["Code"] == "InvalidRequestException"


def statements(lake: Lake) -> dict[str, tuple[str, list[str]]]:
    """What a query needs: actions and the resources they are needed on."""
    arn = lake.aws.cloud.arn
    buckets = [f"arn:aws:s3:::{lake.data}", f"arn:aws:s3:::{lake.results}"]
    catalog = [arn("glue", "catalog"), arn("glue", f"database/{lake.database}")]
    return {
        "athena:StartQueryExecution": ("start", [arn("athena", f"workgroup/{lake.workgroup}")]),
        "glue:GetDatabase": ("fail", catalog),
        "glue:GetTable": ("fail", [*catalog, arn("glue", f"table/{lake.database}/*")]),
        "s3:GetBucketLocation": ("start", buckets),
        "s3:ListBucket": ("fail", [f"arn:aws:s3:::{lake.data}"]),
        "s3:GetObject": ("fail", [f"arn:aws:s3:::{lake.data}/orders/*"]),
        "s3:PutObject": ("fail", [f"arn:aws:s3:::{lake.data}/unloaded-*", f"arn:aws:s3:::{lake.results}/q/*"]),
    }


def role(lake: Lake, allowed: dict[str, list[str]]) -> Any:
    name = f"r-{secrets.token_hex(4)}"
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": PRINCIPAL}}
    iam = lake.aws.client("iam")
    made = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )
    document = [{"Effect": "Allow", "Action": action, "Resource": resources} for action, resources in allowed.items()]
    iam.put_role_policy(
        RoleName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": document})
    )
    return lake.aws.cloud.client("athena", made["Role"]["Arn"], PRINCIPAL)


def unload(lake: Lake) -> str:
    target = f"s3://{lake.data}/unloaded-{secrets.token_hex(4)}/"
    return f"UNLOAD (SELECT order_id FROM orders) TO '{target}' WITH (format = 'PARQUET')"


def test_a_role_with_exactly_what_a_query_needs(lake: Lake) -> None:
    lake.run(unload(lake), role(lake, {action: resources for action, (_, resources) in statements(lake).items()}))


@pytest.mark.parametrize(
    "missing",
    [
        "athena:StartQueryExecution",
        "glue:GetDatabase",
        "glue:GetTable",
        "s3:GetBucketLocation",
        "s3:ListBucket",
        "s3:GetObject",
        "s3:PutObject",
    ],
)
def test_a_role_without_one_permission_fails(lake: Lake, missing: str) -> None:
    needed = statements(lake)
    client = role(lake, {action: resources for action, (_, resources) in needed.items() if action != missing})
    if needed[missing][0] == "start":
        refused = error_of(lake.start, unload(lake), client)
        expected = "AccessDeniedException" if missing.startswith("athena") else "InvalidRequestException"
        assert refused["Code"] == expected
    else:
        reason = lake.failure(unload(lake), client)
        assert missing in reason or "ccess denied" in reason.lower() or "not authorized" in reason


def test_each_resource_of_the_catalog_is_checked(lake: Lake) -> None:
    for left_out in ("catalog", f"database/{lake.database}", f"table/{lake.database}/*"):
        allowed = {action: list(resources) for action, (_, resources) in statements(lake).items()}
        allowed["glue:GetTable"] = [arn for arn in allowed["glue:GetTable"] if not arn.endswith(left_out)]
        reason = lake.failure("SELECT * FROM orders", role(lake, allowed))
        assert reason.startswith("Insufficient permissions to execute the query.")
        assert "glue:GetTable" in reason


def test_a_query_is_asked_for_by_who_may_see_its_workgroup(lake: Lake) -> None:
    id = lake.run("SELECT 1")["QueryExecutionId"]
    mine = role(lake, {"athena:GetQueryExecution": [lake.aws.cloud.arn("athena", f"workgroup/{lake.workgroup}")]})
    assert mine.get_query_execution(QueryExecutionId=id)["QueryExecution"]["QueryExecutionId"] == id
    other = role(lake, {"athena:GetQueryExecution": [lake.aws.cloud.arn("athena", "workgroup/other")]})
    assert error_of(other.get_query_execution, QueryExecutionId=id)["Code"] == "AccessDeniedException"
    # The rows lie in S3, where the reader has to be allowed as well.
    reader = role(lake, {"athena:GetQueryResults": [lake.aws.cloud.arn("athena", f"workgroup/{lake.workgroup}")]})
    assert error_of(reader.get_query_results, QueryExecutionId=id)["Code"] == "InvalidRequestException"
