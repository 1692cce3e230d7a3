"""The words of DynamoDB's expressions."""

import re
from dataclasses import dataclass

_WORDS = re.compile(
    r"(?P<name>[A-Za-z][A-Za-z0-9_]*)|(?P<placeholder>#[A-Za-z0-9_]+)|(?P<value>:[A-Za-z0-9_]+)"
    r"|(?P<index>0|[1-9][0-9]*)|(?P<mark><>|<=|>=|[=<>()\[\].,+-])|(?P<other>\S)"
)
END = "<EOF>"


@dataclass(frozen=True, slots=True)
class Token:
    """A word, and where it lies."""

    kind: str
    text: str
    begin: int
    end: int


def tokens(text: str) -> list[Token]:
    """All words, and the end behind them.

    Args:
        text: the expression.
    """
    found = [Token(str(word.lastgroup), word[0], word.start(), word.end()) for word in _WORDS.finditer(text)]
    return [*found, Token("end", END, len(text), len(text))]
