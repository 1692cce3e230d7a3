"""A run's log: lines collected and written with the job's role."""

import contextlib
import logging
import threading
import time
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from eda_sandbox.foundation.cloud import Cloud

PRINCIPAL = "glue.amazonaws.com"
SECONDS = 1.0
BATCH = 1000

log = logging.getLogger(__name__)


class RunLog:
    """One log stream. The role makes the group where it is missing; a role that may not write loses the lines.

    Args:
        cloud: the embedded AWS.
        role_arn: the job's role.
        group: the log group.
        stream: the log stream.
        key_arn: the key that the group is to be encrypted with; a role that may not see to that writes no line (Glue
            documentation, continuous logging: ``logs:AssociateKmsKey``).
    """

    def __init__(self, cloud: Cloud, role_arn: str, group: str, stream: str, key_arn: str | None = None) -> None:
        self.last_line = ""
        self._cloud = cloud
        self._role_arn = role_arn
        self._group = group
        self._stream = stream
        self._key_arn = key_arn
        self._encrypted = key_arn is None
        self._lines: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread = cloud.spawn(self._flush_forever, "glue-log")

    def write(self, line: str) -> None:
        """Take a line."""
        if not line.strip():
            return
        self.last_line = line
        with self._lock:
            self._lines.append({"timestamp": int(time.time() * 1000), "message": line})

    def close(self) -> None:
        """Write what is left."""
        self._closed.set()
        self._thread.join(timeout=10)

    def _flush_forever(self) -> None:
        done = False
        while not done:
            done = self._closed.wait(SECONDS)
            self._flush()

    def _flush(self) -> None:
        with self._lock:
            lines, self._lines = self._lines, []
        if not lines:
            return
        try:
            logs = self._cloud.client("logs", self._role_arn, PRINCIPAL)
            self._encrypt(logs)
            for start in range(0, len(lines), BATCH):
                self._put(logs, lines[start : start + BATCH])
        except (BotoCoreError, ClientError) as error:
            log.warning("%s: %d log lines lost: %s", self._group, len(lines), error)

    def _encrypt(self, logs: Any) -> None:
        if self._encrypted:
            return
        with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
            logs.create_log_group(logGroupName=self._group, kmsKeyId=self._key_arn)
        logs.associate_kms_key(logGroupName=self._group, kmsKeyId=self._key_arn)
        self._encrypted = True

    def _put(self, logs: Any, lines: list[dict[str, Any]]) -> None:
        where = {"logGroupName": self._group, "logStreamName": self._stream}
        with contextlib.suppress(logs.exceptions.ResourceNotFoundException):
            logs.put_log_events(**where, logEvents=lines)
            return
        with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
            logs.create_log_group(logGroupName=self._group)
        with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
            logs.create_log_stream(**where)
        logs.put_log_events(**where, logEvents=lines)
