"""The external call: what it keeps, what it raises, and how much memory it takes."""

import importlib
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from types import ModuleType
from typing import Any

import pytest
from eda_runtime.consumer_cache import NotSynced, ReplicaTooOld
from eda_sandbox.foundation.http import LoopbackServer

from pipeline.demo.external_api import ExternalApi, external_api
from tests.conftest import ROOT

EVENT = {
    "id": "order-1",
    "payload": {"sku": "SKU-0001", "quantity": 2},
    "envelope": {"correlation_id": "c-1", "traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01"},
}


class Context:
    """The part of Lambda's context that the handler reads."""

    def __init__(self, milliseconds: int = 60_000) -> None:
        self._milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self._milliseconds


class Scripted:
    """A server that answers with what the test says, and keeps the requests' headers."""

    def __init__(self) -> None:
        self.status, self.body, self.headers = 200, b"[]", dict[str, str]()
        self.seen: list[dict[str, str]] = []
        script = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                script.seen.append({name.lower(): value for name, value in self.headers.items()})
                self.send_response(script.status)
                for name, value in script.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(script.body)

            def log_message(self, format: str, *args: object) -> None:
                """Quiet."""

        self.server = LoopbackServer(Handler)
        self.url = self.server.url


@pytest.fixture
def server() -> Iterator[Scripted]:
    scripted = Scripted()
    with scripted.server.running():
        yield scripted


SUPPLIERS = "arn:aws:dynamodb:eu-central-1:123456789012:table/suppliers"
SETTINGS = {
    "EDA_LINKS": json.dumps({"suppliers": [SUPPLIERS, '{"strategy": "SCHEDULED", "table": "suppliers"}']}),
    "POWERTOOLS_SERVICE_NAME": "test",
    "AWS_DEFAULT_REGION": "eu-central-1",
}


class Suppliers:
    """A replica with a row for each name."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure

    def get_many(self, keys: Iterable[str]) -> dict[str, Any]:
        if self.failure is not None:
            raise self.failure
        return {key: {"supplier_id": key, "country": "DE"} for key in keys}


def load(url: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    for name, value in {**SETTINGS, "EXTERNAL_API_URL": url}.items():
        monkeypatch.setenv(name, value)
    sys.modules.pop("functions.call_external_api.handler", None)
    module = importlib.import_module("functions.call_external_api.handler")
    monkeypatch.setattr(module, "_suppliers", Suppliers())
    return module


def test_it_keeps_the_best_offers_that_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    with external_api(elements=5_000, delay=0, throttle_every=0) as api:
        result = load(api.url, monkeypatch).handle(EVENT, Context())["result"]
    assert result["offers_seen"] == 5_000
    assert len(result["best_offers"]) == 3
    prices = [offer["price"] for offer in result["best_offers"]]
    assert prices == sorted(prices)
    assert all(offer["sku"] == "SKU-0001" and offer["stock"] >= 2 for offer in result["best_offers"])
    assert len(json.dumps(result)) < 1_000


def test_what_is_said_of_the_suppliers_is_the_replicas(monkeypatch: pytest.MonkeyPatch) -> None:
    with external_api(elements=5_000, delay=0, throttle_every=0) as api:
        result = load(api.url, monkeypatch).handle(EVENT, Context())["result"]
    assert set(result["suppliers"]) == {offer["supplier"] for offer in result["best_offers"]}
    assert {row["country"] for row in result["suppliers"].values()} == {"DE"}


@pytest.mark.parametrize("failure", [NotSynced("never"), ReplicaTooOld("long ago")])
def test_a_replica_that_cannot_be_read_yet_is_waited_for(
    server: Scripted, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    module = load(server.url, monkeypatch)
    monkeypatch.setattr(module, "_suppliers", Suppliers(failure))
    with pytest.raises(module.ExternalApiUnavailable, match=f"suppliers: {type(failure).__name__}"):
        module.handle(EVENT, Context())


def test_it_passes_on_who_asks(server: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    load(server.url, monkeypatch).handle(EVENT, Context())
    sent = server.seen[0]
    assert (sent["x-correlation-id"], sent["idempotency-key"]) == ("c-1", "order-1")
    assert sent["traceparent"].startswith("00-aaaa")


@pytest.mark.parametrize(
    ("status", "headers", "error", "message"),
    [
        (429, {"Retry-After": "17"}, "ExternalApiThrottled", '{"retry_after_seconds": 17}'),
        (429, {}, "ExternalApiThrottled", '{"retry_after_seconds": 1}'),
        (429, {"Retry-After": "soon"}, "ExternalApiThrottled", '{"retry_after_seconds": 1}'),
        (429, {"Retry-After": "999999"}, "ExternalApiThrottled", '{"retry_after_seconds": 3600}'),
        (503, {"Retry-After": "5"}, "ExternalApiThrottled", '{"retry_after_seconds": 5}'),
        (503, {}, "ExternalApiUnavailable", "status 503"),
        (500, {}, "ExternalApiUnavailable", "status 500"),
        (404, {}, "ExternalApiRejected", "status 404"),
    ],
)
def test_an_error_becomes_one_that_the_workflow_knows(
    server: Scripted,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    headers: dict[str, str],
    error: str,
    message: str,
) -> None:
    server.status, server.headers = status, headers
    with pytest.raises(Exception, match=r".") as raised:
        load(server.url, monkeypatch).handle(EVENT, Context())
    assert (type(raised.value).__name__, str(raised.value)) == (error, message)


def test_retry_after_may_be_a_date(server: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    server.status = 429
    server.headers = {"Retry-After": format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)}
    with pytest.raises(Exception, match="retry_after_seconds") as raised:
        load(server.url, monkeypatch).handle(EVENT, Context())
    assert 85 <= json.loads(str(raised.value))["retry_after_seconds"] <= 90


@pytest.mark.parametrize("body", [b"{}", b"[1]", b'[{"sku": "SKU-0001"}]', b'[{"sku":"a","stock":1'])
def test_an_answer_that_makes_no_sense_is_rejected(
    server: Scripted, monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    server.body = body
    with pytest.raises(Exception, match=r".") as raised:
        load(server.url, monkeypatch).handle(EVENT, Context())
    assert type(raised.value).__name__ == "ExternalApiRejected"


@pytest.mark.parametrize(
    "body",
    [
        '[{"sku":"SKU-0001","stock":9,"price":1,"offer_id":"a"}, 2x, 3]',
        "[" * 100_000,
        '[{"price":' + "1" * 5_000 + "}]",
        "[NaN]",
        '[{"sku":"SKU-0001","stock":9,"price":1e400,"offer_id":"a","supplier":"s"}]',
    ],
    ids=["skips", "deep", "long", "constant", "infinite"],
)
def test_an_answer_that_cannot_be_read_is_rejected_and_not_asked_for_again(
    server: Scripted, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    server.body = body.encode()
    with pytest.raises(Exception, match=r".") as raised:
        load(server.url, monkeypatch).handle(EVENT, Context())
    assert type(raised.value).__name__ == "ExternalApiRejected"


@pytest.mark.parametrize("id", ["a\r\nX-Injected: 1", "€", "\x7f", ""])
def test_a_correlation_id_that_is_no_header_value_is_not_sent(
    server: Scripted, monkeypatch: pytest.MonkeyPatch, id: str
) -> None:
    event = {**EVENT, "envelope": {"correlation_id": id}}
    load(server.url, monkeypatch).handle(event, Context())
    assert not {"x-correlation-id", "x-injected"} & server.seen[0].keys()


def test_a_request_that_can_never_be_sent_is_not_tried_again(server: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Exception, match="cannot be sent") as raised:
        load(server.url, monkeypatch).handle({**EVENT, "id": "a\r\nb"}, Context())
    assert type(raised.value).__name__ == "ExternalApiRejected"


def test_a_function_without_time_left_comes_again(server: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Exception, match="no time left") as raised:
        load(server.url, monkeypatch).handle(EVENT, Context(milliseconds=1_000))
    assert type(raised.value).__name__ == "ExternalApiUnavailable"


def test_offers_that_are_too_long_to_keep_are_rejected(server: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    offer = {"offer_id": "o", "sku": "SKU-0001", "price": 1, "stock": 9, "text": "x" * 400_000}
    server.body = json.dumps([offer] * 3).encode()
    with pytest.raises(Exception, match=r"more than 1048576") as raised:
        load(server.url, monkeypatch).handle(EVENT, Context())
    assert type(raised.value).__name__ == "ExternalApiRejected"


def test_nothing_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Exception, match=r".") as raised:
        load("http://127.0.0.1:9", monkeypatch).handle(EVENT, Context())
    assert type(raised.value).__name__ == "ExternalApiUnavailable"


def test_an_answer_that_takes_longer_than_the_function_may_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with external_api(elements=10, delay=3, throttle_every=0) as api, pytest.raises(Exception, match=r".") as raised:
        load(api.url, monkeypatch).handle(EVENT, Context(milliseconds=5_500))
    assert type(raised.value).__name__ == "ExternalApiUnavailable"


PEAK = """
import json, pathlib, sys
from functions.call_external_api import handler
class Suppliers:
    def get_many(self, keys): return {}
handler._suppliers = Suppliers()
class Context:
    def get_remaining_time_in_millis(self): return 110_000
result = handler.handle(json.loads(sys.argv[1]), Context())["result"]
# Not ru_maxrss: it begins with what the parent used.
peak = next(line for line in pathlib.Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(json.dumps([int(peak.split()[1]), result["offers_seen"]]))
"""


def peak(api: ExternalApi) -> tuple[int, int]:
    environment = {**SETTINGS, "EXTERNAL_API_URL": api.url, "PATH": "/usr/bin:/bin"}
    done: Any = subprocess.run(
        [sys.executable, "-c", PEAK, json.dumps(EVENT)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    kilobytes, seen = json.loads(done.stdout.splitlines()[-1])
    return int(kilobytes), int(seen)


@pytest.mark.slow
def test_peak_memory_does_not_grow_with_the_answer() -> None:
    with external_api(elements=50_000, delay=0, throttle_every=0) as api:
        small, seen_small = peak(api)
    with external_api(elements=500_000, delay=0, throttle_every=0) as api:
        large, seen_large = peak(api)
    assert (seen_small, seen_large) == (50_000, 500_000)
    assert large < small * 1.1, f"{small} KB for 50,000 elements, {large} KB for 500,000"
