"""JSON Schema draft 4, as API Gateway's request validators apply it to a body.

The messages are those that ``$context.error.validationErrorString`` shows. A keyword that API Gateway's
models refuse is refused here when the model is made, so that validation never skips one in silence.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Any
from urllib.parse import urlsplit

from eda_sandbox.services.apigateway.java_values import to_json

_KEYWORDS = frozenset(
    {
        "$ref",
        "$schema",
        "id",
        "title",
        "description",
        "default",
        "definitions",
        "format",
        "type",
        "enum",
        "allOf",
        "anyOf",
        "oneOf",
        "not",
        "multipleOf",
        "maximum",
        "exclusiveMaximum",
        "minimum",
        "exclusiveMinimum",
        "maxLength",
        "minLength",
        "pattern",
        "additionalItems",
        "items",
        "maxItems",
        "minItems",
        "uniqueItems",
        "maxProperties",
        "minProperties",
        "required",
        "properties",
        "patternProperties",
        "additionalProperties",
        "dependencies",
    }
)
_NESTED = ("additionalItems", "additionalProperties", "items", "not")
_NESTED_LISTS = ("allOf", "anyOf", "oneOf", "items")
_NESTED_MAPS = ("definitions", "properties", "patternProperties", "dependencies")
_TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")
_MAX_DEPTH = 200

Resolver = Callable[[str], Any]


class SchemaError(ValueError):
    """A model schema that API Gateway refuses."""


def check(schema: Any) -> None:
    """Check a schema's keywords and patterns.

    Raises:
        SchemaError: a keyword is not draft 4's, a type does not exist, or a pattern is no regular expression.
    """
    unsupported = sorted(set(_unsupported(schema)))
    if unsupported:
        raise SchemaError(f"Invalid model schema specified. Unsupported keyword(s): {to_json(unsupported)}")


def _unsupported(schema: Any) -> Iterator[str]:
    if not isinstance(schema, dict):
        if isinstance(schema, bool | list):
            return
        raise SchemaError("Invalid model schema specified. A schema is a JSON object")
    yield from (key for key in schema if key not in _KEYWORDS)
    types = schema.get("type", [])
    for name in [types] if isinstance(types, str) else types:
        if name not in _TYPES:
            raise SchemaError(f"Invalid model schema specified. {name} is not a valid type")
    for pattern in [schema["pattern"]] if "pattern" in schema else []:
        _ecma(pattern)
    for key in _NESTED:
        if isinstance(schema.get(key), dict):
            yield from _unsupported(schema[key])
    for key in _NESTED_LISTS:
        for inner in schema[key] if isinstance(schema.get(key), list) else []:
            yield from _unsupported(inner)
    for key in _NESTED_MAPS:
        for inner in (schema.get(key) or {}).values():
            yield from _unsupported(inner)


def errors(schema: Any, document: Any, resolve: Resolver) -> list[str]:
    """What is wrong with a document, in API Gateway's words; empty when it is valid.

    ``resolve`` gives the schema a ``$ref`` means; local references (``#/…``) are followed here.
    """
    try:
        return list(_errors(schema, document, schema, resolve, 0))
    except RecursionError:
        return ["the document nests too deeply"]


def _type_of(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    # In draft 4 an integer is "a JSON number without a fraction or exponent part" (core, 3.5): 1.0 and 1e2 are none.
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def _errors(schema: Any, value: Any, root: Any, resolve: Resolver, depth: int) -> Iterator[str]:
    if depth > _MAX_DEPTH:
        raise RecursionError
    if isinstance(schema, dict) and "$ref" in schema:
        reference = schema["$ref"]
        if reference.startswith("#"):
            yield from _errors(_pointer(root, reference), value, root, resolve, depth + 1)
        else:
            target = resolve(reference)
            yield from _errors(target, value, target, resolve, depth + 1)
        return
    if not isinstance(schema, dict):
        return

    def below(inner: Any, item: Any) -> list[str]:
        return list(_errors(inner, item, root, resolve, depth + 1))

    kind = _type_of(value)
    allowed = schema.get("type")
    if allowed is not None:
        names = [allowed] if isinstance(allowed, str) else list(allowed)
        if kind not in names and not (kind == "integer" and "number" in names):
            shown = sorted({*names, *(["integer"] if "number" in names else [])})
            yield f"instance type ({kind}) does not match any allowed primitive type (allowed: {to_json(shown)})"
            return
    if "enum" in schema and not any(_same(value, choice) for choice in schema["enum"]):
        yield f"instance value ({to_json(value)}) not found in enum (possible values: {to_json(schema['enum'])})"
    if kind in ("integer", "number"):
        yield from _number(schema, value)
    elif kind == "string":
        yield from _string(schema, value)
    elif kind == "array":
        yield from _array(schema, value, below)
    elif kind == "object":
        yield from _object(schema, value, below)
    yield from _combined(schema, value, below)


def _pointer(root: Any, reference: str) -> Any:
    target = root
    for token in reference.lstrip("#").split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        target = target.get(key) if isinstance(target, dict) else None
    return target if isinstance(target, dict) else {}


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    return bool(left == right)


def _number(schema: Mapping[str, Any], value: float) -> Iterator[str]:
    if "minimum" in schema:
        minimum = schema["minimum"]
        if value < minimum:
            yield f"numeric instance is lower than the required minimum (minimum: {minimum}, found: {value})"
        elif schema.get("exclusiveMinimum") is True and value == minimum:
            yield f"numeric instance is not strictly greater than the required minimum {minimum}"
    if "maximum" in schema:
        maximum = schema["maximum"]
        if value > maximum:
            yield f"numeric instance is greater than the required maximum (maximum: {maximum}, found: {value})"
        elif schema.get("exclusiveMaximum") is True and value == maximum:
            yield f"numeric instance is not strictly lower than the required maximum {maximum}"
    if "multipleOf" in schema:
        ratio = value / schema["multipleOf"]
        if abs(ratio - round(ratio)) > 1e-9:
            yield f"remainder of division is not zero ({value} / {schema['multipleOf']})"


def _string(schema: Mapping[str, Any], value: str) -> Iterator[str]:
    shown = to_json(value)
    if len(value) < schema.get("minLength", 0):
        yield f"string {shown} is too short (length: {len(value)}, required minimum: {schema['minLength']})"
    if "maxLength" in schema and len(value) > schema["maxLength"]:
        yield f"string {shown} is too long (length: {len(value)}, maximum allowed: {schema['maxLength']})"
    if "pattern" in schema and not _ecma(schema["pattern"]).search(value):
        yield f"ECMA 262 regex {to_json(schema['pattern'])} does not match input string {shown}"
    accepts = _FORMATS.get(schema.get("format", ""))
    if accepts is not None and not accepts(value):
        yield f"string {shown} is invalid against requested format {schema['format']}"


def _ecma(pattern: str) -> re.Pattern[str]:
    # In ECMA 262 \d and \w are ASCII, and $ is the very end; re.ASCII and \Z say the same to Python.
    text, in_class, at = "", False, 0
    while at < len(pattern):
        char = pattern[at]
        if char == "\\" and at + 1 < len(pattern):
            text += pattern[at : at + 2]
            at += 2
            continue
        if char == "[":
            in_class = True
        elif char == "]":
            in_class = False
        text += r"\Z" if char == "$" and not in_class else char
        at += 1
    try:
        return re.compile(text, re.ASCII)
    except re.error as error:
        raise SchemaError(f"Invalid model schema specified. {pattern} is not a regular expression: {error}") from error


def _array(schema: Mapping[str, Any], value: list[Any], below: Callable[[Any, Any], list[str]]) -> Iterator[str]:
    # ``minItems`` and ``maxItems`` are kept in a model and not asked of requests: "not included in simple request
    # validation" (API Gateway Developer Guide, important notes).
    size = len(value)
    if schema.get("uniqueItems") and any(_same(a, b) for i, a in enumerate(value) for b in value[:i]):
        yield "array must not contain duplicate elements"
    items = schema.get("items")
    if isinstance(items, list):
        for inner, item in zip(items, value, strict=False):
            yield from below(inner, item)
        extra = schema.get("additionalItems", True)
        if extra is False and size > len(items):
            yield f"array must not have more than {len(items)} elements but instance has {size} elements"
        elif isinstance(extra, dict):
            for item in value[len(items) :]:
                yield from below(extra, item)
    elif items is not None:
        for item in value:
            yield from below(items, item)


def _object(schema: Mapping[str, Any], value: dict[str, Any], below: Callable[[Any, Any], list[str]]) -> Iterator[str]:
    size = len(value)
    if size < schema.get("minProperties", 0):
        yield f"object has too few properties (found {size} but schema requires at least {schema['minProperties']})"
    if "maxProperties" in schema and size > schema["maxProperties"]:
        yield f"object has too many properties (found {size} but schema requires at most {schema['maxProperties']})"
    missing = sorted(name for name in schema.get("required", []) if name not in value)
    if missing:
        yield f"object has missing required properties ({to_json(missing)})"
    properties = schema.get("properties", {})
    patterns = {_ecma(pattern): inner for pattern, inner in schema.get("patternProperties", {}).items()}
    extra = schema.get("additionalProperties", True)
    unknown: list[str] = []
    for name, item in value.items():
        inners = [properties[name]] if name in properties else []
        inners += [inner for pattern, inner in patterns.items() if pattern.search(name)]
        if not inners:
            if extra is False:
                unknown.append(name)
            elif isinstance(extra, dict):
                inners = [extra]
        for inner in inners:
            yield from below(inner, item)
    if unknown:
        yield f"object instance has properties which are not allowed by the schema: {to_json(sorted(unknown))}"
    for name, needs in schema.get("dependencies", {}).items():
        if name not in value:
            continue
        if isinstance(needs, list):
            absent = sorted(need for need in needs if need not in value)
            if absent:
                yield f"property {to_json(name)} of object has missing property dependencies: {to_json(absent)}"
        else:
            yield from below(needs, value)


def _combined(schema: Mapping[str, Any], value: Any, below: Callable[[Any, Any], list[str]]) -> Iterator[str]:
    if "allOf" in schema:
        matched = sum(not below(inner, value) for inner in schema["allOf"])
        if matched < len(schema["allOf"]):
            yield (
                f"instance failed to match all required schemas (matched only {matched} out of {len(schema['allOf'])})"
            )
    if "anyOf" in schema and not any(not below(inner, value) for inner in schema["anyOf"]):
        yield f"instance failed to match at least one required schema among {len(schema['anyOf'])}"
    if "oneOf" in schema:
        matched = sum(not below(inner, value) for inner in schema["oneOf"])
        if matched != 1:
            yield f"instance failed to match exactly one schema (matched {matched} out of {len(schema['oneOf'])})"
    if "not" in schema and not below(schema["not"], value):
        yield "instance matched a schema which it should not have"


def _date_time(value: str) -> bool:
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)", value, re.ASCII):
        return False
    try:
        datetime.fromisoformat(re.sub(r"\.(\d{6})\d+", r".\1", value))
    except ValueError:
        return False
    return True


def _address(kind: type[IPv4Address] | type[IPv6Address]) -> Callable[[str], bool]:
    def accepts(value: str) -> bool:
        try:
            kind(value)
        except AddressValueError:
            return False
        return True

    return accepts


def _uri(value: str) -> bool:
    try:
        urlsplit(value)
    except ValueError:
        return False
    return not re.search(r"[\s<>\"{}|\\^`]", value)


_HOSTNAME = re.compile(r"(?=.{1,255}$)[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*")
_FORMATS: dict[str, Callable[[str], bool]] = {
    "date-time": _date_time,
    "email": lambda value: re.fullmatch(r"[^@\s]+@[^@\s]+", value) is not None,
    "hostname": lambda value: (
        re.fullmatch(r"(?=.{1,255}$)[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*", value) is not None
    ),
    "ipv4": _address(IPv4Address),
    "ipv6": _address(IPv6Address),
    "uri": _uri,
}
