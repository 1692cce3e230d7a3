"""DuckDB's macros for what it has no equal function for, made in a connection when a query needs them."""

import re
from functools import cache
from pathlib import Path

import duckdb

LENIENT = "_or_null"
"""Behind a macro's name: the same, with NULL where it would fail, as ``try`` wants it."""
_DEFINITION = re.compile(r"CREATE MACRO (trino_\w+)\((.*?)\) AS\s(.*?);\n", re.DOTALL)
_NAME = re.compile(r"\btrino_\w+")


class Macros:
    """The macros of one connection.

    Args:
        connection: where they are made.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._made: set[str] = set()

    def provide(self, sql: str) -> None:
        """Make the macros that an SQL text names, and those that they name."""
        # sqlglot writes the names of functions in capital letters.
        for name in _NAME.findall(sql.lower()):
            body = definitions().get(name)
            if body is not None and name not in self._made:
                self._made.add(name)
                self.provide(body)
                self._connection.execute(body)


def is_raising(name: str) -> bool:
    """Whether there is a form of a macro that gives NULL where it would fail."""
    return name + LENIENT in definitions()


@cache
def definitions() -> dict[str, str]:
    """The statements that make the macros, by name."""
    found = _DEFINITION.findall((Path(__file__).parent / "macros.sql").read_text())
    bodies = {name: (parameters, body) for name, parameters, body in found}
    raising = {name for name, (_, body) in bodies.items() if "error(" in body}
    while more := {name for name, (_, body) in bodies.items() if set(_NAME.findall(body)) & raising} - raising:
        raising |= more
    made = {name: f"CREATE MACRO {name}({parameters}) AS {body}" for name, (parameters, body) in bodies.items()}
    for name in raising:
        parameters, body = bodies[name]
        lenient = _NAME.sub(lambda found: found[0] + (LENIENT if found[0] in raising else ""), _without_errors(body))
        made[name + LENIENT] = f"CREATE MACRO {name}{LENIENT}({parameters}) AS {lenient}"
    return made


def _without_errors(body: str) -> str:
    """NULL in the place of each call of ``error``."""
    while (start := body.find("error(")) >= 0:
        end, depth, quoted = start + 6, 1, False
        while depth:
            letter = body[end]
            quoted ^= letter == "'"
            depth += 0 if quoted else (letter == "(") - (letter == ")")
            end += 1
        body = f"{body[:start]}NULL{body[end:]}"
    return body
