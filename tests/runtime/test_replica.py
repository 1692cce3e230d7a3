"""Replicas: readers see the version before or the version after, however a sync ends and whoever races it."""

import itertools
import json
import secrets
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from eda_runtime.consumer_cache import NotSynced, ReplicaCache, ReplicaTooOld
from eda_runtime.replica import MAX_VALUE_BYTES, Fetched, Outcome, ReplicaSync, SyncFailed
from eda_sandbox.embedded import Sandbox
from eda_sandbox.foundation.http import LoopbackServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.runtime.deployed import Context, deployed
from tests.runtime.races import Kill, Run, race
from tests.runtime.test_consumer_cache import Clock

AGE = 1_000
ROWS = 60
"""Rows of a version: three batches of writes."""


def create_table(aws: Sandbox) -> str:
    name = f"replica-{secrets.token_hex(4)}"
    aws.client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return name


@pytest.fixture
def table(aws: Sandbox) -> str:
    return create_table(aws)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def rows(generation: int, count: int = ROWS) -> list[dict[str, Any]]:
    return [{"id": f"s-{number}", "generation": generation} for number in range(count)]


def fetched(generation: int, etag: str = "", count: int = ROWS) -> Callable[[str], Fetched]:
    return lambda _: Fetched(rows(generation, count), etag)


KEYS = [row["id"] for row in rows(0)]


@pytest.fixture
def sync(aws: Sandbox, table: str, clock: Clock) -> ReplicaSync:
    return ReplicaSync(aws.client("dynamodb"), table, "id", AGE, clock=clock)


@pytest.fixture
def cache(aws: Sandbox, table: str, clock: Clock) -> ReplicaCache:
    return ReplicaCache(aws.client("dynamodb"), table, AGE, pointer_seconds=10, clock=clock)


def generations(cache: ReplicaCache) -> set[int]:
    found = cache.get_many(KEYS)
    assert len(found) == ROWS, "a part of a version"
    return {row["generation"] for row in found.values()}


def test_a_replica_that_was_never_synced_is_a_typed_error(cache: ReplicaCache) -> None:
    with pytest.raises(NotSynced):
        cache.get("s-1")


def test_readers_move_on_to_the_new_version_as_a_whole(sync: ReplicaSync, cache: ReplicaCache, clock: Clock) -> None:
    assert sync.run(fetched(1)) == (Outcome.SWITCHED, ROWS)
    assert generations(cache) == {1}
    clock.pass_(5)
    assert sync.run(fetched(2, count=ROWS + 1)) == (Outcome.SWITCHED, ROWS + 1)
    # This process still takes the old version for the current one, until it looks again.
    assert cache.get("s-1") == {"id": "s-1", "generation": 1}
    assert cache.get("s-60") == {"id": "s-60", "generation": 2}
    assert generations(cache) == {2}
    assert cache.get("unknown") is None


def test_rows_and_versions_expire(sync: ReplicaSync, aws: Sandbox, table: str, clock: Clock) -> None:
    sync.run(fetched(1))
    items = aws.client("dynamodb").scan(TableName=table)["Items"]
    expiring = {item["expires_at"]["N"] for item in items if item["id"]["S"] != "current"}
    assert expiring == {str(int(clock.now + 2 * AGE))}
    assert ["expires_at" in item for item in items if item["id"]["S"] == "current"] == [False]


def test_a_replica_whose_syncs_fail_is_used_for_its_age_and_no_longer(
    sync: ReplicaSync, cache: ReplicaCache, clock: Clock
) -> None:
    sync.run(fetched(1))
    clock.pass_(AGE)
    assert generations(cache) == {1}
    clock.pass_(11)
    with pytest.raises(ReplicaTooOld):
        cache.get("s-1")


def test_what_has_not_changed_is_confirmed_and_written_again_before_it_expires(
    sync: ReplicaSync, cache: ReplicaCache, clock: Clock
) -> None:
    asked: list[str] = []

    def source(etag: str) -> Fetched:
        asked.append(etag)
        return Fetched(None) if etag == '"a"' else Fetched(rows(1), '"a"')

    assert sync.run(source) == (Outcome.SWITCHED, ROWS)
    clock.pass_(AGE / 2 - 1)
    assert sync.run(source) == (Outcome.UNCHANGED, ROWS)
    clock.pass_(AGE - 1)
    assert generations(cache) == {1}
    assert sync.run(source) == (Outcome.SWITCHED, ROWS)
    assert asked == ["", '"a"', ""]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ([], "the source has 0 rows, fewer than minimum_rows 1"),
        ([*rows(2), {"name": "without"}], "row 60 of the source has no 'id' that is a string or a whole number"),
        ([*rows(2), {"id": ""}], "row 60 of the source has no 'id'"),
        ([*rows(2), {"id": True}], "row 60 of the source has no 'id'"),
        ([*rows(2), "text"], "row 60 of the source has no 'id'"),
        ([*rows(2), {"id": "s-3"}], "the source has the key 's-3' twice"),
        ([*rows(2), {"id": "long", "text": "x" * MAX_VALUE_BYTES}], "row 60 of the source has more than 380000 bytes"),
        ([*rows(2), {"id": "k" * 1001}], "the key of row 60 of the source has more than 1000 bytes"),
    ],
)
def test_rows_that_are_no_version_leave_the_old_one(
    sync: ReplicaSync, cache: ReplicaCache, source: list[Any], message: str
) -> None:
    sync.run(fetched(1))
    with pytest.raises(SyncFailed, match="^" + message.replace("(", r"\(")):
        sync.run(lambda _: Fetched(source))
    assert generations(cache) == {1}


def test_a_sync_that_began_earlier_does_not_take_the_place_of_a_later_one(
    sync: ReplicaSync, cache: ReplicaCache, clock: Clock
) -> None:
    def slow(_: str) -> Fetched:
        clock.pass_(5)
        assert sync.run(fetched(2)) == (Outcome.SWITCHED, ROWS)
        return Fetched(rows(1))

    assert sync.run(slow) == (Outcome.SUPERSEDED, ROWS)
    assert generations(cache) == {2}


@pytest.mark.parametrize("committed", [False, True])
@pytest.mark.parametrize("call", range(6))
def test_a_sync_that_is_killed_anywhere_is_seen_whole_or_not_at_all(
    aws: Sandbox, table: str, sync: ReplicaSync, clock: Clock, call: int, committed: bool
) -> None:
    sync.run(fetched(1))
    clock.pass_(5)
    killed = Run(
        lambda guard: ReplicaSync(guard(aws.client("dynamodb")), table, "id", AGE, clock=clock).run(fetched(2)),
        Kill(call, committed),
    )
    race([killed], [])
    assert (killed.failure is None) == (call == 5)
    switched = call == 5 or (call == 4 and committed)
    reader = ReplicaCache(aws.client("dynamodb"), table, AGE, clock=clock)
    assert generations(reader) == ({2} if switched else {1})
    clock.pass_(5)
    assert sync.run(fetched(3)) == (Outcome.SWITCHED, ROWS)
    clock.pass_(11)
    assert generations(reader) == {3}


@settings(max_examples=examples(30), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    order=st.lists(st.integers(0, 2), max_size=30),
    kill=st.none() | st.builds(Kill, st.integers(0, 4), st.booleans()),
)
def test_readers_that_race_syncs_never_see_a_part(aws: Sandbox, order: list[int], kill: Kill | None) -> None:
    table, clock, numbers = create_table(aws), Clock(), itertools.count(2)
    begin = ReplicaSync(aws.client("dynamodb"), table, "id", AGE, clock=clock)
    begin.run(fetched(1))
    seen: list[set[int]] = []

    def syncing(guard: Callable[[Any], Any]) -> None:
        # Every look at the clock is a moment later, as in life.
        clock.pass_(1)
        ReplicaSync(guard(aws.client("dynamodb")), table, "id", AGE, clock=clock).run(fetched(next(numbers)))

    def reading(guard: Callable[[Any], Any]) -> None:
        cache = ReplicaCache(guard(aws.client("dynamodb")), table, AGE, pointer_seconds=0, clock=clock)
        for _ in range(4):
            seen.append(generations(cache))

    runs = [Run(syncing, kill), Run(syncing), Run(reading)]
    race(runs, order)
    assert runs[1].failure is None
    assert runs[2].failure is None
    assert all(len(generation) == 1 for generation in seen)
    flat = [generation for one in seen for generation in one]
    assert flat == sorted(flat), "a reader went back to an older version"


class Source:
    """A server with an entity tag, that can be told to break off."""

    def __init__(self) -> None:
        self.status, self.body, self.etag, self.cut = 200, json.dumps(rows(1)).encode(), '"v1"', 0
        self.seen: list[str | None] = []
        source = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                given = self.headers.get("If-None-Match")
                source.seen.append(given)
                status = 304 if given == source.etag else source.status
                self.send_response(status)
                self.send_header("ETag", source.etag)
                if status != 304:
                    self.send_header("Content-Length", str(len(source.body)))
                self.end_headers()
                if status != 304:
                    self.wfile.write(source.body[: source.cut or len(source.body)])
                self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:
                """Quiet."""

        self.server = LoopbackServer(Handler)
        self.url = self.server.url


@pytest.fixture
def source() -> Iterator[Source]:
    made = Source()
    with made.server.running():
        yield made


@pytest.fixture
def function(aws: Sandbox, table: str, source: Source) -> Any:
    environment = {
        "REPLICA_TABLE": table,
        "SOURCE_URL": source.url,
        "SOURCE_KEY": "id",
        "POWERTOOLS_SERVICE_NAME": "test",
    }
    return deployed("cache_sync/handler.py", environment, {"dynamodb": aws.client("dynamodb")})


EVENT = {"scheduled_time": "2026-01-31T03:00:00Z"}


def test_the_function_syncs_and_asks_for_changes_alone(function: Any, source: Source, aws: Sandbox, table: str) -> None:
    assert function.handle(EVENT, Context()) == {"outcome": "switched", "rows": ROWS}
    assert function.handle(EVENT, Context()) == {"outcome": "unchanged", "rows": ROWS}
    source.body, source.etag = json.dumps(rows(2)).encode(), '"v2"'
    assert function.handle(EVENT, Context()) == {"outcome": "switched", "rows": ROWS}
    assert source.seen == [None, '"v1"', '"v1"']
    assert generations(ReplicaCache(aws.client("dynamodb"), table)) == {2}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"status": 500}, "status 500"),
        ({"status": 301}, "status 301"),
        ({"body": b"{}"}, "the answer cannot be read"),
        ({"body": b'[{"id": 1}, '}, "the answer cannot be read"),
        ({"cut": 1_000}, "IncompleteRead|ProtocolError"),
    ],
)
def test_a_source_that_fails_leaves_the_old_version(
    function: Any, source: Source, aws: Sandbox, table: str, changes: dict[str, Any], message: str
) -> None:
    function.handle(EVENT, Context())
    source.etag = '"v2"'
    vars(source).update(changes)
    with pytest.raises(function.SourceFailed, match=message):
        function.handle(EVENT, Context())
    assert generations(ReplicaCache(aws.client("dynamodb"), table)) == {1}


def test_a_sync_that_takes_longer_than_the_function_may_is_given_up(function: Any, source: Source) -> None:
    with pytest.raises(function.SourceFailed, match="longer than the function may"):
        function.handle(EVENT, Context(milliseconds=5_000))
