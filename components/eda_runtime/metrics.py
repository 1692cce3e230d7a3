"""Counts that no AWS service keeps: a log line that says what happened is also the metric (Embedded Metric Format).

CloudWatch Logs takes the metric out of the line as it comes in: no call, no further line, and the line's correlation id
leads from the metric to the order.
"""

import os
from typing import Any

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

NAMESPACE = "EventDriven"
DUPLICATES_SUPPRESSED = "DuplicatesSuppressed"
ROWS_SETTLED = "RowsSettled"
"""Rows of a workflow that no execution brought on and that its reconciler settled."""
INVALID_ROWS = "InvalidRows"
"""Rows with a value that their query could not take, by the query's workgroup."""


def counted(name: str, count: int = 1, **dimensions: str) -> dict[str, Any]:
    """Fields of a log line that count it.

    Args:
        name: of the metric, in ``NAMESPACE``.
        count: how many it stands for.
        dimensions: what it is counted by; default: the function.
    """
    metric = EphemeralMetrics(namespace=NAMESPACE)
    # As AWS's own metrics of functions name it; Powertools adds `service`.
    by = dimensions or {"FunctionName": os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "unknown")}
    for dimension, value in by.items():
        metric.add_dimension(dimension, value)
    metric.add_metric(name, MetricUnit.Count, count)
    counted: dict[str, Any] = {**metric.serialize_metric_set()}
    if dimensions:
        # Whoever counts it: the service that Powertools adds is none of them.
        counted["_aws"]["CloudWatchMetrics"][0]["Dimensions"] = [list(dimensions)]
    return counted


def suppressed(what: str) -> dict[str, Any]:
    """Fields of a log line that says that a repeat had no effect, and counts it by function.

    logger.info("repeat", **metrics.suppressed("call"))

    Args:
        what: what came again, a word for the saved query about duplicates.
    """
    return {**counted(DUPLICATES_SUPPRESSED), "suppressed": what}
