"""Partition projection: a table's partitions computed from its properties (user guide, "Partition projection")."""

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from eda_sandbox.services.athena.catalog import Table
from eda_sandbox.services.athena.errors import SCHEMA, QueryError

MAX_PARTITIONS = 1_000_000
"""Combinations that a query may look at."""
_UNITS = ("YEARS", "MONTHS", "WEEKS", "DAYS", "HOURS", "MINUTES", "SECONDS")
_NOW = re.compile(
    r"\s*NOW\s*(([+-])\s*([0-9]+)\s*(YEARS?|MONTHS?|WEEKS?|DAYS?|HOURS?|MINUTES?|SECONDS?)\s*)?", re.IGNORECASE
)
_CODES = {"yyyy": "%Y", "uuuu": "%Y", "yy": "%y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}
_PATTERN = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']")

Filter = Callable[[str, list[str]], list[str]]
"""Which of a partition key's values a query's conditions on that key alone leave."""


@dataclass(frozen=True)
class Projection:
    """The partitions of one table.

    Args:
        table: has ``projection.enabled``.
        now: the present, for ``NOW``.
    """

    table: Table
    now: datetime

    def partitions(self, keep: Filter, injected: Mapping[str, list[str]]) -> Iterator[tuple[list[str], str]]:
        """Values and location of each partition that may hold what is asked for.

        Args:
            keep: prunes one key's values.
            injected: the values that the query names for injected keys.

        Raises:
            QueryError: the properties are not valid, or an injected key has no value.
        """
        keys = [key.name for key in self.table.partition_keys]
        values = [keep(key, self._values(key, injected)) for key in keys]
        count = 1
        for found in values:
            count *= len(found)
        if count > MAX_PARTITIONS:
            raise QueryError(f"the query looks at {count} projected partitions of {self.table.name}; narrow its WHERE")
        template = self.table.parameters.get("storage.location.template")
        for combination in itertools.product(*values):
            named = dict(zip(keys, combination, strict=True))
            yield list(combination), self._location(template, named)

    def _location(self, template: str | None, values: dict[str, str]) -> str:
        if template is None:
            folders = "".join(f"{key}={value}/" for key, value in values.items())
            return f"{self.table.location}{folders}"
        lacking = [key for key in values if f"${{{key}}}" not in template]
        if lacking:
            raise self._invalid("storage.location.template", f"it lacks ${{{lacking[0]}}}")
        for key, value in values.items():
            template = template.replace(f"${{{key}}}", value)
        return template.rstrip("/") + "/"

    def _values(self, key: str, injected: Mapping[str, list[str]]) -> list[str]:
        match self._get(key, "type", "").lower():
            case "enum":
                return [value.strip() for value in self._need(key, "values").split(",")]
            case "integer":
                return self._integers(key)
            case "date":
                return self._dates(key)
            case "injected":
                if not injected.get(key):
                    raise QueryError(
                        f"CONSTRAINT_VIOLATION: For the injected projected partition column {key}, the WHERE clause "
                        "must contain only static equality conditions, and at least one such condition must be present."
                    )
                return injected[key]
            case other:
                raise self._invalid(f"projection.{key}.type", f"{other!r} is not enum, integer, date or injected")

    def _integers(self, key: str) -> list[str]:
        try:
            low, high = (int(part) for part in self._need(key, "range").split(","))
            interval, digits = int(self._get(key, "interval", "1")), int(self._get(key, "digits", "0"))
        except ValueError as error:
            raise self._invalid(f"projection.{key}.range", str(error)) from error
        if interval < 1 or low > high:
            raise self._invalid(f"projection.{key}.range", f"{low},{high} in steps of {interval} holds nothing")
        return [str(value).zfill(digits) for value in range(low, high + 1, interval)]

    def _dates(self, key: str) -> list[str]:
        pattern = self._need(key, "format")
        try:
            code, finest = strftime(pattern)
            low, high = (self._bound(part, code) for part in self._need(key, "range").split(","))
            interval = int(self._get(key, "interval", "1"))
        except ValueError as error:
            raise self._invalid(f"projection.{key}.range", str(error)) from error
        unit = self._get(key, "interval.unit", finest).upper()
        unit = unit if unit.endswith("S") else f"{unit}S"
        if unit not in _UNITS or interval < 1:
            raise self._invalid(f"projection.{key}.interval.unit", f"{interval} {unit}")
        values, step, moment = [], 0, low
        while moment <= high:
            values.append(moment.strftime(code))
            step += interval
            moment = _moved(low, step, unit)
        return list(dict.fromkeys(values))

    def _bound(self, text: str, code: str) -> datetime:
        found = _NOW.fullmatch(text)
        if found is None:
            return datetime.strptime(text.strip(), code).replace(tzinfo=UTC)
        moment = self.now.astimezone(UTC)
        if found[1]:
            amount = int(found[3]) * (1 if found[2] == "+" else -1)
            moment = _moved(moment, amount, found[4].upper().rstrip("S") + "S")
        # A partition is there as soon as its period has begun.
        return datetime.strptime(moment.strftime(code), code).replace(tzinfo=UTC)

    def _get(self, key: str, name: str, default: str) -> str:
        return self.table.parameters.get(f"projection.{key}.{name}", default)

    def _need(self, key: str, name: str) -> str:
        value = self.table.parameters.get(f"projection.{key}.{name}")
        if value is None:
            raise self._invalid(f"projection.{key}.{name}", "it is missing")
        return value

    def _invalid(self, name: str, why: str) -> QueryError:
        return QueryError(
            f"INVALID_TABLE_PROPERTY: Table {self.table.database}.{self.table.name} is configured for partition "
            f"projection, but the property '{name}' is not valid: {why}",
            SCHEMA,
        )


def strftime(pattern: str) -> tuple[str, str]:
    """A Java date format as Python's, and its finest unit.

    Raises:
        ValueError: it has what the sandbox does not translate.
    """
    code, units = "", []
    names = {
        "%Y": "YEARS",
        "%y": "YEARS",
        "%m": "MONTHS",
        "%d": "DAYS",
        "%H": "HOURS",
        "%M": "MINUTES",
        "%S": "SECONDS",
    }
    for found in _PATTERN.finditer(pattern):
        if found[2]:
            if found[0] not in _CODES:
                raise ValueError(f"the format {pattern!r} has {found[0]!r}, which the sandbox does not translate")
            code += _CODES[found[0]]
            units.append(names[_CODES[found[0]]])
        else:
            code += (found[0] if found[1] is None else found[1]).replace("%", "%%")
    if not units:
        raise ValueError(f"the format {pattern!r} holds no date")
    return code, max(units, key=_UNITS.index)


def _moved(moment: datetime, amount: int, unit: str) -> datetime:
    if unit in ("YEARS", "MONTHS"):
        months = moment.year * 12 + moment.month - 1 + amount * (12 if unit == "YEARS" else 1)
        year, month = divmod(months, 12)
        for day in range(moment.day, 27, -1):
            try:
                return moment.replace(year=year, month=month + 1, day=day)
            except ValueError:
                continue
        return moment.replace(year=year, month=month + 1)
    return moment + timedelta(**{unit.lower(): amount})
