"""JSON schema, the part that request bodies need: the same document that API Gateway validates with."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from eda_runtime.json_text import same

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
_LENGTHS = ("minLength", "maxLength", "minItems", "maxItems")
_BOUNDS = ("minimum", "maximum")
_KNOWN = frozenset(
    {
        "type",
        "required",
        "properties",
        "additionalProperties",
        "items",
        "enum",
        "pattern",
        *_LENGTHS,
        *_BOUNDS,
        "description",
    }
)
_END = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\$", re.DOTALL)
"""What ends a pattern, beside what only looks like it: an escape, or a character of a set."""


def check_schema(schema: Any) -> None:
    """Refuse a schema with keywords that would not be checked, or not as they are meant.

    Args:
        schema: the schema, as JSON gives it.

    Raises:
        ValueError: naming the keyword.
    """
    if not isinstance(schema, Mapping):
        raise ValueError(f"a schema is {type(schema).__name__}; only objects are taken")
    unknown = set(schema) - _KNOWN
    if unknown:
        raise ValueError(f"the schema's keyword {sorted(unknown)[0]!r} is not one of {', '.join(sorted(_KNOWN))}")
    for name in schema:
        wanted = _wrong(name, schema[name])
        if wanted:
            raise ValueError(f"the schema's {name} must be {wanted}")
    for inner in schema.get("properties", {}).values():
        check_schema(inner)
    if "items" in schema:
        check_schema(schema["items"])
    if isinstance(schema.get("additionalProperties"), Mapping):
        check_schema(schema["additionalProperties"])


def _wrong(name: str, value: Any) -> str:
    """What a keyword's value must be, when it is something else."""
    match name:
        case "type":
            kinds = value if isinstance(value, list) else [value]
            right = bool(kinds) and all(isinstance(kind, str) and kind in _TYPES for kind in kinds)
            return "" if right else f"one or a list of {', '.join(_TYPES)}"
        case "properties":
            return "" if isinstance(value, Mapping) else "an object"
        case "items":
            return "" if isinstance(value, Mapping) else "one schema for all elements"
        case "additionalProperties":
            return "" if isinstance(value, bool | Mapping) else "true, false or a schema"
        case "required":
            right = isinstance(value, list) and all(isinstance(entry, str) for entry in value)
            return "" if right else "a list of names"
        case "enum":
            return "" if isinstance(value, list) and value else "a list of values"
        case "pattern":
            try:
                _compiled(value)
            except (re.error, TypeError):
                return "a regular expression that Python reads as well"
            return ""
    if name in _LENGTHS:
        right = isinstance(value, int) and not isinstance(value, bool) and value >= 0
        return "" if right else "a whole number from 0"
    if name in _BOUNDS:
        return "" if _is_number(value) else "a number"
    return ""


def errors(schema: Mapping[str, Any], value: Any, path: str = "the body") -> Iterator[str]:
    """What is wrong with a value, in words that name the place and never the value.

    Args:
        schema: the JSON schema, one that ``check_schema`` takes.
        value: what ``json.loads`` gives.
        path: where the value stands.
    """
    kinds: Sequence[str] = [schema["type"]] if isinstance(schema.get("type"), str) else schema.get("type", ())
    if kinds and not any(_is(kind, value) for kind in kinds):
        yield f"{path} must be of type {' or '.join(kinds)}"
        return
    if "enum" in schema and not any(same(value, allowed) for allowed in schema["enum"]):
        yield f"{path} must be one of {', '.join(map(str, schema['enum']))}"
    if isinstance(value, dict):
        yield from _object(schema, value, path)
    elif isinstance(value, list):
        yield from _size(schema, len(value), path, "Items", "elements")
        for index, item in enumerate(value):
            yield from errors(schema.get("items", {}), item, f"{path}[{index}]")
    elif isinstance(value, str):
        yield from _size(schema, len(value), path, "Length", "characters")
        if "pattern" in schema and not _compiled(schema["pattern"]).search(value):
            yield f"{path} must match {schema['pattern']}"
    elif isinstance(value, int | float) and not isinstance(value, bool):
        # So that what compares with nothing, which JSON has not, passes no bound.
        if "minimum" in schema and not value >= schema["minimum"]:
            yield f"{path} must be at least {schema['minimum']}"
        if "maximum" in schema and not value <= schema["maximum"]:
            yield f"{path} must be at most {schema['maximum']}"


def _is(kind: str, value: Any) -> bool:
    if kind in ("integer", "number"):
        return isinstance(value, _TYPES[kind]) and _is_number(value)
    return isinstance(value, _TYPES[kind])


def _is_number(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    """A pattern as ECMA 262 reads it: Python's ``$`` also matches before a last line's end, and its digits are any."""
    return re.compile(_END.sub(lambda match: r"\Z" if match[0] == "$" else match[0], pattern), re.ASCII)


def _object(schema: Mapping[str, Any], value: dict[str, Any], path: str) -> Iterator[str]:
    properties = schema.get("properties", {})
    more = schema.get("additionalProperties", True)
    for name in schema.get("required", []):
        if name not in value:
            yield f"{path} lacks {name}"
    if more is False and set(value) - set(properties):
        yield f"{path} may only have {', '.join(properties)}"
    for name, inner in properties.items():
        if name in value:
            yield from errors(inner, value[name], f"{path}.{name}" if path != "the body" else name)
    if isinstance(more, Mapping):
        for name in value:
            if name not in properties:
                # Its name is the client's.
                yield from errors(more, value[name], f"a further member of {path}")


def _size(schema: Mapping[str, Any], size: int, path: str, keyword: str, unit: str) -> Iterator[str]:
    low, high = schema.get(f"min{keyword}", 0), schema.get(f"max{keyword}", size)
    if not low <= size <= high:
        yield f"{path} must have {low} to {high} {unit}"
