"""Reading a resource's properties: each read says what it found, be it nothing, unknown or of a wrong type."""

import enum
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import yaml

from eda_policies.values import UNKNOWN, Path, Values

T = TypeVar("T")
SHOWN_CHARACTERS = 120


class Status(enum.Enum):
    """What a read found."""

    KNOWN = "known"
    ABSENT = "absent"
    UNKNOWN = "unknown"
    INVALID = "invalid"


@dataclass(frozen=True)
class Finding:
    """Something that is not as a rule demands, or that a preview cannot decide.

    Attributes:
        urn: of the resource; empty for the stack.
        subject: the resource as a reader names it.
        found: what is there.
        allowed: what the rule allows.
        undecided: the value is unknown until the update.
        fix: how to repair it, where it is more special than the rule's own advice.
    """

    urn: str
    subject: str
    found: str
    allowed: str
    undecided: bool = False
    fix: str = ""


Findings = Iterator[Finding]


@dataclass(frozen=True)
class Property(Generic[T]):
    """A property that was read.

    Attributes:
        view: where it was read.
        path: from the resource, with dots.
        status: what was found.
        value: the value, or the default for one that is absent; None when there is neither.
        shown: what was found, for readers; never a secret.
    """

    view: "View"
    path: str
    status: Status
    value: T | None
    shown: str

    @property
    def unknown(self) -> bool:
        """Whether the value is known only after the update."""
        return self.status is Status.UNKNOWN

    @property
    def invalid(self) -> bool:
        """Whether there is something of a wrong type."""
        return self.status is Status.INVALID

    @property
    def given(self) -> bool:
        """Whether there is something, be it unknown."""
        return self.unknown or (self.status is Status.KNOWN and self.value not in ("", [], {}))

    def require(self, holds: Callable[[T], bool], allowed: str, fix: str = "") -> Findings:
        """Report the property unless a condition holds.

        Args:
            holds: the condition; it sees known values (or the default) alone.
            allowed: what is allowed, for the message.
            fix: how to repair it; default is the rule's own advice.
        """
        if self.unknown:
            yield self.view.undecided(self.path, allowed)
        elif self.status is Status.INVALID or self.value is None or not holds(self.value):
            yield self.view.finding(f"{self.path} is {self.shown}", allowed, fix)

    def require_given(self, allowed: str, fix: str = "") -> Findings:
        """Report the property when there is nothing; an unknown value is something."""
        if not self.given:
            yield self.view.finding(f"{self.path} is {self.shown}", allowed, fix)


def exactly(number: float) -> Callable[[float], bool]:
    """Whether a value is a number."""
    return lambda value: value == number


def at_least(least: float) -> Callable[[float], bool]:
    """Whether a value is a number or more."""
    return lambda value: value >= least


def between(low: float, high: float) -> Callable[[float], bool]:
    """Whether a value lies within bounds."""
    return lambda value: low <= value <= high


class View:
    """A resource's properties, or a part of them."""

    __slots__ = ("data", "path", "resource")

    def __init__(self, resource: "Resource", data: Any, path: Path = ()) -> None:
        self.resource = resource
        self.data = data
        self.path = path

    def number(self, path: str, default: float | None = None) -> Property[float]:
        """A number, also one that is written as text."""
        return self._read(path, default, _number)

    def text(self, path: str, default: str | None = None) -> Property[str]:
        """A string."""
        return self._read(path, default, _of_type(str))

    def flag(self, path: str, default: bool | None = None) -> Property[bool]:
        """A boolean, also one that is written as text."""
        return self._read(path, default, _flag)

    def items(self, path: str, default: Sequence[Any] | None = None) -> Property[Sequence[Any]]:
        """A list."""
        return self._read(path, default, _of_type(list))

    def mapping(self, path: str) -> Property[Mapping[str, Any]]:
        """A map."""
        return self._read(path, None, _of_type(dict))

    def anything(self, path: str) -> Property[Any]:
        """A value of any type."""
        return self._read(path, None, _as_it_is)

    def given(self, path: str) -> Any:
        """A value as it is: ``UNKNOWN`` where it is that, None where there is none; what a rule reports is a
        ``Property``."""
        value = self._at(path.split("."))
        return None if value is _ABSENT or value is _MISFIT else value

    def member(self, path: str, key: str) -> Property[Any]:
        """A member of a map, whose key may hold dots."""
        holder = self._at(path.split("."))
        where = View(self.resource, holder if isinstance(holder, dict) else {}, (*self.path, *path.split(".")))
        return where._read_parts((key,), None, _as_it_is)

    def document(self, path: str) -> Property[Mapping[str, Any]]:
        """A JSON document: a string, parsed once for all rules, or a map, of which the provider makes a string."""
        given = self.mapping(path)
        if given.status is Status.KNOWN:
            if holds_unknown(given.value):
                return Property(self, given.path, Status.UNKNOWN, None, "unknown")
            return Property(self, given.path, Status.KNOWN, given.value, "a JSON document")
        text = self.text(path)
        if text.status is not Status.KNOWN:
            return Property(self, text.path, text.status, None, text.shown)
        parsed = self.resource.parsed(text.value or "")
        if isinstance(parsed, dict):
            return Property(self, text.path, Status.KNOWN, parsed, "a JSON document")
        return Property(self, text.path, Status.INVALID, None, "no JSON object")

    def each(self, path: str) -> Iterator["View"]:
        """The members of a list of maps. A list that is unknown, or no list, is one member that is so."""
        value = self._at(path.split("."))
        full = (*self.path, *path.split("."))
        if value is None or value is _ABSENT:
            return
        if isinstance(value, list):
            for index, item in enumerate(value):
                yield View(self.resource, item, (*full, str(index)))
        else:
            yield View(self.resource, value, full)

    def finding(self, found: str, allowed: str, fix: str = "") -> Finding:
        """A violation of this resource."""
        return Finding(self.resource.urn, self.resource.label, found, allowed, False, fix)

    def undecided(self, path: str, allowed: str) -> Finding:
        """A property that a preview does not know."""
        return Finding(self.resource.urn, self.resource.label, f"{path} is unknown until the update", allowed, True)

    def _read(self, path: str, default: T | None, read: "Read[T]") -> Property[T]:
        return self._read_parts(path.split("."), default, read)

    def _read_parts(self, parts: Sequence[str], default: T | None, read: "Read[T]") -> Property[T]:
        full = ".".join((*self.path, *parts))
        value = self._at(parts)
        if value is UNKNOWN:
            return Property(self, full, Status.UNKNOWN, None, "unknown")
        if value is None or value is _ABSENT:
            shown = "not set" if default is None else f"not set (AWS's default is {_show(default)})"
            return Property(self, full, Status.ABSENT, default, shown)
        shown = "[secret]" if self.resource.is_secret((*self.path, *parts)) else _show(value)
        found = _MISFIT if value is _MISFIT else read(value)
        if isinstance(found, _Misfit):
            return Property(self, full, Status.INVALID, None, f"{shown}, which has the wrong type")
        return Property(self, full, Status.KNOWN, found, shown)

    def _at(self, parts: Sequence[str]) -> Any:
        value = self.data
        for part in parts:
            if value is UNKNOWN or value is None or value is _ABSENT:
                return value
            if isinstance(value, dict):
                value = value.get(part, _ABSENT)
            elif isinstance(value, list) and part.isdecimal():
                value = value[int(part)] if int(part) < len(value) else _ABSENT
            else:
                return _MISFIT
        return value


class _Absent(enum.Enum):
    ABSENT = "absent"


class _Misfit:
    """Where a map was expected and something else is."""

    def __repr__(self) -> str:
        return "inside a value that is no map"


_ABSENT = _Absent.ABSENT
_MISFIT = _Misfit()
Read = Callable[[Any], T | _Misfit]
"""Makes what the wire has a value of a type, as the provider does."""


def _as_it_is(value: Any) -> Any:
    return value


def _of_type(type: type[T]) -> Read[T]:
    return lambda value: value if isinstance(value, type) else _MISFIT


def _number(value: Any) -> float | _Misfit:
    if isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            return _MISFIT
        return (int(number) if number.is_integer() else number) if math.isfinite(number) else _MISFIT
    return value if isinstance(value, int | float) and not isinstance(value, bool) else _MISFIT


_FLAGS = {
    **dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True),
    **dict.fromkeys(("0", "f", "F", "FALSE", "false", "False"), False),
}
"""As Terraform's providers read booleans (Go, ``strconv.ParseBool``)."""


def _flag(value: Any) -> bool | _Misfit:
    return value if isinstance(value, bool) else _FLAGS.get(value, _MISFIT) if isinstance(value, str) else _MISFIT


def holds_unknown(value: Any) -> bool:
    """Whether something in a value is known only after the update."""
    if isinstance(value, dict | list):
        return any(map(holds_unknown, value.values() if isinstance(value, dict) else value))
    return value is UNKNOWN


class Resource(View):
    """A resource.

    Attributes:
        type: its type token, of the newest form (``aws:s3/bucketV2:BucketV2`` reads as ``aws:s3/bucket:Bucket``).
        name: its logical name.
        urn: its URN.
        secrets: paths of its secret properties.
        depends_on: URNs of what each property depends on, by the property's name; known also while values are not.
    """

    __slots__ = ("_parsed", "_texts", "depends_on", "name", "secrets", "type", "urn")

    def __init__(
        self,
        type: str,
        name: str,
        urn: str,
        values: Values,
        depends_on: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        super().__init__(self, values.tree)
        self.type = newest(type)
        self.name = name
        self.urn = urn
        self.secrets = values.secrets
        self.depends_on = depends_on or {}
        self._parsed: dict[str, Any] = {}
        self._texts: dict[str, list[str]] = {}

    @property
    def label(self) -> str:
        """Logical name and type."""
        return f"{self.name} ({self.type})"

    def member_of_itself(self, key: str) -> Property[Any]:
        """A property whose name may hold dots, such as a stack's export."""
        return self._read_parts((key,), None, _as_it_is)

    def is_secret(self, path: Path) -> bool:
        """Whether a property, what holds it, or a part of it is secret."""
        return any(path[: len(secret)] == secret[: len(path)] for secret in self.secrets)

    def parsed(self, text: str) -> Any:
        """The value of a JSON text, or of an OpenAPI document in YAML; None when it is neither."""
        if text not in self._parsed:
            try:
                self._parsed[text] = json.loads(text)
            except ValueError:
                self._parsed[text] = _yaml(text) if _OPENAPI.match(text) else None
        return self._parsed[text]

    def texts(self, path: str) -> Sequence[str]:
        """All texts in a property, in place of a document the texts in it; read once for all rules."""
        if path not in self._texts:
            self._texts[path] = []
            self._add_texts(self.given(path), self._texts[path])
        return self._texts[path]

    def _add_texts(self, value: Any, found: list[str]) -> None:
        if isinstance(value, str):
            document = self.parsed(value) if value[:1] in ("{", "[") else None
            if isinstance(document, dict | list):
                self._add_texts(document, found)
            else:
                found.append(value)
        elif isinstance(value, dict | list):
            for item in value.values() if isinstance(value, dict) else value:
                self._add_texts(item, found)


_OPENAPI = re.compile(r"\s*(---|#.*|\s)*(openapi|swagger|info)\s*:")


def _yaml(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return None


def newest(type: str) -> str:
    """The token of the newest version of a type: the provider's sixth version called S3's types V2."""
    if type.startswith("aws:s3/") and type.endswith("V2"):
        module, _, name = type.partition(":")[2].partition(":")
        return f"aws:{module.removesuffix('V2')}:{name.removesuffix('V2')}"
    return type


def _show(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        text = value if len(value) <= SHOWN_CHARACTERS else value[:SHOWN_CHARACTERS] + "…"
        return f"'{text}'"
    text = str(value)
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"
