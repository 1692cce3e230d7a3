"""What an update makes of an item."""

import copy
from collections.abc import Callable, Sequence
from decimal import Context, Decimal, Inexact, Overflow, Subnormal
from typing import Any

from eda_sandbox.frontdoor.dynamodb.binding import Binding, Elements
from eda_sandbox.frontdoor.dynamodb.syntax import Arithmetic, Call, Invalid, Operand, Path, Update, Value
from eda_sandbox.frontdoor.dynamodb.values import SETS, AttributeValue, Item, at, comparable, type_of

DIGITS = 38
"""Of a number (Developer Guide, naming rules and data types: number)."""
LARGEST_EXPONENT, SMALLEST_EXPONENT = 125, -130
_NO_PATH = "The document path provided in the update expression is invalid for update"
_NO_ATTRIBUTE = "The provided expression refers to an attribute that does not exist in the item"
_WRONG_TYPE = "An operand in the update expression has an incorrect data type"
_OVERFLOW = "Number overflow. Attempting to store a number with magnitude larger than supported range"
_UNDERFLOW = "Number underflow. Attempting to store a number with magnitude smaller than supported range"
_TOO_PRECISE = "Attempting to store more than 38 significant digits in a Number"
_EXACT = Context(prec=DIGITS, Emax=LARGEST_EXPONENT, Emin=SMALLEST_EXPONENT, traps=[Inexact, Overflow, Subnormal])


def targets(update: Update, binding: Binding) -> list[Elements]:
    """The paths that an update changes."""
    return [binding.path(action.path) for action in update.actions]


def applied(item: Item, update: Update, binding: Binding) -> Item:
    """A copy of an item with an update: every operand, and every index of a list, is of the item as it was.

    Args:
        item: attributes by name.
        update: as read, and checked.
        binding: of the request.

    Raises:
        Invalid: the item is not so that this can be done to it; the message has no expression's kind before it.
    """
    changes: list[tuple[Elements, AttributeValue | None]] = []
    for action in update.actions:
        path = binding.path(action.path)
        value: AttributeValue | None = None
        if action.section == "SET":
            assert action.operand is not None
            value = _value(item, action.operand, binding)
        elif action.section != "REMOVE":
            assert isinstance(action.operand, Value)
            change = _added if action.section == "ADD" else _deleted
            value = _joined(at(item, path), binding.value(action.operand), change)
        if action.section == "DELETE" and at(item, path) is None:
            _parent(item, path)
            continue
        changes.append((path, value))
    result = copy.deepcopy(item)
    # Values first, and by index where lists grow; what goes, goes from the ends of lists.
    for path, value in sorted((one for one in changes if one[1] is not None), key=lambda one: _order(one[0])):
        _set(result, path, copy.deepcopy(value))
    for path, _ in sorted((one for one in changes if one[1] is None), key=lambda one: _order(one[0]), reverse=True):
        _remove(result, path)
    return result


def _order(path: Elements) -> tuple[tuple[bool, int, str], ...]:
    return tuple((True, one, "") if isinstance(one, int) else (False, 0, one) for one in path)


def _value(item: Item, operand: Operand, binding: Binding) -> AttributeValue:
    match operand:
        case Value():
            return binding.value(operand)
        case Path():
            found = at(item, binding.path(operand))
            if found is None:
                raise Invalid(_NO_ATTRIBUTE)
            return found
        case Arithmetic(operator, left, right):
            one, other = _value(item, left, binding), _value(item, right, binding)
            if type_of(one) != "N" or type_of(other) != "N":
                raise Invalid(_WRONG_TYPE)
            return _sum(one, other, operator == "-")
        case Call("if_not_exists", (Path() as path, default)):
            there = at(item, binding.path(path))
            return _value(item, default, binding) if there is None else there
        case Call(_, arguments):
            lists = [_value(item, argument, binding) for argument in arguments]
            if any(type_of(one) != "L" for one in lists):
                raise Invalid(_WRONG_TYPE)
            return {"L": [element for one in lists for element in one["L"]]}


def _sum(one: AttributeValue, other: AttributeValue, negative: bool = False) -> AttributeValue:
    mine, others = Decimal(one["N"]), Decimal(other["N"])
    try:
        result = _EXACT.subtract(mine, others) if negative else _EXACT.add(mine, others)
    except Overflow:
        raise Invalid(_OVERFLOW) from None
    except Subnormal:
        raise Invalid(_UNDERFLOW) from None
    except Inexact:
        raise Invalid(_TOO_PRECISE) from None
    text = format(result.normalize(_EXACT), "f")
    return {"N": "0" if result.is_zero() else text}


def _joined(
    there: AttributeValue | None,
    value: AttributeValue,
    change: Callable[[AttributeValue, AttributeValue], AttributeValue | None],
) -> AttributeValue | None:
    if there is None:
        return value
    if type_of(there) != type_of(value):
        raise Invalid(_WRONG_TYPE)
    return change(there, value)


def _added(there: AttributeValue, value: AttributeValue) -> AttributeValue:
    kind = type_of(value)
    if kind not in SETS:
        return _sum(there, value)
    known = comparable(there)
    return {kind: [*there[kind], *(one for one in value[kind] if not comparable({kind: [one]}) <= known)]}


def _deleted(there: AttributeValue, value: AttributeValue) -> AttributeValue | None:
    kind = type_of(value)
    gone = comparable(value)
    left = [one for one in there[kind] if not comparable({kind: [one]}) <= gone]
    return {kind: left} if left else None


def _parent(item: Item, path: Sequence[str | int]) -> Any:
    """The map or list that the last element of a path is in."""
    if len(path) == 1:
        return item
    found = at(item, path[:-1])
    content = None if found is None else found.get("L" if isinstance(path[-1], int) else "M")
    if content is None:
        raise Invalid(_NO_PATH)
    return content


def _set(item: Item, path: Elements, value: Any) -> None:
    parent, last = _parent(item, path), path[-1]
    if isinstance(last, int) and last >= len(parent):
        parent.append(value)
    else:
        parent[last] = value


def _remove(item: Item, path: Elements) -> None:
    parent, last = _parent(item, path), path[-1]
    if isinstance(last, str):
        parent.pop(last, None)
    elif last < len(parent):
        del parent[last]
