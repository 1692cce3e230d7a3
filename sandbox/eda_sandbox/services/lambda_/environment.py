"""An execution environment: one process that runs a function's code, one invocation at a time."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from eda_sandbox.services.lambda_.runtime_api import Invocation, RuntimeApi

INIT_SECONDS = 10.0
"""How long initialisation may take before Lambda gives it up (Lambda's own limit)."""


class Environment:
    """Starts the process at once; ``ready`` says when it has loaded the handler.

    Args:
        handler: as Lambda spells it, ``module.function``.
        task_root: the unpacked code.
        layers: the unpacked layers, in the order of the function's configuration.
        variables: the process's environment, complete.
        write_line: called with each line of output.
    """

    def __init__(
        self,
        handler: str,
        task_root: Path,
        layers: list[Path],
        variables: dict[str, str],
        write_line: Callable[[str], None],
    ) -> None:
        self.created = time.monotonic()
        self.last_used = self.created
        self.used = False
        self._init_error: bytes | None = None
        self._failed = threading.Event()
        self._api = RuntimeApi(self._init_failed)
        paths = [task_root, *(layer / "python" for layer in layers)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "awslambdaric", handler],
            cwd=task_root,
            env={
                **variables,
                "AWS_LAMBDA_RUNTIME_API": self._api.address,
                "LAMBDA_TASK_ROOT": str(task_root),
                "PYTHONPATH": os.pathsep.join(map(str, paths)),
                "PYTHONDONTWRITEBYTECODE": "1",
                "PYTHONUNBUFFERED": "1",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._write_line = write_line
        self._reader = threading.Thread(target=self._read_output, daemon=True)
        self._reader.start()

    @property
    def alive(self) -> bool:
        """Whether the process runs and can take invocations."""
        return self._process.poll() is None and not self._failed.is_set()

    def initialised(self, seconds: float) -> dict[str, Any] | None:
        """Wait for the handler to be loaded; an error as Lambda reports it, or None."""
        deadline = time.monotonic() + seconds
        while not self._api.ready.wait(0.01):
            if self._failed.is_set() or self._process.poll() is not None:
                error: dict[str, Any] = json.loads(self._init_error or b"{}")
                return error or {
                    "errorType": "Runtime.ExitError",
                    "errorMessage": f"Runtime exited with error: exit status {self._process.poll()}",
                }
            if time.monotonic() > deadline:
                return {"errorType": "Sandbox.Timedout", "errorMessage": f"Task timed out after {seconds:.2f} seconds"}
        return None

    def run(self, invocation: Invocation, seconds: float, kill_after: float | None = None) -> bool:
        """Run an invocation; False when it was not done in time or the process ended.

        Args:
            invocation: what is run.
            seconds: how long it may take.
            kill_after: seconds after which the process is killed, or as soon as it is done; its answer is lost.
        """
        self.used = True
        self._api.send(invocation)
        if kill_after is not None:
            invocation.done.wait(min(kill_after, seconds))
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            return False
        deadline = time.monotonic() + seconds
        while not invocation.done.wait(min(0.05, max(0.001, deadline - time.monotonic()))):
            if self._process.poll() is not None and not invocation.done.wait(0.05):
                return False
            if time.monotonic() >= deadline:
                return False
        self.last_used = time.monotonic()
        return True

    @property
    def exit_status(self) -> int | None:
        """The process's exit status once it has ended."""
        return self._process.poll()

    def kill(self) -> None:
        """End the process and everything it started, at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._api.close()
        self._reader.join(timeout=1)

    def _init_failed(self, error: bytes) -> None:
        self._init_error = error
        self._failed.set()

    def _read_output(self) -> None:
        if self._process.stdout is None:
            return
        for line in self._process.stdout:
            self._write_line(line.decode("utf-8", "replace").rstrip("\n"))
