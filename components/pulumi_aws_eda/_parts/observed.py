"""What a component has that can be watched: names by kind, the same for a program and over the plugin boundary."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from pulumi_aws_eda._parts.args import ArgumentError

Observed = Mapping[str, Sequence[str]]
KINDS = {
    "alarms": "ARNs of metric alarms",
    "apis": "names of REST APIs",
    "athena_workgroups": "names of Athena's workgroups",
    "data_sets": "ids of QuickSight's SPICE data sets",
    "dead_letter_queues": "names of queues for what failed",
    "delivery_streams": "names of Firehose's streams",
    "functions": "names of functions",
    "log_groups": "names of log groups",
    "pipes": "names of Pipes",
    "queues": "names of queues that are worked off",
    "redshift_workgroups": "names of Redshift Serverless' workgroups",
    "rules": "names of EventBridge's rules, behind their bus and a slash where it is not the account's own",
    "schedule_groups": "names of groups of schedules, which is how Scheduler counts",
    "state_machines": "ARNs of state machines",
    "streams": "names of Kinesis streams",
    "tables": "names of tables",
    "topics": "names of topics",
}


def check_kinds(component: str, argument: str, observed: Mapping[str, object]) -> None:
    """Check the kinds of what is observed.

    Raises:
        ArgumentError: one is unknown.
    """
    for kind in observed:
        if kind not in KINDS:
            near = difflib.get_close_matches(kind, KINDS, 1)
            hint = f"is {near[0]!r} meant?" if near else f"known are {', '.join(KINDS)}"
            raise ArgumentError(component, argument, f"has the unknown kind {kind!r}; {hint}")


def merged(parts: Sequence[pulumi.Input[Mapping[str, Sequence[pulumi.Input[str]]]]]) -> pulumi.Output[Observed]:
    """All names of each kind, each once, in the order of the parts; a kind without names is left out."""
    resolved: pulumi.Output[Any] = pulumi.Output.from_input(parts)
    return resolved.apply(_merge)


def _merge(parts: Sequence[Observed]) -> Observed:
    kinds = {kind: [name for part in parts for name in part.get(kind, ())] for kind in KINDS}
    return {kind: list(dict.fromkeys(names)) for kind, names in kinds.items() if names}
