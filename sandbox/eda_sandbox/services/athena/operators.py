"""Trino's operators: which types they take, and what they become in DuckDB's SQL."""

from sqlglot import exp

from eda_sandbox.foundation.sql_kinds import Kinds, decimal_parts, element, fields, map_parts
from eda_sandbox.services.athena.casts import Invalid, Refused, call, cast, scaled
from eda_sandbox.services.athena.types import to_athena

_COMPARISONS: dict[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.NullSafeEQ: "IS NOT DISTINCT FROM",
    exp.NullSafeNEQ: "IS DISTINCT FROM",
}
_ARITHMETIC: dict[type[exp.Expr], str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%"}
_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_FIELDS = {"DOW": "isodow", "DAY_OF_WEEK": "isodow", "DOY": "doy", "DAY_OF_YEAR": "doy", "YOW": "isoyear"}
_FIELDS |= {"YEAR_OF_WEEK": "isoyear", "DAY_OF_MONTH": "day", "WEEK": "week", "QUARTER": "quarter"}
_FIELDS |= {name: name.lower() for name in ("YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND")}
_CLOCK = ("HOUR", "MINUTE", "SECOND")


def translated(node: exp.Expr, kinds: Kinds, tried: bool) -> exp.Expr:
    """An operator whose operands are translated; ``tried`` gives NULL where it would fail.

    Raises:
        Invalid: Trino has no such operator for the types.
        Refused: the sandbox does not translate it.
    """
    suffix = "_or_null" if tried else ""
    if type(node) in _COMPARISONS:
        _same(node.this, node.expression, _COMPARISONS[type(node)], kinds)
    elif type(node) in _ARITHMETIC:
        return _arithmetic(node, kinds, suffix)
    elif isinstance(node, exp.DPipe):
        return _joined(node, kinds)
    match node:
        case exp.And() | exp.Or():
            for side in (node.this, node.expression):
                _truth(side, kinds, "AND" if isinstance(node, exp.And) else "OR")
        case exp.Not() | exp.Where() | exp.Having():
            _truth(node.this, kinds, type(node).__name__.upper())
        case exp.In():
            for item in node.expressions:
                _same(node.this, item, "IN", kinds)
        case exp.Between():
            for bound in (node.args["low"], node.args["high"]):
                _same(node.this, bound, "BETWEEN", kinds)
        case exp.Like():
            for side in (node.this, node.expression):
                if not isinstance(side, exp.Escape) and family(kinds.of(side)) not in (None, "text"):
                    raise Invalid(
                        "TYPE_MISMATCH: Left side of LIKE expression must evaluate to a varchar "
                        f"(actual: {_shown(side, kinds)})"
                    )
        case exp.Case():
            _alike([branch.args["true"] for branch in node.args["ifs"]] + [node.args.get("default")], "CASE", kinds)
            for branch in node.args["ifs"]:
                if node.this is None:
                    _truth(branch.this, kinds, "CASE WHEN")
                else:
                    _same(node.this, branch.this, "=", kinds)
        case exp.If() if not isinstance(node.parent, exp.Case):
            _truth(node.this, kinds, "IF")
            _alike([node.args["true"], node.args.get("false")], "IF", kinds)
        case exp.Bracket():
            return _subscript(node, kinds, suffix)
        case exp.Extract():
            return _field(node, kinds)
        case exp.AtTimeZone():
            if kinds.of(node.this) == "TIMESTAMP":
                # A time without a zone is of the session's, UTC; DuckDB takes it for one of the zone that is named.
                utc = exp.AtTimeZone(this=node.this.copy(), zone=exp.Literal.string("UTC"))
                return exp.Paren(this=exp.AtTimeZone(this=exp.Paren(this=utc), zone=node.args["zone"].copy()))
            if kinds.of(node.this) not in (None, "TIMESTAMP WITH TIME ZONE"):
                raise Invalid(
                    f"TYPE_MISMATCH: Type of value must be a time or timestamp (actual {_shown(node.this, kinds)})"
                )
        case exp.Unnest() if isinstance(node.parent, exp.From | exp.Join):
            return _rows(node, kinds)
        case exp.Trim():
            if node.expression is None:
                position = str(node.args.get("position") or "BOTH").upper()
                name = {"LEADING": "trino_ltrim", "TRAILING": "trino_rtrim"}.get(position, "trino_trim")
                return call(name, node.this)
        case exp.Substring():
            given = [node.this, node.args.get("start"), node.args.get("length")]
            arguments = [argument for argument in given if argument is not None]
            return call("trino_substr" if len(arguments) == 2 else "trino_substr_length", *arguments)
        case exp.Literal() if not node.is_string and "." not in node.name and node.name.isdecimal():
            if int(node.name) >= 2**63:
                raise Invalid(f"line 1:1: Invalid numeric literal: {node.name}")
    return node


def family(kind: str | None) -> str | None:
    """Which types are compared with each other; None where that is not known."""
    if kind is None or kind.strip('"') == "NULL":
        return None
    if kind.endswith("]"):
        return "array"
    plain = kind.partition("(")[0]
    if plain == "VARCHAR":
        return "text"
    if plain in (*_INTEGERS, "FLOAT", "DOUBLE", "DECIMAL"):
        return "number"
    if plain in ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"):
        return "moment"
    return {"BOOLEAN": "boolean", "BLOB": "varbinary", "MAP": "map", "INTERVAL": "interval", "JSON": "json"}.get(plain)


def shown(kind: str | None) -> str:
    """A type as Trino's messages name it."""
    return to_athena(kind or "unknown")


def _shown(node: exp.Expr, kinds: Kinds) -> str:
    return shown(kinds.of(node))


def _same(left: exp.Expr, right: exp.Expr, operator: str, kinds: Kinds) -> None:
    if isinstance(left, exp.Tuple) or isinstance(right, exp.Tuple):
        return
    families = family(kinds.of(left)), family(kinds.of(right))
    if None not in families and families[0] != families[1]:
        raise Invalid(f"TYPE_MISMATCH: Cannot apply operator: {_shown(left, kinds)} {operator} {_shown(right, kinds)}")


def alike(values: list[exp.Expr | None], what: str, kinds: Kinds) -> None:
    """Check that values are of types that have one in common.

    Raises:
        Invalid: they have none.
    """
    _alike(values, what, kinds)


def _alike(values: list[exp.Expr | None], what: str, kinds: Kinds) -> None:
    found = {family(kinds.of(value)): value for value in values if value is not None}
    found.pop(None, None)
    if len(found) > 1:
        shown = ", ".join(_shown(value, kinds) for value in found.values())
        raise Invalid(f"TYPE_MISMATCH: All {what} results must be the same type or coercible to a common type: {shown}")


def _truth(node: exp.Expr, kinds: Kinds, what: str) -> None:
    if family(kinds.of(node)) not in (None, "boolean"):
        raise Invalid(f"TYPE_MISMATCH: {what} must evaluate to a boolean (actual: {_shown(node, kinds)})")


def _arithmetic(node: exp.Expr, kinds: Kinds, suffix: str) -> exp.Expr:
    left, right = node.this, node.expression
    kind = kinds.of(left), kinds.of(right)
    families = family(kind[0]), family(kind[1])
    allowed = {("number", "number")}
    if isinstance(node, exp.Add):
        allowed |= {("moment", "interval"), ("interval", "moment"), ("interval", "interval")}
    elif isinstance(node, exp.Sub):
        allowed |= {("moment", "interval"), ("moment", "moment"), ("interval", "interval")}
    elif isinstance(node, exp.Mul):
        allowed |= {("interval", "number"), ("number", "interval")}
    elif isinstance(node, exp.Div):
        allowed |= {("interval", "number")}
    if None not in families and families not in allowed:
        operator = _ARITHMETIC[type(node)]
        raise Invalid(f"TYPE_MISMATCH: Cannot apply operator: {_shown(left, kinds)} {operator} {_shown(right, kinds)}")
    if "DATE" in kind and "INTERVAL" in kind:
        # DuckDB makes timestamps of dates it calculates with.
        if _is_clock(left) or _is_clock(right):
            raise Invalid("INVALID_FUNCTION_ARGUMENT: Cannot add hour, minutes or seconds to a date")
        return exp.Paren(this=cast(node.copy(), "DATE")) if node.parent is None else cast(node.copy(), "DATE")
    if isinstance(node, exp.Sub) and kind == ("DATE", "DATE"):
        return call("to_days", cast(node.copy(), "INTEGER"))
    if isinstance(node, exp.Div):
        return _divided(node, kind, families, suffix)
    return node


def _is_clock(node: exp.Expr) -> bool:
    intervals = list(node.find_all(exp.Interval))
    return any(str(interval.unit).upper() in _CLOCK for interval in intervals)


def _divided(
    node: exp.Expr, kind: tuple[str | None, str | None], families: tuple[str | None, str | None], suffix: str
) -> exp.Expr:
    left, right = exp.Paren(this=node.this), exp.Paren(this=node.expression)
    if families == ("interval", "number"):
        raise Refused("the sandbox does not divide intervals")
    if None in kind:
        return call(f"trino_divide_untyped{suffix}", left, right)
    if kind[0] in _INTEGERS and kind[1] in _INTEGERS:
        return node
    first, second = decimal_parts(kind[0]), decimal_parts(kind[1])
    if first is None or second is None:
        single = "FLOAT" if set(kind) <= {"FLOAT"} else None
        double = "FLOAT" if single else "DOUBLE"
        divided = call("trino_divide", cast(left, double), cast(right, double))
        return cast(divided, single) if single else divided
    (precision, scale), (_, others_scale) = first, second
    result = max(scale, others_scale)
    size = min(38, precision + others_scale + max(0, others_scale - scale))
    up = result + others_scale - scale
    unscaled: exp.Expr = call("trino_unscaled", left)
    if up:
        unscaled = exp.Mul(this=unscaled, expression=cast(exp.Literal.string("1" + "0" * up), "HUGEINT"))
    quotient = call(f"trino_quotient{suffix}", unscaled, call("trino_unscaled", right), exp.Literal.number(result))
    return scaled(quotient, size, result)


def _joined(node: exp.Expr, kinds: Kinds) -> exp.Expr:
    kind = kinds.of(node.this), kinds.of(node.expression)
    families = family(kind[0]), family(kind[1])
    if "array" in families:
        element_of = element(kind[0]) or element(kind[1])
        for place, side in enumerate((node.this, node.expression)):
            if families[place] not in ("array", None):
                if family(element_of) not in (None, families[place]):
                    raise Invalid(
                        f"TYPE_MISMATCH: Unexpected parameters ({_shown(node.this, kinds)}, "
                        f"{_shown(node.expression, kinds)}) for function concat"
                    )
                side.replace(exp.Array(expressions=[side.copy()]))
        return node
    if None not in families and (families[0] != families[1] or families[0] not in ("text", "varbinary")):
        shown = f"{_shown(node.this, kinds)}, {_shown(node.expression, kinds)}"
        raise Invalid(f"TYPE_MISMATCH: Unexpected parameters ({shown}) for function concat")
    return node


def _rows(node: exp.Unnest, kinds: Kinds) -> exp.Expr:
    """UNNEST of maps, of rows and of several arrays: DuckDB's in FROM takes one array of plain values."""
    lists: list[exp.Expr] = []
    columns: list[exp.Expr] = []
    plain = len(node.expressions) == 1
    for given in node.expressions:
        kind = kinds.of(given)
        if kind is None:
            if len(node.expressions) > 1:
                raise Refused("the sandbox cannot tell what UNNEST is of")
            return node
        made = [call("map_keys", given.copy()), call("map_values", given.copy())] if map_parts(kind) else [given.copy()]
        plain = plain and len(made) == 1 and not fields(element(kind))
        for values in made:
            name = f"e{len(lists)}"
            lists.append(values)
            row = fields(element(kind)) if len(made) == 1 else None
            whole = exp.column(name, table="unnested")
            columns += (
                [call("struct_extract", whole.copy(), exp.Literal.string(one)) for one in row] if row else [whole]
            )
    if plain:
        return node
    alias, offset = node.args.get("alias"), node.args.get("offset")
    named = [exp.alias_(call("unnest", values), f"e{place}") for place, values in enumerate(lists)]
    if offset:
        size = call("greatest", *(call("len", values.copy()) for values in lists))
        named.append(exp.alias_(call("unnest", call("generate_series", exp.Literal.number(1), size)), "n"))
        columns.append(exp.column("n", table="unnested"))
    inner = exp.select(*named).subquery("unnested")
    names = [*(alias.columns if alias else []), *([offset.copy()] if isinstance(offset, exp.Identifier) else [])]
    if len(names) < len(columns):
        names += [exp.to_identifier(f"_col{place}") for place in range(len(names), len(columns))]
    made_alias = exp.TableAlias(
        this=alias.this if alias and alias.this else exp.to_identifier("_unnest"), columns=names
    )
    return exp.Lateral(this=exp.Subquery(this=exp.select(*columns).from_(inner)), alias=made_alias)


def _subscript(node: exp.Bracket, kinds: Kinds, suffix: str) -> exp.Expr:
    kind = kinds.of(node.this)
    index = node.expressions[0]
    if map_parts(kind):
        return call(f"trino_map_subscript{suffix}", node.this, index)
    if element(kind):
        if family(kinds.of(index)) not in (None, "number"):
            raise Invalid(
                f"TYPE_MISMATCH: Cannot use {_shown(index, kinds)} for subscript of {_shown(node.this, kinds)}"
            )
        return call(f"trino_subscript{suffix}", node.this, index)
    if kind is not None and kind.startswith("STRUCT("):
        return call("struct_extract_at", node.this, index)
    raise Refused("the sandbox cannot tell whether a subscript is of an array or of a map")


def _field(node: exp.Extract, kinds: Kinds) -> exp.Expr:
    name = node.name.upper()
    kind = kinds.of(node.expression)
    if name not in _FIELDS:
        if name.startswith("TIMEZONE_"):
            raise Refused(f"the sandbox does not extract {name}")
        raise Invalid(f"line 1:1: Invalid EXTRACT field: {name}")
    if family(kind) not in (None, "moment", "interval"):
        raise Invalid(
            "TYPE_MISMATCH: Type of argument to EXTRACT must be DATE, TIME, TIMESTAMP, or INTERVAL "
            f"(actual {_shown(node.expression, kinds)})"
        )
    if name in _CLOCK and kind == "DATE":
        raise Invalid(f"TYPE_MISMATCH: Cannot extract {name} from date")
    return call("date_part", exp.Literal.string(_FIELDS[name]), node.expression)
