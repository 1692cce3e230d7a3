"""Every property of the pipeline's prod stack broken in turn, and which rules see it.

A property is deleted, emptied, widened, flipped or made a wildcard in all resources of its type at once. What each
mutation does is kept in ``mutations.json``, which ``python -m tests.policies.mutations`` writes: the rules that report
it, or why none needs to. Keys of maps whose names the stack chooses (states, paths, tags) are one.
"""

import copy
import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from eda_policies.check import Checker
from eda_policies.graph import Graph
from eda_policies.resource import Resource
from eda_policies.rules import RULES
from eda_policies.settings import settings
from eda_policies.values import Values, of_struct

from tests.policies.reasons import reason
from tests.policies.stacks import CONFIG, stack_requests

FILE = Path(__file__).with_name("mutations.json")
NAMED_BY_THE_STACK = frozenset(
    (
        *("States", "paths", "responses", "properties", "schemas", "headers", "content", "securitySchemes", "tags"),
        *("requestParameters", "responseParameters", "x-amazon-apigateway-request-validators", "dimensions"),
        *("x-amazon-apigateway-gateway-responses", "defaultArguments", "nonOverridableArguments", "parameters"),
    )
)
LEAVES = frozenset(
    (
        *("Parameters", "ResultSelector", "Result", "ItemSelector", "Choices", "requestTemplates", "responseTemplates"),
        *("responses", "schemas", "info", "x-amazon-apigateway-gateway-responses", "format", "dashboardBody", "schema"),
        *("code", "layers", "Credentials", "columns", "logicalTableMaps", "physicalTableMaps", "storageDescriptor"),
    )
)
LINKS = ("alarmActions", "dimensions", "logGroupNames", "redrivePolicy")
"""Properties that hold nothing but names of other resources."""
ANY, EACH = "~", "[]"
Steps = tuple[str, ...]


@dataclass(frozen=True)
class Mutation:
    """A way to break a property.

    Attributes:
        type: of the resources.
        path: of the property; ``~`` is any key, ``[]`` any member.
        kind: what is done to it.
    """

    type: str
    path: Steps
    kind: str

    def __str__(self) -> str:
        return f"{self.type} {'.'.join(self.path)} {self.kind}"


DELETED = object()
CHANGES = {
    "delete": lambda value: DELETED,
    "empty": lambda value: {str: "", list: [], dict: {}, int: 0, float: 0}.get(type(value), value),
    "flip": lambda value: not value if isinstance(value, bool) else value,
    "widen": lambda value: value * 1000 + 1000 if isinstance(value, int | float) and value is not True else value,
    "wildcard": lambda value: "*" if isinstance(value, str) else value,
}


def kinds(value: Any) -> list[str]:
    """What can be done to a value."""
    if isinstance(value, bool):
        return ["delete", "flip"]
    if isinstance(value, int | float):
        return ["delete", "empty", "widen"]
    return ["delete", "empty", "wildcard"] if isinstance(value, str) and value[:1] not in "{[" else ["delete", "empty"]


def parsed(value: Any) -> Any:
    """A JSON document's value, or the value."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def walk(value: Any, path: Steps) -> Iterator[tuple[Steps, Any]]:
    """Every part of a property."""
    yield path, value
    last = path[-1]
    inside = parsed(value)
    if last in LEAVES:
        return
    if isinstance(inside, dict):
        for key, item in inside.items():
            yield from walk(item, (*path, ANY if last in NAMED_BY_THE_STACK else key))
    elif isinstance(inside, list):
        for item in inside:
            yield from walk(item, (*path, EACH))


def changed(value: Any, path: Steps, kind: str) -> Any:
    """A value with every part that a path leads to broken."""
    if not path:
        return CHANGES[kind](value)
    inside = parsed(value)
    step, rest = path[0], path[1:]
    if isinstance(inside, dict) and step != EACH:
        members = {key: changed(item, rest, kind) if step in (key, ANY) else item for key, item in inside.items()}
        made: Any = {key: item for key, item in members.items() if item is not DELETED}
    elif isinstance(inside, list) and step == EACH:
        made = [item for item in (changed(item, rest, kind) for item in inside) if item is not DELETED]
    else:
        return value
    return json.dumps(made) if isinstance(value, str) else made


class Stack:
    """The stack, to be broken."""

    def __init__(self) -> None:
        found = stack_requests("prod")
        self.inputs = {request.urn: of_struct(request.properties) for request in found.resources}
        self.state = {f.urn: (f, of_struct(f.properties)) for f in found.stack.resources}
        self.checker = Checker(RULES, settings(RULES, CONFIG, "prod"))
        self._each = {urn: self._by_itself(urn, values) for urn, values in self.inputs.items()}
        self._whole = {urn: self._resource(urn, values) for urn, (_, values) in self.state.items()}

    @cached_property
    def mutations(self) -> list[Mutation]:
        """All of them, in order."""
        made = {
            Mutation(self.state[urn][0].type, path, kind)
            for urn, values in self.inputs.items()
            if self.state[urn][0].type.startswith("aws:")
            for key, value in values.tree.items()
            for path, part in walk(value, (key,))
            for kind in kinds(part)
        }
        return sorted(made, key=str)

    @cached_property
    def before(self) -> set[tuple[str, str]]:
        """What is reported of the stack as it is."""
        return {pair for found in self._each.values() for pair in found} | self._together(self._whole)

    def reported(self, mutation: Mutation) -> list[str]:
        """The rules that report a mutation."""
        each, whole = dict(self._each), dict(self._whole)
        for urn, (found, values) in self.state.items():
            if found.type == mutation.type and mutation.path[0] in self.inputs.get(urn, Values({})).tree:
                each[urn] = self._by_itself(urn, self._broken(self.inputs[urn], mutation))
                whole[urn] = self._resource(urn, self._broken(values, mutation), unlinked=_unlinked(mutation.path))
        after = {pair for found in each.values() for pair in found} | self._together(whole)
        return sorted({rule for rule, _ in after - self.before})

    def _broken(self, values: Values, mutation: Mutation) -> Values:
        return Values(changed(copy.copy(values.tree), mutation.path, mutation.kind), values.secrets)

    def _resource(self, urn: str, values: Values, inputs: bool = False, unlinked: Steps = ()) -> Resource:
        found, _ = self.state[urn]
        depends = {} if inputs else {key: list(d.urns) for key, d in found.propertyDependencies.items()}
        # What a property depended on goes with it.
        depends = {key: urns for key, urns in depends.items() if key not in unlinked}
        return Resource(found.type, found.name, urn, values, depends)

    def _by_itself(self, urn: str, values: Values) -> set[tuple[str, str]]:
        found = self.checker.resource(self._resource(urn, values, inputs=True))
        return {(violation.rule.name, violation.urn) for violation in found}

    def _together(self, resources: Mapping[str, Resource]) -> set[tuple[str, str]]:
        found = self.checker.stack(Graph(list(resources.values())))
        return {(violation.rule.name, f"{violation.urn}{_what(violation.message)}") for violation in found}


def _unlinked(path: Steps) -> Steps:
    return path[:1] if len(path) == 1 or path[0] in LINKS else ()


def _what(message: str) -> str:
    """What tells two violations of one resource apart, without what they have in common."""
    return re.sub(r"\s.*", "", message.partition(": ")[2])


def outcome(stack: Stack, mutation: Mutation) -> list[str] | str | None:
    """The rules that report a mutation, or why none needs to; None is a silence that nothing explains."""
    return stack.reported(mutation) or reason(mutation.type, ".".join(mutation.path), mutation.kind)


def recorded() -> dict[str, Any]:
    """What the file holds."""
    found: dict[str, Any] = json.loads(FILE.read_text())
    return found


def main() -> None:
    """Write the file, and name the silences that nothing explains."""
    stack = Stack()
    made: dict[str, Any] = {}
    for number, mutation in enumerate(stack.mutations):
        made[str(mutation)] = outcome(stack, mutation)
        if number % 100 == 0:
            print(number, len(stack.mutations), file=sys.stderr, flush=True)
    FILE.write_text(json.dumps(made, indent=0, sort_keys=True) + "\n")
    silent = [name for name, found in made.items() if found is None]
    print("\n".join(silent))
    print(
        f"{len(made)} mutations, {sum(isinstance(f, list) for f in made.values())} reported, {len(silent)} unexplained"
    )


if __name__ == "__main__":
    main()
