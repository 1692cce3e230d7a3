"""A resource as a program made it, for the next run of the program."""

from dataclasses import asdict, dataclass
from typing import Any

Change = tuple[str, str, str]
"""What was done (``create``, ``update``, ``replace``, ``delete``), the type token and the logical name."""


@dataclass(frozen=True)
class Made:
    """One resource.

    Attributes:
        token: its type.
        name: its logical name.
        id: the provider's.
        state: its inputs and outputs, without assets.
        inputs: its inputs, assets by what they contain.
        times: how often it has been made anew.
    """

    token: str
    name: str
    id: str
    state: dict[str, Any]
    inputs: dict[str, Any]
    times: int = 0

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from others in a program."""
        return self.token, self.name

    def as_json(self) -> dict[str, Any]:
        """What ``Made(**…)`` takes."""
        return asdict(self)
