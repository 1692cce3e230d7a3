"""A repeat's log line is a metric in CloudWatch's Embedded Metric Format, and still the log line."""

import json
import os
import subprocess
import sys
import time
from typing import Any

import pytest
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from eda_runtime import metrics
from pulumi_aws_eda._parts.observability import dashboard

WRITE = """
from eda_runtime import metrics
from eda_runtime.logger import logger
logger.set_correlation_id("order-1")
logger.info("repeat", idempotency_key="k", **metrics.suppressed("call"))
"""


def line() -> dict[str, Any]:
    environment = {**os.environ, "POWERTOOLS_SERVICE_NAME": "svc", "AWS_LAMBDA_FUNCTION_NAME": "stack-worker"}
    done = subprocess.run([sys.executable, "-c", WRITE], env=environment, capture_output=True, text=True, check=True)
    (written,) = done.stdout.splitlines()
    found: dict[str, Any] = json.loads(written)
    return found


def test_the_line_is_in_the_embedded_metric_format() -> None:
    written = line()
    assert abs(written["_aws"]["Timestamp"] / 1000 - time.time()) < 60
    (directive,) = written["_aws"]["CloudWatchMetrics"]
    assert directive == {
        "Namespace": "EventDriven",
        "Dimensions": [["FunctionName", "service"]],
        "Metrics": [{"Name": "DuplicatesSuppressed", "Unit": "Count"}],
    }
    # Dimensions and metrics are members of the line itself (specification of the format).
    assert written["FunctionName"] == "stack-worker"
    assert written["DuplicatesSuppressed"] in (1, 1.0, [1.0])


@pytest.mark.parametrize(("count", "dimensions"), [(1, {}), (3, {"WorkGroup": "w"})])
def test_the_fields_are_those_of_powertools(
    count: int, dimensions: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "svc")
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "stack-worker")
    theirs = EphemeralMetrics(namespace=metrics.NAMESPACE)
    for name, value in (dimensions or {"FunctionName": "stack-worker"}).items():
        theirs.add_dimension(name, value)
    theirs.add_metric("Count", MetricUnit.Count, count)
    wanted: dict[str, Any] = {**theirs.serialize_metric_set()}
    found = metrics.counted("Count", count, **dimensions)
    # The moment differs, and the service is in each line anyway; whoever names dimensions counts by no other.
    wanted["_aws"]["Timestamp"] = found["_aws"]["Timestamp"]
    if dimensions:
        wanted["_aws"]["CloudWatchMetrics"][0]["Dimensions"] = [list(dimensions)]
    assert {"service": "svc", **found} == wanted


def test_it_is_still_the_line_that_queries_and_traces_find() -> None:
    written = line()
    assert (written["message"], written["suppressed"], written["correlation_id"]) == ("repeat", "call", "order-1")
    assert (written["service"], written["level"], written["idempotency_key"]) == ("svc", "INFO", "k")


def test_the_dashboard_shows_what_is_counted() -> None:
    body = json.loads(dashboard.body({"functions": ["stack-worker"]}, "eu-central-1"))
    shown = [metric[0] for widget in body["widgets"] for metric in widget["properties"].get("metrics", ())]
    (search,) = [found["expression"] for found in shown if isinstance(found, dict)]
    dimensions = ",".join([metrics.NAMESPACE, *line()["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0]])
    assert f"{{{dimensions}}}" in search
    assert f'FunctionName="stack-worker" MetricName="{metrics.DUPLICATES_SUPPRESSED}"' in search
