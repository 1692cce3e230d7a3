"""Topics."""

from collections.abc import Iterator

from eda_sandbox.console.nodes import Kind, Mention, Node


class Topics(Kind):
    """SNS topics."""

    kind, title, service = "topic", "SNS topic", "sns"

    def nodes(self) -> Iterator[Node]:
        """All topics."""
        for found in self.client().list_topics()["Topics"]:
            yield Node(self.kind, found["TopicArn"].rpartition(":")[2], found["TopicArn"])

    def mentions(self, node: Node) -> Iterator[Mention]:
        """Its subscribers."""
        for found in self.client().list_subscriptions_by_topic(TopicArn=node.arn)["Subscriptions"]:
            yield Mention(found["Endpoint"], "subscription")
