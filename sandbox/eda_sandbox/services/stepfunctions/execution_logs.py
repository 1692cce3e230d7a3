"""Executions' events in CloudWatch Logs, as a machine's logging configuration asks for them."""

import json
import logging
import queue
from typing import Any

from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.services.stepfunctions.execution import CLOSING, Execution

_FAILURES = ("Failed", "TimedOut", "Aborted", "FailStateEntered")
_DATA = frozenset({"input", "output", "parameters", "assignedVariables"})
log = logging.getLogger(__name__)


class ExecutionLogs:
    """Writes events from a thread of its own.

    Args:
        cloud: the embedded AWS.
    """

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._lines: queue.SimpleQueue[tuple[str, str, int, str]] = queue.SimpleQueue()

    def note(self, execution: Execution, event: dict[str, Any]) -> None:
        """An event; it is written when the machine's level has it."""
        config = execution.machine.logging
        level, kind = config.get("level", "OFF"), event["type"]
        failure = kind.endswith(_FAILURES)
        if level == "OFF" or (level == "ERROR" and not failure):
            return
        if level == "FATAL" and (kind not in CLOSING or not failure):
            return
        details: dict[str, Any] = {}
        for name, value in event.items():
            if name.endswith("EventDetails"):
                details = value if config.get("includeExecutionData") else without_data(value)
        at = int(event["timestamp"].timestamp() * 1000)
        line = {
            "id": str(event["id"]),
            "type": kind,
            "details": details,
            "previous_event_id": str(event["previousEventId"]),
            "event_timestamp": str(at),
            "execution_arn": execution.arn,
            "redrive_count": str(execution.redrives),
        }
        for destination in config.get("destinations", []):
            group = destination["cloudWatchLogsLogGroup"]["logGroupArn"].split(":log-group:")[-1].removesuffix(":*")
            self._lines.put((group, f"states/{execution.machine.name}", at, json.dumps(line)))

    def run(self) -> None:
        """Write what comes until the sandbox stops."""
        while not self._cloud.stopping.wait(0.25):
            batches: dict[tuple[str, str], list[tuple[int, str]]] = {}
            while not self._lines.empty():
                group, stream, at, line = self._lines.get()
                batches.setdefault((group, stream), []).append((at, line))
            for (group, stream), lines in batches.items():
                try:
                    times, messages = [at for at, _ in lines], [line for _, line in lines]
                    self._cloud.log_events(group, stream, messages, times=times)
                except Exception as error:
                    log.warning("%s: %d log lines lost: %s", group, len(lines), error)


def without_data(details: dict[str, Any]) -> dict[str, Any]:
    """An event's details without what flows through the machine."""
    return {
        name: value
        for name, value in details.items()
        if name not in _DATA and name.removesuffix("Details") not in _DATA
    }
