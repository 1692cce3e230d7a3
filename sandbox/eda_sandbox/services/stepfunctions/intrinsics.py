"""The intrinsic functions, ``States.Format`` and its like."""

import base64
import hashlib
import json
import random
import re
import uuid
from collections.abc import Callable
from typing import Any

from eda_sandbox.services.stepfunctions import paths
from eda_sandbox.services.stepfunctions.failure import StateError

LIMIT = 10_000
"""Characters that ``States.Hash`` and the Base64 functions take."""
_CALL = re.compile(r"States\.(\w+)\s*\(")
_SURROGATE = re.compile("[\ud800-\udfff]")
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")


class _Parser:
    def __init__(self, text: str, document: Any, context: Any) -> None:
        self._text = text
        self._at = 0
        self._document = document
        self._context = context

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
            return _call(call.group(1), self._arguments())
        if rest.startswith("'"):
            return self._string()
        if rest.startswith("$"):
            path = self._path()
            return paths.read(path, self._document, self._context)
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
            if letter == "\\" and self._at + 1 < len(self._text):
                following = self._text[self._at + 1]
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

    def _error(self) -> StateError:
        return StateError("States.IntrinsicFailure", f"cannot read {self._text!r} at position {self._at}")


def evaluate(text: str, document: Any, context: Any) -> Any:
    """The value of an expression such as ``States.Format('{}', $.id)``.

    Raises:
        StateError: ``States.IntrinsicFailure``.
    """
    return _Parser(text, document, context).run()


def _call(name: str, arguments: list[Any]) -> Any:
    function = _FUNCTIONS.get(name)
    if function is None:
        raise StateError("States.IntrinsicFailure", f"there is no function States.{name}")
    try:
        return function(*arguments)
    except StateError:
        raise
    except Exception as error:
        raise StateError("States.IntrinsicFailure", f"States.{name}: {error}") from error


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
            value = values[used]
            out.append(value if isinstance(value, str) else compact(value))
            used += 1
            at += 2
        else:
            out.append(template[at])
            at += 1
    if used != len(values):
        raise ValueError(f"{used} places for {len(values)} values")
    return "".join(out)


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


def _partition(values: list[Any], size: int) -> list[list[Any]]:
    return [values[start : start + size] for start in range(0, len(values), size)]


def _range(first: int, last: int, step: int) -> list[int]:
    values = list(range(first, last + (1 if step > 0 else -1), step))
    if len(values) > 1000:
        raise ValueError("more than 1000 elements")
    return values


def _unique(values: list[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if value not in found:
            found.append(value)
    return found


def _split(text: str, marks: str) -> list[str]:
    return [part for part in re.split("[" + re.escape(marks) + "]", text) if part]


def _merge(first: dict[str, Any], second: dict[str, Any], deep: bool) -> dict[str, Any]:
    if deep:
        raise ValueError("deep merging is not offered by Step Functions")
    return {**first, **second}


def _random(start: int, end: int, seed: int | None = None) -> int:
    return (random.Random(seed) if seed is not None else random).randrange(start, end)


def _item(values: list[Any], index: int) -> Any:
    if index < 0:
        raise ValueError("the index is negative")
    return values[index]


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "Array": lambda *values: list(values),
    "ArrayContains": lambda values, value: value in values,
    "ArrayGetItem": _item,
    "ArrayLength": len,
    "ArrayPartition": _partition,
    "ArrayRange": _range,
    "ArrayUnique": _unique,
    "Base64Decode": lambda text: base64.b64decode(_limited(text)).decode(),
    "Base64Encode": lambda text: base64.b64encode(_limited(text)).decode(),
    "Format": _format,
    "Hash": _hash,
    "JsonMerge": _merge,
    "JsonToString": compact,
    "MathAdd": lambda first, second: round(first) + round(second),
    "MathRandom": _random,
    "StringSplit": _split,
    "StringToJson": json.loads,
    "UUID": lambda: str(uuid.uuid4()),
}
