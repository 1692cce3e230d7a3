"""The intrinsic functions, ``States.Format`` and its like."""

import base64
import functools
import hashlib
import json
import math
import random
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from eda_sandbox.foundation.java_numbers import double
from eda_sandbox.services.stepfunctions import paths
from eda_sandbox.services.stepfunctions.failure import IntrinsicFailure

LIMIT = 10_000
"""Characters that ``States.Hash`` and the Base64 functions take."""
RANGE_LIMIT = 1000
"""Elements that ``States.ArrayRange`` makes."""
_CALL = re.compile(r"States\.(\w+)\s*\(")
_SURROGATE = re.compile("[\ud800-\udfff]")
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
_ESCAPED = "'\\{}"
"""What a backslash may stand before in a string."""


@dataclass(frozen=True)
class _Path:
    path: str


@dataclass(frozen=True)
class _Call:
    name: str
    arguments: tuple[Any, ...]


class _Parser:
    """Reads an expression into calls, paths and constants."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def run(self) -> Any:
        value = self._value()
        self._space()
        if self._at != len(self._text):
            raise self._error()
        return value

    def _space(self) -> None:
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1

    def _value(self) -> Any:
        self._space()
        rest = self._text[self._at :]
        if call := _CALL.match(rest):
            self._at += call.end()
            return _Call(call.group(1), tuple(self._arguments()))
        if rest.startswith("'"):
            return self._string()
        if rest.startswith("$"):
            path = self._path()
            try:
                paths.check(path)
            except paths.NoPath as error:
                raise IntrinsicFailure(str(error)) from error
            return _Path(path)
        if number := _NUMBER.match(rest):
            self._at += number.end()
            return json.loads(number.group())
        for word, value in (("true", True), ("false", False), ("null", None)):
            if rest.startswith(word):
                self._at += len(word)
                return value
        raise self._error()

    def _arguments(self) -> list[Any]:
        values: list[Any] = []
        self._space()
        if self._text[self._at : self._at + 1] == ")":
            self._at += 1
            return values
        while True:
            values.append(self._value())
            self._space()
            mark = self._text[self._at : self._at + 1]
            self._at += 1
            if mark == ")":
                return values
            if mark != ",":
                raise self._error()

    def _string(self) -> str:
        out = []
        self._at += 1
        while self._at < len(self._text):
            letter = self._text[self._at]
            if letter == "\\":
                following = self._text[self._at + 1 : self._at + 2]
                if not following or following == '"':
                    raise self._error()
                # Braces stay escaped for States.Format, which reads them again.
                out.append(following if following in "'\\" else letter + following)
                self._at += 2
            elif letter == "'":
                self._at += 1
                return "".join(out)
            else:
                out.append(letter)
                self._at += 1
        raise self._error()

    def _path(self) -> str:
        start, quote, depth = self._at, "", 0
        while self._at < len(self._text):
            letter = self._text[self._at]
            if quote:
                quote = "" if letter == quote else quote
            elif letter in "'\"" and depth:
                quote = letter
            elif letter == "[":
                depth += 1
            elif letter == "]":
                depth -= 1
            elif letter in ",) \t\n" and not depth:
                break
            self._at += 1
        return self._text[start : self._at]

    def _error(self) -> IntrinsicFailure:
        return IntrinsicFailure(f"cannot read {self._text!r} at position {self._at}")


@functools.lru_cache(maxsize=1024)
def _parsed(text: str) -> Any:
    return _Parser(text).run()


def check(text: str) -> None:
    """Read an expression for its form alone.

    Raises:
        IntrinsicFailure: it is no expression, or calls a function that there is not.
    """
    _check_call(_parsed(text))


def _check_call(tree: Any) -> None:
    if isinstance(tree, _Call):
        if tree.name not in _FUNCTIONS:
            raise IntrinsicFailure(f"there is no function States.{tree.name}")
        for argument in tree.arguments:
            _check_call(argument)


def references(text: str) -> list[str]:
    """The paths that an expression reads."""
    found: list[str] = []

    def collect(tree: Any) -> None:
        if isinstance(tree, _Path):
            found.append(tree.path)
        elif isinstance(tree, _Call):
            for argument in tree.arguments:
                collect(argument)

    collect(_parsed(text))
    return found


def evaluate(text: str, document: Any, context: Any, variables: Mapping[str, Any] | None = None) -> Any:
    """The value of an expression such as ``States.Format('{}', $.id)``.

    Raises:
        IntrinsicFailure: it has none.
        RuntimeFailure: a path in it finds nothing.
    """

    def value(tree: Any) -> Any:
        if isinstance(tree, _Path):
            return paths.read(tree.path, document, context, variables)
        return _call(tree.name, [value(one) for one in tree.arguments]) if isinstance(tree, _Call) else tree

    return value(_parsed(text))


def _call(name: str, arguments: list[Any]) -> Any:
    function = _FUNCTIONS.get(name)
    if function is None:
        raise IntrinsicFailure(f"there is no function States.{name}")
    try:
        return function(*arguments)
    except Exception as error:
        raise IntrinsicFailure(f"States.{name}: {error}") from error


def compact(value: Any) -> str:
    """JSON as Step Functions writes it: no spaces, keys in their order; half a surrogate pair is escaped, so that the
    text can be encoded."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return text if text.isascii() else _SURROGATE.sub(lambda half: f"\\u{ord(half.group()):04x}", text)


def _format(template: str, *values: Any) -> str:
    out, used, at = [], 0, 0
    while at < len(template):
        if template.startswith(("\\{", "\\}"), at):
            out.append(template[at + 1])
            at += 2
        elif template.startswith("{}", at):
            out.append(_printed(values[used]))
            used += 1
            at += 2
        else:
            out.append(template[at])
            at += 1
    if used != len(values):
        raise ValueError(f"{used} places for {len(values)} values")
    return "".join(out)


def _printed(value: Any) -> str:
    """A value as Java prints it: maps and lists are no JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}={_printed(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_printed, value)) + "]"
    return double(value) if isinstance(value, float) else compact(value)


def _limited(text: str) -> bytes:
    if not isinstance(text, str):
        raise ValueError("the argument is no string")
    if len(text) > LIMIT:
        raise ValueError(f"the argument is longer than {LIMIT} characters")
    return text.encode()


def _hash(data: Any, algorithm: str) -> str:
    names = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}
    text = data if isinstance(data, str) else compact(data)
    return hashlib.new(names[algorithm], _limited(text)).hexdigest()


def _whole(value: Any) -> int:
    """A number without its fraction, rounded half up as Java's ``Math.round`` does."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{value!r} is no number")
    return value if isinstance(value, int) else math.floor(value + 0.5)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("the argument is no array")
    return value


def _partition(values: Any, size: Any) -> list[list[Any]]:
    length = _whole(size)
    if length < 1:
        raise ValueError("the size is below 1")
    return [_list(values)[start : start + length] for start in range(0, len(values), length)]


def _range(first: Any, last: Any, step: Any) -> list[int]:
    begin, end, by = _whole(first), _whole(last), _whole(step)
    values = range(begin, end + (1 if by > 0 else -1), by)
    if len(values) > RANGE_LIMIT:
        raise ValueError(f"more than {RANGE_LIMIT} elements")
    return list(values)


def _same(first: Any, second: Any) -> bool:
    # To Python true is 1.
    return isinstance(first, bool) is isinstance(second, bool) and bool(first == second)


def _unique(values: Any) -> list[Any]:
    found: list[Any] = []
    for value in _list(values):
        if not any(_same(value, one) for one in found):
            found.append(value)
    return found


def _split(text: str, marks: str) -> list[str]:
    if not marks:
        return [text]
    return [part for part in re.split("[" + re.escape(marks) + "]", text) if part]


def _merge(first: dict[str, Any], second: dict[str, Any], deep: bool) -> dict[str, Any]:
    if deep is not False:
        raise ValueError("deep merging is not offered by Step Functions")
    if not isinstance(first, dict) or not isinstance(second, dict):
        raise ValueError("an argument is no object")
    return {**first, **second}


def _random(start: Any, end: Any, seed: Any = None) -> int:
    chosen = random.Random(_whole(seed)) if seed is not None else random
    return chosen.randrange(_whole(start), _whole(end))


def _item(values: Any, index: Any) -> Any:
    position = _whole(index)
    if position < 0:
        raise ValueError("the index is negative")
    return _list(values)[position]


def _parse(text: str) -> Any:
    # To AWS nothing is null.
    return json.loads(text) if text.strip() else None


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "Array": lambda *values: list(values),
    "ArrayContains": lambda values, value: any(_same(value, one) for one in _list(values)),
    "ArrayGetItem": _item,
    "ArrayLength": lambda values: len(_list(values)),
    "ArrayPartition": _partition,
    "ArrayRange": _range,
    "ArrayUnique": _unique,
    "Base64Decode": lambda text: base64.b64decode(_limited(text)).decode(),
    "Base64Encode": lambda text: base64.b64encode(_limited(text)).decode(),
    "Format": _format,
    "Hash": _hash,
    "JsonMerge": _merge,
    "JsonToString": compact,
    "MathAdd": lambda first, second: _whole(first) + _whole(second),
    "MathRandom": _random,
    "StringSplit": _split,
    "StringToJson": _parse,
    "UUID": lambda: str(uuid.uuid4()),
}
