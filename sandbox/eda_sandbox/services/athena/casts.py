"""Trino's casts, and how its values are written as text."""

from sqlglot import exp

from eda_sandbox.foundation.sql_kinds import Kinds, element

_DECIMAL = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
_DOUBLE = rf"\s*({_DECIMAL}|[+-]?(NaN|Infinity))\s*"
_FORMS = {
    exp.DType.BOOLEAN: "(?i)t|f|1|0|true|false",
    exp.DType.FLOAT: _DOUBLE,
    exp.DType.DOUBLE: _DOUBLE,
    exp.DType.DECIMAL: _DECIMAL,
}
"""Texts that Trino's casts take (Trino's VarcharOperators): DuckDB takes ``yes``, ``inf`` and ``1_000`` too."""
_INTEGERS = (exp.DType.TINYINT, exp.DType.SMALLINT, exp.DType.INT, exp.DType.BIGINT)
_TEXTS = (exp.DType.VARCHAR, exp.DType.TEXT)
_TIMESTAMPS = (exp.DType.TIMESTAMP, exp.DType.TIMESTAMPNTZ)
_MOMENTS = ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE")
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL")


class Refused(Exception):
    """The sandbox does not translate it."""


class Invalid(Exception):
    """Trino refuses it; the message is Trino's."""


def call(name: str, *arguments: exp.Expr) -> exp.Anonymous:
    """A call of a function of DuckDB's."""
    return exp.Anonymous(this=name, expressions=list(arguments))


def cast(value: exp.Expr, kind: str) -> exp.Expr:
    """A cast of DuckDB's."""
    return exp.Cast(this=value, to=exp.DataType(this=exp.DType.USERDEFINED, kind=kind))


def scaled(quotient: exp.Expr, precision: int, scale: int) -> exp.Expr:
    """A decimal of what ``trino_quotient`` gives."""
    # DuckDB counts the digits before the exponent, so it goes by the widest.
    widest = cast(quotient, f"DECIMAL(38, {scale})")
    return widest if precision == 38 else cast(widest, f"DECIMAL({precision}, {scale})")


def written(value: exp.Expr, kind: str | None) -> exp.Expr:
    """A value as text.

    Raises:
        Invalid: values of the type cannot be.
    """
    if kind is None:
        return call("trino_varchar", value)
    if kind in ("DOUBLE", "FLOAT"):
        return call("trino_double_text", value)
    if kind == "TIMESTAMP":
        return call("trino_timestamp_written", value)
    if kind == "TIMESTAMP WITH TIME ZONE":
        return call("trino_zoned_written", value)
    if kind == "JSON":
        return call("trino_json_text", value)
    if kind == "VARCHAR":
        return value
    if kind == "BLOB" or (kind.endswith(("]", ")")) and not kind.startswith("DECIMAL")):
        raise Invalid(f"TYPE_MISMATCH: line 1:1: Cannot cast {_named(kind)} to varchar")
    return cast(value, "VARCHAR")


def to(value: exp.Expr, target: exp.DataType, kinds: Kinds, tried: bool) -> exp.Expr:
    """A cast of a translated value; ``tried`` gives NULL where it fails.

    Raises:
        Refused: the sandbox does not translate it.
        Invalid: Trino has no such cast.
    """
    return _to(value, target, kinds.of(value), tried)


def _to(value: exp.Expr, target: exp.DataType, kind: str | None, tried: bool) -> exp.Expr:
    suffix = "_or_null" if tried else ""
    made = exp.TryCast if tried else exp.Cast
    goal = target.this
    name = exp.Literal.string(target.sql("trino").lower())
    if target.this in (exp.DType.CHAR, exp.DType.NCHAR):
        raise Refused("the sandbox has no type char")
    if goal in (exp.DType.TIME, exp.DType.TIMETZ):
        raise Refused("the sandbox has no type time")
    _check(kind, target)
    if goal in _INTEGERS:
        if kind in ("FLOAT", "DOUBLE"):
            # DuckDB rounds halves to even, Trino away from zero.
            return made(this=call("round", value), to=target)
        checked = value if kind in _NUMBERS else call(f"trino_whole_number{suffix}", value, name)
        return made(this=checked, to=target)
    if goal in _TIMESTAMPS:
        digits = int(target.expressions[0].name) if target.expressions else 3
        checked = value if kind in _MOMENTS else call(f"trino_timestamp_text{suffix}", value)
        moment = made(this=checked, to=exp.DataType(this=exp.DType.TIMESTAMP))
        return call("date_trunc", exp.Literal.string("millisecond"), moment) if digits <= 3 else moment
    if goal is exp.DType.TIMESTAMPTZ:
        return made(this=value, to=exp.DataType(this=exp.DType.TIMESTAMPTZ))
    if goal is exp.DType.DATE:
        return made(this=value if kind in _MOMENTS else call(f"trino_date_text{suffix}", value), to=target)
    if goal in _FORMS:
        if goal is exp.DType.DECIMAL and kind in ("DOUBLE", "FLOAT"):
            # By its digits, as Java's BigDecimal.valueOf does; DuckDB takes the nearest binary number.
            value = exp.Cast(this=value, to=exp.DataType(this=exp.DType.VARCHAR))
        elif kind is None or kind == "VARCHAR":
            value = call(f"trino_form{suffix}", value, exp.Literal.string(_FORMS[goal]), name)
        if goal is exp.DType.DECIMAL and not target.expressions:
            target = exp.DataType.build("DECIMAL(38, 0)")
        return made(this=value, to=target)
    if goal in _TEXTS:
        text = written(value, kind)
        if tried:
            for found in text.find_all(exp.Anonymous):
                if found.name == "trino_json_text":
                    found.set("this", "trino_json_text_or_null")
        if target.expressions:
            size = exp.Literal.number(target.expressions[0].name)
            if kind == "VARCHAR":
                return call("substring", text, exp.Literal.number(1), size)
            text = call(f"trino_fitting{suffix}", text, size)
        return made(this=text, to=exp.DataType(this=exp.DType.VARCHAR))
    if goal is exp.DType.JSON:
        if kind == "BLOB":
            raise Invalid("TYPE_MISMATCH: line 1:1: Cannot cast varbinary to json")
        return call("to_json", value)
    if goal is exp.DType.ARRAY and element(kind) not in (None, "JSON") and target.expressions:
        inner = _to(exp.column("element"), target.expressions[0], element(kind), tried)
        return call("list_transform", value, exp.Lambda(this=inner, expressions=[exp.to_identifier("element")]))
    return made(this=value, to=target)


def _check(kind: str | None, target: exp.DataType) -> None:
    """Casts that Trino has not."""
    if kind is None or kind.strip('"') == "NULL":
        return
    plain = kind.partition("(")[0]
    goal = target.this
    moment = goal in (*_TIMESTAMPS, exp.DType.DATE, exp.DType.TIMESTAMPTZ)
    number = goal in _INTEGERS or goal in (exp.DType.FLOAT, exp.DType.DOUBLE, exp.DType.DECIMAL, exp.DType.BOOLEAN)
    wrong = (
        (plain in _MOMENTS and number)
        or ((plain in _NUMBERS or plain == "BOOLEAN") and moment)
        or (plain == "BLOB" and (moment or number))
        or (plain == "INTERVAL" and (moment or number))
        or (plain != "VARCHAR" and goal is exp.DType.VARBINARY and plain != "BLOB")
        or (plain == "VARCHAR" and goal is exp.DType.VARBINARY)
    )
    if wrong:
        raise Invalid(f"TYPE_MISMATCH: line 1:1: Cannot cast {_named(kind)} to {target.sql('trino').lower()}")


def _named(kind: str) -> str:
    return {"BLOB": "varbinary"}.get(kind, kind.lower())
