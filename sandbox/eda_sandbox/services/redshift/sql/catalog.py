"""What the database holds, who owns it and who may do what with it.

Users, owners and grants lie in tables of the database itself, in a schema that statements cannot reach: they are part
of the transaction that changes them, and are rolled back with it.
"""

# ruff: noqa: S608 - names come from the catalog or are quoted, values are bound or quoted

import hashlib
from dataclasses import dataclass
from typing import Any

import duckdb

from eda_sandbox.services.redshift.sql.errors import NOT_OFFERED, SqlError, denied, missing_relation
from eda_sandbox.services.redshift.sql.types import RedshiftType, from_stored

PUBLIC = "public"
"""Both the schema and everybody as a grantee."""
TABLE_PRIVILEGES = ("select", "insert", "update", "delete", "drop", "references", "alter", "truncate")
SCHEMA_PRIVILEGES = ("usage", "create", "drop", "alter")
DATABASE_PRIVILEGES = ("create", "temp", "usage", "alter")
PRIVILEGES = {"table": TABLE_PRIVILEGES, "schema": SCHEMA_PRIVILEGES, "database": DATABASE_PRIVILEGES}
_HIDDEN = ("_redshift", "main", "information_schema", "pg_catalog")
_SHOWN = "schema_name NOT IN ('_redshift', 'main', 'information_schema', 'pg_catalog') AND NOT temporary"
_TYPE = "coalesce(comment, CASE data_type WHEN 'VARCHAR' THEN 'character varying(65535)' ELSE lower(data_type) END)"
_LENGTH = "TRY_CAST(regexp_extract(type, '^character.*[(]([0-9]+)[)]$', 1) AS INTEGER)"
_DIGITS = "TRY_CAST(regexp_extract(type, '^numeric[(]([0-9]+),([0-9]+)[)]$', {}) AS INTEGER)"

SETUP = f"""
CREATE SCHEMA _redshift;
CREATE SCHEMA public;
CREATE TABLE _redshift.users (name VARCHAR, label VARCHAR, password VARCHAR, superuser BOOLEAN);
CREATE TABLE _redshift.owners (kind VARCHAR, object VARCHAR, owner VARCHAR);
CREATE TABLE _redshift.privileges (grantee VARCHAR, kind VARCHAR, object VARCHAR, privilege VARCHAR);
CREATE TABLE _redshift.defaults (creator VARCHAR, schema VARCHAR, grantee VARCHAR, privilege VARCHAR);
INSERT INTO _redshift.privileges VALUES
    ('public', 'schema', 'public', 'usage'),
    ('public', 'schema', 'public', 'create'),
    ('public', 'database', '', 'temp');
CREATE VIEW _redshift.svv_tables AS
    SELECT schema_name AS table_schema, table_name, 'BASE TABLE' AS table_type FROM duckdb_tables() WHERE {_SHOWN}
    UNION ALL SELECT schema_name, view_name, 'VIEW' FROM duckdb_views() WHERE {_SHOWN} AND NOT internal;
CREATE VIEW _redshift.svv_columns AS
    SELECT schema_name AS table_schema, table_name, column_name, column_index AS ordinal_position,
           column_default, CASE WHEN is_nullable THEN 'YES' ELSE 'NO' END AS is_nullable,
           regexp_replace(type, '[(].*', '') AS data_type, {_LENGTH} AS character_maximum_length,
           {_DIGITS.format(1)} AS numeric_precision, {_DIGITS.format(2)} AS numeric_scale
    FROM (
        SELECT *, {_TYPE} AS type FROM duckdb_columns()
        WHERE NOT internal AND database_name <> 'temp' AND {_SHOWN.partition(" AND")[0]}
    );
CREATE VIEW _redshift.svv_all_schemas AS
    SELECT schema_name FROM duckdb_schemas() WHERE database_name = current_database()
    AND schema_name NOT IN ('_redshift', 'main', 'information_schema', 'pg_catalog');
CREATE VIEW _redshift.svv_relation_privileges AS
    SELECT split_part(object, '.', 1) AS namespace_name, split_part(object, '.', 2) AS relation_name,
           upper(privilege) AS privilege_type, grantee AS identity_name
    FROM _redshift.privileges WHERE kind = 'table';
CREATE VIEW _redshift.pg_user AS SELECT label AS usename, superuser AS usesuper FROM _redshift.users;
CREATE VIEW _redshift.information_schema_tables AS SELECT * FROM _redshift.svv_tables;
CREATE VIEW _redshift.information_schema_columns AS SELECT * FROM _redshift.svv_columns;
CREATE VIEW _redshift.information_schema_schemata AS SELECT schema_name FROM _redshift.svv_all_schemas;
"""


@dataclass(frozen=True)
class Relation:
    """A table or view.

    Args:
        schema: None for a temporary table.
        name: in lower case.
        kind: ``table``, ``view`` or ``system``.
    """

    schema: str | None
    name: str
    kind: str

    @property
    def key(self) -> str:
        """What grants and locks are kept by."""
        return f"{self.schema}.{self.name}" if self.schema else self.name

    @property
    def quoted(self) -> str:
        """The name in DuckDB's SQL."""
        return f"{quoted(self.schema)}.{quoted(self.name)}" if self.schema else quoted(self.name)


@dataclass(frozen=True)
class Column:
    """A column of a table: ``default`` is an expression of DuckDB's."""

    name: str
    type: RedshiftType
    nullable: bool = True
    default: str | None = None

    @property
    def definition(self) -> str:
        """As it stands in DuckDB's CREATE TABLE."""
        parts = [quoted(self.name), self.type.duckdb]
        if not self.nullable:
            parts.append("NOT NULL")
        if self.default is not None:
            parts.append(f"DEFAULT ({self.default})")
        if self.type.length is not None:
            parts.append(f"CHECK (strlen({quoted(self.name)}) <= {self.type.length})")
        return " ".join(parts)


def quoted(name: str) -> str:
    """An identifier in DuckDB's SQL."""
    return '"' + name.replace('"', '""') + '"'


def password_hash(user: str, password: str) -> str:
    """What is kept of a password: what statements may give in its place (Redshift documentation, CREATE USER)."""
    return "md5" + hashlib.md5(f"{password}{user.lower()}".encode(), usedforsecurity=False).hexdigest()


class Catalog:
    """The catalog as one session sees it.

    Args:
        connection: the session's.
        database: its name.
        user: the session's user, in lower case.
        superuser: whether that one may do everything.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, database: str, user: str, superuser: bool) -> None:
        self._connection = connection
        self.database = database
        self.user = user
        self.superuser = superuser
        self.search_path = [PUBLIC]

    def ask(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of a query of our own."""
        return self._connection.execute(sql, list(values)).fetchall()

    def has_schema(self, schema: str) -> bool:
        """Whether users see a schema of that name."""
        return schema not in _HIDDEN and bool(
            self.ask("SELECT 1 FROM _redshift.svv_all_schemas WHERE schema_name = ?", schema)
        )

    def find(self, parts: list[str]) -> Relation | None:
        """The relation that a name means, temporary ones first, then along the search path.

        Raises:
            SqlError: the name is in another database or in a schema that does not exist.
        """
        *before, name = parts
        if len(before) == 2 and before[0] != self.database:
            raise SqlError(f"{NOT_OFFERED} cross-database references: {'.'.join(parts)}")
        if before and before[-1] == "information_schema":
            return self._system(f"information_schema_{name}")
        if before and not self.has_schema(before[-1]):
            raise SqlError(f'schema "{before[-1]}" does not exist')
        if not before and self.ask("SELECT 1 FROM duckdb_tables() WHERE temporary AND table_name = ?", name):
            return Relation(None, name, "table")
        for schema in before[-1:] or self.search_path:
            found = self.ask(
                "SELECT table_type FROM _redshift.svv_tables WHERE table_schema = ? AND table_name = ?", schema, name
            )
            if found:
                return Relation(schema, name, "view" if found[0][0] == "VIEW" else "table")
        return None if before else self._system(name)

    def _system(self, name: str) -> Relation | None:
        if not name.startswith(("svv_", "pg_", "information_schema_")):
            return None
        found = self.ask("SELECT 1 FROM duckdb_views() WHERE schema_name = '_redshift' AND view_name = ?", name)
        return Relation("_redshift", name, "system") if found else None

    def get(self, parts: list[str]) -> Relation:
        """As ``find``.

        Raises:
            SqlError: there is none.
        """
        found = self.find(parts)
        if found is None:
            raise missing_relation(".".join(parts))
        return found

    def table(self, parts: list[str]) -> Relation:
        """A table that can be written to.

        Raises:
            SqlError: there is none, or it is a view.
        """
        found = self.get(parts)
        if found.kind != "table":
            raise SqlError(f'"{found.name}" is not a table')
        return found

    def new(self, parts: list[str], temporary: bool) -> Relation:
        """The relation that a CREATE makes.

        Raises:
            SqlError: there is no such schema, or the user may not create there.
        """
        if temporary:
            self.require("database", "", "temp")
            return Relation(None, parts[-1], "table")
        schema = parts[-2] if len(parts) > 1 else self.search_path[0]
        if not self.has_schema(schema):
            raise SqlError(f'schema "{schema}" does not exist')
        self.require("schema", schema, "create")
        return Relation(schema, parts[-1], "table")

    def columns(self, relation: Relation) -> list[Column]:
        """The columns of a relation in their order."""
        rows = self.ask(
            "SELECT column_name, data_type, comment, is_nullable, column_default FROM duckdb_columns() "
            "WHERE table_name = ? AND (schema_name = ? OR (? AND database_name = 'temp')) ORDER BY column_index",
            relation.name,
            relation.schema or "",
            relation.schema is None,
        )
        return [Column(name, from_stored(kind, label), null, default) for name, kind, label, null, default in rows]

    def owns(self, kind: str, key: str) -> bool:
        """Whether the user owns an object, as a superuser owns all."""
        return self.superuser or bool(
            self.ask("SELECT 1 FROM _redshift.owners WHERE kind = ? AND object = ? AND owner = ?", kind, key, self.user)
        )

    def require(self, kind: str, key: str, privilege: str) -> None:
        """Demand a privilege on an object.

        Raises:
            SqlError: neither the user nor everybody has it.
        """
        if self.owns(kind, key) or self.ask(
            "SELECT 1 FROM _redshift.privileges WHERE grantee IN (?, 'public') AND kind = ? AND object = ? "
            "AND privilege = ?",
            self.user,
            kind,
            key,
            privilege,
        ):
            return
        name = {"table": key.rpartition(".")[2], "schema": key, "database": self.database}[kind]
        raise denied("relation" if kind == "table" else kind, name)

    def allow(self, relation: Relation, *privileges: str) -> None:
        """Demand privileges on a relation, and the use of its schema; temporary tables are their session's own.

        Raises:
            SqlError: one is missing.
        """
        if relation.schema is None:
            return
        if relation.kind == "system":
            if privileges != ("select",):
                raise denied("relation", relation.name)
            return
        self.require("schema", relation.schema, "usage")
        for privilege in privileges:
            self.require("table", relation.key, privilege)

    def require_owner(self, relation: Relation, privilege: str) -> None:
        """Demand what only the owner may do, or one who was granted that very privilege.

        Raises:
            SqlError: the user is neither.
        """
        if relation.schema is not None:
            self.require("table", relation.key, privilege)

    def own(self, kind: str, key: str) -> None:
        """Note the user as the owner of a new object, with the grants that its default privileges make."""
        self.ask("INSERT INTO _redshift.owners VALUES (?, ?, ?)", kind, key, self.user)
        if kind == "table":
            self.ask(
                "INSERT INTO _redshift.privileges SELECT grantee, 'table', ?, privilege FROM _redshift.defaults "
                "WHERE creator = ? AND schema IN ('', ?)",
                key,
                self.user,
                key.partition(".")[0],
            )

    def forget(self, kind: str, key: str) -> None:
        """Take the grants and the owner of an object that is dropped."""
        for table in ("owners", "privileges"):
            self.ask(f"DELETE FROM _redshift.{table} WHERE kind = ? AND object = ?", kind, key)

    def has_user(self, name: str) -> bool:
        """Whether there is such a user."""
        return bool(self.ask("SELECT 1 FROM _redshift.users WHERE name = ?", name))

    def make(self, relation: Relation, columns: list[Column]) -> None:
        """Create a table; the Redshift types of its columns are kept as their comments."""
        temporary = "" if relation.schema else "TEMP "
        definitions = ", ".join(column.definition for column in columns)
        self._connection.execute(f"CREATE {temporary}TABLE {relation.quoted} ({definitions})")
        for column in columns:
            self._connection.execute(
                f"COMMENT ON COLUMN {relation.quoted}.{quoted(column.name)} IS '{column.type.name}'"
            )
