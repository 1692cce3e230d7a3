"""What the statements of a policy say of a request.

It stands in for the matching of ministack's evaluator. That one knows who asks, what else limits them and what a
resource's own policy says; it has no policy variables, compares ARNs as texts, and takes a condition for false that it
does not know.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from ministack.core import iam_evaluator

from eda_sandbox.foundation.policies import keys
from eda_sandbox.foundation.policies.operators import NEGATED, OPERATORS, split
from eda_sandbox.foundation.policies.patterns import completed, literal, matches

VARIABLES_SINCE = "2012-10-17"
_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_CHARACTERS = frozenset("*?$")


class _Valueless(Exception):
    """A policy variable has no value in a request: its statement says nothing of it."""


def _filled(pattern: str, context: Any) -> str:
    """A pattern with its variables' values; ``${key, 'default'}`` has one where the request has none."""

    def fill(found: re.Match[str]) -> str:
        name, _, default = found[1].partition(",")
        name = name.strip()
        if name in _CHARACTERS:
            return literal(name)
        value = keys.value(name.lower(), context)
        if isinstance(value, str):
            return literal(value)
        if default:
            return literal(default.strip().strip("'"))
        raise _Valueless

    return _VARIABLE.sub(fill, pattern)


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition of a statement: an operator, a key and what it is compared with.

    Attributes:
        quantifier: ``forallvalues:``, ``foranyvalue:`` or empty.
        operator: its name, in lower case.
        if_exists: whether it holds for a request without the key.
        key: in lower case.
        expected: what the policy says.
        variable: whether that has policy variables.
    """

    quantifier: str
    operator: str
    if_exists: bool
    key: str
    expected: tuple[str, ...]
    variable: bool

    def holds(self, context: Any, allows: bool) -> bool:
        """Whether it holds.

        Args:
            context: the request, as the evaluator has it.
            allows: of a statement that allows; without a quantifier each of several values has to fit for it, and one
                of them for a statement that denies.
        """
        actual = keys.value(self.key, context)
        if self.operator == "null":
            return any((actual is None or actual == []) == (one.lower() == "true") for one in self.expected)
        compare = OPERATORS.get(self.operator)
        if compare is None:
            return False
        values = _texts(actual)
        negated, every = self.operator in NEGATED, self.quantifier == "forallvalues:"
        if actual is None or (self.quantifier and not any(values)):
            return self.if_exists or every or (negated and not self.quantifier)
        expected = [_filled(one, context) for one in self.expected] if self.variable else self.expected
        fits = all if negated else any
        found = (fits(compare(value, one) for one in expected) for value in values)
        if every or (allows and not self.quantifier and not self._one_is_enough):
            return all(found)
        return any(found)

    @property
    def _one_is_enough(self) -> bool:
        # Tags whose names differ in their case alone are one key with several values.
        return self.key.startswith("aws:requesttag/") and self.operator not in NEGATED


def _texts(actual: Any) -> list[str]:
    if isinstance(actual, list | tuple):
        return [str(one) for one in actual]
    return [] if actual is None else [str(actual)]


@dataclass(slots=True)
class Statement:
    """A statement, in the form of ministack's evaluator and with what it needs to be matched.

    Attributes:
        sid: its name.
        effect: ``Allow`` or ``Deny``.
        actions, not_actions, resources, not_resources: the patterns.
        conditions: as the document has them.
        tests: the conditions, read.
        variable: whether the resources have policy variables.
    """

    sid: str
    effect: str
    actions: list[str]
    not_actions: list[str]
    resources: list[str]
    not_resources: list[str]
    conditions: Mapping[str, Any]
    tests: tuple[Condition, ...]
    variable: bool
    _about: dict[str, bool] = field(default_factory=dict)

    def concerns(self, action: str) -> bool:
        """Whether it is about an action."""
        known = self._about.get(action)
        if known is None:
            known = self._about[action] = self._concerns(action)
        return known

    def _concerns(self, action: str) -> bool:
        if self.actions:
            return any(matches(action, one, ignore_case=True) for one in self.actions)
        return not any(matches(action, one, ignore_case=True) for one in self.not_actions)

    def covers(self, resource: str, context: Any) -> bool:
        """Whether it is about a resource."""
        patterns = self.resources or self.not_resources
        if self.variable:
            patterns = [_filled(one, context) for one in patterns]
        found = any(one in ("*", resource) or matches(resource, one) for one in patterns)
        return found if self.resources else not found

    def holds(self, context: Any) -> bool:
        """Whether its conditions hold."""
        allows = self.effect == "Allow"
        return all(one.holds(context, allows) for one in self.tests)

    def says(self, context: Any) -> bool:
        """Whether it has its effect on a request; one that looks at what the sandbox does not know refuses it."""
        try:
            return self.concerns(context.action) and self.covers(context.resource_arn, context) and self.holds(context)
        except _Valueless:
            return False
        except keys.UnknownKey:
            return self.effect == "Deny"


def _list(given: Any) -> list[str]:
    if isinstance(given, str):
        return [given]
    return [str(one) for one in given] if isinstance(given, list) else []


def conditions(given: Any, variables: bool = True) -> tuple[Condition, ...]:
    """The conditions of a statement, read.

    Args:
        given: the element ``Condition``.
        variables: whether ``${…}`` is a variable.
    """
    found = []
    for name, block in given.items() if isinstance(given, dict) else ():
        quantifier, operator, if_exists = split(name)
        for key, values in block.items() if isinstance(block, dict) else ():
            expected = tuple(_text(one) for one in (values if isinstance(values, list) else [values]))
            variable = variables and any("${" in one for one in expected)
            found.append(Condition(quantifier, operator, if_exists, key.lower(), expected, variable))
    return tuple(found)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def parsed(document: str | Mapping[str, Any] | None) -> list[Statement]:
    """The statements of a policy document; of one that cannot be read none."""
    return _parsed_text(document) if isinstance(document, str) else _parsed(document)


@lru_cache(4096)
def _parsed_text(document: str) -> list[Statement]:
    # Every request is evaluated with all policies of its caller; the same texts come again each time.
    try:
        return _parsed(json.loads(document), "2008-10-17")
    except ValueError:
        return []


def _parsed(document: Any, version: str = VARIABLES_SINCE) -> list[Statement]:
    """A part of a document, as the evaluator makes them, has no version of its own."""
    if not isinstance(document, Mapping):
        return []
    found, variables = document.get("Statement", []), document.get("Version", version) == VARIABLES_SINCE
    return [
        _statement(one, variables)
        for one in ([found] if isinstance(found, dict) else found if isinstance(found, list) else [])
        if isinstance(one, dict) and one.get("Effect") in ("Allow", "Deny")
    ]


def _statement(given: Mapping[str, Any], variables: bool) -> Statement:
    resources = [completed(one) for one in _list(given.get("Resource"))]
    not_resources = [completed(one) for one in _list(given.get("NotResource"))]
    return Statement(
        sid=str(given.get("Sid", "")),
        effect=given["Effect"],
        actions=_list(given.get("Action")),
        not_actions=_list(given.get("NotAction")),
        resources=resources,
        not_resources=not_resources,
        conditions=given.get("Condition") or {},
        tests=conditions(given.get("Condition"), variables),
        variable=variables and any("${" in one for one in (*resources, *not_resources)),
    )


def _first_match(context: Any, found: Iterable[Statement], effect: str) -> Statement | None:
    return next((one for one in found if one.effect == effect and one.says(context)), None)


def _conditions_met(given: Any, context: Any) -> bool:
    try:
        return all(one.holds(context, True) for one in conditions(given))
    except (_Valueless, keys.UnknownKey):
        return False


def _action_matches(action: str, actions: Sequence[str], not_actions: Sequence[str]) -> bool:
    if actions:
        return any(matches(action, one, ignore_case=True) for one in actions)
    return not any(matches(action, one, ignore_case=True) for one in not_actions)


def install() -> None:
    """Let ministack's evaluator match statements by this module."""
    replaced: Any = iam_evaluator
    replaced.parse_policy_document = parsed
    replaced._first_match = _first_match
    replaced._conditions_met = _conditions_met
    replaced._action_matches = _action_matches


install()
