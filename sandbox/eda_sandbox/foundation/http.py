"""A request and a response as the front door hands them to a service."""

import contextlib
import json
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl


@dataclass(frozen=True)
class HttpRequest:
    """One HTTP request, body read to its end.

    ``raw_path`` and ``raw_query`` are as the client sent them (percent-encoded), ``path`` and ``query`` are decoded;
    ``headers`` keep order and repeats, their names are lower case; ``sent_headers`` have them as the client sent them,
    where it came over the network.
    """

    method: str
    path: str
    raw_path: str
    query: list[tuple[str, str]]
    headers: list[tuple[str, str]]
    body: bytes
    source_ip: str = "127.0.0.1"
    raw_query: str = ""
    sent_headers: list[tuple[str, str]] = field(default_factory=list)

    def header(self, name: str) -> str | None:
        """The first value of a header, or None."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key == wanted), None)

    def form(self) -> dict[str, str]:
        """The body read as ``application/x-www-form-urlencoded`` (AWS's query protocol)."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    def parameters(self) -> dict[str, Any]:
        """An operation's parameters, as AWS's JSON and query protocols have them; none where the body has neither."""
        if self.header("x-amz-target") is None:
            return dict(self.form())
        try:
            found = json.loads(self.body or b"{}")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True)
class HttpResponse:
    """One HTTP response; ``content-length`` is added by the front door."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """The first value of a header, or None."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)


class LoopbackServer(ThreadingHTTPServer):
    """A small HTTP server on a free port of loopback; a client that goes away is no error."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, handler: Any) -> None:
        super().__init__(("127.0.0.1", 0), handler)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Serve for the time of a ``with`` block."""
        thread = threading.Thread(target=self.serve_forever, args=(0.05,), name="loopback-server", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.shutdown()
            self.server_close()
            thread.join(timeout=5)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report what a handler did not expect."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)
