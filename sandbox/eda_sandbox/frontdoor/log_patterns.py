"""Filter patterns of CloudWatch Logs that are made of terms (User Guide, "Match terms in log events").

Terms are case-sensitive; one with anything but letters, digits and underscores stands in double quotes.
"""

import re
from collections.abc import Callable

_TERM = re.compile(r'\s*([-?]?)(?:"([^"]+)"|(\w+))(?=\s|$)')


def pattern(text: str) -> Callable[[str], bool] | None:
    """Whether a message matches a pattern: all its terms and none that is ``-excluded``, or one of its ``?optional``.

    None for a pattern that is not made of terms, and for optional terms among others, which CloudWatch Logs ignores.
    """
    text = text.strip()
    terms: dict[str, list[str]] = {"": [], "-": [], "?": []}
    at = 0
    while at < len(text):
        found = _TERM.match(text, at)
        if found is None:
            return None
        terms[found[1]].append(found[2] or found[3])
        at = found.end()
    optional, excluded, wanted = terms["?"], terms["-"], terms[""]
    if optional:
        return None if excluded or wanted else lambda message: any(term in message for term in optional)
    return lambda message: all(term in message for term in wanted) and not any(term in message for term in excluded)
