"""The requests that were refused for want of a permission, remembered for who looks for the cause of a failure."""

import re
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

from eda_sandbox.foundation.http import HttpResponse

REMEMBERED = 1000
_REASON = re.compile(r"(?:User: )?(\S+) is not authorized to perform: ([\w-]+:\w+)(?: on resource: ([^\s\"<,]+))?")
_STATUSES = (400, 403)
_DENIAL = re.compile(rb" is not authorized to perform: [^\"<]*")


@dataclass(frozen=True)
class Refusal:
    """A request that was refused.

    Attributes:
        at: seconds since the epoch.
        principal: who asked, an ARN or a service's name.
        action: the IAM action that no policy allows.
        resource: its ARN, empty where the answer does not name it.
    """

    at: float
    principal: str
    action: str
    resource: str


class Refusals:
    """The newest refused requests."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: deque[Refusal] = deque(maxlen=REMEMBERED)

    def note(self, response: HttpResponse) -> None:
        """Remember an answer if it is a refusal."""
        if response.status in _STATUSES and b" is not authorized to perform: " in response.body:
            found = _REASON.search(response.body.decode("utf-8", "replace"))
            if found is not None:
                with self._lock:
                    self._found.append(Refusal(time.time(), found[1], found[2], (found[3] or "").rstrip(".")))

    def since(self, moment: float) -> list[Refusal]:
        """The refusals from a moment on, seconds since the epoch."""
        with self._lock:
            return [refusal for refusal in self._found if refusal.at >= moment]


def naming(response: HttpResponse, unknown: Sequence[str]) -> HttpResponse:
    """A refusal that names the condition keys that the sandbox does not know; other answers as they are.

    Args:
        response: the answer.
        unknown: the keys.
    """
    if response.status not in _STATUSES:
        return response
    words = f"; the sandbox does not know the condition key {', '.join(unknown)}".encode()
    body = _DENIAL.sub(lambda found: found[0] + words, response.body, count=1)
    return replace(response, body=body)
