"""The times that conditions name, as IAM reads them."""

import re

_ISO = re.compile(
    r"(?P<year>-?\d{1,9})(-(?P<month>\d{1,2})(-(?P<day>\d{1,2}))?)?"
    r"(t((?P<hour>\d{1,2})(:(?P<minute>\d{1,2})(:(?P<second>\d{1,2})(\.\d{1,9})?)?)?)?"
    r"(z|[+-](?P<off>\d{2})(:(?P<offminute>\d{2}))?)?)?",
    re.ASCII,
)
_BOUNDS = {
    "year": (-292_275_054, 292_278_993),
    "month": (1, 12),
    "day": (1, 31),
    "hour": (0, 23),
    "minute": (0, 59),
    "second": (0, 59),
    "off": (0, 23),
    "offminute": (0, 59),
}
"""IAM takes many forms that are no date of ISO 8601 (LocalStack's recorded documents)."""
MOST_SECONDS = 2**63 - 1


def is_date(text: str) -> bool:
    """Whether IAM takes a text for a time: ISO 8601, also in part, or seconds since the epoch."""
    lower = text.lower()
    if lower.isdecimal():
        return int(lower) <= MOST_SECONDS
    found = _ISO.fullmatch(lower)
    return found is not None and all(
        low <= int(found[name]) <= high for name, (low, high) in _BOUNDS.items() if found[name] is not None
    )
