"""From Trino's SQL to DuckDB's: one table says what each function becomes; what is not in it is refused by name."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from sqlglot import exp
from sqlglot.errors import SqlglotError

from eda_sandbox.services.athena.errors import NO_FUNCTION, NOT_SUPPORTED, SYNTAX, QueryError, at
from eda_sandbox.services.athena.language import position

MACROS = (Path(__file__).parent / "macros.sql").read_text()
"""DuckDB macros for what it has no equal function for; run once in each connection."""

Arguments = list[exp.Expr]
Build = Callable[[Arguments], exp.Expr]

_SAME = """
abs acos asin atan atan2 cbrt ceil ceiling concat_ws corr cos cosh count cume_dist degrees dense_rank exp first_value
floor from_base64 greatest grouping histogram last_value ln lag lead least log10 log2
lower lpad ltrim map_entries map_keys map_values max min mod nth_value ntile nullif percent_rank pi pow power quarter
radians rank regexp_extract_all replace reverse round row_number rpad rtrim sign sin sinh skewness kurtosis sqrt
starts_with stddev stddev_pop stddev_samp strpos sum tan tanh to_base64 translate try unnest upper url_decode url_encode
uuid var_pop var_samp variance covar_pop covar_samp year month day hour minute second flatten coalesce
"""
_RENAMED = {
    "any_value": "any_value",
    "approx_distinct": "approx_count_distinct",
    "approx_percentile": "approx_quantile",
    "arbitrary": "any_value",
    "array_agg": "list",
    "array_distinct": "list_distinct",
    "array_join": "trino_array_join",
    "array_max": "list_max",
    "array_min": "list_min",
    "array_position": "trino_array_position",
    "array_sort": "list_sort",
    "avg": "avg",
    "bool_and": "bool_and",
    "bool_or": "bool_or",
    "cardinality": "len",
    "chr": "chr",
    "codepoint": "ord",
    "contains": "list_contains",
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
    "from_utf8": "decode",
    "json_array_length": "trino_json_array_length",
    "json_format": "trino_json_format",
    "json_parse": "trino_json_parse",
    "last_day_of_month": "last_day",
    "levenshtein_distance": "levenshtein",
    "map": "map",
    "map_agg": "trino_map_agg",
    "md5": "trino_md5",
    "rand": "random",
    "random": "random",
    "regexp_extract": "trino_regexp_extract",
    "regexp_like": "regexp_matches",
    "regexp_split": "regexp_split_to_array",
    "sequence": "generate_series",
    "sha1": "trino_sha1",
    "sha256": "trino_sha256",
    "slice": "trino_slice",
    "split": "str_split",
    "split_part": "trino_split_part",
    "substr": "substring",
    "substring": "substring",
    "to_hex": "hex",
    "to_iso8601": "trino_to_iso8601",
    "to_unixtime": "epoch",
    "to_utf8": "encode",
    "transform": "list_transform",
    "truncate": "trunc",
    "week": "week",
    "week_of_year": "week",
    "year_of_week": "isoyear",
}
_BINARY = ("to_utf8", "from_hex", "from_base64", "md5", "sha1", "sha256")
_ARITY = {"split": (2, 2), "sequence": (2, 3), "random": (0, 0), "rand": (0, 0), "from_unixtime": (1, 1)}
_ARITY |= {"json_parse": (1, 1), "regexp_extract": (2, 3), "approx_percentile": (2, 2), "array_sort": (1, 1)}
_ARITY |= {"approx_distinct": (1, 1), "array_join": (2, 2), "from_utf8": (1, 1), "round": (1, 2), "concat_ws": (2, 99)}
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
_MYSQL |= {"M": "%B", "b": "%b", "W": "%A", "a": "%a", "j": "%j"}
_JODA = {"yyyy": "%Y", "yy": "%y", "MM": "%m", "M": "%-m", "dd": "%d", "d": "%-d", "HH": "%H", "H": "%-H", "hh": "%I"}
_JODA |= {"mm": "%M", "ss": "%S", "SSS": "%g", "a": "%p", "EEEE": "%A", "EEE": "%a", "MMMM": "%B", "MMM": "%b"}
_JODA |= {"DDD": "%j", "Z": "%z", "y": "%Y"}
_INTEGERS = (exp.DType.TINYINT, exp.DType.SMALLINT, exp.DType.INT, exp.DType.BIGINT)
_TEXTS = (exp.DType.VARCHAR, exp.DType.TEXT, exp.DType.CHAR)
_DECIMAL = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
_DOUBLE = rf"\s*({_DECIMAL}|[+-]?(NaN|Infinity))\s*"
_FORMS = {
    exp.DType.BOOLEAN: "(?i)t|f|1|0|true|false",
    exp.DType.FLOAT: _DOUBLE,
    exp.DType.DOUBLE: _DOUBLE,
    exp.DType.DECIMAL: _DECIMAL,
}
"""Texts that Trino's casts take (Trino's VarcharOperators): DuckDB takes ``yes``, ``inf`` and ``1_000`` too."""
_SYNTAX = (
    exp.And,
    exp.Array,
    exp.Case,
    exp.Cast,
    exp.CurrentDate,
    exp.CurrentTimestamp,
    exp.Exists,
    exp.Extract,
    exp.If,
    exp.Localtimestamp,
    exp.Or,
    exp.StrPosition,
    exp.Substring,
    exp.Trim,
    exp.Unnest,
    exp.Xor,
)


_RAISING = (
    "trino_date_text",
    "trino_from_iso8601_date",
    "trino_from_iso8601_timestamp",
    "trino_from_iso8601_timestamp_nanos",
    "trino_json_parse",
    "trino_parse",
    "trino_parse_datetime",
)


_ZONED = ("from_iso8601_timestamp", "from_iso8601_timestamp_nanos")


class _Refused(Exception):
    pass


def check(tree: exp.Expr) -> None:
    """Check that a query uses only what can be translated.

    Raises:
        QueryError: names what cannot.
    """
    for node in tree.walk():
        match node:
            case exp.Anonymous():
                name = node.name.lower()
                if name not in FUNCTIONS:
                    raise QueryError(
                        f"FUNCTION_NOT_FOUND: {at(position(node))}: Function '{name}' not registered "
                        "(or not one that the sandbox translates)",
                        NO_FUNCTION,
                    )
                low, high = _ARITY.get(name, (0, 99))
                if not low <= len(node.expressions) <= high:
                    raise QueryError(
                        f"FUNCTION_NOT_FOUND: {at(position(node))}: Unexpected parameters "
                        f"({len(node.expressions)}) for function {name}",
                        NO_FUNCTION,
                    )
            case exp.Func() if not isinstance(node, _SYNTAX):
                raise _unsupported(node, type(node).__name__)
            case exp.Table() if not isinstance(node.this, exp.Identifier):
                raise _unsupported(node, f"table function {node.this.sql('trino')[:40]}")
            case exp.IgnoreNulls() | exp.RespectNulls() | exp.Pivot() | exp.MatchRecognize() | exp.Lateral():
                raise _unsupported(node, type(node).__name__)
            case exp.Parameter() | exp.SessionParameter() | exp.Command() | exp.Into():
                raise _unsupported(node, node.sql("trino")[:40])


def to_duckdb(tree: exp.Expr) -> str:
    """A checked query as DuckDB's SQL.

    Raises:
        QueryError: a function is called in a way that cannot be translated.
    """
    copy = tree.copy()
    for moved in [found for found in copy.find_all(exp.Add, exp.Sub, exp.Anonymous) if _gives_date(found)]:
        # DuckDB makes timestamps of dates it calculates with.
        whole = exp.Cast(to=exp.DataType(this=exp.DType.DATE))
        moved.replace(whole)
        whole.set("this", moved)
    _fail_outside_try(copy)
    tried = _in_try(copy)
    for node in list(copy.walk()):
        if isinstance(node, exp.Anonymous) and node.name.lower() in FUNCTIONS:
            _replace(node, tried=id(node) in tried)
        elif isinstance(node, exp.Cast):
            _cast(node)
    try:
        return copy.sql("duckdb", comments=False)
    except SqlglotError as error:
        raise QueryError(f"NOT_SUPPORTED: {error}", NOT_SUPPORTED) from error


def _gives_date(node: exp.Expr) -> bool:
    """Whether a calculation has a date as its result, as far as the query itself shows."""
    match node:
        case exp.Add() | exp.Sub():
            return isinstance(node.expression, exp.Interval) and _is_date(node.this)
        case exp.Anonymous() if node.name.lower() in ("date_add", "date_trunc"):
            return bool(node.expressions) and _is_date(node.expressions[-1])
    return False


def _is_date(node: exp.Expr) -> bool:
    match node.unnest():
        case exp.CurrentDate():
            return True
        case exp.Cast() as cast:
            return cast.to.this is exp.DType.DATE
        case exp.Anonymous() as called if called.name.lower() in ("date", "from_iso8601_date", "last_day_of_month"):
            return True
        case other:
            return _gives_date(other)


def _fail_outside_try(root: exp.Expr) -> None:
    """``try(…)`` catches what is wrong with a value, but not that a time's zone is none that Trino knows.

    Trino's TryFunction names the errors that it takes for NULL; NOT_SUPPORTED is none of them.
    """
    for call in [found for found in root.find_all(exp.Anonymous) if _is_try(found)]:
        if any(isinstance(above, exp.Anonymous) and _is_try(above) for above in _ancestors(call)):
            continue
        times = [found for found in call.find_all(exp.Anonymous) if found.name.lower() in _ZONED]
        if times:
            caught = call.copy()
            unknown = [_call("trino_unknown_zone", _call("try", time.expressions[0].copy())) for time in times]
            complaint = _call("error", exp.Literal.string("NOT_SUPPORTED: Time zone not supported"))
            call.replace(exp.Case(ifs=[exp.If(this=exp.or_(*unknown), true=complaint)], default=caught))


def _is_try(call: exp.Anonymous) -> bool:
    return bool(call.name.lower() == "try")


def _ancestors(node: exp.Expr) -> Iterator[exp.Expr]:
    while node.parent is not None:
        node = node.parent
        yield node


def _in_try(root: exp.Expr) -> set[int]:
    """What lies in ``try(…)``; casts there become casts that give NULL.

    DuckDB's TRY takes nothing that calls ``error``, so what would do so has a form that gives NULL by itself.
    """
    tried = set()
    for call in list(root.find_all(exp.Anonymous)):
        if _is_try(call):
            for node in list(call.walk()):
                if type(node) is exp.Cast:
                    node.replace(exp.TryCast(this=node.this, to=node.to))
            tried |= {id(node) for node in call.walk()}
    return tried


def _replace(node: exp.Anonymous, tried: bool) -> None:
    name = node.name.lower()
    try:
        built = FUNCTIONS[name](list(node.expressions))
    except _Refused as refused:
        raise QueryError(f"NOT_SUPPORTED: {at(position(node))}: {name}: {refused}", NOT_SUPPORTED) from refused
    if tried and isinstance(built, exp.Cast):
        built = exp.TryCast(this=built.this, to=built.to)
    for called in list(built.find_all(exp.Anonymous)) if tried else []:
        if called.name in _RAISING:
            called.set("this", f"{called.name}_or_null")
    if isinstance(built, exp.Anonymous):
        # The node stays, so that what is in it is visited in turn.
        node.set("this", built.this)
        node.set("expressions", built.expressions)
    else:
        node.replace(built)


def _cast(node: exp.Cast) -> None:
    kind, tried = node.to, isinstance(node, exp.TryCast)
    suffix = "_or_null" if tried else ""
    if kind.this in (exp.DType.TIMESTAMP, exp.DType.TIMESTAMPNTZ, exp.DType.DATE) and _is_zoned(node.this):
        # Trino's time keeps its zone, DuckDB's does not: Trino's cast drops the offset and converts nothing.
        text, wall = node.this.expressions[0], _call("trino_wall_clock")
        text.replace(wall)
        wall.set("expressions", [text])
    if kind.this in _INTEGERS:
        target = [] if tried else [exp.Literal.string(kind.sql("trino").lower())]
        node.set("this", _call(f"trino_whole_number{suffix}", node.this, *target))
    elif kind.this in (exp.DType.TIMESTAMP, exp.DType.TIMESTAMPNTZ):
        digits = int(kind.expressions[0].name) if kind.expressions else 3
        checked = _call(f"trino_timestamp_text{suffix}", node.this)
        cast = type(node)(this=checked, to=exp.DataType(this=exp.DType.TIMESTAMP))
        node.replace(_call("date_trunc", exp.Literal.string("millisecond"), cast) if digits <= 3 else cast)
    elif kind.this is exp.DType.DATE:
        node.set("this", _call(f"trino_date_text{suffix}", node.this))
    elif kind.this in _FORMS:
        target = [] if tried else [exp.Literal.string(kind.sql("trino").lower())]
        node.set("this", _call(f"trino_form{suffix}", node.this, exp.Literal.string(_FORMS[kind.this]), *target))
    elif kind.this in _TEXTS:
        node.set("this", _call("trino_varchar", node.this))
    elif kind.this is exp.DType.JSON:
        node.replace(_call("to_json", node.this))
    elif kind.this is exp.DType.TIMESTAMPTZ:
        node.set("to", exp.DataType(this=exp.DType.TIMESTAMPTZ))


def _is_zoned(node: exp.Expr) -> bool:
    return isinstance(node, exp.Anonymous) and node.name.lower() in _ZONED


def _call(name: str, *arguments: exp.Expr) -> exp.Anonymous:
    return exp.Anonymous(this=name, expressions=list(arguments))


def _plain(name: str) -> Build:
    return lambda arguments: _call(name, *arguments)


def _literal(node: exp.Expr, what: str) -> str:
    if not isinstance(node, exp.Literal) or not node.is_string:
        raise _Refused(f"the sandbox translates it with a literal {what} only")
    return str(node.this)


def _json(name: str) -> Build:
    def build(arguments: Arguments) -> exp.Expr:
        document, path = arguments
        # Trino's ['a'] is DuckDB's ."a".
        written = re.sub(r"""\[\s*(['"])(.*?)\1\s*\]""", r'."\2"', _literal(path, "path"))
        return _call(name, document, exp.Literal.string(written))

    return build


def _format(pattern: str, codes: dict[str, str]) -> str:
    def code(found: re.Match[str]) -> str:
        if found[1] not in codes:
            raise _Refused(f"the format {pattern!r} has %{found[1]}, which the sandbox does not translate")
        return codes[found[1]]

    return re.sub(r"%(.)", code, pattern)


def _joda(pattern: str) -> str:
    written = []
    for found in re.finditer(r"'((?:[^']|'')*)'|(([A-Za-z])\3*)|([^A-Za-z'])", pattern):
        quoted, letters, other = found[1], found[2], found[4]
        if letters:
            if letters not in _JODA:
                raise _Refused(f"the format {pattern!r} has {letters}, which the sandbox does not translate")
            written.append(_JODA[letters])
        else:
            written.append((quoted or other or "").replace("%", "%%"))
    return "".join(written)


def _with_format(name: str, convert: Callable[[str], str]) -> Build:
    def build(arguments: Arguments) -> exp.Expr:
        value, pattern = arguments
        return _call(name, value, exp.Literal.string(convert(_literal(pattern, "format"))))

    return build


def _unit(node: exp.Expr) -> str:
    unit = _literal(node, "unit").lower()
    if unit not in _UNITS:
        raise _Refused(f"{unit!r} is not a unit that the sandbox translates")
    return unit


def _date_add(arguments: Arguments) -> exp.Expr:
    unit, amount, value = _unit(arguments[0]), arguments[1], arguments[2]
    number = exp.Cast(this=amount, to=exp.DataType(this=exp.DType.INT)) if unit in _DATE_UNITS else amount
    return exp.Add(this=exp.Paren(this=value), expression=_call(_UNITS[unit], number))


def _date_diff(arguments: Arguments) -> exp.Expr:
    # DuckDB's date_sub counts whole units, as Trino's date_diff does.
    return _call("date_sub", exp.Literal.string(_unit(arguments[0])), *arguments[1:])


def _concat(arguments: Arguments) -> exp.Expr:
    joined = arguments[0]
    for argument in arguments[1:]:
        joined = exp.DPipe(this=joined, expression=argument)
    return exp.Paren(this=joined)


def _by(name: str) -> Build:
    def build(arguments: Arguments) -> exp.Expr:
        # Trino keeps a row whose value is NULL; with a count DuckDB has no such form.
        return _call(f"{name}_null" if len(arguments) == 2 else name, *arguments)

    return build


def _regexp_replace(arguments: Arguments) -> exp.Expr:
    text, pattern = arguments[:2]
    by = _literal(arguments[2], "replacement") if len(arguments) > 2 else ""
    return _call(
        "regexp_replace",
        text,
        pattern,
        exp.Literal.string(re.sub(r"\$(\d)", r"\\\1", by)),
        exp.Literal.string("g"),
    )


def _if(arguments: Arguments) -> exp.Expr:
    condition, then, *otherwise = arguments
    return exp.Case(ifs=[exp.If(this=condition, true=then)], default=otherwise[0] if otherwise else None)


def _date(arguments: Arguments) -> exp.Expr:
    return exp.Cast(this=_call("trino_date_text", *arguments), to=exp.DataType(this=exp.DType.DATE))


def _now(arguments: Arguments) -> exp.Expr:
    del arguments
    return exp.CurrentTimestamp()


def _element(arguments: Arguments) -> exp.Expr:
    return exp.Bracket(this=arguments[0], expressions=[arguments[1]], offset=1, safe=True)


def _length(arguments: Arguments) -> exp.Expr:
    # Of text Trino counts characters, of binary bytes; DuckDB's length takes no binary.
    binary = isinstance(arguments[0], exp.Anonymous) and arguments[0].name.lower() in _BINARY
    return _call("octet_length" if binary else "length", *arguments)


def _match(all_of: bool, wanted: bool) -> Build:
    def build(arguments: Arguments) -> exp.Expr:
        found = _call(
            "list_contains",
            _call("list_transform", *arguments),
            exp.Boolean(this=not all_of),
        )
        return found if wanted else exp.Not(this=found)

    return build


FUNCTIONS: dict[str, Build] = {
    **{name: _plain(name) for name in _SAME.split()},
    **{name: _plain(target) for name, target in _RENAMED.items()},
    "all_match": _match(all_of=True, wanted=False),
    "any_match": _match(all_of=False, wanted=True),
    "none_match": _match(all_of=False, wanted=False),
    "concat": _concat,
    "date": _date,
    "date_add": _date_add,
    "date_diff": _date_diff,
    "date_format": _with_format("strftime", lambda text: _format(text, _MYSQL)),
    "date_parse": _with_format("trino_parse", lambda text: _format(text, _MYSQL)),
    "date_trunc": lambda arguments: _call("date_trunc", exp.Literal.string(_unit(arguments[0])), arguments[1]),
    "element_at": _element,
    "format_datetime": _with_format("strftime", _joda),
    "if": _if,
    "json_extract": _json("trino_json_extract"),
    "json_extract_scalar": _json("trino_json_extract_scalar"),
    "length": _length,
    "max_by": _by("arg_max"),
    "min_by": _by("arg_min"),
    "now": _now,
    "parse_datetime": _with_format("trino_parse_datetime", _joda),
    "regexp_replace": _regexp_replace,
}
"""Trino's functions and how each is written for DuckDB."""


def _unsupported(node: exp.Expr, what: str) -> QueryError:
    return QueryError(f"NOT_SUPPORTED: {at(position(node))}: the sandbox does not translate {what}", NOT_SUPPORTED)


def unknown_column(tree: exp.Expr, name: str) -> QueryError:
    """The error for a column that does not exist, with its place in the query."""
    found = next((node for node in tree.find_all(exp.Column) if name.lower() in node.sql().lower()), None)
    where = at(position(found)) if found is not None else at(None)
    return QueryError(
        f"COLUMN_NOT_FOUND: {where}: Column '{name}' cannot be resolved or requester is not authorized to access "
        "requested resources",
        SYNTAX,
    )
