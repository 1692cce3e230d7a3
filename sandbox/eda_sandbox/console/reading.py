"""What the console knows, as plain values: for the page by HTTP, and for tests in Python."""

import contextlib
import json
import math
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from eda_sandbox.console.additions import Additions
from eda_sandbox.console.flows import CLIENTS, Flows, Moved
from eda_sandbox.console.kinds import KINDS
from eda_sandbox.console.nodes import Graph, Kind, Metrics, Node
from eda_sandbox.console.survey import owners, periodic, short_names, survey
from eda_sandbox.embedded import Sandbox
from eda_sandbox.foundation.errors import AwsError

LINES = 200
"""Log lines that are shown of the past."""
LOGS_BACK_MS = (10_000, 60_000, 600_000)
"""How far back lines are looked for, until there are enough: a busy function writes thousands a minute."""
WARM_REST = 2
"""Services are asked in a third of the time at most, until all were."""
REST = 20
"""A resource whose numbers take long to read, such as a bucket of thousands of objects, is left alone for so many times
as long."""


class Reading:
    """Reads a running program, whatever it is.

    Args:
        aws: the embedded AWS that it is deployed to.
        additions: what the program itself can tell.
    """

    def __init__(self, aws: Sandbox, additions: Additions | None = None) -> None:
        self._aws = aws
        self.additions = additions or Additions()
        self._kinds: dict[str, Kind] = {kind.kind: kind(aws.cloud) for kind in KINDS}
        self._lock = threading.RLock()
        self._graph = Graph()
        self._names: dict[str, str] = {}
        self._owners: dict[str, str] = {}
        self._periodic: set[str] = set()
        self._stale: set[str] = set()
        self._metrics: dict[str, Metrics] = {}
        self._rests_until: dict[str, float] = {}
        self.flows = Flows(aws.cloud, self.additions.item_pattern)
        self.version = 0
        """Grows with each change of the graph."""

    def warm(self, stopping: threading.Event) -> None:
        """Ask each service once: its client takes longer to make, and to be used for the first time, than a survey.

        Args:
            stopping: ends it.
        """
        for kind in self._kinds.values():
            begin = time.monotonic()
            with contextlib.suppress(AwsError, BotoCoreError, ClientError):
                # Who looks asks again.
                list(kind.nodes())
            # Nobody may ever look, and the program has something else to do.
            if stopping.wait(WARM_REST * (time.monotonic() - begin)):
                return

    def graph(self) -> dict[str, Any]:
        """The resources and their connections, surveyed anew where something was made or removed."""
        with self._lock:
            self._survey()
            nodes = [self._node(node) for node in self._graph.nodes.values()]
            edges = [asdict(edge) for edge in self._graph.edges]
            apis = [id for id, node in self._graph.nodes.items() if node.kind == "api"]
        if apis:
            nodes.insert(0, {"id": CLIENTS, "kind": "clients", "name": "Clients", "title": "Callers of the APIs"})
            edges += [{"source": CLIENTS, "target": id, "what": ["requests"], "main": True} for id in apis]
        return {"title": self.additions.title, "version": self.version, "nodes": nodes, "edges": edges}

    def snapshot(self) -> dict[str, Any]:
        """How all stands now, in the form of a frame; what moved is left to the next frame."""
        with self._lock:
            self._survey()
            self._metrics = {id: self._measured(node) for id, node in self._graph.nodes.items()}
            return self._frame((), self._metrics)

    def frame(self) -> dict[str, Any]:
        """What moved since the last frame, and the metrics that changed."""
        with self._lock:
            self._survey()
            moved = self.flows.look(self._graph)
            moved_at = {id for one in moved for id in (one.source, one.target)}
            # What has messages or work that runs changes without a call that is seen.
            busy = {id for id, found in self._metrics.items() if found.waiting}
            silent = {id for id, node in self._graph.nodes.items() if node.kind in ("function", "queue")}
            wanted = (moved_at | busy | silent | self._stale) & set(self._graph.nodes)
            now = time.monotonic()
            touched = {id for id in wanted if self._rests_until.get(id, 0) <= now}
            self._stale = moved_at | (wanted - touched)
            metrics = {id: self._measured(self._graph.nodes[id]) for id in touched}
            changed = {id: found for id, found in metrics.items() if self._metrics.get(id) != found}
            self._metrics |= metrics
            return self._frame(moved, changed)

    def node(self, id: str) -> dict[str, Any]:
        """A resource: its configuration, its connections and what it holds.

        Raises:
            KeyError: there is no such resource.
        """
        node, kind = self._found(id)
        items = kind.items(node)
        return {
            **self._node(node),
            "facts": kind.facts(node),
            "metrics": asdict(self._measured(node)),
            "items": asdict(items) if items else None,
            "logs": node.log_group is not None,
        }

    def item(self, id: str, item: str) -> dict[str, Any]:
        """One item of a resource, whole.

        Raises:
            KeyError: there is no such resource, or no such item.
        """
        node, kind = self._found(id)
        return {"node": self._node(node), "id": item, **kind.item(node, item)}

    def logs(self, id: str, after: int | None = None) -> tuple[list[dict[str, Any]], int]:
        """A resource's log lines, the oldest first.

        Args:
            id: the resource.
            after: milliseconds since the epoch; default: the newest ones.

        Returns:
            The lines, and what to give as ``after`` for those that follow.

        Raises:
            KeyError: there is no such resource, or it writes no logs.
        """
        node, _ = self._found(id)
        if node.log_group is None:
            raise KeyError(id)
        now = int(time.time() * 1000)
        starts = [now - back for back in LOGS_BACK_MS] if after is None else [after]
        events: list[dict[str, Any]] = []
        # One answer of many lines has the oldest of them, so that the newest ones are asked for by themselves.
        for start, end in zip(starts, [None, *starts], strict=False):
            events += self._events(node.log_group, start, end)
            if len(events) >= LINES:
                break
        events.sort(key=lambda event: event["timestamp"])
        last = events[-1]["timestamp"] + 1 if events else starts[-1]
        return [_line(event) for event in events[-LINES:]], last

    def _events(self, group: str, start: int, end: int | None) -> list[dict[str, Any]]:
        logs = self._aws.client("logs")
        until = {} if end is None else {"endTime": end - 1}
        try:
            pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=start, **until)
            return [event for page in pages for event in page["events"]]
        except logs.exceptions.ResourceNotFoundException:
            return []

    def accounting(self) -> dict[str, Any] | None:
        """The program's accounting; None where it has none."""
        return asdict(self.additions.count()) if self.additions.count else None

    def way(self, id: str) -> dict[str, Any] | None:
        """An item's way through all hops; None where the program cannot tell."""
        return asdict(self.additions.follow(id)) if self.additions.follow else None

    def chart(self) -> dict[str, Any] | None:
        """The data behind the last hop; None where there is none yet."""
        found = self.additions.chart() if self.additions.chart else None
        return asdict(found) if found else None

    def controls(self) -> dict[str, Any]:
        """What can be done: the program's own actions, the schedules, and where faults can be put."""
        with self._lock:
            self._survey()
            nodes = list(self._graph.nodes.values())
        return {
            "item": self.additions.item,
            "item_pattern": self.additions.item_pattern,
            "follows": self.additions.follow is not None,
            "counts": self.additions.count is not None,
            "charts": self.additions.chart is not None,
            "buttons": [
                {"name": button.name, "label": button.label, "hint": button.hint} for button in self.additions.buttons
            ],
            "schedules": [{"id": node.id, "name": self._names[node.id]} for node in nodes if node.kind == "schedule"],
            "now": self._aws.cloud.service("scheduler").now(),
            "speed": self._aws.cloud.clock.speed,
            "endpoint": self._aws.endpoint,
        }

    def found(self, id: str) -> Node:
        """A resource by its id.

        Raises:
            KeyError: there is no such resource.
        """
        return self._found(id)[0]

    def queues_before(self, id: str) -> list[Node]:
        """The queues whose messages a dead-letter queue takes."""
        with self._lock:
            edges = [edge for edge in self._graph.edges if edge.target == id and edge.dead_letters]
            return [self._graph.nodes[edge.source] for edge in edges if edge.source.startswith("queue:")]

    def _found(self, id: str) -> tuple[Node, Kind]:
        with self._lock:
            self._survey()
            node = self._graph.nodes[id]
        return node, self._kinds[node.kind]

    def _survey(self) -> None:
        if not self.flows.changed:
            return
        self.flows.changed = False
        try:
            graph = survey(self._aws.cloud, self._kinds.values())
        except (AwsError, ClientError):
            # Something was removed while it was looked at.
            self.flows.changed = True
            return
        if graph != self._graph:
            self._graph, self.version = graph, self.version + 1
            self._names = short_names(graph.nodes.values(), self.additions.labels)
            self._owners = owners(graph)
            self._periodic = periodic(graph)
            self._stale = set(graph.nodes)

    def _node(self, node: Node) -> dict[str, Any]:
        return {
            "id": node.id,
            "kind": node.kind,
            "name": self._names.get(node.id, node.name),
            "physical": node.name,
            "title": self._kinds[node.kind].title,
            "owner": self._owners.get(node.id),
            "periodic": node.id in self._periodic,
            "dead_letters": any(edge.dead_letters and edge.target == node.id for edge in self._graph.edges),
            "logs": node.log_group is not None,
        }

    def _frame(self, moved: Sequence[Moved], metrics: Mapping[str, Metrics]) -> dict[str, Any]:
        return {
            "at": time.time(),
            "version": self.version,
            "moved": [asdict(one) for one in moved],
            "rates": self.flows.rates(),
            "totals": {name: [count, self.flows.errors[name]] for name, count in self.flows.totals.items()},
            "metrics": {id: asdict(found) for id, found in metrics.items()},
            "injected": self._aws.faults.counts(),
        }

    def _measured(self, node: Node) -> Metrics:
        begin = time.monotonic()
        try:
            return self._kinds[node.kind].metrics(node)
        except (AwsError, ClientError, KeyError):
            # It was removed since it was found.
            return Metrics()
        finally:
            end = time.monotonic()
            self._rests_until[node.id] = end + REST * (end - begin)


def _line(event: Mapping[str, Any]) -> dict[str, Any]:
    text = event["message"].rstrip()
    level, said = "", text
    try:
        read = json.loads(text)
    except ValueError:
        read = None
    if isinstance(read, dict):
        level = str(read.get("level", ""))
        message = read.get("message", read.get("type", ""))
        said = message if isinstance(message, str) else json.dumps(message)
    return {
        "at": datetime.fromtimestamp(event["timestamp"] / 1000, UTC),
        "level": level,
        "said": said or text,
        "text": text,
    }


def as_json(value: Any) -> str:
    """JSON of what is read here: times as RFC 3339, all else that JSON lacks as text."""
    try:
        return json.dumps(value, default=_plain, separators=(",", ":"), allow_nan=False)
    except ValueError:
        # Python reads NaN and Infinity in what clients send; no browser does.
        return json.dumps(_finite(value), separators=(",", ":"), allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, set | frozenset):
        return sorted(value, key=str)
    return str(value)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return value if value is None or isinstance(value, str | int) else _finite(_plain(value))
