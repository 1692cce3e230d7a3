"""Bytecode beside the code of a layer, so that a function does not compile at each start: `/opt` is read-only.

Bytecode is one Python version's and the same on every architecture and system, so it is made where the Python that
builds is the version that Lambda runs, and nowhere else. Any other Python passes over it, because its name and its
first bytes tell the version (PEP 3147), and compiles the source, which is always there.
"""

import marshal
import sys
from collections.abc import Mapping
from importlib.util import MAGIC_NUMBER, cache_from_source, source_hash

_UNCHECKED = (1).to_bytes(4, "little")
"""The flags of bytecode that belongs to its source by a hash, which need not be read again (PEP 552)."""
_WITHOUT_REFERENCES = 2
"""Version of ``marshal``'s format: later ones mark what the process that writes refers to elsewhere, so the same code
is not always the same bytes (python/cpython#78274). Reading it takes a millisecond more for a hundred modules."""


def is_of(runtime: str) -> bool:
    """Whether this Python's bytecode is a runtime's.

    Args:
        runtime: as Lambda names it, ``python3.13``.
    """
    ours = sys.implementation.name == "cpython" and sys.version_info.releaselevel == "final"
    return ours and runtime == f"python{sys.version_info.major}.{sys.version_info.minor}"


def compiled(sources: Mapping[str, bytes]) -> dict[str, bytes]:
    """The bytecode of sources, where Python looks for it; the same bytes wherever this version of Python makes it.

    Args:
        sources: contents by name; those that are no Python, or that this one cannot compile, have none.
    """
    found = {}
    for name, source in sources.items():
        if not name.endswith(".py"):
            continue
        try:
            code = compile(source, f"/opt/{name}", "exec", dont_inherit=True, optimize=0)
        except (SyntaxError, ValueError):
            continue
        text = marshal.dumps(code, _WITHOUT_REFERENCES)
        found[cache_from_source(name, optimization="")] = MAGIC_NUMBER + _UNCHECKED + source_hash(source) + text
    return found
