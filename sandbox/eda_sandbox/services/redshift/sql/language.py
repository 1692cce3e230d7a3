"""Reading SQL: the tokens of Redshift's dialect, for the statements that only Redshift has."""

import logging
from dataclasses import dataclass

from sqlglot.dialects.redshift import Redshift
from sqlglot.errors import TokenError
from sqlglot.tokenizer_core import Token, TokenType

from eda_sandbox.services.redshift.sql.errors import SqlError

# It warns of every statement that it leaves to us.
logging.getLogger("sqlglot").setLevel(logging.ERROR)


@dataclass
class Tokens:
    """A statement, read from left to right.

    Args:
        text: the statement.
        items: its tokens.
        position: the next one.
    """

    text: str
    items: list[Token]
    position: int = 0

    @property
    def ended(self) -> bool:
        """Whether nothing is left."""
        return self.position >= len(self.items)

    @property
    def word(self) -> str:
        """The next token in upper case; empty at the end."""
        return "" if self.ended else self.items[self.position].text.upper()

    def starts_with(self, *words: str) -> bool:
        """Whether these words come next."""
        following = self.items[self.position : self.position + len(words)]
        return [token.text.upper() for token in following] == list(words)

    def accept(self, *words: str) -> bool:
        """Pass over these words where they come next."""
        found = self.starts_with(*words)
        if found:
            self.position += len(words)
        return found

    def expect(self, *words: str) -> None:
        """Pass over these words.

        Raises:
            SqlError: something else comes next.
        """
        if not self.accept(*words):
            raise self.error()

    def identifier(self) -> str:
        """A name, folded to lower case as Redshift does, in quotes or without."""
        return self._take().lower()

    def string(self) -> str:
        """A string literal."""
        if self.ended or self.items[self.position].token_type is not TokenType.STRING:
            raise self.error()
        return self._take()

    def number(self) -> int:
        """A whole number, in quotes or without."""
        taken = self._take()
        if not taken.isdecimal():
            self.position -= 1
            raise self.error()
        return int(taken)

    def name(self) -> list[str]:
        """A name in up to three parts."""
        parts = [self.identifier()]
        while self.accept("."):
            parts.append(self.identifier())
        return parts

    def names(self) -> list[list[str]]:
        """Names with commas between them."""
        found = [self.name()]
        while self.accept(","):
            found.append(self.name())
        return found

    def finish(self) -> None:
        """Check that nothing is left.

        Raises:
            SqlError: something is.
        """
        if not self.ended:
            raise self.error()

    def error(self) -> SqlError:
        """What the database answers to the next token."""
        if self.ended:
            return SqlError("syntax error at end of input")
        return SqlError(f'syntax error at or near "{self.items[self.position].text}"')

    def _take(self) -> str:
        token = None if self.ended else self.items[self.position]
        is_mark = token is not None and token.text in ("(", ")", ",", ".", ";")
        if token is None or (is_mark and token.token_type is not TokenType.STRING):
            raise self.error()
        self.position += 1
        return str(self.items[self.position - 1].text)


def statements(sql: str) -> list[Tokens]:
    """The statements of a text, by the semicolons between them.

    Raises:
        SqlError: the text cannot be read, a quote is not closed for example.
    """
    try:
        items = Redshift().tokenize(sql)
    except TokenError as error:
        raise SqlError(f"syntax error: {str(error).splitlines()[0]}") from error
    found: list[Tokens] = []
    current: list[Token] = []
    for token in [*items, None]:
        if token is not None and token.token_type is not TokenType.SEMICOLON:
            current.append(token)
        elif current:
            found.append(Tokens(sql[current[0].start : current[-1].end + 1], current))
            current = []
    return found
