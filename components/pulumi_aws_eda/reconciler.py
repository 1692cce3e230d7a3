"""Looks up what was started and is not finished, on a schedule: completion events are best effort."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict, Unpack, overload

import pulumi

from pulumi_aws_eda import archives
from pulumi_aws_eda._parts import arns, program, queues, triggers
from pulumi_aws_eda._parts.analytics import ledgers, needs
from pulumi_aws_eda._parts.analytics.needs import IngestionsArgs, LoadsArgs, ObjectQueriesArgs
from pulumi_aws_eda._parts.args import ArgumentError, check, number, takes_keywords, together
from pulumi_aws_eda._parts.common import Common
from pulumi_aws_eda._parts.function.grants import GrantArgs
from pulumi_aws_eda.idempotent_lambda import IdempotentLambda, IdempotentLambdaArgs

_EXPRESSION = re.compile(r"(cron|rate)\(.+\)")
_QUEUE = ("dead_letter_queue_url", "dead_letter_queue_arn")


class ReconcilerSettingsArgs(TypedDict):
    """When and how it looks."""

    schedule_expression: NotRequired[str]
    """How often, an EventBridge Scheduler expression; default ``rate(5 minutes)``."""
    grace_seconds: NotRequired[int]
    """Age in seconds from which something is looked up, 0 to 86400: until then its event may come. Default 120."""
    max_attempts: NotRequired[int]
    """How often a refresh is tried before its message goes to the dead-letter queue, 1 to 100; default 3."""


class ReconcilerArgs(ReconcilerSettingsArgs):
    """Arguments of Reconciler; at least one of ``queries``, ``loads`` and ``ingestions``."""

    ledger_table_name: pulumi.Input[str]
    """The analytics ledger."""
    ledger_table_arn: pulumi.Input[str]
    """Its ARN."""
    queries: NotRequired[ObjectQueriesArgs]
    """Settles queries, and starts those that were not; ``PerObjectQuery.object_queries``. Default: it does not."""
    loads: NotRequired[LoadsArgs]
    """Settles loads; default: it does not."""
    ingestions: NotRequired[IngestionsArgs]
    """Settles ingestions, and starts those that were not, after loads with ``awaits_refresh`` too; default: it does
    not."""
    log_retention_in_days: NotRequired[pulumi.Input[int]]
    """Days the log is kept; default 30."""
    kms_key_arn: NotRequired[pulumi.Input[str]]
    """Customer managed key of ledger, queues and log; its policy has to let CloudWatch Logs use it. Default: the
    services' own keys."""
    permissions_boundary: NotRequired[pulumi.Input[str]]
    """ARN of the roles' permissions boundary; default none."""
    alarm_actions: NotRequired[Sequence[pulumi.Input[str]]]
    """ARNs that the alarms notify; default none."""
    deletion_protection: NotRequired[bool]
    """Whether the queue refuses to be deleted and replaced, by Pulumi's ``protect``; default false."""
    tags: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Tags of every child."""


class Reconciler(pulumi.ComponentResource):
    """Brings on, on a schedule, what the analytics ledger says was started and is not finished: queries, loads and
    ingestions whose completion event got lost, or whose starter ended before it wrote down what it did.

    Args:
        name: logical name.
        args: see ``ReconcilerArgs``; given as a dictionary or as keywords.
        opts: Pulumi's options.

    Raises:
        ArgumentError: an argument is unknown, missing or out of bounds, or there is nothing to settle.
    """

    function_name: pulumi.Output[str]
    """The function."""
    function_arn: pulumi.Output[str]
    """Its ARN."""
    role_arn: pulumi.Output[str]
    """The function's role."""
    log_group_name: pulumi.Output[str]
    """The function's log group."""
    schedule_name: pulumi.Output[str]
    """The schedule."""
    schedule_arn: pulumi.Output[str]
    """Its ARN."""
    kinds: pulumi.Output[Sequence[str]]
    """What it settles: of ``query``, ``load`` and ``spice``."""
    dead_letter_queue_url: pulumi.Output[str]
    """The queue for runs that failed, and for messages of kinds without a queue of their own."""
    dead_letter_queue_arn: pulumi.Output[str]
    """Its ARN."""
    observed: pulumi.Output[Mapping[str, Sequence[str]]]
    """What an ``Observability`` shows of it: names by kind."""

    @overload
    def __init__(self, name: str, args: ReconcilerArgs, opts: pulumi.ResourceOptions | None = None) -> None: ...

    @overload
    def __init__(
        self, name: str, *, opts: pulumi.ResourceOptions | None = None, **keywords: Unpack[ReconcilerArgs]
    ) -> None: ...

    @takes_keywords
    def __init__(self, name: str, args: ReconcilerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        component = f"Reconciler {name!r}"
        args = program.with_defaults(args, ReconcilerArgs)
        check_reconciler_settings(component, args)
        _check_kinds(component, args)
        grace = number(component, args, "grace_seconds", 120, 0, 86400)
        attempts = number(component, args, "max_attempts", 3, 1, 100)
        super().__init__("aws-eda:index:Reconciler", name, {}, opts)
        common = Common.of(self, name, args, opts)
        name = common.name

        ledger = ledgers.ledger_table(common, args)
        self.dead_letter_queue = queues.dead_letter_queue(common, runbook="dead-letters-reconciler")
        kinds: dict[str, ObjectQueriesArgs | LoadsArgs | IngestionsArgs] = {}
        grants: dict[str, GrantArgs] = {
            **needs.ledger(ledger),
            "FindRows": {"actions": ["dynamodb:Query"], "resources": [ledger.index("open")]},
        }
        environment: dict[str, pulumi.Input[str]] = {}
        if "queries" in args:
            kinds["query"] = args["queries"]
            grants |= needs.object_queries(common, args["queries"])
        if "loads" in args:
            kinds["load"] = args["loads"]
            grants |= needs.loads(args["loads"])
            environment["LOAD_JOB_NAME"] = args["loads"]["job_name"]
        if "ingestions" in args:
            kinds["spice"] = args["ingestions"]
            grants |= needs.ingestions(common, args["ingestions"]["data_set_ids"])
            environment["ACCOUNT_ID"] = arns.account_id(common)
            environment["DATA_SET_IDS"] = pulumi.Output.json_dumps(list(args["ingestions"]["data_set_ids"]))
        for kind, given in kinds.items():
            if "dead_letter_queue_url" in given:
                environment[f"{kind.upper()}_DEAD_LETTER_QUEUE_URL"] = given["dead_letter_queue_url"]
                sid = f"{kind.capitalize()}DeadLetter"
                grants[sid] = {"actions": ["sqs:SendMessage"], "resources": [given["dead_letter_queue_arn"]]}
        function: IdempotentLambdaArgs = {
            "code": archives.function_archive("reconciler"),
            "description": "Brings on what was started and is not finished",
            "memory_size": 256,
            "timeout": 300,
            "asynchronous": True,
            "dead_letter_queue_arn": self.dead_letter_queue.arn,
            "environment": {
                "LEDGER_TABLE": ledger.name,
                "GRACE_SECONDS": str(grace),
                "MAX_ATTEMPTS": str(attempts),
                "KINDS": json.dumps(list(kinds)),
                "DEAD_LETTER_QUEUE_URL": self.dead_letter_queue.url,
                **environment,
            },
            "grants": grants,
        }
        self.function = IdempotentLambda(
            f"{name}-function", common.nested(function), pulumi.ResourceOptions(parent=self)
        )
        self.schedule = triggers.schedule(
            common,
            f"Looks up what is not finished: {name}",
            args.get("schedule_expression", "rate(5 minutes)"),
            "UTC",
            self.function.function_arn,
            {"scheduled_time": "<aws.scheduler.scheduled-time>"},
            {"actions": ["lambda:InvokeFunction"], "resources": [self.function.function_arn]},
            self.dead_letter_queue.arn,
        )

        self.function_name = self.function.function_name
        self.function_arn = self.function.function_arn
        self.role_arn = self.function.role_arn
        self.log_group_name = self.function.log_group_name
        self.schedule_name = self.schedule.name
        self.schedule_arn = self.schedule.arn
        self.kinds = pulumi.Output.from_input(list(kinds))
        self.dead_letter_queue_url = self.dead_letter_queue.url
        self.dead_letter_queue_arn = self.dead_letter_queue.arn
        self.observed = common.observed(self.function.observed)
        self.register_outputs({key: getattr(self, key) for key in type(self).__annotations__})


def check_reconciler_settings(component: str, args: ReconcilerSettingsArgs) -> None:
    """Check when it looks.

    Raises:
        ArgumentError: the expression is none.
    """
    expression = args.get("schedule_expression", "rate(5 minutes)")
    if not _EXPRESSION.fullmatch(expression):
        raise ArgumentError(component, "schedule_expression", f"is {expression!r}; allowed are rate(…) and cron(…)")


def _check_kinds(component: str, args: ReconcilerArgs) -> None:
    if not {"queries", "loads", "ingestions"} & set(args):
        raise ArgumentError(component, "queries", "is missing, and so are 'loads' and 'ingestions'; nothing to settle")
    if "queries" in args:
        check(f"{component}, queries", args["queries"], ObjectQueriesArgs)
        together(f"{component}, queries", args["queries"], *_QUEUE)
    if "loads" in args:
        check(f"{component}, loads", args["loads"], LoadsArgs)
        together(f"{component}, loads", args["loads"], *_QUEUE)
    if "ingestions" in args:
        check(f"{component}, ingestions", args["ingestions"], IngestionsArgs)
        together(f"{component}, ingestions", args["ingestions"], *_QUEUE)
        if not args["ingestions"]["data_set_ids"]:
            raise ArgumentError(f"{component}, ingestions", "data_set_ids", "is empty")
