"""The demo's client: signs its requests as any AWS client does, and keeps a ledger of the answers."""

import json
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

RETRIES = 8
"""How often a request is repeated that got no answer, or one after which it is sent again."""
GATEWAY_TIMEOUT = 504
"""The gateway heard nothing from what is behind it; that may have done its work (RFC 9110, 15.6.5)."""
COME_AGAIN = frozenset({429, 502, 503, GATEWAY_TIMEOUT})
"""Answers after which the same request is sent again: they ask for it, or a function ended without an answer. Each of
the API's requests can be repeated."""
LONGEST_WAIT = 5.0
"""Seconds between two attempts at most."""


@dataclass(frozen=True)
class Answer:
    """One answer of the API."""

    status: int
    headers: dict[str, str]
    body: dict[str, Any]
    seconds: float


@dataclass
class Ledger:
    """What the client saw; the accounting starts from it.

    Attributes:
        accepted: order ids that the API acknowledged with 202, by idempotency key.
        duplicates: repeated requests that got the first answer again.
        given_up: keys of orders whose client gave up before it got an answer; to it they are not accepted.
        unanswered: those of the keys of which a try got no answer at all.
        refused: requests with a reused key that got 422.
        details: order ids whose additional data the API acknowledged.
        unexpected: answers that should not have come, in words.
    """

    accepted: dict[str, str] = field(default_factory=dict)
    given_up: set[str] = field(default_factory=set)
    unanswered: set[str] = field(default_factory=set)
    duplicates: int = 0
    refused: int = 0
    details: set[str] = field(default_factory=set)
    unexpected: list[str] = field(default_factory=list)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def took(self, hop: str, seconds: float) -> None:
        """Note how long a request of a hop took."""
        with self.lock:
            self.seconds.setdefault(hop, []).append(seconds)


class OrdersClient:
    """Calls the orders API with AWS credentials.

    Args:
        url: the stage's invoke URL.
        credentials: of a caller that may invoke the API.
        region: the API's region.
        retries: how often a request is sent that gets no answer, or one of ``come_again``.
        come_again: statuses after which the same request is sent again.
    """

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        region: str,
        retries: int = RETRIES,
        come_again: frozenset[int] = COME_AGAIN,
    ) -> None:
        self._url = url.rstrip("/")
        self._credentials = credentials
        self._region = region
        self._retries = retries
        self.come_again = come_again
        self.unanswered: set[str] = set()
        """Idempotency keys of requests of which a try got no answer, or the gateway's word that it got none: nobody can
        say what it would have been."""
        self._pool = urllib3.PoolManager(maxsize=64, timeout=urllib3.Timeout(connect=10, read=60), retries=False)
        self._pause = threading.Event()

    def post_order(self, key: str, body: dict[str, object]) -> Answer:
        """``POST /orders`` with an ``Idempotency-Key``."""
        return self.send("POST", "/orders", body, {"Idempotency-Key": key})

    def post(self, key: str, body: str, headers: Mapping[str, str]) -> Answer:
        """``POST /orders`` with a body and headers as they are given."""
        return self.send("POST", "/orders", body, {**headers, "Idempotency-Key": key})

    def post_details(self, order_id: str, body: dict[str, object]) -> Answer:
        """``POST /orders/{order_id}/details``."""
        return self.send("POST", f"/orders/{order_id}/details", body, {})

    def get_order(self, order_id: str, etag: str | None = None) -> Answer:
        """``GET /orders/{order_id}``, conditional when an entity tag is given."""
        return self.send("GET", f"/orders/{order_id}", None, {"If-None-Match": etag} if etag else {})

    def send(self, method: str, path: str, body: dict[str, object] | str | None, headers: dict[str, str]) -> Answer:
        """A signed request, again and again until it is answered.

        Raises:
            ConnectionError: it got no answer.
        """
        text = body if isinstance(body, str) else json.dumps(body, separators=(",", ":"))
        content = b"" if body is None else text.encode()
        if body is not None:
            headers = {**headers, "Content-Type": "application/json"}
        last: Exception | None = None
        for attempt in range(self._retries):
            # Signed anew each time, because a signature is valid for some minutes only.
            request = AWSRequest(method, self._url + path, data=content, headers=headers)
            SigV4Auth(self._credentials, "execute-api", self._region).add_auth(request)
            begin = time.perf_counter()
            try:
                response = self._pool.request(method, self._url + path, body=content, headers=dict(request.headers))
            except urllib3.exceptions.HTTPError as error:
                last = error
                self.unanswered.add(headers.get("Idempotency-Key", ""))
                self._pause.wait(min(0.1 * 2**attempt, LONGEST_WAIT))
                continue
            answer = _answer(response, time.perf_counter() - begin)
            if answer.status == GATEWAY_TIMEOUT:
                self.unanswered.add(headers.get("Idempotency-Key", ""))
            if answer.status not in self.come_again or attempt == self._retries - 1:
                return answer
            asked = min(float(answer.headers.get("retry-after", 1)), LONGEST_WAIT)
            self._pause.wait(min(asked * (attempt + 1) / 4, LONGEST_WAIT))
        raise ConnectionError(f"{method} {urlsplit(self._url).path}{path} got no answer: {last}") from last


def _answer(response: urllib3.BaseHTTPResponse, seconds: float) -> Answer:
    try:
        body = json.loads(response.data or b"{}")
    except ValueError:
        body = {"raw": response.data.decode("utf-8", "replace")}
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status, headers, body if isinstance(body, dict) else {"value": body}, seconds)
