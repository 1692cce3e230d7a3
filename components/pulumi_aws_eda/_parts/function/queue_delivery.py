"""Queues whose messages a function is given: how they are read, and how many batches at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from pulumi_aws_eda._parts.args import ArgumentError, number
from pulumi_aws_eda._parts.common import Common

LEAST_CONCURRENCY, MOST_CONCURRENCY = 2, 1000
"""Bounds of a queue's maximum concurrency (Lambda API, ScalingConfig)."""
WITHOUT_WINDOW = 10
"""Messages of a batch without a window, and of a FIFO queue's (Lambda API, BatchSize)."""


class QueueDeliveryArgs(TypedDict):
    """How a queue's messages reach the function."""

    batch_size: NotRequired[int]
    """Messages in a batch, 1 to 10, or to 10000 with a window (Lambda API); default 10."""
    maximum_batching_window_in_seconds: NotRequired[int]
    """How long a batch is filled, 0 to 300 seconds; none for FIFO queues (Lambda API). Default 0."""
    max_receive_count: NotRequired[int]
    """How often a message is tried before it goes to the dead-letter queue, 1 to 1000; default 5."""
    maximum_concurrency: NotRequired[int]
    """Batches handled at once, 2 to 1000 (Lambda API), and those of all the function's queues together no more than its
    reserved concurrency: a batch that Lambda cannot hand over counts as a try of its messages, so that they would end
    in the dead-letter queue without having been seen. Default: an equal share of the reserved concurrency, or no
    limit where none is reserved."""


@dataclass(frozen=True)
class SourceQueue:
    """A queue that is read.

    Attributes:
        argument: what asks for it, for example ``topic_source``.
        suffix: of the logical names.
        arn: the queue's ARN.
        given: how it is read.
        filters: of the mapping.
        url: of a queue that the component makes.
        kms_key_arn: of a queue that exists.
    """

    argument: str
    suffix: str
    arn: pulumi.Input[str]
    given: Mapping[str, Any]
    filters: aws.lambda_.EventSourceMappingFilterCriteriaArgs | None = None
    url: pulumi.Output[str] | None = None
    kms_key_arn: pulumi.Input[str] | None = None


def check_delivery(where: str, given: Mapping[str, Any], fifo: bool) -> None:
    """Check how a queue is read.

    Args:
        where: the component and its source, for messages.
        given: the source's arguments.
        fifo: it is a FIFO queue.

    Raises:
        ArgumentError: a number is out of bounds, or one does not go with another.
    """
    window = number(where, given, "maximum_batching_window_in_seconds", 0, 0, 300)
    number(where, given, "batch_size", 10, 1, 10_000 if window and not fifo else WITHOUT_WINDOW)
    if fifo and window:
        raise ArgumentError(where, "maximum_batching_window_in_seconds", f"is {window}; a FIFO queue has none")
    number(where, given, "max_receive_count", 5, 1, 1000)
    number(where, given, "maximum_concurrency", LEAST_CONCURRENCY, LEAST_CONCURRENCY, MOST_CONCURRENCY)


def check_concurrency(
    component: str, sources: Mapping[str, Mapping[str, Any]], reserved: pulumi.Input[int] | None
) -> None:
    """Check that the function has an instance for every batch that Lambda may hand over.

    Args:
        component: for messages.
        sources: the arguments of each source with a queue, by its argument's name.
        reserved: the function's reserved concurrency.

    Raises:
        ArgumentError: it has fewer.
    """
    if not sources or not isinstance(reserved, int | float) or reserved < 0:
        return
    least = LEAST_CONCURRENCY * len(sources)
    if reserved < least:
        what = "a queue's function needs" if len(sources) == 1 else f"{len(sources)} queues need"
        problem = f"is {int(reserved)}; {what} {least}, the least maximum concurrency of a queue"
        raise ArgumentError(component, "reserved_concurrent_executions", problem)
    limits = {name: given["maximum_concurrency"] for name, given in sources.items() if "maximum_concurrency" in given}
    taken = sum(limits.values()) + LEAST_CONCURRENCY * (len(sources) - len(limits))
    if taken > reserved:
        name, most = max(limits.items(), key=lambda found: found[1])
        beside = "" if len(sources) == 1 else f" beside {len(sources) - 1} other queues"
        problem = (
            f"is {most}{beside}, above 'reserved_concurrent_executions', {int(reserved)}; the rest would be throttled"
        )
        raise ArgumentError(f"{component}, {name}", "maximum_concurrency", problem)


def mappings(
    common: Common,
    component: str,
    queues: Sequence[SourceQueue],
    function_arn: pulumi.Input[str],
    reserved: pulumi.Input[int] | None,
    after: Sequence[pulumi.Resource],
) -> None:
    """Hand the messages of queues to a function.

    Args:
        common: the component.
        component: its type and name, for messages.
        queues: what is read.
        function_arn: who gets the messages.
        reserved: the function's reserved concurrency.
        after: what has to be there before the first message.
    """
    given = [queue.given.get("maximum_concurrency") for queue in queues]
    limits = [None if limit is None else int(limit) for limit in given]
    for queue, limit in zip(queues, limits, strict=True):
        where = f"{component}, {queue.argument}"
        window = number(where, queue.given, "maximum_batching_window_in_seconds", 0, 0, 300)
        share = limit if limit is not None else _share(reserved, limits)
        aws.lambda_.EventSourceMapping(
            f"{common.name}-{queue.suffix}",
            event_source_arn=queue.arn,
            function_name=function_arn,
            batch_size=number(where, queue.given, "batch_size", 10, 1, 10_000),
            maximum_batching_window_in_seconds=window or None,
            filter_criteria=queue.filters,
            function_response_types=["ReportBatchItemFailures"],
            scaling_config=None
            if share is None
            else aws.lambda_.EventSourceMappingScalingConfigArgs(maximum_concurrency=share),
            tags=common.tags,
            opts=common.opts(depends_on=after),
        )


def _share(reserved: pulumi.Input[int] | None, limits: Sequence[int | None]) -> pulumi.Input[int] | None:
    """What a queue without a limit of its own has of the reserved concurrency; None: there is no limit."""

    def known(found: int) -> int:
        left = (int(found) - sum(limit for limit in limits if limit is not None)) // limits.count(None)
        return max(LEAST_CONCURRENCY, min(left, MOST_CONCURRENCY))

    if reserved is None:
        return None
    if isinstance(reserved, int | float):
        return known(int(reserved)) if reserved >= 0 else None
    later: pulumi.Output[int] = pulumi.Output.from_input(reserved)
    return later.apply(known)
