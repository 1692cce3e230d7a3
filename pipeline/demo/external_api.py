"""The external API of the demo: slow, throttling, and with a very big answer."""

import contextlib
import hashlib
import json
import random
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

from eda_sandbox.foundation.http import LoopbackServer

CHUNK = 64 * 1024
SUPPLIERS = ("Adler", "Bergmann", "Castor", "Dorn", "Eiche", "Falk")
"""Names, each with a row of the reference data at ``/suppliers``."""
SKUS = 500
LONG_SKU = "SKU-0000"
"""An article whose offers carry long terms: one of them is more than a workflow's state should hold."""
TERMS = "Zahlungsziel 30 Tage netto, es gelten für alle Artikel die AGB des Lieferanten. " * 300


@dataclass
class ExternalApi:
    """A running external API.

    Attributes:
        url: its base address.
        answered: how many calls got the offers.
        throttled: how many got 429 with ``Retry-After``.
        notified: the orders' events that it was told of, and how often each came.
        available: False makes it answer 503 to every call, as in an outage.
    """

    url: str
    answered: int = 0
    throttled: int = 0
    refused: int = 0
    notified: Counter[str] = field(default_factory=Counter)
    available: bool = True


def offers(elements: int, seed: int) -> bytes:
    """The answer to every call for offers: a JSON array, about 100 bytes each but for one article."""
    rng = random.Random(seed)
    made = [
        {
            "offer_id": f"of-{number:07d}",
            "sku": sku(rng.randrange(SKUS)),
            "supplier": rng.choice(SUPPLIERS),
            "price": rng.randrange(100, 100_000) / 100,
            "currency": "EUR",
            "stock": rng.randrange(1_000),
        }
        for number in range(elements)
    ]
    terms = {LONG_SKU: {"terms": TERMS}}
    return json.dumps([offer | terms.get(str(offer["sku"]), {}) for offer in made], separators=(",", ":")).encode()


def suppliers() -> bytes:
    """The reference data: a JSON array with a row for each supplier."""
    return json.dumps(
        [
            {"supplier_id": name, "name": f"{name} GmbH", "country": "DE", "rating": 3 + number % 3}
            for number, name in enumerate(SUPPLIERS)
        ],
        separators=(",", ":"),
    ).encode()


def sku(number: int) -> str:
    """The name of an article."""
    return f"SKU-{number % SKUS:04d}"


@contextlib.contextmanager
def external_api(
    elements: int = 50_000, delay: float = 0.2, throttle_every: int = 7, retry_after: int = 2, seed: int = 0
) -> Iterator[ExternalApi]:
    """Run the external API on a free port of loopback.

    Args:
        elements: length of the array it answers with.
        delay: seconds before its answer begins.
        throttle_every: every so many calls it answers 429; 0 is never.
        retry_after: seconds it asks a throttled caller to wait.
        seed: of the offers.
    """
    body, reference = offers(elements, seed), suppliers()
    etag = f'"{hashlib.sha256(reference).hexdigest()[:16]}"'
    lock = threading.Lock()
    calls = 0
    pause = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            nonlocal calls
            target = urlsplit(self.path)
            if target.path == "/suppliers":
                self._suppliers()
                return
            with lock:
                calls += 1
                throttle = throttle_every and calls % throttle_every == 0
            if target.path != "/offers" or "sku" not in parse_qs(target.query):
                self._problem(404, "there are /offers?sku=… and /suppliers only")
            elif not api.available:
                api.refused += 1
                self._problem(503, "out of service")
            elif throttle:
                api.throttled += 1
                self._problem(429, "too many calls", retry_after)
            else:
                pause.wait(delay)
                self._offers()

        def do_POST(self) -> None:
            told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path != "/notifications":
                self._problem(404, "there is /notifications only")
            elif not api.available:
                self._problem(503, "out of service")
            else:
                with lock:
                    api.notified[told["id"]] += 1
                self.send_response(204)
                self.end_headers()

        def _offers(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(ConnectionError):
                for start in range(0, len(body), CHUNK):
                    self.wfile.write(body[start : start + CHUNK])
                api.answered += 1

        def _suppliers(self) -> None:
            if not api.available:
                self._problem(503, "out of service")
                return
            changed = self.headers.get("If-None-Match") != etag
            self.send_response(200 if changed else 304)
            self.send_header("ETag", etag)
            self.send_header("Content-Type", "application/json")
            if changed:
                self.send_header("Content-Length", str(len(reference)))
            self.end_headers()
            self.wfile.write(reference if changed else b"")

        def _problem(self, status: int, detail: str, retry_after: int | None = None) -> None:
            content = json.dumps({"status": status, "detail": detail}).encode()
            self.send_response(status)
            if retry_after is not None:
                self.send_header("Retry-After", str(retry_after))
            self.send_header("Content-Type", "application/problem+json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """The demo tells what matters itself."""

    server = LoopbackServer(Handler)
    api = ExternalApi(server.url)
    with server.running():
        try:
            yield api
        finally:
            pause.set()
