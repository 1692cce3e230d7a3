"""What a request may carry, the same at every entrance: no more than the slowest hop behind it can carry on."""

import re

MAX_IDEMPOTENCY_KEY = 255
"""Most characters of an ``Idempotency-Key``."""
MAX_CORRELATION_ID = 128
"""Most characters of an ``X-Correlation-Id``: what the search for an order in the logs takes."""
MAX_LEVELS = 32
"""Levels of objects and arrays in a body."""
MAX_DIGITS = 15
"""Digits of a whole number in a body: every one of so many is a double, as the States Language's numbers are, and as
RFC 7493, 2.2, advises."""
MAX_SIGNIFICANT_DIGITS = 17
"""Digits of a number with a fraction or an exponent: the shortest text of a double has no more."""
MAX_EXPONENT_DIGITS = 2
"""Digits of a number's exponent."""
CORRELATION_ID = rf"[!-~]{{1,{MAX_CORRELATION_ID}}}"
"""The form of an ``X-Correlation-Id``, a regular expression of Java and Python: visible ASCII without spaces."""
IDEMPOTENCY_KEY = rf"[ -~]{{1,{MAX_IDEMPOTENCY_KEY}}}"
"""The form of an ``Idempotency-Key`` without the draft's quotes: printable ASCII."""
LONG_NUMBER = "|".join(
    (
        rf"(?<![0-9.])[0-9]{{{MAX_DIGITS + 1},}}(?![0-9.eE])",
        rf"[1-9][0-9.]{{{MAX_SIGNIFICANT_DIGITS + 1}}}",
        rf"[.]0*[1-9][0-9]{{{MAX_SIGNIFICANT_DIGITS}}}",
        rf"[eE][+-]?[0-9]{{{MAX_EXPONENT_DIGITS + 1}}}",
    )
)
"""What a number has, in JSON without its strings, whose value a double may not have."""

NO_CORRELATION_ID = (
    f"the header X-Correlation-Id must have 1 to {MAX_CORRELATION_ID} visible ASCII characters without spaces"
)
NO_NUMBER = (
    f"a number in the body has more than {MAX_DIGITS} digits ({MAX_SIGNIFICANT_DIGITS} with a fraction), "
    f"or more than {MAX_EXPONENT_DIGITS} digits of exponent; send it as a string"
)
NO_TEXT = (
    "the body has the character NUL, half of a surrogate pair, or bytes that are not UTF-8; "
    "send whole characters in UTF-8"
)
NO_VALUE = f"the body must be one JSON value of at most {MAX_LEVELS} levels"

_LONG_NUMBER = re.compile(LONG_NUMBER)
_CORRELATION_ID = re.compile(CORRELATION_ID)


def is_correlation_id(text: str) -> bool:
    """Whether a text has the form of a correlation id."""
    return _CORRELATION_ID.fullmatch(text) is not None


def is_carried(literal: str) -> bool:
    """Whether every hop carries the value of a number's text, as a double."""
    return _LONG_NUMBER.search(literal) is None
