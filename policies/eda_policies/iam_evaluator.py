"""What a policy document's statements say of requests: of one, and whether there is one that gets through.

A rule asks for a kind of request, as one without TLS, or of somebody from outside. What is left open (keys of the
request that conditions look at) may be anything: conditions compare with what they name, so it is enough to try what is
named, something beside it, and nothing (IAM User Guide, policy evaluation logic and condition operators).
"""

import datetime
import enum
import functools
import ipaddress
import itertools
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from eda_policies.iam_document import Condition, Principal, Statement
from eda_policies.iam_patterns import NAMES, instances, matches

Key = tuple[str, ...] | None
"""The values of a key of a request; None where it has none."""
Known = Callable[[str, Sequence[Condition]], Sequence[Key]]
"""The values that are possible for a key, given the conditions on it."""
MOST_CONTEXTS = 20_000
"""Combinations of keys that are tried; a document that needs more is taken for one that lets pass."""


class Decision(enum.Enum):
    """What a document says of a request."""

    ALLOWED = "allowed"
    DENIED = "denied"
    NOT_ALLOWED = "not allowed"


@dataclass(frozen=True)
class Request:
    """A request.

    Attributes:
        principal: who sends it.
        action: what it does.
        resource: the ARN of what it is about.
        keys: of the request's context, in lower case.
    """

    principal: Principal
    action: str
    resource: str
    keys: Mapping[str, Key] = field(default_factory=dict)


def decide(statements: Iterable[Statement], request: Request) -> Decision:
    """What statements say of a request: a Deny wins over any Allow."""
    decision = Decision.NOT_ALLOWED
    for statement in statements:
        if concerns(statement, request) and all(
            holds(condition, request.keys.get(condition.key)) for condition in statement.conditions
        ):
            if not statement.allows:
                return Decision.DENIED
            decision = Decision.ALLOWED
    return decision


def concerns(statement: Statement, request: Request) -> bool:
    """Whether a statement is about a request, its conditions apart."""
    return (
        statement.concerns_action(request.action)
        and statement.concerns_resource(request.resource)
        and statement.concerns_principal(request.principal)
    )


def passes(
    statements: Sequence[Statement],
    request: Request,
    known: Known,
    *,
    undenied: bool = False,
) -> bool:
    """Whether a request can get through, for some values of the keys that conditions look at.

    Args:
        statements: all of the document.
        request: the request; its ``keys`` are fixed.
        known: the values that are possible for a key, given the conditions on it.
        undenied: not being denied is enough, because something else may allow it.
    """
    about = [statement for statement in statements if concerns(statement, request)]
    by_key: dict[str, list[Condition]] = {}
    for statement in about:
        for condition in statement.conditions:
            by_key.setdefault(condition.key, []).append(condition)
    choices = []
    for key, conditions in by_key.items():
        values = [request.keys[key]] if key in request.keys else known(key, conditions)
        # Values for which all conditions say the same are one.
        alike = {tuple(holds(condition, value) for condition in conditions): value for value in values}
        choices.append(list(alike.values()))
    wanted = (Decision.ALLOWED, Decision.NOT_ALLOWED) if undenied else (Decision.ALLOWED,)
    for count, values in enumerate(itertools.product(*choices)):
        if count >= MOST_CONTEXTS:
            return True
        keys = dict(zip(by_key, values, strict=True))
        if decide(about, Request(request.principal, request.action, request.resource, keys)) in wanted:
            return True
    return False


def anything(_key: str, conditions: Sequence[Condition]) -> list[Key]:
    """What a key may be as far as conditions tell values apart: what they name, something else, and nothing."""
    named = [value for condition in conditions for value in condition.values]
    found = list(dict.fromkeys([*_near(conditions), *itertools.chain.from_iterable(map(instances, named)), *NAMES]))
    several: list[Key] = [tuple(found[:2]), ()] if any(":" in condition.operator for condition in conditions) else []
    return [None, *((value,) for value in found), *several]


def _near(conditions: Sequence[Condition]) -> Iterator[str]:
    """Values on both sides of a limit."""
    for condition in conditions:
        for value in condition.values:
            if "numeric" in condition.operator:
                number = _float(value)
                if number is not None:
                    yield from (str(number - 1), str(number), str(number + 1))
            elif "date" in condition.operator:
                yield from ("1970-01-01T00:00:00Z", value, "2999-01-01T00:00:00Z")
            elif "bool" in condition.operator:
                yield from ("true", "false")
            elif "ipaddress" in condition.operator:
                network = _network(value)
                if network is not None:
                    yield str(network.network_address)
                yield from ADDRESSES


ADDRESSES = (*(f"{first}.7.7.7" for first in range(8, 224, 16)), "2600:1f00::7", "2a05:d000::7")
"""Addresses from all over the Internet."""


def holds(condition: Condition, actual: Key) -> bool:
    """Whether a condition holds for a key's values."""
    name = condition.operator
    if name == "null":
        return any((actual is None) == (value.lower() == "true") for value in condition.values)
    name, if_exists = name.removesuffix("ifexists"), name.endswith("ifexists")
    every, some = name.startswith("forallvalues:"), name.startswith("foranyvalue:")
    name = name.rpartition(":")[2]
    compare = _OPERATORS.get(name)
    if compare is None:
        return False
    negated = name in _NEGATED
    if actual is None or (not actual and (every or some)):
        return if_exists or every or (negated and not some)

    def fits(value: str) -> bool:
        found = [compare(value, expected) for expected in _resolved(condition, value)]
        return all(found) if negated else any(found)

    if every:
        return all(map(fits, actual))
    return any(map(fits, actual)) if some else fits(actual[0] if actual else "")


_VARIABLE = re.compile(r"\$\{([^}]+)\}")


def _resolved(condition: Condition, value: str) -> Iterator[str]:
    """What a key is compared with, where that names the key itself by its value; other variables stand for nothing."""
    for expected in condition.values:
        yield _VARIABLE.sub(lambda m: value if m[1].strip().lower() == condition.key else m[0], expected)


def _float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _date(text: str) -> float | None:
    try:
        found = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return _float(text)
    return (found if found.tzinfo else found.replace(tzinfo=datetime.UTC)).timestamp()


@functools.lru_cache(1024)
def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _within(address: str, block: str) -> bool:
    network = _network(block)
    try:
        return network is not None and ipaddress.ip_address(address) in network
    except ValueError:
        return False


Compare = Callable[[str, str], bool]


def _ordered(read: Callable[[str], float | None], compare: Callable[[float, float], bool]) -> Compare:
    def decide(actual: str, expected: str) -> bool:
        one, other = read(actual), read(expected)
        return one is not None and other is not None and compare(one, other)

    return decide


def _folded(compare: Compare) -> Compare:
    return lambda actual, expected: compare(actual.lower(), expected.lower())


def _not(compare: Compare) -> Compare:
    return lambda actual, expected: not compare(actual, expected)


_ORDER: Mapping[str, Callable[[float, float], bool]] = {
    "equals": operator.eq,
    "notequals": operator.ne,
    "lessthan": operator.lt,
    "lessthanequals": operator.le,
    "greaterthan": operator.gt,
    "greaterthanequals": operator.ge,
}
_OPERATORS: Mapping[str, Compare] = {
    "stringequals": operator.eq,
    "stringnotequals": operator.ne,
    "stringequalsignorecase": _folded(operator.eq),
    "stringnotequalsignorecase": _folded(operator.ne),
    "stringlike": matches,
    "stringnotlike": _not(matches),
    "bool": _folded(operator.eq),
    "binaryequals": operator.eq,
    "ipaddress": _within,
    "notipaddress": _not(_within),
    **dict.fromkeys(("arnequals", "arnlike"), matches),
    **dict.fromkeys(("arnnotequals", "arnnotlike"), _not(matches)),
    **{f"numeric{name}": _ordered(_float, compare) for name, compare in _ORDER.items()},
    **{f"date{name}": _ordered(_date, compare) for name, compare in _ORDER.items()},
}
_NEGATED = frozenset(name for name in _OPERATORS if "not" in name)
