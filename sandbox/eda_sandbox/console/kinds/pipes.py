"""Pipes."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from eda_sandbox.console.nodes import Kind, Mention, Node


class Pipes(Kind):
    """Pipes of EventBridge."""

    kind, title, service = "pipe", "EventBridge pipe", "pipes"

    def nodes(self) -> Iterator[Node]:
        """All pipes."""
        for found in self.client().list_pipes()["Pipes"]:
            described = self.client().describe_pipe(Name=found["Name"])
            logs = described.get("LogConfiguration", {}).get("CloudwatchLogsLogDestination", {}).get("LogGroupArn", "")
            yield Node(self.kind, found["Name"], found["Arn"], described["RoleArn"], _group(logs))

    def mentions(self, node: Node) -> Iterator[Mention]:
        """Its source, enrichment and target, and its dead-letter queue."""
        found = self._described(node)
        yield Mention(found["Source"], "stream", incoming=True)
        yield Mention(found["Target"], "target")
        yield Mention(found.get("Enrichment", ""), "enrichment")
        for parameters in found.get("SourceParameters", {}).values():
            if isinstance(parameters, dict):
                failed = parameters.get("DeadLetterConfig", {}).get("Arn", "")
                yield Mention(failed, "dead letters", dead_letters=True)

    def facts(self, node: Node) -> Mapping[str, Any]:
        """Its state and filters."""
        found = self._described(node)
        filters = found.get("SourceParameters", {}).get("FilterCriteria", {}).get("Filters", [])
        return {
            "Description": found.get("Description", ""),
            "State": found["CurrentState"],
            "Filters": [json.loads(one["Pattern"]) for one in filters],
            "Input template": found.get("TargetParameters", {}).get("InputTemplate", ""),
        }

    def _described(self, node: Node) -> dict[str, Any]:
        found: dict[str, Any] = self.client().describe_pipe(Name=node.name)
        return found


def _group(arn: str) -> str | None:
    return arn.split(":")[6] if arn.count(":") >= 6 else None
