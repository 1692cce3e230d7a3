"""A function's log: lines collected and written in batches with the function's own role."""

import logging
import secrets
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from eda_sandbox.foundation.cloud import Cloud

log = logging.getLogger(__name__)


class FunctionLog:
    """Writes to a function's log group, which is made where the role may; a role that may not write loses the lines, as
    on AWS.

    Args:
        cloud: the embedded AWS.
        place: the log group's name and the function's role, as they are now.
    """

    def __init__(self, cloud: Cloud, place: Callable[[], tuple[str, str]]) -> None:
        self._cloud = cloud
        self._place = place
        self._lines: list[tuple[int, str]] = []
        self._lock = threading.Lock()
        self.stream = f"{datetime.now(UTC):%Y/%m/%d}/[$LATEST]{secrets.token_hex(16)}"

    def write(self, line: str) -> None:
        """Take a line."""
        with self._lock:
            self._lines.append((int(time.time() * 1000), line))
        self._cloud.heard(self._place()[0], line)

    def flush(self) -> None:
        """Write what was collected."""
        with self._lock:
            lines, self._lines = self._lines, []
        group, role = self._place()
        try:
            times, messages = [at for at, _ in lines], [line for _, line in lines]
            self._cloud.log_events(group, self.stream, messages, role, times)
        except Exception as error:
            log.warning("%s: %d log lines lost: %s", group, len(lines), error)
