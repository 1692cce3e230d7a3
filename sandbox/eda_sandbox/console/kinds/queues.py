"""Queues and their messages."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from eda_sandbox.console.nodes import ROWS, Kind, Listing, Mention, Metrics, Node
from eda_sandbox.foundation.messages import messages

SHOWN_LETTERS = 200


class Queues(Kind):
    """SQS queues."""

    kind, title, service = "queue", "SQS queue", "sqs"

    def nodes(self) -> Iterator[Node]:
        """All queues."""
        for page in self.client().get_paginator("list_queues").paginate():
            for url in page.get("QueueUrls", []):
                name = url.rpartition("/")[2]
                yield Node(self.kind, name, self.cloud.arn("sqs", name))

    def mentions(self, node: Node) -> Iterator[Mention]:
        """Its dead-letter queue."""
        policy = json.loads(self._attributes(node).get("RedrivePolicy", "{}"))
        yield Mention(policy.get("deadLetterTargetArn", ""), "dead letters", dead_letters=True)

    def metrics(self, node: Node) -> Metrics:
        """How many messages wait and are in flight, and how old the oldest one is."""
        found = messages(self.cloud, node.name)
        flying = sum(not message.visible for message in found)
        now = datetime.now(UTC)
        age = max(((now - message.sent).total_seconds() for message in found), default=0.0)
        shown = [f"{len(found) - flying} waiting" if found else "empty"]
        if flying:
            shown.append(f"{flying} in flight")
        return Metrics(shown, waiting=len(found), age=float(round(age)))

    def facts(self, node: Node) -> Mapping[str, Any]:
        """Its attributes."""
        found = self._attributes(node)
        names = ("VisibilityTimeout", "MessageRetentionPeriod", "RedrivePolicy", "KmsMasterKeyId")
        return {name: found[name] for name in names if name in found}

    def items(self, node: Node) -> Listing:
        """Its messages, the oldest first."""
        found = messages(self.cloud, node.name)
        rows = [[one.id, one.sent, one.receipts, one.text[:SHOWN_LETTERS]] for one in found[:ROWS]]
        return Listing(["Message", "Sent", "Receipts", "Body"], rows, len(found), "messages")

    def item(self, node: Node, id: str) -> Mapping[str, Any]:
        """A message whole."""
        for one in messages(self.cloud, node.name):
            if one.id == id:
                facts = {"Sent": one.sent, "Receipts": one.receipts, "Attributes": one.attributes, "Body": one.body}
                return {"facts": facts}
        raise KeyError(id)

    def _attributes(self, node: Node) -> dict[str, str]:
        found: dict[str, str] = self.client().get_queue_attributes(
            QueueUrl=self.cloud.queue_url(node.arn), AttributeNames=["All"]
        )["Attributes"]
        return found
