"""The types of a query's expressions, as DuckDB tells them: what an operator means depends on them."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import duckdb
from sqlglot import exp

Columns = dict[str, str | None]
"""Names in lower case, and DuckDB's types; None where a type is not known."""
Rule = Callable[[exp.Expr, "Kinds"], exp.Expr]
"""Gives what takes an expression's place, or the expression itself; what lies in it has been replaced before."""

_ASKED: dict[str, str | None] = {}
_MOST_ASKED = 20_000


@dataclass
class _Place:
    """What names mean at a place of a query."""

    sources: dict[str, Columns] = field(default_factory=dict)
    names: Columns = field(default_factory=dict)
    outer: "_Place | None" = None

    def find(self, table: str, name: str) -> str | None:
        if table:
            if table in self.sources:
                return self.sources[table].get(name)
        else:
            if name in self.names:
                return self.names[name]
            found = [columns[name] for columns in self.sources.values() if name in columns]
            if found:
                return found[0] if len(set(found)) == 1 else None
        return self.outer.find(table, name) if self.outer else None


class Kinds:
    """Replaces a query's expressions by a rule that may ask for types.

    Args:
        connection: a connection that has the tables and macros.
        columns_of: the columns of a table that is named in FROM.
        rule: what takes an expression's place.
        prepare: is told an SQL text before it is asked for its type, to make the macros that it names.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        columns_of: Callable[[exp.Table], Columns | None],
        rule: Rule,
        prepare: Callable[[str], None] = lambda _sql: None,
    ) -> None:
        self._connection = connection
        self._columns_of = columns_of
        self._rule = rule
        self._prepare = prepare
        self._place = _Place()
        self._with: dict[str, Columns] = {}
        self._results: dict[int, tuple[exp.Expr, Columns]] = {}

    def query(self, node: exp.Expr) -> Columns:
        """Replace what is in a query; returns its columns."""
        place = self._place
        self._place = _Place(outer=place)
        defined = dict(self._with)
        try:
            found = self._query(node)
        finally:
            self._place, self._with = place, defined
        self._results[id(node)] = (node, found)
        return found

    def expression(self, node: exp.Expr, names: Mapping[str, str | None] | None = None) -> exp.Expr:
        """Replace what is in an expression that stands in no query, and the expression itself.

        Args:
            node: the expression.
            names: the columns that it may name.
        """
        place = self._place
        self._place = _Place(names=dict(names or {}), outer=place)
        try:
            return self._expression(node)
        finally:
            self._place = place

    def statement(self, sources: Sequence[exp.Expr], parts: Sequence[exp.Expr]) -> None:
        """Replace what is in parts of a statement that is no query: expressions and queries that name the columns of
        sources."""
        place = self._place
        self._place = _Place(outer=place)
        try:
            for source in sources:
                self._source(source)
            for part in parts:
                self._expression(part)
        finally:
            self._place = place

    def of(self, node: exp.Expr) -> str | None:
        """DuckDB's name of an expression's type; None where it cannot be told."""
        node = node.unnest() if isinstance(node, exp.Paren) else node
        match node:
            case exp.Literal():
                return _literal(node)
            case exp.Boolean():
                return "BOOLEAN"
            case exp.Column() if not isinstance(node.this, exp.Star):
                found = self._column(node)
                if found is not None:
                    return found
        plain = self._standing_alone(node)
        return None if plain is None else self.ask(plain)

    def ask(self, expression: str) -> str | None:
        """The type of an expression that names no column."""
        if expression not in _ASKED:
            if len(_ASKED) > _MOST_ASKED:
                _ASKED.clear()
            try:
                self._prepare(expression)
                [row] = self._connection.execute(f"DESCRIBE SELECT {expression}").fetchall()
                _ASKED[expression] = str(row[1])
            except duckdb.Error:
                return None
        return _ASKED[expression]

    def _column(self, node: exp.Column) -> str | None:
        found = self._place.find(node.table.lower(), node.name.lower())
        if found is None and node.table:
            # A field of a row is written as a column of a table is.
            row = fields(self._place.find(node.db.lower(), node.table.lower())) or {}
            found = next((kind for name, kind in row.items() if name.lower() == node.name.lower()), None)
        return found

    def _standing_alone(self, node: exp.Expr) -> str | None:
        """An expression with NULLs of the right types in the place of columns and queries."""
        holder = exp.Paren(this=node.copy())
        # Copies have their originals' order, so what is known of the originals is known of them.
        originals = list(node.walk())
        copies = list(holder.this.walk())
        if len(originals) != len(copies):
            return None
        gone: set[int] = set()
        bound = {parameter.name.lower() for found in node.find_all(exp.Lambda) for parameter in found.expressions}
        for original, copy in zip(originals, copies, strict=True):
            if original.parent is not None and id(original.parent) in gone and original is not node:
                gone.add(id(original))
                continue
            if isinstance(original, exp.Query) and not isinstance(original, exp.Table):
                if isinstance(original.parent, exp.Exists):
                    copy.replace(exp.select("1"))
                else:
                    known = self._results.get(id(original))
                    first = next(iter(known[1].values()), None) if known else None
                    if first is None:
                        return None
                    null = _null(first)
                    within = isinstance(original.parent, exp.In | exp.Any | exp.All)
                    copy.replace(exp.Subquery(this=exp.select(null)) if within else null)
                gone.add(id(original))
            elif isinstance(original, exp.Column) and not isinstance(original.this, exp.Star):
                if original.name.lower() in bound and not original.table:
                    continue
                kind = self._column(original)
                if kind is None:
                    return None
                copy.replace(_null(kind))
                gone.add(id(original))
        return str(holder.this.sql("duckdb", comments=False))

    def _query(self, node: exp.Expr) -> Columns:
        with_ = node.args.get("with_")
        for cte in with_.expressions if with_ is not None else []:
            alias = cte.args["alias"]
            if with_ is not None and with_.args.get("recursive") and isinstance(cte.this, exp.SetOperation):
                first = _renamed(self.query(cte.this.this), alias)
                self._with[alias.name.lower()] = first
            self._with[alias.name.lower()] = _renamed(self.query(cte.this), alias)
        match node:
            case exp.Select():
                return self._select(node)
            case exp.SetOperation():
                left, right = self.query(node.this), self.query(node.expression)
                found = {
                    name: self._common(one, other)
                    for (name, one), other in zip(left.items(), right.values(), strict=False)
                }
                self._place.names = found
                self._clauses(node, "order", "limit", "offset")
                return found
            case exp.Subquery() | exp.Paren():
                found = self.query(node.this)
                self._place.names = found
                self._clauses(node, "order", "limit", "offset")
                return found
            case exp.Values():
                return self._values(node)
            case exp.Table():
                self._source(node)
                return {name: kind for columns in self._place.sources.values() for name, kind in columns.items()}
        return {}

    def _select(self, node: exp.Select) -> Columns:
        if node.args.get("from_"):
            self._source(node.args["from_"].this)
        for join in node.args.get("joins") or []:
            self._source(join.this)
        for join in node.args.get("joins") or []:
            self._clauses(join, "on")
        self._clauses(node, "where")
        found: Columns = {}
        for item in list(node.expressions):
            if item.is_star:
                found |= self._star(item)
                continue
            self._expression(item)
            inner = item.this if isinstance(item, exp.Alias) else item
            name = item.alias_or_name.lower() or f"_col{len(found)}"
            found[name] = self.of(inner)
            self._place.names.setdefault(name, None if self._place.find("", name) else found[name])
            if self._place.names[name] is None:
                del self._place.names[name]
        self._clauses(node, "group", "having", "qualify", "windows", "distinct")
        self._place.names |= found
        self._clauses(node, "order", "limit", "offset")
        return found

    def _star(self, item: exp.Expr) -> Columns:
        table = item.table.lower() if isinstance(item, exp.Column) else ""
        star = item.this if isinstance(item, exp.Column) else item
        left_out = {one.name.lower() for one in star.args.get("except_") or []}
        return {
            name: kind
            for alias, columns in self._place.sources.items()
            if table in ("", alias)
            for name, kind in columns.items()
            if name not in left_out
        }

    def _source(self, node: exp.Expr) -> None:
        alias = node.args.get("alias")
        name = node.alias_or_name.lower() if isinstance(node, exp.Table) else node.alias.lower()
        match node:
            case exp.Table() if isinstance(node.this, exp.Identifier):
                known = self._with.get(node.name.lower()) if not node.db else None
                columns = known if known is not None else self._columns_of(node)
                self._place.sources[name] = _renamed(columns or {}, alias)
                for join in node.args.get("joins") or []:
                    self._source(join.this)
                    self._clauses(join, "on")
            case exp.Subquery() if isinstance(node.this, exp.Table):
                self._source(node.this)
            case exp.Subquery():
                self._place.sources[name or f"_{len(self._place.sources)}"] = _renamed(self.query(node.this), alias)
                for join in node.args.get("joins") or []:
                    self._source(join.this)
                    self._clauses(join, "on")
            case exp.Values():
                self._place.sources[name or "_values"] = _renamed(self._values(node), alias)
            case exp.Unnest():
                self._place.sources[name or f"_{len(self._place.sources)}"] = self._unnest(node)
                replaced = self._rule(node, self)
                if replaced is not node:
                    node.replace(replaced)
            case exp.Lateral() if isinstance(node.this, exp.Subquery):
                self._place.sources[name] = _renamed(self.query(node.this), alias)

    def _unnest(self, node: exp.Unnest) -> Columns:
        kinds: list[str | None] = []
        for item in list(node.expressions):
            replaced = self._expression(item)
            kind = self.of(replaced)
            key_value = map_parts(kind)
            row = fields(element(kind))
            if key_value:
                kinds += key_value
            elif row:
                kinds += row.values()
            else:
                kinds.append(element(kind))
        alias = node.args.get("alias")
        names = [column.name.lower() for column in alias.columns] if alias else []
        found: Columns = dict(zip(names, kinds, strict=False))
        offset = node.args.get("offset")
        if isinstance(offset, exp.Identifier):
            found[offset.name.lower()] = "BIGINT"
        elif offset and len(names) > len(kinds):
            found[names[len(kinds)]] = "BIGINT"
        return found

    def _values(self, node: exp.Values) -> Columns:
        kinds: list[str | None] = []
        for row in node.expressions:
            items = row.expressions if isinstance(row, exp.Tuple) else [row]
            for item in list(items):
                self._expression(item)
            items = row.expressions if isinstance(row, exp.Tuple) else [row]
            own = [self.of(item) for item in items]
            kinds = [self._common(one, other) for one, other in zip(kinds, own, strict=False)] if kinds else own
        return _renamed({f"_col{place}": kind for place, kind in enumerate(kinds)}, node.args.get("alias"))

    def _common(self, one: str | None, other: str | None) -> str | None:
        if one == other:
            return one
        if one is None or other is None:
            return None
        return self.ask(f"CASE WHEN true THEN {_null(one).sql('duckdb')} ELSE {_null(other).sql('duckdb')} END")

    def _clauses(self, node: exp.Expr, *names: str) -> None:
        for name in names:
            found = node.args.get(name)
            for one in found if isinstance(found, list) else [found]:
                if isinstance(one, exp.Expr):
                    self._expression(one)

    def _expression(self, node: exp.Expr) -> exp.Expr:
        """Replace what is in an expression, from the inside, and the expression."""
        if isinstance(node, exp.Query):
            self.query(node)
            return node
        if isinstance(node, exp.Lambda):
            return node
        lambdas = []
        for child in list(node.iter_expressions()):
            if isinstance(child, exp.Lambda):
                lambdas.append(child)
            elif not isinstance(child, exp.DataType | exp.Identifier):
                self._expression(child)
        for found in lambdas:
            self._lambda(node, found)
        replaced = self._rule(node, self)
        if replaced is not node and node.parent is not None:
            node.replace(replaced)
        return replaced

    def _lambda(self, call: exp.Expr, node: exp.Lambda) -> None:
        names = [parameter.name.lower() for parameter in node.expressions]
        for found in list(node.this.walk()):
            is_parameter = isinstance(found, exp.Identifier) and found.name.lower() in names
            if is_parameter and not isinstance(found.parent, exp.Column | exp.Alias | exp.DataType | exp.ColumnDef):
                if isinstance(found.parent, exp.Dot) and found.arg_key != "this":
                    continue
                found.replace(exp.Column(this=found.copy()))
        first = call.expressions[0] if call.expressions else None
        kind = self.of(first) if first is not None else None
        kinds = map_parts(kind) or [element(kind)]
        place = self._place
        self._place = _Place(names=dict(zip(names, [*kinds, *[None] * len(names)], strict=False)), outer=place)
        try:
            self._expression(node.this)
        finally:
            self._place = place


def element(kind: str | None) -> str | None:
    """The type of a list's elements; None where it is no list."""
    return kind[:-2] if kind and kind.endswith("[]") else None


def map_parts(kind: str | None) -> list[str | None] | None:
    """The types of a map's keys and values; None where it is no map."""
    if not kind or not kind.startswith("MAP(") or kind.endswith("]"):
        return None
    parts: list[str | None] = [*_parts(kind[4:-1])]
    return parts if len(parts) == 2 else None


def fields(kind: str | None) -> Columns | None:
    """The names and types of a row's fields; None where it is no row."""
    if not kind or not kind.startswith("STRUCT(") or kind.endswith("]"):
        return None
    found: Columns = {}
    for part in _parts(kind[7:-1]):
        named = re.fullmatch(r'("(?:[^"]|"")*"|\S+)\s+(.*)', part.strip(), re.DOTALL)
        if named is None:
            return None
        found[named[1].strip('"').replace('""', '"')] = named[2]
    return found


def _parts(text: str) -> list[str]:
    """What stands between the commas that lie in no parentheses."""
    found, start, depth = [], 0, 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            found.append(text[start:place].strip())
            start = place + 1
    return [*found, text[start:].strip()]


def decimal_parts(kind: str | None) -> tuple[int, int] | None:
    """Precision and scale of a decimal, and of integers as decimals; None of all else."""
    if kind is None:
        return None
    found = re.fullmatch(r"DECIMAL\((\d+),\s*(\d+)\)", kind)
    if found:
        return int(found[1]), int(found[2])
    digits = {"TINYINT": 3, "SMALLINT": 5, "INTEGER": 10, "BIGINT": 19, "HUGEINT": 38}.get(kind)
    return None if digits is None else (digits, 0)


def _literal(node: exp.Literal) -> str:
    text = str(node.this)
    if node.is_string:
        return "VARCHAR"
    if re.fullmatch(r"\d+", text):
        number = int(text)
        return "INTEGER" if number < 2**31 else "BIGINT" if number < 2**63 else "HUGEINT"
    if "e" in text.lower():
        return "DOUBLE"
    whole, _, fraction = text.partition(".")
    precision = max(1, len(whole.lstrip("0")) or 1) + len(fraction)
    return f"DECIMAL({precision},{len(fraction)})" if precision <= 38 else "DOUBLE"


def _null(kind: str) -> exp.Expr:
    """NULL of a type, spelled as DuckDB spells it."""
    if kind in ('"NULL"', "NULL"):
        return exp.Null()
    return exp.Cast(this=exp.Null(), to=exp.DataType(this=exp.DType.USERDEFINED, kind=kind))


def _renamed(columns: Columns, alias: exp.Expr | None) -> Columns:
    names = [column.name.lower() for column in alias.args.get("columns") or []] if alias is not None else []
    if not names:
        return columns
    kinds = list(columns.values())
    return dict(zip([*names, *list(columns)[len(names) :]], kinds, strict=False))
