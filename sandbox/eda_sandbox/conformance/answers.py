"""What is answered beside what AWS answers."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Absent:
    """``!absent``: the member is not there."""


@dataclass(frozen=True)
class AnyValue:
    """``!any``: the member is there, whatever it is."""


@dataclass(frozen=True)
class Matches:
    """``!matches``: a text in which the pattern is found."""

    pattern: str


class _Nothing:
    def __repr__(self) -> str:
        return "nothing"


NOTHING = _Nothing()


def differences(expected: Any, found: Any, where: str = "the answer") -> Iterator[str]:
    """Where an answer is another one: of a map the members that are named count, of a list each element.

    Yields:
        A line for each.
    """
    if isinstance(expected, Absent):
        if found is not NOTHING:
            yield f"{where} is {found!r}; AWS: none"
    elif isinstance(expected, AnyValue):
        if found is NOTHING:
            yield f"{where} is missing"
    elif isinstance(expected, Matches):
        if not isinstance(found, str) or not re.search(expected.pattern, found, re.DOTALL):
            yield f"{where} is {found!r}; AWS: what matches {expected.pattern!r}"
    elif isinstance(expected, Mapping) and isinstance(found, Mapping):
        for name, value in expected.items():
            yield from differences(value, found.get(name, NOTHING), f"{where}.{name}")
    elif _is_list(expected) and _is_list(found):
        if len(expected) != len(found):
            yield f"{where} has {len(found)} elements, {found!r}; AWS: {len(expected)}, {expected!r}"
        else:
            for index, (one, other) in enumerate(zip(expected, found, strict=True)):
                yield from differences(one, other, f"{where}[{index}]")
    elif type(expected) is bool or type(found) is bool:
        if expected is not found:
            yield f"{where} is {found!r}; AWS: {expected!r}"
    elif expected != found:
        yield f"{where} is {found!r}; AWS: {expected!r}"


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)
