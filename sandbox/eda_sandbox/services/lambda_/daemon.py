"""X-Ray's daemon beside a function: it takes subsegments by UDP and puts them with the function's role.

https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html#xray-api-daemon
"""

import contextlib
import json
import socket
import threading
from collections.abc import Callable

from eda_sandbox.foundation.tracing import Segments
from eda_sandbox.services.lambda_.tracing import PRINCIPAL

MAX_DATAGRAM = 65_535


class Daemon:
    """Listens on loopback from its beginning until it is closed.

    Args:
        segments: takes what comes.
        role: the ARN of the function's role.
    """

    def __init__(self, segments: Segments, role: Callable[[], str]) -> None:
        self._segments = segments
        self._role = role
        self._closed = False
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._at = self._socket.getsockname()
        threading.Thread(target=self._run, name="x-ray-daemon", daemon=True).start()

    @property
    def variables(self) -> dict[str, str]:
        """What tells SDKs in the function where it listens."""
        return {
            "AWS_XRAY_DAEMON_ADDRESS": f"{self._at[0]}:{self._at[1]}",
            "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        }

    def close(self) -> None:
        """Take nothing more."""
        self._closed = True
        with contextlib.suppress(OSError):
            self._socket.sendto(b"", self._at)

    def _run(self) -> None:
        with self._socket:
            while not self._closed:
                head, _, document = self._socket.recv(MAX_DATAGRAM).partition(b"\n")
                if document and _is_head(head):
                    self._segments.record(document.decode("utf-8", "replace"), PRINCIPAL, self._role())


def _is_head(line: bytes) -> bool:
    try:
        found = json.loads(line)
    except ValueError:
        return False
    return isinstance(found, dict) and (found.get("format"), found.get("version")) == ("json", 1)
