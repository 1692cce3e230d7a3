"""Pulumi components for event-driven systems on AWS."""

from pulumi_aws_eda._args import ArgumentError
from pulumi_aws_eda.batched_firehose_sink import (
    BatchedFirehoseSink,
    BatchedFirehoseSinkArgs,
    DirectPutArgs,
    FileFormat,
    KinesisSourceArgs,
    StartingPosition,
    TableStreamSourceArgs,
)
from pulumi_aws_eda.callback_workflow import CallbackWorkflow, CallbackWorkflowArgs
from pulumi_aws_eda.event_api import (
    Authorization,
    EventApi,
    EventApiArgs,
    FunctionRouteArgs,
    RouteArgs,
    WorkflowRouteArgs,
)
from pulumi_aws_eda.idempotent_lambda import (
    GrantArgs,
    IdempotencyArgs,
    IdempotencyToken,
    IdempotentLambda,
    IdempotentLambdaArgs,
    QueueSourceArgs,
    StreamSourceArgs,
    VpcConfigArgs,
)

__all__ = [
    "ArgumentError",
    "Authorization",
    "BatchedFirehoseSink",
    "BatchedFirehoseSinkArgs",
    "CallbackWorkflow",
    "CallbackWorkflowArgs",
    "DirectPutArgs",
    "EventApi",
    "EventApiArgs",
    "FileFormat",
    "FunctionRouteArgs",
    "GrantArgs",
    "IdempotencyArgs",
    "IdempotencyToken",
    "IdempotentLambda",
    "IdempotentLambdaArgs",
    "KinesisSourceArgs",
    "QueueSourceArgs",
    "RouteArgs",
    "StartingPosition",
    "StreamSourceArgs",
    "TableStreamSourceArgs",
    "VpcConfigArgs",
    "WorkflowRouteArgs",
]
