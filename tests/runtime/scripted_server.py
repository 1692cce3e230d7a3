"""A server that answers as a test's script says, byte by byte, and remembers what it was asked."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO

HANG = None
"""Of a script: no answer until the test is over."""
CLOSE = b""
"""Of a script: the connection is closed instead of an answer."""


def answer(body: bytes, status: int = 200, headers: str = "") -> bytes:
    """An HTTP answer."""
    return f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


@dataclass(frozen=True)
class Request:
    """What came: method, path, headers by lower-case name, body, and the number of its connection."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: int


class ScriptedServer:
    """The server; a context.

    Args:
        script: what each request gets, in their order: bytes, ``CLOSE`` or ``HANG``. Bytes that end with ``CLOSE`` as a
            pair are sent before the connection is closed.
        context: of TLS; None for plain HTTP.
    """

    def __init__(
        self, script: Iterable[bytes | tuple[bytes, bytes] | None], context: ssl.SSLContext | None = None
    ) -> None:
        self._script = iter(script)
        self._context = context
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self.requests: list[Request] = []
        self.connections = 0
        host = "localhost" if context else "127.0.0.1"
        self.url = f"http{'s' if context else ''}://{host}:{self._socket.getsockname()[1]}"

    def __enter__(self) -> "ScriptedServer":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        with self._lock:
            for made in (self._socket, *self._open):
                with contextlib.suppress(OSError):
                    made.shutdown(socket.SHUT_RDWR)
                made.close()

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                made, _ = self._socket.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                number = self.connections
                self._open.append(made)
            threading.Thread(target=self._serve, args=(made, number), daemon=True).start()

    def _serve(self, made: socket.socket, number: int) -> None:
        with contextlib.suppress(OSError, ssl.SSLError):
            if self._context is not None:
                made = self._context.wrap_socket(made, server_side=True)
                with self._lock:
                    self._open.append(made)
            reader = made.makefile("rb")
            while self._one(made, reader, number):
                pass
            made.close()
            reader.close()

    def _one(self, made: socket.socket, reader: BinaryIO, number: int) -> bool:
        line = reader.readline()
        if not line:
            return False
        method, path, _ = line.decode().split(" ")
        headers = {}
        while (header := reader.readline().strip()) != b"":
            name, _, value = header.decode().partition(":")
            headers[name.lower()] = value.strip()
        body = reader.read(int(headers.get("content-length", 0)))
        with self._lock:
            self.requests.append(Request(method, path, headers, body, number))
            given = next(self._script)
        if given is HANG:
            self._over.wait(60)
            return False
        sent, then = given if isinstance(given, tuple) else (given, b"more")
        if sent == CLOSE:
            return False
        made.sendall(sent)
        return then != CLOSE
