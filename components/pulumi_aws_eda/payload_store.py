"""A store for payloads that are too long for events and states: the claim check's S3 side."""

from collections.abc import Mapping
from typing import NotRequired, TypedDict, Unpack, overload

import pulumi

from pulumi_aws_eda._parts import buckets, keys, program
from pulumi_aws_eda._parts.args import ArgumentError, number, takes_keywords
from pulumi_aws_eda._parts.common import Common
from pulumi_aws_eda._parts.function.grants import GrantArgs
from pulumi_aws_eda._parts.function.payload_access import FunctionPayloadStoreArgs, PayloadAccess, reading, writing

PREFIX = "payloads/"
NONCURRENT_DAYS = 1
"""A version that is replaced has the same content: keeping it longer would only cost."""


class PayloadStoreArgs(TypedDict):
    """Arguments of PayloadStore."""

    expiration_days: NotRequired[int]
    """Days for which a payload can be read after it was last put, 1 to 3650; default 30. Longer than anything that
    carries a reference: a workflow's time-outs, a queue's retention and its dead-letter queue's 14 days."""
    prefix: NotRequired[str]
    """What the keys begin with; default ``payloads/``."""
    force_destroy: NotRequired[bool]
    """Delete the bucket with what lies in it; default false."""
    kms_key_arn: NotRequired[pulumi.Input[str]]
    """Customer managed key of the bucket; default: S3's own."""
    deletion_protection: NotRequired[bool]
    """Whether the bucket refuses to be deleted and replaced, by Pulumi's ``protect``; default false."""
    tags: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Tags of every child."""


class PayloadStore(pulumi.ComponentResource):
    """An encrypted bucket of its owner alone, reached by TLS alone, whose objects are named by the hash of their
    content and deleted after a time.

    A function with it as its ``payload_store`` offloads results that are over a budget, and sees payloads where its
    events have references. A reader that comes after ``expiration_days`` gets ``PayloadGone``; a payload that is put
    again is kept for the whole time again.

    Args:
        name: logical name.
        args: see ``PayloadStoreArgs``; given as a dictionary or as keywords.
        opts: Pulumi's options.

    Raises:
        ArgumentError: an argument is unknown or out of bounds.
    """

    bucket_name: pulumi.Output[str]
    """The bucket's name."""
    bucket_arn: pulumi.Output[str]
    """Its ARN."""
    prefix: pulumi.Output[str]
    """What the keys begin with."""
    reader_statements: pulumi.Output[str]
    """What a role that gets payloads needs, a JSON array of statements."""
    writer_statements: pulumi.Output[str]
    """What a role that puts payloads needs, a JSON array of statements."""

    @overload
    def __init__(self, name: str, args: PayloadStoreArgs, opts: pulumi.ResourceOptions | None = None) -> None: ...

    @overload
    def __init__(
        self, name: str, *, opts: pulumi.ResourceOptions | None = None, **keywords: Unpack[PayloadStoreArgs]
    ) -> None: ...

    @takes_keywords
    def __init__(self, name: str, args: PayloadStoreArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        component = f"PayloadStore {name!r}"
        args = program.with_defaults(args, PayloadStoreArgs)
        days = number(component, args, "expiration_days", 30, 1, 3650)
        prefix = args.get("prefix", PREFIX)
        if not prefix.endswith("/") or prefix.startswith("/"):
            raise ArgumentError(component, "prefix", f"is {prefix!r}; it must end with '/' and not begin with it")
        super().__init__("aws-eda:index:PayloadStore", name, {}, opts)
        common = Common.of(self, name, args, opts)
        self._kms_key_arn = common.kms_key_arn
        self.bucket, self._settled = buckets.bucket(
            common,
            "payloads",
            expiration_days=days,
            noncurrent_version_expiration_days=NONCURRENT_DAYS,
            force_destroy=args.get("force_destroy", False),
        )
        self.bucket_name = self.bucket.id
        self.bucket_arn = self.bucket.arn
        self.prefix = pulumi.Output.from_input(prefix)
        self.reader_statements = keys.document_statements(common, self.reader_grants)
        self.writer_statements = keys.document_statements(common, self.writer_grants)
        self.register_outputs({key: getattr(self, key) for key in type(self).__annotations__})

    @property
    def reader_grants(self) -> dict[str, GrantArgs]:
        """What a function that gets payloads by itself needs, for its ``grants``."""
        return reading(self.bucket.arn, self.prefix, self._kms_key_arn)

    @property
    def writer_grants(self) -> dict[str, GrantArgs]:
        """What a function that puts payloads by itself needs, for its ``grants``."""
        return writing(self.bucket.arn, self.prefix, self._kms_key_arn)

    def for_function(
        self, access: PayloadAccess = PayloadAccess.READ_WRITE, budget: int | None = None
    ) -> FunctionPayloadStoreArgs:
        """The argument ``payload_store`` of a function.

        Args:
            access: what the function does with payloads.
            budget: bytes up to which a result stays inline; default 200,000.
        """
        made: FunctionPayloadStoreArgs = {
            "bucket_name": self.bucket.id,
            "bucket_arn": self.bucket.arn,
            "prefix": self.prefix,
            "access": access,
        }
        if budget is not None:
            made["budget"] = budget
        if self._kms_key_arn is not None:
            made["kms_key_arn"] = self._kms_key_arn
        return made
