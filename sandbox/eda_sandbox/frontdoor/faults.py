"""Faults on every edge between services: seeded, replayable, per service and operation."""

import random
import re
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from fnmatch import fnmatchcase
from xml.sax.saxutils import escape

from eda_sandbox.foundation.cloud import ROOT_KEY, service_model
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.foundation.http import HttpRequest, HttpResponse
from eda_sandbox.frontdoor import error_codes
from eda_sandbox.frontdoor.wire import Wire

_ID = re.compile(r"(?<=/)[0-9A-Za-z_-]*[0-9a-f]{8}[0-9A-Za-z_-]*(?=/|$)")


class FaultKind(Enum):
    """What goes wrong."""

    ERROR = "error"
    """The service answers ``code`` with ``status`` and does nothing."""
    UNAVAILABLE = "unavailable"
    """The service answers its own internal error (5xx) and does nothing."""
    THROTTLE = "throttle"
    """The service answers that it is called too often, with its own code and status, and does nothing."""
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
    KILL = "kill"
    """The process that serves the call is killed (SIGKILL) while it works, at the latest before its answer gets out;
    the operations are ``lambda:Invoke``, for invocations of every kind, and ``glue:StartJobRun``. The caller sees what
    AWS shows of it: ``Runtime.ExitError``, a run that is FAILED."""


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
        matching: a further condition on the request; ``KILL`` makes one with the function's path or the job's name,
            also for invocations that no request asked for.
        spares_root: calls with the account's root credentials are left alone: a test's own clients, and what the
            sandbox asks in its own name. ``KILL`` hits processes, whoever called.
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
    spares_root: bool = False

    def answer(self, service: str, operation: str) -> HttpResponse | None:
        """The error that takes the place of the service's answer; None for kinds that have none."""
        match self.kind:
            case FaultKind.ERROR:
                code, status = self.code, self.status
            case FaultKind.UNAVAILABLE:
                code, status = error_codes.unavailable(service)
            case FaultKind.THROTTLE:
                code, status = error_codes.throttled(service, operation)
            case _:
                return None
        return error_response("apigateway" if service == "execute-api" else service, code, status)


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
    edges: Counter[str] = field(default_factory=Counter)
    """The calls that came, as ``service:operation``, without those with the account's root credentials; those of REST
    APIs' clients count whoever calls."""
    unheard: list[HttpRequest] = field(default_factory=list)
    """Requests of REST APIs' clients that came twice: nobody heard the answer to the first of the two."""
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
            self.unheard.clear()

    def stop(self) -> None:
        """Take all rules back; what was injected stays counted."""
        with self._lock:
            self._rules.clear()

    def counts(self) -> dict[str, dict[str, int]]:
        """How often each kind was injected on each edge, ``service:operation``."""
        with self._lock:
            found = Counter((edge(service, operation), kind.value) for service, operation, kind in self.injected)
        counts: dict[str, dict[str, int]] = {}
        for (name, kind), number in sorted(found.items()):
            counts.setdefault(name, {})[kind] = number
        return counts

    def choose(self, count: int) -> list[bool]:
        """Which entries of a batch a partial failure hits: half of them, at least one."""
        with self._lock:
            chance = random.Random(f"{self.seed}:partial:{len(self.injected)}")
        hit = [chance.random() < 0.5 for _ in range(count)]
        hit[chance.randrange(count)] = True
        return hit

    def decide(self, service: str, operation: str, request: HttpRequest) -> Fault | None:
        """The fault that hits this call, or None."""
        if not service:
            return None
        root = _is_root(request)
        with self._lock:
            if not root or service == "execute-api":
                self.edges[edge(service, operation)] += 1
            found = self._chosen(service, operation, request, lambda fault: not (root and fault.spares_root))
        return found[0] if found else None

    def kill_after(self, service: str, operation: str, request: HttpRequest) -> float | None:
        """When a process that begins to work is killed: a share of the time that the service chooses, or None."""
        with self._lock:
            found = self._chosen(service, operation, request, None)
            return found[1].random() if found else None

    def _chosen(
        self, service: str, operation: str, request: HttpRequest, hits: Callable[[Fault], bool] | None
    ) -> tuple[Fault, random.Random] | None:
        """The rule that hits, of those that kill processes when ``hits`` is None, else of the others."""
        for rule in self._rules:
            fault = rule.fault
            if (fault.kind is FaultKind.KILL) is not (hits is None) or (hits is not None and not hits(fault)):
                continue
            if not (fnmatchcase(service, fault.service) and fnmatchcase(operation, fault.operation)):
                continue
            if fault.matching is not None and not fault.matching(request):
                continue
            rule.calls += 1
            if fault.times is not None and rule.hits >= fault.times:
                continue
            chance = random.Random(f"{self.seed}:{rule.number}:{rule.calls}")
            if chance.random() < fault.probability:
                rule.hits += 1
                self.injected.append((service, operation, fault.kind))
                return fault, chance
        return None


def edge(service: str, operation: str) -> str:
    """How a call is counted; of a REST API's call method, stage and path, in which ids are all one."""
    if service == "execute-api":
        method, _, target = operation.partition(" ")
        operation = f"{method} {_ID.sub('*', '/' + target.partition('/')[2])}"
    return f"{service}:{operation}"


def _is_root(request: HttpRequest) -> bool:
    signed = f"Credential={ROOT_KEY}/" in (request.header("authorization") or "")
    return signed or any(
        name == "X-Amz-Credential" and value.startswith(f"{ROOT_KEY}/") for name, value in request.query
    )


def error_response(service: str, code: str, status: int, message: str | None = None) -> HttpResponse:
    """An error answer in the protocol of a service; without a message it says that it is injected."""
    model = service_model(service)
    message = message or f"injected by the sandbox's fault layer: {code}"
    # Of a service with several protocols clients here speak JSON.
    if {"json", "rest-json"} & {model.metadata["protocol"], *model.metadata.get("protocols", ())}:
        return Wire(model).error(AwsError(code, message, status))
    if model.metadata["protocol"] == "rest-xml":
        return HttpResponse(status, [("content-type", "text/xml")], f"<Error>{_fields(code, message)}</Error>".encode())
    return query_error(code, status, message)


def query_error(code: str, status: int, message: str) -> HttpResponse:
    """An error answer in AWS's query protocol."""
    body = f"<ErrorResponse><Error><Type>Sender</Type>{_fields(code, message)}</Error></ErrorResponse>"
    return HttpResponse(status, [("content-type", "text/xml")], body.encode())


def _fields(code: str, message: str) -> str:
    return f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
