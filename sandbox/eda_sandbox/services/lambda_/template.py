"""Forks execution environments from a process that has loaded the runtime and a function's layers."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eda_sandbox.services.lambda_.runtime_packages import DEBUGGER, IN_LAMBDA, folder_of

VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
SCRIPT = Path(__file__).with_name("template_process.py")
START_SECONDS = 30


@dataclass
class Process:
    """An environment's process.

    Attributes:
        pid: its number, and that of its process group.
        ended: set when it has ended.
        status: its exit status then; negative for a signal.
    """

    pid: int
    ended: threading.Event = field(default_factory=threading.Event)
    status: int | None = None


class Template:
    """One process for each list of layers; it is started when it is first needed and forks in milliseconds.

    Args:
        layers: the unpacked layers, in the order of the function's configuration; of two files the last one's counts.
        folder: where compiled modules are kept, so that they are compiled once for all environments, and what the
            runtime brings.
        variables: what of the environment is the same for all functions.
    """

    def __init__(self, layers: tuple[Path, ...], folder: Path, variables: dict[str, str]) -> None:
        self._debugger = folder / "debugger"
        runtime = folder_of(IN_LAMBDA, folder / "runtime")
        self._lock = threading.Lock()
        self._started: threading.Event | None = None
        self._forked: Process | None = None
        self._running: dict[int, Process] = {}
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-S", str(SCRIPT), *_in_layers(layers), str(runtime)],
                env={
                    **variables,
                    "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
                    "PYTHONUNBUFFERED": "1",
                    "SANDBOX_COLD_STARTS": os.environ.get("SANDBOX_COLD_STARTS", ""),
                },
                stdin=theirs.fileno(),
                start_new_session=True,
            )
        self._control = ours
        self._reader = threading.Thread(target=self._read, name="lambda-template", daemon=True)
        self._reader.start()

    @property
    def alive(self) -> bool:
        """Whether it can fork."""
        return self._process.poll() is None

    def fork(
        self, handler: str, task_root: Path, variables: dict[str, str], debugger: int | None = None
    ) -> tuple[Process, socket.socket, int]:
        """Start an environment.

        Args:
            handler: as Lambda spells it, ``module.function``.
            task_root: the unpacked code.
            variables: the process's environment, complete.
            debugger: a port on loopback where it waits for a debugger.

        Returns:
            The process, our end of the connection that carries its invocations, and the descriptor of its output.

        Raises:
            OSError: the template has ended.
        """
        request: dict[str, Any] = {"handler": handler, "task_root": str(task_root), "variables": variables}
        if debugger is not None:
            request |= {"debugger": debugger, "debugger_path": str(folder_of(DEBUGGER, self._debugger))}
        ours, theirs = socket.socketpair()
        output, written = os.pipe()
        try:
            with theirs, self._lock:
                self._started, self._forked = threading.Event(), None
                line = json.dumps(request).encode() + b"\n"
                sent = socket.send_fds(self._control, [line], [theirs.fileno(), written])
                self._control.sendall(line[sent:])
                if not self._started.wait(START_SECONDS) or self._forked is None:
                    raise OSError("the process that environments are forked from has ended")
                return self._forked, ours, output
        except BaseException as error:
            ours.close()
            os.close(output)
            if isinstance(error, OSError):
                # Who asks again must find it ended, and starts another.
                self._process.kill()
                self._process.wait()
            raise
        finally:
            os.close(written)

    def close(self) -> None:
        """End it, and with it every environment."""
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)
        self._process.wait()
        self._reader.join()
        self._control.close()

    def _read(self) -> None:
        # One that is killed before it has read all that it was sent resets the connection.
        with contextlib.suppress(ConnectionError), self._control.makefile("rb") as reports:
            for line in reports:
                report: dict[str, Any] = json.loads(line)
                if "started" in report:
                    self._forked = self._running[report["started"]] = Process(report["started"])
                    if self._started is not None:
                        self._started.set()
                else:
                    self._ended(self._running.pop(report["ended"]), report["status"])
        for process in list(self._running.values()):
            self._ended(process, None)
        self._forked = None
        if self._started is not None:
            self._started.set()

    @staticmethod
    def _ended(process: Process, status: int | None) -> None:
        process.status = status
        process.ended.set()


def _in_layers(layers: tuple[Path, ...]) -> list[str]:
    """Where Lambda's runtime looks in ``/opt``: in one folder for all layers, and in one for those of its version."""
    last_first = [layer / "python" for layer in reversed(layers)]
    return [str(path) for path in (*(layer / "lib" / VERSION / "site-packages" for layer in last_first), *last_first)]
