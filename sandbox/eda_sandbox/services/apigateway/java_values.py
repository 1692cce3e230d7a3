"""How the values of a mapping template look and behave: Velocity runs on Java, and templates rely on it.

JSON arrays print as JSON, maps as ``{a=1}``, lists built in a template as ``[1, 2]``; strings have
``java.lang.String``'s methods with Java's regular expressions. A method that is not here is an error that
names it: API Gateway would print nothing, which is the hardest way to find a misspelt name.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from eda_sandbox.foundation.java_numbers import double


class TemplateError(Exception):
    """A mapping template that cannot be parsed, or that fails while it runs."""


class JsonArray(list[Any]):
    """A list that came out of JSON: unlike a list made in the template it prints as JSON."""


class Unprinted(dict[str, Any]):
    """A map of ``$context``: a template reads its entries, and prints nothing of it."""


class TemplateObject:
    """A variable with methods (``$input``, ``$util``): only what its tables name can be reached."""

    methods: ClassVar[frozenset[str]] = frozenset()
    properties: ClassVar[frozenset[str]] = frozenset()


def from_json(value: Any) -> Any:
    """Mark the arrays of parsed JSON, so that they print as API Gateway prints them."""
    if isinstance(value, dict):
        return {key: from_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return JsonArray(from_json(item) for item in value)
    return value


def to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def parse_json(text: str, *, repeated: bool = True) -> Any:
    """Parse JSON as Java's parsers do: ``NaN`` and ``Infinity`` are no JSON.

    Args:
        text: the JSON.
        repeated: whether an object may name a member twice; the last one counts.

    Raises:
        ValueError: it is none.
    """

    def refuse(constant: str) -> Any:
        raise ValueError(f"{constant} is not JSON")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(found := dict(pairs)) < len(pairs):
            raise ValueError("a member is named twice")
        return found

    return json.loads(text, parse_constant=refuse, object_pairs_hook=None if repeated else once)


def to_string(value: Any) -> str:
    """What Java's ``String.valueOf`` makes of a value."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return double(value)
    if isinstance(value, JsonArray):
        return to_json(value)
    if isinstance(value, Unprinted):
        return ""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{to_string(key)}={to_string(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple | range):
        return "[" + ", ".join(to_string(item) for item in value) + "]"
    return str(value)


def _regex(pattern: str) -> re.Pattern[str]:
    # What Java has and Python lacks (\p{..} classes, for one) is a clear error here.
    try:
        return re.compile(pattern)
    except re.error as error:
        raise TemplateError(f"regular expression {pattern!r}: {error}") from error


def _replacement(text: str) -> Callable[[re.Match[str]], str]:
    parts: list[str | int] = []
    position = 0
    while position < len(text):
        char = text[position]
        if char == "\\":
            if position + 1 == len(text):
                raise TemplateError("character to be escaped is missing in a replacement")
            parts.append(text[position + 1])
            position += 2
        elif char == "$":
            number = re.compile(r"\d").match(text, position + 1)
            if number is None:
                raise TemplateError(f"illegal group reference in replacement {text!r}")
            parts.append(int(number.group()))
            position = number.end()
        else:
            parts.append(char)
            position += 1

    def expand(match: re.Match[str]) -> str:
        try:
            return "".join(part if isinstance(part, str) else (match.group(part) or "") for part in parts)
        except IndexError as error:
            raise TemplateError(f"no such group in replacement {text!r}") from error

    return expand


def _split(text: str, pattern: str, limit: int = 0) -> list[str]:
    if text == "":
        return [""]
    pieces: list[str] = []
    start = 0
    for match in _regex(pattern).finditer(text):
        if limit > 0 and len(pieces) == limit - 1:
            break
        if match.end() == 0 or (match.start() == match.end() == len(text)):
            continue
        pieces.append(text[start : match.start()])
        start = match.end()
    pieces.append(text[start:])
    if limit == 0:
        while len(pieces) > 1 and pieces[-1] == "":
            pieces.pop()
    return pieces


def _units(text: str) -> str:
    """A text as Java counts it: one character for each unit of UTF-16."""
    if text.isascii() or max(text) < "\U00010000":
        return text
    encoded = text.encode("utf-16-be", "surrogatepass")
    return "".join(chr(int.from_bytes(encoded[at : at + 2])) for at in range(0, len(encoded), 2))


def _whole(units: str) -> str:
    return units.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "surrogatepass")


def _substring(text: str, start: int, end: int | None = None) -> str:
    units = _units(text)
    stop = len(units) if end is None else end
    if not 0 <= start <= stop <= len(units):
        raise TemplateError(f"String index out of range: begin {start}, end {stop}, length {len(units)}")
    return _whole(units[start:stop])


def _char_at(text: str, index: int) -> str:
    units = _units(text)
    if not 0 <= index < len(units):
        raise TemplateError(f"String index out of range: {index}")
    return units[index]


def _item(items: list[Any], index: int) -> Any:
    if not 0 <= index < len(items):
        raise TemplateError(f"Index {index} out of bounds for length {len(items)}")
    return items[index]


def _index_of(items: list[Any], item: Any) -> int:
    return items.index(item) if item in items else -1


def _put(mapping: dict[str, Any], key: Any, value: Any) -> Any:
    previous = mapping.get(key)
    mapping[key] = value
    return previous


def _put_all(mapping: dict[str, Any], other: Mapping[str, Any]) -> None:
    mapping.update(other)


def _add(items: list[Any], first: Any, *rest: Any) -> Any:
    if rest:
        items.insert(first, rest[0])
        return None
    items.append(first)
    return True


def _add_all(items: list[Any], other: list[Any]) -> bool:
    items.extend(other)
    return bool(other)


def _set(items: list[Any], index: int, value: Any) -> Any:
    previous = _item(items, index)
    items[index] = value
    return previous


def _remove(items: list[Any], which: Any) -> Any:
    if isinstance(which, int) and not isinstance(which, bool):
        previous = _item(items, which)
        del items[which]
        return previous
    if which in items:
        items.remove(which)
        return True
    return False


def _hash_code(text: str) -> int:
    value = 0
    for unit in text.encode("utf-16-be").hex(" ", 2).split():
        value = (31 * value + int(unit, 16)) & 0xFFFFFFFF
    return value - 0x100000000 if value >= 0x80000000 else value


_OBJECT: dict[str, Callable[..., Any]] = {
    "toString": to_string,
    "equals": lambda value, other: type(value) is type(other) and value == other,
}

_STRING: dict[str, Callable[..., Any]] = {
    **_OBJECT,
    "charAt": _char_at,
    "compareTo": lambda text, other: (text > other) - (text < other),
    "concat": lambda text, other: text + other,
    "contains": lambda text, other: other in text,
    "endsWith": lambda text, other: text.endswith(other),
    "equalsIgnoreCase": lambda text, other: isinstance(other, str) and text.lower() == other.lower(),
    "hashCode": _hash_code,
    "indexOf": lambda text, other, start=0: _units(text).find(_units(other), start),
    "isBlank": lambda text: not text.strip(),
    "isEmpty": lambda text: text == "",
    "lastIndexOf": lambda text, other: _units(text).rfind(_units(other)),
    "length": lambda text: len(text.encode("utf-16-be", "surrogatepass")) // 2,
    "matches": lambda text, pattern: _regex(pattern).fullmatch(text) is not None,
    "replace": lambda text, old, new: text.replace(old, new),
    "replaceAll": lambda text, pattern, new: _regex(pattern).sub(_replacement(new), text),
    "replaceFirst": lambda text, pattern, new: _regex(pattern).sub(_replacement(new), text, count=1),
    "split": _split,
    "startsWith": lambda text, other: text.startswith(other),
    "strip": lambda text: text.strip(),
    "substring": _substring,
    "toLowerCase": lambda text: text.lower(),
    "toUpperCase": lambda text: text.upper(),
    # String.trim drops everything up to U+0020, and nothing else.
    "trim": lambda text: text.strip("".join(map(chr, range(33)))),
}

_LIST: dict[str, Callable[..., Any]] = {
    **_OBJECT,
    "add": _add,
    "addAll": _add_all,
    "clear": lambda items: items.clear(),
    "contains": lambda items, item: item in items,
    "containsAll": lambda items, other: all(item in items for item in other),
    "get": _item,
    "indexOf": _index_of,
    "isEmpty": lambda items: not items,
    "iterator": lambda items: list(items),
    "remove": _remove,
    "set": _set,
    "size": len,
    "subList": lambda items, start, end: items[start:end],
}

_MAP: dict[str, Callable[..., Any]] = {
    **_OBJECT,
    "clear": lambda mapping: mapping.clear(),
    "containsKey": lambda mapping, key: key in mapping,
    "containsValue": lambda mapping, value: value in mapping.values(),
    "entrySet": lambda mapping: [{"key": key, "value": value} for key, value in mapping.items()],
    "get": lambda mapping, key: mapping.get(key),
    "getOrDefault": lambda mapping, key, default: mapping.get(key, default),
    "isEmpty": lambda mapping: not mapping,
    "keySet": lambda mapping: list(mapping),
    "put": _put,
    "putAll": _put_all,
    "remove": lambda mapping, key: mapping.pop(key, None),
    "size": len,
    "values": lambda mapping: list(mapping.values()),
    # What an entry of entrySet() answers to; entries are maps of "key" and "value" here.
    "getKey": lambda mapping: mapping["key"],
    "getValue": lambda mapping: mapping["value"],
}

_NUMBER: dict[str, Callable[..., Any]] = {
    **_OBJECT,
    "compareTo": lambda number, other: (number > other) - (number < other),
    "doubleValue": float,
    "intValue": int,
    "longValue": int,
}

_BOOLEAN: dict[str, Callable[..., Any]] = {**_OBJECT, "booleanValue": bool}


def _table(value: Any) -> tuple[str, dict[str, Callable[..., Any]]]:
    if isinstance(value, str):
        return "String", _STRING
    if isinstance(value, bool):
        return "Boolean", _BOOLEAN
    if isinstance(value, int | float):
        return "Number", _NUMBER
    if isinstance(value, dict):
        return "Map", _MAP
    if isinstance(value, list):
        return "List", _LIST
    if isinstance(value, range | tuple):
        return "List", _LIST
    return type(value).__name__, _OBJECT


def call(value: Any, name: str, arguments: list[Any]) -> Any:
    """Call a method of a value as Velocity does.

    Raises:
        TemplateError: there is no such method, or it fails on these arguments.
    """
    if isinstance(value, TemplateObject):
        if name not in value.methods:
            raise TemplateError(f"{type(value).__name__} has no method {name}")
        return getattr(value, name)(*arguments)
    kind, table = _table(value)
    method = table.get(name)
    if method is None:
        raise TemplateError(f"{kind} has no method {name}, or the sandbox does not know it")
    try:
        return method(value, *arguments)
    except TemplateError:
        raise
    except Exception as error:
        raise TemplateError(f"{kind}.{name}: {error}") from error


def attribute(value: Any, name: str) -> Any:
    """Read ``$value.name``: a map's entry or a bean property; ``None`` (Java's null) when there is none."""
    if isinstance(value, dict):
        if name in value:
            return value[name]
        return (not value) if name == "empty" else None
    if isinstance(value, TemplateObject):
        return getattr(value, name) if name in value.properties else None
    if isinstance(value, str | list) and name == "empty":
        return not value
    return None


def index(value: Any, key: Any) -> Any:
    """Read ``$value[key]``; a list's index out of range is an error, as in Java."""
    if isinstance(value, dict):
        return value.get(key)
    if isinstance(value, list | range | tuple):
        if isinstance(key, bool) or not isinstance(key, int):
            raise TemplateError(f"a list's index is an integer, got {to_string(key)}")
        return _item(list(value), key if key >= 0 else len(value) + key)
    return None
