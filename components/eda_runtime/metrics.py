"""Counts that no AWS service keeps: a log line that says what happened is also the metric (Embedded Metric Format).

CloudWatch Logs takes the metric out of the line as it comes in: no call, no further line, and the line's correlation id
leads from the metric to the order.
"""

import os
import time
from typing import Any

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
        dimensions: what it is counted by; default: the function, as AWS's own metrics of functions name it, and the
            line's ``service``.
    """
    service = os.environ.get("POWERTOOLS_SERVICE_NAME")
    by = dimensions or {
        "FunctionName": os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "unknown"),
        **({"service": service} if service else {}),
    }
    directive = {
        "Namespace": NAMESPACE,
        "Dimensions": [list(by)],
        "Metrics": [{"Name": name, "Unit": "Count"}],
    }
    about = {"Timestamp": round(time.time() * 1000), "CloudWatchMetrics": [directive]}
    return {"_aws": about, **by, name: [float(count)]}


def suppressed(what: str) -> dict[str, Any]:
    """Fields of a log line that says that a repeat had no effect, and counts it by function.

    logger.info("repeat", **metrics.suppressed("call"))

    Args:
        what: what came again, a word for the saved query about duplicates.
    """
    return {**counted(DUPLICATES_SUPPRESSED), "suppressed": what}
