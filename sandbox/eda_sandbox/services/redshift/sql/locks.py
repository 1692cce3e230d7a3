"""Write locks of tables, and what has changed since a transaction began.

Redshift lets one transaction at a time write to a table; the others wait. One that waited, and that had looked at the
data before, must not go on with what it saw: it fails with a serializable isolation violation. Two loads of the same
slot can therefore never both succeed by racing.
"""

import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from eda_sandbox.services.redshift.sql.errors import Cancelled, SqlError, isolation_violation

LOOK_SECONDS = 0.1
"""How often one that waits looks whether it was cancelled."""


@dataclass
class Transaction:
    """One transaction.

    Attributes:
        number: Redshift's ``xid``.
        snapshot: how many commits it sees; None until its first statement runs.
        read: tables it has looked at.
        written: tables it has locked.
    """

    number: int
    snapshot: int | None = None
    read: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)


class TableLocks:
    """The locks of one database."""

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.RLock())
        self._holders: dict[str, Transaction] = {}
        self._waiting: dict[int, str] = {}
        self._last: dict[str, tuple[int, int]] = {}
        self._commits = 0
        self._numbers = itertools.count(1000)

    def new(self) -> Transaction:
        """A transaction that has seen nothing yet."""
        return Transaction(next(self._numbers))

    def see(self, transaction: Transaction, begin: Callable[[], None]) -> None:
        """Take the snapshot that all further statements see; ``begin`` takes the database's own at the same moment."""
        with self._changed:
            begin()
            transaction.snapshot = self._commits

    def lock(self, transaction: Transaction, table: str, appends: bool, cancelled: Callable[[], bool]) -> None:
        """Wait for a table's write lock, which is kept to the transaction's end.

        Args:
            transaction: the one that writes.
            table: ``schema.table``.
            appends: whether it only adds rows.
            cancelled: asked while it waits.

        Raises:
            SqlError: a deadlock, or the table has changed since the transaction looked.
            Cancelled: while it waited.
        """
        with self._changed:
            while self._holders.get(table, transaction) is not transaction:
                self._waiting[transaction.number] = table
                try:
                    self._check_deadlock(transaction, table)
                    if cancelled():
                        raise Cancelled("Query was cancelled by the user.")
                    self._changed.wait(LOOK_SECONDS)
                finally:
                    del self._waiting[transaction.number]
            last, other = self._last.get(table, (0, 0))
            seen = transaction.snapshot
            if seen is not None and last > seen and (not appends or table in transaction.read):
                raise isolation_violation(table, transaction.number, other)
            self._holders[table] = transaction
            transaction.written.add(table)

    def end(self, transaction: Transaction, commit: Callable[[], None] | None) -> None:
        """Let go of everything; with ``commit``, what was written counts as changed when that has succeeded."""
        with self._changed:
            try:
                if commit is not None:
                    commit()
                    self._commits += 1
                    self._last.update(dict.fromkeys(transaction.written, (self._commits, transaction.number)))
            finally:
                for table in transaction.written:
                    del self._holders[table]
                transaction.written = set()
                self._changed.notify_all()

    def _check_deadlock(self, transaction: Transaction, table: str) -> None:
        holder = self._holders.get(table)
        while holder is not None and holder.number in self._waiting:
            holder = self._holders.get(self._waiting[holder.number])
            if holder is transaction:
                raise SqlError("deadlock detected")
