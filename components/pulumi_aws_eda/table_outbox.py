"""A table's changes as messages in a queue: what was written is told, and what was not is not."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict, Unpack, overload

import pulumi

from pulumi_aws_eda._parts import keys, program, queues
from pulumi_aws_eda._parts.args import check, takes_keywords
from pulumi_aws_eda._parts.common import Common
from pulumi_aws_eda._parts.stream.table_pipe import TableStreamSourceArgs, reading_of, rows_of, table_pipe

SQS_MESSAGES, SQS_BYTES = 10, 256 * 1024
"""Most changes of a Pipe's batch to a queue, and their bytes: what ``SendMessageBatch`` has always taken. It takes
1 MiB by now (SQS quotas); of Pipes no page says so."""


class TableOutboxArgs(TypedDict):
    """Arguments of TableOutbox."""

    table_stream_source: TableStreamSourceArgs
    """The table's stream, and what a message carries of a row. A shard of a stream serves two readers without being
    throttled (DynamoDB Streams): an outbox is one of them, a ``BatchedFirehoseSink`` another."""
    queue_arn: pulumi.Input[str]
    """A standard queue, for example that of an ``IdempotentLambda`` with a ``queue_source``."""
    queue_kms_key_arn: NotRequired[pulumi.Input[str]]
    """The queue's customer managed key; default ``kms_key_arn``."""
    dead_letter_queue_arn: NotRequired[pulumi.Input[str]]
    """A queue for pointers to changes that could not be sent; default: the component gets its own, with an alarm."""
    dead_letter_queue_kms_key_arn: NotRequired[pulumi.Input[str]]
    """That queue's customer managed key; default ``kms_key_arn``."""
    log_retention_in_days: NotRequired[pulumi.Input[int]]
    """Days the Pipe's log is kept; default 30."""
    kms_key_arn: NotRequired[pulumi.Input[str]]
    """Customer managed key of log and dead-letter queue; default: the services' own keys."""
    permissions_boundary: NotRequired[pulumi.Input[str]]
    """ARN of the role's permissions boundary; default none."""
    alarm_actions: NotRequired[Sequence[pulumi.Input[str]]]
    """ARNs that the alarms notify; default none."""
    deletion_protection: NotRequired[bool]
    """Whether the queue refuses to be deleted and replaced, by Pulumi's ``protect``; default false."""
    tags: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Tags of every child."""


class TableOutbox(pulumi.ComponentResource):
    """An outbox: each write of a row becomes a message, through an EventBridge Pipe from the table's stream.

    The message is a flat JSON object of strings: ``event_name`` (INSERT, MODIFY), ``stream_event_id``, ``changed_at``,
    the key, the attributes under their own names, the version and ``old_version``. Rows without the version attribute
    and deletions send none. A message may come twice and out of order: its consumer is idempotent by an id that the row
    carries, and orders by the version.

    Args:
        name: logical name.
        args: see ``TableOutboxArgs``; given as a dictionary or as keywords.
        opts: Pulumi's options.

    Raises:
        ArgumentError: an argument is unknown, missing or out of bounds.
    """

    pipe_name: pulumi.Output[str]
    """The Pipe."""
    pipe_arn: pulumi.Output[str]
    """Its ARN."""
    dead_letter_queue_arn: pulumi.Output[str]
    """The queue for pointers to changes that could not be sent."""
    observed: pulumi.Output[Mapping[str, Sequence[str]]]
    """What an ``Observability`` shows of it: names by kind."""

    @overload
    def __init__(self, name: str, args: TableOutboxArgs, opts: pulumi.ResourceOptions | None = None) -> None: ...

    @overload
    def __init__(
        self, name: str, *, opts: pulumi.ResourceOptions | None = None, **keywords: Unpack[TableOutboxArgs]
    ) -> None: ...

    @takes_keywords
    def __init__(self, name: str, args: TableOutboxArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        component = f"TableOutbox {name!r}"
        args = program.with_defaults(args, TableOutboxArgs)
        source, where = args["table_stream_source"], f"{component}, table_stream_source"
        check(where, source, TableStreamSourceArgs)
        rows = rows_of(where, source)
        reading = reading_of(where, source, SQS_MESSAGES, SQS_BYTES)
        super().__init__("aws-eda:index:TableOutbox", name, {}, opts)
        common = Common.of(self, name, args, opts)
        failures = args.get("dead_letter_queue_arn")
        if failures is None:
            failures = queues.dead_letter_queue(common).arn
        send: dict[str, object] = {
            "actions": ["sqs:SendMessage"],
            "resources": [args["queue_arn"]],
            **keys.given(args.get("queue_kms_key_arn")),
        }
        self.pipe = table_pipe(
            common,
            source,
            reading,
            # A deletion has no new row whose id a consumer could be idempotent by.
            rows.patterns()[:1],
            rows.template(),
            args["queue_arn"],
            {"SendMessages": send},
            failures,
            "Writes of a table's rows, as messages",
            args.get("dead_letter_queue_kms_key_arn"),
        )
        self.pipe_name = self.pipe.name
        self.pipe_arn = self.pipe.arn
        self.dead_letter_queue_arn = pulumi.Output.from_input(failures).apply(str)
        self.observed = common.observed()
        self.register_outputs({key: getattr(self, key) for key in type(self).__annotations__})
