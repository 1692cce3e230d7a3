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

    The resource is chosen first, by path alone: a segment that it spells out wins over ``{name}``, and that
    over ``{name+}``; a trailing slash is the same resource. Then its method, or its ``ANY``. Parameters stay
    percent-encoded, as API Gateway hands them on.
    """
    segments = [segment for segment in path.split("/") if segment]
    best: tuple[tuple[int, ...], Resource, dict[str, str]] | None = None
    for resource in definition.resources.values():
        found = _match(resource.path, segments) if resource.resource_methods else None
        if found is not None and (best is None or found[0] < best[0]):
            best = (found[0], resource, found[1])
    if best is None:
        return None
    method = best[1].resource_methods.get(http_method) or best[1].resource_methods.get("ANY")
    return Route(best[1], method, best[2]) if method else None


def _match(template: str, segments: list[str]) -> tuple[tuple[int, ...], dict[str, str]] | None:
    parts = [part for part in template.split("/") if part]
    rank: list[int] = []
    parameters: dict[str, str] = {}
    for at, part in enumerate(parts):
        greedy = re.fullmatch(r"\{(.+)\+\}", part)
        if greedy:
            if at >= len(segments):
                return None
            parameters[greedy.group(1)] = "/".join(segments[at:])
            return (*rank, 2), parameters
        if at >= len(segments):
            return None
        single = re.fullmatch(r"\{(.+)\}", part)
        if single:
            parameters[single.group(1)] = segments[at]
            rank.append(1)
        elif part == segments[at]:
            rank.append(0)
        else:
            return None
    return (tuple(rank), parameters) if len(parts) == len(segments) else None
