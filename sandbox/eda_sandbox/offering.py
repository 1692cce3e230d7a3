"""What the sandbox offers of AWS, service by service, and the page that says so."""

from collections.abc import Mapping

from eda_sandbox.foundation.cloud import service_model
from eda_sandbox.foundation.offered import Offered
from eda_sandbox.frontdoor.offered import BEHIND
from eda_sandbox.services import SERVICES

_HEAD = """\
# What the sandbox offers

Made of the declarations beside each service (`services/*/offered.py`, `frontdoor/offered/`) by
`python -m pipeline.documents`; a test compares them.

Operations that are not named are refused, and so are members of an operation's input that are left out here, or values
that are not listed: with an error of the service whose message ends with `is not offered by the sandbox`. A member that
is taken without effect is one that changes nothing which the sandbox has (what a command costs, how fast a service is,
who is told), or is shown again and nothing more. What behaves otherwise than on AWS is in
[the table of differences](README.md#what-it-does-not-do-as-aws-does).
"""


def everything() -> Mapping[str, Offered]:
    """What is offered of each service, by boto3's name of it."""
    found = dict(BEHIND)
    for service in SERVICES:
        own, behind = service.offered, BEHIND.get(service.name) if service.leaves_rest else None
        rest = behind.operations if behind else {}
        found[service.name] = Offered(own.service, own.code, {**rest, **own.operations}, own.unknown)
    return dict(sorted(found.items()))


def page() -> str:
    """The page."""
    return "\n".join([_HEAD, *(_section(offered) for offered in everything().values())])


def _section(offered: Offered) -> str:
    whole, rows = [], []
    for operation in sorted(offered.operations):
        shape = service_model(offered.service).operation_model(operation).input_shape
        left_out, idle = offered.left_out(operation, shape), offered.idle(operation)
        values = [f"{path}: {', '.join(found)}" for path, found in offered.values(operation).items()]
        if left_out or idle or values:
            rows.append(f"| {operation} | {', '.join(left_out)} | {', '.join(idle)} | {'; '.join(values)} |")
        else:
            whole.append(operation)
    lines = [f"## {offered.service}", ""]
    if whole:
        lines += [f"With all of their input: {', '.join(whole)}.", ""]
    if rows:
        lines += ["| Operation | Left out | Taken without effect | Values |", "|---|---|---|---|", *rows, ""]
    return "\n".join(lines)
