"""A stack with every kind of thing that holds data, which its config changes: what the engine's tests deploy."""

import json
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi_aws_eda import (
    AnalyticsChain,
    BatchedFirehoseSink,
    CallbackWorkflow,
    ConsumerCache,
    EncryptionKey,
    EventApi,
    EventBus,
    IdempotencyToken,
    IdempotentLambda,
    PayloadStore,
    archives,
    defaults,
)

CONFIG: dict[str, Any] = {
    "renamed": False,
    "memory": 128,
    "tag": "first",
    "routes": ["GET /things/{id}"],
    "wait": 3600,
    "columns": ["status"],
    "protected": False,
}
"""What the program is given first; the code of its functions lies in ``code`` beside the project."""


def program() -> None:
    """Make the stack that ``stays:config`` asks for."""
    given = {**CONFIG, **json.loads(pulumi.Config().get("config") or "{}")}
    defaults(tags={"team": given["tag"]}, deletion_protection=given["protected"])

    def named(name: str) -> dict[str, Any]:
        """Name and options of a component; with ``renamed`` another name, and the alias of the one before."""
        if not given["renamed"]:
            return {"name": name}
        return {"name": f"new-{name}", "opts": pulumi.ResourceOptions(aliases=[pulumi.Alias(name=name)])}

    rows = aws.dynamodb.Table(
        "rows",
        billing_mode="PAY_PER_REQUEST",
        hash_key="id",
        attributes=[{"name": "id", "type": "S"}],
        stream_enabled=True,
        stream_view_type="NEW_AND_OLD_IMAGES",
        opts=pulumi.ResourceOptions(protect=given["protected"]),
    )
    key = EncryptionKey(args={}, **named("key"))
    EventBus(args={}, **named("bus"))
    store = PayloadStore(args={"kms_key_arn": key.arn}, **named("payloads"))
    worker = IdempotentLambda(
        args={
            "code": archives.directory_archive(Path("code")),
            "memory_size": given["memory"],
            "queue_source": {},
            "asynchronous": True,
            "idempotency": {"token": IdempotencyToken.EVENT, "key_jmespath": "body"},
            "payload_store": store.for_function(),
        },
        **named("worker"),
    )
    reader = IdempotentLambda(args={"code": archives.directory_archive(Path("code"))}, **named("reader"))
    workflow = CallbackWorkflow(
        args={
            "call_function_arn": worker.function_arn,
            "table_name": rows.name,
            "table_arn": rows.arn,
            "key": "id",
            "wait_timeout": given["wait"],
        },
        **named("flow"),
    )
    api = EventApi(
        args={
            "routes": {
                route: {"function": {"function_name": reader.function_name, "invoke_arn": reader.invoke_arn}}
                for route in given["routes"]
            }
        },
        **named("api"),
    )
    cache = ConsumerCache(
        args={
            "scheduled": {
                "source_url": "https://example.com/things",
                "key": "id",
                "schedule_expression": "rate(1 day)",
            }
        },
        **named("cache"),
    )
    records = BatchedFirehoseSink(
        args={"kinesis_source": {"table_name": rows.name}, "prefix": "records/"}, **named("records")
    )
    sink = BatchedFirehoseSink(
        args={
            "table_stream_source": {
                "stream_arn": rows.stream_arn,
                "key": "id",
                "attributes": given["columns"],
                "version_attribute": "version",
            },
            "prefix": "raw/",
        },
        **named("raw"),
    )
    chain = AnalyticsChain(
        args={
            "query": {
                "bucket_name": sink.bucket_name,
                "prefix": "raw/",
                "database_name": sink.database_name,
                "table_name": sink.table_name,
                "query": f"SELECT id, TRY_CAST(version AS bigint) version, {', '.join(given['columns'])} FROM {{rows}}",
                "columns": {"id": "string", "version": "bigint", **dict.fromkeys(given["columns"], "string")},
            },
            "redshift": {
                "columns": {"id": "VARCHAR(64)", "version": "BIGINT", **dict.fromkeys(given["columns"], "VARCHAR(64)")},
                "key": "id",
                "version_column": "version",
                "reader": True,
                "namespace": {
                    "subnet_ids": [f"subnet-{number:017}" for number in (1, 2, 3)],
                    "security_group_ids": ["sg-00000000000000001"],
                },
            },
        },
        **named("lake"),
    )
    pulumi.export("rows", rows.name)
    pulumi.export("payloads", store.bucket_name)
    pulumi.export("queue", worker.queue_url)
    pulumi.export("function", worker.function_name)
    pulumi.export("machine", workflow.state_machine_arn)
    pulumi.export("callbacks", workflow.callback_table_name)
    pulumi.export("api", api.url)
    pulumi.export("cache", cache.table_name)
    pulumi.export("stream", records.kinesis_stream_name)
    pulumi.export("raw", sink.bucket_name)
    pulumi.export("curated", chain.curated_bucket_name)
    pulumi.export("catalog", [sink.database_name, sink.table_name])
    pulumi.export("secret", chain.reader_secret_arn)
