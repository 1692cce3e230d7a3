"""The process that Pulumi programs are forked from, one at a time; started by ``programs``.

Over its standard input, a socket, comes for each program a JSON line with three descriptors, which become the program's
standard input, output and error; over the same go two lines for it, its number and then its exit status:

    {"environment": {…}, "modules": [names], "services": [boto3's names]} + (input, output, error)
    → {"started": 4711}, {"status": 0}
"""

import contextlib
import gc
import importlib
import json
import os
import socket
import sys
from collections.abc import Iterable

from eda_sandbox.foundation.cloud import load_model
from eda_sandbox.provider import program

MOST_BYTES = 4 * 1024 * 1024
DESCRIPTORS = 3


def main() -> int:
    """Fork programs until the other side is gone; in a program's process, run it."""
    control = socket.socket(fileno=os.dup(0))
    while True:
        line, descriptors = _next(control)
        if not line:
            return 0
        request = json.loads(line)
        _load(request["modules"], request["services"])
        gc.freeze()
        pid = os.fork()
        if pid == 0:
            os.setpgid(0, 0)
            control.close()
            for number, descriptor in enumerate(descriptors):
                os.dup2(descriptor, number)
                os.close(descriptor)
            os.environ.clear()
            os.environ.update(request["environment"])
            return program.main()
        for descriptor in descriptors:
            os.close(descriptor)
        # Who cannot be told does not ask again.
        with contextlib.suppress(BrokenPipeError):
            _tell(control, {"started": pid})
            _tell(control, {"status": os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])})


def _next(control: socket.socket) -> tuple[bytes, list[int]]:
    """The next request, empty at the end; who asks waits for the answer before another."""
    line, descriptors = b"", list[int]()
    while not line.endswith(b"\n"):
        data, passed, _, _ = socket.recv_fds(control, MOST_BYTES, DESCRIPTORS)
        if not data:
            return b"", []
        line += data
        descriptors += passed
    return line, descriptors


def _load(modules: Iterable[str], services: Iterable[str]) -> None:
    """Load what a program before has loaded: the next one is most likely the same, or its like."""
    for name in modules:
        # What cannot be loaded alone is the program's to load.
        with contextlib.suppress(Exception):
            # One that waits for its first use is loaded by that.
            getattr(importlib.import_module(name), "__all__", None)
    for service in services:
        load_model(service)


def _tell(control: socket.socket, what: dict[str, int]) -> None:
    control.sendall(json.dumps(what).encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main())
