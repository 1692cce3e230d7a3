"""ProducerClient: what is asked, when, and what is answered from memory."""

import contextlib
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from eda_runtime.producer_client import ENTRIES, Answer, ProducerClient, ProducerError

from tests.runtime.test_consumer_cache import Clock

URL = "https://orders.example.com/orders/1"


class Producer:
    """An endpoint with an entity tag and a lifetime."""

    def __init__(self, control: str = "private, max-age=5", **headers: str) -> None:
        self.version, self.control, self.headers, self.status = 1, control, headers, 200
        self.requests: list[tuple[str, str | None]] = []
        self.pause = 0.0

    def __call__(self, url: str, headers: Mapping[str, str]) -> Answer:
        self.requests.append((url, headers.get("If-None-Match")))
        threading.Event().wait(self.pause)
        etag = f'"{self.version}"'
        sent = {"ETag": etag, "Cache-Control": self.control, **self.headers}
        if self.status != 200:
            return Answer(self.status, {"Retry-After": "7"}, b"")
        if headers.get("If-None-Match") == etag:
            return Answer(304, sent, b"")
        return Answer(200, sent, f"version {self.version}".encode())

    @property
    def tags(self) -> list[str | None]:
        return [tag for _, tag in self.requests]


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_fresh_answer_is_not_asked_for_and_a_stale_one_is_revalidated(clock: Clock) -> None:
    producer = Producer()
    client = ProducerClient(producer, clock)
    assert [client.get(URL) for _ in range(3)] == [b"version 1"] * 3
    assert producer.tags == [None]
    clock.pass_(5)
    assert client.get(URL) == b"version 1"
    assert producer.tags == [None, '"1"']
    clock.pass_(4)
    assert client.get(URL) == b"version 1"
    assert len(producer.requests) == 2
    producer.version = 2
    clock.pass_(1)
    assert client.get(URL) == b"version 2"
    assert producer.tags == [None, '"1"', '"1"']


def test_an_event_that_tells_of_a_change_asks_at_once(clock: Clock) -> None:
    producer = Producer()
    client = ProducerClient(producer, clock)
    client.get(URL)
    clock.pass_(1)
    producer.version = 2
    assert client.get(URL) == b"version 1"
    assert client.get(URL, revalidate=True) == b"version 2"
    clock.pass_(1)
    assert client.get(URL, revalidate=True) == b"version 2"
    assert producer.tags == [None, '"1"', '"2"']


@pytest.mark.parametrize(
    ("control", "headers", "tags"),
    [
        ("no-store, max-age=60", {}, [None, None]),
        ("no-cache, max-age=60", {}, [None, '"1"']),
        ("", {}, [None, '"1"']),
        ('max-age="60"', {}, [None]),
        ("max-age=never", {}, [None, '"1"']),
        ("max-age=60", {"age": "60"}, [None, '"1"']),
        ("max-age=60", {"age": "59"}, [None]),
        ("max-age=60", {"Vary": "*"}, [None, None]),
        ("max-age=60", {"vary": "Accept, *"}, [None, None]),
        ("max-age=60", {"Vary": "Accept"}, [None]),
    ],
)
def test_the_producer_says_what_may_be_kept(
    clock: Clock, control: str, headers: dict[str, str], tags: list[Any]
) -> None:
    producer = Producer(control, **headers)
    client = ProducerClient(producer, clock)
    client.get(URL)
    clock.pass_(0.5)
    client.get(URL)
    assert producer.tags == tags


def test_an_error_is_typed_and_what_was_kept_stays(clock: Clock) -> None:
    producer = Producer()
    client = ProducerClient(producer, clock)
    client.get(URL)
    clock.pass_(6)
    producer.status = 503
    with pytest.raises(ProducerError) as raised:
        client.get(URL)
    assert (raised.value.status, raised.value.retry_after) == (503, "7")
    producer.status = 200
    assert client.get(URL) == b"version 1"
    assert producer.tags == [None, '"1"', '"1"']


@pytest.mark.parametrize("revalidate", [False, True])
def test_many_at_once_are_one_request(revalidate: bool) -> None:
    producer = Producer()
    producer.pause = 0.3
    client = ProducerClient(producer)
    barrier = threading.Barrier(20)

    def get(_: int) -> bytes:
        barrier.wait()
        return client.get(URL, revalidate)

    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(get, range(20))) == {b"version 1"}
    # Those that came while the first one was under way may need one more, never one each.
    assert len(producer.requests) <= 2


def test_memory_is_bounded(clock: Clock) -> None:
    producer = Producer("max-age=1000")
    client = ProducerClient(producer, clock)
    for number in range(ENTRIES + 10):
        client.get(f"{URL}{number}")
    client.get(f"{URL}{ENTRIES + 9}")
    client.get(f"{URL}0")
    assert len(producer.requests) == ENTRIES + 11


@pytest.mark.parametrize(("status", "control"), [(404, "max-age=5"), (200, "no-store"), (200, "max-age=5")])
def test_addresses_that_are_not_kept_leave_nothing_behind(clock: Clock, status: int, control: str) -> None:
    producer = Producer(control)
    producer.status = status
    client = ProducerClient(producer, clock)
    for number in range(ENTRIES + 500):
        with contextlib.suppress(ProducerError):
            client.get(f"{URL}{number}")
    assert len(client._flights) == 0
    assert len(client._entries) <= ENTRIES
