"""What every component takes, and what its parts are made with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import pulumi

from pulumi_aws_eda._parts import program
from pulumi_aws_eda._parts.naming import first_name
from pulumi_aws_eda._parts.observed import Observed, merged

T = TypeVar("T")
SHARED = (
    "tags",
    "kms_key_arn",
    "permissions_boundary",
    "alarm_actions",
    "log_retention_in_days",
    "deletion_protection",
)
"""The arguments that a component hands on to those that are its children."""


@dataclass(frozen=True)
class Common:
    """The arguments that every component takes, and the component itself.

    Attributes:
        parent: the component.
        name: what it and its children are called: its logical name, or the first that it had.
        tags: for every child.
        kms_key_arn: customer managed key; None uses the services' own keys.
        permissions_boundary: ARN of the boundary of every role.
        alarm_actions: ARNs that alarms notify.
        log_retention_in_days: of log groups.
        deletion_protection: what holds data refuses to be deleted and replaced.
        watched: what the component has made that can be watched, by kind (``observed.KINDS``).
        place: what its provider said about where it is (``arns``): each is asked for once.
    """

    parent: pulumi.ComponentResource
    name: str
    tags: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    kms_key_arn: pulumi.Input[str] | None = None
    permissions_boundary: pulumi.Input[str] | None = None
    alarm_actions: Sequence[pulumi.Input[str]] = ()
    log_retention_in_days: pulumi.Input[int] = 30
    deletion_protection: bool = False
    watched: dict[str, list[pulumi.Input[str]]] = field(default_factory=dict)
    place: dict[str, pulumi.Output[Any]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        parent: pulumi.ComponentResource,
        name: str,
        args: Mapping[str, Any],
        opts: pulumi.ResourceOptions | None,
    ) -> "Common":
        """From what a component was made with.

        Raises:
            ArgumentError: an alias is known only later.
        """
        run = program.current()
        made = cls(
            parent,
            first_name(f"{type(parent).__name__} {name!r}", name, opts),
            args.get("tags") or {},
            args.get("kms_key_arn"),
            args.get("permissions_boundary"),
            args.get("alarm_actions") or (),
            args.get("log_retention_in_days", 30),
            args.get("deletion_protection") or False,
        )
        run.first = run.first or (parent, made.name)
        return made

    @property
    def component(self) -> str:
        """The component's type and name, for messages."""
        return f"{type(self.parent).__name__} {self.parent.pulumi_resource_name!r}"

    def opts(self, **options: Any) -> pulumi.ResourceOptions:
        """Options of a child."""
        return pulumi.ResourceOptions(parent=self.parent, **options)

    def keeping(self, **options: Any) -> pulumi.ResourceOptions:
        """Options of a child that holds what nobody could make again: data, or the key to them."""
        # None inherits what the component itself was given.
        return self.opts(protect=True if self.deletion_protection else None, **options)

    def watch(self, kind: str, name: pulumi.Input[str]) -> None:
        """Note something that the component has made."""
        self.watched.setdefault(kind, []).append(name)

    def observed(self, *parts: pulumi.Output[Observed]) -> pulumi.Output[Observed]:
        """What the component has made, and components that are its children: for its output ``observed``."""
        return merged([self.watched, *parts])

    def nested(self, args: T) -> T:
        """The arguments of a component that is a child, and with them those that every component takes."""
        shared = {name: getattr(self, name) for name in SHARED if getattr(self, name) is not None}
        return cast("T", {**cast("Mapping[str, Any]", args), **shared})
