"""What an account lacks for a deployment."""

from collections.abc import Callable
from dataclasses import dataclass

from botocore.exceptions import ClientError


@dataclass(frozen=True)
class Lack:
    """Something the account lacks.

    Attributes:
        what: in words.
        fix: what to do.
    """

    what: str
    fix: str


def looked(at: str, look: Callable[[], list[Lack]]) -> list[Lack]:
    """What a look finds; that it may not look is a lack too.

    Args:
        at: what is looked at.
        look: does it.
    """
    try:
        return look()
    except ClientError as error:
        code, operation = error.response["Error"]["Code"], error.operation_name
        if "AccessDenied" not in code and "Unauthorized" not in code:
            raise
        return [Lack(f"{at}: you may not look ({operation}: {code})", f"let who deploys call {operation}")]
