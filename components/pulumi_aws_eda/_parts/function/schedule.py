"""A schedule as a function's source: EventBridge Scheduler, and a queue of the function's own behind it."""

import re
from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict

import pulumi

from pulumi_aws_eda._parts import arns, time_zones, triggers
from pulumi_aws_eda._parts.args import ArgumentError, check, number
from pulumi_aws_eda._parts.common import Common
from pulumi_aws_eda._parts.function.event_source import LONGEST_AGE, MOST_RETRIES
from pulumi_aws_eda._parts.function.patterns import ordered
from pulumi_aws_eda._parts.function.queue_delivery import SourceQueue
from pulumi_aws_eda._parts.naming import physical_name

_EXPRESSION = re.compile(r"(?:cron|rate|at)\(.+\)")
_SLOT, _SCHEDULE = "<aws.scheduler.scheduled-time>", "<aws.scheduler.schedule-arn>"
"""What Scheduler replaces in an input (EventBridge Scheduler, context attributes)."""


class ScheduleSourceArgs(TypedDict):
    """A schedule whose slots reach the function as events, through a queue of its own.

    A slot's event is an EventBridge event (``source`` ``aws.scheduler``, ``detail-type`` ``Scheduled Event``) whose
    ``time`` is the slot's. Its ``id`` is made of schedule and slot, so ``EVENT`` tells a slot that Scheduler hands over
    twice; ``detail.envelope.correlation_id`` names them too.
    """

    expression: pulumi.Input[str]
    """``cron(…)``, ``rate(…)`` or ``at(…)`` (EventBridge Scheduler, schedule types)."""
    timezone: NotRequired[str]
    """IANA name; a cron expression and the time of ``at`` are read in it. Default ``UTC``."""
    detail: NotRequired[Mapping[str, Any]]
    """What the event carries beside its envelope; default nothing."""
    flexible_time_window_in_minutes: NotRequired[int]
    """How long after its slot an event may come, so that many schedules do not begin at the same moment, 1 to 1440
    minutes (Scheduler API); default: at once."""
    maximum_retry_attempts: NotRequired[int]
    """How often Scheduler tries to hand an event to the queue again, 0 to 185 (Scheduler API); default 185."""
    maximum_event_age_in_seconds: NotRequired[int]
    """How long it tries, 60 to 86400 seconds (Scheduler API); default 86400."""
    max_receive_count: NotRequired[int]
    """How often the function is tried with a slot before it goes to the dead-letter queue, 1 to 1000; default 5."""
    maximum_concurrency: NotRequired[int]
    """Slots handled at once, 2 to 1000 (Lambda API); default as for other queues of the function."""


def check_schedule(where: str, given: ScheduleSourceArgs) -> None:
    """Check the argument ``schedule``.

    Raises:
        ArgumentError: a member is unknown, missing, out of bounds or none of those allowed.
    """
    check(where, given, ScheduleSourceArgs)
    expression, timezone = given["expression"], given.get("timezone")
    if isinstance(expression, str) and not _EXPRESSION.fullmatch(expression):
        raise ArgumentError(where, "expression", f"is {expression!r}; allowed are cron(…), rate(…), at(…)")
    if timezone is not None and time_zones.unknown(timezone):
        raise ArgumentError(where, "timezone", f"is {timezone!r}; allowed are IANA names, such as Europe/Berlin")
    if "envelope" in given.get("detail", {}):
        raise ArgumentError(where, "detail", "has an envelope, which the component makes of schedule and slot")
    number(where, given, "flexible_time_window_in_minutes", 1, 1, 1440)
    number(where, given, "max_receive_count", 5, 1, 1000)
    number(where, given, "maximum_concurrency", 2, 2, 1000)
    number(where, given, "maximum_retry_attempts", MOST_RETRIES, 0, MOST_RETRIES)
    number(where, given, "maximum_event_age_in_seconds", LONGEST_AGE, 60, LONGEST_AGE)


def schedule(
    common: Common,
    component: str,
    given: ScheduleSourceArgs,
    queue: SourceQueue,
    failures: pulumi.Input[str],
    failures_kms_key_arn: pulumi.Input[str] | None,
) -> None:
    """Let a schedule send to a queue.

    Args:
        common: the component.
        component: its type and name, for messages.
        given: the argument.
        queue: where the slots go.
        failures: the queue for those that Scheduler cannot deliver.
        failures_kms_key_arn: that queue's key, where it is not the component's.
    """
    where = f"{component}, schedule"
    correlation_id = f"{physical_name(f'{common.name}-schedule', 64)}/{_SLOT}"
    event = {
        "version": "0",
        "id": f"{_SCHEDULE}/{_SLOT}",
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": arns.account_id(common),
        "time": _SLOT,
        "region": arns.region(common),
        "resources": [_SCHEDULE],
        "detail": {
            "envelope": {"correlation_id": correlation_id, "occurred_at": _SLOT},
            **ordered(given.get("detail", {})),
        },
    }
    triggers.schedule(
        common,
        f"Starts {common.name}",
        given["expression"],
        given.get("timezone", "UTC"),
        queue.arn,
        event,
        {"actions": ["sqs:SendMessage"], "resources": [queue.arn]},
        failures,
        dead_letter_kms_key_arn=failures_kms_key_arn,
        window_in_minutes=number(where, given, "flexible_time_window_in_minutes", 0, 0, 1440),
        retry_policy={
            "maximum_retry_attempts": number(where, given, "maximum_retry_attempts", MOST_RETRIES, 0, MOST_RETRIES),
            "maximum_event_age_in_seconds": number(
                where, given, "maximum_event_age_in_seconds", LONGEST_AGE, 60, LONGEST_AGE
            ),
        },
    )
