"""Which resource and method a request means."""

import re
from dataclasses import dataclass

from eda_sandbox.services.apigateway.model import Definition, Method, Resource


@dataclass(frozen=True)
class Route:
    resource: Resource
    method: Method
    path_parameters: dict[str, str]


def match(definition: Definition, http_method: str, path: str) -> Route | None:
    """Find the route for a path behind the stage, not yet percent-decoded.

    A segment that a resource spells out wins over ``{name}``, and that over ``{name+}``; a trailing slash is the same
    resource. A resource that has neither the method nor ``ANY`` counts as none, so that a greedy one behind it can have
    it. Parameters stay percent-encoded, as API Gateway hands them on.
    """
    best: tuple[tuple[int, ...], Route] | None = None
    for resource in definition.resources.values():
        method = resource.resource_methods.get(http_method) or resource.resource_methods.get("ANY")
        found = _match(resource.path, path) if method else None
        if method and found is not None and (best is None or found[0] < best[0]):
            best = (found[0], Route(resource, method, found[1]))
    return best[1] if best else None


def _match(template: str, path: str) -> tuple[tuple[int, ...], dict[str, str]] | None:
    left = path.strip("/")
    rank: list[int] = []
    parameters: dict[str, str] = {}
    for part in [part for part in template.split("/") if part]:
        if not left:
            return None
        greedy = re.fullmatch(r"\{(.+)\+\}", part)
        if greedy:
            # With the slashes that are in it, several in a row, too.
            parameters[greedy.group(1)] = left
            return (*rank, 2), parameters
        segment, _, left = left.partition("/")
        left = left.lstrip("/")
        single = re.fullmatch(r"\{(.+)\}", part)
        if single:
            parameters[single.group(1)] = segment
            rank.append(1)
        elif part == segment:
            rank.append(0)
        else:
            return None
    return None if left else (tuple(rank), parameters)
