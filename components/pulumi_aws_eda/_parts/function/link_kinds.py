"""What may be linked, what a function may do with it, and the IAM actions that this needs.

Actions are those of the Service Authorization Reference; ``kms`` follows from them (``_parts.keys``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum


class LinkKind(Enum):
    """What is linked."""

    BUCKET = "BUCKET"
    """A bucket of S3: ``READ``, ``WRITE``."""
    CALLBACK_WORKFLOW = "CALLBACK_WORKFLOW"
    """A ``CallbackWorkflow``: ``START`` writes the row and starts its execution; ``RESUME`` hands in what it waits
    for."""
    DELIVERY_STREAM = "DELIVERY_STREAM"
    """A delivery stream of Firehose: ``SEND``."""
    EVENT_BUS = "EVENT_BUS"
    """A bus of EventBridge: ``SEND``."""
    FUNCTION = "FUNCTION"
    """A function: ``INVOKE``."""
    HOT_CACHE = "HOT_CACHE"
    """A ``ConsumerCache`` of values that are loaded at their first request: ``READ``."""
    PARAMETER = "PARAMETER"
    """A parameter of Systems Manager's Parameter Store: ``READ``."""
    QUEUE = "QUEUE"
    """A queue of SQS: ``SEND``."""
    REPLICA_CACHE = "REPLICA_CACHE"
    """A ``ConsumerCache`` that is synced on a schedule: ``READ``."""
    SECRET = "SECRET"  # noqa: S105
    """A secret of Secrets Manager: ``READ``."""
    STATE_MACHINE = "STATE_MACHINE"
    """A state machine of Step Functions: ``START``; ``RESUME`` ends tasks that wait for their token."""
    STREAM = "STREAM"
    """A stream of Kinesis: ``SEND``."""
    TABLE = "TABLE"
    """A table of DynamoDB: ``GET`` one item by its key, ``READ`` all and its indexes, ``WRITE``."""
    TOPIC = "TOPIC"
    """A topic of SNS: ``SEND``."""


class LinkAccess(Enum):
    """What a function does with what is linked."""

    GET = "GET"
    """It gets one item by its key."""
    INVOKE = "INVOKE"
    """It invokes it."""
    READ = "READ"
    """It reads."""
    RESUME = "RESUME"
    """It hands in what a workflow waits for."""
    SEND = "SEND"
    """It sends messages, events or records."""
    START = "START"
    """It starts executions."""
    WRITE = "WRITE"
    """It writes and deletes."""


@dataclass(frozen=True)
class Need:
    """A statement of the role.

    Attributes:
        actions: IAM actions.
        suffixes: what follows the ARN, for each resource.
        of: the member of the link that has the ARN.
    """

    actions: Sequence[str]
    suffixes: Sequence[str] = ("",)
    of: str = "arn"


_RESUMES = ("states:SendTaskSuccess", "states:SendTaskFailure", "states:SendTaskHeartbeat")
_GETS = ("dynamodb:GetItem",)
_READS = (*_GETS, "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:Scan")
_WRITES = tuple(f"dynamodb:{name}Item" for name in ("Put", "Update", "Delete", "BatchWrite", "ConditionCheck"))

NEEDS: Mapping[LinkKind, Mapping[LinkAccess, Mapping[str, Need]]] = {
    LinkKind.BUCKET: {
        # With listing S3 says that an object is gone, not forbidden.
        LinkAccess.READ: {"Read": Need(("s3:GetObject",), ("/*",)), "List": Need(("s3:ListBucket",))},
        LinkAccess.WRITE: {"Write": Need(("s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"), ("/*",))},
    },
    LinkKind.CALLBACK_WORKFLOW: {
        LinkAccess.START: {
            "Start": Need(("states:StartExecution",)),
            "Rows": Need(("dynamodb:PutItem", "dynamodb:UpdateItem"), of="rows_table_arn"),
        },
        LinkAccess.RESUME: {
            "Deliver": Need(("dynamodb:UpdateItem",), of="callback_table_arn"),
            "Resume": Need(("states:SendTaskSuccess",)),
        },
    },
    LinkKind.DELIVERY_STREAM: {LinkAccess.SEND: {"Send": Need(("firehose:PutRecord", "firehose:PutRecordBatch"))}},
    LinkKind.EVENT_BUS: {LinkAccess.SEND: {"Send": Need(("events:PutEvents",))}},
    LinkKind.FUNCTION: {LinkAccess.INVOKE: {"Invoke": Need(("lambda:InvokeFunction",))}},
    # Whoever asks first loads the value, and keeps it.
    LinkKind.HOT_CACHE: {LinkAccess.READ: {"Read": Need((*_GETS, "dynamodb:UpdateItem"))}},
    LinkKind.PARAMETER: {LinkAccess.READ: {"Read": Need(("ssm:GetParameter",))}},
    LinkKind.QUEUE: {LinkAccess.SEND: {"Send": Need(("sqs:SendMessage",))}},
    LinkKind.REPLICA_CACHE: {LinkAccess.READ: {"Read": Need((*_GETS, "dynamodb:BatchGetItem"))}},
    LinkKind.SECRET: {LinkAccess.READ: {"Read": Need(("secretsmanager:GetSecretValue",))}},
    LinkKind.STATE_MACHINE: {
        LinkAccess.START: {"Start": Need(("states:StartExecution",))},
        LinkAccess.RESUME: {"Resume": Need(_RESUMES)},
    },
    LinkKind.STREAM: {LinkAccess.SEND: {"Send": Need(("kinesis:PutRecord", "kinesis:PutRecords"))}},
    LinkKind.TABLE: {
        LinkAccess.GET: {"Get": Need(_GETS)},
        LinkAccess.READ: {"Read": Need(_READS, ("", "/index/*"))},
        LinkAccess.WRITE: {"Write": Need(_WRITES)},
    },
    LinkKind.TOPIC: {LinkAccess.SEND: {"Send": Need(("sns:Publish",))}},
}
"""The statements, by the end of their Sid."""
MEMBERS: Mapping[LinkKind, Sequence[str]] = {
    LinkKind.CALLBACK_WORKFLOW: ("callback_table_arn", "rows_table_arn", "key"),
    LinkKind.HOT_CACHE: ("settings",),
    LinkKind.REPLICA_CACHE: ("settings",),
}
"""What the runtime needs of a link beside its ARN."""
