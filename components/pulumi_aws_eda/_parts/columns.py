"""A table's columns: names and types, in an order that means something."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypedDict

from pulumi_aws_eda._parts.args import ArgumentError


class ColumnArgs(TypedDict):
    """A column."""

    name: str
    """Its name."""
    type: str
    """Its type, in the terms of what holds the table."""


Columns = Mapping[str, str] | Sequence[ColumnArgs]
"""Columns in their order. Python's dictionaries keep theirs; in all other languages, whose maps have none, and in the
schema it is a list."""


def by_name(component: str, columns: Columns) -> dict[str, str]:
    """Types by name, in order.

    Raises:
        ArgumentError: a column is no column, or is there twice.
    """
    if isinstance(columns, Mapping):
        return dict(columns)
    found: dict[str, str] = {}
    for column in columns:
        if not isinstance(column, Mapping) or set(column) != {"name", "type"}:
            raise ArgumentError(component, "columns", f"has {column!r}; a column is {{'name': …, 'type': …}}")
        if column["name"] in found:
            raise ArgumentError(component, "columns", f"has {column['name']!r}, which is there already")
        found[column["name"]] = column["type"]
    return found


def as_list(columns: Iterable[tuple[str, str]]) -> list[ColumnArgs]:
    """Names and types as every language takes them."""
    return [{"name": name, "type": type} for name, type in columns]
