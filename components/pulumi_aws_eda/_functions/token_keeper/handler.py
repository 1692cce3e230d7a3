"""Stores the task token a workflow waits with, and resumes it at once when the data is there already.

In: ``{"id": …, "task_token": …, "envelope": {…}}``. Out: ``{}``.
"""

from typing import Any

import boto3
from eda_runtime import settings
from eda_runtime.callbacks import CallbackStore
from eda_runtime.logger import logger

_store = CallbackStore(boto3.client("dynamodb"), boto3.client("stepfunctions"), settings.text("CALLBACK_TABLE"))


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Store the token."""
    _store.keep_token(event["id"], event["task_token"])
    logger.info("token stored", order_id=event["id"])
    return {}
