"""Whatever is sent is refused with a clear 4xx and no effect, or found again, equal, in the row, in ``orders_current``
and in Redshift.

The requests go through the sandbox's gateway and the deployed machine in this process; the rows that they made then go
the whole way together, through the Pipe's template, Firehose's conversion, the pipeline's query and COPY.

``DOOR_REQUESTS`` says how many are generated.
"""

import json
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from eda_runtime import query_template
from eda_runtime.envelope import traceparent_of
from eda_runtime.request_limits import MAX_CORRELATION_ID, MAX_LEVELS, is_correlation_id
from eda_sandbox.embedded import Sandbox
from eda_sandbox.foundation.cloud import REGION
from eda_sandbox.services.apigateway.exchange import Reply
from eda_sandbox.services.apigateway.gateway import MAX_BODY as MAX_REQUEST
from eda_sandbox.services.firehose import conversion
from eda_sandbox.services.pipes.template import InputTemplate
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pulumi_aws_eda._parts.analytics import athena_view
from pulumi_aws_eda._parts.api.request_template import MAX_BODY

from pipeline import analytics, documents
from pipeline.schemas import ORDER
from tests.integration.door import Door
from tests.integration.stream_parts import create_role
from tests.waiting import wait_until

REQUESTS = int(os.environ.get("DOOR_REQUESTS", "1200"))
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
ROW = {"customer": "c", "sku": "s", "quantity": 1}
Header = tuple[str, str]


@dataclass
class Request:
    """A request, and what is known of it.

    Attributes:
        body: as it is sent.
        headers: likewise.
        query: likewise.
        good: nothing is wrong with it.
        sent: the header's value that counts, by its name; None where there is none.
    """

    body: bytes
    headers: list[Header]
    query: str
    good: bool
    sent: dict[str, str | None] = field(default_factory=dict)


# Bodies

CHARACTERS = st.characters(codec="utf-8", exclude_characters="\ufffd\0")
ODD = ["ü" * 64, "💡" * 64, '"\\/', "\x01\x1f\x7f", "e\u0301 \u00e9", "\u2028", "\\ud800", "1.0", "${x} #set($y)"]
TEXTS = st.text(CHARACTERS, min_size=1, max_size=64) | st.sampled_from(ODD)
GOOD_NUMBERS = st.integers(1, 1000).map(str)
NO_INTEGERS = ["1.0", "1e2", "1E0", "1e0", "10e-1", "1.00000000000000000000001", "1e400", "1234567890123456"]
BAD_NUMBERS = st.sampled_from(
    [*NO_INTEGERS, "0", "1001", "-1", "NaN", "01", "true", "null", '"1"', "[1]", "+1", ".5", "1.", "9" * 30]
)
HALVES = ["\\ud800", "a\\udfffb", "\\ude00\\ud83d", "\\\\\\uD83D", '\\ud83d\\"\\ude00', "\\ud83d\\\\\\ude00", "\\u0000"]
BAD_TEXTS = st.sampled_from(
    [
        *(f'"{half}"' for half in HALVES),
        '""',
        f'"{"x" * 65}"',
        '"\ufffd"',
        '"\t"',
        '"\\x41"',
        '"open',
        "1",
        "null",
        "{}",
    ]
)


@st.composite
def written(draw: st.DrawFn, text: str) -> str:
    """A string as JSON may write it."""
    plain = json.dumps(text, ensure_ascii=draw(st.booleans()))
    if draw(st.integers(0, 7)) == 0:
        units = text.encode("utf-16-be").hex()
        plain = '"' + "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4)) + '"'
        plain = plain if draw(st.booleans()) else plain.upper().replace("\\U", "\\u")
    return plain


@st.composite
def bodies(draw: st.DrawFn, bad: bool) -> bytes:
    """An order, with one thing wrong or none; members may come twice, and it may be padded to any size."""
    wrong = draw(st.sampled_from(["customer", "quantity", "note", "shape", "bytes", "size"])) if bad else ""
    strings = {name: draw(BAD_TEXTS if wrong == name else TEXTS.flatmap(written)) for name in ("customer", "sku")}
    members = [*strings.items(), ("quantity", draw(BAD_NUMBERS if wrong == "quantity" else GOOD_NUMBERS))]
    if wrong == "note" or draw(st.booleans()):
        members.append(("note", '"\\udead"' if wrong == "note" else draw(TEXTS.flatmap(written))))
    if draw(st.integers(0, 3)) == 0:
        # The last one counts, so the first may be anything that is JSON.
        name = draw(st.sampled_from([name for name, _ in members]))
        members.insert(0, (name, draw(st.sampled_from(['"first"', "7", "null", "[]", '"1.5"']))))
    gap = draw(st.sampled_from(["", "", " ", "\n\t "]))
    text = "{" + f",{gap}".join(f'"{name}"{gap}:{gap}{value}' for name, value in members) + "}"
    if wrong == "shape":
        torn = [f"[{text}]", f"{text}x", text + text, f'{text[:-1]},"more":1}}', text[:-1], "", "[" * 40]
        text = draw(st.sampled_from(torn))
    body = text.encode("utf-8", "surrogatepass")
    if wrong == "bytes":
        body = body.replace(b"}", b',"note":"' + draw(st.sampled_from([b"\xff", b"\xc3\x28", b"\xed\xa0\x80"])) + b'"}')
    if wrong == "size":
        body += b" " * draw(st.sampled_from([MAX_BODY, 140_000, 300_000]))
    elif draw(st.integers(0, 9)) == 0 and not bad:
        left = MAX_BODY - sum(2 if letter > "\uffff" else 1 for letter in text)
        body += b" " * draw(st.integers(max(0, left - 2), max(0, left)))
    return body


# Headers

CASES: list[Callable[[str], str]] = [str, str.lower, str.upper, str.swapcase]
VISIBLE = st.characters(min_codepoint=33, max_codepoint=126)
GOOD = {
    "Idempotency-Key": st.just(None),
    "X-Correlation-Id": st.none() | st.text(VISIBLE, min_size=1, max_size=MAX_CORRELATION_ID),
    "traceparent": st.none() | st.sampled_from([f"00-{TRACE}-{PARENT}-01", f"cc-{TRACE}-{PARENT}-fe-more"]),
}
BAD = {
    "Idempotency-Key": st.sampled_from(["", " ", '""', "k" * 256, "é", "k\x00k", "€", "k\tk"]),
    "X-Correlation-Id": st.sampled_from(["x" * 129, "x" * 4_000, "a b", "é", "a\r\nX: 1", "€", "\x7f", "a\tb"]),
    "traceparent": st.just(""),
}
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"
# None of these is refused: whoever sends one begins a trace.
NO_TRACES = [
    "",
    "x" * 73,
    f"ff-{TRACE}-{PARENT}-01",
    f"00-{'0' * 32}-{PARENT}-01",
    f"00-{TRACE}-{'0' * 16}-01",
    f"02-{TRACE}-{'0' * 16}-01",
    f"01-{TRACE}-{PARENT}-01more",
    f"{TRACEPARENT}-more",
    f"{TRACEPARENT} x",
    TRACEPARENT[:-1],
    TRACEPARENT[:-3],
    TRACEPARENT.upper(),
]


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """A request that is good, or has a bad body or one bad header."""
    wrong = draw(st.sampled_from(["", "", "", "body", "Idempotency-Key", "X-Correlation-Id", "twice"]))
    sent: dict[str, str | None] = {name: draw((BAD if wrong == name else GOOD)[name]) for name in GOOD}
    if sent["Idempotency-Key"] is None:
        key = f"{draw(st.text(VISIBLE, max_size=20))}{secrets.token_hex(8)}"
        sent["Idempotency-Key"] = draw(st.sampled_from([key, f'"{key}"', f" {key} ", f"{key} x".ljust(255, "k")]))
    if draw(st.integers(0, 3)) == 0:
        sent["traceparent"] = draw(st.sampled_from(NO_TRACES))
    headers = [(draw(st.sampled_from(CASES))(name), value) for name, value in sent.items() if value is not None]
    if wrong == "twice":
        name = draw(st.sampled_from(["Idempotency-Key", "X-Correlation-Id"]))
        headers = [entry for entry in headers if entry[0].lower() != name.lower()]
        headers += [(name, "a"), (name.lower(), "b")]
    query = "&".join(f"{name}=q{secrets.token_hex(2)}%0D%0A" for name in draw(st.sets(st.sampled_from(sorted(GOOD)))))
    body = draw(bodies(wrong == "body"))
    return Request(body, draw(st.permutations(headers)), query, not wrong, sent)


def refused(reply: Reply) -> dict[str, Any]:
    """The problem that an answer is."""
    assert 400 <= reply.status < 500, (reply.status, reply.body)
    assert dict(reply.headers)["Content-Type"] == "application/problem+json"
    found: dict[str, Any] = json.loads(reply.body)
    assert found["status"] == reply.status
    assert len(found["detail"]) > 10
    return found


@pytest.mark.timeout(300 + REQUESTS // 5)
def test_what_is_accepted_is_found_again_in_all_hops_and_all_else_is_refused(aws: Sandbox, tmp_path: Path) -> None:
    door = Door(ORDER)
    accepted: dict[str, dict[str, Any]] = {}

    @settings(max_examples=REQUESTS)
    @given(requests())
    @example(
        Request(
            b'{"customer":"c","sku":"s","quantity":"many","quantity":1}', [("idempotency-key", "k-1")], "", good=True
        )
    )
    def each(request: Request) -> None:
        before = len(door.rows()), len(door.started)
        reply = door.post(request.body, request.headers, request.query)
        assert (reply.status == 202) is request.good, (reply.status, reply.body)
        if not request.good:
            refused(reply)
            assert (len(door.rows()), len(door.started)) == before
            return
        order_id = json.loads(reply.body)["order_id"]
        assert len(door.rows()) == before[0] + 1
        row, sent = door.row(order_id), json.loads(request.body)
        stored = json.loads(row["payload"])
        assert (stored, type(stored["quantity"])) == (sent, int)
        assert door.started[order_id]["payload"] == sent
        assert row["correlation_id"] == (request.sent.get("X-Correlation-Id") or order_id)
        assert is_correlation_id(row["correlation_id"])
        assert traceparent_of(row["traceparent"]) == row["traceparent"] != ""
        given_trace = traceparent_of(request.sent.get("traceparent") or "")
        assert given_trace in ("", row["traceparent"])
        accepted[order_id] = {
            "order_id": order_id,
            **{name: sent[name] for name in ROW},
            **{name: row[name] for name in ("correlation_id", "traceparent", "tenant", "causation_id", "event_id")},
        }

    each()
    assert len(accepted) > REQUESTS // 10
    warehouse = Warehouse(aws, tmp_path)
    names = list(next(iter(accepted.values())))
    warehouse.take([door.world.memory.item("orders", order_id) for order_id in accepted])
    for rows in (warehouse.current(names), warehouse.loaded(names)):
        assert {row["order_id"]: row for row in rows} == accepted


class Warehouse:
    """What becomes of rows behind the table: the pipeline's columns and query, in a lake and a workgroup."""

    def __init__(self, aws: Sandbox, folder: Path) -> None:
        self._aws, self._folder, self._name = aws, folder, f"door{secrets.token_hex(4)}"
        made = documents.recording("prod")
        self._template = InputTemplate(
            made.one("aws:pipes/pipe:Pipe", "orders-raw-pipe").inputs["targetParameters"]["inputTemplate"]
        )
        storage = made.one("aws:glue/catalogTable:CatalogTable", "orders-raw-table").inputs["storageDescriptor"]
        self._columns = [{"Name": column["name"], "Type": column["type"]} for column in storage["columns"]]
        aws.client("s3").create_bucket(Bucket=self._name, CreateBucketConfiguration={"LocationConstraint": REGION})
        aws.client("glue").create_database(DatabaseInput={"Name": self._name})
        location = {"OutputLocation": f"s3://{self._name}/results/"}
        aws.client("athena").create_work_group(Name=self._name, Configuration={"ResultConfiguration": location})
        self._table("raw", {column["Name"]: column["Type"] for column in self._columns})
        self._table("curated", {name: kinds[0] for name, kinds in analytics.COLUMNS.items()})

    def take(self, items: list[dict[str, Any]]) -> None:
        """Bring rows from the stream to curated files."""
        schema = conversion.schema_of(self._columns, {})
        rows = []
        for item in items:
            image = {"Keys": {"order_id": item["order_id"]}, "NewImage": item, "ApproximateCreationDateTime": 0}
            event = {"eventName": "INSERT", "eventID": secrets.token_hex(8), "dynamodb": image}
            rows += schema.rows(self._template.apply(event, {}).encode())
        content = conversion.parquet(schema, rows, "SNAPPY", self._folder)
        self._aws.client("s3").put_object(Bucket=self._name, Key="raw/one.parquet", Body=content)
        unused = dict.fromkeys(query_template.LITERALS, "")
        query = query_template.render(analytics.QUERY, f'"{self._name}"."raw"', unused)
        target = f"s3://{self._name}/curated/"
        self._athena(f"UNLOAD ({query}) TO '{target}' WITH (format = 'PARQUET', compression = 'SNAPPY')")

    def current(self, names: list[str]) -> list[dict[str, Any]]:
        """The rows of the view."""
        columns = {name: kinds[0] for name, kinds in analytics.COLUMNS.items()}
        view = athena_view.newest_rows(
            self._name, "curated", columns, analytics.KEY, analytics.VERSION, analytics.DELETED
        )
        id = self._athena(f"SELECT {', '.join(names)} FROM ({view})")
        pages = self._aws.client("athena").get_paginator("get_query_results").paginate(QueryExecutionId=id)
        cells = [[cell["VarCharValue"] for cell in row["Data"]] for page in pages for row in page["ResultSet"]["Rows"]]
        rows = [dict(zip(names, values, strict=True)) for values in cells[1:]]
        return [{**row, "quantity": int(row["quantity"])} for row in rows]

    def loaded(self, names: list[str]) -> list[dict[str, Any]]:
        """The rows of the table in Redshift, after COPY."""
        allowed = ["s3:GetObject", "s3:ListBucket"]
        reads = {"Read": (allowed, f"arn:aws:s3:::{self._name}/*"), "List": (allowed, f"arn:aws:s3:::{self._name}")}
        role = create_role(self._aws, self._name, "redshift-serverless.amazonaws.com", reads)
        serverless = self._aws.client("redshift-serverless")
        serverless.create_namespace(
            namespaceName=self._name, dbName="orders", adminUsername="boss", manageAdminPassword=True, iamRoles=[role]
        )
        subnets = ["subnet-1", "subnet-2"]
        serverless.create_workgroup(
            workgroupName=self._name, namespaceName=self._name, baseCapacity=8, subnetIds=subnets
        )
        try:
            typed = ", ".join(f'"{name}" {kinds[1]}' for name, kinds in analytics.COLUMNS.items())
            self._redshift(f"CREATE TABLE loaded ({typed})")
            self._redshift(f"COPY loaded FROM 's3://{self._name}/curated/' IAM_ROLE '{role}' FORMAT AS PARQUET")
            id = self._redshift(f"SELECT {', '.join(names)} FROM loaded")
            pages = self._aws.client("redshift-data").get_paginator("get_statement_result").paginate(Id=id)
            records = [record for page in pages for record in page["Records"]]
            return [
                {name: next(iter(cell.values())) for name, cell in zip(names, record, strict=True)}
                for record in records
            ]
        finally:
            serverless.delete_workgroup(workgroupName=self._name)
            serverless.delete_namespace(namespaceName=self._name)

    def _table(self, name: str, columns: dict[str, str]) -> None:
        kind = "org.apache.hadoop.hive.ql.io.parquet"
        storage = {
            "Columns": [{"Name": column, "Type": type} for column, type in columns.items()],
            "Location": f"s3://{self._name}/{name}/",
            "InputFormat": f"{kind}.MapredParquetInputFormat",
            "OutputFormat": f"{kind}.MapredParquetOutputFormat",
            "SerdeInfo": {"SerializationLibrary": f"{kind}.serde.ParquetHiveSerDe"},
        }
        described = {"Name": name, "TableType": "EXTERNAL_TABLE", "StorageDescriptor": storage, "PartitionKeys": []}
        self._aws.client("glue").create_table(DatabaseName=self._name, TableInput=described)

    def _athena(self, sql: str) -> str:
        athena = self._aws.client("athena")
        id: str = athena.start_query_execution(QueryString=sql, WorkGroup=self._name)["QueryExecutionId"]

        def ended() -> dict[str, Any] | None:
            status: dict[str, Any] = athena.get_query_execution(QueryExecutionId=id)["QueryExecution"]["Status"]
            return status if status["State"] in ("SUCCEEDED", "FAILED", "CANCELLED") else None

        status = wait_until(ended, "the query ends")
        assert status is not None
        assert status["State"] == "SUCCEEDED", status
        return id

    def _redshift(self, sql: str) -> str:
        data = self._aws.client("redshift-data")
        id: str = data.execute_statement(Sql=sql, WorkgroupName=self._name, Database="orders")["Id"]
        described = data.describe_statement(Id=id, WaitTimeSeconds=30)
        assert described["Status"] == "FINISHED", described.get("Error")
        return id


# What the requests above find at random, one by one.


@pytest.fixture(scope="module")
def door() -> Door:
    return Door(ORDER)


def key() -> Header:
    return ("Idempotency-Key", secrets.token_hex(8))


def order(**members: Any) -> bytes:
    return json.dumps({**ROW, **members}, ensure_ascii=False).encode()


@pytest.mark.parametrize("size", [MAX_BODY, 8_192, 140_000, 300_000, 2_500_000])
@pytest.mark.parametrize("letter", ["x", "ü", "語", "💡", "\\u00fc"])
def test_a_body_over_the_limit_is_413_at_every_size(size: int, letter: str) -> None:
    # Of any object: a schema's own lengths are looked at first.
    door = Door(None)
    body = b'{"note":"' + letter.encode() * size + b'"}'
    reply = door.post(body, [key()])
    if len(body) > MAX_REQUEST:
        # The one answer whose text is API Gateway's own.
        assert (reply.status, json.loads(reply.body)) == (413, {"message": "Request Too Long"})
    else:
        assert refused(reply)["status"] == 413
    assert not door.rows()
    assert not door.started


@pytest.mark.parametrize(("letters", "status"), [(MAX_BODY - 12, 202), (MAX_BODY - 10, 413)])
def test_the_limit_counts_units_of_utf_16_and_lets_the_longest_body_through(letters: int, status: int) -> None:
    door = Door(None)
    for letter in ("x", "ü", "💡", '\\"'):
        units = len(letter.encode("utf-16-be")) // 2
        body = b'{"note":"' + letter.encode() * (letters // units) + b'"}'
        body += b" " * (letters % units)
        assert door.post(body, [key()]).status == status, letter


@pytest.mark.parametrize("form", CASES, ids=["as it is", "lower", "upper", "swapped"])
def test_a_header_is_found_whatever_its_case(door: Door, form: Callable[[str], str]) -> None:
    sent = {"Idempotency-Key": secrets.token_hex(8), "X-Correlation-Id": "c", "traceparent": TRACEPARENT}
    reply = door.post(order(), [(form(name), value) for name, value in sent.items()])
    row = door.row(json.loads(reply.body)["order_id"])
    assert (row["correlation_id"], row["traceparent"]) == ("c", TRACEPARENT)


def test_a_query_parameter_of_a_headers_name_means_nothing(door: Door) -> None:
    query = "Idempotency-Key=q&X-Correlation-Id=a%0D%0Ab&traceparent=x"
    ids = {json.loads(door.post(order(), [key()], query).body)["order_id"] for _ in range(2)}
    assert len(ids) == 2
    assert {door.row(id)["correlation_id"] for id in ids} == ids
    assert refused(door.post(order(), [], query))["detail"].startswith("the header Idempotency-Key is missing")


@pytest.mark.parametrize(
    ("headers", "field"),
    [
        ([("idempotency-key", "k" * 256)], "Idempotency-Key"),
        ([("idempotency-key", "é")], "Idempotency-Key"),
        ([("idempotency-key", "a"), ("Idempotency-Key", "b")], "Idempotency-Key"),
        ([key(), ("x-correlation-id", "x" * 129)], "X-Correlation-Id"),
        ([key(), ("x-correlation-id", "a b")], "X-Correlation-Id"),
        ([key(), ("x-correlation-id", "a"), ("X-Correlation-Id", "a")], "X-Correlation-Id"),
        ([key(), *[(f"h{number}", "") for number in range(1_200)]], "headers"),
    ],
)
def test_what_is_wrong_with_a_header_is_said(door: Door, headers: list[Header], field: str) -> None:
    before = len(door.rows())
    problem = refused(door.post(order(), headers))
    assert problem["status"] == 400
    assert field in problem["detail"]
    assert len(door.rows()) == before


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (TRACEPARENT, TRACEPARENT),
        (f"00-{TRACE}-{PARENT}-ff", f"00-{TRACE}-{PARENT}-ff"),
        (f"01-{TRACE}-{PARENT}-01", TRACEPARENT),
        (f"cc-{TRACE}-{PARENT}-fe-what-comes-later", f"00-{TRACE}-{PARENT}-02"),
        *((none, "") for none in NO_TRACES),
        (None, ""),
    ],
)
def test_a_traceparent_is_kept_where_it_is_valid_and_else_begun(door: Door, sent: str | None, kept: str) -> None:
    headers = [key(), *([] if sent is None else [("traceparent", sent)])]
    found = door.row(json.loads(door.post(order(), headers).body)["order_id"])["traceparent"]
    assert traceparent_of(sent or "") == kept
    assert traceparent_of(found) == found
    assert found == kept if kept else TRACE not in found


def test_two_spellings_of_a_traceparent_begin_a_new_trace(door: Door) -> None:
    both = [("traceparent", TRACEPARENT), ("Traceparent", TRACEPARENT)]
    found = door.row(json.loads(door.post(order(), [key(), *both]).body)["order_id"])["traceparent"]
    assert TRACE not in found


@pytest.mark.parametrize("number", NO_INTEGERS)
def test_what_draft_4_calls_no_integer_is_refused(door: Door, number: str) -> None:
    refused(door.post(b'{"customer":"c","sku":"s","quantity":' + number.encode() + b"}", [key()]))


# Numbers that a double has, with an exponent of two digits.
DOUBLES = st.floats(1e-99, 9e99) | st.floats(-9e99, -1e-99) | st.just(0.0)
ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15) + 1, 10**15 - 1) | DOUBLES | st.text(CHARACTERS, max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(CHARACTERS, max_size=8), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.timeout(300 + REQUESTS // 5)
def test_any_object_is_stored_with_its_values() -> None:
    door = Door(None)

    @settings(max_examples=REQUESTS // 4)
    @given(value=st.dictionaries(st.text(CHARACTERS, max_size=8), ANY, max_size=4), ascii=st.booleans())
    def each(value: dict[str, Any], ascii: bool) -> None:
        reply = door.post(json.dumps(value, ensure_ascii=ascii).encode(), [key()])
        assert reply.status == 202, reply.body
        order_id = json.loads(reply.body)["order_id"]
        assert json.loads(door.row(order_id)["payload"]) == door.started[order_id]["payload"] == value

    each()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('{"a": 123456789012345, "b": -1.5, "c": 1.23456789012345, "d": 1e99, "e": -1E-99}', 202),
        ('{"a": 1234567890123456}', 400),
        ('{"a": 0.30000000000000004, "b": 1234567890123456.0, "c": 0.00012345678901234567}', 202),
        ('{"a": 1.00000000000000000000001}', 400),
        ('{"a": 0.123456789012345678}', 400),
        ('{"a": 12345678901234567.01}', 400),
        ('{"a": 1e100}', 400),
        ('{"a": "1234567890123456 1e400 1.0"}', 202),
        ('{"a":' * MAX_LEVELS + "1" + "}" * MAX_LEVELS, 202),
        ('{"a":' * (MAX_LEVELS + 1) + "1" + "}" * (MAX_LEVELS + 1), 400),
        ('{"a": [[], [], [[]], "[[", "]"]}', 202),
        ("[1]", 400),
        ("", 400),
        ('{"a": 1} {"b": 2}', 400),
        ('{"a": 1} 2', 400),
    ],
)
def test_a_workflow_without_a_schema_takes_any_object_that_all_hops_can_carry(body: str, status: int) -> None:
    door = Door(None)
    reply = door.post(body.encode(), [key()])
    assert reply.status == status, reply.body
    assert len(door.rows()) == (status == 202)
