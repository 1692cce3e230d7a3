"""What differs between a resource as it is and as a program wants it, and what has to be done about it."""

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pulumi

from eda_sandbox.provider.lambda_ import archive_bytes
from eda_sandbox.provider.resource import ResourceType

TAGS = frozenset({"tags", "tagsAll"})
_NAMES = frozenset({"bucket", "name"})
"""Properties that the provider gives a value of its own where a program gives none."""


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The properties that differ."""
    return sorted(name for name in {*before, *after} if before.get(name) != after.get(name))


def needs_new(known: ResourceType, name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether a property that differs needs a new resource.

    Args:
        known: the resource's type.
        name: the property.
        before: the properties as they are.
        after: as they shall be.
    """
    if name in TAGS and known.retag is not None:
        return False
    if known.update is None or name in known.replaces:
        return True
    paths = [path.split(".") for path in known.replaces if path.startswith(f"{name}.")]
    return any(_at(before, path) != _at(after, path) for path in paths)


def goes_first(replaces: Collection[str], after: Mapping[str, Any]) -> bool:
    """Whether the old resource is removed before the new one is made.

    A name can be taken once: of a resource that is given its name, and keeps it, the old one goes first. All others are
    made before, so that what refers to them has moved on by the time the old one goes (Terraform bridge,
    nameRequiresDeleteBeforeReplace).

    Args:
        replaces: the properties that need a new resource.
        after: the properties of the new one.
    """
    return bool(replaces) and bool(_NAMES & ({*after} - {*replaces}))


def content(token: str, value: Any) -> Any:
    """A property as JSON can hold and compare it: an asset or an archive stands for what it contains."""
    match value:
        case pulumi.StringAsset():
            return _digest(value.text.encode())
        case pulumi.FileAsset():
            return _digest(Path(value.path).read_bytes())
        case pulumi.FileArchive() | pulumi.AssetArchive():
            return _digest(archive_bytes(token, value))
        case Mapping():
            return {key: content(token, item) for key, item in value.items()}
        case list() | tuple():
            return [content(token, item) for item in value]
    return value


def _digest(of: bytes) -> str:
    return f"sha256:{hashlib.sha256(of).hexdigest()}"


def _at(value: Any, path: list[str]) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
