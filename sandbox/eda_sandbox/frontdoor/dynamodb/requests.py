"""What DynamoDB refuses of a request before it looks at a table: expressions, parameters that exclude each other."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.frontdoor.dynamodb import checks, grammar, legacy
from eda_sandbox.frontdoor.dynamodb.binding import Binding
from eda_sandbox.frontdoor.dynamodb.placeholders import check_names, check_unused, check_values
from eda_sandbox.frontdoor.dynamodb.syntax import Invalid
from eda_sandbox.frontdoor.dynamodb.values import type_of

_TEXTS = {"S": "", "N": "0", "B": ""}
_UPDATE, _CONDITION = "UpdateExpression", "ConditionExpression"
_KEYS, _FILTER, _PROJECTION = "KeyConditionExpression", "FilterExpression", "ProjectionExpression"
EXPRESSIONS: Mapping[str, tuple[str, ...]] = {
    "PutItem": (_CONDITION,),
    "DeleteItem": (_CONDITION,),
    "UpdateItem": (_UPDATE, _CONDITION),
    "GetItem": (_PROJECTION,),
    "Query": (_PROJECTION, _FILTER, _KEYS),
    "Scan": (_PROJECTION, _FILTER),
    "Put": (_CONDITION,),
    "Delete": (_CONDITION,),
    "Update": (_UPDATE, _CONDITION),
    "ConditionCheck": (_CONDITION,),
    "Get": (_PROJECTION,),
    "Keys": (_PROJECTION,),
}
"""The expressions of an operation, or of a part of one, in the order in which DynamoDB checks them."""


@dataclass(frozen=True, slots=True)
class Part:
    """An operation on one table, alone or as a part of a batch or a transaction.

    Attributes:
        kind: a key of ``EXPRESSIONS``.
        table: its name or ARN.
        parameters: as the API model names them.
    """

    kind: str
    table: str
    parameters: Mapping[str, Any]


def parts(operation: str, parameters: Mapping[str, Any]) -> Iterator[Part]:
    """The operations on single tables of a request; none of what has not the form of one.

    Args:
        operation: as the API model spells it.
        parameters: of the request.
    """
    if operation in EXPRESSIONS:
        yield Part(operation, str(parameters.get("TableName")), parameters)
    elif operation in ("TransactWriteItems", "TransactGetItems"):
        for item in _list(parameters.get("TransactItems")):
            for kind, part in _map(item).items():
                if kind in EXPRESSIONS and isinstance(part, Mapping):
                    yield Part(kind, str(part.get("TableName")), part)
    elif operation == "BatchGetItem":
        for table, part in _map(parameters.get("RequestItems")).items():
            if isinstance(part, Mapping):
                yield Part("Keys", table, part)


def check(operation: str, parameters: Mapping[str, Any]) -> None:
    """Check a request.

    Args:
        operation: as the API model spells it.
        parameters: of the request.

    Raises:
        AwsError: DynamoDB refuses it.
    """
    _check_items(operation, parameters)
    for part in parts(operation, parameters):
        _check_names(part.parameters.get("Item"))
        legacy.check(part.kind, part.parameters)
        _check_expressions(part)


def _check_items(operation: str, parameters: Mapping[str, Any]) -> None:
    if operation == "TransactWriteItems":
        for number, item in enumerate(_list(parameters.get("TransactItems")), 1):
            if len(_map(item)) > 1:
                raise _refused("TransactItems can only contain one of Check, Put, Update or Delete")
            if "ConditionCheck" in item and not _map(item["ConditionCheck"]).get(_CONDITION):
                raise _null(f"transactItems.{number}.member.conditionCheck.conditionExpression")
    elif operation == "TransactGetItems":
        for number, item in enumerate(_list(parameters.get("TransactItems")), 1):
            if not _map(item).get("Get"):
                raise _null(f"transactItems.{number}.member.get")
    elif operation == "BatchWriteItem":
        for requests in _map(parameters.get("RequestItems")).values():
            for request in _list(requests):
                _check_names(_map(_map(request).get("PutRequest")).get("Item"))
                if len(_map(request)) != 1:
                    raise _refused(
                        "Supplied AttributeValue has more than one datatypes set, "
                        "must contain exactly one of the supported datatypes"
                    )


def _check_names(item: Any) -> None:
    if "" in _map(item):
        raise _refused("One or more parameter values were invalid: Empty attribute name")


def _check_expressions(part: Part) -> None:
    given = part.parameters
    kinds = EXPRESSIONS[part.kind]
    names, values = given.get("ExpressionAttributeNames"), given.get("ExpressionAttributeValues")
    there = [kind for kind in kinds if isinstance(given.get(kind), str)]
    if not there and names is None and values is None:
        return
    check_names(names, bool(there))
    check_values(values, bool(there), [kind for kind in kinds if kind != _PROJECTION])
    binding = Binding(_map(names), _map(values))
    for kind in there:
        try:
            binding.used |= _used(kind, given[kind], tuple(binding.names.items()), _kinds(given[kind], binding))
        except Invalid as invalid:
            raise _refused(f"Invalid {kind}: {invalid}") from None
    check_unused(binding)


def _kinds(text: str, binding: Binding) -> tuple[tuple[str, str, str], ...]:
    """The types of the values, and what they are where that is checked: as bounds, and as a type's name."""
    matters = "attribute_type" in text or "BETWEEN" in text.upper()
    return tuple(
        (name, kind := type_of(value), str(value[kind]) if matters and kind in _TEXTS else _TEXTS.get(kind, ""))
        for name, value in binding.values.items()
    )


@lru_cache(grammar.REMEMBERED)
def _used(
    kind: str, text: str, names: tuple[tuple[str, str], ...], values: tuple[tuple[str, str, str], ...]
) -> frozenset[str]:
    """Check an expression that was not checked before, and say which placeholders it has."""
    binding = Binding(dict(names), {name: {type_: content} for name, type_, content in values})
    _CHECKS[kind](text, binding)
    return frozenset(binding.used)


def _check_update(text: str, binding: Binding) -> None:
    checks.check_update(grammar.update(text), binding)


def _check_condition(text: str, binding: Binding) -> None:
    checks.check_condition(grammar.condition(text), binding)


def _check_projection(text: str, binding: Binding) -> None:
    checks.check_projection(grammar.projection(text), binding)


_CHECKS: Mapping[str, Callable[[str, Binding], None]] = {
    _UPDATE: _check_update,
    _CONDITION: _check_condition,
    _FILTER: _check_condition,
    _KEYS: _check_condition,
    _PROJECTION: _check_projection,
}


def _refused(problem: str) -> AwsError:
    return AwsError("ValidationException", problem, 400)


def _null(where: str) -> AwsError:
    return _refused(
        f"1 validation error detected: Value null at '{where}' failed to satisfy constraint: Member must not be null"
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
