"""Timestamps of Wait states."""

import re
from datetime import UTC, datetime

LONGEST_SECONDS = 2**31 - 1
"""What a Wait state takes at most, in seconds: between 24,855 and 24,856 days."""
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def moment(value: object) -> datetime | None:
    """The moment of a timestamp as RFC 3339 writes it, with ``T`` and a zone; None when it is none."""
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        return None
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except ValueError:
        return None
