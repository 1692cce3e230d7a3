"""Delivery streams of Firehose."""

from collections.abc import Iterator, Mapping
from typing import Any

from eda_sandbox.console.nodes import Kind, Mention, Node


class DeliveryStreams(Kind):
    """Delivery streams of Data Firehose."""

    kind, title, service = "delivery", "Firehose stream", "firehose"

    def nodes(self) -> Iterator[Node]:
        """All delivery streams."""
        for name in self.client().list_delivery_streams()["DeliveryStreamNames"]:
            arn = self.cloud.arn("firehose", f"deliverystream/{name}")
            destination = self._destination(name)
            group = destination.get("CloudWatchLoggingOptions", {}).get("LogGroupName")
            yield Node(self.kind, name, arn, destination.get("RoleARN"), group)

    def mentions(self, node: Node) -> Iterator[Mention]:
        """The bucket that it writes to."""
        yield Mention(self._destination(node.name).get("BucketARN", ""), "delivery")

    def facts(self, node: Node) -> Mapping[str, Any]:
        """Its buffer and prefix."""
        found = self._destination(node.name)
        return {
            "Buffering": found.get("BufferingHints", {}),
            "Prefix": found.get("Prefix", ""),
            "Error prefix": found.get("ErrorOutputPrefix", ""),
            "Format conversion": found.get("DataFormatConversionConfiguration", {}).get("Enabled", False),
        }

    def _destination(self, name: str) -> dict[str, Any]:
        described = self.client().describe_delivery_stream(DeliveryStreamName=name)
        found: dict[str, Any] = described["DeliveryStreamDescription"]["Destinations"][0].get(
            "ExtendedS3DestinationDescription", {}
        )
        return found
