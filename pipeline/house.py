"""The drawing of the house: which part of the repository may know which, from the import linter's contracts."""

import ast
import importlib.util
import itertools
import re
import tomllib
from pathlib import Path
from typing import Any

PAGE = """\
# The house

Made of the import linter's contracts in `pyproject.toml` by `python -m pipeline.documents`; a test compares them.
`make lint` holds the walls: what stands higher may import what stands lower, never the reverse; what stands in one row
knows nothing of its neighbours. No folder holds modules that import each other in a circle, and no service of the
sandbox imports another.

```mermaid
GRAPH
```

| Part | What it is |
|---|---|
ROWS

Each project's README says what is in it and where to begin to read: [components](../../components/README.md),
[policies](../../policies/README.md), [sandbox](../../sandbox/README.md).
"""


def contracts(file: Path) -> list[dict[str, Any]]:
    """The contracts about layers, of a ``pyproject.toml``."""
    found: list[dict[str, Any]] = tomllib.loads(file.read_text())["tool"]["importlinter"]["contracts"]
    return [contract for contract in found if contract["type"] == "layers"]


def rows(contract: dict[str, Any]) -> list[list[str]]:
    """The modules of each layer, the highest first, by their full names."""
    prefix = "".join(f"{container}." for container in contract.get("containers", []))
    return [[f"{prefix}{name}" for name in re.findall(r"[\w.]+", layer)] for layer in contract["layers"]]


def page(file: Path) -> str:
    """The page, from a ``pyproject.toml``."""
    lines, parts = ["flowchart TD"], list[str]()
    for contract in contracts(file):
        layers = rows(contract)
        parts += [name for layer in layers for name in layer if name not in parts]
        container = contract.get("containers", [None])[0]
        lines.append(f'  subgraph {contract["id"]}_["{container or "the repository"}"]')
        for layer in layers:
            lines += [f'    {_id(name)}["{name.removeprefix(f"{container}.")}"]' for name in layer]
        for upper, lower in itertools.pairwise(layers):
            lines += [f"    {_id(above)} --> {_id(below)}" for above in upper for below in lower]
        lines.append("  end")
    table = "\n".join(f"| `{name}` | {_purpose(name)} |" for name in parts)
    return PAGE.replace("GRAPH", "\n".join(lines)).replace("ROWS", table)


def _id(name: str) -> str:
    return name.replace(".", "_")


def _purpose(name: str) -> str:
    """The first sentence of a module's docstring."""
    found = importlib.util.find_spec(name)
    assert found is not None, name
    assert found.origin is not None, name
    text = ast.get_docstring(ast.parse(Path(found.origin).read_text())) or ""
    return re.split(r"(?<=\.)\s|\n\n", text)[0].replace("``", "`").replace("\n", " ")
