"""The X-Ray segment of an execution: a subsegment for each state, and below it one for each call of a task.

https://docs.aws.amazon.com/step-functions/latest/dg/concepts-xray-tracing.html
"""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from eda_sandbox.foundation import tracing
from eda_sandbox.foundation.tracing import Segments, Trace, new_segment_id

PRINCIPAL = "states.amazonaws.com"
MAX_DOCUMENT = 60_000
"""Bytes of a segment that is sent in one piece; X-Ray takes 64 KB."""
ENTERED, EXITED = "StateEntered", "StateExited"
CLOSED = {"ExecutionSucceeded", "ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut"}
_RESOURCE = re.compile(r"arn:aws:states:::(?:aws-sdk:)?([\w-]+):(\w+)")
_NAMES = {"dynamodb": "DynamoDB", "lambda": "Lambda", "states": "STEPFUNCTIONS", "sfn": "STEPFUNCTIONS"}
_NAMES |= {"cloudwatchlogs": "CloudWatchLogs", "events": "EventBridge", "eventbridge": "EventBridge"}
_MEMBERS = {
    "TableName": "table_name",
    "QueueUrl": "queue_url",
    "FunctionName": "function_name",
    "TopicArn": "topic_arn",
}


@dataclass
class _Visit:
    """A state that was entered."""

    name: str
    begin: float
    inside: "_Visit | None"
    id: str = field(default_factory=new_segment_id)
    end: float | None = None
    failed: bool = False
    below: list[dict[str, Any]] = field(default_factory=list)

    def document(self, ended: float) -> dict[str, Any]:
        end = ended if self.end is None else self.end
        found = {"id": self.id, "name": _name(self.name), "start_time": self.begin, "end_time": max(self.begin, end)}
        return {
            **found,
            **({"fault": True} if self.failed else {}),
            **({"subsegments": self.below} if self.below else {}),
        }


class ExecutionTrace:
    """What of an execution is traced; told each event of its history.

    Args:
        segments: takes the segment.
        execution_arn: the execution's.
        machine_arn: its machine's.
        role_arn: the machine's role, which puts the segment.
        enabled: whether the machine is traced.
        header: the trace header it was started with.
    """

    def __init__(
        self,
        segments: Segments,
        execution_arn: str,
        machine_arn: str,
        role_arn: str,
        *,
        enabled: bool,
        header: str | None,
    ) -> None:
        self._segments = segments
        self._execution_arn = execution_arn
        self._machine_arn = machine_arn
        self._role_arn = role_arn
        self._header = header
        self._trace = Trace.of(header)
        self._recorded = enabled and self._trace.sampled is not False
        self._trace = Trace(self._trace.root, self._trace.parent, True) if self._recorded else self._trace
        self._id = new_segment_id()
        self._began: float | None = None
        self._lock = threading.Lock()
        self._after: dict[int, _Visit | None] = {}
        self._visits: list[_Visit] = []
        self._states: list[dict[str, Any]] = []

    def noted(self, event: Mapping[str, Any]) -> None:
        """An event is in the history."""
        if not self._recorded:
            return
        at, kind = _seconds(event["timestamp"]), str(event["type"])
        if self._began is None:
            self._began = at
            self._put({"in_progress": True})
        with self._lock:
            self._after[event["id"]] = self._visit(event, kind, at)
        if kind in CLOSED:
            self._close(at, kind, event)

    def calling(self, number: int, call: Callable[..., Any]) -> Callable[..., Any]:
        """A task's call, which gets the trace.

        Args:
            number: of the history's last event.
            call: given the resource and its parameters first.
        """
        if not self._recorded:
            return tracing.carried(self._header, call)
        with self._lock:
            visit = self._after.get(number)
        id = new_segment_id()
        traced = tracing.carried(self._trace.below(id).header, call)

        def run(resource: str, parameters: Any, *rest: Any) -> Any:
            begin, failure = time.time(), None
            try:
                return traced(resource, parameters, *rest)
            except Exception as error:
                failure = error
                raise
            finally:
                found = {"id": id, "start_time": begin, "end_time": time.time(), **_called(resource, parameters)}
                if failure is not None:
                    found |= {
                        "fault": True,
                        "cause": _cause(getattr(failure, "error", ""), getattr(failure, "cause", "")),
                    }
                if visit is not None:
                    visit.below.append(found)

        return run

    def _visit(self, event: Mapping[str, Any], kind: str, at: float) -> _Visit | None:
        """The state that an event leaves the execution in."""
        before = self._after.get(event["previousEventId"])
        if kind.endswith(ENTERED):
            found = _Visit(str(event["stateEnteredEventDetails"]["name"]), at, before)
            self._visits.append(found)
            return found
        if not kind.endswith(EXITED):
            return before
        name = event["stateExitedEventDetails"]["name"]
        left = next((visit for visit in reversed(self._visits) if visit.name == name and visit.end is None), before)
        if left is None:
            return None
        left.end = at
        return left.inside

    def _close(self, at: float, kind: str, event: Mapping[str, Any]) -> None:
        failed = kind != "ExecutionSucceeded"
        with self._lock:
            # Those inside others come after them.
            for visit in reversed(self._visits):
                visit.failed = failed and visit.end is None
                if visit.inside is not None:
                    visit.inside.below.insert(0, visit.document(at))
            # A redriven execution goes on in the same segment.
            self._states += [visit.document(at) for visit in self._visits if visit.inside is None]
            self._visits.clear()
            self._after.clear()
        details: Mapping[str, Any] = next((value for name, value in event.items() if name.endswith("Details")), {})
        marks: dict[str, Any] = {"end_time": at}
        if failed:
            marks |= {"fault": True, "cause": _cause(details.get("error") or kind, details.get("cause") or "")}
        self._put(marks, self._states)

    def _put(self, marks: Mapping[str, Any], states: Sequence[dict[str, Any]] = ()) -> None:
        name = self._machine_arn.split(":")[6]
        segment = {
            "id": self._id,
            "trace_id": self._trace.root,
            **({"parent_id": self._trace.parent} if self._trace.parent else {}),
            "name": _name(name),
            "start_time": self._began,
            "origin": "AWS::StepFunctions::StateMachine",
            "resource_arn": self._machine_arn,
            "aws": {
                "account_id": self._machine_arn.split(":")[4],
                "execution_arn": self._execution_arn,
                "resource_names": [name],
            },
            **marks,
        }
        for document in _pieces(segment, states):
            self._segments.record(document, PRINCIPAL, self._role_arn)


def _pieces(segment: dict[str, Any], states: Sequence[dict[str, Any]]) -> Iterator[str]:
    """The documents of a segment: one, or where that is too large one for each state."""
    text = json.dumps({**segment, "subsegments": states} if states else segment, separators=(",", ":"))
    if len(text) <= MAX_DOCUMENT:
        yield text
        return
    yield json.dumps(segment, separators=(",", ":"))
    for state in states:
        yield from _pieces_of(state, segment["trace_id"], segment["id"])


def _pieces_of(subsegment: dict[str, Any], trace_id: str, parent_id: str) -> Iterator[str]:
    own = {**subsegment, "trace_id": trace_id, "parent_id": parent_id, "type": "subsegment"}
    text = json.dumps(own, separators=(",", ":"))
    if len(text) <= MAX_DOCUMENT or "subsegments" not in subsegment:
        yield text
        return
    below = own.pop("subsegments")
    yield json.dumps(own, separators=(",", ":"))
    for one in below:
        yield from _pieces_of(one, trace_id, subsegment["id"])


def _called(resource: str, parameters: Any) -> dict[str, Any]:
    match = _RESOURCE.match(resource)
    if match is None:
        aws = {"operation": "Invoke", "function_name": resource.rpartition(":function:")[2]}
        return {"name": "Lambda", "namespace": "aws", "aws": aws}
    service, action = match.groups()
    aws = {"operation": action[0].upper() + action[1:]}
    if isinstance(parameters, Mapping):
        given = {member: parameters.get(name) for name, member in _MEMBERS.items()}
        aws |= {name: value for name, value in given.items() if isinstance(value, str)}
    return {"name": _NAMES.get(service, service.upper()), "namespace": "aws", "aws": aws}


def _cause(error: str, message: str) -> dict[str, Any]:
    return {"exceptions": [{"id": new_segment_id(), "type": error, "message": message[:1000]}]}


def _seconds(moment: datetime) -> float:
    return moment.timestamp()


def _name(text: str) -> str:
    """A name as segments may have it."""
    return re.sub(r"[^\w\s.:/%&#=+\\\-@]", "_", text)[:200]
