"""What every service of the sandbox is."""

from collections.abc import Callable
from typing import Any, ClassVar

from botocore import xform_name

from eda_sandbox.foundation.caller import Caller
from eda_sandbox.foundation.cloud import Cloud


class Service:
    """One AWS service: a method per API operation, its name in snake case as boto3 spells it.

    A method gets the request, parsed and checked against the API model (bytes for blobs, aware datetimes for
    timestamps), and the caller; it returns the response in the same form or raises ``AwsError``.
    """

    name: ClassVar[str]
    """boto3's name of the service."""
    leaves_rest: ClassVar[bool] = False
    """Whether the emulator serves the operations that this service does not."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    def operation(self, name: str) -> Callable[[dict[str, Any], Caller], dict[str, Any]] | None:
        """The method that serves an operation, or None when the sandbox does not offer it."""
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

    def start(self) -> None:
        """Called once the front door listens."""

    def stop(self) -> None:
        """Called before the front door closes; background threads watch ``cloud.stopping``."""
