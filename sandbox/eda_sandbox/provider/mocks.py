"""Pulumi mocks that act: each resource that a program registers is made in the embedded AWS, or changed to what the
program wants now.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pulumi
from pulumi.runtime import MockCallArgs, MockResourceArgs, Mocks, rpc

from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.errors import SandboxError
from eda_sandbox.provider import difference
from eda_sandbox.provider.convert import Inputs
from eda_sandbox.provider.invokes import answer
from eda_sandbox.provider.made import Change, Made
from eda_sandbox.provider.resource import Context
from eda_sandbox.provider.table import resource_type


class ActingMocks(Mocks):
    """Makes resources as the engine would through a provider.

    Args:
        cloud: gives the embedded AWS, at the first resource.
        progress: called with token and logical name after each resource, on the thread that made it.
        before: what an earlier run of the program made, the newest last.

    Attributes:
        deployed: the resources of this run so far.
        changes: what was done for them.
        failures: what could not be done.
    """

    def __init__(
        self, cloud: Callable[[], Cloud], progress: Callable[[str, str], None], before: Iterable[Made] = ()
    ) -> None:
        self._given, self._giving = cloud, threading.Lock()
        self._found: Cloud | None = None
        self._progress = progress
        self._lock = threading.Lock()
        self._urns: set[tuple[str, str]] = set()
        self._before = list(before)
        self._newest = {made.key: made for made in self._before}
        self._condemned = [made for made in self._before if self._newest[made.key] is not made]
        self.deployed: list[Made] = []
        self.changes: list[Change] = []
        self.failures: list[SandboxError] = []

    @property
    def _cloud(self) -> Cloud:
        with self._giving:
            if self._found is None:
                self._found = self._given()
            return self._found

    @property
    def services(self) -> list[str]:
        """The services that were asked, by boto3's names."""
        return self._found.asked if self._found is not None else []

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        """Make a resource; components and providers are only named."""
        if not args.typ.startswith("aws:"):
            return f"{args.name}-id" if args.custom else "", dict(args.inputs)
        with self._lock:
            key = (args.typ, args.name)
            if key in self._urns:
                raise self._failed(SandboxError(f"two resources of type {args.typ} are named {args.name!r}"))
            self._urns.add(key)
        try:
            made = self._wanted(args.typ, args.name, _revealed(args.inputs), self._newest.get(key))
        except Exception as error:
            raise self._failed(SandboxError(f"{args.name} ({args.typ}): {error}")) from error
        with self._lock:
            self.deployed.append(made)
        self._progress(args.typ, args.name)
        return made.id, {**args.inputs, **made.state}

    def call(self, args: MockCallArgs) -> Any:
        """Answer the invokes that say where the program runs."""
        try:
            return answer(self._cloud, args.token)
        except SandboxError as error:
            raise self._failed(error) from None

    def remove_the_rest(self) -> None:
        """Remove what was replaced, and what the program does not make any more, the last made first.

        Raises:
            SandboxError: something cannot be removed; what was is not tried again.
        """
        gone = [made for made in self._newest.values() if made.key not in self._urns]
        for made in sorted([*gone, *self._condemned], key=self._before.index, reverse=True):
            try:
                resource_type(made.token).remove(self._context(made), made.id, made.state)
            except Exception as error:
                raise self._failed(SandboxError(f"{made.name} ({made.token}) cannot be removed: {error}")) from error
            self._before.remove(made)
            if made in gone:
                self.changes.append(("delete", *made.key))

    @property
    def left(self) -> list[Made]:
        """All that there is, for the next run: also what a run that failed did not come to."""
        done = {made.key for made in self.deployed}
        return [*(made for made in self._before if made.key not in done or made in self._condemned), *self.deployed]

    def _wanted(self, token: str, name: str, inputs: dict[str, Any], before: Made | None) -> Made:
        known = resource_type(token)
        wanted = difference.content(token, inputs)
        if before is None:
            return self._create(Made(token, name, "", {}, wanted), inputs)
        differ = difference.changed(known, before.inputs, wanted, before.state)
        if not differ:
            return before
        replaces = [each for each in differ if difference.needs_new(known, each, before.inputs, wanted)]
        if replaces:
            if difference.goes_first(replaces, wanted):
                known.remove(self._context(before), before.id, before.state)
                with self._lock:
                    self._before.remove(before)
            else:
                with self._lock:
                    self._condemned.append(before)
            return self._create(Made(token, name, "", {}, wanted, before.times + 1), inputs)
        return self._update(before, inputs, wanted, set(differ))

    def _create(self, planned: Made, inputs: dict[str, Any]) -> Made:
        created = resource_type(planned.token).create(self._context(planned), Inputs(planned.token, inputs))
        self._note("replace" if planned.times else "create", planned)
        state = {**_without_assets(inputs), "tagsAll": inputs.get("tags", {}), **created.outputs}
        return replace(planned, id=created.id, state=state)

    def _update(self, before: Made, inputs: dict[str, Any], wanted: dict[str, Any], differ: set[str]) -> Made:
        known, where, outputs = resource_type(before.token), self._context(before), before.state
        told: dict[str, Any] = {}
        if differ & difference.TAGS and known.retag is not None:
            known.retag(where, before.id, before.state, before.inputs.get("tags") or {}, inputs.get("tags") or {})
            differ -= difference.TAGS
        if differ:
            assert known.update is not None, "else it is replaced"
            wanted_now = difference.completed(known, differ, inputs)
            told = known.update(where, before.id, before.state, Inputs(before.token, wanted_now))
        self._note("update", before)
        kept = {name: value for name, value in outputs.items() if name not in before.inputs}
        state = {**kept, **_without_assets(inputs), "tagsAll": inputs.get("tags", {}), **told}
        return replace(before, state=state, inputs=wanted)

    def _note(self, how: str, made: Made) -> None:
        with self._lock:
            self.changes.append((how, *made.key))

    def _context(self, made: Made) -> Context:
        urn = f"urn:pulumi:{pulumi.get_stack()}::{pulumi.get_project()}::{made.token}::{made.name}"
        return Context(self._cloud, urn, made.name, made.times)

    def _failed(self, error: SandboxError) -> SandboxError:
        self.failures.append(error)
        return error


def _revealed(value: Any) -> Any:
    """Inputs without the marks of secrets, as a provider gets them from the engine."""
    if rpc.is_rpc_secret(value):
        return _revealed(rpc.unwrap_rpc_secret(value))
    if isinstance(value, dict):
        return {key: _revealed(item) for key, item in value.items()}
    return [_revealed(item) for item in value] if isinstance(value, list) else value


def _without_assets(state: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in state.items() if not isinstance(value, pulumi.Asset | pulumi.Archive)}
