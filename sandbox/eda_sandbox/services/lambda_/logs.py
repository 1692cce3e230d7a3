"""A function's log: lines collected and written in batches with the function's own role."""

import json
import logging
import math
import secrets
import threading
import time
from datetime import UTC, datetime
from typing import Any

from eda_sandbox.foundation.clock import rfc3339
from eda_sandbox.foundation.cloud import Cloud

log = logging.getLogger(__name__)


class FunctionLog:
    """Writes to a function's log group; a role that may not write loses the lines, as on AWS.

    Args:
        cloud: the embedded AWS.
        group: the log group's name.
        role_arn: the function's role.
    """

    def __init__(self, cloud: Cloud, group: str, role_arn: str) -> None:
        self._cloud = cloud
        self._group = group
        self._role_arn = role_arn
        self._lines: list[tuple[int, str]] = []
        self._lock = threading.Lock()
        self.stream = f"{datetime.now(UTC):%Y/%m/%d}/[$LATEST]{secrets.token_hex(16)}"

    def write(self, line: str) -> None:
        """Take a line."""
        with self._lock:
            self._lines.append((int(time.time() * 1000), line))
        self._cloud.heard(self._group, line)

    def start(self, request_id: str) -> None:
        """The platform's line before an invocation."""
        self._platform("platform.start", {"requestId": request_id, "version": "$LATEST"})

    def done(self, request_id: str, error_type: str) -> None:
        """The platform's line about an invocation that the function's own code did not end."""
        status = "timeout" if error_type == "Sandbox.Timedout" else "error"
        self._platform("platform.runtimeDone", {"requestId": request_id, "status": status, "errorType": error_type})

    def report(
        self, request_id: str, milliseconds: float, init_milliseconds: float | None, status: str, memory_size: int
    ) -> None:
        """The platform's line after an invocation.

        Args:
            request_id: the invocation's.
            milliseconds: how long it took.
            init_milliseconds: how long its environment took to initialise; None for one that was there.
            status: ``success``, ``error``, ``timeout`` or ``failure``.
            memory_size: the function's, in MB.
        """
        metrics: dict[str, Any] = {
            "durationMs": round(milliseconds, 3),
            "billedDurationMs": math.ceil(milliseconds),
            "memorySizeMB": memory_size,
        }
        if init_milliseconds is not None:
            metrics["initDurationMs"] = round(init_milliseconds, 3)
        self._platform("platform.report", {"requestId": request_id, "metrics": metrics, "status": status})

    def flush(self) -> None:
        """Write what was collected."""
        with self._lock:
            lines, self._lines = self._lines, []
        try:
            times, messages = [at for at, _ in lines], [line for _, line in lines]
            self._cloud.log_events(self._group, self.stream, messages, self._role_arn, times)
        except Exception as error:
            log.warning("%s: %d log lines lost: %s", self._group, len(lines), error)

    def _platform(self, kind: str, record: dict[str, Any]) -> None:
        now = rfc3339(datetime.now(UTC))
        self.write(json.dumps({"time": now, "type": kind, "record": record}))
