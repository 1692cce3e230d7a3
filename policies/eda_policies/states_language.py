"""Reading state machine definitions (Amazon States Language)."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

TERMINAL = ("Succeed", "Fail")
HTTP_STATUS = "States.Http.StatusCode."
"""Errors of an HTTP task, each with its status."""
_RAISED = frozenset(f"States.{name}" for name in ("ALL", "TaskFailed", "Timeout", "HeartbeatTimeout", "Http.Socket"))
TYPES = ("Task", "Pass", "Choice", "Wait", "Parallel", "Map", *TERMINAL)


@dataclass(frozen=True)
class State:
    """A state.

    Attributes:
        name: its name.
        data: its fields.
        caught: a Parallel or Map around it catches what it raises.
        express: a distributed Map around it runs its items as Express executions.
    """

    name: str
    data: Mapping[str, Any]
    caught: bool
    express: bool = False

    @property
    def type(self) -> str:
        """Its type."""
        return str(self.data.get("Type"))

    @property
    def resource(self) -> str:
        """What a Task calls."""
        return str(self.data.get("Resource") or "")

    @property
    def arguments(self) -> Mapping[str, Any]:
        """What a Task is called with, in either query language."""
        found = self.data.get("Parameters") or self.data.get("Arguments")
        return found if isinstance(found, dict) else {}

    @property
    def waits_for_callback(self) -> bool:
        """Whether it waits for a task token."""
        return self.resource.endswith(".waitForTaskToken") or ":activity:" in self.resource

    @property
    def calls_function(self) -> bool:
        """Whether it calls a Lambda function."""
        return "lambda:invoke" in self.resource or ":function:" in self.resource

    @property
    def long_running(self) -> bool:
        """Whether what it calls may take long, or for ever."""
        return self.calls_function or self.waits_for_callback or ".sync" in self.resource or ":http:" in self.resource

    @property
    def failure_path(self) -> bool:
        """Whether it hands a failure on: a message to a queue or a topic, an event, a task's failure."""
        return bool(re.search(r"sqs:sendMessage$|sns:publish$|events:putEvents$|sendTaskFailure$", self.resource))

    @property
    def bounded(self) -> bool:
        """Whether it ends by itself."""
        keys = ("TimeoutSeconds", "TimeoutSecondsPath", "HeartbeatSeconds", "HeartbeatSecondsPath")
        return any(self.data.get(key) is not None for key in keys)

    @property
    def retries(self) -> list[Mapping[str, Any]]:
        """Its retriers of errors that it may have."""
        return [retry for retry in self._entries("Retry") if any(map(self._may_raise, _names(retry)))]

    def _entries(self, key: str) -> list[Mapping[str, Any]]:
        found = self.data.get(key)
        return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []

    def _may_raise(self, error: str) -> bool:
        """Whether an error is one of States that a task has, or of the service that it calls; those of a function's own
        code say nothing of what the service does."""
        if error.startswith("States."):
            return error in _RAISED or error.startswith(HTTP_STATUS)
        service, dot, _ = error.partition(".")
        called = self.resource.lower() + (":lambda:" if self.calls_function else "")
        if ":states:startexecution" in called:
            called += ":sfn:stepfunctions:"
        if ":events:" in called:
            called += ":eventbridge:"
        return bool(dot) and f":{service.lower()}:" in called

    @property
    def best_effort(self) -> bool:
        """Whether the execution goes on as if nothing had happened when it fails: it is not waited for."""
        return any(
            _names(catcher) == ["States.ALL"] and catcher.get("Next") == self.data.get("Next")
            for catcher in self._entries("Catch")
        )

    @property
    def catches(self) -> bool:
        """Whether it has a catcher of whatever fails."""
        return any({"States.ALL", "States.TaskFailed"} & set(_names(catcher)) for catcher in self._entries("Catch"))


def _names(entry: Mapping[str, Any]) -> list[str]:
    found = entry.get("ErrorEquals")
    return [name for name in found if isinstance(name, str)] if isinstance(found, list) else []


def states(definition: Mapping[str, Any], caught: bool = False, express: bool = False) -> Iterator[State]:
    """All states, those of branches and iterators too."""
    found = definition.get("States")
    for name, data in found.items() if isinstance(found, dict) else ():
        if not isinstance(data, dict):
            continue
        state = State(name, data, caught, express)
        yield state
        for part in inner(data):
            config = part.get("ProcessorConfig")
            child = isinstance(config, dict) and config.get("ExecutionType") == "EXPRESS"
            yield from states(part, caught or state.catches, express or child)


def targets(data: Mapping[str, Any]) -> Iterator[str]:
    """The states that a state leads to."""
    for key in ("Next", "Default"):
        if data.get(key) is not None:
            yield str(data[key])
    for key in ("Catch", "Choices"):
        entries = data.get(key)
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict) and entry.get("Next") is not None:
                yield str(entry["Next"])


def inner(data: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What a Parallel or Map runs."""
    branches = data.get("Branches")
    found = list(branches) if isinstance(branches, list) else []
    found += [data.get("ItemProcessor"), data.get("Iterator")]
    yield from (inner for inner in found if isinstance(inner, dict))
