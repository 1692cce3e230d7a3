"""Redshift's SQL in DuckDB's: operators, casts and functions by the types they are of."""

import re
from collections.abc import Iterable
from typing import ClassVar

from sqlglot import exp, parse_one
from sqlglot.dialects.redshift import Redshift
from sqlglot.parsers.redshift import RedshiftParser
from sqlglot.tokenizer_core import TokenType

from eda_sandbox.foundation.sql_kinds import Columns, Kinds, decimal_parts
from eda_sandbox.services.redshift.sql import functions
from eda_sandbox.services.redshift.sql.catalog import quoted
from eda_sandbox.services.redshift.sql.errors import SqlError
from eda_sandbox.services.redshift.sql.functions import ARITY, COMPOUND, FUNCTIONS, call, cast, refused, scaled
from eda_sandbox.services.redshift.sql.language import Tokens
from eda_sandbox.services.redshift.sql.session import Session
from eda_sandbox.services.redshift.sql.types import from_definition

VERSION = (
    "PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC gcc (GCC) 3.4.2 20041017 (Red Hat 3.4.2-6.fc3), "
    "Redshift 1.0.126409"
)
_FORMS = ("CAST", "CONVERT", "EXTRACT", "POSITION", "SUBSTRING", "TRIM", "TRY_CAST")
_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE)
_SYNTAX = (
    exp.And,
    exp.ApproxDistinct,
    exp.Case,
    exp.Cast,
    exp.Count,
    exp.CurrentDate,
    exp.CurrentTimestamp,
    exp.CurrentSchema,
    exp.CurrentUser,
    exp.CurrentUserId,
    exp.Exists,
    exp.Extract,
    exp.If,
    exp.Or,
    exp.RegexpLike,
    exp.RegexpILike,
    exp.SessionUser,
    exp.StrPosition,
    exp.Substring,
    exp.Trim,
    exp.Values,
)
_OF_SESSION = ("current_database", "current_schema", "current_user_id", "pg_backend_pid", "pg_last_query_id", "version")


class RedshiftSql(Redshift):
    """Redshift's SQL with the functions left as they are called, so that one table decides what each becomes."""

    class Tokenizer(Redshift.Tokenizer):
        """FLOAT is of eight bytes, REAL of four."""

        KEYWORDS: ClassVar[dict[str, TokenType]] = {**Redshift.Tokenizer.KEYWORDS, "FLOAT": TokenType.DOUBLE}

    class Parser(RedshiftParser):
        """Only what has a syntax of its own is parsed as such."""

        # APPROXIMATE stands before this one alone.
        FUNCTIONS: ClassVar = {"COUNT": RedshiftParser.FUNCTIONS["COUNT"]}
        FUNCTION_PARSERS: ClassVar = {
            name: parser for name, parser in RedshiftParser.FUNCTION_PARSERS.items() if name in _FORMS
        }


def read(statement: Tokens, text: str) -> exp.Expr:
    """Parse a statement.

    Args:
        statement: its tokens.
        text: it, without what only tunes.

    Raises:
        SqlError: it has words of other dialects, or a form that is not offered.
    """
    if statement.starts_with("MERGE") and statement.items[-1].text.upper() == "DUPLICATES":
        raise refused("MERGE with REMOVE DUPLICATES")
    for place, token in enumerate(statement.items[:-1]):
        following = statement.items[place + 1]
        if token.token_type in (TokenType.STRING, TokenType.IDENTIFIER):
            continue
        if token.text in ("==", "//", "**", "<=>", "&&", "=>") or token.text.upper() in ("ASOF", "POSITIONAL"):
            raise SqlError(f'syntax error at or near "{token.text}"')
        if token.text == "," and following.text.upper() in (")", "FROM", "WHERE"):
            raise SqlError(f'syntax error at or near "{following.text}"')
    tree: exp.Expr = parse_one(_with_parentheses(text), read=RedshiftSql)
    return tree


def _with_parentheses(text: str) -> str:
    """``timestamp '…'::date`` with parentheses around the literal: sqlglot casts the text first."""
    tokens = RedshiftSql().tokenize(text)
    for place in range(len(tokens) - 3, -1, -1):
        named, literal, colons = tokens[place : place + 3]
        if (
            named.text.upper() in ("DATE", "TIMESTAMP", "TIMESTAMPTZ", "TIME", "INTERVAL")
            and literal.token_type is TokenType.STRING
            and colons.token_type is TokenType.DCOLON
        ):
            text = f"{text[: named.start]}({text[named.start : literal.end + 1]}){text[literal.end + 1 :]}"
    return text


def translate(session: Session, tree: exp.Query) -> None:
    """Write a query's expressions as DuckDB's; the names of its tables are full already.

    Raises:
        SqlError: something is not offered.
    """
    _Translation(session).query(tree)


def translate_parts(session: Session, sources: Iterable[exp.Expr | None], parts: Iterable[exp.Expr | None]) -> None:
    """The same for parts of a statement that is no query.

    Args:
        session: whose.
        sources: tables and queries whose columns the parts may name.
        parts: expressions, and queries.

    Raises:
        SqlError: something is not offered.
    """
    _Translation(session).parts(sources, parts)


class _Translation:
    def __init__(self, session: Session) -> None:
        self._session = session
        # A question that fails would abort the session's transaction.
        self._asking = session.connection.cursor()
        self._kinds = Kinds(self._asking, self._columns, self._translated)

    def query(self, tree: exp.Query) -> None:
        _check(tree)
        with self._asking:
            self._kinds.query(tree)

    def parts(self, sources: Iterable[exp.Expr | None], parts: Iterable[exp.Expr | None]) -> None:
        given = [part for part in parts if part is not None]
        for part in given:
            _check(part)
        with self._asking:
            self._kinds.statement([source for source in sources if source is not None], given)

    def _columns(self, table: exp.Table) -> Columns | None:
        # Names are full already.
        name = ".".join(quoted(part) for part in (table.db, table.name) if part)
        described = self._session.connection.execute(f"DESCRIBE {name}").fetchall()
        return {str(name).lower(): str(kind) for name, kind, *_ in described}

    def _translated(self, node: exp.Expr, kinds: Kinds) -> exp.Expr:
        match node:
            case exp.Anonymous():
                return self._function(node, kinds)
            case exp.Window():
                return _wrapped(node, kinds)
            case exp.WithinGroup():
                return _ordered(node)
            case exp.Cast():
                return _cast(node, kinds)
            case exp.Extract():
                zoned = kinds.of(node.expression) == "TIMESTAMP WITH TIME ZONE"
                return functions.date_part(node.this, node.expression, "DOUBLE" if zoned else "INTEGER")
            case exp.CurrentUser() | exp.SessionUser():
                return exp.Literal.string(self._session.user)
            case exp.CurrentSchema():
                return exp.Literal.string(self._session.catalog.search_path[0])
            case exp.CurrentUserId():
                return exp.Literal.number(100)
            case exp.CurrentTimestamp():
                return functions.now() if node.args.get("sysdate") else node
            case exp.Column() if node.name.lower() in ("user", "sysdate") and not node.table:
                return exp.Literal.string(self._session.user) if node.name.lower() == "user" else functions.now()
            case exp.ApproxDistinct():
                return call("count", exp.Distinct(expressions=[node.this]))
            case exp.Substring():
                given = [node.this, node.args.get("start"), node.args.get("length")]
                return functions.FUNCTIONS["substring"]([argument for argument in given if argument is not None], kinds)
            case exp.StrPosition():
                return cast(call("strpos", node.this, node.args["substr"]), "INTEGER")
            case exp.Div():
                return _divided(node, kinds)
            case exp.Sub() if (kinds.of(node.this), kinds.of(node.expression)) == ("DATE", "DATE"):
                return cast(exp.Paren(this=node.copy()), "INTEGER")
            case exp.Like() | exp.ILike() if not isinstance(node.parent, exp.Escape):
                # The backslash escapes where nothing else is named; with DuckDB nothing does.
                escaped = exp.Escape(this=node.expression.copy(), expression=exp.Literal.string("\\"))
                return type(node)(this=node.this.copy(), expression=escaped, **_negated(node))
            case exp.SimilarTo():
                return _similar(node)
            case exp.In() if node.expressions:
                if kinds.of(node.this) == "VARCHAR" and all(kinds.of(item) == "VARCHAR" for item in node.expressions):
                    node.set("this", _without_blanks(node.this))
                    node.set("expressions", [_without_blanks(item) for item in node.expressions])
            case exp.EQ() | exp.NEQ() | exp.GT() | exp.GTE() | exp.LT() | exp.LTE():
                if isinstance(node.parent, exp.Update):
                    return node
                if kinds.of(node.this) == "VARCHAR" and kinds.of(node.expression) == "VARCHAR":
                    node.set("this", _without_blanks(node.this))
                    node.set("expression", _without_blanks(node.expression))
        return node

    def _function(self, node: exp.Anonymous, kinds: Kinds) -> exp.Expr:
        name, arguments = node.name.lower(), list(node.expressions)
        if name in _OF_SESSION:
            session = self._session
            match name:
                case "current_database":
                    return exp.Literal.string(session.database.name)
                case "version":
                    return exp.Literal.string(VERSION)
                case "current_schema":
                    return exp.Literal.string(session.catalog.search_path[0])
                case "pg_backend_pid":
                    return exp.Literal.number(session.process_id)
                case _:
                    return exp.Literal.number(session.query_id)
        if name not in FUNCTIONS or isinstance(node.parent, exp.WithinGroup):
            # Made by a rule already, or made by that of the parent.
            return node
        if name in COMPOUND:
            if isinstance(node.parent, exp.Window) and node.arg_key == "this":
                return node
            return functions.compound(name, arguments, kinds, lambda aggregate: aggregate)
        return FUNCTIONS[name](arguments, kinds)


def _check(tree: exp.Expr) -> None:
    """Check that only what is offered is called."""
    for node in tree.walk():
        match node:
            case exp.Anonymous():
                name = node.name.lower()
                if name not in FUNCTIONS and name not in _OF_SESSION:
                    raise refused(f"the function {name}")
                low, high = ARITY.get(name, (0, 99))
                if not low <= len(node.expressions) <= high:
                    raise refused(f"the function {name} with {len(node.expressions)} arguments")
            case exp.Func() if not isinstance(node, _SYNTAX):
                raise refused(type(node).__name__)
            case exp.Array() | exp.Struct() | exp.Lambda() | exp.Bracket() | exp.Pivot() | exp.Lateral() | exp.Unnest():
                raise refused(type(node).__name__)
            case exp.TableSample():
                raise SqlError('syntax error at or near "SAMPLE"')
            case exp.Filter():
                raise SqlError('syntax error at or near "("')
            case exp.Group() if node.args.get("all") and not node.expressions:
                raise refused("GROUP BY ALL")
            case exp.Star() if node.args.get("replace") or node.args.get("rename"):
                raise SqlError('syntax error at or near "REPLACE"')


def _negated(node: exp.Expr) -> dict[str, object]:
    return {name: value for name, value in node.args.items() if name not in ("this", "expression")}


def _without_blanks(node: exp.Expr) -> exp.Expr:
    """A text without the blanks at its end, which do not matter where texts are compared."""
    if isinstance(node, exp.Literal):
        return exp.Literal.string(node.name.rstrip(" "))
    return call("rtrim", node.copy(), exp.Literal.string(" "))


def _similar(node: exp.SimilarTo) -> exp.Expr:
    pattern = node.expression
    escape = "\\"
    if isinstance(pattern, exp.Escape):
        escape, pattern = pattern.expression.name, pattern.this
    if not isinstance(pattern, exp.Literal):
        raise refused("SIMILAR TO a pattern that is no literal")
    written, place, text = "", 0, pattern.name
    while place < len(text):
        letter = text[place]
        if letter == escape and place + 1 < len(text):
            place += 1
            written += re.escape(text[place])
        else:
            written += {"%": ".*", "_": "."}.get(letter) or (letter if letter not in ".^$\\" else "\\" + letter)
        place += 1
    return call("regexp_full_match", node.this.copy(), exp.Literal.string(written), exp.Literal.string("s"))


def _divided(node: exp.Div, kinds: Kinds) -> exp.Expr:
    kind = kinds.of(node.this), kinds.of(node.expression)
    if kind[0] is None or kind[1] is None:
        raise refused(f"a division whose types it cannot tell: {node.sql('redshift')}")
    left, right = decimal_parts(kind[0]), decimal_parts(kind[1])
    if left is None or right is None or (kind[0] in _INTEGERS and kind[1] in _INTEGERS):
        return node
    (precision, scale), (others, others_scale) = left, right
    result = min(37, max(4, scale + others - others_scale + 1))
    size = min(38, precision - scale + others_scale + result)
    result = min(result, max(4, 38 - (precision - scale + others_scale))) if size == 38 else result
    up = max(0, result + others_scale - scale)
    unscaled: exp.Expr = call("redshift_unscaled", exp.Paren(this=node.this.copy()))
    if up:
        unscaled = exp.Mul(this=unscaled, expression=cast(exp.Literal.string("1" + "0" * up), "HUGEINT"))
    other = call("redshift_unscaled", exp.Paren(this=node.expression.copy()))
    return scaled(call("redshift_divide_decimals", unscaled, other, exp.Literal.number(result)), size, result)


def _cast(node: exp.Cast, kinds: Kinds) -> exp.Expr:
    if node.to.this is exp.DType.USERDEFINED:
        # Made by a rule already.
        return node
    if node.to.this is exp.DType.INTERVAL:
        return node
    wanted = from_definition(node.to)
    kind, value = kinds.of(node.this), node.this.copy()
    made = exp.TryCast if isinstance(node, exp.TryCast) else exp.Cast
    to = exp.DataType(this=exp.DType.USERDEFINED, kind=wanted.duckdb)
    if wanted.is_string:
        if kind == "BOOLEAN":
            raise SqlError(f"cannot cast type boolean to {wanted.name.partition('(')[0]}")
        if kind in ("DOUBLE", "FLOAT"):
            value = call("redshift_float_text", value)
        text = value if kind == "VARCHAR" else made(this=value, to=to)
        if not node.to.expressions and wanted.name.startswith("character varying"):
            return text
        cut = call("redshift_cut", text, exp.Literal.number(wanted.length or 1))
        # Blanks at the end of CHAR are no part of the value.
        return call("rtrim", cut, exp.Literal.string(" ")) if not wanted.name.startswith("character varying") else cut
    if wanted.duckdb in _INTEGERS and kind == "VARCHAR" and made is exp.Cast:
        value = call("redshift_integer", value, exp.Literal.string(wanted.name))
    return made(this=value, to=to)


def _wrapped(node: exp.Window, kinds: Kinds) -> exp.Expr:
    """OVER of a function that becomes more than one."""
    inner = node.this
    if not isinstance(inner, exp.Anonymous) or inner.name.lower() not in COMPOUND:
        return node

    def wrap(aggregate: exp.Expr) -> exp.Expr:
        outer = node.copy()
        outer.set("this", aggregate.copy())
        return outer

    return functions.compound(inner.name.lower(), [one.copy() for one in inner.expressions], kinds, wrap)


def _ordered(node: exp.WithinGroup) -> exp.Expr:
    """WITHIN GROUP (ORDER BY …): in DuckDB the order stands in the function's parentheses."""
    called, order = node.this, node.expression
    if not isinstance(called, exp.Anonymous) or called.name.lower() not in (
        "listagg",
        "percentile_cont",
        "percentile_disc",
    ):
        raise refused("WITHIN GROUP of this function")
    name = called.name.lower()
    if name == "listagg":
        listed = called.expressions[0]
        if isinstance(listed, exp.Distinct):
            ordered = order.copy()
            values, *separators = listed.expressions
            ordered.set("this", exp.Distinct(expressions=[values.copy()]))
            separator = separators[0] if separators else exp.Literal.string("")
            return call("array_to_string", call("list", ordered), separator.copy())
        separator = called.expressions[1] if len(called.expressions) > 1 else exp.Literal.string("")
        ordered = order.copy()
        ordered.set("this", separator.copy())
        return call("string_agg", called.expressions[0].copy(), ordered)
    [key] = order.expressions
    position = called.expressions[0].copy()
    if key.args.get("desc"):
        position = exp.Paren(this=exp.Sub(this=exp.Literal.number(1), expression=position))
    return call("quantile_cont" if name == "percentile_cont" else "quantile_disc", key.this.copy(), position)
