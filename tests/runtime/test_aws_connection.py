"""The connection of the small clients: HTTP/1.1 as the standard library reads it, TLS that trusts no stranger."""

import http.client
import io
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, cast

import botocore
import pytest
from eda_runtime.aws import connection
from eda_runtime.aws.connection import ROOTS, Connection, MalformedAnswer
from hypothesis import given
from hypothesis import strategies as st

from tests.runtime.certificates import Authority
from tests.runtime.scripted_server import CLOSE, HANG, ScriptedServer, answer

TEXT = st.from_regex(r"[!-~]{1,10}( [!-~]{1,10})?", fullmatch=True)
HEADERS = st.lists(st.tuples(st.from_regex(r"x-[a-z]{1,8}", fullmatch=True), TEXT), max_size=5)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)


def get(made: Connection, seconds: float = 5) -> tuple[int, dict[str, str], bytes]:
    return made.exchange("GET", "/", {}, b"", seconds)


def read(content: bytes) -> tuple[int, dict[str, str], bytes, bool]:
    return connection._read(cast(BinaryIO, io.BytesIO(content)))


class Socket:
    """What ``http.client`` reads an answer from."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def makefile(self, *_: Any, **__: Any) -> io.BytesIO:
        return io.BytesIO(self._content)


def chunked(body: bytes, sizes: list[int]) -> bytes:
    parts, at = [], 0
    for size in [*sizes, len(body)]:
        part = body[at : at + size]
        if part:
            parts.append(b"%x;name=value\r\n%s\r\n" % (len(part), part))
        at += size
    return b"".join(parts) + b"0\r\nx-trailer: y\r\n\r\n"


@given(
    st.sampled_from([200, 204, 304, 400, 404, 500, 503]),
    HEADERS,
    st.binary(max_size=300),
    st.none() | st.lists(st.integers(1, 100), max_size=4),
    st.sampled_from(["\r\n", "\n"]),
)
def test_an_answer_is_read_as_the_standard_library_reads_it(
    status: int, headers: list[tuple[str, str]], body: bytes, sizes: list[int] | None, end: str
) -> None:
    empty = status in (204, 304)
    sizes = None if empty else sizes
    coding = f"content-length: {len(body)}" if sizes is None else "Transfer-Encoding: chunked"
    lines = [f"HTTP/1.1 {status} Some Reason", coding, *(f"{name}:  {value} " for name, value in headers)]
    sent = (end.join(lines) + 2 * end).encode() + (b"" if empty else body if sizes is None else chunked(body, sizes))
    theirs = http.client.HTTPResponse(cast(Any, Socket(sent)), method="GET")
    theirs.begin()
    got, found, content, keeps = read(b"HTTP/1.1 100 Continue\r\n\r\n" + sent)
    assert (got, content) == (theirs.status, theirs.read())
    assert keeps
    for name, _ in headers:
        # RFC 9110, 5.5: white space around a value is none of it.
        assert found[name] == ", ".join(value.strip() for value in theirs.headers.get_all(name, []))


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 two OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"220 mail.example.org ESMTP\r\n",
        b"HTTP/1.1 200 OK\r\nno header\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1_0\r\n\r\n0123456789",
        "HTTP/1.1 200 OK\r\nContent-Length: ²\r\n\r\n".encode(),
        b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
        b"HTTP/1.1 200 OK\r\n" + 101 * b"x: y\r\n" + b"\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + 70_000 * b"y" + b"\r\n\r\n",
    ],
)
def test_what_is_no_whole_answer_is_a_lost_connection(sent: bytes) -> None:
    with pytest.raises(ConnectionError):
        read(sent)


@pytest.mark.parametrize(
    "head", ["HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2", "HTTP/1.0 200 OK\r\nContent-Length: 2"]
)
def test_a_connection_that_ends_is_not_used_again(head: str) -> None:
    assert read(f"{head}\r\n\r\nab".encode())[2:] == (b"ab", False)


def test_a_body_without_a_length_ends_with_its_connection() -> None:
    assert read(b"HTTP/1.1 200 OK\r\n\r\nabc")[2:] == (b"abc", False)


def test_a_connection_is_kept_and_replaced_when_the_other_side_closed_it() -> None:
    script: list[bytes | tuple[bytes, bytes]] = [
        answer(b"1"),
        answer(b"2"),
        CLOSE,
        answer(b"3"),
        (answer(b"4"), CLOSE),
        answer(b"5"),
    ]
    with ScriptedServer(script) as server:
        made = Connection(server.url, 5, 5)
        assert [get(made)[2] for _ in range(5)] == [b"1", b"2", b"3", b"4", b"5"]
        assert [request.connection for request in server.requests] == [1, 1, 1, 2, 2, 3]
        assert server.requests[0].headers["host"] == server.url.partition("//")[2]


def test_a_new_connection_that_is_closed_is_not_tried_again() -> None:
    with ScriptedServer([CLOSE]) as server, pytest.raises(ConnectionError):
        get(Connection(server.url, 5, 5))
    assert server.connections == 1


def test_half_an_answer_is_never_the_beginning_of_the_next() -> None:
    with ScriptedServer([answer(b"x") + b"HTTP/1.1 2", HANG, answer(b"whole")]) as server:
        made = Connection(server.url, 5, 0.3)
        assert get(made)[2] == b"x"
        with pytest.raises((TimeoutError, MalformedAnswer)):
            get(made)
        assert get(made)[2] == b"whole"
        assert server.connections == 2


def test_a_wait_ends_in_time() -> None:
    with ScriptedServer([HANG]) as server, pytest.raises(TimeoutError):
        get(Connection(server.url, 5, 60), seconds=0.2)
    with ScriptedServer([]) as server, pytest.raises(TimeoutError):
        get(Connection(server.url, 5, 5), seconds=0)
    assert server.connections == 0


@pytest.mark.parametrize("header", [{"x-a": "1\r\nx-b: 2"}, {"x-a\n": "1"}])
def test_a_header_writes_no_other(header: dict[str, str]) -> None:
    with ScriptedServer([]) as server, pytest.raises(ValueError, match="line break"):
        Connection(server.url, 5, 5).exchange("GET", "/", header, b"", 5)
    assert server.connections == 0


@pytest.mark.parametrize("url", ["", "localhost", "ftp://localhost", "http://", "https:///x", "http://h:port"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"endpoint|invalid literal"):
        Connection(url, 5, 5)


@pytest.mark.parametrize(
    ("url", "authority", "path"),
    [
        ("http://h", "h", "/"),
        ("http://h:80/", "h", "/"),
        ("http://h:443", "h:443", "/"),
        ("https://h:443/a/b?c", "h", "/a/b?c"),
        ("https://[fd00:ec2::23]:8443/v1", "[fd00:ec2::23]:8443", "/v1"),
    ],
)
def test_an_address_is_read(url: str, authority: str, path: str) -> None:
    made = Connection(url, 5, 5)
    assert (made.authority, made.path) == (authority, path)


def test_a_stranger_is_not_trusted(tmp_path: Path) -> None:
    context = Authority(tmp_path).context("localhost")
    with ScriptedServer([answer(b"")], context) as server:
        made = Connection(server.url, 5, 5)
        for _ in range(2):
            with pytest.raises(ssl.SSLCertVerificationError):
                get(made)
    assert server.requests == []


def test_what_the_system_trusts_is_trusted_when_amazons_roots_do_not_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    with ScriptedServer([answer(b"1"), answer(b"2")], authority.context("localhost")) as server:
        made = Connection(server.url, 5, 5)
        assert get(made)[2] == b"1"
        made.close()
        assert get(made)[2] == b"2"


def test_another_bundle_is_trusted_instead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(authority.file))
    with ScriptedServer([answer(b"1")], authority.context("localhost")) as server:
        assert get(Connection(server.url, 5, 5))[2] == b"1"
    monkeypatch.setenv("AWS_CA_BUNDLE", ROOTS)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    with (
        ScriptedServer([answer(b"1")], authority.context("localhost")) as server,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        get(Connection(server.url, 5, 5))


def test_another_hosts_certificate_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(authority.file))
    with (
        ScriptedServer([answer(b"1")], authority.context("other")) as server,
        pytest.raises(ssl.SSLCertVerificationError, match="mismatch"),
    ):
        get(Connection(server.url, 5, 5))


def test_the_roots_are_those_of_amazon_trust_services_and_last() -> None:
    ours, theirs = (
        ssl.create_default_context(cafile=file) for file in (ROOTS, str(Path(botocore.__file__).parent / "cacert.pem"))
    )
    roots: list[Any] = ours.get_ca_certs()
    found = {dict(entry[0] for entry in root["subject"])["commonName"]: root for root in roots}
    assert set(found) == {
        *(f"Amazon Root CA {number}" for number in range(1, 5)),
        "Starfield Services Root Certificate Authority - G2",
    }
    assert set(ours.get_ca_certs(binary_form=True)) <= set(theirs.get_ca_certs(binary_form=True))
    for name, root in found.items():
        ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(root["notAfter"]), UTC)
        assert ends > datetime.now(UTC) + timedelta(days=5 * 365), name
