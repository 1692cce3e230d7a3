"""JSON schema, the part that request bodies need: the same document that API Gateway validates with."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
_KNOWN = frozenset(
    {
        "type",
        "required",
        "properties",
        "additionalProperties",
        "items",
        "enum",
        "pattern",
        "minLength",
        "maxLength",
        "minimum",
        "maximum",
        "minItems",
        "maxItems",
        "description",
    }
)


def check_schema(schema: Mapping[str, Any]) -> None:
    """Refuse a schema with keywords that would not be checked.

    Raises:
        ValueError: naming the keyword.
    """
    unknown = set(schema) - _KNOWN
    if unknown:
        raise ValueError(f"the schema's keyword {sorted(unknown)[0]!r} is not one of {', '.join(sorted(_KNOWN))}")
    for inner in [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]:
        check_schema(inner)


def errors(schema: Mapping[str, Any], value: Any, path: str = "the body") -> Iterator[str]:
    """What is wrong with a value, in words that name the place and never the value.

    Args:
        schema: the JSON schema.
        value: what ``json.loads`` gives.
        path: where the value stands.
    """
    kind = schema.get("type")
    wrong = kind is not None and (
        not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind in ("integer", "number"))
    )
    if wrong:
        yield f"{path} must be of type {kind}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path} must be one of {', '.join(map(str, schema['enum']))}"
    if isinstance(value, dict):
        yield from _object(schema, value, path)
    elif isinstance(value, list):
        yield from _size(schema, len(value), path, "Items", "elements")
        for index, item in enumerate(value):
            yield from errors(schema.get("items", {}), item, f"{path}[{index}]")
    elif isinstance(value, str):
        yield from _size(schema, len(value), path, "Length", "characters")
        if "pattern" in schema and not re.search(schema["pattern"], value):
            yield f"{path} must match {schema['pattern']}"
    elif isinstance(value, int | float) and not isinstance(value, bool):
        if value < schema.get("minimum", value):
            yield f"{path} must be at least {schema['minimum']}"
        if value > schema.get("maximum", value):
            yield f"{path} must be at most {schema['maximum']}"


def _object(schema: Mapping[str, Any], value: dict[str, Any], path: str) -> Iterator[str]:
    properties = schema.get("properties", {})
    for name in schema.get("required", []):
        if name not in value:
            yield f"{path} lacks {name}"
    if schema.get("additionalProperties") is False and set(value) - set(properties):
        yield f"{path} may only have {', '.join(properties)}"
    for name, inner in properties.items():
        if name in value:
            yield from errors(inner, value[name], f"{path}.{name}" if path != "the body" else name)


def _size(schema: Mapping[str, Any], size: int, path: str, keyword: str, unit: str) -> Iterator[str]:
    low, high = schema.get(f"min{keyword}", 0), schema.get(f"max{keyword}", size)
    if not low <= size <= high:
        yield f"{path} must have {low} to {high} {unit}"
