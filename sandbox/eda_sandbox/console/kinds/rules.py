"""Event buses and their rules."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from eda_sandbox.console.nodes import Kind, Mention, Node


class Buses(Kind):
    """Event buses of EventBridge, without the default one, which every account has."""

    kind, title, service = "bus", "Event bus", "events"

    def nodes(self) -> Iterator[Node]:
        """All buses that somebody made."""
        for found in self.client().list_event_buses()["EventBuses"]:
            if found["Name"] != "default":
                yield Node(self.kind, found["Name"], found["Arn"])


class Rules(Kind):
    """Rules of EventBridge."""

    kind, title, service = "rule", "EventBridge rule", "events"

    def nodes(self) -> Iterator[Node]:
        """All rules, as ``bus/name`` where the bus is not the default one."""
        client = self.client()
        for bus in client.list_event_buses()["EventBuses"]:
            for found in client.list_rules(EventBusName=bus["Name"])["Rules"]:
                name = found["Name"] if bus["Name"] == "default" else f"{bus['Name']}/{found['Name']}"
                yield Node(self.kind, name, found["Arn"], found.get("RoleArn"))

    def mentions(self, node: Node) -> Iterator[Mention]:
        """Whose events it takes, and where it sends them."""
        bus, name = _parts(node)
        client = self.client()
        found = client.describe_rule(Name=name, EventBusName=bus)
        pattern = found.get("EventPattern", "")
        for source in json.loads(pattern or "{}").get("source", []):
            if isinstance(source, str) and source.startswith("aws."):
                service = source.removeprefix("aws.")
                yield Mention(pattern, "events", incoming=True, service=_SERVICES.get(service, service))
        if bus != "default":
            yield Mention(json.dumps(bus), "events", incoming=True)
        for target in client.list_targets_by_rule(Rule=name, EventBusName=bus)["Targets"]:
            yield Mention(target["Arn"], "target")
            failed = target.get("DeadLetterConfig", {}).get("Arn", "")
            if failed != target["Arn"]:
                yield Mention(failed, "dead letters", dead_letters=True)

    def facts(self, node: Node) -> Mapping[str, Any]:
        """Its pattern and state."""
        bus, name = _parts(node)
        found = self.client().describe_rule(Name=name, EventBusName=bus)
        return {
            "Description": found.get("Description", ""),
            "State": found["State"],
            "Pattern": json.loads(found.get("EventPattern", "{}")),
        }


_SERVICES = {"states": "stepfunctions", "redshift-data": "redshift-serverless"}
"""boto3's names of services that events call otherwise."""


def _parts(node: Node) -> tuple[str, str]:
    bus, slash, name = node.name.rpartition("/")
    return (bus if slash else "default"), name
