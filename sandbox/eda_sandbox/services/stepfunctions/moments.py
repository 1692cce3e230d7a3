"""Timestamps of Wait states."""

import re
from datetime import UTC, datetime

LONGEST_SECONDS = 24_855 * 24 * 3600 + 24 * 3600
"""What a Wait state takes at most, in seconds."""
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def moment(value: object) -> datetime | None:
    """The moment of a timestamp as RFC 3339 writes it, with ``T`` and a zone; None when it is none."""
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        return None
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except ValueError:
        return None
