"""Physical names, within the limits of the services.

Pulumi takes more characters than AWS does: a dot in the names of projects and stacks, anything in a logical name.
Whatever is not taken is replaced, and then a digest keeps names apart that were different. What holds data is replaced
with its name, so names outlive renames: of a component by its alias, of a stack or a project by ``aws-eda:namePrefix``.
"""

import hashlib
import re

import pulumi

from pulumi_aws_eda._parts.args import ArgumentError

_NOT_TAKEN = re.compile(r"[^A-Za-z0-9_-]")
"""What a function, a layer, a queue, a state machine, a topic or a dashboard does not take in its name."""
_NOT_LOWER = re.compile(r"[^a-z0-9-]")


def first_name(component: str, name: str, opts: pulumi.ResourceOptions | None) -> str:
    """What a component and its children are called: the first of its aliases that names it, or else its logical name.

    So a component that is renamed with an alias changes nothing but its own place in the state.

    Args:
        component: the component's type and name, for messages.
        name: the logical name.
        opts: Pulumi's options.

    Raises:
        ArgumentError: an alias is known only later.
    """
    for alias in (None if opts is None else opts.aliases) or ():
        if isinstance(alias, str):
            # A URN: stack, project, types, and a name, which may have colons too.
            return alias.split("::", 3)[-1]
        if not isinstance(alias, pulumi.Alias):
            problem = "has one that is known only later; names are made of it now: give an Alias with a name, or a URN"
            raise ArgumentError(component, "opts.aliases", problem)
        if isinstance(alias.name, str):
            return alias.name
    return name


def physical_name(name: str, limit: int) -> str:
    """Prefix and logical name, in letters, digits, hyphens and underscores.

    Args:
        name: the logical name.
        limit: characters that the service allows, 64 for a Lambda function, 80 for a state machine or a queue; what is
            longer is cut.
    """
    full = _full(name)
    return _fitted(full, _NOT_TAKEN.sub("-", full), limit, changed=_NOT_TAKEN.search(full) is not None)


def lower_case_name(name: str, limit: int, separator: str = "-") -> str:
    """Prefix and logical name for a service that takes small letters, digits and one more character.

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
    """Project, stack and the name; in place of the first two what the config has, which stays when they are renamed."""
    prefix = pulumi.Config("aws-eda").get("namePrefix") or f"{pulumi.get_project()}-{pulumi.get_stack()}"
    return f"{prefix}-{name}"


def _fitted(full: str, clean: str, limit: int, *, changed: bool) -> str:
    if len(clean) <= limit and not changed:
        return clean
    return f"{clean[: limit - 9]}-{hashlib.sha256(full.encode()).hexdigest()[:8]}"
