"""What a function may do beside its own needs."""

from collections.abc import Sequence
from typing import NotRequired, TypedDict

import pulumi


class GrantArgs(TypedDict):
    """One need of a function: a statement of its role."""

    actions: Sequence[str]
    """IAM actions, written out; a wildcard is refused."""
    resources: Sequence[pulumi.Input[str]]
    """ARNs the actions are allowed on; ``*`` is refused but for actions that take no resource."""
    kms_key_arns: NotRequired[Sequence[pulumi.Input[str]]]
    """The customer managed keys of the tables, queues, buckets and secrets that these are, which the role then may use
    through their services; default: the function's ``kms_key_arn``."""
