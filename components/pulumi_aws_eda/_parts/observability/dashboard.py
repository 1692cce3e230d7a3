"""The dashboard's body (CloudWatch API Reference, "Dashboard Body Structure and Syntax"), from names alone."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pulumi_aws_eda import log_queries
from pulumi_aws_eda._parts.observed import Observed

COLUMNS = 24
"""Of a dashboard's grid."""
WIDTH = 8
HEIGHT = 6
PERIOD = 300
"""Seconds of a point."""
MOST_ALARMS = 100
"""That one alarm widget shows."""
MOST_METRICS, MOST_METRICS_OF_ALL = 500, 2500
"""That a widget shows, and a dashboard (CloudWatch service quotas)."""
MOST_GROUPS = 50
"""Log groups that one query reads (StartQuery, ``logGroupNames``)."""
EMF = "EventDriven,FunctionName,service"
"""What ``eda_runtime.metrics`` counts by."""


@dataclass(frozen=True)
class Graph:
    """One widget: metrics over all names of a kind.

    Attributes:
        title: of the widget.
        metrics: names of metrics, each with its statistic.
        search: namespace and dimensions, where metrics have more of them than the section's one.
    """

    title: str
    metrics: Sequence[tuple[str, str]]
    search: str | None = None


@dataclass(frozen=True)
class Section:
    """What is shown of one kind.

    Attributes:
        kind: of ``observed.KINDS``.
        title: its heading.
        namespace: of the metrics.
        dimension: that holds the name.
        graphs: its widgets.
        costs: what makes its costs, in the last section.
    """

    kind: str
    title: str
    namespace: str
    dimension: str
    graphs: Sequence[Graph]
    costs: Graph | None = None


SECTIONS = (
    Section(
        "apis",
        "APIs",
        "AWS/ApiGateway",
        "ApiName",
        (
            Graph("Requests", (("Count", "Sum"),)),
            Graph("Errors", (("4XXError", "Sum"), ("5XXError", "Sum"))),
            Graph("Latency, ms", (("Latency", "p50"), ("Latency", "p95"), ("IntegrationLatency", "p95"))),
        ),
        Graph("API requests", (("Count", "Sum"),)),
    ),
    Section(
        "state_machines",
        "State machines",
        "AWS/States",
        "StateMachineArn",
        (
            Graph("Executions", (("ExecutionsStarted", "Sum"), ("ExecutionsSucceeded", "Sum"))),
            Graph(
                "Executions that did not succeed",
                (
                    ("ExecutionsFailed", "Sum"),
                    ("ExecutionsTimedOut", "Sum"),
                    ("ExecutionsAborted", "Sum"),
                    ("ExecutionThrottled", "Sum"),
                ),
            ),
            Graph("Execution time, ms", (("ExecutionTime", "p50"), ("ExecutionTime", "p95"))),
        ),
        Graph("Executions", (("ExecutionsStarted", "Sum"),)),
    ),
    Section(
        "functions",
        "Functions",
        "AWS/Lambda",
        "FunctionName",
        (
            Graph("Invocations", (("Invocations", "Sum"),)),
            Graph("Errors", (("Errors", "Sum"), ("DestinationDeliveryFailures", "Sum"))),
            Graph("Throttles", (("Throttles", "Sum"), ("AsyncEventsDropped", "Sum"))),
            Graph("Duration, ms", (("Duration", "p95"), ("Duration", "Maximum"))),
            Graph("Concurrent executions", (("ConcurrentExecutions", "Maximum"),)),
            Graph("Age of events, ms", (("AsyncEventAge", "Maximum"), ("IteratorAge", "Maximum"))),
            Graph("Duplicates suppressed", (("DuplicatesSuppressed", "Sum"),), EMF),
        ),
        Graph("Time of functions, ms", (("Duration", "Sum"),)),
    ),
    Section(
        "tables",
        "Tables",
        "AWS/DynamoDB",
        "TableName",
        (
            Graph("Consumed capacity", (("ConsumedReadCapacityUnits", "Sum"), ("ConsumedWriteCapacityUnits", "Sum"))),
            Graph("Throttles", (("ReadThrottleEvents", "Sum"), ("WriteThrottleEvents", "Sum"))),
            Graph("Conditions that failed", (("ConditionalCheckFailedRequests", "Sum"),)),
        ),
        Graph("Capacity of tables", (("ConsumedReadCapacityUnits", "Sum"), ("ConsumedWriteCapacityUnits", "Sum"))),
    ),
    Section(
        "pipes",
        "Pipes",
        "AWS/EventBridge/Pipes",
        "PipeName",
        (
            Graph("Batches and events", (("Invocations", "Sum"), ("EventCount", "Sum"))),
            Graph(
                "Batches that failed",
                (
                    ("ExecutionFailed", "Sum"),
                    ("ExecutionPartiallyFailed", "Sum"),
                    ("ExecutionThrottled", "Sum"),
                    ("ExecutionTimeout", "Sum"),
                ),
            ),
            Graph("Duration, ms", (("Duration", "p95"),)),
        ),
        Graph("Events of Pipes", (("EventCount", "Sum"),)),
    ),
    Section(
        "streams",
        "Kinesis streams",
        "AWS/Kinesis",
        "StreamName",
        (
            Graph("Records", (("IncomingRecords", "Sum"),)),
            Graph(
                "Throttles",
                (("ReadProvisionedThroughputExceeded", "Sum"), ("WriteProvisionedThroughputExceeded", "Sum")),
            ),
            Graph("Age of what is read, ms", (("GetRecords.IteratorAgeMilliseconds", "Maximum"),)),
        ),
        Graph("Bytes of Kinesis streams", (("IncomingBytes", "Sum"),)),
    ),
    Section(
        "delivery_streams",
        "Delivery streams",
        "AWS/Firehose",
        "DeliveryStreamName",
        (
            Graph("Records", (("IncomingRecords", "Sum"), ("DeliveryToS3.Records", "Sum"))),
            Graph("Errors", (("ThrottledRecords", "Sum"), ("FailedConversion.Records", "Sum"))),
            Graph("Delivery succeeds", (("DeliveryToS3.Success", "Minimum"),)),
            Graph("Freshness, s", (("DeliveryToS3.DataFreshness", "Maximum"),)),
        ),
        Graph("Bytes to Firehose", (("IncomingBytes", "Sum"),)),
    ),
    Section(
        "rules",
        "Rules",
        "AWS/Events",
        "RuleName",
        (
            Graph("Events matched", (("TriggeredRules", "Sum"),)),
            Graph("Calls", (("Invocations", "Sum"),)),
            Graph("Calls that failed for good", (("FailedInvocations", "Sum"), ("InvocationsSentToDlq", "Sum"))),
        ),
    ),
    Section(
        "schedule_groups",
        "Schedules, by their group",
        "AWS/Scheduler",
        "ScheduleGroup",
        (
            Graph("Calls", (("InvocationAttemptCount", "Sum"),)),
            Graph("Errors of targets", (("TargetErrorCount", "Sum"), ("TargetErrorThrottledCount", "Sum"))),
            Graph(
                "Calls given up",
                (("InvocationDroppedCount", "Sum"), ("InvocationsSentToDeadLetterCount", "Sum")),
            ),
        ),
    ),
    Section(
        "redshift_workgroups",
        "Redshift Serverless",
        "AWS/Redshift-Serverless",
        "Workgroup",
        (
            Graph("Capacity, RPU", (("ComputeCapacity", "Maximum"),)),
            Graph("Capacity used, RPU s", (("ComputeSeconds", "Sum"),)),
        ),
        Graph("Capacity of Redshift, RPU s", (("ComputeSeconds", "Sum"),)),
    ),
    Section(
        "data_sets",
        "SPICE data sets",
        "AWS/QuickSight",
        "DatasetId",
        (
            Graph("Ingestions", (("IngestionInvocationCount", "Sum"), ("IngestionErrorCount", "Sum"))),
            Graph("Rows", (("IngestionRowCount", "Sum"),)),
            Graph("Latency, s", (("IngestionLatency", "Maximum"),)),
        ),
    ),
    Section(
        "topics",
        "Topics",
        "AWS/SNS",
        "TopicName",
        (
            Graph("Messages", (("NumberOfMessagesPublished", "Sum"), ("NumberOfNotificationsDelivered", "Sum"))),
            Graph("Filtered out", (("NumberOfNotificationsFilteredOut", "Sum"),)),
            Graph(
                "Not delivered",
                (
                    ("NumberOfNotificationsFailed", "Sum"),
                    ("NumberOfNotificationsRedrivenToDlq", "Sum"),
                    ("NumberOfNotificationsFailedToRedriveToDlq", "Sum"),
                ),
            ),
        ),
        Graph("Messages to topics", (("NumberOfMessagesPublished", "Sum"),)),
    ),
    Section(
        "queues",
        "Queues",
        "AWS/SQS",
        "QueueName",
        (
            Graph("Messages", (("NumberOfMessagesSent", "Sum"), ("NumberOfMessagesDeleted", "Sum"))),
            Graph("Depth", (("ApproximateNumberOfMessagesVisible", "Maximum"),)),
            Graph("Age, s", (("ApproximateAgeOfOldestMessage", "Maximum"),)),
        ),
    ),
    Section(
        "dead_letter_queues",
        "Dead-letter queues: zero is right",
        "AWS/SQS",
        "QueueName",
        (
            Graph("Depth", (("ApproximateNumberOfMessagesVisible", "Maximum"),)),
            Graph("Arrivals", (("NumberOfMessagesSent", "Sum"),)),
            Graph("Age, s: messages go after 14 days", (("ApproximateAgeOfOldestMessage", "Maximum"),)),
        ),
    ),
)
ATHENA = {
    "Bytes scanned": "ProcessedBytes",
    "Time of queries, ms": "TotalExecutionTime",
    "Queued, ms": "QueryQueueTime",
}
"""Metrics that Athena counts by the query's state and type too: found by a search."""


def body(observed: Observed, region: str) -> str:
    """The body of a dashboard.

    Args:
        observed: names by kind (``observed.KINDS``).
        region: where the metrics and logs are.

    Raises:
        ValueError: there are more metrics than a dashboard shows.
    """
    grid = _Grid(region)
    alarms = observed.get("alarms", ())
    if alarms:
        grid.heading("Alarms")
        for start in range(0, len(alarms), MOST_ALARMS):
            shown = list(alarms[start : start + MOST_ALARMS])
            # The widget's rows hold about eight alarms each.
            grid.add("alarm", COLUMNS, 2 + len(shown) // 8, {"title": "Alarms", "alarms": shown})
    for section in SECTIONS:
        names = observed.get(section.kind, ())
        if names:
            grid.heading(section.title)
            for graph in section.graphs:
                grid.graph(section, graph, names)
    workgroups = observed.get("athena_workgroups", ())
    if workgroups:
        grid.heading("Athena")
        for title, metric in ATHENA.items():
            grid.metrics(title, _athena(metric, workgroups))
        invalid = [_counted("InvalidRows", "WorkGroup", workgroup) for workgroup in workgroups]
        grid.metrics("Rows with invalid values", invalid)
    if warehouses := observed.get("redshift_workgroups"):
        aside = [_counted("ObjectsSetAside", "Workgroup", workgroup) for workgroup in warehouses]
        grid.metrics("Objects that no load could take", aside)
    groups = list(observed.get("log_groups", ()))[:MOST_GROUPS]
    if groups:
        grid.heading("Logs")
        grid.log("Failures and dead letters", log_queries.FAILURES, groups)
        grid.log("Duplicates suppressed", log_queries.DUPLICATES_SUPPRESSED, groups)
    _costs(grid, observed)
    if grid.count > MOST_METRICS_OF_ALL:
        raise ValueError(f"has names for {grid.count} metrics; a dashboard shows {MOST_METRICS_OF_ALL}")
    return json.dumps({"widgets": grid.widgets})


def _costs(grid: "_Grid", observed: Observed) -> None:
    grid.heading("What costs")
    for section in SECTIONS:
        names = observed.get(section.kind, ())
        if names and section.costs is not None:
            grid.graph(section, section.costs, names)
    workgroups = observed.get("athena_workgroups", ())
    if workgroups:
        grid.metrics("Bytes scanned by Athena", _athena("ProcessedBytes", workgroups))
    groups = observed.get("log_groups", ())
    if groups:
        named = [
            ["AWS/Logs", "IncomingBytes", "LogGroupName", group, {"label": group, "stat": "Sum"}] for group in groups
        ]
        grid.metrics("Bytes to logs", named)


def _athena(metric: str, workgroups: Sequence[str]) -> list[list[Any]]:
    dimensions = "AWS/Athena,QueryState,QueryType,WorkGroup"
    return [_search(dimensions, "WorkGroup", workgroup, metric, "Sum") for workgroup in workgroups]


def _counted(metric: str, dimension: str, name: str) -> list[Any]:
    return ["EventDriven", metric, dimension, name, {"label": _short(name), "stat": "Sum"}]


def _search(dimensions: str, dimension: str, name: str, metric: str, stat: str) -> list[Any]:
    search = f'{{{dimensions}}} {dimension}="{name}" MetricName="{metric}"'
    return [{"expression": f"SEARCH('{search}', '{stat}', {PERIOD})", "label": _short(name)}]


class _Grid:
    """Places widgets from left to right and from top to bottom."""

    def __init__(self, region: str) -> None:
        self.widgets: list[dict[str, Any]] = []
        self.count = 0
        """Metrics of all widgets."""
        self._region = region
        self._x = self._y = self._row = 0

    def heading(self, title: str) -> None:
        """A line over the whole width."""
        self._line()
        self._place("text", COLUMNS, 1, {"markdown": f"## {title}"})
        self._line()

    def add(self, type: str, width: int, height: int, properties: dict[str, Any]) -> None:
        """A widget at the next free place."""
        if self._x + width > COLUMNS:
            self._line()
        self._place(type, width, height, properties)

    def graph(self, section: Section, graph: Graph, names: Sequence[str]) -> None:
        """A graph of a section's names."""

        def line(name: str, metric: str, stat: str) -> list[Any]:
            if graph.search is not None:
                return _search(graph.search, section.dimension, name, metric, stat)
            label = f"{_short(name)} {metric} {stat}"
            # The name of a rule on a bus that is not the account's own begins with the bus.
            bus, _, own = name.rpartition("/") if section.kind == "rules" else ("", "", name)
            place = ["EventBusName", bus, section.dimension, own] if bus else [section.dimension, name]
            return [section.namespace, metric, *place, {"label": label, "stat": stat}]

        self.metrics(graph.title, [line(name, *metric) for name in names for metric in graph.metrics])

    def metrics(self, title: str, metrics: list[list[Any]]) -> None:
        """A graph, or several where there are more metrics than one shows."""
        common = {"region": self._region, "view": "timeSeries", "stacked": False, "period": PERIOD}
        self.count += len(metrics)
        for start in range(0, len(metrics), MOST_METRICS):
            shown = metrics[start : start + MOST_METRICS]
            self.add("metric", WIDTH, HEIGHT, {"title": title, "metrics": shown, **common})

    def log(self, title: str, query: str, groups: Sequence[str]) -> None:
        """The rows of a query over log groups."""
        sources = " | ".join(f"SOURCE '{group}'" for group in groups)
        properties = {"title": title, "query": f"{sources} | {query}", "region": self._region, "view": "table"}
        self.add("log", COLUMNS // 2, HEIGHT, properties)

    def _place(self, type: str, width: int, height: int, properties: dict[str, Any]) -> None:
        place = {"type": type, "x": self._x, "y": self._y, "width": width, "height": height}
        self.widgets.append({**place, "properties": properties})
        self._x += width
        self._row = max(self._row, height)

    def _line(self) -> None:
        self._x, self._y, self._row = 0, self._y + self._row, 0


def _short(name: str) -> str:
    """A name, or the last part of an ARN."""
    return name.rpartition(":")[2]
