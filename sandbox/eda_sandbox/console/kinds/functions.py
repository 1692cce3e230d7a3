"""Lambda functions."""

from collections.abc import Iterator, Mapping
from typing import Any

from eda_sandbox.console.nodes import Kind, Mention, Metrics, Node


class Functions(Kind):
    """Lambda functions."""

    kind, title, service = "function", "Lambda function", "lambda"

    def nodes(self) -> Iterator[Node]:
        """All functions."""
        for found in self.client().list_functions()["Functions"]:
            group = found.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{found['FunctionName']}"
            yield Node(self.kind, found["FunctionName"], found["FunctionArn"], found["Role"], group)

    def mentions(self, node: Node) -> Iterator[Mention]:
        """Its event source mappings, and where events go that it failed."""
        client = self.client()
        for mapping in client.list_event_source_mappings(FunctionName=node.name)["EventSourceMappings"]:
            yield Mention(mapping["EventSourceArn"], "event source mapping", incoming=True)
            failed = mapping.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination", "")
            yield Mention(failed, "dead letters", dead_letters=True)
        try:
            config = client.get_function_event_invoke_config(FunctionName=node.name)
        except client.exceptions.ResourceNotFoundException:
            return
        destinations = config.get("DestinationConfig", {})
        yield Mention(destinations.get("OnFailure", {}).get("Destination", ""), "dead letters", dead_letters=True)
        yield Mention(destinations.get("OnSuccess", {}).get("Destination", ""), "on success")

    def metrics(self, node: Node) -> Metrics:
        """How often it ran, and how often it failed."""
        running, outcomes = self.cloud.service("lambda").outcomes(node.name)
        total, failed = outcomes.total(), outcomes.total() - outcomes["success"]
        shown = [f"{total} invocation{'s' * (total != 1)}"] + ([f"{failed} failed"] if failed else [])
        return Metrics(shown, waiting=running, failed=failed)

    def facts(self, node: Node) -> Mapping[str, Any]:
        """Its configuration."""
        found = self.client().get_function_configuration(FunctionName=node.name)
        return {
            "Description": found.get("Description", ""),
            "Handler": found.get("Handler", ""),
            "Runtime": found.get("Runtime", ""),
            "Memory": f"{found['MemorySize']} MB",
            "Timeout": f"{found['Timeout']} s",
            "Environment": found.get("Environment", {}).get("Variables", {}),
        }
