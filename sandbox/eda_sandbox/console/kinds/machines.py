"""State machines and their executions."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from eda_sandbox.console.nodes import ROWS, Kind, Listing, Metrics, Node

_FAILED = ("FAILED", "TIMED_OUT", "ABORTED")


class Machines(Kind):
    """State machines of Step Functions."""

    kind, title, service = "machine", "State machine", "stepfunctions"

    def nodes(self) -> Iterator[Node]:
        """All state machines."""
        pages = self.client().get_paginator("list_state_machines").paginate()
        for found in (one for page in pages for one in page["stateMachines"]):
            arn = found["stateMachineArn"]
            described = self.client().describe_state_machine(stateMachineArn=arn)
            destinations = described.get("loggingConfiguration", {}).get("destinations", [])
            group = destinations[0]["cloudWatchLogsLogGroup"]["logGroupArn"].split(":")[6] if destinations else None
            yield Node(self.kind, found["name"], arn, described["roleArn"], group)

    def metrics(self, node: Node) -> Metrics:
        """Its executions by status."""
        counts: Counter[str] = self.cloud.service("stepfunctions").statuses(node.arn)
        failed = sum(counts[status] for status in _FAILED)
        shown = [f"{counts[status]} {word}" for status, word in _WORDS if counts[status]]
        return Metrics([*shown, f"{failed} failed"] if failed else shown, waiting=counts["RUNNING"], failed=failed)

    def facts(self, node: Node) -> Mapping[str, Any]:
        """Its type and definition."""
        found = self.client().describe_state_machine(stateMachineArn=node.arn)
        return {"Type": found["type"], "Definition": json.loads(found["definition"])}

    def items(self, node: Node) -> Listing:
        """Its executions."""
        found = self.cloud.service("stepfunctions").kept(node.arn)
        rows = [[one.name, one.status, one.started, one.stopped] for one in found[:ROWS]]
        return Listing(["Execution", "Status", "Started", "Ended"], rows, len(found), "executions")

    def item(self, node: Node, id: str) -> Mapping[str, Any]:
        """An execution with its history, and the states that it was in."""
        kept = self.cloud.service("stepfunctions").kept(node.arn)
        found = next((one for one in kept if one.name == id), None)
        if found is None:
            raise KeyError(id)
        events = list(found.history)
        return {
            "facts": {
                "Status": found.status,
                "Started": found.started,
                "Ended": found.stopped,
                "Error": found.error,
                "Cause": found.cause,
                "Input": _value(found.input_text),
                "Output": _value(found.output_text),
            },
            "definition": found.machine.definition,
            "states": _states(events),
            "history": [
                {"at": event["timestamp"], "type": event["type"], "detail": _detail(event)} for event in events
            ],
        }


def _value(text: str | None) -> Any:
    return None if text is None else json.loads(text)


_WORDS = (("RUNNING", "running"), ("SUCCEEDED", "done"))


def _states(events: list[dict[str, Any]]) -> dict[str, str]:
    """Where an execution was: entered, done or failed, by the state's name."""
    states: dict[str, str] = {}
    last = None
    for event in events:
        if "stateEnteredEventDetails" in event:
            last = event["stateEnteredEventDetails"]["name"]
            states[last] = "entered"
        elif "stateExitedEventDetails" in event:
            states[event["stateExitedEventDetails"]["name"]] = "done"
        elif event["type"] in ("ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted") and last is not None:
            states[last] = "failed"
    return states


def _detail(event: dict[str, Any]) -> dict[str, Any]:
    details: dict[str, Any] = next((value for name, value in event.items() if name.endswith("Details")), {})
    return {
        name: _read(value) if name in ("input", "output", "parameters") else value
        for name, value in details.items()
        if not name.endswith("Details")
    }


def _read(text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text
