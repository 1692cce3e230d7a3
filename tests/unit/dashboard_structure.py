"""CloudWatch's rules for a dashboard's body (API Reference, "Dashboard Body Structure and Syntax"; service quotas)."""

import re
from collections.abc import Mapping
from typing import Any

MOST_WIDGETS = 500
MOST_METRICS, MOST_METRICS_OF_ALL = 500, 2500
COLUMNS = 24
VIEWS = {
    "metric": {"timeSeries", "singleValue", "gauge", "bar", "pie", "table"},
    "log": {"table", "timeSeries", "bar", "pie"},
}
NEEDED = {
    "text": {"markdown"},
    "metric": {"metrics", "region"},
    "log": {"query", "region"},
    "alarm": {"alarms"},
}
KNOWN = {
    "text": {"markdown", "background"},
    "metric": {"metrics", "region", "title", "view", "stacked", "period", "stat", "yAxis", "annotations", "legend"},
    "log": {"query", "region", "title", "view"},
    "alarm": {"alarms", "title", "sortBy", "states"},
}
STATISTIC = re.compile(r"Sum|Average|Minimum|Maximum|SampleCount|p\d{1,2}(\.\d+)?")
OPTIONS = {"label", "stat", "period", "color", "yAxis", "visible", "id", "expression", "region", "accountId"}
ALARM = re.compile(r"arn:aws[\w-]*:cloudwatch:[\w-]+:\d{12}:\S+")


def problems(body: Any) -> list[str]:
    """What CloudWatch would refuse."""
    if not isinstance(body, dict) or not isinstance(body.get("widgets"), list):
        return ["the body is no object with an array `widgets`"]
    widgets = body["widgets"]
    found = [f"{len(widgets)} widgets"] if len(widgets) > MOST_WIDGETS else []
    for position, widget in enumerate(widgets):
        found += [f"widget {position}: {problem}" for problem in _widget(widget)]
    total = sum(len(widget.get("properties", {}).get("metrics", ())) for widget in widgets)
    found += [f"{total} metrics"] if total > MOST_METRICS_OF_ALL else []
    return found + _overlaps(widgets)


def _widget(widget: Mapping[str, Any]) -> list[str]:
    found = []
    kind, properties = widget.get("type"), widget.get("properties", {})
    if kind not in NEEDED:
        return [f"type {kind!r}"]
    bounds = {"x": (0, COLUMNS - 1), "y": (0, 10**6), "width": (1, COLUMNS), "height": (1, 1000)}
    for name, (low, high) in bounds.items():
        if not isinstance(widget.get(name), int) or not low <= widget[name] <= high:
            found.append(f"{name} {widget.get(name)!r}")
    if not found and widget["x"] + widget["width"] > COLUMNS:
        found.append("it leaves the grid")
    found += [f"{name} is missing" for name in NEEDED[kind] - set(properties)]
    found += [f"{name} is unknown" for name in set(properties) - KNOWN[kind]]
    if kind in VIEWS and properties.get("view", "timeSeries") not in VIEWS[kind]:
        found.append(f"view {properties['view']!r}")
    if kind == "metric":
        found += _metrics(properties)
    if kind == "alarm":
        alarms = properties.get("alarms", [])
        found += [f"{alarm!r} is no alarm's ARN" for alarm in alarms if not ALARM.fullmatch(str(alarm))]
        if not 1 <= len(alarms) <= 100:
            found.append(f"{len(alarms)} alarms")
    if kind == "log" and not re.match(r"(SOURCE '[\w./#-]+' \| )+\S", properties.get("query", "")):
        found.append("the query names no log group")
    return found


def _metrics(properties: Mapping[str, Any]) -> list[str]:
    metrics, period = properties.get("metrics", []), properties.get("period", 300)
    found = [] if 1 <= len(metrics) <= MOST_METRICS else [f"{len(metrics)} metrics"]
    if period not in (1, 5, 10, 30) and (period % 60 or period <= 0):
        found.append(f"period {period}")
    for metric in metrics:
        *names, options = metric if isinstance(metric[-1], dict) else [*metric, {}]
        found += [f"option {name!r}" for name in set(options) - OPTIONS]
        if "expression" in options:
            if names:
                found.append(f"an expression has names: {metric}")
        elif len(names) < 2 or len(names) % 2 or not all(isinstance(name, str) and name for name in names):
            # Namespace, metric, then pairs of a dimension and its value.
            found.append(f"{metric} is no metric")
        if "stat" in options and not STATISTIC.fullmatch(options["stat"]):
            found.append(f"stat {options['stat']!r}")
    return found


def _overlaps(widgets: list[Mapping[str, Any]]) -> list[str]:
    taken: dict[tuple[int, int], int] = {}
    found = set()
    for position, widget in enumerate(widgets):
        for x in range(widget["x"], widget["x"] + widget["width"]):
            for y in range(widget["y"], widget["y"] + widget["height"]):
                other = taken.setdefault((x, y), position)
                if other != position:
                    found.add(f"widgets {other} and {position} overlap")
    return sorted(found)
