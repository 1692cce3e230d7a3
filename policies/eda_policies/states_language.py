"""Reading state machine definitions (Amazon States Language)."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

TERMINAL = ("Succeed", "Fail")
TYPES = ("Task", "Pass", "Choice", "Wait", "Parallel", "Map", *TERMINAL)


@dataclass(frozen=True)
class State:
    """A state.

    Attributes:
        name: its name.
        data: its fields.
        caught: a Parallel or Map around it catches what it raises.
    """

    name: str
    data: Mapping[str, Any]
    caught: bool

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
        """Its retriers."""
        found = self.data.get("Retry")
        return [retry for retry in found if isinstance(retry, dict)] if isinstance(found, list) else []

    @property
    def best_effort(self) -> bool:
        """Whether the execution goes on as if nothing had happened when it fails: it is not waited for."""
        catchers = self.data.get("Catch")
        return any(
            isinstance(catcher, dict)
            and catcher.get("ErrorEquals") == ["States.ALL"]
            and catcher.get("Next") == self.data.get("Next")
            for catcher in (catchers if isinstance(catchers, list) else [])
        )

    @property
    def catches(self) -> bool:
        """Whether it has a catcher."""
        return bool(self.data.get("Catch"))


def states(definition: Mapping[str, Any], caught: bool = False) -> Iterator[State]:
    """All states, those of branches and iterators too."""
    found = definition.get("States")
    for name, data in found.items() if isinstance(found, dict) else ():
        if not isinstance(data, dict):
            continue
        state = State(name, data, caught)
        yield state
        for inner in _inner(data):
            yield from states(inner, caught or state.catches)


def mistakes(definition: Mapping[str, Any], where: str = "") -> Iterator[str]:
    """What is wrong with the structure."""
    found = definition.get("States")
    if not isinstance(found, dict) or not found:
        yield f"{where}it has no States"
        return
    start = str(definition.get("StartAt"))
    reached = {start}
    if start not in found:
        yield f"{where}StartAt names {start!r}, which is no state"
    for name, data in found.items():
        if not isinstance(data, dict) or data.get("Type") not in TYPES:
            yield f"{where}{name} has no type that there is"
            continue
        for target in _targets(data):
            reached.add(target)
            if target not in found:
                yield f"{where}{name} goes to {target!r}, which is no state"
        ends = data["Type"] in TERMINAL or data.get("End") is True or data["Type"] == "Choice"
        if not ends and not isinstance(data.get("Next"), str):
            yield f"{where}{name} has neither Next nor End"
        if data["Type"] == "Task" and not isinstance(data.get("Resource"), str):
            yield f"{where}{name} has no Resource"
        for inner in _inner(data):
            yield from mistakes(inner, f"{where}{name} / ")
    for name in found:
        if name not in reached:
            yield f"{where}{name} is never reached"


def _targets(data: Mapping[str, Any]) -> Iterator[str]:
    for key in ("Next", "Default"):
        if data.get(key) is not None:
            yield str(data[key])
    for key in ("Catch", "Choices"):
        entries = data.get(key)
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict) and entry.get("Next") is not None:
                yield str(entry["Next"])


def _inner(data: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    branches = data.get("Branches")
    found = list(branches) if isinstance(branches, list) else []
    found += [data.get("ItemProcessor"), data.get("Iterator")]
    yield from (inner for inner in found if isinstance(inner, dict))
