"""Errors of the database, in Redshift's words."""

import re

import duckdb

NOT_OFFERED = "the sandbox's Redshift does not offer"


class SqlError(Exception):
    """What the database answers to a statement it does not run; the message begins as Redshift's does."""

    def __init__(self, message: str, level: str = "ERROR") -> None:
        super().__init__(f"{level}: {message}")


class Cancelled(Exception):
    """The statement was stopped by its sender."""


def denied(kind: str, name: str) -> SqlError:
    """The user lacks a privilege on a ``relation``, ``schema`` or ``database``."""
    return SqlError(f"permission denied for {kind} {name}")


def missing_relation(name: str) -> SqlError:
    """There is no table and no view of that name."""
    return SqlError(f'relation "{name}" does not exist')


def scan_error(code: int, context: str, query_id: int) -> SqlError:
    """What COPY of a columnar file answers."""
    line = "-" * 47
    return SqlError(
        f"Spectrum Scan Error\n  Detail:\n  {line}\n  error:  Spectrum Scan Error\n  code:      {code}\n"
        f"  context:   {context}\n  query:     {query_id}\n  {line}"
    )


def isolation_violation(table: str, transaction: int, other: int) -> SqlError:
    """Another transaction changed a table after this one had begun."""
    return SqlError(
        f"1023\n  Detail: Serializable isolation violation on table - {table}, "
        f"transactions forming the cycle are: {transaction}, {other}"
    )


def from_duckdb(error: duckdb.Error) -> Exception:
    """DuckDB's error as Redshift would put it; what has no counterpart keeps its first line."""
    text = str(error)
    if isinstance(error, duckdb.InvalidInputException) and "ivision by zero" in text:
        return SqlError("Divide by zero")
    first = text.splitlines()[0].partition("Error: ")[2] or text
    if isinstance(error, duckdb.InterruptException):
        return Cancelled("Query was cancelled by the user.")
    if isinstance(error, duckdb.TransactionException):
        return SqlError(f"could not complete because of conflict with concurrent transaction ({first})")
    if found := re.search(r'[Cc]olumn "([^"]+)" (?:not found|does not exist)', text):
        return SqlError(f'column "{found[1]}" does not exist')
    if found := re.search(r"NOT NULL constraint failed: (?:\S+\.)?(\S+)", text):
        return SqlError(f"Cannot insert a NULL value into column {found[1]}")
    if found := re.search(r"strlen\(.*\) <= (\d+)", text):
        return SqlError(f"value too long for type character varying({found[1]})")
    if found := re.search(r'syntax error at or near "([^"]*)"', text):
        return SqlError(f'syntax error at or near "{found[1]}"')
    if found := re.search(r"Could not convert string '(.*)' to (\w+)", text):
        return SqlError(f'invalid input syntax for type {found[2].lower()}: "{found[1]}"')
    if found := re.search(r'with name "?([^"\s]+)"? already exists', text):
        return SqlError(f'Relation "{found[1]}" already exists')
    if found := re.search(r"has (\d+) columns but (\d+) values were supplied", text):
        more = int(found[2]) > int(found[1])
        return SqlError(
            f"INSERT has more {'expressions than target columns' if more else 'target columns than expressions'}"
        )
    return SqlError(first)
