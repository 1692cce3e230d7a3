"""What differs between a resource as it is and as a program wants it, and what has to be done about it."""

import contextlib
import hashlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pulumi

from eda_sandbox.provider.lambda_ import archive_bytes
from eda_sandbox.provider.resource import Found, ResourceType

TAGS = frozenset({"tags", "tagsAll"})
_NAMES = frozenset({"bucket", "name"})
"""Properties that the provider gives a value of its own where a program gives none."""
_ONLY_PROVIDER = frozenset({"tagsAll", "region", "namePrefix", "forceDestroy", "skipDestroy"})
"""Properties that the provider alone looks at, of many types."""
_WORDS = frozenset({"tags", "tagsAll", "variables", "parameters", "triggers", "defaultArguments", "stageVariables"})
"""Maps whose keys are the user's: an empty value in them is one."""
_NOTHING = object()


def changed(
    known: ResourceType, before: Mapping[str, Any], after: Mapping[str, Any], state: Mapping[str, Any]
) -> list[str]:
    """The properties that differ in what they mean.

    Args:
        known: the resource's type.
        before: the properties that were given.
        after: those that are given now.
        state: those that the resource has; what is given now as it is already makes no difference.
    """
    differ = [name for name in {*before, *after} if before.get(name) != after.get(name)]
    if not differ:
        return []
    was, wanted = known.defaults_of({**before}), known.defaults_of({**after})
    return sorted(
        name
        for name in differ
        if not _same(known, name, before.get(name), was, after.get(name), wanted)
        and not (name not in before and name in state and _same(known, name, state[name], {}, after[name], {}))
    )


def completed(known: ResourceType, differ: Collection[str], after: Mapping[str, Any]) -> dict[str, Any]:
    """The properties that are given now, and the defaults of those that differ and are given no more."""
    defaults = known.defaults_of({**after})
    return {**{name: defaults[name] for name in differ if name in defaults}, **after}


def seen(known: ResourceType, inputs: Mapping[str, Any], state: Mapping[str, Any], found: Found) -> dict[str, Any]:
    """The properties that somebody changed: what each is now, None where it is gone.

    Args:
        known: the resource's type.
        inputs: as the program gave them.
        state: as the resource had them when it was last looked at.
        found: as it is.
    """
    defaults, differ = known.defaults_of({**inputs}), {}
    for name in {*inputs, *found.inputs} - known.unread - _ONLY_PROVIDER:
        if name not in inputs and (name in known.shared or (name in known.assigned and name not in state)):
            continue
        before, now = inputs.get(name, state.get(name)), found.inputs.get(name)
        if not _same(known, name, before, defaults, now, defaults):
            differ[name] = now
    return differ


def importable(known: ResourceType, found: Found) -> dict[str, Any]:
    """The properties that a program has to give for a resource to be as it is."""
    given = {name: value for name, value in found.inputs.items() if value is not None}
    defaults = known.defaults_of(given)
    lean = {
        name: _lean(value, defaults.get(name), name)
        for name, value in given.items()
        if name not in known.shared | known.assigned | _ONLY_PROVIDER
    }
    return {name: value for name, value in lean.items() if value is not _NOTHING}


def _same(
    known: ResourceType, name: str, one: Any, its: Mapping[str, Any], other: Any, others: Mapping[str, Any]
) -> bool:
    return bool(_meant(known, name, one, its.get(name)) == _meant(known, name, other, others.get(name)))


def _meant(known: ResourceType, name: str, value: Any, default: Any) -> Any:
    """A property's value as it can be compared: without what is so anyway, each document in one form."""
    return _ordered(known, _lean(_read(known, value, name), _read(known, default, name), name), name)


def _read(known: ResourceType, value: Any, path: str) -> Any:
    if isinstance(value, Mapping):
        return {key: _read(known, item, f"{path}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_read(known, item, path) for item in value]
    if path in known.documents and isinstance(value, str) and value:
        with contextlib.suppress(ValueError):
            return json.dumps(json.loads(value), sort_keys=True)
    return value


def _lean(value: Any, default: Any, name: str = "") -> Any:
    """A value without what is empty or a default; ``_NOTHING`` where nothing is left."""
    if isinstance(value, Mapping):
        if name in _WORDS:
            return dict(value) if value else _NOTHING
        blocks = default if isinstance(default, Mapping) else {}
        lean = {key: _lean(item, blocks.get(key), key) for key, item in value.items()}
        return {key: item for key, item in lean.items() if item is not _NOTHING} or _NOTHING
    if isinstance(value, list | tuple):
        if isinstance(default, list) and list(value) == default:
            return _NOTHING
        within = default[0] if isinstance(default, list) and default and isinstance(default[0], Mapping) else None
        items = [_lean(item, within) for item in value]
        return [{} if item is _NOTHING else item for item in items] or _NOTHING
    if default is not None and value == default and isinstance(value, bool) == isinstance(default, bool):
        return _NOTHING
    if value is None or value == "" or (value is False and default is not True):
        return _NOTHING
    return value


def _ordered(known: ResourceType, value: Any, path: str) -> Any:
    if isinstance(value, Mapping):
        return {key: _ordered(known, item, f"{path}.{key}") for key, item in value.items()}
    if isinstance(value, list):
        items = [_ordered(known, item, path) for item in value]
        return sorted(items, key=lambda item: json.dumps(item, sort_keys=True)) if path in known.unordered else items
    return value


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
