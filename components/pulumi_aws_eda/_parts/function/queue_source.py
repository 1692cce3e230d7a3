"""A queue as a function's source: one of its own, or one that exists."""

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired

import pulumi

from pulumi_aws_eda._parts.args import ArgumentError, check
from pulumi_aws_eda._parts.function import patterns
from pulumi_aws_eda._parts.function.queue_delivery import QueueDeliveryArgs, check_delivery

LONGEST_RETENTION = 14 * 86400
"""Seconds that a queue keeps a message at most (SQS API, ``MessageRetentionPeriod``)."""
_OWN = ("fifo", "max_receive_count")


class QueueSourceArgs(QueueDeliveryArgs):
    """A queue whose messages the function handles in batches: one of its own, or one that exists."""

    fifo: NotRequired[bool]
    """First in, first out, exactly-once within its groups; default false."""
    queue_arn: NotRequired[pulumi.Input[str]]
    """A queue that exists, with its own dead-letter queue and with a visibility time-out of at least the function's
    ``timeout``, six times as much by Lambda's advice. Default: the function gets a queue of its own."""
    kms_key_arn: NotRequired[pulumi.Input[str]]
    """That queue's customer managed key; default: the function's ``kms_key_arn``."""
    filters: NotRequired[Sequence[Mapping[str, Any]]]
    """Event patterns, up to 5, of which a message has to match one, for example
    ``{"body": {"kind": ["temperature"]}}``; Lambda deletes a message that matches none. Default: all are handled."""


def check_queue(where: str, given: QueueSourceArgs) -> None:
    """Check the argument ``queue_source``.

    Raises:
        ArgumentError: a member is unknown, out of bounds, or does not go with another.
    """
    check(where, given, QueueSourceArgs)
    if "queue_arn" in given:
        for name in _OWN:
            if name in given:
                raise ArgumentError(where, name, "is of a queue that the component makes, and queue_arn names another")
    elif "kms_key_arn" in given:
        raise ArgumentError(where, "kms_key_arn", "is of a queue that exists; give its queue_arn too")
    arn = given.get("queue_arn")
    check_delivery(where, given, given.get("fifo", False) or (isinstance(arn, str) and arn.endswith(".fifo")))
    patterns.filters(where, given.get("filters"))
