"""A running sandbox lets other commands of the same user find it, such as ``eda-sandbox invoke``."""

import contextlib
import json
import os
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from eda_sandbox.embedded import PREFIX, Sandbox
from eda_sandbox.foundation.errors import SandboxError

FILE = "running.json"
"""In the sandbox's own folder, which only its user may read, and which goes with the sandbox."""
ANSWER_SECONDS = 5


@dataclass(frozen=True)
class Running:
    """A sandbox that runs.

    Attributes:
        endpoint: where it listens.
        program: what is deployed there, as its user named it.
        pid: its process.
    """

    endpoint: str
    program: str
    pid: int


@contextlib.contextmanager
def announced(aws: Sandbox, program: str) -> Iterator[None]:
    """Let other commands find a sandbox for the time of a ``with`` block.

    Whatever shows a running sandbox to its user begins here: ``dev``, ``provider`` and the pipeline's demo come by.

    Args:
        aws: the sandbox.
        program: what is deployed there.
    """
    file = aws.cloud.folder / FILE
    file.write_text(json.dumps({"endpoint": aws.endpoint, "program": program, "pid": os.getpid()}))
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def running() -> list[Running]:
    """The user's sandboxes that answer."""
    found = []
    for file in sorted(Path(tempfile.gettempdir()).glob(f"{PREFIX}*/{FILE}")):
        with contextlib.suppress(OSError, ValueError, TypeError, HTTPException):
            # Anybody may make a folder of such a name, and a link in it to a file of ours.
            if file.parent.lstat().st_uid == os.getuid():
                one = Running(**json.loads(file.read_text()))
                _ask(one.endpoint)
                found.append(one)
    return found


def the_one(endpoint: str | None) -> str:
    """The address of a sandbox: the one that is named, or the only one that runs.

    Raises:
        SandboxError: none runs, the named one does not answer, or there are several.
    """
    if endpoint is not None:
        try:
            _ask(endpoint)
        except (OSError, ValueError, HTTPException) as error:
            raise SandboxError(f"no sandbox answers at {endpoint}: {error}") from error
        return endpoint
    found = running()
    if not found:
        raise SandboxError("no sandbox runs here; start one, for example with: eda-sandbox dev")
    if len(found) > 1:
        told = "\n".join(f"  {one.endpoint}  {one.program}" for one in found)
        raise SandboxError(f"several sandboxes run; name one by --endpoint:\n{told}")
    return found[0].endpoint


def _ask(endpoint: str) -> None:
    with urllib.request.urlopen(f"{endpoint}/_ministack/health", timeout=ANSWER_SECONDS):  # noqa: S310 - loopback
        pass
