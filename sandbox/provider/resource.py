"""What the provider knows of one type of resource."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.cloud import Cloud
from sandbox.provider.convert import Inputs


@dataclass(frozen=True)
class Created:
    """A resource that exists: its provider-assigned id, and outputs beside its inputs, in Pulumi's names."""

    id: str
    outputs: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Context:
    """Where a resource is made.

    Args:
        cloud: the embedded AWS.
        urn: the resource's URN.
        name: its logical name.
    """

    cloud: Cloud
    urn: str
    name: str

    def client(self, service: str) -> Any:
        """A boto3 client with the account's root credentials."""
        return self.cloud.client(service)

    def auto_name(self, given: str | None, prefix: str | None = None) -> str:
        """The physical name: the one given, or the logical name with seven hexadecimal digits as the AWS provider makes
        them, here from the URN, so that a run can be repeated."""
        digits = hashlib.sha256(self.urn.encode()).hexdigest()[:7]
        return given or f"{prefix or self.name + '-'}{digits}"


Create = Callable[[Context, Inputs], Created]
Delete = Callable[[Context, str, dict[str, Any]], None]


@dataclass(frozen=True)
class ResourceType:
    """The API calls that one Pulumi type token stands for.

    Args:
        create: makes the resource from its inputs.
        delete: removes it, by id and state (inputs and outputs); nothing to do where its parent's deletion removes it.
        update: changes it in place; None where every change replaces it.
        replaces: properties whose change needs a new resource.
        exists: whether the resource is still there; None where it cannot be gone without its parent.
    """

    create: Create
    delete: Delete
    update: Callable[[Context, str, dict[str, Any], Inputs], dict[str, Any]] | None = None
    replaces: frozenset[str] = frozenset()
    exists: Callable[[Context, str, dict[str, Any]], bool] | None = None


def gone_with_parent(context: Context, id: str, state: dict[str, Any]) -> None:
    """The deletion of a resource that ends with the one it belongs to."""
    del context, id, state
