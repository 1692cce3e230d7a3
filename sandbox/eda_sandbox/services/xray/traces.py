"""Traces, put together from the segments that came, and what is said of them in short."""

import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from eda_sandbox.services.xray.documents import Document

MAX_TRACES = 10_000
"""Traces that are kept; the oldest go first."""
_INFERRED = {
    "DynamoDB": "AWS::DynamoDB::Table",
    "SQS": "AWS::SQS::Queue",
    "S3": "AWS::S3::Bucket",
    "SNS": "AWS::SNS::Topic",
    "STEPFUNCTIONS": "AWS::StepFunctions",
}
"""The kinds of what services call that send no segments themselves; others are ``AWS::`` and their name."""


class Node(NamedTuple):
    """What a segment is of: a service by its name and its kind."""

    name: str
    type: str | None


@dataclass(frozen=True)
class Segment:
    """A segment of a trace.

    Attributes:
        document: whole, with the subsegments that came by themselves.
        node: what it is of.
        caller: the segment that called it; None where the trace begins.
        call: the subsegment of the caller that stands for the call, where there is one.
    """

    document: Document
    node: Node
    caller: "Segment | None"
    call: Document | None

    @property
    def begin(self) -> float:
        """When it began."""
        return float(self.document["start_time"])

    @property
    def end(self) -> float:
        """When it ended; of one that is in progress, when it began."""
        return float(self.document["end_time"]) if "end_time" in self.document else self.begin

    def flag(self, name: str) -> bool:
        """Whether it is marked as ``fault``, ``error`` or ``throttle``."""
        return self.document.get(name) is True


@dataclass(frozen=True)
class Trace:
    """A trace as it is now.

    Attributes:
        id: its id.
        segments: in the order of their beginning, callers first.
        updated: when the last document came.
        revision: how many documents came.
    """

    id: str
    segments: tuple[Segment, ...]
    updated: float
    revision: int

    @property
    def root(self) -> Segment:
        """The segment with which it begins."""
        return next((segment for segment in self.segments if segment.caller is None), self.segments[0])

    @property
    def begin(self) -> float:
        """When it began."""
        return min(segment.begin for segment in self.segments)

    @property
    def end(self) -> float:
        """When its last segment ended."""
        return max(segment.end for segment in self.segments)

    @property
    def partial(self) -> bool:
        """Whether a segment is still in progress."""
        return any(segment.document.get("in_progress") is True for segment in self.segments)

    @property
    def http(self) -> dict[str, Any]:
        """What the first segment says of its request and its answer."""
        found: dict[str, Any] = self.root.document.get("http") or {}
        return found


@dataclass
class _Kept:
    documents: dict[str, bytes] = field(default_factory=dict)
    """As JSON: that is a fifth of the objects that it stands for."""
    in_progress: set[str] = field(default_factory=set)
    updated: float = 0.0
    revision: int = 0


class Traces:
    """Keeps the segments of the last traces."""

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}
        self._lock = threading.Lock()

    def put(self, document: Document) -> None:
        """Take a segment; one with the same id is written anew, but not one that is whole by one in progress."""
        with self._lock:
            kept, id = self._kept.setdefault(document["trace_id"], _Kept()), document["id"]
            in_progress = document.get("in_progress") is True
            if id not in kept.documents or id in kept.in_progress or not in_progress:
                kept.documents[id] = json.dumps(document, separators=(",", ":")).encode()
                (kept.in_progress.add if in_progress else kept.in_progress.discard)(id)
            kept.updated, kept.revision = time.time(), kept.revision + 1
            while len(self._kept) > MAX_TRACES:
                del self._kept[next(iter(self._kept))]

    def get(self, id: str) -> Trace | None:
        """A trace, or None."""
        with self._lock:
            kept = self._kept.get(id)
            if kept is None:
                return None
            documents, updated, revision = list(kept.documents.values()), kept.updated, kept.revision
        return Trace(id, tuple(_segments([json.loads(document) for document in documents])), updated, revision)

    def all(self) -> list[Trace]:
        """All traces, those that came first first."""
        with self._lock:
            ids = list(self._kept)
        return [trace for id in ids if (trace := self.get(id)) is not None]


def subsegments(document: Mapping[str, Any]) -> Iterator[Document]:
    """All subsegments of a document, at any depth."""
    for below in document.get("subsegments") or []:
        yield below
        yield from subsegments(below)


def _segments(documents: Sequence[Document]) -> list[Segment]:
    whole = _joined(documents)
    calls = {call["id"]: (document, call) for document in whole for call in subsegments(document)}
    answered = {document.get("parent_id") for document in whole}
    inferred = [
        _inferred(call, document["trace_id"])
        for document, call in calls.values()
        if call.get("namespace") in ("aws", "remote") and call["id"] not in answered
    ]
    by_id = {document["id"]: document for document in whole}
    made: dict[str, Segment] = {}

    def segment(document: Document, above: frozenset[str] = frozenset()) -> Segment:
        if document["id"] not in made:
            parent = document.get("parent_id")
            caller, call = calls.get(parent, (by_id.get(parent), None)) if parent else (None, None)
            # A document that says it is its own caller's caller is nobody's.
            seen = above | {document["id"]}
            called_by = segment(caller, seen) if caller is not None and caller["id"] not in seen else None
            node = Node(str(document["name"]), document.get("origin"))
            made[document["id"]] = Segment(document, node, called_by, call)
        return made[document["id"]]

    return sorted(map(segment, [*whole, *inferred]), key=lambda found: found.begin)


def _joined(documents: Sequence[Document]) -> list[Document]:
    """Documents in which subsegments that came by themselves lie where they belong, as far as that is known."""
    places = {document["id"]: document for document in documents}
    for document in documents:
        places |= {below["id"]: below for below in subsegments(document)}
    left = []
    for document in documents:
        parent = places.get(document.get("parent_id") or "")
        if document.get("type") != "subsegment" or parent is None or _contains(document, parent):
            left.append(document)
            continue
        below = {name: value for name, value in document.items() if name not in ("trace_id", "parent_id", "type")}
        parent.setdefault("subsegments", []).append(below)
        places[document["id"]] = below
    return left


def _contains(document: Document, other: Document) -> bool:
    return document is other or any(below is other for below in subsegments(document))


def _inferred(call: Document, trace_id: str) -> Document:
    """What a call leads to that sent no segment itself."""
    said: Document = {name: call[name] for name in ("http", "aws", "fault", "error", "throttle") if name in call}
    service, aws = str(call["name"]), call.get("aws") or {}
    if call.get("namespace") == "remote":
        name, origin = service, "remote"
    else:
        origin = _INFERRED.get(service, f"AWS::{service}")
        queue = str(aws.get("queue_url", "")).rpartition("/")[2]
        name = str(aws.get("table_name") or queue or aws.get("bucket_name") or aws.get("function_name") or service)
    return {
        # Another id than the call's, the same whenever it is asked for.
        "id": f"{int(call['id'], 16) ^ 0xFFFFFFFFFFFFFFFF:016x}",
        "trace_id": trace_id,
        "parent_id": call["id"],
        "name": name,
        "start_time": call["start_time"],
        **({"end_time": call["end_time"]} if "end_time" in call else {"in_progress": True}),
        "origin": origin,
        "inferred": True,
        **said,
    }
