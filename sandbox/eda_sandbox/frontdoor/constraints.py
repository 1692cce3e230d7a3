"""What an API model demands of a request's values, in the words in which AWS refuses them (recorded on AWS)."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape
from botocore.validate import ParamValidator

from eda_sandbox.foundation.errors import AwsError

COMPOUND = (StructureShape, ListShape, MapShape)
SAID_OTHERWISE = ("Runtime",)
"""Enums that their services refuse in words of their own."""


def check(values: Mapping[str, Any], shape: StructureShape) -> None:
    """Check the members of a request.

    Args:
        values: as boto3 takes them.
        shape: the operation's input.

    Raises:
        AwsError: ``ValidationException``, with all that is wrong.
    """
    problems = list(_problems(values, shape, ""))
    if not problems:
        # Values of other types than the model's.
        report = ParamValidator().validate(values, shape)
        problems = [report.generate_report()] if report.has_errors() else []
    if problems:
        count = f"{len(problems)} validation error{'s' if len(problems) > 1 else ''} detected"
        raise AwsError("ValidationException", f"{count}: {'; '.join(problems)}")


def _problems(value: Any, shape: Shape, path: str) -> Iterator[str]:
    if isinstance(shape, StructureShape):
        if not shape.is_document_type and isinstance(value, Mapping):
            yield from _members(value, shape, path)
        return
    for demand in _unmet(value, shape):
        yield _said(value, shape, path, demand)
    if isinstance(shape, ListShape) and isinstance(value, list):
        if not isinstance(shape.member, COMPOUND):
            if any(next(_unmet(item, shape.member), None) for item in value):
                yield _said(value, shape, path, f"Member must satisfy constraint: [{_all(shape.member)}]")
            return
        for number, item in enumerate(value, 1):
            yield from _problems(item, shape.member, f"{path}.{number}.member")
    elif isinstance(shape, MapShape) and isinstance(value, Mapping):
        for kind, part, items in (("keys", shape.key, value.keys()), ("value", shape.value, value.values())):
            if isinstance(part, COMPOUND):
                continue
            if any(next(_unmet(item, part), None) for item in items):
                yield _said(value, shape, path, f"Map {kind} must satisfy constraint: [{_all(part)}]")
        for key, item in value.items():
            if isinstance(shape.value, COMPOUND):
                yield from _problems(item, shape.value, f"{path}.{key}.member")


def _members(value: Mapping[str, Any], shape: StructureShape, path: str) -> Iterator[str]:
    for name, member in shape.members.items():
        found = value.get(name)
        if found is None:
            if name in shape.required_members:
                yield f"Value null at '{_below(path, name)}' failed to satisfy constraint: Member must not be null"
        elif member.metadata or isinstance(member, COMPOUND):
            yield from _problems(found, member, _below(path, name))


def _below(path: str, name: str) -> str:
    own = name[0].lower() + name[1:]
    return f"{path}.{own}" if path else own


def _said(value: Any, shape: Shape, path: str, demand: str) -> str:
    shown = "" if "sensitive" in shape.metadata else f"'{_shown(value, shape)}' "
    return f"Value {shown}at '{path}' failed to satisfy constraint: {demand}"


def _shown(value: Any, shape: Shape) -> str:
    """A value as Java prints it."""
    if value is None:
        return "null"
    if isinstance(shape, ListShape) and isinstance(value, list):
        return f"[{', '.join(_shown(one, shape.member) for one in value)}]"
    if isinstance(shape, MapShape) and isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}={_shown(one, shape.value)}" for name, one in value.items()) + "}"
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        members = [
            f"{name[0].lower()}{name[1:]}={_shown(value.get(name), member)}" for name, member in shape.members.items()
        ]
        return f"{shape.name}({', '.join(members)})"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _unmet(value: Any, shape: Shape) -> Iterator[str]:
    limits = shape.metadata
    if not limits:
        return
    if isinstance(value, str):
        pattern = _pattern(limits.get("pattern"))
        if pattern is not None and not pattern.fullmatch(value):
            yield _demand("pattern", shape)
        if limits.get("enum") and shape.name not in SAID_OTHERWISE and value not in limits["enum"]:
            yield _demand("enum", shape)
    size = len(value) if isinstance(value, str | bytes | list | dict) else value
    if isinstance(size, int | float):
        if "max" in limits and size > limits["max"]:
            yield _demand("max", shape)
        if "min" in limits and size < limits["min"]:
            yield _demand("min", shape)


def _demand(kind: str, shape: Shape) -> str:
    limit = shape.metadata[kind]
    if kind == "pattern":
        return f"Member must satisfy regular expression pattern: {limit}"
    if kind == "enum":
        return f"Member must satisfy enum value set: [{', '.join(limit)}]"
    what = "value" if shape.type_name in ("integer", "long", "float", "double") else "length"
    return f"Member must have {what} {'less' if kind == 'max' else 'greater'} than or equal to {limit}"


def _all(shape: Shape) -> str:
    return ", ".join(_demand(kind, shape) for kind in ("max", "min", "pattern", "enum") if kind in shape.metadata)


@cache
def _pattern(text: str | None) -> re.Pattern[str] | None:
    if not text:
        return None
    try:
        return re.compile(text)
    except re.error:
        # A few models use Java's regular expressions where they differ from Python's.
        return None
