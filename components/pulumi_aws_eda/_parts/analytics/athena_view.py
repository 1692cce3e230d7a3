"""A view of Athena as the Glue catalog keeps it: its query and its columns in Presto's types, encoded."""

import base64
import json
import re
from collections.abc import Mapping
from typing import Any

PRESTO_TYPES = {
    "string": "varchar",
    "boolean": "boolean",
    "tinyint": "tinyint",
    "smallint": "smallint",
    "int": "integer",
    "bigint": "bigint",
    "float": "real",
    "double": "double",
    "binary": "varbinary",
    "date": "date",
    "timestamp": "timestamp(3)",
}
"""Presto's types by Hive's; ``decimal``, ``char`` and ``varchar`` have the same name and their arguments."""
_WITH_ARGUMENTS = re.compile(r"(decimal|char|varchar)\([0-9]+(, ?[0-9]+)?\)")


def known(type: str) -> bool:
    """Whether it is one of Hive's scalar types."""
    return type in PRESTO_TYPES or _WITH_ARGUMENTS.fullmatch(type) is not None


def newest_rows(
    database: str, table: str, columns: Mapping[str, str], key: str, version: str, deleted: str | None
) -> str:
    """The query for the newest version of each key, without the keys whose newest version is a deletion."""
    names = ", ".join(f'"{name}"' for name in columns)
    kept = f' AND NOT COALESCE("{deleted}", false)' if deleted is not None else ""
    return (
        f"SELECT {names} FROM ("  # noqa: S608 - names are checked to be letters, digits and underscores
        f'SELECT {names}, row_number() OVER (PARTITION BY "{key}" ORDER BY "{version}" DESC) AS eda_position '
        f'FROM "{database}"."{table}") WHERE eda_position = 1{kept}'
    )


def catalog_table(query: str, database: str, columns: Mapping[str, str]) -> dict[str, Any]:
    """The properties that make a Glue table a view."""
    presto = {
        "originalSql": query,
        "catalog": "awsdatacatalog",
        "schema": database,
        "columns": [{"name": name, "type": PRESTO_TYPES.get(type, type)} for name, type in columns.items()],
    }
    encoded = base64.b64encode(json.dumps(presto).encode()).decode()
    return {
        "table_type": "VIRTUAL_VIEW",
        "view_original_text": f"/* Presto View: {encoded} */",
        "view_expanded_text": "/* Presto View */",
    }
