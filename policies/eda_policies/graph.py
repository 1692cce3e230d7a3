"""The stack's resources and how they are linked, built once and shared by all rules.

A link is known from the dependency of a property, also while the value is unknown, or from the value itself: an ARN,
a name or an address of another resource.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TypeVar

from eda_policies.resource import Resource
from eda_policies.values import UNKNOWN

V = TypeVar("V", bound=Resource)
_IDENTITIES = ("arn", "id", "url", "name", "bucket", "invokeArn", "executionArn", "function", "streamArn")
"""Outputs by which other resources name one."""
_EMBEDDED = re.compile(r"arn:[\w-]+:[^\s\"'\\,|{}]+|s3://[a-z0-9.-]+|https://sqs[^\s\"'\\]+")
_SHORTEST = 3


class Graph:
    """The stack.

    Args:
        resources: all of its resources.
    """

    def __init__(self, resources: Sequence[Resource]) -> None:
        self.resources = list(resources)
        self._by_urn = {resource.urn: resource for resource in self.resources}
        self._by_type: dict[str, list[Resource]] = defaultdict(list)
        self._texts: dict[str, tuple[Resource, ...]] = {}
        for resource in self.resources:
            self._by_type[resource.type].append(resource)

    def of(self, *types: str) -> list[Resource]:
        """All resources of some types."""
        return [resource for type in types for resource in self._by_type.get(type, ())]

    def views(self, view: type[V], *types: str) -> list[V]:
        """All resources of some types, seen as a view."""
        return [seen(view, resource) for resource in self.of(*types)]

    def linked(self, resource: Resource, path: str, *types: str) -> list[Resource]:
        """The resources of some types that a property names.

        Args:
            resource: whose property it is.
            path: the property; what it depends on is known of the first part alone, so a deeper path is decided by
                values, and by dependencies only where the values are unknown.
            types: of the other resources.
        """
        found: dict[str, Resource] = {}
        top, _, rest = path.partition(".")
        if not rest or resource.given(path) is UNKNOWN or resource.given(top) is UNKNOWN:
            for urn in resource.depends_on.get(top, ()):
                self._add(found, self._by_urn.get(urn), types, resource)
        for text in resource.texts(path):
            for other in self._named(text):
                self._add(found, other, types, resource)
        return list(found.values())

    def named(self, text: str, *types: str) -> list[Resource]:
        """The resources of some types that a text names: by an ARN or address in it, or being their name."""
        return [other for other in self._named(text) if not types or other.type in types]

    def naming(self, resource: Resource, *types: str) -> list[tuple[Resource, str]]:
        """The resources of some types that name one, with the property in which they do."""
        return [(other, name) for other, name in self._reverse.get(resource.urn, ()) if other.type in types]

    @cached_property
    def _reverse(self) -> dict[str, list[tuple[Resource, str]]]:
        reverse: dict[str, list[tuple[Resource, str]]] = defaultdict(list)
        for resource in self.resources:
            for name in {*resource.data, *resource.depends_on}:
                if name in _IDENTITIES and name not in resource.depends_on:
                    continue
                if name in resource.depends_on or any(map(self._named, resource.texts(name))):
                    for target in self.linked(resource, name):
                        reverse[target.urn].append((resource, name))
        return reverse

    @cached_property
    def _identities(self) -> dict[str, list[Resource]]:
        made: dict[str, list[Resource]] = defaultdict(list)
        for resource in self.resources:
            for text in {text for text in map(resource.data.get, _IDENTITIES) if isinstance(text, str)}:
                if len(text) >= _SHORTEST:
                    made[text].append(resource)
        return made

    def _named(self, text: str) -> tuple[Resource, ...]:
        """What a text names; many rules ask of the same."""
        known = self._texts.get(text)
        if known is None:
            known = self._texts[text] = (*self._identities.get(text, ()), *self._embedded(text))
        return known

    def _embedded(self, text: str) -> Iterator[Resource]:
        if ":" in text:
            for match in _EMBEDDED.finditer(text):
                yield from self._longest(match.group())

    def _longest(self, text: str) -> Sequence[Resource]:
        """What an ARN or address names, or the ARN before its last parts (``:*``, ``/*``, ``/stream/…``)."""
        if text.startswith("s3://"):
            return self._identities.get(text[5:], ())
        for _ in range(5):
            if text in self._identities:
                return self._identities[text]
            cut = max(text.rfind("/"), text.rfind(":"))
            if cut <= 0:
                break
            text = text[:cut]
        return ()

    def _add(
        self, found: dict[str, Resource], other: Resource | None, types: tuple[str, ...], resource: Resource
    ) -> None:
        if other is not None and other is not resource and (not types or other.type in types):
            found[other.urn] = other


def seen(view: type[V], resource: Resource) -> V:
    """A resource as a view of its type sees it, sharing what was parsed."""
    if isinstance(resource, view):
        return resource
    made = view.__new__(view)
    for slot in (*Resource.__slots__, "data", "path"):
        setattr(made, slot, getattr(resource, slot))
    made.resource = made
    return made
