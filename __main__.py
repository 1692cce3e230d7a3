"""The reference pipeline, composed of the library's components."""

import json
from pathlib import Path

import pulumi
import pulumi_aws as aws
from pulumi_aws_eda import CallbackWorkflow, EventApi, IdempotentLambda, archives

from pipeline import config, schemas

HERE = Path(__file__).parent
settings = config.load()

orders = aws.dynamodb.Table(
    "orders",
    billing_mode="PAY_PER_REQUEST",
    hash_key="order_id",
    attributes=[{"name": "order_id", "type": "S"}],
    stream_enabled=True,
    stream_view_type="NEW_AND_OLD_IMAGES",
    point_in_time_recovery={"enabled": True},
    server_side_encryption={"enabled": True},
    deletion_protection_enabled=settings.deletion_protection,
    tags=settings.tags,
)

call_external_api = IdempotentLambda(
    "call-external-api",
    {
        "code": archives.directory_archive(HERE / "functions" / "call_external_api"),
        "description": "Workflow step 1: asks the external API for offers",
        "memory_size": 2048,
        "timeout": 120,
        "reserved_concurrent_executions": settings.call_concurrency,
        "environment": {"EXTERNAL_API_URL": settings.external_api_url},
        "tags": settings.tags,
        "log_retention_in_days": settings.log_retention_in_days,
        "alarm_actions": settings.alarm_actions,
    },
)
workflow = CallbackWorkflow(
    "orders-workflow",
    {
        "call_function_arn": call_external_api.function_arn,
        "call_timeout": 120,
        "table_name": orders.name,
        "table_arn": orders.arn,
        "wait_timeout": settings.details_timeout_seconds,
        "tags": settings.tags,
        "log_retention_in_days": settings.log_retention_in_days,
        "alarm_actions": settings.alarm_actions,
    },
)
get_order = IdempotentLambda(
    "get-order",
    {
        "code": archives.directory_archive(HERE / "functions" / "get_order"),
        "description": "GET /orders/{order_id}",
        "memory_size": 128,
        "timeout": 2,
        "reserved_concurrent_executions": settings.get_concurrency,
        "environment": {"ORDERS_TABLE": orders.name},
        "grants": {"ReadOrder": {"actions": ["dynamodb:GetItem"], "resources": [orders.arn]}},
        "tags": settings.tags,
        "log_retention_in_days": settings.log_retention_in_days,
        "alarm_actions": settings.alarm_actions,
    },
)
add_details = IdempotentLambda(
    "add-details",
    {
        "code": archives.directory_archive(HERE / "functions" / "add_details"),
        "description": "POST /orders/{order_id}/details",
        "memory_size": 128,
        "timeout": 10,
        "environment": {
            "ORDERS_TABLE": orders.name,
            "CALLBACK_TABLE": workflow.callback_table_name,
            "REQUEST_SCHEMA": json.dumps(schemas.DETAILS),
        },
        "grants": {
            "ReadOrder": {"actions": ["dynamodb:GetItem"], "resources": [orders.arn]},
            "Deliver": {"actions": ["dynamodb:UpdateItem"], "resources": [workflow.callback_table_arn]},
            "Resume": {"actions": ["states:SendTaskSuccess"], "resources": [workflow.state_machine_arn]},
        },
        "tags": settings.tags,
        "log_retention_in_days": settings.log_retention_in_days,
        "alarm_actions": settings.alarm_actions,
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
            },
            "POST /orders/{order_id}/details": {
                "function": {"function_name": add_details.function_name, "invoke_arn": add_details.invoke_arn},
                "request_schema": schemas.DETAILS,
            },
        },
        "authorization": settings.authorization,
        "throttling_rate_limit": settings.throttling_rate_limit,
        "throttling_burst_limit": settings.throttling_burst_limit,
        "tags": settings.tags,
        "log_retention_in_days": settings.log_retention_in_days,
        "alarm_actions": settings.alarm_actions,
    },
)

pulumi.export("api_url", api.url)
pulumi.export("openapi", api.document)
pulumi.export("orders_table_name", orders.name)
pulumi.export("callback_table_name", workflow.callback_table_name)
pulumi.export("workflow_arn", workflow.state_machine_arn)
pulumi.export("workflow_dlq_url", workflow.dead_letter_queue_url)
