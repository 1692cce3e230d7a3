"""The reference pipeline, composed of the library's components."""

import json
from pathlib import Path

import pulumi
import pulumi_aws as aws
from pulumi_aws_eda import (
    AlarmTopic,
    AlarmTopicArgs,
    AnalyticsChain,
    AnalyticsChainArgs,
    BatchedFirehoseSink,
    CallbackWorkflow,
    ConsumerCache,
    EncryptionKey,
    EventApi,
    IdempotencyToken,
    IdempotentLambda,
    Observability,
    PayloadAccess,
    PayloadStore,
    TableOutbox,
    defaults,
    link,
)

from pipeline import analytics, config, schemas

FUNCTIONS = Path(__file__).parent / "functions"
settings = config.load()
# Of all that the stack stores; None leaves it to the services' own keys.
kms_key_arn = (
    EncryptionKey("orders-key", {"tags": settings.tags, "deletion_protection": settings.deletion_protection}).arn
    if settings.encryption_key
    else None
)
# The topic that the config names, or one of the stack's own.
alarm_actions: list[pulumi.Input[str]] = [*settings.alarm_actions]
if not alarm_actions:
    topic: AlarmTopicArgs = {"tags": settings.tags}
    if kms_key_arn is not None:
        topic["kms_key_arn"] = kms_key_arn
    alarm_actions.append(AlarmTopic("alarms", topic).topic_arn)
defaults(
    tags=settings.tags,
    log_retention_in_days=settings.log_retention_in_days,
    alarm_actions=alarm_actions,
    deletion_protection=settings.deletion_protection,
    **({"kms_key_arn": kms_key_arn} if kms_key_arn is not None else {}),
)

orders = aws.dynamodb.Table(
    "orders",
    billing_mode="PAY_PER_REQUEST",
    hash_key="order_id",
    attributes=[{"name": name, "type": "S"} for name in ("order_id", "open", "updated_at")],
    # What is not at its end, for the workflow's reconciler.
    global_secondary_indexes=[
        {
            "name": "open",
            "key_schemas": [
                {"attribute_name": "open", "key_type": "HASH"},
                {"attribute_name": "updated_at", "key_type": "RANGE"},
            ],
            "projection_type": "KEYS_ONLY",
        }
    ],
    stream_enabled=True,
    stream_view_type="NEW_AND_OLD_IMAGES",
    point_in_time_recovery={"enabled": True},
    server_side_encryption={"enabled": True, "kms_key_arn": kms_key_arn},
    deletion_protection_enabled=settings.deletion_protection,
    tags=settings.tags,
    opts=pulumi.ResourceOptions(protect=settings.deletion_protection),
)
payloads = PayloadStore(
    "orders-payloads",
    # A year longer than an order waits for its details.
    {"expiration_days": settings.details_timeout_seconds // 86400 + 365},
)
suppliers = ConsumerCache(
    "suppliers",
    {
        "scheduled": {
            "source_url": f"{settings.external_api_url.rstrip('/')}/suppliers",
            "key": "supplier_id",
            "schedule_expression": "rate(1 hour)",
        },
    },
)
call_external_api = IdempotentLambda(
    "call-external-api",
    {
        "code": FUNCTIONS / "call_external_api",
        "description": "Workflow step 1: asks the external API for offers",
        "memory_size": 2048,
        "timeout": 120,
        "reserved_concurrent_executions": settings.call_concurrency,
        "environment": {"EXTERNAL_API_URL": settings.external_api_url},
        "links": {"suppliers": link(suppliers, "read")},
        # The result travels in the workflow's state, in the order's row and in each of its changes.
        "payload_store": payloads.for_function(PayloadAccess.WRITE, budget=16_000),
    },
)
workflow = CallbackWorkflow(
    "orders-workflow",
    {
        "call_function_arn": call_external_api.function_arn,
        "call_timeout": 120,
        "table_name": orders.name,
        "table_arn": orders.arn,
        "open_index_name": "open",
        "wait_timeout": settings.details_timeout_seconds,
    },
)
get_order = IdempotentLambda(
    "get-order",
    {
        "code": FUNCTIONS / "get_order",
        "description": "GET /orders/{order_id}",
        "memory_size": 128,
        "timeout": 2,
        "reserved_concurrent_executions": settings.get_concurrency,
        "links": {"orders": link(orders, "get")},
        "payload_store": payloads.for_function(PayloadAccess.READ),
    },
)
add_details = IdempotentLambda(
    "add-details",
    {
        "code": FUNCTIONS / "add_details",
        "description": "POST /orders/{order_id}/details",
        "memory_size": 128,
        "timeout": 10,
        "environment": {
            "KEEP_SECONDS": str(settings.details_timeout_seconds + 30 * 86400),
            "REQUEST_SCHEMA": json.dumps(schemas.DETAILS),
        },
        "links": {"orders": link(orders, "get"), "workflow": link(workflow, "resume")},
    },
)
api = EventApi(
    "orders-api",
    {
        "routes": {
            "GET /orders/{order_id}": {
                "function": {"function_name": get_order.function_name, "invoke_arn": get_order.invoke_arn},
                "throttling_burst_limit": settings.get_burst_limit,
            },
            "POST /orders": {
                "workflow": {
                    "state_machine_arn": workflow.state_machine_arn,
                    "table_name": orders.name,
                    "table_arn": orders.arn,
                    "location": "/orders/{id}",
                },
                "request_schema": schemas.ORDER,
                "throttling_rate_limit": settings.order_rate_limit,
            },
            "POST /orders/{order_id}/details": {
                "function": {"function_name": add_details.function_name, "invoke_arn": add_details.invoke_arn},
                "request_schema": schemas.DETAILS,
                # Once an order, and each resumes its workflow.
                "throttling_rate_limit": settings.order_rate_limit,
            },
        },
        "authorization": settings.authorization,
        "throttling_rate_limit": settings.throttling_rate_limit,
        "throttling_burst_limit": settings.throttling_burst_limit,
    },
)
notify_order = IdempotentLambda(
    "notify-order",
    {
        "code": FUNCTIONS / "notify_order",
        "description": "Tells other systems of orders' changes",
        # 128 MB take the ten seconds to initialise, which Lambda does within them after a time-out.
        "memory_size": 256,
        "timeout": 10,
        "environment": {"NOTIFICATION_URL": settings.notification_url},
        # Every minute for an hour, then the dead-letter queue.
        "queue_source": {"max_receive_count": 60},
        "idempotency": {
            "token": IdempotencyToken.EVENT,
            "key_jmespath": "powertools_json(body).event_id",
            # Longer than a message may lie in the dead-letter queue before it is redriven.
            "expires_after_seconds": 15 * 86400,
        },
    },
)
# The stream's second reader; a shard serves no third.
outbox = TableOutbox(
    "orders-outbox",
    {
        "table_stream_source": {
            "stream_arn": orders.stream_arn,
            "key": analytics.KEY,
            "attributes": ["status", "event_id", "correlation_id", "traceparent", "updated_at"],
            "version_attribute": analytics.VERSION,
            "maximum_batching_window_in_seconds": 1,
        },
        "queue_arn": notify_order.queue_arn.apply(str),
        "dead_letter_queue_arn": notify_order.dead_letter_queue_arn.apply(str),
    },
)
sink = BatchedFirehoseSink(
    "orders-raw",
    {
        "table_stream_source": {
            "stream_arn": orders.stream_arn,
            "key": analytics.KEY,
            "attributes": analytics.ATTRIBUTES,
            "old_attributes": analytics.OLD_ATTRIBUTES,
            "version_attribute": analytics.VERSION,
        },
        "buffering_interval": 300,
        "buffering_size": 128,
        "prefix": "raw/orders/",
    },
)
chain_args: AnalyticsChainArgs = {
    "query": {
        "bucket_name": sink.bucket_name,
        "prefix": "raw/orders/",
        "database_name": sink.database_name,
        "table_name": sink.table_name,
        "query": analytics.QUERY,
        "columns": {name: hive for name, (hive, _) in analytics.COLUMNS.items()},
        "correlation_id_column": "correlation_id",
        "invalid_column": analytics.INVALID,
        "view": {
            "name": "orders_current",
            "key": analytics.KEY,
            "version_column": analytics.SEQUENCE,
            "deleted_column": analytics.DELETED,
        },
        "curated_prefix": "curated/orders/",
        "bytes_scanned_cutoff_per_query": settings.query_scan_limit,
        "dataset": "orders",
    },
}
if settings.redshift:
    chain_args["redshift"] = {
        "columns": {name: redshift for name, (_, redshift) in analytics.COLUMNS.items()},
        "key": analytics.KEY,
        "version_column": analytics.SEQUENCE,
        "namespace": {"subnet_ids": settings.subnet_ids, "security_group_ids": settings.security_group_ids},
        "target_table_name": "orders",
        "schedule_expression": settings.load_schedule,
        "schedule_expression_timezone": settings.load_timezone,
    }
if settings.quicksight:
    chain_args["quicksight"] = {
        "data_sets": {"orders": {}},
        "owner_arns": [settings.quicksight_principal_arn],
        "data_source": {"vpc_connection_arn": settings.quicksight_vpc_connection_arn}
        if settings.quicksight_vpc_connection_arn
        else {},
    }
chain = AnalyticsChain("orders-analytics", chain_args)

observability = Observability(
    "observability",
    {
        "observed": [
            api.observed,
            get_order.observed,
            call_external_api.observed,
            suppliers.observed,
            add_details.observed,
            workflow.observed,
            {"tables": [orders.name]},
            notify_order.observed,
            outbox.observed,
            sink.observed,
            chain.observed,
        ],
    },
)

pulumi.export("api_url", api.url)
pulumi.export("openapi", api.document)
pulumi.export("orders_table_name", orders.name)
pulumi.export("callback_table_name", workflow.callback_table_name)
pulumi.export("workflow_arn", workflow.state_machine_arn)
pulumi.export("workflow_dlq_url", workflow.dead_letter_queue_url)
pulumi.export("workflow_reconciler_function_name", workflow.reconciler_function_name)
pulumi.export("workflow_reconciler_dlq_url", workflow.reconciler_dead_letter_queue_url)
pulumi.export("notifications_queue_url", notify_order.queue_url)
pulumi.export("notifications_dlq_arn", notify_order.dead_letter_queue_arn)
pulumi.export("delivery_stream_name", sink.delivery_stream_name)
pulumi.export("raw_bucket_name", sink.bucket_name)
pulumi.export("raw_table_name", sink.table_name)
pulumi.export("pipe_dlq_url", sink.dead_letter_queue_url)
pulumi.export("glue_database_name", chain.database_name)
pulumi.export("curated_bucket_name", chain.curated_bucket_name)
pulumi.export("curated_table_name", chain.curated_table_name)
pulumi.export("current_view_name", chain.view_name)
pulumi.export("athena_workgroup_name", chain.athena_workgroup_name)
pulumi.export("ledger_table_name", chain.ledger_table_name)
pulumi.export("query_function_name", chain.query_function_name)
pulumi.export("query_dlq_url", chain.query_dead_letter_queue_url)
pulumi.export("load_job_name", chain.job_name)
pulumi.export("schedule_name", chain.schedule_name)
pulumi.export("load_dlq_url", chain.load_dead_letter_queue_url)
pulumi.export("redshift_workgroup_name", chain.redshift_workgroup_name)
pulumi.export("redshift_database", chain.redshift_database_name)
pulumi.export("redshift_secret_arn", chain.redshift_secret_arn)
pulumi.export("reader_secret_arn", chain.reader_secret_arn)
pulumi.export("redshift_schema", chain.schema_name)
pulumi.export("redshift_table", chain.target_table_name)
pulumi.export("spice_data_set_ids", chain.data_set_ids)
pulumi.export("refresh_dlq_url", chain.refresh_dead_letter_queue_url)
pulumi.export("reconciler_function_name", chain.reconciler_function_name)
pulumi.export("reconciler_dlq_url", chain.reconciler_dead_letter_queue_url)
pulumi.export("alarm_topic_arn", alarm_actions[0])
pulumi.export("dashboard_name", observability.dashboard_name)
pulumi.export("log_group_names", observability.log_group_names)
