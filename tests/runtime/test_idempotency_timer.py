"""Leases that are renewed in time although nothing runs before: the parked timer, and locks under a handler's calls."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from aws_lambda_powertools.utilities.idempotency import IdempotencyConfig
from aws_lambda_powertools.utilities.idempotency.exceptions import IdempotencyAlreadyInProgressError
from eda_runtime.idempotency import FencedDynamoDBPersistenceLayer, IdempotentCalls, calls, core
from eda_runtime.idempotency.timer import Timer

from tests.runtime.memory_dynamodb import MemoryDynamoDB
from tests.waiting import DEADLINE_SECONDS, wait_until

LEASE = 0.6
LONG: Any = SimpleNamespace(get_remaining_time_in_millis=lambda: 900_000)
SHORT: Any = SimpleNamespace(get_remaining_time_in_millis=lambda: 20_000)


def named(name: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == name]


class Clock:
    """The wall clock, which can be set."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


class Environment:
    """Idempotent calls on a table that tells when a lock was renewed."""

    def __init__(self, **more: Any) -> None:
        self.db = MemoryDynamoDB()
        self.clock = Clock()
        self.calls = self.others()
        self.renewed = 0
        self.before_renewal: Callable[[], None] = lambda: None
        self.db.before = self._before

    def others(self) -> IdempotentCalls:
        """Calls of another environment on the same table."""
        store = FencedDynamoDBPersistenceLayer(table_name="records", boto3_client=self.db)  # type: ignore[arg-type]  # a stand-in
        return IdempotentCalls(store, "f", IdempotencyConfig(event_key_jmespath="id"), clock=self.clock)

    def _before(self, operation: str, request: dict[str, Any]) -> None:
        if operation == "update_item" and "#locked = :locked" in request["UpdateExpression"]:
            self.before_renewal()
            self.renewed += 1

    def locked_until(self) -> float:
        ((_, item),) = self.db.tables["records"].items()
        return int(item["in_progress_expiration"]["N"]) / 1000


@pytest.fixture
def timer() -> Timer:
    return Timer("test-lease")


@pytest.fixture
def short_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core, "LEASE_SECONDS", LEASE)
    monkeypatch.setattr(calls, "_timer", Timer("idempotency-lease"))


def test_an_action_runs_when_it_is_due_and_once(timer: Timer) -> None:
    ran: list[float] = []
    begin = time.monotonic()
    timer.after(0.05, lambda _: ran.append(time.monotonic()))
    wait_until(lambda: bool(ran), "the action ran")
    later = threading.Event()
    timer.after(0.05, lambda _: later.set())
    assert later.wait(DEADLINE_SECONDS)
    assert len(ran) == 1
    assert ran[0] >= begin + 0.05


def test_what_is_cancelled_never_runs_and_has_no_thread(timer: Timer) -> None:
    ran: list[str] = []
    for _ in range(100):
        timer.cancel(timer.after(0.05, lambda _: ran.append("cancelled")), wait_seconds=1)
    after = threading.Event()
    timer.after(0.1, lambda _: after.set())
    assert after.wait(DEADLINE_SECONDS)
    assert ran == []


def test_an_earlier_time_does_not_wait_for_a_later_one(timer: Timer) -> None:
    ran: list[str] = []
    sooner = threading.Event()
    timer.after(3600, lambda _: ran.append("in an hour"))
    timer.after(0.02, lambda _: sooner.set())
    assert sooner.wait(DEADLINE_SECONDS)
    assert ran == []


def test_one_that_takes_long_holds_up_no_other(timer: Timer) -> None:
    ended = threading.Event()
    slow = timer.after(0.01, lambda stopped: stopped.wait(60) and ended.set())
    quick = threading.Event()
    timer.after(0.05, lambda _: quick.set())
    assert quick.wait(DEADLINE_SECONDS)
    assert not ended.is_set()
    timer.cancel(slow, wait_seconds=DEADLINE_SECONDS)
    assert ended.is_set()


def test_an_action_without_a_thread_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    timer = Timer("few-threads", again_seconds=0.05)
    timer.after(3600, lambda _: None)
    start, refused = threading.Thread.start, iter([True, True])

    def refuse(thread: threading.Thread) -> None:
        if thread.name == "few-threads" and next(refused, False):
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    ran = threading.Event()
    timer.after(0.01, lambda _: ran.set())
    assert ran.wait(DEADLINE_SECONDS)
    assert next(refused, None) is None


def process(script: str, **more: Any) -> subprocess.Popen[str]:
    """A Python process that runs a script."""
    return subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, **more)


FORK = """
import os, threading
from eda_runtime.idempotency.timer import Timer
timer = Timer("forked")
parents = threading.Event()
timer.after(0.3, lambda _: parents.set())
with timer._changed:  # as another thread of the parent may hold it
    child = os.fork()
if child == 0:
    assert timer._parked is None
    ran = threading.Event()
    timer.after(0.05, lambda _: ran.set())
    os._exit(0 if ran.wait(60) and not parents.is_set() else 1)
_, status = os.waitpid(child, 0)
assert parents.wait(60)
raise SystemExit(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.slow
def test_a_child_has_a_timer_of_its_own_and_none_of_the_parents_actions() -> None:
    forked = process(FORK)
    assert forked.wait(DEADLINE_SECONDS) == 0


FROZEN = """
import sys, threading, time
from eda_runtime.idempotency.timer import Timer
timer, ran = Timer("frozen"), threading.Event()
print(time.monotonic(), flush=True)
timer.after(2.0, lambda _: (print(time.monotonic(), flush=True), ran.set()))
assert ran.wait(60)
# The next invocation of the thawed environment.
again = threading.Event()
timer.after(0.05, lambda _: again.set())
assert again.wait(60)
"""


@pytest.mark.slow
def test_what_came_due_in_a_frozen_environment_runs_when_it_thaws() -> None:
    frozen = process(FROZEN)
    assert frozen.stdout is not None
    begin = float(frozen.stdout.readline())
    os.kill(frozen.pid, signal.SIGSTOP)
    thaws = begin + 2.2
    wait_until(lambda: time.monotonic() >= thaws, "the time is over")
    os.kill(frozen.pid, signal.SIGCONT)
    ran = float(frozen.stdout.readline())
    assert frozen.wait(DEADLINE_SECONDS) == 0
    assert ran >= thaws


def test_short_calls_start_no_thread_and_long_ones_one_for_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "_timer", Timer("of-this-test"))
    environment = Environment()
    for number in range(20):
        environment.calls.call({"id": f"short {number}"}, lambda: None, context=SHORT)
    assert named("of-this-test-timer") == []
    for number in range(20):
        environment.calls.call({"id": f"long {number}"}, lambda: None, context=LONG)
    assert len(named("of-this-test-timer")) == 1
    assert named("of-this-test") == []
    assert environment.renewed == 0


@pytest.mark.usefixtures("short_leases")
def test_invocations_of_one_environment_renew_their_own_locks_only() -> None:
    environment = Environment()

    def until_renewed_again() -> int:
        seen = environment.renewed
        wait_until(lambda: environment.renewed >= seen + 2, "the lock was renewed")
        return environment.renewed

    for number in range(2):
        environment.calls.call({"id": number}, until_renewed_again, context=LONG)
        assert named("idempotency-lease") == []
        seen = environment.renewed
        # Longer than a renewal's time: what is over is not renewed.
        waited = time.monotonic() + LEASE
        wait_until(lambda at=waited: time.monotonic() >= at, "the time is over")  # type: ignore[misc]
        assert environment.renewed == seen


@pytest.mark.usefixtures("short_leases")
def test_a_renewal_that_hangs_holds_up_no_other_call() -> None:
    environment = Environment()
    hanging, released = threading.Event(), threading.Event()

    def hang_once() -> None:
        if not hanging.is_set():
            hanging.set()
            assert released.wait(DEADLINE_SECONDS)

    environment.before_renewal = hang_once

    def wait_for_two() -> str:
        wait_until(lambda: environment.renewed >= 2, "the other lock was renewed")
        return "done"

    answers: list[Any] = []
    threads = [
        threading.Thread(
            target=lambda n=n: answers.append(environment.calls.call({"id": n}, wait_for_two, context=LONG))
        )
        for n in range(2)
    ]
    for thread in threads:
        thread.start()
    assert hanging.wait(DEADLINE_SECONDS)
    for thread in threads:
        thread.join(DEADLINE_SECONDS)
    released.set()
    assert answers == [("done", False)] * 2


@pytest.mark.usefixtures("short_leases")
def test_a_lock_that_outlived_a_jump_of_the_clock_is_renewed_from_the_new_time() -> None:
    environment = Environment()

    def jump() -> str:
        environment.clock.ahead = 60.0
        wait_until(lambda: environment.renewed >= 1, "the lock was renewed")
        assert environment.locked_until() > time.time() + 60 - 5
        with pytest.raises(IdempotencyAlreadyInProgressError):
            environment.others().call({"id": 1}, lambda: "another", context=SHORT)
        return "first"

    assert environment.calls.call({"id": 1}, jump, context=LONG) == ("first", False)


@pytest.mark.usefixtures("short_leases")
def test_a_lock_that_is_lost_is_renewed_no_more_and_its_attempt_answers_what_the_other_did() -> None:
    environment = Environment()

    def lose() -> str:
        # The environment was frozen while others' time went on: somebody took the record and did the work.
        environment.clock.ahead = 60.0
        assert environment.others().call({"id": 1}, lambda: "another", context=SHORT) == ("another", False)
        wait_until(lambda: environment.renewed >= 1, "a renewal was tried")
        wait_until(lambda: not named("idempotency-lease"), "the renewals ended")
        return "late"

    assert environment.calls.call({"id": 1}, lose, context=LONG) == ("another", True)
    assert environment.renewed == 1


@pytest.mark.usefixtures("short_leases")
@pytest.mark.parametrize("failure", [ValueError, SystemExit])
def test_a_handler_that_fails_is_renewed_no_more(failure: type[BaseException]) -> None:
    environment = Environment()

    def fail() -> None:
        wait_until(lambda: environment.renewed >= 1, "the lock was renewed")
        raise failure

    with pytest.raises(failure):
        environment.calls.call({"id": 1}, fail, context=LONG)
    assert named("idempotency-lease") == []
