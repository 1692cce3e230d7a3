"""One namespace's database: DuckDB in memory, behind Redshift's users, locks and SQL."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.services.redshift.sql.catalog import SETUP, password_hash
from eda_sandbox.services.redshift.sql.database import Database
from eda_sandbox.services.redshift.sql.errors import SqlError
from eda_sandbox.services.redshift.sql.execution import run
from eda_sandbox.services.redshift.sql.session import Session

MEMORY = "512MB"
THREADS = 2


class Warehouse:
    """A database with its users.

    Args:
        cloud: the embedded AWS.
        name: of the database.
        admin: the administrator's user name.
        namespace: gives the namespace as ``GetNamespace`` does; COPY asks it for the roles.
    """

    def __init__(self, cloud: Cloud, name: str, admin: str, namespace: Callable[[], dict[str, Any]]) -> None:
        self.name = name
        staging = cloud.folder / "redshift" / namespace()["namespaceId"]
        staging.mkdir(parents=True, exist_ok=True)
        self._database = Database(cloud, name, namespace, staging)
        self._lock = threading.Lock()
        settings: dict[str, str | bool | int | float | list[str]] = {
            "threads": THREADS,
            "memory_limit": MEMORY,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        self._connection = duckdb.connect(":memory:", config=settings)
        self._connection.execute("SET GLOBAL TimeZone = 'UTC'")
        self._connection.execute("SET GLOBAL integer_division = true")
        self._connection.execute(f"SET GLOBAL temp_directory = '{staging}-spill'")
        self._connection.execute(f"SET GLOBAL allowed_directories = ['{staging}/']")
        self._connection.execute(SETUP)
        self._connection.execute((Path(__file__).parent / "macros.sql").read_text())
        self._connection.execute("SET GLOBAL enable_external_access = false")
        self._connection.execute("SET GLOBAL lock_configuration = true")
        self.add_user(admin, superuser=True)

    def add_user(self, label: str, superuser: bool = False) -> None:
        """Create a user that does not exist yet, as logging in with an IAM identity does."""
        with self._lock:
            self._connection.execute(
                "INSERT INTO _redshift.users SELECT lower($1), $1, NULL, $2 "
                "WHERE NOT EXISTS (SELECT 1 FROM _redshift.users WHERE name = lower($1))",
                [label, superuser],
            )

    def accepts(self, user: str, password: str) -> bool:
        """Whether a user that CREATE USER made has this password."""
        with self._lock:
            found = self._connection.execute(
                "SELECT password FROM _redshift.users WHERE name = lower($1)", [user]
            ).fetchone()
        return found is not None and found[0] == password_hash(user, password)

    def session(self, user: str) -> Session:
        """A session of a user that exists.

        Raises:
            SqlError: the database is closed.
        """
        with self._lock:
            try:
                [(superuser,)] = self._connection.execute(
                    "SELECT superuser FROM _redshift.users WHERE name = lower($1)", [user]
                ).fetchall()
                return Session(self._database, self._connection.cursor(), user, superuser, run)
            except duckdb.ConnectionException as error:
                raise SqlError("the database system is shutting down", "FATAL") from error

    def close(self) -> None:
        """Let go of all data."""
        with self._lock:
            self._connection.close()
