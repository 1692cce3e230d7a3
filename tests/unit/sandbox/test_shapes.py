"""What has the form of its API model passes, on however many threads it is asked for the first time."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.frontdoor import shapes

THREADS = 16
DEEP = {"TableName": "t", "Item": {"a": {"M": {"b": {"L": [{"M": {"c": {"S": "d"}}}, {"N": "1"}]}}}}}


def test_checks_that_are_first_made_by_many_threads_at_once_are_whole() -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(THREADS) as pool:
            for _ in range(20):
                shapes._of.cache_clear()
                together = threading.Barrier(THREADS)

                def ask(together: threading.Barrier = together) -> None:
                    together.wait()
                    shapes.check("dynamodb", "PutItem", DEEP)

                for asked in [pool.submit(ask) for _ in range(THREADS)]:
                    asked.result()
    finally:
        sys.setswitchinterval(interval)


def test_what_lies_deep_is_checked() -> None:
    wrong = {"TableName": "t", "Item": {"a": {"M": {"b": {"L": [{"M": {"c": {"S": 1}}}]}}}}}
    with pytest.raises(AwsError, match="NUMBER_VALUE"):
        shapes.check("dynamodb", "PutItem", wrong)
