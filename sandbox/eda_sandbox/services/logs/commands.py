"""Commands of a Logs Insights query: each makes rows of rows."""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cmp_to_key

from eda_sandbox.services.logs.expressions import Expression, holds
from eda_sandbox.services.logs.values import Row, Value, compared, number, text

Aggregate = Callable[[Sequence[Row]], Value]


@dataclass(frozen=True)
class Named:
    """An expression and the name that results show it under."""

    name: str
    expression: Expression


@dataclass(frozen=True)
class Filter:
    """``filter``: keeps rows."""

    condition: Expression

    def apply(self, rows: Iterable[Row]) -> list[Row]:
        """The rows that meet the condition."""
        return [row for row in rows if holds(self.condition(row))]


class _Extended(Mapping[str, Value]):
    """A row with more, which looks at the row itself only for what it has not."""

    def __init__(self, row: Row, more: dict[str, Value]) -> None:
        self._row = row
        self._more = more

    def __getitem__(self, name: str) -> Value:
        return self._more[name] if name in self._more else self._row[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**self._row, **self._more})

    def __len__(self) -> int:
        return len({**self._row, **self._more})


@dataclass(frozen=True)
class Fields:
    """``fields`` and ``display``: names what is shown; ``fields`` adds to it."""

    named: tuple[Named, ...]
    only: bool = False

    def apply(self, rows: Iterable[Row]) -> list[Row]:
        """The rows with what was calculated."""
        return [_Extended(row, {named.name: named.expression(row) for named in self.named}) for row in rows]


@dataclass(frozen=True)
class Parse:
    """``parse``: fields out of a text."""

    source: Expression
    pattern: re.Pattern[str]
    names: tuple[str, ...]

    def apply(self, rows: Iterable[Row]) -> list[Row]:
        """The rows, with the fields where the pattern is found."""
        return [{**row, **self._found(text(self.source(row)))} for row in rows]

    def _found(self, given: str) -> dict[str, Value]:
        match = self.pattern.search(given)
        return {} if match is None else dict(zip(self.names, match.groups(), strict=True))


@dataclass(frozen=True)
class Sort:
    """``sort``: by expressions, each ascending or descending; what is missing comes last."""

    keys: tuple[tuple[Expression, bool], ...]

    def apply(self, rows: Iterable[Row]) -> list[Row]:
        """The rows in order; equal ones stay as they were."""
        return sorted(rows, key=cmp_to_key(self._order))

    def _order(self, one: Row, other: Row) -> int:
        for expression, descending in self.keys:
            left, right = expression(one), expression(other)
            if left is None or right is None:
                order = (left is None) - (right is None)
            else:
                order = (compared(left, right) or 0) * (-1 if descending else 1)
            if order:
                return order
        return 0


@dataclass(frozen=True)
class Limit:
    """``limit``: the first rows."""

    rows: int

    def apply(self, rows: Iterable[Row]) -> list[Row]:
        """No more than the limit."""
        return list(rows)[: self.rows]


@dataclass(frozen=True)
class Dedup:
    """``dedup``: the first row of each combination of values; rows without one of the fields stay."""

    keys: tuple[Expression, ...]

    def apply(self, rows: Iterable[Row]) -> list[Row]:
        """The rows without repeats."""
        seen: set[tuple[Value, ...]] = set()
        kept: list[Row] = []
        for row in rows:
            values = tuple(key(row) for key in self.keys)
            if None not in values and values in seen:
                continue
            seen.add(values)
            kept.append(row)
        return kept


@dataclass(frozen=True)
class Stats:
    """``stats``: a row for each group."""

    aggregates: tuple[tuple[str, Aggregate], ...]
    groups: tuple[Named, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """What the rows hold, the groups first."""
        return (*(group.name for group in self.groups), *(name for name, _ in self.aggregates))

    def apply(self, rows: Iterable[Row]) -> list[Row]:
        """One row for each combination of the groups' values; rows that lack one of them count for none."""
        found: dict[tuple[Value, ...], list[Row]] = {}
        for row in rows:
            key = tuple(group.expression(row) for group in self.groups)
            if None not in key:
                found.setdefault(key, []).append(row)
        if not self.groups:
            found.setdefault((), [])
        names = [group.name for group in self.groups]
        return [
            {**dict(zip(names, key, strict=True)), **{name: aggregate(members) for name, aggregate in self.aggregates}}
            for key, members in found.items()
        ]


def counted(expression: Expression | None) -> Aggregate:
    """``count``: of rows, or of those that have a value."""
    if expression is None:
        return len
    return lambda rows: sum(expression(row) is not None for row in rows)


def distinct(expression: Expression) -> Aggregate:
    """``count_distinct``."""
    return lambda rows: len({value for row in rows if (value := expression(row)) is not None})


def percentile(expression: Expression, percent: float) -> Aggregate:
    """``pct``: the least value that so many percent of the values do not exceed."""

    def aggregate(rows: Sequence[Row]) -> Value:
        values = sorted(_numbers(expression, rows))
        return values[max(0, math.ceil(len(values) * percent / 100) - 1)] if values else None

    return aggregate


def _numbers(expression: Expression, rows: Sequence[Row]) -> list[float | int]:
    return [found for row in rows if (found := number(expression(row))) is not None]


def _of_numbers(calculate: Callable[[list[float | int]], Value]) -> Callable[[Expression], Aggregate]:
    def aggregate(expression: Expression) -> Aggregate:
        return lambda rows: calculate(values) if (values := _numbers(expression, rows)) else None

    return aggregate


AGGREGATES: dict[str, Callable[[Expression], Aggregate]] = {
    "count_distinct": distinct,
    "sum": _of_numbers(sum),
    "avg": _of_numbers(lambda values: sum(values) / len(values)),
    "min": _of_numbers(min),
    "max": _of_numbers(max),
}
"""The aggregates of one value; ``count`` and ``pct`` are read apart."""

Command = Filter | Fields | Parse | Sort | Limit | Dedup | Stats
