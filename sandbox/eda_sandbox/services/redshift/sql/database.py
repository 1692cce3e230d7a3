"""What all sessions of one database share."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.services.redshift.sql.locks import TableLocks


@dataclass(frozen=True)
class Database:
    """A database of a namespace.

    Attributes:
        cloud: the embedded AWS.
        name: of the database.
        namespace: gives the namespace as ``GetNamespace`` does; COPY asks it for the roles.
        staging: where COPY puts files; the only place that DuckDB can read.
        locks: of its tables.
        query_ids: numbers of queries.
        process_ids: numbers of sessions.
    """

    cloud: Cloud
    name: str
    namespace: Callable[[], dict[str, Any]]
    staging: Path
    locks: TableLocks = field(default_factory=TableLocks)
    query_ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    process_ids: Iterator[int] = field(default_factory=lambda: itertools.count(1_073_741_824))
