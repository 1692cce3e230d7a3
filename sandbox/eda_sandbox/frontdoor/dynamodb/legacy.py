"""The parameters from before there were expressions (Developer Guide, legacy conditional parameters)."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.frontdoor.dynamodb.values import ORDERED, type_of

_LEGACY: Mapping[str, tuple[str, ...]] = {
    "PutItem": ("Expected", "ConditionalOperator"),
    "DeleteItem": ("Expected", "ConditionalOperator"),
    "UpdateItem": ("AttributeUpdates", "Expected", "ConditionalOperator"),
    "GetItem": ("AttributesToGet",),
    "Query": ("AttributesToGet", "QueryFilter", "ConditionalOperator", "KeyConditions"),
    "Scan": ("AttributesToGet", "ScanFilter", "ConditionalOperator"),
    "Keys": ("AttributesToGet",),
}
_EXPRESSIONS: Mapping[str, tuple[str, ...]] = {
    "PutItem": ("ConditionExpression",),
    "DeleteItem": ("ConditionExpression",),
    "UpdateItem": ("UpdateExpression", "ConditionExpression"),
    "GetItem": ("ProjectionExpression",),
    "Query": ("ProjectionExpression", "FilterExpression", "KeyConditionExpression"),
    "Scan": ("ProjectionExpression", "FilterExpression"),
    "Keys": ("ProjectionExpression",),
}
_FILTERS = ("Expected", "QueryFilter", "ScanFilter", "KeyConditions")
_COUNTS: Mapping[str, tuple[int, int]] = {
    "EQ": (1, 1),
    "NE": (1, 1),
    "LE": (1, 1),
    "LT": (1, 1),
    "GE": (1, 1),
    "GT": (1, 1),
    "CONTAINS": (1, 1),
    "NOT_CONTAINS": (1, 1),
    "BEGINS_WITH": (1, 1),
    "NULL": (0, 0),
    "NOT_NULL": (0, 0),
    "IN": (1, 1_000_000),
    "BETWEEN": (2, 2),
}
_OF_ORDERED = frozenset({"LE", "LT", "GE", "GT", "BETWEEN"})
_OF_KEYS = frozenset({"EQ", "LE", "LT", "GE", "GT", "BEGINS_WITH", "BETWEEN"})
_ACTIONS = ("ADD", "DELETE", "PUT")


def check(kind: str, given: Mapping[str, Any]) -> None:
    """Check the legacy parameters of an operation on one table.

    Args:
        kind: the operation.
        given: its parameters.

    Raises:
        AwsError: DynamoDB refuses them.
    """
    legacy = [name for name in _LEGACY.get(kind, ()) if given.get(name) is not None]
    modern = [name for name in _EXPRESSIONS.get(kind, ()) if given.get(name) is not None]
    # A query by KeyConditions may have the expressions that go with either form.
    mixed = [name for name in legacy if name != "KeyConditions" or "KeyConditionExpression" in modern]
    if mixed and modern and not _apart(mixed, modern):
        raise _refused(
            "Can not use both expression and non-expression parameters in the same request: "
            f"Non-expression parameters: {{{', '.join(mixed)}}} Expression parameters: {{{', '.join(modern)}}}"
        )
    for name in legacy:
        if name in _FILTERS:
            for attribute, one in given[name].items():
                _check_condition(name, attribute, one)
    _check_operator(kind, given)
    _check_attributes(given)
    for action in (given.get("AttributeUpdates") or {}).values():
        _check_action(action)
    outcome = given.get("ReturnValuesOnConditionCheckFailure")
    if outcome not in (None, "NONE", "ALL_OLD"):
        raise _refused(
            f"1 validation error detected: Value '{outcome}' at 'returnValuesOnConditionCheckFailure' failed to "
            "satisfy constraint: Member must satisfy enum value set: [ALL_OLD, NONE]"
        )


def _apart(legacy: list[str], modern: list[str]) -> bool:
    """Whether both say different things: the keys' conditions in one form, and attributes in the other."""
    return legacy == ["AttributesToGet"] and "ProjectionExpression" not in modern


def _check_condition(name: str, attribute: str, given: Mapping[str, Any]) -> None:
    operator, values = given.get("ComparisonOperator"), given.get("AttributeValueList")
    invalid = "One or more parameter values were invalid: "
    if operator is None:
        if name != "Expected":
            return
        exists = given.get("Exists")
        if exists is False and given.get("Value") is not None:
            raise _refused(f"{invalid}Value cannot be used when Exists is false for Attribute: {attribute}")
        if exists is not False and given.get("Value") is None:
            shown = "null" if exists is None else "true"
            raise _refused(f"{invalid}Value must be provided when Exists is {shown} for Attribute: {attribute}")
        return
    if operator not in _COUNTS:
        raise _refused(
            f"1 validation error detected: Value '{operator}' at 'comparisonOperator' failed to satisfy constraint: "
            f"Member must satisfy enum value set: [{', '.join(_COUNTS)}]"
        )
    if given.get("Exists") is not None:
        raise _refused(f"{invalid}Exists and ComparisonOperator cannot be used together for Attribute: {attribute}")
    if values is not None and given.get("Value") is not None:
        raise _refused(f"{invalid}Value and AttributeValueList cannot be used together for Attribute: {attribute}")
    operands = values if values is not None else [given["Value"]] if given.get("Value") is not None else []
    fewest, most = _COUNTS[operator]
    if not fewest <= len(operands) <= most:
        raise _refused(f"{invalid}Invalid number of argument(s) for the {operator} ComparisonOperator")
    if name == "KeyConditions" and operator not in _OF_KEYS:
        raise _refused("Attempted conditional constraint is not an indexable operation")
    for operand in operands:
        _check_number(operand)
        if operator in _OF_ORDERED and operand and type_of(operand) not in ORDERED:
            raise _refused(
                f"{invalid}ComparisonOperator {operator} is not valid for {type_of(operand)} AttributeValue type"
            )


def _check_number(operand: Mapping[str, Any]) -> None:
    try:
        Decimal(operand.get("N", "0"))
    except ArithmeticError:
        problem = f"The parameter cannot be converted to a numeric value: {operand['N']}"
        raise _refused(problem) from None


def _check_operator(kind: str, given: Mapping[str, Any]) -> None:
    if given.get("ConditionalOperator") is None or kind not in _LEGACY:
        return
    conditions = next((given[name] for name in ("Expected", "QueryFilter", "ScanFilter") if given.get(name)), None)
    if conditions is None:
        raise _refused("ConditionalOperator cannot be used without Filter or Expected")
    if len(conditions) < 2:
        raise _refused("ConditionalOperator can only be used when Filter or Expected has two or more elements")


def _check_attributes(given: Mapping[str, Any]) -> None:
    attributes = given.get("AttributesToGet")
    if attributes is None:
        return
    if not attributes:
        raise _refused(
            "1 validation error detected: Value '[]' at 'attributesToGet' failed to satisfy constraint: "
            "Member must have length greater than or equal to 1"
        )
    twice = next((one for one in attributes if attributes.count(one) > 1), None)
    if twice is not None:
        raise _refused(f"One or more parameter values were invalid: Duplicate value in attribute name: {twice}")
    if given.get("Select") in ("ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES"):
        raise _refused(f"Cannot specify the AttributesToGet when choosing to get {given['Select']}")
    if given.get("Select") == "COUNT":
        raise _refused("Cannot specify the AttributesToGet when choosing to get only the Count")


def _check_action(action: Mapping[str, Any]) -> None:
    name = action.get("Action", "PUT")
    if name not in _ACTIONS:
        raise _refused(
            f"1 validation error detected: Value '{name}' at 'attributeUpdates.action' failed to satisfy constraint: "
            f"Member must satisfy enum value set: [{', '.join(_ACTIONS)}]"
        )
    if action.get("Value") is None and name != "DELETE":
        raise _refused(
            "One or more parameter values were invalid: Only DELETE action is allowed when no attribute value "
            "is specified"
        )


def _refused(problem: str) -> AwsError:
    return AwsError("ValidationException", problem, 400)
