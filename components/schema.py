"""Writes ``schema.json``, and finds what a change of it breaks: ``python components/schema.py``.

``--release`` makes the schema the base, ``schema.released.json``, that later ones are compared with.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pulumi_aws_eda import plugin

HERE = Path(__file__).parent
CURRENT, RELEASED = HERE / "schema.json", HERE / "schema.released.json"


def text() -> str:
    """The schema as it is kept in the file."""
    return json.dumps(plugin.schema(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def breaking(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """What programs that were written for the old schema can no longer do with the new one.

    Args:
        old: the released schema.
        new: the one that is to be released.

    Returns:
        A line for each break: what was taken away, what became required, what changed its type.
    """
    found = []
    for kind in ("resources", "types"):
        for token, before in old[kind].items():
            after = new[kind].get(token)
            if after is None:
                found.append(f"{token} is gone")
                continue
            values = {member["value"] for member in after.get("enum", [])}
            gone = [member["value"] for member in before.get("enum", []) if member["value"] not in values]
            found += [f"{token}: the value {value} is gone" for value in gone]
            found += _inputs(token, before, after, "inputProperties", "requiredInputs")
            if kind == "types":
                found += _inputs(token, before, after, "properties", "required")
            else:
                found += _properties(token, before, after, "properties")
    return found


def _inputs(token: str, before: dict[str, Any], after: dict[str, Any], properties: str, required: str) -> Iterator[str]:
    yield from _properties(token, before, after, properties)
    for name in after.get(required, []):
        if name not in before.get(required, []):
            yield f"{token}: {name} became required"


def _properties(token: str, before: dict[str, Any], after: dict[str, Any], key: str) -> Iterator[str]:
    for name, property in before.get(key, {}).items():
        other = after.get(key, {}).get(name)
        if other is None:
            yield f"{token}: {name} is gone"
        elif _type(property) != _type(other):
            yield f"{token}: {name} changed its type"


def _type(property: Any) -> Any:
    if not isinstance(property, dict):
        return property
    return {key: _type(value) for key, value in property.items() if key not in ("description", "plain")}


def may_break(old: str, new: str) -> bool:
    """Whether the step from a version to another allows breaks: a higher major one, below 1.0 a higher minor one
    (Semantic Versioning, item 4)."""
    before, after = ([int(part) for part in version.split(".")[:2]] for version in (old, new))
    return after[0] > before[0] or (before[0] == 0 and after > before)


if __name__ == "__main__":
    for file in [CURRENT, RELEASED] if "--release" in sys.argv else [CURRENT]:
        file.write_text(text())
        print(file.name)
