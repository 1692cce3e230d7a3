"""The API of EventBridge Scheduler."""

import contextlib
import threading
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from eda_sandbox.foundation.agenda import Agenda
from eda_sandbox.foundation.caller import Caller
from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.foundation.pages import start
from eda_sandbox.foundation.service import Service
from eda_sandbox.services.scheduler import targets
from eda_sandbox.services.scheduler.invocation import Invocations
from eda_sandbox.services.scheduler.offered import OFFERED
from eda_sandbox.services.scheduler.schedule import Schedule, make
from eda_sandbox.services.scheduler.virtual_time import VirtualTime

DEFAULT = "default"


class Scheduler(Service):
    """Schedules and their groups.

    All schedules live in one virtual time: it begins with the real one, runs by the sandbox's speed, and
    ``advance_to`` moves it forward.
    """

    name = "scheduler"
    principal = targets.PRINCIPAL
    roles = dict.fromkeys(("CreateSchedule", "UpdateSchedule"), ("Target.RoleArn",))
    offered = OFFERED

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._lock = threading.RLock()
        self._time = VirtualTime(cloud.clock)
        self._groups = {DEFAULT: self._new_group(DEFAULT, {})}
        self._schedules: dict[tuple[str, str], Schedule] = {}
        self._agenda = Agenda("scheduler", self._time.seconds, cloud.clock.real)
        self._invocations = Invocations(cloud, self._agenda)

    def start(self) -> None:
        """Start to call targets."""
        self._agenda.start()

    def stop(self) -> None:
        """Call no more targets."""
        self._agenda.close()

    def resource_arn(self, operation: str, request: dict[str, Any]) -> str:
        """The schedule's ARN, or its group's."""
        if "ResourceArn" in request:
            return str(request["ResourceArn"])
        if operation.endswith("ScheduleGroup"):
            return self._group_arn(request["Name"])
        if "Name" in request:
            return self._arn(request.get("GroupName", DEFAULT), request["Name"])
        return "*"

    def now(self) -> datetime:
        """The present of the schedules, in UTC."""
        return self._time.now()

    def advance_to(self, moment: datetime) -> None:
        """Move the time of the schedules forward, for demonstrations and tests.

        Of the slots that are jumped over, each schedule fires the last one alone: as after a night's sleep, a rate of
        a minute does not fire a thousand times.

        Args:
            moment: aware; the new present.

        Raises:
            ValueError: it lies in the schedules' past, or has no time zone.
        """
        if moment.tzinfo is None:
            raise ValueError(f"{moment} has no time zone")
        with self._lock:
            if moment < self._time.now():
                raise ValueError(f"{moment} lies behind {self._time.now()}: time only moves forward")
            self._move_to(moment)

    def advance_to_next(self, name: str, group: str = DEFAULT) -> datetime:
        """Move the time of the schedules forward to the moment in which a schedule fires next.

        Returns:
            The slot: its nominal time, in UTC.

        Raises:
            AwsError: there is no such schedule.
            ValueError: it never fires again.
        """
        with self._lock:
            schedule = self._schedule(group, name)
            self._fire_due(schedule)
            slot = schedule.planned
            if slot is None:
                raise ValueError(f"the schedule {group}/{name} never fires again")
            self._move_to(schedule.due(slot))
        return slot

    def create_schedule(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """CreateSchedule; a repeat with the same ``ClientToken`` is the same schedule."""
        group, name, token = request.get("GroupName", DEFAULT), request["Name"], request.get("ClientToken")
        with self._lock:
            self._group(group)
            known = self._schedules.get((group, name))
            if known is not None and token is not None and known.token == token:
                return {"ScheduleArn": known.arn}
            if known is not None:
                raise AwsError("ConflictException", f"Schedule {name} already exists.")
            schedule = make(self._arn(group, name), group, request, self._time.now())
            targets.check(self.cloud, request["Target"], self._group_arn(group))
            self._schedules[group, name] = schedule
            self._plan(schedule, schedule.planned)
        return {"ScheduleArn": schedule.arn}

    def update_schedule(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """UpdateSchedule: what it leaves out is set to its default."""
        group, name = request.get("GroupName", DEFAULT), request["Name"]
        with self._lock:
            known = self._schedule(group, name)
            schedule = make(known.arn, group, request, self._time.now(), known.created)
            targets.check(self.cloud, request["Target"], self._group_arn(group))
            self._schedules[group, name] = schedule
            self._plan(schedule, schedule.planned)
        return {"ScheduleArn": schedule.arn}

    def get_schedule(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetSchedule."""
        return self._schedule(request.get("GroupName", DEFAULT), request["Name"]).described()

    def list_schedules(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """ListSchedules."""
        group, prefix, state = (request.get(key) for key in ("GroupName", "NamePrefix", "State"))
        with self._lock:
            found = [
                schedule.summary()
                for schedule in sorted(self._schedules.values(), key=lambda schedule: (schedule.group, schedule.name))
                if group in (None, schedule.group)
                and schedule.name.startswith(prefix or "")
                and state in (None, schedule.configuration["State"])
            ]
        return _page("Schedules", found, request)

    def delete_schedule(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DeleteSchedule."""
        with self._lock:
            schedule = self._schedule(request.get("GroupName", DEFAULT), request["Name"])
            self._forget([schedule])
        return {}

    def create_schedule_group(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """CreateScheduleGroup; a repeat with the same ``ClientToken`` is the same group."""
        name = request["Name"]
        with self._lock:
            known = self._groups.get(name)
            if known is not None and known["ClientToken"] != request.get("ClientToken", ""):
                raise AwsError("ConflictException", f"Schedule group {name} already exists.")
            if known is None:
                self._groups[name] = self._new_group(name, request)
        return {"ScheduleGroupArn": self._group_arn(name)}

    def get_schedule_group(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetScheduleGroup."""
        return self._group(request["Name"])

    def list_schedule_groups(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """ListScheduleGroups."""
        prefix = request.get("NamePrefix", "")
        with self._lock:
            found = [group for name, group in sorted(self._groups.items()) if name.startswith(prefix)]
        return _page("ScheduleGroups", found, request)

    def delete_schedule_group(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DeleteScheduleGroup, with its schedules."""
        name = request["Name"]
        if name == DEFAULT:
            raise AwsError("ValidationException", "The default schedule group cannot be deleted.")
        with self._lock:
            self._group(name)
            self._forget([schedule for schedule in self._schedules.values() if schedule.group == name])
            del self._groups[name]
        return {}

    def tag_resource(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """TagResource: groups have tags, schedules do not."""
        self._tags(request["ResourceArn"]).update(_tags(request))
        return {}

    def untag_resource(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """UntagResource."""
        tags = self._tags(request["ResourceArn"])
        for key in request["TagKeys"]:
            tags.pop(key, None)
        return {}

    def list_tags_for_resource(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """ListTagsForResource."""
        tags = self._tags(request["ResourceArn"])
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def _plan(self, schedule: Schedule, slot: datetime | None) -> None:
        schedule.planned = slot
        if slot is not None:
            self._agenda.add(schedule.due(slot).timestamp(), lambda: self._fire_due(schedule))

    def _fire_due(self, schedule: Schedule) -> None:
        """Have the target called for each slot that has come, and plan the one behind."""
        with self._lock:
            if self._schedules.get((schedule.group, schedule.name)) is not schedule:
                # It was updated or deleted meanwhile.
                return
            while (slot := schedule.planned) is not None and schedule.due(slot).timestamp() <= self._time.seconds():
                following = schedule.following(slot)
                if schedule.enabled:
                    self._call(schedule, slot, last=following is None)
                self._plan(schedule, following)

    def _call(self, schedule: Schedule, slot: datetime, *, last: bool) -> None:
        def completed() -> None:
            if last and schedule.configuration["ActionAfterCompletion"] == "DELETE":
                with self._lock:
                    self._forget([schedule])

        self._agenda.add(self._time.seconds(), lambda: self._invocations.run(schedule, slot, completed))

    def _move_to(self, moment: datetime) -> None:
        schedules = list(self._schedules.values())
        for schedule in schedules:
            # What is due already is not jumped over.
            self._fire_due(schedule)
            planned = slot = schedule.planned
            while slot is not None and slot <= moment:
                planned, slot = slot, schedule.following(slot)
            if planned != schedule.planned:
                self._plan(schedule, planned)
        self._time.move_to(moment)
        for schedule in schedules:
            self._fire_due(schedule)
        self._agenda.wake()

    def _forget(self, schedules: Iterable[Schedule]) -> None:
        for schedule in schedules:
            if self._schedules.get((schedule.group, schedule.name)) is schedule:
                del self._schedules[schedule.group, schedule.name]

    def _schedule(self, group: str, name: str) -> Schedule:
        with self._lock:
            self._group(group)
            schedule = self._schedules.get((group, name))
        if schedule is None:
            raise AwsError("ResourceNotFoundException", f"Schedule {name} does not exist.")
        return schedule

    def _group(self, name: str) -> dict[str, Any]:
        with self._lock:
            group = self._groups.get(name)
        if group is None:
            raise AwsError("ResourceNotFoundException", f"Schedule group {name} does not exist.")
        return group

    def _new_group(self, name: str, request: dict[str, Any]) -> dict[str, Any]:
        now = self._time.now()
        return {
            "Arn": self._group_arn(name),
            "Name": name,
            "State": "ACTIVE",
            "CreationDate": now,
            "LastModificationDate": now,
            "ClientToken": request.get("ClientToken", ""),
            "Tags": _tags(request),
        }

    def _tags(self, arn: str) -> dict[str, str]:
        with contextlib.suppress(StopIteration), self._lock:
            tags: dict[str, str] = next(group["Tags"] for group in self._groups.values() if group["Arn"] == arn)
            return tags
        raise AwsError("ResourceNotFoundException", f"{arn} is no schedule group.")

    def _arn(self, group: str, name: str) -> str:
        return self.cloud.arn("scheduler", f"schedule/{group}/{name}")

    def _group_arn(self, name: str) -> str:
        return self.cloud.arn("scheduler", f"schedule-group/{name}")


def _tags(request: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in request.get("Tags", [])}


def _page(member: str, items: list[dict[str, Any]], request: dict[str, Any]) -> dict[str, Any]:
    first = start(request.get("NextToken"), "ValidationException")
    end = first + (request.get("MaxResults") or 100)
    return {member: items[first:end], **({"NextToken": str(end)} if end < len(items) else {})}
