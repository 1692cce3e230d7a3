"""A consumer's client of a producer's ``GET``: the minimal event names what changed, the endpoint tells the rest.

Answers are kept as their ``Cache-Control`` allows and revalidated by their ``ETag`` (RFC 9111), so that many events
about one thing cost the producer one whole answer. One request at a time is under way for each address.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

ENTRIES = 1_000
"""Answers that one client keeps; the least recently used of them go first."""


class ProducerError(Exception):
    """The producer did not give what was asked for.

    Attributes:
        status: the answer's HTTP status.
        retry_after: its ``Retry-After``, None when it had none.
    """

    def __init__(self, status: int, retry_after: str | None = None) -> None:
        super().__init__(f"the producer answered with status {status}")
        self.status = status
        self.retry_after = retry_after


@dataclass(frozen=True)
class Answer:
    """An HTTP answer.

    Attributes:
        status: HTTP status.
        headers: names in any case.
        body: what it held.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


class Send(Protocol):
    """Sends one ``GET``."""

    def __call__(self, url: str, headers: Mapping[str, str]) -> Answer:
        """The answer; what is raised is the caller's to handle."""


@dataclass(frozen=True)
class _Entry:
    """An answer that is kept: its body, its entity tag, when it was asked for, and until when it needs no question."""

    body: bytes
    etag: str
    asked: float
    fresh_until: float


@dataclass
class _Flight:
    """The requests to an address that are under way or wait for it."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    passengers: int = 0


class ProducerClient:
    """Gets what a producer's addresses hold.

    Args:
        send: sends one request (``aws_iam_send`` makes one), always as the same caller, because what one caller may
            see is not for another.
        clock: seconds that only grow.
    """

    def __init__(self, send: Send, clock: Callable[[], float] = time.monotonic) -> None:
        self._send = send
        self._clock = clock
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._flights: dict[str, _Flight] = {}
        self._lock = threading.Lock()

    def get(self, url: str, revalidate: bool = False) -> bytes:
        """What an address holds.

        Args:
            url: the address.
            revalidate: ask the producer even when the kept answer is fresh: an event said that it has changed.

        Raises:
            ProducerError: the producer answered something else than 200.
        """
        called = self._clock()
        with self._flight(url):
            entry, now = self._entries.get(url), self._clock()
            # What another call asked for after this one began is as new as this one wants it.
            if entry is not None and (entry.asked > called or (now < entry.fresh_until and not revalidate)):
                return entry.body
            answer = self._send(url, {"If-None-Match": entry.etag} if entry is not None and entry.etag else {})
            return self._kept(url, entry, answer, now)

    @contextmanager
    def _flight(self, url: str) -> Iterator[None]:
        """Wait until no other request to the address is under way; whoever is the last leaves nothing behind."""
        with self._lock:
            flight = self._flights.setdefault(url, _Flight())
            flight.passengers += 1
        try:
            with flight.lock:
                yield
        finally:
            with self._lock:
                flight.passengers -= 1
                if not flight.passengers:
                    del self._flights[url]

    def _kept(self, url: str, entry: _Entry | None, answer: Answer, asked: float) -> bytes:
        headers = {name.lower(): value for name, value in answer.headers.items()}
        if answer.status == 304 and entry is not None:
            body, etag = entry.body, entry.etag
        elif answer.status == 200:
            body, etag = answer.body, headers.get("etag", "")
        else:
            raise ProducerError(answer.status, headers.get("retry-after"))
        directives = _directives(headers.get("cache-control", ""))
        age = _seconds(headers.get("age")) or 0
        lifetime = 0 if "no-cache" in directives else (_seconds(directives.get("max-age")) or 0) - age
        with self._lock:
            # What varies with everything is no answer to any later request (RFC 9111, 4.1).
            if "no-store" in directives or "*" in _directives(headers.get("vary", "")):
                self._entries.pop(url, None)
            else:
                self._entries[url] = _Entry(body, etag, asked, asked + lifetime)
                self._entries.move_to_end(url)
            while len(self._entries) > ENTRIES:
                self._entries.popitem(last=False)
        return body


def aws_iam_send(session: Any, region: str, timeout: float = 5.0) -> Send:
    """Requests to an API of API Gateway with ``AWS_IAM`` authorisation.

    Args:
        session: a botocore session; its role needs ``execute-api:Invoke``.
        region: the API's.
        timeout: seconds to connect, and to wait for bytes.
    """
    import urllib3
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest

    pool = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(connect=timeout, read=timeout))

    def send(url: str, headers: Mapping[str, str]) -> Answer:
        # Credentials change with time, and a signature is valid for some minutes only.
        request = AWSRequest("GET", url, headers=dict(headers))
        SigV4Auth(session.get_credentials().get_frozen_credentials(), "execute-api", region).add_auth(request)
        answer = pool.request("GET", url, headers=dict(request.headers), redirect=False)
        return Answer(answer.status, dict(answer.headers), answer.data)

    return send


def _directives(text: str) -> dict[str, str]:
    parts = (part.strip().partition("=") for part in text.lower().split(","))
    return {name: value.strip('"') for name, _, value in parts if name}


def _seconds(text: str | None) -> int | None:
    return int(text) if text is not None and text.strip().isdecimal() else None
