"""Pulumi components for event-driven systems on AWS."""

from pulumi_aws_eda._parts.analytics.needs import IngestionsArgs, LoadsArgs, ObjectQueriesArgs
from pulumi_aws_eda._parts.args import ArgumentError
from pulumi_aws_eda._parts.function.grants import GrantArgs
from pulumi_aws_eda._parts.function.idempotency import IdempotencyArgs, IdempotencyMode, IdempotencyToken
from pulumi_aws_eda._parts.function.payload_access import FunctionPayloadStoreArgs, PayloadAccess
from pulumi_aws_eda._parts.keys import KeyService
from pulumi_aws_eda._parts.stream.table_pipe import StartingPosition, TableStreamSourceArgs
from pulumi_aws_eda.alarm_topic import AlarmTopic, AlarmTopicArgs
from pulumi_aws_eda.analytics_chain import AnalyticsChain, AnalyticsChainArgs
from pulumi_aws_eda.batched_firehose_sink import (
    BatchedFirehoseSink,
    BatchedFirehoseSinkArgs,
    DirectPutArgs,
    FileFormat,
    KinesisSourceArgs,
)
from pulumi_aws_eda.callback_workflow import CallbackWorkflow, CallbackWorkflowArgs
from pulumi_aws_eda.consumer_cache import ConsumerCache, ConsumerCacheArgs, HotCacheArgs, ScheduledCacheArgs
from pulumi_aws_eda.encryption_key import EncryptionKey, EncryptionKeyArgs
from pulumi_aws_eda.event_api import (
    Authorization,
    EventApi,
    EventApiArgs,
    FunctionRouteArgs,
    RouteArgs,
    WorkflowRouteArgs,
)
from pulumi_aws_eda.idempotent_lambda import (
    IdempotentLambda,
    IdempotentLambdaArgs,
    QueueSourceArgs,
    StreamSourceArgs,
    VpcConfigArgs,
)
from pulumi_aws_eda.observability import Observability, ObservabilityArgs, SamplingArgs
from pulumi_aws_eda.payload_store import PayloadStore, PayloadStoreArgs
from pulumi_aws_eda.per_object_query import PerObjectQuery, PerObjectQueryArgs, QueryArgs, ViewArgs
from pulumi_aws_eda.program_defaults import DefaultsArgs, defaults
from pulumi_aws_eda.reconciler import Reconciler, ReconcilerArgs, ReconcilerSettingsArgs
from pulumi_aws_eda.scheduled_load import LoadArgs, NamespaceArgs, ScheduledLoad, ScheduledLoadArgs, WorkgroupArgs
from pulumi_aws_eda.spice_refresh import DataSetArgs, DataSourceArgs, RefreshArgs, SpiceRefresh, SpiceRefreshArgs
from pulumi_aws_eda.table_outbox import TableOutbox, TableOutboxArgs

__all__ = [
    "AlarmTopic",
    "AlarmTopicArgs",
    "AnalyticsChain",
    "AnalyticsChainArgs",
    "ArgumentError",
    "Authorization",
    "BatchedFirehoseSink",
    "BatchedFirehoseSinkArgs",
    "CallbackWorkflow",
    "CallbackWorkflowArgs",
    "ConsumerCache",
    "ConsumerCacheArgs",
    "DataSetArgs",
    "DataSourceArgs",
    "DefaultsArgs",
    "DirectPutArgs",
    "EncryptionKey",
    "EncryptionKeyArgs",
    "EventApi",
    "EventApiArgs",
    "FileFormat",
    "FunctionPayloadStoreArgs",
    "FunctionRouteArgs",
    "GrantArgs",
    "HotCacheArgs",
    "IdempotencyArgs",
    "IdempotencyMode",
    "IdempotencyToken",
    "IdempotentLambda",
    "IdempotentLambdaArgs",
    "IngestionsArgs",
    "KeyService",
    "KinesisSourceArgs",
    "LoadArgs",
    "LoadsArgs",
    "NamespaceArgs",
    "ObjectQueriesArgs",
    "Observability",
    "ObservabilityArgs",
    "PayloadAccess",
    "PayloadStore",
    "PayloadStoreArgs",
    "PerObjectQuery",
    "PerObjectQueryArgs",
    "QueryArgs",
    "QueueSourceArgs",
    "Reconciler",
    "ReconcilerArgs",
    "ReconcilerSettingsArgs",
    "RefreshArgs",
    "RouteArgs",
    "SamplingArgs",
    "ScheduledCacheArgs",
    "ScheduledLoad",
    "ScheduledLoadArgs",
    "SpiceRefresh",
    "SpiceRefreshArgs",
    "StartingPosition",
    "StreamSourceArgs",
    "TableOutbox",
    "TableOutboxArgs",
    "TableStreamSourceArgs",
    "ViewArgs",
    "VpcConfigArgs",
    "WorkflowRouteArgs",
    "WorkgroupArgs",
    "defaults",
]
