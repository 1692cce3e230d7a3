"""CREATE, ALTER and DROP of schemas, tables and views."""

# ruff: noqa: S608 - names come from the catalog or are quoted, values are bound or quoted

import secrets
from dataclasses import replace

from sqlglot import exp, parse_one
from sqlglot.tokenizer_core import Token, TokenType

from eda_sandbox.services.redshift.sql.catalog import Column, Relation, quoted
from eda_sandbox.services.redshift.sql.errors import NOT_OFFERED, SqlError
from eda_sandbox.services.redshift.sql.language import Tokens, statements
from eda_sandbox.services.redshift.sql.meaning import RedshiftSql, translate, translate_parts
from eda_sandbox.services.redshift.sql.session import Session
from eda_sandbox.services.redshift.sql.trees import duckdb_sql, name_projections, parts_of
from eda_sandbox.services.redshift.sql.types import RedshiftType, from_definition

_LAYOUT = {"DISTSTYLE": 1, "ENCODE": 1, "BACKUP": 1, "DISTKEY": 0, "SORTKEY": 0, "COMPOUND": 0, "INTERLEAVED": 0}
"""Attributes that only tune, with the number of words behind each."""


def without_attributes(statement: Tokens) -> str:
    """The text without the attributes of a CREATE TABLE that say how rows lie on disks."""
    items = statement.items
    if not statement.starts_with("CREATE") or "TABLE" not in [item.text.upper() for item in items[1:4]]:
        return statement.text
    base, kept, index, depth = items[0].start, [], 0, 0
    while index < len(items):
        token = items[index]
        word = token.text.upper()
        if token.token_type is TokenType.ALIAS and depth == 0:
            break
        if word in _LAYOUT and token.token_type not in (TokenType.STRING, TokenType.IDENTIFIER):
            before = items[index - 1].text
            if before not in ("(", ",") or depth == 0:
                index += 1 + _LAYOUT[word]
                if word in ("DISTKEY", "SORTKEY") and index < len(items):
                    index = _past_parentheses(items, index)
                continue
        depth += (token.text == "(") - (token.text == ")")
        kept.append(statement.text[token.start - base : token.end + 1 - base])
        index += 1
    rest = statement.text[items[index].start - base :] if index < len(items) else ""
    return " ".join([*kept, rest])


def _past_parentheses(items: list[Token], index: int) -> int:
    if items[index].text.upper() == "AUTO":
        return index + 1
    if items[index].text != "(":
        return index
    while items[index].text != ")" and index + 1 < len(items):
        index += 1
    return index + 1


def create_table(session: Session, tree: exp.Create) -> int:
    """CREATE TABLE, with columns, LIKE another table, or AS a query; returns the number of rows that it holds."""
    catalog = session.catalog
    properties = tree.args["properties"].expressions if tree.args.get("properties") else []
    temporary = any(isinstance(found, exp.TemporaryProperty) for found in properties)
    schema = tree.this if isinstance(tree.this, exp.Schema) else None
    table = schema.this if schema else tree.this
    name = parts_of(table)
    if name[-1].startswith("#"):
        temporary, name = True, [name[-1]]
    relation = catalog.new(name, temporary)
    session.write(relation)
    existing = catalog.find([*([relation.schema] if relation.schema else []), relation.name])
    if existing is not None and existing.schema == relation.schema:
        if tree.args.get("exists"):
            return -1
        raise SqlError(f'Relation "{relation.name}" already exists')
    if tree.expression:
        query = tree.expression
        name_projections(query)
        session.read_from(query)
        translate(session, query)
        kind = "TEMP TABLE" if temporary else "TABLE"
        listed = f" ({', '.join(quoted(c.name.lower()) for c in schema.expressions)})" if schema else ""
        [(count,)] = catalog.ask(f"CREATE {kind} {relation.quoted}{listed} AS {duckdb_sql(query)}")
        rows = int(count)
    else:
        if schema is None:
            raise SqlError("syntax error at end of input: the table has no columns")
        catalog.make(relation, _columns(session, schema))
        rows = -1
    if relation.schema is not None:
        catalog.own("table", relation.key)
    return rows


def _columns(session: Session, schema: exp.Schema) -> list[Column]:
    found: list[Column] = []
    keys: set[str] = set()
    for part in schema.expressions:
        match part:
            case exp.ColumnDef():
                found.append(_column(session, part))
            case exp.LikeProperty():
                source = session.catalog.get(parts_of(part.this))
                session.catalog.allow(source, "select")
                defaults = any(str(option.args.get("value", "")).upper() == "DEFAULTS" for option in part.expressions)
                found += [
                    column if defaults else replace(column, default=None) for column in session.catalog.columns(source)
                ]
            case exp.PrimaryKey():
                keys |= {key.name.lower() for key in part.expressions}
            case exp.Constraint() | exp.UniqueColumnConstraint() | exp.ForeignKey():
                continue  # Redshift keeps them for its planner and enforces none.
            case _:
                raise SqlError(f'syntax error at or near "{part.sql("redshift")}"')
    names = [column.name for column in found]
    if doubled := next((name for name in names if names.count(name) > 1), None):
        raise SqlError(f'column "{doubled}" specified more than once')
    if unknown := keys - set(names):
        raise SqlError(f'column "{min(unknown)}" named in key does not exist')
    return [replace(column, nullable=column.nullable and column.name not in keys) for column in found]


def _column(session: Session, definition: exp.ColumnDef) -> Column:
    if definition.kind is None:
        raise SqlError(f'syntax error at or near "{definition.name}"')
    column = Column(definition.name.lower(), from_definition(definition.kind))
    for constraint in definition.constraints:
        match constraint.kind:
            case exp.NotNullColumnConstraint():
                column = replace(column, nullable=bool(constraint.kind.args.get("allow_null")))
            case exp.PrimaryKeyColumnConstraint():
                column = replace(column, nullable=False)
            case exp.DefaultColumnConstraint():
                translate_parts(session, [], [constraint.kind])
                column = replace(column, default=duckdb_sql(constraint.kind.this))
            case exp.GeneratedAsIdentityColumnConstraint():
                start, step = constraint.kind.args["start"].name, constraint.kind.args["increment"].name
                sequence = f"_redshift.identity_{secrets.token_hex(6)}"
                session.catalog.ask(f"CREATE SEQUENCE {sequence} START {int(start)} INCREMENT {int(step)}")
                column = replace(column, nullable=False, default=f"nextval('{sequence}')")
            case exp.UniqueColumnConstraint() | exp.Reference() | exp.EncodeColumnConstraint():
                continue
            case _:
                raise SqlError(f"{NOT_OFFERED} the column constraint {constraint.sql('redshift')}")
    return column


def create_view(session: Session, tree: exp.Create) -> None:
    """CREATE [OR REPLACE] VIEW; reading it needs privileges on the view alone, as its owner holds those below."""
    catalog = session.catalog
    name = parts_of(tree.this.this if isinstance(tree.this, exp.Schema) else tree.this)
    relation = catalog.new(name, False)
    session.write(relation)
    query = tree.expression
    name_projections(query)
    session.read_from(query)
    translate(session, query)
    existing = catalog.find(name)
    if existing is not None and existing.schema == relation.schema:
        if not tree.args.get("replace") or existing.kind != "view":
            raise SqlError(f'Relation "{relation.name}" already exists')
        catalog.require_owner(existing, "alter")
    else:
        catalog.own("table", relation.key)
    columns = f" ({', '.join(c.sql('duckdb') for c in tree.this.expressions)})" if tree.this.expressions else ""
    catalog.ask(f"CREATE OR REPLACE VIEW {relation.quoted}{columns} AS {duckdb_sql(query)}")


def drop(session: Session, tree: exp.Drop) -> None:
    """DROP TABLE or VIEW."""
    catalog, kind = session.catalog, str(tree.args["kind"]).lower()
    for table in tree.args.get("tables") or [tree.this]:
        name = parts_of(table)
        found = catalog.find(name)
        if found is None:
            if tree.args.get("exists"):
                continue
            raise SqlError(f'{kind.capitalize()} "{name[-1]}" does not exist')
        if found.kind != kind:
            raise SqlError(f'"{found.name}" is not a {kind}')
        catalog.require_owner(found, "drop")
        session.write(found)
        catalog.ask(f"DROP {kind.upper()} {found.quoted}")
        catalog.forget("table", found.key)


def change_schema(session: Session, statement: Tokens) -> None:
    """CREATE and DROP SCHEMA."""
    catalog, verb = session.catalog, statement.word
    statement.expect(verb, "SCHEMA")
    tolerant = statement.accept("IF", "NOT", "EXISTS") or statement.accept("IF", "EXISTS")
    name = statement.name()[-1]
    owner = statement.identifier() if statement.accept("AUTHORIZATION") else catalog.user
    cascade = statement.accept("CASCADE")
    statement.accept("RESTRICT")
    statement.finish()
    session.begin()
    exists = catalog.has_schema(name)
    if exists is (verb == "CREATE"):
        if tolerant:
            return
        raise SqlError(f'schema "{name}" {"already exists" if exists else "does not exist"}')
    if verb == "CREATE":
        if name.startswith(("pg_", "_redshift")) or name in ("main", "information_schema", "temp"):
            raise SqlError(f'unacceptable schema name "{name}"')
        catalog.require("database", "", "create")
        if not catalog.has_user(owner):
            raise SqlError(f'user "{owner}" does not exist')
        catalog.ask(f"CREATE SCHEMA {quoted(name)}")
        catalog.ask("INSERT INTO _redshift.owners VALUES ('schema', ?, ?)", name, owner)
        return
    catalog.require("schema", name, "drop")
    inside = catalog.ask("SELECT table_name, table_type FROM _redshift.svv_tables WHERE table_schema = ?", name)
    if inside and not cascade:
        raise SqlError(f'cannot drop schema "{name}" because other objects depend on it')
    for table, kind in inside:
        relation = Relation(name, table, "view" if kind == "VIEW" else "table")
        session.write(relation)
        catalog.ask(f"DROP {relation.kind.upper()} {relation.quoted}")
        catalog.forget("table", relation.key)
    catalog.ask(f"DROP SCHEMA {quoted(name)}")
    catalog.forget("schema", name)


def alter_table(session: Session, statement: Tokens) -> None:
    """ALTER TABLE: columns, names and owner; what only tunes is accepted."""
    catalog = session.catalog
    statement.expect("ALTER", "TABLE")
    relation = catalog.get(statement.name())
    catalog.require_owner(relation, "alter")
    session.write(relation)
    columns = catalog.columns(relation)
    if statement.accept("ADD"):
        statement.accept("COLUMN")
        added = _parsed_column(session, statement)
        if any(column.name == added.name for column in columns):
            raise SqlError(f'column "{added.name}" of relation "{relation.name}" already exists')
        _rebuild(session, relation, [*columns, added], {added.name: added.default or "NULL"})
    elif statement.accept("DROP"):
        statement.accept("COLUMN")
        name = _known(columns, relation, statement.identifier())
        _rebuild(session, relation, [column for column in columns if column.name != name])
    elif statement.accept("RENAME", "TO"):
        _rename(session, relation, statement.identifier())
    elif statement.accept("RENAME"):
        statement.accept("COLUMN")
        old = _known(columns, relation, statement.identifier())
        statement.expect("TO")
        new = statement.identifier()
        renamed = [replace(column, name=new) if column.name == old else column for column in columns]
        _rebuild(session, relation, renamed, {new: quoted(old)})
    elif statement.accept("ALTER", "COLUMN") or statement.accept("ALTER"):
        if statement.word in ("DISTSTYLE", "DISTKEY", "SORTKEY", "ENCODE", "COMPOUND"):
            return
        name = _known(columns, relation, statement.identifier())
        if statement.accept("ENCODE"):
            return
        statement.expect("TYPE")
        if session.in_block:
            # Redshift documentation, ALTER TABLE: not within a transaction block.
            raise SqlError("ALTER TABLE ALTER COLUMN cannot run inside a transaction block")
        changed = next(column for column in columns if column.name == name)
        kind = _parsed_type(statement)
        if not (changed.type.is_string and kind.is_string):
            raise SqlError(f'cannot alter column "{name}" of relation "{relation.name}" to type {kind.name}')
        _rebuild(session, relation, [replace(c, type=kind) if c.name == name else c for c in columns])
    elif statement.accept("OWNER", "TO"):
        owner = statement.identifier()
        if not catalog.has_user(owner):
            raise SqlError(f'user "{owner}" does not exist')
        catalog.ask("DELETE FROM _redshift.owners WHERE kind = 'table' AND object = ?", relation.key)
        catalog.ask("INSERT INTO _redshift.owners VALUES ('table', ?, ?)", relation.key, owner)
    else:
        raise SqlError(f"{NOT_OFFERED} ALTER TABLE … {statement.word}")


def _parsed_column(session: Session, statement: Tokens) -> Column:
    text = without_attributes(_rest(statement, "CREATE TABLE t (", ")"))
    tree = parse_one(text, read=RedshiftSql)
    return _columns(session, tree.this)[0]


def _parsed_type(statement: Tokens) -> RedshiftType:
    tree = parse_one(_rest(statement, "CREATE TABLE t (c ", ")").text, read=RedshiftSql)
    return from_definition(tree.this.expressions[0].kind)


def _rest(statement: Tokens, before: str, after: str) -> Tokens:
    if statement.ended:
        raise statement.error()
    start = statement.items[statement.position].start - statement.items[0].start
    return statements(before + statement.text[start:] + after)[0]


def _known(columns: list[Column], relation: Relation, name: str) -> str:
    if all(column.name != name for column in columns):
        raise SqlError(f'column "{name}" of relation "{relation.name}" does not exist')
    return name


def _rename(session: Session, relation: Relation, name: str) -> None:
    catalog = session.catalog
    if relation.schema is not None and catalog.find([relation.schema, name]):
        raise SqlError(f'Relation "{name}" already exists')
    catalog.ask(f"ALTER {relation.kind.upper()} {relation.quoted} RENAME TO {quoted(name)}")
    renamed = replace(relation, name=name)
    for table in ("owners", "privileges"):
        catalog.ask(
            f"UPDATE _redshift.{table} SET object = ? WHERE kind = 'table' AND object = ?",
            renamed.key,
            relation.key,
        )


def _rebuild(session: Session, relation: Relation, columns: list[Column], values: dict[str, str] | None = None) -> None:
    """Make a table anew with other columns: DuckDB changes none that has a check, as every string here has."""
    catalog, given = session.catalog, values or {}
    if not columns:
        raise SqlError(f'cannot drop the only column of relation "{relation.name}"')
    made = replace(relation, name=f"rebuilt_{secrets.token_hex(6)}")
    catalog.make(made, columns)
    selected = ", ".join(given.get(column.name, quoted(column.name)) for column in columns)
    catalog.ask(f"INSERT INTO {made.quoted} SELECT {selected} FROM {relation.quoted}")
    catalog.ask(f"DROP TABLE {relation.quoted}")
    catalog.ask(f"ALTER TABLE {made.quoted} RENAME TO {quoted(relation.name)}")
