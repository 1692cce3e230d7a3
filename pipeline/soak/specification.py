"""What a soak injects, as its option says it."""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import filter as matching

from boto3 import Session
from eda_sandbox.frontdoor.faults import Fault, FaultKind
from eda_sandbox.frontdoor.partial_failures import BATCHES

OUTAGE_SECONDS = 40 * 60
"""AWS's seconds for which a service is out of order."""
DELAY_SECONDS = 0.3
"""Real seconds of a delay."""
API = "execute-api"
"""The pipeline's own API; its clients' calls are hit though they are the root's."""
KILLED = {"lambda": "Invoke", "glue": "StartJobRun"}
_KINDS = {kind.value.replace(" ", "-"): kind for kind in FaultKind if kind is not FaultKind.ERROR}
_KINDS["partial"] = _KINDS.pop("partial-failure")
FORMS = (
    "none, mixed:RATE, kill:RATE, outage:SERVICE, throttle:SERVICE, KIND:SERVICE:OPERATION:RATE (globs); "
    f"KIND is one of {', '.join(sorted(_KINDS))}; RATE is more than 0 and at most 1; SERVICE is boto3's name, or {API}"
)


class SpecificationError(ValueError):
    """A specification that says nothing; the message says what is allowed."""


@dataclass(frozen=True)
class Phase:
    """Faults that are in force together.

    Attributes:
        faults: in the order in which they are asked.
        seconds: AWS's seconds for which they are, from when a third of the orders is sent; None is as long as orders
            are sent, from the beginning.
    """

    faults: tuple[Fault, ...]
    seconds: float | None = None


def parse(text: str) -> list[Phase]:
    """The phases that a specification asks for.

    Raises:
        SpecificationError: a part of it is none of the forms.
    """
    return [phase for part in text.split(",") for phase in _part(part.strip())]


def _part(part: str) -> Iterable[Phase]:
    match part.split(":"):
        case ["none"]:
            return []
        case ["mixed", rate]:
            return [Phase(tuple(_mixed(_rate(part, rate))))]
        case ["kill", rate]:
            return [Phase(tuple(_of(FaultKind.KILL, "*", "*", _rate(part, rate))))]
        case ["outage", service]:
            faults = _of(FaultKind.UNAVAILABLE, _service(part, service), "*", 1)
            return [Phase(tuple(faults), OUTAGE_SECONDS)]
        case ["throttle", service]:
            faults = _of(FaultKind.THROTTLE, _service(part, service), "*", 1)
            return [Phase(tuple(faults), OUTAGE_SECONDS)]
        case [kind, service, operation, rate] if kind in _KINDS:
            faults = _of(_KINDS[kind], _service(part, service), operation, _rate(part, rate))
            if not faults:
                raise SpecificationError(f"{part!r}: {kind} hits {_hit_by(_KINDS[kind])} alone")
            return [Phase(tuple(faults))]
        case _:
            raise SpecificationError(f"{part!r} says nothing; allowed are {FORMS}")


def _mixed(rate: float) -> Iterable[Fault]:
    for kind in _KINDS.values():
        yield from _of(kind, "*", "*", rate)


def _of(kind: FaultKind, service: str, operation: str, rate: float) -> list[Fault]:
    if kind is FaultKind.KILL:
        edges = [(found, KILLED[found]) for found in matching(KILLED, service) if matching([KILLED[found]], operation)]
        return [Fault(kind, found, name, rate) for found, name in edges]
    if kind is FaultKind.PARTIAL:
        return [
            Fault(kind, found, name, rate, code=batch.passes, spares_root=True)
            for (found, name), batch in BATCHES.items()
            if matching([found], service) and matching([name], operation)
        ]
    faults = [Fault(kind, service, operation, rate, seconds=DELAY_SECONDS, spares_root=True)]
    if matching([API], service):
        faults.insert(0, Fault(kind, API, operation, rate, seconds=DELAY_SECONDS))
    return faults


def _hit_by(kind: FaultKind) -> str:
    edges = KILLED.items() if kind is FaultKind.KILL else BATCHES
    return ", ".join(":".join(edge) for edge in edges)


def _rate(part: str, text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate <= 1:
        raise SpecificationError(f"{part!r}: a rate is more than 0 and at most 1, not {text!r}")
    return rate


def _service(part: str, name: str) -> str:
    known = [*Session().get_available_services(), API]
    if not matching(known, name):
        raise SpecificationError(
            f"{part!r}: there is no service {name!r}; SERVICE is boto3's name (dynamodb, lambda, stepfunctions …), "
            f"or {API}, or a glob"
        )
    return name
