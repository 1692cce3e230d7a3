"""What a service offers here: its operations, and of their input what has an effect. All else is refused by name."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from botocore.model import ListShape, Shape, StructureShape

from eda_sandbox.foundation.errors import AwsError

EVERYTHING = "*"
"""A declaration by which each member of an operation's input has an effect, or is checked."""

Kind = Literal["offered", "idle", "refused"]


@dataclass
class _Member:
    kind: Kind | None = None
    values: frozenset[str] | None = None
    below: dict[str, "_Member"] = field(default_factory=dict)


@dataclass(frozen=True)
class Offered:
    """What the sandbox offers of a service.

    An operation's declaration is a text of paths of its input, as boto3 spells them; lists have no level of their
    own, and a map's has its keys:

    - ``Name``: it has an effect, or is checked, with all that lies below it;
    - ``-Target.EcsParameters``: not offered, though what lies above it is;
    - ``~Description.Text``: taken, and without effect here;
    - ``State=ENABLED|DISABLED``: offered with these values alone;
    - ``*``: all of the input.

    What is not named is refused, and so is what a later version of AWS's API adds.

    Attributes:
        service: boto3's name.
        code: of the error with which the service says that a parameter is wrong.
        operations: a declaration for each operation that is offered.
        unknown: the code for an operation that is not.
    """

    service: str
    code: str
    operations: Mapping[str, str]
    unknown: str = "UnknownOperationException"

    def check(self, operation: str, given: Any) -> None:
        """Refuse what has no effect here.

        Args:
            operation: as the API's model spells it.
            given: its input, as boto3 takes it.

        Raises:
            AwsError: the operation, or a member of its input, is not offered.
        """
        self.check_operation(operation)
        refused = next(_refused(self._members[operation], given, ""), None)
        if refused is not None:
            what, values = refused
            rest = f"; it offers {', '.join(values)}" if values else ""
            raise AwsError(self.code, f"{operation}: {what} is not offered by the sandbox{rest}", 400)

    def check_operation(self, operation: str) -> None:
        """Refuse an operation that is not offered.

        Raises:
            AwsError: it is not.
        """
        if operation not in self.operations:
            raise AwsError(self.unknown, f"{self.service}:{operation} is not offered by the sandbox", 400)

    def named(self, operation: str) -> list[str]:
        """The paths that a declaration names."""
        return [word.lstrip("-~").partition("=")[0] for word in self.operations[operation].split()]

    def idle(self, operation: str) -> list[str]:
        """The paths that are taken without effect."""
        return [word[1:].partition("=")[0] for word in self.operations[operation].split() if word[0] == "~"]

    def values(self, operation: str) -> dict[str, list[str]]:
        """The values that are offered, of members that are not offered with all."""
        words = [word.lstrip("-~").partition("=") for word in self.operations[operation].split()]
        return {path: values.split("|") for path, _, values in words if values}

    def left_out(self, operation: str, shape: StructureShape | None) -> list[str]:
        """The paths of an operation's input that are not offered; what lies below one is not listed."""
        return [] if shape is None else list(_left_out(self._members[operation], shape, ""))

    @cached_property
    def _members(self) -> dict[str, _Member]:
        return {operation: _parsed(text) for operation, text in self.operations.items()}


def _parsed(text: str) -> _Member:
    root = _Member()
    for word in text.split():
        kind: Kind = "refused" if word[0] == "-" else "idle" if word[0] == "~" else "offered"
        path, _, values = word.lstrip("-~").partition("=")
        member = root
        for name in [] if path == EVERYTHING else path.split("."):
            member = member.below.setdefault(name, _Member())
        member.kind = kind
        member.values = frozenset(values.split("|")) if values else None
    return root


def _refused(member: _Member, given: Any, path: str) -> Iterator[tuple[str, list[str]]]:
    """What is refused, and which values of it are not."""
    if isinstance(given, list):
        for one in given:
            yield from _refused(member, one, path)
    elif isinstance(given, dict):
        for name, value in given.items():
            own = f"{path}.{name}" if path else str(name)
            below = member.below.get(name)
            if below is None:
                if member.kind not in ("offered", "idle") and not _says_nothing(value):
                    yield own, []
            elif below.kind == "refused" and not below.below:
                if not _says_nothing(value):
                    yield own, []
            else:
                if below.kind is None:
                    # What lies above decides for all that is not named.
                    below = _Member(member.kind, below.values, below.below)
                yield from _refused(below, value, own)
    elif member.values is not None and _text(given) not in member.values:
        yield f"{path} {_text(given)}", sorted(member.values)


def _says_nothing(value: Any) -> bool:
    """Whether a client only says what is so without it, too."""
    return value is None or value is False or value in ({}, [])


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _left_out(member: _Member, shape: Shape, path: str) -> Iterator[str]:
    if isinstance(shape, ListShape):
        yield from _left_out(member, shape.member, path)
    elif isinstance(shape, StructureShape):
        for name, inside in shape.members.items():
            own, below = f"{path}.{name}" if path else name, member.below.get(name)
            kind = member.kind if below is None or below.kind is None else below.kind
            if below is not None and below.below:
                yield from _left_out(_Member(kind, below.values, below.below), inside, own)
            elif kind not in ("offered", "idle"):
                yield own
