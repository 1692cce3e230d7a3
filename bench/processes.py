"""Time of a process with all of its children."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple


class Taken(NamedTuple):
    """What a process took.

    Attributes:
        wall: seconds.
        cpu: seconds of the process and of all children that it waited for.
        output: what it printed.
    """

    wall: float
    cpu: float
    output: str


def run(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Taken:
    """Run a process to its end.

    Raises:
        CalledProcessError: it failed; its output is in the exception's ``output``.
    """
    begin = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=folder, env=dict(environment), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, output)
    return Taken(time.perf_counter() - begin, used.ru_utime + used.ru_stime, output)
