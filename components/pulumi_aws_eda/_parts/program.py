"""What the components of one run of a program have in common: its defaults, and the layers of its functions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary

import pulumi
import pulumi_aws as aws
from pulumi.runtime import settings

from pulumi_aws_eda._parts.args import names

T = TypeVar("T", bound=Mapping[str, Any])


@dataclass
class Program:
    """One run of a program, or one component that the plugin makes for a program in another language.

    Attributes:
        defaults: arguments of components that are made from now on.
        layers: by what is in them, and their provider; None is the default one.
        first: the component that was made first, for the plugin the one it was asked for, and what it is called.
    """

    defaults: Mapping[str, Any] = field(default_factory=dict)
    layers: dict[tuple[str, pulumi.ProviderResource | None], aws.lambda_.LayerVersion] = field(default_factory=dict)
    first: tuple[pulumi.ComponentResource, str] | None = None


# Each run has a monitor of its own: under mocks, in the automation API, and in each call of the plugin, whose calls
# overlap. A context variable would not do: what an output's callback sets, the program does not see.
_programs: WeakKeyDictionary[object, Program] = WeakKeyDictionary()


def current() -> Program:
    """The run that this is called in.

    Raises:
        RunError: it is called outside of any.
    """
    monitor = settings.get_monitor()
    if monitor is None:
        raise pulumi.RunError("no Pulumi program is running; tests run theirs with pulumi_aws_eda.testing.record")
    return _programs.setdefault(monitor, Program())


def with_defaults(args: T, kind: type) -> T:
    """A component's arguments, and the program's defaults for those that are not given; tags key by key.

    Args:
        args: what was given.
        kind: the component's TypedDict; it says which defaults the component takes.
    """
    defaults = current().defaults
    known = names(kind)
    taken = {name: value for name, value in defaults.items() if name in known and args.get(name) is None}
    if "tags" in defaults and args.get("tags"):
        taken["tags"] = {**defaults["tags"], **args["tags"]}
    return cast("T", {**args, **taken})
