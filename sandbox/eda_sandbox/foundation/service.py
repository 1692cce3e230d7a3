"""What every service of the sandbox is."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from botocore import xform_name

from eda_sandbox.foundation.caller import Caller
from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.offered import Offered


class Service:
    """One AWS service: a method per API operation, its name in snake case as boto3 spells it.

    A method gets the request, parsed and checked against the API model (bytes for blobs, aware datetimes for
    timestamps), and the caller; it returns the response in the same form or raises ``AwsError``.
    """

    name: ClassVar[str]
    """boto3's name of the service."""
    offered: ClassVar[Offered]
    """Its operations, and of their input what has an effect."""
    leaves_rest: ClassVar[bool] = False
    """Whether the emulator serves the operations that this service does not."""
    principal: ClassVar[str] = ""
    """Who the service is when it works with a role that it was handed, ``lambda.amazonaws.com``."""
    roles: ClassVar[Mapping[str, Sequence[str]]] = {}
    """The members that hand over a role, by operation: names with dots between them, ``*`` for each of a list."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    def operation(self, name: str) -> Callable[[dict[str, Any], Caller], dict[str, Any]] | None:
        """The method that serves an operation, or None where it has none."""
        method: Callable[[dict[str, Any], Caller], dict[str, Any]] | None = getattr(self, xform_name(name), None)
        return method

    def iam_action(self, operation: str) -> str | None:
        """The action a caller's role must hold, by default the service's signing name and the operation; None when
        the operation needs no permission."""
        return f"{self.cloud.signing_name(self.name)}:{operation}"

    def resource_arn(self, operation: str, request: dict[str, Any]) -> str:
        """The resource that the action is checked on."""
        del operation, request
        return "*"

    def resource_arns(self, operation: str, request: dict[str, Any]) -> list[str]:
        """All resources that the action is checked on, where it is more than one; the caller needs it on each."""
        return [self.resource_arn(operation, request)]

    def passed_roles(self, operation: str, request: Mapping[str, Any]) -> list[str]:
        """The roles that a request hands over, for each of which its caller needs ``iam:PassRole``."""
        return [role for path in self.roles.get(operation, ()) for role in handed_over(request, path.split("."))]

    def start(self) -> None:
        """Called once the front door listens."""

    def stop(self) -> None:
        """Called before the front door closes; background threads watch ``cloud.stopping``."""


def handed_over(given: Any, path: Sequence[str]) -> Iterator[str]:
    """The texts at a path of a request, see ``Service.roles``."""
    if not path:
        if isinstance(given, str) and given:
            yield given
    elif path[0] == "*":
        for one in given if isinstance(given, list) else ():
            yield from handed_over(one, path[1:])
    elif isinstance(given, Mapping) and path[0] in given:
        yield from handed_over(given[path[0]], path[1:])
