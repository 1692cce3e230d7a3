"""Another system's data in its consumer: kept for a time after the first request, or synced on a schedule."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict, Unpack, overload
from urllib.parse import urlsplit

import pulumi

from pulumi_aws_eda import archives
from pulumi_aws_eda._parts import keys, program, queues, tables, triggers
from pulumi_aws_eda._parts.args import ArgumentError, check, number, takes_keywords
from pulumi_aws_eda._parts.common import Common
from pulumi_aws_eda._parts.function.grants import GrantArgs
from pulumi_aws_eda.idempotent_lambda import IdempotentLambda, IdempotentLambdaArgs, VpcConfigArgs

WEEK = 7 * 86400
_EXPRESSION = re.compile(r"(rate|cron)\(.+\)")


class HotCacheArgs(TypedDict):
    """The strategy HOT: a value is loaded by the function that first needs it, and used by all for a time."""

    time_to_live_in_seconds: NotRequired[int]
    """How long a value is used after its load, 1 to 604800; default 300."""
    stale_if_error_in_seconds: NotRequired[int]
    """How much longer it is used while the source fails, 0 to 2592000; default 86400."""
    lease_in_seconds: NotRequired[int]
    """How long a load may take before another process tries, 1 to 900; default 30."""
    retry_in_seconds: NotRequired[int]
    """How long the source is left alone after a failure, 1 to 900; default 5."""


class ScheduledCacheArgs(TypedDict):
    """The strategy SCHEDULED: all of the source's rows are synced into a replica."""

    source_url: pulumi.Input[str]
    """What the sync reads: a GET that answers a JSON array of objects; ``https://`` (``http://`` for loopback). An
    ``ETag`` and ``304`` save the writing of what has not changed."""
    key: str
    """The member that names an object, a string or a whole number, and no two objects alike."""
    schedule_expression: str
    """``rate(…)`` (the first sync comes at once) or ``cron(…)``."""
    schedule_expression_timezone: NotRequired[str]
    """IANA name; a cron expression is read in it; default ``UTC``."""
    maximum_age_in_seconds: NotRequired[int]
    """How long ago the last sync may be before reads fail, 60 to 31536000; default 7 days. Versions are kept twice as
    long."""
    minimum_rows: NotRequired[int]
    """A source that answers fewer rows is taken for broken; default 1."""
    memory_size: NotRequired[int]
    """MB of the sync function, 128 to 10240; default 256."""
    timeout: NotRequired[int]
    """Seconds that a sync may take, 10 to 900; default 300."""
    vpc_config: NotRequired[VpcConfigArgs]
    """Where the sync function runs; default: outside any VPC."""


class ConsumerCacheArgs(TypedDict):
    """Arguments of ConsumerCache; one of ``hot`` and ``scheduled``."""

    hot: NotRequired[HotCacheArgs]
    """Strategy HOT: for few of many values, when a value may be as old as its time to live."""
    scheduled: NotRequired[ScheduledCacheArgs]
    """Strategy SCHEDULED: for a whole set that changes seldom, when no request may wait for the source."""
    log_retention_in_days: NotRequired[pulumi.Input[int]]
    """Days the sync's log is kept; default 30."""
    kms_key_arn: NotRequired[pulumi.Input[str]]
    """Customer managed key of table, queue and log; default: the services' own keys."""
    permissions_boundary: NotRequired[pulumi.Input[str]]
    """ARN of the roles' permissions boundary; default none."""
    alarm_actions: NotRequired[Sequence[pulumi.Input[str]]]
    """ARNs that the alarms notify; default none."""
    deletion_protection: NotRequired[bool]
    """Whether table and queue refuse to be deleted and replaced, by Pulumi's ``protect`` and, a table, by DynamoDB
    too; default false."""
    tags: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Tags of every child."""


class ConsumerCache(pulumi.ComponentResource):
    """A table with another system's data, and for the strategy SCHEDULED what syncs it: a schedule, a function, a
    dead-letter queue with an alarm.

    A function gets ``settings`` in its environment and ``reader_grants`` in its ``grants``, and reads by
    ``eda_runtime.consumer_cache.from_settings``::

        suppliers = ConsumerCache("suppliers", {"scheduled": {"source_url": …, "key": "id",
                                                              "schedule_expression": "rate(1 hour)"}})
        IdempotentLambda("quote", {…, "environment": {"SUPPLIERS": suppliers.settings},
                                   "grants": suppliers.reader_grants})

    Args:
        name: logical name.
        args: see ``ConsumerCacheArgs``; given as a dictionary or as keywords.
        opts: Pulumi's options.

    Raises:
        ArgumentError: an argument is unknown, missing or out of bounds, or it is not one of the strategies.
    """

    table_name: pulumi.Output[str]
    """The table."""
    table_arn: pulumi.Output[str]
    """Its ARN."""
    settings: pulumi.Output[str]
    """What ``eda_runtime.consumer_cache.from_settings`` takes."""
    reader_statements: pulumi.Output[str]
    """What a role that reads needs, a JSON array of statements."""
    sync_function_name: pulumi.Output[str | None]
    """The function that syncs; none for HOT."""
    schedule_name: pulumi.Output[str | None]
    """The schedule; none for HOT."""
    dead_letter_queue_url: pulumi.Output[str | None]
    """The queue for syncs that failed; none for HOT."""
    dead_letter_queue_arn: pulumi.Output[str | None]
    """Its ARN."""
    observed: pulumi.Output[Mapping[str, Sequence[str]]]
    """What an ``Observability`` shows of it: names by kind."""

    @overload
    def __init__(self, name: str, args: ConsumerCacheArgs, opts: pulumi.ResourceOptions | None = None) -> None: ...

    @overload
    def __init__(
        self, name: str, *, opts: pulumi.ResourceOptions | None = None, **keywords: Unpack[ConsumerCacheArgs]
    ) -> None: ...

    @takes_keywords
    def __init__(self, name: str, args: ConsumerCacheArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        component = f"ConsumerCache {name!r}"
        args = program.with_defaults(args, ConsumerCacheArgs)
        if ("hot" in args) == ("scheduled" in args):
            problem = (
                "is needed, or 'scheduled', and not both" if "hot" in args else "is missing, and so is 'scheduled'"
            )
            raise ArgumentError(component, "hot", problem)
        hot = "hot" in args
        settings = _hot(component, args["hot"]) if "hot" in args else _scheduled(component, args["scheduled"])
        super().__init__("aws-eda:index:ConsumerCache", name, {}, opts)
        common = Common.of(self, name, args, opts)
        self._called = common.name
        self.table = tables.table(common, "cache", "id", ttl="expires_at")
        actions = ["dynamodb:GetItem", "dynamodb:UpdateItem" if hot else "dynamodb:BatchGetItem"]
        self._grant: GrantArgs = {"actions": actions, "resources": [self.table.arn]}
        if common.kms_key_arn is not None:
            self._grant["kms_key_arns"] = [common.kms_key_arn]
        self.sync = None if hot else _Sync(component, common, args["scheduled"], settings, self)

        none: pulumi.Output[str | None] = pulumi.Output.from_input(None)
        self.table_name = self.table.name
        self.table_arn = self.table.arn
        self.settings = pulumi.Output.json_dumps({**settings, "table": self.table.name}).apply(str)
        self.reader_statements = keys.document_statements(common, self.reader_grants)
        self.sync_function_name = none if self.sync is None else self.sync.function.function_name.apply(str)
        self.schedule_name = none if self.sync is None else self.sync.schedule.name.apply(str)
        self.dead_letter_queue_url = none if self.sync is None else self.sync.dead_letter_queue.url.apply(str)
        self.dead_letter_queue_arn = none if self.sync is None else self.sync.dead_letter_queue.arn.apply(str)
        self.observed = common.observed(*([] if self.sync is None else [self.sync.function.observed]))
        self.register_outputs({key: getattr(self, key) for key in type(self).__annotations__})

    @property
    def reader_grants(self) -> dict[str, GrantArgs]:
        """What a function that reads needs, for its ``grants``."""
        return {self._sid: self._grant}

    @property
    def _sid(self) -> str:
        """A function may read several caches, so the Sid holds the cache's name: ``rates-eu`` in its letters, and
        whatever has the same letters (``rates_eu``) with a digest."""
        words = "".join(part.capitalize() for part in re.findall("[A-Za-z0-9]+", self._called))
        plain = re.fullmatch("[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*", self._called)
        return f"Read{words}" + ("" if plain else hashlib.sha256(self._called.encode()).hexdigest()[:8])


class _Sync:
    """What syncs a replica."""

    def __init__(
        self,
        component: str,
        common: Common,
        args: ScheduledCacheArgs,
        settings: Mapping[str, Any],
        cache: ConsumerCache,
    ) -> None:
        where = f"{component}, scheduled"
        self.dead_letter_queue = queues.dead_letter_queue(common)
        function: IdempotentLambdaArgs = {
            "code": archives.function_archive("cache_sync"),
            "description": "Syncs a replica of another system's data",
            "memory_size": number(where, args, "memory_size", 256, 128, 10240),
            "timeout": number(where, args, "timeout", 300, 10, 900),
            "asynchronous": True,
            "dead_letter_queue_arn": self.dead_letter_queue.arn,
            "environment": {
                "REPLICA_TABLE": cache.table.name,
                "SOURCE_URL": args["source_url"],
                "SOURCE_KEY": args["key"],
                "MAXIMUM_AGE_SECONDS": str(settings["maximum_age_seconds"]),
                "MINIMUM_ROWS": str(number(where, args, "minimum_rows", 1, 0, 2**31 - 1)),
            },
            "grants": {
                "WriteVersion": {
                    "actions": ["dynamodb:GetItem", "dynamodb:BatchWriteItem", "dynamodb:UpdateItem"],
                    "resources": [cache.table.arn],
                }
            },
        }
        if "vpc_config" in args:
            function["vpc_config"] = args["vpc_config"]
        options = pulumi.ResourceOptions(parent=cache)
        self.function = IdempotentLambda(f"{common.name}-sync", common.nested(function), options)
        self.schedule = triggers.schedule(
            common,
            f"Syncs the replica {common.name}",
            args["schedule_expression"],
            args.get("schedule_expression_timezone", "UTC"),
            self.function.function_arn,
            {"scheduled_time": "<aws.scheduler.scheduled-time>"},
            {"actions": ["lambda:InvokeFunction"], "resources": [self.function.function_arn]},
            self.dead_letter_queue.arn,
        )


def _hot(component: str, args: HotCacheArgs) -> dict[str, Any]:
    where = f"{component}, hot"
    check(where, args, HotCacheArgs)
    return {
        "strategy": "HOT",
        "time_to_live_seconds": number(where, args, "time_to_live_in_seconds", 300, 1, WEEK),
        "stale_if_error_seconds": number(where, args, "stale_if_error_in_seconds", 86400, 0, 30 * 86400),
        "lease_seconds": number(where, args, "lease_in_seconds", 30, 1, 900),
        "retry_seconds": number(where, args, "retry_in_seconds", 5, 1, 900),
    }


def _scheduled(component: str, args: ScheduledCacheArgs) -> dict[str, Any]:
    where = f"{component}, scheduled"
    check(where, args, ScheduledCacheArgs)
    number(where, args, "memory_size", 256, 128, 10240)
    number(where, args, "timeout", 300, 10, 900)
    number(where, args, "minimum_rows", 1, 0, 2**31 - 1)
    if not _EXPRESSION.fullmatch(args["schedule_expression"]):
        problem = f"is {args['schedule_expression']!r}; allowed are rate(…) and cron(…)"
        raise ArgumentError(where, "schedule_expression", problem)
    url = args["source_url"]
    if isinstance(url, str):
        parts = urlsplit(url)
        loopback = parts.hostname in ("127.0.0.1", "localhost")
        if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and loopback)):
            raise ArgumentError(where, "source_url", "must be an https:// address (http:// for loopback)")
        if parts.username or parts.password:
            raise ArgumentError(where, "source_url", "holds credentials; an environment variable is no place for them")
    return {
        "strategy": "SCHEDULED",
        "maximum_age_seconds": number(where, args, "maximum_age_in_seconds", WEEK, 60, 365 * 86400),
    }
