"""Whether an item fulfils a condition."""

import base64
from collections.abc import Mapping
from typing import Any

from eda_sandbox.frontdoor.dynamodb.binding import Binding
from eda_sandbox.frontdoor.dynamodb.syntax import (
    Between,
    Call,
    Comparison,
    Condition,
    In,
    Logical,
    Not,
    Operand,
    Path,
    Value,
)
from eda_sandbox.frontdoor.dynamodb.values import ORDERED, AttributeValue, at, comparable, equal, size, type_of


def fulfils(item: Mapping[str, Any], condition: Condition, binding: Binding) -> bool:
    """Whether a condition is true of an item; an attribute that is missing is equal to nothing.

    Args:
        item: attributes by name.
        condition: as read, and checked.
        binding: of the request.
    """
    match condition:
        case Logical("AND", left, right):
            return fulfils(item, left, binding) and fulfils(item, right, binding)
        case Logical(_, left, right):
            return fulfils(item, left, binding) or fulfils(item, right, binding)
        case Not(inner):
            return not fulfils(item, inner, binding)
        case Comparison(operator, left, right):
            return _compares(operator, _value(item, left, binding), _value(item, right, binding))
        case Between(operand, low, high):
            value = _value(item, operand, binding)
            return _compares(">=", value, _value(item, low, binding)) and _compares(
                "<=", value, _value(item, high, binding)
            )
        case In(operand, options):
            value = _value(item, operand, binding)
            return any(_compares("=", value, _value(item, option, binding)) for option in options)
        case Call(function, arguments):
            values = [_value(item, argument, binding) for argument in arguments]
            return _holds(function, values[0], values[-1])


def _value(item: Mapping[str, Any], operand: Operand, binding: Binding) -> AttributeValue | None:
    match operand:
        case Path():
            return at(item, binding.path(operand))
        case Value():
            return binding.value(operand)
        case Call(_, arguments):
            found = _value(item, arguments[0], binding)
            length = None if found is None else size(found)
            return None if length is None else {"N": str(length)}
        case _:
            return None


def _compares(operator: str, left: AttributeValue | None, right: AttributeValue | None) -> bool:
    if left is None or right is None:
        return operator == "<>"
    if operator in ("=", "<>"):
        return equal(left, right) == (operator == "=")
    if type_of(left) != type_of(right) or type_of(left) not in ORDERED:
        return False
    mine, others = comparable(left), comparable(right)
    match operator:
        case "<":
            return bool(mine < others)
        case "<=":
            return bool(mine <= others)
        case ">":
            return bool(mine > others)
        case _:
            return bool(mine >= others)


def _holds(function: str, first: AttributeValue | None, last: AttributeValue | None) -> bool:
    if function == "attribute_exists":
        return first is not None
    if function == "attribute_not_exists":
        return first is None
    if first is None or last is None:
        return False
    if function == "attribute_type":
        return bool(type_of(first) == last["S"])
    if function == "begins_with":
        return type_of(first) == type_of(last) and bool(_content(first).startswith(_content(last)))
    return _contains(first, last)


def _content(value: AttributeValue) -> Any:
    kind, content = next(iter(value.items()))
    # What is neither text nor binary begins with nothing, not even with itself.
    return base64.b64decode(content) if kind == "B" else content if kind == "S" else _NoText()


class _NoText:
    def startswith(self, _other: object) -> bool:
        return False


def _contains(container: AttributeValue, value: AttributeValue) -> bool:
    kind, content = next(iter(container.items()))
    if kind == "L":
        return any(equal(one, value) for one in content)
    if kind in ("SS", "NS", "BS"):
        return kind[0] == type_of(value) and any(equal({kind[0]: one}, value) for one in content)
    return kind in ("S", "B") and kind == type_of(value) and _content(value) in _content(container)
