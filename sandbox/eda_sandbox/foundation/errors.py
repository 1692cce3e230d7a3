"""Errors that travel over the wire as AWS spells them."""

from typing import Any


class AwsError(Exception):
    """An error answer of a service.

    Args:
        code: the error code of the service's API model, for example ``ResourceNotFoundException``.
        message: what the caller reads.
        status: HTTP status; by default the one the API model gives the error, else 400.
        members: further members of the modelled error, by their name in the model.
    """

    def __init__(self, code: str, message: str, status: int | None = None, **members: Any) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.members = members


class SandboxError(Exception):
    """The sandbox itself cannot go on; the message says why and what to do."""
