"""Schedules of EventBridge Scheduler."""

from collections.abc import Iterator, Mapping
from typing import Any

from eda_sandbox.console.nodes import Kind, Mention, Node


class Schedules(Kind):
    """Schedules, in the default group; of another group as ``group/name``."""

    kind, title, service = "schedule", "Schedule", "scheduler"

    def nodes(self) -> Iterator[Node]:
        """All schedules."""
        for page in self.client().get_paginator("list_schedules").paginate():
            for found in page["Schedules"]:
                group = found["GroupName"]
                name = found["Name"] if group == "default" else f"{group}/{found['Name']}"
                described = self.client().get_schedule(Name=found["Name"], GroupName=group)
                yield Node(self.kind, name, found["Arn"], described["Target"]["RoleArn"])

    def mentions(self, node: Node) -> Iterator[Mention]:
        """Its target: by ARN, or by what it says to an AWS SDK integration."""
        target = self._described(node)["Target"]
        yield Mention(target["Arn"], "target")
        if ":aws-sdk:" in target["Arn"]:
            yield Mention(target.get("Input", ""), "target", service=target["Arn"].split(":")[-2])
        yield Mention(target.get("DeadLetterConfig", {}).get("Arn", ""), "dead letters", dead_letters=True)

    def facts(self, node: Node) -> Mapping[str, Any]:
        """When it fires, and what it sends."""
        found = self._described(node)
        return {
            "Description": found.get("Description", ""),
            "Expression": found["ScheduleExpression"],
            "Time zone": found.get("ScheduleExpressionTimezone", "UTC"),
            "State": found["State"],
            "Target": found["Target"]["Arn"],
            "Input": found["Target"].get("Input", ""),
        }

    def _described(self, node: Node) -> dict[str, Any]:
        group, slash, name = node.name.rpartition("/")
        found: dict[str, Any] = self.client().get_schedule(Name=name, GroupName=group if slash else "default")
        return found
