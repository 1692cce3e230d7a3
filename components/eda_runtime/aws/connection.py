"""One connection to one host that is kept open: HTTP/1.1, and TLS where the address says so.

The standard library's ``http.client`` parses headers with its package ``email``, which a function would load for
nothing else: it is a third of what a small initialisation costs.
"""

import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, BinaryIO

Answer = tuple[int, dict[str, str], bytes]
"""Status, headers by lower-case name, and body."""
# pathlib would be loaded for nothing else.
ROOTS = os.path.join(os.path.dirname(__file__), "amazon_roots.pem")  # noqa: PTH118, PTH120
"""The five roots of Amazon Trust Services, of which AWS's endpoints have their certificates."""
MAX_LINE = 65_536
"""Bytes of a status line, a header, or a chunk's size."""
MAX_HEADERS = 100
_UNKNOWN_ISSUER = frozenset({2, 18, 19, 20, 21})
"""OpenSSL's results of a verification that no trusted root is found for (``x509_vfy.h``)."""


class MalformedAnswer(ConnectionError):
    """What came is no HTTP answer."""


class Connection:
    """The connection; it is made with the first exchange, and anew when the other side has closed it.

    Trusted are the roots of Amazon Trust Services, whose five certificates load in a fraction of the time that a
    system's take; when they do not know the other side, the system's. ``AWS_CA_BUNDLE`` names others instead of both.

    Not to be used by two threads at once. Proxies of the environment are not used.

    Args:
        url: scheme, host and port; a path is kept in ``path``.
        connect_seconds: longest wait for a connection and its TLS handshake.
        read_seconds: longest wait for the next bytes of an answer.

    Raises:
        ValueError: the address is neither HTTP nor HTTPS.
    """

    def __init__(self, url: str, connect_seconds: float, read_seconds: float) -> None:
        scheme, separator, rest = url.partition("://")
        authority, slash, path = rest.partition("/")
        host, port = _host_and_port(authority)
        if not separator or scheme not in ("http", "https") or not host:
            raise ValueError(f"the endpoint {url!r} must be http:// or https:// and a host")
        self.encrypted = scheme == "https"
        self.host = host
        self.path = f"/{path}" if slash else "/"
        self._port = port or (443 if self.encrypted else 80)
        named = f"[{host}]" if ":" in host else host
        self.authority = named if port in (None, 443 if self.encrypted else 80) else f"{named}:{port}"
        self._connect_seconds = connect_seconds
        self._read_seconds = read_seconds
        self._socket: socket.socket | None = None
        self._reader: BinaryIO | None = None
        # Made here, so that the first request does not pay for it.
        self._tls: Any = _context() if self.encrypted else None
        self._widened = bool(os.environ.get("AWS_CA_BUNDLE"))

    def exchange(self, method: str, path: str, headers: Mapping[str, str], body: bytes, seconds: float) -> Answer:
        """Send a request and read its answer.

        A connection that was kept and turns out to be closed is replaced, so the request has to be one that may come
        twice.

        Args:
            method: the HTTP method.
            path: the path, percent-encoded.
            headers: without ``host`` and ``content-length``, which it adds.
            body: the request's.
            seconds: longest wait for connection and first bytes.

        Raises:
            OSError: there is no connection, it was lost, or took too long.
            ValueError: a header has a line break.
        """
        if any("\r" in text or "\n" in text for pair in headers.items() for text in pair):
            raise ValueError("a header has a line break")
        named = {"host": self.authority, **headers, "content-length": str(len(body))}
        head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
        request = f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body
        deadline = time.monotonic() + seconds
        kept = self._socket is not None
        try:
            return self._exchanged(request, deadline)
        except OSError as error:
            self.close()
            if not kept or isinstance(error, TimeoutError):
                raise
        except BaseException:
            # Half an answer would be read as the next one's beginning.
            self.close()
            raise
        try:
            return self._exchanged(request, deadline)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close it; the next exchange makes it anew."""
        for end in (self._reader, self._socket):
            if end is not None:
                with suppress(OSError):
                    end.close()
        self._socket = self._reader = None

    def _exchanged(self, request: bytes, deadline: float) -> Answer:
        if self._socket is None or self._reader is None:
            self._socket = self._connected(deadline)
            self._reader = self._socket.makefile("rb")
        self._socket.settimeout(_within(deadline, self._read_seconds))
        self._socket.sendall(request)
        status, headers, body, keeps = _read(self._reader)
        if not keeps:
            self.close()
        return status, headers, body

    def _connected(self, deadline: float) -> socket.socket:
        made = socket.create_connection((self.host, self._port), _within(deadline, self._connect_seconds))
        try:
            # A request is one write, which must not wait for the acknowledgement of another.
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is None:
                return made
            made.settimeout(_within(deadline, self._connect_seconds))
            wrapped: socket.socket = self._tls.wrap_socket(made, server_hostname=self.host)
        except BaseException as error:
            made.close()
            if self._widened or getattr(error, "verify_code", 0) not in _UNKNOWN_ISSUER:
                raise
            self._widened = True
            self._tls.load_default_certs()
            return self._connected(deadline)
        return wrapped


def _context() -> Any:
    # Imported here, because a client without TLS needs none of it.
    import ssl

    return ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE") or ROOTS)


def _host_and_port(authority: str) -> tuple[str, int | None]:
    if authority.startswith("["):
        host, _, rest = authority[1:].partition("]")
        return host, int(rest[1:]) if rest.startswith(":") else None
    host, colon, port = authority.partition(":")
    return host, int(port) if colon else None


def _within(deadline: float, seconds: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("no time is left")
    return min(left, seconds)


def _read(reader: BinaryIO) -> tuple[int, dict[str, str], bytes, bool]:
    """An answer, and whether the connection can be used again (RFC 9112)."""
    status = 100
    while 100 <= status < 200:
        version, _, rest = _line(reader).partition(b" ")
        code = rest[:3]
        if not version.startswith(b"HTTP/1.") or len(code) != 3 or not code.isdigit():
            raise MalformedAnswer("the status line is not one of HTTP/1")
        status, headers = int(code), _headers(reader)
    keeps = version != b"HTTP/1.0" and headers.get("connection", "").lower() != "close"
    if status in (204, 304):
        return status, headers, b"", keeps
    coding = headers.get("transfer-encoding")
    if coding is not None:
        if coding.lower() != "chunked":
            raise MalformedAnswer("the transfer coding is not known")
        return status, headers, _chunks(reader), keeps
    if "content-length" in headers:
        return status, headers, _exactly(reader, _size(headers["content-length"], 10)), keeps
    return status, headers, reader.read(), False


def _headers(reader: BinaryIO) -> dict[str, str]:
    headers: dict[str, str] = {}
    for _ in range(MAX_HEADERS):
        line = _line(reader)
        if not line:
            return headers
        name, colon, value = line.partition(b":")
        if not colon or not name or name != name.strip():
            raise MalformedAnswer("a header has no name")
        key, text = name.decode("latin-1").lower(), value.strip().decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    raise MalformedAnswer(f"the answer has more than {MAX_HEADERS} headers")


def _chunks(reader: BinaryIO) -> bytes:
    parts = []
    while size := _size(_line(reader).partition(b";")[0].strip().decode("latin-1"), 16):
        parts.append(_exactly(reader, size))
        if _line(reader):
            raise MalformedAnswer("a chunk is longer than it says")
    # Trailers.
    _headers(reader)
    return b"".join(parts)


def _size(text: str, base: int) -> int:
    if not text.isascii() or not text.isalnum():
        raise MalformedAnswer("a length is no number")
    try:
        return int(text, base)
    except ValueError:
        raise MalformedAnswer("a length is no number") from None


def _line(reader: BinaryIO) -> bytes:
    line = reader.readline(MAX_LINE + 1)
    if not line:
        raise ConnectionResetError("the connection was closed")
    if not line.endswith(b"\n"):
        raise MalformedAnswer("a line does not end")
    return line.rstrip(b"\r\n")


def _exactly(reader: BinaryIO, size: int) -> bytes:
    content = reader.read(size)
    if len(content) != size:
        raise ConnectionResetError("the connection was closed in the middle of an answer")
    return content
