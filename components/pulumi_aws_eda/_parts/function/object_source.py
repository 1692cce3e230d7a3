"""A bucket's objects as a function's source: S3's events on the account's bus."""

from collections.abc import Sequence
from enum import Enum
from typing import Any, NotRequired

import pulumi

from pulumi_aws_eda._parts.args import ArgumentError, check, one_of
from pulumi_aws_eda._parts.function import patterns
from pulumi_aws_eda._parts.function.event_source import RuleDeliveryArgs, check_rule_delivery


class ObjectEvent(Enum):
    """What happened to an object, as S3's events for EventBridge name it."""

    CREATED = "Object Created"
    """It was put, copied, or uploaded in parts."""
    DELETED = "Object Deleted"
    """It was deleted, or expired."""
    RESTORE_COMPLETED = "Object Restore Completed"
    """It was restored from an archive."""
    RESTORE_EXPIRED = "Object Restore Expired"
    """Its restored copy expired."""
    STORAGE_CLASS_CHANGED = "Object Storage Class Changed"
    """It was moved to another storage class."""
    TAGS_ADDED = "Object Tags Added"
    """It was tagged."""
    TAGS_DELETED = "Object Tags Deleted"
    """Its tags were deleted."""


class ObjectSourceArgs(RuleDeliveryArgs):
    """A bucket's objects, by S3's events for EventBridge, which reach the function through a queue of its own. To read
    them, the function needs ``grants``."""

    bucket_name: pulumi.Input[str]
    """The bucket, of this account and region, with EventBridge notifications on
    (``aws.s3.BucketNotification``, ``eventbridge=True``)."""
    prefix: NotRequired[str]
    """What the objects' keys begin with; default: anything."""
    suffix: NotRequired[str]
    """What they end with; default: anything."""
    events: NotRequired[Sequence[ObjectEvent]]
    """What is told of; default ``Object Created``."""


def check_objects(where: str, given: ObjectSourceArgs) -> None:
    """Check the argument ``object_source``.

    Raises:
        ArgumentError: a member is unknown, missing, out of bounds or none of those allowed.
    """
    check(where, given, ObjectSourceArgs)
    check_rule_delivery(where, given)
    if "events" in given and not given["events"]:
        raise ArgumentError(where, "events", "is empty; leave it out for objects that are created")
    patterns.pattern(where, "prefix", object_pattern(where, given), patterns.PATTERN_SIZE)


def object_pattern(where: str, given: ObjectSourceArgs) -> dict[str, Any]:
    """The rule's pattern.

    Raises:
        ArgumentError: a kind of event is unknown.
    """
    events = [
        one_of(where, {"events": event}, "events", ObjectEvent).value
        for event in given.get("events", [ObjectEvent.CREATED])
    ]
    key = _key(given.get("prefix", ""), given.get("suffix", ""))
    return {
        "source": ["aws.s3"],
        "detail-type": events,
        "detail": {"bucket": {"name": [given["bucket_name"]]}, **({"object": {"key": [key]}} if key else {})},
    }


def _key(prefix: str, suffix: str) -> dict[str, str] | None:
    if prefix and suffix:
        # One matcher, because those in a list are alternatives.
        return {"wildcard": f"{_literal(prefix)}*{_literal(suffix)}"}
    if prefix:
        return {"prefix": prefix}
    return {"suffix": suffix} if suffix else None


def _literal(text: str) -> str:
    return text.replace("\\", "\\\\").replace("*", "\\*")
