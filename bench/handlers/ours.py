"""The handler on this library's runtime."""

from collections.abc import Callable
from typing import Any, TextIO

from aws_lambda_powertools.utilities.idempotency import IdempotencyConfig
from eda_runtime.idempotency import FencedDynamoDBPersistenceLayer, idempotent
from eda_runtime.logger import logger


def handler(client: Any, table: str, log: TextIO) -> Callable[[Any, Any], Any]:
    """The handler, with its records in a table of a client's and its lines in a log."""
    logger.registered_handler.stream = log
    config = IdempotencyConfig(
        event_key_jmespath="id", payload_validation_jmespath="order", hash_function="sha256", expires_after_seconds=3600
    )

    def handle(event: dict[str, Any], _: Any) -> dict[str, Any]:
        logger.info("handled", order=event["id"])
        return {"order_id": event["id"], "status": "ACCEPTED"}

    store = FencedDynamoDBPersistenceLayer(table_name=table, boto3_client=client)
    once = idempotent(handle, persistence_store=store, config=config, key_prefix="ours")

    @logger.inject_lambda_context
    def handler(event: dict[str, Any], context: Any) -> Any:
        logger.set_correlation_id(event["correlation_id"])
        return once(event, context)

    return handler
