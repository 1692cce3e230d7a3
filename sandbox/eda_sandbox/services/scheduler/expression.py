"""Schedule expressions: ``rate()``, ``cron()`` and ``at()``."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.services.scheduler.cron import Cron
from eda_sandbox.services.scheduler.cron import parse as parse_cron

_RATE = re.compile(r"rate\(([1-9]\d{0,8}) (minute|hour|day)s?\)")
_CRON = re.compile(r"cron\((.*)\)")
_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")


@dataclass(frozen=True)
class Rate:
    """Every so often, from the schedule's beginning on."""

    every: timedelta
    beginning: datetime

    def next_after(self, moment: datetime) -> datetime | None:
        """The next slot behind a moment, None when it would be behind the end of the calendar."""
        if moment < self.beginning:
            return self.beginning
        try:
            return self.beginning + self.every * ((moment - self.beginning) // self.every + 1)
        except OverflowError:
            return None


@dataclass(frozen=True)
class Recurring:
    """Whenever the wall clock of a time zone matches a cron expression."""

    cron: Cron
    zone: ZoneInfo

    def next_after(self, moment: datetime) -> datetime | None:
        """The next slot behind a moment."""
        return self.cron.next_after(moment, self.zone)


@dataclass(frozen=True)
class Once:
    """At one time alone."""

    at: datetime

    def next_after(self, moment: datetime) -> datetime | None:
        """The slot, when it is behind the moment."""
        return self.at if self.at > moment else None


Expression = Rate | Recurring | Once


def parse(text: str, time_zone: str, beginning: datetime) -> Expression:
    """A schedule expression.

    Args:
        text: ``rate(5 minutes)``, ``cron(0 8 * * ? *)`` or ``at(2026-01-31T08:00:00)``.
        time_zone: a name of the IANA database, for ``cron`` and ``at``.
        beginning: the first slot of a rate.

    Raises:
        AwsError: ``ValidationException``.
    """
    zone = _zone(time_zone)
    try:
        if rate := _RATE.fullmatch(text):
            return Rate(timedelta(**{f"{rate[2]}s": int(rate[1])}), beginning)
        if cron := _CRON.fullmatch(text):
            return Recurring(parse_cron(cron[1]), zone)
        if at := _AT.fullmatch(text):
            return Once(datetime.fromisoformat(at[1]).replace(tzinfo=zone).astimezone(UTC))
    except (ValueError, OverflowError) as error:
        raise _invalid(f"Invalid Schedule Expression {text}.") from error
    raise _invalid(f"Invalid Schedule Expression {text}.")


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise _invalid(f"Invalid ScheduleExpressionTimezone {name}.") from None


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationException", message)
