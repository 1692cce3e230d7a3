"""What each statement does in a session."""

# ruff: noqa: S608 - names come from the catalog or are quoted, values are bound or quoted

from collections.abc import Callable

from sqlglot import exp

from eda_sandbox.services.redshift.sql import definitions, grants
from eda_sandbox.services.redshift.sql.copying import Copy, parse
from eda_sandbox.services.redshift.sql.errors import NOT_OFFERED, SqlError
from eda_sandbox.services.redshift.sql.language import Tokens, statements
from eda_sandbox.services.redshift.sql.meaning import read, translate, translate_parts
from eda_sandbox.services.redshift.sql.merge import check_merge, complete_merge
from eda_sandbox.services.redshift.sql.session import Outcome, Session
from eda_sandbox.services.redshift.sql.trees import duckdb_sql, name_projections, parts_of, substitute
from eda_sandbox.services.redshift.sql.types import from_stored


def run(session: Session, statement: Tokens, parameters: dict[str, str]) -> Outcome:
    """Run one statement in a session; what it raises is the session's to translate."""
    for words, command in _COMMANDS:
        if statement.starts_with(*words):
            command(session, statement)
            return Outcome(session.query_id)
    if statement.starts_with("COPY"):
        return _copy(session, statement)
    text = definitions.without_attributes(statement)
    tree = read(statement, text)
    substitute(tree, parameters)
    match tree:
        case exp.Create(kind="TABLE"):
            return Outcome(session.query_id, definitions.create_table(session, tree))
        case exp.Create(kind="VIEW"):
            definitions.create_view(session, tree)
        case exp.Drop(kind="TABLE" | "VIEW"):
            definitions.drop(session, tree)
        case exp.Query():
            return _query(session, tree)
        case exp.Insert() | exp.Update() | exp.Delete() | exp.Merge():
            return Outcome(session.query_id, _change(session, tree))
        case _:
            raise SqlError(f"{NOT_OFFERED} this statement: {text[:60]}")
    return Outcome(session.query_id)


def _query(session: Session, tree: exp.Query) -> Outcome:
    name_projections(tree)
    session.begin()
    session.read_from(tree)
    translate(session, tree)
    session.connection.execute(duckdb_sql(tree))
    columns = [(str(name), from_stored(str(kind))) for name, kind, *_ in session.connection.description or []]
    rows = session.connection.fetchall()
    return Outcome(session.query_id, len(rows), columns, rows)


def _change(session: Session, tree: exp.Insert | exp.Update | exp.Delete | exp.Merge) -> int:
    into = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
    if not isinstance(into, exp.Table):
        raise SqlError("syntax error: the statement names no table")
    target = session.catalog.table(parts_of(into))
    match tree:
        case exp.Insert():
            session.catalog.allow(target, "insert")
        case exp.Update() | exp.Delete():
            session.catalog.allow(target, "update" if isinstance(tree, exp.Update) else "delete")
            if tree.args.get("where"):
                session.catalog.allow(target, "select")
        case exp.Merge():
            complete_merge(session.catalog, tree, target)
            check_merge(session.catalog, tree, target)
    session.write(target, appends=isinstance(tree, exp.Insert))
    session.read_from(tree, but=into)
    into.set("db", exp.to_identifier(target.schema, quoted=True) if target.schema else None)
    into.set("catalog", None)
    _translate_change(session, tree, into)
    if isinstance(tree, exp.Merge):
        condition = duckdb_sql(tree.args["on"])
        source = duckdb_sql(tree.args["using"])
        doubled = session.catalog.ask(
            f"SELECT 1 FROM {target.quoted} JOIN {source} ON {condition} "
            f"GROUP BY {target.quoted}.rowid HAVING count(*) > 1 LIMIT 1"
        )
        if doubled:
            raise SqlError("Found multiple matches to update the same tuple.")
    [(count,)] = session.connection.execute(duckdb_sql(tree)).fetchall()
    return int(count)


def _translate_change(
    session: Session, tree: exp.Insert | exp.Update | exp.Delete | exp.Merge, into: exp.Table
) -> None:
    match tree:
        case exp.Insert():
            query = tree.expression
            if isinstance(query, exp.Query):
                translate(session, query)
            elif query is not None:
                translate_parts(session, [], [query])
        case exp.Update() | exp.Delete():
            more = tree.args.get("using") if isinstance(tree, exp.Delete) else [tree.args.get("from_")]
            sources = [found.this if isinstance(found, exp.From) else found for found in more or [] if found]
            translate_parts(session, [into, *sources], [*tree.expressions, tree.args.get("where")])
        case exp.Merge():
            whens = [when.args["then"] for when in tree.args["whens"].expressions]
            translate_parts(session, [into, tree.args["using"]], [tree.args["on"], *whens])


def _copy(session: Session, statement: Tokens) -> Outcome:
    options = parse(statement)
    target = session.catalog.table(options.table)
    session.catalog.allow(target, "insert")
    session.write(target, appends=True)
    columns = {column.name: column for column in session.catalog.columns(target)}
    if unknown := [name for name in options.columns if name not in columns]:
        raise SqlError(f'column "{unknown[0]}" of relation "{target.name}" does not exist')
    chosen = [columns[name] for name in options.columns or columns]
    copy = Copy(session.database, session.connection, options, target, chosen, session.query_id, session.check)
    return Outcome(session.query_id, copy.run())


def _truncate(session: Session, statement: Tokens) -> None:
    statement.expect("TRUNCATE")
    statement.accept("TABLE")
    target = session.catalog.table(statement.name())
    statement.finish()
    session.catalog.require_owner(target, "truncate")
    session.write(target)
    session.connection.execute(f"DELETE FROM {target.quoted}")
    # As in Redshift: TRUNCATE ends the transaction, with all that it did before.
    session.commit()


def _lock(session: Session, statement: Tokens) -> None:
    statement.expect("LOCK")
    [rest] = statements(statement.string())
    rest.accept("TABLE")
    for name in rest.names():
        target = session.catalog.table(name)
        session.catalog.allow(target, "select")
        if target.schema is not None:
            # The snapshot is taken by the statement behind it, so it sees what was waited for.
            session.database.locks.lock(session.transaction, target.key, False, session.cancelled.is_set)


def _set(session: Session, statement: Tokens) -> None:
    statement.expect("SET")
    setting = statement.identifier()
    if not statement.accept("TO"):
        statement.expect("=")
    if setting == "search_path":
        session.catalog.search_path = [name[-1] for name in statement.names()]
        statement.finish()
    elif setting != "query_group":
        raise SqlError(f"{NOT_OFFERED} the setting {setting}; it knows search_path and query_group")


def _commit_statement(session: Session, statement: Tokens) -> None:
    del statement
    session.commit()


def _rollback_statement(session: Session, statement: Tokens) -> None:
    del statement
    session.rollback()


def _nothing(session: Session, statement: Tokens) -> None:
    """Statements that tune what the sandbox does not tune, and BEGIN, as a transaction is always open."""
    del session, statement


_COMMANDS: list[tuple[tuple[str, ...], Callable[[Session, Tokens], None]]] = [
    (("BEGIN",), _nothing),
    (("START", "TRANSACTION"), _nothing),
    (("COMMIT",), _commit_statement),
    (("END",), _commit_statement),
    (("ROLLBACK",), _rollback_statement),
    (("ABORT",), _rollback_statement),
    (("ANALYZE",), _nothing),
    (("VACUUM",), _nothing),
    (("SET",), _set),
    (("LOCK",), _lock),
    (("TRUNCATE",), _truncate),
    (("ALTER", "TABLE"), definitions.alter_table),
    (("CREATE", "SCHEMA"), definitions.change_schema),
    (("DROP", "SCHEMA"), definitions.change_schema),
    (("CREATE", "USER"), grants.change),
    (("ALTER", "USER"), grants.change),
    (("DROP", "USER"), grants.change),
    (("ALTER", "DEFAULT", "PRIVILEGES"), grants.change),
    (("GRANT",), grants.change),
    (("REVOKE",), grants.change),
]
