"""JSON text whose numbers keep their value, and whose depth and length no interpreter limits.

Python's own ``json`` makes floats of decimals, infinity of ``1e400``, and errors of an integer with 5,000 digits or of
1,000 levels, all of which is valid JSON. What is compared or kept must not depend on that.
"""

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from typing import Any

MAX_LEVELS = 100
"""Up to so many levels Python's own parser is used; beyond, its limit would depend on who calls it."""
MAX_DIGITS = 600
"""Whole numbers up to so many digits are ints; Python converts 640 whatever its settings."""
_LONG = 2**63
_SAFE_DIGITS = 15
"""A float has every decimal of so many digits."""
_FLOAT_DIGITS = 17
"""The shortest form of a float has no more."""
_MAX_POWER = 15
"""Characters of an exponent that a ``Decimal`` takes."""
_NUMBER = re.compile(r"(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?")
_TOKEN = re.compile(
    r'[ \t\n\r]*+([\[\]{},:]|"[^"\\\x00-\x1f]*+(?:\\.[^"\\\x00-\x1f]*+)*+"'
    r"|-?[0-9][0-9.eE+-]*+|true|false|null|-?Infinity|NaN|\Z)"
)
_BRACKET = re.compile(r'[\[\]{}]|"[^"\\]*+(?:\\[\s\S]?[^"\\]*+)*+"?')
"""A bracket, or a string as a whole, also one without an end: what is in it is no bracket."""
_CONSTANTS = {"true": True, "false": False, "null": None}


class Number(str):
    """A number that neither an int nor a float has, in one form for each value: ``-12345678901234567.01`` as
    ``-1234567890123456701e-2``.

    It is text, so that whatever takes JSON's values takes it.
    """

    __slots__ = ()


def loads(text: str, beyond: Callable[[str], Any] = Number) -> Any:
    """The value of a text.

    Args:
        text: JSON; ``NaN`` and ``Infinity`` are taken, as Python does.
        beyond: makes something of a number that neither an int nor a float has; given in the form of ``Number``.

    Raises:
        ValueError: it is no JSON.
    """
    exact, decoder = _exact(beyond)
    if text.count("[") + text.count("{") <= MAX_LEVELS or _levels(text) <= MAX_LEVELS:
        return decoder.decode(text)
    return _nested(text, exact)


@lru_cache(maxsize=8)
def _exact(beyond: Callable[[str], Any]) -> tuple[Callable[[str], Any], json.JSONDecoder]:
    def exact(literal: str) -> Any:
        return _number(literal, beyond)

    return exact, json.JSONDecoder(parse_float=exact, parse_int=exact)


def dumps(value: Any, default: Callable[[Any], Any], sort_keys: bool = False) -> str:
    """A value as ASCII text, as Python's ``json`` writes it, but for decimals: they are numbers.

    Args:
        value: JSON-serialisable; tuples are arrays, members' names become text.
        default: makes something serialisable of what JSON has not.
        sort_keys: an object's members are sorted by their names.

    Raises:
        TypeError: it is not JSON-serialisable.
        ValueError: it holds itself.
    """
    parts: list[str] = []
    # Written from an own stack: the interpreter's is not deep enough.
    stack: list[Iterator[tuple[str, Any]]] = [iter([("", value)])]
    closing: list[tuple[str, int]] = [("", 0)]
    under_way: set[int] = set()
    while stack:
        step = next(stack[-1], None)
        if step is None:
            stack.pop()
            end, identity = closing.pop()
            parts.append(end)
            under_way.discard(identity)
            continue
        prefix, inner = step
        parts.append(prefix)
        text = _scalar(inner)
        while text is None and not isinstance(inner, Mapping | list | tuple):
            inner = default(inner)
            text = _scalar(inner)
        if text is not None:
            parts.append(text)
            continue
        if id(inner) in under_way:
            raise ValueError("the value holds itself")
        under_way.add(id(inner))
        if isinstance(inner, Mapping):
            parts.append("{")
            closing.append(("}", id(inner)))
            stack.append(_members(inner, sort_keys))
        else:
            parts.append("[")
            closing.append(("]", id(inner)))
            stack.append(_items(inner))
    return "".join(parts)


def plain(value: Any, levels: int = MAX_LEVELS // 2) -> bool:
    """Whether a value is what Python's own reader makes of what its own writer writes of it, in its canonical form.

    Then nothing has to be copied or compared. That is so for text without surrogates, objects whose names are such
    text, arrays, ``true``, ``false``, ``null``, whole numbers of 64 bits and floats that are no whole number; each of
    its own type, not of one derived from it.

    Args:
        value: the value.
        levels: deeper ones are not plain, so one that holds itself is not.
    """
    if type(value) is dict:
        for name in value:
            if type(name) is not str or not (name.isascii() or _encodes(name)):
                return False
        members: Iterable[Any] = value.values()
    elif type(value) is list:
        members = value
    else:
        return _plain_scalar(value)
    if levels == 0:
        return False
    for member in members:
        kind = type(member)
        # Most members are short text: a call for each would cost more than all else.
        if kind is str:
            if not (member.isascii() or _encodes(member)):
                return False
        elif kind is dict or kind is list:
            if not plain(member, levels - 1):
                return False
        elif not _plain_scalar(member):
            return False
    return True


def _plain_scalar(value: Any) -> bool:
    kind = type(value)
    if kind is int:
        return bool(-_LONG <= value < _LONG)
    if kind is str:
        return value.isascii() or _encodes(value)
    if kind is float:
        # 1.0 is 1, and neither infinity nor NaN is JSON.
        return math.isfinite(value) and not value.is_integer()
    return kind is bool or value is None


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _items(value: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    for index, item in enumerate(value):
        yield ", " if index else "", item


def _members(value: Mapping[Any, Any], sort_keys: bool) -> Iterator[tuple[str, Any]]:
    named = [(_name(name), member) for name, member in value.items()]
    if sort_keys:
        named.sort(key=lambda entry: entry[0])
    for index, (name, member) in enumerate(named):
        yield f"{', ' if index else ''}{encode_basestring_ascii(name)}: ", member


def _name(name: Any) -> str:
    if isinstance(name, str):
        return name
    text = _scalar(name)
    if text is None:
        raise TypeError(f"keys must be str, int, float, bool or None, not {type(name).__name__}")
    return text


def _scalar(value: Any) -> str | None:
    if isinstance(value, Number):
        return str.__str__(value)
    if isinstance(value, str):
        return encode_basestring_ascii(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return int.__repr__(value) if value.bit_length() < 3 * MAX_DIGITS else number_text(value)
    if isinstance(value, float):
        return json.dumps(value)
    if isinstance(value, Decimal):
        return str(value) if value.is_finite() else json.dumps(math.nan if value.is_nan() else float(value))
    return None


def number_text(value: int) -> str:
    """The digits of a whole number, however many: Python's own conversion refuses 4,300."""
    return format(Decimal(value), "f")


def canonical_number(value: float | Decimal) -> int | float | Number:
    """The one form of a number's value: 1, 1.0 and Decimal("1.00") are 1, -0.0 is 0.

    Raises:
        ValueError: it is no number of JSON (NaN, infinity).
    """
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(str(value))
        if abs(value) < 2**53 or not value.is_integer():
            return int(value) if value.is_integer() else value
        # What JSON's text says: 1e23 is ten to the 23rd, though no float has that value.
        value = Decimal(repr(value))
    if not value.is_finite():
        raise ValueError(str(value))
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    found: int | float | Number = _value("-" if sign else "", "".join(map(str, digits)), exponent, Number)
    return found


def canonical_int(value: int) -> int | Number:
    """The one form of a whole number's value."""
    if value.bit_length() < 3 * MAX_DIGITS:
        return value
    found: int | Number = _value("-" if value < 0 else "", number_text(abs(value)), 0, Number)
    return found


def _number(literal: str, beyond: Callable[[str], Any]) -> Any:
    if len(literal) <= _SAFE_DIGITS and "e" not in literal and "E" not in literal:
        return float(literal) if "." in literal else int(literal)
    match = _NUMBER.fullmatch(literal)
    if match is None:
        raise ValueError("a number has not the form of JSON")
    sign, whole, fraction, power = match[1], match[2], match[3] or "", match[4] or "0"
    if len(power) > _MAX_POWER:
        # No decimal has such an exponent; the text is its own form.
        return beyond(f"{sign}{whole}.{fraction}e{power.lstrip('+')}") if (whole + fraction).strip("0") else 0
    if (match[3] or match[4]) and len((whole + fraction).strip("0")) <= _FLOAT_DIGITS:
        value = float(literal)
        if math.isfinite(value) and Decimal(repr(value)) == Decimal(literal):
            return value
    return _value(sign, whole + fraction, int(power) - len(fraction), beyond)


def _value(sign: str, digits: str, exponent: int, beyond: Callable[[str], Any]) -> Any:
    """An int, a float, or what neither has, of digits and a power of ten."""
    short = digits.lstrip("0").rstrip("0")
    if not short:
        return 0
    exponent += len(digits) - len(digits.rstrip("0"))
    if exponent >= 0 and len(short) + exponent <= MAX_DIGITS:
        return int(f"{sign}{short}{'0' * exponent}")
    text = f"{sign}{short}e{exponent}"
    if exponent < 0 and len(short) <= _FLOAT_DIGITS:
        value = float(text)
        if math.isfinite(value) and value and Decimal(repr(value)) == Decimal(text):
            return value
    return beyond(text)


def _levels(text: str) -> int:
    """How many levels a text has at most, if it is JSON."""
    deepest = level = 0
    for match in _BRACKET.finditer(text):
        mark = match[0]
        if mark in ("[", "{"):
            level += 1
            deepest = max(deepest, level)
        elif mark in ("]", "}"):
            level -= 1
    return deepest


def _nested(text: str, number: Callable[[str], Any]) -> Any:
    """The value of a text of any depth, from an own stack."""
    holder: list[Any] = []
    stack: list[Any] = [holder]
    names: list[str] = []
    expects = "value"
    at = 0
    while True:
        match = _TOKEN.match(text, at)
        if match is None:
            raise ValueError("the text is no JSON")
        mark, at = match[1], match.end()
        top = stack[-1]
        if mark == "" or (len(stack) == 1 and expects == "comma"):
            if mark or expects != "comma" or len(stack) != 1:
                raise ValueError("the text ends too early, or something follows the value")
            return holder[0]
        if expects == "comma" and mark == ",":
            expects = "name" if isinstance(top, dict) else "value"
        elif mark in ("]", "}") and expects in ("comma", "first"):
            if (mark == "}") is not isinstance(top, dict):
                raise ValueError("a bracket closes what another one opened")
            stack.pop()
            expects = "comma"
        elif isinstance(top, dict) and expects in ("name", "first") and mark[0] == '"':
            names.append(json.loads(mark))
            expects = "colon"
        elif expects == "colon" and mark == ":":
            expects = "value"
        elif expects in ("value", "first") and not (isinstance(top, dict) and expects == "first"):
            value = _token_value(mark, number)
            if isinstance(top, dict):
                top[names.pop()] = value
            else:
                top.append(value)
            expects = "comma"
            if mark in ("[", "{"):
                stack.append(value)
                expects = "first"
        else:
            raise ValueError("the text is no JSON")


def _token_value(mark: str, number: Callable[[str], Any]) -> Any:
    if mark == "[":
        return []
    if mark == "{":
        return {}
    if mark[0] == '"':
        return json.loads(mark)
    if mark in _CONSTANTS:
        return _CONSTANTS[mark]
    if mark in ("NaN", "Infinity", "-Infinity"):
        return float(mark)
    if _NUMBER.fullmatch(mark) is None:
        raise ValueError("the text is no JSON")
    return number(mark)


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same JSON: 1 and 1.0 are, 1 and true are not.

    Args:
        one: as ``json.loads`` gives it.
        other: likewise.
    """
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(member, other[name]) for name, member in one.items())
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)
