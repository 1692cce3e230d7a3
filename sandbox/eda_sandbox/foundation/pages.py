"""Tokens of lists that come in pages: where the next page begins."""

from eda_sandbox.foundation.errors import AwsError

DIGITS = 12


def start(token: str | None, code: str, name: str = "NextToken") -> int:
    """Where a page begins.

    Args:
        token: as it was given; None and an empty one are the beginning.
        code: the service's error for a token that it never gave.
        name: of the member.

    Raises:
        AwsError: it is none of the service's.
    """
    if not token:
        return 0
    if not (token.isascii() and token.isdigit() and len(token) <= DIGITS):
        raise AwsError(code, f"{name} is not one that was returned.", 400)
    return int(token)
