"""Access logs: one line a request, in the stage's format, written to CloudWatch Logs by a thread of its own."""

import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from eda_sandbox.services.apigateway.gateway_responses import substitute

_LOG = logging.getLogger(__name__)
_BATCH = 200
_SECONDS = 0.2
"""How long lines are collected: a request to CloudWatch Logs costs more than the one that it tells of."""

Write = Callable[[str, list[str], list[int]], None]


def line(template: str, context: Mapping[str, Any]) -> str:
    """A log line: the format with its ``$context`` variables, ``-`` for what the request does not have."""
    return substitute(template, {"context": context}, missing="-")


class AccessLog:
    """Collects lines and hands them to ``write(log_group, lines, times)`` in batches, in order; times in milliseconds.

    ``run`` is the body of the writing thread.
    """

    def __init__(self, write: Write, stopping: threading.Event) -> None:
        self._write = write
        self._stopping = stopping
        self._lines: queue.SimpleQueue[tuple[str, int, str]] = queue.SimpleQueue()

    def put(self, log_group: str, text: str) -> None:
        self._lines.put((log_group, int(time.time() * 1000), text))

    def run(self) -> None:
        while not self._stopping.is_set():
            try:
                first = self._lines.get(timeout=_SECONDS)
            except queue.Empty:
                continue
            self._stopping.wait(_SECONDS)
            self._write_batch(first)
        self.drain()

    def drain(self) -> None:
        """Write what is left, on the caller's thread."""
        while True:
            try:
                self._write_batch(self._lines.get_nowait())
            except queue.Empty:
                return

    def _write_batch(self, first: tuple[str, int, str]) -> None:
        groups: dict[str, list[tuple[int, str]]] = {first[0]: [first[1:]]}
        for _ in range(_BATCH - 1):
            try:
                group, at, text = self._lines.get_nowait()
            except queue.Empty:
                break
            groups.setdefault(group, []).append((at, text))
        for group, lines in groups.items():
            try:
                self._write(group, [text for _, text in lines], [at for at, _ in lines])
            except Exception as error:
                # API Gateway loses access logs that CloudWatch refuses, and serves on.
                _LOG.warning("access log %s: %s line(s) lost: %s", group, len(lines), error)
