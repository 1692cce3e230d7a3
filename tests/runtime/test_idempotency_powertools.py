"""Powertools' documented features through ours, and ten pitfalls: plain Powertools repeats the effect, ours does not.

Each comparison runs the same steps twice, with Powertools' decorator on Powertools' store and with ours on ours.
"""

import contextlib
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from aws_lambda_powertools.utilities import idempotency as powertools
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyAlreadyInProgressError,
    IdempotencyKeyError,
    IdempotencyPersistenceLayerError,
    IdempotencyValidationError,
)
from aws_lambda_powertools.utilities.idempotency.persistence import base as powertools_base
from aws_lambda_powertools.utilities.idempotency.serialization.dataclass import DataclassSerializer
from eda_runtime.claim_check import ClaimCheck
from eda_runtime.http import Problem, json_body
from eda_runtime.idempotency import (
    FencedDynamoDBPersistenceLayer,
    IdempotentCalls,
    Mode,
    ModeError,
    ResultNotKept,
    ResultTooLarge,
    Token,
    calls,
    core,
    from_settings,
    idempotent,
    idempotent_function,
    store,
)
from eda_runtime.idempotency.calls import DISABLED
from eda_runtime.settings import SettingsError
from eda_runtime.transaction import Transaction, TransactionError

from tests.runtime.memory_dynamodb import MemoryDynamoDB, error
from tests.waiting import wait_until

TABLE = "records"
Context = SimpleNamespace
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def context(remaining_ms: int = 10_000) -> Any:
    return Context(get_remaining_time_in_millis=lambda: remaining_ms, aws_request_id="r", function_name="f")


class Ended(BaseException):
    """The process ends here: nothing runs any more, not even what cleans up."""


@dataclass
class Library:
    """Powertools' or our way to the same thing, on a table of its own.

    Attributes:
        ours: which of them.
        db: the table.
        effects: what was done.
    """

    ours: bool
    db: MemoryDynamoDB = field(default_factory=MemoryDynamoDB)
    effects: list[Any] = field(default_factory=list)

    def store(self, **more: Any) -> Any:
        kind = FencedDynamoDBPersistenceLayer if self.ours else powertools.DynamoDBPersistenceLayer
        return kind(table_name=TABLE, boto3_client=self.db, **more)  # type: ignore[arg-type]  # a stand-in

    def handler(self, function: Callable[[Any, Any], Any], store: Any = None, prefix: str = "f", **config: Any) -> Any:
        """A decorated handler."""
        decorator: Any = idempotent if self.ours else powertools.idempotent
        settings = powertools.IdempotencyConfig(**config)
        # Powertools takes functions, no methods.
        decorated = decorator(persistence_store=store or self.store(), config=settings, key_prefix=prefix)
        return decorated(lambda event, context: function(event, context))

    def function(self, function: Callable[..., Any], store: Any, prefix: str | None, **more: Any) -> Any:
        """A decorated function whose argument ``data`` is the key."""
        decorator: Any = idempotent_function if self.ours else powertools.idempotent_function
        prefixed = {"key_prefix": prefix} if prefix is not None else {}
        return decorator(function, data_keyword_argument="data", persistence_store=store, **prefixed, **more)

    def effect(self, event: Any, _: Any = None) -> dict[str, int]:
        self.effects.append(event)
        return {"effect": len(self.effects)}


@pytest.fixture(params=[False, True], ids=["powertools", "ours"])
def library(request: pytest.FixtureRequest) -> Library:
    """First one, then the other."""
    return Library(request.param)


@dataclass
class Time:
    """The time that stores and attempts see."""

    now: float = 1_800_000_000.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    """A time that goes on when it is told to, for Powertools and for ours."""
    import datetime

    from aws_lambda_powertools.utilities.idempotency import base as handler_base
    from aws_lambda_powertools.utilities.idempotency.persistence import datarecord, dynamodb

    made = Time()

    class Now(datetime.datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return cls.fromtimestamp(made.now)

    stand_in = SimpleNamespace(datetime=Now, timedelta=datetime.timedelta)
    for module in (powertools_base, handler_base, datarecord, dynamodb):
        monkeypatch.setattr(module, "dt", stand_in)
    for ours in (calls, store):
        monkeypatch.setattr(ours, "time", SimpleNamespace(time=lambda: made.now, sleep=made.sleep))
    return made


# The ten pitfalls.


def test_1_nested_calls_on_one_store_keep_their_records_apart(library: Library) -> None:
    store = library.store()
    inner = library.function(lambda data: library.effect(data), store, "inner")

    def outer(data: Any) -> dict[str, int]:
        library.effects.append("outer")
        return {"inner": inner(data="same")["effect"]}

    decorated = library.function(lambda data: outer(data), store, "outer")
    first = decorated(data="same")
    again: Any
    try:
        again = decorated(data="same")
    except IdempotencyAlreadyInProgressError as failure:
        again = failure
    if library.ours:
        assert again == first == {"inner": 2}
        assert library.effects == ["outer", "same"]
    else:
        # Its record was completed under the inner call's key, and the inner call's result is overwritten.
        assert isinstance(again, IdempotencyAlreadyInProgressError)
        assert inner(data="same") == first


def test_2_a_stale_owner_that_fails_late_deletes_nothing(library: Library, time: Time) -> None:
    store = library.store()
    quick = library.handler(library.effect, store)

    def slow_then_failed(event: Any, _: Any) -> None:
        time.now += 11
        quick(event, context())
        raise ValueError("late")

    slow = library.handler(slow_then_failed, store)
    with pytest.raises(ValueError, match="late"):
        slow({"id": 1}, context())
    quick({"id": 1}, context())
    assert len(library.effects) == (1 if library.ours else 2)


def test_3_a_result_that_fits_into_no_record_is_not_made_twice(library: Library, time: Time) -> None:
    def large(event: Any, _: Any) -> str:
        library.effects.append(event)
        return "x" * 500_000

    decorated = library.handler(large)
    for _ in range(2):
        with contextlib.suppress(IdempotencyPersistenceLayerError, ResultNotKept):
            decorated({"id": 1}, context())
        time.now += 11
    assert len(library.effects) == (1 if library.ours else 2)


class Objects:
    """S3, as far as payloads need it."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}

    def put_object(self, Key: str, Body: bytes, **_: Any) -> None:
        self.bodies[Key] = Body

    def get_object(self, Key: str, **_: Any) -> dict[str, Any]:
        body = self.bodies[Key]
        return {"Body": SimpleNamespace(read=lambda: body), "ContentLength": len(body)}


@pytest.mark.parametrize("mode", [Mode.RECORD, Mode.TRANSACTION])
def test_3_with_a_payload_store_every_repeat_gets_the_large_result(mode: Mode) -> None:
    library, objects = Library(ours=True), Objects()

    def large(event: Any, _: Any) -> Any:
        library.effects.append(event)
        result = {"all": "ü" * 300_000}
        return Transaction(result) if mode is Mode.TRANSACTION else result

    decorated = idempotent(
        large,
        persistence_store=library.store(),
        key_prefix="f",
        mode=mode,
        payload_store=ClaimCheck(lambda: objects, "bucket"),
    )
    assert decorated({"id": 1}, context()) == decorated({"id": 1}, context()) == {"all": "ü" * 300_000}
    assert (len(library.effects), len(objects.bodies)) == (1, 1)


def test_3_a_transaction_whose_result_fits_nowhere_writes_nothing() -> None:
    library = Library(ours=True)
    write: Any = {"Put": {"TableName": "effects", "Item": {"id": {"S": "a"}}}}
    decorated = idempotent(
        lambda event, _: Transaction("x" * 500_000, [write]),
        persistence_store=library.store(),
        key_prefix="f",
        mode=Mode.TRANSACTION,
    )
    with pytest.raises(ResultTooLarge, match="nothing was written"):
        decorated({"id": 1}, context())
    assert library.db.tables.get("effects", {}) == {}
    assert library.db.tables[TABLE] == {}


def test_4_a_crash_does_not_use_up_lambdas_two_retries(library: Library, time: Time) -> None:
    """A function with 900 seconds ends at once; Lambda tries again after a minute, and after two more."""
    crashes = iter([True])

    def handle(event: Any, _: Any) -> dict[str, int]:
        if next(crashes, False):
            raise Ended
        return library.effect(event)

    decorated = library.handler(handle)
    with pytest.raises(Ended):
        decorated({"id": 1}, context(900_000))
    for pause in (60, 120):
        time.now += pause
        try:
            decorated({"id": 1}, context(900_000))
            break
        except IdempotencyAlreadyInProgressError:
            continue
    assert len(library.effects) == (1 if library.ours else 0)


def test_4_a_lock_is_renewed_while_its_handler_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core, "LEASE_SECONDS", 0.6)
    library = Library(ours=True)
    waiting = threading.Event()

    def slow(event: Any, _: Any) -> dict[str, int]:
        assert waiting.wait(20)
        return library.effect(event)

    decorated = library.handler(slow)
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(decorated({"id": 1}, context(60_000))))
    thread.start()
    # Past three leases, and still nobody else gets in.
    wait_until(lambda: library.db.calls["update_item"] >= 9, "the lock was renewed")
    with pytest.raises(IdempotencyAlreadyInProgressError):
        decorated({"id": 1}, context(60_000))
    waiting.set()
    thread.join(10)
    renewals = library.db.calls["update_item"] - 1
    assert answers == [{"effect": 1}]
    assert renewals >= 9
    names = {thread.name for thread in threading.enumerate()}
    assert "idempotency-lease" not in names


def test_5_an_end_between_effect_and_record_repeats_nothing_in_a_transaction(time: Time) -> None:
    increment: Any = {
        "Update": {
            "TableName": "effects",
            "Key": {"id": {"S": "n"}},
            "UpdateExpression": "ADD n :one",
            "ExpressionAttributeValues": {":one": {"N": "1"}},
        }
    }
    for ours in (False, True):
        library = Library(ours)

        def plain(event: Any, _: Any, db: MemoryDynamoDB = library.db) -> str:
            db.update_item(**increment["Update"])
            return "done"

        decorated = (
            idempotent(
                lambda event, _: Transaction("done", [increment]),
                persistence_store=library.store(),
                key_prefix="f",
                mode=Mode.TRANSACTION,
            )
            if ours
            else library.handler(plain)
        )
        ends = iter([True])

        def before(operation: str, request: dict[str, Any], ends: Any = ends) -> None:
            commit = operation == "transact_write_items" or request.get("TableName") == TABLE
            if operation != "put_item" and commit and next(ends, False):
                raise Ended

        library.db.before = before
        with pytest.raises(Ended):
            decorated({"id": 1}, context())
        time.now += 11
        assert decorated({"id": 1}, context()) == "done"
        assert decorated({"id": 1}, context()) == "done"
        assert library.db.item("effects", "n")["n"] == {"N": "1" if ours else "2"}


def test_6_a_partly_null_composite_key_is_refused(library: Library) -> None:
    decorated = library.handler(
        library.effect, event_key_jmespath="[order_id, tenant]", raise_on_no_idempotency_key=True
    )
    orders = [{"tenant": "t", "order": 1}, {"tenant": "t", "order": 2}]
    if library.ours:
        for order in orders:
            with pytest.raises(IdempotencyKeyError, match="part 0 of the composite"):
                decorated(order, context())
        assert library.effects == []
    else:
        # Two orders, one result.
        assert decorated(orders[0], context()) == decorated(orders[1], context())
        assert library.effects == orders[:1]


def test_7_each_function_has_its_own_configuration_on_a_shared_store(library: Library) -> None:
    store = library.store()
    by_id = library.handler(library.effect, store, prefix="by-id", event_key_jmespath="id")
    by_name = library.handler(library.effect, store, prefix="by-name", event_key_jmespath="name")
    by_id({"id": 1, "name": "a"}, context())
    for name in ("a", "b"):
        by_name({"id": 1, "name": name}, context())
    assert len(library.effects) == (3 if library.ours else 2)


def test_8_equal_json_is_one_key(library: Library) -> None:
    decorated = library.handler(library.effect, event_key_jmespath="powertools_json(body)")
    for body in ('{"a": 1, "b": 2}', '{"b":2,"a":1.0}'):
        decorated({"body": body}, context())
    assert len(library.effects) == (1 if library.ours else 2)


def test_8_text_that_is_json_is_one_key_however_it_is_spaced() -> None:
    library = Library(ours=True)
    decorated = idempotent(library.effect, persistence_store=library.store(), key_prefix="f", token=Token.PAYLOAD)
    for body in ('{"a": 1}', '{"a":1}'):
        decorated({"httpMethod": "POST", "requestContext": {"requestId": body}, "body": body}, context())
    assert len(library.effects) == 1


def test_9_renaming_code_keeps_what_is_known(library: Library) -> None:
    def place_order(data: Any) -> dict[str, int]:
        return library.effect(data)

    def create_order(data: Any) -> dict[str, int]:
        return library.effect(data)

    prefix = "orders" if library.ours else None
    store = library.store()
    library.function(place_order, store, prefix)(data="o-1")
    library.function(create_order, store, prefix)(data="o-1")
    assert len(library.effects) == (1 if library.ours else 2)


def test_9_a_key_prefix_is_demanded() -> None:
    with pytest.raises(ValueError, match="key_prefix is empty"):
        idempotent(lambda event, _: None, persistence_store=Library(ours=True).store(), key_prefix="")


def test_10_the_local_cache_hits_with_a_composite_table_key(library: Library) -> None:
    library.db.keys = {TABLE: ("id", "sort")}
    decorated = library.handler(library.effect, library.store(sort_key_attr="sort"), use_local_cache=True)
    # Another instance did the work; this one sees it once, and then knows it.
    library.handler(library.effect, library.store(sort_key_attr="sort"))({"id": 1}, context())
    decorated({"id": 1}, context())
    before = library.db.calls.total()
    assert decorated({"id": 1}, context()) == {"effect": 1}
    assert library.db.calls.total() - before == (0 if library.ours else 1)


# What Powertools documents, through ours.


def test_two_calls_on_first_and_one_on_replay(library: Library) -> None:
    decorated = library.handler(library.effect)
    decorated({"id": 1}, context())
    assert library.db.calls.total() == 2
    decorated({"id": 1}, context())
    assert library.db.calls.total() == 3


def test_jmespath_keys_with_powertools_functions(library: Library) -> None:
    decorated = library.handler(library.effect, event_key_jmespath="powertools_json(body).[user_id, product_id]")
    for more in ({"at": 1}, {"at": 2}):
        decorated({"body": json.dumps({"user_id": "u", "product_id": "p", **more})}, context())
    assert len(library.effects) == 1


def test_payload_validation(library: Library) -> None:
    decorated = library.handler(library.effect, event_key_jmespath="id", payload_validation_jmespath="amount")
    decorated({"id": 1, "amount": 5}, context())
    with pytest.raises(IdempotencyValidationError):
        decorated({"id": 1, "amount": 6}, context())
    assert decorated({"id": 1, "amount": 5, "other": 1}, context()) == {"effect": 1}


def test_expiry(library: Library, time: Time) -> None:
    decorated = library.handler(library.effect, expires_after_seconds=60)
    decorated({"id": 1}, context())
    time.now += 60
    assert decorated({"id": 1}, context()) == {"effect": 1}
    time.now += 2
    assert decorated({"id": 1}, context()) == {"effect": 2}


def test_the_local_cache_asks_the_table_once(library: Library, time: Time) -> None:
    decorated = library.handler(library.effect, use_local_cache=True, expires_after_seconds=60)
    for _ in range(5):
        decorated({"id": 1}, context())
    assert library.db.calls.total() == 2
    time.now += 62
    assert decorated({"id": 1}, context()) == {"effect": 2}


def test_the_local_cache_is_bounded(library: Library) -> None:
    decorated = library.handler(library.effect, use_local_cache=True, local_cache_max_items=1)
    for number in (1, 2, 1):
        decorated({"id": number}, context())
    assert library.db.calls.total() == 5


def test_without_a_key_it_warns_or_raises(library: Library) -> None:
    lenient = library.handler(library.effect, event_key_jmespath="missing")
    with pytest.warns(UserWarning, match="No idempotency key value found"):
        lenient({"id": 1}, context())
    strict = library.handler(library.effect, event_key_jmespath="missing", raise_on_no_idempotency_key=True)
    with pytest.raises(IdempotencyKeyError):
        strict({"id": 1}, context())
    assert (len(library.effects), library.db.calls.total()) == (1, 0)


def test_a_failed_call_is_tried_again(library: Library) -> None:
    fails = iter([True])

    def handle(event: Any, _: Any) -> dict[str, int]:
        if next(fails, False):
            raise ValueError("first")
        return library.effect(event)

    decorated = library.handler(handle)
    with pytest.raises(ValueError, match="first"):
        decorated({"id": 1}, context())
    assert decorated({"id": 1}, context()) == {"effect": 1}


def test_a_response_hook_changes_repeats(library: Library) -> None:
    def hook(response: Any, record: Any) -> Any:
        assert record.idempotency_key.startswith("f#")
        assert record.get_expiration_datetime() is not None
        return {**response, "replayed": True}

    decorated = library.handler(library.effect, response_hook=hook)
    assert decorated({"id": 1}, context()) == {"effect": 1}
    assert decorated({"id": 1}, context()) == {"effect": 1, "replayed": True}


@dataclass
class Order:
    """What a function takes and gives."""

    id: str
    quantity: int


def test_models_as_arguments_and_results(library: Library) -> None:
    def double(data: Order) -> Order:
        library.effects.append(data)
        return Order(data.id, 2 * data.quantity)

    decorated = library.function(double, library.store(), "f", output_serializer=DataclassSerializer)
    assert decorated(data=Order("o", 2)) == decorated(data=Order("o", 2)) == Order("o", 4)
    assert len(library.effects) == 1


def test_decimals_in_results_are_text_in_a_repeat_of_powertools_and_numbers_in_ours(library: Library) -> None:
    decorated = library.handler(lambda event, _: {"price": Decimal("1.50")})
    first, again = decorated({"id": 1}, context()), decorated({"id": 1}, context())
    assert again == ({"price": 1.5} if library.ours else {"price": "1.50"})
    assert (first == again) is library.ours


RESULTS: list[Any] = [
    {"a": Decimal("1.10"), "b": Decimal("12345678901234567.01"), "c": Decimal("3"), "d": Decimal("1E+30")},
    {7: (1, 2), "b": [{"c": ()}], None: None, True: 1.5},
    {2: 1, "a": 2},
    (1, 2.0, "three", None, True),
    Decimal("0.1"),
    [1e22, 1.0, -0.0, 1e300, 5e-324, 0.1 + 0.2, 10**700, -(10**5000)],
    "\ud800",
    "",
    0,
    False,
    None,
    Order("o", 2),
]


@pytest.mark.parametrize("result", RESULTS, ids=range(len(RESULTS)))
@pytest.mark.parametrize("mode", list(Mode))
def test_a_repeat_has_the_value_and_the_types_of_the_first(result: Any, mode: Mode) -> None:
    def typed(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: typed(member) for name, member in value.items()}
        return [typed(member) for member in value] if isinstance(value, list) else (type(value), value)

    decorated = idempotent(
        lambda event, _: Transaction(result) if mode is Mode.TRANSACTION else result,
        persistence_store=Library(ours=True).store(),
        key_prefix="f",
        mode=mode,
    )
    first, again = decorated({"id": 1}, context()), decorated({"id": 1}, context())
    assert typed(first) == typed(again)
    if not isinstance(result, dict | tuple | Order | Decimal):
        assert first == result


def test_a_result_that_is_no_json_is_not_called_too_large(caplog: pytest.LogCaptureFixture) -> None:
    def answered(result: Any, mode: Mode = Mode.RECORD) -> str:
        decorated = idempotent(
            lambda event, _: Transaction(result) if mode is Mode.TRANSACTION else result,
            persistence_store=Library(ours=True).store(),
            key_prefix="f",
            mode=mode,
        )
        first = decorated({"id": 1}, context())
        assert first == result
        with pytest.raises(ResultNotKept) as raised:
            decorated({"id": 1}, context())
        return str(raised.value)

    assert "large" not in answered(object())
    assert {getattr(record, "reason", None) for record in caplog.records} >= {"it is no JSON"}
    caplog.clear()
    answered("x" * 500_000)
    reasons = {getattr(record, "reason", None) for record in caplog.records}
    assert reasons >= {"it is too large and there is no payload store"}
    with pytest.raises(TransactionError, match="cannot be written as JSON; nothing was written") as refused:
        answered(object(), Mode.TRANSACTION)
    assert not isinstance(refused.value, ResultTooLarge)


DEEP = "[" * 20_000 + "]" * 20_000
"""Deeper than any recursion gets: Python's own ends at 1,000, that of its parsers in C at 10,000."""
DEEPEST = "[" * 100_000 + "]" * 100_000
"""About as deep as a message of SQS has room for."""
VALID = [
    DEEP,
    '{"a":' * 2_000 + "1" + "}" * 2_000,
    "1e400",
    "9" * 5_000,
    '"\\ud800"',
    "[1e99999999999999999999999]",
    "-0",
    pytest.param(DEEPEST, marks=pytest.mark.slow),
]


@pytest.mark.parametrize("body", VALID, ids=range(len(VALID)))
def test_every_valid_json_has_a_key(body: str) -> None:
    library = Library(ours=True)
    decorated = idempotent(
        lambda record, _: library.effects.append(1),
        persistence_store=library.store(),
        key_prefix="f",
        token=Token.PAYLOAD,
    )
    assert failed(decorated(sqs(body), context())) == []
    again = sqs(body)
    again["Records"][0] |= {"messageId": "another", "body": f" {body}\n"}
    assert failed(decorated(again, context())) == []
    assert len(library.effects) == 1
    for expression in ("powertools_json(body)", "[messageId, powertools_json(body)]"):
        named = idempotent(
            lambda record, _: None,
            persistence_store=library.store(),
            key_prefix=expression,
            config=powertools.IdempotencyConfig(event_key_jmespath=expression, raise_on_no_idempotency_key=True),
        )
        assert failed(named(sqs(body), context())) == []


def test_numbers_that_no_float_tells_apart_are_keys_of_their_own() -> None:
    texts = [
        "12345678901234567.01",
        "12345678901234567.02",
        "1e400",
        "1e401",
        "1e-400",
        "0",
        "9007199254740993.0",
        "9007199254740992.0",
        "0.1",
        "0.10000000000000000001",
    ]
    for expression in ("", "powertools_json(body)"):
        library = Library(ours=True)
        decorated = idempotent(
            library.effect,
            persistence_store=library.store(),
            key_prefix="f",
            token=None if expression else Token.PAYLOAD,
            config=powertools.IdempotencyConfig(event_key_jmespath=expression, raise_on_no_idempotency_key=True),
        )
        for text in [*texts, *texts]:
            assert failed(decorated(sqs(f'{{"n": {text}}}'), context())) == []
        assert len(library.effects) == len(texts)
    library = Library(ours=True)
    one = library.function(lambda data: library.effect(data), library.store(), "f")
    for text in texts:
        one(data={"n": Decimal(text)})
    assert len(library.effects) == len(texts)


@pytest.mark.parametrize(
    "body",
    [
        "[" * 100_000,
        "{" * 600,
        '{"a": NaN}',
        '{"a": 1e400}',
        DEEP,
        pytest.param(DEEPEST, marks=pytest.mark.slow),
        '"\\ud800"',
    ],
)
def test_a_body_that_is_refused_is_400_by_the_handlers_own_check(body: str) -> None:
    def answer(event: Any, _: Any) -> Any:
        json_body(event, 10_000_000)
        raise AssertionError

    for token in (Token.CLIENT, Token.PAYLOAD):
        decorated = idempotent(answer, persistence_store=Library(ours=True).store(), key_prefix="f", token=token)
        assert decorated(request(body=body), context())["statusCode"] in (400, 422)


def test_what_is_no_json_is_refused_where_a_key_is_read_from_it() -> None:
    config = powertools.IdempotencyConfig(event_key_jmespath="powertools_json(body)", raise_on_no_idempotency_key=True)
    decorated = idempotent(
        lambda event, _: None, persistence_store=Library(ours=True).store(), key_prefix="f", config=config
    )
    assert decorated(request(body="{"), context())["statusCode"] == 400
    assert failed(decorated(sqs('{"a": NaN}', "{"), context())) == ['m-{"a": NaN}', "m-{"]


def test_powertools_batch_processor_over_an_idempotent_function(library: Library) -> None:
    config = powertools.IdempotencyConfig(event_key_jmespath="body")

    def record_handler(data: Any) -> None:
        if data["body"] == "poison":
            raise ValueError("on purpose")
        library.effects.append(data["body"])

    one = library.function(record_handler, library.store(), "f", config=config)
    event = {"Records": [{"messageId": str(n), "body": body} for n, body in enumerate(("a", "poison", "a", "b"))]}
    answer = process_partial_response(
        event=event,
        record_handler=lambda record: one(data={"body": record.body}),
        processor=BatchProcessor(event_type=EventType.SQS),
        context=context(),
    )
    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert library.effects == ["a", "b"]


def test_the_switch_for_development(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DISABLED, "true")
    decorated = library.handler(library.effect)
    for _ in range(2):
        decorated({"id": 1}, context())
    assert (len(library.effects), library.db.calls.total()) == (2, 0)


def test_the_switch_for_development_still_writes_a_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DISABLED, "1")
    library = Library(ours=True)
    write: Any = {"Put": {"TableName": "effects", "Item": {"id": {"S": "a"}}}}
    decorated = idempotent(
        lambda event, _: Transaction("done", [write]),
        persistence_store=library.store(),
        key_prefix="f",
        mode=Mode.TRANSACTION,
    )
    assert decorated({"id": 1}, context()) == "done"
    assert library.db.item("effects", "a")


def test_a_durable_execution_goes_on_with_what_it_left(library: Library) -> None:
    def durable(operations: int) -> Any:
        return Context(lambda_context=context(), state=Context(operations=[None] * operations))

    def suspended(event: Any, given: Any) -> dict[str, int]:
        if len(given.state.operations) == 1:
            raise Ended
        return library.effect(event)

    decorated = library.handler(suspended)
    with pytest.raises(Ended):
        decorated({"id": 1}, durable(1))
    assert decorated({"id": 1}, durable(2)) == {"effect": 1}
    assert decorated({"id": 1}, durable(1)) == {"effect": 1}


def test_a_record_of_plain_powertools_is_understood() -> None:
    """The same key, so that what is known survives the change from Powertools' store to ours."""
    plain, ours = Library(ours=False), Library(ours=True)
    ours.db = plain.db
    config = {"event_key_jmespath": "id", "hash_function": "sha256"}
    plain.handler(plain.effect, **config)({"id": "a"}, context())
    assert ours.handler(ours.effect, **config)({"id": "a"}, context()) == {"effect": 1}
    assert ours.effects == []


# Our store under Powertools' own decorators.


def test_our_store_fences_under_powertools_own_decorator(time: Time) -> None:
    library = Library(ours=True)
    store = library.store()
    config = powertools.IdempotencyConfig(event_key_jmespath="id", payload_validation_jmespath="amount")

    def decorated(function: Any) -> Any:
        decorator = powertools.idempotent(persistence_store=store, config=config, key_prefix="f")
        return decorator(lambda event, context: function(event, context))

    quick = decorated(library.effect)
    event = {"id": 1, "amount": 2}

    def other_thread() -> None:
        quick(event, context())

    def slow(_: Any, __: Any) -> None:
        time.now += 11
        thread = threading.Thread(target=other_thread)
        thread.start()
        thread.join(10)
        raise ValueError("late")

    with pytest.raises(ValueError, match="late"):
        decorated(slow)(event, context())
    assert quick(event, context()) == {"effect": 1}
    with pytest.raises(IdempotencyValidationError):
        quick({"id": 1, "amount": 3}, context())


def test_the_local_cache_hits_with_a_composite_table_key_under_powertools_own_decorator() -> None:
    library = Library(ours=True, db=MemoryDynamoDB({TABLE: ("id", "sort")}))
    config = powertools.IdempotencyConfig(use_local_cache=True)
    library.handler(library.effect, library.store(sort_key_attr="sort"))({"id": 1}, context())
    decorator = powertools.idempotent(
        persistence_store=library.store(sort_key_attr="sort"), config=config, key_prefix="f"
    )
    decorated = decorator(lambda event, context: library.effect(event, context))
    decorated({"id": 1}, context())
    before = library.db.calls.total()
    assert decorated({"id": 1}, context()) == {"effect": 1}
    assert library.db.calls.total() == before


def test_a_stale_success_under_powertools_own_decorator_is_an_error(time: Time) -> None:
    library = Library(ours=True)
    store = library.store()
    config = powertools.IdempotencyConfig(event_key_jmespath="id")
    decorator = powertools.idempotent(persistence_store=store, config=config, key_prefix="f")
    quick = decorator(lambda event, context: library.effect(event, context))

    def slow(event: Any, _: Any) -> str:
        time.now += 11
        thread = threading.Thread(target=lambda: quick(event, context()))
        thread.start()
        thread.join(10)
        return "stale"

    late = decorator(slow)
    with pytest.raises(IdempotencyPersistenceLayerError, match="no longer this attempt's"):
        late({"id": 1}, context())
    assert quick({"id": 1}, context()) == {"effect": 1}


# What is answered.


def request(key: str | None = "k", body: str = "{}", **more: Any) -> dict[str, Any]:
    headers = {} if key is None else {"Idempotency-Key": key}
    return {"httpMethod": "POST", "path": "/o", "headers": headers, "body": body, "requestContext": {}, **more}


def client_handler(library: Library, function: Any = None, **more: Any) -> Any:
    def answer(event: Any, _: Any) -> Any:
        return {"statusCode": 201, "headers": {"Location": "/o/1"}, "body": json.dumps(library.effect(event))}

    return idempotent(function or answer, persistence_store=library.store(), key_prefix="f", token=Token.CLIENT, **more)


def test_a_repeated_request_gets_the_first_answer_marked_as_replayed() -> None:
    decorated = client_handler(Library(ours=True))
    first = decorated(request(), context())
    again = decorated(request('"k"'), context())
    assert "Idempotency-Replayed" not in first["headers"]
    assert again == {**first, "headers": {**first["headers"], "Idempotency-Replayed": "true"}}


@pytest.mark.parametrize(
    ("event", "status", "detail"),
    [
        (request(None), 400, "header is missing"),
        (request(""), 400, "1 to 255 characters"),
        (request("x" * 256), 400, "1 to 255 characters"),
        (request("k", '{"other": 1}'), 422, "used before with another payload"),
    ],
)
def test_what_is_refused_is_a_problem_and_has_no_effect(event: dict[str, Any], status: int, detail: str) -> None:
    library = Library(ours=True)
    decorated = client_handler(library)
    decorated(request(), context())
    answer = decorated(event, context())
    assert answer["statusCode"] == status
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    assert detail in json.loads(answer["body"])["detail"]
    assert len(library.effects) == 1


def test_a_request_that_still_runs_is_409_with_retry_after() -> None:
    library = Library(ours=True)
    inside: list[Any] = []

    def answer(event: Any, _: Any) -> Any:
        inside.append(decorated(event, context()))
        return {"statusCode": 200, "body": ""}

    decorated = client_handler(library, answer)
    assert decorated(request(), context())["statusCode"] == 200
    assert (inside[0]["statusCode"], inside[0]["headers"]["Retry-After"]) == (409, "1")


def test_two_callers_keys_never_meet() -> None:
    library = Library(ours=True)
    decorated = client_handler(library)
    for user in ("1", "2", "1"):
        identity = {"identity": {"userArn": f"arn:aws:iam::{user}:user/u"}}
        decorated(request(requestContext=identity), context())
    assert len(library.effects) == 2


def test_a_problem_of_the_handler_is_answered_and_not_remembered() -> None:
    library = Library(ours=True)
    problems = iter([Problem(404, "not yet")])

    def answer(event: Any, _: Any) -> Any:
        for problem in problems:
            raise problem
        return {"statusCode": 200, "body": ""}

    decorated = client_handler(library, answer)
    assert [decorated(request(), context())["statusCode"] for _ in range(2)] == [404, 200]


def test_writes_that_are_refused_are_409_for_a_request_and_an_error_otherwise() -> None:
    library = Library(ours=True)
    library.db.put_item(TableName="effects", Item={"id": {"S": "a"}})
    write: Any = {
        "Put": {
            "TableName": "effects",
            "Item": {"id": {"S": "a"}},
            "ConditionExpression": "attribute_not_exists(id)",
        }
    }

    def answer(event: Any, _: Any) -> Any:
        return Transaction({"statusCode": 200, "body": ""}, [write])

    decorated = client_handler(library, answer, mode=Mode.TRANSACTION)
    refused = decorated(request(), context())
    assert (refused["statusCode"], refused["headers"]["Retry-After"]) == (409, "1")


@pytest.mark.parametrize(("mode", "result"), [(Mode.RECORD, Transaction("x")), (Mode.TRANSACTION, "x")])
def test_a_result_of_the_other_mode_is_an_error_that_names_it(mode: Mode, result: Any) -> None:
    library = Library(ours=True)
    decorated = idempotent(lambda event, _: result, persistence_store=library.store(), key_prefix="f", mode=mode)
    with pytest.raises(ModeError, match=f"in mode {mode} the handler must return"):
        decorated({"id": 1}, context())
    assert library.db.tables[TABLE] == {}


def test_a_store_without_a_fence_is_refused() -> None:
    plain = Library(ours=False).store()
    with pytest.raises(TypeError, match="must be a FencedDynamoDBPersistenceLayer"):
        IdempotentCalls(plain, "f", powertools.IdempotencyConfig())


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"token": "CLENT"}, "'CLENT' is not a valid Token"),
        ({"mode": "ONCE"}, "'ONCE' is not a valid Mode"),
        ({"table": ""}, "lacks table"),
        ({"tabel": "t"}, "unknown settings"),
    ],
)
def test_wrong_settings_are_named(changed: dict[str, Any], message: str) -> None:
    given = {"token": "EVENT", "table": "t", "key_prefix": "f", **changed}
    with pytest.raises(SettingsError, match=message):
        from_settings(lambda event, _: None, json.dumps(given))


# Batches.


def sqs(*bodies: str, group: str | None = None, fifo: bool = False) -> dict[str, Any]:
    arn = "arn:aws:sqs:eu-central-1:1:q" + (".fifo" if fifo else "")
    return {
        "Records": [
            {
                "messageId": f"m-{body}",
                "body": body,
                "eventSource": "aws:sqs",
                "eventSourceARN": arn,
                "attributes": {"MessageGroupId": body[0]} if group is None and fifo else {},
            }
            for body in bodies
        ]
    }


def changes(*keys: str) -> dict[str, Any]:
    return {
        "Records": [
            {
                "eventID": f"e-{number}",
                "eventName": "INSERT",
                "eventSource": "aws:dynamodb",
                "dynamodb": {"Keys": {"id": {"S": key}}, "SequenceNumber": str(number)},
            }
            for number, key in enumerate(keys)
        ]
    }


def batch_handler(library: Library, poison: Callable[[dict[str, Any]], bool]) -> Any:
    def handle(record: dict[str, Any], _: Any) -> None:
        if poison(record):
            raise ValueError("poison")
        library.effects.append(record.get("body") or record["dynamodb"]["SequenceNumber"])

    return idempotent(handle, persistence_store=library.store(), key_prefix="f", token=Token.EVENT)


def failed(answer: dict[str, Any]) -> list[str]:
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def test_a_bad_message_neither_blocks_nor_repeats_its_neighbours() -> None:
    library = Library(ours=True)
    decorated = batch_handler(library, lambda record: record["body"] == "poison")
    for _ in range(3):
        assert failed(decorated(sqs("a", "poison", "b"), context())) == ["m-poison"]
    assert library.effects == ["a", "b"]


def test_a_batch_that_fails_as_a_whole_names_all_of_it() -> None:
    library = Library(ours=True)
    decorated = batch_handler(library, lambda record: True)
    assert failed(decorated(sqs("a", "b"), context())) == ["m-a", "m-b"]


def test_a_failure_stops_its_message_group_and_no_other() -> None:
    library = Library(ours=True)
    decorated = batch_handler(library, lambda record: record["body"] == "x2")
    answer = decorated(sqs("x1", "y1", "x2", "y2", "x3", fifo=True), context())
    assert failed(answer) == ["m-x2", "m-x3"]
    assert library.effects == ["x1", "y1", "y2"]


def test_a_failed_change_stops_its_item_and_a_replayed_shard_repeats_nothing() -> None:
    library = Library(ours=True)
    bad = {"1"}
    decorated = batch_handler(library, lambda record: record["dynamodb"]["SequenceNumber"] in bad)
    shard = changes("a", "b", "a", "b", "c")
    assert failed(decorated(shard, context())) == ["1", "3"]
    assert library.effects == ["0", "2", "4"]
    bad.clear()
    assert failed(decorated({"Records": shard["Records"][1:]}, context())) == []
    assert library.effects == ["0", "2", "4", "1", "3"]


def test_a_record_that_another_instance_works_on_is_left_to_it(time: Time) -> None:
    library = Library(ours=True)
    decorated = batch_handler(library, lambda record: False)
    library.db.before = lambda *_: None
    ends = iter([True])

    def before(operation: str, _: Any) -> None:
        if operation == "update_item" and next(ends, False):
            raise Ended

    library.db.before = before
    with pytest.raises(Ended):
        decorated(sqs("a"), context())
    assert failed(decorated(sqs("a", "b"), context())) == ["m-a"]
    time.now += 11
    assert failed(decorated(sqs("a"), context())) == []
    # Ended between effect and record: the documented window of RECORD.
    assert library.effects == ["a", "b", "a"]


def test_kinesis_records_have_keys_of_their_own() -> None:
    library = Library(ours=True)
    seen: list[str] = []
    decorated = idempotent(
        lambda record, _: seen.append(record["eventID"]),
        persistence_store=library.store(),
        key_prefix="f",
        token=Token.EVENT,
    )
    batch = {
        "Records": [
            {
                "eventID": f"shard:{number}",
                "eventSource": "aws:kinesis",
                "kinesis": {"partitionKey": "p", "sequenceNumber": str(number), "data": "eA=="},
            }
            for number in range(3)
        ]
    }
    for _ in range(2):
        assert failed(decorated(batch, context())) == []
    assert seen == ["shard:0", "shard:1", "shard:2"]


def test_an_error_of_the_store_before_the_effect_is_raised_and_has_no_effect() -> None:
    library = Library(ours=True)

    def before(operation: str, _: Any) -> None:
        raise error("ProvisionedThroughputExceededException", operation)

    library.db.before = before
    with pytest.raises(IdempotencyPersistenceLayerError, match="save the record in progress"):
        library.handler(library.effect)({"id": 1}, context())
    assert library.effects == []
