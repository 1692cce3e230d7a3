"""Faults on every edge between services: seeded, replayable, per service and operation."""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from fnmatch import fnmatchcase
from xml.sax.saxutils import escape

from eda_sandbox.foundation.cloud import service_model
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.foundation.http import HttpRequest, HttpResponse
from eda_sandbox.frontdoor.wire import Wire


class FaultKind(Enum):
    """What goes wrong."""

    ERROR = "error"
    """The service answers ``code`` with ``status`` and does nothing."""
    DELAY = "delay"
    """The service answers ``seconds`` (real time) late."""
    DUPLICATE = "duplicate"
    """The service gets the request twice; the caller sees the second answer."""
    LOST_ANSWER = "lost answer"
    """The service does its work, the caller's connection breaks before the answer."""
    LOST_REQUEST = "lost request"
    """The caller's connection breaks before the service sees the request."""
    PARTIAL = "partial failure"
    """The service takes a part of a batch and answers ``code`` for the others; the operations are those of
    ``partial_failures.BATCHES``."""


@dataclass(frozen=True)
class Fault:
    """One rule of the fault layer.

    Args:
        kind: what goes wrong.
        service: boto3's name of the service; a glob.
        operation: the operation as the API model spells it; a glob.
        probability: share of the matching calls that it hits, decided by the seed and the call's number.
        times: how many calls it hits at most; None is without end.
        code: error code, for ``ERROR`` and ``PARTIAL``.
        status: HTTP status, for ``ERROR``.
        seconds: for ``DELAY``.
        matching: a further condition on the request.
    """

    kind: FaultKind
    service: str
    operation: str = "*"
    probability: float = 1.0
    times: int | None = None
    code: str = "ThrottlingException"
    status: int = 400
    seconds: float = 0.0
    matching: Callable[[HttpRequest], bool] | None = None


@dataclass
class _Rule:
    fault: Fault
    number: int
    calls: int = 0
    hits: int = 0


@dataclass
class FaultLayer:
    """Decides for each call whether a fault hits it.

    The decision for the n-th matching call of a rule depends on the seed, the rule's number and n alone, so that a
    failing run is repeated by its seed.
    """

    seed: int = 0
    injected: list[tuple[str, str, FaultKind]] = field(default_factory=list)
    """What was done: service, operation, kind."""
    _rules: list[_Rule] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, fault: Fault) -> None:
        """Put a rule into force."""
        with self._lock:
            self._rules.append(_Rule(fault, len(self._rules)))

    def clear(self) -> None:
        """Take all rules back and forget what was injected."""
        with self._lock:
            self._rules.clear()
            self.injected.clear()

    def choose(self, count: int) -> list[bool]:
        """Which entries of a batch a partial failure hits: half of them, at least one."""
        with self._lock:
            chance = random.Random(f"{self.seed}:partial:{len(self.injected)}")
        hit = [chance.random() < 0.5 for _ in range(count)]
        hit[chance.randrange(count)] = True
        return hit

    def decide(self, service: str, operation: str, request: HttpRequest) -> Fault | None:
        """The fault that hits this call, or None."""
        if not self._rules:
            return None
        with self._lock:
            for rule in self._rules:
                fault = rule.fault
                if not (fnmatchcase(service, fault.service) and fnmatchcase(operation, fault.operation)):
                    continue
                if fault.matching is not None and not fault.matching(request):
                    continue
                rule.calls += 1
                if fault.times is not None and rule.hits >= fault.times:
                    continue
                if random.Random(f"{self.seed}:{rule.number}:{rule.calls}").random() < fault.probability:
                    rule.hits += 1
                    self.injected.append((service, operation, fault.kind))
                    return fault
        return None


def error_response(service: str, code: str, status: int, message: str | None = None) -> HttpResponse:
    """An error answer in the protocol of a service; without a message it says that it is injected."""
    model = service_model(service)
    message = message or f"injected by the sandbox's fault layer: {code}"
    if model.metadata["protocol"] in ("json", "rest-json"):
        return Wire(model).error(AwsError(code, message, status))
    fields = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    if model.metadata["protocol"] == "rest-xml":
        body = f"<Error>{fields}</Error>"
    else:
        body = f"<ErrorResponse><Error><Type>Sender</Type>{fields}</Error></ErrorResponse>"
    return HttpResponse(status, [("content-type", "text/xml")], body.encode())
