"""The front door's server: a thread for each connection, which answers its requests one after the other.

Services wait for each other on the thread that asks. A loop between the connections and those threads would hand every
request over twice, and each time a thread would wait for the interpreter.
"""

import contextlib
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from http.client import responses
from urllib.parse import parse_qsl, unquote

import h11

from eda_sandbox.foundation.http import HttpRequest, HttpResponse
from eda_sandbox.foundation.transport import ConnectionLost

IDLE_SECONDS = 75
"""How long a connection may be kept without a request."""
READ_BYTES = 256 * 1024
MAX_HEAD_BYTES = 64 * 1024
WITHOUT_BODY = (204, 304)


class Server(socketserver.ThreadingTCPServer):
    """An HTTP/1.1 server on a socket that listens already.

    Args:
        listener: the socket; it stays the caller's.
        answer: answers a request, on the connection's thread; may raise ``ConnectionLost``.
    """

    daemon_threads = True
    # Threads that wait for a client that is silent are not waited for.
    block_on_close = False
    request_queue_size = 1024

    def __init__(self, listener: socket.socket, answer: Callable[[HttpRequest], HttpResponse]) -> None:
        super().__init__(listener.getsockname(), _Connection, bind_and_activate=False)
        self.socket.close()
        self.socket = listener.dup()
        self.server_activate()
        self.answer = answer
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Serve for the time of a ``with`` block; then every connection is closed."""
        thread = threading.Thread(target=self.serve_forever, args=(0.05,), name="front-door", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.shutdown()
            self.server_close()
            thread.join()
            with self._lock:
                for connection in self._open:
                    with contextlib.suppress(OSError):
                        connection.shutdown(socket.SHUT_RDWR)

    @contextlib.contextmanager
    def kept(self, connection: socket.socket) -> Iterator[None]:
        """Know a connection as long as it is served."""
        with self._lock:
            self._open.add(connection)
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(connection)


class _Connection(socketserver.BaseRequestHandler):
    server: Server
    request: socket.socket

    def handle(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.request.settimeout(IDLE_SECONDS)
        # A client that goes away, or is silent for too long, is no error.
        with self.server.kept(self.request), contextlib.suppress(OSError):
            self._serve()

    def _serve(self) -> None:
        protocol = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD_BYTES)
        while True:
            try:
                asked = self._asked(protocol)
            except h11.RemoteProtocolError as error:
                self._refuse(protocol, error.error_status_hint)
                return
            if asked is None:
                return
            try:
                response = self.server.answer(asked)
            except ConnectionLost as lost:
                if lost.head is not None:
                    # A body is announced that does not come.
                    self._write(protocol, h11.Response(status_code=lost.head.status, headers=[("content-length", "1")]))
                return
            self._answer(protocol, response, asked.method)
            if protocol.our_state is h11.MUST_CLOSE:
                return
            protocol.start_next_cycle()

    def _asked(self, protocol: h11.Connection) -> HttpRequest | None:
        """The next request with its body; None when the client has ended."""
        head: h11.Request | None = None
        body = []
        while True:
            event = protocol.next_event()
            if event is h11.NEED_DATA:
                if protocol.they_are_waiting_for_100_continue:
                    self._write(protocol, h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue"))
                protocol.receive_data(self.request.recv(READ_BYTES))
            elif isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                body.append(event.data)
            elif isinstance(event, h11.EndOfMessage):
                assert head is not None
                return self._request(head, b"".join(body))
            else:
                return None

    def _request(self, head: h11.Request, body: bytes) -> HttpRequest:
        raw_path, _, raw_query = head.target.decode("latin-1").partition("?")
        # API Gateway compares headers' names with their case.
        sent = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers.raw_items()]
        return HttpRequest(
            method=head.method.decode("latin-1"),
            path=unquote(raw_path),
            raw_path=raw_path,
            query=parse_qsl(raw_query, keep_blank_values=True),
            raw_query=raw_query,
            headers=[(name.lower(), value) for name, value in sent],
            body=body,
            source_ip=self.client_address[0],
            sent_headers=sent,
        )

    def _refuse(self, protocol: h11.Connection, status: int) -> None:
        if protocol.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self._answer(protocol, HttpResponse(status, [("connection", "close")]))

    def _answer(self, protocol: h11.Connection, response: HttpResponse, method: str = "") -> None:
        has_body = response.body and method != "HEAD" and response.status not in WITHOUT_BODY
        self._write(
            protocol,
            h11.Response(
                status_code=response.status,
                headers=_headers(response),
                reason=responses.get(response.status, "").encode(),
            ),
            *([h11.Data(data=response.body)] if has_body else []),
            h11.EndOfMessage(),
        )

    def _write(self, protocol: h11.Connection, *events: h11.Event) -> None:
        self.request.sendall(b"".join(protocol.send(event) or b"" for event in events))


def _headers(response: HttpResponse) -> list[tuple[bytes, bytes]]:
    headers = [
        (name.encode("latin-1"), value.encode("latin-1"))
        for name, value in response.headers
        if name.lower() not in ("content-length", "transfer-encoding")
    ]
    length = response.header("content-length")
    if response.body or length is None:
        length = str(len(response.body))
    if response.status not in WITHOUT_BODY:
        headers.append((b"content-length", length.encode()))
    return headers
