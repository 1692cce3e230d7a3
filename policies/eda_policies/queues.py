"""Queues in the stack's graph: which are dead-letter queues, and what watches them."""

import re
from collections.abc import Iterator

from eda_policies.graph import Graph
from eda_policies.resource import Resource

QUEUE = "aws:sqs/queue:Queue"
QUEUE_POLICY = "aws:sqs/queuePolicy:QueuePolicy"
REDRIVE_POLICY = "aws:sqs/redrivePolicy:RedrivePolicy"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
_NAMED = re.compile(r"(?i)dlq|dead-?_?letter")
_HOLDERS: dict[str, tuple[str, ...]] = {
    QUEUE: ("redrivePolicy",),
    REDRIVE_POLICY: ("redrivePolicy",),
    "aws:lambda/function:Function": ("deadLetterConfig",),
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": ("destinationConfig",),
    "aws:lambda/eventSourceMapping:EventSourceMapping": ("destinationConfig",),
    "aws:cloudwatch/eventTarget:EventTarget": ("deadLetterConfig",),
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


def alarms(graph: Graph, resource: Resource, *metrics: str) -> Iterator[Resource]:
    """The alarms on metrics of a resource; on any metric when none is named."""
    for alarm, name in graph.naming(resource, ALARM):
        if name in ("dimensions", "metricQueries") and (not metrics or _metric(alarm) in metrics):
            yield alarm


def _metric(alarm: Resource) -> str | None:
    if alarm.text("metricName").value:
        return alarm.text("metricName").value
    queries = list(alarm.each("metricQueries"))
    return next((q.text("metric.metricName").value for q in queries if q.text("metric.metricName").value), None)
