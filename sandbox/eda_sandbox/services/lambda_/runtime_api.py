"""The Lambda Runtime API of one execution environment: where its process asks for the next invocation."""

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from eda_sandbox.foundation.http import LoopbackServer

PREFIX = "/2018-06-01/runtime/"


@dataclass
class Invocation:
    """One invocation on its way through an environment.

    Attributes:
        answer: what the function returned, or its error as JSON.
        failed: the answer is an error.
        done: set when there is an answer.
    """

    request_id: str
    payload: bytes
    deadline_ms: int
    function_arn: str
    trace_id: str
    answer: bytes = b""
    failed: bool = False
    done: threading.Event = field(default_factory=threading.Event)

    def finish(self, answer: bytes, *, failed: bool) -> None:
        """Hand in the answer; only the first one counts."""
        if not self.done.is_set():
            self.answer, self.failed = answer, failed
            self.done.set()


class RuntimeApi:
    """Serves one process on a port of its own, because its client takes a host and a port and no path.

    Args:
        init_failed: called with the error's JSON when the process could not load the handler.
    """

    def __init__(self, init_failed: Callable[[bytes], None]) -> None:
        self.ready = threading.Event()
        """Set when the process asked for its first invocation."""
        self._pending: queue.SimpleQueue[Invocation | None] = queue.SimpleQueue()
        self._current: Invocation | None = None
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                api.ready.set()
                invocation = api._pending.get()
                if invocation is None:
                    self.close_connection = True
                    return
                api._current = invocation
                self.send_response(200)
                self.send_header("Lambda-Runtime-Aws-Request-Id", invocation.request_id)
                self.send_header("Lambda-Runtime-Deadline-Ms", str(invocation.deadline_ms))
                self.send_header("Lambda-Runtime-Invoked-Function-Arn", invocation.function_arn)
                self.send_header("Lambda-Runtime-Trace-Id", invocation.trace_id)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(invocation.payload)))
                self.end_headers()
                self.wfile.write(invocation.payload)

            def do_POST(self) -> None:
                body = self._body()
                kind = self.path.removeprefix(PREFIX)
                if kind == "init/error":
                    init_failed(body)
                elif api._current is not None and kind.startswith(f"invocation/{api._current.request_id}/"):
                    api._current.finish(body, failed=kind.endswith("/error"))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def _body(self) -> bytes:
                if "chunked" not in self.headers.get("Transfer-Encoding", ""):
                    return self.rfile.read(int(self.headers.get("Content-Length", 0)))
                chunks = []
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    chunks.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(chunks)

            def log_message(self, format: str, *args: object) -> None:
                """Only the function's own output is logged."""

        self._server = LoopbackServer(Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def send(self, invocation: Invocation) -> None:
        """Give the process its next invocation."""
        self._pending.put(invocation)

    def close(self) -> None:
        """Stop serving."""
        self._pending.put(None)
        self._server.shutdown()
        self._server.server_close()
