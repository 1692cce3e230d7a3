"""Redshift's functions: what each becomes in DuckDB's SQL; what is not here is refused by name."""

import re
from collections.abc import Callable

from sqlglot import exp

from eda_sandbox.foundation.sql_kinds import Kinds, decimal_parts
from eda_sandbox.services.redshift.sql import formats
from eda_sandbox.services.redshift.sql.errors import NOT_OFFERED, SqlError

Arguments = list[exp.Expr]
Build = Callable[[Arguments, Kinds], exp.Expr]

_SAME = """
abs acos any_value ascii asin atan atan2 bit_and bit_or bool_and bool_or chr coalesce cos count cume_dist degrees
dense_rank exp first_value greatest lag last_value lead least lower max md5 min mod ntile nth_value nullif
percent_rank pi radians random rank repeat replace reverse row_number sin stddev stddev_pop stddev_samp tan translate
upper var_pop var_samp variance nvl concat_ws
"""
_RENAMED = {
    "btrim": "trim",
    "cbrt": "redshift_cbrt",
    "character_length": "length",
    "crc32": "",
    "dexp": "exp",
    "dlog1": "redshift_ln",
    "dlog10": "redshift_log",
    "dpow": "pow",
    "dsqrt": "redshift_sqrt",
    "func_sha1": "sha1",
    "initcap": "redshift_initcap",
    "is_valid_json": "json_valid",
    "isnull": "coalesce",
    "json_serialize": "redshift_json_text",
    "ln": "redshift_ln",
    "log": "redshift_log",
    "months_between": "redshift_months_between",
    "add_months": "redshift_add_months",
    "next_day": "redshift_next_day",
    "last_day": "last_day",
    "nvl": "coalesce",
    "pow": "pow",
    "power": "pow",
    "replicate": "repeat",
    "sha": "sha1",
    "sha1": "sha1",
    "split_part": "redshift_split_part",
    "sqrt": "redshift_sqrt",
    "strtol": "redshift_strtol",
    "json_parse": "redshift_json_parse",
    "left": "redshift_left",
    "right": "redshift_right",
}
del _RENAMED["crc32"], _RENAMED["isnull"], _RENAMED["json_serialize"]
_INTEGER = {"ascii"}
_PLAIN_INTEGERS = ("SMALLINT", "INTEGER", "BIGINT", "TINYINT", "HUGEINT")
COMPOUND = frozenset({"avg", "median", "ratio_to_report", "sum"})
"""Functions that become more than one, or are cast; OVER goes to what is within."""


def call(name: str, *arguments: exp.Expr) -> exp.Anonymous:
    """A call of a function of DuckDB's."""
    return exp.Anonymous(this=name, expressions=list(arguments))


def cast(value: exp.Expr, kind: str) -> exp.Expr:
    """A cast of DuckDB's."""
    return exp.Cast(this=value, to=exp.DataType(this=exp.DType.USERDEFINED, kind=kind))


def refused(what: str) -> SqlError:
    """Of something that the sandbox does not do."""
    return SqlError(f"{NOT_OFFERED} {what}")


def scaled(quotient: exp.Expr, precision: int, scale: int) -> exp.Expr:
    """A decimal of what ``redshift_divide_decimals`` gives."""
    # DuckDB counts the digits before the exponent, so it goes by the widest.
    widest = cast(quotient, f"DECIMAL(38, {scale})")
    return widest if precision == 38 else cast(widest, f"DECIMAL({precision}, {scale})")


def _plain(name: str) -> Build:
    def built(arguments: Arguments, _kinds: Kinds) -> exp.Expr:
        return call(name, *arguments)

    return built


def _as_integer(name: str) -> Build:
    return lambda arguments, _kinds: cast(call(name, *arguments), "INTEGER")


def _length(arguments: Arguments, kinds: Kinds) -> exp.Expr:
    name = "octet_length" if kinds.of(arguments[0]) == "BLOB" else "length"
    return cast(call(name, *arguments), "INTEGER")


def _bytes(arguments: Arguments, kinds: Kinds) -> exp.Expr:
    name = "octet_length" if kinds.of(arguments[0]) == "BLOB" else "strlen"
    return cast(call(name, *arguments), "INTEGER")


def _literal(node: exp.Expr, what: str) -> str:
    if isinstance(node, exp.Cast):
        node = node.this
    if not isinstance(node, exp.Literal) or not node.is_string:
        raise refused(f"{what} that is no literal")
    return str(node.this)


def _part(node: exp.Expr) -> str:
    word = node.name.lower()
    if word not in formats.PARTS:
        raise SqlError(f'timestamp units "{word}" not recognized')
    return formats.PARTS[word]


def _dateadd(arguments: Arguments, _kinds: Kinds) -> exp.Expr:
    part, amount, moment = _part(arguments[0]), arguments[1], arguments[2]
    if part not in formats.STEPS:
        raise refused(f"DATEADD of {part}")
    name, factor = formats.STEPS[part]
    number: exp.Expr = cast(amount, "INTEGER")
    if factor > 1:
        number = exp.Mul(this=number, expression=exp.Literal.number(factor))
    if isinstance(moment, exp.Literal):
        moment = cast(moment, "TIMESTAMP")
    return exp.Paren(this=exp.Add(this=exp.Paren(this=moment), expression=call(name, number)))


def _datediff(arguments: Arguments, _kinds: Kinds) -> exp.Expr:
    part = _part(arguments[0])
    if part not in formats.STEPS:
        raise refused(f"DATEDIFF of {part}")
    moments = [cast(one, "TIMESTAMP") if isinstance(one, exp.Literal) else one for one in arguments[1:]]
    if part == "week":
        raise refused("DATEDIFF of weeks: Redshift counts from Sunday to Sunday")
    return call("date_diff", exp.Literal.string(part), *moments)


def _date_trunc(arguments: Arguments, _kinds: Kinds) -> exp.Expr:
    moment = arguments[1]
    if isinstance(moment, exp.Literal):
        moment = cast(moment, "TIMESTAMP")
    return call("date_trunc", exp.Literal.string(_part(arguments[0])), moment)


def date_part(part: exp.Expr, moment: exp.Expr, kind: str) -> exp.Expr:
    """A field of a date or time, as a number of a type."""
    name = _part(part)
    if isinstance(moment, exp.Literal):
        moment = cast(moment, "TIMESTAMP")
    return cast(call("date_part", exp.Literal.string(name), moment), kind)


def _date_part(arguments: Arguments, _kinds: Kinds) -> exp.Expr:
    return date_part(arguments[0], arguments[1], "DOUBLE")


def _concat(arguments: Arguments, _kinds: Kinds) -> exp.Expr:
    return exp.Paren(this=exp.DPipe(this=arguments[0], expression=arguments[1]))


def _substring(arguments: Arguments, _kinds: Kinds) -> exp.Expr:
    return call("redshift_substring" if len(arguments) == 3 else "redshift_substring_from", *arguments)


def _pad(name: str) -> Build:
    def built(arguments: Arguments, _kinds: Kinds) -> exp.Expr:
        filling = arguments[2] if len(arguments) > 2 else exp.Literal.string(" ")
        return call(name, arguments[0], arguments[1], filling)

    return built


def _strpos(arguments: Arguments, _kinds: Kinds) -> exp.Expr:
    return cast(call("strpos", *arguments), "INTEGER")


def _charindex(arguments: Arguments, _kinds: Kinds) -> exp.Expr:
    return cast(call("strpos", arguments[1], arguments[0]), "INTEGER")


def _trim(name: str) -> Build:
    return lambda arguments, _kinds: call(name, *arguments)


def _rounding(name: str) -> Build:
    def built(arguments: Arguments, kinds: Kinds) -> exp.Expr:
        kind = kinds.of(arguments[0])
        if name == "trunc" and kind in ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"):
            return cast(arguments[0], "DATE")
        if kind in _PLAIN_INTEGERS and len(arguments) == 1:
            return exp.Paren(this=arguments[0])
        return call(name, *arguments)

    return built


def _sign(arguments: Arguments, kinds: Kinds) -> exp.Expr:
    kind = kinds.of(arguments[0]) or "DOUBLE"
    return cast(call("sign", *arguments), "DECIMAL(1, 0)" if kind.startswith("DECIMAL") else kind)


def _nvl2(arguments: Arguments, _kinds: Kinds) -> exp.Expr:
    present = exp.not_(exp.Is(this=arguments[0], expression=exp.Null()))
    return exp.Case(ifs=[exp.If(this=present, true=arguments[1])], default=arguments[2])


def _decode(arguments: Arguments, _kinds: Kinds) -> exp.Expr:
    value, *rest = arguments
    branches = [
        exp.If(this=exp.NullSafeEQ(this=value.copy(), expression=rest[place]), true=rest[place + 1])
        for place in range(0, len(rest) - 1, 2)
    ]
    return exp.Case(ifs=branches, default=rest[-1] if len(rest) % 2 else None)


def _sha2(arguments: Arguments, _kinds: Kinds) -> exp.Expr:
    bits = arguments[1].name
    if bits not in ("0", "256"):
        raise refused(f"SHA2 of {bits} bits; it offers 256")
    return call("sha256", arguments[0])


def _to_hex(arguments: Arguments, _kinds: Kinds) -> exp.Expr:
    return call("lower", call("hex", *arguments))


def _getdate(_arguments: Arguments, _kinds: Kinds) -> exp.Expr:
    return call("date_trunc", exp.Literal.string("second"), now())


def now() -> exp.Expr:
    """The present as a time without a zone."""
    return call("timezone", exp.Literal.string("UTC"), call("now"))


def _date(arguments: Arguments, _kinds: Kinds) -> exp.Expr:
    return cast(arguments[0], "DATE")


def _to_char(arguments: Arguments, kinds: Kinds) -> exp.Expr:
    kind = kinds.of(arguments[0])
    if kind not in ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"):
        raise refused("TO_CHAR of numbers")
    return formats.written(arguments[0], _literal(arguments[1], "a format"))


def _to_date(arguments: Arguments, _kinds: Kinds) -> exp.Expr:
    shown = _literal(arguments[1], "a format")
    made = call("redshift_parse", arguments[0], exp.Literal.string(formats.parsed(shown)), exp.Literal.string(shown))
    return cast(made, "DATE")


def _to_timestamp(arguments: Arguments, _kinds: Kinds) -> exp.Expr:
    shown = _literal(arguments[1], "a format")
    made = call("redshift_parse", arguments[0], exp.Literal.string(formats.parsed(shown)), exp.Literal.string(shown))
    return call("timezone", exp.Literal.string("UTC"), made)


def _convert_timezone(arguments: Arguments, kinds: Kinds) -> exp.Expr:
    *zones, moment = arguments
    source = zones[0] if len(zones) == 2 else exp.Literal.string("UTC")
    if kinds.of(moment) == "TIMESTAMP WITH TIME ZONE":
        return call("timezone", zones[-1], moment)
    return call("timezone", zones[-1], call("timezone", source, cast(moment, "TIMESTAMP")))


def _regexp_replace(arguments: Arguments, _kinds: Kinds) -> exp.Expr:
    text, pattern = arguments[:2]
    by = _literal(arguments[2], "a replacement") if len(arguments) > 2 else ""
    written = re.sub(r"\$(\d)", r"\\\1", by.replace("\\", "\\\\"))
    return call("regexp_replace", text, pattern, exp.Literal.string(written), exp.Literal.string("g"))


def _regexp_substr(arguments: Arguments, _kinds: Kinds) -> exp.Expr:
    one = exp.Literal.number(1)
    padded = [*arguments, one.copy(), one.copy()][:4] if len(arguments) < 4 else arguments
    return call("redshift_regexp_substr", *padded)


def _regexp_count(arguments: Arguments, _kinds: Kinds) -> exp.Expr:
    text, pattern, *start = arguments
    within = call("substring", text, *start) if start else text
    return cast(call("len", call("regexp_extract_all", within, pattern)), "INTEGER")


def _json_path(arguments: Arguments, _kinds: Kinds) -> exp.Expr:
    document, *members = arguments
    tolerant = isinstance(members[-1], exp.Boolean)
    null = tolerant and bool(members[-1].this)
    names = [_literal(member, "a path") for member in (members[:-1] if tolerant else members)]
    path = "$" + "".join(f'."{name}"' for name in names)
    return call("redshift_json_path" + ("_or_null" if null else ""), document, exp.Literal.string(path))


def _json_element(arguments: Arguments, _kinds: Kinds) -> exp.Expr:
    return call("redshift_json_element", *arguments[:2])


def _json_serialize(arguments: Arguments, _kinds: Kinds) -> exp.Expr:
    return cast(arguments[0], "VARCHAR")


def _listagg(arguments: Arguments, _kinds: Kinds) -> exp.Expr:
    separator = arguments[1] if len(arguments) > 1 else exp.Literal.string("")
    return call("string_agg", arguments[0], separator)


def _percentile(name: str) -> Build:
    return lambda arguments, _kinds: call(name, *arguments)


def compound(name: str, arguments: Arguments, kinds: Kinds, wrap: Callable[[exp.Expr], exp.Expr]) -> exp.Expr:
    """A call of a function that becomes more than one.

    Args:
        name: one of ``COMPOUND``.
        arguments: translated.
        kinds: tells types.
        wrap: puts OVER around an aggregate.
    """
    [first] = arguments[:1]
    plain = first.expressions[0] if isinstance(first, exp.Distinct) else first
    kind = kinds.of(plain)
    parts = decimal_parts(kind) if kind and kind.startswith("DECIMAL") else None
    if kind is None:
        raise refused(f"{name.upper()} of what it cannot tell the type of")
    if name == "avg":
        total, count = wrap(call("sum", first.copy())), wrap(call("count", first.copy()))
        if kind in _PLAIN_INTEGERS:
            none = exp.If(this=exp.EQ(this=count.copy(), expression=exp.Literal.number(0)), true=exp.Null())
            whole: exp.Expr = exp.Div(this=total, expression=count, typed=True)
            return cast(exp.Case(ifs=[none], default=whole), "BIGINT")
        if parts:
            unscaled = call("redshift_unscaled", total)
            return scaled(call("redshift_divide_decimals", unscaled, count, exp.Literal.number(parts[1])), 38, parts[1])
        return wrap(call("avg", first))
    if name == "sum":
        whole = wrap(call("sum", first))
        if kind in ("BIGINT", "HUGEINT"):
            return cast(whole, "DECIMAL(38, 0)")
        return cast(whole, "BIGINT") if kind in _PLAIN_INTEGERS else whole
    if name == "median":
        middle = wrap(call("quantile_cont", first, exp.Literal.number("0.5")))
        if kind in _PLAIN_INTEGERS:
            return cast(middle, "DECIMAL(38, 1)")
        return cast(middle, f"DECIMAL({parts[0]}, {parts[1]})") if parts else middle
    portion = cast(first.copy(), "DOUBLE")
    return exp.Paren(this=exp.Div(this=portion, expression=cast(wrap(call("sum", first.copy())), "DOUBLE")))


FUNCTIONS: dict[str, Build] = {
    **{name: _plain(name) for name in _SAME.split()},
    **{name: _plain(target) for name, target in _RENAMED.items()},
    **{name: _plain(name) for name in COMPOUND},
    **{name: _as_integer(name) for name in _INTEGER},
    **dict.fromkeys(("len", "length", "char_length", "character_length", "textlen"), _length),
    **dict.fromkeys(("dateadd", "date_add"), _dateadd),
    **dict.fromkeys(("datediff", "date_diff"), _datediff),
    **dict.fromkeys(("date_part", "pgdate_part"), _date_part),
    **dict.fromkeys(("substring", "substr"), _substring),
    **dict.fromkeys(("ceil", "ceiling"), _rounding("ceil")),
    "floor": _rounding("floor"),
    "round": _rounding("round"),
    "trunc": _rounding("trunc"),
    "ltrim": _trim("ltrim"),
    "rtrim": _trim("rtrim"),
    "trim": _trim("trim"),
    "charindex": _charindex,
    "concat": _concat,
    "convert_timezone": _convert_timezone,
    "date": _date,
    "date_trunc": _date_trunc,
    "decode": _decode,
    "getdate": _getdate,
    "json_array_length": lambda arguments, _kinds: call("redshift_json_array_length", arguments[0]),
    "json_extract_array_element_text": _json_element,
    "json_extract_path_text": _json_path,
    "json_serialize": _json_serialize,
    "listagg": _listagg,
    "octet_length": _bytes,
    "lpad": _pad("redshift_lpad"),
    "rpad": _pad("redshift_rpad"),
    "nvl2": _nvl2,
    "percentile_cont": _percentile("quantile_cont"),
    "percentile_disc": _percentile("quantile_disc"),
    "regexp_count": _regexp_count,
    "regexp_instr": _plain("redshift_regexp_instr"),
    "regexp_replace": _regexp_replace,
    "regexp_substr": _regexp_substr,
    "sha2": _sha2,
    "sign": _sign,
    "strpos": _strpos,
    "to_char": _to_char,
    "to_date": _to_date,
    "to_hex": _to_hex,
    "to_timestamp": _to_timestamp,
}
"""Redshift's functions and how each is written for DuckDB."""

ARITY = {
    "add_months": (2, 2),
    "concat": (2, 2),
    "convert_timezone": (2, 3),
    "coalesce": (1, 99),
    "json_array_length": (1, 1),
    "json_extract_array_element_text": (2, 2),
    "json_parse": (1, 1),
    "nvl2": (3, 3),
    "regexp_count": (2, 3),
    "regexp_instr": (2, 2),
    "regexp_replace": (2, 3),
    "regexp_substr": (2, 4),
    "to_char": (2, 2),
    "to_date": (2, 2),
    "to_timestamp": (2, 2),
    "split_part": (3, 3),
    "substring": (2, 3),
    "random": (0, 0),
    "log": (1, 1),
    "atan2": (2, 2),
    "round": (1, 2),
    "lower": (1, 1),
    "upper": (1, 1),
    "strtol": (2, 2),
    "max": (1, 1),
    "min": (1, 1),
    "greatest": (1, 99),
}
"""How many arguments a function takes; forms with others are refused."""
