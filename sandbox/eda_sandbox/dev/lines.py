"""The lines that functions write, as their author reads them: by function, in colour, with the author's own files."""

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "bright_red", "bright_cyan", "bright_magenta")
_GROUP = "/aws/lambda/"
_LEVELS = {"WARNING": "yellow", "WARN": "yellow", "ERROR": "red", "CRITICAL": "red", "FATAL": "red"}
_SAID_OTHERWISE = frozenset(
    {
        *("level", "timestamp", "time", "service", "location", "xray_trace_id", "requestId"),
        *("cold_start", "function_name", "function_memory_size", "function_arn", "function_request_id"),
        *("message", "exception", "exception_name", "stackTrace", "stack_trace"),
    }
)
"""What a logger adds to each line, and what is shown in another place."""


class Lines:
    """Prints what functions write.

    Args:
        console: where to.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()
        self._colours: dict[str, str] = {}
        self.places: Mapping[str, Path] = {}
        """Folders of the author's, by the folder in which their code runs."""

    def __call__(self, group: str, line: str) -> None:
        """Print a line of a log group."""
        shown = readable(line)
        if shown is None:
            return
        text, style = shown
        for code, root in self.places.items():
            text = text.replace(code, str(root))
        name = group.removeprefix(_GROUP)
        with self._lock:
            colour = self._colours.setdefault(name, COLOURS[len(self._colours) % len(COLOURS)])
            self._console.print(Text(f"{name} ", style=colour) + Text(text, style=style), soft_wrap=True)


def readable(line: str) -> tuple[str, str] | None:
    """What is shown of a line, and its style; None for one that says nothing to an author."""
    try:
        said: Any = json.loads(line)
    except ValueError:
        if line.startswith(("START RequestId: ", "END RequestId: ")):
            return None
        if line.startswith("REPORT RequestId: "):
            return _report(line)
        style = "red" if "[ERROR]" in line or "Traceback (most recent call last)" in line else ""
        return line.replace("\r", "\n"), style
    if not isinstance(said, dict):
        return line, ""
    record = said.get("record")
    if isinstance(record, dict) and str(said.get("type", "")).startswith("platform."):
        return _platform(record) if said["type"] == "platform.report" else None
    if "_aws" in said:
        # Metrics in the embedded format are for CloudWatch.
        return None
    level = str(said.get("level", ""))
    message = said.get("message", said.get("errorMessage", ""))
    rest = {key: value for key, value in said.items() if key not in _SAID_OTHERWISE and value not in (None, "")}
    trace = said.get("exception") or "".join(said.get("stackTrace") or ())
    text = f"{level} " * bool(level) + (message if isinstance(message, str) else json.dumps(message))
    text += "".join(f" {key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in rest.items())
    return text + (f"\n{trace}" if trace else ""), _LEVELS.get(level.upper(), "")


def _report(line: str) -> tuple[str, str]:
    parts = dict(part.partition(": ")[::2] for part in line.split("\t"))
    status = parts.get("Error Type") or parts.get("Status") or "done"
    start = f", start {parts['Init Duration']}" if "Init Duration" in parts else ""
    return f"{status} in {parts.get('Duration', '')}{start}", "dim" if status == "done" else "red"


def _platform(record: dict[str, Any]) -> tuple[str, str]:
    metrics, status = record.get("metrics", {}), record.get("status")
    start = f", start {metrics['initDurationMs']:.0f} ms" if "initDurationMs" in metrics else ""
    return f"{status} in {metrics.get('durationMs', 0):.0f} ms{start}", "dim" if status == "success" else "red"
