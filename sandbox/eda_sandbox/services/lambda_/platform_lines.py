"""What Lambda itself writes into a function's log (Lambda Developer Guide, log formats and log-level filtering)."""

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from eda_sandbox.foundation.clock import rfc3339

_LEVELS = ("DEBUG", "INFO", "WARN")


class PlatformLines:
    """Lines in the format and of the levels that a function's logging configuration asks for.

    Args:
        logging: the configuration.
        request_id: of the invocation that the lines are about.

    Attributes:
        json: whether the lines are JSON.
    """

    def __init__(self, logging: Mapping[str, Any], request_id: str) -> None:
        self.json = logging["LogFormat"] == "JSON"
        self._level = _LEVELS.index(logging.get("SystemLogLevel", "INFO"))
        self._id = request_id

    def start(self) -> list[str]:
        """Before an invocation."""
        if not self.json:
            return [f"START RequestId: {self._id} Version: $LATEST"]
        return self._record("platform.start", "INFO", {"version": "$LATEST"})

    def failed(self, error_type: str, message: str) -> list[str]:
        """About an invocation that the function's own code did not end.

        Args:
            error_type: as the function's answer has it.
            message: of the error.
        """
        if self.json:
            status = "timeout" if error_type == "Sandbox.Timedout" else "error"
            return self._record("platform.runtimeDone", "WARN", {"status": status, "errorType": error_type})
        said = f"RequestId: {self._id} Error: {message}"
        return [f"{rfc3339(datetime.now(UTC))} {self._id} {message}" if "timed out" in message else said]

    def report(
        self,
        milliseconds: float,
        init_milliseconds: float | None,
        status: str,
        error_type: str | None,
        memory_size: int,
        memory_used: int,
    ) -> list[str]:
        """After an invocation.

        Args:
            milliseconds: how long it took.
            init_milliseconds: how long its environment took to initialise; None for one that was there.
            status: ``success``, ``error``, ``timeout`` or ``failure``.
            error_type: of an invocation that the function's own code did not end.
            memory_size: the function's, in MB.
            memory_used: what the environment used at most, in MB.
        """
        if not self.json:
            return self._text_report(milliseconds, init_milliseconds, status, error_type, (memory_size, memory_used))
        metrics: dict[str, Any] = {
            "durationMs": round(milliseconds, 3),
            "billedDurationMs": math.ceil(milliseconds),
            "memorySizeMB": memory_size,
            "maxMemoryUsedMB": memory_used,
        }
        if init_milliseconds is not None:
            metrics["initDurationMs"] = round(init_milliseconds, 3)
        done = self._record("platform.runtimeDone", "DEBUG", {"status": status}) if error_type is None else []
        level = "INFO" if status == "success" else "WARN"
        return [*done, *self._record("platform.report", level, {"metrics": metrics, "status": status})]

    def _text_report(
        self,
        milliseconds: float,
        init_milliseconds: float | None,
        status: str,
        error_type: str | None,
        memory: tuple[int, int],
    ) -> list[str]:
        parts = [
            f"REPORT RequestId: {self._id}",
            f"Duration: {milliseconds:.2f} ms",
            f"Billed Duration: {math.ceil(milliseconds)} ms",
            f"Memory Size: {memory[0]} MB",
            f"Max Memory Used: {memory[1]} MB",
        ]
        if init_milliseconds is not None:
            parts.append(f"Init Duration: {init_milliseconds:.2f} ms")
        if status == "timeout":
            parts.append("Status: timeout")
        elif error_type is not None:
            parts += ["Status: error", f"Error Type: {error_type}"]
        return [f"END RequestId: {self._id}", "\t".join(parts) + "\t"]

    def _record(self, kind: str, level: str, record: Mapping[str, Any]) -> list[str]:
        if _LEVELS.index(level) < self._level:
            return []
        now = rfc3339(datetime.now(UTC))
        return [json.dumps({"time": now, "type": kind, "record": {"requestId": self._id, **record}})]
