"""A session: runs statements one after the other, in a transaction."""

# ruff: noqa: S608 - names come from the catalog or are quoted, values are bound or quoted

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import duckdb
from eda_sandbox.services.redshift.sql import definitions, grants
from eda_sandbox.services.redshift.sql.catalog import Catalog, Relation
from eda_sandbox.services.redshift.sql.copying import Copy, parse
from eda_sandbox.services.redshift.sql.errors import NOT_OFFERED, Cancelled, SqlError, from_duckdb, missing_relation
from eda_sandbox.services.redshift.sql.language import Tokens, statements
from eda_sandbox.services.redshift.sql.merge import check_merge
from eda_sandbox.services.redshift.sql.trees import duckdb_sql, name_projections, parts_of, substitute, syntax_error
from eda_sandbox.services.redshift.sql.types import RedshiftType, from_stored
from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError

if TYPE_CHECKING:
    from eda_sandbox.services.redshift.sql.warehouse import Warehouse


@dataclass(frozen=True)
class Outcome:
    """What a statement did.

    Attributes:
        query_id: of the query in the database.
        count: rows that were returned or changed; -1 where that means nothing.
        columns: names and types of the result; None without one.
        rows: the result.
    """

    query_id: int
    count: int = -1
    columns: list[tuple[str, RedshiftType]] | None = None
    rows: list[tuple[Any, ...]] = field(default_factory=list)


class Session:
    """One connection of one user. It is used by one thread at a time, but ``cancel`` may come from any.

    Args:
        warehouse: the database.
        connection: DuckDB's.
        user: whose privileges hold.
        superuser: whether that one may do everything.
    """

    def __init__(
        self, warehouse: "Warehouse", connection: duckdb.DuckDBPyConnection, user: str, superuser: bool
    ) -> None:
        self.warehouse = warehouse
        self.user = user
        self.process_id = next(warehouse.process_ids)
        self.catalog = Catalog(connection, warehouse.name, user.lower(), superuser)
        self._connection = connection
        self._transaction = warehouse.locks.new()
        self._cancelled = threading.Event()
        self._ending = threading.Lock()
        self._query_id = 0

    def execute(self, statement: Tokens, parameters: dict[str, str] | None = None) -> Outcome:
        """Run one statement in the transaction that is open; the first one opens it.

        After an error the transaction has to be rolled back.

        Args:
            statement: one of what ``language.statements`` found.
            parameters: values for ``:name``, as strings.

        Raises:
            SqlError: the database refuses it.
            Cancelled: by ``cancel``.
        """
        self._query_id = next(self.warehouse.query_ids)
        try:
            self._check()
            return self._dispatch(statement, parameters or {})
        except duckdb.Error as error:
            raise self._translated(error) from error
        except SqlglotError as error:
            raise syntax_error(error) from error

    def commit(self) -> None:
        """End the transaction; the next statement opens another.

        Raises:
            SqlError: it conflicts with another one.
        """
        begun = self._transaction.snapshot is not None
        try:
            self.warehouse.locks.end(self._transaction, self._commit if begun else None)
        except duckdb.Error as error:
            raise self._translated(error) from error
        finally:
            self._transaction = self.warehouse.locks.new()

    def rollback(self) -> None:
        """Undo what the transaction has done."""
        if self._transaction.snapshot is not None:
            # DuckDB may have ended it itself.
            with self._ending, contextlib.suppress(duckdb.TransactionException):
                self._connection.execute("ROLLBACK")
        self.warehouse.locks.end(self._transaction, None)
        self._transaction = self.warehouse.locks.new()

    def cancel(self) -> None:
        """Stop what runs, and let nothing further run."""
        self._cancelled.set()
        # A COMMIT that has begun is left to its end; the connection may be closed meanwhile.
        with self._ending, contextlib.suppress(duckdb.ConnectionException):
            self._connection.interrupt()

    def close(self) -> None:
        """End the session; its temporary tables are gone, and so is what was not committed."""
        self.rollback()
        self._connection.close()

    def write(self, relation: Relation, appends: bool = False) -> None:
        """Take the write lock of a table, and open the transaction where none is open.

        Raises:
            SqlError: a conflict with another transaction.
            Cancelled: while it waited.
        """
        if relation.schema is not None:
            self.warehouse.locks.lock(self._transaction, relation.key, appends, self._cancelled.is_set)
        self.begin()

    def begin(self) -> None:
        """Open the transaction where none is open; it sees what is committed now."""
        if self._transaction.snapshot is None:
            self.warehouse.locks.see(self._transaction, self._snapshot)

    def _snapshot(self) -> None:
        self._connection.execute("BEGIN")
        # DuckDB takes its snapshot when the transaction first looks at the database.
        self._connection.execute("SELECT 1 FROM _redshift.users LIMIT 1").fetchall()

    def _commit(self) -> None:
        with self._ending:
            try:
                self._check()
                self._connection.execute("COMMIT")
            except (Cancelled, duckdb.Error):
                with contextlib.suppress(duckdb.TransactionException):
                    self._connection.execute("ROLLBACK")
                raise

    def _check(self) -> None:
        if self._cancelled.is_set():
            raise Cancelled("Query was cancelled by the user.")

    def _translated(self, error: duckdb.Error) -> Exception:
        if self._cancelled.is_set():
            return Cancelled("Query was cancelled by the user.")
        return from_duckdb(error)

    def _dispatch(self, statement: Tokens, parameters: dict[str, str]) -> Outcome:
        for words, run in _COMMANDS:
            if statement.starts_with(*words):
                run(self, statement)
                return Outcome(self._query_id)
        if statement.starts_with("COPY"):
            return self._copy(statement)
        text = definitions.without_attributes(statement)
        tree = parse_one(text, read="redshift")
        substitute(tree, parameters)
        match tree:
            case exp.Create(kind="TABLE"):
                return Outcome(self._query_id, definitions.create_table(self, tree))
            case exp.Create(kind="VIEW"):
                definitions.create_view(self, tree)
            case exp.Drop(kind="TABLE" | "VIEW"):
                definitions.drop(self, tree)
            case exp.Query():
                return self._query(tree)
            case exp.Insert() | exp.Update() | exp.Delete() | exp.Merge():
                return Outcome(self._query_id, self._change(tree))
            case _:
                raise SqlError(f"{NOT_OFFERED} this statement: {text[:60]}")
        return Outcome(self._query_id)

    def _query(self, tree: exp.Query) -> Outcome:
        name_projections(tree)
        self.begin()
        self.read_from(tree)
        self._connection.execute(duckdb_sql(tree))
        columns = [(str(name), from_stored(str(kind))) for name, kind, *_ in self._connection.description or []]
        rows = self._connection.fetchall()
        return Outcome(self._query_id, len(rows), columns, rows)

    def _change(self, tree: exp.Insert | exp.Update | exp.Delete | exp.Merge) -> int:
        into = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
        if not isinstance(into, exp.Table):
            raise SqlError("syntax error: the statement names no table")
        target = self.catalog.table(parts_of(into))
        match tree:
            case exp.Insert():
                self.catalog.allow(target, "insert")
            case exp.Update() | exp.Delete():
                self.catalog.allow(target, "update" if isinstance(tree, exp.Update) else "delete")
                if tree.args.get("where"):
                    self.catalog.allow(target, "select")
            case exp.Merge():
                check_merge(self.catalog, tree, target)
        self.write(target, appends=isinstance(tree, exp.Insert))
        self.read_from(tree, but=into)
        into.set("db", exp.to_identifier(target.schema, quoted=True) if target.schema else None)
        into.set("catalog", None)
        if isinstance(tree, exp.Merge):
            condition = duckdb_sql(tree.args["on"])
            source = duckdb_sql(tree.args["using"])
            doubled = self.catalog.ask(
                f"SELECT 1 FROM {target.quoted} JOIN {source} ON {condition} "
                f"GROUP BY {target.quoted}.rowid HAVING count(*) > 1 LIMIT 1"
            )
            if doubled:
                raise SqlError("Found multiple matches to update the same tuple.")
        [(count,)] = self._connection.execute(duckdb_sql(tree)).fetchall()
        return int(count)

    def read_from(self, tree: exp.Expr, but: exp.Table | None = None) -> None:
        """Demand SELECT on every relation that a query reads, and write their full names into it.

        Raises:
            SqlError: one does not exist, or the user may not read it.
        """
        defined = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
        for table in list(tree.find_all(exp.Table)):
            if table is but:
                continue
            if not isinstance(table.this, exp.Identifier):
                raise SqlError(f"function {table.this.sql('redshift').partition('(')[0].lower()} does not exist")
            parts = parts_of(table)
            if len(parts) == 1 and parts[0] in defined:
                continue
            relation = self.catalog.find(parts)
            if relation is None:
                raise missing_relation(".".join(parts))
            self.catalog.allow(relation, "select")
            if relation.schema is not None:
                self._transaction.read.add(relation.key)
            if relation.kind == "system" and not table.alias:
                table.set("alias", exp.TableAlias(this=exp.to_identifier(parts[-1])))
            table.set("catalog", None)
            table.set("db", exp.to_identifier(relation.schema, quoted=True) if relation.schema else None)
            table.set("this", exp.to_identifier(relation.name, quoted=True))

    def _copy(self, statement: Tokens) -> Outcome:
        options = parse(statement)
        target = self.catalog.table(options.table)
        self.catalog.allow(target, "insert")
        self.write(target, appends=True)
        columns = {column.name: column for column in self.catalog.columns(target)}
        if unknown := [name for name in options.columns if name not in columns]:
            raise SqlError(f'column "{unknown[0]}" of relation "{target.name}" does not exist')
        chosen = [columns[name] for name in options.columns or columns]
        copy = Copy(self.warehouse, self._connection, options, target, chosen, self._query_id, self._check)
        return Outcome(self._query_id, copy.run())

    def _truncate(self, statement: Tokens) -> None:
        statement.expect("TRUNCATE")
        statement.accept("TABLE")
        target = self.catalog.table(statement.name())
        statement.finish()
        self.catalog.require_owner(target, "truncate")
        self.write(target)
        self._connection.execute(f"DELETE FROM {target.quoted}")
        # As in Redshift: TRUNCATE ends the transaction, with all that it did before.
        self.commit()

    def _lock(self, statement: Tokens) -> None:
        statement.expect("LOCK")
        [rest] = statements(statement.string())
        rest.accept("TABLE")
        for name in rest.names():
            target = self.catalog.table(name)
            self.catalog.allow(target, "select")
            if target.schema is not None:
                # The snapshot is taken by the statement behind it, so it sees what was waited for.
                self.warehouse.locks.lock(self._transaction, target.key, False, self._cancelled.is_set)

    def _set(self, statement: Tokens) -> None:
        statement.expect("SET")
        setting = statement.identifier()
        if not statement.accept("TO"):
            statement.expect("=")
        if setting == "search_path":
            self.catalog.search_path = [name[-1] for name in statement.names()]
            statement.finish()
        elif setting != "query_group":
            raise SqlError(f"{NOT_OFFERED} the setting {setting}; it knows search_path and query_group")

    def _alter_table(self, statement: Tokens) -> None:
        definitions.alter_table(self, statement)

    def _schema(self, statement: Tokens) -> None:
        definitions.change_schema(self, statement)

    def _privileges(self, statement: Tokens) -> None:
        grants.change(self, statement)

    def _commit_statement(self, statement: Tokens) -> None:
        del statement
        self.commit()

    def _rollback_statement(self, statement: Tokens) -> None:
        del statement
        self.rollback()

    def _nothing(self, statement: Tokens) -> None:
        """Statements that tune what the sandbox does not tune, and BEGIN, as a transaction is always open."""
        del statement


_COMMANDS: list[tuple[tuple[str, ...], Callable[[Session, Tokens], None]]] = [
    (("BEGIN",), Session._nothing),
    (("START", "TRANSACTION"), Session._nothing),
    (("COMMIT",), Session._commit_statement),
    (("END",), Session._commit_statement),
    (("ROLLBACK",), Session._rollback_statement),
    (("ABORT",), Session._rollback_statement),
    (("ANALYZE",), Session._nothing),
    (("VACUUM",), Session._nothing),
    (("SET",), Session._set),
    (("LOCK",), Session._lock),
    (("TRUNCATE",), Session._truncate),
    (("ALTER", "TABLE"), Session._alter_table),
    (("CREATE", "SCHEMA"), Session._schema),
    (("DROP", "SCHEMA"), Session._schema),
    (("CREATE", "USER"), Session._privileges),
    (("ALTER", "USER"), Session._privileges),
    (("DROP", "USER"), Session._privileges),
    (("ALTER", "DEFAULT", "PRIVILEGES"), Session._privileges),
    (("GRANT",), Session._privileges),
    (("REVOKE",), Session._privileges),
]
