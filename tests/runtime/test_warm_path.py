"""What a warm call does, by the calls of functions it makes: they are the same on every machine."""

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow  # counts instructions in processes of their own

COUNT = """
import json, os, threading
from bench.idempotency import function_calls
with open(os.devnull, "w") as log:
    counted = function_calls(log)
print(json.dumps([counted, sorted(thread.name for thread in threading.enumerate())]))
"""


@pytest.fixture(scope="module")
def counted() -> tuple[dict[str, dict[str, float]], list[str]]:
    """Calls of functions by the kind of a call and the library, and the threads that run afterwards.

    In a process of its own, where nobody else has set up logging.
    """
    environment = {**os.environ, "AWS_DEFAULT_REGION": "eu-central-1"}
    done = subprocess.run([sys.executable, "-c", COUNT], env=environment, check=True, stdout=subprocess.PIPE, text=True)
    calls, threads = json.loads(done.stdout)
    return calls, threads


@pytest.mark.parametrize("kind", ["first", "first, long", "repeat"])
def test_a_warm_call_does_at_most_eight_tenths_of_what_powertools_does(
    kind: str, counted: tuple[dict[str, dict[str, float]], list[str]]
) -> None:
    found = counted[0][kind]
    assert found["ours"] <= 0.8 * found["powertools"]


def test_calls_with_much_time_left_have_one_parked_thread_and_no_other(
    counted: tuple[dict[str, dict[str, float]], list[str]],
) -> None:
    assert counted[1] == ["MainThread", "idempotency-lease-timer"]
