"""The rules of a Choice state."""

from collections.abc import Callable, Mapping
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from eda_sandbox.services.stepfunctions import paths
from eda_sandbox.services.stepfunctions.failure import RuntimeFailure

_NUMERIC = (int, float)


def _moment(value: str) -> datetime:
    return datetime.fromisoformat(value.replace("Z", "+00:00"))


def _is_moment(value: Any) -> bool:
    try:
        return isinstance(value, str) and _moment(value) is not None
    except ValueError:
        return False


_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": lambda left, right: left == right,
    "LessThan": lambda left, right: left < right,
    "GreaterThan": lambda left, right: left > right,
    "LessThanEquals": lambda left, right: left <= right,
    "GreaterThanEquals": lambda left, right: left >= right,
}
_IS: dict[str, Callable[[Any], bool]] = {
    "IsNull": lambda value: value is None,
    "IsString": lambda value: isinstance(value, str),
    "IsNumeric": lambda value: isinstance(value, _NUMERIC) and not isinstance(value, bool),
    "IsBoolean": lambda value: isinstance(value, bool),
    "IsTimestamp": _is_moment,
}
OPERATORS = frozenset(
    {
        f"{kind}{test}{suffix}"
        for kind in ("String", "Numeric", "Timestamp")
        for test in _TESTS
        for suffix in ("", "Path")
    }
    | {"BooleanEquals", "BooleanEqualsPath", "StringMatches", "IsPresent", *_IS}
)


def holds(rule: dict[str, Any], document: Any, context: Any, variables: Mapping[str, Any] | None = None) -> bool:
    """Whether a rule is true for an input.

    Raises:
        RuntimeFailure: a path of the rule finds nothing.
    """
    if "And" in rule:
        return all(holds(part, document, context, variables) for part in rule["And"])
    if "Or" in rule:
        return any(holds(part, document, context, variables) for part in rule["Or"])
    if "Not" in rule:
        return not holds(rule["Not"], document, context, variables)
    operator = next(key for key in rule if key in OPERATORS)
    wanted, variable = rule[operator], rule["Variable"]
    if operator == "IsPresent":
        return paths.exists(variable, document, context, variables) is wanted
    if not paths.exists(variable, document, context, variables):
        raise RuntimeFailure(
            f"Invalid path '{variable}': The choice state's condition path references an invalid value."
        )
    value = paths.read(variable, document, context, variables)
    if operator in _IS:
        return _IS[operator](value) is wanted
    if operator.endswith("Path"):
        operator, wanted = operator.removesuffix("Path"), paths.read(wanted, document, context, variables)
    return _compare(operator, value, wanted)


def _compare(operator: str, value: Any, wanted: Any) -> bool:
    if operator == "StringMatches":
        # Only * is special; a backslash makes it plain.
        pattern = wanted.replace("\\*", "\0").replace("[", "[[]").replace("?", "[?]").replace("\0", "[*]")
        return isinstance(value, str) and fnmatchcase(value, pattern)
    if operator.startswith("String"):
        return isinstance(value, str) and _TESTS[operator.removeprefix("String")](value, wanted)
    if operator.startswith("Numeric"):
        return _IS["IsNumeric"](value) and _TESTS[operator.removeprefix("Numeric")](value, wanted)
    if operator.startswith("Timestamp"):
        return _is_moment(value) and _TESTS[operator.removeprefix("Timestamp")](_moment(value), _moment(wanted))
    return isinstance(value, bool) and value is wanted
