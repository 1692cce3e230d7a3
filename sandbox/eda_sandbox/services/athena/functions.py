"""Trino's functions: what each becomes in DuckDB's SQL, and what kind of value it takes."""

import re
from collections.abc import Callable

from sqlglot import exp

from eda_sandbox.foundation.sql_kinds import Kinds, decimal_parts, element, map_parts
from eda_sandbox.services.athena import casts, operators
from eda_sandbox.services.athena.casts import Refused, call, cast, scaled

Arguments = list[exp.Expr]
Build = Callable[[Arguments, Kinds], exp.Expr]

_SAME = """
abs acos asin atan atan2 concat_ws corr cos cosh count cume_dist degrees dense_rank exp first_value from_base64
grouping histogram last_value ln lag lead log10 log2 lower map_entries map_keys map_values max min mod nth_value ntile
nullif percent_rank pi pow power quarter radians rank row_number sin sinh sqrt starts_with stddev stddev_pop
stddev_samp strpos tan tanh to_base64 translate try unnest upper uuid var_pop var_samp variance covar_pop covar_samp
year month day hour minute second flatten coalesce kurtosis
"""
_RENAMED = {
    "any_value": "any_value",
    "approx_percentile": "approx_quantile",
    "arbitrary": "any_value",
    "array_agg": "list",
    "array_distinct": "trino_array_distinct",
    "array_max": "trino_array_max",
    "array_min": "trino_array_min",
    "array_position": "trino_array_position",
    "bool_and": "bool_and",
    "bool_or": "bool_or",
    "cbrt": "trino_cbrt",
    "chr": "chr",
    "codepoint": "trino_codepoint",
    "contains": "trino_contains",
    "count_if": "count_if",
    "day_of_month": "day",
    "day_of_week": "isodow",
    "day_of_year": "dayofyear",
    "dow": "isodow",
    "doy": "dayofyear",
    "every": "bool_and",
    "filter": "list_filter",
    "from_hex": "unhex",
    "from_iso8601_date": "trino_from_iso8601_date",
    "from_iso8601_timestamp": "trino_from_iso8601_timestamp",
    "from_iso8601_timestamp_nanos": "trino_from_iso8601_timestamp_nanos",
    "from_unixtime": "to_timestamp",
    "from_utf8": "trino_from_utf8",
    "json_array_length": "trino_json_array_length",
    "json_format": "trino_json_format",
    "last_day_of_month": "last_day",
    "levenshtein_distance": "levenshtein",
    "lpad": "trino_lpad",
    "map": "map",
    "md5": "trino_md5",
    "rand": "random",
    "random": "random",
    "regexp_extract_all": "regexp_extract_all",
    "regexp_like": "regexp_matches",
    "regexp_split": "regexp_split_to_array",
    "rpad": "trino_rpad",
    "sha1": "trino_sha1",
    "sha256": "trino_sha256",
    "slice": "trino_slice",
    "split": "trino_split",
    "split_part": "trino_split_part",
    "to_hex": "hex",
    "to_iso8601": "trino_to_iso8601",
    "to_unixtime": "epoch",
    "to_utf8": "encode",
    "transform": "list_transform",
    "url_decode": "trino_url_decode",
    "url_encode": "trino_url_encode",
    "week": "week",
    "week_of_year": "week",
    "year_of_week": "isoyear",
}
ARITY = {
    **dict.fromkeys(("random", "rand", "pi", "uuid", "now"), (0, 0)),
    **dict.fromkeys(
        [
            "from_unixtime",
            "json_parse",
            "json_format",
            "array_sort",
            "approx_distinct",
            "from_utf8",
            "lower",
            "upper",
            "length",
            "reverse",
            "abs",
            "sign",
            "to_hex",
            "from_hex",
            "md5",
            "sha1",
            "sha256",
            "url_encode",
            "url_decode",
            "array_max",
            "array_min",
            "array_distinct",
            "cardinality",
            "sum",
            "avg",
            "ceil",
            "ceiling",
            "floor",
            "date",
            "year",
            "month",
            "day",
            "chr",
            "codepoint",
            "flatten",
            "count_if",
        ],
        (1, 1),
    ),
    **dict.fromkeys(
        ["split", "strpos", "contains", "array_position", "element_at", "date_format", "date_parse", "map_agg"], (2, 2)
    ),
    **dict.fromkeys(
        ["approx_percentile", "nullif", "mod", "power", "pow", "starts_with", "regexp_like", "regexp_split"], (2, 2)
    ),
    **dict.fromkeys(["round", "truncate", "ltrim", "rtrim", "trim", "max", "min", "any_value", "arbitrary"], (1, 2)),
    **dict.fromkeys(["substr", "substring", "replace", "regexp_extract", "sequence", "array_join", "if"], (2, 3)),
    **dict.fromkeys(["lpad", "rpad", "slice", "split_part", "date_add", "date_diff", "translate"], (3, 3)),
    **dict.fromkeys(("greatest", "least"), (1, 99)),
    "coalesce": (2, 99),
    "concat": (2, 99),
    "concat_ws": (2, 99),
    "count": (0, 1),
    "map": (0, 2),
    "regexp_extract_all": (2, 3),
    "regexp_replace": (2, 3),
}
"""How many arguments a function takes; forms with others are not translated."""

_NUMBERS = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE"})
_TAKES_TEXT = frozenset(
    [
        "codepoint",
        "date_parse",
        "from_base64",
        "from_hex",
        "from_iso8601_date",
        "from_iso8601_timestamp",
        "from_iso8601_timestamp_nanos",
        "json_parse",
        "levenshtein_distance",
        "lower",
        "lpad",
        "ltrim",
        "parse_datetime",
        "regexp_extract",
        "regexp_extract_all",
        "regexp_like",
        "regexp_replace",
        "regexp_split",
        "replace",
        "rpad",
        "rtrim",
        "split",
        "split_part",
        "starts_with",
        "strpos",
        "substr",
        "substring",
        "to_utf8",
        "translate",
        "trim",
        "upper",
        "url_decode",
        "url_encode",
    ]
)
_TAKES_BINARY = frozenset(["from_utf8", "md5", "sha1", "sha256", "to_base64", "to_hex"])
_TAKES_NUMBER = frozenset(
    [
        "abs",
        "acos",
        "asin",
        "atan",
        "atan2",
        "avg",
        "cbrt",
        "ceil",
        "ceiling",
        "chr",
        "corr",
        "cos",
        "cosh",
        "covar_pop",
        "covar_samp",
        "degrees",
        "exp",
        "floor",
        "from_unixtime",
        "kurtosis",
        "ln",
        "log10",
        "log2",
        "mod",
        "pow",
        "power",
        "radians",
        "round",
        "sign",
        "sin",
        "sinh",
        "sqrt",
        "stddev",
        "stddev_pop",
        "stddev_samp",
        "sum",
        "tan",
        "tanh",
        "truncate",
        "var_pop",
        "var_samp",
        "variance",
    ]
)
_TAKES_MOMENT = frozenset(
    [
        "date_format",
        "day",
        "day_of_month",
        "day_of_week",
        "day_of_year",
        "dow",
        "doy",
        "format_datetime",
        "last_day_of_month",
        "month",
        "quarter",
        "to_iso8601",
        "to_unixtime",
        "week",
        "week_of_year",
        "year",
        "year_of_week",
    ]
)
_TAKES_TIME = frozenset({"hour", "minute", "second"})
_TAKES_ARRAY = frozenset(
    [
        "all_match",
        "any_match",
        "array_distinct",
        "array_join",
        "array_max",
        "array_min",
        "array_position",
        "array_sort",
        "contains",
        "filter",
        "flatten",
        "none_match",
        "slice",
        "transform",
    ]
)
_MOMENTS = frozenset({"DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"})

_UNITS = {
    "millisecond": "to_milliseconds",
    "second": "to_seconds",
    "minute": "to_minutes",
    "hour": "to_hours",
    "day": "to_days",
    "week": "to_weeks",
    "month": "to_months",
    "quarter": "to_quarters",
    "year": "to_years",
}
_DATE_UNITS = ("day", "week", "month", "quarter", "year")
_MYSQL = {"i": "%M", "s": "%S", "S": "%S", "H": "%H", "k": "%-H", "h": "%I", "I": "%I", "l": "%-I", "Y": "%Y"}
_MYSQL |= {"y": "%y", "m": "%m", "c": "%-m", "d": "%d", "e": "%-d", "f": "%f", "p": "%p", "T": "%H:%M:%S", "%": "%%"}
_MYSQL |= {"M": "%B", "b": "%b", "W": "%A", "a": "%a", "j": "%j", "r": "%I:%M:%S %p"}
_JODA = {"yyyy": "%Y", "yy": "%y", "MM": "%m", "M": "%-m", "dd": "%d", "d": "%-d", "HH": "%H", "H": "%-H", "hh": "%I"}
_JODA |= {"mm": "%M", "ss": "%S", "SSS": "%g", "a": "%p", "EEEE": "%A", "EEE": "%a", "MMMM": "%B", "MMM": "%b"}
_JODA |= {"DDD": "%j", "y": "%Y", "h": "%-I", "m": "%-M", "s": "%-S"}
_PATH = re.compile(r"""\$(\.[A-Za-z_][\w-]*|\[\d+\]|\[\s*(['"])[^'"\\]*\2\s*\])*""")
COMPOUND = frozenset({"avg", "map_agg", "sum", "approx_distinct"})
"""Aggregates that become more than one; FILTER and OVER go to each of them."""


def wrong_argument(name: str, kinds: list[str | None]) -> str | None:
    """What a function's first argument has to be, where it is known to be something else."""
    kind = kinds[0] if kinds else None
    if kind is None or kind.strip('"') == "NULL":
        return None
    plain = kind.partition("(")[0] if not kind.endswith("]") else "LIST"
    if name in _TAKES_TEXT and plain != "VARCHAR":
        return "varchar(x)"
    if name in _TAKES_BINARY and plain != "BLOB":
        return "varbinary"
    if name in _TAKES_NUMBER and plain not in _NUMBERS and plain != "DECIMAL":
        return "double"
    if name in _TAKES_MOMENT and plain not in _MOMENTS:
        return "timestamp"
    if name in _TAKES_TIME and plain not in _MOMENTS - {"DATE"}:
        return "timestamp"
    if name in _TAKES_ARRAY and plain != "LIST":
        return "array(T)"
    if name in ("length", "reverse") and plain not in ("VARCHAR", "BLOB") and (name, plain) != ("reverse", "LIST"):
        return "varchar(x)"
    if name == "cardinality" and plain not in ("LIST", "MAP"):
        return "array(E)"
    return None


def build(name: str, arguments: Arguments, kinds: Kinds) -> exp.Expr:
    """A call of a function whose arguments are translated.

    Raises:
        Refused: it is called in a way that cannot be translated.
    """
    return FUNCTIONS[name](arguments, kinds)


def compound(name: str, arguments: Arguments, kinds: Kinds, wrap: Callable[[exp.Expr], exp.Expr]) -> exp.Expr:
    """A call of an aggregate that becomes more than one.

    Args:
        name: one of ``COMPOUND``.
        arguments: translated.
        kinds: tells types.
        wrap: puts FILTER and OVER around an aggregate.
    """
    first = arguments[0]
    plain = first.this if isinstance(first, exp.Distinct) and not first.expressions else first
    if isinstance(plain, exp.Distinct):
        plain = plain.expressions[0]
    kind = kinds.of(plain)
    if name == "map_agg":
        key, value = arguments
        pair = call("struct_pack", _named("k", key), _named("v", value))
        return call(
            "trino_map_of", wrap(_where(call("list", pair), exp.not_(exp.Is(this=key.copy(), expression=exp.Null()))))
        )
    if name == "approx_distinct":
        # Of few values Trino's is exact, DuckDB's is not.
        return wrap(call("count", exp.Distinct(expressions=[first])))
    parts = decimal_parts(kind) if kind and kind.startswith("DECIMAL") else None
    if name == "avg" and parts:
        total, count = wrap(call("sum", first.copy())), wrap(call("count", first.copy()))
        quotient = call("trino_quotient", call("trino_unscaled", total), count, exp.Literal.number(parts[1]))
        return scaled(quotient, *parts)
    whole = wrap(call(name, first))
    return cast(whole, "FLOAT") if kind == "FLOAT" else whole


def _where(aggregate: exp.Expr, condition: exp.Expr) -> exp.Expr:
    return exp.Filter(this=aggregate, expression=exp.Where(this=condition))


def _named(name: str, value: exp.Expr) -> exp.Expr:
    return exp.PropertyEQ(this=exp.to_identifier(name), expression=value)


def _plain(name: str) -> Build:
    return lambda arguments, _kinds: call(name, *arguments)


def _literal(node: exp.Expr, what: str) -> str:
    if not isinstance(node, exp.Literal) or not node.is_string:
        raise Refused(f"the sandbox translates it with a literal {what} only")
    return str(node.this)


def _json(name: str) -> Build:
    def built(arguments: Arguments, _kinds: Kinds) -> exp.Expr:
        document, path = arguments
        written = _literal(path, "path")
        if not _PATH.fullmatch(written):
            raise Refused(f"the sandbox translates paths of members and elements, not {written!r}")
        # Trino's ['a'] is DuckDB's ."a".
        return call(name, document, exp.Literal.string(re.sub(r"""\[\s*(['"])(.*?)\1\s*\]""", r'."\2"', written)))

    return built


def _json_parse(arguments: Arguments, _kinds: Kinds) -> exp.Expr:
    return call("trino_json_parse", *arguments)


def _format(pattern: str, codes: dict[str, str]) -> str:
    def code(found: re.Match[str]) -> str:
        if found[1] not in codes:
            raise Refused(f"the format {pattern!r} has %{found[1]}, which the sandbox does not translate")
        return codes[found[1]]

    return re.sub(r"%(.)", code, pattern)


def _joda(pattern: str) -> str:
    written = []
    for found in re.finditer(r"'((?:[^']|'')*)'|(([A-Za-z])\3*)|([^A-Za-z'])", pattern):
        quoted, letters, other = found[1], found[2], found[4]
        if letters:
            if letters not in _JODA:
                raise Refused(f"the format {pattern!r} has {letters}, which the sandbox does not translate")
            written.append(_JODA[letters])
        else:
            text = "'" if quoted == "" else (quoted or other or "").replace("''", "'")
            written.append(text.replace("%", "%%"))
    return "".join(written)


def _with_format(name: str, convert: Callable[[str], str]) -> Build:
    def built(arguments: Arguments, _kinds: Kinds) -> exp.Expr:
        value, pattern = arguments
        return call(name, value, exp.Literal.string(convert(_literal(pattern, "format"))))

    return built


def _unit(node: exp.Expr, kind: str | None) -> str:
    unit = _literal(node, "unit").lower()
    if unit not in _UNITS:
        raise Refused(f"{unit!r} is not a unit that the sandbox translates")
    if kind == "DATE" and unit not in _DATE_UNITS:
        raise casts.Invalid(f"INVALID_FUNCTION_ARGUMENT: '{unit}' is not a valid DATE field")
    return unit


def _date_add(arguments: Arguments, kinds: Kinds) -> exp.Expr:
    kind = kinds.of(arguments[2])
    unit, amount, value = _unit(arguments[0], kind), arguments[1], arguments[2]
    number = exp.Cast(this=amount, to=exp.DataType(this=exp.DType.INT)) if unit in _DATE_UNITS else amount
    moved = exp.Add(this=exp.Paren(this=value), expression=call(_UNITS[unit], number))
    # DuckDB makes timestamps of dates it calculates with.
    return cast(moved, "DATE") if kind == "DATE" else exp.Paren(this=moved)


def _date_diff(arguments: Arguments, kinds: Kinds) -> exp.Expr:
    both = [kinds.of(argument) for argument in arguments[1:]]
    unit = _unit(arguments[0], "DATE" if both == ["DATE", "DATE"] else None)
    # DuckDB's date_sub counts whole units, as Trino's date_diff does.
    return call("date_sub", exp.Literal.string(unit), *arguments[1:])


def _date_trunc(arguments: Arguments, kinds: Kinds) -> exp.Expr:
    kind = kinds.of(arguments[1])
    found = call("date_trunc", exp.Literal.string(_unit(arguments[0], kind)), arguments[1])
    return cast(found, "DATE") if kind == "DATE" else found


def _concat(arguments: Arguments, kinds: Kinds) -> exp.Expr:
    joined = arguments[0]
    for argument in arguments[1:]:
        joined = operators.translated(exp.DPipe(this=joined, expression=argument), kinds, tried=False)
    return exp.Paren(this=joined)


def _cardinality(arguments: Arguments, kinds: Kinds) -> exp.Expr:
    return call("len" if element(kinds.of(arguments[0])) else "cardinality", *arguments)


def _by(name: str) -> Build:
    def built(arguments: Arguments, _kinds: Kinds) -> exp.Expr:
        # Trino keeps a row whose value is NULL; with a count DuckDB has no such form.
        return call(f"{name}_null" if len(arguments) == 2 else name, *arguments)

    return built


def _regexp_replace(arguments: Arguments, _kinds: Kinds) -> exp.Expr:
    text, pattern = arguments[:2]
    by = _literal(arguments[2], "replacement") if len(arguments) > 2 else ""
    if "${" in by:
        raise Refused("the sandbox translates groups by number only")
    written = re.sub(r"\\(.)|\$(\d)", lambda found: f"\\{found[2]}" if found[2] else found[1].replace("\\", "\\\\"), by)
    return call("regexp_replace", text, pattern, exp.Literal.string(written), exp.Literal.string("g"))


def _regexp_extract(arguments: Arguments, _kinds: Kinds) -> exp.Expr:
    if len(arguments) == 2:
        return call("trino_regexp_extract", *arguments)
    pattern = arguments[1]
    sure = isinstance(pattern, exp.Literal) and not re.search(r"\)[?*{]|\|", str(pattern.this))
    return call("trino_regexp_extract" if sure else "trino_regexp_extract_group", *arguments)


def _if(arguments: Arguments, _kinds: Kinds) -> exp.Expr:
    condition, then, *otherwise = arguments
    return exp.Case(ifs=[exp.If(this=condition, true=then)], default=otherwise[0] if otherwise else None)


def _date(arguments: Arguments, kinds: Kinds) -> exp.Expr:
    return casts.to(arguments[0], exp.DataType(this=exp.DType.DATE), kinds, tried=False)


def _now(arguments: Arguments, _kinds: Kinds) -> exp.Expr:
    del arguments
    return exp.CurrentTimestamp()


def _element(arguments: Arguments, kinds: Kinds) -> exp.Expr:
    kind = kinds.of(arguments[0])
    if map_parts(kind):
        return exp.Bracket(this=arguments[0], expressions=[arguments[1]], offset=1)
    if element(kind):
        return call("trino_element_at", *arguments)
    raise Refused("the sandbox cannot tell whether it is of an array or of a map")


def _length(arguments: Arguments, kinds: Kinds) -> exp.Expr:
    # Of text Trino counts characters, of binary bytes; DuckDB's length takes no binary.
    return call("octet_length" if kinds.of(arguments[0]) == "BLOB" else "length", *arguments)


def _match(wanted: bool, contained: bool) -> Build:
    def built(arguments: Arguments, _kinds: Kinds) -> exp.Expr:
        found = call("trino_contains", call("list_transform", *arguments), exp.Boolean(this=contained))
        return found if wanted else exp.Paren(this=exp.Not(this=found))

    return built


def _none_if_any(name: str) -> Build:
    def built(arguments: Arguments, _kinds: Kinds) -> exp.Expr:
        missing = exp.or_(*(exp.Is(this=argument.copy(), expression=exp.Null()) for argument in arguments))
        return exp.Case(ifs=[exp.If(this=missing, true=exp.Null())], default=call(name, *arguments))

    return built


def _rounding(name: str) -> Build:
    def built(arguments: Arguments, kinds: Kinds) -> exp.Expr:
        kind = kinds.of(arguments[0])
        if kind in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT") and len(arguments) == 1:
            return exp.Paren(this=arguments[0])
        found = call(name, *arguments)
        if kind and kind.startswith("DECIMAL") and len(arguments) == 2:
            precision, scale = decimal_parts(kind) or (38, 0)
            precision = min(38, precision + (name == "round"))
            return cast(found, f"DECIMAL({precision}, {scale})")
        return cast(found, "FLOAT") if kind == "FLOAT" else found

    return built


def _sign(arguments: Arguments, kinds: Kinds) -> exp.Expr:
    kind = kinds.of(arguments[0])
    if kind is None:
        raise Refused("the sandbox cannot tell its argument's type")
    if kind in ("FLOAT", "DOUBLE"):
        nan = exp.If(this=call("isnan", arguments[0].copy()), true=arguments[0].copy())
        return exp.Case(ifs=[nan], default=cast(call("sign", *arguments), kind))
    return cast(call("sign", *arguments), "DECIMAL(1, 0)" if kind.startswith("DECIMAL") else kind)


def _reverse(arguments: Arguments, kinds: Kinds) -> exp.Expr:
    return call("list_reverse" if element(kinds.of(arguments[0])) else "reverse", *arguments)


def _replace(arguments: Arguments, _kinds: Kinds) -> exp.Expr:
    if len(arguments) == 2:
        return call("replace", *arguments, exp.Literal.string(""))
    if isinstance(arguments[1], exp.Literal) and arguments[1].name:
        return call("replace", *arguments)
    return call("trino_replace", *arguments)


def _substr(arguments: Arguments, _kinds: Kinds) -> exp.Expr:
    return call("trino_substr" if len(arguments) == 2 else "trino_substr_length", *arguments)


def _trim(name: str) -> Build:
    def built(arguments: Arguments, _kinds: Kinds) -> exp.Expr:
        return call(f"trino_{name}" if len(arguments) == 1 else name, *arguments)

    return built


def _array_sort(arguments: Arguments, _kinds: Kinds) -> exp.Expr:
    return call("list_sort", *arguments, exp.Literal.string("ASC"), exp.Literal.string("NULLS LAST"))


def _array_join(arguments: Arguments, kinds: Kinds) -> exp.Expr:
    kind = element(kinds.of(arguments[0]))
    if kind is None:
        raise Refused("the sandbox cannot tell its elements' type")
    values, separator, *by = arguments
    if kind != "VARCHAR" or by:
        written: exp.Expr = casts.written(exp.column("e"), kind)
        if by:
            written = exp.Coalesce(this=written, expressions=[by[0]])
        values = call("list_transform", values, exp.Lambda(this=written, expressions=[exp.to_identifier("e")]))
    joined = call("array_to_string", values.copy(), separator)
    # Of an array with nothing but NULLs DuckDB makes NULL.
    none = exp.Is(this=values, expression=exp.Null())
    return exp.Case(
        ifs=[exp.If(this=none, true=exp.Null())],
        default=exp.Coalesce(this=joined, expressions=[exp.Literal.string("")]),
    )


def _sequence(arguments: Arguments, kinds: Kinds) -> exp.Expr:
    kind = kinds.of(arguments[0])
    if kind in _MOMENTS and (kind != "DATE" or len(arguments) > 2):
        raise Refused("the sandbox translates sequences of numbers, and of days without a step")
    name = (
        "trino_sequence_days" if kind == "DATE" else "trino_sequence_step" if len(arguments) > 2 else "trino_sequence"
    )
    return call(name, *arguments)


def _flatten(arguments: Arguments, _kinds: Kinds) -> exp.Expr:
    return call("flatten", *arguments)


def _concat_ws(arguments: Arguments, kinds: Kinds) -> exp.Expr:
    if len(arguments) == 2 and element(kinds.of(arguments[1])):
        return call("array_to_string", arguments[1], arguments[0])
    return call("concat_ws", *arguments)


FUNCTIONS: dict[str, Build] = {
    **{name: _plain(name) for name in _SAME.split()},
    **{name: _plain(target) for name, target in _RENAMED.items()},
    **{name: _plain(name) for name in COMPOUND},
    "all_match": _match(wanted=False, contained=False),
    "any_match": _match(wanted=True, contained=True),
    "none_match": _match(wanted=False, contained=True),
    "array_join": _array_join,
    "array_sort": _array_sort,
    "cardinality": _cardinality,
    "ceil": _rounding("ceil"),
    "ceiling": _rounding("ceil"),
    "floor": _rounding("floor"),
    "round": _rounding("round"),
    "truncate": _rounding("trunc"),
    "concat": _concat,
    "concat_ws": _concat_ws,
    "date": _date,
    "date_add": _date_add,
    "date_diff": _date_diff,
    "date_format": _with_format("strftime", lambda text: _format(text, _MYSQL)),
    "date_parse": _with_format("trino_parse", lambda text: _format(text, _MYSQL)),
    "date_trunc": _date_trunc,
    "element_at": _element,
    "format_datetime": _with_format("strftime", _joda),
    "greatest": _none_if_any("greatest"),
    "least": _none_if_any("least"),
    "if": _if,
    "json_extract": _json("trino_json_extract"),
    "json_extract_scalar": _json("trino_json_extract_scalar"),
    "json_parse": _json_parse,
    "length": _length,
    "ltrim": _trim("ltrim"),
    "rtrim": _trim("rtrim"),
    "trim": _trim("trim"),
    "max_by": _by("arg_max"),
    "min_by": _by("arg_min"),
    "now": _now,
    "parse_datetime": _with_format("trino_parse_datetime", _joda),
    "regexp_extract": _regexp_extract,
    "regexp_replace": _regexp_replace,
    "replace": _replace,
    "reverse": _reverse,
    "sequence": _sequence,
    "sign": _sign,
    "substr": _substr,
    "substring": _substr,
}
"""Trino's functions and how each is written for DuckDB."""
