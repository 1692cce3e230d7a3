"""What all components of a program are given, said once."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict, Unpack

import pulumi

from pulumi_aws_eda._parts import program
from pulumi_aws_eda._parts.args import check


class DefaultsArgs(TypedDict):
    """Arguments of ``defaults``."""

    tags: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Tags of every resource that takes them; a component's own are added, and win where both have a key."""
    log_retention_in_days: NotRequired[pulumi.Input[int]]
    """Days that logs are kept; without it 30."""
    alarm_actions: NotRequired[Sequence[pulumi.Input[str]]]
    """ARNs that alarms notify; without it none."""
    kms_key_arn: NotRequired[pulumi.Input[str]]
    """Customer managed key of what is stored; without it the services' own keys."""
    deletion_protection: NotRequired[bool]
    """Whether what holds data refuses to be deleted and replaced, as an environment asks; without it nothing."""
    permissions_boundary: NotRequired[pulumi.Input[str]]
    """ARN of every role's permissions boundary; without it none."""
    runtime_layer_arn: NotRequired[pulumi.Input[str]]
    """ARN of a layer with ``eda_runtime`` of the library's version; without it the stack makes one."""
    powertools_layer_arn: NotRequired[pulumi.Input[str]]
    """ARN of Powertools' public layer; without it the stack makes one."""


def defaults(**given: Unpack[DefaultsArgs]) -> None:
    """Set what the components that are made after it in this program have where they are not given it themselves.

    A component takes those of the defaults that are arguments of it, also where another component makes it. Its own
    argument wins, an empty list of ``alarm_actions`` too; ``None`` counts as not given. A second call replaces all
    that the first one said. It holds for the program that calls it: a program in another language, for which the
    plugin makes each component on its own, has no defaults::

        defaults(tags={"team": "orders"}, log_retention_in_days=90)

    Args:
        given: see ``DefaultsArgs``.

    Raises:
        ArgumentError: an argument is unknown.
        RunError: no program is running.
    """
    check("defaults", given, DefaultsArgs)
    program.current().defaults = {name: value for name, value in given.items() if value is not None}
