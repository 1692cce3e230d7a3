"""Cases as data: what is asked, what AWS answers, and where that is written. ``tests/conformance/README.md`` has the
form, for people who add the next one."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from eda_sandbox.conformance.answers import Absent, AnyValue, Matches
from eda_sandbox.foundation.errors import SandboxError

MEMBERS = {"name", "source", "world", "steps", "engine", "expressions", "refused", "differs"}


@dataclass(frozen=True)
class Case:
    """One case.

    Attributes:
        service: whose file it lies in.
        name: what AWS does, in a few words.
        source: where that is documented or recorded.
        steps: what is done one after the other, each a map: what is asked (see ``steps.py``) and what is answered.
        refused: why the sandbox refuses it by name, or None where it answers as AWS does.
        differs: why it answers otherwise, as the table of the README says, or None.
        beside: expressions of the same list, this one among them, that have one value each: they are asked in one
            query first, and alone where its answer is another one.
    """

    service: str
    name: str
    source: str
    steps: tuple[Mapping[str, Any], ...]
    refused: str | None = None
    differs: str | None = None
    beside: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The service and the name."""
        return f"{self.service}: {self.name}"


# libyaml's parser where it was built: ten times as fast.
_Safe: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Safe):  # type: ignore[misc]  # chosen when it runs
    """YAML in which a date is a text, and of the words only true and false are booleans."""


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern) for tag, pattern in found if tag not in ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:bool")
    ]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))
_Loader.add_constructor("!absent", lambda _loader, _node: Absent())
_Loader.add_constructor("!any", lambda _loader, _node: AnyValue())
_Loader.add_constructor("!matches", lambda _loader, node: Matches(node.value))
_Loader.add_constructor("!bytes", lambda _loader, node: node.value.encode())


def load(folder: Path) -> list[Case]:
    """All cases of a folder's files, one file a service.

    Raises:
        SandboxError: there are none, or a file has not the form.
    """
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise SandboxError(f"there are no cases in {folder}; name the folder that has the files of the services")
    return [case for file in files for case in _of(file)]


def _of(file: Path) -> Iterator[Case]:
    try:
        # A loader that makes texts, numbers and the four marks above.
        content = yaml.load(file.read_text(), _Loader)  # noqa: S506
    except yaml.YAMLError as error:
        raise SandboxError(f"{file}: {error}") from error
    worlds = content.get("worlds", {})
    for number, given in enumerate(content["cases"], 1):
        where = f"{file}, case {number} ({given.get('name', 'without a name')})"
        if unknown := given.keys() - MEMBERS:
            raise SandboxError(f"{where}: {', '.join(sorted(unknown))} is no member of a case")
        if not given.get("name") or not given.get("source"):
            raise SandboxError(f"{where}: a case has a name and a source")
        if given.get("world", "") not in {"", *worlds}:
            raise SandboxError(f"{where}: the file has no world {given['world']}")
        yield from _expanded(file.stem, given, worlds.get(given.get("world"), []))


def _expanded(service: str, given: Mapping[str, Any], world: list[Mapping[str, Any]]) -> Iterator[Case]:
    said = {"source": given["source"], "refused": given.get("refused"), "differs": given.get("differs")}
    if "expressions" not in given:
        yield Case(service, given["name"], steps=(*world, *given["steps"]), **said)
        return
    alone = re.compile(r"\b(from|union|except|intersect|minus|order by|limit)\b|^\*", re.IGNORECASE)
    beside: tuple[str, ...] = ()
    if not given.get("refused") and not given.get("differs"):
        plain = ((name, answer) for name, answer in given["expressions"].items() if not isinstance(answer, dict))
        beside = tuple(str(name) for name, _ in plain if not alone.search(str(name)))
    for expression, answer in given["expressions"].items():
        expected = answer if isinstance(answer, dict) else {"rows": [[answer]]}
        step = {given["engine"]: f"SELECT {expression}", **expected}
        shared = beside if str(expression) in beside else ()
        yield Case(service, f"{given['name']}: {expression}", steps=(*world, step), beside=shared, **said)
