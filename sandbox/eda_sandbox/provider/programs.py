"""Processes for Pulumi programs: the second in an environment is forked from one that has loaded what both need.

Half of a small deployment's CPU is Python that loads Pulumi, its AWS package and API models. What is kept loaded are
installed packages alone: a program's own files are read by its own process, as they are then.
"""

import atexit
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, Protocol

_OF_A_TEST = "PYTEST_CURRENT_TEST"
"""Has another value in each test, and nothing that is loaded reads it."""
State = tuple[dict[str, str], tuple[int, ...]]


class Process(Protocol):
    """A program's process, with pipes for what it reads and writes."""

    stdin: IO[str] | None
    stdout: IO[str] | None
    stderr: IO[str] | None

    def kill(self) -> None:
        """End it at once."""

    def wait(self) -> int:
        """Its exit status when it has ended; negative for a signal."""


class Programs:
    """Starts the programs of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: State | None = None
        self._template: _Template | None = None
        self._modules: dict[str, None] = {}
        self._services: dict[str, None] = {}

    def learn(self, modules: Iterable[str], services: Iterable[str]) -> None:
        """Take what a program has loaded, for the next one."""
        self._modules |= dict.fromkeys(modules)
        self._services |= dict.fromkeys(services)

    @contextlib.contextmanager
    def process(self) -> Iterator[Process]:
        """A process for the time of a ``with`` block, which waits for its end."""
        # A second program at the same time has a process that loads all itself.
        if not self._lock.acquire(blocking=False):
            with _started() as process:
                yield process
            return
        try:
            template = self._template_for(_state())
            forked = None if template is None else template.fork(list(self._modules), list(self._services))
            if forked is None:
                with _started() as process:
                    yield process
            else:
                with forked:
                    yield forked
        finally:
            self._lock.release()

    def close(self) -> None:
        """End the process that programs are forked from."""
        if self._template is not None:
            self._template.close()
            self._template = None

    def _template_for(self, state: State) -> "_Template | None":
        if self._template is not None and (self._template.state != state or not self._template.alive):
            self.close()
        # Most commands deploy once, and would only keep the memory.
        if self._template is None and self._last == state:
            self._template = _Template(state)
        self._last = state
        return self._template


PROGRAMS = Programs()
atexit.register(PROGRAMS.close)


def _state() -> State:
    """What decides on what is loaded, and on how it is when it is loaded: another installed package is another folder
    of its description."""
    folders = [Path(path) for path in sys.path if path.endswith("-packages")]
    return (
        {name: value for name, value in os.environ.items() if name != _OF_A_TEST},
        tuple(folder.stat().st_mtime_ns for folder in folders if folder.is_dir()),
    )


def _command(module: str) -> list[str]:
    # -P: what lies in the user's folder must not stand in for a package of the sandbox's own.
    return [sys.executable, "-P", "-m", f"eda_sandbox.provider.{module}"]


def _started() -> subprocess.Popen[str]:
    return subprocess.Popen(
        _command("program"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Ctrl-C is for us: the program goes with this process, and has nothing to say of it.
        process_group=0,
    )


class _Template:
    def __init__(self, state: State) -> None:
        self.state = state
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                _command("program_template"),
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                process_group=0,
            )
        self._told = self._control.makefile("r")

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def fork(self, modules: list[str], services: list[str]) -> "_Forked | None":
        """A program's process; None when the template has ended."""
        request = {"environment": dict(os.environ), "modules": modules, "services": services}
        line = json.dumps(request).encode() + b"\n"
        pipes = [os.pipe() for _ in range(3)]
        theirs = [pipes[0][0], pipes[1][1], pipes[2][1]]
        ours = [pipes[0][1], pipes[1][0], pipes[2][0]]
        try:
            sent = socket.send_fds(self._control, [line], theirs)
            self._control.sendall(line[sent:])
            return _Forked(self.next()["started"], self, ours)
        except BaseException as error:
            # A program that nobody writes to ends; with it the template can, too.
            for descriptor in ours:
                os.close(descriptor)
            if isinstance(error, OSError | KeyError):
                return None
            raise
        finally:
            for descriptor in theirs:
                os.close(descriptor)

    def next(self) -> dict[str, Any]:
        """The next that it tells; nothing when it has ended."""
        line = self._told.readline()
        return dict(json.loads(line)) if line else {}

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)
        self._process.wait()
        self._told.close()
        self._control.close()


class _Forked:
    def __init__(self, pid: int, template: _Template, descriptors: list[int]) -> None:
        self._pid = pid
        self._template = template
        self._status: int | None = None
        written, said, complained = descriptors
        self.stdin: IO[str] | None = os.fdopen(written, "w")
        self.stdout: IO[str] | None = os.fdopen(said)
        self.stderr: IO[str] | None = os.fdopen(complained)

    def kill(self) -> None:
        # Its number is its own until its status is told.
        if self._status is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)

    def wait(self) -> int:
        if self._status is None:
            self._status = int(self._template.next().get("status", -signal.SIGKILL))
        return self._status

    def __enter__(self) -> "_Forked":
        return self

    def __exit__(self, *_: object) -> None:
        for stream in (self.stdout, self.stderr, self.stdin):
            with contextlib.suppress(BrokenPipeError):
                if stream is not None:
                    stream.close()
        self.wait()
