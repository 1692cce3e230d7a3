"""Lambda's runtimes, and when AWS stops patching them."""

import datetime
from collections.abc import Mapping

AS_OF = datetime.date(2026, 11, 30)
"""The day of the table."""
_TABLE = """
dotnetcore1.0 2019-06-27, dotnetcore2.0 2019-05-30, dotnetcore2.1 2022-01-05, dotnetcore3.1 2023-04-03,
dotnet6 2024-12-20, dotnet8 2026-11-10, dotnet10 2028-11-14,
go1.x 2024-01-08,
java8 2024-01-08, java8.al2 2027-06-30, java8.al2023, java11 2027-06-30, java11.al2023, java17 2027-06-30,
java17.al2023, java21 2029-06-30, java25 2029-06-30,
nodejs 2016-08-30, nodejs4.3 2020-03-05, nodejs4.3-edge 2020-03-05, nodejs6.10 2019-08-12, nodejs8.10 2020-03-06,
nodejs10.x 2021-07-30, nodejs12.x 2023-03-31, nodejs14.x 2023-12-04, nodejs16.x 2024-06-12, nodejs18.x 2025-09-01,
nodejs20.x 2026-04-30, nodejs22.x 2027-04-30, nodejs24.x 2028-04-30, nodejs26.x,
provided 2024-01-08, provided.al2 2026-07-31, provided.al2023 2029-06-30,
python2.7 2021-07-15, python3.6 2022-07-18, python3.7 2023-12-04, python3.8 2024-10-14, python3.9 2025-12-15,
python3.10 2026-10-31, python3.11 2027-06-30, python3.12 2028-10-31, python3.13 2029-06-30, python3.14 2029-06-30,
python3.15,
ruby2.5 2021-07-30, ruby2.7 2023-12-07, ruby3.2 2026-03-31, ruby3.3 2027-03-31, ruby3.4 2028-03-31, ruby4.0 2029-03-31
"""
DEPRECATED: Mapping[str, datetime.date | None] = {
    name: datetime.date.fromisoformat(day) if day else None
    for name, _, day in (entry.strip().partition(" ") for entry in _TABLE.split(","))
}
"""Every runtime of Lambda's API, with its deprecation date where there is one (Lambda Developer Guide, runtimes)."""


def patched(runtime: str, today: datetime.date) -> bool:
    """Whether AWS patches a runtime; one that the table does not know is newer than it."""
    ends = DEPRECATED.get(runtime)
    return ends is None or today < ends


SUPPORTED = tuple(runtime for runtime in DEPRECATED if patched(runtime, AS_OF))
"""What AWS patched on the day of the table."""
