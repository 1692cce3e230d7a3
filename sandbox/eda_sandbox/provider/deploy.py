"""Deploys a Pulumi program into a running sandbox, and removes it again."""

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.errors import SandboxError
from eda_sandbox.provider.made import Change, Made
from eda_sandbox.provider.programs import PROGRAMS, Process


class DeploymentError(SandboxError):
    """A program failed, or the sandbox does not offer what it asks for.

    Attributes:
        at: the author's own lines that the error came through, as ``file:line: text``.
        made: what there is all the same.
        read: the files that the program read.
    """

    def __init__(self, message: str, told: dict[str, Any]) -> None:
        super().__init__(message)
        self.at: list[str] = told.get("at", [])
        self.made = _made(told)
        self.read = _read(told)


@dataclass(frozen=True)
class Stack:
    """A deployed program.

    Attributes:
        outputs: its exports.
        resources: type token, logical name, id and state of each resource, in the order they were made.
        made: what the next run of the program starts from.
        changes: what this run did: created, updated, replaced and deleted resources.
        read: the files that the program read, but for installed ones.
    """

    outputs: dict[str, Any]
    resources: list[tuple[str, str, str, dict[str, Any]]]
    made: tuple[Made, ...] = ()
    changes: tuple[Change, ...] = ()
    read: frozenset[Path] = frozenset()

    def of_type(self, token: str) -> dict[str, dict[str, Any]]:
        """The states of all resources of a type, by logical name."""
        return {name: state for kind, name, _, state in self.resources if kind == token}


def deploy(
    cloud: Cloud,
    main: Path,
    stack: str = "sandbox",
    config: dict[str, Any] | None = None,
    progress: Callable[[str, str], None] = lambda _token, _name: None,
    before: Iterable[Made] = (),
) -> Stack:
    """Run a Pulumi program and make its resources in the sandbox; the program has a process of its own.

    What an earlier run has made is kept, changed in place or replaced, as the program has it now; what the program does
    not make any more is removed.

    Args:
        cloud: the running sandbox.
        main: the program's ``__main__.py``, beside its ``Pulumi.yaml``.
        stack: the stack's name; its ``Pulumi.<stack>.yaml`` is read where there is one.
        config: values over those of the stack's file, by full key (``project:key``).
        progress: called with type token and logical name of each resource made.
        before: what an earlier run has made, of its ``Stack`` or ``DeploymentError``.

    Raises:
        DeploymentError: the program failed, or the sandbox does not offer what it asks for.
        SandboxError: there is no Pulumi.yaml beside it, or the stack's config cannot be read.
    """
    with begun(main, stack, config, before) as program:
        return program.into(cloud, progress)


class Program:
    """A Pulumi program in a process of its own, which waits at its first resource for a sandbox to make it in.

    Made by ``begun``.
    """

    def __init__(self, main: Path, process: Process) -> None:
        self._main = main
        self._process = process

    def into(self, cloud: Cloud, progress: Callable[[str, str], None] = lambda _token, _name: None) -> Stack:
        """Make its resources, once.

        Args:
            cloud: the running sandbox.
            progress: called with type token and logical name of each resource made.

        Raises:
            DeploymentError: the program failed, or the sandbox does not offer what it asks for.
        """
        last, said = _followed(self._process, cloud.endpoint, progress)
        PROGRAMS.learn(last.get("modules", ()), last.get("services", ()))
        status = self._process.wait()
        if status != 0 or "exports" not in last:
            causes = last.get("errors") or [said.strip() or f"the program ended with {status}"]
            raise DeploymentError(f"{self._main} was not deployed:\n  " + "\n  ".join(dict.fromkeys(causes)), last)
        return Stack(
            last["exports"],
            [(token, name, id, state) for token, name, id, state in last["resources"]],
            _made(last),
            tuple((how, token, name) for how, token, name in last["changes"]),
            _read(last),
        )


@contextlib.contextmanager
def begun(
    main: Path, stack: str = "sandbox", config: dict[str, Any] | None = None, before: Iterable[Made] = ()
) -> Iterator[Program]:
    """Start a program for the time of a ``with`` block, before the sandbox is there: what it imports takes as long.

    Args:
        main: the program's ``__main__.py``, beside its ``Pulumi.yaml``.
        stack: as ``deploy`` takes it.
        config: as ``deploy`` takes it.
        before: as ``deploy`` takes it.

    Raises:
        SandboxError: there is no Pulumi.yaml beside it, or the stack's config cannot be read.
    """
    try:
        project = yaml.safe_load((main.parent / "Pulumi.yaml").read_text())["name"]
    except OSError:
        raise SandboxError(f"there is no Pulumi.yaml in {main.parent.resolve()}") from None
    request = {
        "main": str(main.resolve()),
        "project": project,
        "stack": stack,
        "config": {**stack_config(main.parent, project, stack), **_strings(project, config or {})},
        "before": [made.as_json() for made in before],
    }
    with PROGRAMS.process() as process:
        try:
            _tell(process, request)
            yield Program(main, process)
        except BaseException:
            process.kill()
            raise


def _made(told: dict[str, Any]) -> tuple[Made, ...]:
    return tuple(Made(**made) for made in told.get("made", ()))


def _read(told: dict[str, Any]) -> frozenset[Path]:
    return frozenset(Path(file) for file in told.get("read", ()))


def _followed(process: Process, endpoint: str, progress: Callable[[str, str], None]) -> tuple[dict[str, Any], str]:
    """The last that a program's process tells, and what it said beside that."""
    assert process.stdout is not None
    assert process.stderr is not None
    _tell(process, {"endpoint": endpoint})
    last: dict[str, Any] = {}
    for line in process.stdout:
        told = json.loads(line)
        if "type" in told:
            progress(told["type"], told["made"])
        else:
            last = told
    return last, process.stderr.read()


def _tell(process: Process, what: dict[str, Any]) -> None:
    assert process.stdin is not None
    # One that has ended says why on its other side.
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(json.dumps(what) + "\n")
        process.stdin.flush()


def destroy(cloud: Cloud, stack: Stack) -> None:
    """Remove a stack's resources, the last made first."""
    # They load Pulumi, which is otherwise the program's process's alone.
    from eda_sandbox.provider.resource import Context
    from eda_sandbox.provider.table import resource_type

    for token, name, id, state in reversed(stack.resources):
        resource_type(token).remove(Context(cloud, f"urn:{token}::{name}", name), id, state)


def stack_config(folder: Path, project: str, stack: str) -> dict[str, str]:
    """The config of a stack's file, as the engine hands it to a program.

    Raises:
        SandboxError: a value is encrypted; the sandbox has no key.
    """
    file = folder / f"Pulumi.{stack}.yaml"
    if not file.exists():
        return {}
    values = yaml.safe_load(file.read_text()).get("config") or {}
    for key, value in values.items():
        if isinstance(value, dict) and "secure" in value:
            raise SandboxError(f"{file.name}: {key} is encrypted and cannot be read here; give it by --config")
    return _strings(project, values)


def _strings(project: str, values: dict[str, Any]) -> dict[str, str]:
    return {
        key if ":" in key else f"{project}:{key}": value if isinstance(value, str) else json.dumps(value)
        for key, value in values.items()
    }
