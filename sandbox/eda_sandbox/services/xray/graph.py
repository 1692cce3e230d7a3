"""The graph of the services that traces pass."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from eda_sandbox.services.xray.traces import Node, Segment, Trace


@dataclass
class _Counted:
    """What was seen of a service, or of the calls from one to another."""

    begin: float = float("inf")
    end: float = 0.0
    total: int = 0
    seconds: float = 0.0
    faults: int = 0
    throttles: int = 0
    errors: int = 0
    times: Counter[float] = field(default_factory=Counter)

    def add(self, segment: Segment) -> None:
        took = max(0.0, segment.end - segment.begin)
        self.begin, self.end = min(self.begin, segment.begin), max(self.end, segment.end)
        self.total += 1
        self.seconds += took
        self.times[round(took, 3)] += 1
        self.faults += segment.flag("fault")
        if not segment.flag("fault"):
            self.throttles += segment.flag("throttle")
            self.errors += segment.flag("error") and not segment.flag("throttle")

    def described(self) -> dict[str, Any]:
        wrong = self.throttles + self.errors
        return {
            "StartTime": datetime.fromtimestamp(self.begin, UTC),
            "EndTime": datetime.fromtimestamp(self.end, UTC),
            "SummaryStatistics": {
                "OkCount": self.total - wrong - self.faults,
                "ErrorStatistics": {"ThrottleCount": self.throttles, "OtherCount": self.errors, "TotalCount": wrong},
                "FaultStatistics": {"OtherCount": self.faults, "TotalCount": self.faults},
                "TotalCount": self.total,
                "TotalResponseTime": round(self.seconds, 3),
            },
            "ResponseTimeHistogram": [{"Value": value, "Count": count} for value, count in sorted(self.times.items())],
        }


def graph(traces: Iterable[Trace], account: str) -> list[dict[str, Any]]:
    """The services of traces, and which calls which; where a trace begins, its client calls."""
    services: dict[Node, _Counted] = {}
    edges: dict[Node, dict[Node, _Counted]] = {}
    roots: set[Node] = set()
    for trace in traces:
        for segment in trace.segments:
            services.setdefault(segment.node, _Counted()).add(segment)
            if segment.caller is None:
                roots.add(segment.node)
                caller = Node(segment.node.name, "client")
                services.setdefault(caller, _Counted()).add(segment)
            else:
                caller = segment.caller.node
            edges.setdefault(caller, {}).setdefault(segment.node, _Counted()).add(segment)
    numbers = {node: number for number, node in enumerate(services)}
    return [
        {
            "ReferenceId": numbers[node],
            "Name": node.name,
            "Names": [node.name],
            **({"AccountId": account} if node.type != "client" else {}),
            **({"Type": node.type} if node.type is not None else {}),
            **({"Root": True} if node in roots else {}),
            "State": "unknown" if node.type == "client" else "active",
            **_of_service(counted, client=node.type == "client"),
            "Edges": [
                {"ReferenceId": numbers[called], **calls.described(), "Aliases": []}
                for called, calls in edges.get(node, {}).items()
            ],
        }
        for node, counted in services.items()
    ]


def _of_service(counted: _Counted, *, client: bool) -> dict[str, Any]:
    found = counted.described()
    if client:
        # Nobody has measured it.
        return {name: found[name] for name in ("StartTime", "EndTime")}
    return {**found, "DurationHistogram": found["ResponseTimeHistogram"]}
