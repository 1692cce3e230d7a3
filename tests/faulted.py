"""Which calls a fault hits: what else runs in a sandbox that tests share must not take what one of them meant."""

from collections.abc import Callable

from eda_sandbox.foundation.http import HttpRequest


def of(name: str) -> Callable[[HttpRequest], bool]:
    """Whether a request is about something of that name."""
    return lambda request: name in request.path or name.encode() in request.body
