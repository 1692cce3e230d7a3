"""The handler on Powertools for AWS Lambda alone: the baseline."""

import time
from collections.abc import Callable
from typing import Any, TextIO

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig, idempotent
from aws_lambda_powertools.utilities.idempotency.persistence.datarecord import DataRecord


def handler(client: Any, table: str, log: TextIO) -> Callable[[Any, Any], Any]:
    """The handler, with its records in a table of a client's and its lines in a log."""
    logger = Logger(service="bench-powertools", stream=log)

    def repeated(response: Any, record: DataRecord) -> Any:
        metric = {
            "Namespace": "EventDriven",
            "Dimensions": [["FunctionName", "service"]],
            "Metrics": [{"Name": "DuplicatesSuppressed", "Unit": "Count"}],
        }
        about = {"Timestamp": round(time.time() * 1000), "CloudWatchMetrics": [metric]}
        logger.info(
            "repeat",
            idempotency_key=record.idempotency_key,
            suppressed="call",
            _aws=about,
            FunctionName="bench",
            DuplicatesSuppressed=[1.0],
        )
        return response

    config = IdempotencyConfig(
        event_key_jmespath="id",
        payload_validation_jmespath="order",
        hash_function="sha256",
        expires_after_seconds=3600,
        response_hook=repeated,  # type: ignore[arg-type]  # its protocol names the arguments otherwise
    )
    store = DynamoDBPersistenceLayer(table_name=table, boto3_client=client)

    @logger.inject_lambda_context(correlation_id_path="correlation_id")
    @idempotent(persistence_store=store, config=config, key_prefix="powertools")
    def handle(event: dict[str, Any], _: Any) -> dict[str, Any]:
        logger.info("handled", order=event["id"])
        return {"order_id": event["id"], "status": "ACCEPTED"}

    return handle
