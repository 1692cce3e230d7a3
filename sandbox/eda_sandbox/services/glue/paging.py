"""Lists in pages, as Glue gives them."""

from collections.abc import Sequence
from typing import Any

from eda_sandbox.foundation.errors import AwsError

PAGE = 100


def page(member: str, items: Sequence[Any], request: dict[str, Any]) -> dict[str, Any]:
    """One page of a list.

    Args:
        member: the list's name in the response.
        items: all of it.
        request: may have ``MaxResults`` and ``NextToken``.

    Raises:
        AwsError: the token is none of ours.
    """
    token, size = request.get("NextToken", "0"), request.get("MaxResults", PAGE)
    if not token.isdecimal():
        raise AwsError("InvalidInputException", "The NextToken is not valid.")
    start = int(token)
    end = start + size
    return {member: list(items[start:end]), **({"NextToken": str(end)} if end < len(items) else {})}
