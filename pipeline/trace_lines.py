"""Log lines that tell of one order: which ids they lead to, and which hops they are of. No I/O.

Three kinds of ids: the order's own (its id and its correlation id), those of batches that hold it (objects, statements,
ingestions), and those of requests and invocations, which lead to the lines that AWS's services write.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any


class Stage(IntEnum):
    """Where a hop stands in the pipeline: what happens at the same time is shown in this order."""

    API = 1
    ADMISSION = 2
    WORKFLOW = 3
    FUNCTION = 4
    TABLE = 5
    RAW = 6
    QUERY = 7
    LOAD = 8
    REFRESH = 9


@dataclass(frozen=True)
class Line:
    """A log line.

    Attributes:
        at: when it came.
        group: its log group.
        message: the text.
        fields: what it says, when it is a JSON object.
    """

    at: datetime
    group: str
    message: str
    fields: Mapping[str, Any]

    @classmethod
    def of(cls, at: datetime, group: str, message: str) -> "Line":
        """A line as Logs Insights gives it."""
        try:
            found = json.loads(message)
        except ValueError:
            found = None
        return cls(at, group, message, found if isinstance(found, dict) else {})

    def get(self, name: str) -> str | None:
        """A field's text; None when it is missing or empty."""
        value = self.fields.get(name)
        return str(value) if value not in (None, "", "-") else None


@dataclass
class Ids:
    """What is known of an order's ids.

    Attributes:
        own: the order's.
        batches: of what holds it.
        requests: of requests and invocations that are about it.
    """

    own: set[str] = field(default_factory=set)
    batches: set[str] = field(default_factory=set)
    requests: set[str] = field(default_factory=set)

    def all(self) -> set[str]:
        """All of them."""
        return self.own | self.batches | self.requests

    def tells(self, line: Line) -> bool:
        """Whether a line tells of the order: it names it, or a batch that holds it, or is AWS's own about a request.

        Another line of the same invocation may be about another order.
        """
        if any(_in_json(id) in line.message for id in self.own | self.batches):
            return True
        return "level" not in line.fields and any(id in line.message for id in self.requests)

    def follow(self, lines: Iterable[Line]) -> None:
        """Take up the ids that lines lead to."""
        for line in lines:
            if self.tells(line):
                self._follow(line)

    def _follow(self, line: Line) -> None:
        names = line.get
        for request in ("request_id", "function_request_id"):
            if "level" in line.fields and (id := names(request)):
                self.requests.add(id)
        if "correlation_ids" in line.fields:
            if self.own & set(line.fields["correlation_ids"]):
                self.batches.add(str(line.fields["object_id"]))
        elif "object_ids" in line.fields:
            if {f"query#{id}" for id in self.batches} & set(line.fields["object_ids"]):
                self.batches.add(str(line.fields["statement_id"]))
        elif names("ingestion_id"):
            # An ingestion after the load, or one that began after it for another load.
            if {names("statement_id"), names("also_for")} & self.batches:
                self.batches.add(str(line.fields["ingestion_id"]))
        elif names("order_id") and {names("order_id"), names("correlation_id")} & self.own:
            self.own |= {str(line.fields["order_id"]), str(line.fields.get("correlation_id"))}


@dataclass
class Hop:
    """One hop of an order.

    Attributes:
        stage: where it stands.
        name: what it is.
        begin: when it began.
        end: when it was last heard of.
        calls: how many calls, executions or batches it was.
        duration_ms: how long they worked; of hops that wait, from begin to end; None when nobody says.
        suppressed: repeats that had no effect, by what was repeated.
        failures: what failed, as often as it did.
        detail: what became of it.
    """

    stage: Stage
    name: str
    begin: datetime
    end: datetime
    calls: int = 0
    duration_ms: float | None = None
    suppressed: dict[str, int] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    detail: str = ""

    def note(self, at: datetime) -> None:
        """It was heard of."""
        self.begin, self.end = min(self.begin, at), max(self.end, at)

    def worked(self, milliseconds: float) -> None:
        """It worked so long, again."""
        self.duration_ms = (self.duration_ms or 0) + milliseconds


def hops(lines: Sequence[Line]) -> list[Hop]:
    """The hops that lines tell of, in order."""
    found = _Hops()
    for line in sorted(lines, key=lambda line: line.at):
        found.take(line)
    return found.ordered()


CLOSED = {
    "ExecutionSucceeded": "succeeded",
    "ExecutionFailed": "failed",
    "ExecutionTimedOut": "timed out",
    "ExecutionAborted": "aborted",
}
BEGINNINGS = ("invoked", "request")
"""The first lines of calls: they tell of no outcome."""
_BATCHES = {"load-job": Stage.LOAD}


class _Hops:
    def __init__(self) -> None:
        self._hops: dict[str, Hop] = {}
        self._calls: dict[str, set[str]] = {}
        self._of_invocation: dict[str, Hop] = {}
        self._statuses: dict[str, dict[str, int]] = {}

    def ordered(self) -> list[Hop]:
        return sorted(self._hops.values(), key=lambda hop: (hop.begin, hop.stage))

    def take(self, line: Line) -> None:
        fields = line.fields
        if "execution_arn" in fields:
            self._execution(line)
        elif str(fields.get("type", "")).startswith("platform."):
            self._platform(line)
        elif "resource" in fields and "latency" in fields:
            self._access(line)
        elif "level" in fields:
            self._told(line)

    def _hop(self, stage: Stage, name: str, at: datetime, call: str) -> Hop:
        hop = self._hops.setdefault(name, Hop(stage, name, at, at))
        # Not every line of a function says what it is about.
        hop.stage = max(hop.stage, stage)
        hop.note(at)
        calls = self._calls.setdefault(name, set())
        calls.add(call)
        hop.calls = len(calls)
        return hop

    def _access(self, line: Line) -> None:
        fields, latency = line.fields, float(line.get("latency") or 0)
        hop = self._hop(Stage.API, f"{fields['method']} {fields['resource']}", line.at, str(fields.get("request_id")))
        hop.begin = min(hop.begin, line.at - timedelta(milliseconds=latency))
        hop.worked(latency)
        status = str(fields.get("status", ""))
        statuses = self._statuses.setdefault(hop.name, {})
        _count(statuses, status)
        hop.detail = ", ".join(f"{count} x {code}" for code, count in sorted(statuses.items()))
        if status.startswith("5"):
            _count(hop.failures, status)

    def _execution(self, line: Line) -> None:
        arn, kind = str(line.fields["execution_arn"]), str(line.fields.get("type"))
        details = line.fields.get("details") or {}
        # Of Express machines an ARN has a run's own id behind the name.
        machine = arn.split(":")[6]
        hop = self._hop(Stage.WORKFLOW, machine, line.at, arn)
        hop.duration_ms = (hop.end - hop.begin).total_seconds() * 1000
        if kind.endswith("StateEntered"):
            hop.detail = f"in {details.get('name')}"
            if details.get("name") == "SendToDeadLetterQueue":
                _count(hop.failures, "to the dead-letter queue")
        elif kind in CLOSED:
            hop.detail = CLOSED[kind]
            if kind != "ExecutionSucceeded":
                _count(hop.failures, str(details.get("error") or CLOSED[kind]))
        elif kind == "ExecutionRedriven":
            hop.detail = "redriven"

    def _platform(self, line: Line) -> None:
        record = line.fields.get("record") or {}
        hop = self._of_invocation.get(str(record.get("requestId")))
        if hop is None or line.fields["type"] != "platform.report":
            return
        hop.note(line.at)
        hop.worked(float((record.get("metrics") or {}).get("durationMs", 0)))
        if record.get("status") in ("timeout", "failure"):
            # An error has said so itself.
            _count(hop.failures, str(record["status"]))
            hop.detail = str(record["status"])

    def _told(self, line: Line) -> None:
        fields = line.fields
        name = str(fields.get("service") or line.group.rpartition("/")[2])
        if "function_request_id" in fields:
            call = str(fields["function_request_id"])
            hop = self._hop(_stage(fields), name, line.at, call)
            self._of_invocation.setdefault(call, hop)
        elif "request_id" in fields:
            hop = self._hop(Stage.ADMISSION, name, line.at, str(fields["request_id"]))
        else:
            hop = self._hop(_BATCHES.get(name, Stage.FUNCTION), name, line.at, str(fields.get("load")))
            hop.duration_ms = 1000 * (hop.end - hop.begin).total_seconds()
        if suppressed := line.get("suppressed"):
            _count(hop.suppressed, suppressed)
            return
        if fields["level"] in ("ERROR", "CRITICAL"):
            _count(hop.failures, str(fields.get("error_type") or fields.get("error") or fields.get("message")))
        if fields.get("message") not in BEGINNINGS or not hop.detail:
            hop.detail = _detail(fields)


def _stage(fields: Mapping[str, Any]) -> Stage:
    """Of a function that works for batches, by what its line is about."""
    if "ingestion_id" in fields or "data_set_id" in fields:
        return Stage.REFRESH
    return Stage.QUERY if "object_id" in fields else Stage.FUNCTION


def _detail(fields: Mapping[str, Any]) -> str:
    said = [str(fields.get("message"))]
    said += [str(fields[name]) for name in ("outcome", "delivery", "state", "status") if fields.get(name) is not None]
    return ", ".join(said)


def _in_json(id: str) -> str:
    return json.dumps(id, ensure_ascii=False)[1:-1]


def _count(counts: dict[str, int], what: str) -> None:
    counts[what] = counts.get(what, 0) + 1
