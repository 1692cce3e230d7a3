"""What a function's links make: statements of its role, and ``EDA_LINKS`` for the runtime."""

import re
from collections.abc import Mapping, Sequence
from keyword import iskeyword
from typing import Any, NotRequired, TypedDict, cast

import pulumi

from pulumi_aws_eda._parts import arns, keys
from pulumi_aws_eda._parts.args import ArgumentError, check, one_of
from pulumi_aws_eda._parts.common import Common
from pulumi_aws_eda._parts.function.link_kinds import MEMBERS, NEEDS, LinkAccess, LinkKind

VARIABLE = "EDA_LINKS"
ENVIRONMENT_BYTES = 4096
"""Of all variables' names and values (Lambda quotas)."""
_NAME = re.compile("[a-z][a-z0-9]*(_[a-z][a-z0-9]*)*")
SUFFIX = "-??????"
"""What Secrets Manager adds to a name in a secret's ARN, a hyphen and six characters, as IAM matches them."""


class LinkArgs(TypedDict):
    """What a function is linked with; ``link`` makes it of a component or a resource."""

    arn: pulumi.Input[str]
    """Its ARN."""
    kind: LinkKind
    """What it is."""
    access: Sequence[LinkAccess]
    """What the function does with it."""
    kms_key_arn: NotRequired[pulumi.Input[str]]
    """The customer managed key that it is encrypted with; default: the function's ``kms_key_arn``."""
    callback_table_arn: NotRequired[pulumi.Input[str]]
    """Of a ``CALLBACK_WORKFLOW``: its output of that name."""
    rows_table_arn: NotRequired[pulumi.Input[str]]
    """Of a ``CALLBACK_WORKFLOW``: its output of that name."""
    key: NotRequired[pulumi.Input[str]]
    """Of a ``CALLBACK_WORKFLOW``: its output of that name."""
    settings: NotRequired[pulumi.Input[str]]
    """Of a cache: its output of that name."""


Links = Mapping[str, LinkArgs]


def links_of(component: str, common: Common, args: Mapping[str, Any]) -> Links:
    """All that a function is linked with: its ``links``, ``secrets`` and ``parameters``.

    Args:
        component: for messages.
        common: the component.
        args: the function's arguments.

    Raises:
        ArgumentError: a name is none, or is given twice, or a link is not allowed.
    """
    found: dict[str, LinkArgs] = {}
    for argument, made in (
        ("links", args.get("links") or {}),
        ("secrets", {name: _secret(common, given) for name, given in (args.get("secrets") or {}).items()}),
        ("parameters", {name: _parameter(common, given) for name, given in (args.get("parameters") or {}).items()}),
    ):
        for name, link in made.items():
            if not _NAME.fullmatch(name) or iskeyword(name):
                problem = "has to be small letters and digits, in words that an underscore divides, as names in Python"
                raise ArgumentError(component, f"{argument}[{name!r}]", problem)
            if name in found:
                raise ArgumentError(component, f"{argument}[{name!r}]", "has the name of another link")
            found[name] = _checked(f"{component}, {argument}[{name!r}]", link)
    # A map's order is lost on the way from other languages.
    return dict(sorted(found.items()))


def _checked(where: str, link: Mapping[str, Any]) -> LinkArgs:
    if not isinstance(link, Mapping):
        raise ArgumentError(where, "link", f"is a {type(link).__name__}; make it with link(…, what the function does)")
    check(where, link, LinkArgs)
    kind = one_of(where, link, "kind", LinkKind)
    accesses = [one_of(where, {"access": given}, "access", LinkAccess) for given in link["access"]]
    if not accesses:
        raise ArgumentError(where, "access", "is empty")
    for access in accesses:
        if access not in NEEDS[kind]:
            allowed = ", ".join(each.value for each in NEEDS[kind])
            raise ArgumentError(where, "access", f"is {access.value}; a {kind.value} has {allowed}")
    for member in MEMBERS.get(kind, ()):
        if link.get(member) is None:
            raise ArgumentError(where, member, f"is missing; a {kind.value} needs it")
    return cast("LinkArgs", {**link, "kind": kind, "access": accesses})


def statements(links: Links) -> dict[str, Mapping[str, Any]]:
    """The statements of the function's role, by Sid: ``Link``, the link's name and what is done.

    Args:
        links: checked, by name.
    """
    return {
        f"Link{_camel(name)}{end}": {
            "actions": list(need.actions),
            "resources": [pulumi.Output.concat(link[need.of], suffix) for suffix in need.suffixes],  # type: ignore[literal-required]  # a member of LinkArgs
            **keys.given(link.get("kms_key_arn")),
        }
        for name, link in links.items()
        for access in dict.fromkeys(link["access"])
        for end, need in NEEDS[link["kind"]][access].items()
    }


def variable(component: str, links: Links, beside: Mapping[str, pulumi.Input[str]]) -> pulumi.Output[str]:
    """The value of ``EDA_LINKS``: JSON with the ARN by link, and what it has beside it.

    Args:
        component: for messages.
        links: checked, by name.
        beside: the function's other variables.

    Raises:
        ArgumentError: all variables together are longer than Lambda takes; when they are known.
    """
    named = {
        name: [link["arn"], *(link[member] for member in MEMBERS[link["kind"]])]  # type: ignore[literal-required]  # a member of LinkArgs
        if link["kind"] in MEMBERS
        else link["arn"]
        for name, link in links.items()
    }

    def fits(known: tuple[str, Mapping[str, str]]) -> str:
        text, others = known
        size = sum(len(part.encode()) for pair in {**others, VARIABLE: text}.items() for part in pair)
        if size > ENVIRONMENT_BYTES:
            problem = (
                f"make an environment of {size} bytes, {len(text.encode())} of them for the links; Lambda takes "
                f"{ENVIRONMENT_BYTES}"
            )
            raise ArgumentError(component, "links", problem)
        return text

    text = pulumi.Output.json_dumps(named, separators=(",", ":"))
    return pulumi.Output.all(text, beside).apply(lambda known: fits((known[0], known[1])))


def _secret(common: Common, given: pulumi.Input[str]) -> LinkArgs:
    named = pulumi.Output.concat(arns.arn(common, "secretsmanager", "secret:"), given, SUFFIX)
    return {"arn": _arn(given, named), "kind": LinkKind.SECRET, "access": [LinkAccess.READ]}


def _parameter(common: Common, given: pulumi.Input[str]) -> LinkArgs:
    path = pulumi.Output.from_input(given).apply(lambda name: name.removeprefix("/"))
    named = pulumi.Output.concat(arns.arn(common, "ssm", "parameter/"), path)
    return {"arn": _arn(given, named), "kind": LinkKind.PARAMETER, "access": [LinkAccess.READ]}


def _arn(given: pulumi.Input[str], named: pulumi.Output[str]) -> pulumi.Output[str]:
    return pulumi.Output.all(given, named).apply(lambda known: known[0] if known[0].startswith("arn:") else known[1])


def _camel(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))
