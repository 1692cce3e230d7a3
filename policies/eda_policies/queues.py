"""Queues in the stack's graph: which are dead-letter queues."""

import re

from eda_policies.graph import Graph
from eda_policies.resource import Resource

QUEUE = "aws:sqs/queue:Queue"
QUEUE_POLICY = "aws:sqs/queuePolicy:QueuePolicy"
REDRIVE_POLICY = "aws:sqs/redrivePolicy:RedrivePolicy"
_NAMED = re.compile(r"(?i)dlq|dead-?_?letter")
_FAILURE = "destinationConfig.onFailure"
_HOLDERS: dict[str, tuple[str, ...]] = {
    QUEUE: ("redrivePolicy",),
    REDRIVE_POLICY: ("redrivePolicy",),
    "aws:lambda/function:Function": ("deadLetterConfig",),
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": (f"{_FAILURE}.destination",),
    "aws:lambda/eventSourceMapping:EventSourceMapping": (f"{_FAILURE}.destinationArn",),
    "aws:cloudwatch/eventBus:EventBus": ("deadLetterConfig",),
    "aws:cloudwatch/eventTarget:EventTarget": ("deadLetterConfig",),
    "aws:pipes/pipe:Pipe": tuple(
        f"sourceParameters.{kind}StreamParameters.deadLetterConfig.arn" for kind in ("dynamodb", "kinesis")
    ),
    "aws:scheduler/schedule:Schedule": ("target.deadLetterConfig.arn",),
    "aws:sns/topicSubscription:TopicSubscription": ("redrivePolicy",),
}
"""Properties that make the queue they name a dead-letter queue."""


def dead_letter_queues(graph: Graph) -> list[Resource]:
    """Queues that hold what failed: another resource says so, or their name does."""
    found = {queue.urn: queue for queue in graph.of(QUEUE) if _NAMED.search(queue.name)}
    for type, names in _HOLDERS.items():
        for holder in graph.of(type):
            for name in names:
                found.update({queue.urn: queue for queue in graph.linked(holder, name, QUEUE)})
    return list(found.values())
