"""A session: one user's statements, one after the other, in a transaction."""

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import duckdb
from sqlglot import exp
from sqlglot.errors import SqlglotError

from eda_sandbox.services.redshift.sql.catalog import Catalog, Relation
from eda_sandbox.services.redshift.sql.database import Database
from eda_sandbox.services.redshift.sql.errors import Cancelled, SqlError, from_duckdb, missing_relation
from eda_sandbox.services.redshift.sql.language import Tokens
from eda_sandbox.services.redshift.sql.trees import parts_of, syntax_error
from eda_sandbox.services.redshift.sql.types import RedshiftType


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
        database: what it is a session of.
        connection: DuckDB's.
        user: whose privileges hold.
        superuser: whether that one may do everything.
        run: runs a statement with its parameters in the session (``execution.run``).
    """

    def __init__(
        self,
        database: Database,
        connection: duckdb.DuckDBPyConnection,
        user: str,
        superuser: bool,
        run: "Callable[[Session, Tokens, dict[str, str]], Outcome]",
    ) -> None:
        self.database = database
        self.user = user
        self.process_id = next(database.process_ids)
        self.catalog = Catalog(connection, database.name, user.lower(), superuser)
        self.connection = connection
        self.transaction = database.locks.new()
        self.cancelled = threading.Event()
        self._ending = threading.Lock()
        self._run = run
        self.query_id = 0
        self.in_block = False
        """Whether statements belong together: some are refused inside a transaction block."""

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
        self.query_id = next(self.database.query_ids)
        try:
            self.check()
            return self._run(self, statement, parameters or {})
        except duckdb.Error as error:
            raise self._translated(error) from error
        except SqlglotError as error:
            raise syntax_error(error) from error

    def commit(self) -> None:
        """End the transaction; the next statement opens another.

        Raises:
            SqlError: it conflicts with another one.
        """
        begun = self.transaction.snapshot is not None
        try:
            self.database.locks.end(self.transaction, self._commit if begun else None)
        except duckdb.Error as error:
            raise self._translated(error) from error
        finally:
            self.transaction = self.database.locks.new()

    def rollback(self) -> None:
        """Undo what the transaction has done."""
        if self.transaction.snapshot is not None:
            # DuckDB may have ended it itself.
            with self._ending, contextlib.suppress(duckdb.TransactionException):
                self.connection.execute("ROLLBACK")
        self.database.locks.end(self.transaction, None)
        self.transaction = self.database.locks.new()

    def cancel(self) -> None:
        """Stop what runs, and let nothing further run."""
        self.cancelled.set()
        # A COMMIT that has begun is left to its end; the connection may be closed meanwhile.
        with self._ending, contextlib.suppress(duckdb.ConnectionException):
            self.connection.interrupt()

    def close(self) -> None:
        """End the session; its temporary tables are gone, and so is what was not committed."""
        self.rollback()
        self.connection.close()

    def write(self, relation: Relation, appends: bool = False) -> None:
        """Take the write lock of a table, and open the transaction where none is open.

        Raises:
            SqlError: a conflict with another transaction.
            Cancelled: while it waited.
        """
        if relation.schema is not None:
            self.database.locks.lock(self.transaction, relation.key, appends, self.cancelled.is_set)
        self.begin()

    def begin(self) -> None:
        """Open the transaction where none is open; it sees what is committed now."""
        if self.transaction.snapshot is None:
            self.database.locks.see(self.transaction, self._snapshot)

    def _snapshot(self) -> None:
        self.connection.execute("BEGIN")
        # DuckDB takes its snapshot when the transaction first looks at the database.
        self.connection.execute("SELECT 1 FROM _redshift.users LIMIT 1").fetchall()

    def _commit(self) -> None:
        with self._ending:
            try:
                self.check()
                self.connection.execute("COMMIT")
            except (Cancelled, duckdb.Error):
                with contextlib.suppress(duckdb.TransactionException):
                    self.connection.execute("ROLLBACK")
                raise

    def check(self) -> None:
        """Whether it may go on.

        Raises:
            Cancelled: by ``cancel``.
        """
        if self.cancelled.is_set():
            raise Cancelled("Query was cancelled by the user.")

    def _translated(self, error: duckdb.Error) -> Exception:
        if self.cancelled.is_set():
            return Cancelled("Query was cancelled by the user.")
        return from_duckdb(error)

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
                self.transaction.read.add(relation.key)
            if relation.kind == "system" and not table.alias:
                table.set("alias", exp.TableAlias(this=exp.to_identifier(parts[-1])))
            table.set("catalog", None)
            table.set("db", exp.to_identifier(relation.schema, quoted=True) if relation.schema else None)
            table.set("this", exp.to_identifier(relation.name, quoted=True))
