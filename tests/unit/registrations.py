"""What the engine is asked for by the pipeline's ``prod`` stack, a line a resource.

``python -m tests.unit.registrations`` writes it anew. A change of what is deployed is a change of that
file, seen by whoever reviews it.
"""

import json
import re
from pathlib import Path
from typing import Any

import pulumi
from google.protobuf.json_format import MessageToDict

from pipeline import documents

FILE = Path(__file__).with_name("registrations.jsonl")
STACK = "prod"
_DIGEST = re.compile(r"(?<=/code/)[0-9a-f]{16}(?=/)")
"""Of a job's script or wheel: the code, not the stack."""


def registrations() -> str:
    """Type, name, parent, options and inputs of each resource, sorted."""
    recording = documents.recording(STACK)
    inputs = {(found.type, found.name): found.inputs for found in recording.resources}
    lines = []
    for request, _ in recording.registrations:
        line = {
            "type": request.type,
            "name": request.name,
            "parent": request.parent.rpartition("::")[2],
            "inputs": _plain(inputs.get((request.type, request.name), {})),
        }
        for option in ("protect", "retainOnDelete", "deleteBeforeReplace", "ignoreChanges", "replaceOnChanges"):
            if value := getattr(request, option):
                line[option] = value if isinstance(value, bool) else list(value)
        if request.aliases:
            line["aliases"] = [MessageToDict(alias) for alias in request.aliases]
        lines.append(json.dumps(line, sort_keys=True, ensure_ascii=False))
    return "\n".join([*sorted(lines), ""])


def _plain(value: Any) -> Any:
    """Without what differs from machine to machine: where archives lie, and what is in them."""
    if isinstance(value, pulumi.Asset | pulumi.Archive):
        return type(value).__name__
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if key not in ("sourceHash", "sourceCodeHash")}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return _DIGEST.sub("DIGEST", value) if isinstance(value, str) else value


if __name__ == "__main__":
    FILE.write_text(registrations())
