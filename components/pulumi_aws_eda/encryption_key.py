"""A customer managed key for what components store."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict, Unpack, overload

import pulumi

from pulumi_aws_eda._parts import keys, program
from pulumi_aws_eda._parts.args import ArgumentError, number, one_of, takes_keywords
from pulumi_aws_eda._parts.common import Common
from pulumi_aws_eda._parts.keys import KeyService


class EncryptionKeyArgs(TypedDict):
    """Arguments of EncryptionKey."""

    description: NotRequired[str]
    """Shown in the console; default: the logical name."""
    services: NotRequired[Sequence[KeyService]]
    """Which AWS services may use the key in their own names; default: all that components need, ``LOGS``, ``EVENTS``,
    ``ALARMS`` and ``TOPICS``."""
    log_group_names: NotRequired[Sequence[str]]
    """Log groups that may be encrypted beside those whose names hold project and stack, as all of the components' do;
    ``*`` stands for any characters. Default none."""
    deletion_window_in_days: NotRequired[pulumi.Input[int]]
    """Days for which the key can be restored after it was deleted, 7 to 30 (KMS API); default 30. What it encrypted can
    be read by nobody afterwards."""
    deletion_protection: NotRequired[bool]
    """Whether the key refuses to be deleted and replaced, by Pulumi's ``protect``; default false."""
    tags: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Tags of the key."""


class EncryptionKey(pulumi.ComponentResource):
    """A symmetric customer managed key, rotated every year, for the ``kms_key_arn`` of other components.

    Its policy leaves it to IAM which roles use it: components give theirs what they need of it. CloudWatch Logs (for
    log groups), EventBridge (for rules that send to queues), CloudWatch's alarms (for topics) and SNS (for topics that
    send to queues), which act in their own names, stand in the policy, for this account alone.

    Args:
        name: logical name.
        args: see ``EncryptionKeyArgs``; given as a dictionary or as keywords.
        opts: Pulumi's options.

    Raises:
        ArgumentError: an argument is unknown or not allowed.
    """

    arn: pulumi.Output[str]
    """The key's ARN, for ``kms_key_arn``."""
    key_id: pulumi.Output[str]
    """The key's id."""

    @overload
    def __init__(self, name: str, args: EncryptionKeyArgs, opts: pulumi.ResourceOptions | None = None) -> None: ...

    @overload
    def __init__(
        self, name: str, *, opts: pulumi.ResourceOptions | None = None, **keywords: Unpack[EncryptionKeyArgs]
    ) -> None: ...

    @takes_keywords
    def __init__(self, name: str, args: EncryptionKeyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        component = f"EncryptionKey {name!r}"
        args = program.with_defaults(args, EncryptionKeyArgs)
        window = number(component, args, "deletion_window_in_days", 30, 7, keys.LONGEST_DELETION_WINDOW)
        services = [
            one_of(component, {"services": service}, "services", KeyService)
            for service in args.get("services", list(KeyService))
        ]
        names = args.get("log_group_names", ())
        if names and KeyService.LOGS not in services:
            raise ArgumentError(component, "log_group_names", "is given, but 'services' has no LOGS")
        super().__init__("aws-eda:index:EncryptionKey", name, {}, opts)
        common = Common.of(self, name, args, opts)
        name = common.name
        self.key = keys.key(
            common,
            "key",
            args.get("description", f"{name}: what the stack stores"),
            services,
            names,
            window,
        )
        self.arn = self.key.arn
        self.key_id = self.key.key_id
        self.register_outputs({key: getattr(self, key) for key in type(self).__annotations__})
