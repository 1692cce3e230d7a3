"""Batches of which a part fails, as services that are busy answer them."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from eda_sandbox.foundation.errors import SandboxError
from eda_sandbox.foundation.http import HttpRequest, HttpResponse
from eda_sandbox.frontdoor.faults import FaultLayer

MESSAGE = "injected by the sandbox's fault layer"


@dataclass(frozen=True)
class Batch:
    """How an operation spells its batches.

    Args:
        entries: the request's list.
        results: the response's list, an entry for each of the request's, in order.
        failures: the response's number of failures.
        passes: the error code of an entry that may be sent again.
    """

    entries: str
    results: str
    failures: str
    passes: str


# The codes are those of the APIs' pages of PutEventsResultEntry, PutRecordBatch and PutRecordsResultEntry.
BATCHES = {
    ("events", "PutEvents"): Batch("Entries", "Entries", "FailedEntryCount", "InternalFailure"),
    ("firehose", "PutRecordBatch"): Batch(
        "Records", "RequestResponses", "FailedPutCount", "ServiceUnavailableException"
    ),
    ("kinesis", "PutRecords"): Batch("Records", "Records", "FailedRecordCount", "InternalFailure"),
}
"""The operations that can fail in part, beside ``sqs:SendMessageBatch``, which lists its failures apart."""
_APART = ("sqs", "SendMessageBatch")


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
        """What an operation of one of our services answers.

        Raises:
            SandboxError: it takes no batches that can fail in part.
        """
        batch = BATCHES.get((service, operation))
        if batch is None:
            known = ", ".join(map(":".join, [*BATCHES, _APART]))
            raise SandboxError(f"{service}:{operation} cannot fail in part; {known} can")
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

    def forward(
        self, service: str, operation: str, request: HttpRequest, serve: Callable[[HttpRequest], HttpResponse]
    ) -> HttpResponse:
        """What an operation of the emulator answers, in AWS's JSON protocol.

        Raises:
            SandboxError: it takes no batches that can fail in part.
        """

        def ask(values: dict[str, Any]) -> dict[str, Any]:
            body = json.dumps(values).encode()
            others = [header for header in request.headers if header[0] != "content-length"]
            response = serve(replace(request, body=body, headers=[*others, ("content-length", str(len(body)))]))
            if response.status >= 300:
                raise _Refused(response)
            found: dict[str, Any] = json.loads(response.body)
            return found

        try:
            answer = self._forwarded(service, operation, request.parameters(), ask)
        except _Refused as refused:
            return refused.response
        return HttpResponse(200, [("content-type", request.header("content-type") or "")], json.dumps(answer).encode())

    def _forwarded(
        self, service: str, operation: str, values: dict[str, Any], ask: Callable[[dict[str, Any]], dict[str, Any]]
    ) -> dict[str, Any]:
        if (service, operation) != _APART:
            return self.call(service, operation, values, ask)
        entries = values["Entries"]
        failed = self.faults.choose(len(entries))
        spared = [entry for entry, hit in zip(entries, failed, strict=True) if not hit]
        answer = ask({**values, "Entries": spared}) if spared else {}
        own = [
            {"Id": entry["Id"], "Code": self.code, "Message": MESSAGE, "SenderFault": False}
            for entry, hit in zip(entries, failed, strict=True)
            if hit
        ]
        return {"Successful": [], **answer, "Failed": [*answer.get("Failed", []), *own]}


class _Refused(Exception):
    """The emulator took nothing of the batch."""

    def __init__(self, response: HttpResponse) -> None:
        super().__init__(response.status)
        self.response = response
