"""An execution environment: one process that runs a function's code, one invocation at a time."""

import contextlib
import json
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eda_sandbox.services.lambda_.template import Template

INIT_SECONDS = 10.0
"""How long initialisation may take before Lambda gives it up (Lambda's own limit)."""
END_SECONDS = 5


@dataclass
class Invocation:
    """One invocation on its way through an environment.

    Attributes:
        answer: what the function returned, or its error as JSON.
        failed: the answer is an error.
    """

    request_id: str
    payload: bytes
    deadline_ms: int
    function_arn: str
    trace_id: str
    answer: bytes = b""
    failed: bool = False


class _Gone(Exception):
    """The process ended."""


class Environment:
    """Starts the process at once; ``initialised`` waits until it has loaded the handler.

    Args:
        template: what it is forked from.
        handler: as Lambda spells it, ``module.function``.
        task_root: the unpacked code.
        variables: the process's environment, complete.
        write_line: called with each line of output.
        debugger: a port on loopback where it waits for a debugger before it loads the handler.
    """

    def __init__(
        self,
        template: Template,
        handler: str,
        task_root: Path,
        variables: dict[str, str],
        write_line: Callable[[str], None],
        debugger: int | None = None,
    ) -> None:
        self.created = time.monotonic()
        self.used = False
        self._asks = False
        self._process, self._connection, output = template.fork(handler, task_root, variables, debugger)
        self._received = bytearray()
        self._write_line = write_line
        self._reader = threading.Thread(target=self._read_output, args=(output,), name="lambda-output", daemon=True)
        self._reader.start()

    @property
    def alive(self) -> bool:
        """Whether the process runs and can take invocations."""
        return not self._process.ended.is_set()

    def initialised(self, seconds: float) -> dict[str, Any] | None:
        """Wait for the handler to be loaded; an error as Lambda reports it, or None."""
        if self.used:
            return None
        try:
            kind, body = self._receive(time.monotonic() + seconds)
        except TimeoutError:
            return {"errorType": "Sandbox.Timedout", "errorMessage": f"Task timed out after {seconds:.2f} seconds"}
        except _Gone:
            status = self._wait_for_end()
            return {
                "errorType": "Runtime.ExitError",
                "errorMessage": f"Runtime exited with error: exit status {status}",
            }
        if kind == "init_error":
            error: dict[str, Any] = json.loads(body)
            return error
        self._asks = True
        return None

    def run(self, invocation: Invocation, seconds: float, kill_after: float | None = None) -> bool:
        """Run an invocation; False when it was not done in time or the process ended.

        Args:
            invocation: what is run.
            seconds: how long it may take.
            kill_after: seconds after which the process is killed, or as soon as it is done; its answer is lost.
        """
        self.used = True
        deadline = time.monotonic() + (seconds if kill_after is None else min(kill_after, seconds))
        try:
            if not self._asks:
                self._receive(deadline)
            self._asks = False
            self._send(invocation)
            kind, body = self._receive(deadline)
            if kill_after is None:
                invocation.answer, invocation.failed = body, kind == "error"
                return True
        except TimeoutError:
            pass
        except _Gone:
            self._wait_for_end()
            return False
        if kill_after is not None:
            self._signal()
            self._wait_for_end()
        return False

    @property
    def exit_status(self) -> int | None:
        """The process's exit status once it has ended."""
        return self._process.status

    def kill(self) -> None:
        """End the process and everything it started, at once."""
        self._signal()
        self._wait_for_end()
        self._connection.close()
        self._reader.join(timeout=1)

    def _signal(self) -> None:
        for end in (os.killpg, os.kill):
            # The group is there from the process's first moment on, not before.
            with contextlib.suppress(ProcessLookupError):
                end(self._process.pid, signal.SIGKILL)
                return

    def _wait_for_end(self) -> int | None:
        self._process.ended.wait(END_SECONDS)
        return self._process.status

    def _send(self, invocation: Invocation) -> None:
        head = {
            "request_id": invocation.request_id,
            "trace_id": invocation.trace_id,
            "function_arn": invocation.function_arn,
            "deadline_ms": invocation.deadline_ms,
            "length": len(invocation.payload),
        }
        try:
            self._connection.settimeout(None)
            self._connection.sendall(json.dumps(head).encode() + b"\n" + invocation.payload)
        except OSError as error:
            raise _Gone from error

    def _receive(self, deadline: float) -> tuple[str, bytes]:
        while (end := self._received.find(b"\n")) < 0:
            self._read_more(deadline)
        head: dict[str, Any] = json.loads(self._received[:end])
        del self._received[: end + 1]
        while len(self._received) < head["length"]:
            self._read_more(deadline)
        body = bytes(self._received[: head["length"]])
        del self._received[: head["length"]]
        return str(head["kind"]), body

    def _read_more(self, deadline: float) -> None:
        try:
            # A deadline that has passed still takes what has come.
            self._connection.settimeout(max(deadline - time.monotonic(), 1e-6))
            data = self._connection.recv(1 << 20)
        except TimeoutError:
            raise
        except OSError as error:
            raise _Gone from error
        if not data:
            raise _Gone
        self._received += data

    def _read_output(self, output: int) -> None:
        with open(output, "rb") as lines:
            for line in lines:
                self._write_line(line.decode("utf-8", "replace").rstrip("\n"))
