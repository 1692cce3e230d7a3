"""What X-Ray has of one order: its traces, which end at streams, pipes and files; between them the envelope links."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError
from rich.table import Table

AT_ONCE = 5
"""Traces that X-Ray gives at once (BatchGetTraces)."""
MAX_TRACES = 50
"""Traces of an order that are looked up: a client that asks for it again and again begins one each time."""


@dataclass(frozen=True)
class Passed:
    """A service that a trace passes.

    Attributes:
        name: the stage's, the machine's or the function's.
        kind: X-Ray's name of what it is.
        begin: when its segment began.
        duration_ms: how long it worked; None while it does.
        failed: its segment is marked as an error or a fault.
    """

    name: str
    kind: str
    begin: datetime
    duration_ms: float | None
    failed: bool


@dataclass(frozen=True)
class SeenTrace:
    """A trace that tells of the order.

    Attributes:
        id: its id.
        entry: the request with which it began; empty where none did.
        passed: services, in the order of their beginning.
    """

    id: str
    entry: str
    passed: tuple[Passed, ...]

    @property
    def begin(self) -> datetime:
        """When it began."""
        return min(one.begin for one in self.passed)

    @property
    def duration_ms(self) -> float:
        """From its beginning to its last end that is known."""
        ends = [one.begin.timestamp() + (one.duration_ms or 0) / 1000 for one in self.passed]
        return 1000 * (max(ends) - self.begin.timestamp())

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "id": self.id,
            "entry": self.entry,
            "begin": self.begin.isoformat(),
            "duration_ms": round(self.duration_ms, 1),
            "passed": [
                {
                    "name": one.name,
                    "kind": one.kind,
                    "begin": one.begin.isoformat(),
                    "duration_ms": None if one.duration_ms is None else round(one.duration_ms, 1),
                    "failed": one.failed,
                }
                for one in self.passed
            ],
        }


def seen(client: Callable[[str], Any], trace_ids: Iterable[str]) -> tuple[SeenTrace, ...]:
    """The traces that X-Ray has of some ids; what was not sampled, or may not be read, is not there.

    Args:
        client: makes a boto3 client of a service.
        trace_ids: as log lines have them; the newest are looked up where there are too many.
    """
    wanted = sorted(set(trace_ids))[-MAX_TRACES:]
    found: list[SeenTrace] = []
    for start in range(0, len(wanted), AT_ONCE):
        try:
            answer = client("xray").batch_get_traces(TraceIds=wanted[start : start + AT_ONCE])
        except ClientError as error:
            if "AccessDenied" not in error.response["Error"]["Code"]:
                raise
            return ()
        for trace in answer["Traces"]:
            documents = [json.loads(segment["Document"]) for segment in trace["Segments"]]
            if documents:
                found.append(_seen(trace["Id"], documents))
    return tuple(sorted(found, key=lambda trace: trace.begin))


def id_of(text: str) -> str:
    """The trace's id in a trace header, or in what a log line has of it."""
    return text.partition(";")[0].removeprefix("Root=")


def _seen(id: str, documents: Sequence[Mapping[str, Any]]) -> SeenTrace:
    passed: dict[str, Passed] = {}
    for one in sorted(map(_passed, filter(_is_own, documents)), key=lambda one: one.begin):
        # A function has Lambda's segment and its own.
        known = passed.setdefault(one.name, one)
        passed[one.name] = replace(known, failed=known.failed or one.failed)
    first = min(documents, key=lambda document: float(document["start_time"]))
    method = ((first.get("http") or {}).get("request") or {}).get("method", "")
    return SeenTrace(id, str(method), tuple(passed.values()) or (_passed(first),))


def _is_own(document: Mapping[str, Any]) -> bool:
    """Whether what it is about has sent it; X-Ray infers tables and services from the calls to them."""
    return not document.get("inferred")


def _passed(document: Mapping[str, Any]) -> Passed:
    begin, end = float(document["start_time"]), document.get("end_time")
    return Passed(
        str(document["name"]),
        str(document.get("origin", "")),
        datetime.fromtimestamp(begin, UTC),
        None if end is None else 1000 * (float(end) - begin),
        any(document.get(mark) is True for mark in ("fault", "error", "throttle")),
    )


def table(traces: Sequence[SeenTrace], begin: datetime) -> Table:
    """The traces in a table; those that took the same way share a row.

    Args:
        traces: in order.
        begin: of the order's first hop.
    """
    shown = Table(title=f"X-Ray: {len(traces)} traces, linked by the correlation id alone", title_justify="left")
    for name in ("after", "times", "took"):
        shown.add_column(name, justify="right", no_wrap=True)
    shown.add_column("trace, and its way", overflow="fold")
    shared = _shared(one.name for trace in traces for one in trace.passed)
    rows: dict[str, list[SeenTrace]] = {}
    for trace in traces:
        rows.setdefault(" -> ".join(_way(trace, shared)), []).append(trace)
    for way, those in rows.items():
        after = (those[0].begin - begin).total_seconds()
        took = max(trace.duration_ms for trace in those) / 1000
        shown.add_row(f"{after:+.3f} s", str(len(those)), f"{took:.3f} s", f"[dim]{those[0].id}[/]\n{way}")
    return shown


def _way(trace: SeenTrace, shared: str) -> Iterator[str]:
    for number, one in enumerate(trace.passed):
        name = one.name.removeprefix(shared)
        name = f"{trace.entry} {name}" if number == 0 and trace.entry else name
        yield f"[red]{name}[/]" if one.failed else name


def _shared(names: Iterable[str]) -> str:
    """What all names of a stack begin with."""
    different = set(names)
    if len(different) < 2:
        return ""
    first, last = min(different), max(different)
    same = next((at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first))
    return first[: first.rfind("-", 0, same) + 1]
