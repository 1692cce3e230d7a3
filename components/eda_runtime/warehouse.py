"""The warehouse's schema, tables, user and grants as the stack wants them, and migrations that take effect once.

What is there is looked at, and only what lacks is added: columns, length of text columns, the job's user. Nothing is
dropped, narrowed or changed in its type: that is a migration's work.

A migration is run in one transaction with its row of ``migration_ledger`` in the warehouse itself. The transaction
first locks that table and fails where the row is there, so a migration takes effect once, whatever a deployment
remembers, repeats or leaves behind.

``migration_ledger``: ``id`` (``<table>/<number>``), ``digest`` (SHA-256 of the statement), ``applied_at``.
"""

import hashlib
import random
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from eda_runtime.load_statements import LOAD_LEDGER_COLUMNS, Columns, literal, quoted, type_family
from eda_runtime.logger import logger
from eda_runtime.reader_secret import digest, password_of

POLL_SECONDS, MAX_POLL_SECONDS = 0.1, 5.0
PROPAGATION_SECONDS = 20.0
"""How long a refusal may be a role that was made a moment ago (IAM documentation, changes are not always immediately
visible)."""
CONFLICTS = ("Serializable isolation violation", "conflict with concurrent transaction")
"""What Redshift says of a transaction that met another one (Redshift documentation, serializable isolation, for data
and for definitions)."""
CONFLICT_TRIES = 8
MIGRATION_LEDGER_COLUMNS: Columns = (("id", "VARCHAR(160)"), ("digest", "VARCHAR(64)"), ("applied_at", "TIMESTAMP"))
_LENGTH = re.compile(r"\((\d+|max)\)", re.IGNORECASE)
MAX_LENGTH = 65535
"""Bytes of a VARCHAR (Redshift documentation, character types)."""


class WarehouseError(Exception):
    """The warehouse is not, and cannot be made, as the stack wants it; the message names what, and the way out."""


@dataclass(frozen=True)
class Reader:
    """A user who may read the target, and nothing else.

    Attributes:
        user: its name, in lower case.
        secret_arn: the secret with its name and password.
    """

    user: str
    secret_arn: str


@dataclass(frozen=True)
class Wanted:
    """What the warehouse has to have.

    Attributes:
        schema: of the tables.
        table: the target of the load.
        columns: its columns, Redshift types by name.
        user: the database user that loads.
        migrations: SQL of the stack's own, in order.
        reader: who may read the table; None for nobody.
    """

    schema: str
    table: str
    columns: Columns
    user: str
    migrations: tuple[str, ...]
    reader: Reader | None = None


@dataclass(frozen=True)
class Warehouse:
    """One database, through the Redshift Data API.

    Args:
        redshift_data: a Redshift Data API client.
        workgroup_name: the Redshift Serverless workgroup.
        database: its database.
        secret_arn: the secret of a superuser.
        remaining_seconds: how long the caller may still wait.
        secretsmanager: a Secrets Manager client; needed for a reader.
        sleep: waits seconds.
        clock: seconds from any start.
    """

    redshift_data: Any
    workgroup_name: str
    database: str
    secret_arn: str
    remaining_seconds: Callable[[], float]
    secretsmanager: Any = None
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def bring_to(self, wanted: Wanted) -> list[str]:
        """Add what lacks, and run the migrations that have not run.

        Returns:
            What was done, a statement each; empty when nothing was.

        Raises:
            WarehouseError: a column has another type, a migration was changed after it had run, or a statement fails.
        """
        self._run(
            [
                f"CREATE SCHEMA IF NOT EXISTS {quoted(wanted.schema)}",
                _table(wanted.schema, "load_ledger", LOAD_LEDGER_COLUMNS),
                _table(wanted.schema, "migration_ledger", MIGRATION_LEDGER_COLUMNS),
                # Without a primary key: Redshift enforces none, and refuses to lengthen its column.
                _table(wanted.schema, wanted.table, wanted.columns),
            ]
        )
        done = [*self._columns(wanted), *self._user(wanted)]
        for sql in done:
            self._run([sql])
        self._run(_grants(wanted))
        if wanted.reader is not None:
            self._let_read(wanted, wanted.reader)
        return [*done, *self._migrate(wanted)]

    def _columns(self, wanted: Wanted) -> Iterator[str]:
        """The statements that add what the target lacks."""
        found = {
            str(name): (str(kind), length)
            for name, kind, length in self._ask(
                "SELECT column_name, data_type, character_maximum_length FROM svv_columns "  # noqa: S608 - literals
                f"WHERE table_schema = {literal(wanted.schema)} AND table_name = {literal(wanted.table)}"
            )
        }
        goal = f"{quoted(wanted.schema)}.{quoted(wanted.table)}"
        for name, kind in wanted.columns:
            if name not in found:
                yield f"ALTER TABLE {goal} ADD COLUMN {quoted(name)} {kind}"
                continue
            there, length = found[name]
            if type_family(there) != type_family(kind.partition("(")[0]):
                raise WarehouseError(
                    f"the column {name} of {goal} is {there}, and the stack wants {kind}; give the new type to a new "
                    "column, or change it by a migration"
                )
            if length is not None and _length(kind) > int(length):
                # Redshift refuses it inside a transaction block, so it is a statement of its own.
                yield f"ALTER TABLE {goal} ALTER COLUMN {quoted(name)} TYPE {kind}"

    def _user(self, wanted: Wanted) -> Iterator[str]:
        if not self._knows(wanted.user):
            yield f"CREATE USER {quoted(wanted.user)} PASSWORD DISABLE"

    def _knows(self, user: str) -> bool:
        return bool(self._ask(f"SELECT 1 FROM pg_user WHERE usename = {literal(user)}"))  # noqa: S608 - a literal

    def _let_read(self, wanted: Wanted, reader: Reader) -> None:
        """The reader with the secret's password, whichever of the two was there first, and its grants."""
        password = password_of(self.secretsmanager, reader.secret_arn, reader.user)
        user, schema = quoted(reader.user), quoted(wanted.schema)
        verb = "ALTER" if self._knows(reader.user) else "CREATE"
        self._run(
            [
                f"{verb} USER {user} PASSWORD {literal(digest(reader.user, password))}",
                f"GRANT USAGE ON SCHEMA {schema} TO {user}",
                f"GRANT SELECT ON {schema}.{quoted(wanted.table)} TO {user}",
            ]
        )

    def _migrate(self, wanted: Wanted) -> Iterator[str]:
        ledger = f"{quoted(wanted.schema)}.{quoted('migration_ledger')}"
        applied = self._applied(ledger, wanted) if wanted.migrations else 0
        for number, sql in list(enumerate(wanted.migrations, start=1))[applied:]:
            id = f"{wanted.table}/{number}"
            try:
                self._run(
                    [
                        f"LOCK {ledger}",
                        # No number: the transaction ends where another deployment was first.
                        f"SELECT CAST(COALESCE(MAX('applied ' || digest), '0') AS INTEGER) "  # noqa: S608 - literals
                        f"FROM {ledger} WHERE id = {literal(id)}",
                        sql,
                        f"INSERT INTO {ledger} (id, digest, applied_at) "  # noqa: S608 - literals
                        f"VALUES ({literal(id)}, {literal(_digest(sql))}, GETDATE())",
                    ]
                )
            except WarehouseError as error:
                if self._applied(ledger, wanted) >= number:
                    continue
                raise WarehouseError(f"migrations[{number - 1}] failed, and nothing of it stays: {error}") from None
            yield sql

    def _applied(self, ledger: str, wanted: Wanted) -> int:
        """How many of the migrations have run."""
        found = dict(self._ask(f"SELECT id, digest FROM {ledger}"))  # noqa: S608 - an identifier
        number = 0
        for sql in wanted.migrations:
            digest = found.get(f"{wanted.table}/{number + 1}")
            if digest is None:
                break
            if digest != _digest(sql):
                raise WarehouseError(
                    f"migrations[{number}] has run with another text; leave it as it was, and append a further one"
                )
            number += 1
        return number

    def _ask(self, sql: str) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        request: dict[str, Any] = {"Id": self._run([sql])}
        rows: list[tuple[Any, ...]] = []
        while True:
            answer = self._patiently(lambda: self.redshift_data.get_statement_result(**request))
            rows += [tuple(_value(field) for field in record) for record in answer["Records"]]
            if "NextToken" not in answer:
                return rows
            request["NextToken"] = answer["NextToken"]

    def _run(self, sqls: Sequence[str]) -> str:
        """Run statements in one transaction, to their end; the statement's id.

        A transaction that meets another one is undone by Redshift and sent again: each finds what is there.
        """
        for _ in range(CONFLICT_TRIES):
            try:
                return self._run_once(sqls)
            except WarehouseError as error:
                if not any(conflict in str(error) for conflict in CONFLICTS):
                    raise
                self.sleep(random.uniform(0, 2 * POLL_SECONDS))
        return self._run_once(sqls)

    def _run_once(self, sqls: Sequence[str]) -> str:
        about = {"WorkgroupName": self.workgroup_name, "Database": self.database, "SecretArn": self.secret_arn}
        if len(sqls) == 1:
            sent = self._patiently(lambda: self.redshift_data.execute_statement(**about, Sql=sqls[0]))
        else:
            sent = self._patiently(lambda: self.redshift_data.batch_execute_statement(**about, Sqls=list(sqls)))
        id, delay = str(sent["Id"]), POLL_SECONDS
        while True:
            statement = self._patiently(lambda: self.redshift_data.describe_statement(Id=id))
            if statement["Status"] == "FINISHED":
                logger.info("statement ran", statement_id=id, statements=len(sqls))
                return id
            if statement["Status"] in ("FAILED", "ABORTED"):
                raise WarehouseError(statement.get("Error") or f"the statement was {statement['Status'].lower()}")
            if self.remaining_seconds() < MAX_POLL_SECONDS:
                raise WarehouseError(f"the statement {id} still runs; deploy again when it has ended")
            self.sleep(delay)
            delay = min(1.5 * delay, MAX_POLL_SECONDS)

    def _patiently(self, call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Call again while a role that was just made may not be known everywhere."""
        end = self.clock() + PROPAGATION_SECONDS
        while True:
            try:
                return call()
            except ClientError as error:
                refused = error.response["Error"]["Code"] == "AccessDeniedException"
                if not refused or self.clock() >= end or self.remaining_seconds() < MAX_POLL_SECONDS:
                    raise
            self.sleep(MAX_POLL_SECONDS)


def _digest(sql: str) -> str:
    return hashlib.sha256(sql.encode()).hexdigest()


def _table(schema: str, name: str, columns: Columns) -> str:
    typed = ", ".join(f"{quoted(column)} {kind}" for column, kind in columns)
    return f"CREATE TABLE IF NOT EXISTS {quoted(schema)}.{quoted(name)} ({typed})"


def _grants(wanted: Wanted) -> tuple[str, ...]:
    schema, user = quoted(wanted.schema), quoted(wanted.user)
    return (
        f"GRANT USAGE ON SCHEMA {schema} TO {user}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON {schema}.{quoted(wanted.table)} TO {user}",
        f"GRANT SELECT, INSERT ON {schema}.{quoted('load_ledger')} TO {user}",
    )


def _length(kind: str) -> int:
    """Bytes that a text type holds; 256 where it does not say (Redshift documentation, character types)."""
    found = _LENGTH.search(kind)
    if found is None:
        return 256
    return MAX_LENGTH if found[1].lower() == "max" else int(found[1])


def _value(field: dict[str, Any]) -> Any:
    return None if field.get("isNull") else next(iter(field.values()))
