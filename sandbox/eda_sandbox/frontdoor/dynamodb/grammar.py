"""DynamoDB's expressions, from text to what they are made of; texts that were read once are remembered."""

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

from eda_sandbox.frontdoor.dynamodb.syntax import (
    Action,
    Arithmetic,
    Between,
    Call,
    Comparison,
    Condition,
    In,
    Invalid,
    Logical,
    Not,
    Operand,
    Path,
    Update,
    Value,
)
from eda_sandbox.frontdoor.dynamodb.tokens import Token, tokens

T = TypeVar("T")
REMEMBERED = 4096
"""Expressions of each kind; programs have few, and write them with placeholders."""
MAX_BYTES = 4096
"""Of an expression (Developer Guide, quotas: expression parameters)."""
MAX_OPERATORS = 300
"""Operators and functions of an expression (Developer Guide, quotas: expression parameters)."""
_TOO_MANY = f"The expression contains too many operators; operator count: {MAX_OPERATORS + 1}"
MAX_INDEX = 2**31 - 1
_COMPARATORS = frozenset({"=", "<>", "<", "<=", ">", ">="})
_LOGIC = frozenset({"AND", "OR", "NOT", "BETWEEN", "IN"})
_SECTIONS = frozenset({"SET", "REMOVE", "ADD", "DELETE"})
_KEYWORDS = _LOGIC | _SECTIONS
_WITH_EQUALS, _WITH_VALUE = "SET", ("ADD", "DELETE")


@lru_cache(REMEMBERED)
def condition(text: str) -> Condition:
    """A condition of a write, of keys, or a filter.

    Raises:
        Invalid: it is none.
    """
    return _read(text, _Reader.condition)


@lru_cache(REMEMBERED)
def update(text: str) -> Update:
    """An update.

    Raises:
        Invalid: it is none.
    """
    return _read(text, _Reader.update)


@lru_cache(REMEMBERED)
def projection(text: str) -> tuple[Path, ...]:
    """The paths of a projection.

    Raises:
        Invalid: it is none.
    """
    return _read(text, _Reader.paths)


def _read(text: str, how: "Callable[[_Reader], T]") -> T:
    if not text:
        raise Invalid("The expression can not be empty;")
    size = len(text.encode())
    if size > MAX_BYTES:
        raise Invalid(f"Expression size has exceeded the maximum allowed size; expression size: {size}")
    reader = _Reader(text)
    try:
        found = how(reader)
    except RecursionError:
        # Nested deeper than the operators that an expression may have.
        raise Invalid(_TOO_MANY) from None
    reader.end()
    return found


class _Reader:
    """Reads words from the left, one ahead."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens(text)
        self._at = 0
        self._operators = 0
        self._redundant = False

    def condition(self) -> Condition:
        return self._a_condition(self._alternatives(False))

    def update(self) -> Update:
        sections: list[str] = []
        actions: list[Action] = []
        while not sections or self._now.kind != "end":
            section = self._now.text.upper()
            if section not in _SECTIONS:
                raise self._unexpected()
            self._at += 1
            sections.append(section)
            actions.append(self._action(section))
            while self._took(","):
                actions.append(self._action(section))
        return Update(tuple(sections), tuple(actions))

    def paths(self) -> tuple[Path, ...]:
        found = [self._path()]
        while self._took(","):
            found.append(self._path())
        return tuple(found)

    def end(self) -> None:
        """What is found only when all of it was read."""
        if self._now.kind != "end":
            raise self._unexpected()
        if self._redundant:
            raise Invalid("The expression has redundant parentheses;")
        if self._operators > MAX_OPERATORS:
            raise Invalid(_TOO_MANY)

    @property
    def _now(self) -> Token:
        return self._tokens[self._at]

    def _unexpected(self) -> Invalid:
        if self._redundant:
            return Invalid("The expression has redundant parentheses;")
        before, after = self._tokens[max(self._at - 1, 0)], self._tokens[min(self._at + 1, len(self._tokens) - 1)]
        begin = before.begin if before.kind != "end" else 0
        near = self._text[begin : max(after.end, self._now.end)]
        return Invalid(f'Syntax error; token: "{self._now.text}", near: "{near}"')

    def _took(self, text: str) -> bool:
        if self._now.text != text:
            return False
        self._at += 1
        return True

    def _expect(self, text: str) -> None:
        if not self._took(text):
            raise self._unexpected()

    def _is(self, keyword: str) -> bool:
        return self._now.kind == "name" and self._now.text.upper() == keyword

    def _took_keyword(self, keyword: str) -> bool:
        if not self._is(keyword):
            return False
        self._at += 1
        return True

    def _counted(self) -> None:
        self._operators += 1

    def _action(self, section: str) -> Action:
        path = self._path()
        if section == _WITH_EQUALS:
            self._expect("=")
            return Action(section, path, self._sum())
        if section in _WITH_VALUE:
            if self._now.kind != "value":
                raise self._unexpected()
            self._at += 1
            return Action(section, path, Value(self._tokens[self._at - 1].text))
        return Action(section, path)

    def _sum(self) -> Operand:
        if self._now.text == "(":
            inside = self._in_parentheses(self._sum)
            if isinstance(inside, Arithmetic) and self._now.text in ("+", "-"):
                raise self._unexpected()
            left = inside
        else:
            left = self._operand()
        if self._now.text not in ("+", "-"):
            return left
        operator = self._now.text
        self._at += 1
        self._counted()
        return Arithmetic(operator, left, self._operand())

    def _in_parentheses(self, inside: Callable[[], T]) -> T:
        self._expect("(")
        first = self._at
        found = inside()
        # Parentheses whose whole content is in parentheses.
        if self._tokens[first].text == "(" and self._closing(first) == self._at - 1:
            self._redundant = True
        self._expect(")")
        return found

    def _closing(self, opening: int) -> int:
        depth = 0
        for at in range(opening, self._at):
            depth += {"(": 1, ")": -1}.get(self._tokens[at].text, 0)
            if depth == 0:
                return at
        return -1

    def _alternatives(self, operand_too: bool) -> Condition | Operand:
        found = self._conjunction(operand_too)
        while self._is("OR"):
            left = self._a_condition(found)
            self._at += 1
            self._counted()
            found = Logical("OR", left, self._a_condition(self._conjunction(False)))
        return found

    def _conjunction(self, operand_too: bool) -> Condition | Operand:
        found = self._negation(operand_too)
        while self._is("AND"):
            left = self._a_condition(found)
            self._at += 1
            self._counted()
            found = Logical("AND", left, self._a_condition(self._negation(False)))
        return found

    def _negation(self, operand_too: bool) -> Condition | Operand:
        if self._took_keyword("NOT"):
            self._counted()
            return Not(self._a_condition(self._negation(False)))
        return self._comparison(operand_too)

    def _comparison(self, operand_too: bool) -> Condition | Operand:
        in_parentheses = self._now.text == "("
        left = self._in_parentheses(lambda: self._alternatives(True)) if in_parentheses else self._operand()
        if self._now.text in _COMPARATORS:
            operator, operand = self._now.text, self._an_operand(left)
            self._at += 1
            self._counted()
            return Comparison(operator, operand, self._operand())
        if self._is("BETWEEN"):
            operand = self._an_operand(left)
            self._at += 1
            self._counted()
            low = self._operand()
            if not self._took_keyword("AND"):
                raise self._unexpected()
            return Between(operand, low, self._operand())
        if self._is("IN"):
            operand = self._an_operand(left)
            self._at += 1
            self._counted()
            return In(operand, self._arguments())
        if operand_too and self._now.text == ")":
            return left
        return self._a_condition(left)

    def _a_condition(self, found: Condition | Operand) -> Condition:
        if isinstance(found, Path | Value | Arithmetic):
            raise self._unexpected()
        return found

    def _an_operand(self, found: Condition | Operand) -> Operand:
        if isinstance(found, Path | Value | Call | Arithmetic):
            return found
        raise self._unexpected()

    def _operand(self) -> Operand:
        token = self._now
        if token.text == "(":
            return self._in_parentheses(self._operand)
        if token.kind == "value":
            self._at += 1
            return Value(token.text)
        if token.kind == "name" and self._tokens[self._at + 1].text == "(":
            if token.text.upper() in _KEYWORDS:
                raise self._unexpected()
            self._at += 1
            self._counted()
            return Call(token.text, self._arguments())
        return self._path()

    def _arguments(self) -> tuple[Operand, ...]:
        self._expect("(")
        found = [self._operand()]
        while self._took(","):
            found.append(self._operand())
        self._expect(")")
        return tuple(found)

    def _path(self) -> Path:
        elements: list[str | int] = [self._name()]
        while True:
            if self._took("."):
                elements.append(self._name())
            elif self._took("["):
                if self._now.kind != "index":
                    raise self._unexpected()
                index = int(self._now.text)
                self._at += 1
                self._expect("]")
                if index > MAX_INDEX:
                    raise Invalid(f"List index is not within the allowable range; index: [{index}]")
                elements.append(index)
            else:
                return Path(tuple(elements))

    def _name(self) -> str:
        token = self._now
        if token.kind not in ("name", "placeholder") or token.text.upper() in _KEYWORDS:
            raise self._unexpected()
        self._at += 1
        return token.text
