"""Trino's grammar where it is narrower than what sqlglot reads: words and forms of other dialects are refused."""

import itertools
import re
from collections.abc import Iterable, Sequence

from sqlglot import exp
from sqlglot.dialects.trino import Trino
from sqlglot.tokenizer_core import Token, TokenType

from eda_sandbox.services.athena.errors import MalformedQuery

_FOREIGN = frozenset(
    [
        "==",
        "::",
        "&&",
        "~",
        "~~",
        "~*",
        "<=>",
        "^",
        "|",
        "&",
        "<<",
        ">>",
        "//",
        "**",
        "->>",
        "#>",
        "#>>",
        "@>",
        "<@",
        ":=",
        "!",
        "#",
        "@",
        "{",
        "}",
        "\\",
        "`",
        "$",
        "*=",
        "|/",
        "||/",
        "?|",
        "?&",
    ]
)
"""Symbols that are none of Trino's; ``->`` and ``=>`` are, before and in the arguments of functions."""
_OPERATORS = (
    exp.Add,
    exp.Alias,
    exp.All,
    exp.And,
    exp.Any,
    exp.Between,
    exp.Bracket,
    exp.DPipe,
    exp.Distinct,
    exp.Div,
    exp.Dot,
    exp.EQ,
    exp.Escape,
    exp.Exists,
    exp.GT,
    exp.GTE,
    exp.In,
    exp.Is,
    exp.LT,
    exp.LTE,
    exp.Like,
    exp.Mod,
    exp.Mul,
    exp.NEQ,
    exp.Neg,
    exp.Not,
    exp.NullSafeEQ,
    exp.NullSafeNEQ,
    exp.Or,
    exp.Paren,
    exp.Sub,
    exp.SubqueryPredicate,
)
_BEFORE_QUERY = frozenset({"AS", "IN", "EXISTS", "ALL", "ANY", "SOME", "LATERAL", "FROM", "UNLOAD"})
_INTERVALS = frozenset({"YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"})
_WORDS = frozenset({"ILIKE", "RLIKE", "REGEXP", "GLOB", "DIV", "ISNULL", "NOTNULL", "OVERLAPS"})
"""Operators of other dialects; as names of columns they stand where no operator can."""
_SELECT = frozenset(
    {"with_", "expressions", "distinct", "from_", "joins", "where", "group", "having", "windows", "order", "limit"}
)
_SELECT |= {"offset"}
_QUERY = frozenset({"this", "expression", "distinct", "with_", "order", "limit", "offset", "side", "kind", "on"})
_TABLE = frozenset({"this", "db", "catalog", "alias", "joins", "ordinality"})
_JOINS = frozenset({"", "INNER", "CROSS", "OUTER"})
_TYPES = frozenset(
    [
        "BOOLEAN",
        "TINYINT",
        "SMALLINT",
        "INT",
        "INTEGER",
        "BIGINT",
        "REAL",
        "DOUBLE",
        "DECIMAL",
        "NUMERIC",
        "VARCHAR",
        "CHAR",
        "VARBINARY",
        "JSON",
        "DATE",
        "TIME",
        "TIMESTAMP",
        "INTERVAL",
        "ARRAY",
        "MAP",
        "ROW",
    ]
) | {"DOUBLE PRECISION", "DEC"}
_LITERALS = {"date", "time", "timestamp", "decimal", "double", "real", "bigint", "integer", "smallint", "tinyint"}
_LITERALS |= {"boolean", "varchar", "char", "json", "double precision", "int"}
_RESERVED = frozenset(
    [
        "ALTER",
        "AND",
        "AS",
        "BETWEEN",
        "BY",
        "CASE",
        "CAST",
        "CONSTRAINT",
        "CREATE",
        "CROSS",
        "CUBE",
        "CURRENT_DATE",
        "CURRENT_TIME",
        "CURRENT_TIMESTAMP",
        "DELETE",
        "DESCRIBE",
        "DISTINCT",
        "DROP",
        "ELSE",
        "END",
        "ESCAPE",
        "EXCEPT",
        "EXECUTE",
        "EXISTS",
        "EXTRACT",
        "FALSE",
        "FOR",
        "FROM",
        "FULL",
        "GROUP",
        "GROUPING",
        "HAVING",
        "IN",
        "INNER",
        "INSERT",
        "INTERSECT",
        "INTO",
        "IS",
        "JOIN",
        "LEFT",
        "LIKE",
        "LOCALTIME",
        "LOCALTIMESTAMP",
        "NATURAL",
        "NORMALIZE",
        "NOT",
        "NULL",
        "ON",
        "OR",
        "ORDER",
        "OUTER",
        "PREPARE",
        "RIGHT",
        "ROLLUP",
        "SELECT",
        "TABLE",
        "THEN",
        "TRUE",
        "UNION",
        "UNNEST",
        "USING",
        "VALUES",
        "WHEN",
        "WHERE",
        "WITH",
    ]
)


def check_tokens(tokens: Sequence[Token], text: str) -> None:
    """Check a statement's words and symbols.

    Args:
        tokens: of the statement.
        text: the statement.

    Raises:
        MalformedQuery: one is none of Trino's.
    """
    for place, token in enumerate(tokens):
        before = tokens[place - 1] if place else None
        following = tokens[place + 1] if place + 1 < len(tokens) else None
        if token.token_type in (TokenType.IDENTIFIER, TokenType.STRING):
            if token.token_type is TokenType.STRING and before is not None and _no_string_after(before):
                raise _mismatched(token)
            continue
        word = token.text.upper()
        if token.token_type is TokenType.NUMBER or text[token.start : token.start + 2].lower() == "0x":
            digits = text[token.start : token.end + 1]
            letter = text[token.end + 1 : token.end + 2]
            if digits[:2].lower() == "0x" or letter.isalpha() or letter == "_":
                raise MalformedQuery(
                    f"{_at(token)}: identifiers must not start with a digit; surround the identifier with double quotes"
                )
        elif (
            word in _FOREIGN
            or text[token.start] == "$"
            or word in ("CROSS APPLY", "OUTER APPLY")
            or (word in _WORDS and before is not None and (before.text.upper() == "NOT" or _ends_operand(before)))
            or (word == "APPLY" and before is not None and before.text.upper() in ("CROSS", "OUTER"))
        ):
            raise _mismatched(token)
        elif word in ("*", "<", ">") and following is not None and following.text == word:
            raise _mismatched(following)
        elif word == "," and (following is None or _cannot_follow_comma(following)):
            raise _mismatched(following or token, None if following else "<EOF>")
        elif word == "[" and before is not None and before.text.upper() != "ARRAY" and not _ends_operand(before):
            raise _mismatched(token)
        elif word == "INTERVAL" and following is not None:
            _check_interval(tokens[place + 1 :])
        elif _words(tokens[place - 1 : place + 2]) == [")", "FILTER", "("] and _words(tokens[place + 2 :][:1]) != [
            "WHERE"
        ]:
            raise _mismatched(following or token)
    _check_limits(tokens)
    _check_selects(tokens)


def _words(tokens: Sequence[Token]) -> list[str]:
    return [token.text.upper() for token in tokens]


def _check_interval(tokens: Sequence[Token]) -> None:
    if tokens[0].token_type is TokenType.NUMBER:
        raise _mismatched(tokens[0])
    if tokens[0].text in ("+", "-"):
        tokens = tokens[1:]
    if tokens and tokens[0].token_type is TokenType.STRING:
        unit = tokens[1] if len(tokens) > 1 else None
        if unit is None or unit.text.upper() not in _INTERVALS:
            raise _mismatched(unit or tokens[0], None if unit else "<EOF>")


def _no_string_after(token: Token) -> bool:
    return token.token_type in (TokenType.STRING, TokenType.ALIAS)


def _check_selects(tokens: Sequence[Token]) -> None:
    """FROM stands behind SELECT, or in a function's parentheses."""
    selected = [False]
    for place, token in enumerate(tokens):
        if token.token_type is TokenType.L_PAREN:
            named = (
                place > 0 and _ends_operand(tokens[place - 1]) and tokens[place - 1].text.upper() not in _BEFORE_QUERY
            )
            selected.append(named)
        elif token.token_type is TokenType.R_PAREN and len(selected) > 1:
            selected.pop()
        elif token.token_type is TokenType.SELECT:
            selected[-1] = True
        elif token.token_type in (TokenType.UNION, TokenType.EXCEPT, TokenType.INTERSECT):
            selected[-1] = False
        elif token.token_type is TokenType.FROM and not selected[-1]:
            raise _mismatched(token)


def _check_limits(tokens: Sequence[Token]) -> None:
    """OFFSET stands before LIMIT and FETCH, and LIMIT takes one number."""
    depth = 0
    limited: dict[int, bool] = {}
    for place, token in enumerate(tokens):
        if token.token_type is TokenType.L_PAREN:
            depth += 1
            limited.pop(depth, None)
        elif token.token_type is TokenType.R_PAREN:
            limited.pop(depth, None)
            depth -= 1
        elif token.token_type in (TokenType.LIMIT, TokenType.FETCH) and not _is_name(tokens, place):
            limited[depth] = True
            if token.token_type is TokenType.LIMIT:
                _check_limit(tokens[place + 1 :])
        elif (limited.get(depth) and token.token_type in (TokenType.OFFSET, TokenType.COMMA, TokenType.ORDER_BY)) or (
            token.token_type in (TokenType.UNION, TokenType.EXCEPT, TokenType.INTERSECT) and limited.get(depth)
        ):
            raise _mismatched(token)


def _check_limit(tokens: Sequence[Token]) -> None:
    count = tokens[0]
    if count.token_type is TokenType.NUMBER and not count.text.isdecimal():
        raise _mismatched(count)
    allowed = ("", ")", "OFFSET", "LIMIT", "FETCH", ",", ";", "UNION", "EXCEPT", "INTERSECT", "ORDER BY")
    if len(tokens) > 1 and tokens[1].text.upper() not in allowed:
        raise _mismatched(tokens[1])


def _is_name(tokens: Sequence[Token], place: int) -> bool:
    """Whether a word that is not reserved is a name here: Trino has columns of the name limit."""
    following = tokens[place + 1] if place + 1 < len(tokens) else None
    return following is None or following.token_type not in (
        TokenType.NUMBER,
        TokenType.ALL,
        TokenType.PLACEHOLDER,
        TokenType.FIRST,
        TokenType.NEXT,
        TokenType.DASH,
        TokenType.L_PAREN,
        TokenType.VAR,
    )


def check_query(tree: exp.Expr, tokens: Iterable[Token]) -> None:
    """Check a query's form.

    Raises:
        MalformedQuery: a clause is none of Trino's.
    """
    joins = 0
    for node in tree.walk():
        match node:
            case exp.Select():
                _only(node, _SELECT)
                if not node.expressions:
                    raise MalformedQuery("line 1:1: mismatched input 'FROM'. Expecting: 'SELECT'")
                distinct = node.args.get("distinct")
                if distinct is not None and distinct.args.get("on"):
                    raise MalformedQuery("line 1:1: mismatched input 'ON'. Expecting: <expression>")
                group = node.args.get("group")
                if group is not None and (group.args.get("all") is True and not group.expressions):
                    raise MalformedQuery("line 1:1: mismatched input '<EOF>'. Expecting: <expression>")
                order = node.args.get("order")
                if order is not None and any(_is_all(item.this) for item in order.expressions):
                    raise MalformedQuery("line 1:1: mismatched input 'ALL'. Expecting: <expression>")
            case exp.SetOperation():
                if node.args.get("by_name") or node.args.get("side") or node.args.get("kind"):
                    raise MalformedQuery("line 1:1: mismatched input 'BY'. Expecting: '(', 'SELECT', 'TABLE', 'VALUES'")
            case exp.Star():
                if any(node.args.get(name) for name in ("except_", "replace", "rename")):
                    raise MalformedQuery("line 1:1: mismatched input '('. Expecting: ',', 'FROM', <EOF>")
            case exp.Table():
                _only(node, _TABLE)
            case exp.Join():
                joins += bool(node.args.get("on") or node.args.get("using") or node.method or node.kind == "CROSS")
                if node.kind.upper() not in _JOINS or node.method.upper() not in ("", "NATURAL"):
                    word = node.method or node.kind
                    raise MalformedQuery(f"line 1:1: mismatched input '{word}'. Expecting: 'JOIN'")
            case exp.Pivot():
                raise MalformedQuery("line 1:1: mismatched input 'PIVOT'. Expecting: <EOF>")
            case exp.Placeholder() if node.this:
                raise MalformedQuery("line 1:1: mismatched input ':'. Expecting: <expression>")
            case exp.With():
                if any(cte.args.get("materialized") is not None for cte in node.expressions):
                    raise MalformedQuery("line 1:1: mismatched input 'MATERIALIZED'. Expecting: '('")
            case exp.JSONExtract() | exp.JSONExtractScalar():
                raise MalformedQuery("line 1:1: mismatched input '->'. Expecting: ',', 'FROM', <EOF>")
            case exp.Is() if not isinstance(node.expression, exp.Null):
                raise MalformedQuery(f"line 1:1: mismatched input '{node.expression.sql('trino')}'. Expecting: 'NULL'")
            case exp.In() if not node.expressions and not node.args.get("query") and not node.args.get("unnest"):
                raise MalformedQuery("line 1:1: mismatched input '<EOF>'. Expecting: '('")
            case exp.Group() if not any(node.args.values()):
                raise MalformedQuery("line 1:1: mismatched input '<EOF>'. Expecting: <expression>")
            case exp.Rollup() | exp.Cube() if not node.expressions:
                raise MalformedQuery("line 1:1: mismatched input 'WITH'. Expecting: <EOF>")
            case exp.HexString() if len(str(node.this)) % 2:
                raise MalformedQuery("line 1:1: Binary literal must contain an even number of digits")
            case exp.Column() | exp.TableAlias() if isinstance(node.this, exp.Identifier) and _is_reserved(node.this):
                raise MalformedQuery(f"line 1:1: mismatched input '{node.name}'. Expecting: <expression>")
            case exp.Struct() | exp.Slice() | exp.PropertyEQ() | exp.Kwarg():
                raise MalformedQuery(f"line 1:1: mismatched input '{node.sql('trino')[:20]}'. Expecting: <expression>")
            case exp.Alias() if isinstance(node.args.get("alias"), exp.Identifier):
                name = node.args["alias"]
                if _is_reserved(name):
                    raise MalformedQuery(f"line 1:1: mismatched input '{name.name}'. Expecting: <identifier>")
            case exp.Binary() | exp.Unary() | exp.Predicate() if not isinstance(node, (*_OPERATORS, exp.Func)):
                raise MalformedQuery(f"line 1:1: mismatched input '{node.sql('trino')[:40]}'. Expecting: <expression>")
    written = sum(token.token_type is TokenType.JOIN for token in tokens)
    if written > joins:
        raise MalformedQuery("line 1:1: mismatched input '<EOF>'. Expecting: 'ON', 'USING'")


def check_types(tokens: Sequence[Token]) -> None:
    """Check that casts name Trino's types: ``string``, ``text`` and ``int64`` are others' names.

    Raises:
        MalformedQuery: a type is not Trino's.
    """
    for place, token in enumerate(tokens):
        if token.text.upper() not in ("CAST", "TRY_CAST") or place + 1 >= len(tokens) or tokens[place + 1].text != "(":
            continue
        depth = 0
        for index in range(place + 1, len(tokens)):
            depth += (tokens[index].text == "(") - (tokens[index].text == ")")
            if depth == 1 and tokens[index].token_type is TokenType.ALIAS and index + 1 < len(tokens):
                named = tokens[index + 1]
                if named.text.upper() not in _TYPES:
                    raise MalformedQuery(f"{_at(named)}: Unknown type: {named.text.lower()}")
                break
            if depth == 0:
                break


def with_decimals(tokens: Sequence[Token], text: str) -> str:
    """The text with literals like ``decimal '1.50'`` as numbers: sqlglot makes casts to ``decimal`` of them, whose
    scale is 0."""
    for name, literal in itertools.pairwise(tokens):
        if name.text.upper() in ("DECIMAL", "NUMERIC") and literal.token_type is TokenType.STRING:
            length = literal.end + 1 - name.start
            number = literal.text.strip()
            if re.fullmatch(r"[+-]?[0-9]*\.[0-9]+", number):
                number = f"({number})"
            else:
                number = f"cast('{number}' as decimal({max(1, len(number.lstrip('+-')))}, 0))"
            text = text[: name.start] + number.ljust(length) + text[literal.end + 1 :]
            if len(number) > length:
                return with_decimals(Trino().tokenize(text), text)
    return text


def _only(node: exp.Expr, allowed: frozenset[str]) -> None:
    for name, value in node.args.items():
        if name not in allowed and value not in (None, False, []):
            word = name.rstrip("_").upper()
            raise MalformedQuery(f"line 1:1: mismatched input '{word}'. Expecting: <EOF>")


def _is_all(node: exp.Expr) -> bool:
    return isinstance(node, exp.Column) and node.name.upper() == "ALL" and not node.this.args.get("quoted")


def _is_reserved(name: exp.Identifier) -> bool:
    return not name.args.get("quoted") and name.name.upper() in _RESERVED


def _ends_operand(token: Token) -> bool:
    return token.token_type in (
        TokenType.STRING,
        TokenType.NUMBER,
        TokenType.IDENTIFIER,
        TokenType.VAR,
        TokenType.R_PAREN,
        TokenType.R_BRACKET,
    ) or (
        token.text.isidentifier()
        and token.text.upper() not in _RESERVED - {"END", "NULL", "TRUE", "FALSE"}
        and token.text.upper() not in ("RETURN", "ARRAY")
    )


def _cannot_follow_comma(token: Token) -> bool:
    return token.token_type in (TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.FROM, TokenType.COMMA) or (
        token.text.upper() in ("WHERE", "GROUP BY", "ORDER BY", "HAVING", "UNION")
        and token.token_type is not TokenType.IDENTIFIER
    )


def _mismatched(token: Token, text: str | None = None) -> MalformedQuery:
    return MalformedQuery(f"{_at(token)}: mismatched input '{text or token.text}'. Expecting: <expression>")


def _at(token: Token) -> str:
    # sqlglot counts the column of a token's end.
    return f"line {token.line}:{max(1, token.col - (token.end - token.start))}"
