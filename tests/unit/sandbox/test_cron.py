"""Cron expressions fire when AWS's documentation says, whatever clocks do in spring and autumn."""

import itertools
import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.services.scheduler.cron import parse
from eda_sandbox.services.scheduler.expression import parse as parse_expression
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples

BERLIN = ZoneInfo("Europe/Berlin")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def firings(expression: str, after: str, count: int, zone: str = "UTC") -> list[str]:
    cron, moment, found = parse(expression), utc(after), []
    while len(found) < count:
        following = cron.next_after(moment, ZoneInfo(zone))
        if following is None:
            break
        moment = following
        found.append(moment.strftime("%Y-%m-%dT%H:%M"))
    return found


@pytest.mark.parametrize(
    ("expression", "hours"),
    [
        ("0/30 20-2 ? * MON-FRI *", ["2026-01-02T20:00", "2026-01-02T20:30", "2026-01-02T21:00"]),
        ("0 12 ? * FRI-MON *", ["2026-01-02T12:00", "2026-01-03T12:00", "2026-01-04T12:00", "2026-01-05T12:00"]),
        ("0 0 1 NOV-FEB ? *", ["2026-02-01T00:00", "2026-11-01T00:00", "2026-12-01T00:00"]),
        ("0 22-4/2 * * ? *", ["2026-01-02T04:00", "2026-01-02T22:00", "2026-01-03T00:00", "2026-01-03T02:00"]),
    ],
)
def test_a_range_goes_on_at_the_beginning(expression: str, hours: list[str]) -> None:
    assert firings(expression, "2026-01-02T02:40", len(hours)) == hours


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 10 * * ? *", ["2026-01-01T10:00", "2026-01-02T10:00"]),
        ("15 12 * * ? *", ["2026-01-01T12:15", "2026-01-02T12:15"]),
        ("0 18 ? * MON-FRI *", ["2026-01-01T18:00", "2026-01-02T18:00", "2026-01-05T18:00"]),
        ("0 8 1 * ? *", ["2026-02-01T08:00", "2026-03-01T08:00"]),
        ("0/15 * * * ? *", ["2026-01-01T09:15", "2026-01-01T09:30"]),
        (
            "5/20 8,22 ? jan-mar thu 2026",
            ["2026-01-01T22:05", "2026-01-01T22:25", "2026-01-01T22:45", "2026-01-08T08:05"],
        ),
        ("0 0 L * ? *", ["2026-01-31T00:00", "2026-02-28T00:00", "2026-03-31T00:00"]),
        ("0 0 L 2 ? 2028", ["2028-02-29T00:00"]),
        ("0 0 ? * L *", ["2026-01-03T00:00", "2026-01-10T00:00"]),
        ("0 0 ? * 6L *", ["2026-01-30T00:00", "2026-02-27T00:00"]),
        ("0 0 ? * FRIL *", ["2026-01-30T00:00", "2026-02-27T00:00"]),
        ("0 0 ? * 3#2 *", ["2026-01-13T00:00", "2026-02-10T00:00"]),
        ("0 0 ? * TUE#5 *", ["2026-03-31T00:00", "2026-06-30T00:00"]),
        ("0 0 15W * ? *", ["2026-01-15T00:00", "2026-02-16T00:00", "2026-03-16T00:00"]),
        ("0 0 1W 8 ? 2026", ["2026-08-03T00:00"]),
        ("0 0 31W 5 ? 2026", ["2026-05-29T00:00"]),
        ("0 0 31W * ? *", ["2026-01-30T00:00", "2026-03-31T00:00"]),
        ("0 0 29 2 ? *", ["2028-02-29T00:00", "2032-02-29T00:00"]),
        ("0 0 1 1 ? 2025", []),
        ("0 0 31 2 ? *", []),
        ("0 0 1 1 ? 2027-2031/2", ["2027-01-01T00:00", "2029-01-01T00:00", "2031-01-01T00:00"]),
    ],
)
def test_firings(expression: str, expected: list[str]) -> None:
    assert firings(expression, "2026-01-01T09:00:00", len(expected) or 1) == expected


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("bogus", "six fields, not 1"),
        ("* * * * *", "six fields, not 5"),
        ("0 8 * * ? * *", "six fields, not 7"),
        ("0 8 * * * *", "exactly one of"),
        ("0 8 1 * MON *", "exactly one of"),
        ("0 8 ? * ? *", "exactly one of"),
        ("60 8 * * ? *", "minutes: '60'"),
        ("0 24 * * ? *", "hours: '24'"),
        ("-1 8 * * ? *", "minutes: ''"),
        ("? 8 * * ? *", "minutes: '?'"),
        ("0 8 0 * ? *", "day of month: '0'"),
        ("0 8 32W * ? *", "day of month: '32'"),
        ("0 8 1,L * ? *", "day of month: 'L'"),
        ("0 8 * 13 ? *", "month: '13'"),
        ("0 8 * JANUARY ? *", "month: 'JANUARY'"),
        ("0 8 ? * 8 *", "day of week: '8'"),
        ("0 8 ? * 0 *", "day of week: '0'"),
        ("0 8 ? * 2#6 *", "day of week: '2#6'"),
        ("0 8 ? * XXL *", "day of week: 'XX'"),
        ("0 8 * * ? 2030-2028", "begins behind its end"),
        ("0 8 * * ? 1969", "year: '1969'"),
        ("0 8 * * ? 2200", "year: '2200'"),
        ("0/0 8 * * ? *", "'0' is no step"),
        ("0/x 8 * * ? *", "'X' is no step"),
        ("1,,2 8 * * ? *", "minutes: ''"),
        ("٣ 8 * * ? *", "minutes"),
    ],
)
def test_a_malformed_expression_is_refused(expression: str, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)):
        parse(expression)


def test_a_time_that_spring_leaves_out_is_skipped() -> None:
    # Berlin's clocks go from 02:00 to 03:00 on 29 March 2026.
    assert firings("30 2 * * ? *", "2026-03-27T12:00:00", 3, "Europe/Berlin") == [
        "2026-03-28T01:30",
        "2026-03-30T00:30",
        "2026-03-31T00:30",
    ]


def test_a_day_that_the_calendar_leaves_out_is_skipped() -> None:
    # Samoa crossed the date line: 30 December 2011 was no day there.
    assert firings("0 10 30 12 ? 2011", "2011-01-01T00:00:00", 1, "Pacific/Apia") == []


def test_a_time_that_autumn_shows_twice_fires_once() -> None:
    # Berlin's clocks go from 03:00 to 02:00 on 25 October 2026.
    assert firings("30 2 * * ? *", "2026-10-24T12:00:00", 2, "Europe/Berlin") == [
        "2026-10-25T00:30",
        "2026-10-26T01:30",
    ]
    assert firings("0 8 * * ? *", "2026-10-24T12:00:00", 1, "Europe/Berlin") == ["2026-10-25T07:00"]


def test_the_wall_clock_decides_not_the_distance() -> None:
    found = [utc(time) for time in firings("0 8 * * ? *", "2026-03-27T12:00:00", 3, "Europe/Berlin")]
    assert [later - earlier for earlier, later in itertools.pairwise(found)] == [
        timedelta(hours=23),
        timedelta(hours=24),
    ]


ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kolkata"]
)
MOMENTS = st.datetimes(datetime(2010, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))


def field(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    return st.one_of(
        st.just("*"),
        number.map(str),
        st.tuples(number, st.integers(1, 7)).map(lambda pair: f"{pair[0]}/{pair[1]}"),
        st.lists(number, min_size=1, max_size=4).map(lambda numbers: ",".join(map(str, numbers))),
        st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}"),
    )


DAYS = st.one_of(
    (field(1, 31) | st.sampled_from(["L", "1W", "15W", "31W"])).map(lambda day: (day, "?")),
    (field(1, 7) | st.sampled_from(["L", "6L", "2#1", "SUN#5", "MON-FRI"])).map(lambda day: ("?", day)),
)
EXPRESSIONS = st.tuples(field(0, 59), field(0, 23), DAYS, field(1, 12)).map(
    lambda parts: f"{parts[0]} {parts[1]} {parts[2][0]} {parts[3]} {parts[2][1]} *"
)


@settings(deadline=None)
@given(EXPRESSIONS, MOMENTS, ZONES)
def test_the_next_firing_is_later_and_shows_a_matching_wall_clock(expression: str, after: datetime, zone: str) -> None:
    cron = parse(expression)
    found = cron.next_after(after, ZoneInfo(zone))
    if found is None:
        # Only what no month has, such as 31 February, never fires.
        assert expression.split()[2] != "*"
        return
    assert found > after
    assert found.second == found.microsecond == 0
    assert cron.matches(found.astimezone(ZoneInfo(zone)))


@settings(deadline=None, max_examples=examples(50))
@given(EXPRESSIONS, MOMENTS, ZONES)
def test_no_firing_is_left_out(expression: str, after: datetime, zone: str) -> None:
    """Minute by minute through half a day: what matches fires, unless the clock shows it for the second time."""
    cron, tz = parse(expression), ZoneInfo(zone)
    minute = after.replace(second=0, microsecond=0)
    end = minute + timedelta(hours=12)
    expected, seen = [], set()
    while (minute := minute + timedelta(minutes=1)) <= end:
        local = minute.astimezone(tz)
        if cron.matches(local) and local.fold == 0 and local.replace(tzinfo=None) not in seen:
            seen.add(local.replace(tzinfo=None))
            expected.append(minute)
    found, moment = [], after
    while (following := cron.next_after(moment, tz)) is not None and following <= end:
        moment = following
        found.append(following)
    assert found == expected


@given(MOMENTS, st.integers(1, 10_000), st.sampled_from(["minute", "hours", "days"]))
def test_a_rate_keeps_its_distance_from_the_beginning(beginning: datetime, value: int, unit: str) -> None:
    rate = parse_expression(f"rate({value} {unit})", "UTC", beginning)
    every = timedelta(**{unit.rstrip("s") + "s": value})
    first = rate.next_after(beginning - timedelta(microseconds=1))
    assert first == beginning
    assert rate.next_after(beginning) == beginning + every
    assert rate.next_after(beginning + every * 1.5) == beginning + every * 2


@pytest.mark.parametrize(
    ("expression", "zone"),
    [
        ("cron(bogus)", "UTC"),
        ("cron(0 8 * * * *)", "UTC"),
        ("rate(0 minutes)", "UTC"),
        ("rate(5)", "UTC"),
        ("rate(5 weeks)", "UTC"),
        ("rate(-5 minutes)", "UTC"),
        ("at(2026-02-30T00:00:00)", "UTC"),
        ("at(2026-02-01)", "UTC"),
        ("at(2026-02-01T00:00:00Z)", "UTC"),
        ("every day", "UTC"),
        ("rate(5 minutes)", "Mars/Olympus"),
        ("rate(5 minutes)", "../UTC"),
    ],
)
def test_a_malformed_schedule_expression_is_a_validation_error(expression: str, zone: str) -> None:
    with pytest.raises(AwsError) as caught:
        parse_expression(expression, zone, utc("2026-01-01T00:00:00"))
    assert caught.value.code == "ValidationException"


def test_at_is_a_time_of_its_zone() -> None:
    once = parse_expression("at(2026-07-01T08:00:00)", "Europe/Berlin", utc("2026-01-01T00:00:00"))
    assert once.next_after(utc("2026-01-01T00:00:00")) == utc("2026-07-01T06:00:00")
    assert once.next_after(utc("2026-07-01T06:00:00")) is None
