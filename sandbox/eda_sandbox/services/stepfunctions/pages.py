"""Lists that are answered in pages."""

import base64
from typing import Any, TypeVar

from eda_sandbox.foundation.errors import AwsError

DEFAULT, MOST = 100, 1000
"""Elements of a page: where nothing is said, and at most."""
T = TypeVar("T")


def page(items: list[T], request: dict[str, Any], token_length: int = 1024) -> tuple[list[T], dict[str, str]]:
    """A page, and the token of the next one.

    Args:
        items: all of them.
        request: with ``maxResults`` and ``nextToken``.
        token_length: characters that a token has at most.

    Raises:
        AwsError: ``InvalidToken``, or ``ValidationException`` for what no page can be.
    """
    size, token = request.get("maxResults") or DEFAULT, request.get("nextToken")
    if size > MOST:
        raise _invalid(str(size), "maxResults", f"Member must have value less than or equal to {MOST}")
    if token is not None and len(token) > token_length:
        raise _invalid(token, "nextToken", f"Member must have length less than or equal to {token_length}")
    start = _start(token) if token else 0
    end = start + size
    return items[start:end], ({"nextToken": _token(end)} if end < len(items) else {})


def _token(start: int) -> str:
    return base64.urlsafe_b64encode(f"from:{start}".encode()).decode()


def _start(token: str) -> int:
    try:
        said, _, number = base64.urlsafe_b64decode(token).decode().partition(":")
        if said == "from":
            return int(number)
    except ValueError:
        pass
    raise AwsError("InvalidToken", "Invalid Token: 'Invalid token'")


def _invalid(value: str, member: str, why: str) -> AwsError:
    return AwsError(
        "ValidationException",
        f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {why}",
    )
