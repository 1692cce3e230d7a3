"""What IAM is asked for a request."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Asked(NamedTuple):
    """What is asked for.

    Attributes:
        action: the IAM action; None asks for valid credentials only.
        resource: the ARN.
        keys: the request's condition keys, by their names in lower case.
    """

    action: str | None
    resource: str
    keys: Mapping[str, Any] = {}
