"""The front door's server: requests over a socket, as clients of every kind write them."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, IncompleteRead, RemoteDisconnected

import pytest
from eda_sandbox.foundation.http import HttpRequest, HttpResponse
from eda_sandbox.foundation.transport import ConnectionLost
from eda_sandbox.frontdoor.serving import Server


class Answers:
    def __init__(self) -> None:
        self.asked: list[HttpRequest] = []

    def __call__(self, request: HttpRequest) -> HttpResponse:
        self.asked.append(request)
        if request.path == "/lost":
            raise ConnectionLost("lost")
        if request.path == "/cut":
            raise ConnectionLost("cut", HttpResponse(200, [("x", "y")], b"never"))
        if request.path == "/nothing":
            return HttpResponse(204, [("content-length", "0")])
        return HttpResponse(200, [("X-Own", "a"), ("transfer-encoding", "chunked")], b"body " + request.body)


@contextmanager
def serving() -> Iterator[tuple[Answers, int]]:
    answers = Answers()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        with Server(listener, answers).running():
            yield answers, listener.getsockname()[1]


@pytest.fixture
def served() -> Iterator[tuple[Answers, int]]:
    with serving() as found:
        yield found


def raw(port: int, sent: bytes) -> bytes:
    """What comes back until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(sent)
        received = b""
        while part := connection.recv(65536):
            received += part
        return received


def test_a_connection_is_kept_and_a_request_arrives_as_it_was_sent(served: tuple[Answers, int]) -> None:
    answers, port = served
    client = HTTPConnection("127.0.0.1", port, timeout=30)
    for body in (b"one", b"two"):
        client.request("POST", "/a%20b/%2F?x=1&y=&x=%20", body, {"X-Mixed-Case": "v\xe9"})
        answer = client.getresponse()
        assert (answer.status, answer.read(), answer.headers["x-own"]) == (200, b"body " + body, "a")
        assert answer.headers["content-length"] == "8"
    first, second = answers.asked
    assert (first.path, first.raw_path, first.raw_query) == ("/a b//", "/a%20b/%2F", "x=1&y=&x=%20")
    assert first.query == [("x", "1"), ("y", ""), ("x", " ")]
    assert ("X-Mixed-Case", "v\xe9") in first.sent_headers
    assert first.header("x-mixed-case") == "v\xe9"
    assert (first.source_ip, second.body) == ("127.0.0.1", b"two")


def test_a_body_in_chunks_and_one_that_waits_to_be_asked_for(served: tuple[Answers, int]) -> None:
    answers, port = served
    head = b"PUT /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
    assert raw(port, head + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;e=1\r\nde\r\n0\r\n\r\n").endswith(
        b"body abcde"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(head + b"Content-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"abc")
        assert connection.makefile("rb").read().endswith(b"body abc")
    assert [asked.body for asked in answers.asked] == [b"abcde", b"abc"]


def test_head_has_a_length_and_no_body_and_204_has_neither(served: tuple[Answers, int]) -> None:
    client = HTTPConnection("127.0.0.1", served[1], timeout=30)
    client.request("HEAD", "/x")
    answer = client.getresponse()
    assert (answer.headers["content-length"], answer.read()) == ("5", b"")
    client.request("GET", "/nothing")
    answer = client.getresponse()
    assert (answer.status, answer.headers["content-length"], answer.read()) == (204, None, b"")


def test_a_lost_answer_is_a_closed_connection_and_a_lost_body_an_incomplete_one(served: tuple[Answers, int]) -> None:
    client = HTTPConnection("127.0.0.1", served[1], timeout=30)
    client.request("GET", "/lost")
    with pytest.raises(RemoteDisconnected):
        client.getresponse()
    client.request("GET", "/cut")
    answer = client.getresponse()
    assert answer.status == 200
    with pytest.raises(IncompleteRead):
        answer.read()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: h\r\nBad Name: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: h\r\nX: a\x00b\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"a" * 70_000, 431),
    ],
)
def test_what_is_no_request_is_refused(served: tuple[Answers, int], sent: bytes, status: int) -> None:
    assert raw(served[1], sent).startswith(f"HTTP/1.1 {status} ".encode())
    assert served[0].asked == []


def test_at_the_end_every_connection_is_closed() -> None:
    with serving() as (_, port):
        idle = socket.create_connection(("127.0.0.1", port), timeout=30)
        client = HTTPConnection("127.0.0.1", port, timeout=30)
        client.request("GET", "/x")
        client.getresponse().read()
    with idle:
        assert idle.recv(1) == b""
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=30)
