"""HotCache: one load for all, stale values while the source fails, and loads that are killed or overtaken."""

import itertools
import json
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError
from eda_runtime.consumer_cache import (
    HotCache,
    LoadInProgress,
    ReplicaCache,
    SourceUnavailable,
    ValueTooLong,
    from_settings,
)
from eda_runtime.replica import MAX_VALUE_BYTES
from eda_sandbox.embedded import Sandbox
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.runtime.races import Kill, Run, race

TTL, STALE, LEASE, RETRY = 100, 1_000, 30, 5


class Clock:
    """Time that passes when somebody sleeps, or when it is told to."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += seconds


class Source:
    """Counts its loads; fails when it is told to."""

    def __init__(self) -> None:
        self.loads: list[str] = []
        self.failure: Exception | None = None

    def __call__(self, key: str) -> Any:
        self.loads.append(key)
        if self.failure is not None:
            raise self.failure
        return {"key": key, "load": len(self.loads)}


class Down(Exception):
    """The source is down."""


@pytest.fixture(scope="module")
def table(aws: Sandbox) -> str:
    name = f"cache-{secrets.token_hex(4)}"
    aws.client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return name


Make = Callable[..., HotCache]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def make(aws: Sandbox, table: str, clock: Clock, source: Source) -> Make:
    """A cache as another process has it: with nothing in memory."""

    def made(**changes: Any) -> HotCache:
        given = {"dynamodb": aws.client("dynamodb"), "load": source, "clock": clock, "sleep": clock.pass_, **changes}
        dynamodb, load = given.pop("dynamodb"), given.pop("load")
        return HotCache(dynamodb, table, load, TTL, STALE, LEASE, RETRY, **given)

    return made


def unique() -> str:
    return secrets.token_hex(6)


def test_a_value_is_kept_for_its_time_after_the_first_request(make: Make, clock: Clock, source: Source) -> None:
    key = unique()
    here = make()
    assert here.get(key) == {"key": key, "load": 1}
    clock.pass_(TTL - 1)
    # In memory, in the table, and not longer because it was asked for.
    assert here.get(key) == make().get(key) == {"key": key, "load": 1}
    clock.pass_(2)
    assert make().get(key) == {"key": key, "load": 2}
    assert here.get(key) == {"key": key, "load": 2}
    assert source.loads == [key, key]


def test_memory_spares_the_table(make: Make, aws: Sandbox) -> None:
    class Counting:
        def __init__(self) -> None:
            self.calls: list[str] = []

        def __getattr__(self, name: str) -> Any:
            self.calls.append(name)
            return getattr(aws.client("dynamodb"), name)

    dynamodb, key = Counting(), unique()
    cache = make(dynamodb=dynamodb)
    cache.get(key)
    assert dynamodb.calls == ["get_item", "update_item", "update_item"]
    for _ in range(5):
        cache.get(key)
    assert len(dynamodb.calls) == 3


def test_nothing_is_a_value_too(make: Make) -> None:
    loads: list[str] = []

    def absent(key: str) -> None:
        loads.append(key)

    key = unique()
    assert make(load=absent).get(key) is None
    assert make(load=absent).get(key) is None
    assert loads == [key]


def test_while_the_source_fails_the_old_value_is_used_and_the_source_left_alone(
    make: Make, clock: Clock, source: Source
) -> None:
    key = unique()
    make().get(key)
    clock.pass_(TTL + 1)
    source.failure = Down()
    assert {make().get(key)["load"] for _ in range(10)} == {1}
    assert len(source.loads) == 2
    clock.pass_(RETRY + 1)
    assert make().get(key)["load"] == 1
    assert len(source.loads) == 3
    clock.pass_(RETRY + 1)
    source.failure = None
    assert make().get(key)["load"] == 4


def test_an_old_value_is_not_used_for_ever(make: Make, clock: Clock, source: Source) -> None:
    key = unique()
    make().get(key)
    source.failure = Down()
    clock.pass_(TTL + STALE - 1)
    assert make().get(key)["load"] == 1
    clock.pass_(2)
    with pytest.raises(SourceUnavailable):
        make().get(key)
    clock.pass_(RETRY)
    with pytest.raises(Down):
        make().get(key)


def test_a_source_that_never_answered_is_asked_once_by_all(make: Make, source: Source) -> None:
    key = unique()
    source.failure = Down()
    with pytest.raises(Down):
        make().get(key)
    for _ in range(5):
        with pytest.raises(SourceUnavailable):
            make().get(key)
    assert source.loads == [key]


def test_a_value_that_is_too_long_is_refused_by_name(make: Make) -> None:
    with pytest.raises(ValueTooLong, match="more than 380000 bytes"):
        make(load=lambda _: "x" * MAX_VALUE_BYTES).get(unique())


def test_fifty_at_once_load_once(aws: Sandbox, table: str) -> None:
    key, loads, entered = unique(), itertools.count(1), threading.Event()
    barrier = threading.Barrier(50)

    def load(_: str) -> int:
        entered.set()
        threading.Event().wait(0.3)
        return next(loads)

    def get(_: int) -> Any:
        cache = HotCache(aws.client("dynamodb"), table, load, TTL, STALE, LEASE, RETRY)
        barrier.wait()
        return cache.get(key)

    with ThreadPoolExecutor(50) as pool:
        assert list(pool.map(get, range(50))) == [1] * 50
    assert next(loads) == 2


def test_threads_of_one_process_load_once(aws: Sandbox, table: str) -> None:
    loads = itertools.count(1)
    cache = HotCache(aws.client("dynamodb"), table, lambda _: next(loads), TTL, STALE, LEASE, RETRY)
    key = unique()
    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(lambda _: cache.get(key), range(64))) == {1}


def test_who_waits_too_long_gets_the_old_value_or_a_typed_error(
    make: Make, clock: Clock, aws: Sandbox, table: str
) -> None:
    fresh, old = unique(), unique()
    make().get(old)
    clock.pass_(TTL + 1)
    for key in (fresh, old):
        aws.client("dynamodb").update_item(
            TableName=table,
            Key={"id": {"S": key}},
            UpdateExpression="SET lease_owner = :o, lease_until = :l",
            ExpressionAttributeValues={":o": {"S": "another"}, ":l": {"N": str(clock.now + LEASE)}},
        )
    with pytest.raises(LoadInProgress):
        make(wait_seconds=1).get(fresh)
    assert make(wait_seconds=1).get(old)["load"] == 1


def test_a_load_that_was_overtaken_changes_nothing(make: Make, clock: Clock, source: Source) -> None:
    key = unique()

    def slow(_: str) -> str:
        clock.pass_(LEASE + 1)
        assert make().get(key) == {"key": key, "load": 1}
        return "late"

    assert make(load=slow).get(key) == "late"
    assert make().get(key) == {"key": key, "load": 1}


def test_a_failure_that_comes_late_does_not_hide_the_value_of_who_took_over(make: Make, clock: Clock) -> None:
    key = unique()

    def slow(_: str) -> str:
        clock.pass_(LEASE + 1)
        make().get(key)
        raise Down

    with pytest.raises(Down):
        make(load=slow).get(key)
    assert make().get(key)["load"] == 1


@settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    order=st.lists(st.integers(0, 2), max_size=24),
    kill=st.none() | st.builds(Kill, st.integers(0, 3), st.booleans()),
    fails=st.booleans(),
)
def test_whatever_the_order_and_whoever_is_killed_one_loads_and_the_others_get_it(
    aws: Sandbox, table: str, order: list[int], kill: Kill | None, fails: bool
) -> None:
    clock, key, loads = Clock(), unique(), list[int]()
    answers: list[Any] = []

    def act(number: int) -> Callable[[Callable[[Any], Any]], None]:
        def run(guard: Callable[[Any], Any]) -> None:
            dynamodb = guard(aws.client("dynamodb"))

            def load(_: str) -> int:
                loads.append(number)
                if fails and len(loads) == 1:
                    raise Down
                return len(loads)

            cache = HotCache(dynamodb, table, load, TTL, STALE, LEASE, RETRY, 3 * LEASE, clock=clock, sleep=clock.pass_)
            answers.append(cache.get(key))

        return run

    runs = [Run(act(number), kill if number == 0 else None) for number in range(3)]
    race(runs, order)
    killed = [run for run in runs if run.failure is not None and type(run.failure).__name__ == "Killed"]
    refused = [run for run in runs if isinstance(run.failure, Down | SourceUnavailable)]
    assert len(answers) + len(killed) + len(refused) == 3
    assert not refused or fails
    # Nobody loads while another one's lease holds: a second load follows a failure, or a lease that a kill left behind.
    assert len(loads) <= 1 + len(killed) + (1 if fails else 0)
    assert len(set(answers)) <= 1 + len(killed)


def test_settings_make_the_cache_that_the_component_means(aws: Sandbox) -> None:
    dynamodb = aws.client("dynamodb")
    hot = json.dumps({"strategy": "HOT", "table": "t", "time_to_live_seconds": 5})
    scheduled = json.dumps({"strategy": "SCHEDULED", "table": "t", "maximum_age_seconds": 60})
    assert isinstance(from_settings(hot, dynamodb, lambda key: key), HotCache)
    assert isinstance(from_settings(scheduled, dynamodb), ReplicaCache)
    with pytest.raises(ValueError, match="needs load"):
        from_settings(hot, dynamodb)
    with pytest.raises(ValueError, match="takes no load"):
        from_settings(scheduled, dynamodb, lambda key: key)


def test_an_error_of_dynamodb_is_the_callers(make: Make) -> None:
    class Broken:
        def get_item(self, **_: Any) -> Any:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": ""}}, "GetItem")

    with pytest.raises(ClientError):
        make(dynamodb=Broken()).get(unique())


class Changed:
    """DynamoDB, of which one operation is another's."""

    def __init__(self, aws: Sandbox, **operations: Callable[..., Any]) -> None:
        self._client = aws.client("dynamodb")
        self.__dict__.update(operations)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


def leased(aws: Sandbox, table: str, key: str, until: float) -> None:
    aws.client("dynamodb").put_item(
        TableName=table,
        Item={"id": {"S": key}, "lease_owner": {"S": "another"}, "lease_until": {"N": str(until)}},
    )


def test_a_clock_that_is_set_back_makes_no_wait_longer(make: Make, clock: Clock, aws: Sandbox, table: str) -> None:
    key, slept = unique(), list[float]()
    leased(aws, table, key, clock.now + LEASE)

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 1:
            clock.pass_(-600)
        clock.pass_(seconds)

    with pytest.raises(LoadInProgress):
        make(sleep=sleep).get(key)
    assert sum(slept) < LEASE + 1


def test_what_a_caller_does_to_a_value_is_no_other_callers_matter(make: Make) -> None:
    key = unique()
    cache = make(load=lambda _: {1: (2, 3), "list": []})
    expected = {"1": [2, 3], "list": []}
    for _ in range(3):
        value = cache.get(key)
        assert value == expected
        value["list"].append("mine")
        value.pop("1")
    assert make().get(key) == expected


def test_a_replicas_values_are_each_callers_own(aws: Sandbox, table: str) -> None:
    client, key = aws.client("dynamodb"), unique()
    name = f"replica-{unique()}"
    client.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    now = 1_800_000_000.0
    current = {"id": {"S": "current"}, "version": {"S": "v1"}, "checked_at": {"N": str(now)}}
    client.put_item(TableName=name, Item=current)
    for version in ("v1", "v2"):
        client.put_item(
            TableName=name, Item={"id": {"S": f"{version}#{key}"}, "value": {"S": '{"of": "' + version + '"}'}}
        )
    clock = Clock()
    clock.now = now
    replica = ReplicaCache(client, name, clock=clock)
    for _ in range(2):
        value = replica.get(key)
        assert value == {"of": "v1"}
        value["of"] = "changed"
    # Nor does a clock that is set back keep an old version for as long.
    client.put_item(TableName=name, Item={**current, "version": {"S": "v2"}})
    clock.pass_(-600)
    assert replica.get(key) == {"of": "v2"}


@pytest.mark.parametrize("fails", [False, True])
def test_what_was_loaded_is_not_lost_when_its_row_cannot_be_written(
    make: Make, aws: Sandbox, source: Source, clock: Clock, fails: bool
) -> None:
    key = unique()
    if fails:
        make().get(key)
        clock.pass_(TTL + 1)
        source.failure = Down()

    def update_item(**request: Any) -> Any:
        if request["ConditionExpression"] == "lease_owner = :owner":
            code = "ProvisionedThroughputExceededException"
            raise ClientError({"Error": {"Code": code, "Message": ""}}, "UpdateItem")
        return aws.client("dynamodb").update_item(**request)

    cache = make(dynamodb=Changed(aws, update_item=update_item))
    assert cache.get(key)["load"] == 1
    loads = len(source.loads)
    assert cache.get(key)["load"] == 1
    assert len(source.loads) == loads


def test_a_failure_of_the_source_is_its_own_when_its_row_cannot_be_written(make: Make, aws: Sandbox) -> None:
    def update_item(**request: Any) -> Any:
        if request["ConditionExpression"] == "lease_owner = :owner":
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, "UpdateItem")
        return aws.client("dynamodb").update_item(**request)

    def load(_: str) -> Any:
        raise Down

    with pytest.raises(Down):
        make(dynamodb=Changed(aws, update_item=update_item), load=load).get(unique())


def test_a_refusal_that_does_not_tell_what_is_there_is_looked_up(
    make: Make, aws: Sandbox, clock: Clock, table: str
) -> None:
    key, takes = unique(), list[int]()

    def update_item(**request: Any) -> Any:
        takes.append(1)
        # Another process was faster, between this one's read and its write.
        leased(aws, table, key, clock.now + LEASE)
        raise ClientError({"Error": {"Code": "ConditionalCheckFailedException", "Message": ""}}, "UpdateItem")

    with pytest.raises(LoadInProgress):
        make(dynamodb=Changed(aws, update_item=update_item), wait_seconds=1).get(key)
    assert len(takes) == 1


def test_a_row_that_is_never_to_be_had_is_not_asked_for_without_a_pause(make: Make, aws: Sandbox) -> None:
    takes = list[int]()

    def update_item(**_: Any) -> Any:
        takes.append(1)
        raise ClientError({"Error": {"Code": "ConditionalCheckFailedException", "Message": ""}}, "UpdateItem")

    with pytest.raises(LoadInProgress):
        make(dynamodb=Changed(aws, update_item=update_item), wait_seconds=3).get(unique())
    assert len(takes) < 20
