"""Names of time zones, as EventBridge Scheduler takes them."""

import zoneinfo
from functools import cache


def unknown(name: str) -> bool:
    """Whether it is no IANA name; a system without time zone data knows none, and Scheduler checks it then."""
    return bool(_names()) and name not in _names()


# They are read from the files of the system's time zone data, hundreds of them.
@cache
def _names() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())
