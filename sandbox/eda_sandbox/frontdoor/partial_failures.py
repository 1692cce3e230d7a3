"""Batches of which a part fails, as services that are busy answer them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from eda_sandbox.foundation.errors import SandboxError
from eda_sandbox.frontdoor.faults import FaultLayer

MESSAGE = "injected by the sandbox's fault layer"


@dataclass(frozen=True)
class Batch:
    """How an operation spells its batches.

    Args:
        entries: the request's list.
        results: the response's list, an entry for each of the request's, in order.
        failures: the response's number of failures.
    """

    entries: str
    results: str
    failures: str


BATCHES = {("firehose", "PutRecordBatch"): Batch("Records", "RequestResponses", "FailedPutCount")}
"""The operations of our services that can fail in part."""


@dataclass(frozen=True)
class PartialFailure:
    """Lets a service see the entries that are spared, and its caller the failures of the others between the results.

    Args:
        faults: chooses the entries.
        code: the error code of those that fail.
    """

    faults: FaultLayer
    code: str

    def call(
        self, service: str, operation: str, values: dict[str, Any], method: Callable[[dict[str, Any]], dict[str, Any]]
    ) -> dict[str, Any]:
        """What the operation answers.

        Raises:
            SandboxError: it takes no batches that can fail in part.
        """
        batch = BATCHES.get((service, operation))
        if batch is None:
            raise SandboxError(f"{service}:{operation} cannot fail in part; {', '.join(map(':'.join, BATCHES))} can")
        failed = self.faults.choose(len(values[batch.entries]))
        spared = [entry for entry, hit in zip(values[batch.entries], failed, strict=True) if not hit]
        answer = method({**values, batch.entries: spared}) if spared else {}
        results = iter(answer.get(batch.results, []))
        return {
            **answer,
            batch.results: [
                {"ErrorCode": self.code, "ErrorMessage": MESSAGE} if hit else next(results) for hit in failed
            ],
            batch.failures: sum(failed) + answer.get(batch.failures, 0),
        }
