"""Pulumi components for event-driven systems on AWS.

What is named here is loaded when it is first used: a program pays for the components that it has.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pulumi_aws_eda._parts.analytics.needs import IngestionsArgs, LoadsArgs, ObjectQueriesArgs
    from pulumi_aws_eda._parts.api.authorizers import (
        Authorization,
        AuthorizerType,
        JwtAuthorizerArgs,
        LambdaAuthorizerArgs,
    )
    from pulumi_aws_eda._parts.api.cors import CorsArgs
    from pulumi_aws_eda._parts.api.domain import DomainArgs
    from pulumi_aws_eda._parts.args import ArgumentError
    from pulumi_aws_eda._parts.columns import ColumnArgs
    from pulumi_aws_eda._parts.function.code import Architecture
    from pulumi_aws_eda._parts.function.event_source import EventSourceArgs
    from pulumi_aws_eda._parts.function.grants import GrantArgs
    from pulumi_aws_eda._parts.function.idempotency import IdempotencyArgs, IdempotencyMode, IdempotencyToken
    from pulumi_aws_eda._parts.function.link_kinds import LinkAccess, LinkKind
    from pulumi_aws_eda._parts.function.links import LinkArgs
    from pulumi_aws_eda._parts.function.object_source import ObjectEvent, ObjectSourceArgs
    from pulumi_aws_eda._parts.function.payload_access import FunctionPayloadStoreArgs, PayloadAccess
    from pulumi_aws_eda._parts.function.queue_source import QueueSourceArgs
    from pulumi_aws_eda._parts.function.schedule import ScheduleSourceArgs
    from pulumi_aws_eda._parts.function.stream_source import FunctionKinesisSourceArgs, StreamSourceArgs
    from pulumi_aws_eda._parts.function.topic_source import FilterPolicyScope, TopicSourceArgs
    from pulumi_aws_eda._parts.keys import KeyService
    from pulumi_aws_eda._parts.stream.table_pipe import StartingPosition, TableStreamSourceArgs
    from pulumi_aws_eda._parts.workflow.steps import StepArgs
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
    from pulumi_aws_eda.event_api import EventApi, EventApiArgs, FunctionRouteArgs, RouteArgs, WorkflowRouteArgs
    from pulumi_aws_eda.event_bus import EventBus, EventBusArgs
    from pulumi_aws_eda.fan_out import FanOut, FanOutArgs, FanOutQueueArgs
    from pulumi_aws_eda.idempotent_lambda import (
        EphemeralStorageArgs,
        IdempotentLambda,
        IdempotentLambdaArgs,
        VpcConfigArgs,
    )
    from pulumi_aws_eda.linking import link
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
    "Architecture",
    "ArgumentError",
    "Authorization",
    "AuthorizerType",
    "BatchedFirehoseSink",
    "BatchedFirehoseSinkArgs",
    "CallbackWorkflow",
    "CallbackWorkflowArgs",
    "ColumnArgs",
    "ConsumerCache",
    "ConsumerCacheArgs",
    "CorsArgs",
    "DataSetArgs",
    "DataSourceArgs",
    "DefaultsArgs",
    "DirectPutArgs",
    "DomainArgs",
    "EncryptionKey",
    "EncryptionKeyArgs",
    "EphemeralStorageArgs",
    "EventApi",
    "EventApiArgs",
    "EventBus",
    "EventBusArgs",
    "EventSourceArgs",
    "FanOut",
    "FanOutArgs",
    "FanOutQueueArgs",
    "FileFormat",
    "FilterPolicyScope",
    "FunctionKinesisSourceArgs",
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
    "JwtAuthorizerArgs",
    "KeyService",
    "KinesisSourceArgs",
    "LambdaAuthorizerArgs",
    "LinkAccess",
    "LinkArgs",
    "LinkKind",
    "LoadArgs",
    "LoadsArgs",
    "NamespaceArgs",
    "ObjectEvent",
    "ObjectQueriesArgs",
    "ObjectSourceArgs",
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
    "ScheduleSourceArgs",
    "ScheduledCacheArgs",
    "ScheduledLoad",
    "ScheduledLoadArgs",
    "SpiceRefresh",
    "SpiceRefreshArgs",
    "StartingPosition",
    "StepArgs",
    "StreamSourceArgs",
    "TableOutbox",
    "TableOutboxArgs",
    "TableStreamSourceArgs",
    "TopicSourceArgs",
    "ViewArgs",
    "VpcConfigArgs",
    "WorkflowRouteArgs",
    "WorkgroupArgs",
    "defaults",
    "link",
]

_MODULES = {
    "AlarmTopic": "alarm_topic",
    "AlarmTopicArgs": "alarm_topic",
    "AnalyticsChain": "analytics_chain",
    "AnalyticsChainArgs": "analytics_chain",
    "ArgumentError": "_parts.args",
    "Architecture": "_parts.function.code",
    "Authorization": "_parts.api.authorizers",
    "AuthorizerType": "_parts.api.authorizers",
    "BatchedFirehoseSink": "batched_firehose_sink",
    "BatchedFirehoseSinkArgs": "batched_firehose_sink",
    "CallbackWorkflow": "callback_workflow",
    "CallbackWorkflowArgs": "callback_workflow",
    "ColumnArgs": "_parts.columns",
    "ConsumerCache": "consumer_cache",
    "ConsumerCacheArgs": "consumer_cache",
    "CorsArgs": "_parts.api.cors",
    "DataSetArgs": "spice_refresh",
    "DataSourceArgs": "spice_refresh",
    "DefaultsArgs": "program_defaults",
    "DirectPutArgs": "batched_firehose_sink",
    "DomainArgs": "_parts.api.domain",
    "EncryptionKey": "encryption_key",
    "EncryptionKeyArgs": "encryption_key",
    "EphemeralStorageArgs": "idempotent_lambda",
    "EventApi": "event_api",
    "EventApiArgs": "event_api",
    "EventBus": "event_bus",
    "EventBusArgs": "event_bus",
    "EventSourceArgs": "_parts.function.event_source",
    "FanOut": "fan_out",
    "FanOutArgs": "fan_out",
    "FanOutQueueArgs": "fan_out",
    "FileFormat": "batched_firehose_sink",
    "FilterPolicyScope": "_parts.function.topic_source",
    "FunctionKinesisSourceArgs": "_parts.function.stream_source",
    "FunctionPayloadStoreArgs": "_parts.function.payload_access",
    "FunctionRouteArgs": "event_api",
    "GrantArgs": "_parts.function.grants",
    "HotCacheArgs": "consumer_cache",
    "IdempotencyArgs": "_parts.function.idempotency",
    "IdempotencyMode": "_parts.function.idempotency",
    "IdempotencyToken": "_parts.function.idempotency",
    "IdempotentLambda": "idempotent_lambda",
    "IdempotentLambdaArgs": "idempotent_lambda",
    "IngestionsArgs": "_parts.analytics.needs",
    "JwtAuthorizerArgs": "_parts.api.authorizers",
    "KeyService": "_parts.keys",
    "KinesisSourceArgs": "batched_firehose_sink",
    "LambdaAuthorizerArgs": "_parts.api.authorizers",
    "LinkAccess": "_parts.function.link_kinds",
    "LinkArgs": "_parts.function.links",
    "LinkKind": "_parts.function.link_kinds",
    "LoadArgs": "scheduled_load",
    "LoadsArgs": "_parts.analytics.needs",
    "NamespaceArgs": "scheduled_load",
    "ObjectEvent": "_parts.function.object_source",
    "ObjectQueriesArgs": "_parts.analytics.needs",
    "ObjectSourceArgs": "_parts.function.object_source",
    "Observability": "observability",
    "ObservabilityArgs": "observability",
    "PayloadAccess": "_parts.function.payload_access",
    "PayloadStore": "payload_store",
    "PayloadStoreArgs": "payload_store",
    "PerObjectQuery": "per_object_query",
    "PerObjectQueryArgs": "per_object_query",
    "QueryArgs": "per_object_query",
    "QueueSourceArgs": "_parts.function.queue_source",
    "Reconciler": "reconciler",
    "ReconcilerArgs": "reconciler",
    "ReconcilerSettingsArgs": "reconciler",
    "RefreshArgs": "spice_refresh",
    "RouteArgs": "event_api",
    "SamplingArgs": "observability",
    "ScheduleSourceArgs": "_parts.function.schedule",
    "ScheduledCacheArgs": "consumer_cache",
    "ScheduledLoad": "scheduled_load",
    "ScheduledLoadArgs": "scheduled_load",
    "SpiceRefresh": "spice_refresh",
    "SpiceRefreshArgs": "spice_refresh",
    "StartingPosition": "_parts.stream.table_pipe",
    "StepArgs": "_parts.workflow.steps",
    "StreamSourceArgs": "_parts.function.stream_source",
    "TableOutbox": "table_outbox",
    "TableOutboxArgs": "table_outbox",
    "TableStreamSourceArgs": "_parts.stream.table_pipe",
    "TopicSourceArgs": "_parts.function.topic_source",
    "ViewArgs": "per_object_query",
    "VpcConfigArgs": "idempotent_lambda",
    "WorkflowRouteArgs": "event_api",
    "WorkgroupArgs": "scheduled_load",
    "defaults": "program_defaults",
    "link": "linking",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
