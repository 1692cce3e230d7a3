"""The language of CloudWatch Logs Insights: what saved queries use works, all else is refused by name."""

import json
import math
import re
from typing import Any

import pytest
from eda_sandbox.services.logs.query import parse
from eda_sandbox.services.logs.tokens import QueryError
from eda_sandbox.services.logs.values import MAX_FIELDS, Event, discovered, shown
from hypothesis import given
from hypothesis import strategies as st
from pulumi_aws_eda import log_queries

START = 1_800_000_000_000


def event(number: int, content: Any, group: str = "g") -> Event:
    message = content if isinstance(content, str) else json.dumps(content)
    return Event(message, START + number * 1000, START, f"000000000000:{group}", "stream", f"p{number}")


def run(query: str, *contents: Any, limit: int = 10_000) -> list[dict[str, str]]:
    """Result rows for events that came one a second, as ``GetQueryResults`` shows them, without pointers."""
    parsed = parse(query)
    events = [event(number, content) for number, content in enumerate(contents)]
    rows, _ = parsed.run(reversed(events), limit)
    return [{name: shown(name, found[name]) for name in parsed.shown if found.get(name) is not None} for found in rows]


@pytest.mark.parametrize("name", log_queries.QUERIES)
def test_every_saved_query_is_understood(name: str) -> None:
    parse(log_queries.QUERIES[name])


def test_by_ids_finds_every_line_that_names_one_oldest_first() -> None:
    lines = ['{"correlation_id":"abc"}', '{"other":1}', '{"correlation_ids":["x","abc"]}', "plain def", "gh"]
    found = run(log_queries.by_ids(["abc", "def"]), *lines)
    assert [line["@message"] for line in found] == [lines[0], lines[2], lines[3]]
    assert set(found[0]) == {"@timestamp", "@message", "@log", "@logStream"}
    assert found[0]["@timestamp"] == "2027-01-15 08:00:00.000"


printable = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=20)


@given(printable, printable)
def test_an_id_finds_what_holds_it_and_nothing_else(id: str, other: str) -> None:
    lines = [json.dumps({"key": f"<{text}>"}, ensure_ascii=False) for text in (id, other)]
    found = run(log_queries.by_ids([id]), *lines)
    assert lines[0] in [line["@message"] for line in found]
    if id not in other and log_queries.in_json(id) not in lines[1]:
        assert len(found) == 1


@pytest.mark.parametrize("ids", [[], [""], ["x" * 129], ["a\nb"], [str(n) for n in range(51)]])
def test_ids_that_no_query_takes_are_refused(ids: list[str]) -> None:
    with pytest.raises(log_queries.IdError):
        log_queries.by_ids(ids)


@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        ('a = "x"', [0]),
        ('a != "x"', [1]),
        ("n = 10", [0]),
        ("n < 10", [1]),
        ("n >= 10.0", [0]),
        ('n = "10"', [0]),
        ("n * 2 + 1 = 19", [1]),
        ('@message like "y"', [1, 2]),
        ("@message like /(?i)Y/", [1, 2]),
        ("a =~ /^[xz]$/", [0]),
        ('@message not like "y"', [0]),
        ('a in ["x", "q"]', [0]),
        ('a not in ["x", "q"]', [1, 2]),
        ("ispresent(a)", [0, 1]),
        ("not ispresent(a)", [2]),
        ('a = "x" or n = 9', [0, 1]),
        ('a = "y" and n = 9 or a = "x"', [0, 1]),
        ('a = "y" and (n = 9 or a = "x")', [1]),
        ("deep.list.1 = 7", [0]),
        ("`with-dash` = 1", [1]),
        ("flag = 1", [0]),
        ("strlen(a) = 1 # a comment\n", [0, 1]),
    ],
)
def test_filters(condition: str, kept: list[int]) -> None:
    contents = [
        {"a": "x", "n": 10, "deep": {"list": [5, 7]}, "flag": True},
        {"a": "y", "n": "9", "with-dash": 1, "flag": False, "none": None},
        "only y",
    ]
    found = run(f"fields @timestamp | filter {condition} | sort @timestamp", *contents)
    assert [int(line["@timestamp"][17:19]) for line in found] == kept


def test_a_query_without_sort_gives_the_newest_first_and_both_default_fields() -> None:
    assert run("filter ispresent(a)", {"a": 1}, {"a": 2}) == [
        {"@timestamp": "2027-01-15 08:00:01.000", "@message": '{"a": 2}'},
        {"@timestamp": "2027-01-15 08:00:00.000", "@message": '{"a": 1}'},
    ]


def test_fields_add_and_display_replaces() -> None:
    assert run("fields a | fields b + 1 as more", {"a": 1, "b": 2}) == [{"a": "1", "more": "3"}]
    assert run("fields a, b | display b", {"a": 1, "b": 2}) == [{"b": "2"}]
    assert run("fields coalesce(c, b, a) as first", {"a": 1, "b": 2}) == [{"first": "2"}]


def test_parse_by_glob_and_by_regex() -> None:
    text = "user=ann latency=12ms"
    assert run('parse @message "user=* latency=*ms" as who, latency | display who, latency', text) == [
        {"who": "ann", "latency": "12"}
    ]
    assert run(r"parse @message /latency=(?<latency>\d+)/ | display latency", text, "none") == [{}, {"latency": "12"}]


def test_dedup_keeps_the_first_of_each_and_all_that_lack_the_field() -> None:
    contents = [{"a": 1, "n": 1}, {"a": 1, "n": 2}, {"n": 3}, {"n": 4}]
    assert run("fields n | sort n | dedup a", *contents) == [{"n": "1"}, {"n": "3"}, {"n": "4"}]


def test_stats_by_fields_and_time() -> None:
    contents = [{"s": "a", "n": 1}, {"s": "b", "n": 5}, {"s": "a", "n": 4}, {"x": 1}]
    query = "stats count(*) as calls, avg(n), max(n) as most, min(n) as least, sum(n), count_distinct(n) by s | sort s"
    assert run(query, *contents) == [
        {"s": "a", "calls": "2", "avg(n)": "2.5", "most": "4", "least": "1", "sum(n)": "5", "count_distinct(n)": "2"},
        {"s": "b", "calls": "1", "avg(n)": "5", "most": "5", "least": "5", "sum(n)": "5", "count_distinct(n)": "1"},
    ]
    binned = run("stats count(*) by bin(2s) | sort bin(2s)", *contents)
    assert binned == [
        {"bin(2s)": "2027-01-15 08:00:00.000", "count(*)": "2"},
        {"bin(2s)": "2027-01-15 08:00:02.000", "count(*)": "2"},
    ]
    assert run("stats count(n), count() as all", *contents) == [{"count(n)": "3", "all": "4"}]
    assert run('filter a = "b" | stats count(*), avg(n)') == [{"count(*)": "0"}]


@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=50), st.integers(1, 100))
def test_a_percentile_is_a_value_that_enough_values_do_not_exceed(values: list[int], percent: int) -> None:
    [found] = run(f"stats pct(n, {percent}) as p", *[{"n": value} for value in values])
    at = int(found["p"])
    assert at in values
    assert sum(value <= at for value in values) >= math.ceil(len(values) * percent / 100)
    assert sum(value < at for value in values) < math.ceil(len(values) * percent / 100)


@given(st.lists(st.one_of(st.integers(-100, 100), st.none()), max_size=30), st.booleans(), st.integers(1, 40))
def test_sort_and_limit_are_those_of_a_list(values: list[int | None], descending: bool, limit: int) -> None:
    contents: list[dict[str, Any]] = [{} if value is None else {"n": value} for value in values]
    found = run(f"fields n | sort n {'desc' if descending else 'asc'} | limit {limit}", *contents)
    present = sorted((value for value in values if value is not None), reverse=descending)
    expected: list[dict[str, str]] = [{"n": str(value)} for value in present] + [{}] * values.count(None)
    assert found == expected[:limit]


names = st.text("abc", min_size=1, max_size=2)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1, max_size=2), inner, max_size=3)
    ),
    max_leaves=20,
)


@given(st.dictionaries(names, json_values, max_size=4))
def test_fields_are_the_leaves_of_json_by_their_path(content: dict[str, Any]) -> None:
    for path, value in discovered(json.dumps(content)).items():
        found: Any = content
        for step in path.split("."):
            found = found[int(step)] if isinstance(found, list) else found[step]
        assert found == value
        assert not isinstance(found, dict | list)


def test_a_json_event_has_two_hundred_fields_at_most() -> None:
    assert len(discovered(json.dumps({"ids": list(range(500))}))) == MAX_FIELDS
    assert discovered("[1]") == discovered("{not json") == {}


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", "unexpected symbol found end of query at line 1 and position 1"),
        ("filter a == 1", "unexpected symbol found = at line 1 and position 11"),
        ("fields a |\n sort", "unexpected symbol found end of query at line 2 and position 6"),
        ("filter a like b", "unexpected symbol found b at line 1 and position 15"),
        ("limit 100001", "unexpected symbol found 100001 at line 1 and position 7"),
        ("limit 0", "unexpected symbol found 0"),
        ("filter (a = 1", "unexpected symbol found end of query"),
        ("filter a = 1 b", "unexpected symbol found b"),
        ('filter a = "x', 'unexpected symbol found "'),
        ("SELECT 1", "unexpected symbol found SELECT"),
        ("pattern @message", "does not offer the command pattern"),
        ("fields jsonParse(@message)", "does not offer the function jsonParse"),
        ("stats stddev(n)", "does not offer the aggregate stddev"),
        ("stats count(*) by bin(5x)", "unexpected symbol found 5x"),
        ('parse @message "* *" as one', "2 wildcards and 1 names"),
        ("parse @message /(a)/", "named groups"),
        ("filter a like /(/", "invalid regular expression"),
        ("filter ispresent()", "0 arguments"),
    ],
)
def test_what_is_malformed_or_not_offered_is_refused(query: str, said: str) -> None:
    with pytest.raises(QueryError, match=re.escape(said)) as caught:
        parse(query)
    assert caught.value.code == "MalformedQueryException"
    location = caught.value.members["queryCompileError"]["location"]
    assert 0 <= location["startCharOffset"] <= location["endCharOffset"] <= len(query)


@given(st.text(max_size=60) | st.text("filter stats by a@.()|=<>!\"'/[],*0123 like", max_size=60))
def test_any_text_is_a_query_or_an_error_of_its_own(text: str) -> None:
    try:
        query = parse(text)
    except QueryError:
        return
    query.run([event(0, {"a": 1})], 10)
