"""botocore's requests handed over in this process: no socket lies between a service and the front door."""

import io
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ConnectionClosedError
from urllib3.exceptions import ProtocolError

from eda_sandbox.foundation import tracing
from eda_sandbox.foundation.http import HttpRequest, HttpResponse


class ConnectionLost(ConnectionAbortedError):
    """The caller's connection breaks before the answer is whole.

    Args:
        message: what happened.
        head: the head of an answer whose body does not come; None when not even that comes.
    """

    def __init__(self, message: str, head: HttpResponse | None = None) -> None:
        super().__init__(message)
        self.head = head


class _Body(io.BytesIO):
    def stream(self) -> Iterator[bytes]:
        yield self.read()


class _LostBody(io.RawIOBase):
    def read(self, _size: int = -1) -> bytes:
        raise ProtocolError("the connection was closed before the whole body came")

    def stream(self) -> Iterator[bytes]:
        yield self.read()


def hand_over(client: Any, send: Callable[[HttpRequest], HttpResponse]) -> None:
    """Let a boto3 client's requests be answered by a function; they are signed, written and read as always.

    Args:
        client: the client.
        send: answers a request; may raise ``ConnectionLost``.
    """

    def answer(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        try:
            response = send(_request(request))
        except ConnectionLost as lost:
            # A body is read from the connection at once, unless the caller reads it as a stream.
            if lost.head is None or not request.stream_output:
                raise ConnectionClosedError(endpoint_url=request.url, error=lost) from lost
            headers = HTTPHeaders.from_pairs(lost.head.headers)
            return AWSResponse(request.url, lost.head.status, headers, _LostBody())
        headers = HTTPHeaders.from_pairs(response.headers)
        if "content-length" not in headers:
            headers["content-length"] = str(len(response.body))
        return AWSResponse(request.url, response.status, headers, _Body(response.body))

    client.meta.events.register("before-send", answer)


def _request(request: AWSPreparedRequest) -> HttpRequest:
    url = urlsplit(request.url)
    headers = [(name.lower(), _text(value)) for name, value in request.headers.items()]
    if not any(name == "host" for name, _ in headers):
        headers.insert(0, ("host", url.netloc))
    if (trace := tracing.current()) is not None:
        headers.append((tracing.HEADER, trace))
    body: Any = request.body or b""
    if hasattr(body, "read"):
        body = body.read()
    return HttpRequest(
        request.method,
        unquote(url.path),
        url.path,
        parse_qsl(url.query, keep_blank_values=True),
        [header for header in headers if header[0] != "transfer-encoding"],
        body.encode() if isinstance(body, str) else bytes(body),
        raw_query=url.query,
    )


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
