"""Files that nobody checked, put beside Firehose's: a value costs its own row at most, a file itself at most."""

import gzip
import json
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from eda_runtime.object_query import NOTHING_READ
from eda_sandbox.embedded import Sandbox
from eda_sandbox.provider.deploy import Stack
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pipeline import analytics
from tests.integration.test_orders import BODY
from tests.reliability.test_back_half import RAW_COLUMNS, Chain
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("hurried")

T0 = "2026-01-02T03:04:05.678Z"
NOW = "2026-01-02T04:00:00.000Z"
AT = datetime(2026, 1, 2, 3, 4, 5, 678000)
MS = 1_767_323_045_678
LONG = 70_000
TODAY = datetime.now(UTC)


class Hand(Chain):
    """The pipeline's analytics, and somebody who puts files there by hand."""

    def __init__(self, aws: Sandbox, stack: Stack, folder: Path) -> None:
        super().__init__(aws, stack, folder)
        self.folder = folder
        self._letters: list[dict[str, Any]] = []

    def put(self, name: str, body: bytes) -> str:
        """Put an object under the raw prefix; its key."""
        key = f"raw/orders/{name}"
        self.aws.client("s3").put_object(Bucket=self.outputs["raw_bucket_name"], Key=key, Body=body)
        return key

    def parquet(self, *rows: dict[str, str]) -> bytes:
        """A file of raw rows."""
        columns = ", ".join(f"{name} VARCHAR" for name in RAW_COLUMNS)
        with duckdb.connect() as database:
            database.execute(f"CREATE TABLE raw ({columns})")
            values = [[made[name] for name in RAW_COLUMNS] for made in rows]
            database.executemany(f"INSERT INTO raw VALUES ({', '.join('?' * len(RAW_COLUMNS))})", values)
            database.execute(f"COPY raw TO '{self.folder / 'raw.parquet'}' (FORMAT parquet)")
        return (self.folder / "raw.parquet").read_bytes()

    def rows(self, settled: dict[str, Any]) -> list[dict[str, Any]]:
        """The rows of a settled object's files."""
        local, found = self.folder / "curated.parquet", []
        for file in json.loads(settled["files"]):
            bucket, _, key = file["path"].removeprefix("s3://").partition("/")
            local.write_bytes(self.aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
            with duckdb.connect() as database:
                result = database.execute(f"SELECT * FROM read_parquet('{local}')")
                names = [column[0] for column in result.description]
                found += [dict(zip(names, values, strict=True)) for values in result.fetchall()]
        return found

    def letters(self) -> list[dict[str, Any]]:
        """All that came to the queries' dead-letter queue."""
        sqs, url = self.aws.client("sqs"), self.outputs["query_dlq_url"]
        while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            self._letters += [json.loads(message["Body"]) for message in found]
            for message in found:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return self._letters

    def spice(self) -> set[str]:
        """The orders that the data set holds."""
        service: Any = self.aws.cloud.service("quicksight")
        return {row["order_id"] for row in service.spice(self.outputs["spice_data_set_ids"][0])}


@pytest.fixture(scope="module")
def chain(aws: Sandbox, stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Hand:
    return Hand(aws, stack, tmp_path_factory.mktemp("raw"))


def row(**changed: str) -> dict[str, str]:
    """A raw row as the Pipe makes it of an order's change."""
    id = secrets.token_hex(32)
    given = {
        "event_name": "MODIFY",
        "stream_event_id": secrets.token_hex(16),
        "changed_at": "1767323100",
        "order_id": id,
        "tenant": "123456789012/clients",
        "status": "COMPLETED",
        "version": "3",
        "correlation_id": id,
        "causation_id": "c",
        "event_id": f"{id}:3",
        "traceparent": "",
        "schema_version": "1",
        "occurred_at": T0,
        "created_at": T0,
        "updated_at": NOW,
        "payload": json.dumps(BODY),
        "result": "{}",
        "details": "{}",
        "error": "",
        "old_version": "2",
        "old_created_at": T0,
    }
    assert set(given) == set(RAW_COLUMNS)
    return given | changed


def removed(**changed: str) -> dict[str, str]:
    """A raw row of a deletion: what is of the new image is empty."""
    kept = ("stream_event_id", "changed_at", "order_id", "old_version", "old_created_at")
    made = {name: value if name in kept else "" for name, value in row().items()}
    return made | {"event_name": "REMOVE", "old_version": "3"} | changed


def curated(chain: Hand, *rows: dict[str, str], day: str = f"{TODAY:%Y-%m-%d}") -> list[dict[str, Any]]:
    """The curated rows of one raw object with these rows, in their order."""
    body = chain.parquet(*({**made, "causation_id": f"{number}"} for number, made in enumerate(rows)))
    settled = chain.settled(chain.put(f"dt={day}/hour=00/{secrets.token_hex(8)}.parquet", body))
    assert settled["state"] == "SUCCEEDED", settled.get("error")
    return sorted(chain.rows(settled), key=lambda made: int(made["causation_id"]))


def payload(**changed: Any) -> str:
    return json.dumps({**BODY, **changed}, ensure_ascii=False)


# What comes, and what becomes of it: curated values, and the columns that are named.
CASES: list[tuple[dict[str, str], dict[str, Any], str | None]] = [
    ({}, {"version": 3, "sequence": MS * 1_000_000 + 3, "deleted": False, "occurred_at": AT}, None),
    ({"payload": '{"customer":"a","sku":"s","quantity":1.0}'}, {"customer": "a", "quantity": None}, "quantity"),
    ({"payload": '{"customer":"a","sku":"s","quantity":1e2}'}, {"quantity": None}, "quantity"),
    ({"payload": '{"customer":"a","sku":"s","quantity":"many","quantity":1}'}, {"quantity": None}, "quantity"),
    ({"payload": payload(quantity=10**30)}, {"quantity": None}, "quantity"),
    ({"payload": payload(customer="ü" * 64)}, {"customer": "ü" * 64}, None),
    ({"payload": payload(customer="😀" * 65)}, {"customer": "😀" * 64}, "customer"),
    ({"payload": payload(customer="a\0b")}, {"customer": "ab"}, "customer"),
    ({"payload": payload(customer={"a": 1}, sku=None)}, {"customer": None, "sku": None}, "customer,sku"),
    ({"payload": "no JSON"}, {"customer": None, "sku": None, "quantity": None}, "customer,sku,quantity"),
    ({"payload": "7"}, {"customer": None}, "customer,sku,quantity"),
    ({"payload": "[1]"}, {"customer": None}, "customer,sku,quantity"),
    ({"payload": "null"}, {"customer": None}, "customer,sku,quantity"),
    ({"payload": "[" * 5_000}, {"customer": None}, "customer,sku,quantity"),
    ({"payload": ""}, {"customer": None}, None),
    ({"version": "1.0"}, {"version": None, "sequence": MS * 1_000_000}, "version"),
    ({"version": ""}, {"version": None}, "version"),
    ({"version": "-1"}, {"version": None}, "version"),
    ({"version": "9223372036854775807"}, {"version": None}, "version"),
    ({"version": "999999"}, {"version": 999_999, "sequence": MS * 1_000_000 + 999_999}, None),
    ({"occurred_at": "yesterday"}, {"occurred_at": None}, "occurred_at"),
    ({"occurred_at": "2026-02-30T00:00:00Z"}, {"occurred_at": None}, "occurred_at"),
    ({"occurred_at": "2026-01-02T05:04:05.678+02:00"}, {"occurred_at": AT}, None),
    ({"occurred_at": "2026-01-01T13:14:05.678-13:50"}, {"occurred_at": AT}, None),
    ({"occurred_at": "2026-01-02T05:04:05+15:00"}, {"occurred_at": None}, "occurred_at"),
    ({"occurred_at": "+99999999-01-02T05:04:05Z"}, {"occurred_at": None}, "occurred_at"),
    ({"occurred_at": ""}, {"occurred_at": None}, None),
    ({"created_at": "1"}, {"sequence": 3}, "sequence"),
    ({"created_at": "9999-12-31T00:00:00Z"}, {"sequence": 3}, "sequence"),
    ({"created_at": ""}, {"sequence": 3}, "sequence"),
    ({"event_name": "UPSERT"}, {"deleted": False, "version": 3}, "deleted"),
    ({"correlation_id": "x" * 1_000}, {"correlation_id": "x" * 128}, "correlation_id"),
    ({"correlation_id": "ü" * 128}, {"correlation_id": "ü" * 128}, None),
    ({"traceparent": "0" * 100}, {"traceparent": "0" * 64}, "traceparent"),
    ({"status": "s" * LONG}, {"status": "s" * 32}, "status"),
    ({"error": "e" * LONG}, {"error": "e" * 256}, "error"),
    ({"result": '"' + "r" * 65_533 + '"'}, {"result": '"' + "r" * 65_533 + '"'}, None),
    ({"result": '"' + "ü" * 40_000 + '"', "details": "d" * LONG}, {"result": None, "details": None}, "result,details"),
    ({"order_id": ""}, {"order_id": ""}, "order_id"),
    ({"order_id": "0" * 65}, {"order_id": ""}, "order_id"),
]


def test_a_value_costs_its_own_row_at_most_and_its_file_is_loaded(chain: Hand) -> None:
    healthy = [row() for _ in range(3)]
    rows = [row(**changed) for changed, _, _ in CASES]
    found = curated(chain, healthy[0], *rows, *healthy[1:])
    assert len(found) == len(rows) + 3
    for (changed, wanted, invalid), made in zip(CASES, found[1:-2], strict=True):
        assert made["invalid"] == invalid, changed
        for name, value in wanted.items():
            assert made[name] == value, (changed, name)
    chain.load()
    for order in (made["order_id"] for made in healthy):
        assert [made.version for made in chain.loaded(order)] == [3]


TEXT = st.text(max_size=40) | st.sampled_from(["", "x" * 300, "ü" * 200, "😀" * 100, "\0", "NaN", "'", '"', "\\"])
NUMBER = (
    st.integers(-10, 10**20).map(str) | st.floats().map(str) | st.sampled_from(["1.0", "1e2", "+1", " 1", "٣", "0x1"])
)
TIME = st.datetimes().map(datetime.isoformat) | st.builds(
    lambda moment, offset: moment.isoformat() + offset,
    st.datetimes(),
    st.sampled_from(["Z", "+02:00", "-14:00", "+14:01", "+23:59", "+99:99", "z", " UTC"]),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=80),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["customer", "sku", "quantity"]), inner)
    ),
    max_leaves=6,
)
BODIES = (
    TEXT
    | JSON.map(json.dumps)
    | st.builds(
        lambda customer, sku, quantity: f'{{"customer":{customer},"sku":{sku},"quantity":{quantity}}}',
        *([JSON.map(json.dumps) | NUMBER] * 3),
    )
)
VALUES = dict.fromkeys(RAW_COLUMNS, TEXT) | {
    "event_name": st.sampled_from(["INSERT", "MODIFY", "REMOVE", "", "remove"]),
    "changed_at": NUMBER,
    "version": NUMBER,
    "old_version": NUMBER,
    "payload": BODIES,
    **dict.fromkeys(("occurred_at", "created_at", "updated_at", "old_created_at"), TIME | TEXT),
}


# A query and a load of many rows each: shrinking what fails would take minutes a step.
@settings(max_examples=4, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(st.lists(st.fixed_dictionaries(VALUES), min_size=100, max_size=150))
def test_nothing_that_a_row_brings_fails_its_file_or_the_load(chain: Hand, rows: list[dict[str, str]]) -> None:
    healthy = row()
    found = curated(chain, *rows, healthy)
    assert len(found) == len(rows) + 1
    assert found[-1]["order_id"] == healthy["order_id"]
    assert found[-1]["invalid"] is None
    for made in found:
        assert None not in (made["order_id"], made["sequence"], made["deleted"])
        for name, (hive, redshift) in analytics.COLUMNS.items():
            if hive == "string" and made[name] is not None:
                assert len(made[name].encode()) <= int(redshift[8:-1]), name
                assert "\0" not in made[name], name
    chain.load()
    assert [made.version for made in chain.loaded(healthy["order_id"])] == [3]


def test_an_order_that_is_deleted_and_made_again_is_visible_again(chain: Hand) -> None:
    order = secrets.token_hex(32)
    curated(chain, row(order_id=order, version="5"), removed(order_id=order, old_version="5"))
    chain.load()
    assert (chain.current(order), chain.loaded(order)) == ([], [])
    held = chain.spice()
    assert order not in held, "a data set leaves out what is deleted"
    again = row(order_id=order, version="1", created_at="2026-01-02T03:04:06.000Z", status="PENDING")
    # A late copy of what was before changes nothing.
    curated(chain, again, row(order_id=order, version="4"), removed(order_id=order, old_version="5"))
    chain.load()
    assert [(made.version, made.status) for made in chain.current(order)] == [(1, "PENDING")]
    assert [(made.version, made.status) for made in chain.loaded(order)] == [(1, "PENDING")]
    wait_until(lambda: order in chain.spice(), "SPICE shows it again")


def test_a_deletion_of_before_the_old_row_was_carried_lies_between_the_two(chain: Hand) -> None:
    order = secrets.token_hex(32)
    again = row(order_id=order, version="1", created_at="2026-01-02T03:05:01.000Z")
    deletion = removed(order_id=order, old_version="5", old_created_at="")
    before, gone, after = curated(chain, row(order_id=order, version="5"), deletion, again)
    assert before["sequence"] < gone["sequence"] < after["sequence"]
    assert gone["invalid"] is None


def test_a_row_that_goes_from_the_table_and_comes_again_is_seen_behind_it(chain: Hand) -> None:
    dynamodb, table, order = chain.aws.client("dynamodb"), chain.outputs["orders_table_name"], secrets.token_hex(32)

    def put(version: int, created_at: str) -> None:
        texts = {"order_id": order, "status": "COMPLETED", "correlation_id": order, "created_at": created_at}
        item = {name: {"S": value} for name, value in texts.items()} | {"version": {"N": str(version)}}
        dynamodb.put_item(TableName=table, Item={**item, "payload": {"S": json.dumps(BODY)}})

    def seen(versions: list[int]) -> None:
        wait_until(lambda: [made.version for made in chain.current(order)] == versions, f"current is {versions}")

    put(3, T0)
    seen([3])
    dynamodb.delete_item(TableName=table, Key={"order_id": {"S": order}})
    seen([])
    put(1, NOW)
    seen([1])
    dynamodb.delete_item(TableName=table, Key={"order_id": {"S": order}})
    seen([])


def parquet(chain: Hand, select: str) -> bytes:
    local = chain.folder / "odd.parquet"
    with duckdb.connect() as database:
        database.execute(f"COPY ({select}) TO '{local}' (FORMAT parquet)")
    return local.read_bytes()


IN_NO_PARTITION = (
    "dt=2999-01-01/hour=00",
    "dt=1999-01-01/hour=00",
    f"dt={TODAY:%Y-%m-%d}/hour=99",
    f"dt={TODAY:%Y-%m-%d} /hour=00",
    f"hour=00/dt={TODAY:%Y-%m-%d}",
    f"dt={TODAY:%Y-%m-%d}",
    f"dt={TODAY:%Y-%m-%d}/hour=00/_hidden",
    'dt=x" OR 1=1 --/hour=00',
    "dt=x;\n/*/hour=00",
    "dt={rows}/hour=\\",
)
REFUSED = {"dt=x' OR 1=1 --/hour=00": "quote", "hour=00": "no segment dt=", "dt=1/dt=2/hour=00": "twice"}


def test_an_object_that_no_partition_holds_is_set_aside_with_the_reason(chain: Hand) -> None:
    body = chain.parquet(row())
    keys = [chain.put(f"{folder}/f.parquet", body) for folder in IN_NO_PARTITION]
    refused = {chain.put(f"{folder}/f.parquet", body): reason for folder, reason in REFUSED.items()}
    for key in keys:
        settled = chain.settled(key)
        assert (settled["state"], settled["error"]) == ("FAILED", NOTHING_READ), key
        assert any(message.get("key") == key and message["error"] == NOTHING_READ for message in chain.letters()), key
    for key, reason in refused.items():

        def told(key: str = key) -> list[str]:
            return [text for text in map(json.dumps, chain.letters()) if json.dumps(key)[1:-1] in text]

        (message,) = wait_until(told, f"it is told of {key}")
        assert reason in message


def test_an_object_with_any_name_in_a_partition_is_queried(chain: Hand) -> None:
    names = ("it's.parquet", 'a"b--.parquet', "100%25+ü 😀.parquet", "{rows};-*x*-.parquet", "a\\tb")
    folders = ("", "sub/", "status=PENDING/", "order_id=7/")
    made = {f"{below}{name}": row() for below in folders for name in names}
    keys = {name: chain.put(f"dt={TODAY:%Y-%m-%d}/hour=00/{name}", chain.parquet(made[name])) for name in made}
    for name, key in keys.items():
        settled = chain.settled(key)
        assert settled["state"] == "SUCCEEDED", settled.get("error")
        assert [found["order_id"] for found in chain.rows(settled)] == [made[name]["order_id"]]


def test_what_an_object_holds_beside_rows_is_queried_set_aside_or_ignored(chain: Hand) -> None:
    folder = f"dt={TODAY:%Y-%m-%d}/hour=00"
    whole = chain.parquet(row())
    foreign = parquet(chain, "SELECT 1 AS a, 'x' AS b")
    contents = {
        "truncated.parquet": whole[: len(whole) // 2],
        "text.parquet": b"no Parquet",
        "lines.json.gz": gzip.compress(b"{}\n"),
        "number.parquet": parquet(chain, "SELECT 7 AS order_id, 3 AS version"),
        "no-rows.parquet": parquet(chain, "SELECT 'x' AS order_id LIMIT 0"),
        "foreign.parquet": foreign,
    }
    keys = {name: chain.put(f"{folder}/{secrets.token_hex(4)}-{name}", body) for name, body in contents.items()}
    empty = chain.put(f"{folder}/{secrets.token_hex(4)}-empty", b"")
    marker = chain.put(f"{folder}/{secrets.token_hex(4)}/", b"")
    for name in ("truncated.parquet", "text.parquet", "lines.json.gz", "number.parquet", "no-rows.parquet"):
        settled = chain.settled(keys[name])
        assert settled["state"] == "FAILED", name
        assert settled["error"], name
        assert any(message.get("key") == keys[name] and message["error"] for message in chain.letters()), name
    (odd,) = chain.rows(chain.settled(keys["foreign.parquet"]))
    assert (odd["order_id"], odd["invalid"]) == ("", "order_id,sequence,version,deleted")
    # They have been told of by now: what came after them is settled.
    assert chain.query_of(empty) is None
    assert chain.query_of(marker) is None


def test_the_same_object_twice_counts_once(chain: Hand) -> None:
    made = row()
    body, folder = chain.parquet(made), f"dt={TODAY:%Y-%m-%d}/hour=00"
    name = f"{folder}/{secrets.token_hex(4)}.parquet"
    for key in (name, name, f"{folder}/{secrets.token_hex(4)}.parquet"):
        chain.settled(chain.put(key, body))
    chain.load()
    assert [found.version for found in chain.current(made["order_id"])] == [3]
    assert [found.version for found in chain.loaded(made["order_id"])] == [3]


def test_a_file_of_the_first_day_is_queried_whatever_day_it_is(chain: Hand) -> None:
    made = row()
    curated(chain, made, day="2024-01-01")
    assert [found.version for found in chain.current(made["order_id"])] == [3]
