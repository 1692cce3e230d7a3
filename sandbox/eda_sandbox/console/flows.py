"""What moves: the calls at the front door, laid onto the edges of the graph."""

import re
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from ministack.core import iam_evaluator

from eda_sandbox.console.nodes import Edge, Graph
from eda_sandbox.foundation.cloud import EXECUTE_API, ROOT_KEY, Cloud
from eda_sandbox.foundation.http import HttpRequest, HttpResponse
from eda_sandbox.frontdoor.door import Call

KEPT = 10_000
"""Calls that are kept until somebody looks."""
LOOKED_AT = 4_096
"""Bytes of a request that are kept, and searched for names and ids; clients write names first."""
RATE_SECONDS = 10.0
IDS = 8
"""Items of an edge that are told of at a time."""
CLIENTS = "clients"
"""The node that stands for who calls the APIs."""
FOLLOWED = ("pipe", "rule", "schedule")
"""What reaches these is seen by what they send on."""
_POLLING = frozenset(
    {
        *("ReceiveMessage", "GetRecords", "GetShardIterator", "DescribeStream", "ChangeMessageVisibility"),
        *("PutLogEvents", "CreateLogStream", "PutTraceSegments", "PutMetricData", "GenerateDataKey", "Decrypt"),
    }
)
_RESOURCES = re.compile(
    rb'"(?:TableName|QueueUrl|stateMachineArn|executionArn|DeliveryStreamName|TopicArn|WorkGroup|WorkgroupName|JobName'
    rb'|StreamName|StreamARN|EventBusName|FunctionName)"\s*:\s*"([^"]+)"'
)
_CONTROL = (
    *("Create", "Delete", "Update", "Put", "Add", "Attach", "Detach", "Remove", "Set"),
    *("Subscribe", "Unsubscribe"),
)
_DATA = frozenset(
    {
        *("DeleteMessage", "DeleteMessageBatch", "DeleteObject", "DeleteObjects", "DeleteItem", "UpdateItem"),
        *("PutEvents", "PutItem", "PutObject", "PutRecord", "PutRecordBatch", "PutRecords"),
        *("CreateLogStream", "CreateIngestion", "CreateMultipartUpload"),
    }
)


@dataclass(frozen=True)
class Moved:
    """What went along an edge since the last look.

    Attributes:
        source: the edge's beginning.
        target: its end.
        count: how many calls.
        errors: those of them that failed.
        ids: items that they were about.
    """

    source: str
    target: str
    count: int
    errors: int
    ids: tuple[str, ...]


class _Seen(NamedTuple):
    at: float
    service: str
    operation: str
    path: str
    key: str
    body: bytes
    failed: bool


class Flows:
    """Keeps the newest calls, and says where they went.

    Noting a call costs microseconds; all else is done when somebody looks.

    Args:
        cloud: the embedded AWS.
        item_pattern: finds an item's id; empty for none.
    """

    def __init__(self, cloud: Cloud, item_pattern: str) -> None:
        self._cloud = cloud
        self._item = re.compile(item_pattern.encode()) if item_pattern else None
        self._seen: deque[_Seen] = deque(maxlen=KEPT)
        self._roles: dict[str, str] = {}
        self._recent: Counter[tuple[int, str]] = Counter()
        self._failed_lately: Counter[tuple[int, str]] = Counter()
        self.totals: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.changed = True
        """Resources were made, changed or removed since this was set to false."""

    def note(self, call: Call) -> None:
        """The front door's observer."""
        service, operation = call.service, call.operation
        if operation in _POLLING or not service:
            return
        request, response = call.request, call.response
        key = _access_key(request)
        if key == ROOT_KEY and service != "execute-api":
            # The provider works as the root; so do tests, and this console.
            if operation.startswith(_CONTROL) and operation not in _DATA:
                self.changed = True
            return
        failed = response is None or _failed(service, response)
        self._seen.append(
            _Seen(call.at + call.seconds, service, operation, request.path, key, request.body[:LOOKED_AT], failed)
        )

    def look(self, graph: Graph) -> list[Moved]:
        """What went along each edge since the last look, and not longer ago than the rates tell of."""
        edges = _Edges(graph)
        counts: Counter[tuple[str, str]] = Counter()
        errors: Counter[tuple[str, str]] = Counter()
        ids: dict[tuple[str, str], dict[str, None]] = {}
        begin = time.time() - RATE_SECONDS
        for seen in self._taken():
            lately = seen.at >= begin
            found = lately and self._item and (self._item.search(seen.body) or self._item.search(seen.path.encode()))
            for source, target in self._edges(seen, edges):
                name = f"{source}>{target}"
                self.totals[name] += 1
                self.errors[name] += seen.failed
                if not lately:
                    continue
                self._recent[int(seen.at), name] += 1
                self._failed_lately[int(seen.at), name] += seen.failed
                counts[source, target] += 1
                errors[source, target] += seen.failed
                if found:
                    ids.setdefault((source, target), {})[found.group().decode("ascii", "replace")] = None
        return [Moved(*edge, count, errors[edge], tuple(ids.get(edge, ()))[:IDS]) for edge, count in counts.items()]

    def rates(self) -> dict[str, tuple[float, float]]:
        """Calls and errors a second of each edge (``source>target``) that had any lately."""
        begin = time.time() - RATE_SECONDS
        for old in [(second, name) for second, name in self._recent if second < begin]:
            del self._recent[old], self._failed_lately[old]
        calls: Counter[str] = Counter()
        errors: Counter[str] = Counter()
        for (second, name), count in self._recent.items():
            calls[name] += count
            errors[name] += self._failed_lately[second, name]
        return {name: (count / RATE_SECONDS, errors[name] / RATE_SECONDS) for name, count in calls.items()}

    def _taken(self) -> Iterator[_Seen]:
        while True:
            try:
                yield self._seen.popleft()
            except IndexError:
                return

    def _edges(self, seen: _Seen, edges: "_Edges") -> Iterator[tuple[str, str]]:
        if seen.service == "execute-api":
            api = f"api:{seen.path.removeprefix(EXECUTE_API).partition('/')[0]}"
            yield CLIENTS, api
            return
        for actor in self._actors(seen.key, edges):
            for edge in edges.meant(actor, seen):
                yield edge.source, edge.target
                follower = edge.source if edge.source.startswith(FOLLOWED) else None
                if follower:
                    yield from edges.only_incoming(follower)

    def _actors(self, key: str, edges: "_Edges") -> Iterable[str]:
        own = self._cloud.principal_of(key)
        if own is not None:
            return edges.by_arn(own[1] or "")
        if key not in self._roles:
            principal = iam_evaluator.resolve_principal(key, self._cloud.account)
            self._roles[key] = str(getattr(principal, "arn", ""))
        arn = self._roles[key]
        return edges.by_role(arn.split("/")[1]) if ":assumed-role/" in arn else ()


class _Edges:
    """The graph's edges by what a call tells of them."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._of: dict[str, list[Edge]] = {}
        self._into: dict[str, list[Edge]] = {}
        self._roles: dict[str, list[str]] = {}
        for edge in graph.edges:
            self._of.setdefault(edge.source, []).append(edge)
            self._into.setdefault(edge.target, []).append(edge)
        for id, roles in graph.roles.items():
            for role in roles:
                self._roles.setdefault(role, []).append(id)
        self._arns = {node.arn: id for id, node in graph.nodes.items() if node.arn}

    def by_role(self, role: str) -> Iterable[str]:
        return self._roles.get(role, ())

    def by_arn(self, arn: str) -> Iterable[str]:
        # An API calls in the name of the method and path that were asked for.
        found = self._arns.get(arn) or self._arns.get(arn.partition("/")[0])
        return (found,) if found else ()

    def meant(self, actor: str, seen: _Seen) -> Iterator[Edge]:
        """The actor's edges that a call goes along; what was taken from a queue is seen when it is deleted there."""
        names = _names(seen)
        kinds = _KINDS.get(seen.service, ())
        if seen.operation.startswith("DeleteMessage"):
            candidates = [edge for edge in self._into.get(actor, ()) if edge.source.startswith("queue:")]
            yield from (edge for edge in candidates if self._graph.nodes[edge.source].name in names)
            return
        candidates = [edge for edge in self._of.get(actor, ()) if edge.target.startswith(kinds)] if kinds else []
        exact = [edge for edge in candidates if self._graph.nodes[edge.target].name in names]
        yield from exact or (candidates if len(candidates) == 1 and not names else ())

    def only_incoming(self, id: str) -> Iterator[tuple[str, str]]:
        incoming = self._into.get(id, ())
        if len(incoming) == 1:
            yield incoming[0].source, incoming[0].target


_KINDS = {
    "athena": ("workgroup:",),
    "dynamodb": ("table:",),
    "events": ("bus:",),
    "firehose": ("delivery:",),
    "glue": ("job:",),
    "kinesis": ("stream:",),
    "lambda": ("function:",),
    "quicksight": ("data_set:",),
    "redshift-data": ("warehouse:",),
    "s3": ("bucket:",),
    "sns": ("topic:",),
    "sqs": ("queue:",),
    "stepfunctions": ("machine:",),
}
"""The kinds of node that a service's calls are about, as their ids begin."""


def _names(seen: _Seen) -> set[str]:
    """The names of resources that a request gives."""
    texts = [found.group(1).decode("utf-8", "replace") for found in _RESOURCES.finditer(seen.body)]
    if seen.service in ("s3", "lambda", "quicksight"):
        texts += seen.path.strip("/").split("/")
    return {part for text in texts for part in (text, text.rpartition("/")[2], text.rpartition(":")[2])}


def _access_key(request: HttpRequest) -> str:
    return (request.header("authorization") or "").partition("Credential=")[2].partition("/")[0]


def _failed(service: str, response: HttpResponse) -> bool:
    """Whether an answer tells of an error; a condition that does not hold is one of the two answers of its call."""
    if response.status >= 400:
        return b"ConditionalCheckFailed" not in response.body
    return service == "lambda" and response.header("x-amz-function-error") is not None
