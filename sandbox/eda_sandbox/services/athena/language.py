"""Athena's SQL as it is read: which statement it is, and its parts."""

import itertools
import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from sqlglot import exp, parse
from sqlglot.dialects.trino import Trino
from sqlglot.errors import ParseError, TokenError
from sqlglot.parsers.trino import TrinoParser
from sqlglot.tokenizer_core import Token, TokenType

from eda_sandbox.services.athena import grammar
from eda_sandbox.services.athena.errors import MalformedQuery

# What the parser does not know becomes a command, which is refused here; it need not warn as well.
logging.getLogger("sqlglot").setLevel(logging.ERROR)

_SPECIAL_FORMS = ("CAST", "TRY_CAST", "EXTRACT", "TRIM", "SUBSTRING", "POSITION")


class TrinoQuery(Trino):
    """Trino's SQL with the functions left as they are called, so that one table decides what each becomes."""

    INDEX_OFFSET = 0
    """Subscripts stay as they are written."""

    class Parser(TrinoParser):
        """Only what has a syntax of its own is parsed as such."""

        FUNCTIONS: ClassVar[dict[str, Any]] = {}
        FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {
            name: parser for name, parser in TrinoParser.FUNCTION_PARSERS.items() if name in _SPECIAL_FORMS
        }


@dataclass(frozen=True)
class Statement:
    """A statement.

    Attributes:
        kind: Athena's ``SubstatementType``.
        type: Athena's ``StatementType``: ``DML``, ``DDL`` or ``UTILITY``.
        tree: the statement, or of ``UNLOAD`` the query.
        text: the SQL as it was given; of a view's definition the query alone.
        properties: what stands in ``WITH``.
        target: where ``UNLOAD`` writes.
    """

    kind: str
    type: str
    tree: exp.Expr
    text: str
    properties: dict[str, Any] = field(default_factory=dict)
    target: str = ""


def read(text: str, parameters: Sequence[str] = ()) -> Statement:
    """Read a statement.

    Args:
        text: Athena's SQL, one statement.
        parameters: SQL expressions for ``?``, in order.

    Raises:
        MalformedQuery: it is none, or of a kind that the sandbox does not offer.
    """
    try:
        tokens = Trino().tokenize(text)
    except TokenError as error:
        raise MalformedQuery(f"line 1:1: {error}") from error
    while tokens and tokens[-1].token_type is TokenType.SEMICOLON:
        tokens.pop()
    if not tokens:
        raise MalformedQuery("line 1:1: mismatched input '<EOF>'. Expecting: a statement")
    separator = next((token for token in tokens if token.token_type is TokenType.SEMICOLON), None)
    if separator is not None:
        raise MalformedQuery(f"{_place(separator)}: Only one sql statement is allowed. Got: {text[:60]}")
    text = text[: tokens[-1].end + 1]
    first = tokens[0].text.upper()
    second = tokens[1].text.upper() if len(tokens) > 1 else ""
    if first == "UNLOAD":
        statement = _unload(text, tokens)
    elif first in ("SELECT", "WITH", "VALUES", "("):
        statement = Statement("SELECT", "DML", read_query(text), text)
    elif first == "INSERT":
        statement = Statement("INSERT", "DML", _trinos(text), text)
    elif first == "CREATE":
        statement = _create(text, tokens)
    elif first == "DROP":
        kind = {"TABLE": "DROP_TABLE", "VIEW": "DROP_VIEW", "DATABASE": "DROP_DATABASE", "SCHEMA": "DROP_DATABASE"}
        if second not in kind:
            raise _not_offered(text, tokens[0])
        statement = Statement(kind[second], "DDL", _tree(text, "athena"), text)
    elif first in ("SHOW", "DESCRIBE", "DESC", "MSCK", "ALTER"):
        statement = _hive(text, tokens)
    else:
        raise _not_offered(text, tokens[0])
    return _with_parameters(statement, parameters)


def read_query(text: str) -> exp.Query:
    """Read a query.

    Raises:
        MalformedQuery: it is none.
    """
    tree = _trinos(text)
    if not isinstance(tree, exp.Query | exp.Values):
        raise MalformedQuery(f"line 1:1: mismatched input '{text.split()[0]}'. Expecting: a query")
    return tree if isinstance(tree, exp.Query) else exp.select("*").from_(tree)


def _trinos(text: str) -> exp.Expr:
    """A statement that Trino reads, and not only sqlglot."""
    tokens = Trino().tokenize(text)
    grammar.check_tokens(tokens, text)
    text = grammar.with_decimals(tokens, text)
    grammar.check_types(tokens)
    tree = _tree(text, TrinoQuery)
    grammar.check_query(tree, tokens)
    return tree


def position(node: exp.Expr) -> tuple[int, int] | None:
    """Line and column of an expression's first identifier."""
    for found in node.find_all(exp.Identifier, exp.Anonymous):
        if "line" in found.meta:
            # sqlglot counts the column of an identifier's end.
            length = found.meta["end"] - found.meta["start"]
            return found.meta["line"], max(1, found.meta["col"] - length)
    return None


def unnamed(item: exp.Expr) -> bool:
    """Whether a column of a result has no name of its own."""
    return not isinstance(item.unnest(), exp.Alias | exp.Column | exp.Star)


def properties(tree: exp.Expr | None) -> dict[str, Any]:
    """The properties of ``WITH (name = value, …)``, names in lower case; values are strings or lists of strings."""
    if tree is None:
        return {}
    found: dict[str, Any] = {}
    for node in tree.expressions:
        match node:
            case exp.FileFormatProperty():
                found["format"] = _value(node.this)
            case exp.PartitionedByProperty():
                found["partitioned_by"] = _value(node.this)
            case exp.Property():
                found[node.name.lower()] = _value(node.args["value"])
            case _:
                raise MalformedQuery(f"line 1:1: Table property {node.sql('trino')} is not supported by the sandbox")
    return found


def _value(node: Any) -> Any:
    if isinstance(node, exp.Array | exp.Schema | exp.Tuple):
        return [item.name for item in node.expressions]
    if isinstance(node, exp.Anonymous) and node.name.upper() == "ARRAY":
        return [item.name for item in node.expressions]
    return node.name


def _tree(text: str, dialect: Any) -> exp.Expr:
    try:
        trees = [tree for tree in parse(text, read=dialect) if tree is not None]
    except ParseError as error:
        found = error.errors[0] if error.errors else {}
        line, column = found.get("line") or 1, found.get("col") or 1
        near = str(found.get("highlight") or "").strip() or "<EOF>"
        raise MalformedQuery(f"line {line}:{column}: mismatched input '{near}'. {found.get('description')}") from error
    except TokenError as error:
        raise MalformedQuery(f"line 1:1: {error}") from error
    if len(trees) != 1 or isinstance(trees[0], exp.Command):
        raise MalformedQuery(
            f"line 1:1: mismatched input '{text.split()[0]}'. It is not a statement the sandbox offers"
        )
    tree: exp.Expr = trees[0]
    return tree


def _unload(text: str, tokens: list[Token]) -> Statement:
    depth, close = 0, 0
    for index, token in enumerate(tokens[1:], start=1):
        depth += (token.token_type is TokenType.L_PAREN) - (token.token_type is TokenType.R_PAREN)
        if depth == 0:
            close = index
            break
    rest = tokens[close + 1 :]
    if not close or close < 2:
        raise MalformedQuery(f"{_place(tokens[0])}: mismatched input. Expecting: UNLOAD (query)")
    if len(rest) < 2 or rest[0].text.upper() != "TO" or rest[1].token_type is not TokenType.STRING:
        raise MalformedQuery(f"{_place(tokens[close])}: mismatched input. Expecting: TO 's3://…'")
    # Blanks keep the positions of what stands behind them.
    begin, end = tokens[1].end + 1, tokens[close].start
    query = re.sub(r"[^\n]", " ", text[:begin]) + text[begin:end]
    given: dict[str, Any] = {}
    if len(rest) > 2:
        if rest[2].text.upper() != "WITH":
            raise MalformedQuery(f"{_place(rest[2])}: mismatched input '{rest[2].text}'. Expecting: WITH")
        created = _tree(f"CREATE TABLE t {text[rest[2].start :]} AS SELECT 1", TrinoQuery)
        given = properties(created.args.get("properties"))
    return Statement("UNLOAD", "DML", read_query(query), text, given, rest[1].text)


def _create(text: str, tokens: list[Token]) -> Statement:
    words = [token.text.upper() for token in tokens[:4]]
    if "VIEW" in words:
        tree = _trinos(text)
        start = next((token.end + 1 for token in tokens if token.text.upper() == "AS"), None)
        if start is None or not isinstance(tree.args.get("expression"), exp.Query):
            raise MalformedQuery("line 1:1: mismatched input. Expecting: CREATE VIEW name AS query")
        return Statement("CREATE_VIEW", "DDL", tree, text[start:].strip())
    if words[1] in ("DATABASE", "SCHEMA"):
        return Statement("CREATE_DATABASE", "DDL", _tree(text, "athena"), text)
    if "TABLE" in words:
        if words[1] == "TABLE" and any(token.text.upper() == "AS" for token in tokens):
            tree = _trinos(text)
            if isinstance(tree.args.get("expression"), exp.Query):
                given = properties(tree.args.get("properties"))
                return Statement("CREATE_TABLE_AS_SELECT", "DDL", tree, text, given)
        return Statement("CREATE_TABLE", "DDL", _tree(text, "athena"), text)
    raise _not_offered(text, tokens[0])


_HIVE = (
    (
        r"SHOW\s+(?:TABLES|VIEWS)(?:\s+(?:IN|FROM)\s+(?P<database>\S+))?(?:\s+'(?P<like>[^']*)')?",
        "SHOW_TABLES",
        "UTILITY",
    ),
    (r"SHOW\s+(?:DATABASES|SCHEMAS)", "SHOW_DATABASES", "UTILITY"),
    (r"SHOW\s+PARTITIONS\s+(?P<table>\S+)", "SHOW_PARTITIONS", "UTILITY"),
    (r"SHOW\s+COLUMNS\s+(?:IN|FROM)\s+(?P<table>\S+)", "SHOW_COLUMNS", "UTILITY"),
    (r"DESC(?:RIBE)?\s+(?P<table>\S+)", "DESCRIBE", "UTILITY"),
    (r"MSCK\s+REPAIR\s+TABLE\s+(?P<table>\S+)", "MSCK", "DDL"),
)


def _hive(text: str, tokens: list[Token]) -> Statement:
    if tokens[0].text.upper() == "ALTER":
        tree = _tree(_with_commas(text, tokens), "athena")
        actions = tree.args["actions"] if isinstance(tree, exp.Alter) else []
        for kind, action in (("ADD", exp.AddPartition), ("DROP", exp.DropPartition)):
            if actions and all(isinstance(found, action) for found in actions):
                return Statement(f"ALTER_TABLE_{kind}_PARTITION", "DDL", tree, text)
        raise _refused(text, tokens[0])
    if re.match(r"SHOW\s+CREATE\b", text[tokens[0].start :], re.IGNORECASE):
        raise _refused(text, tokens[0])
    plain = text[tokens[0].start :]
    for pattern, kind, type_ in _HIVE:
        found = re.fullmatch(pattern, plain, re.IGNORECASE)
        if found:
            named = {name: value.strip('`"') for name, value in found.groupdict().items() if value}
            tree = exp.to_table(named["table"].replace("`", "").replace('"', "")) if "table" in named else exp.Null()
            return Statement(kind, type_, tree, text, dict(named))
    raise _not_offered(text, tokens[0])


def _with_commas(text: str, tokens: list[Token]) -> str:
    """Partitions that are added stand behind each other in Hive's SQL; sqlglot reads commas between them."""
    for before, token in reversed(list(itertools.pairwise(tokens))):
        if token.text.upper() == "PARTITION" and (before.text == ")" or before.token_type is TokenType.STRING):
            text = f"{text[: before.end + 1]},{text[before.end + 1 :]}"
    return text


def _with_parameters(statement: Statement, parameters: Sequence[str]) -> Statement:
    places: Iterable[exp.Placeholder] = list(statement.tree.find_all(exp.Placeholder))
    # find_all goes by level; the places count in the order of the text.
    count = len(list(places))
    if count != len(parameters):
        raise MalformedQuery(f"line 1:1: Incorrect number of parameters: expected {count} but found {len(parameters)}")
    values = iter(parameters)
    for node in list(statement.tree.dfs()):
        if isinstance(node, exp.Placeholder):
            value = _trinos(f"SELECT {next(values)}")
            node.replace(value.expressions[0])
    return statement


def _place(token: Token) -> str:
    # sqlglot counts the column of a token's end.
    return f"line {token.line}:{max(1, token.col - (token.end - token.start))}"


def _refused(text: str, token: Token) -> MalformedQuery:
    start = " ".join(text[token.start :].split()[:5])
    return MalformedQuery(f"{_place(token)}: the sandbox does not offer this statement: {start}")


def _not_offered(text: str, token: Token) -> MalformedQuery:
    start = " ".join(text[token.start :].split()[:3])
    return MalformedQuery(f"{_place(token)}: Queries of this type are not supported: {start}")
