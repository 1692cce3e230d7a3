"""Routes that store a request and answer: in a queue or on a bus, without a function."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

import pulumi

from pulumi_aws_eda._parts import keys
from pulumi_aws_eda._parts.api.admission import MESSAGE
from pulumi_aws_eda._parts.args import ArgumentError, check, number

KEY, EXPIRES = "id", "expires_at"
"""Attributes of the table that holds the keys."""


class QueueRouteArgs(TypedDict):
    """The route puts each request into a queue, once by its ``Idempotency-Key``."""

    queue_url: pulumi.Input[str]
    """The queue's URL."""
    queue_arn: pulumi.Input[str]
    """Its ARN."""
    queue_kms_key_arn: NotRequired[pulumi.Input[str]]
    """Its customer managed key; default: the API's ``kms_key_arn``."""
    fifo: NotRequired[bool]
    """It is a FIFO queue: a tenant's requests keep their order, and the id is the deduplication id. Default false."""
    key_retention_in_days: NotRequired[int]
    """Days for which a key is remembered, 1 to 365; default 7."""


class EventBusRouteArgs(TypedDict):
    """The route puts each request on a bus as an event, once by its ``Idempotency-Key``."""

    event_bus_name: pulumi.Input[str]
    """The bus."""
    event_bus_arn: pulumi.Input[str]
    """Its ARN."""
    source: str
    """The event's source, as rules match it; not ``aws.…``, which is AWS's own."""
    detail_type: str
    """The event's detail type, for example ``Reading sent``."""
    key_retention_in_days: NotRequired[int]
    """Days for which a key is remembered, 1 to 365; default 7."""


KINDS: Mapping[str, type[QueueRouteArgs] | type[EventBusRouteArgs]] = {
    "queue": QueueRouteArgs,
    "event_bus": EventBusRouteArgs,
}
"""Members of a route, and what they have."""


@dataclass(frozen=True)
class Store:
    """Where a route puts its requests.

    Attributes:
        resource: the integration that does it.
        parameters: its parameters.
        statement: what the role needs for it.
        retention_days: for which a key is remembered.
    """

    resource: str
    parameters: Mapping[str, Any]
    statement: Mapping[str, Any]
    retention_days: int


def check_store(where: str, kind: str, given: Mapping[str, Any]) -> None:
    """Check the member of a route.

    Raises:
        ArgumentError: a member is unknown, missing or out of bounds.
    """
    check(where, given, KINDS[kind])
    number(where, given, "key_retention_in_days", 7, 1, 365)
    if str(given.get("source", "")).startswith("aws."):
        raise ArgumentError(where, "source", "begins with 'aws.', which EventBridge keeps for AWS")


def store_of(where: str, kind: str, given: Mapping[str, Any]) -> Store:
    """Where a route puts its requests.

    Args:
        where: the member, for messages.
        kind: one of ``KINDS``.
        given: the member, checked.
    """
    days = number(where, given, "key_retention_in_days", 7, 1, 365)
    if kind == "event_bus":
        entry = {
            "EventBusName": given["event_bus_name"],
            "Source": given["source"],
            "DetailType": given["detail_type"],
            "Detail": MESSAGE,
        }
        put = {"actions": ["events:PutEvents"], "resources": [given["event_bus_arn"]]}
        return Store("events:putEvents", {"Entries": [entry]}, put, days)
    ordered = {"MessageGroupId.$": "$.row.Item.tenant.S", "MessageDeduplicationId.$": "$.id"}
    parameters = {"QueueUrl": given["queue_url"], "MessageBody": MESSAGE, **(ordered if given.get("fifo") else {})}
    send = {
        "actions": ["sqs:SendMessage"],
        "resources": [given["queue_arn"]],
        **keys.given(given.get("queue_kms_key_arn")),
    }
    return Store("sqs:sendMessage", parameters, send, days)
