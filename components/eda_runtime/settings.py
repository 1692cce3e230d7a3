"""Settings from the environment, checked when a function initialises."""

import os


class SettingsError(Exception):
    """An environment variable is missing or has a value that is not allowed; the message names it and the fix."""


def text(name: str, default: str | None = None) -> str:
    """A setting.

    Args:
        name: the environment variable.
        default: for a variable that is not set; None makes it necessary.

    Raises:
        SettingsError: it is not set, or empty, and has no default.
    """
    value = os.environ.get(name) or default
    if value is None:
        raise SettingsError(f"the environment variable {name} is not set; set it in the function's `environment`")
    return value


def integer(name: str, default: int, minimum: int = 0) -> int:
    """A whole number.

    Args:
        name: the environment variable.
        default: for a variable that is not set.
        minimum: the least value allowed.

    Raises:
        SettingsError: it is no number, or too small.
    """
    given = text(name, str(default))
    if not given.isdecimal() or int(given) < minimum:
        raise SettingsError(f"the environment variable {name} is {given!r}; it must be a whole number from {minimum}")
    return int(given)
