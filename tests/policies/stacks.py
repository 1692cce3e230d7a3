"""The pipeline's stacks as the engine would ask the pack about them, each made once."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from eda_policies import runner

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "__main__.py"
CONFIG: dict[str, Any] = json.loads((ROOT / "policies" / "config.json").read_text())
DEFAULTS = {"orders:external_api_url": "http://127.0.0.1:8080"}


@cache
def stack_requests(stack: str, preview: bool = False) -> runner.Requests:
    """The requests of a stack; not to be changed, ``copied`` is."""
    return runner.requests(runner.run(PROGRAM, stack, DEFAULTS, preview))


def copied(found: runner.Requests) -> runner.Requests:
    """The same requests, to be changed."""
    return runner.Requests([copy_of(request) for request in found.resources], copy_of(found.stack))


def copy_of(message: Any) -> Any:
    """A copy of a protobuf message."""
    made = type(message)()
    made.CopyFrom(message)
    return made
