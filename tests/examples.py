"""How many examples a property gets: all of them in ``make test``, the first of them between two edits."""

import os

FEW = 25


def examples(count: int) -> int:
    """A property's number of examples, or the few that ``make check`` asks for (``EXAMPLES=few``)."""
    return min(count, FEW) if os.environ.get("EXAMPLES") == "few" else count
