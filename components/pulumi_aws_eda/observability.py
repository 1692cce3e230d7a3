"""What is seen of a stack: a dashboard, saved queries, alarms, and X-Ray's group and sampling rule."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NotRequired, TypedDict, Unpack, overload

import pulumi
import pulumi_aws as aws

from pulumi_aws_eda import log_queries
from pulumi_aws_eda._parts import arns, program, queues
from pulumi_aws_eda._parts.args import ArgumentError, check, number, takes_keywords
from pulumi_aws_eda._parts.common import Common
from pulumi_aws_eda._parts.naming import first_name, name_prefix, physical_name
from pulumi_aws_eda._parts.observability import alarms, dashboard
from pulumi_aws_eda._parts.observed import Observed, check_kinds, merged
from pulumi_aws_eda.alarm_topic import AlarmTopic, AlarmTopicArgs

FRESHNESS_SECONDS = 1800
"""Firehose's longest buffering interval (900 s) and as much again."""


class SamplingArgs(TypedDict):
    """How many requests X-Ray traces."""

    reservoir_size: NotRequired[int]
    """Requests a second that are traced in any case, 0 to 1000000; default 1."""
    fixed_rate: NotRequired[float]
    """Share of the others that is traced, 0 to 1; default 0.05."""
    priority: NotRequired[int]
    """Rules are tried from 1 to 9999; default 1000."""


class ObservabilityArgs(TypedDict):
    """Arguments of Observability."""

    observed: NotRequired[Sequence[pulumi.Input[Mapping[str, Sequence[pulumi.Input[str]]]]]]
    """What is shown: the output ``observed`` of each component, and mappings of the same form (names by kind, for
    example ``{"tables": [table.name]}``) for what no component made. Components have their own alarms."""
    functions: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Names of functions that no component made, by a key for logical names: they are shown, and get alarms. So do
    the following."""
    state_machines: NotRequired[Mapping[str, pulumi.Input[str]]]
    """ARNs of state machines."""
    delivery_streams: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Names of Firehose's streams to S3."""
    pipes: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Names of Pipes."""
    dead_letter_queues: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Names of queues for what failed."""
    dashboard_name: NotRequired[str]
    """The dashboard's name; default: project, stack and logical name."""
    sampling: NotRequired[SamplingArgs]
    """How many requests to this stack's API X-Ray traces; default: one a second, and 5 % of the others."""
    alarm_actions: NotRequired[Sequence[pulumi.Input[str]]]
    """ARNs that the alarms notify; default: an ``AlarmTopic`` that the component makes."""
    kms_key_arn: NotRequired[pulumi.Input[str]]
    """Customer managed key of the topic; see ``AlarmTopic``."""
    tags: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Tags of every child."""


ALARMED = ("functions", "state_machines", "delivery_streams", "pipes", "dead_letter_queues")
"""What gets alarms here."""


class Observability(pulumi.ComponentResource):
    """Makes a stack visible as a whole: each hop's rate, errors, age and costs on one dashboard, the saved queries over
    all logs, alarms with the page that says what to do, and a group of X-Ray's traces with its sampling rule.

    Args:
        name: logical name.
        args: see ``ObservabilityArgs``; given as a dictionary or as keywords.
        opts: Pulumi's options.

    Raises:
        ArgumentError: an argument is unknown or out of bounds; a kind of ``observed`` is unknown; something gets alarms
            here and has them from a component; or there is more than one dashboard shows or one query reads. What is
            known only when resources are there is refused then.
    """

    alarm_topic_arn: pulumi.Output[str | None]
    """The topic that the component made; none with ``alarm_actions``."""
    dashboard_name: pulumi.Output[str]
    """The dashboard."""
    query_names: pulumi.Output[Mapping[str, str]]
    """The saved queries' names in the console, by what they answer."""
    log_group_names: pulumi.Output[Sequence[str]]
    """All log groups that the queries read."""
    trace_group_name: pulumi.Output[str]
    """X-Ray's group."""
    sampling_rule_name: pulumi.Output[str]
    """X-Ray's sampling rule."""

    @overload
    def __init__(self, name: str, args: ObservabilityArgs, opts: pulumi.ResourceOptions | None = None) -> None: ...

    @overload
    def __init__(
        self, name: str, *, opts: pulumi.ResourceOptions | None = None, **keywords: Unpack[ObservabilityArgs]
    ) -> None: ...

    @takes_keywords
    def __init__(self, name: str, args: ObservabilityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        component = f"Observability {name!r}"
        args = program.with_defaults(args, ObservabilityArgs)
        sampling = _sampling(component, args)
        for position, part in enumerate(args.get("observed", ())):
            if isinstance(part, Mapping):
                check_kinds(component, f"observed[{position}]", part)
        super().__init__("aws-eda:index:Observability", name, {}, opts)
        topic = None
        if not args.get("alarm_actions"):
            topic = AlarmTopic(
                f"{first_name(component, name, opts)}-alarms", _topic(args), pulumi.ResourceOptions(parent=self)
            )
        common = Common.of(self, name, {**args, **({"alarm_actions": [topic.topic_arn]} if topic else {})}, opts)
        name = common.name
        _alarm(common, args)
        observed = _all(component, common, args)

        region = arns.region(common)
        self.dashboard = aws.cloudwatch.Dashboard(
            f"{name}-dashboard",
            dashboard_name=args.get("dashboard_name", physical_name(name, 255)),
            dashboard_body=pulumi.Output.all(observed, region).apply(lambda known: _body(component, known)),
            opts=common.opts(),
        )
        groups = observed.apply(lambda found: _log_groups(component, found))
        self.queries = {
            key: aws.cloudwatch.QueryDefinition(
                f"{name}-{key}",
                # A slash makes a folder in the console.
                name=f"{physical_name(name, 200)}/{key}",
                query_string=text,
                log_group_names=groups,
                opts=common.opts(),
            )
            for key, text in log_queries.QUERIES.items()
        }
        self.group = aws.xray.Group(
            f"{name}-traces",
            group_name=physical_name(name, 32),
            filter_expression=observed.apply(_traces),
            insights_configuration={"insights_enabled": True, "notifications_enabled": False},
            tags=common.tags,
            opts=common.opts(),
        )
        self.sampling_rule = aws.xray.SamplingRule(
            f"{name}-sampling",
            rule_name=physical_name(name, 32),
            version=1,
            resource_arn="*",
            service_name=f"{name_prefix(63)}*",
            service_type="*",
            host="*",
            http_method="*",
            url_path="*",
            tags=common.tags,
            opts=common.opts(),
            **sampling,
        )
        none: pulumi.Output[str | None] = pulumi.Output.from_input(None)
        self.alarm_topic_arn = none if topic is None else topic.topic_arn.apply(lambda arn: arn)
        self.dashboard_name = self.dashboard.dashboard_name
        self.query_names = pulumi.Output.all(**{key: query.name for key, query in self.queries.items()})
        self.log_group_names = groups
        self.trace_group_name = self.group.group_name
        self.sampling_rule_name = self.sampling_rule.rule_name.apply(str)
        self.register_outputs({key: getattr(self, key) for key in type(self).__annotations__})


def _topic(args: ObservabilityArgs) -> AlarmTopicArgs:
    given: AlarmTopicArgs = {"tags": args.get("tags", {})}
    if "kms_key_arn" in args:
        given["kms_key_arn"] = args["kms_key_arn"]
    return given


def _sampling(component: str, args: ObservabilityArgs) -> dict[str, Any]:
    given, where = args.get("sampling", {}), f"{component}, sampling"
    check(where, given, SamplingArgs)
    rate = given.get("fixed_rate", 0.05)
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1:
        raise ArgumentError(where, "fixed_rate", f"is {rate!r}; allowed are numbers from 0 to 1")
    return {
        "reservoir_size": number(where, given, "reservoir_size", 1, 0, 1_000_000),
        "priority": number(where, given, "priority", 1000, 1, 9999),
        "fixed_rate": rate,
    }


def _alarm(common: Common, args: ObservabilityArgs) -> None:
    """Alarms for what no component made."""

    def dead_letters(common: Common, queue_name: pulumi.Input[str], what: str, prefix: str) -> None:
        queues.messages_alarm(common, prefix.removesuffix("-"), queue_name, what)

    def machine(common: Common, arn: pulumi.Input[str], what: str, prefix: str) -> None:
        alarms.state_machine(common, arn, what, "the execution's history says why", prefix)

    def stream(common: Common, stream_name: pulumi.Input[str], what: str, prefix: str) -> None:
        # A metric that a stream does not have has no data, and no data is no alarm.
        alarms.delivery_stream(common, stream_name, what, FRESHNESS_SECONDS, prefix, parquet=True, kinesis=False)

    makers: dict[str, Callable[[Common, pulumi.Input[str], str, str], None]] = {
        "functions": alarms.function,
        "state_machines": machine,
        "delivery_streams": stream,
        "pipes": alarms.pipe,
        "dead_letter_queues": dead_letters,
    }
    for kind in ALARMED:
        given: Mapping[str, pulumi.Input[str]] = args.get(kind, {})  # type: ignore[assignment]  # a name from ALARMED
        # A map's order is lost on the way from other languages; the dashboard's is fixed.
        for key, found in sorted(given.items()):
            common.watch(kind, found)
            makers[kind](common, found, key, f"{key}-")


def _all(component: str, common: Common, args: ObservabilityArgs) -> pulumi.Output[Observed]:
    """What components observe and what was listed, when both are known."""
    parts = args.get("observed", ())

    def checked(known: list[Any]) -> Observed:
        for position, part in enumerate(known[1]):
            check_kinds(component, f"observed[{position}]", part)
        for kind in ALARMED:
            twice = sorted({name for part in known[1] for name in part.get(kind, ())} & set(known[2].get(kind, ())))
            if twice:
                raise ArgumentError(component, kind, f"has {twice[0]!r}, which is in 'observed' too")
        found: Observed = known[0]
        return found

    return pulumi.Output.all(merged([*parts, common.watched]), list(parts), common.watched).apply(checked)


def _body(component: str, known: Sequence[Any]) -> str:
    try:
        return dashboard.body(known[0], known[1])
    except ValueError as error:
        raise ArgumentError(component, "observed", f"{error}: use one Observability for each part") from None


def _log_groups(component: str, observed: Observed) -> list[str]:
    groups = list(observed.get("log_groups", ()))
    if len(groups) > dashboard.MOST_GROUPS:
        problem = f"has {len(groups)} log groups; one query reads {dashboard.MOST_GROUPS}"
        raise ArgumentError(component, "observed", f"{problem}: use one Observability for each part")
    return groups


def _traces(observed: Observed) -> str:
    """The expression of traces that pass a function or a machine; all traces where there is none."""
    arns = observed.get("state_machines", ())
    names = [*observed.get("functions", ()), *(arn.rpartition(":")[2] for arn in arns)]
    return " OR ".join(f'service("{name}")' for name in names) or "ok OR error OR fault"
