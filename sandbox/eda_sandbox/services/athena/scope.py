"""What a statement can name, and where names are looked up."""

from dataclasses import dataclass

from sqlglot import exp

from eda_sandbox.services.athena.catalog import Catalog, Table
from eda_sandbox.services.athena.errors import SYNTAX, QueryError, at
from eda_sandbox.services.athena.language import position
from eda_sandbox.services.athena.reading import Partition, Reader
from eda_sandbox.services.athena.storage import Storage


@dataclass(frozen=True)
class Scope:
    """The catalog and the files as a statement's caller may see them.

    Attributes:
        catalog: Glue's, in the caller's name.
        storage: S3, in the caller's name.
        reader: finds the files of tables.
        database: where names without a database are looked up.
    """

    catalog: Catalog
    storage: Storage
    reader: Reader
    database: str | None

    def named(self, node: exp.Expr) -> tuple[str, str]:
        """Database and name of a table that a statement is about.

        Raises:
            QueryError: it names no database, and there is no default.
        """
        table = node if isinstance(node, exp.Table) else node.find(exp.Table)
        assert table is not None
        database = (table.db or self.database or "").lower()
        if not database:
            where = at(position(table))
            raise QueryError(
                f"MISSING_SCHEMA_NAME: {where}: Schema must be specified when session schema is not set", SYNTAX
            )
        return database, table.name.lower()

    def partitions(self, table: Table) -> list[Partition]:
        """All partitions of a table."""
        return self.reader.locations(table, [])
