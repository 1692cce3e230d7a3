"""A table's stream through an EventBridge Pipe: filtered, flattened, without code."""

import re
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from pulumi_aws_eda._parts import access, keys, logs
from pulumi_aws_eda._parts.args import ArgumentError, number, one_of
from pulumi_aws_eda._parts.common import Common
from pulumi_aws_eda._parts.naming import physical_name
from pulumi_aws_eda._parts.observability import alarms
from pulumi_aws_eda._parts.stream.change_rows import ChangeRows

TEMPLATE_LIMIT = 8192
"""Characters of a Pipe's input template (Pipes API, ``InputTemplate``)."""
LARGEST_ROW = 20_000
"""Bytes of a row that does not say: more than a workflow's inline result and payload have."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class StartingPosition(Enum):
    """Where the reading of a stream starts."""

    TRIM_HORIZON = "TRIM_HORIZON"
    """At the oldest change that the stream holds."""
    LATEST = "LATEST"
    """At the next change."""


class TableStreamSourceArgs(TypedDict):
    """A table's stream, through an EventBridge Pipe: filtered, flattened, without code.

    Each change becomes one flat row of strings: ``event_name`` (INSERT, MODIFY, REMOVE), ``stream_event_id``,
    ``changed_at`` (seconds since 1970), the key, the attributes under their own names, and ``old_version``; what a
    change lacks is an empty string. A deletion carries its key, ``old_version`` and the ``old_attributes``. Rows
    without the version attribute and removals by TTL never flow, and no attribute that is not named here.
    """

    stream_arn: pulumi.Input[str]
    """The stream's ARN; its view type has to be ``NEW_AND_OLD_IMAGES``."""
    key: str
    """The table's partition key."""
    sort_key: NotRequired[str]
    """The table's sort key; default none."""
    attributes: Sequence[str]
    """What is carried of the new image; strings (nested data as one JSON string) or, named below, numbers. Letters,
    digits and underscores; the template that names them has at most 8192 characters (Pipes API)."""
    old_attributes: NotRequired[Sequence[str]]
    """Which of them are carried of the old image too, as ``old_<name>``: a deletion has no new image. Default none."""
    number_attributes: NotRequired[Sequence[str]]
    """Which of key and attributes DynamoDB holds as numbers, beside the version; default none."""
    version_attribute: NotRequired[str]
    """The number that grows with each change of a row, carried always: what has none never flows. Default
    ``version``."""
    filter: NotRequired[Mapping[str, Sequence[Any]]]
    """Further conditions on the row, by attribute: values or EventBridge's matching operators, for example
    ``{"status": ["COMPLETED", {"prefix": "F"}]}``; for a deletion, on the row that was. Default none."""
    starting_position: NotRequired[StartingPosition]
    """``TRIM_HORIZON`` or ``LATEST``; default ``TRIM_HORIZON``, so that changes made before the Pipe is ready flow."""
    batch_size: NotRequired[int]
    """Changes in a batch, of ``largest_row_bytes`` each: 1 to 500 and 4 MiB for Firehose, 1 to 10 and 256 KiB for a
    queue (what one call takes); default as many as fit, 209 and 10."""
    largest_row_bytes: NotRequired[int]
    """Bytes that one row has at most, 1,000 to 1,000,000: the batches are such that they fit into one call of the
    target. A batch with larger rows that does not fit is refused as a whole, tried in halves and delivered all the
    same, but counts as failed. Default 20,000."""
    maximum_batching_window_in_seconds: NotRequired[int]
    """How long a batch is filled, 0 to 300 seconds (Pipes API); default 5."""
    maximum_retry_attempts: NotRequired[int]
    """Retries of a batch, halved each time, before its change goes to the dead-letter queue, 0 to 10000 (Pipes API);
    default 10."""
    maximum_record_age_in_seconds: NotRequired[int]
    """Age at which a change goes to the dead-letter queue, 60 to 43200 seconds; default 21600. The stream keeps a
    change 24 hours: what is left of them is the time of the redrive."""
    parallelization_factor: NotRequired[int]
    """Batches of a shard at the same time, 1 to 10 (Pipes API); default 1."""
    kms_key_arn: NotRequired[pulumi.Input[str]]
    """The customer managed key that the table is encrypted with; default: the component's ``kms_key_arn``."""


def rows_of(where: str, source: TableStreamSourceArgs) -> ChangeRows:
    """What flows of each change.

    Args:
        where: for messages.
        source: the argument.

    Raises:
        ArgumentError: a name is none that a template takes, or there are too many.
    """
    keys = [source["key"], *([source["sort_key"]] if "sort_key" in source else [])]
    version = source.get("version_attribute", "version")
    numbers = source.get("number_attributes", ())
    for argument, names in (("key", keys), ("version_attribute", [version]), ("attributes", source["attributes"])):
        for attribute in names:
            if not _NAME.fullmatch(attribute):
                problem = f"has {attribute!r}; a template takes names of letters, digits and underscores"
                raise ArgumentError(where, argument, problem)
    known = {*keys, *source["attributes"], version}
    old = source.get("old_attributes", ())
    for attribute in old:
        if attribute not in source["attributes"] or attribute == version:
            raise ArgumentError(where, "old_attributes", f"has {attribute!r}, which is none of attributes")
    for attribute in numbers:
        if attribute not in known:
            raise ArgumentError(where, "number_attributes", f"has {attribute!r}, which is neither key nor attribute")
    conditions = source.get("filter", {})
    for attribute, values in conditions.items():
        if isinstance(values, str) or not values:
            raise ArgumentError(where, f"filter[{attribute!r}]", "is no list of values or matching operators")
    rows = ChangeRows(keys, source["attributes"], version, frozenset({*numbers, version}), old, conditions)
    length = len(rows.template())
    if length > TEMPLATE_LIMIT:
        problem = f"makes a template of {length} characters; a Pipe takes {TEMPLATE_LIMIT}: carry fewer"
        raise ArgumentError(where, "attributes", problem)
    return rows


def reading_of(where: str, source: TableStreamSourceArgs, most: int, most_bytes: int) -> dict[str, Any]:
    """How the Pipe reads.

    Args:
        where: for messages.
        source: the argument.
        most: changes that one call of the target takes.
        most_bytes: what they may have together.

    Raises:
        ArgumentError: a number is out of bounds, a batch of the largest rows does not fit into one call, or the
            starting position is none.
    """
    row = number(where, source, "largest_row_bytes", LARGEST_ROW, 1_000, 1_000_000)
    fit = max(1, min(most, most_bytes // row))
    start = one_of(where, source, "starting_position", StartingPosition, StartingPosition.TRIM_HORIZON)
    bounds = {
        "batch_size": (fit, 1, most),
        "maximum_batching_window_in_seconds": (5, 0, 300),
        "maximum_retry_attempts": (10, 0, 10000),
        "maximum_record_age_in_seconds": (21600, 60, 43200),
        "parallelization_factor": (1, 1, 10),
    }
    numbers = {name: number(where, source, name, *bound) for name, bound in bounds.items()}
    if numbers["batch_size"] > fit:
        problem = f"is {numbers['batch_size']}; {fit} rows of 'largest_row_bytes', {row}, fit into one call"
        raise ArgumentError(where, "batch_size", problem)
    return {"starting_position": start.value, **numbers}


def table_pipe(
    common: Common,
    stream: TableStreamSourceArgs,
    reading: Mapping[str, Any],
    patterns: Sequence[str],
    template: str,
    target_arn: pulumi.Input[str],
    target_needs: Mapping[str, Mapping[str, Any]],
    dead_letter_queue_arn: pulumi.Input[str],
    description: str,
    dead_letter_queue_kms_key_arn: pulumi.Input[str] | None = None,
) -> aws.pipes.Pipe:
    """A Pipe from a table's stream, its role and log, and its alarms.

    Args:
        common: the component; the Pipe's suffix is ``pipe``.
        stream: the argument.
        reading: how it reads (``reading_of``).
        patterns: its filters, one of which has to match.
        template: its input template.
        target_arn: where it sends to.
        target_needs: the statements that let its role send there.
        dead_letter_queue_arn: for pointers to what it gave up.
        description: shown in the console.
        dead_letter_queue_kms_key_arn: that queue's key; default: the component's.
    """
    name = physical_name(common.name, 64)
    log_group = logs.log_group(common, "pipe-log", f"/aws/vendedlogs/pipes/{name}")
    role, policy = access.role(
        common,
        "pipe-role",
        "pipes.amazonaws.com",
        _needs(stream, target_needs, dead_letter_queue_arn, dead_letter_queue_kms_key_arn),
    )
    made = aws.pipes.Pipe(
        f"{common.name}-pipe",
        name=name,
        description=description,
        role_arn=role.arn,
        source=stream["stream_arn"],
        source_parameters=aws.pipes.PipeSourceParametersArgs(
            dynamodb_stream_parameters=aws.pipes.PipeSourceParametersDynamodbStreamParametersArgs(
                on_partial_batch_item_failure="AUTOMATIC_BISECT",
                dead_letter_config=aws.pipes.PipeSourceParametersDynamodbStreamParametersDeadLetterConfigArgs(
                    arn=dead_letter_queue_arn
                ),
                **reading,
            ),
            filter_criteria=aws.pipes.PipeSourceParametersFilterCriteriaArgs(
                filters=[
                    aws.pipes.PipeSourceParametersFilterCriteriaFilterArgs(pattern=pattern) for pattern in patterns
                ]
            ),
        ),
        target=target_arn,
        target_parameters=aws.pipes.PipeTargetParametersArgs(input_template=template),
        log_configuration=aws.pipes.PipeLogConfigurationArgs(
            level="ERROR",
            cloudwatch_logs_log_destination=aws.pipes.PipeLogConfigurationCloudwatchLogsLogDestinationArgs(
                log_group_arn=log_group.arn
            ),
        ),
        tags=common.tags,
        opts=common.opts(depends_on=[policy]),
    )
    alarms.pipe(common, made.name, common.name)
    common.watch("pipes", made.name)
    return made


def _needs(
    source: TableStreamSourceArgs,
    target_needs: Mapping[str, Mapping[str, Any]],
    dead_letter_queue_arn: pulumi.Input[str],
    dead_letter_queue_kms_key_arn: pulumi.Input[str] | None,
) -> dict[str, Mapping[str, Any]]:
    read = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]
    return {
        "ReadStream": {
            "actions": read,
            "resources": [source["stream_arn"]],
            **keys.given(source.get("kms_key_arn")),
        },
        # Listing has no resource level (Service Authorization Reference).
        "ListStreams": {"actions": ["dynamodb:ListStreams"], "resources": ["*"]},
        **target_needs,
        "DeadLetter": {
            "actions": ["sqs:SendMessage"],
            "resources": [dead_letter_queue_arn],
            **keys.given(dead_letter_queue_kms_key_arn),
        },
    }
