"""Archives of buses, and replays of what they keep."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from eda_sandbox.foundation import event_pattern
from eda_sandbox.foundation.caller import Caller
from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.services.events.model import Bus
from eda_sandbox.services.events.paging import page

Replay = Callable[[Bus, dict[str, Any], frozenset[str]], None]
"""Gives a bus an event again, for the rules with these ARNs, or for all where there are none."""


@dataclass
class Archive:
    """What one archive keeps.

    Attributes:
        events: each with the moment at which its bus got it.
    """

    name: str
    arn: str
    bus: str
    created: datetime
    description: str | None = None
    pattern: str | None = None
    retention_days: int = 0
    key: str | None = None
    events: list[tuple[datetime, dict[str, Any]]] = field(default_factory=list)

    def wants(self, event: dict[str, Any]) -> bool:
        """Whether the pattern, where there is one, matches."""
        return self.pattern is None or event_pattern.matches(event_pattern.parse(self.pattern), event)

    def expire(self) -> None:
        """Forget what is older than the retention; without one nothing is."""
        if self.retention_days:
            oldest = datetime.now(UTC) - timedelta(days=self.retention_days)
            self.events = [kept for kept in self.events if kept[0] >= oldest]

    def described(self) -> dict[str, Any]:
        """The archive as ``DescribeArchive`` shows it."""
        self.expire()
        return {
            "ArchiveArn": self.arn,
            "ArchiveName": self.name,
            "EventSourceArn": self.bus,
            "Description": self.description,
            "EventPattern": self.pattern,
            "KmsKeyIdentifier": self.key,
            "RetentionDays": self.retention_days,
            "State": "ENABLED",
            "SizeBytes": sum(len(json.dumps(event)) for _, event in self.events),
            "EventCount": len(self.events),
            "CreationTime": self.created,
        }


class Archives:
    """Their part of EventBridge's API.

    Args:
        cloud: the embedded AWS.
        bus_of: the bus with an ARN; raises ``AwsError`` where there is none.
        replay: gives a bus an event again.
    """

    def __init__(self, cloud: Cloud, bus_of: Callable[[str], Bus], replay: Replay) -> None:
        self._cloud = cloud
        self._bus_of = bus_of
        self._replay = replay
        self._lock = threading.RLock()
        self._archives: dict[str, Archive] = {}
        self._replays: dict[str, dict[str, Any]] = {}

    def keep(self, bus: Bus, event: dict[str, Any]) -> None:
        """Keep an event in every archive of its bus that wants it."""
        with self._lock:
            for archive in self._archives.values():
                if archive.bus == bus.arn and archive.wants(event):
                    archive.events.append((datetime.now(UTC), event))

    def create_archive(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """CreateArchive."""
        name, bus = request["ArchiveName"], self._bus_of(request["EventSourceArn"])
        if "EventPattern" in request:
            _check_pattern(request["EventPattern"])
        with self._lock:
            if name in self._archives:
                raise AwsError("ResourceAlreadyExistsException", f"Archive {name} already exists.")
            archive = Archive(
                name,
                self._cloud.arn("events", f"archive/{name}"),
                bus.arn,
                datetime.now(UTC),
                request.get("Description"),
                request.get("EventPattern"),
                request.get("RetentionDays", 0),
                request.get("KmsKeyIdentifier"),
            )
            self._archives[name] = archive
        return {"ArchiveArn": archive.arn, "State": "ENABLED", "CreationTime": archive.created}

    def describe_archive(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DescribeArchive."""
        with self._lock:
            return self._archive(request["ArchiveName"]).described()

    def list_archives(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """ListArchives."""
        prefix, bus = request.get("NamePrefix", ""), request.get("EventSourceArn")
        with self._lock:
            if bus is not None:
                self._bus_of(bus)
            found = [
                archive.described()
                for name, archive in sorted(self._archives.items())
                if name.startswith(prefix) and bus in (None, archive.bus)
            ]
        return page("Archives", [one for one in found if request.get("State", one["State"]) == one["State"]], request)

    def update_archive(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """UpdateArchive; what is not given stays."""
        if "EventPattern" in request:
            _check_pattern(request["EventPattern"])
        with self._lock:
            archive = self._archive(request["ArchiveName"])
            archive.description = request.get("Description", archive.description)
            archive.pattern = request.get("EventPattern", archive.pattern)
            archive.retention_days = request.get("RetentionDays", archive.retention_days)
            archive.key = request.get("KmsKeyIdentifier", archive.key)
        return {"ArchiveArn": archive.arn, "State": "ENABLED", "CreationTime": archive.created}

    def delete_archive(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DeleteArchive."""
        with self._lock:
            del self._archives[self._archive(request["ArchiveName"]).name]
        return {}

    def start_replay(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """StartReplay: the events that the bus got in the time come again, in their order, with ``replay-name``."""
        name, start, end = request["ReplayName"], request["EventStartTime"], request["EventEndTime"]
        with self._lock:
            bus = self._bus_of(request["Destination"]["Arn"])
            source = request["EventSourceArn"].rpartition("/")[2]
            if source not in self._archives:
                raise _invalid(f"Parameter EventSourceArn is not valid. Reason: Archive {source} does not exist.")
            archive = self._archive(source)
            if name in self._replays:
                raise AwsError("ResourceAlreadyExistsException", f"Replay {name} already exists.")
            if start >= end:
                reason = "EventStartTime must be before EventEndTime."
                raise _invalid(f"Parameter EventEndTime is not valid. Reason: {reason}")
            if bus.arn != archive.bus:
                reason = "Cross event bus replay is not permitted."
                raise _invalid(f"Parameter Destination.Arn is not valid. Reason: {reason}")
            only = frozenset(request["Destination"].get("FilterArns", ()))
            unknown = only - {rule.arn for rule in bus.rules.values()}
            if unknown:
                reason = f"{min(unknown)} is no rule of the bus."
                raise _invalid(f"Parameter Destination.FilterArns is not valid. Reason: {reason}")
            archive.expire()
            events = [event for got, event in archive.events if start <= got <= end]
            began = datetime.now(UTC)
            arn = self._cloud.arn("events", f"replay/{name}")
            self._replays[name] = {
                **{key: request.get(key) for key in ("ReplayName", "Description", "EventSourceArn", "Destination")},
                "ReplayArn": arn,
                "State": "COMPLETED",
                "EventStartTime": start,
                "EventEndTime": end,
                "ReplayStartTime": began,
                "ReplayEndTime": began,
            }
        for event in events:
            self._replay(bus, {**event, "replay-name": name}, only)
        return {"ReplayArn": arn, "State": "STARTING", "ReplayStartTime": began}

    def describe_replay(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DescribeReplay."""
        with self._lock:
            found = self._replays.get(request["ReplayName"])
        if found is None:
            raise AwsError("ResourceNotFoundException", f"Replay {request['ReplayName']} does not exist.")
        return found

    def list_replays(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """ListReplays."""
        prefix, archive = request.get("NamePrefix", ""), request.get("EventSourceArn")
        with self._lock:
            found = [self._replays[name] for name in sorted(self._replays) if name.startswith(prefix)]
        hidden = ("ReplayArn", "Description", "Destination")
        shown = [
            {key: value for key, value in replay.items() if key not in hidden}
            for replay in found
            if archive in (None, replay["EventSourceArn"]) and request.get("State", replay["State"]) == replay["State"]
        ]
        return page("Replays", shown, request)

    def _archive(self, name: str) -> Archive:
        if name not in self._archives:
            raise AwsError("ResourceNotFoundException", f"Archive {name} does not exist.")
        return self._archives[name]


def _check_pattern(text: str) -> None:
    try:
        event_pattern.parse(text)
    except ValueError as error:
        raise AwsError("InvalidEventPatternException", str(error)) from None


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationException", message)
