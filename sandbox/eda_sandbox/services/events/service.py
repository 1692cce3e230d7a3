"""The API of EventBridge."""

import json
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from botocore import xform_name

from eda_sandbox.foundation import event_pattern, tracing
from eda_sandbox.foundation.caller import Caller
from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.foundation.service import Service
from eda_sandbox.services.events import targets
from eda_sandbox.services.events.archives import Archives
from eda_sandbox.services.events.delivery import Deliveries
from eda_sandbox.services.events.model import Bus, Rule
from eda_sandbox.services.events.offered import OFFERED
from eda_sandbox.services.events.paging import page

DEFAULT = "default"
REQUEST_BYTES = 1024 * 1024
"""The most that the entries of one ``PutEvents`` may hold."""
TARGETS_PER_RULE = 5
_TIME_BYTES = 14
_BUS_SETTINGS = ("DeadLetterConfig", "Description", "KmsKeyIdentifier", "LogConfig")


class Events(Service):
    """Event buses with their archives, and rules with event patterns."""

    name = "events"
    principal = targets.PRINCIPAL
    roles: ClassVar[Mapping[str, Sequence[str]]] = {"PutRule": ("RoleArn",), "PutTargets": ("Targets.*.RoleArn",)}
    offered = OFFERED

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._lock = threading.RLock()
        self._buses = {DEFAULT: Bus(DEFAULT, cloud.arn("events", f"event-bus/{DEFAULT}"), datetime.now(UTC))}
        self._deliveries = Deliveries(cloud)
        self._archives = Archives(cloud, self._bus, self._match)

    def operation(self, name: str) -> Callable[[dict[str, Any], Caller], dict[str, Any]] | None:
        """The method that serves an operation; archives and replays have theirs."""
        method: Callable[[dict[str, Any], Caller], dict[str, Any]] | None = super().operation(name)
        return method or getattr(self._archives, xform_name(name), None)

    def start(self) -> None:
        """Start to deliver."""
        self._deliveries.start()

    def stop(self) -> None:
        """Deliver nothing more."""
        self._deliveries.close()

    def resource_arn(self, operation: str, request: dict[str, Any]) -> str:
        """The ARN of the rule, the archive, the replay or the event bus."""
        for kind in ("Archive", "Replay"):
            if f"{kind}Name" in request:
                return self.cloud.arn("events", f"{kind.lower()}/{request[f'{kind}Name']}")
        if operation.endswith("Permission"):
            return self._bus_arn(request.get("EventBusName", DEFAULT))
        if operation.endswith("EventBus"):
            return self._bus_arn(request.get("Name", DEFAULT))
        rule = request.get("Rule") or request.get("Name")
        if rule is not None:
            return self._rule_arn(_bus_name(request.get("EventBusName", DEFAULT)), rule)
        return str(request.get("ResourceARN", "*"))

    def resource_arns(self, operation: str, request: dict[str, Any]) -> list[str]:
        """As ``resource_arn``; events are for each of their buses, a replay is of an archive too."""
        if operation == "PutEvents":
            return sorted({self._bus_arn(entry.get("EventBusName", DEFAULT)) for entry in request["Entries"]})
        own = self.resource_arn(operation, request)
        return [request["EventSourceArn"], own] if operation == "StartReplay" else [own]

    def create_event_bus(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """CreateEventBus."""
        name = request["Name"]
        if "/" in name or name.startswith("aws."):
            raise AwsError("ValidationException", f"Event bus name must not contain '/'. Name: {name}")
        if "EventSourceName" in request:
            raise AwsError("ValidationException", "the sandbox has no partner event sources (EventSourceName)")
        if request.get("LogConfig", {}).get("Level", "OFF") != "OFF":
            raise AwsError("ValidationException", "the sandbox's event buses write no logs (LogConfig)")
        with self._lock:
            if name in self._buses:
                raise AwsError("ResourceAlreadyExistsException", f"Event bus {name} already exists.")
            arn = self.cloud.arn("events", f"event-bus/{name}")
            settings = {key: request[key] for key in _BUS_SETTINGS if key in request}
            self._buses[name] = Bus(name, arn, datetime.now(UTC), settings, _tags(request))
        return {"EventBusArn": arn, **settings}

    def update_event_bus(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """UpdateEventBus; what is not given is not there any more."""
        if request.get("LogConfig", {}).get("Level", "OFF") != "OFF":
            raise AwsError("ValidationException", "the sandbox's event buses write no logs (LogConfig)")
        bus = self._bus(request.get("Name", DEFAULT))
        bus.settings = {key: request[key] for key in _BUS_SETTINGS if key in request}
        return {"Arn": bus.arn, "Name": bus.name, **bus.settings}

    def put_permission(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """PutPermission, of a whole policy."""
        if "Policy" not in request:
            raise AwsError("ValidationException", "the sandbox takes an event bus's policy as a whole (Policy)")
        bus = self._bus(request.get("EventBusName", DEFAULT))
        try:
            statements = json.loads(request["Policy"])["Statement"]
            understood = all({"Sid", "Effect", "Principal", "Action", "Resource"} <= each.keys() for each in statements)
        except (ValueError, TypeError, KeyError, AttributeError):
            understood = False
        if not understood:
            raise AwsError("ValidationException", "Parameter Policy is not valid.")
        bus.policy = request["Policy"]
        return {}

    def remove_permission(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """RemovePermission, of the whole policy."""
        if not request.get("RemoveAllPermissions"):
            raise AwsError("ValidationException", "the sandbox takes an event bus's policy as a whole")
        self._bus(request.get("EventBusName", DEFAULT)).policy = None
        return {}

    def delete_event_bus(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DeleteEventBus."""
        name = request["Name"]
        if name == DEFAULT:
            raise AwsError("ValidationException", "Cannot delete event bus default.")
        with self._lock:
            if name in self._buses and self._buses[name].rules:
                raise AwsError("ValidationException", f"Cannot delete event bus {name}: it has rules.")
            self._buses.pop(name, None)
        return {}

    def describe_event_bus(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DescribeEventBus."""
        return self._bus(request.get("Name", DEFAULT)).described()

    def list_event_buses(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """ListEventBuses."""
        with self._lock:
            buses = _by_prefix(self._buses.values(), request)
        return page("EventBuses", [bus.described() for bus in buses], request)

    def put_rule(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """PutRule; what a rule is given anew takes the place of all it had but its targets."""
        if "ScheduleExpression" in request:
            raise AwsError(
                "ValidationException",
                "the sandbox's rules have no ScheduleExpression; use a schedule of EventBridge Scheduler",
            )
        if "EventPattern" not in request:
            raise AwsError("ValidationException", "Parameter(s) EventPattern or ScheduleExpression must be specified.")
        _checked_pattern(request["EventPattern"])
        bus, name = self._bus(request.get("EventBusName", DEFAULT)), request["Name"]
        with self._lock:
            known = bus.rules.get(name)
            rule = Rule(
                name,
                self._rule_arn(bus.name, name),
                bus.name,
                request["EventPattern"],
                request.get("State", "ENABLED"),
                request.get("Description"),
                request.get("RoleArn"),
                known.tags if known else _tags(request),
                known.targets if known else {},
            )
            bus.rules[name] = rule
        return {"RuleArn": rule.arn}

    def describe_rule(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DescribeRule."""
        rule = self._rule(request["Name"], request)
        return {**rule.described(), "CreatedBy": self.cloud.account}

    def list_rules(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """ListRules."""
        bus = self._bus(request.get("EventBusName", DEFAULT))
        with self._lock:
            rules = _by_prefix(bus.rules.values(), request)
        return page("Rules", [rule.described() for rule in rules], request)

    def list_rule_names_by_target(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """ListRuleNamesByTarget."""
        bus, arn = self._bus(request.get("EventBusName", DEFAULT)), request["TargetArn"]
        with self._lock:
            names = [
                rule.name
                for rule in bus.rules.values()
                if any(target["Arn"] == arn for target in rule.targets.values())
            ]
        return page("RuleNames", names, request)

    def enable_rule(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """EnableRule."""
        self._rule(request["Name"], request).state = "ENABLED"
        return {}

    def disable_rule(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DisableRule."""
        self._rule(request["Name"], request).state = "DISABLED"
        return {}

    def delete_rule(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DeleteRule; one that is not there is deleted already."""
        bus = self._bus(request.get("EventBusName", DEFAULT))
        with self._lock:
            rule = bus.rules.get(request["Name"])
            if rule is not None and rule.targets:
                raise AwsError("ValidationException", "Rule can't be deleted since it has targets.")
            bus.rules.pop(request["Name"], None)
        return {}

    def put_targets(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """PutTargets; all of them or none."""
        rule = self._rule(request["Rule"], request)
        for target in request["Targets"]:
            targets.check(self.cloud, target, rule.arn)
        with self._lock:
            changed = {**rule.targets, **{target["Id"]: target for target in request["Targets"]}}
            if len(changed) > TARGETS_PER_RULE:
                raise AwsError("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
            rule.targets = changed
        return {"FailedEntryCount": 0, "FailedEntries": []}

    def list_targets_by_rule(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """ListTargetsByRule."""
        return page("Targets", list(self._rule(request["Rule"], request).targets.values()), request)

    def remove_targets(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """RemoveTargets."""
        rule = self._rule(request["Rule"], request)
        with self._lock:
            gone = set(request["Ids"])
            missing = gone - rule.targets.keys()
            rule.targets = {name: target for name, target in rule.targets.items() if name not in gone}
        failed = [
            {
                "TargetId": name,
                "ErrorCode": "ResourceNotFoundException",
                "ErrorMessage": f"Rule {rule.name} does not have target(s): {name}",
            }
            for name in sorted(missing)
        ]
        return {"FailedEntryCount": len(failed), "FailedEntries": failed}

    def put_events(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """PutEvents: each entry is taken or refused by itself."""
        if sum(_size(entry) for entry in request["Entries"]) > REQUEST_BYTES:
            raise AwsError("ValidationException", "Total size of the entries in the request is over the limit.")
        answers = [self._put_event(entry, caller) for entry in request["Entries"]]
        return {"FailedEntryCount": sum("ErrorCode" in answer for answer in answers), "Entries": answers}

    def test_event_pattern(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """TestEventPattern."""
        pattern = _checked_pattern(request["EventPattern"])
        try:
            event = json.loads(request["Event"])
        except ValueError:
            raise AwsError("ValidationException", "Parameter Event is not valid.") from None
        needed = ("id", "detail-type", "source", "account", "time", "region")
        if not isinstance(event, dict) or any(name not in event for name in needed):
            raise AwsError("ValidationException", "Parameter Event is not valid.")
        return {"Result": event_pattern.matches(pattern, event)}

    def tag_resource(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """TagResource, a bus or a rule."""
        self._tagged(request["ResourceARN"]).update(_tags(request))
        return {}

    def untag_resource(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """UntagResource."""
        tags = self._tagged(request["ResourceARN"])
        for key in request["TagKeys"]:
            tags.pop(key, None)
        return {}

    def list_tags_for_resource(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """ListTagsForResource."""
        tags = self._tagged(request["ResourceARN"])
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def _put_event(self, entry: dict[str, Any], caller: Caller) -> dict[str, Any]:
        for member in ("Source", "DetailType", "Detail"):
            if not entry.get(member):
                return _refused(
                    "InvalidArgument", f"Parameter {member} is not valid. Reason: {member} is a required argument."
                )
        try:
            detail = json.loads(entry["Detail"])
        except ValueError:
            detail = None
        if not isinstance(detail, dict):
            return _refused("MalformedDetail", "Detail is malformed.")
        source = entry["Source"]
        own = None if caller.service is None else f"aws.{caller.service.removesuffix('.amazonaws.com')}"
        if own != (source if source.startswith("aws.") else None):
            return _refused("NotAuthorizedForSourceException", "Not authorized for the source.")
        now = datetime.now(UTC)
        event = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": entry["DetailType"],
            "source": source,
            "account": caller.account,
            "time": _rfc3339(entry.get("Time", now)),
            "region": self.cloud.region,
            "resources": entry.get("Resources", []),
            "detail": detail,
        }
        with self._lock:
            bus = self._buses.get(_bus_name(entry.get("EventBusName", DEFAULT)))
        # An event for a bus that is not there is accepted and matches nothing, as on AWS.
        if bus is not None:
            self._archives.keep(bus, event)
            with tracing.carrying(entry.get("TraceHeader") or tracing.current()):
                self._match(bus, event)
        return {"EventId": event["id"]}

    def _match(self, bus: Bus, event: dict[str, Any], only: frozenset[str] = frozenset()) -> None:
        """Hand an event to the targets of the rules that match it.

        Args:
            bus: where it came.
            event: as targets see it.
            only: ARNs of the rules that are asked; all without any.
        """
        ingested = _rfc3339(datetime.now(UTC))
        with self._lock:
            rules = [rule for rule in bus.rules.values() if not only or rule.arn in only]
        for rule in rules:
            if rule.matches(event):
                for target in rule.targets.values():
                    self._deliveries.add(event, rule.arn, target, ingested)

    def _bus(self, name: str) -> Bus:
        with self._lock:
            bus = self._buses.get(_bus_name(name))
        if bus is None:
            raise AwsError("ResourceNotFoundException", f"Event bus {_bus_name(name)} does not exist.")
        return bus

    def _rule(self, name: str, request: dict[str, Any]) -> Rule:
        bus = self._bus(request.get("EventBusName", DEFAULT))
        with self._lock:
            rule = bus.rules.get(name)
        if rule is None:
            raise AwsError("ResourceNotFoundException", f"Rule {name} does not exist on EventBus {bus.name}.")
        return rule

    def _tagged(self, arn: str) -> dict[str, str]:
        with self._lock:
            tagged: list[Bus | Rule] = [*self._buses.values()]
            tagged += [rule for bus in self._buses.values() for rule in bus.rules.values()]
            for resource in tagged:
                if resource.arn == arn:
                    return resource.tags
        kind, _, name = arn.rpartition(":")[2].partition("/")
        if kind == "rule":
            bus, _, rule = name.rpartition("/")
            raise AwsError("ResourceNotFoundException", f"Rule {rule} does not exist on EventBus {bus or DEFAULT}.")
        raise AwsError("ResourceNotFoundException", f"Event bus {name} does not exist.")

    def _bus_arn(self, name: str) -> str:
        return self.cloud.arn("events", f"event-bus/{_bus_name(name)}")

    def _rule_arn(self, bus: str, name: str) -> str:
        return self.cloud.arn("events", f"rule/{name}" if bus == DEFAULT else f"rule/{bus}/{name}")


def _bus_name(name_or_arn: str) -> str:
    return name_or_arn.rpartition("/")[2]


def _checked_pattern(text: str) -> dict[str, Any]:
    try:
        return event_pattern.parse(text)
    except ValueError as error:
        raise AwsError("InvalidEventPatternException", str(error)) from None


def _refused(code: str, message: str) -> dict[str, Any]:
    return {"ErrorCode": code, "ErrorMessage": message}


def _size(entry: dict[str, Any]) -> int:
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html#eb-putevent-size
    texts = [entry.get("Source", ""), entry.get("DetailType", ""), entry.get("Detail", ""), *entry.get("Resources", [])]
    return sum(len(text.encode()) for text in texts) + (_TIME_BYTES if "Time" in entry else 0)


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _tags(request: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in request.get("Tags", [])}


def _by_prefix(resources: Iterable[Any], request: dict[str, Any]) -> list[Any]:
    prefix = request.get("NamePrefix", "")
    return sorted((found for found in resources if found.name.startswith(prefix)), key=lambda found: str(found.name))
