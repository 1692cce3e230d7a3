"""The core of idempotency, stopped, ended and interleaved at every step, against the store's real conditions."""

import itertools
import json
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyAlreadyInProgressError,
    IdempotencyKeyError,
    IdempotencyPersistenceLayerError,
    IdempotencyValidationError,
)
from eda_runtime.idempotency import FencedDynamoDBPersistenceLayer, core
from eda_runtime.idempotency.keys import (
    Token,
    canonical,
    check_key,
    client_key,
    default_fingerprint,
    default_key,
    is_composite,
)
from eda_runtime.transaction import MAX_WRITES, Transaction, TransactionError, TransactionRefused
from hypothesis import given, settings
from hypothesis import strategies as st
from jmespath import compile as jmespath_compile

from tests.examples import examples
from tests.runtime.memory_dynamodb import MemoryDynamoDB, error
from tests.runtime.races import Kill

KEY = "orders#1"
NOW = 1_800_000_000.0
LEASE = core.LEASE_SECONDS
REMAINING = 900.0


@dataclass
class World:
    """A table, a time, and the effects that were had.

    Attributes:
        transaction: the attempts' mode.
        expires: how long a result is remembered, seconds.
    """

    transaction: bool = False
    expires: int = 3600
    now: float = NOW
    effects: list[str] = field(default_factory=list)
    db: MemoryDynamoDB = field(default_factory=MemoryDynamoDB)

    def __post_init__(self) -> None:
        self.store = FencedDynamoDBPersistenceLayer(table_name="records", boto3_client=self.db)  # type: ignore[arg-type]  # a stand-in
        self.kept: dict[str, str] = {}

    def clock(self) -> float:
        return self.now

    @property
    def record(self) -> dict[str, Any]:
        return dict(self.db.item("records", KEY))

    def had(self) -> list[str]:
        """The owners whose effect counts."""
        written = {key[0] for key in self.db.tables.get("effects", {})}
        return sorted(written) if self.transaction else self.effects


@dataclass
class Actor:
    """One attempt, done step by step.

    Args:
        world: where.
        owner: its token.
        kill: where it ends without a trace, counted in operations.
        fails: its handler raises after its effect did not happen.
        lost: numbers of the operations whose answer is lost, so that the SDK sends them again.
    """

    world: World
    owner: str
    kill: Kill | None = None
    fails: bool = False
    wait: float = 0
    lost: frozenset[int] = frozenset()
    remaining: float = REMAINING
    fingerprint: str | None = None
    data: str | None = None
    number: int = 0
    over: bool = False
    killed: bool = False
    had_effect: bool = False
    failure: Exception | None = None
    answer: core.Answer | None = None
    steps: Generator[core.Operation, Any, core.Answer] | None = None
    operation: core.Operation | None = None

    def begin(self) -> None:
        given = core.Attempt(
            key=KEY,
            owner=self.owner,
            started=self.world.now,
            fingerprint=self.fingerprint,
            transaction=self.world.transaction,
            expires_after_seconds=self.world.expires,
            remaining_seconds=self.remaining,
            wait_seconds=self.wait,
            claim_check=True,
        )
        self.steps = core.attempt(given, self.world.clock)
        self._resume(lambda: next(self.steps))  # type: ignore[arg-type]  # set in the line before

    def step(self) -> None:
        """Do the operation that the attempt waits for."""
        if self.steps is None:
            self.begin()
        assert self.operation is not None
        assert self.steps is not None
        number, steps, self.number = self.number, self.steps, self.number + 1
        if self.kill is not None and self.kill.call == number:
            if self.kill.committed:
                self._perform(self.operation)
            self.killed = self.over = True
            steps.close()
            return
        try:
            done = self._perform(self.operation)
            if number in self.lost and not isinstance(self.operation, core.Run):
                done = self._perform(self.operation)
        except Exception as failure:
            thrown = failure
            self._resume(lambda: steps.throw(thrown))
        else:
            self._resume(lambda: steps.send(done))

    def finish(self) -> "Actor":
        """Do all of its steps."""
        while not self.over:
            self.step()
        return self

    @property
    def value(self) -> Any:
        """What its caller gets."""
        assert self.answer is not None
        assert self.answer.error is None
        replayed = self.answer.replayed
        return self.answer.value if replayed is None else json.loads(replayed.data or "null")

    def _resume(self, go: Callable[[], core.Operation]) -> None:
        try:
            self.operation = go()
        except StopIteration as stop:
            self.answer, self.over = stop.value, True
        except Exception as failure:
            self.failure, self.over = failure, True

    def _perform(self, operation: core.Operation) -> Any:
        world = self.world
        before = world.record
        match operation:
            case core.Acquire(record, now):
                answer: Any = world.store.acquire(record, now)
                if isinstance(answer, core.Acquired) and before:
                    assert world.store.record_of(before).takeable(now), "a record that counts was taken"
                return answer
            case core.Read(key):
                return world.store.read(key)
            case core.Run(_):
                return self._run()
            case core.Keep(data):
                return world.kept.setdefault(f"sha-{len(data)}", data) and f"sha-{len(data)}"
            case core.Fetch(reference):
                return world.kept[reference]
            case core.Complete(record, writes):
                answer = world.store.complete(record, writes)
            case core.Renew(record):
                answer = world.store.renew(record)
            case core.Release(record):
                answer = world.store.release(record)
            case core.Pause(seconds):
                world.now += seconds
                return None
        foreign = before and before["owner"]["S"] != self.owner
        if foreign or not before:
            assert world.record == before, "a stale owner changed the record"
        return answer

    def _run(self) -> core.Returned | core.Raised:
        if self.fails:
            return core.Raised(ValueError("on purpose"))
        self.had_effect = True
        data = self.data or json.dumps(self.owner)
        if not self.world.transaction:
            self.world.effects.append(self.owner)
            return core.Returned(self.owner, data)
        key = {"id": {"S": self.owner}}
        return core.Returned(self.owner, data, ({"Put": {"TableName": "effects", "Item": key}},))


def settle(world: World) -> Actor:
    """The client, or the event source, tries again until it has an answer."""
    for number in range(20):
        actor = Actor(world, f"retry-{number}").finish()
        if actor.answer is not None:
            return actor
        assert isinstance(actor.failure, IdempotencyAlreadyInProgressError)
        world.now += LEASE + 1
    raise AssertionError("the record is never free again")


def orders(length: int) -> Iterator[list[int]]:
    """Every order of so many steps of each of two attempts."""
    for firsts in itertools.combinations(range(2 * length), length):
        yield [0 if position in firsts else 1 for position in range(2 * length)]


def check(world: World, actors: list[Actor]) -> None:
    """What holds at the end, whatever happened."""
    last = settle(world)
    had = world.had()
    assert had
    answers = [actor.value for actor in [*actors, last] if actor.answer is not None and actor.answer.error is None]
    if world.transaction:
        assert len(had) == 1
        assert set(answers) == set(had), "every answer is that of the one effect"
        return
    # Those that ended, or lost their lock, between their effect and its record: the documented window.
    unrecorded = [actor for actor in actors if actor.had_effect and actor.owner != world.record["owner"]["S"]]
    assert len(had) == 1 + len(unrecorded)
    assert all(
        actor.killed or (actor.answer is not None and (actor.answer.lost or actor.answer.replayed))
        for actor in unrecorded
    )


@pytest.mark.parametrize("transaction", [False, True], ids=["RECORD", "TRANSACTION"])
def test_every_interleaving_of_two_attempts_with_one_ended_at_every_step(transaction: bool) -> None:
    kills = [None, *(Kill(call, committed) for call in range(4) for committed in (False, True))]
    tried = 0
    for kill, late, order in itertools.product(kills, (0.0, LEASE + 1), orders(3)):
        world = World(transaction)
        actors = [Actor(world, "a", kill), Actor(world, "b")]
        for number in order:
            if not actors[number].over:
                actors[number].step()
                # A slow first attempt: the second one comes when its lease is over.
                world.now += late if number == 0 else 0
        for actor in actors:
            actor.finish()
        check(world, actors)
        tried += 1
    assert tried == 9 * 2 * 20


EVENTS = st.lists(
    st.one_of(st.sampled_from([0, 1]), st.sampled_from([1.0, LEASE - 1, LEASE, LEASE + 1, 100.0])), max_size=24
)
KILLS = st.none() | st.builds(Kill, st.integers(0, 6), st.booleans())
LOST = st.frozensets(st.integers(0, 6), max_size=2)


@settings(max_examples=examples(600), deadline=None, derandomize=True)
@given(st.booleans(), EVENTS, KILLS, KILLS, st.booleans(), LOST, LOST, st.sampled_from([0.0, 3.0, 60.0]))
def test_time_passes_answers_are_lost_and_handlers_fail(
    transaction: bool,
    events: list[int | float],
    first: Kill | None,
    second: Kill | None,
    fails: bool,
    lost_first: frozenset[int],
    lost_second: frozenset[int],
    wait: float,
) -> None:
    world = World(transaction)
    actors = [
        Actor(world, "a", first, lost=lost_first, wait=wait),
        Actor(world, "b", second, fails=fails, lost=lost_second, wait=wait),
    ]
    for event in events:
        if isinstance(event, float):
            world.now += event
        elif not actors[event].over:
            actors[event].step()
    for actor in actors:
        actor.finish()
    check(world, actors)
    for actor in actors:
        assert actor.failure is None or isinstance(actor.failure, IdempotencyAlreadyInProgressError)


@settings(max_examples=examples(300), deadline=None, derandomize=True)
@given(st.integers(1, 30), st.lists(st.sampled_from([0, 1]) | st.floats(0.5, 12), max_size=12))
def test_a_record_in_progress_never_expires_before_its_lock(expires: int, events: list[int | float]) -> None:
    world = World(expires=expires)
    actors = [Actor(world, "a", remaining=20), Actor(world, "b", remaining=20)]
    actors[0].step()
    ends = world.now + 20
    for event in events:
        if isinstance(event, float):
            world.now += event
        elif not actors[event].over:
            actors[event].step()
        owner, status = world.record["owner"]["S"], world.record["status"]["S"]
        if owner == "b":
            # Only after the first one's lock was over, or its result.
            assert world.now > ends
            return
        if status == core.COMPLETED:
            ends = int(world.record["expiration"]["N"])


def test_a_stale_owner_that_wakes_up_changes_nothing_and_answers_like_the_other() -> None:
    for transaction in (False, True):
        world = World(transaction)
        slow, quick = Actor(world, "slow"), Actor(world, "quick")
        slow.step()
        slow.step()
        world.now += LEASE + 1
        quick.finish()
        before = world.record
        slow.finish()
        assert world.record == before
        assert slow.value == quick.value == "quick"
        assert world.had() == (["quick"] if transaction else ["slow", "quick"])


def test_a_completion_whose_answer_is_lost_is_no_repeat() -> None:
    for transaction in (False, True):
        world = World(transaction)
        actor = Actor(world, "a", lost=frozenset({0, 2})).finish()
        assert (actor.value, actor.answer and actor.answer.replayed) == ("a", None)
        assert world.had() == ["a"]


def test_a_stale_owner_that_fails_late_does_not_delete_the_others_record() -> None:
    world = World()
    slow, quick = Actor(world, "slow", fails=True), Actor(world, "quick")
    slow.step()
    world.now += LEASE + 1
    quick.finish()
    before = world.record
    slow.finish()
    assert isinstance(slow.answer and slow.answer.error, ValueError)
    assert world.record == before
    assert Actor(world, "later").finish().value == "quick"


def test_a_stale_transaction_commits_nothing_when_the_other_failed() -> None:
    world = World(transaction=True)
    slow, quick = Actor(world, "slow"), Actor(world, "quick", fails=True)
    slow.step()
    slow.step()
    world.now += LEASE + 1
    quick.finish()
    slow.finish()
    assert isinstance(slow.failure, IdempotencyAlreadyInProgressError)
    assert world.had() == []
    assert settle(world).value == world.had()[0]


def test_a_failed_handler_frees_the_key_at_once() -> None:
    world = World()
    Actor(world, "a", fails=True).finish()
    assert world.record == {}
    assert Actor(world, "b").finish().value == "b"


def test_a_repeat_waits_as_long_as_it_is_told_and_gets_the_first_answer() -> None:
    world = World()
    first, second = Actor(world, "a"), Actor(world, "b", wait=5)
    first.step()
    for _ in range(4):
        second.step()
    assert isinstance(second.operation, core.Pause | core.Read)
    first.finish()
    assert second.finish().value == "a"


def test_a_repeat_waits_no_longer_than_it_has_time() -> None:
    world = World()
    Actor(world, "a").step()
    impatient = Actor(world, "b", wait=100, remaining=3).finish()
    assert isinstance(impatient.failure, IdempotencyAlreadyInProgressError)
    assert world.now - NOW <= 3


def test_a_lock_ends_with_the_lease_or_with_the_invocation() -> None:
    long, short = core.Attempt(KEY, "o", NOW, remaining_seconds=900), core.Attempt(KEY, "o", NOW, remaining_seconds=10)
    assert long.lock(NOW).locked_until == (NOW + LEASE) * 1000
    assert short.lock(NOW).locked_until == (NOW + 10) * 1000
    assert short.lock(NOW + 5).locked_until == (NOW + 10) * 1000
    assert (long.renewed, short.renewed) == (True, False)


def driven(steps: Generator[core.Operation, Any, None], world: World) -> Iterator[core.Operation]:
    """Do what renewals yield, each after it was shown."""
    answer: bool | None = None
    while True:
        try:
            operation = steps.send(answer)
        except StopIteration:
            return
        if isinstance(operation, core.Pause):
            world.now += operation.seconds
            answer = None
        elif isinstance(operation, core.Renew):
            answer = world.store.renew(operation.record)
        yield operation


def test_renewals_go_on_until_the_invocations_end_and_stop_when_the_record_is_anothers() -> None:
    world = World()
    given = core.Attempt(KEY, "a", world.now, remaining_seconds=100)
    mine = given.lock(world.now)
    assert isinstance(world.store.acquire(mine, world.now), core.Acquired)
    steps = core.renewals(given, mine, world.clock)
    seen = []
    for operation in driven(steps, world):
        if isinstance(operation, core.Renew):
            seen.append(operation.record.locked_until)
        # Whoever comes meanwhile never gets it.
        other = core.Attempt(KEY, "b", world.now, remaining_seconds=5)
        assert isinstance(world.store.acquire(other.lock(world.now), world.now), core.Found)
    assert seen[-1] == (NOW + 100) * 1000
    assert seen == sorted(seen)

    world.now += 1000
    taken = core.Attempt(KEY, "b", world.now, remaining_seconds=900)
    assert isinstance(world.store.acquire(taken.lock(world.now), world.now), core.Acquired)
    late = core.renewals(given, mine, lambda: NOW + 50)
    assert isinstance(next(late), core.Pause)
    renew = late.send(None)
    assert isinstance(renew, core.Renew)
    assert world.store.renew(renew.record) is False
    with pytest.raises(StopIteration):
        late.send(False)


def silent(world: World) -> None:
    """The store refuses without telling what is there, as some do."""
    store = world.store
    asked = store.acquire
    world.store = Silent(asked, store)  # type: ignore[assignment]  # a stand-in


class Silent:
    """A store that does not return what a condition saw."""

    def __init__(self, acquire: Callable[[core.Record, float], Any], store: FencedDynamoDBPersistenceLayer) -> None:
        self._acquire, self._store = acquire, store

    def acquire(self, record: core.Record, now: float) -> Any:
        answer = self._acquire(record, now)
        return core.Found(None) if isinstance(answer, core.Found) else answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def test_a_store_that_does_not_tell_what_it_refused_by_is_read() -> None:
    world = World()
    silent(world)
    first = Actor(world, "a")
    first.step()
    assert isinstance(Actor(world, "b").finish().failure, IdempotencyAlreadyInProgressError)
    first.finish()
    repeat = Actor(world, "c").finish()
    assert (repeat.value, world.effects) == ("a", ["a"])
    assert repeat.number == 2


def test_a_record_that_is_free_and_never_to_be_had_is_given_up() -> None:
    world = World()
    world.store.acquire = lambda *_: core.Found(None)  # type: ignore[method-assign]  # refuses for ever
    actor = Actor(world, "a").finish()
    assert isinstance(actor.failure, IdempotencyAlreadyInProgressError)
    assert actor.number < 4 * core.CONFLICT_TRIES
    assert world.now - NOW > 1


def test_another_fingerprint_is_refused_while_running_and_after() -> None:
    world = World()
    first = Actor(world, "a", fingerprint="x")
    first.step()
    assert isinstance(Actor(world, "b", fingerprint="y").finish().failure, IdempotencyValidationError)
    first.finish()
    assert isinstance(Actor(world, "c", fingerprint="y").finish().failure, IdempotencyValidationError)
    assert Actor(world, "d", fingerprint="x").finish().value == "a"
    assert world.effects == ["a"]


def test_a_result_over_the_limit_lies_in_the_store_and_comes_back() -> None:
    world = World()
    data = json.dumps("x" * core.MAX_DATA_BYTES)
    Actor(world, "a", data=data).finish()
    assert "data" not in world.record
    assert Actor(world, "b").finish().value == json.loads(data)
    world.kept.clear()
    assert isinstance(Actor(world, "c").finish().failure, core.ResultNotKept)
    assert world.effects == ["a"]


def test_a_write_that_meets_other_transactions_is_tried_again() -> None:
    world = World(transaction=True)
    conflicts = iter(range(3))

    def conflict(operation: str, _: Any) -> None:
        if operation == "transact_write_items" and next(conflicts, None) is not None:
            raise error(
                "TransactionCanceledException", operation, CancellationReasons=[{"Code": "TransactionConflict"}]
            )

    world.db.before = conflict
    assert Actor(world, "a").finish().value == "a"
    assert world.had() == ["a"]


@pytest.mark.parametrize("transaction", [False, True])
def test_an_end_of_conflicts_that_never_comes_is_an_error(transaction: bool) -> None:
    world = World(transaction)

    def conflict(operation: str, _: Any) -> None:
        if operation in ("transact_write_items", "update_item"):
            raise error("TransactionConflictException", operation)

    world.db.before = conflict
    assert isinstance(Actor(world, "a").finish().failure, IdempotencyPersistenceLayerError)
    world.db.before = lambda *_: None
    # Nothing was written, so the key is free; what was done without a record keeps its lock.
    assert (world.record == {}) is transaction


def test_writes_whose_condition_does_not_hold_are_refused_and_free_the_key() -> None:
    world = World(transaction=True)
    world.db.put_item(TableName="effects", Item={"id": {"S": "there"}})
    refused = Actor(world, "a")
    refused._run = lambda: core.Returned(  # type: ignore[method-assign]  # another handler
        "a",
        '"a"',
        (
            {
                "Put": {
                    "TableName": "effects",
                    "Item": {"id": {"S": "there"}},
                    "ConditionExpression": "attribute_not_exists(id)",
                }
            },
        ),
    )
    refused.finish()
    assert isinstance(refused.failure, TransactionRefused)
    assert refused.failure.reasons == [{"Code": "ConditionalCheckFailed"}]
    assert world.record == {}


def test_a_transaction_takes_writes_of_dynamodb_and_no_more_than_fit() -> None:
    write: Any = {"Put": {"TableName": "t", "Item": {}}}
    Transaction(None, [write] * MAX_WRITES)
    with pytest.raises(TransactionError, match=r"100 writes; at most 99"):
        Transaction(None, [write] * (MAX_WRITES + 1))
    wrong: Any = {"Insert": {}}
    with pytest.raises(TransactionError, match=r"writes\[1\] has the keys \['Insert'\]"):
        Transaction(None, [write, wrong])


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def written(value: Any) -> str:
    return json.dumps(canonical(value), sort_keys=True)


@settings(derandomize=True)
@given(JSON)
def test_equal_json_is_one_key_however_it_was_written(value: Any) -> None:
    def floats(inner: Any) -> Any:
        if isinstance(inner, dict):
            return {name: floats(member) for name, member in reversed(inner.items())}
        if isinstance(inner, list):
            return [floats(member) for member in inner]
        whole = isinstance(inner, int) and not isinstance(inner, bool)
        return Decimal(inner) if whole else inner

    assert written(floats(value)) == written(value)
    assert written(json.loads(json.dumps(value, indent=3))) == written(value)


@settings(derandomize=True)
@given(JSON, JSON)
def test_other_json_is_another_key(one: Any, other: Any) -> None:
    def typed(value: Any) -> Any:
        """Python takes True for 1; JSON does not."""
        if isinstance(value, dict):
            return {name: typed(member) for name, member in value.items()}
        if isinstance(value, list):
            return [typed(member) for member in value]
        return (isinstance(value, bool), value)

    assert (written(one) == written(other)) is (typed(one) == typed(other))


def test_what_json_does_not_have_is_refused() -> None:
    for value in (float("nan"), float("inf"), Decimal("NaN")):
        with pytest.raises(IdempotencyKeyError, match="no number of JSON"):
            canonical({"a": [value]})


@pytest.mark.parametrize(
    ("expression", "composite"),
    [
        ("[id, tenant]", True),
        ("{a: id, b: tenant}", True),
        ("powertools_json(body).[id, tenant]", True),
        ("detail | [id, tenant]", True),
        ("detail", False),
        ("powertools_json(body).id", False),
    ],
)
def test_composite_keys_are_known_by_their_expression(expression: str, composite: bool) -> None:
    assert is_composite(jmespath_compile(expression).parsed) is composite


@pytest.mark.parametrize("key", [None, "", [], {}, [None, "t"], ["i", None], {"a": None, "b": "t"}, ["", "t"]])
def test_a_key_that_lacks_a_part_is_refused(key: Any) -> None:
    with pytest.raises(IdempotencyKeyError):
        check_key(key, composite=bool(key))


def test_a_payload_may_hold_nothing_in_a_member_and_zero_is_a_key() -> None:
    check_key({"a": None, "b": 1}, composite=False)
    check_key([0, False], composite=True)
    check_key(0, composite=False)


@pytest.mark.parametrize(
    ("given", "key"), [("abc", "abc"), ('"abc"', "abc"), (' "a b" ', "a b"), ('"a\\"b"', 'a"b'), ('"', '"')]
)
def test_a_clients_key_is_taken_quoted_and_bare(given: str, key: str) -> None:
    assert client_key(given) == key


@pytest.mark.parametrize("given", ["", '""', "x" * 256, "a\nb", "schlüssel", "a\x00"])
def test_a_clients_key_of_a_wrong_form_is_refused_without_repeating_it(given: str) -> None:
    with pytest.raises(IdempotencyKeyError) as raised:
        client_key(given)
    assert given not in str(raised.value) or len(given) < 3


def test_default_keys_by_the_shape_of_the_event() -> None:
    sqs = {"eventSource": "aws:sqs", "messageId": "m-1", "body": '{"a": 1}', "receiptHandle": "new each time"}
    sns = {"Records": [{"EventSource": "aws:sns", "Sns": {"MessageId": "n-1", "Message": "hello"}}]}
    stream = {"eventSource": "aws:dynamodb", "eventID": "s-1", "eventName": "INSERT", "dynamodb": {"NewImage": {}}}
    kinesis = {"eventSource": "aws:kinesis", "eventID": "shardId-0:1", "kinesis": {"data": "eA=="}}
    bus = {"id": "e-1", "detail-type": "T", "source": "s", "detail": {"a": 1}, "time": "new each time"}
    assert [default_key(Token.EVENT, event) for event in (sqs, sns, stream, kinesis, bus)] == [
        "m-1",
        "n-1",
        "s-1",
        "shardId-0:1",
        "e-1",
    ]
    assert default_key(Token.PAYLOAD, sqs) == {"a": 1}
    assert default_key(Token.PAYLOAD, {**sqs, "receiptHandle": "other", "messageId": "m-2"}) == {"a": 1}
    assert default_key(Token.PAYLOAD, sns) == "hello"
    assert default_key(Token.PAYLOAD, bus) == ["s", "T", {"a": 1}]
    assert default_key(Token.PAYLOAD, kinesis) == "eA=="
    assert default_key(Token.PAYLOAD, stream) == ["INSERT", None, {}, None]
    assert default_key(Token.PAYLOAD, {"plain": 1}) == {"plain": 1}


def request(**more: Any) -> dict[str, Any]:
    return {"httpMethod": "POST", "path": "/orders", "headers": {"idempotency-KEY": "k"}, "requestContext": {}, **more}


def test_a_clients_key_is_its_own_and_its_request_is_compared() -> None:
    other = request(requestContext={"identity": {"userArn": "arn:aws:iam::2:user/u"}})
    assert default_key(Token.CLIENT, request()) != default_key(Token.CLIENT, other)
    base = default_fingerprint(Token.CLIENT, request(body='{"a":1}'))
    assert default_fingerprint(Token.CLIENT, request(body='{ "a": 1 }')) == base
    for changed in (
        request(body='{"a":2}'),
        request(body='{"a":1}', path="/x"),
        request(body='{"a":1}', httpMethod="PUT"),
    ):
        assert default_fingerprint(Token.CLIENT, changed) != base
    with pytest.raises(IdempotencyKeyError, match="header is missing"):
        default_key(Token.CLIENT, request(headers={}))
