"""How functions are named: by name, partial ARN or ARN, each with a qualifier behind it or beside it."""

import re
from dataclasses import dataclass

from eda_sandbox.foundation.errors import AwsError

LATEST = "$LATEST"
MOST_CHARACTERS = 64
"""Of a function's name (Lambda API, ``CreateFunction``)."""
_FORM = re.compile(
    r"(?:arn:aws[a-zA-Z-]*:lambda:)?(?:(?P<region>[a-z]{2}(?:-[a-z]+)+-\d):)?(?:(?P<account>\d{12}):)?(?:function:)?"
    r"(?P<name>[a-zA-Z0-9-_]+)(?::(?P<qualifier>\$LATEST|[a-zA-Z0-9-_]+))?"
)


@dataclass(frozen=True)
class Named:
    """What a request names.

    Attributes:
        name: the function's own name.
        qualifier: the version or alias that is asked for, or None.
    """

    name: str
    qualifier: str | None = None


def too_long(text: str) -> AwsError:
    """The refusal of a name for a function that is to be made."""
    return AwsError(
        "InvalidParameterValueException",
        f"1 validation error detected: Value '{text}' at 'functionName' failed to satisfy constraint: "
        f"Member must have length less than or equal to {MOST_CHARACTERS}",
    )


def named(text: str, qualifier: str | None, region: str, account: str) -> Named:
    """Read a function's name.

    Args:
        text: a name, a partial ARN or an ARN.
        qualifier: what the request has beside it.
        region: the sandbox's.
        account: the sandbox's.

    Raises:
        AwsError: it is none, of another region or account, or names another qualifier than the request has beside it.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise too_long(text)
    if found["region"] not in (None, region):
        raise AwsError(
            "ResourceNotFoundException",
            f"Functions from '{found['region']}' are not reachable in this region ('{region}')",
            404,
        )
    if found["account"] not in (None, account):
        raise AwsError("AccessDeniedException", f"the functions of account {found['account']} are not yours", 403)
    derived = found["qualifier"]
    if derived and qualifier and derived != qualifier:
        raise AwsError(
            "InvalidParameterValueException",
            "The derived qualifier from the function name does not match the specified qualifier.",
        )
    return Named(found["name"], qualifier or derived)
