"""Pulumi mocks that act: each resource that a program registers is made in the embedded AWS."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi.runtime import MockCallArgs, MockResourceArgs, Mocks

from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.errors import SandboxError
from eda_sandbox.provider.convert import Inputs
from eda_sandbox.provider.invokes import answer
from eda_sandbox.provider.resource import Context
from eda_sandbox.provider.table import resource_type


@dataclass(frozen=True)
class Deployed:
    """One resource as it was made."""

    token: str
    name: str
    id: str
    state: dict[str, Any]


class ActingMocks(Mocks):
    """Makes resources as the engine would through a provider.

    Args:
        cloud: the embedded AWS.
        progress: called with token and logical name after each resource, on the thread that made it.
    """

    def __init__(self, cloud: Cloud, progress: Callable[[str, str], None]) -> None:
        self._cloud = cloud
        self._progress = progress
        self._lock = threading.Lock()
        self._urns: set[tuple[str, str]] = set()
        self.deployed: list[Deployed] = []
        self.failures: list[SandboxError] = []

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        """Make a resource; components and providers are only named."""
        if not args.typ.startswith("aws:"):
            return f"{args.name}-id" if args.custom else "", dict(args.inputs)
        with self._lock:
            key = (args.typ, args.name)
            if key in self._urns:
                raise self._failed(SandboxError(f"two resources of type {args.typ} are named {args.name!r}"))
            self._urns.add(key)
        urn = f"urn:pulumi:{pulumi.get_stack()}::{pulumi.get_project()}::{args.typ}::{args.name}"
        try:
            made = resource_type(args.typ).create(Context(self._cloud, urn, args.name), Inputs(args.typ, args.inputs))
        except Exception as error:
            raise self._failed(SandboxError(f"{args.name} ({args.typ}): {error}")) from error
        state = {**args.inputs, "tagsAll": args.inputs.get("tags", {}), **made.outputs}
        with self._lock:
            self.deployed.append(Deployed(args.typ, args.name, made.id, state))
        self._progress(args.typ, args.name)
        return made.id, state

    def call(self, args: MockCallArgs) -> Any:
        """Answer the invokes that say where the program runs."""
        try:
            return answer(self._cloud, args.token)
        except SandboxError as error:
            raise self._failed(error) from None

    def _failed(self, error: SandboxError) -> SandboxError:
        self.failures.append(error)
        return error
