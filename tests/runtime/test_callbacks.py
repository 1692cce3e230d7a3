"""The rendezvous of token and data: right in every order, and under races, on a real table."""

import json
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from eda_runtime import callbacks
from eda_runtime.callbacks import KEEP_SECONDS, MAX_OUTPUT_BYTES, CallbackStore, CallbackTooLong, Delivery
from eda_sandbox.embedded import Sandbox

from tests.runtime.deployed import deployed

PAYLOAD = {"address": "here"}


class Workflow:
    """Takes the successes that the store sends; a token counts once, as in Step Functions."""

    def __init__(self) -> None:
        self.resumed: list[tuple[str, str]] = []
        self.over: set[str] = set()
        self._lock = threading.Lock()

    def send_task_success(self, taskToken: str, output: str) -> None:
        with self._lock:
            if taskToken in self.over:
                raise ClientError({"Error": {"Code": "TaskTimedOut", "Message": ""}}, "SendTaskSuccess")
            self.over.add(taskToken)
            self.resumed.append((taskToken, output))


@pytest.fixture(scope="module")
def table(aws: Sandbox) -> str:
    name = f"callbacks-{secrets.token_hex(4)}"
    aws.client("dynamodb").create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return name


@pytest.fixture
def workflow() -> Workflow:
    return Workflow()


@pytest.fixture
def store(aws: Sandbox, table: str, workflow: Workflow) -> CallbackStore:
    return CallbackStore(aws.client("dynamodb"), workflow, table)


def test_token_first(store: CallbackStore, workflow: Workflow) -> None:
    id = secrets.token_hex(8)
    store.keep_token(id, "token")
    assert workflow.resumed == []
    assert store.deliver(id, PAYLOAD) is Delivery.ACCEPTED
    assert workflow.resumed == [("token", '{"callback": {"address": "here"}}')]


def test_data_first(store: CallbackStore, workflow: Workflow) -> None:
    id = secrets.token_hex(8)
    assert store.deliver(id, PAYLOAD) is Delivery.ACCEPTED
    store.keep_token(id, "token")
    assert [token for token, _ in workflow.resumed] == ["token"]


def test_twice_and_then_other_data(store: CallbackStore, workflow: Workflow) -> None:
    id = secrets.token_hex(8)
    store.keep_token(id, "token")
    assert store.deliver(id, {"a": 1, "b": 2}) is Delivery.ACCEPTED
    assert store.deliver(id, {"b": 2, "a": 1}) is Delivery.REPEATED
    assert store.deliver(id, {"a": 1}) is Delivery.CONFLICT
    assert len(workflow.resumed) == 1


def test_a_retry_with_a_new_token_is_resumed_with_the_data_that_was_there(
    store: CallbackStore, workflow: Workflow
) -> None:
    id = secrets.token_hex(8)
    store.keep_token(id, "old")
    workflow.over.add("old")
    assert store.deliver(id, PAYLOAD) is Delivery.ACCEPTED
    store.keep_token(id, "new")
    assert [token for token, _ in workflow.resumed] == ["new"]


def row(aws: Sandbox, table: str, id: str) -> dict[str, Any]:
    found: dict[str, Any] = aws.client("dynamodb").get_item(TableName=table, Key={"id": {"S": id}}).get("Item", {})
    return found


LETTERS = {"Cyrillic": "ж", "emoji": "\U0001f600", "CJK": "漢", "ASCII": "x"}


@pytest.mark.parametrize("letter", LETTERS.values(), ids=LETTERS)
@pytest.mark.parametrize("token_first", [False, True])
def test_data_is_measured_as_it_travels(
    store: CallbackStore, workflow: Workflow, aws: Sandbox, table: str, letter: str, token_first: bool
) -> None:
    empty = len('{"callback": {"a": ""}}')
    most = (MAX_OUTPUT_BYTES - empty) // len(letter.encode())
    id, longest, longer = secrets.token_hex(8), {"a": letter * most}, {"a": letter * (most + 1)}
    if token_first:
        store.keep_token(id, "token")
    with pytest.raises(CallbackTooLong, match=f"it takes {MAX_OUTPUT_BYTES}"):
        store.deliver(id, longer)
    assert "callback" not in row(aws, table, id)
    assert store.deliver(id, longest) is Delivery.ACCEPTED
    if not token_first:
        store.keep_token(id, "token")
    ((_, output),) = workflow.resumed
    assert len(output.encode()) <= MAX_OUTPUT_BYTES
    assert json.loads(output) == {"callback": longest}


def test_half_of_a_surrogate_pair_is_data_too(store: CallbackStore, workflow: Workflow) -> None:
    id = secrets.token_hex(8)
    store.keep_token(id, "token")
    assert store.deliver(id, {"a": "ж\ud800"}) is Delivery.ACCEPTED
    assert store.deliver(id, {"a": "ж\ud800"}) is Delivery.REPEATED
    assert json.loads(workflow.resumed[0][1]) == {"callback": {"a": "ж\ud800"}}
    workflow.resumed[0][1].encode()


def test_a_token_is_kept_for_as_long_as_it_is_waited_with(
    aws: Sandbox, table: str, workflow: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callbacks, "time", SimpleNamespace(time=lambda: 1_000.0))
    year = 365 * 86400
    id, other = secrets.token_hex(8), secrets.token_hex(8)
    long, short = (CallbackStore(aws.client("dynamodb"), workflow, table, seconds) for seconds in (year, 60))
    long.keep_token(id, "token")
    assert row(aws, table, id)["expires_at"] == {"N": str(1_000 + year)}
    short.deliver(id, PAYLOAD)
    assert row(aws, table, id)["expires_at"] == {"N": str(1_000 + year)}
    short.deliver(other, PAYLOAD)
    long.keep_token(other, "token")
    assert row(aws, table, other)["expires_at"] == {"N": str(1_000 + year)}


@pytest.mark.parametrize(("environment", "seconds"), [({}, KEEP_SECONDS), ({"KEEP_SECONDS": "34000000"}, 34_000_000)])
def test_the_keepers_environment_says_how_long(
    aws: Sandbox, table: str, environment: dict[str, str], seconds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callbacks, "time", SimpleNamespace(time=lambda: 1_000.0))
    clients = {"dynamodb": aws.client("dynamodb"), "stepfunctions": Workflow()}
    keeper = deployed("token_keeper/handler.py", {"CALLBACK_TABLE": table, **environment}, clients)
    id = secrets.token_hex(8)
    assert keeper.handle({"id": id, "task_token": "t"}, None) == {}
    assert row(aws, table, id)["expires_at"] == {"N": str(1_000 + seconds)}


def test_after_the_end_nothing_is_taken(store: CallbackStore, workflow: Workflow, aws: Sandbox, table: str) -> None:
    id = secrets.token_hex(8)
    store.keep_token(id, "token")
    aws.client("dynamodb").update_item(
        TableName=table,
        Key={"id": {"S": id}},
        UpdateExpression="SET #status = :closed",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues={":closed": {"S": "CLOSED"}},
    )
    assert store.deliver(id, PAYLOAD) is Delivery.CLOSED
    store.keep_token(id, "later")
    assert workflow.resumed == []


def test_both_at_once_resume_exactly_once(store: CallbackStore, workflow: Workflow) -> None:
    def race(actions: list[Callable[[], Any]]) -> None:
        barrier = threading.Barrier(len(actions))

        def act(action: Callable[[], Any]) -> None:
            barrier.wait()
            action()

        with ThreadPoolExecutor(len(actions)) as pool:
            list(pool.map(act, actions))

    ids = [secrets.token_hex(8) for _ in range(25)]
    for id in ids:
        race([lambda id=id: store.keep_token(id, f"token-{id}"), *[lambda id=id: store.deliver(id, PAYLOAD)] * 3])  # type: ignore[misc]  # lambdas with a default
    assert sorted(token for token, _ in workflow.resumed) == sorted(f"token-{id}" for id in ids)


def test_a_failure_of_step_functions_is_not_swallowed(aws: Sandbox, table: str) -> None:
    class Broken:
        def send_task_success(self, **_: Any) -> None:
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, "SendTaskSuccess")

    id = secrets.token_hex(8)
    store = CallbackStore(aws.client("dynamodb"), Broken(), table)
    store.keep_token(id, "token")
    with pytest.raises(ClientError):
        store.deliver(id, PAYLOAD)
    # The data is there: the client's repeat tries again.
    working = Workflow()
    assert CallbackStore(aws.client("dynamodb"), working, table).deliver(id, PAYLOAD) is Delivery.REPEATED
    assert len(working.resumed) == 1
