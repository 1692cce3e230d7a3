"""Calls of services that go wrong where a test says, for code that is given its clients."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import EndpointConnectionError

from tests.runtime.fake_aws import error
from tests.runtime.races import Killed

KINDS = ("error", "throttled", "lost", "partial", "killed before", "killed after")


@dataclass(frozen=True)
class Fault:
    """A call that goes wrong.

    Attributes:
        after: how many calls are before it.
        kind: one of ``KINDS``. ``lost``: the call takes effect and its answer does not come; ``partial``: a part of a
            batch is refused, and what is no batch is throttled; ``killed``: whoever calls ends there.
        of: the operation that it counts and hits; all of them when it is empty.
    """

    after: int
    kind: str
    of: str = ""


class Wire:
    """Between the code and its clients.

    Attributes:
        hit: what went wrong so far.
        broken: what services were asked for that no service may be asked for.
    """

    def __init__(self, faults: Iterable[Fault]) -> None:
        self._faults = list(faults)
        self._calls: Counter[str] = Counter()
        self.hit: list[str] = []
        self.broken: list[AssertionError] = []

    def client(self, client: Any) -> Any:
        """A client whose calls may go wrong."""
        return _Client(client, self)

    def heal(self) -> None:
        """Nothing goes wrong any more."""
        self._faults.clear()

    def call(self, name: str, act: Callable[..., Any], *given: Any, **parameters: Any) -> Any:
        """One call, as the faults let it be."""
        match self._next(name):
            case None:
                return self._act(act, *given, **parameters)
            case "killed before":
                raise Killed
            case "killed after":
                self._quietly(act, *given, **parameters)
                raise Killed
            case "lost":
                self._quietly(act, *given, **parameters)
                raise EndpointConnectionError(endpoint_url="https://aws")
            case "partial" if name in _PARTIAL:
                return _PARTIAL[name](lambda **taken: self._act(act, **taken), parameters)
            case "error":
                raise error("InternalServerError", _operation(name))
        raise error("ThrottlingException", _operation(name))

    def _next(self, name: str) -> str | None:
        """The kind of the fault whose call this is."""
        self._calls.update(["", name])
        for fault in self._faults:
            if fault.of in ("", name) and self._calls[fault.of] > fault.after:
                self._faults.remove(fault)
                self.hit.append(fault.kind)
                return fault.kind
        return None

    def _act(self, act: Callable[..., Any], *given: Any, **parameters: Any) -> Any:
        try:
            return act(*given, **parameters)
        except AssertionError as raised:
            # The code may catch it; the test must not miss it.
            self.broken.append(raised)
            raise

    def _quietly(self, act: Callable[..., Any], *given: Any, **parameters: Any) -> None:
        """Take effect, or be refused, and nobody is told."""
        try:
            self._act(act, *given, **parameters)
        except Exception:
            return


class _Client:
    def __init__(self, client: Any, wire: Wire) -> None:
        self._client, self._wire = client, wire

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if not callable(found) or name == "exceptions":
            return found
        if name == "get_paginator":
            return lambda operation: _Client(found(operation), self._wire)
        return lambda *given, **parameters: self._wire.call(name, found, *given, **parameters)


def _operation(name: str) -> str:
    return "".join(part.capitalize() for part in re.split("_", name))


def _put_some(act: Callable[..., Any], parameters: dict[str, Any]) -> dict[str, Any]:
    _, *taken = parameters["Records"]
    answers = act(**{**parameters, "Records": taken})["RequestResponses"] if taken else []
    return {"FailedPutCount": 1, "RequestResponses": [{"ErrorCode": "ServiceUnavailableException"}, *answers]}


def _send_some(act: Callable[..., Any], parameters: dict[str, Any]) -> dict[str, Any]:
    refused, *taken = parameters["Entries"]
    answer = act(**{**parameters, "Entries": taken}) if taken else {}
    return {**answer, "Failed": [{"Id": refused["Id"], "Code": "InternalError", "SenderFault": False}]}


def _delete_some(act: Callable[..., Any], parameters: dict[str, Any]) -> dict[str, Any]:
    refused, *taken = parameters["Delete"]["Objects"]
    if taken:
        act(**{**parameters, "Delete": {"Objects": taken}})
    return {"Errors": [{"Key": refused["Key"], "Code": "InternalError"}]}


def _meet_another(act: Callable[..., Any], parameters: dict[str, Any]) -> dict[str, Any]:
    reasons = [{"Code": "TransactionConflict"} for _ in parameters["TransactItems"]]
    raise error("TransactionCanceledException", "TransactWriteItems", CancellationReasons=reasons)


_PARTIAL: dict[str, Callable[[Callable[..., Any], dict[str, Any]], dict[str, Any]]] = {
    "put_record_batch": _put_some,
    "send_message_batch": _send_some,
    "delete_objects": _delete_some,
    "transact_write_items": _meet_another,
}
