"""An execution environment: one process that runs a function's code, one invocation at a time."""

import contextlib
import json
import os
import select
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eda_sandbox.services.lambda_.memory import Memory
from eda_sandbox.services.lambda_.template import Template

INIT_SECONDS = 10.0
"""How long initialisation may take before Lambda gives it up (Lambda's own limit)."""
END_SECONDS = 5
LOOK_SECONDS = 0.05
"""How often the memory of an environment that works is looked at."""


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
    client_context: str | None = None
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
        memory_limit: MB beyond which the process is killed; None for no limit.

    Attributes:
        hears: takes the lines of the invocation that runs, beside ``write_line``.
        memory: what the process uses.
    """

    def __init__(
        self,
        template: Template,
        handler: str,
        task_root: Path,
        variables: dict[str, str],
        write_line: Callable[[str], None],
        debugger: int | None = None,
        memory_limit: int | None = None,
    ) -> None:
        self.hears: list[str] | None = None
        self.created = time.monotonic()
        self.used = False
        self._asks = False
        self._process, self._connection, output = template.fork(handler, task_root, variables, debugger)
        self.memory = Memory(self._process.pid)
        self._memory_limit = memory_limit
        self._received = bytearray()
        self._write_line = write_line
        os.set_blocking(output, False)
        self._output, self._unfinished, self._reading = output, b"", threading.Lock()
        self._reader = threading.Thread(target=self._read_output, name="lambda-output", daemon=True)
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
            self._wait_for_end()
            return self.exit_error
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
            if self._uses_too_much():
                raise _Gone
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

    @property
    def exit_error(self) -> dict[str, Any]:
        """What Lambda reports of a process that ended by itself."""
        status = self.exit_status
        if status == -signal.SIGKILL:
            message = "Runtime exited with error: signal: killed"
        elif status == 0:
            message = "Runtime exited without providing a reason"
        else:
            message = f"Runtime exited with error: exit status {status}"
        return {"errorType": "Runtime.ExitError", "errorMessage": message}

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

    def _wait_for_end(self) -> None:
        self._process.ended.wait(END_SECONDS)

    def _send(self, invocation: Invocation) -> None:
        head = {
            "request_id": invocation.request_id,
            "trace_id": invocation.trace_id,
            "function_arn": invocation.function_arn,
            "deadline_ms": invocation.deadline_ms,
            "client_context": invocation.client_context,
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
        while True:
            left = deadline - time.monotonic()
            try:
                # A deadline that has passed still takes what has come.
                self._connection.settimeout(max(min(left, LOOK_SECONDS), 1e-6))
                data = self._connection.recv(1 << 20)
                break
            except TimeoutError:
                if self._uses_too_much():
                    raise _Gone from None
                if left <= LOOK_SECONDS:
                    raise
            except OSError as error:
                raise _Gone from error
        if not data:
            raise _Gone
        self._received += data

    def _uses_too_much(self) -> bool:
        """Whether the process used more memory than it may have; then it is killed."""
        if self._memory_limit is None or self.memory.measure() <= self._memory_limit:
            return False
        self._signal()
        return True

    def drain(self) -> None:
        """Take what the process has written until now."""
        with self._reading:
            while self._take_output():
                pass

    def _read_output(self) -> None:
        more = True
        while more:
            select.select([self._output], [], [])
            with self._reading:
                more = self._take_output() is not False
        with self._reading:
            if self._unfinished:
                self._heard(self._unfinished)
            output, self._output = self._output, -1
            os.close(output)

    def _take_output(self) -> bool | None:
        """Take one piece of output; None when there is none now, False when there will be none any more."""
        if self._output < 0:
            return False
        try:
            data = os.read(self._output, 1 << 16)
        except BlockingIOError:
            return None
        *lines, self._unfinished = (self._unfinished + data).split(b"\n")
        for line in lines:
            self._heard(line)
        return bool(data)

    def _heard(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace")
        if self.hears is not None:
            self.hears.append(text)
        self._write_line(text)
