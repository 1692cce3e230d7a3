"""What DynamoDB refuses of a request once it knows the table's keys and indexes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.frontdoor.dynamodb import checks, grammar, updates
from eda_sandbox.frontdoor.dynamodb.binding import Binding, Elements
from eda_sandbox.frontdoor.dynamodb.requests import Part
from eda_sandbox.frontdoor.dynamodb.syntax import Between, Call, Comparison, Condition, In, Logical, Not, Operand, Path
from eda_sandbox.frontdoor.dynamodb.tables import Index, Table
from eda_sandbox.frontdoor.dynamodb.values import type_of

_RANGES = frozenset({"<", "<=", ">", ">=", "BETWEEN", "begins_with"})
_INVALID = "One or more parameter values were invalid: "
_START = "The provided starting key is "


def check(part: Part, table: Table) -> None:
    """Check an operation on one table; those of a transaction are left to ``problem``.

    Args:
        part: its expressions are checked already.
        table: its table.

    Raises:
        AwsError: DynamoDB refuses it.
    """
    given = part.parameters
    binding = Binding(given.get("ExpressionAttributeNames") or {}, given.get("ExpressionAttributeValues") or {})
    _check_scalars(given, table, binding)
    if part.kind not in ("Query", "Scan"):
        return
    name = given.get("IndexName")
    index = table.keys if name is None else table.indexes.get(name)
    if index is None:
        # The emulator says so itself.
        return
    _check_selection(given, index, binding)
    if part.kind == "Query":
        if given.get("KeyConditionExpression"):
            _check_key_condition(grammar.condition(given["KeyConditionExpression"]), index, binding)
        for attribute in given.get("KeyConditions") or {}:
            if attribute not in index.keys:
                raise _refused(f"Query condition missed key schema element: {_missed(index, given['KeyConditions'])}")
        _check_filter(given, index, binding)
    if given.get("ExclusiveStartKey") is not None:
        _check_start(part.kind, given, table, index)


def problem(part: Part, table: Table) -> str | None:
    """Why an operation cancels its transaction, whatever the items are; None where it does not.

    Args:
        part: its expressions are checked already.
        table: its table.
    """
    given = part.parameters
    if part.kind != "Put":
        key = given.get("Key")
        if not isinstance(key, Mapping) or set(key) != set(table.keys.keys):
            return "The provided key element does not match the schema"
    if part.kind == "Update" and given.get("UpdateExpression"):
        binding = Binding(given.get("ExpressionAttributeNames") or {}, given.get("ExpressionAttributeValues") or {})
        for path in updates.targets(grammar.update(given["UpdateExpression"]), binding):
            if path[0] in table.keys.keys:
                return f"{_INVALID}Cannot update attribute {path[0]}. This attribute is part of the key"
    return None


def _check_scalars(given: Mapping[str, Any], table: Table, binding: Binding) -> None:
    for path in _read_paths(given):
        elements = binding.path(path)
        if len(elements) > 1 and elements[0] in table.keys.keys:
            raise _refused(
                "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: "
                f"Key: {elements[0]}"
            )


def _read_paths(given: Mapping[str, Any]) -> Iterator[Path]:
    for name in ("ConditionExpression", "FilterExpression"):
        if given.get(name):
            yield from checks.condition_paths(grammar.condition(given[name]))
    if given.get("ProjectionExpression"):
        yield from grammar.projection(given["ProjectionExpression"])


def _check_selection(given: Mapping[str, Any], index: Index, binding: Binding) -> None:
    if index.projected is None:
        return
    if given.get("Select") == "ALL_ATTRIBUTES" and index.is_global:
        raise _refused(
            f"{_INVALID}Select type ALL_ATTRIBUTES is not supported for global secondary index {index.name} "
            "because its projection type is not ALL"
        )
    if index.is_global and given.get("ProjectionExpression"):
        wanted = [binding.path(path) for path in grammar.projection(given["ProjectionExpression"])]
        missing = _outside(wanted, index.projected)
        if missing:
            raise _refused(f"{_INVALID}Global secondary index {index.name} does not project [{', '.join(missing)}]")
    if given.get("FilterExpression"):
        condition = grammar.condition(given["FilterExpression"])
        missing = _outside([binding.path(path) for path in checks.condition_paths(condition)], index.projected)
        if missing:
            raise _refused(
                f"{_INVALID}Secondary index {index.name} does not project one or more filter attributes: "
                f"[{', '.join(missing)}]"
            )


def _outside(paths: Sequence[Elements], projected: frozenset[str]) -> list[str]:
    return list(dict.fromkeys(str(path[0]) for path in paths if path[0] not in projected))


def _check_filter(given: Mapping[str, Any], index: Index, binding: Binding) -> None:
    if given.get("FilterExpression"):
        for path in checks.condition_paths(grammar.condition(given["FilterExpression"])):
            attribute = binding.path(path)[0]
            if attribute in index.keys:
                raise _refused(
                    f"Filter Expression can only contain non-primary key attributes: Primary key attribute: {attribute}"
                )
    for attribute in given.get("QueryFilter") or {}:
        if attribute in index.keys:
            raise _refused(
                f"QueryFilter can only contain non-primary key attributes: Primary key attribute: {attribute}"
            )


def _check_key_condition(condition: Condition, index: Index, binding: Binding) -> None:
    found: dict[str, str] = {}
    for one in _conjuncts(condition):
        operator, operands = _simple(one)
        attributes = [operand for operand in operands if isinstance(operand, Path)]
        if any(isinstance(operand, Call) for operand in operands):
            raise _refused("KeyConditionExpressions cannot contain nested operations")
        if len(attributes) > 1:
            raise _refused(
                "Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition"
            )
        if not attributes:
            raise _refused("Invalid condition in KeyConditionExpression: No key attribute specified")
        if operator in ("begins_with", "BETWEEN") and not isinstance(operands[0], Path):
            raise _refused(
                f"Invalid condition in KeyConditionExpression: {operator} operator must have the key attribute as its "
                "first operand"
            )
        path = binding.path(attributes[0])
        if len(path) > 1:
            raise _refused("KeyConditionExpressions cannot have conditions on nested attributes")
        if path[0] in found:
            raise _refused("KeyConditionExpressions must only contain one condition per key")
        found[str(path[0])] = operator
    for attribute, operator in found.items():
        if attribute in index.keys[: index.hashes] and operator in _RANGES:
            raise _refused("Query key condition not supported")
    if any(attribute not in index.keys for attribute in found) and len(found) <= len(index.keys):
        raise _refused(f"Query condition missed key schema element: {_missed(index, found)}")


def _missed(index: Index, found: Mapping[str, Any]) -> str:
    return next((key for key in index.keys if key not in found), index.keys[-1])


def _conjuncts(condition: Condition) -> Iterator[Condition]:
    if isinstance(condition, Logical) and condition.operator == "AND":
        yield from _conjuncts(condition.left)
        yield from _conjuncts(condition.right)
    else:
        yield condition


def _simple(condition: Condition) -> tuple[str, Sequence[Operand]]:
    operands: Sequence[Operand] = ()
    match condition:
        case Comparison(operator, left, right):
            operands = (left, right)
        case Between(operand, low, high):
            operator, operands = "BETWEEN", (operand, low, high)
        case Call(operator, operands):
            pass
        case Logical(operator):
            pass
        case Not():
            operator = "NOT"
        case In():
            operator = "IN"
    if operator != "=" and operator not in _RANGES:
        raise _refused(f"Invalid operator used in KeyConditionExpression: {operator}")
    return operator, operands


def _check_start(kind: str, given: Mapping[str, Any], table: Table, index: Index) -> None:
    start, more = given["ExclusiveStartKey"], ": The provided key element does not match the schema"
    wanted = {*table.keys.keys, *index.keys}
    if set(start) != wanted:
        raise _refused(f"{_START}invalid" + (more if kind == "Scan" else ""))
    if any(type_of(start[name]) != table.types.get(name) for name in wanted if start[name]):
        raise _refused(f"{_START}invalid{more}")
    if kind != "Query":
        return
    for name, value in _asked_hashes(given, index).items():
        if start[name] != value:
            raise _refused(f"{_START}outside query boundaries based on provided conditions")


def _asked_hashes(given: Mapping[str, Any], index: Index) -> dict[str, Any]:
    """The values of the hash that a query asks for."""
    found: dict[str, Any] = {}
    binding = Binding(given.get("ExpressionAttributeNames") or {}, given.get("ExpressionAttributeValues") or {})
    if given.get("KeyConditionExpression"):
        for one in _conjuncts(grammar.condition(given["KeyConditionExpression"])):
            if isinstance(one, Comparison):
                path, value = (one.left, one.right) if isinstance(one.left, Path) else (one.right, one.left)
                assert isinstance(path, Path)
                assert not isinstance(value, Path | Call)
                found[str(binding.path(path)[0])] = binding.values[value.name]  # type: ignore[union-attr]  # no sums here
    for name, one in (given.get("KeyConditions") or {}).items():
        found[name] = next(iter(one.get("AttributeValueList") or ()), None)
    return {name: found[name] for name in index.keys[: index.hashes] if name in found}


def _refused(text: str) -> AwsError:
    return AwsError("ValidationException", text, 400)
