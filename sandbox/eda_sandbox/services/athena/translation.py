"""From Trino's SQL to DuckDB's: what is not offered is refused by name."""

from collections.abc import Callable, Iterator

import duckdb
from sqlglot import exp
from sqlglot.errors import SqlglotError

from eda_sandbox.foundation.sql_kinds import Columns, Kinds
from eda_sandbox.services.athena import casts, functions, operators
from eda_sandbox.services.athena.casts import Invalid, Refused, call
from eda_sandbox.services.athena.errors import NO_FUNCTION, NOT_SUPPORTED, SYNTAX, QueryError, at
from eda_sandbox.services.athena.functions import ARITY, COMPOUND, FUNCTIONS
from eda_sandbox.services.athena.language import position
from eda_sandbox.services.athena.macros import LENIENT, Macros, is_raising

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
    exp.ParseJSON,
    exp.StrPosition,
    exp.Substring,
    exp.Trim,
    exp.Unnest,
)
_ZONED = ("from_iso8601_timestamp", "from_iso8601_timestamp_nanos")
_SHOWS_NO_ORDER = ("json_array_length", "json_extract", "json_extract_scalar")
"""Functions of a JSON document for which the order of its members does not matter, and need not be made."""


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
                low, high = ARITY.get(name, (0, 99))
                if not low <= len(node.expressions) <= high:
                    raise QueryError(
                        f"FUNCTION_NOT_FOUND: {at(position(node))}: Unexpected parameters "
                        f"({len(node.expressions)}) for function {name} "
                        "(or a form that the sandbox does not translate)",
                        NO_FUNCTION,
                    )
            case exp.Func() if not isinstance(node, _SYNTAX):
                raise _unsupported(node, type(node).__name__)
            case exp.Table() if not isinstance(node.this, exp.Identifier):
                raise _unsupported(node, f"table function {node.this.sql('trino')[:40]}")
            case exp.IgnoreNulls() | exp.RespectNulls() | exp.Pivot() | exp.MatchRecognize() | exp.Lateral():
                raise _unsupported(node, type(node).__name__)
            case exp.WithinGroup() | exp.TableSample():
                raise _unsupported(node, type(node).__name__)
            case exp.Parameter() | exp.SessionParameter() | exp.Command() | exp.Into():
                raise _unsupported(node, node.sql("trino")[:40])
            case exp.Tuple() if isinstance(node.parent, exp.Alias | exp.Select):
                raise _unsupported(node, "a row as a value")


def to_duckdb(
    tree: exp.Expr,
    connection: duckdb.DuckDBPyConnection,
    columns_of: Callable[[exp.Table], Columns | None],
    macros: Macros,
) -> str:
    """A checked query as DuckDB's SQL; the macros that it names are made.

    Args:
        tree: the query.
        connection: where it will run; its tables and views exist.
        columns_of: the columns of a table that is named in FROM.
        macros: the connection's.

    Raises:
        QueryError: something cannot be translated, or its types are not those that Trino takes.
    """
    copy = tree.copy()
    _fail_outside_try(copy)
    tried = _in_try(copy)
    Kinds(
        connection, columns_of, lambda node, kinds: _translated(node, kinds, id(node) in tried), macros.provide
    ).query(copy)
    try:
        sql = copy.sql("duckdb", comments=False)
    except SqlglotError as error:
        raise QueryError(f"NOT_SUPPORTED: {error}", NOT_SUPPORTED) from error
    macros.provide(sql)
    return str(sql)


def _translated(node: exp.Expr, kinds: Kinds, tried: bool) -> exp.Expr:
    try:
        match node:
            case exp.Anonymous():
                return _function(node, kinds, tried)
            case exp.Window() | exp.Filter():
                return _wrapped(node, kinds)
            case exp.Cast():
                return _cast(node, kinds)
            case exp.ParseJSON():
                return call("trino_json_parse", node.this)
            case exp.Alias() if isinstance(node.parent, exp.Select):
                _show(node, kinds)
                return node
            case _:
                return operators.translated(node, kinds, tried)
    except Refused as refused:
        raise QueryError(f"NOT_SUPPORTED: {at(position(node))}: {_named(node)}: {refused}", NOT_SUPPORTED) from refused
    except Invalid as invalid:
        code, _, message = str(invalid).partition(": ")
        if not code.isupper():
            raise QueryError(f"SYNTAX_ERROR: {invalid}", SYNTAX) from invalid
        where = "" if message.startswith("line ") or code == "INVALID_FUNCTION_ARGUMENT" else f"{at(position(node))}: "
        raise QueryError(f"{code}: {where}{message}", SYNTAX) from invalid


def _named(node: exp.Expr) -> str:
    return str(node.name).lower() if isinstance(node, exp.Anonymous) else str(node.sql("trino")[:40])


def _function(node: exp.Anonymous, kinds: Kinds, tried: bool) -> exp.Expr:
    name = node.name.lower()
    if name not in FUNCTIONS:
        # Made by a rule already.
        return node
    arguments = list(node.expressions)
    of = [
        kinds.of(argument)
        for argument in arguments[:1]
        if not isinstance(argument, exp.Lambda | exp.Star | exp.Distinct)
    ]
    if wanted := functions.wrong_argument(name, of):
        raise Invalid(
            f"TYPE_MISMATCH: Unexpected parameters ({operators.shown(of[0])}) for function {name}. "
            f"Expected: {name}({wanted})"
        )
    if name in ("coalesce", "greatest", "least", "nullif"):
        operators.alike(list(arguments), name, kinds)
    elif name == "if":
        operators.alike(list(arguments[1:]), "IF", kinds)
    if name in COMPOUND:
        if isinstance(node.parent, exp.Window | exp.Filter) and node.arg_key == "this":
            return node
        return functions.compound(name, arguments, kinds, lambda aggregate: aggregate)
    if name in _SHOWS_NO_ORDER:
        _without_order(arguments[0])
    built = functions.build(name, arguments, kinds)
    return _lenient(built) if tried else built


def _without_order(document: exp.Expr) -> None:
    if isinstance(document, exp.Anonymous) and document.name.startswith("trino_json_parse"):
        document.set("this", document.name.replace("trino_json_parse", "trino_json_checked"))


def _lenient(built: exp.Expr) -> exp.Expr:
    if type(built) is exp.Cast:
        built = exp.TryCast(this=built.this, to=built.to)
    for called in list(built.find_all(exp.Anonymous)):
        if is_raising(called.name):
            called.set("this", called.name + LENIENT)
    return built


def _wrapped(node: exp.Expr, kinds: Kinds) -> exp.Expr:
    """FILTER and OVER of an aggregate that becomes more than one."""
    if isinstance(node.parent, exp.Window | exp.Filter) and node.arg_key == "this":
        return node
    inner = node
    while isinstance(inner, exp.Window | exp.Filter):
        inner = inner.this
    if not isinstance(inner, exp.Anonymous) or inner.name.lower() not in COMPOUND:
        return node

    def wrap(aggregate: exp.Expr) -> exp.Expr:
        outer = node.copy()
        place = outer
        while isinstance(place.this, exp.Window | exp.Filter):
            place = place.this
        if isinstance(aggregate, exp.Filter) and isinstance(place, exp.Filter):
            both = exp.and_(place.expression.this.copy(), aggregate.expression.this.copy())
            place.set("expression", exp.Where(this=both))
            aggregate = aggregate.this
        place.set("this", aggregate.copy())
        return outer

    return functions.compound(inner.name.lower(), [argument.copy() for argument in inner.expressions], kinds, wrap)


def _cast(node: exp.Cast, kinds: Kinds) -> exp.Expr:
    if node.to.this is exp.DType.USERDEFINED:
        # Made by a rule already.
        return node
    value = node.this
    if node.to.this in (exp.DType.TIMESTAMP, exp.DType.TIMESTAMPNTZ, exp.DType.DATE) and _is_zoned(value):
        # Trino's time keeps its zone, DuckDB's does not: Trino's cast drops the offset and converts nothing.
        text, wall = value.expressions[0], call("trino_wall_clock")
        text.replace(wall)
        wall.set("expressions", [text])
    _without_order(value)
    return casts.to(value.copy(), node.to.copy(), kinds, isinstance(node, exp.TryCast))


def _is_zoned(node: exp.Expr) -> bool:
    name = node.name.removeprefix("trino_").removesuffix(LENIENT) if isinstance(node, exp.Anonymous) else ""
    return name in _ZONED


def _show(node: exp.Alias, kinds: Kinds) -> None:
    """Check a result's column: what is printed otherwise than on Athena is refused."""
    months = [found for found in node.find_all(exp.Interval) if str(found.unit).upper() in ("YEAR", "MONTH")]
    if months and kinds.of(node.this) == "INTERVAL":
        raise Refused("the sandbox shows no intervals of years and months")


def _fail_outside_try(root: exp.Expr) -> None:
    """``try(…)`` catches what is wrong with a value, but not that a time's zone is none that Trino knows.

    Trino's TryFunction names the errors that it takes for NULL; NOT_SUPPORTED is none of them.
    """
    for called in [found for found in root.find_all(exp.Anonymous) if _is_try(found)]:
        if any(isinstance(above, exp.Anonymous) and _is_try(above) for above in _ancestors(called)):
            continue
        times = [found for found in called.find_all(exp.Anonymous) if found.name.lower() in _ZONED]
        if times:
            caught = called.copy()
            unknown = [call("trino_unknown_zone", call("try", time.expressions[0].copy())) for time in times]
            complaint = call("error", exp.Literal.string("NOT_SUPPORTED: Time zone not supported"))
            called.replace(exp.Case(ifs=[exp.If(this=exp.or_(*unknown), true=complaint)], default=caught))


def _is_try(called: exp.Anonymous) -> bool:
    return bool(called.name.lower() == "try")


def _ancestors(node: exp.Expr) -> Iterator[exp.Expr]:
    while node.parent is not None:
        node = node.parent
        yield node


def _in_try(root: exp.Expr) -> set[int]:
    """What lies in ``try(…)``; casts there become casts that give NULL.

    DuckDB's TRY takes nothing that calls ``error``, so what would do so has a form that gives NULL by itself.
    """
    tried = set()
    for called in list(root.find_all(exp.Anonymous)):
        if _is_try(called):
            for node in list(called.walk()):
                if type(node) is exp.Cast:
                    node.replace(exp.TryCast(this=node.this, to=node.to))
            tried |= {id(node) for node in called.walk()}
    return tried


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
