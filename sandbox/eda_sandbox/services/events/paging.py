"""Lists in pages, as EventBridge gives them."""

from typing import Any

from eda_sandbox.foundation.pages import start

PAGE = 100


def page(member: str, items: list[Any], request: dict[str, Any]) -> dict[str, Any]:
    """One page of a list.

    Args:
        member: the list's name in the answer.
        items: all of it.
        request: may have ``Limit`` and ``NextToken``.

    Raises:
        AwsError: the token is none of ours.
    """
    first = start(request.get("NextToken"), "ValidationException")
    end = first + (request.get("Limit") or PAGE)
    return {member: items[first:end], **({"NextToken": str(end)} if end < len(items) else {})}
