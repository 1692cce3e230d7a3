"""One program for each component, for the tests that hold for all of them."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

from pulumi_aws_eda import (
    AlarmTopic,
    AnalyticsChain,
    BatchedFirehoseSink,
    CallbackWorkflow,
    ConsumerCache,
    EncryptionKey,
    EventApi,
    EventBus,
    FanOut,
    IdempotentLambda,
    LinkAccess,
    LinkKind,
    LoadArgs,
    Observability,
    PayloadStore,
    PerObjectQuery,
    QueryArgs,
    Reconciler,
    ScheduledLoad,
    SpiceRefresh,
    TableOutbox,
    archives,
)
from pulumi_aws_eda.testing import Recording, record

CODE = archives.directory_archive(Path(__file__).parents[2] / "functions" / "get_order")
TABLE = "arn:aws:dynamodb:eu-central-1:123456789012:table/orders"
FUNCTION = "arn:aws:lambda:eu-central-1:123456789012:function:call"
QUEUE = "arn:aws:sqs:eu-central-1:123456789012:readings"
MACHINE = "arn:aws:states:eu-central-1:123456789012:stateMachine:orders"
USER = "arn:aws:quicksight:eu-central-1:123456789012:user/default/analyst"
LEDGER = "arn:aws:dynamodb:eu-central-1:123456789012:table/ledger"
TAGS = {"team": "orders"}
QUERY: QueryArgs = {
    "bucket_name": "raw",
    "prefix": "raw/orders/",
    "database_name": "lake",
    "table_name": "raw_orders",
    "query": "SELECT order_id, CAST(version AS bigint) AS version, false AS deleted FROM {rows}",
    "columns": {"order_id": "string", "version": "bigint", "deleted": "boolean"},
    "view": {
        "name": "orders_current",
        "key": "order_id",
        "version_column": "version",
        "deleted_column": "deleted",
    },
}
LOAD: LoadArgs = {
    "columns": {"order_id": "VARCHAR(64)", "version": "BIGINT", "deleted": "BOOLEAN"},
    "key": "order_id",
    "version_column": "version",
    "namespace": {"subnet_ids": ["subnet-1", "subnet-2", "subnet-3"], "security_group_ids": ["sg-1"]},
}


def idempotent_lambda() -> None:
    IdempotentLambda(
        "it",
        {
            "code": CODE,
            "asynchronous": True,
            "idempotency": {"token": "EVENT"},
            "queue_source": {},
            "topic_source": {"topic_arn": "arn:aws:sns:eu-central-1:123456789012:orders"},
            "event_source": {"event_bus_name": "orders", "pattern": {"source": ["orders"], "detail-type": ["placed"]}},
            "object_source": {"bucket_name": "orders"},
            "schedule": {"expression": "rate(1 hour)"},
            "stream_source": {"stream_arn": f"{TABLE}/stream/x"},
            "kinesis_source": {"stream_arn": "arn:aws:kinesis:eu-central-1:123456789012:stream/orders"},
            "links": {
                "orders": {"arn": TABLE, "kind": LinkKind.TABLE, "access": [LinkAccess.READ, LinkAccess.WRITE]},
                "call": {"arn": FUNCTION, "kind": LinkKind.FUNCTION, "access": [LinkAccess.INVOKE]},
            },
            "secrets": {"api_key": "orders/api-key"},
            "parameters": {"limit": "/orders/limit"},
            "tags": TAGS,
        },
    )


def callback_workflow() -> None:
    CallbackWorkflow("it", {"call_function_arn": FUNCTION, "table_name": "orders", "table_arn": TABLE, "tags": TAGS})


def encryption_key() -> None:
    EncryptionKey("it", {"tags": TAGS})


def event_api() -> None:
    EventApi(
        "it",
        {
            "routes": {
                "GET /orders/{order_id}": {
                    "function": {"function_name": "get", "invoke_arn": f"{FUNCTION}/invocations"}
                },
                "POST /orders": {
                    "workflow": {
                        "state_machine_arn": MACHINE,
                        "table_name": "orders",
                        "table_arn": TABLE,
                        "location": "/orders/{id}",
                    }
                },
                "POST /readings": {"queue": {"queue_url": "https://sqs/readings", "queue_arn": QUEUE}},
                "POST /events": {
                    "event_bus": {
                        "event_bus_name": "orders",
                        "event_bus_arn": "arn:aws:events:eu-central-1:123456789012:event-bus/orders",
                        "source": "orders",
                        "detail_type": "Order sent",
                    }
                },
            },
            "tags": TAGS,
        },
    )


def batched_firehose_sink() -> None:
    BatchedFirehoseSink(
        "it",
        {
            "table_stream_source": {"stream_arn": f"{TABLE}/stream/x", "key": "order_id", "attributes": ["status"]},
            "tags": TAGS,
        },
    )


def per_object_query() -> None:
    PerObjectQuery("it", {**QUERY, "tags": TAGS})


def scheduled_load() -> None:
    ScheduledLoad(
        "it",
        {**LOAD, "dataset": "orders", "curated_bucket_name": "curated", "curated_prefix": "curated/", "tags": TAGS},
    )


def spice_refresh() -> None:
    SpiceRefresh(
        "it",
        {
            "statement_prefix": "load-",
            "data_set_ids": ["existing"],
            "data_sets": {
                "orders": {"schema_name": "analytics", "table_name": "orders", "columns": {"order_id": "STRING"}}
            },
            "data_source": {"host": "wg.example", "database_name": "analytics", "secret_arn": "arn:secret"},
            "owner_arns": [USER],
            "tags": TAGS,
        },
    )


def reconciler() -> None:
    Reconciler(
        "it",
        {
            "ledger_table_name": "ledger",
            "ledger_table_arn": LEDGER,
            "loads": {"job_name": "load", "job_arn": "arn:aws:glue:eu-central-1:123456789012:job/load"},
            "ingestions": {"data_set_ids": ["orders"]},
            "tags": TAGS,
        },
    )


def analytics_chain() -> None:
    AnalyticsChain(
        "it",
        {
            "query": QUERY,
            "redshift": LOAD,
            "quicksight": {"data_sets": {"orders": {}}, "owner_arns": [USER]},
            "tags": TAGS,
        },
    )


def payload_store() -> None:
    PayloadStore("it", {"tags": TAGS})


def alarm_topic() -> None:
    AlarmTopic("it", {"email_addresses": ["on-call@example.com"], "tags": TAGS})


def observability() -> None:
    Observability(
        "it",
        {
            "observed": [{"tables": ["orders"], "log_groups": ["/aws/lambda/worker"]}],
            "functions": {"worker": "worker"},
            "state_machines": {"machine": MACHINE},
            "delivery_streams": {"clicks": "clicks"},
            "pipes": {"changes": "changes"},
            "dead_letter_queues": {"dlq": "dlq"},
            "tags": TAGS,
        },
    )


def consumer_cache() -> None:
    ConsumerCache(
        "it",
        {
            "scheduled": {
                "source_url": "https://example.com/suppliers",
                "key": "id",
                "schedule_expression": "rate(1 hour)",
            },
            "tags": TAGS,
        },
    )


def table_outbox() -> None:
    TableOutbox(
        "it",
        {
            "table_stream_source": {"stream_arn": f"{TABLE}/stream/x", "key": "order_id", "attributes": ["event_id"]},
            "queue_arn": "arn:aws:sqs:eu-central-1:123456789012:notifications",
            "tags": TAGS,
        },
    )


def event_bus() -> None:
    EventBus("it", {"sender_account_ids": ["210987654321"], "organization_id": "o-a1b2c3d4e5", "tags": TAGS})


def fan_out() -> None:
    FanOut("it", {"queues": {"billing": {"filter_policy": {"kind": ["placed"]}}, "audit": {}}, "tags": TAGS})


CASES: dict[str, Callable[[], None]] = {
    "IdempotentLambda": idempotent_lambda,
    "CallbackWorkflow": callback_workflow,
    "EventApi": event_api,
    "BatchedFirehoseSink": batched_firehose_sink,
    "PerObjectQuery": per_object_query,
    "ScheduledLoad": scheduled_load,
    "SpiceRefresh": spice_refresh,
    "Reconciler": reconciler,
    "AnalyticsChain": analytics_chain,
    "PayloadStore": payload_store,
    "ConsumerCache": consumer_cache,
    "EncryptionKey": encryption_key,
    "EventBus": event_bus,
    "FanOut": fan_out,
    "TableOutbox": table_outbox,
    "AlarmTopic": alarm_topic,
    "Observability": observability,
}


@cache
def recorded(name: str) -> Recording:
    """What a component's program makes, for tests that read it; it is run once, and is not to be changed."""
    return record(CASES[name])
