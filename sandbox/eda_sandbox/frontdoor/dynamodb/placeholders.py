"""``ExpressionAttributeNames`` and ``ExpressionAttributeValues``: their keys, and whether an expression needs them."""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.frontdoor.dynamodb.binding import Binding
from eda_sandbox.frontdoor.dynamodb.values import TYPES

MAX_NAME_BYTES = 65_535
_NAMES, _VALUES = "ExpressionAttributeNames", "ExpressionAttributeValues"
_SETS = {"SS": "string", "NS": "number", "BS": "binary"}


def check_names(names: Any, needed: bool) -> None:
    """Check the names of a request.

    Args:
        names: as they came, None where there are none.
        needed: whether it has an expression.

    Raises:
        AwsError: DynamoDB refuses them.
    """
    if names is None:
        return
    if not needed:
        raise _refused(f"{_NAMES} can only be specified when using expressions")
    if not names:
        raise _refused(f"{_NAMES} must not be empty")
    for key, name in names.items():
        _check_key(_NAMES, "#", key)
        if not name:
            raise _refused(f"{_NAMES} contains invalid value: Empty attribute name for key {key}")


def check_values(values: Any, needed: bool, expressions: Sequence[str]) -> None:
    """Check the values of a request.

    Args:
        values: as they came, None where there are none.
        needed: whether it has an expression.
        expressions: those of the operation that can use values.

    Raises:
        AwsError: DynamoDB refuses them.
    """
    if values is None:
        return
    if not needed:
        missing = f": {expressions[0]} is null" if len(expressions) == 1 else ""
        raise _refused(f"{_VALUES} can only be specified when using expressions{missing}")
    if not values:
        raise _refused(f"{_VALUES} must not be empty")
    for key, value in values.items():
        _check_key(_VALUES, ":", key)
        problem = _problem(value)
        if problem:
            raise _refused(f"{_VALUES} contains invalid value: {problem} for key {key}")


def check_unused(binding: Binding) -> None:
    """Check that all placeholders were used.

    Raises:
        AwsError: one was not.
    """
    for what, given in ((_NAMES, binding.names), (_VALUES, binding.values)):
        unused = [key for key in given if key not in binding.used]
        if unused:
            raise _refused(f"Value provided in {what} unused in expressions: keys: {{{', '.join(unused)}}}")


def _check_key(what: str, mark: str, key: str) -> None:
    if not re.fullmatch(f"{mark}[A-Za-z0-9_]+", key):
        raise _refused(f'{what} contains invalid key: Syntax error; key: "{key}"')


def _problem(value: Any) -> str | None:
    kinds = [kind for kind in value if kind in TYPES] if isinstance(value, dict) else []
    one = "must contain exactly one of the supported datatypes"
    if not kinds:
        return f"Supplied AttributeValue is empty, {one}"
    if len(kinds) > 1:
        return f"Supplied AttributeValue has more than one datatypes set, {one}"
    content = value[kinds[0]]
    if kinds[0] in _SETS and not content:
        return f"One or more parameter values were invalid: An {_SETS[kinds[0]]} set  may not be empty"
    if kinds[0] == "N":
        try:
            Decimal(content)
        except ArithmeticError:
            return f"The parameter cannot be converted to a numeric value: {content}"
    children = content if kinds[0] == "L" else content.values() if kinds[0] == "M" else ()
    return next((problem for child in children if (problem := _problem(child))), None)


def _refused(problem: str) -> AwsError:
    return AwsError("ValidationException", problem, 400)
