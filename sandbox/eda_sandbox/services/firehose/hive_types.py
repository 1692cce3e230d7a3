"""The types of a Glue table's columns, and what the OpenX JSON SerDe makes of JSON values for them.

https://github.com/rcongiu/Hive-JSON-Serde is the deserializer that Firehose runs.
"""

import json
import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from sqlglot import ParseError, exp

MILLISECONDS_FROM = 10**11
"""A whole number from here on is taken as milliseconds since 1970, below as seconds."""
LATEST = 10**15
"""No number of seconds or milliseconds above it is a time."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DATE_TIME = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})[T ](\d{1,2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?Z?")
_INTEGERS = {
    exp.DType.TINYINT: 8,
    exp.DType.SMALLINT: 16,
    exp.DType.INT: 32,
    exp.DType.BIGINT: 64,
}


class Mismatch(ValueError):
    """A value does not fit its column; the message names the column."""


def parse(text: str) -> exp.DataType:
    """A type as Hive and Glue write it.

    Raises:
        ValueError: it is none.
    """
    try:
        return exp.DataType.build(text, dialect="hive", udt=False)
    except (ParseError, ValueError) as error:
        raise ValueError(f"{text} is no type of a column: {error}") from None


def duckdb_type(kind: exp.DataType) -> str:
    """The type in DuckDB's SQL."""
    return str(kind.sql(dialect="duckdb"))


def cast(kind: exp.DataType, value: Any, path: str) -> Any:
    """A value as the SerDe reads it, in a form of JSON that DuckDB reads as the type.

    Args:
        kind: the column's type.
        value: the JSON value.
        path: the column, for errors.

    Raises:
        Mismatch: the value does not fit.
    """
    if value is None:
        return None
    try:
        if kind.this in _NESTED:
            return _NESTED[kind.this](kind, value, path)
        if kind.this in _INTEGERS:
            return _integer(_INTEGERS[kind.this], value)
        if kind.this == exp.DType.DECIMAL:
            return _decimal(kind, value)
        return _SCALARS[kind.this](value) if kind.this in _SCALARS else _text(kind, value)
    except (ValueError, OverflowError, InvalidOperation) as error:
        if isinstance(error, Mismatch):
            raise
        raise Mismatch(f"{path}: {_shown(value)} is no {kind.sql(dialect='hive').lower()}") from None


def _text(kind: exp.DataType, value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    # Half a surrogate pair is valid in JSON and not in UTF-8.
    text = text.encode("utf-8", "replace").decode()
    if kind.this in (exp.DType.VARCHAR, exp.DType.CHAR) and kind.expressions:
        return text[: int(kind.expressions[0].name)]
    return text


def _integer(bits: int, value: Any) -> int:
    if isinstance(value, bool | dict | list) or (isinstance(value, float) and not value.is_integer()):
        raise ValueError
    number = int(value, 16 if value.lower().startswith("0x") else 10) if isinstance(value, str) else int(value)
    if not -(2 ** (bits - 1)) <= number < 2 ** (bits - 1):
        raise ValueError
    return number


def _float(value: Any) -> float:
    if isinstance(value, bool | dict | list):
        raise ValueError
    number = float(value)
    if not math.isfinite(number):
        raise ValueError
    return number


def _boolean(value: Any) -> bool:
    if isinstance(value, str):
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise ValueError
    return value


def _decimal(kind: exp.DataType, value: Any) -> str:
    if isinstance(value, bool | dict | list):
        raise ValueError
    precision, scale = ([int(found.name) for found in kind.expressions] + [10, 0][len(kind.expressions) :])[:2]
    number = Decimal(str(value))
    rounded = number.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)
    if not number.is_finite() or len(rounded.as_tuple().digits) > precision:
        raise ValueError
    return str(rounded)


def _timestamp(value: Any) -> str:
    if isinstance(value, bool | dict | list):
        raise ValueError
    found = _DATE_TIME.fullmatch(value) if isinstance(value, str) else None
    if found is not None:
        fraction = (found[7] or "").ljust(9, "0")
        year, month, day, hour, minute, second = (int(group) for group in found.groups()[:6])
        moment = datetime(year, month, day, hour, minute, second, int(fraction[:6]))
    else:
        number = Decimal(str(value))
        if abs(number) > LATEST:
            raise ValueError
        if number == number.to_integral_value() and abs(number) >= MILLISECONDS_FROM:
            number /= 1000
        moment = (_EPOCH + timedelta(microseconds=int(number * 1_000_000))).replace(tzinfo=None)
    return moment.isoformat(sep=" ")


def _date(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError
    return date.fromisoformat(value).isoformat()


def _binary(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError
    return "".join(f"\\x{byte:02X}" for byte in value.encode("utf-8", "replace"))


def _array(kind: exp.DataType, value: Any, path: str) -> list[Any]:
    # The SerDe takes a single value for an array of one.
    values = value if isinstance(value, list) else [value]
    return [cast(kind.expressions[0], inner, f"{path}[{index}]") for index, inner in enumerate(values)]


def _map(kind: exp.DataType, value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError
    key_kind, value_kind = kind.expressions
    return {str(cast(key_kind, key, path)): cast(value_kind, inner, f"{path}.{key}") for key, inner in value.items()}


def _struct(kind: exp.DataType, value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError
    given = {key.lower(): inner for key, inner in value.items()}
    return {
        field.name: cast(field.args["kind"], given.get(field.name.lower()), f"{path}.{field.name}")
        for field in kind.expressions
    }


_SCALARS: dict[Any, Callable[[Any], Any]] = {
    exp.DType.FLOAT: _float,
    exp.DType.DOUBLE: _float,
    exp.DType.BOOLEAN: _boolean,
    exp.DType.TIMESTAMP: _timestamp,
    exp.DType.DATE: _date,
    exp.DType.BINARY: _binary,
}
_NESTED: dict[Any, Callable[[exp.DataType, Any, str], Any]] = {
    exp.DType.ARRAY: _array,
    exp.DType.MAP: _map,
    exp.DType.STRUCT: _struct,
}


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 50 else f"{text[:50]}…"
