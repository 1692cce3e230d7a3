"""Physical names, within the limits of the services.

Pulumi takes more characters than AWS does: a dot in the names of projects and stacks, anything in a logical name.
Whatever is not taken is replaced, and then a digest keeps names apart that were different.
"""

import hashlib
import re

import pulumi

_NOT_TAKEN = re.compile(r"[^A-Za-z0-9_-]")
"""What a function, a layer, a queue, a state machine, a topic or a dashboard does not take in its name."""
_NOT_LOWER = re.compile(r"[^a-z0-9-]")


def physical_name(name: str, limit: int) -> str:
    """Project, stack and logical name, in letters, digits, hyphens and underscores.

    Args:
        name: the logical name.
        limit: characters that the service allows, 64 for a Lambda function, 80 for a state machine or a queue; what is
            longer is cut.
    """
    full = _full(name)
    return _fitted(full, _NOT_TAKEN.sub("-", full), limit, changed=_NOT_TAKEN.search(full) is not None)


def lower_case_name(name: str, limit: int, separator: str = "-") -> str:
    """Project, stack and logical name for a service that takes small letters, digits and one more character.

    Args:
        name: the logical name.
        limit: characters that the service allows.
        separator: that character, ``-`` or ``_``.
    """
    full = _full(name)
    clean = _NOT_LOWER.sub("-", full.lower())
    return _fitted(full, clean, limit, changed=_NOT_LOWER.search(full) is not None).replace("-", separator)


def name_prefix(limit: int) -> str:
    """What all physical names of the stack that are not cut begin with.

    Args:
        limit: characters at most.
    """
    return _NOT_TAKEN.sub("-", _full(""))[:limit]


def _full(name: str) -> str:
    return f"{pulumi.get_project()}-{pulumi.get_stack()}-{name}"


def _fitted(full: str, clean: str, limit: int, *, changed: bool) -> str:
    if len(clean) <= limit and not changed:
        return clean
    return f"{clean[: limit - 9]}-{hashlib.sha256(full.encode()).hexdigest()[:8]}"
