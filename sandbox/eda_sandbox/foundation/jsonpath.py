"""JSONPath as API Gateway's mapping templates and parameter mappings and the States Language use it (Jayway's dialect).

Definite paths give one value, or null when nothing is there; paths with ``*``, ``..``, slices, unions or
filters give a list, in document order.
"""

import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any


class PathError(ValueError):
    """A path that is no JSONPath."""


@dataclass(frozen=True)
class _Step:
    definite: bool
    select: Callable[[Any], Iterator[Any]]
    key: str | int = ""


_NAME = re.compile(r"[^.\[\]()\s'\"*]+")
_QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"")
_SLICE = re.compile(r"(-?\d*):(-?\d*)(?::(-?\d*))?$")
_COMPARISON = re.compile(r"\s*(==|!=|<=|>=|=~|<|>)\s*|\s+(in|nin|subsetof|anyof|noneof|contains|size|empty)\s+")


def evaluate(path: str, document: Any) -> Any:
    """The value at ``path``, ``None`` when a definite path leads nowhere, a list for an indefinite one.

    Raises:
        PathError: the path cannot be parsed.
    """
    steps = _parse(path)
    values = [document]
    for step in steps:
        values = [found for value in values for found in step.select(value)]
    if all(step.definite for step in steps):
        return values[0] if values else None
    return values


def definite(path: str) -> tuple[str | int, ...] | None:
    """The names and numbers of a path that leads to one place; None for one that can find several values.

    Raises:
        PathError: the path cannot be parsed.
    """
    steps = _parse(path)
    return tuple(step.key for step in steps) if all(step.definite for step in steps) else None


@functools.lru_cache(maxsize=512)
def _parse(path: str) -> tuple[_Step, ...]:
    text = path.strip()
    if not text.startswith(("$", "@")):
        text = f"$.{text}"
    steps: list[_Step] = []
    at = 1
    while at < len(text):
        if text.startswith("..", at):
            steps.append(_Step(False, _descendants))
            at += 2
            if at < len(text) and text[at] == "[":
                continue
            step, at = _dotted(text, at)
            steps.append(step)
        elif text[at] == ".":
            step, at = _dotted(text, at + 1)
            steps.append(step)
        elif text[at] == "[":
            end = _closing(text, at)
            steps.append(_bracket(text[at + 1 : end].strip(), path))
            at = end + 1
        else:
            raise PathError(f"{path}: unexpected {text[at:]!r}")
    return tuple(steps)


def _dotted(text: str, at: int) -> tuple[_Step, int]:
    if text.startswith("*", at):
        return _Step(False, _children), at + 1
    match = _NAME.match(text, at)
    if match is None:
        raise PathError(f"{text}: a name is missing at {at}")
    return _named(match.group()), match.end()


def _closing(text: str, at: int) -> int:
    depth, quote = 0, ""
    for position in range(at, len(text)):
        char = text[position]
        if quote:
            quote = "" if char == quote and text[position - 1] != "\\" else quote
        elif char in "'\"":
            quote = char
        elif char == "[":
            depth += 1
        elif char == "]":
            depth -= 1
            if depth == 0:
                return position
    raise PathError(f"{text}: ']' is missing")


def _bracket(inner: str, path: str) -> _Step:
    if inner == "*":
        return _Step(False, _children)
    if inner.startswith("?"):
        expression = inner[1:].strip()
        if not (expression.startswith("(") and expression.endswith(")")):
            raise PathError(f"{path}: a filter is written ?(...)")
        accepts = _filter(expression[1:-1])
        return _Step(False, lambda value: (item for item in _children(value) if accepts(item)))
    keys = _keys(inner)
    if keys is not None:
        if len(keys) == 1:
            return _named(keys[0])
        return _Step(False, lambda value: (value[k] for k in keys if isinstance(value, dict) and k in value))
    match = _SLICE.match(inner)
    if match:
        bounds = [int(part) if part else None for part in match.groups()]
        return _Step(False, lambda value: iter(value[slice(*bounds)] if isinstance(value, list) else ()))
    try:
        numbers = [int(part) for part in inner.split(",")]
    except ValueError as error:
        raise PathError(f"{path}: cannot read [{inner}]") from error
    return _Step(len(numbers) == 1, lambda value: _items(value, numbers), numbers[0])


def _keys(inner: str) -> list[str] | None:
    keys: list[str] = []
    at = 0
    while True:
        match = _QUOTED.match(inner, at)
        if match is None:
            return None
        keys.append(re.sub(r"\\(.)", r"\1", match.group(1) if match.group(1) is not None else match.group(2)))
        rest = inner[match.end() :].lstrip()
        if not rest:
            return keys
        if not rest.startswith(","):
            return None
        at = len(inner) - len(rest[1:].lstrip())


def _named(name: str) -> _Step:
    def select(value: Any) -> Iterator[Any]:
        if isinstance(value, dict) and name in value:
            yield value[name]
        elif isinstance(value, list) and name == "length()":
            yield len(value)

    return _Step(True, select, name)


def _items(value: Any, numbers: list[int]) -> Iterator[Any]:
    if isinstance(value, list):
        for number in numbers:
            if -len(value) <= number < len(value):
                yield value[number]


def _children(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _descendants(value: Any) -> Iterator[Any]:
    yield value
    for child in _children(value):
        yield from _descendants(child)


def _filter(text: str) -> Callable[[Any], bool]:
    for symbol, combine in (("||", any), ("&&", all)):
        parts = _outside_quotes(text, symbol)
        if len(parts) > 1:
            terms = [_filter(part) for part in parts]
            return lambda item, terms=terms, combine=combine: combine(term(item) for term in terms)  # type: ignore[misc]  # mypy cannot infer a lambda's defaults
    text = text.strip()
    if text.startswith("!"):
        inner = _filter(text[1:])
        return lambda item: not inner(item)
    if text.startswith("(") and text.endswith(")"):
        return _filter(text[1:-1])
    parts = _COMPARISON.split(text, maxsplit=1)
    if len(parts) == 1:
        exists = _operand(text)
        return lambda item: exists(item) is not None
    left, symbol, right = _operand(parts[0]), parts[1] or parts[2], _operand(parts[3])
    return lambda item: _compare(symbol, left(item), right(item))


def _size(value: Any) -> int | None:
    return len(value) if isinstance(value, str | list | dict) else None


_OF_LISTS: dict[str, Callable[[Any, Any], bool]] = {
    "in": lambda left, right: isinstance(right, list) and left in right,
    "nin": lambda left, right: isinstance(right, list) and left not in right,
    "subsetof": lambda left, right: (
        isinstance(left, list) and isinstance(right, list) and all(x in right for x in left)
    ),
    "anyof": lambda left, right: isinstance(left, list) and isinstance(right, list) and any(x in right for x in left),
    "noneof": lambda left, right: (
        isinstance(left, list) and isinstance(right, list) and not any(x in right for x in left)
    ),
    "contains": lambda left, right: (
        right in left if isinstance(left, list) else isinstance(left, str) and isinstance(right, str) and right in left
    ),
    "size": lambda left, right: _size(left) is not None and _size(left) == right,
    "empty": lambda left, right: _size(left) is not None and (_size(left) == 0) is right,
}
"""The operators of filters that are words."""


def _outside_quotes(text: str, symbol: str) -> list[str]:
    parts, start, quote, depth, at = [], 0, "", 0, 0
    while at < len(text):
        char = text[at]
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char in "([":
            depth += 1
        elif char in ")]":
            depth -= 1
        elif depth == 0 and text.startswith(symbol, at):
            parts.append(text[start:at])
            at += len(symbol)
            start = at
            continue
        at += 1
    return [*parts, text[start:]]


def _operand(text: str) -> Callable[[Any], Any]:
    text = text.strip()
    if text.startswith(("@", "$")):
        return lambda item: evaluate(text, item)
    quoted = _QUOTED.fullmatch(text)
    if text.startswith("[") and text.endswith("]"):
        parts = [_operand(part)(None) for part in _outside_quotes(text[1:-1], ",") if part.strip()]
        return lambda _item: parts
    if quoted:
        constant: Any = quoted.group(1) if quoted.group(1) is not None else quoted.group(2)
    elif text.startswith("/") and text.rstrip("i").endswith("/"):
        constant = re.compile(text.rstrip("i")[1:-1], re.IGNORECASE if text.endswith("i") else 0)
    else:
        words: dict[str, Any] = {"true": True, "false": False, "null": None}
        try:
            constant = words[text] if text in words else float(text) if "." in text else int(text)
        except ValueError as error:
            raise PathError(f"cannot read {text!r} in a filter") from error
    return lambda _item: constant


def _compare(symbol: str, left: Any, right: Any) -> bool:
    if symbol in _OF_LISTS:
        return _OF_LISTS[symbol](left, right)
    if symbol == "=~":
        return isinstance(left, str) and isinstance(right, re.Pattern) and right.fullmatch(left) is not None
    # To Python true is 1.
    same_kind = isinstance(left, bool) is isinstance(right, bool)
    if symbol in ("==", "!="):
        return (same_kind and bool(left == right)) is (symbol == "==")
    if not same_kind:
        return False
    try:
        return bool(
            left < right
            if symbol == "<"
            else left > right
            if symbol == ">"
            else left <= right
            if symbol == "<="
            else left >= right
        )
    except TypeError:
        return False
