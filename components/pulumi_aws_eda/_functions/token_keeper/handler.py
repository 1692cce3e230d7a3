"""Stores the task token a workflow waits with, and resumes it at once when the data is there already.

In: ``{"id": …, "task_token": …, "envelope": {…}}``. Out: ``{}``.

Environment:
    CALLBACK_TABLE: where tokens are kept.
    KEEP_SECONDS: how long one is kept, longer than the workflow waits; default 30 days.
"""

from typing import Any

import boto3
from eda_runtime import settings
from eda_runtime.callbacks import KEEP_SECONDS, CallbackStore
from eda_runtime.logger import logger

_store = CallbackStore(
    boto3.client("dynamodb"),
    boto3.client("stepfunctions"),
    settings.text("CALLBACK_TABLE"),
    settings.integer("KEEP_SECONDS", KEEP_SECONDS, minimum=1),
)


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Store the token."""
    _store.keep_token(event["id"], event["task_token"])
    logger.info("token stored", order_id=event["id"])
    return {}
