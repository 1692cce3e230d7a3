"""Which operation of a REST-like API model a method and a path mean."""

import re
from dataclasses import dataclass
from functools import cache
from urllib.parse import unquote

from botocore.model import OperationModel, ServiceModel

from eda_sandbox.foundation.cloud import service_model


@dataclass(frozen=True)
class _Route:
    operation: str
    path: re.Pattern[str]
    query: frozenset[tuple[str, str | None]]
    needed: frozenset[str]
    headers: frozenset[str]
    literals: int
    deprecated: bool


class RestRoutes:
    """The routes of a rest-json or rest-xml model, most specific first.

    A request matches a route when its path fits the ``requestUri`` template and it has the template's fixed query
    parameters and the operation's required headers; among those that fit, the one with the most of these, then the most
    literal path, wins. An operation whose required query parameters are missing is meant only when no other fits.
    """

    def __init__(self, model: ServiceModel) -> None:
        self._routes: dict[str, list[_Route]] = {}
        for name in model.operation_names:
            operation = model.operation_model(name)
            self._routes.setdefault(operation.http["method"], []).append(_route(operation))
        for routes in self._routes.values():
            routes.sort(key=_precedence)

    def match(
        self, method: str, raw_path: str, query: list[tuple[str, str]], headers: list[tuple[str, str]]
    ) -> tuple[str, dict[str, str]] | None:
        """The operation's name and its path parameters (decoded), or None."""
        given: set[tuple[str, str | None]] = {(key, value) for key, value in query} | {(key, None) for key, _ in query}
        sent, named = {name for name, _ in headers}, {name for name, _ in query}
        incomplete: tuple[str, dict[str, str]] | None = None
        for route in self._routes.get(method, []):
            found = route.path.fullmatch(raw_path.rstrip("/") or "/") or route.path.fullmatch(raw_path)
            if found and route.query <= given and route.headers <= sent:
                meant = route.operation, {_member(key): unquote(value) for key, value in found.groupdict().items()}
                if route.needed <= named:
                    return meant
                incomplete = incomplete or meant
        return incomplete


@cache
def rest_routes(service: str) -> RestRoutes:
    """The routes of a service, by boto3's name; read once."""
    return RestRoutes(service_model(service))


def _precedence(route: _Route) -> tuple[int, int, int, bool, str]:
    # S3 has operations that took the place of others, and their paths.
    named = route.deprecated, route.operation
    return -len(route.query) - len(route.needed), -len(route.headers), -route.literals, *named


def _route(operation: OperationModel) -> _Route:
    path, _, query = operation.http["requestUri"].partition("?")
    pattern, literals = "", 0
    for piece in re.split(r"(\{[^}]+\})", path.rstrip("/") or "/"):
        if piece.startswith("{"):
            greedy = piece.endswith("+}")
            pattern += f"(?P<{_group(piece.strip('{+}'))}>{'.+' if greedy else '[^/]+'})"
        else:
            pattern += re.escape(piece)
            literals += len(piece)
    wanted: set[tuple[str, str | None]] = set()
    for pair in filter(None, query.split("&")):
        key, has_value, value = pair.partition("=")
        wanted.add((key, value if has_value else None))
    shape = operation.input_shape
    required = [shape.members[name].serialization for name in shape.required_members] if shape is not None else []
    headers = frozenset(str(place["name"]).lower() for place in required if place.get("location") == "header")
    needed = frozenset(str(place["name"]) for place in required if place.get("location") == "querystring")
    return _Route(
        operation.name, re.compile(pattern), frozenset(wanted), needed, headers, literals, bool(operation.deprecated)
    )


def _group(member: str) -> str:
    # A member's name may hold characters that a group's name may not.
    return "m_" + member.replace("-", "__dash__")


def _member(group: str) -> str:
    return group.removeprefix("m_").replace("__dash__", "-")
