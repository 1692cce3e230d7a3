"""The operators of conditions (IAM User Guide, condition operators)."""

import ipaddress
import operator
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache

from eda_sandbox.foundation.policies.patterns import matches, matches_arn, written

Compare = Callable[[str, str], bool]
"""Whether a request's value is as a policy's says."""


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


@lru_cache(1024)
def _moment(text: str) -> float | None:
    """ISO 8601, or seconds since the epoch."""
    try:
        found = datetime.fromisoformat(text.upper())
    except ValueError:
        return _number(text)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


@lru_cache(1024)
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


def _ordered(read: Callable[[str], float | None], compare: Callable[[float, float], bool]) -> Compare:
    def decide(actual: str, expected: str) -> bool:
        one, other = read(actual), read(expected)
        return one is not None and other is not None and compare(one, other)

    return decide


def _equal(actual: str, expected: str) -> bool:
    return actual == written(expected)


def _equal_ignoring_case(actual: str, expected: str) -> bool:
    return actual.lower() == written(expected).lower()


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
OPERATORS: Mapping[str, Compare] = {
    "stringequals": _equal,
    "stringnotequals": _not(_equal),
    "stringequalsignorecase": _equal_ignoring_case,
    "stringnotequalsignorecase": _not(_equal_ignoring_case),
    "stringlike": matches,
    "stringnotlike": _not(matches),
    "bool": _equal_ignoring_case,
    "binaryequals": _equal,
    "ipaddress": _within,
    "notipaddress": _not(_within),
    "arnequals": matches_arn,
    "arnlike": matches_arn,
    "arnnotequals": _not(matches_arn),
    "arnnotlike": _not(matches_arn),
    **{f"numeric{name}": _ordered(_number, compare) for name, compare in _ORDER.items()},
    **{f"date{name}": _ordered(_moment, compare) for name, compare in _ORDER.items()},
}
"""By their names in lower case; ``Null`` is none of them, because it looks at no value."""
NEGATED = frozenset(name for name in OPERATORS if "not" in name)
QUANTIFIERS = ("forallvalues:", "foranyvalue:")


def split(name: str) -> tuple[str, str, bool]:
    """An operator's quantifier (empty where it has none), its name and whether it ends with ``IfExists``; all in lower
    case."""
    lower = name.lower()
    quantifier = next((one for one in QUANTIFIERS if lower.startswith(one)), "")
    lower = lower[len(quantifier) :]
    return quantifier, lower.removesuffix("ifexists"), lower.endswith("ifexists")


def is_operator(name: str) -> bool:
    """Whether IAM knows the operator; it may be written in any case."""
    _, plain, if_exists = split(name)
    return plain in OPERATORS or (plain == "null" and not if_exists)
