"""What a pipe's target takes in one call, and what becomes of a batch that is more."""

from typing import Any

import pytest
from eda_sandbox.services.pipes.targets import send

STREAM = "arn:aws:firehose:eu-central-1:000000000000:deliverystream/raw"
QUEUE = "arn:aws:sqs:eu-central-1:000000000000:orders"


class Target:
    """Takes everything, and says in how many records each call came."""

    class meta:
        endpoint_url = "http://127.0.0.1"

    def __init__(self) -> None:
        self.calls: list[int] = []

    def put_record_batch(self, **request: Any) -> dict[str, Any]:
        self.calls.append(len(request["Records"]))
        return {"FailedPutCount": 0}

    def send_message_batch(self, **request: Any) -> dict[str, Any]:
        self.calls.append(len(request["Entries"]))
        return {}


@pytest.mark.parametrize(
    ("arn", "sizes", "calls", "failed"),
    [
        (STREAM, [2 * 1024 * 1024] * 2, [2], []),
        (STREAM, [2 * 1024 * 1024, 2 * 1024 * 1024 + 1], [], [0, 1]),
        (STREAM, [10] * 1001, [500, 500, 1], []),
        (QUEUE, [100 * 1024] * 10, [10], []),
        (QUEUE, [105 * 1024] * 10, [], list(range(10))),
        (QUEUE, [10] * 11, [10, 1], []),
    ],
)
def test_a_batch_that_is_too_large_for_a_call_fails_as_a_whole(
    arn: str, sizes: list[int], calls: list[int], failed: list[int]
) -> None:
    target = Target()
    failures = send(lambda _: target, {"Target": arn}, ["x" * size for size in sizes], [{}] * len(sizes))
    assert (target.calls, sorted(failures)) == (calls, failed)
    assert all("in one call" in reason for reason in failures.values())


def test_or_it_is_sent_in_several_calls() -> None:
    target = Target()
    texts = ["x" * 2 * 1024 * 1024] * 5
    assert send(lambda _: target, {"Target": STREAM}, texts, [{}] * 5, "split") == {}
    assert target.calls == [2, 2, 1]


def test_bytes_are_counted_not_characters() -> None:
    target = Target()
    assert sorted(send(lambda _: target, {"Target": QUEUE}, ["ü" * 600 * 1024], [{}])) == [0]
