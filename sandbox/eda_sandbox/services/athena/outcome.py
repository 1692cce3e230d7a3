"""What a statement gives."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Outcome:
    """What a statement gives.

    Attributes:
        columns: as ``GetQueryResults`` describes them.
        rows: rendered values; without a header.
        manifest: the files that were written; None where the statement writes none.
        update_count: rows that were written.
    """

    columns: list[dict[str, Any]] = field(default_factory=list)
    rows: list[list[str | None]] = field(default_factory=list)
    manifest: list[str] | None = None
    update_count: int | None = None
