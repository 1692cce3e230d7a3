"""Kinesis data streams."""

from collections.abc import Iterator

from eda_sandbox.console.nodes import Kind, Node


class Streams(Kind):
    """Kinesis data streams."""

    kind, title, service = "stream", "Kinesis stream", "kinesis"

    def nodes(self) -> Iterator[Node]:
        """All streams."""
        for name in self.client().list_streams()["StreamNames"]:
            yield Node(self.kind, name, self.cloud.arn("kinesis", f"stream/{name}"))
