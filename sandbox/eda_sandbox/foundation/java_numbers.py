"""Numbers as services written in Java print them."""

import math
from decimal import Decimal


def double(value: float) -> str:
    """``Double.toString``."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(value)
    number = Decimal(repr(value)).normalize().as_tuple()
    digits = "".join(map(str, number.digits))
    power = len(digits) - 1 + int(number.exponent)
    return f"{'-' if number.sign else ''}{digits[0]}.{digits[1:] or '0'}E{power}"
