"""A bus of one's own: what is sent to it is kept for a replay, and what cannot be delivered lies in a queue."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict, Unpack, overload

import pulumi
import pulumi_aws as aws

from pulumi_aws_eda._parts import arns, keys, program, queues
from pulumi_aws_eda._parts.args import ArgumentError, number, takes_keywords
from pulumi_aws_eda._parts.common import Common
from pulumi_aws_eda._parts.function.grants import GrantArgs
from pulumi_aws_eda._parts.function.link_kinds import NEEDS, LinkAccess, LinkKind
from pulumi_aws_eda._parts.naming import physical_name

_ACCOUNT = re.compile(r"[0-9]{12}")
_ORGANIZATION = re.compile(r"o-[a-z0-9]{10,32}")
"""An organisation's id (Organizations API)."""


class EventBusArgs(TypedDict):
    """Arguments of EventBus."""

    archive_retention_in_days: NotRequired[int]
    """Days for which events can be replayed, 1 to 3650; 0: there is no archive. Default 30."""
    sender_account_ids: NotRequired[Sequence[str]]
    """Other accounts that may put events, if their own policies let them too; default none."""
    organization_id: NotRequired[str]
    """An organisation whose accounts all may put events, for example ``o-a1b2c3d4e5``; default none."""
    kms_key_arn: NotRequired[pulumi.Input[str]]
    """Customer managed key of bus, archive and dead-letter queue; its policy has to let EventBridge use it, as that of
    an ``EncryptionKey`` does. Default: the services' own keys."""
    alarm_actions: NotRequired[Sequence[pulumi.Input[str]]]
    """ARNs that the alarms notify; default none."""
    deletion_protection: NotRequired[bool]
    """Whether archive and queue refuse to be deleted and replaced, by Pulumi's ``protect``; default false."""
    tags: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Tags of every child."""


class EventBus(pulumi.ComponentResource):
    """A bus of EventBridge with an archive, and a dead-letter queue with its alarm.

    The queue takes what the bus itself cannot encrypt or decrypt, and may be the dead-letter queue of any rule on the
    bus. An ``IdempotentLambda`` with an ``event_source`` on the bus has its own.

    Args:
        name: logical name.
        args: see ``EventBusArgs``; given as a dictionary or as keywords.
        opts: Pulumi's options.

    Raises:
        ArgumentError: an argument is unknown or out of bounds.
    """

    event_bus_name: pulumi.Output[str]
    """The bus, for ``event_source`` and for rules."""
    event_bus_arn: pulumi.Output[str]
    """Its ARN."""
    archive_arn: pulumi.Output[str | None]
    """The archive, for a replay; none without one."""
    dead_letter_queue_arn: pulumi.Output[str]
    """The queue for what could not be delivered; rules on the bus may send to it."""
    sender_statements: pulumi.Output[str]
    """What a role that puts events needs, a JSON array of statements."""
    observed: pulumi.Output[Mapping[str, Sequence[str]]]
    """What an ``Observability`` shows of it: names by kind."""

    @overload
    def __init__(self, name: str, args: EventBusArgs, opts: pulumi.ResourceOptions | None = None) -> None: ...

    @overload
    def __init__(
        self, name: str, *, opts: pulumi.ResourceOptions | None = None, **keywords: Unpack[EventBusArgs]
    ) -> None: ...

    @takes_keywords
    def __init__(self, name: str, args: EventBusArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        component = f"EventBus {name!r}"
        args = program.with_defaults(args, EventBusArgs)
        days = number(component, args, "archive_retention_in_days", 30, 0, 3650)
        _check_senders(component, args)
        super().__init__("aws-eda:index:EventBus", name, {}, opts)
        common = Common.of(self, name, args, opts)
        name = common.name
        # The queue is made before the bus that names it.
        bus_name = physical_name(name, 256)
        failures = queues.dead_letter_queue(
            common,
            rule_arns=[arns.arn(common, "events", f"{kind}/{bus_name}{rest}") for kind, rest in _SENDERS_TO_QUEUE],
        )
        self.bus = aws.cloudwatch.EventBus(
            f"{name}-bus",
            name=bus_name,
            kms_key_identifier=common.kms_key_arn,
            dead_letter_config={"arn": failures.arn},
            tags=common.tags,
            opts=common.opts(),
        )
        none: pulumi.Output[str | None] = pulumi.Output.from_input(None)
        self.archive_arn = none
        if days:
            archive = aws.cloudwatch.EventArchive(
                f"{name}-archive",
                name=physical_name(name, 48),
                event_source_arn=self.bus.arn,
                retention_days=days,
                kms_key_identifier=common.kms_key_arn,
                opts=common.keeping(),
            )
            self.archive_arn = archive.arn.apply(str)
        statements = _statements(common, args, self.bus.arn)
        if statements:
            aws.cloudwatch.EventBusPolicy(
                f"{name}-bus",
                event_bus_name=self.bus.name,
                policy=pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": statements}),
                opts=common.opts(),
            )
        self.event_bus_name = self.bus.name
        self.event_bus_arn = self.bus.arn
        self.dead_letter_queue_arn = failures.arn
        self.sender_statements = keys.document_statements(common, self.sender_grants)
        self.observed = common.observed()
        self.register_outputs({key: getattr(self, key) for key in type(self).__annotations__})

    @property
    def sender_grants(self) -> dict[str, GrantArgs]:
        """What a function that puts events by itself needs, for its ``grants``; ``link(bus, "send")`` gives it too."""
        actions = NEEDS[LinkKind.EVENT_BUS][LinkAccess.SEND]["Send"].actions
        return {"PutEvents": {"actions": list(actions), "resources": [self.bus.arn]}}


_SENDERS_TO_QUEUE = (("event-bus", ""), ("rule", "/*"))
"""The bus itself and every rule on it, as the ARNs of each are made."""


def _check_senders(component: str, args: EventBusArgs) -> None:
    for account in args.get("sender_account_ids", ()):
        if not _ACCOUNT.fullmatch(account):
            raise ArgumentError(component, "sender_account_ids", f"has {account!r}; an account's id has 12 digits")
    organization = args.get("organization_id")
    if organization is not None and not _ORGANIZATION.fullmatch(organization):
        raise ArgumentError(component, "organization_id", f"is {organization!r}; one is like 'o-a1b2c3d4e5'")


def _statements(common: Common, args: EventBusArgs, bus_arn: pulumi.Output[str]) -> list[dict[str, Any]]:
    put = {"Effect": "Allow", "Action": "events:PutEvents", "Resource": bus_arn}
    found: list[dict[str, Any]] = []
    accounts = args.get("sender_account_ids", ())
    if accounts:
        roots = [pulumi.Output.concat("arn:", arns.partition(common), f":iam::{account}:root") for account in accounts]
        found.append({"Sid": "Accounts", **put, "Principal": {"AWS": roots}})
    if "organization_id" in args:
        inside = {"StringEquals": {"aws:PrincipalOrgID": args["organization_id"]}}
        found.append({"Sid": "Organization", **put, "Principal": "*", "Condition": inside})
    return found
