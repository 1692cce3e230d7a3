"""Whether a request in AWS's JSON protocol has the form of its API model, as far as types and required members go.

The emulator takes requests as they come, and fails at what is not of the type that it expects.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from eda_sandbox.foundation.cloud import service_model
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.foundation.http import HttpRequest

Check = Callable[[Any], None]
_MISSING: Mapping[str, tuple[str, str]] = {
    "sqs": ("MissingParameter", "The request must contain the parameter {0}."),
    "dynamodb": (
        "ValidationException",
        "1 validation error detected: Value null at '{1}' failed to satisfy constraint: Member must not be null",
    ),
}
"""How a service says that a member is missing: the error's code, and its text with the name in two spellings."""
_MISSING_ELSEWHERE = _MISSING["dynamodb"]
_NUMBERS = ("integer", "long", "float", "double")


def check(service: str, operation: str, given: Any) -> None:
    """Check the parameters of a request.

    Args:
        service: boto3's name.
        operation: as the API model spells it; what the model has not is not checked.
        given: as they came.

    Raises:
        AwsError: ``SerializationException`` for a value of another type, the service's own for one that is missing.
    """
    of_operation = _of(service, operation)
    if of_operation is not None:
        try:
            of_operation(given)
        except _Missing as missing:
            code, text = _MISSING.get(service, _MISSING_ELSEWHERE)
            path = ".".join(name[0].lower() + name[1:] for name in missing.path)
            raise AwsError(code, text.format(missing.path[-1], path), 400) from None


def without_nulls(request: HttpRequest) -> HttpRequest:
    """A request without the members that are null, which AWS takes for such as are not there.

    Args:
        request: in AWS's JSON protocol; any other is left as it is.
    """
    if b"null" not in request.body or request.header("x-amz-target") is None:
        return request
    try:
        given = json.loads(request.body)
    except ValueError:
        return request
    kept = _without(given)
    if kept == given:
        # Written anew it would not be what was signed.
        return request
    body = json.dumps(kept).encode()
    headers = [(name, str(len(body)) if name == "content-length" else value) for name, value in request.headers]
    return replace(request, headers=headers, body=body)


def _without(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without(one) for name, one in value.items() if one is not None}
    return [_without(one) for one in value] if isinstance(value, list) else value


class _Missing(Exception):
    """A member that is required, and its path."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.path = [name]


@cache
def _of(service: str, operation: str) -> Check | None:
    """The check of an operation's parameters; None for one that the model has not, or that has none."""
    model = service_model(service)
    shape = model.operation_model(operation).input_shape if operation in model.operation_names else None
    return None if shape is None else _check(shape, {})


def _check(shape: Shape, made: dict[str, Check]) -> Check:
    """The check of a shape; those that were made for the same operation are in ``made``."""
    name = shape.name
    if name not in made:
        # A shape that lies in itself finds this one.
        made[name] = lambda value: made[name](value)
        made[name] = _new(shape, made)
    return made[name]


def _new(shape: Shape, made: dict[str, Check]) -> Check:
    if isinstance(shape, StructureShape):
        return _structure(shape, made)
    if isinstance(shape, ListShape):
        return _elements(list, _check(shape.member, made), lambda value: enumerate(value, 1), ("member",))
    if isinstance(shape, MapShape):
        return _elements(dict, _check(shape.value, made), lambda value: value.items(), ())
    return _scalar(shape)


def _elements(
    kind: type, one: Check, entries: Callable[[Any], Iterable[tuple[Any, Any]]], below: tuple[str, ...]
) -> Check:
    def check_elements(value: Any) -> None:
        if not isinstance(value, kind):
            raise _mistaken(value)
        for name, element in entries(value):
            if element is None:
                raise _Missing(str(name))
            try:
                one(element)
            except _Missing as missing:
                missing.path[:0] = [str(name), *below]
                raise

    return check_elements


def _structure(shape: StructureShape, made: dict[str, Check]) -> Check:
    members = {name: _check(member, made) for name, member in shape.members.items()}
    required = tuple(shape.required_members)

    def check_structure(value: Any) -> None:
        if not isinstance(value, dict):
            raise _mistaken(value)
        for name in required:
            if value.get(name) is None:
                raise _Missing(name)
        for name, one in value.items():
            member = members.get(name)
            if member is not None and one is not None:
                try:
                    member(one)
                except _Missing as missing:
                    missing.path.insert(0, name)
                    raise

    return check_structure


def _scalar(shape: Shape) -> Check:
    kinds: tuple[type, ...] = (str,)
    if shape.type_name in _NUMBERS:
        kinds = (int, float)
    elif shape.type_name == "timestamp":
        kinds = (int, float, str)
    elif shape.type_name == "boolean":
        kinds = (bool,)

    def check_scalar(value: Any) -> None:
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise _mistaken(value)

    return check_scalar


def _mistaken(value: Any) -> AwsError:
    match value:
        case bool():
            found = f"{str(value).upper()}_VALUE can not be converted to the type of the member"
        case str():
            found = "STRING_VALUE can not be converted to the type of the member"
        case int() | float():
            found = "NUMBER_VALUE can not be converted to the type of the member"
        case list():
            found = "Start of list found where not expected"
        case _:
            found = "Start of structure or map found where not expected"
    return AwsError("SerializationException", found, 400)
