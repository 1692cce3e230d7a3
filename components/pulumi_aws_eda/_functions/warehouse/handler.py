"""Brings the warehouse's schema, tables, user and grants to what the stack wants, and runs its migrations once each.

In: ``{"schema", "table", "columns": [[name, Redshift type], …], "user", "migrations": [SQL, …], "reader":
{"user", "secret_arn"} or none}``.
Out: ``{"done": [SQL, …]}``, what was missing and is there now. Raises ``WarehouseError``; it may be called again.
"""

from typing import Any

import boto3
from eda_runtime import settings
from eda_runtime.logger import logger
from eda_runtime.warehouse import Reader, Wanted, Warehouse

_redshift_data = boto3.client("redshift-data")
_secretsmanager = boto3.client("secretsmanager")
_workgroup = settings.text("WORKGROUP")
_database = settings.text("DATABASE")
_secret_arn = settings.text("SECRET_ARN")


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Bring the warehouse to what the event says."""
    logger.set_correlation_id(context.aws_request_id)
    wanted = Wanted(
        schema=event["schema"],
        table=event["table"],
        columns=tuple((name, kind) for name, kind in event["columns"]),
        user=event["user"],
        migrations=tuple(event["migrations"]),
        reader=Reader(**event["reader"]) if event.get("reader") else None,
    )
    warehouse = Warehouse(
        _redshift_data,
        _workgroup,
        _database,
        _secret_arn,
        lambda: context.get_remaining_time_in_millis() / 1000,
        _secretsmanager,
    )
    done = warehouse.bring_to(wanted)
    logger.info("the warehouse is as the stack wants it", statements=len(done))
    return {"done": done}
