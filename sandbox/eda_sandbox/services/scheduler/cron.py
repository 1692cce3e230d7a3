"""AWS's cron expressions: minutes, hours, day of month, month, day of week, year.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#cron-based
"""

import calendar
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

FIRST_YEAR, LAST_YEAR = 1970, 2199
_MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
_WEEKDAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), start=1)}
_SATURDAY = 7
_NEAREST_WEEKDAY = re.compile(r"(\d{1,2})W")
_LAST_WEEKDAY = re.compile(r"(\w+)L")
_NTH_WEEKDAY = re.compile(r"(\w+)#([1-5])")


@dataclass(frozen=True)
class Cron:
    """One cron expression, read.

    Attributes:
        minutes: those that match, ascending.
        hours: those that match, ascending.
        months: those that match.
        years: those that match.
        day: whether a date is one that the day of month or the day of week means.
    """

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    months: frozenset[int]
    years: frozenset[int]
    day: Callable[[date], bool]

    def matches(self, local: datetime) -> bool:
        """Whether a wall clock that shows this time fires, to the minute."""
        return (
            local.minute in self.minutes
            and local.hour in self.hours
            and local.month in self.months
            and local.year in self.years
            and self.day(local.date())
        )

    def next_after(self, moment: datetime, zone: tzinfo) -> datetime | None:
        """The next firing behind a moment, in UTC, or None when there is none.

        A time that the clock leaves out when it goes forward is skipped; one that it shows twice when it goes back
        fires once, the first time.

        Args:
            moment: aware.
            zone: the time zone of the wall clock.
        """
        day = self._day_from(moment.astimezone(zone).date())
        while day is not None:
            for hour in self.hours:
                if _in_utc(day, hour, 59, zone) <= moment:
                    continue
                for minute in self.minutes:
                    firing = _in_utc(day, hour, minute, zone)
                    shown = firing.astimezone(zone)
                    if firing > moment and (shown.date(), shown.hour, shown.minute) == (day, hour, minute):
                        return firing
            day = self._day_from(day + timedelta(days=1))
        return None

    def _day_from(self, day: date) -> date | None:
        """The first day from one on that matches."""
        while True:
            if day.year not in self.years:
                following = [year for year in self.years if year > day.year]
                if not following:
                    return None
                day = date(min(following), 1, 1)
            elif day.month not in self.months:
                day = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
            elif self.day(day):
                return day
            else:
                day += timedelta(days=1)


def parse(text: str) -> Cron:
    """A cron expression from what stands between the parentheses.

    Raises:
        ValueError: it is none; the message names the field.
    """
    fields = text.split()
    if len(fields) != 6:
        raise ValueError(f"a cron expression has six fields, not {len(fields)}")
    minutes, hours, day_of_month, month, day_of_week, year = (field.upper() for field in fields)
    if (day_of_month == "?") == (day_of_week == "?"):
        raise ValueError("exactly one of day of month and day of week has to be ?")
    return Cron(
        tuple(sorted(_numbers("minutes", minutes, 0, 59))),
        tuple(sorted(_numbers("hours", hours, 0, 23))),
        _numbers("month", month, 1, 12, _MONTHS),
        _numbers("year", year, FIRST_YEAR, LAST_YEAR),
        _days_of_month(day_of_month) if day_of_week == "?" else _days_of_week(day_of_week),
    )


def _days_of_month(field: str) -> Callable[[date], bool]:
    if field == "L":
        return lambda day: day.day == _month_length(day)
    nearest = _NEAREST_WEEKDAY.fullmatch(field)
    if nearest:
        wanted = _number("day of month", nearest[1], 1, 31, {})
        return lambda day: day.day == _nearest_weekday(day, wanted)
    numbers = _numbers("day of month", field, 1, 31)
    return lambda day: day.day in numbers


def _days_of_week(field: str) -> Callable[[date], bool]:
    if field == "L":
        return lambda day: _weekday(day) == _SATURDAY
    last = _LAST_WEEKDAY.fullmatch(field)
    if last:
        weekday = _number("day of week", last[1], 1, 7, _WEEKDAYS)
        return lambda day: _weekday(day) == weekday and day.day + 7 > _month_length(day)
    nth = _NTH_WEEKDAY.fullmatch(field)
    if nth:
        weekday, place = _number("day of week", nth[1], 1, 7, _WEEKDAYS), int(nth[2])
        return lambda day: _weekday(day) == weekday and (day.day - 1) // 7 + 1 == place
    numbers = _numbers("day of week", field, 1, 7, _WEEKDAYS)
    return lambda day: _weekday(day) in numbers


def _numbers(name: str, field: str, low: int, high: int, names: Mapping[str, int] | None = None) -> frozenset[int]:
    """What a field of numbers, ranges, steps and their lists stands for."""
    found: set[int] = set()
    for part in field.split(","):
        base, slash, step = part.partition("/")
        first, dash, last = base.partition("-")
        if base == "*":
            start, end = low, high
        else:
            start = _number(name, first, low, high, names or {})
            # A single number with a step goes on to the field's end.
            end = _number(name, last, low, high, names or {}) if dash else high if slash else start
        if start > end and low == FIRST_YEAR:
            raise ValueError(f"{name}: {base} begins behind its end")
        if slash and not (step.isdecimal() and int(step) > 0):
            raise ValueError(f"{name}: {step!r} is no step")
        # A range that begins behind its end goes on at the field's beginning: 20-2 is the evening and the night.
        values = [*range(start, high + 1), *range(low, end + 1)] if start > end else list(range(start, end + 1))
        found.update(values[:: int(step) if slash else 1])
    return frozenset(found)


def _number(name: str, text: str, low: int, high: int, names: Mapping[str, int]) -> int:
    if text in names:
        return names[text]
    # Not isdecimal alone: it takes the digits of other scripts.
    if not (text.isascii() and text.isdecimal()) or not low <= int(text) <= high:
        raise ValueError(f"{name}: {text!r} is not a number from {low} to {high}")
    return int(text)


def _in_utc(day: date, hour: int, minute: int, zone: tzinfo) -> datetime:
    """When a wall clock shows a time first; when it leaves it out, the moment that it would have."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone).astimezone(UTC)


def _weekday(day: date) -> int:
    return day.isoweekday() % 7 + 1


def _month_length(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def _nearest_weekday(day: date, wanted: int) -> int | None:
    """The weekday of the same month that is nearest to a day of it, None when the month has no such day."""
    length = _month_length(day)
    if wanted > length:
        return None
    match day.replace(day=wanted).isoweekday():
        case 6:
            return wanted - 1 if wanted > 1 else wanted + 2
        case 7:
            return wanted + 1 if wanted < length else wanted - 2
        case _:
            return wanted
