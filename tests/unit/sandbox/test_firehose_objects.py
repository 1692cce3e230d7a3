"""Names of Firehose's objects, and what becomes of JSON in the columns of a table."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.services.firehose import prefix
from eda_sandbox.services.firehose.conversion import ConversionFailure, Schema, parquet, schema_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.examples import examples

AT = datetime(2026, 3, 7, 14, 5, 9, 123456, UTC)
numbers = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
KINDS = (
    "int",
    "bigint",
    "double",
    "boolean",
    "date",
    "timestamp",
    "decimal(10,2)",
    "array<int>",
    "map<string,int>",
    "struct<a:int>",
    "binary",
)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, "2026/03/07/14/"),
        ("raw/", "raw/2026/03/07/14/"),
        ("raw/dt=!{timestamp:yyyy-MM-dd}/hour=!{timestamp:HH}/", "raw/dt=2026-03-07/hour=14/"),
        ("!{timestamp:yy/M/d/DDD}/", "26/3/7/066/"),
        ("!{timestamp:yyyy'/year of 'MMMM, EEE h a}/", "2026/year of March, Sat 2 PM/"),
        ("!{timestamp:HH'o''clock' mm:ss.SSS}/", "14o'clock 05:09.123/"),
    ],
)
def test_a_prefix(given: str | None, expected: str) -> None:
    prefix.check(given, "e/!{firehose:error-output-type}/")
    assert prefix.evaluate(given, AT) == expected


def test_random_strings_differ() -> None:
    made = {prefix.evaluate("!{firehose:random-string}/!{timestamp:yyyy}/", AT) for _ in range(20)}
    assert len(made) == 20
    assert all(len(found) == len("0123456789A/2026/") for found in made)


@pytest.mark.parametrize(
    ("data", "error", "expected"),
    [
        (None, None, "failed/2026/03/07/14/"),
        ("raw/", None, "raw/failed/2026/03/07/14/"),
        ("raw/", "errors/", "errors/failed/2026/03/07/14/"),
        ("raw/", "errors/!{firehose:error-output-type}/", "errors/failed/2026/03/07/14/"),
        ("raw/", "e/!{firehose:error-output-type}/dt=!{timestamp:yyyy-MM-dd}/", "e/failed/dt=2026-03-07/"),
    ],
)
def test_an_error_prefix(data: str | None, error: str | None, expected: str) -> None:
    prefix.check(data, error)
    assert prefix.evaluate_error(data, error, "failed", AT) == expected


@given(st.text(alphabet="yMdHmsDEahSuQW'!{}:/-. x", max_size=20))
def test_any_pattern_is_refused_or_works(pattern: str) -> None:
    expression = f"!{{timestamp:{pattern}}}/"
    try:
        prefix.check(expression, "e/!{firehose:error-output-type}/")
    except AwsError:
        return
    assert prefix.evaluate(expression, AT).endswith("/")


def schema(openx: dict[str, Any] | None = None, **columns: str) -> Schema:
    return schema_of([{"Name": name, "Type": kind} for name, kind in columns.items()], openx or {})


def read_back(folder: Path, found: Schema, rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    file = folder / "rows.parquet"
    file.write_bytes(parquet(found, rows, "SNAPPY", folder))
    relation = duckdb.sql(f"SELECT * FROM '{file}'")
    assert relation is not None
    return relation.fetchall()


@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(documents=st.lists(st.dictionaries(st.sampled_from(["a", "B", "c"]), json_values), min_size=1, max_size=5))
def test_columns_of_text_take_any_json(tmp_path: Path, documents: list[dict[str, Any]]) -> None:
    found = schema(a="string", b="string")
    data = "\n".join(json.dumps(document) for document in documents).encode()

    def text(value: Any) -> str | None:
        return (
            value
            if value is None or isinstance(value, str)
            else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        )

    expected = [(text(document.get("a")), text(document.get("B"))) for document in documents]
    assert read_back(tmp_path, found, found.rows(data)) == expected


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(value=json_values, kind=st.sampled_from(KINDS))
def test_any_value_is_refused_or_written(tmp_path: Path, value: Any, kind: str) -> None:
    found = schema(a=kind)
    try:
        rows = found.rows(json.dumps({"a": value}).encode())
    except ConversionFailure:
        return
    [(written,)] = read_back(tmp_path, found, rows)
    assert (written is None) == (value is None)


def test_each_type(tmp_path: Path) -> None:
    found = schema(
        i="int", l="bigint", f="double", b="boolean", d="date", t="timestamp", m="decimal(10,2)", a="array<int>",
        k="map<string,int>", s="struct<x:int,y:array<string>>", n="binary", v="varchar(3)", select="string",
    )  # fmt: skip
    document = {
        "I": "12", "l": 2**62, "f": "1.5", "b": "TRUE", "d": "2026-03-07", "t": "2026-3-7 1:02:03.5", "m": "7.125",
        "a": [1, "2"], "k": {"x": 1}, "s": {"X": "3", "y": "one"}, "n": "hä", "v": "abcdef", "select": {"deep": [1]},
    }  # fmt: skip
    [row] = read_back(tmp_path, found, found.rows(json.dumps(document).encode()))
    assert row == (
        12, 2**62, 1.5, True, date(2026, 3, 7), datetime(2026, 3, 7, 1, 2, 3, 500000), Decimal("7.13"), [1, 2],
        {"x": 1}, {"x": 3, "y": ["one"]}, "hä".encode(), "abc", '{"deep":[1]}',
    )  # fmt: skip


@pytest.mark.parametrize(
    ("value", "expected"), [(12.345, "12.35"), ("-12.345", "-12.35"), (12.344, "12.34"), (0.005, "0.01")]
)
def test_decimals_are_rounded_half_up_as_hive_does(value: Any, expected: str) -> None:
    assert schema(m="decimal(10,2)").rows(json.dumps({"m": value}).encode()) == [{"m": expected}]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1767323045, "2026-01-02 03:04:05"),
        (1767323045123, "2026-01-02 03:04:05.123000"),
        ("1767323045.5", "2026-01-02 03:04:05.500000"),
        ("2026-01-02T03:04:05.123456789Z", "2026-01-02 03:04:05.123456"),
    ],
)
def test_times_in_the_forms_that_firehose_documents(value: Any, expected: str) -> None:
    assert schema(t="timestamp").rows(json.dumps({"t": value}).encode()) == [{"t": expected}]


def test_keys_are_found_as_the_serde_is_configured() -> None:
    mapped = schema({"ColumnToJsonKeyMappings": {"ts": "timestamp"}}, ts="string")
    assert mapped.rows(b'{"Timestamp": "now"}') == [{"ts": "now"}]
    dotted = schema({"ConvertDotsInJsonKeysToUnderscores": True}, a_b="string")
    assert dotted.rows(b'{"a.b": "x"}') == [{"a_b": "x"}]
    exact = schema({"CaseInsensitive": False}, a="string")
    assert exact.rows(b'{"A": "x"}') == [{"a": None}]


@pytest.mark.parametrize("columns", [[], [{"Name": "a", "Type": "no such type"}]])
def test_a_table_that_is_no_schema(columns: list[dict[str, str]]) -> None:
    with pytest.raises(ConversionFailure) as caught:
        schema_of(columns, {})
    assert caught.value.code == "DataFormatConversion.InvalidSchema"
