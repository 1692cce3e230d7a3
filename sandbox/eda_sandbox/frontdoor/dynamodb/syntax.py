"""What DynamoDB's expressions are made of (Developer Guide, "Using expressions in DynamoDB")."""

from dataclasses import dataclass


class Invalid(Exception):
    """An expression, or what it does to an item, is refused; the message is DynamoDB's, without the kind."""


@dataclass(frozen=True, slots=True)
class Path:
    """A document path, as written: names, ``#`` placeholders, and indexes of lists."""

    elements: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Value:
    """A ``:`` placeholder."""

    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its operands."""

    function: str
    arguments: tuple["Operand", ...]


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """A sum or a difference, in an update alone."""

    operator: str
    left: "Operand"
    right: "Operand"


Operand = Path | Value | Call | Arithmetic


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two operands and one of ``= <> < <= > >=``."""

    operator: str
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class Between:
    """An operand and its bounds."""

    operand: Operand
    low: Operand
    high: Operand


@dataclass(frozen=True, slots=True)
class In:
    """An operand and those that it may be equal to."""

    operand: Operand
    options: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of a condition."""

    condition: "Condition"


@dataclass(frozen=True, slots=True)
class Logical:
    """Two conditions, with ``AND`` or ``OR``."""

    operator: str
    left: "Condition"
    right: "Condition"


Condition = Comparison | Between | In | Not | Logical | Call


@dataclass(frozen=True, slots=True)
class Action:
    """A part of an update: what is done to a path, with an operand where there is one."""

    section: str
    path: Path
    operand: Operand | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """The sections of an update in the order in which they are written, one for each keyword, and their actions."""

    sections: tuple[str, ...]
    actions: tuple[Action, ...]


Expression = Condition | Update | tuple[Path, ...]
"""A condition (of writes, keys or a filter), an update, or the paths of a projection."""
