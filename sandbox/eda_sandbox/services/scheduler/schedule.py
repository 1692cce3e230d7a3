"""One schedule."""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.services.scheduler.expression import Expression, Once, parse

LATE_START = timedelta(minutes=5)
_KEPT = (
    "ActionAfterCompletion",
    "Description",
    "EndDate",
    "FlexibleTimeWindow",
    "KmsKeyArn",
    "ScheduleExpression",
    "ScheduleExpressionTimezone",
    "StartDate",
    "State",
    "Target",
)
_DEFAULTS = {"ActionAfterCompletion": "NONE", "ScheduleExpressionTimezone": "UTC", "State": "ENABLED"}
_TINY = timedelta(microseconds=1)


@dataclass
class Schedule:
    """A schedule as it was created or last updated.

    Attributes:
        arn: its ARN.
        group: the name of its group.
        name: its name.
        configuration: the members that ``GetSchedule`` returns as they were given.
        expression: the schedule expression, read.
        created: when it was created.
        modified: when it was created or last updated; slots before it are none of its own.
        token: the ``ClientToken`` of its creation.
        planned: the slot that comes next, None when none does.
    """

    arn: str
    group: str
    name: str
    configuration: dict[str, Any]
    expression: Expression
    created: datetime
    modified: datetime
    token: str | None = None
    planned: datetime | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.planned = self.following(self.modified - _TINY)

    @property
    def target(self) -> dict[str, Any]:
        """What it calls."""
        target: dict[str, Any] = self.configuration["Target"]
        return target

    @property
    def key_arn(self) -> str | None:
        """The customer managed key that its input is encrypted with."""
        return self.configuration.get("KmsKeyArn")

    @property
    def enabled(self) -> bool:
        """Whether it calls its target."""
        return bool(self.configuration["State"] == "ENABLED")

    def following(self, slot: datetime) -> datetime | None:
        """The slot behind another one, between start and end."""
        start, end = self.configuration.get("StartDate"), self.configuration.get("EndDate")
        if isinstance(self.expression, Once):
            # Start and end are not looked at for one-time schedules.
            return self.expression.next_after(slot)
        found = self.expression.next_after(slot if start is None else max(slot, start - _TINY))
        return None if found is None or (end is not None and found > end) else found

    def due(self, slot: datetime) -> datetime:
        """When the target of a slot is called: at once, or somewhere in the flexible window, for each slot the same."""
        minutes = self.configuration["FlexibleTimeWindow"].get("MaximumWindowInMinutes", 0)
        return slot + timedelta(minutes=random.Random(f"{self.arn}:{slot.isoformat()}").uniform(0, minutes))

    def described(self) -> dict[str, Any]:
        """The schedule as ``GetSchedule`` shows it."""
        return {
            "Arn": self.arn,
            "GroupName": self.group,
            "Name": self.name,
            "CreationDate": self.created,
            "LastModificationDate": self.modified,
            **self.configuration,
        }

    def summary(self) -> dict[str, Any]:
        """The schedule as ``ListSchedules`` shows it."""
        found = self.described()
        return {
            **{key: found[key] for key in ("Arn", "CreationDate", "GroupName", "LastModificationDate", "Name")},
            "State": found["State"],
            "Target": {"Arn": self.target["Arn"]},
        }


def make(arn: str, group: str, request: dict[str, Any], now: datetime, created: datetime | None = None) -> Schedule:
    """A schedule from the parameters of ``CreateSchedule`` or ``UpdateSchedule``.

    Args:
        arn: its ARN.
        group: the name of its group.
        request: the parameters; what an update leaves out is set to its default.
        now: the present.
        created: when the schedule that is updated was created.

    Raises:
        AwsError: ``ValidationException``.
    """
    window, start, end = request["FlexibleTimeWindow"], request.get("StartDate"), request.get("EndDate")
    if (window["Mode"] == "FLEXIBLE") != ("MaximumWindowInMinutes" in window):
        raise _invalid("MaximumWindowInMinutes must be set for a FlexibleTimeWindow with Mode FLEXIBLE, and only then.")
    if start is not None and start < now - LATE_START:
        raise _invalid("The StartDate you specify cannot be earlier than 5 minutes ago.")
    if end is not None and end <= now:
        raise _invalid("The EndDate you specify cannot be in the past.")
    if start is not None and end is not None and end <= start:
        raise _invalid("The EndDate you specify must come after the StartDate.")
    configuration = {**_DEFAULTS, **{key: value for key, value in request.items() if key in _KEPT}}
    # Slots are whole seconds: one of the second in which the schedule is made is its own.
    now = now.replace(microsecond=0)
    if start is not None:
        configuration["StartDate"] = start = start.astimezone(UTC).replace(microsecond=0)
    beginning = start or now
    expression = parse(configuration["ScheduleExpression"], configuration["ScheduleExpressionTimezone"], beginning)
    token = request.get("ClientToken")
    return Schedule(arn, group, request["Name"], configuration, expression, created or now, now, token)


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationException", message)
